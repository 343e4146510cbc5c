"""C#, PHP, Ruby, Lua, shells, style sheets, Swift, and what has no rules of its own."""

from __future__ import annotations

import pytest

from tests.unit.workspace.resolve.making import files, resolved

PATHS = files(
    "Shop/Program.cs", "Shop/Models/Cart.cs", "Shop/Models/Price.cs", "Acme.Core/Log.cs",
    "app/Models/User.php", "app/Http/Kernel.php", "app/helpers.php", "public/index.php", "app/Models/Cart.php",
    "lib/acme/tool.rb", "lib/acme.rb", "lib/acme/json.rb", "spec/tool_spec.rb", "spec/spec_helper.rb",
    "lua/acme/init.lua", "lua/acme/util.lua", "init.lua", "lua/acme/near.lua",
    "bin/run.sh", "bin/common.sh", "scripts/lib/log.sh", "scripts/go.sh",
    "css/site.css", "css/base.css", "css/parts/_menu.scss", "css/parts/all.css", "themes/dark.css",
    "proto/a.proto", "proto/common.proto", "Sources/App/main.swift", "Sources/App/Cart.swift",
)  # fmt: skip


@pytest.mark.parametrize(
    ("language", "importer", "text", "expected"),
    [
        ("csharp", "Shop/Program.cs", "Acme.Shop.Models : *", ["Shop/Models/Cart.cs", "Shop/Models/Price.cs"]),
        ("csharp", "Shop/Program.cs", "Acme.Shop.Models.Cart", ["Shop/Models/Cart.cs"]),
        ("csharp", "Shop/Program.cs", "Acme.Core : *", ["Acme.Core/Log.cs"]),
        ("csharp", "Shop/Program.cs", "Acme.Shop.Models.Cart : *", ["Shop/Models/Cart.cs"]),
        ("csharp", "Shop/Program.cs", "System.Linq", []),
        ("csharp", "Shop/Program.cs", "Newtonsoft.Json", []),
        ("php", "app/Http/Kernel.php", "App\\Models\\User", ["app/Models/User.php"]),
        ("php", "app/Http/Kernel.php", "\\App\\Models\\User", ["app/Models/User.php"]),
        ("php", "app/Http/Kernel.php", "App\\Models : User, Cart as C", ["app/Models/User.php", "app/Models/Cart.php"]),
        ("php", "public/index.php", "/../app/helpers.php", ["app/helpers.php"]),
        ("php", "public/index.php", "Symfony\\Component\\Console\\Command", []),
        ("ruby", "spec/tool_spec.rb", "spec_helper", ["spec/spec_helper.rb"]),
        ("ruby", "spec/tool_spec.rb", "../lib/acme/tool", ["lib/acme/tool.rb"]),
        ("ruby", "spec/tool_spec.rb", "acme/tool", ["lib/acme/tool.rb"]),
        ("ruby", "spec/tool_spec.rb", "acme", ["lib/acme.rb"]),
        ("ruby", "spec/tool_spec.rb", "json", []),
        ("ruby", "lib/acme/tool.rb", "json", []),
        ("ruby", "lib/acme/tool.rb", "./json", ["lib/acme/json.rb"]),
        ("ruby", "lib/acme/tool.rb", "json.rb", ["lib/acme/json.rb"]),
        ("lua", "init.lua", "acme.util", ["lua/acme/util.lua"]),
        ("lua", "init.lua", "acme", ["lua/acme/init.lua"]),
        ("lua", "lua/acme/util.lua", "./near", ["lua/acme/near.lua"]),
        ("lua", "init.lua", "gone.x", []),
        ("bash", "bin/run.sh", "./common.sh", ["bin/common.sh"]),
        ("bash", "bin/run.sh", '"$(dirname "$0")/common.sh"', ["bin/common.sh"]),
        ("bash", "bin/run.sh", '"${HERE}"/common.sh', ["bin/common.sh"]),
        ("bash", "bin/run.sh", "$ROOT/scripts/lib/log.sh", ["scripts/lib/log.sh"]),
        ("bash", "scripts/go.sh", "lib/log.sh", ["scripts/lib/log.sh"]),
        ("bash", "bin/run.sh", "$FILE", []),
        ("bash", "bin/run.sh", "/etc/profile", []),
        ("css", "css/site.css", "base.css", ["css/base.css"]),
        ("css", "css/site.css", 'url("./base.css")', ["css/base.css"]),
        ("css", "css/site.css", "url(parts/menu)", ["css/parts/_menu.scss"]),
        ("css", "css/parts/all.css", "../base", ["css/base.css"]),
        ("css", "css/site.css", "/themes/dark.css", ["themes/dark.css"]),
        ("css", "css/site.css", "https://example.com/x.css", []),
        ("swift", "Sources/App/main.swift", "Cart", []),
        ("protobuf", "proto/a.proto", "common.proto", ["proto/common.proto"]),
        ("unknown", "proto/a.proto", "acme.common", ["proto/common.proto"]),
        ("unknown", "proto/a.proto", "acme.gone", []),
    ],
)
def test_by_language(language: str, importer: str, text: str, expected: list[str]) -> None:
    assert resolved(PATHS, language, importer, text) == expected
