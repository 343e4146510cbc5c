"""What a request cost, without a word of its code."""

from __future__ import annotations

import json

import pytest

from codeassist.flow.asking import read, whole_text
from codeassist.flow.trace import Trace
from codeassist.model.api import CompletionRequest, Usage
from codeassist.model.errors import TruncatedStream
from codeassist.model.scripted import ScriptedModel

REQUEST = CompletionRequest("abcdefgh", 64)


def test_a_stage_entered_twice_adds_up() -> None:
    trace = Trace("completion")
    trace.add("context", 1.5)
    trace.add("context", 2.0)
    with trace.stage("context"), trace.stage("inner"):
        pass
    assert trace.stages["context"] >= 3.5
    assert list(trace.stages) == ["context", "inner"]


def test_a_failing_stage_is_timed_too() -> None:
    trace = Trace("completion")
    with pytest.raises(LookupError), trace.stage("model"):
        raise LookupError
    assert trace.stages["model"] >= 0


def test_tokens_add_up_over_requests() -> None:
    trace = Trace("review")
    trace.count(Usage(prompt=10, generated=3), generated=99)
    assert trace.tokens() == {"prompt": 10, "cached": None, "generated": 3}
    trace.count(Usage(prompt=10, generated=3, cached=8), generated=99)
    trace.count(None, generated=5)
    assert trace.tokens() == {"prompt": 20, "cached": 8, "generated": 11}
    assert trace.requests == 3


def test_the_record_is_plain_data() -> None:
    trace = Trace("completion", skip="empty", detail="Why.")
    record = json.loads(json.dumps(trace.record()))
    assert record["skip"] == "empty"
    names = {"kind", "timings", "tokens", "requests", "reused", "confidence", "skip", "detail", "dropped"}
    assert set(record) == names
    assert record["timings"]["total"] >= 0


def test_what_is_dropped_is_counted_by_known_reasons() -> None:
    trace = Trace("review")
    for reason in ("no-such-quote", "too-many", "no-such-quote"):
        trace.drop(reason)
    assert trace.record()["dropped"] == {"no-such-quote": 2, "too-many": 1}
    with pytest.raises(ValueError, match="unknown reason 'whatever'"):
        trace.drop("whatever")


async def test_a_stream_read_to_its_end_counts_what_the_server_says() -> None:
    trace = Trace("completion")
    assert await whole_text(ScriptedModel("a¦b¦c").complete(REQUEST), trace) == "abc"
    assert trace.tokens() == {"prompt": 2, "cached": None, "generated": 3}


async def test_a_stream_left_early_counts_what_was_read() -> None:
    trace, model = Trace("completion"), ScriptedModel("a¦b¦c")
    stream = read(model.complete(REQUEST), trace)
    assert (await anext(stream)).text == "a"
    await stream.aclose()
    assert (trace.requests, trace.generated_tokens) == (1, 1)
    assert model.calls[0].outcome == "closed"


async def test_a_stream_that_fails_is_counted_too() -> None:
    trace = Trace("completion")
    with pytest.raises(TruncatedStream):
        await whole_text(ScriptedModel("a¦\n!cut").complete(REQUEST), trace)
    assert (trace.requests, trace.generated_tokens) == (1, 1)
