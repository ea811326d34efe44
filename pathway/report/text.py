"""The walk as text for a terminal: one screen, statuses in words, colour only beside them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePath

from pathway.policy import policies_said
from pathway.problem import shown
from pathway.profile import ILLNESSES, fields
from pathway.report.arguments import taken_now
from pathway.rules import OFFERS, SPEAKS_AGAINST, Cited
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

LABELS = {
    "hold": "held", "offer": "because", "consider": "because", "note": "noted", "next": "so", "end": "stop",
    "support": "for", "caution": "against", "against": "advised not", "first": "first",
}  # fmt: skip
IN_PLAY = ("offered", "after-asking", "under-way", "continue", "review", "held-back")
OPEN_TO_CHOICE = ("offered", "after-asking", "under-way", "continue")
TOLD_WITH_TRIALS = ("tried", "continue", "review", "under-way")
HOW_READ = {
    "secondary-summary": "read in someone else's account",
    "primary-abstract": "abstract read",
    "primary-draft": "draft read",
}
NOT_HELD = "not held back"
OF_THE_BODY = (
    "takes-",
    "allergic-to-",
    "has-",
    "kidney",
    "liver",
    "heart",
    "pregnan",
    "opioid-mme",
    "could-be-pregnant",
)
NOT_VERIFIED = "NOT VERIFIED: nobody could open a page that says so"
MOST_OF_FEW, MOST_OF_MANY = 6, 3  # warnings told of each option, where a step has few options, or many
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


def cited(source: Cited, brief: bool = False) -> str:
    """A source in a few words: where it is from, and what is to be said of its standing; briefly without its record."""
    if source.doc == "faq":
        verdict = f", {source.claim_verdict.upper()}" if source.claim_verdict == "contradicted" else ""
        return f"FAQ {source.at}{verdict}"
    year, record = str(source.year) if source.year else "", source.record or ""
    how = HOW_READ.get(source.opened_type, "") if source.verified else NOT_VERIFIED
    return ", ".join(part for part in (source.organisation, year, "" if brief else record, how) if part)


def _nearness(rule: Spoken, option: WalkedOption) -> tuple[bool, bool, bool, bool, bool]:
    """Where a warning stands: the FAQ's own first, then what concerns a kind that is taken, then what hangs on
    illnesses, figures and medicines, and last what concerns a kind that is not taken."""
    of_the_body = any(word in ILLNESSES or word.startswith(OF_THE_BODY) for word in rule.hangs_on)
    taken = next((kind.taken for kind in option.kinds if kind.kind == rule.target), "")
    another = taken == "no" and any(kind.taken == "yes" for kind in option.kinds)
    return rule.layer == "safety", rule.always or another, taken != "yes", not of_the_body, rule.verb != "against"


def _contradicts(rule: Spoken) -> bool:
    return any(source.claim_verdict == "contradicted" for source in rule.source)


def _by_status(step: WalkedStep) -> list[WalkedOption]:
    """The options of a step that are in play, in the order in which statuses are told."""
    return sorted((o for o in step.options if o.status in IN_PLAY), key=lambda option: ORDER.index(option.status))


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
            open_fields = ", ".join(question.field for question in walk.questions if question.danger)
            told = f"Provisional: what might still end the walk has not all been asked about ({open_fields})."
            yield from self._fold(told, "")
        yield from self._beside()
        yield ""
        if walk.unread:
            yield from self._wrap("! unread", f"No rule knows or reads: {'; '.join(walk.unread)}", "31")
        for measure in walk.measures:
            yield from self._wrap("adds up to", measure.text)
        if walk.unread or walk.measures:
            yield ""
        for step in walk.steps:
            yield from self._step(step)
        yield from self._questions(walk.questions)
        yield from self._contradicted()
        yield from self._weighed()
        yield ""
        yield "What the case says"
        yield from self._wrap("known", self._known())
        if walk.trials:
            yield from self._wrap("trials", " · ".join(walk.trials))
        yield from self._foot()

    def _weighed(self) -> Iterator[str]:
        """Below the statuses and questions: what there is to weigh in each step that is in play."""
        if self.style.full or self.walk.ending.reason == "referral":
            return
        told = [(step, list(self._to_weigh(step))) for step in self.walk.steps]
        if any(lines for _, lines in told):
            yield ""
            yield "What to weigh"
        for step, lines in told:
            if lines:
                yield f"  {step.title}"
                yield from lines

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
            group = [option for option in self._listed(step) if option.status == status]
            if group:
                yield from self._options(status, group)
        if self.style.full:
            yield from self._every_rule(step)
        else:
            yield from self._deciding_rules(step)
        if step.rests_on and (step.status == "done" or self.style.full):
            yield from self._wrap("rests on", "; ".join(step.rests_on))

    def _listed(self, step: WalkedStep) -> list[WalkedOption]:
        """The options told by name: where a step is not reached, not those that wait for it or do not apply."""
        if self.style.full or step.reached != "no":
            return list(step.options)
        return [option for option in step.options if option.status not in ("not-yet", "does-not-apply")]

    def _options(self, status: str, group: list[WalkedOption]) -> Iterator[str]:
        meant = {"left": "still open: ", "held-back": "for as long as the reason lasts: "}.get(status, "")
        by_view: dict[str, list[WalkedOption]] = {}
        for option in group:
            by_view.setdefault(option.documented, []).append(option)
        for documented, options in by_view.items():
            names = ", ".join(self._named(option) for option in options)
            view = "" if documented == status else f"; by the documented pathway alone: {documented}"
            yield from self._wrap(status, f"{meant}{names}{view}", COLOURS.get(status))
        asks: dict[tuple[str, ...], list[str]] = {}
        for option in group:
            asks.setdefault(option.asks, []).append(option.name)
        for paths, asking in asks.items():
            if paths:
                whose = "" if len(asks) == 1 else f"{', '.join(asking)}: "
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
        beside = [*option.trials, *taken_now(option)] if option.status in TOLD_WITH_TRIALS else []
        beside += [option.reason] if option.reason else []
        faq = f" [FAQ {', '.join(option.offered_by)}]" if option.status == "offered" else ""
        return option.name + softly + (f" ({'; '.join(beside)})" if beside else "") + faq

    # ---- what the rules say ----

    def _deciding_rules(self, step: WalkedStep) -> Iterator[str]:
        """With the statuses: what holds back or reviews an option, what opened the next step, and referrals."""
        for option in _by_status(step):
            yield from (line for rule in self._decisive(option) for line in self._rule(rule, option))
            if option.status == "offered" and len(step.options) <= FEW:
                yield from (line for rule in option.saying(*OFFERS) for line in self._rule(rule, option))
        for rule in step.rules:
            opens = rule.verb == "next" and step.status in ("done", "current")
            if rule.verdict == "fires" and (rule.verb == "refer" or opens):
                yield from self._rule(rule)

    def _decisive(self, option: WalkedOption) -> Iterator[Spoken]:
        """What holds back or reviews an option, or those of its kinds that are taken."""
        decisive = option.saying("hold", "review")
        own = [rule for rule in decisive if rule.target == option.option]
        taken = [kind.kind for kind in option.kinds if kind.status == "review"]
        # Where nothing holds the option itself, and every kind of it is held back, its kinds say why.
        by_kinds = option.status == "held-back" and not own
        reviewed = [set(rule.hangs_on) for rule in decisive if rule.verb == "review"]
        for rule in decisive:
            # A hold says nothing new beside the review that hangs on the same words and more.
            doubled = rule.verb == "hold" and any(set(rule.hangs_on) <= words for words in reviewed)
            if (rule in own or rule.target in taken or by_kinds) and not doubled:
                yield rule

    def _to_weigh(self, step: WalkedStep) -> Iterator[str]:
        """What concerns this person, and what no clinician may miss; the rest is counted."""
        few = len(step.options) <= FEW
        for option in _by_status(step):
            for rule in self._warnings(option, MOST_OF_FEW if few else MOST_OF_MANY):
                yield from self._rule(rule, option)
            own = [rule for rule in option.saying("first") if rule.target == option.option]
            firsts = [rule for rule in own if few or not rule.always]
            for rule in firsts if option.status in (*OPEN_TO_CHOICE, "review") else []:
                yield from self._rule(rule, option)
            for rule in [rule for rule in option.saying("support") if not rule.always][:1]:
                yield from self._rule(rule, option)
            if option.status in OPEN_TO_CHOICE:
                kinds = list(self._kinds(option))
                if any(not told.startswith(NOT_HELD) for told in kinds):
                    yield from self._wrap("kinds", f"{option.name}: {'; '.join(kinds)}")
        yield from self._more(step)
        live = step.status in ("current", "done", "asks", "stopped")
        for rule in step.rules if live else ():
            if rule.verdict == "fires" and rule.verb == "caution" and not rule.always:
                yield from self._rule(rule)

    def _warnings(self, option: WalkedOption, most: int) -> list[Spoken]:
        """What speaks against an option that may be begun or goes on, the nearest first and as many as fit."""
        if option.status == "held-back":
            return []
        closed = {kind.kind for kind in option.kinds if kind.status == "held-back"}
        spoken = [rule for rule in option.saying("against", "caution") if rule.target not in closed]
        warnings = [rule for rule in spoken if not rule.always or option.softly]
        wrong = [rule for rule in option.saying("caution") if _contradicts(rule)]
        ranked = sorted(warnings, key=lambda rule: _nearness(rule, option))
        told = [*wrong, *(rule for rule in ranked if rule not in wrong)]
        return told[: max(most, len(wrong))]

    def _kinds(self, option: WalkedOption) -> Iterator[str]:
        """The kinds of an option by their status, each with the words that hold it back."""
        clear = [kind.name for kind in option.kinds if kind.status == "clear"]
        if clear:
            yield f"{NOT_HELD}: {', '.join(clear)}"
        groups: dict[str, list[str]] = {}
        for kind in option.kinds:
            if kind.status in ("held-back", "review"):
                holds = [r for r in option.saying("hold", "review") if r.target == kind.kind]
                words = dict.fromkeys(word for rule in holds for word in rule.hangs_on)
                if all(word.startswith("not ") for word in words):
                    continue  # it is for another condition than this person's
                why = ", ".join(words)
                groups.setdefault(f"{kind.status} for {why}", []).append(kind.name)
            elif kind.status == "after-asking":
                groups.setdefault(f"asks {self._numbers(kind.asks)}", []).append(kind.name)
        yield from (f"{', '.join(names)}: {told}" for told, names in groups.items())

    def _more(self, step: WalkedStep) -> Iterator[str]:
        """How many arguments each option in play has, so that nobody takes the screen for all of them."""
        sides = {"for": ("support",), "against": SPEAKS_AGAINST, "first": ("first",)}
        counts = []
        for option in step.options:
            speak = {side: len(option.saying(*verbs)) for side, verbs in sides.items()}
            told = [f"{n} {side}" for side, n in speak.items() if n]
            if told and option.status in (*OPEN_TO_CHOICE, "review"):
                counts.append(f"{option.name} {', '.join(told)}")
        if counts:
            yield from self._wrap("arguments", f"{'; '.join(counts)} (all of them: --full, or pathway explain)")

    def _every_rule(self, step: WalkedStep) -> Iterator[str]:
        silent: dict[str, list[str]] = {}
        spoken = [(rule, option) for option in step.options for rule in option.rules]
        for rule, option in [*spoken, *((rule, None) for rule in step.rules)]:
            if rule.verdict == "silent":
                silent.setdefault(rule.held_by, []).append(rule.rule)
            else:
                yield from self._rule(rule, option)
        for held_by, rules in silent.items():
            yield from self._wrap("silent", f"{', '.join(rules)}; held by: {held_by}")

    def _rule(self, rule: Spoken, option: WalkedOption | None = None) -> Iterator[str]:
        label = LABELS.get(rule.verb, rule.verb)
        text = f"{self._whose(rule, option)}: {rule.because}" if option and rule.verb not in OFFERS else rule.because
        if rule.verb == "refer":
            text = f"to {rule.detail.get('to', 'a specialist')}: {rule.because}"
        kind = next((kind for kind in option.kinds if kind.kind == rule.target), option) if option else None
        if kind and kind.status == "review" and rule.verb == "hold":
            label, text = "review", f"{text} It is being taken or done: review it; nothing is ended at once."
        if rule.verdict == "asks":
            label, text = f"{label}?", f"{text} Not known yet: {self._numbers(rule.asks)}."
        sources = rule.source if self.style.full else rule.source[:1]
        told = f"{text} [{'; '.join(cited(source, brief=not self.style.full) for source in sources)}]"
        told += f" ({rule.rule})" if self.style.full else ""
        safety = rule.layer == "safety"
        yield from self._wrap(f"! {label}" if safety else label, told, "31" if safety else None)

    def _whose(self, rule: Spoken, option: WalkedOption) -> str:
        """The option, or the kind of it, that a rule speaks of."""
        return next((kind.name for kind in option.kinds if kind.kind == rule.target), option.name)

    def _beside(self) -> Iterator[str]:
        """What stands beside the steps: scope first, then warning signs, then what is said of kinds of medicine."""
        for rule in self.walk.beside:
            fires = rule.verdict == "fires" and (self.style.full or not rule.always) and rule.verb != "end"
            if fires or (self.style.full and rule.verdict != "silent"):
                yield from self._rule(rule)
        ends = [rule for rule in self.walk.beside if rule.verb == "end" and rule.verdict == "fires"]
        for rule in [] if self.style.full else ends:
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
        """What the evidence says of the FAQ's sentences that it contradicts, wherever what they speak of is shown."""
        said = {
            source.at: source
            for step in self.walk.steps
            for rule in (*step.rules, *(rule for option in self._listed(step) for rule in option.rules))
            if rule.verdict == "fires"
            for source in rule.source
            if source.claim_verdict == "contradicted"
        }
        if said and (self.style.full or self.walk.ending.reason != "referral"):
            yield ""
            yield "Contradicted sentences of the FAQ"
            for at, source in said.items():
                yield from self._wrap(at, f'"{source.claim_sentence}" {source.claim_said}')

    def _foot(self) -> Iterator[str]:
        walk = self.walk
        yield ""
        layers = (
            "Lines marked ! are the safety and evidence layer; all others are the documented pathway of a clinic's FAQ."
        )
        policy = "".join(f"; policy {said}" for said in policies_said(walk.policy))
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
