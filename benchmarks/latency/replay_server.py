"""The language server over stdio as `codeassist lsp` starts it, without the parts that are named.

python benchmarks/latency/replay_server.py [reuse] [join] [speculation] [warm-up] [silence]
"""

from __future__ import annotations

import logging
import sys

from codeassist.server.app import App


def main(names: list[str]) -> int:
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    logging.getLogger("pygls").setLevel(logging.CRITICAL)
    try:
        app = App(without=frozenset(names))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    app.server.start_io()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
