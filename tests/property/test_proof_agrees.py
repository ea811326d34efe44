"""The formulas of the prover say of any one person what the plain judge says, and admit whoever the reader admits."""

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathway.api import read
from pathway.cache import bundled_cases
from pathway.engine import plain
from pathway.findings import find
from pathway.rules import SAFETY
from pathway.tree import build
from tests.property.strategies import Data, case_of, cases, compiled, examples

z3 = pytest.importorskip("z3")
from pathway.engine.proof import Proof  # noqa: E402
from pathway.engine.truths import LOGIC  # noqa: E402

WORDS = {1: "yes", 0: "unknown", -1: "no"}


@cache
def solver():
    """Everybody, with room for more records than are enough."""
    proof = Proof(compiled().base, more=4)
    made = z3.SolverFor(LOGIC)
    made.add(*proof.admitted)
    return proof, made


def differing(subject, policy, safety: bool = True):
    """The nodes that the solver, given one person, may answer otherwise than the judge; None if it admits no such
    person."""
    proof, made = solver()
    tree = build(compiled().base, policy)
    findings = find(subject, tree.field_words)
    judged = plain.run(tree, findings if safety else {**findings, SAFETY: -1})
    made.push()
    try:
        made.add(*proof.people.given(subject), *proof.under(policy), proof.view.truth(SAFETY).is_(1 if safety else -1))
        if made.check() != z3.sat:
            return None
        said = {
            name: proof.view.literal(name, value if isinstance(value, str) else WORDS[value])
            for name, value in judged.items()
        }
        if made.check(z3.Not(z3.And(list(said.values())))) == z3.unsat:
            return []
        model = made.model()
        return [(name, judged[name]) for name, literal in said.items() if not z3.is_true(model.eval(literal, True))]
    finally:
        made.pop()


@examples(60)
@given(cases(), st.booleans())
def test_given_a_person_the_solver_finds_just_what_the_judge_says(data: Data, safety: bool):
    assert differing(case_of(data).subject, {}, safety) == []


@examples(20)
@given(cases(calm=True))
def test_given_somebody_to_whom_much_is_offered(data: Data):
    assert differing(case_of(data).subject, {}) == []


@examples(20)
@given(cases(), st.data())
def test_under_any_policy(data: Data, draw: st.DataObject):
    base = compiled().base
    policy: dict = {}
    for each in base.policies:
        if isinstance(each.default, bool):
            policy[each.policy] = draw.draw(st.booleans())
        elif each.unit == "options":
            policy[each.policy] = tuple(
                draw.draw(st.lists(st.sampled_from(sorted(base.option)), unique=True, max_size=2))
            )
        else:
            policy[each.policy] = float(draw.draw(st.integers(int(each.low) + (each.low % 1 > 0), int(each.high))))
    assert differing(case_of(data).subject, policy) == []


@pytest.mark.parametrize(
    "data",
    [
        {"trials": [{"treatment": "tramadol", "state": "running"}], "unknown": ["medicines.tramadol"]},
        {"trials": [{"treatment": "duloxetine", "state": "running"}], "unknown": ["medicines.snri"]},
        {"trials": [{"treatment": "morphine", "state": "running"}], "unknown": ["medicines.morphine"]},
        {"pain": {"duration": "1 month"}, "trials": [{"treatment": "massage", "duration": "31 days"}]},
        {"pain": {"duration": "12 months"}, "trials": [{"treatment": "massage", "duration": "372 days"}]},
        {"medicines": "none", "unknown": ["medicines.opioid"], "not": ["medicines.morphine"]},
        {"medicines": ["oxycodone", "oxycodone", "heartsease", "heartsease", "nothing else"]},
    ],
)
def test_somebody_at_the_edge_of_what_the_reader_admits(data: Data):
    assert differing(case_of(data).subject, {}) == []


@pytest.mark.parametrize("path", sorted(bundled_cases().rglob("*.yaml")), ids=lambda path: path.stem)
def test_each_case_of_the_project(path: Path):
    assert differing(read(path, compiled=compiled()).subject, {}) == []
