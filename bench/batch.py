"""Batches: many cases a second, beside what it costs merely to read and write them, DuckDB, and durable-rules.

    ./dev python bench/batch.py                 one million people, some minutes
    ./dev python bench/batch.py --rows 250000   fewer
    ./dev python bench/batch.py --full          ten million, and fifty for the memory: an hour, 10 GB of disk, and 4 GB
                                                of memory for the peer; writes RESULTS-batch.md

Needs `pathway[batch]` and duckdb. Every run is a process of its own that
tells its seconds and the most memory it held; imports and the reading of the rules are not counted. What is told as
a ratio was run in turns. Before anything is timed, 2,000 people are judged one by one, and 20,000 by DuckDB.

The cohort is that of `people.py`. The rules are the bundled ones, cut where fewer are wanted: what is documented
first, then the safety rules in the order of their files. Nothing of the tree but the rules is cut.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import duckdb  # noqa: E402
import people  # noqa: E402
import polars as pl  # noqa: E402
import sql  # noqa: E402
from measure import Claim, compiled  # noqa: E402

from pathway.batch.intake import PART_ROWS, WORKERS, Options, take_in  # noqa: E402
from pathway.batch.parts import Evaluator  # noqa: E402
from pathway.batch.results import BITS, OUT_OF_SCOPE  # noqa: E402
from pathway.batch.run import run  # noqa: E402
from pathway.batch.sources import Source, open_source  # noqa: E402
from pathway.cache import Compiled, load  # noqa: E402
from pathway.case import read_case  # noqa: E402
from pathway.engine import plain  # noqa: E402
from pathway.findings import find  # noqa: E402
from pathway.table import Table  # noqa: E402
from pathway.tree import build  # noqa: E402

ROWS, FULL_ROWS, MANY_ROWS = 1_000_000, 10_000_000, 50_000_000
JUDGED_ROWS, SAME_ROWS = 2_000, 20_000
COUNTS = (100, 200, 400, 800)
"""Numbers of rules; each is twice the one before."""
FEW = COUNTS[0]
MOST_OF_READING, LEAST_OF_DUCKDB, LEAST_OF_DURABLE = 2.0, 5.0, 1_000.0
MOST_OF_TWICE, MOST_OF_MANY, MOST_MEMORY = 2.0, 1.15, 2 << 30
TOLD = "told, not bound"
Told = Mapping[str, float]


# ---- rules and cases ----


def cut(whole: Compiled, count: int) -> Compiled:
    """The same rules with only so many of them: the documented first. Its durable-rules program stays the whole one."""
    order = sorted(whole.base.rules, key=lambda rule: rule.layer != "documented")
    kept = {rule.rule for rule in order[:count]}
    base = dataclasses.replace(whole.base, rules=tuple(rule for rule in whole.base.rules if rule.rule in kept))
    return dataclasses.replace(whole, base=base, tree=build(base, whole.policy))


def rules_of(count: int) -> Compiled:
    """So many of the bundled rules; 0 for all of them."""
    whole = load()
    return cut(whole, count) if count else whole


def findings_of(rules: Compiled, cohort: Path, rows: int) -> Iterator[tuple[str, dict[str, int]]]:
    """The first rows of a cohort, each read as a case file would be: its id, and what was found."""
    table = Table(rules.base)
    for row in pl.read_parquet(cohort, n_rows=rows).iter_rows(named=True):
        name = row.pop("id")
        cells = {key: ("yes" if cell else "no") if isinstance(cell, bool) else cell for key, cell in row.items()}
        text = json.dumps(table.case_of(cells)).encode()
        subject = read_case(io.BytesIO(text), rules.base, name="case.json").subject
        yield name, find(subject, rules.tree.field_words)


# ---- one run in a process of its own ----


def ours(folder: Path, cohort: str, rules: int, questions: bool = False) -> Told:
    """The whole of a run, from the files to the manifest."""
    some = rules_of(rules)
    began = time.perf_counter()
    finished = run([Path(cohort)], folder, some, Options(questions=questions), force=True)
    seconds = time.perf_counter() - began
    if bool(finished.manifest["questions"]) != questions:
        raise SystemExit("the run did not ask as it was told to")
    return {"seconds": seconds, "quarantined": finished.manifest["counts"]["quarantined"]}


def reading(folder: Path, cohort: str, shape: str) -> Told:
    """What it costs Polars to read the same columns, and to write the results that are there already.

    Every cell is decoded, by counting; the results lie in memory before the clock starts.
    """
    results = pl.read_parquet(shape)
    began = time.perf_counter()
    pl.scan_parquet(cohort).select(pl.all().null_count()).collect(engine="streaming")
    read = time.perf_counter() - began
    target = folder / "polars.parquet"
    results.write_parquet(target, compression="zstd", statistics=False, row_group_size=PART_ROWS)
    return {"seconds": time.perf_counter() - began, "read": read}


def in_duckdb(folder: Path, cohort: str, rules: int) -> Told:
    """The same rules as SQL: no checks, no grades, no current steps, no manifest."""
    some = rules_of(rules)
    began = time.perf_counter()
    query = sql.Query(some.tree, some.base, pl.scan_parquet(cohort).collect_schema())
    with duckdb.connect(config={"threads": WORKERS}) as connection:
        sql.copy(connection, query, Path(cohort), folder / "duckdb.parquet")
    return {"seconds": time.perf_counter() - began}


def in_durable(folder: Path, cohort: str, rows: int) -> Told:
    """Case by case in durable-rules, through our thin driver; only its own time counts."""
    some = compiled()
    every = [findings for _, findings in findings_of(some, Path(cohort), rows)]
    for findings in every[:10]:
        some.engine.run(findings)
    began = time.perf_counter()
    for findings in every:
        some.engine.run(findings)
    return {"seconds": time.perf_counter() - began}


def in_parts(folder: Path, cohort: str, rules: int) -> Told:
    """The stages of a part, one after the other: the least of some turns each, in seconds."""
    some, source = rules_of(rules), _source(Path(cohort))
    evaluator = Evaluator(some, source.kinds, "id", questions=False).ready()
    rows = min(PART_ROWS, source.total)
    frame = source.read(0, rows, list(source.kinds))
    codes = evaluator.coding.code(frame).codes
    part = evaluator.part(frame)
    target = folder / "part.parquet"
    return {
        "read": _least(lambda: source.read(0, rows, list(source.kinds))),
        "coding": _least(lambda: evaluator.coding.code(frame)),
        "checks": _least(lambda: evaluator._contradictions.look(codes)),
        "part": _least(lambda: evaluator.part(frame)),
        "write": _least(lambda: part.results.write_parquet(target, compression="zstd", statistics=False)),
        "rows": rows,
    }


def taking_in(folder: Path, cohort: str) -> Told:
    """What is looked at before the first row is evaluated: the guard, and ids that stand twice."""
    base, folder = load().base, Path(tempfile.mkdtemp(dir=folder.parent))
    began = time.perf_counter()
    take_in([Path(cohort)], folder, base, Options())
    return {"seconds": time.perf_counter() - began}


def _source(cohort: Path) -> Source:
    return open_source([cohort], cohort.parent, load().base, "id")


def _least(work: Callable[[], object], turns: int = 7) -> float:
    seconds = []
    for _ in range(turns):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def check(folder: Path, cohort: str, rules: int) -> Told:
    """Refuse to time what is wrong: each of some people as the judge judges them, more of them as DuckDB does."""
    some = rules_of(rules)
    run([Path(cohort)], folder / "check", some, Options(questions=False), force=True)
    results = pl.read_parquet(folder / "check" / "results.parquet")
    whole = {row["id"]: row for row in results.head(JUDGED_ROWS).iter_rows(named=True)}
    for name, findings in findings_of(some, Path(cohort), JUDGED_ROWS):
        if name in whole and not _same(whole[name], plain.run(some.tree, findings), some):
            raise SystemExit(f"what the batch says of {name} is not what the judge says")
    query = sql.Query(some.tree, some.base, pl.scan_parquet(cohort).collect_schema())
    with duckdb.connect() as connection:
        sql.copy(connection, query, Path(cohort), folder / "check" / "duckdb.parquet")
    odd = sql.differences(pl.read_parquet(folder / "check" / "duckdb.parquet"), results)
    if odd or results.height < SAME_ROWS * 0.9:
        raise SystemExit(f"what DuckDB says is not what the batch says: {odd}")
    return {"seconds": 0.0, "rows": results.height}


def _same(row: Mapping[str, Any], judged: Mapping[str, int | str], rules: Compiled) -> bool:
    """Whether a row of results says what the judge says of the case."""
    ending = "referral" if row["ending"] == OUT_OF_SCOPE else row["ending"]
    statuses = {name: row[name] for name in row if name.endswith(".status")}
    verdicts = {}
    for i, rule in enumerate(rules.base.rules):
        fires, asks = (row[f"{name}_{i // BITS}"] >> i % BITS & 1 for name in ("fires", "asks"))
        verdicts[f"rule:{rule.rule}"] = 1 if fires else 0 if asks else -1
    said = {"walk.ending": ending, **statuses, **verdicts}
    return all(judged[name] == answer for name, answer in said.items())


TASKS = {each.__name__: each for each in (ours, reading, in_duckdb, in_durable, in_parts, taking_in, check)}


def alone(task: Callable[..., Told], folder: Path, **given: object) -> Told:
    """A run in a process of its own: what it tells, with the most memory it held in bytes ("peak")."""
    words = json.dumps({"task": task.__name__, "folder": str(folder), "given": given})
    done = subprocess.run([sys.executable, __file__, "--task", words], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{task.__name__} failed: {given}")
    told: Told = json.loads(done.stdout.splitlines()[-1])
    return told


def _as_told(words: str) -> None:
    wanted = json.loads(words)
    told = TASKS[wanted["task"]](Path(wanted["folder"]), **wanted["given"])
    print(json.dumps({**told, "peak": peak()}))


def peak() -> int:
    """The most memory that this process held, in bytes; what it was started from does not count."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) << 10
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


# ---- claims ----


def claims(rows: int = ROWS, many: int = 0, turns: int = 5) -> list[Claim]:
    """Everything that we claim of batches.

    Args:    rows: people in the cohort. many: people in the large one; 0 leaves it out.
    """
    folder = Path(tempfile.mkdtemp(prefix="pathway-bench-"))
    try:
        small = people.write(folder / "few.parquet", SAME_ROWS)
        for count in (FEW, 0):
            alone(check, folder, cohort=str(small), rules=count)
        cohort = people.write(folder / "cohort.parquet", rows)
        seconds = _in_turns(folder, cohort, turns)
        found = [*_of_reading(seconds, rows), *_of_rules(seconds, rows)]
        found += [*_of_durable(folder, cohort, rows, turns), *_of_duckdb(folder, cohort, rows, min(turns, 3))]
        found += [*_of_questions(folder, cohort, min(turns, 3)), *_of_parts(folder, cohort, seconds, rows)]
        return found + (_of_many(folder, many, turns) if many else [])
    finally:
        shutil.rmtree(folder)


Seconds = Mapping[str, list[float]]


def _in_turns(folder: Path, cohort: Path, turns: int) -> Seconds:
    """The seconds of each run, by its name, all of them once a turn, after one turn to warm up."""
    runs: dict[str, Callable[[], Told]] = {
        f"{count or 'all'} rules": lambda count=count: _kept(folder, cohort, count)  # type: ignore[misc]
        for count in (*COUNTS, 0)
    }
    shape = folder / f"out-{FEW}" / "results.parquet"
    runs["reading"] = lambda: alone(reading, folder, cohort=str(cohort), shape=str(shape))
    seconds: dict[str, list[float]] = {name: [] for name in (*runs, "only reading")}
    for turn in range(turns + 1):
        for name, each in runs.items():
            told = each()
            if turn:
                seconds[name].append(told["seconds"])
            if turn and name == "reading":
                seconds["only reading"].append(told["read"])
    return seconds


def _kept(folder: Path, cohort: Path, count: int) -> Told:
    """A run; only what the fewest rules say is kept, for its shape."""
    out = folder / f"out-{count}"
    told = alone(ours, out, cohort=str(cohort), rules=count)
    if count != FEW:
        shutil.rmtree(out)
    return told


def ratio(seconds: Seconds, above: str, below: str) -> float:
    """How often one run goes into another: the median of the turns."""
    return median(a / b for a, b in zip(seconds[above], seconds[below], strict=True))


def _row(seconds: Seconds, name: str, rows: int) -> str:
    return f"{median(seconds[name]) / rows * 1e9:,.0f} ns a row"


def _of_reading(seconds: Seconds, rows: int) -> Iterator[Claim]:
    """What a run costs beside reading and writing alone."""
    often = ratio(seconds, f"{FEW} rules", "reading")
    note = f"{rows:,} rows; {_row(seconds, f'{FEW} rules', rows)} : {_row(seconds, 'reading', rows)}"
    note += f", of which {_row(seconds, 'only reading', rows)} to read"
    what = f"a run of {FEW} rules, every verdict written : Polars reading the same columns, writing the same results"
    yield Claim(what, often, f"at most {MOST_OF_READING:g}", often <= MOST_OF_READING, note)


def _of_rules(seconds: Seconds, rows: int) -> Iterator[Claim]:
    """What more rules cost."""
    total = len(load().base.rules)
    for count, name in [*((count, f"{count} rules") for count in COUNTS[1:]), (total, "all rules")]:
        further = [
            (a - b) / r for a, b, r in zip(seconds[name], seconds[f"{FEW} rules"], seconds["reading"], strict=True)
        ]
        each = median(further) * 100 / (count - FEW)
        note = f"{count} rules: {_row(seconds, name, rows)}"
        yield Claim(f"each 100 rules from {FEW} to {count} : the same reading and writing", each, TOLD, True, note)
    doubles = {count: ratio(seconds, f"{count} rules", f"{count // 2} rules") for count in COUNTS[1:]}
    note = ", ".join(f"{count}: {often:.2f}" for count, often in doubles.items())
    most = max(doubles.values())
    yield Claim("twice the rules : as many", most, f"at most {MOST_OF_TWICE:g}", most <= MOST_OF_TWICE, note)


def _beside(turns: int, above: Callable[[], Told], below: Callable[[], Told]) -> tuple[float, float, float]:
    """Two runs in turns: how often the one goes into the other, and the seconds of each; medians."""
    pairs = [(above()["seconds"], below()["seconds"]) for _ in range(turns)]
    return median(a / b for a, b in pairs), median(a for a, _ in pairs), median(b for _, b in pairs)


def _of_durable(folder: Path, cohort: Path, rows: int, turns: int) -> Iterator[Claim]:
    """How many times faster than durable-rules case by case, all rules."""
    cases = min(JUDGED_ROWS // 2, rows)
    often, theirs, _ = _beside(
        turns, lambda: alone(in_durable, folder, cohort=str(cohort), rows=cases), lambda: _kept(folder, cohort, 0)
    )
    often *= rows / cases
    note = f"all rules; {cases:,} cases, {theirs / cases * 1e3:.1f} ms of the engine for each, in one process"
    what = "durable-rules case by case : a run"
    yield Claim(what, often, f"at least {LEAST_OF_DURABLE:,.0f}", often >= LEAST_OF_DURABLE, note)


def _of_duckdb(folder: Path, cohort: Path, rows: int, turns: int) -> Iterator[Claim]:
    """How many times faster than DuckDB: bound for the whole rule base, told for the few rules as well."""
    for count in (0, FEW):
        theirs = partial(alone, in_duckdb, folder, cohort=str(cohort), rules=count)
        often, their_seconds, our_seconds = _beside(turns, theirs, partial(_kept, folder, cohort, count))
        note = f"{their_seconds / rows * 1e9:,.0f} ns a row : {our_seconds / rows * 1e9:,.0f}; {WORKERS} threads"
        bound, holds = (TOLD, True) if count else (f"at least {LEAST_OF_DUCKDB:g}", often >= LEAST_OF_DUCKDB)
        yield Claim(f"DuckDB, {count or 'all'} rules as SQL : a run", often, bound, holds, note)


def _of_questions(folder: Path, cohort: Path, turns: int) -> Iterator[Claim]:
    """What it costs to ask what is open."""
    asking = partial(alone, ours, folder / "asked", cohort=str(cohort), rules=0, questions=True)
    often, _, _ = _beside(turns, asking, partial(_kept, folder, cohort, 0))
    yield Claim("a run that asks what is open : one that does not", often, TOLD, True, "all rules")


def _of_parts(folder: Path, cohort: Path, seconds: Seconds, rows: int) -> Iterator[Claim]:
    """Where the time of a run goes."""
    told = alone(in_parts, folder, cohort=str(cohort), rules=FEW)
    share = 1e9 / told["rows"]
    rest = told["part"] - told["coding"] - told["checks"]
    stages = {name: told[name] for name in ("read", "coding", "checks")}
    stages |= {"kernel and the rest of a part": rest, "write": told["write"]}
    note = f"{FEW} rules, one part alone, in ns a row: "
    note += ", ".join(f"{name} {taken * share:,.0f}" for name, taken in stages.items())
    often = median(seconds[f"{FEW} rules"]) / rows / (told["part"] / told["rows"])
    yield Claim("a run : its parts evaluated one after the other, not read or written", often, TOLD, True, note)
    before = alone(taking_in, folder, cohort=str(cohort))
    note = f"{before['seconds'] / rows * 1e9:,.0f} ns a row"
    often = before["seconds"] / median(seconds["reading"])
    yield Claim("what is looked at before a run begins : the same reading and writing", often, TOLD, True, note)


def _of_many(folder: Path, many: int, turns: int) -> list[Claim]:
    """Whether a large cohort takes more time for a row, and how much memory."""
    few, large = people.write(folder / "few.parquet", ROWS), people.write(folder / "many.parquet", many)
    out = folder / "many"
    times, peaks = [], []
    for _ in range(2):
        each = [alone(ours, out, cohort=str(few), rules=0)["seconds"] / ROWS for _ in range(turns)]
        told = alone(ours, out, cohort=str(large), rules=0)
        times.append(told["seconds"] / many / median(each))
        peaks.append(told["peak"])
    often, most = max(times), max(peaks)
    what = f"a row of {many:,} : a row of {ROWS:,}"
    note = f"all rules; {', '.join(f'{each:.2f}' for each in times)}"
    bound = f"at most {MOST_MEMORY >> 30} GiB"
    return [
        Claim(what, often, f"at most {MOST_OF_MANY:g}", often <= MOST_OF_MANY, note),
        Claim(f"the most memory of {many:,} rows, in GiB", most / (1 << 30), bound, most <= MOST_MEMORY, "all rules"),
    ]


def table(found: list[Claim]) -> str:
    """Claims as a table."""
    lines = ["| claim | ratio | bound | holds | |", "|---|---|---|---|---|"]
    lines += [f"| {c.what} | {c.ratio:,.2f} | {c.bound} | {'yes' if c.holds else '**no**'} | {c.note} |" for c in found]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure and print; with --full, write RESULTS-batch.md. Exit 1 where a claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, help=f"people in the cohort ({ROWS:,})")
    parser.add_argument("--turns", type=int, default=5, help="how often each run is timed")
    parser.add_argument("--full", action="store_true", help="ten and fifty million rows; write RESULTS-batch.md")
    parser.add_argument("--task", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.task:
        _as_told(given.task)
        return 0
    from run import machine

    load_before = os.getloadavg()[0]
    rows = given.rows or (FULL_ROWS if given.full else ROWS)
    found = claims(rows, MANY_ROWS if given.full else 0, given.turns)
    versions = ", ".join(f"{name} {version(name)}" for name in ("polars", "pyarrow", "duckdb", "durable-rules"))
    head = f"{rows:,} rows. {versions}. {machine()}; load {load_before:.1f} before."
    print(head, table(found), sep="\n\n")
    if given.full:
        how = "Written by `./dev python bench/batch.py --full`: medians of runs in turn. Only ratios mean something."
        (HERE / "RESULTS-batch.md").write_text(f"# Results of batches\n\n{how}\n\n{head}\n\n{table(found)}")
    return 0 if all(claim.holds for claim in found) else 1


if __name__ == "__main__":
    sys.exit(main())
