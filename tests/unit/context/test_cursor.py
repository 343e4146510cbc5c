from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeassist.context.cursor import CursorView, cursor_view
from codeassist.context.limits import ContextLimits
from codeassist.context.pack import pack
from codeassist.context.tokens import estimate_tokens
from codeassist.text.document import Document, Offset
from tests.unit.context.making import opened, python_file

LIMITS = ContextLimits()


def at_cursor(text: str, language: str = "python", limits: ContextLimits = LIMITS) -> CursorView:
    """The view of a text at its "¦"."""
    offset = Offset(text.index("¦"))
    return cursor_view(Document.create("file:///project/a", text.replace("¦", ""), language), offset, limits)


def test_the_parts_of_a_small_file() -> None:
    source = opened("import os\n\n\nclass A:\n    def f(self):\n        return os.sep\n\nA()\n")
    offset = Offset(source.document.text.index("os.sep"))
    view = cursor_view(source, offset, LIMITS)
    assert view.prefix == "import os\n\n\nclass A:\n    def f(self):\n        return "
    assert view.suffix == "os.sep\n\nA()\n"
    assert (view.prefix_start, view.suffix_end) == (0, len(source.document.text))
    assert [scope.name for scope in view.scopes] == ["A", "f"]
    assert (view.indent, view.line_prefix, view.line_suffix) == ("        ", "        return ", "os.sep")
    assert view.head == ""
    assert not view.block_start


def test_what_fell_out_of_the_window_is_said_in_the_head() -> None:
    text = python_file(30) + "class Late:\n    def long(\n        self, items: list[int]\n    ) -> int:\n"
    text += "".join(f"        step_{number} = {number}\n" for number in range(400))
    view = cursor_view(opened(text), Offset(len(text) - 1), ContextLimits(prompt_tokens=600))
    assert view.head == (
        "from __future__ import annotations\nimport os\nfrom shop.money import Price\n# ...\n"
        "class Late:\n    def long(\n        self, items: list[int]\n    ) -> int:\n# ...\n"
    )
    assert view.prefix.startswith("        step_")
    assert estimate_tokens(view.head) <= ContextLimits(prompt_tokens=600).head_budget


def test_a_head_without_room_keeps_the_innermost_signature() -> None:
    imports = "".join(f"from package_{number}.module import Name{number}\n" for number in range(50))
    text = imports + "class Late:\n    def long(self):\n" + "        step = 1\n" * 400
    view = cursor_view(opened(text), Offset(len(text) - 1), ContextLimits(prompt_tokens=400))
    assert "    def long(self):\n" in view.head
    assert "Name49" not in view.head


def test_the_suffix_ends_at_a_line_end_within_its_caps() -> None:
    many = "x¦ = 1\n" + "".join(f"y{number} = {number}\n" for number in range(100))
    assert at_cursor(many).suffix.count("\n") == LIMITS.suffix_lines
    wide = "x¦ = 1\n" + ("z = " + "f(1) + " * 20 + "0\n") * 10
    view = at_cursor(wide)
    assert view.suffix.endswith("0\n")
    assert 0 < view.suffix_tokens <= LIMITS.suffix_budget
    assert at_cursor(wide, limits=ContextLimits(suffix_lines=0)).suffix == ""


def test_a_suffix_of_one_endless_line_is_cut_inside() -> None:
    view = at_cursor("x¦ = [" + "1, " * 50_000)
    assert view.suffix.startswith(" = [1, ")
    assert 0 < view.suffix_tokens <= LIMITS.suffix_budget


def test_a_cursor_between_carriage_return_and_line_feed_is_at_the_line_end() -> None:
    view = cursor_view(Document.create("file:///a", "a\r\nb"), Offset(2), LIMITS)
    assert (view.prefix, view.suffix) == ("a", "\r\nb")


@pytest.mark.parametrize("offset", [-5, 99])
def test_an_offset_outside_moves_inside(offset: int) -> None:
    view = cursor_view(Document.create("file:///a", "ab\n"), Offset(offset), LIMITS)
    assert (view.prefix, view.suffix) in {("", "ab\n"), ("ab\n", "")}


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("if x:¦", "python", True),
        ("if x:  # why¦", "python", True),
        ("if x:\n    ¦\nprint()", "python", True),
        ("if x:\n\n    ¦", "python", False),
        ("if x: ¦pass", "python", False),
        ("x = {'a': ¦1}", "python", False),
        ("call(¦)", "python", False),
        ("call(\n    ¦\n)", "python", True),
        ("x = 1¦", "python", False),
        ("# note:¦", "python", False),
        ("¦", "python", False),
        ("function f() {¦}", "javascript", True),
        ("f(() => {¦});", "javascript", True),
        ("const f = () =>¦", "javascript", True),
        ("if (x) { // why\n  ¦\n}", "javascript", True),
        ("x = '//'; {¦", "javascript", True),
        ("def total\n  ¦\nend", "ruby", True),
        ("items.each do¦", "ruby", True),
        ("x = 1 if y\n¦", "ruby", False),
        ("while x do y end\n¦", "ruby", False),
        ("if [ -f a ]; then\n  ¦", "bash", True),
        ("local function f(a)\n  ¦", "lua", True),
    ],
)
def test_block_starts(text: str, language: str, expected: bool) -> None:
    assert at_cursor(text, language).block_start is expected


WORDS = st.lists(
    st.sampled_from(
        ["def f(x):\n", "    ", "\n", "\r\n", "x = 1", "# é数🚀 ", "class A:\n", "(", "'", "\ud800", "a" * 80]
    ),
    max_size=120,
).map("".join)


@given(text=WORDS, place=st.floats(0, 1), budget=st.integers(64, 600), parsed=st.booleans())
@settings(max_examples=80, deadline=None)
def test_any_text_at_any_place_stays_within_the_budget(text: str, place: float, budget: int, parsed: bool) -> None:
    limits = ContextLimits(prompt_tokens=budget)
    source = opened(text)
    view = cursor_view(source if parsed else source.document, Offset(int(place * len(text))), limits)
    assert view.document.text[view.prefix_start : view.offset] == view.prefix
    assert view.document.text[view.offset : view.suffix_end] == view.suffix
    packed = pack(view, (), limits)
    assert packed.prefix == view.head + view.prefix
    assert packed.tokens <= budget
    assert estimate_tokens(packed.prefix) + estimate_tokens(packed.suffix) <= packed.tokens
