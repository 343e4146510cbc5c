"""Requests refuse at once what every server would refuse."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from codeassist.model.api import ChatRequest, CompletionRequest, Message, Priority

COMPLETION = CompletionRequest("x", 8)
CHAT = ChatRequest((Message("user", "x"),), 8)


@pytest.mark.parametrize("request_", [COMPLETION, CHAT], ids=["completion", "chat"])
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"stop": ("a", "b", "c", "d", "e")}, "at most 4"),
        ({"stop": ("a", "")}, "empty stop string"),
        ({"max_tokens": 0}, "max_tokens is 0"),
        ({"logprobs": 21}, "logprobs is 21"),
        ({"logprobs": -1}, "logprobs is -1"),
        ({"cache_salt": ""}, "cache_salt"),
        ({"cache_salt": "a/b"}, "cache_salt"),
        ({"cache_salt": "s" * 129}, "cache_salt"),
    ],
)
def test_values_out_of_bounds(request_: Any, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        replace(request_, **changes)


@pytest.mark.parametrize("request_", [COMPLETION, CHAT], ids=["completion", "chat"])
def test_values_at_their_bounds(request_: Any) -> None:
    changed = replace(request_, stop=("a", "b", "c", "d"), max_tokens=1, logprobs=20, cache_salt="s" * 128)
    assert changed.stop == ("a", "b", "c", "d")


def test_a_chat_without_messages() -> None:
    with pytest.raises(ValueError, match="at least one message"):
        ChatRequest((), 8)


def test_completions_run_before_everything_else() -> None:
    assert Priority.COMPLETION < Priority.WARM_UP == Priority.REWRITE < Priority.REVIEW
