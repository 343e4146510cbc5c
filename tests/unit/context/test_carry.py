"""The context of the key before, carried on: what it says is what would be looked up again."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeassist.context.carry import carried
from codeassist.context.cursor import cursor_view
from codeassist.context.limits import ContextLimits
from codeassist.context.pack import Packed, pack
from codeassist.context.related import Snippet
from codeassist.syntax.tree import parse
from codeassist.text.document import Document, Offset
from codeassist.text.edits import Edit
from tests.unit.context.making import opened, python_file

LIMITS = ContextLimits()
TEXT = """import os
from shop import cart


class Till:
    def total(self, prices):
        {}


def after():
    pass
"""


def packed_at(document: Document, offset: Offset, limits: ContextLimits = LIMITS) -> Packed:
    syntax = parse(document)
    assert syntax is not None
    snippet = Snippet("cart.py", 3, 4, "class Cart: ...\n", "test", 1.0, 9)
    return pack(cursor_view(syntax, offset, limits), (snippet,), limits, "till.py")


def type_on(line: str, typed: str, *, limits: ContextLimits = LIMITS) -> tuple[Packed | None, Document, Offset]:
    """What is carried from the end of `line` over `typed`, key by key; and the document and place then."""
    document = opened(TEXT.format(line)).document
    start = Offset(document.text.index("prices):\n        ") + len("prices):\n        ") + len(line))
    before, steps, at = packed_at(document, start, limits), [], start
    for key in typed:
        edit = Edit(at, at, key)
        document, at = document.replace([edit], document.version + 1), Offset(at + 1)
        steps.append((edit,))
    return carried(before, steps, document, at, limits), document, at


@pytest.mark.parametrize(
    ("line", "typed"),
    [
        ("", "s"),
        ("", "self"),
        ("su", "m"),
        ("total = sum(pri", "ces"),
        ("return ", "x"),
        ("self.", "till"),
        ("value ", "= "),
        ("if value", "s"),
        ("", "él"),
    ],
)
def test_a_growing_word_carries_all_that_would_be_found_again(line: str, typed: str) -> None:
    found, document, at = type_on(line, typed)
    anew = packed_at(document, at)
    assert found is not None
    assert (found.prefix, found.suffix, found.snippets) == (anew.prefix, anew.suffix, anew.snippets)
    one, other = found.view, anew.view
    assert (one.line_prefix, one.line_suffix, one.indent) == (other.line_prefix, other.line_suffix, other.indent)
    assert (one.block_start, one.suffix_end, one.imports) == (other.block_start, other.suffix_end, other.imports)
    assert [scope.name for scope in one.scopes] == [scope.name for scope in other.scopes]
    assert one.document is document


@pytest.mark.parametrize(
    ("line", "typed", "why"),
    [
        ("cart", ".", "a member of it is wanted"),
        ("cart", "(", "an argument is wanted"),
        ("cart", " ", "the name is finished"),
        ("x = ", '"', "a string begins"),
        ("x = 1 ", "# ", "a comment begins"),
        ("x ", "= y ", "another name is finished"),
        ("", "x\n", "another line"),
        ("", "a" * 33, "so much that it is looked up again"),
    ],
)
def test_what_asks_for_something_else_is_not_carried(line: str, typed: str, why: str) -> None:
    assert type_on(line, typed)[0] is None, why


def test_only_typing_at_the_cursor_is_carried() -> None:
    document = opened(TEXT.format("su")).document
    at = Offset(document.text.index("        su") + 10)
    before = packed_at(document, at)
    for edits in (
        [Edit(Offset(at - 1), at, "x")],
        [Edit(Offset(0), Offset(0), "m")],
        [Edit(Offset(at + 1), Offset(at + 1), "m")],
    ):
        changed = document.replace(edits, 2)
        assert carried(before, [tuple(edits)], changed, Offset(at + 1), LIMITS) is None
    changed = document.replace([Edit(at, at, "m")], 2)
    assert carried(before, [(Edit(at, at, "m"),)], changed, at, LIMITS) is None, "the cursor is not behind it"


def test_an_import_is_not_carried() -> None:
    document = opened(TEXT.format("pass")).document
    at = Offset(document.text.index("\n"))
    changed = document.replace([Edit(at, at, "x")], 2)
    assert carried(packed_at(document, at), [(Edit(at, at, "x"),)], changed, Offset(at + 1), LIMITS) is None


@given(st.integers(200, 1500), st.integers(0, 20_000), st.text("abc_1 ", max_size=24))
@settings(max_examples=60)
def test_the_budget_holds_and_the_prompt_only_grows(tokens: int, at: int, typed: str) -> None:
    limits = ContextLimits(prompt_tokens=tokens)
    document = opened(python_file(400)).document
    offset = document.line_end(document.position_at(Offset(at % len(document.text))).line)
    before = packed_at(document, offset, limits)
    edit = Edit(offset, offset, typed)
    found = carried(before, [(edit,)], document.replace([edit], 2), Offset(offset + len(typed)), limits)
    if found is not None:
        assert found.prefix == before.prefix + typed
        assert found.suffix == before.suffix
        assert found.tokens <= tokens
