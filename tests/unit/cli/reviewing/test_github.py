"""Annotations: whatever a model or a file name says, each finding is one command and no more."""

from __future__ import annotations

from codeassist.cli.reviewing.github import annotation_lines
from tests.unit.cli.reviewing.making import finding, results_of

CODE = "def f(a):\n    return wrong(a)\n"


def one(path: str = "a.py", text: str = CODE, quote: str = "wrong", **others: str) -> str:
    (line,) = annotation_lines(results_of([(path, text, [finding(text, quote, **others)])]))  # type: ignore[arg-type]  # Texts only.
    return line


def test_a_finding() -> None:
    assert one(better="right") == (
        "::warning file=a.py,line=2,endLine=2,col=12,endColumn=16,title=codeassist%3A wrong-name::"
        "Said.%0AReplace with `right`"
    )


def test_severities() -> None:
    assert [one(severity=each).split(" ")[0] for each in ("error", "warning", "info")] == [
        "::error",
        "::warning",
        "::notice",
    ]


def test_columns_are_for_one_line_only() -> None:
    text = "def f(a):\n    return wrong(\n        a)\n"
    line = one(text=text, quote="wrong(\n        a)")
    assert "line=2,endLine=3,title" in line


def test_nothing_ends_the_command_early() -> None:
    line = one(path="a,b:c%\r\n::error::x.py", message="100 %\n::add-mask::everything\r", category="a::b,c=d")
    assert line.count("\n") == line.count("\r") == 0
    assert line.startswith("::warning file=a%2Cb%3Ac%25%0D%0A%3A%3Aerror%3A%3Ax.py,line=2,")
    assert line.endswith(",title=codeassist%3A a%3A%3Ab%2Cc=d::100 %25%0A::add-mask::everything%0D")
