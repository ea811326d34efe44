"""The engine of columns computes what the judge and durable-rules do, cell for cell, and refuses what a reader does."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathway.api import read
from pathway.findings import Subject, find
from pathway.problem import Problems
from pathway.table import Row
from pathway.walks import answers_of
from tests.property.cohorts import (
    answers,
    asked,
    frame_of,
    judged,
    open_facts,
    refused,
    row,
    says_both,
    table,
)
from tests.property.strategies import Data, case_of, cases, compiled, examples

FOLDER = Path(__file__).resolve().parents[2] / "cases"
FILES = sorted(path for path in FOLDER.iterdir() if path.suffix in (".yaml", ".json"))
AT_LEAST = 188
SEEDS = st.integers(0, 2**32)
COHORT = 40
"""Rows to an example: compiling costs more than running."""


@cache
def bundled() -> list[Subject]:
    return [read(path, compiled=compiled()).subject for path in FILES]


def differences(subjects: Sequence[Subject], rows: Sequence[Row], complete: Sequence[str] = ()) -> list[str]:
    told = answers(frame_of(rows), complete)
    wanted = [judged(subject) for subject in subjects]
    return [
        f"row {i}: {name} is {want[name]}, not {said[name]}"
        for i, (want, said) in enumerate(zip(wanted, told, strict=True))
        for name in want
        if said[name] != want[name]
    ]


def accepted(seed: int, count: int = COHORT) -> tuple[list[Subject], list[Row]]:
    """Rows at random that a reader takes, with what it makes of them."""
    rng = random.Random(seed)
    subjects: list[Subject] = []
    rows: list[Row] = []
    while len(rows) < count:
        told = row(rng)
        try:
            subjects.append(read(table().case_of(told), compiled=compiled()).subject)
            rows.append(told)
        except Problems:
            continue
    return subjects, rows


def test_every_case_in_cases_comes_out_the_same_in_three_engines():
    assert len(FILES) >= AT_LEAST
    rows = [table().row_of(subject) for subject in bundled()]
    told = answers(frame_of(rows))
    for subject, said in zip(bundled(), told, strict=True):
        assert said == answers_of(subject, compiled()) == judged(subject)


@pytest.mark.parametrize("number", range(0, AT_LEAST, 9))
def test_a_case_comes_out_the_same_alone_where_most_columns_are_missing(number: int):
    subject = bundled()[number]
    assert differences([subject], [table().row_of(subject)]) == []


@examples(4)
@given(st.lists(cases() | cases(calm=True) | cases(complete=True), min_size=8, max_size=COHORT))
def test_cases_at_random_come_out_as_the_judge_says(data: list[Data]):
    subjects = [case_of(each).subject for each in data]
    assert differences(subjects, [table().row_of(subject) for subject in subjects]) == []


@examples(4)
@given(SEEDS)
def test_rows_at_random_come_out_as_the_judge_says(seed: int):
    assert differences(*accepted(seed)) == []


@examples(4)
@given(SEEDS)
def test_a_row_is_refused_just_where_a_reader_refuses_its_case(seed: int):
    rng = random.Random(seed)
    rows = [told for _ in range(200) if not says_both(told := row(rng))]
    out = refused(frame_of(rows))
    for i, told in enumerate(rows):
        try:
            read(table().case_of(told), compiled=compiled())
            taken = True
        except Problems:
            taken = False
        assert taken == (i not in out), told


def test_a_trial_that_was_and_never_was_is_refused():
    told = {"trials.massage": "yes", "trials.massage.state": "never"}
    assert refused(frame_of([told, {"trials.massage": "yes"}])) == {0}


@examples(100)
@given(cases() | cases(calm=True))
def test_a_row_says_all_of_a_case_that_a_rule_reads(data: Data):
    subject = case_of(data).subject
    told = table().row_of(subject)
    again = read(table().case_of(told), compiled=compiled()).subject
    words = compiled().tree.field_words
    assert find(again, words) == find(subject, words)
    assert table().row_of(again) == told


@examples(3)
@given(SEEDS, st.sets(st.sampled_from(table().lists), min_size=1))
def test_a_list_that_is_whole_in_every_row_is_one_that_each_row_calls_whole(seed: int, whole: set[str]):
    _, rows = accepted(seed, 12)
    rows = [{name: cell for name, cell in told.items() if not name.endswith(".nothing-else")} for told in rows]
    said = frame_of([{**told, **{f"{path}.nothing-else": "yes" for path in whole}} for told in rows])
    unsaid = frame_of(rows)
    assert answers(unsaid, sorted(whole)) == answers(said)


@examples(3)
@given(SEEDS)
def test_a_column_that_is_all_blank_is_as_one_that_is_not_there(seed: int):
    _, rows = accepted(seed, 12)
    narrow = frame_of(rows)
    rng = random.Random(seed)
    more = rng.sample(sorted(table().columns), 40)
    wide = narrow.with_columns(pl.lit(None).alias(name) for name in more if name not in narrow.columns)
    assert answers(wide) == answers(narrow)


# ---- open facts ----


def test_every_case_in_cases_is_asked_what_its_walk_asks():
    frame = frame_of([table().row_of(subject) for subject in bundled()])
    for subject, found in zip(bundled(), asked(frame), strict=True):
        assert found == open_facts(subject)


@examples(3)
@given(st.lists(cases() | cases(calm=True), min_size=8, max_size=COHORT))
def test_cases_at_random_are_asked_what_their_walks_ask(data: list[Data]):
    subjects = [case_of(each).subject for each in data]
    frame = frame_of([table().row_of(subject) for subject in subjects])
    for subject, found in zip(subjects, asked(frame), strict=True):
        assert found == open_facts(subject)
