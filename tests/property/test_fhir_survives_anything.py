"""Whatever shape a record has, it becomes a case that can be walked, or is refused; and every resource has its line."""

from __future__ import annotations

import json
from datetime import date
from functools import cache
from io import BytesIO
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pathway.api import read
from pathway.cache import load
from pathway.fhir.codes import Codes, load_codes
from pathway.fhir.importing import import_record
from pathway.fhir.ledger import REASONS
from pathway.fhir.record import read_record

TODAY = date(2026, 3, 2)
DAYS = ("2026-03-02", "2026-03-03", "2025-12-01", "2019-05-06T10:00:00Z", "2020-02-30", "2020", "2021-07", "soon", "")
STATUSES = (
    "active", "completed", "entered-in-error", "in-progress", "not-done", "stopped", "draft", "resolved", "refuted",
    "final", "on-hold", "nonsense", "intended",
)  # fmt: skip
KINDS = (
    "Patient", "Condition", "Procedure", "ServiceRequest", "CarePlan", "MedicationRequest", "MedicationStatement",
    "MedicationDispense", "MedicationAdministration", "MedicationOrder", "Medication", "Observation",
    "QuestionnaireResponse", "AllergyIntolerance", "Device", "DeviceUseStatement", "Encounter", "Claim", "Nonsense",
)  # fmt: skip
NAMES = (
    "code", "status", "clinicalStatus", "verificationStatus", "intent", "category", "medicationCodeableConcept",
    "medicationReference", "onsetDateTime", "onsetPeriod", "recordedDate", "abatementDateTime", "performedDateTime",
    "performedPeriod", "authoredOn", "effectiveDateTime", "effectivePeriod", "issued", "birthDate", "gender", "type",
    "dosageInstruction", "dosage", "valueQuantity", "valueInteger", "component", "item", "answer", "valueCoding",
    "activity", "detail", "period", "reasonCode", "reasonReference", "outcome", "daysSupply", "dispenseRequest",
    "doNotPerform", "deceasedBoolean", "contained", "timing", "repeat", "doseAndRate", "doseQuantity", "value", "unit",
    "coding", "text", "start", "end", "subject", "id", "whenHandedOver", "substance", "dataAbsentReason",
)  # fmt: skip


@cache
def codes() -> Codes:
    return load_codes(None, load().base)


@st.composite
def concepts(draw: st.DrawFn) -> Any:
    """A concept with a code of the table, or one of nobody's, under its own name or another."""
    from pathway.fhir.codes import SYSTEMS

    code = draw(st.sampled_from(codes().codes))
    system = SYSTEMS.get(code.system, (code.system,))[0]
    coding = {
        "system": system,
        "code": code.code,
        "display": draw(st.sampled_from([code.name, "Physical Therapy", ""])),
    }
    whole = {"coding": [coding], "text": draw(st.sampled_from(["", code.name]))}
    return draw(st.sampled_from([whole, {"coding": coding}, {"text": code.name}, {"coding": []}, coding, "text", None]))


@st.composite
def doses(draw: st.DrawFn) -> Any:
    value = draw(st.sampled_from([0, 1, 2.5, -1, "3", None, 1e300, True]))
    unit = draw(st.sampled_from(["mg", "tablet", "{patch}", "mL", "puff", ""]))
    repeat = {
        "frequency": draw(st.sampled_from([1, 3, 0, None, "2"])),
        "period": draw(st.sampled_from([1, 12, 0, None, 1e-300])),
        "periodUnit": draw(st.sampled_from(["d", "h", "wk", "x", None])),
    }
    dose = {"timing": {"repeat": repeat}, "doseAndRate": [{"doseQuantity": {"value": value, "unit": unit}}]}
    return draw(st.sampled_from([[dose], dose, [dose, dose], [], None, "one a day"]))


VALUES = st.recursive(
    st.one_of(
        concepts(),
        doses(),
        st.sampled_from(DAYS),
        st.sampled_from(STATUSES),
        st.builds(lambda a, b: {"start": a, "end": b}, st.sampled_from(DAYS), st.sampled_from(DAYS)),
        st.builds(
            lambda v: {"value": v},
            st.one_of(st.integers(-5, 300), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=5)),
        ),
        st.sampled_from([{"reference": "Condition/a"}, {"reference": "#b"}, {"reference": 3}]),
        st.none(),
        st.booleans(),
        st.integers(),
        st.text(max_size=8),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=5)),
    max_leaves=8,
)


@st.composite
def resources(draw: st.DrawFn) -> Any:
    """A resource of which the telling elements are mostly what they should be, and the others anything."""
    likely = {
        "code": concepts(),
        "medicationCodeableConcept": concepts(),
        "status": st.sampled_from(STATUSES),
        "clinicalStatus": st.sampled_from(STATUSES),
        "dosageInstruction": doses(),
        **{name: st.sampled_from(DAYS) for name in NAMES if name.endswith(("DateTime", "Date", "authoredOn"))},
        "valueQuantity": st.builds(lambda v: {"value": v}, st.integers(-1, 250)),
    }
    made = {"resourceType": draw(st.sampled_from(KINDS)), "id": draw(st.sampled_from(["a", "b", "c"]))}
    for name in draw(st.lists(st.sampled_from(NAMES), max_size=12, unique=True)):
        made.setdefault(name, draw(st.one_of(likely.get(name, VALUES), VALUES)))
    return made


@given(st.lists(resources(), min_size=1, max_size=8))
def test_a_record_of_any_shape_becomes_a_case_and_every_resource_has_its_line(entries: list[Any]):
    patients = [entry for entry in entries if entry["resourceType"] == "Patient"]
    entries = [entry for entry in entries if entry["resourceType"] != "Patient"] + patients[:1]
    text = json.dumps({"resourceType": "Bundle", "entry": [{"resource": entry} for entry in entries]})
    record = read_record(BytesIO(text.encode()), name="record.json")
    made = import_record(record, load().base, codes(), TODAY)
    assert [line.resource for line in made.ledger.lines] == list(record.resources)
    for line in made.ledger.lines:
        assert bool(line.used) != bool(line.reason), str(line)
        assert line.reason in REASONS or line.used
    case = read(made.data, compiled=load())
    assert case.profile.as_of == TODAY
