import re
from dataclasses import replace

import pytest

import pathway
from pathway.cache import Compiled
from pathway.report.markdown import escaped, render_markdown
from pathway.rules import Cited
from pathway.walks import Spoken, Walk, WalkedKind, WalkedOption

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


SOURCE = Cited("doc", "page 3", "A guideline", "A society", 2020, "https://example.org", "a-record", True, "primary")


def spoken(verb: str, **more: object) -> Spoken:
    """A rule of the safety layer that fires for this person, or what `more` makes of it."""
    rule = Spoken(
        rule=f"r.{verb}",
        layer="safety",
        beside="therapies",
        verb=verb,
        target="massage",
        detail={},
        hangs_on=("a-word",),
        verdict="fires",
        because=f"Because of {verb}.",
        held_by="",
        asks=(),
        source=(SOURCE,),
    )
    return replace(rule, **more)  # type: ignore[arg-type]


def with_massage(walk: Walk, *rules: Spoken, **more: object) -> Walk:
    """The walk with massage offered, and these rules speaking of it."""

    def changed(option: WalkedOption) -> WalkedOption:
        if option.option != "massage":
            return option
        return replace(option, **{"status": "offered", "asks": (), "rules": rules, **more})  # type: ignore[arg-type]

    return replace(walk, steps=tuple(replace(s, options=tuple(map(changed, s.options))) for s in walk.steps))


def of_massage(walk: Walk) -> str:
    """What the Markdown says of massage below its own heading."""
    return render_markdown(walk).split("### Massage therapy: ")[1].split("\n#")[0]


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
    fired = [rule for rule in fired if rule.verb != "note" or not rule.always]
    assert fired
    for rule in fired:
        (line,) = [line for line in text.splitlines() if f"`{rule.rule}`" in line]
        assert line.startswith("- documented" if rule.layer == "documented" else "- **safety and evidence**")
        assert escaped(rule.because) in line
        assert all(source.link in line for source in rule.source)
        assert all(escaped(source.record or "") in line for source in rule.source)
    assert any(rule.layer == "safety" for rule in fired)


def test_an_option_in_play_has_its_arguments_for_and_against_this_persons_first(compiled: Compiled):
    text = of_massage(
        with_massage(
            walked(compiled),
            spoken("offer", layer="documented", hangs_on=()),
            spoken("support"),
            spoken("caution", hangs_on=()),
            spoken("against"),
            spoken("hold", because="A silent one.", verdict="silent"),
        )
    )
    places = [
        text.index(what) for what in ("For (2)", "of support", "of offer", "Against (2)", "of against", "of caution")
    ]
    assert places == sorted(places)
    assert "A silent one." not in text
    assert (
        "- documented, offer massage: Because of offer. ([A society, 2020, a-record](https://example.org); `r.offer`)"
        in text
    )


def test_what_holds_comes_first_or_would_hold_is_told_with_its_question(compiled: Compiled):
    walk = walked(compiled)
    asked = walk.questions[1].field
    text = of_massage(
        with_massage(
            walk,
            spoken("hold", detail={"reason": "not-recommended"}),
            spoken("first", because="Look at the skin."),
            spoken("first", because="Count the platelets.", verdict="asks", asks=(asked,)),
            spoken("against", because="A clot.", verdict="asks", asks=("age", asked)),
        )
    )
    assert "Held back:\n\n- **safety and evidence**, hold massage, not recommended: Because of hold." in text
    assert "first massage: Look at the skin." in text
    assert "first massage, unless done already: Count the platelets. (question 2)" in text
    assert "would advise against massage: A clot. (question" in text


def test_the_kinds_of_an_option_show_what_holds_or_asks_for_each(compiled: Compiled):
    kinds = (
        WalkedKind("gentle-massage", "Gentle massage", "clear", (), "no"),
        WalkedKind("deep-massage", "Deep massage", "held-back", (), "no"),
        WalkedKind("hot-massage", "Hot massage", "after-asking", ("no.such.question",), "no"),
    )
    held = spoken("hold", target="deep-massage", because="Warfarin forbids it.")
    text = of_massage(with_massage(walked(compiled), held, kinds=kinds))
    assert (
        "Kinds: Gentle massage not held back; Deep massage held-back; Hot massage after-asking (no.such.question)."
        in text
    )
    assert "Of its kinds:\n\n- **safety and evidence**, hold deep-massage: Deep massage: Warfarin forbids it." in text
    assert "Held back:" not in text


def test_notes_that_always_hold_are_counted_and_others_told(compiled: Compiled):
    notes = (spoken("note", because="Of this person."), spoken("note", because="Of everybody.", hangs_on=()))
    text = of_massage(with_massage(walked(compiled), *notes))
    assert "Notes:\n\n- **safety and evidence**, note massage: Of this person." in text
    assert "Of everybody." not in text
    assert "told on the page and in the JSON: 1." in text


def test_the_documented_view_and_the_reason_stand_beside_a_status_where_they_say_more(compiled: Compiled):
    walk = walked(compiled)
    text = render_markdown(with_massage(walk, status="held-back", documented="offered", reason="patient refuses"))
    assert "- Massage therapy, documented pathway alone: **offered**" in text
    assert "- Massage therapy, reason by HL7's name for it: patient refuses" in text
    same = render_markdown(with_massage(walk, status="offered", documented="offered", reason=""))
    assert "Massage therapy, documented" not in same
    assert "Massage therapy, reason" not in same


def test_scope_and_red_flags_come_before_what_is_known_and_other_files_after(compiled: Compiled):
    beside = (
        spoken("caution", beside="opioids", because="Of opioids."),
        spoken("caution", beside="red-flags", because="Of warning signs."),
        spoken("refer", beside="scope", because="Of scope.", detail={"to": "the cancer team"}),
    )
    text = render_markdown(replace(walked(compiled), beside=beside))
    places = [
        text.index(what) for what in ("Of scope.", "Of warning signs.", "## What is known", "Of opioids.", "## Steps")
    ]
    assert places == sorted(places)
    assert "refer to the cancer team: Of scope." in text


@pytest.mark.parametrize(
    ("grade", "word"), [("emergency", "EMERGENCY"), ("urgent", "URGENT"), ("scope", "OUT OF SCOPE")]
)
def test_the_grade_of_an_ending_stands_in_words(compiled: Compiled, grade: str, word: str):
    walk = walked(compiled)
    text = render_markdown(replace(walk, ending=replace(walk.ending, grade=grade, sentence="Stop.")))
    assert f"**{word}: Stop.**" in text
    assert word not in render_markdown(walk)


def test_the_sums_of_medicines_stand_with_what_is_known(compiled: Compiled):
    walk = walked(compiled, medicines=[{"medicine": "morphine", "dose": "60 mg/day"}, "nothing else"])
    (measure,) = walk.measures
    assert f"- {escaped(measure.text)}\n" in render_markdown(walk).split("## Steps")[0]


def test_a_correction_of_the_faq_says_what_it_corrects(compiled: Compiled):
    wrong = replace(SOURCE, doc="faq", at="s20", claim_verdict="contradicted")
    text = of_massage(with_massage(walked(compiled), spoken("note", hangs_on=(), source=(SOURCE, wrong))))
    assert "**This corrects the FAQ, s20.**" in text
    assert "FAQ s20, CONTRADICTED" in text


def test_a_contradicted_sentence_of_the_faq_is_marked(compiled: Compiled):
    (line,) = [line for line in render_markdown(walked(compiled)).splitlines() if "root.note-nerve-dysfunction" in line]
    assert "FAQ s09, CONTRADICTED" in line


def test_a_source_that_was_not_verified_says_so(compiled: Compiled):
    walk = walked(compiled)
    assert "NOT VERIFIED" in of_massage(
        with_massage(walk, spoken("caution", source=(replace(SOURCE, verified=False),)))
    )
    assert "NOT VERIFIED" not in of_massage(with_massage(walk, spoken("caution")))


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
