"""The real embedded model for the tests of this folder: they fail without it, for a skipped test proves nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from codeassist.serving.connect import embedded_engines
from codeassist.serving.embedded.model import EmbeddedModel, Engines
from codeassist.serving.embedded.record import records
from codeassist.serving.embedded.supervise import stop_engine
from codeassist.serving.errors import ServingError
from codeassist.serving.folders import Folders, folders
from codeassist.serving.store import locate
from codeassist.settings import Settings, load


@pytest.fixture(scope="session")
def model_file() -> Path:
    """The GGUF file: CODEASSIST_TEST_MODEL, else the default model of the product's own store."""
    named = os.environ.get("CODEASSIST_TEST_MODEL")
    settings, _ = load()
    try:
        return locate(settings, folders(settings).models, named or "qwen2.5-coder-0.5b").path
    except ServingError as error:
        pytest.fail(f"The engine tests need the real model ({error}); CODEASSIST_TEST_MODEL may name its file.")


@pytest.fixture
def where() -> Iterator[Folders]:
    """Folders of this test alone; engines left in them are stopped. The path is short enough for a socket."""
    base = Path(tempfile.mkdtemp(prefix="codeassist-"))
    found = Folders(models=base / "models", runtime=base / "run", logs=base / "logs")
    yield found
    for record in records(found.runtime):
        stop_engine(found.runtime, record.key)
    shutil.rmtree(base, ignore_errors=True)


@pytest.fixture
def settings(model_file: Path) -> Settings:
    """One thread: two would wait for each other wherever something else runs beside the tests."""
    return Settings.model_validate({"engine": {"model": str(model_file), "context_tokens": 1024, "threads": 1}})


@pytest.fixture
async def engines(settings: Settings, where: Folders) -> AsyncIterator[Engines]:
    """This process's hold on an engine that starts with the first request and ends with the test."""
    found = embedded_engines(settings, where=where, orphan_s=1.0)
    yield found
    await found.aclose()


@pytest.fixture
def model(engines: Engines) -> EmbeddedModel:
    return EmbeddedModel(engines)
