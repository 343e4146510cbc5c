from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeassist.context.cursor import cursor_view
from codeassist.context.limits import ContextLimits
from codeassist.context.pack import Packed, pack
from codeassist.context.related import OpenFile, related_snippets
from codeassist.context.tokens import estimate_tokens
from codeassist.context.window import _CONTINUES, _beginning, window_start
from codeassist.prompt.families import family
from codeassist.prompt.fim import render_fim
from codeassist.text.document import Document, Offset
from tests.unit.context.making import common_prefix, opened, python_file, typing

TEXT = python_file(2000)
MIDDLE = Offset(TEXT.index("        return amount\n", len(TEXT) // 2))
TYPED = (
    "        for good in self.stock:\n            if good.price > 3:\n                amount += 1\n"
    '            elif good.name == "x(":\n                amount -= Price(2)\n        print("sum", amount)\n'
    "        while amount:"
)
MONEY = opened(
    'class Price:\n    """Money."""\n\n    def __init__(self, cents: int) -> None:\n        self.cents = cents\n',
    uri="file:///project/shop/money.py",
)
SHELF = opened(python_file(400, seed=5000).replace("Basket", "Shelf"), uri="file:///project/shop/shelf.py")
OTHERS = (
    OpenFile("shop/money.py", MONEY, MONEY.document),
    OpenFile("shop/shelf.py", SHELF, SHELF.document),
)


@pytest.mark.parametrize("budget", [700, 2048, 6000])
@pytest.mark.parametrize("name", ["qwen-coder", "codestral"])
def test_typing_200_characters_keeps_the_head_of_the_prompt(budget: int, name: str) -> None:
    limits = ContextLimits(prompt_tokens=budget)
    steps: list[tuple[Packed, str]] = []
    for syntax, offset in typing(opened(TEXT), MIDDLE, TYPED):
        view = cursor_view(syntax, offset, limits)
        packed = pack(view, related_snippets(view, OTHERS, limits), limits, "shop/cart.py")
        steps.append((packed, render_fim(packed, family(name), "acme/shop").text))
    assert len(TYPED) >= 200
    assert len(steps[0][0].snippets) > 0
    moves = 0
    for (packed, prompt), (_, after) in pairwise(steps):
        end_of_prefix = prompt.index(packed.prefix) + len(packed.prefix)
        if common_prefix(prompt, after) < end_of_prefix:
            moves += 1
    assert moves <= 1
    assert steps[-1][0].prefix.endswith("while amount:")


def test_a_line_added_above_the_window_seldom_moves_it() -> None:
    limits = ContextLimits()
    line = "import sys\n"
    before, after = Document.create("file:///a", TEXT), Document.create("file:///a", line + TEXT)
    kept = 0
    for share in range(30, 80):
        offset = before.line_start(before.line_count * share // 100)
        start, _ = window_start(before, offset, 1500, limits)
        moved, _ = window_start(after, Offset(offset + len(line)), 1500, limits)
        assert start > 0
        kept += moved == start + len(line)
    assert kept >= 40


def test_the_window_begins_where_something_begins() -> None:
    for budget in (300, 700, 1500, 3000):
        start, tokens = window_start(opened(TEXT).document, MIDDLE, budget, ContextLimits(prompt_tokens=budget))
        first = TEXT[start:].split("\n", 1)[0]
        assert first.startswith(("class ", "    def ")), first
        assert TEXT[start - 2 : start] == "\n\n"
        assert budget * 0.5 < tokens <= budget


def test_a_small_file_is_taken_whole() -> None:
    text = "a = 1\nb = 2\n"
    assert window_start(Document.create("file:///a", text), Offset(8), 100, ContextLimits()) == (
        0,
        estimate_tokens(text[:8]),
    )


@pytest.mark.parametrize("text", ["x = [" + "'abc', " * 20_000, "数" * 50_000, "0" * 50_000, " " * 50_000])
def test_a_line_longer_than_the_budget_is_cut_inside(text: str) -> None:
    document = Document.create("file:///a", "first\n" + text)
    start, tokens = window_start(document, Offset(40_000), 500, ContextLimits())
    assert 6 < start < 40_000 or text.isspace()
    assert tokens == estimate_tokens(document.text[start:40_000]) <= 500
    later, _ = window_start(document, Offset(40_001), 500, ContextLimits())
    assert later in {start, start + 256} or later - start < 256


def test_lines_of_hundreds_of_tokens_are_cut_between_lines() -> None:
    document = Document.create("file:///a", ("alpha_beta = [" + "1, " * 100 + "]\n") * 100)
    end = document.line_start(90)
    start, tokens = window_start(document, end, 1000, ContextLimits())
    assert document.position_at(start).column == 0
    assert 300 < tokens <= 1000


@pytest.mark.parametrize("budget", [8, 20, 60, 200])
def test_the_window_never_begins_behind_the_cursor(budget: int) -> None:
    lines = ["    x = 1"] * 100
    lines[54:56] = ["", "class Below:"]  # The best place to begin of its grid cell, but below the cursor.
    document = Document.create("file:///a", "\n".join(lines))
    cursor = Offset(document.line_start(52) + 4)
    start, tokens = window_start(document, cursor, budget, ContextLimits())
    assert start < cursor
    assert 0 < tokens <= budget


def beginning_line_by_line(document: Document, first: int, count: int) -> int:
    """What `_beginning` is for, without a memory."""
    if first == 0:
        return 0
    best, best_rank = first, (-1, 0)
    blank_before = not document.line(first - 1).strip()
    for number in range(first, first + count):
        line = document.line(number)
        bare = line.lstrip()
        if bare and not _CONTINUES.match(bare):
            indent = len(line) - len(bare)
            rank = (2 if blank_before and not indent else 1 if blank_before else 0, -indent)
            if rank > best_rank:
                best, best_rank = number, rank
        blank_before = not bare
    return best


@given(
    text=st.lists(
        st.sampled_from(["", " ", "a", "  b", "\t", ")", " else", "\f", "c\x85d", "\u2028"]), max_size=30
    ).flatmap(
        lambda lines: st.lists(st.sampled_from(["\n", "\r\n", "\r"]), min_size=len(lines), max_size=len(lines)).map(
            lambda ends: "".join(line + end for line, end in zip(lines, ends, strict=True))
        )
    ),
    first=st.integers(0, 32),
    count=st.integers(1, 12),
)
def test_the_best_line_of_a_cell_is_the_same_from_memory(text: str, first: int, count: int) -> None:
    document = Document.create("file:///notes", text)
    assert _beginning(document, first, count) == beginning_line_by_line(document, first, count)
