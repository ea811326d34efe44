import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest

ROOT = Path(__file__).resolve().parents[2]
CASE = "crps-after-fracture"
GOOD = "title: A good one\npain: {duration: 7 months}\nred_flags: none\n"
BROKEN = "title: A broken one\npain: {intensity: 14}\n"
SETTINGS = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8", "TERM": "xterm-256color"}


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PATHWAY_") and name != "NO_COLOR"}
    return {**kept, **SETTINGS, **more}


def pathway(*args: str, said: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    """The command, as a user's shell runs it."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "pathway", *args],
        input=said,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=environment(**more),
        cwd=ROOT,
        timeout=120,
        check=False,
    )


def on_a_terminal(*args: str, **more: str) -> str:
    """What the command writes when stdout is a terminal."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "pathway", *args]
    with subprocess.Popen(command, stdout=theirs, stdin=theirs, env=environment(**more), cwd=ROOT) as process:
        os.close(theirs)
        told = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:
                break
            if not part:
                break
            told += part
    os.close(ours)
    assert process.returncode == 0
    return told.decode()


@pytest.fixture
def good(tmp_path: Path) -> str:
    path = tmp_path / "good.yaml"
    path.write_text(GOOD, encoding="utf-8")
    return str(path)


@pytest.fixture
def broken(tmp_path: Path) -> str:
    path = tmp_path / "broken.yaml"
    path.write_text(BROKEN, encoding="utf-8")
    return str(path)


# ---- walk ----


def test_a_bundled_case_walks_by_its_name_and_by_its_file():
    by_name, by_file = pathway("walk", CASE), pathway("walk", f"cases/{CASE}.yaml")
    assert (by_name.returncode, by_name.stderr) == (0, "")
    assert by_name.stdout.splitlines()[1:] == by_file.stdout.splitlines()[1:]
    assert "Is it chronic?" in by_name.stdout


def test_a_case_comes_from_stdin_as_yaml_or_json(good: str):
    told = pathway("walk", good).stdout
    assert pathway("walk", "-", said=GOOD).stdout == told
    data = {"title": "A good one", "pain": {"duration": "7 months"}, "red_flags": "none"}
    assert pathway("walk", "-", said=json.dumps(data)).stdout == told


@pytest.mark.parametrize(
    ("kind", "start"),
    [("text", "A good one\n"), ("json", "{\n"), ("html", "<!DOCTYPE html>\n"), ("markdown", "# A good one\n")],
)
def test_every_format_can_be_asked_for_by_option_and_by_environment(good: str, kind: str, start: str):
    by_option, by_environment = pathway("walk", good, "--format", kind), pathway("walk", good, PATHWAY_FORMAT=kind)
    assert (by_option.returncode, by_option.stderr) == (0, "")
    assert by_option.stdout.startswith(start)
    assert by_environment.stdout == by_option.stdout


def test_an_option_wins_over_the_environment(good: str):
    assert pathway("walk", good, "--format", "text", PATHWAY_FORMAT="json").stdout.startswith("A good one")


def test_the_answer_goes_to_a_file_when_asked_and_nothing_to_stdout(good: str, tmp_path: Path):
    target = tmp_path / "walk.html"
    done = pathway("walk", good, "--format", "html", "-o", str(target))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert target.read_text(encoding="utf-8") == pathway("walk", good, "--format", "html").stdout
    assert pathway("walk", good, "-o", "-").stdout == pathway("walk", good).stdout


def test_a_place_that_cannot_be_written_to_is_a_problem(good: str, tmp_path: Path):
    done = pathway("walk", good, "-o", str(tmp_path / "none" / "walk.txt"))
    assert done.returncode == 1
    assert "cannot write here" in done.stderr


def test_a_wrong_case_is_told_on_stderr_with_its_place_and_exit_1(broken: str):
    done = pathway("walk", broken)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{broken}:2:19: out-of-range:" in done.stderr
    assert "help:" in done.stderr
    assert "Traceback" not in done.stderr


def test_of_several_cases_a_broken_one_does_not_silence_the_others(good: str, broken: str):
    done = pathway("walk", good, broken, CASE, "--format", "json")
    assert done.returncode == 1
    first, second = json.loads(done.stdout)
    assert first["title"] == "A good one"
    assert second["case"].endswith(f"{CASE}.yaml")
    assert "out-of-range" in done.stderr


@pytest.mark.parametrize("said", ["", "- a list\n", "pain: [\n", "\x00\x01", "title: a\ntitle: b\n"])
def test_what_is_no_case_is_a_problem_and_never_a_traceback(said: str):
    done = pathway("walk", "-", said=said)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.match(r"-(:\d+:\d+)?: [a-z-]+: ", done.stderr)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "args",
    [["walk"], ["walk", CASE, "--format", "pdf"], ["walk", CASE, "--width", "3"], ["wlak", CASE], ["rules", "shwo"],
     ["walk", CASE, "--as-of", "yesterday"], ["schema", "rule"]],
)  # fmt: skip
def test_a_command_used_wrongly_exits_2_and_says_how(args: list[str]):
    done = pathway(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Usage:" in done.stderr


def test_a_misspelt_command_is_met_with_the_nearest_one():
    assert 'Did you mean "walk"?' in pathway("wlak", CASE).stderr


def test_a_case_that_is_not_there_is_a_problem():
    done = pathway("walk", "no-such-case.yaml")
    assert done.returncode == 1
    assert "not-found" in done.stderr


def test_as_of_overrules_the_file(tmp_path: Path):
    case = tmp_path / "case.yaml"
    case.write_text("as_of: 2026-03-02\npain: {began: 2026-01-01}\nred_flags: none\n", encoding="utf-8")
    assert "not chronic" in pathway("walk", str(case)).stdout
    assert "not chronic" not in pathway("walk", str(case), "--as-of", "2026-06-02").stdout


def test_a_policy_file_changes_the_walk_and_is_stamped_on_it(good: str, tmp_path: Path):
    policy = tmp_path / "clinic.yaml"
    policy.write_text("therapies-exhausted-at: 3\n", encoding="utf-8")
    assert "therapies-exhausted-at = 3" in pathway("walk", good, "--policy", str(policy)).stdout
    policy.write_text("therapies-exhausted-at: 0\n", encoding="utf-8")
    wrong = pathway("walk", good, PATHWAY_POLICY=str(policy))
    assert wrong.returncode == 1
    assert "out-of-range" in wrong.stderr


def test_the_same_case_gives_the_same_bytes_in_every_format():
    for kind in ("text", "json", "html", "markdown"):
        first, second = (pathway("walk", CASE, "--format", kind, PYTHONHASHSEED=seed).stdout for seed in ("1", "2"))
        assert first == second != ""


def test_a_reader_that_goes_away_is_no_fault_of_ours():
    command = [sys.executable, "-m", "pathway", "rules", "book"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), cwd=ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"# ")
        process.stdout.close()
        told = process.stderr.read().decode()
        process.wait(timeout=60)
    assert (process.returncode, told) == (0, "")


# ---- colour ----


def test_a_terminal_gets_colours_unless_no_color_is_set_or_they_are_refused():
    assert "\x1b[" in on_a_terminal("walk", CASE)
    assert "\x1b[" not in on_a_terminal("walk", CASE, NO_COLOR="1")
    assert "\x1b[" not in on_a_terminal("walk", CASE, "--no-colour")


def test_a_pipe_gets_no_colours_unless_they_are_asked_for():
    assert "\x1b[" not in pathway("walk", CASE).stdout
    assert "\x1b[" in pathway("walk", CASE, "--colour").stdout


# ---- new ----


def test_a_new_blank_walks_as_it_is(tmp_path: Path):
    target = tmp_path / "blank.yaml"
    assert pathway("new", "-o", str(target)).returncode == 0
    assert pathway("new").stdout == target.read_text(encoding="utf-8")
    done = pathway("walk", str(target))
    assert done.returncode == 0
    assert "known          nothing" in done.stdout


def test_an_interview_from_a_pipe_writes_a_case_that_walks():
    done = pathway("new", "--ask", said="none\n?\n7 months\ndone\n")
    assert done.returncode == 0
    assert "red_flags: none" in done.stdout
    assert "?" not in done.stdout
    walk = pathway("walk", "-", said=done.stdout)
    assert walk.returncode == 0


def test_an_interview_whose_input_ends_writes_the_case_so_far():
    done = pathway("new", "--ask", said="none\n")
    assert done.returncode == 0
    assert "red_flags: none" in done.stdout
    assert "Aborted" not in done.stderr
    assert "Which warning signs are there?" in done.stderr


def test_an_interview_says_what_is_wrong_with_an_answer_and_asks_again():
    done = pathway("new", "--ask", said="headachy\nnone\ndone\n")
    assert "is not a value known here" in done.stderr
    assert done.stderr.count("Which warning signs are there?") == 2
    assert "red_flags: none" in done.stdout


# ---- rules, check, schema, completion ----


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["list"], "therapies.offer-massage"),
        (["words"], "chronic-pain"),
        (["book"], "## Step 1: Is it chronic?"),
        (["trace"], "s20"),
        (["show", "ketamine.hold-for-pregnancy"], "ket-contra-cv-preg-psych"),
        (["new", "ketamine"], "rule: ketamine."),
    ],
)
def test_the_rules_can_be_read(args: list[str], told: str):
    done = pathway("rules", *args)
    assert (done.returncode, done.stderr) == (0, "")
    assert told in done.stdout


@pytest.mark.parametrize(
    ("args", "kind"), [(["show", "therapies.offer-masage"], "unknown-rule"), (["new", "ketamin"], "unknown-step")]
)
def test_a_name_that_no_rule_has_is_a_problem_with_a_guess(args: list[str], kind: str):
    done = pathway("rules", *args)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{kind}:" in done.stderr
    assert "did you mean" in done.stderr


def test_check_counts_what_it_looked_at_and_finds_no_fault_in_the_bundled_rules():
    done = pathway("check")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"\d+ rules, \d+ examples", done.stdout)


def test_check_of_a_folder_without_rules_is_a_problem(tmp_path: Path):
    done = pathway("check", "--rules", str(tmp_path))
    assert done.returncode == 1
    assert "no folder of rules" in done.stderr


def test_the_schemas_are_schemas_and_the_walk_fits_its_own():
    for what in ("case", "walk"):
        jsonschema.Draft202012Validator.check_schema(json.loads(pathway("schema", what).stdout))
    walk = json.loads(pathway("walk", CASE, "--format", "json").stdout)
    jsonschema.validate(walk, json.loads(pathway("schema", "walk").stdout))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_names_the_command(shell: str):
    done = pathway("completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert "_PATHWAY_COMPLETE" in done.stdout


@pytest.mark.parametrize("args", [[], ["walk"], ["new"], ["check"], ["schema"], ["rules"], ["completion"]])
def test_help_opens_with_an_example(args: list[str]):
    done = pathway(*args, "--help")
    assert done.returncode == 0
    assert "Example:" in done.stdout.split("Options:")[0]


def test_the_version_is_told():
    done = pathway("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"pathway \S+, rules \S+, digest [0-9a-f]{12}\n", done.stdout)
