"""Contradictions: what no single cell can know, as the reader of case files knows it of one case.

Each is a truth over the codes of a row, with what the quarantine says of it. None of them tells a cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import polars as pl

from pathway.case import (
    CALENDAR_MONTH,
    DAYS_A_YEAR,
    LONGEST_PREGNANCY,
    MOST_WITHOUT_ITEM9,
    PUMP,
    SUICIDE,
)
from pathway.engine.columns import ENDS, Cells, TrialCells
from pathway.engine.values import FALSE, Plan, Truth, boolean, both, greatest, negated, signed, so, told
from pathway.profile import NO, UNKNOWN, YES
from pathway.rules import RuleBase
from pathway.table import OTHER, Table

CONTRADICTION = "contradiction"
OUT_OF_RANGE = "out-of-range"


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Something that cannot be: the column to look at, the Problem's kind, what was met and what to do."""

    column: str
    kind: str
    message: str
    help: str
    truth: Truth


class Contradictions:
    """All contradictions that the columns of a cohort can hold.

    Args:    present: the input columns. complete: the lists that are whole in every row. booleans: the columns whose
             codes are Booleans.
    """

    def __init__(
        self, base: RuleBase, present: Iterable[str], complete: Iterable[str] = (), booleans: Iterable[str] = ()
    ) -> None:
        self.base, self.plan = base, Plan()
        self.cells = Cells(Table(base), frozenset(present), frozenset(complete), self.plan, frozenset(booleans))
        found = [self._kept(each) for each in self._all() if each.truth != FALSE]
        self.all: tuple[Contradiction, ...] = tuple(found)
        self.truths = [boolean(each.truth).alias(str(i)) for i, each in enumerate(found)]
        self.stages = list(self.plan.needed(self.truths))

    def _kept(self, each: Contradiction) -> Contradiction:
        return replace(each, truth=self.plan.keep(each.truth))

    def look(self, codes: pl.DataFrame) -> list[tuple[Contradiction, pl.Series]]:
        """The contradictions that some rows hold, each with the rows that do."""
        frame = codes.lazy()
        for stage in self.stages:
            frame = frame.with_columns(stage)
        if not self.truths:
            return []
        rows = frame.select(self.truths).collect(optimizations=pl.QueryOptFlags.none())
        return [
            (each, rows[str(i)].new_from_index(0, codes.height) if rows.height == 1 != codes.height else rows[str(i)])
            for i, each in enumerate(self.all)
            if rows[str(i)].any()
        ]

    def _all(self) -> Iterator[Contradiction]:
        yield from self._person()
        yield from self._mood()
        yield from self._medicines()
        for option in self.base.options:
            yield from self._trials(option.option)
        for name in sorted(self.cells.present):
            column = self.cells.table.column(name)
            if column and column.path == "causes" and column.part:
                said = f"causes.{column.item}"
                denied = greatest([self._says(said, NO), self._says(said, UNKNOWN)])
                message = "something is told of a cause that is not there, or that nobody knows of"
                yield Contradiction(name, CONTRADICTION, message, f"correct {said}", both(self._given(name), denied))

    # ---- helpers ----

    def _says(self, name: str, answer: int) -> Truth:
        return self.cells.says(name, answer)

    def _given(self, *names: str) -> Truth:
        columns = filter(None, map(self.cells.raw, names))
        return greatest(signed(column.expr.is_not_null(), column.stage) for column in columns)

    def _over(self, name: str, bound: float) -> Truth:
        column = self.cells.raw(name)
        return FALSE if column is None else so(column.expr > bound, 0)

    def _is(self, name: str, value: str) -> Truth:
        return self.cells.is_word(name, value)

    # ---- the person ----

    def _person(self) -> Iterator[Contradiction]:
        male = self._is("sex", "male")
        for name, truth, message in (
            ("pregnancy", self._says("pregnancy", YES), "the person is male and pregnant"),
            (
                "fertility.lasted_days",
                self._given("fertility.lasted_days"),
                "a pregnancy of a man has lasted some time",
            ),
            ("fertility.possible", self._says("fertility.possible", YES), "the person is male, yet this is yes"),
            (
                "fertility.breastfeeding",
                self._says("fertility.breastfeeding", YES),
                "the person is male, yet this is yes",
            ),
        ):
            yield Contradiction(name, CONTRADICTION, message, "correct sex, or this", both(male, truth))
        name = "fertility.lasted_days"
        message = "the person is not pregnant, yet the pregnancy has lasted some time"
        truth = both(self._says("pregnancy", NO), self._given(name))
        yield Contradiction(name, CONTRADICTION, message, "correct pregnancy, or take this out", truth)
        message = "the pregnancy has lasted longer than any"
        help = f"give the days since the last period, up to {LONGEST_PREGNANCY:g}"
        yield Contradiction(name, OUT_OF_RANGE, message, help, self._over(name, LONGEST_PREGNANCY))
        yield self._no_longer_than_life("pain.duration_days", "the pain")
        joint, since = self.cells.raw("injections.same_joint"), self.cells.raw("injections.since_last_days")
        if joint and since:
            message = "the joint had no injection in the last 12 months, yet the last one is less than that ago"
            truth = so((joint.expr == 0) & (since.expr < DAYS_A_YEAR), 0)
            yield Contradiction("injections.same_joint", CONTRADICTION, message, "correct one of the two", truth)

    def _no_longer_than_life(self, name: str, what: str) -> Contradiction:
        age, lasted = self.cells.raw("age"), self.cells.raw(name)
        truth: Truth = FALSE
        if age and lasted:
            truth = so(lasted.expr > (age.expr + 1) * DAYS_A_YEAR, 0)
        message = f"{what} has lasted longer than the person has lived"
        return Contradiction(name, CONTRADICTION, message, "correct the age or the time", truth)

    def _mood(self) -> Iterator[Contradiction]:
        total, item9 = self.cells.raw("mood.phq9"), self.cells.raw("mood.item9")
        if total and item9:
            out = (total.expr < item9.expr) | (total.expr > MOST_WITHOUT_ITEM9 + item9.expr)
            message = "item 9 and the sum of the nine items cannot both be so"
            yield Contradiction("mood.phq9", CONTRADICTION, message, "correct one of the two", so(out, 0))
        denied = told(self.cells.left_out("red_flags", SUICIDE), NO)
        name = "mood.item9" if item9 else "mood.phq9"
        message = "item 9 asks about thoughts of death or self-harm and is above zero, yet red_flags deny them"
        help = f"correct red_flags.{SUICIDE}, or the score"
        yield Contradiction(name, CONTRADICTION, message, help, both(self.cells.tells_of_item9, denied))

    # ---- medicines ----

    def _medicines(self) -> Iterator[Contradiction]:
        no_pump = told(self.cells.left_out("devices", PUMP), NO)
        for name in self.cells.named_medicines:
            for begin in self.cells.slots(f"medicines.{name}"):
                spinal = both(self._is(f"{begin}.form", "spinal"), no_pump)
                message = "it is given into the spinal canal, yet devices deny a pump"
                yield Contradiction(f"{begin}.form", CONTRADICTION, message, "correct one of the two", spinal)
                there = self.cells.there(begin)
                denied = [
                    truth
                    for each in sorted({name, *self.base.classes.get(name, ())})
                    for truth in (self._says(f"medicines.{each}", NO), self._says(f"medicines.{each}", UNKNOWN))
                ]
                message = "it is taken, yet it or a class of it is denied, or said to be unknown"
                truth = both(there, greatest(denied))
                yield Contradiction(begin, CONTRADICTION, message, "keep one of the two", truth)

    # ---- trials ----

    def _trials(self, option: str) -> Iterator[Contradiction]:
        trials = self.cells.trials(option)
        base = f"trials.{option}"
        unnamed = [both(self._never(trial), negated(self._given(f"{trial.begin}.medicine"))) for trial in trials]
        message = "a trial of it is told, yet it was never tried, or nobody knows whether it was"
        truth = greatest(
            [
                both(greatest([self._says(base, NO), self._says(base, UNKNOWN)]), self.cells.tried(option)),
                both(self._says(base, UNKNOWN), greatest(unnamed)),
                both(greatest(unnamed), self.cells.tried(option)),
                *self._never_and_tried(trials),
            ]
        )
        yield Contradiction(base, CONTRADICTION, message, "keep one of the two", truth)
        for trial in trials:
            yield from self._trial(option, trial)

    def _never(self, trial: TrialCells) -> Truth:
        return self._is(f"{trial.begin}.state", "never")

    def _never_and_tried(self, trials: Iterable[TrialCells]) -> Iterator[Truth]:
        """That a medicine of an option was never tried, and yet was."""
        listed = list(trials)
        for never in listed:
            for done in listed:
                if never is not done and never.medicine and done.medicine:
                    same = so(never.medicine.expr == done.medicine.expr, 0)
                    yield both(self._never(never), both(done.there, same))

    def _trial(self, option: str, trial: TrialCells) -> Iterator[Contradiction]:
        begin = trial.begin
        details = [f"{begin}.{part}" for part in ("result", "adequate", "duration_days", "dose_mg_per_day")]
        message, help = "it was never tried, yet this tells of a trial", "correct the state, or take out what is told"
        truth = both(greatest([self._never(trial), self._says(begin, NO)]), self._given(*details))
        yield Contradiction(f"{begin}.state", CONTRADICTION, message, help, truth)
        truth = both(self._never(trial), self._says(begin, YES))
        yield Contradiction(begin, CONTRADICTION, "it was tried, yet it was never tried", "keep one of the two", truth)
        running = self._is(f"{begin}.state", "running")
        ended = greatest(self._is(f"{begin}.result", result) for result in ENDS)
        message = "the trial is still going on, yet it failed, was not tolerated or was undone"
        yield Contradiction(
            f"{begin}.result", CONTRADICTION, message, "end it, or leave the result out", both(running, ended)
        )
        name = f"{begin}.duration_days"
        yield self._no_longer_than_life(name, "the trial")
        pain, lasted = self.cells.raw("pain.duration_days"), self.cells.raw(name)
        if pain and lasted:
            message, help = "the trial lasted longer than the pain", "correct one of the two"
            longer = so(lasted.expr > pain.expr * CALENDAR_MONTH, 0)
            yield Contradiction(name, CONTRADICTION, message, help, longer)
        yield from self._taken_now(option, trial, running)
        place = self.base.option[option].taken
        if place[0] == "has":
            message = f"a trial of {option} is going on, yet {place[1]} deny the {place[2]}"
            truth = both(running, told(self.cells.left_out(place[1], place[2]), NO))
            yield Contradiction(
                begin, CONTRADICTION, message, f"correct {place[1]}.{place[2]}, or end the trial", truth
            )
        yield from self._medicine(option, trial)

    def _taken_now(self, option: str, trial: TrialCells, running: Truth) -> Iterator[Contradiction]:
        """That a medicine whose trial is going on is not denied, and is listed where all are."""
        classes = self.base.classes
        denied: list[Truth] = []
        listed: list[Truth] = []
        own = option if option in classes else None
        medicine = self.cells.medicine_of(trial, own)
        if medicine is None or running == FALSE:
            return
        for name in self.cells.named_medicines:
            kin = {known for known in classes if name in classes[known]}
            denied.append(both(self.cells.is_named(medicine, kin), self._says(f"medicines.{name}", NO)))
            alike = kin | classes.get(name, frozenset())
            there = greatest(self.cells.there(begin) for begin in self.cells.slots(f"medicines.{name}"))
            said = greatest([there, self._says(f"medicines.{name}", UNKNOWN)])
            listed.append(there if name == OTHER else both(self.cells.is_named(medicine, alike), said))
        known = self.cells.is_named(medicine, set(classes))
        lacks = both(self.cells.closed("medicines"), negated(greatest(listed)))
        message = "a trial of a medicine is going on, yet medicines deny it, or are whole without it"
        help = "list it among the medicines, or end the trial"
        truth = both(running, both(known, greatest([*denied, lacks])))
        yield Contradiction(trial.begin, CONTRADICTION, message, help, truth)

    def _medicine(self, option: str, trial: TrialCells) -> Iterator[Contradiction]:
        """That a trial names no medicine of another option, and none that is of no option's kind."""
        if trial.medicine is None:
            return
        kinds = {entry["classes"][0] for entry in self.base.medicines.values() if entry.get("option")}
        has_medicines = any(entry.get("option") == option for entry in self.base.medicines.values())
        wrong = [
            name
            for name, entry in self.base.medicines.items()
            if (home := self.base.treatments.get(name)) != option
            and ((home is None and entry["classes"][0] not in kinds) or (home is not None and has_medicines))
        ]
        message = f"this medicine is not one of {option}"
        truth = self.cells.is_named(trial.medicine, wrong)
        yield Contradiction(f"{trial.begin}.medicine", CONTRADICTION, message, "correct one of the two", truth)
