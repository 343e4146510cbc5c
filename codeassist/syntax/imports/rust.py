"""Imports of Rust: `use` trees made flat, `mod x;` and `extern crate`."""

from __future__ import annotations

import re

from codeassist.syntax.imports.values import Import, without_comments

_VISIBILITY = re.compile(r"pub(?:\s*\([^)]*\))?\s+")
_OTHER = re.compile(r"(mod|extern\s+crate)\s+(?:r#)?(\w+)(?:\s+as\s+(\w+))?")
_PIECE = re.compile(r"[{},*]|(?:r#)?\w+")


def read(text: str, line: int) -> list[Import]:
    """One import for each module of a `use` tree: the path before its last names."""
    text = without_comments(text)
    text = re.sub(r"#\[[^\]]*\]", "", text).strip()
    public = _VISIBILITY.match(text)
    exported = public is not None
    if public:
        text = text[public.end() :]
    other = _OTHER.match(text)
    if other:
        module = f"self::{other[2]}" if other[1] == "mod" else other[2]
        return [Import(module, (), other[3] or other[2], line, exported)]
    names: dict[str, list[tuple[str, str]]] = {}
    found = []
    for written, alias in _leaves(text.removeprefix("use")):
        path = written[:-1] if written[-1] == "self" and len(written) > 1 else written
        leaf = path[-1]
        if len(path) == 1 and leaf != "*":
            found.append(Import(leaf, (), alias or leaf, line, exported))
        else:
            local = "" if leaf == "*" else alias or leaf
            names.setdefault("::".join(path[:-1]), []).append((leaf, local))
    found += [Import(module, tuple(pairs), "", line, exported) for module, pairs in names.items() if module]
    return found


def _leaves(tree: str) -> list[tuple[list[str], str]]:
    """The whole path of each leaf of a `use` tree, and the name behind `as`. Without recursion: trees can be deep."""
    leaves: list[tuple[list[str], str]] = []
    bases: list[list[str]] = [[]]
    path: list[str] = []
    alias, renames = "", False

    def close() -> None:
        if len(path) > len(bases[-1]):
            leaves.append((path, alias))

    for piece in _PIECE.findall(tree):
        if piece == "{":
            bases.append(path)
            path = list(path)
        elif piece in ",}":
            close()
            if piece == "}" and len(bases) > 1:
                # The braces themselves are no leaf: what follows them starts from the level around.
                bases.pop()
            path, alias, renames = list(bases[-1]), "", False
        elif piece == "as":
            renames = True
        elif renames:
            alias = piece
        else:
            path.append(piece.removeprefix("r#"))
    close()
    return leaves
