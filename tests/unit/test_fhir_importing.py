"""A record to a case: what each resource tells, and what the ledger says of those that tell nothing."""

from __future__ import annotations

import gzip
import json
from datetime import date
from io import BytesIO
from typing import Any

import pytest

from pathway.api import read
from pathway.cache import load
from pathway.fhir.codes import load_codes, read_codes
from pathway.fhir.importing import Import, import_record, of_patient
from pathway.fhir.record import read_record
from pathway.fhir.writing import case_text
from pathway.problem import Problems

TODAY = date(2026, 3, 2)
SNOMED, RXNORM, LOINC = "http://snomed.info/sct", "http://www.nlm.nih.gov/research/umls/rxnorm", "http://loinc.org"
PATIENT = {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1980-03-03"}


def coded(system: str, code: str, display: str = "", text: str = "") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": display}], "text": text}


BACK = coded(SNOMED, "278860009", "Chronic low back pain (finding)")
OXYCODONE = coded(RXNORM, "1049611", "Oxycodone Hydrochloride 15 MG Oral Tablet")
NAPROXEN = coded(RXNORM, "198014", "Naproxen 500 MG Oral Tablet")
DAILY = [{"timing": {"code": {"coding": [{"code": "BID"}]}}, "doseAndRate": [{"doseQuantity": {"value": 1}}]}]


def condition(code: Any = BACK, **more: Any) -> dict[str, Any]:
    active = {"clinicalStatus": {"coding": [{"code": "active"}]}, "onsetDateTime": "2024-05-01"}
    return {"resourceType": "Condition", "id": "c", "code": code, **active, **more}


def order(code: Any = OXYCODONE, **more: Any) -> dict[str, Any]:
    now = {"status": "active", "intent": "order", "authoredOn": "2026-01-05", "dosageInstruction": DAILY}
    return {"resourceType": "MedicationRequest", "id": "m", "medicationCodeableConcept": code, **now, **more}


def procedure(code: str, display: str, **more: Any) -> dict[str, Any]:
    done = {"status": "completed", "performedPeriod": {"start": "2025-01-01", "end": "2025-03-01"}}
    return {"resourceType": "Procedure", "id": "t", "code": coded(SNOMED, code, display), **done, **more}


def score(code: str, value: float, **more: Any) -> dict[str, Any]:
    seen = {"status": "final", "effectiveDateTime": "2026-02-20", "valueQuantity": {"value": value}}
    return {"resourceType": "Observation", "id": "o", "code": coded(LOINC, code), **seen, **more}


def imported(*resources: dict[str, Any], as_of: date | None = TODAY) -> Import:
    text = json.dumps({"resourceType": "Bundle", "entry": [{"resource": each} for each in resources]})
    base = load().base
    made = import_record(read_record(BytesIO(text.encode()), name="r.json"), base, load_codes(None, base), as_of)
    read(made.data, compiled=load())
    return made


def reason(*resources: dict[str, Any]) -> str:
    line = imported(*resources).ledger.lines[0]
    assert not line.used
    return line.reason


# ---- the person and the day ----


def test_age_is_counted_in_whole_years_on_the_day():
    assert imported(PATIENT).data["age"] == 45
    assert imported(PATIENT, as_of=date(2026, 3, 3)).data["age"] == 46
    assert "age" not in imported({**PATIENT, "birthDate": "1980"}).data
    assert "sex" not in imported({**PATIENT, "gender": "unknown"}).data


def test_the_day_is_the_newest_of_the_record_where_none_is_given_and_it_is_said():
    made = imported(PATIENT, condition(), order(), as_of=None)
    assert (made.as_of, made.as_of_told) == (date(2026, 1, 5), "the newest day of the record (MedicationRequest/m)")
    with pytest.raises(Problems) as caught:
        imported({**PATIENT}, as_of=None)
    assert caught.value.items[0].kind == "date-without-as-of"


def test_that_a_patient_has_died_is_told():
    assert "The record says that the patient has died." in imported({**PATIENT, "deceasedBoolean": True}).ledger.notes


# ---- conditions ----


def test_a_pain_tells_condition_site_and_since_when():
    made = imported(condition())
    assert made.data["conditions"] == ["low-back-pain"]
    assert made.data["pain"] == {"began": "2024-05-01", "sites": ["low-back"]}
    assert made.ledger.lines[0].used == ("conditions.low-back-pain", "pain.sites.low-back", "pain.began")


def test_the_first_onset_of_several_pains_counts():
    later = condition(coded(SNOMED, "1121000119107", "Chronic neck pain (finding)"), id="d", onsetDateTime="2025-09-01")
    assert imported(later, condition()).data["pain"]["began"] == "2024-05-01"


def test_a_date_without_time_is_a_day_and_a_year_is_none():
    assert imported(condition(onsetDateTime="2026-03-02")).data["pain"]["began"] == "2026-03-02"
    assert "began" not in imported(condition(onsetDateTime="2024")).data["pain"]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"clinicalStatus": {"coding": [{"code": "resolved"}]}}, "status"),
        ({"clinicalStatus": "resolved"}, "status"),
        ({"abatementDateTime": "2025-01-01"}, "status"),
        ({"verificationStatus": {"coding": [{"code": "refuted"}]}}, "status"),
        ({"verificationStatus": {"coding": [{"code": "provisional"}]}}, "status"),
        ({"onsetDateTime": "2026-03-03"}, "after-the-day"),
        ({"code": coded(SNOMED, "1", "Nothing known")}, "code-unknown"),
        ({"code": {}}, "no-code"),
        ({"code": coded(SNOMED, "278860009", "Physical Therapy")}, "disagree"),
        ({"code": coded("http://hl7.org/fhir/sid/icd-10-cm", "F11.90x")}, "nothing-to-tell"),
    ],
)
def test_a_condition_that_does_not_hold_tells_why(more: dict[str, Any], why: str):
    made = imported(condition(**more))
    assert (made.ledger.lines[0].used, made.ledger.lines[0].reason) == ((), why), str(made.ledger.lines[0])
    assert set(made.data) == {"as_of"}


def test_a_cancer_that_is_over_is_one_of_the_past():
    cancer = coded(SNOMED, "254837009", "Malignant neoplasm of breast (disorder)")
    assert imported(condition(cancer)).data["illnesses"] == ["active-cancer"]
    assert imported(condition(cancer, clinicalStatus="resolved")).data["illnesses"] == ["past-cancer"]


def test_a_narrower_code_of_icd_is_read_as_the_broader_one_that_is_listed():
    made = imported(condition(coded("http://hl7.org/fhir/sid/icd-10-cm", "M25.5619", "Pain in right knee")))
    assert made.data["pain"]["sites"] == ["knee"]


def test_a_list_is_never_closed_by_what_a_record_holds():
    subject = read(imported(PATIENT, condition(), order()).data, compiled=load()).profile
    assert not any(each.closed for each in (subject.conditions, subject.illnesses, subject.medicines, subject.trials))


# ---- medicines ----


def test_what_is_ordered_is_taken_with_its_daily_dose():
    assert imported(order()).data["medicines"] == [{"medicine": "oxycodone", "dose": "30 mg/day"}]


def test_two_rows_of_one_order_are_one_medicine_and_two_products_are_two():
    made = imported(order(), order(id="n", authoredOn="2026-02-01"))
    assert made.data["medicines"] == [{"medicine": "oxycodone", "dose": "30 mg/day"}]
    assert [line.reason for line in made.ledger.lines] == ["duplicate", ""]
    long = coded(RXNORM, "1049502", "12 HR Oxycodone Hydrochloride 10 MG Extended Release Oral Tablet")
    assert len(imported(order(), order(long, id="n")).data["medicines"]) == 2


def test_a_combination_is_all_that_it_holds():
    both = coded(RXNORM, "1049221", "acetaminophen 325 MG / oxycodone hydrochloride 5 MG Oral Tablet")
    assert imported(order(both)).data["medicines"] == [
        {"medicine": "acetaminophen", "dose": "650 mg/day"},
        {"medicine": "oxycodone", "dose": "10 mg/day"},
    ]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"status": "entered-in-error"}, "status"),
        ({"status": "draft"}, "status"),
        ({"status": "on-hold"}, "status"),
        ({"intent": "plan"}, "intent"),
        ({"intent": "reflex-order"}, "intent"),
        ({"doNotPerform": True}, "not-done"),
        ({"category": [{"coding": [{"code": "inpatient"}]}]}, "in-patient"),
        ({"category": {"coding": [{"code": "inpatient"}]}}, "in-patient"),
        ({"authoredOn": "2026-03-03"}, "after-the-day"),
        ({"medicationCodeableConcept": coded(RXNORM, "1010600", "Physical Therapy")}, "disagree"),
        ({"medicationCodeableConcept": coded(RXNORM, "1049611", "Naproxen 500 MG Oral Tablet")}, "disagree"),
        ({"medicationCodeableConcept": None, "medicationReference": {"reference": "Medication/x"}}, "no-code"),
    ],
)
def test_an_order_that_is_not_taken_tells_why(more: dict[str, Any], why: str):
    assert reason(order(**more)) == why


def test_an_order_of_the_day_itself_counts():
    assert imported(order(authoredOn="2026-03-02")).data["medicines"]


def test_a_medicine_may_stand_in_a_resource_of_its_own():
    medicine = {"resourceType": "Medication", "id": "x", "code": OXYCODONE}
    made = imported(order(medicationCodeableConcept=None, medicationReference={"reference": "Medication/x"}), medicine)
    assert made.data["medicines"][0]["medicine"] == "oxycodone"


def test_a_retired_code_still_maps():
    retired = coded(RXNORM, "1049557", "12 HR Oxycodone Hydrochloride 160 MG Extended Release Oral Tablet")
    assert imported(order(retired)).data["medicines"][0]["dose"] == "320 mg/day"


def test_a_dose_that_is_not_told_is_none_and_the_ledger_says_why():
    made = imported(order(dosageInstruction=[{"asNeededBoolean": True}]))
    assert made.data["medicines"] == [{"medicine": "oxycodone"}]
    assert "how often" in str(made.ledger.lines[0])


def test_a_painkiller_that_ended_is_a_trial_of_which_nobody_tells_how_it_went():
    ended = order(NAPROXEN, status="completed", authoredOn="2025-01-01")
    ended["dispenseRequest"] = {"validityPeriod": {"end": "2025-04-01"}}
    trial = {"treatment": "naproxen", "state": "ended", "began": "2025-01-01", "ended": "2025-04-01"}
    assert imported(ended).data["trials"] == [trial]
    assert "trials" not in imported(ended, order(NAPROXEN, id="n")).data


def test_a_painkiller_for_something_else_is_no_trial():
    cold = condition(coded(SNOMED, "195662009", "Acute viral pharyngitis (disorder)"))
    ended = order(NAPROXEN, status="completed", reasonReference=[{"reference": "Condition/c"}])
    assert "trials" not in imported(cold, ended).data


# ---- treatments ----


def test_a_course_of_treatment_is_a_trial_with_its_days():
    made = imported(procedure("91251008", "Physical therapy procedure"))
    assert made.data["trials"] == [
        {"treatment": "physical-therapy", "state": "ended", "began": "2025-01-01", "ended": "2025-03-01"}
    ]


def test_sessions_of_a_day_each_are_one_trial_of_which_no_end_is_told():
    days = [
        procedure("387854002", "Massage physiotherapy", id=day, performedPeriod=None, performedDateTime=day)
        for day in ("2025-01-05", "2025-02-05")
    ]
    assert imported(*days).data["trials"] == [{"treatment": "massage", "began": "2025-01-05"}]


@pytest.mark.parametrize(("code", "result"), [("385669000", "helped"), ("385671000", "failed"), ("1", None)])
def test_how_a_treatment_went_is_told_where_the_record_says(code: str, result: str | None):
    made = imported(procedure("91251008", "Physical therapy procedure", outcome=coded(SNOMED, code)))
    assert made.data["trials"][0].get("result") == result


@pytest.mark.parametrize(
    ("resource", "why"),
    [
        (procedure("91251008", "Physical therapy procedure", status="not-done"), "not-done"),
        (procedure("91251008", "Physical therapy procedure", status="preparation"), "intent"),
        (procedure("444831000124102", "Referral for physical therapy (procedure)"), "intent"),
        (procedure("384700001", "Injection of tetanus antitoxin"), "nothing-to-tell"),
        (procedure("4134002", "Operative block anesthesia"), "nothing-to-tell"),
    ],
)
def test_what_was_not_done_or_is_no_treatment_of_the_pathway_is_no_trial(resource: dict[str, Any], why: str):
    assert reason(resource) == why


def test_a_treatment_that_ended_before_the_pain_began_is_left_out_and_it_is_said():
    made = imported(condition(onsetDateTime="2025-06-01"), procedure("91251008", "Physical therapy procedure"))
    assert "trials" not in made.data
    assert any("ended before this pain began" in note for note in made.ledger.notes)


# ---- measurements ----


def test_the_newest_measurement_that_is_fresh_counts():
    made = imported(score("72514-3", 8, id="a", effectiveDateTime="2026-01-20"), score("72514-3", 6))
    assert made.data["pain"] == {"intensity": 6}
    assert [line.reason for line in made.ledger.lines] == ["older", ""]
    assert reason(score("72514-3", 6, effectiveDateTime="2025-01-20")) == "too-old"


def test_of_two_that_differ_on_one_day_neither_counts():
    made = imported(score("72514-3", 6, id="a"), score("72514-3", 8), score("44261-6", 9, id="c"))
    assert ([line.reason for line in made.ledger.lines], made.data.get("pain")) == (["conflict", "conflict", ""], None)
    same = imported(score("72514-3", 6, id="a"), score("72514-3", 6))
    assert ([line.reason for line in same.ledger.lines], same.data["pain"]) == (["", "duplicate"], {"intensity": 6})


def test_another_name_for_what_tells_nothing_is_no_disagreement_and_a_name_that_would_is():
    cold = coded(SNOMED, "840539006", "Disease caused by a virus")
    assert reason(condition(cold)) == "nothing-to-tell"
    assert reason(condition(coded(SNOMED, "840539006", "Chronic neck pain (finding)"))) == "disagree"


@pytest.mark.parametrize(
    ("resource", "why"),
    [
        (score("72514-3", 14), "unreadable-value"),
        (score("72514-3", 6, valueQuantity=None, dataAbsentReason=coded("x", "unknown")), "not-known"),
        (score("72514-3", 6, effectiveDateTime=None), "vague-date"),
        (score("72514-3", 6, effectiveDateTime="2026-04-01"), "after-the-day"),
        (score("72514-3", 6, status="entered-in-error"), "status"),
        (score("72514-3", 6, status="cancelled"), "status"),
        (score("8480-6", 140), "nothing-to-tell"),
    ],
)
def test_a_measurement_that_tells_nothing_tells_why(resource: dict[str, Any], why: str):
    assert reason(resource) == why


def test_the_components_of_a_panel_are_read():
    parts = [
        {"code": coded(LOINC, "8480-6"), "valueQuantity": {"value": 190}},
        {"code": coded(LOINC, "8462-4"), "valueQuantity": {"value": 80}},
    ]
    panel = {**score("85354-9", 0), "valueQuantity": None, "component": parts}
    assert imported(panel).data["blood_pressure"] == "severe"


def test_an_allergy_to_a_medicine_is_one_to_its_class():
    allergy = {"resourceType": "AllergyIntolerance", "code": coded(RXNORM, "1191", "Aspirin")}
    assert imported(allergy).data["allergies"] == ["nsaid-or-aspirin"]
    assert reason({**allergy, "verificationStatus": {"coding": [{"code": "refuted"}]}}) == "status"


# ---- several patients ----


def test_of_several_patients_one_has_to_be_named():
    other = {**PATIENT, "id": "q", "gender": "male"}
    with pytest.raises(Problems, match="2 patients"):
        imported(PATIENT, other)
    entries = [PATIENT, other, condition(subject={"reference": "Patient/p"}), order(subject={"reference": "Patient/q"})]
    text = json.dumps({"resourceType": "Bundle", "entry": [{"resource": each} for each in entries]})
    record = read_record(BytesIO(text.encode()), name="r.json")
    assert [each.kind for each in of_patient(record, "q").resources] == ["Patient", "MedicationRequest"]
    with pytest.raises(Problems, match="no patient of this record"):
        of_patient(record, "nobody")


# ---- out and in again ----


def test_the_case_reads_back_as_it_was():
    course = procedure("91251008", "Physical therapy procedure")
    made = imported(PATIENT, condition(), order(), course, score("72514-3", 6))
    text = case_text(made)
    assert read(BytesIO(text.encode()), compiled=load()).profile == read(made.data, compiled=load()).profile
    assert "# 5 resources read, 5 used." in text


def test_nobody_is_named_in_the_case():
    named = {**PATIENT, "name": [{"family": "Zzyzx", "given": ["Quentin"]}], "telecom": [{"value": "555-0199"}]}
    text = case_text(imported(named, condition()))
    assert not any(secret in text for secret in ("Zzyzx", "Quentin", "555-0199", "1980"))


def test_a_record_is_read_where_a_case_is():
    bundle = {"resourceType": "Bundle", "entry": [{"resource": each} for each in (PATIENT, condition(), order())]}
    text = json.dumps(bundle).encode()
    wanted = read(imported(PATIENT, condition(), order()).data).profile
    assert read(bundle, as_of=TODAY).profile == wanted
    assert read(BytesIO(text), as_of=TODAY).profile == wanted
    assert read(BytesIO(gzip.compress(text)), as_of=TODAY).profile == wanted


# ---- the table ----


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("- group: x\n  means: {conditions: [low-back-pian]}\n  snomed: {'1': a}\n", "unknown-value"),
        ("- group: x\n  means: {condition: [low-back-pain]}\n  snomed: {'1': a}\n", "unknown-field"),
        ("- group: x\n  snomed: {'1': a}\n", "missing-field"),
        ("- means: {}\n", "missing-field"),
        ("- group: x\n  means: {}\n  snomed: a\n", "unknown-field"),
        ("- group: x\n  means: {}\n  snomed: {'1': a}\n- group: y\n  means: {}\n  snomed: {'1': a}\n", "duplicate-id"),
        ("a: b\n", "wrong-type"),
    ],
)
def test_a_fault_in_the_table_is_told_with_its_place(text: str, kind: str, tmp_path: Any):
    path = tmp_path / "codes.yaml"
    path.write_text(text)
    with pytest.raises(Problems) as caught:
        read_codes(path, load().base)
    (problem,) = caught.value.items
    assert (problem.kind, problem.place.line is not None, bool(problem.help)) == (kind, True, True)


def test_every_code_has_a_name_but_those_of_cpt_and_none_is_listed_twice():
    codes = load_codes(None, load().base).codes
    assert {code.system for code in codes if not code.name} == {"cpt"}
    assert not [code.name for code in codes if code.system == "cpt" and code.name]
    assert len({(code.system, code.code) for code in codes}) == len(codes) > 4000


def test_no_code_of_a_value_set_that_misleads_is_believed():
    """Other projects list these among treatments of pain, opioids' companions or painkillers."""
    codes = load_codes(None, load().base).codes
    words = ("cingulotomy", "ablation of lesion of kidney", "sevoflurane", "methamphetamine", "calamine")
    for word in words:
        found = [code for code in codes if word in code.name.lower()]
        assert found and all(code.meaning.nothing for code in found), word
