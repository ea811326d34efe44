"""Aims: the smallest sets of changes of a case that would bring an option or step to a status.

The search goes down the rule tree from the status that is aimed at, through what stands in its way only, to the
fields; it is judged by the plain judge, and every answer is then walked. It tells what would have to be so, and
never that it should be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil, floor
from typing import Any, TypeVar

from pydantic import ValidationError

from pathway.cache import Compiled
from pathway.case import Case
from pathway.changes import DENIED, UNASKED, Data, Judge, Setting, changed, fields_read, put
from pathway.engine import plain
from pathway.engine.plain import Answers
from pathway.findings import Subject, missing, trials_of, value_at
from pathway.language import Tree, nodes
from pathway.problem import Place, Problem, Problems, near, quoted
from pathway.profile import NO, NOTHING_ELSE, UNKNOWN, YES, Known, Records, fields
from pathway.rules import RuleBase
from pathway.tree import Node
from pathway.walks import answers_of

FIND_OUT, COULD_BE_DONE, CANNOT_CHANGE = "to find out", "could be done", "cannot change"
KINDS = (FIND_OUT, COULD_BE_DONE, CANNOT_CHANGE)
MAY_CHANGE: Mapping[str, tuple[str, ...]] = {
    "trials": (), "medicines": (), "declined": (), "assessments": (),
    "blood_pressure": ("controlled",), "stimulator.trial": ("passed", "failed"), "fertility.contraception": (),
}  # fmt: skip
"""What can be otherwise tomorrow by what a person and a clinician do, and which of its values (none: any of them).

All else that is known is as it is: age, sex, conditions, illnesses, allergies, causes, what happened.
"""

ABOUT_HOLDING = ("held-back", "review", "withheld")
"""The statuses that one comes to by what holds back."""
MOST_CHANGES = 8
MOST_TRIES = 500
MOST_JUDGED, MOST_BY_SIZE = 4000, 3000
"""So many judgements are made for one goal, the trying of single answers included, and of them so many by size."""
MOST_RECORDS = 12
"""Of so many trials or medicines of one kind the details are tried."""
MOST_WAYS = 12
MOST_IN_VAIN = 4
"""So many ways are told that hang on something that cannot change."""
MOST_IN_A_DIVE = 30
FEW_DENIALS = 3
"""Up to so many values of a list are denied one by one; for more of them the list is said to be whole."""

TRIALS: tuple[tuple[dict[str, str], str], ...] = (
    ({"state": "ended", "result": "failed", "adequate": "yes"}, "a trial of {name} failed adequately"),
    ({"state": "ended", "result": "helped"}, "a trial of {name} helped"),
    ({"state": "ended", "result": "not-tolerated"}, "{name} was tried and not tolerated"),
    ({"state": "ended", "result": "partly"}, "a trial of {name} helped partly"),
    ({"state": "ended", "result": "undone"}, "{name} was undone"),
    ({"state": "running"}, "a trial of {name} were going on"),
)
"""What may come of a trial, and how it is told."""
IN_A_LIST: Mapping[str, str] = {
    "allergies": "an allergy to: {}", "conditions": "this condition: {}", "illnesses": "this illness: {}",
    "red_flags": "this warning sign: {}", "devices": "this device: {}", "problems": "this problem: {}",
    "pain.sites": "pain here: {}", "pain.mechanisms": "this mechanism of the pain: {}",
    "care": "this kind of care: {}", "assessments": "this assessment: {}", "declined": "this wish to decline: {}",
}  # fmt: skip
"""What a value of a list is, so that a name alone ("an opioid") is not read as the thing itself."""
NO_ALLERGY = ("angioedema",)
"""What stands among the allergies and is none."""
NEGATIONS: Mapping[str, tuple[str, str]] = {
    "{step}.passed": ("may go past", "may not go past"),
    "{step}.reached": ("has come to", "has not come to"),
    "{step}.open": ("Something in", "Nothing in"),
    "{option}.offer": ("can be", "cannot be"),
    "{option}.suits": ("pathway has", "pathway does not have"),
    "relief": ("Something that", "Nothing that"),
}
"""How what a word means is said where it is not so."""
ENDS_OF_A_TRIAL = (("failed", "failed"), ("helped", "helped"), ("not-tolerated", "was not tolerated"))


@dataclass(frozen=True)
class Change:
    """One change of a case: as `--set` takes it, whether it can be found out, done or neither, and in words.

    `word` is the finding that it would answer, `means` what that word means, `answer` yes or no.
    """

    settings: tuple[str, ...]
    kind: str
    sentence: str
    word: str
    means: str
    answer: str


@dataclass(frozen=True)
class Way:
    """A smallest set of changes that leads to the aim: with any of them left out it does not.

    `kind` is that of its hardest change; `walked` says that durable-rules derived the status for the changed case.
    """

    kind: str
    changes: tuple[Change, ...]
    walked: bool = True


@dataclass(frozen=True)
class Aim:
    """What would change it: the ways to a status, easiest and smallest first.

    `status` is the present one; `complete` is False where more or smaller ways may exist; `note` says why
    there is none, or how the search was bounded.
    """

    goal: str
    name: str
    status: str
    reached_now: bool
    ways: tuple[Way, ...]
    complete: bool
    note: str


@dataclass(frozen=True)
class _Goal:
    """What is aimed at: statuses or sharp answers that nodes must have."""

    text: str
    name: str
    node: str
    wanted: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Edit:
    """A change that may help, with its settings still as settings."""

    settings: tuple[Setting, ...]
    kind: str
    sentence: str
    word: str
    answer: int

    @property
    def key(self) -> frozenset[str]:
        return frozenset(map(str, self.settings))


def what_would_change(case: Case, compiled: Compiled, goal: str) -> Aim:
    """The smallest sets of changes of a case that lead to a goal.

    Args:    goal: "iv-ketamine:offered", any status of an option or step; "step:ketamine" for the walk to be at it.
    Returns: the ways of the smallest size, and larger ones while those found hang on what cannot change; each was
             walked by durable-rules, and each needs all of its changes.
    Errors:  Problems for a goal that nobody knows.
    """
    aimed = _read_goal(goal, compiled)
    return _Search(case, compiled, aimed).run()


def _read_goal(text: str, compiled: Compiled) -> _Goal:
    base = compiled.base
    first, _, second = (part.strip() for part in text.partition(":"))
    place = Place(f"--to {text}", None, None)
    steps = {step.step: step.title for step in base.walked}
    if first == "step":
        if second not in steps:
            raise Problems([_unknown("step", second, steps, place)])
        wanted = ((f"{second}.reached", "yes"), (f"{second}.status", "current"))
        return _Goal(text, steps[second], f"{second}.status", wanted)
    names = {**steps, **{option.option: option.name for option in base.options}}
    if first not in names:
        homes = home_of(first, base)
        if homes:
            what = "a kind of an option" if first in base.kind else "a medicine"
            told = f"{quoted(first)} is {what}, and only options and steps are goals"
            help = f"{belongs(first, base)}: ask for --to {homes[-1]}:{second or 'offered'}"
            raise Problems([Problem("unknown-option", place, told, help)])
        raise Problems([_unknown("option", first, names, place)])
    node = compiled.tree.node[f"{first}.status"]
    statuses = dict.fromkeys((*(status for _, status in node.rows), node.otherwise))
    if second not in statuses:
        told = f"{quoted(second)} is no status of {first}" if second else f"{quoted(text)} names no status"
        guess = near(second, statuses) if second else None
        help = f'did you mean "{first}:{guess}"?' if guess else "one of: " + ", ".join(statuses)
        raise Problems([Problem("unknown-value", place, told, help)])
    return _Goal(text, names[first], node.name, ((node.name, second),))


def _unknown(what: str, name: str, names: Iterable[str], place: Place) -> Problem:
    guess = near(name, names)
    help = f'did you mean "{guess}"?' if guess else "one of: " + ", ".join(names)
    return Problem(f"unknown-{what}", place, f"no {what} is called {quoted(name)}", help)


class _Search:
    def __init__(self, case: Case, compiled: Compiled, goal: _Goal) -> None:
        self.case, self.compiled, self.goal = case, compiled, goal
        self.base = compiled.base
        self.data: Data = dict(case.data)
        self.judge = Judge(self.data, compiled, [name for name, _ in goal.wanted])
        self.edits = _Edits(compiled, self.judge)
        holding = (f"rule:{rule.rule}" for rule in self.base.rules if rule.verb in ("hold", "end"))
        self.holds = [name for name in holding if name in self.judge.node]
        self.most, self.most_by_size = self.judge.at_most(MOST_JUDGED), self.judge.at_most(MOST_BY_SIZE)
        self.tries = 0
        self.complete = True
        self.ways: list[tuple[_Edit, ...]] = []

    def run(self) -> Aim:
        """Search by size, then dive where no way was found in time."""
        if self._holds(self.judge.before):
            return self._aim((), "it is so already")
        if self.goal.wanted[-1][1] in ("after-asking", "asks"):
            return self._aim((), "this is the status of what is not known; nothing that could be found out leads to it")
        if (option := self._unavailable()) and self.goal.wanted[-1][1] in ("offered", "left", "withheld"):
            return self._aim((), f"the clinic's policy says that {option} cannot be had here; no fact changes that")
        self._by_size()
        if not self.ways:
            self._dive()
        if not self.ways:
            self._by_the_step()
        self.complete = self.complete and self.edits.complete
        ways = sorted((self._way(edits) for edits in self.ways), key=_easiest)
        note = "" if ways else "no changes that were tried lead to it"
        if not self.complete:
            note = (note + "; " if note else "") + "the search was bounded: more may exist, and smaller ones"
        return self._aim(tuple(ways), note)

    def _unavailable(self) -> str:
        """The option of the goal where the clinic can neither give nor arrange it."""
        option = self.goal.node.removesuffix(".status")
        closed = self.compiled.tree.node.get(f"{option}.unavailable")
        return option if closed and closed.tree != ["never"] else ""

    def _aim(self, ways: tuple[Way, ...], note: str) -> Aim:
        status = str(self.judge.before[self.goal.node])
        return Aim(self.goal.text, self.goal.name, status, self._holds(self.judge.before), ways, self.complete, note)

    def _holds(self, answers: Answers) -> bool:
        return len(self._held(answers)) == len(self.goal.wanted)

    def _held(self, answers: Answers) -> frozenset[str]:
        return frozenset(name for name, value in self.goal.wanted if answers[name] == plain.SHARP.get(value, value))

    # ---- searching ----

    def _by_size(self) -> None:
        """Sets of one change, then of two, and so on: each set grows only by what stands in its way."""
        level: list[tuple[tuple[_Edit, ...], Data, Answers]] = [((), self.data, self.judge.before)]
        seen: set[frozenset[str]] = {frozenset()}
        for _ in range(MOST_CHANGES):
            grown = []
            for edits, data, answers in level:
                for edit in self._next(edits, data, answers):
                    key = frozenset.union(edit.key, *(e.key for e in edits))
                    if key in seen or any(self._key(way) <= key for way in self.ways):
                        continue
                    seen.add(key)
                    if self.tries >= MOST_TRIES or len(self.ways) >= MOST_WAYS or self.judge.count >= self.most_by_size:
                        self.complete = False
                        return
                    after = self._after(data, edit)
                    if after is None or self._harms(edit, answers, after[1]):
                        continue
                    if self._holds(after[1]):
                        self._take((*edits, edit))
                    else:
                        grown.append(((*edits, edit), *after))
            level = grown
            if not level or any(edit.kind != CANNOT_CHANGE for way in self.ways for edit in way):
                return
        self.complete = False

    def _dive(self) -> None:
        """One way at any price: always the first change that helps, then without those that it does not need."""
        self.complete = False
        edits: tuple[_Edit, ...] = ()
        data, answers = self.data, self.judge.before
        for _ in range(MOST_IN_A_DIVE):
            for edit in self._next(edits, data, answers):
                after = self._after(data, edit)
                if after is None or self._harms(edit, answers, after[1]):
                    continue
                if after[1] != answers and self._held(answers) <= self._held(after[1]):
                    edits, (data, answers) = (*edits, edit), after
                    break
            else:
                return
            if self._holds(answers):
                for edit in edits:
                    rest = tuple(each for each in edits if each is not edit)
                    if self._leads(rest):
                        edits = rest
                self._take(edits)
                return

    def _by_the_step(self) -> None:
        """Ways to the step of an option that lead to the goal as well."""
        option = self.base.option.get(self.goal.node.removesuffix(".status"))
        if option is None or self.judge.before[f"{option.step}.reached"] == YES:
            return
        to_the_step = _Search(self.case, self.compiled, _read_goal(f"step:{option.step}", self.compiled))
        to_the_step.run()
        for edits in to_the_step.ways:
            if self._leads(edits):
                self._take(edits)

    def _next(self, edits: Sequence[_Edit], data: Data, answers: Answers) -> Iterator[_Edit]:
        """The changes that help with what stands first in the way, and touch nothing that was changed before."""
        set_before = {s.field for edit in edits for s in edit.settings if s.how == "="}
        answered = {edit.word for edit in edits}
        for word, want in dict.fromkeys(self._fixes(answers)):
            if word in answered:
                continue
            if self.judge.count >= self.most:
                self.complete = False
                return
            for edit in self.edits.of(word, want, data, answers):
                if not set_before & {s.field for s in edit.settings}:
                    yield edit

    def _after(self, data: Data, edit: _Edit) -> tuple[Data, Answers] | None:
        self.tries += 1
        try:
            for setting in edit.settings:
                data = put(data, setting)
            return data, self.judge.answers(data)
        except (ValidationError, Problems):
            return None

    def _harms(self, edit: _Edit, before: Answers, after: Answers) -> bool:
        """Whether a change would bring about what holds something back: that is no way to anything else."""
        if edit.kind == FIND_OUT or self.goal.wanted[-1][1] in ABOUT_HOLDING:
            return False
        return any(after[name] == YES and before[name] != YES for name in self.holds)

    def _leads(self, edits: Iterable[_Edit]) -> bool:
        data = self.data
        try:
            for edit in edits:
                for setting in edit.settings:
                    data = put(data, setting)
            return self._holds(self.judge.answers(data))
        except (ValidationError, Problems):
            return False

    def _take(self, edits: tuple[_Edit, ...]) -> None:
        """Keep a set that needs every one of its changes, and that durable-rules walks to the goal."""
        subsets = (part for size in range(len(edits)) for part in combinations(edits, size))
        few = 2 ** len(edits) <= MOST_TRIES // 4
        parts = subsets if few else (tuple(e for e in edits if e is not gone) for gone in edits)
        if any(self._leads(part) for part in parts):
            return
        vain = [way for way in self.ways if any(edit.kind == CANNOT_CHANGE for edit in way)]
        if len(vain) >= MOST_IN_VAIN and any(edit.kind == CANNOT_CHANGE for edit in edits):
            self.complete = False
            return
        settings = [setting for edit in edits for setting in edit.settings]
        try:
            case = changed(self.case, self.base, settings)
        except Problems:
            return  # it would speak against what the case already tells
        if self._holds(answers_of(case.subject, self.compiled)):
            self.ways.append(edits)

    def _key(self, edits: Iterable[_Edit]) -> frozenset[str]:
        return frozenset(key for edit in edits for key in edit.key)

    def _way(self, edits: Sequence[_Edit]) -> Way:
        changes = tuple(
            Change(
                tuple(map(str, edit.settings)),
                edit.kind,
                edit.sentence,
                edit.word,
                meaning(edit.word, self.base),
                "yes" if edit.answer == YES else "no",
            )
            for edit in edits
        )
        return Way(max((change.kind for change in changes), key=KINDS.index), changes)

    # ---- down the tree ----

    def _fixes(self, answers: Answers) -> list[tuple[str, int]]:
        """The field words, with the answer each would need, that help with the first thing in the way."""
        kept: dict[tuple[str, int], list[tuple[str, int]]] = {}
        for name, value in self.goal.wanted:
            if answers[name] != plain.SHARP.get(value, value):
                return self._to(name, value, answers, kept)
        return []

    def _to(self, name: str, value: str, answers: Answers, kept: _Kept) -> list[tuple[str, int]]:
        """How a node comes to a sharp value or a status."""
        node = self.judge.node[name]
        if node.kind != "status":
            return self._down(name, plain.SHARP[value], answers, kept) if value != "unknown" else []
        found: list[tuple[str, int]] = []
        ways = [i for i, (_, status) in enumerate(node.rows) if status == value]
        for i in [*([len(node.rows)] if node.otherwise == value else []), *ways]:
            found += self._to_row(node, i, answers, kept)
        return found

    def _to_row(self, node: Node, i: int, answers: Answers, kept: _Kept) -> list[tuple[str, int]]:
        """How the i-th row becomes the first that holds: first what makes an earlier one hold must go."""
        for row, _ in node.rows[:i]:
            if all(answers[name] == plain.SHARP.get(value, value) for name, value in row):
                return [fix for name, value in reversed(row) for fix in self._from(name, value, answers, kept)]
        if i == len(node.rows):
            return []
        for name, value in node.rows[i][0]:
            if answers[name] != plain.SHARP.get(value, value):
                return self._to(name, value, answers, kept)
        return []

    def _from(self, name: str, value: str, answers: Answers, kept: _Kept) -> list[tuple[str, int]]:
        """How a node ceases to have a sharp value; a status does so in too many ways to follow."""
        if self.judge.node[name].kind == "status":
            return []
        wants = {"yes": (NO,), "no": (YES,), "unknown": (NO, YES)}[value]
        return [fix for want in wants for fix in self._down(name, want, answers, kept)]

    def _down(self, name: str, want: int, answers: Answers, kept: _Kept) -> list[tuple[str, int]]:
        if answers[name] == want:
            return []
        if (name, want) not in kept:
            node = self.judge.node[name]
            kept[name, want] = [(name, want)] if node.kind == "field" else self._of(node.tree, want, answers, kept)
        return kept[name, want]

    def _of(self, tree: Tree, want: int, answers: Answers, kept: _Kept) -> list[tuple[str, int]]:
        """What all parts must be is mended part by part; what one part may be, at any of them."""
        head = tree[0]
        if head == "word":
            return self._down(tree[1], want, answers, kept)
        if head == "not":
            return self._of(tree[1], -want, answers, kept)
        if head in ("always", "never"):
            return []
        unmet = [part for part in tree[-1] if plain.value(part, answers) != want]
        if (head, want) in (("and", YES), ("or", NO)):
            return self._of(unmet[0], want, answers, kept) if unmet else []
        return [fix for part in unmet for fix in self._of(part, want, answers, kept)]


_Kept = dict[tuple[str, int], list[tuple[str, int]]]


def _easiest(way: Way) -> tuple[int, int, int]:
    """What can be found out before what could be done; fewer changes first, and fewer new trials."""
    tried = sum(setting.startswith("trials+=[{") for change in way.changes for setting in change.settings)
    return KINDS.index(way.kind), len(way.changes), tried


# ---- from a word to the changes that would answer it ----


class _Edits:
    """The changes of a case that answer one field word as wanted."""

    def __init__(self, compiled: Compiled, judge: Judge) -> None:
        self.compiled, self.base, self.judge = compiled, compiled.base, judge
        self.bounds = bounds(tree for _, tree in compiled.tree.field_words)
        self.kept: dict[tuple[str, int, str], list[_Edit]] = {}
        self.complete = True

    def of(self, word: str, want: int, data: Data, answers: Answers) -> list[_Edit]:
        """The changes, at most one for each part of the word."""
        read = fields_read(self.judge.node[word].tree) | {DENIED, UNASKED, "as_of", "sex"}
        key = (word, want, repr({name: data[name] for name in sorted(read) if name in data}))
        if key not in self.kept:
            self.kept[key] = self._of(word, want, data, answers)
        return self.kept[key]

    def _of(self, word: str, want: int, data: Data, answers: Answers) -> list[_Edit]:
        tree = self.judge.node[word].tree
        subject = self.judge.subject_of(data)
        known = answers[word] != UNKNOWN
        found = []
        for leaf in leaves(tree):
            for settings, kind, sentence in self._candidates(leaf, known, data, subject):
                after = data
                try:
                    for setting in settings:
                        after = put(after, setting)
                    fits = self.judge.answers_as(word, want, after)
                except (ValidationError, Problems):
                    continue
                if fits:
                    found.append(_Edit(settings, kind, sentence, word, want))
                    break
        return found

    def _candidates(self, leaf: Tree, known: bool, data: Data, subject: Subject) -> Iterator[_Candidate]:
        head = leaf[0]
        if head in ("number", "is", "flag"):
            yield from self._values(leaf, data, subject)
        elif head == "has":
            yield from self._members(leaf[1], leaf[2], subject)
        elif head == "total":
            yield from self._medicines(leaf[2], subject)
            yield from self._doses(subject)
        elif leaf[1] == "trials":
            yield from self._trials(leaf[2], known, subject)
        elif leaf[1] == "medicines":
            yield from self._medicines(leaf[2], subject)
        else:
            yield from self._causes(leaf[2], subject)

    # ---- one value ----

    def _values(self, leaf: Tree, data: Data, subject: Subject) -> Iterator[_Candidate]:
        path = leaf[1]
        kind = fields()[path]
        known = value_at(path, subject, None) is not None
        values = values_for(path, self.bounds)
        for value in sorted(values, key=lambda value: KINDS.index(by_field(path, value))) if known else values:
            what = by_field(path, value) if known else FIND_OUT
            text = kind.values.get(str(value), str(value))
            label = path.replace("_", " ").replace(".", " ")
            sentence = f"{label} were: {text}" if known else f"“{kind.question}” were answered: {text}"
            # A duration that is counted from a day takes that day's place.
            instead = path == "pain.duration" and isinstance(data.get("pain"), Mapping) and "began" in data["pain"]
            settings = (Setting("pain.began", "=", "unknown"),) if instead else ()
            yield (*settings, Setting(path, "=", value)), what, f"if {sentence}"

    # ---- a member of a list ----

    def _members(self, path: str, value: str, subject: Subject) -> Iterator[_Candidate]:
        held: Known | Records = value_at(path, subject, None)
        text = fields()[path].values.get(value) or inline(self._name(value))
        flag = next((f for f in held if f.finding == value), None) if isinstance(held, Records) else None
        there = flag is not None or (isinstance(held, Known) and value in held.present)
        what = by_field(path)
        gone = (Setting(path, "-=", value), *self._deny(path, value, held))
        if flag is not None and not flag.excluded:
            taken = Setting(path, "-=", value)
            excluded = Setting(path, "+=", [{"finding": value, "excluded": "yes"}])
            yield (taken, excluded), FIND_OUT, f"if this were assessed and excluded: {text}"
        elif there and path == "declined":
            yield gone, what, f"if {text} were no longer declined"
        elif there:
            yield gone, what, f"if there were not {_listed(path, value, text)}"
        elif subject.left_out(path, value, held.closed) == NO:
            verb = {"declined": f"{text} were declined", "assessments": f"this were done: {text}"}
            sentence = verb.get(path) or f"there were {_listed(path, value, text)}"
            yield (Setting(path, "+=", value),), what, f"if {sentence}"
        else:
            yield from self._unknown_member(path, value, text)

    def _unknown_member(self, path: str, value: str, text: str) -> Iterator[_Candidate]:
        question = fields()[path].question
        yield self._none_of(path, value)
        yield (Setting(path, "+=", value),), FIND_OUT, f"if “{question}” were answered: {text}"

    def _none_of(self, path: str, value: str) -> _Candidate:
        """That nothing of what is still asked about in a list is there: singly where that is little, else all."""
        asked = self._asked(path)
        question = fields()[path].question
        if len(asked) <= FEW_DENIALS and value in asked:
            names = [fields()[path].values.get(each) or self._name(each) for each in asked]
            setting = Setting(DENIED, "+=", [f"{path}.{each}" for each in asked])
            return (setting,), FIND_OUT, f"if “{question}” were answered: not {', nor '.join(names)}"
        held: Known | Records = value_at(path, self.judge.subject, None)
        some = held.items if isinstance(held, Records) else held.present
        text = "nothing else" if some else "none"
        return (Setting(path, "+=", NOTHING_ELSE),), FIND_OUT, f"if “{question}” were answered: {text}"

    def _asked(self, path: str) -> list[str]:
        """The values of a list that leave some word unknown here."""
        if not hasattr(self, "_open"):
            gaps = [gap for _, tree in self.judge.tree.field_words for gap in missing(tree, self.judge.subject)]
            self._open: list[tuple[str, str]] = list(dict.fromkeys(gaps))
        return [value for field, value in self._open if field == path and value]

    def _deny(self, path: str, value: str, held: Known | Records) -> tuple[Setting, ...]:
        return () if held.closed else (Setting(DENIED, "+=", f"{path}.{value}"),)

    # ---- records ----

    def _trials(self, option: str, known: bool, subject: Subject) -> Iterator[_Candidate]:
        name = inline(self._name(option))
        records = subject.profile.trials
        told = trials_of(option, subject)
        for i, trial in self._few(subject.stories.get(option, [])):
            yield from self._details("trials", i, trial, name)
            if trial.state == "running" and trial.result is None:
                ended = Setting(f"trials[{i}].state", "=", "ended")
                for result, text in ENDS_OF_A_TRIAL:
                    went = (ended, Setting(f"trials[{i}].result", "=", result))
                    yield went, COULD_BE_DONE, f"if the trial of {name} that is going on came to its end and {text}"
        what = FIND_OUT if not known and not told else COULD_BE_DONE
        if subject.left_out("trials", option, records.closed) == UNKNOWN and not told:
            yield self._none_of("trials", option)
        newer = "a newer trial" if told else "a trial"
        for record, text in TRIALS:
            sentence = text.format(name=name).replace("a trial", newer, 1)
            yield (Setting("trials", "+=", [{"treatment": option, **record}]),), what, f"if {sentence}"

    def _causes(self, kind: str | None, subject: Subject) -> Iterator[_Candidate]:
        causes = subject.profile.causes
        for i, cause in self._few([(i, cause) for i, cause in causes.numbered() if kind in (None, cause.kind)]):
            yield from self._details("causes", i, cause, cause.kind)
        for name in [kind] if kind else fields()["causes"].values:
            if any(cause.kind == name for cause in causes):
                continue
            unknown = subject.left_out("causes", name, causes.closed) == UNKNOWN
            if unknown:
                yield self._none_of("causes", name)
            text = fields()["causes"].values[name]
            for can in ("yes", "no"):
                which = "can" if can == "yes" else "cannot"
                setting = Setting("causes", "+=", [{"kind": name, "correctable": can}])
                kind_of = FIND_OUT if unknown else CANNOT_CHANGE
                yield (setting,), kind_of, f"if the cause were: {text}, which {which} be corrected"

    def _medicines(self, key: str | None, subject: Subject) -> Iterator[_Candidate]:
        medicines = subject.profile.medicines
        name = self._name(key or "a medicine")
        known = [(i, m) for i, m in medicines.numbered() if key is None or subject.belongs(m, key) != NO]
        for i, medicine in self._few(known):
            yield from self._details("medicines", i, medicine, medicine.medicine)
        mine = [(path, m) for path, m in subject.taken if key is None or subject.belongs(m, key) == YES]
        if len(self._few(mine)) < len(mine):
            return
        if mine:
            yield self._stopped(mine, key, name, medicines.closed)
        elif key and subject.left_out("medicines", key, medicines.closed) == UNKNOWN:
            yield self._none_of("medicines", key)
        if key:
            unknown = subject.left_out("medicines", key, medicines.closed) == UNKNOWN
            what = FIND_OUT if unknown else COULD_BE_DONE
            told = (
                f"{name} were taken" if key in self.base.medicines else f"a medicine of this class were taken: {name}"
            )
            yield (Setting("medicines", "+=", key),), what, f"if {told}"

    def _stopped(self, mine: Iterable[tuple[str, Any]], key: str | None, name: str, closed: bool) -> _Candidate:
        settings = []
        names = []
        for path, medicine in mine:
            names.append(medicine.medicine)
            listed = path.startswith("medicines")
            settings.append(
                Setting("medicines", "-=", medicine.medicine) if listed else Setting(f"{path}.state", "=", "ended")
            )
        if key and not closed:
            settings.append(Setting(DENIED, "+=", f"medicines.{key}"))
        told = ", ".join(dict.fromkeys(names)) or name
        how = "after a review, and as their prescriber plans it: nothing is stopped at once"
        return tuple(settings), COULD_BE_DONE, f"if {told} were no longer taken ({how})"

    def _doses(self, subject: Subject) -> Iterator[_Candidate]:
        for i, medicine in self._few([(i, m) for i, m in subject.profile.medicines.numbered() if m.dose is None]):
            for value in ("1 mg/day", "1000 mg/day"):
                setting = Setting(f"medicines[{i}].dose", "=", value)
                yield (setting,), FIND_OUT, f"if the daily dose of {medicine.medicine} were: {value}"

    def _few(self, records: Sequence[_T]) -> Sequence[_T]:
        """The first of many records; that there are more leaves the search incomplete."""
        self.complete = self.complete and len(records) <= MOST_RECORDS
        return records[:MOST_RECORDS]

    def _details(self, path: str, i: int, record: Any, name: str) -> Iterator[_Candidate]:
        """The details of a record that nobody knows yet."""
        for detail, kind in fields()[path].item.items():
            if detail in ("began", "ended", "medicine", "treatment", "kind") or getattr(record, detail, "") is not None:
                continue
            for value in values_for(f"{path}[].{detail}", self.bounds):
                text = kind.values.get(str(value), str(value))
                setting = Setting(f"{path}[{i}].{detail}", "=", value)
                yield (setting,), FIND_OUT, f"if “{kind.question}” ({name}) were answered: {text}"

    def _name(self, name: str) -> str:
        return self.base.option[name].name if name in self.base.option else name.replace("-", " ")


def _listed(path: str, value: str, text: str) -> str:
    """A value of a list with what it is: "an allergy to: an opioid"."""
    return text if value in NO_ALLERGY else IN_A_LIST.get(path, "this: {}").format(text)


_T = TypeVar("_T")
_Candidate = tuple[tuple[Setting, ...], str, str]


def by_field(path: str, value: Any = "") -> str:
    """Whether what is known of a field could be brought to a value by what somebody does."""
    values = MAY_CHANGE.get(path)
    return CANNOT_CHANGE if values is None or (values and value not in values) else COULD_BE_DONE


def leaves(tree: Tree) -> Iterator[Tree]:
    """The parts of a field word that speak of the profile, and not of an item of a list."""
    for node in nodes(tree):
        if node[0] in ("has", "some", "total") or (node[0] in ("number", "is", "flag") and not node[1].startswith(".")):
            yield node


def bounds(trees: Iterable[Tree]) -> Mapping[str, frozenset[float]]:
    """The numbers with which the words compare each field; a field of a record by its list ("trials[].duration")."""
    found: dict[str, set[float]] = {}
    for tree in trees:
        for leaf in nodes(tree):
            if leaf[0] == "number" and not leaf[1].startswith("."):
                found.setdefault(leaf[1], set()).add(float(leaf[3]))
            elif leaf[0] == "some":
                for inner in nodes(leaf[3]):
                    if inner[0] == "number":
                        found.setdefault(f"{leaf[1]}[]{inner[1]}", set()).add(float(inner[3]))
    return {path: frozenset(values) for path, values in found.items()}


def values_for(path: str, known_bounds: Mapping[str, frozenset[float]]) -> Iterator[str | int]:
    """The values of a field that words can tell apart: each of a choice, yes and no, both sides of each bound."""
    head, bracket, rest = path.partition("[].")
    kind = fields()[head].item[rest] if bracket else fields()[path]
    if kind.kind == "choice":
        yield from kind.values
    elif kind.kind == "tri":
        yield from ("yes", "no")
    elif kind.kind == "number":
        sides = {n for bound in known_bounds.get(path, ()) for n in (ceil(bound) - 1, floor(bound), floor(bound) + 1)}
        unit = {"days": " days", "mg/day": " mg/day"}.get(kind.unit, "")
        for number in sorted(n for n in sides if n >= 0):
            yield f"{number}{unit}" if unit else number


def inline(name: str) -> str:
    """A name as it stands within a sentence: small at its start, unless it is an abbreviation."""
    return name[:1].lower() + name[1:] if name[1:2].islower() else name


def meaning(name: str, base: RuleBase) -> str:
    """What a node of the tree means, in the words of its rule or word."""
    if name.startswith("rule:"):
        return base.rule[name.removeprefix("rule:")].because
    word, filled = base.family(name) or (None, {})
    if word is None:
        return name
    text = word.means
    listed = fields().get(str(word.tree[1])) if word.tree[0] == "has" else None
    for each, member in filled.items():
        value = listed.values.get(member) if listed else None
        name = value or name_of(member, base)
        text = text.replace(f"{{{each}}}", f"“{name}”" if name.endswith("?") else name)
    return text[:1].upper() + text[1:]


def denial(name: str, base: RuleBase) -> str:
    """What is the case where a node of the tree is no, in plain English."""
    said, means = base.family(name), meaning(name, base)
    before, after = NEGATIONS.get(said[0].word if said else "", ("", ""))
    if before and before in means:
        return means.replace(before, after, 1)
    return f"This does not hold: {inline(means)}"


def doubt(name: str, base: RuleBase) -> str:
    """What is not known where a node of the tree is unknown, in plain English."""
    said, means = base.family(name), meaning(name, base)
    if said is not None and (said[0].each in ("option", "kind", "step") or said[0].word == "relief"):
        return f"It is not known whether {inline(_first_sentence(means))}"
    return f"It is not known whether this holds: {inline(means)}"


def _first_sentence(text: str) -> str:
    first, more, _ = text.partition(". ")
    return f"{first}." if more else text


def home_of(name: str, base: RuleBase) -> tuple[str, ...]:
    """The option that a medicine, a class of medicines or a kind belongs to, before it the kind; empty for none."""
    key = name.strip().lower()
    if key in base.kind and key not in base.option:
        return key, base.kind[key].option
    mine = [entry for medicine, entry in base.medicines.items() if key == medicine or key in entry["classes"]]
    options = {entry.get("option") for entry in mine}
    if len(options) != 1 or None in options:
        return ()
    option = str(options.pop())
    kinds = [kind.kind for kind in base.kinds_of(option) if kind.kind in base.classes.get(key, ())]
    return (*kinds[:1], option)


def belongs(name: str, base: RuleBase) -> str:
    """Where a medicine or kind belongs, in words: "duloxetine belongs to snri, a kind of antidepressant"."""
    *kinds, option = home_of(name, base)
    if name in kinds:
        return f"{name} is a kind of {option}"
    return f"{name} belongs to {kinds[0]}, a kind of {option}" if kinds else f"{name} belongs to {option}"


def name_of(member: str, base: RuleBase) -> str:
    """What a reader calls an option, a kind of one, a step, or a class of medicines."""
    if member in base.option:
        return base.option[member].name
    if member in base.kind:
        return base.kind[member].name
    titles = {step.step: step.title for step in base.walked}
    return titles.get(member, member.replace("-", " "))
