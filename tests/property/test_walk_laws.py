"""The laws of the walk, for any case: what answering, holding back and failing may and may not change."""

import random
from collections.abc import Mapping
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from pathway.engine import plain
from pathway.findings import find
from pathway.profile import NOTHING_ELSE
from pathway.tree import Node, RuleTree
from pathway.walks import Walk, walk_case
from tests.property.strategies import (
    NAMES,
    Answer,
    Data,
    answered,
    case_of,
    cases,
    compiled,
    examples,
    findings_of,
    items,
    options,
)

STEPS = ("chronic", "root", "therapies", "medication", "ketamine", "implant")
IMPLANTS = {"spinal-cord-stimulator", "pain-pump"}


def answers(data: Data) -> Mapping[str, int | str]:
    tree = compiled().tree
    return plain.run(tree, find(case_of(data).subject, tree.field_words))


def sharp(told: Mapping[str, int | str]) -> dict[str, int]:
    return {name: value for name, value in told.items() if isinstance(value, int) and value != 0}


def said(data: Data) -> Walk:
    return walk_case(case_of(data), compiled())


def statuses(walk: Walk) -> dict[str, str]:
    of_options = {option.option: option.status for step in walk.steps for option in step.options}
    return {**of_options, **{step.step: step.status for step in walk.steps}, "": walk.ending.sentence}


def having(tree: RuleTree, values: Mapping[str, str]) -> RuleTree:
    """The tree with some of its nodes always yes, or always no."""
    return RuleTree(tuple(Node(n.name, "logic", [values[n.name]]) if n.name in values else n for n in tree.nodes))


# ---- answering ----


@examples(300)
@given(st.data(), cases())
def test_answering_an_unknown_never_changes_a_yes_or_no(draw: st.DataObject, data: Data):
    answer: Answer | None = draw.draw(answered(data))
    assume(answer is not None)
    what, after = answer  # type: ignore[misc]
    then, now = sharp(answers(data)), answers(after)
    changed = {name: (NAMES[value], NAMES[int(now[name])]) for name, value in then.items() if now[name] != value}
    assert not changed, what


@examples(120)
@given(st.data(), cases())
def test_what_is_asked_is_unknown_and_what_waits_is_named(draw: st.DataObject, data: Data):
    walk = said(data)
    asked = {question.field for question in walk.questions}
    for step in walk.steps:
        for option in step.options:
            assert bool(option.asks) is (option.status == "after-asking")
            assert set(option.asks) <= asked
        if step.status == "asks":
            assert asked
    assert all(question.holds > 0 for question in walk.questions)
    dangers = [question.danger for question in walk.questions]
    assert dangers == sorted(dangers, reverse=True)
    assert any(dangers) is walk.ending.provisional


@examples(120)
@given(cases(complete=True))
def test_nothing_is_asked_where_nothing_is_unknown(data: Data):
    walk = said(data)
    assert walk.questions == ()
    assert not walk.ending.provisional
    assert "asks" not in {step.status for step in walk.steps}
    assert "unknown" not in walk.words.values()


# ---- holding back, failing ----


@examples(120)
@given(st.data(), st.sampled_from(sorted(options())))
def test_holding_an_option_back_never_makes_an_offer_but_of_implants_for_ketamine(data: st.DataObject, held: str):
    tree = compiled().tree
    findings = data.draw(findings_of(tree))
    before = plain.run(having(tree, {f"{held}.held": "never"}), findings)
    after = plain.run(having(tree, {f"{held}.held": "always"}), findings)
    made = {option for option in options() if after[f"{option}.offer"] == 1 != before[f"{option}.offer"]}
    assert made <= (IMPLANTS if held == "iv-ketamine" else set())


@examples(150)
@given(st.data(), st.sampled_from(sorted(options())), st.sampled_from(["failed-adequately", "not-tolerated"]))
def test_a_treatment_newly_spent_never_lowers_the_reach_of_a_later_step(data: st.DataObject, spent: str, how: str):
    tree = compiled().tree
    findings = data.draw(findings_of(tree))
    before = plain.run(tree, {**findings, f"{spent}.{how}": -1})
    after = plain.run(tree, {**findings, f"{spent}.{how}": 1})
    for step in STEPS[STEPS.index(options()[spent]) + 1 :]:
        assert int(after[f"{step}.reached"]) >= int(before[f"{step}.reached"])


@examples(120)
@given(st.data())
def test_nothing_is_offered_unless_held_and_flag_are_no(data: st.DataObject):
    told = plain.run(compiled().tree, data.draw(findings_of(compiled().tree)))
    for option in options():
        if told[f"{option}.offer"] == 1 or told[f"{option}.status"] in ("offered", "left"):
            assert told[f"{option}.held"] == told["flag"] == -1


@examples(150)
@given(cases())
def test_nothing_but_trials_moves_the_walk_past_therapies_and_medication(data: Data):
    none_failed = [
        t for t in items(data, "trials") if t.get("result") in ("helped", "partly") or t.get("state") == "never"
    ]
    for trials in ("none", [*none_failed, NOTHING_ELSE]):
        told = answers({**data, "trials": trials, "unknown": []})
        assert told["therapies.passed"] == told["medication.passed"] == -1
        assert told["ketamine.reached"] == told["implant.reached"] == -1


# ---- the ending ----


@examples(120)
@given(cases())
def test_a_walk_has_exactly_one_ending(data: Data):
    walk = said(data)
    told = answers(data)
    current = tuple(step.step for step in walk.steps if step.status == "current")
    asks = tuple(step.step for step in walk.steps if step.status == "asks")
    endings = [
        (told["flag"] == 1, ("stop", "referral", ())),
        (told["chronic-pain"] == -1, ("stop", "not-chronic", ())),
        (bool(current), ("current", "", current)),
        (bool(asks), ("questions", "", asks)),
        (True, ("stop", "end", ())),
    ]
    expected = next(ending for holds, ending in endings if holds)
    assert (walk.ending.kind, walk.ending.reason, walk.ending.steps) == expected
    assert walk.ending.provisional is (told["flag"] == 0)


# ---- what means nothing ----


def shuffled(value: Any, rng: random.Random) -> Any:
    if not isinstance(value, dict):
        return value
    pairs = [(key, shuffled(each, rng)) for key, each in value.items()]
    rng.shuffle(pairs)
    return dict(pairs)


@examples(60)
@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_fields_means_nothing(data: Data, rng: random.Random):
    trials = data["trials"]
    mixed = shuffled(data, rng)
    if isinstance(trials, list):
        mixed["trials"] = [shuffled(trial, rng) for trial in trials]
    assert said(mixed) == said(data)


@examples(60)
@given(cases(), st.randoms(use_true_random=False))
def test_the_order_in_a_list_means_nothing_but_for_trials_of_one_treatment(data: Data, rng: random.Random):
    mixed = dict(data)
    for name, value in data.items():
        if isinstance(value, list) and name != "trials":
            mixed[name] = rng.sample(value, len(value))
    by_option: dict[str, list[Any]] = {}
    for trial in items(data, "trials"):
        by_option.setdefault(compiled().base.treatments[trial["treatment"]], []).append(trial)
    groups = list(by_option.values())
    rng.shuffle(groups)
    end = [NOTHING_ELSE] if NOTHING_ELSE in data["trials"] else []
    mixed["trials"] = [*end, *(trial for group in groups for trial in group)] or "unknown"
    assert statuses(said(mixed)) == statuses(said(data))


@examples(60)
@given(cases(), st.integers(1, 120), st.integers(1, 100))
def test_the_unit_of_a_measure_means_nothing(data: Data, weeks: int, grams: int):
    trial = {"treatment": "massage", "result": "failed"}

    def told(unit: str, days: int, dose: str) -> Walk:
        # The pain is older than any trial of it, as it must be.
        trials = [{**trial, "duration": f"{weeks * 7 // days} {unit}", "dose": dose}, *items(data, "trials")]
        medicines = [{"medicine": "gabapentin", "dose": dose}]
        return said(
            {
                **data,
                "age": 100,
                "pain": {"duration": f"{(weeks + 4000) * 7 // days} {unit}"},
                "trials": trials,
                "medicines": medicines,
                "not": [],
                "unknown": [],
            }
        )

    milligrams = f"{grams * 1000} mg/day"
    assert told("weeks", 7, f"{grams} g daily") == told("days", 1, milligrams)
