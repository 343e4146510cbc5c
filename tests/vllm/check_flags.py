"""Run by the Python that has vLLM: reads commands, `{name: [word, ...]}` as JSON, from standard input, parses each as
`vllm serve` would, and writes what is wrong with them, `{name: [sentence, ...]}`, as JSON."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from typing import Any


def problems(parser: Any, words: list[str]) -> list[str]:
    """What the parser says against the words after `vllm serve`. A flag that it knows by an abbreviation is wrong."""
    found = []
    known = {option for action in parser._actions for option in action.option_strings}
    for word in words[1:]:
        flag = word.partition("=")[0]
        if flag.startswith("--") and flag not in known:
            found.append(f"there is no {flag}")
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            _, unknown = parser.parse_known_args(words)
        found += [f"{word} is left over" for word in unknown]
    except SystemExit:
        found.append(said.getvalue().strip().splitlines()[-1])
    except ValueError as error:
        found.append(str(error))
    return found


def main() -> None:
    output = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):  # vLLM logs while it is imported.
        from vllm.entrypoints.launchers.cli_args import make_arg_parser
        from vllm.utils.argparse_utils import FlexibleArgumentParser

        parser = make_arg_parser(FlexibleArgumentParser())
        commands: dict[str, list[str]] = json.load(sys.stdin)
        found = {name: problems(parser, words) for name, words in commands.items()}
    json.dump({name: sentences for name, sentences in found.items() if sentences}, output, indent=2)


if __name__ == "__main__":
    main()
