"""What a walk tells beside its statuses: reasons, questions, inadequate trials, the stamp."""

from __future__ import annotations

from typing import Any

import pytest

import pathway
from pathway.walks import Spoken, Walk, field_at
from tests.unit.test_scenarios import HARMLESS


def walked(**changes: Any) -> Walk:
    return pathway.walk(pathway.read({**HARMLESS, **changes}))


def rule(walk: Walk, name: str) -> Spoken:
    return next(r for r in (*walk.beside, *(r for step in walk.steps for r in step.rules)) if r.rule == name)


def trial(treatment: str, result: str = "failed", **more: Any) -> dict[str, Any]:
    return {"treatment": treatment, "state": "ended", "result": result, **more}


def test_a_rule_that_fires_tells_its_sentence_and_source() -> None:
    spoken = rule(walked(), "therapies.offer-massage")
    assert (spoken.verdict, spoken.layer, spoken.held_by, spoken.asks) == ("fires", "documented", "", ())
    assert [(s.doc, s.at) for s in spoken.source] == [("faq", "s14b")]


def test_a_silent_rule_tells_the_word_that_held_it() -> None:
    walk = walked()
    assert rule(walk, "ketamine.consider-iv-ketamine").held_by == "not ketamine.reached"
    assert rule(walk, "root.offer-scar-removal").held_by == "not correctable-scar"


def test_an_asking_rule_tells_the_field_that_would_answer_it() -> None:
    spoken = rule(walked(blood_pressure="unknown"), "ketamine.hold-for-uncontrolled-blood-pressure")
    assert (spoken.verdict, spoken.asks) == ("asks", ("blood_pressure",))


def test_every_rule_of_the_base_speaks_once_in_every_walk() -> None:
    walk = walked()
    spoken = [r.rule for r in (*walk.beside, *(r for step in walk.steps for r in step.rules))]
    assert spoken == [r.rule for r in pathway.load_rules().base.rules]


def test_a_trial_that_was_too_short_is_named_as_such() -> None:
    walk = walked(trials=[trial("massage", duration="2 weeks"), "nothing else"])
    massage = next(o for o in walk.steps[2].options if o.option == "massage")
    assert massage.status == "offered"
    assert any("inadequate trial" in note and "2 weeks" in note for note in massage.trial_notes)


def test_a_trial_whose_length_nobody_knows_is_named_too() -> None:
    walk = walked(trials=[trial("massage"), "nothing else"])
    massage = next(o for o in walk.steps[2].options if o.option == "massage")
    assert any("may have been inadequate" in note for note in massage.trial_notes)
    assert massage.status == "after-asking"
    assert massage.asks == ("trials[0].duration",)


def test_a_failed_trial_that_counts_has_no_such_note() -> None:
    walk = walked(trials=[trial("massage", duration="6 weeks"), "nothing else"])
    massage = next(o for o in walk.steps[2].options if o.option == "massage")
    assert (massage.status, massage.trial_notes) == ("tried", ())


def test_the_length_that_counts_is_the_clinics_policy() -> None:
    case = pathway.read({**HARMLESS, "trials": [trial("massage", duration="6 weeks"), "nothing else"]})
    strict = pathway.load_rules(policy={"massage-trial": "7 weeks"})
    massage = next(o for o in pathway.walk(case, strict).steps[2].options if o.option == "massage")
    assert massage.status == "offered"
    assert any("inadequate" in note for note in massage.trial_notes)


def test_a_clinic_may_ask_for_more_failures_before_ketamine() -> None:
    trials = [trial(t, duration="9 weeks") for t in ("massage", "stretching", "antidepressant", "antiseizure")]
    case = pathway.read({**HARMLESS, "trials": [*trials, "nothing else"]})
    assert pathway.walk(case).ending.steps == ("ketamine",)
    strict = pathway.load_rules(policy={"therapies-exhausted-at": 3})
    walk = pathway.walk(case, strict)
    assert walk.ending.steps == ("therapies",)
    assert walk.policy == {"therapies-exhausted-at": 3}


def test_refusals_count_only_where_the_clinic_says_so() -> None:
    trials = [trial(t, duration="9 weeks") for t in ("antidepressant", "antiseizure")]
    case = pathway.read(
        {**HARMLESS, "trials": [*trials, "nothing else"], "declined": ["massage", "stretching", "nothing else"]}
    )
    assert pathway.walk(case).ending.steps == ("therapies",)
    assert pathway.walk(case, pathway.load_rules(policy={"refusal-counts": "yes"})).ending.steps == ("ketamine",)


def test_what_was_not_tolerated_stays_closed_where_it_does_not_count() -> None:
    trials = [trial(t, "not-tolerated") for t in ("massage", "stretching")]
    case = pathway.read({**HARMLESS, "trials": [*trials, "nothing else"]})
    assert pathway.walk(case).steps[2].status == "done"
    lenient = pathway.walk(case, pathway.load_rules(policy={"intolerance-counts": "no"}))
    assert lenient.steps[2].status == "current"
    assert {o.status for o in lenient.steps[2].options if o.option in ("massage", "stretching")} == {"tried"}


def test_warning_signs_are_asked_first_and_the_rest_by_how_much_waits_for_it() -> None:
    questions = pathway.walk(pathway.read({"age": 50})).questions
    assert questions[0].field == "red_flags"
    assert [q.danger for q in questions] == sorted((q.danger for q in questions), reverse=True)
    rest = [q.holds for q in questions if not q.danger]
    assert rest == sorted(rest, reverse=True)
    assert all(q.question.endswith((" Is that all?", "?")) for q in questions)


def test_nothing_is_asked_past_what_is_already_decided() -> None:
    walk = walked(pain={"duration": "6 weeks"}, illnesses="unknown", medicines="unknown", blood_pressure="unknown")
    assert walk.questions == ()


def test_a_question_about_one_record_of_a_list_names_it() -> None:
    walk = walked(trials=[{"treatment": "massage", "state": "running"}, "nothing else"])
    assert [(q.field, q.question) for q in walk.questions] == [("trials[0].result", "How did it go? (massage)")]


def test_a_question_keeps_the_place_in_the_list_as_it_was_written() -> None:
    walk = walked(trials=["nothing else", {"treatment": "massage", "state": "running"}])
    assert [q.field for q in walk.questions] == ["trials[1].result"]


def test_what_was_understood_is_shown_back_in_units() -> None:
    walk = walked(
        pain={"began": "2026-01-01"},
        as_of="2026-10-01",
        medicines=[{"medicine": "gabapentin", "dose": "0.6 g three times a day"}, "nothing else"],
    )
    said = {fact.field: fact.value for fact in walk.known}
    assert said["pain.duration"] == "39 weeks"
    assert said["medicines"] == "gabapentin (dose 1800 mg/day) (that is all)"


def test_a_source_that_nobody_could_open_says_so() -> None:
    source = rule(walked(), "ketamine.caution-avoiding-the-implant").source[0]
    assert (source.record, source.verified) == ("cor-avoid-implant", False)


def test_a_cited_sentence_carries_what_the_evidence_says_of_it() -> None:
    source = rule(walked(), "medication.offer-antianxiety").source[0]
    assert source.claim_verdict == "contradicted"
    assert "not supported for pain" in source.claim_said


def test_a_walk_is_stamped_with_edition_and_digest() -> None:
    walk = walked()
    base = pathway.load_rules().base
    assert (walk.schema, walk.edition, walk.digest) == ("pathway.walk/1", base.edition, base.digest)
    assert len(walk.digest) == 64


@pytest.mark.parametrize(
    ("path", "name", "index"),
    [
        ("pain.duration", "pain.duration", None),
        ("trials[3].result", "result", 3),
        ("causes[0].correctable", "correctable", 0),
    ],
)
def test_a_path_leads_to_its_field(path: str, name: str, index: int | None) -> None:
    kind, at = field_at(path)
    assert (kind.path, at) == (name, index)


def test_a_step_that_is_done_says_whose_choice_the_number_was() -> None:
    trials = [trial(t, duration="9 weeks") for t in ("massage", "stretching")]
    step = walked(trials=[*trials, "nothing else"]).steps[2]
    assert step.status == "done"
    assert any(text.startswith("2: ") and "a clinic's choice, no source" in text for text in step.rests_on)


def test_a_referral_names_what_was_seen() -> None:
    ending = walked(red_flags=["saddle-numbness", {"finding": "hot-swollen-joint", "excluded": "yes"}]).ending
    assert (ending.kind, ending.reason) == ("stop", "referral")
    assert "Seen: numbness or changed feeling" in ending.sentence
    assert "swollen joint" not in ending.sentence


def test_the_end_of_the_way_says_what_was_declined_and_what_is_left() -> None:
    options = [o.option for o in pathway.load_rules().base.options_of("therapies")]
    ending = walked(
        declined=[*options, "nothing else"], trials=[trial("antidepressant", adequate="yes"), "nothing else"]
    ).ending
    assert ending.kind == "current"
    more = [trial(t, adequate="yes") for t in ("antidepressant", "antiseizure")]
    ending = walked(declined=[*options, "nothing else"], trials=[*more, "nothing else"]).ending
    assert (ending.kind, ending.reason) == ("stop", "end")
    assert "Declined: Physical therapy" in ending.sentence
    assert "Still open: Muscle relaxant" in ending.sentence
