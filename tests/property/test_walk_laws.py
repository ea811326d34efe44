"""The laws of the walk, for any case: what answering, holding back and failing may and may not change."""

import copy
import random
from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from pathway.engine import plain
from pathway.findings import find
from pathway.profile import NOTHING_ELSE
from pathway.rules import SAFETY
from pathway.tree import Node, RuleTree
from pathway.walks import GRADES, Walk, walk_case
from tests.property.strategies import (
    DANGERS,
    FAILED,
    NAMES,
    Answer,
    Data,
    added,
    answered,
    case_of,
    cases,
    compiled,
    examples,
    findings_of,
    fit,
    got,
    is_readable,
    items,
    not_named,
    options,
    put,
)

STEPS = ("chronic", "root", "therapies", "medication", "ketamine", "implant")
IMPLANTS = {"spinal-cord-stimulator", "pain-pump"}
DOCUMENTED = ("pain.duration", "causes", "trials", "declined", "medicines", "devices")
"""All that the documented pathway asks about a person; what is taken or in place is under way."""
AGAINST_AN_OPIOID = [
    *(("illnesses", value) for value in ("gut-obstruction", "severe-respiratory-insufficiency", "severe-asthma")),
    *(("illnesses", value) for value in ("sleep-apnoea", "opioid-use-disorder", "sickle-cell-disease")),
    *(("medicines", value) for value in ("maoi", "phenelzine", "benzodiazepine", "diazepam", "alprazolam")),
    ("allergies", "opioid"),
    ("conditions", "cancer-pain"),
]
AGAINST_KETAMINE = [
    *(("illnesses", value) for value in ("glaucoma", "past-psychosis", "severe-liver-disease", "stroke-or-tia")),
    ("allergies", "ketamine"),
    ("medicines", "theophylline"),
]
AGAINST_SOMETHING_ELSE = [("illnesses", "systemic-infection"), ("allergies", "opioid"), ("medicines", "warfarin")]


def answers(data: Data, safety: int = 1) -> Mapping[str, int | str]:
    """Every answer as the judge gives it; with `safety` -1, of the documented view."""
    tree = compiled().tree
    return plain.run(tree, {**find(case_of(data).subject, tree.field_words), SAFETY: safety})


def offers(told: Mapping[str, int | str]) -> set[str]:
    return {option for option in options() if told[f"{option}.offer"] == 1}


def firing(told: Mapping[str, int | str], *verbs: str) -> set[str]:
    return {rule.rule for rule in compiled().base.rules if rule.verb in verbs and told[f"rule:{rule.rule}"] == 1}


@st.composite
def worse(draw: st.DrawFn, data: Data, *fields: str) -> Data | None:
    """The case with one more value in one of these lists; None where it has them all, or tells against it."""
    field = draw(st.sampled_from(fields))
    free = [value for name, value in not_named(data) if name == field]
    if not free:
        return None
    after = added(data, field, draw(st.sampled_from(free)))
    return after if is_readable(after) else None


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


@examples(250)
@given(st.data(), cases())
def test_answering_an_unknown_never_changes_a_yes_or_no(draw: st.DataObject, data: Data):
    answer: Answer | None = draw.draw(answered(data))
    assume(answer is not None)
    what, after = answer  # type: ignore[misc]
    then, now = sharp(answers(data)), answers(after)
    changed = {name: (NAMES[value], NAMES[int(now[name])]) for name, value in then.items() if now[name] != value}
    assert not changed, what


@examples(80)
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


@examples(80)
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


# ---- contraindications, from the data on ----


@examples(150)
@given(st.data(), cases(calm=True) | cases(complete=True, calm=True) | cases())
def test_a_new_contraindication_makes_no_offer_but_of_an_implant_for_ketamine(draw: st.DataObject, data: Data):
    after = draw.draw(worse(data, *DANGERS))
    assume(after is not None)
    assert_no_offer_is_made_but_of_implants(answers(data), answers(after))  # type: ignore[arg-type]


@examples(60)
@given(cases(complete=True, calm=True), st.sampled_from(AGAINST_KETAMINE) | st.sampled_from(AGAINST_SOMETHING_ELSE))
def test_what_holds_ketamine_back_brings_the_implants_forward_that_nothing_holds(data: Data, against: tuple[str, str]):
    lists = ("declined", "causes", "medicines", "conditions", "illnesses", "allergies", "devices")
    data |= {"trials": [*FAILED, NOTHING_ELSE], "hla_b_1502": "negative", **dict.fromkeys(lists, "none")}
    then, now = answers(data), answers(added(data, *against))
    assert (now["iv-ketamine.held"] == 1) is (then["iv-ketamine.held"] == 1 or against in AGAINST_KETAMINE)
    assert_no_offer_is_made_but_of_implants(then, now)


def assert_no_offer_is_made_but_of_implants(then: Mapping[str, int | str], now: Mapping[str, int | str]) -> None:
    """An implant is newly offered exactly if ketamine, which the walk had come to and not past, is newly held back."""
    forward = then["iv-ketamine.held"] != 1 == now["iv-ketamine.held"]
    forward &= now["ketamine.reached"] == 1 and then["ketamine.passed"] != 1
    clear = {o for o in IMPLANTS if now[f"{o}.live"] == 1 and now[f"{o}.running"] == now["relief"] == now["flag"] == -1}
    assert offers(now) - offers(then) == (clear if forward else set())


@examples(80)
@given(st.data(), cases())
def test_more_warning_signs_never_mean_fewer_referrals(draw: st.DataObject, data: Data):
    after = draw.draw(worse(data, "red_flags"))
    assume(after is not None)
    then, now = answers(data), answers(after)  # type: ignore[arg-type]
    assert firing(then, "end", "refer") <= firing(now, "end", "refer")
    ends = [[rule.target for rule in compiled().base.rules if rule.rule in firing(t, "end")] for t in (then, now)]
    pressing = [min((GRADES.index(grade) for grade in grades), default=len(GRADES)) for grades in ends]
    assert pressing[1] <= pressing[0]


@examples(60)
@given(cases(complete=True, calm=True), st.sampled_from(AGAINST_AN_OPIOID))
def test_an_opioid_is_never_offered_where_something_speaks_against_it_or_nobody_knows(
    data: Data, against: tuple[str, str]
):
    assume(answers(data)["opioid.offer"] == 1)
    field, value = against
    assert answers(added(data, field, value))["opioid.offer"] == -1
    assert answers({**data, "unknown": [f"{field}.{value}"]})["opioid.offer"] == 0
    opened = copy.deepcopy(data)
    put(opened, field, items(data, field) or "unknown")
    assert answers(opened)["opioid.offer"] == 0


@examples(100)
@given(cases() | cases(calm=True))
def test_an_opioid_is_offered_only_where_no_benzodiazepine_is_taken(data: Data):
    told = answers(data)
    if told["takes-benzodiazepine"] != -1:
        assert told["opioid.offer"] != 1
        assert told["opioid.status"] not in ("offered", "left")


# ---- kinds of an option ----


@examples(60)
@given(cases() | cases(complete=True, calm=True))
def test_a_kind_is_clear_only_where_nothing_may_hold_it_and_an_option_needs_one_that_is(data: Data):
    walk = said(data)
    for step in walk.steps:
        for option in step.options:
            clear = {kind.kind for kind in option.kinds if kind.status == "clear"}
            for rule in option.rules:
                assert not (rule.verb == "hold" and rule.target in clear and rule.verdict != "silent"), rule.rule
            for kind in option.kinds:
                assert not (kind.asks and kind.status in ("clear", "held-back"))
                assert kind.asks or kind.status != "after-asking"
            if option.kinds and option.status in ("offered", "left"):
                assert clear


@examples(100)
@given(st.data(), st.sampled_from(sorted(compiled().base.kind)))
def test_holding_one_kind_back_makes_no_offer_and_leaves_the_option_while_another_is_clear(
    data: st.DataObject, held: str
):
    tree, base = compiled().tree, compiled().base
    findings = data.draw(findings_of(tree))
    before = plain.run(having(tree, {f"{held}.held": "never"}), findings)
    after = plain.run(having(tree, {f"{held}.held": "always"}), findings)
    assert offers(after) <= offers(before)
    option = base.kind[held].option
    if any(after[f"{kind.kind}.held"] == -1 for kind in base.kinds_of(option)):
        assert after[f"{option}.held"] == before[f"{option}.held"]
        assert after[f"{option}.offer"] == before[f"{option}.offer"]


# ---- the documented view ----


@examples(100)
@given(cases())
def test_with_the_safety_layer_off_nothing_is_held_reviewed_withheld_or_ended(data: Data):
    told = answers(data, safety=-1)
    assert told["flag"] == -1
    assert {told[name] for name in told if name.endswith((".held", ".discouraged", ".reviewed"))} == {-1}
    assert not {told[f"{option}.status"] for option in options()} & {"held-back", "review", "withheld"}


@examples(100)
@given(cases(), cases())
def test_the_documented_view_rests_on_nothing_that_only_the_safety_layer_asks_about(data: Data, other: Data):
    mixed = copy.deepcopy(other)
    for path in DOCUMENTED:
        group, _, field = path.rpartition(".")
        (got(mixed, group) or {} if group else mixed).pop(field, None)
        if got(data, path) is not None:
            put(mixed, path, got(data, path))
    for side in ("not", "unknown"):
        mixed[side] = [*denials(data, side, True), *denials(other, side, False)]
    fit(mixed)
    assume(is_readable(mixed))
    assert view(mixed) == view(data)


def denials(data: Data, side: str, documented: bool) -> Iterator[str]:
    yield from (name for name in data.get(side, []) if name.startswith(DOCUMENTED) is documented)


def view(data: Data) -> dict[str, int | str]:
    """What the documented view says of options, steps and the ending."""
    told = answers(data, safety=-1)
    return {name: told[name] for name in told if name.endswith((".status", ".reached", ".passed", ".offer", ".ending"))}


# ---- the ending ----


@examples(80)
@given(cases())
def test_a_walk_has_exactly_one_ending(data: Data):
    walk = said(data)
    told = answers(data)
    grades = {compiled().base.rule[rule].target for rule in firing(told, "end")}
    grade = next((grade for grade in GRADES if grade in grades), "")
    current = tuple(step.step for step in walk.steps if step.status == "current")
    asks = tuple(step.step for step in walk.steps if step.status == "asks")
    endings = [
        (grade == "scope", ("stop", "out-of-scope", ())),
        (told["flag"] == 1, ("stop", "referral", ())),
        (told["chronic-pain"] == -1, ("stop", "not-chronic", ())),
        (bool(current), ("current", "", current)),
        (bool(asks), ("questions", "", asks)),
        (True, ("stop", "end", ())),
    ]
    expected = next(ending for holds, ending in endings if holds)
    assert (walk.ending.kind, walk.ending.reason, walk.ending.steps) == expected
    assert walk.ending.grade == grade
    assert bool(grade) is (told["flag"] == 1)
    assert walk.ending.provisional is (told["flag"] == 0)


# ---- what means nothing ----


def shuffled(value: Any, rng: random.Random) -> Any:
    if not isinstance(value, dict):
        return value
    pairs = [(key, shuffled(each, rng)) for key, each in value.items()]
    rng.shuffle(pairs)
    return dict(pairs)


@examples(40)
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
    for name in ("sites", "mechanisms"):
        if isinstance(value := got(data, f"pain.{name}"), list):
            mixed["pain"] = {**mixed["pain"], name: rng.sample(value, len(value))}
    by_option: dict[str, list[Any]] = {}
    for trial in items(data, "trials"):
        by_option.setdefault(compiled().base.treatments[trial["treatment"]], []).append(trial)
    groups = list(by_option.values())
    rng.shuffle(groups)
    end = [NOTHING_ELSE] if NOTHING_ELSE in data["trials"] else []
    mixed["trials"] = [*end, *(trial for group in groups for trial in group)] or "unknown"
    assert statuses(said(mixed)) == statuses(said(data))


@examples(40)
@given(cases(), st.integers(1, 120), st.integers(1, 100))
def test_the_unit_of_a_measure_means_nothing(data: Data, weeks: int, grams: int):
    trial = {"treatment": "massage", "result": "failed"}

    def told(unit: str, days: int, dose: str) -> Walk:
        # The pain is older than any trial of it, as it must be.
        others = [each for each in items(data, "trials") if each != {"treatment": "massage", "state": "never"}]
        trials = [{**trial, "duration": f"{weeks * 7 // days} {unit}", "dose": dose}, *others]
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
