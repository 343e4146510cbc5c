"""Where a model is served: address, key, abilities and patience. Pure; importing it does not import httpx."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from codeassist.model.abilities import Abilities

READ_TIMEOUT_S = 120.0
"""vLLM says nothing while it reads a prompt: on a processor it took 4.8 s for each 512 tokens (benchmarks/README.md),
which is 77 s for 8,192 of them."""
FIRST_TOKEN_TIMEOUT_S = 180.0
"""More than silence is given, for one who still says something may have a queue before that prompt; and no more than
somebody at a terminal believes in."""
TOKEN_TIMEOUT_S = 120.0
"""As much as silence: between two tokens a busy processor may read other prompts for as long."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Raises ValueError, without the key in its message, for an address or a key that cannot be one.

    `base_url`: `http://host:port/v1` (also https; a missing path means /v1) or `unix:///path/to.sock`.
    `model`: the served name; None for the first that the server lists. `abilities`: what is known of the server
    before it is asked. `headers` go with every request.
    `connect_timeout_s` bounds connecting, `read_timeout_s` the silence between two pieces of an answer, whatever they
    hold. `first_token_timeout_s` and `token_timeout_s` bound the time to the first token and from one to the next:
    comments, pings and bytes that end no event do not count as one; a thought, or more of the prompt read, does.
    """

    base_url: str
    model: str | None = None
    api_key: str | None = field(default=None, repr=False)
    abilities: Abilities = field(default_factory=Abilities)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    connect_timeout_s: float = 3.0
    read_timeout_s: float = READ_TIMEOUT_S
    first_token_timeout_s: float = FIRST_TOKEN_TIMEOUT_S
    token_timeout_s: float = TOKEN_TIMEOUT_S

    def __post_init__(self) -> None:
        self.address()
        if self.api_key is not None and not _fits_a_header(self.api_key):
            raise ValueError("the key of the model server has characters that no HTTP header can carry")
        for name, value in self.headers.items():
            if not _fits_a_header(value) or not _fits_a_header(name):
                raise ValueError(f"the header {name!a} has characters that no HTTP header can carry")

    def address(self) -> tuple[str, str | None]:
        """The URL of the API without a slash at its end, and the path of the socket if it is one."""
        if self.base_url.startswith("unix://"):
            path = self.base_url.removeprefix("unix://")
            if not path.startswith("/") or "\0" in path:
                raise ValueError(f"{self.base_url!a} is no socket address; write unix:///path/to.sock")
            return "http://localhost/v1", path
        try:
            parts = urlsplit(self.base_url)
            # urlsplit drops line ends and tabs silently, which would hide a mistake.
            whole = self.base_url.isprintable() and " " not in self.base_url
            named = whole and bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError:
            named = False
        if not named or parts.scheme not in ("http", "https"):
            raise ValueError(
                "the address of a model server is http://host:port/v1, https://... or unix:///path/to.sock"
            )
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("the address of a model server holds no user, key, query or fragment")
        return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/') or '/v1'}", None


def _fits_a_header(value: str) -> bool:
    return value.isascii() and value.isprintable() and bool(value) and value == value.strip()
