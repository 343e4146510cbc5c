"""What `codeassist review` does not show: known findings, dismissed ones, and those that comments hide."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codeassist.workspace.dismissals import Dismissal, DismissalStore
from tests.e2e.commands import DONE, FINDINGS, USAGE, Run
from tests.e2e.programs import BUGGY, HALF, RIGHT, knowing
from tests.fake_vllm import FakeVllm
from tests.repositories import Repository

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository in which everything is right."""
    made = Repository(tmp_path / "project")
    made.commit({"shop.py": RIGHT, "other.py": RIGHT})
    return made


async def test_a_baseline_hides_what_is_known(run: Run, fake: FakeVllm, repository: Repository) -> None:
    fake.answer = knowing(BUGGY, RIGHT)
    root = repository.root
    repository.write({"shop.py": BUGGY})
    result = await run("review", "shop.py", "--update-baseline", folder=root)
    assert (result.code, result.stdout) == (DONE, "")
    assert "holds 2 findings; before there were 0" in result.stderr
    repository.write({"shop.py": "import os\n\n\n" + BUGGY, "new.py": BUGGY})
    fake.answer = knowing("import os\n\n\n" + BUGGY, "import os\n\n\n" + RIGHT)
    result = await run("review", "shop.py", "--format", "json", "--fail-on", "info", folder=root)
    assert (result.code, result.document["findings"]) == (DONE, [])
    assert result.document["stats"]["hidden"] == {"baseline": 2, "dismissed": 0, "comments": 0, "limit": 0}
    result = await run("review", "--diff", "--", "shop.py", folder=root)
    assert "0 findings in 1 file, 2 hidden by the baseline" in result.stderr
    result = await run("review", "shop.py", "--no-baseline", "--fail-on", "info", folder=root)
    assert result.code == FINDINGS
    result = await run("review", "shop.py", "--baseline", "other.json", "--update-baseline", folder=root)
    assert (root / "other.json").read_bytes() == (root / ".codeassist-baseline.json").read_bytes()


async def test_a_baseline_forgets_what_was_mended_where_all_was_looked_at(
    run: Run, fake: FakeVllm, repository: Repository
) -> None:
    fake.answer = knowing(BUGGY, RIGHT)
    repository.write({"shop.py": BUGGY})
    await run("review", "shop.py", "--update-baseline", folder=repository.root)
    repository.write({"shop.py": HALF})
    fake.answer = knowing(HALF, RIGHT)
    result = await run("review", "--diff", "--update-baseline", folder=repository.root)
    assert "holds 2 findings" in result.stderr  # Of one function nothing was heard.
    result = await run("review", "shop.py", "--update-baseline", folder=repository.root)
    assert "holds 1 finding; before there were 2" in result.stderr


async def test_what_has_no_room_is_counted_and_the_baseline_takes_it_all(
    run: Run, fake: FakeVllm, repository: Repository
) -> None:
    """Known findings take the place of no new one, and an update leaves nothing for the next run to find."""
    many = "".join(f"def f{number}(a):\n    return a\n\n\n" for number in range(9))
    fake.answer = knowing(many, many.replace("return a", "return len(a)"))
    root = repository.root
    repository.write({"a.py": many})
    result = await run("review", "a.py", "--format", "json", folder=root)
    assert len(result.document["findings"]) == 5
    assert result.document["stats"]["hidden"] == {"baseline": 0, "dismissed": 0, "comments": 0, "limit": 4}
    result = await run("review", "a.py", "--update-baseline", folder=root)
    assert "holds 9 findings" in result.stderr
    result = await run("review", "a.py", "--fail-on", "info", folder=root)
    assert (result.code, result.stdout) == (DONE, "")
    more = f"{many}def more(a):\n    return a\n"
    fake.answer = knowing(more, more.replace("return a", "return len(a)"))
    repository.write({"a.py": more})
    result = await run("review", "a.py", "--format", "json", "--fail-on", "info", folder=root)
    assert (result.code, [each["start"]["line"] for each in result.document["findings"]]) == (FINDINGS, [38])
    assert result.document["stats"]["hidden"] == {"baseline": 9, "dismissed": 0, "comments": 0, "limit": 0}


async def test_what_is_hidden_takes_the_place_of_nothing_in_one_function_either(
    run: Run, fake: FakeVllm, repository: Repository, tmp_path: Path
) -> None:
    """Whatever hides it: comments, the baseline or the user; and what has no room is counted there, too."""
    names = [f"x{number}" for number in range(8)]
    lines = ["def f(a, b):", *(f"    {name} = a - b" for name in names), f"    return {' + '.join(names)}", ""]
    right = "\n".join(lines).replace(" - ", " + ")
    command = ("review", "a.py", "--format", "json", "--fail-on", "info")
    root, store = repository.root, DismissalStore(tmp_path / "data" / "codeassist" / "dismissals.sqlite3")
    fake.answer = knowing("\n".join(lines), right)
    repository.write({"a.py": "\n".join(lines)})
    document = (await run(*command, folder=root)).document
    assert (len(document["findings"]), document["stats"]["hidden"]["limit"]) == (5, 3)
    await run("review", "a.py", "--update-baseline", "--baseline", "all.json", folder=root)
    known = json.loads((root / "all.json").read_text())
    known["findings"] = known["findings"][:2]
    repository.write({".codeassist-baseline.json": json.dumps(known)})
    (first, *others) = (await run(*command, folder=root)).document["findings"]
    store.change(root, new=[Dismissal("a.py", first["fingerprint"], first["category"])])
    for each in others[:3]:
        lines[each["start"]["line"] - 1] += f"  # codeassist: ignore[{each['category']}]"
    fake.answer = knowing("\n".join(lines), right)
    repository.write({"a.py": "\n".join(lines)})
    result = await run(*command, folder=root)
    assert (result.code, len(result.document["findings"])) == (FINDINGS, 2)
    hidden = {"baseline": 2, "dismissed": 1, "comments": 3, "limit": 0}
    assert result.document["stats"]["hidden"] == hidden


async def test_what_the_user_dismissed_in_an_editor_stops_no_commit(
    run: Run, fake: FakeVllm, repository: Repository, tmp_path: Path
) -> None:
    """In whatever folder that holds the file the editor was opened."""
    fake.answer = knowing(BUGGY, RIGHT)
    root, store = repository.root, DismissalStore(tmp_path / "data" / "codeassist" / "dismissals.sqlite3")
    repository.write({"sub/shop.py": BUGGY})
    command = ("review", "--diff", "--format", "json", "--fail-on", "info")
    first, second = (await run(*command, folder=root)).document["findings"]
    store.change(root / "sub", new=[Dismissal("shop.py", first["fingerprint"], first["category"])])
    result = await run(*command, folder=root)
    assert (result.code, result.document["findings"]) == (FINDINGS, [second])
    store.change(root, new=[Dismissal("", "", second["category"])])
    result = await run(*command, folder=root)
    assert (result.code, result.document["findings"]) == (DONE, [])
    assert result.document["stats"]["hidden"] == {"baseline": 0, "dismissed": 2, "comments": 0, "limit": 0}
    assert "0 findings in 1 file, 2 dismissed by you" in result.stderr
    result = await run(*command, "--no-dismissals", folder=root)
    assert (result.code, result.document["findings"]) == (FINDINGS, [first, second])
    (tmp_path / "data" / "codeassist" / "dismissals.sqlite3").write_bytes(b"no database " * 100)
    result = await run(*command, folder=root)
    assert (result.code, len(result.document["findings"])) == (FINDINGS, 2)
    assert result.stderr.count("what you dismissed cannot be read") == 1


@pytest.mark.parametrize("content", [b"{", b"\xff", b'{"version": 7}', b"<<<<<<< HEAD\n"])
async def test_a_broken_baseline_is_said(content: bytes, run: Run, repository: Repository) -> None:
    repository.write({".codeassist-baseline.json": content})
    result = await run("review", "shop.py", folder=repository.root)
    assert (result.code, result.stdout) == (USAGE, "")
    assert ".codeassist-baseline.json: " in result.stderr


async def test_comments_ask_for_silence(run: Run, fake: FakeVllm, repository: Repository) -> None:
    """One hides what was found; about the line of the other one nobody is asked."""
    lines = BUGGY.replace("price < best:", "price < best:  # codeassist: ignore[wrong-operator]")
    lines = lines.replace("len(prices)", "len(prices)  # codeassist: ignore")
    fake.answer = knowing(lines, lines.replace("price < best", "price > best").replace("len(", "sum("))
    repository.write({"shop.py": lines})
    result = await run("review", "shop.py", "--format", "json", "--fail-on", "info", folder=repository.root)
    assert (result.code, result.document["findings"]) == (DONE, [])
    assert result.document["stats"]["hidden"] == {
        "baseline": 0,
        "dismissed": 0,
        "comments": 1,
        "limit": 0,
    }  # About the other nobody was asked.
