"""Server-sent events: the rules of the WHATWG standard, whatever the cuts between the pieces."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeassist.model.errors import MalformedEvent
from codeassist.model.sse import Event, SseParser

STREAMS = {
    "one event": (b"data: a\n\n", [Event("a")]),
    "CR ends lines": (b"data: a\r\rdata: b\r\r", [Event("a"), Event("b")]),
    "CRLF ends lines": (b"data: a\r\n\r\ndata: b\r\n\r\n", [Event("a"), Event("b")]),
    "mixed line ends": (b"data: a\r\n\ndata: b\n\rdata: c\r\r\n", [Event("a"), Event("b"), Event("c")]),
    "several data lines": (b"data: a\ndata:\ndata: b\n\n", [Event("a\n\nb")]),
    "only one blank is cut": (b"data:  a\n\ndata:b\n\n", [Event(" a"), Event("b")]),
    "a field without a colon": (b"data\n\n", [Event("")]),
    "colons in the value": (b'data: {"a": 1}\n\n', [Event('{"a": 1}')]),
    "comments": (b": ping\n\n:\n\ndata: a\n: in between\n\n", [Event("a")]),
    "a named event": (b"event: error\ndata: a\n\ndata: b\n\n", [Event("a", "error"), Event("b")]),
    "a name without data is no event": (b"event: x\n\ndata: a\n\n", [Event("a")]),
    "other fields": (b"id: 1\nretry: 10\nnonsense: x\ndata: a\n\n", [Event("a")]),
    "a byte order mark": (b"\xef\xbb\xbfdata: a\n\n", [Event("a")]),
    "a byte order mark later on is text": (b"data: \xef\xbb\xbfa\n\n", [Event("\ufeffa")]),
    "no byte order mark after all": (b"\xef\xbb\n\ndata: a\n\n", [Event("a")]),
    "an unfinished event is dropped": (b"data: a\n\ndata: b\n", [Event("a")]),
    "characters of two to four bytes": ("data: é你😀\n\n".encode(), [Event("é你😀")]),
    "bytes that are no UTF-8": (b"data: a\xffb\n\n", [Event("a\ufffdb")]),
    "other line separators are text": (
        "data: a\u2028b\x0bc\x85d\n\n".encode(),
        [Event("a\u2028b\x0bc\x85d")],
    ),
}


def parse(stream: bytes, cuts: list[int], parser: SseParser | None = None) -> list[Event]:
    parser = parser or SseParser()
    events = []
    bounds = [0, *sorted(cuts), len(stream)]
    for start, end in itertools.pairwise(bounds):
        events += parser.feed(stream[start:end])
    return events


@pytest.mark.parametrize("name", STREAMS)
def test_events_of_a_stream_in_one_piece_and_byte_by_byte(name: str) -> None:
    stream, events = STREAMS[name]
    assert parse(stream, []) == events
    assert parse(stream, list(range(1, len(stream)))) == events


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_cuts_change_nothing(data: st.DataObject) -> None:
    pieces = st.sampled_from([b"data: ", b"\n", b"\r", b"\r\n", b"\xef\xbb\xbf", "😀".encode(), b": c", b"event: e"])
    stream = b"".join(data.draw(st.lists(pieces, max_size=30)))
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=10))
    assert parse(stream, cuts) == parse(stream, [])


def test_an_event_is_given_as_soon_as_it_is_complete() -> None:
    parser = SseParser()
    assert parser.feed(b"data: a\n") == []
    assert parser.feed(b"\r") == [Event("a")]
    assert parser.feed(b"\ndata: b\n\n") == [Event("b")]


@pytest.mark.parametrize(
    "piece",
    [b"x" * 10, b"data: xxx\n", b": xxxxxxxxxxxxxxxxx"],
    ids=["endless line", "endless event", "endless comment"],
)
def test_size_of_an_event_is_bounded(piece: bytes) -> None:
    with pytest.raises(MalformedEvent, match="more than 100 bytes"):
        SseParser(max_event_bytes=100).feed(piece * 20)
    with pytest.raises(MalformedEvent, match="more than 100 bytes"):
        parse(piece * 20, list(range(1, 20 * len(piece))), SseParser(max_event_bytes=100))
    with pytest.raises(MalformedEvent, match=r"^The model server at http://h/v1 sent an event of more than"):
        SseParser(max_event_bytes=100, server="http://h/v1").feed(piece * 20)


def test_a_bound_is_for_one_event_not_for_the_stream() -> None:
    parser = SseParser(max_event_bytes=100)
    events = [event for _ in range(50) for event in parser.feed(b": " + b"c" * 60 + b"\ndata: " + b"x" * 60 + b"\n\n")]
    assert len(events) == 50
