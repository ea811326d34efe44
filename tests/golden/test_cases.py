"""Every case in cases/ against its golden walk, and against what was expected of it by hand.

A golden shows every word that changed; `pytest tests/golden --accept` rewrites it, and the diff is read. The
lines `# Expect:` in a case are derived by hand from what a walk means, and no option rewrites them.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

import pathway
from pathway.cache import Compiled
from pathway.case import Case
from pathway.cli import main
from pathway.report.data import render_json
from pathway.report.text import Style, render
from pathway.walks import Walk, answers_of

FOLDER = Path(__file__).resolve().parents[2] / "cases"
CASES = sorted(path for path in FOLDER.iterdir() if path.suffix in (".yaml", ".json"))
AT_LEAST = 51
EACH = pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])

CONDITIONS = (
    "osteoarthritis", "rheumatoid-arthritis", "migraine", "fibromyalgia", "phantom-limb-pain",
    "post-surgical-pain", "crps",
)  # fmt: skip
CAUSES = (
    "malunited-fracture", "torn-cartilage", "excessive-scar", "other-unhealed-damage", "nerve-dysfunction", "none",
)  # fmt: skip
CURRENT = ("root", "therapies", "medication", "ketamine", "implant")  # being chronic is never the current step
STEP_STATUSES = ("current", "not-needed", "not-yet", "done", "asks", "stopped")
OPTION_STATUSES = (
    "review", "held-back", "continue", "under-way", "does-not-apply", "tried", "declined", "not-needed", "not-yet",
    "withheld", "left", "offered", "after-asking",
)  # fmt: skip
ENDINGS = ("stop (referral)", "stop (out-of-scope)", "stop (not-chronic)", "stop (end)", "current", "questions")
GRADES = ("emergency", "urgent", "scope")
RESULTS = ("helped", "partly", "failed", "not-tolerated", "undone", None)


# ---- what is expected ----


@dataclass(frozen=True)
class Expected:
    """What a case's lines `Expect:` say: its ending, the status of each step, and of the options that matter."""

    ending: str
    steps: tuple[str, ...]
    options: dict[str, str]


def expected_of(path: Path) -> Expected:
    """The expectation in a case's own comments; that of a JSON case, which can hold none, in cases/README.md."""
    if path.suffix == ".yaml":
        text = path.read_text(encoding="utf-8")
    else:
        _, _, rest = (FOLDER / "README.md").read_text(encoding="utf-8").partition(f"`{path.name}`\n")
        text = rest.partition("\n#")[0]
    told = dict(re.findall(r"^(?:# )?Expect: (ending|steps|options): (.+)$", text, re.MULTILINE))
    assert set(told) == {"ending", "steps", "options"}, f"{path.name} has to say what is expected of it"
    options = dict(pair.split() for pair in told["options"].split(", "))
    return Expected(told["ending"], tuple(told["steps"].split(", ")), options)


def ending_of(walk: Walk) -> str:
    """The ending as the expectations write it: "current (therapies)", "stop (referral), provisional"."""
    about = walk.ending.reason or ", ".join(walk.ending.steps)
    return f"{walk.ending.kind} ({about})" + (", provisional" if walk.ending.provisional else "")


# ---- one walk of each case ----


@cache
def case_of(path: Path) -> Case:
    return pathway.read(path)


@cache
def walk_of(path: Path) -> Walk:
    return pathway.walk(case_of(path))


def golden_of(path: Path) -> Path:
    return path.with_name(f"{path.stem}.walk.txt")


def unstamped(walk: Walk) -> Walk:
    """The walk without what changes at every release."""
    return replace(walk, software="-", edition="-", digest="-")


def seen(what: str) -> set[str | None]:
    """Every value of one thing over all cases."""
    walks = [walk_of(path) for path in CASES]
    profiles = [case_of(path).profile for path in CASES]
    values: dict[str, list[str | None]] = {
        "ending": [f"{w.ending.kind} ({w.ending.reason})" if w.ending.reason else w.ending.kind for w in walks],
        "grade": [w.ending.grade for w in walks],
        "step": [step.status for w in walks for step in w.steps],
        "current": [step.step for w in walks for step in w.steps if step.status == "current"],
        "option": [option.status for w in walks for step in w.steps for option in step.options],
        "condition": [name for p in profiles for name in p.conditions.present],
        "cause": [cause.kind for p in profiles for cause in p.causes]
        + ["none" for p in profiles if p.causes.closed and not p.causes.items],
        "result": [trial.result for p in profiles for trial in p.trials],
    }
    return set(values[what])


# ---- the tests ----


def test_the_folder_holds_the_cases_and_a_golden_for_each() -> None:
    assert len(CASES) >= AT_LEAST
    assert sum(path.suffix == ".json" for path in CASES) >= 2
    assert len({path.stem for path in CASES}) == len(CASES), "two cases share one golden"


def test_every_golden_has_its_case() -> None:
    assert {path.name for path in FOLDER.glob("*.walk.txt")} <= {golden_of(path).name for path in CASES}


@EACH
def test_a_case_walks_as_its_golden_says(path: Path, accept: bool) -> None:
    golden, text = golden_of(path), render(unstamped(walk_of(path)), Style(width=100, colour=False))
    if accept:
        if not golden.is_file() or golden.read_text(encoding="utf-8") != text:
            golden.write_text(text, encoding="utf-8")
        return
    assert golden.is_file(), f"{golden.name} is missing; `pytest tests/golden --accept` writes it"
    assert text == golden.read_text(encoding="utf-8"), "if the new walk is right: `pytest tests/golden --accept`"


@EACH
def test_a_case_walks_as_was_expected_by_hand(path: Path) -> None:
    walk, expected = walk_of(path), expected_of(path)
    options = {option.option: option.status for step in walk.steps for option in step.options}
    assert ending_of(walk) == expected.ending
    assert tuple(step.status for step in walk.steps) == expected.steps
    assert {name: options[name] for name in expected.options} == expected.options


@EACH
def test_a_case_tells_a_story_and_a_child_is_out_of_scope(path: Path) -> None:
    profile = case_of(path).profile
    assert profile.title
    assert 2 <= len(re.findall(r"[.?!](?:\s|$)", profile.story or "")) <= 5
    assert profile.age is not None
    assert profile.age >= 18 or walk_of(path).ending.reason == "out-of-scope"


@EACH
def test_the_engine_and_the_plain_judge_give_the_same_answers(path: Path, compiled: Compiled) -> None:
    answers = answers_of(case_of(path).subject, compiled)  # raises engines-disagree where they do not
    assert set(answers) == set(compiled.tree.node)


@EACH
def test_walking_twice_gives_the_same_bytes(path: Path, compiled: Compiled) -> None:
    again = pathway.walk(pathway.read(path, compiled=compiled), compiled)
    assert render_json([again]).encode() == render_json([walk_of(path)]).encode()
    assert render(again, Style(full=True)) == render(walk_of(path), Style(full=True))


@EACH
def test_the_command_prints_what_the_golden_holds(path: Path) -> None:
    env = {name: None for name in os.environ if name.startswith("PATHWAY_")}
    told = CliRunner().invoke(main, ["walk", str(path), "--width", "100", "--no-colour"], env=env)
    walk = walk_of(path)
    assert told.exit_code == 0, told.output
    assert told.stdout == render(walk, Style(width=100, colour=False))
    stamp = " ".join(told.stdout.split())
    for changing in (walk.digest, walk.digest[:12], walk.edition, walk.software):
        stamp = stamp.replace(changing, "-")
    assert stamp == " ".join(render(unstamped(walk), Style(width=100, colour=False)).split())


def test_the_table_of_the_cases_is_whole_and_tells_each_ending() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^`]+)` \| .+ \| (.+) \|$", readme, re.MULTILINE)
    assert len(rows) == len(CASES)
    assert dict(rows) == {path.name: ending_of(walk_of(path)) for path in CASES}


@pytest.mark.parametrize(
    ("what", "values"),
    [
        pytest.param("condition", CONDITIONS, id="each-condition-of-the-faq"),
        pytest.param("cause", CAUSES, id="each-cause-and-none-found"),
        pytest.param("current", CURRENT, id="each-step-as-the-current-one"),
        pytest.param("step", STEP_STATUSES, id="each-status-of-a-step"),
        pytest.param("option", OPTION_STATUSES, id="each-status-of-an-option"),
        pytest.param("ending", ENDINGS, id="each-ending"),
        pytest.param("grade", GRADES, id="each-grade-of-what-ends-a-walk"),
        pytest.param("result", RESULTS, id="each-result-of-a-trial"),
    ],
)
def test_the_cases_cover(what: str, values: tuple[str | None, ...]) -> None:
    assert set(values) <= seen(what), f"no case has {what} {sorted(map(str, set(values) - seen(what)))}"


def test_being_chronic_is_stopped_at_or_asked_about_but_never_current() -> None:
    assert {walk_of(path).steps[0].status for path in CASES} == {"done", "stopped", "asks"}


def test_some_walk_is_provisional_and_some_is_not() -> None:
    assert {walk_of(path).ending.provisional for path in CASES} == {True, False}
