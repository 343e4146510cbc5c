"""From options to commands, and the sentences for options that do not go together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codeassist.serving.vllm.arguments import CannotServe, PlanOptions
from codeassist.serving.vllm.levers import BY_NAME, LEVERS
from codeassist.serving.vllm.planning import make_plan
from codeassist.serving.vllm.seats import active_developers, wanted_seats
from codeassist.serving.vllm.suggest import candidates, suggestion
from tests.unit.serving.vllm.making import RUNTIME, SOURCE, gpus, model, planned, processor, values, weights

H100 = gpus(1, 80)


def refusal(*arguments: Any, **options: Any) -> str:
    with pytest.raises(CannotServe) as error:
        planned(*arguments, **options)
    return str(error.value)


def test_one_gpu() -> None:
    plan = planned(model(), H100)
    found = values(plan)
    assert plan.address.url == "unix:///run/user/1000/codeassist/vllm-coder.sock"
    assert found["uds"] == str(plan.address.socket)
    assert (found["max-model-len"], found["max-num-seqs"]) == ("32768", "8")
    assert found["scheduling-policy"] == "priority"
    assert found["enable-prefix-caching"] is None
    assert "tensor-parallel-size" not in found
    assert plan.nodes[0].model == "o/m-fp8"
    assert (plan.quantisation, plan.seats, plan.servers, plan.download_gib) == ("fp8", 8, 1, 29.0)


def test_seats_by_developers() -> None:
    assert [active_developers(people) for people in (1, 3, 4, 5, 16, 17, 100)] == [1, 3, 4, 4, 4, 5, 25]
    assert [wanted_seats(people) for people in (1, 2, 3, 4, 16, 17, 40, 100)] == [8, 10, 15, 20, 20, 25, 50, 125]
    assert planned(model(), H100, developers=40).seats == 50
    many = planned(model(), gpus(1, 140), developers=1_000)
    assert (many.servers, many.seats) == (10, 125)
    assert "1,000 developers need 10 such servers; docs" in " ".join(many.notes)


@pytest.mark.parametrize("developers", [1, 40])
def test_prompts_of_all_other_seats_leave_room_for_a_keystroke_in_a_step(developers: int) -> None:
    plan = planned(model(), H100, developers=developers)
    found = values(plan)
    step, share = (int(found[name] or 0) for name in ("max-num-batched-tokens", "long-prefill-token-threshold"))
    assert step >= 2_048, "the prompt of a completion is read in one step"
    assert share >= 256, "a keystroke is never cut"
    # With very many seats not all can be reading at once.
    assert min(plan.seats - 1, 24) * share + 512 <= step


def test_steps_are_smaller_where_they_take_longer() -> None:
    small = values(planned(model(weights=[weights("int4", 15.0)]), gpus(1, 24)))
    assert (small["max-num-batched-tokens"], small["long-prefill-token-threshold"]) == ("2048", "256")
    slow = values(planned(model(weights=[weights("bf16", 1.0, cpu=True)]), processor(64)))
    assert slow["max-num-batched-tokens"] == "512"
    assert "long-prefill-token-threshold" not in slow


def test_hybrids_are_read_in_blocks_that_no_share_may_cut() -> None:
    shape = model().architecture
    assert shape is not None
    hybrid = model(architecture=shape.model_copy(update={"attention": "linear-hybrid", "kv_layers": 12}))
    assert "long-prefill-token-threshold" not in values(planned(hybrid, H100))


def test_levers_are_set_and_left_out() -> None:
    plan = planned(
        model(),
        H100,
        levers={"prefix-caching": "off", "seats": "20", "cache-type": "fp8", "offline": "1", "step-tokens": "5000"},
        without=frozenset({"interactivity", "no-usage-report"}),
    )
    found = values(plan)
    assert "no-enable-prefix-caching" in found
    assert "enable-prefix-caching" not in found
    assert "performance-mode" not in found
    assert found["max-num-seqs"] == "20"
    assert found["max-num-queued-reqs"] == "100", "computed from the seats that were set"
    assert found["long-prefill-token-threshold"] == "256", "and from the step"
    assert found["kv-cache-dtype"] == "fp8"
    assert plan.nodes[0].environment["HF_HUB_OFFLINE"] == "1"
    assert "VLLM_NO_USAGE_STATS" not in plan.nodes[0].environment
    assert plan.seats == 20
    assert "set by --lever seats" in {argument.why for argument in plan.nodes[0].arguments}


@pytest.mark.parametrize("lever", LEVERS, ids=lambda lever: lever.name)
def test_every_lever_can_be_left_out(lever: Any) -> None:
    plan = planned(model(), H100, without=frozenset({lever.name}))
    assert lever.flag not in values(plan) or not lever.flag
    assert lever.variable not in plan.nodes[0].environment or not lever.variable


@pytest.mark.parametrize("lever", LEVERS, ids=lambda lever: lever.name)
def test_every_lever_says_why_and_what_it_costs(lever: Any) -> None:
    assert bool(lever.flag) != bool(lever.variable)
    assert lever.default
    assert lever.reason
    assert lever.cost
    assert not lever.reason.endswith(".")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"levers": {"nonsense": "1"}}, "There is no lever 'nonsense'; there are served-name"),
        ({"without": frozenset({"nonsense"})}, "There is no lever"),
        ({"levers": {"seats": "many"}}, "lever seats takes a whole number from 1 to 1,024, and 'many' is not that."),
        *(
            ({"levers": {"seats": seats}}, "takes a whole number")
            for seats in ("-3", "1.5", "nan", "0", "9" * 11, "\u0663")
        ),
        ({"levers": {"prefix-caching": "maybe"}}, "takes on or off, and 'maybe' is not that."),
        ({"levers": {"cache-type": "a\nb"}}, "takes auto, bfloat16, "),
        ({"levers": {"seats": "8"}, "without": frozenset({"seats"})}, "is both set and left out"),
        ({"speculate": "catalogue"}, "take --speculate ngram"),
        ({"socket": Path("/a"), "port": 1}, "exclude each other"),
        ({"socket": Path("/" + "a" * 120)}, "is too long for a UNIX socket"),
        ({"extra": ("--api-key", "x")}, "give it in VLLM_API_KEY"),
        ({"extra": ("--api_key=x",)}, "give it in VLLM_API_KEY"),
        ({"extra": ("--host=0.0.0.0",)}, "use --host of codeassist"),
        ({"extra": ("--trust-remote-code",)}, "use --trust-remote-code of codeassist"),
        ({"extra": ("--enable-log-requests",)}, "belong in no log"),
        ({"extra": ("loose",)}, "'loose' among the arguments after -- is no --flag or value"),
        ({"extra": ("-tp", "2")}, "write it as --flag=value"),
        ({"extra": ("--sizes", "1", "2")}, "'2' among the arguments"),
    ],
)
def test_options_that_do_not_go_together(options: Any, said: str) -> None:
    sentence = refusal(model(), H100, **options)
    assert said in sentence
    assert sentence.endswith(".")


def test_own_arguments_come_last_and_replace_ours() -> None:
    found = values(planned(model(), H100, extra=("--max-num-seqs", "4", "--enforce-eager", "--seed=7")))
    assert (found["max-num-seqs"], found["seed"], found["enforce-eager"]) == ("4", "7", None)
    undone = values(planned(model(), H100, extra=("--no-enable-prefix-caching",)))
    assert "enable-prefix-caching" not in undone


def test_speculation() -> None:
    assert '"method":"ngram"' in str(values(planned(model(), H100, speculate="ngram"))["speculative-config"])
    own = model(serving={"source": SOURCE, "speculation": '{"method":"mtp"}'})
    assert values(planned(own, H100, speculate="catalogue"))["speculative-config"] == '{"method":"mtp"}'
    assert "speculative-config" not in values(planned(own, H100))


def test_flags_of_the_catalogue() -> None:
    serving = {
        "source": SOURCE,
        "flags": {
            "kv-cache-dtype": "fp8",
            "block-size": 256,
            "language-model-only": True,
            "enable-prefix-caching": False,
            "max-num-seqs": 1,
        },
        "environment": {"A": "b c"},
    }
    plan = planned(model(serving=serving), H100)
    found = values(plan)
    assert (found["kv-cache-dtype"], found["block-size"], found["max-num-seqs"]) == ("fp8", "256", "8")
    assert "language-model-only" in found
    assert "no-enable-prefix-caching" in found
    assert plan.nodes[0].environment["A"] == "b c"
    assert "A='b c' " in plan.nodes[0].shell()
    assert values(planned(model(serving=serving), H100, levers={"cache-type": "auto"}))["kv-cache-dtype"] == "auto"


def test_code_of_the_models_repository_needs_the_users_word() -> None:
    entry = model(serving={"source": SOURCE, "trust_remote_code": True})
    without = planned(entry, H100)
    assert without.trust_remote_code
    assert "trust-remote-code" not in values(without)
    assert "only with --trust-remote-code" in " ".join(without.notes)
    assert "trust-remote-code" in values(planned(entry, H100, trust_remote_code=True))


def test_windows_keep_states_and_other_models_refuse_the_flag() -> None:
    shape = {"name": "A", "layers": 24, "attention": "sliding-window", "kv_heads": 8, "head_dim": 64}
    assert values(planned(model(architecture=shape), H100))["prefix-cache-retention-interval"] == "256"
    assert "prefix-cache-retention-interval" not in values(planned(model(), H100))


def test_several_nodes() -> None:
    entry = model(weights=[weights("fp8", 900.0, capability=8.9)])
    plan = planned(entry, gpus(8, 80), nodes=2, master="10.0.0.1")
    first, second = values(plan, 0), values(plan, 1)
    assert [node.rank for node in plan.nodes] == [0, 1]
    assert (first["node-rank"], second["node-rank"]) == ("0", "1")
    for node in (first, second):
        assert (node["nnodes"], node["master-addr"]) == ("2", "10.0.0.1")
        assert (node["tensor-parallel-size"], node["pipeline-parallel-size"]) == ("8", "2")
    assert "headless" in second
    assert "headless" not in first
    assert "uds" not in second
    assert "disable-fastapi-docs" not in second, "it has no HTTP server"
    assert plan.nodes[0].environment == plan.nodes[1].environment
    assert "not encrypted" in " ".join(plan.notes)
    unnamed = planned(entry, gpus(8, 80), nodes=2)
    assert values(unnamed)["master-addr"] == "ADDRESS-OF-NODE-0"
    assert "--master" in " ".join(unnamed.notes)


def test_ray_starts_everything_from_one_node() -> None:
    entry = model(weights=[weights("fp8", 900.0, capability=8.9)])
    plan = planned(entry, gpus(8, 80), nodes=2, executor="ray")
    assert len(plan.nodes) == 1
    assert plan.node_count == 2
    assert values(plan)["distributed-executor-backend"] == "ray"
    assert "nnodes" not in values(plan)
    assert "ray start --head" in " ".join(plan.notes)


def test_a_recipe_of_copies() -> None:
    recipe = {
        "quantisation": "fp8",
        "gpus": 8,
        "gpu_gib": 140,
        "data_parallel": 8,
        "expert_parallel": True,
        "flags": {"gpu-memory-utilization": 0.85, "max-num-seqs": 1, "all2all-backend": "naive"},
        "environment": {"VLLM_USE_DEEP_GEMM": "1"},
        "source": SOURCE,
    }
    plan = planned(model(recipes=[recipe]), gpus(8, 140.4), developers=400)
    found = values(plan)
    assert (found["data-parallel-size"], found["enable-expert-parallel"]) == ("8", None)
    assert (found["gpu-memory-utilization"], found["all2all-backend"]) == ("0.85", "naive")
    assert found["max-num-seqs"] == "63", "of each copy: 500 seats over eight of them"
    assert found["max-num-queued-reqs"] == str(63 * 8 * 5), "of all copies"
    assert plan.servers == 1
    assert plan.nodes[0].environment["VLLM_USE_DEEP_GEMM"] == "1"
    assert SOURCE in " ".join(plan.notes)
    assert "cache of its own" in " ".join(plan.notes)


def test_processor() -> None:
    found = values(planned(model(), processor(128.0)))
    assert (found["dtype"], found["kv-cache-memory-bytes"]) == ("bfloat16", str(3 << 30))
    assert "enforce-eager" in found
    assert not {"performance-mode", "max-cudagraph-capture-size", "gpu-memory-utilization"} & set(found)


def test_addresses() -> None:
    assert planned(model(), H100, port=9000).address.url == "http://127.0.0.1:9000/v1"
    assert planned(model(), H100, host="::1").address.url == "http://[::1]:8000/v1"
    assert "proxy" not in " ".join(planned(model(), H100, host="localhost").notes)
    for host in ("0.0.0.0", "10.1.2.3", "::", "gpu.example.internal"):
        plan = planned(model(), H100, host=host)
        assert values(plan)["host"] == host
        assert "/tokenize" in " ".join(plan.notes)


def test_weights_by_path() -> None:
    plan = planned(model(), H100, weights="/data/my weights")
    assert plan.nodes[0].model == "/data/my weights"
    assert "vllm serve '/data/my weights'" in plan.nodes[0].shell()
    assert (plan.served_name, plan.download_gib) == ("coder", 0.0)


def test_the_served_name_is_one_that_the_catalogue_finds() -> None:
    assert planned(model(served_names=["o/m-.*"]), H100).served_name == "o/m-fp8"
    own = planned(model(), H100, levers={"served-name": "mine"})
    assert (own.served_name, values(own)["served-model-name"]) == ("mine", "mine")
    assert planned(model(), H100, without=frozenset({"served-name"})).served_name == "o/m-fp8"


def test_the_plan_says_what_its_command_says() -> None:
    plan = planned(model(), H100, extra=("--max-num-seqs=4", "--max-model-len=9000"))
    assert (plan.seats, plan.context_tokens) == (4, 9_000)


def test_no_longer_context_than_the_model_has() -> None:
    for options in ({"context_tokens": 1_000_000}, {"levers": {"context": "1000000"}}):
        plan = planned(model(context_tokens=16_384), H100, **options)
        assert values(plan)["max-model-len"] == "16384"
        assert plan.context_tokens == 16_384
        assert "takes 16,384 tokens" in " ".join(plan.notes)


def test_next_steps_where_it_does_not_fit() -> None:
    large = model("large", weights=[weights("fp8", 900.0, capability=8.9), weights("int4", 20.0)])
    small = model("small", weights=[weights("int4", 6.0)])
    assert "fit: leave --quantisation out." in refusal(large, H100, quantisation="fp8")
    assert "leave --quantisation and --max-model-len out." in refusal(
        large, H100, quantisation="fp8", context_tokens=9_000
    )
    huge = model("huge", weights=[weights("fp8", 900.0)])
    assert "2 such machines hold it: add --nodes 2 --print." in refusal(huge, gpus(8, 80))
    assert refusal(huge, gpus(1, 12)).endswith("the embedded engine needs no GPU: codeassist models pull.")
    with pytest.raises(CannotServe, match=r"small fits: codeassist serve small\.$"):
        make_plan(huge, gpus(1, 12), PlanOptions(RUNTIME), (huge, small))


def test_every_lever_has_one_name() -> None:
    assert len(BY_NAME) == len(LEVERS)
    used = [lever.flag or lever.variable for lever in LEVERS]
    assert len(set(used)) == len(used)


def test_options_give_the_same_plan_again() -> None:
    plan = planned(
        model(),
        H100,
        developers=9,
        quantisation="bf16",
        levers={"seats": "12"},
        without=frozenset({"eager"}),
        extra=("--seed=7",),
    )
    assert plan.options == (
        "--quantisation=bf16", "--developers=9", "--lever=seats=12", "--without=eager", "--", "--seed=7",
    )  # fmt: skip


def test_what_is_proposed_to_begin_with() -> None:
    small = model("small", weights=[weights("bf16", 3.0, cpu=True)], active_parameters=2_000_000_000)
    dense = model("dense", weights=[weights("bf16", 30.0, cpu=True)], active_parameters=30_000_000_000)
    bound = model("bound", weights=[weights("bf16", 3.0)], restrictions="Research only.")
    thinker = model("thinker", completes="no", thinking="always", weights=[weights("bf16", 3.0)])
    chat = model("chat", completes="chat", weights=[weights("bf16", 3.0)])
    everything = (thinker, chat, bound, dense, small)
    assert suggestion(candidates(everything, H100)) is small
    assert suggestion(candidates((thinker, chat, bound), H100)) is bound
    assert suggestion(candidates((thinker, chat), H100)) is chat
    assert suggestion(candidates((thinker,), H100)) is None
    assert suggestion(candidates(everything, processor(64.0))) is small
    assert suggestion(candidates((dense,), processor(64.0))) is None, "it fits, and is too slow"
    assert "too slow" in " ".join(planned(dense, processor(64.0)).notes)


def test_no_states_are_kept_where_the_entry_sets_the_block_size() -> None:
    shape = {"name": "A", "layers": 24, "attention": "sliding-window", "kv_heads": 8, "head_dim": 64}
    serving = {"source": SOURCE, "flags": {"block-size": 256}}
    assert "prefix-cache-retention-interval" not in values(planned(model(architecture=shape, serving=serving), H100))
