"""Server-sent events, parsed from bytes as they arrive.

Follows the event stream rules of the WHATWG HTML standard (section 9.2.6), with one addition: a bound on the
size of an event, so that a server that never ends a line cannot fill our memory. `id` and `retry` serve
reconnecting clients only and are ignored: an answer that broke off is asked for anew.
"""

from __future__ import annotations

from dataclasses import dataclass

from codeassist.model.errors import MalformedEvent

MAX_EVENT_BYTES = 1 << 20
"""A token with twenty alternatives takes some 4 kB; a megabyte is not a token."""

DONE = "[DONE]"
"""The data of the event with which OpenAI-compatible servers end a stream."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its data lines joined by line feeds, and its type, "message" unless the server names one."""

    data: str
    name: str = "message"


class SseParser:
    """Feed it bytes cut anywhere; it gives the events that are complete.

    What is left when the stream ends is not an event: an unfinished event is dropped, as the standard says.
    """

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES, server: str = "") -> None:
        """`server`: its address, for the sentence of an error."""
        self._max_event_bytes = max_event_bytes
        self._name_of_server = f"The model server at {server}" if server else "The model server"
        self._line = bytearray()  # The line whose end has not arrived.
        self._at_start = True  # Nothing but the beginning of a byte order mark has arrived.
        self._after_carriage_return = False  # The last byte was CR: a LF that follows belongs to it.
        self._data: list[str] = []
        self._data_bytes = 0
        self._name = ""

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes. Raises MalformedEvent for a line or an event over the bound."""
        if self._at_start:
            data = self._without_byte_order_mark(data)
        if self._after_carriage_return and data:
            self._after_carriage_return = False
            data = data.removeprefix(b"\n")
        events = []
        # bytes.splitlines knows CR, LF and CRLF and nothing else, which is what the standard asks for.
        for piece in data.splitlines(keepends=True):
            body = piece.rstrip(b"\r\n")
            if len(self._line) + len(body) + self._data_bytes > self._max_event_bytes:
                raise MalformedEvent(
                    f"{self._name_of_server} sent an event of more than {self._max_event_bytes} bytes; "
                    "check that server.url is an OpenAI-compatible server."
                )
            self._line += body
            if len(body) < len(piece):
                event = self._take_line()
                if event is not None:
                    events.append(event)
        self._after_carriage_return = self._after_carriage_return or data.endswith(b"\r")
        return events

    def _without_byte_order_mark(self, data: bytes) -> bytes:
        head = bytes(self._line) + data
        self._line.clear()
        if len(head) < len(_BYTE_ORDER_MARK) and _BYTE_ORDER_MARK.startswith(head):
            self._line += head
            return b""
        self._at_start = False
        return head.removeprefix(_BYTE_ORDER_MARK)

    def _take_line(self) -> Event | None:
        line = self._line.decode("utf-8", errors="replace")
        size = len(self._line)
        self._line.clear()
        if not line:
            return self._dispatch()
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            self._data.append(value)
            self._data_bytes += size
        elif field == "event":
            self._name = value
        return None  # A comment (empty field name) and every other field says nothing to us.

    def _dispatch(self) -> Event | None:
        event = Event("\n".join(self._data), self._name or "message") if self._data else None
        self._data.clear()
        self._data_bytes = 0
        self._name = ""
        return event
