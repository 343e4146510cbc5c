"""Completions as each editor asks for them: the right text at the right place, and what follows a completion."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from codeassist.text.lines import with_line_feeds
from tests.e2e.conftest import EditorOf
from tests.e2e.editor import DEADLINE_S, Editor, environment, start
from tests.e2e.places import CURSOR, cut
from tests.e2e.programs import COMPLETION, MODEL
from tests.fake_vllm import FakeVllm

pytestmark = pytest.mark.asyncio(loop_scope="session")

everywhere = pytest.mark.parametrize("editor", ["vscode", "neovim-0.11", "neovim-0.12", "plain"], indirect=True)

PLACES = {
    "plain": f"def total(prices):\n    return {CURSOR}\n",
    "non-ascii-before": f'def total(prices):\n    """Größe, 価格, 😀."""; é = "😀𝄞"; return {CURSOR}\n',
    "form-feed": f"import os\n\f\ndef total(prices):\n    return {CURSOR}\n",
    "line-separator": f'T = "a\u2028b\u2029c\x0bd\x85e"\n\ndef total(prices):\n    x = "\u2028😀"; return {CURSOR}\n',
    "windows-lines": f"def total(prices):\r\n    return {CURSOR}\r\n",
    "old-mac-lines": f"def total(prices):\r    return {CURSOR}\r",
    "mixed-lines": f"import os\r\ndef total(prices):\n    x = 1\r    return {CURSOR}\n",
    "lone-surrogate": f'x = "\ud800"\ndef total(prices):\n    é = "\udc00"; return {CURSOR}\n',
    "end-of-file": f"def total(prices):\n    return {CURSOR}",
}

MONEY_URI = "file:///elsewhere/money.py"
MONEY = "class Money:\n    def rounded_to_cents(self):\n        return round(self.amount, 2)\n"
USES_MONEY = f"from money import Money\n\ndef show(money: Money):\n    return money.{CURSOR}\n"


@everywhere
@pytest.mark.parametrize("place", PLACES)
async def test_completes_at_the_cursor(editor: Editor, uri: str, place: str, fake: FakeVllm) -> None:
    text, at = cut(PLACES[place])
    editor.open(uri, text)
    shown = await editor.complete(uri, at)
    assert shown is not None
    assert (shown.text, shown.start, shown.end) == (COMPLETION.rstrip("\n"), at, at)
    prompt = fake.received[-1].body["prompt"]
    before, after = (with_line_feeds(half) for half in (text[:at], text[at:]))  # Models know no other line ends.
    before = before.replace("\ud800", "\ufffd").replace("\udc00", "\ufffd")
    assert prompt.endswith(f"{before}<|fim_suffix|>{after}<|fim_middle|>")


@everywhere
async def test_replaces_what_the_answer_repeats(editor: Editor, uri: str, fake: FakeVllm) -> None:
    """The closing bracket that the editor put there: the range covers it, so that it is not doubled."""
    fake.answer = 'prices, key="größe")\n'
    text, at = cut(f'def f(prices):\n    é = "😀"; return sorted({CURSOR})\n')
    editor.open(uri, text)
    shown = await editor.complete(uri, at)
    assert shown is not None
    after = text[: shown.start] + shown.text + text[shown.end :]
    assert after == 'def f(prices):\n    é = "😀"; return sorted(prices, key="größe")\n'


@pytest.mark.parametrize("editor", ["jetbrains"], indirect=True)
async def test_an_editor_that_only_inserts(editor: Editor, uri: str, fake: FakeVllm) -> None:
    """It gets what goes before the bracket that it has closed; nothing where that would not do."""
    text, at = cut(f"def total(prices):\n    return {CURSOR}\n")
    editor.open(uri, text)
    shown = await editor.complete(uri, at)
    assert shown is not None
    assert shown.text == "sum(prices)"
    editor.edit(uri, (at, at, "sum()"))
    inside = at + len("sum(")
    rest = await editor.complete(uri, inside, typed=True)
    assert rest is not None
    assert (rest.text, rest.start, rest.end) == ("prices", inside, inside)
    fake.answer = "prices) + 1\n"
    assert await editor.complete(uri, inside) is None
    assert await editor.last_skip() == "needs-replacing"


@everywhere
async def test_follows_the_edits(editor: Editor, uri: str, fake: FakeVllm) -> None:
    """Edits in the middle, before and after characters that count differently, several in one message."""
    editor.open(uri, 'a = "😀"\nb = "é\u2028"\n')
    editor.edit(uri, (5, 6, "𝄞𝄞"), (0, 0, "# ü\r\n"), (5, 6, "name"))
    assert editor.texts[uri] == '# ü\r\nname = "𝄞𝄞"\nb = "é\u2028"\n'
    editor.replace(uri, "\nb", "\nc = 1\nb")
    editor.set_whole(uri, editor.texts[uri] + "d = ")
    at = len(editor.texts[uri])
    shown = await editor.complete(uri, at)
    assert shown is not None
    assert shown.start == at
    assert f"<|fim_prefix|>{editor.texts[uri]}<|fim_suffix|>" in fake.received[-1].body["prompt"]


@everywhere
async def test_is_accepted(editor: Editor, uri: str) -> None:
    text, at = cut(PLACES["non-ascii-before"])
    editor.open(uri, text)
    shown = await editor.complete(uri, at)
    assert shown is not None
    await editor.accept(uri, shown)
    assert editor.texts[uri] == text[:at] + "sum(prices)" + text[at:]
    completion, accepted = [entry for entry in await editor.trace(3) if entry["kind"] != "outcome"]
    assert (completion["kind"], completion["uri"], completion["skip"]) == ("completion", uri, None)
    assert (accepted["kind"], accepted["uri"]) == ("didAccept", uri)


async def test_hears_of_parts_and_rejections(editor: Editor, uri: str) -> None:
    text, at = cut(PLACES["plain"])
    editor.open(uri, text)
    shown = await editor.complete(uri, at)
    assert shown is not None
    assert shown.command is not None
    (item,) = shown.command.arguments or []
    for event, more in (("didShow", {}), ("didPartiallyAccept", {"acceptedLength": 3}), ("didReject", {})):
        editor.client.protocol.notify(f"codeassist/{event}", {"itemId": item, **more})
    editor.client.protocol.notify("codeassist/didReject", {"itemId": "never-shown"})
    events = [entry for entry in await editor.trace() if entry["kind"] != "outcome"][-3:]
    assert [entry["kind"] for entry in events] == ["didShow", "didPartiallyAccept", "didReject"]
    assert [entry["item"] for entry in events] == [item] * 3
    assert events[1]["acceptedLength"] == 3


@everywhere
async def test_is_traced_and_shown_in_the_status(editor: Editor, uri: str, fake: FakeVllm) -> None:
    fake.answer = COMPLETION.rstrip()  # Without a line end nothing is cut: the server gets to say what it counted.
    text, at = cut(PLACES["plain"])
    editor.open(uri, "x = \n")
    assert await editor.complete(uri, 4) is not None  # Connecting takes longer than it waits for a key.
    editor.set_whole(uri, text)
    assert await editor.complete(uri, at, typed=True) is not None
    (entry,) = await editor.trace(1)
    assert {"debounce", "parse", "connect", "context", "prompt", "model", "first-token", "post", "total"} <= set(
        entry["timings"]
    )
    assert entry["tokens"]["prompt"] > 0
    assert entry["tokens"]["generated"] > 0
    asked = await editor.run("codeassist.showStatus")  # Figures come a little after their answer, but not after this.
    status = editor.statuses[-1]
    assert (status["state"], status["model"]) == ("ready", MODEL)
    assert status["latencyMs"] >= 0
    assert {name: asked[name] for name in status} == status


@everywhere
async def test_silence_has_a_reason(editor: Editor, uri: str, fake: FakeVllm) -> None:
    fake.answer = ""
    editor.open(uri, "def total(prices):\n    return \n")
    assert await editor.complete(uri, 30) is None
    assert await editor.last_skip() == "empty"
    assert await editor.complete(uri, 6) is None
    assert await editor.last_skip() == "mid-word"


@pytest.mark.parametrize(
    "uri", ["untitled:Untitled-1", "untitled:/home/me/new.py", "vscode-notebook-cell:/a/b.ipynb#W0"]
)
async def test_completes_what_is_not_on_disk(editor: Editor, uri: str, fake: FakeVllm) -> None:
    names = [urlsplit(each).path.rpartition("/")[2] for each in (MONEY_URI, uri)]
    editor.open(MONEY_URI, MONEY)
    text, at = cut(USES_MONEY)
    editor.open(uri, text)
    assert await editor.complete(uri, at) is not None
    prompt = fake.received[-1].body["prompt"]
    assert [line[2:] for line in prompt.split("<|fim_prefix|>")[1].split("\n") if line[2:] in names] == names


@everywhere
async def test_uses_other_open_documents(editor: Editor, uri: str, fake: FakeVllm) -> None:
    editor.open(f"{uri}/money.py", MONEY)
    text, at = cut(USES_MONEY)
    editor.open(f"{uri}/shop.py", text)
    assert await editor.complete(f"{uri}/shop.py", at) is not None
    assert "rounded_to_cents" in fake.received[-1].body["prompt"]
    editor.close(f"{uri}/money.py")
    assert await editor.complete(f"{uri}/shop.py", at) is not None
    assert "rounded_to_cents" not in fake.received[-1].body["prompt"]


@everywhere
async def test_a_document_closed_meanwhile(editor: Editor, uri: str, fake: FakeVllm) -> None:
    fake.behaviour.trouble = "hang"
    text, at = cut(PLACES["plain"])
    editor.open(uri, text)
    asked = editor.ask(uri, at)
    await fake.until(lambda counts: counts.held == 1)
    editor.close(uri)
    answer = await asyncio.wait_for(asked, DEADLINE_S)
    assert editor.offer(text, answer) is None
    await fake.until(lambda counts: counts.aborted == 1 and counts.running == 0)


async def test_several_workspace_folders(fake: FakeVllm, tmp_path: Path) -> None:
    """Paths in prompts are relative to the folder that holds the document, whichever it is."""
    roots = [tmp_path / "one", tmp_path / "two", tmp_path / "two" / "inner"]
    for root in roots:
        root.mkdir(parents=True)
    variables = environment(tmp_path, SERVER__URL=fake.base_url, SERVER__FAMILY="granite-3")

    async def names_of(editor: Editor, file: Path) -> tuple[str, str]:
        """The names of repository and file in the prompt."""
        text, at = cut(USES_MONEY)
        editor.open(file.as_uri(), text)
        files: list[str] = []
        end = asyncio.get_running_loop().time() + DEADLINE_S
        while (
            not files and asyncio.get_running_loop().time() < end
        ):  # Until it is known that nothing forbids to show the other document.
            assert await editor.complete(file.as_uri(), at) is not None
            prompt: str = fake.received[-1].body["prompt"]
            before, *files = prompt.split("<fim_prefix>", maxsplit=1)[0].split("<filename>")
        editor.close(file.as_uri())
        return before.removeprefix("<reponame>"), files[-1].strip()

    async with start("vscode", variables, roots=roots) as editor:
        editor.open((roots[0] / "money.py").as_uri(), MONEY)
        assert await names_of(editor, roots[0] / "a b" / "ü.py") == ("one", "a b/ü.py")
        assert await names_of(editor, roots[1] / "x.py") == ("two", "x.py")
        assert await names_of(editor, roots[2] / "x.py") == ("inner", "x.py")
        assert await names_of(editor, tmp_path / "outside.py") == ("", "outside.py")
        editor.change_folders(added=[tmp_path / "three"], removed=[roots[2]])
        assert await names_of(editor, tmp_path / "three" / "x.py") == ("three", "x.py")
        assert await names_of(editor, roots[2] / "x.py") == ("two", "inner/x.py")


async def test_two_editors_know_nothing_of_each_other(editor_of: EditorOf, fake: FakeVllm, uri: str) -> None:
    one, other = await editor_of("vscode"), await editor_of("neovim-0.12")
    text, at = cut(PLACES["plain"])
    one.open(uri, text)
    other.open(uri, "# only here\n" + text)
    assert await one.complete(uri, at) is not None
    assert "only here" not in fake.received[-1].body["prompt"]


@pytest.mark.parametrize(("said", "waits"), [({"codeassist": {"waitsMs": 80}}, False), ({"codeassist": "x"}, True)])
async def test_an_editor_that_waits_itself_is_not_kept_waiting_again(
    fake: FakeVllm, tmp_path: Path, said: dict[str, Any], waits: bool
) -> None:
    variables = environment(tmp_path, SERVER__URL=fake.base_url, COMPLETION__DEBOUNCE_MS="80")
    async with start("plain", variables, experimental=said) as editor:
        for uri in (f"{MONEY_URI}.1.py", f"{MONEY_URI}.2.py"):  # Connecting takes longer than any wait.
            editor.open(uri, "def total(prices):\n    return ")
            assert await editor.complete(uri, 30, typed=True) is not None
        (entry,) = await editor.trace(1)
        assert ("debounce" in entry["timings"]) == waits
