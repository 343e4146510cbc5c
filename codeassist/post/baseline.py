"""The findings that a team knows of and does not want to hear of again: the text of a committed file.

One format for the editor and the command line. Whoever opens the repository hides the same findings; nothing else can
be said in it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from codeassist.post.findings import Finding

BASELINE_FILE = ".codeassist-baseline.json"
"""Its name, in the root of a workspace or a repository."""
LARGEST_BASELINE_BYTES = 8_000_000
"""A larger file is not read: some 30,000 findings."""

_VERSION = 1
_OF_BASELINE = frozenset({"version", "findings", "categories"})
_OF_FINDING = ("fingerprint", "path", "category", "message")
_MARKS_OF_MERGES = ("<<<<<<<", "=======", ">>>>>>>", "|||||||")


class BaselineError(ValueError):
    """A text that is no baseline. `line` (from 1) is where, `cause` what is wrong, as the end of a sentence."""

    def __init__(self, line: int, cause: str) -> None:
        super().__init__(f"line {line}: {cause}")
        self.line = line
        self.cause = cause


@dataclass(frozen=True, slots=True)
class KnownFinding:
    """One line of the file. `path` is relative to the folder of the file, with forward slashes. `category` and
    `message` are for people who read it; `more` holds what a later codeassist has written besides."""

    path: str
    fingerprint: str
    category: str = ""
    message: str = ""
    more: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def _place(self) -> tuple[str, str]:
        return self.path, self.fingerprint


@dataclass(frozen=True)
class Baseline:
    """What is known. `findings` are in order of their places, no two of one name in one file; `categories` are not
    shown anywhere, and are sorted as well. Make one with `parse_baseline`, or an empty one and `with_findings`."""

    findings: tuple[KnownFinding, ...] = ()
    categories: tuple[str, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def covers(self, path: str, finding: Finding) -> bool:
        """Whether a finding in the file of that path is known. It must have its fingerprint."""
        return finding.category in self.categories or (path, finding.fingerprint) in self._places

    def with_findings(self, found: Iterable[tuple[str, Finding]]) -> Baseline:
        """With further findings, each with the path of its file. One that is known already says what is new of it."""
        known = {entry._place: entry for entry in self.findings}
        for path, finding in found:
            entry = KnownFinding(path, finding.fingerprint, finding.category, finding.message)
            before = known.get(entry._place)
            known[entry._place] = entry if before is None else replace(entry, more=before.more)
        return replace(self, findings=_sorted(known.values()))

    def without(self, path: str, fingerprint: str) -> Baseline:
        """Without one finding."""
        return replace(self, findings=tuple(each for each in self.findings if each._place != (path, fingerprint)))

    def with_category(self, category: str) -> Baseline:
        """With a category that is not to be shown anywhere."""
        return replace(self, categories=tuple(sorted({*self.categories, category})))

    def pruned(self, reviewed: Collection[str], found: Iterable[tuple[str, Finding]]) -> Baseline:
        """Without what is there no more: of the files whose paths are in `reviewed` only what was `found` is left. Of
        other files nothing is known, so all of it stays."""
        looked_at = frozenset(reviewed)
        seen = {(path, finding.fingerprint) for path, finding in found}
        kept = tuple(each for each in self.findings if each.path not in looked_at or each._place in seen)
        return replace(self, findings=kept)

    @property
    def text(self) -> str:
        """The text of the file: one entry a line, so that changes are easy to read and to merge. ASCII only."""
        lines = [f'{{\n"version": {_VERSION},']
        lines += _block("findings", [_dumped(_as_json(entry)) for entry in self.findings])
        lines[-1] += ","
        lines += _block("categories", [_dumped(category) for category in self.categories])
        for name in sorted(self.more):
            lines[-1] += ","
            lines.append(f"{_dumped(name)}: {_dumped(self.more[name])}")
        return "\n".join([*lines, "}"]) + "\n"

    @cached_property
    def _places(self) -> frozenset[tuple[str, str]]:
        return frozenset(entry._place for entry in self.findings)


def parse_baseline(text: str) -> Baseline:
    """A baseline from the text of its file, in whatever order; raises BaselineError. What it does not know is kept."""
    document = _document(text)
    version = document.get("version")
    if version != _VERSION or isinstance(version, bool):
        raise BaselineError(_line_of(text, "version"), _why_not_read(version))
    findings: list[KnownFinding] = []
    for number, entry in enumerate(_listed(document, "findings", text)):
        if cause := _why_no_finding(entry):
            raise BaselineError(_line_of(text, "findings", number), cause)
        findings.append(_known(entry))
    categories: set[str] = set()
    for number, category in enumerate(_listed(document, "categories", text)):
        if not isinstance(category, str) or not category:
            raise BaselineError(_line_of(text, "categories", number), "a category is a word in quotes")
        categories.add(category)
    more = {name: value for name, value in document.items() if name not in _OF_BASELINE}
    once = {entry._place: entry for entry in findings}
    return Baseline(_sorted(once.values()), tuple(sorted(categories)), more)


def _document(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        line = text.split("\n")[error.lineno - 1]
        if line.startswith(_MARKS_OF_MERGES):
            raise BaselineError(error.lineno, "a merge was not finished here") from None
        raise BaselineError(error.lineno, f"not JSON: {error.msg}") from None
    except (ValueError, RecursionError):
        raise BaselineError(1, "not JSON that anybody would write: numbers too long or lists too deep") from None
    if not isinstance(document, dict):
        raise BaselineError(1, 'the whole must be an object: {"version": 1, "findings": [], "categories": []}')
    return document


def _why_not_read(version: object) -> str:
    if version is None:
        return f'"version" is missing; this codeassist reads and writes version {_VERSION}'
    if isinstance(version, int) and version > _VERSION:
        return f"version {version} was written by a later codeassist; this one reads version {_VERSION}, so update it"
    return f'"version" must be {_VERSION}'


def _listed(document: Mapping[str, Any], key: str, text: str) -> list[Any]:
    found = document.get(key, [])
    if not isinstance(found, list):
        raise BaselineError(_line_of(text, key), f'"{key}" must be a list')
    return found


def _why_no_finding(entry: object) -> str | None:
    if not isinstance(entry, dict):
        return "a finding is an object with a fingerprint and a path"
    for name in _OF_FINDING:
        needed = name in ("fingerprint", "path")
        value = entry.get(name)
        if (needed and not value) or not isinstance(value, str | None):
            return f'"{name}" of a finding must be a text'
    return None


def _known(entry: Mapping[str, Any]) -> KnownFinding:
    more = {name: value for name, value in entry.items() if name not in _OF_FINDING}
    return KnownFinding(
        entry["path"], entry["fingerprint"], entry.get("category") or "", entry.get("message") or "", more
    )


def _as_json(entry: KnownFinding) -> dict[str, Any]:
    own = {name: getattr(entry, name) for name in _OF_FINDING}
    return {**own, **dict(sorted(entry.more.items()))}


def _block(name: str, entries: list[str]) -> list[str]:
    if not entries:
        return [f'"{name}": []']
    return [f'"{name}": [', *(f"  {entry}," for entry in entries[:-1]), f"  {entries[-1]}", "]"]


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=True)


def _sorted(entries: Iterable[KnownFinding]) -> tuple[KnownFinding, ...]:
    return tuple(sorted(entries, key=lambda entry: entry._place))


def _line_of(text: str, key: str, number: int | None = None) -> int:
    """The line (from 1) of a value of the outermost object, or of an element of that list; the text is JSON."""
    decoder, at = json.JSONDecoder(), text.index("{") + 1
    found = 0
    while (at := _past(text, at, " \t\r\n,")) < len(text) and text[at] == '"':
        name, behind = decoder.raw_decode(text, at)
        value = _past(text, behind, " \t\r\n:")
        if name == key:
            found = _element(text, value, number) if number is not None else at  # The last of the same name counts.
        _, at = decoder.raw_decode(text, value)
    return text.count("\n", 0, found) + 1


def _element(text: str, at: int, number: int) -> int:
    """Where an element of the list at a place begins."""
    decoder, at = json.JSONDecoder(), at + 1
    for _ in range(number):
        _, at = decoder.raw_decode(text, _past(text, at, " \t\r\n,"))
    return _past(text, at, " \t\r\n,")


def _past(text: str, at: int, characters: str) -> int:
    while at < len(text) and text[at] in characters:
        at += 1
    return at
