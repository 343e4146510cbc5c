"""What overhead.py types, and where: a repository, a long file of real code, places in it. Made from the standard
library of the Python that runs it, and the same at each run of that Python."""

from __future__ import annotations

import ast
import io
import keyword
import subprocess
import sysconfig
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["line start", "after a dot", "in a call", "nested block"]
KINDS: tuple[Kind, ...] = ("line start", "after a dot", "in a call", "nested block")
KEYS_AT_PLACE = 6
FILES = 300
MOST_DEFINITION_LINES = 150
NESTED_COLUMNS = 12
"""The indentation from which a block is nested: a loop or condition in a method."""
_UNTYPED = frozenset({"test", "tests", "site-packages", "dist-packages", "idlelib", "lib2to3", "turtledemo"})


@dataclass(frozen=True)
class Place:
    """`start` and `end` are offsets in characters: what stands between them is taken away, `keys`, its beginning, are
    typed in its stead, and then it is put back."""

    kind: Kind
    start: int
    end: int
    keys: tuple[str, ...]


def modules() -> list[Path]:
    """The files of the standard library, in order, without its tests and programs."""
    root = Path(sysconfig.get_path("stdlib"))
    return [path for path in sorted(root.rglob("*.py")) if not _UNTYPED & {*path.relative_to(root).parts[:-1]}]


def make_repository(folder: Path, files: Sequence[Path], text: str, name: str) -> None:
    """A git repository with copies of `files` and, in the file `name`, `text`, all of it committed."""
    root = Path(sysconfig.get_path("stdlib"))
    for file in files:
        copy = folder / "library" / file.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    (folder / name).write_text(text, encoding="utf-8")
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    for command in (("init", "-q"), ("add", "-A"), (*who, "commit", "-q", "-m", "All")):
        subprocess.run(["git", "-C", str(folder), *command], check=True, capture_output=True)


def long_file(sources: Iterable[str], lines: int) -> str:
    """Functions and classes out of `sources` behind their imports: Python of exactly `lines` lines, all ASCII.

    Raises ValueError if the sources have too few.
    """
    imports: dict[str, None] = {}
    parts: list[str] = []
    left = lines
    for source in sources:
        for statement in _statements(source):
            if isinstance(statement, ast.Import):
                new = dict.fromkeys([ast.unparse(statement)])
                left -= len(new.keys() - imports.keys())
                imports |= new
            elif isinstance(statement, ast.FunctionDef | ast.ClassDef):
                part = _text_of(source, statement)
                count = part.count("\n") + 1 + 2
                if count <= min(left, MOST_DEFINITION_LINES + 2):
                    parts.append(part)
                    left -= count
        if left <= MOST_DEFINITION_LINES and parts:
            filler = "".join(f"FILLER_{number} = {number}\n" for number in range(left))
            return "".join(f"{line}\n" for line in imports) + "".join(f"\n\n{part}\n" for part in parts) + filler
    raise ValueError(f"the sources have {lines - left} lines of definitions, not {lines}")


def _statements(source: str) -> list[ast.stmt]:
    try:
        return ast.parse(source).body if source.isascii() else []
    except SyntaxError:
        return []  # Some library files are meant to be wrong.


def _text_of(source: str, statement: ast.FunctionDef | ast.ClassDef) -> str:
    first = min((each.lineno for each in statement.decorator_list), default=statement.lineno)
    return "\n".join(source.split("\n")[first - 1 : statement.end_lineno])


def places(text: str, count: int) -> list[Place]:
    """So many places in the middle half of `text`, of all kinds in turn, spread evenly over it.

    Raises ValueError if there are too few.
    """
    each = -(-count // len(KINDS))
    columns, candidates = [], list(_candidates(text))
    for kind in KINDS:
        found = [place for place in candidates if place.kind == kind]
        if len(found) < each:
            raise ValueError(f"the text has {len(found)} places of the kind {kind!r}, not {each}")
        columns.append([found[len(found) * number // each] for number in range(each)])
    return [place for row in zip(*columns, strict=True) for place in row][:count]


def _candidates(text: str) -> Iterator[Place]:
    starts = [0]
    for content in text.split("\n"):
        starts.append(starts[-1] + len(content) + 1)
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    lines = len(starts) - 1
    for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        line, column = token.start
        if not lines // 4 < line < lines * 3 // 4 or (column == 0 and token.type != tokenize.INDENT):
            continue
        kind = _kind_of(before, token, after)
        if kind is None:
            continue
        start, end = starts[line - 1] + column, starts[line] - 1
        keys = tuple(text[start:end][:KEYS_AT_PLACE])
        if kind == "nested block":
            indent = token.string
            start = starts[line - 1] - 1
            keys = ("\n" + indent, *text[start + 1 + len(indent) : end][: KEYS_AT_PLACE - 1])
        if len(keys) == KEYS_AT_PLACE:
            yield Place(kind, start, end, keys)


def _kind_of(before: tokenize.TokenInfo, token: tokenize.TokenInfo, after: tokenize.TokenInfo) -> Kind | None:
    """The kind of place where `token` begins, if it is one."""
    if token.type == tokenize.INDENT:
        straight = token.start[0] == before.end[0] + 1 or before.type == tokenize.NEWLINE
        return "nested block" if len(token.string) >= NESTED_COLUMNS and straight else None
    if before.type == tokenize.NEWLINE and token.type == tokenize.NAME:
        return "line start"
    named = before.type == tokenize.NAME and not keyword.iskeyword(before.string) and after.type == tokenize.NAME
    if named and token.string == ".":
        return "after a dot"
    return "in a call" if named and token.string == "(" else None
