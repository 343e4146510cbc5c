"""The languages, as data, and which one a file is written in. Loads no grammar."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

BlockStyle = Literal["indent", "braces", "end", "markup"]
"""What holds a block together: indentation, braces, a closing keyword; other signs in data and markup."""


@dataclass(frozen=True, slots=True)
class Language:
    """One row of the table. The grammar is what `function` of `module` returns."""

    name: str
    module: str
    ids: tuple[str, ...]
    """Language identifiers of the Language Server Protocol."""
    extensions: tuple[str, ...]
    """With their dot, in lower case."""
    line_comment: str
    """What starts a comment that runs to the end of the line; "" where there is none."""
    blocks: BlockStyle
    filenames: tuple[str, ...] = ()
    interpreters: tuple[str, ...] = ()
    """Program names after `#!`, without version numbers."""
    function: str = "language"
    queries: str = ""
    """Whose query file is read, if not its own."""


LANGUAGES: tuple[Language, ...] = (
    Language(
        "python", "tree_sitter_python", ("python",), (".py", ".pyi", ".pyw"), "#", "indent",
        filenames=("SConstruct", "SConscript"), interpreters=("python", "pypy"),
    ),
    Language(
        "javascript", "tree_sitter_javascript", ("javascript", "javascriptreact"),
        (".js", ".jsx", ".mjs", ".cjs"), "//", "braces", interpreters=("node", "bun"),
    ),
    Language(
        "typescript", "tree_sitter_typescript", ("typescript",), (".ts", ".mts", ".cts"), "//", "braces",
        interpreters=("deno", "ts-node"), function="language_typescript",
    ),
    Language(
        "tsx", "tree_sitter_typescript", ("typescriptreact",), (".tsx",), "//", "braces",
        interpreters=("tsx",), function="language_tsx", queries="typescript",
    ),
    Language("go", "tree_sitter_go", ("go",), (".go",), "//", "braces"),
    Language("rust", "tree_sitter_rust", ("rust",), (".rs",), "//", "braces"),
    Language("java", "tree_sitter_java", ("java",), (".java",), "//", "braces"),
    Language("c", "tree_sitter_c", ("c",), (".c", ".h"), "//", "braces"),
    Language(
        "cpp", "tree_sitter_cpp", ("cpp", "c++", "cuda-cpp"),
        (".cpp", ".cc", ".cxx", ".c++", ".hpp", ".hh", ".hxx", ".h++", ".ipp", ".inl", ".cu", ".cuh"),
        "//", "braces",
    ),
    Language("csharp", "tree_sitter_c_sharp", ("csharp",), (".cs", ".csx"), "//", "braces"),
    Language(
        "ruby", "tree_sitter_ruby", ("ruby",), (".rb", ".rake", ".gemspec", ".ru"), "#", "end",
        filenames=("Gemfile", "Rakefile", "Vagrantfile", "Podfile"), interpreters=("ruby", "jruby"),
    ),
    # The grammar of whole files: text outside of `<?php` is HTML, as in the language itself.
    Language(
        "php", "tree_sitter_php", ("php",), (".php", ".phtml", ".php5"), "//", "braces",
        interpreters=("php",), function="language_php",
    ),
    Language(
        "bash", "tree_sitter_bash", ("shellscript", "bash", "sh", "zsh"),
        (".sh", ".bash", ".zsh", ".ksh", ".bats"), "#", "end",
        filenames=(".bashrc", ".bash_profile", ".profile", ".zshrc", "PKGBUILD"),
        interpreters=("sh", "bash", "dash", "ksh", "zsh"),
    ),
    Language(
        "lua", "tree_sitter_lua", ("lua",), (".lua",), "--", "end", interpreters=("lua", "luajit")
    ),
    Language("html", "tree_sitter_html", ("html",), (".html", ".htm", ".xhtml"), "", "markup"),
    Language("css", "tree_sitter_css", ("css",), (".css",), "", "braces"),
    Language(
        "json", "tree_sitter_json", ("json", "jsonc"), (".json", ".jsonc", ".webmanifest", ".geojson"),
        "", "braces", filenames=(".prettierrc", ".eslintrc", "composer.lock"),
    ),
    Language(
        "yaml", "tree_sitter_yaml", ("yaml", "dockercompose", "github-actions-workflow"), (".yaml", ".yml"),
        "#", "indent", filenames=(".clang-format", ".clang-tidy"),
    ),
    Language(
        "toml", "tree_sitter_toml", ("toml",), (".toml",), "#", "markup",
        filenames=("Cargo.lock", "poetry.lock", "uv.lock", "Pipfile"),
    ),
    Language(
        "markdown", "tree_sitter_markdown", ("markdown",), (".md", ".markdown", ".mdown"), "", "markup"
    ),
    Language(
        "kotlin", "tree_sitter_kotlin", ("kotlin",), (".kt", ".kts"), "//", "braces",
        interpreters=("kotlin",),
    ),
    Language("swift", "tree_sitter_swift", ("swift",), (".swift",), "//", "braces", interpreters=("swift",)),
    Language(
        "scala", "tree_sitter_scala", ("scala",), (".scala", ".sc", ".sbt"), "//", "braces",
        interpreters=("scala",),
    ),
)  # fmt: skip

_BY_NAME = {language.name: language for language in LANGUAGES}
_BY_ID = {identifier: language.name for language in LANGUAGES for identifier in language.ids}
_BY_EXTENSION = {extension: language.name for language in LANGUAGES for extension in language.extensions}
_BY_FILENAME = {filename: language.name for language in LANGUAGES for filename in language.filenames}
_BY_INTERPRETER = {program: language.name for language in LANGUAGES for program in language.interpreters}

_SHEBANG = re.compile(r"#!\s*(?P<program>\S+)(?P<rest>.*)")
_VERSION = re.compile(r"[-\d.]+$")


def language(name: str) -> Language | None:
    """The row of a language by our name for it."""
    return _BY_NAME.get(name)


def line_comment(name: str) -> str:
    """What starts a line comment, "" if the language has none or is unknown."""
    row = _BY_NAME.get(name)
    return row.line_comment if row else ""


def language_of(path: str, language_id: str = "", first_line: str = "") -> str:
    """Our name of the language of a file, "" if unknown.

    The editor's identifier decides if we know it, then the file's name, its extension, and its first line.
    `path` may be a path of any platform or a URI.
    """
    if language_id.lower() in _BY_ID:
        return _BY_ID[language_id.lower()]
    filename = re.split(r"[/\\]", path)[-1]
    if filename in _BY_FILENAME:
        return _BY_FILENAME[filename]
    stem, dot, extension = filename.rpartition(".")
    if stem and dot + extension.lower() in _BY_EXTENSION:
        return _BY_EXTENSION[dot + extension.lower()]
    return _by_first_line(first_line.lstrip("\ufeff"))


def _by_first_line(first_line: str) -> str:
    shebang = _SHEBANG.match(first_line)
    if shebang:
        words = [shebang["program"], *shebang["rest"].split()]
        if words[0].endswith("/env"):  # `#!/usr/bin/env -S VARIABLE=1 python3 -u`: the first plain word runs.
            words = [word for word in words[1:] if not word.startswith("-") and "=" not in word] or [""]
        return _BY_INTERPRETER.get(_VERSION.sub("", words[0].rpartition("/")[2]), "")
    opening = first_line.lstrip().lower()
    if opening.startswith("<?php"):
        return "php"
    return "html" if opening.startswith(("<!doctype html", "<html")) else ""
