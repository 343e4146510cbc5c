"""Import statements that are written in unusual ways. The usual ones are in `tags/`."""

from __future__ import annotations

import pytest

from codeassist.syntax.imports import Import, imports_in

CASES = [
    ("python", "from .. import a", "..: a"),
    ("python", "from . a.b import c", ".a.b: c"),
    ("python", "from a import (b as c, # d, e\n  f,)", "a: b as c, f"),
    ("python", "from a import *", "a: *"),
    ("python", "from __future__ import annotations", ""),
    ("python", "from import", ""),
    ("python", "import a.b as c,\\\n  d", "a.b as c; d as d"),
    ("javascript", "import a, * as b from 'c'", "c as b: default as a"),
    ("javascript", "import{a as b,}from\"c\"", "c: a as b"),
    ("javascript", "import { default as a } from 'b' with { type: 'json' }", "b: default as a"),
    ("javascript", "import 'https://a.b/c.js'", "https://a.b/c.js"),
    ("javascript", "const a = require('b'), { c: d = 1, e } = require('f')", "b as a; f: c as d, e"),
    ("javascript", "module.exports = require('./a')", "export ./a"),
    ("javascript", "const a = await import('./b')", "./b as a"),
    ("javascript", "export * as default from './a'", "export ./a as default"),
    ("typescript", "import type from 'a'", "a: default as type"),
    ("typescript", "import type A, { type B, type C as D } from 'a'", "a: default as A, B, C as D"),
    ("typescript", "import { type } from 'a'", "a: type"),
    ("typescript", "import A = B.C", ""),
    ("rust", "use a::{b::{c, d as e}, f::*, self, g}", "a as a; a::b: c, d as e; a::f: *; a: g"),
    ("rust", "use a::b::{self as c}", "a: b as c"),
    ("rust", "use crate::a", "crate: a"),
    ("rust", "pub(in crate::a) use b::C as _", "export b: C as _"),
    ("rust", "use r#type::r#fn", "type: fn"),
    ("rust", "use a::{", ""),
    ("rust", '#[path = "x.rs"] mod a', "self::a as a"),
    ("go", 'import `a/b`', "a/b as b"),
    ("go", 'import "gopkg.in/yaml.v3"', "gopkg.in/yaml.v3 as yaml"),
    ("go", 'import (\n// "no"\n"a/go-b"; c "d" /* "no" */)', "a/go-b as b; d as c"),
    ("java", "import a . b\n. C ;", "a.b.C as C"),
    ("java", "import static a.B.*;", "a.B: *"),
    ("java", "import statics.A;", "statics.A as A"),
    ("kotlin", "import a.`in`.b // c", "a.in.b as b"),
    ("csharp", "using A = global::B.C<int>;", "B.C as A"),
    ("scala", "import a.b.{C => _, D, _}", "a.b: D, *"),
    ("scala", "import a.b.given", "a.b: *"),
    ("php", "use A\\B, C\\D as E;", "A\\B as B; C\\D as E"),
    ("php", "use A\\{function b, const C}", "A: b, C"),
    ("php", "require_once(dirname(__FILE__) . '/a.php')", "./a.php: *"),
    ("ruby", "require_relative('../a')", "../a: *"),
    ("ruby", 'require "a/#{b}"', ""),
    ("c", "#  include<a/b.h> // c", "a/b.h: *"),
    ("c", "#include MACRO", ""),
    ("lua", "local a = require[[b.c]]", "b.c as a"),
    ("bash", "source \"${A}\"/b.sh", "${A}/b.sh: *"),
    ("bash", "source '/a b/c.sh' d", "/a b/c.sh: *"),
    ("css", "@import url( 'a.css' );", "a.css"),
    ("html", "<script type=module src=a.js>src='b'</script>", "a.js"),
    ("swift", "@_exported import A", "export A: *"),
    ("cobol", "COPY A.", ""),
]  # fmt: skip


@pytest.mark.parametrize(("language", "statement", "shown"), CASES)
def test_import(language: str, statement: str, shown: str) -> None:
    assert "; ".join(_shown(one) for one in imports_in(language, statement, 0)) == shown


def test_lines_within_a_statement() -> None:
    found = imports_in("go", 'import (\n\t"a"\n\n\t// "no"\n\tb "c"\n)', 3)
    assert [one.line for one in found] == [4, 7]


def _shown(one: Import) -> str:
    names = ", ".join(name if name == local or not local else f"{name} as {local}" for name, local in one.names)
    alias = f" as {one.alias}" if one.alias else ""
    return f"{'export ' if one.exported else ''}{one.module}{alias}{': ' if names else ''}{names}"
