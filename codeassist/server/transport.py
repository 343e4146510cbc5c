"""Bytes in, message bodies out: LSP's framing over stdio or TCP, read so that no client can make the server deaf.

A wrong Content-Length puts a reader that believes it out of step for good. This one looks for the next header instead:
a length that is too long, too short, huge or no number costs the message that it stands before, and no other.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import BinaryIO

MAX_BODY_BYTES = 512 << 20
"""No document that an editor sends is longer; a length above this is a mistake."""
_NAME = b"Content-Length:"
_HEADER = re.compile(rb"Content-Length:[ \t]*(\d{1,12})[ \t]*\r?\n(?:[A-Za-z-]+:[^\r\n]*\r?\n)*\r?\n", re.IGNORECASE)
_LONGEST_HEADER = 1024
_READ_BYTES = 1 << 18
_WAITING_READS = 4

Receive = Callable[[bytes], None]


class Framer:
    """Cuts what arrives into message bodies. Knows nothing of JSON but that no string of it holds a raw line break,
    so that a header inside a body proves the body's length wrong."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._wanted: int | None = None
        self._searched = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take in `data`; give out each body that is complete now. A body may still be no JSON."""
        self._buffer += data
        while True:
            if self._wanted is None and not self._take_header():
                return
            body = self._take_body()
            if body is None:
                return
            yield body

    def _take_header(self) -> bool:
        while True:
            found = _HEADER.search(self._buffer)
            if found is None:
                del self._buffer[:-_LONGEST_HEADER]
                return False
            length = int(found[1])
            del self._buffer[: found.end()]
            if length <= MAX_BODY_BYTES:
                self._wanted, self._searched = length, 0
                return True

    def _take_body(self) -> bytes | None:
        wanted = self._wanted or 0
        inner = self._header_inside(wanted)
        if inner is None and len(self._buffer) < wanted:
            return None
        end = wanted if inner is None else inner
        if inner is None:
            end = _without_begun_header(self._buffer, wanted)
        body = bytes(self._buffer[:end])
        del self._buffer[:end]
        self._wanted = None
        return body

    def _header_inside(self, wanted: int) -> int | None:
        """Where the next message's header begins, if it does so before this body's end."""
        limit = min(wanted, len(self._buffer))
        start = max(0, self._searched - _LONGEST_HEADER)
        while (start := self._buffer.find(_NAME, start, limit)) >= 0:
            if _HEADER.match(self._buffer, start):
                return start
            start += 1
        self._searched = limit
        return None


def _without_begun_header(buffer: bytearray, wanted: int) -> int:
    """The length of a body that may be too long by the beginning of the next header."""
    end = buffer.rfind(b"}", max(0, wanted - _LONGEST_HEADER), wanted) + 1
    rest = bytes(buffer[end:wanted]).lstrip()
    if end and rest and (rest.startswith(_NAME) or _NAME.startswith(rest)):
        return wanted - len(rest)
    return wanted


async def serve(read: Callable[[], Awaitable[bytes]], receive: Receive) -> None:
    """Hand every body that `read` brings to `receive`, in order, until `read` brings nothing more."""
    framer = Framer()
    while data := await read():
        for body in framer.feed(data):
            receive(body)
            # A handler takes its snapshot in the first step of its task. Without this pause a change that came in
            # the same packet would be handled before that step.
            await asyncio.sleep(0)


def stdin_reader(descriptor: int) -> Callable[[], Awaitable[bytes]]:
    """A coroutine function that reads from a pipe, a file or a terminal; b"" at its end. Call it in a running loop.

    The descriptor stays blocking, as other processes may have it, too: it is read when there is something to read.
    """
    loop = asyncio.get_running_loop()
    try:
        loop.add_reader(descriptor, lambda: None)
    except (NotImplementedError, OSError):
        return _read_on_thread(descriptor)  # Pipes on Windows, and files, cannot be waited for.
    loop.remove_reader(descriptor)

    async def read() -> bytes:
        ready = loop.create_future()
        loop.add_reader(descriptor, _set, ready)
        try:
            await ready
        finally:
            loop.remove_reader(descriptor)
        return _read(descriptor)

    return read


def _read_on_thread(descriptor: int) -> Callable[[], Awaitable[bytes]]:
    """On a daemon thread: an executor's thread that waits for a client would keep the process from ending. It bypasses
    `sys.stdin`, whose lock such a thread would hold at exit."""
    loop = asyncio.get_running_loop()
    pieces: asyncio.Queue[bytes] = asyncio.Queue(_WAITING_READS)

    def pump() -> None:
        data = b"-"
        while data:
            data = _read(descriptor)
            try:
                asyncio.run_coroutine_threadsafe(pieces.put(data), loop).result()
            except (RuntimeError, asyncio.CancelledError):
                return  # The loop is closed: nobody reads any more.

    threading.Thread(target=pump, name="codeassist-stdin", daemon=True).start()
    return pieces.get


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _READ_BYTES)
    except OSError:
        return b""


def _set(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def private_stdout() -> BinaryIO:
    """The process's stdout for LSP alone: whatever else prints from now on, C libraries included, goes to stderr."""
    sys.stdout.flush()
    private = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return os.fdopen(private, "wb")
