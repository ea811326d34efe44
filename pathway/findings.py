"""Findings: every field word answered yes (1), unknown (0) or no (-1) for one profile.

Numbers stop here. `and` is the least, `or` the greatest, `not` minus (strong Kleene logic), so what
nobody asked stays unknown unless the rest decides it. Engines see only these answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from typing import Any

from pathway.language import Tree
from pathway.profile import CAUSES, NO, UNKNOWN, YES, Known, Medicine, Profile, Records, Trial

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

    `classes` maps a medicine or treatment as written to the classes it belongs to (itself included);
    a name that is not there belongs to classes nobody knows.
    """

    profile: Profile
    classes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)

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

    def classes_of(self, medicine: Medicine) -> frozenset[str] | None:
        """The classes of a medicine that is taken; None for one that nobody here knows."""
        return self.classes.get(medicine.medicine.strip().lower())

    def left_out(self, path: str, value: str, closed: bool) -> int:
        """The answer for a value that a list does not name."""
        if self.unasked(path, value):
            return UNKNOWN
        return NO if closed or self.denied(path, value) else UNKNOWN


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
    for medicine in medicines:
        classes = subject.classes_of(medicine)
        belongs = YES if key is None else UNKNOWN if classes is None else YES if key in classes else NO
        if belongs == UNKNOWN and subject.denied("medicines", key or ""):
            belongs = NO
        best = max(best, min(belongs, answer(condition, subject, medicine)))
    return best


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
        for i, medicine in records.numbered():
            classes = subject.classes_of(medicine)
            if key is not None and classes is None and not subject.denied(path, key):
                yield (f"medicines[{i}].medicine", key)
            if key is None or classes is None or key in classes:
                yield from missing(condition, subject, f"medicines[{i}]", medicine)


def _once(gaps: Iterable[Gap]) -> list[Gap]:
    return list(dict.fromkeys(gaps))
