"""An explanation as text and as JSON: the paragraph first, then the tree, the questions, what would change it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import PurePath
from typing import Any

from pathway.aims import CANNOT_CHANGE, COULD_BE_DONE, FIND_OUT, Aim, Change, Way
from pathway.explanation import (
    ENDING,
    SCHEMA,
    Explanation,
    Missing,
    Obstacle,
    Part,
    Said,
    StatusChange,
    WhatIf,
    Why,
    WhyNot,
)
from pathway.policy import policies_said
from pathway.problem import shown
from pathway.report.data import to_json
from pathway.report.text import COLOURS, Style, cited
from pathway.walks import Question, Spoken

FEW = 4
MOST_DEPTH = 6
MOST_QUESTIONS = 10
MOST_ANSWERS = 3
MOST_SAID = 6
MOST_IN_OVERVIEW, FEW_ANSWERS = 5, 2
IDLE = "answers that change no status (kinds of an option, and what comes first, may still change):"
UNTRIED = "of which not every answer was tried, as there are too many, and none that was tried changes a status:"
HEADINGS = {
    FIND_OUT: "By finding out",
    COULD_BE_DONE: "By what could be done, were it to come out so",
    CANNOT_CHANGE: "Only if what cannot change were otherwise",
}
LABELS = {
    "offer": "offers", "consider": "offers", "support": "for", "caution": "caution", "against": "against",
    "hold": "held", "review": "review", "first": "first", "note": "noted", "refer": "refer",
}  # fmt: skip
AIM_OF_IT = "What would have to be so, for professionals to weigh; none of it is advice to bring it about."


def render_explanation(explanation: Explanation, style: Style | None = None) -> str:
    """The explanation as text, ending in a newline; `style.full` spells out the whole tree and every question."""
    return "\n".join(_Told(explanation, style or Style()).lines()) + "\n"


def render_explanation_json(explanation: Explanation) -> str:
    """The explanation as JSON. The same explanation gives the same bytes."""
    return to_json(asdict(explanation))


def explanation_schema() -> dict[str, Any]:
    """The JSON Schema of an explanation; its `schema` field tells the version."""
    from pydantic import TypeAdapter

    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{SCHEMA.replace('/', ':')}",
        **TypeAdapter(Explanation).json_schema(mode="serialization"),
    }


class _Told:
    def __init__(self, explanation: Explanation, style: Style) -> None:
        self.explanation, self.style = explanation, style
        self.brief = bool(explanation.overview) or len(explanation.why) > FEW

    def lines(self) -> Iterator[str]:
        it = self.explanation
        yield from self._heading(it.title or PurePath(it.case).name)
        if it.what_if is not None:
            yield from self._what_if(it.what_if)
            if it.why or it.why_not or it.missing is not None or it.would_change:
                yield ""
                yield from self._heading(f"All that follows is of the changed case ({', '.join(it.what_if.settings)}).")
        elif not any(why.target == ENDING for why in it.why):
            yield from self._fold(it.ending)
        for sentence in it.read_as:
            yield from self._fold(sentence)
        if it.overview and not self.style.full:
            for paragraph in it.overview:
                yield ""
                yield from self._fold(paragraph)
        else:
            for why in it.why:
                yield from self._why(why)
        for why_not in it.why_not:
            yield from self._why_not(why_not)
        if it.missing is not None:
            yield from self._missing(it.missing)
        for aim in it.would_change:
            yield from self._aim(aim)
        yield from self._foot()

    # ---- why ----

    def _why(self, why: Why) -> Iterator[str]:
        yield ""
        if self.brief and not self.style.full:
            yield from self._fold(why.paragraph)
            return
        yield from self._heading(f"Why {why.name} is {why.status}")
        yield from self._fold(why.paragraph)
        if why.arguments:
            yield ""
            yield "What is said for and against it"
            told = [rule for rule in why.arguments if self.style.full or rule.verb != "note"]
            yield from (line for rule in told for line in self._spoken(rule, why.target))
            if len(told) < len(why.arguments):
                yield f"    and {len(why.arguments) - len(told)} notes: --full shows them"
        yield ""
        yield "What makes it so"
        yield from self._tree(why.tree, 1)

    def _spoken(self, rule: Spoken, target: str = "") -> Iterator[str]:
        """A rule that speaks; where it is not of the target itself, also of what it is."""
        label = LABELS.get(rule.verb, rule.verb)
        sources = "; ".join(cited(source) for source in rule.source)
        mark = "! " if rule.layer == "safety" else "  "
        of = f", of {rule.target}" if target and rule.target != target else ""
        asks = f" It is not known whether this applies, or is done: {', '.join(rule.asks)}." if rule.asks else ""
        yield from self._hang(f"  {mark}{label:<9}", f"{rule.because}{asks} [{sources}] ({rule.rule}{of})")

    def _tree(self, part: Part, depth: int) -> Iterator[str]:
        start = "  " * depth
        yield from self._hang(start, self._line(part))
        if part.again or not part.children:
            return
        if not self.style.full and (depth >= MOST_DEPTH or _alike(part)):
            yield from self._hang(start + "  ", self._summed_up(part))
            return
        for child in part.children:
            yield from self._tree(child, depth + 1)

    def _line(self, part: Part) -> str:
        answer = self.style.paint(part.answer, COLOURS.get(part.answer))
        told = f"{part.name}: {answer}. {part.means[:1].upper()}{part.means[1:]}"
        if part.kind == "rule":
            told += f" [{'; '.join(cited(source) for source in part.source)}]"
        if part.says:
            told += f" Case: {'; '.join(_said(said) for said in part.says)}."
        return told + (" (as above)" if part.again and part.kind != "field" else "")

    def _summed_up(self, part: Part) -> str:
        """Many parts that are all alike, in one line: how many, and what the case says for all of them."""
        leaves = list(dict.fromkeys(_said(said) for leaf in _fields_of(part) for said in leaf.says))
        more = f"; and {len(leaves) - MOST_SAID} more" if len(leaves) > MOST_SAID else ""
        what = "rules" if all(child.kind == "rule" for child in part.children) else "parts"
        how = {"no": "none of them holds", "yes": "all hold", "unknown": "none is known"}.get(part.answer, part.answer)
        told = f"{len(part.children)} {what}, {how}" if len(part.children) > 1 else "it hangs on"
        return f"({told}: {'; '.join(leaves[:MOST_SAID])}{more}; --full spells it out)"

    # ---- why not ----

    def _why_not(self, why_not: WhyNot) -> Iterator[str]:
        yield ""
        yield from self._heading(f"Why not: {why_not.name}")
        yield from self._fold(why_not.sentence)
        for number, obstacle in enumerate(why_not.obstacles, 1):
            yield from self._obstacle(number, obstacle)
        yield from self._arguments("What is said against it", why_not.against, why_not.target)
        yield from self._arguments("What comes first", why_not.first, why_not.target)

    def _arguments(self, heading: str, rules: Sequence[Spoken], target: str) -> Iterator[str]:
        if not rules:
            return
        yield ""
        yield heading
        told = rules if self.style.full else rules[:MOST_SAID]
        yield from (line for rule in told for line in self._spoken(rule, target))
        if len(told) < len(rules):
            mine = sum(not rule.always for rule in rules[len(told) :])
            of = f", {mine} of which hang on this person" if mine else ""
            yield f"    and {len(rules) - len(told)} more{of}: --full shows them all"

    def _obstacle(self, number: int, obstacle: Obstacle) -> Iterator[str]:
        in_the_way = obstacle.state == "in the way"
        state = self.style.paint(obstacle.state, "31" if in_the_way else "33")
        told = f"in the way: {obstacle.sentence}" if in_the_way else obstacle.sentence
        yield from self._hang(f"{number:>3}. ", f"{told.replace(obstacle.state, state, 1)} ({obstacle.name})")
        if in_the_way:
            for rule in obstacle.rules:
                sources = "; ".join(cited(source) for source in rule.source)
                yield from self._hang("     ", f"[{sources}] ({rule.name})")
            if leaves := self._leaves(obstacle):
                yield from self._hang("     ", f"it hangs on: {leaves}")
        else:
            for rule in obstacle.rules[: None if self.style.full else FEW]:
                yield from self._hang("     ", f"would hold: {rule.means} ({rule.name})")
            if not self.style.full and len(obstacle.rules) > FEW:
                yield f"     and {len(obstacle.rules) - FEW} more rules: --full shows them"
        for said in obstacle.asks:
            yield from self._hang("     ", f"asks: {said.question} [{said.field}]")

    def _leaves(self, obstacle: Obstacle) -> str:
        parts = obstacle.rules or (obstacle.tree,)
        leaves = list(dict.fromkeys(_said(said) for part in parts for leaf in _fields_of(part) for said in leaf.says))
        more = f"; and {len(leaves) - MOST_SAID} more" if len(leaves) > MOST_SAID else ""
        return "; ".join(leaves[:MOST_SAID]) + more

    # ---- what is missing ----

    def _missing(self, questions: Sequence[Missing]) -> Iterator[str]:
        yield ""
        yield from self._heading(f"What is missing: {len(questions)} open question{'s' * (len(questions) != 1)}")
        if not questions:
            return
        yield from self._fold(self.explanation.ranked_by)
        telling = [question for question in questions if question.could_change]
        most = MOST_IN_OVERVIEW if self.brief else MOST_QUESTIONS
        told = telling if self.style.full else telling[:most]
        for question in told:
            count = f"could change {question.could_change} status{'es' * (question.could_change != 1)}"
            yield from self._hang(f"{question.rank:>3}. ", _asked(question, count))
            alike: dict[tuple[StatusChange, ...], list[str]] = {}
            for effect in sorted(question.answers, key=lambda effect: -len(effect.changes)):
                if effect.changes:
                    alike.setdefault(effect.changes, []).append(effect.answer)
            most_told = None if self.style.full else FEW_ANSWERS if self.brief else MOST_ANSWERS
            for changes, answers in list(alike.items())[:most_told]:
                few = answers if self.style.full else answers[:MOST_ANSWERS]
                more = f" or {len(answers) - len(few)} others" if len(few) < len(answers) else ""
                yield from self._hang("     ", f"{' or '.join(few)}{more}: {_changes(changes, self.style.full)}")
        yield from self._more(telling[len(told) :])
        untried = [q for q in questions if not q.could_change and not q.complete]
        if untried:
            yield ""
            yield from self._fold(f"{len(untried)} {UNTRIED}")
            for question in untried if self.style.full else [q for i, q in enumerate(untried) if i < most or q.danger]:
                yield from self._hang("   - ", _asked(question))
            yield from self._more([] if self.style.full else [q for q in untried[most:] if not q.danger])
        idle = sorted((q for q in questions if not q.could_change and q.complete), key=lambda q: not q.danger)
        if idle:
            yield ""
            yield from self._fold(f"{len(idle)} with {IDLE}")
            # What holds open whether the walk must stop is never left out.
            few_idle = idle if self.style.full else [q for i, q in enumerate(idle) if i < most or q.danger]
            for question in few_idle:
                yield from self._hang("   - ", _asked(question))
            yield from self._more(idle[len(few_idle) :])

    def _more(self, left_out: Sequence[Missing]) -> Iterator[str]:
        if left_out:
            dangers = sum(question.danger for question in left_out)
            of = f", {dangers} of them marked DANGER" if dangers else ""
            yield f"     and {len(left_out)} more{of}: --full shows them all"

    # ---- what if ----

    def _what_if(self, it: WhatIf) -> Iterator[str]:
        yield ""
        yield from self._heading(f"What if {', '.join(it.settings)}")
        if it.ending_before != it.ending_after:
            yield from self._hang("  before  ", it.ending_before)
            yield from self._hang("  after   ", it.ending_after)
        else:
            yield from self._hang("  ending  ", f"as before: {it.ending_before}")
        if it.changes:
            yield ""
            wide = max(len(change.title) for change in it.changes)
            before = max(len(change.before) for change in it.changes)
            yield f"  {'':<{wide}}  {'before':<{before}}  after"
            for change in it.changes:
                yield f"  {change.title:<{wide}}  {change.before:<{before}}  {change.after}"
        else:
            yield "  No status changes."
        for heading, rules in (("Rules that now speak", it.new_rules), ("Rules that no longer speak", it.gone_rules)):
            if rules:
                yield ""
                yield f"{heading} ({len(rules)})"
                notes_last = sorted(rules, key=lambda rule: rule.verb == "note")
                told = notes_last if self.style.full else notes_last[:MOST_SAID]
                yield from (line for rule in told for line in self._spoken(rule))
                if len(told) < len(rules):
                    yield f"    and {len(rules) - len(told)} more: --full shows them all"
        yield from self._fields("New questions", it.new_questions)
        yield from self._fields("Questions that are answered or no longer matter", it.gone_questions)

    def _fields(self, heading: str, questions: Sequence[Question]) -> Iterator[str]:
        if questions:
            yield ""
            yield heading
            yield from (line for q in questions for line in self._hang("    ", f"{q.question} [{q.field}]"))

    # ---- what would change it ----

    def _aim(self, aim: Aim) -> Iterator[str]:
        yield ""
        yield from self._heading(f"What would lead to {aim.goal}")
        note = f" {aim.note[:1].upper()}{aim.note[1:]}." if aim.note else ""
        yield from self._fold(f"{aim.name} is {aim.status} now.{note}")
        if aim.ways:
            yield from self._fold(AIM_OF_IT)
        for kind, heading in HEADINGS.items():
            ways = [way for way in aim.ways if way.kind == kind]
            if ways:
                yield ""
                yield heading
                yield from self._ways(ways)

    def _ways(self, ways: Sequence[Way]) -> Iterator[str]:
        """The ways of one kind; what all of them need is told once."""
        several = len(ways) > 1
        shared = [c for c in ways[0].changes if several and all(c in way.changes for way in ways)]
        for number, way in enumerate(ways, 1):
            own = [change for change in way.changes if change not in shared]
            for i, change in enumerate(own):
                yield from self._change(change, f"{number:>3}. " if i == 0 else "     ", way, also=i > 0)
        if shared:
            yield "     and with each of them:"
            for change in shared:
                yield from self._change(change, "     ", ways[0], also=False)

    def _change(self, change: Change, start: str, way: Way, also: bool) -> Iterator[str]:
        kind = f" ({change.kind})" if change.kind != way.kind else ""
        yield from self._hang(start, f"{'and ' if also else ''}{change.sentence}{kind}")
        yield from self._hang("       ", f"{change.word}: {change.answer}.  {_arguments(change.settings)}")

    # ---- lines ----

    def _foot(self) -> Iterator[str]:
        it = self.explanation
        policy = "".join(f"; policy {said}" for said in policies_said(it.policy))
        day = f", as of {it.as_of}" if it.as_of else ""
        yield ""
        yield from self._fold(f"For: {it.intended_for} Not for: {it.not_for}")
        yield from self._fold(f"pathway {it.software}, rules {it.edition}, digest {it.digest[:12]}{day}{policy}")

    def _heading(self, text: str) -> Iterator[str]:
        yield from (self.style.paint(line, "1") for line in self._fold(text))

    def _fold(self, text: str) -> list[str]:
        return self._hang("", text)

    def _hang(self, start: str, text: str) -> list[str]:
        """Text folded under its start; colours are kept, all else that is invisible is escaped."""
        plain = " ".join(text.split())
        safe = "".join(part if part.startswith("\x1b[") else shown(part) for part in _with_colours(plain))
        indent = " " * len(start)
        wide = max(self.style.width, 40, len(start) + 20)
        return textwrap.wrap(
            safe, wide, initial_indent=start, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        ) or [start.rstrip()]


def _with_colours(text: str) -> list[str]:
    """The text split at the colours that `Style.paint` put into it."""
    parts: list[str] = []
    for i, part in enumerate(text.split("\x1b[")):
        if i == 0:
            parts.append(part)
            continue
        code, ends, rest = part.partition("m")
        is_colour = bool(ends) and code.replace(";", "").isdigit()
        parts += ["\x1b[" + code + "m", rest] if is_colour else ["\x1b", "[" + part]
    return parts


def _alike(part: Part) -> bool:
    """Whether a part has many children that all have its own answer, so that one line tells them."""
    return len(part.children) > FEW and len({child.answer for child in part.children}) == 1


def _fields_of(part: Part) -> Iterator[Part]:
    if part.kind == "field":
        yield part
    for child in part.children:
        yield from _fields_of(child)


def _asked(question: Missing, count: str = "") -> str:
    """A question with its field, and how many values wait for it."""
    waits = f"{question.holds} value{'s' * (question.holds != 1)} wait{'s' * (question.holds == 1)} for it"
    danger = "DANGER " if question.danger else ""
    return f"{danger}{question.question} [{'; '.join(part for part in (question.field, count, waits) if part)}]"


def _said(said: Said) -> str:
    return f"{said.field}: {said.says}"


def _changes(changes: Iterable[StatusChange], full: bool) -> str:
    """Statuses that change, those that change alike together."""
    alike: dict[tuple[str, str], list[str]] = {}
    for change in changes:
        alike.setdefault((change.before, change.after), []).append(change.title)
    told = []
    for (before, after), names in alike.items():
        few = names if full else names[:FEW]
        more = f" and {len(names) - len(few)} more" if len(few) < len(names) else ""
        told.append(f"{', '.join(few)}{more}: {before} → {after}")
    return "; ".join(told)


def _arguments(settings: Sequence[str]) -> str:
    return " ".join(f'--set "{setting}"' if '"' not in setting else f"--set '{setting}'" for setting in settings)
