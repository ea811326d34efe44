import io
import json
from datetime import date

import pytest

import pathway
from pathway.case import Case, read_case
from pathway.problem import Problems
from pathway.profile import ILLNESSES, RED_FLAGS, Known

BASE = pathway.load_rules().base


def case(text, **options) -> Case:
    return read_case(io.BytesIO(text.encode()), BASE, name="case.yaml", **options)


def told(text, **options):
    with pytest.raises(Problems) as caught:
        case(text, **options)
    return [(p.place.line, p.place.column, p.kind) for p in caught.value.items]


def one_trial(text):
    return case(text).profile.trials.items[0]


# ---- what is worked out ----


def test_the_duration_of_the_pain_is_worked_out_from_the_day_it_began():
    assert case("as_of: 2026-03-02\npain: {began: 2025-12-01}").profile.pain.duration == 91
    assert case("as_of: 2026-03-02\npain: {began: 2026-03-02}").profile.pain.duration == 0


def test_another_day_may_be_given_for_as_of():
    profile = case("as_of: 2026-03-02\npain: {began: 2025-12-01}", as_of=date(2026, 4, 1)).profile
    assert (profile.as_of, profile.pain.duration) == (date(2026, 4, 1), 121)
    assert case("pain: {began: 2025-12-01}", as_of=date(2026, 4, 1)).profile.pain.duration == 121
    assert case("as_of: [nonsense]", as_of=date(2026, 4, 1)).profile.as_of == date(2026, 4, 1)
    assert told("pain: {began: 2025-12-01}", as_of=date(2025, 4, 1)) == [(1, 15, "after-as-of")]


def test_the_duration_of_a_trial_is_worked_out_where_its_days_are_known():
    ended = one_trial("as_of: 2026-03-02\ntrials: [{treatment: massage, began: 2025-12-01, ended: 2026-01-12}]")
    assert (ended.duration, ended.state) == (42, "ended")
    running = one_trial("as_of: 2026-03-02\ntrials: [{treatment: massage, began: 2026-02-01, state: running}]")
    assert (running.duration, running.state) == (29, "running")
    begun = one_trial("as_of: 2026-03-02\ntrials: [{treatment: massage, began: 2026-02-01}]")
    assert (begun.duration, begun.state) == (None, None)
    said = one_trial("as_of: 2026-03-02\ntrials: [{treatment: massage, began: 2026-01-01, duration: 3 weeks}]")
    assert said.duration == 21


def test_a_trial_of_a_medicine_is_a_trial_of_its_option():
    subject = case("trials: [{treatment: ' Duloxetine '}, {treatment: antidepressant, medicine: duloxetine}]").subject
    assert [subject.option_of(trial) for trial in subject.profile.trials] == ["antidepressant"] * 2


def test_the_medicine_of_a_trial_is_free_text_where_nobody_knows_it():
    assert one_trial("trials: [{treatment: antidepressant, medicine: Heartsease 5}]").medicine == "Heartsease 5"
    assert one_trial("trials: [{treatment: pain-pump, medicine: morphine}]").medicine == "morphine"


def test_item_nine_above_zero_is_thoughts_of_suicide():
    for item9, findings in ((0, []), (1, ["suicidal-thoughts"])):
        flags = case(f"mood: {{item9: {item9}}}").profile.red_flags
        assert [flag.finding for flag in flags] == findings
        assert not flags.closed
    seen = case("mood: {item9: 3}\nred_flags: [fever]").profile.red_flags
    assert [(flag.finding, flag.excluded) for flag in seen] == [("fever", None), ("suicidal-thoughts", None)]
    named = case("mood: {item9: 3}\nred_flags: [suicidal-thoughts, nothing else]").profile.red_flags
    assert ([flag.finding for flag in named], named.closed) == (["suicidal-thoughts"], True)


def test_a_man_is_not_pregnant_and_could_not_become_so():
    man = case("sex: male").profile
    assert (man.pregnancy, man.fertility.possible, man.fertility.breastfeeding) == (False, False, False)
    for sex in ("female", "other"):
        profile = case(f"sex: {sex}").profile
        assert (profile.pregnancy, profile.fertility.possible, profile.fertility.breastfeeding) == (None, None, None)


def test_what_failed_or_was_undone_has_ended():
    for result in ("failed", "not-tolerated", "undone"):
        assert one_trial(f"trials: [{{treatment: pain-pump, result: {result}}}]").state == "ended"
    assert one_trial("trials: [{treatment: pain-pump, result: helped}]").state is None


# ---- what speaks against what ----


@pytest.mark.parametrize(
    "text",
    [
        "not: [glaucoma]\nunknown: [diabetes]",
        "illnesses: [glaucoma]\nnot: [illnesses.diabetes, pain.sites.head]",
        "red_flags: [{finding: saddle-numbness, excluded: yes, by: Dr Ruiz}]\nnot: [saddle-numbness]",
        "trials: [{treatment: massage, state: never}]\nnot: [trials.massage]",
        "trials: [{treatment: duloxetine, state: never}, {treatment: amitriptyline, result: failed}]",
        "trials: [{treatment: massage, state: running}]\ndeclined: [massage]",
        "medicines: [warfarin]\nnot: [opioid-use-disorder, nsaid]",
        "sex: male\npregnancy: no",
        "age: 60\npain: {duration: 60 years}",
        "medicines: [{medicine: morphine, dose: 10 mg/day}, {medicine: morphine, dose: 20 mg/day}]",
        "not: none\nunknown: []",
        "not: [unknown]",
        "{}",
        "trials: [{treatment: massage, duration: 31 days}]\npain: {duration: 1 month}",
        "trials: [{treatment: antianxiety, medicine: clonazepam}, {treatment: muscle-relaxant, medicine: diazepam}]",
        "trials: [{treatment: duloxetine, state: running}]\nmedicines: [aspirin]",
        "trials: [{treatment: duloxetine, state: running}]\nmedicines: [snri, nothing else]",
        "trials: [{treatment: duloxetine, state: running}]\nmedicines: [Heartsease, nothing else]",
        "trials: [{treatment: duloxetine, state: running}]\nmedicines: none\nunknown: [medicines.snri]",
        "trials: [{treatment: paracetamol, state: running}]\nmedicines: [acetaminophen, nothing else]",
        "red_flags: [{finding: unknown}]\nnot: [saddle-numbness]",
        "medicines: [{medicine: capsaicin-patch, form: patch, dose: 1 mg/day}, {medicine: fentanyl, form: patch}]",
        "medicines: [{medicine: morphine, form: spinal}]\ndevices: none\nunknown: [pump]",
        "fertility: {lasted: 45 weeks}",
        "mood: {item9: 2}\nred_flags: [suicidal-thoughts, nothing else]",
        "mood: {item9: 2}\nred_flags: [fever]\nunknown: [suicidal-thoughts]",
        "mood: {item9: 0}\nred_flags: none",
        "mood: {item9: 0}\nred_flags: [suicidal-thoughts]",
        "mood: {phq9: 24}\nred_flags: none",
        "mood: {phq9: 25}\nred_flags: [suicidal-thoughts]",
        "mood: {phq9: 3, item9: 3}",
        "mood: {phq9: 25, item9: 1}",
        "medicines: [{medicine: morphine, form: spinal}]\ndevices: [pump, nothing else]",
        "medicines: [{medicine: morphine, form: spinal}]\ndevices: [stimulator]",
        "medicines: [{medicine: fentanyl, form: patch, dose: 25 mcg/hour}]",
        "pregnancy: yes\nfertility: {lasted: 20 weeks}",
        "pregnancy: no\nfertility: {possible: yes, breastfeeding: yes}",
        "sex: male\nfertility: {possible: no, breastfeeding: no, contraception: yes}",
        "injections: {same_joint: 0, since_last: 1 year}",
        "injections: {same_joint: 1, since_last: 3 weeks}",
    ],
)
def test_what_can_be_true_together_is_accepted(text):
    assert case(text).source == "case.yaml"


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("red_flags: [{finding: saddle-numbness}]\nnot: [saddle-numbness]", [(2, 7, "contradiction")]),
        (
            "red_flags: [{finding: saddle-numbness, excluded: yes}]\nunknown: [saddle-numbness]",
            [(2, 11, "contradiction")],
        ),
        ("trials: [{treatment: massage, state: never}]\nunknown: [trials.massage]", [(2, 11, "contradiction")]),
        ("pain: {sites: [head]}\nnot: [pain.sites.head]", [(2, 7, "contradiction")]),
        ("declined: massage\nnot: [declined.massage]", [(2, 7, "contradiction")]),
        ("not: [head, glaukoma]\nunknown: [HEAD]", [(1, 13, "unknown-value"), (2, 11, "contradiction")]),
        ("as_of: 2026-03-02\nage: 20\npain: {began: 1990-01-01}", [(3, 15, "contradiction")]),
        ("age: 20\ntrials: [{treatment: massage, duration: 30 years}]", [(2, 41, "contradiction")]),
        ("mood: {item9: 1}\nred_flags: none", [(1, 15, "contradiction")]),
        ("mood: {item9: 1}\nred_flags: [fever, nothing else]", [(1, 15, "contradiction")]),
        ("mood: {item9: 1}\nnot: [red_flags.suicidal-thoughts]", [(1, 15, "contradiction")]),
        ("mood: {item9: 1}\nred_flags: [{finding: suicidal-thoughts, excluded: yes}]", [(1, 15, "contradiction")]),
        ("mood: {phq9: 25}\nred_flags: none", [(1, 14, "contradiction")]),
        ("mood: {phq9: 2, item9: 3}", [(1, 14, "contradiction")]),
        ("mood: {phq9: 26, item9: 1}", [(1, 14, "contradiction")]),
        ("medicines: [{medicine: morphine, form: spinal}]\ndevices: none", [(1, 40, "contradiction")]),
        ("medicines: [{medicine: fentanyl, form: patch, dose: 5 mg/day}]", [(1, 53, "wrong-unit")]),
        ("trials: [{treatment: pain-pump, state: running, result: undone}]", [(1, 57, "contradiction")]),
        ("sex: male\nfertility: {lasted: 9 weeks}", [(2, 21, "contradiction")]),
        ("pregnancy: no\nfertility: {lasted: 9 weeks}", [(2, 21, "contradiction")]),
        ("sex: male\nfertility: {possible: yes}", [(2, 23, "contradiction")]),
        ("sex: male\nfertility: {breastfeeding: yes}", [(2, 28, "contradiction")]),
        ("injections: {same_joint: 0, since_last: 364 days}", [(1, 41, "contradiction")]),
        ("illnesses: [diabetes, unknown, nothing else]", [(1, 23, "contradiction")]),
        ("illnesses: [nothing else, nothing else]", [(1, 27, "said-twice")]),
        (
            "as_of: 2026-03-02\ntrials: [{treatment: massage, state: running, began: 2026-01-01, duration: 3 weeks}]",
            [(2, 66, "said-twice")],
        ),
        (
            "trials: [{treatment: duloxetine, state: never}, {treatment: antidepressant, medicine: Duloxetine}]",
            [(1, 41, "contradiction")],
        ),
    ],
)
def test_what_cannot_be_true_together_is_told(text, problems):
    assert told(text) == problems


@pytest.mark.parametrize(
    "text",
    [
        "trials: [{treatment: opioid, state: running}]\nmedicines: none",
        "trials: [{treatment: morphine, state: running}]\nnot: [medicines.opioid]",
        "trials: [{treatment: pain-pump, medicine: morphine, state: running}]\nmedicines: none",
    ],
)
def test_a_trial_that_goes_on_is_not_denied_elsewhere(text):
    assert [kind for _, _, kind in told(text)] == ["contradiction"]


ORDINARY = (
    "coeliac disease", "mild asthma", "gout", "gouty arthritis", "hay fever", "high cholesterol", "low mood",
    "osteopetrosis", "diabetes insipidus", "\u03b2-thalassaemia", "psoriatic arthritis", "cluster headache",
    "depressive disorder", "Crohn\u2019s disease", "chronic fatigue syndrome", "frozen shoulder", "old wrist fracture",
    "hypothyroidism", "prediabetes", "anxiety", "BPH", "penicillin allergy",
)  # fmt: skip
KNOWN_ALL_THE_SAME = {
    "known glaucoma": "illnesses as glaucoma", "severe glaucoma": "illnesses as glaucoma",
    "epilepsy since 1990": "illnesses as epilepsy", "hospice": "care as hospice-care",
    "end-of-life care": "care as hospice-care", "pacemaker": "devices as pacemaker-or-defibrillator",
    "stroke": "stroke-or-tia", "cancer": "active-cancer or past-cancer", "heart attack": "recent-heart-attack",
    "lung cancer": "active-cancer or illnesses as past-cancer", "asthma": "illnesses as severe-asthma",
    "stable angina": "coronary-disease", "inactive psychosis": "past-psychosis", "hypertension": "blood_pressure",
    "chronic kidney disease": "kidney-impairment or severe-kidney-impairment", "known CHF": "as heart-failure",
    "compensated heart failure": "illnesses as heart-failure", "PE": "thrombosis-or-embolism",
    "cirrhosis": "liver-disease or severe-liver-disease", "knwon glaucma": "illnesses as glaucoma",
    "hay fever with fever": "red_flags as fever", "8 weeks pregnant": "pregnancy", "takes warfarin": "as warfarin",
    "allergic to morphine": "allergies as opioid", "SCS": "devices as stimulator", "GI bleeds": "peptic-ulcer",
}  # fmt: skip


@pytest.mark.parametrize("name", ORDINARY)
def test_an_ordinary_illness_that_no_rule_knows_is_accepted(name):
    assert case(json.dumps({"illnesses": [{"other": name}, "nothing else"]})).profile.illnesses.others == (name,)


@pytest.mark.parametrize("name", KNOWN_ALL_THE_SAME)
def test_a_known_danger_in_other_words_is_refused_with_where_it_belongs(name):
    with pytest.raises(Problems) as caught:
        case(json.dumps({"illnesses": [{"other": name}]}))
    (problem,) = caught.value.items
    assert problem.kind == "unknown-value"
    assert KNOWN_ALL_THE_SAME[name] in problem.help


@pytest.mark.parametrize("site", ["thumb", "jaw", "eye", "tailbone"])
def test_a_part_of_the_body_that_no_rule_knows_is_accepted(site):
    assert case(f"pain: {{sites: [{{other: {site}}}]}}").profile.pain.sites.others == (site,)


@pytest.mark.parametrize(
    ("medicine", "allergy"),
    [
        ("morphine", "opioid"), ("ibuprofen", "nsaid-or-aspirin"), ("amitriptyline", "tricyclic"),
        ("venlafaxine", "duloxetine"), ("gabapentin", "gabapentinoid"), ("lorazepam", "benzodiazepine"),
        ("sumatriptan", "triptan"), ("paracetamol", "acetaminophen"), ("oxcarbazepine", "carbamazepine"),
        ("carisoprodol", "carbamate"), ("lidocaine", "local-anaesthetic"), ("bupivacaine", "local-anaesthetic"),
        ("triamcinolone", "steroid"), ("methylprednisolone", "steroid"), ("prednisone", "steroid"),
        ("antidepressants", "tricyclic or duloxetine"),
    ],
)  # fmt: skip
def test_an_allergy_to_a_medicine_is_named_as_an_allergy(medicine, allergy):
    with pytest.raises(Problems) as caught:
        case(f"allergies: [{{other: {medicine}}}]")
    assert f"write {allergy} in place of" in caught.value.items[0].help
    assert "medicines" not in caught.value.items[0].help


@pytest.mark.parametrize("name", ["penicillin", "warfarin", "metaxalone", "latex"])
def test_an_allergy_that_no_rule_knows_is_accepted(name):
    assert case(f"allergies: [{{other: {name}}}]").profile.allergies.others == (name,)


def test_a_medicine_that_no_rule_knows_may_be_taken():
    assert [m.medicine for m in case("medicines: [Heartsease]").profile.medicines] == ["Heartsease"]


def test_a_device_that_is_tried_is_in_place():
    trials = "trials: [{treatment: spinal-cord-stimulator, state: running}, {treatment: pain-pump, state: running}]"
    assert case(trials).profile.devices == Known(("stimulator", "pump"))
    assert case(f"{trials}\ndevices: [pump]").profile.devices.present == ("pump", "stimulator")
    unasked = case(f"{trials}\ndevices: none\nunknown: [stimulator, devices.pump]").profile
    assert unasked.devices.present == ("stimulator", "pump")
    assert case("trials: [{treatment: pain-pump, state: ended}]").profile.devices == Known()


def test_a_device_that_is_wrongly_written_is_not_taken_for_one_that_is_denied():
    text = "trials: [{treatment: pain-pump, state: running}]\ndevices: [pomp, nothing else]"
    assert told(text) == [(2, 11, "unknown-value")]


def test_a_sum_over_24_tells_of_thoughts_of_suicide():
    def signs(text):
        return [flag.finding for flag in case(text).profile.red_flags]

    assert signs("mood: {phq9: 25}") == signs("mood: {phq9: 4, item9: 1}") == ["suicidal-thoughts"]
    assert signs("mood: {phq9: 24}") == signs("mood: {phq9: 24, item9: 0}") == []
    assert signs("mood: {phq9: 27}\nred_flags: none\nunknown: [suicidal-thoughts]") == ["suicidal-thoughts"]


@pytest.mark.parametrize("field", ["pain.sites", "conditions", "problems", "illnesses"])
@pytest.mark.parametrize("name", sorted(BASE.medicines) + sorted(BASE.option) + sorted(ILLNESSES) + sorted(RED_FLAGS))
def test_nothing_that_a_rule_knows_slips_into_a_list_as_other(field, name):
    listed = [{"other": f"gout, {name.upper().replace('-', ' ')}"}, "nothing else"]
    data = {"pain": {"sites": listed}} if field == "pain.sites" else {field: listed}
    assert [kind for _, _, kind in told(json.dumps(data))] == ["unknown-value"]


# ---- all in one pass, each in its place ----


def test_a_wrong_as_of_is_told_once_and_not_again_for_every_date():
    assert told("as_of: 2026-02-30\npain: {began: 2025-12-01}\ntrials: [{treatment: massage, ended: 2025-12-01}]") == [
        (1, 8, "bad-date")
    ]


def test_what_is_wrong_in_one_item_hides_nothing_in_the_next():
    text = "trials:\n  - {result: failed}\n  - 3\n  - {treatment: masage, began: soon}\n  - nothing else"
    assert told(text) == [
        (2, 5, "missing-field"),
        (3, 5, "wrong-type"),
        (4, 17, "unknown-value"),
        (4, 32, "bad-date"),
    ]


def test_a_wrong_value_is_not_taken_for_one_that_is_missing():
    assert told("red_flags: [{finding: saddle-numbness, excluded: perhaps, by: Dr Ruiz}]") == [(1, 50, "wrong-type")]


def test_one_record_without_a_list_is_placed_where_it_is_written():
    assert told("medicines:\n  medicine: warfarin\n  dosis: 5\n  dose: 5") == [
        (3, 3, "unknown-field"),
        (4, 9, "missing-unit"),
    ]
    assert told("trials: {treatment: masage}") == [(1, 21, "unknown-value")]
    assert told("illnesses: diabtes") == [(1, 12, "unknown-value")]


def test_a_wrong_value_below_a_group_takes_nothing_else_with_it():
    assert told("pain: {duration: 7, intensity: 14, peg: 3, sites: {a: 1}}\nsex: male\npregnancy: yes") == [
        (1, 18, "missing-unit"),
        (1, 32, "out-of-range"),
        (1, 41, "wrong-type"),
        (1, 51, "wrong-type"),
        (3, 12, "contradiction"),
    ]


def test_a_list_that_is_too_long_is_told_once():
    assert told(f"not: [{'glaukoma, ' * 1001}]\ntrials: [{'x, ' * 2000}]") == [(1, 6, "too-large"), (2, 9, "too-large")]


def test_more_than_a_hundred_problems_are_told_as_a_hundred_and_a_count():
    found = told("\n".join(f"field-{i}: 1" for i in range(150)))
    assert found[:100] == [(i + 1, 1, "unknown-field") for i in range(100)]
    assert found[100:] == [(101, 1, "too-large")]


@pytest.mark.parametrize("text", ["[]", "null", "3", "true", "a text", "- a\n- b"])
def test_a_case_that_is_no_group_of_fields_is_refused(text):
    assert told(text) == [(1, 1, "wrong-type")]


def test_json_and_yaml_give_the_same_case():
    data = {"pain": {"duration": "7 months"}, "illnesses": ["diabetes", "nothing else"], "trials": ["massage"]}
    as_json = read_case(io.BytesIO(json.dumps(data).encode()), BASE, name="case.json")
    as_yaml = case("pain: {duration: 7 months}\nillnesses: [diabetes, nothing else]\ntrials: massage")
    assert as_json.profile == as_yaml.profile
    assert as_json.profile.illnesses == Known(("diabetes",), True)
