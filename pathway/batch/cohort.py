"""Cohort: what a finished batch says of all its cases together, with no small count in it.

A batch leaves a folder: results, quarantine and manifest. `summarise` counts what stands in it: how the walks end,
who goes where, which options are offered, which are held back and by what, which facts are missing and what stands
open beside them, what was refused and what was left blank. Polars counts, in streams: a row is never held longer
than it takes to count it, so memory does not grow with the cohort.

**No count of 1 to 10 can be worked out**: `suppression.py` says which counts may be told. What is told here is how
they hang together. What a reader is taken to know: the marks and what they mean, the rules, and which sets lie within
which others, as far as anybody could see it. A nought is told: it is about nobody. Shares are left to the page, which
takes them from numbers that are told. Lists stand in an order that the hidden counts do not decide.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from pathway.batch.results import scan_output
from pathway.batch.run import SCHEMA as BATCH
from pathway.batch.run import digest_of
from pathway.batch.suppression import HIDDEN, LARGE, SMALL, THRESHOLD, Count, Key, Sheet, is_small
from pathway.problem import Place, Problem, Problems
from pathway.profile import fields
from pathway.reading import Document, Limits, read_document
from pathway.rules import Cited, Rule, RuleBase
from pathway.table import Table

SCHEMA = "pathway.cohort/1"

STEP_STATUSES = ("current", "done", "asks", "stopped", "not-needed", "not-yet")
OPTION_STATUSES = (
    "offered", "after-asking", "continue", "under-way", "review", "held-back", "withheld", "left", "tried", "declined",
    "does-not-apply", "not-needed", "not-yet",
)  # fmt: skip
ENDINGS = (
    "referral-emergency", "referral-urgent", "out-of-scope", "not-chronic", "current", "questions", "end",
)  # fmt: skip
BEFORE = ("referral-emergency", "referral-urgent", "out-of-scope")
"""The endings of those whose walk ends before its first step."""
PASSED = ("done", "not-needed")
WARNINGS = ("caution", "against", "review", "first", "refer")
START, PAST = "start", "past"

Tally = Mapping[Key, int]

_LIMITS = Limits(bytes=32_000_000, nodes=2_000_000)
_MOST_SUMS = 2_000
_ALL: Key = "evaluated"
_IN: Key = "received"
_REFUSED: Key = "refused"
_ANY: Key = "with questions"


@dataclass(frozen=True)
class StepCounts:
    """How many cases have each status at one step."""

    step: str
    title: str
    statuses: dict[str, Count]


@dataclass(frozen=True)
class Stage:
    """A stretch of the way: who arrives, with which ending they leave the way here, and who goes on.

    Steps that open together are one stage. The first stage has no steps: here leave those whom a warning sign or
    the scope stops before any step. The last has none either: here are those who have every step behind them.
    """

    stage: str
    titles: tuple[str, ...]
    arrived: Count
    leaves: dict[str, Count]
    goes_on: Count


@dataclass(frozen=True)
class RuleCount:
    """One rule, and for how many cases it fires."""

    rule: str
    verb: str
    target: str
    because: str
    layer: str
    source: tuple[Cited, ...]
    count: Count


@dataclass(frozen=True)
class OptionCounts:
    """How many cases have each status of one option; of those held back, by which rules.

    `not_available` are held back by no rule, but because the policy says that the option is not to be had.
    """

    option: str
    name: str
    step: str
    statuses: dict[str, Count]
    held_by: tuple[RuleCount, ...]
    not_available: Count


@dataclass(frozen=True)
class QuestionCounts:
    """How many cases lack one fact, and in how many of them each option waits and each step asks."""

    field: str
    question: str
    count: Count
    options: dict[str, Count]
    steps: dict[str, Count]


@dataclass(frozen=True)
class Refusal:
    """How many rows were refused for one kind of problem, and in which columns it stood."""

    kind: str
    count: Count
    columns: dict[str, Count]


@dataclass(frozen=True)
class Filled:
    """How many cells of one column of the input say something, and how many are blank."""

    column: str
    filled: Count
    blank: Count


@dataclass(frozen=True)
class Cohort:
    """A cohort in numbers; each is a count, or "<11", "11+" or "hidden".

    With fewer than 11 cases `enough` is False, and there is no count in it. `with_questions` is None where the batch
    did not ask what is missing.
    """

    schema: str
    software: str
    edition: str
    digest: str
    policy: dict[str, Any]
    complete: tuple[str, ...]
    title: str
    intended_for: str
    not_for: str
    threshold: int
    enough: bool
    received: Count = HIDDEN
    evaluated: Count = HIDDEN
    refused: Count = HIDDEN
    with_questions: Count | None = None
    endings: dict[str, Count] | None = None
    way: tuple[Stage, ...] = ()
    steps: tuple[StepCounts, ...] = ()
    options: tuple[OptionCounts, ...] = ()
    ended_by: tuple[RuleCount, ...] = ()
    warnings: tuple[RuleCount, ...] = ()
    questions: tuple[QuestionCounts, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    columns: tuple[Filled, ...] = ()

    def as_data(self) -> dict[str, Any]:
        """The cohort as plain data, ready for JSON."""
        return asdict(self)


def summarise(out: str | os.PathLike[str], base: RuleBase) -> Cohort:
    """Count a finished batch.

    Args:    out: the folder that the batch wrote; base: the rules with which it was run.
    Returns: counts of which none of 1 to 10 can be worked out.
    Errors:  Problems where there is no finished batch, its files are damaged or say different things (not-found,
             unreadable, missing-field, wrong-type, unknown-value, contradiction), or it was run with other rules
             (edition).
    """
    batch = _Batch(Path(out), base)
    if batch.evaluated < THRESHOLD:
        return _cohort(batch, False)
    return _Summary(batch).cohort()


# ---- the files of a batch ----


class _Batch:
    """A finished batch, its files looked over."""

    def __init__(self, out: Path, base: RuleBase) -> None:
        self.out, self.base = out, base
        self.manifest = self._read_manifest()
        self._check_digests()
        self.results = self.scan("results.parquet", [*self._names(), *self._masks()])

    def refuse(self, kind: str, file: str, message: str, help: str) -> Problems:
        """The one Problem that there is with a file of the batch."""
        return Problems([Problem(kind, Place(str(self.out / file), None, None), message, help)])

    @cached_property
    def policy(self) -> dict[str, Any]:
        """The values that the clinic set."""
        return self._mapping("policy") if self.said.get("policy") is not None else {}

    @cached_property
    def complete(self) -> tuple[str, ...]:
        """The lists that are whole in every row."""
        return tuple(self._texts("complete")) if self.said.get("complete") is not None else ()

    @cached_property
    def received(self) -> int:
        """How many rows came in."""
        return self._number("in")

    @cached_property
    def evaluated(self) -> int:
        """How many rows were walked."""
        return self._number("out")

    @cached_property
    def refused(self) -> int:
        """How many rows were refused."""
        return self._number("quarantined")

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """The rules in the order of their bits."""
        names = self._texts("rules", self.base.rule, "unknown-rule")
        if names != [rule.rule for rule in self.base.rules]:
            raise self._wrong("contradiction", "these are not all rules of this edition, in their order", "rules")
        return tuple(self.base.rules)

    @cached_property
    def bits(self) -> dict[str, int]:
        """The place of each rule's bit."""
        return {rule.rule: i for i, rule in enumerate(self.rules)}

    @cached_property
    def questions(self) -> tuple[str, ...]:
        """The open fields in the order of their bits."""
        return tuple(self._texts("questions"))

    @cached_property
    def steps(self) -> tuple[str, ...]:
        """The steps that were walked."""
        walked = [step.step for step in self.base.walked]
        return tuple(self._texts("steps", walked, "unknown-step"))

    @cached_property
    def options(self) -> tuple[str, ...]:
        """The options, in order."""
        return tuple(self._texts("options", self.base.option, "unknown-option"))

    @cached_property
    def filled(self) -> dict[str, int]:
        """Columns of the input -> how many of their cells say something."""
        told = self._mapping("filled")
        for name, number in told.items():
            if not _is_count(number) or number > self.received:
                raise self._wrong("wrong-type", "a column cannot have so many cells", "filled", name)
        return told

    def says(self, name: str, status: str) -> pl.Expr:
        """Whether a step or an option has a status."""
        column = f"{name}.status"
        kind = self.results.collect_schema()[column]
        if isinstance(kind, pl.Enum) and status not in kind.categories:
            return pl.col(column).is_null()  # never so: nulls are refused
        return pl.col(column) == status

    def collect(self, frames: Sequence[pl.LazyFrame], file: str = "results.parquet") -> list[pl.DataFrame]:
        """What the frames come to, each row seen once and forgotten."""
        try:
            return pl.collect_all(frames, engine="streaming")
        except (pl.exceptions.PolarsError, OSError):
            # What Polars says of it may quote a cell.
            raise self._damaged(file) from None

    def sums(self, truths: Mapping[Key, pl.Expr], both: Sequence[tuple[Key, Key]]) -> dict[Key, int]:
        """For how many cases each of these is so, and for how many each of these two together."""
        names = {key: str(i) for i, key in enumerate(truths)}
        frame = self.results.select(truth.alias(names[key]) for key, truth in truths.items())
        wanted = [(key, pl.col(names[key])) for key in truths]
        wanted += [(pair, pl.col(names[pair[0]]) & pl.col(names[pair[1]])) for pair in both]
        found: dict[Key, int] = {}
        for first in range(0, len(wanted), _MOST_SUMS):
            part = wanted[first : first + _MOST_SUMS]
            sums = [truth.sum().cast(pl.UInt64).alias(str(i)) for i, (_, truth) in enumerate(part)]
            row = self.collect([frame.select(sums)])[0].row(0)
            found |= {key: int(count or 0) for (key, _), count in zip(part, row, strict=True)}
        return found

    def groups(self, *columns: str) -> pl.LazyFrame:
        """How many cases say the same in these columns."""
        return self.results.group_by(columns).len("cases")

    # ---- reading ----

    def _check_digests(self) -> None:
        """See that results and quarantine are those that the manifest tells of."""
        told = self.said.get("output")
        for each in told if isinstance(told, list) else []:
            name, digest = (each.get(key) for key in ("name", "sha256")) if isinstance(each, dict) else ("", None)
            path = self.out / str(name)
            ours = str(name).startswith(("results.", "quarantine."))
            if ours and digest and path.is_file() and digest_of(path) != digest:
                raise self.refuse("contradiction", str(name), "this is not as the batch wrote it", "run it again")

    def _read_manifest(self) -> Document:
        help = "name the folder that pathway batch wrote, after it has finished"
        if not self.out.is_dir():
            raise self.refuse("not-found", "", "there is no such folder", help)
        if not (self.out / "manifest.json").is_file():
            raise self.refuse("not-found", "manifest.json", "this folder holds no finished batch", help)
        page = read_document(self.out / "manifest.json", limits=_LIMITS)
        said = page.data if isinstance(page.data, dict) else {}
        if said.get("schema") != BATCH:
            raise Problems([page.problem("wrong-type", f'this is no manifest of the schema "{BATCH}"', help=help)])
        if said.get("digest") != self.base.digest:
            told = f"the batch was run with rules {_brief(said.get('digest'))}; these are {_brief(self.base.digest)}"
            help = "give the rules of that run with --rules, or run the batch again with these"
            raise Problems([page.problem("edition", told, "digest", help=help)])
        return page

    def scan(self, file: str, names: Sequence[str]) -> pl.LazyFrame:
        """A table of the batch, which has at least these columns."""
        path = self.out / file
        if not path.exists():
            other = any(path.with_suffix(ending).is_file() for ending in (".csv", ".ndjson"))
            help = "run the batch again, with --format parquet" if other else "run the batch again"
            raise self.refuse("not-found", file, "this file of the batch is missing", help)
        try:
            frame = scan_output(path)
            schema = frame.collect_schema()
        except (pl.exceptions.PolarsError, OSError):
            raise self._damaged(file) from None
        missing = [name for name in names if name not in schema]
        if missing:
            told = f"{len(missing)} of its columns are missing, {missing[0]} first"
            raise self.refuse("missing-field", file, told, "run the batch again")
        return frame

    def _damaged(self, file: str) -> Problems:
        told = "this file is damaged, or is not as a batch writes it"
        return self.refuse("unreadable", file, told, "run the batch again")

    def _names(self) -> list[str]:
        statuses = [f"{name}.status" for name in (*self.steps, *self.options)]
        return ["ending", "grade", "digest", *statuses]

    def _masks(self) -> list[str]:
        words = (("fires", len(self.rules)), ("questions", len(self.questions)))
        return [f"{name}_{i}" for name, bits in words for i in range(-(-bits // 64))]

    @property
    def said(self) -> dict[str, Any]:
        """The manifest as plain data."""
        return self.manifest.data if isinstance(self.manifest.data, dict) else {}

    def _wrong(self, kind: str, message: str, *path: str | int) -> Problems:
        return Problems([self.manifest.problem(kind, message, *path, help="run the batch again")])

    def _mapping(self, name: str) -> dict[str, Any]:
        value = self.said.get(name)
        if not isinstance(value, dict):
            raise self._wrong("wrong-type", f'"{name}" is not a group of names and values', name)
        return value

    def _number(self, name: str) -> int:
        value: Any = self._mapping("counts").get(name)
        if _is_count(value):
            return int(value)
        raise self._wrong("wrong-type", f'the count "{name}" is not a whole number', "counts", name)

    def _texts(self, name: str, known: Iterable[str] | None = None, kind: str = "") -> list[str]:
        value = self.said.get(name)
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self._wrong("wrong-type", f'"{name}" is not a list of names', name)
        strange = set(value) - set(value if known is None else known)
        if strange or len(set(value)) < len(value):
            told = "these rules have no such name" if strange else "a name stands here twice"
            raise self._wrong(kind if strange else "said-twice", told, name)
        return value


def _brief(digest: object) -> str:
    return str(digest)[:12]


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _bit(mask: str, i: int) -> pl.Expr:
    return (pl.col(f"{mask}_{i // 64}") & pl.lit(1 << (i % 64), dtype=pl.UInt64)) != 0


# ---- the counts ----


class _Sets:
    """Sets of cases that are told, as the groups of equal cases that they hold."""

    def __init__(self, cases: pl.Series) -> None:
        self.cases = cases.cast(pl.Float64).to_numpy()
        self.keys: list[Key] = []
        self.members: list[Any] = []

    def put(self, key: Key, members: pl.Series | Sequence[bool]) -> int:
        """A set, as whether each group is in it; how many cases that is. A small set is hidden and leads nowhere."""
        row = np.array(members, dtype=bool)
        size = int(self.cases[row].sum())
        if size >= THRESHOLD:
            self.keys.append(key)
            self.members.append(row)
        return size

    def relate(self, sheet: Sheet, about: Callable[[Key], bool] = lambda key: True) -> None:
        """Tell the sheet of two sets, one of them `about` this, if one lies in the other, or they share nobody, or
        make up the whole between them."""
        rows = np.array(self.members, dtype=float).reshape(len(self.keys), len(self.cases))
        shared = (rows * self.cases) @ rows.T
        whole = self.cases.sum()
        for i, one in enumerate(self.keys):
            if about(one):
                sheet.follows({_ALL: 1, one: -1}, seen=True)
            for j, other in enumerate(self.keys[:i]):
                if not about(one) and not about(other):
                    continue
                both, a, b = shared[i, j], shared[i, i], shared[j, j]
                if both == a:
                    sheet.follows({other: 1, one: -1}, seen=True)
                elif both == b:
                    sheet.follows({one: 1, other: -1}, seen=True)
                if both == 0:
                    sheet.follows({_ALL: 1, one: -1, other: -1}, seen=True)
                elif a + b - both == whole:
                    sheet.follows({one: 1, other: 1, _ALL: -1}, seen=True)


@dataclass(frozen=True)
class _Fires:
    """The cases for which a rule fires, by its words; with an option, those of them in which it is held back.

    `inside` are the sets that they lie in: each of them a set that is told, or a union of such.
    """

    when: frozenset[str]
    unless: frozenset[str]
    held: str
    count: int
    inside: tuple[tuple[Key, ...], ...] = ()

    @property
    def always(self) -> bool:
        """Whether it hangs on nothing."""
        return not self.when and not self.unless

    def same(self, other: _Fires) -> bool:
        """Whether these cases are those."""
        return (self.when, self.unless, self.held) == (other.when, other.unless, other.held)

    def within(self, other: _Fires) -> bool:
        """Whether these cases are among those."""
        return other.when <= self.when and other.unless <= self.unless and other.held in ("", self.held)

    def excludes(self, other: _Fires) -> bool:
        """Whether nobody is among these cases and those."""
        return not (self.when.isdisjoint(other.unless) and self.unless.isdisjoint(other.when))


def _order(count: Count) -> tuple[int, int]:
    """Where a count stands in a list: by what is told of it, so that its place tells nothing more."""
    if isinstance(count, int):
        return (0, -count) if count else (4, 0)
    return {LARGE: 1, HIDDEN: 2, SMALL: 3}[count], 0


class _Summary:
    """The counts of a batch, and what of them is told."""

    def __init__(self, batch: _Batch) -> None:
        self.batch, self.base, self.evaluated = batch, batch.base, batch.evaluated
        self.stages = _stages(batch)
        self.waits = {name: ("option", name, "after-asking") for name in batch.options}
        self.waits |= {name: ("step", name, "asks") for name in batch.steps}
        self.sheet = Sheet()
        self.sheet.fixed(_ALL, batch.evaluated)
        self.walks, *options = self._grouped()
        self.counted = self._count()
        self._put_sizes()
        self._put_walks()
        for option, frame in zip(batch.options, options, strict=True):
            self._put_option(option, frame)
        cells = self._put_rules()
        self._put_questions()
        self.said = self.sheet.told()
        self.said |= {key: self.said[cells[key]] if key in cells else 0 for key, _ in self._firing()}

    def cohort(self) -> Cohort:
        """All of it."""
        return _cohort(
            self.batch,
            True,
            received=self.said[_IN],
            evaluated=self.evaluated,
            refused=self.said[_REFUSED],
            with_questions=self.said[_ANY] if self.batch.questions else None,
            endings={ending: self.said["ending", ending] for ending in ENDINGS},
            way=tuple(self._way()),
            steps=tuple(self._steps()),
            options=tuple(self._options()),
            ended_by=self._of_verbs("end"),
            warnings=self._of_verbs(*WARNINGS),
            questions=self._questions(),
            refusals=tuple(self._refusals()),
            columns=tuple(self._columns()),
        )

    # ---- counting ----

    def _grouped(self) -> list[pl.DataFrame]:
        """The cases by their walks, and by the status of each option with that of its step; cells looked over."""
        batch = self.batch
        steps = [f"{step}.status" for step in batch.steps]
        frames = [
            batch.groups("digest", "ending", "grade", *steps),
            *(batch.groups("ending", "grade", f"{name}.status", *self._step_of(name)) for name in batch.options),
        ]
        made = [_with_ending(frame) for frame in batch.collect(frames)]
        known = {"ending": ENDINGS, "digest": (self.base.digest,), **dict.fromkeys(steps, STEP_STATUSES)}
        known |= {f"{option}.status": OPTION_STATUSES for option in batch.options}
        for frame in made:
            for name in frame.columns:
                if name in known and not frame[name].is_in(known[name]).fill_null(False).all():
                    told = f'column "{name}" holds something that these rules do not say'
                    raise batch.refuse("unknown-value", "results.parquet", told, "run the batch again")
        if made[0]["cases"].sum() != batch.evaluated:
            told = "it holds another number of cases than the manifest says"
            raise batch.refuse("contradiction", "results.parquet", told, "run the batch again")
        return made

    def _step_of(self, option: str) -> list[str]:
        step = self.base.option[option].step
        return [f"{step}.status"] if step in self.batch.steps else []

    def _count(self) -> dict[Key, int]:
        """For how many cases each rule fires, how many lack each fact, and how many of them both, where that counts."""
        batch = self.batch
        truths: dict[Key, pl.Expr] = {("open", field): _bit("questions", i) for i, field in enumerate(batch.questions)}
        truths[_ANY] = pl.any_horizontal(pl.lit(False), *truths.values())
        truths |= {("fires", rule): _bit("fires", i) for rule, i in batch.bits.items()}
        both: list[tuple[Key, Key]] = []
        for name, waits in self.waits.items():
            truths[waits] = batch.says(name, waits[2])
            both += [(waits, ("open", field)) for field in batch.questions]
        for option in batch.options:
            held, review = ("option", option, "held-back"), ("option", option, "review")
            truths |= {held: batch.says(option, "held-back"), review: batch.says(option, "review")}
            truths |= self._held_as(option, truths)
            both += [(self._held_by(option, rule), ("fires", rule)) for rule in self._of_option(option, "hold")]
            both += [(held, ("free", option))]
            both += [(review, ("fires", rule)) for rule in self._of_option(option, "review")]
        return batch.sums(truths, both)

    def _held_as(self, option: str, truths: Mapping[Key, pl.Expr]) -> dict[Key, pl.Expr]:
        """Whether an option is held back and so is every kind of it, and whether no rule holds it: neither as a whole,
        nor each of its kinds."""
        kinds: dict[str, list[pl.Expr]] = {kind.kind: [] for kind in self.base.kinds_of(option)}
        whole: list[pl.Expr] = []
        for rule in self._of_option(option, "hold"):
            kinds.get(self.base.rule[rule].target, whole).append(truths["fires", rule])
        every = pl.all_horizontal(
            pl.lit(bool(kinds)), *(pl.any_horizontal(pl.lit(False), *of) for of in kinds.values())
        )
        return {
            ("kinds", option): truths["option", option, "held-back"] & every,
            ("free", option): ~pl.any_horizontal(every, *whole),
        }

    def _held_by(self, option: str, rule: str) -> Key:
        """Where a rule that fires holds an option back: a rule about a kind does where every kind is held."""
        whole = self.base.rule[rule].target == option
        return ("option", option, "held-back") if whole else ("kinds", option)

    def _of_option(self, option: str, verb: str) -> list[str]:
        return [r.rule for r in self.base.rules_of[option] if r.verb == verb and r.rule in self.batch.bits]

    def _firing(self) -> Iterator[tuple[tuple[str, str, str], int]]:
        """What each rule does to how many: it fires; or it holds an option back, "" where no rule does."""
        for rule in self.batch.rules:
            if rule.verb in (*WARNINGS, "end"):
                yield ("fires", "", rule.rule), self.counted["fires", rule.rule]
        for option in self.batch.options:
            held = ("option", option, "held-back")
            for name in self._of_option(option, "hold"):
                yield ("held", option, name), self.counted[self._held_by(option, name), ("fires", name)]
            yield ("held", option, ""), self.counted[held, ("free", option)]

    # ---- what leans on what ----

    def _put_sizes(self) -> None:
        batch, sheet = self.batch, self.sheet
        if batch.received != batch.evaluated + batch.refused:
            raise batch.refuse("contradiction", "manifest.json", "its counts do not add up", "run the batch again")
        for key, size in ((_IN, batch.received), (_REFUSED, batch.refused)):
            if is_small(batch.refused):
                sheet.count(key, size, 7)
            else:
                sheet.fixed(key, size)
        sheet.total(_IN, (_ALL, _REFUSED))
        self.refused = self._refused_by()
        for kind, columns in self.refused.items():
            sheet.count(("kind", kind), sum(columns.values()), 2)
            for column, size in columns.items():
                sheet.count(("kind", kind, column), size)
            sheet.total(("kind", kind), [("kind", kind, column) for column in columns])
        sheet.total(_REFUSED, [("kind", kind) for kind in self.refused])
        for column, filled in batch.filled.items():
            sheet.count(("filled", column), filled)
            sheet.count(("blank", column), batch.received - filled)
            sheet.total(_IN, (("filled", column), ("blank", column)))

    def _refused_by(self) -> dict[str, dict[str, int]]:
        """The refused rows by kind of problem, then by column."""
        batch = self.batch
        if not batch.refused:
            return {}
        frame = batch.scan("quarantine.parquet", ["kind", "column"])
        grouped = frame.group_by(pl.col("kind", "column").cast(pl.String).fill_null("")).len("rows")
        found: dict[str, dict[str, int]] = {}
        for kind, column, rows in sorted(batch.collect([grouped], "quarantine.parquet")[0].iter_rows()):
            found.setdefault(kind, {})[column] = rows
        if sum(sum(columns.values()) for columns in found.values()) != batch.refused:
            told = "it holds another number of rows than the manifest says"
            raise batch.refuse("contradiction", "quarantine.parquet", told, "run the batch again")
        return found

    def _put_walks(self) -> None:
        """Endings, statuses of steps, and the way: each case leaves it once, where not all of a stage is passed."""
        frame, sheet = self.walks, self.sheet
        sets = _Sets(frame["cases"])
        for ending in ENDINGS:
            sheet.count(("ending", ending), sets.put(("ending", ending), frame["ending"] == ending), 8)
        sheet.total(_ALL, [("ending", ending) for ending in ENDINGS])
        for step in self.batch.steps:
            self._put_statuses(sets, ("step", step), STEP_STATUSES, frame[f"{step}.status"], 5)
        leaves_at = self._leaving()
        last = len(self.stages) + 1
        for i in range(last + 1):
            endings = BEFORE if i == 0 else [ending for ending in ENDINGS if ending not in BEFORE]
            if i:
                sheet.count(("arrived", i), sets.put(("arrived", i), leaves_at >= i), 6)
            for ending in endings:
                members = (leaves_at == i) & (frame["ending"] == ending)
                sheet.count(("leaves", i, ending), sets.put(("leaves", i, ending), members), 6)
        for i in range(last + 1):
            parts: list[Key] = [key for key in self._leave_keys() if key[1] == i]
            sheet.total(("arrived", i) if i else _ALL, [*parts, *([("arrived", i + 1)] if i < last else [])])
        for ending in ENDINGS:
            sheet.total(("ending", ending), [key for key in self._leave_keys() if key[2] == ending])
        sets.relate(sheet)

    def _leave_keys(self) -> list[tuple[str, int, str]]:
        """The places and endings with which one can leave the way."""
        rest = [ending for ending in ENDINGS if ending not in BEFORE]
        later = range(1, len(self.stages) + 2)
        return [("leaves", 0, ending) for ending in BEFORE] + [("leaves", i, ending) for i in later for ending in rest]

    def _leaving(self) -> pl.Series:
        """At which stage each group of cases leaves the way; 0 before the first step, the last with all behind it."""
        frame = self.walks
        leaves = pl.lit(len(self.stages) + 1)
        for i, stage in reversed(list(enumerate(self.stages, 1))):
            passed = pl.all_horizontal(pl.col(f"{step}.status").is_in(PASSED) for step in stage)
            leaves = pl.when(passed).then(leaves).otherwise(pl.lit(i))
        leaves = pl.when(pl.col("ending").is_in(BEFORE)).then(pl.lit(0)).otherwise(leaves)
        return frame.select(leaves.alias("leaves"))["leaves"]

    def _put_option(self, option: str, frame: pl.DataFrame) -> None:
        """The statuses of an option, and how they lie to those of its step and to the endings."""
        sets = _Sets(frame["cases"])
        for ending in ENDINGS:
            sets.put(("ending", ending), frame["ending"] == ending)
        sets.put(("arrived", 1), ~frame["ending"].is_in(BEFORE))
        for name in self._step_of(option):
            for status in STEP_STATUSES:
                sets.put(("step", name.removesuffix(".status"), status), frame[name] == status)
        self._put_statuses(sets, ("option", option), OPTION_STATUSES, frame[f"{option}.status"], 3)
        sets.relate(self.sheet, lambda key: isinstance(key, tuple) and key[0] == "option")

    def _put_statuses(
        self, sets: _Sets, key: tuple[str, str], statuses: Iterable[str], said: pl.Series, weight: float
    ) -> None:
        keys = [(*key, status) for status in statuses]
        for each in keys:
            self.sheet.count(each, sets.put(each, said == each[2]), weight)
        self.sheet.total(_ALL, keys)

    # ---- counts that make up no total ----

    def _put_rules(self) -> dict[Key, Key]:
        """For how many cases each rule fires, and how many it holds back; but for what it does to nobody.

        Returns: the rule, or the option and the rule -> the count that it stands for. What fires for the same words
                 is one count. What fires for more words lies within what fires for fewer, and what two rules leave
                 that exclude each other is a count too.
        """
        cells: dict[Key, Key] = {}
        put: list[_Fires] = []
        for name, fires in sorted(self._fires(), key=lambda each: -each[1].count):
            cells[name] = fires
            if fires in put:
                continue
            self.sheet.count(fires, fires.count)
            self.sheet.follows({_ALL: 1, fires: -1}, seen=fires.always and not fires.held)
            for union in fires.inside:
                self.sheet.follows({**dict.fromkeys(union, 1), fires: -1}, seen=fires.always)
            wider = [other for other in put if not other.always and fires.within(other)]
            for other in wider:
                self.sheet.follows({other: 1, fires: -1}, seen=fires.same(other))
            for other in (other for other in put if other.excludes(fires)):
                for whole in (_ALL, *(each for each in wider if other.within(each))):
                    self.sheet.follows({whole: 1, other: -1, fires: -1})
            put.append(fires)
        self._put_unions(cells)
        return cells

    def _fires(self) -> Iterator[tuple[Key, _Fires]]:
        """The cases to which each rule does something, where that is anybody."""
        for key, count in self._firing():
            _, option, name = key
            words: tuple[Iterable[str], Iterable[str]] = ((), (f"no rule holds {option}",))
            inside: list[tuple[Key, ...]] = [(("option", option, "held-back"),)]
            if name:
                rule = self.base.rule[name]
                kinds = () if not option or rule.target == option else (f"every kind of {option} is held",)
                words, inside = ((*rule.when, *kinds), rule.unless), inside if option else self._around(rule)
            if count:
                yield key, _Fires(frozenset(words[0]), frozenset(words[1]), option, count, tuple(inside))

    def _around(self, rule: Rule) -> list[tuple[Key, ...]]:
        """The sets that the cases of a rule lie in: whose walk ends as it says or worse; who have it reviewed."""
        if rule.verb == "end":
            return [tuple(("ending", ending) for ending in _ENDS.get(rule.target, BEFORE))]
        kind = self.base.kind.get(rule.target)
        option = kind.option if kind else rule.target
        review = ("option", option, "review")
        if self.counted.get((review, ("fires", rule.rule))) == self.counted["fires", rule.rule]:
            return [(review,)]
        return []

    def _put_unions(self, cells: Mapping[Key, Key]) -> None:
        """That no walk ends, and nothing is held back, without a rule or a policy."""
        for grade, endings in _ENDS.items():
            ends = [("fires", "", r.rule) for r in self.batch.rules if (r.verb, r.target) == ("end", grade)]
            self.sheet.union(("ending", endings[0]), dict.fromkeys(cells[key] for key in ends if key in cells))
        for option in self.batch.options:
            holds = [("held", option, rule) for rule in (*self._of_option(option, "hold"), "")]
            self.sheet.union(
                ("option", option, "held-back"), dict.fromkeys(cells[key] for key in holds if key in cells)
            )

    def _put_questions(self) -> None:
        """How many cases have an open question, and which; some wait for nothing else, and so lie within."""
        sheet, counted, filled = self.sheet, self.counted, self.batch.filled
        sheet.count(_ANY, counted[_ANY], 4)
        sheet.follows({_ALL: 1, _ANY: -1})
        sheet.follows({_ANY: 1, ("ending", "questions"): -1})
        keys = [("open", field) for field in self.batch.questions]
        for key in keys:
            sheet.count(key, counted[key])
            sheet.follows({_ANY: 1, key: -1})
            sheet.follows({_ALL: 1, key: -1})
            if key[1] in filled:
                sheet.follows({("blank", key[1]): 1, key: -1})
            for waits in self.waits.values():
                both = counted[waits, key]
                if both >= THRESHOLD and both == counted[waits]:
                    sheet.follows({key: 1, waits: -1}, seen=True)
                elif both >= THRESHOLD and both == counted[key]:
                    sheet.follows({waits: 1, key: -1}, seen=True)
        sheet.union(_ANY, keys)

    def _beside(self, name: str) -> dict[str, Count]:
        """Where an option waits, or a step asks: how many of these cases lack each fact."""
        sheet, waits = Sheet(), self.waits[name]
        counts = {field: self.counted[waits, ("open", field)] for field in self.batch.questions}
        keys = [_ALL, waits, *(("open", field) for field in counts)]
        told = {key: size for key in keys if isinstance(size := self.said[key], int)}
        for key, size in told.items():
            sheet.fixed(key, size)
        for field, count in counts.items():
            lacks: Key = ("open", field)
            if waits in told and lacks in told:
                sheet.count(field, count)
                sheet.follows({lacks: 1, field: -1})
                sheet.follows({waits: 1, field: -1})
                sheet.follows({_ALL: 1, lacks: -1, waits: -1, field: 1})
            else:
                sheet.kept(field, count)
        if waits in told:
            sheet.union(waits, counts)
        try:
            said = sheet.told()
        except ArithmeticError:
            said = dict.fromkeys(counts, HIDDEN)  # what still follows, follows from what is told elsewhere
        return {field: said[field] if count else 0 for field, count in counts.items()}

    # ---- the parts of the report ----

    def _way(self) -> Iterator[Stage]:
        titles = {step.step: step.title for step in self.base.walked}
        names = [START, *("+".join(stage) for stage in self.stages), PAST]
        for i, name in enumerate(names):
            stage = () if name in (START, PAST) else self.stages[i - 1]
            leaves = {key[2]: self.said[key] for key in self._leave_keys() if key[1] == i}
            arrived = self.said["arrived", i] if i else self.evaluated
            goes_on = self.said.get(("arrived", i + 1), 0)
            yield Stage(name, tuple(titles[step] for step in stage), arrived, leaves, goes_on)

    def _steps(self) -> Iterator[StepCounts]:
        for step in self.base.walked:
            if step.step in self.batch.steps:
                statuses = {status: self.said["step", step.step, status] for status in STEP_STATUSES}
                yield StepCounts(step.step, step.title, statuses)

    def _options(self) -> Iterator[OptionCounts]:
        for name in self.batch.options:
            option = self.base.option[name]
            statuses = {status: self.said["option", name, status] for status in OPTION_STATUSES}
            held = self._rule_counts({rule: self.said["held", name, rule] for rule in self._of_option(name, "hold")})
            yield OptionCounts(name, option.name, option.step, statuses, held, self.said["held", name, ""])

    def _of_verbs(self, *verbs: str) -> tuple[RuleCount, ...]:
        rules = [rule.rule for rule in self.batch.rules if rule.verb in verbs]
        found = self._rule_counts({rule: self.said["fires", "", rule] for rule in rules})
        return tuple(sorted(found, key=lambda rule: verbs.index(rule.verb)))

    def _questions(self) -> tuple[QuestionCounts, ...]:
        beside = {name: self._beside(name) for name in self.waits}
        made, table = [], Table(self.base)
        for field in self.batch.questions:
            count = self.said["open", field]
            options, steps = (
                {name: beside[name][field] for name in names} if isinstance(count, int) else {}
                for names in (self.batch.options, self.batch.steps)
            )
            made.append(QuestionCounts(field, _question(table, field), count, options, steps))
        return tuple(sorted(made, key=lambda question: _order(question.count)))

    def _rule_counts(self, told: Mapping[str, Count]) -> tuple[RuleCount, ...]:
        """Rules with their counts, most common first; without those that fire for nobody."""
        found = [
            RuleCount(name, rule.verb, rule.target, rule.because, rule.layer, self.base.cited[name], told[name])
            for name, rule in self.base.rule.items()
            if told.get(name, 0)
        ]
        return tuple(sorted(found, key=lambda rule: _order(rule.count)))

    def _refusals(self) -> Iterator[Refusal]:
        def by_count(told: dict[str, Count]) -> list[str]:
            return sorted(told, key=lambda name: _order(told[name]))

        kinds = {kind: self.said["kind", kind] for kind in self.refused}
        for kind in by_count(kinds):
            columns = {column: self.said["kind", kind, column] for column in self.refused[kind]}
            yield Refusal(kind, kinds[kind], {column: columns[column] for column in by_count(columns)})

    def _columns(self) -> Iterator[Filled]:
        for name in self.batch.filled:
            yield Filled(name, self.said["filled", name], self.said["blank", name])


_ENDS = {
    "emergency": BEFORE[:1],
    "urgent": (BEFORE[1], BEFORE[0]),
    "scope": (BEFORE[2], *BEFORE[:2]),
}
"""A grade -> the ending of the cases of which it is the worst, then those that may have it and worse."""


def _with_ending(frame: pl.DataFrame) -> pl.DataFrame:
    """Groups of cases, their words as text, and a referral with its grade."""
    words = [name for name in frame.columns if name != "cases"]
    made = frame.with_columns(pl.col(words).cast(pl.String))
    referral = pl.concat_str(pl.lit("referral-"), "grade")
    ending = pl.when(pl.col("ending") == "referral").then(referral).otherwise("ending")
    return made.with_columns(ending.alias("ending")).drop("grade")


def _stages(batch: _Batch) -> list[tuple[str, ...]]:
    """The steps, in order; those that the same steps open are walked side by side, and stand together."""
    stages: list[tuple[str, ...]] = []
    before: frozenset[str] = frozenset()
    for step in batch.steps:
        opened = frozenset(r.step for r in batch.base.rules if r.verb == "next" and r.target == step)
        if stages and opened and opened == before:
            stages[-1] += (step,)
        else:
            stages.append((step,))
        before = opened
    return stages


def _question(table: Table, name: str) -> str:
    """What is asked for in a column: of "red_flags.fever" which signs there are, and that it is about fever."""
    column = table.column(name)
    if column is None:
        return name
    if not column.item:
        return column.means
    if not column.part:
        return f"{fields()[column.path].question} {column.means}"
    return f"{column.means} ({column.item.replace('-', ' ')})"


def _cohort(batch: _Batch, enough: bool, **counts: Any) -> Cohort:
    said, base = batch.said, batch.base
    return Cohort(
        schema=SCHEMA,
        software=str(said.get("software", "")),
        edition=base.edition,
        digest=base.digest,
        policy=batch.policy,
        complete=batch.complete,
        title=base.title,
        intended_for=base.intended_for,
        not_for=base.not_for,
        threshold=THRESHOLD,
        enough=enough,
        **counts,
    )
