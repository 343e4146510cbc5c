"""How long prompts may be on an engine whose speed was seen."""

from __future__ import annotations

import random

import pytest

from codeassist.flow.speed import FAST, LADDER, SLOW, Cost, Speed


def seen(speed: Speed, fixed_ms: float, token_ms: float, count: int = 40, noise: float = 0.0) -> Speed:
    chance = random.Random(1)
    for number in range(count):
        read = 40 + 37 * (number % 8)
        factor = 1 + noise * chance.uniform(-1, 1)
        speed.note(read, (fixed_ms + read * token_ms) * factor, 12, 11 * 20.0)
    return speed


def test_before_anything_was_measured_it_is_what_was_given() -> None:
    assert Speed(SLOW).cost(2500) == SLOW
    assert Speed(FAST).read_ms is None


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_both_parts_are_told_apart(noise: float) -> None:
    speed = seen(Speed(FAST), 30.0, 5.0, noise=noise)
    assert speed.read_ms == pytest.approx(5.0, rel=0.25)
    assert speed.decode_ms == pytest.approx(20.0)


def test_two_cores_get_short_prompts_and_a_gpu_thousands_of_tokens() -> None:
    assert seen(Speed(SLOW), 20.0, 6.6).cost(2500).prompt_tokens == 768
    gpu = seen(Speed(FAST), 31.0, 0.04).cost(2500)
    assert gpu == Cost(LADDER[-1], 256)


def test_a_tight_target_makes_prompts_shorter() -> None:
    def wanted(target_ms: float) -> Cost:
        return seen(Speed(SLOW), 20.0, 6.6).cost(target_ms)

    assert wanted(300).prompt_tokens < wanted(2500).prompt_tokens
    assert wanted(300).suffix_tokens <= wanted(2500).suffix_tokens


def test_noise_does_not_change_the_length_from_key_to_key() -> None:
    """Each change would be a prompt of which nothing is cached."""
    speed = seen(Speed(SLOW), 20.0, 6.6)
    chance = random.Random(2)
    lengths = []
    for number in range(200):
        speed.note(60 + number % 90, (20 + 6.6 * (60 + number % 90)) * chance.uniform(0.85, 1.15), 10, 180.0)
        lengths.append(speed.cost(2500).prompt_tokens)
    assert len(set(lengths)) == 1


def test_an_engine_that_becomes_slower_gets_less_within_some_answers() -> None:
    speed = seen(Speed(FAST), 30.0, 0.5)
    assert speed.cost(2500).prompt_tokens == 4096
    assert seen(speed, 30.0, 8.0, count=60).cost(2500).prompt_tokens < 1024


@pytest.mark.parametrize("token_ms", [0.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
def test_after_a_busy_moment_prompts_are_as_long_as_before_or_a_step_shorter(token_ms: float) -> None:
    fresh = seen(Speed(SLOW), 20.0, token_ms, count=200).cost(2500).prompt_tokens
    speed = seen(Speed(SLOW), 20.0, token_ms, count=200)
    seen(speed, 20.0, 30.0, count=100)
    assert speed.cost(2500).prompt_tokens == LADDER[0]
    after = seen(speed, 20.0, token_ms, count=300).cost(2500).prompt_tokens
    assert LADDER.index(fresh) - LADDER.index(after) <= 1


def test_what_is_within_reach_is_taken_though_the_next_step_is_not_clearly() -> None:
    assert seen(Speed(Cost(512, 48)), 0.0, 5.0, count=8).cost(2500).prompt_tokens == 768


def test_what_cannot_be_is_not_counted() -> None:
    speed = Speed(SLOW)
    for _ in range(50):
        speed.note(0, 10.0, 5, 10.0)
        speed.note(10, 0.0, 5, 10.0)
    assert speed.read_ms is None


def test_prompts_that_are_all_alike_are_put_down_to_their_tokens() -> None:
    speed = Speed(SLOW)
    for _ in range(10):
        speed.note(100, 500.0, 1, 0.0)
    assert speed.read_ms == pytest.approx(5.0)
    assert speed.decode_ms is None


def test_the_estimate_follows_what_the_engine_counts() -> None:
    speed = Speed(FAST)
    speed.count(1_150, 1_000)
    assert speed.scale == 1.0  # One prompt may be anything.
    for _ in range(20):
        speed.count(1_150, 1_000)
    assert speed.scale == pytest.approx(1.15 * 0.97)
    for _ in range(100):
        speed.count(800, 1_000)
    assert speed.scale == pytest.approx(0.8 * 0.97, rel=0.05)


def test_the_scale_stays_while_prompts_differ_a_little() -> None:
    speed, chance = Speed(FAST), random.Random(4)
    seen_scales = set()
    for _ in range(300):
        speed.count(int(1_000 * chance.uniform(1.08, 1.18)), 1_000)
        seen_scales.add(speed.scale)
    assert len(seen_scales) <= 2  # 1 and what was found.


@pytest.mark.parametrize(("estimated", "tokens"), [(1_000, 0), (0, 10), (10, 1_000), (100_000, 1), (1_000, -3)])
def test_a_count_that_makes_no_sense_does_no_harm(estimated: int, tokens: int) -> None:
    speed = Speed(FAST)
    for _ in range(10):
        speed.count(estimated, tokens)
    assert 0.5 <= speed.scale <= 1.5
