"""Which lines the infill check looks at, and what it asks of lines that were edited."""

from __future__ import annotations

from codeassist.flow.admission import Admission
from codeassist.flow.infill import Check, check_lines, lines_before, with_continuations
from codeassist.flow.trace import Trace
from codeassist.model.scripted import ScriptedModel
from codeassist.post.findings import Finding
from codeassist.settings import ReviewSettings
from codeassist.syntax.tree import parse
from codeassist.text.document import Document, Offset, Span
from tests.unit.flow.making import bound, parsed

AREA = "def area(width, height):\n    return width + height\n"


async def checked(script: str, before: dict[int, str], text: str = AREA) -> tuple[list[Finding], ScriptedModel]:
    syntax, model = parsed(text), ScriptedModel(script)
    check = Check(syntax, "a.py", bound(model), ReviewSettings(), Admission(quiet_ms=0))
    whole = Span(Offset(0), Offset(len(text)))
    return await check_lines(check, whole, (1,), Trace("review"), before=before), model


def test_statements_of_several_lines_are_looked_at_whole() -> None:
    text = (
        "def f(items):\n"
        "    total = sum(\n"
        "        item.price  # Of one.\n"
        "        # Not the discount.\n"
        "        for item in items\n"
        "    )\n"
        '    print("""a text\n'
        '    of lines""", total)\n'
        "    return total\n"
    )
    whole = Span(Offset(0), Offset(len(text)))
    assert with_continuations(parsed(text), whole, (1, 6, 8)) == [1, 2, 4, 6, 8]
    assert with_continuations(parsed(text), whole, (8,)) == [8], "only of the statements that were asked for"


def test_statements_inside_a_statement_are_looked_at_once() -> None:
    text = "items.forEach(item => {\n  total += item.price;\n  count++;\n});\n"
    syntax = parse(Document.create("file:///a.js", text, "javascript"))
    assert syntax is not None
    assert with_continuations(syntax, Span(Offset(0), Offset(len(text))), (0, 1, 2)) == [0, 1, 2]


def test_lines_that_were_there_before() -> None:
    assert lines_before({3, 4, 7}, [(3, ["a", "b", "c"]), (7, ["d"]), (9, ["e"])]) == {3: "a", 4: "b", 7: "d"}
    assert lines_before({3}, []) == {}


async def test_the_line_before_an_edit_is_read_as_well() -> None:
    both = '!token "    return width" -0.01\n!token " //" -1.0 " +" -6.0 " *" -1.1\n height\n!next\n'
    now, before = " height\n!next\n", " height\n"
    (finding,), model = await checked(both + now + before, {1: "    return width * height"})
    assert len(model.calls) == 3, "the beginning that both share is asked for once"
    assert finding.fix[0].text == "*", "once it was so, and that is likelier than what stands there now"
    assert finding.message.endswith("before the change.")


async def test_without_a_line_before_there_is_no_second_reading() -> None:
    script = "!repeat\n    return width + height"
    for before in ({}, {1: "    return width + height"}, {1: "  "}, {0: "def area(a, b):"}):
        found, model = await checked(script, before)
        assert (found, len(model.calls)) == ([], 1)


async def test_of_lines_that_look_alike_none_is_told_before_all_are_known() -> None:
    """A small model that has lost its place in a table expects one and the same line in the place of several."""
    text = "def f(a):\n    a.add(1)\n    a.add(2)\n    return a\n"
    line = '!token "    a.add(" -0.01\n!token "9" -0.01 "1" -9.0 "2" -9.0\n)\n'
    told: list[Finding] = []

    async def sure(finding: Finding) -> None:
        told.append(finding)

    async def found(script: str) -> list[Finding]:
        told.clear()
        syntax = parsed(text)
        check = Check(syntax, "a.py", bound(ScriptedModel(script)), ReviewSettings(), Admission(quiet_ms=0))
        return await check_lines(check, Span(Offset(0), Offset(len(text))), (1, 2, 3), Trace("review"), sure)

    assert await found("!next\n".join((line, ")\n", line, ")\n", "    return a\n"))) == told == []
    once = await found("!next\n".join((line, ")\n", "    a.add(2)\n", "    return a\n")))
    assert len(once) == 1
    assert once == told
