"""What the code at the cursor wants to know of its repository: names, the type before the dot, similar code.

A question must change rarely while somebody types, because what it finds stands at the head of the prompt: the word
that is being typed does not count, and similar code is searched for lines above a coarse grid line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from codeassist.context.cursor import CursorView
from codeassist.context.receiver import Receiver, receiver_at, types_in_header
from codeassist.syntax.tags import Import, tags_of
from codeassist.text.document import Document, Offset
from codeassist.text.lines import line_of

_NEAR_LINES, _CLOSE_LINES, _AFTER_LINES = 24, 4, 6
_LINE_WEIGHT, _CLOSE_WEIGHT, _SCOPE_WEIGHT, _NEAR_WEIGHT, _AFTER_WEIGHT = 3.0, 2.0, 1.5, 1.0, 0.7
_GRID_LINES = 8
_USES_CHARACTERS = 60_000
"""How far around the cursor uses of names are looked for: 5 ms in all."""
_CELL_LINES, _MOST_CELL_CHARACTERS = 64, 8_000
"""Names are remembered for so many lines at once; some megabytes at most for all cells that are kept."""
_MOST_NAMES = 96
_MOST_SIMILAR = 24
_WORD = re.compile(r"[^\W\d]\w*")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_LEAST_PART = 3
_FIRST_LINES, _LEAST_NAME = 4, 4
_FUNCTION = re.compile(r"\b(?:def|func|fn|function)\s+(?:\([^()\n]*\)\s*)?(\w+)\s*[(<\[]")
_COMMON_NAMES = frozenset(
    {"main", "init", "setup", "test", "close", "start", "stop", "__init__", "constructor", "render"}
)
"""Functions that everybody has; what mentions them calls others."""
_DEFINING = ("def", "class", "func", "fn", "function", "struct", "type", "interface", "enum", "trait", "module")
_DEFINES = re.compile(rf"\b(?:{'|'.join(_DEFINING)})\s+(\w+)")
"""The cursor's own file is searched by pattern: its tags would have to be made anew for each keystroke."""


@dataclass(frozen=True, slots=True)
class Question:
    """`path` is relative to the workspace folder. `imports`: those of the file as it is in the editor.

    `names`: identifiers around the cursor with their weights; `parts`: the words they are made of. `defined`: names
    that the file defines itself. `used`: names that the file uses. `unused`: imported names that it does not use yet;
    `fresh`: these in the order of the imports, the last one first.
    `similar`: identifiers of the lines above, for a search by words. `bases`: what the class around is derived from.
    `writing`: the function whose first lines are being written; who calls it shows what it is for.
    """

    path: str
    language: str
    imports: tuple[Import, ...] = ()
    names: Mapping[str, float] = field(default_factory=dict)
    parts: Mapping[str, float] = field(default_factory=dict)
    defined: frozenset[str] = frozenset()
    used: frozenset[str] = frozenset()
    unused: frozenset[str] = frozenset()
    fresh: tuple[str, ...] = ()
    receiver: Receiver | None = None
    similar: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    writing: str = ""


def question_at(view: CursorView, path: str) -> Question:
    """The question at the cursor of `view`, whose file has that `path` in the workspace folder."""
    document = view.document
    imports = _imports(document.language, "\n".join(document.slice(span) for span in view.imports))
    names = dict(sorted(_near(view), key=lambda pair: pair[1]))  # The heaviest mention of a name counts.
    heavy = sorted(names.items(), key=lambda pair: (-pair[1], pair[0]))[:_MOST_NAMES]
    used = _used(view)
    bound = list(dict.fromkeys(local for imported in imports for local in local_names(imported)))
    return Question(
        path=path,
        language=document.language,
        imports=imports,
        names=dict(heavy),
        parts=_parts(dict(heavy)),
        defined=_defined(view),
        used=used,
        unused=frozenset(bound) - used,
        fresh=tuple(name for name in reversed(bound) if name not in used),
        receiver=receiver_at(view),
        similar=tuple(_similar(view)),
        bases=_bases(view),
        writing=_writing(view),
    )


def question_about(view: CursorView, path: str, names: Mapping[str, float], function: str) -> Question:
    """The question about a whole function: what the names in it, with their weights, are defined as, and who calls it.

    `view`: at its beginning. Code that only looks alike is not asked for.
    """
    heavy = dict(sorted(names.items(), key=lambda pair: (-pair[1], pair[0]))[:_MOST_NAMES])
    telling = len(function) >= _LEAST_NAME and function not in _COMMON_NAMES
    asked = question_at(view, path)
    return replace(
        asked,
        names=heavy,
        parts={},
        unused=frozenset(),
        fresh=(),
        receiver=None,
        similar=(),
        bases=(),
        writing=function if telling else "",
    )


@lru_cache(maxsize=64)
def _imports(language: str, statements: str) -> tuple[Import, ...]:
    """Import statements by themselves are parsed in no time, whatever the size of the file that they stand in."""
    return tags_of(language, statements.encode("utf-8", "replace")).imports


def cell_start(view: CursorView) -> Offset:
    """Where the cell of the cursor's line begins in the prefix. What stands before it is the same from key to key, and
    worth remembering."""
    document = view.document
    line = line_of(document.starts, view.offset)
    return max(view.prefix_start, document.line_start(line - line % _CELL_LINES))


def local_names(imported: Import) -> Iterator[str]:
    """The names that an import binds in its file."""
    if imported.alias:
        yield imported.alias.partition(".")[0]  # `import a.b` binds `a`.
    for name, local in imported.names:
        if name != "*":
            yield local or name


@lru_cache(maxsize=32_768)
def parts_of(name: str) -> frozenset[str]:
    """The words of three letters and more that an identifier is made of, in lower case."""
    return frozenset(part.lower() for part in _PART.findall(name) if len(part) >= _LEAST_PART)


def _near(view: CursorView) -> Iterator[tuple[str, float]]:
    document, line = view.document, view.document.position_at(view.offset).line
    below = view.suffix[len(view.line_suffix) :].split("\n", _AFTER_LINES + 1)[: _AFTER_LINES + 1]
    above = document.text[document.line_start(line - _NEAR_LINES) : document.line_start(line - _CLOSE_LINES)]
    close = document.text[document.line_start(line - _CLOSE_LINES) : document.line_start(line)]
    finished = re.sub(r"\w+$", "", view.line_prefix)
    rest = re.sub(r"^\w+", "", view.line_suffix)
    scopes = " ".join(scope.signature for scope in view.scopes)
    for text, weight in (
        ("\n".join(below), _AFTER_WEIGHT),
        (above, _NEAR_WEIGHT),
        (scopes, _SCOPE_WEIGHT),
        (close, _CLOSE_WEIGHT),
        (f"{finished} {rest}", _LINE_WEIGHT),
    ):
        for name in _WORD.findall(text):
            yield name, weight


def _bases(view: CursorView) -> tuple[str, ...]:
    owner = next((scope for scope in reversed(view.scopes) if scope.kind == "class"), None)
    return types_in_header(owner)[1:] if owner else ()


def _writing(view: CursorView) -> str:
    """By its text: a function without a body is none yet for the parser."""
    document, line = view.document, view.document.position_at(view.offset).line
    above = document.text[document.line_start(line - _FIRST_LINES) : document.line_start(line)]
    found = _FUNCTION.findall(above)
    return found[-1] if found and len(found[-1]) >= _LEAST_NAME and found[-1] not in _COMMON_NAMES else ""


def _parts(names: Mapping[str, float]) -> dict[str, float]:
    parts: dict[str, float] = {}
    for name, weight in names.items():
        for part in parts_of(name):
            parts[part] = max(parts.get(part, 0.0), weight)
    return parts


def _defined(view: CursorView) -> frozenset[str]:
    """The names that the file defines around the cursor. What stands above the cursor's cell is remembered."""
    text, cut = view.document.text, cell_start(view)
    above = text[view.prefix_start : cut]
    if above.rstrip().endswith(_DEFINING):  # What it defines stands below the cut.
        above, cut = "", view.prefix_start
    return _defined_in(above).union(_DEFINES.findall(text, cut, view.offset), _DEFINES.findall(view.suffix))


@lru_cache(maxsize=32)
def _defined_in(text: str) -> frozenset[str]:
    return frozenset(_DEFINES.findall(text))


def _used(view: CursorView) -> frozenset[str]:
    """The names in the document's text around the cursor, import statements left out."""
    text, offset = view.document.text, view.offset
    first, last = max(0, offset - _USES_CHARACTERS // 2), min(len(text), offset + _USES_CHARACTERS // 2)
    word = re.search(r"\w+$", view.line_prefix)
    typed = offset - (len(word.group()) if word else 0)
    pieces, at = [], first
    for span in sorted(view.imports, key=lambda span: span.start):
        pieces.append((at, min(span.start, last)))
        at = max(at, span.end)
    pieces += [(at, typed), (max(at, offset), last)]
    return frozenset().union(*(names for start, end in pieces for names in _names_between(view.document, start, end)))


def _names_between(document: Document, start: int, end: int) -> Iterator[frozenset[str]]:
    """The names in the text from `start` up to `end`, cell by cell: all cells but the cursor's, and those at the ends,
    are what they were at the key before. Cells end with lines, which no name crosses."""
    while start < end:
        line = line_of(document.starts, start)
        until = min(end, document.line_start(line - line % _CELL_LINES + _CELL_LINES))
        whole = start == document.starts[line] and line % _CELL_LINES == 0 and until < end
        if whole and until - start <= _MOST_CELL_CHARACTERS:
            yield _cell_names(document.text[start:until])
        else:
            yield frozenset(_WORD.findall(document.text, start, until))
        start = until


@lru_cache(maxsize=512)
def _cell_names(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text))


def _similar(view: CursorView) -> list[str]:
    """Identifiers of the lines above the cursor's grid line, the last ones first."""
    document, line = view.document, view.document.position_at(view.offset).line
    last = line - line % _GRID_LINES or line
    above = document.text[document.line_start(last - _NEAR_LINES) : document.line_start(last)]
    found = dict.fromkeys(name for name in reversed(_WORD.findall(above)) if len(name) >= _LEAST_PART)
    return list(found)[: 2 * _MOST_SIMILAR]
