"""Documents that are no source code, or not as one expects it: silence with a reason, and a server that goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.editor import environment
from tests.e2e.programs import BUGGY
from tests.e2e.wire import Wire, connected
from tests.fake_vllm import FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")

URI = "file:///workspace/odd.py"
HERE = "def total(prices):\n    return \n"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared_wire(shared_fake: FakeVllm, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Wire]:
    home: Path = tmp_path_factory.mktemp("home")
    async with connected(environment(home, SERVER__URL=shared_fake.base_url)) as wire:
        yield wire


@pytest_asyncio.fixture(loop_scope="session")
async def wire(shared_wire: Wire, fake: FakeVllm) -> AsyncIterator[Wire]:
    """A wire to a server that must still complete when the test is over."""
    yield shared_wire
    shared_wire.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    assert await shared_wire.completes()
    assert b"Traceback" not in shared_wire.stderr, shared_wire.stderr.decode()


async def outcome(wire: Wire, line: int, character: int, uri: str = URI) -> str:
    """The text of the completion, or the reason for none in brackets."""
    answer = await wire.answer(wire.ask(uri, line, character))
    items = answer["result"]["items"]
    if items:
        return str(items[0]["insertText"])
    traced = await wire.answer(wire.request("codeassist/trace", {"limit": 1}))
    return f"({traced['result'][0]['skip']})"


ODD = {
    "binary": ("\x01\x02\x03\x7f" * 40 + "\n" + HERE, 2, "(binary)"),
    "a-nul": ("x = 1\0\n" + HERE, 2, "(binary)"),
    "replacement-characters": ("\ufffd" * 40 + "\n" + HERE, 2, "(binary)"),
    "one-long-line": ("x = '" + "a" * 30_000 + "'\n" + HERE, 2, "(one-long-line)"),
    "too-large": ("# a comment\n" * 100_000 + HERE, 100_001, "(too-large)"),
    "too-large-in-bytes": ("# ein Kommentar: äöüß\n" * 44_000 + HERE, 44_001, "(too-large)"),
    "byte-order-mark": ("\ufeff" + HERE, 1, "sum(prices)"),
    "mixed-line-ends": ("a = 1\r\rb = 2\n\r\n" + HERE, 5, "sum(prices)"),
    "lone-surrogates": ('a = "\ud800"\nb = "\udfff\ud800"\n' + HERE, 3, "sum(prices)"),
    "only-a-surrogate": ("\ud83d", 0, "sum(prices)"),
    "deeply-nested": ("(\n" * 2_000 + HERE, 2_001, "sum(prices)"),
    "deeply-nested-blocks": (
        "".join(" " * level + "if x:\n" for level in range(200)) + " " * 200 + "return \n",
        200,
        "sum(prices)",
    ),
    "unfinished": ('def f(:\n  """ \n' + HERE, 3, "sum(prices)"),
    "nul-like-names": ("\\x00 = '\\0'\n" + HERE, 2, "sum(prices)"),
    "control-tokens": ("x = '<|fim_middle|><|endoftext|>'\n" + HERE, 2, "sum(prices)"),
    "right-to-left": ("x = '\u202e\u2066שלום\u2069'\n" + HERE, 2, "sum(prices)"),
}


@pytest.mark.parametrize("case", ODD)
async def test_odd_texts(case: str, wire: Wire) -> None:
    text, line, expected = ODD[case]
    wire.open(URI, text)
    assert await outcome(wire, line, 1000) == expected
    reviewed = wire.request("workspace/executeCommand", {"command": "codeassist.review", "arguments": [URI]})
    cancelled = wire.request("workspace/executeCommand", {"command": "codeassist.review", "arguments": [URI]})
    wire.notify("$/cancelRequest", {"id": cancelled})
    assert "result" in await wire.answer(reviewed)
    await wire.answer(cancelled)
    wire.notify("textDocument/didSave", {"textDocument": {"uri": URI}})


async def test_fifty_megabytes(wire: Wire, fake: FakeVllm) -> None:
    """Not worked with, whatever is typed into it, until it becomes another text."""
    wire.open(URI, "def f():\n    return 1\n\n" * 2_200_000)
    assert await outcome(wire, 1, 11) == "(too-large)"
    for version in range(2, 30):
        wire.insert(URI, 1, 0, "x", version=version)
    assert await outcome(wire, 1, 11) == "(too-large)"
    assert fake.received == []
    whole = {"textDocument": {"uri": URI, "version": 40}, "contentChanges": [{"text": "\n" + HERE}]}
    wire.notify("textDocument/didChange", whole)
    assert await outcome(wire, 2, 11) == "sum(prices)"


async def test_becoming_odd_and_ordinary_again(wire: Wire) -> None:
    wire.open(URI, HERE)
    assert await outcome(wire, 1, 11) == "sum(prices)"
    wire.insert(URI, 0, 0, "\0\n")
    assert await outcome(wire, 2, 11) == "(binary)"
    ends = {"start": {"line": 0, "character": 0}, "end": {"line": 1, "character": 0}}
    versioned = {"uri": URI, "version": 3}
    wire.notify("textDocument/didChange", {"textDocument": versioned, "contentChanges": [{"range": ends, "text": ""}]})
    assert await outcome(wire, 1, 11) == "sum(prices)"
    wire.insert(URI, 0, 0, "# more\n" * 150_000, version=4)
    assert await outcome(wire, 150_001, 11) == "(too-large)"


@pytest.mark.parametrize("uri", ["file:///nowhere.py", "", "no uri", "file://[broken", "C:\\x.py", "untitled:", "\0"])
async def test_documents_that_were_never_opened(uri: str, wire: Wire) -> None:
    assert await outcome(wire, 0, 0, uri) == "(unknown-document)"
    wire.notify("textDocument/didSave", {"textDocument": {"uri": uri}})
    (last,) = (await wire.answer(wire.request("codeassist/trace", {"limit": 1})))["result"]
    assert last["kind"] == "completion"  # Editors tell of saves of all kinds of files: it is no request.
    wire.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    wire.insert(uri, 0, 0, "x")
    place = {"start": {"line": 0, "character": 0}, "end": {"line": 9, "character": 0}}
    params = {"textDocument": {"uri": uri}, "range": place, "context": {"diagnostics": []}}
    assert (await wire.answer(wire.request("textDocument/codeAction", params)))["result"] == []
    command = {"command": "codeassist.review", "arguments": [uri]}
    assert (await wire.answer(wire.request("workspace/executeCommand", command)))["result"] is None
    wire.open(uri, HERE)
    assert await outcome(wire, 1, 11, uri) == "sum(prices)"
    wire.notify("textDocument/didClose", {"textDocument": {"uri": uri}})


@pytest.mark.parametrize("language", ["", "klingon", "plaintext", "PYTHON", "a" * 5000])
async def test_languages_that_nobody_knows(language: str, wire: Wire) -> None:
    """Completions need no grammar; a review does."""
    uri = "file:///workspace/odd.unheard-of"
    wire.open(uri, HERE, language)
    assert await outcome(wire, 1, 11, uri) == "sum(prices)"
    wire.notify("textDocument/didClose", {"textDocument": {"uri": uri}})


async def test_an_empty_document(wire: Wire) -> None:
    wire.open(URI, "")
    assert await outcome(wire, 0, 0) == "sum(prices)"


@pytest.mark.parametrize(
    ("line", "character"), [(2, 0), (3, 0), (2**31 - 1, 0), (1, 2**31 - 1), (2**31 - 1, 2**31 - 1)]
)
async def test_places_behind_the_end(line: int, character: int, wire: Wire) -> None:
    """They mean the end of the line or of the document."""
    wire.open(URI, HERE)
    assert await outcome(wire, line, character) == "sum(prices)"
    wire.insert(URI, line, character, "x = 1\n")
    assert await outcome(wire, 0, 18) in ("sum(prices)", "(empty)", "(worse-syntax)")


async def test_ranges_given_backwards(wire: Wire) -> None:
    wire.open(URI, BUGGY)
    place = {"start": {"line": 9, "character": 3}, "end": {"line": 1, "character": 0}}
    params = {"textDocument": {"uri": URI}, "range": place, "context": {"diagnostics": []}}
    assert (await wire.answer(wire.request("textDocument/codeAction", params)))["result"] == []
    change = {"textDocument": {"uri": URI, "version": 2}, "contentChanges": [{"range": place, "text": ""}]}
    wire.notify("textDocument/didChange", change)
    assert await outcome(wire, 0, 0) != ""
