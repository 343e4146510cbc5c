"""The arithmetic of the infill check, table by table."""

from __future__ import annotations

import pytest

from codeassist.post.surprise import Change, Choice, Divergence, Step, category_of, is_taste, smallest_change, walk


def sure(text: str) -> Choice:
    """A token that the model sees no alternative to."""
    return Choice(text, -0.01, ((text, -0.01),))


def choice(text: str, logprob: float, *others: tuple[str, float]) -> Choice:
    return Choice(text, logprob, ((text, logprob), *others))


def test_a_line_as_the_model_writes_it() -> None:
    assert walk("return a + b", 0, [sure("return"), sure(" a + b"), sure("\n")]) == Step(None, None)


def test_a_token_may_reach_over_the_end_of_the_line() -> None:
    assert walk("f(x):", 0, [sure("f(x"), sure("):\n\n")]) == Step(None, None)
    assert walk("f(x)", 0, [sure("f(x"), sure("):\n")]).divergence is not None


def test_a_control_token_where_the_line_ends_ends_it() -> None:
    assert walk("x", 0, [sure("x"), choice("", -0.1)]) == Step(None, None)


def test_the_model_ends_the_line_early() -> None:
    step = walk("x = 1", 0, [sure("x"), choice("", -0.5, (" =", -2.5))])
    assert step.divergence == Divergence(1, "", 2.0, -0.5)
    assert step.force == 3


def test_a_listed_token_of_the_file_gives_the_gap() -> None:
    step = walk("a - b", 0, [sure("a"), choice(" +", -0.1, (" -", -4.1), (" -=", -9)), sure(" b"), sure("\n")])
    assert step.divergence is not None
    assert (step.divergence.position, step.divergence.expected) == (1, " + b")
    assert step.divergence.gap == pytest.approx(4.0)
    assert step.divergence.confidence == pytest.approx(-0.12)
    assert not step.divergence.bounded
    assert step.force == 3


def test_the_likeliest_of_several_fitting_tokens_counts() -> None:
    step = walk("total", 0, [choice("x", -0.5, ("to", -3.0), ("total", -2.0))])
    assert step.divergence is not None
    assert step.divergence.gap == pytest.approx(1.5)
    assert step.force is None, "the rest of the line was this token"


def test_an_unlisted_token_is_less_likely_than_all_listed() -> None:
    step = walk("a * b", 0, [sure("a"), choice(" +", -0.1, (" -", -6.0))])
    assert step.divergence is not None
    assert step.divergence.bounded
    assert step.divergence.gap == pytest.approx(6.9)
    assert step.force == 3, "the whole next lexeme is forced"


def test_the_walk_goes_on_from_the_forced_text() -> None:
    assert walk("a * b", 3, [sure(" b"), sure("\n")]) == Step(None, None)
    assert walk("a * b", 5, [sure("anything")]) == Step(None, None)


def test_no_choices_no_judgement() -> None:
    assert walk("a * b", 0, []) == Step(None, None)


def test_the_expected_rest_ends_with_its_line() -> None:
    step = walk("x", 0, [choice("y", -0.1, ("x", -5.0)), sure(" + 1 \nmore"), sure("never")])
    assert step.divergence is not None
    assert step.divergence.expected == "y + 1"
    assert step.divergence.confidence == pytest.approx(-0.11)


def test_score_counts_certainty() -> None:
    assert Divergence(0, "x", gap=6.0, confidence=-2.0).score < Divergence(0, "x", gap=6.0, confidence=0.0).score == 6.0


@pytest.mark.parametrize(
    ("line", "better", "change"),
    [
        ("a < b", "a > b", Change(2, 3, "<", ">")),
        ("a <= b", "a < b", Change(2, 4, "<=", "<")),
        ("width * width", "width * height", Change(8, 13, "width", "height")),
        ("range(n)", "range(n + 1)", Change(7, 7, "", " + 1")),
        ("f(a, b, c)", "f(a, c)", Change(5, 8, "b, ", "")),
        ("x == 'a'", "x == 'b'", Change(5, 8, "'a'", "'b'")),
        ("same", "same", Change(4, 4, "", "")),
        ("", "x", Change(0, 0, "", "x")),
        ("aa", "a", Change(0, 2, "aa", "a")),
        ("é = 1", "é = 2", Change(4, 5, "1", "2")),
    ],
)
def test_smallest_change(line: str, better: str, change: Change) -> None:
    found = smallest_change(line, better)
    assert found == change
    assert line[: found.start] + found.text + line[found.end :] == better


@pytest.mark.parametrize(
    ("line", "better", "category"),
    [
        ("a < b", "a > b", "wrong-operator"),
        ("a and b", "a or b", "wrong-operator"),
        ("if not a:", "if a:", "extra-code"),
        ("if a:", "if not a:", "missing-code"),
        ("x = n - 1", "x = n - 2", "wrong-constant"),
        ("x = n - 1", "x = n + 1", "wrong-constant"),
        ("a * b", "a + b", "wrong-operator"),
        ("f(x)", "f(y)", "wrong-name"),
        ("return True", "return False", "wrong-constant"),
        ("f(null)", "f(0)", "wrong-constant"),
        ("f(x)", "g(y)", "unexpected-code"),
        ("a - b", "b - a", "unexpected-code"),
        ("print(x)", "print('x')", "unexpected-code"),
    ],
)
def test_categories(line: str, better: str, category: str) -> None:
    assert category_of(smallest_change(line, better)) == category


@pytest.mark.parametrize(
    ("line", "position", "expected", "language", "taste"),
    [
        ("x = 'a'", 4, '"a"', "python", True),
        ("f(a, b)", 3, ",b)", "python", True),
        ("f(a, b)", 6, ",)", "python", True),
        ("x = 1", 5, "  # one", "python", True),
        ("x = 1  # two", 5, "  # one", "python", True),
        ("x = 1;", 5, "", "javascript", True),
        ("x = 1; // a", 5, "", "javascript", True),
        ("x = 1", 4, "2", "python", False),
        ("x = '#a'", 5, "#b'", "python", False),
        ("return a", 7, "b", "python", False),
        ("n // 2", 2, "/ 3", "python", False),
    ],
)
def test_taste(line: str, position: int, expected: str, language: str, taste: bool) -> None:
    assert is_taste(line, position, expected, language) is taste
