import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import chain, combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import lil_array

import pathway
from pathway.batch.cohort import (
    BEFORE,
    ENDINGS,
    OPTION_STATUSES,
    STEP_STATUSES,
    WARNINGS,
    Cohort,
    summarise,
)
from pathway.batch.suppression import HIDDEN, LARGE, SMALL, THRESHOLD, Count, Sheet, is_small
from pathway.cache import bundled_cases
from pathway.problem import Problems
from pathway.rules import RuleBase

# ---- batches to count ----

QUESTIONS = ("pain.duration", "red_flags", "illnesses", "medicines", "trials.massage.result", "blood_pressure")
COLUMNS = {"pain.duration_days": 0.93, "illnesses.diabetes": 0.5, "age": 1.0, "blood_pressure": 0.02}


def base() -> RuleBase:
    return pathway.load_rules().base


def masks(name: str, truths: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Truths as a batch writes them: the first is the lowest bit of the first column."""
    made = {}
    for word in range(-(-len(truths) // 64)):
        mask = np.zeros(len(truths[0]), dtype=np.uint64)
        for bit, truth in enumerate(truths[word * 64 : word * 64 + 64]):
            mask |= truth.astype(np.uint64) << np.uint64(bit)
        made[f"{name}_{word}"] = mask
    return made


def holds_of(option: str, rules: RuleBase) -> tuple[list[str], list[list[str]]]:
    """The rules that hold an option back as a whole, and those that hold each of its kinds."""
    holds = [rule for rule in rules.rules_of[option] if rule.verb == "hold"]
    kinds = [[rule.rule for rule in holds if rule.target == kind.kind] for kind in rules.kinds_of(option)]
    return [rule.rule for rule in holds if rule.target == option], kinds


def people(n: int, seed: int, rules: RuleBase, rare: float = 0.02) -> pl.DataFrame:
    """Cases made up, their statuses worked out from made-up answers as a walk works them out."""
    rng = np.random.default_rng(seed)

    def answers(yes: float, unknown: float) -> np.ndarray:
        return rng.choice(np.array([1, 0, -1], dtype=np.int8), n, p=[yes, unknown, 1 - yes - unknown])

    words = {word: None for rule in rules.rules for word in (*rule.when, *rule.unless)}
    likely = dict(zip(words, rng.exponential(rare, len(words)).clip(0, 0.4), strict=True))
    ends = {rule.rule: rule for rule in rules.rules if rule.verb == "end"}
    for rule in ends.values():  # what ends a walk is rare
        likely |= {word: likely[word] / 20 for word in rule.when if likely[word] > rare / 20}
    said = {word: answers(p, p / 2) for word, p in likely.items()}
    verdict = {}
    for rule in rules.rules:
        parts = [*(said[word] for word in rule.when), *(-said[word] for word in rule.unless)]
        verdict[rule.rule] = np.minimum.reduce(parts) if parts else np.ones(n, dtype=np.int8)
    flag = np.maximum.reduce([verdict[name] for name in ends])
    grade = np.full(n, "", dtype=object)
    for level in ("scope", "urgent", "emergency"):
        fired = np.maximum.reduce([verdict[name] for name, rule in ends.items() if rule.target == level])
        grade[fired == 1] = level
    own: dict[str, dict[str, np.ndarray]] = {}
    for option in rules.options:
        whole, kinds = holds_of(option.option, rules)
        none = np.full(n, -1, dtype=np.int8)
        each_kind = [np.maximum.reduce([none, *(verdict[rule] for rule in of)]) for of in kinds]
        own[option.option] = {
            "helping": answers(0.02, 0.0),
            "running": answers(0.03, 0.01),
            "spent": answers(0.35, 0.05),
            "declined": answers(0.04, 0.01),
            "held": np.maximum.reduce(
                [none, *(verdict[rule] for rule in whole), *([np.minimum.reduce(each_kind)] if each_kind else [])]
            ),
        }
    relief = np.maximum.reduce([each["helping"] for each in own.values()])
    chronic, correctable = answers(0.85, 0.08), answers(0.06, 0.03)
    passes = {"chronic": chronic, "root": np.maximum(-correctable, answers(0.3, 0.1)), "implant": np.full(n, -1)}
    for step in ("therapies", "medication", "ketamine"):
        spent = np.sort([own[option.option]["spent"] for option in rules.options_of(step)], axis=0)
        passes[step] = np.minimum(spent[-min(2, len(spent))], -relief)
    reach = {"chronic": np.ones(n, dtype=np.int8), "root": chronic}
    reach["therapies"] = reach["medication"] = np.minimum(chronic, passes["root"])
    reach["ketamine"] = np.minimum.reduce([reach["therapies"], passes["therapies"], passes["medication"]])
    reach["implant"] = np.minimum(reach["ketamine"], passes["ketamine"])
    steps: dict[str, np.ndarray] = {}
    for step, reached in reach.items():
        inside = [own[option.option] for option in rules.options_of(step)]
        helped = np.maximum.reduce([np.full(n, -1), *(each["helping"] for each in inside)])
        shut = [np.maximum.reduce([each["spent"], each["declined"], each["held"]]) for each in inside]
        closed = np.minimum.reduce([np.ones(n), *shut]) == 1
        unneeded = (relief == 1) | ((correctable == -1) if step == "root" else False)
        known = {
            "current": helped == 1,
            "not-needed": unneeded,
            "not-yet": reached == -1,
            "done": (reached == 1) & (passes[step] == 1),
            "asks": (reached == 0) | (passes[step] == 0),
            "stopped": closed,
        }
        steps[step] = np.select(list(known.values()), list(known), "current")
    any_current = np.logical_or.reduce([status == "current" for status in steps.values()])
    any_asks = np.logical_or.reduce([status == "asks" for status in steps.values()])
    ending = np.select(
        [(flag == 1) & (grade == "scope"), flag == 1, chronic == -1, any_current, any_asks],
        ["out-of-scope", "referral", "not-chronic", "current", "questions"],
        "end",
    )
    options: dict[str, np.ndarray] = {}
    for option in rules.options:
        each, step = own[option.option], option.step
        closed = np.maximum.reduce([each["spent"], each["declined"], each["held"], relief, each["running"], flag])
        offer = np.minimum(reach[step], -closed)
        known = {
            "review": (each["held"] == 1) & ((each["running"] == 1) | (each["helping"] == 1)),
            "held-back": each["held"] == 1,
            "continue": each["helping"] == 1,
            "under-way": each["running"] == 1,
            "tried": each["spent"] == 1,
            "declined": each["declined"] == 1,
            "not-needed": relief == 1,
            "not-yet": reach[step] == -1,
            "withheld": flag == 1,
            "left": (offer == 1) & (steps[step] == "done"),
            "offered": offer == 1,
        }
        options[option.option] = np.select(list(known.values()), list(known), "after-asking")
    waits = np.logical_or.reduce([*(status == "after-asking" for status in options.values()), any_asks])
    lacks = [waits & (rng.random(n) < p) for p in (0.9, 0.6, 0.3, 0.1, 0.03, 0.002)]
    lacks[0] = waits & ~np.logical_or.reduce(lacks[1:]) | lacks[0]  # who waits, waits for something
    fires = [verdict[rule.rule] == 1 for rule in rules.rules]
    data: dict[str, Any] = {"id": [f"case-{i}" for i in range(n)], "row": np.arange(1, n + 1)}
    data |= {"ending": ending.astype(str), "grade": grade.astype(str), "current": [""] * n}
    data |= {f"{name}.status": status.astype(str) for name, status in {**steps, **options}.items()}
    data |= masks("fires", fires) | masks("asks", [verdict[rule.rule] == 0 for rule in rules.rules])
    data |= masks("questions", lacks)
    data |= {"questions": np.sum(lacks, axis=0).astype(np.uint16), "edition": [rules.edition] * n}
    return pl.DataFrame({**data, "digest": [rules.digest] * n})


def write_batch(
    out: Path,
    rows: pl.DataFrame,
    rules: RuleBase,
    refused: Mapping[tuple[str, str], int] | None = None,
    questions: Sequence[str] = QUESTIONS,
) -> Path:
    """A finished batch in a folder."""
    out.mkdir(parents=True, exist_ok=True)
    rows.write_parquet(out / "results.parquet")
    bad = [(kind, column) for (kind, column), times in (refused or {}).items() for _ in range(times)]
    columns = {"row": list(range(len(bad))), "column": [c for _, c in bad], "kind": [k for k, _ in bad]}
    schema = {"row": pl.Int64, "column": pl.String, "kind": pl.String, "help": pl.String, "name": pl.String}
    secret = {"help": ["a secret"] * len(bad), "name": ["Jane Roe"] * len(bad)}
    pl.DataFrame({**columns, **secret}, schema=schema).write_parquet(out / "quarantine.parquet")
    by_kind: dict[str, int] = {}
    for kind, _ in bad:
        by_kind[kind] = by_kind.get(kind, 0) + 1
    total = rows.height + len(bad)
    manifest = {
        "schema": "pathway.batch/1",
        "software": "0.0",
        "edition": rules.edition,
        "digest": rules.digest,
        "policy": {},
        "counts": {"in": total, "out": rows.height, "quarantined": len(bad), "by_kind": by_kind},
        "rules": [rule.rule for rule in rules.rules],
        "questions": list(questions),
        "steps": [step.step for step in rules.walked],
        "options": [option.option for option in rules.options],
        "filled": {name: round(total * share) for name, share in COLUMNS.items()},
        "input": [{"name": "secret-name.csv", "rows": total, "bytes": 1, "sha256": "0"}],
        "complete": ["trials"],
    }
    (out / "manifest.json").write_text(json.dumps(manifest))
    return out


# ---- an attack: whoever has the report, knows the marks, and knows which sets lie in which ----


class Attacker:
    """What can be worked out: unknowns with bounds, equations, and what may not be below nought.

    Nothing here is taken from the sheet that hides. Unknowns are whole numbers; the solver has them so.
    """

    def __init__(self, evaluated: int) -> None:
        self.evaluated = evaluated
        self.low: list[float] = []
        self.high: list[float] = []
        self.true: list[int] = []
        self.names: dict[Any, int | float] = {}
        self.unknown: dict[Any, int] = {}
        self.rows: list[tuple[dict[int, int], float, float, int]] = []

    def learn(self, name: Any, said: Count, true: int) -> None:
        """A count as it is told; what it truly is only serves to judge what is found."""
        if isinstance(said, int):
            assert said == true, name
            assert not is_small(said), name
            self.names[name] = said
            return
        assert said != SMALL or is_small(true), name
        assert said != LARGE or true >= THRESHOLD, name
        self.unknown[name] = len(self.low)
        self.low.append({SMALL: 1, LARGE: THRESHOLD}.get(said, 0))
        self.high.append(THRESHOLD - 1 if said == SMALL else np.inf)
        self.true.append(true)

    def form(self, terms: Mapping[Any, int]) -> tuple[dict[int, int], float]:
        """A sum as its unknowns, and the part that is known."""
        known = sum(sign * self.names[name] for name, sign in terms.items() if name in self.names)
        return {self.unknown[name]: sign for name, sign in terms.items() if name in self.unknown}, known

    def truth(self, terms: Mapping[Any, int]) -> int:
        unknown, known = self.form(terms)
        return int(known + sum(sign * self.true[i] for i, sign in unknown.items()))

    def equal(self, terms: Mapping[Any, int]) -> None:
        """That a sum is nought."""
        unknown, known = self.form(terms)
        assert self.truth(terms) == 0, terms
        if unknown:
            self.rows.append((unknown, -known, -known, 0))

    def difference(self, terms: Mapping[Any, int], seen: bool = False) -> None:
        """That a sum counts people, who may not be known to be few; where nobody is, that may be `seen` by anybody."""
        unknown, known = self.form(terms)
        true = self.truth(terms)
        assert true >= 0, terms
        assert unknown or not is_small(true), f"{terms} is known to be {true}"
        if unknown:
            self.rows.append((unknown, -known, -known if seen and true == 0 else np.inf, true))

    def at_least_nought(self, terms: Mapping[Any, int]) -> None:
        unknown, known = self.form(terms)
        assert self.truth(terms) >= 0, terms
        if unknown:
            self.rows.append((unknown, -known, np.inf, 0))

    def parts(self) -> Iterator[tuple[list[int], list[tuple[dict[int, int], float, float, int]]]]:
        """The unknowns that hang together, with what is known of them."""
        group = list(range(len(self.low)))

        def find(i: int) -> int:
            while group[i] != i:
                group[i] = group[group[i]]
                i = group[i]
            return i

        for terms, *_ in self.rows:
            first, *others = terms
            for other in others:
                group[find(other)] = find(first)
        found: dict[int, tuple[list[int], list[Any]]] = {}
        for i in range(len(self.low)):
            found.setdefault(find(i), ([], []))[0].append(i)
        for row in {(*sorted(row[0].items()), *row[1:]): row for row in self.rows}.values():
            found[find(next(iter(row[0])))][1].append(row)
        yield from found.values()

    def attack(self, whole: bool = False) -> dict[str, int]:
        """Work out every hidden count as far as it goes; fails where that is further than its mark.

        Args:    whole: in whole people; else as a linear program has it, which takes less time.
        """
        tried = {"counts": 0, "differences": 0}
        labels = {i: name for name, i in self.unknown.items()}
        for cells, rows in self.parts():
            find = self.finder(cells, rows, whole)
            for i in cells:
                low, high = find({i: 1})
                if is_small(self.true[i]):
                    tried["counts"] += 1
                    assert low <= 1 and high >= THRESHOLD - 1, (labels[i], low, self.true[i], high)
                elif self.true[i]:
                    assert high > low, (labels[i], low, self.true[i], high)
            for terms, least, _, true in rows:
                if is_small(true):
                    tried["differences"] += 1
                    low, high = (bound - least for bound in find(terms))
                    told = {labels[i]: sign for i, sign in terms.items()}
                    assert high >= THRESHOLD - 1 and high - low >= 5, (told, low, true, high)
        return tried

    def finder(self, cells: Sequence[int], rows: Sequence[Any], whole: bool) -> Callable[..., tuple[float, float]]:
        """What finds the least and the most that a sum of these unknowns can be."""
        place = {i: k for k, i in enumerate(cells)}
        matrix = lil_array((max(len(rows), 1), len(cells)))
        for r, (row, *_) in enumerate(rows):
            for i, sign in row.items():
                matrix[r, place[i]] = sign
        ends = ([row[k] for row in rows] or [0] for k in (1, 2))
        known = LinearConstraint(matrix.tocsr(), *ends)
        # A count need not be followed beyond what any cohort here could reach.
        most = [min(self.high[i], 10 * self.evaluated) for i in cells]
        bounds = Bounds([self.low[i] for i in cells], most)
        kinds = np.full(len(cells), int(whole))
        # The presolve of HiGHS 1.12 loses whole solutions: some counts would seem less open than they are.
        options = {"presolve": not whole, "mip_rel_gap": 0}

        def find(terms: Mapping[int, int]) -> tuple[float, float]:
            found = []
            for way in (1, -1):
                aim = np.zeros(len(cells))
                for i, sign in terms.items():
                    aim[place[i]] = way * sign
                answer = milp(aim, integrality=kinds, bounds=bounds, constraints=known, options=options)
                assert answer.x is not None, answer.message
                found.append(round(way * answer.fun, 6))
            return found[0], found[1]

        return find


def sets_of(
    rows: pl.DataFrame, cohort: Cohort, rules: RuleBase, questions: Sequence[str] = QUESTIONS
) -> dict[Any, np.ndarray]:
    """Every set that a report counts, as the rows that are in it; worked out row by row."""
    cells = {name: rows[name].to_numpy() for name in rows.columns}
    ending = np.where(cells["ending"] == "referral", "referral-" + cells["grade"], cells["ending"])
    sets: dict[Any, np.ndarray] = {("ending", each): ending == each for each in ENDINGS}
    for step in cohort.steps:
        sets |= {("step", step.step, s): cells[f"{step.step}.status"] == s for s in STEP_STATUSES}
    for option in cohort.options:
        sets |= {("option", option.option, s): cells[f"{option.option}.status"] == s for s in OPTION_STATUSES}
    arrived, here = np.ones(rows.height, dtype=bool), np.isin(ending, BEFORE)
    for stage in cohort.way:
        if stage.titles:
            passes = [np.isin(cells[f"{step}.status"], ["done", "not-needed"]) for step in stage.stage.split("+")]
            here = arrived & ~np.logical_and.reduce(passes)
        elif stage.stage != "start":
            here = arrived
        sets["arrived", stage.stage] = arrived
        sets |= {("leaves", stage.stage, each): here & (ending == each) for each in stage.leaves}
        arrived = arrived & ~here
    order = {rule.rule: i for i, rule in enumerate(rules.rules)}

    def bit(mask: str, i: int) -> np.ndarray:
        return np.array((cells[f"{mask}_{i // 64}"] >> np.uint64(i % 64)) & np.uint64(1), dtype=bool)

    for rule in rules.rules:
        if rule.verb in (*WARNINGS, "end"):
            sets["rule", rule.rule] = bit("fires", order[rule.rule])
    for option in cohort.options:
        held, nobody = sets["option", option.option, "held-back"], np.zeros(rows.height, dtype=bool)
        whole, kinds = holds_of(option.option, rules)
        fires = {rule: bit("fires", order[rule]) for rule in (*whole, *chain(*kinds))}
        some = [np.logical_or.reduce([nobody, *(fires[rule] for rule in of)]) for of in kinds]
        every = np.logical_and.reduce(some) if some else nobody
        sets |= {("held", option.option, rule): held & fires[rule] for rule in whole}
        sets |= {("held", option.option, rule): held & every & fires[rule] for rule in chain(*kinds)}
        by_some = np.logical_or.reduce([every, *(fires[rule] for rule in whole)])
        sets["held", option.option, ""] = held & ~by_some
    sets["any"] = cells["questions"] > 0 if questions else np.zeros(rows.height, dtype=bool)
    for question in cohort.questions:
        open_ = sets["open", question.field] = bit("questions", questions.index(question.field))
        for name in question.options:
            sets["beside", question.field, name] = open_ & sets["option", name, "after-asking"]
        for name in question.steps:
            sets["beside", question.field, name] = open_ & sets["step", name, "asks"]
    return sets


def said_of(cohort: Cohort, rules: RuleBase) -> dict[Any, Count]:
    """What the report says of each of these sets."""
    said: dict[Any, Count] = {("ending", each): count for each, count in (cohort.endings or {}).items()}
    for step in cohort.steps:
        said |= {("step", step.step, s): count for s, count in step.statuses.items()}
    for option in cohort.options:
        said |= {("option", option.option, s): count for s, count in option.statuses.items()}
        held = {rule.rule: rule.count for rule in option.held_by}
        for rule in rules.rules_of[option.option]:
            if rule.verb == "hold":
                said["held", option.option, rule.rule] = held.get(rule.rule, 0)
        said["held", option.option, ""] = option.not_available
    for stage in cohort.way:
        said["arrived", stage.stage] = stage.arrived
        said |= {("leaves", stage.stage, each): count for each, count in stage.leaves.items()}
    fires = {rule.rule: rule.count for rule in (*cohort.ended_by, *cohort.warnings)}
    said |= {("rule", r.rule): fires.get(r.rule, 0) for r in rules.rules if r.verb in (*WARNINGS, "end")}
    said["any"] = cohort.with_questions or 0
    for question in cohort.questions:
        said["open", question.field] = question.count
        for name, count in {**question.options, **question.steps}.items():
            said["beside", question.field, name] = count
    return said


def attacker_of(
    cohort: Cohort,
    rows: pl.DataFrame,
    rules: RuleBase,
    counts: Mapping[Any, int],
    questions: Sequence[str] = QUESTIONS,
) -> Attacker:
    """All that the report tells, and all that is known of how its numbers hang together."""
    sets, said = sets_of(rows, cohort, rules, questions), said_of(cohort, rules)
    assert sets.keys() == said.keys()
    known = Attacker(rows.height)
    known.names["all"] = rows.height
    for name, members in sets.items():
        known.learn(name, said[name], int(members.sum()))
    learn_sizes(known, cohort, counts)
    whole = {"all": 1}
    known.equal({**whole, **{("ending", each): -1 for each in ENDINGS}})
    for step in cohort.steps:
        known.equal({**whole, **{("step", step.step, s): -1 for s in STEP_STATUSES}})
    for option in cohort.options:
        known.equal({**whole, **{("option", option.option, s): -1 for s in OPTION_STATUSES}})
    for one, after in zip(cohort.way, (*cohort.way[1:], None), strict=True):
        goes_on = {("arrived", after.stage): -1} if after else {}
        leaves = {("leaves", one.stage, each): -1 for each in one.leaves}
        known.equal({("arrived", one.stage): 1, **leaves, **goes_on})
        assert one.goes_on == (after.arrived if after else 0)
    for ending in ENDINGS:
        leaves = {("leaves", one.stage, ending): -1 for one in cohort.way if ending in one.leaves}
        known.equal({("ending", ending): 1, **leaves})
    learn_nesting(known, cohort, sets, rules)
    learn_rules(known, cohort, sets, rules)
    learn_questions(known, cohort, sets)
    return known


def learn_sizes(known: Attacker, cohort: Cohort, counts: Mapping[Any, int]) -> None:
    """What came in and what was refused."""
    known.learn("received", cohort.received, counts["received"])
    known.learn("refused", cohort.refused, counts["refused"])
    known.equal({"received": 1, "all": -1, "refused": -1})
    for refusal in cohort.refusals:
        known.learn(refusal.kind, refusal.count, sum(counts[key] for key in counts if key[0] == refusal.kind))
        for column, count in refusal.columns.items():
            known.learn((refusal.kind, column), count, counts[refusal.kind, column])
        known.equal({refusal.kind: 1, **{(refusal.kind, column): -1 for column in refusal.columns}})
    known.equal({"refused": 1, **{refusal.kind: -1 for refusal in cohort.refusals}})
    for told in cohort.columns:
        filled = round(counts["received"] * COLUMNS[told.column])
        known.learn(("filled", told.column), told.filled, filled)
        known.learn(("blank", told.column), told.blank, counts["received"] - filled)
        known.equal({"received": 1, ("filled", told.column): -1, ("blank", told.column): -1})


def learn_nesting(known: Attacker, cohort: Cohort, sets: Mapping[Any, np.ndarray], rules: RuleBase) -> None:
    """Which sets of walks lie in which, as far as anybody could see it from sets that are not small."""
    walks = [name for name in sets if name[0] in ("ending", "step", "leaves", "arrived")]
    pairs = list(combinations(walks, 2))
    for option in cohort.options:
        own = [("option", option.option, status) for status in OPTION_STATUSES]
        others: list[Any] = [*(("ending", each) for each in ENDINGS), ("arrived", cohort.way[1].stage)]
        others += [("step", option.step, status) for status in STEP_STATUSES]
        pairs += [*combinations(own, 2), *product(own, others)]
    for one, other in pairs:
        a, b = sets[one], sets[other]
        if min(a.sum(), b.sum()) < THRESHOLD:
            continue
        both = (a & b).sum()
        if both == a.sum():
            known.difference({other: 1, one: -1}, seen=True)
        if both == b.sum() and both != a.sum():
            known.difference({one: 1, other: -1}, seen=True)
        if both == 0:
            known.difference({"all": 1, one: -1, other: -1}, seen=True)
        if (a | b).all():
            known.difference({one: 1, other: 1, "all": -1}, seen=True)


def learn_rules(known: Attacker, cohort: Cohort, sets: Mapping[Any, np.ndarray], rules: RuleBase) -> None:
    """What rules tell of each other by their words, and of the endings and statuses that they bring about."""
    told = [(("rule", rule.rule), rule) for rule in rules.rules if ("rule", rule.rule) in sets]
    held = [(name, rules.rule[name[2]]) for name in sets if name[0] == "held" and name[2]]
    # A rule about a kind holds the option back where every kind is held: a word more.
    words = {name: {*rule.when, *(["every kind"] if rule.target != name[1] else [])} for name, rule in held}
    for name, rule in [*told, *held]:
        known.difference({"all": 1, name: -1})
        for other, wider in told:
            if name == other:
                continue
            if set(wider.when) <= set(rule.when) and set(wider.unless) <= set(rule.unless):
                assert not (sets[name] & ~sets[other]).any()
                known.difference({other: 1, name: -1})
            if name < other and (set(wider.when) & set(rule.unless) or set(wider.unless) & set(rule.when)):
                assert not (sets[name] & sets[other]).any()
                known.difference({"all": 1, other: -1, name: -1})
    for name, rule in held:
        known.difference({("option", name[1], "held-back"): 1, name: -1})
        for other, wider in held:
            same = name != other and name[1] == other[1]
            if same and words[other] <= words[name] and set(wider.unless) <= set(rule.unless):
                assert not (sets[name] & ~sets[other]).any()
                known.difference({other: 1, name: -1})
    for option in cohort.options:
        by = {name: 1 for name in sets if name[:2] == ("held", option.option)}
        known.at_least_nought({**by, ("option", option.option, "held-back"): -1})
    emergency, urgent, scope = ({("ending", each): 1} for each in BEFORE)
    within = {"emergency": emergency, "urgent": {**emergency, **urgent}, "scope": {**emergency, **urgent, **scope}}
    for grade, ends in within.items():
        by = {name: 1 for name, rule in told if (rule.verb, rule.target) == ("end", grade)}
        for name in by:
            known.difference({**ends, name: -1})
        own = {"emergency": emergency, "urgent": urgent, "scope": scope}[grade]
        known.at_least_nought({**by, **dict.fromkeys(own, -1)})


def learn_questions(known: Attacker, cohort: Cohort, sets: Mapping[Any, np.ndarray]) -> None:
    """What is open in how many cases, and beside what."""
    known.difference({"all": 1, "any": -1})
    known.difference({"any": 1, ("ending", "questions"): -1})
    for question in cohort.questions:
        known.difference({"any": 1, ("open", question.field): -1})
    known.at_least_nought({"any": -1, **{("open", question.field): 1 for question in cohort.questions}})
    for name in sets:
        if name[0] != "beside":
            continue
        option = ("option", name[2], "after-asking")
        waits = option if option in sets else ("step", name[2], "asks")
        known.difference({("open", name[1]): 1, name: -1})
        known.difference({waits: 1, name: -1})
        known.difference({"all": 1, ("open", name[1]): -1, waits: -1, name: 1})


REFUSED = {("bad-date", "pain.began"): 40, ("bad-date", "as_of"): 2, ("wrong-type", "age"): 12, ("wrong-unit", "x"): 3}


def attacked(cohort: Cohort, rows: pl.DataFrame, refused: Mapping[Any, int], whole: bool = False) -> dict[str, int]:
    total = sum(refused.values())
    counts = {**refused, "refused": total, "received": rows.height + total}
    return attacker_of(cohort, rows, base(), counts).attack(whole)


@pytest.mark.parametrize(("n", "seed"), [(11, 0), (14, 2), (25, 3), (150, 1), (400, 2), (3_000, 3), (30_000, 0)])
def test_no_hidden_count_can_be_worked_out(tmp_path: Path, n: int, seed: int) -> None:
    rows = people(n, seed, base(), rare=(0.004, 0.01, 0.02, 0.05)[seed])
    refused = dict(list(REFUSED.items())[seed:])
    cohort = summarise(write_batch(tmp_path, rows, base(), refused), base())
    tried = attacked(cohort, rows, refused)
    assert tried["counts"] > 20 and tried["differences"] > 20


def test_the_attack_finds_what_hiding_the_small_counts_alone_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sheet, "_protect", lambda self: None)
    rows = people(400, 2, base())
    cohort = summarise(write_batch(tmp_path, rows, base(), REFUSED), base())
    with pytest.raises(AssertionError, match="is known to be"):
        attacked(cohort, rows, REFUSED)


@pytest.mark.soak
def test_no_hidden_count_can_be_worked_out_in_whole_people(tmp_path: Path) -> None:
    rows = people(60, 5, base())
    cohort = summarise(write_batch(tmp_path, rows, base(), REFUSED), base())
    assert attacked(cohort, rows, REFUSED, whole=True)["counts"] > 20


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 400))
def test_no_hidden_count_can_be_worked_out_of_many_cohorts(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.choice([11, 12, 13, 15, 18, 22, 30, 45, 80, 200, 500, 2_000, 10_000]))
    rows = people(n, seed, base(), rare=float(rng.choice([0.002, 0.01, 0.03, 0.1])))
    refused = {key: int(rng.integers(1, 30)) for key in list(REFUSED)[: int(rng.integers(0, 5))]}
    cohort = summarise(write_batch(tmp_path, rows, base(), refused), base())
    attacked(cohort, rows, refused)


@pytest.mark.slow
def test_the_cases_that_came_with_the_software_hide_what_is_small(tmp_path: Path) -> None:
    rows, questions = walked_rows()
    cohort = summarise(write_batch(tmp_path, rows, base(), questions=questions), base())
    known = attacker_of(cohort, rows, base(), {"refused": 0, "received": rows.height}, questions)
    assert known.attack()["counts"] > 100


def test_a_cohort_of_real_walks_hides_what_is_small(tmp_path: Path) -> None:
    rows, questions = walked_rows()
    drawn = rows.sample(1_500, with_replacement=True, shuffle=True, seed=1)
    cohort = summarise(write_batch(tmp_path, drawn, base(), questions=questions), base())
    known = attacker_of(cohort, drawn, base(), {"refused": 0, "received": drawn.height}, questions)
    assert known.attack()["counts"] > 100


@cache
def walked_rows() -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The bundled cases as a batch would have them, by the engine that walks one case."""
    walks = [pathway.walk(pathway.read(path)) for path in sorted(bundled_cases().glob("*.yaml"))]
    questions = tuple(dict.fromkeys(question.field for walk in walks for question in walk.questions))
    order = [rule.rule for rule in base().rules]
    verdicts = [{spoken.rule: spoken.verdict for spoken in walk.rules()} for walk in walks]
    asked = [{question.field for question in walk.questions} for walk in walks]
    data: dict[str, Any] = {"id": [walk.case for walk in walks], "row": list(range(1, len(walks) + 1))}
    data["ending"] = [walk.ending.reason if walk.ending.kind == "stop" else walk.ending.kind for walk in walks]
    data |= {"grade": [walk.ending.grade for walk in walks], "current": [";".join(w.ending.steps) for w in walks]}
    for i, step in enumerate(walks[0].steps):
        data[f"{step.step}.status"] = [walk.steps[i].status for walk in walks]
        for k, option in enumerate(step.options):
            data[f"{option.option}.status"] = [walk.steps[i].options[k].status for walk in walks]
    for verdict in ("fires", "asks"):
        data |= masks(verdict, [np.array([each[rule] == verdict for each in verdicts]) for rule in order])
    data |= masks("questions", [np.array([field in each for each in asked]) for field in questions])
    data |= {"questions": np.array([len(each) for each in asked], dtype=np.uint16), "edition": base().edition}
    return pl.DataFrame({**data, "digest": base().digest}), questions


# ---- what is told is so ----


def test_what_is_told_is_what_can_be_counted(tmp_path: Path) -> None:
    rows = people(5_000, 1, base())
    cohort = summarise(write_batch(tmp_path, rows, base(), REFUSED), base())
    said, sets = said_of(cohort, base()), sets_of(rows, cohort, base())
    told = {name: count for name, count in said.items() if isinstance(count, int)}
    assert told == {name: int(sets[name].sum()) for name in told}
    assert len(told) > 0.6 * len(said)
    assert (cohort.received, cohort.evaluated, cohort.refused) == (5_057, 5_000, 57)
    assert cohort.enough and cohort.threshold == 11 and cohort.schema == "pathway.cohort/1"


def test_nobody_is_lost_on_the_way(tmp_path: Path) -> None:
    cohort = summarise(write_batch(tmp_path, people(200_000, 4, base()), base()), base())
    assert [stage.stage for stage in cohort.way] == [
        "start", "chronic", "root", "therapies+medication", "ketamine", "implant", "past",
    ]  # fmt: skip
    for stage, after in zip(cohort.way, cohort.way[1:], strict=False):
        leaves = [count for count in stage.leaves.values() if isinstance(count, int)]
        assert len(leaves) == len(stage.leaves), "so large a cohort has nothing small on the way"
        assert stage.goes_on == after.arrived
        assert isinstance(stage.arrived, int) and isinstance(stage.goes_on, int)
        assert stage.arrived == sum(leaves) + stage.goes_on


def test_lists_begin_with_what_is_told_and_their_order_tells_no_more(tmp_path: Path) -> None:
    cohort = summarise(write_batch(tmp_path, people(2_000, 4, base()), base(), REFUSED), base())
    lists = [[rule.count for rule in option.held_by] for option in cohort.options]
    lists += [[rule.count for rule in cohort.ended_by], [question.count for question in cohort.questions]]
    lists += [[rule.count for rule in cohort.warnings if rule.verb == verb] for verb in WARNINGS]
    for counts in lists:
        told = [count for count in counts if isinstance(count, int)]
        assert counts[: len(told)] == sorted(told, reverse=True)
        marks = [count for count in counts if isinstance(count, str)]
        assert marks == sorted(marks, key=[LARGE, HIDDEN, SMALL].index)


def test_the_same_batch_gives_the_same_numbers(tmp_path: Path) -> None:
    out = write_batch(tmp_path, people(300, 4, base()), base(), REFUSED)
    assert summarise(out, base()) == summarise(str(out), base())


def test_no_cell_of_a_row_is_told(tmp_path: Path) -> None:
    out = write_batch(tmp_path, people(2_000, 4, base()), base(), REFUSED)
    text = json.dumps(summarise(out, base()).as_data())
    for secret in ("Jane", "secret", "case-", str(tmp_path)):
        assert secret not in text


def test_fewer_than_eleven_cases_are_not_counted(tmp_path: Path) -> None:
    cohort = summarise(write_batch(tmp_path, people(10, 1, base()), base(), REFUSED), base())
    assert not cohort.enough
    assert (cohort.received, cohort.evaluated, cohort.refused) == (HIDDEN, HIDDEN, HIDDEN)
    assert not (cohort.way or cohort.steps or cohort.options or cohort.questions or cohort.columns or cohort.refusals)


def test_nobody_at_all_is_a_cohort_without_counts(tmp_path: Path) -> None:
    assert not summarise(write_batch(tmp_path, people(11, 1, base()).head(0), base()), base()).enough


def test_a_few_refused_rows_cannot_be_told_by_subtraction(tmp_path: Path) -> None:
    cohort = summarise(write_batch(tmp_path, people(500, 1, base()), base(), {("bad-date", "age"): 3}), base())
    assert (cohort.received, cohort.evaluated, cohort.refused) == (LARGE, 500, SMALL)
    assert all(LARGE in (column.filled, column.blank) for column in cohort.columns)


def test_a_batch_that_asked_nothing_has_no_open_facts(tmp_path: Path) -> None:
    rows = people(200, 1, base())
    rows = rows.drop([name for name in rows.columns if name.startswith("questions")])
    cohort = summarise(write_batch(tmp_path, rows, base(), questions=()), base())
    assert cohort.with_questions is None and cohort.questions == ()


def test_statuses_may_be_categories(tmp_path: Path) -> None:
    rows = people(400, 2, base())
    words = [name for name in rows.columns if name.endswith(".status")]
    kinds = [pl.col(name).cast(pl.Enum(rows[name].unique().sort())) for name in words[::2]]
    made = rows.with_columns(pl.col(words[1::2]).cast(pl.Categorical), *kinds, pl.col("ending").cast(pl.Categorical))
    out, other = write_batch(tmp_path / "a", rows, base()), write_batch(tmp_path / "b", made, base())
    assert summarise(out, base()) == summarise(other, base())


# ---- what is no finished batch ----


def refused_with(out: Path, rules: RuleBase | None = None) -> tuple[str, str]:
    with pytest.raises(Problems) as caught:
        summarise(out, rules or base())
    (problem,) = caught.value.items
    assert "Jane" not in str(caught.value) and problem.help
    return problem.kind, problem.message


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    return write_batch(tmp_path / "out", people(50, 1, base()), base(), REFUSED)


def changed(out: Path, **parts: Any) -> Path:
    """The batch with other parts of its manifest."""
    path = out / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **parts}))
    return out


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert refused_with(tmp_path / "nowhere") == ("not-found", "there is no such folder")


def test_a_folder_without_a_manifest_is_no_finished_batch(finished: Path) -> None:
    (finished / "manifest.json").unlink()
    assert refused_with(finished) == ("not-found", "this folder holds no finished batch")


@pytest.mark.parametrize("file", ["results.parquet", "quarantine.parquet"])
def test_a_missing_table_is_refused(finished: Path, file: str) -> None:
    (finished / file).unlink()
    assert refused_with(finished)[0] == "not-found"


@pytest.mark.parametrize("file", ["results.parquet", "quarantine.parquet"])
@pytest.mark.parametrize("keep", [0, 100, 0.5])
def test_a_damaged_table_is_refused(finished: Path, file: str, keep: float) -> None:
    data = (finished / file).read_bytes()
    (finished / file).write_bytes(data[: int(keep if keep > 1 else len(data) * keep)])
    assert refused_with(finished)[0] == "unreadable"


def test_a_table_with_a_broken_page_is_refused(finished: Path) -> None:
    path = finished / "results.parquet"
    data = bytearray(path.read_bytes())
    data[8:4_000] = bytes(3_992)
    path.write_bytes(data)
    assert refused_with(finished)[0] in ("unreadable", "unknown-value", "contradiction")


@pytest.mark.parametrize("name", ["ending", "massage.status", "fires_3", "questions_0", "digest"])
def test_a_missing_column_is_refused(finished: Path, name: str) -> None:
    pl.read_parquet(finished / "results.parquet").drop(name).write_parquet(finished / "results.parquet")
    assert refused_with(finished) == ("missing-field", f"1 of its columns are missing, {name} first")


@pytest.mark.parametrize("name", ["ending", "massage.status", "root.status", "digest"])
@pytest.mark.parametrize("value", ["Jane Roe", None])
def test_a_word_that_the_rules_do_not_say_is_refused(finished: Path, name: str, value: str | None) -> None:
    rows = pl.read_parquet(finished / "results.parquet")
    said = pl.when(pl.col("row") == 7).then(pl.lit(value, dtype=pl.String)).otherwise(pl.col(name))
    rows.with_columns(said.alias(name)).write_parquet(finished / "results.parquet")
    assert refused_with(finished)[0] == "unknown-value"


def test_other_rules_are_refused(finished: Path) -> None:
    kind, message = refused_with(finished, replace(base(), digest="0123456789abcdef"))
    assert kind == "edition" and "0123456789ab" in message and base().digest[:12] in message


COUNTS = {"in": 107, "out": 50, "quarantined": 57}


@pytest.mark.parametrize(
    ("parts", "kind"),
    [
        ({"schema": "pathway.batch/2"}, "wrong-type"),
        ({"counts": {**COUNTS, "in": 108}}, "contradiction"),
        ({"counts": {**COUNTS, "in": 106, "out": 49}}, "contradiction"),
        ({"counts": {**COUNTS, "in": 108, "quarantined": 58}}, "contradiction"),
        ({"counts": {**COUNTS, "out": "many"}}, "wrong-type"),
        ({"counts": {**COUNTS, "out": True}}, "wrong-type"),
        ({"counts": []}, "wrong-type"),
        ({"filled": {"age": 108}}, "wrong-type"),
        ({"filled": None}, "wrong-type"),
        ({"rules": ["no.such-rule"]}, "unknown-rule"),
        ({"steps": ["no-such-step"]}, "unknown-step"),
        ({"options": ["massage", "massage"]}, "said-twice"),
        ({"options": "massage"}, "wrong-type"),
        ({"questions": [1]}, "wrong-type"),
    ],
)
def test_a_manifest_that_says_what_cannot_be_is_refused(finished: Path, parts: dict[str, Any], kind: str) -> None:
    assert refused_with(changed(finished, **parts))[0] == kind


def test_a_manifest_that_is_no_json_is_refused(finished: Path) -> None:
    (finished / "manifest.json").write_text("{")
    assert refused_with(finished)[0] == "bad-json"


def test_a_folder_may_have_a_strange_name(tmp_path: Path) -> None:
    out = write_batch(tmp_path / "a*b [1]", people(50, 1, base()), base())
    assert summarise(out, base()).evaluated == 50


# ---- sheets ----


def test_a_single_small_part_has_another_hidden_beside_it() -> None:
    sheet = Sheet()
    sheet.fixed("all", 1_000)
    for name, value in {"a": 700, "b": 293, "c": 7, "d": 0}.items():
        sheet.count(name, value)
    sheet.total("all", "abcd")
    assert sheet.told() == {"all": 1_000, "a": 700, "b": LARGE, "c": SMALL, "d": 0}


def test_what_matters_less_is_hidden_first() -> None:
    sheet = Sheet()
    sheet.fixed("all", 1_000)
    for name, value, weight in (("a", 700, 1.0), ("b", 293, 9.0), ("c", 7, 1.0)):
        sheet.count(name, value, weight)
    sheet.total("all", "abc")
    assert sheet.told() == {"all": 1_000, "a": LARGE, "b": 293, "c": SMALL}


def test_a_small_remainder_of_two_told_counts_is_hidden() -> None:
    sheet = Sheet()
    for name, value in {"wide": 500, "narrow": 496}.items():
        sheet.count(name, value)
    sheet.follows({"wide": 1, "narrow": -1})
    assert sheet.told() == {"wide": 500, "narrow": LARGE}


def test_counts_that_hang_together_far_off_are_told() -> None:
    sheet = Sheet()
    sheet.fixed("all", 1_000)
    sheet.count("few", 5)
    sheet.count("many", 400)
    sheet.follows({"all": 1, "few": -1})
    sheet.follows({"all": 1, "many": -1})
    assert sheet.told() == {"all": 1_000, "few": SMALL, "many": 400}


def test_two_tables_of_the_same_people_do_not_give_each_other_away() -> None:
    # By row: 40 = 33 + 7, 60 = 60 + 0. By column: 93 and 7, of which 7 is also the only one of its column.
    sheet = Sheet()
    sheet.fixed("all", 100)
    cells = {("r1", "c1"): 33, ("r1", "c2"): 7, ("r2", "c1"): 48, ("r2", "c2"): 12}
    for name, value in {"r1": 40, "r2": 60, "c1": 81, "c2": 19}.items():
        sheet.count(name, value, 5)
    for cell, value in cells.items():
        sheet.count(cell, value)
    for name in ("r1", "r2", "c1", "c2"):
        sheet.total(name, [cell for cell in cells if name in cell])
    sheet.total("all", ("r1", "r2"))
    sheet.total("all", ("c1", "c2"))
    told = sheet.told()
    assert told["r1", "c2"] == SMALL
    # With margins told, one hidden cell would be found from its row, two from a column: all four are hidden.
    assert all(told[cell] != value for cell, value in cells.items())


def test_the_parts_of_a_small_whole_are_not_even_called_small() -> None:
    sheet = Sheet()
    sheet.fixed("all", 1_000)
    for name, value in {"large": 991, "small": 9, "one": 4, "other": 5}.items():
        sheet.count(name, value)
    sheet.total("all", ("large", "small"))
    sheet.total("small", ("one", "other"))
    told = sheet.told()
    assert told["large"] == LARGE
    assert {told["one"], told["other"]} <= {SMALL, HIDDEN} and HIDDEN in told.values()


def test_parts_that_do_not_make_up_their_whole_are_no_total() -> None:
    sheet = Sheet()
    sheet.fixed("all", 10)
    sheet.count("a", 3)
    with pytest.raises(ValueError, match="sum of its parts"):
        sheet.total("all", "a")


def worlds(parts: Sequence[int], told: Sequence[Count]) -> Iterable[tuple[int, ...]]:
    """Every way in which the parts could have made up the same total, by brute force."""
    total = sum(parts)
    ranges = []
    for said in told:
        low, high = {SMALL: (1, THRESHOLD - 1), LARGE: (THRESHOLD, total)}.get(str(said), (0, total))
        ranges.append([said] if isinstance(said, int) else range(low, high + 1))
    return (world for world in product(*ranges) if sum(world) == total)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 25), min_size=2, max_size=4).filter(lambda parts: sum(parts) >= THRESHOLD))
def test_every_small_part_of_a_total_could_be_anything_from_1_to_10(parts: list[int]) -> None:
    sheet = Sheet()
    sheet.fixed("all", sum(parts))
    for i, part in enumerate(parts):
        sheet.count(i, part)
    sheet.total("all", range(len(parts)))
    said = sheet.told()
    told = [said[i] for i in range(len(parts))]
    found = list(worlds(parts, told))
    assert tuple(parts) in found
    for i, part in enumerate(parts):
        if is_small(part):
            assert {world[i] for world in found} >= set(range(1, THRESHOLD))
        elif told[i] != part:
            assert len({world[i] for world in found}) > 1


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_cell_of_two_crossed_tables_is_found_by_elimination(data: st.DataObject) -> None:
    """Every cell that exact elimination finds was told; what is hidden stays unknown to it."""
    height, width = data.draw(st.integers(2, 4)), data.draw(st.integers(2, 4))
    count = st.one_of(st.just(0), st.integers(1, 12), st.integers(11, 400))
    cells = {(r, c): data.draw(count) for r in range(height) for c in range(width)}
    if sum(cells.values()) < THRESHOLD:
        return
    rows = {("row", r): sum(cells[r, c] for c in range(width)) for r in range(height)}
    columns = {("column", c): sum(cells[r, c] for r in range(height)) for c in range(width)}
    sheet = Sheet()
    sheet.fixed("all", sum(cells.values()))
    every: dict[Any, int] = {**rows, **columns, **cells}
    for name, value in every.items():
        sheet.count(name, value, 5 if name in rows or name in columns else 1)
    equations: list[dict[Any, int]] = [{"all": 1, **dict.fromkeys(rows, -1)}, {"all": 1, **dict.fromkeys(columns, -1)}]
    equations += [{("row", r): 1, **{(r, c): -1 for c in range(width)}} for r in range(height)]
    equations += [{("column", c): 1, **{(r, c): -1 for r in range(height)}} for c in range(width)]
    for equation in equations:
        whole, *parts = equation
        sheet.total(whole, parts)
    told = sheet.told()
    assert not [name for name, value in every.items() if is_small(value) and told[name] == value]
    hidden = [name for name, said in told.items() if isinstance(said, str)]
    assert eliminated(equations, told) == {}
    assert all(told[name] != 0 for name in hidden)


def eliminated(equations: Iterable[Mapping[Any, int]], told: Mapping[Any, Count]) -> dict[Any, Fraction]:
    """What Gauss finds of the hidden counts, from equations over exact fractions."""
    names = [name for name, said in told.items() if isinstance(said, str)]
    pivots: dict[int, list[Fraction]] = {}
    for equation in equations:
        known = sum(sign * said for name, sign in equation.items() if isinstance(said := told[name], int))
        row = [*(Fraction(equation.get(name, 0)) for name in names), Fraction(-known)]
        for column, pivot in pivots.items():
            row = without(row, column, pivot)
        lead = next((i for i, value in enumerate(row[:-1]) if value), None)
        if lead is not None:
            row = [value / row[lead] for value in row]
            pivots = {column: without(pivot, lead, row) for column, pivot in pivots.items()}
            pivots[lead] = row
    return {names[c]: row[-1] for c, row in pivots.items() if sum(map(bool, row[:-1])) == 1}


def without(row: list[Fraction], column: int, pivot: list[Fraction]) -> list[Fraction]:
    return [a - row[column] * b for a, b in zip(row, pivot, strict=True)]


def test_elimination_finds_what_a_single_hidden_part_would_be() -> None:
    told: dict[Any, Count] = {"all": 1_000, "a": 700, "b": 293, "c": SMALL}
    assert eliminated([{"all": 1, "a": -1, "b": -1, "c": -1}], told) == {"c": 7}
