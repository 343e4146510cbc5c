"""Servers in trouble, row by row: what the user reads in the editor and on the command line.

Each row ends in one sentence with the cause and the next step, the same in both places. To add a row, say how the
server plays it and which words the sentence must hold.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.editor import DEADLINE_S, environment, start
from tests.e2e.places import CURSOR, cut
from tests.e2e.programs import MODEL
from tests.fake_vllm import Behaviour, FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXT, AT = cut(f"def total(prices):\n    return {CURSOR}\n")
URI = "file:///workspace/total.py"
MODEL_FAILED = 3


@dataclass(frozen=True)
class Row:
    """`server`: how the fake behaves, None for one that has gone; `fallback`: the same for a second one, if `two`.
    `words`: what the sentence must hold: the cause, then the next step."""

    words: tuple[str, ...]
    server: Mapping[str, Any] | None = field(default_factory=dict)
    fallback: Mapping[str, Any] | None = None
    two: bool = False
    key: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)


ROWS: dict[str, Row] = {
    "400": Row(("refuses the request (400: because the test says so)",), {"status": 400}),
    "401 without a key": Row(("asks for a key and none was sent", "server.api_key_env"), key="sesame"),
    "401 with a wrong key": Row(
        ("refuses the key that was sent", "server.api_key_env"), key="sesame", settings={"API_KEY": "guess"}
    ),
    "404": Row(("has no /v1/models (404)", "check server.url"), {"status": 404}),
    "429": Row(("overloaded or still loading", "(429", "try again in a moment"), {"status": 429}),
    "500": Row(("failed (500: because the test says so)", "its log says why"), {"status": 500}),
    "503": Row(("overloaded or still loading", "(503", "try again in a moment"), {"status": 503}),
    "not there": Row(("is not there (Connection refused)", "start it or correct server.url"), None),
    "dies during an answer": Row(
        ("closed the connection in the middle of its answer", "see whether it still runs"), {"trouble": "cut-body"}
    ),
    "dies before an answer": Row(
        ("closed the connection", "see whether it still runs"), {"trouble": "close-before-answer"}
    ),
    "a name that it does not serve": Row(
        ("does not serve 'qwen3-coder'", "set server.model to a name that it lists"),
        settings={"SERVER__MODEL": "qwen3-coder"},
    ),
    "a fallback that is not there either": Row(
        ("is not there (Connection refused)", "start it or correct server.url", "the server of server.fallback_urls"),
        None,
        two=True,
    ),
    "a fallback that is not there, behind a full server": Row(
        ("overloaded or still loading", "the server of server.fallback_urls failed too"), {"status": 503}, two=True
    ),
}


@asynccontextmanager
async def playing(behaviour: Mapping[str, Any] | None, key: str | None = None) -> AsyncIterator[str]:
    """The address of a server that behaves so."""
    async with FakeVllm(models=(MODEL,), answer="sum(prices)\n", api_key=key) as fake:
        address = fake.base_url
        fake.behaviour = Behaviour(**(behaviour or {}))
        if behaviour is not None:
            yield address
            return
    yield address


@asynccontextmanager
async def played(row: Row, home: Path) -> AsyncIterator[dict[str, str]]:
    """The environment of a user of such servers."""
    async with playing(row.server, row.key) as url, playing(row.fallback) as second:
        fallback = {"SERVER__FALLBACK_URLS": second} if row.two else {}
        yield environment(home, SERVER__URL=url, **fallback, **row.settings)


def check(said: str, row: Row) -> None:
    """One sentence, with all that it must hold and nothing that it must not."""
    assert all(word in said for word in row.words), said
    assert "\n" not in said.strip()
    assert said.strip().endswith(".")
    assert "prices" not in said
    assert not row.key or row.key not in said
    assert row.settings.get("API_KEY", "guess") not in said


@pytest.mark.parametrize("name", ROWS)
async def test_in_the_editor(name: str, tmp_path: Path) -> None:
    row = ROWS[name]
    async with played(row, tmp_path) as variables, start("vscode", variables) as editor:
        editor.open(URI, TEXT)
        for _ in range(3):
            assert await editor.complete(URI, AT) is None
        (message,) = editor.messages
        check(message, row)
        await editor.until(lambda: editor.statuses[-1]["state"] == "degraded", "the status to say so")
        check(editor.statuses[-1]["message"], row)


@pytest.mark.parametrize("name", ROWS)
async def test_on_the_command_line(name: str, tmp_path: Path) -> None:
    row = ROWS[name]
    (tmp_path / "shop.py").write_text(TEXT)
    async with played(row, tmp_path) as variables:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "codeassist", "complete", "shop.py:2:12"),
            env=variables,
            cwd=tmp_path,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), DEADLINE_S)
    assert (process.returncode, out) == (MODEL_FAILED, b"")
    *waiting, sentence = err.decode().splitlines()
    check(sentence, row)
    assert all(line.startswith("codeassist: Waiting for ") for line in waiting)


async def test_a_proxy_that_buffers_is_told_of(tmp_path: Path) -> None:
    """Answers come, all at once and late. It takes a few to tell."""
    line = "sum(price for price in prices if price is not None and price > 0 and price < 100)\n"
    async with FakeVllm(models=(MODEL,), answer=line) as fake:
        fake.nature.buffers = True
        fake.behaviour = Behaviour(token_delay_s=0.08)
        async with start("vscode", environment(tmp_path, SERVER__URL=fake.base_url)) as editor:
            editor.open(URI, TEXT)
            for _ in range(3):
                assert editor.messages == []
                assert await editor.complete(URI, AT) is not None
            (message,) = editor.messages
            assert "arrive in one piece: a proxy seems to buffer them" in message
            assert editor.statuses[-1]["state"] == "ready"
            assert "a proxy seems to buffer" in editor.statuses[-1]["message"]
