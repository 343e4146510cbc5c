"""What vLLM is doing while it starts, told from the lines of its own log. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

_PHASES: Sequence[tuple[str, str]] = (
    # This line lists the whole configuration, which has the words of most others.
    (r"Initializing a V1 LLM engine", "starting the engine"),
    # Progress bars first: they name the step and how far it is. vLLM 0.32: model_loader/weight_utils.py.
    (
        r"Loading \S*\s*(?:checkpoint shards|using Runai|using InstantTensor)[^:]*:.*?(\d+)/(\d+) \[",
        "loading weights, {}/{} shards",
    ),
    (r"Multi-thread loading (?:pt checkpoint )?shards:.*?(\d+)/(\d+) \[", "loading weights, {}/{} shards"),
    (r"Capturing CUDA graphs.*?(\d+)/(\d+) \[", "capturing graphs, {}/{}"),
    (r"(?:Fetching|Downloading) .*?(\d+)%\|", "downloading the model, {} %"),
    (r"\.safetensors: +(\d+)%\|", "downloading the model, {} %"),
    (r"Time spent downloading weights", "loading weights"),
    (r"Starting to load model|Loading model from scratch", "loading weights"),
    (r"Loading drafter model", "loading the draft model"),
    (r"Model loading took|Loading weights took", "weights are loaded, measuring memory"),
    (r"Warming up model for the compilation", "compiling"),
    (r"Dynamo bytecode transform time|Compiling a graph|Using cache directory.*torch\.compile", "compiling"),
    (r"[Aa]utotun", "tuning kernels"),
    (r"torch\.compile (?:takes|took)|Warming up done", "measuring memory"),
    (r"KV cache size:|Available KV cache memory", "preparing the cache"),
    (r"Profiling CUDA graph memory|Graph capturing finished", "capturing graphs"),
    (r"Waiting for \d+ local, ([1-9]\d*) remote core engine", "waiting for the other nodes"),
    (r"world_size=(?:[2-9]|\d\d+) rank=\d+ local_rank=", "joining the nodes and devices"),
    (r"Resolved architecture", "reading the model's description"),
    (r"Starting vLLM server on|Started server process", "opening the server"),
)
_COMPILED = tuple((re.compile(pattern), text) for pattern, text in _PHASES)

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_PROCESS = re.compile(r"^\(\w+[^()]*?pid=\d+\)\s*")
_STAMP = re.compile(r"^(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL) \d\d-\d\d \d\d:\d\d:\d\d \[[^\]]*\] ?")


def phase_of(line: str) -> str | None:
    """The step that a line of the log announces, such as "loading weights, 3/8 shards"; None if it says nothing."""
    for pattern, text in _COMPILED:
        if found := pattern.search(line):
            return text.format(*found.groups())
    return None


def tells_failure(line: str) -> bool:
    """Whether a line may say why vLLM failed: errors and what no logger wrote, such as tracebacks.

    Notices repeat settings and warnings name what was mended, in the words of real failures.
    """
    stamp = _STAMP.match(_unmarked(line))
    return stamp is None or stamp["level"] in ("ERROR", "CRITICAL")


def bare(line: str) -> str:
    """A line of vLLM's log without colours, the process it came from, and time and place."""
    return _STAMP.sub("", _unmarked(line)).strip()


def _unmarked(line: str) -> str:
    return _PROCESS.sub("", _COLOURS.sub("", line))
