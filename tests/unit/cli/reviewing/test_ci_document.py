"""What docs/ci.md and the README tell people to type is what the command takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from codeassist.cli.review import review

ROOT = Path(__file__).resolve().parents[4]
PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted(
    {
        re.split(r" (?:>|\|\||#)|`|\n", match)[0].strip()
        for text in (PAGE, README)
        for match in re.findall(r"codeassist review( [^`\n]+)", text)
        if re.match(r" (?:-|src|app|\")", match)
    }
)


def blocks() -> list[Any]:
    return [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]


def test_there_is_something_to_check() -> None:
    assert len(COMMANDS) > 8
    assert len(blocks()) == 3


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_takes_it(command: str) -> None:
    review.make_context("review", shlex.split(command))


def test_the_hooks_that_are_named_are_there() -> None:
    hooks = {hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))}
    assert {hook["id"] for hook in blocks()[0]["repos"][0]["hooks"]} <= hooks
    assert all(f"`{hook}`" in PAGE for hook in hooks)


def test_every_option_is_explained() -> None:
    options = {name for option in review.params for name in option.opts if name.startswith("--")}
    assert all(name in PAGE for name in options)
