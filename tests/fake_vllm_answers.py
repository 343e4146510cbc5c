"""What the fake vLLM answers: tokens, stop strings, log-probabilities, the events of a stream. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

DEFAULT_MAX_TOKENS = 16
_TOKEN = re.compile(r"<\|[^|\s]*\|>|\s*\w+|\s+|[^\w\s]")


def tokens_of(text: str) -> list[str]:
    """A tokenizer good enough for tests: words with the blanks before them, and control tokens as one."""
    return _TOKEN.findall(text)


def prompt_of(body: dict[str, Any]) -> str:
    """The text that the engine sees, with a plain chat template."""
    if "messages" not in body:
        return str(body.get("prompt", ""))
    turns = [f"<|im_start|>{message['role']}\n{message['content']}" for message in body["messages"]]
    if body.get("continue_final_message"):
        return "<|im_end|>\n".join(turns)
    return "<|im_end|>\n".join([*turns, "<|im_start|>assistant\n"])


def common_length(left: list[str], right: list[str]) -> int:
    """How many tokens two prompts have in common from their start."""
    pairs = zip(left, right)  # noqa: B905  The shorter one ends it.
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(left), len(right)))


def conforming(text: str, body: dict[str, Any]) -> str:
    """`text`, or the smallest JSON document that the request's schema allows if `text` is no JSON."""
    wanted = body.get("response_format") or {}
    if wanted.get("type") != "json_schema":
        return text
    try:
        json.loads(text)
    except ValueError:
        return json.dumps(_smallest(wanted["json_schema"]["schema"]))
    return text


def _smallest(schema: dict[str, Any]) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    if kind == "object":
        known = schema.get("properties", {})
        return {name: _smallest(known.get(name, {})) for name in schema.get("required", [])}
    if kind == "array":
        return [_smallest(schema.get("items", {}))] * schema.get("minItems", 0)
    return {"string": "", "integer": 0, "number": 0, "boolean": False, "null": None}[kind]


class Answer:
    """One answer as vLLM streams it: chunks of one token, the last of them with the finish reason."""

    def __init__(self, body: dict[str, Any], text: str, reasoning: str = "", finish_reason: str = "") -> None:
        self._chat = "messages" in body
        self._body = body
        self._reasoning = reasoning
        self._tokens, self._finish = _cut(text, body)
        self._finish = finish_reason or self._finish

    def counted(self, prompt_tokens: int) -> Iterator[dict[str, Any]]:
        """The events of the stream; each says what was used so far if the request wants that, as `usage_event` does at
        the end, but does not say what was cached."""
        told = (self._body.get("stream_options") or {}).get("continuous_usage_stats")
        generated = 0
        for event in self.events():
            choice = event["choices"][0]
            generated += bool(choice.get("text") or choice.get("delta", {}).get("content"))
            usage = {"prompt_tokens": prompt_tokens, "completion_tokens": generated}
            yield {**event, "usage": {**usage, "total_tokens": prompt_tokens + generated}} if told else event

    def events(self) -> Iterator[dict[str, Any]]:
        """The events of the stream, without the usage."""
        if self._chat:
            yield self._event({"role": "assistant", "content": ""})
            for token in tokens_of(self._reasoning):
                yield self._event({"reasoning": token})
        sent = 0
        for token, text in self._tokens:
            yield self._event(text, token, offset=sent)
            sent += len(text)
        yield self._event("", finish=self._finish)

    def usage_event(self, prompt_tokens: int, cached_tokens: int | None) -> dict[str, Any]:
        """The last event: usage and no choice."""
        return {**self._frame(), "choices": [], "usage": self._usage(prompt_tokens, cached_tokens)}

    def whole(self, prompt_tokens: int, cached_tokens: int | None) -> dict[str, Any]:
        """The answer to a request that does not stream."""
        text = "".join(text for _, text in self._tokens)
        content = {"message": {"role": "assistant", "content": text}} if self._chat else {"text": text}
        choice = {"index": 0, "finish_reason": self._finish, **content}
        return {**self._frame(), "choices": [choice], "usage": self._usage(prompt_tokens, cached_tokens)}

    def _frame(self) -> dict[str, Any]:
        kind = "chat.completion.chunk" if self._chat else "text_completion"
        return {"id": "cmpl-1", "object": kind, "created": 0, "model": self._body["model"]}

    def _usage(self, prompt_tokens: int, cached_tokens: int | None) -> dict[str, Any]:
        generated = len(self._tokens)
        return {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": generated,
            "total_tokens": prompt_tokens + generated,
            "prompt_tokens_details": None if cached_tokens is None else {"cached_tokens": cached_tokens},
        }

    def _event(
        self, content: str | dict[str, str], token: str = "", offset: int = 0, finish: str | None = None
    ) -> dict[str, Any]:
        choice: dict[str, Any] = {"index": 0, "logprobs": None, "finish_reason": finish}
        if self._chat:
            choice["delta"] = {"content": content} if isinstance(content, str) else content
        else:
            choice["text"] = content
        count = self._body.get("top_logprobs") if self._chat else self._body.get("logprobs")
        if token and count is not None:
            choice["logprobs"] = _chat_logprobs(token, count) if self._chat else _legacy(token, count, offset)
        return {**self._frame(), "choices": [choice], "usage": None}


def _cut(text: str, body: dict[str, Any]) -> tuple[list[tuple[str, str]], str]:
    """Tokens with the text that each adds, and why the answer ends."""
    stops = body.get("stop") or []
    ends = [at for at in map(text.find, [stops] if isinstance(stops, str) else stops) if at >= 0]
    shown, rest = (text[: min(ends)], True) if ends else (text, False)
    limit = body.get("max_tokens", DEFAULT_MAX_TOKENS)
    tokens = tokens_of(shown)
    if len(tokens) > limit:
        return [(token, token) for token in tokens[:limit]], "length"
    if rest and len(tokens) < limit:
        # The token that completed the stop string is counted, and shows nothing.
        return [*((token, token) for token in tokens), (text[min(ends) :][:1], "")], "stop"
    return [(token, token) for token in tokens], "stop"


def _alternatives(token: str, count: int) -> list[tuple[str, float]]:
    ranked = [(token, -0.125), *((f"{token}{rank}", -2.0 - rank) for rank in range(1, count))]
    return ranked[: max(count, 1)]


def _legacy(token: str, count: int, offset: int) -> dict[str, Any]:
    top = dict(_alternatives(token, count))
    return {"tokens": [token], "token_logprobs": [-0.125], "top_logprobs": [top], "text_offset": [offset]}


def _chat_logprobs(token: str, count: int) -> dict[str, Any]:
    def entry(text: str, logprob: float) -> dict[str, Any]:
        return {"token": text, "logprob": logprob, "bytes": list(text.encode())}

    top = [entry(*alternative) for alternative in _alternatives(token, count)]
    return {"content": [{**entry(token, -0.125), "top_logprobs": top}]}
