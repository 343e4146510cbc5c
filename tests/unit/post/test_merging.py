"""One list of what all analyzers found: joined where they speak of the same code, ranked, cut, and never flickering."""

from __future__ import annotations

from dataclasses import replace

import pytest

from codeassist.post.findings import Finding, Severity
from codeassist.post.merging import Pool, join, merged, shown, within_limit
from codeassist.syntax.tree import Syntax, parse
from codeassist.text.document import Document, Offset, Span
from codeassist.text.edits import Edit

CODE = "def f(a, b):\n    c = a + b\n    d = a - b\n    e = a * b\n    return c\n"


def parsed() -> Syntax:
    syntax = parse(Document.create("file:///a.py", CODE, "python", 1))
    assert syntax is not None
    return syntax


def at(
    part: str,
    analyzer: str = "infill",
    *,
    score: float = 4.0,
    severity: Severity = "warning",
    category: str = "wrong-name",
    message: str = "",
    fix: str | None = None,
) -> Finding:
    start = CODE.index(part)
    span = Span(Offset(start), Offset(start + len(part)))
    edits = () if fix is None else (Edit(span.start, span.end, fix),)
    return Finding(span, severity, category, message or f"By {analyzer}.", analyzer, score, edits, fix or "")


def pool(*groups: list[Finding], dropped: list[str] | None = None) -> Pool:
    made: Pool = ()
    for group in groups:
        made = join(made, group, parsed(), (dropped if dropped is not None else []).append)
    return made


def now(*groups: list[Finding], **options: object) -> list[Finding]:
    return list(shown(pool(*groups), **{"most": 5, "least": "info", **options}))  # type: ignore[arg-type]  # By name.


def test_two_analyzers_about_the_same_code_are_one_finding_with_the_evidence_of_both() -> None:
    (one,) = now(
        [at("+", score=4.0, severity="info", fix="-")],
        [at("c = a + b", "words", score=2.5, severity="error", category="bug", message="It adds.")],
    )
    assert CODE[one.span.start : one.span.end] == "+", "it stays where it was shown first"
    assert (one.score, one.severity, one.analyzer) == (6.5, "error", "infill+words")
    assert one.message == "It adds.", "who explains has the better words"
    assert one.category == "wrong-name", "who says more has the category"
    assert one.fix[0].text == "-", "whose words are shown has no fix of its own"


def test_the_words_and_the_fix_belong_together_where_both_have_one() -> None:
    words = at("a + b", "words", category="security", message="It adds.", fix="b - a")
    one = merged(at("+", fix="-"), words)
    assert (one.message, one.fix, one.fix_title, one.category) == ("It adds.", words.fix, words.fix_title, "security")
    assert merged(words, at("+", fix="-")).fix == words.fix


def test_one_analyzer_does_not_give_evidence_twice() -> None:
    dropped: list[str] = []
    joined = pool([at("a + b")], [at("+")], [at("c = a", "words")], [at("a + b", "words")], dropped=dropped)
    assert len(joined) == 1
    assert joined[0].now.analyzer == "infill+words"
    assert dropped == ["said-twice", "said-twice"]


def test_a_fix_that_breaks_the_program_is_no_evidence() -> None:
    dropped: list[str] = []
    assert pool([at("a + b", fix="a + (")], dropped=dropped) == ()
    assert dropped == ["fix-breaks-syntax"]


def test_the_gravest_and_surest_are_shown_in_document_order() -> None:
    found = [
        at("+", score=9.0, severity="info"),
        at("-", score=1.0, severity="error"),
        at("*", score=3.0),
        at("return c", score=5.0),
    ]
    assert [CODE[each.span.start : each.span.end] for each in now(found, most=3)] == ["-", "*", "return c"]
    assert [CODE[each.span.start : each.span.end] for each in now(found, most=2)] == ["-", "return c"]
    assert [each.severity for each in now(found, least="error")] == ["error"]


def test_why_others_are_not_shown_is_told() -> None:
    dropped: list[str] = []
    found = pool([at("+", severity="info"), at("-"), at("*", score=1.0)])
    shown(found, most=1, least="warning", drop=dropped.append)
    assert sorted(dropped) == ["too-many", "too-mild"]


def test_what_is_hidden_takes_the_place_of_no_other_and_is_given_all_the_same() -> None:
    dropped: list[str] = []
    found = pool([at("+", severity="error"), at("-"), at("*", score=1.0), at("return c", severity="info")])

    def texts(*hidden: str, least: Severity = "warning") -> list[str]:
        dropped.clear()
        left = shown(found, most=1, least=least, drop=dropped.append, hidden=lambda each: text_of(each) in hidden)
        return [text_of(each) for each in left]

    def text_of(one: Finding) -> str:
        return CODE[one.span.start : one.span.end]

    assert (texts(), sorted(dropped)) == (["+"], ["too-many", "too-many", "too-mild"])
    assert (texts("+"), sorted(dropped)) == (["+", "-"], ["too-many", "too-mild"])
    assert (texts("+", "-"), dropped) == (["+", "-", "*"], ["too-mild"])
    assert "return c" not in texts("return c"), "what is too mild is not there to be asked for again"
    assert texts("return c", least="info") == ["+", "return c"]


def test_what_is_shown_stays_whatever_comes() -> None:
    early = pool([at("+", score=3.0)])
    (first,) = shown(early, most=1, least="info")
    grave = join(early, [at("-", "words", score=9.0, severity="error")], parsed(), lambda _: None)
    assert shown(grave, most=1, least="info", pinned={first.fingerprint}) == (first,)
    joined = join(grave, [at("a + b", "words", severity="error", message="More.")], parsed(), lambda _: None)
    (still,) = shown(joined, most=1, least="info", pinned={first.fingerprint})
    assert (still.fingerprint, still.span) == (first.fingerprint, first.span)
    assert still.message == "More."


def test_a_finding_keeps_its_name_when_others_join_it_or_stand_beside() -> None:
    alone = now([at("+")])[0].fingerprint
    both = now([at("+")], [at("a + b", "words")], [at("*")])
    assert both[0].fingerprint == alone
    assert len({each.fingerprint for each in both}) == len(both) == 2


@pytest.mark.parametrize(("most", "kept"), [(1, []), (2, ["grave"]), (3, ["mild", "grave"]), (9, ["mild", "grave"])])
def test_new_findings_of_a_document_go_before_old_ones(most: int, kept: list[str]) -> None:
    old = [at("+", severity="info", message="mild"), at("-", severity="error", message="grave")]
    new = replace(at("*"), message="new")
    assert [each.message for each in within_limit([new], old, most)] == [*kept, "new"]
