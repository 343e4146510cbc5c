"""Every lever of a plan: a flag or variable of vLLM that we set, why, what it costs, and how it is computed.

`codeassist serve --lever NAME=VALUE` sets one by hand, `--without NAME` leaves it to vLLM's own default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from codeassist.serving.catalogue import Entry
from codeassist.serving.vllm import allowed
from codeassist.serving.vllm.allowed import Allowed, Value
from codeassist.serving.vllm.fit import GPU_SHARE, Fit
from codeassist.serving.vllm.hardware import Hardware
from codeassist.serving.vllm.seats import COMPLETION_SEATS, LEAST_SEATS, MOST_SEATS, REVIEW_SEATS, SMALL_TEAM

COMPLETION_PROMPT_TOKENS = 2_048
"""Longest prompt of a completion by default (`completion.prompt_tokens`)."""
KEYSTROKE_TOKENS = 512
"""What a completion reads of its prompt one key after another: the rest is cached. Measured: 100 to 200."""
QUEUE_PER_SEAT = 4
RETENTION_TOKENS = 256
"""A multiple of every block size of vLLM's attention kernels (16 to 256). After an edit, once to twice this is read."""
CAPTURE_TOKENS = 256
BODY_BYTES = 4 << 20
LEAST_CONTEXT_TOKENS, MOST_CONTEXT_TOKENS = 1_024, 10_000_000
CACHE_TYPES = (
    "auto", "bfloat16", "float16", "fp8", "fp8_ds_mla", "fp8_e4m3", "fp8_e5m2", "fp8_inc", "fp8_per_token_head",
    "int4_per_token_head", "int8_per_token_head", "nvfp4", "nvfp4_4over6", "nvfp4_ds_mla", "turboquant_3bit_nc",
    "turboquant_4bit_nc", "turboquant_k3v4_nc", "turboquant_k8v4", "ultraquant_4bit",
)  # fmt: skip
"""Those of vLLM 0.32."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What a lever's value is computed from. `served_name` is what clients ask for; `seats` is --max-num-seqs."""

    entry: Entry
    hardware: Hardware
    fit: Fit
    served_name: str
    seats: int
    speculation: str
    """JSON of --speculative-config, "" for none."""
    step_tokens: int
    """The largest step: prompts up to this length are read in one."""

    @property
    def on_gpu(self) -> bool:
        return self.fit.gpus_per_node > 0


@dataclass(frozen=True, slots=True)
class Lever:
    """`flag` without dashes, or "" where `variable` names an environment variable instead.

    `allowed`: what it may be set to, by the user and by a model's entry. `front`: read by the HTTP server only, so that
    further nodes have no use for it. `since` as in plan.Argument.
    """

    name: str
    flag: str
    default: str
    reason: str
    cost: str
    value: Callable[[Situation], Value]
    allowed: Allowed
    variable: str = ""
    front: bool = False
    since: str = ""


def usual_step_tokens(hardware: Hardware, seats: int) -> int:
    """Whoever comes during a step waits for its end, so it is no larger than it need be: a completion's whole prompt
    and what reviews read beside it; on a processor, where that takes many seconds, a keystroke's part of it."""
    gpu = hardware.least_gpu
    if gpu is None:
        return 512
    if gpu.memory_gib < 40:
        return COMPLETION_PROMPT_TOKENS
    return (2 if seats <= 2 * LEAST_SEATS else 4) * COMPLETION_PROMPT_TOKENS


def _retention(now: Situation) -> Value:
    """Not where the entry sets the block size: its blocks may be of any size, and vLLM wants a multiple of them."""
    architecture, serving = now.entry.architecture, now.entry.serving
    windows = architecture is not None and architecture.attention == "sliding-window"
    return None if not windows or (serving and "block-size" in serving.flags) else str(RETENTION_TOKENS)


def _long_prefill(now: Situation) -> Value:
    """vLLM gives the tokens of a step to running requests first. Were the prompts of all other seats being read, they
    would still leave room for a keystroke's. On a processor such shares would be too small to be worth a step, and
    hybrids read in blocks that may be larger than a share: vLLM would leave such a prompt waiting."""
    architecture = now.entry.architecture
    if not now.on_gpu or (architecture is not None and architecture.attention == "linear-hybrid"):
        return None
    share = (now.step_tokens - KEYSTROKE_TOKENS) // max(1, now.seats - 1) // 128 * 128
    return str(min(now.fit.context_tokens, max(256, min(share, now.step_tokens // 2))))


def _cpu_cache(now: Situation) -> Value:
    return None if now.on_gpu else str(int(now.fit.cache_gib * 1024**3))


def _queue(now: Situation) -> Value:
    return str(now.seats * now.fit.data_parallel * (1 + QUEUE_PER_SEAT))


def _gpu(value: Value) -> Callable[[Situation], Value]:
    return lambda now: value if now.on_gpu else None


def _cpu(value: Value) -> Callable[[Situation], Value]:
    return lambda now: None if now.on_gpu else value


def _always(value: Value) -> Callable[[Situation], Value]:
    return lambda _: value


LEVERS: tuple[Lever, ...] = (
    Lever(
        "served-name",
        "served-model-name",
        "the catalogue's name",
        "clients ask for this name, whichever form of the weights runs",
        "none",
        lambda now: now.served_name,
        allowed.name(),
        front=True,
    ),
    Lever(
        "context",
        "max-model-len",
        "32768, 16384 or 8192: the longest that fits; on a processor 8192 or 4096",
        "prompt and answer together; what is not given to long contexts is cache for short ones",
        "longer requests are refused",
        lambda now: str(now.fit.context_tokens),
        allowed.whole(LEAST_CONTEXT_TOKENS, MOST_CONTEXT_TOKENS, "tokens"),
    ),
    Lever(
        "seats",
        "max-num-seqs",
        f"{COMPLETION_SEATS + REVIEW_SEATS} for each developer active at once (all of up to {SMALL_TEAM}, then a "
        f"quarter), from {LEAST_SEATS} to {MOST_SEATS}, and no more than the cache has room for",
        "a completion and a review of each active developer run at once; more would slow every token of all",
        "what comes on top waits, completions first",
        lambda now: str(now.seats),
        allowed.whole(1, 1_024),
    ),
    Lever(
        "step-tokens",
        "max-num-batched-tokens",
        f"{2 * COMPLETION_PROMPT_TOKENS}, above {2 * LEAST_SEATS} seats twice that; below 40 GiB a GPU "
        f"{COMPLETION_PROMPT_TOKENS}; on a processor 512",
        "a completion's prompt is read in one step where it can be; who comes during a step waits for its end",
        "long prompts of reviews take several steps",
        lambda now: str(now.step_tokens),
        allowed.whole(256, 131_072, "tokens, not fewer than seats"),
    ),
    Lever(
        "long-prefill",
        "long-prefill-token-threshold",
        f"(step-tokens - {KEYSTROKE_TOKENS}) / (seats - 1), from 256 to half a step; unset on a processor and for "
        "linear hybrids",
        "prompts of other seats leave room for a keystroke in the same step; alone none is cut",
        "a long prompt beside other requests takes more steps",
        _long_prefill,
        allowed.whole(128, 131_072, "tokens, not more than context"),
    ),
    Lever(
        "priority",
        "scheduling-policy",
        "priority",
        "waiting completions go before waiting reviews",
        "none; without it vLLM ignores the priority of requests",
        _always("priority"),
        allowed.choice("priority", "fcfs"),
    ),
    Lever(
        "prefix-caching",
        "enable-prefix-caching",
        "on",
        "what two prompts have in common is read once; the first cause of quick answers",
        "none worth naming: full blocks stay in memory that is free",
        _always(True),
        allowed.switch(),
    ),
    Lever(
        "retention",
        "prefix-cache-retention-interval",
        f"{RETENTION_TOKENS} for models with sliding windows, else unset (vLLM refuses it for other models)",
        "keeps states inside a prompt too, so that an edit in its middle does not read all of it anew",
        "cache for one window every that many tokens",
        _retention,
        allowed.whole(16, 1_048_576, "tokens"),
    ),
    Lever(
        "prefix-hash",
        "prefix-caching-hash-algo",
        "sha256",
        "a hash that cannot be forged: nobody is answered from the cache of another prompt",
        "microseconds for each block",
        _always("sha256"),
        allowed.choice("sha256", "sha256_cbor", "xxhash", "xxhash_cbor"),
    ),
    Lever(
        "interactivity",
        "performance-mode",
        "interactivity on GPUs",
        "a graph for each batch size up to 32, so that few requests are not padded to more",
        "some seconds more at the first start",
        _gpu("interactivity"),
        allowed.choice("interactivity", "balanced", "throughput"),
    ),
    Lever(
        "capture-size",
        "max-cudagraph-capture-size",
        f"{CAPTURE_TOKENS} on GPUs",
        "covers the few new tokens of a prompt that is cached but for its end; vLLM's own limit is twice the seats",
        "a longer first start, and memory for the graphs",
        _gpu(str(CAPTURE_TOKENS)),
        allowed.whole(1, 8_192),
    ),
    Lever(
        "gpu-memory",
        "gpu-memory-utilization",
        f"{GPU_SHARE} on GPUs",
        "the share of each GPU for weights and cache, the one that the plan was computed with",
        "less cache than vLLM's own 0.92, and room for the captured graphs",
        lambda now: f"{now.fit.gpu_share:g}" if now.on_gpu else None,
        allowed.share(0.05, 1.0),
    ),
    Lever(
        "cache-type",
        "kv-cache-dtype",
        "unset (as the model), unless the catalogue's entry sets it",
        "fp8 halves the cache's size",
        "slightly different answers",
        _always(None),
        allowed.choice(*CACHE_TYPES),
    ),
    Lever(
        "speculation",
        "speculative-config",
        "unset; --speculate ngram, suffix or catalogue",
        "several tokens a step where they can be guessed: rewrites gain, short completions hardly",
        "more experts are read for each step, so measure; ngram and suffix may turn asynchronous scheduling off",
        lambda now: now.speculation or None,
        allowed.json_object(),
    ),
    Lever(
        "generation-config",
        "generation-config",
        "vllm",
        "no sampling rules of the model's files, such as a repetition penalty, which spoils code",
        "clients must say how they sample; ours do",
        _always("vllm"),
        allowed.path("vllm", "auto"),
    ),
    Lever(
        "cached-tokens",
        "enable-prompt-tokens-details",
        "on",
        "answers say how much of the prompt was cached, which the status line shows",
        "none",
        _always(True),
        allowed.switch(),
        front=True,
    ),
    Lever(
        "language-model-only",
        "language-model-only",
        "unset, unless the catalogue's entry sets it for a model that also reads images",
        "no image or video decoder is loaded or reachable",
        "images are refused",
        _always(None),
        allowed.switch(),
    ),
    Lever(
        "dtype",
        "dtype",
        "bfloat16 on a processor",
        "the one type that every kernel for experts on processors has",
        "none",
        _cpu("bfloat16"),
        allowed.choice("auto", "bfloat16", "float16", "half", "float32", "float"),
    ),
    Lever(
        "eager",
        "enforce-eager",
        "on a processor only",
        "no compilation: starts in half the time, with the size of the cache given",
        "tokens may be a little slower",
        _cpu(True),
        allowed.switch(),
    ),
    Lever(
        "cpu-cache",
        "kv-cache-memory-bytes",
        "on a processor: 4096 tokens for each seat, at most 8 GiB",
        "else vLLM takes 92 % of all memory, and does not start where that is not free",
        "that much memory",
        _cpu_cache,
        allowed.whole(64 << 20, 16 << 40, "bytes"),
    ),
    Lever(
        "queued-requests",
        "max-num-queued-reqs",
        f"{1 + QUEUE_PER_SEAT} times the seats, running ones included",
        "a queue that nobody would wait for is refused with status 503, and clients back off",
        "refusals when all are busy",
        _queue,
        allowed.whole(1, 1_000_000),
        front=True,
    ),
    Lever(
        "queued-tokens",
        "max-num-queued-tokens",
        "unset; the seconds that you accept times the prompt tokens a second that benchmarks/engine shows",
        "refuses what would wait longer than you accept",
        "refusals; cached prompts are counted in full",
        _always(None),
        allowed.whole(1_024, 10_000_000_000, "tokens"),
        front=True,
    ),
    Lever(
        "docs-pages",
        "disable-fastapi-docs",
        "on",
        "no pages that describe the interface, which the key does not guard",
        "none",
        _always(True),
        allowed.switch(),
        front=True,
    ),
    Lever(
        "access-log",
        "disable-uvicorn-access-log",
        "on",
        "no line in the log for every few keystrokes",
        "requests cannot be counted from the log; /metrics counts them",
        _always(True),
        allowed.switch(),
        front=True,
    ),
    Lever(
        "body-limit",
        "",
        f"{BODY_BYTES} bytes",
        "a request is code, not megabytes; vLLM's own limit is 32 MiB",
        "larger requests are refused",
        _always(str(BODY_BYTES)),
        allowed.whole(64 << 10, 1 << 30, "bytes"),
        variable="VLLM_HTTP_MAX_REQUEST_BODY_SIZE",
        front=True,
        since="0.33",
    ),
    Lever(
        "no-usage-report",
        "",
        "1",
        "vLLM reports hardware and model to its makers unless told not to; nothing leaves your machines",
        "none",
        _always("1"),
        allowed.choice("1", "0"),
        variable="VLLM_NO_USAGE_STATS",
    ),
    Lever(
        "do-not-track",
        "",
        "1",
        "the same for the libraries that vLLM uses",
        "none",
        _always("1"),
        allowed.choice("1", "0"),
        variable="DO_NOT_TRACK",
    ),
    Lever(
        "offline",
        "",
        "unset; 1 keeps vLLM from asking the model hub at all",
        "for machines without a way out, once the weights are there",
        "weights that are missing are not fetched",
        _always(None),
        allowed.choice("1", "0"),
        variable="HF_HUB_OFFLINE",
    ),
    Lever(
        "compile-cache",
        "",
        "unset: ~/.cache/vllm, which stays; containers get a volume",
        "compiled kernels are kept, so that the second start is much shorter than the first",
        "some gigabytes of disk",
        _always(None),
        allowed.path(),
        variable="VLLM_CACHE_ROOT",
    ),
)

BY_NAME: Mapping[str, Lever] = {lever.name: lever for lever in LEVERS}

SPECULATIONS: Mapping[str, str] = {
    "off": "",
    "ngram": '{"method":"ngram","num_speculative_tokens":4,"prompt_lookup_min":2,"prompt_lookup_max":4}',
    "suffix": '{"method":"suffix"}',
}
"""JSON of --speculative-config by the word for --speculate; `catalogue` takes the entry's own."""
