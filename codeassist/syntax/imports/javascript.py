"""Imports of JavaScript and TypeScript: of modules, and by `require` and `import()`."""

from __future__ import annotations

import re

from codeassist.syntax.imports.values import ALL, Import, pairs, without_comments

_STATEMENT = re.compile(
    r"""(?P<word>import|export)\b\s*(?:type\s+(?!from\s*["'])|typeof\s+)?(?P<clause>[^"']*?)\s*"""
    r"""(?:\bfrom\s*)?(?P<quote>["'])(?P<module>.*?)(?P=quote)""",
    re.DOTALL,
)
_CALL = re.compile(
    r"""(?:(?<![\w$.])(?P<local>[\w$]+|\{[^{}]*\})\s*(?::[^=;,]*)?=\s*)?(?:await\s+)?(?:__importStar\(|__importDefault\()?"""
    r"""\b(?:require|import)\(\s*(?P<quote>["'`])(?P<module>[^"'`\n]*)(?P=quote)"""
)
_EXPORTS = re.compile(r"\bexports\b[\w.\s=]*\brequire\(")


def read(text: str, line: int) -> list[Import]:
    """An `import` or `export … from` statement, or any text that calls `require` or `import`."""
    text = without_comments(text)
    statement = _STATEMENT.match(" ".join(text.split())) if text.startswith(("import", "export")) else None
    if statement is None or statement["clause"].endswith("("):
        return _calls(text, line)
    exported = statement["word"] == "export"
    names, alias = _clause(statement["clause"].strip(), exported=exported)
    return [Import(statement["module"], names, alias, line, exported)]


def _clause(clause: str, *, exported: bool) -> tuple[tuple[tuple[str, str], ...], str]:
    """`D, * as ns` or `D, { a as b }`, as names and the local name of the whole module."""
    if clause == "*":
        return ALL, ""
    head, brace, inner = clause.partition("{")
    alias = ""
    names: tuple[tuple[str, str], ...] = ()
    for part in head.split(","):
        words = part.split()
        if len(words) == 3 and words[:2] == ["*", "as"]:
            alias = words[2]
        elif len(words) == 1 and not exported:
            names += (("default", words[0]),)
    if brace:
        bare = re.sub(r"(^|,)\s*type\s+(?!as\b|,|$)", r"\1", inner.partition("}")[0])
        names += pairs(bare, "as")
    return names, alias


def _calls(text: str, line: int) -> list[Import]:
    exported = _EXPORTS.search(text) is not None
    found = []
    for call in _CALL.finditer(text):
        local = call["local"] or ""
        names: tuple[tuple[str, str], ...] = ()
        if local.startswith("{"):
            # `{ a, b: c, d = 1 }`: the same pairs as in an import, with other signs.
            names = pairs(re.sub(r"=[^,}]*", "", local.strip("{}")).replace(":", " : "), ":")
        alias = "" if names else local
        at = line + text.count("\n", 0, call.start("module"))
        found.append(Import(call["module"], names, alias, at, exported))
    return found
