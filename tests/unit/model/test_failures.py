"""From a server's answer to a sentence for the user."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from codeassist.model import errors
from codeassist.model.failures import MAX_EXPLANATION_CHARACTERS, clean, error_for_status, explain

PROMPT = 'def charge(customer, "amount"):\n    return ledger.post(customer)\n'


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (307, errors.ModelNotFound, "model-not-found"),
        (400, errors.BadRequest, "model-bad-request"),
        (401, errors.Unauthorised, "model-unauthorised"),
        (403, errors.Unauthorised, "model-unauthorised"),
        (404, errors.ModelNotFound, "model-not-found"),
        (413, errors.PromptTooLong, "model-prompt-too-long"),
        (422, errors.BadRequest, "model-bad-request"),
        (429, errors.Overloaded, "model-overloaded"),
        (500, errors.ServerFailed, "model-server-error"),
        (502, errors.ServerFailed, "model-server-error"),
        (503, errors.Overloaded, "model-overloaded"),
    ],
)
def test_every_status_has_its_class(status: int, kind: type[errors.ModelError], reason: str) -> None:
    error = error_for_status(status, server="http://h:1/v1", path="/v1/completions", explanation="full")
    assert type(error) is kind
    assert error.reason == reason
    assert str(error).startswith("The model server at http://h:1/v1 ")
    assert str(status) in str(error)
    assert str(error).endswith(".")


def test_reasons_are_distinct() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and kind is not errors.ModelError]
    kinds = [kind for kind in kinds if issubclass(kind, errors.ModelError)]
    assert len({kind.reason for kind in kinds}) == len(kinds) == 9


def test_a_missing_model_and_a_missing_endpoint_differ() -> None:
    said = "The model `qwen` does not exist."
    missing = error_for_status(404, server="s", path="/v1/completions", model="qwen", explanation=said)
    assert "does not serve 'qwen'; set server.model" in str(missing)
    elsewhere = error_for_status(404, server="s", path="/v2/completions", model="qwen", explanation="Not Found")
    assert "has no /v2/completions (404); check server.url" in str(elsewhere)


def test_a_model_without_a_chat_template_says_what_to_do() -> None:
    said = "default chat template is no longer allowed, so you must provide a chat template if the tokenizer has none"
    error = error_for_status(400, server="s", path="p", explanation=said, refused=frozenset({"seed"}))
    assert str(error).endswith(
        "has no chat template for its model; serve it with --chat-template, or a model that chats."
    )
    assert isinstance(error, errors.BadRequest)
    assert error.fields == frozenset()


@pytest.mark.parametrize(
    ("status", "said", "step"),
    [
        (400, "", "its log says why, and `codeassist doctor` says what this server can do."),
        (422, "no such thing", "its log says why, and `codeassist doctor` says what this server can do."),
        (400, "This model's maximum context length is 64 tokens.", "or serve it with a longer context."),
        (400, "the request exceeds the available context size", "or serve it with a longer context."),
        (413, "", "or let the proxy before it pass larger requests."),
    ],
)
def test_a_refusal_has_a_next_step(status: int, said: str, step: str) -> None:
    error = error_for_status(status, server="s", path="p", explanation=said)
    assert isinstance(error, errors.BadRequest)
    assert isinstance(error, errors.PromptTooLong) == ("log" not in step)
    assert f"refuses the request ({status}" in str(error)
    assert str(error).endswith(step)


def test_a_key_that_is_wrong_and_one_that_is_missing_differ() -> None:
    assert "refuses the key" in str(error_for_status(401, server="s", path="p", keyed=True))
    assert "asks for a key" in str(error_for_status(401, server="s", path="p", keyed=False))


def test_an_explanation_of_a_refused_key_is_not_repeated() -> None:
    error = error_for_status(401, server="s", path="p", keyed=True, explanation="wrong key: sk-12…90")
    assert "sk-" not in str(error)


def test_patience_is_carried() -> None:
    error = error_for_status(503, server="s", path="p", retry_after_s=2.0)
    assert isinstance(error, errors.Overloaded)
    assert error.retry_after_s == 2.0


@pytest.mark.parametrize(
    "document",
    [
        {"error": {"message": "too long", "type": "BadRequestError", "code": 400}},
        {"error": "too long"},
        {"object": "error", "message": "too long"},
        {"message": "too long"},
        {"detail": "too long"},
        {"detail": [{"loc": ["body", "stop"], "msg": "too long", "input": PROMPT}]},
    ],
)
def test_explanations_in_every_form(document: Any) -> None:
    assert explain(json.dumps(document).encode()) == "too long"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"3",
        b"null",
        b'{"error": {}}',
        b'{"error": [[[[[["deep"]]]]]]}',
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_bodies_without_an_explanation(body: bytes) -> None:
    assert explain(body) == ""


@pytest.mark.parametrize(
    "message",
    [
        PROMPT,
        f"bad prompt {PROMPT!r}",
        f"bad prompt {json.dumps(PROMPT)}",
        "unexpected `return ledger.post(customer)`",
        "unexpected ledger.post(cust…",
        'unexpected return\n  ledger.post( customer) in charge(customer, "amount"):',
    ],
)
def test_quotations_of_the_prompt_are_left_out(message: str) -> None:
    assert clean(message, (PROMPT,)) == ""


@pytest.mark.parametrize("prompt", ["größe = 'äöüßéèêàçñ'", '"ä"\n"ö"\n"ü"\n"ß"\n"é"\n'])
@pytest.mark.parametrize("escaped", [repr, json.dumps, lambda text: json.dumps(text, ensure_ascii=False)])
def test_quotations_of_escaped_text_are_left_out(prompt: str, escaped: Callable[[str], str]) -> None:
    assert clean(f"bad: {escaped(prompt)}", (prompt,)) == ""


def test_a_short_prompt_or_key_is_a_quotation_as_a_whole() -> None:
    assert clean("cannot parse 'x = 1'", ("x = 1",)) == ""
    assert clean("nothing (to) see", ("(", "to")) == "nothing (to) see"


def test_what_pydantic_appends_is_cut_off() -> None:
    said = "1 validation error: {'type': 'value_error', 'msg': 'at most 4', 'input': {'prompt': 'def charge('}}"
    assert clean(said) == "1 validation error: {'type': 'value_error', 'msg': 'at most 4'"


def test_an_explanation_is_one_bounded_line_without_control_characters() -> None:
    assert clean("too\n  long\x1b[31m.\x00") == "too long[31m"
    long = clean("word " * 1000)
    assert len(long) <= MAX_EXPLANATION_CHARACTERS + 1
    assert long.endswith("…")
