"""What a keystroke costs before anything else can happen: the document's next version and its syntax tree.

    python benchmarks/latency/reparse.py [--kilobytes 250] [--keystrokes 200]

The text is Python's own standard library, cut at a line end to the size asked for. Characters are typed one
by one at places spread over the file. Prints milliseconds by the clock, and for a keystroke also by the
processor, which other programs do not lengthen: exit code 1 if the median of those is above the limit.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from codeassist.syntax.outline import enclosing, imports, outline
from codeassist.syntax.tree import Syntax, parse, reparse
from codeassist.text.document import Document, Offset
from codeassist.text.edits import Edit

LIMIT_MS = 5.0
SOURCES = ("argparse", "ast", "dataclasses", "decimal", "difflib", "doctest", "inspect", "typing", "turtle", "tarfile")
TYPED = "result = self.total(price)\n"


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kilobytes", type=int, default=250)
    options.add_argument("--keystrokes", type=int, default=200)
    given = options.parse_args()

    text = standard_library(given.kilobytes * 1000)
    document = Document.create("file:///large.py", text, "python", 1)
    full = [milliseconds(lambda: parsed(document)) for _ in range(7)]
    typed = [keystroke(parsed(document), place) for place in places(text, given.keystrokes // len(TYPED) + 1)]
    edits, parses, both, processor = zip(*[times for run in typed for times in run], strict=True)

    print(f"{len(text)} characters, {document.line_count} lines of Python; {len(both)} keystrokes\n")
    print(f"{'milliseconds':32}{'min':>8}{'median':>8}{'max':>8}")
    row("the document's next version", edits)
    row("the tree's next version", parses)
    row("keystroke: both", both)
    row("keystroke: processor", processor)
    row("full parse", full)
    last = parsed(document)
    middle = Offset(len(text) // 2)
    row("enclosing scopes at a place", [milliseconds(lambda: enclosing(last, middle)) for _ in range(20)])
    row("imports", [milliseconds(lambda: imports(last)) for _ in range(20)])
    row("outline, made once per version", [milliseconds(lambda: outline(parsed(document))) for _ in range(3)])
    median = statistics.median(processor)
    print(f"\nfull parse / keystroke: {statistics.median(full) / statistics.median(both):.1f}")
    print(f"median keystroke {median:.2f} ms, limit {LIMIT_MS} ms: {'kept' if median <= LIMIT_MS else 'broken'}")
    return 0 if median <= LIMIT_MS else 1


def standard_library(size: int) -> str:
    """Real Python of about that many characters."""
    folder = Path(statistics.__file__).parent
    text = "".join((folder / f"{name}.py").read_text(encoding="utf-8") for name in SOURCES)
    while len(text) < size:
        text += text
    return text[: text.index("\n", size) + 1]


def places(text: str, count: int) -> list[Offset]:
    """Ends of lines of code, spread evenly over the text."""
    return [Offset(text.index(")\n", len(text) * number // (count + 1)) + 1) for number in range(1, count + 1)]


def keystroke(syntax: Syntax, place: Offset) -> list[tuple[float, ...]]:
    """Type a line at `place`: milliseconds for document, tree, both and the processor, per character."""
    document = syntax.document
    indent = document.line(document.position_at(place).line)
    start = "\n" + indent[: len(indent) - len(indent.lstrip())]
    times: list[tuple[float, ...]] = []
    for character in [start, *TYPED]:
        edit = [Edit(place, place, character)]
        busy, began = time.thread_time(), time.perf_counter()
        document = document.replace(edit, document.version + 1)
        replaced = time.perf_counter()
        syntax = reparse(syntax, edit, document)
        ended, worked = time.perf_counter(), time.thread_time()
        spent = (replaced - began, ended - replaced, ended - began, worked - busy)
        times.append(tuple(seconds * 1000 for seconds in spent))
        place = Offset(place + len(character))
    return times


def parsed(document: Document) -> Syntax:
    syntax = parse(document)
    assert syntax is not None
    return syntax


def milliseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def row(name: str, times: list[float] | tuple[float, ...]) -> None:
    print(f"{name:32}{min(times):8.2f}{statistics.median(times):8.2f}{max(times):8.2f}")


if __name__ == "__main__":
    sys.exit(main())
