"""Which time zone does a name mean? An IANA name, an offset, or a well-known abbreviation.

Offsets and abbreviations work without a time zone database; IANA names need the system's (Windows has
none unless `tzdata` is installed), and a name that cannot be looked up is None, never an error.
"""

from __future__ import annotations

import re
from datetime import timedelta, timezone, tzinfo
from functools import cache

_IANA = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,2}")
_OFFSET = re.compile(
    r"(?:UTC|GMT|Z)?\s?(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>\d{2}))?", re.IGNORECASE
)
_ETC = re.compile(r"Etc/GMT(?P<sign>[+-])(?P<hours>\d{1,2})", re.IGNORECASE)
_MAX_NAME = 64
_MAX_OFFSET_H = 14
"""The widest offset in use: UTC+14, Kiribati."""

_NAMES_BY_HOURS: tuple[tuple[float, str], ...] = (
    (-10, "HST"),
    (-9, "AKST"),
    (-8, "PST, AKDT, Pacific Standard Time"),
    (-7, "PDT, MST, Pacific Daylight Time, Mountain Standard Time"),
    (-6, "MDT, CST, Mountain Daylight Time, Central Standard Time"),
    (-5, "CDT, EST, COT, PET, Central Daylight Time, Eastern Standard Time"),
    (-4, "EDT, AST, CLT, Eastern Daylight Time"),
    (-3.5, "NST"),
    (-3, "ADT, ART, BRT, CLST"),
    (-2.5, "NDT"),
    (0, "UTC, GMT, Z, UCT, Zulu, WET, Universal, Etc/UTC, Etc/GMT, Etc/UCT"),
    (0, "Coordinated Universal Time, Greenwich Mean Time"),
    (1, "CET, MEZ, BST, WEST, WAT"),
    (1, "Central European Time, Central European Standard Time, British Summer Time"),
    (2, "CEST, MESZ, EET, SAST, CAT, Central European Summer Time"),
    (3, "EEST, MSK, МСК, TRT, EAT"),
    (4, "GST"),
    (5, "PKT"),
    (5.5, "IST"),
    (5.75, "NPT"),
    (7, "WIB, ICT"),
    (8, "SGT, HKT, PHT, MYT, AWST, WITA, 北京时间, 北京時間"),
    (9, "JST, KST, WIT, 日本時間"),
    (9.5, "ACST"),
    (10, "AEST"),
    (10.5, "ACDT"),
    (11, "AEDT"),
    (12, "NZST"),
    (13, "NZDT"),
)
"""Hours east of UTC. Where letters are shared (CST, IST, BST), the meaning that most users have."""

_PLACES = {
    **dict.fromkeys(("PT", "PACIFIC TIME", "PACIFIC"), "America/Los_Angeles"),
    **dict.fromkeys(("MT", "MOUNTAIN TIME"), "America/Denver"),
    **dict.fromkeys(("CT", "CENTRAL TIME"), "America/Chicago"),
    **dict.fromkeys(("ET", "EASTERN TIME"), "America/New_York"),
}
"""Names whose offset depends on the season."""


def zone_of(name: str) -> tzinfo | None:
    """The zone that `name` means; None where it means none that is known here."""
    name = " ".join(name[: 2 * _MAX_NAME].split())
    upper = name.upper()
    if (hours := _hours_by_name().get(upper)) is not None:
        return timezone(timedelta(hours=hours))
    if (offset := _OFFSET.fullmatch(name)) is not None:
        return _shifted(offset["sign"], offset["hours"], offset["minutes"] or "0")
    if (posix := _ETC.fullmatch(name)) is not None:
        # POSIX counts hours west of Greenwich: `Etc/GMT+5` is UTC-5.
        return _shifted("+" if posix["sign"] == "-" else "-", posix["hours"], "0")
    return _looked_up(_PLACES.get(upper, name.replace(" ", "_")))


@cache
def _hours_by_name() -> dict[str, float]:
    return {name.upper(): hours for hours, names in _NAMES_BY_HOURS for name in names.split(", ")}


def _shifted(sign: str, hours: str, minutes: str) -> tzinfo | None:
    if int(minutes) >= 60 or int(hours) > _MAX_OFFSET_H:
        return None
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(-offset if sign == "-" else offset)


def _looked_up(name: str) -> tzinfo | None:
    if len(name) > _MAX_NAME or _IANA.fullmatch(name) is None or name == "localtime":
        return None
    import zoneinfo  # reads files: only for names that are neither offsets nor abbreviations

    # Files of the database are named in title case; some texts are not.
    for spelling in dict.fromkeys((name, name.title())):
        try:
            return zoneinfo.ZoneInfo(spelling)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            continue  # OSError: the name is a folder of the database, such as `America`
    return None
