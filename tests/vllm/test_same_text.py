"""The sliced mixture of experts and the dense model that it was cut from say the same: routing, expert kernels and
the summing of experts are right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from tests.vllm.servers import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

MAX_TOKENS = 40
ALTERNATIVES = 5
TIE = 0.2
"""So near (nats) are two tokens of which either may come first."""
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


@dataclass(frozen=True)
class Step:
    """A token that was written, and how likely (nats) it and others were in its place."""

    token: str
    likely: dict[str, float]


async def answers(server: Server) -> dict[str, list[Step]]:
    """Each greedy answer, token by token."""
    found: dict[str, list[Step]] = {}
    async with server.client() as client:
        for name, (path, body) in REQUESTS.items():
            same = {"model": server.name, "max_tokens": MAX_TOKENS, "temperature": 0}
            listed = (
                {"logprobs": True, "top_logprobs": ALTERNATIVES} if "messages" in body else {"logprobs": ALTERNATIVES}
            )
            answer = await client.post(path, json={**body, **same, **listed})
            assert answer.status_code == 200, answer.text
            found[name] = steps(answer.json()["choices"][0]["logprobs"])
    return found


def steps(logprobs: dict[str, Any]) -> list[Step]:
    """From either API's form."""
    if "content" in logprobs:
        return [
            Step(each["token"], {other["token"]: other["logprob"] for other in each["top_logprobs"]})
            for each in logprobs["content"]
        ]
    return [Step(*each) for each in zip(logprobs["tokens"], logprobs["top_logprobs"], strict=True)]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def of_experts(sliced: Server) -> dict[str, list[Step]]:
    return await answers(sliced)


async def test_experts_and_dense_model_give_the_same_greedy_text(
    of_experts: dict[str, list[Step]], dense: Server
) -> None:
    """Up to where two tokens are as likely: sums of experts are rounded in another order."""
    of_dense = await answers(dense)
    for name, written in of_dense.items():
        assert len(written) > 5
        assert_same(of_experts[name], written)


def assert_same(ours: list[Step], theirs: list[Step]) -> None:
    for number, (one, other) in enumerate(zip(ours, theirs, strict=False)):
        if one.token != other.token:
            assert number > 0, "they part at once"
            for step in (one, other):
                likely = [step.likely.get(token, float("-inf")) for token in (one.token, other.token)]
                assert abs(likely[0] - likely[1]) < TIE, (number, one, other)
            return
    assert len(ours) == len(theirs)


async def test_the_comparison_sees_another_text() -> None:
    """A token that is much less likely is no tie, nor is one that was not listed, nor an answer that ends before."""
    same = Step("a", {"a": -0.1, "b": -2.0})
    near, far = Step("b", {"a": -0.75, "b": -0.7}), Step("b", {"b": -0.1, "a": -2.5})
    assert_same([same, same], [same, same])
    assert_same([same, Step("a", {"a": -0.7, "b": -0.72}), same], [same, near, far])
    for wrong in ([same, far], [same, Step("c", {"c": -0.1})], [same], [near]):
        with pytest.raises(AssertionError):
            assert_same([same, same], wrong)
