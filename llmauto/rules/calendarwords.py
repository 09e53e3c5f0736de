"""Which month or day does a word name, in the languages that CLIs speak?

Words are given in `folding.fold` form and lower case; the tables below may be written with accents.
"""

from __future__ import annotations

import re
from functools import cache

from llmauto.rules.folding import fold

_MONTHS = {
    "en": "january february march april may june july august september october november december",
    "de": "januar februar märz april mai juni juli august september oktober november dezember",
    "de-at": "jänner feber märz april mai juni juli august september oktober november dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "ru": "январь февраль март апрель май июнь июль август сентябрь октябрь ноябрь декабрь",
    "ru-of": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    "pl": "styczeń luty marzec kwiecień maj czerwiec lipiec sierpień wrzesień październik listopad grudzień",
    "pl-of": "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada "
    "grudnia",
}
_NOT_PREFIXES = {"mrt": 3, "mrz": 3, "sept": 9}
"""Short forms that are no beginning of the month's name, or that several names share."""

_WEEKDAYS = {
    "en": "monday tuesday wednesday thursday friday saturday sunday",
    "en-short": "mon tue wed thu fri sat sun",
    "en-longer": "mon tues weds thurs fri sat sun",
    "de": "montag dienstag mittwoch donnerstag freitag samstag sonntag",
    "fr": "lundi mardi mercredi jeudi vendredi samedi dimanche",
    "es": "lunes martes miércoles jueves viernes sábado domingo",
    "it": "lunedì martedì mercoledì giovedì venerdì sabato domenica",
    "pt": "segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo",
    "nl": "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag",
    "ru": "понедельник вторник среда четверг пятница суббота воскресенье",
    "ru-on": "понедельник вторник среду четверг пятницу субботу воскресенье",
    "pl": "poniedziałek wtorek środa czwartek piątek sobota niedziela",
    "pl-on": "poniedziałek wtorek środę czwartek piątek sobotę niedzielę",
    "ja": "月曜日 火曜日 水曜日 木曜日 金曜日 土曜日 日曜日",
    "zh": "星期一 星期二 星期三 星期四 星期五 星期六 星期日",
    "zh-short": "周一 周二 周三 周四 周五 周六 周日",
}
_TODAY = "today heute aujourd'hui hoy oggi hoje vandaag сегодня dziś dzisiaj 今日 今天 오늘"
_TOMORROW = "tomorrow morgen demain mañana domani amanhã завтра jutro 明日 明天 내일"

_CLOCK_WORDS = {
    0: "midnight mitternacht minuit medianoche mezzanotte meia-noite middernacht полночь północ",
    12: "noon midday mittag midi mediodía mezzogiorno meio-dia полдень południe",
}
_SHORTEST = 3
"""Letters that a short form of a month has at least."""


@cache
def month_names() -> dict[str, int]:
    """Every name, and every beginning of one that means a single month, with its number 1 to 12."""
    meant: dict[str, set[int]] = {}
    for names in _MONTHS.values():
        for number, name in enumerate(fold(names).split(), start=1):
            for length in range(_SHORTEST, len(name) + 1):
                meant.setdefault(name[:length], set()).add(number)
    clear = {name: numbers.pop() for name, numbers in meant.items() if len(numbers) == 1}
    return clear | _NOT_PREFIXES


@cache
def day_names() -> dict[str, int]:
    """Weekdays (0 = Monday) in every language of the table."""
    return {name: number for names in _WEEKDAYS.values() for number, name in enumerate(fold(names).split())}


@cache
def days_ahead() -> dict[str, int]:
    """Words for a day that is counted from today: 0 = today, 1 = tomorrow."""
    return {
        **dict.fromkeys(fold(_TODAY).split(), 0),
        **dict.fromkeys(fold(_TOMORROW).split(), 1),
    }


@cache
def clock_words() -> dict[str, int]:
    """Words for an hour of the day."""
    return {word: hour for hour, words in _CLOCK_WORDS.items() for word in fold(words).split()}


def any_of(words: dict[str, int]) -> re.Pattern[str]:
    """A pattern whose group `word` is one of `words`, the longest first; Latin ones as whole words."""
    longest_first = sorted(words, key=len, reverse=True)
    whole = "|".join(re.escape(word) for word in longest_first if word[0] < "\u2e80")
    inside = "|".join(re.escape(word) for word in longest_first if word[0] >= "\u2e80") or "(?!)"
    return re.compile(rf"(?P<word>(?<!\w)(?:{whole})(?!\w)|(?:{inside}))", re.IGNORECASE)
