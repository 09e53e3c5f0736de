"""When does a usage limit reset? At the moment that the CLI's text or JSON names, if it names one.

Machine-readable statements count first (epoch seconds, JSON fields, headers), then the words. What is
named may lie in the past; whether to wait, and how long, is for others to decide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone, tzinfo
from functools import cache
from itertools import chain
from typing import NamedTuple

from llmauto.rules.clocktext import moment_of
from llmauto.rules.durations import duration_pattern, seconds_in
from llmauto.rules.folding import fold, folded_line

PLAUSIBLE = timedelta(days=366)
"""A moment farther from now than this, either way, is a misreading: the longest windows are monthly."""

_WINDOW = 100
"""Characters beside a cue such as `resets` in which its time stands."""
_MAX_CUES = 12
_DAILY_QUOTA = re.compile(r"per_?day|daily", re.IGNORECASE)
_SHORT_RETRY_S = 300.0
"""Gemini sends a retry delay of seconds even where the quota of the day is used up: that is no reset."""

_EPOCH_FROM = 1e9
"""A bare number from here on is a moment (2001 and later), below it a number of seconds from now."""

_EPOCH_MAX = 1e20
"""Nanoseconds end below this."""

_NUMBER = r"-?\d{1,20}(?:\.\d{1,9})?(?:[eE][+-]?\d{1,3})?"


class Field(NamedTuple):
    """A name that a machine-readable value stands behind. `is_moment`: a small number is no delay."""

    name: str
    is_moment: bool
    example: str


FIELDS = (
    Field(r"resets?_?at(?:_?ms)?", True, '"resets_at":1777936568'),
    Field(r"resets?_?time(?:_?stamp)?", True, '"quotaResetTimeStamp":"2026-05-04T23:16:08Z"'),
    Field(
        r"resets?_?(?:in|after|delay)(?:_?(?:seconds?|secs?|(?P<ms>ms)))?", False, '"resets_in_seconds":13872'
    ),
    Field(r"retry[-_ ]?after(?:[-_]?(?:seconds?|secs?|(?P<ms>ms)))?", False, "Retry-After: 3600"),
    Field(
        r"ratelimit[\w-]*-reset(?:-(?:requests|tokens))?",
        False,
        "anthropic-ratelimit-unified-reset: 1777936568",
    ),
    Field(r"retry_?delay(?:_?(?P<ms>ms))?", False, '"retryDelay":"35s"'),
)
"""In the order in which they count: a moment before a delay, the limit's own before one for a retry."""

_VALUE = (
    r"""\\*["']?\s*(?:[:=]|\s\{)\s*\{?\s*(?:\\*"?seconds\\*"?\s*:\s*)?\\*["']?(?P<value>[^"'\\}\]]{1,40})"""
)

_AFTER_BAR = re.compile(r"\|\s?(?P<value>\d{10,16})(?!\d)")
_RETRY_AFTER = re.compile(r"retry[- ]after (?P<value>\d{1,9})(?!\s?[\w:.]*\w)", re.IGNORECASE)


def reset_of(text: str, *, now: datetime, local: tzinfo | None = None) -> datetime | None:
    """The moment, in UTC, at which `text` says that the limit ends; None where it names none.

    `now` is aware. `local` is the zone that a clock time without a zone is read in; None stands for UTC.
    The result may lie in the past. Never raises, whatever the text.
    """
    said = folded_line(text)
    for moment in chain(_machine_readable(said, now, local), _spoken(said, now, local)):
        if moment is not None and abs(moment - now) <= PLAUSIBLE:
            return moment
    return None


# Machine-readable statements


@cache
def _field_patterns() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(field.name + _VALUE, re.IGNORECASE) for field in FIELDS)


def _machine_readable(said: str, now: datetime, local: tzinfo | None) -> Iterator[datetime | None]:
    if (bar := _AFTER_BAR.search(said)) is not None:
        yield _epoch(float(bar["value"]))
    for field, pattern in zip(FIELDS, _field_patterns(), strict=True):
        for match in pattern.finditer(said):
            moment = _of_value(field, match, now, local)
            if not (match[0].lower().startswith("retry") and _is_short_retry(said, moment, now)):
                yield moment
    if (plain_number := _RETRY_AFTER.search(said)) is not None:
        yield _later(now, float(plain_number["value"]))


def _is_short_retry(said: str, moment: datetime | None, now: datetime) -> bool:
    if moment is None or _DAILY_QUOTA.search(said) is None:
        return False
    return (moment - now).total_seconds() < _SHORT_RETRY_S


def _of_value(field: Field, match: re.Match[str], now: datetime, local: tzinfo | None) -> datetime | None:
    value = match["value"].strip()
    if (length := re.match(duration_pattern(), value, re.IGNORECASE)) is not None:
        return _later(now, seconds_in(length[0]))
    number = re.match(rf"{_NUMBER}(?![\w:.-]|\s?[ap]\.?m)", value)
    if number is None:
        return moment_of(value, now=now, local=local)
    amount = float(number[0])
    if amount >= _EPOCH_FROM:
        return _epoch(amount)
    if field.is_moment:
        return None
    return _later(now, amount / 1000 if match.groupdict().get("ms") else amount)


def _epoch(value: float) -> datetime | None:
    """A moment from seconds since 1970; larger numbers are milli-, micro- or nanoseconds."""
    if value > _EPOCH_MAX:
        return None
    while value >= 1e11:
        value /= 1000
    try:
        return datetime.fromtimestamp(value, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None


def _later(now: datetime, seconds: float | None) -> datetime | None:
    if seconds is None or not 0 <= seconds <= PLAUSIBLE.total_seconds():
        return None
    return (now + timedelta(seconds=seconds)).astimezone(timezone.utc)


# Words

_CUES = (
    r"reset(?:s|ting)?|try(?:ing)? again|retry(?:ing)?|regain access|access again|available|wait|until"
    r"|renews?|refresh(?:es)?|resumes?|unlocks?|lifted|come back|back at|next window"
)
"""English words that a time follows."""

_CUES_EITHER_SIDE = (
    r"zurückgesetzt|zurücksetz\w*|setzt sich|erneut|wieder|verfügbar"  # German
    r"|réinitialis\w*|réessay\w*|à nouveau|disponible"  # French
    r"|restablec\w*|se reinici\w*|renuev\w*|de nuevo|vuelv\w*|intent\w*"  # Spanish
    r"|reimpost\w*|ripristin\w*|azzer\w*|riprova\w*|disponibile|rinnov\w*"  # Italian
    r"|redefini\w*|reiniciad\w*|renova\w*|novamente|disponível"  # Portuguese
    r"|gereset|opnieuw|beschikbaar|hersteld"  # Dutch
    r"|zresetowan\w*|resetuj\w*|odnow\w*|ponownie|dostępn\w*"  # Polish
    r"|сбро[сш]\w*|сбрасыва\w*|обнов\w*|повтор\w*|попробу\w*|снова|доступ\w*"  # Russian
    r"|リセット|解除|再試行|利用可能|回復"  # Japanese
    r"|重置|重设|重設|恢复|恢復|重试|重試|再试|再試|刷新"  # Chinese
    r"|초기화|재설정|다시 시도|리셋"  # Korean
)
"""Words of other languages, in which the time may also stand before the verb."""

_IN = r"in|after|within|for|nach|dans|après|en|dentro de|tra|fra|em|daqui a|over|na|через|za|po"
_ABOUT = r"(?:(?:about|around|approximately|roughly|another|less than|etwa|ca\.?|environ|circa) |~ ?)?"
_LATER = r"後|后|以後|以后|之后|之後|후"


@cache
def _cues() -> re.Pattern[str]:
    return re.compile(
        fold(rf"(?P<before>(?<!\w)(?:{_CUES})(?!\w))|(?P<either>{_CUES_EITHER_SIDE})"), re.IGNORECASE
    )


@cache
def _relative() -> re.Pattern[str]:
    length = duration_pattern()
    ahead = fold(rf"(?<!\w)(?:{_IN}) {_ABOUT}")
    return re.compile(
        rf"{ahead}(?P<in>{length})"
        rf"|(?P<later>{length}){fold(rf'(?:{_LATER})')}"
        # Right behind the cue; a lone `15h` is a time of day in French and Portuguese.
        rf"|^(?: ?time)?[ :=(]{{0,3}}{_ABOUT}(?!\d{{1,2}} ?h(?: |\W|$))(?P<direct>{length})",
        re.IGNORECASE,
    )


def _spoken(said: str, now: datetime, local: tzinfo | None) -> Iterator[datetime | None]:
    for count, cue in enumerate(_cues().finditer(said)):
        if count == _MAX_CUES:
            return
        yield _in_window(_first_sentence(said[cue.end() : cue.end() + _WINDOW]), now, local)
        if cue["either"]:
            yield _in_window(_last_sentence(said[max(0, cue.start() - _WINDOW) : cue.start()]), now, local)


def _in_window(window: str, now: datetime, local: tzinfo | None) -> datetime | None:
    if (match := _relative().search(window)) is not None:
        return _later(now, seconds_in(match["in"] or match["later"] or match["direct"]))
    return moment_of(window, now=now, local=local)


_STOP = re.compile(r"(?<![\d.])(?<![ap]\. m)(?<![ap]\.m)[.!?;] (?=[A-ZÀ-Þ\"])|[!?] | · |\. $")
"""The end of a statement. `3. August`, `Aug. 3`, `p.m. CET` and `a. m. (Zone)` are none."""


def _first_sentence(text: str) -> str:
    stop = _STOP.search(text)
    return text[: stop.start()] if stop is not None and stop.start() > 0 else text


def _last_sentence(text: str) -> str:
    ends = [stop.end() for stop in _STOP.finditer(text)]
    return text[ends[-1] :] if ends else text
