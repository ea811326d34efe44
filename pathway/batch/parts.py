"""Parts: some rows of a cohort at a time, evaluated or put into quarantine, none lost.

A part is worked out from its own rows alone, so that parts can be worked out side by side, again after a crash, or
on other machines, and come out the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from pathway.batch.coding import Coded, Coding
from pathway.batch.contradictions import Contradictions
from pathway.batch.guard import REFUSED
from pathway.batch.ids import as_texts
from pathway.batch.results import Outputs, compile_outputs
from pathway.batch.sources import ROW
from pathway.cache import Compiled
from pathway.table import Table

ID = "id"
TOLD = {"row": pl.Int64(), "column": pl.String(), "kind": pl.String(), "message": pl.String(), "help": pl.String()}
LINE = "line"
MOST_CELLS = 400_000_000
"""Values of nodes that are held at a time, a byte each: what bounds memory where a cohort has many columns."""
_NO_OPTIMISER = pl.QueryOptFlags.none()


@dataclass(frozen=True)
class Part:
    """What became of some rows: results of those that were evaluated, and the others with the reason."""

    results: pl.DataFrame
    quarantine: pl.DataFrame
    filled: Mapping[str, int]


@dataclass(frozen=True)
class Fault:
    """Why some rows are refused: where to look, the Problem's kind, what was met and what to do.

    `told` has these in the columns "at", "column", "kind", "message" and "help", for the place of each row.
    """

    rows: pl.Series
    told: pl.DataFrame

    @classmethod
    def of(cls, rows: pl.Series, *said: str) -> Fault:
        """One reason for some rows."""
        told = pl.DataFrame({"at": rows.arg_true()})
        return cls(rows, told.with_columns(pl.lit(text).alias(name) for name, text in zip(SAID, said, strict=True)))


SAID = ("column", "kind", "message", "help")


@dataclass(frozen=True)
class Evaluator:
    """Evaluates parts of one cohort.

    Args:    kinds: the input columns that are read, the id among them, with their types. complete: the lists that
             are whole in every row. repeated: ids that stand twice, each with the row where it stands first. questions:
             whether to ask what is open. dated: durations that were worked out from days, each with the days' column.
    """

    compiled: Compiled
    kinds: Mapping[str, pl.DataType]
    id_column: str
    complete: frozenset[str] = frozenset()
    repeated: Mapping[str, int] = field(default_factory=dict)
    questions: bool = True
    dated: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def table(self) -> Table:
        """The columns that the rules know."""
        return Table(self.compiled.base)

    @cached_property
    def coding(self) -> Coding:
        """How the cells become codes."""
        return Coding(self.table, {name: kind for name, kind in self.kinds.items() if name != self.id_column})

    @cached_property
    def outputs(self) -> Outputs:
        """The rules, compiled for these columns."""
        columns, compiled = self.coding.columns, self.compiled
        return compile_outputs(
            compiled.tree, compiled.base, columns, self.complete, self.questions, self.coding.booleans
        )

    @cached_property
    def _contradictions(self) -> Contradictions:
        return Contradictions(self.compiled.base, self.coding.columns, self.complete, self.coding.booleans)

    def ready(self) -> Evaluator:
        """Itself, with all compiled, so that several threads may share it."""
        _ = self.outputs, self._contradictions
        return self

    def part(self, frame: pl.DataFrame) -> Part:
        """What becomes of some rows.

        Args:    frame: the columns as they were read, with the row numbers in "~row".
        """
        ids = as_texts(frame[self.id_column])
        coded = self.coding.code(frame)
        faults = [*self._of_id(ids, frame[ROW]), *self._of_cells(frame, coded), *self._of_rows(coded.codes)]
        keep = _none_of([fault.rows for fault in faults], frame.height)
        codes = coded.codes.with_columns(ids.alias(ID), frame[ROW].alias("row"))
        good = codes if keep is None else codes.filter(keep)
        return Part(
            self._results(good),
            quarantined(frame, self.kinds, faults),
            {name: frame.height - frame[name].null_count() for name in self.coding.columns},
        )

    def _results(self, codes: pl.DataFrame) -> pl.DataFrame:
        """The results of some rows, so many at a time as their columns leave room for."""
        outputs = self.outputs
        rows = max(1, MOST_CELLS // outputs.width)
        told = [
            outputs.select(codes.slice(first, rows).lazy(), (ID, "row")).collect(optimizations=_NO_OPTIMISER)
            for first in range(0, max(1, codes.height), rows)
        ]
        return pl.concat(told) if len(told) > 1 else told[0]

    # ---- what is wrong with a row ----

    def _of_id(self, ids: pl.Series, rows: pl.Series) -> Iterator[Fault]:
        blank = ids.is_null()
        if _may_be_blank(ids):
            blank |= (ids.str.strip_chars() == "").fill_null(False)
        if blank.any():
            message, help = "the row has no id", f"give each row of {self.id_column} an id of its own"
            yield Fault.of(blank.fill_null(True), self.id_column, "missing-field", message, help)
        if self.repeated:
            first = ids.replace_strict(
                list(self.repeated), list(self.repeated.values()), default=None, return_dtype=pl.Int64
            )
            again = (first < rows).fill_null(False)
            if again.any():
                help = "each case has one row; give each an id of its own, or put its rows into one"
                yield Fault.of(again, self.id_column, "repeated-id", "an earlier row has the same id", help)

    def _of_cells(self, frame: pl.DataFrame, coded: Coded) -> Iterator[Fault]:
        for name, wrong in coded.bad.items():
            cells = frame[name].filter(wrong)
            each = cells.unique()
            said = pl.DataFrame(
                [self._said(name, cell) for cell in each], schema=dict.fromkeys(SAID, pl.String), orient="row"
            )
            told = pl.DataFrame({"at": wrong.arg_true(), "cell": cells})
            told = told.join(said.with_columns(cell=each), on="cell", how="left", validate="m:1", maintain_order="left")
            yield Fault(wrong, told.drop("cell"))

    def _said(self, name: str, cell: object) -> tuple[str, str, str, str]:
        """What is wrong with a cell that cannot be read."""
        if name in self.dated and str(cell) == str(REFUSED):
            return self.dated[name], "wrong-type", *_NO_DAYS
        said = self.coding.fault(name, cell)
        return name, said.kind, said.message, said.help

    def _of_rows(self, codes: pl.DataFrame) -> Iterator[Fault]:
        for each, rows in self._contradictions.look(codes):
            yield Fault.of(rows, each.column, each.kind, each.message, each.help)


_NO_DAYS = (
    "these days tell no duration: one cannot be read, lies after the day of --as-of, or contradicts another cell",
    "write days as 2026-01-31, the beginning before the end; or give the duration instead",
)


def _may_be_blank(ids: pl.Series) -> bool:
    """Whether any text begins with what is no plain letter, figure or sign."""
    return bool(((ids < "!") | (ids > "\x7f")).any())


def _none_of(truths: list[pl.Series], height: int) -> pl.Series | None:
    """The rows that none of some truths holds for; None where that is all of them."""
    if not truths:
        return None
    refused = pl.repeat(False, height, eager=True)
    for truth in truths:
        refused |= truth
    return ~refused


def quarantined(frame: pl.DataFrame, names: Iterable[str], faults: Iterable[Fault]) -> pl.DataFrame:
    """The refused rows whole, as texts: each with what is wrong with it first, and how many more things are."""
    schema = quarantine_schema(names)
    told = [fault.told for fault in faults]
    if not told:
        return pl.DataFrame(schema=schema)
    first = (pl.col(name).first() for name in SAID)
    each = (
        pl.concat(told).group_by("at", maintain_order=True).agg(*first, (pl.len() - 1).cast(pl.Int64).alias("others"))
    )
    cells = frame[each["at"]].select(
        pl.col(ROW).alias("row"), *(pl.col(name).cast(pl.String).alias(beside(name)) for name in names)
    )
    whole = pl.concat([each.drop("at"), cells], how="horizontal").sort("row")
    return whole.with_columns(pl.lit(None, dtype=pl.String).alias(LINE)).select(list(schema))


def quarantine_schema(names: Iterable[str]) -> dict[str, pl.DataType]:
    """The columns of the quarantine: what is wrong, then the row as it was handed in."""
    return {**TOLD, "others": pl.Int64(), LINE: pl.String(), **{beside(name): pl.String() for name in names}}


def beside(name: str) -> str:
    """How a column of the input is called in the quarantine, whose own columns come first."""
    return f"input.{name}" if name in (*TOLD, "others", LINE) else name
