"""The walk as Markdown, to paste into a note: what the case says is escaped, so that it stays text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath
from types import MappingProxyType

from pathway.policy import policies_said
from pathway.problem import shown
from pathway.report.arguments import IN_PLAY, corrected, corrections, taken_now, told_first, weigh
from pathway.report.text import ORDER, cited
from pathway.walks import Spoken, Walk, WalkedKind, WalkedOption

REACHED = {"yes": "reached", "no": "not reached", "unknown": "reached or not: unknown"}
GRADES = {"emergency": "EMERGENCY", "urgent": "URGENT", "scope": "OUT OF SCOPE"}
BEFORE_ALL = {"scope": "Whom this is for", "red-flags": "Warning signs"}
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
    asked = {question.field: number for number, question in enumerate(walk.questions, 1)}
    yield f"# {escaped(walk.title or PurePath(walk.case).name)}"
    yield ""
    grade = f"{GRADES[walk.ending.grade]}: " if walk.ending.grade in GRADES else ""
    yield f"**{grade}{escaped(walk.ending.sentence)}**"
    if walk.ending.provisional:
        yield ""
        yield "Provisional: warning signs that would end the walk have not all been asked about."
    fired = [rule for rule in walk.beside if rule.verdict == "fires"]
    for beside, title in BEFORE_ALL.items():
        yield from _listed(f"## {title}", [rule for rule in fired if rule.beside == beside], asked)
    yield ""
    yield "## What is known"
    yield ""
    facts = [f"- {escaped(said.label)}: {escaped(said.value)}" for said in walk.known if said.field != "as_of"]
    facts += [f"- trial of {escaped(trial)}" for trial in walk.trials]
    facts += [f"- {escaped(measure.text)}" for measure in walk.measures]
    yield from facts or ["Nothing."]
    others = [rule for rule in fired if rule.beside not in BEFORE_ALL]
    yield from _listed("## Beside the steps", others, asked)
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
            quiet = [option for option in step.options if option.status not in IN_PLAY]
            yield from _listed("What the evidence contradicts:", [r for o in quiet for r in corrections(o)], asked)
            yield from _listed("Reasons:", [r for r in rules if r.verb != "note" or told_first(r)], asked)
            yield from _left_out([rule for rule in rules if rule.verb == "note"])
            for option in sorted(step.options, key=lambda o: ORDER.index(o.status)):
                if option.status in IN_PLAY:
                    yield from _option(option, asked)
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
                name = escaped(option.name)
                if option.documented != status:
                    yield f"  - {name}, documented pathway alone: **{option.documented}**"
                if option.reason:
                    yield f"  - {name}, reason by HL7's name for it: {escaped(option.reason)}"
                if option.asks:
                    yield f"  - {name} asks for {', '.join(escaped(path) for path in option.asks)}"
                for note in (*taken_now(option), *option.trials, *option.trial_notes):
                    yield f"  - {name}: {escaped(note)}"


def _option(option: WalkedOption, asked: Mapping[str, int]) -> Iterator[str]:
    """All that is said of an option in play: what decides, its kinds, what comes first, for, against, notes."""
    weighed = weigh(option)
    names = {kind.kind: f"{kind.name}: " for kind in option.kinds}
    lines: list[str] = []
    groups: tuple[tuple[str, Sequence[Spoken]], ...] = (
        (f"{'Review' if option.status == 'review' else 'Held back'}:", weighed.decides),
        ("Of its kinds:", tuple(rule for _, held in weighed.kinds for rule in held)),
        ("Would hold it back, ask for a review or advise against it, if so answered:", weighed.would),
        ("What comes first:", weighed.first),
        (f"For ({len(weighed.speaks_for)}):", weighed.speaks_for),
        (f"Against ({len(weighed.warns)}):", weighed.warns),
        ("Notes:", [rule for rule in weighed.notes if told_first(rule)]),
    )
    for title, rules in groups:
        lines += _listed(title, rules, asked, names)
    lines += _left_out(weighed.notes)
    kinds = [_kind(kind, asked) for kind, _ in weighed.kinds]
    if lines or kinds:
        yield ""
        yield f"### {escaped(option.name)}: {option.status}"
        if kinds:
            yield ""
            yield f"Kinds: {'; '.join(kinds)}."
        yield from lines


def _kind(kind: WalkedKind, asked: Mapping[str, int]) -> str:
    asks = f" ({_numbers(kind.asks, asked)})" if kind.asks else ""
    status = "not held back" if kind.status == "clear" else kind.status
    return f"{escaped(kind.name)} {status}{asks}"


def _listed(
    title: str, rules: Sequence[Spoken], asked: Mapping[str, int], names: Mapping[str, str] = MappingProxyType({})
) -> Iterator[str]:
    if rules:
        yield ""
        yield title
        yield ""
    for rule in rules:
        sources = "; ".join(
            f"[{escaped(cited(s))}]({s.link})" if _safe(s.link) else escaped(cited(s)) for s in rule.source
        )
        asks = f" ({_numbers(rule.asks, asked)})" if rule.asks else ""
        yield (
            f"- {LAYERS.get(rule.layer, rule.layer)}, {escaped(_does(rule))}: "
            f"{escaped(names.get(rule.target, '') + rule.because)}{asks}{_flag(rule)} ({sources}; `{rule.rule}`)"
        )


def _left_out(notes: Iterable[Spoken]) -> Iterator[str]:
    """How many notes are not told here, because they hold whatever the case says."""
    always = sum(not told_first(rule) for rule in notes)
    if always:
        yield ""
        yield f"Notes that hold whatever the case says, told on the page and in the JSON: {always}."


def _does(rule: Spoken) -> str:
    verb = "advise against" if rule.verb == "against" else rule.verb
    does = f"refer to {rule.detail.get('to', '')}" if verb == "refer" else f"{verb} {rule.target}"
    if rule.detail.get("reason") == "not-recommended":
        does += ", not recommended"
    if rule.verdict != "asks":
        return does
    return f"{does}, unless done already" if verb == "first" else f"would {does}"


def _flag(rule: Spoken) -> str:
    wrong = ", ".join(corrected(rule))
    return f" **This corrects the FAQ, {escaped(wrong)}.**" if wrong and rule.layer != "documented" else ""


def _numbers(paths: Iterable[str], asked: Mapping[str, int]) -> str:
    """The questions below that ask for these fields, by number; by field for one that is not asked."""
    every = list(paths)
    numbers = sorted(asked[path] for path in every if path in asked)
    told = [f"question{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"] if numbers else []
    return ", ".join([*told, *(escaped(path) for path in every if path not in asked)])


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
    policy = "".join(f"; policy {escaped(said)}" for said in policies_said(walk.policy))
    as_of = f", as of {walk.as_of}" if walk.as_of else ""
    yield f"pathway {escaped(walk.software)}, rules {escaped(walk.edition)}, digest {walk.digest[:12]}{as_of}{policy}"
