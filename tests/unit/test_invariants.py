"""Invariants as they are read: what each speaks of, its claims as trees, and every fault that one can have."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pathway.cache import bundled_rules, load
from pathway.invariants import LAWS, check, named, scope_of, spelt
from pathway.language import LanguageError, Scope, Tree, parse_claim
from pathway.problem import Problem, Problems
from pathway.rules import Exempt, Invariant, RuleBase

SCOPE = Scope(
    {},
    frozenset({"a", "b", "a.status", "root.status", "end.status"}),
    {"open": "yes or no"},
    frozenset({"a"}),
    frozenset({"root", "end"}),
)
STATUSES = {"option": {"offered", "tried"}, "step": {"current", "done"}, "ending": {"end", "referral"}}
A_WITHOUT_B = ["and", [["word", "a"], ["not", ["word", "b"]]]]
A, B = ["is", "a", "yes", False], ["is", "b", "no", False]


@cache
def base() -> RuleBase:
    return load().base


def invariant(**more: Any) -> Invariant:
    return Invariant("made-for-a-test", "A test says so.", "It tests.", place="rules/invariants.yaml:1", **more)


def labels(*each: str, among: tuple[str, ...] = ()) -> list[str]:
    return [label for label, _ in named(invariant(each=each, among=among), base())]


# ---- claims ----


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a is yes", A),
        ("a is unknown", ["is", "a", "unknown", False]),
        ("b is not no", ["not", B]),
        ("before a is yes", ["is", "a", "yes", True]),
        ("before b is not no", ["not", ["is", "b", "no", True]]),
        ("not a is yes", ["not", A]),
        ("not not a is yes", ["not", ["not", A]]),
        ("a is yes and b is no", ["all", [A, B]]),
        ("a is yes or b is no", ["any", [A, B]]),
        ("a is yes or b is no and a is yes", ["any", [A, ["all", [B, A]]]]),
        ("(a is yes or b is no) and a is yes", ["all", [["any", [A, B]], A]]),
        ("not (a is yes and b is no)", ["not", ["all", [A, B]]]),
        ("((a is yes))", A),
        ("a.status is offered", ["is", "a.status", "offered", False]),
        ("root.status is not done", ["not", ["is", "root.status", "done", False]]),
        ("walk.ending is referral", ["is", "walk.ending", "referral", False]),
        (
            "any step is current",
            ["any", [["is", "end.status", "current", False], ["is", "root.status", "current", False]]],
        ),
        ("(a or b) is yes", ["of", ["or", [["word", "a"], ["word", "b"]]], "yes", False]),
        ("before (a and not b) is not no", ["not", ["of", A_WITHOUT_B, "no", True]]),
        ("(a) is unknown", ["of", ["word", "a"], "unknown", False]),
        ("(policy.open) is yes", ["of", ["policy", "open"], "yes", False]),
        ("(any option of root is held) is no", ["of", ["options", "any", None, False, "root", "held"], "no", False]),
        ("(every kind of a is held) is yes", ["of", ["kinds", "every", "a", "held"], "yes", False]),
        (
            "(at least 2 countable options of root are spent) is yes",
            ["of", ["options", "at-least", 2.0, True, "root", "spent"], "yes", False],
        ),
    ],
)  # fmt: skip
def test_each_construct_of_a_claim_has_its_tree(text: str, tree: Tree):
    assert parse_claim(text, SCOPE, STATUSES) == tree


@pytest.mark.parametrize(
    ("text", "kind", "offset"),
    [
        ("aa is yes", "unknown-word", 0),
        ("a is yes and aa is yes", "unknown-word", 13),
        ("(a or aa) is yes", "unknown-word", 6),
        ("a is offered", "bad-expression", 5),
        ("a.status is yes", "bad-expression", 12),
        ("a.status is current", "bad-expression", 12),
        ("root.status is offered", "bad-expression", 15),
        ("any step is offered", "bad-expression", 12),
        ("walk.ending is done", "bad-expression", 15),
        ("(a or b) is offered", "bad-expression", 12),
        ("a is", "bad-expression", 4),
        ("a", "bad-expression", 1),
        ("a is yes and", "bad-expression", 12),
        ("(a is yes", "bad-expression", 9),
        ("a is yes b is no", "bad-expression", 9),
        ("before before a is yes", "bad-expression", 14),
        ("(a is yes) is yes", "bad-expression", 11),
        ("(a else b) is yes", "bad-expression", 3),
        ("a = yes", "bad-expression", 2),
        ("", "bad-expression", 0),
    ],
)
def test_what_is_no_claim_is_told_with_its_place_in_the_text(text: str, kind: str, offset: int):
    with pytest.raises(LanguageError) as caught:
        parse_claim(text, SCOPE, STATUSES)
    assert (caught.value.kind, caught.value.offset) == (kind, offset)


def test_a_slip_of_the_pen_is_told_with_what_may_be_meant():
    with pytest.raises(LanguageError) as caught:
        parse_claim("a.status is ofered", SCOPE, STATUSES)
    assert caught.value.help == 'did you mean "offered"?'


# ---- what an invariant speaks of ----


def test_without_a_family_it_speaks_of_one_thing_without_a_name():
    assert list(named(invariant(), base())) == [("", {})]


@pytest.mark.parametrize(
    ("family", "count"),
    [
        ("option", lambda b: len(b.options)),
        ("option of therapies", lambda b: len(b.options_of("therapies"))),
        ("kind", lambda b: len(b.kinds)),
        ("kind of opioid", lambda b: len(b.kinds_of("opioid"))),
        ("step", lambda b: len(b.walked)),
        ("rule", lambda b: len(b.rules)),
        ("rule that says hold", lambda b: sum(r.verb == "hold" for r in b.rules)),
        ("rule that says hold or end", lambda b: sum(r.verb in ("hold", "end") for r in b.rules)),
    ],
)
def test_a_family_has_as_many_members_as_there_are_such_things(family: str, count: Any):
    told = labels(family)
    assert len(told) == len(set(told)) == count(base()) > 0


def test_every_word_that_the_walk_works_out_is_a_word_and_no_rule_and_no_status_is():
    words = labels("word")
    assert {"flag", "massage.held", "therapies.reached"} <= set(words)
    assert not [word for word in words if word.startswith("rule:") or word.endswith(".status")]


def test_another_option_is_never_the_same_one():
    many = len(base().options)
    told = labels("option", "other option")
    assert len(told) == many * (many - 1)
    assert "massage, opioid" in told and "massage, massage" not in told


def test_among_names_some_of_the_last_family_in_its_own_order():
    assert labels("option", among=("opioid", "massage")) == ["opioid", "massage"]
    assert set(labels("step", "option", among=("massage",))) == {f"{step.step}, massage" for step in base().walked}


def test_an_option_brings_its_step_and_a_rule_its_target_and_option():
    ((_, massage),) = named(invariant(each=("option",), among=("massage",)), base())
    assert massage == {"option": "massage", "step": "therapies"}
    for _, names in named(invariant(each=("rule that says hold",)), base()):
        rule = base().rule[names["rule"]]
        kind = base().kind.get(rule.target)
        assert names["target"] == rule.target
        assert names.get("option") == (kind.option if kind else rule.target if rule.target in base().option else None)


def test_the_names_are_filled_in_before_a_claim_is_read():
    claim = invariant(when="{option}.held is yes", then="{step}.reached is no", change="{option}.spent is no")
    said = spelt(claim, base(), scope_of(base()), {"option": "massage", "step": "therapies"})
    assert said.when == ["is", "massage.held", "yes", False]
    assert said.then == ["is", "therapies.reached", "no", False]
    assert said.change == ["is", "massage.spent", "no", False]


def test_a_new_failed_trial_is_a_change_of_its_own():
    claim = invariant(change="a new failed trial of {option}", then="flag is no")
    assert spelt(claim, base(), scope_of(base()), {"option": "massage"}).change == ["trial", "massage"]


def test_what_is_left_out_holds_always():
    said = spelt(invariant(then="flag is no"), base(), scope_of(base()), {})
    assert (said.when, said.can, said.change) == (["all", []], (), [])


def test_every_invariant_of_the_rules_can_be_read_and_every_law_is_claimed():
    assert {claim.law for claim in base().invariants if claim.law} == LAWS.keys()
    for claim in base().invariants:
        check(claim, base())


# ---- faults ----

FINE = invariant(each=("option",), then="{option}.held is no")
FAULTS = [
    (replace(FINE, then="{option}.hold is no"), "unknown-word", "hold"),
    (replace(FINE, then="{optoin}.held is no"), "unknown-word", "optoin"),
    (replace(FINE, when="nobody is yes"), "unknown-word", "nobody"),
    (replace(FINE, then="{option}.held is maybe"), "bad-expression", "maybe"),
    (replace(FINE, then="{option}.status is ofered"), "bad-expression", "ofered"),
    (replace(FINE, then="walk.ending is offered"), "bad-expression", "offered"),
    (replace(FINE, then="(any option of massage is held) is yes"), "unknown-step", "massage"),
    (replace(FINE, then="(policy.mme-caution) is yes"), "wrong-unit", "mme-caution"),
    (replace(FINE, each=("optoin",)), "bad-expression", "optoin"),
    (replace(FINE, each=("option of nowhere",)), "unknown-value", "nowhere"),
    (replace(FINE, each=("step of therapies",)), "bad-expression", "no family"),
    (replace(FINE, each=("other rule",)), "bad-expression", "no family"),
    (replace(FINE, each=("rule that says hush",)), "unknown-value", "hush"),
    (replace(FINE, each=("option that says hold",)), "bad-expression", "no family"),
    (replace(FINE, each=("",)), "bad-expression", "no family"),
    (replace(FINE, among=("masage",)), "unknown-value", "masage"),
    (replace(FINE, can=("flag is yes",)), "bad-expression", "one of"),
    (replace(FINE, law="learning"), "bad-expression", "one of"),
    (replace(FINE, then=""), "bad-expression", "one of"),
    (replace(FINE, then="", law="gravity"), "bad-expression", "gravity"),
    (replace(FINE, exempt=(Exempt(("masage",), "A test."),)), "unknown-value", "masage"),
    (replace(FINE, change="massage.status is offered"), "bad-expression", "a change makes"),
    (replace(FINE, change="massage.held is not yes"), "bad-expression", "a change makes"),
    (replace(FINE, change="massage.held is yes or relief is yes"), "bad-expression", "a change makes"),
    (replace(FINE, change="(massage.held or relief) is yes"), "bad-expression", "a change makes"),
    (replace(FINE, change="before massage.held is yes"), "bad-expression", "a change makes"),
    (replace(FINE, change="a new failed trial of masage"), "unknown-option", "masage"),
]


@pytest.mark.parametrize(("wrong", "kind", "told"), FAULTS, ids=range(len(FAULTS)))
def test_each_fault_of_an_invariant_is_found_when_it_is_read(wrong: Invariant, kind: str, told: str):
    check(FINE, base())
    with pytest.raises(LanguageError) as caught:
        check(wrong, base())
    assert caught.value.kind == kind
    assert told in str(caught.value)


def test_a_change_that_no_word_can_take_is_refused():
    with pytest.raises(LanguageError):
        check(replace(FINE, change="walk.ending is end"), base())


@pytest.mark.parametrize(
    "more",
    [
        {"when": "flag is yes", "then": "", "can": ("{option}.held is yes",)},
        {"change": "relief is yes", "then": "", "can": ("{option}.held is yes",)},
        {"then": "", "law": "learning", "when": "flag is yes"},
        {"each": (), "among": ("massage",), "then": "flag is no"},
        {"then": "before {option}.held is no"},
        {"each": ("option", "option")},
    ],
    ids=["when beside can", "change beside can", "when beside a law", "among of nothing", "before what", "twice"],
)
def test_what_would_be_passed_over_in_silence_is_refused(more: dict[str, Any]):
    with pytest.raises(LanguageError):
        check(replace(FINE, **more), base())


CLAIMS = """
- invariant: first-of-them
  says: A word that is not there.
  because: A test.
  then: nobody is yes

- invariant: last-of-them
  says: A law that is none.
  because: A test.
  law: gravity
"""
NAMES = """
- invariant: Not A Name
  says: A name that is none.
  because: A test.
  then: flag is no

- invariant: one-ending
  says: A name that is taken.
  because: A test.
  then: flag is no
"""


def problems_after(added: str, root: Path) -> tuple[int, tuple[Problem, ...]]:
    """The line on which an addition to the invariants begins, and the problems of the rules with it."""
    shutil.copytree(bundled_rules(), root)
    path = root / "invariants.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text + added, encoding="utf-8")
    with pytest.raises(Problems) as caught:
        load(root)
    return text.count("\n") + 1, caught.value.items


@pytest.mark.parametrize(
    ("wrong", "kinds"),
    [(CLAIMS, ["unknown-word", "bad-expression"]), (NAMES, ["bad-key", "duplicate-id"])],
    ids=["claims", "names"],
)
def test_each_fault_is_told_at_its_place_and_with_the_others(
    wrong: str, kinds: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    begin, problems = problems_after(wrong, tmp_path / "rules")
    assert {problem.place.source for problem in problems} == {"rules/invariants.yaml"}
    lines = [begin + i for i, line in enumerate(wrong.splitlines()) if line.startswith("- invariant")]
    assert sorted((problem.place.line, problem.kind) for problem in problems) == list(zip(lines, kinds, strict=True))


@pytest.mark.parametrize("field", ["invariant", "says", "because"])
def test_what_every_invariant_says_cannot_be_left_out(field: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    lines = {"invariant": "a-test", "says": "A.", "because": "B.", "then": "flag is no"}
    added = "\n- " + "\n  ".join(f"{name}: {value}" for name, value in lines.items() if name != field) + "\n"
    begin, problems = problems_after(added, tmp_path / "rules")
    assert [(problem.kind, problem.place.line) for problem in problems] == [("missing-field", begin + 1)]
