"""Review in words: ask a chat model for findings in a region, in a form that the server enforces.

For models good enough to be asked; the catalogue says which. What the model says is not believed about places: it
quotes code, and the quote is searched in the region.
"""

from __future__ import annotations

import json
import re
from typing import Any

from codeassist.context.cursor import cursor_view
from codeassist.context.limits import ContextLimits
from codeassist.flow.asking import whole_text
from codeassist.flow.infill import Check
from codeassist.flow.trace import Trace
from codeassist.model.api import ChatRequest, Message, Priority
from codeassist.post.findings import SEVERITIES, Finding, Severity, anchor, clean_message
from codeassist.prompt.review import FINDINGS_SCHEMA, MOST_FINDINGS, Region, review_turns
from codeassist.text.document import Span
from codeassist.text.edits import Edit

_ANSWER_TOKENS = 640
"""Enough for a few findings; small, so that pre-empting a review wastes little."""
_BEGINNING = re.compile(r'\{\s*"findings"\s*:')
_SCORES: dict[Severity, float] = {"error": 3.0, "warning": 2.0, "info": 1.0}


class UnreadableAnswer(Exception):
    """The model's answer is not the JSON that was asked for, though the server was to enforce it."""


async def review_in_words(check: Check, region: Span, trace: Trace) -> list[Finding]:
    """Findings in `region`, as far as their quotes are found there. Raises ModelError and UnreadableAnswer."""

    request = _request(check, region)
    answer = await check.admission.background(
        lambda begun: whole_text(check.bound.model.chat(request), trace, begun), check.bound.rule
    )
    return parse_findings(answer, check, region)


def parse_findings(answer: str, check: Check, region: Span) -> list[Finding]:
    """Turn the JSON answer into findings; entries that quote nothing findable are dropped.

    A server that does not enforce the schema leaves the form to the model: what stands around the document (thoughts,
    a fence, a greeting) is passed over. Raises UnreadableAnswer if there is none.
    """
    entries = _document_in(answer)
    found = [_finding(entry, check, region) for entry in entries if isinstance(entry, dict)]
    return [finding for finding in found if finding is not None]


def _document_in(answer: str) -> list[Any]:
    """The list of findings in an answer; the last one, for thoughts come before what was thought of."""
    for start in [match.start() for match in _BEGINNING.finditer(answer)][::-1]:
        try:
            document, _ = json.JSONDecoder().raw_decode(answer, start)
        except (ValueError, RecursionError):
            continue
        if isinstance(document["findings"], list):
            return list(document["findings"])
    raise UnreadableAnswer


def _request(check: Check, region: Span) -> ChatRequest:
    document, family = check.syntax.document, check.bound.family
    limits = ContextLimits(prompt_tokens=check.bound.prompt_tokens(check.settings.prompt_tokens, _ANSWER_TOKENS))
    before = cursor_view(check.syntax, region.start, limits)
    after = cursor_view(check.syntax, region.end, limits)
    material = Region(
        path=check.path,
        language=document.language,
        code=document.text[region.start : region.end],
        before=before.head + before.prefix,
        after=after.suffix,
    )
    turns = review_turns(
        material,
        family,
        max_findings=min(check.settings.max_findings, MOST_FINDINGS),
        explain_in=check.settings.language or "English",
    )
    return ChatRequest(
        messages=tuple(Message(turn.role, turn.content) for turn in turns),
        max_tokens=_ANSWER_TOKENS,
        schema=FINDINGS_SCHEMA,
        priority=Priority.REVIEW,
        lane="review",
        template_options=family.template_options,
        reasoning_effort=family.reasoning_effort,
    )


def _finding(entry: dict[str, Any], check: Check, region: Span) -> Finding | None:
    quote, message, severity = entry.get("quote"), entry.get("message"), entry.get("severity")
    if not isinstance(quote, str) or not isinstance(message, str) or severity not in SEVERITIES:
        return None
    document = check.syntax.document
    span = anchor(quote, document, region)
    if span is None or not clean_message(message):
        return None
    replacement = entry.get("replacement")
    fix: tuple[Edit, ...] = ()
    if isinstance(replacement, str) and replacement.strip() and replacement.strip() != quote.strip():
        fix = (Edit(span.start, span.end, replacement.strip("\n")),)
    category = str(entry.get("category") or "review")
    return Finding(
        span=span,
        severity=severity,
        category=category[:40],
        message=clean_message(message),
        analyzer="words",
        score=_SCORES[severity],
        fix=fix,
        fix_title="Apply the suggested change" if fix else "",
    )
