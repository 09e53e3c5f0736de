"""What do HTTP statuses, and the words that APIs and CLIs name their errors by, mean?"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from llmauto.outcomes import Outcome

WORDS: dict[Outcome, tuple[str, ...]] = {
    Outcome.CONTEXT_FULL: ("context_length_exceeded", "prompt_too_long", "request_too_large"),
    Outcome.NO_MODEL: ("model_not_found", "not_found_error", "NOT_FOUND"),
    Outcome.AUTH: (
        "authentication_error",
        "authentication_failed",
        "permission_error",
        "billing_error",
        "invalid_api_key",
        "usage_not_included",
        "UNAUTHENTICATED",
        "PERMISSION_DENIED",
    ),
    Outcome.LIMITED: (
        "usage_limit_reached",
        "rate_limit_error",
        "rate_limit_exceeded",
        "rate_limit",
        "insufficient_quota",
        "RESOURCE_EXHAUSTED",
    ),
    Outcome.OVERLOADED: (
        "overloaded_error",
        "overloaded",
        "server_is_overloaded",
        "server_error",
        "api_error",
        "timeout_error",
        "UNAVAILABLE",
        "DEADLINE_EXCEEDED",
        "INTERNAL",
    ),
    Outcome.OFFLINE: ("connection_failed",),
    Outcome.BUDGET: ("error_max_turns", "error_max_budget_usd"),
    Outcome.BAD_REQUEST: ("invalid_request_error", "invalid_request", "INVALID_ARGUMENT"),
}
"""What stands in a field of its own: `type`, `error`, `status`, `subtype`. The first that is found counts.

Not for `terminal_reason`, where `api_error` stands for any error of the API.
"""


class Lead(NamedTuple):
    """What stands before an HTTP status, with an example that is tested."""

    pattern: str
    example: str


STATUS_LEADS = (
    Lead(r"api error:? ?", 'API Error: 529 {"type":"error","error":{"type":"overloaded_error"}}'),
    Lead(r"error code: ", "Error code: 401 - {'error': {'message': 'invalid x-api-key'}}"),
    Lead(r"unexpected status ", "unexpected status 401 Unauthorized: Missing bearer authentication"),
    Lead(r"exceeded retry limit, last status: ", "exceeded retry limit, last status: 429 Too Many Requests"),
    Lead(r"(?:request failed with )?status code:? ", "Request failed with status code 503"),
    Lead(r"got status: ", "got status: 429 Too Many Requests"),
    Lead(r"request rejected \(", "Request rejected (429)"),
    Lead(r"http(?:/[\d.]+)?(?: error| status)?:? ", "HTTP 502 Bad Gateway"),
    Lead(
        r"(?=[45]\d\d (?:(?-i:[A-Z]+_[A-Z_]+)|[\[{]|(?:too many requests|unauthorized|forbidden|not found"
        r"|bad request|payment required|internal server error|bad gateway|service unavailable"
        r"|gateway time-?out)\s*(?:$|[.:;({\[-])))",
        "429 RESOURCE_EXHAUSTED QuotaFailure RetryInfo",
    ),
)

BOUNDARY = r"(?:^|(?<=[\n\"'(\[:·|>])|(?<=[.:·|!\-;,)\]] )|(?<=[45]\d\d ))"
"""Where a known text begins inside another one: at a line, or behind a mark or status that ends what came
before."""

_STATUS_FIELD = re.compile(
    r"\"(?:code|status|status_?code)\\*\" ?: ?(?P<status>[45]\d\d)(?!\d)", re.IGNORECASE
)


def outcome_of_status(status: int) -> Outcome | None:
    """What an HTTP status means by itself; None for one that says nothing, such as 200."""
    if status in (400, 405, 413, 415, 422):
        return Outcome.BAD_REQUEST
    if status in (401, 402, 403, 407):
        return Outcome.AUTH
    if status == 404:
        return Outcome.NO_MODEL
    if status == 429:
        return Outcome.LIMITED
    return Outcome.OVERLOADED if status == 408 or 500 <= status <= 599 else None


def outcome_of_word(word: str) -> Outcome | None:
    """What a word in an error field of its own means, such as `overloaded_error` or `rate_limit`."""
    return next((outcome for outcome, words in WORDS.items() if word in words), None)


def word_within(text: str) -> Outcome | None:
    """The same for words in the JSON fields of a text, or behind a status: `429 RESOURCE_EXHAUSTED`."""
    return next((outcome for pattern, outcome in _words() if pattern.search(text) is not None), None)


@cache
def _words() -> tuple[tuple[re.Pattern[str], Outcome], ...]:
    quote, before = r"\\*[\"']", r"\b[45]\d\d "
    field = rf"[\"'](?:error|type|code|status|reason|subtype){quote} ?: ?"
    return tuple(
        (re.compile(rf"{field}{quote}(?:{names}){quote}|{before}(?:{names})\b"), outcome)
        for outcome, words in WORDS.items()
        for names in ["|".join(words)]
    )


@cache
def status_pattern() -> re.Pattern[str]:
    """A known lead and the group `status` behind it."""
    leads = "|".join(lead.pattern for lead in STATUS_LEADS)
    return re.compile(rf"{BOUNDARY}(?:{leads})(?P<status>[45]\d\d)(?!\d)", re.MULTILINE | re.IGNORECASE)


def status_within(text: str) -> int | None:
    """The HTTP status of an error that `text` names, if it does."""
    match = status_pattern().search(text) or _STATUS_FIELD.search(text)
    return int(match["status"]) if match is not None else None
