from __future__ import annotations

import pytest

from codeassist.context.cursor import cursor_view
from codeassist.context.limits import ContextLimits
from codeassist.context.pack import pack
from codeassist.context.related import Snippet
from codeassist.text.document import Document, Offset
from tests.unit.context.making import opened, python_file

TEXT = python_file(2000)
MIDDLE = Offset(len(TEXT) // 2)


def snippet(path: str, line: int, tokens: int) -> Snippet:
    return Snippet(path, line, line + 1, "text\n", "test", 1.0, tokens)


def test_snippets_keep_their_order() -> None:
    limits = ContextLimits()
    view = cursor_view(opened("x = 1\n"), Offset(3), limits)
    given = (snippet("b.py", 3, 5), snippet("a.py", 9, 5), snippet("a.py", 2, 5))
    packed = pack(view, given, limits)
    assert packed.snippets == given
    assert packed.tokens == view.prefix_tokens + view.suffix_tokens + 15


def test_without_snippets_the_prefix_gets_their_share() -> None:
    limits = ContextLimits(prompt_tokens=4000)
    view = cursor_view(opened(TEXT), MIDDLE, limits)
    alone = pack(view, (), limits)
    shared = pack(view, (snippet("a.py", 1, 1000),), limits)
    assert alone.prefix == view.head + view.prefix
    assert len(shared.prefix) < len(alone.prefix)
    assert alone.prefix[-2000:] == shared.prefix[-2000:]
    assert 4000 * 0.7 < alone.tokens <= 4000
    assert 4000 * 0.7 < shared.tokens <= 4000


def test_snippets_that_do_not_fit_are_left_out_and_later_ones_may_still_fit() -> None:
    limits = ContextLimits(prompt_tokens=1000)
    view = cursor_view(opened(TEXT), MIDDLE, limits)
    packed = pack(view, (snippet("big.py", 1, 900), snippet("small.py", 1, 50)), limits)
    assert [found.path for found in packed.snippets] == ["small.py"]


@pytest.mark.parametrize(
    ("uri", "path"), [("file:///project/shop/a%20b.py", "a b.py"), ("untitled:Untitled-1", "untitled:Untitled-1")]
)
def test_the_path_is_the_uris_last_part_unless_given(uri: str, path: str) -> None:
    limits = ContextLimits()
    view = cursor_view(Document.create(uri, "x"), Offset(1), limits)
    assert pack(view, (), limits).path == path
    assert pack(view, (), limits, "shop/a.py").path == "shop/a.py"


@pytest.mark.parametrize(
    "wrong",
    [
        {"prefix_share": 0.8},
        {"related_share": -0.1},
        {"head_share": 0.9},
        {"prompt_tokens": 10},
        {"suffix_lines": -1},
    ],
)
def test_limits_that_cannot_hold_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"shares|tokens"):
        ContextLimits(**wrong)  # type: ignore[arg-type]
