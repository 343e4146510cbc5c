"""What the rest of a file says of a function under review: the signatures of what it calls, and who calls it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from codeassist.context.related import Snippet
from codeassist.context.tokens import estimate_tokens
from codeassist.syntax.names import names_in
from codeassist.syntax.outline import Symbol, comments_and_strings, outline
from codeassist.syntax.tree import Syntax
from codeassist.text.document import Offset, Span

_CALL = re.compile(r"([^\W\d]\w*)\s*\(")
_CALLED, _NAMED = 3.0, 1.0
"""How much a name matters that is called, and one that only stands there."""
_MOST_CALLERS, _AROUND_CALL = 2, 2
_QUIET = frozenset({"section", "rule", "key", "element", "module", "variable"})


def names_about(syntax: Syntax, spans: Sequence[Span]) -> dict[str, float]:
    """The names in stretches of code with their weights."""
    found: dict[str, float] = {}
    for span in spans:
        found.update({name: _NAMED for name in names_in(syntax, span).used if name not in found})
        found.update({name: _CALLED for name in _CALL.findall(syntax.document.slice(span)) if name in found})
    return found


def neighbours(
    syntax: Syntax,
    spans: Sequence[Span],
    functions: Collection[str],
    names: Mapping[str, float],
    path: str,
    budget: int,
) -> tuple[Snippet, ...]:
    """Code of the file itself that helps to judge the functions at `spans`, as far as `budget` tokens go: signatures of
    what they name, then places that call one of `functions`."""
    chosen: list[Snippet] = []
    signatures = "".join(f"{each}\n" for each in _fitting(_signatures(syntax, spans, names), budget))
    if signatures:
        snippet = _snippet(path, 0, signatures, "used here, from the same file")
        chosen.append(snippet)
        budget -= snippet.tokens
    for line, text in _callers(syntax, spans, functions):
        snippet = _snippet(path, line, text, "calls it")
        if snippet.tokens <= budget:
            chosen.append(snippet)
            budget -= snippet.tokens
    return tuple(chosen)


def _signatures(syntax: Syntax, spans: Sequence[Span], names: Mapping[str, float]) -> Iterator[str]:
    wanted = [
        symbol
        for symbol in outline(syntax)
        if symbol.name in names and symbol.kind not in _QUIET and not any(_shown(symbol, span) for span in spans)
    ]
    yield from dict.fromkeys(each.signature for each in sorted(wanted, key=lambda symbol: -names[symbol.name]))


def _callers(syntax: Syntax, spans: Sequence[Span], functions: Collection[str]) -> Iterator[tuple[int, str]]:
    """The lines around the first calls outside of `spans`, with the line where they begin."""
    document = syntax.document
    names = [re.escape(name) for name in functions if name]
    if not names:
        return
    defined = {symbol.name_span.start for symbol in outline(syntax)}
    count, last = 0, -1
    for match in re.finditer(rf"(?<!\w)(?:{'|'.join(names)})\s*\(", document.text):
        at = match.start()
        if at in defined or any(span.contains(at) for span in spans) or _is_said(syntax, at):
            continue
        line = document.position_at(Offset(at)).line
        if line <= last:
            continue
        first, last = max(0, line - _AROUND_CALL), min(document.line_count - 1, line + _AROUND_CALL)
        yield first, document.text[document.line_start(first) : document.line_start(last + 1)]
        count += 1
        if count == _MOST_CALLERS:
            return


def _is_said(syntax: Syntax, at: int) -> bool:
    place = Span(Offset(at), Offset(at + 1))
    return any(span.contains(at) for span in comments_and_strings(syntax, place))


def _fitting(texts: Iterable[str], budget: int) -> Iterator[str]:
    for text in texts:
        budget -= estimate_tokens(text) + 1
        if budget < 0:
            return
        yield text


def _shown(symbol: Symbol, span: Span) -> bool:
    """Whether the model sees the symbol anyway."""
    return span.start <= symbol.span.start and symbol.span.end <= span.end


def _snippet(path: str, line: int, text: str, why: str) -> Snippet:
    tokens = estimate_tokens(text) + estimate_tokens(path) + 3
    return Snippet(path, line, line + text.count("\n"), text, why, 1.0, tokens)
