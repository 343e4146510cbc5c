"""From what a server answers to the typed error that the user reads: one sentence, cause and next step.

Servers like to quote the request in their explanations. Such a quotation is left out: error messages end up
in logs and in editors' pop-ups, and file text does not belong there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from codeassist.model.errors import (
    BadRequest,
    ModelError,
    ModelNotFound,
    Overloaded,
    PromptTooLong,
    ServerFailed,
    Unauthorised,
)

MAX_EXPLANATION_CHARACTERS = 240
_QUOTATION_CHARACTERS = 12
"""So many characters in a row that also stand in the request count as a quotation of it."""
_MAX_DEPTH = 4


def error_for_status(
    status: int,
    *,
    server: str,
    path: str,
    model: str | None = None,
    keyed: bool = False,
    explanation: str = "",
    retry_after_s: float | None = None,
    refused: frozenset[str] = frozenset(),
) -> ModelError:
    """The error for an HTTP `status` that is not 2xx.

    `server`: its address; `path`: what was asked; `model`: the served name that was asked for; `keyed`: a key
    was sent; `explanation`: the server's own words, already cleaned by `explain`; `refused`: the optional fields of
    the request that it says it does not know.
    """
    said = f" ({status}: {explanation})" if explanation else f" ({status})"
    name = f"The model server at {server}"
    if status in (401, 403):
        cause = "refuses the key that was sent" if keyed else "asks for a key and none was sent"
        # Whatever the server says here may repeat the key.
        return Unauthorised(
            f"{name} {cause} ({status}); put the right one into the environment variable that server.api_key_env names."
        )
    if status == 404:
        if model is not None and (model in explanation or "model" in explanation.lower()):
            return ModelNotFound(f"{name} does not serve '{model}'; set server.model to a name that it lists.")
        return ModelNotFound(f"{name} has no {path} ({status}); check server.url.")
    if status in (429, 503):
        return Overloaded(
            f"{name} is overloaded or still loading its model{said}; try again in a moment.",
            retry_after_s,
        )
    if 300 <= status < 400:
        return ModelNotFound(
            f"{name} redirects elsewhere ({status}), which is not followed; set server.url to the final address."
        )
    if 400 <= status < 500:
        return _refusal(name, status, said, explanation, refused)
    return ServerFailed(f"{name} failed{said}; its log says why.")


_TOO_LONG = re.compile(
    r"context (?:length|size|window)|too (?:long|large|many tokens)|max_model_len|maximum .*tokens"
    r"|exceed.*(?:context|tokens)",
    re.IGNORECASE,
)


def _refusal(name: str, status: int, said: str, explanation: str, refused: frozenset[str]) -> BadRequest:
    if "chat template" in explanation.lower():
        return BadRequest(
            f"{name} has no chat template for its model; serve it with --chat-template, or a model that chats."
        )
    if status == 413 or _TOO_LONG.search(explanation):
        where = "let the proxy before it pass larger requests" if status == 413 else "serve it with a longer context"
        step = f"lower completion.prompt_tokens and review.prompt_tokens, or {where}"
        return PromptTooLong(f"{name} refuses the request{said}; {step}.", refused)
    step = "its log says why, and `codeassist doctor` says what this server can do"
    return BadRequest(f"{name} refuses the request{said}; {step}.", refused)


def explain(body: bytes, private: Sequence[str] = ()) -> str:
    """The server's own explanation from an error body, cleaned for a message; "" if it gives none.

    Understands `{"error": {"message": ...}}`, `{"error": "..."}`, `{"message": ...}` and `{"detail": ...}`.
    `private`: texts (prompt, key) that must not be repeated.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    return clean(message_in(document), private)


def complaint(body: bytes) -> str:
    """All that an error body says about the fields of the request, for `wire.refused_in`; never shown to anyone.

    Beside the message that is what validators say of each field: its path and the kind of the mistake, without the
    value that they quote.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    words = [_without_input(message_in(document))]
    error = document.get("error") if isinstance(document, dict) else None
    if isinstance(error, dict) and isinstance(error.get("param"), str):
        words.append(error["param"])
    details = document.get("detail") if isinstance(document, dict) else None
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict):
            place = detail.get("loc")
            words.append(".".join(map(str, place)) if isinstance(place, list) else "")
            words += [str(detail.get(key, "")) for key in ("type", "msg")]
    return " ".join(words)


def message_in(document: Any, depth: int = 0) -> str:
    """The message in a parsed error document, as the server wrote it; "" if there is none."""
    if isinstance(document, str):
        return document
    if depth == _MAX_DEPTH:
        return ""
    if isinstance(document, list):  # FastAPI's validation errors: the first one is enough.
        return message_in(document[0], depth + 1) if document else ""
    if isinstance(document, dict):
        for key in ("error", "message", "detail", "msg"):
            if document.get(key):
                return message_in(document[key], depth + 1)
    return ""


def clean(message: str, private: Sequence[str] = ()) -> str:
    """`message` as part of a sentence: one line, bounded, no control characters.

    "" if it quotes a private text.
    """
    message = _without_input(message)
    line = " ".join(message[: 4 * MAX_EXPLANATION_CHARACTERS].split())
    line = "".join(character for character in line if character.isprintable()).strip(" ,.{[")
    if any(_quotes(line, text) for text in private):
        return ""
    if len(line) > MAX_EXPLANATION_CHARACTERS:
        line = line[:MAX_EXPLANATION_CHARACTERS].rstrip() + "…"
    return line


def _without_input(message: str) -> str:
    """pydantic appends the refused input, which is our request."""
    for marker in ("'input':", '"input":', "input_value="):
        message = message.partition(marker)[0]
    return message


def _quotes(line: str, text: str) -> bool:
    forms = {
        " ".join(text.split()),
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        repr(text)[1:-1],
    }
    for form in forms:
        if len(form) < _QUOTATION_CHARACTERS:
            # One to three characters (a bracket, a word like "if") stand in any sentence.
            if len(form) > 3 and form in line:
                return True
            continue
        last_start = len(line) - _QUOTATION_CHARACTERS
        if any(line[start : start + _QUOTATION_CHARACTERS] in form for start in range(last_start + 1)):
            return True
    return False
