import dataclasses
import json
from functools import cache

import pytest

from pathway.cache import load
from pathway.problem import Problems
from pathway.rules import RuleBase
from pathway.tree import Node, RuleTree, build, fold, from_json, measure_of, to_json

A, B, C = ["word", "a"], ["word", "b"], ["word", "c"]
YES, NO = ["always"], ["never"]


@cache
def base() -> RuleBase:
    return load().base


@cache
def tree() -> RuleTree:
    return build(base())


def with_word(name: str, text_tree: list, each: str = "") -> RuleBase:
    word = dataclasses.replace(base().words[0], word=name, tree=text_tree, each=each)
    words = [other for other in base().words if other.word != name]
    return dataclasses.replace(base(), words=(*words, word))


# ---- constants ----


@pytest.mark.parametrize(
    ("given", "folded"),
    [
        (A, A),
        (["not", YES], NO),
        (["not", NO], YES),
        (["not", ["not", A]], A),
        (["not", ["and", [A, NO]]], YES),
        (["and", []], YES),
        (["or", []], NO),
        (["and", [A]], A),
        (["and", [A, YES]], A),
        (["and", [A, NO]], NO),
        (["or", [A, NO]], A),
        (["or", [A, YES]], YES),
        (["and", [A, A]], A),
        (["or", [A, B, A]], ["or", [A, B]]),
        (["and", [A, ["and", [B, C]]]], ["and", [A, B, C]]),
        (["or", [["or", [A, B]], C]], ["or", [A, B, C]]),
        (["and", [A, ["or", [B, C]]]], ["and", [A, ["or", [B, C]]]]),
        (["at-least", 2, [A, B, C]], ["at-least", 2, [A, B, C]]),
        (["at-least", 1, [A, B]], ["or", [A, B]]),
        (["at-least", 2, [A, B]], ["and", [A, B]]),
        (["at-least", 3, [A, B]], NO),
        (["at-least", 0, [A, B]], YES),
        (["at-least", 2, [A, B, C, YES]], ["or", [A, B, C]]),
        (["at-least", 2, [A, B, C, NO]], ["at-least", 2, [A, B, C]]),
        (["at-least", 2, [YES, YES, A]], YES),
        (["at-least", 2, [NO, NO, A]], NO),
        (
            ["some", "trials", "massage", ["and", [["flag", ".adequate"], YES]]],
            ["some", "trials", "massage", ["flag", ".adequate"]],
        ),
        (["later", ["not", ["not", ["flag", ".adequate"]]]], ["later", ["flag", ".adequate"]]),
    ],
)
def test_constants_and_needless_levels_are_folded_away(given: list, folded: list):
    assert fold(given) == folded
    assert fold(folded) == folded


# ---- families ----


def test_a_family_is_written_out_for_every_option():
    for option in base().options:
        assert tree().node[f"{option.option}.helping"].tree[:3] == ["some", "trials", option.option]
        assert f"{option.option}.status" in tree().node
    assert not [node.name for node in tree().nodes if "{" in json.dumps([node.name, node.tree, node.rows])]


def test_a_family_is_written_out_for_every_step():
    assert tree().node["medication.helped"].tree == [
        "or",
        [["word", f"{o.option}.helping"] for o in base().options_of("medication")],
    ]
    assert [n.name for n in tree().nodes if n.name.endswith(".reached")] == [f"{s.step}.reached" for s in base().walked]


def test_a_step_brings_its_own_conditions():
    assert tree().node["chronic.passed"].tree == ["word", "chronic-pain"]
    assert tree().node["implant.passed"].tree == ["never"]
    assert tree().node["root.passed"].tree == ["or", [["not", ["word", "correctable"]], ["word", "root-settled"]]]


def test_the_first_step_is_reached_by_everyone():
    assert tree().node["chronic.reached"].tree == ["always"]
    assert tree().node["ketamine.reached"].tree == ["word", "rule:medication.next-ketamine"]


def test_a_rule_is_its_conditions_and_an_offer_waits_for_its_step():
    assert tree().node["rule:therapies.offer-massage"].tree == ["word", "therapies.reached"]
    assert tree().node["rule:medication.next-ketamine"].tree == [
        "and",
        [["word", "medication.reached"], ["word", "therapies.passed"], ["word", "medication.passed"]],
    ]
    hold = tree().node["rule:ketamine.hold-for-pregnancy"]
    assert hold.tree == ["word", "pregnant"]
    assert tree().node["rule:medication.caution-antianxiety"].tree == ["always"]


def test_an_unless_is_a_condition_turned_round():
    rule = dataclasses.replace(base().rule["ketamine.hold-for-pregnancy"], unless=("crps",))
    rules = tuple(rule if r.rule == rule.rule else r for r in base().rules)
    made = build(dataclasses.replace(base(), rules=rules))
    assert made.node[f"rule:{rule.rule}"].tree == [
        "and",
        [["word", "pregnant"], ["not", ["word", "crps"]]],
    ]


def test_an_option_is_held_by_any_of_its_rules_and_never_without_one():
    held = tree().node["iv-ketamine.held"].tree
    assert (held[0], held[1][0], held[1][1][0]) == ("and", ["word", "safety-layer"], "or")
    assert ["word", "rule:ketamine.hold-for-pregnancy"] in held[1][1][1]
    assert tree().node["scar-removal.held"].tree == ["never"]


def test_an_option_is_held_too_where_every_kind_of_it_is():
    held = tree().node["antidepressant.held"].tree
    assert held[0] == "and" or ["and", [["word", "tricyclic.held"], ["word", "snri.held"]]] in held[1]
    holds = tree().node["tricyclic.held"].tree[1]
    assert ["word", "rule:nerve-medicines.hold-tricyclic-with-maoi"] in holds[1][1]


def test_an_option_suits_as_its_offer_says_but_for_the_step():
    assert tree().node["massage.suits"].tree == ["always"]
    assert tree().node["scar-removal.suits"].tree == ["word", "correctable-scar"]


# ---- policies ----


def test_numbers_of_the_policy_are_worked_in():
    assert tree().node["chronic-pain"].tree == ["number", "pain.duration", ">", 91.3125]
    longer = build(base(), {"chronic-after": 182.625})
    assert longer.node["chronic-pain"].tree == ["number", "pain.duration", ">", 182.625]


def test_a_count_of_the_policy_is_worked_in_and_options_that_do_not_count_are_left_out():
    passed = tree().node["medication.passed"].tree
    assert passed[0] == "and"
    countable = [["word", f"{o.option}.counted"] for o in base().options_of("medication", countable=True)]
    assert ["at-least", 2, countable] in passed[1]
    assert ["word", "opioid.counted"] not in countable
    one = build(base(), {"medication-exhausted-at": 1}).node["medication.passed"].tree
    assert ["or", countable] in one[1]


def test_a_choice_of_the_policy_folds_away():
    counted = json.dumps(tree().node["massage.counted"].tree)
    assert "massage.not-tolerated" in counted
    assert "massage.declined" not in counted
    other = build(base(), {"intolerance-counts": False, "refusal-counts": True})
    counted = json.dumps(other.node["massage.counted"].tree)
    assert "massage.not-tolerated" not in counted
    assert "massage.declined" in counted


def test_an_adequate_trial_is_as_long_as_the_policy_of_its_option():
    assert measure_of(None) == ["flag", ".adequate"]
    assert measure_of(base().option["nerve-block"]) == ["flag", ".adequate"]
    failed = build(base(), {"massage-trial": 70.0}).node["massage.failed-adequately"].tree
    measure = ["else", ["flag", ".adequate"], ["number", ".duration", ">=", 70.0]]
    over = ["not", ["is", ".state", "running"]]
    assert failed == ["some", "trials", "massage", ["and", [["is", ".result", "failed"], measure, over]]]


# ---- order, cycles, tables ----


def test_every_node_stands_once_and_after_those_it_needs():
    seen: set[str] = set()
    for node in tree().nodes:
        assert set(node.needs) <= seen
        assert node.name not in seen
        seen.add(node.name)


def circle(base_with_a_circle: RuleBase) -> list[str]:
    with pytest.raises(Problems) as caught:
        build(base_with_a_circle)
    (problem,) = caught.value.items
    assert problem.kind == "cycle"
    assert problem.place.line
    first, *names = problem.message.split(" needs ")
    assert first == names[-1]
    return names


def test_words_in_a_circle_are_named_once_around():
    looped = with_word("correctable-scar", ["and", [["word", "excessive-scar"], ["word", "root-settled"]]])
    names = circle(looped)
    assert len(names) == len(set(names)) > 1
    assert {"correctable-scar", "root-settled"} <= set(names)


def test_a_word_that_needs_itself_is_a_circle_of_one():
    assert circle(with_word("relief", ["or", [["word", "relief"], ["word", "crps"]]])) == ["relief"]


def test_a_status_table_keeps_the_order_of_its_rows():
    rows = tree().node["massage.status"].rows
    statuses = [status for status, _ in base().statuses["option"]]
    assert [status for _, status in rows] == statuses[:-1]
    assert tree().node["massage.status"].otherwise == statuses[-1]
    assert rows[0] == ((("massage.reviewed", "yes"),), "review")


def test_any_step_is_written_out_for_every_step():
    rows = tree().node["walk.ending"].rows
    current = [literals for literals, status in rows if status == "current"]
    assert current == [((f"{step.step}.status", "current"),) for step in base().walked]


def test_a_status_needs_the_words_of_its_rows():
    rows = (((("a", "yes"), ("b", "no")), "x"), ((("a", "no"),), "y"))
    assert Node("n.status", "status", [], rows, "z").needs == ("a", "b")


def test_a_word_of_fields_is_answered_by_the_profile_and_needs_nothing():
    assert tree().node["pregnant"].kind == "field"
    assert tree().node["pregnant"].needs == ()
    assert tree().node["relief"].kind == "logic"
    assert dict(tree().field_words)["pregnant"] == ["flag", "pregnancy"]


def test_a_tree_survives_its_trip_through_json():
    assert from_json(json.loads(json.dumps(to_json(tree())))) == tree()
