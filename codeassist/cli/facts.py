"""What `codeassist models` says of an entry of the catalogue: as a document, and as lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from codeassist.serving.catalogue import Entry
from codeassist.serving.store import presence
from codeassist.serving.vllm.fit import Fit, best_fit
from codeassist.serving.vllm.hardware import Hardware


def facts(entry: Entry, folder: Path, hardware: Hardware) -> dict[str, Any]:
    """Everything that is known of the model, ready for JSON. `folder`: where embedded models are installed."""
    file = entry.file
    parts = entry.model_dump(mode="json", exclude_none=True)
    architecture = entry.architecture
    return {
        "name": entry.name,
        "title": entry.title,
        "kind": entry.kind,
        "default": entry.default,
        "state": presence(folder, file) if file else "remote",
        "bytes": file.bytes if file else None,
        "path": str(folder / file.name) if file else None,
        "sha256": file.sha256 if file else None,
        "family": entry.family,
        "licence": entry.licence,
        "origin": entry.origin,
        "restrictions": entry.restrictions,
        "total_parameters": entry.total_parameters,
        "active_parameters": entry.active_parameters,
        "context_tokens": entry.context_tokens,
        "completes": entry.completes,
        "next_edit": entry.next_edit,
        "thinking": entry.thinking,
        "can_review": entry.can_review,
        "cache_friendly": architecture.cache_friendly if architecture else None,
        "cache_bytes_per_token": architecture.kv_bytes_per_token if architecture else None,
        "repository": entry.hub.repository if entry.hub else None,
        "served_names": parts["served_names"],
        "notes": entry.notes,
        "fit": fit(entry, hardware),
        "architecture": parts.get("architecture"),
        "weights": parts["weights"],
        "recipes": parts["recipes"],
        "serving": parts.get("serving"),
        "sources": parts["sources"],
    }


def fit(entry: Entry, hardware: Hardware) -> dict[str, Any] | None:
    """How vLLM could serve the model on one node of this hardware; None where the catalogue does not say how to.

    `gpus` is 0 for the processor. Where it does not fit, `why` says what is missing.
    """
    if not entry.servable:
        return None
    found = best_fit(entry, hardware)
    if not isinstance(found, Fit):
        return {"fits": False, "why": found.sentence}
    return {
        "fits": True,
        "quantisation": found.weights.quantisation,
        "gpus": found.gpus_per_node,
        "context_tokens": found.context_tokens,
        "why": "",
    }


def runs_here(found: dict[str, Any]) -> bool:
    """Whether the model runs on this machine at all: in the engine inside codeassist, or in vLLM."""
    return found["kind"] == "embedded" or bool(found["fit"] and found["fit"]["fits"])


def line(found: dict[str, Any]) -> str:
    """One line of a list."""
    size = f"{found['bytes'] / 1e6:,.0f} MB" if found["bytes"] else "served"
    mark = " (default)" if found["default"] else ""
    return f"{found['name']:<32} {found['state']:<10} {size:>9}  {_fit_words(found['fit']):<21}  {found['title']}{mark}"


def _fit_words(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    if not found["fits"]:
        return "does not fit"
    where = {0: "processor", 1: "1 GPU"}.get(found["gpus"], f"{found['gpus']} GPUs")
    return f"fits: {found['quantisation'].upper()}, {where}"


def lines(found: dict[str, Any], indent: str = "") -> Iterator[str]:
    """All facts that are known, `key: value` each; what belongs together is indented under its key."""
    for key, value in found.items():
        # Variables of the environment are written as they are.
        label = f"{indent}{key.replace('_', ' ') if key.islower() else key}:"
        if value in (None, "", [], {}):
            continue
        if isinstance(value, dict):
            yield label
            yield from lines(value, f"{indent}  ")
        elif isinstance(value, list) and isinstance(value[0], dict):
            for item in value:
                yield label
                yield from lines(item, f"{indent}  ")
        else:
            yield f"{label} {_shown(value)}"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)
