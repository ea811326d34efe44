"""Random rule trees and random cases, for laws that must hold of every one of them."""

import copy
import dataclasses
import os
import random
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from functools import cache, partial
from math import ceil
from typing import Any

from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st

from pathway.api import read
from pathway.cache import Compiled, load
from pathway.case import SUICIDE, Case
from pathway.engine.durable import compile_tree
from pathway.problem import Problems
from pathway.profile import CAUSES, FORMS, NOTHING_ELSE, RED_FLAGS, RESULTS, fields
from pathway.tree import Node, RuleTree
from pathway.units import DAYS as DAYS_OF
from pathway.units import parse_duration

Data = dict[str, Any]
ANSWERS = (1, 0, -1)
NAMES = {1: "yes", 0: "unknown", -1: "no"}
UNKNOWN_MEDICINE = "heartsease"
AS_OF = date(2026, 3, 2)
EIGHT_ITEMS = 24
"""What the PHQ-9 comes to at most without its ninth item."""

VOCABULARIES: Mapping[str, Mapping[str, str]] = {
    path: kind.values for path, kind in fields().items() if kind.kind == "set" and kind.values
}
LISTS = ("red_flags", "causes", "trials", "medicines", "declined", *VOCABULARIES)
DANGERS = ("red_flags", "illnesses", "allergies", "devices", "care", "medicines")
"""The lists that hold what may speak against a treatment."""


def examples(count: int) -> settings:
    """From one seed; PATHWAY_EXAMPLES=20 searches with twenty times as many, new ones each time."""
    times = int(os.environ.get("PATHWAY_EXAMPLES", "1"))
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(
        max_examples=count * times, derandomize=times == 1, deadline=None, database=None, suppress_health_check=slow
    )


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
    | st.sampled_from(["91 days", "92 days", "41 days", "42 days", "3 months", "8 weeks", "6 months"])
)
DOSES = st.sampled_from(
    ["600 mg three times a day", "40 mg/day", "1.8 g daily", "25 mcg/hour", "5 mg four times a day", "1 g twice a day"]
)
PATCH_DOSES = st.sampled_from(["12 mcg/hour", "25 mcg/hour", "75 mcg/hour"])
TRI = st.sampled_from(["yes", "no"])
COUNTS = {"pain.intensity": 10, "mood.phq2": 6, "mood.phq9": 27, "mood.item9": 3, "injections.same_joint": 4}
SCALARS: Mapping[str, st.SearchStrategy[Any]] = {
    path: {
        "tri": lambda _, __: TRI,
        "choice": lambda _, kind: st.sampled_from(sorted(kind.values)),
        "number": lambda path, kind: {
            "days": st.integers(1, 41).map(lambda n: f"{n} weeks") if path == "fertility.lasted" else DURATIONS,
            "0-10": st.integers(0, 10),
            "years": st.integers(10, 100),
            "mL/min": st.sampled_from([10, 29, 30, 45, 59, 60, 90]),
            "days a month": st.integers(0, 31),
        }.get(kind.unit, st.integers(0, COUNTS.get(path, 0))),
    }[kind.kind](path, kind)
    for path, kind in fields().items()
    if kind.kind in ("tri", "choice", "number")
}
"""What each single field may say, by its path."""
CALM = {"age": st.integers(18, 64), "pregnancy": st.just("no"), "blood_pressure": st.just("normal")} | {
    "kidney_function": st.just(90),
    "mood.item9": st.just(0),
    "pain.duration": st.sampled_from(["7 months", "3 years"]),
}
"""What the fields say that would soon close every treatment, where a case is calm."""


def _list(
    items: st.SearchStrategy[Any], key: Callable[[Any], Any], most: int, closed: bool | None
) -> st.SearchStrategy[Any]:
    ends = st.booleans() if closed is None else st.just(closed)
    several = st.lists(items, unique_by=key, max_size=most)
    return st.tuples(several, ends).map(lambda both: [*both[0], NOTHING_ELSE] if both[1] else both[0] or "unknown")


def counted(name: str, form: str | None) -> bool:
    """Whether a medicine is no opioid, or one whose morphine milligram equivalents are known in this form."""
    base = compiled().base
    route = "oral" if form in (None, "immediate-release", "extended-release") else form
    return "opioid" not in base.classes[name] or route in base.factors.get(name, {})


@cache
def told_whole() -> Mapping[str, tuple[str, ...]]:
    """The medicines of which everything can be known, and the forms in which it can."""
    every = {name: tuple(form for form in sorted(FORMS) if counted(name, form)) for name in compiled().base.medicines}
    return {name: forms for name, forms in every.items() if forms}


@st.composite
def medicines(draw: st.DrawFn, complete: bool) -> Data:
    """One medicine that is taken now: by its name, its class, or a name that no rule knows."""
    if complete:
        name = draw(st.sampled_from(sorted(told_whole())))
        form = draw(st.sampled_from(told_whole()[name]))
        dose = draw(PATCH_DOSES if form == "patch" else DOSES)
        return {"medicine": name, "dose": dose, "form": form, "helps": draw(TRI)}
    names = st.sampled_from([*sorted(compiled().base.classes), UNKNOWN_MEDICINE])
    opioids = st.sampled_from(["opioid", *sorted(n for n, of in compiled().base.classes.items() if "opioid" in of)])
    more = {"dose": DOSES, "form": st.sampled_from(sorted(FORMS)), "helps": TRI}
    told = draw(st.fixed_dictionaries({"medicine": names | opioids}, optional=more))
    return {**told, "dose": draw(PATCH_DOSES)} if told.get("form") == "patch" and "dose" in told else told


FAILED = [
    {
        "treatment": name,
        "state": "ended",
        "result": "failed",
        "adequate": "yes",
        "duration": "12 weeks",
        "dose": "5 mg/day",
    }
    for name in ("physical-therapy", "stretching", "antidepressant", "antiseizure")
]
"""What takes a walk past therapies and medication, if nothing later helped."""


@st.composite
def trials(draw: st.DrawFn, complete: bool) -> list[Any]:
    """Trials, oldest first; days only rise down the list."""
    told: list[Any] = [dict(trial) for trial in FAILED] if draw(st.integers(0, 2)) == 0 else []
    base = compiled().base
    every = st.sampled_from(sorted(base.treatments))
    names = st.sampled_from(draw(st.lists(every, min_size=1, max_size=4))) if draw(st.booleans()) else every
    day = AS_OF - timedelta(days=900)
    for _ in range(draw(st.integers(0, 2 if told else 8))):
        record: Data = {"treatment": draw(names)}
        option = base.treatments[record["treatment"]]
        others = {base.treatments[trial["treatment"]] for trial in told}
        never = {base.treatments[trial["treatment"]] for trial in told if trial.get("state") == "never"}
        if option in never:
            continue
        if not complete and option not in others and draw(st.integers(0, 9)) == 0:
            told.append({**record, "state": "never"})
            continue
        mine = sorted(name for name, home in base.treatments.items() if home == option != name)
        if record["treatment"] == option and mine and draw(st.booleans()):
            record["medicine"] = draw(st.sampled_from(mine))
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
        if record.get("state") == "running" and record.get("result") in ("failed", "not-tolerated", "undone"):
            record["result"] = "partly"
        if complete and record["state"] == "running" and mine and one_medicine(record) not in told_whole():
            record["state"] = "ended"  # of the medicine nobody could tell enough
        told.append(record)
    return told


def one_medicine(trial: Data) -> str:
    """The one medicine that a trial is a trial of; empty where it speaks of the whole option."""
    name = str(trial.get("medicine", trial["treatment"]))
    return name if name in compiled().base.medicines else ""


def fit(data: Data) -> None:
    """Mend what could not be true together: times, a man's pregnancy, medicines under trial that are not taken."""
    longest = max((_tried(trial) for trial in items(data, "trials") if isinstance(trial, dict)), default=0)
    if (lasted := got(data, "pain.duration")) and parse_duration(lasted) < longest:
        data["pain"]["duration"] = f"{ceil(longest)} days"
    if is_closed(data, "medicines"):
        listed, base = {each["medicine"] for each in items(data, "medicines")}, compiled().base
        for trial in items(data, "trials"):
            name, option = one_medicine(trial), base.treatments[trial["treatment"]]
            lacks = not listed & {name or option, *base.classes.get(name or option, ())}
            if trial.get("state") == "running" and lacks and (name or option) in base.classes:
                form = told_whole().get(name, (None,))[-1]
                dose = "12 mcg/hour" if form == "patch" else "10 mg/day"
                added = {"medicine": name or option, "dose": dose, "form": form, "helps": "no"}
                data["medicines"].insert(0, {key: value for key, value in added.items() if value})
                listed.add(name or option)
    patches = {m["medicine"] for m in items(data, "medicines") if isinstance(m, dict) and m.get("form") == "patch"}
    for trial in items(data, "trials"):
        if trial.get("state") == "running" and "dose" in trial and one_medicine(trial) in patches:
            trial["dose"] = "12 mcg/hour"
    if data.get("sex") == "male":
        data.pop("pregnancy", None)
        data.pop("fertility", None)
    if data.get("pregnancy") == "no" or data.get("sex") == "male":
        data.get("fertility", {}).pop("lasted", None)
    if "phq9" in data.get("mood", {}) or "item9" in data.get("mood", {}):
        _fit_mood(data)
    if is_closed(data, "devices") and not in_place(data) <= set(items(data, "devices")):
        data["devices"] = [*sorted(in_place(data) | set(items(data, "devices"))), NOTHING_ELSE]
    since = got(data, "injections.since_last")
    if got(data, "injections.same_joint") == 0 and since and parse_duration(since) < DAYS_OF["year"]:
        data["injections"]["since_last"] = "2 years"


def _fit_mood(data: Data) -> None:
    """A PHQ-9 of which item 9 can be a part, and no thoughts of suicide where they are denied."""
    mood, signs = data["mood"], items(data, "red_flags")
    excluded = any(isinstance(sign, dict) and sign["finding"] == SUICIDE for sign in signs)
    if excluded or (is_closed(data, "red_flags") and SUICIDE not in signs):
        mood.update({"item9": 0} if "item9" in mood else {})
        mood.update({"phq9": min(mood["phq9"], EIGHT_ITEMS)} if "phq9" in mood else {})
    if "phq9" in mood and "item9" in mood:
        mood["phq9"] = min(max(mood["phq9"], mood["item9"]), EIGHT_ITEMS + mood["item9"])


def in_place(data: Data) -> set[str]:
    """The devices that something else in the case needs: a medicine into the spinal canal, a trial that goes on."""
    needed = {"pain-pump": "pump", "spinal-cord-stimulator": "stimulator"}
    running = {t["treatment"] for t in items(data, "trials") if isinstance(t, dict) and t.get("state") == "running"}
    spinal = any(isinstance(each, dict) and each.get("form") == "spinal" for each in items(data, "medicines"))
    return {needed[name] for name in running & needed.keys()} | ({"pump"} if spinal else set())


def _tried(trial: Data) -> float:
    if "duration" in trial:
        return parse_duration(trial["duration"])
    if "began" in trial and ("ended" in trial or trial.get("state") == "running"):
        end = date.fromisoformat(trial["ended"]) if "ended" in trial else AS_OF
        return float((end - date.fromisoformat(trial["began"])).days)
    return 0.0


@st.composite
def cases(draw: st.DrawFn, complete: bool = False, calm: bool = False) -> Data:
    """Case data over the real vocabularies.

    `complete` leaves nothing unknown; `calm` has little that speaks against a treatment, so that much is offered.
    """
    closed = True if complete or calm else None
    data: Data = {"as_of": AS_OF.isoformat()}
    rare = st.integers(0, 5 if calm else 2).map(lambda n: n == 0)

    def maybe(name: str, values: st.SearchStrategy[Any]) -> None:
        if complete or draw(st.integers(0, 3)):
            put(data, name, draw(values))

    singles = {path: values for path, values in SCALARS.items() if path != "sex" and path not in (CALM if calm else ())}
    told = st.fixed_dictionaries(singles) if complete else st.fixed_dictionaries({}, optional=singles)
    for path, value in draw(told).items():
        put(data, path, value)
    for path, values in CALM.items() if calm else ():
        put(data, path, draw(values))
    maybe("sex", st.sampled_from(["female", "female", "other", "male"]))
    flags = st.sampled_from(sorted(RED_FLAGS))
    excluded = flags.map(lambda name: {"finding": name, "excluded": "yes"})
    signs = excluded if calm else excluded | excluded | flags
    few = 1 if draw(st.booleans()) else 0
    maybe("red_flags", _list(signs, lambda f: f["finding"] if isinstance(f, dict) else f, few, closed))
    correctable = {"correctable": TRI}
    causes = st.fixed_dictionaries(
        {"kind": st.sampled_from(sorted(CAUSES)), **(correctable if complete else {})},
        optional={} if complete else correctable,
    )
    maybe("causes", _list(causes, lambda c: c["kind"], 0 if calm and draw(st.booleans()) else 3, closed))
    for name, vocabulary in VOCABULARIES.items():
        most = 3 if not calm and draw(st.booleans()) else int(draw(rare))
        maybe(name, _list(st.sampled_from(sorted(vocabulary)), str, most, closed))
    most = 3 if not calm else int(draw(rare))
    maybe("medicines", _list(medicines(complete), lambda m: m["medicine"], most, closed))
    maybe("declined", _list(st.sampled_from(sorted(options())), str, 4, closed))
    ends = complete or draw(st.booleans())
    listed = draw(trials(complete))
    data["trials"] = [*listed, NOTHING_ELSE] if ends else listed or "unknown"
    if calm:
        for field in DANGERS:
            data.setdefault(field, [NOTHING_ELSE])
    fit(data)
    if not complete and not calm:
        for side in ("not", "unknown"):
            free = sorted(f"{field}.{value}" for field, value in not_named(data))
            if draw(st.booleans()) and free:
                data[side] = draw(st.lists(st.sampled_from(free), unique=True, max_size=3))
    assume(is_readable(data))
    return data


def is_readable(data: Data) -> bool:
    """Whether the reader takes the case: what `fit` does not know to mend is left out, and must stay rare."""
    try:
        case_of(data)
    except Problems:
        return False
    return True


def got(data: Data, path: str) -> Any:
    """What a case says at a path, None where it says nothing."""
    told: Any = data
    for part in path.split("."):
        told = told.get(part) if isinstance(told, dict) else None
    return told


def put(data: Data, path: str, value: Any) -> None:
    """Say something at a path."""
    *groups, last = path.split(".")
    for part in groups:
        data = data.setdefault(part, {})
    data[last] = value


def items(data: Data, field: str) -> list[Any]:
    held = got(data, field)
    return [item for item in held if item != NOTHING_ELSE] if isinstance(held, list) else []


def is_closed(data: Data, field: str) -> bool:
    held = got(data, field)
    return held == "none" or (isinstance(held, list) and NOTHING_ELSE in held)


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
    there = {item[key] if isinstance(item, dict) else item for item in items(data, field)}
    if field == "red_flags" and (got(data, "mood.item9") or (got(data, "mood.phq9") or 0) > EIGHT_ITEMS):
        there |= {SUICIDE}
    return there | in_place(data) if field == "devices" else there


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


def added(data: Data, field: str, value: str) -> Data:
    """The case with one more value in a list, which stays as open or closed as it was."""
    after = copy.deepcopy(data)
    extend(field)(after, value)
    return after


# ---- answering one unknown ----

Answer = tuple[str, Data]


@st.composite
def answered(draw: st.DrawFn, data: Data) -> Answer | None:
    """What was answered, and the case with one of its unknowns answered; None where nothing was unknown."""
    groups: dict[str, list[Way]] = {}
    for way in _ways_to_answer(data):
        groups.setdefault("fields" if way[0] in SCALARS else re.split(r"[\[:]", way[0])[0], []).append(way)
    if not groups:
        return None
    # Drawn by the case itself: the first of a long list would else be drawn far too often.
    rng = random.Random(f"{draw(st.integers(0, 1000))} {data}")
    said, change, values = rng.choice(groups[rng.choice(sorted(groups))])
    after = copy.deepcopy(data)
    change(after, draw(values))
    if not is_readable(after):
        return None  # an answer that speaks against what the case already tells
    return None if _corrects_a_form(after, said) else (said, after)


def _corrects_a_form(after: Data, said: str) -> bool:
    """Whether an answer corrects what the reader takes for granted: a dose without a form is by mouth."""
    factors = compiled().base.factors
    elsewhere = [
        m for m in items(after, "medicines") if m.get("form") not in (None, "immediate-release", "extended-release")
    ]
    return said.endswith(".form") and any("oral" in factors.get(medicine["medicine"], {}) for medicine in elsewhere)


Way = tuple[str, Callable[[Data, Any], None], st.SearchStrategy[Any]]


def _ways_to_answer(data: Data) -> Iterator[Way]:
    for path, values in SCALARS.items():
        if got(data, path) is None:
            yield path, partial(_put, path), values
    for field in LISTS:
        if not is_closed(data, field):
            yield f"{field}: is that all?", _close(field), st.none()
            if free := [value for f, value in not_named(data) if f == field]:
                yield f"{field}: one more", extend(field), st.sampled_from(free)
                yield f"{field}: not this one", _deny(field), st.sampled_from(free)
        if mine := [name for name in data.get("unknown", []) if name.startswith(field + ".")]:
            yield f"{field}: what nobody asked", _settle(field), st.tuples(st.sampled_from(mine), st.booleans())
    for i, trial in enumerate(data["trials"] if isinstance(data["trials"], list) else []):
        if isinstance(trial, dict) and trial.get("state") != "never":
            yield from _of_trial(i, trial)
    for i, cause in enumerate(data["causes"] if isinstance(data.get("causes"), list) else []):
        if isinstance(cause, dict) and "correctable" not in cause:
            yield f"causes[{i}].correctable", _set("causes", i, "correctable"), TRI
    for i, medicine in enumerate(data["medicines"] if isinstance(data.get("medicines"), list) else []):
        if isinstance(medicine, dict):
            yield from _of_medicine(i, medicine)


def _put(path: str, after: Data, value: Any) -> None:
    put(after, path, value)


def _of_trial(i: int, trial: Data) -> Iterator[Way]:
    option = compiled().base.option[compiled().base.treatments[trial["treatment"]]]
    over = trial.get("result") in ("failed", "not-tolerated", "undone")  # has ended, unless it is said to go on
    if "state" not in trial and not over and "ended" not in trial and "began" not in trial:
        yield f"trials[{i}].state", _set("trials", i, "state"), st.sampled_from(["running", "ended"])
    if "result" not in trial:
        yield f"trials[{i}].result", _set("trials", i, "result"), st.sampled_from(sorted(RESULTS))
    if "adequate" not in trial and not option.adequate:
        yield f"trials[{i}].adequate", _set("trials", i, "adequate"), TRI
    if "adequate" not in trial and "duration" not in trial and "began" not in trial:
        yield f"trials[{i}].duration", _set("trials", i, "duration"), DURATIONS
        yield f"trials[{i}].adequate", _set("trials", i, "adequate"), TRI
    if "dose" not in trial:
        yield f"trials[{i}].dose", _set("trials", i, "dose"), DOSES


def _of_medicine(i: int, medicine: Data) -> Iterator[Way]:
    base = compiled().base
    for key, values in (("dose", DOSES), ("form", st.sampled_from(sorted(FORMS))), ("helps", TRI)):
        if key not in medicine:
            yield f"medicines[{i}].{key}", _set("medicines", i, key), values
    name = medicine["medicine"]
    if name not in base.medicines:
        of = sorted(m for m in base.medicines if name == UNKNOWN_MEDICINE or name in base.classes[m])
        yield f"medicines[{i}].medicine", _set("medicines", i, "medicine"), st.sampled_from(of)


def _set(field: str, i: int, key: str) -> Callable[[Data, Any], None]:
    return lambda after, value: after[field][i].__setitem__(key, value)


def _close(field: str) -> Callable[[Data, Any], None]:
    return lambda after, _: put(after, field, [*items(after, field), NOTHING_ELSE])


def extend(field: str) -> Callable[[Data, Any], None]:
    """One more value in a list; a medicine of a class that is denied is left out."""

    def extend(after: Data, value: str) -> None:
        key = {"trials": "treatment", "medicines": "medicine", "causes": "kind"}.get(field)
        extra = {"trials": {"state": "ended", "result": "failed"}}.get(field, {})
        if field == "medicines":
            denied = {*after.get("not", []), *after.get("unknown", [])}
            if any(f"medicines.{c}" in denied for c in compiled().base.classes[value]):
                return
        end = [NOTHING_ELSE] if is_closed(after, field) else []
        put(after, field, [*items(after, field), {key: value, **extra} if key else value, *end])

    return extend


def _deny(field: str) -> Callable[[Data, Any], None]:
    return lambda after, value: after.__setitem__("not", [*after.get("not", []), f"{field}.{value}"])


def _settle(field: str) -> Callable[[Data, Any], None]:
    """It is not there (where the list is closed), or it is."""

    def settle(after: Data, answer: tuple[str, bool]) -> None:
        name, there = answer
        after["unknown"] = [each for each in after["unknown"] if each != name]
        value = name.removeprefix(f"{field}.")
        if there:
            extend(field)(after, value)
        elif not is_closed(after, field):
            _deny(field)(after, value)

    return settle
