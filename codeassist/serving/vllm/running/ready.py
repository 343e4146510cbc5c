"""Whether the vLLM that was started answers, with its key and under its name. Blocks; call it off the event loop."""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import dataclass

from codeassist.serving.errors import EngineNotStarted
from codeassist.serving.vllm.plan import Address

PROBE_S = 5.0
MAX_ANSWER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Ready:
    """`max_model_len`: in tokens, 0 if the server does not say."""

    max_model_len: int


def probe(address: Address, served_name: str, key: str) -> Ready | None:
    """What answers at `address`, or None if nothing does yet.

    Raises EngineNotStarted if it answers without the key, not with it, or serves other names.
    """
    try:
        if _get(address, "/health", None)[0] != 200:
            return None
        if _get(address, "/v1/models", None)[0] == 200:
            raise EngineNotStarted(
                f"What answers at {local_url(address)} wants no key, so it is not the server that was started here: "
                "choose another address with --port or --socket."
            )
        status, body = _get(address, "/v1/models", key)
    except (OSError, http.client.HTTPException):
        return None
    if status in (401, 403):
        raise EngineNotStarted(
            f"What answers at {local_url(address)} refuses the key that it was given, so it is not the server that was "
            "started here: choose another address with --port or --socket."
        )
    if status != 200:
        return None
    served = _models(body)
    if served_name not in served:
        names = ", ".join(served) or "nothing"
        raise EngineNotStarted(f"The server at {local_url(address)} serves {names}, not {served_name}.")
    return Ready(served[served_name])


def local_url(address: Address) -> str:
    """The base URL of `address` for this machine: a server on all interfaces is reached by loopback."""
    loopback = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(address.host, address.host)  # noqa: S104  Read.
    return Address(address.socket, loopback, address.port).url


def _get(address: Address, path: str, key: str | None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("localhost", timeout=PROBE_S)
    try:
        if address.socket is not None:
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(PROBE_S)
            connection.sock.connect(str(address.socket))
        else:
            host = local_url(address).removeprefix("http://").rpartition(":")[0].strip("[]")
            connection.sock = socket.create_connection((host, address.port), PROBE_S)
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}"} if key else {})
        answer = connection.getresponse()
        return answer.status, answer.read(MAX_ANSWER_BYTES)
    finally:
        connection.close()


def _models(body: bytes) -> dict[str, int]:
    try:
        listed = json.loads(body)["data"]
        return {str(one["id"]): int(one.get("max_model_len") or 0) for one in listed}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}
