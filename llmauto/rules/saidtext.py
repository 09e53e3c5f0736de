"""Which outcome does a text of an agent CLI mean, if it is an error or a limit as a whole?

Two readers for two situations. `outcome_of_text` looks at a *final text*, which is nearly always the
agent's own report: only a short text that begins as a known one and goes on like one counts, since a
report that mentions a limit is no limit. `outcome_of_error` looks at a text that is *known* to be an
error (an error flag, a failed exit): there the known text may stand anywhere in it.
"""

from __future__ import annotations

import re
from functools import cache

from llmauto.outcomes import Outcome
from llmauto.rules.errortexts import CONTEXTS, LOGINS, MODELS, OTHERS, REQUESTS, SESSIONS
from llmauto.rules.errorwords import BOUNDARY, outcome_of_status, status_pattern, status_within, word_within
from llmauto.rules.folding import fold, folded
from llmauto.rules.limittexts import LIMITS, OUTAGES, OVERLOADS, Said

ROWS: tuple[Said, ...] = (
    *CONTEXTS,
    *SESSIONS,
    *MODELS,
    *LOGINS,
    *LIMITS,
    *REQUESTS,
    *OTHERS,
    *OVERLOADS,
    *OUTAGES,
)
"""The first row that fits counts: what names its cause stands before what only says that it failed."""

MAX_WORDS_CHARS = 400
MAX_LINES = 3
"""An error text is no longer than this, its JSON body aside."""

MAX_JSON_CHARS = 8_000
"""A body longer than this is an agent's work."""


def outcome_of_text(text: str) -> Outcome | None:
    """What a final text means that *as a whole* is a limit or an error; None for any other text."""
    if len(text) > MAX_JSON_CHARS + MAX_WORDS_CHARS:
        return None
    lines = folded(text)
    words = _without_json(lines)
    if not lines or not _is_short(words) or _REPORT.search(words) is not None:
        return None
    line = lines.replace("\n", " ")
    for piece in _innermost_first(line):
        if (outcome := _of_beginning(piece)) is not None:
            return outcome
    return _of_shape(line)


def outcome_of_error(status: int | None, text: str) -> Outcome:
    """What an error means, by its HTTP status where there is one and its text, which refines it."""
    lines = folded(text)
    for piece in _innermost_first(lines.replace("\n", " ")):
        row = _row_at_start(piece)
        if row is not None and row.outcome is not Outcome.UNKNOWN:
            return row.outcome
    found = _row_within(lines) or word_within(lines)
    if found is not None:
        return found
    named = status if status is not None else status_within(lines)
    return (outcome_of_status(named) if named is not None else None) or Outcome.UNKNOWN


# A whole text

_REPORT = re.compile(
    r"\bI(?:'ve|'m|'ll|'d)? |\b[Ww]e(?:'ve|'ll)? (?!are\b)|\b[Mm]y |```|\bTODO\b"
    r"|\b[\w/-]+\.(?:py|ts|tsx|rs|go|md|java|cpp)\b"
    r"|(?i:\b(?:added|fixed|implemented|refactored|committed|verified|reviewed|wrote|documented|covered"
    r"|handled|tests? (?:now )?(?:pass|fail|cover)\w*|all (?:tests|checks)|handoff|approved|needs_fix"
    r"|next steps?|now (?!is\b)\w+s\b|ich habe|behoben|hinzugefugt|getestet|umgesetzt)\b)"
)
"""Words of an agent that tells what it did: no CLI's error has them."""


def _is_short(words: str) -> bool:
    return len(words) <= MAX_WORDS_CHARS and words.count("\n") < MAX_LINES


def _without_json(lines: str) -> str:
    """The words around a JSON body, which may be long."""
    start, end = re.search(r"[\[{]\s*[\[{\"]", lines), max(lines.rfind("}"), lines.rfind("]"))
    if start is None or end <= start.start():
        return lines
    return lines[: start.start()] + lines[end + 1 :]


_LEAD = re.compile(
    r"[■✕✖✗❌⚠⎿\[] ?|backend error\] |(?:fatal |stream |unexpected |backend )?error:(?: |$)"
    r"|\[?api error(?:: (?:[45]\d\d )?| (?=\())"
    r"|failed to authenticate\. |reconnecting\.\.\. \d+/\d+ \(|attempt \d+ failed: "
    r"|stream disconnected before completion: |request failed: ",
    re.IGNORECASE,
)
_MOST_LEADS = 6


def _innermost_first(said: str) -> list[str]:
    """`said`, and before it what is left as the leads that CLIs put before an error are taken off.

    `stream disconnected before completion: Rate limit reached …` is a limit: the cause is told last.
    """
    pieces = [said]
    while len(pieces) <= _MOST_LEADS and (lead := _LEAD.match(pieces[0])) is not None:
        pieces.insert(0, pieces[0][lead.end() :])
    return pieces


def _of_beginning(piece: str) -> Outcome | None:
    if (row := _row_at_start(piece)) is not None:
        return row.outcome
    status = status_pattern().match(piece)
    if status is None or _PROSE.match(piece, status.end()) is not None:
        return None
    return outcome_of_error(int(status["status"]), piece[status.end() :])


_PROSE = re.compile(
    r"\)?s? (?:is|are|was|were|and|or|as|on|in|of|for|from|when|with|gets?|will|should|can|does|now|handl\w+"
    r"|retr\w+|errors?|responses?|pages?|case|path|branch|class\w*|row|text|support|tests?|files?|lines?)\b",
    re.IGNORECASE,
)
"""Words behind a status that make it the subject of a sentence: `API Error: 529 is now retried`."""

_JSON_ERROR = re.compile(
    r"\[? ?\{ ?\"(?:error\" ?: ?[\[{\"]|type\" ?: ?\"(?:error|[a-z_]+_(?:error|reached|exceeded))\").*[}\]]$"
)
_OTHER_API_ERROR = re.compile(r"(?:[✕■] ?)?\[?API Error(?:: | \()(?!\d{3}\b)")


def _of_shape(line: str) -> Outcome | None:
    """An error body alone, or the CLI's own mark of an API error, with a text that no row knows."""
    marked = _JSON_ERROR.match(line) is not None or _OTHER_API_ERROR.match(line) is not None
    return outcome_of_error(None, line) if marked else None


# Rows in a text

_GOES_ON = re.compile(r"\s*(?:$|[.!:;|(\[{}\])·<\\]|- )|\s[\"'`]|[\"'`](?:$|\s?[,:.;)\]}])")
"""What follows a known text: its end, a mark or a body, but no word that makes a sentence of it."""


@cache
def _rows() -> tuple[tuple[re.Pattern[str], Said], ...]:
    flags = re.IGNORECASE | re.MULTILINE
    return tuple((re.compile(rf"{BOUNDARY}(?:{fold(row.pattern)})", flags), row) for row in ROWS)


def _row_at_start(piece: str) -> Said | None:
    for pattern, row in _rows():
        match = pattern.match(piece)
        if match is not None and _GOES_ON.match(piece, match.end()) is not None:
            return row
    return None


def _row_within(lines: str) -> Outcome | None:
    for pattern, row in _rows():
        if row.outcome is Outcome.UNKNOWN:
            continue
        for match in pattern.finditer(lines):
            if _GOES_ON.match(lines, match.end()) is not None:
                return row.outcome
    return None
