"""Imports of Python."""

from __future__ import annotations

import re

from codeassist.syntax.imports.values import ALL, Import, pairs

_COMMENT = re.compile(r"#[^\n]*")
_FROM = re.compile(r"from\s*([.\s]*[\w.]*)\s*import\b(.*)", re.DOTALL)


def read(text: str, line: int) -> list[Import]:
    """`import a.b as c, d` and `from ..a import b as c`; nothing for `__future__`, which is no module to look into."""
    if "#" in text:
        text = _COMMENT.sub("", text)
    if "\\" in text:
        text = text.replace("\\\n", " ").replace("\\\r\n", " ")
    if not text.startswith("from"):
        modules = pairs(text.removeprefix("import"), "as")
        return [Import(module, (), local, line, exported=False) for module, local in modules]
    found = _FROM.match(text)
    if found is None:
        return []
    module = "".join(found[1].split())
    clause = found[2].strip().strip("()")
    names = ALL if clause.strip() == "*" else pairs(clause, "as")
    return [Import(module, names, "", line, exported=False)] if names and module not in ("", "__future__") else []
