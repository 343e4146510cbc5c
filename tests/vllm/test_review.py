"""A review on save by a real vLLM: whatever a small model says about code, it says it in the form that was enforced."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codeassist.prompt.review import FINDINGS_SCHEMA
from tests.e2e.editor import start
from tests.vllm.conftest import variables
from tests.vllm.relay import relay
from tests.vllm.servers import Server

BUGGY = '''\
def smaller(a, b):
    """Return the smaller of a and b."""
    if a < b:
        return b
    return b
'''


@pytest.mark.asyncio(loop_scope="session")
async def test_a_review_on_save_answers_by_the_schema(sliced: Server, home: Path, uri: str) -> None:
    async with (
        relay(sliced.port) as between,
        start("vscode", variables(sliced, home, SERVER__URL=between.url, API_KEY=sliced.key)) as editor,
    ):
        editor.open(uri, BUGGY.replace("return b\n    return", "return a\n    return"))
        editor.replace(uri, "return a\n", "return b\n")
        await editor.reviewed(uri)
        (entry,) = [each for each in await editor.trace() if each["kind"] == "review"]
        assert entry["skip"] is None, entry
        assert entry["requests"] >= 1  # More if it says something that is looked at a second time.
        assert editor.messages == []
        answers = [text for text in between.chats() if "findings" in text]
    (answer,) = answers
    problems = violations(json.loads(answer), FINDINGS_SCHEMA)
    assert problems == [], answer


def violations(value: Any, schema: Any, place: str = "$") -> list[str]:
    """Where a value differs from a schema, for those words of JSON Schema that ours uses."""
    known = {"type", "properties", "items", "required", "additionalProperties", "enum"}
    assert set(schema) <= known, f"this check does not know all of {sorted(schema)}"
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "null": type(None)}
    allowed = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not isinstance(value, tuple(kinds[kind] for kind in allowed)):
        return [f"{place} is a {type(value).__name__}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{place} is {value!r}"]
    if isinstance(value, list):
        pairs = enumerate(value)
        return [each for number, item in pairs for each in violations(item, schema["items"], f"{place}[{number}]")]
    if not isinstance(value, dict):
        return []
    properties: dict[str, Any] = schema["properties"]
    found = [f"{place} lacks {name}" for name in schema["required"] if name not in value]
    found += [f"{place} has {name}" for name in value if name not in properties]
    for name, inner in value.items():
        if name in properties:
            found += violations(inner, properties[name], f"{place}.{name}")
    return found


def test_the_check_sees_what_breaks_the_schema() -> None:
    right = {"quote": "a", "line": 1, "category": "bug", "severity": "info", "message": "m", "replacement": None}
    assert violations({"findings": [right]}, FINDINGS_SCHEMA) == []
    for wrong in ({}, {**right, "severity": "fatal"}, {**right, "more": 1}, {**right, "message": 5}, "text"):
        assert violations({"findings": [wrong]}, FINDINGS_SCHEMA) != []
