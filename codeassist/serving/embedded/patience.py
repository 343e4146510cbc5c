"""When an engine has nothing left to do. Pure: times come in, a reason to stop comes out."""

from __future__ import annotations

from collections.abc import Mapping

_PREFIX = "llamacpp:"
_ACTIVITY = ("prompt_tokens_total", "prompt_tokens_cached_total", "tokens_predicted_total", "n_decode_total")


def parse_metrics(text: str) -> dict[str, float]:
    """The engine's counters by name, without their prefix; lines that are no counters are skipped."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if name.startswith(_PREFIX):
            try:
                found[name.removeprefix(_PREFIX)] = float(value)
            except ValueError:
                continue
    return found


class Patience:
    """Watches one engine. All times are seconds of one monotonic clock.

    `idle_s`: stop after this long without a request. `orphan_s`: stop this long after the last lease is gone.
    `expects_leases`: True for an engine that a client started, which is an orphan too if no lease ever comes.
    """

    def __init__(self, idle_s: float, orphan_s: float, now: float, *, expects_leases: bool) -> None:
        self._idle_s = idle_s
        self._orphan_s = orphan_s
        self._last_activity = now
        self._last_counters = (0.0,) * len(_ACTIVITY)
        self._alone_since: float | None = now if expects_leases else None
        self._ever_leased = expects_leases

    def why_stop(self, now: float, metrics: Mapping[str, float], leases: int) -> str | None:
        """One reason in words, or None to go on."""
        counters = tuple(metrics.get(name, 0.0) for name in _ACTIVITY)
        at_work = metrics.get("requests_processing", 0.0) > 0 or metrics.get("requests_deferred", 0.0) > 0
        if at_work or counters != self._last_counters:
            self._last_activity = now
            self._last_counters = counters
        if leases:
            self._ever_leased = True
            self._alone_since = None
        elif self._ever_leased and self._alone_since is None:
            self._alone_since = now
        if self._alone_since is not None and now - self._alone_since >= self._orphan_s:
            return "no client is left"
        if now - self._last_activity >= self._idle_s:
            return f"no request came for {self._idle_s / 60:.3g} min"
        return None
