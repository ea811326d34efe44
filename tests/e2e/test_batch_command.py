"""`pathway batch` from end to end: every row accounted for, killed and resumed, refused where it must be."""

from __future__ import annotations

import csv
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from time import monotonic, sleep

import duckdb
import polars as pl
import pytest

import pathway
from pathway.api import load_rules, read, walk
from pathway.batch.lookup import read_manifest
from pathway.batch.results import named
from pathway.table import Table
from tests.property.cohorts import row as random_row

ROOT = Path(__file__).resolve().parents[2]
CASES = sorted(path for path in (ROOT / "cases").iterdir() if path.suffix in (".yaml", ".json"))
FEW = [path for path in CASES if path.stem == "crps-after-fracture"] + CASES[::20]
"""Enough for a cohort of some two hundred columns; the laws of the engine of columns are tried on all of them."""
ROWS = 700
KILLED = -signal.SIGKILL


def run(*words: object, cwd: Path | None = None, **more) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "pathway", *map(str, words)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=env, check=False, **more)


def good(*words: object, **more) -> str:
    done = run(*words, **more)
    assert done.returncode == 0, done.stderr
    return str(done.stderr)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows of the bundled cases, many at random, and bad ones of most kinds, as one CSV."""
    table, rng = Table(load_rules().base), random.Random(7)
    rows = [{"id": path.stem, **table.row_of(read(path).subject)} for path in FEW]
    names = ["id", *sorted({name for row in rows for name in row if name != "id"}, key=table.place)]
    for i in range(ROWS):
        told = {name: cell for name, cell in random_row(rng).items() if name in names}
        rows.append({"id": f"r-{i:04}", **told, **({"age": 89} if told.get("age", 0) > 89 else {})})
    rows += [{"id": "r-0001", "age": 40}, {"id": "", "age": 40}, {"id": "x-1", "age": "old"}, {"id": "x-2", "sex": "m"}]
    path = tmp_path_factory.mktemp("cohort") / "cohort.csv"
    with open(path, "w", newline="") as stream:
        writer = csv.DictWriter(stream, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        stream.write("x-3,too,few\n")
    return path


@pytest.fixture(scope="module")
def whole(cohort: Path) -> Path:
    """The outputs of an undisturbed run."""
    out = cohort.parent / "whole"
    good("batch", cohort, "-o", out, "--part-rows", "100", "--wide")
    return out


def contents(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.iterdir())}


# ---- in and out ----


def test_every_row_is_in_the_results_or_in_the_quarantine(cohort: Path, whole: Path):
    manifest = read_manifest(whole)
    results, quarantine = (pl.read_parquet(whole / f"{name}.parquet") for name in ("results", "quarantine"))
    total = manifest["counts"]["in"]
    assert total == len(FEW) + ROWS + 5
    assert manifest["counts"]["out"] == results.height
    assert manifest["counts"]["quarantined"] == quarantine.height == sum(manifest["counts"]["by_kind"].values())
    assert sorted([*results["row"], *quarantine["row"]]) == list(range(1, total + 1))
    assert results["row"].is_sorted()
    kinds = {"repeated-id", "missing-field", "wrong-type", "unknown-value", "ragged-row", "contradiction"}
    assert kinds <= manifest["counts"]["by_kind"].keys()
    assert {path.name for path in whole.iterdir()} == {
        "manifest.json", "results.parquet", "quarantine.parquet", "wide.parquet",
    }  # fmt: skip


def test_a_refused_row_is_kept_whole_with_the_reason(cohort: Path, whole: Path):
    refused = {row["id"] or row["line"]: row for row in pl.read_parquet(whole / "quarantine.parquet").to_dicts()}
    old = refused["x-1"]
    assert (old["column"], old["kind"], old["age"]) == ("age", "wrong-type", "old")
    assert "a whole one" in old["help"]
    assert (refused["x-2"]["kind"], refused["x-2"]["sex"]) == ("unknown-value", "m")
    assert refused["x-3,too,few"]["kind"] == "ragged-row"


def test_a_case_of_the_bundled_ones_comes_out_as_its_walk(whole: Path):
    results = {row["id"]: row for row in pl.read_parquet(whole / "results.parquet").to_dicts()}
    verdicts = {row["id"]: row for row in pathway.columns(whole).to_dicts()}
    answers = {"fires": 1, "asks": 0, "silent": -1}
    for path in FEW:
        told, found = walk(read(path)), results[path.stem]
        assert found["ending"] == (told.ending.reason or told.ending.kind)
        assert found["grade"] == told.ending.grade
        assert found["current"] == ";".join(told.ending.steps)
        for step in told.steps:
            assert found[f"{step.step}.status"] == step.status
            assert all(found[f"{option.option}.status"] == option.status for option in step.options)
        assert all(verdicts[path.stem][rule.rule] == answers[rule.verdict] for rule in told.rules())
        assert found["questions"] > 0 or not told.questions


def test_any_reader_finds_the_same(whole: Path):
    results = pl.read_parquet(whole / "results.parquet")
    query = f"select count(*), count(distinct id), sum(questions) from '{whole}/results.parquet'"
    told = duckdb.sql(query)
    assert told is not None
    assert told.fetchall()[0] == (results.height, results.height, results["questions"].sum())
    rules = read_manifest(whole)["rules"]
    wide = pl.read_parquet(whole / "wide.parquet")
    assert wide.equals(named(results, rules))
    some = pathway.columns(whole, [rules[3], rules[-1]])
    assert some.columns == ["id", "row", rules[3], rules[-1]]
    assert some.equals(wide.select(some.columns))


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_other_formats_say_the_same(cohort: Path, whole: Path, kind: str, tmp_path: Path):
    good("batch", cohort, "-o", tmp_path / "out", "--format", kind, "--part-rows", "300")
    results = pl.read_parquet(whole / "results.parquet")
    reader = pl.read_csv if kind == "csv" else pl.read_ndjson
    told = reader(tmp_path / "out" / f"results.{kind}", infer_schema_length=None)
    assert told["row"].to_list() == results["row"].to_list()
    for name in ("ending", "massage.status"):
        assert told[name].to_list() == results[name].to_list()
    masks = [name for name in results.columns if name.startswith(("fires_", "asks_", "questions"))]
    assert told.select(pl.col(masks).cast(pl.UInt64)).equals(results.select(pl.col(masks).cast(pl.UInt64)))
    assert good("explain", "--from", tmp_path / "out", FEW[0].stem, "-o", tmp_path / "told.txt").count("agree")


def test_parquet_csv_and_lines_of_the_same_rows_come_out_the_same(cohort: Path, whole: Path, tmp_path: Path):
    rows = pl.read_csv(cohort, infer_schema=False, truncate_ragged_lines=True)[:-1]
    rows.write_parquet(tmp_path / "cohort.parquet")
    rows.write_ndjson(tmp_path / "cohort.ndjson")
    results = pl.read_parquet(whole / "results.parquet")
    for name in ("cohort.parquet", "cohort.ndjson"):
        good("batch", tmp_path / name, "-o", tmp_path / f"out-{name}")
        told = pl.read_parquet(tmp_path / f"out-{name}" / "results.parquet")
        shared = [column for column in results.columns if not column.startswith("questions")]
        assert told.select(shared).equals(results.select(shared))


def test_a_folder_of_case_files_is_a_cohort(tmp_path: Path):
    stderr = good("batch", ROOT / "cases", "-o", tmp_path / "out")
    assert f"{len(CASES)} rows: {len(CASES)} evaluated, 0 in quarantine" in stderr


def test_the_template_runs(tmp_path: Path):
    good("batch", "--template", "cohort.csv", cwd=tmp_path)
    assert "5 rows: 5 evaluated" in good("batch", "cohort.csv", "-o", "out", cwd=tmp_path)
    assert run("batch", "--template", "cohort.csv", cwd=tmp_path).returncode == 1
    assert "--as-of" in run("batch", "--help").stdout


def test_a_list_that_is_whole_is_said_once_for_all(tmp_path: Path):
    (tmp_path / "c.csv").write_text("id,pain.duration_days\na,400\n")
    good("batch", "c.csv", "-o", "open", cwd=tmp_path)
    good("batch", "c.csv", "-o", "whole", "--complete", "red_flags,causes", "--complete", "illnesses", cwd=tmp_path)
    before, after = (
        pl.read_parquet(tmp_path / out / "results.parquet").row(0, named=True) for out in ("open", "whole")
    )
    assert (before["root.status"], after["root.status"]) == ("asks", "not-needed")
    assert read_manifest(tmp_path / "whole")["complete"] == ["causes", "illnesses", "red_flags"]
    assert "agree" in good("explain", "--from", "whole", "a", "-o", "told.txt", cwd=tmp_path)


# ---- one row explained ----


def test_a_row_is_explained_by_the_other_engine_which_agrees(whole: Path, tmp_path: Path):
    done = run("explain", "--from", whole, "crps-after-fracture", "massage")
    assert "crps-after-fracture: the batch and the engine of single cases agree" in done.stderr
    assert done.stdout.startswith("crps-after-fracture.json\n")


def test_a_row_that_is_not_there_or_was_refused_is_told(whole: Path):
    done = run("explain", "--from", whole, "x-1")
    assert done.returncode == 1
    assert "quarantine.parquet" in done.stderr


def test_a_batch_that_says_something_else_is_a_fault_of_ours(whole: Path, tmp_path: Path):
    forged = tmp_path / "forged"
    forged.mkdir()
    for path in whole.iterdir():
        (forged / path.name).write_bytes(path.read_bytes())
    results = pl.read_parquet(forged / "results.parquet")
    other = results.with_columns(pl.lit("tried").alias("massage.status"))
    other.write_parquet(forged / "results.parquet")
    done = run("explain", "--from", forged, "crps-after-fracture")
    assert done.returncode in (0, 3)
    agrees = results.filter(pl.col("id") == "crps-after-fracture")["massage.status"].item() == "tried"
    assert (done.returncode == 0) == agrees
    silent = results.with_columns(pl.lit(0, dtype=pl.UInt64).alias("fires_0"))
    silent.write_parquet(forged / "results.parquet")
    done = run("explain", "--from", forged, "crps-after-fracture")
    assert done.returncode == 3
    assert "engines-disagree" in done.stderr


# ---- interrupted ----


def started(cohort: Path, out: Path, *more: str) -> subprocess.Popen:
    words = ["batch", str(cohort), "-o", str(out), "--part-rows", "100", "--wide", *more]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "pathway", *words], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def files_in(folder: Path) -> int:
    with suppress(FileNotFoundError):
        return sum(len(files) for _, _, files in os.walk(folder))
    return 0


def killed_when(process: subprocess.Popen, out: Path, files: int) -> bool:
    """Whether the process was killed as soon as it had put down so many files, and not done by then."""
    deadline = monotonic() + 120
    while process.poll() is None and monotonic() < deadline:
        if files_in(out) >= files:
            process.send_signal(signal.SIGKILL)
            break
        sleep(0.0005)
    return process.wait() == KILLED


@pytest.mark.parametrize("files", [1, 2, 3, 6, 12, 18, 24, 27, 30, 33])
def test_killed_at_any_moment_it_goes_on_to_the_same_bytes(cohort: Path, whole: Path, tmp_path: Path, files: int):
    out = tmp_path / "out"
    if killed_when(started(cohort, out), out, files):
        assert not (out / "manifest.json").exists()
        refused = run("batch", cohort, "-o", out, "--part-rows", "100", "--wide")
        assert "--resume" in refused.stderr
        good("batch", cohort, "-o", out, "--part-rows", "100", "--wide", "--resume")
    assert {**contents(out), "manifest.json": b""} == {**contents(whole), "manifest.json": b""}
    told, wanted = (json.loads((folder / "manifest.json").read_text()) for folder in (out, whole))
    assert {**told, "command": []} == {**wanted, "command": []}


def test_killed_again_and_again_it_comes_to_its_end(cohort: Path, whole: Path, tmp_path: Path):
    out, kills = tmp_path / "out", 0
    for files in range(4, 34, 6):
        kills += killed_when(started(cohort, out, *(["--resume"] if kills else [])), out, files)
        if (out / "manifest.json").exists():
            break
    good("batch", cohort, "-o", out, "--part-rows", "100", "--wide", "--resume")
    assert kills >= 3
    assert contents(out).keys() == contents(whole).keys()
    assert contents(out)["results.parquet"] == contents(whole)["results.parquet"]


def test_a_part_that_was_cut_short_is_worked_out_again(cohort: Path, whole: Path, tmp_path: Path):
    out = tmp_path / "out"
    assert killed_when(started(cohort, out), out, 14)
    part = next(iter(sorted((out / ".unfinished").glob("*.results.parquet"))))
    part.write_bytes(part.read_bytes()[:100])
    good("batch", cohort, "-o", out, "--part-rows", "100", "--wide", "--resume")
    assert contents(out)["results.parquet"] == contents(whole)["results.parquet"]


def test_another_run_does_not_go_on_with_this_one(cohort: Path, tmp_path: Path):
    out = tmp_path / "out"
    assert killed_when(started(cohort, out), out, 9)
    other = tmp_path / "other.csv"
    other.write_text("id,age\na,50\n")
    done = run("batch", other, "-o", out, "--part-rows", "100", "--wide", "--resume")
    assert done.returncode == 1
    assert "not the same input" in done.stderr
    assert run("batch", cohort, "-o", out, "--part-rows", "200", "--wide", "--resume").returncode == 1
    good("batch", other, "-o", out, "--force")


def test_a_full_disk_leaves_a_state_that_goes_on(cohort: Path, whole: Path, tmp_path: Path):
    def no_room() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))

    out = tmp_path / "out"
    done = run("batch", cohort, "-o", out, "--part-rows", "100", "--wide", preexec_fn=no_room)
    assert done.returncode == 1, done.stderr
    assert "cannot write here" in done.stderr
    assert "--resume" in done.stderr
    assert not (out / "manifest.json").exists()
    good("batch", cohort, "-o", out, "--part-rows", "100", "--wide", "--resume")
    assert contents(out)["results.parquet"] == contents(whole)["results.parquet"]


def test_outputs_that_are_there_stay_until_new_ones_are_ready(cohort: Path, whole: Path, tmp_path: Path):
    out = tmp_path / "out"
    good("batch", cohort, "-o", out, "--part-rows", "100", "--wide")
    assert "there are results here already" in run("batch", cohort, "-o", out).stderr
    before = contents(out)
    process = started(cohort, out, "--force")
    with suppress(subprocess.TimeoutExpired):
        process.wait(2.0)
    process.kill()
    process.wait()
    after = dict(contents_of_files(out))
    assert after == before


def test_to_resume_what_is_over_does_nothing_and_never_writes_over_another_run(tmp_path: Path):
    (tmp_path / "a.csv").write_text("id,age\na,50\n")
    (tmp_path / "b.csv").write_text("id,age\nb,60\n")
    (tmp_path / "key").write_text("a key of this test, long enough")
    good("batch", "a.csv", "-o", "out", cwd=tmp_path)
    before = dict(contents_of_files(tmp_path / "out"))
    good("batch", "a.csv", "-o", "out", "--resume", cwd=tmp_path)
    for words in (["b.csv"], ["a.csv", "--complete", "illnesses"], ["a.csv", "--hash-ids", "key"]):
        done = run("batch", *words, "-o", "out", "--resume", cwd=tmp_path)
        assert done.returncode == 1
        assert "a finished run is here" in done.stderr
        assert "--force" in done.stderr
    assert dict(contents_of_files(tmp_path / "out")) == before
    assert not (tmp_path / "out" / ".unfinished").exists()


@pytest.mark.parametrize(
    ("name", "data", "kinds"),
    [
        ("c.csv", b"id,age,sex\na,50,f\xe9male\nb,40,f\xe9male\n", {"not-utf-8": 2}),
        ("c.csv", b"id,age\na,50,\nb,40,\n", {"ragged-row": 2}),
        ("c.ndjson", b"[1]\n{\n", {"wrong-type": 1, "bad-json": 1}),
        ("c.yaml", b"age: a hundred\n", {"wrong-type": 1}),
    ],
    ids=["Latin-1", "a comma too many", "no objects", "a bad case"],
)
def test_where_no_row_can_be_read_all_are_in_the_quarantine(tmp_path: Path, name: str, data: bytes, kinds: dict):
    (tmp_path / name).write_bytes(data)
    good("batch", name, "-o", "out", cwd=tmp_path)
    counts = read_manifest(tmp_path / "out")["counts"]
    assert counts["by_kind"] == kinds
    assert counts["in"] == counts["quarantined"] == sum(kinds.values())
    assert pl.read_parquet(tmp_path / "out" / "results.parquet").height == counts["out"] == 0
    quarantine = pl.read_parquet(tmp_path / "out" / "quarantine.parquet")
    assert quarantine.height == counts["quarantined"]
    assert quarantine["help"].str.len_chars().min() > 10  # type: ignore[operator]


@pytest.mark.parametrize("word", ["--force", "--resume"])
def test_nobody_writes_into_a_folder_in_which_another_run_is_at_work(
    cohort: Path, whole: Path, tmp_path: Path, word: str
):
    out = tmp_path / "out"
    process = started(cohort, out)
    try:
        _wait_for(lambda: len([*out.glob(".unfinished/*.told.json")]) > 0)
        process.send_signal(signal.SIGSTOP)
        done = run("batch", cohort, "-o", out, "--part-rows", "100", "--wide", word)
        assert (done.returncode, "another run is writing" in done.stderr) == (1, True), done.stderr
        process.send_signal(signal.SIGCONT)
        assert process.wait(120) == 0
    finally:
        process.kill()
        process.wait()
    assert contents(out)["results.parquet"] == contents(whole)["results.parquet"]


def _wait_for(so) -> None:
    end = monotonic() + 60
    while not so():
        assert monotonic() < end
        sleep(0.005)


@pytest.mark.parametrize("name", ["results.csv", "wide.csv", "quarantine.csv"])
def test_the_outputs_never_stand_in_the_place_of_the_cohort(tmp_path: Path, name: str):
    (tmp_path / name).write_text("id,age\na,50\n")
    for words in ([], ["--force"]):
        done = run("batch", name, "-o", ".", *words, cwd=tmp_path)
        assert (done.returncode, "in the place of the cohort" in done.stderr) == (1, True), done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert "which is read" in run("batch", ".", "-o", tmp_path, cwd=tmp_path).stderr
    done = run("batch", "--compare", ROOT / "rules", ROOT / "rules", name, "-o", name, cwd=tmp_path)
    assert (done.returncode, (tmp_path / name).read_text()) == (1, "id,age\na,50\n")


def test_a_file_that_somebody_else_left_is_not_taken_away(tmp_path: Path):
    (tmp_path / "c.csv").write_text("id,age\na,50\n")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "wide.csv").write_text("mine")
    assert "there are results here already" in run("batch", "c.csv", "-o", "out", cwd=tmp_path).stderr
    assert (tmp_path / "out" / "wide.csv").read_text() == "mine"


@pytest.mark.parametrize("text", ["xx", "[]", "{}"])
def test_work_that_is_damaged_is_not_gone_on_with(tmp_path: Path, text: str):
    (tmp_path / "c.csv").write_text("id,age\na,50\n")
    (tmp_path / "out" / ".unfinished").mkdir(parents=True)
    (tmp_path / "out" / ".unfinished" / "run.json").write_text(text)
    done = run("batch", "c.csv", "-o", "out", "--resume", cwd=tmp_path)
    assert (done.returncode, "begin anew with --force" in done.stderr) == (1, True), done.stderr
    (tmp_path / "out" / ".unfinished" / "run.json").unlink()
    (tmp_path / "out" / ".unfinished" / "000000.told.json").write_text(text)
    good("batch", "c.csv", "-o", "out", "--resume", cwd=tmp_path)


def contents_of_files(out: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(out.iterdir()):
        if path.is_file():
            yield path.name, path.read_bytes()


# ---- refused ----


def refused(tmp_path: Path, text: str, *more: str) -> str:
    (tmp_path / "c.csv").write_text(text)
    done = run("batch", "c.csv", "-o", "out", *more, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert not (tmp_path / "out").exists(), "nothing of what was refused is kept"
    return str(done.stderr)


@pytest.mark.parametrize(
    ("text", "more", "told"),
    [
        ("id,agee\na,50\n", [], 'did you mean "age"?'),
        ("id,pain.duration\na,50\n", [], 'did you mean "pain.duration_days"?'),
        ("case,age\na,50\n", [], "name the column of case ids with --id"),
        ("id,age\na,50\n", ["--drop", "height"], "is to be dropped, and is not there"),
        ("id,age\na,50\n", ["--complete", "illness"], "the lists are:"),
        ('id,age,sex\na,50,"female\nb,40,male\nc,30,male\n', [], "row 1 swallows the rows after it"),
        ("id,age\n", [], "this holds no row"),
        ("id\na\n", [], "it has ids and no other column"),
        ("id,age\na,50\n", ["--drop", "age"], "it has ids and no other column"),
        ("id," + ",".join(f"c{i}" for i in range(3000)) + "\na" + ",1" * 3000 + "\n", [], "and 2,950 more columns"),
    ],
)
def test_columns_that_nobody_knows_are_refused(tmp_path: Path, text: str, more: Sequence[str], told: str):
    assert told in refused(tmp_path, text, *more)


@pytest.mark.parametrize(
    "text",
    ["c-1,Anna Smith,Anna Smith\nc-2,b,c\n", "Anna Zmith,52,female\nc-2,60,male\n", "id,Zmith,age\na,1,ma\xe9,4\n"],
)
def test_a_first_line_that_is_no_header_or_a_row_that_is_odd_is_never_told(tmp_path: Path, text: str):
    (tmp_path / "c.csv").write_bytes(text.encode("latin-1"))
    done = run("batch", "c.csv", "-o", "out", cwd=tmp_path)
    assert done.returncode == 1
    assert not [word for word in ("Anna", "mith,", "52", "ma\xe9", "Traceback") if word in done.stderr], done.stderr


def test_what_was_dropped_is_not_kept_in_the_quarantine_either(tmp_path: Path):
    (tmp_path / "c.csv").write_bytes("id,age,name\na,50,male\nb,40,J\xe9r\xf4me Miller\n".encode("latin-1"))
    good("batch", "c.csv", "-o", "out", "--drop", "name", cwd=tmp_path)
    quarantine = pl.read_parquet(tmp_path / "out" / "quarantine.parquet")
    assert quarantine.select("row", "kind", "line").rows() == [(2, "not-utf-8", None)]


def test_types_that_no_column_takes_are_told(tmp_path: Path):
    pl.DataFrame({"id": [["a"], ["b"]], "age": [1, 2]}).write_parquet(tmp_path / "list.parquet")
    done = run("batch", "list.parquet", "-o", "out", cwd=tmp_path)
    assert (done.returncode, "ids are texts or numbers" in done.stderr) == (1, True), done.stderr
    decimals = pl.Series([Decimal("52"), Decimal("-1"), Decimal("5.5")])
    pl.DataFrame({"id": [1.0, float("nan"), 2.5], "pain.intensity": decimals}).write_parquet(tmp_path / "d.parquet")
    good("batch", "d.parquet", "-o", "out", cwd=tmp_path)
    kinds = pl.read_parquet(tmp_path / "out" / "quarantine.parquet").select("row", "column", "kind").rows()
    assert kinds == [
        (1, "pain.intensity", "out-of-range"),
        (2, "id", "missing-field"),
    ]


def test_a_case_that_was_changed_since_is_not_explained(tmp_path: Path):
    (tmp_path / "c.csv").write_text("id,age,pain.duration_days\na,52,400\n")
    good("batch", "c.csv", "-o", "out", cwd=tmp_path)
    (tmp_path / "c.csv").write_text("id,age,pain.duration_days\na,55,400\n")
    assert "was changed since" in run("explain", "--from", "out", "a", cwd=tmp_path).stderr
    (tmp_path / "c.csv").unlink()
    assert "--input" in run("explain", "--from", "out", "a", cwd=tmp_path).stderr


@pytest.mark.parametrize(
    ("name", "value"), [("policy", [1]), ("settings", {}), ("digest", 5), ("handed_in", []), ("format", "x")]
)
def test_a_manifest_that_is_not_ours_is_refused(tmp_path: Path, name: str, value: object):
    (tmp_path / "c.csv").write_text("id,age\na,52\n")
    good("batch", "c.csv", "-o", "out", cwd=tmp_path)
    manifest = tmp_path / "out" / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), name: value}))
    done = run("explain", "--from", "out", "a", cwd=tmp_path)
    assert (done.returncode, "no folder of a finished batch" in done.stderr) == (1, True), done.stderr
    (tmp_path / "out" / "results.parquet").write_bytes(b"PAR1")
    done = run("cohort", "out", cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_a_column_is_left_out_where_that_is_asked_for(tmp_path: Path):
    (tmp_path / "c.csv").write_text("id,age,wave\na,50,2\n")
    good("batch", "c.csv", "-o", "out", "--drop", "wave", cwd=tmp_path)
    assert read_manifest(tmp_path / "out")["settings"]["drop"] == ["wave"]


def test_without_the_extra_it_says_what_to_install(tmp_path: Path):
    (tmp_path / "c.csv").write_text("id,age\na,50\n")
    code = (
        "import sys; sys.modules['polars'] = None; from pathway.cli import main; main(['batch', 'c.csv', '-o', 'out'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "not-installed: this needs polars" in done.stderr
    assert 'pip install "pain-pathway[batch]"' in done.stderr


# ---- anonymised cases only ----

PEOPLE = """id,age,patient_name,pain.began,note
a1,93,Ana Ruiz,2025-01-02,"saw her at home on Tuesday, she is the teacher of my daughter"
b1,40,Bo Lindqvist,2025-03-02,"phone 020 7946 0958, ask for the wife"
"""
TELLING = ("Ana", "Ruiz", "Lindqvist", "2025", "7946", "teacher", "93")


def test_what_may_tell_who_somebody_is_is_refused_by_its_column_and_never_told(tmp_path: Path):
    said = refused(tmp_path, PEOPLE)
    for column in ("age", "patient_name", "pain.began", "note"):
        assert f"c.csv:{column}: " in said
    assert "--deidentify" in said
    assert not any(word in said for word in TELLING)
    assert not (tmp_path / "out" / "results.parquet").exists()


def test_deidentify_makes_it_safe_and_records_what_it_did(tmp_path: Path):
    (tmp_path / "c.csv").write_text(PEOPLE)
    (tmp_path / "key").write_text("a key of this test, long enough")
    words = ["--deidentify", "--as-of", "2026-01-02", "--hash-ids", "key"]
    said = good("batch", "c.csv", "-o", "out", *words, cwd=tmp_path)
    manifest = read_manifest(tmp_path / "out")
    assert len(manifest["deidentified"]) == 6
    assert all(f"deidentified: {line}" in said for line in manifest["deidentified"])
    results = pl.read_parquet(tmp_path / "out" / "results.parquet")
    assert results.height == 2
    assert not {"a1", "b1"} & set(results["id"])
    everything = b"".join(path.read_bytes() for path in (tmp_path / "out").iterdir())
    assert not any(word.encode() in everything for word in ("Ana", "Ruiz", "Lindqvist", "7946", "teacher", "a key of"))
    assert "agree" in good("explain", "--from", "out", results["id"][0], "-o", "told.txt", cwd=tmp_path)


def test_days_that_tell_no_duration_are_told(tmp_path: Path):
    (tmp_path / "c.csv").write_text(
        "id,pain.began,trials.massage.began,trials.massage.result\n"
        "a,2020-01-02,2025-06-01,failed\nb,01/05/2020,,\nc,2027-01-02,,\n"
    )
    said = good("batch", "c.csv", "-o", "out", "--deidentify", "--as-of", "2026-01-02", cwd=tmp_path)
    assert "1 cell dropped: the trial neither runs nor has an end" in said
    refused = pl.read_parquet(tmp_path / "out" / "quarantine.parquet")
    assert refused["id"].to_list() == ["b", "c"]
    assert set(refused["column"]) == {"pain.began"}
    assert all("write days as 2026-01-31" in help for help in refused["help"])


@pytest.mark.parametrize(
    "text",
    [
        "id,age\nana.ruiz@example.org,50\nbo@example.org,40\n",
        "id,sex\na,female\nb,call 020 7946 0958\n",
        "id,age\na,50\nb,call 020 7946 0958,x\n",
    ],
    ids=["as an id", "in a column that is known", "in a row that could not be split"],
)
def test_an_identifier_is_found_wherever_it_stands(tmp_path: Path, text: str):
    said = refused(tmp_path, text)
    assert "identifier" in said
    assert "7946" not in said
    assert "example.org" not in said


def test_a_key_that_can_be_guessed_is_refused(tmp_path: Path):
    (tmp_path / "key").write_text("short")
    assert "16 bytes" in refused(tmp_path, "id,age\na,50\n", "--hash-ids", "key")


# ---- editions ----


TRIED = [
    {"id": "a", "pain.duration_days": 900}
    | {f"trials.{name}.{part}": cell for name in ("massage", "antidepressant")
       for part, cell in (("result", "failed"), ("duration_days", 84))},
    {"id": "b", "pain.duration_days": 900},
]  # fmt: skip


def test_two_editions_are_compared(tmp_path: Path):
    rules = tmp_path / "rules"
    shutil.copytree(ROOT / "rules", rules)
    pl.DataFrame(TRIED).write_csv(tmp_path / "c.csv")
    words = ["--complete", "red_flags,causes,trials,illnesses,care,conditions"]
    same = run("batch", "--compare", ROOT / "rules", rules, "c.csv", *words, cwd=tmp_path).stdout
    assert "\n0 of 2 cases are decided differently\n" in same
    policy = (rules / "policy.yaml").read_text()
    for step in ("therapies", "medication"):
        begin = policy.index(f"- policy: {step}-exhausted-at")
        policy = policy[:begin] + policy[begin:].replace("default: 2", "default: 1", 1)
    (rules / "policy.yaml").write_text(policy)
    told = run("batch", "--compare", ROOT / "rules", rules, "c.csv", *words, cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert "\n1 of 2 cases are decided differently\n" in told.stdout
    assert "1  therapies: current -> done  (such as a)" in told.stdout
    assert "1  medication.next-ketamine: is silent -> fires" in told.stdout


def test_a_rule_that_does_something_else_is_told_and_so_are_other_reasons(tmp_path: Path):
    rules = tmp_path / "rules"
    shutil.copytree(ROOT / "rules", rules)
    path = rules / "steps" / "60-ketamine.yaml"
    text = path.read_text()
    begin = text.index("rule: ketamine.hold-for-glaucoma")
    path.write_text(text[:begin] + text[begin:].replace("hold:", "caution:", 1))
    row = {"id": "a", "pain.duration_days": 900, "illnesses.glaucoma": "yes"}
    pl.DataFrame([row, {**row, "id": "b", "illnesses.epilepsy": "yes"}]).write_csv(tmp_path / "c.csv")
    told = run("batch", "--compare", ROOT / "rules", rules, "c.csv", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert "iv-ketamine: held-back" in told.stdout or "other rules speak" in told.stdout
    assert "ketamine.hold-for-glaucoma: hold iv-ketamine -> caution iv-ketamine" in told.stdout
