"""Where a model file comes from: a file the user has, a mirror, the Hugging Face hub.

A source appends the file to a `Partial` and says why it cannot with `SourceFailed`; whether the bytes are the
model is decided by their hash, elsewhere. A source that cannot be reached costs seconds, never minutes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol
from urllib.parse import urlsplit

from codeassist.serving.catalogue import ModelFile
from codeassist.serving.partial import Partial
from codeassist.serving.store import READ_BYTES

if TYPE_CHECKING:
    import httpx

CONNECT_BUDGET_S = 3.0
"""For looking a name up and connecting, all addresses of the name together."""
SILENCE_S = 15.0
"""A server that sends nothing for this long counts as a broken connection."""
CHECKPOINT_BYTES = 8 << 20
ATTEMPTS = 5
"""How often one source is asked again after a connection broke and some bytes had come."""

Stage = Literal["waiting", "checking", "connecting", "downloading", "verifying", "skipped", "done"]
"""`skipped`: a source did not have it; the message says which and why, and the next one is tried."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a pull stands. `message` is a sentence for people; `done_bytes` counts from the file's first byte."""

    done_bytes: int
    total_bytes: int
    stage: Stage
    message: str


Tell = Callable[[Stage, int, str], None]
"""Stage, bytes done, message."""


class SourceFailed(Exception):
    """This source does not give the file; the message says why and names no source."""


class Source(Protocol):
    """`name` is shown, and kept in the mark of a partial file. `extra_bytes`: room needed beside the file."""

    @property
    def name(self) -> str: ...

    @property
    def extra_bytes(self) -> int: ...

    def fetch(self, partial: Partial, tell: Tell) -> None:
        """Append what is missing. Raises SourceFailed or DiskFull; what counts of `partial` is kept."""
        ...


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file on this machine, or a folder that holds it."""

    path: Path
    file: ModelFile
    extra_bytes: ClassVar[int] = 0

    @property
    def name(self) -> str:
        return str(self.path)

    def fetch(self, partial: Partial, tell: Tell) -> None:
        path = self.path / self.file.name if self.path.is_dir() else self.path
        try:
            size = path.stat().st_size
            if size != partial.size:
                raise SourceFailed(f"{path.name} has {size} bytes instead of {partial.size}")
            partial.restart(self.name)
            with path.open("rb") as stream:
                while block := stream.read(READ_BYTES):
                    partial.write(block)
                    tell("downloading", partial.position, f"Copying from {self.path}.")
        except OSError as error:
            raise SourceFailed(f"{error.strerror or error}") from error


@dataclass(frozen=True, slots=True)
class HttpSource:
    """One URL. Goes on where it stopped if the server can and the file is still the same."""

    url: str
    extra_bytes: ClassVar[int] = 0

    @property
    def name(self) -> str:
        """The URL without a user and a password in it."""
        parts = urlsplit(self.url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()

    @property
    def _host(self) -> str:
        return urlsplit(self.url).hostname or self.url

    def fetch(self, partial: Partial, tell: Tell) -> None:
        import httpx

        # A model comes through the user's own proxy like every other download; code never does.
        timeout = httpx.Timeout(SILENCE_S, connect=CONNECT_BUDGET_S)
        headers = {"Accept-Encoding": "identity", "User-Agent": "codeassist"}
        try:
            with httpx.Client(timeout=timeout, follow_redirects=True, headers=headers) as client:
                for attempt in range(ATTEMPTS):
                    before = partial.position if attempt else -1
                    try:
                        return self._fetch_once(client, partial, tell)
                    except httpx.TransportError as error:
                        if partial.position <= before or attempt == ATTEMPTS - 1 or not partial.mark.good_bytes:
                            why = _sentence_part(error)
                            raise SourceFailed(f"the connection to {self._host} broke ({why})") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SourceFailed(_sentence_part(error)) from error

    def _fetch_once(self, client: httpx.Client, partial: Partial, tell: Tell) -> None:
        mark = partial.mark
        offset = mark.good_bytes if mark.source == self.name and mark.validator else 0
        headers = {"Range": f"bytes={offset}-", "If-Range": mark.validator} if 0 < offset < partial.size else {}
        tell("connecting", partial.position, f"Connecting to {self._host}.")
        response = self._open(client, client.build_request("GET", self.url, headers=headers))
        try:
            if response.status_code == 206 and headers and _range_start(response) == offset:
                partial.resume(lambda done: tell("checking", done, "Reading what is already here."))
            elif response.status_code == 200:
                self._check_length(response, partial.size)
                partial.restart(self.name, _validator(response))
            else:
                raise SourceFailed(f"{self._host} answers {response.status_code} {response.reason_phrase}".rstrip())
            self._append(response.iter_raw(), partial, tell)
        finally:
            response.close()

    def _append(self, blocks: Iterator[bytes], partial: Partial, tell: Tell) -> None:
        try:
            for block in blocks:
                partial.write(block)
                if partial.position - partial.mark.good_bytes >= CHECKPOINT_BYTES:
                    partial.checkpoint()
                tell("downloading", partial.position, f"Downloading from {self._host}.")
        except ValueError as error:
            raise SourceFailed(str(error)) from error
        finally:
            partial.checkpoint()
        if partial.position < partial.size:
            raise SourceFailed(f"{self._host} sent {partial.position} of {partial.size} bytes")

    def _check_length(self, response: httpx.Response, size: int) -> None:
        length = response.headers.get("content-length", "")
        if length.isdecimal() and int(length) != size:
            raise SourceFailed(f"{self._host} has {length} bytes instead of {size}")

    def _open(self, client: httpx.Client, request: httpx.Request) -> httpx.Response:
        """Send the request; raise SourceFailed if there is no connection within CONNECT_BUDGET_S.

        Neither looking a name up nor trying a name's many addresses in turn can be bounded from outside, so it
        happens in a thread that is left alone when the time is over.
        """
        import httpx

        connected, done, abandoned = threading.Event(), threading.Event(), threading.Event()
        answers: list[httpx.Response] = []
        failures: list[Exception] = []

        def trace(name: str, _info: object) -> None:
            if name == "connection.connect_tcp.complete":
                connected.set()

        def send() -> None:
            try:
                response = client.send(request, stream=True)
                answers.append(response)
                if abandoned.is_set():
                    response.close()
            except Exception as error:  # Handed to the waiting thread, which raises it.
                failures.append(error)
            finally:
                done.set()
                connected.set()

        request.extensions["trace"] = trace
        threading.Thread(target=send, daemon=True, name="codeassist-download").start()
        if not connected.wait(CONNECT_BUDGET_S):
            abandoned.set()
            raise SourceFailed(f"{self._host} cannot be reached: no connection within {CONNECT_BUDGET_S:.0f} s")
        done.wait()  # Bounded by the client's own timeouts.
        if answers:
            return answers[0]
        error = failures[0]
        if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)):
            raise SourceFailed(f"{self._host} cannot be reached ({_sentence_part(error)})") from error
        if isinstance(error, httpx.TransportError):
            raise error
        raise SourceFailed(_sentence_part(error)) from error


def mirror_source(place: str, file: ModelFile) -> Source:
    """What the user named: a GGUF file, a folder that holds it, or the base URL of one."""
    if place.startswith(("http://", "https://")):
        whole = urlsplit(place).path.lower().endswith(".gguf")
        return HttpSource(place if whole else f"{place.rstrip('/')}/{file.name}")
    return FileSource(Path(place).expanduser(), file)


def _range_start(response: httpx.Response) -> int:
    unit, _, span = str(response.headers.get("content-range", "")).partition(" ")
    start = span.partition("-")[0]
    return int(start) if unit == "bytes" and start.isdecimal() else -1


def _validator(response: httpx.Response) -> str:
    """What If-Range may carry: a strong entity tag, else the date of the last change."""
    tag = str(response.headers.get("etag", ""))
    return tag if tag.startswith('"') else str(response.headers.get("last-modified", ""))


def _sentence_part(error: Exception) -> str:
    return str(error).strip().rstrip(".") or type(error).__name__
