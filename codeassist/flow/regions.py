"""What a review looks at: the functions that changed, and in them the lines that changed and what depends on them.

    regions_of(syntax)                                       everything
    regions_of(syntax, seen_of(earlier))                     what differs from an earlier parse of the document
    regions_of(syntax, changed={11, 12})                     what holds these lines (from 0)

Pure values, for the editor's reviews and those of the command line alike.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from codeassist.syntax.names import Names, names_in
from codeassist.syntax.pieces import Piece, pieces
from codeassist.syntax.statements import statements
from codeassist.syntax.tree import Syntax
from codeassist.text.diff import LineDiff, diff_lines, likeness
from codeassist.text.document import Document, Offset, Span

_LEAST_LIKENESS = 0.5
"""A function of another name that shares so many of its lines with one that is gone was renamed."""
_MOST_FINGERPRINTS = 20_000
_WORD = re.compile(r"[^\W\d]\w*")

Removed = tuple[tuple[int, tuple[str, ...]], ...]
"""Lines that are gone, with the line (from 0) that they stood before."""


@dataclass(frozen=True, slots=True)
class Region:
    """What is reviewed as one: a function without those inside it, or the code outside of functions (`name` "").

    `lines`: where the statements begin that are worth a look (from 0), those that changed first, then what depends on
    them directly; all of them where no earlier text is known. `changed`: the lines that changed, statements or not,
    `removed`: what is gone; both empty where no earlier text is known. `code`: its own lines, to compare with later.
    `parts`: the spans that hold `lines`, each without a function of its own inside where `name` is "".
    """

    name: str
    span: Span
    fingerprint: str
    lines: tuple[int, ...]
    changed: frozenset[int] = frozenset()
    removed: Removed = ()
    code: tuple[str, ...] = ()
    parts: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a document: the fingerprints of all that was looked at, and the code of each piece by its name
    as it was looked at last. What it knows costs no token again."""

    fingerprints: frozenset[str] = frozenset()
    codes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def after(self, syntax: Syntax, reviewed: Iterable[Region]) -> Seen:
        """What is known once `reviewed`, regions of `syntax`, were looked at."""
        looked_at = {region.fingerprint for region in reviewed}
        known = self.fingerprints | looked_at
        present = pieces(syntax)
        if len(known) > _MOST_FINGERPRINTS:
            known = known & ({piece.fingerprint for piece in present} | looked_at)
        codes = {
            piece.name: _code(piece, syntax) if piece.fingerprint in known else self.codes[piece.name]
            for piece in present
            if piece.fingerprint in known or piece.name in self.codes
        }
        return Seen(known, codes)


NOTHING_SEEN = Seen()


def seen_of(syntax: Syntax) -> Seen:
    """A document as one that needs no review: as it was opened, or at a revision that others have looked at."""
    present = pieces(syntax)
    return Seen(
        frozenset(piece.fingerprint for piece in present), {piece.name: _code(piece, syntax) for piece in present}
    )


def regions_of(
    syntax: Syntax, seen: Seen = NOTHING_SEEN, *, changed: Collection[int] | None = None
) -> tuple[Region, ...]:
    """The regions of a document that `seen` does not know, in its order, the code outside of functions last.

    `changed`: only those that hold one of these lines (from 0), which then are the ones that changed: for callers that
    know the lines and not the earlier text.
    """
    present = pieces(syntax)
    renamed = _renamed(present, seen, syntax)
    found: list[Region] = []
    for piece in present:
        if piece.fingerprint in seen.fingerprints:
            continue
        lines = piece.own_lines(syntax)
        if changed is not None:
            mine = frozenset(lines).intersection(changed)
            if not mine:
                continue
            region = _region(piece, syntax, lines, mine, ())
        else:
            before = seen.codes.get(renamed.get(piece.name, piece.name))
            region = _compared(piece, syntax, lines, before)
        if region.name or region.lines:
            found.append(region)
    return tuple(found)


def _renamed(present: Sequence[Piece], seen: Seen, syntax: Syntax) -> dict[str, str]:
    """The earlier names of functions whose name is new, for those that resemble one that is gone."""
    names = {piece.name for piece in present}
    gone = {name: code for name, code in seen.codes.items() if name not in names}
    found: dict[str, str] = {}
    for piece in present:
        if piece.name in seen.codes or piece.fingerprint in seen.fingerprints or not gone:
            continue
        code = _code(piece, syntax)
        best = max(gone, key=lambda name: likeness(gone[name], code))
        if likeness(gone[best], code) >= _LEAST_LIKENESS:
            found[piece.name] = best
            del gone[best]
    return found


def _compared(piece: Piece, syntax: Syntax, lines: Sequence[int], before: tuple[str, ...] | None) -> Region:
    """A piece with what changed since its code was `before`."""
    code = _text(syntax.document, lines)
    difference = LineDiff() if before is None else diff_lines(before, code)
    if before is not None and difference.is_empty:
        difference = diff_lines(before, code, indented=True)  # A line may have left its block.
    changed = frozenset(lines[at] for at in difference.added)
    end = lines[-1] + 1 if lines else 0
    removed = tuple((lines[at] if at < len(lines) else end, gone) for at, gone in difference.removed)
    return _region(piece, syntax, lines, changed, removed)


def _region(piece: Piece, syntax: Syntax, lines: Sequence[int], changed: frozenset[int], removed: Removed) -> Region:
    own = [span for span in statements(syntax, piece.span) if not any(_holds(inner, span) for inner in piece.inner)]
    document = syntax.document
    region = Region(piece.name, piece.span, piece.fingerprint, (), changed, removed, _text(document, lines))
    starts = {span: document.position_at(span.start).line for span in own}
    if changed or removed:
        chosen = tuple(dict.fromkeys(starts[span] for span in _concerned(syntax, own, changed, removed)))
    else:
        chosen = tuple(sorted(set(starts.values())))
    return replace(region, lines=chosen, parts=_parts(piece, document, chosen))


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
    depending = [span for span in rest if span in beside or any(names.feeds(names_in(syntax, span)) for names in named)]
    return [*touched, *depending]


def _beside(document: Document, own: Sequence[Span], lines: Iterable[int]) -> set[Span]:
    """The statements right before and right behind where something stood that is gone, before each of `lines`."""
    found: set[Span] = set()
    for line in lines:
        start = document.line_start(line)
        found.update(
            [span for span in own if span.start < start][-1:] + [span for span in own if span.start >= start][:1]
        )
    return found


def _parts(piece: Piece, document: Document, lines: Sequence[int]) -> tuple[Span, ...]:
    """A function whole; of the code outside of functions the stretches between them that hold `lines`."""
    if piece.name:
        return (piece.span,)
    found: list[Span] = []
    start = piece.span.start
    for inner in (*piece.inner, Span(piece.span.end, piece.span.end)):
        part = Span(start, max(start, inner.start))
        start = Offset(max(start, inner.end))
        if any(part.contains(document.line_end(line) - 1) for line in lines):
            found.append(part)
    return tuple(found)


def _holds(outer: Span, inner: Span) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def _code(piece: Piece, syntax: Syntax) -> tuple[str, ...]:
    return _text(syntax.document, piece.own_lines(syntax))


def _text(document: Document, lines: Iterable[int]) -> tuple[str, ...]:
    return tuple(document.line(line) for line in lines)
