"""Imports that name a file or a path between quotes: Go, C, C++, Lua, Bash, Ruby, CSS, HTML."""

from __future__ import annotations

import re

from codeassist.syntax.imports.values import ALL, Import, without_comments

_GO = re.compile(r"""(?:([\w.]+)[ \t]+)?(?:"([^"\n]*)"|`([^`\n]*)`)""")
_GO_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_GO_VERSION = re.compile(r"/v\d+$|\.v\d+$")
_INCLUDE = re.compile(r"""#\s*(?:include|include_next|import)\s*(?:<([^>\n]+)>|"([^"\n]+)")""")
_LUA = re.compile(r"""(?:(\w+)\s*=\s*)?\brequire\s*\(?\s*(?:"([^"\n]*)"|'([^'\n]*)'|\[\[([^\]\n]*)\]\])""")
_BASH = re.compile(r"""(?:source|\.)\s+("(?:[^"\\$]|\\.|\$\([^)]*\)|\$(?!\())*"\S*|'[^']*'\S*|\S+)""")
_RUBY = re.compile(r"""(require|require_relative|load|autoload)[\s(]+(?::(\w+)\s*,\s*)?["']([^"'#\n]+)["']""")
_CSS = re.compile(r"""@import\s+(?:url\(\s*)?["']?([^"')\s;]+)""")
_HTML = re.compile(r"""\b(?:src|href)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))""")


def read_go(text: str, line: int) -> list[Import]:
    """One import or a block of them. The local name, where none is written, is guessed from the path."""
    if "/*" in text or re.search(r"//[^\n]*[\"`]", text):
        text = _GO_COMMENT.sub(lambda match: "\n" * match[0].count("\n"), _mask_paths(text))
    found = []
    for match in _GO.finditer(text.replace("import", "      ", 1)):
        module = (match[2] or match[3] or "").replace("\0", "//")
        alias = match[1] or _go_name(module)
        at = line + text.count("\n", 0, match.start())
        names = ALL if alias == "." else ()
        if module:
            found.append(Import(module, names, "" if alias in ("_", ".") else alias, at, exported=False))
    return found


def _mask_paths(text: str) -> str:
    """Paths hardly ever hold `//`; where one does, it begins no comment."""
    return re.sub(r'"[^"\n]*"', lambda match: match[0].replace("//", "\0"), text)


def _go_name(module: str) -> str:
    last = _GO_VERSION.sub("", module).rpartition("/")[2]
    return last.removeprefix("go-").removesuffix("-go").removesuffix(".go")


def read_c(text: str, line: int) -> list[Import]:
    """`#include` of either kind."""
    found = _INCLUDE.match(text)
    return [Import(found[1] or found[2], ALL, "", line, exported=False)] if found else []


def read_lua(text: str, line: int) -> list[Import]:
    """Calls of `require`, with the names they are bound to."""
    return [
        Import(
            match[2] or match[3] or match[4] or "",
            (),
            match[1] or "",
            line + text.count("\n", 0, match.start()),
            exported=False,
        )
        for match in _LUA.finditer(text)
    ]


def read_bash(text: str, line: int) -> list[Import]:
    """`source` and `.`; variables stay as written, quotes go."""
    found = _BASH.match(text)
    module = found[1] if found else ""
    if module.startswith('"'):
        module = module[1:].removesuffix('"').replace('"/', "/")
    return [Import(module.replace("'", ""), ALL, "", line, exported=False)] if module else []


def read_ruby(text: str, line: int) -> list[Import]:
    """`require` and its kin. A relative one begins with a dot."""
    found = _RUBY.match(text)
    if found is None:
        return []
    word, constant, module = found.groups()
    if word == "require_relative" and not module.startswith("."):
        module = f"./{module}"
    return [Import(module, ((constant, constant),) if constant else ALL, "", line, exported=False)]


def read_css(text: str, line: int) -> list[Import]:
    """`@import`."""
    found = _CSS.match(without_comments(text))
    return [Import(found[1], (), "", line, exported=False)] if found else []


def read_html(text: str, line: int) -> list[Import]:
    """The file of a `link` or `script` element; its opening tag comes first."""
    found = _HTML.search(text.partition(">")[0] + ">")
    module = (found[1] or found[2] or found[3]) if found else ""
    return [Import(module, (), "", line, exported=False)] if module else []
