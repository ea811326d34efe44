"""What a walk tells beside its statuses: reasons, questions, inadequate trials, the stamp."""

from __future__ import annotations

from typing import Any

import pytest

import pathway
from pathway.walks import Spoken, Walk, WalkedOption, field_at
from tests.unit.test_scenarios import HARMLESS, TWO_AND_TWO


def walked(**changes: Any) -> Walk:
    return pathway.walk(pathway.read({**HARMLESS, **changes}))


def rule(walk: Walk, name: str) -> Spoken:
    return next(r for r in walk.rules() if r.rule == name)


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
    assert sorted(r.rule for r in walk.rules()) == sorted(r.rule for r in pathway.load_rules().base.rules)


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
    asked = {question.field for question in walk.questions}
    assert "illnesses" in asked  # it may still end the walk
    assert not asked & {"blood_pressure", "trials", "declined", "allergies", "assessments"}


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


# ---- kinds, and the two layers ----


def option(walk: Walk, name: str) -> WalkedOption:
    return next(o for step in walk.steps for o in step.options if o.option == name)


def kinds(walk: Walk, name: str) -> dict[str, str]:
    return {kind.kind: kind.status for kind in option(walk, name).kinds}


FAILED = [trial(t, adequate="yes") for t in ("physical-therapy", "massage", "antidepressant", "antiseizure")]
HEART_ATTACK = ["recent-heart-attack", "nothing else"]


def test_one_kind_held_back_leaves_the_option() -> None:
    walk = walked(illnesses=HEART_ATTACK)
    assert option(walk, "antidepressant").status == "offered"
    assert kinds(walk, "antidepressant") == {"tricyclic": "held-back", "snri": "clear"}


def test_with_every_kind_held_back_the_option_is_held_back() -> None:
    walk = walked(medicines=["linezolid", "nothing else"])
    assert kinds(walk, "antidepressant") == {"tricyclic": "held-back", "snri": "held-back"}
    assert option(walk, "antidepressant").status == "held-back"
    assert not [r for r in option(walk, "antidepressant").saying("hold") if r.target == "antidepressant"]


def test_a_kind_is_asked_about_while_nobody_knows_whether_it_is_held_back() -> None:
    walk = walked(illnesses="none", unknown=["recent-heart-attack"])
    assert kinds(walk, "antidepressant") == {"tricyclic": "after-asking", "snri": "clear"}
    assert option(walk, "antidepressant").kinds[0].asks == ("illnesses",)
    assert option(walk, "antidepressant").status == "offered"


def test_a_kind_held_back_that_is_taken_is_reviewed_and_its_option_with_it() -> None:
    walk = walked(medicines=["amitriptyline", "nothing else"], illnesses=HEART_ATTACK)
    assert kinds(walk, "antidepressant") == {"tricyclic": "review", "snri": "clear"}
    assert option(walk, "antidepressant").status == "review"
    other = walked(medicines=["duloxetine", "nothing else"], illnesses=HEART_ATTACK)
    assert kinds(other, "antidepressant") == {"tricyclic": "held-back", "snri": "clear"}
    assert option(other, "antidepressant").status == "under-way"


def test_an_option_held_back_shows_beside_it_what_the_documented_pathway_says() -> None:
    walk = walked(trials=[*FAILED, "nothing else"], blood_pressure="uncontrolled")
    ketamine, stimulator = option(walk, "iv-ketamine"), option(walk, "spinal-cord-stimulator")
    assert (ketamine.status, ketamine.documented) == ("held-back", "offered")
    assert (stimulator.status, stimulator.documented) == ("offered", "not-yet")
    flagged = walked(red_flags=["saddle-numbness", "nothing else"])
    assert (option(flagged, "massage").status, option(flagged, "massage").documented) == ("withheld", "offered")


def test_a_failed_trial_of_what_is_advised_against_counts_only_in_the_documented_pathway() -> None:
    trials = {"trials": [*FAILED, "nothing else"]}
    assert walked(**trials).ending.steps == ("ketamine",)
    walk = walked(**trials, conditions=["osteoarthritis", "nothing else"])
    assert [r.verdict for r in option(walk, "massage").rules if r.verb == "against"] == ["fires"]
    assert option(walk, "massage").status == "tried"
    assert walk.ending.steps == ("therapies",)
    assert option(walk, "iv-ketamine").status == "not-yet"
    assert option(walk, "iv-ketamine").documented == "offered"


def test_an_option_that_is_closed_tells_the_reason_by_its_name_in_hl7() -> None:
    walk = walked(
        trials=[trial("stretching", adequate="yes"), trial("massage", "not-tolerated"), "nothing else"],
        declined=["psychotherapy", "nothing else"],
        allergies=["opioid", "nothing else"],
    )
    reasons = {o.option: o.reason for step in walk.steps for o in step.options if o.reason}
    assert reasons == {
        "stretching": "was previously unsuccessful",
        "massage": "patient contraindication",
        "psychotherapy": "patient refuses",
        "opioid": "patient contraindication",
    }


def test_what_is_only_not_recommended_has_no_contraindication_for_a_reason() -> None:
    advised = option(walked(illnesses=["sleep-apnoea", "nothing else"]), "opioid")
    assert (advised.status, advised.reason) == ("held-back", "")
    both = option(walked(illnesses=["sleep-apnoea", "opioid-use-disorder", "nothing else"]), "opioid")
    assert (both.status, both.reason) == ("held-back", "patient contraindication")


def test_what_helped_and_is_over_is_completed_and_what_goes_on_is_not() -> None:
    def reason(name: str, **changes: Any) -> tuple[str, str]:
        told = option(walked(**changes), name)
        return told.status, told.reason

    over = {"trials": [trial("massage", "helped"), "nothing else"]}
    assert reason("massage", **over) == ("continue", "completed")
    running = {"trials": [{"treatment": "massage", "state": "running", "result": "helped"}, "nothing else"]}
    assert reason("massage", **running) == ("continue", "")
    implanted = {"trials": [trial("pain-pump", "helped"), "nothing else"]}
    assert reason("pain-pump", **implanted, devices="none") == ("continue", "completed")
    assert reason("pain-pump", **implanted, devices=["pump", "nothing else"]) == ("continue", "")
    assert reason("pain-pump", **implanted, devices="unknown") == ("continue", "")


# ---- what a clinic cannot give ----


def at_a_clinic_without(*names: str, **changes: Any) -> Walk:
    compiled = pathway.load_rules(policy={"not-available": list(names)})
    return pathway.walk(pathway.read({**HARMLESS, **changes}, compiled=compiled), compiled)


def test_what_a_clinic_cannot_give_is_closed_and_says_so() -> None:
    walk = at_a_clinic_without("iv-ketamine", "massage", **TWO_AND_TWO)
    told = option(walk, "iv-ketamine")
    assert (told.status, told.reason, told.documented) == ("held-back", "service not available", "offered")
    assert walk.ending.steps == ("implant",)
    assert option(walk, "pain-pump").status == "offered"
    assert walk.policy == {"not-available": ("iv-ketamine", "massage")}
    # What was tried, is going on or is declined keeps that status.
    assert (option(walk, "massage").status, option(walk, "massage").reason) == ("tried", "was previously unsuccessful")
    for state, status in {"running": "under-way", "ended": "continue"}.items():
        helped = {"treatment": "massage", "state": state, "result": "helped" if state == "ended" else "unknown"}
        walk = at_a_clinic_without("massage", trials=[helped, "nothing else"])
        assert option(walk, "massage").status == status
    walk = at_a_clinic_without("massage", declined=["massage", "nothing else"])
    assert (option(walk, "massage").status, option(walk, "massage").reason) == ("declined", "patient refuses")


def test_a_contraindication_is_told_before_the_clinics_own_limits() -> None:
    walk = at_a_clinic_without("opioid", illnesses=["opioid-use-disorder", "nothing else"])
    assert (option(walk, "opioid").status, option(walk, "opioid").reason) == ("held-back", "patient contraindication")


def test_a_correction_that_a_clinic_cannot_give_settles_the_root_like_one_that_is_declined() -> None:
    cause = {"causes": [{"kind": "malunited-fracture", "correctable": "yes"}, "nothing else"]}
    declined = walked(**cause, declined=["fracture-correction", "nothing else"])
    walk = at_a_clinic_without("fracture-correction", **cause)
    assert walk.ending.steps == declined.ending.steps == ("therapies", "medication")


def test_what_a_clinic_cannot_give_exhausts_no_step() -> None:
    therapies = [o.option for step in walked().steps if step.step == "therapies" for o in step.options]
    walk = at_a_clinic_without(
        *therapies,
        trials=[*(trial(name, adequate="yes") for name in ("antidepressant", "antiseizure")), "nothing else"],
    )
    steps = {step.step: step.status for step in walk.steps}
    assert (steps["therapies"], steps["medication"], steps["ketamine"]) == ("stopped", "done", "not-yet")


# ---- what is taken, in place, or was undone ----


@pytest.mark.parametrize(("device", "name"), [("stimulator", "spinal-cord-stimulator"), ("pump", "pain-pump")])
def test_a_device_in_place_is_under_way(device: str, name: str) -> None:
    assert option(walked(), name).status == "not-yet"
    assert option(walked(devices=[device, "nothing else"]), name).status == "under-way"


def test_what_was_undone_can_be_offered_again() -> None:
    cause = {"causes": [{"kind": "malunited-fracture", "correctable": "yes"}, "nothing else"]}
    helped = trial("fracture-correction", "helped")
    assert option(walked(**cause, trials=[helped, "nothing else"]), "fracture-correction").status == "continue"
    walk = walked(**cause, trials=[helped, trial("fracture-correction", "undone"), "nothing else"])
    assert option(walk, "fracture-correction").status == "offered"
    assert walk.ending.steps == ("root",)
    assert option(walk, "massage").status == "not-yet"


def test_a_correction_that_failed_and_was_undone_does_not_end_the_way() -> None:
    correction = [trial("fracture-correction", result, adequate="yes") for result in ("failed", "undone")]
    walk = walked(
        causes=[{"kind": "malunited-fracture", "correctable": "yes"}, "nothing else"],
        trials=[*correction, "nothing else"],
    )
    assert walk.ending.kind == "current"


def test_medicines_are_added_up_with_what_each_of_them_adds() -> None:
    oxycodone, paracetamol = {"medicine": "oxycodone", "dose": "10 mg twice a day"}, {"medicine": "paracetamol"}
    (opioids, acetaminophen) = walked(
        medicines=[oxycodone, {**paracetamol, "dose": "1 g three times a day"}, "nothing else"]
    ).measures
    assert (opioids.low, opioids.high, opioids.unit) == (30, 30, "MME a day")
    assert opioids.text == "Opioids taken now: 30 MME a day (oxycodone 20 mg/day × 1.5 = 30)"
    assert acetaminophen.text == "Acetaminophen taken now: 3000 mg a day (paracetamol 3000 mg/day)"
    assert walked(medicines=["gabapentin", "nothing else"]).measures == ()


def test_a_sum_that_is_not_known_whole_says_at_least_and_why() -> None:
    (measure,) = walked(
        medicines=[
            {"medicine": "oxycodone", "dose": "20 mg/day"},
            {"medicine": "fentanyl", "dose": "25 mcg/hour"},
            {"medicine": "buprenorphine", "dose": "1 mg/day"},
            "tramadol",
            "meperidine",
            {"medicine": "opioid", "dose": "10 mg/day"},
            {"medicine": "heartsease", "dose": "5 mg/day"},
            "nothing else",
        ]
    ).measures[:1]
    assert (measure.low, measure.high) == (30, None)
    assert measure.text.startswith("Opioids taken now: at least 30 MME a day (oxycodone 20 mg/day × 1.5 = 30; ")
    assert "fentanyl 0.6 mg/day: no factor is known without its form" in measure.text
    assert "buprenorphine 1 mg/day: there is no factor for it, so it is not counted" in measure.text
    assert "tramadol: its daily dose is not known" in measure.text
    assert "meperidine: there is no factor for it, so it is not counted" in measure.text
    assert "opioid 10 mg/day: which of them it is, is not known, so it is not counted" in measure.text
    assert "heartsease: nobody here knows whether it belongs to them" in measure.text


# ---- what must come first ----


@pytest.mark.parametrize(
    ("assessments", "verdict", "held_by"),
    [
        ("none", "fires", ""),
        ("unknown", "asks", ""),
        (["consent", "nothing else"], "silent", "consent-done"),
    ],
)
def test_what_must_come_first_fires_until_it_is_done_and_asks_while_nobody_knows(
    assessments: Any, verdict: str, held_by: str
) -> None:
    walk = walked(trials=[*FAILED, "nothing else"], assessments=assessments)
    spoken = rule(walk, "ketamine.first-consent")
    assert (spoken.verdict, spoken.held_by) == (verdict, held_by)
    assert option(walk, "iv-ketamine").status == "offered"
    about = [value for question in walk.questions if question.field == "assessments" for value in question.about]
    assert ("consent" in about) is (verdict == "asks")


def test_what_must_come_first_is_not_asked_of_an_option_that_cannot_be_begun() -> None:
    walk = walked(assessments="unknown")
    assert option(walk, "iv-ketamine").status == "not-yet"
    assert rule(walk, "ketamine.first-fasting-and-escort").verdict == "asks"
    (question,) = walk.questions
    assert "opioid-goals" in question.about
    assert "fasting-plan" not in question.about


def test_what_must_come_first_is_asked_of_what_is_given_now_and_of_no_kind_that_is_not() -> None:
    taken = [{"medicine": "oxycodone", "dose": "60 mg/day", "form": "immediate-release"}, "nothing else"]
    walk = walked(assessments="unknown", medicines=taken)
    assert option(walk, "opioid").status == "review"
    (question,) = [question for question in walk.questions if question.field == "assessments"]
    assert {"naloxone-offered", "suicide-question"} <= set(question.about)
    assert "electrolytes" not in question.about  # comes before methadone, which is not taken


def test_what_leaves_a_kind_open_is_asked_where_its_option_is_in_play() -> None:
    walk = walked(hla_b_1502="unknown")
    (carbamazepine,) = [kind for kind in option(walk, "antiseizure").kinds if kind.kind == "carbamazepine"]
    assert (carbamazepine.status, carbamazepine.asks) == ("after-asking", ("hla_b_1502",))
    assert "hla_b_1502" in [question.field for question in walk.questions]


def test_the_medicines_that_are_taken_stand_with_their_option_and_kind() -> None:
    taken = [{"medicine": "Sertraline"}, {"medicine": "duloxetine", "dose": "60 mg/day"}, "nothing else"]
    antidepressant = option(walked(medicines=taken), "antidepressant")
    assert antidepressant.taken == ("sertraline", "duloxetine")
    assert {kind.kind: kind.taken for kind in antidepressant.kinds} == {"tricyclic": "no", "snri": "yes"}
    assert option(walked(), "antidepressant").taken == ()


def test_what_nobody_knows_adds_up_to_nothing() -> None:
    assert walked(medicines=[{"medicine": "heartsease", "dose": "5 mg/day"}]).measures == ()


# ---- what nobody can name ----


def test_an_emergency_beside_a_sign_that_nobody_can_name_still_stops_the_walk() -> None:
    walk = pathway.walk(pathway.read({"red_flags": ["saddle-numbness", {"finding": "unknown", "excluded": "no"}]}))
    assert (walk.ending.reason, walk.ending.grade) == ("referral", "emergency")
    assert "a sign that nobody can name" in walk.ending.sentence


@pytest.mark.parametrize(
    ("case", "shown"),
    [
        ({"red_flags": [{"excluded": "no"}]}, "one that nobody can name (excluded no)"),
        ({"causes": [{"correctable": "no"}]}, "one that nobody can name (correctable no)"),
        ({"causes": [{"kind": "unknown"}]}, "one that nobody can name"),
        (
            {"medicines": [{"medicine": "clonazepam", "dose": "1 mg/day", "helps": "no"}]},
            "clonazepam (dose 1 mg/day, helps no)",
        ),
    ],
)
def test_what_is_known_is_shown_as_it_was_understood(case: dict[str, Any], shown: str) -> None:
    assert [said.value for said in pathway.walk(pathway.read(case)).known] == [shown]


# ---- the grades of an ending ----


@pytest.mark.parametrize(
    ("changes", "reason", "grade", "begins"),
    [
        ({"red_flags": ["thunderclap-headache", "nothing else"]}, "referral", "emergency", "Stop and refer as an em"),
        ({"red_flags": ["suicidal-thoughts", "nothing else"]}, "referral", "urgent", "Stop and refer urgently."),
        ({"age": 17}, "out-of-scope", "scope", "Stop: this pathway does not speak of this person."),
        ({"care": ["hospice-care", "nothing else"]}, "out-of-scope", "scope", "Stop: this pathway does not speak"),
        ({"age": 17, "red_flags": ["suicidal-thoughts", "nothing else"]}, "referral", "urgent", "Stop and refer urg"),
        ({"red_flags": ["suicidal-thoughts", "saddle-numbness", "nothing else"]}, "referral", "emergency", "Stop and"),
        ({"pain": {"duration": "6 weeks"}}, "not-chronic", "", "Stop: pain of no more than"),
        ({}, "", "", "Now at: Therapies and Medication."),
    ],
)
def test_an_ending_has_the_grade_of_what_is_most_pressing(
    changes: dict[str, Any], reason: str, grade: str, begins: str
) -> None:
    ending = walked(**changes).ending
    assert (ending.reason, ending.grade) == (reason, grade)
    assert ending.sentence.startswith(begins)


def test_item_nine_above_zero_is_a_warning_sign_though_nobody_listed_one() -> None:
    ending = walked(red_flags="unknown", mood={"item9": 1}).ending
    assert (ending.reason, ending.grade) == ("referral", "urgent")
    assert "thoughts of suicide" in ending.sentence


def test_a_sign_graded_only_with_others_refers_and_lets_the_walk_go_on() -> None:
    walk = walked(red_flags=["new-rash", "nothing else"])
    assert (walk.ending.kind, walk.ending.grade) == ("current", "")
    assert [r.rule for r in walk.rules() if r.verb == "refer" and r.verdict == "fires"] == [
        "red-flags.refer-sign-graded-only-with-another"
    ]


def test_what_no_rule_can_take_into_account_is_told() -> None:
    walk = walked(medicines=["heartsease", "nothing else"], illnesses=[{"other": "gout"}, "nothing else"])
    assert any("heartsease" in text for text in walk.unread)
    assert any("gout" in text for text in walk.unread)
    assert walked().unread == ()
