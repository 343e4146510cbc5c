"""What `latency.py` takes on its command line."""

from __future__ import annotations

import argparse
from pathlib import Path

from timing import LINE_TOKENS

from codeassist.prompt.families import FAMILIES


def parser(description: str | None) -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--url", required=True, help="http://HOST:PORT/v1 or unix:///PATH of a running server")
    options.add_argument("--model", help="the served name (default: the first that the server lists)")
    options.add_argument("--key-env", default="CODEASSIST_API_KEY", metavar="NAME", help="default: %(default)s")
    options.add_argument("--family", choices=sorted(FAMILIES), help="prompt family (default: by the model's name)")
    options.add_argument("--prompts", type=sizes, default="1k,4k,8k", help="lengths in tokens (default: %(default)s)")
    options.add_argument("--beside", type=loads, default="1,4", help="reviews in flight (default: %(default)s)")
    options.add_argument("--repeat", type=positive, default=10, help="rounds (default: %(default)s)")
    options.add_argument("--files", type=Path, nargs="+", default=[], help="source files (default: codeassist's own)")
    options.add_argument(
        "--line",
        choices=("auto", "newline", "tokens"),
        default="auto",
        help=f"what finishes a line; tokens: {LINE_TOKENS} of them (default: newline where the model writes lines)",
    )
    options.add_argument("--no-schema", action="store_true", help="reviews without their JSON schema, for comparison")
    options.add_argument("--json", type=Path, metavar="FILE", help="also write everything to this file")
    return options


def positive(word: str) -> int:
    if not word.isdecimal() or int(word) < 1:
        raise argparse.ArgumentTypeError(f"{word!r} is no whole number of at least 1")
    return int(word)


def sizes(words: str) -> list[int]:
    """ "1k,300" -> [1024, 300]."""
    found = []
    for word in words.lower().split(","):
        number, factor = (word[:-1], 1024) if word.endswith("k") else (word, 1)
        if not number.isdecimal() or int(number) * factor < 64:
            raise argparse.ArgumentTypeError(f"{word!r} is no length; write 1k,4k,8k, at least 64 tokens each")
        found.append(int(number) * factor)
    return sorted(set(found))


def loads(words: str) -> list[int]:
    """ "1,4" -> [1, 4]; "0" or "" for none."""
    if not all(word.isdecimal() and int(word) <= 64 for word in words.split(",") if word):
        raise argparse.ArgumentTypeError("numbers of reviews up to 64, such as 1,4")
    return sorted({int(word) for word in words.split(",") if word} - {0})
