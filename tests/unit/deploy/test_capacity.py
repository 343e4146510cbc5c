"""The arithmetic of docs/scaling.md: that it is right in the limits, and that the document says what it gives."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.engine import capacity as c
from codeassist.serving.catalogue import entry
from codeassist.serving.vllm.fit import room_for_cache_gib

ROOT = Path(__file__).parents[3]
SIZES = (10, 1000, 100_000)


def test_two_times_to_first_token_give_back_the_costs_of_a_step() -> None:
    assert c.step_cost((128, 30.0 + 128 * 0.05), (1024, 30.0 + 1024 * 0.05)) == pytest.approx((30.0, 50.0))


def test_a_step_at_that_rate_is_as_long_as_was_allowed() -> None:
    found = c.developers_per_gpu(c.A100)
    tokens = found.rate * found.step_ms / 1000 * (c.DEMAND.read_tokens + c.DEMAND.written_tokens)
    assert c.A100.fixed_ms + tokens * c.A100.token_us / 1000 == pytest.approx(found.step_ms)
    assert found.step_ms * (c.DEMAND.written_tokens + 0.5) == pytest.approx(c.Habits().target_ms)


def test_half_the_work_for_a_request_serves_twice_the_developers() -> None:
    half = replace(c.DEMAND, prompt_tokens=c.DEMAND.prompt_tokens / 2)
    half = replace(half, cached_share=1 - (c.DEMAND.read_tokens - c.DEMAND.written_tokens) / 2 / half.prompt_tokens)
    whole, less = (c.developers_per_gpu(c.A100, demand) for demand in (c.DEMAND, half))
    assert less.by_time == pytest.approx(2 * whole.by_time)


def test_an_engine_that_is_too_slow_alone_is_said_so() -> None:
    with pytest.raises(ValueError, match="with nobody else there; take a longer target"):
        c.developers_per_gpu(replace(c.A100, fixed_ms=100.0))


def test_cost_grows_in_step_with_developers_beyond_the_first_replica() -> None:
    found = c.developers_per_gpu(c.A100)
    assert c.replicas(1, found) == 1
    assert c.replicas(100_000, found) == pytest.approx(100 * c.replicas(1000, found), rel=0.05)


def test_affinity_never_costs_and_matters_most_where_the_cache_is_small() -> None:
    found = c.developers_per_gpu(c.A100)
    for size in SIZES:
        assert c.without_affinity(size, c.A100) >= c.replicas(size, found)
    assert c.without_affinity(1000, replace(c.A100, cache_gib=1000.0)) < c.without_affinity(1000, c.A100) / 4


def test_the_engine_of_the_document_agrees_with_the_catalogue() -> None:
    model = entry("qwen3-coder-30b-a3b")
    assert model.architecture is not None
    assert c.A100.cache_bytes_per_token == model.architecture.kv_bytes_per_token
    (weights,) = [one for one in model.weights if one.quantisation == "bf16"]
    assert c.A100.cache_gib == pytest.approx(room_for_cache_gib(80.0, weights.gib, 1), abs=0.05)


def test_the_document_shows_what_the_script_prints() -> None:
    text = (ROOT / "docs/scaling.md").read_text()
    printed = [*c.steps_table(c.A100, c.DEMAND, c.Habits()), *c.sizes_table(c.A100, c.DEMAND, c.Habits(), SIZES)]
    lines = set(text.splitlines())
    assert [line for line in printed if line not in lines] == []


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "benchmarks/engine/capacity.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_each_command_of_the_document_works() -> None:
    text = (ROOT / "docs/scaling.md").read_text()
    commands = re.findall(r"python benchmarks/engine/capacity\.py([^`\n]*)", text)
    assert len(commands) >= 2
    for words in commands:
        done = run(*shlex.split(words))
        assert (done.returncode, done.stderr) == (0, ""), words
        assert done.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--developers foo", "argument --developers: 'foo' is no list of numbers of developers"),
        ("--developers 0", "'0' is no list of numbers of developers"),
        ("--first-tokens 1", "argument --first-tokens: '1' is no pair of times; write TOKENS:MS,TOKENS:MS"),
        ("--first-tokens 128:a,1024:70", "'a' is no number above 0"),
        ("--first-tokens 128:35,128:70", "the second prompt must be longer than the first"),
        ("--first-tokens 1024:70,8192:1000", "leaves no time for the weights"),
        ("--cache-gib 0", "argument --cache-gib: '0' is no number above 0"),
        ("--peak nan", "'nan' is no number above 0"),
        ("--writing 25", "'25' is no share"),
    ],
)
def test_a_mistake_ends_in_one_sentence(words: str, sentence: str) -> None:
    done = run(*words.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert done.stderr.startswith("capacity.py: ")
    assert done.stderr.count("\n") == 1
    assert done.stderr.endswith(".\n")


def test_an_engine_that_serves_nobody_is_said_so() -> None:
    done = run("--cache-gib", "0.01")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("this engine serves not even one developer; ")


def test_the_command_prints_the_tables_and_takes_the_reader_s_figures() -> None:
    done = run()
    assert done.stdout.splitlines()[2:] == [
        *c.steps_table(c.A100, c.DEMAND, c.Habits())[2:],
        "",
        *c.sizes_table(c.A100, c.DEMAND, c.Habits(), SIZES),
    ]
    assert run("--first-tokens", "128:35.74,1024:70.33").stdout.count("\n") == done.stdout.count("\n")
    slow = run("--fixed-ms", "200")
    assert (slow.returncode, slow.stdout) == (1, "")
    assert slow.stderr.startswith("this engine takes ")


def test_the_sentences_of_the_document_say_what_the_script_gives() -> None:
    text = " ".join((ROOT / "docs/scaling.md").read_text().split())
    habits = c.Habits()

    def developers(**changed: float) -> int:
        return c.developers_per_gpu(c.A100, c.DEMAND, replace(habits, **changed)).developers

    found = c.developers_per_gpu(c.A100)
    thousand = c.replicas(1000, found)
    for sentence in (
        f"with 400 ms for a completion it is {developers(target_ms=400)} developers, with 800 ms "
        f"{developers(target_ms=800)}; with six minutes of writing in an hour instead of fifteen, "
        f"{developers(writing=0.1)}",
        f"at {1000 // thousand} for each GPU",
        f"one developer or {found.developers}",
        f"{thousand} replicas behind a router",
        f"would take about {c.without_affinity(1000, c.A100)}:",
        f"{c.replicas(100_000, found):,} replicas are not one cluster",
        f"all {1000 * habits.writing * habits.peak:.0f} who write at once and has room for "
        f"{found.by_cache * habits.writing * habits.peak:.0f}",
        *(f"of {servers} | {share:.0%} |".replace("%", " %") for servers, share in c.DEMAND.spread_shares[1:]),
    ):
        assert sentence in text, sentence


def test_the_demand_is_what_the_document_says_was_counted() -> None:
    rows = {}
    for line in (ROOT / "docs/scaling.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and cells[0] in (
            "requests",
            "tokens of a prompt",
            "tokens to read",
            "tokens written until we close",
        ):
            rows[cells[0]] = [float(cell.replace(",", "")) for cell in cells[1:]]
    requests = rows.pop("requests")
    prompt, read, written = (
        sum(tokens * count for tokens, count in zip(each, requests, strict=True)) / sum(requests)
        for each in rows.values()
    )
    assert c.DEMAND.requests == sum(requests)
    assert (c.DEMAND.prompt_tokens, c.DEMAND.read_tokens) == pytest.approx((prompt, read), rel=0.01)
    assert c.DEMAND.written_tokens == pytest.approx(written, abs=0.05)
