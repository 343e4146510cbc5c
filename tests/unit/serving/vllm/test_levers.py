"""What levers take, and that the plan is made with the values that they were given."""

from __future__ import annotations

from typing import Any

import pytest

from codeassist.serving.catalogue import built_in, entry
from codeassist.serving.vllm.arguments import WrongOptions
from codeassist.serving.vllm.fit import GPU_SHARE, Fit, best_fit
from codeassist.serving.vllm.hardware import Gpu, named
from codeassist.serving.vllm.levers import BY_NAME, LEVERS
from codeassist.serving.vllm.plan import Plan
from codeassist.serving.vllm.suggest import candidates, suggestion
from tests.unit.serving.vllm.making import SOURCE, gpus, model, planned, values, weights
from tests.unit.serving.vllm.planned import asked, plan_for, servable

H100 = gpus(1, 80)

WRONG = {
    "served-name": ("", "--x", "a b", "a\nb", "x" * 201),
    "context": ("1", "1023", "10000001", "32k", "1e4"),
    "seats": ("0", "99999999999", "2.5"),
    "step-tokens": ("1", "255", "1000000"),
    "long-prefill": ("0", "9999999"),
    "priority": ("fastest", "Priority"),
    "prefix-caching": ("maybe", "1"),
    "retention": ("1", "x"),
    "prefix-hash": ("md5", "builtin"),
    "interactivity": ("fast",),
    "capture-size": ("0", "100000"),
    "gpu-memory": ("0.05", "0.0001", "5", "1.01", "0", "-0.9", "nan", "inf", "1e-1", "90%"),
    "cache-type": ("foo", "FP8"),
    "speculation": ("notjson", "[]", "3", "[" * 100_000),
    "generation-config": ("none", "relative/folder"),
    "cached-tokens": ("2",),
    "language-model-only": ("yes",),
    "dtype": ("float99", "fp8"),
    "eager": ("",),
    "cpu-cache": ("1", "8GiB"),
    "queued-requests": ("0", "1.5"),
    "queued-tokens": ("1",),
    "docs-pages": ("0",),
    "access-log": ("0",),
    "body-limit": ("0.5", "1", "4MiB"),
    "no-usage-report": ("yes", "2"),
    "do-not-track": ("true",),
    "offline": ("on",),
    "compile-cache": ("cache", "/a\nb"),
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in WRONG.items() for text in texts])
def test_what_a_lever_does_not_take_is_said_with_what_it_does(name: str, text: str) -> None:
    with pytest.raises(WrongOptions) as told:
        planned(model(), H100, levers={name: text})
    assert str(told.value) == f"The lever {name} takes {BY_NAME[name].allowed.said}, and {text!a} is not that."


def test_every_lever_has_wrong_values_above() -> None:
    assert set(WRONG) == set(BY_NAME)


def test_every_lever_takes_its_own_defaults() -> None:
    by_flag = {lever.flag or lever.variable: lever for lever in LEVERS}
    seen = set()
    for one in servable():
        for _, profile, options in asked(one):
            plan = plan_for(one, profile, options)
            for node in plan.nodes if isinstance(plan, Plan) else ():
                given = {argument.flag: argument.value for argument in node.arguments} | dict(node.environment)
                for name, value in given.items():
                    if name in by_flag and value is not None:
                        assert by_flag[name].allowed.read(value) == value, (one.name, name, value)
                        seen.add(name)
    assert len(seen) > 15


@pytest.mark.parametrize(
    ("levers", "said"),
    [
        ({"seats": "300", "step-tokens": "256"}, "A step of 256 tokens has no room for 300 seats"),
        ({"long-prefill": "9000", "context": "8192"}, "long-prefill takes no more than the context, 8,192 tokens"),
    ],
)
def test_levers_that_contradict_each_other(levers: dict[str, str], said: str) -> None:
    with pytest.raises(WrongOptions, match=said):
        planned(model(), H100, levers=levers)


def test_the_fit_uses_the_share_that_the_lever_sets() -> None:
    usual = planned(model(), H100)
    assert values(usual)["gpu-memory-utilization"] == str(GPU_SHARE)
    with pytest.raises(Exception, match=r"of which vLLM gets 24\.0; .* fit: leave --lever gpu-memory out\.$"):
        planned(model(), H100, levers={"gpu-memory": "0.3"})
    tight = model(weights=[weights("fp8", 42.0, capability=8.9)])
    half = planned(tight, H100, levers={"gpu-memory": "0.56"})
    assert values(half)["gpu-memory-utilization"] == "0.56"
    assert half.context_tokens == 8_192, "0.8 GiB are left for the cache"


def test_the_fit_uses_the_share_that_the_entry_or_the_recipe_asks_for() -> None:
    asks = model(serving={"source": SOURCE, "flags": {"gpu-memory-utilization": 0.5}})
    found = best_fit(asks, H100)
    assert isinstance(found, Fit)
    assert (found.gpu_share, found.cache_gib) == (0.5, pytest.approx(80 * 0.5 - 2 - 29))
    recipe = {"quantisation": "fp8", "gpus": 1, "gpu_gib": 80, "source": SOURCE}
    by_recipe = best_fit(model(recipes=[{**recipe, "flags": {"gpu-memory-utilization": 0.6}}]), H100)
    assert isinstance(by_recipe, Fit)
    assert (by_recipe.gpu_share, by_recipe.recipe is not None) == (0.6, True)


def test_a_recipe_that_cannot_hold_its_weights_is_not_taken() -> None:
    recipe = {"quantisation": "fp8", "gpus": 1, "gpu_gib": 79, "source": SOURCE}
    huge = model(weights=[weights("fp8", 900.0, capability=8.9)], recipes=[recipe])
    with pytest.raises(Exception, match=r"needs 900\.0 GiB for its FP8 weights"):
        planned(huge, H100)
    assert suggestion(candidates([huge], H100)) is None
    tight = model(weights=[weights("fp8", 68.5, capability=8.9)], recipes=[recipe])
    found = best_fit(tight, H100)
    assert isinstance(found, Fit)
    assert (found.recipe is not None, found.context_tokens) == (True, 16_384), "the cache has room for no longer one"


def test_many_developers_do_not_change_the_form_of_the_weights() -> None:
    for developers in (1, 40, 1_000, 100_000):
        plan = planned(entry("qwen3-coder-30b-a3b"), named("h100"), developers=developers)
        assert plan.quantisation == "fp8"
    assert (plan.seats, plan.servers) == (108, 1_158)
    notes = " ".join(plan.notes)
    assert "100,000 developers need 1,158 such servers, since the cache of one has room for 108 seats; " in notes
    assert "prompts are then read anew" not in notes
    # Seats that somebody sets are theirs; that the cache is too small for them is said.
    own = planned(entry("qwen3-coder-30b-a3b"), named("h100"), levers={"seats": "128"})
    assert (own.quantisation, own.seats, own.servers) == ("fp8", 128, 1)
    assert "fewer than the 524,288 that all seats may want at once" in " ".join(own.notes)


def test_more_gpus_before_more_servers() -> None:
    tight = model(weights=[weights("fp8", 60.0, capability=8.9), weights("int4", 31.0)])
    plan = planned(tight, gpus(2, 80), developers=1_000)
    assert (plan.quantisation, plan.gpus_per_node) == ("fp8", 2)
    one = planned(tight, gpus(1, 80), developers=1_000)
    assert (one.quantisation, one.seats) == ("fp8", 26)


def test_every_recipe_is_taken_somewhere() -> None:
    for one in built_in():
        for recipe in one.recipes:
            form = next(form for form in one.weights if form.quantisation == recipe.quantisation)
            gpu = Gpu("GPU", recipe.gpu_gib, form.native_capability or form.capability)
            machine = gpus(recipe.gpus, gpu.memory_gib, gpu.capability)
            options: dict[str, Any] = {"quantisation": recipe.quantisation, "nodes": recipe.nodes}
            found = [best_fit(one, machine, seats=seats, **options) for seats in (8, 1_250)]
            assert recipe in [fit.recipe for fit in found if isinstance(fit, Fit)], (one.name, recipe.source)


def test_of_equal_recipes_the_one_with_enough_seats() -> None:
    few, many = (
        planned(entry("kimi-k2"), named("h200x8"), nodes=2, developers=developers) for developers in (100, 101)
    )
    assert (values(few)["tensor-parallel-size"], values(few)["pipeline-parallel-size"]) == ("8", "2")
    assert values(many)["data-parallel-size"] == "16"
    assert "DP16" in " ".join(many.notes)
