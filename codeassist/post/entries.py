"""An entry of a model's answer as a finding, as far as the document bears it out. Pure; nothing in it is believed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from codeassist.post.findings import SEVERITIES, Finding, Severity, clean_message
from codeassist.post.quotes import find_quote, replacing
from codeassist.prompt.review import CATEGORIES
from codeassist.text.document import Document, Offset, Span

_SCORES: dict[Severity, float] = {"error": 3.0, "warning": 2.0, "info": 1.0}
"""What a finding in words weighs before it is looked at again."""
OTHER = "review"
"""The category of an entry that names none of ours."""


def finding_of(
    entry: Mapping[str, Any], document: Document, spans: Sequence[Span], lines: Collection[int]
) -> Finding | str:
    """The finding that an entry stands for, or the reason of DROPS why it is none.

    `spans`: the functions that the model was asked about, and `lines` (from 0) what it saw of them; a finding lies in
    one of these functions and these lines, and so does its fix.
    """
    quote, message, severity = entry.get("quote"), entry.get("message"), entry.get("severity")
    if not isinstance(quote, str) or not isinstance(message, str) or severity not in SEVERITIES:
        return "wrong-form"
    message = clean_message(message)
    if not message:
        return "wrong-form"
    number = entry.get("line")
    near = number - 1 if isinstance(number, int) and not isinstance(number, bool) else None
    within = Span(Offset(min(span.start for span in spans)), Offset(max(span.end for span in spans)))
    place = find_quote(quote, document, within, lines=lines, near=near)
    if not isinstance(place, Span):
        return place
    if not any(span.start <= place.start and place.end <= span.end for span in spans):
        return "no-such-quote"
    category, replacement = entry.get("category"), entry.get("replacement")
    edit = replacing(replacement, quote, place, document) if isinstance(replacement, str) else None
    return Finding(
        span=place,
        severity=severity,
        category=category if category in CATEGORIES else OTHER,
        message=message,
        analyzer="words",
        score=_SCORES[severity],
        fix=() if edit is None else (edit,),
        fix_title="" if edit is None else "Apply the suggested change",
    )
