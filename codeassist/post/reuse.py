"""Whether the last suggestion still answers after the user typed into it.

    still_fits(earlier, document, offset)

Most keys that follow a suggestion type what it says. Then the rest of it is the answer: at once, the same text, and
the engine is not asked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from codeassist.post.cut import CLOSERS
from codeassist.post.inline import Inline
from codeassist.text.document import Document, Offset, Span
from codeassist.text.lines import plain_ends

_MOST_CLOSERS = 8
_CLOSER = f"[{re.escape(CLOSERS)}]"
_CLOSED_BELOW = re.compile(
    rf"(?P<beside>{_CLOSER}{{0,{_MOST_CLOSERS}}})"
    rf"(?P<below>(?P<first>(?:\r\n|\n|\r)[ \t]*{_CLOSER}{{1,{_MOST_CLOSERS}}})"
    rf"(?:(?:\r\n|\n|\r)[ \t]*{_CLOSER}{{1,{_MOST_CLOSERS}}}){{0,{_MOST_CLOSERS}}})\Z"
)
"""What Enter makes of brackets that the editor has closed: they go to lines of their own, below the cursor's; others
may have been closed beside it since."""
_MOST_KEPT = 8
_MOST_CHARACTERS = 4_000_000


@dataclass(frozen=True, slots=True)
class Suggested:
    """What was suggested in a document as it was. `about`: what else it depended on, such as other documents; anything
    that can be compared."""

    document: Document
    shown: Inline
    about: object = None

    @property
    def end(self) -> int:
        """Where the suggestion ends in the text that has it, in characters."""
        return self.shown.span.start + len(self.shown.text)


def kept(earlier: Sequence[Suggested], latest: Suggested) -> tuple[Suggested, ...]:
    """`earlier` with `latest` in front, without those that are too many or hold too much text together."""
    found: list[Suggested] = []
    left = _MOST_CHARACTERS
    texts: set[int] = set()
    for each in (latest, *earlier):
        if id(each.document) not in texts:
            texts.add(id(each.document))
            left -= len(each.document.text)
        if found and (left < 0 or len(found) == _MOST_KEPT):
            break
        found.append(each)
    return tuple(found)


def still_fits(earlier: Sequence[Suggested], document: Document, offset: Offset, about: object = None) -> Inline | None:
    """What is left of the first suggestion that the cursor of `document` stands in; None if none fits any more.

    One that was typed, accepted in part, or gone back in after that fits; one that is complete does not.
    """
    for each in earlier:
        if each.about == about and (rest := remainder(each, document, offset)) is not None:
            return rest
    return None


def remainder(suggested: Suggested, document: Document, offset: Offset) -> Inline | None:
    """What has to be shown at `offset` so that the text becomes what the suggestion said; None if it says otherwise.

    Brackets and quotes that the editor closed by itself while the user typed are replaced by those of the suggestion;
    those that Enter has pushed to a line of their own stay there, and the suggestion ends before them.
    """
    old, new, shown = suggested.document.text, document.text, suggested.shown
    start, end = shown.span.start, shown.span.end
    if not start <= offset < suggested.end or len(new) - offset < len(old) - end:
        return None
    typed, rest = shown.text[: offset - start], shown.text[offset - start :]
    if not rest.strip() or new[start:offset] != typed:
        return None
    until = len(new) - (len(old) - end)  # Behind it is what stood behind the suggestion.
    between, replaced, shown_until = new[offset:until], old[start:end], until
    if between == rest:
        return None
    if not _may_be_replaced(between, replaced, rest):
        rest, between = _above_closers(between, rest)
        if not rest.strip() or between == rest or not _may_be_replaced(between, "", rest):
            return None
        shown_until = offset + len(between)
    # The longest comparisons last.
    if not new.startswith(old[:start]) or new[until:] != old[end:]:
        return None
    return Inline(rest, Span(offset, Offset(shown_until)), shown.probability)


def typed_since(old: Document, at: Offset, new: Document, offset: Offset) -> str | None:
    """What was typed at `at` of `old` to make it `new` with the cursor at `offset`; None if something else changed.
    Brackets that the editor closed by itself do not count."""
    after = len(old.text) - at
    until = len(new.text) - after
    if not at <= offset <= until or not _is_closed_by_editor(new.text[offset:until]):
        return None
    if new.text[until:] != old.text[at:] or not new.text.startswith(old.text[:at]):
        return None
    return new.text[at:offset]


def offsets_behind(old: Document, at: Offset, new: Document) -> Sequence[Offset]:
    """Where the cursor may be in `new` if all that changed is that text was typed at `at` of `old`: at its end, or
    before brackets that the editor added, on a line of their own or not."""
    end = at + len(new.text) - len(old.text)
    found = [*range(end, max(at, end - _MOST_CLOSERS) - 1, -1)]
    closed = _CLOSED_BELOW.search(new.text, at, max(at, end))
    if closed is not None:
        found += [offset for offset in range(closed.start("below"), closed.start() - 1, -1) if offset not in found]
    return [Offset(offset) for offset in found]


def agree(written: str, typed: str) -> bool:
    """Whether one of the two goes on where the other ends, white space before the first character aside."""
    one, other = (plain_ends(text).lstrip(" \t") for text in (written, typed))
    return one.startswith(other) or other.startswith(one)


def _is_closed_by_editor(between: str) -> bool:
    """Whether what stands between the cursor and the end of what was typed may be brackets that the editor added."""
    beside = len(between) <= _MOST_CLOSERS and not between.strip(CLOSERS)
    return beside or _CLOSED_BELOW.fullmatch(between) is not None


def _above_closers(between: str, rest: str) -> tuple[str, str]:
    """If `between` ends with brackets on lines of their own: what of `rest` comes before the first of these, and what
    of `between` does; else nothing of both. The suggestion may have more between two of that line: `}, 100)`."""
    closed = _CLOSED_BELOW.fullmatch(between)
    line = closed["first"] if closed is not None else ""
    while line.strip():
        above, found, _ = rest.partition(line)
        if found and closed is not None:
            return above, closed["beside"]
        line = line[:-1]
    return "", ""


def _may_be_replaced(between: str, replaced: str, rest: str) -> bool:
    """Whether `between`, from the cursor up to where the suggestion ends, is what stood there (`replaced`), or its end
    where the user typed over it; or that behind brackets that the editor added, such as the suggestion has too."""
    for left in range(min(len(between), len(replaced)), -1, -1):
        added = between[: len(between) - left]
        if not replaced.endswith(between[len(added) :]) or len(added) > _MOST_CLOSERS or added.strip(CLOSERS):
            continue
        at = iter(rest)
        if all(closer in at for closer in added):
            return True
    return False
