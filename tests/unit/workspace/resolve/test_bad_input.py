"""Whatever is imported, wherever: no exception, nothing outside of the folder, few questions."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeassist.syntax.languages import LANGUAGES
from codeassist.syntax.tags import Import
from codeassist.workspace.resolve import resolve
from tests.unit.workspace.resolve.making import Files

_LANGUAGE = st.sampled_from([language.name for language in LANGUAGES] + ["unknown", ""])
_PIECE = st.sampled_from([*"abx.*/", "src", "lib", "index", "mod", "crate", "self", "super", "vendor",
"github.com", "x.y",
    "@s", "#i", "..", "//", "::", "\\", "\0", "\udc80", "$", "~", "url(", ")", "", " ", ".js", ".py", ".h", ".php",
    "C:",
])  # fmt: skip
_MODULE = st.one_of(
    st.text(max_size=40),
    st.lists(_PIECE, max_size=10).map("".join),
    st.lists(_PIECE, max_size=6).map("/".join),
    st.builds("".join, st.tuples(st.sampled_from(["./", "../", ".", "..", "crate::", "#", "@s/", "a/", "a."]), _PIECE)),
)
_PATH = st.lists(st.sampled_from(["a", "b", "src", "lib", "tests", "include", "bin"]), min_size=1, max_size=5).map(
    "/".join
)
_FILE = st.builds(
    lambda path, extension: path + extension,
    _PATH,
    st.sampled_from(
        [".py", ".ts", ".js", ".go", ".rs", ".java", ".kt", ".h", ".c", ".cs", ".php", ".rb", ".lua", ".css"]
    ),
)
_CONFIG = st.builds(
    lambda folder, name: f"{folder}/{name}" if folder else name,
    st.sampled_from(["", "a", "a/b", "src"]),
    st.sampled_from(["tsconfig.json", "jsconfig.json", "package.json", "go.mod", "go.work", "Cargo.toml"]),
)
_KEYS = ["compilerOptions", "paths", "baseUrl", "extends", "references", "path", "name", "exports", "imports", "main",
         ".", "./*", "#*", "*"]  # fmt: skip
_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), _MODULE, st.just("../../../etc"), st.just("./tsconfig.json")),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(
                _MODULE,
                st.sampled_from(_KEYS),
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)
_TEXT = st.one_of(
    st.text(max_size=60),
    _JSON.map(lambda value: repr(value).replace("'", '"')),
    st.sampled_from(
        [
            "module github.com/a\nreplace b => ../../..\nreplace a => ./b",
            "use ../..\nuse ./a",
            '[package]\nname = "a"\n[dependencies]\nb = {path = "../../.."}\na = {path = 7}',
            '[lib]\npath = "../../x/lib.rs"\nname = 7',
            "dependencies = 3",
            "[" * 100_000,
            '{"a":' * 100_000,
            "a = " + "[" * 100_000,
            '{"extends": "./tsconfig.json", "compilerOptions": {"paths": {"*": ["../../../*", "*", "/*"]}}}',
            '{"name": "a", "exports": {"./*": "../../*", ".": "/etc/passwd"}, "imports": {"#*": "../../*"}}',
        ]
    ),
)


@settings(max_examples=300, deadline=None)
@given(
    language=_LANGUAGE,
    texts=st.dictionaries(_FILE, st.just(""), max_size=12),
    configs=st.dictionaries(_CONFIG, _TEXT, max_size=4),
    importer=st.one_of(_FILE, _FILE, _FILE, _MODULE),
    module=_MODULE,
    names=st.lists(st.tuples(_MODULE, _MODULE), max_size=40).map(tuple),
)
def test_nothing_raises_and_nothing_leaves_the_folder(
    language: str,
    texts: dict[str, str],
    configs: dict[str, str],
    importer: str,
    module: str,
    names: tuple[tuple[str, str], ...],
) -> None:
    paths = Files(texts | configs)  # It asserts of every path that it lies in the folder.
    found = resolve(paths, language, importer, Import(module, names, "", 0, False))
    assert len(found) <= 8
    assert len(set(found)) == len(found)
    assert set(found) <= set(paths.texts) - {importer}
    assert paths.checks <= 64 * 3  # What is remembered is asked of questions of its own.


@pytest.mark.parametrize("language", [language.name for language in LANGUAGES])
@pytest.mark.parametrize(
    "module",
    ["", "\0", "a" * 100_000, "/" * 5000, "../" * 500 + "etc/passwd", "/etc/passwd", "." * 3000, "a." * 3000,
     "\\..\\..",
     "::" * 1000, "super::" * 500, "C:/x.h", "..\\..\\x.h"],
)  # fmt: skip
def test_odd_modules_mean_nothing(language: str, module: str) -> None:
    paths = Files({"a/b.py": "", "a/b.ts": "", "x.h": "", "etc/passwd": "", "a/c.h": ""})
    found = resolve(paths, language, "a/b.py", Import(module, (("x", "x"),), "", 0, False))
    assert set(found) <= set(paths.texts)
    assert paths.checks <= 64


@pytest.mark.parametrize("importer", ["", "/abs/x.ts", "../x.ts", "a/../x.ts", "./x.ts", "a\\x.ts", "\0", "C:/x.ts"])
def test_an_importer_outside_of_the_folder_imports_nothing(importer: str) -> None:
    assert resolve(Files({"x.ts": "", "y.ts": ""}), "typescript", importer, Import("./y", (), "", 0, False)) == ()


def test_a_configuration_that_changes_is_read_again_after_forget() -> None:
    from codeassist.workspace.resolve import Resolver

    paths = Files({"tsconfig.json": "{}", "a.ts": "", "b/c.ts": ""})
    resolver = Resolver(paths)
    wanted = Import("@/c", (), "", 0, False)
    assert resolver.resolve("typescript", "a.ts", wanted) == ()
    paths.texts["tsconfig.json"] = '{"compilerOptions": {"paths": {"@/*": ["./b/*"]}}}'
    assert resolver.resolve("typescript", "a.ts", wanted) == ()
    resolver.forget()
    assert resolver.resolve("typescript", "a.ts", wanted) == ("b/c.ts",)
