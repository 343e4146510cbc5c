"""The hooks of `.pre-commit-hooks.yaml`, run by pre-commit itself on commits in real repositories, offline."""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.e2e.commands import DONE, Run
from tests.e2e.editor import environment
from tests.e2e.programs import BUGGY, RIGHT, knowing
from tests.fake_vllm import FakeVllm
from tests.repositories import Repository

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOOKS = Path(__file__).resolve().parents[2] / ".pre-commit-hooks.yaml"
INSTALLED = "codeassist-review-installed"


@dataclass
class Committer:
    """Somebody who commits in a repository with the hook, and a home of their own."""

    repository: Repository
    variables: dict[str, str]

    async def commit(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """`git commit`, in a thread: the hook asks the server that this test is running."""
        return await asyncio.to_thread(
            lambda: self.repository.git(
                "commit", "--message", "a commit", *arguments, check=False, **{**self.variables, **variables}
            )
        )

    @property
    def last(self) -> str:
        return self.repository.git("rev-parse", "HEAD").stdout


@pytest.fixture
def committer(fake: FakeVllm, tmp_path: Path) -> Committer:
    fake.answer = knowing(BUGGY, RIGHT)
    hooks = Repository(tmp_path / "hooks")
    revision = hooks.commit({".pre-commit-hooks.yaml": HOOKS.read_bytes()})
    config = {"repos": [{"repo": str(hooks.root), "rev": revision, "hooks": [{"id": INSTALLED}]}]}
    repository = Repository(tmp_path / "project")
    repository.commit({".pre-commit-config.yaml": yaml.safe_dump(config), "shop.py": RIGHT})
    variables = environment(tmp_path, SERVER__URL=fake.base_url)
    variables["PRE_COMMIT_HOME"] = str(tmp_path / "pre-commit")
    variables["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), variables["PATH"]])
    subprocess.run(
        [sys.executable, "-m", "pre_commit", "install"],
        cwd=repository.root,
        env={**variables, "GIT_CONFIG_GLOBAL": os.devnull},
        check=True,
        capture_output=True,
    )
    return Committer(repository, variables)


async def test_a_commit_with_a_bug_is_refused_and_a_mended_one_passes(committer: Committer) -> None:
    repository, before = committer.repository, committer.last
    repository.write({"shop.py": BUGGY})
    repository.git("add", "shop.py")
    repository.write({"shop.py": RIGHT})  # Mended in the work tree only, which is not what is committed.
    refused = await committer.commit()
    assert refused.returncode != 0
    assert "shop.py:5:18: warning [wrong-operator]" in refused.stderr
    assert committer.last == before
    assert (repository.root / "shop.py").read_text(encoding="utf-8") == RIGHT
    repository.write({"more.py": RIGHT})
    repository.git("add", "--all")
    passed = await committer.commit()
    assert passed.returncode == 0, passed.stderr
    assert committer.last != before


async def test_a_commit_of_some_files_is_reviewed_by_its_own_index(committer: Committer) -> None:
    """`git commit FILE` commits that file only, whatever else is staged."""
    repository = committer.repository
    repository.write({"shop.py": BUGGY, "right.py": RIGHT})
    repository.git("add", "--all")
    passed = await committer.commit("right.py")
    assert passed.returncode == 0, passed.stderr
    refused = await committer.commit("shop.py")
    assert refused.returncode != 0
    assert "wrong-operator" in refused.stderr


async def test_a_commit_without_code_needs_no_server(committer: Committer) -> None:
    committer.repository.write({"README.md": "# Shop\n"})
    committer.repository.git("add", "--all")
    passed = await committer.commit(CODEASSIST_SERVER__URL="http://127.0.0.1:9/v1")
    assert passed.returncode == 0, passed.stderr


async def test_without_its_server_a_commit_says_so_and_can_be_made_all_the_same(committer: Committer) -> None:
    committer.repository.write({"shop.py": BUGGY})
    committer.repository.git("add", "shop.py")
    address = "http://127.0.0.1:9/v1"
    refused = await committer.commit(CODEASSIST_SERVER__URL=address)
    assert refused.returncode != 0
    assert address in refused.stderr
    assert (await committer.commit(SKIP=INSTALLED)).returncode == 0


async def test_the_hooks_file_is_valid_and_its_entries_run(run: Run, tmp_path: Path) -> None:
    """Both hooks, for pre-commit makes an environment for the other one, for which it would need a network."""
    checking = (sys.executable, "-m", "pre_commit", "validate-manifest", str(HOOKS))
    checked = await asyncio.to_thread(subprocess.run, checking, check=False, capture_output=True)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")
    repository = Repository(tmp_path / "project")
    for hook in yaml.safe_load(HOOKS.read_bytes()):
        program, *arguments = shlex.split(hook["entry"])
        assert program == "codeassist"
        assert (await run(*arguments, folder=repository.root)).code == DONE
