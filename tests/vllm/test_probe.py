"""What the probe finds out about real vLLM servers: one started as ours are, and one without any of our flags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from codeassist.model.abilities import Abilities
from codeassist.model.endpoint import Endpoint
from codeassist.model.vllm import VllmModel
from codeassist.prompt.families import FAMILIES, family
from codeassist.serving.remote.probe import probe
from tests.vllm.conftest import Running
from tests.vllm.servers import Models, Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

FIM = tuple(entry for entry in FAMILIES.values() if entry.kind == "fim")


async def probed(server: Server, known: Abilities | None = None, depth: Any = "full") -> Abilities:
    model = VllmModel(Endpoint(server.url, model=server.name, api_key=server.key))
    try:
        return await probe(model, known, depth=depth, families=FIM, chat_family=family("qwen"))
    finally:
        await model.aclose()


async def studied(server: Server) -> Abilities:
    """As an editor does it: what a busy machine hid is asked again, at another quiet moment."""
    found: Abilities | None = None
    for _ in range(5):
        await server.until(lambda now: now.running + now.waiting == 0, "an idle server")
        found = await probed(server, found)
        if found.asked == "full":
            return found
    raise AssertionError(f"five looks have not told: {found}")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def bare(models: Models, home: Path, running: Running) -> Server:
    """A vLLM whose owner has left everything as it is, but for the seats: four, so that a queue forms."""
    without = ("--without", "priority", "--without", "cached-tokens")
    options = ("--lever", "seats=4", *without, "--", "--load-format", "dummy")
    return await running.take(Server("tiny-moe", models.tiny, home, options))


async def test_a_server_with_our_flags_can_do_everything(sliced: Server) -> None:
    found = await studied(sliced)
    assert (found.engine, found.max_model_tokens, found.fill_in_middle) == ("vllm", 4096, "qwen-coder")
    assert found.version.startswith("0.")
    assert found.refused_fields == frozenset()
    assert (found.logprobs, found.cached_tokens, found.tokenizer) == ("yes", "yes", "yes")
    assert (found.schema, found.cancel) == ("yes", "yes")
    assert found.priority == "yes"
    assert found.asked == "full"
    # Nothing of it goes on.
    await sliced.until(lambda now: now.running + now.waiting == 0, "an idle server")


async def test_what_is_remembered_is_not_asked_again(sliced: Server) -> None:
    await sliced.until(lambda now: now.running + now.waiting == 0, "an idle server")
    known = await probed(sliced, depth="quick")
    before = await sliced.metrics()
    assert await probed(sliced, known, depth="quick") == known
    assert (await sliced.metrics()).finished == before.finished


async def test_a_server_without_our_flags_is_found_out(bare: Server) -> None:
    """It takes a priority and ignores it, and says so nowhere."""
    found = await studied(bare)
    assert found.priority == "no"
    assert found.cached_tokens == "no"
    assert (found.logprobs, found.schema, found.cancel) == ("yes", "yes", "yes")
    await bare.until(lambda now: now.running + now.waiting == 0, "an idle server")
