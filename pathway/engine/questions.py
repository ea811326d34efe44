"""Questions: for every case of a cohort, the facts that are still open and that somebody waits for.

From the values that a walk waits for, down through what is unknown, to the cells: as the walk of one case asks, for
all rows at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

from pathway.engine.columns import Cells, Compiler, MedicineCells, TrialCells
from pathway.engine.values import Flag, Value, bit, every, flag_of, opposite, some
from pathway.language import Tree
from pathway.profile import CAUSES, NO, UNKNOWN, YES
from pathway.rules import RuleBase
from pathway.table import CLOSES, SUFFIX

GIVEN = ("review", "under-way", "continue")
OPEN = ("offered", "after-asking")


def waited_for(base: RuleBase) -> list[str]:
    """The nodes whose values a walk may wait for, and those that tell whether it does."""
    names = ["flag", *(f"{option.option}.{of}" for option in base.options for of in ("offer", "taken", "status"))]
    names += [f"{kind.kind}.{of}" for kind in base.kinds for of in ("held", "taken")]
    names += [f"rule:{rule.rule}" for rule in base.rules if rule.verb == "first"]
    return names + [f"{step.step}.{of}" for step in base.walked for of in ("reached", "passed")]


class Questions:
    """The open facts of a cohort, by the columns that would answer them."""

    def __init__(self, compiler: Compiler, base: RuleBase) -> None:
        self.tree, self.base, self.values, self.plan = compiler.tree, base, compiler.values, compiler.plan
        self.cells: Cells = compiler.cells
        self.compiler = compiler
        self.demands: dict[str, list[Flag]] = {}
        self.found: dict[str, list[Flag]] = {}
        self.open: dict[str, Flag] = {}

    def ask(self) -> Mapping[str, Flag]:
        """Each column that is asked for in some row, and in which rows it is."""
        for name, waits in self._waiting():
            self._demand(name, waits)
        for node in reversed(self.tree.nodes):
            if node.name not in self.demands:
                continue
            flag = self._keep(every(some(self.demands[node.name]), flag_of(self.values[node.name], UNKNOWN)))
            if flag is False:
                continue
            if node.kind == "logic":
                self._descend(node.tree, flag)
            elif node.kind == "field":
                self._gaps(node.tree, flag)
        order = self.cells.table.place
        asked = {name: some(self.found[name]) for name in sorted(self.found, key=order)}
        return {name: self._keep(flag) for name, flag in asked.items() if flag is not False}

    def _keep(self, flag: Flag) -> Flag:
        return self.plan.flag(flag)

    def _unknown(self, about: str, tree: Tree, value: Callable[[], Value]) -> Flag:
        """Where a part of a tree is unknown, worked out once: of the person, or of one item of a list."""
        key = f"{about} {json.dumps(tree)}"
        if key not in self.open:
            self.open[key] = self._keep(flag_of(value(), UNKNOWN))
        return self.open[key]

    def _demand(self, name: str, flag: Flag) -> None:
        if flag is not False:
            self.demands.setdefault(name, []).append(flag)

    def _asked(self, name: str, flag: Flag) -> None:
        if flag is not False:
            self.found.setdefault(name, []).append(flag)

    # ---- what a walk waits for ----

    def _waiting(self) -> Iterator[tuple[str, Flag]]:
        if "flag" in self.values:
            yield "flag", True
        for option in self.base.options:
            yield f"{option.option}.offer", True
        for kind in self.base.kinds:
            reached = flag_of(self.values[f"{self.base.option[kind.option].step}.reached"], YES)
            yield f"{kind.kind}.held", every(self._in_play(kind.option), reached)
        for rule in self.base.rules:
            if rule.verb == "first":
                yield f"rule:{rule.rule}", self._in_play(rule.target)
        for step in self.base.walked:
            yield f"{step.step}.reached", True
            yield f"{step.step}.passed", opposite(flag_of(self.values[f"{step.step}.reached"], NO))

    def _in_play(self, name: str) -> Flag:
        option = self.base.kind[name].option if name in self.base.kind else name
        given = every(some(self._status(option, GIVEN)), opposite(flag_of(self.values[f"{name}.taken"], NO)))
        return some([given, *self._status(option, OPEN)])

    def _status(self, option: str, statuses: Iterable[str]) -> list[Flag]:
        name = f"{option}.status"
        return [self.compiler.statuses[name].has(status) for status in statuses]

    # ---- down through what is unknown ----

    def _descend(self, tree: Tree, flag: Flag) -> None:
        """Ask on below an unknown tree, never past a part that is already decided."""
        if tree[0] == "word":
            self._demand(tree[1], flag)
        elif tree[0] == "not":
            self._descend(tree[1], flag)
        elif tree[0] in ("and", "or", "at-least"):
            for part in tree[-1]:
                inner = part[1] if part[0] == "not" else part
                if inner[0] == "word":
                    self._demand(inner[1], flag)
                else:
                    self._descend(inner, self._keep(every(flag, flag_of(self.compiler.logic(inner), UNKNOWN))))

    def _gaps(self, tree: Tree, flag: Flag) -> None:
        """The cells that leave a field tree unknown where a flag holds."""
        match tree:
            case ["and" | "or", parts]:
                for part in parts:
                    self._gaps(part, every(flag, self._unknown("", part, partial(self.cells.answer, part))))
            case ["not", part]:
                self._gaps(part, flag)
            case ["else", _, other]:
                self._gaps(other, flag)
            case ["has", path, value]:
                self._asked(f"{path}.{value}", flag)
            case ["some", "trials", option, condition]:
                self._of_trials(option, condition, flag)
            case ["some", "causes", kind, condition]:
                for each in [kind] if kind else CAUSES:
                    self._of_cause(each, condition, flag)
            case ["some", _, key, condition]:
                self._of_medicines(key, condition, flag)
            case ["total", measure, key, *_]:
                self._of_sum(measure, key, flag)
            case ["number" | "is" | "flag", path, *_]:
                self._asked(self._column(path), flag)

    def _column(self, name: str) -> str:
        """The column of a field, with its unit."""
        known = self.cells.table
        return next(full for unit in ("", *SUFFIX.values()) if known.column(full := name + unit))

    def _of_item(
        self, about: str, tree: Tree, flag: Flag, of: Callable[[Tree], Value], name: Callable[[Tree], str]
    ) -> None:
        """The gaps in what is told of one item of a list."""
        match tree:
            case ["and" | "or", parts]:
                for part in parts:
                    unknown = self._unknown(about, part, partial(self.cells.answer, part, of))
                    self._of_item(about, part, every(flag, unknown), of, name)
            case ["not", part]:
                self._of_item(about, part, flag, of, name)
            case ["else", _, other]:
                self._of_item(about, other, flag, of, name)
            case ["number" | "is" | "flag", *_]:
                self._asked(name(tree), flag)

    # ---- lists ----

    def _of_trials(self, option: str, condition: Tree, flag: Flag) -> None:
        trials = self.cells.trials(option)
        self._asked(f"trials.{option}", every(flag, opposite(flag_of(self.cells.tried(option), YES))))
        for i, trial in enumerate(trials):
            unknown = self._unknown(trial.begin, condition, partial(self.cells.of_trial, condition, i, trials))
            self._of_trial(condition, i, trials, every(flag, flag_of(trial.there, YES), unknown))

    def _of_trial(self, condition: Tree, i: int, trials: list[TrialCells], flag: Flag) -> None:
        """The gaps of one trial, and of later ones where these are what matters."""
        match condition:
            case ["and" | "or", parts]:
                for part in parts:
                    unknown = self._unknown(trials[i].begin, part, partial(self.cells.of_trial, part, i, trials))
                    self._of_trial(part, i, trials, every(flag, unknown))
            case ["not", part]:
                self._of_trial(part, i, trials, flag)
            case ["else", _, other]:
                self._of_trial(other, i, trials, flag)
            case ["later", part]:
                for j in range(i + 1, len(trials)):
                    same = flag_of(self.cells.same(trials[i], trials[j]), YES)
                    unknown = self._unknown(trials[j].begin, part, partial(self.cells.of_trial, part, j, trials))
                    self._of_trial(part, j, trials, every(flag, same, unknown))
            case ["number" | "is" | "flag", path, *_]:
                self._asked(self._column(trials[i].begin + path), flag)

    def _of_cause(self, kind: str, condition: Tree, flag: Flag) -> None:
        name, there = f"causes.{kind}", self.cells.caused(kind)
        left = flag_of(self.cells.left_out("causes", kind), UNKNOWN)
        self._asked(name, every(flag, opposite(flag_of(there, YES)), left))

        def of(tree: Tree) -> Value:
            return self.cells.detail(tree, name + tree[1])

        unknown = self._unknown(name, condition, partial(self.cells.answer, condition, of))
        here = every(flag, flag_of(there, YES), unknown)
        self._of_item(name, condition, here, of, lambda tree: self._column(name + tree[1]))

    def _of_medicines(self, key: str | None, condition: Tree, flag: Flag) -> None:
        left = self.cells.medicines_left_out(key)
        self._asked(f"medicines.{key or CLOSES}", every(flag, flag_of(left, UNKNOWN)))
        for i, taken in enumerate(self.cells.taken):
            belongs = self.cells.belongs(taken, key) if key else YES
            here = every(flag, flag_of(taken.there, YES))
            self._asked(self._who(taken), every(here, flag_of(belongs, UNKNOWN)))
            about = f"taken {taken.begin}"
            unknown = self._unknown(about, condition, partial(self.cells.of_medicine, condition, i, taken))
            may_be = self._keep(every(here, opposite(flag_of(belongs, NO)), unknown))
            if may_be is False:
                continue
            for name, is_it in self._names(taken, key):
                of, cell = self.cells.told_of(i, taken), self._cell(taken, name)
                self._of_item(about, condition, every(may_be, is_it), of, cell)

    def _who(self, taken: MedicineCells) -> str:
        """The column that tells which medicine it is."""
        return taken.begin if taken.listed else f"{taken.begin}.medicine"

    def _names(self, taken: MedicineCells, key: str | None) -> Iterator[tuple[str, Flag]]:
        """What a medicine may be called, and where it is."""
        if isinstance(taken.name, str):
            yield taken.name, True
            return
        for name, classes in self.base.possible.items():
            if key is None or key in classes:
                yield name, flag_of(self.cells.is_named(taken.name, {name}), YES)

    def _cell(self, taken: MedicineCells, name: str) -> Callable[[Tree], str]:
        """The column that tells something of a medicine; the record of a trial holds only its dose."""

        def column(tree: Tree) -> str:
            told = taken.listed or tree[1] == ".dose"
            return self._column(taken.begin + tree[1]) if told else f"medicines.{name}"

        return column

    def _of_sum(self, measure: str, key: str, flag: Flag) -> None:
        self._asked(f"medicines.{key}", every(flag, flag_of(self.cells.medicines_left_out(key), UNKNOWN)))
        for i, taken in enumerate(self.cells.taken):
            belongs = self.cells.belongs(taken, key)
            here = every(flag, flag_of(taken.there, YES))
            self._asked(self._who(taken), every(here, flag_of(belongs, UNKNOWN)))
            for name, is_it in self._names(taken, key):
                surely = every(here, flag_of(belongs, YES), is_it)
                if measure == "dose" or name in self.base.factors:
                    self._of_amount(measure, name, i, taken, surely)
                elif any(name in self.base.classes[opioid] for opioid in self.base.factors):
                    self._asked(self._who(taken), surely)

    def _of_amount(self, measure: str, name: str, i: int, taken: MedicineCells, flag: Flag) -> None:
        """The dose of a medicine, where a factor is known or its form would tell one; then the form."""
        dose = f"{taken.begin}.dose_mg_per_day"
        undosed: Flag = taken.dose is None or bit(taken.dose.expr.is_null(), taken.dose.stage)
        factors = self.base.factors.get(name, {})
        if measure == "dose" or "oral" in factors:
            self._asked(dose, every(flag, undosed))
            return
        formless: Flag = taken.form is None or bit(taken.form.expr.is_null(), taken.form.stage)
        of = self.cells.told_of(i, taken)
        told = some([formless, *(flag_of(of(["is", ".form", form]), YES) for form in factors)])
        self._asked(dose, every(flag, undosed, told))
        if taken.listed:
            self._asked(f"{taken.begin}.form", every(flag, opposite(undosed), formless))
