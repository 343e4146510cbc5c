"""Runs a case through the product's own flow and says what came of it, section by section."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping

from codeassist.context.related import OpenFile, Snippet
from codeassist.flow.admission import Admission
from codeassist.flow.asking import Bound
from codeassist.flow.complete import Completion, complete
from codeassist.flow.prepare import Snapshot
from codeassist.flow.review import Review, regions_of, review
from codeassist.flow.trace import Trace
from codeassist.model.scripted import ScriptedModel
from codeassist.post.findings import Finding
from codeassist.prompt.families import family
from codeassist.settings import AnalyzerName, Layer, Settings, build
from codeassist.syntax.languages import language_of
from codeassist.syntax.tree import parse
from codeassist.text.document import Document, Offset, Position, Span
from codeassist.text.edits import Edit
from tests.cases.format import Case, CaseError, Expected

_HANG_STEPS = 50
"""Turns of the event loop after which a flow that can go on has gone on."""


async def run_completion(case: Case) -> dict[str, str]:
    """The golden sections that the case's completion gives now."""
    if case.cursor is None:
        raise CaseError("a completion case has a cursor")
    if case.expected or {"@findings", "@fixed"} & set(case.goldens):
        raise CaseError("a completion case has no findings")
    path, offset = case.cursor
    opened = {name: _opened(name, text) for name, text in case.files.items()}
    snapshot = Snapshot(
        document=opened[path].document,
        syntax=opened[path].syntax,
        offset=Offset(offset),
        path=path,
        repository=case.options.get("repository", ""),
        others=tuple(other for name, other in opened.items() if name != path),
    )
    model = ScriptedModel(case.model)
    bound = _bound(case, model)
    trace = Trace("completion")
    asking = asyncio.ensure_future(complete(snapshot, bound, _settings(case).completion, trace))
    if "cancel" in case.options:
        for _ in range(_HANG_STEPS):
            await asyncio.sleep(0)
        assert not asking.done(), "the flow ended before it could be cancelled"
        asking.cancel()
    await asyncio.wait({asking})
    _check_stream(case, model)
    if asking.cancelled():
        return {"@answer": "cancelled\n"}
    answer = asking.result()
    assert trace.skip == (answer.skip.reason if answer.skip else None)
    return {
        "@context": "".join(f"{_shown_snippet(snippet)}\n" for snippet in answer.snippets),
        "@prompt": f"{answer.prepared.prompt}\n" if answer.prepared else "",
        "@answer": f"{_shown_answer(answer, snapshot.document)}\n",
    }


async def run_review(case: Case) -> tuple[dict[str, str], Document, Review]:
    """The golden sections that the case's review gives now, the document (the first file), and the review itself."""
    if case.cursor is not None or {"@context", "@prompt", "@answer"} & set(case.goldens):
        raise CaseError("a review case has no cursor and no answer")
    path = next(iter(case.files))
    syntax = _opened(path, case.files[path]).syntax
    if syntax is None:
        raise CaseError(f"there is no grammar for {path}")
    name: AnalyzerName = "words" if case.options.get("analyzer") == "words" else "infill"
    settings = _settings(case).review.model_copy(update={"analyzers": (name,)})
    model = ScriptedModel(case.model)
    regions = regions_of(syntax)
    result = await review(syntax, regions, path, _bound(case, model), settings, Admission(quiet_ms=0), Trace("review"))
    _check_stream(case, model)
    document = syntax.document
    edits = [edit for finding in result.findings for edit in finding.fix]
    lines = [_shown_finding(finding, document) for finding in result.findings]
    lines += [f"silent {analyzer} {skip.reason}" for analyzer, skip in result.skips.items()]
    sections = {
        "@findings": "".join(f"{line}\n" for line in lines),
        "@fixed": document.replace(edits, 1).text,
    }
    return sections, document, result


def found(result: Review, document: Document, path: str) -> list[Expected]:
    """The findings in the form in which comment lines ask for them. They lie within one line each."""
    shown = []
    for finding in result.findings:
        place = document.range(finding.span)
        assert place.start.line == place.end.line, f"no comment line can mark {place}: use @findings"
        columns = (place.start.column, place.end.column)
        shown.append(Expected(path, place.start.line, *columns, finding.severity, finding.category))
    return shown


def same_answer(wanted: str, actual: str) -> bool:
    """Whether two @answer bodies say the same; their JSON strings may be escaped differently."""
    return _answer_values(wanted) == _answer_values(actual)


def _answer_values(body: str) -> tuple[str, object]:
    head, quote, text = body.strip().partition('"')
    return head.strip(), json.loads(quote + text) if quote else None


def _opened(path: str, text: str) -> OpenFile:
    language = language_of(path, "", text[:200].split("\n", 1)[0])
    document = Document.create(f"file:///project/{path}", text, language, 1)
    return OpenFile(path, parse(document), document)


def _bound(case: Case, model: ScriptedModel) -> Bound:
    return Bound(
        model=model,
        family=family(case.options.get("family", "qwen-coder")),
        name="scripted",
        can_review=case.options.get("analyzer") == "words",
    )


def _settings(case: Case) -> Settings:
    values: dict[str, object] = {}
    for key, value in case.settings.items():
        section, name = key.split(".", 1)
        part = values.setdefault(section, {})
        assert isinstance(part, dict)
        part[name] = value
    settings, problems = build([Layer("case", values)])
    if problems:
        raise CaseError(str(problems[0]))
    return settings


def _check_stream(case: Case, model: ScriptedModel) -> None:
    """`stream: closed` asks that the reader left early, so that an engine would have stopped; `stream: finished` and
    `stream: failed` likewise; `stream: none` that nothing was asked."""
    wanted = case.options.get("stream")
    if wanted is None:
        return
    outcomes: list[str] = sorted({call.outcome for call in model.calls})
    outcomes = outcomes or ["none"]
    assert outcomes == [wanted], f"the model's stream was {outcomes}, not {wanted}"


def _shown_snippet(snippet: Snippet) -> str:
    return f"{snippet.path}:{snippet.start_line}-{snippet.end_line} {snippet.why}"


def _shown_answer(answer: Completion, document: Document) -> str:
    if answer.item is None:
        assert answer.skip is not None
        return f"silence {answer.skip.reason}"
    span = answer.item.span
    start = _place(document.position_at(span.start))
    if span.start == span.end:
        return f"{start} insert {_quoted(answer.item.text)}"
    return f"{start}-{_place(document.position_at(span.end))} replace {_quoted(answer.item.text)}"


def _shown_finding(finding: Finding, document: Document) -> str:
    place = document.range(finding.span)
    lines = [f"{_place(place.start)}-{_place(place.end)} {finding.severity} {finding.category}: {finding.message}"]
    lines += [f"  fix {_shown_edit(edit, document)}" for edit in finding.fix]
    return "\n".join(lines)


def _shown_edit(edit: Edit, document: Document) -> str:
    place = document.range(Span(edit.start, edit.end))
    return f"{_place(place.start)}-{_place(place.end)} {_quoted(edit.text)}"


def _place(position: Position) -> str:
    return f"{position.line}:{position.column}"


def _quoted(text: str) -> str:
    """A JSON string; escaped where the file could not hold the text or nobody could see it."""
    plain = text.isprintable() or not re.search(r"[^\x20-\x7e\n\t\r]", text)
    readable = all(c.isprintable() or c in "\n\t\r" for c in text)
    return json.dumps(text, ensure_ascii=not (plain or readable))


def as_goldens(case: Case, actual: Mapping[str, str]) -> dict[str, str]:
    """What to write into the case's golden sections; an answer that says the same is left as it is written."""
    new = {name: actual[name] for name in case.goldens}
    wanted = case.goldens.get("@answer")
    if wanted is not None and same_answer(wanted, new["@answer"]):
        new["@answer"] = wanted
    return new
