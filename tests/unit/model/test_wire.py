"""Requests to JSON and events to chunks, for both engines."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeassist.model import wire
from codeassist.model.abilities import Abilities
from codeassist.model.api import (
    Alternative,
    ChatRequest,
    Chunk,
    CompletionRequest,
    Message,
    Priority,
    Sampling,
    ServedModel,
    Token,
    Usage,
)
from codeassist.model.errors import MalformedEvent, ModelError, ServerFailed
from codeassist.model.failures import complaint

VLLM, LLAMA = Abilities(engine="vllm"), Abilities(engine="llama.cpp")
FULL = CompletionRequest(
    "def f(",
    32,
    stop=("\n\n",),
    stop_token_ids=(151659, 151643),
    logprobs=3,
    sampling=Sampling(seed=7),
    priority=Priority.WARM_UP,
    cache_salt="user-1",
)
STANDARD = {
    "model": "m",
    "prompt": "def f(",
    "max_tokens": 32,
    "temperature": 0.0,
    "top_p": 1.0,
    "stream": True,
    "stream_options": {"include_usage": True},
    "stop": ["\n\n"],
    "seed": 7,
    "logprobs": 3,
}


def test_a_completion_for_vllm() -> None:
    own = {
        "repetition_penalty": 1.0,
        "priority": 5,
        "cache_salt": "user-1",
        "stop_token_ids": [151659, 151643],
        "stream_options": {"include_usage": True, "continuous_usage_stats": True},
    }
    assert wire.completion_body(FULL, "m", VLLM) == STANDARD | own


def test_a_completion_for_llama_cpp() -> None:
    own = {
        "repeat_penalty": 1.0,
        "cache_prompt": True,
        "return_progress": True,
        "timings_per_token": True,
        "id_slot": 0,
    }
    assert wire.completion_body(FULL, "m", LLAMA) == STANDARD | own


def test_an_unknown_engine_is_spoken_to_as_vllm() -> None:
    assert wire.completion_body(FULL, "m", Abilities()) == wire.completion_body(FULL, "m", VLLM)


def test_a_server_that_refuses_all_that_is_optional_gets_the_rest() -> None:
    refusing = Abilities(refused_fields=wire.OPTIONAL_FIELDS)
    left = {key: value for key, value in STANDARD.items() if key not in ("stream_options", "seed", "logprobs")}
    assert wire.completion_body(FULL, "m", refusing) == left
    assert set(wire.chat_body(CHAT, "m", refusing)) == {"model", "messages", *left} - {"prompt", "stop"}


def test_a_field_of_a_field_is_left_out_alone() -> None:
    refusing = Abilities(refused_fields=frozenset({"stream_options.continuous_usage_stats"}))
    assert wire.completion_body(FULL, "m", refusing)["stream_options"] == {"include_usage": True}


def test_a_beginning_that_cannot_be_continued_is_not_sent() -> None:
    request = ChatRequest((Message("user", "Hi"), Message("assistant", "<COMPLETION>")), 8)
    body = wire.chat_body(request, "m", Abilities(refused_fields=frozenset({"continue_final_message"})))
    assert [message["role"] for message in body["messages"]] == ["user"]
    assert not {"add_generation_prompt", "continue_final_message"} & set(body)


BODY = wire.completion_body(FULL, "m", VLLM)


@pytest.mark.parametrize(
    ("document", "fields"),
    [
        # OpenAI, one and several; FastAPI; a server of pydantic's own text; Go; a JSON schema; vLLM before 0.11.
        ({"error": {"message": "Unrecognized request argument supplied: priority"}}, {"priority"}),
        (
            {"error": {"message": "Unrecognized request arguments supplied: cache_salt, priority", "param": None}},
            {"cache_salt", "priority"},
        ),
        (
            {
                "detail": [
                    {"type": "extra_forbidden", "loc": ["body", "priority"], "msg": "no", "input": "unknown seed"},
                    {"type": "extra_forbidden", "loc": ["body", "cache_salt"], "msg": "no", "input": "logprobs"},
                ]
            },
            {"priority", "cache_salt"},
        ),
        ({"detail": "[{'type': 'extra_forbidden', 'loc': ('body', 'seed'), 'input': 'x stop_token_ids'}]"}, {"seed"}),
        ({"error": 'json: unknown field "repetition_penalty"'}, {"repetition_penalty"}),
        ({"message": "Additional properties are not allowed ('stop_token_ids' was unexpected)"}, {"stop_token_ids"}),
        ({"message": "Got priority 5 but Priority scheduling is not enabled."}, {"priority"}),
        ({"error": {"message": "This field is not supported", "param": "logprobs"}}, {"logprobs"}),
        (
            {"error": {"message": "unknown field stream_options.continuous_usage_stats"}},
            {"stream_options.continuous_usage_stats"},
        ),
        # Neither what was not sent, nor what is merely wrong, nor what a request cannot do without.
        ({"error": "unknown field response_format"}, set()),
        ({"error": "logprobs is 20; at most 5 are given"}, set()),
        ({"error": "unknown field prompt"}, set()),
        ("unknown field seed", {"seed"}),
        ([], set()),
    ],
)
def test_which_fields_a_server_refuses(document: Any, fields: set[str]) -> None:
    assert wire.refused_in(complaint(json.dumps(document).encode()), BODY) == fields


def test_what_is_no_json_names_no_field() -> None:
    assert complaint(b"<html>unknown field seed") == ""


def test_running_counts_of_llama_cpp() -> None:
    event = {"choices": [{"text": "x"}], "timings": {"prompt_n": 4, "cache_n": 96, "predicted_n": 3}}
    assert wire.parse_chunk(json.dumps(event)) == Chunk("x", usage=Usage(prompt=100, generated=3, cached=96))
    for odd in ({}, {"prompt_n": "4", "cache_n": 0, "predicted_n": 1}, [], {"prompt_n": 1}):
        assert wire.parse_chunk(json.dumps({**event, "timings": odd})) == Chunk("x")


def test_what_is_not_asked_for_is_not_sent() -> None:
    body = wire.completion_body(CompletionRequest("x", 1), "m", VLLM)
    assert not {"stop", "stop_token_ids", "seed", "logprobs", "cache_salt"} & set(body)
    assert body["priority"] == 0


CHAT = ChatRequest(
    (Message("system", "Be brief."), Message("user", "Hi")),
    64,
    schema={"type": "object"},
    logprobs=2,
    template_options={"enable_thinking": False},
    reasoning_effort="low",
)


def test_a_chat_for_vllm() -> None:
    body = wire.chat_body(CHAT, "m", VLLM)
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
    ]
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True},
    }
    assert (body["logprobs"], body["top_logprobs"]) == (True, 2)
    assert body["chat_template_kwargs"] == {"enable_thinking": False}
    assert body["reasoning_effort"] == "low"
    assert body["priority"] == 10
    assert not {"add_generation_prompt", "continue_final_message", "id_slot"} & set(body)


def test_a_chat_for_llama_cpp_sits_in_the_slot_of_reviews() -> None:
    body = wire.chat_body(CHAT, "m", LLAMA)
    assert (body["id_slot"], body["cache_prompt"], body["repeat_penalty"]) == (1, True, 1.0)
    assert "priority" not in body


@pytest.mark.parametrize("engine", ["vllm", "llama.cpp", "unknown"])
def test_an_assistant_message_at_the_end_is_continued(engine: Any) -> None:
    request = ChatRequest((Message("user", "Hi"), Message("assistant", "<COMPLETION>")), 8)
    body = wire.chat_body(request, "m", Abilities(engine=engine))
    assert (body["add_generation_prompt"], body["continue_final_message"]) == (False, True)


def test_tokenizing_in_each_dialect() -> None:
    vllm = {"prompt": "x", "add_special_tokens": False}
    llama = {"content": "x", "add_special": False, "parse_special": True}
    assert wire.tokenize_body("x", VLLM) == vllm
    assert wire.tokenize_body("x", LLAMA) == llama
    assert wire.tokenize_body("x", Abilities()) == vllm | llama


def test_no_lone_surrogate_reaches_the_wire() -> None:
    request = ChatRequest(
        (Message("user", "a\ud800b\ude00"),),
        8,
        stop=("\udfff",),
        template_options={"k\udc80": ["\ud83d\ude00"]},
    )
    sent = wire.encode(wire.chat_body(request, "m", VLLM))
    assert b"\\u" not in sent
    body = json.loads(sent.decode("utf-8"))
    assert body["messages"][0]["content"] == "a\ufffdb\ufffd"
    assert body["stop"] == ["\ufffd"]
    assert body["chat_template_kwargs"] == {"k\ufffd": ["\ufffd\ufffd"]}


@given(st.text(st.characters(codec=None), max_size=30))
@settings(max_examples=100, deadline=None)
def test_every_text_arrives_as_it_is_or_with_replacement_characters(text: str) -> None:
    arrived = json.loads(wire.encode({"prompt": text}).decode("utf-8"))["prompt"]
    assert arrived == "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in text)


def event(**choice: Any) -> str:
    return json.dumps({"choices": [{"index": 0, **choice}]})


def test_text_of_a_completion() -> None:
    assert wire.parse_chunk(event(text=" a", finish_reason=None, logprobs=None)) == Chunk(" a")


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("stop", "stop"), ("length", "length"), ("abort", "other"), ("tool_calls", "other")],
)
def test_finish_reasons(reason: str, finish: str) -> None:
    assert wire.parse_chunk(event(text="", finish_reason=reason)).finish == finish


def test_text_of_a_chat_without_the_reasoning() -> None:
    assert wire.parse_chunk(event(delta={"role": "assistant", "content": None})) == Chunk()
    assert wire.parse_chunk(event(delta={"reasoning": "hm", "reasoning_content": "hm"})) == Chunk()
    assert wire.parse_chunk(event(delta={"content": "yes"})) == Chunk("yes")


def test_usage_alone_and_with_a_choice() -> None:
    details = {"prompt_tokens_details": {"cached_tokens": 16}}
    usage = {"prompt_tokens": 18, "completion_tokens": 5, "total_tokens": 23}
    assert wire.parse_chunk(json.dumps({"choices": [], "usage": usage | details})).usage == Usage(18, 5, 16)
    both = {"choices": [{"text": "x"}], "usage": usage | {"prompt_tokens_details": None}}
    assert wire.parse_chunk(json.dumps(both)) == Chunk("x", usage=Usage(18, 5, None))


def test_logprobs_of_vllm_completions() -> None:
    logprobs = {
        "tokens": ["return", " a"],
        "token_logprobs": [-0.25, -1.5],
        "top_logprobs": [{"print": -2.0, "return": -0.25}, {" b": -0.5, " a": -1.5}],
        "text_offset": [0, 6],
    }
    assert wire.parse_chunk(event(text="return a", logprobs=logprobs)).tokens == (
        Token("return", -0.25, (Alternative("return", -0.25), Alternative("print", -2.0))),
        Token(" a", -1.5, (Alternative(" b", -0.5), Alternative(" a", -1.5))),
    )


def test_logprobs_of_vllm_without_alternatives() -> None:
    logprobs = {"tokens": ["a", "b"], "token_logprobs": [-1, None], "top_logprobs": [None, None]}
    tokens = wire.parse_chunk(event(text="ab", logprobs=logprobs)).tokens
    assert tokens == (Token("a", -1.0), Token("b", wire.LOGPROB_FLOOR))


@pytest.mark.parametrize("place", ["text", "delta"])
def test_logprobs_of_llama_cpp_and_of_chats(place: str) -> None:
    # As the embedded engine sent it for a token that a stop string ate.
    entry = {
        "id": 271,
        "token": "",
        "bytes": [],
        "logprob": -0.43,
        "top_logprobs": [
            {"id": 271, "token": "\n\n", "bytes": [10, 10], "logprob": -0.43},
            {"id": 198, "token": "\n", "bytes": [10], "logprob": -1.5},
        ],
    }
    content: dict[str, Any] = {"text": ""} if place == "text" else {"delta": {"content": ""}}
    chunk = wire.parse_chunk(event(logprobs={"content": [entry]}, **content))
    assert chunk.tokens == (Token("", -0.43, (Alternative("\n\n", -0.43), Alternative("\n", -1.5))),)


def test_impossible_probabilities_have_a_floor() -> None:
    logprobs = {"tokens": ["a", "b"], "token_logprobs": [-math.inf, math.nan], "top_logprobs": [{}, {}]}
    tokens = wire.parse_chunk(event(text="ab", logprobs=logprobs)).tokens
    assert [token.logprob for token in tokens] == [wire.LOGPROB_FLOOR, wire.LOGPROB_FLOOR]


def test_a_lone_surrogate_in_an_answer_is_replaced() -> None:
    assert wire.parse_chunk('{"choices": [{"text": "a\\ud800"}]}').text == "a\ufffd"


@pytest.mark.parametrize(
    "data",
    [
        "{oops",
        "[]",
        '"text"',
        "{}",
        '{"choices": {}}',
        '{"choices": [1]}',
        '{"choices": [{"text": 7}]}',
        '{"choices": [{"delta": "x"}]}',
        '{"choices": [{"text": "x", "finish_reason": 1}]}',
        '{"choices": [{"text": "x", "logprobs": []}]}',
        '{"choices": [{"text": "x", "logprobs": {"content": [3]}}]}',
        '{"choices": [{"text": "x", "logprobs": {"content": [{"token": "a"}], "x": 1}}], "usage": 3}',
        '{"choices": [{"text": "x", "logprobs": {"content": [{"token": 1, "logprob": 1}]}}]}',
        '{"choices": [{"text": "x", "logprobs": {"content": [{"token": "a", "logprob": true}]}}]}',
        '{"choices": [{"text": "x", "logprobs": {"tokens": ["a"], "token_logprobs": []}}]}',
        '{"choices": [{"text": "x", "logprobs": {"tokens": "a", "token_logprobs": "b"}}]}',
        '{"choices": [{"logprobs": {"tokens": ["a"], "token_logprobs": [1], "top_logprobs": [3]}}]}',
        '{"choices": [{"text": "x", "logprobs": {"tokens": ["a"], "token_logprobs": [1' + "0" * 400 + "]}}]}",
        '{"choices": [], "usage": {"prompt_tokens": "many"}}',
        '{"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": true}}',
        "[" * 100_000,
    ],
)
def test_what_is_not_the_protocol(data: str) -> None:
    with pytest.raises(MalformedEvent, match="does not speak the OpenAI protocol"):
        wire.parse_chunk(data)


NAMES = [
    *(
        "choices",
        "text",
        "delta",
        "content",
        "finish_reason",
        "error",
        "message",
        "data",
        "id",
        "meta",
        "count",
    ),
    *("logprobs", "tokens", "token_logprobs", "top_logprobs", "token", "logprob"),
    *("usage", "prompt_tokens", "completion_tokens", "prompt_tokens_details", "cached_tokens"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
@settings(max_examples=300, deadline=None)
def test_any_json_gives_a_value_or_a_model_error(document: Any) -> None:
    wrapped = {"choices": [document], "usage": document, "data": document}
    for data in (
        json.dumps(document),
        json.dumps(wrapped),
        json.dumps({"choices": [{"logprobs": document}]}),
    ):
        with suppress(ModelError):
            wire.parse_chunk(data)
        with suppress(ModelError):
            wire.parse_models(data.encode())
        assert wire.parse_token_count(data.encode()) is None or "tokens" in data or "count" in data


@pytest.mark.parametrize(
    "data",
    [
        '{"error": {"message": "out of blocks", "type": "InternalServerError", "code": 500}}',
        '{"object": "error", "message": "out of blocks", "code": 500}',
        '{"error": "out of blocks"}',
    ],
)
def test_an_error_in_the_stream(data: str) -> None:
    with pytest.raises(ServerFailed, match="out of blocks"):
        wire.parse_chunk(data)


def test_an_error_in_the_stream_does_not_repeat_the_prompt() -> None:
    data = json.dumps({"error": {"message": "cannot digest 'secret_function_name(customer)'"}})
    with pytest.raises(ServerFailed) as caught:
        wire.parse_chunk(data, ("def secret_function_name(customer): ...",))
    assert "secret" not in str(caught.value)


def test_an_answer_that_the_engine_gave_up() -> None:
    with pytest.raises(ServerFailed, match="gave up"):
        wire.parse_chunk(event(text="", finish_reason="error"))


def test_models_of_vllm_and_of_llama_cpp() -> None:
    entries = [
        {"id": "a", "max_model_len": 4096},
        {"id": "b", "meta": {"n_ctx": 2048}},
        {"id": "c", "meta": None},
    ]
    assert wire.parse_models(json.dumps({"data": entries}).encode()) == (
        ServedModel("a", 4096),
        ServedModel("b", 2048),
        ServedModel("c"),
    )


@pytest.mark.parametrize("data", [b"<html>", b"{}", b'{"data": [{}]}', b'{"data": [1]}', b"\xff\xfe\xfd"])
def test_a_list_of_models_that_is_none(data: bytes) -> None:
    with pytest.raises(MalformedEvent):
        wire.parse_models(data)


def test_token_counts() -> None:
    assert wire.parse_token_count(b'{"count": 3, "tokens": [1, 2, 3]}') == 3
    assert wire.parse_token_count(b'{"tokens": [1, 2]}') == 2
    assert wire.parse_token_count(b'{"tokens": 2}') is None
    assert wire.parse_token_count(b"<html>") is None


def test_private_texts_are_all_texts_of_the_user() -> None:
    assert wire.private_texts(FULL) == ("def f(",)
    assert wire.private_texts(CHAT) == ("Be brief.", "Hi")
