"""Which function of a document is which one of an earlier text of it: names alone do not say.

A function may have been renamed, and of several with one name (overloads, a property and its setter) any may have come
or gone before the others.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from codeassist.syntax.pieces import Piece
from codeassist.syntax.tree import Syntax
from codeassist.text.diff import likeness, lines_in

Codes = Mapping[str, tuple[str, ...]]
"""The code of each function of a document by its name, and of what is outside of them by "", line by line."""

_LEAST_LIKENESS = 0.5
"""A function of another name that shares so many of its lines with one that is gone was renamed."""
_MOST_PAIRS = 2_000
"""Of more functions of one name only those whose code is the same are told apart, and the rest by their order."""
_NUMBER = re.compile(r"#\d+$")


def earlier_names(present: Sequence[Piece], known: Collection[str], earlier: Codes, syntax: Syntax) -> dict[str, str]:
    """The name that each piece of a document had in `earlier`, by the name that it has now; those that are new have
    none. Pieces with fingerprints that are `known` were never renamed."""
    found: dict[str, str] = {}
    now, before = _by_name(piece.name for piece in present), _by_name(earlier)
    pieces = {piece.name: piece for piece in present}
    for base, names in now.items():
        earlier_ones = before.get(base, [])
        if len(names) == 1 == len(earlier_ones):
            found[names[0]] = earlier_ones[0]
        elif earlier_ones:
            code = {name: code_of(pieces[name], syntax) for name in names}
            found |= _alike(code, {name: earlier[name] for name in earlier_ones})
    gone = {name: lines_in(earlier[name]) for base, names in before.items() if base not in now for name in names}
    for piece in present:
        if gone and _base(piece.name) not in before and piece.fingerprint not in known:
            lines = lines_in(code_of(piece, syntax))
            best = max(gone, key=lambda name: likeness(gone[name], lines, _LEAST_LIKENESS))
            if likeness(gone[best], lines, _LEAST_LIKENESS):
                found[piece.name] = best
                del gone[best]
    return found


def is_overload(one: str, other: str) -> bool:
    """Whether two names of pieces differ in no more than their number."""
    return _base(one) == _base(other)


def code_of(piece: Piece, syntax: Syntax) -> tuple[str, ...]:
    """The lines of a piece that are its own."""
    return tuple(syntax.document.line(line) for line in piece.own_lines(syntax))


def _alike(now: Codes, before: Codes) -> dict[str, str]:
    """Which of several functions with one name is which: those that are the same, then those that are most alike. If
    none came or went, what is left is the same in order."""
    found: dict[str, str] = {}
    same: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for name in reversed(list(before)):
        same[before[name]].append(name)
    for name, code in now.items():
        if same[code]:
            found[name] = same[code].pop()
    taken = set(found.values())
    left = {name: lines_in(code) for name, code in now.items() if name not in found}
    free = {name: lines_in(code) for name, code in before.items() if name not in taken}
    if len(left) * len(free) <= _MOST_PAIRS:
        pairs = [(likeness(free[old], left[new], _LEAST_LIKENESS), new, old) for new in left for old in free]
        for share, new, old in sorted(pairs, key=lambda pair: -pair[0]):
            if share and new in left and old in free:
                found[new] = old
                del left[new], free[old]
    if len(now) == len(before):
        found |= zip(left, free, strict=True)
    return found


def _by_name(names: Iterable[str]) -> dict[str, list[str]]:
    """Names by what they are without the number that tells overloads apart."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        found[_base(name)].append(name)
    return dict(found)


def _base(name: str) -> str:
    return _NUMBER.sub("", name)
