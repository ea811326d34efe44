"""Quantities as people write them: "3 months", "40 mg/day", "2026-03-02".

Durations become days (week 7, month 30.4375, year 365.25: all exact in binary), doses become
milligrams a day. Nothing is guessed: a number without its unit is an error that says so.
"""

from __future__ import annotations

import re
from datetime import date, datetime

DAYS = {"day": 1.0, "week": 7.0, "month": 30.4375, "year": 365.25}
LONGEST_DAYS = 120 * DAYS["year"]
HIGHEST_MG_PER_DAY = 100_000.0

_UNIT_NAMES = {
    **{name: unit for unit in DAYS for name in (unit, unit + "s")},
    **{"d": "day", "wk": "week", "wks": "week", "mo": "month", "mos": "month", "yr": "year", "yrs": "year"},
}
# The two micro signs, U+00B5 and U+03BC, look the same and are both on keyboards.
_MICRO = ("mcg", "ug", "\u00b5g", "\u03bcg", "microgram", "micrograms")
MG = {"mg": 1.0, "g": 1000.0, **dict.fromkeys(_MICRO, 0.001)}
_TIMES = {"twice": 2, "two times": 2, "three times": 3, "four times": 4, "five times": 5, "six times": 6}
_DAILY = ("day", "d", "24h", "24 h", "24 hours")

_LONGEST_TEXT = 100
# [0-9] and not \d: digits of other scripts look like something else to whoever checks the file.
_DIGITS = r"[0-9]{1,40}(?:\.[0-9]{1,40})?"
_NUMBER = re.compile(rf"[-+]?(?:{_DIGITS}|\.[0-9]{{1,40}})(?:e[-+]?[0-9]{{1,4}})?")
_NEGATIVE = re.compile(r"[-\u2212\u2013]\s*[0-9.]")
_PART = re.compile(rf"\s*({_DIGITS})(\s*)([^\W\d_]*)")
_DOSE = re.compile(rf"({_DIGITS})\s*([a-z\u00b5\u03bc]+)\b\s*(.*)")
# 6.000 is six where the point is decimal, and six thousand where it marks the thousands.
_THOUSANDS = re.compile(r"(?!0+\.)[0-9]{1,3}\.[0-9]{3}")
_PER_HOUR = re.compile(r"(?:/|per |an? |every |each ) ?(?:h|hr|hour)")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SPACES = re.compile(r"\s+")
_DURATION_HELP = 'write a number and its unit, such as "3 months", "10 weeks" or "1 year 2 months"'
_DOSE_HELP = 'write amount, unit and how often, such as "40 mg/day", "600 mg three times a day", "25 mcg/hour"'
_PATCH_HELP = "write the strength as on the box, such as 25 mcg/hour"


class UnitError(ValueError):
    """A quantity that cannot be read: `kind` is a Problem kind, `help` says what to write."""

    def __init__(self, kind: str, message: str, help: str) -> None:
        super().__init__(message)
        self.kind, self.message, self.help = kind, message, help


def parse_duration(text: object) -> float:
    """Days meant by "3 months", "10 weeks" or "1 year 2 months".

    Errors:  UnitError (wrong-type, missing-unit, wrong-unit, out-of-range).

    >>> parse_duration("10 weeks")
    70.0
    """
    plain = _plain(text, "a duration", _DURATION_HELP)
    if len(plain) > _LONGEST_TEXT:
        raise UnitError("wrong-unit", f"{show(text)} is not a duration", _DURATION_HELP)
    days: dict[str, float] = {}
    rest = plain.replace(" and ", " ").replace(", ", " ")
    while rest:
        match = _PART.match(rest)
        if match is None:
            raise UnitError("wrong-unit", f"{show(text)} is not a duration", _DURATION_HELP)
        number, _, name = match.groups()
        if not name and not rest[match.end() :].strip():
            raise UnitError("missing-unit", f"{show(text)}: {number} has no unit", _DURATION_HELP)
        unit = _UNIT_NAMES.get(name)
        if unit is None:
            said = f"{show(name)} is not a unit of time" if name else f"{show(text)} is not a duration"
            raise UnitError("wrong-unit", said, _DURATION_HELP)
        if unit in days:
            raise UnitError("wrong-unit", f"{show(text)} gives its {unit}s twice", _DURATION_HELP)
        days[unit] = _times(number, round(DAYS[unit] * 16), 16)
        rest = rest[match.end() :].strip()
    total = sum(days.values())
    if total > LONGEST_DAYS:
        raise UnitError("out-of-range", f"{show(text)} is longer than a life", "durations go up to 120 years")
    return total


def show_duration(days: float) -> str:
    """The duration in its largest whole unit; `parse_duration` gives the same days back.

    >>> show_duration(70.0), show_duration(91.3125), show_duration(92.0)
    ('10 weeks', '3 months', '92 days')
    """
    for unit in ("year", "month", "week"):
        count = int(days / DAYS[unit])
        if count >= 1 and count * DAYS[unit] == days:
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{_decimal(days)} day{'' if days == 1 else 's'}"


def parse_dose(text: object) -> float:
    """Milligrams a day meant by "40 mg/day", "600 mg three times a day" or "1.8 g daily".

    Errors:  UnitError (wrong-type, missing-unit, wrong-unit, out-of-range).

    >>> parse_dose("600 mg three times a day")
    1800.0
    """
    plain = _plain(text, "a daily dose", _DOSE_HELP)
    match = _DOSE.fullmatch(plain) if len(plain) <= _LONGEST_TEXT else None
    if match is None:
        raise UnitError("wrong-unit", f"{show(text)} is not a daily dose", _DOSE_HELP)
    amount, unit, rest = match.groups()
    if _THOUSANDS.fullmatch(amount):
        fewer, thousands = amount.rstrip("0").removesuffix("."), amount.replace(".", "")
        help = f"write {fewer} or {thousands}" if amount.endswith("0") else f"write {amount}0, or {thousands}"
        raise UnitError("wrong-unit", f"{show(text)}: the point in {amount} may be decimal, or mark thousands", help)
    if unit not in MG:
        raise UnitError("wrong-unit", f"{show(unit)} is not a unit of dose", _DOSE_HELP)
    if not rest:
        raise UnitError("missing-unit", f"{show(text)} does not say how often", _DOSE_HELP)
    times = _times_a_day(rest)
    if times is None:
        raise UnitError("wrong-unit", f"{show(text)}: how often is not understood: {show(rest)}", _DOSE_HELP)
    dose = _times(amount, round(MG[unit] * 1000) * times[0], 1000 * times[1])
    if dose > HIGHEST_MG_PER_DAY:
        most = f"doses go up to {HIGHEST_MG_PER_DAY / 1000:g} g/day; check the unit"
        raise UnitError("out-of-range", f"{show(text)} is more than anyone takes in a day", most)
    return dose


def parse_patch_dose(text: object) -> float:
    """Milligrams a day meant by the strength of a patch, which is told per hour, as in "25 mcg/hour".

    What a patch holds, or how often it is changed, says little of what it gives in a day.

    Errors:  UnitError (wrong-type, missing-unit, wrong-unit, out-of-range).

    >>> parse_patch_dose("25 mcg/hour")
    0.6
    """
    dose = parse_dose(text)
    match = _DOSE.fullmatch(_plain(text, "a daily dose", _DOSE_HELP))
    if match is None or not _PER_HOUR.fullmatch(match[3]):
        raise UnitError("wrong-unit", f"{show(text)} is not what a patch gives in an hour", _PATCH_HELP)
    return dose


def _plain(text: object, what: str, wanted: str) -> str:
    """The text in lower case with single spaces; numbers alone and negative amounts are told apart here."""
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise UnitError("wrong-type", f"{what} was expected, not {describe(text)}", wanted)
    plain = _SPACES.sub(" ", str(text).strip().lower())
    if not isinstance(text, str) or _NUMBER.fullmatch(plain):
        raise UnitError("missing-unit", f"{plain[:60]} has no unit", wanted)
    if _NEGATIVE.match(plain):
        raise UnitError("out-of-range", f"{show(text)} is less than nothing", wanted)
    if not plain:
        raise UnitError("wrong-type", f"{what} was expected, not an empty text", wanted)
    return plain


def _times(number: str, over: int, under: int) -> float:
    """The number times a fraction, rounded once, so that 1.8 g and 1800 mg come to the very same float."""
    whole, _, part = number.partition(".")
    return float(int(whole + part) * over / (under * 10 ** len(part)))


def _times_a_day(text: str) -> tuple[int, int] | None:
    """How often, as a number of times in a number of days; None for what is not understood."""
    if text in ("daily", "once daily", "once a day", "every day", "each day", "per day", "a day"):
        return 1, 1
    if text in ("weekly", "once weekly", "once a week", "every week", "per week", "a week"):
        return 1, 7
    if match := re.fullmatch(r"(?:/|per |an? |every |each ) ?(day|d|24 ?h|24 hours|week|wk)", text):
        return (1, 1) if match[1] in _DAILY else (1, 7)
    if _PER_HOUR.fullmatch(text):
        return 24, 1
    if match := re.fullmatch(r"(?:every |q) ?([1-9][0-9]?) ?(?:h|hours?)", text):
        return 24, int(match[1])
    if match := re.fullmatch(
        # "x 14 day" may mean for fourteen days, so that the day needs its "a" or "per".
        r"(?:x ?([1-9][0-9]?)|([1-9][0-9]?) ?(?:x|times)) ?(?:daily|(?:/ ?|an? |per |every )(?:day|d))",
        text,
    ):
        return int(match[1] or match[2]), 1
    for words, times in _TIMES.items():
        if text in (f"{words} daily", f"{words} a day", f"{words} per day", f"{words} every day"):
            return times, 1
    return None


def show_dose(mg_per_day: float) -> str:
    """The dose in milligrams a day, or a week where only that is short; `parse_dose` gives it back.

    >>> show_dose(1800.0), show_dose(10 / 7)
    ('1800 mg/day', '10 mg/week')
    """
    a_day, a_week = _unmistakable(mg_per_day), _unmistakable(round(mg_per_day * 7, 6))
    if len(a_week) + 3 < len(a_day) and _times(a_week, 1, 7) == mg_per_day:
        return f"{a_week} mg/week"
    return f"{a_day} mg/day"


def show_patch_dose(mg_per_day: float) -> str:
    """The dose of a patch as its box tells it.

    >>> show_patch_dose(0.6)
    '25 mcg/hour'
    """
    return f"{_decimal(round(mg_per_day * 1000 / 24, 9))} mcg/hour"


def _unmistakable(amount: float) -> str:
    """The shortest decimal whose point cannot be taken for one that marks thousands."""
    text = _decimal(amount)
    return f"{text}0" if _THOUSANDS.fullmatch(text) else text


def _decimal(number: float) -> str:
    """The shortest decimal that reads back as the number, without an exponent."""
    text = f"{number:.15g}"
    text = text if float(text) == number else repr(number)
    if "e" not in text:
        return text.removesuffix(".0")
    from decimal import Decimal

    return f"{Decimal(text):f}"


def parse_date(text: object) -> date:
    """The whole day meant by "2026-03-02".

    Errors:  UnitError (bad-date, wrong-type): part dates such as "2026-03" are refused, never rounded.

    >>> parse_date("2026-03-02")
    datetime.date(2026, 3, 2)
    """
    wanted = "write the whole day as year-month-day, such as 2026-03-02, or give a duration instead"
    if isinstance(text, date) and not isinstance(text, datetime):
        return text
    if isinstance(text, str) and _DATE.fullmatch(text.strip()):
        try:
            return date.fromisoformat(text.strip())
        except ValueError:
            raise UnitError("bad-date", f"{text.strip()} is not a day of the calendar", wanted) from None
    if isinstance(text, str | int | float) and not isinstance(text, bool):
        raise UnitError("bad-date", f"{show(text)} is not a whole day", wanted)
    raise UnitError("wrong-type", f"a day was expected, not {describe(text)}", wanted)


def show(value: object) -> str:
    """A value quoted for an error message, cut to 60 characters."""
    text = str(value)
    return f'"{text[:60]}…"' if len(text) > 60 else f'"{text}"'  # noqa: PLR2004  as the docstring says


def describe(value: object) -> str:
    """What kind of thing a value is, in plain words."""
    if isinstance(value, str) and not value.strip():
        return "an empty text"
    names = {
        type(None): "nothing",
        bool: "yes or no",
        int: "a number",
        float: "a number",
        str: "text",
        list: "a list",
        dict: "a group of fields",
    }
    return names.get(type(value), type(value).__name__)
