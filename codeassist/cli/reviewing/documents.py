"""Findings as the JSON document of the command line."""

from __future__ import annotations

from typing import Any

from codeassist.cli.reviewing.results import HIDDEN, Located, Results, ends


def json_document(results: Results) -> dict[str, Any]:
    """Findings in order, and what it took. `hidden` counts what is not shown, by why; `partial` says that not all was
    reviewed."""
    return {
        "findings": [_entry(located) for located in results.shown],
        "stats": {
            "files": results.files,
            "functions": results.functions,
            "requests": results.requests,
            "tokens": results.tokens,
            "skips": results.skips,
            "hidden": {why: results.hidden[why] for why in HIDDEN},
            "partial": results.is_partial,
        },
    }


def _entry(located: Located) -> dict[str, Any]:
    finding, source = located.finding, located.source
    fix = None
    if finding.fix:
        fix = {"edits": [{**ends(source, edit.start, edit.end), "text": edit.text} for edit in finding.fix]}
    return {
        "path": located.path,
        **located.place,
        "severity": finding.severity,
        "category": finding.category,
        "message": finding.message,
        "analyzer": finding.analyzer,
        "score": finding.score,
        "fingerprint": finding.fingerprint,
        "fix": fix,
    }
