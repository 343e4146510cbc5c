"""How many developers a GPU serves: the arithmetic of docs/scaling.md, with its parameters.

    python benchmarks/engine/capacity.py [--fixed-ms 30.8 --token-us 38.6] [--target-ms 500] [--developers 10,1000] ...

`DEMAND` is what benchmarks/engine/developer_hour.py counted. The engine is described by what a step costs: `--fixed-ms`
whatever is in it, `--token-us` for each token more. Both follow from two times to first token of the same server, for a
short and a longer prompt that it has not seen: benchmarks/engine/latency.py measures them (`--first-tokens` computes).
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NoReturn


@dataclass(frozen=True, slots=True)
class Demand:
    """Of one developer in an hour of writing: requests of both kinds; tokens and bytes of a request are means.

    `cached_share`: of prompt tokens. `held_tokens`: what a cache must hold for one developer to reach that share.
    `spread_shares`: the share where each request goes to any of that many servers.
    """

    requests: float
    prompt_tokens: float
    cached_share: float
    written_tokens: float
    held_tokens: int
    bytes_up: float
    bytes_down: float
    spread_shares: tuple[tuple[int, float], ...] = ()

    @property
    def read_tokens(self) -> float:
        """Tokens of a prompt that the engine computes."""
        return self.prompt_tokens * (1 - self.cached_share)


@dataclass(frozen=True, slots=True)
class Engine:
    """One replica. `fixed_ms`: what any step costs in which somebody's prompt is read, for the weights of nearly all
    experts are then read from memory. `token_us`: what each token in it adds. `cache_gib`: what the weights leave.
    """

    name: str
    gpus: int
    fixed_ms: float
    token_us: float
    cache_gib: float
    cache_bytes_per_token: int


@dataclass(frozen=True, slots=True)
class Habits:
    """Assumptions about people. `writing`: the share of a working hour in which somebody writes code. `peak`: the
    busiest minutes of the day over the mean. `target_ms`: how long a completion may take in them, queue included."""

    writing: float = 0.25
    peak: float = 2.0
    target_ms: float = 500.0


@dataclass(frozen=True, slots=True)
class Capacity:
    """Of one replica. `step_ms`: how long a step may take; `rate`: requests a second that make it so long; `seats`:
    requests in it at once; `by_time` and `by_cache`: developers, by what the GPU computes and by what it remembers."""

    step_ms: float
    rate: float
    seats: float
    by_time: float
    by_cache: float

    @property
    def developers(self) -> int:
        return max(0, math.floor(min(self.by_time, self.by_cache)))


# Counted by `developer_hour.py --minutes 15 --faster 2`: 10,892 completions and 328 requests of reviews in an hour, put
# together. Bytes: prompts as JSON had 5,376 on the mean; the rest of the request, and 300 for each token of an answer,
# are estimates. See docs/scaling.md.
DEMAND = Demand(
    requests=11_220,
    prompt_tokens=1263,
    cached_share=0.922,
    written_tokens=10.1,
    held_tokens=2048,
    bytes_up=6000,
    bytes_down=3300,
    spread_shares=((2, 0.92), (4, 0.91), (8, 0.89), (16, 0.87)),
)

# Times to first token for 128 and 1,024 tokens, 35.7 and 70.3 ms, from a public benchmark; see docs/scaling.md.
# Cache: 0.9 * 80 GiB, less 2 GiB of overhead and 56.9 GiB of weights.
A100 = Engine(
    name="Qwen3-30B-A3B, BF16, one A100 of 80 GB",
    gpus=1,
    fixed_ms=30.8,
    token_us=38.6,
    cache_gib=13.1,
    cache_bytes_per_token=98_304,
)


def step_cost(short: tuple[int, float], longer: tuple[int, float]) -> tuple[float, float]:
    """`fixed_ms` and `token_us` from two prompts that were not cached: (tokens, milliseconds to the first token)."""
    token_ms = (longer[1] - short[1]) / (longer[0] - short[0])
    return short[1] - short[0] * token_ms, token_ms * 1000


def developers_per_gpu(engine: Engine, demand: Demand = DEMAND, habits: Habits | None = None) -> Capacity:
    """What one replica serves; with more than one GPU in it, divide by `engine.gpus` for one GPU.

    A completion waits half a step for the one that runs, and is done after as many steps as it has tokens, the first of
    which reads its prompt: that gives the longest step. A step takes `fixed + token * (rate * step * tokens of a
    request)`, since whatever arrives during one step is read in the next: that gives the rate. Raises ValueError where
    even an idle engine is slower than the target.
    """
    habits = habits or Habits()
    step_ms = habits.target_ms / (demand.written_tokens + 0.5)
    if step_ms <= engine.fixed_ms:
        raise ValueError(
            f"{engine.name} takes {engine.fixed_ms * (demand.written_tokens + 0.5):.0f} ms for a completion with "
            "nobody else there; take a longer target, a smaller quantisation or a faster GPU"
        )
    tokens = demand.read_tokens + demand.written_tokens
    rate = (1 - engine.fixed_ms / step_ms) / (engine.token_us / 1e6 * tokens)
    busy = habits.writing * habits.peak
    by_time = rate * 3600 / (demand.requests * busy)
    held = engine.cache_gib * 2**30 / engine.cache_bytes_per_token / demand.held_tokens
    return Capacity(step_ms, rate, rate * habits.target_ms / 1000, by_time, held / busy)


def replicas(developers: int, capacity: Capacity) -> int:
    """Whole replicas for so many developers. Raises ValueError if one serves nobody."""
    if not capacity.developers:
        raise ValueError("this engine serves not even one developer; give it more cache, or take a faster GPU")
    return math.ceil(developers / capacity.developers)


def without_affinity(developers: int, engine: Engine, demand: Demand = DEMAND, habits: Habits | None = None) -> int:
    """Replicas where each request goes to any of them. Each then meets all developers, and where its cache is too small
    for the prompts of all who write, finds only that part of them that was there last."""
    habits = habits or Habits()
    held = engine.cache_gib * 2**30 / engine.cache_bytes_per_token / demand.held_tokens
    kept = min(1.0, held / (developers * habits.writing * habits.peak))
    # The share depends on the number of replicas, and that on the share; beyond the last counted one it stays.
    needed = 0
    for servers, share in ((1, demand.cached_share), *demand.spread_shares):
        spread = replace(demand, cached_share=share * kept)
        needed = replicas(developers, by_time_only(engine, spread, habits))
        if needed <= servers:
            break
    return needed


def by_time_only(engine: Engine, demand: Demand, habits: Habits) -> Capacity:
    """As `developers_per_gpu`, for a cache that is of no importance."""
    found = developers_per_gpu(engine, demand, habits)
    return replace(found, by_cache=math.inf)


def steps_table(engine: Engine, demand: Demand, habits: Habits) -> list[str]:
    """The arithmetic, a line each."""
    capacity = developers_per_gpu(engine, demand, habits)
    busy = habits.writing * habits.peak
    cache_tokens = engine.cache_gib * 2**30 / engine.cache_bytes_per_token
    tokens = demand.read_tokens + demand.written_tokens
    rows = [
        (
            "tokens read for a request",
            f"{demand.prompt_tokens:,.0f} * (1 - {demand.cached_share})",
            f"{demand.read_tokens:,.0f}",
        ),
        ("tokens computed for a request", f"{demand.read_tokens:,.0f} + {demand.written_tokens}", f"{tokens:,.0f}"),
        (
            "requests a second of one developer, busiest minutes",
            f"{demand.requests:,.0f} * {habits.writing} * {habits.peak:.0f} / 3,600",
            f"{demand.requests * busy / 3600:.2f}",
        ),
        (
            "longest step",
            f"{habits.target_ms:.0f} ms / ({demand.written_tokens} + 0.5)",
            f"{capacity.step_ms:.1f} ms",
        ),
        (
            "requests a second that make it so long",
            f"(1 - {engine.fixed_ms} / {capacity.step_ms:.1f}) / ({engine.token_us} us * {tokens:,.0f})",
            f"{capacity.rate:.0f}",
        ),
        (
            "prompt tokens read and tokens written a second",
            f"{capacity.rate:.0f} * {demand.read_tokens:,.0f}, {capacity.rate:.0f} * {demand.written_tokens}",
            f"{capacity.rate * demand.read_tokens:,.0f}, {capacity.rate * demand.written_tokens:,.0f}",
        ),
        ("seats taken then", f"{capacity.rate:.0f} * {habits.target_ms / 1000:.1f} s", f"{capacity.seats:.0f}"),
        (
            "developers by time",
            f"{capacity.rate:.0f} / {demand.requests * busy / 3600:.2f}",
            f"{math.floor(capacity.by_time)}",
        ),
        (
            "cache for one developer",
            f"{demand.held_tokens:,} * {engine.cache_bytes_per_token:,} bytes",
            f"{demand.held_tokens * engine.cache_bytes_per_token / 2**20:,.0f} MiB",
        ),
        (
            "tokens in the whole cache",
            f"{engine.cache_gib} GiB / {engine.cache_bytes_per_token:,} bytes",
            f"{cache_tokens:,.0f}",
        ),
        (
            "developers by cache",
            f"{cache_tokens:,.0f} / {demand.held_tokens:,} / ({habits.writing} * {habits.peak:.0f})",
            f"{math.floor(capacity.by_cache)}",
        ),
        ("**developers on this replica**", "the smaller of both", f"**{capacity.developers}**"),
    ]
    return ["| | arithmetic | |", "|---|---|---|", *(f"| {a} | {b} | {c} |" for a, b, c in rows)]


def sizes_table(engine: Engine, demand: Demand, habits: Habits, sizes: Sequence[int]) -> list[str]:
    """Replicas and traffic for each number of developers."""
    capacity = developers_per_gpu(engine, demand, habits)
    rows = ["| developers | replicas | without affinity | requests a second | to the servers | from them |"]
    rows.append("|---|---|---|---|---|---|")
    for size in sizes:
        rate = size * demand.requests * habits.writing * habits.peak / 3600
        up, down = (f"{rate * each * 8 / 1e6:,.1f} Mbit/s" for each in (demand.bytes_up, demand.bytes_down))
        spread = without_affinity(size, engine, demand, habits)
        rows.append(f"| {size:,} | {replicas(size, capacity):,} | {spread:,} | {rate:,.0f} | {up} | {down} |")
    return rows


class Parser(argparse.ArgumentParser):
    """Says what is wrong with an option in one sentence."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}.\n")


def main() -> int:
    options = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--fixed-ms", type=positive, default=A100.fixed_ms)
    options.add_argument("--token-us", type=positive, default=A100.token_us)
    options.add_argument(
        "--first-tokens",
        type=first_tokens,
        metavar="TOKENS:MS,TOKENS:MS",
        help="two times to first token, in place of the two above",
    )
    options.add_argument("--cache-gib", type=positive, default=A100.cache_gib)
    options.add_argument("--cache-bytes-per-token", type=positive, default=A100.cache_bytes_per_token)
    options.add_argument(
        "--requests", type=positive, default=DEMAND.requests, help="of one developer, in an hour of writing"
    )
    options.add_argument("--cached-share", type=share, default=DEMAND.cached_share)
    options.add_argument("--written-tokens", type=positive, default=DEMAND.written_tokens)
    options.add_argument("--writing", type=share, default=Habits().writing, help="share of an hour spent writing")
    options.add_argument("--peak", type=positive, default=Habits().peak)
    options.add_argument("--target-ms", type=positive, default=Habits().target_ms)
    options.add_argument("--developers", type=numbers, default="10,1000,100000")
    given = options.parse_args()
    fixed_ms, token_us = given.first_tokens or (given.fixed_ms, given.token_us)
    engine = Engine("this engine", 1, fixed_ms, token_us, given.cache_gib, math.ceil(given.cache_bytes_per_token))
    demand = replace(
        DEMAND, requests=given.requests, cached_share=given.cached_share, written_tokens=given.written_tokens
    )
    habits = Habits(given.writing, given.peak, given.target_ms)
    try:
        lines = [*steps_table(engine, demand, habits), "", *sizes_table(engine, demand, habits, given.developers)]
    except ValueError as error:
        print(f"{error}.", file=sys.stderr)
        return 1
    print("\n".join(lines))
    return 0


def positive(word: str) -> float:
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{word!r} is no number above 0")
    return number


def share(word: str) -> float:
    number = positive(word)
    if number > 1:
        raise argparse.ArgumentTypeError(f"{word!r} is no share; write one above 0 and up to 1, such as 0.25")
    return number


def numbers(words: str) -> list[int]:
    """ "10,1000" -> [10, 1000]."""
    if not all(word.isdecimal() and int(word) for word in words.split(",")):
        raise argparse.ArgumentTypeError(f"{words!r} is no list of numbers of developers; write 10,1000")
    return [int(word) for word in words.split(",")]


def first_tokens(words: str) -> tuple[float, float]:
    """ "128:35.7,1024:70.3" -> what `step_cost` makes of it."""
    pairs = [pair.partition(":") for pair in words.split(",")]
    if len(pairs) != 2 or not all(colon and tokens.isdecimal() for tokens, colon, _ in pairs):
        raise argparse.ArgumentTypeError(f"{words!r} is no pair of times; write TOKENS:MS,TOKENS:MS, the shorter first")
    short, longer = ((int(tokens), positive(ms)) for tokens, _, ms in pairs)
    if short[0] >= longer[0] or short[1] >= longer[1]:
        raise argparse.ArgumentTypeError(f"{words!r}: the second prompt must be longer than the first and take longer")
    fixed_ms, token_us = step_cost(short, longer)
    if fixed_ms <= 0:
        raise argparse.ArgumentTypeError(
            f"{words!r} leaves no time for the weights, so one of the two is wrong or came from the cache; measure "
            "both on an idle server, with prompts that it has not seen"
        )
    return fixed_ms, token_us


if __name__ == "__main__":
    sys.exit(main())
