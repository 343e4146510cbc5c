"""What in an event counts as work on an answer, and who is named where it is no event at all."""

from __future__ import annotations

import json
from typing import Any

import pytest

from codeassist.model import wire
from codeassist.model.errors import MalformedEvent, ModelError


def test_what_counts_as_work_on_an_answer() -> None:
    work = wire.Work()

    def goes_on(**document: Any) -> bool:
        data = json.dumps({"choices": [], **document})
        return work.goes_on(data, wire.parse_chunk(data))

    assert goes_on(choices=[{"text": "a"}])
    assert not goes_on(choices=[{"text": ""}])
    assert not goes_on()
    assert not goes_on(choices=[{"delta": {"role": "assistant", "content": ""}}])
    assert goes_on(choices=[{"delta": {"reasoning_content": "hm"}}])
    assert goes_on(usage={"completion_tokens": 2})
    assert not goes_on(usage={"completion_tokens": 2}), "the same count again"
    assert goes_on(prompt_progress={"processed": 512, "total": 1024})
    assert not goes_on(prompt_progress={"processed": 512, "total": 1024})
    assert not goes_on(prompt_progress={"processed": "all"})


def test_the_address_stands_in_each_sentence() -> None:
    for data in ("oops", "[]", "{}", '{"choices": [7]}', '{"error": "out of cards"}'):
        with pytest.raises(ModelError, match=r"^The model server at http://h/v1 .*;.*[.]$"):
            wire.parse_chunk(data, server="http://h/v1")
    with pytest.raises(MalformedEvent, match=r"^The model server at http://h/v1 "):
        wire.parse_models(b"{}", server="http://h/v1")
