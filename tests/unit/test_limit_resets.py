"""When a limit resets, by what the CLI prints: every known form, its variations, and nonsense."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmauto.rules.limits import FIELDS, PLAUSIBLE, reset_of
from llmauto.rules.zones import zone_of

UTC = timezone.utc
NOW = datetime(2026, 7, 30, 10, 0, tzinfo=UTC)
"""A Thursday, 12:00 in Central Europe, 06:00 in Santiago."""

BERLIN = timezone(timedelta(hours=2))

needs_zones = pytest.mark.skipif(zone_of("Europe/Zurich") is None, reason="no time zone database here")


def at(day: int, hour: int, minute: int = 0, second: int = 0, *, month: int = 7) -> datetime:
    return datetime(2026, month, day, hour, minute, second, tzinfo=UTC)


# The forms that are known word for word

EXACT = [
    ("Claude AI usage limit reached|1785436800", at(30, 18, 40)),
    ("Claude AI usage limit reached|1785436800000", at(30, 18, 40)),
    ("Claude usage limit reached. Your limit will reset at 3pm (America/Santiago).", at(30, 19)),
    ("Claude usage limit reached. Your limit will reset \n     at 3pm (America/Santiago).", at(30, 19)),
    ("You've hit your limit · resets 1pm (Europe/Lisbon)", at(30, 12)),
    ("You've hit your session limit - resets 1:20pm (Europe/Zurich)", at(30, 11, 20)),
    ("You've hit your weekly limit · resets Aug 3, 7am (Europe/Zurich)", at(3, 5, month=8)),
    ("You've hit your limit · resets Aug 3 at 4pm (America/Recife)", at(3, 19, month=8)),
    ("You've hit your 5-hour limit · resets 11:05pm (UTC)", at(30, 23, 5)),
    (
        "You've hit your session limit · resets 5:40pm (Europe/Berlin)\n"
        "/login to switch to an API usage-billed account.",
        at(30, 15, 40),
    ),
    ("5-hour limit reached · resets 2pm (Pacific/Auckland) · /upgrade to Max 20x", at(31, 2)),
    ("You've hit your limit · resets 1pm (Etc/GMT+5) · progress saved", at(30, 18)),
    (
        "You've hit your usage limit. Upgrade to Pro (https://openai.com/chatgpt/pricing) or try again in "
        "2 days 17 hours 14 minutes.",
        at(2, 3, 14, month=8),
    ),
    ("ERROR: You've hit your usage limit. ... try again at 7:58 PM.", at(30, 17, 58)),
    ("You've hit your usage limit. Try again at Aug 20, 2026, 7:38 AM", at(20, 5, 38, month=8)),
    ("... or try again at Aug 5th, 2026 8:19 PM.", at(5, 18, 19, month=8)),
    ("You've hit your usage limit. Try again at 10 de ago. de 2026, 11:52.", at(10, 9, 52, month=8)),
    ('{"type":"usage_limit_reached","resets_at":1785436800,"resets_in_seconds":13872}', at(30, 18, 40)),
    ('{"type":"usage_limit_reached","resets_at":null,"resets_in_seconds":13872}', at(30, 13, 51, 12)),
    ('{"rate_limit_info":{"status":"rejected","resetsAt":1785436800}}', at(30, 18, 40)),
    ("Your quota will reset after 8h44m7s.", at(30, 18, 44, 7)),
    ("Your quota will reset after 53s.. Retrying after 6173ms...", at(30, 10, 0, 53)),
    ('429 RESOURCE_EXHAUSTED {"@type":"…RetryInfo","retryDelay":"35s"}', at(30, 10, 0, 35)),
    ('{\\"details\\":[{\\"@type\\":\\"…RetryInfo\\",\\"retryDelay\\":\\"3600s\\"}]}', at(30, 11)),
    ("retry_delay { seconds: 35 }", at(30, 10, 0, 35)),
    ('"metadata":{"quotaResetDelay":"2h0m0s","model":"x"}', at(30, 12)),
    (
        "You have reached your API usage limits. You will regain access on 2026-08-01 at 00:00 UTC.",
        at(1, 0, month=8),
    ),
    ("Rate limit reached on tokens per min. Please try again in 6m0s. Visit example.com", at(30, 10, 6)),
    ("Limits will reset at 2:30 PM. View your usage details.", at(30, 12, 30)),
]  # fmt: skip


@needs_zones
@pytest.mark.parametrize(("text", "moment"), EXACT)
def test_a_known_text_names_its_reset(text: str, moment: datetime) -> None:
    assert reset_of(text, now=NOW, local=BERLIN) == moment


@pytest.mark.parametrize("example", [field.example for field in FIELDS])
def test_each_machine_readable_field_is_read(example: str) -> None:
    now = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
    moment = reset_of(example, now=now)
    assert moment is not None
    assert now < moment < now + timedelta(days=1)


OTHER_FORMS = [
    ("Retry-After: 3600", at(30, 11)),
    ("retry-after: Sat, 01 Aug 2026 07:28:00 GMT", at(1, 7, 28, month=8)),
    ("retry-after-ms: 90000", at(30, 10, 1, 30)),
    ("Please retry after 30", at(30, 10, 0, 30)),
    ("try again in 3600s", at(30, 11)),
    ("Resets in 2 hours", at(30, 12)),
    ("resets in an hour", at(30, 11)),
    ("Please wait 5 minutes before you try again", at(30, 10, 5)),
    ("Resets in about 1 week, 2 days and 3 hrs", at(8, 13, month=8)),
    ("anthropic-ratelimit-unified-reset: 1785436800", at(30, 18, 40)),
    ("x-ratelimit-reset-requests: 6m0s", at(30, 10, 6)),
    ("resets 3 Aug 15:00", at(3, 13, month=8)),
    ("resets Aug 3", at(2, 22, month=8)),
    ("resets 2026-08-03T07:00:00Z", at(3, 7, month=8)),
    ("resets at 2026-08-03T07:00:00.123+02:00", at(3, 5, month=8)),
    ('"resetTime":"2026-08-03T07:00:00Z"', at(3, 7, month=8)),
    ("resets 8/20/26, 7:38 AM", at(20, 5, 38, month=8)),
    ("resets 20/8/2026 07:38", at(20, 5, 38, month=8)),
    ("resets 20.08.2026 07:38", at(20, 5, 38, month=8)),
    ("resets 6am tomorrow", at(31, 4)),
    ("resets tomorrow at 3pm (UTC)", at(31, 15)),
    ("resets Monday 3pm", at(3, 13, month=8)),
    ("resets Fri 8:59 AM", at(31, 6, 59)),
    ("resets Monday, Aug 10 at 3pm", at(10, 13, month=8)),
    ("(resets 14:03 on 30 Oct)", datetime(2026, 10, 30, 12, 3, tzinfo=UTC)),
    ("resets at midnight (UTC)", at(31, 0)),
    ("resets at noon UTC", at(30, 12)),
    ("resets 24:00", at(30, 22)),
    ("limited until 3pm CEST", at(30, 13)),
    ("resets 3 PM (GMT+2)", at(30, 13)),
    ("resets 15:00 (UTC+05:30)", at(30, 9, 30)),
    ("resets 3pm (local time)", at(30, 13)),
    ("resets 3pm (in 3 hours)", at(30, 13)),
]


@pytest.mark.parametrize(("text", "moment"), OTHER_FORMS)
def test_a_form_that_other_versions_may_print_is_read(text: str, moment: datetime) -> None:
    assert reset_of(text, now=NOW, local=BERLIN) == moment


LANGUAGES = [
    ("de", "Ihr Limit wird um 15:00 Uhr zurückgesetzt.", at(30, 13)),
    ("de", "Limit erreicht · setzt sich am 3. August um 7 Uhr zurück", at(3, 5, month=8)),
    ("de", "Versuchen Sie es in 2 Stunden und 10 Minuten erneut.", at(30, 12, 10)),
    ("de", "Wieder verfügbar am 3. Dez., 07:00 Uhr (MEZ)", datetime(2026, 12, 3, 6, 0, tzinfo=UTC)),
    ("fr", "Votre limite sera réinitialisée à 15h30.", at(30, 13, 30)),
    ("fr", "Réinitialisation le 3 août à 07:00", at(3, 5, month=8)),
    ("fr", "Réessayez dans 2 heures.", at(30, 12)),
    ("es", "Tu límite se restablecerá el 3 de agosto a las 3:00 p. m. (UTC)", at(3, 15, month=8)),
    ("es", "Inténtalo de nuevo en 2 horas y 5 minutos", at(30, 12, 5)),
    ("it", "Il limite si reimposterà il 3 agosto alle 15:00", at(3, 13, month=8)),
    ("it", "Riprova tra 45 minuti", at(30, 10, 45)),
    ("pt", "Seu limite será redefinido em 10 de ago. de 2026, 11:52. Para continuar", at(10, 9, 52, month=8)),
    ("pt", "Tente novamente em 3 dias", at(2, 10, month=8)),
    ("nl", "Je limiet wordt om 15:00 uur gereset", at(30, 13)),
    ("nl", "Probeer het opnieuw over 2 uur", at(30, 12)),
    ("nl", "Beschikbaar op 3 mrt. 2027 om 07:00", datetime(2027, 3, 3, 5, 0, tzinfo=UTC)),
    ("pl", "Limit zostanie zresetowany 3 sierpnia o 15:00", at(3, 13, month=8)),
    ("pl", "Spróbuj ponownie za 2 godziny", at(30, 12)),
    ("ru", "Лимит будет сброшен 3 августа в 15:00", at(3, 13, month=8)),
    ("ru", "Повторите через 2 часа 5 минут", at(30, 12, 5)),
    ("ja", "制限は午後3時にリセットされます", at(30, 13)),
    ("ja", "制限は8月3日 15:00にリセットされます", at(3, 13, month=8)),
    ("ja", "2時間14分後にリセットされます", at(30, 12, 14)),
    ("zh", "将于8月3日下午3:00重置", at(3, 13, month=8)),
    ("zh", "请在2小时14分钟后重试", at(30, 12, 14)),
    ("zh", "将于下午3点30分（北京时间）重置", at(31, 7, 30)),
    ("ko", "한도는 8월 3일 오후 3시에 초기화됩니다", at(3, 13, month=8)),
]  # fmt: skip


@pytest.mark.parametrize(("language", "text", "moment"), LANGUAGES)
def test_other_languages_are_read(language: str, text: str, moment: datetime) -> None:
    assert reset_of(text, now=NOW, local=BERLIN) == moment, language


# Variations: bullets x ways to write three in the afternoon x zones

BULLETS = [" · ", " ∙ ", " • ", " - ", " – ", " — ", "\n", ", ", ". "]
AFTERNOONS = ["3pm", "3 PM", "3:00pm", "3:00 p.m.", "3\u202fPM", "3\xa0p.\xa0m.", "15:00", "15:00:00", "3PM"]
ZONES = [
    ("(UTC)", 0.0),
    ("(GMT+2)", 2.0),
    ("(UTC+05:30)", 5.5),
    ("CET", 1.0),
    ("PDT", -7.0),
    ("(Etc/GMT+5)", -5.0),
]


@pytest.mark.parametrize("bullet", BULLETS)
@pytest.mark.parametrize("afternoon", AFTERNOONS)
@pytest.mark.parametrize(("zone", "hours"), ZONES)
def test_bullets_and_ways_to_write_a_time_make_no_difference(
    bullet: str, afternoon: str, zone: str, hours: float
) -> None:
    moment = reset_of(f"You’ve hit your session limit{bullet}resets {afternoon} {zone}", now=NOW)
    assert moment is not None
    assert (moment - NOW).total_seconds() % 86400 == (15 - hours - 10) * 3600 % 86400
    assert -timedelta(hours=2) <= moment - NOW < timedelta(hours=22)


@needs_zones
@pytest.mark.parametrize(
    "name", ["Europe/Zurich", "America/Santiago", "Asia/Kathmandu", "Australia/Lord_Howe"]
)
@pytest.mark.parametrize("lead", ["resets", "Your limit will reset at", "try again at", "Resets on"])
@pytest.mark.parametrize("when", ["Aug 3, 7:30am", "3 Aug 07:30", "August 3rd at 7.30am", "2026-08-03 07:30"])
def test_a_date_in_any_zone_is_that_local_time(name: str, lead: str, when: str) -> None:
    zone = zone_of(name)
    expected = datetime(2026, 8, 3, 7, 30, tzinfo=zone).astimezone(UTC)
    assert reset_of(f"Limit reached ∙ {lead} {when} ({name})", now=NOW) == expected


# What a time without a date, and a date without a year, means


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (at(30, 14, 59), at(30, 15)),
        (at(30, 15, 0), at(30, 15)),
        (at(30, 15, 1), at(30, 15)),
        (at(30, 17, 0), at(30, 15)),
        (at(30, 17, 1), at(31, 15)),
        (at(29, 23, 0), at(30, 15)),
    ],
)
def test_a_time_just_passed_is_past_and_one_longer_ago_is_tomorrow(now: datetime, expected: datetime) -> None:
    assert reset_of("resets 3pm (UTC)", now=now) == expected


def test_a_time_just_passed_over_midnight_is_yesterdays() -> None:
    assert reset_of("resets 11:30pm (UTC)", now=at(30, 0, 20)) == at(29, 23, 30)


def test_a_date_without_a_year_may_be_in_the_next_one() -> None:
    now = datetime(2026, 12, 31, 12, 0, tzinfo=UTC)
    assert reset_of("resets Jan 2, 7am (UTC)", now=now) == datetime(2027, 1, 2, 7, 0, tzinfo=UTC)


def test_a_date_that_has_passed_is_not_the_one_of_next_year() -> None:
    assert reset_of("resets Jul 29, 7am (UTC)", now=NOW) == at(29, 7)
    january = datetime(2027, 1, 2, 12, 0, tzinfo=UTC)
    assert reset_of("resets Dec 31, 7am (UTC)", now=january) == datetime(2026, 12, 31, 7, 0, tzinfo=UTC)


def test_a_weekday_without_a_time_is_here_when_it_has_begun() -> None:
    assert reset_of("resets Thursday", now=NOW) == at(30, 0)
    assert reset_of("resets Friday", now=NOW) == at(31, 0)


def test_without_a_zone_and_without_a_local_one_utc_is_meant() -> None:
    assert reset_of("resets 3pm", now=NOW) == at(30, 15)


@needs_zones
def test_a_time_that_summer_time_skips_is_not_early() -> None:
    now = datetime(2026, 3, 28, 22, 0, tzinfo=UTC)
    assert reset_of("resets 2:30am (Europe/Zurich)", now=now) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


@needs_zones
def test_a_time_that_comes_twice_is_the_second() -> None:
    now = datetime(2026, 10, 24, 22, 0, tzinfo=UTC)
    assert reset_of("resets 2:30am (Europe/Zurich)", now=now) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


@needs_zones
def test_the_offset_is_that_of_the_named_day() -> None:
    now = datetime(2026, 10, 20, 12, 0, tzinfo=UTC)
    assert reset_of("resets Oct 27, 7am (Europe/Zurich)", now=now) == datetime(2026, 10, 27, 6, 0, tzinfo=UTC)


# What names no reset


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Prompt is too long",
        "API Error: Rate limit reached",
        "Claude usage limit reached.",
        "You've hit your limit · resets soon",
        "Your limit resets every 5 hours.",
        "Please try again later.",
        "resets 3pm (Mars/Olympus)",
        "resets 3pm (Europe/Atlantis)",
        "resets 3pm (Europe/Zur",
        "resets 3pm (XYZT)",
        "resets 3pm XYZT",
        "resets Aug 3, 7am (W. Europe Standard Time)",
        "resets 99:99",
        "resets 13am",
        "resets 30 Feb 07:00",
        "resets 3/8/2026 07:00",
        "resets Jan 1, 9999, 7am (UTC)",
        "Claude AI usage limit reached|0",
        "Claude AI usage limit reached|9999999999999999",
        '{"resets_at":0}',
        '{"resets_at":-5}',
        '{"resets_at":1e300}',
        '{"resets_at":1e999}',
        '{"resets_at":253402300799}',
        '{"resets_at":3600}',
        '{"resets_in_seconds":-1}',
        '{"resets_in_seconds":1e300}',
        "try again in 999999999 days",
        "Background tasks still running after 600s; terminating.",
        "Session began at 10:15. Try again later.",
        '429 GenerateRequestsPerDayPerProject {"retryDelay":"35s"}',
    ],
)
def test_nothing_is_named(text: str) -> None:
    assert reset_of(text, now=NOW, local=BERLIN) is None


def test_a_field_that_is_absurd_leaves_the_word_to_the_others() -> None:
    assert reset_of('{"resets_at":0,"message":"try again in 2 hours"}', now=NOW) == at(30, 12)


def test_a_clock_time_needs_a_cue_beside_it() -> None:
    report = "Built at 10:15, tests ran until they passed. The limits page is done; next, the header at 3pm."
    assert reset_of("Fixed the 3pm bug", now=NOW) is None
    assert reset_of(report, now=NOW) is None


# Never an exception

_PIECES = """
    resets | reset at | try again | in | after | 3pm | 15:00 | 99:99 | 24:00 | Aug | Feb | 30 | 3 | 2026
    9999 | 0000 | , | · | . | ( | ) | (Europe/Zurich) | / | UTC | +14:00 | +99:99 | Z | hours | minutes
    2 days | 1e300 | -5 | "resets_at": | 1785436800 | 99999999999999999999 | Retry-After: | ratelimit-reset:
    retryDelay | s | { | } | " | Monday | tomorrow | 午後 | 時 | 月 | 日 | リセット | 後 | zurückgesetzt
    um | Uhr | 15h | a. m. | 12/31/26 | 1/2/26 | (../../etc/passwd) | (America) | (Etc/GMT+99) | ٣ | ²
    mañana | in 1e999 weeks | 31 | de | 29 Feb | 2027
"""
_ODD = ["|", "\\", "\n", "\x00", "\ud800", "\u202f", "\u200e"]
_TOKENS = st.sampled_from(
    [*(piece for row in _PIECES.split("\n") for piece in row.strip().split(" | ")), *_ODD]
)


@given(st.one_of(st.text(max_size=200), st.lists(_TOKENS, max_size=12).map(" ".join)))
@settings(max_examples=400, deadline=None)
def test_any_text_names_a_plausible_moment_or_none(text: str) -> None:
    moment = reset_of(text, now=NOW, local=BERLIN)
    if moment is not None:
        assert moment.utcoffset() == timedelta(0)
        assert abs(moment - NOW) <= PLAUSIBLE


@given(
    st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2090, 1, 1)),
    st.integers(min_value=0, max_value=23),
    st.integers(min_value=0, max_value=59),
    st.sampled_from([-11.0, -3.5, 0.0, 5.75, 14.0]),
)
@settings(max_examples=100, deadline=None)
def test_a_clock_time_is_at_most_two_hours_ago_and_less_than_a_day_away(
    moment: datetime, hour: int, minute: int, hours: float
) -> None:
    now = moment.replace(tzinfo=UTC)
    local = timezone(timedelta(hours=hours))
    reset = reset_of(f"resets {hour:02}:{minute:02}", now=now, local=local)
    assert reset is not None
    assert (reset.astimezone(local).hour, reset.astimezone(local).minute) == (hour, minute)
    assert timedelta(hours=-2) <= reset - now < timedelta(hours=22)


def test_of_a_long_text_the_beginning_and_the_end_are_looked_at() -> None:
    filler = "nothing to see " * 100_000
    assert reset_of(f"resets 3pm (UTC) {filler}", now=NOW) == at(30, 15)
    assert reset_of(f"{filler}\nresets 3pm (UTC)", now=NOW) == at(30, 15)
    assert reset_of(f"{filler} resets 3pm (UTC) {filler}", now=NOW) is None
