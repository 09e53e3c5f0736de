"""What the scripted Messages API answers: one small value per kind of turn.

`Say` and `Use` are the model's turns; `Fail`, `Drop` and `Hang` are what goes wrong. `quota` makes the
headers by which the service tells a subscriber about the windows of the plan; `usage_limit` is their end.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

_ERROR_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}
_DOLLARS_PER_OUTPUT_TOKEN = 15e-6  # what claude 2.1.331 reports for claude-sonnet-4-6; a test pins it


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens that one turn reports; `dollars` makes one that costs a given sum."""

    input: int = 10
    output: int = 5
    cache_read: int = 0
    cache_write: int = 0


@dataclass(frozen=True, slots=True)
class Say:
    """The model answers in plain text. An empty text is an answer without content."""

    text: str
    usage: Usage = field(default=Usage(), kw_only=True)
    stop_reason: str = field(default="end_turn", kw_only=True)
    headers: Mapping[str, str] = field(default_factory=dict, kw_only=True)


@dataclass(frozen=True, slots=True)
class Use:
    """The model calls a tool, after saying `say`; `also` are further calls in the same turn."""

    tool: str
    input: Mapping[str, object] = field(default_factory=dict)
    say: str = field(default="", kw_only=True)
    also: tuple[Use, ...] = field(default=(), kw_only=True)
    usage: Usage = field(default=Usage(), kw_only=True)
    headers: Mapping[str, str] = field(default_factory=dict, kw_only=True)


@dataclass(frozen=True, slots=True)
class Fail:
    """The service answers with an error status. `body` replaces the usual error object, whatever it is."""

    status: int
    message: str = ""
    kind: str | None = field(default=None, kw_only=True)
    headers: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    body: str | None = field(default=None, kw_only=True)

    def error(self) -> dict[str, object]:
        """The error object as the service writes it."""
        kind = self.kind or _ERROR_KINDS.get(self.status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": self.message or kind.replace("_", " ")}}


@dataclass(frozen=True, slots=True)
class Drop:
    """The connection closes: before any answer, or after the text `after` was sent."""

    after: str | None = None


@dataclass(frozen=True, slots=True)
class Hang:
    """Silence: before any answer, or after the text `after` was sent.

    It ends when the client goes, when the server closes, or when `until` is set. Then `then` is the answer;
    an answer that had begun just ends.
    """

    after: str | None = None
    until: threading.Event | None = field(default=None, kw_only=True)
    then: Say | Use | Fail = field(default=Say("done"), kw_only=True)


Turn = Say | Use | Fail | Drop | Hang


def dollars(usd: float) -> Usage:
    """The usage of a turn that costs `usd` (to 0.00001), at the CLI's price for `claude-sonnet-4-6`."""
    return Usage(input=0, output=round(usd / _DOLLARS_PER_OUTPUT_TOKEN))


def quota(
    resets_at: int,
    windows: Mapping[str, float],
    *,
    status: str = "allowed",
    claim: str = "five_hour",
    overage: str | None = None,
) -> dict[str, str]:
    """The headers of a subscription's windows, for `headers=` of a turn: `quota(t, {"5h": 0.42, "7d": 0.9})`.

    `resets_at` is in Unix seconds, the windows are fractions used. `status` is allowed, allowed_warning or
    rejected; rejected with `overage="allowed"` is a request that is paid for beyond the plan. The CLI reads
    them only where it is logged in by a subscription's token.
    """
    prefix = "anthropic-ratelimit-unified"
    headers = {
        f"{prefix}-status": status,
        f"{prefix}-reset": str(resets_at),
        f"{prefix}-representative-claim": claim,
    }
    if overage is not None:
        headers |= {f"{prefix}-overage-status": overage, f"{prefix}-overage-reset": str(resets_at)}
    for window, fraction in windows.items():
        headers[f"{prefix}-{window}-utilization"] = str(fraction)
        headers[f"{prefix}-{window}-reset"] = str(resets_at)
        headers[f"{prefix}-{window}-status"] = "rejected" if fraction >= 1 else "allowed"
    return headers


def usage_limit(resets_at: int, *, claim: str = "five_hour") -> Fail:
    """The subscription's limit is reached until `resets_at` (Unix seconds)."""
    window = "5h" if claim == "five_hour" else "7d"
    return Fail(
        429,
        "This request would exceed your account's rate limit. Please try again later.",
        headers=quota(resets_at, {window: 1.0}, status="rejected", claim=claim),
    )
