"""What became of a suggestion, by the edits that follow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeassist.post.inline import Inline
from codeassist.post.outcome import Outcome, Watched, follow
from codeassist.text.document import Offset, Span
from codeassist.text.edits import Edit

BEFORE, SHOWN = "first\nx = ", "load(path)\n    y"


def watched(replaced: int = 0) -> Watched:
    return Watched.of(Inline(SHOWN, Span(Offset(len(BEFORE)), Offset(len(BEFORE) + replaced))))


def insert(at: int, text: str, removed: int = 0) -> Edit:
    return Edit(Offset(at), Offset(at + removed), text)


def after(*steps: Edit, replaced: int = 0) -> Watched | Outcome | None:
    """What is known after edits, one by one, at places relative to where the suggestion began."""
    state: Watched | Outcome | None = watched(replaced)
    for edit in steps:
        assert isinstance(state, Watched)
        at = len(BEFORE)
        state = follow(state, [insert(at + edit.start, edit.text, edit.end - edit.start)])
    return state


def keys(text: str) -> list[Edit]:
    return [insert(number, key) for number, key in enumerate(text)]


def test_all_of_it_at_once_is_taken() -> None:
    assert after(insert(0, SHOWN)) == Outcome("accepted", len(SHOWN))
    assert after(insert(0, SHOWN, 2), replaced=2) == Outcome("accepted", len(SHOWN))
    assert after(insert(0, "l"), insert(1, SHOWN[1:])) == Outcome("accepted", len(SHOWN))


def test_words_of_it() -> None:
    assert after(insert(0, "load"), insert(4, "(path)"), insert(10, "!")) == Outcome("partly", 10)
    assert after(insert(0, "load"), insert(4, SHOWN[4:])) == Outcome("accepted", len(SHOWN))


@pytest.mark.parametrize("end", ["\n", "\n    ", " "])
def test_words_of_it_and_then_white_space(end: str) -> None:
    """Enter or a blank behind the words that were taken: the user goes on without the rest."""
    assert after(insert(0, "load"), insert(4, end)) == Outcome("partly", 4)
    assert after(insert(0, "load(path)"), insert(10, "\n    "), insert(15, "\n")) == Outcome("partly", 10)
    assert after(*keys("load"), insert(4, end)) is None


def test_a_line_of_it_goes_on_with_the_next() -> None:
    state = after(insert(0, "load(path)"), insert(10, "\n    "))
    assert isinstance(state, Watched)
    assert state.rest == "y"


def test_all_of_it_typed() -> None:
    typed = [*keys("load(path)"), insert(10, "\n    "), insert(15, "y")]
    assert after(*typed) == Outcome("typed", len(SHOWN))


def test_a_bracket_typed_over_the_one_of_the_editor_is_typed() -> None:
    """Editors tell of that as a change of the bracket into itself."""
    state: Watched | Outcome | None = Watched.of(Inline("f(a)", Span(Offset(0), Offset(0))))
    for edit in (insert(0, "f"), insert(1, "()"), insert(2, "a"), insert(3, ")", 1)):
        assert isinstance(state, Watched)
        state = follow(state, [edit])
    assert state == Outcome("typed", 4)


def test_enter_between_brackets_that_the_editor_closes() -> None:
    """What is shown then ends before the bracket, and is the same suggestion."""
    state: Watched | Outcome | None = Watched.of(Inline("{\n  a;\n}", Span(Offset(0), Offset(0))))
    for edit in (insert(0, "{}"), insert(1, "\n  \n")):
        assert isinstance(state, Watched)
        state = follow(state, [edit])
    assert isinstance(state, Watched)
    left = Inline("a;", Span(Offset(4), Offset(4)))
    assert state.goes_on_as(left)
    assert follow(Watched.of(left), [insert(4, "a;")]) == Outcome("accepted", 2)
    assert not state.goes_on_as(Inline("b;", left.span))


def test_brackets_that_the_editor_closes() -> None:
    state = after(*keys("load"), insert(4, "()"), insert(5, "p"))
    assert isinstance(state, Watched)
    assert state.rest == "ath)\n    y"
    assert after(*keys("load"), insert(4, "()"), insert(5, "x")) == Outcome("typed-over", 0)


def test_something_else() -> None:
    assert after(insert(0, "m")) == Outcome("typed-over", 0)
    assert after(*keys("lo"), insert(2, "x")) == Outcome("typed-over", 0)


@pytest.mark.parametrize("edit", [insert(-1, "", 1), insert(0, "", 1)])
def test_what_is_taken_away_says_nothing(edit: Edit) -> None:
    assert after(edit, replaced=1) is None


def test_edits_elsewhere_move_it() -> None:
    state = follow(watched(), [insert(0, "import os\n"), insert(len(BEFORE) + 5, "later")])
    assert isinstance(state, Watched)
    assert (state.start, state.rest) == (len(BEFORE) + 10, SHOWN)
    assert follow(watched(), [insert(0, ">> "), insert(len(BEFORE), SHOWN)]) == Outcome("accepted", len(SHOWN))


@given(
    st.lists(
        st.tuples(
            st.integers(0, 30), st.integers(0, 5), st.sampled_from(["", "l", "lo", "(", "()", SHOWN, "\n", "😀"])
        ),
        max_size=8,
    )
)
def test_any_edits_lead_somewhere(steps: list[tuple[int, int, str]]) -> None:
    state: Watched | Outcome | None = watched(2)
    for at, removed, text in steps:
        if not isinstance(state, Watched):
            break
        state = follow(state, [insert(at, text, removed)])
        if isinstance(state, Watched):
            assert state.rest
            assert 0 <= state.start <= state.end
            assert state.taken + state.typed + len(state.rest) == len(SHOWN)


def test_what_the_editor_closed_is_stepped_over() -> None:
    shown = Watched.of(Inline("a, b)", Span(Offset(5), Offset(6))))
    state: Watched | Outcome | None = shown
    for number, key in enumerate("a, b"):
        assert isinstance(state, Watched)
        state = follow(state, [insert(5 + number, key)])
    assert isinstance(state, Watched)
    assert follow(state, [insert(9, ";")]) == Outcome("typed", 4)


def test_brackets_that_come_in_a_second_step() -> None:
    state = after(*keys("load("), insert(5, ")"), insert(5, "p"))
    assert isinstance(state, Watched)
    assert state.rest == "ath)\n    y"


def test_what_nobody_typed_at_the_cursor_says_nothing() -> None:
    assert after(insert(-6, "first\ny = 1\n", 8), replaced=2) is None  # Formatted.
    assert after(insert(0, "\n    ")) is None


def test_a_line_end_more_and_line_ends_of_windows() -> None:
    assert after(insert(0, SHOWN + "\n")) == Outcome("accepted", len(SHOWN) + 1)
    windows = Watched.of(Inline("a\r\nb", Span(Offset(0), Offset(0))))
    assert follow(windows, [insert(0, "a\nb")]) == Outcome("accepted", 3)
