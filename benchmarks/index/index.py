"""What an index costs: built cold, opened warm, after one change, asked; against the bare parse of the same files.

    python benchmarks/index/index.py [FOLDER ...] [--processes 2] [--rounds 3] [--json FILE]

Without folders: the standard library and the installed packages of the Python that runs this; only their code is
looked at, and the index is made in a temporary folder. The bare parse reads the same files and has tree-sitter parse
them, on as many processes with the same priority, and keeps nothing; the rounds take turns, and medians are compared.
Beside the time by the clock stands that of the processors, which other programs lengthen less.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from codeassist.context.cursor import cursor_view
from codeassist.context.limits import ContextLimits
from codeassist.context.question import Question, question_at
from codeassist.syntax.languages import language_of
from codeassist.syntax.tree import parse
from codeassist.text.document import Document, Offset
from codeassist.workspace.index import Index
from codeassist.workspace.lookup import Lookup
from codeassist.workspace.scan import ScanOptions, ScanReport
from codeassist.workspace.scanner import ScanProcess
from codeassist.workspace.update import Updater
from codeassist.workspace.worker import be_humble

RATIO, WARM_S, CHANGED_MS, LOOKUP_MS, MEMORY_MB = 2.0, 1.0, 50.0, 10.0, 400.0
BATCH = 48
QUESTIONS = 300
CHANGES = 30
WORDS_BETWEEN = 8
WORD = re.compile(r"[A-Za-z_]\w{2,}")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folders", nargs="*", type=Path)
    options.add_argument("--processes", type=int, default=2)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--json", type=Path)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary) / "corpus"
        for number, folder in enumerate(given.folders or installed()):
            copy(folder, root / f"{number}-{folder.name}")
        table = measure(root, Path(temporary) / "indexes", given.processes, given.rounds)
    show(table)
    if given.json:
        given.json.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
    return 0 if all(row["kept"] for row in table["rows"] if row["kept"] is not None) else 1


def installed() -> list[Path]:
    paths = sysconfig.get_paths()
    return list(dict.fromkeys(Path(paths[name]) for name in ("stdlib", "purelib")))


def copy(folder: Path, target: Path) -> None:
    """Only the code: the index may read a copy, and one of its files is changed."""
    for around, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in ("__pycache__", "site-packages", ".git")]
        for name in files:
            source = Path(around) / name
            if language_of(name) and not source.is_symlink():
                copied = target / source.relative_to(folder)
                copied.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, copied)


def measure(root: Path, indexes: Path, processes: int, rounds: int) -> dict[str, Any]:
    options = ScanOptions(folder=indexes, processes=processes)
    scan(root, options)
    index = Index(root, indexes)
    files = code_of(root, index)
    parsed, cold = [], []
    for _ in range(rounds):
        parsed.append(timed(lambda: bare_parse(files, processes)))
        shutil.rmtree(indexes)
        cold.append(timed(lambda: scan(root, options)))
    warm = [timed(lambda: scan(root, options))[0] for _ in range(rounds)]
    counts = index.counts()
    changed = changes(root, options, index, files)
    rows = [
        row("bare parse", parsed, None, None),
        row("cold index", cold, None, None),
        {"what": "cold / parse, by the clock", "value": ratio(cold, parsed, 0), "unit": "", "limit": RATIO},
        {"what": "cold / parse, processors", "value": ratio(cold, parsed, 1), "unit": "", "limit": None},
        {"what": "warm start", "value": statistics.median(warm), "unit": "s", "limit": WARM_S},
        {"what": "one changed file, p50", "value": quantile(changed, 0.5), "unit": "ms", "limit": CHANGED_MS},
        {"what": "one changed file, p95", "value": quantile(changed, 0.95), "unit": "ms", "limit": None},
    ]
    for name, question in questions(root, index, files).items():
        times = [milliseconds(question) for _ in range(QUESTIONS)]
        limit = LOOKUP_MS if name.startswith("one completion") else None
        rows.append({"what": f"{name}, p50", "value": quantile(times, 0.5), "unit": "ms", "limit": None})
        rows.append({"what": f"{name}, p95", "value": quantile(times, 0.95), "unit": "ms", "limit": limit})
    rows.append({"what": "memory of this process", "value": memory_mb(), "unit": "MB", "limit": MEMORY_MB})
    for one in rows:
        one["kept"] = None if one["limit"] is None else one["value"] <= one["limit"]
    facts = {
        "lines": counts.lines, "files": counts.files, "definitions": counts.definitions, "chunks": counts.chunks,
        "database_mb": counts.database_bytes / 1e6, "processes": processes, "processors": os.cpu_count(),
        "load": os.getloadavg()[0],
    }  # fmt: skip
    return {"facts": facts, "rows": rows}


def scan(root: Path, options: ScanOptions) -> ScanReport:
    """As the server does it: in a process of its own."""
    report = ScanProcess(root, options).wait()
    if report is None or report.state != "done":
        raise SystemExit(f"the scan ended: {report}")
    return report


def code_of(root: Path, index: Index) -> list[tuple[str, str]]:
    """The files of which the index keeps definitions, with their language."""
    connection = index._connection()
    assert connection is not None
    rows = connection.execute(
        "SELECT path, language FROM files WHERE state = 'indexed' "
        "AND language NOT IN ('json', 'yaml', 'toml', 'markdown', 'html')"
    )
    return [(str(root / path), language) for path, language in rows]


def bare_parse(files: Sequence[tuple[str, str]], processes: int) -> None:
    batches = [files[start : start + BATCH] for start in range(0, len(files), BATCH)]
    with ProcessPoolExecutor(processes, get_context("spawn"), initializer=be_humble) as pool:
        list(pool.map(parse_batch, batches))


def parse_batch(files: Sequence[tuple[str, str]]) -> None:
    from tree_sitter import Parser

    from codeassist.syntax.grammars import grammar

    for path, language in files:
        found = grammar(language)
        if found is not None:
            Parser(found.handle).parse(Path(path).read_bytes())


def changes(root: Path, options: ScanOptions, index: Index, files: Sequence[tuple[str, str]]) -> list[float]:
    """Milliseconds from a saved file to its new definition in an answer."""
    updater = Updater(root, options)
    updater.warm()
    chosen = random.Random(5).sample([path for path, language in files if language == "python"], CHANGES)
    updater.update([chosen[0]])
    times = []
    for number, path in enumerate(chosen):
        name = f"codeassist_benchmark_{number}"
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"\n\ndef {name}(value):\n    return value\n")

        def visible(path: str = path, name: str = name) -> None:
            updater.update([path])
            if name not in index.definitions_named([name]):
                raise SystemExit(f"{path}: the change is not visible")

        times.append(milliseconds(visible))
    updater.close()
    return times


def questions(root: Path, index: Index, files: Sequence[tuple[str, str]]) -> dict[str, Callable[[], object]]:
    chance = random.Random(7)
    paths = [os.path.relpath(path, root) for path, _ in files]
    connection = index._connection()
    assert connection is not None
    names = [name for (name,) in connection.execute("SELECT DISTINCT name FROM definitions WHERE length(name) > 3")]

    def words() -> list[str]:
        lines = (root / chance.choice(paths)).read_text(encoding="utf-8", errors="replace").split("\n")
        start = chance.randrange(max(1, len(lines) - 12))
        return list(dict.fromkeys(WORD.findall("\n".join(lines[start : start + 12]))))

    prepared = [words() for _ in range(QUESTIONS)]
    lookup = Lookup(index)
    cursors = iter([at for path in chance.sample(paths, QUESTIONS // 2) for at in cursors_in(root, path, chance)])
    return {
        "definitions of 12 files": lambda: index.definitions_in(chance.sample(paths, min(12, len(paths)))),
        "definitions of 16 names": lambda: index.definitions_named(chance.sample(names, 16)),
        "similar stretches": lambda: index.similar(chance.choice(prepared), 6),
        "mentions": lambda: index.mentions(chance.choice(names), 6),
        # Every second one is the first in a file of which nothing is known.
        "one completion": lambda: lookup.answer(next(cursors)),
    }


def cursors_in(root: Path, path: str, chance: random.Random) -> list[Question]:
    """What completions ask at the ends of two words of a file, the second some lines below the first."""
    text = (root / path).read_text(encoding="utf-8", errors="replace")
    ends = [word.end() for word in WORD.finditer(text)] or [len(text)]
    first = chance.randrange(len(ends))
    document = Document.create((root / path).as_uri(), text, language_of(path))
    syntax = parse(document)
    limits = ContextLimits()
    return [
        question_at(cursor_view(syntax, Offset(ends[at]), limits), path)
        for at in (first, min(first + WORDS_BETWEEN, len(ends) - 1))
    ]


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of all processors."""
    clock, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - clock, after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime


def milliseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def quantile(times: Sequence[float], share: float) -> float:
    return sorted(times)[min(int(len(times) * share), len(times) - 1)]


def ratio(above: Sequence[tuple[float, float]], below: Sequence[tuple[float, float]], which: int) -> float:
    return statistics.median(a[which] / b[which] for a, b in zip(above, below, strict=True))


def memory_mb() -> float:
    pages = int(subprocess.run(["ps", "-o", "rss=", "-p", str(os.getpid())], capture_output=True, check=True).stdout)
    return pages / 1024


def row(what: str, times: Sequence[tuple[float, float]], limit: float | None, kept: bool | None) -> dict[str, Any]:
    clock, processors = (statistics.median(column) for column in zip(*times, strict=True))
    return {
        "what": f"{what} ({processors:.1f} s of processors)",
        "value": clock,
        "unit": "s",
        "limit": limit,
        "kept": kept,
    }


def show(table: dict[str, Any]) -> None:
    facts = table["facts"]
    print(
        f"{facts['lines']:,} lines in {facts['files']:,} files; {facts['definitions']:,} definitions, "
        f"{facts['chunks']:,} stretches, {facts['database_mb']:.0f} MB; {facts['processes']} processes on "
        f"{facts['processors']} processors, load {facts['load']:.1f}\n"
    )
    for one in table["rows"]:
        limit = "" if one["limit"] is None else f"limit {one['limit']:g}: {'kept' if one['kept'] else 'broken'}"
        print(f"{one['what']:46}{one['value']:10.2f} {one['unit']:3} {limit}")


if __name__ == "__main__":
    sys.exit(main())
