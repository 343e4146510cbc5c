from __future__ import annotations

import pytest

from tests.unit.workspace.resolve.making import Files, files, resolved

PACKAGE = files(
    "pyproject.toml", "setup.py", "tools/release.py", "tests/test_cart.py", "tests/helpers.py", "conftest.py",
    "src/shop/__init__.py", "src/shop/cart.py", "src/shop/money.py", "src/shop/money.pyi", "src/shop/types.py",
    "src/shop/pay/__init__.py", "src/shop/pay/card.py", "src/shop/pay/cash.py", "src/shop/pay/deep/wire.py",
    "src/shop/stub_only.pyi", "scripts/requests.py",
)  # fmt: skip
MONOREPO = files(
    "a/src/one/__init__.py", "a/src/one/util.py", "a/tests/test_one.py", "a/src/common/__init__.py",
    "a/src/common/x.py",
    "b/src/two/__init__.py", "b/src/two/util.py", "b/src/common/__init__.py", "b/src/common/x.py", "b/src/common/y.py",
    "space/p/acme/tool/core.py", "space/q/acme/web/app.py", "space/q/acme/web/pages.py",
    "b/src/two/vendor/__init__.py", "b/src/two/vendor/lib.py",
)  # fmt: skip


@pytest.mark.parametrize(
    ("importer", "text", "expected"),
    [
        # Relative.
        ("src/shop/cart.py", ".money : Price", ["src/shop/money.pyi", "src/shop/money.py"]),
        ("src/shop/cart.py", ". : money", ["src/shop/money.pyi", "src/shop/money.py", "src/shop/__init__.py"]),
        ("src/shop/cart.py", ".pay : card, Cash", ["src/shop/pay/card.py", "src/shop/pay/__init__.py"]),
        ("src/shop/pay/card.py", "..cart : Cart", ["src/shop/cart.py"]),
        ("src/shop/pay/__init__.py", ".card : Card", ["src/shop/pay/card.py"]),
        ("src/shop/pay/__init__.py", ". : card", ["src/shop/pay/card.py"]),
        ("src/shop/pay/deep/wire.py", "...cart : Cart", ["src/shop/cart.py"]),
        ("src/shop/pay/deep/wire.py", ".. : cash", ["src/shop/pay/cash.py", "src/shop/pay/__init__.py"]),
        ("src/shop/cart.py", ".stub_only : x", ["src/shop/stub_only.pyi"]),
        ("src/shop/cart.py", ".gone : x", []),
        ("src/shop/cart.py", "....... : x", []),
        ("src/shop/cart.py", ".pay : *", ["src/shop/pay/__init__.py"]),
        # Absolute.
        ("tests/test_cart.py", "shop.cart : Cart", ["src/shop/cart.py"]),
        ("tests/test_cart.py", "shop", ["src/shop/__init__.py"]),
        ("tests/test_cart.py", "shop.pay.card", ["src/shop/pay/card.py"]),
        ("tests/test_cart.py", "shop.pay.deep.wire", ["src/shop/pay/deep/wire.py"]),
        ("tests/test_cart.py", "shop.pay.deep : wire", ["src/shop/pay/deep/wire.py"]),
        ("tests/test_cart.py", "shop.pay : card as c", ["src/shop/pay/card.py", "src/shop/pay/__init__.py"]),
        ("tests/test_cart.py", "helpers : make", ["tests/helpers.py"]),
        ("tests/test_cart.py", "tests.helpers : make", ["tests/helpers.py"]),
        ("tests/test_cart.py", "conftest", ["conftest.py"]),
        # The standard library and other packages, although files have their names.
        ("src/shop/cart.py", "types", []),
        ("src/shop/cart.py", "requests", []),
        ("src/shop/cart.py", "numpy.linalg : norm", []),
        ("scripts/run.py", "requests", ["scripts/requests.py"]),
        # What is inside of a package is no module of its own.
        ("src/shop/pay/card.py", "cart", []),
    ],
)
def test_a_package_in_src(importer: str, text: str, expected: list[str]) -> None:
    assert resolved(PACKAGE, "python", importer, text) == expected


@pytest.mark.parametrize(
    ("importer", "text", "expected"),
    [
        ("a/tests/test_one.py", "common.x : f", ["a/src/common/x.py"]),
        ("b/src/two/util.py", "common.x : f", ["b/src/common/x.py"]),
        ("a/tests/test_one.py", "two.util : f", ["b/src/two/util.py"]),
        ("a/tests/test_one.py", "common.y : f", ["b/src/common/y.py"]),
        ("space/p/acme/tool/core.py", "acme.web.app : run", ["space/q/acme/web/app.py"]),
        ("space/p/acme/tool/core.py", "acme.web : app", ["space/q/acme/web/app.py"]),
        (
            "space/p/acme/tool/core.py",
            "acme.web : app, pages",
            ["space/q/acme/web/app.py", "space/q/acme/web/pages.py"],
        ),
        ("b/src/two/util.py", "vendor.lib", []),
    ],
)
def test_several_packages(importer: str, text: str, expected: list[str]) -> None:
    assert resolved(MONOREPO, "python", importer, text) == expected


def test_packages_in_the_workspace_folder_itself() -> None:
    paths = files("__init__.py", "a.py", "b.py")
    assert resolved(paths, "python", "a.py", ". : b") == ["b.py", "__init__.py"]
    assert resolved(paths, "python", "a.py", ".b : f") == ["b.py"]


def test_the_package_is_kept_among_many_submodules() -> None:
    paths = files("p/__init__.py", *(f"p/m{number}.py" for number in range(20)), "main.py")
    names = ", ".join(f"m{number}" for number in range(20))
    found = resolved(paths, "python", "main.py", f"p : {names}")
    assert len(found) == 8
    assert found[-1] == "p/__init__.py"


def test_a_name_that_more_folders_hold_than_a_search_gives() -> None:
    paths = files(*(f"x{number}/util.py" for number in range(40)), "deep/down/here/util.py", "deep/down/here/main.py")
    assert resolved(paths, "python", "deep/down/here/main.py", "util : f") == ["deep/down/here/util.py"]


def test_a_third_party_import_is_cheap_the_second_time() -> None:
    from codeassist.workspace.resolve import Resolver
    from tests.unit.workspace.resolve.making import imported

    paths = Files(dict(PACKAGE.texts))
    resolver = Resolver(paths)
    resolver.resolve("python", "src/shop/cart.py", imported("numpy"))
    before = paths.checks + paths.searches
    resolver.resolve("python", "tests/test_cart.py", imported("numpy"))
    assert paths.checks + paths.searches == before
