"""Published records, calls of CDS Hooks and Bulk files: each is read whole, or refused as its index says.

They are looked for beside the project, in `../shared/fhir-samples`; they are nobody's to copy into it.
"""

from __future__ import annotations

import csv
import re
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from pathway.api import read
from pathway.cache import Compiled, load
from pathway.fhir.codes import load_codes
from pathway.fhir.importing import Import, import_record
from pathway.fhir.record import read_record
from pathway.problem import Problems
from pathway.walks import walk_case

SAMPLES = Path(__file__).parents[3] / "shared" / "fhir-samples"
INDEX = SAMPLES / "index.csv"
ROWS = list(csv.DictReader(INDEX.read_text("utf-8").splitlines())) if INDEX.is_file() else []
RECORDS = [row for row in ROWS if row["kind"] not in ("malformed", "score")]
DAYLESS = ("cds4cpm/mr_delta.json",)
"""Records that hold no day, so that one has to be given."""

pytestmark = pytest.mark.skipif(not ROWS, reason="the published samples are not beside the project")


def ids(row: dict[str, str]) -> str:
    return row["file"].replace("/", ":")


@cache
def compiled() -> Compiled:
    return load()


@cache
def imported(file: str, as_of: str) -> Import:
    base = compiled().base
    day = date.fromisoformat(as_of) if as_of else date(2022, 1, 1) if file in DAYLESS else None
    return import_record(read_record(SAMPLES / file), base, load_codes(None, base), day)


@pytest.mark.parametrize("row", RECORDS, ids=ids)
def test_every_record_is_accounted_for_and_its_case_walks(row: dict[str, str]):
    made = imported(row["file"], row["as_of"])
    record = read_record(SAMPLES / row["file"])
    assert [line.resource.name for line in made.ledger.lines] == [resource.name for resource in record.resources]
    assert all(bool(line.used) != bool(line.reason) for line in made.ledger.lines)
    assert walk_case(read(made.data, compiled=compiled()), compiled()).steps


@pytest.mark.parametrize("row", [row for row in ROWS if row["kind"] == "malformed"], ids=ids)
def test_what_is_not_json_is_refused_where_its_index_says(row: dict[str, str]):
    wanted = re.search(r"line (\d+) column (\d+)", row["expected_result"])
    assert wanted
    with pytest.raises(Problems) as caught:
        read_record(SAMPLES / row["file"])
    (problem,) = caught.value.items
    assert (problem.kind, problem.place.line, problem.place.column) == ("bad-json", int(wanted[1]), int(wanted[2]))


@pytest.mark.parametrize("row", [row for row in ROWS if row["kind"] == "mme"], ids=ids)
def test_the_morphine_equivalents_are_those_that_its_origin_states(row: dict[str, str]):
    wanted = re.search(r'"value": ([\d.]+)', row["expected_result"])
    assert wanted
    case = read(imported(row["file"], row["as_of"]).data, compiled=compiled())
    factors = compiled().base.factors
    total = 0.0
    for medicine in case.profile.medicines:
        total += medicine.dose * factors[medicine.medicine]["patch" if medicine.form == "patch" else "oral"]
    assert total == pytest.approx(float(wanted[1]))


@pytest.mark.parametrize("row", [row for row in ROWS if row["kind"] == "score"], ids=ids)
def test_what_is_no_record_is_refused_as_none(row: dict[str, str]):
    with pytest.raises(Problems) as caught:
        read_record(SAMPLES / row["file"])
    assert caught.value.items[0].kind == "not-fhir"


def test_a_patient_whom_the_pathway_is_not_for_is_seen_to_be_one():
    told = [imported(row["file"], row["as_of"]).data for row in ROWS if row["kind"] == "scope-exclusion"]
    assert told
    for data in told:
        assert data.get("care") or "cancer-pain" in data.get("conditions", ()) or data.get("age", 99) < 18, data
