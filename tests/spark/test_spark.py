"""A real Spark on this machine: its results are those of one machine, also when a worker is lost on the way."""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

import pathway
from bench import people
from pathway.batch import spark
from pathway.batch.cohort import summarise
from pathway.batch.intake import Options
from pathway.batch.lookup import disagreements, look_up
from pathway.batch.parts import Evaluator
from pathway.batch.run import MANIFEST, UNFINISHED, Finished, run
from pathway.batch.sources import ROW
from pathway.cache import Compiled, bundled_cases
from pathway.case import read_case
from pathway.problem import Problems
from pathway.report.cohort import cohort_json
from pathway.table import Table
from tests.spark.there import need_spark

ROOT = Path(__file__).parents[2]
OUTPUTS = ("results", "quarantine")
FILES, ROWS = 12, 5_000
SECRET = "zebedee-quill"  # noqa: S105  no cell may be told in any message
KEY = b"0123456789abcdef"
STARTS = 120.0

pytestmark = [
    pytest.mark.slow,
    # pyspark 4.0 leaves to the collector what it has read from Java.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]


@pytest.fixture(scope="module", autouse=True)
def _spark_is_here() -> Iterator[None]:
    need_spark()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        # Each Java process lives for a minute: to compile little is quicker than to compile well.
        patch.setenv("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        yield
        _end_java()


def _end_java() -> None:
    """End the Java process that pyspark started for this one."""
    from pyspark import SparkContext

    gc.collect()
    gateway = SparkContext._gateway
    if gateway is not None:
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait(timeout=60)
        SparkContext._gateway = SparkContext._jvm = None


# ---- the cohort ----


def _spoilt(frame: pl.DataFrame, first: int) -> pl.DataFrame:
    """Some rows that must be refused: a mark, a word, an id that is blank or stands twice, in this file or another."""
    number = pl.int_range(first, first + pl.len())
    return frame.with_columns(
        pl.when(number % 997 == 3).then(pl.lit(14, pl.UInt8)).otherwise("pain.intensity").alias("pain.intensity"),
        blood_pressure=pl.when(number % 1013 == 4).then(pl.lit(SECRET)).otherwise("blood_pressure"),
        id=pl.when(number % 1499 == 5).then(pl.lit("000000007"))
        .when(number % 1601 == 6).then(pl.lit(" "))
        .when(number % 2003 == 7).then(pl.lit(None, dtype=pl.String))
        .otherwise("id"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory, compiled: Compiled) -> Path:
    """People in a dozen files with odd names, some yes and no in words, and in types that Spark has not."""
    folder = tmp_path_factory.mktemp("cohort") / "a cohort, 100% [made up] é#1"
    folder.mkdir()
    frame = people.frame(FILES * ROWS)
    told = pl.selectors.starts_with("illnesses.")
    whole = frame.with_columns(
        pl.when(told).then(pl.lit("yes")).when(told.not_()).then(pl.lit("no")).name.keep()
    ).with_columns(
        pl.col("pain.intensity").cast(pl.UInt8),
        pl.col("mood.phq2").cast(pl.UInt64),
        pl.col("kidney_function").cast(pl.Float32),
    )
    nobody_said = next(name for name in Table(compiled.base).columns if name not in whole.columns)
    for i, some in enumerate(whole.iter_slices(-(-whole.height // FILES))):
        part = _spoilt(some, i * some.height).with_columns(pl.lit(None).alias(nobody_said))
        part.write_parquet(folder / f"{i:02} [x] 50%41.parquet", row_group_size=2_000)
    return folder


@pytest.fixture(scope="module")
def alone(cohort: Path, tmp_path_factory: pytest.TempPathFactory, compiled: Compiled) -> Finished:
    """The run on one machine."""
    return run([cohort], tmp_path_factory.mktemp("alone"), compiled)


# ---- what is compared ----


def _rows(path: Path) -> pl.DataFrame:
    """The rows of a file or of a folder of parts, in order, in the types that Spark has."""
    paths = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    frames = [spark.frame_of(spark.plain(pl.read_parquet(path))) for path in paths]
    return pl.concat(frames).sort("row")


def assert_same(done: Finished, alone: Finished) -> None:
    for name in OUTPUTS:
        ours, theirs = (_rows(each.out / f"{name}.parquet") for each in (alone, done))
        assert ours.height > 0
        assert theirs.schema == ours.schema
        assert theirs.equals(ours, null_equal=True), name
    # What tells where it was done and how it is laid down may differ, and nothing else.
    may_differ = {"engine", "versions", "settings", "output", "command"}
    assert {*done.manifest} - {*alone.manifest} == {"engine"}
    assert {name for name in alone.manifest if done.manifest.get(name) != alone.manifest[name]} <= may_differ
    written = json.loads((done.out / MANIFEST).read_text())
    assert written == json.loads(json.dumps(done.manifest))
    counts = written["counts"]
    assert (
        counts["in"]
        == counts["out"] + counts["quarantined"]
        == sum(len(_rows(done.out / f"{n}.parquet")) for n in OUTPUTS)
    )
    assert counts["quarantined"] == sum(counts["by_kind"].values()) > 100
    assert {*counts["by_kind"]} >= {"out-of-range", "unknown-value", "missing-field", "repeated-id"}
    assert {path.suffix for path in (done.out / "results.parquet").iterdir()} == {".parquet"}
    assert sorted(path.name for path in done.out.iterdir()) == sorted(
        [*(f"{name}.parquet" for name in OUTPUTS), MANIFEST]
    )


# ---- on this machine ----


def test_two_threads_give_the_results_of_one_machine(
    cohort: Path, alone: Finished, tmp_path: Path, compiled: Compiled
) -> None:
    done = spark.run_spark([str(cohort)], str(tmp_path / "out"), compiled, master="local[2]")
    assert_same(done, alone)
    assert done.manifest["engine"] == "spark" and "spark" in done.manifest["versions"]
    assert [each["bytes"] for each in done.manifest["output"]] == [
        (done.out / each["name"]).stat().st_size for each in done.manifest["output"]
    ]
    # What comes after a batch takes its outputs as they are.
    base, some = compiled.base, ["p000000001", "p000000012"]
    assert cohort_json(summarise(done.out, base)) == cohort_json(summarise(alone.out, base))
    assert pathway.columns(done.out).equals(pathway.columns(alone.out))
    for name in some:
        found = look_up(done.out, name, compiled)
        assert not disagreements(found, compiled)[1]
        assert found.case.subject == look_up(alone.out, name, compiled).case.subject


def test_a_mask_of_64_bits_is_the_same_bits_in_a_signed_number() -> None:
    masks = pl.DataFrame({"fires_0": pl.Series([0, 1, 2**63, 2**64 - 1], dtype=pl.UInt64)})
    signed = spark.frame_of(spark.plain(masks))
    assert signed["fires_0"].to_list() == [0, 1, -(2**63), -1]
    assert signed["fires_0"].reinterpret(signed=False).equals(masks["fires_0"])


@pytest.fixture(scope="module")
def session(_spark_is_here: None) -> Iterator[Any]:
    """A session that somebody else started."""
    with _session("local[2]") as made:
        yield made


@contextmanager
def _session(master: str, **more: str) -> Iterator[Any]:
    from pyspark.sql import SparkSession

    settings = {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "600m",
        "spark.executor.memory": "512m",
        "spark.executor.cores": "1",
        "spark.executorEnv.PYTHONPATH": str(ROOT),
        "spark.executorEnv.POLARS_MAX_THREADS": "1",
        "spark.log.level": "OFF",
        "spark.scheduler.minRegisteredResourcesRatio": "1.0",
        "spark.scheduler.maxRegisteredResourcesWaitingTime": f"{STARTS:.0f}s",
        "spark.sql.files.openCostInBytes": str(128 << 20),  # a task for each file
        "spark.sql.shuffle.partitions": "2",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    if (other := SparkSession.getActiveSession()) is not None:
        other.stop()  # a process has one at a time
    builder = SparkSession.builder.master(master)
    for name, value in {**settings, **more}.items():
        builder = builder.config(name, value)
    made = builder.getOrCreate()
    try:
        yield made
    finally:
        made.stop()


def test_a_session_that_was_there_is_left_as_it_was(
    session: Any, cohort: Path, tmp_path: Path, compiled: Compiled
) -> None:
    setting = "spark.sql.execution.arrow.maxRecordsPerBatch"
    before = session.conf.get(setting)
    one = tmp_path / "few.parquet"
    pl.scan_parquet(min(cohort.iterdir()), glob=False, n_rows=2_500).collect().write_parquet(one)
    inputs, out = [str(one)], tmp_path / "out"
    options = Options(questions=False, wide=True, part_rows=1_000)
    done = spark.run_spark(inputs, str(out), compiled, options, session=session)
    alone = run([one], tmp_path / "alone", compiled, options)
    for name in (*OUTPUTS, "wide"):
        assert _rows(done.out / f"{name}.parquet").equals(_rows(alone.out / f"{name}.parquet"), null_equal=True)
    assert session.range(3).count() == 3 and session.conf.get(setting) == before
    assert done.manifest["counts"]["in"] == pl.read_parquet(one).height
    with pytest.raises(Problems, match="results are here") as caught:
        spark.run_spark(inputs, str(out), compiled, session=session)
    assert caught.value.items[0].kind == "unfinished-run"
    (one.parent / "results.parquet").write_bytes(one.read_bytes())
    given = [str(one.parent / "results.parquet")]
    with pytest.raises(Problems, match="in the place of the cohort"):
        spark.run_spark(given, str(one.parent), compiled, session=session, force=True)
    (out / UNFINISHED).mkdir()
    spark.run_spark(inputs, str(out), compiled, session=session, force=True)
    assert not (out / UNFINISHED).exists()


def test_every_case_that_comes_with_the_software_is_told_the_same(
    session: Any, tmp_path: Path, compiled: Compiled
) -> None:
    table = Table(compiled.base)
    paths = sorted(bundled_cases().glob("*.yaml"))
    assert len(paths) > 50
    rows = [{"id": path.stem, **table.row_of(read_case(path, compiled.base).subject)} for path in paths]
    path = tmp_path / "cases.parquet"
    pl.DataFrame(rows, infer_schema_length=None).write_parquet(path)
    done = spark.run_spark([str(path)], str(tmp_path / "out"), compiled, session=session)
    alone = run([path], tmp_path / "alone", compiled)
    assert _rows(done.out / "results.parquet").equals(_rows(alone.out / "results.parquet"), null_equal=True)
    assert done.manifest["counts"] == alone.manifest["counts"]
    assert done.manifest["counts"]["out"] > 50


def test_the_guard_makes_safe_what_it_does_on_one_machine(session: Any, tmp_path: Path, compiled: Compiled) -> None:
    path = tmp_path / "few.parquet"
    frame = pl.DataFrame(
        {
            "id": ["ana.lopez@example.org", "b", "ana.lopez@example.org"],
            "age": [93.0, 40.0, 50.0],
            "pain.began": ["2020-01-05", "2021-02-06", "long ago"],
            "phone": ["+41 44 668 18 00", None, None],
            "blood_pressure": ["high, call ana.lopez@example.org", "normal", None],
        }
    )
    frame.write_parquet(path)
    options = Options(deidentify=True, as_of=date(2026, 3, 2), hash_key=KEY)
    done = spark.run_spark([str(path)], str(tmp_path / "out"), compiled, options, session=session)
    alone = run([path], tmp_path / "alone", compiled, options)
    for name in OUTPUTS:
        assert _rows(done.out / f"{name}.parquet").equals(_rows(alone.out / f"{name}.parquet"), null_equal=True)
    assert done.manifest["deidentified"] == alone.manifest["deidentified"] != []
    assert done.manifest["steps_taken"] == alone.manifest["steps_taken"]
    _no_trace(done.out, ["lopez", "668", KEY.decode()])


def _no_trace(folder: Path, words: Sequence[str]) -> None:
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".parquet"]
    texts = [path.read_text(errors="replace") for path in files]
    texts += [_rows(folder / f"{name}.parquet").write_json() for name in OUTPUTS]
    assert len(texts) > 2 and not [word for word in words if any(word in text for text in texts)]


# ---- what is refused ----


def _refused(
    inputs: Sequence[Path], out: Path, compiled: Compiled, session: Any, options: Options = Options()
) -> Problems:
    """What the cluster refuses; of such a run nothing is left."""
    with pytest.raises(Problems) as caught:
        spark.run_spark([str(path) for path in inputs], str(out), compiled, options, session=session)
    assert not out.exists()
    assert SECRET not in str(caught.value) and "/" not in str(caught.value.items[0].place)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value


def test_a_part_file_that_is_damaged_leaves_nothing(
    session: Any, cohort: Path, tmp_path: Path, compiled: Compiled, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "cohort"
    shutil.copytree(cohort, folder)
    damaged = sorted(folder.iterdir())[7]
    data = bytearray(damaged.read_bytes())
    data[20_000:40_000] = bytes(20_000)
    damaged.write_bytes(data)
    said = _refused([folder], tmp_path / "out", compiled, session).items[0]
    assert said.kind == "unreadable" and said.place.source == damaged.name
    assert SECRET not in capfd.readouterr().err


def test_a_file_that_is_cut_short_is_refused_by_name(
    session: Any, cohort: Path, tmp_path: Path, compiled: Compiled
) -> None:
    short = tmp_path / "short.parquet"
    short.write_bytes(sorted(cohort.iterdir())[0].read_bytes()[:-100])
    said = _refused([cohort, short], tmp_path / "out", compiled, session).items[0]
    assert said.kind == "unreadable" and said.place.source == "short.parquet"


def test_columns_are_refused_as_on_one_machine(session: Any, tmp_path: Path, compiled: Compiled) -> None:
    path = tmp_path / "odd.parquet"
    frame = pl.DataFrame({"id": ["a"], "agee": [40.0], "pain.duration_days": ["long"], "sex": [1], "Age": [None]})
    frame.write_parquet(path)
    with pytest.raises(Problems) as caught:
        run([path], tmp_path / "alone", compiled, Options(drop=("nowhere",), complete=("nothing",)))
    theirs = _refused([path], tmp_path / "out", compiled, session, Options(drop=("nowhere",), complete=("nothing",)))
    assert len(theirs.items) > 3
    assert str(theirs) == str(caught.value)


@pytest.mark.parametrize(
    "columns",
    [
        {"id": ["a"], "date_of_birth": ["1950-01-02"]},
        {"id": ["ana.lopez@example.org"], "age": [40.0]},
        {"id": ["a"], "age": [93.0]},
        {"id": ["a"], "blood_pressure": ["high, call ana.lopez@example.org"]},
    ],
)
def test_what_may_identify_somebody_is_refused_as_on_one_machine(
    columns: dict[str, list[Any]], session: Any, tmp_path: Path, compiled: Compiled
) -> None:
    path = tmp_path / "few.parquet"
    pl.DataFrame(columns).write_parquet(path)
    with pytest.raises(Problems) as caught:
        run([path], tmp_path / "alone", compiled)
    theirs = _refused([path], tmp_path / "out", compiled, session)
    assert str(theirs) == str(caught.value) and "lopez" not in str(theirs)


@pytest.mark.parametrize(
    ("frames", "kind"),
    [
        ({"a.parquet": {"age": [4.0]}, "b.parquet": {"age": [4]}}, "wrong-type"),
        ({"a.parquet": {"age": [4.0]}, "b.parquet": {"age": [4.0], "sex": ["male"]}}, "wrong-type"),
        ({"a.parquet": {"age": [4.0]}, "_b.parquet": {"age": [4.0]}}, "unreadable"),
        ({"a.csv": {"age": [4.0]}}, "wrong-type"),
    ],
)
def test_files_that_do_not_fit_together_are_refused(
    frames: dict[str, dict[str, list[Any]]], kind: str, session: Any, tmp_path: Path, compiled: Compiled
) -> None:
    folder = tmp_path / "cohort"
    folder.mkdir()
    for i, (name, columns) in enumerate(frames.items()):
        pl.DataFrame({"id": [f"{i}"], **columns}).write_parquet(folder / name)
    assert _refused([folder], tmp_path / "out", compiled, session).items[0].kind == kind


def test_a_type_that_spark_cannot_read_is_refused(session: Any, tmp_path: Path, compiled: Compiled) -> None:
    path = tmp_path / "times.parquet"
    day = pl.Series([0]).cast(pl.Datetime("ns"))
    pl.DataFrame({"id": ["a"], "seen": day}).write_parquet(path)
    said = _refused([path], tmp_path / "out", compiled, session).items[0]
    assert said.kind == "wrong-type" and "NANOS" in said.message


def test_what_is_not_there_is_refused(session: Any, tmp_path: Path, compiled: Compiled) -> None:
    assert _refused([tmp_path / "no.parquet"], tmp_path / "out", compiled, session).items[0].kind == "not-found"


def test_only_parquet_is_written(session: Any, cohort: Path, tmp_path: Path, compiled: Compiled) -> None:
    assert _refused([cohort], tmp_path / "out", compiled, session, Options(kind="csv")).items[0].kind == "unknown-value"


# ---- a worker, without a cluster ----


def _shipped(compiled: Compiled, frame: pl.DataFrame) -> SimpleNamespace:
    shipped = spark.Shipped.of(compiled, Options(), [name for name in frame.columns if name != ROW], {}, {})
    return SimpleNamespace(value=shipped.packed())


def test_a_worker_makes_the_parts_that_one_machine_makes(compiled: Compiled) -> None:
    frame = people.frame(25_000).with_columns(pl.int_range(1, 25_001, dtype=pl.Int64).alias(ROW))
    kinds = {name: kind for name, kind in frame.schema.items() if name != ROW}
    part = Evaluator(compiled, kinds, "id").part(frame)
    batches = frame.to_arrow().combine_chunks().to_batches()
    made = list(spark.evaluate(_shipped(compiled, frame), "a run", None, batches))  # type: ignore[arg-type]
    assert len(made) == 3 and [batch["told"].is_valid().to_pylist() for batch in made] == [[True], [False], [False]]
    counted = spark.Counted.of([json.loads(made[0]["told"][0].as_py())])
    counted.close(25_000, "evaluated")
    told = pl.concat(map(spark.frame_of, spark.unpack(spark.as_it_is, (batch.select(["results"]) for batch in made))))
    assert told.equals(spark.frame_of(spark.plain(part.results)), null_equal=True)


def test_a_worker_that_fails_tells_no_cell(compiled: Compiled) -> None:
    frame = pl.DataFrame({"id": ["a"], "age": [40.0], ROW: [1]})
    odd = frame.with_columns(age=pl.lit(SECRET)).to_arrow().to_batches()
    with pytest.raises(spark.PartFailed) as caught:
        list(spark.evaluate(_shipped(compiled, frame.with_columns(b=1)), "another run", None, odd))  # type: ignore[arg-type]
    assert str(caught.value).startswith("partition 0 could not be worked out (ShapeError at spark.py:")
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__


def test_rows_without_a_number_are_not_evaluated(compiled: Compiled) -> None:
    frame = pl.DataFrame({"id": ["a"], ROW: [None]}, schema_overrides={ROW: pl.Int64})
    with pytest.raises(spark.PartFailed, match="without their numbers"):
        list(spark.evaluate(_shipped(compiled, frame), "one more run", None, frame.to_arrow().to_batches()))  # type: ignore[arg-type]


def test_a_worker_with_other_software_says_so(compiled: Compiled, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pl.DataFrame({"id": ["a"], ROW: [1]})
    shipped = _shipped(compiled, frame)
    monkeypatch.setattr(spark, "__version__", "0.0.1")
    with pytest.raises(spark.PartFailed, match=r"the workers have pathway 0\.0\.1"):
        list(spark.evaluate(shipped, "a third run", None, frame.to_arrow().to_batches()))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "kind", "told"),
    [
        (f"reading file file:///d/a%20b.parquet. SQLSTATE\n{SECRET}", "engine-failed", "the cluster could not finish"),
        ("error while reading file s3a://b/a%20b.parquet.\nCaused by", "unreadable", "damaged"),
        ("Traceback\nModuleNotFoundError: No module named 'pathway'\n", "not-found", "no Python module pathway"),
        (f"pathway.batch.spark.PartFailed: partition 3 x (E)\n{SECRET}", "engine-failed", "partition 3 x (E)"),
        (f"java.io.IOException: {SECRET}", "engine-failed", "(IOException)"),
        (SECRET, "engine-failed", "(no reason given)"),
    ],
)
def test_of_what_spark_says_only_what_names_no_cell_is_told(said: str, kind: str, told: str) -> None:
    problem = spark._problem(said, "hdfs://cluster/out/")
    assert problem.kind == kind and told in problem.message
    assert SECRET not in problem.render()


@pytest.mark.parametrize(("out", "quarantined", "numbers"), [(2, 0, 6), (2, 1, 7), (3, 0, 5), (3, 1, 6)])
def test_counts_that_do_not_close_are_seen(out: int, quarantined: int, numbers: int) -> None:
    with pytest.raises(AssertionError):
        spark.Counted(out, quarantined, numbers).close(3, "written")


# ---- a cluster ----


@dataclass
class Cluster:
    """A master and two workers, each a process of ours."""

    folder: Path
    master: str = ""
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *command: str) -> None:
        import pyspark

        home = Path(pyspark.__file__).parent
        environment = {
            **os.environ, "SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "256m",
            "SPARK_LOCAL_DIRS": str(self.folder), "SPARK_NO_DAEMONIZE": "1",
        }  # fmt: skip
        with open(self.log(name), "wb") as log:
            self.running[name] = subprocess.Popen(
                [str(home / "bin" / "spark-class"), *command], env=environment, cwd=self.folder,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def kill(self, name: str) -> None:
        """End a process of ours at once, as a machine that loses its power."""
        self.running[name].send_signal(signal.SIGKILL)
        self.running.pop(name).wait(timeout=60)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait(until: Callable[[], object], what: str, seconds: float = STARTS) -> None:
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def _says(log: Path, words: bytes) -> bool:
    return words in log.read_bytes()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path / "cluster")
    made.folder.mkdir()
    port = _free_port()
    made.master = f"spark://127.0.0.1:{port}"
    deploy = "org.apache.spark.deploy"
    try:
        made.start("master", f"{deploy}.master.Master", "--host", "127.0.0.1", "--port", f"{port}", "--webui-port", "0")
        for name in ("one", "two"):
            made.start(
                name, f"{deploy}.worker.Worker", "--host", "127.0.0.1", "--cores", "1", "--memory", "700m",
                "--webui-port", "0", "--work-dir", str(made.folder / name), made.master,
            )  # fmt: skip
        for name in ("one", "two"):
            _wait(partial(_says, made.log(name), b"registered with master"), f"worker {name}")
        yield made
    finally:
        for name in [*made.running]:
            with suppress(ProcessLookupError):
                made.kill(name)


@dataclass
class Accident:
    """A worker that is killed while parts are being worked out: some are done, and some are not."""

    cluster: Cluster
    parts: Path
    done: int = 0
    went_on: bool = False
    failed: str = ""

    def wait_for_it(self) -> None:
        try:
            _wait(lambda: len(self._done()) >= 3, "no part was seen at work")
            self.done = len(self._done())
            self.cluster.kill("one")
            self.went_on = (self.parts / "_temporary").exists()
        except BaseException as error:
            self.failed = repr(error)

    def _done(self) -> list[Path]:
        """The tasks whose part is put down, though nothing is published yet."""
        return [*self.parts.glob("_temporary/0/task_*")]


def _executors(session: Any) -> int:
    """How many there are beside the driver."""
    return int(session.sparkContext._jsc.sc().getExecutorMemoryStatus().size()) - 1


def test_a_cluster_that_loses_a_worker_on_the_way_gives_the_same(
    cluster: Cluster, cohort: Path, alone: Finished, tmp_path: Path, compiled: Compiled
) -> None:
    out = tmp_path / "out"
    few = {"spark.sql.files.maxPartitionBytes": "150000"}  # some forty tasks, each of a row group
    with _session(cluster.master, **few) as session:
        _wait(lambda: _executors(session) == 2, "the executors")
        accident = Accident(cluster, out / UNFINISHED / "parts")
        watching = threading.Thread(target=accident.wait_for_it, daemon=True)
        watching.start()
        done = spark.run_spark([str(cohort)], str(out), compiled, session=session)
        watching.join(timeout=STARTS)
        _wait(lambda: _executors(session) == 1, "the executor of the killed worker")
    assert not accident.failed and not watching.is_alive()
    assert accident.done >= 3 and accident.went_on, "the run was over before the worker was killed"
    assert_same(done, alone)
