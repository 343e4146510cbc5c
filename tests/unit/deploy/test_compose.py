"""The compose file, by the schema of the Compose Specification as pydantic models, and by what it must not do."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from compose_pydantic.models import ComposeSpecification
from pydantic import ValidationError

from tests.unit.deploy.printed import loaded


@pytest.fixture
def compose() -> Any:
    return loaded("compose.yaml")


def test_the_schema_accepts_it(compose: Any) -> None:
    assert set(ComposeSpecification.model_validate(compose).services or {}) == {"vllm", "proxy", "download"}


@pytest.mark.parametrize(
    ("key", "value"), [("netwroks", ["inside"]), ("cap_drop", 7), ("healthcheck", {"tset": ["NONE"]})]
)
def test_the_schema_would_notice(compose: Any, key: str, value: object) -> None:
    wrong = copy.deepcopy(compose)
    wrong["services"]["vllm"][key] = value
    with pytest.raises(ValidationError, match=key if key != "healthcheck" else "tset"):
        ComposeSpecification.model_validate(wrong)


def test_the_engine_is_reached_through_the_proxy_only_and_reaches_nobody(compose: Any) -> None:
    engine, proxy = compose["services"]["vllm"], compose["services"]["proxy"]
    assert "ports" not in engine
    assert engine["networks"] == ["inside"]
    assert compose["networks"]["inside"] == {"internal": True}
    assert engine["environment"]["HF_HUB_OFFLINE"] == "1"
    assert proxy["environment"] == {"CODEASSIST_UPSTREAM": "vllm:8000"}
    assert [port.split(":8443", 1)[0] for port in proxy["ports"]] == ["${CODEASSIST_LISTEN:-127.0.0.1}"]


def test_the_key_is_in_no_file_of_ours(compose: Any) -> None:
    assert compose["services"]["vllm"]["env_file"] == compose["services"]["proxy"]["env_file"] == ["codeassist.env"]
    assert "VLLM_API_KEY" not in compose["services"]["vllm"]["environment"]
    assert not [word for word in compose["services"]["vllm"]["command"] if word.startswith("--api-key")]


def test_every_image_has_a_version_and_every_volume_and_network_exists(compose: Any) -> None:
    for name, service in compose["services"].items():
        image, _, tag = service["image"].partition(":")
        assert tag[:1].isdigit() or tag.startswith("v"), f"{name}: {image}"
        assert set(service["networks"]) <= set(compose["networks"])
        named = [volume.split(":")[0] for volume in service["volumes"] if not volume.startswith("./")]
        assert set(named) <= set(compose["volumes"])
        assert set(service.get("secrets", [])) <= set(compose["secrets"])
