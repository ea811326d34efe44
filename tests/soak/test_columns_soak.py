"""Two hundred thousand rows at random: the engine of columns says of each, cell for cell, what the judge says.

`PATHWAY_SOAK_ROWS=20000 ./dev test -n0 -m soak -s tests/soak/test_columns_soak.py` takes a tenth of the time. One row
in a hundred is also put to durable-rules.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence

import pytest

from pathway.api import read
from pathway.findings import Subject
from pathway.problem import Problems
from pathway.table import Row
from pathway.walks import answers_of
from tests.property.cohorts import answers, frame_of, judged, refused, row, says_both, table
from tests.property.strategies import compiled

ROWS = int(os.environ.get("PATHWAY_SOAK_ROWS", "200000"))
COHORT = 4_000
"""Rows to a cohort, good and bad: compiling for so many columns takes as long as running a few thousand rows."""
DURABLE_EACH = 100


@pytest.mark.soak
def test_rows_at_random_agree():
    rng = random.Random(20_261_123)
    done = evaluated = differ = 0
    while done < ROWS:
        told = [each for _ in range(COHORT) if not says_both(each := row(rng))]
        out = refused(frame_of(told))
        rows, subjects = _read(told, out)
        for i, (subject, said) in enumerate(zip(subjects, answers(frame_of(rows)), strict=True)):
            judge = judged(subject)
            differ += judge != said
            if i % DURABLE_EACH == 0:
                differ += answers_of(subject, compiled()) != said
        done += len(told)
        evaluated += len(rows)
        print(  # noqa: T201  it takes a while
            f"{done:,} rows, {evaluated:,} evaluated, {differ} differ"
        )
    assert differ == 0
    assert evaluated > ROWS / 20


def _read(told: Sequence[Row], out: set[int]) -> tuple[list[Row], list[Subject]]:
    """The rows that are evaluated, and what a reader of cases makes of them: it takes just these."""
    rows, subjects = [], []
    for i, each in enumerate(told):
        try:
            subject = read(table().case_of(each), compiled=compiled()).subject
        except Problems:
            assert i in out, each
            continue
        assert i not in out, each
        rows.append(each)
        subjects.append(subject)
    return rows, subjects
