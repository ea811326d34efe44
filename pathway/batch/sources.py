"""Sources: a cohort as it was handed in, read whole or refused, so that every row of it has a number.

Parquet is read where it lies. All else (CSV, NDJSON, case files) is first laid down as Parquet beside the results,
as texts, with the number of each row; rows that could not even be split into cells are kept apart, with the reason.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import os
import re
import zlib
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

KEPT = "~"
ROW = f"{KEPT}row"
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
        if not frames:
            return self._slice(self.files[0], 0, 0, 0, columns)
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
    laid = _Laid(work, files, [id_column])
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


def _no_row(path: Path) -> Problems:
    return _refused(path, "empty-file", "this holds no row", "hand in a row for each person")


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
    if not sum(rows):
        raise _no_row(files[0])
    return Source(tuple(files), tuple(rows), kinds, tuple(files))


def check_header(path: Path, names: Sequence[str]) -> None:
    """Refuse columns that are too many, called the same, or called as only we may call one.

    Errors:  Problems (too-large, duplicate-key).
    """
    if len(names) > MOST_COLUMNS:
        message = f"this has {len(names):,} columns, but {MOST_COLUMNS:,} is the most that is read"
        raise _refused(
            path, "too-large", message, "hand in a row for each person, and columns for what is known of them"
        )
    seen: dict[str, int] = {}
    for number, name in enumerate(names, start=1):
        if name in seen:  # a first line that is no header may hold anything: it is not told
            message = f"columns {seen[name]} and {number} are called the same"
            raise _refused(path, "duplicate-key", message, "the first line names the columns, each in its own way")
        if name.startswith(KEPT):
            message = f"column {number} begins with {KEPT}, as columns of our own do"
            raise _refused(path, "unknown-value", message, "give it another name")
        seen[name] = number


# ---- what is laid down as Parquet ----


class _Laid:
    """Rows laid down as texts, in order, with their numbers; and those that could not be split."""

    def __init__(self, work: Path, files: Sequence[Path], names: Sequence[str]) -> None:
        self.path, self.refused_path = work / "input.parquet", work / "unsplit.parquet"
        self.files = tuple(files)
        self.refused: list[Refused] = []
        self.rows = 0
        self.number = 0
        self.names = list(names)
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
        if self._writer is None and not self.refused:
            raise _no_row(self.files[0])
        if self._writer is None:
            self.put(pl.DataFrame(schema={**dict.fromkeys(self.names, pl.String), ROW: pl.Int64}))
        assert self._writer is not None  # noqa: S101
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
        names = laid.names = header
        try:
            _lay_one_csv(path, names, delimiter, laid)
        except (pa.ArrowException, OSError, EOFError, zlib.error) as error:
            # What the library says of a row quotes it.
            why = "its rows cannot be told apart" if isinstance(error, pa.ArrowException) else error
            raise _unreadable(path, why, "get a whole copy of the file; each row of a CSV has its cells") from None


def _header(path: Path) -> tuple[list[str], str]:
    try:
        with _open(path) as stream:
            line = stream.readline(LONGEST_HEADER)
    except (OSError, EOFError, zlib.error) as error:
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
    if "\r" in text:
        raise _refused(path, "wrong-type", "its lines end in CR alone", "save it again with LF or CRLF line ends", 1)
    if not line.endswith(b"\n"):
        raise _no_row(path)
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
    with _Text(path) as stream:
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
            _refuse_swallowed(path, odd, names, delimiter)
            frame, bad = _texts(pl.from_arrow(batch), numbers, stream.odd)  # type: ignore[arg-type]
            odd += _of_several_lines(frame, names, delimiter)
            laid.put(frame.with_columns(pl.col(ROW) + begin))
            laid.refused += [(begin + number, *told) for number, *told in bad]  # type: ignore[misc]
    _refuse_swallowed(path, odd, names, delimiter)
    seen = max([seen, *(number for number, _, _ in odd)])
    for number, count, text in odd:
        if told := _of_bytes(text):
            laid.refused.append((begin + number, "", "not-utf-8", _NOT_UTF_8, told))
            continue
        help = f"this row has {count} cells, and the header {len(names)}; quote cells that hold a {delimiter!r}"
        laid.refused.append((begin + number, "", "ragged-row", help, text))
    laid.number += seen


def _swallows(text: str, names: Sequence[str], delimiter: str) -> bool:
    """Whether a text of several lines holds what is a row of its own."""
    least = len(names) - 1
    return any(line.count(delimiter) >= least for line in re.split("[\r\n]+", text.strip())[1:])


def _refuse_swallowed(path: Path, odd: Iterable[tuple[int, int, str]], names: Sequence[str], delimiter: str) -> None:
    """Refuse a file in which one quote that does not end has made a single row of several.

    Errors:  Problems (ragged-row).
    """
    for number, _, text in odd:
        if _swallows(text, names, delimiter):
            message = f"row {number} swallows the rows after it: a quote in it does not end where its cell does"
            raise _refused(
                path, "ragged-row", message, "close that quote, or write it twice where it is part of a cell"
            )


def _numbers(count: int, before: int, odd: set[int]) -> list[int]:
    """The numbers of the rows of a batch: one after the other, but for those that could not be split."""
    numbers: list[int] = []
    number = before
    while len(numbers) < count:
        number += 1
        if number not in odd:
            numbers.append(number)
    return numbers


def _texts(frame: pl.DataFrame, numbers: Sequence[int], odd: bool) -> tuple[pl.DataFrame, list[Refused]]:
    """A batch of bytes as texts, and the rows with bytes that are no UTF-8, where there are any."""
    told = frame.select(pl.all().cast(pl.String)).with_columns(pl.Series(ROW, numbers, dtype=pl.Int64))
    if not odd:
        return told, []
    marked = told.select(pl.exclude(ROW).str.contains(_MARK).fill_null(value=False))
    bad = marked.select(pl.any_horizontal(pl.all())).to_series()
    columns = marked.filter(bad).select(pl.concat_list(pl.all()).list.arg_max()).to_series()
    refused = []
    for column, row in zip(columns, told.filter(bad).iter_rows(), strict=True):
        cells = {name: _of_bytes(cell) or cell for name, cell in zip(frame.columns, row[:-1], strict=True)}
        line = json.dumps(cells, ensure_ascii=False)
        refused.append((row[-1], frame.columns[column], "not-utf-8", _NOT_UTF_8, line))
    return told.filter(~bad), refused


def _of_several_lines(frame: pl.DataFrame, names: Sequence[str], delimiter: str) -> list[tuple[int, int, str]]:
    """The cells that hold lines which are rows of their own, as rows that could not be split."""
    found = []
    for cells in frame.drop(ROW):
        several = cells.str.contains(r"\S[\r\n]").fill_null(value=False)
        for number, text in zip(frame[ROW].filter(several), cells.filter(several), strict=True):
            if _swallows(text, names, delimiter):
                found.append((number, len(names), text))
    return found


_NOT_UTF_8 = "this row is not text in UTF-8; save the file again as UTF-8"
_BYTES = 0x10FE00
"""Bytes that are no UTF-8 are read as characters from here on, of an area that nobody writes in."""
_MARK = "[\U0010fe80-\U0010feff]"


def _as_marks(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)  # noqa: S101
    return "".join(chr(_BYTES + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error("pathway-marks", _as_marks)


def _of_bytes(text: str | None) -> str | None:
    """A text with bytes that are no UTF-8 as Latin-1 would have it, so that it can be read; None for any other."""
    if text is None or not re.search(_MARK, text):
        return None
    return re.sub(_MARK, lambda found: chr(ord(found[0]) - _BYTES), text)


class _Text(io.RawIOBase):
    """A file as UTF-8, whatever it holds; `odd` says whether anything in it was not."""

    def __init__(self, path: Path) -> None:
        self.stream = _open(path)
        self.odd = False
        self._left = b""
        self._decoder = codecs.getincrementaldecoder("utf-8")("pathway-marks")
        self._strict = codecs.getincrementaldecoder("utf-8")()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes; a few more or fewer than asked for would do, but never none before the end."""
        while not self._left:
            block = self.stream.read(BLOCK)
            if not self.odd:
                try:
                    self._strict.decode(block, final=not block)
                except UnicodeDecodeError:
                    self.odd = True
            self._left = self._decoder.decode(block, final=not block).encode()
            if not block:
                break
        told, self._left = (self._left, b"") if size < 0 else (self._left[:size], self._left[size:])
        return told

    def close(self) -> None:
        self.stream.close()
        super().close()


# ---- NDJSON and case files ----


def _lay_lines(files: Sequence[Path], laid: _Laid, base: RuleBase, id_column: str) -> None:
    table = Table(base)
    rows = (_row_of_line(line, base, table, id_column) for path in files for line in _lines(path))
    _lay_rows(rows, laid)


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with _open(path) as stream:
            yield from io.BufferedReader(stream, BLOCK) if isinstance(stream, io.RawIOBase) else stream
    except (OSError, EOFError, zlib.error) as error:
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
    if "\\u" in text and not _is_text(data):
        return 0, "", "not-utf-8", "an escape in this line is half of a character", text
    if any(name.startswith(KEPT) for name in data):
        return 0, "", "unknown-field", f"a name that begins with {KEPT} is kept for columns of our own", text
    if isinstance(data.get(id_column), dict | list):
        return 0, id_column, "wrong-type", "the id of a case is a text or a number", text
    if not any(isinstance(value, dict | list) for value in data.values()):
        return {name: _text(value) for name, value in data.items()}
    return _row_of_case(data.pop(id_column, None), text, json.dumps(data).encode(), base, table, id_column)


def _is_text(data: Any) -> bool:
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


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
        return 0, first.place.path or "", first.kind, f"{first.message}: {first.help}", text
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
                yield 0, first.place.path or "", first.kind, f"{first.message}: {first.help}", path.name
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
