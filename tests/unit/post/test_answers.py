"""What is taken from an answer: what is whole and in form, never thoughts, never without end."""

from __future__ import annotations

import json

import pytest

from codeassist.post.answers import findings_in, proper, score_in, yes_probability
from codeassist.post.surprise import Choice

ONE, TWO = {"quote": "a"}, {"quote": "b", "message": 'It says "]}".'}


def document(*entries: object) -> str:
    return json.dumps({"findings": list(entries)})


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (document(), []),
        (document(ONE, TWO), [ONE, TWO]),
        (document(ONE, 3, None, [ONE], TWO), [ONE, TWO]),
        ("```json\n" + document(ONE) + "\n```", [ONE]),
        ('{\n "findings" : [\n' + json.dumps(ONE) + "\n]\n}", [ONE]),
        ("The form is " + document() + ". " + document(ONE), [ONE]),
    ],
)
def test_whole_answers(answer: str, found: object) -> None:
    assert findings_in(answer) == found


@pytest.mark.parametrize("cut", range(len('{"findings": ['), len(document(ONE, TWO))))
def test_an_answer_that_ends_early_keeps_what_is_whole(cut: int) -> None:
    answer = document(ONE, TWO)[:cut]
    whole = [entry for entry in (ONE, TWO) if json.dumps(entry) in answer]
    assert (findings_in(answer) or []) == whole


@pytest.mark.parametrize("answer", ["", "No.", "[]", "{}", '{"findings": 3}', '{"findings": null}', '{"findings": ['])
def test_no_answer(answer: str) -> None:
    assert findings_in(answer) is None


@pytest.mark.parametrize(
    ("answer", "rest"),
    [
        ("a", "a"),
        ("<think>t</think>a", "a"),
        (' \n<think>t</think>{"a": "</think>"}', '{"a": "</think>"}'),
        ('{"a": "</think>"}', '{"a": "</think>"}'),
        ("<|channel|>analysis<|message|>t<|end|><|start|>assistant<|channel|>final<|message|>a", "a"),
        ("<think>t", ""),
        ("t</think>a", "a"),
        ("[THINK]t[/THINK]a", "a"),
        ("a <think>", "a <think>"),
    ],
)
def test_thoughts_are_no_answer(answer: str, rest: str) -> None:
    assert proper(answer) == rest


def test_findings_in_thoughts_do_not_count() -> None:
    thought = document(ONE)
    assert findings_in(f"<think>{thought}") is None
    assert findings_in(f"<think>{thought}</think>{document()}") == []
    assert findings_in(f"<think>{thought}</think>" + document(TWO, ONE)[:-5]) == [TWO]
    assert findings_in(f"So: {thought}</think>{document(TWO)}") == [TWO]
    assert findings_in(f"{thought} {document(TWO)}") == [TWO], "the last one counts anyway"


def test_nonsense_without_end_is_read_to_a_limit() -> None:
    assert len(findings_in(document(*[ONE] * 10_000)) or ()) <= 40
    assert findings_in('{"findings": [' + '{"a":' * 100_000) is None
    assert findings_in('{"findings": [' + "[" * 100_000) is None
    assert findings_in('{"findings": [' * 50_000) is None


def token(text: str, *top: tuple[str, float]) -> Choice:
    return Choice(text, dict(top).get(text, -0.1), top)


@pytest.mark.parametrize(
    ("answer", "tokens", "probability"),
    [
        ("yes", [], 1.0),
        ("No.", [], 0.0),
        ("Maybe", [], None),
        ("yes", [token("yes", ("yes", -0.1), ("no", -2.4))], 0.909),
        ("no", [token("no", ("no", -0.1), (" yes", -2.4))], 0.091),
        ('{"mistake": "no"}', [token('{"mistake": "'), token("no", ("no", -0.7), ("yes", -0.7)), token('"}')], 0.5),
        ("No", [token("No", ("No", -0.5), (" no", -1.5), ("Yes", -3.0))], 0.056),
        ("yes", [token("yes", ("yes", float("-inf")))], None),
        ("<think>no, yes</think>no", [token("no", ("no", 0.0))], 0.0),
    ],
)
def test_yes_or_no(answer: str, tokens: list[Choice], probability: float | None) -> None:
    found = yes_probability(answer, tokens)
    assert found == (None if probability is None else pytest.approx(probability, abs=0.002))


@pytest.mark.parametrize(
    ("answer", "share"),
    [('{"score": 7}', 0.7), ("10", 1.0), ("0", 0.0), ("11", None), ("none", None), ("<think>3</think>8", 0.8)],
)
def test_scores(answer: str, share: float | None) -> None:
    assert score_in(answer, 10) == share
