"""A fake model server and editors that the tests share: starting processes for each of them would take minutes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.commands import Run, runner
from tests.e2e.editor import Editor, environment, start
from tests.e2e.programs import BUGGY, COMPLETION, MODEL, RIGHT, knowing
from tests.fake_vllm import FakeVllm

EditorOf = Callable[[str], Awaitable[Editor]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_fake() -> AsyncIterator[FakeVllm]:
    async with FakeVllm(models=(MODEL,)) as fake:
        yield fake


@pytest.fixture
def fake(shared_fake: FakeVllm) -> FakeVllm:
    """The model server, in order and with nothing to remember."""
    shared_fake.answer = COMPLETION
    shared_fake.forget()
    return shared_fake


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def editor_of(shared_fake: FakeVllm, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EditorOf]:
    """An editor by name: started at first use, and anew after a test in which its server ended."""
    editors: dict[str, Editor] = {}
    home: Path = tmp_path_factory.mktemp("home")
    async with AsyncExitStack() as stack:

        async def editor_of(kind: str) -> Editor:
            if kind not in editors or editors[kind].ended:
                root = home / kind / "project"
                root.mkdir(parents=True, exist_ok=True)
                variables = environment(home, SERVER__URL=shared_fake.base_url)
                editors[kind] = await stack.enter_async_context(start(kind, variables, roots=[root]))
            return editors[kind]

        yield editor_of


@pytest_asyncio.fixture(loop_scope="session")
async def editor(request: pytest.FixtureRequest, editor_of: EditorOf, fake: FakeVllm) -> AsyncIterator[Editor]:
    """The editor that the test names by an indirect parameter, VS Code if it names none; without open documents."""
    editor = await editor_of(getattr(request, "param", "vscode"))
    editor.client.messages.clear()
    yield editor
    for uri in list(editor.texts):
        editor.close(uri)


@pytest.fixture
def run(fake: FakeVllm, tmp_path: Path) -> Run:
    """Runs commands of a user with a home of their own, who works with the fake model server."""
    return runner(tmp_path, fake.base_url)


@pytest.fixture
def uri(request: pytest.FixtureRequest) -> str:
    """A document that no other test has."""
    return f"file:///workspace/{request.node.name.replace('[', '/').replace(']', '')}.py"


@pytest_asyncio.fixture(loop_scope="session")
async def touched(editor: Editor, uri: str, fake: FakeVllm) -> Editor:
    """An editor in which both functions of BUGGY were touched since the document was opened."""
    fake.answer = knowing(BUGGY, RIGHT)
    editor.open(uri, BUGGY.replace("best = price\n", "best = (price)\n").replace("return amount", "return (amount)"))
    editor.replace(uri, "(price)", "price")
    editor.replace(uri, "(amount)", "amount")
    assert editor.texts[uri] == BUGGY
    return editor
