"""The command `import fhir`, as a user's shell runs it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.e2e.test_command import ROOT, pathway

KNEE = ROOT / "cases" / "records" / "knee.json"


def test_a_record_becomes_a_case_that_walks(tmp_path: Path):
    out = tmp_path / "knee.yaml"
    done = pathway("import", "fhir", str(KNEE), "-o", str(out))
    assert (done.returncode, done.stdout) == (0, "")
    assert "7 resources read, 5 used." in done.stderr
    assert "As of 2026-02-10: the newest day of the record (Observation/pain)." in done.stderr
    walked = pathway("walk", str(out))
    assert (walked.returncode, walked.stderr) == (0, "")
    assert "Physical therapy" in walked.stdout


def test_the_ledger_has_a_line_for_every_resource_and_the_case_is_alone_on_the_output(tmp_path: Path):
    done = pathway("import", "fhir", str(KNEE), "--ledger", "--as-of", "2026-03-02")
    assert done.stdout.startswith("# Imported from a FHIR record, as of 2026-03-02: as given.")
    entries = json.loads(KNEE.read_text())["entry"]
    told = done.stderr.splitlines()
    for entry in entries:
        resource = entry["resource"]
        name = f"{resource['resourceType']}/{resource['id']}:"
        assert sum(line.startswith(name) for line in told) == 1, name
    (flagged,) = (line for line in told if "(disagree)" in line)
    assert "Buprenorphine" in flagged and "Physical Therapy" in flagged


def test_nothing_is_overwritten_by_accident(tmp_path: Path):
    out = tmp_path / "knee.yaml"
    out.write_text("mine")
    assert pathway("import", "fhir", str(KNEE), "-o", str(out)).returncode == 1
    assert out.read_text() == "mine"
    assert pathway("import", "fhir", str(KNEE), "-o", str(out), "--force").returncode == 0
    record = tmp_path / "record.json"
    shutil.copy(KNEE, record)
    assert pathway("import", "fhir", str(record), "-o", str(record), "--force").returncode != 0
    assert record.read_bytes() == KNEE.read_bytes()


def test_what_is_no_record_is_refused_with_its_place(tmp_path: Path):
    broken = tmp_path / "broken.json"
    broken.write_text('{"resourceType": "Patient",\n "gender" "female"}\n')
    done = pathway("import", "fhir", str(broken))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{broken}:2:11: bad-json" in done.stderr and "help:" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_record_of_several_patients_asks_which(tmp_path: Path):
    two = tmp_path / "Patient.ndjson"
    two.write_text("".join(json.dumps({"resourceType": "Patient", "id": name}) + "\n" for name in "ab"))
    done = pathway("import", "fhir", str(tmp_path), "--as-of", "2026-03-02")
    assert done.returncode == 1 and "several-patients" in done.stderr and "--patient" in done.stderr
    assert pathway("import", "fhir", str(tmp_path), "--as-of", "2026-03-02", "--patient", "b").returncode == 0


def test_a_record_walks_like_the_case_that_is_made_of_it(tmp_path: Path):
    out = tmp_path / "knee.yaml"
    pathway("import", "fhir", str(KNEE), "-o", str(out))
    of_case = json.loads(pathway("walk", str(out), "--format", "json").stdout)
    for done in (
        pathway("walk", str(KNEE), "--format", "json"),
        pathway("walk", "-", "--format", "json", said=KNEE.read_text()),
    ):
        of_record = json.loads(done.stdout)
        assert "7 resources read, 5 used." in done.stderr
        assert {**of_record, "case": None} == {**of_case, "case": None}
    explained = pathway("explain", str(KNEE), "opioid")
    assert explained.returncode == 0 and "Why Opioid is review" in explained.stdout


def test_a_bad_record_is_refused_at_every_door(tmp_path: Path):
    bad = tmp_path / "bad.json"
    bad.write_text('{"resourceType": "Patient",}')
    for door in (["walk", str(bad)], ["explain", str(bad)], ["import", "fhir", str(bad)]):
        done = pathway(*door)
        assert (done.returncode, f"{bad}:1:28: bad-json" in done.stderr) == (1, True), done.stderr


def test_check_looks_over_the_table_of_codes(tmp_path: Path):
    rules = tmp_path / "rules"
    shutil.copytree(ROOT / "rules", rules)
    table = rules / "codes.yaml"
    table.write_text(table.read_text().replace("conditions: [crps]", "conditions: [crsp]"))
    done = pathway("check", "--no-proofs", "--rules", str(rules))
    assert done.returncode == 1
    assert 'unknown-value: "crsp" is no value of conditions' in done.stderr and 'did you mean "crps"?' in done.stderr
