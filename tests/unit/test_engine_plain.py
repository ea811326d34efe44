import itertools

import pytest

from pathway.engine import plain
from pathway.tree import Node, RuleTree

YES, UNKNOWN, NO = 1, 0, -1
ANSWERS = (YES, UNKNOWN, NO)
A, B, C = ["word", "a"], ["word", "b"], ["word", "c"]


def value(tree: list, a: int = UNKNOWN, b: int = UNKNOWN, c: int = UNKNOWN) -> int:
    return plain.value(tree, {"a": a, "b": b, "c": c})


@pytest.mark.parametrize(("a", "b"), list(itertools.product(ANSWERS, repeat=2)))
def test_and_or_and_not_are_strong_kleene_logic(a: int, b: int):
    both = NO if NO in (a, b) else UNKNOWN if UNKNOWN in (a, b) else YES
    either = YES if YES in (a, b) else UNKNOWN if UNKNOWN in (a, b) else NO
    assert value(["and", [A, B]], a, b) == both
    assert value(["or", [A, B]], a, b) == either
    assert value(["not", A], a) == {YES: NO, UNKNOWN: UNKNOWN, NO: YES}[a]


@pytest.mark.parametrize("answers", list(itertools.product(ANSWERS, repeat=3)))
@pytest.mark.parametrize("number", [1, 2, 3])
def test_at_least_is_yes_when_enough_are_and_no_when_too_few_can_be(number: int, answers: tuple[int, ...]):
    yes, possible = answers.count(YES), answers.count(YES) + answers.count(UNKNOWN)
    expected = YES if yes >= number else NO if possible < number else UNKNOWN
    assert value(["at-least", number, [A, B, C]], *answers) == expected


def test_constants_answer_themselves():
    assert value(["always"]) == YES
    assert value(["never"]) == NO
    assert value(["and", [["always"], ["not", ["never"]]]]) == YES


def test_an_unknown_is_neither_itself_nor_its_opposite():
    assert value(["or", [A, ["not", A]]], UNKNOWN) == UNKNOWN


def nodes() -> RuleTree:
    rows = (
        ((("both", "yes"),), "first"),
        ((("a", "unknown"), ("b", "no")), "second"),
        ((("a", "no"),), "third"),
    )
    return RuleTree(
        (
            Node("a", "field", ["flag", "a"]),
            Node("b", "field", ["flag", "b"]),
            Node("both", "logic", ["and", [A, B]]),
            Node("x.status", "status", [], rows, "last"),
            Node("y.status", "status", [], (((("x.status", "third"),), "of-third"),), "of-others"),
        )
    )


@pytest.mark.parametrize(
    ("a", "b", "status"),
    [
        (YES, YES, "first"),
        (YES, NO, "last"),
        (YES, UNKNOWN, "last"),
        (UNKNOWN, NO, "second"),
        (UNKNOWN, UNKNOWN, "last"),
        (UNKNOWN, YES, "last"),
        (NO, YES, "third"),
        (NO, NO, "third"),
    ],
)
def test_the_first_row_that_holds_sharply_gives_the_status(a: int, b: int, status: str):
    answers = plain.run(nodes(), {"a": a, "b": b})
    assert answers["x.status"] == status
    assert answers["y.status"] == ("of-third" if status == "third" else "of-others")


def test_a_run_answers_every_node_and_leaves_the_findings_as_they_were():
    findings = {"a": YES, "b": UNKNOWN}
    answers = plain.run(nodes(), findings)
    assert list(answers) == ["a", "b", "both", "x.status", "y.status"]
    assert answers["both"] == UNKNOWN
    assert findings == {"a": YES, "b": UNKNOWN}


def test_a_finding_that_is_missing_is_an_error_and_never_an_unknown():
    with pytest.raises(KeyError):
        plain.run(nodes(), {"a": YES})
