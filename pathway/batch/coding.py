"""Coding: the cells of a cohort, however they are typed, to the codes that the engine of columns reads.

A column that cannot hold what its name says is refused as a whole; a cell that cannot be read is told by its row.
Texts are read once for each different text, and numbers are only looked at one by one where one is out of range.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

import polars as pl

from pathway.engine.columns import coded
from pathway.problem import near
from pathway.profile import MOST_SHOWN, never_asked
from pathway.table import OTHER, Cell, Column, Table
from pathway.units import show

TYPES = {"number": pl.Float64(), "choice": pl.Int8(), "yes-no": pl.Int8(), "sign": pl.Int8(), "medicine": pl.Int16()}
YES_NO = {"yes": 1, "true": 1, "no": -1, "false": -1}
MOST_OTHERS = 99


class BadCell(ValueError):
    """A cell that cannot be read: a Problem's kind, what was met, and what to write."""

    def __init__(self, kind: str, message: str, help: str) -> None:
        super().__init__(message)
        self.kind, self.message, self.help = kind, message, help


@dataclass(frozen=True)
class Coded:
    """The codes of some rows, and for each column with cells that cannot be read, in which rows they are."""

    codes: pl.DataFrame
    bad: Mapping[str, pl.Series]


class Coding:
    """How the columns of one cohort become codes.

    Args:    kinds: the input columns that the engine is to read, with their types.
    """

    def __init__(self, table: Table, kinds: Mapping[str, pl.DataType]) -> None:
        self.table, self.kinds = table, dict(kinds)
        self.columns = {name: column for name in kinds if (column := table.column(name))}
        self.known: dict[str, dict[str, float | None]] = {name: {} for name in self.columns}

    @cached_property
    def booleans(self) -> frozenset[str]:
        """The columns whose codes are Booleans, as their cells are."""
        return frozenset(
            name for name, column in self.columns.items() if self.kinds[name] == pl.Boolean and "no" in column.values
        )

    def unfit(self) -> dict[str, str]:
        """The columns whose type cannot hold what their name says, each with what would."""
        return {name: why for name, column in self.columns.items() if (why := _unfit(column, self.kinds[name]))}

    def code(self, frame: pl.DataFrame) -> Coded:
        """The codes of some rows.

        Args:    frame: the columns as they were read. Null, an empty text and NaN are blanks.
        """
        codes = frame.select(self._codes)
        odd = codes.select(self._odd).row(0, named=True) if self._odd else {}
        bad: dict[str, pl.Series] = {}
        for name in (name for name, is_odd in odd.items() if is_odd):
            column = self.columns[name]
            series, wrong = self._read(column, frame[name])
            series = series.set(wrong, None)  # so that what cannot be read contradicts nothing
            codes = codes.with_columns(series.alias(coded(name)))
            if wrong.any():
                bad[name] = wrong
        return Coded(codes, bad)

    @cached_property
    def _codes(self) -> list[pl.Expr]:
        """The codes of all columns, for cells that are written as they should be."""
        return [_code(column, self.kinds[name]).alias(coded(name)) for name, column in self.columns.items()]

    @cached_property
    def _odd(self) -> list[pl.Expr]:
        """For each column, whether it has cells that are not written as they should be."""
        found = []
        for name, column in self.columns.items():
            code, kind = pl.col(coded(name)), self.kinds[name]
            if column.kind == "number":
                odd = (code.min() < 0) | (code.max() > column.most) | code.is_nan().any()
                odd = odd | (code.floor() != code).any() if column.whole else odd
                found.append(odd.fill_null(False).alias(name))
            elif kind not in (pl.Boolean, pl.Null):
                found.append((code.min() == BAD).fill_null(False).alias(name))
        return found

    def _read(self, column: Column, cells: pl.Series) -> tuple[pl.Series, pl.Series]:
        """The codes of a column with odd cells, each different text read once, and which of them are bad."""
        if cells.dtype.is_numeric():
            numbers = cells.cast(pl.Float64).fill_nan(None)
            return numbers, _outside(column, numbers)
        texts = cells.cast(pl.String)
        known = self.known[column.name]
        for text in texts.unique():
            if text is not None and text not in known:
                try:
                    known[text] = _number(column, text) if column.kind == "number" else self._word(column, text)
                except BadCell:
                    known[text] = BAD
        told = pl.Series(list(known.values()), dtype=TYPES[column.kind], strict=False)
        codes = texts.replace_strict(pl.Series(list(known), dtype=pl.String), told, default=None)
        return codes, codes.eq_missing(BAD)

    def _word(self, column: Column, text: str) -> int | None:
        return word_code(column, text, self._names)

    @cached_property
    def _names(self) -> Mapping[str, int]:
        return {name: code for code, name in enumerate(self.table.medicine_names)}

    def cells(self, frame: pl.DataFrame) -> dict[str, Cell]:
        """The cells of one row that say something, as the table has them: the way back from the codes."""
        codes = self.code(frame).codes.row(0, named=True)
        return {
            name: self._cell(column, code)
            for name, column in self.columns.items()
            if (code := codes[coded(name)]) is not None
        }

    def _cell(self, column: Column, code: float) -> Cell:
        if column.kind == "number":
            return code
        if column.kind == "choice":
            return column.values[int(code)]
        if column.kind == "medicine":
            known = code >= 0
            return self.table.medicine_names[int(code)] if known else OTHER + (f"-{-int(code)}" if code < -1 else "")
        if column.name in self.booleans:
            return "yes" if code else "no"
        return {1: "yes", 0: "unknown", -1: "no"}[int(code)]

    def fault(self, name: str, cell: object) -> BadCell:
        """What is wrong with a cell that could not be read."""
        column = self.columns[name]
        try:
            if column.kind == "number":
                _number(column, cell)
            else:
                word_code(column, str(cell), self._names)
        except BadCell as fault:
            return fault
        raise ValueError(name)


_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?inf(?:inity)?", re.IGNORECASE)
BAD = -100
"""The code of a word that cannot be read, until its row is taken out."""


BLANKS = frozenset({"na", "n/a", "#n/a", "nan", "null", ".", "\\n"})
"""What R, spreadsheets, pandas, SAS and databases write where nothing is known."""


def is_blank(text: str) -> bool:
    """Whether a cell says that nobody knows."""
    return not text.strip() or never_asked(text) or text.strip().lower() in BLANKS


def word_code(column: Column, text: str, names: Mapping[str, int]) -> int | None:
    """The code of a cell that holds a word; None for a blank.

    Errors:  BadCell.
    """
    word = text.strip()
    plain = word.lower()
    if not word or plain in BLANKS:
        return None
    if never_asked(word):
        return 0 if column.kind in ("yes-no", "sign") and not column.part and "unknown" in column.values else None
    if column.kind == "choice":
        if plain in column.values:
            return column.values.index(plain)
    elif column.kind == "medicine":
        if plain in names:
            return names[plain]
        head, _, number = plain.partition("-")
        if head == OTHER and (not number or (number.isdigit() and 1 < int(number) <= MOST_OTHERS)):
            return -int(number or 1)
    else:
        code = -1 if column.kind == "sign" and plain == "excluded" else YES_NO.get(plain)
        if code is not None and (code == 1 or "no" in column.values):
            return code
    raise BadCell("unknown-value", f"{show(word)} is not a value known here", _help(column, plain, names))


def _help(column: Column, plain: str, names: Mapping[str, int]) -> str:
    if column.kind == "medicine":
        guess = near(plain, names)
        listed = f"the name of a medicine that the rules know, or {OTHER} for any other"
    else:
        values = [value for value in column.values if value != "unknown"]
        guess = near(plain, values)
        listed = "one of: " + ", ".join(values[:MOST_SHOWN])
    return (f'did you mean "{guess}"?  ' if guess else "") + f"{listed}; blank where nobody knows"


def _number(column: Column, cell: object) -> float | None:
    """The number in a cell.

    Errors:  BadCell.
    """
    unit = f" of {column.unit}" if column.unit else ""
    help = f"write a number{unit} from 0 to {column.most:g}{', a whole one' if column.whole else ''}; blank for unknown"
    if isinstance(cell, str):
        if is_blank(cell):
            return None
        if not _NUMBER.fullmatch(cell.strip()):
            raise BadCell("wrong-type", f"{show(cell)} is not a number", help)
        cell = float(cell)
    if isinstance(cell, Decimal):
        cell = float(cell)
    if not isinstance(cell, int | float) or math.isnan(cell):
        return None
    if not 0 <= cell <= column.most:
        raise BadCell("out-of-range", f"{cell:g} is outside the range from 0 to {column.most:g}", help)
    if column.whole and cell != int(cell):
        raise BadCell("wrong-type", f"{cell:g} is not a whole number", help)
    return float(cell)


def _code(column: Column, kind: pl.DataType) -> pl.Expr:
    """The codes of a column whose cells are written as they should be; BAD for all other cells."""
    cells, typed = pl.col(column.name), TYPES[column.kind]
    if kind == pl.Null:
        return cells.cast(typed)
    if kind == pl.Boolean and "no" in column.values:
        return cells
    if kind == pl.Boolean:
        no = -1 if "no" in column.values else None
        return pl.when(cells).then(pl.lit(1, typed)).when(cells.not_()).then(pl.lit(no, typed))
    if column.kind == "number" and kind.is_numeric():
        return cells if kind == typed else cells.cast(typed)
    cells = cells if kind == pl.String else cells.cast(pl.String)
    if column.kind == "number":
        return pl.when(cells.is_not_null()).then(cells.cast(typed, strict=False).fill_null(BAD))
    codes = pl.lit(BAD, typed)
    for value in column.values:
        codes = pl.when(cells == value).then(pl.lit(_usual_code(column, value), typed)).otherwise(codes)
    return pl.when(cells.is_not_null()).then(codes)


def _usual_code(column: Column, value: str) -> int:
    if column.kind == "choice":
        return column.values.index(value)
    return {"yes": 1, "no": -1, "excluded": -1, "unknown": BAD if column.part else 0}[value]


def _outside(column: Column, numbers: pl.Series) -> pl.Series:
    """Which numbers cannot be: out of range, or not whole."""
    wrong = (numbers < 0) | (numbers > column.most)
    return ((wrong | (numbers % 1 != 0)) if column.whole else wrong).fill_null(False)


def _unfit(column: Column, kind: pl.DataType) -> str:
    """Why a column of this type cannot hold what its name says; empty where it can."""
    if kind in (pl.String, pl.Categorical, pl.Enum, pl.Null):
        return ""
    if kind.is_numeric() if column.kind == "number" else kind == pl.Boolean and column.kind in ("yes-no", "sign"):
        return ""
    if column.kind == "number":
        return f"numbers of {column.unit}" if column.unit else "numbers"
    return "texts: " + (", ".join(column.values[:MOST_SHOWN]) or "names of medicines")
