"""`codeassist review` of what changed, in real repositories: what is looked at, what it costs, and what is said."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from codeassist.flow.asking import SEATS
from tests.e2e.commands import DONE, FINDINGS, MODEL_FAILED, USAGE, Run
from tests.e2e.editor import acquaint
from tests.e2e.programs import BUGGY, HALF, RIGHT, asked_line, is_review, knowing
from tests.fake_vllm import FakeVllm
from tests.repositories import Repository

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEAREST, TOTAL = "wrong-operator", "wrong-name"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository in which everything is right."""
    made = Repository(tmp_path / "project")
    made.commit({"shop.py": RIGHT, "other.py": RIGHT})
    return made


def categories(document: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["path"], each["category"]) for each in document["findings"]]


async def test_only_functions_that_changed_are_reviewed(run: Run, fake: FakeVllm, repository: Repository) -> None:
    fake.answer = knowing(HALF, RIGHT)
    repository.write({"shop.py": HALF})
    result = await run("review", "--diff", "--format", "json", "--fail-on", "info", folder=repository.root)
    assert (result.code, categories(result.document)) == (FINDINGS, [("shop.py", TOTAL)])
    assert result.document["stats"]["functions"] == 1
    asked = {asked_line(each.body)[0] for each in fake.received if is_review(each.body)}
    first = HALF.split("\n").index("def total(prices):")
    assert asked
    assert min(asked) > first


async def test_an_unchanged_function_costs_nothing(run: Run, fake: FakeVllm, repository: Repository) -> None:
    """Moved, with comments and blank lines, or with other line ends: nobody is asked, not even whether a server is
    there."""
    commented = RIGHT.replace("    return best", "\n    # The one.\n    return best  # Really.\n")
    repository.write({"shop.py": ("# A comment.\n\n\n" + commented).replace("\n", "\r\n")})
    os.utime(repository.root / "other.py", (1, 1))
    for what in ("--diff", "--diff=HEAD", "--staged"):
        result = await run("review", what, "--fail-on", "info", folder=repository.root, server="http://127.0.0.1:9/v1")
        assert (result.code, result.stdout, result.stderr) == (DONE, "", "nothing to review\n")
    assert fake.received == []


async def test_a_branch_as_a_pull_request_shows_it(run: Run, fake: FakeVllm, repository: Repository) -> None:
    fake.answer = knowing(BUGGY, RIGHT)
    repository.git("switch", "--quiet", "--create", "work")
    repository.commit({"mine.py": BUGGY, "sub/also.py": BUGGY})
    repository.git("switch", "--quiet", "main")
    repository.commit({"other.py": BUGGY})
    repository.git("switch", "--quiet", "work")
    result = await run("review", "--diff", "main", "--format", "json", folder=repository.root / "sub")
    assert categories(result.document) == [
        *(("mine.py", category) for category in (DEAREST, TOTAL)),
        *(("sub/also.py", category) for category in (DEAREST, TOTAL)),
    ]
    result = await run("review", "--diff=main", "sub", "--format", "json", folder=repository.root)
    assert {path for path, _ in categories(result.document)} == {"sub/also.py"}
    result = await run("review", "--diff", "main", folder=repository.root / "sub")
    assert f"{Path('..') / 'mine.py'}:5:18: warning" in result.stdout
    assert "\nalso.py:5:18: warning" in result.stdout


async def test_what_is_staged_is_reviewed_and_not_the_work_tree(
    run: Run, fake: FakeVllm, repository: Repository
) -> None:
    fake.answer = knowing(BUGGY, RIGHT)
    repository.write({"shop.py": BUGGY})
    repository.git("add", "shop.py")
    repository.write({"shop.py": RIGHT, "other.py": BUGGY})
    result = await run("review", "--staged", "--format", "json", folder=repository.root)
    assert categories(result.document) == [("shop.py", DEAREST), ("shop.py", TOTAL)]
    repository.git("add", "shop.py")
    result = await run("review", "--staged", "--format", "json", folder=repository.root)
    assert categories(result.document) == []


async def test_what_cannot_be_reviewed_is_said(run: Run, fake: FakeVllm, repository: Repository) -> None:
    fake.answer = knowing(BUGGY, RIGHT)
    repository.write(
        {
            "binary.py": b"def f():\n\0\n",
            "utf16.py": BUGGY.encode("utf-16"),
            "large.py": b"x = 1\n" * 5_000_000,
            "credentials.json": '{"key": 1}\n',
            "vendored/x.py": BUGGY,
            "silent.py": "# codeassist: ignore-file\n" + BUGGY,
            "picture.png": b"\x89PNG\0",
            "LICENSE": "Do what you want.\n",
            ".codeassist.toml": '[index]\nexclude = ["vendored/"]\n',
        }
    )
    (repository.root / "link.py").symlink_to("shop.py")
    (repository.root / "loop.py").symlink_to("loop.py")
    (repository.root / "other.py").unlink()
    for what in ("--diff", "--staged"):
        result = await run("review", what, "--format", "json", "--fail-on", "info", folder=repository.root)
        assert (result.code, result.document["findings"]) == (DONE, [])
        assert result.document["stats"]["skips"] == {
            "binary.py": "binary",
            "credentials.json": "secret-file",
            "large.py": "too-large",
            "link.py": "link",
            "loop.py": "link",
            "silent.py": "ignored-file",
            "utf16.py": "binary",
            "vendored/x.py": "excluded",
        }
        assert "codeassist: large.py: The document is larger than index.max_file_bytes." in result.stderr
        repository.git("add", "--all")
    assert fake.received == []


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
async def test_hostile_file_names(run: Run, fake: FakeVllm, repository: Repository) -> None:
    code = "def f(a):\n    return a\n"
    fake.answer = knowing(code, code.replace("return a", "return len(a)"))
    names = ["a\nb.py", 'c"d.py', "\x1b[31mred.py", "::error::x.py", "-n.py", os.fsdecode(b"\xff.py"), "😀.py"]
    for name in names:
        (repository.root / name).write_text(code)
    for what in ("--diff", "--staged"):
        result = await run("review", what, "--format", "json", folder=repository.root)
        assert {path for path, _ in categories(result.document)} == set(names)
        result = await run("review", what, folder=repository.root)
        assert result.code == DONE
        assert not any(character in result.stdout for character in "\x1b\r")
        assert all(f"{shown}:2:" in result.stdout for shown in ("a\\nb.py", "\\x1b[31mred.py", "\\xff.py", "😀.py"))
        assert not any(line.startswith("::") for line in result.stdout.splitlines())
        result = await run("review", what, "--format", "github", folder=repository.root)
        assert all(line.startswith("::warning file=") for line in result.stdout.splitlines())
        assert len(result.stdout.splitlines()) == len(names)
        repository.git("add", "--all")


async def test_a_byte_order_mark_and_windows_line_ends(run: Run, fake: FakeVllm, repository: Repository) -> None:
    fake.answer = knowing(BUGGY, RIGHT)
    repository.write({"shop.py": b"\xef\xbb\xbf" + BUGGY.replace("\n", "\r\n").encode()})
    result = await run("review", "--diff", "--format", "json", folder=repository.root)
    places = [(each["start"]["line"], each["start"]["column"]) for each in result.document["findings"]]
    assert places == [(5, 18), (11, 29)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--diff", "nowhere"), "there is no revision nowhere here"),
        (("--diff=",), "the revision is empty; name one, or leave it out"),
        (("--diff=-O/tmp/x",), "a revision does not begin with a dash: -O/tmp/x"),
        (("--diff=--word",), "a revision does not begin with a dash: --word"),
        (("--diff", "shop.py"), "--diff=HEAD shop.py"),
        (("--staged", "--diff"), "exclude each other"),
        (("--diff", "--", "missing.py"), "git knows of no change there"),
        (("--staged", "/etc"), "outside of the repository"),
        ((), "name files or folders, or what changed"),
        (("--no-baseline", "--update-baseline", "shop.py"), "--no-baseline"),
        (("--baseline", "gone.json", "shop.py"), "there is no baseline gone.json"),
        (("--diff", "\x1b[31mno\nwhere"), "there is no revision \\x1b[31mno\\nwhere here"),
        (("--diff=-\x1b[31m",), "a revision does not begin with a dash: -\\x1b[31m"),
        (("--baseline", "\x1b[31mgone\n.json", "shop.py"), "there is no baseline \\x1b[31mgone\\n.json"),
        (("--\x1b[31m",), "No such option"),
    ],
)
async def test_wrong_usage_names_the_next_step(
    arguments: tuple[str, ...], said: str, run: Run, repository: Repository
) -> None:
    result = await run("review", *arguments, folder=repository.root)
    assert (result.code, result.stdout) == (USAGE, "")
    assert said in result.stderr
    assert "\x1b" not in result.stderr


async def test_outside_of_a_repository(run: Run, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    variables = {"GIT_CEILING_DIRECTORIES": str(tmp_path)}
    result = await run("review", "--staged", folder=tmp_path / "plain", variables=variables)
    assert (result.code, result.stdout) == (USAGE, "")
    assert "codeassist review PATH" in result.stderr


@pytest.mark.parametrize("form", ["json", "sarif", "text", "github"])
async def test_files_of_one_name_outside_of_a_repository_are_two(
    form: str, run: Run, fake: FakeVllm, tmp_path: Path
) -> None:
    here = tmp_path / "here"
    files = [here / "a" / "shop.py", here / "b" / "shop.py", tmp_path / "elsewhere" / "shop.py"]
    for file in files:
        file.parent.mkdir(parents=True)
        file.write_text(HALF, encoding="utf-8")
    fake.answer = knowing(HALF, RIGHT)
    names = ["a/shop.py", "b/shop.py", files[2].as_posix()]
    result = await run("review", *map(str, files), "--format", form, folder=here)
    if form == "json":
        assert sorted(each["path"] for each in result.document["findings"]) == sorted(names)
    elif form == "sarif":
        places = [
            each["locations"][0]["physicalLocation"]["artifactLocation"]
            for each in result.document["runs"][0]["results"]
        ]
        inside = [{"uri": name, "uriBaseId": "%SRCROOT%"} for name in names[:2]]
        assert sorted(places, key=lambda place: place["uri"]) == [*inside, {"uri": files[2].as_uri()}]
    else:
        assert all(str(name) in result.stdout for name in (names if form == "github" else files))
    prompts = {each.body["prompt"].split("\n")[0] for each in fake.received if is_review(each.body)}
    assert not any(str(tmp_path) in prompt for prompt in prompts), "no model is told where files lie"


async def test_what_is_known_of_a_file_is_not_known_of_its_namesake(run: Run, fake: FakeVllm, tmp_path: Path) -> None:
    for folder in "ab":
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "shop.py").write_text(HALF, encoding="utf-8")
    fake.answer = knowing(HALF, RIGHT)
    written = await run("review", "a/shop.py", "--update-baseline", "--baseline", "known.json", folder=tmp_path)
    assert written.code == DONE, written.stderr
    options = ("--baseline", "known.json", "--format", "json")
    result = await run("review", "a/shop.py", "b/shop.py", *options, folder=tmp_path)
    assert categories(result.document) == [("b/shop.py", TOTAL)]
    assert result.document["stats"]["hidden"]["baseline"] == 1


async def test_a_server_that_is_gone(run: Run, repository: Repository) -> None:
    async with FakeVllm() as gone:
        address = gone.base_url
    repository.write({"shop.py": BUGGY})
    result = await run("review", "--diff", "--format", "sarif", folder=repository.root, server=address)
    assert result.code == MODEL_FAILED
    assert address in result.stderr
    (invocation,) = result.document["runs"][0]["invocations"]
    assert not invocation["executionSuccessful"]


async def test_a_server_that_fails_on_the_way_leaves_what_was_found(
    run: Run, fake: FakeVllm, repository: Repository
) -> None:
    knows = knowing(BUGGY, RIGHT)

    def answer(body: dict[str, Any]) -> str:
        text = knows(body)
        if "amount" in text:
            fake.behaviour.status, fake.behaviour.message = 500, "no\n\x1b[31mroom"
        return text

    fake.answer = answer
    repository.write({"shop.py": BUGGY})
    result = await run("review", "--diff", "--format", "json", "--update-baseline", folder=repository.root)
    assert result.code == MODEL_FAILED
    assert "\x1b" not in result.stderr
    assert ("shop.py", DEAREST) in categories(result.document)
    assert result.document["stats"]["partial"]
    assert not (repository.root / ".codeassist-baseline.json").exists()
    assert "the baseline was not written" in result.stderr


async def test_a_server_without_logprobs_is_no_silent_success(run: Run, fake: FakeVllm, repository: Repository) -> None:
    fake.behaviour.logprobs = False
    repository.write({"shop.py": BUGGY, "other.py": BUGGY})
    result = await run("review", "--diff", "--fail-on", "info", folder=repository.root)
    assert result.code == MODEL_FAILED
    assert "does not report log-probabilities" in result.stderr
    assert len([each for each in fake.received if "prompt" in each.body]) < 10


async def test_functions_are_reviewed_at_once_as_far_as_there_are_seats(
    run: Run, fake: FakeVllm, repository: Repository
) -> None:
    """Functions of a line each, in several files: as many are in hand as one user may have, and no more."""
    many = "".join(f"def f{number}(a):\n    return a\n\n\n" for number in range(3))
    fake.answer = knowing(many, many)
    fake.behaviour.trouble = "hold"
    repository.write({f"{name}.py": many for name in "abcd"})
    running = asyncio.ensure_future(run("review", "a.py", "b.py", "c.py", "d.py", folder=repository.root))
    await fake.until(lambda counts: counts.held >= SEATS)
    assert fake.counts.held == SEATS
    fake.release()
    result = await running
    assert (result.code, result.stdout) == (DONE, "")
    assert "0 findings in 4 files" in result.stderr


async def test_five_thousand_files(run: Run, fake: FakeVllm, tmp_path: Path) -> None:
    """None of them has anything to review, so none costs a request."""
    folder = tmp_path / "many"
    for number in range(5_000):
        path = folder / f"{number % 50}" / f"file_{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("# Nothing here.\n")
    result = await run("review", folder)
    assert (result.code, result.stdout) == (DONE, "")
    assert "0 findings in 5000 files" in result.stderr
    assert fake.received == []


async def test_files_that_vanish_do_not_end_a_review(run: Run, fake: FakeVllm, repository: Repository) -> None:
    """The second file is deleted while the first one is reviewed, which has more functions than the engine seats."""
    many = "".join(f"def f{number}(a):\n    return a\n\n\n" for number in range(12))
    knows = knowing(many, many.replace("return a", "return len(a)"))

    def answer(body: dict[str, Any]) -> str:
        (repository.root / "z.py").unlink(missing_ok=True)
        return knows(body)

    fake.answer = answer
    repository.write({"a.py": many, "z.py": BUGGY})
    result = await run("review", "a.py", "z.py", "--format", "json", folder=repository.root)
    assert result.code == DONE
    assert len(result.document["findings"]) == 5
    assert result.document["stats"]["skips"] == {"z.py": "unreadable-file"}


async def test_a_model_that_reviews_in_words_is_shown_what_the_code_calls(run: Run, repository: Repository) -> None:
    """From the index of the repository, as in the editor; the whole change is asked about at once."""
    finding = {
        "quote": "return cheapest(prices)",
        "line": 5,
        "category": "bug",
        "severity": "error",
        "message": "The cheapest is not the dearest.",
        "replacement": None,
    }

    def answer(body: dict[str, Any]) -> str:
        if "messages" not in body:
            return "\n"
        asked = json.dumps(body)
        return json.dumps({"mistake": "yes"} if '"enum": ["yes", "no"]' in asked else {"findings": [finding]})

    repository.commit({"prices.py": "def cheapest(prices):\n    return min(prices)\n"})
    repository.write(
        {"dear.py": "from prices import cheapest\n\n\ndef dearest(prices):\n    return cheapest(prices)\n"}
    )
    name = "Qwen/Qwen3-Coder-30B-A3B-Instruct"
    async with FakeVllm(models=(name,), answer=answer) as able:
        acquaint(repository.root.parent, able.base_url, name)
        variables = {"CODEASSIST_REVIEW__ANALYZERS": '["words"]'}
        result = await run(
            "review", "--diff", "--fail-on", "error", folder=repository.root, server=able.base_url, variables=variables
        )
        prompts = [json.dumps(each.body["messages"]) for each in able.received if "messages" in each.body]
    assert result.code == FINDINGS, result.stderr
    assert "dear.py:5:5: error [bug] The cheapest is not the dearest." in result.stdout
    assert any("return min(prices)" in prompt or "def cheapest(prices)" in prompt for prompt in prompts)
