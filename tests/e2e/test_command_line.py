"""`codeassist complete`, `review` and `lsp` as commands: their documents on stdout and their exit codes."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

import pytest

from codeassist import __version__
from tests.e2e.commands import DONE, FINDINGS, MODEL_FAILED, OTHER, USAGE, Run
from tests.e2e.editor import DEADLINE_S, environment
from tests.e2e.programs import BUGGY, MISSING, MODEL, RIGHT, knowing
from tests.fake_vllm import FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")

PLACE = '"""😀"""; x = 1\ndef total(prices):\n    é = "😀"; return sorted()\n'


async def closed_address() -> str:
    async with FakeVllm() as gone:
        return gone.base_url


async def test_version(run: Run) -> None:
    result = await run("--version")
    assert (result.code, result.stdout) == (DONE, f"codeassist {__version__}\n")


async def test_complete_as_json(run: Run, fake: FakeVllm, tmp_path: Path) -> None:
    fake.answer = "prices)"
    (tmp_path / "shop.py").write_text(PLACE)
    column = PLACE.split("\n")[2].index("()") + 2
    result = await run("complete", f"shop.py:3:{column}", "--json")
    assert (result.code, result.stderr) == (DONE, "")
    document = result.document
    assert set(document) >= {"items", "skip", "context", "prompt", "timings", "tokens"}
    (item,) = document["items"]
    assert item["range"]["start"] == {"line": 3, "column": column}
    start, end = item["range"]["start"]["column"], item["range"]["end"]["column"]
    line = PLACE.split("\n")[2]
    assert line[: start - 1] + item["text"] + line[end - 1 :] == '    é = "😀"; return sorted(prices)'
    assert document["skip"] is None
    assert document["prompt"] == fake.received[-1].body["prompt"]
    assert document["timings"]["total"] >= document["timings"]["model"] > 0
    assert document["tokens"]["generated"] > 0


async def test_complete_as_text_and_without_a_model(run: Run, fake: FakeVllm, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("def total(prices):\n    return \n")
    result = await run("complete", "shop.py:2:12")
    assert (result.code, result.stdout, result.stderr) == (DONE, "sum(prices)\n", "")
    fake.received.clear()
    result = await run("complete", "shop.py:2:12", "--no-model", "--json", server=None)
    assert result.code == DONE
    assert "def total(prices):" in result.document["prompt"]
    assert result.document["items"] == []
    assert fake.received == []


async def test_complete_knows_the_workspace(run: Run, tmp_path: Path) -> None:
    """Its index is made at first use; each definition that is shown stands in the document, with why."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "money.py").write_text("class Money:\n    def rounded(self, digits: int) -> int: ...\n")
    (tmp_path / "shop.py").write_text("from money import Money\n\ndef show(money: Money):\n    return money.\n")
    result = await run("complete", "shop.py:4:18", "--no-model", "--json", server=None)
    assert (result.code, result.stderr) == (DONE, "")
    assert "def rounded(self, digits: int)" in result.document["prompt"]
    shown = {(each["path"], each["start_line"], each["end_line"]): each for each in result.document["context"]}
    assert set(shown) == {("money.py", 1, 1), ("money.py", 2, 2)}
    assert all(each["why"] and each["tokens"] > 0 for each in shown.values())
    (tmp_path / ".codeassist.toml").write_text("[index]\nenabled = false\n")
    result = await run("complete", "shop.py:4:18", "--no-model", "--json", server=None)
    assert "rounded" not in result.document["prompt"]
    assert result.document["context"] == []


async def test_complete_in_no_file(run: Run, tmp_path: Path) -> None:
    for place in ("missing.py:1:1", f"{tmp_path}:1:1"):
        result = await run("complete", place)
        assert (result.code, result.stdout) == (USAGE, "")
        assert result.stderr.startswith("Error: ")
        assert result.stderr.count("\n") == 1
    (tmp_path / "binary.py").write_bytes(b"\0\1\2")
    result = await run("complete", "binary.py:1:1", "--json")
    assert (result.code, result.document["skip"]) == (DONE, "binary")


async def test_a_model_that_cannot_be_reached(run: Run, tmp_path: Path) -> None:
    """The document is whole all the same, and says why; stderr has the sentence."""
    (tmp_path / "shop.py").write_text(BUGGY)
    address = await closed_address()
    result = await run("complete", "shop.py:1:1", "--json", server=address)
    assert result.code == MODEL_FAILED
    assert (result.document["skip"], result.document["items"]) == ("model-unreachable", [])
    assert address in result.stderr
    result = await run("review", "shop.py", "--format", "json", "--fail-on", "info", server=address)
    assert result.code == MODEL_FAILED
    assert result.document["findings"] == []
    assert address in result.stderr
    result = await run("complete", "shop.py:1:1", server=None)
    assert (result.code, result.stdout) == (MODEL_FAILED, "")
    assert MISSING.command in result.stderr


async def test_review_as_json(run: Run, fake: FakeVllm, tmp_path: Path) -> None:
    fake.answer = knowing(BUGGY, RIGHT)
    (tmp_path / "shop.py").write_text(BUGGY)
    result = await run("review", "shop.py", "--format", "json")
    assert result.code == DONE
    findings = result.document["findings"]
    assert [each["category"] for each in findings] == ["wrong-operator", "wrong-name"]
    names = {"path", "start", "end", "severity", "category", "message", "analyzer", "score", "fingerprint", "fix"}
    assert all(set(each) == names for each in findings)
    assert {(each["path"], each["analyzer"], each["severity"]) for each in findings} == {
        ("shop.py", "infill", "warning")
    }
    lines = BUGGY.split("\n")
    for each in reversed(findings):
        for edit in reversed(each["fix"]["edits"]):
            (start, end), line = (edit["start"], edit["end"]), lines[edit["start"]["line"] - 1]
            assert start["line"] == end["line"]
            lines[start["line"] - 1] = line[: start["column"] - 1] + edit["text"] + line[end["column"] - 1 :]
    assert "\n".join(lines) == RIGHT
    assert result.document["stats"]["files"] == 1
    assert result.document["stats"]["functions"] == 2


@pytest.mark.parametrize(("severity", "code"), [("error", DONE), ("warning", FINDINGS), ("info", FINDINGS)])
async def test_review_fails_on_what_it_is_told_to(
    severity: str, code: int, run: Run, fake: FakeVllm, tmp_path: Path
) -> None:
    fake.answer = knowing(BUGGY, RIGHT)
    (tmp_path / "shop.py").write_text(BUGGY)
    result = await run("review", "shop.py", "--fail-on", severity)
    assert result.code == code
    assert "shop.py:5:18: warning [wrong-operator]" in result.stdout
    assert "2 findings in 1 file" in result.stderr


async def test_review_of_folders_and_of_odd_files(run: Run, fake: FakeVllm, tmp_path: Path) -> None:
    fake.answer = knowing(RIGHT, RIGHT)
    folder = tmp_path / "project"
    for name, data in {
        "a.py": RIGHT.encode(),
        "inner/b.py": RIGHT.encode(),
        "node_modules/c.js": b"function f() { return 1 }",
        ".hidden/d.py": RIGHT.encode(),
        "binary.py": b"\0\0",
        "notes.unheard-of": b"text",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    result = await run("review", folder, "--format", "json", "--fail-on", "info")
    assert result.code == DONE
    assert result.document["findings"] == []
    assert result.document["stats"]["files"] == 3
    assert result.document["stats"]["functions"] == 4
    assert "binary" in result.document["stats"]["skips"].values()


async def test_a_port_that_is_taken(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = await run("lsp", "--tcp", f"127.0.0.1:{port}")
    assert (result.code, result.stdout) == (OTHER, "")
    assert f"cannot listen on 127.0.0.1:{port}" in result.stderr


LIGHT = """
import sys
import {module}
heavy = ("tree_sitter_", "httpx", "httpcore", "xllamacpp", "rich", "numpy", "websockets")
print(sorted(name for name in sys.modules if name.startswith(heavy) and name.count(".") == 0))
"""


@pytest.mark.parametrize("module", ["codeassist.server.app", "codeassist.cli.main", "codeassist.cli.lsp"])
async def test_starting_imports_nothing_heavy(module: str, tmp_path: Path) -> None:
    """No grammar, no HTTP client, no engine and no table printer before there is something to do with them."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", LIGHT.format(module=module)),
        env=environment(tmp_path),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(), DEADLINE_S)
    assert out.decode().strip() == "[]"


async def test_the_language_server_is_a_command_of_the_same_name(run: Run) -> None:
    """Closed at once by whoever started it, it ends; stdout stays empty."""
    result = await run("lsp")
    assert (result.code, result.stdout) == (DONE, "")
    assert MODEL not in result.stderr
