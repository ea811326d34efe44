"""Intake: a cohort as it is taken in, after its columns were known and nothing in it tells who somebody is.

The guard looks at the header, the ids, every column that the table does not know, and ages, before anything is
evaluated. In a column that the table knows a cell is one of its words or numbers, or else its row goes to the
quarantine, which the guard looks at before it is put down. With `--deidentify` all of it is looked at first, since
what is to be done has to be known before it begins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from pathway.batch import guard
from pathway.batch.coding import Coding
from pathway.batch.guard import Finding, Step
from pathway.batch.ids import Seen, TooManyRepeated, repeated_ids, seen
from pathway.batch.sources import ROW, Source, open_source
from pathway.problem import Place, Problem, Problems, quoted
from pathway.rules import RuleBase
from pathway.table import Table

PART_ROWS = 250_000
WORKERS = 2
AGE = "age"
MOST_TOLD = 50


@dataclass(frozen=True)
class Options:
    """How a cohort is to be run.

    Args:    complete: the lists that are whole in every row. drop: columns that are not read. hash_key: what ids are
             hashed with; None keeps them. as_of: the day to which dates count, where they become durations.
    """

    id_column: str = "id"
    complete: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    deidentify: bool = False
    as_of: date | None = None
    hash_key: bytes | None = field(default=None, repr=False)
    kind: str = "parquet"
    wide: bool = False
    questions: bool = True
    part_rows: int = PART_ROWS
    workers: int = WORKERS

    def told(self) -> dict[str, Any]:
        """The settings as a manifest keeps them: all that decides what comes out, and no key."""
        return {
            "id": self.id_column,
            "complete": sorted(self.complete),
            "drop": sorted(self.drop),
            "deidentify": self.deidentify,
            "as_of": self.as_of.isoformat() if self.as_of else None,
            "hashed": self.hash_key is not None,
            "wide": self.wide,
            "questions": self.questions,
            "part_rows": self.part_rows,
        }


@dataclass(frozen=True)
class Intake:
    """A cohort, and what of it is read.

    `raw` are the columns that are read, `kinds` those that the rules see, after the steps that make them safe.
    `repeated` are the ids that stand twice, as the results have them, each with the row where it stands first.
    """

    source: Source
    table: Table
    options: Options
    raw: Mapping[str, pl.DataType]
    kinds: Mapping[str, pl.DataType]
    steps: tuple[Step, ...] = ()
    repeated: Mapping[str, int] = field(default_factory=dict, repr=False)

    @property
    def rows(self) -> int:
        """How many rows have cells."""
        return sum(self.source.rows)

    @property
    def dated(self) -> dict[str, str]:
        """The durations that are worked out from days, each with the column of these."""
        return {step.into: step.column for step in self.steps if step.does == "days"}

    @property
    def firsts(self) -> range:
        """How many rows stand before each part; a cohort of which no row can be read is one part, of none."""
        return range(0, max(1, self.rows), self.options.part_rows)

    def read(self, first: int, count: int) -> tuple[pl.DataFrame, list[Step]]:
        """Some rows as the rules may see them, and what was done to them.

        Errors:  Problems (unreadable).
        """
        return self.safe(self.source.read(first, count, list(self.raw)))

    def row(self, number: int) -> pl.DataFrame:
        """One row, by its number, as the rules may see it."""
        return self.safe(self.source.row(number, list(self.raw)))[0]

    def safe(self, frame: pl.DataFrame) -> tuple[pl.DataFrame, list[Step]]:
        """Some rows as the steps make them, and how many cells each step changed."""
        if not self.steps:
            return frame, []
        return guard.apply(frame, self.steps, self.table, self.options.hash_key)

    def look_again(self, refused: pl.DataFrame) -> None:
        """Look at rows that are to be put into quarantine: their cells are none of the table's.

        Errors:  Problems (identifier), which name columns and hold no cell.
        """
        if refused.is_empty() or self.options.deidentify:
            return  # what is made safe was looked at whole, and a capped age would be found again
        refuse(guard.look(strange(refused, self.kinds), self.table, self.options.id_column), self)

    def unsplit(self) -> pl.DataFrame:
        """The rows that could not be split into cells, as the quarantine may have them.

        Errors:  Problems (identifier): of a line nobody knows which cell is which, so that nothing can be made safe.
        """
        assert self.source.refused is not None  # noqa: S101  asked for only where there are some
        rows = pl.read_parquet(self.source.refused)
        if self.options.deidentify or self.options.hash_key is not None or self.options.drop:
            return rows.with_columns(pl.lit(None, dtype=pl.String).alias("line"))
        shows = [each for each in guard.look(rows.select("line"), self.table) if each.category != "free-text"]
        refuse([replace(each, column="line") for each in shows], self)
        return rows


def strange(refused: pl.DataFrame, names: Iterable[str]) -> pl.DataFrame:
    """The cells of refused rows that may be none of the table's words; a row that only contradicts itself has none.

    Args:    names: the columns of the cohort.
    """
    rows = refused.filter((pl.col("kind") != "contradiction") | (pl.col("others") > 0))
    several = bool((rows["others"] > 0).any())
    told = set(rows["column"])
    return rows.select(name for name in names if name in refused.columns and (several or name in told))


def take_in(inputs: Sequence[Path], work: Path, base: RuleBase, options: Options) -> Intake:
    """A cohort, once nothing in it speaks against evaluating it.

    Args:    work: where what is no Parquet is laid down.
    Errors:  Problems: files that cannot be read, columns that cannot be what they say or that may identify somebody.
    """
    return taken_in(open_source(inputs, work, base, options.id_column), base, options)


def taken_in(source: Source, base: RuleBase, options: Options) -> Intake:
    """What is read of a source. Errors as of `take_in`."""
    table = Table(base)
    raw = {name: kind for name, kind in source.kinds.items() if name not in (*options.drop, ROW)}
    check_names(raw, source.name, options, table, bool(sum(source.rows)))
    intake = Intake(source, table, options, raw, raw)
    ids: list[Seen] = []
    intake = made_safe(intake, list(_findings(intake, ids)), base)
    return replace(intake, repeated=_repeated(intake, ids))


def made_safe(intake: Intake, findings: Sequence[Finding], base: RuleBase) -> Intake:
    """The cohort with the steps that answer what was found in it, and the columns that the rules then see.

    Errors:  Problems: what no step answers, and columns that cannot be what they say.
    """
    options, source, raw = intake.options, intake.source, intake.raw
    steps: list[Step] = []
    if options.deidentify:
        hashes = options.hash_key is not None
        steps = guard.plan(
            findings, raw, intake.table, options.as_of,
            id_column=options.id_column, hash_ids=hashes, source_name=source.name,
        )  # fmt: skip
    elif options.hash_key is not None and options.id_column in raw:
        steps = [Step(options.id_column, "hash")]
    refuse([each for each in guard.remaining(findings, steps) if each.column not in options.drop], intake)
    intake = replace(intake, steps=tuple(steps))
    empty, _ = intake.safe(pl.DataFrame(schema={**raw, ROW: pl.Int64()}))
    kinds = {name: kind for name, kind in empty.schema.items() if name != ROW}
    check_columns({**source.kinds, **kinds}, kinds, source.name, options, base)
    return replace(intake, kinds=kinds)


def again(manifest: Mapping[str, Any], inputs: Sequence[Path], work: Path, base: RuleBase) -> Intake:
    """The cohort of a finished batch, as that batch took it in; hashed ids aside, which one row does not need."""
    settings = manifest["settings"]
    options = Options(settings["id"], tuple(settings["complete"]), tuple(settings["drop"]))
    source = open_source(inputs, work, base, options.id_column)
    raw = {name: kind for name, kind in source.kinds.items() if name not in (*options.drop, ROW)}
    steps = tuple(step for told in manifest["steps_taken"] if (step := step_of(told)).does != "hash")
    intake = Intake(source, Table(base), options, raw, raw, steps)
    empty, _ = intake.safe(pl.DataFrame(schema={**raw, ROW: pl.Int64()}))
    kinds = {name: kind for name, kind in empty.schema.items() if name not in (ROW, options.id_column)}
    return replace(intake, kinds=kinds)


def step_as_data(step: Step) -> dict[str, Any]:
    """A step as plain data."""
    as_of = step.as_of.isoformat() if isinstance(step.as_of, date) else step.as_of
    return {**asdict(step), "categories": list(step.categories), "as_of": as_of, "day": isinstance(step.as_of, date)}


def step_of(told: Mapping[str, Any]) -> Step:
    """The step that `step_as_data` told."""
    rest = {name: value for name, value in told.items() if name != "day"}
    as_of = date.fromisoformat(told["as_of"]) if told["day"] else told["as_of"]
    return Step(**{**rest, "categories": tuple(told["categories"]), "as_of": as_of})


# ---- the guard ----


def _findings(intake: Intake, ids: list[Seen]) -> Iterator[Finding]:
    """What shows in a cohort: the names of its columns, and the cells that nothing else would look at.

    Args:    ids: takes in the ids, so that they are read once.
    """
    table, options = intake.table, intake.options
    watched = [name for name, kind in intake.raw.items() if is_watched(name, kind, intake)]
    found = [guard.names(list(intake.raw), table, options.id_column)]

    def look(first: int) -> tuple[list[Finding], Seen | None]:
        frame = intake.source.read(first, options.part_rows, watched).drop(ROW)
        told = guard.look(frame, table, options.id_column)
        named = seen(frame[options.id_column]) if options.id_column in watched and frame.height else None
        return [each for each in told if each.told_by == "values"], named

    if watched:
        with ThreadPoolExecutor(options.workers) as pool:
            for told, named in pool.map(look, intake.firsts):
                found.append(told)
                ids += [named] if named else []
    return iter(guard.together(each for findings in found for each in findings))


def _repeated(intake: Intake, ids: list[Seen]) -> dict[str, int]:
    """The ids that stand twice.

    Errors:  Problems (repeated-id), where there are too many to be a fault of single rows.
    """
    name, key = intake.options.id_column, intake.options.hash_key

    def read(first: int) -> pl.DataFrame:
        return intake.source.read(first, intake.options.part_rows, [name])

    try:
        found = repeated_ids(ids, read, intake.firsts, name)
    except TooManyRepeated:
        message = "more than a million ids stand twice: this is no column of case ids"
        help = "name the column of case ids with --id"
        raise Problems([of_column(intake.source.name, "repeated-id", name, message, help)]) from None
    if key is None or not found:
        return found
    return dict(zip(guard.hash_id(pl.Series(list(found), dtype=pl.String), key), found.values(), strict=True))


def is_watched(name: str, kind: pl.DataType, intake: Intake) -> bool:
    """Whether the cells of a column are looked at before anything is evaluated."""
    column = intake.table.column(name)
    if name == intake.options.id_column or column is None or column.path == AGE:
        return True
    return intake.options.deidentify and kind != pl.Boolean


def refuse(findings: Sequence[Finding], intake: Intake) -> None:
    """Refuse a cohort in which anything shows.

    Errors:  Problems (identifier), which name columns and hold no cell.
    """
    if findings:
        raise guard.refuse(findings, intake.source.name, intake.options.id_column)


# ---- columns ----


def check_names(kinds: Mapping[str, pl.DataType], where: str, options: Options, table: Table, has_rows: bool) -> None:
    """Refuse what is no cohort at all, before its cells are looked at; a first line that is no header is not told.

    Errors:  Problems.
    """

    def refused(kind: str, message: str, help: str) -> Problems:
        return Problems([Problem(kind, Place(where, None, None), message, help)])

    known = any(table.column(name) for name in kinds) or any(map(table.like, list(kinds)[:MOST_TOLD]))
    if options.id_column in kinds:
        if not _may_name(kinds[options.id_column]):
            message, help = f"it holds {kinds[options.id_column]}, and ids are texts or numbers", "correct its type"
            raise Problems([of_column(where, "wrong-type", options.id_column, message, help)])
        if len(kinds) == 1 and has_rows:
            help = "`pathway schema batch` lists the columns, `pathway batch --template` writes an example"
            raise refused("missing-field", "it has ids and no other column", help)
    elif not known:
        help = f"the first line names them: {quoted(options.id_column)}, and those that `pathway schema batch` lists"
        raise refused("missing-field", "none of its columns is one of a cohort", help)


def _may_name(kind: pl.DataType) -> bool:
    return kind in (pl.String, pl.Null, pl.Categorical, pl.Enum) or kind.is_integer() or kind.is_float()


def check_columns(
    every: Mapping[str, pl.DataType], kinds: Mapping[str, pl.DataType], where: str, options: Options, base: RuleBase
) -> None:
    """Refuse columns that nobody knows or that cannot hold what they say, and options that name none.

    Args:    every: all columns of the cohort, with their types. kinds: those that are read. where: what it is called.
    Errors:  Problems, one for each column.
    """
    table = Table(base)
    absent = sorted({*options.drop} - {*every})
    found = [of_column(where, "unknown-field", name, "it is to be dropped, and is not there", "") for name in absent]
    if options.id_column not in kinds:
        some = [name for name in kinds if table.column(name) is None][:12]
        help = f"name the column of case ids with --id; those that the table does not know are: {', '.join(some)}"
        found.append(of_column(where, "missing-field", options.id_column, "no column is called so", help))
    strange = [name for name in kinds if name != options.id_column and table.column(name) is None]
    for number, name in enumerate(strange[: MOST_TOLD + 1]):
        if number == MOST_TOLD:
            message = f"and {len(strange) - number:,} more columns that the table does not have"
            found.append(Problem("unknown-field", Place(where, None, None), message, "leave them out with --drop"))
        else:
            like = table.like(name)
            help = (f'did you mean "{like}"?  ' if like else "") + f"leave it out with --drop {quoted(name)}"
            found.append(of_column(where, "unknown-field", name, "the table has no such column", help))
    for name in options.complete:
        if name not in table.lists:
            help = "the lists are: " + ", ".join(table.lists)
            found.append(of_column("--complete", "unknown-field", name, "this is no list", help))
    for name, wanted in Coding(table, kinds).unfit().items():
        if name != options.id_column:
            message = f"it holds {kinds[name]}, and takes {wanted}"
            found.append(of_column(where, "wrong-type", name, message, "correct its type, or leave it out"))
    if found:
        raise Problems(found)


def of_column(where: str, kind: str, name: str, message: str, help: str) -> Problem:
    """A Problem of one column of a cohort."""
    return Problem(kind, Place(where, None, None), f"column {quoted(name)}: {message}", help)
