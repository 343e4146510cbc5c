"""Which definitions of the repository stand in a prompt: candidates with their reason, worth and cost, best first.

What is shown of a definition is its signature; a signature costs about fifteen tokens, so that dozens fit where a few
bodies would. Those of one file come together, in their order, members below their class.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
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
_RECEIVER, _NEAR, _NEAR_PARENT, _ALIKE, _USED = 3.0, 0.5, 0.25, 0.8, 0.2
_RELATION_WORTH: Mapping[str, float] = {
    "imported": 1.0, "receiver": 1.0, "indirect": 0.6, "named": 0.5, "sibling": 0.5, "package": 0.8,
}  # fmt: skip
_PRIVATE, _SPECIAL, _IN_TEST = 0.4, 0.2, 0.5
_LEAST_WORTH = 0.12
_HEADER_TOKENS, _MEMBER_TOKENS = 4, 1
_FIXED_COST = 24
"""Tokens added to the cost of a signature when its worth is divided by it: otherwise the shortest would win."""
_MOST = 160
_URGENT, _FEW = 3.0, 12
"""What is worth so much, as members of the type before the dot are, comes in at once."""
_HELD_ADVANTAGE = 1.4
_CALLABLE = frozenset({"function", "method"})
_QUIET = frozenset({"section", "rule", "key", "element", "module"})


@dataclass(frozen=True, slots=True)
class Held:
    """What was chosen for a prompt, and the line of the cursor then."""

    line: int = -1
    chosen: tuple[Candidate, ...] = ()


NOTHING_HELD = Held()


def candidates(question: Question, facts: Facts) -> list[Candidate]:
    """The definitions of `facts` that are worth a line, best first, and not more than can matter."""
    best: dict[tuple[str, int, str], tuple[float, FileFacts, Tag]] = {}
    for file in facts.files:
        for tag in file.tags:
            if tag.kind in _QUIET or not tag.signature or (tag.kind == "field" and not tag.parent):
                continue  # A field of nothing stands in a type without a name, or where the parser lost its way.
            worth = _worth(question, facts, file, tag)
            key = (file.path, tag.name_line, tag.name)
            if worth >= _LEAST_WORTH and (key not in best or best[key][0] < worth):
                best[key] = worth, file, tag
    # Lines are measured only for those that have a chance.
    likely = sorted(best.values(), key=lambda each: (-each[0], each[1].path, each[2].start_line))[: 2 * _MOST]
    found = [
        Candidate(file.path, tag, worth, _tokens(tag, question.language), _why(question, facts, file, tag))
        for worth, file, tag in likely
    ]
    return sorted(found, key=lambda each: (-_density(each), each.path, each.tag.start_line))[:_MOST]


def choose(ranked: Sequence[Candidate], line: int, budget: int, held: Held) -> Held:
    """As many of the candidates, best first, as fit into `budget` tokens, headers of files included.

    On the line of `held`, what it holds keeps its place as long as it is a candidate at all, and only what is needed
    badly comes in: a word more does not change the head of the prompt. On another line it has an advantage.
    """
    holding = {each.key for each in held.chosen}
    if (
        held.line == line
        and held.chosen
        and not any(each.worth >= _URGENT and each.key not in holding for each in ranked[:_FEW])
    ):
        kept = [each for each in ranked if each.key in holding]
        if len(kept) == len(holding) and _cost(kept) <= budget:
            return Held(line, tuple(kept))
    anew = sorted(ranked, key=lambda each: -_density(each) * (_HELD_ADVANTAGE if each.key in holding else 1.0))
    return Held(line, tuple(_fitting(anew, budget)))


def _fitting(ranked: Sequence[Candidate], budget: int) -> list[Candidate]:
    owners = {(each.path, full_name(each.tag)): each for each in ranked if each.tag.kind not in _CALLABLE}
    chosen: dict[Key, Candidate] = {}
    files: set[str] = set()
    for each in ranked:
        # A member is shown below its class.
        wanted = [one for one in (owners.get((each.path, each.tag.parent)), each) if one and one.key not in chosen]
        cost = sum(one.tokens for one in wanted) + _header_tokens(each.path) * (each.path not in files)
        if wanted and cost <= budget:
            budget -= cost
            files.add(each.path)
            chosen.update({one.key: one for one in wanted})
    return list(chosen.values())


def _cost(chosen: Sequence[Candidate]) -> int:
    return sum(each.tokens for each in chosen) + sum(_header_tokens(path) for path in {each.path for each in chosen})


def snippets_of(chosen: Sequence[Candidate], language: str) -> tuple[Snippet, ...]:
    """One snippet for each file, with the signatures in the order of the file."""
    by_file: defaultdict[str, list[Candidate]] = defaultdict(list)
    for each in chosen:
        by_file[each.path].append(each)
    return tuple(_snippet(path, members, language) for path, members in by_file.items())


def _snippet(path: str, members: list[Candidate], language: str) -> Snippet:
    ordered = sorted(members, key=lambda each: (each.tag.start_line, -each.tag.end_line))
    text = shown([each.tag for each in ordered], language)
    best = max(ordered, key=lambda each: each.worth)
    ranges = tuple((each.tag.name_line, max(each.tag.signature_end, each.tag.name_line + 1)) for each in ordered)
    first, last = min(start for start, _ in ranges), max(end for _, end in ranges)
    tokens = sum(each.tokens for each in ordered) + _header_tokens(path)
    return Snippet(path, first, last, text, best.why, best.worth, tokens, ranges)


def _worth(question: Question, facts: Facts, file: FileFacts, tag: Tag) -> float:
    """How much it helps to see the definition."""
    name, owner = tag.name, tag.parent.rpartition(".")[2]
    worth = sum([value for value, _, _ in _reasons(question, facts, file, name, owner)])
    if name.startswith("_") and worth:
        if name.startswith("__") and name.endswith("__"):
            worth *= 1.0 if name == "__init__" else _SPECIAL
        elif owner not in facts.types:
            worth *= _PRIVATE
    if worth and is_test(file.path) and not is_test(question.path):
        worth *= _IN_TEST
    return worth


def _why(question: Question, facts: Facts, file: FileFacts, tag: Tag) -> str:
    """The foremost reason."""
    _, words, about = max(_reasons(question, facts, file, tag.name, tag.parent.rpartition(".")[2]))
    return words.format(about)


def _reasons(question: Question, facts: Facts, file: FileFacts, name: str, owner: str) -> list[tuple[float, str, str]]:
    """What speaks for a definition: how much, why, and the name that goes into those words."""
    found: list[tuple[float, str, str]] = []
    relation = _RELATION_WORTH[file.relation]
    local = facts.hidden.get(name, name)
    if not owner and name in file.names:
        found.append((relation * _IMPORTED, f"{file.relation} {{}}", name))
        if local in question.unused:
            found.append((_UNUSED, "imported and not used yet: {}", name))
    elif owner and owner in file.names:
        found.append((relation * _OF_IMPORTED, "member of {}", owner))
    elif file.relation == "package" and not owner:
        found.append((_BESIDE, "in the same package", ""))
    elif file.relation == "imported":
        found.append(
            (_BESIDE, "beside what is imported", "") if file.names else (_OF_MODULE, "in an imported module", "")
        )
    if owner:
        if owner in facts.types:
            found.append((_RECEIVER, "member of {}, the type before the dot", owner))
        near_owner = question.names.get(facts.hidden.get(owner, owner))
        if near_owner:
            found.append((relation * _NEAR_PARENT * near_owner, "member of {}, which is used here", owner))
    near = question.names.get(local)
    if near:
        if local not in question.defined:
            found.append((relation * _NEAR * near, "{} is used here", name))
    elif local in question.used:
        found.append((relation * _USED, "{} is used in this file", name))
    parts = parts_of(name)
    alike = sum([question.parts.get(part, 0.0) for part in parts])
    if alike:
        found.append((relation * _ALIKE * alike / (3.0 * sqrt(len(parts))), "{} resembles what stands here", name))
    return found


@lru_cache(maxsize=32_768)
def _tokens(tag: Tag, language: str) -> int:
    return estimate_tokens(f"{declared(tag, language)}\n") + _MEMBER_TOKENS * bool(tag.parent)


def _density(each: Candidate) -> float:
    return each.worth / sqrt(each.tokens + _FIXED_COST)


def _header_tokens(path: str) -> int:
    return estimate_tokens(path) + _HEADER_TOKENS


@lru_cache(maxsize=4_096)
def is_test(path: str) -> bool:
    """Whether a file is a test by its name."""
    name = path.rpartition("/")[2]
    marked = any(mark in name for mark in (".test.", ".spec.", "_test."))
    return marked or name.startswith("test_") or "/tests/" in f"/{path}"
