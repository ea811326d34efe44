"""Cells of every type become the same codes, and a cell that cannot be read is told by its row."""

from __future__ import annotations

import math

import polars as pl
import pytest

from pathway.api import load_rules
from pathway.batch.coding import BadCell, Coding
from pathway.engine.columns import coded
from pathway.table import Table


def code(name: str, cells: pl.Series) -> tuple[list, list[int]]:
    """The codes of a column, and the rows that cannot be read."""
    coding = Coding(Table(load_rules().base), {name: cells.dtype})
    assert coding.unfit() == {}
    told = coding.code(pl.DataFrame({name: cells}))
    bad = told.bad[name].arg_true().to_list() if name in told.bad else []
    return told.codes[coded(name)].to_list(), bad


@pytest.mark.parametrize(
    "cells",
    [
        pl.Series(["yes", "no", None, "yes"]),
        pl.Series(["YES", " No ", "", "true"]),
        pl.Series(["yes", "no", None, "yes"], dtype=pl.Categorical),
        pl.Series(["yes", "no", None, "yes"], dtype=pl.Enum(["no", "yes"])),
    ],
    ids=["text", "untidy text", "categorical", "enum"],
)
def test_yes_and_no_are_read_from_any_type(cells: pl.Series):
    assert code("illnesses.glaucoma", cells) == ([1, -1, None, 1], [])


def test_what_tools_write_where_nothing_is_known_is_a_blank():
    blanks = ["NA", "n/a", "NaN", "NULL", ".", "\\N", "#N/A", " na "]
    for name in ("illnesses.glaucoma", "age", "sex", "trials.opioid.medicine"):
        assert code(name, pl.Series([*blanks, None])) == ([None] * (len(blanks) + 1), []), name


def test_a_word_is_read_in_any_case():
    assert code("sex", pl.Series(["Female", "MALE", "female"])) == ([0, 1, 0], [])


@pytest.mark.parametrize("text", ["9_5", "٩٥", "0x1f", "1e", "--5", "5 years"])
def test_a_number_is_written_in_plain_digits(text: str):
    assert code("age", pl.Series([text, "+5.0", "1e1", "5."])) == ([None, 5.0, 10.0, 5.0], [0])


def test_what_cannot_be_read_contradicts_nothing():
    codes, bad = code("age", pl.Series([40.0, -3.0]))
    assert (codes, bad) == ([40.0, None], [1])


def test_a_boolean_is_its_own_code():
    assert code("illnesses.glaucoma", pl.Series([True, False, None, True])) == ([True, False, None, True], [])
    assert code("trials.massage.2", pl.Series([True, False, None])) == ([1, None, None], [])


def test_unknown_is_said_of_what_may_be_in_a_list_and_is_a_blank_elsewhere():
    assert code("illnesses.glaucoma", pl.Series(["unknown", "Not known", None])) == ([0, 0, None], [])
    assert code("trials.massage.adequate", pl.Series(["unknown", "yes"])) == ([None, 1], [])
    assert code("blood_pressure", pl.Series(["unknown", "normal"])) == ([None, 0], [])
    assert code("age", pl.Series(["unknown", "50"])) == ([None, 50.0], [])


def test_a_sign_may_be_excluded():
    assert code("red_flags.fever", pl.Series(["excluded", "yes", "no", "unknown"]))[0] == [-1, 1, -1, 0]


@pytest.mark.parametrize("kind", [pl.Float64, pl.Float32, pl.Int64, pl.UInt8, pl.Decimal(10, 2), pl.String])
def test_numbers_are_read_from_any_type(kind: pl.DataType):
    cells = pl.Series([50, None, 7]).cast(kind)
    assert code("age", cells) == ([50.0, None, 7.0], [])


def test_what_is_no_number_of_its_column_is_refused():
    assert code("age", pl.Series([50.0, -1.0, 121.0, 50.5, math.nan, math.inf]))[1] == [1, 2, 3, 5]
    assert code("age", pl.Series(["50", "fifty", "1e3", "", " 51 ", "-3"]))[1] == [1, 2, 5]
    assert code("pain.intensity", pl.Series([10.0, 10.01, 0.0]))[1] == [1]


def test_what_is_no_word_of_its_column_is_refused():
    assert code("sex", pl.Series(["male", "m", "female"]))[1] == [1]
    assert code("illnesses.glaucoma", pl.Series(["yes", "maybe", "1"]))[1] == [1, 2]
    assert code("medicines.other", pl.Series(["yes", "no"]))[1] == [1]
    assert code("trials.antidepressant.medicine", pl.Series(["Duloxetine", "other-2", "Prozac"]))[1] == [2]


def test_a_column_that_is_all_null_is_blank():
    assert code("age", pl.Series([None, None], dtype=pl.Null)) == ([None, None], [])


@pytest.mark.parametrize(
    ("name", "cell", "kind", "help"),
    [
        ("sex", "femal", "unknown-value", 'did you mean "female"?'),
        ("age", "fifty", "wrong-type", "a whole one"),
        ("pain.duration_days", 50_000.0, "out-of-range", "a number of days"),
        ("trials.antidepressant.medicine", "duloxetin", "unknown-value", 'did you mean "duloxetine"?'),
    ],
)
def test_a_bad_cell_is_told_with_help(name: str, cell: object, kind: str, help: str):
    coding = Coding(Table(load_rules().base), {name: pl.String()})
    fault = coding.fault(name, cell)
    assert isinstance(fault, BadCell)
    assert fault.kind == kind
    assert help in fault.help


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("age", pl.Boolean()),
        ("age", pl.Date()),
        ("illnesses.glaucoma", pl.Int64()),
        ("illnesses.glaucoma", pl.List(pl.String)),
        ("sex", pl.Boolean()),
    ],
)
def test_a_type_that_cannot_hold_what_a_column_says_is_unfit(name: str, kind: pl.DataType):
    assert list(Coding(Table(load_rules().base), {name: kind}).unfit()) == [name]


def test_the_cells_of_a_row_come_back_from_their_codes():
    row = {
        "age": 50.0, "sex": "female", "illnesses.glaucoma": "yes", "illnesses.epilepsy": "unknown",
        "trials.antidepressant.medicine": "other-2", "trials.antidepressant.result": "failed", "blood_pressure": None,
    }  # fmt: skip
    frame = pl.DataFrame({name: [cell] for name, cell in row.items()})
    told = Coding(Table(load_rules().base), dict(frame.schema)).cells(frame)
    assert told == {name: cell for name, cell in row.items() if cell is not None}
