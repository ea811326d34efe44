import json
import os
import pty
import re
import resource
import shlex
import shutil
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


def in_a_shell(line: str, folder: Path = ROOT, **more: str) -> subprocess.CompletedProcess[bytes]:
    """A line of shell in which `pathway` is the command, for redirections."""
    command = shlex.join([sys.executable, "-m", "pathway"])
    return subprocess.run(
        ["/bin/sh", "-c", f'pathway() {{ {command} "$@"; }}\n{line}'],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        env=environment(PYTHONPATH=str(ROOT), **more),
        cwd=folder,
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
    assert second["case"] == CASE
    assert "out-of-range" in done.stderr


@pytest.mark.parametrize("said", ["", "- a list\n", "pain: [\n", "\x00\x01", "title: a\ntitle: b\n"])
def test_what_is_no_case_is_a_problem_and_never_a_traceback(said: str):
    done = pathway("walk", "-", said=said)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.match(r"-(:\d+:\d+)?: [a-z0-9-]+: ", done.stderr)
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


def test_standard_input_is_read_only_once(good: str):
    for args in (["walk", "-", "-"], ["walk", "-", "--policy", "-"], ["new", "--ask", "--policy", "-"]):
        done = pathway(*args, said=GOOD)
        assert (done.returncode, done.stdout) == (2, "")
        assert "Usage:" in done.stderr


@pytest.mark.parametrize("ending", [".yaml", ".json"])
def test_a_bundled_name_that_is_also_a_file_here_is_asked_about(tmp_path: Path, ending: str):
    (tmp_path / f"{CASE}{ending}").write_text("{}", encoding="utf-8")
    done = in_a_shell(f"pathway walk {CASE}", tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert f"Write {CASE}{ending} for the file" in done.stderr.decode()
    assert in_a_shell(f"pathway walk {CASE}{ending}", tmp_path).returncode == 0


def test_the_bundled_case_itself_is_no_other_file():
    assert in_a_shell(f"pathway walk {CASE}", ROOT / "cases").returncode == 0


# ---- what is written ----


@pytest.mark.parametrize("other", ["case.yaml", "./case.yaml", "link.yaml", "hard.yaml"])
@pytest.mark.parametrize(
    "args", ["walk case.yaml", "walk age-only --policy case.yaml", "new --force --policy case.yaml"]
)
def test_an_output_that_is_an_input_is_refused_and_left_whole(tmp_path: Path, args: str, other: str):
    case = tmp_path / "case.yaml"
    text = "{}\n"
    case.write_text(text, encoding="utf-8")
    (tmp_path / "link.yaml").symlink_to("case.yaml")
    (tmp_path / "hard.yaml").hardlink_to(case)
    done = in_a_shell(f"pathway {args} -o {other}", tmp_path)
    assert (done.returncode, done.stdout) == (1, b"")
    assert "is the same file as case.yaml" in done.stderr.decode()
    assert case.read_text(encoding="utf-8") == text


def test_an_output_in_the_folder_of_the_rules_is_refused(good: str, tmp_path: Path):
    folder = tmp_path / "ours"
    shutil.copytree(ROOT / "rules", folder)
    for output in (folder / "policy.yaml", folder / "steps" / "new.yaml", tmp_path / "link"):
        if output.name == "link":
            output.symlink_to(folder / "edition.yaml")
        for args in (["walk", good], ["new", "--force"]):
            done = pathway(*args, "--rules", str(folder), "-o", str(output))
            assert done.returncode == 1
            assert "cannot write here" in done.stderr
    assert not (folder / "steps" / "new.yaml").exists()
    assert (folder / "policy.yaml").read_bytes() == (ROOT / "rules" / "policy.yaml").read_bytes()


@pytest.mark.parametrize("args", [["new"], ["new", "--ask"]])
def test_a_new_case_overwrites_a_file_only_when_forced_and_says_so_before_the_first_question(
    tmp_path: Path, args: list[str]
):
    target = tmp_path / "case.yaml"
    target.write_text("age: 44\n", encoding="utf-8")
    done = pathway(*args, "-o", str(target), said="none\n")
    assert (done.returncode, done.stdout) == (1, "")
    assert "--force" in done.stderr
    assert "warning signs" not in done.stderr
    assert target.read_text(encoding="utf-8") == "age: 44\n"
    assert pathway(*args, "-o", str(target), "--force", said="none\n").returncode == 0
    assert "red_flags" in target.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["nowhere/case.yaml", "x" * 300, "."])
def test_an_interview_asks_nothing_when_its_case_could_not_be_written(tmp_path: Path, name: str):
    done = pathway("new", "--ask", "-o", str(tmp_path / name), said="none\n")
    assert done.returncode == 1
    assert "cannot write here" in done.stderr
    assert "warning signs" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def without_room(*args: str, said: str = "") -> subprocess.CompletedProcess[str]:
    """The command where no file can grow."""
    return subprocess.run(
        [sys.executable, "-m", "pathway", *args],
        input=said,
        capture_output=True,
        text=True,
        env=environment(),
        cwd=ROOT,
        timeout=120,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
    )


def test_a_write_that_fails_leaves_the_old_file_whole(good: str, tmp_path: Path):
    pathway("walk", good)
    target = tmp_path / "walk.txt"
    target.write_text("the old walk", encoding="utf-8")
    done = without_room("walk", good, "-o", str(target))
    assert done.returncode == 1
    assert "cannot write here: File too large" in done.stderr
    assert target.read_text(encoding="utf-8") == "the old walk"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["good.yaml", "walk.txt"]


def test_what_was_answered_is_printed_when_it_cannot_be_written(tmp_path: Path):
    done = without_room("new", "--ask", "-o", str(tmp_path / "case.yaml"), said="none\n")
    assert done.returncode == 1
    assert "red_flags: none" in done.stdout
    assert "cannot write here" in done.stderr


def test_a_written_file_keeps_the_mode_of_the_one_before(good: str, tmp_path: Path):
    target = tmp_path / "walk.txt"
    target.write_text("old", encoding="utf-8")
    target.chmod(0o640)
    assert pathway("walk", good, "-o", str(target)).returncode == 0
    assert target.stat().st_mode & 0o777 == 0o640
    assert "A good one" in target.read_text(encoding="utf-8")


def test_a_device_is_written_to_and_not_replaced(good: str):
    assert pathway("walk", good, "-o", "/dev/null").returncode == 0
    assert Path("/dev/null").is_char_device()
    assert "A good one" in pathway("walk", good, "-o", "/dev/stdout").stdout


# ---- streams, names and faults ----


@pytest.mark.parametrize(
    "args", [f"walk {CASE}", "new", "rules list", "cases", "check --no-proofs", "schema case", "--help", "--version"]
)
@pytest.mark.parametrize("where", ["> /dev/full", ">&-"])
def test_an_answer_that_cannot_be_told_is_a_message_and_exit_1(args: str, where: str):
    done = in_a_shell(f"pathway {args} {where}")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode().startswith("standard input or output failed: ")
    assert done.stderr.count(b"\n") == 1


def test_an_answer_to_a_file_needs_no_stdout(good: str, tmp_path: Path):
    done = in_a_shell(f"pathway walk {good} -o {tmp_path}/walk.txt >&-")
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "walk.txt").stat().st_size > 100


def test_standard_error_that_is_closed_or_full_changes_no_exit_code(broken: str):
    for where in ("2>&-", "2>/dev/full"):
        assert in_a_shell(f"pathway walk {CASE} {where}").returncode == 0
        assert in_a_shell(f"pathway walk {broken} {where}").returncode == 1


def test_an_interview_without_standard_input_is_a_problem():
    done = in_a_shell("pathway new --ask <&-")
    assert done.returncode == 1
    assert b"standard input is closed" in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_what_is_redirected_is_utf_8_whatever_the_locale(tmp_path: Path, encoding: str):
    case = tmp_path / "case.yaml"
    case.write_text("title: Größe → ∞\npain: {duration: 7 months}\nage: é\n", encoding="utf-8")
    wrong = in_a_shell(f"pathway walk {case}", PYTHONIOENCODING=encoding)
    assert wrong.returncode == 1
    assert b"Traceback" not in wrong.stderr
    case.write_text("title: Größe → ∞\npain: {duration: 7 months}\n", encoding="utf-8")
    for kind in ("text", "json", "html", "markdown"):
        done = in_a_shell(f"pathway walk {case} --format {kind}", PYTHONIOENCODING=encoding)
        assert (done.returncode, done.stderr) == (0, b"")
        assert "Größe → ∞" in done.stdout.decode("utf-8")


def test_a_file_name_that_is_no_text_is_told_in_every_format(tmp_path: Path):
    case = os.fsencode(tmp_path) + b"/caf\xe9.yaml"
    with open(case, "wb") as stream:
        stream.write(GOOD.encode())
    for kind in ("text", "json", "html", "markdown"):
        for output in ("", f" -o {tmp_path}/out"):
            done = in_a_shell(f"pathway walk {tmp_path}/caf*.yaml --format {kind}{output}")
            assert (done.returncode, done.stderr) == (0, b"")
            told = (tmp_path / "out").read_bytes() if output else done.stdout
            assert "A good one" in told.decode("utf-8")
            if kind == "json":
                assert os.fsencode(json.loads(told)["case"]) == case


@pytest.mark.parametrize("option", ["", "--policy", "--rules", "-o"])
def test_a_very_long_name_is_a_problem(option: str, good: str):
    name = "x" * 5000
    done = pathway("walk", *([good, option, name] if option else [name]))
    assert (done.returncode, done.stdout) == (1, "")
    assert "File name too long" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_asked_for_wrongly_is_a_message(shell: str):
    done = pathway(_PATHWAY_COMPLETE=f"{shell}_complete")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("completion was asked for without its words")
    assert done.stderr.count("\n") == 1


FAULT = """
import sys
import pathway.walks
from pathway.cli import run

def breaks(*_):
    return [].Mrs_Ruiz

pathway.walks.{function}.__code__ = breaks.__code__
sys.argv = ["pathway", "walk", "{case}"]
run()
"""


def broken_inside(**more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", FAULT.format(function="walk_case", case=CASE)],
        capture_output=True,
        text=True,
        env=environment(**more),
        cwd=ROOT,
        timeout=120,
        check=False,
    )


def test_a_fault_of_ours_tells_its_type_and_line_and_nothing_of_the_case():
    done = broken_inside()
    assert (done.returncode, done.stdout) == (3, "")
    assert re.match(
        r"a fault of pathway itself: AttributeError at pathway\.\w+:\d+\n  help: please report", done.stderr
    )
    assert "Ruiz" not in done.stderr
    assert "Traceback" not in done.stderr


def test_the_trace_of_a_fault_is_shown_when_asked_for():
    done = broken_inside(PATHWAY_DEBUG="1")
    assert done.returncode == 3
    assert "Traceback" in done.stderr
    assert "Mrs_Ruiz" in done.stderr


EARLY = """
import sys

class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == "{module}":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupts())
sys.argv = ["pathway", "walk", "-"]
from pathway.__main__ import run
run()
"""


@pytest.mark.parametrize("module", ["pathway.cli", "click", "pathway.case"])
def test_an_interrupt_however_early_exits_130_without_a_trace(module: str):
    done = subprocess.run(
        [sys.executable, "-c", EARLY.format(module=module)],
        capture_output=True,
        text=True,
        env=environment(),
        cwd=ROOT,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


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
    done = pathway("check", "--no-proofs")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"\d+ rules, \d+ examples", done.stdout)


def test_check_of_a_folder_without_rules_is_a_problem(tmp_path: Path):
    done = pathway("check", "--rules", str(tmp_path))
    assert done.returncode == 1
    assert "no folder of rules" in done.stderr


def test_problems_of_another_folder_of_rules_are_placed_there(tmp_path: Path):
    folder = tmp_path / "ours"
    shutil.copytree(ROOT / "rules", folder)
    words = folder / "words" / "pain.yaml"
    whole = words.read_text(encoding="utf-8")
    words.write_text(whole + "- word: nobody\n", encoding="utf-8")
    for args in (f"walk {CASE}", "check"):
        assert b"\nours/words/pain.yaml:" in b"\n" + in_a_shell(f"pathway {args} --rules ours", tmp_path).stderr
    words.write_text(whole.replace("expect: unknown", "expect: yes", 1), encoding="utf-8")
    done = in_a_shell("pathway check --rules ours/", tmp_path)
    assert done.returncode == 1
    assert re.match(rb"ours/words/pain\.yaml:\d+: bad-example", done.stderr)


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
