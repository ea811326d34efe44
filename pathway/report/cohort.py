"""A cohort as one self-contained web page, and as JSON: counts, charts beside the tables that they draw, no case.

The charts are Vega-Lite and Vega, drawn once by vl-convert: static SVG, no script, no browser, no network. It was
chosen among the well-kept ones because it alone has all of these: it is Vega's own converter and Altair's; one wheel
without dependencies; text stays text; colours may be those of the page, so one drawing serves light, dark and print;
and a flow picture can be drawn with it. Matplotlib fixes its colours and brings more along; pygal has no flow picture.

Nothing here knows a hidden count: the page is made from what `pathway.batch.cohort` tells, its shares from the counts
that are told. What a chart cannot draw to scale it draws dashed, with its words.
"""

from __future__ import annotations

import json
import math
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

from pathway.batch.cohort import (
    ENDINGS,
    OPTION_STATUSES,
    START,
    STEP_STATUSES,
    WARNINGS,
    Cohort,
    OptionCounts,
    QuestionCounts,
    RuleCount,
    Stage,
)
from pathway.batch.suppression import Count
from pathway.policy import policies_said
from pathway.problem import shown
from pathway.report.data import to_json
from pathway.report.page import LAYERS, TONES
from pathway.rules import Cited

ENDING_NAMES = {
    "referral-emergency": "Stop: refer as an emergency",
    "referral-urgent": "Stop: refer urgently",
    "out-of-scope": "Stop: out of scope",
    "not-chronic": "Stop: not chronic pain",
    "current": "Now at a step",
    "questions": "Questions first",
    "end": "At the end of the documented way",
}
ENDING_TONES = {
    "referral-emergency": "halt", "referral-urgent": "halt", "out-of-scope": "quiet", "not-chronic": "quiet",
    "current": "go", "questions": "ask", "end": "doc",
}  # fmt: skip
VERB_TITLES = {
    "caution": "Cautions",
    "against": "Advised against for the condition",
    "review": "To be reviewed: what is being taken or done",
    "first": "What must come first",
    "refer": "Referrals; the walk goes on",
}
MOST_BARS = 15
MOST_ROWS = 20
MOST_RULES = 12
MOST_KEPT = 10  # rows of a table that is not parted between two pages
FEW = 3
_NOTES = (
    (
        "This page says where the rules place the cases of one cohort, as its rows were filled in. It is no "
        "rate of any population, and it says nothing of how well a treatment works. What is right for one "
        "person is for that person and a professional to decide."
    ),
    (
        "Counts of 1 to 10 are not told: <strong>&lt;11</strong> stands for them. So that none of them can be "
        "worked out from the others, some larger counts are not told either: <strong>11+</strong> is 11 or "
        "more, and of what is <strong>hidden</strong> nothing is told. Shares are taken from counts that are "
        "told, and lists begin with these."
    ),
)
_SAYS = {
    "ends": (
        "Every walk has one ending. A warning sign or the scope ends it before the steps. Else it is now at one "
        "step or more, or waits for answers, or has come to the end of the documented way, where the "
        "clinician’s judgement begins."
    ),
    "way": (
        "Each case goes down the steps until one holds it: the first that is not behind it, done or not needed. "
        "There it leaves this picture, with the ending of its walk. Steps that are walked side by side stand "
        "together: a case that stands at either of them leaves at both."
    ),
    "steps": (
        "Every case has a status at every step, whether or not its walk has come there. <em>Current</em>: "
        "something there is open, running or helping. <em>Done</em>: gone past. <em>Asks</em>: an answer is "
        "missing. <em>Stopped</em>: nothing there is open, and no way past. <em>Not needed</em>: something "
        "helps already, or there is nothing to correct. <em>Not yet</em>: the walk has not come there."
    ),
    "options": (
        "<em>Offered</em>: the rules put it to the clinician. <em>After asking</em>: an answer is missing. "
        "<em>Continue</em> and <em>under way</em>: it helps, or is going on. <em>Review</em> and <em>held "
        "back</em>: a rule speaks against what is going on, or against beginning it. <em>Withheld</em>: the "
        "walk has ended before the steps. <em>Left</em>: untried, and its step is done. The others need no "
        "word."
    ),
    "held": (
        "A rule of the safety and evidence layer holds an option back; several may do so in one case, so these "
        "counts do not add up. Counted are the cases in which the option is held back, and what is already "
        "taken is not among them: it is to be reviewed."
    ),
    "ended": (
        "These rules end a walk with a referral, or because the pathway does not speak of the person. Several "
        "may fire in one case."
    ),
    "warnings": (
        "For how many cases each rule fires, whether or not its option is in play there. What warns of an "
        "option whoever the person is fires for every case. Rules that fire for nobody are not listed."
    ),
    "missing": (
        "A fact is missing where its answer could still change a status. Beside it stand options and steps that wait "
        "in these cases, first those of whose waiting cases the most lack it: they may wait for this fact, or for "
        "another that is missing too."
    ),
    "quality": (
        "A row that holds what cannot be is refused whole, with the first problem that it has, and stands in "
        "the quarantine."
    ),
}
_INK = {"go": "var(--go)", "ask": "var(--ask)", "halt": "var(--halt)", "quiet": "var(--soft)", "doc": "var(--doc)"}
_FONT = "Source Sans 3, Segoe UI, Helvetica Neue, Arial, sans-serif"
_CSS = """
:root { --link: #0b4a99; --tint: #e9edf2; }
a { color: var(--link); }
:is(a, summary, [tabindex]):focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.lead { font-size: 1.12rem; max-width: 46rem; } .prose { max-width: 46rem; }
.note { border-left: .3rem solid var(--line); padding: .1rem 0 .1rem .9rem; margin: 1rem 0; max-width: 46rem; }
.key { display: grid; gap: .8rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 11rem), 1fr));
  margin: 1.2rem 0; }
.key > div { border-top: 3px solid var(--ink); padding-top: .3rem; }
.key dt { color: var(--soft); font-size: .93rem; }
.key dd { margin: 0; font-size: 1.75rem; font-weight: 600; line-height: 1.15; font-variant-numeric: tabular-nums; }
.key small { display: block; font-size: .86rem; font-weight: 400; color: var(--soft); }
.contents ul { columns: 16rem; padding-left: 1.1rem; }
section > h2 { border-top: 1px solid var(--line); padding-top: 1.1rem; margin-top: 2.2rem; }
figure { margin: 1rem 0; } figcaption { color: var(--soft); font-size: .93rem; max-width: 46rem; }
.scroll { overflow-x: auto; margin: .9rem 0; }
.chart svg { display: block; width: 100%; height: auto; } .chart text { font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; font-size: .93rem; min-width: 100%; }
caption { text-align: left; font-weight: 600; padding: .2rem 0 .4rem; }
caption span { display: block; position: sticky; left: 0; max-width: calc(100vw - 2.5rem); }
th, td { text-align: left; vertical-align: top; padding: .28rem .7rem .28rem 0; border-top: 1px solid var(--tint); }
thead th { border-top: 0; border-bottom: 2px solid var(--line); vertical-align: bottom; font-weight: 600; }
tbody th { font-weight: 400; min-width: 9rem; overflow-wrap: normal; }
tbody .group th { font-weight: 600; padding-top: .8rem; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; padding: .28rem 0 .28rem .7rem; }
.wide .n { padding-left: .45rem; }
.wide thead .n { white-space: normal; min-width: 3.6rem; overflow-wrap: normal; }
.n + :not(.n) { padding-left: 1.2rem; } td ul { list-style: none; margin: 0; padding: 0; }
td li + li { margin-top: .3rem; }
.zero { color: var(--soft); } .masked { color: var(--soft); font-style: italic; }
.id { display: block; color: var(--soft); font-size: .86rem; }
.why { min-width: 16rem; max-width: 40rem; } .source { min-width: 9rem; }
tbody th.why { width: 50%; }
details > summary { padding: .25rem 0; } details.fold > :not(summary) { margin-left: 0; font-size: inherit; }
@media (max-width: 46rem) { .chart svg { width: 46rem; } }
@media screen and (prefers-color-scheme: dark) { :root { color-scheme: dark; --ink: #e6eaef; --soft: #a9b4c0;
  --line: #66717f; --paper: #14181d; --wash: #1d232a; --tint: #2a323c; --doc: #8ab6ee; --safe: #f0a37f; --go: #7cc99a;
  --ask: #e3bd62; --halt: #f19a94; --link: #93bff5; } }
@media print { :root { --tint: #d9dde2; font-size: 10pt; } .key { grid-template-columns: repeat(4, 1fr); }
  .scroll { overflow: visible; } table { font-size: 8pt; }
  .wide table { font-size: 7pt; } .wide :is(th, td) { padding-right: .2rem; } .wide .n { padding-left: .2rem; }
  .wide thead .n, tbody th, .why, .source { min-width: 0; } tr, figure, .keep, .key > div { break-inside: avoid; }
  details.fold:not([open]) > summary::after { content: " (open it to have it printed)"; }
  thead { display: table-header-group; } thead, figure, caption { break-after: avoid; } .contents { display: none; } }
"""


def render_cohort(cohort: Cohort) -> str:
    """One HTML5 file with nothing outside it and no script in it.

    Errors:  ImportError where vl-convert is not installed.
    """
    title = "A cohort on the pathway"
    body = "\n".join(_Page(cohort).lines())
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<meta name="color-scheme" content="light dark">\n'
        f"<title>{title}: chronic-pain pathway</title>\n<style>\n{_css()}{_CSS}</style>\n</head>\n<body>\n"
        '<a class="skip" href="#cohort">Skip to the cohort</a>\n'
        '<header>\n<p class="stamp">Chronic-pain treatment pathway. A decision aid for health-care professionals: '
        f'options and reasons, never orders.</p>\n</header>\n<main id="cohort">\n<h1>{title}</h1>\n{body}\n</main>\n'
        f'<footer aria-label="Intended use">\n<p><strong>For:</strong> {_text(cohort.intended_for)}</p>\n'
        f"<p><strong>Not for:</strong> {_text(cohort.not_for)}</p>\n</footer>\n</body>\n</html>\n"
    )


def cohort_json(cohort: Cohort) -> str:
    """The cohort as JSON. The same cohort gives the same bytes."""
    return to_json(cohort.as_data())


@cache
def _css() -> str:
    return files("pathway.report").joinpath("page.css").read_text(encoding="utf-8")


# ---- words and cells ----


def _text(text: str) -> str:
    """Text as HTML shows it and nothing more: one line, escaped, invisible characters made visible."""
    return escape(shown(" ".join(text.split())), quote=True)


def _plain(name: str) -> str:
    """A name of the rules as words."""
    return name.replace("-", " ")


def _told(count: Count) -> str:
    return f"{count:,}" if isinstance(count, int) else count


def _share(count: Count, of: Count) -> str:
    """A share of two counts that are told; a dash where one is not."""
    if not isinstance(count, int) or not isinstance(of, int) or not of:
        return "–"
    share = f"{100 * count / of:.1f}%"
    return "<0.1%" if count and share == "0.0%" else share


def _says(part: str) -> str:
    return f'<p class="prose">{_SAYS[part]}</p>'


def _cell(text: Count, number: bool = True) -> str:
    kind = "zero" if text == 0 else "masked" if isinstance(text, str) and number else ""
    return f'<td class="{f"n {kind}".strip()}">{escape(_told(text))}</td>'


def _words(markup: str, kind: str = "") -> str:
    """A cell of words, which are markup already."""
    return f'<td class="{kind}">{markup}</td>' if kind else f"<td>{markup}</td>"


def _percent(count: Count, of: Count) -> str:
    return f'<td class="n">{escape(_share(count, of))}</td>'


def _source(source: Cited) -> str:
    if source.doc == "faq":
        wrong = ' <strong class="wrong">contradicted</strong>' if source.claim_verdict == "contradicted" else ""
        return f"FAQ, sentence {_text(source.at)}{wrong}"
    told = _text(source.organisation) + (f", {source.year}" if source.year else "")
    if source.link.startswith(("https://", "http://")):
        told = f'<a href="{escape(source.link, quote=True)}" rel="noreferrer">{told}</a>'
    return told if source.verified else f'{told} <strong class="wrong">NOT VERIFIED</strong>'


@dataclass(frozen=True)
class _Head:
    """The head of a column; `words` for one that holds words, not numbers."""

    title: str
    words: bool = False


def _table(id: str, caption: str, heads: Sequence[_Head], rows: Iterable[str], wide: bool = False) -> Iterator[str]:
    """A table in a region of its own, which scrolls where the screen is too narrow."""
    lines = list(rows)
    kind = f"scroll{' wide' if wide else ''}{' keep' if len(lines) <= MOST_KEPT else ''}"
    yield f'<div class="{kind}" role="region" aria-labelledby="{id}" tabindex="0">'
    yield f'<table>\n<caption><span id="{id}">{caption}</span></caption>\n<thead>\n<tr>'
    yield from (f'<th scope="col" class="{"" if head.words else "n"}">{_text(head.title)}</th>' for head in heads)
    yield "</tr>\n</thead>\n<tbody>"
    yield from lines
    yield "</tbody>\n</table>\n</div>"


def _row(name: str, *cells: str) -> str:
    return f'<tr><th scope="row">{name}</th>{"".join(cells)}</tr>'


class _Page:
    """The parts of the page, one after the other."""

    def __init__(self, cohort: Cohort) -> None:
        self.cohort = cohort
        self.names = {option.option: option.name for option in cohort.options}
        self.names |= {step.step: step.title for step in cohort.steps}

    def lines(self) -> Iterator[str]:
        cohort = self.cohort
        if not cohort.enough:
            yield (
                f'<p class="lead">This cohort has fewer than {cohort.threshold} cases. So few people might be known by '
                "their numbers, so this page tells no count of them.</p>"
            )
            yield from self._stamp()
            return
        yield f'<p class="lead">{_told(cohort.evaluated)} cases, each walked by the same rules, counted together.</p>'
        yield from self._frame()
        yield from self._sizes()
        parts = [(id, title, lines) for id, title, made in self._parts() if (lines := list(made))]
        yield '<nav class="contents" aria-labelledby="contents">\n<h2 id="contents">On this page</h2>\n<ul>'
        yield from (f'<li><a href="#{id}">{title}</a></li>' for id, title, _ in parts)
        yield "</ul>\n</nav>"
        for id, title, lines in parts:
            yield f'<section aria-labelledby="{id}">\n<h2 id="{id}">{title}</h2>'
            yield from lines
            yield "</section>"

    def _parts(self) -> Iterator[tuple[str, str, Iterator[str]]]:
        yield ("ends", "How the walks end", self._endings())
        yield ("way", "Who goes where", self._way())
        yield ("steps", "Who stands at each step", self._steps())
        yield ("options", "What is offered and what is held back", self._options())
        yield ("held", "Why options are held back", self._held())
        yield ("ended", "What ends walks before the steps", self._ended())
        yield ("warnings", "Cautions and other warnings", self._warnings())
        yield ("missing", "What is missing", self._missing())
        yield ("quality", "The data that came in", self._quality())
        yield ("rests", "What this rests on", self._stamp())

    # ---- the top ----

    def _frame(self) -> Iterator[str]:
        yield '<div class="note">'
        yield from (f"<p>{told}</p>" for told in _NOTES)
        yield "</div>"

    def _sizes(self) -> Iterator[str]:
        cohort = self.cohort
        told: list[tuple[str, Count, str]] = [
            ("Rows received", cohort.received, ""),
            ("Cases walked", cohort.evaluated, self._of(cohort.evaluated, cohort.received, "of the rows")),
            ("Rows refused", cohort.refused, self._of(cohort.refused, cohort.received, "of the rows")),
        ]
        if cohort.with_questions is not None:
            of = self._of(cohort.with_questions, cohort.evaluated, "of the cases")
            told.append(("With an open question", cohort.with_questions, of))
        yield '<dl class="key">'
        for name, count, beside in told:
            small = f"<small>{beside}</small>" if beside else ""
            yield f"<div><dt>{name}</dt><dd>{escape(_told(count))}{small}</dd></div>"
        yield "</dl>"

    def _of(self, count: Count, whole: Count, of: str) -> str:
        share = _share(count, whole)
        return "" if share == "–" else f"{escape(share)} {of}"

    # ---- endings, way, steps ----

    def _endings(self) -> Iterator[str]:
        endings = self.cohort.endings or {}
        yield _says("ends")
        bars = [_Bar(ENDING_NAMES[ending], endings[ending], ENDING_TONES[ending]) for ending in ENDINGS]
        yield from _figure("ends", _bars(bars, self.cohort.evaluated), "Cases by the ending of their walk", bars)
        rows = [
            _row(ENDING_NAMES[ending], _cell(endings[ending]), _percent(endings[ending], self.cohort.evaluated))
            for ending in ENDINGS
        ]
        heads = [_Head("Ending", True), _Head("Cases"), _Head("Share")]
        yield from _table("t-ends", "Cases by the ending of their walk", heads, rows)

    def _way(self) -> Iterator[str]:
        yield _says("way")
        stages = [stage for stage in self.cohort.way if stage.arrived != 0]
        bars = [
            _Bar(f"{self._stage(stage)}: {ENDING_NAMES[ending]}", count, "")
            for stage in stages
            for ending, count in stage.leaves.items()
            if count
        ]
        spec = _flow(stages, [self._stage(stage) for stage in stages], self.cohort.evaluated)
        yield from _figure(
            "way",
            spec,
            "Who leaves the way where",
            bars,
            "The band is as wide as the cases that go on; what leaves it bends down. Dashed: not told.",
        )
        heads = [
            _Head("Where", True),
            _Head("Arrive"),
            *(_Head(ENDING_NAMES[ending]) for ending in ENDINGS),
            _Head("Go on"),
        ]
        rows = []
        for stage in self.cohort.way:
            cells = [_cell(stage.arrived)]
            cells += [_cell(stage.leaves[e]) if e in stage.leaves else _words("", "n") for e in ENDINGS]
            rows.append(_row(self._stage(stage), *cells, _cell(stage.goes_on)))
        yield from _table(
            "t-way", "Who arrives at each step, who leaves there, and who goes on", heads, rows, wide=True
        )

    def _stage(self, stage: Stage) -> str:
        if stage.titles:
            return _text(" and ".join(stage.titles))
        return "Before the steps" if stage.stage == START else "All steps behind"

    def _steps(self) -> Iterator[str]:
        cohort = self.cohort
        yield _says("steps")
        told = {step.title: step.statuses for step in cohort.steps}
        bars = [
            _Bar(f"{name}: {_plain(s)}", count, "") for name, by in told.items() for s, count in by.items() if count
        ]
        spec = _lens({"": told}, STEP_STATUSES, cohort.evaluated)
        yield from _figure("steps", spec, "Cases by their status at each step", bars, _LENS)
        heads = [_Head("Step", True), *(_Head(_plain(status)) for status in STEP_STATUSES)]
        rows = [_row(_text(s.title), *(_cell(s.statuses[status]) for status in STEP_STATUSES)) for s in cohort.steps]
        yield from _table("t-steps", "Cases by their status at each step", heads, rows, wide=True)

    # ---- options ----

    def _options(self) -> Iterator[str]:
        cohort = self.cohort
        yield _says("options")
        used = [status for status in OPTION_STATUSES if any(option.statuses[status] for option in cohort.options)]
        unused = [_plain(status) for status in OPTION_STATUSES if status not in used]
        groups: dict[str, dict[str, Mapping[str, Count]]] = {}
        for option in cohort.options:
            groups.setdefault(self.names.get(option.step, option.step), {})[option.name] = option.statuses
        bars = [
            _Bar(f"{o.name}: {_plain(status)}", o.statuses[status], "")
            for o in cohort.options
            for status in used
            if o.statuses[status]
        ]
        yield from _figure(
            "options", _lens(groups, used, cohort.evaluated), "Cases by the status of each option", bars, _LENS
        )
        heads = [_Head("Option", True), *(_Head(_plain(status)) for status in used)]
        rows = []
        for step, options in groups.items():
            rows.append(f'<tr class="group"><th scope="rowgroup" colspan="{len(heads)}">{_text(step)}</th></tr>')
            rows += [_row(_text(name), *(_cell(by[status]) for status in used)) for name, by in options.items()]
        yield from _table("t-options", "Cases by the status of each option", heads, rows, wide=True)
        if unused:
            yield f'<p class="plain">No option in any case: {", ".join(unused)}.</p>'

    def _held(self) -> Iterator[str]:
        held = [option for option in self.cohort.options if option.statuses["held-back"]]
        if not held:
            return
        yield _says("held")
        rows = []
        for option in held:
            most = [rule for rule in option.held_by if isinstance(rule.count, int)][:FEW]
            told = "".join(f"<li><strong>{_told(rule.count)}</strong> {_text(rule.because)}</li>" for rule in most)
            untold = sum(not isinstance(rule.count, int) for rule in option.held_by)
            told += f"<li>{untold} whose counts are not told: see below</li>" if untold else ""
            told = f"<ul>{told}</ul>" if told else "–"
            count = option.statuses["held-back"]
            rows.append(
                _row(_text(option.name), _cell(count), _percent(count, self.cohort.evaluated), _words(told, "why"))
            )
        heads = [
            _Head("Option", True),
            _Head("Held back"),
            _Head("Share"),
            _Head("Most common reasons of those told", True),
        ]
        yield from _table("t-held", f"Options held back, and up to {FEW} reasons for each", heads, rows)
        for option in held:
            yield from self._reasons(option)

    def _reasons(self, option: OptionCounts) -> Iterator[str]:
        count = len(option.held_by)
        reasons = "1 reason" if count == 1 else f"{count} reasons"
        yield f'<details class="fold"><summary>{_text(option.name)}: {reasons}</summary>'
        extra = []
        if option.not_available:
            told = "Not available here, as the policy says; no rule holds it back"
            extra = [_row(told, _cell(option.not_available), _words(""), _words(""))]
        yield from self._rules(
            f"t-held-{option.option}", f"What holds back: {_text(option.name)}", option.held_by, extra
        )
        yield "</details>"

    def _rules(self, id: str, caption: str, rules: Sequence[RuleCount], more: Sequence[str] = ()) -> Iterator[str]:
        heads = [_Head("The rule says", True), _Head("Cases"), _Head("Layer", True), _Head("Source", True)]
        yield from _table(id, caption, heads, [*map(self._rule, rules), *more])

    def _rule(self, rule: RuleCount) -> str:
        about = f"<code>{_text(rule.rule)}</code>, {_text(self._about(rule))}"
        name = f'<th scope="row" class="why">{_text(rule.because)}<span class="id">{about}</span></th>'
        sources = "; ".join(dict.fromkeys(map(_source, rule.source)))
        layer = _text(LAYERS.get(rule.layer, rule.layer))
        return f"<tr>{name}{_cell(rule.count)}{_words(layer)}{_words(sources, 'source')}</tr>"

    def _about(self, rule: RuleCount) -> str:
        if rule.verb == "end":
            return f"graded {rule.target}"
        return f"about {self.names.get(rule.target, _plain(rule.target))}"

    def _ended(self) -> Iterator[str]:
        if not self.cohort.ended_by:
            return
        yield _says("ended")
        yield from self._listed("t-ended", "Rules that end walks, most common first", self.cohort.ended_by)

    def _warnings(self) -> Iterator[str]:
        if not self.cohort.warnings:
            return
        yield _says("warnings")
        for verb in WARNINGS:
            rules = [rule for rule in self.cohort.warnings if rule.verb == verb]
            if rules:
                yield f"<h3>{VERB_TITLES[verb]}</h3>"
                yield from self._listed(f"t-{verb}", "Rules that fire, most common first", rules)

    def _listed(self, id: str, caption: str, rules: Sequence[RuleCount]) -> Iterator[str]:
        """The first rules of a list, the others folded; and so those that fire for every case, which tell least."""
        always = [rule for rule in rules if rule.count == self.cohort.evaluated]
        some = [rule for rule in rules if rule not in always]
        if some:
            yield from self._rules(id, caption, some[:MOST_RULES])
        yield from self._folded(f"{id}-more", f"{caption}: the others", some[MOST_RULES:], "more")
        yield from self._folded(f"{id}-all", f"{caption}: for every case", always, "that fire for every case")

    def _folded(self, id: str, caption: str, rules: Sequence[RuleCount], told: str) -> Iterator[str]:
        if rules:
            yield f'<details class="fold"><summary>{len(rules)} {told}</summary>'
            yield from self._rules(id, caption, rules)
            yield "</details>"

    # ---- data ----

    def _missing(self) -> Iterator[str]:
        cohort = self.cohort
        questions = [question for question in cohort.questions if question.count]
        if cohort.with_questions is None:
            yield '<p class="prose">This batch did not ask what is missing.</p>'
        elif not questions:
            yield '<p class="prose">No fact is missing that would change a walk.</p>'
        else:
            yield _says("missing")
            bars = [_Bar(q.field, q.count, "ask") for q in questions[:MOST_BARS] if isinstance(q.count, int)]
            if bars:
                yield from _figure("missing", _bars(bars, cohort.evaluated), "The most common missing facts", bars)
            yield from self._asked("t-missing", "Missing facts, most common first", questions[:MOST_ROWS])
            rest = questions[MOST_ROWS:]
            if rest:
                yield f'<details class="fold"><summary>{len(rest)} more</summary>'
                yield from self._asked("t-missing-more", "Missing facts: the others", rest)
                yield "</details>"

    def _asked(self, id: str, caption: str, questions: Sequence[QuestionCounts]) -> Iterator[str]:
        heads = [_Head("Fact", True), _Head("Cases"), _Head("Share"), _Head("Waiting beside it", True)]
        rows = []
        for question in questions:
            name = f'{_text(question.question)}<span class="id"><code>{_text(question.field)}</code></span>'
            share = _percent(question.count, self.cohort.evaluated)
            told = "; ".join(self._beside(question)) or "–"
            rows.append(_row(name, _cell(question.count), share, _words(told, "why")))
        yield from _table(id, caption, heads, rows)

    def _beside(self, question: QuestionCounts) -> Iterator[str]:
        """What waits where the fact is missing: first that of which the most cases lack it."""
        waits = {option.option: option.statuses["after-asking"] for option in self.cohort.options}
        waits |= {step.step: step.statuses["asks"] for step in self.cohort.steps}
        told = [
            (both, waiting, name)
            for name, both in {**question.options, **question.steps}.items()
            if isinstance(both, int) and both and isinstance(waiting := waits[name], int)
        ]
        for both, waiting, name in sorted(told, key=lambda each: (-each[0] / each[1], -each[0]))[:FEW]:
            yield f"{_text(self.names.get(name, name))} ({_told(both)} of {_told(waiting)})"

    def _quality(self) -> Iterator[str]:
        cohort = self.cohort
        if cohort.refusals:
            yield _says("quality")
            rows = []
            for refusal in cohort.refusals:
                columns = ", ".join(f"{_text(c) or 'the row'} ({escape(_told(n))})" for c, n in refusal.columns.items())
                rows.append(_row(f"<code>{_text(refusal.kind)}</code>", _cell(refusal.count), _words(columns, "why")))
            heads = [_Head("Kind of problem", True), _Head("Rows"), _Head("Columns", True)]
            yield from _table("t-refused", "Rows refused, by kind of problem and column", heads, rows)
        else:
            yield '<p class="prose">No row was refused.</p>'
        if not cohort.columns:
            return
        yield '<p class="prose">A blank cell is never taken for a no: it leaves the answer open.</p>'
        heads = [_Head("Column", True), _Head("Filled"), _Head("Blank"), _Head("Share blank")]
        # The order of the input tells nothing; by share it would tell where a hidden count lies.
        told = sorted(cohort.columns, key=lambda c: -c.blank if isinstance(c.blank, int) else 1)
        rows = [
            _row(f"<code>{_text(c.column)}</code>", _cell(c.filled), _cell(c.blank), _percent(c.blank, cohort.received))
            for c in told
        ]
        yield from _table("t-blank", "Cells by column, most blank first", heads, rows[:MOST_ROWS])
        if rows[MOST_ROWS:]:
            yield f'<details class="fold"><summary>{len(rows) - MOST_ROWS} more columns</summary>'
            yield from _table("t-blank-more", "Cells by column: the others", heads, rows[MOST_ROWS:])
            yield "</details>"

    def _stamp(self) -> Iterator[str]:
        cohort = self.cohort
        policy = policies_said(cohort.policy)
        yield '<dl class="known">'
        yield f"<dt>Rules</dt><dd>{_text(cohort.title)}, edition {_text(cohort.edition)}</dd>"
        yield f"<dt>Digest of the rules</dt><dd><code>{_text(cohort.digest)}</code></dd>"
        yield f"<dt>Software</dt><dd>pathway {_text(cohort.software)}</dd>"
        yield f"<dt>Policy</dt><dd>{_text('; '.join(policy)) if policy else 'all settings as the rules have them'}</dd>"
        if cohort.complete:
            yield f"<dt>Lists declared whole</dt><dd>{_text(', '.join(map(_plain, cohort.complete)))}</dd>"
        yield f"<dt>Smallest count told</dt><dd>{cohort.threshold}</dd>"
        yield "</dl>"


# ---- charts ----

_LENS = "Every bar is on one scale, from nobody to all cases. Counts that are not told stand as words."


@dataclass(frozen=True)
class _Bar:
    """One count of a chart, and what it is of."""

    label: str
    count: Count
    tone: str


def _figure(id: str, spec: dict[str, Any], title: str, counts: Sequence[_Bar], beside: str = "") -> Iterator[str]:
    """A chart with its name, and what it shows in words, for who cannot see it."""
    told = "; ".join(f"{bar.label}: {_told(bar.count)}" for bar in counts[:MOST_BARS])
    more = ", and more in the table" if len(counts) > MOST_BARS else ""
    caption = f"{title}. {beside}".strip() if beside else f"{title}."
    yield '<figure class="chart">'
    yield f'<div class="scroll" role="region" aria-label="Chart: {_text(title)}" tabindex="0">'
    yield _svg(spec, f"c-{id}", title, f"{told}{more}.")
    yield f"</div>\n<figcaption>{_text(caption)} The table below has the numbers.</figcaption>\n</figure>"


def _svg(spec: dict[str, Any], id: str, title: str, description: str) -> str:
    """The drawing of a chart, as one image with a name: what is inside it says nothing of its own."""
    import vl_convert

    lite = "vega-lite" in spec["$schema"]
    made = (vl_convert.vegalite_to_svg if lite else vl_convert.vega_to_svg)(spec, allowed_base_urls=[])
    box = re.search(r'viewBox="([^"]+)"', made)
    inside = made[made.index(">") + 1 :]
    inside = re.sub(r' (?:role|aria-[a-z]+|class|pointer-events)="[^"]*"', "", inside)
    inside = re.sub(r'<path d="[^"]*"(?: display="none")?/>(?=</g>)', _without_frame, inside)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="{id}-title {id}-desc" '
        f'viewBox="{box[1] if box else "0 0 1 1"}" focusable="false"><title id="{id}-title">{_text(title)}</title>'
        f'<desc id="{id}-desc">{_text(description)}</desc>{inside}'
    )


def _without_frame(found: re.Match[str]) -> str:
    """The foregrounds that Vega leaves in every group are not drawn, so they need not be there."""
    return "" if 'display="none"' in found[0] else found[0]


_AXIS = {
    "domain": False,
    "ticks": False,
    "grid": False,
    "title": None,
    "labelFontSize": 13,
    "labelLimit": 330,
    "labelPadding": 10,
}
_CONFIG = {
    "font": _FONT,
    "aria": False,
    "background": None,
    "view": {"stroke": None},
    "axis": {"labelColor": "currentColor", "labelFont": _FONT},
}


def _bars(bars: Sequence[_Bar], whole: int | str) -> dict[str, Any]:
    """Bars from nobody to the longest, each with its label and its count in words."""
    longest = max([bar.count for bar in bars if isinstance(bar.count, int)], default=1) or 1
    rows = [
        {"i": f"{i:03}", "n": bar.count if isinstance(bar.count, int) else 0, "told": _told(bar.count), **_ink(bar)}
        for i, bar in enumerate(bars)
    ]
    labels = {f"{i:03}": _short(bar.label) for i, bar in enumerate(bars)}
    y = {"field": "i", "type": "nominal", "sort": None, "axis": {**_AXIS, "labelExpr": _lookup(labels)}}
    x = {"field": "n", "type": "quantitative", "axis": None, "scale": {"domain": [0, longest]}}
    bar = {"mark": {"type": "bar", "height": 15}, "encoding": {"color": _COLOUR}}
    text = {
        "mark": {"type": "text", "align": "left", "dx": 6, "fontSize": 13, "color": "currentColor", "clip": False},
        "encoding": {"text": {"field": "told", "type": "nominal"}},
    }
    return _lite(rows, {"width": 520, "height": {"step": 25}, "encoding": {"y": y, "x": x}, "layer": [bar, text]})


def _lens(
    groups: Mapping[str, Mapping[str, Mapping[str, Count]]], statuses: Sequence[str], whole: Count
) -> dict[str, Any]:
    """A table of bars: a row for each thing, a column for each status, all on one scale."""
    scene = _Scene()
    names = {thing: _wrapped(thing) for things in groups.values() for thing in things}
    left = 12 + _LETTER * max((len(line) for lines in names.values() for line in lines), default=0)
    wide = min(_MOST_CELL, (_WIDTH - left) // max(len(statuses), 1) - _BETWEEN)
    for s, status in enumerate(statuses):
        words = _plain(status).split()
        for k, word in enumerate(words):
            scene.text(left + s * (wide + _BETWEEN), _LENS_HEAD - 8 - 14 * (len(words) - 1 - k), word, 12)
    y = _LENS_HEAD
    for group, things in groups.items():
        if group:
            scene.text(0, y + _LENS_ROW / 2 + 3, group, 12.5, weight=600)
            y += _LENS_ROW + 4
        for thing, counts in things.items():
            for k, line in enumerate(names[thing]):
                above = (k - (len(names[thing]) - 1) / 2) * _LENS_ROW / 2
                scene.text(
                    left - 10, y + _LENS_ROW / 2 + above, line, 12 if len(names[thing]) == 1 else 9.5, align="right"
                )
            for s, status in enumerate(statuses):
                x = left + s * (wide + _BETWEEN)
                scene.rect(x, y + 4, wide, _LENS_ROW - 8, "var(--tint)")
                _draw(scene, counts[status], whole, (x, y, wide), _INK[TONES.get(status, "quiet")])
            y += _LENS_ROW
        y += 6
    return scene.spec(_WIDTH, y)


def _draw(scene: _Scene, count: Count, whole: Count, cell: tuple[float, float, float], ink: str) -> None:
    """One bar of a table of bars: a count to scale, at least a hair wide, or the word for it."""
    x, y, wide = cell
    if isinstance(count, str):
        scene.text(x + 3, y + _LENS_ROW / 2, count, 10.5, style="italic")
    elif count and isinstance(whole, int):
        scene.rect(x, y + 4, max(wide * count / whole, 1), _LENS_ROW - 8, ink)


_COLOUR = {"field": "ink", "type": "nominal", "scale": None, "legend": None}


def _ink(bar: _Bar) -> dict[str, str]:
    return {"ink": _INK.get(bar.tone, _INK["quiet"])}


def _lookup(labels: Mapping[str, Any]) -> str:
    """An expression that gives each value its label."""
    return f"({json.dumps(labels)})[datum.value]"


def _wrapped(text: str) -> list[str]:
    """A name whole, in two lines where it is long: what is cut off may say the opposite."""
    lines = textwrap.wrap(shown(text), _LONG_NAME)
    return lines if len(lines) < 2 else textwrap.wrap(shown(text), max(_LONG_NAME, len(text) // 2 + 8))  # noqa: PLR2004


def _short(text: str, most: int = 52) -> str:
    text = shown(" ".join(text.split()))
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def _lite(rows: list[dict[str, Any]], more: Mapping[str, Any]) -> dict[str, Any]:
    schema = "https://vega.github.io/schema/vega-lite/v6.json"
    return {"$schema": schema, "data": {"values": rows}, "config": _CONFIG, "padding": 2, **more}


# ---- drawings that are laid out here ----

_WIDTH = 980
_LONG_NAME = 36
_LETTER, _MOST_CELL, _BETWEEN, _LENS_HEAD, _LENS_ROW = 6.3, 124, 9, 40, 20
_RIGHT, _TOP, _HEIGHT = 245, 66, 240
_NODE, _GAP, _LINE, _THIN, _BAND = 8, 6, 17, 1.4, 4
_RUN = 0.72  # how far what leaves runs to the right, of the way to the next step


class _Scene:
    """Rectangles, bands and words, each where it is to stand, as a Vega drawing."""

    def __init__(self) -> None:
        self.rects: list[dict[str, Any]] = []
        self.paths: list[dict[str, Any]] = []
        self.texts: list[dict[str, Any]] = []

    def rect(self, x: float, y: float, width: float, height: float, fill: str) -> None:
        """A rectangle."""
        self.rects.append({"x": x, "y": y, "width": width, "height": height, "fill": fill})

    def band(self, at: tuple[float, float], to: tuple[float, float], wide: float, ink: str, told: bool) -> None:
        """A band that bends from one place to another, a line where it is thin, and dashed where it is not told."""
        (x0, y0), (x1, y1), bend = at, to, (at[0] + to[0]) / 2
        path = f"M{x0:.1f},{y0:.1f}C{bend:.1f},{y0:.1f} {bend:.1f},{y1:.1f} {x1:.1f},{y1:.1f}"
        look: dict[str, Any] = {"stroke": ink, "strokeWidth": max(wide, _THIN), "opacity": 0.7}
        if wide > _BAND:
            y0, y1 = y0 + wide, y1 + wide
            path += f"V{y1:.1f}C{bend:.1f},{y1:.1f} {bend:.1f},{y0:.1f} {x0:.1f},{y0:.1f}Z"
            look = (
                {"fill": ink, "opacity": 0.42} if told else {"fill": ink, "fillOpacity": 0.12, **look, "strokeWidth": 1}
            )
        self.paths.append({"path": path, **look, "strokeDash": [] if told else [4, 3]})

    def text(
        self, x: float, y: float, text: str, size: float, weight: int = 400, align: str = "left", style: str = "normal"
    ) -> None:
        """Words, at the height of their middle."""
        look = {"fontSize": size, "fontWeight": weight, "align": align, "fontStyle": style}
        self.texts.append({"x": x, "y": y, "text": text, **look})

    def spec(self, width: float, height: float) -> dict[str, Any]:
        """The drawing, for Vega."""
        fixed = {"fill": {"value": "currentColor"}, "font": {"value": _FONT}, "baseline": {"value": "middle"}}
        kinds = {"rect": (self.rects, {}), "path": (self.paths, {}), "text": (self.texts, fixed)}
        marks = []
        for kind, (items, more) in kinds.items():
            names = dict.fromkeys(name for item in items for name in item)
            enter = {**{name: {"field": name} for name in names}, **more}
            marks.append({"type": kind, "from": {"data": kind}, "aria": False, "encode": {"enter": enter}})
        return {
            "$schema": "https://vega.github.io/schema/vega/v6.json",
            "width": width,
            "height": math.ceil(height),
            "autosize": "none",
            "background": None,
            "data": [{"name": kind, "values": items} for kind, (items, _) in kinds.items()],
            "marks": marks,
        }


def _flow(stages: Sequence[Stage], names: Sequence[str], whole: Count) -> dict[str, Any]:
    """A flow picture: one band that narrows from left to right; what leaves it bends down to its ending."""
    picture = _Flow(stages, whole if isinstance(whole, int) else 1)
    below = float(_TOP)
    for i in reversed(range(len(stages))):
        below = picture.stage(i, stages[i], names[i], below)
    return picture.scene.spec(_WIDTH, max(below, _TOP + _HEIGHT) + 4)


class _Flow:
    """Where everything stands in the flow picture."""

    def __init__(self, stages: Sequence[Stage], whole: int) -> None:
        self.scene = _Scene()
        self.scale = _HEIGHT / max(whole, 1)
        self.step = (_WIDTH - _RIGHT) / max(len(stages), 1)
        self.arrived = [*self._at_most(stages, whole), 0]

    def _at_most(self, stages: Sequence[Stage], whole: int) -> Iterator[int]:
        """How many arrive at each stage; where that is not told, how many it can be by what is told."""
        left = whole
        for stage in stages:
            left = stage.arrived if isinstance(stage.arrived, int) else left
            yield left
            left -= sum(count for count in stage.leaves.values() if isinstance(count, int))

    def stage(self, i: int, stage: Stage, name: str, below: float) -> float:
        """One stage, its name, the band that goes on, and what leaves below all later ones; how far down it reaches."""
        x, words = i * self.step + 2, _lines(name)
        for k, line in enumerate([*words, _told(stage.arrived)]):
            self.scene.text(x, _TOP - 12 - 15 * (len(words) - k), line, 12.5, weight=600 if k == len(words) else 400)
        self.scene.rect(x, _TOP, _NODE, max(self.arrived[i] * self.scale, 1.0), "var(--doc)")
        y = float(_TOP)
        if self.arrived[i + 1]:
            wide = self.arrived[i + 1] * self.scale
            told = isinstance(stage.goes_on, int)
            self.scene.band((x + _NODE, y), (x + self.step, y), wide, "var(--doc)", told)
            y += wide
        below = max(below, y) + _GAP
        for ending, count in stage.leaves.items():
            if count != 0:
                y, below = self._leave(x, y, below, ending, count)
        return below

    def _leave(self, x: float, y: float, below: float, ending: str, count: Count) -> tuple[float, float]:
        """One way out: how far down it reaches where it leaves, and where it ends."""
        told = isinstance(count, int)
        wide = max(count * self.scale, _THIN) if isinstance(count, int) else 0
        room = max(wide, _LINE)
        to, top = x + _NODE + _RUN * self.step, below + (room - wide) / 2
        ink = _INK[ENDING_TONES[ending]]
        self.scene.band((x + _NODE, y), (to, top), wide, ink, told)
        if told:
            self.scene.rect(to, top, 5, wide, ink)
        name = ENDING_NAMES[ending].removeprefix("Stop: ")
        self.scene.text(to + 10, below + room / 2, f"{name[0].upper()}{name[1:]}: {_told(count)}", 12.5)
        return y + wide, below + room + _GAP


def _lines(text: str, most: int = 17) -> list[str]:
    """Words in lines of about so many characters."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + len(word) < most:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
