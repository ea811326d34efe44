"""Changes: a case's facts taken out of it, settings put into it, and what the judge then says.

A case is taken here as the plain data of a case file, so that what is left out or put in is read again like any case.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from heapq import heapify, heappop, heappush
from io import BytesIO
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from pathway.cache import Compiled
from pathway.case import Case, subject_from, subject_of
from pathway.engine import plain
from pathway.engine.plain import Answers
from pathway.findings import Subject, answer, value_at
from pathway.language import Tree, nodes
from pathway.problem import Place, Problem, Problems, near, quoted
from pathway.profile import (
    LONGEST_LIST,
    NOTHING_ELSE,
    FieldType,
    Known,
    Profile,
    Records,
    as_list,
    fields,
    never_asked,
    part_of,
    says,
)
from pathway.reading import dotted, read_document
from pathway.rules import RuleBase
from pathway.tree import Node, RuleTree

Data = dict[str, Any]
At = tuple[str | int, ...]

DENIED, UNASKED = "not", "unknown"
NAMES = (DENIED, UNASKED)
ABOUT_THE_CASE = ("title", "story", "as_of", UNASKED)
"""What a case says that is no fact about the person: it stays whatever is taken out."""
READ_BY_NO_RULE = ("note", "by", "on")
READ_BESIDE = ("sex", "mood")
"""Fields from which others follow: no pregnancy of a man, thoughts of suicide from PHQ-9."""
WHOLE = ("red_flags",)
"""Lists whose records are one fact each: a sign that was excluded is no sign with something left out."""
_SETTING = re.compile(r"\s*([A-Za-z_][\w.]*(?:\[(?:0|[1-9][0-9]{0,5})\](?:\.\w+)?)?)\s*(\+=|-=|=)(.*)", re.DOTALL)
_FORM = 'write field=value, such as pain.duration="4 months"; += adds to a list, and -= takes out of it'


# ---- settings ----


@dataclass(frozen=True)
class Setting:
    """One change of a case: `=` replaces a field, `+=` adds to a list, `-=` takes out of it.

    >>> str(Setting("illnesses", "+=", "glaucoma"))
    'illnesses+=glaucoma'
    """

    field: str
    how: str
    value: Any

    def __str__(self) -> str:
        return f"{self.field}{self.how}{flow(self.value)}"

    @property
    def place(self) -> Place:
        """Where it stands, for Problems: on the command line."""
        return Place(f"--set {self.field}", None, None)


def read_setting(text: str) -> Setting:
    """A setting as the command line takes it: `pain.duration=4 months`, `illnesses+=glaucoma`.

    Errors:  Problems, placed at "--set" and the field.

    >>> read_setting("illnesses=[glaucoma, nothing else]").value
    ['glaucoma', 'nothing else']
    """
    match = _SETTING.fullmatch(text)
    if any(_is_stray(character) for character in text):
        place = Setting(match[1], "=", None).place if match else Place("--set", None, None)
        told = "this holds bytes that are no UTF-8"
        raise Problems([Problem("not-utf-8", place, told, "write it as UTF-8, as the terminal should")])
    if not match:
        told = f"{quoted(text)} sets no field"
        raise Problems([Problem("wrong-type", Place("--set", None, None), told, _FORM)])
    name, how, value = match[1], match[2], match[3].strip()
    setting = Setting(name, how, None)
    kind = _kind_of(setting)
    if how != "=" and kind != "list":
        help = f"write {name}={value or '…'}"
        raise Problems([Problem("wrong-type", setting.place, f"{name} is no list, so nothing is added to it", help)])
    if not value:
        help = f"write {name}{how}…, or {name}=unknown for what nobody knows"
        raise Problems([Problem("missing-field", setting.place, "there is no value here", help)])
    try:
        data = read_document(BytesIO(value.encode()), name="value").data
    except Problems as problems:
        raise Problems([_placed(problem, [setting]) for problem in problems.items]) from None
    return Setting(name, how, data)


def _is_stray(character: str) -> bool:
    """Whether a character is no character: half of one, or a byte of the command line that is no UTF-8."""
    return "\ud800" <= character <= "\udfff"


def _kind_of(setting: Setting) -> str:
    """Whether a setting's field is a list or one value.

    Errors:  Problems (unknown-field).
    """
    names = field_names()
    name = re.sub(r"\[[0-9]+\]", "[]", setting.field)
    if name in names:
        return names[name]
    guess = near(name, names)
    last = name.rpartition(".")[2]
    home = next((each for each in names if each.endswith(f".{last}")), None)
    hint = guess or home
    help = f'did you mean "{hint}"?' if hint else "`pathway schema case` lists them all"
    raise Problems([Problem("unknown-field", setting.place, f"there is no field {quoted(setting.field)}", help)])


@cache
def field_names() -> Mapping[str, str]:
    """Every field that a setting may name, with what it is: one value, a list, a record of a list."""
    found: dict[str, str] = {}

    def gather(model: type[BaseModel], prefix: str) -> None:
        for name, info in model.model_fields.items():
            path = prefix + (info.alias or name)
            if part := part_of(info):
                gather(part, path + ".")
                continue
            kind = fields().get(path)
            found[path] = "list" if path in NAMES or (kind and kind.kind in ("set", "records")) else "value"
            for item in kind.item if kind else ():
                found[f"{path}[].{item}"] = "value"

    gather(Profile, "")
    return found


def put(data: Mapping[str, Any], setting: Setting) -> Data:
    """The data with one setting put into it; the data itself stays as it is.

    Errors:  Problems, for a place in a list that is not there, and for a list that an earlier setting spoilt.
    """
    try:
        return _put(data, setting)
    except PydanticCustomError as error:
        said = error.context or {}
        raise Problems([Problem(error.type, setting.place, said["message"], said["help"])]) from None


def _put(data: Mapping[str, Any], setting: Setting) -> Data:
    head, bracket, rest = setting.field.partition("[")
    if bracket:
        return _put_in_record(data, head, rest, setting)
    *groups, last = setting.field.split(".")
    made = dict(data)
    group = made
    for name in groups:
        inner = group.get(name)
        group[name] = dict(inner) if isinstance(inner, Mapping) else {}
        group = group[name]
    if setting.how == "=":
        group[last] = setting.value
        return made
    listed = group.get(last)
    given = setting.value if isinstance(setting.value, list) else [setting.value]
    before = _names(listed) if setting.field in NAMES else as_list(listed)
    if setting.how == "-=":
        group[last] = _taken_out(setting, before, given)
        return made
    group[last] = _added(before, given)
    if setting.field in NAMES:
        _withdraw_names(made, UNASKED if setting.field == DENIED else DENIED, given)
    else:
        _withdraw(made, setting.field, given)
    return made


def _put_in_record(data: Mapping[str, Any], head: str, rest: str, setting: Setting) -> Data:
    index, _, name = rest.partition("].")
    listed = as_list(data.get(head))
    i = int(index)
    if i >= len(listed) or says(listed[i], NOTHING_ELSE) or never_asked(listed[i]):
        help = f"{head}[0] is the first; {head}+=… adds one"
        message = f"there is no {head}[{i}] in this case"
        raise Problems([Problem("missing-field", setting.place, message, help)])
    key = next(iter(fields()[head].item))
    record = listed[i] if isinstance(listed[i], Mapping) else {key: listed[i]}
    listed = [*listed]
    listed[i] = {**record, name: setting.value}
    return {**data, head: listed}


def _names(listed: Any) -> list[Any]:
    return [] if says(listed, "none") or listed == [] else as_list(listed)


def _added(before: Sequence[Any], given: Sequence[Any]) -> list[Any]:
    """A list with items added before the words that close it."""
    ends = [item for item in (*before, *given) if says(item, NOTHING_ELSE)][:1]
    kept = [item for item in before if not says(item, NOTHING_ELSE) and not (ends and never_asked(item))]
    new = [item for item in given if not says(item, NOTHING_ELSE) and not (isinstance(item, str) and item in kept)]
    return [*kept, *new, *ends]


def _taken_out(setting: Setting, before: Sequence[Any], given: Sequence[Any]) -> list[Any]:
    """A list without some items: a name takes out the records of that name too; an open list stays open.

    Errors:  Problems, for what is not in the list.
    """
    path, left = setting.field, [*before]
    for item in given:
        name = item.strip().lower() if isinstance(item, str) else None
        kept = [each for each in left if each != item and _called(path, each) != name]
        if len(kept) == len(left):
            help = f"`{NOTHING_ELSE}` may be taken out too: the list is then open" if path not in NAMES else ""
            raise Problems([Problem("missing-field", setting.place, f"{flow(item)} is not in {path}", help)])
        left = kept
    # An empty list would say that there is none; what is open stays so.
    return left or [None]


def _called(path: str, item: Any) -> str:
    """What an item of the list at a path is called, in lower case."""
    if isinstance(item, Mapping):
        kind = fields().get(path)
        item = item.get(next(iter(kind.item)) if kind and kind.item else "other", "")
    return str(item).strip().lower()


def _withdraw(data: Data, path: str, given: Sequence[Any]) -> None:
    """Take out of `not` and `unknown` what a list now tells of; a closed list leaves nothing of it unknown."""
    told = {_called(path, item) for item in given}
    closes = any(says(item, NOTHING_ELSE) for item in given)
    homes = {name for name, kind in fields().items() if kind.kind in ("set", "records")}
    for side in NAMES:
        kept = []
        for name in _names(data.get(side)):
            home, _, value = str(name).lower().rpartition(".")
            mine = home == path or (not home and value in fields()[path].values) or (not home and value in told)
            settled = (side == UNASKED and closes) or value in told
            if not (mine and settled and (home in homes or not home)):
                kept.append(name)
        if side in data:
            data[side] = kept


def _withdraw_names(data: Data, side: str, given: Sequence[Any]) -> None:
    """Take out of `not` what is now said to be unknown, and out of `unknown` what is now denied."""
    if side in data:
        data[side] = [name for name in _names(data[side]) if not any(_same(str(name), str(each)) for each in given)]


def _same(one: str, other: str) -> bool:
    """Whether two names mean one value: "glaucoma" and "illnesses.glaucoma" do."""
    (home, _, value), (their_home, _, their_value) = one.lower().rpartition("."), other.lower().rpartition(".")
    return value == their_value and (home == their_home or not home or not their_home)


def changed(case: Case, base: RuleBase, settings: Sequence[Setting]) -> Case:
    """The case with settings put into it, read again, so that all that is checked of a case holds of it.

    Errors:  Problems, each placed at "--set" and the field that it is about.
    """
    _refuse_said_twice(settings)
    data: Data = dict(case.data)
    for setting in settings:
        data = put(data, setting)
    page = read_document(BytesIO(json.dumps(data).encode()), name="changed.json")
    try:
        return Case(case.source, subject_of(data, base, page), data)
    except Problems as problems:
        raise Problems([_placed(problem, settings) for problem in problems.items]) from None


def _refuse_said_twice(settings: Sequence[Setting]) -> None:
    """Refuse a field that is replaced twice: only one of the two values could be kept."""
    named = [setting for setting in settings if setting.how == "="]
    twice = {each.field: each for i, each in enumerate(named) if any(each.field == other.field for other in named[:i])}
    if twice:
        help = "set it once; += adds to a list"
        told = "{} is set twice"
        raise Problems([Problem("said-twice", s.place, told.format(s.field), help) for s in twice.values()])
    for i, each in enumerate(settings):
        within = (each.field, f"{each.field}.", f"{each.field}[")
        lost = [s for s in settings[:i] if s.field == within[0] or s.field.startswith(within[1:])]
        if lost and each.how == "=":
            told = f"{each.field} is set anew here, so {lost[0]} before it would be lost"
            raise Problems([Problem("said-twice", each.place, told, "put the = first, or leave one of the two out")])


def _placed(problem: Problem, settings: Sequence[Setting]) -> Problem:
    """A Problem at the setting that it is about; at the last where it is about none alone."""
    path = problem.place.path
    mine = [s for s in settings if path == s.field or path.startswith((f"{s.field}.", f"{s.field}["))]
    setting = (mine or settings)[-1]
    message = problem.message if mine or (len(settings) == 1 and not path) else f"{path}: {problem.message}"
    return Problem(problem.kind, setting.place, message, problem.help)


def flow(value: Any) -> str:
    """A value as a person would write it in a case file, on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {flow(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    text = str(value)
    plain_text = re.fullmatch(r"[A-Za-z0-9][\w ./%*-]*", text) is not None
    return text if plain_text else json.dumps(text, ensure_ascii=False)


# ---- facts ----


@dataclass(frozen=True)
class Fact:
    """One thing that a case states: a field, an item of a list or a detail of it, that a list is whole, a denial.

    `at` is its place in the data ("nothing else" for a list that is whole), `value` what stands there.
    """

    at: At
    value: Any = field(compare=False)
    said: str = field(compare=False)


def facts_of(data: Mapping[str, Any], base: RuleBase) -> tuple[Fact, ...]:
    """What a case states, each so that it can be left out without the others saying something else.

    A list that is whole goes on being whole where an item of it is left out: that item is then unknown (`alone`).
    """
    return tuple(_facts(data, Profile, (), base))


def _facts(data: Mapping[str, Any], model: type[BaseModel], at: At, base: RuleBase) -> Iterator[Fact]:
    for name, info in model.model_fields.items():
        key = info.alias or name
        here, value = (*at, key), data.get(key)
        path = dotted(here)
        if never_asked(value) or path in ABOUT_THE_CASE:
            continue
        if part := part_of(info):
            yield from _facts(value if isinstance(value, Mapping) else {}, part, here, base)
        elif path == DENIED:
            yield from (Fact((DENIED, i), item, f"not: {item}") for i, item in _numbered(_names(value)))
        elif path in fields() and fields()[path].kind in ("set", "records"):
            yield from _listed(as_list(value), fields()[path], here, base)
        else:
            yield Fact(here, value, f"{path}: {flow(value)}")


def _numbered(listed: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    return ((i, item) for i, item in enumerate(listed) if not never_asked(item))


def _listed(listed: Sequence[Any], kind: FieldType, at: At, base: RuleBase) -> Iterator[Fact]:
    path = kind.path
    unread = [item for item in listed if _unread(path, item, base)]
    for i, item in _numbered(listed):
        if says(item, NOTHING_ELSE) or item in unread:
            continue
        record = item if isinstance(item, Mapping) and kind.item else None
        if record is None or path in WHOLE:
            yield Fact((*at, i), item, f"{path}: {flow(_read(item))}")
            continue
        first, *others = kind.item
        called = flow(record.get(first))
        yield Fact((*at, i), {first: called}, f"{path}: {called}")
        for name in others:
            if not never_asked(record.get(name)) and name not in READ_BY_NO_RULE:
                yield Fact((*at, i, name), record[name], f"{path}: {called}, {name} {flow(record[name])}")
    if any(says(item, NOTHING_ELSE) for item in listed):
        names = [*(flow(_read(item)) for item in unread), NOTHING_ELSE]
        some = any(not says(item, NOTHING_ELSE) for item in listed)
        yield Fact((*at, NOTHING_ELSE), NOTHING_ELSE, f"{path}: {', '.join(names) if some else 'none'}")


def _unread(path: str, item: Any, base: RuleBase) -> bool:
    """Whether an item says something only while its list is whole: a name that no rule knows may be anything."""
    if path == "medicines":
        name = item.get("medicine") if isinstance(item, Mapping) else item
        return isinstance(name, str) and not says(name, NOTHING_ELSE) and name.strip().lower() not in base.classes
    return isinstance(item, Mapping) and set(item) == {"other"}


def _read(item: Any) -> Any:
    """An item without what no rule reads."""
    if not isinstance(item, Mapping):
        return item
    kept = {name: value for name, value in item.items() if name not in READ_BY_NO_RULE and not never_asked(value)}
    return next(iter(kept.values())) if len(kept) == 1 else kept


def alone(data: Mapping[str, Any], facts: Iterable[Fact], base: RuleBase) -> Data:
    """The data with some of its facts only: of a list that is whole, what is left out becomes unknown."""
    kept = {fact.at for fact in facts}
    return _alone(data, Profile, (), kept, base)


def _alone(data: Mapping[str, Any], model: type[BaseModel], at: At, kept: set[At], base: RuleBase) -> Data:
    made: Data = {}
    unasked: list[str] = []
    for name, info in model.model_fields.items():
        key = info.alias or name
        here, value = (*at, key), data.get(key)
        path = dotted(here)
        if never_asked(value):
            continue
        if path == UNASKED:
            unasked += [name for name in _names(value) if not never_asked(name)]
        elif path in ABOUT_THE_CASE or here in kept:
            made[key] = value
        elif part := part_of(info):
            inner = _alone(value, part, here, kept, base) if isinstance(value, Mapping) else {}
            unasked += inner.pop(UNASKED, [])
            if inner:
                made[key] = inner
        elif path == DENIED:
            made[key] = [item for i, item in _numbered(_names(value)) if (DENIED, i) in kept]
        elif path in fields() and fields()[path].kind in ("set", "records"):
            listed = as_list(value)
            left, gone = _kept_of(listed, fields()[path], here, kept, base)
            if left:
                made[key] = left
            if (*here, NOTHING_ELSE) in kept:
                unasked += _as_unasked(path, left, gone, base)
    if unasked:
        made[UNASKED] = list(dict.fromkeys(unasked))
    return made


def _kept_of(
    listed: Sequence[Any], kind: FieldType, at: At, kept: set[At], base: RuleBase
) -> tuple[list[Any], list[Any]]:
    """The items of a list that are kept, with their kept details, and those that are left out."""
    whole = (*at, NOTHING_ELSE) in kept
    left: list[Any] = []
    gone: list[Any] = []
    for i, item in enumerate(listed):
        if says(item, NOTHING_ELSE) or _unread(kind.path, item, base) or never_asked(item):
            if whole:
                left.append(item)
        elif (*at, i) not in kept:
            gone.append(item)
        elif isinstance(item, Mapping) and kind.item and kind.path not in WHOLE:
            first = next(iter(kind.item))
            left.append({name: value for name, value in item.items() if name == first or (*at, i, name) in kept})
        else:
            left.append(_read(item))
    return left, gone


def _as_unasked(path: str, left: Sequence[Any], gone: Iterable[Any], base: RuleBase) -> Iterator[str]:
    """The names under `unknown` for what was left out of a list that is whole."""
    there = {name for item in left for name in _told_by(path, item, base)}
    for item in gone:
        name = _told_by(path, item, base)[0]
        if name not in there:
            yield f"{path}.{name}"


def _told_by(path: str, item: Any, base: RuleBase) -> list[str]:
    """What an item of a list tells of: an option for a trial, a medicine with its classes for a medicine."""
    name = _called(path, item)
    if path == "trials":
        return [base.treatments.get(name, name)]
    return [name, *base.classes.get(name, ())] if path == "medicines" else [name]


def without(facts: Iterable[Fact], gone: Fact) -> tuple[Fact, ...]:
    """The facts without one of them and its details."""
    return tuple(fact for fact in facts if fact.at[: len(gone.at)] != gone.at)


# ---- some of the facts ----


class Parts:
    """The profile of a case with some of its facts only, put together from what was read once.

    It is what the reader makes of `alone`, without reading: what is kept stays the very same object.
    """

    def __init__(self, data: Mapping[str, Any], read: Profile, base: RuleBase) -> None:
        self.data, self.read, self.base = data, read, base
        named = ((name, info.alias or name, info) for name, info in Profile.model_fields.items())
        self._told = [it for it in named if it[1] not in ABOUT_THE_CASE and not never_asked(data.get(it[1]))]
        self._homes: dict[str, tuple[frozenset[At], Any, list[str]]] = {}
        self._cut: dict[tuple[At, frozenset[str]], Any] = {}
        self._lists: dict[str, list[tuple[Any, bool]]] = {}
        self._denials = [((DENIED, i), _plain_name(item)) for i, item in _numbered(_names(data.get(DENIED)))]

    def profile(self, facts: Iterable[Fact]) -> Profile:
        """The profile that has these facts and no others; what is left out of a whole list is unknown."""
        kept: dict[str, set[At]] = {}
        for fact in facts:
            kept.setdefault(str(fact.at[0]), set()).add(fact.at)
        update: dict[str, Any] = {}
        unasked = dict.fromkeys(self.read.unasked)
        for name, key, info in self._told:
            here = frozenset(kept.get(key, ()))
            if key not in self._homes or self._homes[key][0] != here:
                self._homes[key] = (here, *self._some(info, self.data[key], getattr(self.read, name), (key,), here))
            update[name] = self._homes[key][1]
            unasked |= dict.fromkeys(self._homes[key][2])
        return self.read.model_copy(update={**update, "unasked": tuple(unasked)})

    def _some(self, info: FieldInfo, data: Any, read: Any, at: At, kept: frozenset[At]) -> tuple[Any, list[str]]:
        """What is kept of a field or group, and what is then unknown."""
        path = dotted(at)
        if part_of(info):
            update, unasked = {}, []
            for name, inner in type(read).model_fields.items():
                value = data.get(name) if isinstance(data, Mapping) else None
                if not never_asked(value):
                    update[name], more = self._some(inner, value, getattr(read, name), (*at, name), kept)
                    unasked += more
            return read.model_copy(update=update), unasked
        if path == DENIED:
            return tuple(dict.fromkeys(name for here, name in self._denials if here in kept)), []
        if path in fields() and fields()[path].kind in ("set", "records"):
            return self._some_of(fields()[path], as_list(data), read, at, kept)
        return (read if at in kept else None), []

    def _some_of(
        self, kind: FieldType, listed: Sequence[Any], read: Any, at: At, kept: frozenset[At]
    ) -> tuple[Known | Records, list[str]]:
        whole = (*at, NOTHING_ELSE) in kept
        left, gone = [], []
        for i, (item, with_whole) in enumerate(self._sorted(kind.path, listed)):
            if whole if with_whole else (*at, i) in kept:
                left.append((i, item))
            elif not with_whole:
                gone.append(item)
        unasked = _as_unasked(kind.path, [item for _, item in left], gone, self.base) if whole else ()
        names = [_plain_name(name) for name in unasked]
        if isinstance(read, Known):
            present = [_plain_name(item) if not kind.values else item for _, item in left if isinstance(item, str)]
            there = dict.fromkeys(value for value in present if value in read.present)
            return Known(tuple(there), whole, read.others if whole else ()), names
        records = dict(read.numbered())
        some = [(i, self._record(kind, records[i], (*at, i), kept)) for i, _ in left if i in records]
        return Records(tuple(record for _, record in some), whole, tuple(i for i, _ in some)), names

    def _sorted(self, path: str, listed: Sequence[Any]) -> list[tuple[Any, bool]]:
        """The items of a list, each with whether it says something only while the list is whole."""
        if path not in self._lists:
            self._lists[path] = [
                (item, says(item, NOTHING_ELSE) or never_asked(item) or _unread(path, item, self.base))
                for item in listed
            ]
        return self._lists[path]

    def _record(self, kind: FieldType, record: Any, at: At, kept: frozenset[At]) -> Any:
        """A record with its kept details only; the same details give the same object."""
        if at not in kept or kind.path in WHOLE:  # one that says something only while its list is whole
            return record
        details = [*kind.item][1:]
        gone = frozenset(n for n in details if (*at, n) not in kept and getattr(record, n, None) is not None)
        if not gone:
            return record
        if (at, gone) not in self._cut:
            self._cut[at, gone] = record.model_copy(update=dict.fromkeys(gone))
        return self._cut[at, gone]


def _plain_name(name: Any) -> str:
    """A free name as the reader keeps it."""
    return " ".join(str(name).split()).lower()


# ---- the judge ----


class _Swift(Subject):
    """A subject that answers the same, and finds a name among a thousand as fast as among ten."""

    @cached_property
    def _denied(self) -> frozenset[str]:
        return frozenset(self.profile.denied)

    @cached_property
    def _unasked(self) -> dict[str, frozenset[str]]:
        return {}

    def denied(self, path: str, value: str) -> bool:
        """Whether `not:` names the value."""
        return value in self._denied or f"{path}.{value}" in self._denied

    def unasked(self, path: str, value: str) -> bool:
        """Whether `unknown:` names the value, or a medicine that belongs to it."""
        if path not in self._unasked:
            names = {name.removeprefix(f"{path}.") for name in self.profile.unasked}
            if path == "medicines":
                names |= {each for name in names for each in self.classes.get(name, ())}
            self._unasked[path] = frozenset(names)
        return value in self._unasked[path]


FEW_MEDICINES = 20
MIDDLING = 300
"""A case whose lists have so many items together is no great one."""
ANY = "*"
"""Stands for every value that a list may hold."""
_Key = tuple[str, str | None]


class Judge:
    """What the plain judge says of changed data of one case: only what a change touches is worked out again.

    `count` counts the judgements, for whoever sets a bound to them.
    """

    def __init__(self, data: Mapping[str, Any], compiled: Compiled, targets: Iterable[str]) -> None:
        self.base = compiled.base
        wanted = _needed(compiled.tree, targets)
        self.tree = RuleTree(tuple(node for node in compiled.tree.nodes if node.name in wanted))
        self.data = dict(data)
        self.count = 0
        self.node = self.tree.node
        self._wanted = frozenset(self.node)
        self._words = _words_by_key(self.tree)
        self._paths = tuple({path: None for path, _ in self._words} | {"trials": None})
        self._above = _above(self.tree)
        self._items: dict[tuple[str, Any], tuple[Any, Any]] = {}
        self._lists: dict[str, tuple[Any, Any]] = {}
        self._derived: dict[tuple[int, Any], tuple[Any, Any]] = {}
        self._belongs: dict[str, frozenset[str]] = {}
        self._classes_read = {name: _classes_read(word) for name, word in self.tree.field_words}
        self._few: tuple[Subject | None, dict[frozenset[str], Subject]] = (None, {})
        self._by_class: tuple[Records | None, Mapping[str, list[tuple[int, Any]]]] = (None, {})
        self._spoken: dict[str, frozenset[str]] = {}
        self.read = self._profile_of(self.data)
        self.subject = self._subject(self.read)
        self.before = plain.run(
            self.tree, {name: self._answer(name, self.subject) for name, _ in self.tree.field_words}
        )
        self._now = self.read
        self._last = self.read, self.subject, self.before

    def at_most(self, judgements: int) -> int:
        """So many judgements, fewer for a case of great size: of each of them less can be had for the same effort."""
        size = sum(len(value) for value in self.data.values() if isinstance(value, list))
        return judgements * MIDDLING // max(MIDDLING, size)

    def about(self, *targets: str) -> Judge:
        """The same judge with a count of its own, for some of its targets alone; for all where none is named."""
        judge = copy(self)
        judge._wanted = _needed(self.tree, targets or self.node)
        judge.count = 0
        return judge

    def subject_of(self, data: Mapping[str, Any]) -> Subject:
        """The subject of changed data; only what differs from the case's is read again.

        Errors:  pydantic's ValidationError for a value that no field takes.
        """
        return self._subject(self._changed(data))

    def answers(self, data: Mapping[str, Any]) -> Answers:
        """Every answer and status for changed data.

        Errors:  pydantic's ValidationError for a value that no field takes.
        """
        return self.of(self._changed(data))

    def of(self, profile: Profile) -> Answers:
        """Every answer and status for a profile as it was read."""
        self.count += 1
        subject = self._subject(profile)
        answers: Answers = dict(self.before)
        stale: list[int] = []
        for name in self._words_touched(profile, subject):
            if name in self._wanted:
                value = self._answer(name, subject)
                if value != answers[name]:
                    answers[name] = value
                    stale += self._above[name]
        heapify(stale)
        last = -1
        while stale:
            place = heappop(stale)
            node = self.tree.nodes[place]
            if place == last or node.name not in self._wanted:
                continue
            last = place
            judged = _value(node, answers)
            if judged != answers[node.name]:
                answers[node.name] = judged
                for each in self._above[node.name]:
                    heappush(stale, each)
        self._last = profile, subject, answers
        return answers

    def answers_as(self, word: str, want: int, data: Mapping[str, Any]) -> bool:
        """Whether a field word has an answer for changed data.

        Errors:  pydantic's ValidationError for a value that no field takes.
        """
        self.count += 1
        return self._answer(word, self._subject(self._changed(data))) == want

    def stay(self) -> None:
        """Compare what is judged next with what was judged last, and no longer with the case."""
        self._now, self.subject, self.before = self._last

    def read_of(self, facts: Iterable[Fact]) -> tuple[Fact, ...]:
        """The facts that a target may hang on: those of the fields that a word below it reads."""
        trees = [tree for name, tree in self.tree.field_words if name in self._wanted]
        homes = {home for tree in trees for home in fields_read(tree)} | {DENIED, *READ_BESIDE}
        return tuple(fact for fact in facts if fact.at[0] in homes)

    # ---- answering ----

    def _answer(self, word: str, subject: Subject) -> int:
        """The answer of a field word; of many medicines only those are looked at that may belong to its classes."""
        keys = self._classes_read[word]
        if keys is not None and len(subject.profile.medicines.items) > FEW_MEDICINES:
            subject = self._with_few(subject, keys)
        return answer(self.node[word].tree, subject)

    def _with_few(self, subject: Subject, keys: frozenset[str]) -> Subject:
        """The subject with the medicines that may belong to some classes; of those that nobody knows, one of a kind."""
        medicines = subject.profile.medicines
        if self._by_class[0] is not medicines:
            self._by_class = (medicines, self._medicines_by_class(medicines))
        if self._few[0] is not subject:
            self._few = (subject, {})
        made, by_class = self._few[1], self._by_class[1]
        if keys not in made:
            numbered = dict(item for key in (*sorted(keys), ANY) for item in by_class.get(key, ()))
            places = tuple(sorted(numbered))
            some = Records(tuple(numbered[i] for i in places), medicines.closed, places)
            made[keys] = replace(subject, profile=subject.profile.model_copy(update={"medicines": some}))
        return made[keys]

    def _medicines_by_class(self, medicines: Records) -> Mapping[str, list[tuple[int, Any]]]:
        """The medicines by each class that they may belong to; under ANY those that nobody knows."""
        found: dict[str, list[tuple[int, Any]]] = {}
        alike: set[tuple[Any, ...]] = set()
        for i, medicine in medicines.numbered():
            classes = self._classes(medicine.medicine)
            if ANY in classes:
                kind = (medicine.dose, medicine.form, medicine.helps)
                classes = () if kind in alike else classes
                alike.add(kind)
            for key in classes:
                found.setdefault(key, []).append((i, medicine))
        return found

    # ---- reading again ----

    def _changed(self, data: Mapping[str, Any]) -> Profile:
        """The profile of changed data; what is as in the case is not read again."""
        differ = {key for key in (*self.data, *data) if self.data.get(key) is not data.get(key)}
        part = self._profile_of({key: data[key] for key in differ if key in data})
        names = {info.alias or name: name for name, info in Profile.model_fields.items()}
        return self.read.model_copy(update={names[key]: getattr(part, names[key]) for key in differ})

    def _profile_of(self, data: Mapping[str, Any]) -> Profile:
        """A profile, of whose lists each item is read once."""
        lists = {key: self._list(key, value) for key, value in data.items() if self._is_list(key, value)}
        profile = Profile.model_validate({key: value for key, value in data.items() if key not in lists})
        names = {info.alias or name: name for name, info in Profile.model_fields.items()}
        return profile.model_copy(update={names[key]: value for key, value in lists.items()})

    def _is_list(self, key: str, value: Any) -> bool:
        listed = key in NAMES or (key in fields() and fields()[key].kind in ("set", "records"))
        return listed and isinstance(value, list) and 0 < len(value) <= LONGEST_LIST

    def _list(self, key: str, listed: Sequence[Any]) -> Any:
        """A list as it is read; that of the judgement before is not read again."""
        if self._lists.get(key, (None,))[0] is not listed:
            self._lists[key] = (listed, self._list_of(key, listed))
        return self._lists[key][1]

    def _list_of(self, key: str, listed: Sequence[Any]) -> Any:
        read = self._items
        marks = [(key, item if isinstance(item, str) else id(item)) for item in listed]
        parts = [
            read[mark][1] if mark in read else self._item(*mark, item) for mark, item in zip(marks, listed, strict=True)
        ]
        if key in NAMES:
            return tuple(dict.fromkeys(name for part in parts for name in part))
        closed = any(part.closed for part in parts)
        if fields()[key].kind == "records":
            numbered = [(i, record) for i, part in enumerate(parts) for record in part]
            return Records(tuple(record for _, record in numbered), closed, tuple(i for i, _ in numbered))
        present = dict.fromkeys(value for part in parts for value in part.present)
        return Known(tuple(present), closed, tuple(dict.fromkeys(other for part in parts for other in part.others)))

    def _item(self, key: str, mark: Any, item: Any) -> Any:
        """A list of one item as it is read; the same item gives the same object."""
        name = next(name for name, info in Profile.model_fields.items() if (info.alias or name) == key)
        # The item is kept beside what was read, so that its identity goes to no other.
        self._items[key, mark] = (item, getattr(Profile.model_validate({key: [item]}), name))
        return self._items[key, mark][1]

    def _subject(self, profile: Profile) -> Subject:
        """The subject of a profile; what follows from a trial's days is worked out once."""
        trials, day = profile.trials, profile.as_of
        new = tuple(trial for trial in trials if (id(trial), day) not in self._derived)
        unread = profile.model_copy(update={"trials": Records(new, False, tuple(range(len(new))))})
        told = subject_from(unread, self.base)
        for trial, derived in zip(new, told.profile.trials, strict=True):
            self._derived[id(trial), day] = (trial, derived)
        listed = Records(tuple(self._derived[id(trial), day][1] for trial in trials), trials.closed, trials.at)
        whole = told.profile.model_copy(update={"trials": listed})
        return _Swift(whole, told.classes, told.options, told.possible, told.factors)

    # ---- what a change touches ----

    def _words_touched(self, profile: Profile, subject: Subject) -> Iterable[str]:
        """The field words whose answer may differ from the one that stands."""
        touched: set[str] = set()
        for key in self._keys_touched(profile, subject):
            touched.update(self._words.get(key, ()))
        old, new = self.subject.profile, subject.profile
        for name in {*old.denied}.symmetric_difference(new.denied) | {*old.unasked}.symmetric_difference(new.unasked):
            touched.update(self._speaking(name))
        return touched

    def _keys_touched(self, profile: Profile, subject: Subject) -> Iterator[_Key]:
        """The fields that differ, and of a list the values that do; (path, ANY) for all that a list may tell."""
        old, new = self.subject.profile, subject.profile
        if old.as_of != new.as_of:
            yield from (("trials", ANY), ("medicines", ANY))
        differ = {name for name in Profile.model_fields if getattr(old, name) is not getattr(new, name)}
        for path in self._paths:
            if path.partition(".")[0] not in differ:
                continue
            before, after = value_at(path, self.subject, None), value_at(path, subject, None)
            if path == "trials":
                before, after = self._now.trials, profile.trials
            if isinstance(before, Known | Records):
                yield from self._listed_touched(path, before, after)
            elif before != after:
                yield (path, ANY)

    def _listed_touched(self, path: str, before: Known | Records, after: Known | Records) -> Iterator[_Key]:
        if before.closed != after.closed:
            yield (path, ANY)
        if isinstance(before, Known) and isinstance(after, Known):
            yield from ((path, value) for value in set(before.present) ^ set(after.present))
        elif isinstance(before, Records) and isinstance(after, Records):
            one, two = ({id(record): record for record in side} for side in (before, after))
            gone = [record for mark, record in (*one.items(), *two.items()) if mark not in one or mark not in two]
            if gone:
                yield (path, None)
            for record in gone:
                yield from self._record_touched(path, record)

    def _record_touched(self, path: str, record: Any) -> Iterator[_Key]:
        """What a record may tell of: a medicine of its classes, a trial of its option and of what is taken in it."""
        if path == "trials":
            option = self.base.treatments.get(record.treatment.strip().lower())
            yield (path, option)
            if record.state == "running":
                yield ("medicines", None)
                names = (record.medicine, record.treatment, option)
                yield from (("medicines", key) for name in names if name for key in self._classes(name, ()))
        elif path == "medicines":
            yield from ((path, key) for key in self._classes(record.medicine))
        else:
            yield (path, getattr(record, next(iter(fields()[path].item))))

    def _classes(self, name: str, unknown: Sequence[str] = (ANY,)) -> Iterable[str]:
        """The classes that a medicine may belong to, and those that they may; ANY for a name that no rule knows."""
        name = name.strip().lower()
        if name not in self._belongs:
            base = self.base
            mine = {name, *base.classes.get(name, ()), *base.possible.get(name, ())}
            more = {each for key in mine for each in (*base.classes.get(key, ()), *base.possible.get(key, ()))}
            self._belongs[name] = frozenset(mine | more) if name in base.classes else frozenset()
        return self._belongs[name] or unknown

    def _speaking(self, name: str) -> frozenset[str]:
        """The words that a name under `not` or `unknown` may speak to."""
        if name not in self._spoken:
            keys = [(path, name.removeprefix(f"{path}.")) for path in self._paths]
            keys += [("medicines", key) for key in self._classes(name.removeprefix("medicines."), ())]
            self._spoken[name] = frozenset(word for key in keys for word in self._words.get(key, ()))
        return self._spoken[name]


def _above(tree: RuleTree) -> Mapping[str, list[int]]:
    """The places of the nodes that need a node."""
    above: dict[str, list[int]] = {node.name: [] for node in tree.nodes}
    for place, node in enumerate(tree.nodes):
        for name in dict.fromkeys(node.needs):
            above[name].append(place)
    return above


def _words_by_key(tree: RuleTree) -> Mapping[_Key, tuple[str, ...]]:
    """The words that read a field, and of a list a value."""
    found: dict[_Key, dict[str, None]] = {}
    for name, word in tree.field_words:
        for path, value in _keys_read(word):
            for key in ((path, ANY), (path, value)):
                found.setdefault(key, {})[name] = None
    return {key: tuple(words) for key, words in found.items()}


def _classes_read(tree: Tree) -> frozenset[str] | None:
    """The classes of medicines that a field word reads; None for one that reads all medicines, or none."""
    keys = frozenset(value for path, value in _keys_read(tree) if path == "medicines")
    return None if not keys or None in keys else frozenset(key for key in keys if key)


def _keys_read(tree: Tree) -> Iterator[_Key]:
    """What a field word reads: fields, and of a list the value (None for any record of it)."""
    for node in nodes(tree):
        if node[0] in ("number", "is", "flag") and not node[1].startswith("."):
            yield node[1], ANY
        elif node[0] in ("has", "some"):
            yield node[1], node[2]
        elif node[0] == "total":
            yield "medicines", node[2]


def _value(node: Node, answers: Answers) -> int | str:
    """One node's value, as `plain.run` has it."""
    if node.kind == "logic":
        return plain.value(node.tree, answers)
    holds = (status for row, status in node.rows if all(answers[n] == plain.SHARP.get(v, v) for n, v in row))
    return next(holds, node.otherwise)


def fields_read(tree: Tree) -> frozenset[str]:
    """The fields of the profile that a field word reads, by their first name; "lists" for what denials speak of."""
    found: set[str] = set()
    for node in nodes(tree):
        if node[0] in ("number", "is", "flag") and not node[1].startswith("."):
            found.add(node[1].partition(".")[0])
        elif node[0] in ("has", "some", "total"):
            path = "medicines" if node[0] == "total" else node[1]
            # A trial that is going on is a medicine that is taken.
            found |= {path.partition(".")[0], "lists", *(("trials",) if path == "medicines" else ())}
    return frozenset(found)


def _needed(tree: RuleTree, targets: Iterable[str]) -> frozenset[str]:
    """The nodes that some nodes hang on, themselves included."""
    found: set[str] = set()
    open_names = list(targets)
    while open_names:
        name = open_names.pop()
        if name not in found:
            found.add(name)
            open_names += tree.node[name].needs
    return frozenset(found)


# ---- few facts that are enough ----


def smallest(
    facts: Sequence[Fact], parts: Parts, judge: Judge, target: str, most: int
) -> tuple[tuple[Fact, ...], bool]:
    """Facts that alone give a target its value, and whether none of them can be left out.

    Args:    judge: of this target. most: so many judgements at most; what is kept then is enough, but not the least.
    """
    return _Reduction(facts, parts, judge, target, most).run()


class _Reduction:
    """Leaves out facts in halves and halves of halves: what is kept is always enough."""

    def __init__(self, facts: Sequence[Fact], parts: Parts, judge: Judge, target: str, most: int) -> None:
        self.parts, self.judge, self.target, self.most = parts, judge, target, most
        self.value = judge.before[target]
        self.facts = self.kept = tuple(facts)
        self.records = {fact.at for fact in facts if isinstance(fact.at[-1], int)}

    def run(self) -> tuple[tuple[Fact, ...], bool]:
        if self._leaves(()):
            return (), True
        self._leaves(self.judge.read_of(self.facts))
        homes: dict[str | int, list[Fact]] = {}
        for fact in self.kept:
            homes.setdefault(fact.at[0], []).append(fact)
        # Of two fields that would each be enough the later is kept, so that few fields are told.
        left = [listed for listed in homes.values() if not self._drops(listed)]
        for listed in left:
            self._halve(listed)
        while self._one_by_one():
            pass
        return self.kept, self.judge.count < self.most

    def _leaves(self, facts: Sequence[Fact]) -> bool:
        """Keep only these facts, where they are enough."""
        if self.judge.count >= self.most or self.judge.of(self.parts.profile(facts))[self.target] != self.value:
            return False
        self.judge.stay()
        self.kept = tuple(facts)
        return True

    def _drops(self, gone: Iterable[Fact]) -> bool:
        """Leave out some facts, and the details of a record with it, where the others are enough."""
        places = {fact.at for fact in gone}
        there = {fact.at for fact in self.kept} - places
        rest = [fact for fact in self.kept if fact.at in there]
        rest = [fact for fact in rest if fact.at[:-1] not in self.records or fact.at[:-1] in there]
        return len(rest) == len(self.kept) or self._leaves(rest)

    def _halve(self, listed: Sequence[Fact]) -> None:
        """Leave out what can be left out of facts that cannot all be left out."""
        first, second = listed[: len(listed) // 2], listed[len(listed) // 2 :]
        if not first:
            return
        if self._drops(first):
            self._halve(second)
            return
        self._halve(first)
        if not self._drops(second):
            self._halve(second)

    def _one_by_one(self) -> bool:
        """Whether any fact could be left out after all."""
        before = self.kept
        for fact in before:
            self._drops([fact])
        return len(self.kept) < len(before)
