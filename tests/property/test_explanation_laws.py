"""The laws of an explanation: what it states is enough and nothing of it is idle; what would change it, does."""

from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from pathway.aims import what_would_change
from pathway.case import Case
from pathway.changes import Judge, Parts, alone, changed, facts_of, put, read_setting, without
from pathway.engine import plain
from pathway.explanation import ENDING, explain_case, missing, targets, what_if, why, why_not
from pathway.findings import find
from pathway.problem import Problems
from pathway.walks import walk_case
from tests.property.strategies import Data, case_of, cases, compiled, examples, options

STEPS = ("chronic", "root", "therapies", "medication", "ketamine", "implant")
TARGETS = st.sampled_from([ENDING, *STEPS, *sorted(options())])


def status(case: Case, node: str) -> Any:
    tree = compiled().tree
    return plain.run(tree, find(case.subject, tree.field_words))[node]


def statuses(case: Case) -> dict[str, str]:
    walk = walk_case(case, compiled())
    return {step.step: step.status for step in walk.steps} | {
        option.option: option.status for step in walk.steps for option in step.options
    }


@examples(60)
@given(cases(), TARGETS)
def test_the_facts_of_an_explanation_alone_give_the_same_and_with_any_left_out_do_not(data: Data, target: str):
    case, base = case_of(data), compiled().base
    explained = why(case, compiled(), target)
    told = set(explained.facts)
    facts = [fact for fact in facts_of(case.data, base) if fact.said in told]
    assume(len({fact.said for fact in facts_of(case.data, base)}) == len(facts_of(case.data, base)))
    node = targets(compiled())[target]
    before = status(case, node)
    assert status(case_of(alone(case.data, facts, base)), node) == before
    for fact in facts if explained.minimal else ():
        assert status(case_of(alone(case.data, without(facts, fact), base)), node) != before, fact


@examples(60)
@given(st.data(), cases())
def test_a_case_with_facts_left_out_is_still_a_case_and_knows_no_more(draw: st.DataObject, data: Data):
    case, base = case_of(data), compiled().base
    facts = facts_of(case.data, base)
    kept = draw.draw(st.lists(st.sampled_from(facts), unique=True) if facts else st.just([]))
    left = case_of(alone(case.data, kept, base))
    assert {fact.said for fact in facts_of(left.data, base)} <= {fact.said for fact in facts} | {
        fact.said.replace(": nothing else", ": none") for fact in facts
    }


@examples(60)
@given(st.data(), cases())
def test_what_is_put_together_of_some_facts_is_judged_as_what_is_read_of_them(draw: st.DataObject, data: Data):
    case, base, tree = case_of(data), compiled().base, compiled().tree
    facts = facts_of(case.data, base)
    judge = Judge(case.data, compiled(), [node.name for node in tree.nodes])
    parts = Parts(case.data, judge.read, base)
    for _ in range(3):  # each is held against the one before it
        kept = draw.draw(st.lists(st.sampled_from(facts), unique=True) if facts else st.just([]))
        read = case_of(alone(case.data, kept, base))
        assert judge.of(parts.profile(kept)) == plain.run(tree, find(read.subject, tree.field_words))
        judge.stay()


@examples(40)
@given(st.data(), cases(), st.sampled_from(sorted(options())))
def test_every_way_to_a_status_leads_there_and_needs_all_of_its_changes(draw: st.DataObject, data: Data, option: str):
    case, base = case_of(data), compiled().base
    goal = draw.draw(
        st.sampled_from(["offered", "tried", "declined", "continue", "held-back", "not-needed", "not-yet"])
    )
    aim = what_would_change(case, compiled(), f"{option}:{goal}")
    assert aim.reached_now == (statuses(case)[option] == goal)
    for way in aim.ways:
        parts = [[read_setting(text) for text in change.settings] for change in way.changes]
        after = changed(case, base, [setting for part in parts for setting in part])
        assert statuses(after)[option] == goal
        for gone in parts:
            rest = [setting for part in parts if part is not gone for setting in part]
            try:
                less = changed(case, base, rest)
            except Problems:
                continue
            assert status(less, f"{option}.status") != goal


@examples(15)
@given(cases(), st.sampled_from(STEPS))
def test_every_way_to_a_step_leads_to_it(data: Data, step: str):
    case = case_of(data)
    for way in what_would_change(case, compiled(), f"step:{step}").ways:
        settings = [read_setting(text) for change in way.changes for text in change.settings]
        after = changed(case, compiled().base, settings)
        assert (statuses(after)[step], status(after, f"{step}.reached")) == ("current", 1)


@examples(60)
@given(cases(), st.sampled_from(sorted(options())))
def test_nothing_stands_in_the_way_of_an_option_if_and_only_if_it_can_be_offered(data: Data, option: str):
    case = case_of(data)
    assert (not why_not(case, compiled(), option).obstacles) == (status(case, f"{option}.offer") == 1)


@examples(30)
@given(cases(), st.sampled_from(sorted(options())))
def test_what_fires_against_an_option_is_told_whatever_stands_in_the_way(data: Data, option: str):
    case = case_of(data)
    walked = {o.option: o for step in walk_case(case, compiled()).steps for o in step.options}[option]
    told = why_not(case, compiled(), option)
    assert {rule.rule for rule in told.against} == {rule.rule for rule in walked.saying("against", "caution")}
    assert [rule.always for rule in told.against] == sorted(rule.always for rule in told.against)
    firsts = {rule.rule for rule in walked.rules if rule.verb == "first" and rule.verdict != "silent"}
    assert {rule.rule for rule in told.first} == firsts


@examples(20)
@given(cases())
def test_the_overview_names_every_option_in_play(data: Data):
    case = case_of(data)
    told = explain_case(case, compiled())
    options_told = {each.name for each in told.why if each.target in options()}
    assert all(any(name in text for text in told.overview) for name in options_told)


@examples(20)
@given(st.data(), cases())
def test_what_an_answer_would_change_is_what_changes_when_it_is_given(draw: st.DataObject, data: Data):
    case = case_of(data)
    effects = [effect for question in missing(case, compiled()) for effect in question.answers]
    assume(effects)
    effect = draw.draw(st.sampled_from(effects))
    try:
        told = what_if(case, compiled(), [read_setting(effect.setting)])
    except Problems:
        return  # an answer that speaks against what the case already tells
    foreseen = {(change.name, change.after) for change in effect.changes if change.what != ENDING}
    assert foreseen == {(change.name, change.after) for change in told.changes if change.what in ("option", "step")}


@examples(20)
@given(cases())
def test_the_questions_are_those_of_the_walk_most_telling_first(data: Data):
    case = case_of(data)
    ranked = missing(case, compiled())
    assert {question.field for question in ranked} == {q.field for q in walk_case(case, compiled()).questions}
    counts = [(question.could_change, question.holds) for question in ranked]
    assert counts == sorted(counts, reverse=True)


@examples(60)
@given(cases())
def test_putting_a_fact_in_leaves_the_case_that_it_is_put_into_as_it_was(data: Data):
    case = case_of(data)
    before = repr(case.data)
    put(case.data, read_setting("illnesses+=glaucoma"))
    put(case.data, read_setting("pain.duration=4 months"))
    assert repr(case.data) == before
