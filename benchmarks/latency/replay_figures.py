"""The figures of a replay, from its events alone: see replay_events.py for their form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.latency.replay_events import Block, Event


@dataclass
class Figures:
    """Sums over blocks. `*_ms` are samples, `*_s` seconds, the rest counts of what their names say.

    `answers` brought a suggestion, `reused` of them without a request of their own. `unwanted`: tokens that were part
    neither of what was shown, nor of what had been typed when it was. `late`: tokens of a stream that the typed text
    had parted from, `dropped`: tokens of one that nobody wanted any more, for that or another reason; both beyond the
    step that was in flight then. `first_*`: of the first prompt of each block, for which nothing could be in the cache.
    `wrong_moments`: keys at which the engine would have been wrong, and nothing right was on the screen; `quiet`: of
    these, with nothing. `watched`: the engine's tokens are known one by one.
    """

    keys: int = 0
    characters: int = 0
    accepted: int = 0
    offers: int = 0
    right_offers: int = 0
    wrong_moments: int = 0
    quiet: int = 0
    answers: int = 0
    reused: int = 0
    new_ms: list[float] = field(default_factory=list)
    all_ms: list[float] = field(default_factory=list)
    server_ms: list[float] = field(default_factory=list)
    requests: int = 0
    read: int = 0
    cached: int = 0
    first_read: int = 0
    first_cached: int = 0
    generated: int = 0
    unwanted: int = 0
    late: int = 0
    dropped: int = 0
    watched: bool = False
    seconds: float = 0.0
    right_s: float = 0.0
    wrong_s: float = 0.0


def figures_of(blocks: Iterable[Block]) -> Figures:
    figures = Figures()
    for block in blocks:
        _Walk(figures, block).run()
    return figures


def rows(figures: Figures) -> Iterator[tuple[str, str]]:
    """What is printed of one column; "-" where nothing is known."""
    accepted = figures.accepted
    yield "characters accepted", _share(accepted, figures.characters)
    yield "keys", f"{figures.keys}"
    yield "key to new suggestion, p50", _ms(figures.new_ms, 0.5)
    yield "key to new suggestion, p95", _ms(figures.new_ms, 0.95)
    yield "key to any suggestion, p50", _ms(figures.all_ms, 0.5)
    yield "key to any suggestion, p95", _ms(figures.all_ms, 0.95)
    yield "server over the engine's own time, p50", _ms(figures.server_ms, 0.5)
    yield "server over the engine's own time, p95", _ms(figures.server_ms, 0.95)
    yield "time with a right suggestion", _share(figures.right_s, figures.seconds)
    yield "time with a wrong one", _share(figures.wrong_s, figures.seconds)
    yield "useful: right suggestions, of those shown", _share(figures.right_offers, figures.offers)
    yield "quiet: nothing shown, where it would be wrong", _share(figures.quiet, figures.wrong_moments)
    yield "keys with a suggestion, without a new request", _share(figures.reused, figures.answers)
    yield "engine requests for each key", _ratio(figures.requests, figures.keys, 2)
    yield "prompt tokens cached", _share(figures.cached, figures.read)
    yield (
        "prompt tokens cached, first prompts aside",
        _share(figures.cached - figures.first_cached, figures.read - figures.first_read),
    )
    yield "tokens read anew for a character accepted", _ratio(figures.read - figures.cached, accepted, 1)
    yield "tokens generated for a character accepted", _ratio(figures.generated, accepted, 2)
    watched = figures.watched
    yield "tokens generated and never wanted", _share(figures.unwanted, figures.generated if watched else 0)
    yield "tokens after the text parted from them", f"{figures.late}" if watched else "-"
    yield "tokens for dropped requests", f"{figures.dropped}" if watched else "-"


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.0%}" if whole else "-"


def _ratio(one: float, other: float, digits: int) -> str:
    return f"{one / other:.{digits}f}" if other else "-"


def _ms(values: Sequence[float], share: float) -> str:
    return f"{sorted(values)[min(len(values) - 1, int(len(values) * share))]:.0f} ms" if values else "-"


@dataclass
class _Request:
    """`before`: what stands before the text that it asked for, of the typed text; `ahead`: more than was typed when it
    began. `reach`: how much of the whole was shown, in characters, `used`: when that was last. `after`: tokens that
    the engine itself says to have made for nobody."""

    at: float
    place: int | None
    before: str
    limit: int
    ahead: bool = False
    tokens: list[tuple[float, str]] = field(default_factory=list)
    generated: int = 0
    reach: int = 0
    used: float = 0.0
    ended: float = 0.0
    after: int = 0

    def says(self, until: float) -> str:
        """The whole text that it stands for, as far as it is written by then."""
        return self.before + "".join(text for at, text in self.tokens if at <= until)

    def made_since(self, at: float | None) -> int:
        """Tokens that were made after the step in flight at that time; none without a time."""
        if at is None or self.ended <= at or not self.tokens:
            return 0
        return max(0, sum(when > at for when, _ in self.tokens) + self.generated - len(self.tokens) - 1)


@dataclass
class _Shown:
    """`whole`: the typed text with the suggestion, of which `before` was typed when it was asked for."""

    at: float
    asked: float
    before: str
    whole: str


class _Walk:
    """Goes through the events of one block, and adds to the figures."""

    def __init__(self, figures: Figures, block: Block) -> None:
        self._figures, self._block = figures, block
        self._text: str = block[0]["text"]
        self._debounce_ms: float | None = block[0].get("debounce_ms", 0.0)
        self._done = ""
        self._display = ""
        self._since = 0.0
        self._right = False
        self._would: str | None = None
        self._asked: dict[int, tuple[float, str]] = {}
        self._shown: list[_Shown] = []
        self._requests: dict[int, _Request] = {}
        self._typed: list[tuple[float, str]] = []
        self._closed: float | None = None
        self._traced = False

    def run(self) -> None:
        self._figures.characters += len(self._text)
        handlers = {
            "key": self._key, "deleted": self._deleted, "accepted": self._accepted, "ask": self._ask,
            "shown": self._show, "hidden": self._hide, "begun": self._begin, "ended": self._end, "trace": self._trace,
            "closed": self._close,
        }  # fmt: skip
        for event in self._block:
            handler = handlers.get(event["event"])
            if handler is not None:
                handler(event["at"], event)
        end = self._block[-1]["at"]
        self._leave_moment()
        self._hide(end)
        if self._typed:
            self._figures.seconds += end - self._typed[0][0]
        for shown in self._shown:
            self._attribute(shown)
        for request in self._requests.values():
            self._judge(request)

    # What is typed, and what is on the screen -------------------------------------------------------------------------

    def _key(self, at: float, event: Event) -> None:
        self._leave_moment()
        self._figures.keys += 1
        self._type(at, self._done + event["text"])
        self._display = self._display.removeprefix(event["text"])

    def _deleted(self, at: float, event: Event) -> None:
        self._leave_moment()
        self._figures.keys += 1
        self._type(at, self._done[: len(self._done) - event["count"]])

    def _accepted(self, at: float, event: Event) -> None:
        self._leave_moment()
        self._hide(at)
        self._figures.accepted += len(event["text"])
        self._type(at, self._done + event["text"])

    def _type(self, at: float, done: str) -> None:
        self._done = done
        self._typed.append((at, done))

    def _ask(self, at: float, event: Event) -> None:
        self._asked[event["ask"]] = (at, self._done)
        self._would = event.get("would")

    def _leave_moment(self) -> None:
        """Another key is pressed: what was there until now is what the key before brought."""
        if self._would == "wrong" and not (self._display and self._right):
            self._figures.wrong_moments += 1
            self._figures.quiet += not self._display
        self._would = None

    def _show(self, at: float, event: Event) -> None:
        figures = self._figures
        asked, before = self._asked.get(event["ask"], (at, self._done))
        whole = before + event["text"]
        self._shown.append(_Shown(at, asked, before, whole))
        figures.all_ms.append((at - asked) * 1000)
        if event["how"] == "new":
            self._hide(at)
            self._display, self._since = event["text"], at
            self._right = self._text.startswith(before) and (
                self._text.startswith(whole) or whole.startswith(self._text)
            )
            figures.new_ms.append((at - asked) * 1000)
            figures.offers += 1
            figures.right_offers += self._right

    def _hide(self, at: float, _: object = None) -> None:
        if self._display:
            self._figures.right_s += (at - self._since) * self._right
            self._figures.wrong_s += (at - self._since) * (not self._right)
        self._display = ""

    def _close(self, at: float, _: object) -> None:
        self._closed = at

    # What the engine does ---------------------------------------------------------------------------------------------

    def _begin(self, at: float, event: Event) -> None:
        figures, place = self._figures, event.get("place")
        figures.watched = True
        figures.requests += 1
        figures.read += event["prompt"]
        figures.cached += event["cached"]
        if not self._requests:
            figures.first_read += event["prompt"]
            figures.first_cached += event["cached"]
        before = self._done if place is None else self._text[:place]
        ahead = len(before) > len(self._done)
        self._requests[event["request"]] = _Request(at, place, before, event.get("limit", 0), ahead)

    def _end(self, at: float, event: Event) -> None:
        self._figures.generated += event["generated"]
        request = self._requests.get(event["request"])
        if request is not None:
            request.generated, request.after, request.ended = event["generated"], event.get("after", 0), at
            request.tokens = [(float(when), str(text)) for when, text in event.get("tokens", ())]

    def _trace(self, _: float, event: Event) -> None:
        figures = self._figures
        self._traced = True
        figures.requests += event["requests"]
        figures.read += event["prompt"]
        figures.cached += event["cached"]
        figures.generated += event["generated"]
        if event.get("skip") is None:
            figures.answers += 1
            figures.reused += event["reused"]

    def _attribute(self, shown: _Shown) -> None:
        """Find the request that a suggestion comes from: one of its own, or else the last before that says so."""
        earlier = [request for request in self._requests.values() if request.at <= shown.at and request.limit != 1]
        own = [each for each in earlier if each.at >= shown.asked and each.place in (None, len(shown.before))]
        if not self._traced:
            self._figures.answers += 1
            self._figures.reused += not own
        if own and self._debounce_ms is not None:
            read = [at for at, _ in own[-1].tokens if at <= shown.at]
            engine_s = (read[-1] if read else own[-1].at) - own[-1].at
            self._figures.server_ms.append((shown.at - shown.asked - engine_s) * 1000 - self._debounce_ms)
        saying = (each for each in reversed(earlier) if each.says(shown.at).startswith(shown.whole))
        source = own[-1] if own else next(saying, None)
        if source is not None:
            source.reach, source.used = max(source.reach, len(shown.whole)), shown.at

    def _judge(self, request: _Request) -> None:
        """Count what was generated for nothing."""
        length, wanted = len(request.before), 0
        for _, text in request.tokens:
            # The token that ends the text has none of its own.
            wanted += length < request.reach or (not text and request.reach > 0)
            length += len(text)
        self._figures.unwanted += request.generated - wanted
        parted = self._parted(request)
        ends = (parted, self._superseded(request), self._closed)
        self._figures.late += request.made_since(parted)
        made = request.made_since(min((at for at in ends if at is not None), default=None))
        self._figures.dropped += max(made, request.after)

    def _parted(self, request: _Request) -> float | None:
        """When its answer had become impossible: what was written and what was typed differed, or the user had gone
        back behind the place that it was for."""
        typed = [(at, done, "") for at, done in self._typed]
        steps = sorted([*typed, *((at, None, text) for at, text in request.tokens)], key=lambda step: step[0])
        done, said, least = "", request.before, len(request.before)
        for at, now, text in steps:
            gone_back = now is not None and len(now) < least <= len(done)
            done, said = done if now is None else now, said + text
            if at >= request.at and (gone_back or not (said.startswith(done) or done.startswith(said))):
                return at
        return None

    def _superseded(self, request: _Request) -> float | None:
        """When another one was asked in its place, of which nothing was shown any more."""
        later = (each.at for each in self._requests.values() if each.limit != 1 and not each.ahead)
        return min((at for at in later if at > max(request.at, request.used)), default=None)
