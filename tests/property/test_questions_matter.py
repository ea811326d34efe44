"""What a walk asks can matter: for some way of filling in a case, another answer makes another walk.

The law of `pathway prove` shows it of each word and rule for everybody; here each open fact of each case is looked
at in the walk as a whole, lists of trials and medicines included.
"""

import random
from collections.abc import Iterator
from functools import cache
from typing import Any

from pathway.api import read
from pathway.cache import bundled_cases
from pathway.findings import Subject
from pathway.language import nodes
from pathway.profile import FORMS
from pathway.table import CLOSES, OTHER, SLOTTED, Column, Row
from tests.property.cohorts import answers, column, frame_of, open_facts, refused, table
from tests.property.strategies import Data, case_of, compiled

WAYS = (1, 12, 60, 400)
"""How many ways of filling in a case are tried, the next where one was not enough."""
AT_ONCE = 4_000
KNOWN = ("amitriptyline", "duloxetine", "gabapentin", "ibuprofen", "morphine", "diazepam", "warfarin", "fluoxetine")
TRIALS: tuple[dict[str, Any], ...] = (
    {".state": "ended", ".result": "failed", ".adequate": "yes"},
    {".state": "ended", ".result": "helped"},
    {".state": "running"},
)
TAKEN: tuple[dict[str, Any], ...] = (
    {".dose_mg_per_day": 1.0},
    {".dose_mg_per_day": 200.0},
    *({".form": form} for form in FORMS),
)


@cache
def shown() -> list[str]:
    """What a reader of a walk sees beside its questions: which rules fire, and each status."""
    return [node.name for node in compiled().tree.nodes if node.kind == "status" or node.name.startswith("rule:")]


@cache
def lines() -> list[float]:
    """Every number with which a rule compares something."""
    found = {0.0, 1.0}
    for node in compiled().tree.nodes:
        if node.kind == "field":
            numbers = [each for each in nodes(node.tree) if each[0] in ("number", "total")]
            found |= {float(each[-1]) for each in numbers if isinstance(each[-1], int | float)}
    return sorted({n for line in found for n in (line - 1, float(int(line)), line, float(int(line) + 1)) if n >= 0})


def said(of: Column) -> list[dict[str, Any]]:
    """What may be answered to a column: the cells that each answer fills."""
    if of.kind == "number":
        fit = [line for line in lines() if line <= of.most and not (of.whole and line % 1)]
        return [{of.name: line} for line in fit]
    if of.item == CLOSES:
        return [{of.name: "yes"}]
    if of.kind == "medicine":
        return [{of.name: name} for name in KNOWN]
    values: list[dict[str, Any]] = [{of.name: value} for value in of.values if value != "unknown"]
    if not of.part and of.path in SLOTTED:
        listed: tuple[dict[str, Any], ...] = TRIALS if of.path == "trials" else TAKEN
        values += [{of.name: "yes", **{of.name + part: cell for part, cell in told.items()}} for told in listed]
    return values


def answered(row: Row, name: str) -> Iterator[dict[str, Any]]:
    """The row with each answer to one of its open facts; who a medicine is that nobody knows, is answered by a name."""
    begin = f"medicines.{OTHER}"
    if name == begin or name.startswith(f"{begin}."):
        parts = {
            cell[len(begin) :]: told for cell, told in row.items() if cell == begin or cell.startswith(f"{begin}.")
        }
        rest = {cell: told for cell, told in row.items() if not cell.startswith(begin)}
        for known in KNOWN:
            renamed = {f"medicines.{known}{part}": told for part, told in parts.items()}
            if name == begin:
                yield {**rest, **renamed}
            else:
                yield from (
                    {**rest, **renamed, **told} for told in said(column(name.replace(begin, f"medicines.{known}")))
                )
    else:
        yield from ({**row, **told} for told in said(column(name)))


def filled(row: Row, keep: str, open_to: set[str], rng: random.Random) -> Row:
    """The row with some of its other open facts answered: few of them or many, anyhow or mostly with no."""
    share, calm = rng.choice((0.1, 0.3, 0.6, 0.9)), rng.choice((0.0, 0.5, 0.9))
    for name in sorted(open_to - {keep}):
        if rng.random() < share:
            told = list(answered(row, name))
            no = [each for each in told if each.get(name) in ("no", "normal", "never", "none") or name.endswith(CLOSES)]
            row = rng.choice(no if no and rng.random() < calm else told)
    return row


def idle(subjects: list[Subject]) -> list[tuple[Row, str]]:
    """The open facts of which no two answers were found that make different walks."""
    rng = random.Random(1)
    left: list[tuple[Row, str, set[str]]] = []
    for subject in subjects:
        row, facts = table().row_of(subject), open_facts(subject)
        left += [(row, name, facts) for name in sorted(facts)]
    for ways in WAYS:
        tried = [
            ((i, way), told)
            for i, (row, name, facts) in enumerate(left)
            for way in range(ways)
            for told in answered(filled(row, name, facts, rng) if way else row, name)
        ]
        walks: dict[tuple[int, int], set[tuple[Any, ...]]] = {}
        for begin in range(0, len(tried), AT_ONCE):
            part = tried[begin : begin + AT_ONCE]
            frame = frame_of([told for _, told in part])
            out = refused(frame)
            for i, (way, said_of) in enumerate(zip([way for way, _ in part], answers(frame), strict=True)):
                if i not in out:
                    seen = tuple(
                        said_of[name] if isinstance(said_of[name], str) else said_of[name] == 1 for name in shown()
                    )
                    walks.setdefault(way, set()).add(seen)
        matters = {i for (i, _), seen in walks.items() if len(seen) > 1}
        left = [each for i, each in enumerate(left) if i not in matters]
    return [(row, name) for row, name, _ in left]


def test_what_is_asked_in_each_case_of_the_project_can_matter():
    subjects = [read(path, compiled=compiled()).subject for path in sorted(bundled_cases().rglob("*.yaml"))]
    assert sum(len(open_facts(subject)) for subject in subjects) > 500
    assert idle(subjects) == []


def test_whether_a_trial_that_goes_on_was_adequate_is_not_asked():
    data: Data = {"trials": [{"treatment": "massage", "state": "running"}]}
    assert "trials.massage.duration_days" not in open_facts(case_of(data).subject)
