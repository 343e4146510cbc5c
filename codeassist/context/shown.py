"""How definitions look in a prompt: as declarations of their language, so that a model reads them as code."""

from __future__ import annotations

import re
from collections.abc import Sequence

from codeassist.syntax.tags import Tag

_MOST_SIGNATURE = 240
"""Characters of a signature that are shown; the rest are parameters that nobody reads."""
_CALLABLE = frozenset({"function", "method"})
_TYPES = frozenset({"class", "interface", "struct", "enum", "implementation"})
_BRACES = frozenset({
    "c", "cpp", "csharp", "go", "java", "javascript", "kotlin", "php", "rust", "scala", "swift", "tsx", "typescript",
})  # fmt: skip
_ENDED = frozenset({"c", "cpp", "csharp", "java", "javascript", "php", "rust", "tsx", "typescript"})
"""A function without a body ends with a semicolon there, as in headers, interfaces and declaration files."""
_VALUES = frozenset({"constant", "field", "variable"})
_TEXT_VALUE = re.compile(r"""\b([^\W\d]\w*)((?:\s*:\s*[\w.]+)?\s*=\s*(["'])([^"'\\]*)\3[,;]?)$""")
_INDENT = "    "


def declared(tag: Tag, language: str, *, open_: bool = False) -> str:
    """The declaration of `tag`, without its indent and line end. `open_`: members follow, and then `closing`."""
    signature = _without_echo(tag)
    if len(signature) > _MOST_SIGNATURE:
        signature = signature[:_MOST_SIGNATURE].rsplit(" ", 1)[0] + " …"
    if language == "python":
        return signature if open_ or not signature.endswith(":") else f"{signature} ..."
    if language not in _BRACES:
        return signature
    if tag.kind in _CALLABLE:
        if signature.endswith(("=>", "=")):
            return f"{signature} {{ ... }}"
        return f"{signature};" if language in _ENDED and signature[-1:] not in (";", "}") else signature
    if signature.endswith(")") and tag.kind == "struct":
        return f"{signature};"  # Of Rust: its fields are in the parentheses.
    if tag.kind in _TYPES and signature[-1:] not in ("{", ";", "}"):
        return f"{signature} {{" if open_ else f"{signature} {{}}"
    return signature


def _without_echo(tag: Tag) -> str:
    """The signature; of `NotFound = "NOT_FOUND"` the name alone. A text that repeats the name says nothing, and small
    models write it in place of the name."""
    signature = tag.signature
    value = _TEXT_VALUE.search(signature) if tag.kind in _VALUES else None
    if value is None or value[1] != tag.name or _letters(value[4]) != _letters(tag.name):
        return signature
    return signature[: value.start(2)]


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name)).lower()


def closing(tag: Tag, language: str) -> str:
    """The line that ends a type whose members were shown; "" where none does."""
    return "}\n" if language in _BRACES and tag.kind in _TYPES else ""


def shown(tags: Sequence[Tag], language: str) -> str:
    """Definitions of one file in their order, outer before inner, as a text of declarations."""
    with_members = {tag.parent for tag in tags}
    names = {full_name(tag) for tag in tags}
    lines: list[str] = []
    around: list[Tag] = []
    for tag in tags:
        while around and tag.parent != full_name(around[-1]):
            last = around.pop()
            lines.append(_INDENT * len(around) + closing(last, language))
        opened = full_name(tag) in with_members and tag.kind not in _CALLABLE
        # A type is known by itself; of a function one wants to know where it belongs.
        stray = f"{tag.parent}: " if tag.kind not in _TYPES and tag.parent and tag.parent not in names else ""
        indent = _INDENT * len(around)
        decorator, line = _behind_decorator(declared(tag, language, open_=opened))
        lines += [f"{indent}{decorator}\n"] if decorator else []
        lines.append(f"{indent}{stray}{line}\n")
        if opened:
            around.append(tag)
    while around:
        last = around.pop()
        lines.append(_INDENT * len(around) + closing(last, language))
    return "".join(line for line in lines if line.strip())


def _behind_decorator(line: str) -> tuple[str, str]:
    """`@property def f(self): ...` as the two lines that it is."""
    decorator, _, rest = line.partition(" ")
    return (decorator, rest) if line.startswith("@") and rest.startswith(("def ", "async def ")) else ("", line)


def full_name(tag: Tag) -> str:
    return f"{tag.parent}.{tag.name}" if tag.parent else tag.name
