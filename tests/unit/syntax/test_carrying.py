"""Trees that are moved before they are parsed, and imports that are carried from one text to the next."""

from __future__ import annotations

import pytest

from codeassist.syntax.outline import carry_imports, enclosing, imports
from codeassist.syntax.tree import Syntax, moved, reparse, settled
from codeassist.text.document import Document, Offset
from codeassist.text.edits import Edit

from .sample_files import parsed


def moved_on(old: Syntax, edits: list[Edit]) -> Syntax:
    """The moved tree, its imports carried."""
    after = moved(old, edits, old.document.replace(edits, old.document.version + 1))
    assert after is not None
    carry_imports(old, edits, after)
    return after


def typed(old: Syntax, at: int, text: str) -> Syntax:
    return moved_on(old, [Edit(Offset(at), Offset(at), text)])


IMPORTING = """import os
from a import (
    b,
    c,
)
import d; import e

x = 1
"""


@pytest.mark.parametrize(
    ("at", "until", "text", "count"),
    [
        (0, 0, "# Above.\n", 3),
        (9, 9, "\n\n\n", 3),
        (9, 9, " as system", 3),
        (26, 26, "    bee,\n", 3),
        (0, 10, "", 2),
        (0, 60, "y = 2\n", 0),
        (67, 67, "z", 3),
    ],
)
def test_imports_move_with_the_text(at: int, until: int, text: str, count: int) -> None:
    syntax = parsed(IMPORTING, "python")
    assert len(imports(syntax)) == 3
    between = moved_on(syntax, [Edit(Offset(at), Offset(until), text)])
    assert imports(between) == imports(settled(between))
    assert len(imports(between)) == count


def test_a_moved_tree_knows_the_places_of_what_it_knew() -> None:
    syntax = parsed("import os\n\n\ndef total():\n    return 1\n", "python")
    imports(syntax)
    between = typed(syntax, 0, "# At the top.\n")
    text = between.document.text
    assert [between.document.slice(span) for span in imports(between)] == ["import os"]
    assert [scope.name for scope in enclosing(between, Offset(text.index("return")))] == ["total"]
    assert settled(between).tree.root_node.end_byte == len(text)


def test_a_moved_tree_is_moved_on_and_parsed_as_if_from_the_beginning() -> None:
    syntax = parsed("def total():\n    return 1\n", "python")
    twice = typed(typed(syntax, 0, "import os\n"), 9, ", sys")
    assert str(settled(twice).tree.root_node) == str(parsed(twice.document.text, "python").tree.root_node)


def test_what_is_parsed_stays_as_it_is() -> None:
    syntax = parsed("x = 1\n", "python")
    assert settled(syntax) is syntax


def test_edits_that_lead_elsewhere_move_nothing() -> None:
    syntax = parsed("x = 1\n", "python")
    other = Document.create(syntax.document.uri, "y", "python")
    assert moved(syntax, [Edit(Offset(0), Offset(0), "zz")], other) is None
    assert reparse(syntax, [Edit(Offset(0), Offset(0), "zz")], other).document is other
