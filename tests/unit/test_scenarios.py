"""The scenarios of the page on what a walk means, by number, each through the whole path from data to walk."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from pathway.api import read
from pathway.cache import load
from pathway.walks import Walk, walk_case

ROOT = ["fracture-correction", "scar-removal", "other-cause-treatment"]
THERAPIES = [
    "physical-therapy",
    "massage",
    "stretching",
    "pain-management",
    "psychotherapy",
    "occupational-therapy",
    "nerve-block",
    "steroid-injection",
]
MEDICATION = [
    "muscle-relaxant",
    "antiseizure",
    "antianxiety",
    "antidepressant",
    "pain-medication-nonopioid",
    "opioid",
]
KETAMINE = ["iv-ketamine"]
IMPLANT = ["spinal-cord-stimulator", "pain-pump"]
OPTIONS = [*ROOT, *THERAPIES, *MEDICATION, *KETAMINE, *IMPLANT]
BOTH = [*THERAPIES, *MEDICATION]
LATE = [*KETAMINE, *IMPLANT]

STEPS = ("chronic", "root", "therapies", "medication", "ketamine", "implant")
NOTHING_ELSE = "nothing else"

HARMLESS: dict[str, Any] = {
    "age": 45,
    "sex": "male",
    "care": "none",
    "pain": {"duration": "7 months", "sites": ["low-back", "nothing else"], "mechanisms": "none"},
    "allergies": "none",
    "devices": "none",
    "kidney_function": 90,
    "hla_b_1502": "negative",
    "assessments": "none",
    "injections": {"same_joint": 0, "joint_replacement_soon": "no"},
    "stimulator": {"trial": "not-done", "can_operate": "yes", "needs_diathermy": "no", "needs_mri": "no"},
    "causes": "none",
    "trials": "none",
    "illnesses": "none",
    "medicines": "none",
    "declined": "none",
    "red_flags": "none",
    "conditions": "none",
    "problems": "none",
    "blood_pressure": "normal",
    "pregnancy": "no",
}


def trial(treatment: str, result: str = "failed", **more: str) -> dict[str, str]:
    return {"treatment": treatment, "state": "ended", "result": result, "adequate": "yes", **more}


def trials(*told: Mapping[str, str]) -> dict[str, Any]:
    return {"trials": [*told, NOTHING_ELSE]}


TWO_THERAPIES = [trial("physical-therapy"), trial("massage")]
TWO_MEDICINES = [trial("antidepressant"), trial("antiseizure")]
TWO_AND_TWO = trials(*TWO_THERAPIES, *TWO_MEDICINES)
TRIED = [each["treatment"] for each in TWO_AND_TWO["trials"][:-1]]
LEFT = [option for option in BOTH if option not in TRIED]


@dataclass(frozen=True)
class Scenario:
    number: int
    name: str
    case: Mapping[str, Any]
    ending: tuple[str, str, tuple[str, ...]]  # kind, reason of a stop, steps it speaks of
    steps: str  # in the order of STEPS
    options: Mapping[str, list[str]]  # status -> options; ROOT that is not named does not apply
    provisional: bool = False


def without(names: list[str], *gone: str) -> list[str]:
    return [name for name in names if name not in gone]


SCENARIOS = [
    Scenario(
        1,
        "six weeks of pain are not chronic",
        {"pain": {"duration": "6 weeks"}},
        ("stop", "not-chronic", ()),
        "stopped not-yet not-yet not-yet not-yet not-yet",
        {"not-yet": [*BOTH, *LATE]},
    ),
    Scenario(
        2,
        "the duration is unknown",
        {"pain": {}},
        ("questions", "", ("chronic", "root", "therapies", "medication")),
        "asks asks asks asks not-yet not-yet",
        {"after-asking": BOTH, "not-yet": LATE},
    ),
    Scenario(
        3,
        "a malunited fracture can be corrected and is untouched",
        {"causes": [{"kind": "malunited-fracture", "correctable": "yes"}, NOTHING_ELSE]},
        ("current", "", ("root",)),
        "done current not-yet not-yet not-yet not-yet",
        {"offered": ["fracture-correction"], "not-yet": [*BOTH, *LATE]},
    ),
    Scenario(
        4,
        "nobody knows whether the fracture can be corrected",
        {"causes": [{"kind": "malunited-fracture"}, NOTHING_ELSE]},
        ("questions", "", ("root", "therapies", "medication")),
        "done asks asks asks not-yet not-yet",
        {"after-asking": ["fracture-correction", *BOTH], "not-yet": LATE},
    ),
    Scenario(
        5,
        "nothing was tried",
        {},
        ("current", "", ("therapies", "medication")),
        "done not-needed current current not-yet not-yet",
        {"offered": BOTH, "not-yet": LATE},
    ),
    Scenario(
        6,
        "nothing was tried and nobody knows of an anticoagulant",
        {"unknown": ["anticoagulant"]},
        ("current", "", ("therapies", "medication")),
        "done not-needed current current not-yet not-yet",
        {"after-asking": ["nerve-block"], "offered": without(BOTH, "nerve-block"), "not-yet": LATE},
    ),
    Scenario(
        7,
        "physical therapy helps",
        trials(trial("physical-therapy", "helped")),
        ("current", "", ("therapies",)),
        "done not-needed current not-needed not-needed not-needed",
        {"continue": ["physical-therapy"], "not-needed": [*without(BOTH, "physical-therapy"), *LATE]},
    ),
    Scenario(
        8,
        "physical therapy is running and its result is unknown",
        trials({"treatment": "physical-therapy", "state": "running"}),
        ("current", "", ("therapies", "medication")),
        "done not-needed current current not-yet not-yet",
        {
            "under-way": ["physical-therapy"],
            "after-asking": without(BOTH, "physical-therapy"),
            "not-yet": LATE,
        },
    ),
    Scenario(
        9,
        "two therapies and one medicine failed",
        trials(*TWO_THERAPIES, trial("antidepressant")),
        ("current", "", ("medication",)),
        "done not-needed done current not-yet not-yet",
        {
            "tried": ["physical-therapy", "massage", "antidepressant"],
            "left": without(THERAPIES, "physical-therapy", "massage"),
            "offered": without(MEDICATION, "antidepressant"),
            "not-yet": LATE,
        },
    ),
    Scenario(
        10,
        "two therapies and two medicines failed",
        TWO_AND_TWO,
        ("current", "", ("ketamine",)),
        "done not-needed done done current not-yet",
        {"tried": TRIED, "left": LEFT, "offered": KETAMINE, "not-yet": IMPLANT},
    ),
    Scenario(
        11,
        "two and two failed and the blood pressure is unknown",
        {**TWO_AND_TWO, "blood_pressure": "unknown"},
        ("questions", "", ("ketamine", "implant")),
        "done not-needed done done asks asks",
        {"tried": TRIED, "left": LEFT, "after-asking": LATE},
    ),
    Scenario(
        12,
        "two and two failed and the blood pressure is not under control",
        {**TWO_AND_TWO, "blood_pressure": "uncontrolled"},
        ("current", "", ("implant",)),
        "done not-needed done done done current",
        {"tried": TRIED, "left": LEFT, "held-back": KETAMINE, "offered": IMPLANT},
    ),
    Scenario(
        13,
        "two and two failed and ketamine is declined",
        {**TWO_AND_TWO, "declined": ["iv-ketamine", NOTHING_ELSE]},
        ("current", "", ("implant",)),
        "done not-needed done done done current",
        {"tried": TRIED, "left": LEFT, "declined": KETAMINE, "offered": IMPLANT},
    ),
    Scenario(
        14,
        "nothing was tried and there is a red flag",
        {"red_flags": ["thunderclap-headache"]},
        ("stop", "referral", ()),
        "done not-needed current current not-yet not-yet",
        {"withheld": BOTH, "not-yet": LATE},
    ),
    Scenario(
        15,
        "nothing was tried and nobody asked for red flags",
        {"red_flags": "unknown"},
        ("current", "", ("therapies", "medication")),
        "done not-needed current current not-yet not-yet",
        {"after-asking": BOTH, "not-yet": LATE},
        provisional=True,
    ),
    Scenario(
        16,
        "one therapy failed, the second may have been inadequate, and two medicines failed",
        trials(
            trial("physical-therapy"),
            {"treatment": "massage", "state": "ended", "result": "failed"},
            *TWO_MEDICINES,
        ),
        ("questions", "", ("therapies", "ketamine")),
        "done not-needed asks done asks not-yet",
        {
            "tried": ["physical-therapy", "antidepressant", "antiseizure"],
            "after-asking": ["massage", *KETAMINE],
            "offered": without(THERAPIES, "physical-therapy", "massage"),
            "left": without(MEDICATION, "antidepressant", "antiseizure"),
            "not-yet": IMPLANT,
        },
    ),
    Scenario(
        17,
        "every therapy is declined and two medicines failed",
        {**trials(*TWO_MEDICINES), "declined": [*THERAPIES, NOTHING_ELSE]},
        ("stop", "end", ()),
        "done not-needed stopped done not-yet not-yet",
        {
            "declined": THERAPIES,
            "tried": ["antidepressant", "antiseizure"],
            "left": without(MEDICATION, "antidepressant", "antiseizure"),
            "not-yet": LATE,
        },
    ),
    Scenario(
        18,
        "everything failed",
        trials(*(trial(option) for option in [*BOTH, *LATE])),
        ("stop", "end", ()),
        "done not-needed done done done stopped",
        {"tried": [*BOTH, *LATE]},
    ),
    Scenario(
        19,
        "the stimulator helps with nothing before it",
        trials(trial("spinal-cord-stimulator", "helped")),
        ("current", "", ("implant",)),
        # `chronic` is done also under relief: the definition holds while something helps.
        "done not-needed not-needed not-needed not-needed current",
        {"continue": ["spinal-cord-stimulator"], "not-needed": [*BOTH, *KETAMINE, "pain-pump"]},
    ),
    Scenario(
        20,
        "nothing is known",
        dict.fromkeys(HARMLESS),
        ("questions", "", STEPS),
        "asks asks asks asks asks asks",
        {"after-asking": OPTIONS},
        provisional=True,
    ),
    Scenario(
        21,
        "physical therapy helps and is now contraindicated",
        {**trials(trial("physical-therapy", "helped")), "illnesses": ["unstable-angina", NOTHING_ELSE]},
        ("current", "", ("therapies",)),
        "done not-needed current not-needed not-needed not-needed",
        # The unstable heart that speaks against exercise speaks against ketamine too.
        {
            "review": ["physical-therapy"],
            "held-back": KETAMINE,
            "not-needed": [*without(BOTH, "physical-therapy"), *IMPLANT],
        },
    ),
]


def walk(case: Mapping[str, Any]) -> Walk:
    compiled = load()
    told = {name: value for name, value in {**HARMLESS, **case}.items() if value is not None}
    return walk_case(read(told, compiled=compiled), compiled)


def test_every_scenario_of_the_page_stands_here_once():
    assert [scenario.number for scenario in SCENARIOS] == list(range(1, 22))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: f"{s.number}-{s.name.replace(' ', '-')}")
def test_a_scenario_walks_as_the_page_says(scenario: Scenario):
    walked = walk(scenario.case)
    expected = {option: status for status, options in scenario.options.items() for option in options}
    expected = {**dict.fromkeys(ROOT, "does-not-apply"), **expected}
    assert sorted(expected) == sorted(OPTIONS)

    ending = walked.ending
    assert (ending.kind, ending.reason, ending.steps) == scenario.ending
    assert ending.provisional is scenario.provisional
    assert [step.step for step in walked.steps] == list(STEPS)
    assert " ".join(step.status for step in walked.steps) == scenario.steps
    assert {option.option: option.status for step in walked.steps for option in step.options} == expected


def asked(case: Mapping[str, Any]) -> dict[str, bool]:
    return {question.field: question.danger for question in walk(case).questions}


def test_the_unknown_duration_of_scenario_2_is_its_only_question():
    assert asked({"pain": {}}) == {"pain.duration": False}


def test_scenario_5_asks_nothing():
    assert asked({}) == {}


def test_the_red_flags_of_scenario_15_are_asked_as_dangerous():
    assert asked({"red_flags": "unknown"}) == {"red_flags": True}


def test_scenario_20_asks_for_red_flags_first():
    questions = walk(dict.fromkeys(HARMLESS)).questions
    assert questions[0].field == "red_flags"
    dangers = [question.danger for question in questions]
    assert dangers == sorted(dangers, reverse=True)
    assert {"red_flags", "age", "care"} <= {question.field for question in questions if question.danger}


def test_every_step_and_option_of_scenario_20_that_is_unknown_names_what_to_ask():
    walked = walk(dict.fromkeys(HARMLESS))
    assert all(option.asks for step in walked.steps for option in step.options)


def test_the_thirteen_other_options_of_scenario_6_ask_nothing():
    walked = walk({"unknown": ["anticoagulant"]})
    asks = {option.option: option.asks for step in walked.steps for option in step.options if option.asks}
    assert asks == {"nerve-block": ("medicines",)}
