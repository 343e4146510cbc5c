"""The replay of typing: what is typed, what the engine knows, and what is recorded."""

from __future__ import annotations

import argparse
import json
import random
import subprocess
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from benchmarks.latency.replay import columns_of, own_column, parse, with_url
from benchmarks.latency.replay_engine import SURE, UNSURE, Oracle, PacedVllm, judge
from benchmarks.latency.replay_events import BrokenEvents, Recorder, read_blocks, written
from benchmarks.latency.replay_figures import figures_of
from benchmarks.latency.replay_server import main as serve
from benchmarks.latency.replay_typist import Block, Habits, Typist, block_at, blocks_of, first_item, text_behind
from tests.e2e.wire import Wire
from tests.fake_vllm_answers import Answer
from tests.unit.benchmarks.events import event, opened

TEXT = "import os\n\n\ndef f():\n    a = 1\n    b = 2\n\n    return a + b\n\n\nX = 1\n"


# What is typed --------------------------------------------------------------------------------------------------------


def test_a_block_is_typed_at_its_indent() -> None:
    block = block_at("a.py", TEXT, 4, 5)
    assert block is not None
    assert block.before.endswith("def f():\n    ")
    assert block.text == "a = 1\n    b = 2\n\n    return a + b"
    assert block.before + block.text + block.after == TEXT


@pytest.mark.parametrize(
    ("text", "first", "count"),
    [(TEXT, 4, 2), ("", 0, 5), (TEXT.replace("a = 1", "ä = 1"), 4, 5), ("a = 1\n" * 40, 0, 40)],
    ids=["short", "empty", "not-ascii", "long"],
)
def test_blocks_that_are_not_taken(text: str, first: int, count: int) -> None:
    assert block_at("a.py", text, first, count) is None


def test_blocks_come_from_commits(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True, capture_output=True)

    git("init", "-q")
    git("config", "user.email", "a@example.org")
    git("config", "user.name", "A")
    lines = TEXT.split("\n")
    for text in ("\n".join(lines[:4] + lines[8:]), TEXT):
        (tmp_path / "a.py").write_text(text)
        git("add", "-A")
        git("commit", "-q", "-m", "x")
    (found,) = blocks_of(tmp_path, 5)
    assert isinstance(found, Block)
    assert (found.path, found.text) == ("a.py", "a = 1\n    b = 2\n\n    return a + b")


def test_what_an_editor_makes_of_an_answer() -> None:
    item = {"insertText": "sum(x)"}
    assert first_item({"items": [item]}) == first_item([item]) == item
    assert first_item(None) is None
    assert first_item({"items": []}) is None
    assert text_behind(item, 3, 4, "x = ") == "sum(x)"
    from_start = {"start": {"line": 3, "character": 0}, "end": {"line": 3, "character": 4}}
    assert text_behind({"insertText": "x = sum(x)", "range": from_start}, 3, 4, "x = ") == "sum(x)"
    assert text_behind({"insertText": "y = sum(x)", "range": from_start}, 3, 4, "x = ") == ""
    assert text_behind({"insertText": {"kind": "snippet", "value": "a"}}, 3, 4, "x = ") == "a"


class Paper:
    """In place of a server: keeps the text, and suggests `answer`."""

    def __init__(self, text: str, answer: str) -> None:
        self.text, self.answer_text = text, answer
        self.sent: list[str] = []

    def open(self, uri: str, text: str) -> None:
        self.text = text

    def insert(self, uri: str, line: int, character: int, text: str, version: int) -> None:
        self._change(line, character, character, text)

    def notify(self, method: str, params: Any) -> None:
        self.sent.append(method)
        if method == "textDocument/didChange":
            (change,) = params["contentChanges"]
            start, end = change["range"]["start"], change["range"]["end"]
            self._change(start["line"], start["character"], end["character"], change["text"])

    def _change(self, line: int, start: int, end: int, text: str) -> None:
        lines = self.text.split("\n")
        lines[line] = lines[line][:start] + text + lines[line][end:]
        self.text = "\n".join(lines)

    def request(self, method: str, params: Any) -> None:
        self.sent.append(method)

    def ask(self, uri: str, line: int, character: int, *, typed: bool) -> int:
        return 1

    async def answer(self, asked: int) -> Any:
        command = {"title": "Accepted", "command": "accepted", "arguments": ["1"]}
        return {"result": {"items": [{"insertText": self.answer_text, "command": command}]}}


BLOCK = Block("a.py", "def f():\n    ", "alpha = beta\n    return alpha", "\n\nX = 1\n")


async def typed_on(paper: Paper, habits: Habits) -> list[dict[str, Any]]:
    recorder = Recorder()
    recorder.note("opened", column="c", text=BLOCK.text)
    await Typist(cast(Wire, paper), "file:///a.py", BLOCK, recorder, True, lambda _: None, habits).type(
        random.Random(1)
    )
    assert paper.text == BLOCK.before + BLOCK.text + BLOCK.after
    return recorder.block()


async def test_slips_are_taken_back() -> None:
    events = await typed_on(Paper("", ""), Habits(key=0.0, line=0.0, look=0.0, slips=0.5))
    names = [each["event"] for each in events]
    assert names.count("deleted") > 3
    assert names.count("ask") == names.count("key") + names.count("deleted")
    assert "shown" not in names


async def test_what_is_right_and_seen_is_accepted() -> None:
    paper = Paper("", "lpha = beta")
    events = await typed_on(paper, Habits(key=0.001, line=0.0, look=0.0, slips=0.0, noticed=0.0))
    assert [each["text"] for each in events if each["event"] == "accepted"] == ["lpha = beta"]
    assert paper.sent.count("workspace/executeCommand") == 1
    assert figures_of([events]).accepted == len("lpha = beta")


async def test_what_is_typed_away_is_hidden() -> None:
    events = await typed_on(Paper("", "lp"), Habits(key=0.001, line=0.0, look=0.0, slips=0.0))
    at = next(number for number, each in enumerate(events) if each["event"] == "shown")
    names = [each["event"] for each in events[at:]]
    assert names[:3] == ["shown", "key", "ask"]
    assert "hidden" in names


# What the engine knows ------------------------------------------------------------------------------------------------


def test_the_engine_knows_what_follows() -> None:
    oracle = Oracle(1.0)
    oracle.goal = TEXT
    before = TEXT[: TEXT.index("b = 2")]
    assert oracle({"prompt": f"<|fim_prefix|>{before}<|fim_suffix|>"}).startswith("b = 2\n\n    return")
    assert oracle.say(before).place == len(before)
    assert oracle.say(before).is_right
    oracle.right = 0.0
    assert oracle({"prompt": f"<|fim_prefix|>{before}<|fim_suffix|>"}) == "b _other(value)\n"
    assert not oracle.say(before).is_right


def test_behind_what_is_not_on_the_way_it_is_wrong() -> None:
    oracle = Oracle(1.0)
    oracle.goal = TEXT
    said = oracle.say("somewhere else altogether")
    assert (said.place, said.is_right, said.text) == (None, False, "other(value)\n")


@pytest.mark.parametrize(("misjudged", "expected"), [(0.0, (SURE, UNSURE)), (1.0, (UNSURE, SURE))])
def test_log_probabilities_tell_right_from_wrong_unless_misjudged(
    misjudged: float, expected: tuple[float, float]
) -> None:
    before = TEXT[: TEXT.index("a = 1")]
    found = []
    for right in (1.0, 0.0):
        oracle = Oracle(right, misjudged)
        oracle.goal = TEXT
        said = oracle.say(before)
        event = list(Answer({"model": "m", "logprobs": 2, "max_tokens": 9}, said.text).events())[2]
        judge(event, said, offset=3)
        (logprob,) = event["choices"][0]["logprobs"]["token_logprobs"]
        (top,) = event["choices"][0]["logprobs"]["top_logprobs"]
        assert max(top.values()) == logprob
        found.append(logprob)
    assert tuple(found) == expected


def test_without_being_asked_there_are_no_log_probabilities() -> None:
    event = next(Answer({"model": "m"}, "a b").events())
    judge(event, Oracle(1.0).say("x"), 0)
    assert event["choices"][0]["logprobs"] is None


async def test_the_engine_notes_what_it_did() -> None:
    oracle = Oracle(1.0)
    oracle.goal = TEXT
    body = {"model": "m", "prompt": TEXT[: TEXT.index("a = 1")], "stream": True, "max_tokens": 6}
    async with PacedVllm(oracle, ("m",), 0.0, 1e9, 0.0) as engine:
        engine.start = TEXT.index("def f")
        async with httpx.AsyncClient(base_url=engine.base_url) as client:
            for _ in range(2):
                await client.post("/completions", json=body)
        await engine.until(lambda counts: counts.finished == 2)
        begun, ended, *_ = engine.recorder.block()
    assert (begun["event"], begun["cached"], begun["place"], begun["limit"]) == ("begun", 0, len("def f():\n    "), 6)
    assert (ended["event"], ended["how"]) == ("ended", "finished")
    assert "".join(text for _, text in ended["tokens"]) == "a = 1\n    b "


async def test_the_engine_stops_when_the_client_leaves() -> None:
    oracle = Oracle(1.0)
    oracle.goal = TEXT
    body = {"model": "m", "prompt": "def f():\n    ", "stream": True, "max_tokens": 60}
    async with PacedVllm(oracle, ("m",), 0.0, 1e9, 3600.0) as engine, httpx.AsyncClient() as client:
        async with client.stream("POST", f"{engine.base_url}/completions", json=body) as answer:
            await anext(answer.aiter_lines())
        await engine.until(lambda counts: counts.aborted == 1)
        ended = engine.recorder.block()[-1]
    # The second one was being made.
    assert (ended["how"], len(ended["tokens"]), ended["generated"]) == ("left", 1, 2)


@pytest.mark.parametrize("leaves", [True, False])
async def test_a_client_that_never_hangs_up_has_a_bad_figure(leaves: bool) -> None:
    oracle = Oracle(1.0)
    oracle.goal = "total = 1 + 2 + 3 + 4 + 5 + 6 + 7 + 8 + 9\n"
    body = {"model": "m", "prompt": "total = ", "stream": True, "max_tokens": 60}
    async with PacedVllm(oracle, ("m",), 0.0, 1e9, 3600.0 if leaves else 0.01) as engine, httpx.AsyncClient() as client:
        engine.recorder.note("opened", column="c", text=oracle.goal)
        engine.recorder.note("key", text="total = ")
        async with client.stream("POST", f"{engine.base_url}/completions", json=body) as answer:
            lines = answer.aiter_lines()
            await anext(lines)
            engine.recorder.note("key", text="other")
            if not leaves:
                assert [line async for line in lines]
        await engine.until(lambda counts: counts.running == 0)
        figures = figures_of([engine.recorder.block()])
    assert (figures.dropped == 0) is leaves
    assert (figures.late > 5) is not leaves


async def test_whole_blocks_are_cached_but_never_all_of_a_prompt() -> None:
    async with PacedVllm(Oracle(1.0), ("m",), 0.0, 1e9, 0.0) as engine:
        prompt = [f"{number}" for number in range(32)]
        found = [await engine._look_up(each) for each in (prompt, prompt, [*prompt, "a"], ["b", *prompt])]
    assert found == [0, 16, 32, 0]


# What is recorded -----------------------------------------------------------------------------------------------------


def test_what_is_recorded_is_read_again(tmp_path: Path) -> None:
    recorder = Recorder()
    recorder.note("opened", column="c", text="ab")
    recorder.note("key", text="a")
    recorder.note("closed")
    blocks = [recorder.block(), recorder.block()]
    (tmp_path / "events").write_text(written(blocks))
    assert read_blocks(tmp_path / "events") == blocks


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([], "events: no events"),
        ([event(0, "closed")], "events:1: the first event of a file is `opened`"),
        ([opened("a"), event(1, "jumped")], "events:2: no such event: jumped"),
        ([opened("a"), event(1, "key")], "events:2: `text` of `key` is no str"),
        ([opened("a"), {"event": "closed"}], "events:2: `at` is no number"),
        ([opened("a"), event(2, "closed"), event(1, "closed")], "events:3: earlier than the event before"),
        ([opened("a"), [1]], "events:2: not an object"),
        (
            [opened("a"), event(1, "ended", request=1, generated=2, tokens=[3])],
            "events:2: `tokens` is no list of pairs",
        ),
    ],
)
def test_broken_files_are_refused_with_the_place(tmp_path: Path, lines: list[Any], problem: str) -> None:
    (tmp_path / "events").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(BrokenEvents, match=problem.replace("(", r"\(")):
        read_blocks(tmp_path / "events")


def test_what_is_no_json_is_refused_with_the_place(tmp_path: Path) -> None:
    (tmp_path / "events").write_text(json.dumps(opened("a")) + "\n{oops\n")
    with pytest.raises(BrokenEvents, match="events:2: "):
        read_blocks(tmp_path / "events")


# What is compared -----------------------------------------------------------------------------------------------------


def columns(*arguments: str) -> list[str]:
    return [column.name for column in columns_of(parse([*arguments]))]


def test_columns() -> None:
    parts = ["reuse", "join", "speculation", "warm-up", "debounce", "silence"]
    assert columns() == ["everything", *parts, "all"]
    assert columns("--without", "join,all") == ["everything", "join", "all"]
    assert columns("--without", "") == ["everything"]
    assert columns("--engine", "embedded") == ["everything", "all"]
    assert columns("--server", "/usr/bin/other-server --stdio") == ["other-server"]
    with pytest.raises(ValueError, match="no such part: joy"):
        columns("--without", "joy")
    with pytest.raises(ValueError, match="names no command"):
        columns("--server", "")


def test_parts_are_switched_where_they_are() -> None:
    assert own_column("debounce").command == own_column("everything").command
    assert own_column("debounce").debounce_ms == 0
    assert own_column("join").command[-1] == "join"
    assert own_column("all").command[-5:] == ("reuse", "join", "speculation", "warm-up", "silence")


def test_another_server_is_told_the_address_of_the_engine() -> None:
    arguments = argparse.Namespace(server="s --url={url}", options='{"a": [{"b": "{url}/x"}], "c": 1}')
    (column,) = columns_of(arguments)
    assert with_url(column.command, "http://h") == ["s", "--url=http://h"]
    assert with_url(column.options, "http://h") == {"a": [{"b": "http://h/x"}], "c": 1}


def test_a_part_that_there_is_not_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert serve(["joy"]) == 2
    assert "no such parts: joy" in capsys.readouterr().err
