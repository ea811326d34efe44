"""Spark: a cohort evaluated where it lies, by the machines of a cluster, to the same results as on one machine.

    read        Parquet, by the cluster; a row has the number that it has when one machine reads it
    evaluate    each Arrow batch becomes a Polars frame, and that a Part; parts are kept whole, as bytes
    write       the parts as Parquet once more, results and quarantine apart
    close       count what was written, then move it to its name, the manifest last

The rules go to the workers as data; what the workers must have is this package. What fails there is told by the
partition and the name of the error alone: no cell of a case leaves the worker in a message.

The keeper of pyspark: nothing else imports it, and here only what needs it does.
"""

from __future__ import annotations

import io
import json
import logging
import os
import platform
import re
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass, field, replace
from functools import cached_property, partial
from hashlib import sha256
from importlib.metadata import version
from itertools import accumulate, zip_longest
from pathlib import Path
from traceback import extract_tb
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import polars as pl
import pyarrow as pa

from pathway import rules, tree
from pathway._version import __version__
from pathway.batch import guard, results
from pathway.batch.guard import Finding, Step
from pathway.batch.ids import MOST_REPEATED
from pathway.batch.intake import (
    Intake,
    Options,
    check_names,
    is_watched,
    made_safe,
    of_column,
    step_as_data,
    step_of,
    strange,
)
from pathway.batch.parts import Evaluator, Part
from pathway.batch.run import FORMATS, MANIFEST, SCHEMA, UNFINISHED, Finished
from pathway.batch.sources import ROW, Source, check_header
from pathway.cache import Compiled
from pathway.engine import durable
from pathway.problem import Place, Problem, Problems, quoted
from pathway.table import Table

if TYPE_CHECKING:
    from pyspark import Broadcast
    from pyspark.sql import Column, DataFrame, SparkSession
    from pyspark.sql.types import StructType

BATCH_ROWS = 100_000
"""The most rows of one Arrow batch: enough for Polars to be at its best, few enough for a worker's memory."""
BLOB_ROWS = 10_000
"""How many rows are kept together as bytes: a megabyte or so."""
ROW_GROUP = 32 << 20
WIDE = "wide"
_DEFAULTS = Options()
OUTPUTS = ("results", "quarantine")
_FILE, _FIRST, _INDEX = "~file", "~first", "~index"
_GLOB = re.compile(r"([\\{}\[\]*?])")
_ODD_TYPES: Mapping[str, pl.DataType] = {"(UNKNOWN)": pl.Null(), "(INTEGER(64,false))": pl.UInt64()}
"""What a Parquet file has and Spark has not: read as something else there, and made what it was in the worker."""


def run_spark(  # noqa: PLR0913  as the command has them
    inputs: Sequence[str],
    out: str,
    compiled: Compiled,
    options: Options = _DEFAULTS,
    *,
    command: Sequence[str] = (),
    master: str | None = None,
    session: SparkSession | None = None,
    force: bool = False,
) -> Finished:
    """Evaluate a cohort of Parquet files on a Spark cluster.

    Args:    inputs: files or folders, as paths or addresses that the cluster can read. out: the folder for results,
             quarantine and manifest; the first two become folders of part files, whose rows stand in no order.
             master: which cluster; None takes what Spark was started with. session: a session that is there already,
             which is left running. force: write over outputs that are there.
    Returns: where the outputs stand, and the manifest.
    Errors:  Problems: what the run on one machine refuses, and a cluster that could not finish. Of a run that failed
             nothing is left.
    """
    _refuse_settings(options)
    with _quietly(), _told_plainly(out), _started(master, session) as spark, _set_up(spark, options):
        return _Job(spark, tuple(inputs), out, compiled, options, tuple(command), force).run()


def _refuse_settings(options: Options) -> None:
    if options.kind != "parquet":
        message = f"Spark writes Parquet, and {options.kind} was asked for"
        raise _refused("--format", "unknown-value", message, "leave --format out, or run it on one machine")


def _refused(name: str, kind: str, message: str, help: str) -> Problems:
    return Problems([Problem(kind, Place(name, None, None), message, help)])


# ---- the session ----


@contextmanager
def _started(master: str | None, session: SparkSession | None) -> Iterator[SparkSession]:
    """The session that is given or active, else one of our own, which is stopped at the end."""
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        help = "install the extra: pip install 'pain-pathway[batch,spark]'"
        raise _refused("--engine spark", "not-found", "pyspark is not installed here", help) from None
    found = session or SparkSession.getActiveSession()
    if found is not None:
        yield _classic(found)
        return
    builder = SparkSession.builder.appName("pathway batch")
    for name, value in _own_settings(master).items():
        builder = builder.config(name, value)
    python = os.environ.get("PYSPARK_PYTHON")
    if _is_local(master) and python is None:
        os.environ["PYSPARK_PYTHON"] = sys.executable
    made = None
    try:
        made = builder.getOrCreate()
        yield _classic(made)
    finally:
        if made is not None:
            with suppress(Exception):  # a cluster that is gone cannot be left in good order
                made.stop()
        if python is None:
            os.environ.pop("PYSPARK_PYTHON", None)


def _is_local(master: str | None) -> bool:
    from pyspark import SparkConf

    return str(master or SparkConf().get("spark.master")).startswith("local")


def _classic(session: SparkSession) -> SparkSession:
    if not hasattr(session, "_jvm"):
        help = "run it where the driver is, with a session that is no Spark Connect session"
        raise _refused("--engine spark", "wrong-type", "Spark Connect gives no way to the cluster's files", help)
    return session


def _own_settings(master: str | None) -> dict[str, str]:
    """What a session of our own is started with, as far as nobody has set it otherwise."""
    from pyspark import SparkConf, SparkContext

    SparkContext._ensure_initialized()
    already = SparkConf()
    wanted = {
        "spark.log.level": "OFF",  # what a person must know is told as a Problem; the cluster keeps its own logs
        "spark.executorEnv.POLARS_MAX_THREADS": str(already.get("spark.task.cpus") or 1),
    }
    if _is_local(master):
        # Nothing of a run on this machine is to be seen from another one.
        wanted |= dict.fromkeys(("spark.driver.host", "spark.driver.bindAddress"), "127.0.0.1")
        wanted["spark.ui.enabled"] = "false"
    chosen = {name: value for name, value in wanted.items() if not already.contains(name)}
    chosen["spark.ui.showConsoleProgress"] = "false"  # Python is a shell to Spark, and a shell has it
    return {**chosen, "spark.master": master} if master else chosen


@contextmanager
def _set_up(spark: SparkSession, options: Options) -> Iterator[None]:
    """The settings that the same results depend on; afterwards those of the session stand as they were."""
    wanted = {
        "spark.sql.caseSensitive": "true",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.files.ignoreCorruptFiles": "false",
        "spark.sql.files.ignoreMissingFiles": "false",
        "spark.sql.parquet.mergeSchema": "false",
        "spark.sql.execution.arrow.maxRecordsPerBatch": str(min(options.part_rows, BATCH_ROWS)),
    }
    before = {name: spark.conf.get(name, None) for name in wanted}
    try:
        for name, value in wanted.items():
            spark.conf.set(name, value)
        yield
    finally:
        with suppress(Exception):
            for name, was in before.items():
                spark.conf.set(name, was) if was is not None else spark.conf.unset(name)


@contextmanager
def _quietly() -> Iterator[None]:
    """Without what pyspark itself says while it works: that is told as a Problem, or is nothing to act upon."""
    logger = logging.getLogger("DataFrameQueryContextLogger")
    was, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings():
            # Nothing here uses pandas; it only has to be there.
            warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
            yield
    finally:
        logger.disabled = was


@contextmanager
def _told_plainly(out: str) -> Iterator[None]:
    """What Spark says when it fails, as a Problem: which file or partition, and what to do."""
    try:
        yield
    except Problems:
        raise
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("pyspark", "py4j"):
            raise
        raise Problems([_problem(str(error), out)]) from None


def _problem(said: str, out: str) -> Problem:
    """Of all that Spark says only what names no cell."""

    def problem(name: str, kind: str, message: str, help: str) -> Problem:
        return Problem(kind, Place(name, None, None), message, help)

    if found := re.search(r"while reading file (\S+?)\.?\s", said + " "):
        message = "this file cannot be read: it is damaged, or was changed during the run"
        help = "get a whole copy of the file, and run it again"
        return problem(_last(unquote(found[1])), "unreadable", message, help)
    if found := re.search(r"PARQUET_TYPE_\w+\] ([^.\n]{1,100})", said):
        help = "write the column in another type, such as times in microseconds, or leave it out of the file"
        return problem("--engine spark", "wrong-type", f"Spark cannot read a column of this type: {found[1]}", help)
    if found := re.search(r"No module named '?([\w.]+)", said):
        help = "each worker needs this package with its extras [batch,spark]: install it there, or send it with the job"
        return problem("--engine spark", "not-found", f"the workers have no Python module {found[1]}", help)
    if found := re.search(r"PartFailed: ([^\n]+)", said):
        return problem("--engine spark", "engine-failed", found[1], "run it on one machine, which tells more")
    classes = re.findall(r"\b(?:\w+\.)+(\w+(?:Exception|Error))\b", said)
    help = "look into the logs of the cluster; a worker that is too small needs more spark.executor.memoryOverhead"
    message = f"the cluster could not finish ({classes[-1] if classes else 'no reason given'})"
    return problem(_last(out), "engine-failed", message, help)


def _last(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2] or path


# ---- the cluster's files ----


@dataclass(frozen=True)
class Footer:
    """What the end of a Parquet file tells: its rows, and its columns with their types as texts."""

    rows: int
    columns: Mapping[str, str]


class Store:
    """Files where the cluster has them, through Hadoop: a disk of this machine, HDFS, an object store."""

    def __init__(self, spark: SparkSession) -> None:
        self._jvm: Any = spark._jvm
        self._conf: Any = spark._jsparkSession.sessionState().newHadoopConf()

    def at(self, path: str) -> str:
        """The whole address of a path; one of this machine is taken from the folder that we stand in."""
        if not urlsplit(path).scheme and self._jvm.org.apache.hadoop.fs.FileSystem.getDefaultUri(
            self._conf
        ).toString().startswith("file:"):
            path = os.path.abspath(path)
        hadoop = self._path(path)
        return str(hadoop.getFileSystem(self._conf).makeQualified(hadoop).toString())

    def _path(self, path: str) -> Any:
        return self._jvm.org.apache.hadoop.fs.Path(path)

    def _system(self, path: str) -> Any:
        return self._path(path).getFileSystem(self._conf)

    def files(self, given: str) -> list[str]:
        """A file itself, or the Parquet files right in a folder, in the order of their names.

        Errors:  Problems.
        """
        if not self.exists(given):
            raise _refused(_last(given), "not-found", "there is no file or folder of that name", "check the spelling")
        if self._system(given).getFileStatus(self._path(given)).isFile():
            found = [given]
        else:
            found = [path for path in self.within(given) if path.lower().endswith(".parquet")]
        if not found or not all(path.lower().endswith(".parquet") for path in found):
            message = "no Parquet file is here, and Spark reads no other"
            raise _refused(_last(given), "wrong-type", message, "run it on one machine, or write it as Parquet")
        for path in found:
            if _last(path).startswith(("_", ".")):
                message = "Spark passes over files whose names begin so"
                raise _refused(_last(path), "unreadable", message, "give it another name, or take it out of the folder")
        return found

    def within(self, folder: str) -> list[str]:
        """The files right in a folder, in the order of their names."""
        listed = self._system(folder).listStatus(self._path(folder))
        return sorted(str(each.getPath().toString()) for each in listed if each.isFile())

    def address(self, path: str) -> str:
        """How Spark names a file in the column of its rows."""
        return str(self._path(path).toUri().toString())

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder."""
        return bool(self._system(path).exists(self._path(path)))

    def footer(self, path: str) -> Footer:
        """What the end of a Parquet file tells.

        Errors:  Problems (unreadable), and a column that stands twice.
        """
        from py4j.protocol import Py4JError

        hadoop = self._jvm.org.apache.parquet.hadoop
        try:
            reader = hadoop.ParquetFileReader.open(hadoop.util.HadoopInputFile.fromPath(self._path(path), self._conf))
            try:
                rows = int(reader.getRecordCount())
                fields = list(reader.getFileMetaData().getSchema().getFields())
                told = [(str(each.getName()), str(each.toString())) for each in fields]
            finally:
                reader.close()
        except Py4JError:
            message = "this file cannot be read: it is no Parquet file, or damaged"
            raise _refused(_last(path), "unreadable", message, "get a whole copy of the file") from None
        check_header(Path(_last(path)), [name for name, _ in told])
        return Footer(rows, {name: text.partition(" ")[2] for name, text in told})

    def told(self, path: str) -> dict[str, Any]:
        """A file for the manifest; where the driver can read it itself, with its digest."""
        status = self._system(path).getFileStatus(self._path(path))
        checksum = self._system(path).getFileChecksum(self._path(path))
        digest = _digest(path.removeprefix("file:")) if path.startswith("file:/") else None
        told = {"name": _last(path), "bytes": int(status.getLen()), "sha256": digest}
        return told if checksum is None else {**told, "checksum": str(checksum.toString())}

    def make(self, folder: str) -> None:
        """A folder, with those that it stands in."""
        self._system(folder).mkdirs(self._path(folder))

    def delete(self, path: str) -> None:
        """Take a file or a whole folder away, where there is one."""
        self._system(path).delete(self._path(path), True)

    def tidy(self, folder: str) -> None:
        """Take away the checksums that Hadoop puts beside the files of a disk: other readers take them for data."""
        if folder.startswith("file:/"):
            for path in Path(folder.removeprefix("file:")).glob(".*.crc"):
                path.unlink(missing_ok=True)

    def drop_empty(self, folder: str) -> None:
        """Take a folder away that holds nothing."""
        if self.exists(folder) and not self._system(folder).listStatus(self._path(folder)):
            self._system(folder).delete(self._path(folder), False)

    def move(self, path: str, to: str) -> None:
        """Give a file or folder another name.

        Errors:  Problems (unreadable) where the store refuses.
        """
        if not self._system(path).rename(self._path(path), self._path(to)):
            raise _refused(_last(to), "unreadable", "the finished output cannot be moved to its name", "see its rights")

    def write(self, path: str, text: str) -> None:
        """Write a text."""
        stream = self._system(path).create(self._path(path), True)
        stream.write(text.encode())
        stream.close()


def _digest(path: str) -> str:
    total = sha256()
    with open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            total.update(block)
    return total.hexdigest()


# ---- the run, as the driver leads it ----


@dataclass
class _Job:
    spark: SparkSession
    inputs: tuple[str, ...]
    given: str
    compiled: Compiled
    options: Options
    command: tuple[str, ...]
    force: bool
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        self.store = Store(self.spark)
        self.out = self.store.at(self.given)
        self.work = f"{self.out}/{UNFINISHED}"

    def run(self) -> Finished:
        """All of it; what a run that failed had written is taken away."""
        _ = self.intake
        self._begin()
        try:
            counted = self._evaluate()
            self._write(counted)
            return Finished(Path(self.given), self._publish(counted))
        except BaseException:
            with suppress(Exception):
                self.store.delete(self.work)
                self.store.drop_empty(self.out)
            raise

    def _begin(self) -> None:
        outputs = [f"{self.out}/{name}.{ending}" for name in (*OUTPUTS, WIDE) for ending in FORMATS]
        if own := {self.out, *outputs} & {*self.files, *map(self.store.at, self.inputs)}:
            message = "the outputs would stand in the place of the cohort, or among its files"
            raise _refused(_last(own.pop()), "unreadable", message, "choose another folder with -o")
        told = {f"{self.out}/{UNFINISHED}": "another run is, or was, at work here"}
        told |= dict.fromkeys((f"{self.out}/{MANIFEST}", *outputs), "results are here")
        for path, message in told.items():
            if not self.force and self.store.exists(path):
                help = "choose another folder with -o, or write over it with --force"
                raise _refused(_last(self.out), "unfinished-run", message, help)
        self.store.delete(self.work)
        self.store.make(self.work)

    # ---- the cohort ----

    @cached_property
    def files(self) -> list[str]:
        """The files of the cohort, in the order in which their rows are counted."""
        return [path for given in self.inputs for path in self.store.files(self.store.at(given))]

    @cached_property
    def footers(self) -> list[Footer]:
        """What each file tells of itself; all have the same columns, of the same types."""
        footers = [self.store.footer(path) for path in self.files]
        first = footers[0].columns
        for path, footer in zip(self.files, footers, strict=True):
            if footer.columns != first:
                names = {*first, *footer.columns}
                odd = sorted(name for name in names if first.get(name) != footer.columns.get(name))
                message = f"its columns are not those of {_last(self.files[0])}: {', '.join(map(quoted, odd[:5]))}"
                help = "all files of a cohort have the same columns, of the same types"
                raise _refused(_last(path), "wrong-type", message, help)
        return footers

    @property
    def total(self) -> int:
        """How many rows were handed in."""
        return sum(footer.rows for footer in self.footers)

    @cached_property
    def cohort(self) -> DataFrame:
        """The files as Spark reads them."""
        paths = [_GLOB.sub(r"\\\1", path) for path in self.files]
        return self.spark.read.schema(self.spark.read.parquet(paths[0]).schema).parquet(*paths)

    @cached_property
    def odd_types(self) -> dict[str, pl.DataType]:
        """The columns whose type Spark does not have."""
        told = self.footers[0].columns.items()
        return {name: kind for name, text in told for mark, kind in _ODD_TYPES.items() if text.endswith(mark)}

    @cached_property
    def kinds(self) -> dict[str, pl.DataType]:
        """All columns of the cohort with the types that the workers will meet."""
        names = [name for name in self.footers[0].columns if name != ROW]
        empty = frame_of(self.cohort.select([_column(name) for name in names]).limit(0).toArrow())
        return {**empty.schema, **{name: kind for name, kind in self.odd_types.items() if name in names}}

    @cached_property
    def intake(self) -> Intake:
        """What of the cohort is read, and the steps that make it safe, once nothing speaks against evaluating it."""
        options, base, table = self.options, self.compiled.base, Table(self.compiled.base)
        source = Source((), (), self.kinds, (Path(_last(self.files[0])),))
        raw = {name: kind for name, kind in self.kinds.items() if name not in options.drop}
        check_names(raw, source.name, options, table, self.total > 0)
        intake = Intake(source, table, options, raw, raw)
        findings = [*guard.names(list(raw), table, options.id_column), *self._shown(intake)]
        return made_safe(intake, guard.together(findings), base)

    def _shown(self, intake: Intake) -> list[Finding]:
        """What shows in the cells that nothing else would look at."""
        watched = [name for name, kind in intake.raw.items() if is_watched(name, kind, intake)]
        if not watched:
            return []
        with self._on_workers(look, Shipped.of(self.compiled, self.options, watched, self.odd_types)) as found:
            told = found("told string").toArrow()["told"].to_pylist()
        return guard.together(Finding(*each) for text in told for each in json.loads(text))

    def _refuse(self, findings: Iterable[Finding]) -> None:
        if found := guard.together(findings):
            raise guard.refuse(found, _last(self.files[0]), self.options.id_column)

    def rows(self, names: Iterable[str]) -> DataFrame:
        """Some columns of all rows as c0, c1 and so on, with the numbers of the rows in "~row".

        Spark takes a name with a dot in it apart, some of the time.
        """
        from pyspark.sql import functions as F  # noqa: N812  as all of its pages call it

        before = [0, *accumulate(footer.rows for footer in self.footers)][:-1]
        table = pa.table({_FILE: list(map(self.store.address, self.files)), _FIRST: before})
        offsets = self.spark.createDataFrame(table)
        told = self.cohort.metadataColumn("_metadata")
        kept = [_column(name).alias(f"c{i}") for i, name in enumerate(names)]
        where = (told.getField("file_path").alias(_FILE), told.getField("row_index").alias(_INDEX))
        cohort = self.cohort.select(*kept, *where)
        numbered = cohort.join(F.broadcast(offsets), _FILE, "left")
        return numbered.select(*(f"c{i}" for i in range(len(kept))), (F.col(_FIRST) + F.col(_INDEX) + 1).alias(ROW))

    # ---- ids ----

    def repeated(self) -> dict[str, int]:
        """The ids that stand more than once, each with the row where it stands first.

        Errors:  Problems where they are too many to be told.
        """
        from pyspark.sql import functions as F  # noqa: N812

        name = self.options.id_column
        rows = self.rows([name]).filter("c0 is not null").groupBy(F.col("c0").alias("id"))
        twice = rows.agg(F.min(ROW).alias(ROW), F.count("*").alias("times")).filter("times > 1").select("id", ROW)
        found = frame_of(twice.limit(MOST_REPEATED + 1).toArrow()).sort(ROW)
        if found.height > MOST_REPEATED:
            message = "more than a million ids stand twice: this is no column of case ids"
            help = "name the column of case ids with --id"
            raise Problems([of_column(_last(self.files[0]), "repeated-id", name, message, help)])
        ids = found["id"].cast(self.intake.raw[name]).cast(pl.String)
        if self.options.hash_key is not None:
            ids = guard.hash_id(ids, self.options.hash_key)
        return dict(zip(ids, found[ROW], strict=True))

    # ---- parts ----

    @cached_property
    def _evaluator(self) -> Evaluator:
        options, kinds = self.options, self.intake.kinds
        return Evaluator(self.compiled, kinds, options.id_column, frozenset(options.complete), {}, options.questions)

    @cached_property
    def empty(self) -> Part:
        """What becomes of no rows: the columns of the outputs."""
        return self._evaluator.part(pl.DataFrame(schema={**self.intake.kinds, ROW: pl.Int64()}))

    @contextmanager
    def _on_workers(self, work: Callable[..., Any], shipped: Shipped) -> Iterator[Callable[[Any], DataFrame]]:
        """What workers make of the columns that they are told of, as a frame of a schema that is still to be said."""
        payload = shipped.packed()
        broadcast = self.spark.sparkContext.broadcast(payload)
        done = partial(work, broadcast, sha256(payload).hexdigest(), self.options.hash_key)
        try:
            yield lambda schema: self.rows(shipped.read).mapInArrow(done, schema)
        finally:
            broadcast.destroy()

    def _evaluate(self) -> Counted:
        """Work out all parts and put them down as bytes; what they tell of themselves, added up."""
        intake, repeated = self.intake, self.repeated()
        shipped = Shipped.of(self.compiled, self.options, intake.raw, self.odd_types, intake.steps, repeated)
        with self._on_workers(evaluate, shipped) as parts:
            self._put_down(parts(PARTS), "parts", compression="uncompressed")
        told = self.spark.read.parquet(f"{self.work}/parts").select("told").filter("told is not null").toArrow()
        counted = Counted.of(map(json.loads, told["told"].to_pylist()))
        counted.close(self.total, "evaluated")
        self._refuse(counted.shows)
        return counted

    def _put_down(self, frame: DataFrame, name: str, compression: str) -> None:
        """Write a frame as a folder; a task that is done over writes its file anew, and only one of them counts."""
        writer = frame.write.mode("error").option("compression", compression).option("parquet.block.size", ROW_GROUP)
        writer = writer.option("mapreduce.fileoutputcommitter.marksuccessfuljobs", False)
        writer.option("mapreduce.fileoutputcommitter.algorithm.version", 1).parquet(f"{self.work}/{name}")
        self.store.tidy(f"{self.work}/{name}")

    # ---- outputs ----

    def _write(self, counted: Counted) -> None:
        """Results and quarantine as columns, each in a folder; then count both as they stand there."""
        batch = "spark.sql.execution.arrow.maxRecordsPerBatch"
        before = str(self.spark.conf.get(batch))
        self.spark.conf.set(batch, 8)  # of bytes that are a megabyte each
        try:
            self._unpack("results", "results.parquet", self.empty.results, as_it_is)
            self._unpack("quarantine", "quarantine.parquet", self.empty.quarantine, as_it_is)
            if self.options.wide:
                named = partial(results.named, rules=[rule.rule for rule in self.compiled.base.rules])
                self._unpack("results", f"{WIDE}.parquet", self.empty.results, named)
        finally:
            self.spark.conf.set(batch, before)
        written = [self._counted_rows(f"{name}.parquet") for name in OUTPUTS]
        Counted(written[0][0], written[1][0], written[0][1] + written[1][1]).close(self.total, "written")
        if (written[0][0], written[1][0]) != (counted.out, counted.quarantined):
            raise AssertionError(f"evaluated were {counted}, and written {written}")

    def _unpack(self, column: str, name: str, empty: pl.DataFrame, shape: Shape) -> None:
        from pyspark.sql.pandas.types import from_arrow_schema

        schema: StructType = from_arrow_schema(plain(shape(empty)).schema)
        blobs = self.spark.read.parquet(f"{self.work}/parts").select(column).filter(f"{column} is not null")
        self._put_down(blobs.mapInArrow(partial(unpack, shape), schema), name, compression="zstd")

    def _counted_rows(self, name: str) -> tuple[int, int]:
        """How many rows stand in an output, and the sum of their numbers."""
        from pyspark.sql import functions as F  # noqa: N812

        row = self.spark.read.parquet(f"{self.work}/{name}").agg(F.count("*"), F.sum("row")).collect()[0]
        return int(row[0]), int(row[1] or 0)

    # ---- the end ----

    def _publish(self, counted: Counted) -> dict[str, Any]:
        """Move the outputs to their names, the manifest last."""
        names = [f"{name}.parquet" for name in (*OUTPUTS, *([WIDE] if self.options.wide else []))]
        manifest = self._manifest(counted, names)
        self.store.delete(f"{self.out}/{MANIFEST}")
        for name in (*OUTPUTS, WIDE):
            for ending in FORMATS:
                self.store.delete(f"{self.out}/{name}.{ending}")
        for name in names:
            self.store.move(f"{self.work}/{name}", f"{self.out}/{name}")
        self.store.write(f"{self.work}/{MANIFEST}", json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
        self.store.move(f"{self.work}/{MANIFEST}", f"{self.out}/{MANIFEST}")
        self.store.tidy(self.out)
        self.store.delete(self.work)
        return manifest

    def _manifest(self, counted: Counted, names: Sequence[str]) -> dict[str, Any]:
        """What the run on one machine tells, and by what engine."""
        base, options = self.compiled.base, self.options
        steps = counted.taken(self.intake.steps)
        by_kind = dict(sorted(counted.kinds.items(), key=lambda item: (-item[1], item[0])))
        return {
            "schema": SCHEMA,
            "engine": "spark",
            "software": __version__,
            "edition": base.edition,
            "digest": base.digest,
            "policy": dict(sorted(self.compiled.policy.items())),
            "command": list(self.command),
            "counts": {"in": self.total, "out": counted.out, "quarantined": counted.quarantined, "by_kind": by_kind},
            "input": [self.store.told(path) for path in self.files],
            "output": [
                {**told, "name": f"{name}/{told['name']}"}
                for name in sorted(names)
                for told in map(self.store.told, self.store.within(f"{self.work}/{name}"))
                if told["name"].endswith(".parquet")
            ],
            "format": options.kind,
            "settings": replace(options, part_rows=min(options.part_rows, BATCH_ROWS)).told(),
            "versions": {
                "python": platform.python_version(),
                "polars": version("polars"),
                "spark": str(self.spark.version),
            },
            "deidentified": [step.told() for step in steps],
            "steps_taken": [step_as_data(step) for step in steps],
            "filled": {name: counted.filled[name] for name in self._evaluator.coding.columns},
            "steps": [step.step for step in base.walked],
            "options": [option.option for option in base.options],
            "rules": [rule.rule for rule in base.rules],
            "questions": list(self._evaluator.outputs.asked),
            "complete": sorted(options.complete),
            "handed_in": list(self.inputs),
        }


def _column(name: str) -> Column:
    """A column by its whole name: a dot in it leads nowhere."""
    from pyspark.sql import functions as F  # noqa: N812

    return F.col("`" + name.replace("`", "``") + "`")


@dataclass(frozen=True)
class Counted:
    """What parts tell of themselves, added up. `numbers` is the sum of the numbers of all rows."""

    out: int
    quarantined: int
    numbers: int
    kinds: Counter[str] = field(default_factory=Counter)
    filled: Counter[str] = field(default_factory=Counter)
    steps: Counter[tuple[int, str]] = field(default_factory=Counter)
    shows: tuple[Finding, ...] = ()

    @classmethod
    def of(cls, told: Iterable[Mapping[str, Any]]) -> Counted:
        """The parts of one run together."""
        every = list(told)
        kinds, filled, steps = Counter[str](), Counter[str](), Counter[tuple[int, str]]()
        for each in every:
            kinds.update(each["kinds"])
            filled.update(each["filled"])
            for i, (cells, refused, lost) in enumerate(each["steps"]):
                steps.update({(i, "cells"): cells, (i, "refused"): refused, (i, "lost"): lost})
        out, quarantined, numbers = (sum(each[name] for each in every) for name in ("out", "quarantined", "numbers"))
        shows = tuple(Finding(*found) for each in every for found in each["shows"])
        return cls(out, quarantined, numbers, kinds, filled, steps, shows)

    def taken(self, steps: Iterable[Step]) -> list[Step]:
        """The steps with how many cells they changed in all parts."""
        return [
            replace(step, cells=self.steps[i, "cells"], refused=self.steps[i, "refused"], lost=self.steps[i, "lost"])
            for i, step in enumerate(steps)
        ]

    def close(self, total: int, what: str) -> None:
        """See that every row came out, and none of them twice.

        Errors:  AssertionError.
        """
        if self.out + self.quarantined != total or self.numbers != total * (total + 1) // 2:
            raise AssertionError(f"of {total} rows {self.out} + {self.quarantined} were {what}, or not each once")


# ---- on the workers ----


Shape = Callable[[pl.DataFrame], pl.DataFrame]
PARTS = "told string, results binary, quarantine binary"
_PARTS = pa.schema([("told", pa.string()), ("results", pa.binary()), ("quarantine", pa.binary())])


class PartFailed(Exception):
    """A part that could not be worked out, told without any cell of it."""


@dataclass(frozen=True)
class Shipped:
    """All that a worker needs to know of a run, as plain data; the key that ids are hashed with is not in it.

    Args:    columns: those that are read, in their order. odd: those of a type that Spark has not, "Null" or "UInt64".
             steps: what makes a batch safe, as data. repeated: ids that stand twice, with the row of the first.
    """

    software: str
    digest: str
    policy: Mapping[str, Any]
    base: Mapping[str, Any]
    tree: Sequence[Any]
    program: Mapping[str, Any]
    columns: Sequence[str]
    odd: Mapping[str, str]
    id_column: str
    complete: Sequence[str]
    deidentify: bool
    questions: bool
    steps: Sequence[Mapping[str, Any]]
    repeated: Mapping[str, int]

    @classmethod
    def of(
        cls,
        compiled: Compiled,
        options: Options,
        columns: Iterable[str],
        odd: Mapping[str, pl.DataType],
        steps: Iterable[Step] = (),
        repeated: Mapping[str, int] = MappingProxyType({}),
    ) -> Shipped:
        """What is sent out for one run."""
        names = list(columns)
        return cls(
            software=__version__,
            digest=compiled.base.digest,
            policy=dict(compiled.policy),
            base=rules.to_json(compiled.base),
            tree=tree.to_json(compiled.tree),
            program=durable.to_json(compiled.program),
            columns=names,
            odd={name: str(kind) for name, kind in odd.items() if name in names},
            id_column=options.id_column,
            complete=sorted(options.complete),
            deidentify=options.deidentify,
            questions=options.questions,
            steps=[step_as_data(step) for step in steps],
            repeated=dict(repeated),
        )

    @property
    def read(self) -> list[str]:
        """The columns that Spark reads: all but those that hold nothing but blanks."""
        return [name for name in self.columns if self.odd.get(name) != "Null"]

    def packed(self) -> bytes:
        """As bytes; nothing in them is executed by whoever reads them."""
        return json.dumps(vars(self), ensure_ascii=False, separators=(",", ":")).encode()

    def compiled(self) -> Compiled:
        """The rules."""
        return Compiled(
            rules.from_json(self.base, self.digest), tree.from_json(list(self.tree)),
            durable.from_json(self.program), self.policy,
        )  # fmt: skip

    def whole(self, batch: pa.RecordBatch) -> pl.DataFrame:
        """A batch with all columns by their names, and of the types that they had in the file."""
        frame = frame_of(batch)
        frame.columns = [*self.read, ROW]
        if frame[ROW].null_count():
            raise PartFailed("rows came without their numbers: Spark names their file otherwise than we do")
        return frame.select(*map(self._as_it_was, self.columns), ROW)

    def _as_it_was(self, name: str) -> pl.Expr:
        kind = self.odd.get(name)
        if kind == "Null":
            return pl.lit(None).alias(name)
        return pl.col(name).cast(pl.UInt64) if kind == "UInt64" else pl.col(name)


@dataclass
class Worker:
    """What one process does for one run: all of it is compiled once, and serves many tasks."""

    shipped: Shipped
    hash_key: bytes | None
    evaluator: Evaluator | None = None

    @cached_property
    def table(self) -> Table:
        """The columns that the rules know."""
        return Table(self.compiled.base)

    @cached_property
    def compiled(self) -> Compiled:
        """The rules."""
        return self.shipped.compiled()

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """What makes a batch safe."""
        return tuple(map(step_of, self.shipped.steps))

    def look(self, batch: pa.RecordBatch) -> list[Finding]:
        """What shows in the cells of a batch."""
        frame = self.shipped.whole(batch).drop(ROW)
        return [each for each in guard.look(frame, self.table, self.shipped.id_column) if each.told_by == "values"]

    def part(self, batch: pa.RecordBatch) -> tuple[Part, dict[str, Any]]:
        """What becomes of a batch, and what is told of it."""
        frame, done = self.shipped.whole(batch), list[Step]()
        if self.steps:
            frame, done = guard.apply(frame, self.steps, self.table, self.hash_key)
        part = self._evaluator(frame).part(frame)
        if part.results.height + part.quarantine.height != frame.height:
            raise PartFailed(f"of {frame.height} rows some were lost")
        return part, {
            "out": part.results.height,
            "quarantined": part.quarantine.height,
            "numbers": int(part.results["row"].sum()) + int(part.quarantine["row"].sum()),
            "kinds": dict(part.quarantine["kind"].value_counts().iter_rows()),
            "filled": dict(part.filled),
            "steps": [[step.cells, step.refused, step.lost] for step in done],
            "shows": list(map(astuple, self._shows(part.quarantine, frame.columns))),
        }

    def _evaluator(self, frame: pl.DataFrame) -> Evaluator:
        if self.evaluator is None:
            shipped = self.shipped
            kinds = {name: kind for name, kind in frame.schema.items() if name != ROW}
            self.evaluator = Evaluator(
                self.compiled, kinds, shipped.id_column, frozenset(shipped.complete),
                shipped.repeated, shipped.questions,
                {step.into: step.column for step in self.steps if step.does == "days"},
            ).ready()  # fmt: skip
        return self.evaluator

    def _shows(self, refused: pl.DataFrame, names: Iterable[str]) -> list[Finding]:
        """What shows in rows that are to be put into quarantine: their cells are none of the table's."""
        if refused.is_empty() or self.shipped.deidentify:
            return []
        return guard.look(strange(refused, names), self.table, self.shipped.id_column)


_WORKERS: dict[str, Worker] = {}
"""The run that this process works for, by the digest of what was shipped."""


def _worker(broadcast: Broadcast[bytes], key: str, hash_key: bytes | None) -> Worker:
    if key not in _WORKERS:
        shipped = Shipped(**json.loads(broadcast.value))
        if shipped.software != __version__:
            raise PartFailed(f"the workers have pathway {__version__}, and the driver {shipped.software}")
        _WORKERS.clear()
        _WORKERS[key] = Worker(shipped, hash_key)
    return _WORKERS[key]


@contextmanager
def _nameless() -> Iterator[None]:
    """Whatever fails is told by its partition, its kind and the line of code: its message may hold a cell."""
    try:
        yield
    except (GeneratorExit, KeyboardInterrupt, SystemExit, PartFailed):
        raise
    except ModuleNotFoundError as error:
        raise PartFailed(f"No module named {error.name}") from None
    except BaseException as error:  # a panic of Polars is no Exception
        from pyspark import TaskContext

        context = TaskContext.get()
        number = context.partitionId() if context else 0
        where = [f"{Path(at.filename).name}:{at.lineno}" for at in extract_tb(error.__traceback__)]
        said = f"{type(error).__name__} at {' '.join(where[-2:])}"
        raise PartFailed(f"partition {number} could not be worked out ({said})") from None


def look(
    broadcast: Broadcast[bytes], key: str, hash_key: bytes | None, batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """What shows in the cells of one partition: columns, categories and counts, and no cell.

    Args:    broadcast: a Shipped, packed. key: its digest. hash_key: what ids are hashed with.
    Errors:  PartFailed.
    """
    with _nameless():
        for batch in batches:
            found = _worker(broadcast, key, hash_key).look(batch)
            yield pa.RecordBatch.from_pydict({"told": [json.dumps(list(map(astuple, found)))]})


def evaluate(
    broadcast: Broadcast[bytes], key: str, hash_key: bytes | None, batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """The parts of one partition, a batch of rows at a time, as bytes. Args and Errors as of `look`."""
    with _nameless():
        for batch in batches:
            yield from _parted(*_worker(broadcast, key, hash_key).part(batch))


def _parted(part: Part, told: Mapping[str, Any]) -> Iterator[pa.RecordBatch]:
    """A part as bytes, some rows at a time; what it tells of itself stands with the first of them."""
    text: str | None = json.dumps(told)
    for kept in zip_longest(_packed(part.results), _packed(part.quarantine)):
        yield pa.RecordBatch.from_pylist([dict(zip(_PARTS.names, (text, *kept), strict=True))], schema=_PARTS)
        text = None


def _packed(frame: pl.DataFrame) -> Iterator[bytes]:
    for some in frame.iter_slices(BLOB_ROWS):
        if some.height:
            stream = io.BytesIO()
            some.write_ipc(stream, compression="zstd")
            yield stream.getvalue()


def frame_of(batch: pa.RecordBatch | pa.Table) -> pl.DataFrame:
    """What Arrow holds, as a frame."""
    frame = pl.from_arrow(batch)
    return frame if isinstance(frame, pl.DataFrame) else frame.to_frame()


def unpack(shape: Shape, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Rows that were put down as bytes, as columns for Spark to write.

    Args:    shape: what to make of them first.
    Errors:  PartFailed.
    """
    with _nameless():
        for batch in batches:
            for blob in batch.column(0):
                yield from plain(shape(pl.read_ipc(io.BytesIO(blob.as_py())))).to_batches()


def as_it_is(frame: pl.DataFrame) -> pl.DataFrame:
    """The same."""
    return frame


def plain(frame: pl.DataFrame) -> pa.Table:
    """A frame in types that Spark has: words as texts, masks of 64 bits as signed numbers of the same bits."""
    made = []
    for name, kind in frame.schema.items():
        column = pl.col(name)
        if kind == pl.UInt64:
            column = column.reinterpret(signed=True)
        elif isinstance(kind, pl.Enum | pl.Categorical):
            column = column.cast(pl.String)
        elif kind.is_unsigned_integer():
            column = column.cast(pl.Int32)
        made.append(column)
    table = frame.select(made).to_arrow(compat_level=pl.CompatLevel.oldest())
    texts = {pa.large_string(): pa.string()}
    return table.cast(pa.schema([(each.name, texts.get(each.type, each.type)) for each in table.schema]))
