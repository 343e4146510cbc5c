"""What no client should send: each request gets one answer all the same, and the server goes on."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.capabilities import EDITORS
from tests.e2e.editor import environment
from tests.e2e.wire import Wire, connected, framed, inline_params
from tests.fake_vllm import FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")

PARSE_ERROR, INVALID_REQUEST, NO_METHOD, INVALID_PARAMS = -32700, -32600, -32601, -32602
NOT_INITIALIZED = -32002
URI = "file:///workspace/a.py"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared_wire(shared_fake: FakeVllm, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Wire]:
    home: Path = tmp_path_factory.mktemp("home")
    async with connected(environment(home, SERVER__URL=shared_fake.base_url)) as wire:
        yield wire


@pytest_asyncio.fixture(loop_scope="session")
async def wire(shared_wire: Wire, fake: FakeVllm) -> AsyncIterator[Wire]:
    """A wire to a server that must still complete when the test is over, and have answered nothing twice."""
    shared_wire.answers.clear()
    yield shared_wire
    assert await shared_wire.completes()
    assert all(len(answers) == 1 for key, answers in shared_wire.answers.items() if key is not None)
    assert b"Traceback" not in shared_wire.stderr, shared_wire.stderr.decode()


def place(line: Any = 0, character: Any = 0) -> dict[str, Any]:
    return {"line": line, "character": character}


def inline(**changes: Any) -> dict[str, Any]:
    return {**inline_params(URI, 0, 0), **changes}


REQUESTS: dict[str, tuple[str, Any, int]] = {
    "unknown-method": ("textDocument/telepathy", {}, NO_METHOD),
    "unknown-dollar-method": ("$/telepathy", {}, NO_METHOD),
    "empty-method": ("", {}, NO_METHOD),
    "very-long-method": ("x" * 100_000, {}, NO_METHOD),
    "method-of-the-other-side": ("window/showMessageRequest", {"type": 1, "message": "x"}, NO_METHOD),
    "a-notification-as-request": ("textDocument/didSave", {"textDocument": {"uri": URI}}, INVALID_REQUEST),
    "exit-as-request": ("exit", None, INVALID_REQUEST),
    "not-offered": ("textDocument/hover", {"textDocument": {"uri": URI}, "position": place()}, NO_METHOD),
    "initialize-again": ("initialize", {"capabilities": {}}, INVALID_REQUEST),
    "initialize-again-badly": ("initialize", {"capabilities": 7}, INVALID_REQUEST),
    "params-null": ("textDocument/inlineCompletion", None, INVALID_PARAMS),
    "params-list": ("textDocument/inlineCompletion", [1, 2], INVALID_PARAMS),
    "params-string": ("textDocument/inlineCompletion", "x", INVALID_PARAMS),
    "params-empty": ("textDocument/inlineCompletion", {}, INVALID_PARAMS),
    "no-position": ("textDocument/inlineCompletion", {"textDocument": {"uri": URI}}, INVALID_PARAMS),
    "uri-list": ("textDocument/inlineCompletion", inline(textDocument=[URI]), INVALID_PARAMS),
    "line-negative": ("textDocument/inlineCompletion", inline(position=place(-1)), INVALID_PARAMS),
    "line-string": ("textDocument/inlineCompletion", inline(position=place("one")), INVALID_PARAMS),
    "line-null": ("textDocument/inlineCompletion", inline(position=place(None)), INVALID_PARAMS),
    "line-list": ("textDocument/inlineCompletion", inline(position=place([])), INVALID_PARAMS),
    "line-huge": ("textDocument/inlineCompletion", inline(position=place(10**30)), INVALID_PARAMS),
    "line-infinite": ("textDocument/inlineCompletion", inline(position=place(float("inf"))), INVALID_PARAMS),
    "line-not-a-number": ("textDocument/inlineCompletion", inline(position=place(float("nan"))), INVALID_PARAMS),
    "context-missing": ("textDocument/inlineCompletion", inline(context=None), INVALID_PARAMS),
    "trigger-unknown": ("textDocument/inlineCompletion", inline(context={"triggerKind": 99}), INVALID_PARAMS),
    "action-range-missing": ("textDocument/codeAction", {"textDocument": {"uri": URI}}, INVALID_PARAMS),
    "action-only-numbers": (
        "textDocument/codeAction",
        {
            "textDocument": {"uri": URI},
            "range": {"start": place(), "end": place()},
            "context": {"diagnostics": 5},
        },
        INVALID_PARAMS,
    ),
    "resolve-nothing": ("codeAction/resolve", {}, INVALID_PARAMS),
    "resolve-foreign-data": ("codeAction/resolve", {"title": "x", "data": ["not", "ours"]}, 0),
    "resolve-other-document": ("codeAction/resolve", {"title": "x", "data": {"uri": 5, "fingerprint": {}}}, 0),
    "command-unknown": ("workspace/executeCommand", {"command": "rm"}, INVALID_PARAMS),
    "command-number": ("workspace/executeCommand", {"command": ["codeassist.review"]}, INVALID_PARAMS),
    "command-arguments-number": (
        "workspace/executeCommand",
        {"command": "codeassist.review", "arguments": 5},
        INVALID_PARAMS,
    ),
    "command-too-many": (
        "workspace/executeCommand",
        {"command": "codeassist.review", "arguments": [URI, URI]},
        INVALID_PARAMS,
    ),
    "command-too-few": ("workspace/executeCommand", {"command": "codeassist.dismiss", "arguments": []}, INVALID_PARAMS),
    "command-odd-argument": (
        "workspace/executeCommand",
        {"command": "codeassist.didAccept", "arguments": [{"$mid": 1}]},
        INVALID_PARAMS,
    ),
    "trace-without-params": ("codeassist/trace", None, 0),
    "trace-list": ("codeassist/trace", [5], 0),
    "trace-limit-string": ("codeassist/trace", {"limit": "all"}, 0),
    "trace-limit-negative": ("codeassist/trace", {"limit": -5}, 0),
    "trace-type-name": ("codeassist/trace", {"type_name": "class", "limit": {"jsonrpc": "2.0"}}, 0),
}
"""Method, parameters, and the code of the error that is the answer; 0 for an answer that is none."""


@pytest.mark.parametrize("case", REQUESTS)
async def test_odd_requests(case: str, wire: Wire) -> None:
    method, params, code = REQUESTS[case]
    answer = await wire.answer(wire.request(method, params))
    assert answer.get("error", {}).get("code", 0) == code
    assert ("result" in answer) == (code == 0)


BODIES: dict[str, tuple[str, int]] = {
    "no-json": ("{not json", PARSE_ERROR),
    "empty": ("", PARSE_ERROR),
    "cut-off": ('{"jsonrpc": "2.0", "id": 5, "method": "codea', PARSE_ERROR),
    "two-documents": ('{"jsonrpc": "2.0"}{"jsonrpc": "2.0"}', PARSE_ERROR),
    "raw-line-end-in-string": ('{"jsonrpc": "2.0", "method": "a\nb"}', PARSE_ERROR),
    "deeply-nested": ("[" * 200_000, PARSE_ERROR),
    "too-many-digits": ('{"jsonrpc": "2.0", "id": ' + "9" * 10_000 + "}", PARSE_ERROR),
    "a-number": ("5", INVALID_REQUEST),
    "null": ("null", INVALID_REQUEST),
    "a-string": ('"jsonrpc"', INVALID_REQUEST),
    "a-batch": ('[{"jsonrpc": "2.0", "id": 1, "method": "codeassist/trace"}]', INVALID_REQUEST),
    "id-null": ('{"jsonrpc": "2.0", "id": null, "method": "codeassist/trace"}', INVALID_REQUEST),
    "id-fraction": ('{"jsonrpc": "2.0", "id": 1.5, "method": "codeassist/trace"}', INVALID_REQUEST),
    "id-boolean": ('{"jsonrpc": "2.0", "id": true, "method": "codeassist/trace"}', INVALID_REQUEST),
    "id-list": ('{"jsonrpc": "2.0", "id": [1], "method": "codeassist/trace"}', INVALID_REQUEST),
    "id-object": ('{"jsonrpc": "2.0", "id": {}, "method": "codeassist/trace"}', INVALID_REQUEST),
}
"""Bodies whose id, if they have one, cannot be repeated: the answer has a null id."""


@pytest.mark.parametrize("case", BODIES)
async def test_bodies_that_are_no_message(case: str, wire: Wire) -> None:
    body, code = BODIES[case]
    wire.send_bytes(framed(body.encode()))
    assert (await wire.answer(None))["error"]["code"] == code
    assert len(wire.answers[None]) == 1


NOT_JSON_RPC: dict[str, dict[str, Any]] = {
    "no-version": {"id": "odd", "method": "codeassist/trace"},
    "old-version": {"jsonrpc": "1.0", "id": "odd", "method": "codeassist/trace"},
    "version-number": {"jsonrpc": 2.0, "id": "odd", "method": "codeassist/trace"},
    "no-method": {"jsonrpc": "2.0", "id": "odd"},
    "method-null": {"jsonrpc": "2.0", "id": "odd", "method": None},
    "method-number": {"jsonrpc": "2.0", "id": "odd", "method": 5},
    "method-list": {"jsonrpc": "2.0", "id": "odd", "method": ["shutdown"]},
}


@pytest.mark.parametrize("case", NOT_JSON_RPC)
async def test_json_that_is_not_json_rpc(case: str, wire: Wire) -> None:
    wire.send(NOT_JSON_RPC[case])
    assert (await wire.answer("odd"))["error"]["code"] == INVALID_REQUEST


SILENT: dict[str, dict[str, Any]] = {
    "unknown-notification": {"method": "textDocument/didDream", "params": {}},
    "dollar-notification": {"method": "$/setTrace", "params": {"value": "verbose"}},
    "malformed-open": {"method": "textDocument/didOpen", "params": {"textDocument": {"uri": URI}}},
    "malformed-change": {"method": "textDocument/didChange", "params": {"contentChanges": [{}]}},
    "malformed-close": {"method": "textDocument/didClose", "params": []},
    "malformed-save": {"method": "textDocument/didSave", "params": {"textDocument": {}}},
    "malformed-configuration": {"method": "workspace/didChangeConfiguration"},
    "malformed-folders": {"method": "workspace/didChangeWorkspaceFolders", "params": {"event": {"added": [5]}}},
    "folders-not-on-disk": {
        "method": "workspace/didChangeWorkspaceFolders",
        "params": {"event": {"added": [{"uri": "vscode-vfs://x/y", "name": "y"}], "removed": []}},
    },
    "cancel-unknown": {"method": "$/cancelRequest", "params": {"id": "no-such-request"}},
    "cancel-malformed": {"method": "$/cancelRequest", "params": {"id": {}}},
    "cancel-nothing": {"method": "$/cancelRequest"},
    "progress-unknown": {"method": "window/workDoneProgress/cancel", "params": {"token": "no-such-token"}},
    "reject-nothing": {"method": "codeassist/didReject"},
    "reject-odd": {"method": "codeassist/didReject", "params": {"itemId": ["1"]}},
    "show-odd": {"method": "codeassist/didShow", "params": 5},
    "notebook-of-nobody": {
        "method": "notebookDocument/didClose",
        "params": {"notebookDocument": {"uri": "file:///n.ipynb"}, "cellTextDocuments": []},
    },
    "answer-to-nothing": {"id": "never-asked", "result": 5},
    "error-to-nothing": {"id": "never-asked", "error": {"code": 1, "message": "x"}},
    "error-without-code": {"id": "never-asked", "error": "x"},
    "error-to-null": {"id": None, "error": {"code": -32700, "message": "x"}},
    "answer-with-odd-id": {"id": [], "result": None},
    "no-method-no-id": {},
}


@pytest.mark.parametrize("case", SILENT)
async def test_messages_that_want_no_answer(case: str, wire: Wire) -> None:
    wire.send({"jsonrpc": "2.0", **SILENT[case]})
    sign = wire.request("codeassist/trace")
    await wire.answer(sign)
    assert set(wire.answers) == {sign}


GOOD = framed(b'{"jsonrpc": "2.0", "id": "good", "method": "codeassist/trace"}')
BODY = b'{"jsonrpc": "2.0", "id": "bad", "method": "codeassist/trace"}'
STREAMS: dict[str, bytes] = {
    "no-length": b"\r\n" + BODY,
    "no-number": b"Content-Length: many\r\n\r\n" + BODY,
    "negative": b"Content-Length: -5\r\n\r\n" + BODY,
    "huge": b"Content-Length: 99999999999\r\n\r\n" + BODY,
    "more-digits-than-fit": b"Content-Length: " + b"9" * 40 + b"\r\n\r\n" + BODY,
    "zero": b"Content-Length: 0\r\n\r\n" + BODY,
    "too-short-by-one": f"Content-Length: {len(BODY) - 1}\r\n\r\n".encode() + BODY,
    "too-short-by-many": b"Content-Length: 7\r\n\r\n" + BODY,
    "garbage-before": b"\0\xff garbage { without end\n" * 500,
    "garbage-without-line-end": b"garbage" * 1000,
    "only-line-ends": b"\r\n" * 1000,
    "another-protocol": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a-body-without-head": BODY,
}
"""What must not keep the message after it from being answered."""

WHOLE: dict[str, bytes] = {
    "too-long-by-one": f"Content-Length: {len(BODY) + 1}\r\n\r\n".encode() + BODY,
    "too-long-by-a-header": f"Content-Length: {len(BODY) + 15}\r\n\r\n".encode() + BODY,
    "too-long-by-a-message": f"Content-Length: {len(BODY) + 60}\r\n\r\n".encode() + BODY,
    "too-long-by-megabytes": b"Content-Length: 100000000\r\n\r\n" + BODY,
    "other-headers": f"X-One: a\r\nContent-Length: {len(BODY)}\r\nContent-Type: x; charset=utf-8\r\n\r\n".encode()
    + BODY,
    "lower-case": f"content-length:{len(BODY)}\r\n\r\n".encode() + BODY,
    "bare-line-feeds": f"Content-Length: {len(BODY)}\n\n".encode() + BODY,
    "byte-order-mark": framed(b"\xef\xbb\xbf" + BODY),
    "blanks-around": framed(b" \r\n " + BODY + b"\r\n\r\n"),
}
"""The same, where the message itself can be understood too."""


@pytest.mark.parametrize("case", [*STREAMS, *WHOLE])
async def test_headers_that_are_wrong(case: str, wire: Wire) -> None:
    wire.send_bytes({**STREAMS, **WHOLE}[case] + GOOD)
    assert "result" in await wire.answer("good")
    assert ("bad" in wire.answers) == (case in WHOLE)


async def test_a_message_in_many_pieces(wire: Wire) -> None:
    for byte in GOOD:
        wire.send_bytes(bytes([byte]))
        assert wire.process.stdin is not None
        await wire.process.stdin.drain()
    assert "result" in await wire.answer("good")


async def test_an_id_used_twice_at_once(wire: Wire, fake: FakeVllm) -> None:
    fake.behaviour.trouble = "hold"
    for uri in (URI, "file:///workspace/b.py"):
        wire.open(uri, "def total(prices):\n    return \n")
        wire.request("textDocument/inlineCompletion", inline_params(uri, 1, 11), message_id="twice")
    await fake.until(lambda counts: counts.held == 2)
    fake.release()
    await wire.until(lambda: len(wire.answers.get("twice", [])) == 2, "both answers")
    del wire.answers["twice"]


async def test_before_initialize(fake: FakeVllm, tmp_path: Path) -> None:
    async with connected(environment(tmp_path, SERVER__URL=fake.base_url), initialize=False) as wire:
        for method, params in (
            ("codeassist/trace", {}),
            ("shutdown", None),
            ("textDocument/inlineCompletion", inline()),
            ("textDocument/inlineCompletion", 7),
            ("unheard/of", {}),
        ):
            answer = await wire.answer(wire.request(method, params))
            assert answer["error"]["code"] == NOT_INITIALIZED
        wire.notify("textDocument/didOpen", {"textDocument": {"uri": URI}})
        wire.notify("initialized", {})
        wire.open(URI, "x = 1\n")
        assert (await wire.answer(wire.request("initialize", {"capabilities": 5})))["error"]["code"] == INVALID_PARAMS
        assert "result" in await wire.initialize()
        await wire.answer(wire.ask(URI, 0, 0))
        trace = await wire.answer(wire.request("codeassist/trace", {"limit": 1}))
        assert trace["result"][0]["skip"] == "unknown-document"
        assert await wire.completes()


@pytest.mark.parametrize(
    "params",
    [
        {"capabilities": {}, "rootPath": "/tmp", "rootUri": None, "workspaceFolders": None, "trace": "off"},
        {
            "capabilities": {"general": {"positionEncodings": ["utf-7", "ebcdic"]}, "textDocument": {}, "odd": 1},
            "rootUri": "no uri",
            "locale": "",
            "processId": -1,
            "unheardOf": {"of": 1},
        },
        {"capabilities": EDITORS["plain"], "workspaceFolders": [{"uri": "vscode-vfs://github/x", "name": "x"}]},
    ],
)
async def test_small_and_odd_clients(params: Any, fake: FakeVllm, tmp_path: Path) -> None:
    """With the popup if they say nothing of ghost text; positions in UTF-16 unless something else was agreed on."""
    async with connected(environment(tmp_path, SERVER__URL=fake.base_url), initialize=False) as wire:
        answer = await wire.answer(wire.request("initialize", params))
        expected = "utf-32" if params["capabilities"] == EDITORS["plain"] else "utf-16"
        assert answer["result"]["capabilities"]["positionEncoding"] == expected
        wire.notify("initialized", {})
        wire.open(URI, "def total(prices):\n    return \n")
        kind = "inlineCompletion" if expected == "utf-32" else "completion"
        answer = await wire.answer(wire.request(f"textDocument/{kind}", inline_params(URI, 1, 11)))
        assert len(answer["result"]["items"]) == 1


async def test_the_end(fake: FakeVllm, tmp_path: Path) -> None:
    """After shutdown: refused and ignored. Exit tells by its status whether there was one."""
    variables = environment(tmp_path, SERVER__URL=fake.base_url)
    async with connected(variables) as wire:
        assert (await wire.answer(wire.request("shutdown")))["result"] is None
        for method, params in (("shutdown", None), ("codeassist/trace", {}), ("unheard/of", {}), ("initialize", {})):
            answer = await wire.answer(wire.request(method, params))
            assert answer["error"]["code"] == INVALID_REQUEST
        wire.open(URI, "x = 1\n")
        wire.send_bytes(framed(b"no json"))
        assert (await wire.answer(None))["error"]["code"] == PARSE_ERROR
        wire.notify("exit")
        assert await wire.ended() == 0
        assert b"Traceback" not in wire.stderr
    async with connected(variables, initialize=False) as wire:
        wire.notify("exit")
        assert await wire.ended() == 1


async def test_a_client_that_vanishes(fake: FakeVllm, tmp_path: Path) -> None:
    """In the middle of a message, with a request under way: the server and its request end with it."""
    async with connected(environment(tmp_path, SERVER__URL=fake.base_url)) as wire:
        wire.open(URI, "def total(prices):\n    return \n")
        fake.behaviour.trouble = "hang"
        wire.ask(URI, 1, 11)
        await fake.until(lambda counts: counts.held == 1)
        wire.send_bytes(b"Content-Length: 500\r\n\r\n" + json.dumps({"jsonrpc": "2.0"}).encode())
        assert wire.process.stdin is not None
        wire.process.stdin.close()
        assert await wire.ended() in (0, 1)
        await fake.until(lambda counts: counts.running == 0)
        assert b"Traceback" not in wire.stderr, wire.stderr.decode()
