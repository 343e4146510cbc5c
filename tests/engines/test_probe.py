"""What the probe finds out about llama.cpp's own server: no guess about it may differ from what is built in."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from codeassist.model.vllm import VllmModel
from codeassist.prompt.families import FAMILIES, family
from codeassist.serving.embedded.engine import ORPHAN_S
from codeassist.serving.embedded.supervise import EMBEDDED, ensure_engine
from codeassist.serving.folders import Folders
from codeassist.serving.remote.probe import probe
from codeassist.settings import Settings

pytestmark = pytest.mark.engine

FIM = tuple(entry for entry in FAMILIES.values() if entry.kind == "fim")


async def test_the_embedded_engine_can_do_what_is_said_of_it(
    settings: Settings, where: Folders, model_file: Path
) -> None:
    endpoint = await ensure_engine(settings, lambda _: None, where=where, orphan_s=ORPHAN_S)
    model = await asyncio.to_thread(VllmModel, replace(endpoint, abilities=type(EMBEDDED)()))
    try:
        found = await probe(model, depth="full", families=FIM, chat_family=family("qwen"))
    finally:
        await model.aclose()
    assert found.version
    assert replace(found, version="", max_model_tokens=None, fill_in_middle="") == EMBEDDED
    assert (found.max_model_tokens, found.fill_in_middle) == (1024, "qwen-coder")
