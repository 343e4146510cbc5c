"""An answer as it comes: what of it is code, and what that is measured by."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from codeassist.context.cursor import CursorView, above_code
from codeassist.flow.prepare import Prepared
from codeassist.model.api import CompletionRequest
from codeassist.post.cut import Cut, Shape, find_cut, finish_cut
from codeassist.post.foreign import Surroundings, is_thought, surroundings, without_foreign, without_thoughts
from codeassist.post.parrot import behind_echo, echoes_of
from codeassist.post.shape import shape_of
from codeassist.prompt.guard import broken_forms, restored
from codeassist.prompt.holefill import OPEN, extract_completion
from codeassist.text.lines import plain_ends

_SENT_S = 0.002
"""By then the request is on its way, and the engine works."""


@dataclass
class Reading:
    """Reads the answer to `prepared`, of `max_lines` lines at most."""

    prepared: Prepared
    max_lines: int
    text: str = ""
    """The code that has come so far."""
    _is_echo: bool = False

    @contextmanager
    def ready_in_time(self) -> Iterator[None]:
        """While the body runs, all that an answer is measured by is made ready, as soon as the engine works."""
        later = asyncio.get_running_loop().call_later(_SENT_S, lambda: (self.shape, self._measures))
        try:
            yield
        finally:
            later.cancel()

    @cached_property
    def pushed(self) -> CursorView | None:
        """Where the answer would go if it came before the code of the cursor's line; None if there is none."""
        return above_code(self.prepared.view, self.prepared.limits)

    @cached_property
    def shape(self) -> Shape:
        return shape_of(self.pushed or self.prepared.view, self.max_lines)

    @cached_property
    def _measures(self) -> tuple[Surroundings, dict[str, str], tuple[str, ...]]:
        request, packed, family = self.prepared.request, self.prepared.packed, self.prepared.family
        sent = request.prompt if isinstance(request, CompletionRequest) else ""
        return (
            surroundings(self.prepared.view, family.end_tokens),
            broken_forms(packed.prefix + packed.suffix, family),
            echoes_of(sent, family, packed.prefix, self.shape.language),
        )

    def heard(self, answer: str) -> tuple[bool, Cut | None]:
        """Take in all of the answer so far. Whether it has begun, and the cut if it holds all that is wanted."""
        around, broken, echoes = self._measures
        text, begun = answer, True
        if not isinstance(self.prepared.request, CompletionRequest):
            text = extract_completion(without_thoughts(answer), self.shape.line_prefix)
            # Before its tag a model may still be talking about what it will write.
            begun = self.prepared.family.prefill or OPEN in answer
        # Where a line ends in "\r", the other half of its end may be on its way.
        said = behind_echo(restored(plain_ends(text.removesuffix("\r")), broken), echoes)
        code = without_foreign(said.text, around)
        self.text, self._is_echo = code.text, said.is_echo
        if not begun or said.undecided:
            return False, None
        cut = find_cut(code.text, self.shape)
        if cut is None and code.over:
            cut = finish_cut(code.text, self.shape, complete=True)
        return True, cut

    def ended(self, answer: str, *, complete: bool) -> Cut:
        """The wanted part of an answer that is over; see `finish_cut`."""
        if is_thought(answer):
            return Cut("", "thought")
        if self._is_echo:
            return Cut("", "prefix")
        return finish_cut(self.text, self.shape, complete=complete)
