"""`text` stands below the parser."""

from __future__ import annotations

import subprocess
import sys


def test_text_does_not_import_the_parser() -> None:
    code = (
        "import sys, codeassist.text.document, codeassist.text.edits, codeassist.text.positions, "
        "codeassist.text.hygiene\n"
        "print([name for name in sys.modules if name.startswith('tree_sitter')])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
