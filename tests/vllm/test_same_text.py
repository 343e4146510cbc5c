"""The sliced mixture of experts and the dense model that it was cut from say the same: routing, expert kernels and
the summing of experts are right."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio

from tests.vllm.servers import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

MAX_TOKENS = 40
FIM = "<|fim_prefix|>{}<|fim_suffix|>{}<|fim_middle|>"
REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "fim-total": ("/v1/completions", {"prompt": FIM.format("def total(prices):\n    return ", "\n")}),
    "fim-loop": (
        "/v1/completions",
        {"prompt": FIM.format("function sum(numbers) {\n  let total = 0;\n  for (const n of numbers) {\n", "  }\n}\n")},
    ),
    "plain": ("/v1/completions", {"prompt": "package shapes\n\n// Area returns the area of a rectangle.\nfunc Area("}),
    "chat": (
        "/v1/chat/completions",
        {"messages": [{"role": "user", "content": "Write a Python function that reverses a string."}]},
    ),
    "chat-words": (
        "/v1/chat/completions",
        {"messages": [{"role": "user", "content": "What does the keyword yield do in Python?"}]},
    ),
}


async def answers(server: Server) -> dict[str, list[int]]:
    """The token ids of each greedy answer."""
    found: dict[str, list[int]] = {}
    async with server.client() as client:
        for name, (path, body) in REQUESTS.items():
            same = {"model": server.name, "max_tokens": MAX_TOKENS, "temperature": 0, "return_token_ids": True}
            answer = await client.post(path, json={**body, **same})
            assert answer.status_code == 200, answer.text
            found[name] = answer.json()["choices"][0]["token_ids"]
    return found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def of_experts(sliced: Server) -> dict[str, list[int]]:
    return await answers(sliced)


async def test_experts_and_dense_model_give_the_same_greedy_text(
    of_experts: dict[str, list[int]], dense: Server
) -> None:
    of_dense = await answers(dense)
    assert all(len(tokens) > 5 for tokens in of_dense.values())
    assert of_experts == of_dense
