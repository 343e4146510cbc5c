"""What flows are given, made short for tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from codeassist.flow.asking import Bound
from codeassist.flow.prepare import Snapshot
from codeassist.model.scripted import ScriptedModel
from codeassist.prompt.families import family
from codeassist.syntax.tree import Syntax, parse
from codeassist.text.document import Document, Offset

CURSOR = "<CURSOR>"
DEADLINE_S = 10.0


def snapshot(marked: str, path: str = "a.py", language: str = "python") -> Snapshot:
    """A document that holds `marked` without its cursor mark, and the cursor there."""
    document = Document.create(f"file:///project/{path}", marked.replace(CURSOR, ""), language, 1)
    return Snapshot(document, parse(document), Offset(marked.index(CURSOR)), path)


def bound(model: ScriptedModel, family_name: str = "qwen-coder", *, can_review: bool = False) -> Bound:
    return Bound(model, family(family_name), "scripted", can_review)


def parsed(text: str, language: str = "python") -> Syntax:
    syntax = parse(Document.create("file:///project/a.py", text, language, 1))
    assert syntax is not None
    return syntax


async def until(condition: Callable[[], object]) -> None:
    """Let other tasks run until `condition()` holds; fails if it does not come about."""
    deadline = asyncio.get_running_loop().time() + DEADLINE_S
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "this never came about"
        await asyncio.sleep(0)
