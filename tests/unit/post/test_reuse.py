"""What is left of a suggestion after the user typed into it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeassist.post.inline import Inline
from codeassist.post.reuse import Suggested, agree, kept, offsets_behind, remainder, still_fits, typed_since
from codeassist.text.document import Document, Offset, Span
from codeassist.text.edits import Edit


def suggested(marked: str, text: str, about: object = None) -> Suggested:
    """`text` at the place of `|`; it replaces what stands up to a second `|`."""
    before, _, after = marked.partition("|")
    replaced, bar, rest = after.partition("|")
    document = Document.create("file:///a", before + replaced + rest if bar else before + after, "python")
    end = len(before) + len(replaced) if bar else len(before)
    return Suggested(document, Inline(text, Span(Offset(len(before)), Offset(end))), about)


def at(marked: str) -> tuple[Document, Offset]:
    return Document.create("file:///a", marked.replace("|", ""), "python", 2), Offset(marked.index("|"))


@pytest.mark.parametrize(
    ("earlier", "text", "now", "left", "replaced"),
    [
        ("x = |\n", "load(path)", "x = |\n", "load(path)", ""),
        ("x = |\n", "load(path)", "x = lo|\n", "ad(path)", ""),
        ("x = |\n", "load(path)", "x = load(|)\n", "path)", ")"),
        ("x = |\n", "load([a])", "x = load([|])\n", "a])", "])"),
        ("x = |\n", 'load("a")', 'x = load("|")\n', 'a")', '")'),
        ("x = f(|)|\n", "a, b)", "x = f(a|)\n", ", b)", ")"),
        ("x = f(|)|\n", "a, g())", "x = f(a, g(|))\n", "))", "))"),
        ("x = f(|)|\n", "a)", "x = f(|\n", "a)", ""),  # The user deleted the bracket.
        ("f(|)|\n", "a) {\n  g;\n}", "f(a) {|}\n", "\n  g;\n}", "}"),  # One was typed over, another one added.
        ("f([|])|\n", "a], {b})", "f([a], {|})\n", "b})", "})"),
        ("f |\n", "{\n  a;\n}", "f {\n  |\n}\n", "a;", ""),  # Enter between brackets.
        ("f(|)|\n", "() => {\n  a;\n});", "f(() => {\n  |\n})\n", "a;", ""),
        ("f(|)\n", "() => {\n  a;\n}, 100);", "f(() => {\n  |\n})\n", "a;", ""),
        ("f |\n", "{\n  a(b);\n}", "f {\n  a(|)\n}\n", "b);", ")"),
        ("f |\n", "{\n  g {\n    a;\n  }\n  b;\n}", "f {\n  g {\n    |\n  }\n}\n", "a;", ""),  # As far as it goes.
        ("  f |\r\n", "{\r\n    a;\r\n    b;\r\n  }", "  f {\r\n    a;\r\n    |\r\n  }\r\n", "b;", ""),
        ("x = f(|)|:\n", "a):\n    pass", "x = f(a)|:\n", ":\n    pass", ""),
        ("def f():\n    |\n", "a = 1\n    return a", "def f():\n    a = 1\n    |\n", "return a", ""),
        ("e = '😀'; x = |\n", "'é' + y", "e = '😀'; x = 'é' |\n", "+ y", ""),
    ],
)
def test_what_is_left(earlier: str, text: str, now: str, left: str, replaced: str) -> None:
    document, offset = at(now)
    found = remainder(suggested(earlier, text), document, offset)
    if left == replaced:
        assert found is None  # The editor wrote it already.
        return
    assert found is not None
    assert (found.text, document.slice(found.span), found.span.start) == (left, replaced, offset)


@pytest.mark.parametrize(
    ("earlier", "text", "now"),
    [
        ("x = |\n", "load(path)", "x = load(path)|\n"),  # All of it was typed.
        ("x = |\n", "load(path)", "x = lu|\n"),  # Something else was.
        ("x = |\n", "load(path)", "x =|\n"),  # Gone back beyond its beginning.
        ("x = |\n", "load(path)", "y = lo|\n"),  # Another place has changed as well,
        ("x = |\ny\n", "load(path)", "x = lo|\nz\n"),
        ("x = |\n", "load(path)", "x = lo|}\n"),  # and a bracket is there that it does not close.
        ("x = |\n", "load(path)", "x = lo|ad\n"),  # The cursor went back into what was typed.
        ("x = |\n", "load(path)", "x = load(|path)\n"),
        ("x = |\n", "   ", "x = |\n"),
        ("x = |\n", "load(\n    path)", "x = load(|\n)\n"),
        ("f |\n", "{\n  a;\n}", "f {\n  |\n    }\n"),
    ],
)
def test_what_does_not_fit_any_more(earlier: str, text: str, now: str) -> None:
    assert remainder(suggested(earlier, text), *at(now)) is None


TEXT = st.text(st.sampled_from("ab ()[]\n'é😀"), max_size=12)


@given(TEXT, TEXT, TEXT, TEXT, st.integers(0, 12), TEXT)
def test_it_makes_the_text_that_was_suggested_or_nothing(
    before: str, replaced: str, after: str, text: str, count: int, other: str
) -> None:
    """Whatever was typed: a remainder leads to the text that the suggestion led to."""
    document = Document.create("file:///a", before + replaced + after, "python")
    shown = Inline(text, Span(Offset(len(before)), Offset(len(before) + len(replaced))))
    earlier = Suggested(document, shown)
    meant = before + text + after
    for typed, tail in ((text[:count], replaced), (text[:count], replaced[1:]), (other, other + replaced)):
        now = Document.create("file:///a", before + typed + tail + after, "python", 2)
        offset = Offset(len(before) + len(typed))
        left = remainder(earlier, now, offset)
        if left is not None:
            assert left.text.strip()
            assert left.span.start == offset
            made = now.replace([Edit(left.span.start, left.span.end, left.text)], 3).text
            # Before brackets on a line of their own it goes on as far as they let it.
            assert made == meant or ("\n" in tail and text.startswith(typed + left.text))
    if text[count:].strip() and text[count:] != replaced and count < len(text):
        now = Document.create("file:///a", before + text[:count] + replaced + after, "python", 2)
        assert remainder(earlier, now, Offset(len(before) + count)) is not None


def test_the_latest_that_fits_is_used_and_only_with_the_same_surroundings() -> None:
    first, second = suggested("x = |\n", "load(path)", "a"), suggested("x = l|\n", "en(path)", "a")
    document, offset = at("x = l|\n")
    assert still_fits((second, first), document, offset, "a") == second.shown
    back = still_fits((second, first), *at("x = |\n"), "a")
    assert back == first.shown  # Deleted again: what was there before.
    assert still_fits((second, first), document, offset, "b") is None
    assert still_fits((), document, offset) is None


def test_only_so_many_are_kept_and_so_much_text() -> None:
    found: tuple[Suggested, ...] = ()
    for number in range(20):
        found = kept(found, suggested("x = |\n", f"f{number}()"))
    assert [each.shown.text for each in found] == [f"f{number}()" for number in range(19, 11, -1)]
    large = [suggested("x = |\n" + "#" * 3_000_000, f"g{number}()") for number in range(3)]
    assert kept((large[1], large[0]), large[2]) == (large[2],)
    same = Suggested(large[2].document, Inline("h()", large[2].shown.span))
    assert kept((large[2],), same) == (same, large[2])  # The text is there once.


@pytest.mark.parametrize(
    ("old", "new", "typed"),
    [
        ("x = |\ny", "x = lo|\ny", "lo"),
        ("x = |\ny", "x = |\ny", ""),
        ("x = |\ny", "x = f(|)\ny", "f("),
        ("x = |\ny", "x = f(|a)\ny", None),
        ("x = |\ny", "x =|\ny", None),
        ("x = |\ny", "x = lo|\nz", None),
        ("x = |\ny", "z = lo|\ny", None),
        ("x = |aa", "x = a|aa", "a"),
        ("f |\ny", "f {\n  |\n}\ny", "{\n  "),
        ("f |\ny", "f {\n  a(|)\n}\ny", "{\n  a("),
        ("f |\ny", "f {\n  |\n  a}\ny", None),
    ],
)
def test_what_was_typed_since(old: str, new: str, typed: str | None) -> None:
    assert typed_since(*at(old), *at(new)) == typed


@pytest.mark.parametrize(
    "new", ["x = lo|\ny", "x = f([|])\ny", "x = f {\n    |\n  }\ny", "x = f(\r\n\t|\r\n)\ny", "x = {\n f([|])\n}\ny"]
)
def test_the_cursor_is_where_something_was_typed(new: str) -> None:
    """Or before what the editor has closed there."""
    document, offset = at(new)
    assert offset in offsets_behind(*at("x = |\ny"), document)


@pytest.mark.parametrize(
    ("written", "typed", "same"),
    [
        ("", "abc", True),
        ("ab", "abc", True),
        ("abc", "ab", True),
        ("abd", "abc", False),
        ("  ab", "a", True),
        ("\r\nab", "\n", True),
        ("a b", "ab", False),
    ],
)
def test_texts_agree_as_far_as_both_go(written: str, typed: str, same: bool) -> None:
    assert agree(written, typed) is same
