"""Every construct of the expression language answered for profiles that say yes, no, or too little."""

from itertools import permutations
from typing import Any

import pytest

import pathway
from pathway.api import read
from pathway.cache import load
from pathway.findings import Subject, Sum, answer, find, missing, total
from pathway.language import Scope, parse
from pathway.profile import fields
from pathway.rules import SAFETY

YES, UNKNOWN, NO = 1, 0, -1
SCOPE = Scope(
    fields(),
    options=frozenset({"massage", "opioid", "physical-therapy"}),
    classes=frozenset(load().base.classes),
)


def subject(**data: Any) -> Subject:
    return read(data, compiled=load()).subject


def told(text: str, **data: Any) -> int:
    return answer(parse(text, SCOPE), subject(**data))


def gaps(text: str, **data: Any) -> list[tuple[str, str]]:
    return missing(parse(text, SCOPE), subject(**data))


def trial(**more: str) -> dict[str, str]:
    return {"treatment": "massage", **more}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, UNKNOWN),
        ({"pain": {"duration": "unknown"}}, UNKNOWN),
        ({"pain": {"duration": "91 days"}}, NO),
        ({"pain": {"duration": "3 months"}}, NO),
        ({"pain": {"duration": "92 days"}}, YES),
        ({"as_of": "2026-03-02", "pain": {"began": "2025-12-01"}}, NO),
        ({"as_of": "2026-03-02", "pain": {"began": "2025-11-30"}}, YES),
    ],
)
def test_a_number_is_compared_in_exact_days(data: dict[str, Any], expected: int):
    assert told("pain.duration > 3 months", **data) == expected


@pytest.mark.parametrize(
    ("op", "below", "at", "above"), [(">", NO, NO, YES), (">=", NO, YES, YES), ("<", YES, NO, NO), ("<=", YES, YES, NO)]
)
def test_each_comparison_has_its_line(op: str, below: int, at: int, above: int):
    answers = [told(f"pain.intensity {op} 5", pain={"intensity": value}) for value in (4, 5, 6)]
    assert answers == [below, at, above]
    assert told(f"pain.intensity {op} 5") == UNKNOWN


def test_a_choice_is_yes_no_or_not_known():
    assert told("blood_pressure = uncontrolled", blood_pressure="uncontrolled") == YES
    assert told("blood_pressure = uncontrolled", blood_pressure="controlled") == NO
    assert told("blood_pressure = uncontrolled", blood_pressure="unknown") == UNKNOWN
    assert told("blood_pressure = uncontrolled") == UNKNOWN


def test_a_flag_is_yes_no_or_not_known():
    assert [told("pregnancy", pregnancy=value) for value in ("yes", "no", "unknown")] == [YES, NO, UNKNOWN]
    assert told("not pregnancy", pregnancy="yes") == NO


def test_an_unknown_part_decides_nothing_that_the_rest_decides():
    assert told("pregnancy and age < 18", age=40) == NO
    assert told("pregnancy and age < 18", age=12) == UNKNOWN
    assert told("pregnancy or age < 18", age=12) == YES
    assert told("pregnancy or age < 18", age=40) == UNKNOWN


def test_constants_answer_themselves():
    assert (told("always"), told("never")) == (YES, NO)


def test_what_was_stated_speaks_before_what_stands_behind_else():
    text = "(pregnancy else age < 18)"
    assert told(text, pregnancy="no", age=12) == NO
    assert told(text, pregnancy="yes", age=40) == YES
    assert told(text, age=12) == YES
    assert told(text, age=40) == NO
    assert told(text) == UNKNOWN


# ---- lists of words ----


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, UNKNOWN),
        ({"illnesses": "unknown"}, UNKNOWN),
        ({"illnesses": ["glaucoma"]}, UNKNOWN),
        ({"illnesses": [{"other": "hiccups"}]}, UNKNOWN),
        ({"illnesses": ["diabetes"]}, YES),
        ({"illnesses": "diabetes"}, YES),
        ({"illnesses": ["diabetes", "nothing else"]}, YES),
        ({"illnesses": ["glaucoma", "nothing else"]}, NO),
        ({"illnesses": "none"}, NO),
        ({"illnesses": []}, NO),
        ({"not": ["diabetes"]}, NO),
        ({"not": ["illnesses.diabetes"]}, NO),
        ({"illnesses": ["glaucoma"], "not": ["diabetes"]}, NO),
        ({"illnesses": "none", "unknown": ["diabetes"]}, UNKNOWN),
        ({"illnesses": ["glaucoma", "nothing else"], "unknown": ["illnesses.diabetes"]}, UNKNOWN),
        ({"illnesses": "none", "unknown": ["glaucoma"]}, NO),
    ],
)
def test_a_list_names_what_is_there_and_leaves_out_the_unknown_unless_it_is_closed(data: dict[str, Any], expected: int):
    assert told("illnesses has diabetes", **data) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, UNKNOWN),
        ({"red_flags": "none"}, NO),
        ({"red_flags": ["saddle-numbness"]}, YES),
        ({"red_flags": [{"finding": "saddle-numbness", "excluded": "no"}]}, YES),
        ({"red_flags": [{"finding": "saddle-numbness", "excluded": "yes"}]}, NO),
        ({"red_flags": [{"finding": "hot-swollen-joint", "excluded": "yes"}]}, UNKNOWN),
        ({"red_flags": ["hot-swollen-joint", "nothing else"]}, NO),
        ({"not": ["saddle-numbness"]}, NO),
    ],
)
def test_a_red_flag_is_present_excluded_absent_or_not_asked(data: dict[str, Any], expected: int):
    assert told("red_flags has saddle-numbness", **data) == expected


def test_a_wish_is_declined_or_not():
    assert told("declined has massage", declined=["massage"]) == YES
    assert told("declined has massage", declined=["opioid"]) == UNKNOWN
    assert told("declined has massage", declined=["opioid", "nothing else"]) == NO


# ---- causes ----


@pytest.mark.parametrize(
    ("causes", "expected"),
    [
        ("unknown", UNKNOWN),
        ("none", NO),
        (["torn-cartilage"], UNKNOWN),
        ([{"kind": "torn-cartilage", "correctable": "yes"}], YES),
        ([{"kind": "torn-cartilage", "correctable": "no"}], NO),
        (["excessive-scar"], UNKNOWN),
        (["excessive-scar", "nothing else"], NO),
    ],
)
def test_a_cause_is_corrected_where_somebody_judged_it(causes: Any, expected: int):
    assert told("some cause of torn-cartilage where correctable", causes=causes) == expected


def test_some_cause_of_any_kind():
    assert told("some cause", causes=["excessive-scar"]) == YES
    assert told("some cause", causes="none") == NO
    assert told("some cause") == UNKNOWN
    assert (
        told("some cause where correctable", causes=[{"kind": "excessive-scar", "correctable": "no"}, "nothing else"])
        == NO
    )
    assert told("some cause where correctable", causes=[{"kind": "excessive-scar", "correctable": "no"}]) == UNKNOWN


# ---- medicines ----


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, UNKNOWN),
        ({"medicines": "none"}, NO),
        ({"medicines": ["warfarin"]}, YES),
        ({"medicines": ["Warfarin"]}, YES),
        ({"medicines": ["anticoagulant"]}, YES),
        ({"medicines": ["gabapentin"]}, UNKNOWN),
        ({"medicines": ["gabapentin", "nothing else"]}, NO),
        ({"medicines": ["heartsease", "nothing else"]}, UNKNOWN),
        ({"medicines": ["heartsease", "warfarin", "nothing else"]}, YES),
        ({"medicines": ["heartsease", "nothing else"], "not": ["anticoagulant"]}, NO),
        ({"not": ["anticoagulant"]}, NO),
        ({"medicines": "none", "unknown": ["anticoagulant"]}, UNKNOWN),
    ],
)
def test_a_medicine_belongs_to_its_classes_and_one_nobody_knows_may_belong_to_any(data: dict[str, Any], expected: int):
    assert told("some medicine of anticoagulant", **data) == expected


def test_a_medicine_is_measured_by_its_daily_dose():
    text = "some medicine of nsaid where dose > 1200 mg/day"
    assert told(text, medicines=[{"medicine": "ibuprofen", "dose": "600 mg three times a day"}]) == YES
    low = {"medicine": "ibuprofen", "dose": "200 mg/day"}
    assert told(text, medicines=[low, "nothing else"]) == NO
    assert told(text, medicines=[low]) == UNKNOWN
    assert told(text, medicines=["ibuprofen", "nothing else"]) == UNKNOWN


# ---- trials ----


@pytest.mark.parametrize(
    ("trials", "expected"),
    [
        ("unknown", UNKNOWN),
        ("none", NO),
        ([trial(result="failed")], YES),
        ([trial(result="helped")], NO),
        ([trial()], UNKNOWN),
        ([trial(result="helped"), trial(result="failed")], YES),
        ([trial(result="helped"), trial()], UNKNOWN),
        ([{"treatment": "opioid", "result": "failed"}], UNKNOWN),
        ([{"treatment": "opioid", "result": "failed"}, "nothing else"], NO),
        ([trial(state="never")], NO),
    ],
)
def test_a_treatment_that_is_named_tells_its_whole_story(trials: Any, expected: int):
    assert told("some trial of massage where result = failed", trials=trials) == expected


def test_a_trial_of_a_medicine_is_a_trial_of_its_option():
    assert (
        told("some trial of opioid where result = failed", trials=[{"treatment": "tramadol", "result": "failed"}])
        == YES
    )
    assert (
        told("some trial of opioid where result = failed", trials=[{"treatment": "Tramadol", "result": "failed"}])
        == YES
    )


def test_a_treatment_can_be_denied_singly_and_left_open_singly():
    assert told("some trial of massage", **{"not": ["trials.massage"]}) == NO
    assert told("some trial of massage", trials="none", unknown=["trials.massage"]) == UNKNOWN


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        (["helped"], YES),
        (["failed"], NO),
        (["helped", "failed"], NO),
        (["failed", "helped"], YES),
        (["helped", "failed", "helped"], YES),
        (["helped", "partly", "failed"], NO),
        (["helped", None], UNKNOWN),
        ([None], UNKNOWN),
        ([None, "failed"], NO),
        ([None, "helped"], YES),
        ([None, "partly"], UNKNOWN),
    ],
)
def test_a_newer_trial_speaks_against_an_older_one(results: list[str | None], expected: int):
    text = "some trial of massage where (result = helped and no later trial where result = failed)"
    trials = [trial(**({"result": result} if result else {})) for result in results]
    assert told(text, trials=trials) == expected


def test_a_later_trial_of_another_treatment_says_nothing():
    text = "some trial of massage where (result = helped and no later trial where result = failed)"
    assert told(text, trials=[trial(result="helped"), {"treatment": "opioid", "result": "failed"}]) == YES


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"duration": "6 weeks"}, YES),
        ({"duration": "41 days"}, NO),
        ({}, UNKNOWN),
        ({"duration": "41 days", "adequate": "yes"}, YES),
        ({"duration": "6 weeks", "adequate": "no"}, NO),
        ({"began": "2026-01-01", "ended": "2026-02-12"}, YES),
        ({"began": "2026-01-01", "ended": "2026-02-11"}, NO),
        ({"began": "2026-01-19", "state": "running"}, YES),
        ({"began": "2026-01-20", "state": "running"}, NO),
        ({"began": "2026-01-01"}, UNKNOWN),
    ],
)
def test_an_adequate_trial_is_what_the_record_says_or_else_what_its_length_says(record: dict[str, str], expected: int):
    text = "some trial of massage where (adequate else duration >= 6 weeks)"
    assert told(text, as_of="2026-03-02", trials=[trial(**record)]) == expected


# ---- all words at once ----


def test_every_word_is_answered_in_order_and_nothing_is_known_of_nobody():
    words = [("pregnant", parse("pregnancy", SCOPE)), ("young", parse("age < 18", SCOPE))]
    assert find(subject(), words) == {"pregnant": UNKNOWN, "young": UNKNOWN}
    assert list(find(subject(pregnancy="no", age=9), words).items()) == [("pregnant", NO), ("young", YES)]


def test_nobody_is_known_by_default():
    tree = load().tree
    answers = find(subject(), tree.field_words)
    of_no_medicine = {f"{option.option}.taken" for option in load().base.options if option.taken == ["never"]}
    assert {name for name, value in answers.items() if value != UNKNOWN} <= {SAFETY, *of_no_medicine}
    assert answers[SAFETY] == YES


# ---- what is missing ----


@pytest.mark.parametrize(
    ("text", "data", "expected"),
    [
        ("pain.duration > 3 months", {}, [("pain.duration", "")]),
        ("pain.duration > 3 months", {"pain": {"duration": "1 year"}}, []),
        ("pregnancy and age < 18", {}, [("pregnancy", ""), ("age", "")]),
        ("pregnancy and age < 18", {"age": 12}, [("pregnancy", "")]),
        ("pregnancy and age < 18", {"age": 40}, []),
        ("not pregnancy", {}, [("pregnancy", "")]),
        ("pregnancy or not pregnancy", {}, [("pregnancy", "")]),
        ("illnesses has diabetes", {}, [("illnesses", "diabetes")]),
        ("red_flags has saddle-numbness", {}, [("red_flags", "saddle-numbness")]),
        ("some cause of torn-cartilage where correctable", {}, [("causes", "torn-cartilage")]),
        (
            "some cause of torn-cartilage where correctable",
            {"causes": ["excessive-scar", "torn-cartilage"]},
            [("causes[1].correctable", "")],
        ),
        ("some medicine of anticoagulant", {}, [("medicines", "anticoagulant")]),
        (
            "some medicine of anticoagulant",
            {"medicines": ["gabapentin", "heartsease", "nothing else"]},
            [("medicines[1].medicine", "anticoagulant")],
        ),
        ("some trial of massage where result = failed", {}, [("trials", "massage")]),
        (
            "some trial of massage where result = failed",
            {"trials": [{"treatment": "opioid"}, {"treatment": "massage"}]},
            [("trials[1].result", "")],
        ),
        (
            "some trial of massage where (adequate else duration >= 6 weeks)",
            {"trials": [{"treatment": "massage", "result": "failed"}]},
            [("trials[0].duration", "")],
        ),
        (
            "some trial of massage where (result = helped and no later trial where result = failed)",
            {"trials": [trial(result="helped"), trial()]},
            [("trials[1].result", "")],
        ),
    ],
)
def test_what_is_missing_is_named_down_to_the_field(text: str, data: dict[str, Any], expected: list[tuple[str, str]]):
    assert gaps(text, **data) == expected


def _status(option: str, *trials: Any, **more: Any) -> str:
    case: dict[str, Any] = {"pain": {"duration": "2 years"}, "causes": "none", "red_flags": "none", "declined": "none"}
    case |= {"illnesses": "none", "medicines": "none", "trials": [*trials, "nothing else"]}
    case |= {"age": 45, "sex": "male", "care": "none", "conditions": "none", "allergies": "none", **more}
    walk = pathway.walk(pathway.read(case))
    return next(o.status for step in walk.steps for o in step.options if o.option == option)


def test_the_failure_of_one_medicine_does_not_undo_another_that_helps():
    helps = {"treatment": "gabapentin", "state": "ended", "result": "helped"}
    fails = {"treatment": "pregabalin", "duration": "12 weeks", "result": "failed"}
    assert _status("antiseizure", helps, fails) == "continue"
    assert _status("antiseizure", fails, helps) == "continue"
    by_class = {"treatment": "antiseizure", "medicine": "pregabalin", "duration": "12 weeks", "result": "failed"}
    assert _status("antiseizure", helps, by_class) == "continue"


def test_a_later_failure_that_may_be_of_the_same_medicine_undoes_the_help():
    helps = {"treatment": "gabapentin", "state": "ended", "result": "helped"}
    for name in ("gabapentin", "antiseizure"):
        fails = {"treatment": name, "duration": "9 weeks", "result": "failed"}
        assert _status("antiseizure", helps, fails) == "tried"


def test_a_medicine_nobody_asked_about_leaves_its_class_unknown():
    for name in ("anticoagulant", "warfarin", "medicines.warfarin", "heparin"):
        assert _status("nerve-block", unknown=[name]) == "after-asking"
    assert _status("nerve-block", unknown=["gabapentin"]) == "offered"


def test_a_medicine_never_tried_says_nothing_of_its_class():
    word = compiled_word("opioid.on-trial")
    for record, said in (({"treatment": "opioid", "medicine": "morphine"}, 0), ({"treatment": "opioid"}, -1)):
        case = read({"trials": [{**record, "state": "never"}]})
        assert answer(word, case.subject) == said


def compiled_word(name: str) -> list[Any]:
    return load().tree.node[name].tree


# ---- medicines that only their class is known of, and medicines under trial ----


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"medicines": ["opioid", "nothing else"]}, UNKNOWN),
        ({"medicines": ["opioid", "nothing else"], "not": ["medicines.tramadol"]}, NO),
        ({"medicines": ["gabapentin", "nothing else"]}, NO),
        ({"medicines": ["opioid", "tramadol", "nothing else"]}, YES),
        ({"medicines": ["morphine", "nothing else"]}, NO),
    ],
)
def test_some_opioid_may_be_tramadol(data: dict[str, Any], expected: int):
    assert told("some medicine of tramadol", **data) == expected


def test_what_a_medicine_of_a_class_may_be_is_asked_of_that_medicine():
    assert told("some medicine of opioid", medicines=["opioid", "nothing else"]) == YES
    assert gaps("some medicine of tramadol", medicines=["gabapentin", "opioid", "nothing else"]) == [
        ("medicines[1].medicine", "tramadol")
    ]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"treatment": "tramadol", "state": "running"}, YES),
        ({"treatment": "opioid", "medicine": "Tramadol", "state": "running"}, YES),
        ({"treatment": "opioid", "state": "running"}, UNKNOWN),
        ({"treatment": "morphine", "state": "running"}, UNKNOWN),
        ({"treatment": "tramadol", "state": "ended"}, UNKNOWN),
        ({"treatment": "tramadol"}, UNKNOWN),
        ({"treatment": "massage", "state": "running"}, UNKNOWN),
    ],
)
def test_a_medicine_whose_trial_is_going_on_is_taken(record: dict[str, str], expected: int):
    assert told("some medicine of tramadol", trials=[record]) == expected


def test_whether_a_medicine_under_trial_helps_is_what_the_trial_says():
    text = "some medicine of opioid where helps"
    running = {"treatment": "tramadol", "state": "running"}
    nothing = {"not": ["medicines.codeine"]}
    assert told(text, trials=[{**running, "result": "helped"}], **nothing) == YES
    assert told(text, trials=[running], **nothing) == UNKNOWN


# ---- sums over medicines ----


def mme(*medicines: Any, closed: bool = True, **data: Any) -> Sum:
    return total("mme", "opioid", subject(medicines=[*medicines, *(["nothing else"] if closed else [])], **data))


def of(medicine: str, dose: str | None = None, **more: str) -> dict[str, str]:
    return {"medicine": medicine, **({"dose": dose} if dose else {}), **more}


def test_of_a_class_that_nobody_knows_of_no_member_is_known_not_to_be_there():
    assert told("some medicine of morphine", medicines="none", unknown=["medicines.opioid"]) == UNKNOWN
    assert told("some medicine of ssri", medicines="none", unknown=["medicines.antidepressant"]) == UNKNOWN
    assert told("some medicine of gabapentinoid", medicines="none", unknown=["medicines.opioid"]) == NO
    # Aspirin is among the NSAIDs, and thins the blood.
    assert told("some medicine of antiplatelet", medicines="none", unknown=["medicines.nsaid"]) == UNKNOWN


def test_a_denial_by_name_holds_also_where_nobody_knows_of_its_class():
    told_of = {"medicines": "none", "not": ["medicines.morphine"], "unknown": ["medicines.opioid"]}
    assert told("some medicine of morphine", **told_of) == NO
    assert told("some medicine of opioid", **told_of) == UNKNOWN


def test_the_worked_examples_of_the_cdc_come_out_as_it_says():
    hydrocodone, oxycodone = mme(of("hydrocodone", "5 mg four times a day")), mme(of("oxycodone", "10 mg twice a day"))
    assert (hydrocodone.low, hydrocodone.high) == (20, 20)
    assert (oxycodone.low, oxycodone.high) == (30, 30)


def test_a_form_without_a_factor_counts_at_least_as_by_mouth():
    found = mme(of("morphine", "30 mg/day"), of("morphine", "20 mg/day", form="injection"))
    assert (found.low, found.high, [part.at_least for part in found.parts]) == (50, None, [False, True])


def test_the_higher_dose_of_a_medicine_and_of_its_trial_counts_and_only_once():
    running = {"treatment": "oxycodone", "state": "running", "dose": "200 mg/day"}
    assert mme(of("oxycodone", "10 mg/day"), trials=[running]).low == 300
    assert mme(of("oxycodone"), trials=[running]).low == 300
    assert mme(of("oxycodone", "300 mg/day"), trials=[running]).low == 450


def test_known_parts_add_up_and_what_is_no_opioid_adds_nothing():
    found = mme(of("morphine", "30 mg/day"), of("ibuprofen", "600 mg/day"), of("oxycodone", "20 mg/day"))
    assert (found.low, found.high) == (60, 60)
    assert [(part.path, part.amount) for part in found.parts] == [("medicines[0]", 30), ("medicines[2]", 30)]
    assert mme() == Sum(0, 0, ())


@pytest.mark.parametrize(
    ("second", "amount", "sure", "form_decides"),
    [
        (of("oxycodone"), None, True, False),  # its dose is not known
        (of("buprenorphine", "1 mg/day"), None, True, False),  # there is no factor for it
        (of("fentanyl", "25 mcg/hour"), None, True, True),  # there is one if it is a patch
        (of("opioid", "40 mg/day"), None, True, False),  # some opioid, nobody says which
        (of("heartsease", "40 mg/day"), None, False, False),  # it may be one
    ],
)
def test_a_part_that_nobody_can_add_leaves_the_sum_without_an_upper_bound(
    second: dict[str, str], amount: float | None, sure: bool, form_decides: bool
):
    found = mme(of("morphine", "30 mg/day"), second)
    assert (found.low, found.high) == (30, None)
    part = found.parts[1]
    assert (part.amount, part.sure, part.form_decides) == (amount, sure, form_decides)


def test_a_patch_counts_by_the_microgram_an_hour_and_by_its_form():
    patch = mme(of("fentanyl", "25 mcg/hour", form="patch"))
    assert patch.low == pytest.approx(60)
    assert patch.high == patch.low
    assert mme(of("fentanyl", "0.6 mg/day", form="immediate-release")).high is None


@pytest.mark.parametrize("form", ["injection", "spinal"])
def test_an_opioid_that_is_not_swallowed_counts_as_at_least_what_it_would_by_mouth(form: str):
    found = mme(of("morphine", "60 mg/day", form=form))
    assert (found.low, found.high) == (60, None)
    assert found.parts[0].at_least
    swallowed = mme(of("morphine", "60 mg/day", form="immediate-release"))
    assert (swallowed.low, swallowed.high, swallowed.parts[0].at_least) == (60, 60, False)


def test_an_open_list_bounds_a_sum_from_below_only():
    found = mme(of("morphine", "60 mg/day"), closed=False)
    assert (found.low, found.high) == (60, None)
    assert mme(unknown=["medicines.opioid"]) == Sum(0, None, ())
    assert mme(unknown=["medicines.tramadol"]) == Sum(0, None, ())
    assert mme(unknown=["medicines.gabapentin"]) == Sum(0, 0, ())


def test_a_denied_class_closes_the_sum_of_it():
    assert mme(of("heartsease", "1 mg/day"), closed=False, **{"not": ["medicines.opioid"]}) == Sum(0, 0, ())


def test_two_names_of_one_medicine_add_up_by_dose():
    listed = [of("acetaminophen", "3 g/day"), of("paracetamol", "1 g/day"), of("ibuprofen", "1 g/day"), "nothing else"]
    assert total("dose", "acetaminophen", subject(medicines=listed)).low == 4000
    assert told("total dose of acetaminophen > 4000 mg/day", medicines=listed) == NO
    assert told("total dose of acetaminophen >= 4000 mg/day", medicines=listed) == YES


@pytest.mark.parametrize(
    ("medicines", "expected"),
    [
        ([of("morphine", "49 mg/day"), "nothing else"], NO),
        ([of("morphine", "50 mg/day"), "nothing else"], YES),
        ([of("morphine", "50 mg/day")], YES),
        ([of("morphine", "49 mg/day")], UNKNOWN),
        ([of("morphine", "50 mg/day"), of("tramadol"), "nothing else"], YES),
        ([of("morphine", "49 mg/day"), of("tramadol"), "nothing else"], UNKNOWN),
        (["gabapentin", "nothing else"], NO),
        ("none", NO),
        ("unknown", UNKNOWN),
    ],
)
def test_a_line_is_asked_about_only_where_the_bounds_leave_it_undecided(medicines: Any, expected: int):
    assert told("total mme of opioid >= 50", medicines=medicines) == expected
    assert told("total mme of opioid < 50", medicines=medicines) == -expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, [("medicines", "opioid")]),
        ({"medicines": [of("morphine", "60 mg/day")]}, []),
        ({"medicines": [of("morphine"), "nothing else"]}, [("medicines[0].dose", "")]),
        ({"medicines": [of("fentanyl", "25 mcg/hour"), "nothing else"]}, [("medicines[0].form", "")]),
        ({"medicines": [of("fentanyl"), "nothing else"]}, [("medicines[0].dose", "")]),
        ({"medicines": ["nothing else", of("heartsease")]}, [("medicines[1].medicine", "opioid")]),
        ({"medicines": [of("buprenorphine", "1 mg/day"), "nothing else"]}, []),
        ({"medicines": [of("buprenorphine"), "nothing else"]}, []),  # no dose of it would tell
        ({"medicines": [of("fentanyl", form="injection"), "nothing else"]}, []),
        ({"medicines": [of("opioid", "40 mg/day"), "nothing else"]}, [("medicines[0].medicine", "opioid")]),
        ({"medicines": [of("opioid"), "nothing else"]}, [("medicines[0].medicine", "opioid")]),
        (
            {"trials": [{"treatment": "morphine", "state": "running"}], "unknown": ["medicines.opioid"]},
            [("medicines", "opioid"), ("trials[0].dose", "")],
        ),
    ],
)
def test_what_a_sum_lacks_is_asked_for(data: dict[str, Any], expected: list[tuple[str, str]]):
    assert gaps("total mme of opioid >= 50", **data) == expected


def only_trial(**more: str) -> Sum:
    running = {"treatment": "oxycodone", "state": "running", "dose": "20 mg/day", **more}
    return total("mme", "opioid", subject(trials=[running]))


def test_a_medicine_under_trial_is_added_once():
    assert only_trial().low == 30
    assert only_trial(state="ended").low == 0
    running = {"treatment": "oxycodone", "state": "running", "dose": "20 mg/day"}
    assert mme(of("oxycodone", "20 mg/day"), trials=[running]) == mme(of("oxycodone", "20 mg/day"))


def test_of_two_doses_of_one_medicine_the_higher_counts():
    running = {"treatment": "morphine", "state": "running", "dose": "60 mg/day"}
    assert mme(of("morphine"), trials=[running]).low == 60
    assert mme(of("morphine", "20 mg/day"), trials=[running]).low == 60
    assert mme(of("morphine", "80 mg/day"), trials=[running]).low == 80


def test_the_dose_of_a_trial_is_not_added_twice_where_a_medicine_is_taken_in_two_forms():
    running = {"treatment": "morphine", "state": "running", "dose": "60 mg/day"}
    listed = [
        of("morphine", "20 mg/day", form="immediate-release"),
        of("morphine", "40 mg/day", form="extended-release"),
    ]
    assert mme(*listed, trials=[running]).low == 60


@pytest.mark.parametrize(
    ("medicines", "line"),
    [
        ([of("fentanyl", "37.5 mcg/hour", form="patch")], 90),
        ([of("fentanyl", "12.5 mcg/hour", form="patch"), of("morphine", "20 mg/day")], 50),
    ],
)
def test_a_patch_that_comes_to_a_line_exactly_reaches_it(medicines: list[Any], line: int):
    assert told(f"total mme of opioid >= {line}", medicines=[*medicines, "nothing else"]) == YES


def test_the_order_of_medicines_does_not_move_a_sum_by_a_hair():
    listed = [of("tapentadol", "154.8 mg/day"), of("tramadol", "398.8 mg/day"), of("tramadol", "96.6 mg/day")]
    sums = {mme(*order).low for order in permutations(listed)}
    assert len(sums) == 1
