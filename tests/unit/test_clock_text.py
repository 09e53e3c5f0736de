"""Zones, durations, calendar words and the spelling that the readers of limits share."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmauto.rules.calendarwords import day_names, month_names
from llmauto.rules.clocktext import moment_of
from llmauto.rules.durations import seconds_in
from llmauto.rules.folding import folded, folded_line
from llmauto.rules.zones import zone_of

NOW = datetime(2026, 7, 30, 10, 0, tzinfo=timezone.utc)


@pytest.fixture
def no_zone_database() -> Iterator[None]:
    kept = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(to=[])
    zoneinfo.ZoneInfo.clear_cache()
    yield
    zoneinfo.reset_tzpath(to=kept)
    zoneinfo.ZoneInfo.clear_cache()


@pytest.mark.parametrize(
    ("name", "hours"),
    [
        ("UTC", 0),
        ("utc", 0),
        ("Z", 0),
        ("GMT", 0),
        ("Etc/UTC", 0),
        ("UTC+2", 2),
        ("GMT-3", -3),
        ("UTC+05:30", 5.5),
        ("+0200", 2),
        ("-11", -11),
        ("Etc/GMT+5", -5),
        ("Etc/GMT-14", 14),
        ("CEST", 2),
        ("PST", -8),
        ("pdt", -7),
        ("EDT", -4),
        ("JST", 9),
        ("Pacific Daylight Time", -7),
        ("北京时间", 8),
    ],
)
def test_offsets_and_abbreviations_need_no_database(no_zone_database: None, name: str, hours: float) -> None:
    zone = zone_of(name)
    assert zone is not None
    assert zone.utcoffset(NOW.replace(tzinfo=None)) == timedelta(hours=hours)


def test_a_place_is_not_known_without_a_database(no_zone_database: None) -> None:
    try:
        zoneinfo.ZoneInfo("Europe/Zurich")
    except zoneinfo.ZoneInfoNotFoundError:
        assert zone_of("Europe/Zurich") is None
        assert zone_of("PT") is None
        assert moment_of("3pm (Europe/Zurich)", now=NOW) is None
    else:
        pytest.skip("the tzdata package is installed")


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "Mars/Olympus",
        "America",
        "../../etc/passwd",
        "/etc/localtime",
        "localtime",
        "Europe/Zurich\x00",
        "UTC+99",
        "UTC+2:75",
        "Etc/GMT+99",
        "a" * 300,
        "zone.tab",
        "\ud800",
        "W. Europe Standard Time",
    ],
)
def test_what_is_no_zone_is_none(name: str) -> None:
    assert zone_of(name) is None


@pytest.mark.skipif(zone_of("Europe/Zurich") is None, reason="no time zone database here")
@pytest.mark.parametrize("name", ["europe/zurich", "EUROPE/ZURICH", "America/New York", "ET", "Eastern Time"])
def test_places_are_found_in_other_spellings(name: str) -> None:
    assert zone_of(name) is not None


@given(st.text(max_size=40))
@settings(max_examples=150, deadline=None)
def test_no_name_of_a_zone_raises(name: str) -> None:
    zone_of(name)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2 days 17 hours 14 minutes", 234840),
        ("8h44m7s", 31447),
        ("6m0s", 360),
        ("1.471s", 1.471),
        ("350ms", 0.35),
        ("1 hour and 5 minutes", 3900),
        ("an hour", 3600),
        ("2 Stunden und 1 Minute", 7260),
        ("eine Stunde", 3600),
        ("2 heures et 5 minutes", 7500),
        ("1,5 horas", 5400),
        ("3 giorni", 259200),
        ("2 uur", 7200),
        ("2 часа 5 минут", 7500),
        ("2 godziny", 7200),
        ("2時間14分", 8040),
        ("2小时14分钟", 8040),
        ("3일", 259200),
        ("1 week", 604800),
    ],
)
def test_a_duration_is_the_sum_of_its_parts(text: str, seconds: float) -> None:
    assert seconds_in(folded_line(text)) == pytest.approx(seconds)


def test_what_is_no_duration_is_none() -> None:
    assert seconds_in("3pm on 10 Dec") is None


def test_months_have_their_names_and_clear_short_forms() -> None:
    months = month_names()
    for names in ("jan january januar janvier enero gennaio janeiro stycznia января", "ene gen sty янв"):
        assert {months[name] for name in names.split()} == {1}
    assert {months[name] for name in ("mar", "mrt", "marz", "mars", "marca")} == {3}
    assert {months[name] for name in ("dec", "dez", "dic", "grudnia", "декабря")} == {12}
    assert "jui" not in months, "juin and juillet begin so"
    assert set(months.values()) == set(range(1, 13))


def test_weekdays_begin_with_monday() -> None:
    days = day_names()
    assert days["monday"] == days["montag"] == days["lunedi"] == days["月曜日"] == 0
    assert days["sun"] == days["dimanche"] == days["周日"] == 6


def test_look_alikes_are_spelt_alike() -> None:
    assert folded_line("\x1b[31mYou’ve\x1b[0m hit your limit ∙ resets\u202f3\xa0PM") == (
        "You've hit your limit · resets 3 PM"
    )
    assert folded("│ Réessayez  à １５：００ │\n│\n│ — là │") == "Reessayez a 15:00\n- la"
