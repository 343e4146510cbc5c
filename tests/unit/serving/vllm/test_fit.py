"""The arithmetic of what fits."""

from __future__ import annotations

from typing import Any

import pytest

from codeassist.serving.vllm.fit import Fit, TooSmall, best_fit, cache_bytes_per_gpu, room_for_cache_gib
from tests.unit.serving.vllm.making import GIB, SOURCE, gpus, model, planned, processor, weights


def fitted(*arguments: Any, **options: Any) -> Fit:
    found = best_fit(*arguments, **options)
    assert isinstance(found, Fit), found
    return found


def refused(*arguments: Any, **options: Any) -> str:
    found = best_fit(*arguments, **options)
    assert isinstance(found, TooSmall), found
    return found.sentence


def test_cache_of_one_token() -> None:
    full = model().architecture
    assert full is not None
    assert full.kv_bytes_per_token == 2 * 2 * 48 * 4 * 128 == 96 * 1024
    assert cache_bytes_per_gpu(full, 1, 1) == 96 * 1024
    assert cache_bytes_per_gpu(full, 2, 1) == 48 * 1024
    assert cache_bytes_per_gpu(full, 8, 1) == 24 * 1024, "there are four heads, so no GPU has less than one"
    assert cache_bytes_per_gpu(full, 4, 2) == 12 * 1024
    latent = full.model_copy(update={"attention": "mla", "latent": 576})
    assert cache_bytes_per_gpu(latent, 8, 1) == 2 * 48 * 576, "the latent vector is whole on each GPU"


def test_room_for_the_cache() -> None:
    assert room_for_cache_gib(80.0, 40.0, 1) == pytest.approx(80 * 0.9 - 2 - 40)
    assert room_for_cache_gib(80.0, 40.0, 4) == pytest.approx(80 * 0.9 - 2 - 10)
    assert room_for_cache_gib(24.0, 29.0, 1) < 0


def test_one_gpu_with_the_format_that_it_computes_in() -> None:
    found = fitted(model(), gpus(1, 80))
    assert (found.weights.quantisation, found.tensor_parallel, found.gpus_per_node) == ("fp8", 1, 1)
    assert found.context_tokens == 32_768
    assert found.cache_tokens == int((72 - 2 - 29) * GIB / (96 * 1024))
    assert not found.notes


@pytest.mark.parametrize(
    ("capability", "wanted"), [(8.0, "bf16"), (8.9, "fp8"), (9.0, "fp8"), (10.0, "nvfp4"), (12.0, "nvfp4")]
)
def test_formats_by_capability(capability: float, wanted: str) -> None:
    all_formats = [
        weights("int4", 16.0),
        weights("bf16", 57.0),
        weights("fp8", 29.0, capability=8.0, native_capability=8.9),
        weights("nvfp4", 17.0, capability=10.0),
    ]
    assert fitted(model(weights=all_formats), gpus(1, 80, capability)).weights.quantisation == wanted


def test_smaller_formats_where_the_preferred_one_does_not_fit() -> None:
    entry = model(weights=[weights("fp8", 29.0, capability=8.9), weights("int4", 16.0)])
    assert fitted(entry, gpus(1, 24, 8.9)).weights.quantisation == "int4"


def test_fewest_gpus_and_only_powers_of_two() -> None:
    found = fitted(model(), gpus(3, 24, 8.9))
    assert (found.tensor_parallel, found.gpus_per_node) == (2, 2)
    assert found.expert_parallel, "slices of small experts would cut the blocks that FP8 weights are scaled by"
    assert not fitted(model(), gpus(2, 48, 8.0)).expert_parallel


def test_heads_that_do_not_split() -> None:
    shape = {"name": "A", "layers": 4, "attention": "full", "attention_heads": 6, "kv_heads": 2, "head_dim": 64}
    entry = model(architecture=shape, weights=[weights("bf16", 60.0)])
    assert "60.0 GiB" in refused(entry, gpus(4, 24))
    assert fitted(entry, gpus(4, 48)).tensor_parallel == 2


def test_shorter_context_before_giving_up() -> None:
    entry = model(weights=[weights("int4", 17.0)])
    found = fitted(entry, gpus(1, 24, 8.9))
    assert found.context_tokens == 16_384
    assert "fewer than the" in " ".join(planned(entry, gpus(1, 24, 8.9)).notes)
    assert "a context of 65,536 tokens" in refused(entry, gpus(1, 24, 8.9), context_tokens=65_536)


def test_a_model_of_short_context() -> None:
    assert fitted(model(context_tokens=4_096), gpus(1, 80)).context_tokens == 4_096


def test_unknown_shape_is_guessed_and_said() -> None:
    shape = {"name": "A", "layers": 4, "attention": "full"}
    assert "guessed" in fitted(model(architecture=shape), gpus(1, 80)).notes[0]


def test_too_small_names_what_is_missing() -> None:
    assert refused(model(), gpus(1, 24, 8.9)) == (
        "Coder needs 29.0 GiB for its FP8 weights, 0.8 GiB for a context of 8,192 tokens and 2.0 GiB besides; "
        "there is one GPU with 24 GiB, of which vLLM gets 21.6"
    )


def test_too_old() -> None:
    only_new = model(weights=[weights("fp8", 29.0, capability=8.9)])
    assert refused(only_new, gpus(8, 80, 8.0)) == (
        "Coder needs a GPU of compute capability 8.9 for its FP8 weights; GPU has 8.0"
    )


def test_a_format_that_there_is_not() -> None:
    assert (
        refused(model(), gpus(1, 80), quantisation="int4") == "Of Coder the catalogue knows FP8 and BF16 weights only"
    )
    assert fitted(model(), gpus(1, 80), quantisation="bf16").weights.quantisation == "bf16"


def test_pipeline_over_nodes() -> None:
    entry = model(weights=[weights("fp8", 900.0, capability=8.9)])
    assert "900.0 GiB" in refused(entry, gpus(8, 80))
    found = fitted(entry, gpus(8, 80), nodes=2)
    assert (found.tensor_parallel, found.pipeline_parallel, found.nodes, found.gpus_per_node) == (8, 2, 2, 8)


RECIPE = {
    "quantisation": "fp8",
    "gpus": 8,
    "gpu_gib": 140,
    "data_parallel": 8,
    "expert_parallel": True,
    "source": SOURCE,
}


def test_a_recipe_that_matches_comes_first() -> None:
    entry = model(recipes=[RECIPE])
    found = fitted(entry, gpus(8, 140.4))
    assert found.recipe is not None
    assert (found.data_parallel, found.expert_parallel, found.gpus_per_node) == (8, True, 8)


@pytest.mark.parametrize(
    ("hardware", "options"),
    [
        (gpus(4, 140.4), {}),
        (gpus(8, 80.0), {}),
        (gpus(8, 140.4), {"quantisation": "bf16"}),
        (gpus(8, 140.4, 8.0), {}),
        (gpus(8, 140.4), {"nodes": 2}),
    ],
)
def test_a_recipe_that_does_not_match(hardware: Any, options: Any) -> None:
    assert fitted(model(recipes=[RECIPE]), hardware, **options).recipe is None


def test_a_recipe_keeps_its_limit_of_context() -> None:
    entry = model(recipes=[{**RECIPE, "flags": {"max-model-len": 20_000}}])
    assert fitted(entry, gpus(8, 140.4)).context_tokens == 20_000
    longer = fitted(entry, gpus(8, 140.4), context_tokens=30_000)
    assert (longer.recipe, longer.context_tokens) == (None, 30_000)


def test_processor() -> None:
    found = fitted(model(), processor(128.0))
    assert (found.weights.quantisation, found.gpus_per_node, found.context_tokens) == ("bf16", 0, 8_192)
    assert found.cache_gib == 3.0, "8 seats of 4,096 tokens of 96 KiB"
    assert "4.0 GiB besides" in refused(model(), processor(64.0))
    assert "AVX2" in refused(model(), processor(128.0, "sse"))
    assert "several nodes" in refused(model(), processor(128.0), nodes=2)
    assert "GPUs only" in refused(model(weights=[weights("fp8", 29.0)]), processor(128.0))


def test_latent_attention_on_a_processor_without_amx() -> None:
    shape = {"name": "A", "layers": 27, "attention": "mla", "latent": 576}
    entry = model(architecture=shape)
    assert "AMX" in fitted(entry, processor(128.0)).notes[0]
    assert not fitted(entry, processor(128.0, "avx512f", "amx_tile", "amx_bf16")).notes
