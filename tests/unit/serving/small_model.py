"""A model of a few kilobytes for the tests: its catalogue entry, its wheels, and a server that has its file."""

from __future__ import annotations

import hashlib
import random
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from codeassist.serving.catalogue import Entry, Hub, ModelFile, Wheels

CONTENT = b"GGUF" + random.Random(1).randbytes(200_000)
FILE_NAME = "small.gguf"
PARTS = 2


def small_entry(content: bytes = CONTENT, *, hub: bool = True, wheels: bool = False) -> Entry:
    return Entry(
        name="small",
        title="Small",
        kind="embedded",
        family="qwen-coder",
        licence="none",
        origin="tests",
        total_parameters=1,
        active_parameters=1,
        context_tokens=1,
        served_names=("small",),
        can_review=False,
        notes="",
        file=ModelFile(name=FILE_NAME, bytes=len(content), sha256=hashlib.sha256(content).hexdigest()),
        hub=Hub(repository="owner/small", file=FILE_NAME) if hub else None,
        wheels=Wheels(
            packages=tuple(f"codeassist-test-small-part{n}" for n in range(1, PARTS + 1)),
            version="0.1.0",
            largest_bytes=200_000,
        )
        if wheels
        else None,
    )


def write_wheels(folder: Path, content: bytes = CONTENT, parts: int = PARTS) -> list[Path]:
    """Wheels that carry `content`; importing one of them would fail loudly."""
    folder.mkdir(parents=True, exist_ok=True)
    step = -(-len(content) // parts)
    written = []
    for n in range(1, parts + 1):
        module, info = f"codeassist_test_small_part{n}", f"codeassist_test_small_part{n}-0.1.0.dist-info"
        path = folder / f"{module}-0.1.0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{module}/__init__.py", "raise SystemExit('imported')")
            archive.writestr(f"{module}/data/part{n:02}.bin", content[(n - 1) * step : n * step])
            name = f"codeassist-test-small-part{n}"
            archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
            archive.writestr(
                f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            archive.writestr(f"{info}/RECORD", "")
        written.append(path)
    return written


@dataclass
class FileServer:
    """Serves one file. `cut_after`: bytes of the body after which connections break, one for each request."""

    content: bytes = CONTENT
    etag: str | None = '"one"'
    ranges: bool = True
    status: int = 200
    cut_after: list[int] = field(default_factory=list)
    requests: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.requests.append({"path": handler.path, **{k.lower(): v for k, v in handler.headers.items()}})
        if self.status != 200:
            handler.send_error(self.status)
            return
        asked = handler.headers.get("Range")
        same = handler.headers.get("If-Range") == self.etag
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and same and self.ranges else 0
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        if self.etag:
            handler.send_header("ETag", self.etag)
        body = self.content[start:]
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: self.cut_after.pop(0)] if self.cut_after else body)
        handler.close_connection = True


@contextmanager
def serving(server: FileServer) -> Iterator[FileServer]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            server.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    server.url = f"http://127.0.0.1:{listening.server_port}"
    try:
        yield server
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()
