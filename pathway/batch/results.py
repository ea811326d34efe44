"""Results: what a batch says of each case, as columns, and how to read the compact ones by name.

    id, row                 which case, and which row of the input (the first is 1)
    ending, grade           as a walk ends: current, questions, referral, out-of-scope, not-chronic, end
    current                 the steps where the walk stands, joined by ";"
    STEP.status             for each step
    OPTION.status           for each option
    fires_0.. asks_0..      masks: rule i is bit i % 64 of column i // 64; a rule in neither is silent
    questions_0..           masks in the same way, over the open facts
    questions               how many facts are open
    edition, digest         of the rules

The names behind the bits stand in the manifest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain, combinations
from operator import add
from typing import TypeVar

import polars as pl

from pathway.engine.columns import Compiler, Kernel
from pathway.engine.questions import Flag, Questions, waited_for
from pathway.engine.values import expr_of, is_told
from pathway.profile import UNKNOWN, YES
from pathway.rules import RuleBase
from pathway.tree import RuleTree
from pathway.walks import GRADES

Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)
BITS = 64
BYTE = 8
OUT_OF_SCOPE = "out-of-scope"
QUESTIONS = "questions"
STATUS = ".status"
GRADE, ENDING = "~grade", "~ending"
VERDICTS = {"fires": YES, "asks": UNKNOWN}


@dataclass(frozen=True)
class Outputs:
    """What a batch works out for a cohort, compiled: the kernel, and the facts that may be open.

    `asked` are the columns that a question may be about, in the order of their bits.
    """

    base: RuleBase
    kernel: Kernel
    asked: Mapping[str, Flag]

    @property
    def width(self) -> int:
        """How many columns are worked out for a row."""
        return sum(map(len, self.kernel.stages)) + len(self.kernel.needs) + len(self.asked)

    def select(self, frame: pl.LazyFrame, carried: Iterable[str]) -> pl.LazyFrame:
        """The results of a frame of codes.

        Args:    carried: the columns that name the case, which are kept as they are.
        """
        frame = self.kernel.run(frame).with_columns(_grade(self.kernel, self.base).alias(GRADE))
        frame = frame.with_columns(_ending(self.kernel).alias(ENDING))
        questions = list(
            masks(QUESTIONS, [flag if isinstance(flag, bool) else flag.expr for flag in self.asked.values()])
        )
        frame = frame.with_columns(questions)
        return frame.select([*(pl.col(name) for name in carried), *self._columns(len(questions))])

    def _columns(self, masks_of_questions: int) -> Iterator[pl.Expr]:
        kernel, base = self.kernel, self.base
        yield pl.col(ENDING).cat.to(pl.Enum(_endings(kernel))).alias("ending")
        yield pl.col(GRADE).cat.to(pl.Enum(["", *GRADES])).alias("grade")
        yield _current(kernel, base)
        for name in (*(step.step for step in base.walked), *(option.option for option in base.options)):
            yield kernel.answer(f"{name}.status")
        rules = [kernel.values[f"rule:{rule.rule}"] for rule in base.rules]
        for verdict, answer in VERDICTS.items():
            yield from masks(verdict, [is_told(value, answer) for value in rules])
        names = [f"{QUESTIONS}_{i}" for i in range(masks_of_questions)]
        yield from map(pl.col, names)
        if names:
            open_facts = reduce(add, [pl.col(name).bitwise_count_ones() for name in names])
            yield open_facts.cast(pl.UInt16).alias(QUESTIONS)
        yield pl.lit(base.edition).alias("edition")
        yield pl.lit(base.digest).alias("digest")


def compile_outputs(
    tree: RuleTree, base: RuleBase, present: Collection[str], complete: Collection[str] = (), questions: bool = True
) -> Outputs:
    """All that a batch works out for a cohort that has some of the table's columns.

    Args:    complete: the lists that are whole in every row. questions: whether to ask what is open, which costs as
             much again as the verdicts.
    """
    statuses = [f"{step.step}.status" for step in base.walked] + [f"{option.option}.status" for option in base.options]
    wanted = [*statuses, "walk.ending", *(f"rule:{rule.rule}" for rule in base.rules)]
    compiler = Compiler(tree, base, present, complete)
    if not questions:
        compiler.compile(wanted, sparing=True)
        return Outputs(base, compiler.kernel(), {})
    compiler.compile([*wanted, *waited_for(base)])
    asked = Questions(compiler, base).ask()
    return Outputs(base, compiler.kernel(), asked)


def _endings(kernel: Kernel) -> list[str]:
    return [*kernel.statuses["walk.ending"].names, OUT_OF_SCOPE]


def _ending(kernel: Kernel) -> pl.Expr:
    """How the walk ends; a referral for the scope is out of scope."""
    names = _endings(kernel)
    scope = _is(kernel, "walk.ending", "referral") & (pl.col(GRADE) == 1 + GRADES.index("scope"))
    ending = expr_of(kernel.values["walk.ending"]).cast(pl.UInt8)
    return pl.when(scope).then(pl.lit(names.index(OUT_OF_SCOPE), dtype=pl.UInt8)).otherwise(ending)


def _grade(kernel: Kernel, base: RuleBase) -> pl.Expr:
    """How pressing the worst of what ends the walk is: 0 for nothing."""
    found: pl.Expr = pl.lit(0, dtype=pl.UInt8)
    for code, grade in reversed(list(enumerate(GRADES, 1))):
        ends = [rule.rule for rule in base.rules if rule.verb == "end" and rule.target == grade]
        fires = [is_told(kernel.values[f"rule:{name}"], YES) for name in ends]
        live = [truth for truth in fires if isinstance(truth, pl.Expr)]
        always = any(truth is True for truth in fires)
        fired = pl.any_horizontal(live) if live and not always else pl.lit(always)
        found = pl.when(fired).then(pl.lit(code, dtype=pl.UInt8)).otherwise(found)
    return found


def _byte_of(truth: pl.Expr, value: int) -> pl.Expr:
    return pl.when(truth).then(pl.lit(value, dtype=pl.UInt8)).otherwise(pl.lit(0, dtype=pl.UInt8))


def _current(kernel: Kernel, base: RuleBase) -> pl.Expr:
    """The steps that have the status that the ending speaks of, in order."""
    steps = [step.step for step in base.walked]
    names = {"current": "current", "questions": "asks"}
    bits: pl.Expr = pl.lit(0, dtype=pl.UInt8)
    for ending, status in names.items():
        ends = _is(kernel, "walk.ending", ending)
        for i, step in enumerate(steps):
            both = ends & _is(kernel, f"{step}.status", status)
            bits = bits | _byte_of(both, 1 << i)
    sets = chain.from_iterable(combinations(range(len(steps)), n) for n in range(len(steps) + 1))
    texts = {sum(1 << i for i in each): ";".join(steps[i] for i in each) for each in sets}
    kind = pl.Enum([texts[code] for code in sorted(texts)])
    return bits.cat.to(kind).alias("current")


def _is(kernel: Kernel, name: str, status: str) -> pl.Expr:
    names = kernel.statuses[name].names
    if status not in names:
        return pl.lit(False)
    truth = is_told(kernel.values[name], names.index(status))
    return pl.lit(truth) if isinstance(truth, bool) else truth


def masks(name: str, truths: Sequence[bool | pl.Expr]) -> Iterator[pl.Expr]:
    """Truths as columns of 64 bits each: `name_0` holds the first 64, the first of them in its lowest bit."""
    for first in range(0, len(truths), BITS):
        words = [_byte(truths[i : i + BYTE], i - first) for i in range(first, min(first + BITS, len(truths)), BYTE)]
        known = reduce(lambda a, b: a | b, (constant for constant, _ in words))
        live = [expr for _, expr in words if expr is not None]
        mask = reduce(lambda a, b: a | b, [pl.lit(known, dtype=pl.UInt64), *live] if known or not live else live)
        yield mask.alias(f"{name}_{first // BITS}")


def _byte(truths: Sequence[bool | pl.Expr], shift: int) -> tuple[int, pl.Expr | None]:
    """Eight truths as the constant part of a mask, and the part that differs from row to row."""
    known = sum(1 << i for i, truth in enumerate(truths) if truth is True) << shift
    live = [_byte_of(truth, 1 << i) for i, truth in enumerate(truths) if isinstance(truth, pl.Expr)]
    if not live:
        return known, None
    return known, reduce(lambda a, b: a | b, live).cast(pl.UInt64) * pl.lit(1 << shift, dtype=pl.UInt64)


def named(frame: Frame, rules: Sequence[str]) -> Frame:
    """The verdicts of results by the names of their rules: 1 fires, 0 asks, -1 is silent.

    Shapes:  Int8, (cases, rules), after "id" and "row".
    """
    columns = [pl.col("id"), pl.col("row")]
    for i, rule in enumerate(rules):
        bit = pl.lit(1 << (i % BITS), dtype=pl.UInt64)
        fires, asks = ((pl.col(f"{name}_{i // BITS}").cast(pl.UInt64) & bit) != 0 for name in VERDICTS)
        columns.append(pl.when(fires).then(1).when(asks).then(0).otherwise(-1).cast(pl.Int8).alias(rule))
    return frame.select(columns)
