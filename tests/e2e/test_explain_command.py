"""The command `explain`, as a user's shell runs it."""

import json
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest

from tests.e2e.test_command import CASE, GOOD, environment, in_a_shell, pathway


def test_a_case_alone_is_explained_from_its_ending_to_what_is_missing():
    done = pathway("explain", CASE)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("CRPS of the right hand")
    assert "Is it chronic?: done" in done.stdout
    assert "These facts alone make it so: pain.began: 2025-06-14" in " ".join(done.stdout.split())
    assert "What is missing" in done.stdout


def test_a_medicine_and_a_setting_are_told_of_before_what_they_lead_to():
    done = pathway("explain", CASE, "duloxetine", "--set", "kidney_function=25")
    assert (done.returncode, done.stderr) == (0, "")
    told = " ".join(done.stdout.split())
    parts = ("What if kidney_function=25", "All that follows is of the changed case", "duloxetine belongs to snri")
    assert [told.index(part) for part in parts] == sorted(told.index(part) for part in parts)


def test_a_case_comes_from_stdin_too():
    done = pathway("explain", "-", "ending", said=GOOD)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("A good one")


def test_only_what_is_asked_for_is_told():
    done = pathway("explain", CASE, "--set", "blood_pressure=uncontrolled")
    assert done.returncode == 0
    assert "What if blood_pressure=uncontrolled" in done.stdout
    assert "What is missing" not in done.stdout
    assert "What makes it so" not in done.stdout


def test_all_of_it_at_once_as_json_fits_its_schema():
    done = pathway(
        "explain", CASE, "massage", "--why-not", "pain-pump", "--missing", "--set", "age=80", "--to",
        "iv-ketamine:declined", "--format", "json",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    data = json.loads(done.stdout)
    jsonschema.validate(data, json.loads(pathway("schema", "explanation").stdout))
    assert data["schema"] == "pathway.explanation/1"
    assert [why["target"] for why in data["why"]] == ["massage"]
    assert data["would_change"][0]["ways"]


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["masage"], 'did you mean "massage"?'),
        (["--why-not", "masage"], "--why-not masage: unknown-option"),
        (["--set", "pain.durration=4 months"], "--set pain.durration: unknown-field"),
        (["--set", "pain.duration=4"], "--set pain.duration: missing-unit"),
        (["--to", "massage:oferred"], 'did you mean "massage:offered"?'),
        (["--to", "tricyclic:offered"], "only options and steps are goals"),
        (["--set", "age=40", "--set", "age=50"], "--set age: said-twice"),
        (["--set", "problems+={other: \udcff}"], "--set problems: not-utf-8"),
    ],
)
def test_what_nobody_knows_is_told_with_help_and_exit_1(args: list[str], told: str):
    done = pathway("explain", CASE, *args)
    assert (done.returncode, done.stdout) == (1, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_report_is_never_written_over_its_own_case(tmp_path: Path):
    case = tmp_path / "case.yaml"
    case.write_text(GOOD, encoding="utf-8")
    done = pathway("explain", str(case), "-o", str(case))
    assert done.returncode == 1
    assert case.read_text(encoding="utf-8") == GOOD


def test_the_help_opens_with_examples():
    told = pathway("explain", "--help").stdout
    assert told.index("pathway explain crps-after-fracture --to") < told.index("Options:")


def test_the_shell_completes_what_can_be_explained():
    done = pathway(
        **{"_PATHWAY_COMPLETE": "bash_complete", "COMP_WORDS": f"pathway explain {CASE} spin", "COMP_CWORD": "3"}
    )
    assert "plain,spinal-cord-stimulator" in done.stdout


def test_the_text_is_the_same_through_a_pipe():
    assert environment()
    done = in_a_shell(f"pathway explain {CASE} massage | head -1")
    assert done.stdout.decode().startswith("CRPS of the right hand")
    assert b"Traceback" not in done.stderr
