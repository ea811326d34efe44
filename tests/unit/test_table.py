"""The table: which columns there are, how a case becomes a row, and a row a case."""

from typing import Any

import pytest

from pathway.api import load_rules, read
from pathway.profile import fields
from pathway.table import MOST_SLOTS, Table


@pytest.fixture(scope="module")
def table() -> Table:
    return Table(load_rules().base)


def row(table: Table, data: dict) -> dict:
    return table.row_of(read(data).subject)


def test_every_field_of_the_profile_but_dates_has_a_column(table: Table):
    paths = {column.path for column in table.columns.values()}
    assert paths == {path for path, kind in fields().items() if kind.kind not in ("date", "text")}


def test_a_time_and_a_dose_have_their_unit_in_the_name(table: Table):
    units = {"days": "_days", "mg/day": "_mg_per_day"}
    for column in table.columns.values():
        assert column.name.endswith(units.get(column.unit, ""))


def test_a_number_knows_its_range(table: Table):
    for column in table.columns.values():
        assert (column.most > 0) == (column.kind == "number"), column.name


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("trials.massage.2.result", True),
        ("trials.massage.2", True),
        ("medicines.morphine.3.dose_mg_per_day", True),
        (f"trials.massage.{MOST_SLOTS}.result", True),
        (f"trials.massage.{MOST_SLOTS + 1}.result", False),
        ("trials.massage.1.result", False),
        ("trials.massage.02.result", False),
        ("trials.juggling.result", False),
        ("illnesses.glaucoma.2", False),
        ("pain", False),
    ],
)
def test_only_trials_and_medicines_are_numbered(table: Table, name: str, known: bool):
    assert (table.column(name) is not None) == known


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("Age", "age"),
        ("pain.duration", "pain.duration_days"),
        ("glaucoma", "illnesses.glaucoma"),
        ("illness.glaucoma", "illnesses.glaucoma"),
        ("trials.masage.result", "trials.massage.result"),
    ],
)
def test_a_misspelt_column_is_led_to_its_like(table: Table, wrong: str, right: str):
    assert table.like(wrong) == right


def test_a_case_becomes_a_row(table: Table):
    data = {
        "as_of": "2026-03-02",
        "age": 50,
        "pain": {"began": "2025-03-02"},
        "illnesses": ["glaucoma", {"other": "hangnail"}, "nothing else"],
        "red_flags": [{"finding": "fever", "excluded": "yes"}],
        "causes": [{"kind": "torn-cartilage", "correctable": "no"}],
        "trials": [
            {"treatment": "amitriptyline", "result": "failed", "dose": "25 mg/day"},
            {"treatment": "antidepressant", "medicine": "an unheard-of pill"},
            {"treatment": "massage", "state": "never"},
        ],
        "medicines": ["heartsease", {"medicine": "morphine", "dose": "60 mg/day", "form": "extended-release"}],
        "not": ["fentanyl"],
        "unknown": ["sleep-apnoea"],
    }
    assert row(table, data) == {
        "age": 50.0,
        "red_flags.fever": "excluded",
        "pain.duration_days": 365.0,
        "causes.torn-cartilage": "yes",
        "causes.torn-cartilage.correctable": "no",
        "trials.massage": "no",
        "trials.antidepressant.medicine": "amitriptyline",
        "trials.antidepressant.state": "ended",
        "trials.antidepressant.result": "failed",
        "trials.antidepressant.dose_mg_per_day": 25.0,
        "trials.antidepressant.2.medicine": "other",
        "illnesses.sleep-apnoea": "unknown",
        "illnesses.glaucoma": "yes",
        "illnesses.nothing-else": "yes",
        "medicines.fentanyl": "no",
        "medicines.morphine": "yes",
        "medicines.morphine.dose_mg_per_day": 60.0,
        "medicines.morphine.form": "extended-release",
        "medicines.other": "yes",
    }


def test_a_row_becomes_a_case(table: Table):
    told: dict[str, Any] = {
        "pain.duration_days": 70.0,
        "illnesses.glaucoma": "yes",
        "illnesses.epilepsy": "no",
        "trials.massage.2.result": "failed",
        "trials.massage.result": "helped",
        "trials.massage.state": "unknown",
        "medicines.fentanyl.form": "patch",
        "medicines.fentanyl.dose_mg_per_day": 0.6,
    }
    assert table.case_of(told, ["red_flags"]) == {
        "pain": {"duration": "10 weeks"},
        "illnesses": ["glaucoma"],
        "trials": [{"treatment": "massage", "result": "helped"}, {"treatment": "massage", "result": "failed"}],
        "medicines": [{"medicine": "fentanyl", "form": "patch", "dose": "25 mcg/hour"}],
        "red_flags": ["nothing else"],
        "not": ["illnesses.epilepsy"],
    }


def test_a_column_that_the_table_lacks_makes_no_case(table: Table):
    with pytest.raises(KeyError, match="star-sign"):
        table.case_of({"star-sign": "yes"})
