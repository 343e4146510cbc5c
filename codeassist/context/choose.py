"""Which definitions of the repository stand in a prompt: candidates with their reason, worth and cost, best first.

What is shown of a definition is its signature; a signature costs about fifteen tokens, so that dozens fit where a few
bodies would. Those of one file come together, in their order, members below their class.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt

from codeassist.context.facts import Candidate, Facts, FileFacts, Key
from codeassist.context.question import Question, parts_of
from codeassist.context.related import Snippet
from codeassist.context.shown import declared, full_name, shown
from codeassist.context.tokens import estimate_tokens
from codeassist.syntax.tags import Tag

_IMPORTED, _UNUSED, _OF_IMPORTED, _OF_MODULE, _BESIDE = 1.0, 1.6, 0.45, 0.5, 0.12
_RECEIVER, _NEAR, _NEAR_PARENT, _OF_UNUSED, _ALIKE, _USED = 3.0, 0.5, 0.25, 0.3, 0.8, 0.2
_RELATION_WORTH: Mapping[str, float] = {
    "imported": 1.0, "receiver": 1.0, "indirect": 0.6, "named": 0.5, "sibling": 0.5, "package": 0.8,
}  # fmt: skip
_PRIVATE, _SPECIAL, _IN_TEST = 0.4, 0.2, 0.5
_LEAST_WORTH = 0.5
"""Below it are members of what is imported and not used nearby, and what lies beside: they would only lead astray."""
_HEADER_TOKENS, _MEMBER_TOKENS = 4, 1
_FIXED_COST = 24
"""Tokens added to the cost of a signature when its worth is divided by it: otherwise the shortest would win."""
_MOST = 160
_URGENT, _FEW = 3.0, 12
"""What is worth so much, as members of the type before the dot are, comes in at once."""
_READING = 0.2
"""To have an engine read the whole prompt again is as bad as losing this share of all that it could show. Of 169 public
cases whose last ten lines were typed, 134 had the definition that they needed, and 79 % of a line's prompt was that of
the line before; at 0.1 135 and 74 %, at 0.4 132 and 81 %, and 136 and 48 % where the best was chosen for each line
(benchmarks/quality/fim.py --typed 10)."""
_CALLABLE = frozenset({"function", "method"})
_QUIET = frozenset({"section", "rule", "key", "element", "module"})


_Reasons = tuple[float, float, str, str]
"""What speaks for a definition: in all; the foremost reason, its words, and the name that goes into them. Tuples,
because thousands are made at a keystroke."""
_NO_REASON: _Reasons = (0.0, 0.0, "", "")


@dataclass(frozen=True, slots=True)
class Piece:
    """A snippet as prompts show it, to the letter. `members`: the definitions that it shows, none for a passage."""

    snippet: Snippet
    members: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """What the last prompt showed, in its order. `line`: that of the cursor when all of it was chosen, -1 if it may
    look otherwise by now; `versions`: of the other open documents."""

    line: int = -1
    pieces: tuple[Piece, ...] = ()
    versions: frozenset[tuple[str, int]] = frozenset()

    @property
    def chosen(self) -> tuple[Candidate, ...]:
        return tuple(each for piece in self.pieces for each in piece.members)


NOTHING_HELD = Held()


def candidates(question: Question, facts: Facts) -> list[Candidate]:
    """The definitions of `facts` that are worth a line, best first, and not more than can matter."""
    best: dict[tuple[str, int, str], tuple[_Reasons, FileFacts, Tag]] = {}
    for file in facts.files:
        for judged in _judged(question, facts, file):
            reasons, _, tag = judged
            key = (file.path, tag.name_line, tag.name)
            if key not in best or best[key][0] < reasons:
                best[key] = judged
    # Lines are measured only for those that have a chance.
    likely = sorted(best.values(), key=lambda each: (-each[0][0], each[1].path, each[2].start_line))[: 2 * _MOST]
    found = [
        Candidate(file.path, tag, worth, _tokens(tag, question.language), why.format(about))
        for (worth, _, why, about), file, tag in likely
    ]
    return sorted(found, key=lambda each: (-_density(each), each.path, each.tag.start_line))[:_MOST]


def choose(ranked: Sequence[Candidate], budget: int, held: Sequence[Piece], language: str) -> tuple[Piece, ...]:
    """As many of the candidates, best first, as fit into `budget` tokens, headers of files included.

    Of `held`, what the prompt before showed, as much stays at the front as is worth it: an engine reads all anew that
    stands behind a change. What is needed badly counts twice.
    """
    worth = {each.key: each.worth for each in ranked}
    worth |= {each.key: 2 * each.worth for each in ranked[:_FEW] if each.worth >= _URGENT}

    def total(keys: Iterable[Key]) -> float:
        return sum(worth.get(key, 0.0) for key in keys)

    best = _pieces(_fitting(ranked, budget), language)
    most = total(_shown_in(best))
    if not held or _cost(held) > budget:
        return best
    price = most * _READING
    if total(_shown_in(held)) >= most - price / 2:
        return tuple(held)  # No other beginning can be better.
    most -= price
    for count in range(1, len(held) + 1):
        front = held[:count]
        used, there = _cost(front), _shown_in(front)
        rest = _fitting(ranked, budget - used, there)
        # Behind the rest the engine reads about as much again, of the file itself.
        unread = 1.0 if count == len(held) and not rest else used / (2 * budget)
        value = total([*there, *(each.key for each in rest)]) - price * (1.0 - unread)
        if value > most:
            most, best = value, (*front, *_pieces(rest, language))
    return best


def _shown_in(pieces: Sequence[Piece]) -> frozenset[Key]:
    return frozenset(each.key for piece in pieces for each in piece.members)


def _cost(pieces: Sequence[Piece]) -> int:
    return sum(piece.snippet.tokens for piece in pieces)


def _fitting(ranked: Sequence[Candidate], budget: int, there: frozenset[Key] = frozenset()) -> list[Candidate]:
    """The best of the candidates that fit beside what is `there` already."""
    owners = {(each.path, full_name(each.tag)): each for each in ranked if each.tag.kind not in _CALLABLE}
    chosen: dict[Key, Candidate] = {}
    files: set[str] = set()
    for each in ranked:
        # A member is shown below its class.
        wanted = [
            one
            for one in (owners.get((each.path, each.tag.parent)), each)
            if one and one.key not in chosen and one.key not in there
        ]
        cost = sum(one.tokens for one in wanted) + _header_tokens(each.path) * (each.path not in files)
        if wanted and cost <= budget:
            budget -= cost
            files.add(each.path)
            chosen.update({one.key: one for one in wanted})
    return list(chosen.values())


def _pieces(chosen: Sequence[Candidate], language: str) -> tuple[Piece, ...]:
    """One piece for each file, that with the best definition first: what comes last is the first to go."""
    by_file: defaultdict[str, list[Candidate]] = defaultdict(list)
    for each in chosen:
        by_file[each.path].append(each)
    return tuple(_piece(path, members, language) for path, members in by_file.items())


def _piece(path: str, members: Sequence[Candidate], language: str) -> Piece:
    """Signatures in the order of the file."""
    ordered = sorted(members, key=lambda each: (each.tag.start_line, -each.tag.end_line))
    text = shown([each.tag for each in ordered], language)
    best = max(ordered, key=lambda each: each.worth)
    ranges = tuple((each.tag.name_line, max(each.tag.signature_end, each.tag.name_line + 1)) for each in ordered)
    first, last = min(start for start, _ in ranges), max(end for _, end in ranges)
    tokens = sum(each.tokens for each in ordered) + _header_tokens(path)
    return Piece(Snippet(path, first, last, text, best.why, best.worth, tokens, ranges), tuple(ordered))


def _judged(question: Question, facts: Facts, file: FileFacts) -> Iterator[tuple[_Reasons, FileFacts, Tag]]:
    """The definitions of a file that are worth a line."""
    at_top, in_type = _beside(file)
    share = _IN_TEST if is_test(file.path) and not is_test(question.path) else 1.0
    for tag in file.tags:
        name, owner = tag.name, tag.parent.rpartition(".")[2]
        if tag.kind in _QUIET or not tag.signature or (tag.kind == "field" and not owner):
            continue  # A field of nothing stands in a type without a name, or where the parser lost its way.
        place = (
            _as_member(question, facts, file, owner, in_type) if owner else _at_top(question, facts, file, name, at_top)
        )
        worth, best, why, about = _by_name(question, facts, _RELATION_WORTH[file.relation], name, place)
        worth *= share
        if name[0] == "_":
            if name.startswith("__") and name.endswith("__"):
                worth *= 1.0 if name == "__init__" else _SPECIAL
            elif owner not in facts.types:
                worth *= _PRIVATE
        if worth >= _LEAST_WORTH:
            yield (worth, best, why, about), file, tag


def _at_top(question: Question, facts: Facts, file: FileFacts, name: str, beside: _Reasons) -> _Reasons:
    """What speaks for a definition at the top of its file, by where it stands."""
    if name not in file.names:
        return beside
    worth = _RELATION_WORTH[file.relation] * _IMPORTED
    if facts.hidden.get(name, name) in question.unused:
        return worth + _UNUSED, _UNUSED, "imported and not used yet: {}", name
    return worth, worth, file.relation + " {}", name


def _as_member(question: Question, facts: Facts, file: FileFacts, owner: str, beside: _Reasons) -> _Reasons:
    """What speaks for a member, by the type that it is in."""
    worth, best, why, about = beside
    if owner in file.names:
        worth = best = _RELATION_WORTH[file.relation] * _OF_IMPORTED
        why, about = "member of {}", owner
        if facts.hidden.get(owner, owner) in question.unused:
            worth += _OF_UNUSED
    near = question.names.get(facts.hidden.get(owner, owner))
    if near:
        gain = _RELATION_WORTH[file.relation] * _NEAR_PARENT * near
        worth += gain
        if gain > best:
            best, why, about = gain, "member of {}, which is used here", owner
    if owner in facts.types:
        return worth + _RECEIVER, _RECEIVER, "member of {}, the type before the dot", owner
    return worth, best, why, about


def _by_name(question: Question, facts: Facts, relation: float, name: str, place: _Reasons) -> _Reasons:
    """Added to `place`: what speaks for a definition by what it is called."""
    worth, best, why, about = place
    local = facts.hidden.get(name, name)
    near = question.names.get(local)
    if near:
        gain = relation * _NEAR * near if local not in question.defined else 0.0
        worth += gain
        if gain > best:
            best, why, about = gain, "{} is used here", name
    elif local in question.used:
        gain = relation * _USED
        worth += gain
        if gain > best:
            best, why, about = gain, "{} is used in this file", name
    parts = parts_of(name)
    alike = sum([question.parts.get(part, 0.0) for part in parts])
    if alike:
        gain = relation * _ALIKE * alike / (3.0 * sqrt(len(parts)))
        worth += gain
        if gain > best:
            best, why, about = gain, "{} resembles what stands here", name
    return worth, best, why, about


def _beside(file: FileFacts) -> tuple[_Reasons, _Reasons]:
    """What speaks for a definition of the file of which nothing else is known: one at the top, a member."""
    if file.relation == "package":
        return (_BESIDE, _BESIDE, "in the same package", ""), _NO_REASON
    if file.relation != "imported":
        return _NO_REASON, _NO_REASON
    if file.names:
        imported = _BESIDE, _BESIDE, "beside what is imported", ""
    else:
        imported = _OF_MODULE, _OF_MODULE, "in an imported module", ""
    return imported, imported


@lru_cache(maxsize=32_768)
def _tokens(tag: Tag, language: str) -> int:
    return estimate_tokens(f"{declared(tag, language)}\n") + _MEMBER_TOKENS * bool(tag.parent)


def _density(each: Candidate) -> float:
    tokens = min(each.tokens, _FIXED_COST) if each.worth >= _URGENT else each.tokens
    return each.worth / sqrt(tokens + _FIXED_COST)


def _header_tokens(path: str) -> int:
    return estimate_tokens(path) + _HEADER_TOKENS


@lru_cache(maxsize=4_096)
def is_test(path: str) -> bool:
    """Whether a file is a test by its name."""
    name = path.rpartition("/")[2]
    marked = any(mark in name for mark in (".test.", ".spec.", "_test."))
    return marked or name.startswith("test_") or "/tests/" in f"/{path}"
