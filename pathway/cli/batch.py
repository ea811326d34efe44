"""The commands for many cases: batch and cohort."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import pairwise
from pathlib import Path
from time import monotonic
from typing import Any

import click

from pathway.cli.tools import Day, compiled_rules, extras, rules_options, spare, unwritable, write
from pathway.problem import Place, Problem, Problems

SHORTEST_KEY = 16


@click.command()
@click.argument("inputs", nargs=-1, metavar="INPUT...", type=click.Path())
@click.option("-o", "--output", "out", type=click.Path(), help="The folder for the outputs; of --compare, a file.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["parquet", "csv", "ndjson"]),
    default="parquet",
    show_default=True,
    help="Of results and quarantine.",
)
@click.option("--id", "id_column", default="id", show_default=True, help="The column with the id of each case.")
@click.option(
    "--complete",
    multiple=True,
    metavar="LIST",
    help="A list that is whole in every row, such as illnesses: what is blank in it is not there.",
)
@click.option("--drop", multiple=True, metavar="COLUMN", help="A column that is not to be read.")
@click.option(
    "--deidentify", is_flag=True, help="Drop or generalise what may identify somebody, and record what was done."
)
@click.option("--as-of", type=Day(), help="The day to which --deidentify counts dates, to make them durations.")
@click.option(
    "--hash-ids",
    "key_file",
    type=click.Path(),
    envvar="PATHWAY_HASH_KEY",
    help="Replace ids by a keyed hash; the key is what this file holds.",
)
@click.option("--wide", is_flag=True, help="Also write each rule's verdict as a column of its name.")
@click.option("--questions/--no-questions", default=True, show_default=True, help="Ask what is open in each case.")
@click.option("--resume", is_flag=True, help="Go on with a run that was interrupted.")
@click.option("--force", is_flag=True, help="Write over outputs that are there.")
@click.option(
    "--compare",
    nargs=2,
    type=click.Path(),
    metavar="RULES_A RULES_B",
    help="Tell how many cases two editions of the rules decide differently, and which; nothing else is written.",
)
@click.option("--template", type=click.Path(), metavar="FILE.csv", help="Write a small filled example, and stop.")
@click.option(
    "--engine",
    type=click.Choice(["local", "spark"]),
    default="local",
    show_default=True,
    help="Where it runs: on this machine, or on a Spark cluster, which reads Parquet.",
)
@click.option("--master", help="The Spark master, such as local[2] or spark://host:7077.")
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Parts worked out at a time.")
@click.option("--part-rows", type=click.IntRange(100, 10_000_000), default=250_000, hidden=True)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but Problems.")
@rules_options
def batch(
    inputs: Sequence[str],
    out: str | None,
    kind: str,
    id_column: str,
    complete: Sequence[str],
    drop: Sequence[str],
    deidentify: bool,
    as_of: date | None,
    key_file: str | None,
    wide: bool,
    questions: bool,
    resume: bool,
    force: bool,
    compare: tuple[str, str] | None,
    template: str | None,
    engine: str,
    master: str | None,
    workers: int,
    part_rows: int,
    quiet: bool,
    rules_dir: str | None,
    policy: str | None,
) -> None:
    """Evaluate many anonymised cases: CSV, Parquet (a file or a folder), NDJSON, or case files.

    \b
    Example:
      pathway batch --template cohort.csv      a small example to begin with
      pathway batch cohort.csv -o out/
      pathway batch cohort.parquet -o out/ --complete illnesses --complete medicines --wide
      pathway batch cohort.parquet -o out/ --resume      after an interruption
      pathway batch --compare rules/ rules-next/ cohort.parquet

    Every row of the input is either in the results or, whole and with the reason, in the quarantine. `pathway schema
    batch` lists the columns; `pathway explain --from out/ ID` explains one row, `pathway cohort out/` all of them.
    """
    with extras():
        from pathway.batch.intake import Options

        if template is not None:
            _write_template(template, force, rules_dir, policy)
            return
        if engine == "spark" and (resume or compare):
            raise click.UsageError("--resume and --compare go with --engine local.")
        if master is not None and engine != "spark":
            raise click.UsageError("--master goes with --engine spark.")
        if not inputs:
            raise click.UsageError("Missing argument 'INPUT...'.")
        options = Options(
            id_column, tuple(_split(complete)), tuple(drop), deidentify, as_of, _key(key_file), kind, wide, questions,
            part_rows, workers,
        )  # fmt: skip
        paths = [Path(given) for given in inputs]
        if compare is not None:
            _compare(paths, compare, options, policy, out, quiet)
            return
        if out is None:
            raise click.UsageError("Missing option '-o' / '--output': the folder for the results.")
        spare(out, [*inputs, policy], rules_dir)
        compiled = compiled_rules(rules_dir, policy)
        command = ["pathway", "batch", *_as_given(ctx_args())]
        if engine == "spark":
            from pathway.batch.spark import run_spark

            finished = run_spark(inputs, out, compiled, options, command=command, master=master, force=force)
        else:
            from pathway.batch.run import run

            with _progress(quiet) as progress:
                finished = run(
                    paths, Path(out), compiled, options,
                    command=command, resume=resume, force=force, progress=progress,
                )  # fmt: skip
        if not quiet:
            click.echo(_told(finished.manifest, out), err=True)


def ctx_args() -> list[str]:
    """What was written after the name of the command."""
    return list(sys.argv[2:])


def _as_given(words: Sequence[str]) -> list[str]:
    """The command as the manifest keeps it: without what only says how to go about it."""
    kept = [word for word in words if word not in ("--resume", "--force", "-q", "--quiet")]
    return [
        word
        for before, word in pairwise(["", *kept])
        if "--workers" not in (before, word) and not word.startswith("--workers=")
    ]


def _split(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        yield from (part.strip() for part in name.split(",") if part.strip())


_MAKE_A_KEY = "give a file that holds the key; make one with: head -c 32 /dev/urandom | base64 > key.txt"


def _key(path: str | None) -> bytes | None:
    """The key that ids are hashed with: never shown, never kept."""
    if path is None:
        return None
    try:
        key = Path(path).read_bytes().strip()
    except OSError as error:
        message = f"the key cannot be read: {error.strerror or error}"
        raise Problems([Problem("not-found", Place(path, None, None), message, _MAKE_A_KEY)]) from None
    if len(key) < SHORTEST_KEY:
        message = f"this key is too short to keep ids apart: {SHORTEST_KEY} bytes are the least"
        raise Problems([Problem("wrong-type", Place(path, None, None), message, _MAKE_A_KEY)])
    return key


def _write_template(path: str, force: bool, rules_dir: str | None, policy: str | None) -> None:
    from pathway.batch.template import template

    if os.path.exists(path) and not force:
        raise unwritable(path, "there is a file of that name already", "choose another, or overwrite it with --force")
    write(template(compiled_rules(rules_dir, policy).base), path)


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar with rate and time left, on a terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    begun = monotonic()
    with click.progressbar(length=1, file=sys.stderr, label="cases", show_eta=True, show_pos=True) as bar:

        def moved(done: int, total: int) -> None:
            bar.length = total
            bar.label = f"cases, {done / max(monotonic() - begun, 0.001):,.0f} a second"
            bar.update(done - bar.pos)

        yield moved


def _told(manifest: Any, out: str) -> str:
    counts = manifest["counts"]
    lines = [f"{counts['in']:,} rows: {counts['out']:,} evaluated, {counts['quarantined']:,} in quarantine"]
    if counts["by_kind"]:
        lines[0] += " (" + ", ".join(f"{number:,} {kind}" for kind, number in counts["by_kind"].items()) + ")"
    lines += [f"deidentified: {step}" for step in manifest.get("deidentified", ())]
    where = shlex.quote(out)
    lines.append(f"results in {out}; next: pathway cohort {where} -o report.html, or pathway explain --from {where} ID")
    return "\n".join(lines)


def _compare(
    inputs: Sequence[Path], editions: tuple[str, str], options: Any, policy: str | None, out: str | None, quiet: bool
) -> None:
    from pathway.batch.compare import compare, render_comparison

    for edition in editions:
        spare(out, [*map(str, inputs), policy], edition)
    before, after = (compiled_rules(edition, policy) for edition in editions)
    with _progress(quiet) as progress:
        found = compare(inputs, before, after, options, progress=progress)
    write(render_comparison(found), out)


@click.command()
@click.argument("out", type=click.Path(), metavar="OUT")
@click.option("-o", "--output", type=click.Path(), help="Write to a file instead of the terminal.")
@click.option("--format", "kind", type=click.Choice(["html", "json"]), help="By the ending of the file; else html.")
@rules_options
def cohort(out: str, output: str | None, kind: str | None, rules_dir: str | None, policy: str | None) -> None:
    """Report on a whole batch: who stands where, what is offered and held back and why, what is missing.

    \b
    Example:
      pathway cohort out/ -o report.html
      pathway cohort out/ --format json

    One page that opens without a network. Counts from 1 to 10 are not told, nor what would let them be worked out.
    """
    with extras():
        from pathway.batch.cohort import summarise
        from pathway.report.cohort import cohort_json, render_cohort

        compiled = compiled_rules(rules_dir, policy)
        spare(output, [policy], rules_dir)
        kind = kind or ("json" if output and output.endswith(".json") else "html")
        found = summarise(Path(out), compiled.base)
        write(render_cohort(found) if kind == "html" else cohort_json(found), output)
