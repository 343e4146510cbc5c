"""Why vLLM ended: from the end of its log to one sentence with the cause and the next step. Pure.

The messages are those of vLLM 0.32 and of what it stands on (PyTorch, transformers, the hub's client); where a message
has changed between versions, both are known. An unknown one is passed on in vLLM's own words.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from codeassist.serving.vllm.running.phases import bare, tells_failure

MAX_SENTENCE = 400


@dataclass(frozen=True, slots=True)
class Trouble:
    """`kind`: a word for tests and records. `sentence`: for the user. `passes`: may be gone at the next attempt,
    so that a server that has never been ready is worth starting again."""

    kind: str
    sentence: str
    passes: bool = False


@dataclass(frozen=True, slots=True)
class _Rule:
    kind: str
    pattern: re.Pattern[str]
    sentence: str | Callable[[re.Match[str]], str]
    passes: bool = False


def explain(lines: Sequence[str], status: int | None) -> Trouble:
    """The trouble of a vLLM that wrote `lines` last and ended with `status` (negative: the number of a signal)."""
    text = "\n".join(bare(line) for line in lines if tells_failure(line))
    for rule in _RULES:
        if found := rule.pattern.search(text):
            sentence = rule.sentence if isinstance(rule.sentence, str) else rule.sentence(found)
            return Trouble(rule.kind, sentence, rule.passes)
    if status == -signal.SIGKILL:
        return Trouble(
            "killed",
            "vLLM was killed from outside, most likely by the system because memory ran out: choose a smaller "
            "quantisation or --max-model-len, or end other programs (the system's own log, dmesg, says which).",
        )
    if said := _last_error(text):
        return Trouble("unknown", f"vLLM ended with an error that codeassist does not know: {said}")
    if status is not None and status < 0:
        return Trouble("signal", f"vLLM was ended by {_signal_name(-status)} and said nothing about it.")
    return Trouble(
        "silent",
        f"vLLM ended with status {status} and its log does not say why; where one of its processes was killed because "
        "memory ran out, the system's own log (dmesg) says so.",
    )


def _last_error(text: str) -> str:
    """The last line that looks like an exception, not counting those that only say that another process failed."""
    found = [
        line
        for line in text.splitlines()
        if re.match(r"(?:[\w.]+\.)?\w*(?:Error|Exception|Interrupt)\b: .", line) and not _ECHO.search(line)
    ]
    # The first of the last process to fail: later ones tell of it in other words.
    return found[-1][:MAX_SENTENCE] if found else ""


_ECHO = re.compile(
    r"Engine core initialization failed|WorkerProc initialization failed|EngineDeadError|initialization failed due"
)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _rule(kind: str, pattern: str, sentence: str | Callable[[re.Match[str]], str], *, passes: bool = False) -> _Rule:
    return _Rule(kind, re.compile(pattern), sentence, passes)


def _cache_too_small(found: re.Match[str]) -> str:
    most = found["most"]
    advice = f"use --max-model-len {most}" if most else "use a smaller --max-model-len"
    return (
        f"The context of {found['wanted']} tokens needs {found['needed']} GiB of cache and {found['there']} GiB are "
        f"left: {advice}, or a smaller quantisation, or more GPUs."
    )


def _capability(found: re.Match[str]) -> str:
    def dotted(number: str) -> str:
        return f"{number[:-1]}.{number[-1]}" if number.isdigit() and len(number) > 1 else number

    return (
        f"This GPU cannot compute that quantisation: it has compute capability {dotted(found['has'])} and "
        f"{dotted(found['needs'])} is the least; choose another with --quantisation (AWQ or GPTQ INT4 for older GPUs)."
    )


def _address_in_use(_: re.Match[str]) -> str:
    return "The address is in use by another program: stop that one, or choose another with --port or --socket."


_TRUST = (
    "The model needs Python code from its own repository: read that code, and if you trust it, start again with "
    "--trust-remote-code."
)
_RULES: tuple[_Rule, ...] = (
    # How it was called.
    _rule(
        "bad-flag",
        r"error: unrecognized arguments: (?P<what>.+)",
        lambda found: (
            f"This vLLM does not know {found['what'][:100]}: take that out, or install the version of vLLM that has it."
        ),
    ),
    _rule(
        "bad-flag",
        r"error: argument (?P<flag>\S+?):? (?P<why>invalid .+|expected .+|not allowed .+)",
        lambda found: f"vLLM does not take that value for {found['flag']}: {found['why'][:200]}",
    ),
    _rule(
        "context-too-long",
        r"max_model_len \((?P<wanted>\d+)\) is greater\s+than the derived max_model_len \([^=]*=(?P<most>[\d.]+)",
        lambda found: (
            f"The model was made for {found['most'].removesuffix('.0')} tokens and {found['wanted']} were asked for: "
            f"use --max-model-len {found['most'].removesuffix('.0')} or less."
        ),
    ),
    _rule(
        "too-few-gpus",
        r"World size \((?P<wanted>\d+)\) is larger than the number of available GPUs \((?P<there>\d+)\)",
        lambda found: (
            f"The plan needs {found['wanted']} GPUs on this node and {found['there']} are there: check nvidia-smi and "
            "CUDA_VISIBLE_DEVICES, or plan again with what is there."
        ),
    ),
    _rule(
        "cannot-split",
        r"[Tt]otal number of attention heads \((?P<heads>\d+)\) must be divisible by tensor parallel size "
        r"\((?P<size>\d+)\)",
        lambda found: (
            f"The model has {found['heads']} attention heads, which do not divide among {found['size']} GPUs: "
            "use a number of GPUs that divides them."
        ),
    ),
    # The model.
    _rule(
        "remote-code", r"trust_remote_code=True|--trust-remote-code|contains custom code which must be executed", _TRUST
    ),
    _rule(
        "architecture",
        r"Model architecture (?P<which>\S+) was supported in vLLM until (?P<until>v[\d.]+\d)",
        lambda found: (
            f"vLLM supported {found['which']} until {found['until']} and no longer does: choose another model."
        ),
    ),
    _rule(
        "architecture",
        r"Model architectures? \[?(?P<which>[^\]\n]+?)\]? (?:are|is) not supported",
        lambda found: (
            f"This vLLM does not support the model's architecture {found['which'].strip(chr(39))}: install a newer "
            "vLLM, or choose another model."
        ),
    ),
    _rule(
        "architecture",
        r"has model type `(?P<which>[^`]+)` but Transformers does not recognize",
        lambda found: (
            f"The model type {found['which']} is newer than the installed transformers: upgrade vLLM and transformers "
            "in that environment, or choose another model."
        ),
    ),
    _rule(
        "gated",
        r"gated repo|GatedRepoError|Access to model .+ is restricted",
        "The model's repository is open only to those who were let in: ask for access on its page, then set HF_TOKEN "
        "to your token.",
    ),
    _rule(
        "model-missing",
        r"Repository Not Found|RepositoryNotFoundError|is not a valid model identifier|HFValidationError"
        r"|Invalid repository ID or local directory",
        "There is no model of that name on the hub, and no such folder here: check the name, or set HF_TOKEN if the "
        "repository is private.",
    ),
    _rule(
        "model-missing",
        r"Cannot find any model weights with `(?P<where>[^`]+)`|Unrecognized model in (?P<folder>\S+)\.",
        lambda found: (
            f"{found['where'] or found['folder']} holds no model that vLLM can read: name a folder with config.json "
            "and safetensors files."
        ),
    ),
    _rule(
        "offline",
        r"outgoing traffic has been disabled|OfflineModeIsEnabled|offline mode is enabled",
        "The model is not in the local cache and the hub is switched off (HF_HUB_OFFLINE): download it first, or name "
        "a local folder with the model's files.",
    ),
    _rule(
        "offline",
        r"We couldn't connect to '[^']*' to load|LocalEntryNotFoundError|Temporary failure in name resolution"
        r"|Max retries exceeded with url|specific connection error when trying to load",
        "The model is not in the local cache and the hub cannot be reached: check the network and proxy, set "
        "HF_ENDPOINT to your mirror, or name a local folder with the model's files.",
    ),
    _rule(
        "disk-full",
        r"No space left on device|Errno 28|Disk quota exceeded|Errno 122",
        "The disk is full: make room, or set HF_HOME to a folder on a larger one.",
    ),
    # The hardware.
    _rule(
        "capability",
        r"is not supported for the current GPU\.\s+(?:Minimum|Min|Required) capability: (?P<needs>\d+)\.\s+"
        r"Current capability: (?P<has>\d+)",
        _capability,
    ),
    _rule(
        "capability",
        r"is only supported on GPUs\s+with compute capability of at least",
        "This GPU is too old for bfloat16: use --dtype half.",
    ),
    _rule(
        "no-gpu",
        r"Failed to infer device type|No CUDA GPUs are available|Found no NVIDIA driver"
        r"|CUDA driver version is insufficient|no CUDA-capable device is detected|CUDA unknown error",
        "vLLM finds no GPU that it can use: check that nvidia-smi shows one and that its driver is new enough, or "
        "install the CPU build of vLLM (see docs/serve.md).",
    ),
    _rule(
        "cache-too-small",
        r"max seq len\s+\((?P<wanted>\d+)\), \((?P<needed>[\d.]+) GiB KV\s+cache is needed, which is larger than "
        r"the available KV cache\s+memory \((?P<there>-?[\d.]+) GiB\)\.(?:\s*Based on the available memory,\s+the "
        r"estimated maximum model length is (?P<most>\d+))?",
        _cache_too_small,
    ),
    _rule(
        "cache-too-small",
        r"max seq len \((?P<wanted>\d+)\) is larger than the maximum number of tokens that can be stored in KV cache "
        r"\((?P<most>\d+)\)",
        lambda found: (
            f"The context of {found['wanted']} tokens does not fit into the cache, which holds {found['most']}: use "
            f"--max-model-len {found['most']}, or a smaller quantisation, or more GPUs."
        ),
    ),
    _rule(
        "cache-too-small",
        r"No available memory for the cache blocks|Cannot auto-fit max_model_len",
        "The weights leave no memory for the cache: choose a smaller quantisation or model, or more GPUs.",
    ),
    _rule(
        "cpu-memory",
        r"Available memory on node \S+\s+\((?P<there>[\d.]+)/(?P<all>[\d.]+) GiB\) on (?:startup\s+is|kv cache"
        r"\s+allocation is) less than\s+(?:desired CPU memory utilization\s+\((?P<share>[\d.]+)|requested)",
        lambda found: (
            f"Of {found['all']} GiB main memory {found['there']} GiB are free, and vLLM wants to set aside "
            + (f"{float(found['share']):.0%} of all" if found["share"] else "more than that for its cache")
            + ": end other programs, or give less with --kv-cache-memory-bytes or --gpu-memory-utilization (which "
            "counts main memory here)."
        ),
    ),
    _rule(
        "gpu-memory",
        r"Free memory on device (?P<device>\S+)\s+\((?P<there>[\d.]+)/(?P<all>[\d.]+) GiB\) on startup\s+is less than "
        r"(?:desired GPU memory utilization\s+\((?P<share>[\d.]+)|the engine's budget)",
        lambda found: (
            f"Other programs hold the memory of {found['device']}: {found['there']} of {found['all']} GiB are free; "
            "end them (nvidia-smi shows which), or give less with --gpu-memory-utilization."
        ),
    ),
    _rule(
        "gpu-memory",
        r"OutOfMemoryError|CUDA out of memory|CUDA error: out of memory|HIP out of memory|cuMemCreate",
        "The GPU's memory is too small: choose a smaller quantisation, --max-model-len or --max-num-seqs, or more "
        "GPUs, and end other programs on it (nvidia-smi shows which).",
    ),
    _rule(
        "cpu-memory",
        r"DefaultCPUAllocator: can't allocate memory|\bMemoryError\b|Cannot allocate memory",
        "Main memory ran out: choose a smaller model or quantisation, or end other programs.",
    ),
    _rule(
        "no-compiler",
        r"InvalidCxxCompiler|No working C\+\+ compiler|Failed to find C compiler|Python\.h: No such file",
        "vLLM compiles the model and finds no working C++ compiler: install g++ and the headers of Python, or use "
        "--enforce-eager.",
    ),
    # The network.
    _rule("address-in-use", r"Address already in use|Errno 98\b|Errno 48\b|EADDRINUSE", _address_in_use, passes=True),
    _rule(
        "socket-path",
        r"AF_UNIX path too long",
        "The path of the socket is too long for this system: choose a shorter one with --socket.",
    ),
    _rule(
        "node-unreachable",
        r"client socket has timed out after .*? trying to connect to \(?(?P<where>[^\s)]+,? ?\d*)\)?",
        lambda found: (
            f"The first node does not answer at {found['where'].replace(', ', ' port ')}: start node 0, check its "
            "address and that no firewall stands between the nodes."
        ),
        passes=True,
    ),
    _rule(
        "node-unreachable",
        r"Timed out after .*? waiting for clients\. (?P<joined>\d+)/(?P<all>\d+) clients joined",
        lambda found: (
            f"{found['joined']} of {found['all']} processes joined in time: start the other nodes with the same "
            "command for their rank, and check that they reach this node's address."
        ),
        passes=True,
    ),
    _rule(
        "node-unreachable",
        r"Gloo connectFullMesh failed|gloo.*(?:[Cc]onnect timeout|Connection (?:refused|reset|closed))"
        r"|NCCL (?:error|WARN)|ncclSystemError|ncclRemoteError|ncclInternalError|DistNetworkError|DistStoreError"
        r"|Watchdog caught collective operation timeout|No route to host",
        "The nodes or GPUs cannot talk to each other: check that every node runs, that they reach each other (set "
        "NCCL_SOCKET_IFNAME and GLOO_SOCKET_IFNAME to the right interface), and that no firewall stands between.",
        passes=True,
    ),
    _rule(
        "broken-install",
        r"ModuleNotFoundError: No module named '(?P<module>[^']+)'",
        lambda found: (
            f"The installation of vLLM is incomplete (the module {found['module']} is missing): install vLLM anew in "
            "a fresh environment."
        ),
    ),
    _rule(
        "broken-install",
        r"operator torchvision::nms does not exist|ImportError: .*(?:undefined symbol|cannot open shared object file)",
        "The installation of vLLM does not fit together: install it anew in a fresh environment; for a CPU build "
        "remove torchvision and torchaudio.",
    ),
    # Last: what a process says when another one is gone; that one's own words say more.
    _rule(
        "worker-died",
        r"(?:Worker ?[Pp]roc|[Pp]rocess) .*died (?:unexpectedly|with exit code)",
        "One of vLLM's processes was killed or crashed, often because memory ran out (the system's own log, dmesg, "
        "says so): choose a smaller quantisation or --max-model-len, or end other programs.",
    ),
)
