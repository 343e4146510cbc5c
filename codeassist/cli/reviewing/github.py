"""Findings as annotations of GitHub Actions: workflow commands, one a line.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from codeassist.cli.reviewing.results import Located, Results

_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}


def annotation_lines(results: Results) -> Iterator[str]:
    """A line for each finding."""
    return map(_annotation, results.shown)


def _annotation(located: Located) -> str:
    finding = located.finding
    start, end = located.place["start"], located.place["end"]
    properties = {"file": _readable(located.path), "line": start["line"], "endLine": end["line"]}
    if start["line"] == end["line"]:  # GitHub takes columns for a place on one line only; its last one is included.
        properties |= {"col": start["column"], "endColumn": max(start["column"], end["column"] - 1)}
    properties["title"] = f"codeassist: {finding.category}"
    said = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    message = finding.message + (f"\n{finding.fix_title}" if finding.fix else "")
    return f"::{_COMMANDS[finding.severity]} {said}::{_data(message)}"


def _readable(path: str) -> str:
    """A path whose bytes may be no UTF-8, which GitHub could not show anyway."""
    return os.fsencode(path).decode("utf-8", "replace")


def _data(text: str) -> str:
    """The rules of the runner: a line end would begin another command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
