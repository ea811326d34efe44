"""The guard: no cohort is evaluated in which one of the eighteen HIPAA Safe Harbor identifiers shows.

    names, look        what a header and a chunk of rows show           -> Finding
    refuse             the cohort as it stands is not taken             -> Problems
    plan, apply        `--deidentify`: what is done about it, and done   -> Step
    hash_id            `--hash-ids`: a case id behind a keyed hash

A guard sees what looks like an identifier; it cannot promise that nothing else tells who somebody is. Nothing that
is told here holds a cell: a Finding has a column, a category and a count, and so has a Step.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Literal

import polars as pl

from pathway.batch.identifiers import CATEGORIES, by_name, marked, plain_text, words_of
from pathway.problem import Place, Problem, Problems, quoted
from pathway.table import SUFFIX, Column, Table

OLDEST = 89
"""The highest age that may stand as it is; all above are one category, "90+"."""
AS_OF = "as_of"
REMOVED = "removed"
REFUSED = -1.0
"""What stands where a day could not be told: no number of days, so the row is refused when it is read."""
_LARGE = 1e5  # a number below is no telephone number, no date written as one, no record number
_FLAGS = frozenset({"yes", "no", "y", "n", "true", "false", "unknown", "0", "1", "0.0", "1.0", ""})
_AGES = frozenset({"age", "ages", "alter", "edad", "eta", "idade", "leeftijd", "alder", "wiek"})
_OTHER_AGES = frozenset({"days", "weeks", "months", "gestational", "bone", "gestation", "stage"})
_NINETY = r"^(?:>=?|≥) ?90|^90 ?(?:\+|and|or)"
_DATE = r"^([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ][0-9:.,]+(?:Z|[+\-][0-9:]{2,6})?)?$"
_LEAST_KEY = 16
_FEW_WORDS = 5  # to compare with each is faster than to look for it in a set


# ---- what shows ----


@dataclass(frozen=True, slots=True)
class Finding:
    """One category of identifier in one column.

    Args:    column: its name; "column 3" where the name itself is what was found ("header"): a file without a header
             line has a case in its place. category: a key of CATEGORIES. rows: how many cells; 0 for a name.
    """

    column: str
    category: str
    told_by: Literal["name", "values", "header"]
    rows: int = 0


def names(columns: Sequence[str], table: Table, id_column: str | None = None) -> list[Finding]:
    """What the names of columns tell. A column that the table knows is above suspicion by its name.

    >>> from pathway.cache import load
    >>> names(["age", "pain.sites.face", "dateOfBirth"], Table(load().base))
    [Finding(column='dateOfBirth', category='date', told_by='name', rows=0)]
    """
    return list(_names(tuple(columns), table, id_column))


@lru_cache(maxsize=8)  # of each chunk they are asked again
def _names(columns: tuple[str, ...], table: Table, id_column: str | None) -> tuple[Finding, ...]:
    unknown = {number: name for number, name in enumerate(columns, start=1) if table.column(name) is None}
    headers = _looking_like_cells(unknown)
    found = []
    for number, name in unknown.items():
        if number in headers:
            found.append(Finding(f"column {number}", headers[number], "header"))
        elif category := by_name(name, "id" if name == id_column else "unknown"):
            found.append(Finding(name, category, "name"))
    return tuple(found)


def _looking_like_cells(names: Mapping[int, str]) -> dict[int, str]:
    """The columns whose names are not names of columns, but an identifier each."""
    text = pl.Series(names.values(), dtype=pl.String)
    long = {"other": text.str.contains(r"^\s*[0-9]{8,}\s*$")}
    shown = {**long, **{category: mask for category, mask in marked(text, "known").items() if category != "free-text"}}
    return {
        number: category for category, mask in shown.items() for number, bears in zip(names, mask, strict=True) if bears
    }


def look(frame: pl.DataFrame, table: Table, id_column: str | None = None) -> list[Finding]:
    """What shows in one chunk of a cohort as it was read, by names and by cells, in the order of its columns.

    Columns that the table knows are cheap: of a text only what is none of its words is looked into, of a number only
    what is past its range. What `names` finds is passed over where the cells say no more than yes or no.

    Args:    id_column: the column of the case ids. Codes that tell nothing are what belongs there.
    """
    found = {finding.column: [finding] for finding in _names(tuple(frame.columns), table, id_column)}
    plain = _of_the_table(frame, table)
    for name, cells in zip(frame.columns, frame.get_columns(), strict=True):
        if name in plain:
            continue
        if name in found and _says_yes_or_no(cells):
            del found[name]
        column = table.column(name)
        if column is None:
            counts = _in_unknown(cells, name == id_column)
        else:
            counts = {category: _count(cells, bearing) for category, bearing in _in_known(cells, column).items()}
        told = [Finding(name, category, "values", counts[category]) for category in CATEGORIES if counts.get(category)]
        if told:
            found.setdefault(name, []).extend(told)
    order = {name: place for place, name in enumerate(frame.columns)}
    return [finding for name in sorted(found, key=lambda name: order.get(name, -1)) for finding in found[name]]


def _of_the_table(frame: pl.DataFrame, table: Table) -> set[str]:
    """The columns of text of which each cell is one of the table's words, or blank: nearly all, and cheap to tell."""
    strange = {}
    for name, kind in frame.schema.items():
        column = table.column(name) if kind == pl.String else None
        if column is not None and 0 < len(column.values) <= _FEW_WORDS:
            strange[name] = ~pl.any_horizontal(pl.col(name) == value for value in column.values)
        elif column is not None and column.values:
            strange[name] = ~pl.col(name).is_in(column.values)
    if not strange:
        return set()
    any_strange = frame.select(test.any().alias(name) for name, test in strange.items()).row(0, named=True)
    return {name for name, shows in any_strange.items() if not shows}


def together(findings: Iterable[Finding]) -> list[Finding]:
    """The findings of many chunks as those of one cohort: the cells added up."""
    rows: Counter[Finding] = Counter()
    for finding in findings:
        rows[replace(finding, rows=0)] += finding.rows
    return [replace(finding, rows=count) for finding, count in rows.items()]


def _says_yes_or_no(cells: pl.Series) -> bool:
    if cells.dtype == pl.Boolean:
        return True
    if cells.dtype.is_nested() or cells.dtype in (pl.Binary, pl.Object) or cells.null_count() == cells.len():
        return False
    few = cells.head(len(_FLAGS) * 10).drop_nulls().cast(pl.String, strict=False)
    return set(few.str.to_lowercase()) <= _FLAGS and set(_text(cells.unique()).str.to_lowercase()) <= _FLAGS


def _text(cells: pl.Series) -> pl.Series:
    return cells.drop_nulls().cast(pl.String, strict=False).drop_nulls()


def _count(cells: pl.Series, bearing: pl.Series) -> int:
    if bearing.dtype != cells.dtype:
        cells = cells.cast(pl.String, strict=False)
    return int(cells.is_in(bearing.implode()).sum())


def _in_unknown(cells: pl.Series, is_id: bool) -> dict[str, int]:
    """How many cells of a column that nobody knows bear which identifier."""
    counts: Counter[str] = Counter()
    for name, plain in _flat(cells.name, cells):
        filled = plain.len() - plain.null_count()
        if plain.dtype in (pl.Date, pl.Datetime):
            counts["date"] += filled
        elif plain.dtype == pl.Binary:
            counts["picture"] += filled
        elif plain.dtype == pl.Object:
            counts["free-text"] += filled
        elif filled and plain.dtype not in (pl.Boolean, pl.Time, pl.Duration):
            if (text := _worth_reading(plain)) is not None:
                found = marked(text, "id" if is_id else "unknown")
                counts.update({category: int(mask.sum()) for category, mask in found.items()})
            if _is_an_age(name):
                counts["age-over-89"] = max(counts["age-over-89"], int(_too_old(plain).sum()))
    return dict(counts)


def _flat(name: str, cells: pl.Series) -> Iterator[tuple[str, pl.Series]]:
    """The plain columns within a column of lists or of groups; a list of many numbers stays one text."""
    if isinstance(cells.dtype, pl.Struct):
        for field in cells.struct.fields:
            yield from _flat(field, cells.struct.field(field))
    elif isinstance(cells.dtype, pl.List | pl.Array):
        if cells.dtype.inner.is_numeric():
            lists = cells.cast(pl.List(cells.dtype.inner))
            yield name, lists.cast(pl.List(pl.String)).list.join(", ")
        else:
            yield from _flat(name, cells.explode())
    else:
        yield name, cells


def _worth_reading(cells: pl.Series) -> pl.Series | None:
    """The cells as text; None for numbers that are measurements: small ones, and fractions."""
    if not cells.dtype.is_numeric():
        return cells.cast(pl.String, strict=False)
    if _greatest(cells) < _LARGE:
        return None
    if cells.dtype.is_integer():
        return cells.cast(pl.String)
    numbers = cells.cast(pl.Float64, strict=False)
    whole = (numbers == numbers.round()).fill_null(value=False)
    if whole.sum() * 2 < numbers.len() - numbers.null_count():
        return None
    return numbers.cast(pl.Int64, strict=False).cast(pl.String).set(~whole, None)


def _greatest(cells: pl.Series) -> float:
    greatest = cells.cast(pl.Float64, strict=False).max()
    return greatest if isinstance(greatest, float) else 0.0


def _is_an_age(name: str) -> bool:
    words = set(words_of(name))
    return bool(words & _AGES) and not words & _OTHER_AGES


def _too_old(cells: pl.Series) -> pl.Series:
    """Which cells tell an age over 89; "90+" tells none, it is the category that all those belong to."""
    if cells.dtype.is_numeric():
        age, together = cells, pl.Series([False])
    else:
        text = plain_text(cells.cast(pl.String, strict=False))
        age = text.str.extract(r"^[^0-9]{0,12}([0-9]{1,3})(?:[^0-9]|$)").cast(pl.Float64, strict=False)
        number = text.str.replace_all("_", "").cast(pl.Float64, strict=False)
        age = number.zip_with(number.is_not_null(), age)
        said = text.str.contains(r"(?i)^\P{L}*(?:ninety|(?:a |one )?hundred)").fill_null(value=False)
        age = age.zip_with(~said, pl.Series([OLDEST + 1.0]).new_from_index(0, age.len()))
        together = text.str.contains(_NINETY)
    return ((age > OLDEST) & (age < 2 * OLDEST) & ~together).fill_null(value=False)


def _in_known(cells: pl.Series, column: Column) -> dict[str, pl.Series]:
    """The different values of a column of the table that bear an identifier, by category."""
    if cells.dtype in (pl.Date, pl.Datetime):
        return {"date": cells.drop_nulls().unique()}
    if cells.dtype.is_numeric():
        return _in_numbers(cells, column)
    if cells.dtype in (pl.Boolean, pl.Time, pl.Duration, pl.Null) or cells.null_count() == cells.len():
        return {}
    if cells.dtype == pl.Binary or cells.dtype.is_nested() or cells.dtype == pl.Object:
        return {}  # no cell of the table is one; what cannot be read is refused with its row
    values = cells.unique().drop_nulls().cast(pl.String, strict=False)
    strange = values.filter(~values.is_in(column.values)) if column.values else values
    found: dict[str, pl.Series] = {}
    if column.kind == "number":
        numbers = strange.cast(pl.Float64, strict=False)
        found = _bearing(strange.filter(numbers > column.most), "unknown")
        if column.path == "age" and (old := strange.filter(_too_old(strange))).len():
            found["age-over-89"] = old
        strange = strange.filter(numbers.is_null())
    for category, bearing in _bearing(strange, "known").items():
        found[category] = pl.concat([found[category], bearing]).unique() if category in found else bearing
    return found


def _in_numbers(cells: pl.Series, column: Column) -> dict[str, pl.Series]:
    found: dict[str, pl.Series] = {}
    if column.path == "age" and (old := cells.filter(_too_old(cells))).len():
        found["age-over-89"] = old.unique()
    if column.kind == "number" and _greatest(cells) >= max(_LARGE, column.most):
        beyond = cells.filter((cells > column.most).fill_null(value=False)).unique()
        if (text := _worth_reading(beyond)) is not None:
            found |= {category: beyond.filter(mask) for category, mask in marked(text, "unknown").items()}
    return found


def _bearing(values: pl.Series, place: Literal["known", "unknown"]) -> dict[str, pl.Series]:
    if not values.len():
        return {}
    return {category: values.filter(mask) for category, mask in marked(values, place).items()}


# ---- refused ----


def refuse(findings: Sequence[Finding], source_name: str, id_column: str | None = None) -> Problems:
    """The cohort as it stands is not taken: a problem for each column, which is named, and never a cell.

    Errors:  ValueError where nothing was found.
    """
    columns: dict[str, list[Finding]] = {}
    for finding in findings:
        columns.setdefault(finding.column, []).append(finding)
    return Problems(_problem(told, source_name, id_column) for told in columns.values())


def _problem(told: Sequence[Finding], source_name: str, id_column: str | None) -> Problem:
    column = told[0].column
    kind = "free-text" if all(finding.category == "free-text" for finding in told) else "identifier"
    if told[0].told_by == "header":
        name, help = column, "give the file a header line: what stands there in the place of a name looks like a case"
    elif column == id_column:
        name = f"the id column {quoted(column)}"
        help = "`--hash-ids` puts a keyed hash in place of each id; better still, give cases ids that say nothing"
    else:
        name, help = f"column {quoted(column)}", f"`--deidentify` makes it safe; `--drop {column}` leaves it out"
    by: dict[str, list[str]] = {}
    for finding in told:
        by.setdefault(CATEGORIES[finding.category], []).append(_told_by(finding))
    said = "; ".join(f"{what} ({' and '.join(where)})" for what, where in by.items())
    return Problem(kind, Place(source_name, None, None, path=column), f"{name} seems to hold {said}", help)


def _told_by(finding: Finding) -> str:
    if finding.told_by == "values":
        return _cells(finding.rows)
    return "its name" if finding.told_by == "name" else "in the place of its name"


# ---- made safe ----


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is done to make a cohort safe, and once it is done, to how many cells.

    Args:    does: "drop" the column; "cap" ages over 89; count "days" `into` a column that the table knows, from a day
             to the `until` column of a trial, else to `as_of`, a day or a column; "remove" the cells of a known column
             that bear an identifier; "hash" the ids. cells: how many it changed. refused: of those, how many were
             given a value that the reading of the row will refuse, as what they said cannot be told. lost: how many
             days of trials tell no duration, as nobody knows whether or when the trial ended.
    """

    column: str
    does: Literal["drop", "cap", "days", "remove", "hash"]
    categories: tuple[str, ...] = ()
    into: str = ""
    until: str = ""
    as_of: date | str | None = None
    cells: int = 0
    refused: int = 0
    lost: int = 0

    def told(self) -> str:
        """What was done, in one line and without a value."""
        column = quoted(self.column)
        why = " and ".join(CATEGORIES[category] for category in self.categories)
        if self.does == "drop":
            return f"dropped column {column}" + (f": {why}" if why else "")
        if self.does == "cap":
            return f"{column}: {_cells(self.cells)} over 89 became 90, which stands for 90+"
        if self.does == "hash":
            return f"{column}: {_cells(self.cells)} became a keyed hash"
        if self.does == "remove":
            return f"{column}: {_cells(self.cells)} removed ({why}); their rows are refused"
        days = column + (f" and {quoted(self.until)}" if self.until else "")
        told = f"{days}: {_cells(self.cells)} became days in {quoted(self.into)}"
        told += f"; {_cells(self.refused)} could not be told, their rows are refused" if self.refused else ""
        return told + (f"; {_cells(self.lost)} dropped: the trial neither runs nor has an end" if self.lost else "")


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count} cells"


def plan(
    findings: Iterable[Finding],
    schema: Mapping[str, pl.DataType],
    table: Table,
    as_of: date | None = None,
    *,
    id_column: str | None = None,
    hash_ids: bool = False,
    source_name: str = "",
) -> list[Step]:
    """What `--deidentify` does about the findings of a whole cohort.

    Days that stand for a duration of the table become that duration, in days, to `as_of`: the day given here, else
    that of the column `as_of`, which is dropped like every other date. The id column is left alone unless its ids are
    to be hashed; what no step answers, `remaining` tells.

    Errors:  Problems (date-without-as-of) where such days have nothing to be counted to.
    """
    told: dict[str, list[str]] = {}
    for finding in findings:
        if finding.told_by != "header" and finding.category not in told.setdefault(finding.column, []):
            told[finding.column].append(finding.category)
    until: date | str | None = as_of or (AS_OF if AS_OF in schema else None)
    days = list(_days_steps(schema, table, until))
    if days and until is None:
        raise Problems(_without_as_of(step.column, source_name) for step in days)
    spent = {column for step in days for column in (step.column, step.until)} | {AS_OF if days else ""}
    steps = [*days, *([Step(id_column, "hash")] if hash_ids and id_column else [])]
    drops = []
    for name in schema:
        if name == id_column or not (name in told or name in spent):
            continue
        known, why = table.column(name), tuple(told.get(name, ()))
        if known is None or schema[name] in (pl.Date, pl.Datetime):
            drops.append(Step(name, "drop", why))
            continue
        if "age-over-89" in why and known.path == "age":
            steps.append(Step(name, "cap", ("age-over-89",)))
            why = tuple(category for category in why if category != "age-over-89")
        if why:
            steps.append(Step(name, "remove", why))
    return [*steps, *drops]


def remaining(findings: Iterable[Finding], steps: Iterable[Step]) -> list[Finding]:
    """The findings that no step answers: identifiers for case ids that are not hashed, a file without a header."""
    answered = {step.column for step in steps}
    return [finding for finding in findings if finding.told_by == "header" or finding.column not in answered]


def _without_as_of(column: str, source_name: str) -> Problem:
    message = f"column {quoted(column)}: its days say nothing as long as nobody knows on which day they are told"
    help = "give --as-of, or a column as_of with the day on which each case is known"
    return Problem("date-without-as-of", Place(source_name, None, None, path=column), message, help)


def _days_steps(schema: Mapping[str, pl.DataType], table: Table, as_of: date | str | None) -> Iterator[Step]:
    """A step for each duration of the table of which the cohort has the days instead."""
    for name in schema:
        owner, _, part = name.rpartition(".")
        into = f"{owner}.duration{SUFFIX['days']}"
        if part not in ("began", "ended") or table.column(name) is not None or table.column(into) is None:
            continue
        ended = f"{owner}.ended" if f"{owner}.ended" in schema and _is_trial(owner) else ""
        if part == "began":
            yield Step(name, "days", ("date",), into=into, until=ended, as_of=as_of)
        elif f"{owner}.began" not in schema and ended:
            yield Step(name, "days", ("date",), into=into, until=name, as_of=as_of)


def _is_trial(owner: str) -> bool:
    return owner.startswith("trials.")


def apply(
    frame: pl.DataFrame, steps: Sequence[Step], table: Table, key: bytes | None = None
) -> tuple[pl.DataFrame, list[Step]]:
    """One chunk made safe, and the steps with how many cells of it each changed.

    Errors:  ValueError for ids to be hashed without a key.
    """
    done = []
    for step in steps:
        if step.does == "drop":
            frame = frame.drop(step.column)
            done.append(step)
            continue
        if step.does == "cap":
            new, changed = _capped(frame[step.column])
        elif step.does == "remove":
            new, changed = _removed(frame[step.column], table, step)
        elif step.does == "hash":
            new, changed = _hashed(frame[step.column], key)
        else:
            frame, days = _with_days(frame, step)
            done.append(days)
            continue
        frame = frame.with_columns(new)
        done.append(replace(step, cells=changed))
    return frame, done


def summed(steps: Iterable[Step]) -> list[Step]:
    """The steps of many chunks as those of one cohort: the cells added up."""
    cells: Counter[Step] = Counter()
    refused: Counter[Step] = Counter()
    lost: Counter[Step] = Counter()
    for step in steps:
        plain = replace(step, cells=0, refused=0, lost=0)
        cells[plain] += step.cells
        refused[plain] += step.refused
        lost[plain] += step.lost
    return [replace(step, cells=count, refused=refused[step], lost=lost[step]) for step, count in cells.items()]


def _capped(ages: pl.Series) -> tuple[pl.Series, int]:
    ages = ages if ages.dtype.is_numeric() else ages.cast(pl.String)
    old = _too_old(ages)
    return _where(old, pl.lit(OLDEST + 1).cast(ages.dtype), ages), int(old.sum())


def _removed(cells: pl.Series, table: Table, step: Step) -> tuple[pl.Series, int]:
    """The cells without those that bear an identifier: what stands in their place is none of the column's values."""
    column = table.column(step.column)
    if column is None:
        raise KeyError(step.column)  # plan removes from known columns only
    if cells.dtype.is_numeric():
        gone = (cells > column.most).fill_null(value=False)
        return _where(gone, pl.lit(REFUSED), cells.cast(pl.Float64)), int(gone.sum())
    text = cells.cast(pl.String, strict=False)
    bearing = [values for category, values in _in_known(text, column).items() if category in step.categories]
    gone = text.is_in(pl.concat([pl.Series([], dtype=pl.String), *bearing]).implode()).fill_null(value=False)
    if column.kind == "number":
        gone |= (text.cast(pl.Float64, strict=False) > column.most).fill_null(value=False)
    return _where(gone, pl.lit(REMOVED), text), int(gone.sum())


def _where(mask: pl.Series, then: pl.Expr, otherwise: pl.Series) -> pl.Series:
    return pl.select(pl.when(mask).then(then).otherwise(otherwise).alias(otherwise.name)).to_series()


# ---- days ----


def _with_days(frame: pl.DataFrame, step: Step) -> tuple[pl.DataFrame, Step]:
    """The duration of the table that the days of a step tell; of a trial also that it has ended.

    A day that is no day of the calendar, written another way than 2026-01-31, or after as_of is not guessed at.
    """
    owner = step.into.rpartition(".")[0]
    none = pl.repeat(None, frame.height, dtype=pl.String, eager=True)
    began = none if step.column == step.until else frame[step.column]
    ended = frame[step.until] if step.until else none
    if isinstance(step.as_of, str):
        as_of = _day(frame[step.as_of])
    else:
        as_of = pl.repeat(step.as_of, frame.height, dtype=pl.Date, eager=True)
    state = frame[f"{owner}.state"].cast(pl.String) if f"{owner}.state" in frame.columns else none
    had = (
        frame[step.into] if step.into in frame.columns else pl.repeat(None, frame.height, dtype=pl.Float64, eager=True)
    )
    at = pl.DataFrame(
        {
            "said_began": _filled(began),
            "said_ended": _filled(ended),
            "began": _day(began),
            "ended": _day(ended),
            "as_of": as_of,
            "running": (state == "running").fill_null(value=not _is_trial(owner)),
            "had": had.cast(pl.Float64, strict=False),
            "filled": _filled(had),
        }
    )
    running, days = pl.col("running"), (pl.coalesce("end", pl.lit(None)) - pl.col("began")).dt.total_days()
    at = at.with_columns(end=pl.when(pl.col("ended").is_not_null()).then("ended").when(running).then("as_of"))
    at = at.with_columns(days=days.cast(pl.Float64))
    unread = (pl.col("said_began") & pl.col("began").is_null()) | (pl.col("said_ended") & pl.col("ended").is_null())
    late = (pl.col("began") > pl.col("as_of")) | (pl.col("ended") > pl.col("as_of")) | (pl.col("days") < 0)
    endless = pl.col("said_began") & pl.col("end").is_null() & running
    both = pl.col("said_ended") & running
    twice = pl.col("days").is_not_null() & pl.col("filled") & pl.col("had").ne_missing(pl.col("days"))
    wrong = pl.any_horizontal(*(test.fill_null(value=False) for test in (unread, late, endless, both, twice)))
    at = at.with_columns(wrong=wrong).with_columns(new=pl.when("wrong").then(REFUSED).otherwise("days"))
    changed = at["new"].is_not_null()
    text = had.dtype == pl.String
    new = _where(changed, pl.lit(at["new"].cast(pl.String) if text else at["new"]), had if text else at["had"])
    lost = pl.col("said_began") & ~pl.col("wrong") & pl.col("days").is_null() & ~pl.col("filled")
    frame = frame.with_columns(new.alias(step.into))
    if step.until:
        over = at["said_ended"] & state.is_null()
        frame = frame.with_columns(_where(over, pl.lit("ended"), state).alias(f"{owner}.state"))
    counts = at.select(pl.col("wrong").sum(), lost.sum().alias("lost")).row(0, named=True)
    return frame, replace(step, cells=int(changed.sum()), refused=counts["wrong"], lost=counts["lost"])


def _filled(cells: pl.Series) -> pl.Series:
    if cells.dtype == pl.String:
        return (cells.str.strip_chars() != "").fill_null(value=False)
    return cells.is_not_null()


def _day(cells: pl.Series) -> pl.Series:
    """The days that stand in cells; null where none is written as a day is."""
    if cells.dtype == pl.Date:
        return cells
    if cells.dtype == pl.Datetime:
        return cells.dt.date()
    if cells.dtype == pl.String:
        return cells.str.strip_chars().str.extract(_DATE).str.to_date("%Y-%m-%d", strict=False)
    return pl.repeat(None, cells.len(), dtype=pl.Date, eager=True)


# ---- ids ----


def hash_id(ids: pl.Series, key: bytes) -> pl.Series:
    """Each id behind a keyed hash (BLAKE2b, 32 characters of hex): the same for the same id and key, else another.

    Only who has the key can tell an id from its hash, so it is kept apart from the results, and is never told.

    Args:    ids: whole numbers or text; 7 and "7" are one id. A blank stays blank.
    Errors:  ValueError for a key shorter than 16 bytes.

    >>> hash_id(pl.Series(["A-1", None]), bytes(16)).to_list()
    ['86c7adc195006f1bf141913032c635f5', None]
    """
    if len(key) < _LEAST_KEY:
        raise ValueError(f"a key of {len(key)} bytes can be guessed; give {_LEAST_KEY} or more")
    keyed = hashlib.blake2b(key=hashlib.blake2b(key).digest(), digest_size=16, person=b"case-id")
    return pl.Series(ids.name, [_hash(keyed, text) for text in ids.cast(pl.String)], dtype=pl.String)


def _hash(keyed: hashlib.blake2b, text: str | None) -> str | None:
    if text is None:
        return None
    own = keyed.copy()  # three times as fast as keying anew
    own.update(text.encode())
    return own.hexdigest()


def _hashed(ids: pl.Series, key: bytes | None) -> tuple[pl.Series, int]:
    if key is None:
        raise ValueError("ids are to be hashed, and no key was given")
    return hash_id(ids, key), ids.len() - ids.null_count()
