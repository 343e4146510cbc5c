"""What a review looks at: the functions that changed, and in them the lines that changed and what depends on them.

    regions_of(syntax)                                       everything
    regions_of(syntax, fingerprints_of(old), codes_of(old))  what differs from an earlier parse of the document
    regions_of(syntax, changed={11, 12})                     what holds these lines (from 0)

Pure values, for the editor's reviews and those of the command line alike.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from codeassist.flow.matching import Codes, code_of, earlier_names, is_overload
from codeassist.syntax.names import Names, names_in
from codeassist.syntax.pieces import Piece, pieces
from codeassist.syntax.statements import statements
from codeassist.syntax.tree import Syntax
from codeassist.text.diff import LineDiff, diff_lines
from codeassist.text.document import Document, Offset, Span

_WORD = re.compile(r"[^\W\d]\w*")

Removed = tuple[tuple[int, tuple[str, ...]], ...]
"""Lines that are gone, with the line (from 0) that they stood before."""


@dataclass(frozen=True, slots=True)
class Region:
    """What is reviewed as one: a function without those inside it, or the code outside of functions (`name` "").

    `lines`: where the statements begin that are worth a look (from 0), those that changed first, then what depends on
    them directly; all of them where no earlier text is known, or where something else of a function changed.
    `changed`: the lines that changed, statements or not, `removed`: what is gone; both empty where no earlier text is
    known. `own`: all its lines that are not another's, `places`: the spans of these, which hold its findings;
    `passed_over`: the statements among them that are not looked at, so that what was found there before holds.
    `parts`: the spans that hold `lines`, each without a function of its own inside where `name` is "".
    """

    name: str
    span: Span
    fingerprint: str
    lines: tuple[int, ...]
    changed: frozenset[int] = frozenset()
    removed: Removed = ()
    own: tuple[int, ...] = ()
    places: tuple[Span, ...] = ()
    passed_over: tuple[Span, ...] = ()
    parts: tuple[Span, ...] = ()

    def code(self, document: Document) -> tuple[str, ...]:
        """Its own lines, to compare a later text with."""
        return _text(document, self.own)


NO_CODES: Codes = MappingProxyType({})


def codes_of(syntax: Syntax) -> Codes:
    """The code of a document, to compare a later text with."""
    return {piece.name: code_of(piece, syntax) for piece in pieces(syntax)}


def codes_after(earlier: Codes, syntax: Syntax, known: Collection[str]) -> Codes:
    """What to compare a later text with once the pieces of `syntax` with fingerprints `known` were looked at: their
    code as it is, and the earlier one of the others, of renamed ones under their earlier name."""
    present = pieces(syntax)
    names = earlier_names(present, known, earlier, syntax)
    found: dict[str, tuple[str, ...]] = {}
    for piece in present:
        before = names.get(piece.name)
        if piece.fingerprint in known:
            found[piece.name] = code_of(piece, syntax)
        elif before is not None:
            found[piece.name if is_overload(piece.name, before) else before] = earlier[before]
    return found


def stretches(syntax: Syntax) -> list[tuple[str, Span, str]]:
    """Name, span and fingerprint of all that a document is reviewed by: much quicker than its regions."""
    return [(piece.name, piece.span, piece.fingerprint) for piece in pieces(syntax)]


def fingerprints_of(syntax: Syntax) -> frozenset[str]:
    """The fingerprints of all that a document is reviewed by."""
    return frozenset(piece.fingerprint for piece in pieces(syntax))


def regions_of(
    syntax: Syntax,
    known: Collection[str] = frozenset(),
    earlier: Codes = NO_CODES,
    *,
    changed: Collection[int] | None = None,
) -> tuple[Region, ...]:
    """The regions of a document whose fingerprints are not `known`, in its order, the code outside of functions last.

    `earlier`: the code that was looked at before; of what is in it only the lines that changed are to be looked at, and
    those that depend on them directly.
    `changed`: only those that hold one of these lines (from 0), which then are the ones that changed: for callers that
    know the lines and not the earlier text.
    """
    present = pieces(syntax)
    names = earlier_names(present, known, earlier, syntax)
    found: list[Region] = []
    taken: set[int] = set()
    for piece in present:
        if piece.fingerprint in known:
            continue
        lines = piece.own_lines(syntax)
        if changed is not None:
            mine = frozenset(lines).intersection(changed)
            if not mine:
                continue
            region = _region(piece, syntax, lines, mine, ())
        else:
            name = names.get(piece.name)
            before = None if name is None else earlier[name]
            renamed = name is not None and not is_overload(name, piece.name)
            region = _compared(piece, syntax, lines, before, renamed=renamed)
        if not taken.isdisjoint(region.lines):  # Several functions may share a line, which is looked at once.
            region = replace(region, lines=tuple(line for line in region.lines if line not in taken))
        taken.update(region.lines)
        if region.name or region.lines:
            found.append(region)
    return tuple(found)


def _compared(
    piece: Piece, syntax: Syntax, lines: Sequence[int], before: tuple[str, ...] | None, *, renamed: bool
) -> Region:
    """A piece with what changed since its code was `before`, under another name if it was `renamed`."""
    code = _text(syntax.document, lines)
    difference = LineDiff() if before is None else diff_lines(before, code)
    if before is not None and difference.is_empty:
        difference = diff_lines(before, code, indented=True)  # A line may have left its block.
    changed = frozenset(lines[at] for at in difference.added)
    end = lines[-1] + 1 if lines else 0
    removed = tuple((lines[at] if at < len(lines) else end, gone) for at, gone in difference.removed)
    return _region(piece, syntax, lines, changed, removed, renamed=renamed)


def _region(
    piece: Piece,
    syntax: Syntax,
    lines: Sequence[int],
    changed: frozenset[int],
    removed: Removed,
    *,
    renamed: bool = False,
) -> Region:
    own = list(_outside(statements(syntax, piece.span), piece.inner))
    document = syntax.document
    region = Region(
        piece.name, piece.span, piece.fingerprint, (), changed, removed, tuple(lines), _places(document, lines)
    )
    starts = {span: document.position_at(span.start).line for span in own}
    chosen: tuple[int, ...] = ()
    if changed or removed:
        chosen = tuple(dict.fromkeys(starts[span] for span in _concerned(syntax, own, changed, removed)))
    if not chosen and not renamed and (piece.name or not (changed or removed)):
        # Also where no statement is concerned: what a function is for may stand in its docstring or its decorators.
        chosen = tuple(sorted(set(starts.values())))
    looked_at = set(chosen)
    passed_over = tuple(span for span in own if starts[span] not in looked_at)
    return replace(region, lines=chosen, passed_over=passed_over, parts=_parts(piece, document, chosen))


def _concerned(syntax: Syntax, own: Sequence[Span], changed: frozenset[int], removed: Removed) -> list[Span]:
    """The statements that changed, then those that depend on them directly, or stood beside something that is gone."""
    document = syntax.document
    touched: list[Span] = []
    rest: list[Span] = []
    covered: set[int] = set()
    for span in own:
        place = document.range(span)
        mine = changed.intersection(range(place.start.line, place.end.line + 1))
        covered |= mine
        (touched if mine else rest).append(span)
    named = [names_in(syntax, span) for span in touched]
    # A header is no statement; what it names anew is what changed.
    gone = {name for line, texts in removed if line in changed for text in texts for name in _WORD.findall(text)}
    headers = frozenset(name for line in changed - covered for name in _WORD.findall(document.line(line))) - gone
    if headers:
        named.append(Names(headers, headers))
    beside = _beside(document, own, [line for line, _ in removed if line not in changed])
    all_named = Names(
        frozenset().union(*(names.given for names in named)), frozenset().union(*(names.used for names in named))
    )
    depending = [span for span in rest if span in beside or all_named.feeds(names_in(syntax, span))]
    return [*touched, *depending]


def _beside(document: Document, own: Sequence[Span], lines: Iterable[int]) -> set[Span]:
    """The statements right before and right behind where something stood that is gone, before each of `lines`."""
    found: set[Span] = set()
    starts = [span.start for span in own]
    for line in lines:
        behind = bisect_left(starts, document.line_start(line))
        found.update(own[max(0, behind - 1) : behind + 1])
    return found


def _places(document: Document, lines: Sequence[int]) -> tuple[Span, ...]:
    """The spans of runs of lines."""
    found: list[Span] = []
    for line in lines:
        start, end = document.line_start(line), document.line_start(line + 1)
        if found and found[-1].end == start:
            found[-1] = Span(found[-1].start, end)
        else:
            found.append(Span(start, end))
    return tuple(found)


def _parts(piece: Piece, document: Document, lines: Sequence[int]) -> tuple[Span, ...]:
    """A function whole, to the end of its last line; of the code outside of functions the stretches between them that
    hold `lines`."""
    if piece.name:
        # Behind a function may stand a comment, or what closes the code around it.
        last = document.position_at(Offset(max(piece.span.start, piece.span.end - 1))).line
        return (Span(piece.span.start, max(piece.span.end, document.line_end(last))),)
    found: list[Span] = []
    ends = sorted(document.line_end(line) - 1 for line in lines)
    start = piece.span.start
    for inner in (*piece.inner, Span(piece.span.end, piece.span.end)):
        part = Span(start, max(start, inner.start))
        start = Offset(max(start, inner.end))
        first = bisect_left(ends, part.start)
        if first < len(ends) and part.contains(ends[first]):
            found.append(part)
    return tuple(found)


def _outside(spans: Iterable[Span], inner: Sequence[Span]) -> Iterator[Span]:
    """Those of `spans` that lie in none of `inner`, which are in order and apart from each other."""
    starts = [span.start for span in inner]
    for span in spans:
        around = bisect_right(starts, span.start) - 1
        if around < 0 or span.end > inner[around].end:
            yield span


def _text(document: Document, lines: Iterable[int]) -> tuple[str, ...]:
    return tuple(document.line(line) for line in lines)
