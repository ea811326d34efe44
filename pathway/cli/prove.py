"""The command that proves the invariants of the rules, and what `check` shows of it."""

from __future__ import annotations

import json
import shlex
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from pathway.cli.tools import as_placed, compiled_rules, extras, rules_option, spare, unwritable
from pathway.problem import Place, Problem, Problems, near

if TYPE_CHECKING:
    from pathway.prove import Failure, Outcome
    from pathway.rules import Invariant, RuleBase

LONGEST_NAME = 120
SAFE = str.maketrans({",": "", " ": "-", "{": "", "}": "", "/": "-", ":": "-"})


def kept_proofs(fresh: bool) -> Any:
    """What was proved before, in the cache of the user."""
    from pathway.cache import user_cache
    from pathway.prove import Kept

    return Kept(None if fresh else user_cache() / "proved.txt")


@click.command()
@click.argument("names", nargs=-1, metavar="[INVARIANT]...")
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(file_okay=False),
    default="counterexamples",
    show_default=True,
    help="The folder for the cases for which something does not hold.",
)
@click.option("--fresh", is_flag=True, help="Prove everything anew, also what was proved before.")
@click.option("--list", "listed", is_flag=True, help="Only tell what would be proved.")
@click.option(
    "--witnesses",
    type=click.Path(file_okay=False),
    help="Also write a small case for everything that must be possible, such as a rule that fires.",
)
@click.option("--format", "kind", type=click.Choice(["text", "json"]), default="text", show_default=True)
@rules_option
@click.pass_context
def prove(
    ctx: click.Context,
    names: Sequence[str],
    folder: str,
    fresh: bool,
    listed: bool,
    witnesses: str | None,
    kind: str,
    rules_dir: str | None,
) -> None:
    """Prove what must hold of everybody (rules/invariants.yaml), for every case there can be and every policy.

    \b
    Example:
      pathway prove
      pathway prove nothing-offered-beside-a-contraindication
      pathway prove --rules my-rules/ -o counterexamples
      pathway prove every-rule-can-fire --witnesses witnesses

    What does not hold is shown by a case file, which `pathway walk` walks. Exit 1 when something does not hold.
    """
    base = compiled_rules(rules_dir, None).base
    chosen = _chosen(base, names)
    if listed:
        for invariant in chosen:
            click.echo(f"{invariant.invariant}\n    {invariant.says}\n    {invariant.because}")
        return
    for place in filter(None, (folder, witnesses)):
        spare(str(Path(place) / "case.yaml"), [], rules_dir)
    began = perf_counter()
    with extras():
        from pathway.prove import Prover

        prover = Prover(base, kept_proofs(fresh))
    outcomes: list[Outcome] = []
    written: dict[str, list[str]] = {}
    try:
        with prover.stopped_by_hand():
            for outcome in _watched(prover.outcomes(chosen), len(chosen)):
                outcomes.append(outcome)
                files = [_write(folder, outcome.invariant, failure, base) for failure in outcome.failures]
                written[outcome.invariant.invariant] = [file for file in files if file]
                if kind == "text":
                    _tell(outcome, written[outcome.invariant.invariant])
            if witnesses is not None:
                count = _write_witnesses(prover, chosen, witnesses, base)
                click.echo(f"{count} witnesses written to {witnesses}", err=True)
    except Problems as problems:
        raise Problems(as_placed(problems.items, rules_dir)) from None
    failed = sum(not outcome.holds for outcome in outcomes)
    seconds = perf_counter() - began
    if kind == "json":
        click.echo(json.dumps(_data(base, outcomes, written, seconds), indent=2, ensure_ascii=False))
    else:
        click.echo(summary(outcomes, seconds))
    ctx.exit(1 if failed or not outcomes else 0)


def summary(outcomes: Sequence[Outcome], seconds: float) -> str:
    """What was proved, in one line."""
    if not outcomes:
        return "NOTHING PROVED: rules/invariants.yaml says nothing that must hold"
    failed = sum(not outcome.holds for outcome in outcomes)
    shown, kept = sum(o.shown for o in outcomes), sum(o.kept for o in outcomes)
    told = f"{len(outcomes) - failed} of {len(outcomes)} invariants proved for everybody, in {seconds:.1f} s"
    claims = "claim" if shown == 1 else "claims"
    return f"{told} ({shown:,} {claims} shown now, {kept:,} unchanged since they were shown)"


def proofs_of(base: RuleBase, rules_dir: str | None) -> str:
    """What `check` says of the invariants; NOT PROVED where the prover is not installed.

    Errors:  Problems (not-proved), one for each invariant that does not hold.
    """
    try:
        from pathway.prove import Prover
    except ModuleNotFoundError as error:
        if error.name != "z3":
            raise
        many = f"{len(base.invariants)} invariants"
        return f'NOT PROVED: {many}, since the prover is not installed: pip install "pain-pathway[prove]"'
    began = perf_counter()
    prover = Prover(base, kept_proofs(False))
    with prover.stopped_by_hand():
        outcomes = list(_watched(prover.outcomes(), len(base.invariants)))
    problems = []
    for outcome in outcomes:
        if not outcome.holds:
            source, _, line = outcome.invariant.place.rpartition(":")
            of = ", ".join(failure.of for failure in outcome.failures[:3]) or "everybody"
            told = f"{outcome.invariant.invariant} does not hold, of {of}: {outcome.failures[0].told}"
            help = f"`pathway prove {outcome.invariant.invariant}` tells all, with cases that show it"
            problems.append(Problem("not-proved", Place(source, int(line), None), told, help))
    if problems:
        raise Problems(as_placed(problems, rules_dir))
    return summary(outcomes, perf_counter() - began)


def _chosen(base: RuleBase, names: Sequence[str]) -> Sequence[Invariant]:
    known = {invariant.invariant: invariant for invariant in base.invariants}
    for name in names:
        if name not in known:
            guess = near(name, known)
            hint = f'Did you mean "{guess}"?' if guess else "`pathway prove --list` lists them all."
            raise click.UsageError(f'No invariant is called "{name}". {hint}')
    return [known[name] for name in dict.fromkeys(names)] if names else base.invariants


def _watched(outcomes: Iterator[Outcome], many: int) -> Iterator[Outcome]:
    """The outcomes, with a bar on a terminal."""
    if not sys.stderr.isatty():
        yield from outcomes
        return
    with click.progressbar(outcomes, length=many, label="proving", file=sys.stderr) as bar:
        yield from bar


def _tell(outcome: Outcome, files: Sequence[str]) -> None:
    invariant = outcome.invariant
    click.echo(f"{'proved  ' if outcome.holds else 'NOT SO  '} {invariant.says}")
    many = outcome.shown + outcome.kept
    told = f"{invariant.invariant}: {many:,} claim{'' if many == 1 else 's'}, {outcome.seconds:.2f} s"
    click.echo(f"         {told}{f' ({outcome.kept:,} unchanged)' if outcome.kept else ''}")
    for failure in outcome.failures:
        click.echo(f"         {failure.of or 'it does not hold'}: {failure.told}")
    for file in files:
        click.echo(f"         {file}")


def _write(folder: str, invariant: Invariant, failure: Failure, base: RuleBase) -> str | None:
    """Write a counterexample, with the policy under which it is one; the command that walks it."""
    if failure.data is None:
        return None
    name = "--".join(filter(None, (invariant.invariant, failure.of.translate(SAFE))))[:LONGEST_NAME]
    path = Path(folder) / f"{name}.yaml"
    policy = Path(folder) / f"{name}.policy.yaml"
    more = f" --policy {shlex.quote(str(policy))}" if failure.policy else ""
    told = [invariant.says, f"Not so, {failure.of}: {failure.told}", f"pathway walk {shlex.quote(str(path))}{more}"]
    lines = [f"# {' '.join(filter(str.isprintable, each.split()))}" for each in told]
    if invariant.view == "documented":
        lines.append("# It is so in the documented view, which stands beside each status of the walk.")
    _write_file(path, [*lines, *_case_lines(failure.data)])
    if failure.after is not None:
        after = Path(folder) / f"{name}.after.yaml"
        _write_file(after, [f"# The same person later; before, see {path}", *_case_lines(failure.after)])
        more += f"  # and then {shlex.quote(str(after))}"
    if failure.policy:
        _write_file(policy, [f"# The policy under which {path.name} shows it.", *_policy_lines(failure.policy, base)])
    return f"pathway walk {shlex.quote(str(path))}{more}"


def _write_witnesses(prover: Any, chosen: Sequence[Invariant], folder: str, base: RuleBase) -> int:
    count = 0
    for invariant in chosen:
        names: Counter[str] = Counter()
        for told, data, policy in prover.witnesses(invariant):
            path = Path(folder) / invariant.invariant / f"{_name(told, names)}.yaml"
            lines = [f"# A small case of which this holds: {told}"]
            if policy:
                _write_file(path.with_suffix(".policy.yaml"), _policy_lines(policy, base))
                lines.append(f"# under the policy in {path.stem}.policy.yaml")
            _write_file(path, [*lines, *_case_lines(data)])
        count += names.total()
    return count


def _name(told: str, used: Counter[str]) -> str:
    """The name of a file for something in words, another than those before."""
    name = told.translate(SAFE)[:LONGEST_NAME]
    used[name] += 1
    return name if used[name] == 1 else f"{name}--{used[name]}"


def _case_lines(data: Any) -> list[str]:
    from pathway.writing import yaml_lines

    return [line for key, value in data.items() for line in yaml_lines(key, value)] or ["{}"]


def _policy_lines(policy: Any, base: RuleBase) -> list[str]:
    from pathway.units import show_duration
    from pathway.writing import number

    units = {each.policy: each.unit for each in base.policies}
    lines = []
    for name, value in policy.items():
        if isinstance(value, bool):
            said = "yes" if value else "no"
        elif isinstance(value, tuple):
            said = f"[{', '.join(value)}]"
        else:
            said = show_duration(value) if units[name] == "days" else number(value)
        lines.append(f"{name}: {said}")
    return lines


def _write_file(path: Path, lines: Sequence[str]) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text("\n".join(lines) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise unwritable(str(path), error.strerror or str(error)) from None


def _data(base: RuleBase, outcomes: Sequence[Outcome], written: dict[str, list[str]], seconds: float) -> dict[str, Any]:
    return {
        "schema": "pathway.proof/1",
        "edition": base.edition,
        "digest": base.digest,
        "seconds": round(seconds, 3),
        "invariants": [
            {
                "invariant": o.invariant.invariant,
                "says": o.invariant.says,
                "because": o.invariant.because,
                "holds": o.holds,
                "shown": o.shown,
                "unchanged": o.kept,
                "seconds": round(o.seconds, 3),
                "failures": [
                    {"of": f.of, "told": f.told, "case": f.data, "policy": dict(f.policy), "after": f.after}
                    for f in o.failures
                ],
                "walk": written[o.invariant.invariant],
            }
            for o in outcomes
        ],
    }
