"""Run: a cohort from end to end, part by part, so that a run that was killed can go on where it stood.

All work stands in a folder of its own beside the outputs; they are moved to their names only when every row of the
input is counted, the manifest last. Nothing that is written tells when or where it was made, so that a run that was
interrupted ends in the same bytes as one that was not.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl

from pathway._version import __version__
from pathway.batch import results
from pathway.batch.guard import Step
from pathway.batch.intake import Intake, Options, step_as_data, take_in
from pathway.batch.parts import Evaluator, Part, quarantine_schema
from pathway.batch.sources import cannot_write
from pathway.batch.splice import Damaged, Splice
from pathway.cache import Compiled
from pathway.problem import Place, Problem, Problems

SCHEMA = "pathway.batch/1"
FORMATS = ("parquet", "csv", "ndjson")
DEFAULTS = Options()
UNFINISHED = ".unfinished"
MANIFEST = "manifest.json"
TOLD = {"in", "out", "kinds", "filled", "steps", "digests"}
"""What is kept of each part beside its rows."""
REFUSALS = ("identifier", "free-text")
"""Why a cohort may not even lie beside the results until it is mended."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Finished:
    """A run that is done: where its outputs stand, and what its manifest says."""

    out: Path
    manifest: Mapping[str, Any]


def run(  # noqa: PLR0913  as the command has them
    inputs: Sequence[Path],
    out: Path,
    compiled: Compiled,
    options: Options = DEFAULTS,
    *,
    command: Sequence[str] = (),
    resume: bool = False,
    force: bool = False,
    progress: Progress = lambda done, total: None,
) -> Finished:
    """Evaluate a cohort.

    Args:    inputs: files or folders of one kind. out: the folder for results, quarantine and manifest. resume: go on
             with a run that was interrupted. force: write over outputs that are there.
    Errors:  Problems: a cohort that cannot be read, columns that nobody knows or that may identify somebody, an
             output that cannot be written. What was done by then is kept for `resume`.
    """
    _refuse_own_input(inputs, out)
    with _writing(out), _alone(out):
        done = _done(out) if resume and not force else None
        work = _begin(out, resume, force)
        with _no_copy_kept(work, REFUSALS if resume else None):
            intake = take_in(inputs, work, compiled.base, options)
        with _no_copy_kept(work, REFUSALS):
            job = _Run(intake, tuple(inputs), out, work, compiled, options, tuple(command), progress)
            return job.run() if done is None else job.as_it_is(done)


def _begin(out: Path, resume: bool, force: bool) -> Path:
    """The folder to work in; what an earlier run left there is kept, or taken away, or refused."""
    work = out / UNFINISHED
    if work.exists() and not (resume or force):
        raise _refused(out, "unfinished-run", "an earlier run into this folder was interrupted", _RESUME)
    if not (resume or force) and any(path.exists() for path in _outputs(out)):
        help = "choose another folder with -o, or write over it with --force"
        raise _refused(out, "unfinished-run", "there are results here already", help)
    if force and not resume:
        shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True, exist_ok=True)
    return work


def _outputs(out: Path) -> list[Path]:
    """Everything that a run may leave in its folder."""
    names = (f"{name}.{ending}" for name in ("results", "quarantine", "wide") for ending in FORMATS)
    return [out / MANIFEST, *(out / name for name in names)]


def _refuse_own_input(inputs: Sequence[Path], out: Path) -> None:
    """Refuse a folder in which the outputs would stand in the place of the cohort, or among its files."""
    own = {path.resolve() for path in (out, *_outputs(out))}
    for given in inputs:
        with suppress(OSError):
            if given.resolve() in own:
                message = "the outputs would stand in the place of the cohort, or among its files"
                raise _refused(given, "unreadable", message, "choose another folder with -o")


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """While nobody else writes into a folder.

    Errors:  Problems (unfinished-run).
    """
    out.mkdir(parents=True, exist_ok=True)
    folder = os.open(out, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            help = "wait until it is done, or choose another folder with -o"
            raise _refused(out, "unfinished-run", "another run is writing into this folder", help) from None
        except OSError:
            pass  # some shared disks know no locks
        yield
    finally:
        os.close(folder)


def _done(out: Path) -> dict[str, Any] | None:
    """The manifest of a run that is over, and has nothing left to go on with."""
    if (out / UNFINISHED).exists() or not (out / MANIFEST).exists():
        return None
    return _read(out / MANIFEST) or {}


def _read(path: Path) -> dict[str, Any] | None:
    """What a file of ours says; None where it says nothing that we would."""
    try:
        told = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None


@contextmanager
def _no_copy_kept(work: Path, kinds: Collection[str] | None) -> Iterator[None]:
    """Keep nothing of a cohort that is refused: for Problems of some kinds, or for any."""
    try:
        yield
    except Problems as problems:
        if kinds is None or any(problem.kind in kinds for problem in problems.items):
            shutil.rmtree(work, ignore_errors=True)
            with suppress(OSError):
                work.parent.rmdir()  # only where it holds nothing else
        raise


_RESUME = "go on with it with --resume, or begin anew with --force"


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise cannot_write(out, error) from None
    except pl.exceptions.ComputeError as error:
        if "os error" not in str(error):
            raise
        raise cannot_write(out, OSError("the disk is full, or takes no more")) from None


def _refused(path: Path, kind: str, message: str, help: str) -> Problems:
    return Problems([Problem(kind, Place(path.name or str(path), None, None), message, help)])


@dataclass
class _Run:
    intake: Intake
    inputs: tuple[Path, ...]
    out: Path
    work: Path
    compiled: Compiled
    options: Options
    command: tuple[str, ...]
    progress: Progress
    told: dict[int, dict[str, Any]] = field(default_factory=dict)

    def run(self) -> Finished:
        with ThreadPoolExecutor(1) as pool:  # the digests of what was handed in take as long as the rules
            same = pool.submit(self._same_run)
            evaluator = self._evaluator.ready()
            same.result()
        ready = self.work / "ready"
        shutil.rmtree(ready, ignore_errors=True)
        ready.mkdir()
        self._join(self._parts(evaluator), ready, "results")
        return Finished(self.out, self._publish(ready))

    def as_it_is(self, done: Mapping[str, Any]) -> Finished:
        """A run that was over before: nothing is to be done, if it was this one.

        Errors:  Problems (unfinished-run), and the outputs stay.
        """
        shutil.rmtree(self.work, ignore_errors=True)
        now = json.loads(json.dumps({**self._identity, "digest": self.compiled.base.digest}))
        odd = sorted(name for name in now if name != "rules" and now[name] != done.get(name))
        if odd or self.options.hash_key is not None:
            why = f"not the same {', '.join(odd)}" if odd else "nobody can tell whether it had the same key"
            message = f"a finished run is here, of which nothing is left to do: {why}"
            raise _refused(self.out, "unfinished-run", message, "choose another folder, or write over it with --force")
        return Finished(self.out, done)

    # ---- parts ----

    @cached_property
    def _evaluator(self) -> Evaluator:
        options, intake = self.options, self.intake
        complete = frozenset(options.complete)
        return Evaluator(
            self.compiled, intake.kinds, options.id_column, complete, intake.repeated, options.questions, intake.dated
        )

    def _parts(self, evaluator: Evaluator) -> Iterator[Path]:
        """The results of every part, in order; those that are not there yet are worked out, several at a time."""
        size, total = self.options.part_rows, self.intake.rows
        waiting = iter(self.intake.firsts)
        done = given = 0
        running: dict[Future[int], int] = {}
        with ThreadPoolExecutor(self.options.workers) as pool:
            try:
                while True:
                    while len(running) < self.options.workers and (first := next(waiting, None)) is not None:
                        running[pool.submit(self._part, evaluator, first // size, first)] = first
                    if not running:
                        break
                    for each in wait(running, return_when=FIRST_COMPLETED).done:
                        del running[each]
                        done += each.result()
                        self.progress(done, total)
                    while given in self.told:
                        yield self._path(given, "results")
                        given += 1
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _part(self, evaluator: Evaluator, number: int, first: int) -> int:
        """Work out one part and put it down whole, unless an earlier run did; how many rows it has."""
        rows = min(self.options.part_rows, self.intake.rows - first)
        kept = self._kept(number)
        if kept is None:
            frame, steps = self.intake.read(first, rows)
            part = evaluator.part(frame)
            self.intake.look_again(part.quarantine)
            kept = self._put_down(number, rows, part, steps)
        self.told[number] = kept
        return rows

    def _put_down(self, number: int, rows: int, part: Part, steps: Sequence[Step]) -> dict[str, Any]:
        counted = part.results.height + part.quarantine.height
        ordered = part.results["row"].is_sorted() and part.quarantine["row"].is_sorted()
        if counted != rows or not ordered:
            raise AssertionError(f"part {number}: {counted} of {rows} rows came out, in order: {ordered}")
        digests = {}
        for name, frame in (("results", part.results), ("quarantine", part.quarantine)):
            path = self._path(number, name)
            frame.write_parquet(path.with_suffix(".part"), compression="zstd", statistics=False)
            os.replace(path.with_suffix(".part"), path)
            digests[name] = digest_of(path)
        kinds = part.quarantine["kind"].value_counts(sort=True)
        kept = {
            "in": rows,
            "out": part.results.height,
            "kinds": dict(kinds.iter_rows()),
            "filled": dict(part.filled),
            "steps": [[step.cells, step.refused, step.lost] for step in steps],
            "digests": digests,
        }
        _write(self._path(number, "told").with_suffix(".json"), kept)
        return kept

    def _kept(self, number: int) -> dict[str, Any] | None:
        """What an earlier run told of a part that is there whole."""
        kept = _read(self._path(number, "told").with_suffix(".json"))
        try:
            if kept is None or {*kept} != TOLD or {*kept["digests"]} != {"results", "quarantine"}:
                return None
            whole = all(digest_of(self._path(number, name)) == digest for name, digest in kept["digests"].items())
        except (OSError, TypeError):
            return None
        return kept if whole else None

    def _path(self, number: int, name: str) -> Path:
        return self.work / f"{number:06}.{name}.parquet"

    # ---- what it is a run of ----

    def _same_run(self) -> None:
        """Refuse to go on with a run of another cohort, other rules, or told to be done in another way."""
        path = self.work / "run.json"
        key = self.options.hash_key
        tag = hashlib.blake2b(key, digest_size=8).hexdigest() if key is not None else None
        now = json.loads(json.dumps({**self._identity, "key": tag}))
        if path.exists():
            before = _read(path) or {}
            if before != now:
                odd = ", ".join(sorted(name for name in {*before, *now} if before.get(name) != now.get(name)))
                message = f"the run that was interrupted is another one: not the same {odd}"
                raise _refused(self.out, "unfinished-run", message, "begin anew with --force, or choose another folder")
        _write(path, now)

    @cached_property
    def _identity(self) -> dict[str, Any]:
        options, base = self.options, self.compiled.base
        return {
            "software": __version__,
            "rules": base.digest,
            "policy": dict(sorted(self.compiled.policy.items())),
            "input": self._handed_in,
            "format": options.kind,
            "settings": options.told(),
            "versions": {"python": platform.python_version(), "polars": version("polars")},
        }

    @cached_property
    def _handed_in(self) -> list[dict[str, Any]]:
        return [
            {"name": path.name, "bytes": path.stat().st_size, "sha256": digest_of(path)}
            for path in self.intake.source.handed_in
        ]

    # ---- the end ----

    def _join(self, parts: Iterable[Path], ready: Path, name: str) -> None:
        """Put parts together as one file."""
        base, target = self.compiled.base, ready / f"{name}.{self.options.kind}"
        told = {"pathway.edition": base.edition, "pathway.digest": base.digest, "pathway.schema": SCHEMA}
        try:
            with (Splice if self.options.kind == "parquet" else Texts)(target) as whole:
                for part in parts:
                    whole.add(part)
                whole.finish(told)
        except Damaged as error:
            raise _refused(target, "unreadable", str(error), "begin anew with --force") from None

    def _publish(self, ready: Path) -> dict[str, Any]:
        """Put together what is left to be, count, and move everything to its name, the manifest last."""
        numbers = sorted(self.told)
        self._join(self._quarantines(numbers), ready, "quarantine")
        if self.options.wide:
            self._join(map(self._wide, numbers), ready, "wide")
        manifest = self._manifest(ready)
        _write(ready / MANIFEST, manifest)
        (self.out / MANIFEST).unlink(missing_ok=True)
        for name in ("results", "quarantine", "wide"):
            for ending in FORMATS:
                (self.out / f"{name}.{ending}").unlink(missing_ok=True)
        for path in sorted(ready.iterdir(), key=lambda path: path.name == MANIFEST):
            os.replace(path, self.out / path.name)
        shutil.rmtree(self.work, ignore_errors=True)
        return manifest

    def _quarantines(self, numbers: Sequence[int]) -> list[Path]:
        """The parts of the quarantine; the rows that could not be split stand first."""
        parts = [self._path(number, "quarantine") for number in numbers]
        if self.intake.source.refused is None:
            return parts
        path = self.work / "unsplit.quarantine.parquet"
        unsplit = self.intake.unsplit()
        schema = quarantine_schema(self.intake.kinds)
        message = pl.lit("this row could not be read").alias("message")
        missing = [pl.lit(None, dtype=kind).alias(name) for name, kind in schema.items() if name not in unsplit.columns]
        unsplit = unsplit.with_columns(missing).with_columns(message, pl.lit(0, dtype=pl.Int64).alias("others"))
        unsplit.sort("row").select(list(schema)).write_parquet(path, compression="zstd", statistics=False)
        return [path, *parts]

    def _wide(self, number: int) -> Path:
        path = self.work / f"{number:06}.wide.parquet"
        frame = pl.read_parquet(self._path(number, "results"))
        named = results.named(frame, [rule.rule for rule in self.compiled.base.rules])
        named.write_parquet(path, compression="zstd", statistics=False)
        return path

    @property
    def _steps(self) -> list[Step]:
        """What was done to make the cohort safe, with the cells of all its parts."""
        counted = list(self.intake.steps)
        for told in self.told.values():
            for i, (cells, refused, lost) in enumerate(told["steps"]):
                step = counted[i]
                counted[i] = replace(
                    step, cells=step.cells + cells, refused=step.refused + refused, lost=step.lost + lost
                )
        return counted

    def _manifest(self, ready: Path) -> dict[str, Any]:
        base, source = self.compiled.base, self.intake.source
        every = list(self.told.values())
        kinds: Counter[str] = Counter()
        filled: Counter[str] = Counter()
        for each in every:
            kinds.update(each["kinds"])
            filled.update(each["filled"])
        if source.refused is not None:
            kinds.update(dict(pl.read_parquet(source.refused)["kind"].value_counts().iter_rows()))
        counts = {"in": source.total, "out": sum(e["out"] for e in every), "quarantined": sum(kinds.values())}
        if counts["in"] != counts["out"] + counts["quarantined"]:
            raise AssertionError(f"the counts do not close: {counts}")
        identity = self._identity
        return {
            "schema": SCHEMA,
            "software": identity["software"],
            "edition": base.edition,
            "digest": base.digest,
            "policy": identity["policy"],
            "command": list(self.command),
            "counts": {**counts, "by_kind": dict(sorted(kinds.items(), key=lambda item: (-item[1], item[0])))},
            "handed_in": [str(path) for path in self.inputs],
            "input": [*identity["input"]],
            "output": [_of_file(path) for path in sorted(ready.iterdir())],
            "format": identity["format"],
            "settings": identity["settings"],
            "versions": identity["versions"],
            "deidentified": [step.told() for step in self._steps],
            "steps_taken": [step_as_data(step) for step in self._steps],
            "filled": {name: filled[name] for name in self._evaluator.coding.columns},
            "steps": [step.step for step in base.walked],
            "options": [option.option for option in base.options],
            "rules": [rule.rule for rule in base.rules],
            "questions": list(self._evaluator.outputs.asked),
            "complete": sorted(self.options.complete),
        }


class Texts:
    """Parts as one file of comma-separated values or of a JSON object a line, by the ending of its name."""

    def __init__(self, target: Path) -> None:
        self.is_csv, self.begun = target.suffix == ".csv", False
        self.stream = open(target, "wb")  # noqa: SIM115  closed by __exit__

    def __enter__(self) -> Texts:
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()

    def add(self, part: Path) -> None:
        """Put a part behind those that are there."""
        frame = pl.read_parquet(part)
        if self.is_csv:
            frame.write_csv(self.stream, include_header=not self.begun)
        else:
            frame.write_ndjson(self.stream)
        self.begun = True

    def finish(self, told: Mapping[str, str]) -> None:
        """See that all is on the disk; a text has no place for what is told of it."""
        self.stream.flush()
        os.fsync(self.stream.fileno())


def _of_file(path: Path) -> dict[str, Any]:
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": digest_of(path)}


def digest_of(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write(path: Path, data: Any) -> None:
    """Write JSON whole or not at all."""
    part = path.with_suffix(".part")
    with open(part, "w") as stream:
        json.dump(data, stream, indent=1, ensure_ascii=False)
        stream.write("\n")
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(part, path)
