"""All of a prompt's related code, within its share."""

from __future__ import annotations

from codeassist.context.choose import NOTHING_HELD, candidates
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
    assert held == NOTHING_HELD


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
