"""The prover on rules that are as they should be, and on rules with one thing made wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pathway.api import read
from pathway.cache import Compiled, load
from pathway.engine import plain
from pathway.engine.durable import compile_tree
from pathway.engine.plain import Answers
from pathway.findings import find
from pathway.language import Tree
from pathway.problem import Problems
from pathway.rules import Exempt, Invariant, RuleBase
from pathway.tree import build
from pathway.walks import walk_case

pytest.importorskip("z3")
from pathway import laws
from pathway.prove import Failure, Kept, Outcome, Prover

PLACE = "rules/invariants.yaml:1"
HELD = ["not", ["word", "{option}.held"]]
CONTRAINDICATED = "nothing-offered-beside-a-contraindication"
Data = dict[str, Any]


def invariant(**more: Any) -> Invariant:
    """An invariant of the test's own."""
    return Invariant("made-for-a-test", "A test says so.", "It tests.", place=PLACE, **more)


def known(name: str, base: RuleBase | None = None, **more: Any) -> Invariant:
    """An invariant of the rules, more or less as it stands there."""
    return replace(next(each for each in (base or load().base).invariants if each.invariant == name), **more)


def with_word(name: str, tree: Tree) -> RuleBase:
    """The rules with another tree for one word."""
    base = load().base
    assert name in base.word
    return replace(base, words=tuple(replace(w, tree=tree) if w.word == name else w for w in base.words))


def with_rules(changed: Mapping[str, Mapping[str, Any]], digest: str) -> RuleBase:
    """The rules with some of them told otherwise."""
    base = load().base
    assert changed.keys() <= base.rule.keys()
    return replace(base, digest=digest, rules=tuple(replace(r, **changed.get(r.rule, {})) for r in base.rules))


@cache
def prover() -> Prover:
    return Prover(load().base)


@cache
def careless() -> Prover:
    """Of rules by which an option is offered although it is held back."""
    kind, parts = load().base.word["{option}.offer"].tree
    assert (kind, HELD in parts) == ("and", True)
    return Prover(with_word("{option}.offer", ["and", [part for part in parts if part != HELD]]))


def shown(prover: Prover, *invariants: Invariant) -> list[Outcome]:
    return list(prover.outcomes(invariants))


def failures(prover: Prover, *invariants: Invariant) -> list[Failure]:
    return [failure for outcome in shown(prover, *invariants) for failure in outcome.failures]


def data_of(failure: Failure) -> Data:
    assert failure.data is not None
    return dict(failure.data)


def judged(base: RuleBase, data: Mapping[str, Any], policy: Mapping[str, Any] | None = None) -> Answers:
    """What the plain judge answers of a case that the reader takes."""
    tree = build(base, policy)
    return plain.run(tree, find(read(dict(data), compiled=load()).subject, tree.field_words))


def one_fact_fewer(data: Any) -> Iterator[Any]:
    """Case data with one thing left out, each thing in turn."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield {name: deepcopy(part) for name, part in data.items() if name != key}
            for less in one_fact_fewer(value):
                if less:
                    yield {**deepcopy(data), key: less}
    elif isinstance(data, list):
        for i, value in enumerate(data):
            yield data[:i] + data[i + 1 :]
            for less in one_fact_fewer(value):
                if less:
                    yield [*data[:i], less, *data[i + 1 :]]


# ---- what does not hold is found ----


@cache
def offered_beside_a_contraindication() -> Failure:
    (failure,) = failures(careless(), known(CONTRAINDICATED, among=("massage",)))
    return failure


def test_an_offer_beside_a_contraindication_is_found_and_the_judge_sees_it_too():
    failure = offered_beside_a_contraindication()
    answers = judged(careless().base, data_of(failure), failure.policy)
    assert (failure.of, failure.policy) == ("massage", {})
    assert answers["massage.held"] != -1
    assert answers["massage.offer"] == 1
    assert judged(load().base, data_of(failure))["massage.offer"] != 1


def test_the_walk_of_a_counterexample_shows_the_failure():
    tree = build(careless().base)
    compiled = Compiled(careless().base, tree, compile_tree(tree), {})
    walk = walk_case(read(data_of(offered_beside_a_contraindication()), compiled=compiled), compiled)
    option = next(each for step in walk.steps for each in step.options if each.option == "massage")
    assert option.status in ("offered", "left")
    assert any(rule.verdict != "silent" and "hold" in rule.rule for rule in option.rules)


def test_a_counterexample_tells_of_no_trial_and_no_denial_that_could_be_left_out():
    data = data_of(offered_beside_a_contraindication())
    for path in ("trials", "not"):
        for i in range(len(data.get(path, ()))):
            fewer = {**data, path: data[path][:i] + data[path][i + 1 :]}
            answers = judged(careless().base, fewer)
            assert answers["massage.held"] == -1 or answers["massage.offer"] != 1, data[path][i]


def test_what_still_holds_beside_the_fault_is_proved():
    outcomes = shown(careless(), known("ketamine-after-the-steps-before-it"), known("one-ending"))
    assert [outcome.holds for outcome in outcomes] == [True, True]


def test_a_hold_without_effect_is_found():
    """The rule fires and its target is not held back: the word that joins the two asks nothing of rules."""
    base = with_word("{option}.held", ["kinds", "every", "{option}", "held"])
    rule = next(r for r in base.rules if r.verb == "hold" and r.target == "massage")
    (failure,) = failures(Prover(base), known("every-hold-holds", among=(rule.rule,)))
    answers = judged(base, data_of(failure), failure.policy)
    assert (answers[f"rule:{rule.rule}"] != -1, answers["massage.held"]) == (True, -1)


def test_refusals_that_would_count_are_found_under_the_policy_that_lets_them_and_no_other():
    (failure,) = failures(
        prover(),
        invariant(when="massage.spent is no", then="massage.declined is not yes or massage.counted is not yes"),
    )
    assert judged(load().base, data_of(failure), failure.policy)["massage.counted"] == 1
    assert judged(load().base, data_of(failure))["massage.counted"] != 1
    assert data_of(failure)["declined"] == ["massage"]
    assert failure.policy == {"refusal-counts": True}


def test_a_counterexample_keeps_to_the_policy_of_the_rules_where_it_can():
    (failure,) = failures(prover(), invariant(then="chronic-pain is not yes"))
    assert failure.policy == {}
    assert judged(load().base, data_of(failure))["chronic-pain"] == 1


def test_a_list_away_from_the_default_is_told_with_the_case():
    (failure,) = failures(prover(), invariant(then="massage.unavailable is no"))
    assert failure.policy == {"not-available": ("massage",)}
    assert data_of(failure) == {}


def test_a_change_is_shown_by_the_person_before_it():
    claim = invariant(change="massage.helping is yes", then="relief is not yes or before relief is yes")
    (failure,) = failures(prover(), claim)
    assert failure.told.startswith("after massage.helping is yes, ")
    assert judged(load().base, data_of(failure))["relief"] != 1
    assert failure.after is None


def test_a_new_failed_trial_is_shown_by_the_person_before_and_after_it():
    claim = invariant(
        change="a new failed trial of massage", then="massage.helping is yes or before massage.helping is not yes"
    )
    (failure,) = failures(prover(), claim)
    assert failure.after is not None
    before, after = data_of(failure)["trials"], failure.after["trials"]
    assert judged(load().base, data_of(failure))["massage.helping"] == 1
    assert judged(load().base, failure.after)["massage.helping"] == -1
    assert [each["result"] for each in after if each not in before] == ["failed"]


def test_the_documented_view_is_looked_at_where_an_invariant_asks_for_it():
    claims = [invariant(view=view, then="flag is no") for view in ("documented", "shown")]
    assert [outcome.holds for outcome in shown(prover(), *claims)] == [True, False]


def test_the_first_invariant_that_fails_is_named():
    holds, fails = known("root-dealt-with"), invariant(then="relief is no")
    assert Prover(replace(load().base, invariants=(holds,))).first_failure() is None
    failure = Prover(replace(load().base, invariants=(holds, fails))).first_failure()
    assert failure == "made-for-a-test: it does not hold"


@pytest.mark.parametrize(("of", "count"), [({}, 1), ({"each": ("option",), "among": ("massage", "opioid")}, 1)])
def test_what_is_claimed_of_nobody_is_no_proof(of: Mapping[str, Any], count: int):
    """One goal for them all: that somebody is there of whom any of the claims speaks."""
    nobody = invariant(when="flag is yes and flag is no", then="relief is no", **of)
    assert [(f.of, f.told, f.data) for f in failures(prover(), nobody)] == [
        ("its `when`", "it holds of nobody, so that nothing is claimed", None)
    ] * count
    some = replace(nobody, when="flag is no", then="flag is not yes")
    assert failures(prover(), some) == []


def test_a_family_may_have_members_of_whom_nothing_is_claimed():
    claim = invariant(each=("option",), when="{option}.declined is yes and massage.declined is no", then="flag is yes")
    assert "massage" not in {failure.of for failure in failures(prover(), replace(claim, among=("massage", "opioid")))}
    told = [failure.told for failure in failures(prover(), replace(claim, among=("massage",)))]
    assert told == ["it holds of nobody, so that nothing is claimed"]


# ---- exceptions, and what must be possible ----


def test_an_exception_that_is_needed_is_one_and_another_is_not():
    exempt = (Exempt(("massage", "opioid"), "A test."),)
    claim = invariant(each=("option",), among=("massage", "opioid"), then="{option}.held is no or opioid.held is yes")
    assert [failure.of for failure in failures(prover(), claim)] == ["massage", "opioid"]
    assert failures(prover(), replace(claim, exempt=exempt)) == []
    sure = replace(claim, then="{option}.held is no or {option}.held is not no", exempt=exempt)
    assert {failure.told for failure in failures(prover(), sure)} == {"this exception is not needed: it holds here too"}


def test_what_nobody_meets_is_told():
    claim = invariant(can=("massage.held is yes and massage.offer is yes", "massage.held is yes"))
    (failure,) = failures(prover(), claim)
    assert failure.told == "nobody is there of whom this holds: (massage.held is yes and massage.offer is yes)"
    assert failure.data is None


def test_an_exception_from_what_must_be_possible_is_needed_or_a_fault():
    exempt = (Exempt(("massage",), "A test."),)
    claim = invariant(each=("option",), among=("massage",), can=("{option}.held is yes",), exempt=exempt)
    assert [failure.told for failure in failures(prover(), claim)] == [
        "this exception is not needed: there is somebody"
    ]
    never = replace(claim, can=("{option}.held is yes and {option}.held is no",))
    assert failures(prover(), never) == []


def test_a_rule_that_can_no_longer_fire_is_found():
    rule = next(r for r in load().base.rules if r.verb == "hold" and r.target == "massage" and r.when)
    base = with_rules({rule.rule: {"unless": (*rule.unless, *rule.when)}}, "a rule that never fires")
    (failure,) = failures(Prover(base), known("every-rule-can-fire", among=(rule.rule,)))
    assert (failure.of, failure.data) == (rule.rule, None)


def test_each_witness_is_somebody_of_whom_the_judge_says_what_is_claimed():
    claims = ("walk.ending is referral", "walk.ending is not-chronic", "root.status is asks", "massage.spent is yes")
    told = []
    for claim, data, policy in prover().witnesses(invariant(can=claims)):
        node, _, value = claim.partition(" is ")
        assert judged(load().base, data, policy)[node] == {"yes": 1}.get(value, value)
        told.append(claim)
    assert tuple(told) == claims


def test_a_witness_tells_no_fact_that_could_be_left_out_and_has_the_policy_of_the_rules_where_it_can():
    ((_, data, policy),) = prover().witnesses(invariant(can=("massage.spent is yes",)))
    assert policy == {}
    tried = 0
    for fewer in one_fact_fewer(dict(data)):
        try:
            assert judged(load().base, fewer)["massage.spent"] != 1, fewer
        except Problems:
            continue
        tried += 1
    assert tried >= 1


# ---- what was proved is kept ----


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "proved.txt"


def counts(base: RuleBase, kept: Kept, *invariants: Invariant) -> tuple[int, int]:
    outcomes = shown(Prover(base, kept), *invariants)
    return sum(o.shown for o in outcomes), sum(o.kept for o in outcomes)


CHEAP = "an-option-needs-a-kind"


def test_a_second_run_shows_nothing_again(path: Path):
    base, claims = load().base, (known(CHEAP), known("root-dealt-with"))
    assert counts(base, Kept(path), *claims) == (14, 0)
    assert counts(base, Kept(path), *claims) == (0, 14)


def test_after_a_change_only_what_rests_on_it_is_shown_again(path: Path):
    holds = known("every-hold-holds")
    base = load().base
    rule = next(r for r in base.rules if r.verb == "hold" and r.target == "massage")
    upon = sum(r.verb == "hold" and r.target == "massage" for r in base.rules)
    changed = with_rules({rule.rule: {"unless": (*rule.unless, "relief")}}, "one rule otherwise")
    everything = sum(counts(base, Kept(path), holds))
    again = upon + 1  # and that somebody is there of whom anything is claimed
    assert counts(changed, Kept(path), holds) == (again, everything - again)
    assert counts(base, Kept(path), holds) == (0, everything)


def test_another_claim_or_view_or_exception_is_shown_anew(path: Path):
    claim = known(CHEAP, among=("massage",))
    counts(load().base, Kept(path), claim)
    for other in (replace(claim, then="{option}.held is not no"), replace(claim, view="documented")):
        assert counts(load().base, Kept(path), other) == (2, 0)
    exempt = replace(claim, exempt=(Exempt(("massage",), "A test."),))
    (outcome,) = shown(Prover(load().base, Kept(path)), exempt)
    assert (outcome.shown, outcome.holds) == (2, False)


def test_what_failed_is_never_kept(path: Path):
    claim = invariant(can=("massage.held is yes and massage.held is no",))
    assert counts(load().base, Kept(path), claim) == (1, 0)
    assert counts(load().base, Kept(path), claim) == (1, 0)


@pytest.mark.parametrize("damage", [b"", b"\x00\xff\xfe not ascii", b"short\n" * 9, b"proved\n", b"0" * 100_000])
def test_a_damaged_file_holds_nothing_and_is_written_anew(damage: bytes, path: Path):
    path.parent.mkdir()
    path.write_bytes(damage)
    assert counts(load().base, Kept(path), known(CHEAP)) == (12, 0)
    assert counts(load().base, Kept(path), known(CHEAP)) == (0, 12)


def test_a_folder_in_the_place_of_the_file_does_not_matter(path: Path):
    path.mkdir(parents=True)
    assert counts(load().base, Kept(path), known(CHEAP)) == (12, 0)
    assert counts(load().base, Kept(path), known(CHEAP)) == (12, 0)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_that_cannot_be_written_to_does_not_matter(path: Path):
    path.parent.mkdir()
    path.parent.chmod(0o500)
    assert counts(load().base, Kept(path), known(CHEAP)) == (12, 0)
    assert list(path.parent.iterdir()) == []


def test_a_file_in_the_place_of_the_folder_does_not_matter(path: Path):
    path.parent.write_text("no folder", encoding="utf-8")
    assert counts(load().base, Kept(path), known(CHEAP)) == (12, 0)


# ---- laws ----


def of_a_law(base: RuleBase, law: str, exempt: tuple[Exempt, ...] | None = None) -> list[Failure]:
    """Where a law fails in changed rules; what the bundled rules have, too, is taken as proved."""
    claim = next(each for each in base.invariants if each.law == law)
    kept = Kept(None)
    kept.before = frozenset(goal.digest for goal in prover()._goals(claim))
    if exempt is not None:
        claim = replace(claim, exempt=exempt)
    return [failure for outcome in Prover(base, kept).outcomes([claim]) for failure in outcome.failures]


@pytest.mark.parametrize(
    ("tree", "holds"),
    [
        (["and", [["word", "a"], ["not", ["word", "b"]]]], True),
        (["or", [["word", "a"], ["not", ["word", "a"]]]], True),
        (["at-least", 2, [["word", "a"], ["word", "b"], ["not", ["word", "c"]]]], True),
        (["at-least", ["policy", "n"], [["word", "a"], ["word", "b"]]], True),
        (["policy", "closed", "massage"], True),
        (["else", ["word", "a"], ["word", "b"]], False),
        (["or", [["word", "c"], ["not", ["else", ["word", "a"], ["word", "b"]]]]], False),
        (["else", ["word", "a"], ["word", "a"]], True),
    ],
)
def test_only_an_else_can_make_learning_overturn_an_answer(tree: Tree, holds: bool):
    assert laws.learns(tree, {"n": range(1, 4)}) is holds


def test_a_field_that_stands_in_for_another_is_overturned_by_it_and_two_cases_show_it():
    word = next(w for w in load().base.words if w.tree == ["flag", "pregnancy"])
    base = with_word(word.word, ["else", ["flag", "pregnancy"], ["flag", "fertility.possible"]])
    failure = Prover(base)._learns_by_fields(word.word)
    assert failure is not None and failure.after is not None
    before, after = judged(base, data_of(failure))[word.word], judged(base, failure.after)[word.word]
    assert {before, after} == {1, -1}


def test_two_rules_that_say_opposite_things_are_found_and_both_fire():
    claim = known("no-opposites")
    spared = claim.exempt[0].names[0]
    fewer = tuple(replace(each, names=tuple(name for name in each.names if name != spared)) for each in claim.exempt)
    found = of_a_law(load().base, "opposites", fewer)
    assert found and all(spared in each.of for each in found)
    for failure in found:
        answers = judged(load().base, data_of(failure), failure.policy)
        assert [answers[f"rule:{rule}"] for rule in failure.of.split(" and ")] == [1, 1]


def test_rules_of_which_one_yields_to_the_other_by_name_are_no_opposites():
    claim = known("no-opposites")
    spared = claim.exempt[0].names[0]
    against = load().base.rule[spared]
    opposites = laws.opposites(load().base)
    pros = {pro.rule: {"unless": (*pro.unless, *against.when)} for pro, con in opposites if con.rule == spared}
    base = with_rules(pros, "it yields")
    assert pros and not [pair for pair in laws.opposites(base) if spared in (pair[0].rule, pair[1].rule)]


def test_an_exception_for_a_rule_that_contradicts_none_is_a_fault():
    claim = known("no-opposites")
    rule = next(r.rule for r in load().base.rules if r.verb == "note")
    found = of_a_law(load().base, "opposites", (*claim.exempt, Exempt((rule,), "A test.")))
    assert [(each.of, each.told.partition(":")[0]) for each in found] == [(rule, "this exception is not needed")]


def test_a_question_whose_answer_can_change_nothing_is_found():
    """Beside a neuropathic mechanism CRPS cannot make it yes, and without CRPS the mechanism is another pain."""
    name = "primary-pain-alone"
    parts = [
        ["word", "primary-pain-condition"],
        ["not", ["word", "crps"]],
        ["not", ["word", "other-pain-than-primary"]],
    ]
    base = with_word(name, ["and", parts])
    failure = next(each for each in of_a_law(base, "questions") if each.of == name)
    assert failure.told.endswith("makes it yes")
    assert judged(base, data_of(failure))[name] == 0
    assert judged(load().base, data_of(failure))[name] == -1


def test_a_question_for_a_number_that_can_decide_nothing_is_found():
    many = ["number", "headache.days", ">=", 4.0]
    (failure, *others) = of_a_law(with_word("migraine-prevention-due", ["and", [many, ["not", many]]]), "questions")
    assert failure.of == "migraine-prevention-due" and failure.told.endswith("makes it yes")
    assert "headache" not in data_of(failure)
    assert all(each.of != "migraine-prevention-due" for each in others)


def test_where_the_solver_comes_to_no_end_nothing_is_proved(monkeypatch: pytest.MonkeyPatch, path: Path):
    monkeypatch.setattr(laws, "MOST_ROUNDS", 0)
    claim = next(each for each in load().base.invariants if each.law == "questions")
    prover = Prover(load().base, Kept(path))
    goals = {goal.of: goal for goal in prover._goals(claim)}
    failure = prover._met(goals["primary-pain-beside-another"])
    assert failure is not None and failure.told.startswith("the solver came to no end: ")
    assert prover.kept.now == set()


def test_an_exception_for_a_question_that_matters_is_a_fault():
    claim = known("questions-matter")
    (failure,) = of_a_law(load().base, "questions", (*claim.exempt, Exempt(("chronic-pain",), "A test.")))
    assert (failure.of, failure.told) == (
        "chronic-pain",
        "this exception is not needed: it is never asked for in vain",
    )


# ---- everybody is everybody ----


@pytest.mark.parametrize(
    "data",
    [
        {"trials": [{"treatment": "tramadol", "state": "running"}], "unknown": ["medicines.tramadol"]},
        {
            "trials": [{"treatment": "antidepressant", "medicine": "duloxetine", "state": "running"}],
            "unknown": ["medicines.snri"],
        },
        {"pain": {"duration": "1 month"}, "trials": [{"treatment": "massage", "duration": "31 days"}]},
        {"pain": {"duration": "12 months"}, "trials": [{"treatment": "massage", "duration": "372 days"}]},
        {"medicines": ["heartsease"], "not": ["medicines.opioid"]},
        {"mood": {"item9": 1}, "unknown": ["suicidal-thoughts"]},
        {"unknown": ["pump"], "trials": [{"treatment": "pain-pump", "medicine": "morphine", "state": "running"}]},
        {"trials": [{"treatment": "massage", "duration": "0 days"}], "pain": {"duration": "0 days"}, "age": 0},
        {"injections": {"same_joint": 0, "since_last": "366 days"}, "sex": "male", "fertility": {"possible": "no"}},
    ],
    ids=" ".join,
)
def test_whoever_the_reader_of_cases_admits_is_one_of_those_of_whom_it_is_proved(data: Data):
    subject = read(data, compiled=load()).subject
    assert prover().solution(*prover().proof.people.given(subject)) is not None
