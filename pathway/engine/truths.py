"""Three-valued truths and cells as formulas of a solver: what the prover builds everything from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

import z3

from pathway.language import Tree
from pathway.profile import NO, YES

LOGIC = "QF_LRA"
"""Truths, and linear arithmetic; whole numbers stay whole in it. Told so, the solver is five times as fast."""
TRUE, FALSE = z3.BoolVal(True), z3.BoolVal(False)


class Truth(NamedTuple):
    """A three-valued truth: yes, no, or neither, which is unknown; never both."""

    yes: z3.BoolRef
    no: z3.BoolRef

    @property
    def unknown(self) -> z3.BoolRef:
        """Whether it is neither."""
        return every([opposite(self.yes), opposite(self.no)])

    def is_(self, answer: int) -> z3.BoolRef:
        """Whether it is 1 yes, 0 unknown or -1 no."""
        return self.yes if answer == YES else self.no if answer == NO else self.unknown


class Undecided(Exception):
    """That the solver gave up."""


def solver_for(milliseconds: int) -> z3.Solver:
    """A solver that gives up after some time for one question, and leaves Ctrl-C to Python."""
    solver = z3.SolverFor(LOGIC)
    solver.set("timeout", milliseconds)
    solver.set("ctrl_c", False)
    return solver


def solution(solver: z3.Solver, *assumed: z3.BoolRef) -> z3.ModelRef | None:
    """A solution of all that a solver was told, and of what is assumed; None where there is none.

    Errors:  Undecided where the solver gave up.
    """
    met = solver.check(*assumed)
    if met == z3.unknown:
        raise Undecided(solver.reason_unknown())
    return solver.model() if met == z3.sat else None


def every(parts: Iterable[z3.BoolRef]) -> z3.BoolRef:
    """All of them; constants are worked in."""
    kept = [part for part in parts if not part.eq(TRUE)]
    if any(part.eq(FALSE) for part in kept):
        return FALSE
    return TRUE if not kept else kept[0] if len(kept) == 1 else z3.And(kept)


def some(parts: Iterable[z3.BoolRef]) -> z3.BoolRef:
    """Any of them; constants are worked in."""
    kept = [part for part in parts if not part.eq(FALSE)]
    if any(part.eq(TRUE) for part in kept):
        return TRUE
    return FALSE if not kept else kept[0] if len(kept) == 1 else z3.Or(kept)


def opposite(part: z3.BoolRef) -> z3.BoolRef:
    """Not it."""
    return FALSE if part.eq(TRUE) else TRUE if part.eq(FALSE) else z3.Not(part)


def so(when: z3.BoolRef, then: z3.BoolRef) -> z3.BoolRef:
    """The second wherever the first."""
    return some([opposite(when), then])


ALWAYS, NEVER = Truth(TRUE, FALSE), Truth(FALSE, TRUE)


def both(parts: Iterable[Truth]) -> Truth:
    """The least of some truths."""
    listed = list(parts)
    return Truth(every(t.yes for t in listed), some(t.no for t in listed))


def either(parts: Iterable[Truth]) -> Truth:
    """The greatest of some truths."""
    listed = list(parts)
    return Truth(some(t.yes for t in listed), every(t.no for t in listed))


def negated(part: Truth) -> Truth:
    """Minus a truth."""
    return Truth(part.no, part.yes)


def compare(op: str, left: Any, right: Any) -> z3.BoolRef:
    """A comparison of two numbers."""
    return {">": left > right, ">=": left >= right, "<": left < right, "<=": left <= right}[op]


def kleene(tree: Tree, value: Callable[[Tree], Truth]) -> Truth:
    """A tree of and, or, not and else, whose other parts are worked out by `value`."""
    match tree:
        case ["and", parts]:
            return both(map(value, parts))
        case ["or", parts]:
            return either(map(value, parts))
        case ["not", part]:
            return negated(value(part))
        case ["else", stated, other]:
            said, else_said = value(stated), value(other)
            return Truth(
                some([said.yes, every([opposite(said.no), else_said.yes])]),
                some([said.no, every([opposite(said.yes), else_said.no])]),
            )
        case ["always"]:
            return ALWAYS
        case ["never"]:
            return NEVER
    raise KeyError(str(tree[0]))


# ---- cells ----


class Number:
    """A cell with a number, from 0 to `most`, or nothing."""

    def __init__(self, name: str, most: float, whole: bool = False) -> None:
        self.name = name
        self.told = z3.Bool(f"{name}?")
        self.value = z3.Int(name) if whole else z3.Real(name)
        self.given = [so(self.told, every([self.value >= 0, self.value <= z3.RealVal(repr(most))]))]

    def compared(self, op: str, bound: Any) -> Truth:
        """The number against a bound."""
        held = compare(op, self.value, bound)
        return Truth(every([self.told, held]), every([self.told, opposite(held)]))

    def learnt(self, later: Later) -> list[z3.BoolRef]:
        """That what it says now it says later."""
        return [so(self.told, every([later(self.told), self.value == later(self.value)]))]

    def same(self, value: Any) -> z3.BoolRef:
        """That the cell says just this."""
        return z3.Not(self.told) if value is None else z3.And(self.told, self.value == exact(value))

    def kept(self, model: z3.ModelRef) -> z3.BoolRef:
        """That it says what it says in a solution, if that is anything."""
        said = self.read(model)
        return TRUE if said is None else z3.And(self.told, self.value == model.eval(self.value, model_completion=True))

    def told_in(self, variables: Mapping[int, Any]) -> bool:
        """Whether it is among some variables."""
        return self.told.get_id() in variables

    def read(self, model: z3.ModelRef) -> float | None:
        """What the cell says in a solution."""
        if not z3.is_true(model.eval(self.told)):
            return None
        return as_float(model.eval(self.value, model_completion=True))


class Choice:
    """A cell with one of a few words, or nothing."""

    def __init__(self, name: str, values: Iterable[str]) -> None:
        self.name = name
        self.values = {value: z3.Bool(f"{name}={value}") for value in values}
        self.told = some(self.values.values())
        self.given = [z3.AtMost(*self.values.values(), 1)]

    def is_(self, value: str) -> Truth:
        """Whether it is one of its words."""
        if value not in self.values:
            return Truth(FALSE, self.told)
        return Truth(self.values[value], some(v for name, v in self.values.items() if name != value))

    def learnt(self, later: Later) -> list[z3.BoolRef]:
        """That what it says now it says later."""
        return [so(v, later(v)) for v in self.values.values()]

    def same(self, value: Any) -> z3.BoolRef:
        """That the cell says just this."""
        return every(v if name == value else z3.Not(v) for name, v in self.values.items())

    def kept(self, model: z3.ModelRef) -> z3.BoolRef:
        """That it says what it says in a solution, if that is anything."""
        return every(v for v in self.values.values() if holds(v, model))

    def told_in(self, variables: Mapping[int, Any]) -> bool:
        """Whether it is among some variables."""
        return any(v.get_id() in variables for v in self.values.values())

    def read(self, model: z3.ModelRef) -> str | None:
        """What the cell says in a solution."""
        return next((name for name, v in self.values.items() if z3.is_true(model.eval(v))), None)


class Flag:
    """A cell with yes, no, or nothing."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.truth = Truth(z3.Bool(f"{name}=yes"), z3.Bool(f"{name}=no"))
        self.told = z3.Or(*self.truth)
        self.given = [z3.Not(z3.And(*self.truth))]

    def learnt(self, later: Later) -> list[z3.BoolRef]:
        """That what it says now it says later."""
        return [so(v, later(v)) for v in self.truth]

    def same(self, value: Any) -> z3.BoolRef:
        """That the cell says just this: True, False or None."""
        yes, no = self.truth
        return z3.And(yes if value is True else z3.Not(yes), no if value is False else z3.Not(no))

    def kept(self, model: z3.ModelRef) -> z3.BoolRef:
        """That it says what it says in a solution, if that is anything."""
        return every(v for v in self.truth if holds(v, model))

    def told_in(self, variables: Mapping[int, Any]) -> bool:
        """Whether it is among some variables."""
        return any(v.get_id() in variables for v in self.truth)

    def read(self, model: z3.ModelRef) -> str | None:
        """What the cell says in a solution."""
        return next(
            (said for said, v in zip(("yes", "no"), self.truth, strict=True) if z3.is_true(model.eval(v))), None
        )


Cell = Number | Choice | Flag
Kind = TypeVar("Kind", Number, Choice, Flag)
Later = Callable[[Any], Any]
"""A formula as it is of the same person later, when more is known."""


def exact(value: float) -> z3.ArithRef:
    """A number of Python's as the solver has it, to the last bit."""
    numerator, denominator = float(value).as_integer_ratio()
    return z3.RealVal(numerator) / z3.RealVal(denominator) if denominator != 1 else z3.RealVal(numerator)


def as_float(value: Any) -> float:
    """A number of the solver's as Python has it."""
    return float(value.as_long() if z3.is_int_value(value) else value.as_fraction())


def holds(term: z3.BoolRef, model: z3.ModelRef) -> bool:
    """Whether a formula holds of a solution; what the solution leaves open does not."""
    return bool(z3.is_true(model.eval(term)))
