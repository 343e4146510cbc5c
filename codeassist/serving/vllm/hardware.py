"""What this machine has for serving a model: its GPUs, its processor and its memory; or a profile by name."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal, TypeAlias

from codeassist.serving.errors import ServingError
from codeassist.serving.machine import usable_cores

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

QUERY_TIMEOUT_S = 10.0
QUERY = ("nvidia-smi", "--query-gpu=name,memory.total,compute_cap,mig.mode.current", "--format=csv,noheader,nounits")
INTERESTING_FLAGS = frozenset({"avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_tile"})

_MEMORY_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_WRITTEN = re.compile(r"(\d{1,4})x(\d{1,4}(?:\.\d+)?)(?:@(\d{1,2}\.\d))?")


class UnknownHardware(ServingError):
    """There is no hardware profile of that name."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """`memory_gib`: all of it, as nvidia-smi says. `capability`: CUDA compute capability, 8.9 for Ada."""

    name: str
    memory_gib: float
    capability: float


@dataclass(frozen=True, slots=True)
class Cpu:
    """`flags`: those of INTERESTING_FLAGS that it has."""

    cores: int
    flags: frozenset[str] = frozenset()

    @property
    def amx(self) -> bool:
        """Whether vLLM's kernels for quantised experts and for MLA run on it."""
        return "amx_tile" in self.flags and "amx_bf16" in self.flags

    @property
    def runs_vllm(self) -> bool:
        return not self.flags.isdisjoint({"avx2", "avx512f"})


@dataclass(frozen=True, slots=True)
class Hardware:
    """One node. `gpu_trouble`: one sentence that says why no GPU was found, "" if there are some or none was sought."""

    gpus: tuple[Gpu, ...]
    cpu: Cpu
    memory_gib: float
    name: str
    gpu_trouble: str = ""

    @property
    def least_gpu(self) -> Gpu | None:
        """What every GPU has at least: parts of one model are of one size, so the smallest decides."""
        if not self.gpus:
            return None
        smallest = min(self.gpus, key=lambda gpu: gpu.memory_gib)
        return replace(smallest, capability=min(gpu.capability for gpu in self.gpus))

    @property
    def described(self) -> str:
        """`one RTX 4090 with 24 GiB`, `8 x NVIDIA H200 with 140 GiB`, `16 cores with 64 GiB of memory`."""
        gpu = self.least_gpu
        if gpu is None:
            return f"{self.cpu.cores} cores with {self.memory_gib:.0f} GiB of memory"
        count = "one" if len(self.gpus) == 1 else f"{len(self.gpus)} x"
        return f"{count} {gpu.name} with {gpu.memory_gib:.0f} GiB"


@dataclass(frozen=True, slots=True)
class NoGpus:
    """`sentence`: for the user, with what can be done about it."""

    reason: Literal["missing", "failed", "hung", "unreadable", "none", "mig"]
    sentence: str


GpuQuery: TypeAlias = "tuple[Gpu, ...] | NoGpus"


def detect(environment: Mapping[str, str] | None = None) -> Hardware:
    """What this machine has. Never raises: without a usable GPU, `gpu_trouble` says why."""
    found = query_gpus()
    if not isinstance(found, NoGpus):
        found = visible_gpus(found, (os.environ if environment is None else environment).get("CUDA_VISIBLE_DEVICES"))
    gpus, trouble = ((), found.sentence) if isinstance(found, NoGpus) else (found, "")
    memory = parse_memory_gib(_read(Path("/proc/meminfo")), [_read(path) for path in _MEMORY_LIMITS])
    cpu = Cpu(usable_cores(), parse_cpu_flags(_read(Path("/proc/cpuinfo"))))
    return Hardware(gpus, cpu, memory, "this machine", trouble)


def query_gpus(run: Callable[..., subprocess.CompletedProcess[str]] = subprocess.run) -> GpuQuery:
    """The GPUs that nvidia-smi lists. `run` is replaced in tests."""
    try:
        done = run(
            QUERY, capture_output=True, text=True, errors="replace", timeout=QUERY_TIMEOUT_S, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError:
        return NoGpus("missing", "There is no nvidia-smi here, so no NVIDIA GPU can be used; install NVIDIA's driver.")
    except subprocess.TimeoutExpired:
        return NoGpus(
            "hung",
            f"nvidia-smi gave no answer within {QUERY_TIMEOUT_S:.0f} s, as with a stuck driver; restart the machine.",
        )
    except OSError as error:
        return NoGpus("failed", f"nvidia-smi cannot be run ({error.strerror or error}); check NVIDIA's driver.")
    if done.returncode != 0:
        said = _first_line(done.stdout) or _first_line(done.stderr) or f"status {done.returncode}"
        return NoGpus("failed", f"nvidia-smi failed: {said}; update or repair NVIDIA's driver.")
    return parse_gpus(done.stdout)


def parse_gpus(text: str) -> GpuQuery:
    """What `QUERY` printed: one line for each GPU, `name, MiB, capability, MIG mode`."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines or lines[0].strip().lower().startswith("no devices"):
        return NoGpus("none", "nvidia-smi lists no GPU; pass one to this machine or container.")
    gpus = []
    for line in lines:
        # The name comes first and may hold commas; the three others do not.
        parts = [part.strip() for part in line.rsplit(",", 3)]
        if len(parts) == 4 and parts[3].lower() == "enabled":
            return NoGpus(
                "mig",
                f"{_short(parts[0])} is split by MIG, and the size of a slice is not known; "
                "name it, such as --hardware 1x20@9.0 for one slice of 20 GiB.",
            )
        memory, capability = (_number(parts[1]), _number(parts[2])) if len(parts) == 4 else (None, None)
        if not memory or not capability:
            return NoGpus(
                "unreadable",
                f"nvidia-smi does not tell memory and compute capability ({_short(line)}); "
                "name the hardware, such as --hardware 1x24@8.9 for one GPU of 24 GiB.",
            )
        gpus.append(Gpu(parts[0], memory / 1024, capability))
    return tuple(gpus)


def visible_gpus(gpus: tuple[Gpu, ...], visible: str | None) -> GpuQuery:
    """Those that CUDA_VISIBLE_DEVICES leaves; by CUDA's rule the list ends at the first number that is no GPU.

    Names (GPU-...) are as many GPUs as there are names: which ones does not matter where all are alike.
    """
    if visible is None:
        return gpus
    words = [word.strip() for word in visible.split(",") if word.strip()]
    kept = []
    for place, word in enumerate(words):
        number = place if word.startswith("GPU-") else int(word) if word.isdecimal() else -1
        if not 0 <= number < len(gpus):
            break
        kept.append(gpus[number])
    if not kept:
        return NoGpus("none", f"CUDA_VISIBLE_DEVICES={_short(visible)!a} leaves no GPU; unset it or name some.")
    return tuple(kept)


def parse_cpu_flags(cpuinfo: str) -> frozenset[str]:
    """The flags of the first processor in the text of /proc/cpuinfo."""
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "flags":
            return INTERESTING_FLAGS.intersection(value.split())
    return frozenset()


def parse_memory_gib(meminfo: str, limits: list[str]) -> float:
    """Memory in GiB: MemTotal, or less where one of the control group's `limits` (bytes, or "max") is lower."""
    found = re.search(r"^MemTotal:\s+(\d+) kB", meminfo, re.MULTILINE)
    sizes = [int(found[1]) * 1024] if found else []
    sizes += [int(limit) for limit in limits if limit.isdecimal()]
    return min(sizes, default=0) / 1024**3


@cache
def profiles() -> dict[str, Hardware]:
    """The profiles that ship with codeassist, by name."""
    text = files("codeassist.serving.vllm").joinpath("profiles.toml").read_text(encoding="utf-8")
    return {item["name"]: _profile(item) for item in tomllib.loads(text)["profile"]}


def _profile(item: dict[str, object]) -> Hardware:
    gpu = item.get("gpu")
    gpus = (Gpu(str(gpu["name"]), float(gpu["memory_gib"]), float(gpu["capability"])),) if isinstance(gpu, dict) else ()
    count = int(str(item.get("gpus", 0)))
    cpu = Cpu(int(str(item["cores"])), frozenset(str(item.get("flags", "")).split()))
    return Hardware(gpus * count, cpu, float(str(item["memory_gib"])), str(item["name"]))


def named(name: str) -> Hardware:
    """A profile by its name, or hardware written as GPUSxGIB[@CAPABILITY]: `2x48@8.9`. Raises UnknownHardware."""
    if name.lower() in profiles():
        return profiles()[name.lower()]
    written = _WRITTEN.fullmatch(name.lower())
    if written is None or int(written[1]) == 0 or float(written[2]) == 0:
        raise UnknownHardware(
            f"There is no hardware profile {name!a}; there are {', '.join(profiles())}, "
            "or write it as 2x48@8.9: two GPUs of 48 GiB and compute capability 8.9."
        )
    count, memory_gib = int(written[1]), float(written[2])
    gpu = Gpu(f"GPU of {memory_gib:g} GiB", memory_gib, float(written[3] or 8.0))
    return Hardware((gpu,) * count, Cpu(16, frozenset({"avx2", "avx512f"})), 64.0, name.lower())


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\d{1,9}(\.\d{1,3})?", text) else None


def _first_line(text: str) -> str:
    return _short(next((line for line in (text or "").splitlines() if line.strip()), "").strip().rstrip("."))


def _short(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text[:120])


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
