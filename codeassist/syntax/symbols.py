"""A symbol: one thing that a document defines, as a plain value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from codeassist.syntax.definitions import Definition, Kind
from codeassist.syntax.tree import Syntax
from codeassist.text.document import Span

_HOLD_METHODS = frozenset({"class", "interface", "struct", "enum", "implementation"})
_SIGNATURE_CHARACTERS = 400


@dataclass(frozen=True, slots=True)
class Symbol:
    """Something a document defines.

    `span` covers the whole definition, decorators and `export` included; `name_span` its name. `signature` is
    what comes before the body, on one line, at most 400 characters (`def area(self) -> float:`, `func Area(s
    Shape) int`). `depth` counts the symbols around it.
    """

    name: str
    kind: Kind
    span: Span
    name_span: Span
    signature: str
    depth: int


def nested(syntax: Syntax, found: Iterable[Definition]) -> tuple[Symbol, ...]:
    """Definitions, outer before inner, as symbols; a function that stands in a class becomes a method."""
    symbols: list[Symbol] = []
    parents: list[Symbol] = []
    holders = _HOLD_METHODS | {"module"} if syntax.language == "ruby" else _HOLD_METHODS
    for definition in found:
        span = syntax.span_of(definition.node)
        while parents and parents[-1].span.end <= span.start:
            parents.pop()
        kind = definition.kind
        if kind == "function" and parents and parents[-1].kind in holders:
            kind = "method"
        name_span = syntax.span_of(definition.name)
        name = " ".join(syntax.document.slice(name_span).split())
        symbol = Symbol(name, kind, span, name_span, _signature(syntax, definition), len(parents))
        symbols.append(symbol)
        parents.append(symbol)
    return tuple(symbols)


def _signature(syntax: Syntax, definition: Definition) -> str:
    start, end = definition.node.start_byte, definition.node.end_byte
    if definition.body is not None:
        text = syntax.source[start : max(start, definition.body.start_byte)]
    else:
        text = syntax.source[start:end].split(b"\n", 1)[0]
    words = " ".join(text[: _SIGNATURE_CHARACTERS * 4].decode("utf-8", "replace").split())[:_SIGNATURE_CHARACTERS]
    return words.removesuffix("{").removesuffix(" =").rstrip()
