"""The table of languages, and grammars that load one at a time."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.resources import files
from typing import get_args

import pytest

from codeassist.syntax.definitions import Kind
from codeassist.syntax.grammars import LANGUAGES, grammar, language_of, line_comment
from codeassist.syntax.grammars import query_source as source_of
from codeassist.syntax.languages import Language

every_language = pytest.mark.parametrize("row", LANGUAGES, ids=lambda row: row.name)


@every_language
def test_query_fits_its_grammar(row: Language) -> None:
    found = grammar(row.name)
    assert found is not None
    assert found.name == row.name
    assert found.definitions.pattern_count > 0
    assert found.imports.pattern_count == source_of(row).count("@import")


@every_language
def test_query_captures_known_kinds_only(row: Language) -> None:
    kinds = set(re.findall(r"@definition\.(\w+)", source_of(row)))
    assert kinds
    assert kinds <= set(get_args(Kind))


@every_language
def test_each_pattern_names_what_it_defines(row: Language) -> None:
    found = grammar(row.name)
    assert found is not None
    source = source_of(row).encode()
    for index in range(found.definitions.pattern_count):
        start = found.definitions.start_byte_for_pattern(index)
        pattern = source[start : found.definitions.end_byte_for_pattern(index)]
        assert pattern.count(b"@definition.") == 1
        assert b"@name" in pattern
        assert b"@import" not in pattern


def test_no_query_file_is_left_over() -> None:
    stored = {entry.name for entry in files("codeassist.syntax").joinpath("queries").iterdir()}
    assert stored == {f"{row.queries or row.name}.scm" for row in LANGUAGES}


def test_a_grammar_is_loaded_once() -> None:
    assert grammar("python") is grammar("python")
    assert grammar("") is None
    assert grammar("cobol") is None


@pytest.mark.parametrize("field", ["name", "ids", "extensions", "filenames", "interpreters"])
def test_no_two_languages_claim_the_same(field: str) -> None:
    claimed = [getattr(row, field) for row in LANGUAGES]
    flat = claimed if field == "name" else [entry for entries in claimed for entry in entries]
    assert len(flat) == len(set(flat))


@pytest.mark.parametrize(
    ("path", "identifier", "first_line", "name"),
    [
        ("/a/b.py", "", "", "python"),
        ("C:\\a\\B.PY", "", "", "python"),
        ("file:///a/b.tsx", "", "", "tsx"),
        ("b.jsx", "javascriptreact", "", "javascript"),
        ("b.h", "", "", "c"),
        ("b.h", "cpp", "", "cpp"),
        ("untitled:Untitled-1", "shellscript", "", "bash"),
        ("a.py", "plaintext", "", "python"),
        ("a.txt", "python", "", "python"),
        ("a/Gemfile", "", "", "ruby"),
        ("a/.bashrc", "", "", "bash"),
        ("Cargo.lock", "", "", "toml"),
        ("a/.py", "", "", ""),
        ("a.py/readme", "", "", ""),
        ("tool", "", "#!/usr/bin/env python3.11", "python"),
        ("tool", "", "#!/usr/bin/env -S A=1 node --flag", "javascript"),
        ("tool", "", "#! /bin/sh -e", "bash"),
        ("tool", "", "#!/usr/bin/lua5.4", "lua"),
        ("tool", "", "#!/usr/bin/env", ""),
        ("tool", "", "#!/usr/bin/perl", ""),
        ("tool", "", "\ufeff<?php echo 1;", "php"),
        ("page", "", "<!DOCTYPE html>", "html"),
        ("", "", "", ""),
    ],
)
def test_language_of(path: str, identifier: str, first_line: str, name: str) -> None:
    assert language_of(path, identifier, first_line) == name


@pytest.mark.parametrize(
    ("name", "comment"), [("python", "#"), ("go", "//"), ("lua", "--"), ("json", ""), ("cobol", "")]
)
def test_line_comment(name: str, comment: str) -> None:
    assert line_comment(name) == comment


def loaded_after(statement: str) -> set[str]:
    """The parser's modules that a fresh interpreter holds after a statement."""
    code = (
        "import sys, codeassist.syntax.grammars, codeassist.syntax.tree, codeassist.syntax.outline\n"
        "from codeassist.text.document import Document\n"
        f"{statement}\n"
        "print(*{name.split('.')[0] for name in sys.modules if name.startswith('tree_sitter')})"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(shown.stdout.split())


def test_importing_loads_no_grammar() -> None:
    assert loaded_after("") == set()


def test_parsing_loads_one_grammar() -> None:
    statement = "codeassist.syntax.tree.parse(Document.create('', 'x = 1', 'python'))"
    assert loaded_after(statement) == {"tree_sitter", "tree_sitter_python"}
