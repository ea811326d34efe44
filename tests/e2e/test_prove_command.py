"""The command `prove`, and what `check` says of the proofs, as a user's shell runs them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.test_command import ROOT, in_a_shell, pathway

pytest.importorskip("z3")

CHEAP = ("one-ending", "root-dealt-with")
WRONG = """
- invariant: massage-is-never-declined
  says: Nobody declines massage.
  because: A test says so.
  each: option
  among: [massage]
  then: "{option}.declined is not yes"

- invariant: refusals-never-count
  says: A refusal never counts.
  because: A test says so.
  when: massage.spent is no
  then: massage.counted is not yes

- invariant: somebody-declines
  says: "Somebody declines\\nmassage: [so it is."
  because: A test says so.
  can: [massage.declined is yes, massage.declined is no]

- invariant: told-in-two-lines
  says: "Nobody declines\\nmassage: [so it is."
  because: A test says so.
  then: massage.declined is not yes
"""
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def prove(tmp_path: Path) -> Run:
    """`pathway prove` with a cache of its own."""

    def run(*args: str, **more: str) -> subprocess.CompletedProcess[str]:
        return pathway("prove", *args, **{"XDG_CACHE_HOME": str(tmp_path / "cache"), **more})

    return run


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    """Rules of which two invariants do not hold."""
    root = tmp_path / "rules"
    shutil.copytree(ROOT / "rules", root)
    with (root / "invariants.yaml").open("a", encoding="utf-8") as file:
        file.write(WRONG)
    return root


def test_what_holds_is_told_as_proved_and_the_next_time_as_unchanged(prove: Run):
    first, second = prove(*CHEAP), prove(*CHEAP)
    assert (first.returncode, first.stderr, second.returncode) == (0, "", 0)
    assert first.stdout.count("proved  ") == 2
    assert "2 of 2 invariants proved for everybody" in first.stdout
    assert "(3 claims shown now, 0 unchanged" in first.stdout
    assert "(0 claims shown now, 3 unchanged" in second.stdout
    assert "(3 claims shown now, 0 unchanged" in prove(*CHEAP, "--fresh").stdout


def test_an_invariant_that_is_named_twice_is_proved_once(prove: Run):
    assert "1 of 1 invariants" in prove(CHEAP[0], CHEAP[0]).stdout


def test_a_list_tells_every_invariant_and_proves_none(prove: Run, tmp_path: Path):
    done = prove("--list")
    assert (done.returncode, done.stderr) == (0, "")
    assert set(CHEAP) <= set(done.stdout.splitlines())
    assert not (tmp_path / "cache" / "pain-pathway" / "proved.txt").exists()
    assert prove("--list", CHEAP[0]).stdout.splitlines()[0] == CHEAP[0]


def test_as_json_it_tells_what_was_claimed_and_what_was_shown(prove: Run):
    done = prove(*CHEAP, "--format", "json")
    data = json.loads(done.stdout)
    assert (done.returncode, data["schema"]) == (0, "pathway.proof/1")
    assert [each["invariant"] for each in data["invariants"]] == list(CHEAP)
    for each in data["invariants"]:
        shown = 1 + each["invariant"].startswith("root")  # one with a `when`: that it holds of somebody
        assert (each["holds"], each["shown"], each["unchanged"], each["failures"]) == (True, shown, 0, [])
        assert each["says"] and each["because"]


def test_a_name_that_nobody_knows_is_told_with_what_may_be_meant(prove: Run):
    done = prove("one-endin")
    assert (done.returncode, done.stdout) == (2, "")
    assert 'Did you mean "one-ending"?' in done.stderr
    assert "--list" in prove("zzzzzz").stderr


def test_what_does_not_hold_is_shown_by_a_case_that_the_walk_takes(prove: Run, wrong: Path, tmp_path: Path):
    out = tmp_path / "out"
    done = prove("massage-is-never-declined", CHEAP[0], "--rules", str(wrong), "-o", str(out))
    path = out / "massage-is-never-declined--massage.yaml"
    assert (done.returncode, done.stderr) == (1, "")
    assert "NOT SO   Nobody declines massage." in done.stdout
    assert f"pathway walk {path}" in done.stdout
    assert "1 of 2 invariants proved" in done.stdout
    assert [each.name for each in out.iterdir()] == [path.name]
    walked = json.loads(pathway("walk", str(path), "--rules", str(wrong), "--format", "json").stdout)
    assert walked["known"] == [{"field": "declined", "label": "declined", "value": "massage"}]
    assert path.read_text(encoding="utf-8").splitlines()[-1] == "declined: [massage]"


def test_a_policy_under_which_it_does_not_hold_is_written_beside_the_case(prove: Run, wrong: Path, tmp_path: Path):
    out = tmp_path / "out"
    done = prove("refusals-never-count", "--rules", str(wrong), "-o", str(out), "--format", "json")
    ((failure,), (line,)) = (json.loads(done.stdout)["invariants"][0][name] for name in ("failures", "walk"))
    case, policy = out / "refusals-never-count.yaml", out / "refusals-never-count.policy.yaml"
    assert done.returncode == 1
    assert failure["policy"]["refusal-counts"] is True
    assert failure["case"]["declined"] == ["massage"]
    assert line == f"pathway walk {case} --policy {policy}"
    walked = pathway("walk", str(case), "--policy", str(policy), "--rules", str(wrong))
    assert (walked.returncode, walked.stderr) == (0, "")


def test_the_line_that_walks_a_counterexample_is_a_line_of_shell(prove: Run, wrong: Path, tmp_path: Path):
    out = tmp_path / "with a space"
    done = prove("massage-is-never-declined", "--rules", str(wrong), "-o", str(out))
    line = next(line.strip() for line in done.stdout.splitlines() if line.strip().startswith("pathway walk"))
    walked = in_a_shell(line)
    assert (walked.returncode, walked.stderr) == (0, b"")


def test_what_is_said_in_two_lines_stays_a_comment_of_the_case(prove: Run, wrong: Path, tmp_path: Path):
    assert prove("told-in-two-lines", "--rules", str(wrong), "-o", str(tmp_path)).returncode == 1
    walked = pathway("walk", str(tmp_path / "told-in-two-lines.yaml"), "--rules", str(wrong))
    assert (walked.returncode, walked.stderr) == (0, "")


def test_witnesses_are_cases_that_the_walk_takes(prove: Run, wrong: Path, tmp_path: Path):
    done = prove("somebody-declines", "--rules", str(wrong), "--witnesses", str(tmp_path / "witnesses"))
    cases = sorted((tmp_path / "witnesses" / "somebody-declines").glob("*.yaml"))
    assert (done.returncode, [case.name for case in cases]) == (
        0,
        ["massage.declined-is-no.yaml", "massage.declined-is-yes.yaml"],
    )
    walked = pathway("walk", *map(str, cases), "--rules", str(wrong), "--format", "json")
    assert (walked.returncode, len(json.loads(walked.stdout))) == (0, 2)


@pytest.mark.parametrize("folder", ["file/below", "file"])
def test_counterexamples_that_cannot_be_written_are_a_problem(prove: Run, wrong: Path, tmp_path: Path, folder: str):
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    done = prove("massage-is-never-declined", "--rules", str(wrong), "-o", str(tmp_path / folder))
    assert done.returncode in (1, 2)
    assert str(tmp_path / "file") in done.stderr
    assert "fault of pathway" not in done.stderr


def test_a_pipe_that_ends_early_is_no_fault(tmp_path: Path):
    line = f"pathway prove {' '.join(CHEAP)} | head -1"
    done = in_a_shell(line, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"proved  ")


def test_rules_without_invariants_are_told_as_such(prove: Run, wrong: Path):
    (wrong / "invariants.yaml").unlink()
    done = prove("--rules", str(wrong))
    assert (done.returncode, done.stdout) == (1, "")
    assert "invariants.yaml: not-found" in done.stderr


# ---- without the solver, and the check ----


@pytest.fixture
def without_z3(tmp_path: Path) -> str:
    """A path for Python on which the solver is not installed."""
    shim = tmp_path / "shim"
    shim.mkdir()
    (shim / "z3.py").write_text('raise ModuleNotFoundError("No module named z3", name="z3")\n', encoding="utf-8")
    return os.pathsep.join((str(shim), str(ROOT)))


def test_without_the_solver_it_says_what_to_install(prove: Run, without_z3: str):
    done = prove(CHEAP[0], PYTHONPATH=without_z3)
    assert (done.returncode, done.stdout) == (1, "")
    assert "this needs z3, which is not installed" in done.stderr
    assert 'pip install "pain-pathway[prove]"' in done.stderr


def test_without_the_solver_they_can_be_listed(prove: Run, without_z3: str):
    assert prove("--list", CHEAP[0], PYTHONPATH=without_z3).returncode == 0


def test_without_the_solver_a_check_says_that_nothing_was_proved(without_z3: str, tmp_path: Path):
    done = pathway("check", PYTHONPATH=without_z3, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "NOT PROVED: " in done.stdout
    assert 'pip install "pain-pathway[prove]"' in done.stdout


def test_a_check_without_proofs_says_nothing_of_them(tmp_path: Path):
    done = pathway("check", "--no-proofs", XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "no fault found" in done.stdout
    assert "proved" not in done.stdout.lower()


def test_ctrl_c_stops_it_and_leaves_no_file_half_written(tmp_path: Path):
    folder = tmp_path / "cache"
    env = {**os.environ, "XDG_CACHE_HOME": str(folder), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pathway", "prove", "--fresh", "-o", str(tmp_path / "out")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("proved")  # it is in the midst of it
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err and "invariants proved" not in out
    assert not list(tmp_path.rglob("*.part"))
