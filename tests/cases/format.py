"""The `.case` format: one test as one text file, in the order of the walk. Pure.

A case begins with prose that says what it shows; the prose may end in a paragraph of `key: value` options. Then come
sections, each under a line `-- name --`. Names with `@` are the scripted model and the goldens, all others are files
of the project, named by a path with a dot or a slash in it. `<CURSOR>` marks the cursor, `<SEL>` and `</SEL>` a
selection. In a review case a comment line under the code marks an expected finding:

    if a > b:
    #    ^ warning wrong-operator      the carets stand under what is found
    return b
    #< info wrong-name                 all of the line above

`-- name escaped --` decodes backslash escapes as in JSON (`\\ud800`, `\\u0000`, `\\r`) in that section; a backslash at
the end of a line takes the line end away.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

SECTION = re.compile(r"^-- (\S+)( escaped)? --\n", re.MULTILINE)
CURSOR, SELECTION_START, SELECTION_END = "<CURSOR>", "<SEL>", "</SEL>"
GOLDENS = ("@context", "@prompt", "@answer", "@findings", "@fixed")
OPTIONS = ("family", "newline", "analyzer", "stream", "cancel", "repository")
"""Options by name; a setting such as `completion.max_lines` is one too."""

_NEWLINES = {"crlf": "\r\n", "cr": "\r"}
_SETTING = re.compile(r"(?:completion|review)\.[a-z_.]+")
_OPTION_LINE = re.compile(r"([a-z][a-z_.]*): +(\S.*)")
_EXPECTED = re.compile(r"(\s*)(?:#|//|--)(\s*)(?:(\^+)|<) (error|warning|info) ([\w-]+)")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|([\\nrt0\n]))")
_PLAIN_ESCAPES = {"\\": "\\", "n": "\n", "r": "\r", "t": "\t", "0": "\0", "\n": ""}


class CaseError(ValueError):
    """The case is not well formed; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A finding that a comment line asks for: 0-based line, 0-based columns in characters, end exclusive."""

    path: str
    line: int
    start: int
    end: int
    severity: str
    category: str


@dataclass(frozen=True, slots=True)
class Case:
    """A parsed case. `cursor` is a path and an offset in its file, `selection` a path and two; marks are taken out of
    `files`. `goldens` holds the bodies of the golden sections that the case has."""

    prose: str
    options: Mapping[str, str]
    files: Mapping[str, str]
    goldens: Mapping[str, str]
    model: str
    cursor: tuple[str, int] | None
    selection: tuple[str, int, int] | None
    expected: tuple[Expected, ...]

    @property
    def settings(self) -> dict[str, str]:
        """The options that are settings, by dotted name."""
        return {key: value for key, value in self.options.items() if key not in OPTIONS}


@dataclass(slots=True)
class _Parts:
    files: dict[str, str] = field(default_factory=dict)
    goldens: dict[str, str] = field(default_factory=dict)
    model: str = ""
    cursor: tuple[str, int] | None = None
    selection: tuple[str, int, int] | None = None
    expected: list[Expected] = field(default_factory=list)


def parse_case(text: str) -> Case:
    """The case that `text` holds. Raises CaseError."""
    head, *rest = SECTION.split(text)
    prose, options = _parse_head(head)
    parts = _Parts()
    seen: set[str] = set()
    for name, escaped, body in zip(rest[0::3], rest[1::3], rest[2::3], strict=True):
        if name in seen:
            raise CaseError(f"the section {name!r} is there twice")
        seen.add(name)
        _take_section(parts, name, _unescaped(body) if escaped else body, options)
    return Case(
        prose, options, parts.files, parts.goldens, parts.model, parts.cursor, parts.selection, tuple(parts.expected)
    )


def update_goldens(text: str, actual: Mapping[str, str]) -> str:
    """`text` with the bodies of its golden sections replaced by those in `actual`; all else stays as it is.

    Raises CaseError for a body that the format cannot hold.
    """
    head, *rest = SECTION.split(text)
    out = [head]
    for name, escaped, body in zip(rest[0::3], rest[1::3], rest[2::3], strict=True):
        new = actual.get(name, body) if name in GOLDENS else body
        if new != body and SECTION.search(new):
            raise CaseError(f"the new {name} holds a line that begins a section")
        out.append(f"-- {name}{escaped or ''} --\n{new}")
    return "".join(out)


def _parse_head(head: str) -> tuple[str, dict[str, str]]:
    paragraphs = [part for part in re.split(r"\n\s*\n", head.strip()) if part.strip()]
    options: dict[str, str] = {}
    if paragraphs:
        lines = paragraphs[-1].splitlines()
        matches = [_OPTION_LINE.fullmatch(line.strip()) for line in lines]
        if all(matches):
            paragraphs.pop()
            for match in matches:
                assert match is not None
                if match[1] not in OPTIONS and not _SETTING.fullmatch(match[1]):
                    raise CaseError(f"there is no option {match[1]!r}")
                options[match[1]] = match[2]
    if not paragraphs:
        raise CaseError("a case begins with a sentence that says what it shows")
    return "\n\n".join(paragraphs), options


def _take_section(parts: _Parts, name: str, body: str, options: Mapping[str, str]) -> None:
    if name == "@model":
        parts.model = body
    elif name in GOLDENS:
        parts.goldens[name] = body
    elif name.startswith("@") or not re.search(r"[./]", name):
        raise CaseError(f"there is no section {name!r}")
    else:
        text = _take_marks(parts, name, body)
        if options.get("newline") in _NEWLINES:
            text = _with_newlines(parts, name, text, _NEWLINES[options["newline"]])
        parts.files[name] = text


def _take_marks(parts: _Parts, path: str, body: str) -> str:
    """The file without its marks: lines of expected findings first, so that offsets count in what is left."""
    lines: list[str] = []
    for line in re.findall(r"[^\n]*\n|[^\n]+", body):
        match = _EXPECTED.fullmatch(line.rstrip("\n"))
        if match is None:
            lines.append(line)
            continue
        if not lines:
            raise CaseError(f"{path}: an expected finding stands under the line that it is in")
        above = lines[-1].rstrip("\n")
        start, end = match.span(3) if match[3] else (len(above) - len(above.lstrip()), len(above))
        parts.expected.append(Expected(path, len(lines) - 1, start, end, match[4], match[5]))
    text = "".join(lines)
    if text.count(CURSOR) > 1 or (CURSOR in text and parts.cursor):
        raise CaseError("a case has one cursor")
    if CURSOR in text:
        parts.cursor = (path, text.index(CURSOR))
        text = text.replace(CURSOR, "")
    if SELECTION_START in text or SELECTION_END in text:
        marks = (text.count(SELECTION_START), text.count(SELECTION_END))
        if marks != (1, 1) or parts.selection or text.index(SELECTION_START) > text.index(SELECTION_END):
            raise CaseError("a case has one selection, from <SEL> to </SEL>")
        start = text.index(SELECTION_START)
        text = text.replace(SELECTION_START, "")
        end = text.index(SELECTION_END)
        text = text.replace(SELECTION_END, "")
        parts.selection = (path, start, end)
    return text


def _with_newlines(parts: _Parts, path: str, text: str, newline: str) -> str:
    """Line ends of another system; a cursor stays between the same characters."""
    if parts.cursor and parts.cursor[0] == path:
        at = parts.cursor[1]
        parts.cursor = (path, at + text.count("\n", 0, at) * (len(newline) - 1))
    return text.replace("\n", newline)


def _unescaped(body: str) -> str:
    def decoded(match: re.Match[str]) -> str:
        return chr(int(match[1], 16)) if match[1] else _PLAIN_ESCAPES[match[2]]

    return _ESCAPE.sub(decoded, body)
