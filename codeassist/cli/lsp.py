"""`codeassist lsp`: the language server."""

from __future__ import annotations

import gc
import sys

import click

from codeassist.cli.main import Failure

_SWITCH_S = 0.0005
"""So long a thread that works beside the event loop may keep the interpreter from it; Python's own 5 ms are as long as
all that we add to a key. See benchmarks/latency/overhead.py."""


@click.command(help="Run the language server, over stdio unless told otherwise.")
@click.option("--stdio", is_flag=True, help="Speak over stdin and stdout (the default).")
@click.option("--tcp", metavar="HOST:PORT", help="Listen on a TCP address instead; loopback only.")
def lsp(stdio: bool, tcp: str | None) -> None:
    if stdio and tcp:
        raise click.UsageError("--stdio and --tcp exclude each other")
    address = _loopback(tcp) if tcp else None
    _log_to_stderr()
    from codeassist.server.app import App

    server = App().server
    _collect_seldom()
    sys.setswitchinterval(_SWITCH_S)
    if address is None:
        server.start_io()
        return
    try:
        server.start_tcp(*address)
    except OSError as error:
        raise Failure(
            f"cannot listen on {tcp}: {error.strerror or error}; choose another port, or 0 for any"
        ) from error


def _collect_seldom() -> None:
    """What is loaded by now stays; what a key makes is mostly freed without the collector, whose walk over all that is
    kept in memory would hold up an answer."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 10)


def _loopback(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isdigit() or int(port) > 65535:
        raise click.BadParameter("must be HOST:PORT", param_hint="--tcp")
    if host not in ("127.0.0.1", "::1", "localhost"):
        raise click.BadParameter(
            "the language server has no key, so it listens on loopback only (127.0.0.1, ::1, localhost)",
            param_hint="--tcp",
        )
    return host, int(port)


def _log_to_stderr() -> None:
    """Our log goes to stderr. Libraries log messages and addresses, and with them code: they stay silent until the
    settings say otherwise (`log.code`)."""
    import logging

    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("pygls").setLevel(logging.CRITICAL)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("httpcore").setLevel(logging.WARNING)
