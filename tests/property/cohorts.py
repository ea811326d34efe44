"""Cohorts for laws of the engine of columns: rows at random, and what the other engines say of them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import polars as pl

from pathway.batch.coding import Coded, Coding
from pathway.batch.contradictions import Contradictions
from pathway.case import Case
from pathway.engine import plain
from pathway.engine.columns import Compiler
from pathway.engine.plain import Answers
from pathway.engine.questions import Questions
from pathway.engine.values import expr_of
from pathway.findings import Gap, Subject, find
from pathway.table import CLOSES, OTHER, Column, Row, Table
from pathway.walks import gaps_of
from tests.property.strategies import compiled

NUMBER = "~number"
QUICK = pl.QueryOptFlags.none()
SINGLES = (
    "age", "sex", "pregnancy", "fertility.lasted_days", "fertility.possible", "pain.duration_days", "mood.phq9",
    "mood.item9", "blood_pressure", "kidney_function", "injections.same_joint", "injections.since_last_days",
    "pain.intensity",
)  # fmt: skip
TRIAL = ("", "state", "result", "adequate", "duration_days", "dose_mg_per_day", "medicine")
MEDICINE = ("", "dose_mg_per_day", "form", "helps")
TELLING = (
    "opioid", "morphine", "fentanyl", OTHER, "acetaminophen", "codeine", "antidepressant", "amitriptyline",
)  # fmt: skip
DAYS = (0, 20, 22, 42, 50, 56, 91.3125, 92, 200, 400, 3000, 9000, 44_000)
DOSES = (0.6, 5, 30, 50, 60, 90, 1000, 3000, 4001)


@cache
def table() -> Table:
    return Table(compiled().base)


def column(name: str) -> Column:
    found = table().column(name)
    assert found is not None, name
    return found


def frame_of(rows: Sequence[Row], names: Sequence[str] = ()) -> pl.DataFrame:
    """The rows as a frame as an analyst would have it: numbers as floats, all else as texts."""
    names = names or sorted({name for row in rows for name in row}, key=table().place)
    kinds = {name: pl.Float64() if column(name).kind == "number" else pl.String() for name in names}
    columns = {n: pl.Series([row.get(n) for row in rows], dtype=kind) for n, kind in kinds.items()}
    return pl.DataFrame({NUMBER: range(len(rows)), **columns})


def names_of(frame: pl.DataFrame) -> list[str]:
    return [name for name in frame.columns if name != NUMBER]


def coded(frame: pl.DataFrame) -> Coded:
    found = Coding(table(), {name: kind for name, kind in frame.schema.items() if name != NUMBER}).code(frame)
    return Coded(pl.concat([frame.select(NUMBER), found.codes], how="horizontal"), found.bad)


def answers(frame: pl.DataFrame, complete: Sequence[str] = ()) -> list[Answers]:
    """What the engine of columns says of every node, row by row."""
    compiler = Compiler(compiled().tree, compiled().base, names_of(frame), complete)
    compiler.compile()
    kernel = compiler.kernel()
    return _rows(kernel.run(coded(frame).codes.lazy()), map(kernel.answer, [*kernel.values, *kernel.statuses]))


def asked(frame: pl.DataFrame) -> list[set[str]]:
    """The open facts of each row, as the engine of columns asks."""
    compiler = Compiler(compiled().tree, compiled().base, names_of(frame))
    compiler.compile()
    found = Questions(compiler, compiled().base).ask()
    flags = [expr_of(flag).alias(name) for name, flag in found.items()]
    rows = _rows(compiler.kernel(found.values()).run(coded(frame).codes.lazy()), flags)
    return [{name for name, is_asked in row.items() if is_asked} for row in rows]


def _rows(frame: pl.LazyFrame, columns: Iterable[pl.Expr]) -> list[dict[str, Any]]:
    """Columns row by row; the number of the row keeps constants from standing alone."""
    return frame.select(pl.col(NUMBER), *columns).collect(optimizations=QUICK).drop(NUMBER).to_dicts()


def judged(subject: Subject) -> Answers:
    return plain.run(compiled().tree, find(subject, compiled().tree.field_words))


def refused(frame: pl.DataFrame) -> set[int]:
    """The rows that do not reach the engine."""
    told = coded(frame)
    wrong = [*told.bad.values()]
    wrong += [rows for _, rows in Contradictions(compiled().base, names_of(frame)).look(told.codes)]
    return {i for rows in wrong for i in rows.arg_true()}


# ---- what a walk asks, by the columns of the table ----


def open_facts(subject: Subject) -> set[str]:
    """The columns that would answer what the walk of one case asks."""
    return {_column_of(gap, subject) for gap in gaps_of(Case("case", subject), compiled())}


def _column_of(gap: Gap, subject: Subject) -> str:
    path, value = gap
    head, bracket, rest = path.partition("[")
    if not bracket:
        return f"{path}.{value or CLOSES}" if path in table().lists else _with_unit(path)
    number, _, part = rest.partition("].")
    begin = _begin(head, int(number), subject)
    return begin if (head, part) == ("medicines", "medicine") else _with_unit(f"{begin}.{part}")


def _begin(head: str, number: int, subject: Subject) -> str:
    """How the columns of one record of a list begin: with its number where it is not the first of its name."""
    times: dict[str, int] = {}
    for i, record in getattr(subject.profile, head).numbered():
        name, has_slot = _item(head, record, subject)
        times[name] = times.get(name, 0) + has_slot
        if i == number:
            return f"{head}.{name}" + (f".{times[name]}" if times[name] > 1 else "")
    raise LookupError(number)


def _item(head: str, record: Any, subject: Subject) -> tuple[str, bool]:
    if head == "causes":
        return record.kind, True
    if head == "trials":
        option = str(subject.option_of(record))
        named = record.medicine or record.treatment.strip().lower() != option
        return option, bool(named) or record.state != "never"
    name = record.medicine.strip().lower()
    return (name if name in subject.classes else OTHER), True


def _with_unit(name: str) -> str:
    return next(name + unit for unit in ("", "_days", "_mg_per_day") if table().column(name + unit))


# ---- rows at random ----


def row(rng: random.Random) -> dict[str, Any]:
    """A row over the real columns, good or not: much of what contradicts itself, too."""
    told: dict[str, Any] = {}

    def put(*names: str) -> None:
        told.update({name: cell(column(name), rng) for name in names})

    put(*rng.sample(SINGLES, rng.randint(0, 8)), *rng.sample(sorted(table().columns), rng.randint(0, 6)))
    told.update({f"{path}.{CLOSES}": "yes" for path in table().lists if rng.random() < 0.4})
    options = [option.option for option in compiled().base.options]
    for option in rng.sample(options, rng.randint(0, 4)):
        put(*_record(f"trials.{option}", TRIAL, 0.35, rng))
    names = [*rng.sample(table().medicine_names, 3), *TELLING]
    for name in rng.sample(names, rng.randint(0, 4)):
        put(*_record(f"medicines.{name}", MEDICINE, 0.5, rng))
    for name in ("red_flags.suicidal-thoughts", "devices.pump", "devices.stimulator", "illnesses.glaucoma"):
        if rng.random() < 0.15:
            put(name)
    return told


def _record(begin: str, parts: Sequence[str], share: float, rng: random.Random) -> list[str]:
    """Some columns of one record, or of two of one name; the second is only told beside the first."""
    found = []
    for slot in ("", ".2") if rng.random() < 0.25 else ("",):
        chosen = [part for part in parts if rng.random() < share] or [parts[0]]
        found += [begin + slot + (f".{part}" if part else "") for part in chosen]
    return found


def cell(of: Column, rng: random.Random) -> Any:
    if of.kind == "number":
        if of.unit in ("days", "mg/day"):
            return float(rng.choice(DAYS if of.unit == "days" else DOSES))
        most = int(of.most)
        return float(rng.choice((0, 1, most // 2, most) if of.whole else (0, 1, 2.5, most / 2, most)))
    if of.kind == "medicine":
        few = ("amitriptyline", "duloxetine", "gabapentin", "morphine", "ibuprofen", "tricyclic", OTHER, "other-2")
        return rng.choice(table().medicine_names if rng.random() < 0.3 else few)
    return rng.choice([*of.values, "unknown"] if of.kind == "choice" else of.values)


def says_both(told: Row) -> bool:
    """Whether a row says of a trial that there was one, and that there never was: no case file can say so."""
    return any(
        said == "never" and told.get(name.removesuffix(".state")) == "yes"
        for name, said in told.items()
        if name.endswith(".state")
    )
