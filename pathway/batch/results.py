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

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import chain, combinations
from operator import add, or_
from pathlib import Path
from typing import TypeVar

import polars as pl

from pathway.engine.columns import Compiler, Kernel
from pathway.engine.questions import Questions, waited_for
from pathway.engine.values import Bit, Flag, expr_of, flag_of, some
from pathway.profile import UNKNOWN, YES
from pathway.rules import RuleBase
from pathway.tree import RuleTree
from pathway.walks import GRADES

Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)
BITS = 64
BYTE = 8
WIDER = {pl.UInt16(): 8, pl.UInt32(): 16, pl.UInt64(): 32}
Part = int | pl.Expr
"""Some bits of a mask: the same in every row, or a column."""
OUT_OF_SCOPE = "out-of-scope"
QUESTIONS = "questions"
STATUS = ".status"
GRADE, ENDING = "~grade", "~ending"
GRADES_KIND = pl.Enum(["", *GRADES])
_MASK = re.compile(r"(?:fires|asks|questions)_[0-9]+")
VERDICTS = {"fires": YES, "asks": UNKNOWN}


@dataclass(frozen=True)
class Outputs:
    """What a batch works out for a cohort, compiled: the kernel, and the facts that may be open.

    `asked` are the columns that a question may be about, in the order of their bits; `verdicts` where each rule fires,
    and where it asks.
    """

    base: RuleBase
    kernel: Kernel
    asked: Mapping[str, Flag]
    verdicts: Mapping[str, Sequence[Flag]]

    @property
    def width(self) -> int:
        """How many columns are worked out for a row."""
        return sum(map(len, self.kernel.stages)) + len(self.kernel.needs) + len(self.asked)

    def select(self, frame: pl.LazyFrame, carried: Iterable[str]) -> pl.LazyFrame:
        """The results of a frame of codes.

        Args:    carried: the columns that name the case, which are kept as they are.
        """
        for stage in self._stages:
            frame = frame.with_columns(stage)
        return frame.select([*(pl.col(name) for name in carried), *self._told])

    @cached_property
    def _stages(self) -> list[list[pl.Expr]]:
        """What is worked out of the columns of the kernel, each of what stands before it."""
        asked = list(masks(QUESTIONS, list(self.asked.values())))
        first = [*asked, _grade(self.kernel, self.base).alias(GRADE)]
        return [*map(list, self.kernel.stages), first, [_ending(self.kernel).alias(ENDING)]]

    @cached_property
    def _told(self) -> list[pl.Expr]:
        return list(self._columns(-(-len(self.asked) // BITS)))

    def _columns(self, masks_of_questions: int) -> Iterator[pl.Expr]:
        kernel, base = self.kernel, self.base
        yield pl.col(ENDING).cat.to(pl.Enum(_endings(kernel))).alias("ending")
        yield pl.col(GRADE).alias("grade")
        yield _current(kernel, base)
        for name in (*(step.step for step in base.walked), *(option.option for option in base.options)):
            yield kernel.status(f"{name}.status").alias(f"{name}.status")
        for verdict, flags in self.verdicts.items():
            yield from masks(verdict, flags)
        names = [f"{QUESTIONS}_{i}" for i in range(masks_of_questions)]
        yield from map(pl.col, names)
        if names:
            open_facts = reduce(add, [pl.col(name).bitwise_count_ones() for name in names])
            yield open_facts.cast(pl.UInt16).alias(QUESTIONS)
        yield pl.lit(base.edition).alias("edition")
        yield pl.lit(base.digest).alias("digest")


def compile_outputs(
    tree: RuleTree,
    base: RuleBase,
    present: Collection[str],
    complete: Collection[str] = (),
    questions: bool = True,
    booleans: Collection[str] = (),
) -> Outputs:
    """All that a batch works out for a cohort that has some of the table's columns.

    Args:    complete: the lists that are whole in every row. questions: whether to ask what is open, which costs as
             much again as the verdicts.
    """
    statuses = [f"{step.step}.status" for step in base.walked] + [f"{option.option}.status" for option in base.options]
    wanted = [*statuses, "walk.ending", *(f"rule:{rule.rule}" for rule in base.rules)]
    compiler = Compiler(tree, base, present, complete, booleans)
    compiler.compile([*wanted, *(waited_for(base) if questions else ())], sparing=not questions)
    asked = Questions(compiler, base).ask() if questions else {}
    rules = [compiler.values[f"rule:{rule.rule}"] for rule in base.rules]
    verdicts = {
        verdict: [compiler.plan.flag(flag_of(value, answer)) for value in rules] for verdict, answer in VERDICTS.items()
    }
    compiler.wanted = wanted
    flags = (*asked.values(), *(flag for each in verdicts.values() for flag in each))
    return Outputs(base, compiler.kernel(flags), asked, verdicts)


def _endings(kernel: Kernel) -> list[str]:
    return [*kernel.statuses["walk.ending"].names, OUT_OF_SCOPE]


def _ending(kernel: Kernel) -> pl.Expr:
    """How the walk ends; a referral for the scope is out of scope."""
    names = _endings(kernel)
    scope = _is(kernel, "walk.ending", "referral") & (pl.col(GRADE) == pl.lit("scope", dtype=GRADES_KIND))
    ending = kernel.status("walk.ending").to_physical()
    return pl.when(scope).then(pl.lit(names.index(OUT_OF_SCOPE), dtype=pl.UInt8)).otherwise(ending)


def _grade(kernel: Kernel, base: RuleBase) -> pl.Expr:
    """How pressing the worst of what ends the walk is: empty for nothing."""
    found: pl.Expr = pl.lit("", dtype=GRADES_KIND)
    for grade in reversed(GRADES):
        ends = [rule.rule for rule in base.rules if rule.verb == "end" and rule.target == grade]
        fired = some(flag_of(kernel.values[f"rule:{name}"], YES) for name in ends)
        found = pl.when(expr_of(fired)).then(pl.lit(grade, dtype=GRADES_KIND)).otherwise(found)
    return found


def _byte_of(truth: pl.Expr, value: int, otherwise: int = 0) -> pl.Expr:
    return pl.when(truth).then(pl.lit(value, dtype=pl.UInt8)).otherwise(pl.lit(otherwise, dtype=pl.UInt8))


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
    return expr_of(kernel.statuses[name].has(status))


def masks(name: str, flags: Sequence[Flag]) -> Iterator[pl.Expr]:
    """Flags as columns of 64 bits each: `name_0` holds the first 64, the first of them in its lowest bit."""
    for first in range(0, len(flags), BITS):
        mask = _mask(flags[first : first + BITS])
        column = pl.lit(mask, dtype=pl.UInt64) if isinstance(mask, int) else mask
        yield column.alias(f"{name}_{first // BITS}")


def _mask(flags: Sequence[Flag]) -> Part:
    """Up to 64 flags: bytes first, and then twice as wide each time, as narrow columns cost the least."""
    parts = [_byte(flags[i : i + BYTE]) for i in range(0, BITS, BYTE)]
    for kind, shift in WIDER.items():
        parts = [_wider(parts[i], parts[i + 1], kind, shift) for i in range(0, len(parts), 2)]
    return parts[0]


def _byte(flags: Sequence[Flag]) -> Part:
    """Eight flags; the same flag is looked at once."""
    known = sum(1 << i for i, flag in enumerate(flags) if flag is True)
    live: dict[Bit, int] = {}
    for i, flag in enumerate(flags):
        if isinstance(flag, Bit):
            live[flag] = live.get(flag, 0) | 1 << i
    bytes = [_byte_of(flag.expr, bits | known, known) for flag, bits in live.items()]
    return reduce(or_, bytes) if bytes else known


def _wider(low: Part, high: Part, kind: pl.DataType, shift: int) -> Part:
    """Two parts of a mask as one of another type: the second in its upper half."""
    if isinstance(high, int):
        high <<= shift
    else:
        high = high.cast(kind) * pl.lit(1 << shift, dtype=kind)
    if not isinstance(low, int):
        low = low.cast(kind)
    if isinstance(low, int) and isinstance(high, int):
        return low | high
    live = [pl.lit(part, dtype=kind) if isinstance(part, int) else part for part in (low, high) if not _is_nought(part)]
    return reduce(or_, live)


def _is_nought(part: Part) -> bool:
    return isinstance(part, int) and not part


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


def scan_output(path: Path) -> pl.LazyFrame:
    """Results or quarantine in Parquet: a file, or what a cluster wrote, a folder of parts whose rows have no order.

    Errors:  PolarsError or OSError where there is none.
    """
    if not path.is_dir():
        return pl.scan_parquet(path, glob=False)
    frame = pl.scan_parquet(sorted(path.glob("*.parquet")), glob=False)
    masks = [name for name, kind in frame.collect_schema().items() if _MASK.fullmatch(name) and kind == pl.Int64]
    return frame.with_columns(pl.col(masks).reinterpret(signed=False))
