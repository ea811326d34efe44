"""Anything at all, at length, through the reader of cases and of policies: only a result or Problems come out."""

import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pathway
from pathway.case import read_case
from pathway.policy import read_policy
from pathway.problem import Problems
from pathway.profile import Profile, fields

BASE = pathway.load_rules().base
NAMES = [info.alias or name for name, info in Profile.model_fields.items()]
ITEMS = [name for kind in fields().values() for name in kind.item]
VALUES = [value for kind in fields().values() for value in kind.values]
POLICIES = [policy.policy for policy in BASE.policies]
QUANTITY = st.builds(
    "{}{}{}{}".format,
    st.integers(-5, 10**6) | st.floats(-5, 10**6),
    st.sampled_from(["", " ", "\u00a0"]),
    st.sampled_from(
        ["day", "weeks", "months", "yrs", "mg/day", "g daily", "mcg/hour", "mg three times a day", "ml", "%"]
    ),
    st.sampled_from(["", " 2 days", " and", "!", " or so"]),
)
LEAVES = (
    st.sampled_from([*VALUES, *BASE.treatments, *BASE.classes, "unknown", "none", "nothing else", "never"])
    | QUANTITY
    | st.dates().map(str)
    | st.none()
    | st.booleans()
    | st.integers(-(10**16), 10**16)
    | st.floats()
    | st.text(max_size=30)
)
KEYS = st.sampled_from([*NAMES, *ITEMS, "duration", "sites", "peg", "intensity", "other"]) | st.text(max_size=6)
ANYTHING = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=12) | st.dictionaries(KEYS, inner, max_size=12), max_leaves=120
)
CASES = st.dictionaries(st.sampled_from(NAMES), ANYTHING, max_size=20)
MUCH = settings(max_examples=5_000, deadline=None, suppress_health_check=list(HealthCheck))

pytestmark = pytest.mark.fuzz


def looked_over(problems: Problems) -> None:
    assert 1 <= len(problems.items) <= 101
    str(problems).encode("utf-8")
    json.dumps([item.as_dict() for item in problems.items])
    assert all(item.help and item.place.line and item.place.column for item in problems.items)


@MUCH
@given(CASES | ANYTHING)
def test_anything_is_read_and_walked_or_refused(data: object):
    try:
        case = read_case(io.BytesIO(json.dumps(data).encode()), BASE, name="case.json")
    except Problems as problems:
        looked_over(problems)
    else:
        assert pathway.walk(case).ending.kind in ("stop", "current", "questions")


@MUCH
@given(st.dictionaries(st.sampled_from(POLICIES) | st.text(max_size=6), ANYTHING, max_size=15) | ANYTHING)
def test_any_policy_is_read_or_refused(data: object):
    try:
        read = read_policy(io.BytesIO(json.dumps(data).encode()), BASE, name="policy.json")
    except Problems as problems:
        looked_over(problems)
    else:
        assert set(read) <= set(POLICIES)


@MUCH
@given(st.text(alphabet="abc:-? \n\t[]{},'\"#&*!|>%@`0123456789.eE+~", max_size=400), st.sampled_from(NAMES))
def test_any_text_under_a_field_is_read_or_refused(text: str, name: str):
    page = f"{name}:\n  " + text.replace("\n", "\n  ")
    try:
        read_case(io.BytesIO(page.encode()), BASE, name="case.yaml")
    except Problems as problems:
        looked_over(problems)
