"""Explanation: why a walk is as it is, why it is not otherwise, what is missing, and what if.

Everything here is worked out from the one rule tree and the facts of the case: nothing is told from memory. What
would change a status is sought by `pathway.aims`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from pydantic import ValidationError

from pathway._version import __version__
from pathway.aims import (
    Aim,
    belongs,
    bounds,
    denial,
    doubt,
    home_of,
    meaning,
    values_for,
    what_would_change,
)
from pathway.cache import Compiled
from pathway.case import Case
from pathway.changes import DENIED, Fact, Judge, Parts, Setting, alone, changed, facts_of, flow, put, smallest
from pathway.engine import plain
from pathway.engine.plain import Answers
from pathway.findings import ANSWERS
from pathway.findings import missing as gaps_of
from pathway.language import Tree, nodes
from pathway.problem import Place, Problem, Problems, near, quoted
from pathway.profile import NO, NOTHING_ELSE, UNKNOWN, YES, fields
from pathway.rules import FAQ, OFFERS, SAFETY, Cited
from pathway.tree import Node
from pathway.walks import Question, Spoken, Walk, answers_of, field_at, known, walk_case

__all__ = [
    "Aim", "Explanation", "Missing", "Obstacle", "Part", "WhatIf", "Why", "WhyNot", "explain_case",
    "missing", "targets", "what_if", "what_would_change", "why", "why_not",
]  # fmt: skip

SCHEMA = "pathway.explanation/1"
ENDING = "ending"
RELIEF = "relief"
IN_PLAY = ("review", "held-back", "continue", "under-way", "offered", "after-asking")
RANKED_BY = (
    "Each question is given every answer that the rules can tell apart, one at a time; it ranks by how many statuses "
    "of options and steps, the ending included, some answer would change; between equals, by how many values wait for "
    "it. "
    "Questions marked DANGER hold open whether the walk must stop."
)
NOT_HELD = "not held back"
"""The status of a kind that no rule holds back; never "clear", which reads as safe."""
STATUS_MEANS: Mapping[str, str] = {
    "review": "it is being taken or done, and is to be reviewed; nothing is ended at once",
    "held-back": "the safety layer holds it back",
    "continue": "it helps",
    "under-way": "it is going on",
    "does-not-apply": "the documented pathway does not have it for this person",
    "tried": "it failed an adequate trial or was not tolerated",
    "declined": "the person declines it",
    "not-needed": "it is not needed now",
    "not-yet": "the walk has not come to it",
    "withheld": "something ends the walk before it",
    "left": "it is still open, though the walk has gone on",
    "offered": "it can be offered now",
    "after-asking": "whether it can be offered hangs on what is not known yet",
    "current": "the walk is here now",
    "done": "the walk has come to it and may go past it",
    "asks": "whether it is reached, or passed, hangs on what is not known yet",
    "stopped": "the walk has come to it, may not go past it, and finds nothing open in it",
    "referral": "the walk stops, and refers",
    "out-of-scope": "the walk stops: this pathway does not speak of this person",
    "not-chronic": "the walk stops: the pain is not chronic",
    "questions": "questions come first",
    "end": "the documented way is at its end",
    NOT_HELD: "no rule holds it back, which does not make it safe",
    "yes": "it is so",
    "no": "it is not so",
    "unknown": "it is not known",
}
ELSE_RESTS_ON = {"option": ("offer",), "step": ("reached", "passed", "open")}
"""What a status rests on that no row of its table gives: it is what is left over."""
MALE_HAS_NONE = ("pregnancy", "fertility.possible", "fertility.breastfeeding")
MOST_ANSWERS = 80
MOST_JUDGED, MOST_JUDGED_IN_ALL = 1500, 12_000
"""So many judgements are made to find the fewest facts for one target, and for all of an explanation."""
MOST_TRIED = 1000
"""So many answers are tried to rank what is missing."""
ALONE = "These facts alone make it so"
NOT_REDUCED = "not reduced further: too many facts"
MOST_TOLD = 2
MOST_ASKED = 5
HELD = ("held-back", "review")
OPEN_TO_CHOICE = ("offered", "left", "after-asking")
"""The statuses of what may be begun: in the overview they are told together, with what is said against each."""


@dataclass(frozen=True)
class Said:
    """A field that a word reads: its question, and what the case says; "not known" where it says nothing."""

    field: str
    question: str
    says: str


@dataclass(frozen=True)
class Part:
    """A node of the tree that decides: its answer, what it means, and below it only what makes it so.

    `kind` is status, rule, word or field; a rule has its layer and sources, a field what the case says; `again` is
    True where the same node was spelt out before.
    """

    name: str
    kind: str
    answer: str
    means: str
    layer: str
    source: tuple[Cited, ...]
    says: tuple[Said, ...]
    children: tuple[Part, ...]
    again: bool = False


@dataclass(frozen=True)
class Why:
    """Why an option, a step, the ending, a rule or a word is as it is.

    `facts` are a smallest set of facts of the case that alone give the same: with any of them left out it is not
    so. Where `minimal` is False they are enough too, but there were too many to find out whether fewer would be.
    `asks` are the fields that keep it unknown, `arguments` the rules that speak for or against an option.
    """

    target: str
    name: str
    status: str
    means: str
    paragraph: str
    tree: Part
    facts: tuple[str, ...]
    asks: tuple[Said, ...]
    arguments: tuple[Spoken, ...] = ()
    minimal: bool = True


@dataclass(frozen=True)
class Obstacle:
    """One thing that stands in the way: it does ("in the way"), or it may ("not known").

    `rules` are those that say so, `asks` the fields that would tell, `tree` what makes it so.
    """

    name: str
    state: Literal["in the way", "not known"]
    sentence: str
    rules: tuple[Part, ...]
    asks: tuple[Said, ...]
    tree: Part


@dataclass(frozen=True)
class WhyNot:
    """What stands between an option (or step) and its offer (or being reached), nearest first.

    Whatever stands in the way, `against` are the rules that speak against the option or kind, those that hang on
    this person first, and `first` those that say, or may have to say, what comes before it.
    """

    target: str
    name: str
    status: str
    sentence: str
    obstacles: tuple[Obstacle, ...]
    against: tuple[Spoken, ...] = ()
    first: tuple[Spoken, ...] = ()


@dataclass(frozen=True)
class StatusChange:
    """A status before and after: of an option, a step, a kind of an option, or the ending."""

    what: str
    name: str
    title: str
    before: str
    after: str


@dataclass(frozen=True)
class AnswerEffect:
    """One answer to a question, as `--set` takes it, and what it alone would change."""

    answer: str
    setting: str
    changes: tuple[StatusChange, ...]


@dataclass(frozen=True)
class Missing:
    """An open question, ranked: how many statuses some answer would change, and how many values wait for it.

    `complete` is False where not every answer was tried: `answers` are those that were.
    """

    rank: int
    field: str
    question: str
    about: tuple[str, ...]
    danger: bool
    could_change: int
    holds: int
    answers: tuple[AnswerEffect, ...]
    complete: bool = True


@dataclass(frozen=True)
class WhatIf:
    """The walk before and after some settings, and what changed between them."""

    settings: tuple[str, ...]
    before: Walk
    after: Walk
    ending_before: str
    ending_after: str
    changes: tuple[StatusChange, ...]
    new_rules: tuple[Spoken, ...]
    gone_rules: tuple[Spoken, ...]
    new_questions: tuple[Question, ...]
    gone_questions: tuple[Question, ...]


@dataclass(frozen=True)
class Explanation:
    """All that was asked about one case, with the stamp of the rules. The same case and rules give the same bytes.

    With `what_if` all else is of the changed case, its ending too. `read_as` says of a medicine where it belongs;
    `overview`, told where nothing was asked, has a paragraph for each step and for options that are alike.
    """

    schema: str
    software: str
    edition: str
    digest: str
    policy: dict[str, Any]
    case: str
    title: str
    as_of: str | None
    ending: str
    read_as: tuple[str, ...]
    overview: tuple[str, ...]
    why: tuple[Why, ...]
    why_not: tuple[WhyNot, ...]
    missing: tuple[Missing, ...] | None
    ranked_by: str
    what_if: WhatIf | None
    would_change: tuple[Aim, ...]
    intended_for: str
    not_for: str


def explain_case(
    case: Case,
    compiled: Compiled,
    *,
    of: Sequence[str] = (),
    why_not_of: Sequence[str] = (),
    settings: Sequence[Setting] = (),
    goals: Sequence[str] = (),
    questions: bool = False,
) -> Explanation:
    """All that is asked about a case; with nothing asked, the ending, steps and options in play, and what is missing.

    Args:    of, why_not_of: names of options, kinds, steps, rules, words, or "ending"; a medicine stands for the kind
             or option that it belongs to. goals: "iv-ketamine:offered". settings: changes for `what_if`; all else is
             then explained of the changed case. questions: whether to rank what is missing.
    Errors:  Problems for names that nobody knows and settings that do not fit.
    """
    everything = not (of or why_not_of or settings or goals or questions)
    compared = what_if(case, compiled, settings) if settings else None
    if compared is not None:
        case = changed(case, compiled.base, settings)
    one = _Explainer(case, compiled, compared.after if compared else None)
    wanted = tuple(one.in_play()) if everything else one.found(of, "explain")
    unwanted = one.found(why_not_of, "--why-not")
    return Explanation(
        schema=SCHEMA,
        software=__version__,
        edition=compiled.base.edition,
        digest=compiled.base.digest,
        policy=dict(sorted(compiled.policy.items())),
        case=case.source,
        title=case.profile.title or "",
        as_of=case.profile.as_of.isoformat() if case.profile.as_of else None,
        ending=one.walk.ending.sentence,
        read_as=tuple(one.read_as),
        overview=tuple(one.overview()) if everything else (),
        why=tuple(one.why(name) for name in wanted),
        why_not=tuple(one.why_not(name) for name in unwanted),
        missing=one.missing() if everything or questions else None,
        ranked_by=RANKED_BY if everything or questions else "",
        what_if=compared,
        would_change=tuple(what_would_change(case, compiled, goal) for goal in dict.fromkeys(goals)),
        intended_for=compiled.base.intended_for,
        not_for=compiled.base.not_for,
    )


def why(case: Case, compiled: Compiled, target: str) -> Why:
    """Why an option, kind, step, the ending, a rule or a word is as it is.

    Returns: with the facts that alone make it so, and the tree of what decides.
    Errors:  Problems for a target that nobody knows.
    """
    one = _Explainer(case, compiled)
    (found,) = one.found([target], "explain")
    return one.why(found)


def why_not(case: Case, compiled: Compiled, target: str) -> WhyNot:
    """Each thing that stands between an option and its offer, or a step and being reached; nearest first.

    Nearest first is the order in which the rules meet them: reached, suits, spent, declined, running, relief, held,
    flag.

    Errors:  Problems for a target that nobody knows.
    """
    one = _Explainer(case, compiled)
    (found,) = one.found([target], "--why-not")
    return one.why_not(found)


def missing(case: Case, compiled: Compiled) -> tuple[Missing, ...]:
    """The open questions, ranked by how much their answers could change the walk.

    Each question is given every answer that the rules can tell apart, one at a time: each value that it is about,
    that there is none of them, yes and no, both sides of each number that a word compares with. It ranks by how many
    statuses of options and steps, the ending included, some answer would change; between equals by how many values
    wait for it (`walk`'s own count). Judged by the plain judge.
    """
    return _Explainer(case, compiled).missing()


def what_if(case: Case, compiled: Compiled, settings: Sequence[Setting]) -> WhatIf:
    """The walk before and after some settings, and what changed; the changed case is read and walked like any case.

    Errors:  Problems, each placed at "--set" and its field.
    """
    before = walk_case(case, compiled)
    return _compared(before, walk_case(changed(case, compiled.base, settings), compiled), settings)


def targets(compiled: Compiled) -> dict[str, str]:
    """Every name that can be explained, with the node of the tree that it stands for."""
    base, known_nodes = compiled.base, compiled.tree.node
    found = {ENDING: "walk.ending"}
    found |= {step.step: f"{step.step}.status" for step in base.walked}
    found |= {option.option: f"{option.option}.status" for option in base.options}
    for kind in base.kinds:
        found.setdefault(kind.kind, f"{kind.kind}.held")
    for rule in base.rules:
        found.setdefault(rule.rule, f"rule:{rule.rule}")
    for name in known_nodes:
        if name != SAFETY and not name.startswith("rule:") and not name.endswith(".status"):
            found.setdefault(name, name)
    return found


# ---- what if ----


def _compared(before: Walk, after: Walk, settings: Sequence[Setting]) -> WhatIf:
    spoken = [{rule.rule: rule for rule in _every_rule(walk) if rule.verdict == "fires"} for walk in (before, after)]
    asked = [{question.field: question for question in walk.questions} for walk in (before, after)]
    return WhatIf(
        tuple(map(str, settings)),
        before,
        after,
        before.ending.sentence,
        after.ending.sentence,
        tuple(_status_changes(_statuses(before), _statuses(after))),
        tuple(rule for name, rule in spoken[1].items() if name not in spoken[0]),
        tuple(rule for name, rule in spoken[0].items() if name not in spoken[1]),
        tuple(question for name, question in asked[1].items() if name not in asked[0]),
        tuple(question for name, question in asked[0].items() if name not in asked[1]),
    )


def _every_rule(walk: Walk) -> Iterator[Spoken]:
    yield from walk.beside
    for step in walk.steps:
        yield from step.rules
        for option in step.options:
            yield from option.rules


_Statuses = dict[tuple[str, str], tuple[str, str]]


def _statuses(walk: Walk) -> _Statuses:
    """(what, name) -> (title, status), in the order of the walk."""
    told = walk.ending.kind + (f" ({walk.ending.reason})" if walk.ending.reason else "")
    found: _Statuses = {(ENDING, ENDING): ("The ending", told + (", provisional" if walk.ending.provisional else ""))}
    for step in walk.steps:
        found["step", step.step] = (step.title, step.status)
        for option in step.options:
            found["option", option.option] = (option.name, option.status)
            for kind in option.kinds:
                found["kind", kind.kind] = (kind.name, NOT_HELD if kind.status == "clear" else kind.status)
    return found


def _status_changes(before: _Statuses, after: _Statuses) -> Iterator[StatusChange]:
    for (what, name), (title, status) in before.items():
        now = after[what, name][1]
        if now != status:
            yield StatusChange(what, name, title, status, now)


# ---- why and why not ----


class _Explainer:
    """Explains one case; what one question works out serves the next."""

    def __init__(self, case: Case, compiled: Compiled, walk: Walk | None = None) -> None:
        self.case, self.compiled, self.base, self.tree = case, compiled, compiled.base, compiled.tree
        self.subject, self.data = case.subject, dict(case.data)
        self.walk = walk or walk_case(case, compiled)
        self.answers = answers_of(case.subject, compiled)
        self.targets = targets(compiled)
        self.says = {said.field: said.value for said in known(self.subject)}
        self.options = {option.option: option for step in self.walk.steps for option in step.options}
        self.steps = tuple(step.step for step in self.base.walked)
        self.facts = facts_of(self.data, self.base)
        self.kept: dict[str, tuple[Fact, ...]] = {}
        self.not_reduced: set[str] = set()
        self.judged = 0
        self.gaps: dict[str, tuple[tuple[str, str], ...]] = {}
        self.read_as: list[str] = []

    @cached_property
    def judge(self) -> Judge:
        """The judge of whatever can be explained."""
        return Judge(self.data, self.compiled, [node.name for node in self.tree.nodes])

    @cached_property
    def parts(self) -> Parts:
        """The case with some of its facts only."""
        return Parts(self.data, self.judge.read, self.base)

    def found(self, names: Iterable[str], where: str) -> tuple[str, ...]:
        """The targets that names stand for, each once: a medicine for the kind or option that it belongs to.

        Errors:  Problems, for names that nobody knows, all at once.
        """
        targets, problems = [], []
        for given in names:
            name = given
            if given.partition(":")[0].strip() == "step" and (step := given.partition(":")[2].strip()) in self.steps:
                name = step
            homes = home_of(name, self.base)
            if name in self.targets:
                targets.append(name)
            elif homes:
                targets.append(homes[0])
                told = f"{belongs(name, self.base)}; what follows explains {homes[0]}."
                self.read_as += [told] if told not in self.read_as else []
            else:
                problems.append(self._unknown(name, where))
        if problems:
            raise Problems(problems)
        return tuple(dict.fromkeys(targets))

    def _unknown(self, name: str, where: str) -> Problem:
        """The Problem of a name that cannot be explained, with a guess: a treatment before a word."""
        place = Place(f"{where} {name}" if where.startswith("--") else where, None, None)
        key = name.strip().lower()
        words = [f"takes-{each}" for each in (key, *sorted(self.base.classes.get(key, ())))]
        known_words = [word for word in words if word in self.targets]
        if known_words:
            help = f"explain {known_words[0]} instead"
            return Problem("unknown-option", place, f"{quoted(name)} belongs to no option here", help)
        treatments = [*self.base.option, *self.base.kind, *self.base.medicines]
        if key in self.base.classes:
            told = f"{quoted(name)} is a medicine that belongs to no option, and no rule speaks of it by itself"
            return Problem("unknown-option", place, told, "name an option, a step, a rule, a word, or ending")
        guess = near(name, [ENDING, *treatments, *self.steps])
        none_near = "no treatment or step has a name like it; name an option, a step, a rule, a word, or ending"
        help = f'did you mean "{guess}"?' if guess else none_near
        return Problem("unknown-option", place, f"nothing here is called {quoted(name)}", help)

    def in_play(self) -> Iterator[str]:
        """The ending, each step, and each option that may be had, goes on, or is held back."""
        yield ENDING
        for step in self.walk.steps:
            yield step.step
            yield from (option.option for option in step.options if option.status in IN_PLAY)

    # ---- why ----

    def why(self, target: str) -> Why:
        """Why a target is as it is."""
        node = self.tree.node[self._node(target)]
        status = self._status(target)
        part = self._part(node.name, set())
        facts = self._sufficient(node.name)
        asks = self._asks(node.name)
        name = self._name(target)
        return Why(
            target,
            name,
            status,
            self._means(target, status),
            self._paragraph(node.name, target, status, part, facts, asks),
            part,
            tuple(fact.said for fact in facts),
            asks,
            self._arguments(target),
            node.name not in self.not_reduced,
        )

    def _node(self, target: str) -> str:
        node = self.targets[target]
        if target in self.base.kind and self.answers.get(f"{target}.reviewed") == YES:
            return f"{target}.reviewed"
        return node

    def _status(self, target: str) -> str:
        if target == ENDING:
            return self.walk.ending.reason or self.walk.ending.kind
        value = self.answers[self._node(target)]
        if target in self.base.kind and target not in self.base.option:
            reviewed = self._node(target).endswith(".reviewed")
            held = {YES: "held-back", UNKNOWN: "after-asking", NO: NOT_HELD}[int(value)]
            return "review" if reviewed else held
        return value if isinstance(value, str) else ANSWERS[value]

    def _name(self, target: str) -> str:
        if target == ENDING:
            return "The ending"
        if target in self.base.option:
            return self.base.option[target].name
        step = next((step for step in self.base.walked if step.step == target), None)
        if step is not None:
            return step.title
        return self.base.kind[target].name if target in self.base.kind else target

    def _rules_about(self, target: str) -> tuple[Spoken, ...]:
        """The rules that speak of an option and its kinds; of a kind, those of it and of its option as a whole."""
        whose = self.base.kind[target].option if target in self.base.kind else target
        option = self.options.get(target) or self.options.get(whose)
        if option is None:
            return ()
        mine = {target, whose}
        return tuple(rule for rule in option.rules if target == option.option or rule.target in mine)

    def _arguments(self, target: str) -> tuple[Spoken, ...]:
        """What is said for and against an option, or a kind of one."""
        return tuple(rule for rule in self._rules_about(target) if rule.verdict == "fires" and rule.verb != "next")

    def _against(self, target: str) -> tuple[Spoken, ...]:
        """What is said against an option or kind: what hangs on this person first, then what is advised against."""
        told = [rule for rule in self._arguments(target) if rule.verb in ("against", "caution")]
        return tuple(sorted(told, key=lambda rule: (rule.always, rule.verb != "against")))

    def _first(self, target: str) -> tuple[Spoken, ...]:
        """What comes before an option or kind, or may: what fires, and what asks."""
        told = [rule for rule in self._rules_about(target) if rule.verb == "first" and rule.verdict != "silent"]
        return tuple(sorted(told, key=lambda rule: (rule.verdict != "fires", rule.always)))

    def _sufficient(self, name: str) -> tuple[Fact, ...]:
        """A smallest set of facts that alone give a node its value: none of them can be left out."""
        if name not in self.kept:
            self.kept[name] = self._smallest(name)
        return self.kept[name]

    def _smallest(self, name: str) -> tuple[Fact, ...]:
        judge = self.judge.about(name)
        most = min(MOST_JUDGED, max(0, MOST_JUDGED_IN_ALL - self.judged))
        facts, minimal = smallest(self.facts, self.parts, judge, name, most)
        self.judged += judge.count
        # The judge works out only what changed; the set that is told is judged once more from the start.
        again = Judge(alone(self.data, facts, self.base), self.compiled, [name])
        if again.before[name] != self.answers[name]:
            facts, minimal = self.facts, False
        if not minimal:
            self.not_reduced.add(name)
        return facts

    def _asks(self, name: str) -> tuple[Said, ...]:
        """The fields that keep a node unknown; of a status, what it is waiting for."""
        node = self.tree.node[name]
        found: dict[str, None] = {}
        names = [name]
        if node.kind == "status":
            row = self._row(node)
            names = [each for each, _ in row] if row is not None else self._rests_on(node)
        for each in names:
            for path, _ in self._gaps(each, {}):
                found[path] = None
        return tuple(self._asked(path) for path in found)

    def _gaps(self, name: str, kept: dict[str, tuple[tuple[str, str], ...]]) -> tuple[tuple[str, str], ...]:
        if name not in kept:
            kept[name] = ()
            node = self.tree.node[name]
            if node.kind == "status":
                row = self._row(node)
                names = [each for each, _ in row] if row is not None else self._rests_on(node)
                kept[name] = tuple(dict.fromkeys(gap for each in names for gap in self._gaps(each, kept)))
            elif self.answers[name] == UNKNOWN:
                if node.kind == "field":
                    kept[name] = self._gaps_of_field(node)
                else:
                    below = (gap for each in self._deciding(node.tree) for gap in self._gaps(each, kept))
                    kept[name] = tuple(dict.fromkeys(below))
        return kept[name]

    def _gaps_of_field(self, node: Node) -> tuple[tuple[str, str], ...]:
        if node.name not in self.gaps:
            self.gaps[node.name] = tuple(gaps_of(node.tree, self.subject))
        return self.gaps[node.name]

    def _asked(self, path: str) -> Said:
        kind, _ = field_at(path)
        return Said(path, kind.question, "not known")

    # ---- the tree of what decides ----

    def _part(self, name: str, seen: set[str]) -> Part:
        node = self.tree.node[name]
        value = self.answers[name]
        answer = value if isinstance(value, str) else ANSWERS[value]
        again = name in seen and node.kind != "field"
        seen.add(name)
        children: tuple[Part, ...] = ()
        if not again:
            names = self._below(node)
            children = tuple(self._part(each, seen) for each in dict.fromkeys(names) if each != SAFETY)
        rule = self.base.rule.get(name.removeprefix("rule:")) if name.startswith("rule:") else None
        return Part(
            name.removeprefix("rule:"),
            "rule" if rule else {"logic": "word"}.get(node.kind, node.kind),
            answer,
            self._means(name.removesuffix(".status"), answer) if node.kind == "status" else meaning(name, self.base),
            rule.layer if rule else "",
            self.base.cited[rule.rule] if rule else (),
            self._read_by(node) if node.kind == "field" else (),
            children,
            again,
        )

    def _below(self, node: Node) -> list[str]:
        if node.kind == "field":
            return []
        if node.kind == "logic":
            return self._deciding(node.tree)
        row = self._row(node)
        return [name for name, _ in row] if row is not None else self._rests_on(node)

    def _row(self, node: Node) -> tuple[tuple[str, str], ...] | None:
        """The row of a status table that holds; None where none does."""
        for row, _ in node.rows:
            if all(self.answers[name] == plain.SHARP.get(value, value) for name, value in row):
                return row
        return None

    def _rests_on(self, node: Node) -> list[str]:
        whose = node.name.removesuffix(".status")
        endings = ELSE_RESTS_ON["option" if whose in self.base.option else "step"]
        names = [f"{whose}.{ending}" for ending in endings]
        if all(name in self.tree.node for name in names):
            return names
        return [name for name in node.needs if self.tree.node[name].kind == "status"]

    def _deciding(self, tree: Tree) -> list[str]:
        """The words of a tree that make its value: of an `or` that is yes, those that are yes, and so on."""
        head = tree[0]
        if head == "word":
            return [tree[1]]
        if head == "not":
            return self._deciding(tree[1])
        if head in ("always", "never"):
            return []
        value = plain.value(tree, self.answers)
        parts = [part for part in tree[-1] if plain.value(part, self.answers) == value]
        return [name for part in parts for name in self._deciding(part)]

    def _read_by(self, node: Node) -> tuple[Said, ...]:
        """The fields that a word reads, with what the case says of them."""
        if self.answers[node.name] == UNKNOWN:
            return tuple(dict.fromkeys(self._asked(path) for path, _ in self._gaps_of_field(node)))
        found = {}
        for leaf in nodes(node.tree):
            if leaf[0] in ("number", "is", "flag", "has", "some", "total") and not str(leaf[1]).startswith("."):
                path = "medicines" if leaf[0] == "total" else leaf[1]
                found[path] = Said(path, fields()[path].question, self._case_says(path, leaf))
        return tuple(found.values())

    def _case_says(self, path: str, leaf: Tree) -> str:
        if leaf[0] in ("has", "some") and leaf[2] and self.subject.denied(path, leaf[2]):
            return f"not {leaf[2]}"
        if path in MALE_HAS_NONE and self.subject.profile.sex == "male":
            return "no (male)"
        if path == "trials":
            mine = {i for i, _ in self.subject.stories.get(leaf[2], [])}
            told = [fact for fact in self.facts if fact.at[0] == "trials" and len(fact.at) > 1 and fact.at[1] in mine]
            said = [text.removeprefix("trials: ") for text in grouped(told)]
            return "; ".join(said) or (f"no trial of {leaf[2]}" if self.subject.profile.trials.closed else "not known")
        return self.says.get(path, "not known")

    # ---- the paragraph ----

    def _paragraph(
        self, node: str, target: str, status: str, part: Part, facts: Sequence[Fact], asks: Sequence[Said]
    ) -> str:
        told = [*self._because(target, status, part), self._waits(asks)]
        if facts:
            told.append(self._rests_on_facts(node, facts))
        elif status not in ("after-asking", "asks", "unknown", "questions"):
            told.append("No fact of the case is needed for that.")
        return " ".join(text for text in told if text)

    def _because(self, target: str, status: str, part: Part) -> Iterator[str]:
        """The status in words, and the words and rules that make it so."""
        means = self._means(target, status)
        if target == ENDING:
            yield self.walk.ending.sentence
        else:
            yield f"{self._name(target)}: {status}" + (f" ({means})." if means else ".")
        if status in ("offered", "left"):
            offers = [rule for rule in self.base.rules_for[target] if rule.verb in OFFERS]
            yield from (f"{rule.because} [{source_of(self.base.cited[rule.rule])}]" for rule in offers[:1])
            return
        children = part.children
        if status == "not-needed":
            children = tuple(each for child in part.children for each in child.children or (child,))
        if target != ENDING:
            yield from (self._reason(child) for child in children if not _said_by_status(child))
        rules = [rule for rule in _nearest_rules(part) if rule.answer == "yes"]
        if status == "not-needed":  # what opened a step is no reason for not needing it
            rules = [rule for rule in rules if self.base.rule[rule.name].verb != "next"]
        yield from (f"{rule.means} [{source_of(rule.source)}; {rule.name}]" for rule in rules[:MOST_TOLD])
        if len(rules) > MOST_TOLD:
            yield f"{len(rules) - MOST_TOLD} more rules say so."

    def _reason(self, part: Part) -> str:
        """A part that decides, as a sentence: what is so, what is not, what is not known."""
        if part.answer == "yes":
            return "" if part.kind == "rule" else part.means
        return doubt(part.name, self.base) if part.answer == "unknown" else denial(part.name, self.base)

    def _waits(self, asks: Sequence[Said]) -> str:
        return f"Not known yet: {_few([said.field for said in asks])}." if asks else ""

    def _means(self, target: str, status: str) -> str:
        if status == "held-back" and target in self.base.option and self.answers[f"{target}.held"] != YES:
            return "this clinic can neither give nor arrange it"
        return STATUS_MEANS.get(status, "")

    def _rests_on_facts(self, node: str, facts: Sequence[Fact]) -> str:
        more = f" ({NOT_REDUCED})" if node in self.not_reduced else ""
        return f"{ALONE}{more}: {'; '.join(grouped(facts))}."

    # ---- the overview ----

    def overview(self) -> Iterator[str]:
        """The ending, a short paragraph for each step, and one for options of a step that are alike."""
        told: dict[tuple[Fact, ...], str] = {}
        yield self._short(ENDING, told)
        for step in self.walk.steps:
            yield self._short(step.step, told)
            alike: dict[tuple[object, ...], list[str]] = {}
            for option in step.options:
                if option.status in IN_PLAY:
                    alone_ = () if option.status in OPEN_TO_CHOICE else self._grounds(option.option)
                    alike.setdefault((self._means(option.option, option.status), alone_), []).append(option.option)
            for group in alike.values():
                if len(group) == 1 and self._status(group[0]) not in OPEN_TO_CHOICE:
                    yield self._short(group[0], told)
                else:
                    yield self._together(group)

    def _grounds(self, option: str) -> tuple[Fact, ...]:
        return self._sufficient(f"{option}.status")

    def _short(self, target: str, told: dict[tuple[Fact, ...], str]) -> str:
        """A paragraph in which facts that an earlier one told are not told again."""
        node = self._node(target)
        facts = self._sufficient(node)
        parts = [*self._because(target, self._status(target), self._part(node, set())), self._waits(self._asks(node))]
        if facts in told:
            parts.append(f"The facts that make it so are those of: {told[facts]}.")
        elif facts:
            parts.append(self._rests_on_facts(node, facts))
            told[facts] = self._name(target)
        return " ".join(part for part in parts if part)

    def _together(self, group: Sequence[str]) -> str:
        """Options of one status in one paragraph: what all of them rest on or wait for, and what only some do."""
        status = self._status(group[0])
        names = [self._name(option) + self._counted_against(option, status) for option in group]
        each = "each: " if len(group) > 1 else ""
        text = [f"{status[:1].upper()}{status[1:]} ({each}{self._means(group[0], status)}): {'; '.join(names)}."]
        if status == "after-asking":
            asks = [[said.field for said in self._asks(f"{option}.status")] for option in group]
            shared = [path for path in asks[0] if all(path in other for other in asks)]
            rest = list(dict.fromkeys(path for paths in asks for path in paths if path not in shared))
            text += [f"Not known yet: {_few(shared)}."] if shared else []
            text += [f"Some also wait for: {_few(rest)}."] if rest else []
            return " ".join(text)
        facts = [self._grounds(option) for option in group]
        common = [fact for fact in facts[0] if all(fact in other for other in facts)]
        others = [fact for fact in self.facts if fact not in common and any(fact in each for each in facts)]
        # A detail is told with the record that it belongs to.
        of_records = {fact.at[:-1] for fact in others}
        others = [fact for fact in self.facts if fact in others or fact.at in of_records]
        rests = "All of them rest" if len(group) > 1 else "It rests"
        text += [f"{rests} on these facts: {'; '.join(grouped(common))}."] if common else []
        text += [f"Some rest also on: {'; '.join(grouped(others))}."] if others else []
        many = any(f"{option}.status" in self.not_reduced for option in group)
        text += [f"{NOT_REDUCED[:1].upper()}{NOT_REDUCED[1:]}."] if many else []
        return " ".join(text)

    def _counted_against(self, option: str, status: str) -> str:
        """How many arguments speak against an option that may be begun, and which of its kinds are held back."""
        if status not in OPEN_TO_CHOICE:
            return ""
        count = len(self._against(option))
        told = [f"{count} argument{'s' * (count != 1)} against"] if count else []
        told += [f"{kind.name} {kind.status}" for kind in self.options[option].kinds if kind.status in HELD]
        return f" ({'; '.join(told)})" if told else ""

    # ---- why not ----

    def why_not(self, target: str) -> WhyNot:
        """What stands in the way of a target."""
        if target == ENDING:
            told = "an ending is what the walk comes to, and nothing stands in its way"
            place = Place(f"--why-not {ENDING}", None, None)
            raise Problems([Problem("unknown-option", place, told, f"explain {ENDING}")])
        if target in self.base.option:
            goal, wanted = f"{target}.offer", "its offer"
        elif f"{target}.reached" in self.tree.node:
            goal, wanted = f"{target}.reached", "reaching it"
        elif target in self.base.kind:
            return self._why_not_kind(target)
        else:
            goal, wanted = self.targets[target], "it"
        obstacles = tuple(self._obstacles(goal, YES))
        return self._why_not(target, wanted, obstacles)

    def _why_not(self, target: str, wanted: str, obstacles: tuple[Obstacle, ...]) -> WhyNot:
        name, status = self._name(target), self._status(target)
        against, first = self._against(target), self._first(target)
        sentence = _summary(name, status, wanted, obstacles)
        if not obstacles and self._rules_about(target):
            kinds = self._kinds_that_wait(target)
            held = "" if status == NOT_HELD else " Nothing holds it back"
            held += f" as a whole, but of its kinds: {'; '.join(kinds)}." if kinds else "." if held else ""
            below = " That does not make it safe: what is said against it stands below." if against else ""
            sentence = f"{name}: {status}.{held}{below}"
        return WhyNot(target, name, status, sentence, obstacles, against, first)

    def _kinds_that_wait(self, target: str) -> list[str]:
        """The kinds of an option that are held back, to be reviewed, or not known to be free of it."""
        option = self.options.get(target)
        return [f"{kind.name} is {kind.status}" for kind in option.kinds if kind.status != "clear"] if option else []

    def _why_not_kind(self, target: str) -> WhyNot:
        option = self.base.kind[target].option
        own = tuple(self._obstacles(f"{target}.held", NO))
        return self._why_not(target, "its offer", (*own, *self._obstacles(f"{option}.offer", YES)))

    def _obstacles(self, name: str, want: int) -> Iterator[Obstacle]:
        """What keeps a node from a value: each part that all must be, in the order of the tree."""
        if self.answers[name] == want:
            return
        node = self.tree.node[name]
        split = {YES: "and", NO: "or"}[want]
        if node.kind == "logic" and node.tree[0] == split and (want == YES or name.startswith("rule:")):
            for part in node.tree[1]:
                yield from self._obstacle_of(part, want)
        elif node.kind == "logic":
            yield from self._grouped(name, want)
        else:
            yield self._obstacle(name, want)

    def _obstacle_of(self, part: Tree, want: int) -> Iterator[Obstacle]:
        if plain.value(part, self.answers) == want:
            return
        if part[0] == "not" and part[1][0] == "word":
            yield from self._grouped(part[1][1], -want)
        elif part[0] == "word":
            yield from self._grouped(part[1], want)
        else:
            for name in self._deciding(part):
                yield self._obstacle(name, want)

    def _grouped(self, name: str, want: int) -> Iterator[Obstacle]:
        """Of what any of several rules may bring about: each that does so, then together those that ask."""
        if name == SAFETY:
            return
        node = self.tree.node[name]
        rules: list[str] = []
        if want == NO and node.kind == "logic":
            rules = [each for each in self._deciding(node.tree) if each.startswith("rule:")]
        if rules and self.answers[name] == YES:
            for rule in rules:
                yield self._obstacle(name, want, [rule])
        else:
            yield self._obstacle(name, want, rules)

    def _obstacle(self, name: str, want: int, rules: Sequence[str] = ()) -> Obstacle:
        sure = self.answers[name] == -want
        part = self._part(name, set())
        spoken = tuple(self._part(rule, set()) for rule in rules)
        asks = tuple(dict.fromkeys(self._asked(path) for each in rules or [name] for path, _ in self._gaps(each, {})))
        sentence = spoken[0].means if sure and len(spoken) == 1 else self._in_the_way(name, want, sure)
        return Obstacle(name, "in the way" if sure else "not known", sentence, spoken, asks, part)

    def _in_the_way(self, name: str, want: int, sure: bool) -> str:
        means = meaning(name, self.base)
        if not sure:
            return doubt(name, self.base)
        if want == NO and name == RELIEF:
            helping = [meaning(each, self.base) for each in self._deciding(self.tree.node[name].tree)]
            return " ".join([means, *helping[:MOST_TOLD]])
        if want == NO:
            return means
        step = name.removesuffix(".reached")
        for before in self.walk.steps if name != step else ():
            if before.step == step:
                break
            if before.passed != "yes":
                return f"{means.replace('has come', 'has not come')} {before.title} comes before it: {before.status}."
        return denial(name, self.base)

    # ---- what is missing ----

    def missing(self) -> tuple[Missing, ...]:
        """The open questions, ranked."""
        known_bounds = bounds(tree for _, tree in self.tree.field_words)
        judge = self.judge.about()
        most = judge.at_most(MOST_TRIED)
        questions = self.walk.questions
        found: dict[int, tuple[int, tuple[AnswerEffect, ...], bool]] = {}
        # Where not every answer can be tried, those are that most may hang on.
        for i in sorted(range(len(questions)), key=lambda i: (not questions[i].danger, -questions[i].holds, i)):
            if judge.count >= most:
                found[i] = (0, (), False)
                continue
            effects = tuple(self._effects(questions[i], known_bounds, judge))
            touched = {(change.what, change.name) for effect in effects for change in effect.changes}
            found[i] = (len(touched), effects, len(questions[i].about) <= MOST_ANSWERS)
        order = sorted(found, key=lambda i: (-found[i][0], -questions[i].holds, i))
        return tuple(self._missing(rank, questions[i], *found[i]) for rank, i in enumerate(order, 1))

    def _missing(self, rank: int, q: Question, count: int, effects: tuple[AnswerEffect, ...], whole: bool) -> Missing:
        return Missing(rank, q.field, q.question, q.about, q.danger, count, q.holds, effects, whole)

    def _effects(
        self, question: Question, known_bounds: Mapping[str, frozenset[float]], judge: Judge
    ) -> Iterator[AnswerEffect]:
        """What each answer to a question alone would change."""
        before = self._told(judge.before)
        for text, setting in self._answers_to(question, known_bounds):
            try:
                after = self._told(judge.answers(put(self.data, setting)))
                changes = tuple(_status_changes(before, after))
                if changes:  # an answer that the case contradicts is none
                    changed(self.case, self.base, [setting])
            except (ValidationError, Problems):
                continue
            yield AnswerEffect(text, str(setting), changes)

    def _told(self, answers: Answers) -> _Statuses:
        found: _Statuses = {(ENDING, ENDING): ("The ending", str(answers["walk.ending"]))}
        found |= {("step", s.step): (s.title, str(answers[f"{s.step}.status"])) for s in self.base.walked}
        found |= {("option", o.option): (o.name, str(answers[f"{o.option}.status"])) for o in self.base.options}
        return found

    def _answers_to(
        self, question: Question, known_bounds: Mapping[str, frozenset[float]]
    ) -> Iterator[tuple[str, Setting]]:
        """The answers to a question that the rules can tell apart, in words and as settings."""
        path = question.field
        kind, record = field_at(path)
        if record is not None and kind.path in ("medicine", "treatment"):
            yield from ((name, Setting(path, "=", name)) for name in question.about)
            return
        if kind.kind not in ("set", "records"):
            head, bracket, rest = path.partition("[")
            general = f"{head}[].{rest.partition('].')[2]}" if bracket else path
            for value in values_for(general, known_bounds):
                yield kind.values.get(str(value), str(value)), Setting(path, "=", value)
            if kind.unit == "mg/day":
                yield from ((dose, Setting(path, "=", dose)) for dose in ("1 mg/day", "1000 mg/day"))
            return
        untold = [m.medicine for at, m in self.subject.taken if at.startswith("trials[")] if path == "medicines" else []
        told = f"nothing else but {', '.join(untold)}" if untold else "nothing else"
        yield told, Setting(path, "+=", [*untold, NOTHING_ELSE] if untold else NOTHING_ELSE)
        for value in question.about[:MOST_ANSWERS]:
            yield from self._one_more(path, value)

    def _one_more(self, path: str, value: str) -> Iterator[tuple[str, Setting]]:
        text = fields()[path].values.get(value, value)
        if path == "trials":
            results = {"failed adequately": "failed", "helped": "helped", "not tolerated": "not-tolerated"}
            for told, result in results.items():
                record = {"treatment": value, "state": "ended", "result": result, "adequate": "yes"}
                yield f"{text}: {told}", Setting(path, "+=", [record])
        elif path == "causes":
            for can, told in (("yes", "can be corrected"), ("no", "cannot be corrected")):
                yield f"{text}, which {told}", Setting(path, "+=", [{"kind": value, "correctable": can}])
        else:
            yield text, Setting(path, "+=", value)


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_ASKED} more" if len(names) > MOST_ASKED else ""
    return f"{', '.join(names[:MOST_ASKED])}{more}"


def _said_by_status(part: Part) -> bool:
    """Whether the status itself says it: a step that is done was reached and passed."""
    return part.kind in ("status", "rule") or (part.answer == "yes" and part.name.endswith((".reached", ".passed")))


def _nearest_rules(part: Part) -> list[Part]:
    """The rules that decide without another between them and the status."""
    level = list(part.children)
    while level:
        rules = [child for child in level if child.kind == "rule"]
        if rules:
            return rules
        level = [child for each in level for child in each.children]
    return []


def grouped(facts: Iterable[Fact]) -> list[str]:
    """Facts as a reader takes them in: a record with its details, a list with its items."""
    records: dict[tuple[str | int, ...], list[str]] = {}
    for fact in facts:
        words = fact.said.partition(": ")
        if len(fact.at) > 1 and isinstance(fact.at[1], int) and fact.at[0] != DENIED:
            key = fact.at[:2]
            told = f"{fact.at[2]} {flow(fact.value)}" if len(fact.at) > len(key) else words[2]
            records.setdefault(key, []).append(told)
        else:
            records[fact.at] = [words[2]]
    homes: dict[str, list[str]] = {}
    for fact in facts:
        key = fact.at[:2] if fact.at[:2] in records else fact.at
        if key in records:
            homes.setdefault(fact.said.partition(": ")[0], []).append(" ".join(records.pop(key)))
    return [f"{home}: {', '.join(told)}" for home, told in homes.items()]


def source_of(sources: Sequence[Cited]) -> str:
    """The first source of a rule, in a few words."""
    if not sources:
        return ""
    first = sources[0]
    if first.doc == FAQ:
        return f"FAQ {first.at}"
    standing = "" if first.verified else ", NOT VERIFIED"
    return ", ".join(str(part) for part in (first.organisation, first.year, first.record) if part) + standing


def _summary(name: str, status: str, wanted: str, obstacles: Sequence[Obstacle]) -> str:
    if not obstacles:
        return f"{name}: {status}. Nothing stands in the way of {wanted}."
    sure = sum(obstacle.state == "in the way" for obstacle in obstacles)
    told = [f"{sure} {'thing stands' if sure == 1 else 'things stand'} in the way"] if sure else []
    if len(obstacles) > sure:
        told.append(f"{len(obstacles) - sure} not known yet")
    return f"{name}: {status}. Of what {wanted} needs, {' and '.join(told)}."
