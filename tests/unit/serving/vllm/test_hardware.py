"""Reading what nvidia-smi and the system say, also where they say nonsense."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from codeassist.serving.vllm.hardware import (
    Gpu,
    NoGpus,
    UnknownHardware,
    detect,
    named,
    parse_cpu_flags,
    parse_gpus,
    parse_memory_gib,
    profiles,
    query_gpus,
    visible_gpus,
)


def test_gpus() -> None:
    text = "NVIDIA GeForce RTX 4090, 24564, 8.9, [N/A]\nNVIDIA H100 80GB HBM3, 81559, 9.0, Disabled\n"
    assert parse_gpus(text) == (
        Gpu("NVIDIA GeForce RTX 4090", 24564 / 1024, 8.9),
        Gpu("NVIDIA H100 80GB HBM3", 81559 / 1024, 9.0),
    )


def test_a_name_with_a_comma() -> None:
    assert parse_gpus("Odd, GPU, 1024, 8.0, Disabled\n") == (Gpu("Odd, GPU", 1.0, 8.0),)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "none"),
        ("\n", "none"),
        ("No devices were found\n", "none"),
        ("NVIDIA GB10, [N/A], 12.1, [N/A]\n", "unreadable"),
        ("NVIDIA H100, 81559\n", "unreadable"),
        ("NVIDIA H100, 0, 9.0, Disabled\n", "unreadable"),
        ("NVIDIA H100, 1e99, 9.0, Disabled\n", "unreadable"),
        ("\x00\x01garbage\x7f\n", "unreadable"),
        ("NVIDIA H100 80GB HBM3, 81559, 9.0, Enabled\n", "mig"),
        ("NVIDIA H100 80GB HBM3, [Insufficient Permissions], 9.0, Enabled\n", "mig"),
    ],
)
def test_output_that_gives_no_gpu(text: str, reason: str) -> None:
    found = parse_gpus(text)
    assert isinstance(found, NoGpus)
    assert found.reason == reason
    assert found.sentence.isprintable()
    assert found.sentence.endswith(".")


def _run(outcome: Any) -> Any:
    def run(words: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        assert options["timeout"] == 10
        if isinstance(outcome, Exception):
            raise outcome
        status, out, err = outcome
        return subprocess.CompletedProcess(words, status, out, err)

    return run


@pytest.mark.parametrize(
    ("outcome", "reason", "said"),
    [
        (FileNotFoundError(), "missing", "no nvidia-smi"),
        (PermissionError(13, "Permission denied"), "failed", "Permission denied"),
        (subprocess.TimeoutExpired("nvidia-smi", 10), "hung", "10 s"),
        ((9, "NVIDIA-SMI has failed because it couldn't communicate with the driver.\n", ""), "failed", "communicate"),
        ((2, "", 'Field "compute_cap" is not a valid field to query.\n'), "failed", "compute_cap"),
        ((1, "", ""), "failed", "status 1"),
    ],
)
def test_nvidia_smi_that_does_not_work(outcome: Any, reason: str, said: str) -> None:
    found = query_gpus(_run(outcome))
    assert isinstance(found, NoGpus)
    assert found.reason == reason
    assert said in found.sentence
    assert found.sentence.endswith(".")
    assert ".;" not in found.sentence


def test_nvidia_smi_that_works() -> None:
    assert query_gpus(_run((0, "H200, 143771, 9.0, Disabled\n", ""))) == (Gpu("H200", 143771 / 1024, 9.0),)


def test_visible_gpus() -> None:
    gpus = (Gpu("a", 10, 8.0), Gpu("b", 20, 9.0))
    assert visible_gpus(gpus, None) == gpus
    assert visible_gpus(gpus, "1") == gpus[1:]
    assert visible_gpus(gpus, "1,0") == (gpus[1], gpus[0])
    assert visible_gpus(gpus, "0,7,1") == gpus[:1]
    assert visible_gpus(gpus, "GPU-12ab") == gpus[:1]
    for nothing in ("", "-1", "no"):
        assert isinstance(visible_gpus(gpus, nothing), NoGpus)


def test_unequal_gpus_count_as_the_least_of_each() -> None:
    found = named("2x24@8.9")
    assert found.least_gpu is not None
    mixed = type(found)((Gpu("a", 10, 9.0), Gpu("b", 20, 8.0)), found.cpu, 1.0, "mixed")
    assert mixed.least_gpu == Gpu("a", 10, 8.0)


def test_processor_and_memory() -> None:
    text = "processor : 0\nflags\t\t: fpu avx2 avx512f avx512_bf16 amx_tile amx_bf16\n\nprocessor : 1\nflags : x\n"
    assert parse_cpu_flags(text) == {"avx2", "avx512f", "avx512_bf16", "amx_tile", "amx_bf16"}
    assert parse_cpu_flags("Features : asimd") == frozenset()
    meminfo = "MemTotal:       67108864 kB\nMemFree: 1 kB\n"
    assert parse_memory_gib(meminfo, ["", "max"]) == 64.0
    assert parse_memory_gib(meminfo, [str(8 << 30), "9223372036854771712"]) == 8.0
    assert parse_memory_gib("", []) == 0.0


def test_this_machine() -> None:
    found = detect({})
    assert found.cpu.cores >= 1
    assert bool(found.gpus) != bool(found.gpu_trouble)


def test_profiles() -> None:
    wanted = {"cpu-16", "rtx-4090", "h100", "h200x8", "a100x4", "b200x8"}
    assert wanted <= set(profiles())
    assert len(named("H200x8").gpus) == 8
    assert named("rtx-4090").described == "one RTX 4090 with 24 GiB"
    assert named("cpu-16").described == "16 cores with 64 GiB of memory"
    assert named("4x80@9.0").gpus == (Gpu("GPU of 80 GiB", 80.0, 9.0),) * 4


@pytest.mark.parametrize("name", ["", "h1000", "0x24", "2x0@8.9", "2x24@", "x" * 5000])
def test_unknown_hardware(name: str) -> None:
    with pytest.raises(UnknownHardware, match="h200x8"):
        named(name)
