"""A worker as the product's, but for files that say how it shall fail. Stands in for a grammar with a bug."""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import replace

from codeassist.workspace.extract import Entry, Raw, extract
from codeassist.workspace.worker import main


def take_apart(raw: Raw) -> Entry:
    data = raw.data or b""
    if b"CRASH" in data:
        os._exit(139)
    if b"HANG" in data:
        threading.Event().wait()
    if b"UNWRITABLE" in data:
        return replace(extract(raw), language="half a pair: \ud800")
    if b"RAISE" in data:
        raise RecursionError
    return extract(raw)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], take_apart))
