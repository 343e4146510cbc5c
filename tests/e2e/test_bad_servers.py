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

from tests.e2e.editor import environment, start
from tests.e2e.places import CURSOR, cut
from tests.e2e.programs import MODEL
from tests.fake_vllm import Behaviour, FakeVllm, Nature

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXT, AT = cut(f"def total(prices):\n    return {CURSOR}\n")
URI = "file:///workspace/total.py"
MODEL_FAILED = 3
DOCTOR_DEADLINE_S = 120.0


@dataclass(frozen=True)
class Row:
    """`cause` and `step`: what the sentence must hold, of what is wrong and of what to do.

    `server`: how the fake behaves, None for one that has gone; `fallback`: the same for a second one, if `two`.
    """

    cause: tuple[str, ...]
    step: tuple[str, ...]
    server: Mapping[str, Any] | None = field(default_factory=dict)
    fallback: Mapping[str, Any] | None = None
    two: bool = False
    key: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)


_AWAY = ("is not there (Connection refused)",)
_START = ("start it or correct server.url", "`codeassist serve` starts one")
_FULL = ("overloaded or still loading",)

ROWS: dict[str, Row] = {
    "400": Row(
        ("refuses the request (400: because the test says so)",),
        ("its log says why", "`codeassist doctor`"),
        {"status": 400},
    ),
    "400 for a prompt that is too long": Row(
        ("refuses the request (400: This model's maximum context length is 64 tokens",),
        ("lower completion.prompt_tokens", "a longer context"),
        {"status": 400, "message": "This model's maximum context length is 64 tokens."},
    ),
    "401 without a key": Row(("asks for a key and none was sent",), ("server.api_key_env",), key="sesame"),
    "401 with a wrong key": Row(
        ("refuses the key that was sent",), ("server.api_key_env",), key="sesame", settings={"API_KEY": "guess"}
    ),
    "404": Row(("has no /v1/models (404)",), ("check server.url",), {"status": 404}),
    "429": Row((*_FULL, "(429"), ("try again in a moment",), {"status": 429}),
    "500": Row(("failed (500: because the test says so)",), ("its log says why",), {"status": 500}),
    "503": Row((*_FULL, "(503"), ("try again in a moment",), {"status": 503}),
    "not there": Row(_AWAY, _START, None),
    "dies during an answer": Row(
        ("closed the connection in the middle of its answer",), ("see whether it still runs",), {"trouble": "cut-body"}
    ),
    "dies before an answer": Row(
        ("closed the connection",), ("see whether it still runs",), {"trouble": "close-before-answer"}
    ),
    "gives up during an answer": Row(
        ("failed while it was answering: EngineCore encountered an issue",),
        ("its log says why",),
        {"trouble": "error-event"},
    ),
    "sends no JSON": Row(
        ("does not speak the OpenAI protocol (an event is not JSON)",), ("check server.url",), {"trouble": "not-json"}
    ),
    "a name that it does not serve": Row(
        ("does not serve 'qwen3-coder'",),
        ("set server.model to a name that it lists",),
        settings={"SERVER__MODEL": "qwen3-coder"},
    ),
    "a fallback that is not there either": Row(
        (*_AWAY, "the server of server.fallback_urls failed too"), _START, None, two=True
    ),
    "a fallback that is not there, behind a full server": Row(
        (*_FULL, "the server of server.fallback_urls failed too"),
        ("try again in a moment",),
        {"status": 503},
        two=True,
    ),
}


@dataclass(frozen=True)
class Lack:
    """A server that answers, and does not do what it was asked for. `told` completes its sentence in the editor.

    `check` is the doctor's line: its name, its `cause`, and the `step` below it.
    """

    nature: Nature
    told: str
    check: str
    cause: str
    step: str


LACKS: dict[str, Lack] = {
    "ignores the schema": Lack(
        Nature(schema=False),
        "lacks enforced JSON schemas",
        "server schema",
        "it lacks enforced JSON schemas: a review in words takes what it can read",
        "start vLLM with --structured-outputs-config",
    ),
    "ignores the priority": Lack(
        Nature(seats=2, by_priority=False),
        "lacks an order of its queue by priority",
        "server priority",
        "it lacks an order of its queue by priority: reviews are taken back whenever you type",
        "start vLLM with --scheduling-policy priority",
    ),
    "a proxy that buffers": Lack(
        Nature(buffers=True),
        "lacks tokens that arrive as they are written",
        "server streams",
        "it lacks tokens that arrive as they are written: something in between, a proxy as it seems, buffers",
        "switch that proxy's buffering off (nginx: proxy_buffering off)",
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
    assert all(word in said for word in (*row.cause, *row.step)), said
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
        status, out, err = await command(tmp_path, variables, "complete", "shop.py:2:12")
    assert (status, out) == (MODEL_FAILED, "")
    *waiting, sentence = err.splitlines()
    check(sentence, row)
    assert all(line.startswith("codeassist: Waiting for ") for line in waiting)


async def command(folder: Path, variables: Mapping[str, str], *words: str) -> tuple[int | None, str, str]:
    """The exit status of codeassist with these words, and what it wrote."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "codeassist", *words),
        env=variables,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), DOCTOR_DEADLINE_S)
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize("name", LACKS)
async def test_what_a_server_ignores_is_said_in_both_places(name: str, tmp_path: Path) -> None:
    """The doctor looks, says so, and remembers it for the editors, whose status says it then."""
    lack = LACKS[name]
    async with FakeVllm(models=(MODEL,), answer="sum(prices)\n", nature=lack.nature) as fake:
        fake.behaviour = Behaviour(token_delay_s=0.01)
        variables = environment(tmp_path, known=None, SERVER__URL=fake.base_url)
        status, out, err = await command(tmp_path, variables, "doctor")
        assert status == 0, err
        lines = out.splitlines()
        (at,) = [number for number, line in enumerate(lines) if line.startswith(f"note  {lack.check}: {lack.cause}")]
        assert lines[at + 1].strip().startswith(lack.step)
        async with start("vscode", variables) as editor:
            editor.open(URI, TEXT)
            assert await editor.complete(URI, AT) is not None
            await editor.until(lambda: lack.told in editor.statuses[-1]["message"], "the status to say so")
            told = editor.statuses[-1]
            assert told["state"] == "ready"
            assert told["message"].startswith("The server (vLLM 0.33.0) lacks ")
            assert told["message"].endswith("; `codeassist doctor` says what mends it.")


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


async def test_all_that_a_server_can_do_to_us_is_told() -> None:
    """The list of what must be told on both sides, as far as a server does it; test_bad_serving.py has the rest."""
    listed = {"400", "401 without a key", "401 with a wrong key", "404", "429", "500", "503"}
    listed |= {"dies during an answer", "a name that it does not serve"}
    assert listed <= ROWS.keys()
    assert LACKS.keys() == {"ignores the schema", "ignores the priority", "a proxy that buffers"}
