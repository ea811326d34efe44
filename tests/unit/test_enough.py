"""The counts of records that are enough, against all that any number of them says."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import combinations, product
from typing import Any

import pytest

from pathway.cache import load
from pathway.findings import Subject, answer
from pathway.language import Scope, Tree, parse
from pathway.profile import Profile, Records, Trial, fields

z3 = pytest.importorskip("z3")
from pathway.engine.enough import Answers, most_needed, trials_needed  # noqa: E402
from pathway.engine.proof import Proof  # noqa: E402

SCOPE = Scope(fields(), options=frozenset({"massage"}))
NOT_UNDONE = ["result = helped and no later trial where result = failed"]
FEW = [
    ["result = helped"],
    ["result = failed", "result = helped"],
    NOT_UNDONE,
    [*NOT_UNDONE, "result = failed"],
    ["result = failed and some later trial where result = helped", *NOT_UNDONE],
    ["not result = failed and no later trial where result = helped", "result = helped"],
]
KINDS: list[dict[str, Any]] = [{"result": "helped"}, {"result": "failed"}, {"result": "partly"}, {}]

NOTHING = dict.fromkeys(Trial.model_fields)


def reached_by(said: Iterable[Answers], count: int) -> set[Answers]:
    """All that up to so many records say together."""
    together = {tuple(map(max, zip(*some, strict=True))) for some in combinations(sorted(said), count)}
    return together | (reached_by(said, count - 1) if count > 1 else set())


def conditions_of(texts: Sequence[str]) -> list[Tree]:
    return [parse(f"some trial of massage where ({text})", SCOPE)[3] for text in texts]


def told(conditions: Sequence[Tree], story: Sequence[dict[str, Any]], option: str = "massage") -> Answers:
    """What the judge answers of a story of trials, condition by condition."""
    trials = tuple(Trial.model_construct(**{**NOTHING, "treatment": option, **each}) for each in story)
    profile = Profile.model_construct(trials=Records(trials, True, tuple(range(len(trials)))), denied=(), unasked=())
    subject = Subject(profile, options={option: option})
    return tuple(answer(["some", "trials", option, condition], subject) for condition in conditions)


@cache
def conditions_of_the_rules(option: str) -> tuple[Tree, ...]:
    """What the rules ask of the trials of an option, as the default policy has it."""
    found = {str(tree): tree for tree in map(_field, load().tree.nodes) if tree[:3] == ["some", "trials", option]}
    return tuple(tree[3] for tree in found.values())


def _field(node: Any) -> Tree:
    return node.tree if node.kind == "field" else []


# ---- records that know nothing of one another ----


@pytest.mark.parametrize("seed", range(40))
def test_so_many_records_as_are_counted_say_all_that_any_number_says_and_one_fewer_does_not(seed: int):
    random_ = random.Random(seed)
    width, many = random_.randint(1, 4), random_.randint(1, 7)
    said = {tuple(random_.choice((-1, 0, 1)) for _ in range(width)) for _ in range(many)}
    count = most_needed(said)
    assert reached_by(said, count) == reached_by(said, len(said))
    assert count == 1 or reached_by(said, count - 1) != reached_by(said, len(said))


def test_each_of_several_questions_may_need_a_record_of_its_own():
    apart = [tuple(1 if i == j else -1 for j in range(5)) for i in range(5)]
    assert most_needed(apart) == 5
    assert most_needed([*apart, (1,) * 5]) == 4  # all five together say what the last says alone
    assert most_needed([(1, 0), (0, 0), (-1, -1)]) == 1


# ---- trials, of which the older see the later ----


@pytest.mark.parametrize("texts", FEW, ids=" | ".join)
def test_no_story_of_four_trials_says_what_no_story_of_the_counted_length_does(texts: list[str]):
    conditions = conditions_of(texts)
    count = trials_needed(conditions)
    names = (None, "a", "b")
    kinds = [{**kind, "medicine": name} for kind, name in product(KINDS, names)]
    by_length = [{told(conditions, story) for story in product(kinds, repeat=n)} for n in (1, 2, 3)]
    enough = set[Answers]().union(*by_length[:count])
    assert count <= 3
    assert set[Answers]().union(*by_length) == enough
    random_ = random.Random(7)
    for _ in range(1000):
        story = [{**random_.choice(KINDS), "medicine": random_.choice((*names, "c"))} for _ in range(4)]
        assert told(conditions, story) in enough


@pytest.mark.parametrize("texts", FEW, ids=" | ".join)
def test_one_trial_fewer_would_not_be_enough(texts: list[str]):
    conditions = conditions_of(texts)
    count = trials_needed(conditions)
    kinds = [{**kind, "medicine": name} for kind, name in product(KINDS, (None, "a", "b"))]
    by_length = [{told(conditions, story) for story in product(kinds, repeat=n)} for n in range(1, count + 1)]
    assert count == 1 or not by_length[-1] <= set[Answers]().union(*by_length[:-1])


def test_a_condition_that_can_be_answered_by_one_trial_needs_one():
    assert trials_needed(conditions_of(["result = helped"])) == 1
    assert trials_needed([]) == 1


def test_two_that_no_trial_meets_at_once_need_two():
    assert trials_needed(conditions_of(["result = helped", "result = failed"])) == 2


def test_the_order_in_which_the_conditions_are_asked_does_not_matter():
    conditions = list(conditions_of_the_rules("massage"))
    assert trials_needed(conditions) == trials_needed(conditions[::-1])


@pytest.mark.parametrize("bound", [1.0, 42.0, 56.5])
def test_a_policy_in_a_condition_counts_like_any_number_in_its_place(bound: float):
    def condition(number: Any) -> list[Tree]:
        return [
            ["and", [["is", ".result", "failed"], ["number", ".duration", ">=", number]]],
            ["is", ".result", "helped"],
        ]

    assert trials_needed(condition(["policy", "massage-trial"])) == trials_needed(condition(bound))


# ---- as the prover has them ----


@cache
def proof() -> Proof:
    return Proof(load().base)


@pytest.mark.parametrize("option", ["massage", "opioid", "pain-pump"])
def test_the_prover_has_room_for_as_many_trials_as_are_needed_and_no_more(option: str):
    people = proof().people
    assert len(people.trials[option]) == trials_needed(people.tried[option])


def test_of_an_opioid_whose_forms_differ_there_is_room_for_several_records():
    medicines = proof().people.medicines
    assert len(medicines["fentanyl"]) > 1
    assert all(records for records in medicines.values())


@cache
def solver():
    made = z3.Solver()
    made.add(*proof().people.admitted, *proof().under({}))
    return made


@pytest.mark.parametrize("option", ["massage", "scar-removal", "muscle-relaxant"])
def test_whatever_the_rules_ask_of_a_story_of_seven_trials_a_story_of_the_counted_length_answers_alike(option: str):
    conditions, open_ = conditions_of_the_rules(option), proof().people.tried[option]
    assert len(conditions) == len(open_) > trials_needed(open_)
    random_ = random.Random(option)
    for _ in range(80):
        said = told(conditions, [some_trial(random_) for _ in range(7)], option)
        truths = [proof().people.truth(["some", "trials", option, condition]) for condition in conditions]
        assert solver().check(*(truth.is_(each) for truth, each in zip(truths, said, strict=True))) == z3.sat


def some_trial(random_: random.Random) -> dict[str, Any]:
    result = random_.choice([None, "helped", "partly", "failed", "not-tolerated", "undone"])
    ended = result in ("failed", "not-tolerated", "undone")
    return {
        "state": "ended" if ended else random_.choice([None, "running", "ended"]),
        "result": result,
        "adequate": random_.choice([None, True, False]),
        "duration": random_.choice([None, 3.0, 42.0, 400.0]),
        "medicine": random_.choice([None, "a", "b", "c"]),
    }
