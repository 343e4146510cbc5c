"""One open document: its text and tree, and what was found and suggested in it. Its owner is the session."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from codeassist.context.carry import carried
from codeassist.context.choose import NOTHING_HELD, Held
from codeassist.flow.matching import Codes
from codeassist.flow.prepare import Prepared
from codeassist.post.findings import Finding
from codeassist.post.outcome import USEFUL, Outcome, Watched, follow
from codeassist.post.reuse import Suggested
from codeassist.post.skip import Skip
from codeassist.prompt.families import Family
from codeassist.server.running import Running
from codeassist.settings import Settings
from codeassist.syntax.outline import carry_imports
from codeassist.syntax.tree import Syntax, moved, parse, settled
from codeassist.text.document import Document, Offset
from codeassist.text.edits import Edit, reanchor
from codeassist.text.spans import Span
from codeassist.workspace.ignore import leaves_out

_MOST_MOVES = 32
"""Beyond so many steps one parse of the whole is about as quick as moving the tree step by step, 0.2 ms each."""
_PLAIN = re.compile(r"[\w \t\r\n.,:;()\[\]=+%&|!?@]*")
"""Text that neither begins nor ends a comment, a string or code in a string, in any language."""


@dataclass(slots=True)
class Made:
    """A prompt, what it depended on besides the text of its document, and the edits since, step by step."""

    prepared: Prepared
    about: object
    edits: list[tuple[Edit, ...]] = field(default_factory=list)


@dataclass(slots=True)
class Shown:
    """A suggestion that has gone to the editor and of which the outcome is not known yet. `since`: seconds of the
    clock; `in_menu`: as one item among others. `lost`: nobody can say from the edits what became of it; the editor may
    still tell."""

    item_id: str
    watched: Watched
    probability: float | None
    model: str
    language: str
    since: float
    in_menu: bool
    lost: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A request for the editor's menu, and the text that it was about."""

    document: Document


@dataclass(slots=True)
class OpenDocument:
    """One open document. `base` is the text that `syntax` is (or will be) the parse of, `steps` lead from it to
    `document`; `followers` collect edits for those who need them. `kept` is False for a document that was too large
    when it was opened: then `document` is empty, and only a whole new text is taken in. `findings`: all that were
    found, of which `silenced` holds the fingerprints of those that comments hide; `pending`: the fingerprints of the
    functions that the running review will still look at, `again`: there is more to review after it; `lost`:
    functions that lost findings, by fingerprint, with how often their text stood in the document, and `recalling` waits
    to see whether they are back. `held`: what the repository
    gave to its last prompt, `made`: the last one for which all was looked up. `known`: fingerprints of what needs no
    review, `codes`: the code that was looked at last.
    `suggested`: its last completions, latest first; `running`: the one that is on its way,
    `ahead` the one after that, asked for before anybody wants it; `asked_line`: the line of the last prompt, from 0;
    `shown`: the suggestion whose outcome is waited for; `showing`: the editor shows it now; `expired`: it shows
    something that does not fit any more; `outcomes`: what became of suggestions, until it is taken note of;
    `era` counts what made them worth nothing. `menu`: the last request for the editor's menu. `edited`: the number of
    its last edit among those of all documents; `edited_line`: where the last one was that was not a whole text, from 0;
    `deleted_line`: where the last edit was, if it only took something away; `resting` waits for the end of the edits.
    `hidden`: prompts about other documents must not show it; `judging` finds that out; `is_secret`: by its name it
    holds keys or passwords."""

    document: Document
    path: str
    language_id: str
    base: Document
    unreadable: str | None = None
    kept: bool = True
    syntax: Syntax | None = None
    steps: list[tuple[tuple[Edit, ...], Document]] = field(default_factory=list)
    followers: dict[int, list[tuple[Edit, ...]]] = field(default_factory=dict)
    known: frozenset[str] = frozenset()
    codes: Codes = field(default_factory=dict)
    baseline: asyncio.Task[None] | None = None
    findings: tuple[Finding, ...] = ()
    silenced: frozenset[str] = frozenset()
    pending: set[str] = field(default_factory=set)
    again: bool = False
    lost: dict[str, int] = field(default_factory=dict)
    recalling: asyncio.TimerHandle | None = None
    held: Held = NOTHING_HELD
    made: Made | None = None
    suggested: tuple[Suggested, ...] = ()
    running: Running | None = None
    ahead: Running | None = None
    asked_line: int | None = None
    shown: Shown | None = None
    showing: bool = False
    expired: bool = False
    outcomes: list[tuple[Shown, Outcome]] = field(default_factory=list)
    era: int = 0
    menu: Asked | None = None
    deleted_line: int | None = None
    edited: int = 0
    edited_line: int | None = None
    hidden: bool = False
    is_secret: bool = False
    judging: asyncio.Task[None] | None = None
    resting: asyncio.TimerHandle | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def asks_for_menu(self) -> Asked:
        """The editor wants to know what to put into its menu; whatever it asked before that, it looks at this."""
        self.menu = Asked(self.document)
        return self.menu

    def shows(self, shown: Shown) -> None:
        """A suggestion for the document as it is has gone to the editor."""
        self.shown, self.showing, self.expired = shown, True, False

    def shows_nothing(self) -> None:
        """An answer without a suggestion has gone to the editor, or the user has put the last one away. What became of
        that one may still come out."""
        self.showing = self.expired = False

    def edited_by(self, edits: Sequence[Edit]) -> None:
        """What was suggested, after a change: it may have been taken, or fit no more."""
        if self.shown is None or self.shown.lost:
            return
        shown, after = self.shown, follow(self.shown.watched, edits)
        if isinstance(after, Watched):
            shown.watched = after
            return
        if after is None:
            shown.lost = True
        else:
            self.outcomes.append((shown, after))
            self.shown = None
        if self.showing:
            taken = after is not None and after.verdict in USEFUL - {"partly"}
            self.showing, self.expired = False, not taken and not shown.in_menu  # A menu keeps nothing.

    def has_made(self, prepared: Prepared, about: object) -> None:
        """All was looked up for a prompt, which the keys that follow may carry on."""
        if self.made is not None:
            self.followers.pop(id(self.made.edits), None)
        self.made = None
        if self.document is prepared.view.document:
            self.made = Made(prepared, about)
            self.followers[id(self.made.edits)] = self.made.edits

    def carried(self, document: Document, offset: Offset, about: object, family: Family) -> Prepared | None:
        """What the last prompt was made from, for a place in the document as it is; None if it has not just been typed
        on."""
        made = self.made
        if made is None or made.about != about or document is not self.document:
            return None
        before = made.prepared
        if before.held is not self.held or before.family is not family:
            return None
        packed = carried(before.packed, made.edits, document, offset, before.limits)
        return None if packed is None else replace(before, packed=packed, view=packed.view)

    def choose_anew(self) -> None:
        """More is known of other files: what was suggested counts no more, and what stands in the prompt is looked
        over, where it would else stay until the cursor leaves its line."""
        self.held, self.era = replace(self.held, line=-1), self.era + 1

    @property
    def is_behind(self) -> bool:
        """Whether the document as it is now should be parsed and is not."""
        known = self.syntax is not None and self.syntax.document is self.document
        return bool(self.document.language) and self.unreadable is None and not known


def why_not(entry: OpenDocument, settings: Settings, *, unasked: bool = True) -> Skip | None:
    """Why nothing is completed in a document, whatever the place; None if there is no reason. `unasked`: nobody asked
    for it by hand."""
    if not settings.completion.enabled:
        return Skip("disabled")
    names = {entry.language_id, entry.document.language}
    if names & set(settings.completion.languages_off) or leaves_out(settings.completion.exclude, entry.path):
        return Skip("switched-off")
    if entry.unreadable is not None:
        return Skip(entry.unreadable)
    return Skip("secret-file") if entry.is_secret and unasked else None


def moved_findings(findings: Sequence[Finding], edits: Sequence[Edit]) -> tuple[Finding, ...]:
    """`findings` at their new places after `edits`; one whose code was touched is gone.

    Text typed right at its edge counts: whoever puts `=` behind a doubtful `<` has mended it, and a fix made for the
    old text would mend it again.
    """
    moved = []
    for finding in findings:
        places = [finding.span, *(Span(edit.start, edit.end) for edit in finding.fix)]
        if any(edit.start <= place.end and edit.end >= place.start for edit in edits for place in places):
            continue
        span, *fixed = [reanchor(place, edits) for place in places]
        if span is None or None in fixed:
            continue
        fix = tuple(Edit(at.start, at.end, edit.text) for at, edit in zip(fixed, finding.fix, strict=True) if at)
        moved.append(replace(finding, span=span, fix=fix))
    return tuple(moved)


def catch_up(
    known: Syntax | None, steps: Sequence[tuple[tuple[Edit, ...], Document]], document: Document
) -> Syntax | None:
    """The parse of `document`, to which `steps` lead from what is `known`."""
    between = move_on(known, steps)
    if known is None or between is None:
        return parse(document)
    return settled(between)


def move_on(known: Syntax | None, steps: Sequence[tuple[tuple[Edit, ...], Document]]) -> Syntax | None:
    """What is `known` with everything where it is after `steps`, not parsed; None if it has to be parsed anew."""
    if len(steps) > _MOST_MOVES:
        return None
    for edits, after in steps:
        if known is None:
            return None
        before, known = known, moved(known, edits, after)
        if known is not None:
            carry_imports(before, edits, known)
    return known


def are_plain(base: Document, steps: Sequence[tuple[tuple[Edit, ...], Document]]) -> bool:
    """Whether steps from `base` on leave all else what it was: code stays code, a comment a comment."""
    for edits, after in steps:
        if not all(_PLAIN.fullmatch(edit.text) and _PLAIN.fullmatch(base.text, edit.start, edit.end) for edit in edits):
            return False
        base = after
    return True


def steps_to(entry: OpenDocument, document: Document) -> int | None:
    """How many steps lead from the parsed text to `document`; None if it is older than that text."""
    if document is entry.base:
        return 0
    return next((number + 1 for number, step in enumerate(entry.steps) if step[1] is document), None)
