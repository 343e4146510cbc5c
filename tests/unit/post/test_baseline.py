"""The committed file of known findings: stable to write, forgiving to read, clear about what is wrong in it."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeassist.post.baseline import Baseline, BaselineError, KnownFinding, parse_baseline
from codeassist.post.findings import Finding
from codeassist.text.document import Offset, Span


def finding(fingerprint: str, category: str = "wrong-name", message: str = "Said.") -> Finding:
    return Finding(Span(Offset(0), Offset(1)), "warning", category, message, "infill", 5.0, fingerprint=fingerprint)


TWO = Baseline().with_findings([("b.py", finding("2b")), ("a.py", finding("1a", "bug", 'Says "é" 😀.'))])


def test_is_written_one_entry_a_line() -> None:
    assert TWO.with_category("wrong-constant").with_category("bug").text.splitlines() == [
        "{",
        '"version": 1,',
        '"findings": [',
        '  {"fingerprint": "1a", "path": "a.py", "category": "bug", "message": "Says \\"\\u00e9\\" \\ud83d\\ude00."},',
        '  {"fingerprint": "2b", "path": "b.py", "category": "wrong-name", "message": "Said."}',
        "],",
        '"categories": [',
        '  "bug",',
        '  "wrong-constant"',
        "]",
        "}",
    ]
    assert json.loads(Baseline().text) == {"version": 1, "findings": [], "categories": []}


def test_covers_a_finding_in_its_file_and_a_category_everywhere() -> None:
    assert TWO.covers("a.py", finding("1a"))
    assert not TWO.covers("b.py", finding("1a"))
    assert not TWO.covers("a.py", finding("3c"))
    assert not TWO.without("a.py", "1a").covers("a.py", finding("1a"))
    assert TWO.with_category("wrong-operator").covers("c.py", finding("9", "wrong-operator"))
    assert not TWO.with_category("wrong-operator").covers("c.py", finding("9", "wrong-name"))


def test_the_same_finding_stands_there_once_and_says_what_is_new() -> None:
    again = TWO.with_findings([("a.py", finding("1a", "bug", "New words."))])
    assert [(entry.path, entry.message) for entry in again.findings] == [("a.py", "New words."), ("b.py", "Said.")]


def test_pruning_takes_what_is_gone_from_the_files_that_were_reviewed() -> None:
    both = TWO.with_findings([("a.py", finding("1c"))])
    pruned = both.pruned({"a.py"}, [("a.py", finding("1c"))])
    assert [entry.fingerprint for entry in pruned.findings] == ["1c", "2b"]
    assert both.pruned(set(), []) == both
    assert both.pruned({"a.py", "b.py"}, []) == Baseline()


def test_what_it_does_not_know_is_kept() -> None:
    text = """{"version": 1, "tool": {"name": "later"}, "findings": [
      {"path": "a.py", "fingerprint": "1a", "since": "2.0"}]}"""
    read = parse_baseline(text)
    assert read.findings == (KnownFinding("a.py", "1a"),)
    written = json.loads(read.with_findings([("a.py", finding("1a")), ("b.py", finding("2b"))]).text)
    assert written["tool"] == {"name": "later"}
    assert [entry.get("since") for entry in written["findings"]] == ["2.0", None]


def test_byte_order_mark_and_windows_line_ends_are_read() -> None:
    assert parse_baseline("\ufeff" + TWO.text.replace("\n", "\r\n")) == TWO


@pytest.mark.parametrize(
    ("text", "line", "cause"),
    [
        ("", 1, "not JSON"),
        ("[]", 1, "must be an object"),
        ("null", 1, "must be an object"),
        ('{"version": 1,\n"findings": [\n  {},\n]}', 3, "object with a fingerprint|must be a text"),
        ('{"version": 1,\n"findings": [\n  oops\n]}', 3, "not JSON"),
        ('{"version": 1,\n"findings": [\n<<<<<<< HEAD\n', 3, "merge"),
        ('{"findings": []}', 1, "version.*missing"),
        ('{\n"findings": [],\n"version": 2}', 3, "later codeassist.*update"),
        ('{"version": true}', 1, "must be 1"),
        ('{"version": "1"}', 1, "must be 1"),
        ('{"version": 1,\n"findings": {}}', 2, "must be a list"),
        ('{"version": 1,\n"categories": "bug"}', 2, "must be a list"),
        ('{"version": 1, "categories": ["bug",\n7]}', 2, "word"),
        ('{"version": 1, "categories": [\n""]}', 2, "word"),
        ('{"version": 1, "findings": [\n{"path": "a", "fingerprint": "b"},\n\n7]}', 4, "object with"),
        ('{"version": 1, "findings": [\n{"path": "a"}]}', 2, '"fingerprint"'),
        ('{"version": 1, "findings": [\n{"path": 1, "fingerprint": "b"}]}', 2, '"path"'),
        ('{"version": 1, "findings": [\n{"path": "a", "fingerprint": "b", "message": []}]}', 2, '"message"'),
        ("[" * 100_000, 1, "not JSON"),
        ('{"version": ' + "1" * 10_000 + "}", 1, "not JSON"),
    ],
)
def test_says_where_it_cannot_be_read_and_why(text: str, line: int, cause: str) -> None:
    if '"findings": [\n  {},\n]' in text:
        text = text.replace("{},", "{}")
    with pytest.raises(BaselineError, match=cause) as raised:
        parse_baseline(text)
    assert raised.value.line == line
    assert str(raised.value) == f"line {line}: {raised.value.cause}"


words = st.text(min_size=1, max_size=12)
known = st.builds(finding, words, words, st.text(max_size=30))


@given(st.lists(st.tuples(words, known), max_size=12), st.lists(words, max_size=4))
def test_what_is_written_is_read_again(found: Sequence[tuple[str, Finding]], categories: Sequence[str]) -> None:
    baseline = Baseline().with_findings(found)
    for category in categories:
        baseline = baseline.with_category(category)
    text = baseline.text
    assert text.isascii()
    assert text.count("\n") <= 6 + len(found) + len(categories) + 2
    assert parse_baseline(text) == baseline
    assert parse_baseline(text).text == text
    assert all(baseline.covers(path, finding) for path, finding in found)


@given(st.permutations([("a", finding("1")), ("a", finding("2")), ("b", finding("1"))]))
def test_the_order_in_which_findings_come_does_not_matter(found: Sequence[tuple[str, Finding]]) -> None:
    in_turn = Baseline()
    for each in found:
        in_turn = in_turn.with_findings([each])
    assert in_turn.text == Baseline().with_findings(found).text


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {"version": st.just(1) | _JSON},
        optional={"findings": _JSON | st.lists(st.fixed_dictionaries({"path": words, "fingerprint": words})),
                  "categories": _JSON | st.lists(words)},
    ),
    st.integers(0, 400),
)  # fmt: skip
def test_whatever_stands_there_is_read_or_refused(document: object, length: int) -> None:
    whole = json.dumps(document, indent=1)
    for text in (whole, whole[:length]):
        read, line = read_or_line(text)
        assert (1 <= line <= text.count("\n") + 1) if read is None else parse_baseline(read.text) == read


def read_or_line(text: str) -> tuple[Baseline | None, int]:
    try:
        return parse_baseline(text), 0
    except BaselineError as error:
        return None, error.line
