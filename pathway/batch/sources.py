"""Sources: a cohort as it was handed in, read whole or refused, so that every row of it has a number.

Parquet is read where it lies. All else (CSV, NDJSON, case files) is first laid down as Parquet beside the results,
as texts, with the number of each row; rows that could not even be split into cells are kept apart, with the reason.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from pathway.case import read_case
from pathway.problem import Place, Problem, Problems, quoted
from pathway.rules import RuleBase
from pathway.table import Cell, Table

ROW = "~row"
MOST_COLUMNS = 10_000
LONGEST_HEADER = 4_000_000
BLOCK = 16 << 20
LAID_DOWN = 65_536
CASE_ENDINGS = (".yaml", ".yml", ".json")
LINES = (".ndjson", ".jsonl")
TEXTS = (".csv", ".tsv")
DELIMITERS = ",;\t|"
REFUSED = {"row": pl.Int64, "column": pl.String, "kind": pl.String, "help": pl.String, "line": pl.String}
"""What is kept of a row that could not be split into cells."""

Refused = tuple[int, str, str, str, str]


@dataclass(frozen=True)
class Source:
    """A cohort ready to be read: Parquet files, the rows of each, and the columns with their types.

    `numbered` files have their row numbers in a column; in others the rows stand in their order. `refused` is a
    Parquet file of rows that could not be split. `handed_in` are the files as they came, by their names.
    """

    files: tuple[Path, ...]
    rows: tuple[int, ...]
    kinds: Mapping[str, pl.DataType]
    handed_in: tuple[Path, ...]
    numbered: bool = False
    refused: Path | None = None
    unsplit: int = 0

    @cached_property
    def scans(self) -> Mapping[Path, pl.LazyFrame]:
        """The files as they are read: Polars keeps what their ends say, which is much where the parts are many."""
        return {path: pl.scan_parquet(path, glob=False) for path in self.files}

    @property
    def name(self) -> str:
        """What the cohort is called in a Problem."""
        return self.handed_in[0].name

    @property
    def total(self) -> int:
        """How many rows were handed in."""
        return sum(self.rows) + self.unsplit

    def read(self, first: int, count: int, columns: Sequence[str]) -> pl.DataFrame:
        """Some rows of the files, in order, with their numbers in the column "~row".

        Errors:  Problems (unreadable), which name the file.
        """
        frames, start = [], 0
        for path, rows in zip(self.files, self.rows, strict=True):
            low, high = max(first, start), min(first + count, start + rows)
            if low < high:
                frames.append(self._slice(path, low - start, high - low, low, columns))
            start += rows
        return pl.concat(frames, rechunk=False) if len(frames) > 1 else frames[0]

    def row(self, number: int, columns: Sequence[str]) -> pl.DataFrame:
        """One row, by its number.

        Errors:  Problems (unreadable).
        """
        if not self.numbered:
            return self.read(number - 1, 1, columns)
        return self.scans[self.files[0]].filter(pl.col(ROW) == number).select(columns).collect()

    def _slice(self, path: Path, offset: int, count: int, number: int, columns: Sequence[str]) -> pl.DataFrame:
        wanted = [*columns, *([ROW] if self.numbered else [])]
        try:
            frame = self.scans[path].select(wanted).slice(offset, count).collect(engine="streaming")
        except (pl.exceptions.PolarsError, OSError) as error:
            raise _unreadable(path, error) from None
        if frame.height != count:
            raise _unreadable(path, "it holds fewer rows than it says")
        if self.numbered:
            return frame
        return frame.with_columns(pl.int_range(number + 1, number + count + 1, dtype=pl.Int64).alias(ROW))


def _unreadable(
    path: Path, why: object, help: str = "get a whole copy of the file, then go on with --resume"
) -> Problems:
    told = str(why).splitlines()[0][:200] if str(why) else "it is damaged"
    return Problems([Problem("unreadable", Place(path.name, None, None), f"this file cannot be read: {told}", help)])


def open_source(inputs: Sequence[Path], work: Path, base: RuleBase, id_column: str) -> Source:
    """The cohort of some files or folders.

    Args:    work: where what is no Parquet is laid down. id_column: what names a case in NDJSON of case files.
    Errors:  Problems: what cannot be read at all, by its file.
    """
    files = [path for given in inputs for path in _files(given)]
    endings = {_ending(path) for path in files}
    if endings == {".parquet"}:
        return _parquet(files)
    if len(endings) > 1 and not endings <= set(CASE_ENDINGS):
        kinds = ", ".join(sorted(ending or "none" for ending in endings))
        message = f"a cohort is of one kind of file, and these are of several: {kinds}"
        raise _refused(inputs[0], "wrong-type", message, "hand in each kind on its own")
    ending = endings.pop()
    laid = _Laid(work, files)
    if ending in TEXTS:
        _lay_csv(files, laid)
    elif ending in LINES:
        _lay_lines(files, laid, base, id_column)
    elif ending in CASE_ENDINGS:
        _lay_cases(files, laid, base, id_column)
    else:
        help = "hand in .parquet, .csv, .tsv, .ndjson or .jsonl (each also .gz), case files, or a folder of one kind"
        raise _refused(files[0], "wrong-type", "nobody can tell what kind of file this is", help)
    return laid.done()


def _files(given: Path) -> list[Path]:
    if not given.exists():
        raise _refused(given, "not-found", "there is no file or folder of that name", "check the spelling")
    if not given.is_dir():
        return [given]
    known = (".parquet", *TEXTS, *LINES, *CASE_ENDINGS)
    found = sorted(path for path in given.iterdir() if path.is_file() and _ending(path) in known)
    if not found:
        raise _refused(given, "empty-file", "no file of a cohort is in this folder", "it takes " + ", ".join(known))
    return found


def _ending(path: Path) -> str:
    return path.with_suffix("").suffix.lower() if path.suffix.lower() == ".gz" else path.suffix.lower()


def cannot_write(out: Path, error: OSError) -> Problems:
    """That there is no room for the work, or no right to write."""
    help = "make room, or choose another place with -o; then go on with --resume"
    message = f"cannot write here: {error.strerror or error}"
    return Problems([Problem("unreadable", Place(out.name or str(out), None, None), message, help)])


def _refused(path: Path, kind: str, message: str, help: str, line: int | None = None) -> Problems:
    return Problems([Problem(kind, Place(path.name, line, None), message, help)])


# ---- Parquet ----


def _parquet(files: Sequence[Path]) -> Source:
    kinds: dict[str, pl.DataType] = {}
    rows = []
    for path in files:
        try:
            found = dict(pl.scan_parquet(path, glob=False).collect_schema())
            rows.append(pq.read_metadata(path).num_rows)
        except (pl.exceptions.PolarsError, pa.ArrowException, OSError) as error:
            raise _unreadable(path, error, "get a whole copy of the file") from None
        check_header(path, list(found))
        if kinds and found != kinds:
            odd = sorted(name for name in {*found, *kinds} if found.get(name) != kinds.get(name))
            message = f"its columns are not those of {files[0].name}: {', '.join(map(quoted, odd[:5]))}"
            raise _refused(
                path, "wrong-type", message, "all files of a cohort have the same columns, of the same types"
            )
        kinds = kinds or found
    return Source(tuple(files), tuple(rows), kinds, tuple(files))


def check_header(path: Path, names: Sequence[str]) -> None:
    """Refuse columns that are too many, or of which two are called the same.

    Errors:  Problems (too-large, duplicate-key).
    """
    if len(names) > MOST_COLUMNS:
        message = f"this has {len(names):,} columns, but {MOST_COLUMNS:,} is the most that is read"
        raise _refused(
            path, "too-large", message, "hand in a row for each person, and columns for what is known of them"
        )
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise _refused(path, "duplicate-key", f"two columns are called {quoted(name)}", "give each its own name")
        seen.add(name)


# ---- what is laid down as Parquet ----


class _Laid:
    """Rows laid down as texts, in order, with their numbers; and those that could not be split."""

    def __init__(self, work: Path, files: Sequence[Path]) -> None:
        self.path, self.refused_path = work / "input.parquet", work / "unsplit.parquet"
        self.files = tuple(files)
        self.refused: list[Refused] = []
        self.rows = 0
        self.number = 0
        self.names: list[str] = []
        self._writer: pq.ParquetWriter | None = None

    def put(self, frame: pl.DataFrame) -> None:
        """Some rows, with their numbers."""
        if self._writer is None:
            self.names = [name for name in frame.columns if name != ROW]
        table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        try:
            self._writer = self._writer or pq.ParquetWriter(self.path, table.schema)
            self._writer.write_table(table)
        except OSError as error:
            raise cannot_write(self.path.parent.parent, error) from None
        self.rows += frame.height

    def done(self) -> Source:
        if self._writer is None:
            raise _refused(self.files[0], "empty-file", "this holds no row", "hand in a row for each person")
        self._writer.close()
        refused = None
        if self.refused:
            refused = self.refused_path
            pl.DataFrame(self.refused, schema=REFUSED, orient="row").write_parquet(refused)
        kinds: dict[str, pl.DataType] = {name: pl.String() for name in self.names}
        return Source((self.path,), (self.rows,), kinds, self.files, True, refused, len(self.refused))


# ---- CSV ----


def _open(path: Path) -> BinaryIO:
    return gzip.open(path, "rb") if path.suffix.lower() == ".gz" else open(path, "rb")  # type: ignore[return-value]


def _lay_csv(files: Sequence[Path], laid: _Laid) -> None:
    names: list[str] = []
    for path in files:
        header, delimiter = _header(path)
        if names and header != names:
            message = f"its columns are not those of {files[0].name}"
            raise _refused(path, "wrong-type", message, "all files of a cohort have the same columns in the same order")
        names = header
        try:
            _lay_one_csv(path, names, delimiter, laid)
        except (pa.ArrowException, OSError, EOFError, gzip.BadGzipFile) as error:
            raise _unreadable(path, error, "get a whole copy of the file; each row of a CSV has its cells") from None


def _header(path: Path) -> tuple[list[str], str]:
    try:
        with _open(path) as stream:
            line = stream.readline(LONGEST_HEADER)
    except (OSError, EOFError) as error:
        raise _unreadable(path, error, "get a whole copy of the file") from None
    if not line.strip():
        raise _refused(path, "empty-file", "this holds no header", "the first line names the columns")
    if b"\0" in line:
        raise _refused(path, "not-utf-8", "this is not text in UTF-8", "save it again as CSV in UTF-8", 1)
    if len(line) >= LONGEST_HEADER:
        raise _refused(path, "too-large", "the first line is too long for a header", "it names the columns", 1)
    try:
        text = line.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        raise _refused(path, "not-utf-8", "the header is not text in UTF-8", "save it again as UTF-8", 1) from None
    delimiter = max(DELIMITERS, key=text.count)
    try:
        names = [name.strip() for name in next(csv.reader([text], delimiter=delimiter, strict=True))]
    except (csv.Error, StopIteration):
        raise _refused(path, "wrong-type", "the header has a quote that does not end", "close the quote", 1) from None
    check_header(path, names)
    if "" in names:
        message = f"column {names.index('') + 1} has no name"
        raise _refused(path, "missing-field", message, "name every column in the first line", 1)
    return names, delimiter


def _lay_one_csv(path: Path, names: list[str], delimiter: str, laid: _Laid) -> None:
    odd: list[tuple[int, int, str]] = []

    def invalid(row: Any) -> str:
        odd.append((row.number - 1, row.actual_columns, row.text))
        return "skip"

    begin = laid.number
    seen = 0  # the number of the last row that was given out
    with _open(path) as stream:
        reader = pa_csv.open_csv(
            stream,
            read_options=pa_csv.ReadOptions(use_threads=False, block_size=BLOCK, column_names=names, skip_rows=1),
            parse_options=pa_csv.ParseOptions(
                delimiter=delimiter, invalid_row_handler=invalid, newlines_in_values=True, ignore_empty_lines=False
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.binary()), strings_can_be_null=True, null_values=[""],
                check_utf8=False,
            ),
        )  # fmt: skip
        for batch in reader:
            # The reader is ahead of what it gives out: some of the odd rows stand after this batch.
            numbers = _numbers(batch.num_rows, seen, {number for number, _, _ in odd if number > seen})
            seen = max([seen, *numbers[-1:]])
            frame, bad = _texts(pl.from_arrow(batch), numbers)  # type: ignore[arg-type]
            laid.put(frame.with_columns(pl.col(ROW) + begin))
            laid.refused += [(begin + number, *told) for number, *told in bad]  # type: ignore[misc]
    seen = max([seen, *(number for number, _, _ in odd)])
    for number, count, text in odd:
        help = f"this row has {count} cells, and the header {len(names)}; quote cells that hold a {delimiter!r}"
        laid.refused.append((begin + number, "", "ragged-row", help, text))
    laid.number += seen


def _numbers(count: int, before: int, odd: set[int]) -> list[int]:
    """The numbers of the rows of a batch: one after the other, but for those that could not be split."""
    numbers: list[int] = []
    number = before
    while len(numbers) < count:
        number += 1
        if number not in odd:
            numbers.append(number)
    return numbers


def _texts(frame: pl.DataFrame, numbers: Sequence[int]) -> tuple[pl.DataFrame, list[Refused]]:
    """A batch of bytes as texts, and the rows with bytes that are no UTF-8."""
    bad: dict[int, str] = {}
    columns: list[pl.Series] = []
    for cells in frame:
        try:
            columns.append(cells.cast(pl.String))
        except pl.exceptions.PolarsError:
            texts = []
            for i, cell in enumerate(cells):
                try:
                    texts.append(None if cell is None else cell.decode())
                except UnicodeDecodeError:
                    bad.setdefault(i, cells.name)
                    texts.append(cell.decode("utf-8", "backslashreplace"))
            columns.append(pl.Series(cells.name, texts, dtype=pl.String))
    told = pl.DataFrame(columns).with_columns(pl.Series(ROW, numbers, dtype=pl.Int64))
    help = "this cell is not text in UTF-8; save the file again as UTF-8"
    refused = [
        (numbers[i], name, "not-utf-8", help, json.dumps(told.row(i, named=True), ensure_ascii=False, default=str))
        for i, name in sorted(bad.items())
    ]
    return told.with_row_index("~").filter(~pl.col("~").is_in(list(bad))).drop("~") if bad else told, refused


# ---- NDJSON and case files ----


def _lay_lines(files: Sequence[Path], laid: _Laid, base: RuleBase, id_column: str) -> None:
    table = Table(base)
    rows = (_row_of_line(line, base, table, id_column) for path in files for line in _lines(path))
    _lay_rows(rows, laid)


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with _open(path) as stream:
            yield from io.BufferedReader(stream, BLOCK) if isinstance(stream, io.RawIOBase) else stream
    except (OSError, EOFError) as error:
        raise _unreadable(path, error, "get a whole copy of the file") from None


def _row_of_line(line: bytes, base: RuleBase, table: Table, id_column: str) -> dict[str, str | None] | Refused:
    text = line.decode("utf-8", "backslashreplace").rstrip("\r\n")
    try:
        line.decode()
        data = json.loads(line, object_pairs_hook=_unique)
    except UnicodeDecodeError:
        return 0, "", "not-utf-8", "this line is not text in UTF-8", text
    except RecursionError:
        return 0, "", "too-deep", "lists and mappings are nested deeper here than any case needs", text
    except ValueError as error:
        return 0, "", "bad-json", f"this line is no JSON ({str(error)[:100]}); each line is one object", text
    if not isinstance(data, dict):
        return 0, "", "wrong-type", "each line is one object: a row, or a case", text
    if not any(isinstance(value, dict | list) for value in data.values()):
        return {name: _text(value) for name, value in data.items()}
    return _row_of_case(data.pop(id_column, None), text, json.dumps(data).encode(), base, table, id_column)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    told = dict(pairs)
    if len(told) != len(pairs):
        raise ValueError("a key stands twice")
    return told


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if value is None or isinstance(value, str) else f"{value!r}"


def _row_of_case(
    name: Any, text: str, data: bytes, base: RuleBase, table: Table, id_column: str
) -> dict[str, str | None] | Refused:
    """The row of a case; a case that cannot be read is refused with its first Problem."""
    try:
        case = read_case(io.BytesIO(data), base, name="case.json")
    except Problems as problems:
        first = problems.items[0]
        return 0, "", first.kind, first.help, text
    row: dict[str, Cell] = table.row_of(case.subject)
    return {id_column: _text(name), **{key: _text(cell) for key, cell in row.items()}}


def _lay_cases(files: Sequence[Path], laid: _Laid, base: RuleBase, id_column: str) -> None:
    table = Table(base)

    def rows() -> Iterator[dict[str, str | None] | Refused]:
        for path in files:
            try:
                case = read_case(path, base)
            except Problems as problems:
                first = problems.items[0]
                yield 0, "", first.kind, first.help, path.name
                continue
            yield {id_column: path.stem, **{key: _text(cell) for key, cell in table.row_of(case.subject).items()}}

    _lay_rows(rows(), laid)


def _lay_rows(rows: Iterable[dict[str, str | None] | Refused], laid: _Laid) -> None:
    """Rows whose columns are known only when all are read: kept in blocks, then put one under the other."""
    blocks: list[Path] = []
    held: list[dict[str, str | None]] = []
    names: dict[str, None] = {}

    def put_down() -> None:
        if held:
            blocks.append(laid.path.with_name(f"lines-{len(blocks)}.parquet"))
            columns = list(dict.fromkeys(name for row in held for name in row))
            schema = {name: pl.Int64 if name == ROW else pl.String for name in columns}
            pl.DataFrame(held, schema=schema).write_parquet(blocks[-1])
            held.clear()

    for row in rows:
        laid.number += 1
        if isinstance(row, tuple):
            laid.refused.append((laid.number, *row[1:]))
            continue
        names.update(dict.fromkeys(row))
        if len(names) > MOST_COLUMNS:
            check_header(laid.files[0], list(names))
        held.append({ROW: laid.number, **row})  # type: ignore[dict-item]
        if len(held) >= LAID_DOWN:
            put_down()
    put_down()
    for block in blocks:
        frame = pl.read_parquet(block)
        missing = [pl.lit(None, dtype=pl.String).alias(name) for name in names if name not in frame.columns]
        laid.put(frame.with_columns(missing).select([*names, ROW]))
        os.unlink(block)
