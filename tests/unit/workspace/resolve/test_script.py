from __future__ import annotations

import json

import pytest

from tests.unit.workspace.resolve.making import Files, files, resolved

PLAIN = files(
    "src/app.ts", "src/util.ts", "src/view.tsx", "src/types.d.ts", "src/old.js", "src/old.d.ts", "src/esm.mts",
    "src/lib/index.ts", "src/lib/index.js", "src/data.json", "src/a.service.ts", "src/both.ts", "src/both.js",
    "src/style.css", "index.ts", "src/Icon.vue", "src/cjs.cts",
)  # fmt: skip


@pytest.mark.parametrize(
    ("importer", "text", "expected"),
    [
        ("src/app.ts", "./util", ["src/util.ts"]),
        ("src/app.ts", "./util.ts", ["src/util.ts"]),
        ("src/app.ts", "./util.js", ["src/util.ts"]),
        ("src/app.ts", "./view.js", ["src/view.tsx"]),
        ("src/app.ts", "./view.jsx", ["src/view.tsx"]),
        ("src/app.ts", "./esm.mjs", ["src/esm.mts"]),
        ("src/app.ts", "./cjs.cjs", ["src/cjs.cts"]),
        ("src/app.ts", "./types", ["src/types.d.ts"]),
        ("src/app.ts", "./old", ["src/old.d.ts", "src/old.js"]),
        ("src/app.ts", "./both.js", ["src/both.ts"]),
        ("src/app.ts", "./lib", ["src/lib/index.ts"]),
        ("src/app.ts", "./lib/", ["src/lib/index.ts"]),
        ("src/app.ts", "./lib/index.js", ["src/lib/index.ts"]),
        ("src/lib/index.ts", "..", []),
        ("src/lib/x.ts", ".", ["src/lib/index.ts"]),
        ("src/app.ts", "..", ["index.ts"]),
        ("src/lib/index.ts", "../a.service", ["src/a.service.ts"]),
        ("src/app.ts", "./data.json", ["src/data.json"]),
        ("src/app.ts", "./style.css?inline", ["src/style.css"]),
        ("src/app.ts", "./Icon.vue", ["src/Icon.vue"]),
        ("src/app.ts", "./gone", []),
        ("src/app.ts", "../../util", []),
        ("src/app.ts", "/src/util", []),
        ("src/app.ts", "node:fs", []),
        ("src/app.ts", "react", []),
        ("src/app.ts", "https://example.com/x.js", []),
    ],
)
def test_relative(importer: str, text: str, expected: list[str]) -> None:
    assert resolved(PLAIN, "typescript", importer, text) == expected


ALIASES = Files(
    {
        "tsconfig.base.json": """{
            // Comments and trailing commas, as TypeScript allows.
            "compilerOptions": {"baseUrl": ".", "paths": {"@/*": ["./shared/*", "app/src/*",],
                "exact": ["app/src/one"], },},
        }""",
        "app/tsconfig.json": '{"extends": ["./missing", "../tsconfig.base"], /* c */ "include": ["src/**/*"]}',
        "app/src/main.ts": "",
        "app/src/one.ts": "",
        "app/src/deep/two.ts": "",
        "shared/two.ts": "",
        "vite/tsconfig.json": '{"files": [], "references": [{"path": "./tsconfig.app.json"}, {"path": 3}, 4]}',
        "vite/tsconfig.app.json": '{"compilerOptions": {"paths": {"~/*.x": ["./src/*.ts"], "~/*": ["./src/*"]}}}',
        "vite/src/main.ts": "",
        "vite/src/one.ts": "",
        "site/jsconfig.json": '\ufeff{"compilerOptions": {"baseUrl": "src"}}',
        "site/src/components/Button.jsx": "",
        "site/src/pages/home.jsx": "",
        "loop/tsconfig.json": '{"extends": "./other.json", "compilerOptions": {"paths": {"$/*": ["./*"]}}}',
        "loop/other.json": '{"extends": "./tsconfig.json"}',
        "loop/x.ts": "",
        "loop/y.ts": "",
        "bad/tsconfig.json": '{"compilerOptions": {"paths": ',
        "bad/x.ts": "",
        "odd/tsconfig.json": """
            {"compilerOptions": {"baseUrl": 7, "paths": {"a*b*": ["x"], "k": "y", "l": [1, "../../z"]}}}
        """,
        "odd/y.ts": "",
        "dir/tsconfig.json": '{"extends": "../dir-base/tsconfig.json"}',
        "dir-base/tsconfig.json": '{"compilerOptions": {"paths": {"@/*": ["${configDir}/src/*"]}}}',
        "dir/src/one.ts": "",
    }
)


@pytest.mark.parametrize(
    ("importer", "text", "expected"),
    [
        ("app/src/main.ts", "@/two", ["shared/two.ts"]),
        ("app/src/main.ts", "@/one", ["app/src/one.ts"]),
        ("app/src/main.ts", "@/deep/two.js", ["app/src/deep/two.ts"]),
        ("app/src/main.ts", "exact", ["app/src/one.ts"]),
        ("app/src/main.ts", "app/src/one", ["app/src/one.ts"]),
        ("app/src/main.ts", "@/gone", []),
        ("vite/src/main.ts", "~/one", ["vite/src/one.ts"]),
        ("vite/src/main.ts", "~/one.x", ["vite/src/one.ts"]),
        ("site/src/pages/home.jsx", "components/Button", ["site/src/components/Button.jsx"]),
        ("loop/x.ts", "$/y", ["loop/y.ts"]),
        ("bad/x.ts", "@/y", []),
        ("odd/x.ts", "k", ["odd/y.ts"]),
        ("odd/x.ts", "l", []),
        ("odd/x.ts", "ab", []),
        ("dir/src/main.ts", "@/one", ["dir/src/one.ts"]),
    ],
)
def test_aliases(importer: str, text: str, expected: list[str]) -> None:
    assert resolved(ALIASES, "typescript", importer, text) == expected


WORKSPACE = Files(
    {
        "package.json": '{"name": "root", "workspaces": ["packages/*"]}',
        "packages/core/package.json": json.dumps(
            {
                "name": "@acme/core",
                "exports": {
                    ".": {"types": "./dist/index.d.ts", "import": {"default": "./dist/index.js"}},
                    "./client": "./dist/esm/client/index.js",
                    "./features/*": {"import": "./dist/features/*.js"},
                },
                "imports": {"#log": "./dist/log.js", "#lib/*": {"default": "./src/lib/*.ts"}, "#ui": "@acme/ui"},
            }
        ),
        "packages/core/src/index.ts": "",
        "packages/core/src/log.ts": "",
        "packages/core/src/lib/text.ts": "",
        "packages/core/src/client/index.ts": "",
        "packages/core/src/features/pay.ts": "",
        "packages/core/src/hidden.ts": "",
        "packages/ui-kit/package.json": '{"name": "@acme/ui", "main": "lib/main.js", "source": "./code/start.tsx"}',
        "packages/ui-kit/code/start.tsx": "",
        "packages/ui-kit/Button.tsx": "",
        "packages/plain/package.json": '{"name": "plain", "main": "./build/out.js"}',
        "packages/plain/index.js": "",
        "packages/plain/index.d.ts": "",
        "packages/bad/package.json": "{",
        "apps/web/package.json": '{"name": "web", "exports": {"a": [[[[[[[[[[["x"]]]]]]]]]]]}}',
        "apps/web/src/main.ts": "",
    }
)


@pytest.mark.parametrize(
    ("importer", "text", "expected"),
    [
        ("apps/web/src/main.ts", "@acme/core", ["packages/core/src/index.ts"]),
        ("apps/web/src/main.ts", "@acme/core/client", ["packages/core/src/client/index.ts"]),
        ("apps/web/src/main.ts", "@acme/core/features/pay", ["packages/core/src/features/pay.ts"]),
        ("apps/web/src/main.ts", "@acme/core/hidden", ["packages/core/src/hidden.ts"]),
        ("apps/web/src/main.ts", "@acme/ui", ["packages/ui-kit/code/start.tsx"]),
        ("apps/web/src/main.ts", "@acme/ui/Button", ["packages/ui-kit/Button.tsx"]),
        ("apps/web/src/main.ts", "plain", ["packages/plain/index.d.ts", "packages/plain/index.js"]),
        ("apps/web/src/main.ts", "@acme/gone", []),
        ("apps/web/src/main.ts", "react", []),
        ("packages/core/src/client/index.ts", "#log", ["packages/core/src/log.ts"]),
        ("packages/core/src/client/index.ts", "#lib/text", ["packages/core/src/lib/text.ts"]),
        ("packages/core/src/client/index.ts", "#ui", ["packages/ui-kit/code/start.tsx"]),
        ("packages/core/src/client/index.ts", "#gone", []),
        ("packages/core/src/client/index.ts", "@acme/core", ["packages/core/src/index.ts"]),
    ],
)
def test_packages(importer: str, text: str, expected: list[str]) -> None:
    assert resolved(WORKSPACE, "typescript", importer, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@acme/core", ["packages/core/src/index.ts"]),
        ("@acme/core/pay", ["packages/core/src/pay.ts"]),
        ("core", ["packages/core/src/index.ts"]),
        ("client", []),
        ("@acme/gone", []),
    ],
)
def test_packages_without_any_package_json(text: str, expected: list[str]) -> None:
    paths = files("packages/core/src/index.ts", "packages/core/src/pay.ts", "app/client/index.ts", "app/main.ts")
    assert resolved(paths, "typescript", "app/main.ts", text) == expected
