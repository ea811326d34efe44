"""The walk as text for a terminal: one screen, statuses in words, colour only beside them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePath

from pathway.problem import shown
from pathway.profile import fields
from pathway.rules import Cited
from pathway.walks import Question, Spoken, Walk, WalkedOption, WalkedStep

MARKS = {"current": ">", "done": "+", "asks": "?", "stopped": "#", "not-needed": "-", "not-yet": " "}
COLOURS = {
    "current": "1;36", "done": "32", "asks": "33", "stopped": "31", "continue": "32", "offered": "1;36",
    "held-back": "31", "review": "31", "withheld": "31", "after-asking": "33", "under-way": "36",
}  # fmt: skip
ORDER = (
    "review", "held-back", "continue", "under-way", "offered", "after-asking", "withheld", "left",
    "declined", "tried", "not-needed", "does-not-apply", "not-yet",
)  # fmt: skip

LABELS = {"hold": "held", "offer": "because", "consider": "because", "note": "noted", "next": "so", "end": "stop"}
IN_PLAY = (
    "current", "done", "asks", "stopped", "offered", "after-asking", "under-way", "continue", "review", "held-back",
)  # fmt: skip
TOLD_WITH_TRIALS = ("tried", "continue", "review", "under-way")
FEW = 3  # options of a step whose reasons are told one by one
MOST_QUESTIONS = 6
MOST_ABOUT = 6


@dataclass(frozen=True)
class Style:
    """How wide the text may be (in columns), whether colours may be used, and whether every rule is told."""

    width: int = 100
    colour: bool = False
    full: bool = False

    def paint(self, text: str, code: str | None) -> str:
        """The text in a colour, where colours are allowed."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and code else text


def render(walk: Walk, style: Style = Style()) -> str:
    """The whole report, ending in a newline."""
    return "\n".join(_Report(walk, style).lines()) + "\n"


def cited(source: Cited) -> str:
    """A source in a few words: where it is from, and what is to be said of its standing."""
    if source.doc == "faq":
        verdict = f", {source.claim_verdict.upper()}" if source.claim_verdict == "contradicted" else ""
        return f"FAQ {source.at}{verdict}"
    parts = [source.organisation, str(source.year) if source.year else "", source.record or ""]
    kind = {
        "secondary-summary": "read in someone else's account",
        "primary-abstract": "abstract read",
        "primary-draft": "draft read",
    }
    parts.append(kind.get(source.opened_type, ""))
    if not source.verified:
        parts[-1] = "NOT VERIFIED: nobody could open a page that says so"
    return ", ".join(part for part in parts if part)


class _Report:
    def __init__(self, walk: Walk, style: Style) -> None:
        self.walk, self.style = walk, style
        self.number = {question.field: number for number, question in enumerate(walk.questions, 1)}

    def lines(self) -> Iterator[str]:
        walk, style = self.walk, self.style
        yield from (style.paint(line, "1") for line in self._fold(walk.title or PurePath(walk.case).name, ""))
        yield ""
        code = {"stop": "1;31", "questions": "1;33"}.get(walk.ending.kind, "1;36")
        yield from (style.paint(line, code) for line in self._fold(walk.ending.sentence, ""))
        if walk.ending.provisional:
            yield from self._fold(
                "Provisional: warning signs that would end the walk have not all been asked about.", ""
            )
        yield from self._beside()
        yield ""
        yield from self._wrap("known", self._known())
        if walk.trials:
            yield from self._wrap("trials", " · ".join(walk.trials))
        yield ""
        for step in walk.steps:
            yield from self._step(step)
        yield from self._questions(walk.questions)
        yield from self._contradicted()
        yield from self._foot()

    def _known(self) -> str:
        return " · ".join(f"{said.label}: {said.value}" for said in self.walk.known) or "nothing"

    def _step(self, step: WalkedStep) -> Iterator[str]:
        mark, colour = MARKS[step.status], COLOURS.get(step.status)
        reached = {"yes": "reached", "no": "not reached", "unknown": "reached or not: unknown"}[step.reached]
        if step.status == "current" and step.reached == "no":
            reached = "something in it helps, though the walk has not come here"
        first, *rest = self._fold(f"{step.status} ({reached})", " " * 19)
        yield f"{mark} {step.title:<16} {self.style.paint(step.status, colour)}{first[19 + len(step.status) :]}"
        yield from rest
        if self.walk.ending.reason == "referral" and not self.style.full:
            return
        if step.status == "asks" and step.asks and not step.options:
            yield from self._wrap("asks", self._numbers(step.asks), COLOURS["asks"])
        for status in ORDER:
            group = [option for option in step.options if option.status == status]
            if group and (self.style.full or status not in ("not-yet", "does-not-apply") or step.reached != "no"):
                yield from self._options(status, group)
        yield from self._rules(step)
        if step.rests_on and (step.status == "done" or self.style.full):
            yield from self._wrap("rests on", "; ".join(step.rests_on))

    def _options(self, status: str, group: list[WalkedOption]) -> Iterator[str]:
        names = ", ".join(self._named(option) for option in group)
        meant = {"left": "still open: ", "held-back": "for as long as the reason lasts: "}.get(status, "")
        yield from self._wrap(status, meant + names, COLOURS.get(status))
        asks: dict[tuple[str, ...], list[str]] = {}
        for option in group:
            asks.setdefault(option.asks, []).append(option.name)
        for paths, options in asks.items():
            if paths:
                whose = "" if len(asks) == 1 else f"{', '.join(options)}: "
                yield from self._fold(f"{whose}asks {self._numbers(paths)}", " " * 19)
        for option in group:
            for note in option.trial_notes:
                yield from self._fold(f"{option.name}: {note}", " " * 19)

    def _numbers(self, paths: tuple[str, ...]) -> str:
        """The questions below that ask for these fields, by number; by field for one that is not asked."""
        numbers = sorted(self.number[path] for path in paths if path in self.number)
        others = [path for path in paths if path not in self.number]
        asked = [f"question{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"] if numbers else []
        return ", ".join(asked + others)

    def _named(self, option: WalkedOption) -> str:
        softly = " (to be considered)" if option.softly and option.status in ("offered", "after-asking", "left") else ""
        if option.status == "offered":
            return f"{option.name}{softly} [FAQ {', '.join(option.offered_by)}]"
        trials = f" ({'; '.join(option.trials)})" if option.status in TOLD_WITH_TRIALS else ""
        return option.name + softly + trials

    def _rules(self, step: WalkedStep) -> Iterator[str]:
        silent: dict[str, list[str]] = {}
        told: set[str] = set()
        for rule in step.rules:
            if rule.verdict == "silent":
                silent.setdefault(rule.held_by, []).append(rule.rule)
            elif self._worth_telling(step, rule) and (self.style.full or rule.because not in told):
                told.add(rule.because)
                yield from self._rule(rule, step)
        if self.style.full:
            for held_by, rules in silent.items():
                yield from self._wrap("silent", f"{', '.join(rules)}; held by: {held_by}")

    def _worth_telling(self, step: WalkedStep, rule: Spoken) -> bool:
        """On one screen: what is said of options in play, and what opened the next step."""
        if self.style.full:
            return True
        if rule.verdict == "asks":
            return rule.verb == "hold" and self._status_of(step, rule.target) == "after-asking"
        if rule.verb in ("offer", "consider"):
            return (
                step.status in ("current", "asks")
                and self._status_of(step, rule.target) == "offered"
                and len(step.options) <= FEW
            )
        if rule.verb in ("hold", "caution", "note", "review", "first"):
            status = step.status if rule.target == step.step else self._status_of(step, rule.target)
            return status in IN_PLAY
        return step.status in ("done", "current") and rule.verb == "next"

    def _status_of(self, step: WalkedStep, target: str) -> str:
        return next((option.status for option in step.options if option.option == target), "")

    def _rule(self, rule: Spoken, step: WalkedStep | None = None) -> Iterator[str]:
        option = next((o for o in step.options if o.option == rule.target), None) if step else None
        label = LABELS.get(rule.verb, rule.verb)
        text = f"{option.name}: {rule.because}" if option and rule.verb not in ("offer", "consider") else rule.because
        if option and option.status == "review" and rule.verb == "hold":
            label, text = "review", f"{text} It is being taken or done: review it; nothing is ended at once."
        if rule.verdict == "asks":
            label, text = f"{label}?", f"{text} Not known yet: {self._numbers(rule.asks)}."
        told = f"{text} [{'; '.join(cited(source) for source in rule.source)}]"
        told += f" ({rule.rule})" if self.style.full else ""
        safety = rule.layer == "safety"
        yield from self._wrap(f"! {label}" if safety else label, told, "31" if safety else None)

    def _beside(self) -> Iterator[str]:
        told = [rule for rule in self.walk.beside if rule.verdict == "fires" or (self.style.full and rule.asks)]
        for rule in told:
            yield from self._rule(rule)
        silent = [rule.rule for rule in self.walk.beside if rule.verdict == "silent"]
        if self.style.full and silent:
            yield from self._wrap("silent", ", ".join(silent))

    def _questions(self, questions: Iterable[Question]) -> Iterator[str]:
        every = list(questions)
        if not every:
            return
        yield ""
        yield f"Open questions ({len(every)}), the most telling first" if len(every) > 1 else "Open question"
        shown = every if self.style.full else every[:MOST_QUESTIONS]
        for number, question in enumerate(shown, 1):
            danger = "DANGER " if question.danger else ""
            waiting = f"{question.holds} {'value waits' if question.holds == 1 else 'values wait'} for it"
            text = f"{danger}{question.question}{self._about(question)} [{question.field}; {waiting}]"
            yield from self._wrap(f"{number}.", text)
        if len(shown) < len(every):
            yield f"  and {len(every) - len(shown)} more: --full shows them all"

    def _about(self, question: Question) -> str:
        if not question.about:
            return ""
        values = fields()[question.field].values if question.field in fields() else {}
        names = [values.get(name, name) for name in question.about]
        return f" About: {'; '.join(names[:MOST_ABOUT])}{'; …' if len(names) > MOST_ABOUT else ''}."

    def _contradicted(self) -> Iterator[str]:
        """What the evidence says of the FAQ's sentences that it contradicts, where such a one is in play."""
        said = {
            source.at: source.claim_sentence
            for step in self.walk.steps
            for rule in step.rules
            if rule.verdict == "fires" and (self.style.full or self._worth_telling(step, rule))
            for source in rule.source
            if source.claim_verdict == "contradicted"
        }
        if said:
            yield ""
            yield "Contradicted sentences of the FAQ"
            for at, text in said.items():
                yield from self._wrap(at, f'"{text}" The correction stands above, marked !.')

    def _foot(self) -> Iterator[str]:
        walk = self.walk
        yield ""
        layers = (
            "Lines marked ! are the safety and evidence layer; all others are the documented pathway of a clinic's FAQ."
        )
        policy = "".join(f"; policy {name} = {value}" for name, value in walk.policy.items())
        stamp = (
            f"pathway {walk.software}, rules {walk.edition}, digest {walk.digest[:12]}"
            + (f", as of {walk.as_of}" if walk.as_of else "")
            + policy
        )
        for text in (layers, f"For: {walk.intended_for} Not for: {walk.not_for}", stamp):
            yield from self._fold(text, "")

    def _wrap(self, label: str, text: str, colour: str | None = None) -> Iterator[str]:
        first, *rest = self._fold(text, " " * 19) or [" " * 19]
        yield f"    {self.style.paint(label, colour)}{' ' * max(1, 15 - len(label))}{first[19:]}"
        yield from rest

    def _fold(self, text: str, indent: str) -> list[str]:
        return textwrap.wrap(
            shown(" ".join(text.split())),
            max(self.style.width, 40),
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
