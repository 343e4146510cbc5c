"""The words for what a server lacks, in the status and in the doctor's report."""

from __future__ import annotations

import asyncio
import json
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from codeassist.cli.main import EXIT_MODEL, cli
from codeassist.model.abilities import Abilities
from codeassist.model.endpoint import Endpoint
from codeassist.model.errors import ModelError
from codeassist.server.status import Status
from codeassist.serving import connect
from codeassist.serving.remote import observe, probe
from codeassist.serving.remote.advice import ADVICE, as_document, mend_for_failure, missing_sentence
from tests.fake_vllm import Behaviour, FakeVllm, Nature

LACKING = Abilities(engine="vllm", version="0.32.0", priority="no", schema="no", cached_tokens="no")


def test_one_sentence_names_all_that_is_missing() -> None:
    assert missing_sentence(Abilities()) == ""
    assert missing_sentence(Abilities(engine="llama.cpp", priority="no", cancel="yes")) == ""
    assert missing_sentence(Abilities(logprobs="no")) == (
        "The server (an engine that says not which) lacks log-probabilities; `codeassist doctor` says what mends it."
    )
    assert missing_sentence(LACKING) == (
        "The server (vLLM 0.32.0) lacks enforced JSON schemas, an order of its queue by priority and "
        "counts of cached tokens; `codeassist doctor` says what mends it."
    )


def test_there_is_advice_for_every_ability() -> None:
    told = {field.name for field in fields(Abilities) if getattr(Abilities(), field.name) == "unknown"} - {"engine"}
    assert {advice.ability for advice in ADVICE} == told
    assert all(advice.mend_for(engine) for advice in ADVICE for engine in ("vllm", "llama.cpp", "unknown"))


def test_the_status_carries_the_abilities() -> None:
    sent: list[dict[str, Any]] = []
    status = Status(lambda _, document: sent.append(document), lambda *_: None)
    status.set("ready")
    assert (sent[-1]["abilities"], sent[-1]["message"]) == (None, "")
    status.model("m", LACKING)
    status.answered()
    assert sent[-1]["message"] == missing_sentence(LACKING)
    assert sent[-1]["abilities"] == as_document(LACKING)
    assert json.loads(json.dumps(sent[-1]["abilities"]))["cachedTokens"] == "no"
    status.set("degraded", "Trouble.")
    assert sent[-1]["message"] == "Trouble."
    status.forget()
    status.set("ready")
    assert (sent[-1]["abilities"], sent[-1]["message"]) == (None, "")


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    monkeypatch.setattr(observe, "LONG_TOKENS", 60)


async def doctor(url: str, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Any:
    monkeypatch.setenv("CODEASSIST_SERVER__URL", url)
    return await asyncio.to_thread(CliRunner().invoke, cli, ["doctor", *arguments])


async def test_the_doctor_says_of_each_ability_what_mends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    nature = Nature(version="0.19.1", schema=False, cached_tokens=False, seats=2, by_priority=False, docs=True)
    behaviour = Behaviour(token_delay_s=0.01)
    async with FakeVllm("return a + b", nature=nature, behaviour=behaviour) as server:
        result = await doctor(server.base_url, monkeypatch, "--json")
        url = server.base_url
    assert (result.exit_code, result.stderr) == (0, "")
    checks = [check for check in json.loads(result.stdout)["checks"] if check["server"] == url]
    states = {check["name"]: (check["state"], check["mend"]) for check in checks}
    assert states == {
        "server": ("warning", "upgrade vLLM to 0.30.0 or newer"),
        "server logprobs": ("ok", ""),
        "server schema": ("warning", 'start vLLM with --structured-outputs-config \'{"backend": "auto"}\''),
        "server priority": ("warning", "start vLLM with --scheduling-policy priority"),
        "server cancel": ("ok", ""),
        "server streams": ("ok", ""),
        "server cached tokens": ("warning", "start vLLM with --enable-prompt-tokens-details"),
        "server tokenizer": ("ok", ""),
        "server pages": ("warning", "start vLLM with --disable-fastapi-docs"),
    }
    assert "vLLM 0.19.1 with fake-model, 8192 tokens of context" in checks[0]["message"]
    assert "CVE-2026-48746" in checks[0]["message"]
    assert "CVE-2026-27893" not in checks[0]["message"], "that one is mended in 0.18"
    assert checks[0]["abilities"]["priority"] == "no"


async def test_a_server_without_fault_and_one_that_is_no_vllm(monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeVllm("return a + b", nature=Nature(version="0.31.0")) as server:
        whole = await doctor(server.base_url, monkeypatch)
    assert (whole.exit_code, whole.stdout.count("note  server")) == (0, 0)
    assert "no telling whether completions overtake reviews" in whole.stdout
    nature = Nature(engine="other", refuses=frozenset({"priority"}), tokenizer=False)
    async with FakeVllm("return a + b", nature=nature) as server:
        other = await doctor(server.base_url, monkeypatch)
    assert "an engine that says not which with fake-model, context length unsaid" in other.stdout
    assert "refuses, and is not sent: priority" in other.stdout
    assert "note  server tokenizer: it lacks a tokenizer" in other.stdout


async def test_servers_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeVllm() as server:
        url = server.base_url
    monkeypatch.setenv("CODEASSIST_SERVER__FALLBACK_URLS", json.dumps(["http://127.0.0.1:9/v1"]))
    result = await doctor(url, monkeypatch, "--json")
    assert result.exit_code == EXIT_MODEL
    checks = json.loads(result.stdout)["checks"]
    failed = [check["name"] for check in checks if check["state"] == "failed"]
    assert failed == ["completion model", "review model"]
    told = [(check["server"], check["state"], check["mend"]) for check in checks if check["server"]]
    assert told == [
        (url, "warning", "start it, or correct server.url"),
        ("http://127.0.0.1:9/v1", "warning", "start it, or correct server.fallback_urls"),
    ]


@pytest.mark.parametrize(
    ("behaviour", "mend"),
    [
        ({"status": 400}, "read in its log why it refuses; a shorter prompt_tokens or the right server.model"),
        ({"status": 404}, "set server.model to a name that it lists, or correct server.url"),
        ({"status": 429}, "wait until it has loaded its model and has fewer requests"),
        ({"status": 500}, "read its log, and start it anew"),
        ({"status": 503}, "wait until it has loaded its model and has fewer requests"),
        ({"trouble": "cut-body"}, "see whether it still runs"),
        ({"trouble": "html"}, "correct server.url: what answers there is no OpenAI-compatible server"),
    ],
)
async def test_the_doctor_advises_what_fits(
    behaviour: dict[str, Any], mend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with FakeVllm(behaviour=Behaviour(**behaviour)) as server:
        result = await doctor(server.base_url, monkeypatch, "--json")
        url = server.base_url
    assert result.exit_code == EXIT_MODEL
    failed = [check for check in json.loads(result.stdout)["checks"] if check["state"] == "failed"]
    assert [check["name"] for check in failed] == ["completion model", "review model"]
    assert all(check["mend"].startswith(mend) for check in failed)
    assert all(url in check["message"] for check in failed)


async def test_a_server_that_only_pings_keeps_no_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codeassist.cli.doctor.ANSWER_LIMIT_S", 0.2)
    monkeypatch.setattr(probe, "TOKEN_LIMIT_S", 0.2)
    monkeypatch.setattr(observe, "SLOW_LIMIT_S", 0.2)
    async with FakeVllm(behaviour=Behaviour(trouble="pings", trouble_after=0)) as server:
        result = await doctor(server.base_url, monkeypatch, "--json")
        url = server.base_url
    assert result.exit_code == EXIT_MODEL
    failed = [check for check in json.loads(result.stdout)["checks"] if check["state"] == "failed"]
    told = {(check["message"], check["mend"]) for check in failed}
    assert told == {
        (
            f"The model server at {url} wrote no answer of four tokens within 0.2 s; see in its log what holds it up, "
            "or start it anew.",
            "see in its log what it is busy with, and start it anew if it is stuck",
        )
    }


async def test_a_server_that_only_pings_keeps_no_completion(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(connect, "Endpoint", partial(Endpoint, first_token_timeout_s=0.2))
    file = tmp_path / "shop.py"
    file.write_text("def total(prices):\n    return \n")
    async with FakeVllm(behaviour=Behaviour(trouble="pings", trouble_after=0)) as server:
        monkeypatch.setenv("CODEASSIST_SERVER__URL", server.base_url)
        result = await asyncio.to_thread(CliRunner().invoke, cli, ["complete", f"{file}:2:12"])
        assert f"The model server at {server.base_url} wrote no token for 0.2 s" in result.stderr
    assert (result.exit_code, result.stdout) == (EXIT_MODEL, "")


@pytest.mark.parametrize(
    "kind", [kind for kind in ModelError.__subclasses__() if kind.__module__ == ModelError.__module__]
)
def test_each_failure_has_a_next_step(kind: type[ModelError]) -> None:
    step = mend_for_failure(kind("It failed."), "server.fallback_urls", "KEY")
    assert step not in ("", mend_for_failure(ModelError("It failed."), "server.fallback_urls", "KEY"))


async def test_a_key_that_is_missing_is_said_with_the_variable_that_holds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeVllm(api_key="sesame") as server:
        result = await doctor(server.base_url, monkeypatch, "--json")
    told = [check["mend"] for check in json.loads(result.stdout)["checks"] if check["server"]]
    assert told == ["put its key into the environment variable CODEASSIST_API_KEY"]
