"""Comments that ask for silence: in each language's own way, never out of strings, never for more than they say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeassist.post.findings import Finding
from codeassist.post.ignored import NOTHING_IGNORED, Ignored, ignored, silencing_edit
from codeassist.syntax.tree import Syntax, parse, parses_as_well
from codeassist.text.document import Document, Offset, Span
from codeassist.text.edits import apply, reanchor


def parsed(text: str, language: str = "python") -> Syntax:
    syntax = parse(Document.create("file:///a", text, language))
    assert syntax is not None
    return syntax


def asked(text: str, language: str = "python") -> Ignored:
    return ignored(parsed(text, language))


def by_line(text: str, language: str = "python") -> dict[int, list[str] | None]:
    lines = asked(text, language).lines
    return {line: None if some is None else sorted(some) for line, some in sorted(lines.items())}


def finding(document: Document, part: str, category: str = "wrong-operator") -> Finding:
    start = document.text.index(part)
    span = Span(Offset(start), Offset(start + len(part)))
    return Finding(span, "warning", category, "Said.", "infill", 5.0)


@pytest.mark.parametrize(
    ("language", "trailing", "alone"),
    [
        ("python", "x = a < b  # codeassist: ignore[bug]", "# codeassist: ignore[bug]\nx = a < b"),
        ("javascript", "x = a < b; // codeassist: ignore[bug]", "/* codeassist: ignore[bug] */\nx = a < b;"),
        ("typescript", "x = a < b /* codeassist: ignore[bug] */;", "// codeassist: ignore[bug]\nx = a < b;"),
        ("tsx", "x = a < b; // codeassist: ignore[bug]", "  // codeassist: ignore[bug]\nx = a < b;"),
        ("go", "x = a < b // codeassist: ignore[bug]", "// codeassist: ignore[bug]\nx = a < b"),
        ("rust", "let x = a < b; // codeassist: ignore[bug]", "/// codeassist: ignore[bug]\nlet x = a < b;"),
        ("java", "int x = a; // codeassist: ignore[bug]", "/** codeassist: ignore[bug] */\nint x = a;"),
        ("c", "int x = a; // codeassist: ignore[bug]", "/*\n * codeassist: ignore[bug]\n */\nint x = a;"),
        ("cpp", "int x = a; // codeassist: ignore[bug]", "// codeassist: ignore[bug]\nint x = a;"),
        ("csharp", "int x = a; // codeassist: ignore[bug]", "/// codeassist: ignore[bug]\nint x = a;"),
        ("ruby", "x = a < b # codeassist: ignore[bug]", "# codeassist: ignore[bug]\nx = a < b"),
        ("php", "<?php $x = 1; // codeassist: ignore[bug]", "<?php # codeassist: ignore[bug]\n$x = 1;"),
        ("bash", "x=1 # codeassist: ignore[bug]", "# codeassist: ignore[bug]\nx=1"),
        ("lua", "x = 1 -- codeassist: ignore[bug]", "--[[ codeassist: ignore[bug] ]]\nx = 1"),
        ("kotlin", "val x = 1 // codeassist: ignore[bug]", "/* codeassist: ignore[bug] */\nval x = 1"),
        ("swift", "let x = 1 // codeassist: ignore[bug]", "// codeassist: ignore[bug]\nlet x = 1"),
        ("scala", "val x = 1 // codeassist: ignore[bug]", "// codeassist: ignore[bug]\nval x = 1"),
        ("css", "a { x: y } /* codeassist: ignore[bug] */", "/* codeassist: ignore[bug] */\na { x: y }"),
        ("html", "<p>x</p><!-- codeassist: ignore[bug] -->", "<!-- codeassist: ignore[bug] -->\n<p>x</p>"),
        ("yaml", "a: 1 # codeassist: ignore[bug]", "# codeassist: ignore[bug]\na: 1"),
        ("toml", "a = 1 # codeassist: ignore[bug]", "# codeassist: ignore[bug]\na = 1"),
    ],
)
def test_each_language_in_its_own_way(language: str, trailing: str, alone: str) -> None:
    assert by_line(trailing + "\n", language) == {0: ["bug"]}
    code = alone.count("\n")
    if language == "php":  # `<?php` is code.
        assert by_line(alone + "\n", language) == {0: ["bug"]}
    else:
        assert by_line(alone + "\n", language) == {code: ["bug"]}


def test_between_the_tags_of_jsx() -> None:
    text = "const a = (\n  <p>\n    {/* codeassist: ignore[bug] */}\n    {a < b}\n  </p>\n);\n"
    assert by_line(text, "tsx") == {3: ["bug"]}
    assert by_line(text, "javascript") == {3: ["bug"]}


@pytest.mark.parametrize(
    "text",
    [
        "x = '# codeassist: ignore'\n",
        'x = """\n# codeassist: ignore-file\n"""\n',
        "def f():\n    '''# codeassist: ignore'''\n",
        "# codeassist: ignored\nx = 1\n",
        "# codeassist: ignore-files\nx = 1\n",
        "# Say `codeassist: ignore-file` to hide all.\nx = 1\n",
        "# One may write codeassist: ignore here.\nx = 1\n",
        "# Codeassist: Ignore\nx = 1\n",
        "codeassist: ignore\n",
        "x = 1\n",
        "",
    ],
)
def test_nothing_else_counts(text: str) -> None:
    assert asked(text) == NOTHING_IGNORED


@pytest.mark.parametrize(
    ("comment", "found"),
    [
        ("# codeassist: ignore", None),
        ("#codeassist:ignore", None),
        ("# codeassist: ignore because it is right", None),
        ("# type: ignore  # codeassist: ignore[bug]", ["bug"]),
        ("# codeassist: ignore[bug, wrong-name] as agreed", ["bug", "wrong-name"]),
        ("# codeassist: ignore [ bug,,wrong-name ]", ["bug", "wrong-name"]),
        ("# codeassist: ignore[no such thing!]", ["no", "such", "thing!"]),
        ("# codeassist: ignore[]", []),
        ("# codeassist: ignore[bug", []),
        ("# codeassist: ignore[bug] # codeassist: ignore[leak]", ["bug", "leak"]),
        ("# codeassist: ignore[bug] # codeassist: ignore", None),
    ],
)
def test_what_a_comment_may_say(comment: str, found: list[str] | None) -> None:
    assert by_line(f"x = 1  {comment}\n") == {0: found}


def test_stacked_comments_speak_of_the_code_below_them() -> None:
    text = "# codeassist: ignore[a]\n# Why so.\n  # codeassist: ignore[b]\nx = 1\n# codeassist: ignore[c]\n\ny = 2\n"
    assert by_line(text) == {3: ["a", "b"], 5: ["c"]}


def test_the_whole_file() -> None:
    assert asked("x = 1\n# codeassist: ignore-file\n").everything
    some = asked("# codeassist: ignore-file[bug]\nx = 1\n")
    assert (some.everything, some.file) == (False, {"bug"})
    assert asked("# codeassist: ignore-file[bug]\n# codeassist: ignore-file\n").everything


def test_covers_what_touches_the_line_and_is_of_the_category() -> None:
    syntax = parsed("def f(a,\n      b):  # codeassist: ignore[wrong-operator]\n    return a < b\n")
    found, document = ignored(syntax), syntax.document
    assert found.covers(finding(document, "f(a,\n      b"), document)
    assert not found.covers(finding(document, "f(a,\n      b", "bug"), document)
    assert not found.covers(finding(document, "a < b"), document)
    assert not NOTHING_IGNORED.covers(finding(document, "a < b"), document)
    assert Ignored(frozenset({"bug"})).covers(finding(document, "a < b", "bug"), document)
    assert Ignored(None).covers(finding(document, "a < b"), document)
    assert asked("x = 1  # codeassist: ignore\ny = 2  # codeassist: ignore[a]\n").silent_lines == {0}


def test_broken_code_has_its_comments_too() -> None:
    assert by_line("def f(:\n  x = ((  # codeassist: ignore[bug]\n") == {1: ["bug"]}


_PIECES = (
    "# codeassist: ignore\n", "# codeassist: ignore[a, b]", "# codeassist: ignore-file[a]", "'''", '"', "\n", "  ",
    "x = 1", "def f(:\n", "(", "codeassist:", "é😀", "\r\n", "\r",
)  # fmt: skip


@given(st.lists(st.sampled_from(_PIECES), max_size=12).map("".join), st.sampled_from(["python", "ruby", "bash"]))
def test_any_text_is_read_and_only_comments_count(text: str, language: str) -> None:
    syntax = parsed(text, language)
    found = ignored(syntax)
    comments = str(syntax.tree.root_node).count("(comment")
    assert len(found.lines) <= 2 * comments
    if "codeassist: ignore" not in text or not comments:
        assert found == NOTHING_IGNORED
    for line in found.lines:
        assert 0 <= line <= syntax.document.line_count


def silenced(text: str, part: str, language: str = "python", category: str = "bug") -> str | None:
    """The text with the comment that hides a finding at `part`; None if there is no place for one."""
    syntax = parsed(text, language)
    edit = silencing_edit(syntax, finding(syntax.document, part, category))
    return None if edit is None else apply(text, [edit])


@pytest.mark.parametrize(
    ("language", "before", "after"),
    [
        ("python", "x = a < b\n", "x = a < b  # codeassist: ignore[bug]\n"),
        ("python", "x = a < b  \n", "x = a < b  # codeassist: ignore[bug]\n"),
        ("python", "x = a < b", "x = a < b  # codeassist: ignore[bug]"),
        ("python", "x = a < b  # Why.\n", "x = a < b  # Why.  # codeassist: ignore[bug]\n"),
        (
            "python",
            "x = a < b  # codeassist: ignore[leak] as agreed\n",
            "x = a < b  # codeassist: ignore[leak, bug] as agreed\n",
        ),
        ("python", "# codeassist: ignore[leak]\nx = a < b\n", "# codeassist: ignore[leak, bug]\nx = a < b\n"),
        ("python", "x = a < b \\\n    + 1\n", "# codeassist: ignore[bug]\nx = a < b \\\n    + 1\n"),
        (
            "python",
            'def f():\r\n    x = a < b + """\r\n"""\r\n',
            'def f():\r\n    # codeassist: ignore[bug]\r\n    x = a < b + """\r\n"""\r\n',
        ),
        ("javascript", "x = a < b;\n", "x = a < b; // codeassist: ignore[bug]\n"),
        (
            "tsx",
            "const a = (\n  <p>\n    {a < b}\n  </p>\n);\n",
            "const a = (\n  <p>\n    {/* codeassist: ignore[bug] */}\n    {a < b}\n  </p>\n);\n",
        ),
        ("go", "x = a < b\n", "x = a < b // codeassist: ignore[bug]\n"),
        ("lua", "x = a < b\n", "x = a < b -- codeassist: ignore[bug]\n"),
        ("php", "<?php\n$x = a < b;\n", "<?php\n$x = a < b; // codeassist: ignore[bug]\n"),
        ("c", "#define X a < b \\\n  + 1\nint y;\n", "// codeassist: ignore[bug]\n#define X a < b \\\n  + 1\nint y;\n"),
        ("css", "/*a < b*/\na { x: y }\n", "/*a < b*/ /* codeassist: ignore[bug] */\na { x: y }\n"),
        ("json", '{"x": "a < b"}\n', None),
        ("python", "x = (\n  a < b,\n", "x = (\n  a < b,  # codeassist: ignore[bug]\n"),
    ],
)
def test_the_comment_that_hides_a_finding(language: str, before: str, after: str | None) -> None:
    assert silenced(before, "a < b", language) == after


def test_no_comment_for_what_is_no_category() -> None:
    assert silenced("x = a < b\n", "a < b", category="evil]\nimport os #") is None


@given(
    st.lists(st.sampled_from((*_PIECES, "a < b", " \\\n", "    return 1\n")), max_size=10).map("".join),
    st.sampled_from(["python", "javascript", "bash", "php"]),
)
def test_a_comment_changes_no_code_and_hides_what_it_is_for(text: str, language: str) -> None:
    text += "a < b\n"
    syntax = parsed(text, language)
    about = finding(syntax.document, "a < b")
    edit = silencing_edit(syntax, about)
    if edit is not None:
        changed = parsed(apply(text, [edit]), language)
        span = reanchor(about.span, [edit])
        assert span is not None
        assert ignored(changed).covers(replace(about, span=span), changed.document)
        assert parses_as_well(syntax, changed)
