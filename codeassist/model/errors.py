"""What can go wrong between us and a model server, one class per cause that a user can act on."""

from __future__ import annotations

from typing import ClassVar


class ModelError(Exception):
    """Base of all model failures.

    `reason` is the stable, hyphenated word that traces, skips and JSON documents carry.
    `retryable` says whether the same request may succeed later without the user doing anything.
    The message is one sentence that names the cause and, where there is one, the next step.
    It never contains prompt text or keys.
    """

    reason: ClassVar[str] = "model-error"
    retryable: ClassVar[bool] = False


class Unreachable(ModelError):
    """No connection: wrong address, nothing listening, socket file gone, or no answer in time."""

    reason = "model-unreachable"
    retryable = True

    def __init__(self, message: str, *, silent: bool = False) -> None:
        """`silent`: somebody is there and gives no answer."""
        super().__init__(message)
        self.silent = silent


class Unauthorised(ModelError):
    """401 or 403: the key is missing or wrong."""

    reason = "model-unauthorised"


class ModelNotFound(ModelError):
    """404: the server does not serve the model (or the endpoint) that was asked for."""

    reason = "model-not-found"


class Overloaded(ModelError):
    """429 or 503: the server's queue is full or it is still loading."""

    reason = "model-overloaded"
    retryable = True

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class BadRequest(ModelError):
    """Any other 4xx: the server understood us and said no (prompt too long, unknown option)."""

    reason = "model-bad-request"

    def __init__(self, message: str, fields: frozenset[str] = frozenset()) -> None:
        """`fields`: those of the request that the server named as unknown to it; see `wire.refused_in`."""
        super().__init__(message)
        self.fields = fields


class PromptTooLong(BadRequest):
    """The request is longer than the model's context, or than a proxy lets pass: a shorter one may do."""

    reason = "model-prompt-too-long"


class ServerFailed(ModelError):
    """5xx other than 503, or an error event in the middle of a stream."""

    reason = "model-server-error"
    retryable = True


class TruncatedStream(ModelError):
    """The connection closed before the answer was finished: the engine died or a proxy cut it."""

    reason = "model-truncated-stream"
    retryable = True


class MalformedEvent(ModelError):
    """The server sent something that is not the protocol: no JSON, wrong types, an endless line."""

    reason = "model-malformed-event"
