"""What all cases together show: every rule that holds, ends or reviews speaks in one case, and is silent in another."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import pathway
from pathway.cache import Compiled
from pathway.walks import answers_of

FOLDER = Path(__file__).resolve().parents[2] / "cases"
CASES = sorted(path for path in FOLDER.iterdir() if path.suffix in (".yaml", ".json"))
AT_LEAST = 188
STRICT = ("hold", "end", "review")
"""The verbs that take something from a person or ask for a change: none of them may go unseen."""
FIRES, ASKS, SILENT = 1, 0, -1
PARTS = ("known", "unknown", "denied")
VARIES = {
    "title", "story", "as_of", "red_flags", "illnesses", "allergies", "blood_pressure", "hla_b_1502", "medicines",
    "fertility", "mood", "assessments", "stimulator", "not", "unknown",
}  # fmt: skip
"""What may differ between the three tellings of one person."""


@cache
def answers(path: Path) -> dict[str, object]:
    compiled = pathway.load_rules()
    return dict(answers_of(pathway.read(path, compiled=compiled).subject, compiled))


def unseen(compiled: Compiled, verdict: int) -> Iterator[str]:
    """The strict rules that no case shows with a verdict."""
    for rule in compiled.base.rules:
        if rule.verb in STRICT and all(answers(path)[f"rule:{rule.rule}"] != verdict for path in CASES):
            yield rule.rule


def triples() -> list[str]:
    """The stems of the cases that tell one person three times: a fact known, unknown and denied."""
    stems = {path.stem for path in CASES}
    known = {stem.removesuffix("-known") for stem in stems if stem.endswith("-known")}
    return sorted(stem for stem in known if all(f"{stem}-{part}" in stems for part in PARTS))


def test_there_are_cases_enough() -> None:
    assert len(CASES) >= AT_LEAST, f"only {len(CASES)} cases were found in {FOLDER}"


@pytest.mark.parametrize("verdict", [pytest.param(FIRES, id="fires"), pytest.param(SILENT, id="is-silent")])
def test_every_strict_rule_is_seen_in_some_case(verdict: int, compiled: Compiled) -> None:
    rules = [rule for rule in compiled.base.rules if rule.verb in STRICT]
    assert {rule.verb for rule in rules} == set(STRICT)
    missing = list(unseen(compiled, verdict))
    told = "fires" if verdict == FIRES else "is silent"
    assert not missing, f"of {len(rules)} rules in {len(CASES)} cases, none {told}: {', '.join(missing)}"


def test_there_are_triples_enough() -> None:
    assert len(triples()) >= 6, triples()


@pytest.mark.parametrize("stem", triples())
def test_a_triple_is_one_person_told_three_times(stem: str, compiled: Compiled) -> None:
    paths = [FOLDER / f"{stem}-{part}.yaml" for part in PARTS]
    told = [dict(pathway.read(path, compiled=compiled).data) for path in paths]
    same = [{key: value for key, value in data.items() if key not in VARIES} for data in told]
    assert same[0] == same[1] == same[2]
    assert len({data["title"] for data in told}) == 3


@pytest.mark.parametrize("stem", triples())
def test_a_fact_that_is_not_known_leaves_a_rule_asking(stem: str, compiled: Compiled) -> None:
    """A strict rule fires where the fact is known, asks where it is not, and is silent where it is denied."""
    known, unknown, denied = (answers(FOLDER / f"{stem}-{part}.yaml") for part in PARTS)
    rules = [f"rule:{rule.rule}" for rule in compiled.base.rules if rule.verb in STRICT]
    turned = [rule for rule in rules if (known[rule], denied[rule]) == (FIRES, SILENT)]
    assert turned, "the fact changes nothing"
    assert any(unknown[rule] == ASKS for rule in turned), "not knowing the fact asks nothing"
