"""Go, Rust, the Java family, C and C++."""

from __future__ import annotations

import pytest

from tests.unit.workspace.resolve.making import Files, files, resolved

GO = Files(
    dict.fromkeys(
        ["svc/cmd/main.go", "svc/pay/pay.go", "svc/pay/card.go", "svc/pay/doc.go", "svc/pay/card_test.go",
        "svc/root.go",
         "svc/pay/card_windows.go", "svc/pay/README.md", "svc/cmd/main_test.go", "shared/log/log.go", "other/x/x.go",
         "vendor/github.com/v/w/w.go"], ""
    )
    | {
        "svc/go.mod": "// service\nmodule github.com/acme/svc // the service\n\ngo 1.22\n\n"
        "require (\n\tx.org/y v1.0.0\n)\n\n"
        "replace (\n\tgithub.com/acme/shared v1.2.3 => ../shared\n"
        "\tx.org/y => x.org/z v1.0.0\n\tx.org/up => ../../up\n)\n",
        "go.work": "go 1.22\n\nuse (\n\t./svc\n\t./other // more\n)\n",
        "other/go.mod": 'module "github.com/acme/other"\n',
    }
)  # fmt: skip


@pytest.mark.parametrize(
    ("importer", "text", "expected"),
    [
        ("svc/cmd/main.go", "github.com/acme/svc/pay",
         ["svc/pay/pay.go", "svc/pay/card.go", "svc/pay/doc.go", "svc/pay/card_windows.go"]),
        ("svc/cmd/main_test.go", "github.com/acme/svc/pay",
         ["svc/pay/pay.go", "svc/pay/card.go", "svc/pay/doc.go", "svc/pay/card_windows.go", "svc/pay/card_test.go"]),
        ("svc/cmd/main.go", "github.com/acme/svc", ["svc/root.go"]),
        ("svc/cmd/main.go", "github.com/acme/shared/log", ["shared/log/log.go"]),
        ("svc/cmd/main.go", "github.com/acme/other/x", ["other/x/x.go"]),
        ("svc/cmd/main.go", "github.com/v/w", ["vendor/github.com/v/w/w.go"]),
        ("svc/cmd/main.go", "github.com/acme/svcx", []),
        ("svc/cmd/main.go", "fmt", []),
        ("svc/cmd/main.go", "x.org/y", []),
        ("svc/cmd/main.go", "x.org/up", []),
    ],
)  # fmt: skip
def test_go(importer: str, text: str, expected: list[str]) -> None:
    assert resolved(GO, "go", importer, text) == expected


def test_go_without_go_mod() -> None:
    assert resolved(files("pay/pay.go", "main.go"), "go", "main.go", "github.com/acme/svc/pay") == ["pay/pay.go"]


RUST = Files(
    dict.fromkeys(
        ["core/src/lib.rs", "core/src/money.rs", "core/src/pay/mod.rs", "core/src/pay/card.rs",
        "core/src/pay/card/visa.rs",
         "core/tests/all.rs", "core/tests/common/mod.rs", "core/src/bin/tool.rs", "app/src/main.rs", "app/src/ui.rs",
         "app/src/ui/button.rs", "odd/code/lib.rs", "odd/code/x.rs"], ""
    )
    | {
        "Cargo.toml": '[workspace]\nmembers = ["core", "app"]\n',
        "core/Cargo.toml": '[package]\nname = "acme-core"\n',
        "odd/Cargo.toml": '[package]\nname = "odd"\n[lib]\nname = "strange"\npath = "code/lib.rs"\n',
        "app/Cargo.toml": """
            package.name = "app"
            [dependencies]
            heart = { path = "../core", package = "acme-core" }
            weird = { workspace = true, package = "strange" }
            serde = "1"
        """,
    }
)  # fmt: skip


@pytest.mark.parametrize(
    ("importer", "text", "expected"),
    [
        ("core/src/lib.rs", "money", ["core/src/money.rs"]),
        ("core/src/lib.rs", "pay", ["core/src/pay/mod.rs"]),
        ("core/src/pay/mod.rs", "card", ["core/src/pay/card.rs"]),
        ("core/src/pay/card.rs", "visa", ["core/src/pay/card/visa.rs"]),
        ("core/src/pay/card.rs", "crate::money : Price", ["core/src/money.rs"]),
        ("core/src/pay/card.rs", "crate::money::Price", ["core/src/money.rs"]),
        ("core/src/pay/card.rs", "crate::pay : card, Method", ["core/src/pay/mod.rs"]),
        ("core/src/money.rs", "crate::pay : card, Method", ["core/src/pay/card.rs", "core/src/pay/mod.rs"]),
        ("core/src/money.rs", "crate : Config", ["core/src/lib.rs"]),
        ("core/src/money.rs", "crate::Config", ["core/src/lib.rs"]),
        ("core/src/pay/card.rs", "super::Method", ["core/src/pay/mod.rs"]),
        ("core/src/pay/card.rs", "super::super::money", ["core/src/money.rs"]),
        ("core/src/pay/card/visa.rs", "super : *", ["core/src/pay/card.rs"]),
        ("core/src/pay/card.rs", "self::visa : Visa", ["core/src/pay/card/visa.rs"]),
        ("core/src/pay/card.rs", "super::super::super::super::super::x", []),
        ("core/tests/all.rs", "common", ["core/tests/common/mod.rs"]),
        ("core/tests/all.rs", "acme_core::pay : card", ["core/src/pay/card.rs", "core/src/pay/mod.rs"]),
        ("core/src/bin/tool.rs", "acme_core::Config", ["core/src/lib.rs"]),
        ("app/src/main.rs", "acme_core::money : Price", ["core/src/money.rs"]),
        ("app/src/main.rs", "heart::money : Price", ["core/src/money.rs"]),
        ("app/src/main.rs", "weird::x : X", ["odd/code/x.rs"]),
        ("app/src/main.rs", "ui::button::Button", ["app/src/ui/button.rs"]),
        ("app/src/main.rs", "ui::r#button", ["app/src/ui/button.rs"]),
        ("app/src/ui/button.rs", "crate::ui : Theme", ["app/src/ui.rs"]),
        ("app/src/main.rs", "std::collections : HashMap", []),
        ("app/src/main.rs", "serde : Serialize", []),
    ],
)
def test_rust(importer: str, text: str, expected: list[str]) -> None:
    assert [path for path in resolved(RUST, "rust", importer, text) if path != importer] == [
        path for path in expected if path != importer
    ]


def test_rust_without_cargo_toml() -> None:
    paths = files("crates/acme-core/src/lib.rs", "crates/acme-core/src/a.rs", "crates/app/src/main.rs")
    assert resolved(paths, "rust", "crates/app/src/main.rs", "acme_core::a : A") == ["crates/acme-core/src/a.rs"]


JVM = files(
    "app/src/main/java/org/acme/shop/Cart.java", "app/src/main/java/org/acme/shop/Money.java",
    "app/src/main/java/org/acme/shop/package-info.java", "app/src/main/java/org/acme/Main.java",
    "app/src/test/java/org/acme/shop/CartTest.java", "lib/src/main/java/org/acme/lib/Tool.java",
    "lib/src/main/java/org/acme/shop/Cart.java", "kt/src/main/kotlin/shop/Basket.kt",
    "kt/src/main/kotlin/shop/Calls.kt",
    "kt/src/main/kotlin/Main.kt", "sc/src/main/scala/org/acme/Deep.scala", "sc/src/main/scala/org/acme/Other.scala",
)  # fmt: skip


@pytest.mark.parametrize(
    ("language", "importer", "text", "expected"),
    [
        ("java", "app/src/main/java/org/acme/Main.java", "org.acme.shop.Money",
         ["app/src/main/java/org/acme/shop/Money.java"]),
        ("java", "app/src/main/java/org/acme/Main.java", "org.acme.shop.Money.Unit",
         ["app/src/main/java/org/acme/shop/Money.java"]),
        ("java", "app/src/main/java/org/acme/Main.java", "org.acme.shop.Money : of",
         ["app/src/main/java/org/acme/shop/Money.java"]),
        ("java", "app/src/main/java/org/acme/Main.java", "org.acme.shop.Money : *",
         ["app/src/main/java/org/acme/shop/Money.java"]),
        ("java", "app/src/main/java/org/acme/Main.java", "org.acme.shop.Cart",
         ["app/src/main/java/org/acme/shop/Cart.java", "lib/src/main/java/org/acme/shop/Cart.java"]),
        ("java", "app/src/test/java/org/acme/shop/CartTest.java", "org.acme.lib.Tool",
         ["lib/src/main/java/org/acme/lib/Tool.java"]),
        ("java", "app/src/main/java/org/acme/Main.java", "org.acme.shop : *",
         ["app/src/main/java/org/acme/shop/Cart.java", "app/src/main/java/org/acme/shop/Money.java",
          "app/src/main/java/org/acme/shop/package-info.java"]),
        ("java", "app/src/test/java/org/acme/T.java", "org.acme.*",
         ["app/src/main/java/org/acme/Main.java"]),
        ("java", "app/src/main/java/org/acme/Main.java", "java.util.List", []),
        ("java", "app/src/main/java/org/acme/Main.java", "java.util : *", []),
        ("kotlin", "kt/src/main/kotlin/Main.kt", "org.acme.shop.Basket", ["kt/src/main/kotlin/shop/Basket.kt"]),
        ("kotlin", "kt/src/main/kotlin/Main.kt", "shop.callAll",
         ["kt/src/main/kotlin/shop/Basket.kt", "kt/src/main/kotlin/shop/Calls.kt"]),
        ("kotlin", "kt/src/main/kotlin/Main.kt", "kotlin.math.max", []),
        ("kotlin", "kt/src/main/kotlin/Main.kt", "org.acme.shop.Money",
         ["app/src/main/java/org/acme/shop/Money.java"]),
        ("scala", "sc/src/main/scala/org/acme/Main.scala", "org.acme : Deep, Other as O",
         ["sc/src/main/scala/org/acme/Deep.scala", "sc/src/main/scala/org/acme/Other.scala"]),
        ("scala", "sc/src/main/scala/org/acme/Main.scala", "org.acme._",
         ["sc/src/main/scala/org/acme/Deep.scala", "sc/src/main/scala/org/acme/Other.scala"]),
    ],
)  # fmt: skip
def test_java_family(language: str, importer: str, text: str, expected: list[str]) -> None:
    assert resolved(JVM, language, importer, text) == expected


C = files(
    "src/main.c", "src/util.h", "src/util.c", "src/net/socket.h", "src/net/socket.cpp", "include/acme/api.h",
    "src/api.cc",
    "third/string.h", "lib/include/acme/api.h", "lib/src/api.c", "lib/src/user.c", "src/only.hpp", "src/string.h",
)  # fmt: skip


@pytest.mark.parametrize(
    ("importer", "text", "expected"),
    [
        ("src/main.c", "util.h", ["src/util.h", "src/util.c"]),
        ("src/main.c", '"util.h"', ["src/util.h", "src/util.c"]),
        ("src/util.c", "util.h", ["src/util.h"]),
        ("src/main.c", "net/socket.h", ["src/net/socket.h", "src/net/socket.cpp"]),
        ("src/net/socket.cpp", "../util.h", ["src/util.h", "src/util.c"]),
        ("src/net/socket.cpp", "..\\util.h", ["src/util.h", "src/util.c"]),
        ("src/main.c", "acme/api.h", ["include/acme/api.h", "src/api.cc", "lib/include/acme/api.h"]),
        ("lib/src/user.c", "<acme/api.h>", ["lib/include/acme/api.h", "lib/src/api.c", "include/acme/api.h"]),
        ("src/main.c", "only.hpp", ["src/only.hpp"]),
        ("src/main.c", "stdio.h", []),
        ("lib/src/user.c", "string.h", []),
        ("src/main.c", "string.h", ["src/string.h"]),
        ("src/main.c", "vector", []),
    ],
)
def test_c(importer: str, text: str, expected: list[str]) -> None:
    assert resolved(C, "cpp", importer, text) == expected
