"""Tags: every language against a file with what is to be found in it, and files that are broken in many ways.

A file in `tags/` has the sections `code`, `definitions` (lines counted from 1 and both included, kind, names, ` | `,
signature, and ` | `, doc if there is one) and `imports` (line, module, `as` its local name, `:` its names). Where the
name does not stand on the first line, or the signature ends below the name, `name` and `to` give those lines.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from codeassist.syntax.grammars import grammar
from codeassist.syntax.languages import LANGUAGES
from codeassist.syntax.tags import NO_TAGS, Import, Tag, Tags, tags_of, tags_of_tree

from .sample_files import NAMES, code

FOLDER = Path(__file__).parent / "tags"

every_language = pytest.mark.parametrize("name", NAMES)


def test_each_language_has_a_file() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.txt")) == sorted(NAMES)


@every_language
def test_tags(name: str, request: pytest.FixtureRequest) -> None:
    path = FOLDER / f"{name}.txt"
    _, source, *goldens = re.split(r"^-- [a-z]+ --\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    source = source.rstrip("\n") + "\n"
    shown = shown_tags(tags_of(name, source.encode()))
    if request.config.getoption("--update-goldens"):
        definitions, imports = shown
        path.write_text(
            f"-- code --\n{source}\n-- definitions --\n{definitions}\n-- imports --\n{imports}", encoding="utf-8"
        )
    else:
        assert shown == tuple(golden.strip("\n") + "\n" if golden.strip() else "" for golden in goldens)


def shown_tags(tags: Tags) -> tuple[str, str]:
    definitions = "".join(f"{_shown_tag(tag)}\n" for tag in tags.definitions)
    return definitions, "".join(f"{_shown_import(one)}\n" for one in tags.imports)


def _shown_tag(tag: Tag) -> str:
    assert tag.start_line <= tag.name_line < tag.end_line
    assert tag.start_line < tag.signature_end <= tag.end_line
    place = f"{tag.start_line + 1}-{tag.end_line}"
    if tag.name_line != tag.start_line:
        place += f" name {tag.name_line + 1}"
    if tag.signature_end != tag.name_line + 1:
        place += f" to {tag.signature_end}"
    names = f"{tag.parent}.{tag.name}" if tag.parent else tag.name
    return " | ".join(filter(None, (f"{place} {tag.kind} {names}", tag.signature, tag.doc)))


def _shown_import(one: Import) -> str:
    names = ", ".join(name if name == local or not local else f"{name} as {local}" for name, local in one.names)
    alias = f" as {one.alias}" if one.alias else ""
    return f"{one.line + 1} {'export ' if one.exported else ''}{one.module}{alias}{': ' if names else ''}{names}"


def test_unknown_language() -> None:
    assert tags_of("", b"def a(): pass") == NO_TAGS
    assert tags_of("cobol", b"def a(): pass") == NO_TAGS


def test_tree_that_is_parsed_already() -> None:
    from tree_sitter import Parser

    found = grammar("python")
    assert found is not None
    source = b"import a\ndef f(): pass\n"
    assert tags_of_tree("python", Parser(found.handle).parse(source), source) == tags_of("python", source)


def test_header_in_cpp_is_read_as_cpp() -> None:
    tags = tags_of("c", b"#pragma once\nnamespace shop {\nclass Basket {\npublic:\n  int total() const;\n};\n}\n")
    assert [(tag.parent, tag.name) for tag in tags.definitions] == [
        ("", "shop"),
        ("shop", "Basket"),
        ("shop.Basket", "total"),
    ]


ODD_BYTES = {
    "empty": lambda text: b"",
    "not UTF-8": lambda text: text.replace(b"a", b"\xff\xe9"),
    "UTF-16": lambda text: text.decode().encode("utf-16"),
    "NUL": lambda text: text.replace(b"(", b"\0("),
    "byte order mark": lambda text: b"\xef\xbb\xbf" + text,
    "carriage returns": lambda text: text.replace(b"\n", b"\r"),
    "cut off": lambda text: text[: len(text) * 2 // 3],
    "reversed": lambda text: text[::-1],
    "no line ends": lambda text: text.replace(b"\n", b" ") * 20,
}


@every_language
@pytest.mark.parametrize("change", ODD_BYTES)
def test_any_bytes_have_tags(name: str, change: str) -> None:
    source = ODD_BYTES[change](code(name).encode())
    lines = source.count(b"\n") + 1
    tags = tags_of(name, source)
    for tag in tags.definitions:
        assert tag.name
        assert 0 <= tag.start_line <= tag.name_line < tag.end_line <= lines
        assert tag.start_line < tag.signature_end <= lines
        assert len(tag.signature) <= 400
        assert len(tag.doc) <= 120
        assert "\n" not in tag.signature + tag.doc + tag.name
    assert all(0 <= one.line < lines and one.module for one in tags.imports)


@every_language
def test_line_ends_of_windows_change_nothing(name: str) -> None:
    unix = code(name).encode()
    assert shown_tags(tags_of(name, unix.replace(b"\n", b"\r\n"))) == shown_tags(tags_of(name, unix))


@pytest.mark.parametrize(
    ("language", "opening"),
    [
        ("python", b"def f():\n"),
        ("javascript", b"function f() {"),
        ("rust", b"mod a {"),
        ("cpp", b"namespace a {"),
        ("java", b"class A {"),
        ("typescript", b"a(("),
        ("python", b"x = ["),
    ],
)
def test_deep_nesting(language: str, opening: bytes) -> None:
    if language == "python" and opening.startswith(b"def"):
        source = b"".join(b" " * depth + opening for depth in range(900))
    else:
        source = opening * 20_000
    assert len(tags_of(language, source).definitions) <= 30


@pytest.mark.parametrize(
    ("language", "source"),
    [
        ("java", b"@A(" + b"(" * 100_000 + b") class B {}"),
        ("bash", b'source "' + b"\\a$(x)" * 5000),
        ("bash", b'source "' + b"$(" * 5000),
        ("javascript", b"import {a} " + b" " * 100_000 + b" 'x"),
        ("javascript", b"".join(b'a(function(){var b%d=require("x%d")});' % (i, i) for i in range(3000))),
        ("cpp", b"int " + b"a<" * 3000 + b"::f() {}"),
        ("c", b"\n" * 200_000 + b"class A;"),
        ("python", b"class A:\n  def __init__(self, " + b"a: b[[[" * 3000 + b"):\n    self.a = a\n"),
        ("typescript", b"@A({" + b"'\\" * 30_000 + b"}) class B {}"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)} bytes",
)
def test_files_made_to_be_slow(language: str, source: bytes) -> None:
    """Each of these took minutes, or would, with a search that looks at everything behind every place."""
    tags = tags_of(language, source)
    assert all(len(one.module) <= 400 for one in tags.imports)


def test_deep_use_tree() -> None:
    source = b"use a::" + b"{b::" * 3000 + b"c" + b"}" * 3000 + b";"
    assert len(tags_of("rust", source).imports) <= 1


def test_syntax_errors_hide_only_their_surroundings() -> None:
    tags = tags_of(
        "python", b"import a\n\ndef first(x):\n    return x\n\ndef (:\n\nclass Second(Base):\n    size: int = 1\n"
    )
    assert {"first", "Second"} <= {tag.name for tag in tags.definitions}
    assert [one.module for one in tags.imports] == ["a"]


def test_long_values_show_their_first_line() -> None:
    tags = tags_of("python", b"TABLE = {\n" + b"    'key': 'value',\n" * 100 + b"}\n")
    (tag,) = tags.definitions
    assert tag.signature == "TABLE = {"
    assert (tag.signature_end, tag.end_line) == (1, 102)


def test_languages_of_the_table_are_known() -> None:
    assert all(tags_of(row.name, b"") == NO_TAGS for row in LANGUAGES)
