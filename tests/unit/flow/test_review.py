"""What a review looks at, what it remembers, and what becomes of failures."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from codeassist.flow.admission import Admission
from codeassist.flow.review import Review, Watch, regions_of, review
from codeassist.flow.trace import Trace
from codeassist.model.abilities import Abilities
from codeassist.model.api import ChatRequest, Chunk, CompletionRequest, Priority, Request
from codeassist.model.scripted import ScriptedModel
from codeassist.post.findings import Finding
from codeassist.prompt.review import FINDINGS_SCHEMA
from codeassist.settings import ReviewSettings
from codeassist.syntax import tree
from codeassist.syntax.tree import Syntax, parse
from codeassist.text.document import Document
from tests.unit.flow.making import bound, parsed, until

TWO = "def half(n):\n    return n / 2\n\n\ndef twice(n):\n    return n * 2\n"
NO_FINDINGS = '{"findings": []}'
INFILL = ReviewSettings(analyzers=("infill",))
WORDS = ReviewSettings(analyzers=("words",), min_confidence=0.0)


async def reviewed(
    model: ScriptedModel, settings: ReviewSettings = INFILL, syntax: Syntax | None = None, trace: Trace | None = None
) -> Review:
    syntax = syntax or parsed(TWO)
    return await review(
        syntax,
        regions_of(syntax),
        "a.py",
        bound(model, can_review=True),
        settings,
        Admission(quiet_ms=0),
        trace or Trace("review"),
    )


def names(result: Review) -> list[str]:
    return [region.name for region in result.reviewed]


def test_regions_are_functions_with_the_lines_worth_a_look() -> None:
    found = regions_of(
        parsed('import os\n\n\ndef f(a):\n    """Text."""\n\n    # Why.\n    return (\n        a\n    )\n')
    )
    assert [(region.name, region.lines) for region in found] == [("f", (7,))]


def test_a_file_without_functions_is_one_region() -> None:
    (region,) = regions_of(parsed("x = 1\ny = 2\n"))
    assert (region.name, region.lines) == ("", (0, 1))
    assert regions_of(parsed("")) == ()
    assert regions_of(parsed("# Only words.\n")) == ()


async def test_nothing_to_review() -> None:
    trace, model = Trace("review"), ScriptedModel()
    result = await review(parsed(TWO), (), "a.py", bound(model), INFILL, Admission(), trace)
    assert result.skips["infill"].reason == trace.skip == "nothing-changed"
    assert model.calls == []


async def test_the_requests_of_the_infill_check() -> None:
    model = ScriptedModel("!repeat\nreturn")
    await reviewed(model)
    assert {type(request) for request in model.requests} == {CompletionRequest}
    assert {(request.priority, request.lane) for request in model.requests} == {(Priority.REVIEW, "review")}
    first = model.requests[0]
    assert isinstance(first, CompletionRequest)
    assert "n / 2" not in first.prompt, "the line under question is not shown"
    assert first.logprobs == 20


async def test_each_line_is_left_at_its_end() -> None:
    model = ScriptedModel("    return n / 2¦\n¦\n¦def more¦\n!next\n    return n * 2¦\n¦more")
    result = await reviewed(model)
    assert result.findings == ()
    assert [(call.outcome, call.text) for call in model.calls] == [
        ("closed", "    return n / 2\n"),
        ("closed", "    return n * 2\n"),
    ]


async def test_the_request_of_the_review_in_words() -> None:
    model = ScriptedModel(f"!repeat\n{NO_FINDINGS}")
    result = await reviewed(model, WORDS)
    assert names(result) == ["half", "twice"]
    assert result.skips == {}
    for request in model.requests:
        assert isinstance(request, ChatRequest)
        assert (request.priority, request.lane, request.schema) == (Priority.REVIEW, "review", FINDINGS_SCHEMA)


async def test_functions_after_a_failure_are_not_taken_for_reviewed() -> None:
    trace = Trace("review")
    result = await reviewed(ScriptedModel("    return n / 2\n!next\n!status 503"), trace=trace)
    assert names(result) == ["half"]
    assert result.skips["infill"].reason == trace.skip == "model-overloaded"
    first_fails = await reviewed(ScriptedModel("!status 503\n!next\n!repeat\nreturn n * 2"))
    assert names(first_fails) == [], "the second function was not looked at either"


@pytest.mark.parametrize(
    "answer",
    ["", "[]", "{}", '{"findings": 3}', '{"findings": null}', "[[[", '{"findings": [}', "nul"],
)
async def test_unreadable_answers(answer: str) -> None:
    result = await reviewed(ScriptedModel(f"!repeat\n{answer}"), WORDS)
    assert result.skips["words"].reason == "unreadable-answer"


@pytest.mark.parametrize(
    "around",
    [
        "```json\n%s\n```",
        "Sure! Here is what I found:\n\n%s\n\nLet me know.",
        '<think>The form is {"findings": [...]}, or {"findings": []}.</think>%s',
        "\n  %s  \n",
    ],
)
async def test_what_a_model_writes_around_the_document_is_passed_over(around: str) -> None:
    """Servers that do not enforce the schema leave the form to the model."""
    finding = '{ "findings": [{"quote": "n * 2", "category": "bug", "severity": "error", "message": "No."}]}'
    result = await reviewed(ScriptedModel(lambda _: around.replace("%s", finding)), WORDS)
    assert [found.message for found in result.findings] == ["No."]


@pytest.mark.parametrize(
    "entry",
    [
        "3",
        "null",
        "{}",
        '{"quote": 3, "message": "a", "severity": "error"}',
        '{"quote": "n * 2", "message": null, "severity": "error"}',
        '{"quote": "n * 2", "message": "a", "severity": "fatal"}',
        '{"quote": "n * 2", "message": "a", "severity": ["error"]}',
        '{"quote": "n * 2", "message": " \\u0000 ", "severity": "error"}',
    ],
)
async def test_entries_of_the_wrong_form_are_left_out(entry: str) -> None:
    result = await reviewed(ScriptedModel(f'!repeat\n{{"findings": [{entry}]}}'), WORDS)
    assert result.findings == ()
    assert result.skips == {}


async def test_an_analyzer_that_cannot_does_not_keep_the_other_from_it() -> None:
    syntax = parsed(TWO)
    model = ScriptedModel("!repeat\nreturn")
    both, trace = ReviewSettings(), Trace("review")
    result = await review(syntax, regions_of(syntax), "a.py", bound(model), both, Admission(quiet_ms=0), trace)
    assert result.skips["words"].reason == "not-able"
    assert "infill" not in result.skips
    assert names(result) == ["half", "twice"]
    assert trace.skip is None, "there was a look, and nothing to find"


async def test_the_only_analyzer_that_cannot_is_the_reason_for_silence() -> None:
    syntax, trace = parsed(TWO), Trace("review")
    model = ScriptedModel("!repeat\nreturn")
    await review(syntax, regions_of(syntax), "a.py", bound(model), WORDS, Admission(quiet_ms=0), trace)
    assert trace.skip == "not-able"


class WithoutLogprobs(ScriptedModel):
    """A server that ignores the wish for log-probabilities."""

    def complete(self, request: CompletionRequest) -> AsyncGenerator[Chunk, None]:
        return self._bare(super().complete(request))

    async def _bare(self, chunks: AsyncGenerator[Chunk, None]) -> AsyncGenerator[Chunk, None]:
        async for chunk in chunks:
            yield Chunk(chunk.text, (), chunk.finish, chunk.usage)


async def test_a_server_without_log_probabilities() -> None:
    model = WithoutLogprobs("!repeat\nreturn n")
    result = await reviewed(model)
    assert result.skips["infill"].reason == "no-logprobs"
    assert len(model.calls) == 1, "it is not asked again for the other function"


async def test_a_server_that_is_known_to_have_no_log_probabilities_is_not_asked() -> None:
    model, syntax = ScriptedModel(), parsed(TWO)
    lacking = replace(bound(model), abilities=Abilities(logprobs="no"))
    result = await review(syntax, regions_of(syntax), "a.py", lacking, INFILL, Admission(), Trace("review"))
    assert str(result.skips["infill"]).endswith("`codeassist doctor` says what mends it.")
    assert model.calls == []


async def test_the_line_budget_ends_a_review_and_the_rest_waits() -> None:
    model = ScriptedModel("!repeat\n    return n / 2")
    result = await reviewed(model, ReviewSettings(analyzers=("infill",), max_lines=1))
    assert names(result) == ["half"]
    assert len(model.calls) == 1
    syntax = parsed("def long(n):\n" + "".join(f"    n += {k}\n" for k in range(5)))
    alone = await reviewed(
        ScriptedModel("!repeat\n    n += 0"), ReviewSettings(analyzers=("infill",), max_lines=2), syntax
    )
    assert names(alone) == ["long"], "a function longer than the budget is not begun anew at each save"


async def test_no_more_findings_than_wanted() -> None:
    lines = [f'!token "    m +=" -0.01\n!token " {k + 5}" -0.01 " {k}" -9.0\n\n' for k in range(4)]
    script = "!next\n".join([*lines, "    return m\n"])
    text = "def f(m):\n" + "".join(f"    m += {k}\n" for k in range(4)) + "    return m\n"
    counts = [
        len((await reviewed(ScriptedModel(script), settings, parsed(text))).findings)
        for settings in (INFILL, ReviewSettings(analyzers=("infill",), max_findings=2))
    ]
    assert counts[0] > counts[1] == 2


async def test_progress_is_told_region_by_region() -> None:
    told: list[tuple[int, int]] = []
    syntax = parsed(TWO)
    await review(
        syntax,
        regions_of(syntax),
        "a.py",
        bound(ScriptedModel("!repeat\nreturn")),
        INFILL,
        Admission(quiet_ms=0),
        Trace("review"),
        Watch(lambda done, everything: told.append((done, everything))),
    )
    assert told == [(0, 2), (1, 2), (2, 2)]


async def test_what_is_found_is_told_region_by_region_under_its_final_name() -> None:
    """Two functions of one name hold the same line: the second finding is told from the first at once."""
    syntax = parsed("def half(n):\n    return n / 2\n\n\ndef half(n):\n    return n / 2\n")
    entry = (
        '{"quote": "n / 2", "line": %d, "category": "bug", "severity": "error", "message": "No.", "replacement": null}'
    )
    answer = f'{{"findings": [{entry % 2}, {entry % 6}]}}'
    told: list[Finding] = []
    result = await review(
        syntax,
        regions_of(syntax),
        "a.py",
        bound(ScriptedModel(f"!repeat\n{answer}"), can_review=True),
        WORDS,
        Admission(quiet_ms=0),
        Trace("review"),
        Watch(done_with=lambda _region, found: told.extend(found)),
    )
    assert tuple(told) == result.findings
    assert len({finding.fingerprint for finding in told}) == 2


async def test_cancelling_a_review_closes_its_stream() -> None:
    model = ScriptedModel("ret¦\n!hang")
    task = asyncio.ensure_future(reviewed(model))
    await until(lambda: model.calls and model.calls[0].text)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [call.outcome for call in model.calls] == ["closed"]


@pytest.mark.parametrize("analyzer", ["infill", "words"])
async def test_nothing_is_parsed_on_the_event_loop(analyzer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fix in broken code may cost a parse of the whole document, and several are tried for each finding."""
    script = {
        "infill": '!token "    return n" -0.01\n!token " *" -0.01 " /" -9.0\n 2\n!next\n 2\n!next\n    return n * 2\n',
        "words": '{"findings": [{"quote": "n / 2", "category": "bug", "severity": "error", "message": "No.",'
        ' "replacement": "n * 2"}]}',
    }[analyzer]
    parses: list[bool] = []
    parse_really = tree._parse

    def counted(*given: object) -> Syntax:
        parses.append(threading.current_thread() is threading.main_thread())
        return parse_really(*given)  # type: ignore[arg-type]  # Whatever it is called with.

    syntax = parsed(TWO)
    regions = regions_of(syntax)
    model, settings = ScriptedModel(script), INFILL if analyzer == "infill" else WORDS
    monkeypatch.setattr(tree, "_parse", counted)
    watch = Watch(sure=lambda _: None, off_loop=asyncio.to_thread)
    result = await review(
        syntax, regions, "a.py", bound(model, can_review=True), settings, Admission(quiet_ms=0), Trace("review"), watch
    )
    assert len(result.findings) == 1
    assert result.findings[0].fix
    assert parses
    assert not any(parses), "the loop waited for a parse"


async def test_a_completion_interrupts_a_review_and_its_line_is_asked_again() -> None:
    def script(request: Request) -> str:
        assert isinstance(request, CompletionRequest)
        return "ret¦\n!hang" if len(model.calls) == 1 else "    return n / 2"

    model = ScriptedModel(script)
    admission, syntax = Admission(quiet_ms=0), parsed(TWO)
    task = asyncio.ensure_future(
        review(syntax, regions_of(syntax)[:1], "a.py", bound(model), INFILL, admission, Trace("review"))
    )
    await until(lambda: model.calls and model.calls[0].text)
    async with admission.urgent():
        await until(lambda: model.calls[0].outcome == "closed")
    result = await asyncio.wait_for(task, 10)
    assert [call.outcome for call in model.calls] == ["closed", "finished"]
    assert model.requests[0] == model.requests[1]
    assert names(result) == ["half"]


async def test_equal_lines_of_two_overloads_have_different_fingerprints() -> None:
    text = "class A {\n  int f(int a) {\n    return a;\n  }\n  int f(long b) {\n    return a;\n  }\n}\n"
    parsed_text = parse(Document.create("file:///A.java", text, "java"))
    assert parsed_text is not None
    script = '!repeat\n!token "    return" -0.1\n!token " b" -0.01 " a" -9.0\n!token ";" -0.01\n!token "\\n" -0.01'
    result = await review(
        parsed_text,
        regions_of(parsed_text),
        "A.java",
        bound(ScriptedModel(script)),
        INFILL,
        Admission(),
        Trace("review"),
    )
    assert len(result.findings) == 2
    assert len({finding.fingerprint for finding in result.findings}) == 2
