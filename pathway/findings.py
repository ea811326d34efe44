"""Findings: every field word answered yes (1), unknown (0) or no (-1) for one profile.

Numbers stop here. `and` is the least, `or` the greatest, `not` minus (strong Kleene logic), so what
nobody asked stays unknown unless the rest decides it. Engines see only these answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial, reduce
from math import fsum
from typing import Any

from pathway.language import Tree
from pathway.profile import CAUSES, NO, UNKNOWN, YES, Known, Medicine, Profile, Records, Trial, fields

ANSWERS = {YES: "yes", UNKNOWN: "unknown", NO: "no"}
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
}


@dataclass(frozen=True)
class Subject:
    """A profile with what the rule base knows of the names in it.

    `classes` maps a medicine or class as written to what it surely belongs to (itself included), `possible`
    to all that it may belong to; a name that is not there belongs to classes nobody knows. `factors` are
    the morphine milligram equivalents of opioids.
    """

    profile: Profile
    classes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    possible: Mapping[str, frozenset[str]] = field(default_factory=dict)
    factors: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def denied(self, path: str, value: str) -> bool:
        """Whether `not:` names the value, alone or as "field.value"."""
        return value in self.profile.denied or f"{path}.{value}" in self.profile.denied

    def unasked(self, path: str, value: str) -> bool:
        """Whether `unknown:` names the value, alone or as "field.value", or a medicine that belongs to it."""
        said = {name.removeprefix(f"{path}.") for name in self.profile.unasked}
        return value in said or (path == "medicines" and any(value in self.classes.get(name, ()) for name in said))

    @cached_property
    def stories(self) -> Mapping[str | None, list[tuple[int, Trial]]]:
        """Each option's trials, oldest first, with their places in the list; a treatment never tried has none."""
        told: dict[str | None, list[tuple[int, Trial]]] = {}
        for i, trial in self.profile.trials.numbered():
            if trial.state != "never":
                told.setdefault(self.option_of(trial), []).append((i, trial))
        return told

    def option_of(self, trial: Trial) -> str | None:
        """The option that a trial is a trial of."""
        return self.options.get(trial.treatment.strip().lower())

    def belongs(self, medicine: Medicine, key: str) -> int:
        """Whether a medicine that is taken belongs to a class; unknown for one that nobody here knows."""
        name = medicine.medicine.strip().lower()
        if name not in self.classes:
            return NO if self.denied("medicines", key) else UNKNOWN
        if key in self.classes[name]:
            return YES
        maybe = key in self.possible.get(name, ()) and not self.denied("medicines", key)
        return UNKNOWN if maybe else NO

    @cached_property
    def taken(self) -> Sequence[tuple[str, Medicine]]:
        """The medicines that are taken now, with their paths: those listed, and those whose trial is going on.

        A trial whose medicine nobody here knows counts as its class; of two doses of one medicine the higher counts.
        """
        trials = [(i, trial) for i, trial in self.profile.trials.numbered() if trial.state == "running"]
        names = [self._medicine_of(trial) for _, trial in trials]
        once = Counter(medicine.medicine.strip().lower() for medicine in self.profile.medicines)
        taken = []
        for i, medicine in self.profile.medicines.numbered():
            name = medicine.medicine.strip().lower()
            doses = [t.dose for (_, t), n in zip(trials, names, strict=True) if n == name and t.dose is not None]
            doses = doses if once[name] == 1 or medicine.dose is None else []
            if doses and (medicine.dose is None or max(doses) > medicine.dose):
                taken.append((f"medicines[{i}]", medicine.model_copy(update={"dose": max(doses)})))
            else:
                taken.append((f"medicines[{i}]", medicine))
        listed = {medicine.medicine.strip().lower() for _, medicine in taken}
        for (i, trial), name in zip(trials, names, strict=True):
            told = any(name in self.classes.get(other, ()) for other in listed)
            if name in self.classes and not told:
                helps = {"helped": True, "failed": False}.get(trial.result or "")
                only = Medicine.model_construct(medicine=name, dose=trial.dose, form=None, helps=helps, note=None)
                taken.append((f"trials[{i}]", only))
        return taken

    def _medicine_of(self, trial: Trial) -> str:
        """The medicine that a trial is of, or its class where no rule knows the name; empty for no medicine."""
        name = named(trial, None)
        if name in self.classes:
            return name
        option = self.option_of(trial) or ""
        return option if option in self.classes else ""

    def may_be_unasked(self, path: str, value: str) -> bool:
        """Whether `unknown:` names a class of medicines which the value may be one of: nobody knows which it is."""
        if path != "medicines" or not self.profile.unasked:
            return False
        said = (name.removeprefix(f"{path}.") for name in self.profile.unasked)
        return any(value in self.possible.get(name, ()) for name in said)

    def left_out(self, path: str, value: str, closed: bool) -> int:
        """The answer for a value that a list does not name."""
        if self.unasked(path, value):
            return UNKNOWN
        if self.denied(path, value):
            return NO
        return NO if closed and not self.may_be_unasked(path, value) else UNKNOWN


def find(subject: Subject, words: Iterable[tuple[str, Tree]]) -> dict[str, int]:
    """Answer each field word for one person.

    Args:    subject: the profile; durations in days, doses in mg per day. words: (name, tree) pairs.
    Returns: name -> 1, 0 or -1, in the order of the words.
    Raises:  nothing; a field that is not there answers 0.
    Source:  strong Kleene logic, docs/explanation/unknown.md
    """
    return {name: answer(tree, subject) for name, tree in words}


def answer(tree: Tree, subject: Subject, item: Any = None, later: Sequence[Any] = ()) -> int:
    """The value of one field tree: 1 yes, 0 unknown, -1 no."""
    return _ANSWER[tree[0]](tree, subject, item, later)


def _and(tree: Tree, subject: Subject, item: Any, later: Sequence[Any]) -> int:
    return min(answer(part, subject, item, later) for part in tree[1])


def _or(tree: Tree, subject: Subject, item: Any, later: Sequence[Any]) -> int:
    return max(answer(part, subject, item, later) for part in tree[1])


def _not(tree: Tree, subject: Subject, item: Any, later: Sequence[Any]) -> int:
    return -answer(tree[1], subject, item, later)


def _number(tree: Tree, subject: Subject, item: Any, _: Sequence[Any]) -> int:
    _, path, op, bound = tree
    value = value_at(path, subject, item)
    return UNKNOWN if value is None else YES if _COMPARE[op](value, bound) else NO


def _is(tree: Tree, subject: Subject, item: Any, _: Sequence[Any]) -> int:
    value = value_at(tree[1], subject, item)
    return UNKNOWN if value is None else YES if value == tree[2] else NO


def _flag(tree: Tree, subject: Subject, item: Any, _: Sequence[Any]) -> int:
    value = value_at(tree[1], subject, item)
    return UNKNOWN if value is None else YES if value else NO


def _has(tree: Tree, subject: Subject, *_: Any) -> int:
    _, path, value = tree
    held: Known | Records = value_at(path, subject, None)
    if isinstance(held, Records):
        for flag in held:
            if flag.finding == value:
                return NO if flag.excluded else YES
    elif value in held.present:
        return YES
    return subject.left_out(path, value, held.closed)


def _some(tree: Tree, subject: Subject, *_: Any) -> int:
    _, path, key, condition = tree
    records: Records = getattr(subject.profile, path)
    if path == "trials":
        story = trials_of(key, subject)
        if not story:
            never = any(
                trial.state == "never" and not named(trial, key) for trial in records if subject.option_of(trial) == key
            )
            return NO if never else subject.left_out(path, key, records.closed)
        return max(answer(condition, subject, trial, later_than(i, story, key)) for i, trial in enumerate(story))
    if path == "causes":
        return max(_some_cause(kind, condition, subject) for kind in ([key] if key else CAUSES))
    return _some_medicine(key, condition, subject)


def _some_cause(kind: str, condition: Tree, subject: Subject) -> int:
    listed = [cause for cause in subject.profile.causes if cause.kind == kind]
    if not listed:
        return subject.left_out("causes", kind, subject.profile.causes.closed)
    return max(answer(condition, subject, cause) for cause in listed)


def _some_medicine(key: str | None, condition: Tree, subject: Subject) -> int:
    medicines: Records = subject.profile.medicines
    best = UNKNOWN if key is None and not medicines.closed else NO
    if key is not None:
        best = subject.left_out("medicines", key, medicines.closed)
    for _, medicine in subject.taken:
        belongs = YES if key is None else subject.belongs(medicine, key)
        best = max(best, min(belongs, answer(condition, subject, medicine)))
    return best


@dataclass(frozen=True, slots=True)
class Part:
    """What one medicine adds to a sum: its dose in mg a day, its factor, and whether it surely belongs there.

    `amount` is None where the dose or the factor is not known. `at_least` marks a factor below the true one:
    an opioid in a form without a factor counts with that by mouth, which is a protective reading and no more. A dose
    whose form is not told is by mouth, where the opioid has a factor by mouth. `several` marks the name of a
    class: which of its medicines it is, and so the factor, is not told.
    """

    path: str
    medicine: str
    dose: float | None
    factor: float | None
    sure: bool
    form_decides: bool = False
    at_least: bool = False
    several: bool = False

    @property
    def amount(self) -> float | None:
        """What it adds, None where nobody can say."""
        return None if self.dose is None or self.factor is None else self.dose * self.factor


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum over medicines, with unknown parts as bounds: at least `low`, and at most `high` (None for no limit)."""

    low: float
    high: float | None
    parts: tuple[Part, ...]


def total(measure: str, key: str, subject: Subject) -> Sum:
    """What the medicines of a class come to in a day: "mme" in morphine milligram equivalents, "dose" in mg.

    A medicine whose dose or factor is not known adds nothing to the least and everything to the most: a
    known danger is never hidden by an unknown. Doses taken as needed count in full.
    """
    parts = tuple(
        _part(measure, path, medicine, subject)
        if belongs == YES
        else Part(path, medicine.medicine, medicine.dose, factor=None, sure=False)
        for path, medicine in subject.taken
        if (belongs := subject.belongs(medicine, key)) != NO
    )
    # Rounded, so that neither the order of medicines nor a hair of the machine's arithmetic moves a sum past a line.
    low = round(fsum(part.amount for part in parts if part.amount is not None), 6)
    whole = subject.left_out("medicines", key, subject.profile.medicines.closed) == NO
    exact = all(part.amount is not None and not part.at_least for part in parts)
    return Sum(low, low if whole and exact else None, parts)


def _part(measure: str, path: str, medicine: Medicine, subject: Subject) -> Part:
    """What a medicine that surely belongs adds to a sum."""
    part = partial(Part, path, medicine.medicine, medicine.dose, sure=True)
    if measure == "dose":
        return part(factor=1.0)
    name = medicine.medicine.strip().lower()
    known = subject.factors.get(name, {})
    if not known and any(name in subject.classes[opioid] for opioid in subject.factors):
        return part(factor=None, several=True)
    oral = known.get("oral")
    if medicine.form is None:
        return part(factor=oral, form_decides=bool(known) and oral is None)
    if medicine.form in ("immediate-release", "extended-release"):
        return part(factor=oral)
    return part(factor=known.get(medicine.form, oral), at_least=medicine.form not in known)


def _total(tree: Tree, subject: Subject, *_: Any) -> int:
    _, measure, key, op, bound = tree
    found = total(measure, key, subject)
    high = float("inf") if found.high is None else found.high
    least, most = _COMPARE[op](found.low, bound), _COMPARE[op](high, bound)
    return UNKNOWN if least != most else YES if least else NO


def _later(tree: Tree, subject: Subject, _: Any, later: Sequence[Any]) -> int:
    return max((answer(tree[1], subject, trial) for trial in later), default=NO)


def _else(tree: Tree, subject: Subject, item: Any, later: Sequence[Any]) -> int:
    said = answer(tree[1], subject, item, later)
    return said if said != UNKNOWN else answer(tree[2], subject, item, later)


_ANSWER: dict[str, Callable[..., int]] = {
    "and": _and,
    "or": _or,
    "not": _not,
    "number": _number,
    "is": _is,
    "flag": _flag,
    "has": _has,
    "some": _some,
    "later": _later,
    "else": _else,
    "total": _total,
    "always": lambda *_: YES,
    "never": lambda *_: NO,
}


def trials_of(option: str | None, subject: Subject) -> list[Trial]:
    """The trials of one option, oldest first; a treatment never tried has none."""
    return [trial for _, trial in subject.stories.get(option, [])]


def named(trial: Trial, option: str | None) -> str:
    """The medicine that a trial names; empty where it names only the option."""
    treatment = trial.treatment.strip().lower()
    return (trial.medicine or "").strip().lower() or (treatment if treatment != option else "")


def later_than(i: int, story: Sequence[Trial], option: str | None) -> list[Trial]:
    """The trials after the i-th that may be of the same thing: another medicine's failure undoes nothing."""
    mine = named(story[i], option)
    return [trial for trial in story[i + 1 :] if not mine or named(trial, option) in ("", mine)]


def value_at(path: str, subject: Subject, item: Any) -> Any:
    """The value of a field by its path; a path that begins with a dot belongs to the item."""
    if path.startswith("."):
        return getattr(item, path[1:])
    return reduce(getattr, path.split("."), subject.profile)


Gap = tuple[str, str]


def missing(tree: Tree, subject: Subject, item: str = "", record: Any = None, later: Sequence[Any] = ()) -> list[Gap]:
    """What leaves a tree unknown: down through unknown parts only, each once.

    Returns: (field, value) pairs in the order in which the tree names them; empty when the tree is
             answered. A field inside a list has its place in it ("trials[0].result"); a list that is not
             closed stands for itself, with the value that it may or may not hold.
    """
    if answer(tree, subject, record, later) != UNKNOWN:
        return []
    kind = tree[0]
    if kind in ("and", "or"):
        return _once(gap for part in tree[1] for gap in missing(part, subject, item, record, later))
    if kind == "not":
        return missing(tree[1], subject, item, record, later)
    if kind == "else":
        return missing(tree[2], subject, item, record, later)
    if kind == "some":
        return _once(_missing_in_list(tree, subject))
    if kind == "later":
        return _once(
            gap
            for i, trial in subject.profile.trials.numbered()
            if any(trial is each for each in later)
            for gap in missing(tree[1], subject, f"trials[{i}]", trial)
        )
    if kind == "has":
        return [(tree[1], tree[2])]
    if kind == "total":
        return _once(_missing_in_sum(tree, subject))
    return [(item + tree[1] if tree[1].startswith(".") else tree[1], "")]


def _missing_in_list(tree: Tree, subject: Subject) -> Iterable[Gap]:
    _, path, key, condition = tree
    records: Records = getattr(subject.profile, path)
    if path == "trials":
        story = subject.stories.get(key, [])
        trials = [trial for _, trial in story]
        for n, (i, trial) in enumerate(story):
            yield from missing(condition, subject, f"trials[{i}]", trial, later_than(n, trials, key))
        if not story:
            yield (path, key)
    elif path == "causes":
        for kind in [key] if key else CAUSES:
            listed = [(i, cause) for i, cause in records.numbered() if cause.kind == kind]
            if not listed and subject.left_out(path, kind, records.closed) == UNKNOWN:
                yield (path, kind)
            for i, cause in listed:
                yield from missing(condition, subject, f"causes[{i}]", cause)
    else:
        if (key is None and not records.closed) or (key and subject.left_out(path, key, records.closed) == UNKNOWN):
            yield (path, key or "")
        for place, medicine in subject.taken:
            belongs = YES if key is None else subject.belongs(medicine, key)
            if belongs == UNKNOWN:
                yield (f"{place}.medicine", key or "")
            if belongs != NO:
                for gap in missing(condition, subject, place, medicine):
                    yield gap if field_exists(gap[0]) else (path, medicine.medicine)


def field_exists(path: str) -> bool:
    """Whether a case can say this: the record of a trial has no form."""
    head, bracket, rest = path.partition("[")
    return not bracket or rest.partition("].")[2] in fields()[head].item


def _missing_in_sum(tree: Tree, subject: Subject) -> Iterable[Gap]:
    _, measure, key, *_ = tree
    if subject.left_out("medicines", key, subject.profile.medicines.closed) == UNKNOWN:
        yield ("medicines", key)
    for part in total(measure, key, subject).parts:
        if not part.sure or part.several:
            yield (f"{part.path}.medicine", key)
        elif part.factor is None and not part.form_decides:
            continue  # Nobody knows a factor, so that no dose would tell.
        elif part.dose is None:
            yield (f"{part.path}.dose", "")
        elif part.form_decides and field_exists(f"{part.path}.form"):
            yield (f"{part.path}.form", "")


def _once(gaps: Iterable[Gap]) -> list[Gap]:
    return list(dict.fromkeys(gaps))
