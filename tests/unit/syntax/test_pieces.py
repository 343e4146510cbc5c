"""What is reviewed as one, and what makes it another: its tokens and their structure, not how they are laid out."""

from __future__ import annotations

import pytest

from codeassist.syntax.pieces import pieces

from .sample_files import parsed


def prints(text: str, language: str = "python") -> dict[str, str]:
    return {piece.name: piece.fingerprint for piece in pieces(parsed(text, language))}


PLAIN = "def f(a):\n    if a:\n        return g(a, 'x  y')\n    return 2\n"


@pytest.mark.parametrize(
    "same",
    [
        "x = 1\n\n\n" + PLAIN + "\n\ny = 2\n",
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("2\n", "2   \n"),
        PLAIN.rstrip("\n"),
        PLAIN.replace("    return 2", "\n\n    # Why.\n    return 2  # What."),
        PLAIN.replace("g(a, 'x  y')", "g(\n            a,\n            'x  y',\n        )"),
        PLAIN.replace("    ", "  "),
    ],
)
def test_layout_and_comments_do_not_make_another_function(same: str) -> None:
    assert prints(same)["f"] == prints(PLAIN)["f"]


def test_a_function_that_moves_into_a_class_stays_the_same() -> None:
    inside = "class A:\n" + "".join(f"    {line}\n" for line in PLAIN.splitlines())
    assert prints(inside)["A.f"] == prints(PLAIN)["f"]


@pytest.mark.parametrize(
    "other",
    [
        PLAIN.replace("2", "3"),
        PLAIN.replace("(a)", "(b)"),
        PLAIN.replace("    return 2", "        return 2"),
        "@cache\n" + PLAIN,
        PLAIN.replace("x  y", "x y"),
        PLAIN.replace("x  y", "# x"),
        PLAIN.replace("return 2", "return (2,)"),
        PLAIN.replace("def f", "async def f"),
        PLAIN.replace("'x  y'", "'''x\n\ny'''"),
    ],
)
def test_other_tokens_make_another_function(other: str) -> None:
    assert prints(other)["f"] != prints(PLAIN)["f"]


def test_a_tuple_is_no_formatting() -> None:
    assert prints("def f(): return (2,)\n")["f"] != prints("def f(): return (2)\n")["f"]


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("javascript", "function f() { return `a ${b} c`; }", "function f() { return `a ${b}  c`; }"),
        ("go", 'func f() string { return "a  b" }\n', 'func f() string { return "a b" }\n'),
        ("rust", "fn f() -> char { 'a' }\n", "fn f() -> char { 'b' }\n"),
        ("java", 'class A { String f() { return "//"; } }', 'class A { String f() { return "/* */"; } }'),
        ("bash", "f() { echo 'a  b'; }\n", "f() { echo 'a b'; }\n"),
        ("ruby", "def f\n  <<~X\n    a\n  X\nend\n", "def f\n  <<~X\n    b\n  X\nend\n"),
        ("php", "<?php function f() { return 'a '; }", "<?php function f() { return 'a'; }"),
    ],
)
def test_strings_count_as_they_stand(language: str, one: str, other: str) -> None:
    assert prints(one, language).values() != prints(other, language).values()
    (first,) = {name: each for name, each in prints(one, language).items() if name}.values()
    (second,) = {name: each for name, each in prints(other, language).items() if name}.values()
    assert first != second


def test_broken_characters_count_too() -> None:
    assert prints("def f(): return '\ud83d'\n") != prints("def f(): return '\ud83e'\n")
    assert len(prints(PLAIN)["f"]) == 16


NESTED = """\
import os
LIMIT = 3


class Box:
    size = 4

    def area(self):
        def side():
            return self.size

        return side() * side()

    def area(self, other):
        return 0


class Bag:
    def area(self):
        return 1
"""


def test_methods_and_nested_functions_are_pieces_with_lines_of_their_own() -> None:
    syntax = parsed(NESTED, "python")
    lines = {piece.name: piece.own_lines(syntax) for piece in pieces(syntax)}
    assert lines == {
        "Box.area": (7, 10, 11),
        "Box.area.side": (8, 9),
        "Box.area#2": (13, 14),
        "Bag.area": (18, 19),
        "": (0, 1, 2, 3, 4, 5, 6, 12, 15, 16, 17),
    }
    everything = [line for found in lines.values() for line in found]
    assert len(everything) == len(set(everything)), "no line belongs to two"


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("return self.size", "return self.length", {"Box.area.side"}),
        ("side() * side()", "side() + side()", {"Box.area"}),
        ("size = 4", "size = 5", {""}),
        ("LIMIT = 3", "LIMIT = 3  # Three.", set()),
        ("return 0", "return 9", {"Box.area#2"}),
        ("import os", "import sys", {""}),
    ],
)
def test_a_change_changes_the_innermost_piece_only(old: str, new: str, changed: set[str]) -> None:
    before, after = prints(NESTED), prints(NESTED.replace(old, new, 1))
    assert {name for name in after if after[name] != before[name]} == changed


def test_code_that_stands_beside_a_function_on_its_line_is_not_lost() -> None:
    syntax = parsed("const f = () => { return 1; }; let b = 2;\nlet c = 3;\n", "javascript")
    assert {piece.name: piece.own_lines(syntax) for piece in pieces(syntax)} == {"f": (0,), "": (0, 1)}


@pytest.mark.parametrize("text", ["", "# Only words.\n", "\n\n"])
def test_no_code_is_no_piece(text: str) -> None:
    assert pieces(parsed(text, "python")) == ()


@pytest.mark.parametrize("text", ["def f(:\n    return (\n", "class A:\n  def f(self)\n    x = (\n", ")))\n"])
def test_code_that_does_not_parse_has_pieces_too(text: str) -> None:
    assert prints(text)
    assert prints(text) == prints(text + "\n# More.\n")


def test_pieces_are_made_once_for_a_tree() -> None:
    syntax = parsed(PLAIN, "python")
    assert pieces(syntax) is pieces(syntax)
