"""Why, why not, what is missing, what if, what would change it: each on cases small enough to know the answer of."""

from __future__ import annotations

from typing import Any

import pytest

import pathway
from pathway import aims, explanation
from pathway.aims import CANNOT_CHANGE, COULD_BE_DONE, FIND_OUT, Aim, denial, doubt, what_would_change
from pathway.cache import Compiled
from pathway.case import Case
from pathway.changes import Judge, Setting, alone, changed, facts_of, put, read_setting
from pathway.engine.plain import Answers
from pathway.explanation import NOT_HELD, Part, missing, targets, what_if, why, why_not
from pathway.problem import Problems
from pathway.profile import Profile, fields
from pathway.report.explained import render_explanation, render_explanation_json
from pathway.report.text import Style
from tests.unit.test_scenarios import HARMLESS, TWO_AND_TWO, trial, trials


def case_of(**changes: Any) -> Case:
    return pathway.read({**HARMLESS, **changes})


def names_in(part: Part) -> list[str]:
    return [part.name, *(name for child in part.children for name in names_in(child))]


def settings_of(aim: Aim) -> list[set[str]]:
    return [{setting for change in way.changes for setting in change.settings} for way in aim.ways]


# ---- settings ----


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ("pain.duration=4 months", Setting("pain.duration", "=", "4 months")),
        ("illnesses=[glaucoma, nothing else]", Setting("illnesses", "=", ["glaucoma", "nothing else"])),
        ("illnesses += glaucoma", Setting("illnesses", "+=", "glaucoma")),
        ("not+=illnesses.glaucoma", Setting("not", "+=", "illnesses.glaucoma")),
        ("trials[0].result=failed", Setting("trials[0].result", "=", "failed")),
        ("trials+={treatment: massage, adequate: yes}",
         Setting("trials", "+=", {"treatment": "massage", "adequate": "yes"})),
    ],
)  # fmt: skip
def test_a_setting_reads_as_a_case_file_would(text: str, setting: Setting) -> None:
    assert read_setting(text) == setting
    assert read_setting(str(setting)) == setting


@pytest.mark.parametrize(
    ("text", "kind", "place", "help"),
    [
        ("pain.durration=3 months", "unknown-field", "--set pain.durration", 'did you mean "pain.duration"?'),
        ("duration=3 months", "unknown-field", "--set duration", 'did you mean "pain.duration"?'),
        ("pain.duration+=3 months", "wrong-type", "--set pain.duration", "write pain.duration=3 months"),
        ("pain.duration=", "missing-field", "--set pain.duration", "pain.duration=unknown"),
        ("glaucoma", "wrong-type", "--set", "field=value"),
        ("problems+={other: b\udcffd}", "not-utf-8", "--set problems", "UTF-8"),
        ("\udcff", "not-utf-8", "--set", "UTF-8"),
        ("trials[00].result=failed", "wrong-type", "--set", "field=value"),
        (f"trials[{'9' * 5000}].result=failed", "wrong-type", "--set", "field=value"),
        ("trials[\u0660].result=failed", "wrong-type", "--set", "field=value"),
    ],
)
def test_a_setting_that_sets_nothing_is_told_with_its_place(text: str, kind: str, place: str, help: str) -> None:
    with pytest.raises(Problems) as caught:
        read_setting(text)
    (problem,) = caught.value.items
    assert (problem.kind, str(problem.place)) == (kind, place)
    assert help in problem.help


@pytest.mark.parametrize(
    ("texts", "kind", "place"),
    [
        (["pain.duration=3"], "missing-unit", "--set pain.duration"),
        (["illnesses+=glaucomma"], "unknown-value", "--set illnesses"),
        (["age=30", "pain.intensity=14"], "out-of-range", "--set pain.intensity"),
        (["pregnancy=yes"], "contradiction", "--set pregnancy"),
        (["trials[7].result=failed"], "missing-field", "--set trials[7].result"),
        (["age=30", "illnesses+=glaucoma", "illnesses+=epilepsy", "age=40"], "said-twice", "--set age"),
        (["illnesses=5", "illnesses+=glaucoma"], "wrong-type", "--set illnesses"),
        (["trials=5", "trials[0].result=failed"], "wrong-type", "--set trials[0].result"),
        (["not=5", "illnesses+=glaucoma"], "wrong-type", "--set illnesses"),
        (["illnesses+=glaucoma", "illnesses=none"], "said-twice", "--set illnesses"),
        (["pain.duration=3 years", "pain={}"], "unknown-field", "--set pain"),
        (["illnesses-=glaucoma"], "missing-field", "--set illnesses"),
        (["medicines-=5"], "missing-field", "--set medicines"),
        (["trials-={treatment: massage}"], "missing-field", "--set trials"),
        (["not-=glaucoma"], "missing-field", "--set not"),
    ],
)
def test_a_setting_that_does_not_fit_is_placed_at_itself(
    compiled: Compiled, texts: list[str], kind: str, place: str
) -> None:
    with pytest.raises(Problems) as caught:
        changed(case_of(), compiled.base, [read_setting(text) for text in texts])
    assert [(p.kind, str(p.place)) for p in caught.value.items] == [(kind, place)]


def test_what_a_list_now_tells_is_no_longer_denied_nor_unknown() -> None:
    data = {"illnesses": ["diabetes", "nothing else"], "not": ["illnesses.glaucoma"], "unknown": ["illnesses.epilepsy"]}
    after = put(data, Setting("illnesses", "+=", "glaucoma"))
    assert after["illnesses"] == ["diabetes", "glaucoma", "nothing else"]
    assert after["not"] == []
    assert after["unknown"] == ["illnesses.epilepsy"]
    assert data["illnesses"] == ["diabetes", "nothing else"]


def test_what_is_denied_is_no_longer_unknown() -> None:
    after = put({"red_flags": "none", "unknown": ["fever"]}, Setting("not", "+=", ["red_flags.fever"]))
    assert after == {"red_flags": "none", "unknown": [], "not": ["red_flags.fever"]}


def test_taking_the_last_item_out_of_an_open_list_leaves_it_open(compiled: Compiled) -> None:
    open_list = changed(case_of(illnesses=["glaucoma"]), compiled.base, [Setting("illnesses", "-=", "glaucoma")])
    whole = changed(
        case_of(illnesses=["glaucoma", "nothing else"]), compiled.base, [Setting("illnesses", "-=", "glaucoma")]
    )
    assert not open_list.profile.illnesses.closed
    assert whole.profile.illnesses.closed


# ---- facts ----


def test_what_is_left_out_of_a_whole_list_becomes_unknown_and_not_a_no(compiled: Compiled) -> None:
    case = case_of(illnesses=["glaucoma", "nothing else"])
    facts = [fact for fact in facts_of(case.data, compiled.base) if fact.at != ("illnesses", 0)]
    data = alone(case.data, facts, compiled.base)
    assert data["illnesses"] == ["nothing else"]
    assert data["unknown"] == ["illnesses.glaucoma"]
    pathway.read(data)


def test_facts_with_a_comma_in_a_detail_are_told_whole(compiled: Compiled) -> None:
    massage = {"treatment": "massage", "state": "ended", "duration": "1 year, 2 months", "result": "failed"}
    case = case_of(pain={"duration": "2 years"}, trials=[massage, "nothing else"])
    explained = why(case, compiled, "massage")
    assert 'duration "1 year, 2 months"' in explained.paragraph


def test_a_record_without_its_name_is_explained_too(compiled: Compiled) -> None:
    explained = why(pathway.read({"causes": [{"correctable": "yes"}]}), compiled, "ending")
    assert explained.status == "questions"


def test_a_record_is_called_by_its_name_in_whatever_order_it_is_written(compiled: Compiled) -> None:
    case = case_of(medicines=[{"dose": "10 mg/day", "medicine": "amlodipine"}, "nothing else"])
    facts = [fact for fact in facts_of(case.data, compiled.base) if fact.at == ("medicines", "nothing else")]
    assert "medicines.amlodipine" in alone(case.data, facts, compiled.base)["unknown"]
    taken_out = changed(case, compiled.base, [read_setting("medicines-=amlodipine")])
    assert taken_out.profile.medicines.items == ()


def test_every_fact_together_is_the_case(compiled: Compiled) -> None:
    case = case_of(**TWO_AND_TWO)
    data = alone(case.data, facts_of(case.data, compiled.base), compiled.base)
    assert pathway.read(data).profile.trials.items == case.profile.trials.items
    assert pathway.read(data).profile.illnesses == case.profile.illnesses


# ---- why ----


def test_why_it_is_not_chronic_rests_on_the_duration_alone(compiled: Compiled) -> None:
    told = why(case_of(pain={"duration": "6 weeks"}), compiled, "ending")
    assert told.facts == ("pain.duration: 6 weeks",)
    assert "chronic-pain" in names_in(told.tree)


def test_why_an_option_is_held_back_names_the_rule_its_source_and_the_one_fact(compiled: Compiled) -> None:
    case = case_of(blood_pressure="uncontrolled", **TWO_AND_TWO)
    told = why(case, compiled, "iv-ketamine")
    assert told.status == "held-back"
    assert told.facts == ("blood_pressure: uncontrolled",)
    assert "ketamine.hold-for-uncontrolled-blood-pressure" in names_in(told.tree)
    assert "ketamine.hold-for-uncontrolled-blood-pressure" in told.paragraph
    assert "safety-layer" not in names_in(told.tree)


def test_why_something_is_after_asking_hangs_on_no_fact_and_names_the_field(compiled: Compiled) -> None:
    told = why(case_of(blood_pressure="unknown", **TWO_AND_TWO), compiled, "iv-ketamine")
    assert (told.status, told.facts) == ("after-asking", ())
    assert [said.field for said in told.asks] == ["blood_pressure"]


def test_a_yes_shows_only_what_makes_it_so(compiled: Compiled) -> None:
    told = why(case_of(**trials(trial("massage", "helped"))), compiled, "relief")
    assert [child.name for child in told.tree.children] == ["massage.helping"]
    (said,) = told.tree.children[0].says
    assert "result helped" in said.says


def test_everything_with_a_status_can_be_explained(compiled: Compiled) -> None:
    case = case_of()
    for kind in compiled.base.kinds[:3]:
        assert why(case, compiled, kind.kind).status in (NOT_HELD, "held-back", "after-asking", "review")
    for step in compiled.base.walked:
        assert why(case, compiled, step.step).status
    assert {option.option for option in compiled.base.options} <= set(targets(compiled))


def test_a_target_that_nobody_knows_is_met_with_a_guess(compiled: Compiled) -> None:
    for ask in (why, why_not):
        with pytest.raises(Problems) as caught:
            ask(case_of(), compiled, "masage")
        assert 'did you mean "massage"?' in caught.value.items[0].help


# ---- why not ----


def test_the_things_in_the_way_come_in_the_order_in_which_the_walk_meets_them(compiled: Compiled) -> None:
    case = case_of(
        blood_pressure="uncontrolled", declined=["iv-ketamine", "nothing else"], red_flags=["suicidal-thoughts"]
    )
    told = why_not(case, compiled, "iv-ketamine")
    names = [obstacle.name for obstacle in told.obstacles]
    assert names == ["ketamine.reached", "iv-ketamine.declined", "iv-ketamine.held", "flag"]
    assert {obstacle.state for obstacle in told.obstacles} == {"in the way"}
    assert [rule.name for rule in told.obstacles[2].rules] == ["ketamine.hold-for-uncontrolled-blood-pressure"]


def test_what_is_not_known_may_stand_in_the_way(compiled: Compiled) -> None:
    told = why_not(case_of(blood_pressure="unknown", **TWO_AND_TWO), compiled, "iv-ketamine")
    (held,) = told.obstacles
    assert (held.name, held.state) == ("iv-ketamine.held", "not known")
    assert [said.field for said in held.asks] == ["blood_pressure"]


def test_nothing_holds_back_what_is_offered_and_what_is_said_against_it_is_told(compiled: Compiled) -> None:
    told = why_not(case_of(), compiled, "opioid")
    assert (told.status, told.obstacles) == ("offered", ())
    assert told.sentence.startswith("Opioid: offered. Nothing holds it back")
    assert "does not make it safe" in told.sentence
    assert "opioids.caution-boxed-warning" in {rule.rule for rule in told.against}
    assert "opioids.first-goals" in {rule.rule for rule in told.first}


@pytest.mark.parametrize("illnesses", [["nothing else"], ["peptic-ulcer", "nothing else"]])
def test_what_hangs_on_this_person_is_said_first_against_a_kind(compiled: Compiled, illnesses: list[str]) -> None:
    told = why_not(case_of(kidney_function=41, illnesses=illnesses), compiled, "nsaid")
    names = [rule.rule for rule in told.against]
    assert names.index("pain-medicines.caution-nsaid-for-kidneys") < names.index("pain-medicines.caution-nsaid")
    always = [rule.always for rule in told.against]
    assert always == sorted(always)
    assert {rule.target for rule in told.against} <= {"nsaid", "pain-medication-nonopioid"}
    assert "nothing stands" not in told.sentence.lower()


def test_what_may_have_to_come_first_is_told_too(compiled: Compiled) -> None:
    told = why_not(case_of(assessments="unknown"), compiled, "spinal-cord-stimulator")
    asked = [rule for rule in told.first if rule.verdict == "asks"]
    assert asked
    assert all("assessments" in rule.asks for rule in asked)


def test_a_held_kind_of_what_is_offered_is_named(compiled: Compiled) -> None:
    case = case_of(illnesses=["recent-heart-attack", "nothing else"])
    told = why_not(case, compiled, "antidepressant")
    assert told.status == "offered"
    assert "Tricyclic antidepressant is held-back" in told.sentence


def test_six_arguments_are_told_then_a_count() -> None:
    told = render_explanation(pathway.explain(case_of(), why_not="opioid"))
    against = told.partition("What is said against it")[2].partition("What comes first")[0]
    assert against.count(" caution  ") + against.count(" against  ") == 6
    assert "more: --full shows them all" in against


# ---- names ----

NONE_LIKE_IT = "no treatment or step has a name like it; name an option, a step, a rule, a word, or ending"


def test_a_step_may_be_named_as_a_goal_names_it() -> None:
    told = pathway.explain(case_of(), "step:ketamine", why_not="step:implant")
    assert (told.why[0].target, told.why_not[0].target) == ("ketamine", "implant")


def test_a_medicine_is_answered_with_the_kind_or_option_that_it_belongs_to() -> None:
    told = pathway.explain(case_of(), ["Duloxetine", "morphine", "snri"])
    assert [each.target for each in told.why] == ["snri", "opioid"]
    assert told.read_as == (
        "Duloxetine belongs to snri, a kind of antidepressant; what follows explains snri.",
        "morphine belongs to opioid; what follows explains opioid.",
    )
    assert pathway.explain(case_of(), why_not="ibuprofen").why_not[0].target == "nsaid"


@pytest.mark.parametrize(
    ("name", "help"),
    [
        ("duloxetin", 'did you mean "duloxetine"?'),
        ("apixaban", "explain takes-anticoagulant instead"),
        ("ketamin", 'did you mean "ketamine"?'),
        ("correctible", NONE_LIKE_IT),
        ("nonsense", NONE_LIKE_IT),
        ("step:nonsense", NONE_LIKE_IT),
    ],
)
def test_a_name_that_is_no_target_is_met_with_a_treatment_before_a_word(
    compiled: Compiled, name: str, help: str
) -> None:
    with pytest.raises(Problems) as caught:
        why(case_of(), compiled, name)
    assert caught.value.items[0].help == help


# ---- sentences ----


def test_what_is_not_so_and_what_is_not_known_are_told_in_plain_english(compiled: Compiled) -> None:
    base = compiled.base
    assert denial("therapies.passed", base) == "The walk may not go past Therapies."
    assert denial("iv-ketamine.offer", base) == "IV ketamine infusion cannot be offered now."
    assert denial("relief", base) == "Nothing that was tried is helping."
    assert denial("correctable", base) == "This does not hold: there is a root cause and it can be corrected."
    assert doubt("nerve-block.offer", base) == "It is not known whether nerve block can be offered now."
    assert doubt("massage.declined", base) == "It is not known whether the person declines Massage therapy now."
    assert doubt("chronic-pain", base).startswith("It is not known whether this holds: pain that has lasted")


def test_what_opened_a_step_is_no_reason_for_not_needing_it(compiled: Compiled) -> None:
    told = why(case_of(causes="none"), compiled, "root")
    assert told.status == "not-needed"
    assert "next-root" not in told.paragraph
    assert "there is a root cause and it can be corrected" in told.paragraph


def test_what_a_clinic_cannot_give_hangs_on_nothing_in_the_case() -> None:
    compiled = pathway.load_rules(policy={"not-available": ["massage"]})
    case = pathway.read({**HARMLESS}, compiled=compiled)
    explained = why(case, compiled, "massage")
    assert (explained.status, explained.facts) == ("held-back", ())
    assert "this clinic can neither give nor arrange it" in explained.paragraph
    assert explained.means == explained.tree.means == "this clinic can neither give nor arrange it"
    stands = why_not(case, compiled, "massage").obstacles
    assert [obstacle.name for obstacle in stands] == ["massage.unavailable"]


def test_a_kind_that_nothing_holds_is_not_held_back_and_never_clear() -> None:
    case = case_of()
    told = pathway.explain(case, "snri", why_not="snri")
    assert (told.why[0].status, told.why_not[0].status) == (NOT_HELD, NOT_HELD)
    text = render_explanation(told)
    assert "not held back" in text
    assert "clear" not in text.replace("clearance", "")


# ---- what is missing ----


def test_the_question_that_could_change_most_comes_first(compiled: Compiled) -> None:
    case = case_of(blood_pressure="unknown", pain={"sites": ["low-back", "nothing else"], "mechanisms": "none"})
    first, *others = missing(case, compiled)
    assert first.field == "pain.duration"
    assert all(question.could_change <= first.could_change for question in others)
    assert {effect.answer for effect in first.answers} >= {"91 days", "92 days"}


def test_no_answer_is_tried_that_the_case_contradicts(compiled: Compiled) -> None:
    running = {"treatment": "paracetamol", "state": "running", "result": "partly"}
    case = case_of(trials=[running, "nothing else"], medicines=["amlodipine"])
    (question,) = [each for each in missing(case, compiled) if each.field == "medicines"]
    assert question.answers[0].answer == "nothing else but paracetamol"
    for answer in question.answers:
        if answer.changes:
            changed(case, compiled.base, [read_setting(answer.setting)])


def test_the_ending_is_explained_by_the_name_that_the_walk_gives_it(compiled: Compiled) -> None:
    explained = why(case_of(care=["hospice-care", "nothing else"]), compiled, "ending")
    assert (explained.status, explained.means[:14]) == ("out-of-scope", "the walk stops")
    with pytest.raises(Problems, match="nothing stands in its way"):
        why_not(case_of(), compiled, "ending")


def test_an_answer_tells_what_it_alone_would_change(compiled: Compiled) -> None:
    case = case_of(blood_pressure="unknown", **TWO_AND_TWO)
    (question,) = [q for q in missing(case, compiled) if q.field == "blood_pressure"]
    effects = {effect.answer: {c.name: c.after for c in effect.changes} for effect in question.answers}
    assert effects["normal"]["iv-ketamine"] == "offered"
    assert effects["raised, not under control"]["iv-ketamine"] == "held-back"
    assert question.question == "Is blood pressure normal, raised but controlled, or uncontrolled?"


def test_with_nothing_open_nothing_is_missing(compiled: Compiled) -> None:
    open_fields = {question.field for question in pathway.walk(case_of()).questions}
    assert {question.field for question in missing(case_of(), compiled)} == open_fields


def test_questions_whose_answers_change_no_status_come_last_under_their_own_line() -> None:
    case = case_of(assessments="unknown", blood_pressure="unknown", **TWO_AND_TWO)
    questions = pathway.explain(case, missing=True)
    assert questions.missing
    counts = [question.could_change for question in questions.missing]
    assert counts[0] > 0
    assert counts[-1] == 0
    told, _, idle = render_explanation(questions).partition("answers that change no status")
    assert all(question.question not in told for question in questions.missing if not question.could_change)
    assert "Which of these have been done?" in idle


# ---- what if ----


def test_what_is_asked_beside_a_setting_is_explained_of_the_changed_case() -> None:
    told = pathway.explain(case_of(), "snri", why_not="snri", sets="kidney_function=25")
    assert told.why[0].status == told.why_not[0].status == "held-back"
    text = render_explanation(told)
    places = [text.index(part) for part in ("What if", "All that follows is of the changed case", "Why SNRI")]
    assert places == sorted(places)
    assert "All that follows" not in render_explanation(pathway.explain(case_of(), sets="kidney_function=25"))


def test_only_what_changed_stands_in_before_and_after(compiled: Compiled) -> None:
    told = what_if(case_of(**TWO_AND_TWO), compiled, [read_setting("blood_pressure=uncontrolled")])
    changes = {change.name: (change.before, change.after) for change in told.changes}
    assert changes["iv-ketamine"] == ("offered", "held-back")
    assert "massage" not in changes
    assert "ketamine.hold-for-uncontrolled-blood-pressure" in {rule.rule for rule in told.new_rules}
    written = pathway.walk(case_of(blood_pressure="uncontrolled", **TWO_AND_TWO))
    assert (told.after.ending, told.after.steps) == (written.ending, written.steps)


def test_a_setting_that_says_what_the_case_says_changes_nothing(compiled: Compiled) -> None:
    told = what_if(case_of(), compiled, [read_setting("blood_pressure=normal")])
    assert (told.changes, told.new_rules, told.gone_rules) == ((), (), ())


# ---- what would change it ----


def test_a_fact_to_find_out(compiled: Compiled) -> None:
    aim = what_would_change(case_of(blood_pressure="unknown", **TWO_AND_TWO), compiled, "iv-ketamine:offered")
    (way,) = aim.ways
    assert way.kind == FIND_OUT
    assert [change.word for change in way.changes] == ["blood-pressure-uncontrolled"]


def test_a_thing_that_could_be_done(compiled: Compiled) -> None:
    aim = what_would_change(case_of(**TWO_AND_TWO), compiled, "step:implant")
    assert {way.kind for way in aim.ways} == {COULD_BE_DONE}
    assert {"declined+=iv-ketamine"} in settings_of(aim)
    assert any("if a trial of" in way.changes[0].sentence and "failed" in way.changes[0].sentence for way in aim.ways)


def test_a_thing_that_cannot_change(compiled: Compiled) -> None:
    case = case_of(illnesses=["aneurysm-or-brain-bleed", "nothing else"], **TWO_AND_TWO)
    aim = what_would_change(case, compiled, "iv-ketamine:offered")
    assert [way.kind for way in aim.ways] == [CANNOT_CHANGE]
    assert settings_of(aim) == [{"illnesses-=aneurysm-or-brain-bleed"}]


def test_no_way_leads_through_a_new_harm(compiled: Compiled) -> None:
    aim = what_would_change(case_of(**TWO_AND_TWO), compiled, "step:implant")
    assert not any("illnesses+=" in setting or "medicines+=" in setting for way in settings_of(aim) for setting in way)


def test_what_a_medicine_holds_back_is_freed_by_a_review_and_never_at_once(compiled: Compiled) -> None:
    case = case_of(medicines=[{"medicine": "apixaban", "dose": "5 mg twice a day"}, "nothing else"])
    aim = what_would_change(case, compiled, "nerve-block:offered")
    (way,) = [way for way in aim.ways if way.changes[0].settings == ("medicines-=apixaban",)]
    assert "nothing is stopped at once" in way.changes[0].sentence


def test_a_goal_that_is_reached_needs_nothing(compiled: Compiled) -> None:
    aim = what_would_change(case_of(), compiled, "massage:offered")
    assert (aim.reached_now, aim.ways) == (True, ())


def test_two_therapies_and_two_medicines_are_asked_of_a_case_that_tried_nothing(compiled: Compiled) -> None:
    aim = what_would_change(case_of(), compiled, "iv-ketamine:offered")
    assert aim.ways
    assert all(len(way.changes) == 4 for way in aim.ways)


def test_an_allergy_is_told_as_one(compiled: Compiled) -> None:
    aim = what_would_change(case_of(), compiled, "opioid:held-back")
    sentences = {change.sentence for way in aim.ways for change in way.changes}
    assert "if there were an allergy to: an opioid" in sentences
    freed = what_would_change(case_of(allergies=["opioid", "nothing else"]), compiled, "opioid:offered")
    assert {c.sentence for way in freed.ways for c in way.changes} == {"if there were not an allergy to: an opioid"}


def test_a_way_to_an_option_may_lead_by_its_step() -> None:
    compiled = pathway.load_rules()
    case = pathway.read("cases/crps-after-fracture.yaml")
    ways = what_would_change(case, compiled, "iv-ketamine:offered").ways
    assert ways
    for way in ways:
        settings = [read_setting(text) for change in way.changes for text in change.settings]
        walk = pathway.walk(changed(case, compiled.base, settings))
        assert {o.option: o.status for s in walk.steps for o in s.options}["iv-ketamine"] == "offered"


def test_a_goal_that_the_clinics_policy_closes_says_so() -> None:
    compiled = pathway.load_rules(policy={"not-available": ["massage"]})
    case = pathway.read({**HARMLESS}, compiled=compiled)
    aim = what_would_change(case, compiled, "massage:offered")
    assert aim.ways == ()
    assert aim.note == "the clinic's policy says that massage cannot be had here; no fact changes that"
    assert what_would_change(case, compiled, "massage:declined").ways


@pytest.mark.parametrize(
    ("goal", "help"),
    [
        ("iv-ketamine:oferred", 'did you mean "iv-ketamine:offered"?'),
        ("masage:offered", 'did you mean "massage"?'),
        ("step:ketamin", 'did you mean "ketamine"?'),
        ("massage", "one of: review"),
        ("duloxetine:offered", "snri, a kind of antidepressant: ask for --to antidepressant:offered"),
        ("tricyclic:offered", "tricyclic is a kind of antidepressant: ask for --to antidepressant:offered"),
    ],
)
def test_a_goal_that_nobody_knows_is_met_with_a_guess(compiled: Compiled, goal: str, help: str) -> None:
    with pytest.raises(Problems) as caught:
        what_would_change(case_of(), compiled, goal)
    assert help in caught.value.items[0].help


def test_kinds_are_no_goals(compiled: Compiled) -> None:
    with pytest.raises(Problems) as caught:
        what_would_change(case_of(), compiled, "tricyclic:offered")
    assert "only options and steps are goals" in caught.value.items[0].message


# ---- effort ----


def great_case() -> Case:
    """Sixty trials, every illness, every allergy and every assessment."""
    tried = [trial(["massage", "opioid", "nerve-block"][i % 3], "failed", note=str(i)) for i in range(60)]
    named = ("illnesses", "allergies", "assessments", "conditions")
    return case_of(trials=tried, **{path: [*fields()[path].values, "nothing else"] for path in named})


def judgements(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """A list that grows with every judgement."""
    counted: list[object] = []
    judged = Judge.of

    def counting(judge: Judge, profile: Profile) -> Answers:
        counted.append(profile)
        return judged(judge, profile)

    monkeypatch.setattr(Judge, "of", counting)
    return counted


def test_a_case_with_many_facts_takes_far_fewer_judgements_than_it_has_facts(
    compiled: Compiled, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = great_case()
    counted = judgements(monkeypatch)
    told = why(case, compiled, "opioid")
    assert told.minimal
    assert len(counted) < len(facts_of(case.data, compiled.base)) // 2


def test_with_too_many_facts_those_told_are_enough_and_said_not_to_be_the_least(
    compiled: Compiled, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = great_case()
    least = why(case, compiled, "opioid")
    monkeypatch.setattr(explanation, "MOST_JUDGED", 5)
    counted = judgements(monkeypatch)
    told = why(case, compiled, "opioid")
    assert len(counted) <= 5
    assert not told.minimal
    assert len(told.facts) > len(least.facts)
    assert "not reduced further: too many facts" in told.paragraph
    kept = [fact for fact in facts_of(case.data, compiled.base) if fact.said in told.facts]
    assert pathway.walk(pathway.read(alone(case.data, kept, compiled.base))).steps
    assert why(pathway.read(alone(case.data, kept, compiled.base)), compiled, "opioid").status == told.status


def test_the_overview_has_one_bound_for_all_that_it_explains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explanation, "MOST_JUDGED_IN_ALL", 40)
    monkeypatch.setattr(explanation, "MOST_TRIED", 10)
    case = great_case()
    counted = judgements(monkeypatch)
    told = pathway.explain(case)
    assert len(counted) <= 40 + 10 + 2 * 3 * explanation.MOST_ANSWERS
    assert not all(each.minimal for each in told.why)
    assert any("not reduced further" in text.lower() for text in told.overview)


def test_questions_whose_answers_were_not_tried_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explanation, "MOST_TRIED", 1)
    told = pathway.explain(pathway.read({}), missing=True)
    assert told.missing
    tried = [question for question in told.missing if question.answers]
    assert len(tried) == 1
    assert [question.complete for question in told.missing].count(False) == len(told.missing) - 1
    text = " ".join(render_explanation(told).split())
    assert f"{len(told.missing) - 1} of which not every answer was tried" in text


def test_a_search_that_is_bounded_says_so(compiled: Compiled, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MOST_JUDGED", "MOST_BY_SIZE"):
        monkeypatch.setattr(aims, name, 3)
    aim = what_would_change(case_of(), compiled, "iv-ketamine:offered")
    assert not aim.complete
    assert "the search was bounded" in aim.note


# ---- told ----


def test_the_overview_tells_options_that_are_alike_in_one_paragraph() -> None:
    told = pathway.explain(case_of())
    offered = [text for text in told.overview if text.startswith("Offered")]
    steps = {step.step for step in pathway.walk(case_of()).steps if any(o.status == "offered" for o in step.options)}
    assert len(offered) == len(steps)
    assert "Massage therapy; Stretching exercises" in offered[0]
    assert any("arguments against" in text for text in offered)
    assert pathway.explain(case_of(), "massage").overview == ()
    assert len(render_explanation(told).splitlines()) < 90


def test_an_explanation_in_text_holds_every_part_that_was_asked_for() -> None:
    case = case_of(blood_pressure="unknown", **TWO_AND_TWO)
    told = render_explanation(
        pathway.explain(
            case, "iv-ketamine", why_not="pain-pump", sets="age=80", to="iv-ketamine:offered", missing=True
        ),
        Style(width=90),
    )
    for heading in ("Why IV ketamine", "Why not: Pain pump", "What is missing", "What if age=80", "What would lead to"):
        assert heading in told
    assert max(len(line) for line in told.splitlines()) <= 90


def test_the_same_explanation_gives_the_same_bytes() -> None:
    first, second = (render_explanation_json(pathway.explain(case_of(), "massage")) for _ in range(2))
    assert first == second


def test_what_a_case_says_cannot_steer_a_terminal() -> None:
    case = case_of(problems=[{"other": "\u202ea\u200b"}, "nothing else"], title="a\u202eb")
    told = render_explanation(pathway.explain(case, "ending"), Style(colour=True))
    assert "\u202e" not in told
    assert "\\u202e" in told
