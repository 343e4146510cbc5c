"""All of a prompt's related code, within its share."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeassist.context.choose import NOTHING_HELD, Held, candidates
from codeassist.context.cursor import CursorView, cursor_view
from codeassist.context.facts import Facts, FileFacts, Passage
from codeassist.context.gather import gather
from codeassist.context.limits import ContextLimits
from codeassist.context.question import question_at
from codeassist.context.related import OpenFile, Snippet
from codeassist.syntax.tags import tags_of
from codeassist.text.document import Offset
from tests.unit.context.making import opened

LIMITS = ContextLimits(prompt_tokens=1000)
MONEY = "class Price:\n    cents: int\n\n    def plus(self, other): ...\n"
CODE = "from shop.money import Price\n\n\ndef total(prices):\n    "
OTHER = "def total_of_lines(lines):\n    return sum(line.price for line in lines)\n\n\n" * 3


def view() -> CursorView:
    syntax = opened(CODE, "python", "file:///shop/cart.py")
    return cursor_view(syntax, Offset(len(CODE)), LIMITS)


def facts(*passages: Passage) -> Facts:
    tags = tags_of("python", MONEY.encode()).definitions
    files = (FileFacts("shop/money.py", "imported", tags, frozenset({"Price"})),)
    found = Facts(files, passages=passages)
    return Facts(files, passages=passages, ranked=tuple(candidates(question_at(view(), "shop/cart.py"), found)))


def passage(path: str, text: str = OTHER) -> Passage:
    return Passage(path, 0, text.count("\n"), text, "similar code", 1.0)


def paths(found: Facts, others: tuple[OpenFile, ...] = (), limits: ContextLimits = LIMITS) -> list[str]:
    snippets, _ = gather(view(), question_at(view(), "shop/cart.py"), found, others, limits, NOTHING_HELD)
    assert sum(snippet.tokens for snippet in snippets) <= limits.prompt_tokens
    return [snippet.path for snippet in snippets]


def test_definitions_come_before_similar_code() -> None:
    assert paths(facts(passage("shop/lines.py"))) == ["shop/money.py", "shop/lines.py"]


def test_what_is_shown_already_is_not_shown_again() -> None:
    assert paths(facts(passage("shop/money.py", MONEY))) == ["shop/money.py"]


def test_what_nearly_repeats_the_code_around_the_cursor_is_left_out() -> None:
    assert paths(facts(passage("shop/copy.py", CODE))) == ["shop/money.py"]


def test_an_open_file_of_which_the_index_told_is_not_searched_again() -> None:
    syntax = opened(MONEY + OTHER, "python", "file:///shop/money.py")
    assert paths(facts(), (OpenFile("shop/money.py", syntax, syntax.document),)).count("shop/money.py") == 1


def test_a_long_passage_is_cut_to_the_room_that_is_left() -> None:
    limits = ContextLimits(prompt_tokens=300, related_share=0.5, prefix_share=0.4, suffix_share=0.1)
    assert "shop/lines.py" in paths(facts(passage("shop/lines.py", OTHER * 9)), limits=limits)


def test_without_a_question_the_open_files_are_all_there_is() -> None:
    syntax = opened(MONEY, "python", "file:///shop/money.py")
    file = OpenFile("shop/money.py", syntax, syntax.document)
    snippets, held = gather(view(), None, Facts(), (file,), LIMITS, NOTHING_HELD)
    assert [snippet.path for snippet in snippets] == ["shop/money.py"]
    assert [piece.snippet for piece in held.pieces] == list(snippets)


def edited(path: str, line: int | None) -> OpenFile:
    syntax = opened("".join(f"value_{number} = {number}\n" for number in range(40)), "python", f"file:///{path}")
    return OpenFile(path, syntax, syntax.document, line)


def recent(*others: OpenFile) -> list[Snippet]:
    snippets, _ = gather(view(), question_at(view(), "shop/cart.py"), facts(), others, LIMITS, NOTHING_HELD)
    return [snippet for snippet in snippets if snippet.why == "edited just now"]


def test_where_another_document_was_edited_last_is_shown() -> None:
    (found,) = recent(edited("shop/rates.py", 20))
    assert (found.path, found.start_line, found.end_line) == ("shop/rates.py", 15, 26)
    assert found.text.startswith("value_15 = 15\n")
    assert not recent(edited("shop/rates.py", None))


def test_only_the_places_edited_last_are_shown() -> None:
    found = recent(*(edited(f"shop/rates_{number}.py", 3) for number in range(4)))
    assert [snippet.path for snippet in found] == ["shop/rates_0.py", "shop/rates_1.py"]


def test_a_short_document_is_shown_whole() -> None:
    text = "RATE = 3\nSURCHARGE = 4\n"
    syntax = opened(text, "python", "file:///shop/rates.py")
    (found,) = recent(OpenFile("shop/rates.py", syntax, syntax.document, 1))
    assert found.text == text


def after(code: str, found: Facts, held: Held, *others: OpenFile) -> tuple[list[str], Held]:
    """The paths in the prompt at the end of `code`, and what is held then."""
    syntax = opened(code, "python", "file:///shop/cart.py")
    at = cursor_view(syntax, Offset(len(code)), LIMITS)
    snippets, held = gather(at, question_at(at, "shop/cart.py"), found, others, LIMITS, held)
    return [snippet.path for snippet in snippets], held


def telling(path: str, text: str = "line = total(prices) + total(others) + total(all_the_others)\n" * 3) -> Passage:
    return replace(passage(path, text), why="calls total", telling=True)


def test_what_tells_more_comes_behind_what_is_there() -> None:
    first, held = after(CODE, facts(passage("shop/lines.py")), NOTHING_HELD)
    now, _ = after(CODE + "x", facts(telling("shop/a.py"), passage("shop/lines.py")), held)
    assert now == [*first, "shop/a.py"]


def test_code_that_merely_looks_alike_stays_until_the_cursor_is_far() -> None:
    first, held = after(CODE, facts(passage("shop/lines.py")), NOTHING_HELD)
    other = facts(passage("shop/other.py"))
    assert after(CODE + "x = 1\n    " * 5, other, held)[0] == first
    assert after(CODE + "x = 1\n    " * 40, other, held)[0] == ["shop/money.py", "shop/other.py"]


def test_a_passage_that_was_typed_since_goes() -> None:
    _, held = after(CODE, facts(passage("shop/lines.py")), NOTHING_HELD)
    assert after(CODE + OTHER, facts(passage("shop/lines.py")), held)[0] == ["shop/money.py"]


@pytest.mark.parametrize("line", [-1, 4])
def test_passages_of_what_changed_are_looked_for_again(line: int) -> None:
    file = edited("shop/lines.py", None)
    _, held = after(CODE, facts(passage("shop/lines.py")), NOTHING_HELD, file)
    newer = replace(file, document=replace(file.document, version=file.document.version + (line > 0)))
    assert after(CODE, facts(), replace(held, line=line), newer)[0] == ["shop/money.py"]


def test_definitions_that_are_still_the_same_keep_their_place_when_files_changed() -> None:
    _, held = after(CODE, facts(), NOTHING_HELD)
    assert after(CODE, facts(), replace(held, line=-1))[1].pieces == held.pieces
    less = tags_of("python", b"class Price:\n    dollars: int\n").definitions
    found = Facts((FileFacts("shop/money.py", "imported", less, frozenset({"Price"})),))
    ranked = tuple(candidates(question_at(view(), "shop/cart.py"), found))
    changed = after(CODE, replace(found, ranked=ranked), replace(held, line=-1))[1]
    assert not set(changed.pieces) & set(held.pieces)


@given(st.text("abcdefgh_. ()=,\n", max_size=40), st.integers(0, 40))
def test_all_that_stands_before_the_code_is_the_same_while_it_is_typed(typed: str, count: int) -> None:
    found = facts(passage("shop/lines.py"), telling("shop/calls.py"))
    first, held = after(CODE + typed[:count], found, NOTHING_HELD)
    assert after(CODE + typed, found, held)[1].pieces == held.pieces
    assert first == [piece.snippet.path for piece in held.pieces]
