"""Write the reference pages that are made from the code: `python docs/generate.py`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from codeassist.post.categories import CATEGORIES, SEVERITIES
from codeassist.post.drops import DROPS
from codeassist.post.skip import REASONS
from codeassist.serving.catalogue import Entry, Recipe, Weights, built_in
from codeassist.serving.vllm.levers import LEVERS, Lever
from codeassist.settings import USERS_OWN, WORKSPACE_MAY_SET, Rule, Settings, json_schema, rule_of

REFERENCE = Path(__file__).resolve().parent / "reference"


def pages() -> dict[str, str]:
    """File name to text of each generated page."""
    return {
        "levers.md": levers_page(),
        "settings.md": settings_page(),
        "settings.schema.json": json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n",
        "silence.md": silence_page(),
        "catalogue.md": catalogue_page(),
        "findings.md": findings_page(),
    }


def settings_page() -> str:
    rows = [f"| `{key}` | {default} | {description} |" for key, default, description in _settings(Settings, "")]
    sections = ", ".join(f"`{name}.*`" for name in WORKSPACE_MAY_SET)
    own = " and ".join(f"`{key}`" for key in USERS_OWN)
    return "\n".join(
        [
            "# Settings",
            "",
            "Made from `codeassist/settings/tree.py` by `docs/generate.py`.",
            "",
            "The same names hold everywhere; later layers win: built-in defaults, your `codeassist/config.toml` in the",
            "platform's configuration folder, the workspace's `.codeassist.toml`, environment variables",
            "(`CODEASSIST_COMPLETION__MAX_LINES=5`), your editor's settings (section `codeassist`).",
            f"A workspace may set {sections} only, and no `server` part: it can change how code is completed and",
            "reviewed, never where it is sent.",
            f"{own} are yours alone as well.",
            "What you have switched off yourself a workspace cannot switch on, but it may switch off more:",
            "",
            f"- Of {_under('switch')}, what you set to `false` stays `false`.",
            f"- To {_under('grows')} it can only add; where a pattern of it and one of yours disagree, yours holds.",
            f"- From {_under('shrinks')} it can only take away.",
            "",
            "| key | default | meaning |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def _under(rule: Rule) -> str:
    """The settings that a workspace may change in this way only."""
    sections = [(name, type(getattr(Settings(), name))) for name in WORKSPACE_MAY_SET]
    names = [(f"{section}.{name}", rule_of(kind, name)) for section, kind in sections for name in kind.model_fields]
    return _listed([f"`{key}`" for key, its in names if its == rule and key not in USERS_OWN])


def _listed(words: Sequence[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def silence_page() -> str:
    rows = [f"| `{reason}` | {sentence} |" for reason, sentence in REASONS.items()]
    drops = [f"| `{reason}` | {sentence} |" for reason, sentence in DROPS.items()]
    return "\n".join(
        [
            "# Reasons for silence",
            "",
            "Made from `codeassist/post/skip.py` and `codeassist/post/drops.py` by `docs/generate.py`.",
            "",
            "A request that shows nothing says why: in `codeassist/trace`, in `complete --json` under `skip`, and",
            "counted in `codeassist.showStatus`.",
            "",
            "| reason | meaning |",
            "|---|---|",
            *rows,
            "",
            "## What a review suspected and does not show",
            "",
            "`dropped` in the trace of a review counts it, by reason.",
            "",
            "| reason | meaning |",
            "|---|---|",
            *drops,
            "",
        ]
    )


def findings_page() -> str:
    lines = [
        "# Categories and severities of findings",
        "",
        "Made from `codeassist/post/categories.py` by `docs/generate.py`.",
        "",
        "The category is the diagnostic's code: findings are dismissed and filtered by it.",
        "The set is fixed, and a name never changes its meaning.",
        f"Severities are {', '.join(f'`{severity}`' for severity in SEVERITIES)}; the one named here is the worst that",
        "a finding of the category can have.",
        "A finding of the infill check that is not sure is `info` in every category.",
    ]
    for analyzer, title in (("infill", "Of the infill check"), ("words", "Of the review in words")):
        lines += ["", f"## {title}", "", "| category | severity | meaning |", "|---|---|---|"]
        lines += [
            f"| `{category.name}` | `{category.severity}` | {category.meaning} |"
            for category in CATEGORIES.values()
            if category.analyzer == analyzer
        ]
    return "\n".join([*lines, ""])


def catalogue_page() -> str:
    entries = built_in()
    return "\n".join(
        [
            "# The catalogue",
            "",
            "Made from `codeassist/serving/catalogue/` by `docs/generate.py`.",
            "",
            "The models that codeassist knows by name, each fact with its source.",
            "[models.md](../models.md) says how to read it and how to add your own.",
            "Parameters are in billions; of a model with experts only the active ones run for each token.",
            "Where the cache is friendly, any beginning that two prompts share is read once.",
            "Sizes are in GiB and without the cache.",
            "Model cards were read as public copies quote them.",
            "What is marked as to be confirmed is from memory or from a single secondary source.",
            "",
            "| name | total | active | experts | context | completes | thinks | reviews | friendly cache | licence |",
            "|---|---|---|---|---|---|---|---|---|---|",
            *map(_entry_row, entries),
            "",
            *(line for entry in entries for line in _entry_section(entry)),
        ]
    )


def _entry_row(entry: Entry) -> str:
    shape = entry.architecture
    experts = f"{shape.experts_per_token} of {shape.experts}" if shape and shape.experts else ""
    cells = (
        f"[`{entry.name}`](#{re.sub(r'[^a-z0-9-]', '', entry.name)})",
        f"{entry.total_parameters / 1e9:,.1f}",
        f"{entry.active_parameters / 1e9:,.1f}",
        experts,
        f"{entry.context_tokens:,}",
        {"fim": "in the middle", "chat": "by chat", "no": "edits only" if entry.next_edit else "no"}[entry.completes],
        {"never": "", "off": "can be off", "low": "at least a little", "always": "always"}[entry.thinking],
        "yes" if entry.can_review else "",
        "yes" if shape and shape.cache_friendly else "",
        entry.licence,
    )
    return f"| {' | '.join(cells)} |"


def _entry_section(entry: Entry) -> Iterator[str]:
    yield f"## {entry.name}"
    yield ""
    yield f"{entry.title}, by {entry.origin}. {entry.notes}"
    if entry.restrictions:
        yield f"**{entry.licence}.** {entry.restrictions}"
    yield ""
    if entry.weights:
        yield "| weights | GiB | capability | processor | repository | source |"
        yield "|---|---|---|---|---|---|"
        yield from map(_weights_row, entry.weights)
        yield ""
    for recipe in entry.recipes:
        yield f"- Recipe: {_layout(recipe)}. Source: {recipe.source}."
    if entry.serving:
        told = [*_options(entry.serving.flags), *(f"{k}={v}" for k, v in entry.serving.environment.items())]
        asks = "; **it runs code of its repository, which you must allow**" if entry.serving.trust_remote_code else ""
        yield f"- vLLM {entry.serving.least_vllm} or later{_told(told)}{asks}. Source: {entry.serving.source}."
        if entry.serving.speculation:
            yield f"- Speculation, where it is switched on: `{entry.serving.speculation}`."
    for group, source in entry.sources.items():
        yield f"- Source of {group}: {source}."
    yield ""


def _weights_row(weights: Weights) -> str:
    native = weights.native_capability
    capability = f"{weights.capability}, in hardware {native}" if native else f"{weights.capability}"
    processor = "yes" if weights.cpu else ""
    name = weights.quantisation.upper()
    return f"| {name} | {weights.gib:,.1f} | {capability} | {processor} | {weights.repository} | {weights.source} |"


def _layout(recipe: Recipe) -> str:
    nodes = f"{recipe.nodes} nodes of " if recipe.nodes > 1 else ""
    gpus = "one GPU" if recipe.gpus == 1 else f"{recipe.gpus} GPUs"
    sizes = {"tensor": recipe.tensor_parallel, "pipeline": recipe.pipeline_parallel, "data": recipe.data_parallel}
    split = [f"{kind} {size}" for kind, size in sizes.items() if size > 1]
    split += ["experts"] if recipe.expert_parallel else []
    parallel = f", parallel over {', '.join(split)}" if split else ""
    told = [*_options(recipe.flags), *(f"{name}={value}" for name, value in recipe.environment.items())]
    return f"{recipe.quantisation.upper()} on {nodes}{gpus} of {recipe.gpu_gib} GiB or more{parallel}{_told(told)}"


def _options(flags: Mapping[str, str | int | float | bool]) -> Iterator[str]:
    for name, value in flags.items():
        if isinstance(value, bool):
            yield f"--{name}" if value else f"--no-{name}"
        else:
            yield f"--{name} {value}"


def _told(words: list[str]) -> str:
    return f", with `{' '.join(words)}`" if words else ""


def levers_page() -> str:
    rows = [
        f"| `{one.name}` | {_sets(one)} | {one.default} | {one.allowed.said} | {one.reason} | {one.cost} |"
        for one in LEVERS
    ]
    return "\n".join(
        [
            "# Levers",
            "",
            "Made from `codeassist/serving/vllm/levers.py` by `docs/generate.py`.",
            "",
            "What `codeassist serve` sets of vLLM, and why.",
            "`--lever NAME=VALUE` sets one by hand; `--without NAME` leaves it to vLLM's own default.",
            "Flags that the catalogue's entry or its recipe asks for come before what is computed, and your own",
            "arguments after `--` before everything.",
            "",
            "| lever | sets | default | takes | reason | cost |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _sets(lever: Lever) -> str:
    since = f" (vLLM {lever.since})" if lever.since else ""
    return f"`--{lever.flag}`{since}" if lever.flag else f"`{lever.variable}`{since}"


def _settings(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str, str]]:
    for name, field in model.model_fields.items():
        key = f"{prefix}{name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _settings(field.annotation, f"{key}.")
        else:
            default = field.get_default(call_default_factory=True)
            yield key, _shown(default), (field.description or "").replace("|", "\\|")


def _shown(default: Any) -> str:
    if default is None or default == "" or default is PydanticUndefined:
        return ""
    return f"`{json.dumps(default)}`"


def main() -> None:
    REFERENCE.mkdir(exist_ok=True)
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
