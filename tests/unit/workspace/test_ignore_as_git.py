"""What is left out is what git leaves out: the walk beside `git ls-files`, on patterns made by chance."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest

from codeassist.workspace.ignore import is_ignored, rules_at
from codeassist.workspace.walk import Walk

FILES = [
    f"{one}{other}{name}"
    for one in ("", "a/", "b/", "keep/")
    for other in ("", "b/", "c/", "keep/")
    for name in ("x.py", "y.py", "a.py")
]
PARTS = ("a", "b", "c", "keep", "x.py", "y.py", "*.py", "*", "**", "?.py", "[ab]", "k*")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of a user without patterns of their own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    root = tmp_path / "project"
    for path in FILES:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("x = 1\n")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    return root


def agree(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).write_text(text)
    asked = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z", "-o", "--exclude-standard"], check=True, capture_output=True
    )
    wanted = {path for path in os.fsdecode(asked.stdout).split("\0") if path.endswith(".py")}
    rules = rules_at(root)
    assert {found.path for found in Walk(root, rules) if found.path.endswith(".py")} == wanted, files
    assert {path for path in FILES if not is_ignored(root, path, rules)} == wanted, files
    for path in files:
        (root / path).unlink()


@pytest.mark.parametrize(
    "patterns",
    [
        "*\n", "**\n", "*/\n", "**/\n", "/*\n", "/**\n", "*\n!*/\n!x.py\n", "*.py\n!keep/\n", "a/**\n!a/b/\n",
        "a/*\n!a/b/\n", "a/**\n!a/**/\n!a/**/x.py\n", "a/**/\n", "x.py\n!a/\n", "/*\n!/a\n/a/*\n!/a/b\n",
        "**/b\n!b/x.py\n",
        "a/**/x.py\n", "[xy].py\n", "\\!x.py\n", "x.py \n", "a//b\n", "b/\n!a/b/\n", "keep\n!keep/x.py\n",
        "!\n/\n***\n",
    ],
)  # fmt: skip
def test_known_troubles(root: Path, patterns: str) -> None:
    agree(root, {".gitignore": patterns})
    agree(root, {"a/.gitignore": patterns})
    agree(root, {".git/info/exclude": patterns})


@pytest.mark.parametrize("seed", range(4))
def test_patterns_by_chance(root: Path, seed: int) -> None:
    chance = random.Random(seed)

    def pattern() -> str:
        body = "/".join(chance.choice(PARTS) for _ in range(chance.choice([1, 1, 1, 2, 2, 3])))
        return f"{chance.choice(['', '', '!'])}{chance.choice(['', '', '/'])}{body}{chance.choice(['', '', '/'])}"

    for _ in range(25):
        files = {".gitignore": "\n".join(pattern() for _ in range(chance.randint(1, 3))) + "\n"}
        if chance.random() < 0.3:
            files["a/.gitignore"] = pattern() + "\n"
        agree(root, files)


def test_a_repository_inside_of_the_folder_has_excludes_of_its_own(tmp_path: Path) -> None:
    for name in ("one", "two"):
        subprocess.run(["git", "init", "-q", str(tmp_path / name)], check=True)
        (tmp_path / name / "private.py").write_text("x = 1\n")
        (tmp_path / name / "public.py").write_text("x = 1\n")
    (tmp_path / "one" / ".git" / "info" / "exclude").write_text("private.py\n")
    rules = rules_at(tmp_path)
    found = {found.path for found in Walk(tmp_path, rules)}
    assert found == {"one/public.py", "two/public.py", "two/private.py"}
    assert is_ignored(tmp_path, "one/private.py", rules)
    assert not is_ignored(tmp_path, "two/private.py", rules)
