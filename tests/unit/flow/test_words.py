"""Reviews in words: what is shown and asked, how requests grow and shrink, and what the second look takes back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from codeassist.context.facts import NO_FACTS, Facts, Passage
from codeassist.context.question import Question
from codeassist.flow.admission import Admission
from codeassist.flow.regions import codes_of, fingerprints_of, regions_of
from codeassist.flow.review import Review, Watch, review
from codeassist.flow.surroundings import Surroundings
from codeassist.flow.trace import Trace
from codeassist.model.abilities import Abilities
from codeassist.model.api import ChatRequest, Priority, Request
from codeassist.model.scripted import Answer, ScriptedModel
from codeassist.prompt.review import FINDINGS_SCHEMA, SCORE_SCHEMA, VERDICT_SCHEMA
from codeassist.settings import ReviewSettings
from tests.unit.flow.making import bound, parsed

TWO = "def half(n):\n    return n / 2\n\n\ndef twice(n):\n    return n * 2\n"
WORDS = ReviewSettings(analyzers=("words",))
ONCE = ReviewSettings(analyzers=("words",), min_confidence=0.0)
NOTHING = '{"findings": []}'


def finding(quote: str, **more: Any) -> dict[str, Any]:
    known = {"quote": quote, "line": 1, "category": "bug", "severity": "error", "message": "No.", "replacement": None}
    return {**known, **more}


def found(*entries: dict[str, Any]) -> str:
    return json.dumps({"findings": entries})


async def reviewed(
    answers: Answer | list[Answer],
    settings: ReviewSettings = ONCE,
    text: str = TWO,
    before: str | None = None,
    *,
    trace: Trace | None = None,
    watch: Watch | None = None,
    abilities: Abilities | None = None,
    thinks: bool = False,
) -> tuple[Review, list[ChatRequest]]:
    syntax, model = parsed(text), ScriptedModel(answers)
    regions = regions_of(syntax)
    if before is not None:
        old = parsed(before)
        regions = regions_of(syntax, fingerprints_of(old), codes_of(old))
    able = replace(bound(model, can_review=True), abilities=abilities or Abilities(), thinks=thinks)
    result = await review(
        syntax, regions, "a.py", able, settings, Admission(quiet_ms=0), trace or Trace("review"), watch or Watch()
    )
    requests = [request for request in model.requests if isinstance(request, ChatRequest)]
    assert len(requests) == len(model.requests)
    return result, requests


def code_of(request: ChatRequest) -> str:
    return request.messages[1].content


# What is asked -------------------------------------------------------------------------------------------------------


async def test_small_functions_share_a_request() -> None:
    result, (request,) = await reviewed(NOTHING)
    assert [region.name for region in result.reviewed] == ["half", "twice"]
    assert result.skips == {}
    assert (request.priority, request.lane, request.schema) == (Priority.REVIEW, "review", FINDINGS_SCHEMA)
    assert code_of(request) == (
        "Code under review, from a.py:\n```python\n1   def half(n):\n2       return n / 2\n```\n\n"
        "Code under review, from a.py:\n```python\n5   def twice(n):\n6       return n * 2\n```"
    )


async def test_changed_lines_are_marked_and_what_is_gone_stands_beside() -> None:
    before = (
        "class A:\n    def f(self, n):\n        m = n\n        return m / 2\n\n    def g(self):\n        return 1\n"
    )
    text = before.replace("        m = n\n        return m / 2\n", "        return n / 3\n")
    _, (request,) = await reviewed(NOTHING, text=text, before=before)
    assert code_of(request) == (
        "Code under review, from a.py (inside `class A:`):\n```python\n"
        "2       def f(self, n):\n"
        "  -         m = n\n"
        "  -         return m / 2\n"
        "3 +         return n / 3\n```"
    )


async def test_what_is_gone_from_the_end_stands_at_the_end() -> None:
    before = "def f(n):\n    a = n\n    g(a)\n"
    _, (request,) = await reviewed(NOTHING, text=before.replace("    g(a)\n", ""), before=before)
    assert code_of(request).endswith("1   def f(n):\n2       a = n\n  -     g(a)\n```")


async def test_a_nested_function_is_not_shown_twice() -> None:
    text = "def f(a):\n    b = 1\n\n    def g(c):\n        return c\n\n    return g(a)\n"
    _, (request,) = await reviewed(NOTHING, text=text)
    assert code_of(request).count("return c") == 1
    assert "2       b = 1\n3\n    …\n6\n7       return g(a)\n" in code_of(request)
    assert "(inside `def f(a):`)" in code_of(request)


async def test_of_a_function_of_5000_lines_only_what_is_around_the_change_is_shown() -> None:
    before = "def f(a):\n" + "".join(f"    b{n} = {n}\n" for n in range(5_000)) + "    return a\n"
    text = before.replace("b2500 = 2500", "b2500 = b2499").replace("b4000 = 4000\n", "b4000 = 1\n")
    result, (request,) = await reviewed(NOTHING, text=text, before=before)
    assert [region.name for region in result.reviewed] == ["f"]
    shown = code_of(request).splitlines()
    assert len(shown) < 80
    assert "   1   def f(a):" in shown
    assert "2502 +     b2500 = b2499" in shown
    assert "4002 +     b4000 = 1" in shown


async def test_a_long_function_that_is_all_new_is_shown_in_stretches() -> None:
    text = "def f(a):\n" + "".join(f"    b{n} = {n}\n" for n in range(300)) + "    return a\n"
    settings = ReviewSettings(analyzers=("words",), min_confidence=0.0, prompt_tokens=2_000, max_lines=1_000)
    _, requests = await reviewed(f"!repeat\n{NOTHING}", settings, text)
    assert len(requests) > 2
    shown = [line for request in requests for line in code_of(request).splitlines()]
    assert all(any(line.endswith(f"   b{n} = {n}") for line in shown) for n in range(300))
    assert len(shown) < 600


async def test_requests_hold_a_handful_of_functions() -> None:
    text = "".join(f"def f{n}(a):\n    return a + {n}\n\n" for n in range(9))
    result, requests = await reviewed(f"!repeat\n{NOTHING}", text=text)
    assert len(result.reviewed) == 9
    assert [code_of(request).count("Code under review") for request in requests] == [4, 2, 3]


async def test_the_users_language_and_the_number_of_findings() -> None:
    settings = ONCE.model_copy(update={"language": "Deutsch", "max_findings": 2})
    _, (request,) = await reviewed(NOTHING, settings)
    assert "Report at most 2 findings" in request.messages[0].content
    assert "Write the messages in Deutsch." in request.messages[0].content


async def test_a_model_that_cannot_help_thinking_has_room_for_it() -> None:
    _, (request,) = await reviewed(NOTHING)
    _, (longer,) = await reviewed(NOTHING, thinks=True)
    assert longer.max_tokens >= request.max_tokens + 1_024


# What is shown beside -------------------------------------------------------------------------------------------------

SHOP = """\
import os


def price_of(item: str) -> float:
    return os.stat(item).st_size


def total(items: list[str]) -> float:
    return sum(price_of(item) for item in items)


def report(items):
    # total() of nothing is 0.
    print("total(items)")
    print(total(items))
"""


async def test_what_is_called_and_who_calls_in_the_same_file() -> None:
    _, (request,) = await reviewed(NOTHING, text=SHOP.replace("sum(", "max("), before=SHOP)
    head, code = code_of(request).split("Code under review")
    assert "The top of the file, for reference only:\n```python\nimport os\n```" in head
    assert "File a.py:\n```\ndef price_of(item: str) -> float:\n```" in head
    calling = 'def report(items):\n    # total() of nothing is 0.\n    print("total(items)")\n    print(total(items))\n'
    assert f"File a.py:\n```\n{calling}```" in head
    assert "os.stat" not in code_of(request), "a signature is enough"
    assert "def price_of" not in code


async def test_other_files_are_asked_about_what_is_used_and_who_calls() -> None:
    asked: list[Question] = []

    async def ask(question: Question) -> Facts:
        asked.append(question)
        return Facts(passages=(Passage("shop/bill.py", 3, 4, "print(total(goods))\n", "calls total", 3.0, True),))

    watch = Watch(surroundings=Surroundings(ask))
    _, (request,) = await reviewed(NOTHING, text=SHOP.replace("sum(", "max("), before=SHOP, watch=watch)
    (question,) = asked
    assert (question.path, question.writing) == ("a.py", "total")
    assert question.names["price_of"] > question.names["item"]
    assert "File shop/bill.py:\n```\nprint(total(goods))\n```" in code_of(request)


async def test_an_index_that_knows_nothing_is_no_trouble() -> None:
    async def ask(_question: Question) -> Facts:
        return NO_FACTS

    _, (request,) = await reviewed(NOTHING, watch=Watch(surroundings=Surroundings(ask)))
    assert "Code from other files" not in code_of(request)


# Requests that are too long, answers that end early -------------------------------------------------------------------


def context_of(limit: int, answer: Callable[[Request], str]) -> Callable[[Request], str]:
    """A server whose context is so many characters long."""

    def script(request: Request) -> str:
        assert isinstance(request, ChatRequest)
        return "!status 413" if len(code_of(request)) > limit else answer(request)

    return script


async def test_a_request_that_is_too_long_is_halved_until_it_fits() -> None:
    text = "".join(f"def f{n}(a):\n" + f"    a += {n}  # And so on and on.\n" * 30 + "\n" for n in range(4))
    answered: list[str] = []

    def answer(request: Request) -> str:
        assert isinstance(request, ChatRequest)
        answered.append(code_of(request))
        return NOTHING

    result, requests = await reviewed(context_of(1_600, answer), text=text)
    assert [region.name for region in result.reviewed] == ["f0", "f1", "f2", "f3"]
    assert result.skips == {}
    assert len(requests) > len(answered) > 1
    for n in range(4):
        assert sum(f"   a += {n} " in line for code in answered for line in code.splitlines()) == 30


async def test_once_a_request_was_too_long_the_others_are_short_from_the_start() -> None:
    text = "".join(f"def f{n}(a):\n" + f"    a += {n}  # And so on and on.\n" * 30 + "\n" for n in range(8))
    _, requests = await reviewed(context_of(4_000, lambda _: NOTHING), text=text)
    sizes = [len(code_of(request)) for request in requests]
    assert sum(size > 4_000 for size in sizes) <= 2


async def test_a_server_that_takes_nothing_is_a_failure() -> None:
    result, requests = await reviewed("!repeat\n!status 413")
    assert result.skips["words"].reason == "model-prompt-too-long"
    assert result.reviewed == ()
    assert len(requests) < 12


async def test_an_answer_that_ends_early_keeps_its_whole_findings() -> None:
    answer = found(finding("n / 2"), finding("n * 2"))
    result, _ = await reviewed(answer[: answer.index("n * 2")] + "\n!finish length")
    assert [each.message for each in result.findings] == ["No."]
    assert result.skips == {}


async def test_one_unreadable_answer_does_not_lose_the_others() -> None:
    text = "".join(f"def f{n}(a):\n    return a + {n}\n\n" for n in range(5))
    result, requests = await reviewed(["nonsense", found(finding("a + 4"))], text=text)
    assert len(requests) == 2
    assert [each.message for each in result.findings] == ["No."]
    assert result.skips["words"].reason == "unreadable-answer"


async def test_an_answer_without_end_is_left() -> None:
    trace = Trace("review")
    result, _ = await reviewed(lambda _: "¦".join(['{"findings": ['] + ["x" * 1_000] * 200), trace=trace)
    assert result.skips["words"].reason == "unreadable-answer"
    assert trace.generated_tokens < 100


# What comes of it ---------------------------------------------------------------------------------------------------


async def test_why_findings_have_no_place_is_counted() -> None:
    trace = Trace("review")
    entries = [
        finding("n / 2"),
        finding("n / 3"),
        finding("return", line=0),
        {"quote": "n * 2"},
        finding("n * 2", message=" "),
    ]
    result, _ = await reviewed(found(*entries), trace=trace)
    assert len(result.findings) == 1
    assert trace.dropped == {"no-such-quote": 1, "quote-in-several-places": 1, "wrong-form": 2}


async def test_a_line_number_decides_between_equal_quotes() -> None:
    result, _ = await reviewed(found(finding("return n", line=6)))
    assert [each.span.start for each in result.findings] == [TWO.rindex("return n")]


async def test_code_that_was_not_shown_cannot_be_quoted() -> None:
    result, _ = await reviewed(found(finding("n * 2")), text=TWO.replace("n / 2", "n / 3"), before=TWO)
    assert result.findings == ()


# The second look ----------------------------------------------------------------------------------------------------


def verdict(yes: float, no: float, word: str = "yes") -> str:
    return f'{{"mistake": "¦\n!token {json.dumps(word)} {yes if word == "yes" else no} "yes" {yes} "no" {no}\n"}}'


async def test_each_finding_is_looked_at_again() -> None:
    trace = Trace("review")
    answers: list[Answer] = [
        found(finding("n / 2"), finding("n * 2", message="Other.")),
        verdict(-0.1, -3.0),
        verdict(-3.0, -0.1, "no"),
    ]
    result, requests = await reviewed(answers, WORDS, trace=trace)
    assert [each.message for each in result.findings] == ["No."]
    assert trace.dropped == {"unconvincing": 1}
    first, *again = requests
    for request in again:
        assert request.schema == VERDICT_SCHEMA
        assert request.logprobs is not None
        assert request.messages[:2] == first.messages, "the engine has read this before"
        assert request.max_tokens < 32
    assert [message.role for message in again[0].messages] == ["system", "user", "assistant", "user"]
    assert "n / 2" in again[0].messages[2].content
    assert "n * 2" not in again[0].messages[2].content


@pytest.mark.parametrize(("least", "count"), [(0.05, 1), (0.5, 0), (0.2, 1), (0.3, 0)])
async def test_the_threshold_is_a_setting(least: float, count: int) -> None:
    settings = WORDS.model_copy(update={"min_confidence": least})
    result, _ = await reviewed([found(finding("n / 2")), verdict(-1.386, -0.288, "no")], settings)
    assert len(result.findings) == count


async def test_the_surer_the_more_it_counts() -> None:
    answers: list[Answer] = [
        found(finding("n / 2", severity="warning"), finding("n * 2", severity="warning")),
        verdict(-0.7, -0.75),
        verdict(-0.01, -5.0),
    ]
    result, _ = await reviewed(answers, WORDS)
    first, second = result.findings
    assert first.score == pytest.approx(0.05, abs=0.02)
    assert second.score == pytest.approx(4.99, abs=0.02)


async def test_without_log_probabilities_the_model_scores_itself() -> None:
    answers: list[Answer] = [found(finding("n / 2"), finding("n * 2")), '{"score": 8}', '{"score": 3}']
    result, requests = await reviewed(answers, WORDS, abilities=Abilities(logprobs="no"))
    assert [TWO[each.span.start : each.span.end] for each in result.findings] == ["n / 2"]
    assert [request.schema for request in requests[1:]] == [SCORE_SCHEMA] * 2


async def test_a_second_look_that_says_nothing_does_not_convince() -> None:
    result, _ = await reviewed([found(finding("n / 2")), "Well.\n"], WORDS)
    assert result.findings == ()


async def test_a_failure_in_the_second_look_is_one_of_the_review() -> None:
    result, _ = await reviewed([found(finding("n / 2")), "!status 503"], WORDS)
    assert result.findings == ()
    assert result.reviewed == ()
    assert result.skips["words"].reason == "model-overloaded"


async def test_a_model_that_has_thought_is_not_asked_again() -> None:
    result, requests = await reviewed(found(finding("n / 2")), WORDS, thinks=True)
    assert len(result.findings) == len(requests) == 1


async def test_thoughts_in_the_second_look_do_not_count() -> None:
    answer = '<think>no, no, no</think>{"mistake": "¦\n!token "yes" -0.1 "yes" -0.1 "no" -3.0\n"}'
    result, _ = await reviewed([found(finding("n / 2")), answer], WORDS)
    assert len(result.findings) == 1
