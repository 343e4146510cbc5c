"""What the server takes from what an editor says of itself."""

from __future__ import annotations

from typing import Any

import pytest
from lsprotocol import converters, types

from codeassist.server.client import Client, client_of


def read(name: str = "", **said: Any) -> Client:
    capabilities = converters.get_converter().structure(said, types.ClientCapabilities)
    return client_of(capabilities, types.ClientInfo(name) if name else None)


def modes(*values: int) -> dict[str, Any]:
    return {"completion": {"completionItem": {"insertTextModeSupport": {"valueSet": list(values)}}}}


def test_nothing_is_said() -> None:
    assert read() == Client()


@pytest.mark.parametrize(
    ("name", "document", "one_line"),
    [
        ("", modes(2), True),
        ("", modes(1, 2), False),
        ("", modes(), False),
        ("", {**modes(2), "inlineCompletion": {}}, False),
        ("kakoune-lsp", {}, True),
        ("vim-lsp", {}, True),
        ("Neovim", {}, False),
    ],
)
def test_who_writes_lines_by_rules_of_their_own(name: str, document: dict[str, Any], one_line: bool) -> None:
    assert read(name, textDocument=document).one_line_items == one_line


@pytest.mark.parametrize(
    ("said", "client"),
    [
        ({"insertsOnly": True, "waitsMs": 300}, Client(inserts_only=True, waited_s=0.3)),
        ({"insertsOnly": 1, "waitsMs": "300", "keepsExpired": "yes", "mends": 3}, Client()),
        ({"waitsMs": -1}, Client()),
        ({"waitsMs": 5001}, Client()),
        ({"keepsExpired": True, "mends": ["a", 1]}, Client(keeps_expired=True, mends=frozenset({"a"}))),
        ([], Client()),
    ],
)
def test_what_is_said_under_experimental(said: object, client: Client) -> None:
    assert read(experimental={"codeassist": said}, textDocument={"inlineCompletion": {}}) == client


def test_a_menu_replaces_what_ghost_text_cannot() -> None:
    assert not read(experimental={"codeassist": {"insertsOnly": True}}).inserts_only
