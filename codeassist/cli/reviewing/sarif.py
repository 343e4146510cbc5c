"""Findings as SARIF 2.1.0, for code scanning of GitHub and others.

Paths are relative to the root of the repository and percent-encoded; of this machine nothing is in the log but where
files lie that are neither in the repository nor in the folder where the command was started. Columns count UTF-16 code
units: that is what readers assume that do not look at `columnKind`, and it says so for those that do.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from codeassist import __version__
from codeassist.cli.reviewing.results import HIDDEN, Located, Results
from codeassist.cli.reviewing.rules import rule_of
from codeassist.cli.source import Source
from codeassist.post.skip import REASONS
from codeassist.text.document import Offset
from codeassist.text.positions import to_units

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def sarif_log(results: Results) -> dict[str, Any]:
    """The whole log, with one run."""
    categories = sorted({located.finding.category for located in results.shown})
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "codeassist",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_rule(category) for category in categories],
            }
        },
        "columnKind": "utf16CodeUnits",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the repository."}}},
        "invocations": [
            {
                "executionSuccessful": not results.is_partial,
                "toolExecutionNotifications": _notifications(results),
            }
        ],
        "results": [_result(located, categories) for located in results.shown],
        "properties": {"hidden": {why: results.hidden[why] for why in HIDDEN}, "partial": results.is_partial},
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(category: str) -> dict[str, Any]:
    rule = rule_of(category)
    return {
        "id": category,
        "name": "".join(word.capitalize() for word in category.split("-")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.help},
        "help": {"text": rule.help, "markdown": rule.help},
        "defaultConfiguration": {"level": "warning"},
        "properties": {"tags": ["security"] if category == "security" else ["correctness"], "precision": "medium"},
    }


def _result(located: Located, categories: Sequence[str]) -> dict[str, Any]:
    finding, source = located.finding, located.source
    region = _region(source, finding.span.start, finding.span.end)
    snippet = {"text": source.document.slice(finding.span)}
    result: dict[str, Any] = {
        "ruleId": finding.category,
        "ruleIndex": categories.index(finding.category),
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message},
        "locations": [
            {"physicalLocation": {"artifactLocation": _artifact(source), "region": {**region, "snippet": snippet}}}
        ],
        "partialFingerprints": {"codeassist/v1": finding.fingerprint},
        "properties": {"analyzer": finding.analyzer, "score": finding.score},
    }
    if finding.fix:
        replacements = [
            {
                "deletedRegion": _region(source, edit.start, edit.end),
                "insertedContent": {"text": edit.text},
            }
            for edit in finding.fix
        ]
        change = {"artifactLocation": _artifact(source), "replacements": replacements}
        result["fixes"] = [{"description": {"text": finding.fix_title}, "artifactChanges": [change]}]
    return result


def _artifact(source: Source) -> dict[str, str]:
    if Path(source.listed).is_absolute():
        return {"uri": Path(source.listed).as_uri()}
    return {"uri": uri(source.listed), "uriBaseId": _ROOT}


def uri(path: str) -> str:
    """A relative path as a relative reference: encoded byte by byte, for a file name is bytes and need not be UTF-8."""
    encoded = quote(os.fsencode(path), safe="/~!$&'()*+,;=@")
    return f"./{encoded}" if encoded.startswith("/") else encoded


def _region(source: Source, start: Offset, end: Offset) -> dict[str, int]:
    """From 1, in UTF-16 code units; the end is the place behind the last character."""
    document = source.document
    first, last = document.position_at(start), document.position_at(end)
    return {
        "startLine": first.line + 1,
        "startColumn": to_units(document.line(first.line), first.column, "utf-16") + 1,
        "endLine": last.line + 1,
        "endColumn": to_units(document.line(last.line), last.column, "utf-16") + 1,
    }


def _notifications(results: Results) -> list[dict[str, Any]]:
    """Why files were not reviewed, and why the run ended before its end."""
    said = [
        {"level": "note", "message": {"text": f"{os.fsencode(path).decode('utf-8', 'replace')}: {REASONS[reason]}"}}
        for path, reason in results.skips.items()
    ]
    if results.failure:
        said.append({"level": "error", "message": {"text": results.failure}})
    if results.was_interrupted:
        said.append({"level": "error", "message": {"text": "The review was interrupted; not all was looked at."}})
    return said
