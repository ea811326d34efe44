from datetime import date, datetime

import pytest

from pathway.units import (
    UnitError,
    describe,
    parse_date,
    parse_dose,
    parse_duration,
    parse_patch_dose,
    show,
    show_dose,
    show_duration,
)


def refused(parse, text):
    with pytest.raises(UnitError) as caught:
        parse(text)
    assert caught.value.help
    return caught.value.kind


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("0 days", 0),
        ("1 day", 1),
        ("10 weeks", 70),
        ("3 months", 91.3125),
        ("1 year", 365.25),
        ("1 year 2 months", 426.125),
        ("1 year, 2 months and 3 days", 429.125),
        ("2 Months", 60.875),
        (" 3\u00a0months ", 91.3125),
        ("3months", 91.3125),
        ("0.1 weeks", 0.7),
        ("2 yrs", 730.5),
        ("6 wks", 42),
        ("120 years", 43830),
    ],
)
def test_a_duration_is_read_into_exact_days(text, days):
    assert parse_duration(text) == days


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("3 moths", "wrong-unit"),
        ("a while", "wrong-unit"),
        ("3-4 months", "wrong-unit"),
        ("3.5.2 weeks", "wrong-unit"),
        ("1,5 months", "wrong-unit"),
        ("1,000 days", "wrong-unit"),
        ("3 months 3 months", "wrong-unit"),
        ("3 months and", "wrong-unit"),
        ("50%", "wrong-unit"),
        ("١٢ weeks", "wrong-unit"),
        ("² weeks", "wrong-unit"),
        ("5 m", "wrong-unit"),
        ("1e400 weeks", "wrong-unit"),
        ("x" * 10_000, "wrong-unit"),
        ("7", "missing-unit"),
        (7, "missing-unit"),
        (-7.5, "missing-unit"),
        (float("nan"), "missing-unit"),
        ("1e400", "missing-unit"),
        ("3 months 2", "missing-unit"),
        ("-3 months", "out-of-range"),
        ("−3 months", "out-of-range"),
        ("120.1 years", "out-of-range"),
        ("100000000000000 weeks", "out-of-range"),
        ("", "wrong-type"),
        ("  ", "wrong-type"),
        (True, "wrong-type"),
        (None, "wrong-type"),
        ([], "wrong-type"),
        ({"months": 3}, "wrong-type"),
    ],
)
def test_what_is_no_duration_is_refused_and_never_guessed(text, kind):
    assert refused(parse_duration, text) == kind


@pytest.mark.parametrize(
    ("text", "mg_per_day"),
    [
        ("40 mg/day", 40),
        ("40 MG / Day", 40),
        ("40 mg/d", 40),
        ("40 mg per day", 40),
        ("1.8 g daily", 1800),
        ("1.0010 g daily", 1001),
        ("0.125 mg/day", 0.125),
        ("1234.567 mg/day", 1234.567),
        ("600 mg three times a day", 1800),
        ("600 mg 3 times a day", 1800),
        ("600 mg 3x daily", 1800),
        ("600 mg x3/day", 1800),
        ("600 mg x 3 daily", 1800),
        ("20 mg twice daily", 40),
        ("25 mcg/hour", 0.6),
        ("25 \u00b5g/h", 0.6),
        ("25 mcg/hr", 0.6),
        ("25 \u03bcg/h", 0.6),
        ("40 mg every 8 hours", 120),
        ("40 mg q8h", 120),
        ("10 mg/week", 10 / 7),
        ("0 mg/day", 0),
    ],
)
def test_a_dose_is_read_into_milligrams_a_day(text, mg_per_day):
    assert parse_dose(text) == mg_per_day


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("40 mg", "missing-unit"),
        ("40", "missing-unit"),
        (40, "missing-unit"),
        ("40 ml/day", "wrong-unit"),
        ("40 mg once", "wrong-unit"),
        ("40 mg twice", "wrong-unit"),
        ("40 mg h", "wrong-unit"),
        ("40 mg//day", "wrong-unit"),
        ("40 mg when needed", "wrong-unit"),
        ("40 mg every 0 h", "wrong-unit"),
        ("40 mg 0 times a day", "wrong-unit"),
        ("40 mg/٣ h", "wrong-unit"),
        ("40%", "wrong-unit"),
        ("20-40 mg/day", "wrong-unit"),
        ("6.000 mg/day", "wrong-unit"),
        ("1.500 mg", "wrong-unit"),
        ("10.000 mcg/day", "wrong-unit"),
        ("5 mg x 14 day", "wrong-unit"),
        ("500 mg x 9 d", "wrong-unit"),
        ("5 mg 3 times day", "wrong-unit"),
        ("-4 mg/day", "out-of-range"),
        ("600 g/day", "out-of-range"),
        ("9" * 40 + " mg/day", "out-of-range"),
        (None, "wrong-type"),
        ([40], "wrong-type"),
    ],
)
def test_what_is_no_daily_dose_is_refused_and_never_guessed(text, kind):
    assert refused(parse_dose, text) == kind


def test_a_point_that_may_mark_thousands_is_refused_with_both_of_its_meanings():
    said = []
    for text in ("6.000 mg/day", "10.500 mg/day", "1.125 mg/day"):
        with pytest.raises(UnitError) as caught:
            parse_dose(text)
        said.append(caught.value.help)
    assert said == ["write 6 or 6000", "write 10.5 or 10500", "write 1.1250, or 1125"]


def test_the_strength_of_a_patch_is_told_per_hour():
    for text in ("25 mcg/hour", "25 mcg/h", "25 mcg/hr", "25 mcg per hour", "25 mcg every hour"):
        assert parse_patch_dose(text) == 0.6
    for text in ("100 mcg every 72 hours", "25 mcg/day", "25 mcg x24 daily", "25 mcg every 1 hour"):
        assert refused(parse_patch_dose, text) == "wrong-unit"
    assert [refused(parse_patch_dose, value) for value in ("25 mcg", "-2 mcg/h", None)] == [
        "missing-unit", "out-of-range", "wrong-type",
    ]  # fmt: skip


def test_a_duration_is_shown_in_its_largest_whole_unit():
    shown = [show_duration(days) for days in (0, 1, 2, 7, 70, 91.3125, 92, 365.25, 426.125, 0.7, 98.3125)]
    assert shown == [
        "0 days", "1 day", "2 days", "1 week", "10 weeks", "3 months", "92 days", "1 year", "14 months",
        "0.7 days", "98.3125 days",
    ]  # fmt: skip


def test_a_dose_is_shown_in_milligrams_without_an_exponent():
    assert [show_dose(dose) for dose in (1800.0, 1.125, 0.6, 10 / 7, 0.0000001)] == [
        "1800 mg/day",
        "1.1250 mg/day",
        "0.6 mg/day",
        "10 mg/week",
        "0.0000001 mg/day",
    ]


def test_a_whole_day_is_read():
    assert parse_date(" 2026-03-02 ") == date(2026, 3, 2)
    assert parse_date("2024-02-29") == date(2024, 2, 29)
    assert parse_date(date(2026, 3, 2)) == date(2026, 3, 2)


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30",
        "2025-02-29",
        "2026-13-01",
        "2026-03",
        "03/02/2026",
        "2026-3-2",
        "20260302",
        "0000-01-01",
        "٢٠٢٦-٠٣-٠٢",
    ],
)
def test_what_is_no_whole_day_is_refused_and_never_rounded(text):
    assert refused(parse_date, text) == "bad-date"


def test_what_is_no_text_is_no_day():
    assert refused(parse_date, 20260302) == "bad-date"
    assert [refused(parse_date, value) for value in (None, True, [2026], datetime(2026, 3, 2))] == ["wrong-type"] * 4


def test_a_value_is_shown_short_and_described_plainly():
    assert show("x" * 61) == f'"{"x" * 60}…"'
    values: list[object] = [None, True, 1, 1.5, "a", " ", [], {}]
    assert [describe(value) for value in values] == [
        "nothing", "yes or no", "a number", "a number", "text", "an empty text", "a list", "a group of fields",
    ]  # fmt: skip
