"""A language server that is out of order, in the way that its first argument says."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

LINK = "[Mend it](command:workbench.action.closeActiveEditor)"


def read() -> dict[str, Any]:
    length = 0
    while line := sys.stdin.buffer.readline().strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    message: dict[str, Any] = json.loads(sys.stdin.buffer.read(length) or b"{}")
    return message


def write(message: dict[str, Any]) -> None:
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    sys.stdout.buffer.flush()


def say(message: str) -> None:
    write({"method": "window/showMessage", "params": {"type": 2, "message": message}})


def main() -> None:
    way = sys.argv[1]
    if way == "garbage":
        print("Welcome to codeassist!\n" * 100)
        sys.exit()
    if "pull" in sys.argv:
        print("Downloading a-model. 5 of 10 MB", flush=True)
    if way == "mute" or "pull" in sys.argv:
        time.sleep(10_000)
    asked = read()
    write({"id": asked["id"], "result": {"capabilities": {}}})
    if way != "exits":
        write({"method": "codeassist/status", "params": {"state": "ready", "message": "A stand-in runs."}})
    if way == "links":
        say(f"The server says: {LINK}")
    while way in ("links", "listens") and (told := read()):
        if told.get("method") == "codeassist/otherDiagnostics":
            found = told["params"]
            say(f"{len(found['diagnostics'])} mistakes are known in {found['textDocument']['uri'].rpartition('/')[2]}")
    # Else it exits at once.


if __name__ == "__main__":
    main()
