"""A model, hardware and plans for tests, as small as they can be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from codeassist.serving.catalogue import Entry
from codeassist.serving.vllm.arguments import PlanOptions
from codeassist.serving.vllm.hardware import Cpu, Gpu, Hardware
from codeassist.serving.vllm.plan import Plan
from codeassist.serving.vllm.planning import make_plan

RUNTIME = Path("/run/user/1000/codeassist")
SOURCE = "made up for the tests"
GIB = 1024**3


def weights(quantisation: str, gib: float, **others: Any) -> dict[str, Any]:
    return {"quantisation": quantisation, "repository": f"o/m-{quantisation}", "gib": gib, "source": SOURCE, **others}


def model(name: str = "coder", **others: Any) -> Entry:
    """A mixture of experts whose cache takes 96 KiB for a token (48 layers, 4 heads of 128)."""
    values: dict[str, Any] = {
        "name": name,
        "title": "Coder",
        "kind": "remote",
        "family": "qwen-coder",
        "licence": "Apache-2.0",
        "origin": "somebody",
        "total_parameters": 30_000_000_000,
        "active_parameters": 3_000_000_000,
        "context_tokens": 262_144,
        "served_names": [name],
        "can_review": True,
        "notes": "",
        "architecture": {
            "name": "A",
            "layers": 48,
            "attention": "full",
            "experts": 128,
            "experts_per_token": 8,
            "attention_heads": 32,
            "kv_heads": 4,
            "head_dim": 128,
        },
        "weights": [weights("fp8", 29.0, capability=8.9), weights("bf16", 57.0, cpu=True)],
        "serving": {"source": SOURCE},
    }
    return Entry.model_validate({**values, **others})


def gpus(count: int, gib: float, capability: float = 9.0) -> Hardware:
    return Hardware((Gpu("GPU", gib, capability),) * count, Cpu(16, frozenset({"avx2"})), 256.0, "made")


def processor(gib: float, *flags: str) -> Hardware:
    return Hardware((), Cpu(16, frozenset(flags or ("avx2", "avx512f"))), gib, "made")


def planned(entry: Entry, hardware: Hardware, **options: Any) -> Plan:
    return make_plan(entry, hardware, PlanOptions(**{"runtime_folder": RUNTIME, **options}), (entry,))


def values(plan: Plan, rank: int = 0) -> dict[str, str | None]:
    """The flags of a node with their values."""
    return {argument.flag: argument.value for argument in plan.nodes[rank].arguments}
