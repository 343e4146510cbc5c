"""A developer at the keyboard, as data: what is typed where, and when. Pure; the same seed gives the same session.

Time between keys within a line is log-normal about the mean of the largest published study of typing, 52 words a minute
(Dhakal, Feit, Kristensson, Oulasvirta, "Observations on Typing from 136 Million Keystrokes", CHI 2018), a word being
five characters. The study is of prose; that code is typed with pauses at its joints is added here: see `Habits`.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

_BLOCK = re.compile(r"(?m)^(?:async def|def|class|@|func|fn|pub|impl|function|export|local function|static|public)\b")


@dataclass(frozen=True, slots=True)
class Habits:
    """Seconds unless said otherwise. All but `words_per_minute` are assumptions; change them to see what they do.

    `line_pause` and `block_pause`: medians of the pauses before a line and before another block, log-normal too.
    `slips`: share of keys that are wrong and taken back. `save_every`: least time between two saves, at line ends.
    """

    words_per_minute: float = 52.0
    spread: float = 0.5
    line_pause: float = 1.5
    block_pause: float = 12.0
    pause_spread: float = 1.0
    slips: float = 0.06
    save_every: float = 60.0

    @property
    def key_seconds(self) -> float:
        """The mean time from key to key."""
        return 60.0 / (self.words_per_minute * 5.0)


@dataclass(frozen=True, slots=True)
class Block:
    """Lines of a file that the developer writes: `text` belongs at character `start` of the file without it."""

    path: str
    start: int
    text: str


@dataclass(frozen=True, slots=True)
class Step:
    """What happens `after` seconds. A key is inserted at the cursor, `rest` of the block then follows it in the
    developer's mind; a deletion takes the character before the cursor; a move opens the next block."""

    kind: Literal["move", "key", "delete", "save"]
    after: float
    block: Block
    key: str = ""
    rest: str = ""


def blocks_of(path: str, text: str, *, longest_lines: int = 40, most: int = 3) -> tuple[str, list[Block]]:
    """The file as it is before the developer comes, and the blocks that are to be written, in the file's order.

    Blocks are functions or classes, spread evenly over the file; from each the first `longest_lines` lines go.
    """
    starts = [match.start() for match in _BLOCK.finditer(text)]
    ends = [*starts[1:], len(text)]
    found = [(start, end) for start, end in zip(starts, ends, strict=True) if text.count("\n", start, end) >= 3]
    step = max(1, math.ceil(len(found) / most))
    left, blocks, behind = "", [], 0
    for start, end in found[::step]:
        lines = text[start:end].rstrip("\n").splitlines(keepends=True)
        typed = "".join(lines[:longest_lines]).rstrip("\n")
        left += text[behind:start]
        blocks.append(Block(path, len(left), typed))
        behind = start + len(typed)
    return left + text[behind:], blocks


def session(blocks: Sequence[Block], habits: Habits, seed: int = 1) -> Iterator[Step]:
    """The whole session: blocks of different files in turn, as when a change goes through several files."""
    chance = random.Random(seed)
    since_save = 0.0
    for block in _in_turn(blocks):
        pause = _log_normal(chance, habits.block_pause, habits.pause_spread)
        since_save += pause
        yield Step("move", pause, block, rest=block.text)
        place = 0
        for key in keys_of(block.text):
            after = _key_time(chance, habits)
            if key.startswith("\n"):
                after += _log_normal(chance, habits.line_pause, habits.pause_spread)
            if key.isalpha() and chance.random() < habits.slips:
                wrong = chance.choice("asdfghjkl")
                yield Step("key", after, block, wrong, block.text[place:])
                yield Step("delete", _key_time(chance, habits), block, rest=block.text[place:])
                since_save += after
                after = _key_time(chance, habits)
            place += len(key)
            since_save += after
            yield Step("key", after, block, key, block.text[place:])
            if key.startswith("\n") and since_save >= habits.save_every:
                since_save = 0.0
                yield Step("save", 0.3, block, rest=block.text[place:])
        yield Step("save", 0.3, block)


def keys_of(text: str) -> list[str]:
    """One key at a time; a new line comes with its indentation, which editors write by themselves."""
    return re.findall(r"\n+[ \t]*|[^\n]", text)


def _in_turn(blocks: Sequence[Block]) -> Iterator[Block]:
    """The first block of each file, then the second of each. Later blocks of a file come first, so that the places of
    the others stay where they are."""
    of: dict[str, list[Block]] = {}
    for block in blocks:
        of.setdefault(block.path, []).append(block)
    while any(of.values()):
        for waiting in of.values():
            if waiting:
                yield waiting.pop()


def _key_time(chance: random.Random, habits: Habits) -> float:
    # The median of a log-normal variable lies below its mean by this factor.
    return _log_normal(chance, habits.key_seconds / math.exp(habits.spread**2 / 2), habits.spread)


def _log_normal(chance: random.Random, median: float, spread: float) -> float:
    return median * math.exp(chance.gauss(0.0, spread))
