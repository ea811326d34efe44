"""The walk as one self-contained web page: for reading on any screen, by any means, and for printing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import PurePath

from pathway.policy import policies_said
from pathway.problem import shown
from pathway.report.arguments import IN_PLAY, Weighed, corrected, corrections, taken_now, told_first, weigh
from pathway.report.text import ORDER
from pathway.rules import Cited
from pathway.walks import Spoken, Walk, WalkedKind, WalkedOption, WalkedStep

REACHED = {"yes": "reached", "no": "not reached", "unknown": "not known whether reached"}
LAYERS = {"documented": "Documented", "safety": "Safety and evidence"}
VERBS = {
    "offer": "offers", "consider": "to be considered", "note": "noted", "support": "supports", "caution": "caution",
    "against": "advises against", "hold": "held back", "review": "to be reviewed", "first": "first", "refer": "refer",
    "end": "stop", "next": "so the walk goes on",
}  # fmt: skip
WOULD = {"hold": "hold it back", "review": "ask for a review", "against": "advise against it"}
GRADES = {"emergency": "Emergency", "urgent": "Urgent", "scope": "Out of scope"}
BEFORE_ALL = {"scope": "Whom this is for", "red-flags": "Warning signs"}
TONES = {
    "current": "go", "done": "go", "asks": "ask", "stopped": "halt", "not-needed": "quiet", "not-yet": "quiet",
    "offered": "go", "continue": "go", "under-way": "go", "left": "quiet", "after-asking": "ask", "review": "halt",
    "held-back": "halt", "withheld": "halt", "tried": "quiet", "declined": "quiet", "does-not-apply": "quiet",
    "stop": "halt", "questions": "ask", "clear": "go",
}  # fmt: skip
PROVISIONAL = "warning signs that would end the walk have not all been asked about."
FRAMES = {"offered": " s-offered", "held-back": " s-held", "review": " s-held"}
QUIET = ("withheld", "not-yet", "not-needed", "does-not-apply")
HOW_READ = {
    "secondary-summary": "read in someone else's account",
    "primary-abstract": "only its abstract was read",
    "primary-draft": "only a draft was read",
}
_RING = '<circle cx="10" cy="10" r="8.5"'
_SHAPES = {
    "arrow": '<circle cx="10" cy="10" r="9.5" fill="currentColor"/><path d="M7.5 5.5 14 10l-6.5 4.5z" fill="#fff"/>',
    "tick": f'{_RING} fill="#fff" stroke="currentColor" stroke-width="2"/>'
    '<path d="m5.8 10.3 3 3 5.4-6.2" fill="none" stroke="currentColor" stroke-width="2.2"/>',
    "question": '<path d="M10 .8 19.2 10 10 19.2.8 10z" fill="#fff" stroke="currentColor" stroke-width="1.6"/>'
    '<path d="M7.4 8a2.6 2.6 0 1 1 3.7 2.4c-.8.4-1.1.8-1.1 1.6" fill="none" stroke="currentColor" stroke-width="1.8"/>'
    '<circle cx="10" cy="14.3" r="1.1" fill="currentColor"/>',
    "stop": '<path d="M6.2 1h7.6L19 6.2v7.6L13.8 19H6.2L1 13.8V6.2z" fill="currentColor"/>'
    '<path d="M5.5 10h9" stroke="#fff" stroke-width="2.6"/>',
    "dash": f'{_RING} fill="#fff" stroke="currentColor" stroke-width="1.6"/>'
    '<path d="M6 10h8" stroke="currentColor" stroke-width="2"/>',
    "ring": f'{_RING} fill="#fff" stroke="currentColor" stroke-width="1.6" stroke-dasharray="2.6 2.2"/>',
    "plus": '<rect x="1.5" y="1.5" width="17" height="17" rx="3" fill="#fff" stroke="currentColor" stroke-width="2"/>'
    '<path d="M10 5.5v9M5.5 10h9" stroke="currentColor" stroke-width="2.2"/>',
    "cross": f'{_RING} fill="#fff" stroke="currentColor" stroke-width="2"/>'
    '<path d="m6.5 6.5 7 7m0-7-7 7" stroke="currentColor" stroke-width="2"/>',
}
_SHAPE_OF = {
    "current": "arrow", "done": "tick", "asks": "question", "stopped": "stop", "not-needed": "dash", "not-yet": "ring",
    "offered": "plus", "continue": "arrow", "under-way": "arrow", "left": "ring", "after-asking": "question",
    "review": "stop", "held-back": "stop", "withheld": "stop", "tried": "cross", "declined": "cross",
    "does-not-apply": "dash", "stop": "stop", "questions": "question",
}  # fmt: skip


def render_page(walks: Sequence[Walk]) -> str:
    """One HTML5 file with nothing outside it: each walk in full, an index above when there are several."""
    title = _text(_name(walks[0])) if len(walks) == 1 else f"{len(walks)} cases"
    top = ""
    if len(walks) > 1:
        rows = "\n".join(
            f'<li><a href="#w{i}">{_text(_name(walk))}</a>: {_text(walk.ending.sentence)}</li>'
            for i, walk in enumerate(walks, 1)
        )
        top = f'<h1>{title} on the pathway</h1>\n<nav aria-label="Cases">\n<ol class="index">\n{rows}\n</ol>\n</nav>\n'
    level = 1 if len(walks) == 1 else 2
    bodies = "\n".join("\n".join(_Page(walk, f"w{i}", level).lines()) for i, walk in enumerate(walks, 1))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{title}: chronic-pain pathway</title>\n<style>\n{_css()}</style>\n</head>\n<body>\n"
        '<a class="skip" href="#walks">Skip to the walk</a>\n'
        f'<header>\n<p class="stamp">Chronic-pain treatment pathway. A decision aid for health-care professionals: '
        f'options and reasons, never orders.</p>\n</header>\n<main id="walks">\n{top}{bodies}\n</main>\n'
        f"{_footer(walks)}</body>\n</html>\n"
    )


@cache
def _css() -> str:
    return files("pathway.report").joinpath("page.css").read_text(encoding="utf-8")


def _text(text: str) -> str:
    """Text as HTML shows it and nothing more: one line, escaped, invisible characters made visible."""
    return escape(shown(" ".join(text.split())), quote=True)


def _name(walk: Walk) -> str:
    return walk.title or PurePath(walk.case).name


def _shape(status: str, more: str = "") -> str:
    drawing = _SHAPES[_SHAPE_OF.get(status, "ring")]
    tone = TONES.get(status, "quiet")
    return f'<svg class="shape s-{tone}{more}" viewBox="0 0 20 20" aria-hidden="true" focusable="false">{drawing}</svg>'


def _status(status: str) -> str:
    return f'<span class="status s-{TONES.get(status, "quiet")}">{_shape(status)}{status.replace("-", " ")}</span>'


def _worded(status: str) -> str:
    """A status in words alone, where a shape beside each would be too much."""
    return f'<span class="status s-{TONES.get(status, "quiet")}">{status.replace("-", " ")}</span>'


def _some(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _link(link: str, text: str) -> str:
    if link.startswith(("https://", "http://")):
        return f'<a href="{escape(link, quote=True)}" rel="noreferrer">{text}</a>'
    return text


def _documented(status: str, documented: str) -> str:
    """The status with the safety layer off; quietly where it is the same."""
    if status == documented:
        return '<span class="alone">documented pathway alone: the same</span>'
    told = documented.replace("-", " ")
    return f'<span class="alone differs">documented pathway alone: <strong>{told}</strong></span>'


def _flag(rule: Spoken) -> str:
    """That the evidence contradicts the FAQ here, as the layer of the rule says it."""
    wrong = corrected(rule)
    if not wrong:
        return ""
    told = (
        "The evidence contradicts this sentence of the FAQ."
        if rule.layer == "documented"
        else f"This corrects the FAQ, {', '.join(map(_text, wrong))}."
    )
    return f' <strong class="wrong">{told}</strong>'


def _parted(rules: Sequence[Spoken]) -> tuple[list[Spoken], list[Spoken]]:
    """The rules that are to be seen at once, and those that hold whatever the case says."""
    return [rule for rule in rules if told_first(rule)], [rule for rule in rules if not told_first(rule)]


def _footer(walks: Sequence[Walk]) -> str:
    uses = dict.fromkeys((walk.intended_for, walk.not_for) for walk in walks)
    lines = [
        f"<p><strong>For:</strong> {_text(yes)}</p>\n<p><strong>Not for:</strong> {_text(no)}</p>" for yes, no in uses
    ]
    return '<footer aria-label="Intended use">\n' + "\n".join(lines) + "\n</footer>\n"


@dataclass
class _Sources:
    """The sources of one walk, numbered in the order in which they are first cited."""

    numbers: dict[Cited, int] = field(default_factory=dict)

    def number(self, source: Cited) -> int:
        return self.numbers.setdefault(source, len(self.numbers) + 1)


class _Page:
    def __init__(self, walk: Walk, id: str, level: int) -> None:
        self.walk, self.id, self.level = walk, id, level
        self.sources = _Sources()
        self.number = {question.field: n for n, question in enumerate(walk.questions, 1)}
        options = [option for step in walk.steps for option in step.options]
        self.kinds = {kind.kind: f"{kind.name}: " for option in options for kind in option.kinds}
        self.told: set[str] = set()

    def lines(self) -> Iterator[str]:
        walk = self.walk
        yield f'<article class="walk" id="{self.id}" aria-labelledby="{self.id}-title">'
        yield f'<h{self.level} id="{self.id}-title">{_text(_name(walk))}</h{self.level}>'
        yield from self._ending()
        for beside, title in BEFORE_ALL.items():
            yield from self._beside(title, beside)
        yield from self._known()
        for beside in dict.fromkeys(rule.beside for rule in walk.beside):
            if beside not in BEFORE_ALL:
                yield from self._beside(f"Beside the steps: {beside.replace('-', ' ')}", beside)
        yield f'<section aria-labelledby="{self.id}-path">'
        yield self._heading(1, "The pathway, from top to bottom", f"{self.id}-path")
        yield from self._legend()
        yield '<ol class="path">'
        for step in walk.steps:
            yield from self._step(step)
        yield "</ol>"
        yield from self._others(walk.beside)
        yield "</section>"
        yield from self._questions()
        yield from self._contradicted()
        yield from self._cited()
        yield from self._stamp()
        yield "</article>"

    def _heading(self, below: int, text: str, id: str = "") -> str:
        level = min(self.level + below, 6)
        return f'<h{level} id="{id}">{text}</h{level}>' if id else f"<h{level}>{text}</h{level}>"

    # ---- the top ----

    def _ending(self) -> Iterator[str]:
        ending = self.walk.ending
        tone = TONES.get(ending.kind, "go")
        grade = f'<span class="danger">{GRADES[ending.grade]}</span>' if ending.grade in GRADES else ""
        yield '<div class="ending">'
        yield f'{grade}<strong class="s-{tone}">{_shape(ending.kind)}{_text(ending.sentence)}</strong>'
        if ending.provisional:
            yield f"<p><strong>Provisional:</strong> {PROVISIONAL}</p>"
        yield "</div>"

    def _beside(self, title: str, beside: str) -> Iterator[str]:
        """What fires of the rules that stand in a file beside the steps."""
        fired = [rule for rule in self.walk.beside if rule.beside == beside and rule.verdict == "fires"]
        if fired:
            yield f'<section aria-labelledby="{self.id}-at-{beside}">'
            yield self._heading(1, _text(title), f"{self.id}-at-{beside}")
            yield from self._rule_list(fired)
            yield "</section>"

    def _known(self) -> Iterator[str]:
        walk = self.walk
        facts = [(said.label, said.value) for said in walk.known if said.field != "as_of"]
        facts += [("trial", trial) for trial in walk.trials]
        facts += [(measure.name, measure.text.removeprefix(f"{measure.name}:")) for measure in walk.measures]
        yield f'<section aria-labelledby="{self.id}-known">'
        yield self._heading(1, "What is known", f"{self.id}-known")
        if facts:
            yield '<dl class="known">'
            yield from (f"<dt>{_text(label)}</dt><dd>{_text(value)}</dd>" for label, value in facts)
            yield "</dl>"
        else:
            yield "<p>Nothing.</p>"
        yield "</section>"

    def _legend(self) -> Iterator[str]:
        yield '<ul class="legend">'
        yield '<li><span class="layer">Documented</span>solid line: the pathway of a clinic\'s FAQ</li>'
        yield (
            '<li><span class="layer safety">Safety and evidence</span>double line: what other sources hold back, warn '
            "of or correct; it adds no treatment</li>"
        )
        yield "<li><em>Documented pathway alone</em>: the status without the safety and evidence layer</li>"
        yield "</ul>"

    # ---- the steps ----

    def _step(self, step: WalkedStep) -> Iterator[str]:
        unreached = " unreached" if step.reached != "yes" or step.passed != "yes" else ""
        yield f'<li class="step{unreached}">'
        yield _shape(step.status, " node")
        level = self.level + 2
        yield f"<h{level}>{_text(step.title)} {_worded(step.status)}</h{level}>"
        reached = REACHED[step.reached]
        if step.status == "current" and step.reached == "no":
            reached = "something in it helps, though the walk has not come here"
        yield f'<p class="means">{_text(step.means)} ({reached})</p>'
        if step.status == "asks" and step.asks:
            yield f'<p class="plain">{self._waits(step.asks)}</p>'
        if step.status == "done" and step.rests_on:
            yield f'<p class="plain">Rests on: {"; ".join(_text(policy) for policy in step.rests_on)}</p>'
        yield from self._step_rules(step)
        cards = sorted((o for o in step.options if o.status not in QUIET), key=lambda o: ORDER.index(o.status))
        if cards:
            yield '<ul class="cards">'
            for option in cards:
                yield from self._card(option)
            yield "</ul>"
        yield from self._quiet(step)
        yield from self._others([*step.rules, *(rule for option in step.options for rule in option.rules)])
        yield "</li>"

    def _step_rules(self, step: WalkedStep) -> Iterator[str]:
        """What is said of the step itself; notes, and what always holds, are folded."""
        fired = [rule for rule in step.rules if rule.verdict == "fires"]
        asking = [rule for rule in step.rules if rule.verdict == "asks" and rule.verb == "refer"]
        folded = [rule for rule in fired if rule.verb == "note" or rule.always]
        folded = [rule for rule in folded if not corrected(rule)]
        yield from self._rule_list([*(rule for rule in fired if rule not in folded), *asking])
        yield from self._folded(folded, f"{_some(len(folded), 'remark', 'remarks')} on this step")

    def _quiet(self, step: WalkedStep) -> Iterator[str]:
        """The options that nobody weighs now, by name."""
        for quiet in QUIET:
            views = dict.fromkeys(option.documented for option in step.options if option.status == quiet)
            for view in views:
                names = [_text(o.name) for o in step.options if (o.status, o.documented) == (quiet, view)]
                beside = f" {_documented(quiet, view)}" if view != quiet else ""
                yield f'<p class="plain">{_status(quiet)}: {", ".join(names)}{beside}</p>'
        quiet_options = (option for option in step.options if option.status in QUIET)
        yield from self._rule_list([rule for option in quiet_options for rule in corrections(option)])

    def _card(self, option: WalkedOption) -> Iterator[str]:
        weighed = weigh(option)
        softly = " (to be considered)" if option.softly and option.status == "offered" else ""
        wide = " wide" if option.status in IN_PLAY else ""
        yield f'<li class="card{wide}{FRAMES.get(option.status, "")}">'
        yield self._heading(3, _text(option.name))
        yield f"<p>{_status(option.status)}{softly} {_documented(option.status, option.documented)}</p>"
        if option.reason:
            yield f"<p>Reason, by HL7's name for it: {_text(option.reason)}</p>"
        if option.asks:
            yield f"<p>{self._waits(option.asks)}</p>"
        yield from (f"<p>{_text(note)}</p>" for note in (*taken_now(option), *option.trials, *option.trial_notes))
        yield from self._rule_list(weighed.decides)
        if option.status in IN_PLAY:
            yield from self._weighed(weighed)
        else:
            yield from self._weighed_later(option, weighed)
        yield "</li>"

    def _weighed(self, weighed: Weighed) -> Iterator[str]:
        yield from self._kinds(weighed.kinds)
        yield from self._would(weighed.would)
        if weighed.first:
            yield self._heading(4, "What comes first")
            yield from self._rule_list(weighed.first)
        if weighed.speaks_for or weighed.warns:
            yield '<div class="weighed">'
            for title, rules in (("For", weighed.speaks_for), ("Against", weighed.warns)):
                yield f"<div>{self._heading(4, f'{title} ({len(rules)})')}"
                open_, always = _parted(rules)
                yield from self._rule_list(open_)
                yield from self._folded(
                    always, _some(len(always), "argument that always holds", "arguments that always hold")
                )
                yield "</div>"
            yield "</div>"
        open_, always = _parted(weighed.notes)
        corrections = [rule for rule in open_ if corrected(rule)]
        yield from self._rule_list(corrections)
        notes = [*(rule for rule in open_ if not corrected(rule)), *always]
        yield from self._folded(notes, _some(len(notes), "note", "notes"))

    def _weighed_later(self, option: WalkedOption, weighed: Weighed) -> Iterator[str]:
        """All that is said of an option that is tried, declined or left, folded into one."""
        held = [rule for _, rules in weighed.kinds for rule in rules]
        wrong = corrections(option)
        every = [*held, *weighed.first, *weighed.speaks_for, *weighed.warns, *weighed.notes]
        yield from self._rule_list([rule for rule in every if rule in wrong])
        every = [rule for rule in every if rule not in wrong]
        told = f"{len(weighed.speaks_for)} for it, {len(held) + len(weighed.warns)} against it"
        if every:
            yield from self._folded(every, f"{told}, {_some(len(weighed.notes), 'note', 'notes')}")

    def _kinds(self, kinds: Sequence[tuple[WalkedKind, Sequence[Spoken]]]) -> Iterator[str]:
        if not kinds:
            return
        yield '<ul class="kinds">'
        for kind, rules in kinds:
            if kind.status in ("review", "held-back"):
                yield f"<li>{_text(kind.name)}: {_worded(kind.status)}"
                yield from self._rule_list(rules, named=False)
                yield "</li>"
        asking: dict[tuple[str, ...], list[str]] = {}
        for kind, _ in kinds:
            if kind.status == "after-asking":
                asking.setdefault(kind.asks, []).append(_text(kind.name))
        for paths, names in asking.items():
            yield f"<li>{', '.join(names)}: {_worded('after-asking')}. {self._waits(paths)}</li>"
        clear = [_text(kind.name) for kind, _ in kinds if kind.status == "clear"]
        if clear:
            yield f'<li>{", ".join(clear)}: <span class="status s-go">not held back</span></li>'
        yield "</ul>"

    def _would(self, rules: Sequence[Spoken]) -> Iterator[str]:
        counted = [(sum(rule.verb == verb for rule in rules), does) for verb, does in WOULD.items()]
        told = ", ".join(f"{_some(number, 'rule', 'rules')} would {does}" for number, does in counted if number)
        yield from self._folded(rules, f"If so answered, {told}")

    def _numbers(self, paths: Iterable[str]) -> tuple[list[int], list[str]]:
        """The numbers of the open questions that ask for these fields, and the fields that none asks for."""
        every = list(paths)
        return sorted(self.number[path] for path in every if path in self.number), [
            path for path in every if path not in self.number
        ]

    def _waits(self, paths: Iterable[str]) -> str:
        """The questions that something waits for, by their numbers in the list of open questions."""
        numbers, others = self._numbers(paths)
        links = [f'<a href="#{self.id}-q{n}">{n}</a>' for n in numbers]
        links += [f"<code>{_text(path)}</code>" for path in others]
        return f"Waits for {'questions' if len(links) > 1 else 'question'} {', '.join(links)}"

    # ---- rules ----

    def _rule_list(self, rules: Iterable[Spoken], named: bool = True) -> Iterator[str]:
        every = list(rules)
        if every:
            yield '<ul class="rules">'
            for rule in every:
                yield from self._rule(rule, self.kinds.get(rule.target, "") if named else "")
            yield "</ul>"

    def _folded(self, rules: Sequence[Spoken], told: str) -> Iterator[str]:
        if rules:
            yield f'<details class="more"><summary>{told}</summary>'
            yield from self._rule_list(rules)
            yield "</details>"

    def _rule(self, rule: Spoken, about: str = "") -> Iterator[str]:
        self.told.add(rule.rule)
        marks = "".join(self._mark(source) for source in rule.source)
        yield f'<li class="rule {_text(rule.layer)}"><details>'
        yield (
            f'<summary><span class="layer">{LAYERS.get(rule.layer, _text(rule.layer))}</span>'
            f"<strong>{_text(self._verb(rule))}</strong>: {_text(about + rule.because)}{self._asked(rule)} "
            f"{marks}{_flag(rule)}</summary>"
        )
        on = f", on {_text(', '.join(rule.hangs_on))}" if rule.hangs_on else ""
        about_what = f"about <code>{_text(rule.target)}</code>: {rule.verdict}{on}"
        yield f"<p>Rule <code>{_text(rule.rule)}</code>, {about_what}.</p>"
        if rule.asks:
            yield f"<p>{self._waits(rule.asks)}</p>"
        yield "<ul>"
        yield from (f"<li>{self._source(source)}</li>" for source in rule.source)
        yield "</ul>"
        yield "</details></li>"

    def _verb(self, rule: Spoken) -> str:
        verb = VERBS.get(rule.verb, rule.verb)
        if rule.verb == "refer":
            verb = f"refer to {rule.detail.get('to', '')}"
        if rule.detail.get("reason") == "not-recommended":
            verb += ", not recommended"
        if rule.verdict != "asks":
            return verb
        return "first, unless done already" if rule.verb == "first" else f"would be: {verb}, if so answered"

    def _asked(self, rule: Spoken) -> str:
        """What a rule asks for, as text: a link would not work inside the summary that it stands in."""
        numbers, others = self._numbers(rule.asks)
        asked = [f"question{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"] if numbers else []
        return f" ({_text('; '.join([*asked, *others]))})" if rule.asks else ""

    def _mark(self, source: Cited) -> str:
        """The number by which a sentence cites its source, with a warning where nobody could verify it."""
        return f"[{self.sources.number(source)}{'' if source.verified else ', NOT VERIFIED'}]"

    def _others(self, rules: Iterable[Spoken]) -> Iterator[str]:
        """The rules that were not told yet, folded away but there; the silent ones by what holds them."""
        every = [rule for rule in rules if rule.rule not in self.told]
        if not every:
            return
        self.told.update(rule.rule for rule in every)
        told = _some(len(every), "more rule", "more rules")
        yield f'<details class="silent"><summary>{told} here, silent or not in play</summary>'
        yield "<ul>"
        silent: dict[str, list[str]] = {}
        for rule in every:
            if rule.verdict == "silent":
                silent.setdefault(rule.held_by, []).append(f"<code>{_text(rule.rule)}</code>")
                continue
            waits = f"{self._waits(rule.asks)}. " if rule.asks else ""
            marks = "".join(self._mark(source) for source in rule.source)
            verb = _text(self._verb(rule))
            yield f"<li><code>{_text(rule.rule)}</code>: {verb}. {waits}{_text(rule.because)} {marks}</li>"
        for held_by, names in silent.items():
            yield f"<li>Held by {_text(held_by)}: {', '.join(names)}</li>"
        yield "</ul></details>"

    def _source(self, source: Cited) -> str:
        number = self.sources.number(source)
        return f'<a href="#{self.id}-s{number}">[{number}]</a> {self._source_text(source, linked=False)}'

    def _source_text(self, source: Cited, linked: bool = True) -> str:
        if source.doc == "faq":
            wrong = source.claim_verdict == "contradicted"
            verdict = (
                f'<strong class="wrong">{source.claim_verdict} by the evidence</strong>'
                if wrong
                else _text(source.claim_verdict.replace("-", " "))
            )
            return f"FAQ, sentence {_text(source.at)}" + (f" ({verdict})" if source.claim_verdict else "")
        title = _link(source.link, _text(source.title)) if linked else _text(source.title)
        parts = [
            f"{title}. {_text(source.organisation)}" + (f", {source.year}" if source.year else ""),
            _text(source.at),
            f"record <code>{_text(source.record)}</code>" if source.record else "",
            HOW_READ.get(source.opened_type, ""),
            "" if source.verified else '<strong class="wrong">NOT VERIFIED</strong>',
        ]
        return "; ".join(part for part in parts if part)

    # ---- the bottom ----

    def _questions(self) -> Iterator[str]:
        walk = self.walk
        if not walk.questions:
            return
        yield f'<section aria-labelledby="{self.id}-ask">'
        yield self._heading(1, f"Open questions ({len(walk.questions)}), the most telling first", f"{self.id}-ask")
        yield '<ol class="questions">'
        for number, question in enumerate(walk.questions, 1):
            danger = '<span class="danger">DANGER</span>' if question.danger else ""
            about = f" About: {', '.join(_text(value) for value in question.about)}." if question.about else ""
            yield (
                f'<li id="{self.id}-q{number}">{danger}{_text(question.question)}{about} '
                f'<span class="s-quiet">(<code>{_text(question.field)}</code>; {question.holds} wait for it)</span>'
                "</li>"
            )
        yield "</ol>"
        yield "</section>"

    def _contradicted(self) -> Iterator[str]:
        walk = self.walk
        every = [
            *walk.beside,
            *(rule for step in walk.steps for rule in step.rules),
            *(rule for step in walk.steps for option in step.options for rule in option.rules),
        ]
        wrong = dict.fromkeys(
            (source.at, source.claim_sentence)
            for rule in every
            for source in rule.source
            if source.claim_verdict == "contradicted" and rule.verdict != "silent"
        )
        if wrong:
            yield f'<section aria-labelledby="{self.id}-wrong">'
            yield self._heading(1, "Where the evidence contradicts the FAQ", f"{self.id}-wrong")
            yield "<ul>"
            yield from (
                f'<li><strong class="wrong">FAQ {_text(at)}, contradicted:</strong> {_text(said)}</li>'
                for at, said in wrong
            )
            yield "</ul>"
            yield "</section>"

    def _cited(self) -> Iterator[str]:
        if not self.sources.numbers:
            return
        yield f'<section aria-labelledby="{self.id}-sources">'
        yield self._heading(1, "Sources", f"{self.id}-sources")
        yield '<ol class="sources">'
        yield from (
            f'<li id="{self.id}-s{n}">{self._source_text(source)}</li>' for source, n in self.sources.numbers.items()
        )
        yield "</ol>"
        yield "</section>"

    def _stamp(self) -> Iterator[str]:
        walk = self.walk
        as_of = f", as of {walk.as_of}" if walk.as_of else ""
        policy = "".join(f"; policy {_text(said)}" for said in policies_said(walk.policy))
        yield (
            f'<p class="stamp">pathway {_text(walk.software)}, rules {_text(walk.edition)}, '
            f"digest <code>{_text(walk.digest[:12])}</code>{as_of}{policy}; case {_text(walk.case)}</p>"
        )
