"""Template: a small cohort to begin with, and the page of columns that a cohort may have."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

from pathway.rules import RuleBase
from pathway.table import Cell, Column, Table

FEW = 6
EXAMPLES: tuple[Mapping[str, Cell], ...] = (
    {
        "id": "c-001", "age": 52, "sex": "female", "pain.duration_days": 1460, "pain.intensity": 6,
        "red_flags.nothing-else": "yes", "causes.nothing-else": "yes", "conditions.fibromyalgia": "yes",
        "illnesses.nothing-else": "yes", "blood_pressure": "normal", "medicines.nothing-else": "yes",
        "trials.nothing-else": "yes",
    },
    {
        "id": "c-002", "age": 61, "sex": "male", "pain.duration_days": 900, "pain.intensity": 7,
        "red_flags.nothing-else": "yes", "causes.nothing-else": "yes", "conditions.crps": "yes",
        "illnesses.glaucoma": "yes", "illnesses.nothing-else": "yes", "blood_pressure": "controlled",
        "trials.physical-therapy.result": "failed", "trials.physical-therapy.duration_days": 84,
        "trials.massage.result": "failed", "trials.massage.duration_days": 70,
        "trials.antidepressant.result": "not-tolerated", "trials.antidepressant.medicine": "duloxetine",
        "medicines.morphine": "yes", "medicines.morphine.dose_mg_per_day": 60,
    },
    {
        "id": "c-003", "age": 34, "sex": "female", "pain.duration_days": 30, "pain.intensity": 8,
        "red_flags.saddle-numbness": "yes",
    },
    {
        "id": "c-004", "age": 45, "sex": "female", "pain.duration_days": 400, "pain.intensity": 5,
        "red_flags.fever": "excluded", "red_flags.nothing-else": "yes", "causes.torn-cartilage": "yes",
        "causes.torn-cartilage.correctable": "yes", "illnesses.glaucoma": "unknown",
    },
    {"id": "c-005", "age": 70, "pain.duration_days": 2000},
)  # fmt: skip
"""Made-up people: one at the therapies, one at their end, a warning sign, a root cause, and one hardly known."""


def template(base: RuleBase) -> str:
    """A filled example as CSV: a column for each thing that it says."""
    table = Table(base)
    names = sorted({name for row in EXAMPLES for name in row if name != "id"}, key=table.place)
    text = io.StringIO()
    writer = csv.DictWriter(text, ["id", *names], lineterminator="\n")
    writer.writeheader()
    writer.writerows(EXAMPLES)
    return text.getvalue()


_OPENING = """\
The columns of a cohort: one row for each person, and any of these columns, in any order.

A blank says that nobody knows, and is never a no. `unknown` says so outright. A list that says nothing-else (or is
named with --complete) is whole: what is blank in it is not there. A second trial of one treatment, or a second
medicine of one name, has a number: trials.massage.2.result, medicines.morphine.2. Trials stand oldest first.

  id
      The id of the case: an opaque code, never a name or a record number. Another column with --id.
"""


def columns_text(base: RuleBase) -> str:
    """Every column that a cohort may have: what its cells may say, and what it asks."""
    table = Table(base)
    lines = [_OPENING]
    for column in table.columns.values():
        lines += [f"  {column.name}", f"      {_cells(column)}", *([f"      {column.means}"] if column.means else [])]
    return "\n".join(lines) + "\n"


def columns_data(base: RuleBase) -> list[dict[str, object]]:
    """Every column as plain data."""
    return [
        {
            "name": column.name,
            "kind": column.kind,
            "values": list(column.values),
            "unit": column.unit,
            "least": 0 if column.kind == "number" else None,
            "most": column.most if column.kind == "number" else None,
            "whole": column.whole,
            "means": column.means,
        }
        for column in Table(base).columns.values()
    ]


def _cells(column: Column) -> str:
    if column.kind == "number":
        unit = f" {column.unit}" if column.unit else ""
        return f"a {'whole ' if column.whole else ''}number from 0 to {column.most:g}{unit}"
    if column.kind == "medicine":
        return "the name of a medicine that the rules know; other for any other"
    return " | ".join(column.values)
