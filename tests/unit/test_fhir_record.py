"""Reading a record: every shape in which one comes, and every way in which it is refused."""

from __future__ import annotations

import gzip
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from pathway.fhir.record import Element, Record, read_record
from pathway.problem import Problem, Problems

PATIENT = {"resourceType": "Patient", "id": "p", "gender": "female"}
PAIN = {"resourceType": "Condition", "id": "c"}


def record(data: Any) -> Record:
    text = data if isinstance(data, str) else json.dumps(data)
    return read_record(BytesIO(text.encode()), name="r.json")


def refused(data: Any) -> Problem:
    with pytest.raises(Problems) as caught:
        record(data)
    (problem,) = caught.value.items
    return problem


@pytest.mark.parametrize(
    ("data", "paths"),
    [
        (PATIENT, [""]),
        ([PATIENT, PAIN], ["[0]", "[1]"]),
        ({"resourceType": "Bundle", "entry": [{"resource": PATIENT}]}, ["entry[0].resource"]),
        ({"resourceType": "Bundle", "entry": {"resource": PATIENT}}, ["entry[0].resource"]),
        ({"resourceType": "Bundle", "entry": [PATIENT]}, ["entry[0]"]),
        ({"entry": [{"resource": PATIENT}]}, ["entry[0].resource"]),
        ({"resource": PATIENT, "fullUrl": "urn:uuid:p"}, ["resource"]),
        ({**PAIN, "contained": [PATIENT]}, ["", "contained[0]"]),
        (
            {
                "resourceType": "Bundle",
                "entry": [{"resource": {"resourceType": "Bundle", "entry": [{"resource": PAIN}]}}],
            },
            ["entry[0].resource.entry[0].resource"],
        ),
        (
            {"hook": "patient-view", "prefetch": {"a": PATIENT, "b": {"resource": PAIN}}},
            ["prefetch.a", "prefetch.b.resource"],
        ),
        (json.dumps(PATIENT) + "\n\n" + json.dumps(PAIN) + "\n", ["", ""]),
    ],
)
def test_a_record_is_read_in_whatever_shape_it_comes(data: Any, paths: list[str]):
    found = record(data)
    assert [resource.place.path for resource in found.resources] == paths


def test_a_shape_that_r4_wants_otherwise_is_noted():
    (note,) = record({"resource": PATIENT}).notes
    assert "without the Bundle" in note
    (note,) = record({"resourceType": "Bundle", "entry": {"resource": PATIENT}}).notes
    assert "stands alone where R4 has a list" in note


def test_a_prefetch_of_null_is_a_known_none_and_a_missing_one_is_not():
    found = record({"hook": "order-sign", "prefetch": {"a": None, "b": {"response": {}, "resource": None}, "c": PAIN}})
    assert (found.hook, found.absent) == ("order-sign", ("a", "b"))
    assert record({"hook": "order-sign"}).absent == ()


def test_orders_that_are_being_written_are_told_apart():
    order = {"resourceType": "MedicationRequest", "id": "m", "status": "draft"}
    context = {"draftOrders": {"resourceType": "Bundle", "entry": [{"resource": order}]}}
    found = record({"hook": "order-sign", "context": context, "prefetch": {"p": PATIENT}})
    assert [(r.kind, r.source) for r in found.resources] == [("Patient", ""), ("MedicationRequest", "draft")]


@pytest.mark.parametrize(
    ("text", "kind", "line", "column"),
    [
        ('{"a": 1,\n "b" 2}', "bad-json", 2, 6),
        ('{"a": 1}\n}', "bad-json", 2, 1),
        ('{"a": NaN}', "bad-json", 1, 7),
        ('{"NaN": "NaN",\n"a": NaN}', "bad-json", 2, 6),
        (json.dumps(PATIENT) + '\n{"resourceType": }\n', "bad-json", 2, 18),
        ("", "empty-file", 1, 1),
        ('{"a": 1}', "not-fhir", 1, 1),
        ("[]", "not-fhir", 1, 1),
        ('{"resourceType": "Bundle", "entry": []}', "not-fhir", 1, 1),
        ("3", "not-fhir", 1, 1),
        ("[" * 5000, "too-deep", None, None),
        (json.dumps(PATIENT)[:-1] + ', "x": ' + "[" * 300 + "]" * 300 + "}", "too-deep", None, None),
    ],
)
def test_what_is_no_record_is_refused_with_its_place(text: str, kind: str, line: int | None, column: int | None):
    problem = refused(text)
    assert (problem.kind, problem.place.line, problem.place.column) == (kind, line, column)
    assert problem.help


def test_a_gzipped_record_is_unpacked_and_a_broken_one_refused():
    packed = gzip.compress(json.dumps(PATIENT).encode())
    assert len(read_record(BytesIO(packed), name="r.json.gz").resources) == 1
    with pytest.raises(Problems) as caught:
        read_record(BytesIO(packed[:-9]), name="r.json.gz")
    assert caught.value.items[0].kind == "unreadable"


def test_a_folder_of_bulk_files_is_one_record(tmp_path: Path):
    (tmp_path / "Patient.ndjson").write_text(json.dumps(PATIENT) + "\n")
    (tmp_path / "Condition.000.ndjson.gz").write_bytes(gzip.compress(json.dumps(PAIN).encode()))
    (tmp_path / "log.txt").write_text("no record")
    assert sorted(each.kind for each in read_record(tmp_path).resources) == ["Condition", "Patient"]
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(Problems, match="no file in this folder"):
        read_record(empty)


def test_a_number_of_any_length_is_read():
    (found,) = record('{"resourceType": "Patient", "multipleBirthInteger": ' + "9" * 9000 + "}").resources
    assert found.body["multipleBirthInteger"].number is None


def test_an_element_is_read_where_its_meaning_is_plain():
    notes: list[str] = []
    body = Element({"one": {"x": " 3.5 "}, "many": [{"x": 1}, {"x": 2}], "nan": float("nan"), "flag": True}, "b", notes)
    assert body["one"]["x"].number == 3.5
    assert [each["x"].number for each in body.all("many")] == [1, 2]
    assert body.all("one")[0].path == "b.one"
    assert body["many"]["x"].number == 1
    assert (body["nan"].number, body["flag"].number, body["absent"]["deeper"].text) == (None, None, "")
    assert len(notes) == 3
