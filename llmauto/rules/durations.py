"""How long is a stretch of time that a text names, such as `2 days 17 hours 14 minutes` or `8h44m7s`?"""

from __future__ import annotations

import re
from functools import cache

from llmauto.rules.folding import fold

_UNITS: tuple[tuple[float, str, str], ...] = (
    (0.001, r"ms|msecs?|millis|milliseconds?", ""),
    (
        1.0,
        r"s|secs?|seconds?|sek|sekunden?|secondes?|segundos?|second[io]|seconden|секунд\w*|сек|sekund\w*",
        "秒[钟鐘]?|초",
    ),
    (60.0, r"m|min|mins|minutes?|minuten?|minutos?|minut[io]|minuut|минут\w*|мин|minut\w*", "分[钟鐘間]?|분"),
    (
        3600.0,
        r"h|hr|hrs|hours?|std|stunden?|heures?|horas?|or[ae]|uur|uren|час\w*|ч|godzin\w*|godz",
        "時間|小时|小時|시간",
    ),
    (86400.0, r"d|days?|tage?n?|jours?|dias?|giorn[io]|dag|dagen|дн\w*|день|dni|dzien|сут\w*", "日間?|天|일"),
    (
        604800.0,
        r"w|wk|wks|weeks?|wochen?|semaines?|semanas?|settiman[ae]|week|weken|недел\w*|tygod\w*",
        "週間?|周|주",
    ),
)
"""Seconds, words that end where the letters end, and words of scripts that put no space between words."""

_ONES = r"an?|one|eine[rmn]?|une?|una|uma|een"
_AND = r"\s?(?:,|&|and|und|et|y|e|en|i|и)?\s?"
_MOST_PARTS = 7


@cache
def _part() -> str:
    latin = "|".join(words for _, words, _ in _UNITS)
    joined = "|".join(words for _, _, words in _UNITS if words)
    number = rf"(?:\d{{1,9}}(?:[.,]\d{{1,9}})?|\b(?:{_ONES})\b)"
    return fold(rf"{number}\s?-?(?:(?:{latin})(?![^\W\d_])|(?:{joined}))")


@cache
def duration_pattern() -> str:
    """A regular expression, without groups, for a whole duration; use it with `re.IGNORECASE`."""
    return rf"{_part()}(?:{_AND}{_part()}){{0,{_MOST_PARTS - 1}}}"


@cache
def _one_part() -> re.Pattern[str]:
    units = "|".join(
        rf"(?P<u{index}>(?:{latin})(?![^\W\d_])" + (rf"|(?:{joined}))" if joined else ")")
        for index, (_, latin, joined) in enumerate(_UNITS)
    )
    return re.compile(
        fold(rf"(?:(?P<number>\d{{1,9}}(?:[.,]\d{{1,9}})?)|\b(?:{_ONES})\b)\s?-?(?:{units})"), re.IGNORECASE
    )


def seconds_in(text: str) -> float | None:
    """The sum of all parts of the duration in `text`, in seconds; None where there is none."""
    total = 0.0
    parts = list(_one_part().finditer(text))
    for part in parts:
        number = float(part["number"].replace(",", ".")) if part["number"] else 1.0
        unit = next(index for index in range(len(_UNITS)) if part[f"u{index}"])
        total += number * _UNITS[unit][0]
    return total if parts else None
