"""Compare: two editions of the rules on one cohort, before the second is signed.

Each case is decided by both. Told are the cases whose decisions differ, from what to what, which rules spoke
differently in them, and a few of their ids to look at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from pathway.batch.intake import Options, take_in
from pathway.batch.parts import Evaluator
from pathway.batch.results import STATUS, named
from pathway.cache import Compiled

EXAMPLES = 5
ROWS_AT_ONCE = 20_000
SAID = {1: "fires", 0: "asks", -1: "is silent", None: "is not there"}
Move = tuple[str, str, str]
Editions = tuple[Compiled, Compiled]


@dataclass
class Comparison:
    """How two editions decide one cohort.

    `moves` counts (column, before, after); `rules` counts (rule, before, after) among the cases that changed. `reasons`
    are the cases that are decided alike, but by other rules.
    `examples` are ids of the first few cases of each move.
    """

    before: str
    after: str
    cases: int = 0
    changed: int = 0
    reasons: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    moves: Counter[Move] = field(default_factory=Counter)
    rules: Counter[Move] = field(default_factory=Counter)
    examples: dict[Move, list[str]] = field(default_factory=dict)


def compare(
    inputs: Sequence[Path],
    before: Compiled,
    after: Compiled,
    options: Options,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Comparison:
    """Decide a cohort by two editions.

    Errors:  Problems, as of a run.
    """
    found = Comparison(_name(before), _name(after))
    with TemporaryDirectory() as work:
        intake = take_in(inputs, Path(work), before.base, options)
        complete = frozenset(options.complete)
        both = [
            Evaluator(compiled, intake.kinds, options.id_column, complete, intake.repeated, questions=False).ready()
            for compiled in (before, after)
        ]
        found.refused["by both"] += intake.source.unsplit
        for first in intake.firsts:
            rows = min(options.part_rows, intake.rows - first)
            frame, _ = intake.read(first, rows)
            old, new = (each.part(frame).results for each in both)
            _add(found, frame.height, old, new, (before, after))
            progress(first + rows, intake.rows)
    return found


def _name(compiled: Compiled) -> str:
    return f"{compiled.base.edition} ({compiled.base.digest[:12]})"


def _add(found: Comparison, rows: int, old: pl.DataFrame, new: pl.DataFrame, editions: Editions) -> None:
    decided = [name for name in old.columns if name in ("ending", "grade") or name.endswith(STATUS)]
    decided += [name for name in new.columns if name.endswith(STATUS) and name not in decided]
    text = [pl.col("row"), pl.col("id"), *(pl.col(name).cast(pl.String) for name in decided if name in old.columns)]
    later = [pl.col("row"), *(pl.col(name).cast(pl.String) for name in decided if name in new.columns)]
    both = old.select(text).join(new.select(later), on="row", how="inner", suffix=_AFTER)
    found.cases += both.height
    found.refused["by the first only"] += new.height - both.height
    found.refused["by the second only"] += old.height - both.height
    found.refused["by both"] += rows - old.height - new.height + both.height
    shared = [name for name in decided if name in old.columns and name in new.columns]
    differ = [pl.col(name).ne_missing(pl.col(name + _AFTER)) for name in shared]
    changed = both.filter(pl.any_horizontal(differ))
    found.changed += changed.height
    for name in shared:
        moved = changed.filter(pl.col(name).ne_missing(pl.col(name + _AFTER)))
        groups = moved.group_by(name, name + _AFTER, maintain_order=True).agg(pl.len(), pl.col("id").head(EXAMPLES))
        for was, becomes, count, ids in groups.iter_rows():
            move = name.removesuffix(STATUS), str(was), str(becomes)
            found.moves[move] += count
            kept = found.examples.setdefault(move, [])
            kept += ids[: EXAMPLES - len(kept)]
    _add_rules(found, changed["row"], (old, new), editions)
    same = both.join(changed, on="row", how="anti")["row"]
    for first in range(0, same.len(), ROWS_AT_ONCE):
        found.reasons += _other_reasons(same.slice(first, ROWS_AT_ONCE), (old, new), editions)


_AFTER = "~after"


def _verdicts(
    rows: pl.Series, results: tuple[pl.DataFrame, pl.DataFrame], editions: Editions
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What the rules of both editions say in some rows, by their names."""
    old, new = (
        named(frame.filter(pl.col("row").is_in(rows.implode())), [rule.rule for rule in compiled.base.rules]).drop("id")
        for frame, compiled in zip(results, editions, strict=True)
    )
    return old, new


def _other_reasons(rows: pl.Series, results: tuple[pl.DataFrame, pl.DataFrame], editions: Editions) -> int:
    """In how many of some rows other rules fire, or the same ones to another end."""
    old, new = _verdicts(rows, results, editions)
    both = old.join(new, on="row", suffix=_AFTER)
    shared = [name for name in old.columns if name in new.columns and name != "row"]
    differ = [(pl.col(name) == 1) != (pl.col(name + _AFTER) == 1) for name in shared]
    differ += [pl.col(name) == 1 for name in _turned(editions)]
    differ += [pl.col(name) == 1 for name in {*old.columns, *new.columns} - {*shared, "row"}]
    return int(both.select(pl.any_horizontal(pl.lit(False), *differ).sum()).item())


def _turned(editions: Editions) -> dict[str, tuple[str, str]]:
    """The rules that do something else when they fire, each with what it does."""
    old, new = ({rule.rule: f"{rule.verb} {rule.target}" for rule in each.base.rules} for each in editions)
    return {name: (does, new[name]) for name, does in old.items() if name in new and new[name] != does}


def _add_rules(
    found: Comparison, rows: pl.Series, results: tuple[pl.DataFrame, pl.DataFrame], editions: Editions
) -> None:
    """The rules that say something else in the cases that changed."""
    verdicts = _verdicts(rows, results, editions)
    both = verdicts[0].join(verdicts[1], on="row", suffix=_AFTER)
    for rule, (does, other) in _turned(editions).items():
        if count := both.select(((pl.col(rule) == 1) & (pl.col(rule + _AFTER) == 1)).sum()).item():
            found.rules[rule, does, other] += count
    for rule in dict.fromkeys([*verdicts[0].columns, *verdicts[1].columns]):
        if rule == "row":
            continue
        was = pl.col(rule) if rule in verdicts[0].columns else pl.lit(None, dtype=pl.Int8)
        name = rule + _AFTER if rule in verdicts[0].columns else rule
        becomes = pl.col(name) if rule in verdicts[1].columns else pl.lit(None, dtype=pl.Int8)
        told = both.select(was.alias("was"), becomes.alias("becomes")).filter(
            pl.col("was").ne_missing(pl.col("becomes"))
        )
        for before_said, after_said, count in told.group_by("was", "becomes").len().iter_rows():
            # A rule that one edition lacks, and that is silent in the other, moved nothing.
            if {before_said, after_said} != {None, -1}:
                found.rules[rule, SAID[before_said], SAID[after_said]] += count


def render_comparison(found: Comparison) -> str:
    """The comparison as text: how many, from what to what, by which rules, with ids to look at."""
    lines = [
        f"Rules {found.before} against {found.after}",
        f"{found.changed:,} of {found.cases:,} cases are decided differently",
    ]
    lines += [f"in {found.reasons:,} more other rules speak, to the same decision"] if found.reasons else []
    told = [f"{count:,} {by}" for by, count in found.refused.items() if count]
    lines += [f"refused: {', '.join(told)}"] if told else []
    if found.moves:
        lines += ["", "From what to what:"]
        for move, count in sorted(found.moves.items(), key=lambda item: (-item[1], item[0])):
            what, was, becomes = move
            ids = ", ".join(found.examples[move])
            lines.append(f"  {count:>9,}  {what}: {was or 'none'} -> {becomes or 'none'}  (such as {ids})")
    if found.rules:
        lines += ["", "By rules that say something else in these cases:"]
        for (rule, was, becomes), count in sorted(found.rules.items(), key=lambda item: (-item[1], item[0])):
            lines.append(f"  {count:>9,}  {rule}: {was} -> {becomes}")
    return "\n".join(lines) + "\n"
