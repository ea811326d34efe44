"""Random rule trees and random cases, for laws that must hold of every one of them."""

import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from functools import cache, partial
from math import ceil
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from pathway.api import read
from pathway.cache import Compiled, load
from pathway.case import Case
from pathway.engine.durable import compile_tree
from pathway.problem import Problems
from pathway.profile import (
    BLOOD_PRESSURE,
    CAUSES,
    CONDITIONS,
    ILLNESSES,
    NOTHING_ELSE,
    PROBLEMS,
    RED_FLAGS,
    RESULTS,
)
from pathway.tree import Node, RuleTree
from pathway.units import parse_duration

Data = dict[str, Any]
ANSWERS = (1, 0, -1)
NAMES = {1: "yes", 0: "unknown", -1: "no"}
UNKNOWN_MEDICINE = "heartsease"
AS_OF = date(2026, 3, 2)

VOCABULARIES: Mapping[str, Mapping[str, str]] = {
    "conditions": CONDITIONS,
    "problems": PROBLEMS,
    "illnesses": ILLNESSES,
}
LISTS = ("red_flags", "causes", "trials", "medicines", "declined", *VOCABULARIES)


def examples(count: int) -> settings:
    """The same examples at every run, so that the tests of a commit mean one thing."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=count, derandomize=True, deadline=None, database=None, suppress_health_check=slow)


@cache
def compiled() -> Compiled:
    """The default rules, compiled by the code as it stands and not taken from a cache."""
    kept = load()
    return dataclasses.replace(kept, program=compile_tree(kept.tree))


@cache
def options() -> Mapping[str, str]:
    """Every option with its step."""
    return {option.option: option.step for option in compiled().base.options}


def case_of(data: Data) -> Case:
    return read(data, compiled=compiled())


# ---- rule trees ----


def _literal(names: list[str]) -> st.SearchStrategy[list[Any]]:
    word = st.sampled_from(names).map(lambda name: ["word", name])
    return word | word.map(lambda tree: ["not", tree]) | st.sampled_from([["always"], ["never"]])


def expressions(names: list[str]) -> st.SearchStrategy[list[Any]]:
    """Logic over the named nodes."""

    def over(inner: st.SearchStrategy[list[Any]]) -> st.SearchStrategy[list[Any]]:
        parts = st.lists(inner, min_size=1, max_size=5)
        counted = parts.flatmap(lambda p: st.integers(1, len(p)).map(lambda n: ["at-least", n, p]))
        joined = st.tuples(st.sampled_from(["and", "or"]), parts).map(list)
        return joined | counted | inner.map(lambda tree: ["not", tree])

    deep = st.recursive(_literal(names), over, max_leaves=12)
    wide = st.lists(st.sampled_from(names).map(lambda name: ["word", name]), min_size=1, max_size=40)
    many = st.tuples(st.sampled_from(["and", "or"]), wide).map(list)
    least = wide.flatmap(lambda p: st.integers(1, len(p)).map(lambda n: ["at-least", n, p]))
    return deep | deep | many | least


@st.composite
def rule_trees(draw: st.DrawFn) -> RuleTree:
    """Field words, logic over them and over one another, and status tables over all of it."""
    names = [f"field-{i}" for i in range(draw(st.integers(3, 40)))]
    nodes = [Node(name, "field", ["flag", name]) for name in names]
    statuses: dict[str, list[str]] = {}
    for i in range(draw(st.integers(1, 8))):
        nodes.append(Node(f"word-{i}", "logic", draw(expressions(names))))
        names.append(nodes[-1].name)
    for i in range(draw(st.integers(0, 3))):
        literal = st.tuples(st.sampled_from(names), st.sampled_from(["yes", "no", "unknown"]))
        if statuses:
            of_status = st.sampled_from(sorted(statuses)).flatmap(
                lambda name: st.tuples(st.just(name), st.sampled_from(statuses[name]))
            )
            literal = literal | of_status
        short = st.tuples(literal)
        long = st.tuples(literal, literal)
        rows = draw(st.lists(short | short | long, max_size=6))
        said = [f"status-{n}" for n in draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows)))]
        name = f"table-{i}.status"
        statuses[name] = [*said, "else"]
        nodes.append(Node(name, "status", [], tuple(zip(rows, said, strict=True)), "else"))
    return RuleTree(tuple(nodes))


def findings_of(tree: RuleTree) -> st.SearchStrategy[dict[str, int]]:
    """An answer for each field word, sometimes nearly all the same."""
    names = [name for name, _ in tree.field_words]
    mixed = st.sampled_from([ANSWERS, (1, 1, 1, 0, -1), (-1, -1, -1, 0, 1), (1, -1)])
    return mixed.flatmap(
        lambda answers: st.lists(st.sampled_from(answers), min_size=len(names), max_size=len(names)).map(
            lambda given: dict(zip(names, given, strict=True))
        )
    )


# ---- cases ----

DAYS = st.integers(1, 800)
DURATIONS = (
    DAYS.map(lambda n: f"{n} days")
    | st.integers(1, 90).map(lambda n: f"{n} weeks")
    | st.integers(1, 40).map(lambda n: f"{n} months")
    | st.sampled_from(["91 days", "92 days", "41 days", "42 days", "3 months", "8 weeks"])
)
DOSES = st.sampled_from(["600 mg three times a day", "40 mg/day", "1.8 g daily", "25 mcg/hour"])
TRI = st.sampled_from(["yes", "no"])


def _list(
    items: st.SearchStrategy[Any], key: Callable[[Any], Any], most: int, closed: bool | None
) -> st.SearchStrategy[Any]:
    ends = st.booleans() if closed is None else st.just(closed)
    several = st.lists(items, unique_by=key, max_size=most)
    return st.tuples(several, ends).map(lambda both: [*both[0], NOTHING_ELSE] if both[1] else both[0] or "unknown")


@st.composite
def trials(draw: st.DrawFn, complete: bool) -> list[Any]:
    """Trials, oldest first; days only rise down the list."""
    told: list[Any] = []
    every = st.sampled_from(sorted(compiled().base.treatments))
    names = st.sampled_from(draw(st.lists(every, min_size=1, max_size=4))) if draw(st.booleans()) else every
    day = AS_OF - timedelta(days=900)
    for _ in range(draw(st.integers(0, 8))):
        record: Data = {"treatment": draw(names)}
        option = compiled().base.treatments[record["treatment"]]
        others = {compiled().base.treatments[trial["treatment"]] for trial in told}
        never = {compiled().base.treatments[trial["treatment"]] for trial in told if trial.get("state") == "never"}
        if option in never:
            continue
        if not complete and option not in others and draw(st.integers(0, 9)) == 0:
            told.append({**record, "state": "never"})
            continue
        parts: Data = {
            "state": st.sampled_from(["running", "ended", "ended", "ended"]),
            "result": st.sampled_from(sorted(RESULTS)),
            "adequate": TRI,
            "duration": DURATIONS,
            "dose": DOSES,
        }
        for name, values in parts.items():
            if complete or draw(st.booleans()):
                record[name] = draw(values)
        if not complete and draw(st.integers(0, 4)) == 0:
            record.pop("duration", None)
            day += timedelta(days=draw(st.integers(0, 60)))
            record["began"] = day.isoformat()
            if record.get("state") != "running" and draw(st.booleans()):
                record["ended"] = (day + timedelta(days=draw(st.integers(0, 90)))).isoformat()
        if record.get("state") == "running" and record.get("result") in ("failed", "not-tolerated"):
            record["result"] = "partly"
        told.append(record)
    return told


def _fit(data: Data) -> None:
    """No trial older than the pain, and no trial going on of a medicine that a whole list lacks."""
    longest = max((_tried(trial) for trial in items(data, "trials") if isinstance(trial, dict)), default=0)
    pain = data.get("pain", {})
    if "duration" in pain and parse_duration(pain["duration"]) < longest:
        pain["duration"] = f"{ceil(longest)} days"
    if is_closed(data, "medicines"):
        listed, base = {each["medicine"] for each in items(data, "medicines")}, compiled().base
        for trial in items(data, "trials"):
            name = trial["treatment"]
            if trial.get("state") == "running" and name in base.medicines and not listed & {name, *base.classes[name]}:
                data["medicines"].insert(0, {"medicine": name})
                listed.add(name)


def _tried(trial: Data) -> float:
    if "duration" in trial:
        return parse_duration(trial["duration"])
    if "began" in trial and ("ended" in trial or trial.get("state") == "running"):
        end = date.fromisoformat(trial["ended"]) if "ended" in trial else AS_OF
        return float((end - date.fromisoformat(trial["began"])).days)
    return 0.0


@st.composite
def cases(draw: st.DrawFn, complete: bool = False) -> Data:
    """Case data over the real vocabularies; `complete` leaves nothing unknown."""
    closed = True if complete else None
    data: Data = {"as_of": AS_OF.isoformat()}

    def maybe(name: str, values: st.SearchStrategy[Any]) -> None:
        if complete or draw(st.integers(0, 3)):
            data[name] = draw(values)

    pain = st.fixed_dictionaries(
        {"duration": DURATIONS} if complete else {},
        optional={
            "intensity": st.integers(0, 10),
            "neuropathic_features": TRI,
            **({} if complete else {"duration": DURATIONS}),
        },
    )
    maybe("pain", pain)
    maybe("age", st.integers(10, 100))
    maybe("sex", st.sampled_from(["female", "other"]))
    maybe("pregnancy", TRI)
    maybe("blood_pressure", st.sampled_from(sorted(BLOOD_PRESSURE)))
    flags = st.sampled_from(sorted(RED_FLAGS))
    excluded = flags.map(lambda name: {"finding": name, "excluded": "yes"})
    few = 1 if draw(st.booleans()) else 0
    maybe(
        "red_flags",
        _list(excluded | excluded | flags, lambda f: f["finding"] if isinstance(f, dict) else f, few, closed),
    )
    correctable = {"correctable": TRI}
    causes = st.fixed_dictionaries(
        {"kind": st.sampled_from(sorted(CAUSES)), **(correctable if complete else {})},
        optional={} if complete else correctable,
    )
    maybe("causes", _list(causes, lambda c: c["kind"], 3, closed))
    for name, vocabulary in VOCABULARIES.items():
        maybe(name, _list(st.sampled_from(sorted(vocabulary)), str, 3, closed))
    base = compiled().base
    known = sorted(base.classes)
    names = st.sampled_from(known if complete else [*known, UNKNOWN_MEDICINE])
    maybe(
        "medicines",
        _list(st.fixed_dictionaries({"medicine": names}, optional={"dose": DOSES}), lambda m: m["medicine"], 3, closed),
    )
    maybe("declined", _list(st.sampled_from(sorted(options())), str, 4, closed))
    ends = complete or draw(st.booleans())
    told = draw(trials(complete))
    data["trials"] = [*told, NOTHING_ELSE] if ends else told or "unknown"
    _fit(data)
    if not complete:
        for side in ("not", "unknown"):
            free = sorted(f"{field}.{value}" for field, value in not_named(data))
            if draw(st.booleans()) and free:
                data[side] = draw(st.lists(st.sampled_from(free), unique=True, max_size=3))
    return data


def items(data: Data, field: str) -> list[Any]:
    held = data.get(field)
    return [item for item in held if item != NOTHING_ELSE] if isinstance(held, list) else []


def is_closed(data: Data, field: str) -> bool:
    return data.get(field) == "none" or (isinstance(data.get(field), list) and NOTHING_ELSE in data[field])


def named(data: Data, field: str) -> set[str]:
    """The values that a list tells of; a treatment that it names, and every class of a medicine."""
    base = compiled().base
    if field == "trials":
        return {base.treatments[trial["treatment"]] for trial in items(data, field)}
    if field == "medicines":
        return {
            c
            for medicine in items(data, field)
            for c in (medicine["medicine"], *base.classes.get(medicine["medicine"], ()))
        }
    key = {"red_flags": "finding", "causes": "kind"}.get(field, "")
    return {item[key] if isinstance(item, dict) else item for item in items(data, field)}


def values_of(field: str) -> list[str]:
    base = compiled().base
    every = {
        "red_flags": RED_FLAGS,
        "causes": CAUSES,
        "medicines": base.classes,
        "trials": options(),
        "declined": options(),
    }
    return sorted({**every, **VOCABULARIES}[field])


def not_named(data: Data) -> Iterator[tuple[str, str]]:
    """(field, value) that no list, denial or `unknown` tells of."""
    told = {*data.get("not", []), *data.get("unknown", [])}
    for field in LISTS:
        there = named(data, field)
        yield from (
            (field, value) for value in values_of(field) if value not in there and f"{field}.{value}" not in told
        )


# ---- answering one unknown ----

Answer = tuple[str, Data]


@st.composite
def answered(draw: st.DrawFn, data: Data) -> Answer | None:
    """What was answered, and the case with one of its unknowns answered; None where nothing was unknown."""
    ways = list(_ways_to_answer(data))
    if not ways:
        return None
    said, change, values = draw(st.sampled_from(ways))
    after = copy.deepcopy(data)
    change(after, draw(values))
    try:
        case_of(after)
    except Problems:
        return None  # an answer that speaks against what the case already tells
    return said, after


Way = tuple[str, Callable[[Data, Any], None], st.SearchStrategy[Any]]


def _ways_to_answer(data: Data) -> Iterator[Way]:
    yield from _scalars(data)
    for field in LISTS:
        if not is_closed(data, field):
            yield f"{field}: is that all?", _close(field), st.none()
            if free := [value for f, value in not_named(data) if f == field]:
                yield f"{field}: one more", _extend(field), st.sampled_from(free)
                yield f"{field}: not this one", _deny(field), st.sampled_from(free)
        if mine := [name for name in data.get("unknown", []) if name.startswith(field + ".")]:
            yield f"{field}: what nobody asked", _settle(field), st.tuples(st.sampled_from(mine), st.booleans())
    for i, trial in enumerate(data["trials"] if isinstance(data["trials"], list) else []):
        if isinstance(trial, dict) and trial.get("state") != "never":
            yield from _of_trial(i, trial)
    for i, cause in enumerate(data["causes"] if isinstance(data.get("causes"), list) else []):
        if isinstance(cause, dict) and "correctable" not in cause:
            yield f"causes[{i}].correctable", _set("causes", i, "correctable"), TRI


def _scalars(data: Data) -> Iterator[Way]:
    if "duration" not in data.get("pain", {}):
        young = data.get("age", 100) * 365

        def set_duration(after: Data, value: int) -> None:
            after.setdefault("pain", {})["duration"] = f"{min(value, young)} days"

        yield "pain.duration", set_duration, DAYS
    for name, values in (("pregnancy", TRI), ("blood_pressure", st.sampled_from(sorted(BLOOD_PRESSURE)))):
        if name not in data and not (name == "pregnancy" and data.get("sex") == "male"):
            yield name, partial(_put, name), values


def _put(name: str, after: Data, value: Any) -> None:
    after[name] = value


def _of_trial(i: int, trial: Data) -> Iterator[Way]:
    option = compiled().base.option[compiled().base.treatments[trial["treatment"]]]
    over = trial.get("result") in ("failed", "not-tolerated")  # has ended, unless the case says that it goes on
    if "state" not in trial and not over and "ended" not in trial and "began" not in trial:
        yield f"trials[{i}].state", _set("trials", i, "state"), st.sampled_from(["running", "ended"])
    if "result" not in trial:
        yield f"trials[{i}].result", _set("trials", i, "result"), st.sampled_from(sorted(RESULTS))
    if "adequate" not in trial and not option.adequate:
        yield f"trials[{i}].adequate", _set("trials", i, "adequate"), TRI
    if "adequate" not in trial and "duration" not in trial and "began" not in trial:
        yield f"trials[{i}].duration", _set("trials", i, "duration"), DURATIONS
        yield f"trials[{i}].adequate", _set("trials", i, "adequate"), TRI


def _set(field: str, i: int, key: str) -> Callable[[Data, Any], None]:
    return lambda after, value: after[field][i].__setitem__(key, value)


def _close(field: str) -> Callable[[Data, Any], None]:
    return lambda after, _: after.__setitem__(field, [*items(after, field), NOTHING_ELSE])


def _extend(field: str) -> Callable[[Data, Any], None]:
    def extend(after: Data, value: str) -> None:
        key = {"trials": "treatment", "medicines": "medicine", "causes": "kind"}.get(field)
        extra = {"trials": {"state": "ended", "result": "failed"}}.get(field, {})
        if field == "medicines":
            denied = {*after.get("not", []), *after.get("unknown", [])}
            if any(f"medicines.{c}" in denied for c in compiled().base.classes[value]):
                return
        end = [NOTHING_ELSE] if is_closed(after, field) else []
        after[field] = [*items(after, field), {key: value, **extra} if key else value, *end]

    return extend


def _deny(field: str) -> Callable[[Data, Any], None]:
    return lambda after, value: after.__setitem__("not", [*after.get("not", []), f"{field}.{value}"])


def _settle(field: str) -> Callable[[Data, Any], None]:
    """It is not there (where the list is closed), or it is."""

    def settle(after: Data, answer: tuple[str, bool]) -> None:
        name, there = answer
        after["unknown"] = [each for each in after["unknown"] if each != name]
        value = name.partition(".")[2]
        if there:
            _extend(field)(after, value)
        elif not is_closed(after, field):
            _deny(field)(after, value)

    return settle
