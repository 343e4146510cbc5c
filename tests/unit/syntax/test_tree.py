"""Trees: parsed, parsed anew after edits, and the way between bytes and characters."""

from __future__ import annotations

import re
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeassist.syntax.outline import comments_and_strings, enclosing, imports, outline, statements
from codeassist.syntax.tree import Syntax, error_count, parse, parses_as_well, reparse
from codeassist.text.document import Document, Offset, Span
from codeassist.text.edits import Edit
from codeassist.text.lines import with_line_feeds

from .sample_files import NAMES, code, parsed

PIECES = ["", "x", "\n", "    ", "{", "}", "(", '"', "'''", "é", "😀", "\ud83d", "\r\n", "\r", "if x:\n", "#", "\0"]


def shape(syntax: Syntax) -> list[tuple[str, int, int]]:
    """Type, start and end of every node, in bytes."""
    found: list[tuple[str, int, int]] = []
    pending = [syntax.tree.root_node]
    while pending:
        node = pending.pop()
        found.append((node.type, node.start_byte, node.end_byte))
        pending += node.children
    return found


def changed(old: Syntax, *edits: tuple[int, int, str]) -> Syntax:
    made = [Edit(Offset(start), Offset(end), text) for start, end, text in edits]
    return reparse(old, made, old.document.replace(made, old.document.version + 1))


def test_unknown_language_is_not_parsed() -> None:
    assert parse(Document.create("file:///a.txt", "text", "")) is None
    assert parse(Document.create("file:///a.cob", "text", "cobol")) is None


def test_a_long_text_lets_other_threads_have_their_turn() -> None:
    """The parser itself never does: what it reads is the only code of ours that runs while it works."""
    turns: list[str] = []

    def watch(_frame: object, event: str, _argument: object) -> None:
        turns.append(event)

    def turns_while_parsing(text: str) -> int:
        turns.clear()
        sys.setprofile(watch)
        try:
            syntax = parse(Document.create("file:///a.py", text, "python"))
        finally:
            sys.setprofile(None)
        assert syntax is not None
        assert syntax.tree.root_node.end_byte == len(text.encode())
        return turns.count("call")

    turns_while_parsing("")  # Which loads the grammar.
    short = turns_while_parsing("total = 1\n" * 100)
    assert turns_while_parsing("total = (1\n" * 5_000) > short + 10
    assert turns_while_parsing("größe = 1\n" * 5_000) > short + 10


@pytest.mark.parametrize("name", ["python", "javascript", "rust", "markdown"])
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_reparse_equals_a_fresh_parse(name: str, data: st.DataObject) -> None:
    syntax = parsed(code(name), name)
    for _ in range(3):
        length = len(syntax.document.text)
        places = sorted(data.draw(st.lists(st.integers(0, length), min_size=2, max_size=4)))
        pairs = list(zip(places[::2], places[1::2], strict=False))
        edits = [(start, min(end, start + 9), data.draw(st.sampled_from(PIECES))) for start, end in pairs]
        syntax = changed(syntax, *edits)
        fresh = parsed(syntax.document.text, name)
        assert syntax.source == fresh.source
        # After an error the parser may recover in more than one way, so broken trees need not be the same.
        if not fresh.tree.root_node.has_error:
            assert shape(syntax) == shape(fresh)
        else:
            assert syntax.tree.root_node.has_error


@pytest.mark.parametrize("name", NAMES)
def test_reparse_of_a_harmless_edit_equals_a_fresh_parse(name: str) -> None:
    syntax = parsed(code(name), name)
    text = syntax.document.text
    for word in ("basket", "Basket", "total", "shop", "Button"):
        if word in text:
            syntax = changed(syntax, (text.index(word), text.index(word) + 2, "Xé😀"))
            break
    else:
        pytest.fail("no word to change")
    fresh = parsed(syntax.document.text, name)
    assert str(syntax.tree.root_node) == str(fresh.tree.root_node)
    assert shape(syntax) == shape(fresh)


def test_rows_of_the_tree_stay_right() -> None:
    syntax = changed(parsed("a = 1\rb = 2\nc = 3\n", "python"), (6, 6, "x = é\n"), (12, 13, "cc\n"))
    fresh = parsed(syntax.document.text, "python")
    points = [node.end_point for node in syntax.tree.root_node.children]
    assert points == [node.end_point for node in fresh.tree.root_node.children]


def test_the_old_tree_stays_usable() -> None:
    old = parsed("def f():\n    return 1\n", "python")
    before, names = shape(old), [symbol.name for symbol in outline(old)]
    new = changed(old, (0, 0, "def g(): pass\n\n"))
    assert [symbol.name for symbol in outline(new)] == ["g", "f"]
    assert shape(old) == before
    assert [symbol.name for symbol in outline(old)] == names == ["f"]


def test_edits_that_do_not_fit_cost_a_full_parse() -> None:
    old = parsed("x = 1\n", "python")
    new = Document.create("", "def f(): pass\n", "python", 2)
    assert shape(reparse(old, [], new)) == shape(parsed(new.text, "python"))


def test_a_changed_language_is_parsed_anew() -> None:
    old = parsed("x = 1\n", "python")
    new = reparse(old, [], Document.create("", "x = 1\n", "ruby", 2))
    assert new.language == "ruby"
    assert shape(new) == shape(parsed("x = 1\n", "ruby"))


@given(st.text(alphabet="a\né€😀\ud83d", max_size=60), st.integers(0, 5))
@settings(deadline=None)
def test_bytes_and_characters(text: str, repeats: int) -> None:
    text *= 10**repeats // 40 + 1  # Up to long texts, so that several chunks of the index are crossed.
    text = text[:5000]
    syntax = parsed(text, "markdown")
    for offset in {*range(0, len(text) + 1, 97), 1023, 1024, 1025, len(text)}:
        inside = min(offset, len(text))
        byte = syntax.byte_at(offset)
        assert byte == len(text[:inside].encode("utf-8", "surrogatepass"))
        assert syntax.offset_at_byte(byte) == inside
        if inside < len(text):
            for within in range(byte, syntax.byte_at(inside + 1)):
                assert syntax.offset_at_byte(within) == inside


def test_places_outside_are_moved_inside() -> None:
    for text in ("abc", "éé"):
        syntax = parsed(text, "markdown")
        assert syntax.byte_at(-1) == syntax.offset_at_byte(-1) == 0
        assert syntax.byte_at(99) == len(text.encode())
        assert syntax.offset_at_byte(99) == len(text)


@pytest.mark.parametrize(
    ("text", "errors"), [("x = 1\n", 0), ("x = = 1\n", 1), ("f(\n", 1), ("def f(:\n  pass\n\ny = )\n", 2)]
)
def test_error_count(text: str, errors: int) -> None:
    assert error_count(parsed(text, "python")) == errors


def test_missing_tokens_count() -> None:
    assert error_count(parsed("int f() { return 1 }", "c")) == 1


def test_parses_as_well() -> None:
    good, bad = parsed("x = 1\n", "python"), parsed("x = = 1\n", "python")
    assert parses_as_well(good, good)
    assert parses_as_well(bad, good)
    assert parses_as_well(bad, bad)
    assert not parses_as_well(good, bad)


BAD_INPUT = {
    "empty": "",
    "blank": " \n\t\n",
    "nul": "a\0b\n\0\n{\0}",
    "lone surrogates": "x = '\ud83d'\n\ude00 = \"\ud800é😀\"\n# \udfff\n",
    "mixed line ends": "def f():\r\n  x = 1\r  y = 2\n\r\n}\r",
    "odd separators": "a\f\v\x85\u2028b = 1\n",
    "unclosed": "((((([[[[{{{{\"'`/*<!--",
    "only closers": ")]}>end else: */ -->\n" * 5,
    "deep": "(" * 500 + ")" * 500 + "[" * 500,
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", BAD_INPUT)
def test_bad_input_is_read_without_complaint(name: str, kind: str) -> None:
    text = BAD_INPUT[kind]
    syntax = parsed(text, name)
    whole = Span(Offset(0), Offset(len(text)))
    spans = [symbol.span for symbol in outline(syntax)]
    spans += [*imports(syntax), *statements(syntax, whole), *comments_and_strings(syntax, whole)]
    for offset in range(0, len(text) + 1, max(1, len(text) // 5)):
        spans += [symbol.span for symbol in enclosing(syntax, Offset(offset))]
    assert all(0 <= span.start <= span.end <= len(text) for span in spans)
    cut = changed(syntax, (0, len(text) // 2, "x"))
    assert cut.source == with_line_feeds(cut.document.text).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("edit", [(0, 0, ""), (9, 9, "x()\r"), (9, 9, "\n"), (0, 0, "\r"), (7, 8, "")])
def test_a_lone_return_ends_a_line(edit: tuple[int, int, str]) -> None:
    """A comment, too; and what comes behind the return may join it to another line end."""
    syntax = changed(parsed("x = 1  #\rdef f():\r    return 1\r", "python"), edit)
    symbol = outline(syntax)[-1]
    line = syntax.document.position_at(symbol.span.start).line
    assert syntax.document.line(line) == "def f():"
    assert [node.start_point[0] for node in syntax.tree.root_node.children][-1] == line
    assert shape(syntax) == shape(parsed(syntax.document.text, "python"))


def test_reparse_with_many_edits_at_once() -> None:
    old = parsed(code("go"), "go")
    places = [match.start() for match in re.finditer("total", old.document.text)]
    edits = [Edit(Offset(start), Offset(start + len("total")), "sum_of_all") for start in places]
    assert len(edits) > 1
    new = old.document.replace(edits, 2)
    assert shape(reparse(old, edits, new)) == shape(parsed(new.text, "go"))
