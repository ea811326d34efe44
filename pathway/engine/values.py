"""Values: what the engine of columns works with, constants worked in as early as they can be.

A value is 1, 0 or -1 for every row alike (an int), or it differs from row to row: then it is two flags, whether it is
surely yes and whether it is surely no. A flag is a bit for each row, so that `and` of values is `and` of the one and
`or` of the other, `not` changes the two, and what can never be yes costs nothing. A truth is a value that is never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import reduce
from hashlib import sha256
from operator import add, and_, or_
from typing import Any, TypeVar

import polars as pl

from pathway.profile import NO, UNKNOWN, YES

INT8 = pl.Int8()


@dataclass(frozen=True, slots=True)
class Bit:
    """A Boolean without nulls that differs from row to row, and the stage in which it can be worked out.

    It is an expression of Polars, or holds where all of `parts` hold; or it `denies` such a one. So `or` is what
    denies that all are denied, and two with the same key are the same.
    """

    key: str
    stage: int = field(compare=False)
    plain: pl.Expr | None = field(default=None, compare=False)
    parts: tuple[Bit, ...] = field(default=(), compare=False)
    denies: Bit | None = field(default=None, compare=False)

    @property
    def expr(self) -> pl.Expr:
        """The expression, with as few `not` as can be."""
        if self.denies is None:
            return _all_of(self.parts, and_, or_) if self.plain is None else self.plain
        if self.denies.plain is not None:
            return ~self.denies.plain
        return _all_of([_opposite(part) for part in self.denies.parts], or_, and_)


def _all_of(parts: Iterable[Bit], one: Callable[..., pl.Expr], other: Callable[..., pl.Expr]) -> pl.Expr:
    """Some flags joined; what is denied of those that are no longer taken apart is denied together."""
    denied = [part.denies.plain for part in parts if part.denies is not None and part.denies.plain is not None]
    exprs = [part.expr for part in parts if part.denies is None or part.denies.plain is None]
    return reduce(one, [*exprs, *([~reduce(other, denied)] if denied else [])])


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """A column of another type: codes as they were read, with nulls, or what is worked out of them."""

    expr: pl.Expr
    stage: int


Flag = bool | Bit


@dataclass(frozen=True, slots=True)
class Live:
    """A value that differs from row to row: where it is yes, and where it is no."""

    yes: Flag
    no: Flag

    @property
    def sharp(self) -> bool:
        """Whether it is never unknown."""
        return self.no == opposite(self.yes)

    @property
    def stage(self) -> int:
        """The stage in which it can be worked out."""
        return stage_of(self.yes, self.no)


Value = int | Live
Truth = int | Live
TRUE, FALSE = YES, NO
Kept = TypeVar("Kept")


# ---- flags ----


def bit(expr: pl.Expr, stage: int) -> Bit:
    """A Boolean expression without nulls as a flag."""
    return Bit(sha256(expr.meta.serialize()).hexdigest(), stage, expr)


def _opposite(flag: Bit) -> Bit:
    return flag.denies or Bit(f"!{flag.key}", flag.stage, denies=flag)


def opposite(flag: Flag) -> Flag:
    """Whether a flag does not hold."""
    return not flag if isinstance(flag, bool) else _opposite(flag)


def every(*flags: Flag) -> Flag:
    """Whether all of some flags hold."""
    bits = dict.fromkeys(part for flag in flags if isinstance(flag, Bit) for part in flag.parts or (flag,))
    if any(flag is False for flag in flags) or any(_opposite(flag) in bits for flag in bits):
        return False
    if len(bits) < 2:  # noqa: PLR2004  one alone is itself
        return next(iter(bits), True)
    parts = tuple(sorted(bits, key=lambda part: part.key))
    return Bit(f"({'&'.join(part.key for part in parts)})", stage_of(*parts), parts=parts)


def some(flags: Iterable[Flag]) -> Flag:
    """Whether any of some flags holds."""
    return opposite(every(*map(opposite, flags)))


def either(flag: Flag, then: Flag, otherwise: Flag) -> Flag:
    """One flag where another holds, else a third."""
    if then == otherwise:
        return then
    if isinstance(flag, bool):
        return then if flag else otherwise
    if isinstance(then, bool):
        return some([flag, otherwise]) if then else every(opposite(flag), otherwise)
    if isinstance(otherwise, bool):
        return some([opposite(flag), then]) if otherwise else every(flag, then)
    return some([every(flag, then), every(opposite(flag), otherwise)])


def expr_of(flag: Flag) -> pl.Expr:
    """A flag as an expression."""
    return flag.expr if isinstance(flag, Bit) else pl.lit(flag)


# ---- values ----


def stage_of(*parts: Any) -> int:
    """The stage in which all of some values are there."""
    return max((part.stage for part in parts if isinstance(part, Bit | Cell | Live)), default=0)


def rails(value: Value) -> tuple[Flag, Flag]:
    """Where a value is yes, and where it is no."""
    return (value.yes, value.no) if isinstance(value, Live) else (value == YES, value == NO)


def value_of(yes: Flag, no: Flag) -> Value:
    """A value by where it is yes and where it is no."""
    if isinstance(yes, Bit) or isinstance(no, Bit):
        return Live(yes, no)
    return YES if yes else NO if no else UNKNOWN


def truth_of(flag: Flag) -> Truth:
    """A flag as a truth."""
    return value_of(flag, opposite(flag))


def signed(truth: pl.Expr, stage: int) -> Truth:
    """A Boolean expression without nulls as a truth."""
    return truth_of(bit(truth, stage))


def so(truth: pl.Expr, stage: int) -> Truth:
    """A Boolean expression as a truth: null is no."""
    return signed(truth.eq_missing(pl.lit(True)), stage)


def three(truth: pl.Expr, known: pl.Expr, stage: int) -> Value:
    """A Boolean expression as a value: unknown where it is not known."""
    yes = bit(truth.eq_missing(pl.lit(True)), stage)
    return value_of(yes, every(opposite(yes), bit(known, stage)))


def least(values: Iterable[Value]) -> Value:
    """The least of some values: whether all of some truths hold."""
    each = [rails(value) for value in values]
    return value_of(every(*(yes for yes, _ in each)), some(no for _, no in each))


def greatest(values: Iterable[Value]) -> Value:
    """The greatest of some values: whether any of some truths holds."""
    each = [rails(value) for value in values]
    return value_of(some(yes for yes, _ in each), every(*(no for _, no in each)))


def both(*values: Value) -> Value:
    """The least of these."""
    return least(values)


def negated(value: Value) -> Value:
    """Minus a value: whether a truth does not hold."""
    return -value if isinstance(value, int) else Live(value.no, value.yes)


def choose(truth: Truth, then: Value, otherwise: Value) -> Value:
    """One value where a truth holds, another where it does not."""
    flag, _ = rails(truth)
    (yes, no), (other_yes, other_no) = rails(then), rails(otherwise)
    return value_of(either(flag, yes, other_yes), either(flag, no, other_no))


def otherwise(said: Value, else_said: Value) -> Value:
    """One value where it is known, else another."""
    (yes, no), (else_yes, else_no) = rails(said), rails(else_said)
    return value_of(some([yes, every(opposite(no), else_yes)]), some([no, every(opposite(yes), else_no)]))


def flag_of(value: Value, answer: int) -> Flag:
    """Where a value is a certain one."""
    yes, no = rails(value)
    return yes if answer == YES else no if answer == NO else opposite(some([yes, no]))


def told(value: Value, answer: int) -> Truth:
    """Whether a value is a certain one."""
    return truth_of(flag_of(value, answer))


def count_at_least(number: int, values: list[Value]) -> Value:
    """Yes where so many values are yes, no where too many are no."""
    each = [rails(value) for value in values]
    return value_of(
        _count([yes for yes, _ in each], number),
        _count([no for _, no in each], len(values) - number + 1),
    )


def _count(flags: list[Flag], number: int) -> Flag:
    """Whether so many of some flags hold."""
    number -= sum(flag is True for flag in flags)
    bits = [flag for flag in flags if isinstance(flag, Bit)]
    if number <= 0 or number > len(bits):
        return number <= 0
    if number == 1:
        return some(bits)
    if number == len(bits):
        return every(*bits)
    ones = [pl.when(each.expr).then(pl.lit(1, dtype=pl.UInt8)).otherwise(pl.lit(0, dtype=pl.UInt8)) for each in bits]
    return bit(reduce(add, ones) >= number, stage_of(*bits))


def boolean(truth: Truth) -> pl.Expr:
    """A truth as a Boolean expression."""
    return expr_of(rails(truth)[0])


def _is_column(flag: Bit) -> bool:
    plain = (flag.denies or flag).plain
    return plain is not None and plain.meta.is_column()


@dataclass
class Plan:
    """The stages of a computation: columns of one stage stand on those of the stages before it."""

    stages: list[list[pl.Expr]] = field(default_factory=list)
    count: int = 0
    known: dict[str, Bit] = field(default_factory=dict)

    def keep(self, value: Kept) -> Kept:
        """The value as columns of its own, so that whoever needs it shares them; the same flag is one column."""
        if isinstance(value, Live):
            return value_of(self.flag(value.yes), self.flag(value.no))  # type: ignore[return-value]
        if isinstance(value, Cell):
            return Cell(self.column(value.expr, value.stage), value.stage + 1)  # type: ignore[return-value]
        return value

    def flag(self, flag: Flag) -> Flag:
        """The flag as a column; the opposite of a column as it is."""
        if isinstance(flag, bool) or _is_column(flag):
            return flag
        if flag.key not in self.known:
            column = self.column(flag.expr, flag.stage)
            kept = Bit(column.meta.output_name(), flag.stage + 1, column)
            self.known[flag.key], self.known[_opposite(flag).key] = kept, _opposite(kept)
        return self.known[flag.key]

    def column(self, expr: pl.Expr, stage: int) -> pl.Expr:
        """An expression as a column that later stages may name."""
        self.count += 1
        name = f"~{self.count}"
        while len(self.stages) <= stage:
            self.stages.append([])
        self.stages[stage].append(expr.alias(name))
        return pl.col(name)

    def needed(self, wanted: Iterable[pl.Expr]) -> Iterator[tuple[pl.Expr, ...]]:
        """The stages without what nobody needs for what is wanted."""
        names = {name for expr in wanted for name in expr.meta.root_names()}
        kept: list[tuple[pl.Expr, ...]] = []
        for stage in reversed(self.stages):
            mine = tuple(expr for expr in stage if expr.meta.output_name() in names)
            names.update(name for expr in mine for name in expr.meta.root_names())
            kept.append(mine)
        return (stage for stage in reversed(kept) if stage)
