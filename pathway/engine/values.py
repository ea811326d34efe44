"""Values: what the engine of columns works with, constants worked in as early as they can be.

A value is 1, 0 or -1 for every row alike (an int), or a Polars expression of Int8 that differs from row to row, with
the stage in which it can be worked out. A truth is a value that is never 0. So all there is to do is to take the
least, the greatest, or minus: whole columns at a time, without a branch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Any, TypeVar

import polars as pl

from pathway.profile import NO, UNKNOWN, YES

INT8 = pl.Int8()


@dataclass(frozen=True, slots=True, eq=False)
class Live:
    """A value that differs from row to row: Int8, and never 0 where it is `sharp`."""

    expr: pl.Expr
    stage: int
    sharp: bool = False


Value = int | Live
Truth = int | Live
TRUE, FALSE = YES, NO
Kept = TypeVar("Kept")


def live(values: Iterable[Any]) -> list[Live]:
    """The values that are not constant, each once."""
    return list(dict.fromkeys(value for value in values if isinstance(value, Live)))


def stage_of(*values: Any) -> int:
    """The stage in which all of some values are there."""
    return max((value.stage for value in live(values)), default=0)


def expr_of(value: Value) -> pl.Expr:
    """A value as an expression."""
    return value.expr if isinstance(value, Live) else pl.lit(value, dtype=INT8)


def signed(truth: pl.Expr, stage: int) -> Live:
    """A Boolean expression without nulls as a truth."""
    return Live(truth.cast(INT8) * 2 - 1, stage, sharp=True)


def three(truth: pl.Expr, stage: int) -> Live:
    """A Boolean expression as a value: null is unknown."""
    return Live((truth.cast(INT8) * 2 - 1).fill_null(UNKNOWN), stage)


def least(values: Iterable[Value]) -> Value:
    """The least of some values: whether all of some truths hold."""
    return _extreme(list(values), NO, min, pl.min_horizontal)


def greatest(values: Iterable[Value]) -> Value:
    """The greatest of some values: whether any of some truths holds."""
    return _extreme(list(values), YES, max, pl.max_horizontal)


def _extreme(values: list[Value], final: int, plain: Callable[[list[int]], int], many: Callable[..., pl.Expr]) -> Value:
    constants = [value for value in values if isinstance(value, int)]
    others = live(values)
    if final in constants:
        return final
    if not others:
        return plain(constants) if constants else -final
    parts = [each.expr for each in others] + [pl.lit(UNKNOWN, dtype=INT8)] * (UNKNOWN in constants)
    sharp = UNKNOWN not in constants and all(each.sharp for each in others)
    return others[0] if len(parts) == 1 else Live(many(parts), stage_of(*others), sharp)


def both(*values: Value) -> Value:
    """The least of these."""
    return least(values)


def negated(value: Value) -> Value:
    """Minus a value: whether a truth does not hold."""
    return -value if isinstance(value, int) else Live(-value.expr, value.stage, value.sharp)


def choose(truth: Truth, then: Value, otherwise: Value) -> Value:
    """One value where a truth holds, another where it does not."""
    if isinstance(truth, int) or then is otherwise or (isinstance(then, int) and then == otherwise):
        return otherwise if truth == FALSE else then
    return greatest([least([truth, then]), least([negated(truth), otherwise])])


def otherwise(said: Value, else_said: Value) -> Value:
    """One value where it is known, else another."""
    if isinstance(said, int) or said.sharp:
        return else_said if said == UNKNOWN else said
    # Twice what is said outweighs the other, and nothing does not.
    return Live(_within(NO, said.expr + said.expr + expr_of(else_said), YES), stage_of(said, else_said))


def told(value: Value, answer: int) -> Truth:
    """Whether a value is a certain one."""
    if isinstance(value, int):
        return TRUE if value == answer else FALSE
    if value.sharp:
        return value if answer == YES else negated(value) if answer == NO else FALSE
    return signed(value.expr == answer, value.stage)


def is_told(value: Value, answer: int) -> bool | pl.Expr:
    """Whether a value is a certain one, as a Boolean."""
    return value == answer if isinstance(value, int) else value.expr == answer


def count_at_least(number: int, values: list[Value]) -> Value:
    """Yes where so many values are yes, no where too many are no."""
    number -= sum(value == YES for value in values if isinstance(value, int))
    others = [value for value in values if isinstance(value, Live)]
    maybe = len(others) + sum(value == UNKNOWN for value in values if isinstance(value, int))
    if number <= 0 or number > maybe:
        return YES if number <= 0 else NO
    if not others:
        return UNKNOWN
    nothing = pl.lit(UNKNOWN, dtype=INT8)
    yes = _sum([pl.max_horizontal(value.expr, nothing) for value in others])
    no = _sum([pl.min_horizontal(value.expr, nothing) for value in others])
    sure, possible = _within(0, yes - (number - 1), 1), _within(0, no + (maybe - number + 1), 1)
    return Live(sure + possible - 1, stage_of(*others))


def _sum(exprs: list[pl.Expr]) -> pl.Expr:
    return reduce(add, exprs)


def _within(low: int, expr: pl.Expr, high: int) -> pl.Expr:
    return pl.min_horizontal(pl.max_horizontal(expr, pl.lit(low, dtype=INT8)), pl.lit(high, dtype=INT8))


def boolean(truth: Truth) -> pl.Expr:
    """A truth as a Boolean expression."""
    return truth.expr == TRUE if isinstance(truth, Live) else pl.lit(truth == TRUE)


@dataclass
class Plan:
    """The stages of a computation: columns of one stage stand on those of the stages before it."""

    stages: list[list[pl.Expr]] = field(default_factory=list)
    count: int = 0

    def keep(self, value: Kept, name: str = "") -> Kept:
        """The value as a column of its own, so that whoever needs it shares it."""
        if not isinstance(value, Live):
            return value
        return Live(self.column(value.expr, value.stage, name), value.stage + 1, value.sharp)  # type: ignore[return-value]

    def column(self, expr: pl.Expr, stage: int, name: str = "") -> pl.Expr:
        """An expression as a column that later stages may name."""
        self.count += 1
        name = name or f"~{self.count}"
        while len(self.stages) <= stage:
            self.stages.append([])
        self.stages[stage].append(expr.alias(name))
        return pl.col(name)
