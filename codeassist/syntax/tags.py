"""What a file defines and what it imports, as plain values: the rows of an index.

From the bytes of the file and one walk of the grammar's query; no document is made, and only what is shown is
decoded, because an index reads millions of lines. Any bytes give tags: nothing here raises for what is in a
file.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from codeassist.syntax import doclines
from codeassist.syntax.definitions import Kind
from codeassist.syntax.grammars import grammar
from codeassist.syntax.imports import Import
from codeassist.syntax.languages import Language
from codeassist.syntax.matches import Found, matches
from codeassist.syntax.members import PLAIN_NAMES, own_name, receiver
from codeassist.syntax.signatures import (
    MAX_CHARACTERS,
    behind_decorators,
    signature,
    value_signature,
    without_initializers,
)

if TYPE_CHECKING:
    import tree_sitter

__all__ = ["NO_TAGS", "Import", "Tag", "Tags", "tags_of", "tags_of_tree"]


class Tag(NamedTuple):
    """One definition. Lines count from 0 and end at "\\n"; `end_line` and `signature_end` are exclusive.

    A tuple, because one is made in a quarter of the time of a frozen dataclass, and an index makes hundreds of
    thousands.
    """

    name: str
    kind: Kind
    parent: str
    """The names around it with dots between: "Outer.Inner"; "" at the top.

    A method that stands elsewhere than its type (Go, Rust, C++, extensions) has that type as its parent.
    """
    start_line: int
    """The first line, decorators and `export` included."""
    end_line: int
    name_line: int
    signature_end: int
    signature: str
    """One line of at most 400 characters, without decorators and body; a short value is shown whole."""
    doc: str
    """The first line of the docstring or of the comment above, at most 120 characters; "" without."""


@dataclass(frozen=True, slots=True)
class Tags:
    """All of one file."""

    definitions: tuple[Tag, ...]
    """In document order, outer before inner."""
    imports: tuple[Import, ...]
    """In document order, those inside functions too."""


NO_TAGS = Tags((), ())

_WITHOUT_TAGS = frozenset({"json", "yaml", "toml", "markdown"})
"""Their keys and headings would only hide definitions of the same name."""
_HOLDERS = frozenset({"class", "interface", "struct", "enum", "implementation"})
_CALLABLES = frozenset({"function", "method"})
_VALUES = frozenset({"constant", "variable", "field"})
_SHOWN_WHOLE = _VALUES | {"type", "macro"}
_DECORATED = frozenset({"java", "kotlin", "csharp", "php", "typescript", "tsx", "javascript", "swift", "scala"})
"""Languages whose definitions begin with their annotations."""
_SHAPES_USE = re.compile(
    rb"@(?:functools\.)?((?:cached_)?property|classmethod|staticmethod|[A-Za-z_]\w*\.(?:setter|deleter))\b"
)
"""Decorators that change how a function is called; they belong to its signature."""
_CPP_MACRO = re.compile(rb"\b((?:class|struct)\s+)([A-Z][A-Z0-9_]{2,})(?=\s+[A-Za-z_]\w*\s*(?:final\s*)?[:{])")
"""`class QT_EXPORT Name {`: the parser knows no macros and would lose the class."""
_ONE_LINER = re.compile(r"[\s;]*\bend$")
_MAX_DEPTH = 12
"""What is nested deeper was generated."""
_MAX_NAME_BYTES = 200
_MAX_INDENT = 400
"""A definition further to the right stands in minified code, where no comment is looked for."""
_CPP_IN_HEADER = re.compile(
    rb"^[ \t]*(?:class\s+\w|namespace\b|template\s*<|using\s+\w|(?:public|private|protected)\s*:)", re.MULTILINE
)


def tags_of(language: str, source: bytes) -> Tags:
    """The tags of a file's bytes; none if the language is unknown. ImportError if its grammar is not installed.

    A header that is called C but written in C++ is read as C++.
    """
    if language == "c" and _CPP_IN_HEADER.search(source):
        language = "cpp"
    found = grammar(language)
    if found is None or language in _WITHOUT_TAGS:
        return NO_TAGS
    from tree_sitter import Parser

    if language == "cpp":
        source = _CPP_MACRO.sub(lambda match: match[1] + b" " * len(match[2]), source)
    return tags_of_tree(language, Parser(found.handle).parse(source), source)


def tags_of_tree(language: str, tree: tree_sitter.Tree, source: bytes) -> Tags:
    """The tags of bytes that are parsed already."""
    found = grammar(language)
    if found is None or language in _WITHOUT_TAGS:
        return NO_TAGS
    definitions, imports, outer = matches(language, found.tags, tree.root_node, source)
    # `const fs = require("fs")` imports; to call it a definition as well would lead nowhere.
    bound = {(one.line, one.alias) for one in imports if one.alias}
    tags = _Tagger(found.language, source, outer).tags(definitions)
    return Tags(
        tuple(tag for tag in tags if tag.kind not in _VALUES or (tag.name_line, tag.name) not in bound),
        tuple(imports),
    )


class _Tagger:
    """Makes tags of the definitions of one file, in document order."""

    def __init__(self, row: Language, source: bytes, outer: dict[int, int]) -> None:
        language = row.name
        self._language = language
        self._source = source
        self._outer = outer
        self._is_decorated = language in _DECORATED
        self._is_python = language == "python"
        self._declares_locally = language in {"c", "cpp"}
        self._plain_names = language in PLAIN_NAMES
        self._comment = row.line_comment
        self._ends_with_word = row.blocks == "end"
        self._holders = _HOLDERS | {"module"} if language == "ruby" else _HOLDERS
        self._starts = _row_starts(source)
        self._around: list[_Around] = []

    def tags(self, definitions: list[Found]) -> list[Tag]:
        """The tags of definitions that are in document order; fields that a constructor repeats are left out."""
        tags: list[Tag] = []
        fields: set[tuple[str, str]] = set()
        for found in definitions:
            tag = self._tag(found)
            if tag is None:
                continue
            if tag.kind == "field":
                if found.promoted and (tag.parent, tag.name) in fields:
                    continue
                fields.add((tag.parent, tag.name))
            tags.append(tag)
        return tags

    def _tag(self, found: Found) -> Tag | None:
        source, starts, around = self._source, self._starts, self._around
        start, end = found.start, -found.minus_end
        while around and (around[-1].end <= start or (around[-1].start == start and around[-1].end == end)):
            around.pop()
        if len(around) >= _MAX_DEPTH or found.name_end - found.name_start > _MAX_NAME_BYTES:
            return None
        name, owner = source[found.name_start : found.name_end].decode("utf-8", "replace"), ""
        if not self._plain_names:
            name, owner = own_name(self._language, " ".join(name.split()), source, start, found.name_start)
        placed = self._parent(found)
        if not name or placed is None:
            return None
        parent, kind = placed
        if owner:
            parent = f"{parent}.{owner}" if parent else owner
            kind = "method" if kind == "function" else kind
        first = start
        while self._outer.get(first, first) < first:
            first = self._outer[first]
        row = bisect_right(starts, first) - 1
        next_row = starts[row + 1] if row + 1 < len(starts) else len(source) + 1
        alone = not around or around[-1].row != row
        text, text_end = self._signature(found, first)
        if kind == "method" and self._language == "go":
            parent = receiver(text) or parent
        elif kind == "macro" and text.count(" ") < 2 and text.startswith("#"):
            return None  # An include guard or a switch: it stands for nothing.
        around.append(_Around(row, start, end, f"{parent}.{name}" if parent else name, kind))
        while end > start + 1 and source[end - 1] in b"\r\n\t ":
            end -= 1
        doc, first_row = self._doc(found, row, end) if alone or self._is_python else ("", row)
        return Tag(
            name,
            kind,
            parent,
            first_row,
            row + 1 if end <= next_row else bisect_right(starts, end - 1),
            row if found.name_start < next_row else bisect_right(starts, found.name_start) - 1,
            row + 1 if text_end <= next_row else bisect_right(starts, text_end - 1),
            text,
            doc,
        )

    def _parent(self, found: Found) -> tuple[str, Kind] | None:
        """The dotted names around a definition, and its kind in that place; None if it is no definition there."""
        around, kind = self._around, found.kind
        if not around:
            return "", kind
        inner = around[-1]
        if self._language == "go" and inner.kind in _VALUES:
            return "", kind  # Of `var A, B = 1, 2` each is by itself.
        if kind == "field" and inner.kind in _CALLABLES:
            # The field of a type that is written out between parameters is none that anybody looks for.
            return (around[-2].names if len(around) > 1 else "", kind) if found.promoted else None
        if self._declares_locally and inner.kind in _CALLABLES and found.body < 0:
            return None  # `Lock lock(mutex);` in a function of C++ looks like a prototype.
        if kind == "function" and inner.kind in self._holders:
            return inner.names, "method"
        if kind in _HOLDERS and self._declares_locally:
            # `typedef struct A {…} B;` and `struct A {…} b;` define two things side by side.
            names = [one.names for one in around if one.kind in _HOLDERS or one.kind == "module"]
            return names[-1] if names else "", kind
        return inner.names, kind

    def _signature(self, found: Found, first: int) -> tuple[str, int]:
        """The signature and the byte where it ends. `first` is where decorators or `export` begin."""
        source, start, end, body = self._source, found.start, -found.minus_end, found.body
        if self._is_decorated:
            start = behind_decorators(source, first, found.name_start)
        elif not self._is_python:
            start = first
        if found.kind in _SHOWN_WHOLE and body < 0:
            if found.annotation:
                line = source[start:end].decode("utf-8", "replace")
                shown = " ".join(line.replace("=", f": {found.annotation} =", 1).replace(" :", ":", 1).split())
                return shown[:MAX_CHARACTERS].rstrip(), end
            return value_signature(source, start, end, self._comment)
        if body < 0 and self._ends_with_word:
            line_end = source.find(b"\n", found.name_end, end)
            end = line_end if line_end >= 0 else end
        if self._language == "rust" and source[body : body + 1] == b"(":
            body = -1  # `struct Meters(f64);`: its fields are all that it is.
        if start < body < found.name_start:  # `typedef struct {…} Point;`
            shown, _ = signature(source, start, body, self._comment)
            name = source[found.name_start : found.name_end].decode("utf-8", "replace")
            return f"{shown} {{ … }} {name}"[:MAX_CHARACTERS], end
        if self._language == "html":
            return value_signature(source, start, source.find(b">", found.name_end, end) + 1 or end, "")
        text, text_end = signature(source, start, body if body > start else end, self._comment)
        if self._ends_with_word:
            text = _ONE_LINER.sub("", text).rstrip(" ;")
        if self._is_python and first < start and (use := _SHAPES_USE.search(source, first, start)):
            text = f"@{use[1].decode()} {text}"
        return (without_initializers(text) if self._language == "cpp" else text), text_end

    def _doc(self, found: Found, row: int, end: int) -> tuple[str, int]:
        """What the doc says first, and the first row of the definition: attributes above it belong to it."""
        source, starts, doc = self._source, self._starts, ""
        value = found.kind in _VALUES
        if self._is_python:
            doc = doclines.docstring_below(source, end) if value else doclines.docstring(source, found.body)
        if doc or found.start - starts[row] > _MAX_INDENT:
            return doc, row
        doc, row = doclines.above(source, starts, row, self._language, self._comment)
        if not doc and value:
            doc = doclines.behind(source, end, self._comment)
        return doc, row


def _row_starts(source: bytes) -> list[int]:
    """The byte at which each row begins, as the parser counts rows."""
    if b"\r" in source:
        return [0, *(end.end() for end in re.finditer(b"\n", source))]
    starts = list(accumulate(map(len, source.splitlines(keepends=True)), initial=0))
    if not source.endswith(b"\n") and source:
        starts.pop()
    return starts


class _Around(NamedTuple):
    """A definition around the place that is looked at."""

    row: int
    start: int
    end: int
    names: str
    kind: Kind
