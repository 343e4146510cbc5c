"""An engine that says its prompt again before it answers, or nothing else: all of it, or the last lines.

    echoes = echoes_of(prompt, family, prefix, language)       once for each answer
    said = behind_echo(answer, echoes)                                for what has come of it so far

Servers do that when asked to (`echo`), and models that were not trained to fill in the middle begin with the code that
they have just read. The line of the cursor alone is `meeting`'s, comments are `echo`'s.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from codeassist.post.cut import is_telling, opens_block
from codeassist.prompt.families import Family

_MOST_LINES = 12
"""So many lines before the cursor an answer may begin with."""
_TELLING_LINES = 2
"""So many lines said again are no code, even if the model stops in the middle of the next one."""


@dataclass(frozen=True, slots=True)
class Said:
    """`text` is the answer behind what it repeats, `repeated` whether it repeats anything. `undecided`: it may still
    turn out to be a repetition, no more."""

    text: str
    repeated: bool = False
    undecided: bool = False

    @property
    def is_echo(self) -> bool:
        """Whether an answer that ends here is one, as far as it goes."""
        if self.repeated:
            return not self.text.strip()
        return self.undecided and sum(is_telling(line) for line in self.text.split("\n")[:-1]) >= _TELLING_LINES


def echoes_of(prompt: str, family: Family, prefix: str, language: str) -> tuple[str, ...]:
    """What an answer may begin with that it only repeats, longest first: `prompt` as it was sent to a model of `family`
    ("" for a chat), the same as servers write it that leave control tokens out, and the last lines of the code before
    the cursor, `prefix`."""
    found = {prompt.lstrip()}
    told = any(is_telling(line) for line in prefix.split("\n")[:-1])  # A word alone may well be written twice.
    if family.order == "psm" and told:  # Where the suffix comes first, the answer is judged by that.
        tokens = "|".join(map(re.escape, sorted(family.control_tokens, key=len, reverse=True)))
        found.add(re.sub(tokens, "", prompt).lstrip())
    lines = prefix.rsplit("\n", _MOST_LINES)
    for first in range(1 if len(lines) > _MOST_LINES else 0, len(lines) - 1):
        if _tells(lines[first:], language):
            found.add("\n".join(lines[first:]).lstrip())
    return tuple(sorted((echo for echo in found if echo), key=len, reverse=True))


def behind_echo(answer: str, echoes: Collection[str]) -> Said:
    """`answer`, or what has come of it, without the one of `echoes` that it begins with."""
    bare = answer.lstrip()
    if not bare:
        return Said(answer)
    for echo in echoes:
        if bare.startswith(echo):
            return Said(bare[len(echo) :], repeated=True)
    return Said(answer, undecided=any(echo.startswith(bare) for echo in echoes))


def _tells(lines: list[str], language: str) -> bool:
    """Whether the lines, the cursor's last, are seldom written twice one below the other."""
    above, typed = lines[:-1], lines[-1]
    if not is_telling(above[0]):
        return False
    return bool(typed.strip()) or len(above) >= _TELLING_LINES or opens_block(above[0], language)
