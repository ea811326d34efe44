import re

import pytest

import pathway
from pathway.cache import Compiled
from pathway.report.markdown import escaped, render_markdown
from pathway.walks import Walk

CASE = {
    "title": "CRPS of the hand",
    "as_of": "2026-03-02",
    "pain": {"duration": "7 months"},
    "red_flags": "none",
    "causes": ["nerve-dysfunction", "nothing else"],
    "conditions": ["crps", "nothing else"],
    "trials": [{"treatment": "massage", "state": "ended", "result": "failed", "duration": "8 weeks"}],
    "medicines": ["warfarin"],
}
HOSTILE = "a | b\n# c <script>x</script> `d` [e](http://f) **g** ![h](i) &lt; www.j.org https://k"


def walked(compiled: Compiled, **more: object) -> Walk:
    return pathway.walk(pathway.read({**CASE, **more}, compiled=compiled), compiled)


def test_the_markdown_tells_title_ending_facts_steps_options_questions_and_stamp(compiled: Compiled):
    walk = walked(compiled)
    text = render_markdown(walk)
    assert text.startswith("# CRPS of the hand\n")
    assert f"**{escaped(walk.ending.sentence)}**" in text
    assert all(f"{escaped(said.label)}: {escaped(said.value)}" in text for said in walk.known if said.field != "as_of")
    assert all(f"trial of {escaped(trial)}" in text for trial in walk.trials)
    for step in walk.steps:
        assert f"| {escaped(step.title)} | {step.status} | " in text
        for option in step.options:
            assert re.search(rf"- \*\*{option.status}\*\*: .*{re.escape(escaped(option.name))}", text), option.option
    assert all(escaped(question.question) in text for question in walk.questions)
    assert f"digest {walk.digest[:12]}, as of 2026-03-02" in text
    assert escaped(walk.intended_for) in text
    assert escaped(walk.not_for) in text


def test_every_reason_carries_its_layer_source_and_rule(compiled: Compiled):
    walk = walked(compiled)
    text = render_markdown(walk)
    fired = [rule for step in walk.steps for rule in step.rules if rule.verdict == "fires"]
    assert fired
    for rule in fired:
        (line,) = [line for line in text.splitlines() if f"`{rule.rule}`" in line]
        assert line.startswith("- documented" if rule.layer == "documented" else "- **safety and evidence**")
        assert escaped(rule.because) in line
        assert all(source.link in line for source in rule.source)
        assert all(escaped(source.record or "") in line for source in rule.source)
    assert any(rule.layer == "safety" for rule in fired)


def test_a_contradicted_sentence_of_the_faq_is_marked(compiled: Compiled):
    (line,) = [line for line in render_markdown(walked(compiled)).splitlines() if "root.note-nerve-dysfunction" in line]
    assert "FAQ s09, CONTRADICTED" in line


def test_a_source_that_was_not_verified_says_so(compiled: Compiled):
    (line,) = [line for line in render_markdown(walked(compiled)).splitlines() if "avoiding-the-implant" in line]
    assert "NOT VERIFIED" in line


def test_what_a_case_says_cannot_break_out_of_its_line(compiled: Compiled):
    text = render_markdown(walked(compiled, title=HOSTILE, illnesses=[{"other": HOSTILE}]))
    shown = escaped(HOSTILE)
    assert text.splitlines()[0] == f"# {shown}"
    assert sum(shown in line for line in text.splitlines()) == 2
    assert HOSTILE not in text
    assert "\n# c" not in text
    for mark in "|`<>[]*#&":
        assert not re.search(rf"(?<!\\){re.escape(mark)}", shown), mark
    assert "www." not in shown
    assert "http:" not in shown.replace("http\\:", "").replace("https\\:", "")


@pytest.mark.parametrize("rows", [{"title": "a | b"}, {"title": "x", "illnesses": [{"other": "a | --- | b"}]}])
def test_the_table_keeps_its_three_columns(compiled: Compiled, rows: dict):
    table = [line for line in render_markdown(walked(compiled, **rows)).splitlines() if line.startswith("|")]
    assert len(table) == 2 + len(compiled.base.walked)
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {4}


def test_invisible_characters_are_made_visible():
    assert escaped("a\u202eb") == r"a\\u202eb"
    assert escaped("one\n\ttwo") == "one two"


def test_the_same_case_gives_the_same_bytes(compiled: Compiled):
    assert render_markdown(walked(compiled)) == render_markdown(walked(compiled))
