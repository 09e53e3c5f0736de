"""Which outcome a text means: the tables' own examples, real texts in their variations, and reports that
only look like errors."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmauto.outcomes import Outcome
from llmauto.rules.errorwords import STATUS_LEADS, WORDS, outcome_of_status, outcome_of_word, status_within
from llmauto.rules.limittexts import Said
from llmauto.rules.saidtext import MAX_WORDS_CHARS, ROWS, outcome_of_error, outcome_of_text

Is = Outcome


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.example[:60])
def test_each_example_means_what_its_row_says(row: Said) -> None:
    assert outcome_of_text(row.example) is row.outcome
    assert outcome_of_error(None, row.example) is row.outcome


@pytest.mark.parametrize("example", [lead.example for lead in STATUS_LEADS])
def test_each_way_to_name_a_status_is_read(example: str) -> None:
    status = status_within(example)
    assert status is not None
    assert outcome_of_text(example) is outcome_of_status(status)


# Real texts


def api_error(status: int, kind: str, message: str) -> str:
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_011"}
    return f"API Error: {status} {json.dumps(body, separators=(',', ':'))}"


GEMINI = """[API Error: [{
    "error": {
      "code": 429,
      "message": "You have exhausted your capacity on this model. Your quota will reset after 8h44m7s.",
      "errors": [
        {
          "message": "You have exhausted your capacity on this model.",
          "reason": "rateLimitExceeded"
        }
      ],
      "status": "RESOURCE_EXHAUSTED"
    }
  }
  ]]
  Please wait and try again later. To increase your limits, request a quota increase."""

TEXTS = [
    (Is.LIMITED, "Claude usage limit reached. Your limit will reset at 3pm (America/Santiago)."),
    (Is.LIMITED, "You've hit your session limit - resets 11:20am (Europe/Zurich)"),
    (Is.LIMITED, "You've hit your weekly limit · resets Aug 3, 7am (Europe/Zurich)"),
    (Is.LIMITED, "You've hit your session limit · resets 5:40pm (UTC)\n/login to switch to another account."),
    (Is.LIMITED, "You've reached your Fable limit."),
    (Is.LIMITED, "5-hour limit reached · resets 2pm (Pacific/Auckland) · /upgrade or turn on /extra-usage"),
    (Is.LIMITED, "Opus weekly limit reached ∙ resets Oct 13, 11am"),
    (Is.LIMITED, "■ You've hit your usage limit. Upgrade to Pro (https://x) or try again in 5 days."),
    (Is.LIMITED, "ERROR: You've hit your usage limit. ... try again at 7:58 PM."),
    (Is.LIMITED, '{"type":"usage_limit_reached","resets_at":1777936568,"resets_in_seconds":13872}'),
    (Is.LIMITED, "429 RESOURCE_EXHAUSTED … QuotaFailure … RetryInfo"),
    (Is.LIMITED, "API Error: Request rejected (429) · this may be a temporary capacity issue"),
    (Is.LIMITED, "exceeded retry limit, last status: 429 Too Many Requests"),
    (Is.LIMITED, "Reconnecting... 1/1 (exceeded retry limit, last status: 429 Too Many Requests)"),
    (
        Is.LIMITED,
        "stream disconnected before completion: Rate limit reached for gpt-5 in organization org-1 on tokens "
        "per min (TPM): Limit 30000, Used 30000. Please try again in 6m0s.",
    ),
    (Is.LIMITED, api_error(429, "rate_limit_error", "This request would exceed your account's rate limit.")),
    (
        Is.LIMITED,
        api_error(400, "invalid_request_error", "You have reached your specified API usage limits. You …"),
    ),
    (Is.LIMITED, GEMINI),
    (Is.LIMITED, "✕ [API Error: You have exhausted your daily quota on this model.]"),
    (Is.LIMITED, "[Backend Error] You have exhausted your capacity on this model. (HTTP 429)"),
    (Is.LIMITED, "Você atingiu o limite de mensagens do Codex"),
    (Is.OVERLOADED, api_error(529, "overloaded_error", "Overloaded")),
    (Is.OVERLOADED, "API Error: 529 Overloaded. This is a server-side issue, usually temporary."),
    (Is.OVERLOADED, api_error(500, "api_error", "Internal server error")),
    (Is.OVERLOADED, "API Error: 503 Service Unavailable"),
    (Is.OVERLOADED, "API Error: 502 <html><head><title>502 Bad Gateway</title></head></html>"),
    (Is.OVERLOADED, "exceeded retry limit, last status: 500 Internal Server Error, request id: abc"),
    (Is.OVERLOADED, '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'),
    (Is.OFFLINE, "API Error: Connection refused … (ECONNREFUSED)"),
    (Is.OFFLINE, "API Error: Unable to connect to API (ConnectionRefused)"),
    (Is.OFFLINE, "API Error: Connection error."),
    (Is.AUTH, 'Failed to authenticate. API Error: 403 {"error":{"message":"Request not allowed"}}'),
    (Is.AUTH, api_error(401, "authentication_error", "OAuth token has expired.") + " · Please run /login"),
    (Is.AUTH, '{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT"}}'),
    (Is.AUTH, api_error(400, "invalid_request_error", "Your credit balance is too low to access the API.")),
    (Is.CONTEXT_FULL, "Prompt is too long · Use /compact"),
    (Is.CONTEXT_FULL, api_error(400, "invalid_request_error", "prompt is too long: 204800 tokens > 200000")),
    (
        Is.CONTEXT_FULL,
        api_error(400, "invalid_request_error", "input length and `max_tokens` exceed context limit: 3 > 2"),
    ),
    (Is.CONTEXT_FULL, api_error(413, "request_too_large", "Request exceeds the maximum size")),
    (Is.CONTEXT_FULL, "stream disconnected before completion: Your input exceeds the context window."),
    (
        Is.SESSION_BROKEN,
        api_error(400, "invalid_request_error", "messages.4: `tool_use` ids were found without tool_result"),
    ),
    (Is.SESSION_BROKEN, "API Error: 400 … `tool_use` ids were found without `tool_result` blocks …"),
    (Is.SESSION_BROKEN, "Error: Session ID 1ef7d2b0-0000-4000-8000-000000000000 is already in use."),
    (Is.NO_MODEL, api_error(404, "not_found_error", "model: claude-x")),
    (Is.NO_MODEL, api_error(429, "rate_limit_error", "Extra usage is required for long context requests.")),
    (Is.NO_MODEL, "models/gemini-x is not found for API version v1beta, or is not supported."),
    (Is.BAD_REQUEST, api_error(400, "invalid_request_error", "temperature: must be at most 1")),
    (Is.BAD_REQUEST, "error: unexpected argument '--frob' found"),
    (Is.UNKNOWN, "API Error: JSON Parse error: Unexpected identifier"),
    (Is.UNKNOWN, "API Error: something that no table knows"),
]  # fmt: skip


@pytest.mark.parametrize(("outcome", "text"), TEXTS)
def test_a_text_that_is_an_error_as_a_whole_is_that_outcome(outcome: Outcome, text: str) -> None:
    assert outcome_of_text(text) is outcome


@pytest.mark.parametrize("before", ["", "  \n", "\x1b[31m", "⎿  ", "ERROR: ", "✕ ", "API Error: "])
@pytest.mark.parametrize("after", ["", "\n", "\x1b[0m", " \n\n"])
@pytest.mark.parametrize("bullet", [" · ", " ∙ ", " • ", " - ", " — ", "\n · "])
@pytest.mark.parametrize("apostrophe", ["'", "’"])
def test_marks_around_a_limit_make_no_difference(
    before: str, after: str, bullet: str, apostrophe: str
) -> None:
    text = f"{before}You{apostrophe}ve hit your limit{bullet}resets 1pm (Europe/Lisbon){after}"
    assert outcome_of_text(text) is Outcome.LIMITED


# Reports of agents

REPORTS = [
    "",
    "   \n",
    "done",
    "SKIPPED",
    "All done. APPROVED",
    'I checked the client: when the server answers "usage limit reached", it waits. Tests pass.',
    "The log says: You've hit your limit · resets 1pm (Europe/Lisbon)",
    "> You've hit your limit · resets 1pm (UTC)\n\nThe reviewer quoted this.",
    "`You've hit your limit` is what the banner shows.",
    "You've hit your limit on retries in client.py; I fixed the loop.",
    "You have hit your limit of three retries when this page is shown.",
    "Usage limit reached events are sent to the queue.",
    "Weekly limit reached banner is shown in the header.",
    "Prompt is too long, so it was split into two files.",
    "Prompt is too long. I split it into two files and all tests pass.",
    "Prompt is too long handling now returns exit 2.",
    "Rate limit reached handler added.",
    "Rate limit reached: the client now waits for the reset.",
    "Rate limiting is implemented with a token bucket.",
    "Quota exceeded is now a typed error.",
    "API Error: 529 is now retried with backoff; tests pass.",
    "API Error: 529 handling was moved to retry.",
    "API errors are logged once.",
    "```\nAPI Error: 529 Overloaded\n```\nThis is what the retry sees.",
    "API Error: 529 Overloaded\n\nThat line is in the log.\nThe retry waits.\nThen it goes on.",
    'if text.startswith("API Error: 529"):\n    return Outcome.OVERLOADED',
    "The review: `API Error: 529` must be retried, since overloads pass. NEEDS_FIX",
    "Invalid API key handling now returns 401.",
    "Not logged in users see the landing page now.",
    "Authentication failed attempts are counted per address.",
    "Connection refused errors are now retried.",
    "Connection error messages are translated.",
    'connection reset" failure instead of the answer.',
    "Read everything.",
    "Network errors are wrapped.",
    "Fetch failed twice in CI, the third run was green.",
    "Request timed out after 30 s in the old version, and the new one cancels the socket.",
    "Service unavailable responses are retried twice.",
    "Internal server error pages now use the new layout.",
    "500 tests pass.",
    "404 pages now render the right title.",
    "404 not found pages are themed.",
    "HTTP 404 for unknown routes, HTTP 405 for wrong methods.",
    "Status: 404 links were replaced.",
    "Model not found errors now produce exit 7.",
    "The model is currently unavailable in the picker; the list shows it greyed out.",
    "Session not found is raised by the store when the id is unknown.",
    "Invalid session ids are refused with exit 2.",
    "Unknown option names get a hint.",
    "Context window usage is shown in the header.",
    "Overloaded operators were removed.",
    "Max turns reached is a stop reason now.",
    "Prompt is too long: behoben, der Text ist jetzt kürzer.",
    '{"verdict":"APPROVED","findings":[],"summary":"rate limit reached is handled"}',
    '{"error_count":0,"summary":"no error"}',
    '{"type":"report","error":"none"}',
    # Not the call's outcome: a warning beside an answer, and a note after it.
    "Ignoring 14 permissions.allow entries from .claude/settings.json: this workspace has not been trusted.",
    "Background tasks still running after 600s; terminating.",
]


@pytest.mark.parametrize("report", REPORTS)
def test_a_report_that_mentions_an_error_is_none(report: str) -> None:
    assert outcome_of_text(report) is None


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.example[:60])
@pytest.mark.parametrize(
    "report",
    [
        "The fixture holds this text: {}",
        "Review of the parser.\n\n{}\n\nis matched by two rows; the first is right.\nNo finding. APPROVED",
        '"{}" is what the CLI prints, and the new row reads it.',
        "{} I added a row for it and a test.",
    ],
)
def test_a_report_that_quotes_a_known_text_is_none(row: Said, report: str) -> None:
    assert outcome_of_text(report.format(row.example)) is None


def test_a_long_text_is_a_report_whatever_it_begins_with() -> None:
    text = "You've hit your limit · resets 1pm (Europe/Lisbon)"
    assert outcome_of_text(f"{text}. {'word ' * (MAX_WORDS_CHARS // 5)}") is None
    assert outcome_of_text(f"{text}\n" + "\n".join(["more"] * 3)) is None


# Texts that are known to be errors


def test_the_text_refines_the_status() -> None:
    assert outcome_of_error(400, "prompt is too long: 204800 tokens > 200000 maximum") is Is.CONTEXT_FULL
    assert (
        outcome_of_error(400, "messages.1: `tool_use` ids were found without `tool_result`")
        is Is.SESSION_BROKEN
    )
    assert outcome_of_error(400, "temperature: must be at most 1") is Is.BAD_REQUEST
    assert outcome_of_error(404, "Session not found") is Is.SESSION_BROKEN
    assert outcome_of_error(404, "no such thing") is Is.NO_MODEL
    assert outcome_of_error(429, "Extra usage is required for long context requests.") is Is.NO_MODEL
    assert outcome_of_error(None, "no such thing") is Is.UNKNOWN
    assert outcome_of_error(200, "no such thing") is Is.UNKNOWN


def test_a_status_without_words_is_enough() -> None:
    assert outcome_of_error(529, "") is Is.OVERLOADED
    assert outcome_of_error(429, "\x00") is Is.LIMITED


def test_the_known_line_may_stand_anywhere_in_a_log() -> None:
    log = (
        "(node:12) Warning: something is deprecated\n"
        "Ignoring 14 permissions.allow entries: this workspace has not been trusted.\n"
        "No conversation found with session ID: 1ef7d2\n"
    )
    assert outcome_of_error(None, log) is Is.SESSION_BROKEN
    assert outcome_of_error(None, "cannot go on\nError: unexpected status 401 Unauthorized: no\n") is Is.AUTH


def test_a_status_in_the_text_is_used_where_none_is_given() -> None:
    assert outcome_of_error(None, '{"name":"APIError","data":{"message":"no","statusCode":401}}') is Is.AUTH


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, None), (301, None), (400, Is.BAD_REQUEST), (401, Is.AUTH), (402, Is.AUTH), (403, Is.AUTH),
        (404, Is.NO_MODEL), (408, Is.OVERLOADED), (409, None), (413, Is.BAD_REQUEST), (422, Is.BAD_REQUEST),
        (429, Is.LIMITED), (500, Is.OVERLOADED), (502, Is.OVERLOADED), (503, Is.OVERLOADED),
        (504, Is.OVERLOADED), (529, Is.OVERLOADED), (600, None), (0, None), (-1, None),
    ],
)  # fmt: skip
def test_a_status_means_its_outcome(status: int, outcome: Outcome | None) -> None:
    assert outcome_of_status(status) is outcome


def test_each_error_word_means_one_outcome() -> None:
    words = [word for words in WORDS.values() for word in words]
    assert len(words) == len(set(words))
    for outcome, names in WORDS.items():
        for name in names:
            assert outcome_of_word(name) is outcome
            assert outcome_of_error(None, f'{{"error":{{"type":"{name}"}}}}') is outcome
    assert outcome_of_word("unknown") is None


@given(st.one_of(st.text(max_size=300), st.sampled_from(ROWS).map(lambda row: row.example + "\ud800\n{[\\")))
@settings(max_examples=150, deadline=None)
def test_no_text_raises(text: str) -> None:
    outcome_of_text(text)
    assert outcome_of_error(None, text) in Outcome
