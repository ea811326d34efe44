"""The engine of batches: the rule tree compiled to Polars, a bit for each node and row that says yes, and one for no.

Everything is worked out for all rows at once: `and` is the least, `or` the greatest, unknown is neither yes nor no. The
tree is that of the other engines; here its field words read coded cells instead of a profile. Columns that the
cohort lacks are constants and are folded away, parts that several nodes share are worked out once, and what no
output needs is not worked out at all.

Codes, in columns whose name begins with "=": a number as it is, in its unit (Float64); a choice the place of the
word in the column's values (Int8); yes 1, no or excluded -1, unknown 0 (Int8), or a Boolean as it is; a medicine its
place among those the rules know, below 0 for others (Int16). Null is a blank.

Source:  docs/explanation/decisions/0006-batches.md
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import polars as pl

from pathway.case import MOST_WITHOUT_ITEM9, SUICIDE
from pathway.engine.values import (
    FALSE,
    TRUE,
    Bit,
    Cell,
    Flag,
    Live,
    Plan,
    Truth,
    Value,
    bit,
    boolean,
    both,
    choose,
    count_at_least,
    every,
    expr_of,
    flag_of,
    greatest,
    least,
    negated,
    otherwise,
    rails,
    signed,
    so,
    some,
    stage_of,
    three,
    told,
    truth_of,
    value_of,
)
from pathway.language import Tree, nodes
from pathway.profile import CAUSES, NO, RESULTS, STATES, UNKNOWN, YES
from pathway.rules import RuleBase
from pathway.table import CLOSES, OTHER, SUFFIX, Table
from pathway.tree import Node, RuleTree

SHARP = {"yes": YES, "unknown": UNKNOWN, "no": NO}
BITS = 64
NO_MEDICINE = -1_000
ENDS = ("failed", "not-tolerated", "undone")
"""Results that end a trial of which nothing else is said."""
TRIAL_PARTS = ("state", "result", "adequate", "duration_days", "dose_mg_per_day", "medicine")
MEDICINE_PARTS = ("dose_mg_per_day", "form", "helps")
BY_MOUTH = ("immediate-release", "extended-release")
UNITS = ("", *SUFFIX.values())
_STATE = {name: code for code, name in enumerate(STATES)}
_RESULT = {name: code for code, name in enumerate(RESULTS)}
NOTHING: Mapping[str, Callable[[float], Truth]] = {
    ">": lambda bound: FALSE,
    ">=": lambda bound: TRUE if bound <= 0 else FALSE,
    "<": lambda bound: TRUE if bound > 0 else FALSE,
    "<=": lambda bound: TRUE,
}
"""How a sum of nothing compares."""
_COMPARE: Mapping[str, Callable[[pl.Expr, float], pl.Expr]] = {
    ">": lambda column, bound: column > bound,
    ">=": lambda column, bound: column >= bound,
    "<": lambda column, bound: column < bound,
    "<=": lambda column, bound: column <= bound,
}


def coded(name: str) -> str:
    """What the codes of an input column are called: no node has such a name."""
    return f"={name}"


@dataclass(frozen=True)
class Status:
    """The status of each row: always the same one, or a column of Enum; and which there may be."""

    names: tuple[str, ...]
    value: str | Cell

    @property
    def kind(self) -> pl.Enum:
        """The type of its column."""
        return pl.Enum(list(self.names))

    def has(self, status: str) -> Flag:
        """Where it is a certain one."""
        if isinstance(self.value, str) or status not in self.names:
            return self.value == status
        return bit(self.value.expr == pl.lit(status, dtype=self.kind), self.value.stage)


@dataclass(frozen=True)
class Kernel:
    """A rule tree compiled for a cohort: which codes it reads, its stages, and what it can give out.

    `values` are the answers of its words and rules, `statuses` how its statuses stand.
    """

    needs: tuple[str, ...]
    stages: tuple[tuple[pl.Expr, ...], ...]
    values: Mapping[str, Value]
    statuses: Mapping[str, Status]

    def run(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """The frame of codes with every column that the stages make."""
        for stage in self.stages:
            frame = frame.with_columns(stage)
        return frame

    def answer(self, name: str) -> pl.Expr:
        """A node's answer, 1, 0 or -1, or the text of its status, as a column of its name."""
        if name in self.statuses:
            return self.status(name).alias(name)
        yes, no = map(expr_of, rails(self.values[name]))
        one, nothing, minus = (pl.lit(answer, dtype=pl.Int8) for answer in (YES, UNKNOWN, NO))
        return pl.when(yes).then(one).otherwise(pl.when(no).then(minus).otherwise(nothing)).alias(name)

    def status(self, name: str) -> pl.Expr:
        """A status as a column of Enum."""
        status = self.statuses[name]
        return pl.lit(status.value, dtype=status.kind) if isinstance(status.value, str) else status.value.expr


def compile_columns(
    tree: RuleTree, base: RuleBase, present: Iterable[str], complete: Iterable[str] = (), wanted: Iterable[str] = ()
) -> Kernel:
    """The kernel of a tree for a cohort that has some of the table's columns.

    Args:    present: the input columns, by their names in the table. complete: the lists that are whole in every
             row. wanted: the nodes to work out; all of them where none is named.
    """
    compiler = Compiler(tree, base, present, complete)
    compiler.compile(wanted, sparing=True)
    return compiler.kernel()


class Compiler:
    """The nodes of a tree as values, each after those it needs.

    Args:    booleans: the columns whose codes are Booleans.
    """

    def __init__(
        self,
        tree: RuleTree,
        base: RuleBase,
        present: Iterable[str],
        complete: Iterable[str] = (),
        booleans: Iterable[str] = (),
    ) -> None:
        self.tree, self.plan = tree, Plan()
        self.cells = Cells(Table(base), frozenset(present), frozenset(complete), self.plan, frozenset(booleans))
        self.values: dict[str, Value] = {}
        self.wanted: list[str] = []
        self.statuses: dict[str, Status] = {}
        self.same: dict[str, Value] = {}

    def compile(self, wanted: Iterable[str] = (), sparing: bool = False) -> None:
        """Work out some nodes, or all of them.

        Args:    sparing: what one node alone needs is worked out within it, and no column of its own.
        """
        names = self.wanted = list(wanted) or list(self.tree.node)
        needed = self._needed(names)
        self.single = self._single(needed) - set(names) if sparing else set()
        for node in self.tree.nodes:
            if node.name in needed and node.kind == "status":
                self.statuses[node.name] = self._status(node)
            elif node.name in needed:
                self.values[node.name] = self._node(node)

    def kernel(self, also: Iterable[Flag] = ()) -> Kernel:
        """What was compiled, ready to run.

        Args:    also: flags that are wanted besides the nodes.
        """
        wanted = [flag for name in self.wanted if name in self.values for flag in rails(self.values[name])]
        exprs = [flag.expr for flag in (*wanted, *also) if isinstance(flag, Bit)]
        statuses = (self.statuses[name].value for name in self.wanted if name in self.statuses)
        exprs += [status.expr for status in statuses if isinstance(status, Cell)]
        return Kernel(tuple(sorted(self.cells.used)), tuple(self.plan.needed(exprs)), self.values, self.statuses)

    def _single(self, needed: set[str]) -> set[str]:
        """The nodes that one other needs, once."""
        every = Counter(need for name in needed for need in self.tree.node[name].needs)
        plain = {need for name in needed if _uses_once(node := self.tree.node[name]) for need in node.needs}
        return {name for name, times in every.items() if times == 1} & plain

    def _needed(self, wanted: Iterable[str]) -> set[str]:
        waiting = list(wanted)
        needed: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name not in needed:
                needed.add(name)
                waiting += self.tree.node[name].needs
        return needed

    def _node(self, node: Node) -> Value:
        if node.tree[0] == "word":
            return self.values[node.tree[1]]
        key = json.dumps(node.tree)
        if key not in self.same:
            value = self.cells.answer(node.tree) if node.kind == "field" else self.logic(node.tree)
            self.same[key] = value if node.name in self.single else self.plan.keep(value)
        return self.same[key]

    def logic(self, tree: Tree) -> Value:
        """The value of a logic tree over nodes that are worked out."""
        match tree:
            case ["word", name]:
                return self.values[name]
            case ["not", part]:
                return negated(self.logic(part))
            case ["and", parts]:
                return least(map(self.logic, parts))
            case ["or", parts]:
                return greatest(map(self.logic, parts))
            case ["at-least", number, parts]:
                return count_at_least(int(number), [self.logic(part) for part in parts])
            case _:
                return YES if tree[0] == "always" else NO

    def _status(self, node: Node) -> Status:
        status = Status(tuple(dict.fromkeys([status for _, status in node.rows] + [node.otherwise])), node.otherwise)
        last, column, stage, is_live = node.otherwise, pl.lit(node.otherwise, dtype=status.kind), 0, False
        for literals, name in reversed(node.rows):
            holds = every(*(self._holds(*literal) for literal in literals))
            if holds is False:
                continue
            row = pl.lit(name, dtype=status.kind)
            column = pl.when(holds.expr).then(row).otherwise(column) if isinstance(holds, Bit) else row
            last, stage, is_live = name, max(stage, stage_of(holds)), isinstance(holds, Bit)
        return replace(status, value=self.plan.keep(Cell(column, stage)) if is_live else last)

    def _holds(self, name: str, answer: str) -> Flag:
        if name in self.statuses:
            return self.statuses[name].has(answer)
        return flag_of(self.values[name], SHARP[answer])


def _uses_once(node: Node) -> bool:
    """Whether a node names what it needs once, so that nothing is worked out twice within it."""
    another = node.tree[:1] == ["word"]
    return node.kind == "logic" and not another and not any(part[0] == "at-least" for part in nodes(node.tree))


@dataclass(frozen=True, slots=True)
class TrialCells:
    """One slot of an option's trials: whether there is one, and the codes of what is told of it."""

    begin: str
    there: Truth
    state: Cell | None
    result: Cell | None
    medicine: Cell | None


@dataclass(frozen=True, slots=True)
class MedicineCells:
    """A medicine that may be taken now: its name (or the code of it), and the codes of what is told of it."""

    begin: str
    listed: bool
    name: str | Cell
    there: Truth
    dose: Cell | None
    form: Cell | None
    helps: Value


class Cells:
    """What field words read: the coded cells of a cohort, and what follows from them as it does in a case."""

    def __init__(
        self,
        table: Table,
        present: frozenset[str],
        complete: frozenset[str],
        plan: Plan,
        booleans: frozenset[str] = frozenset(),
    ) -> None:
        self.table, self.base, self.booleans = table, table.base, booleans
        self.present, self.complete, self.plan = present, complete, plan
        self.used: set[str] = set()
        self.kept: dict[str, Any] = {}
        self.code = {name: code for code, name in enumerate(table.medicine_names)}

    def _once(self, key: str, make: Callable[[], Any]) -> Any:
        """A value that several words share, made once and kept as a column."""
        if key not in self.kept:
            self.kept[key] = self.plan.keep(make())
        return self.kept[key]

    def raw(self, name: str) -> Cell | None:
        """The codes of a column, with nulls; None where the cohort has no such column."""
        if name not in self.present:
            return None
        self.used.add(name)
        return Cell(pl.col(coded(name)), 0)

    def answer(self, tree: Tree, of: Callable[[Tree], Value] | None = None) -> Value:
        """The value of a field tree; `of` answers what is told of one item of a list."""
        match tree:
            case ["and", parts]:
                return least(self.answer(part, of) for part in parts)
            case ["or", parts]:
                return greatest(self.answer(part, of) for part in parts)
            case ["not", part]:
                return negated(self.answer(part, of))
            case ["else", stated, other]:
                return otherwise(self.answer(stated, of), self.answer(other, of))
            case ["always"]:
                return YES
            case ["never"]:
                return NO
        key = json.dumps(tree)
        return of(tree) if of else self._once(key, lambda: self._atom(tree))

    def _atom(self, tree: Tree) -> Value:
        match tree:
            case ["has", path, value]:
                return self._has(path, value)
            case ["some", "trials", option, condition]:
                return self._some_trial(option, condition)
            case ["some", "causes", kind, condition]:
                return greatest(self._some_cause(each, condition) for each in ([kind] if kind else CAUSES))
            case ["some", _, key, condition]:
                return self._some_medicine(key, condition)
            case ["total", measure, key, op, bound]:
                return self._total(measure, key, op, bound)
            case ["flag", path]:
                said = self._said(path)
                male = path in ("pregnancy", "fertility.possible", "fertility.breastfeeding")
                return choose(self._male, NO, said) if male else said
            case _:
                return self.detail(tree, tree[1])

    def detail(self, tree: Tree, name: str) -> Value:
        """A number compared, a choice, or yes or no: of a single field, or of one item of a list."""
        if tree[0] == "flag":
            return self._said(name)
        if tree[0] == "number":
            column = next((self.raw(name + unit) for unit in UNITS if name + unit in self.present), None)
            return UNKNOWN if column is None else self._three(_COMPARE[tree[2]](column.expr, tree[3]), column)
        column = self.raw(name)
        return UNKNOWN if column is None else self._three(column.expr == self._code(name, tree[2]), column)

    def _three(self, truth: pl.Expr, column: Cell) -> Value:
        """Something of a column as a value: unknown where it is blank."""
        return three(truth, column.expr.is_not_null(), column.stage)

    def _code(self, name: str, value: str) -> int:
        column = self.table.column(name)
        return column.values.index(value) if column else 0

    def _said(self, name: str) -> Value:
        return value_of(self._rail(name, YES), self._rail(name, NO))

    # ---- lists of names ----

    def _left(self, path: str) -> Value:
        """The answer for what a list neither names nor denies: no where the list is whole."""
        return self._once(f"left {path}", lambda: choose(self.closed(path), NO, UNKNOWN))  # type: ignore[no-any-return]

    def closed(self, path: str) -> Truth:
        """Whether a list is whole."""
        return TRUE if path in self.complete else self.says(f"{path}.{CLOSES}", YES)

    def says(self, name: str, answer: int) -> Truth:
        """Whether a column says yes, no or unknown."""
        return truth_of(self._rail(name, answer))

    def _rail(self, name: str, answer: int) -> Flag:
        column = self.raw(name)
        if column is None or (name in self.booleans and answer == UNKNOWN):
            return False
        code = pl.lit(answer == YES) if name in self.booleans else pl.lit(answer, dtype=pl.Int8)
        return bit(column.expr.eq_missing(code), column.stage)

    def left_out(self, path: str, value: str) -> Value:
        """The answer of a base column where it does not say yes: what is unknown, denied, or left out."""
        column, left = self.raw(f"{path}.{value}"), self._left(path)
        if column is None:
            return left
        yes, no = rails(self._said(f"{path}.{value}"))
        blank = bit(column.expr.is_null(), column.stage)
        left_yes, left_no = rails(left)
        return value_of(some([yes, every(blank, left_yes)]), some([no, every(blank, left_no)]))

    def _has(self, path: str, value: str) -> Value:
        said = self.left_out(path, value)
        if (path, value) == ("red_flags", SUICIDE):
            return choose(self.tells_of_item9, YES, said)
        tried = [
            told(self._is_state(trial, "running"), YES)
            for option in self.base.options
            if option.taken == ["has", path, value]
            for trial in self.trials(option.option)
        ]
        return choose(greatest(tried), YES, said)

    @cached_property
    def _male(self) -> Truth:
        column = self.raw("sex")
        male = self._code("sex", "male")
        return FALSE if column is None else self.plan.keep(self._is(column, male))

    @property
    def tells_of_item9(self) -> Truth:
        """Whether PHQ-9 item 9 is above zero, by itself or by a sum that needs it."""
        item9, total = self.raw("mood.item9"), self.raw("mood.phq9")
        above: Truth = so(item9.expr > 0, item9.stage) if item9 else FALSE
        high: Truth = so(total.expr > MOST_WITHOUT_ITEM9, total.stage) if total else FALSE
        unsaid: Truth = signed(item9.expr.is_null(), item9.stage) if item9 else TRUE
        return greatest([above, both(high, unsaid)])

    # ---- causes ----

    def _some_cause(self, kind: str, condition: Tree) -> Value:
        name = f"causes.{kind}"
        value = self.answer(condition, lambda tree: self.detail(tree, name + tree[1]))
        return choose(self.caused(kind), value, self.left_out("causes", kind))

    def caused(self, kind: str) -> Truth:
        """Whether a cause is told."""
        name = f"causes.{kind}"
        correctable = self.raw(f"{name}.correctable")
        told_of: Truth = signed(correctable.expr.is_not_null(), correctable.stage) if correctable else FALSE
        return self._once(f"there {name}", lambda: greatest([self.says(name, YES), told_of]))  # type: ignore[no-any-return]

    # ---- trials ----

    def slots(self, begin: str) -> list[str]:
        """How the columns of each of several trials or medicines of one name begin, the oldest first."""
        numbers = self._numbers.get(begin, {1})
        return [begin if number == 1 else f"{begin}.{number}" for number in sorted(numbers)]

    @cached_property
    def _numbers(self) -> Mapping[str, set[int]]:
        found: dict[str, set[int]] = {}
        for column in filter(None, map(self.table.column, self.present)):
            found.setdefault(f"{column.path}.{column.item}", {1}).add(column.slot)
        return found

    def trials(self, option: str) -> list[TrialCells]:
        """The trials that a row may tell of an option, oldest first."""
        key = f"trials of {option}"
        if key not in self.kept:
            self.kept[key] = [self._trial(begin) for begin in self.slots(f"trials.{option}")]
        return self.kept[key]  # type: ignore[no-any-return]

    def _trial(self, begin: str) -> TrialCells:
        result, state = self.raw(f"{begin}.result"), self.raw(f"{begin}.state")
        details = [self.raw(f"{begin}.{part}") for part in TRIAL_PARTS]
        told_of = [signed(each.expr.is_not_null(), each.stage) for each in details if each]
        there = both(greatest([self.says(begin, YES), *told_of]), negated(self._is(state, _STATE["never"])))
        if result is not None:
            ended = result.expr.is_in([_RESULT[name] for name in ENDS])
            if state is None:
                state = Cell(pl.when(ended).then(pl.lit(_STATE["ended"], dtype=pl.Int8)), 0)
            else:
                state = Cell(pl.when(state.expr.is_null() & ended).then(_STATE["ended"]).otherwise(state.expr), 0)
        return TrialCells(begin, self.plan.keep(there), self.plan.keep(state), result, self.raw(f"{begin}.medicine"))

    def is_word(self, name: str, value: str) -> Truth:
        """Whether a column says one of its words."""
        return self._is(self.raw(name), self._code(name, value))

    def _is(self, column: Cell | None, code: int) -> Truth:
        return FALSE if column is None else signed(column.expr.eq_missing(code), column.stage)

    def _is_state(self, trial: TrialCells, state: str) -> Value:
        if trial.state is None:
            return UNKNOWN
        value = choose(trial.there, self._three(trial.state.expr == _STATE[state], trial.state), NO)
        return self._once(f"{trial.begin} is {state}", lambda: value)  # type: ignore[no-any-return]

    def _some_trial(self, option: str, condition: Tree) -> Value:
        trials = self.trials(option)
        values = [choose(trial.there, self.of_trial(condition, i, trials), NO) for i, trial in enumerate(trials)]
        never = [self._never(trial.begin) for trial in trials]
        denied = greatest([*never, self.says(f"trials.{option}", NO)])
        unasked = self.says(f"trials.{option}", UNKNOWN)
        left = choose(denied, NO, choose(unasked, UNKNOWN, self._left("trials")))
        return choose(self.tried(option), greatest(values), left)

    def tried(self, option: str) -> Truth:
        """Whether any trial of an option is told."""
        return self._once(f"tried {option}", lambda: greatest(t.there for t in self.trials(option)))  # type: ignore[no-any-return]

    def _never(self, begin: str) -> Truth:
        """Whether a slot says that the whole option was never tried, and not only one medicine of it."""
        medicine = self.raw(f"{begin}.medicine")
        unnamed: Truth = signed(medicine.expr.is_null(), medicine.stage) if medicine else TRUE
        return greatest([self.says(begin, NO), both(self._is(self.raw(f"{begin}.state"), _STATE["never"]), unnamed)])

    def of_trial(self, condition: Tree, i: int, trials: list[TrialCells]) -> Value:
        """What a condition comes to for the i-th trial, given those after it."""
        trial = trials[i]

        def of(tree: Tree) -> Value:
            if tree[0] == "later":
                after = enumerate(trials[i + 1 :], i + 1)
                return greatest(
                    [
                        NO,
                        *(choose(self.same(trial, other), self.of_trial(tree[1], j, trials), NO) for j, other in after),
                    ]
                )
            if tree[:2] == ["is", ".state"]:
                known = trial.state
                return UNKNOWN if known is None else self._three(known.expr == _STATE[tree[2]], known)
            key = f"{trial.begin} {json.dumps(tree)}"
            return self._once(key, lambda: self.detail(tree, trial.begin + tree[1]))  # type: ignore[no-any-return]

        return self.answer(condition, of)

    def same(self, trial: TrialCells, later: TrialCells) -> Truth:
        """Whether a later trial may be of the same thing: another medicine's failure undoes nothing."""
        if trial.medicine is None or later.medicine is None:
            return later.there
        mine, other = trial.medicine.expr, later.medicine.expr
        same = mine.is_null() | other.is_null() | (mine == other).eq_missing(pl.lit(True))
        return both(later.there, signed(same, 0))

    # ---- medicines ----

    def medicines_left_out(self, key: str | None) -> Value:
        """The answer for medicines of a class that are not listed: one that is unknown may be any of its classes."""
        if key is None:
            return self._left("medicines")
        unasked = self._unasked(name for name in self.named_medicines if key in self.base.classes.get(name, ()))
        may_be = self._unasked(name for name in self.named_medicines if key in self.base.possible.get(name, ()))
        left = choose(may_be, UNKNOWN, self._left("medicines"))
        return self._once(  # type: ignore[no-any-return]
            f"medicines left out {key}", lambda: choose(unasked, UNKNOWN, choose(self._denied(key), NO, left))
        )

    def _unasked(self, names: Iterable[str]) -> Truth:
        return greatest(self.says(f"medicines.{name}", UNKNOWN) for name in names)

    def _denied(self, key: str) -> Truth:
        return self.says(f"medicines.{key}", NO)

    @cached_property
    def named_medicines(self) -> list[str]:
        """The medicines that have columns."""
        columns = filter(None, map(self.table.column, sorted(self.present)))
        return list(dict.fromkeys(c.item for c in columns if c.path == "medicines" and c.item != CLOSES))

    @cached_property
    def taken(self) -> list[MedicineCells]:
        """The medicines that may be taken: those with columns, and those whose trial may be going on."""
        running = list(self._running())
        listed = [taken for name in self.named_medicines for taken in self._listed(name, running)]
        return [*listed, *(self._untold(each, listed) for each in running)]

    def _listed(self, name: str, running: list[MedicineCells]) -> Iterator[MedicineCells]:
        begins = self.slots(f"medicines.{name}")
        there = [self.there(begin) for begin in begins]
        once = negated(count_at_least(2, there)) if len(there) > 1 else TRUE
        for begin, truth in zip(begins, there, strict=True):
            dose = self.raw(f"{begin}.dose_mg_per_day")
            helps = self._said(f"{begin}.helps")
            yield MedicineCells(
                begin, True, name, truth, self._highest(name, dose, once, running), self.raw(f"{begin}.form"), helps
            )

    def there(self, begin: str) -> Truth:
        """Whether a medicine is taken: it says so, or something is told of it."""
        details = [self.raw(f"{begin}.{part}") for part in MEDICINE_PARTS]
        told_of = [signed(each.expr.is_not_null(), each.stage) for each in details if each]
        return self._once(f"there {begin}", lambda: greatest([self.says(begin, YES), *told_of]))  # type: ignore[no-any-return]

    def _highest(self, name: str, dose: Cell | None, once: Truth, running: list[MedicineCells]) -> Cell | None:
        """The dose of a listed medicine: the highest that it or a trial of it tells, where it is listed once."""
        if name == OTHER:
            return dose
        tried = []
        for each in running:
            same = both(each.there, self.is_named(each.name, {name}))
            if each.dose is not None and same != FALSE:
                tried.append(Cell(pl.when(boolean(same)).then(each.dose.expr), stage_of(same, each.dose)))
        if not tried:
            return dose
        others = Cell(pl.max_horizontal([each.expr for each in tried]), stage_of(*tried))
        if dose is None:
            return self.plan.keep(others)
        highest = pl.max_horizontal(dose.expr, others.expr)
        if isinstance(once, Live):
            highest = pl.when(boolean(once) | dose.expr.is_null()).then(highest).otherwise(dose.expr)
        return self.plan.keep(Cell(highest, stage_of(dose, others, once)))

    def _running(self) -> Iterator[MedicineCells]:
        """The trials that may be going on, each with the medicine that it is of."""
        for option in self.base.options:
            own = option.option if option.option in self.base.classes else None
            for trial in self.trials(option.option):
                going = told(self._is_state(trial, "running"), YES)
                name = self.medicine_of(trial, own)
                if going == FALSE or name is None:
                    continue
                if isinstance(name, Cell):
                    going = both(going, signed(name.expr != NO_MEDICINE, name.stage))
                helped = told(self.of_trial(["is", ".result", "helped"], 0, [trial]), YES)
                dose = self.raw(f"{trial.begin}.dose_mg_per_day")
                yield MedicineCells(
                    trial.begin, False, name, self.plan.keep(going), dose, None, choose(helped, YES, UNKNOWN)
                )

    def medicine_of(self, trial: TrialCells, own: str | None) -> str | Cell | None:
        """The medicine that a trial is of, as a name or as codes: its own, else the class that its option is.

        Args:    own: the option's name, where it is a class of medicines. None for a trial of no medicine.
        """
        if trial.medicine is None:
            return own
        code = trial.medicine.expr
        other = pl.lit(self.code[own] if own else NO_MEDICINE, dtype=pl.Int16)
        value = Cell(pl.when(code >= 0).then(code).otherwise(other), trial.medicine.stage)
        return self._once(f"medicine of {trial.begin}", lambda: value)  # type: ignore[no-any-return]

    def is_named(self, name: str | Cell, names: Collection[str]) -> Truth:
        """Whether a medicine is one of some."""
        if isinstance(name, str):
            return TRUE if name in names else FALSE
        codes = sorted(self.code[each] for each in names if each in self.code)
        return so(name.expr.is_in(codes), name.stage) if codes else FALSE

    def _untold(self, each: MedicineCells, listed: list[MedicineCells]) -> MedicineCells:
        """A trial that goes on, as a medicine of its own where none that is listed belongs to it."""
        told_of = []
        for other in listed:
            known = self.base.classes.get(str(other.name), frozenset()) if isinstance(other.name, str) else frozenset()
            told_of.append(both(other.there, self.is_named(each.name, known)))
        there = self.plan.keep(both(each.there, negated(greatest(told_of))))
        return replace(each, there=there)

    def belongs(self, taken: MedicineCells, key: str) -> Value:
        """Whether a medicine belongs to a class; unknown for one that nobody here knows."""
        classes, possible = self.base.classes, self.base.possible
        if isinstance(taken.name, str):
            if key in classes.get(taken.name, ()):
                return YES
            maybe = taken.name == OTHER or key in possible.get(taken.name, ())
            return choose(self._denied(key), NO, UNKNOWN) if maybe else NO
        surely = {name for name in classes if key in classes[name]}
        maybe_so = {name for name in classes if key in possible[name]} - surely
        unsure = both(self.is_named(taken.name, maybe_so), negated(self._denied(key)))
        return choose(self.is_named(taken.name, surely), YES, choose(unsure, UNKNOWN, NO))

    def _some_medicine(self, key: str | None, condition: Tree) -> Value:
        values = [self.medicines_left_out(key)]
        for i, taken in enumerate(self.taken):
            belongs = self.belongs(taken, key) if key else YES
            if belongs != NO:
                value = least([belongs, self.of_medicine(condition, i, taken)])
                values.append(choose(taken.there, value, NO))
        return greatest(values)

    def of_medicine(self, condition: Tree, i: int, taken: MedicineCells) -> Value:
        """What a condition comes to for the i-th medicine."""
        return self.answer(condition, self.told_of(i, taken))

    def told_of(self, i: int, taken: MedicineCells) -> Callable[[Tree], Value]:
        """What is told of the i-th medicine."""

        def of(tree: Tree) -> Value:
            if tree[0] == "flag":
                return taken.helps
            column = taken.dose if tree[0] == "number" else taken.form
            if column is None:
                return UNKNOWN
            if tree[0] == "number":
                return self._three(_COMPARE[tree[2]](column.expr, tree[3]), column)
            code = self._code(f"medicines.{OTHER}.form", tree[2])
            return self._once(f"medicine {i} form {code}", lambda: self._three(column.expr == code, column))  # type: ignore[no-any-return]

        return of

    # ---- sums ----

    def _total(self, measure: str, key: str, op: str, bound: float) -> Value:
        """A sum compared: what is not known adds nothing to the least and everything to the most."""
        low, exact = self._sum(measure, key)
        reached: Truth = signed(_COMPARE[op](low.expr, bound), low.stage) if low else NOTHING[op](bound)
        if op in (">", ">="):
            return choose(reached, YES, choose(exact, NO, UNKNOWN))
        return choose(reached, choose(exact, YES, UNKNOWN), NO)

    def _sum(self, measure: str, key: str) -> tuple[Cell | None, Truth]:
        """What the medicines of a class come to at least, and whether that is all."""
        if f"sum {measure} {key}" not in self.kept:
            amounts: list[Cell] = []
            open_ended: list[Truth] = [negated(told(self.medicines_left_out(key), NO))]
            for taken in self.taken:
                belongs = self.belongs(taken, key)
                if belongs == NO:
                    continue
                amount, short = self._amount(measure, taken)
                surely, maybe = both(taken.there, told(belongs, YES)), both(taken.there, told(belongs, UNKNOWN))
                open_ended += [maybe, both(surely, short)]
                if amount is not None and surely != FALSE:
                    counted = pl.when(boolean(surely)).then(amount.expr).fill_null(0.0)
                    amounts.append(Cell(counted, stage_of(surely, amount)))
            low = None
            if amounts:
                low = self.plan.keep(Cell(pl.sum_horizontal([a.expr for a in amounts]).round(6), stage_of(*amounts)))
            self.kept[f"sum {measure} {key}"] = low, self.plan.keep(negated(greatest(open_ended)))
        return self.kept[f"sum {measure} {key}"]  # type: ignore[no-any-return]

    def _amount(self, measure: str, taken: MedicineCells) -> tuple[Cell | None, Truth]:
        """What a medicine adds, null where nobody can say, and whether it may add more."""
        if taken.dose is None:
            return None, TRUE
        factor, more = (1.0, FALSE) if measure == "dose" else self._factor(taken)
        if factor is None:
            return None, TRUE
        times = factor if isinstance(factor, float) else factor.expr
        amount = self.plan.keep(Cell(taken.dose.expr * times, stage_of(taken.dose, factor)))
        return amount, greatest([signed(amount.expr.is_null(), amount.stage), more])

    def _factor(self, taken: MedicineCells) -> tuple[float | Cell | None, Truth]:
        """The morphine milligram equivalents of one mg, and whether it is no more than a least."""
        factors = self.base.factors
        if isinstance(taken.name, Cell):
            oral = {self.code[name]: known["oral"] for name, known in factors.items() if "oral" in known}
            codes = taken.name.expr.replace_strict(oral, default=None, return_dtype=pl.Float64)
            return Cell(codes, taken.name.stage), FALSE
        known = factors.get(taken.name, {})
        if taken.form is None:
            return known.get("oral"), FALSE
        mouth = [self._code(f"medicines.{OTHER}.form", form) for form in BY_MOUTH]
        factor = pl.lit(known.get("oral"), dtype=pl.Float64)
        least_only = taken.form.expr.is_not_null() & ~taken.form.expr.is_in(mouth)
        for form, value in known.items():
            if form != "oral":
                code = self._code(f"medicines.{OTHER}.form", form)
                factor = pl.when(taken.form.expr == code).then(pl.lit(value, dtype=pl.Float64)).otherwise(factor)
                least_only &= taken.form.expr != code
        return Cell(factor, taken.form.stage), so(least_only, taken.form.stage)
