"""One finding of a line, or none."""

from __future__ import annotations

from dataclasses import replace

from codeassist.post.findings import Finding
from codeassist.post.surprise import Divergence, Reading
from codeassist.post.verdict import Looked, Verdict, told, verdict
from codeassist.syntax.tree import parse
from codeassist.text.document import Document, Offset, Span

CODE = "def area(width, height):\n    return width + width\n"
LINE = "    return width + width"
START = Offset(CODE.index(LINE))


def found(*divergences: Divergence, least: float = 3.0) -> Finding | None:
    syntax = parse(Document.create("file:///a.py", CODE, "python"))
    assert syntax is not None
    given = verdict(syntax, Looked(START, LINE, CODE.replace(LINE, ""), Reading(divergences, -9.0)), least)
    return given.finding if given else None


def differs(at: str, expected: str, gap: float = 8.0, confidence: float = -0.1) -> Divergence:
    return Divergence(LINE.index(at), expected, gap, confidence)


def test_a_finding_says_what_is_expected_and_mends_it() -> None:
    finding = found(differs(" +", " * width"))
    assert finding is not None
    start = CODE.index("+")
    assert finding.span == Span(Offset(start), Offset(start + 1))
    assert (finding.category, finding.severity) == ("wrong-operator", "warning")
    assert "`+`" in finding.message
    assert "`*`" in finding.message
    assert "`return width * width`" in finding.message
    assert [(edit.start, edit.end, edit.text) for edit in finding.fix] == [(start, start + 1, "*")]


def test_what_surprises_less_is_information_or_nothing() -> None:
    finding = found(differs(" +", " * width", gap=4.0))
    assert finding is not None
    assert finding.severity == "info"
    assert found(differs(" +", " * width", gap=2.9)) is None
    assert found() is None


def test_of_several_places_the_most_surprising_is_told() -> None:
    finding = found(differs(" +", " * width", gap=5.0), differs("width +", "height + width", gap=7.0))
    assert finding is not None
    assert (finding.fix[0].text, finding.score) == ("height", 6.95)


def test_a_slip_of_the_pen_is_told_before_another_way_to_write_the_line() -> None:
    finding = found(differs("width +", "height(2) - 1", gap=7.0), differs(" +", " * width", gap=5.0))
    assert finding is not None
    assert (finding.fix[0].text, finding.score) == ("*", 4.95)
    assert found(differs("width +", "height(2) - 1", gap=6.0)) is None, "it has to surprise more to be told"


def test_gaps_beyond_all_measure_count_no_more() -> None:
    one, other = found(differs(" +", " * width", gap=9.0)), found(differs(" +", " * width", gap=30.0))
    assert one is not None
    assert other is not None
    assert one.score == other.score


def test_what_is_only_taste_is_nothing() -> None:
    assert found(differs("width +", "(width + width)", gap=12.0)) is None


def test_a_pure_insertion_is_marked_at_the_character_before_it() -> None:
    finding = found(Divergence(len(LINE), " * height", 8.0, -0.1))
    assert finding is not None
    end = START + len(LINE)
    assert (finding.span, finding.category) == (Span(Offset(end - 1), Offset(end)), "missing-code")


def test_backquotes_in_code_do_not_end_the_quotation() -> None:
    finding = found(differs(" +", " * `x`"))
    assert finding is None or finding.message.count("`") % 2 == 0


def with_before(before: str, advantage: float, *divergences: Divergence) -> Finding | None:
    syntax = parse(Document.create("file:///a.py", CODE, "python"))
    assert syntax is not None
    looked = Looked(START, LINE, CODE.replace(LINE, ""), Reading(divergences, -9.0), before, advantage)
    given = verdict(syntax, looked, 3.0)
    return given.finding if given else None


def test_the_line_before_the_edit_is_a_voice_of_its_own() -> None:
    finding = with_before("    return width * width", 5.0)
    assert finding is not None
    assert (finding.category, finding.score, finding.fix[0].text) == ("wrong-operator", 5.0, "*")
    assert finding.message.endswith("how it was before the change.")
    assert with_before("    return width * width", 2.0) is None
    assert with_before("    return (width + width)", 8.0) is None, "it said the same"


def test_a_line_that_was_once_as_the_model_expects_it_needs_less_surprise() -> None:
    weak = differs(" +", " * width", gap=2.0)
    assert found(weak) is None
    finding = with_before("    return width * width", float("-inf"), weak)
    assert finding is not None
    assert finding.score == 3.95
    other = with_before("    return height", float("-inf"), differs(" +", " * width", gap=4.0))
    assert other is not None
    assert "before" not in other.message


def test_one_line_in_the_place_of_several_says_nothing_of_any() -> None:
    finding = found(differs(" +", " * width"))
    assert finding is not None
    one, other, third = (
        Verdict(replace(finding, score=score), expected, line)
        for score, expected, line in ((3.0, "a > 0", "a < 0"), (4.0, "a > 0", "b < 0"), (5.0, "c > 0", "c < 0"))
    )
    assert told([one, other, third]) == [third.finding]
    assert told([one, third]) == [one.finding, third.finding]
    assert told([]) == []


def test_of_lines_that_are_the_same_the_most_surprising_is_told() -> None:
    finding = found(differs(" +", " * width"))
    assert finding is not None
    one, other = (Verdict(replace(finding, score=score), "return a", "return b") for score in (2.6, 7.3))
    assert told([one, other]) == [other.finding]
