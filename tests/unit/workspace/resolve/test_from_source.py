"""From the text of a file, through its tags, to the files that it imports: each language as it is really written."""

from __future__ import annotations

import pytest

from codeassist.syntax.tags import tags_of
from codeassist.workspace.resolve import Resolver
from tests.unit.workspace.resolve.making import Files

ROWS = [
    ("python", "pkg/a.py", "from . import b\nfrom .sub.c import C\nimport os\nimport pkg.sub as s\n",
     ["pkg/b.py", "pkg/__init__.py", "pkg/sub/c.py", "pkg/sub/__init__.py"]),
    ("typescript", "src/a.ts", "import d, { x } from './b.js';\nexport * from './sub';\nconst c = require('./c');\n",
     ["src/b.ts", "src/sub/index.ts", "src/c.js"]),
    ("tsx", "src/a.tsx", "import type { T } from './b';\nconst C = lazy(() => import('./sub/d'));\n",
     ["src/b.ts", "src/sub/d.tsx"]),
    ("go", "cmd/main.go", 'package main\nimport (\n\t"fmt"\n\tp "example.com/m/pay"\n)\n', ["pay/pay.go"]),
    ("rust", "src/lib.rs", "mod a;\npub use crate::a::{b::B, C};\nuse std::io;\n", ["src/a.rs", "src/a/b.rs"]),
    ("java", "src/org/x/A.java", "package org.x;\nimport org.x.y.B;\n"
     "import static org.x.y.D.of;\nimport java.util.*;\n",
     ["src/org/x/y/B.java", "src/org/x/y/D.java"]),
    ("kotlin", "src/org/x/A.kt", "package org.x\nimport org.x.y.K\nimport kotlin.math.max\n", ["src/org/x/y/K.kt"]),
    ("scala", "src/org/x/A.scala", "package org.x\nimport org.x.y.{S, T => U}\n",
     ["src/org/x/y/S.scala", "src/org/x/y/T.scala"]),
    ("c", "src/main.c", '#include <stdio.h>\n#include "util.h"\n', ["src/util.h", "src/util.c"]),
    ("cpp", "src/main.cpp", '#include <vector>\n#include "net/util.hpp"\n', ["src/net/util.hpp"]),
    ("csharp", "Shop/A.cs", "using System;\nusing Acme.Shop.Models;\n", ["Shop/Models/M.cs"]),
    ("php", "app/A.php", "<?php\nuse App\\Models\\{User, Cart};\nrequire __DIR__ . '/helpers.php';\n",
     ["app/Models/User.php", "app/Models/Cart.php", "app/helpers.php"]),
    ("ruby", "lib/x.rb", "require 'json'\nrequire_relative 'x/y'\n", ["lib/x/y.rb"]),
    ("lua", "lua/a.lua", "local m = require('m.n')\n", ["lua/m/n.lua"]),
    ("bash", "bin/run.sh", 'source "$(dirname "$0")/lib.sh"\n', ["bin/lib.sh"]),
    ("css", "css/a.css", '@import url("b.css");\n', ["css/b.css"]),
]  # fmt: skip


@pytest.mark.parametrize(("language", "importer", "text", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_imports_of_a_file(language: str, importer: str, text: str, expected: list[str]) -> None:
    texts = {path: "" for row in ROWS for path in row[3]} | {"go.mod": "module example.com/m\n", importer: text}
    resolver = Resolver(Files(texts))
    imports = tags_of(language, text.encode()).imports
    found = [path for item in imports for path in resolver.resolve(language, importer, item)]
    assert list(dict.fromkeys(found)) == expected
