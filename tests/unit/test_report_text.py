import re
from pathlib import Path

import pytest

import pathway
from pathway.cache import Compiled, bundled_cases
from pathway.report.markdown import render_markdown
from pathway.report.page import render_page
from pathway.report.text import COLOURS, MARKS, ORDER, Style, cited, render
from pathway.walks import Walk
from tests.unit.test_scenarios import HARMLESS, TWO_AND_TWO

CASES = sorted(path for path in bundled_cases().iterdir() if path.suffix in (".yaml", ".json"))
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def walked(compiled: Compiled, path: Path) -> Walk:
    return pathway.walk(pathway.read(path, compiled=compiled), compiled)


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture(scope="module")
def walks(compiled: Compiled) -> list[Walk]:
    assert len(CASES) >= 20
    return [walked(compiled, path) for path in CASES]


def test_without_colour_there_is_no_escape_code_and_with_it_only_colour_is_added(walks: list[Walk]):
    for walk in walks:
        plain, coloured = render(walk, Style(100)), render(walk, Style(100, colour=True))
        assert "\x1b" not in plain
        assert coloured != plain
        assert ESCAPE.sub("", coloured) == plain


@pytest.mark.parametrize("width", [50, 60, 80, 120])
def test_lines_are_no_wider_than_asked_unless_a_single_word_is(walks: list[Walk], width: int):
    for walk in walks:
        for line in render(walk, Style(width, full=True)).splitlines():
            assert len(line) <= width or " " not in line[19:].strip(), line


@pytest.mark.parametrize("full", [False, True])
def test_every_status_is_printed_in_words(walks: list[Walk], full: bool):
    seen = set()
    for walk in walks:
        text = render(walk, Style(100, full=full))
        for step in walk.steps:
            assert re.search(rf"^. {re.escape(step.title)} +{step.status} \(", text, re.MULTILINE)
            hidden = () if full else ("not-yet", "does-not-apply")
            for option in step.options:
                seen.add(option.status)
                if option.status not in hidden and (full or walk.ending.reason != "referral"):
                    assert re.search(rf"^    {option.status} ", text, re.MULTILINE)
                    assert option.name in flat(text)
    assert seen == set(ORDER)


def test_every_status_has_its_place_in_the_order_and_every_step_its_mark(compiled: Compiled):
    statuses = compiled.base.statuses
    assert {status for status, _ in statuses["option"]} == set(ORDER)
    assert {status for status, _ in statuses["step"]} == set(MARKS)
    assert set(COLOURS) <= set(ORDER) | set(MARKS)
    assert len(set(MARKS.values())) == len(MARKS)


def test_the_ending_the_facts_and_the_stamp_are_told(walks: list[Walk]):
    for walk in walks:
        text = flat(render(walk))
        assert flat(walk.ending.sentence) in text
        assert ("Provisional:" in text) == walk.ending.provisional
        assert all(flat(said.value) in text for said in walk.known if said.field != "as_of")
        assert f"digest {walk.digest[:12]}" in text
        assert flat(walk.intended_for) in text
        assert flat(walk.not_for) in text


def test_full_tells_every_rule_by_its_id(walks: list[Walk]):
    for walk in walks:
        text = flat(render(walk, Style(100, full=True)))
        for rule in [*walk.beside, *(rule for step in walk.steps for rule in step.rules)]:
            assert rule.rule in text


def test_the_layers_are_told_apart_without_colour(compiled: Compiled):
    walk = walked(compiled, bundled_cases() / "crps-ketamine-next.yaml")
    text = render(walk)
    safety = [rule for step in walk.steps if step.step == "ketamine" for rule in step.rules if rule.layer == "safety"]
    for rule in safety:
        if rule.verdict == "fires":
            start = " ".join(rule.because.split()[:4])
            (line,) = [line for line in text.splitlines() if start in line]
            assert line.startswith("    ! ")
    assert "Lines marked ! are the safety and evidence layer" in flat(text)


def test_where_ketamine_is_in_play_the_contradicted_sentence_of_the_faq_is_named(compiled: Compiled):
    for full in (False, True):
        text = flat(render(walked(compiled, bundled_cases() / "crps-ketamine-next.yaml"), Style(100, full=full)))
        assert "has no FDA approval for any chronic pain" in text
        assert "s20" in text


@pytest.mark.parametrize(
    "changes",
    [
        {"declined": ["iv-ketamine", "nothing else"]},
        {"trials": [{"treatment": "iv-ketamine", "state": "ended", "result": "not-tolerated"}]},
        {"trials": [{"treatment": "massage", "state": "ended", "result": "helped"}]},
        {"illnesses": ["glaucoma", "nothing else"]},
    ],
)
def test_the_sentence_on_fda_approval_is_contradicted_wherever_ketamine_is_named(changes: dict[str, object]):
    walk = pathway.walk(pathway.read({**HARMLESS, **TWO_AND_TWO, **changes}))
    for told in (render(walk, Style(100)), render_markdown(walk), render_page([walk])):
        named, contradicted = "IV ketamine infusion" in told, "no FDA approval" in flat(told) or "s20 " in flat(told)
        assert named
        assert contradicted


def test_a_contradicted_sentence_is_marked_where_it_is_cited(compiled: Compiled):
    data = {"pain": {"duration": "7 months"}, "causes": ["nerve-dysfunction", "nothing else"]}
    text = flat(render(pathway.walk(pathway.read(data, compiled=compiled), compiled)))
    assert "Contradicted sentences of the FAQ s09" in text
    assert "never concluded from" in text


def test_records_that_nobody_verified_say_so(compiled: Compiled):
    walk = walked(compiled, bundled_cases() / "crps-ketamine-next.yaml")
    unverified = [s for step in walk.steps for rule in step.rules for s in rule.source if not s.verified]
    assert unverified
    assert all("NOT VERIFIED" in cited(source) for source in unverified)
    assert "cor-avoid-implant, NOT VERIFIED" in flat(render(walk, Style(full=True)))


def test_the_most_telling_questions_are_shown_and_full_shows_all(compiled: Compiled):
    walk = pathway.walk(pathway.read({}, compiled=compiled), compiled)
    short, full = flat(render(walk)), flat(render(walk, Style(full=True)))
    assert len(walk.questions) > 6
    assert walk.questions[0].danger
    assert "1. DANGER" in short
    assert f"and {len(walk.questions) - 6} more: --full shows them all" in short
    assert all(f"[{question.field};" in full for question in walk.questions)


def test_what_a_case_says_cannot_steer_the_terminal(compiled: Compiled):
    data = {"title": "a\u202eb", "illnesses": [{"other": "c\u200bd"}], "medicines": ["e\u202ef"]}
    text = render(pathway.walk(pathway.read(data, compiled=compiled), compiled), Style(100, full=True))
    assert not [c for c in text if not c.isprintable() and c != "\n"]


def test_the_same_case_gives_the_same_bytes(compiled: Compiled):
    assert render(walked(compiled, CASES[0])) == render(walked(compiled, CASES[0]))
