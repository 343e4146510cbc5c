"""The entries that ship: every fact has its source, and none contradicts another."""

from __future__ import annotations

import json
import re
from importlib.resources import files

import pytest

from codeassist.prompt.families import family
from codeassist.serving.catalogue import Entry, catalogue, contradiction, entry, entry_for_served
from codeassist.serving.catalogue.loading import FILES

ENTRIES = {one.name: one for one in catalogue()}
SERVED = [one for one in ENTRIES.values() if one.servable]
GIB = 2**30

WANTED = {
    "kimi-k2",
    "kimi-k2.5",
    "kimi-k2.7-code",
    "qwen3-coder-30b-a3b",
    "qwen3-coder-480b-a35b",
    "qwen3-coder-next",
    "qwen3.6-35b-a3b",
    "deepseek-coder-v2-lite",
    "deepseek-v4-flash",
    "gpt-oss-20b",
    "gpt-oss-120b",
    "glm-5.2",
    "minimax-m2.7",
    "granite-4-h-small",
    "granite-4-h-tiny",
    "mellum2-12b-a2.5b",
    "qwen2.5-coder-0.5b",
    "qwen2.5-coder-1.5b",
    "qwen2.5-coder-3b",
    "qwen2.5-coder-7b",
    "qwen2.5-coder-14b",
    "qwen2.5-coder-32b",
    "zeta-2",
    "zeta-2.1",
    "sweep-next-edit-1.5b",
    "sweep-next-edit-v2-7b",
}

SERVED_NAMES = [
    ("qwen2.5-coder:7b", "qwen2.5-coder-7b"),
    ("Qwen/Qwen2.5-Coder-7B-Instruct", "qwen2.5-coder-7b"),
    ("Qwen/Qwen2.5-Coder-32B-Instruct-AWQ", "qwen2.5-coder-32b"),
    ("/models/Qwen2.5-Coder-14B-Instruct", "qwen2.5-coder-14b"),
    ("qwen2.5-coder:3b-instruct-q4_K_M", "qwen2.5-coder-3b"),
    ("Qwen/Qwen2.5-Coder-3B", "qwen2.5-coder-3b"),
    ("Qwen/Qwen3-Coder-480B-A35B-Instruct-FP8", "qwen3-coder-480b-a35b"),
    ("Qwen/Qwen3-Coder-30B-A3B-Instruct", "qwen3-coder-30b-a3b"),
    ("qwen3-coder:30b", "qwen3-coder-30b-a3b"),
    ("Qwen/Qwen3-Coder-Next-FP8", "qwen3-coder-next"),
    ("Qwen/Qwen3.6-35B-A3B-FP8", "qwen3.6-35b-a3b"),
    ("qwen3.6:35b-a3b", "qwen3.6-35b-a3b"),
    ("moonshotai/Kimi-K2-Instruct", "kimi-k2"),
    ("moonshotai/Kimi-K2-Instruct-0905", "kimi-k2"),
    ("kimi-k2-0711-preview", "kimi-k2"),
    ("kimi-k2:1t", "kimi-k2"),
    ("kimi-k2.5", "kimi-k2.5"),
    ("nvidia/Kimi-K2.5-NVFP4", "kimi-k2.5"),
    ("moonshotai/Kimi-K2.7-Code", "kimi-k2.7-code"),
    ("deepseek-ai/DeepSeek-Coder-V2-Lite-Base", "deepseek-coder-v2-lite"),
    ("deepseek-ai/DeepSeek-Coder-V2-Lite-Instruct", "deepseek-coder-v2-lite-instruct"),
    ("deepseek-coder-v2:16b", "deepseek-coder-v2-lite-instruct"),
    ("deepseek-ai/DeepSeek-V4-Flash-0731", "deepseek-v4-flash"),
    ("openai/gpt-oss-120b", "gpt-oss-120b"),
    ("gpt-oss:20b", "gpt-oss-20b"),
    ("zai-org/GLM-5.2-FP8", "glm-5.2"),
    ("zai-org/GLM-4.5-Air-FP8", "glm-4.5-air"),
    ("MiniMaxAI/MiniMax-M2.7", "minimax-m2.7"),
    ("MiniMaxAI/MiniMax-M2", "minimax-m2"),
    ("ibm-granite/granite-4.0-h-small-FP8", "granite-4-h-small"),
    ("ibm/granite4:small-h", "granite-4-h-small"),
    ("ibm-granite/granite-4.0-h-tiny", "granite-4-h-tiny"),
    ("JetBrains/Mellum2-12B-A2.5B-Base", "mellum2-12b-a2.5b"),
    ("JetBrains/Mellum2-12B-A2.5B-Instruct", "mellum2-12b-a2.5b-instruct"),
    ("zed-industries/zeta-2", "zeta-2"),
    ("zed-industries/zeta-2.1", "zeta-2.1"),
    ("sweepai/sweep-next-edit-1.5B", "sweep-next-edit-1.5b"),
    ("sweepai/sweep-next-edit-v2-7B", "sweep-next-edit-v2-7b"),
]

UNKNOWN = [
    "moonshotai/Kimi-K2-Thinking",
    "moonshotai/Kimi-K2.6",
    "moonshotai/Kimi-K2-Base",
    "deepseek-ai/DeepSeek-Coder-V2-Instruct",
    "JetBrains/Mellum2-12B-A2.5B-Thinking",
    "JetBrains/Mellum-4b-base",
    "zed-industries/zeta",
    "zai-org/GLM-4.5",
    "Qwen/Qwen3.6-27B",
    "ibm-granite/granite-4.0-h-small-base",
    "ibm-granite/granite-4.0-h-micro",
    "gpt-oss-safeguard",
    "MiniMaxAI/MiniMax-M2.5",
    "qwen2.5-coder-70b",
]


def test_every_model_that_was_asked_for_is_there() -> None:
    assert set(ENTRIES) >= WANTED
    assert {one.name for one in SERVED} >= WANTED


def test_every_file_of_the_folder_is_read() -> None:
    folder = files("codeassist.serving.catalogue")
    assert {item.name for item in folder.iterdir() if item.name.endswith(".toml")} == {f"{name}.toml" for name in FILES}


@pytest.mark.parametrize("one", ENTRIES.values(), ids=ENTRIES)
def test_an_entry_agrees_with_its_prompt_family(one: Entry) -> None:
    assert contradiction(one) is None


@pytest.mark.parametrize("one", SERVED, ids=[one.name for one in SERVED])
def test_every_group_of_facts_has_a_source(one: Entry) -> None:
    needed = {"parameters", "context", "licence", "architecture"}
    assert needed <= set(one.sources)
    assert {"fim", "chat", "edit"} & set(one.sources)
    assert one.completes != "fim" or "fim" in one.sources
    assert not one.next_edit or "edit" in one.sources
    if family(one.family).template_options and one.thinking != "never":
        assert "thinking" in one.sources
    assert all(len(text) >= 8 for text in one.sources.values())


@pytest.mark.parametrize("one", SERVED, ids=[one.name for one in SERVED])
def test_sizes_agree_with_parameters_and_formats(one: Entry) -> None:
    bits = {"bf16": (16, 17), "fp8": (8, 9), "int4": (4, 6.5), "mxfp4": (4, 6), "nvfp4": (4, 6)}
    for weights in one.weights:
        least, most = bits[weights.quantisation]
        found = weights.gib * GIB * 8 / one.total_parameters
        assert least - 0.3 <= found <= most, f"{weights.repository}: {found:.2f} bits for each parameter"


@pytest.mark.parametrize("one", SERVED, ids=[one.name for one in SERVED])
def test_the_network_is_of_one_kind(one: Entry) -> None:
    shape = one.architecture
    assert shape is not None
    assert shape.kv_bytes_per_token is not None
    assert (shape.experts == 0) == (one.active_parameters == one.total_parameters)
    assert (shape.latent is not None) == (shape.attention == "mla")
    assert (shape.window is not None) == (shape.attention == "sliding-window")
    assert (shape.kv_layers is not None) == (not shape.cache_friendly)


@pytest.mark.parametrize("one", SERVED, ids=[one.name for one in SERVED])
def test_the_first_weights_of_a_format_are_the_only_ones(one: Entry) -> None:
    formats = [weights.quantisation for weights in one.weights]
    assert len(set(formats)) == len(formats)
    assert all(weights.capability >= 10.0 for weights in one.weights if weights.quantisation == "nvfp4")


@pytest.mark.parametrize("one", SERVED, ids=[one.name for one in SERVED])
def test_a_model_that_thinks_is_served_with_the_parser_for_it(one: Entry) -> None:
    assert one.serving is not None
    # gpt-oss has its own output format, which vLLM reads without being told.
    thinks = one.thinking in ("off", "always")
    assert ("reasoning-parser" in one.serving.flags) == thinks


@pytest.mark.parametrize(
    "one", [one for one in SERVED if one.serving and one.serving.speculation], ids=lambda e: e.name
)
def test_speculation_is_json_with_a_method(one: Entry) -> None:
    assert one.serving is not None
    assert {"method", "num_speculative_tokens"} <= set(json.loads(one.serving.speculation))


@pytest.mark.parametrize("one", SERVED, ids=[one.name for one in SERVED])
def test_a_recipe_has_room_for_its_weights(one: Entry) -> None:
    for recipe in one.recipes:
        gib = next(weights.gib for weights in one.weights if weights.quantisation == recipe.quantisation)
        copies = 1 if recipe.expert_parallel else recipe.data_parallel
        assert gib * copies < recipe.nodes * recipe.gpus * recipe.gpu_gib, recipe.source


def test_licences_that_ask_for_something_say_what() -> None:
    free = {"Apache-2.0", "MIT"}
    bound = {one.name for one in ENTRIES.values() if one.licence not in free}
    assert bound == {name for name in bound if ENTRIES[name].restrictions}
    assert {"kimi-k2", "deepseek-coder-v2-lite", "minimax-m2.7", "qwen2.5-coder-3b"} <= bound


@pytest.mark.parametrize(("served", "name"), SERVED_NAMES)
def test_a_served_name_finds_its_entry(served: str, name: str) -> None:
    assert [one.name for one in ENTRIES.values() if one.serves_as(served)] == [name]
    found = entry_for_served(served)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("served", UNKNOWN)
def test_a_relative_is_not_taken_for_a_model_of_the_catalogue(served: str) -> None:
    assert [one.name for one in ENTRIES.values() if one.serves_as(served)] == []


@pytest.mark.parametrize("one", ENTRIES.values(), ids=ENTRIES)
def test_names_and_repositories_of_an_entry_are_served_names_of_it_alone(one: Entry) -> None:
    for served in (one.name, *(weights.repository for weights in one.weights)):
        assert [other.name for other in ENTRIES.values() if other.serves_as(served)] == [one.name], served


def test_the_cache_of_a_token_is_that_of_the_published_shapes() -> None:
    """Qwen3-Coder-30B: 48 layers of 4 heads of 128, keys and values at two bytes; Kimi K2: 61 latents of 576."""
    sizes = {name: entry(name).architecture for name in ("qwen3-coder-30b-a3b", "kimi-k2", "gpt-oss-20b")}
    assert [shape.kv_bytes_per_token for shape in sizes.values() if shape] == [98_304, 70_272, 24_576]
    assert [shape.cache_friendly for shape in sizes.values() if shape] == [True, True, False]


def test_texts_are_sentences() -> None:
    for one in ENTRIES.values():
        for text in (one.notes, one.restrictions):
            assert not text or re.fullmatch(r"[A-Z].*\.", text), f"{one.name}: {text}"
