"""The text of an answer, put together from the events of its stream."""

from __future__ import annotations

import json

import pytest

from codeassist.model import wire
from codeassist.model.api import Chunk


@pytest.mark.parametrize(
    ("texts", "whole"),
    [
        (("a\ud83d", "\ude00b"), "a\U0001f600b"),
        (("\ud83d", "", "\ude00"), "\U0001f600"),
        (("\ud83d", "a", "\ude00"), "\ufffda\ufffd"),
        (("\ud83d", "\ud83d", "\ude00"), "\ufffd\U0001f600"),
        (("é\U0001f600", "a"), "é\U0001f600a"),
        (("a", "\ud83d"), "a"),
    ],
)
def test_the_halves_of_a_character_are_joined(texts: tuple[str, ...], whole: str) -> None:
    characters = wire.Characters()
    events = [json.dumps({"choices": [{"text": text}]}) for text in texts]
    assert "".join(wire.parse_chunk(data, whole=characters.whole).text for data in events) == whole


def test_only_the_answer_that_was_asked_for_is_read() -> None:
    assert wire.parse_chunk('{"choices": [{"index": 1, "text": "b"}]}') == Chunk()
    assert wire.parse_chunk('{"choices": [{"index": 1, "text": "b"}, {"index": 0, "text": "a"}]}') == Chunk("a")
    assert wire.parse_chunk('{"choices": [{"text": "a"}]}') == Chunk("a")
