"""Framing: every cut of a stream gives the same bodies, and wrong headers cost no more than their own message."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeassist.server.transport import MAX_BODY_BYTES, Framer

ONE, TWO = b'{"jsonrpc": "2.0", "id": 1}', '{"text": "é😀 Content-Length: 5\\r\\n\\r\\n"}'.encode()


def framed(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n" % len(body) + body


def bodies(*pieces: bytes) -> list[bytes]:
    framer = Framer()
    return [body for piece in pieces for body in framer.feed(piece)]


@given(st.lists(st.sampled_from([ONE, TWO, b"{}", b"[]", b"x"]), max_size=5), st.lists(st.integers(0, 400)))
def test_where_the_stream_is_cut_does_not_matter(messages: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(map(framed, messages))
    ends = sorted(min(cut, len(stream)) for cut in cuts)
    pieces = [stream[start:end] for start, end in zip([0, *ends], [*ends, len(stream)], strict=True)]
    assert bodies(*pieces) == messages


@given(st.integers(-27, 200), st.integers(1, 40))
def test_a_wrong_length_costs_one_message_at_most(error: int, step: int) -> None:
    stream = b"Content-Length: %d\r\n\r\n" % (len(ONE) + error) + ONE + framed(TWO) + framed(ONE)
    found = bodies(*(stream[start : start + step] for start in range(0, len(stream), step)))
    assert found[-2:] == [TWO, ONE]
    assert (error < 0) or found == [ONE, TWO, ONE]


@pytest.mark.parametrize(
    "head",
    [
        b"content-length:%d\n\n",
        b"CONTENT-LENGTH:  %d \r\n\r\n",
        b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: %d\r\n\r\n",
        b"Content-Length: %d\r\nContent-Type: application/vscode-jsonrpc; charset=utf-8\r\nX-Y: z\r\n\r\n",
        b"some garbage\r\n\r\nContent-Length: x\r\n\r\nContent-Length: %d\r\n\r\n",
    ],
)
def test_headers_that_are_understood(head: bytes) -> None:
    assert bodies(head % len(ONE) + ONE) == [ONE]


def test_a_body_that_is_not_all_there() -> None:
    assert bodies(framed(ONE)[:-1]) == []
    assert bodies(framed(ONE)[:-1], b"}") == [ONE]


def test_a_length_that_nobody_means() -> None:
    assert bodies(b"Content-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1), framed(ONE)) == [ONE]


def test_garbage_is_not_kept() -> None:
    framer = Framer()
    for _ in range(100):
        assert list(framer.feed(b"x" * 10_000)) == []
    assert len(framer._buffer) < 10_000
    assert list(framer.feed(framed(ONE))) == [ONE]


def test_stdout_is_for_the_protocol_alone() -> None:
    """Prints of Python, of libraries in C and of child processes go to stderr from then on."""
    script = (
        "import os, subprocess, sys; from codeassist.server.transport import private_stdout; out = private_stdout();"
        "print('printed'); sys.stdout.flush(); os.write(1, b'written\\n');"
        "subprocess.run([sys.executable, '-c', 'print(\"inherited\")']); out.write(b'protocol'); out.flush()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60, check=True)
    assert done.stdout == b"protocol"
    assert done.stderr.split() == [b"printed", b"written", b"inherited"]
