"""What the names of members hang on where the tree does not say it: receivers, qualifiers, constructors.

Read from the text, because that costs one search per definition where a query would look at every node.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_MAX_BYTES = 160
"""How far before a name its qualifier is looked for."""

_QUALIFIERS = {
    "cpp": re.compile(r"((?:\w+(?:<[^<>]*>)?\s*::\s*)+)$"),
    "lua": re.compile(r"([\w.]+)\s*[.:]\s*$"),
    "javascript": re.compile(r"([\w$.]+)\.$"),
    "typescript": re.compile(r"([\w$.]+)\.$"),
    "tsx": re.compile(r"([\w$.]+)\.$"),
    "kotlin": re.compile(r"([\w.]+)(?:<[^<>]*>)?\??\.$"),
}
PLAIN_NAMES = frozenset({"python", "java", "csharp", "go", "scala", "swift", "bash", "c"})
"""Languages in which `own_name` would change nothing."""
_CSS_NAME = re.compile(r"(?:[.#]|--)[\w-]+$")
_QUOTED = frozenset({"javascript", "typescript", "tsx"})
_RECEIVER = re.compile(r"func\s*\(\s*(?:\w+\s+)?\**\s*(?:\w+\.)?(\w+)")
_GENERIC = re.compile(r"<[^<>]*>|\s")

_SELF = re.compile(rb"\n[ \t]+self\.(\w+)[ \t]*(?::([^=\n]*))?(?:=(?!=)[ \t]*([^\n]*))?$", re.MULTILINE)
_KNOWN_TYPE = re.compile(
    rb"(?:\w+\.)*_?[A-Z]\w*(?:\[[^\n]*?\])?\(|(?:dict|set|list|tuple|frozenset|deque)\(|[\[{\"'\d]|True\b|False\b"
)
_THIS = re.compile(rb"\bthis\.(#?[\w$]+)[ \t]*=(?!=)[^\n;]*", re.MULTILINE)
_COMMENT_BEHIND = re.compile(rb"""\s*#[^"'\n]*$""")
_PARAMETER = re.compile(rb"(\w+)\s*:\s*((?:[^,=()\[\]]|\[(?:[^\[\]]|\[(?:[^\[\]]|\[[^\[\]]*\])*\])*\])+)")
_NAME = re.compile(rb"\w+$")


@dataclass(frozen=True, slots=True)
class Attribute:
    """A field that a constructor sets, in bytes of the file."""

    start: int
    end: int
    name_start: int
    name_end: int
    annotation: str
    """The type of the parameter that is assigned, "" if the line itself tells the type."""


def qualifier(language: str, source: bytes, start: int, name_start: int) -> str:
    """The dotted names written right before the name of a definition that begins at `start`: `Basket::`, `M.`."""
    pattern = _QUALIFIERS.get(language)
    if pattern is None or source[name_start - 1 : name_start] not in (b":", b"."):
        return ""
    before = source[max(start, name_start - _MAX_BYTES) : name_start].decode("utf-8", "replace")
    found = pattern.search(before)
    if found is None:
        return ""
    parts = [part for part in _GENERIC.sub("", found[1]).replace("::", ".").split(".") if part]
    return ".".join(part for part in parts if part not in ("module", "exports", "prototype", "this", "window"))


def own_name(language: str, written: str, source: bytes, start: int, name_start: int) -> tuple[str, str]:
    """A name as it is used, and the dotted names that it hangs on where they are written with it.

    Of what markup defines only names that other files use are kept: classes, ids, custom properties. The others
    become "".
    """
    if language == "html":
        return (written if source[name_start - 1 : name_start] in (b'"', b"'") else ""), ""
    if language == "css":
        return (written if _CSS_NAME.match(written) else ""), ""
    if language == "php":
        return written.removeprefix("$"), ""
    if language == "rust":
        return _GENERIC.sub("", written).lstrip("&*").rpartition("::")[2], ""
    if language == "ruby":
        owner, _, name = written.lstrip(":").rpartition("::")
        return name, owner.replace("::", ".")
    if language == "cpp":
        outer, _, name = written.rpartition("::")
        owner = qualifier(language, source, start, name_start)
        return name, ".".join(filter(None, (owner, _GENERIC.sub("", outer).replace("::", "."))))
    name = written.strip("\"'") if language in _QUOTED else written
    return name, qualifier(language, source, start, name_start)


def receiver(signature: str) -> str:
    """The type that a method of Go belongs to."""
    found = _RECEIVER.match(signature)
    return found[1] if found else ""


def attributes(language: str, source: bytes, start: int, body: int, end: int) -> Iterator[Attribute]:
    """The fields that the constructor from `start` to `end` sets and whose type its lines tell, each name once.

    In JavaScript, which has no types, all that it sets.
    """
    seen: set[bytes] = set()
    body = max(start, source.rfind(b"\n", start, body))
    parameters: dict[bytes, bytes] | None = None
    for found in (_THIS if language == "javascript" else _SELF).finditer(source, body, end):
        if found[1] in seen:
            continue
        annotation = b""
        if language == "python" and not (found[2] or "").strip():
            value = (found[3] or b"").strip()
            if not value:
                continue
            if not _KNOWN_TYPE.match(value):
                if parameters is None:
                    parameters = {name: kind.strip() for name, kind in _PARAMETER.findall(source[start:body])}
                annotation = parameters.get(value, b"") if _NAME.match(value) else b""
                if not annotation:
                    continue
        seen.add(found[1])
        begin = found.start() + len(found[0]) - len(found[0].lstrip())
        text = source[begin : found.end()]
        if b"#" in text and language == "python":
            text = _COMMENT_BEHIND.sub(b"", text)
        yield Attribute(
            begin,
            begin + len(text.rstrip()),
            found.start(1),
            found.end(1),
            " ".join(annotation.decode("utf-8", "replace").split()),
        )
