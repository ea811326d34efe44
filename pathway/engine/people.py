"""Everybody: the profiles that a case may describe, as the variables of a solver.

A profile is a row of the table (`pathway.table`) whose cells are variables, so that a solution is read back as an
ordinary case. What the reader of case files refuses is forbidden here too. What several records can say together
(trials of one treatment, medicines of one name) is bounded by counts that are worked out and not chosen: with one
record more nothing can be said that could not be said without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import cached_property
from itertools import pairwise, product
from typing import Any

import z3

from pathway.case import CALENDAR_MONTH, DAYS_A_YEAR, LONGEST_PREGNANCY, MOST_WITHOUT_ITEM9, PUMP, SUICIDE
from pathway.engine.enough import ENDS, most_needed, trials_needed
from pathway.engine.truths import (
    ALWAYS,
    FALSE,
    NEVER,
    Cell,
    Choice,
    Flag,
    Kind,
    Later,
    Number,
    Truth,
    both,
    compare,
    either,
    every,
    exact,
    holds,
    kleene,
    opposite,
    so,
    some,
)
from pathway.findings import Subject, answer, named, value_at
from pathway.language import Tree, nodes
from pathway.profile import CAUSES, FORMS, NO, FieldType, Medicine, Profile, fields
from pathway.rules import RuleBase
from pathway.table import CLOSES, OTHER, SUFFIX, Row
from pathway.tree import RuleTree
from pathway.units import HIGHEST_MG_PER_DAY, LONGEST_DAYS

A_HAIR = z3.RealVal("1/1000000")
"""More than what is lost where the reader multiplies lengths of time: whoever it admits is let in here."""
BY_MOUTH = ("immediate-release", "extended-release")
TESTS = {
    "kidney_function": "kidney-tests",
    "mood.phq2": "depression-screen",
    "mood.phq9": "depression-screen",
    "hla_b_1502": "hla-b-1502-test",
}
"""What only a test can show, and the test as the list of assessments calls it."""
HAIR = 0.5e-6
"""Half of the last digit to which sums over medicines are rounded."""


def _cell(name: str, kind: FieldType) -> Cell:
    if kind.kind == "number":
        most = HIGHEST_MG_PER_DAY if kind.unit == "mg/day" else LONGEST_DAYS if kind.unit == "days" else kind.most
        return Number(name + SUFFIX.get(kind.unit, ""), most, kind.whole)
    return Flag(name) if kind.kind == "tri" else Choice(name, kind.values)


class _Cells:
    """Cells by name, each as the kind that it is."""

    cells: dict[str, Cell]

    def number(self, name: str) -> Number:
        """A cell with a number."""
        return self._cell(name, Number)

    def choice(self, name: str) -> Choice:
        """A cell with a word."""
        return self._cell(name, Choice)

    def flag(self, name: str) -> Flag:
        """A cell with a yes or no."""
        return self._cell(name, Flag)

    def _cell(self, name: str, kind: type[Kind]) -> Kind:
        cell = self.cells[name]
        if not isinstance(cell, kind):
            raise TypeError(f"{name} is no {kind.__name__}")
        return cell


class Record(_Cells):
    """One trial or medicine that may be there, with the cells that the rules read of it."""

    def __init__(self, name: str, parts: Mapping[str, FieldType]) -> None:
        self.name = name
        self.there = z3.Bool(f"{name}!")
        self.cells = {part: _cell(f"{name}.{part}", kind) for part, kind in parts.items()}
        self.given = [constraint for cell in self.cells.values() for constraint in cell.given]
        self.given += [so(cell.told, self.there) for cell in self.cells.values()]

    def learnt(self, later: Later) -> list[z3.BoolRef]:
        """That what it says now it says later."""
        cells = [constraint for cell in self.cells.values() for constraint in cell.learnt(later)]
        return [so(self.there, every([later(self.there), *cells]))]

    def same(self, record: Any) -> z3.BoolRef:
        """That it is there and says just what a record of a profile says."""
        return every([self.there, *(cell.same(getattr(record, part)) for part, cell in self.cells.items())])

    def read(self, model: z3.ModelRef) -> dict[str, str | float | None]:
        """What it says in a solution, by column."""
        if not holds(self.there, model):
            return {}
        return {self.name: "yes", **{cell.name: cell.read(model) for cell in self.cells.values()}}


class Attempt(Record):
    """One trial: beside its cells, the medicine that it names, if any.

    Of names that no rule knows only whether two trials have the same one is of account; `known` are names whose
    medicines the option's own class leaves out, so that taking them is another thing than taking the option.
    """

    def __init__(self, name: str, parts: Mapping[str, FieldType], names: Sequence[str]) -> None:
        super().__init__(name, parts)
        self.medicine = Choice(f"{name}.medicine", names)
        self.given += [*self.medicine.given, so(self.medicine.told, self.there)]

    def read(self, model: z3.ModelRef) -> dict[str, str | float | None]:
        """What it says in a solution, by column; a trial that names its medicine is told by that."""
        told, name = super().read(model), self.medicine.read(model)
        return {**told, self.name: None, self.medicine.name: name} if told and name else told

    def may_be(self, other: Attempt) -> z3.BoolRef:
        """Whether a later trial may be of the same thing: one of them names nothing, or both the same."""
        alike = [z3.And(mine, other.medicine.values[name]) for name, mine in self.medicine.values.items()]
        return some([opposite(self.medicine.told), opposite(other.medicine.told), *alike])


class People(_Cells):
    """Every profile that the reader of case files admits, as far as the rules of a tree read it.

    Args:    policy: the value of a policy, for a bound that names one. more: records beyond the count that is
             enough, so that a profile with more of them can be put to it.
    """

    def __init__(self, base: RuleBase, tree: RuleTree, policy: Callable[[str], Any], more: int = 0) -> None:
        self.base, self.policy, self.more = base, policy, more
        self.trees = [node.tree for node in tree.nodes if node.kind == "field"]
        self.cells: dict[str, Cell] = {}
        self.members: dict[tuple[str, str], Truth] = {}
        self.sets: dict[str, z3.BoolRef] = {}
        self.admitted: list[z3.BoolRef] = []
        self.readable: list[z3.BoolRef] = []
        """What leaves out those at an edge of whom rounding decides whether the reader admits them."""
        self._declare()
        self.admitted += self._contradictions()

    # ---- what the trees read ----

    def _read(self, *heads: str) -> Iterator[Tree]:
        return (node for tree in self.trees for node in nodes(tree) if node[0] in heads)

    def _declare(self) -> None:
        kinds = fields()
        paths = {node[1] for node in self._read("number", "is", "flag") if not node[1].startswith(".")}
        # What contradicts one another is held against one another, whether or not a rule reads it.
        paths |= {"age", "sex", "pregnancy", "pain.duration", "mood.phq9", "mood.item9"}
        paths |= {path for path in kinds if path.startswith(("fertility.", "injections."))}
        self.cells = {path: _cell(path, kinds[path]) for path in kinds if path in paths}
        for cell in self.cells.values():
            self.admitted += cell.given
        values = {(node[1], node[2]) for node in self._read("has")}
        values |= {("red_flags", SUICIDE), ("devices", PUMP)}
        values |= {(option.taken[1], option.taken[2]) for option in self.base.options if option.taken[0] == "has"}
        for path, value in sorted(values):
            truth = Truth(z3.Bool(f"{path}.{value}=yes"), z3.Bool(f"{path}.{value}=no"))
            self.members[path, value] = truth
            self.admitted.append(z3.Not(z3.And(*truth)))
        self._declare_causes()
        self._declare_medicines()
        self._declare_trials()

    # ---- causes: each kind stands once ----

    def _declare_causes(self) -> None:
        parts = {"correctable": fields()["causes"].item["correctable"]}
        self.causes = {kind: Record(f"causes.{kind}", parts) for kind in CAUSES}
        self.no_cause = {kind: z3.Bool(f"causes.{kind}=no") for kind in CAUSES}
        for kind, record in self.causes.items():
            self.admitted += [*record.given, z3.Not(z3.And(record.there, self.no_cause[kind]))]

    def _some_cause(self, key: str | None, condition: Tree) -> Truth:
        return either(self._cause(kind, condition) for kind in ([key] if key else CAUSES))

    def _cause(self, kind: str, condition: Tree) -> Truth:
        record = self.causes[kind]
        value = self._of(condition, record, [])
        return Truth(every([record.there, value.yes]), some([self.no_cause[kind], every([record.there, value.no])]))

    # ---- medicines: each name as often as it can say something new ----

    def _declare_medicines(self) -> None:
        self.readers = {
            (key, str(condition)): (key, condition)
            for _, path, key, condition in self._read("some")
            if path == "medicines"
        }
        self.sums = {(measure, key) for _, measure, key, *_ in self._read("total")}
        self.keys = {key for key, _ in self.readers.values() if key} | {key for _, key in self.sums}
        self.keys |= {option.option for option in self.base.options if option.option in self.base.classes}
        self.keys |= {name for names in self._outsiders.values() for name in names}
        self.whole = z3.Bool(f"medicines.{CLOSES}")
        self.denied = {key: z3.Bool(f"medicines.{key}=no") for key in sorted(self.keys)}
        self.unasked = {name: z3.Bool(f"medicines.{name}=unknown") for name in self.groups}
        self.medicines: dict[str, list[Record]] = {}
        for name in (*self.groups, OTHER):
            slots = [
                f"medicines.{name}{f'.{i}' if i > 1 else ''}" for i in range(1, self._copies(name) + self.more + 1)
            ]
            self.medicines[name] = [Record(slot, self._parts_of_medicine(name)) for slot in slots]
            self._in_order(self.medicines[name])
        for key, denied in self.denied.items():
            listed = [self.medicines[name][0].there for name in self.groups if key in self.base.classes[name]]
            self.admitted.append(z3.Not(z3.And(denied, some(listed))))

    def _in_order(self, records: Sequence[Record]) -> None:
        for record in records:
            self.admitted += record.given
        self.admitted += [so(second.there, first.there) for first, second in pairwise(records)]

    @cached_property
    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """The names that the rules cannot tell apart, by the first of them."""
        alike: dict[Any, list[str]] = {}
        for name in sorted(self.base.classes, key=lambda name: (name not in self.base.medicines, name)):
            alike.setdefault(self._seen_as(name), []).append(name)
        return {names[0]: tuple(names) for names in alike.values()}

    def _seen_as(self, name: str) -> Any:
        sure, possible = self.base.classes[name] & self.keys, self.base.possible[name] & self.keys
        return sure, possible, tuple(sorted(self.base.factors.get(name, {}).items())), name in self.keys

    @cached_property
    def group_of(self) -> Mapping[str, str]:
        """The name that stands for each name."""
        return {name: first for first, names in self.groups.items() for name in names}

    def _belongs(self, name: str, key: str) -> Truth:
        if name != OTHER and key in self.base.classes[name]:
            return ALWAYS
        if name == OTHER or key in self.base.possible[name]:
            return Truth(FALSE, self.denied[key])
        return NEVER

    def _read_of_medicine(self, name: str) -> list[tuple[str | None, Tree]]:
        return [
            (key, condition)
            for key, condition in self.readers.values()
            if key is None or name == OTHER or key in self.base.possible[name]
        ]

    def _summed(self, name: str) -> list[str]:
        return [measure for measure, key in self.sums if name == OTHER or key in self.base.possible[name]]

    def _parts_of_medicine(self, name: str) -> dict[str, FieldType]:
        read = {
            n[1][1:]
            for _, condition in self._read_of_medicine(name)
            for n in nodes(condition)
            if n[1:2] and str(n[1]).startswith(".")
        }
        read |= {"dose"} if self._summed(name) else set()
        read |= {"form"} if "mme" in self._summed(name) else set()
        return {part: kind for part, kind in fields()["medicines"].item.items() if part in read}

    def _copies(self, name: str) -> int:
        """How many records of one name can say together what fewer cannot."""
        conditions = [condition for _, condition in self._read_of_medicine(name) if condition != ["always"]]
        summed = self._summed(name)
        if not conditions and not summed:
            return 1
        nobody = Subject(Profile())
        said = set()
        for form, helps, dose in product((None, *FORMS), (None, True, False), (None, 1.0)):
            record = Medicine.model_construct(medicine=name, dose=dose, form=form, helps=helps, note=None)
            answers = tuple(answer(condition, nobody, record) for condition in conditions)
            # Beside the answers: whether its part of a sum is known, and whether it leaves the sum open.
            factor = 1.0 if "dose" in summed else self._factor(name, form)[0]
            known = dose is not None and factor is not None
            said.add((*answers, *((int(known), int(not known or self._factor(name, form)[1])) if summed else ())))
        return most_needed(said)

    def _factor(self, name: str, form: str | None) -> tuple[float | None, bool]:
        """The factor of a medicine in a form for its morphine equivalents, and whether it is only a least one."""
        known = self.base.factors.get(name, {})
        if form is None or form in BY_MOUTH:
            return known.get("oral"), False
        return (known[form], False) if form in known else (known.get("oral"), True)

    def _left_out(self, key: str | None) -> Truth:
        """What the list of medicines says of a class that none of its medicines surely belongs to."""
        if key is None:
            return Truth(FALSE, self.whole)
        member = [opposite(said) for name, said in self.unasked.items() if key in self.base.classes[name]]
        may_be = [opposite(said) for name, said in self.unasked.items() if key in self.base.possible[name]]
        return Truth(FALSE, every([*member, some([self.denied[key], every([self.whole, *may_be])])]))

    def _some_medicine(self, key: str | None, condition: Tree) -> Truth:
        values = [self._left_out(key)]
        for name, records in self.medicines.items():
            belongs = ALWAYS if key is None else self._belongs(name, key)
            if belongs != NEVER:
                for record in records:
                    there = Truth(record.there, opposite(record.there))
                    values.append(both([there, belongs, self._of(condition, record, [])]))
        return either(values)

    def parts_of(self, measure: str, key: str) -> Iterator[tuple[Record, list[Any], z3.BoolRef]]:
        """What may add to a sum over the medicines of a class: the record, what it adds at least, and whether that
        is all that it adds."""
        for name, records in self.medicines.items():
            belongs = self._belongs(name, key)
            for record in records if belongs != NEVER else ():
                if belongs == ALWAYS:
                    amounts, known = self._amounts(measure, name, record)
                    yield record, amounts, so(record.there, known)
                else:
                    yield record, [], opposite(every([record.there, opposite(belongs.no)]))

    def total(self, measure: str, key: str, op: str, bound: Any) -> Truth:
        """A sum over the medicines of a class, compared: what is not known may be anything."""
        parts = list(self.parts_of(measure, key))
        low = [amount for _, amounts, _ in parts for amount in amounts]
        line = bound - HAIR if op in (">=", "<") else bound + HAIR
        held = compare(op, z3.Sum(low) if low else z3.RealVal(0), line)
        settled = every([self._left_out(key).no, *(known for _, _, known in parts)])
        if op in (">", ">="):
            return Truth(held, every([settled, opposite(held)]))
        return Truth(every([settled, held]), opposite(held))

    def whole_sum(self, key: str) -> z3.BoolRef:
        """Whether nothing is left out of a sum over the medicines of a class."""
        return self._left_out(key).no

    def _amounts(self, measure: str, name: str, record: Record) -> tuple[list[Any], z3.BoolRef]:
        """What a record adds to a sum at least, and whether that is all."""
        dose = record.number("dose")
        if measure == "dose":
            return [z3.If(dose.told, dose.value, 0)], dose.told
        form = record.choice("form")
        lines = [(value, form.values[value]) for value in FORMS] + [(None, opposite(form.told))]
        amounts, open_forms = [], []
        for value, chosen in lines:
            factor, least = self._factor(name, value)
            if factor is not None:
                amounts.append((factor, chosen))
            if factor is None or least:
                open_forms.append(chosen)
        known = every([dose.told, opposite(some(open_forms))])
        factors = sorted({factor for factor, _ in amounts})
        added = [
            z3.If(
                every([dose.told, some(chosen for f, chosen in amounts if f == factor)]), dose.value * exact(factor), 0
            )
            for factor in factors
        ]
        return added, known

    def told_as(self, option: str) -> z3.BoolRef:
        """That a medicine is taken which surely is of an option, or of a name."""
        listed = [
            records[0].there
            for name, records in self.medicines.items()
            if name != OTHER and option in self.base.classes[name]
        ]
        return some(listed)

    # ---- trials: of each option as many as can say something new ----

    @cached_property
    def _outsiders(self) -> Mapping[str, tuple[str, ...]]:
        """Medicines of which a trial may be one of an option although taking them is not taking the option."""
        with_medicines = {str(entry["option"]) for entry in self.base.medicines.values() if entry.get("option")}
        kinds = {
            entry["classes"][0]: entry.get("option") for entry in self.base.medicines.values() if entry.get("option")
        }
        found: dict[str, tuple[str, ...]] = {}
        for option in with_medicines & self.base.classes.keys():
            found[option] = tuple(
                name
                for name, entry in sorted(self.base.medicines.items())
                if option not in self.base.classes[name]
                and (entry.get("option") == option or (not entry.get("option") and entry["classes"][0] in kinds))
            )
        return found

    def _declare_trials(self) -> None:
        conditions: dict[str, list[Tree]] = {option.option: [] for option in self.base.options}
        for _, path, key, condition in self._read("some"):
            if path == "trials" and condition not in conditions[key]:
                conditions[key].append(condition)
        self.tried = conditions
        self.never_tried = {option: z3.Bool(f"trials.{option}=no") for option in conditions}
        self.trials: dict[str, list[Attempt]] = {}
        item = fields()["trials"].item
        for option, read in conditions.items():
            parts = {n[1][1:] for condition in read for n in nodes(condition) if n[1:2] and str(n[1]).startswith(".")}
            kinds = {part: item[part] for part in ("state", "result", *item) if part in parts | {"state", "result"}}
            kinds["state"] = _without(item["state"], "never")
            count = trials_needed(read) + self.more
            strangers = tuple(f"{OTHER}-{i}" if i > 1 else OTHER for i in range(1, count + 1))
            names = (*strangers, *self._outsiders.get(option, ()))
            slots = [f"trials.{option}{f'.{i}' if i > 1 else ''}" for i in range(1, count + 1)]
            self.trials[option] = [Attempt(slot, kinds, names) for slot in slots]
            self._in_order(self.trials[option])
            self.admitted.append(z3.Not(z3.And(self.never_tried[option], self.trials[option][0].there)))

    def _some_trial(self, option: str, condition: Tree) -> Truth:
        trials = self.trials[option]
        values = []
        for i, trial in enumerate(trials):
            later = [(every([after.there, trial.may_be(after)]), after) for after in trials[i + 1 :]]
            there = Truth(trial.there, opposite(trial.there))
            values.append(both([there, self._of(condition, trial, later)]))
        told = either(values)
        tried = some(trial.there for trial in trials)
        return Truth(told.yes, every([told.no, some([tried, self.never_tried[option]])]))

    def after_failing(self, option: str) -> tuple[People, Attempt, list[z3.BoolRef]]:
        """Everybody after one more trial of an option that failed, that trial, and what holds of it."""
        listed = self.trials[option]
        kinds = {part: fields()["trials"].item[part] for part in listed[0].cells}
        trial = Attempt(f"trials.{option}.{len(listed) + 1}", kinds, tuple(listed[0].medicine.values))
        later = copy(self)
        later.trials = {**self.trials, option: [*listed, trial]}
        failed = [trial.there, trial.choice("state").values["ended"], trial.choice("result").values["failed"]]
        return later, trial, [*trial.given, *failed, *self._of_a_trial(option, trial)]

    # ---- one field tree ----

    def truth(self, tree: Tree) -> Truth:
        """The truth of a field tree over everybody."""
        match tree:
            case ["number", path, op, bound]:
                return self.number(path).compared(op, self._bound(bound))
            case ["is", path, value]:
                return self.choice(path).is_(value)
            case ["flag", path]:
                return self.flag(path).truth
            case ["has", path, value]:
                return self.members[path, value]
            case ["some", "trials", key, condition]:
                return self._some_trial(key, condition)
            case ["some", "causes", key, condition]:
                return self._some_cause(key, condition)
            case ["some", "medicines", key, condition]:
                return self._some_medicine(key, condition)
            case ["total", measure, key, op, bound]:
                return self.total(measure, key, op, self._bound(bound))
        return kleene(tree, self.truth)

    def _bound(self, bound: Any) -> Any:
        return self.policy(bound[1]) if isinstance(bound, list) else exact(bound)

    def _of(self, tree: Tree, record: Record, later: Sequence[tuple[z3.BoolRef, Attempt]]) -> Truth:
        """The truth of a condition on one record, with the later ones that it may look at."""
        match tree:
            case ["number", path, op, bound]:
                return record.number(path[1:]).compared(op, self._bound(bound))
            case ["is", path, value]:
                return record.choice(path[1:]).is_(value)
            case ["flag", path]:
                return record.flag(path[1:]).truth
            case ["later", condition]:
                return either(
                    [NEVER, *(both([Truth(of, opposite(of)), self._of(condition, after, [])]) for of, after in later)]
                )
        return kleene(tree, lambda part: self._of(part, record, later))

    # ---- what the reader of case files refuses ----

    def _contradictions(self) -> Iterator[z3.BoolRef]:
        yield from self._of_the_person()
        for option, trials in self.trials.items():
            for trial in trials:
                yield from self._of_a_trial(option, trial)
        pump = self.members["devices", PUMP]
        for records in self.medicines.values():
            for record in records:
                if "form" in record.cells:
                    yield so(record.choice("form").values["spinal"], opposite(pump.no))
        running = some(t.choice("state").values["running"] for trials in self.trials.values() for t in trials)
        for name, said in self.unasked.items():
            # What a trial that goes on is of is taken, and may yet be said to be unknown among the medicines. Of which
            # medicine that trial is, is not looked at: somebody too many is let in, and never somebody too few.
            listed = [self.medicines[n][0].there for n in self.groups if name in self.base.classes[n]]
            yield so(every([said, some(listed)]), running)

    def _of_the_person(self) -> Iterator[z3.BoolRef]:
        male, pregnant = self.choice("sex").values["male"], self.flag("pregnancy").truth
        lasted = self.number("fertility.lasted")
        yield so(male, pregnant.no)
        for path in ("fertility.possible", "fertility.breastfeeding"):
            yield so(male, self.flag(path).truth.no)
        yield so(lasted.told, every([opposite(male), opposite(pregnant.no), lasted.value <= exact(LONGEST_PREGNANCY)]))
        yield self._no_longer_than_life(self.number("pain.duration"))
        joint, since = self.number("injections.same_joint"), self.number("injections.since_last")
        yield so(every([joint.told, since.told, joint.value == 0]), since.value >= exact(DAYS_A_YEAR))
        phq9, item9 = self.number("mood.phq9"), self.number("mood.item9")
        fits = [item9.value <= phq9.value, phq9.value <= MOST_WITHOUT_ITEM9 + item9.value]
        yield so(every([phq9.told, item9.told]), every(fits))
        above = some(
            [
                every([item9.told, item9.value > 0]),
                every([opposite(item9.told), phq9.told, phq9.value > MOST_WITHOUT_ITEM9]),
            ]
        )
        yield so(above, self.members["red_flags", SUICIDE].yes)

    def _no_longer_than_life(self, lasted: Number) -> z3.BoolRef:
        age = self.number("age")
        return so(every([age.told, lasted.told]), lasted.value <= (age.value + 1) * exact(DAYS_A_YEAR))

    def _of_a_trial(self, option: str, trial: Attempt) -> Iterator[z3.BoolRef]:
        state, result = trial.choice("state").values, trial.choice("result").values
        for end in ENDS:
            yield so(result[end], state["ended"])
        if "duration" in trial.cells:
            lasted = trial.number("duration")
            yield self._no_longer_than_life(lasted)
            pain = self.number("pain.duration")
            within = every([pain.told, lasted.told])
            yield so(within, lasted.value <= pain.value * exact(CALENDAR_MONTH) + A_HAIR)
            self.readable.append(so(within, lasted.value <= pain.value * exact(CALENDAR_MONTH) - A_HAIR))
        place = self.base.option[option].taken
        if place[0] == "has":
            yield so(state["running"], self.members[place[1], place[2]].yes)
        outside = self._outsiders.get(option, ())
        for name in outside:
            yield so(every([state["running"], trial.medicine.values[name]]), self.told_as(name))
        if option in self.base.classes:
            own = opposite(some(trial.medicine.values[name] for name in outside))
            yield so(every([state["running"], own]), self.told_as(option))

    # ---- one person at two times ----

    def learnt(self, later: Later) -> list[z3.BoolRef]:
        """That somebody is known better later: what is said now is said then, and where a list is open it may grow.

        A treatment that is named tells its whole story, so no trial is added to one. What overrules a reading is a
        correction and not learnt: a judgement of a trial's adequacy where its length tells already, and another form
        of an opioid whose dose was told without one and so is read as by mouth. So is the result of a test that was
        said not to be done.
        """
        said = [constraint for cell in self.cells.values() for constraint in cell.learnt(later)]
        for yes, no in self.members.values():
            said += [so(yes, later(yes)), so(no, later(no))]
        for path, test in TESTS.items():
            done, cell = self.members.get(("assessments", test)), self.cells.get(path)
            if done and cell:
                said.append(so(every([done.no, opposite(cell.told)]), opposite(later(cell.told))))
        for kind, cause in self.causes.items():
            said += [*cause.learnt(later), so(self.no_cause[kind], later(self.no_cause[kind]))]
        said += [so(v, later(v)) for v in (self.whole, *self.denied.values())]
        said += [so(later(v), v) for v in self.unasked.values()]
        for name, records in self.medicines.items():
            asked = [v for other, v in self.unasked.items() if name != OTHER and other in self.base.classes[name]]
            for record in records:
                said += record.learnt(later)
                said.append(so(every([self.whole, later(record.there)]), some([record.there, *asked])))
                dose, form = record.cells.get("dose"), record.cells.get("form")
                if isinstance(form, Choice) and dose and "oral" in self.base.factors.get(name, {}):
                    other = [v for value, v in form.values.items() if value not in BY_MOUTH]
                    assumed = every([dose.told, opposite(form.told)])
                    said += [so(assumed, opposite(later(v))) for v in other]
        for option, trials in self.trials.items():
            said.append(so(self.never_tried[option], later(self.never_tried[option])))
            for trial in trials:
                said += trial.learnt(later)
                said.append(so(every([trials[0].there, later(trial.there)]), trial.there))
                said += [so(trial.there, later(v) == v) for v in trial.medicine.values.values()]
                lasted, judged = trial.cells.get("duration"), trial.cells.get("adequate")
                if lasted and judged:
                    said.append(so(every([lasted.told, opposite(judged.told)]), opposite(later(judged.told))))
        return said

    # ---- one profile ----

    def given(self, subject: Subject) -> list[z3.BoolRef]:
        """That everybody is one person.

        Errors:  ValueError for a profile with more records of one thing than there are variables for.
        """
        said = [cell.same(value_at(path, subject, None)) for path, cell in self.cells.items()]
        for (path, value), truth in self.members.items():
            said.append(truth.is_(answer(["has", path, value], subject)))
        for kind, record in self.causes.items():
            listed = [cause for cause in subject.profile.causes if cause.kind == kind]
            said.append(record.same(listed[0]) if listed else z3.Not(record.there))
            missing = not listed and answer(["some", "causes", kind, ["always"]], subject) == NO
            said.append(self.no_cause[kind] if missing else z3.Not(self.no_cause[kind]))
        return [*said, *self._given_medicines(subject), *self._given_trials(subject)]

    def _given_medicines(self, subject: Subject) -> Iterator[z3.BoolRef]:
        profile = subject.profile
        yield self.whole if profile.medicines.closed else z3.Not(self.whole)
        for key, denied in self.denied.items():
            yield denied if subject.denied("medicines", key) else z3.Not(denied)
        unasked = {self.group_of.get(name.removeprefix("medicines.")) for name in profile.unasked}
        for name, said in self.unasked.items():
            yield said if name in unasked else z3.Not(said)
        taken: dict[str, list[Medicine]] = {name: [] for name in self.medicines}
        for _, medicine in subject.taken:
            taken[self.group_of.get(medicine.medicine.strip().lower(), OTHER)].append(medicine)
        for name, records in self.medicines.items():
            yield from _same(records, taken[name])

    def _given_trials(self, subject: Subject) -> Iterator[z3.BoolRef]:
        for option, attempts in self.trials.items():
            story = [trial for _, trial in subject.stories.get(option, [])]
            yield from _same(attempts, story)
            names: dict[str, str] = {}
            outside = self._outsiders.get(option, ())
            for attempt, trial in zip(attempts, story, strict=False):
                name = named(trial, option)
                if name and name not in outside:
                    name = names.setdefault(name, f"{OTHER}-{len(names) + 1}" if names else OTHER)
                yield attempt.medicine.same(name or None)
            never = not story and answer(["some", "trials", option, ["always"]], subject) == NO
            yield self.never_tried[option] if never else z3.Not(self.never_tried[option])

    # ---- a solution as a row ----

    @cached_property
    def records(self) -> tuple[Record, ...]:
        """Every record that may be there."""
        lists: list[Sequence[Record]] = [list(self.causes.values()), *self.medicines.values(), *self.trials.values()]
        return tuple(record for records in lists for record in records)

    def row(self, model: z3.ModelRef) -> Row:
        """A solution as a row of the table, which `Table.case_of` writes as a case.

        A list is called whole where that takes fewer words than denying what is not there.
        """
        row: dict[str, str | float | None] = {cell.name: cell.read(model) for cell in self.cells.values()}
        lists: dict[str, dict[str, str | None]] = {}
        for (path, value), truth in self.members.items():
            lists.setdefault(path, {})[value] = _said(truth, model)
        for kind, cause in self.causes.items():
            lists.setdefault("causes", {})[kind] = _said(Truth(cause.there, self.no_cause[kind]), model)
        for option, trials in self.trials.items():
            told = Truth(trials[0].there, self.never_tried[option])
            lists.setdefault("trials", {})[option] = _said(told, model)
        for path, values in lists.items():
            row |= self._row_of_list(path, values)
        row |= self._row_of_medicines(model)
        for record in self.records:
            row |= record.read(model)
        return {name: said for name, said in row.items() if said is not None}

    def _row_of_list(self, path: str, said: Mapping[str, str | None]) -> dict[str, str | float | None]:
        denied = [value for value, answer in said.items() if answer == "no"]
        unknown = [value for value, answer in said.items() if answer is None]
        row: dict[str, str | float | None] = {
            f"{path}.{value}": "yes" for value, answer in said.items() if answer == "yes"
        }
        if len(denied) > len(unknown) + 1:
            return {**row, f"{path}.{CLOSES}": "yes", **{f"{path}.{value}": "unknown" for value in unknown}}
        return {**row, **{f"{path}.{value}": "no" for value in denied}}

    def _row_of_medicines(self, model: z3.ModelRef) -> dict[str, str | float | None]:
        row: dict[str, str | float | None] = {}
        for name, said in self.unasked.items():
            if holds(said, model) and not holds(self.told_as(name), model):
                row[f"medicines.{name}"] = "unknown"
        for key, denied in self.denied.items():
            if holds(denied, model):
                row[f"medicines.{key}"] = "no"
        return {**row, f"medicines.{CLOSES}": "yes"} if holds(self.whole, model) else row


def _said(truth: Truth, model: z3.ModelRef) -> str | None:
    return "yes" if holds(truth.yes, model) else "no" if holds(truth.no, model) else None


def _same(records: Sequence[Record], listed: Sequence[Any]) -> Iterator[z3.BoolRef]:
    if len(listed) > len(records):
        raise ValueError(f"{len(listed)} records of one thing, where {len(records)} are enough")
    for i, record in enumerate(records):
        yield record.same(listed[i]) if i < len(listed) else z3.Not(record.there)


def _without(kind: FieldType, value: str) -> FieldType:
    return replace(kind, values={name: means for name, means in kind.values.items() if name != value})
