"""The developer at the keyboard of the benchmark, and the cache that counts."""

from __future__ import annotations

import argparse
import re
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.engine.developer_hour import Mind, answer, line_as_it_is, measure, table
from benchmarks.engine.prefix_cache import BLOCK_TOKENS, PrefixCache, cached_tokens, chain_of
from benchmarks.engine.typist import Habits, Step, blocks_of, keys_of, session

FILE = "import os\n\n" + "".join(
    f"def total_{n}(prices):\n    found = 0\n    for price in prices:\n        found += price\n    return found\n\n\n"
    for n in range(7)
)


def typed(files: dict[str, str], seed: int = 1) -> tuple[dict[str, str], list[Step]]:
    """The files after the whole session, and its steps."""
    texts, blocks = {}, []
    for path, text in files.items():
        texts[path], found = blocks_of(path, text)
        blocks += found
    steps, at = list(session(blocks, Habits(), seed)), 0
    for step in steps:
        path = step.block.path
        if step.kind == "move":
            at = step.block.start
        elif step.kind == "key":
            texts[path] = texts[path][:at] + step.key + texts[path][at:]
            at += len(step.key)
        elif step.kind == "delete":
            texts[path] = texts[path][: at - 1] + texts[path][at:]
            at -= 1
    return texts, steps


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_in_the_end_the_files_are_as_they_were(seed: int) -> None:
    files = {"one.py": FILE, "other.py": FILE.replace("total", "sum_of")}
    texts, steps = typed(files, seed)
    assert texts == files
    assert {"move", "key", "delete", "save"} == {step.kind for step in steps}
    assert len({step.block for step in steps}) == 6


def test_the_same_seed_is_the_same_session() -> None:
    assert typed({"one.py": FILE}, 5)[1] == typed({"one.py": FILE}, 5)[1]
    assert typed({"one.py": FILE}, 5)[1] != typed({"one.py": FILE}, 6)[1]


def test_keys_come_at_the_pace_of_the_study() -> None:
    _, steps = typed({"one.py": FILE * 8})
    within_lines = [step.after for step in steps if step.kind == "key" and not step.key.startswith("\n")]
    assert sum(within_lines) / len(within_lines) == pytest.approx(60 / (52 * 5), rel=0.05)


@given(st.text(alphabet="ab \n\t", max_size=60))
def test_keys_are_the_whole_text(text: str) -> None:
    assert "".join(keys_of(text)) == text


def test_a_new_line_comes_with_its_indentation() -> None:
    assert keys_of("a:\n    b") == ["a", ":", "\n    ", "b"]


def words(number: int, start: int = 0) -> list[str]:
    return [f"w{n}" for n in range(start, start + number)]


@pytest.mark.parametrize(("tokens", "held"), [(1, 0), (16, 0), (17, 16), (33, 32), (40, 32)])
def test_whole_blocks_are_held_and_never_the_last_token(tokens: int, held: int) -> None:
    cache = PrefixCache()
    assert cache.read(chain_of(words(tokens))) == 0
    assert cache.read(chain_of(words(tokens))) == held


def test_a_block_is_known_only_behind_the_same_beginning() -> None:
    cache = PrefixCache()
    cache.read(chain_of(words(48)))
    assert cache.read(chain_of(["other", *words(47, 1)])) == 0
    assert cache.read(chain_of([*words(32), *words(16, 900)])) == 32


def test_the_least_recently_used_goes_and_of_a_prompt_its_end() -> None:
    cache = PrefixCache(blocks=4)
    first, second = chain_of(words(33)), chain_of(words(49, 500))
    cache.read(first)
    cache.read(second)
    assert cache.read(second) == 48
    assert cache.read(first) == BLOCK_TOKENS


def test_without_affinity_each_server_meets_a_prompt_for_itself() -> None:
    chains = [chain_of(words(321))] * 200
    assert cached_tokens(chains) == 199 * 320
    assert 184 * 320 <= cached_tokens(chains, servers=16) < 199 * 320
    assert cached_tokens(chains, tokens_held=160) == 199 * 160


def test_the_fake_model_says_what_comes_next_as_often_as_it_is_told() -> None:
    prompts = [{"prompt": f"<|fim_prefix|>line {n}\n<|fim_suffix|><|fim_middle|>"} for n in range(400)]
    mind = Mind(rest="return found\n", text="a line that is quite long\n")
    for share in (0.0, 0.5, 1.0):
        right = sum(answer(body, mind, share) == mind.rest for body in prompts) / len(prompts)
        assert right == pytest.approx(share, abs=0.08)


def test_to_a_review_it_says_the_line_as_it_is() -> None:
    prompt = "<|fim_prefix|>def f():\n    <|fim_suffix|>\n    y = 2\n<|fim_middle|>"
    text = "def f():\n    x = 1\n    y = 2\n"
    assert line_as_it_is(prompt, text) == "x = 1\n"
    assert line_as_it_is(prompt + "x = ", text) == "1\n"
    assert line_as_it_is(prompt, "another file\n") == "\n"


def test_the_table_counts_by_the_hour_of_writing() -> None:
    one = {
        "requests": 50,
        "prompt_tokens": 5000,
        "prompt_characters": 20_000,
        "cached_tokens": 4000,
        "generated_tokens": 500,
    }
    steps = {"key": 60, "delete": 2, "save": 1, "move": 1}
    report = {"hours": 0.1, "steps": steps, "late_s": 0.0, "kinds": {"completion": one}, "skips": {"shown": 5}}
    rows = table(report, SimpleNamespace(faster=4)).splitlines()  # type: ignore[arg-type]  # Nothing else is read of it.
    figures = [re.sub(r"[^\d]", "", row.split("|")[2]) for row in rows if row.startswith("| ") and "hour" not in row]
    assert figures == ["500", "400", "100", "80", "20", "10"]


async def test_a_minute_at_the_keyboard_through_the_real_language_server() -> None:
    options = {"files": [], "minutes": 1.0, "faster": 10, "right": 0.5, "token_ms": 1.0, "seed": 1, "url": None}
    report = await measure(argparse.Namespace(**options, prompts=None))
    counted = report["kinds"]["completion"]
    assert 0 < counted["requests"] <= report["steps"]["key"] + report["steps"]["delete"]
    assert 0 < counted["cached_tokens"] < counted["prompt_tokens"]
    assert report["share_by_servers"][1] * counted["prompt_tokens"] == pytest.approx(counted["cached_tokens"])
