"""The walk as Markdown, to paste into a note: what the case says is escaped, so that it stays text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePath

from pathway.problem import shown
from pathway.report.text import ORDER, cited
from pathway.walks import Spoken, Walk, WalkedOption

REACHED = {"yes": "reached", "no": "not reached", "unknown": "reached or not: unknown"}
LAYERS = {"documented": "documented", "safety": "**safety and evidence**"}
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&$^])")
_LINKING = re.compile(r"(?i)(https?|ftp|mailto|www)(?=[.:])([.:])")


def render_markdown(walk: Walk) -> str:
    """The walk as Markdown, ending in a newline."""
    return "\n".join(_lines(walk)) + "\n"


def escaped(text: str) -> str:
    r"""Text of a case as Markdown that shows it and does nothing else: one line, no markup, no links.

    >>> print(escaped("a|b <i> `c`"))
    a\|b \<i\> \`c\`
    """
    line = shown(" ".join(text.split()))
    return _LINKING.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", line))


def _lines(walk: Walk) -> Iterator[str]:
    yield f"# {escaped(walk.title or PurePath(walk.case).name)}"
    yield ""
    yield f"**{escaped(walk.ending.sentence)}**"
    if walk.ending.provisional:
        yield ""
        yield "Provisional: warning signs that would end the walk have not all been asked about."
    yield ""
    yield "## What is known"
    yield ""
    facts = [f"- {escaped(said.label)}: {escaped(said.value)}" for said in walk.known if said.field != "as_of"]
    facts += [f"- trial of {escaped(trial)}" for trial in walk.trials]
    yield from facts or ["Nothing."]
    yield ""
    yield "## Steps"
    yield ""
    yield "| Step | Status | Reached |"
    yield "| --- | --- | --- |"
    yield from (f"| {escaped(step.title)} | {step.status} | {REACHED[step.reached]} |" for step in walk.steps)
    for step in walk.steps:
        rules = [rule for rule in step.rules if rule.verdict == "fires"]
        if step.options or rules:
            yield ""
            yield f"## {escaped(step.title)}: {step.status}"
            if step.status == "done" and step.rests_on:
                yield ""
                yield f"Rests on: {'; '.join(escaped(policy) for policy in step.rests_on)}"
            yield from _options(step.options)
            yield from _rules(rules)
    fired = [rule for rule in walk.beside if rule.verdict == "fires"]
    if fired:
        yield ""
        yield "## Warning signs"
        yield from _rules(fired)
    yield from _questions(walk)
    yield from _foot(walk)


def _options(options: Iterable[WalkedOption]) -> Iterator[str]:
    by_status = {status: [o for o in options if o.status == status] for status in ORDER}
    if any(by_status.values()):
        yield ""
    for status, group in by_status.items():
        if group:
            names = ", ".join(
                escaped(o.name) + (" (to be considered)" if o.softly and status == "offered" else "") for o in group
            )
            yield f"- **{status}**: {names}"
            for option in group:
                if option.asks:
                    yield f"  - {escaped(option.name)} asks for {', '.join(escaped(path) for path in option.asks)}"
                for note in (*option.trials, *option.trial_notes, *option.notes):
                    yield f"  - {escaped(option.name)}: {escaped(note)}"


def _rules(rules: Iterable[Spoken]) -> Iterator[str]:
    every = list(rules)
    if every:
        yield ""
        yield "Reasons:"
        yield ""
    for rule in every:
        sources = "; ".join(
            f"[{escaped(cited(s))}]({s.link})" if _safe(s.link) else escaped(cited(s)) for s in rule.source
        )
        yield (
            f"- {LAYERS.get(rule.layer, rule.layer)}, {rule.verb} {escaped(rule.target)}: "
            f"{escaped(rule.because)} ({sources}; `{rule.rule}`)"
        )


def _safe(link: str) -> bool:
    return bool(re.fullmatch(r"https?://[^\s()<>\[\]|`\\]+", link))


def _questions(walk: Walk) -> Iterator[str]:
    if not walk.questions:
        return
    yield ""
    yield "## Open questions, the most telling first"
    yield ""
    for number, question in enumerate(walk.questions, 1):
        danger = "**DANGER** " if question.danger else ""
        about = f" About: {', '.join(escaped(value) for value in question.about)}." if question.about else ""
        yield (
            f"{number}. {danger}{escaped(question.question)}{about} "
            f"(field {escaped(question.field)}; {question.holds} wait for it)"
        )


def _foot(walk: Walk) -> Iterator[str]:
    yield ""
    yield "---"
    yield ""
    yield (
        "Documented: the pathway of a clinic's FAQ. Safety and evidence: what other sources hold back, warn of or "
        "correct; it adds no treatment."
    )
    yield ""
    yield f"**For:** {escaped(walk.intended_for)}"
    yield ""
    yield f"**Not for:** {escaped(walk.not_for)}"
    yield ""
    policy = "".join(f"; policy {name} = {escaped(str(value))}" for name, value in walk.policy.items())
    as_of = f", as of {walk.as_of}" if walk.as_of else ""
    yield f"pathway {escaped(walk.software)}, rules {escaped(walk.edition)}, digest {walk.digest[:12]}{as_of}{policy}"
