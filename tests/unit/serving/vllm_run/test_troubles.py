"""From excerpts of logs, in the words of vLLM and of what it stands on, to one sentence each."""

from __future__ import annotations

from pathlib import Path

import pytest

from codeassist.serving.vllm.running.phases import bare, phase_of, tells_failure
from codeassist.serving.vllm.running.restarts import Restarts
from codeassist.serving.vllm.running.troubles import explain

CORE = "(EngineCore pid=812) ERROR 11-23 10:00:00 [core.py:1101] "

HERE = Path(__file__).parent
TABLE = [
    (excerpt, kind, says)
    for block in (HERE / "troubles.txt").read_text(encoding="utf-8").split("\n== ")[1:]
    for kind, _, rest in [block.partition("\n")]
    for excerpt, _, says in [rest.strip().rpartition("\n= ")]
]
PHASES = [
    (line, phase.strip())
    for block in (HERE / "phases.txt").read_text(encoding="utf-8").split("\n\n")[1:]
    for line, _, phase in [block.strip().partition("\n=")]
]


@pytest.mark.parametrize(("excerpt", "kind", "says"), TABLE, ids=[f"{row[1]}-{at}" for at, row in enumerate(TABLE)])
def test_a_known_failure_has_a_cause_and_a_next_step(excerpt: str, kind: str, says: str) -> None:
    around = [
        "INFO 11-23 10:00:00 [entry.py:1] non-default args: {'trust_remote_code': True, 'port': 1}",
        "WARNING 11-23 10:00:00 [x.py:1] NCCL error: this is only a notice about CUDA out of memory",
        "Traceback (most recent call last):",
        *excerpt.splitlines(),
        "(APIServer pid=1) RuntimeError: Engine core initialization failed. See root cause above.",
    ]
    trouble = explain(around, 1)
    assert (trouble.kind, says in trouble.sentence) == (kind, True), trouble.sentence
    assert "\n" not in trouble.sentence
    assert trouble.passes == (kind in ("node-unreachable", "address-in-use"))


def test_the_tables_were_read() -> None:
    assert (len(TABLE), len(PHASES)) == (41, 17)


def test_an_unknown_failure_is_told_in_its_own_words() -> None:
    lines = [
        CORE + "Traceback (most recent call last):",
        CORE + "vllm.odd.OddError: the moon is full",
        "(APIServer pid=1) RuntimeError: Engine core initialization failed. See root cause above.",
    ]
    assert explain(lines, 1).sentence.endswith("does not know: vllm.odd.OddError: the moon is full")
    assert len(explain(["ValueError: " + "x" * 5000], 1).sentence) < 500


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        (-9, "killed", "memory ran out"),
        (-11, "signal", "SIGSEGV"),
        (-200, "signal", "signal 200"),
        (3, "silent", "status 3"),
        (0, "silent", "status 0"),
        (None, "silent", "dmesg"),
    ],
)
def test_without_a_word_the_status_must_do(status: int | None, kind: str, says: str) -> None:
    trouble = explain(["INFO 11-23 10:00:00 [x.py:1] all is well"], status)
    assert (trouble.kind, says in trouble.sentence) == (kind, True)


def test_a_line_is_bared_of_where_it_comes_from() -> None:
    line = "\x1b[1;36m(EngineCore pid=42)\x1b[0;0m ERROR 11-23 10:00:00 [core.py:7] ValueError: x"
    assert bare(line) == "ValueError: x"
    assert tells_failure(line)
    assert tells_failure("Traceback (most recent call last):")
    assert not tells_failure("(APIServer pid=42) INFO 11-23 10:00:00 [core.py:7] ValueError: x")


@pytest.mark.parametrize(("line", "phase"), PHASES)
def test_the_log_tells_the_phase(line: str, phase: str) -> None:
    assert phase_of(line) == (phase or None)
    assert phase_of("") is None


def test_restarts_back_off_and_end_but_a_long_life_starts_afresh() -> None:
    restarts = Restarts()
    assert [restarts.wait_s(1) for _ in range(9)] == [1, 2, 4, 8, 16, 32, 60, 60, None]
    restarts = Restarts(quick_s=100)
    assert [restarts.wait_s(lived) for lived in (1, 1, 500, 1, 100)] == [1, 2, 1, 2, 1]
