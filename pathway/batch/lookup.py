"""Lookup: one row of a finished batch as a case, and whether the engine of single cases decides it the same."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from pathway.batch.coding import Coding
from pathway.batch.intake import again
from pathway.batch.results import BITS, STATUS, VERDICTS, named, scan_output
from pathway.batch.run import FORMATS, MANIFEST, SCHEMA, digest_of
from pathway.cache import Compiled
from pathway.case import Case, read_case
from pathway.problem import Place, Problem, Problems, near, quoted
from pathway.table import Row, Table
from pathway.walks import Walk, walk_case


@dataclass(frozen=True)
class Found:
    """A row of a batch: the case that it says, and what the batch decided."""

    case: Case
    decided: Mapping[str, Any]
    manifest: Mapping[str, Any]


def read_manifest(out: Path) -> dict[str, Any]:
    """What a finished batch tells of itself.

    Errors:  Problems, where a folder holds no finished batch.
    """
    try:
        manifest: dict[str, Any] = json.loads((out / MANIFEST).read_text())
        if manifest["schema"] != SCHEMA or not _is_whole(manifest):
            raise ValueError
    except (OSError, ValueError, LookupError, TypeError):
        help = "`pathway batch INPUT -o OUT/` makes one; a run that was interrupted goes on with --resume"
        raise _problem(str(out), "not-found", "this is no folder of a finished batch", help) from None
    return manifest


def _is_whole(manifest: Mapping[str, Any]) -> bool:
    """Whether a manifest has all that is looked up in it, each in its type."""
    lists = all(isinstance(manifest[name], list) for name in ("rules", "complete", "handed_in", "input", "steps_taken"))
    groups = all(isinstance(manifest[name], dict) for name in ("counts", "settings", "policy"))
    return (
        lists
        and groups
        and isinstance(manifest["digest"], str)
        and manifest["format"] in FORMATS
        and bool(manifest["handed_in"])
        and all(isinstance(name, str) for name in (*manifest["rules"], *manifest["complete"], *manifest["handed_in"]))
        and all({"name", "sha256"} <= {*told} for told in manifest["input"])
        and {"id", "complete", "drop"} <= {*manifest["settings"]}
        and "quarantined" in manifest["counts"]
    )


def results_of(out: Path, manifest: Mapping[str, Any]) -> pl.LazyFrame:
    """The results of a finished batch, whatever their format."""
    path = out / f"results.{manifest['format']}"
    readers = {"parquet": scan_output, "csv": pl.scan_csv, "ndjson": pl.scan_ndjson}
    options: dict[str, Any] = {"infer_schema_length": None} if manifest["format"] != "parquet" else {}
    if manifest["format"] == "csv":
        options["schema_overrides"] = {"id": pl.String}
    return readers[manifest["format"]](path, **options)  # type: ignore[operator,no-any-return]


def columns(out: str | os.PathLike[str], rules: Iterable[str] = ()) -> pl.DataFrame:
    """The verdicts of a finished batch as a column for each rule: 1 fires, 0 asks, -1 is silent.

    Shapes:  a Polars frame: id, row, then Int8 columns called as the rules are. `.to_pandas()`, `.to_arrow()` or a
             DuckDB query take it on; `pathway batch --wide` writes the same as a file, for R and others.
    Args:    rules: only these; all of them where none is named.
    Errors:  Problems: no finished batch there, or a rule that it does not have.
    """
    folder = Path(out)
    manifest = read_manifest(folder)
    wanted = list(rules) or manifest["rules"]
    for name in wanted:
        if name not in manifest["rules"]:
            help = f'did you mean "{near(name, manifest["rules"])}"?' if near(name, manifest["rules"]) else ""
            raise _problem(str(out), "unknown-rule", f"this batch has no rule {quoted(name)}", help)
    return named(results_of(folder, manifest), manifest["rules"]).select("id", "row", *wanted).sort("row").collect()


def look_up(out: Path, name: str, compiled: Compiled, inputs: list[Path] | None = None) -> Found:
    """A case of a finished batch, by its id.

    Args:    inputs: where the cohort is now, if it is no longer where it was.
    Errors:  Problems: no such case, one in quarantine, other rules than the batch had, a cohort that is gone.
    """
    manifest = read_manifest(out)
    if manifest["digest"] != compiled.base.digest or manifest["policy"] != dict(compiled.policy):
        message = f"this batch was decided by edition {manifest['edition']}, digest {manifest['digest'][:12]}"
        help = "explain it with the same rules and policy: --rules, --policy"
        raise _problem(str(out), "edition", message, help)
    try:
        rows = results_of(out, manifest).filter(pl.col("id").cast(pl.String) == name).collect()
        rows.select("row", "ending", "grade")
    except (pl.exceptions.PolarsError, OSError):
        # What Polars says of it may quote a cell.
        raise _problem(str(out), "unreadable", "its results are damaged", "run the batch again") from None
    if rows.is_empty():
        raise _problem(str(out), "not-found", f"no evaluated case has the id {quoted(name)}", _why(out, manifest, name))
    decided = rows.row(0, named=True)
    row = _row(manifest, compiled, decided["row"], inputs)
    data = Table(compiled.base).case_of(row, manifest["complete"])
    case = read_case(BytesIO(json.dumps(data).encode()), compiled.base, name=f"{name}.json")
    return Found(case, decided, manifest)


def _why(out: Path, manifest: Mapping[str, Any], name: str) -> str:
    if manifest["counts"]["quarantined"]:
        return f"it may be in {out}/quarantine.{manifest['format']}, with the reason"
    return "ids are told as they stand in the results"


def _row(manifest: Mapping[str, Any], compiled: Compiled, number: int, inputs: list[Path] | None) -> Row:
    """The cells of a row that say something, as the table has them."""
    paths = [Path(each) for each in inputs or manifest["handed_in"]]
    with TemporaryDirectory() as work:
        if gone := [path for path in paths if not path.exists()]:
            raise _problem(str(gone[0]), "not-found", "the cohort of that batch is not here", "name it with --input")
        intake = again(manifest, paths, Path(work), compiled.base)
        files, told = intake.source.handed_in, manifest["input"]
        same = [path.name for path in files] == [each["name"] for each in told]
        if not same or any(e["sha256"] not in (None, digest_of(path)) for path, e in zip(files, told, strict=True)):
            message = "this is not the cohort of that batch, or was changed since"
            raise _problem(str(paths[0]), "not-found", message, "name it with --input")
        frame = intake.row(number)
    return Coding(Table(compiled.base), intake.kinds).cells(frame)


def disagreements(found: Found, compiled: Compiled) -> tuple[Walk, list[str]]:
    """The walk of a case, and where the batch decided something else, which would be a fault of the software."""
    walk = walk_case(found.case, compiled)
    said = {f"{step.step}{STATUS}": step.status for step in walk.steps}
    said |= {f"{option.option}{STATUS}": option.status for step in walk.steps for option in step.options}
    said["ending"] = walk.ending.reason or walk.ending.kind
    said["grade"] = walk.ending.grade
    odd = [f"{name}: {found.decided[name]} in the batch, {status} here" for name, status in said.items()
           if (found.decided[name] or "") != status]  # fmt: skip
    verdicts = {rule.rule: rule.verdict for rule in walk.rules()}
    for i, rule in enumerate(found.manifest["rules"]):
        verdict = _verdict(found.decided, i)
        if verdict != verdicts[rule]:
            odd.append(f"rule {rule}: {verdict} in the batch, {verdicts[rule]} here")
    return walk, odd


def _verdict(decided: Mapping[str, Any], number: int) -> str:
    word, bit = divmod(number, BITS)
    return next((name for name in VERDICTS if int(decided[f"{name}_{word}"]) >> bit & 1), "silent")


def _problem(where: str, kind: str, message: str, help: str) -> Problems:
    return Problems([Problem(kind, Place(where, None, None), message, help)])
