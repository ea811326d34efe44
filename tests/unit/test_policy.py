import io

import pytest

import pathway
from pathway.policy import read_policy
from pathway.problem import Problems

BASE = pathway.load_rules().base


def policy(text):
    return read_policy(io.BytesIO(text.encode()), BASE, name="clinic.yaml")


def told(text):
    with pytest.raises(Problems) as caught:
        policy(text)
    return [(p.place.line, p.place.column, p.kind) for p in caught.value.items]


def test_only_what_differs_from_the_default_is_kept():
    text = "therapies-exhausted-at: 3\nmedication-exhausted-at: 2\nchronic-after: 6 months\nmassage-trial: 42 days"
    assert policy(text) == {"therapies-exhausted-at": 3, "chronic-after": 182.625}


def test_choices_are_read_as_yes_or_no_in_any_case_of_letters():
    assert policy("intolerance-counts: No\nrefusal-counts: true") == {
        "intolerance-counts": False,
        "refusal-counts": True,
    }
    assert policy("intolerance-counts: yes\nrefusal-counts: false") == {}


def test_options_that_cannot_be_had_are_a_list_or_one_name_or_none():
    assert policy("not-available: [pain-pump, iv-ketamine]") == {"not-available": ("iv-ketamine", "pain-pump")}
    assert policy("not-available: pain-pump") == {"not-available": ("pain-pump",)}
    assert policy("not-available: none") == policy("not-available: []") == {}


def test_everything_that_is_no_option_is_told_where_it_stands():
    text = "not-available: [pain-pump, gabapentin, ketamin, pain-pump, 4, iv-ketamine]\nchronic-after: 6"
    assert told(text) == [
        (1, 28, "unknown-option"),
        (1, 40, "unknown-option"),
        (1, 49, "said-twice"),
        (1, 60, "wrong-type"),
        (2, 16, "missing-unit"),
    ]


def test_an_empty_group_sets_nothing():
    assert policy("{}") == {}


def test_one_is_not_taken_for_yes():
    assert told("intolerance-counts: 1\nrefusal-counts: 0") == [(1, 21, "wrong-type"), (2, 17, "wrong-type")]


def test_the_bounds_themselves_are_allowed():
    assert policy("therapies-exhausted-at: 1\nmedication-exhausted-at: 6\nmassage-trial: 1 week") == {
        "therapies-exhausted-at": 1,
        "medication-exhausted-at": 6,
        "massage-trial": 7.0,
    }


def test_all_problems_are_told_in_one_pass():
    assert told(
        "exhausted: 1\nmassage-trial: 6\nchronic-after: 2 years\nrefusal-counts: [yes]\ntherapies-exhausted-at: 2.0"
    ) == [
        (1, 1, "unknown-policy"),
        (2, 16, "missing-unit"),
        (3, 16, "out-of-range"),
        (4, 17, "wrong-type"),
        (5, 25, "wrong-type"),
    ]


@pytest.mark.parametrize("value", ["null", "[]", "{}", "x", "1e3", "-1", "true", '"3"', "999999999"])
def test_strange_numbers_are_refused(value):
    ((line, column, kind),) = told(f"therapies-exhausted-at: {value}")
    assert (line, column) == (1, 25)
    assert kind in ("wrong-type", "out-of-range")


def test_a_very_long_file_is_told_in_part():
    assert len(told("\n".join(f"policy-{i}: 1" for i in range(20_000)))) == 101
