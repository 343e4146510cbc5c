"""Reviews of functions that are remembered: by what they are, at whatever place, within a bound."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeassist.post.findings import Finding
from codeassist.server.remembered import Remembered
from codeassist.text.document import Offset, Span
from codeassist.text.edits import Edit


def finding(start: int, end: int, message: str = "Said.") -> Finding:
    fix = (Edit(Offset(start), Offset(end), "new"),)
    return Finding(Span(Offset(start), Offset(end)), "warning", "bug", message, "infill", 5.0, fix, "t", "f")


def test_what_was_found_comes_back_at_its_new_place() -> None:
    known = Remembered()
    known.add("python", "f1", "def f(): pass", Offset(100), [finding(104, 105)])
    assert known.recall("python", "f1", "def f(): pass", Offset(100)) == (finding(104, 105),)
    assert known.recall("python", "f1", "def f(): pass", Offset(7)) == (finding(11, 12),)


def test_what_was_looked_at_and_found_right_is_known_too() -> None:
    known = Remembered()
    known.add("python", "f1", "def f(): pass", Offset(100), [])
    assert known.recall("python", "f1", "def f(): pass", Offset(0)) == ()
    assert known.recall("python", "f2", "def f(): pass", Offset(0)) is None
    assert known.recall("ruby", "f1", "def f(): pass", Offset(0)) is None


OLD = "def f(a, b):\n    if a < b:\n        g()\n    if a < b:\n        h()\n"


@pytest.mark.parametrize(
    ("new", "found"),
    [
        (OLD, True),
        (OLD.replace("    ", "\t"), True),
        (OLD.replace("\n", "\n    "), True),
        (OLD.replace("def f(a, b):", "def f(a, b):\n    # if a < b:\n\n"), True),
        (OLD.replace("if a < b:", "if a < b:  # codeassist: ignore[bug]"), True),
        (OLD.replace("        g()", "        # Why.\n        g()"), True),
        (OLD.replace("if a < b:", "if (\n        a < b\n    ):"), False),
        (OLD.replace("if a < b:\n        g", "if (a < b):\n        g"), False),
        ("", False),
    ],
)
def test_other_comments_and_white_space_do_not_matter(new: str, found: bool) -> None:
    """The second of two lines that are the same. Where it cannot be told which it is, nothing is shown."""
    known, place = Remembered(), OLD.rindex("<")
    known.add("python", "f1", OLD, Offset(0), [finding(place, place + 1)])
    recalled = known.recall("python", "f1", new, Offset(100))
    assert recalled is not None
    again = new.rfind("<", 0, new.rindex("h()")) if found else -1
    assert [(each.span.start - 100, each.fix[0].end - 100) for each in recalled] == (
        [(again, again + 1)] if found else []
    )


def test_a_fix_of_several_lines_fits_only_where_it_was_made_for() -> None:
    known = Remembered()
    several = replace(finding(4, 5), fix=(Edit(Offset(4), Offset(5), "a\n    b"),))
    known.add("python", "f1", "def f():\n    pass", Offset(0), [several])
    assert known.recall("python", "f1", "def f():\n    pass", Offset(0)) == (several,)
    assert known.recall("python", "f1", "def f():\n        pass", Offset(4)) == ()


def test_a_later_review_counts() -> None:
    known = Remembered()
    known.add("python", "f1", "def f(): pass", Offset(0), [finding(4, 5)])
    known.add("python", "f1", "def f(): pass", Offset(0), [])
    assert known.recall("python", "f1", "def f(): pass", Offset(0)) == ()
    known.forget()
    assert known.recall("python", "f1", "def f(): pass", Offset(0)) is None


def test_what_was_not_wanted_for_long_is_let_go_of() -> None:
    known = Remembered(most_bytes=3 * 500)
    for name in ("f1", "f2"):
        known.add("python", name, "x" * 10, Offset(0), [finding(0, 1)])
    known.recall("python", "f1", "x" * 10, Offset(0))
    for name in ("f3", "f4"):
        known.add("python", name, "x" * 10, Offset(0), [finding(0, 1)])
    there = [name for name in ("f1", "f2", "f3", "f4") if known.recall("python", name, "x" * 10, Offset(0))]
    assert there == ["f1", "f3", "f4"]


def test_what_is_larger_than_all_of_it_is_not_kept() -> None:
    known = Remembered(most_bytes=1_000)
    known.add("python", "f1", "x", Offset(0), [])
    known.add("python", "f2", "x" * 10_000, Offset(0), [finding(0, 1)])
    assert known.recall("python", "f2", "x" * 10_000, Offset(0)) is None


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 40), st.integers(0, 3)), max_size=60))
def test_it_never_takes_more_than_its_bound(added: list[tuple[str, int, int]]) -> None:
    known = Remembered(most_bytes=2_000)
    for name, length, count in added:
        known.add("python", name, "x" * length, Offset(0), [finding(0, 1, "m" * length)] * count)
        assert 0 <= known.bytes <= 2_000
    for name, _length, _count in added:
        known.add("python", name, "", Offset(0), [])
    known.forget()
    assert known.bytes == 0
