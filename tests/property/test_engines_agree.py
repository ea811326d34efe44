"""durable-rules and the judge compute the same, whatever the rules and whatever the case."""

import json
import random

from hypothesis import given
from hypothesis import strategies as st

from pathway.engine import durable, plain
from pathway.findings import find
from pathway.rules import SAFETY
from pathway.tree import RuleTree
from pathway.walks import answers_of
from tests.property.strategies import Data, case_of, cases, compiled, examples, findings_of, rule_trees


@examples(100)
@given(st.data(), rule_trees())
def test_any_rules_come_out_as_the_judge_says(data: st.DataObject, tree: RuleTree):
    session = durable.Session(durable.compile_tree(tree))
    for _ in range(12):
        findings = data.draw(findings_of(tree))
        assert session.run(findings) == plain.run(tree, findings)
    session.close()


@examples(40)
@given(st.data(), rule_trees(), st.randoms(use_true_random=False))
def test_the_order_of_findings_means_nothing(data: st.DataObject, tree: RuleTree, rng: random.Random):
    session = durable.Session(durable.compile_tree(tree))
    findings = data.draw(findings_of(tree))
    first = session.run(findings)
    for _ in range(3):
        shuffled = list(findings.items())
        rng.shuffle(shuffled)
        assert session.run(dict(shuffled)) == first
    session.close()


@examples(40)
@given(rule_trees())
def test_any_program_survives_its_trip_through_json(tree: RuleTree):
    program = durable.compile_tree(tree)
    assert durable.from_json(json.loads(json.dumps(durable.to_json(program)))) == program


@examples(150)
@given(st.data())
def test_the_default_rules_come_out_as_the_judge_says_for_any_findings(data: st.DataObject):
    tree = compiled().tree
    findings = data.draw(findings_of(tree))
    assert compiled().engine.run(findings) == plain.run(tree, findings)


@examples(150)
@given(cases())
def test_the_default_rules_come_out_as_the_judge_says_for_any_case(data: Data):
    subject = case_of(data).subject
    assert answers_of(subject, compiled()) == plain.run(compiled().tree, find(subject, compiled().tree.field_words))


@examples(60)
@given(cases())
def test_the_documented_view_comes_out_as_the_judge_says_too(data: Data):
    subject = case_of(data).subject
    findings = {**find(subject, compiled().tree.field_words), SAFETY: -1}
    assert answers_of(subject, compiled(), documented=True) == plain.run(compiled().tree, findings)


@examples(40)
@given(st.data())
def test_what_hangs_on_the_safety_layer_is_all_that_the_documented_view_changes(data: st.DataObject):
    tree = compiled().tree
    findings = data.draw(findings_of(tree))
    answers = plain.run(tree, findings)
    documented = plain.run(tree, {**findings, SAFETY: -1})
    assert plain.work_out(tree.upon_safety, {**answers, SAFETY: -1}) == documented
