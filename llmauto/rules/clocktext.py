"""Which moment does a text such as `Aug 3, 7am (Europe/Zurich)` or `15:00 Uhr` name?

Texts come in `folding.folded_line` form. Where an expression is open, the reading is chosen so that a wait
ends neither early nor a day late:

- A clock time without a date is the next such time; one that has passed not longer than `JUST_PAST` ago
  is that past moment, since CLIs go on naming a reset for a while after it, and a day's wait would be wrong.
- A date without a year is the nearest one, so a passed date stays in the past and is not next year's.
- A clock time that a change to or from summer time makes double, or skips, is the later reading.
- A zone that is named but not known makes the whole text mean nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from functools import cache
from typing import NamedTuple

from llmauto.rules.calendarwords import any_of, clock_words, day_names, days_ahead, month_names
from llmauto.rules.folding import fold
from llmauto.rules.zones import zone_of

JUST_PAST = timedelta(hours=2)
"""How long a clock time without a date counts as passed, and not as tomorrow's."""

_MAX_GAP = 20
"""Characters between a date and a clock time that belong together: `3 августа, в 07:00`."""


class _Clock(NamedTuple):
    hour: int
    minute: int
    second: int
    start: int
    end: int


class _Day(NamedTuple):
    start: int
    end: int
    year: int | None = None
    month: int | None = None
    day: int = 1
    weekday: int | None = None
    ahead: int | None = None


def moment_of(text: str, *, now: datetime, local: tzinfo | None = None) -> datetime | None:
    """The moment, in UTC, that `text` names, seen from `now` (aware); None where it names none.

    `local` is the zone that is meant where the text names none; None stands for UTC.
    """
    clock, day = _together(text, _find_clock(text), _find_day(text))
    ends = sorted({part.end for part in (clock, day) if part is not None})
    if not ends:
        return None
    zone = _named_zone(text, ends, local or timezone.utc)
    if zone is None:
        return None
    try:
        return _pick(clock, day, zone, now)
    except (ValueError, OverflowError):  # 30 February, or a year beyond the calendar
        return None


# Clock times


@cache
def _clock_patterns() -> tuple[re.Pattern[str], ...]:
    """The earliest match counts, and of two at one place the first in this order."""
    half = fold(r"(?:(?P<half>午前|午後|上午|下午|晚上|오전|오후)\s?)?")
    hour, minute, second = r"(?<![\d:.])(?P<h>\d{1,2})", r"(?P<m>\d{2})", r"(?::(?P<s>\d{2})(?:[.,]\d+)?)?"
    sources = (
        rf"{hour}(?:[:.]{minute})?{second}\s?(?P<half>[ap])\.?\s?m\b\.?",
        fold(rf"{half}{hour}\s?[時时点點시]\s?(?:(?P<m>\d{{1,2}})\s?[分분])?"),
        rf"{half}{hour}:{minute}{second}(?!\d)(?:\s?(?:uhr|uur|hrs|h)\b)?",
        rf"{hour}(?:\.{minute})?\s?(?:uhr|uur)\b",
        rf"{hour}\s?h(?:\s?{minute})?(?!\w)",
    )
    return tuple(re.compile(source, re.IGNORECASE) for source in sources)


def _find_clock(text: str) -> _Clock | None:
    found = [clock for pattern in _clock_patterns() for clock in _clocks(pattern.finditer(text))]
    word = _word_pattern("clock").search(text)
    if word is not None:
        found.append(_Clock(clock_words()[word["word"].lower()], 0, 0, *word.span()))
    return min(found, key=lambda clock: clock.start, default=None)


def _clocks(matches: Iterator[re.Match[str]]) -> Iterator[_Clock]:
    for match in matches:
        parts = match.groupdict()
        hour, minute, second = (int(parts.get(name) or 0) for name in "hms")
        half = (parts.get("half") or "").lower()
        if half:
            hour = _in_24_hours(hour, late=half in _LATE)
        if hour <= 24 and minute < 60 and second < 60:
            yield _Clock(hour, minute, second, *match.span())


_LATE = {"p", *fold("午後 下午 晚上 오후").split()}


def _in_24_hours(hour: int, *, late: bool) -> int:
    if hour > 12:  # `15:00 PM` is 15:00; `15 am` is nothing
        return hour if late else 99
    return hour % 12 + (12 if late else 0)


# Days


@cache
def _date_patterns() -> tuple[re.Pattern[str], ...]:
    word, year = r"(?P<word>[^\W\d_]{3,12})\.?", r"(?P<y>\d{4})(?![\d:])"
    sources = (
        r"(?<!\d)(?P<y>\d{4})[-/](?P<mo>\d{1,2})[-/](?P<d>\d{1,2})(?!\d)",
        fold(r"(?:(?P<y>\d{4})\s?[年년]\s?)?(?<!\d)(?P<mo>\d{1,2})\s?[月월]\s?(?P<d>\d{1,2})\s?[日号號일]"),
        r"(?<![\d:.])(?P<d>\d{1,2})(?:\.|st|nd|rd|th|er|e|o|a|°)?\s?(?:de |di |of |-)?"
        rf"{word}(?:,?\s?(?:de |del |of |-)?{year})?",
        rf"(?<!\w){word}\s?(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?![\d:])(?:,?\s?{year})?",
        r"(?<![\d.])(?P<d>\d{1,2})\.\s?(?P<mo>\d{1,2})\.(?:\s?(?P<y>\d{4})(?![\d:]))?(?!\d)",
        r"(?<![\d/])(?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<y>\d{4}|\d{2})(?!\d)",
    )
    return tuple(re.compile(source, re.IGNORECASE) for source in sources)


@cache
def _word_pattern(which: str) -> re.Pattern[str]:
    return any_of({"clock": clock_words, "day": day_names, "ahead": days_ahead}[which]())


_NO_DAY = (0, 0)
"""A date that cannot be read: not on the calendar, so that the whole text names no moment."""


def _find_day(text: str) -> _Day | None:
    dates = [day for pattern in _date_patterns() for day in _dates(pattern.finditer(text), text)]
    if dates:
        return min(dates, key=lambda day: day.start)
    if (match := _word_pattern("day").search(text)) is not None:
        return _Day(*match.span(), weekday=day_names()[match["word"].lower()])
    if (match := _word_pattern("ahead").search(text)) is not None:
        return _Day(*match.span(), ahead=days_ahead()[match["word"].lower()])
    return None


def _dates(matches: Iterator[re.Match[str]], text: str) -> Iterator[_Day]:
    for match in matches:
        parts = match.groupdict()
        if parts.get("word"):
            month, day = month_names().get(parts["word"].lower()), int(parts["d"])
        elif parts.get("a"):
            month, day = _month_and_day(int(parts["a"]), int(parts["b"]), text)
        else:
            month, day = int(parts["mo"]), int(parts["d"])
        if month is not None:
            year = int(parts["y"]) if parts.get("y") else None
            yield _Day(*match.span(), year=_four_digits(year), month=month, day=day)


def _month_and_day(first: int, second: int, text: str) -> tuple[int, int]:
    """`8/20/26` and `20/8/26` are clear; `3/8/26` is so only beside AM or PM, where the month leads."""
    if second > 12 or re.search(r"\d\s?[ap]\.?\s?m\b", text, re.IGNORECASE):
        return first, second
    return (second, first) if first > 12 else _NO_DAY


def _four_digits(year: int | None) -> int | None:
    return year + 2000 if year is not None and year < 100 else year


def _together(text: str, clock: _Clock | None, day: _Day | None) -> tuple[_Clock | None, _Day | None]:
    """Both where they stand side by side, else the one that comes first."""
    if clock is None or day is None:
        return clock, day
    gap = text[min(clock.end, day.end) : max(clock.start, day.start)]
    if len(gap) <= _MAX_GAP or re.fullmatch(r"\s?\([^()]*\)[\s,]*\w{0,4}\s?", gap):
        return clock, day
    return (clock, None) if clock.start < day.start else (None, day)


# Zones

_ZONE = re.compile(
    r"\s?(?:\((?P<paren>[^()]{1,64})(?:\)|$)|(?P<bare>(?i:UTC|GMT)(?:\s?[+-]\d{1,2}(?::?\d{2})?)?(?![\w/])|Z(?!\w)"
    r"|[+-]\d{2}:?\d{2}(?!\d)|[A-Z][A-Za-z]+/[A-Za-z_]+(?:/[A-Za-z_]+)?(?:[+-]\d{1,2})?"
    r"|(?:Pacific|Mountain|Central|Eastern)(?:\s(?:Standard|Daylight))?\sTime|[A-Z]{2,5}(?!\w)))"
)
_LOCAL = re.compile(r"(?:your )?(?:local(?: time)?|time)|ortszeit|heure locale|hora local", re.IGNORECASE)
_LIKE_A_ZONE = re.compile(r"[^\s\d]+|.*[/].*[^\W\d_]|.*\btime", re.IGNORECASE)


def _named_zone(text: str, ends: list[int], local: tzinfo) -> tzinfo | None:
    """The zone named right behind the time or the date, else `local`; None for one that is not known."""
    for end in ends:
        match = _ZONE.match(text, end)
        name = (match["paren"] or match["bare"]) if match is not None else None
        if match is None or name is None or _LOCAL.fullmatch(name):
            continue
        zone = zone_of(name)
        if zone is not None:
            return zone
        if _LIKE_A_ZONE.fullmatch(name) if match["paren"] else ("/" in name or name.endswith("T")):
            return None
    return local


# The choice of the moment


def _pick(clock: _Clock | None, day: _Day | None, zone: tzinfo, now: datetime) -> datetime | None:
    today = now.astimezone(zone).date()
    moments = [_in_utc(each, clock, zone) for each in _days(day, today)]
    if day is not None and (day.month is not None or day.ahead is not None):
        return min(moments, key=lambda moment: abs(moment - now), default=None)
    # A weekday alone means the whole of it: on that day it has come, and is not next week's.
    earliest = now - JUST_PAST if clock is not None else _in_utc(today, None, zone)
    return next((moment for moment in moments if moment >= earliest), None)


def _days(day: _Day | None, today: date) -> list[date]:
    """The days that may be meant, in order of time."""
    if day is None:
        return [today + timedelta(days=days) for days in (-1, 0, 1)]
    if day.ahead is not None:
        return [today + timedelta(days=day.ahead)]
    if day.weekday is not None:
        week = [today + timedelta(days=days) for days in range(-1, 9)]
        return [each for each in week if each.weekday() == day.weekday]
    if day.year is not None:
        return [date(day.year, day.month or 0, day.day)]
    years = (today.year - 1, today.year, today.year + 1)
    return [each for year in years if (each := _date_or_none(year, day.month or 0, day.day)) is not None]


def _date_or_none(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _in_utc(day: date, clock: _Clock | None, zone: tzinfo) -> datetime:
    if clock is None:
        at = datetime.combine(day, time())
    else:  # 24:00 is the end of the day
        at = datetime.combine(day, time(clock.hour % 24, clock.minute, clock.second))
        at += timedelta(days=clock.hour // 24)
    return max(at.replace(tzinfo=zone, fold=fold_).astimezone(timezone.utc) for fold_ in (0, 1))
