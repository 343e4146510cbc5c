from __future__ import annotations

import subprocess
from pathlib import Path
from shutil import which

import pytest

from codeassist.workspace.ignore import is_ignored, leaves_out, rules_at
from codeassist.workspace.walk import Walk
from tests.unit.workspace.making import write_files

CASES: dict[str, tuple[dict[str, str], list[str]]] = {
    # What is in the ignore files, then paths; those that end in " !" are left out.
    "a name anywhere": ({".gitignore": "gen.py\n"}, ["gen.py !", "a/gen.py !", "gen.pyi", "a/b.py"]),
    "a folder by its name": ({".gitignore": "out/\n"}, ["out/a.py !", "a/out/b/c.py !", "outer/a.py"]),
    "only folders": ({".gitignore": "out/\n"}, ["a/out.py", "out.py"]),
    "anchored": ({".gitignore": "/gen.py\n"}, ["gen.py !", "a/gen.py"]),
    "anchored by a slash inside": ({".gitignore": "a/gen.py\n"}, ["a/gen.py !", "b/a/gen.py"]),
    "an ending": ({".gitignore": "*.pyi\n"}, ["a.pyi !", "b/c.pyi !", "a.py"]),
    "a star stays in its folder": ({".gitignore": "a/*.py\n"}, ["a/x.py !", "a/b/x.py"]),
    "two stars": ({".gitignore": "**/gen/**/x.py\n"}, ["gen/x.py !", "a/gen/b/c/x.py !", "a/x.py"]),
    "all below": ({".gitignore": "a/**\n!a/keep.py\n"}, ["a/x.py !", "a/keep.py", "a/b/keep.py !"]),
    "brought back": ({".gitignore": "*.py\n!keep.py\n"}, ["x.py !", "keep.py", "a/keep.py"]),
    "not out of a folder that is left out": ({".gitignore": "a/\n!a/keep.py\n"}, ["a/keep.py !"]),
    "a folder brought back is not its content": ({".gitignore": "*.py\n!a/\n"}, ["a/x.py !"]),
    "the last one wins": ({".gitignore": "!x.py\nx.py\n"}, ["x.py !"]),
    "a folder's own file is stronger": ({".gitignore": "x.py\n", "a/.gitignore": "!x.py\n"}, ["x.py !", "a/x.py"]),
    "a folder's own file is anchored there": ({"a/.gitignore": "/x.py\n"}, ["x.py", "a/x.py !", "a/b/x.py"]),
    "comments and blank lines": ({".gitignore": "# x.py\n\n   \n\\#y.py\n"}, ["x.py", "#y.py !"]),
    "spaces at the end": ({".gitignore": "x.py   \ny.py\\ \n"}, ["x.py !", "y.py"]),
    "classes and question marks": ({".gitignore": "[ab]?.py\n"}, ["a1.py !", "c1.py", "a12.py"]),
    "a pattern without sense": ({".gitignore": "[\n!\n/\nx.py\n"}, ["x.py !", "y.py"]),
    "windows line ends": ({".gitignore": "x.py\r\n"}, ["x.py !", "y.py"]),
}


@pytest.mark.parametrize("name", CASES)
def test_git_rules(name: str, tmp_path: Path) -> None:
    files, paths = CASES[name]
    check(tmp_path, files, paths)
    if which("git") and name != "windows line ends":
        agree_with_git(tmp_path, paths)


def check(root: Path, files: dict[str, str], paths: list[str]) -> None:
    plain = [path.removesuffix(" !") for path in paths]
    write_files(root, {**dict.fromkeys(plain, "x = 1\n"), **files})
    left_out = {path for path in plain if is_ignored(root, path, rules_at(root))}
    assert left_out == {path.removesuffix(" !") for path in paths if path.endswith(" !")}
    walked = {found.path for found in Walk(root, rules_at(root))}
    assert walked == set(plain) - left_out


def agree_with_git(root: Path, paths: list[str]) -> None:
    """The table itself is right."""
    subprocess.run(["git", "init", "-q", root], check=True)
    plain = [path.removesuffix(" !") for path in paths]
    said = subprocess.run(
        ["git", "-C", root, "-c", "core.quotePath=false", "check-ignore", *plain],
        check=False,  # 1: none of them.
        capture_output=True,
        text=True,
    )
    assert set(said.stdout.split("\n")) - {""} == {path.removesuffix(" !") for path in paths if path.endswith(" !")}


def test_other_sources(tmp_path: Path) -> None:
    """`.git/info/exclude`, the global excludes, folders above the workspace, `.codeassistignore`, the settings."""
    root = tmp_path / "repository" / "part"
    write_files(
        tmp_path,
        {
            "config/git/ignore": "global.py\n",
            "repository/.git/info/exclude": "/part/private.py\nprivate2.py\n",
            "repository/.gitignore": "above.py\n/part/anchored.py\n/anchored2.py\n",
            "repository/part/.gitignore": "mine.py\n",
            "repository/part/.codeassistignore": "!mine.py\nours.py\n!set.py\n",
        },
    )
    rules = rules_at(root, ("set.py", "!kept_by_settings.py"))
    names = ["global", "private", "private2", "above", "anchored", "anchored2", "mine", "ours", "set", "other"]
    left_out = [name for name in names if is_ignored(root, f"{name}.py", rules)]
    assert left_out == ["global", "private", "private2", "above", "anchored", "ours", "set"]


def test_global_excludes_of_the_configuration(tmp_path: Path) -> None:
    root = tmp_path / "project"
    write_files(
        tmp_path,
        {"gitconfig": f"[core]\nexcludesFile = {tmp_path}/excludes\n", "excludes": "x.py\n", "project/x.py": ""},
    )
    assert is_ignored(root, "x.py", rules_at(root))


def test_linked_worktree(tmp_path: Path) -> None:
    root = tmp_path / "linked"
    write_files(
        tmp_path,
        {
            "main/.git/info/exclude": "x.py\n",
            "main/.git/worktrees/linked/commondir": "../..\n",
            "linked/.git": f"gitdir: {tmp_path}/main/.git/worktrees/linked\n",
        },
    )
    assert is_ignored(root, "x.py", rules_at(root))


def test_left_out_unasked(tmp_path: Path) -> None:
    rules = rules_at(tmp_path)
    assert is_ignored(tmp_path, "a/node_modules/x/y.js", rules)
    assert is_ignored(tmp_path, "a/x.min.js", rules)
    assert is_ignored(tmp_path, ".git/hooks/x.py", rules)
    write_files(tmp_path, {".codeassistignore": "!node_modules/\n!.git/\n"})
    assert not is_ignored(tmp_path, "a/node_modules/x/y.js", rules)
    assert is_ignored(tmp_path, ".git/hooks/x.py", rules)


@pytest.mark.parametrize(
    ("patterns", "path", "out"),
    [
        (("secrets/",), "secrets/deep/a.py", True),
        (("secrets/",), "src/secrets.py", False),
        (("*.secret.py",), "src/a.secret.py", True),
        (("*.py", "!a.py"), "src/a.py", False),
        ((), "a.py", False),
        (("*a" * 12 + "*b",), "a" * 200, False),
        (("*a" * 12 + "*b",), "a" * 200 + "b", True),
        (("*.py", "!" + "*a" * 12 + "*.py"), "a" * 200 + ".py", True),
    ],
)
def test_patterns_of_the_settings(patterns: tuple[str, ...], path: str, out: bool) -> None:
    assert leaves_out(patterns, path) is out
