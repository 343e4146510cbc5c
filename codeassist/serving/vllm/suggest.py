"""Which models of the catalogue fit some hardware, which of them to take, and what to do where one does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from codeassist.serving.catalogue import Entry
from codeassist.serving.vllm.fit import QUICK_PARAMETERS_CPU, Fit, TooSmall, best_fit
from codeassist.serving.vllm.hardware import Hardware

QUICK_PARAMETERS = 6_000_000_000
"""Active parameters up to which a model answers while somebody types, on the hardware that it fits."""
NODE_COUNTS = (2, 4, 8)
CLUSTER_GPUS = 4
"""Machines with fewer GPUs are rarely joined: another model is proposed for them first."""


@dataclass(frozen=True, slots=True)
class Candidate:
    entry: Entry
    fit: Fit | TooSmall


def candidates(entries: Sequence[Entry], hardware: Hardware, seats: int = 8) -> list[Candidate]:
    """Each model that vLLM serves, in the catalogue's order, with how it fits."""
    return [Candidate(entry, best_fit(entry, hardware, seats=seats)) for entry in entries if entry.servable]


def suggestion(found: Sequence[Candidate]) -> Entry | None:
    """The one to begin with: fills in the middle, reviews, has a free licence, reuses prefixes, is quick, knows much.

    On a processor only quick ones count. None where nothing fits that completes.
    """
    fitting = [
        one.entry
        for one in found
        if isinstance(one.fit, Fit)
        and one.entry.completes != "no"
        and (one.fit.gpus_per_node > 0 or _quick_on_processor(one.entry))
    ]
    return max(fitting, key=_worth, default=None)


def _quick_on_processor(entry: Entry) -> bool:
    """MLA is left out: without AMX its cache is off, and every keystroke would read the whole prompt."""
    full = entry.architecture is not None and entry.architecture.attention == "full"
    return full and entry.active_parameters <= QUICK_PARAMETERS_CPU


def _worth(entry: Entry) -> tuple[bool, bool, bool, bool, bool, int]:
    return (
        entry.completes == "fim",
        entry.can_review,
        not entry.restrictions,
        bool(entry.architecture and entry.architecture.cache_friendly),
        entry.active_parameters <= QUICK_PARAMETERS,
        entry.total_parameters,
    )


def next_step(
    entry: Entry,
    hardware: Hardware,
    entries: Sequence[Entry],
    *,
    quantisation: str | None,
    context_tokens: int | None,
    seats: int,
    nodes: int,
    gpu_share: float | None = None,
) -> str:
    """What the user can do about a model that does not fit: as the end of a sentence."""
    chosen = [
        name
        for name, value in (
            ("--quantisation", quantisation),
            ("--max-model-len", context_tokens),
            ("--lever gpu-memory", gpu_share),
        )
        if value is not None
    ]
    if chosen:
        other = best_fit(entry, hardware, seats=seats, nodes=nodes)
        if isinstance(other, Fit):
            form = f"{other.weights.quantisation.upper()} weights and a context of {other.context_tokens:,} tokens"
            return f"{form} fit: leave {' and '.join(chosen)} out"
    if len(hardware.gpus) >= CLUSTER_GPUS and nodes == 1:
        for count in NODE_COUNTS:
            if isinstance(
                best_fit(entry, hardware, quantisation=quantisation, seats=seats, nodes=count, gpu_share=gpu_share), Fit
            ):
                return f"{count} such machines hold it: add --nodes {count} --print"
    other_entry = suggestion(candidates(entries, hardware, seats))
    if other_entry is not None and other_entry.name != entry.name:
        return f"{other_entry.name} fits: codeassist serve {other_entry.name}"
    return "no model of the catalogue that completes fits; the embedded engine needs no GPU: codeassist models pull"
