"""What the two ways to end an answer come to, over the cases of a file and over each kind and language of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from fim_cases import Case
from fim_measure import interval, paired
from infilling_record import Recording
from infilling_replay import Answer, Shown

_SHOWN_LINES = 8


@dataclass(frozen=True)
class Result:
    """One case: its recording, its answers, and whether they are right. `ours`: as asked for by hand; `typed`: the same
    or silence, as somebody sees it who only types."""

    case: Case
    recording: Recording
    raw: Answer
    ours: Shown
    typed: Shown
    raw_right: bool
    ours_right: bool

    @property
    def typed_shown(self) -> bool:
        """Whether anything is shown to somebody who only types."""
        return not self.typed.skip

    @property
    def typed_right(self) -> bool:
        """Whether that is right. What is shown is what is shown by hand: only silence comes on top."""
        return self.typed_shown and self.ours_right and self.typed.program == self.ours.program


def groups(results: Sequence[Result]) -> dict[str, list[Result]]:
    """The results of a file by group: all, those of each kind, those of each language."""
    found: dict[str, list[Result]] = {"all": list(results)}
    for result in sorted(results, key=lambda each: (each.case.kind, each.case.language)):
        found.setdefault(f"kind {result.case.kind or '-'}", []).append(result)
        found.setdefault(f"lang {result.case.language}", []).append(result)
    return found


def figures(results: Sequence[Result]) -> dict[str, Any]:
    """Shares and their 95 % intervals in percent, the difference in points, tokens as counts."""
    better, worse, chance = paired(
        {result.case.id: result.ours_right for result in results},
        {result.case.id: result.raw_right for result in results},
    )
    raw, ours = (
        _share([result.raw_right for result in results]),
        _share([result.ours_right for result in results]),
    )
    silent = Counter(result.ours.skip for result in results if result.ours.skip)
    return {
        "n": len(results),
        "raw": raw,
        "ours": ours,
        "typed": _share([result.typed_right for result in results]),
        "typed_shown": _share([result.typed_shown for result in results]),
        "typed_precise": _share([result.typed_right for result in results if result.typed_shown]),
        "difference": round(ours["percent"] - raw["percent"], 1),
        "better": better,
        "worse": worse,
        "p": chance,
        "silent": dict(silent.most_common()),
        "silent_typed": dict(Counter(result.typed.skip for result in results if result.typed.skip).most_common()),
        "tokens_raw": sum(result.raw.tokens for result in results),
        "tokens_ours": sum(result.ours.tokens for result in results),
        "stopped": _share([result.ours.stopped for result in results]),
        "left": sum(result.recording.finish is None for result in results),
        "too_short": sum(result.ours.too_short for result in results),
        "other_prompt": sum(not result.ours.same_prompt for result in results),
    }


def _share(values: Sequence[bool]) -> dict[str, Any]:
    share = sum(values) / len(values) if values else 0.0
    low, high = interval(share, len(values))
    return {"count": sum(values), "percent": round(100 * share, 1), "low": round(100 * low), "high": round(100 * high)}


def table(name: str, by_group: dict[str, dict[str, Any]]) -> str:
    """The figures of a file for people."""
    heads = f"{'raw %':16}{'by hand %':16}{'points':>7}{'better':>8}{'worse':>7}{'p':>7}"
    lines = [name, f"  {'':18}{'n':>5}  {heads}  {'as typed %':16}{'shown %':>8}{'of shown %':>11}"]
    for group, each in by_group.items():
        raw, ours, typed = (
            f"{way['percent']:5.1f} ({way['low']}-{way['high']})" for way in (each["raw"], each["ours"], each["typed"])
        )
        lines.append(
            f"  {group:18}{each['n']:5}  {raw:16}{ours:16}{each['difference']:+7.1f}"
            f"{each['better']:8}{each['worse']:7}{each['p']:7.3f}"
            f"  {typed:16}{each['typed_shown']['percent']:8.1f}{each['typed_precise']['percent']:11.1f}"
        )
    whole = by_group["all"]
    lines.append(f"  by hand {_silent(whole['silent'])}; as typed {_silent(whole['silent_typed'])}")
    at_least = "at least " if whole["left"] else ""
    lines.append(
        f"  tokens: {at_least}{whole['tokens_raw']:,} generated for raw, {whole['tokens_ours']:,} needed by ours, "
        f"which stopped before the end in {whole['stopped']['percent']:.0f} % of the cases"
    )
    if whole["other_prompt"]:
        lines.append(f"  {whole['other_prompt']} recordings answer another prompt than the one that is asked now")
    if whole["too_short"]:
        lines.append(f"  {whole['too_short']} recordings are too short for the rules of now: record these cases anew")
    return "\n".join(lines)


def _silent(counts: dict[str, int]) -> str:
    reasons = ", ".join(f"{reason} {count}" for reason, count in counts.items())
    return f"silent {sum(counts.values())} times" + (f" ({reasons})" if reasons else "")


def worse_cases(results: Iterable[Result], most: int) -> str:
    """Up to `most` cases that raw gets right and ours does not, with what stands around the cursor."""
    worse = [result for result in results if result.raw_right and not result.ours_right]
    return "\n".join(_shown(result) for result in worse[:most])


def _shown(result: Result) -> str:
    case, ours = result.case, result.ours
    parts = [
        ("before", _tail(case.prefix)),
        ("raw", result.raw.inserted),
        ("ours" + (f", silent: {ours.skip}" if ours.skip else ""), ours.inserted),
        ("after", _head(case.suffix)),
    ]
    body = "\n".join(f"[{name}]\n{text}" for name, text in parts)
    return f"{'=' * 20} {case.id}\n{body}"


def _tail(text: str) -> str:
    return "".join(text.splitlines(keepends=True)[-_SHOWN_LINES:])


def _head(text: str) -> str:
    return "".join(text.splitlines(keepends=True)[:_SHOWN_LINES])
