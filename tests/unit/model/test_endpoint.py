"""Addresses and keys of model servers."""

from __future__ import annotations

import subprocess
import sys

import pytest

from codeassist.model.endpoint import Endpoint


@pytest.mark.parametrize(
    ("base_url", "address"),
    [
        ("http://127.0.0.1:8000/v1", ("http://127.0.0.1:8000/v1", None)),
        ("http://127.0.0.1:8000/v1/", ("http://127.0.0.1:8000/v1", None)),
        ("http://127.0.0.1:8000", ("http://127.0.0.1:8000/v1", None)),
        ("http://localhost/", ("http://localhost/v1", None)),
        ("https://[::1]:443/team/v1", ("https://[::1]:443/team/v1", None)),
        ("unix:///run/user/1/e.sock", ("http://localhost/v1", "/run/user/1/e.sock")),
        ("unix:///tmp/a b?.sock", ("http://localhost/v1", "/tmp/a b?.sock")),
    ],
)
def test_addresses(base_url: str, address: tuple[str, str | None]) -> None:
    assert Endpoint(base_url).address() == address


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "127.0.0.1:8000",
        "ftp://host/v1",
        "http://",
        "http:///v1",
        "http://host:port/v1",
        "http://host:99999/v1",
        "http://[::1/v1",
        "http://user:secret@host/v1",
        "http://host/v1?key=secret",
        "http://host/v1#x",
        "http://ho st/v1",
        "http://host/v1\n",
        "unix://relative.sock",
        "unix:///a\0b",
    ],
)
def test_addresses_that_are_none(base_url: str) -> None:
    with pytest.raises(ValueError, match="address") as caught:
        Endpoint(base_url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("key", ["", "two\nlines", "schlüssel", " blank"])
def test_a_key_that_no_header_can_carry(key: str) -> None:
    with pytest.raises(ValueError, match="key of the model server") as caught:
        Endpoint("http://h/v1", api_key=key)
    assert not key.strip() or key.strip() not in str(caught.value)


def test_a_header_that_cannot_be_sent() -> None:
    with pytest.raises(ValueError, match="X-Session-ID"):
        Endpoint("http://h/v1", headers={"X-Session-ID": "a\r\nb"})


def test_keys_do_not_show() -> None:
    shown = repr(Endpoint("http://h/v1", api_key="sesame", headers={"X-Token": "sesame"}))
    assert "sesame" not in shown


def test_importing_the_client_does_not_import_httpx() -> None:
    code = "import sys, codeassist.model.vllm, codeassist.model.scripted; sys.exit('httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
