"""A record to a case: each resource tells fields of the case, or the ledger tells why it does not.

What a record cannot know stays unknown: no list is closed because a record holds no more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from pathway.case import ALLERGY_OF
from pathway.fhir.codes import Codes
from pathway.fhir.concepts import Reading, read_concept
from pathway.fhir.doses import NoDose, amounts_of, daily_mg
from pathway.fhir.ledger import Ledger, Line, one_each
from pathway.fhir.moments import Moment, days_in, moment, span
from pathway.fhir.record import Element, Record, Resource
from pathway.problem import Place, Problem, Problems
from pathway.profile import ALLERGIES, fields
from pathway.rules import RuleBase
from pathway.units import show_dose, show_patch_dose

FRESH = {"pain": 92, "mood": 92, "headache": 92, "blood_pressure": 92, "kidney_function": 366}
"""How many days a measurement tells how things are now. Ours, not of a source: older ones are asked for again."""
SEVERE_PRESSURE = {"systolic": 180, "diastolic": 110}
"""From these on the case calls blood pressure severe; where lower values lie is a clinician's judgement."""
ADMINISTRATIVE = frozenset(
    [
        "Account",
        "Appointment",
        "AppointmentResponse",
        "AuditEvent",
        "Basic",
        "Binary",
        "CareTeam",
        "Claim",
        "ClaimResponse",
        "Communication",
        "CommunicationRequest",
        "Composition",
        "Consent",
        "Coverage",
        "DocumentManifest",
        "DocumentReference",
        "Endpoint",
        "ExplanationOfBenefit",
        "Group",
        "HealthcareService",
        "ImagingStudy",
        "Immunization",
        "Library",
        "List",
        "Location",
        "Measure",
        "MeasureReport",
        "Media",
        "MessageHeader",
        "Organization",
        "OrganizationAffiliation",
        "Person",
        "Practitioner",
        "PractitionerRole",
        "Provenance",
        "RelatedPerson",
        "Schedule",
        "Slot",
        "Specimen",
        "SupplyDelivery",
        "SupplyRequest",
        "Task",
        "OperationOutcome",
        "Parameters",
    ]
)
"""Resources that tell of the care, not of the patient's state."""
DATED = frozenset(
    [
        "recordedDate",
        "dateRecorded",
        "authoredOn",
        "dateWritten",
        "effectiveDateTime",
        "effectivePeriod",
        "performedDateTime",
        "performedPeriod",
        "issued",
        "onsetDateTime",
        "abatementDateTime",
        "authored",
        "whenHandedOver",
        "dateAsserted",
        "assertedDate",
        "effectiveTime",
        "occurrenceDateTime",
    ]
)
"""The elements whose days tell when something was known of the patient."""
PAST = ("inactive", "remission", "resolved")
DOUBTED = ("refuted", "entered-in-error", "unconfirmed", "provisional", "differential")
TAKEN = ("active", "intended")
ENDED = ("completed", "stopped", "ended", "cancelled")
ORDERS = ("", "order", "original-order", "instance-order", "filler-order")
OUTCOMES = {"385669000": "helped", "385670003": "partly", "385671000": "failed"}
"""SNOMED CT codes of Procedure.outcome: successful, partially successful, unsuccessful (R4, procedure-outcome)."""
Data = dict[str, Any]


@dataclass(frozen=True)
class Import:
    """What came of a record: the case as a case file says it, and the ledger."""

    data: Data
    ledger: Ledger
    as_of: date
    as_of_told: str


@dataclass(frozen=True)
class _Drug:
    """One order, statement or supply of a medicine."""

    resource: Resource
    name: str
    reading: Reading
    now: bool
    began: Moment
    ended: Moment
    dose: str
    why_no_dose: str
    form: str
    for_pain: bool | None


def import_record(record: Record, base: RuleBase, codes: Codes, as_of: date | None = None) -> Import:
    """The case of one patient's record.

    Args:    as_of: the day of the case; the newest day of the record for None.
    Errors:  Problems: date-without-as-of where no day is given and the record holds none; several-patients.
    """
    day, told = _day_of(record, as_of)
    return _Importer(record, base, codes, day, told).run()


def patients_in(record: Record) -> tuple[str, ...]:
    """The ids of the patients of a record, in their order."""
    return tuple(dict.fromkeys(each.id for each in record.resources if each.kind == "Patient"))


def of_patient(record: Record, patient: str | None) -> Record:
    """The resources of one patient of a record, and those that belong to nobody; the record itself for None.

    Errors:  Problems: no-patient.
    """
    known = patients_in(record)
    if patient is None:
        return record
    if patient not in known:
        said = f'no patient of this record has the id "{patient}"'
        help = "it holds: " + ", ".join(known[:5]) if known else "it holds no patient at all"
        raise Problems([Problem("no-patient", Place(record.source, None, None), said, help)])
    kept = tuple(each for each in record.resources if _patient_of(each) in ("", patient))
    return replace(record, resources=kept)


def _patient_of(resource: Resource) -> str:
    """The id of the patient that a resource is about; "" where it tells none."""
    if resource.kind == "Patient":
        return resource.id
    for name in ("subject", "patient", "individual", "beneficiary", "for"):
        if reference := resource.body[name]["reference"].text:
            return _tail(reference)
    return ""


def _day_of(record: Record, as_of: date | None) -> tuple[date, str]:
    if as_of is not None:
        return as_of, "as given"
    days: list[tuple[date, str]] = []
    for resource in record.resources:
        if resource.kind in ADMINISTRATIVE or not isinstance(resource.body.value, dict):
            continue
        for name, value in resource.body.value.items():
            if name in DATED or (name == "period" and resource.kind in ("Encounter", "CarePlan")):
                days += [(day, resource.name) for day in days_in(value)]
    if not days:
        said = "the record holds no day by which its newest could be told"
        raise Problems(
            [Problem("date-without-as-of", Place(record.source, None, None), said, "give --as-of, such as 2026-03-02")]
        )
    newest, where = max(days)
    return newest, f"the newest day of the record ({where})"


class _Importer:
    def __init__(self, record: Record, base: RuleBase, codes: Codes, as_of: date, told: str) -> None:
        self.record, self.base, self.codes, self.as_of, self.told = record, base, codes, as_of, told
        self.data: Data = {"as_of": as_of.isoformat()}
        self.lists: dict[str, dict[str, None]] = defaultdict(dict)
        self.lines: list[Line] = []
        self.drugs: list[_Drug] = []
        self.trials: list[tuple[date, Data]] = []
        self.onsets: list[tuple[date, Resource, str]] = []
        self.measured: dict[str, list[tuple[date, float, Resource, str]]] = defaultdict(list)
        self.pain_reasons: dict[str, bool] = {}
        self.notes: list[str] = list(record.notes)

    def run(self) -> Import:
        patients = patients_in(self.record)
        if len(patients) > 1:
            said = f"{len(patients)} patients are in this record, and a case is one"
            help = f"name one of them: pathway import fhir --patient {patients[0]}"
            raise Problems([Problem("several-patients", Place(self.record.source, None, None), said, help)])
        readers: Mapping[str, Callable[[Resource], Iterator[Line]]] = {
            "Patient": self._patient,
            "Condition": self._condition,
            "Procedure": self._procedure,
            "ServiceRequest": self._request,
            "ReferralRequest": self._request,
            "ProcedureRequest": self._request,
            "CarePlan": self._plan,
            "MedicationRequest": self._medicine,
            "MedicationOrder": self._medicine,
            "MedicationStatement": self._medicine,
            "MedicationDispense": self._medicine,
            "MedicationAdministration": self._medicine,
            "Medication": self._about_care,
            "Observation": self._observation,
            "QuestionnaireResponse": self._answers,
            "AllergyIntolerance": self._allergy,
            "Device": self._device,
            "DeviceUseStatement": self._device,
            "Encounter": self._encounter,
        }
        order = sorted(self.record.resources, key=lambda each: (each.kind != "Patient", each.kind != "Condition"))
        for resource in order:
            if resource.body["status"].text == "entered-in-error":
                self.lines.append(Line(resource, (), "status", "entered in error"))
                continue
            if resource.kind in ADMINISTRATIVE:
                self.lines.append(Line(resource, (), "not-the-patient"))
                continue
            reader = readers.get(resource.kind)
            if reader is None:
                self.lines.append(
                    Line(resource, (), "nothing-to-tell", f"no field of a case comes from a {resource.kind}")
                )
                continue
            self.lines += reader(resource)
        self.lines += self._pain()
        self.lines += self._measurements()
        self.lines += self._medicines()
        self._put_lists()
        place = {id(resource): i for i, resource in enumerate(self.record.resources)}
        lines = sorted(one_each(self.lines), key=lambda line: place[id(line.resource)])
        return Import(self.data, Ledger(tuple(lines), tuple(self.notes)), self.as_of, self.told)

    # ---- the person ----

    def _patient(self, resource: Resource) -> Iterator[Line]:
        body = resource.body
        used = []
        told = []
        birth = moment(body["birthDate"])
        if birth.day is not None and birth.day <= self.as_of:
            born = birth.day
            before = (self.as_of.month, self.as_of.day) < (born.month, born.day)
            self.data["age"] = min(self.as_of.year - born.year - before, 120)
            used.append("age")
        elif birth:
            told.append(f"the birth date {birth.told[:20]} is no whole day")
        else:
            told.append("no birth date")
        if body["gender"].text in ("female", "male", "other"):
            self.data["sex"] = body["gender"].text
            used.append("sex")
        if body["deceasedBoolean"].yes or moment(body["deceasedDateTime"]):
            told.append("the record says that the patient has died")
            self.notes.append("The record says that the patient has died.")
        yield Line(resource, tuple(used), "" if used else "not-known", "; ".join(told))

    def _about_care(self, resource: Resource) -> Iterator[Line]:
        yield Line(resource, (), "nothing-to-tell", "read where another resource refers to it")

    # ---- conditions ----

    def _condition(self, resource: Resource) -> Iterator[Line]:
        body = resource.body
        reading = read_concept(body["code"], self.codes)
        if resource.id:
            self.pain_reasons[resource.id] = reading.has("pain")
        if reading.reason:
            yield Line(resource, (), reading.reason, reading.told)
            return
        verification = _status(body["verificationStatus"])
        if verification in DOUBTED:
            yield Line(resource, (), "status", f"{reading.label}: {verification}")
            return
        recorded = moment(body["recordedDate"] or body["dateRecorded"] or body["assertedDate"])
        onset = self._onset(body)
        if any(each.day is not None and each.day > self.as_of for each in (onset, recorded)):
            yield Line(resource, (), "after-the-day", f"{reading.label}, {onset.told or recorded.told}")
            return
        if over := self._over(body):
            past = "active-cancer" in reading.values("illnesses")
            if past:
                self.lists["illnesses"]["past-cancer"] = None
            used_up = ("illnesses.past-cancer",) if past else ()
            yield Line(resource, used_up, "" if past else "status", f"{reading.label}: {over}")
            return
        if reading.nothing:
            yield Line(resource, (), "nothing-to-tell", f"{reading.label}: {reading.nothing}")
            return
        used = list(self._list_values(reading))
        told = [reading.told]
        if reading.has("pain"):
            if onset.day is not None:
                self.onsets.append((onset.day, resource, reading.label))
            else:
                told.append("no whole day of onset, so it tells no duration")
        yield Line(resource, tuple(used), "" if used else "nothing-to-tell", "; ".join(told))

    def _onset(self, body: Element) -> Moment:
        start, _ = span(body["onsetPeriod"])
        return moment(body["onsetDateTime"]) or start

    def _over(self, body: Element) -> str:
        """Why a condition is over by the day of the case; "" where it is not."""
        status = _status(body["clinicalStatus"])
        ended = moment(body["abatementDateTime"]) or span(body["abatementPeriod"])[1]
        if status in PAST:
            return status
        if ended.day is not None and ended.day <= self.as_of:
            return f"it ended on {ended.day}"
        return "it has ended" if body["abatementBoolean"].yes or (ended and ended.day is None) else ""

    def _list_values(self, reading: Reading) -> Iterator[str]:
        """Put what a reading says of the lists of a case where it belongs, and tell where."""
        for meaning in reading.meanings:
            for path, values in meaning.says.items():
                if path in ("treatment", "medicine", "field", "score", "pregnancy", "nothing"):
                    continue
                for value in values:
                    self.lists[path][value] = None
                    yield f"{path}.{value}"

    def _pain(self) -> Iterator[Line]:
        """Since when there is pain: the first onset of the pains that are there now."""
        if not self.onsets:
            return
        first = min(day for day, _, _ in self.onsets)
        self.data.setdefault("pain", {})["began"] = first.isoformat()
        for day, resource, label in self.onsets:
            if day == first:
                yield Line(resource, ("pain.began",), "", "")
            else:
                yield Line(resource, (), "older", f"{label} began later than the first pain")

    # ---- treatments ----

    def _procedure(self, resource: Resource) -> Iterator[Line]:
        body = resource.body
        reading = read_concept(body["code"], self.codes)
        status = body["status"].text
        start, end = span(body["performedPeriod"])
        when = moment(body["performedDateTime"]) or start
        yield from self._treatment(resource, reading, status, when, end)

    def _treatment(
        self, resource: Resource, reading: Reading, status: str, began: Moment, ended: Moment
    ) -> Iterator[Line]:
        if reading.reason:
            yield Line(resource, (), reading.reason, reading.told)
            return
        if reading.nothing:
            yield Line(resource, (), "nothing-to-tell", f"{reading.label}: {reading.nothing}")
            return
        if status in ("not-done", "aborted", "suspended", "cancelled", "rejected") or resource.body["notPerformed"].yes:
            yield Line(resource, (), "not-done", reading.label)
            return
        if status in ("preparation", "proposed", "draft", "not-started", "scheduled", "on-hold", "unknown"):
            yield Line(resource, (), "intent", f"{reading.label}: {status}")
            return
        if began.day is not None and began.day > self.as_of:
            yield Line(resource, (), "after-the-day", f"{reading.label}, {began.told}")
            return
        used = list(self._list_values(reading))
        options = reading.values("treatment")
        if options and reading.has("referral"):
            yield Line(
                resource, tuple(used), "" if used else "intent", f"{reading.label}: whether it took place is not told"
            )
            return
        if options and self._for_pain(resource.body) is False:
            yield Line(resource, tuple(used), "" if used else "other-reason", reading.label)
            return
        running = status in ("in-progress", "active")
        for option in options:
            trial: Data = {"treatment": option}
            # A procedure of one day may be one session of many, so that it tells of no end.
            if running or ended:
                trial["state"] = "running" if running else "ended"
            if began.day is not None:
                trial["began"] = began.day.isoformat()
            if ended.day is not None and not running and ended.day <= self.as_of:
                trial["ended"] = ended.day.isoformat()
            if result := self._outcome(resource.body):
                trial["result"] = result
            self.trials.append((began.day or date.min, trial))
            used.append(f"trials.{option}")
        yield Line(resource, tuple(used), "" if used else "nothing-to-tell", reading.told)

    def _outcome(self, body: Element) -> str:
        codes = (coding["code"].text for coding in body["outcome"].all("coding"))
        return next((OUTCOMES[code] for code in codes if code in OUTCOMES), "")

    def _for_pain(self, body: Element) -> bool | None:
        """Whether the reasons that a resource gives are about pain; None where it gives none that is known."""
        told: list[bool] = []
        for reference in body.all("reasonReference"):
            known = self.pain_reasons.get(_tail(reference["reference"].text))
            told += [] if known is None else [known]
        for concept in (*body.all("reasonCode"), *body.all("reason")):
            reading = read_concept(concept, self.codes)
            if not reading.reason:
                told.append(reading.has("pain"))
        return any(told) if told else None

    def _request(self, resource: Resource) -> Iterator[Line]:
        reading = read_concept(resource.body["code"], self.codes)
        if reading.reason:
            yield Line(resource, (), reading.reason, reading.told)
        elif reading.nothing:
            yield Line(resource, (), "nothing-to-tell", f"{reading.label}: {reading.nothing}")
        else:
            yield Line(resource, (), "intent", f"{reading.label}: asked for; whether it took place is not told")

    def _plan(self, resource: Resource) -> Iterator[Line]:
        body = resource.body
        start, end = span(body["period"])
        found = False
        if body["status"].text in ("draft", "on-hold", "revoked", "unknown", "proposed", "cancelled"):
            yield Line(resource, (), "intent", f"a plan that is {body['status'].text}")
            return
        for concept in body.all("category"):
            reading = read_concept(concept, self.codes)
            used = tuple(self._list_values(reading)) if body["status"].text == "active" else ()
            if used:
                found = True
                yield Line(resource, used, "", reading.told)
        for activity in body.all("activity"):
            detail = activity["detail"]
            if not detail:
                continue
            reading = read_concept(detail["code"], self.codes)
            status = detail["status"].text
            status = status if status in ("in-progress", "completed") else "not-started"
            if not reading.reason and not reading.nothing:
                found = True
                yield from self._treatment(resource, reading, status, start, end)
        if not found:
            yield Line(resource, (), "nothing-to-tell", "none of its activities is a treatment of the pathway")

    # ---- medicines ----

    def _medicine(self, resource: Resource) -> Iterator[Line]:
        body = resource.body
        reading = self._product(resource)
        if reading.reason:
            yield Line(resource, (), reading.reason, reading.told)
            return
        names = reading.values("medicine")
        if reading.nothing or not names:
            yield Line(resource, (), "nothing-to-tell", f"{reading.label}: {reading.nothing or 'no rule reads it'}")
            return
        refused = self._not_taken(resource, reading)
        if refused is not None:
            yield refused
            return
        began, ended = self._taken(resource)
        if began.day is not None and began.day > self.as_of:
            yield Line(resource, (), "after-the-day", f"{reading.label}, {began.told}")
            return
        status = body["status"].text
        over = ended.day is not None and ended.day < self.as_of
        now = status in TAKEN and not over
        if resource.kind == "MedicationDispense":
            now = status == "completed" and ended.day is not None and not over
        if resource.kind == "MedicationAdministration":
            now = False
        for name in names:
            dose, why = self._dose(resource, reading, name)
            form = _form(reading)
            self.drugs.append(_Drug(resource, name, reading, now, began, ended, dose, why, form, self._for_pain(body)))

    def _product(self, resource: Resource) -> Reading:
        body = resource.body
        concept = body["medicationCodeableConcept"] or body["medication"]["concept"]
        if not concept and body["medicationReference"]:
            tail = _tail(body["medicationReference"]["reference"].text)
            found = next((r for r in self.record.resources if r.kind == "Medication" and r.id and r.id == tail), None)
            if found is not None:
                concept = found.body["code"]
            else:
                shown = body["medicationReference"]["display"].text
                return Reading(shown, reason="no-code", told="the medicine that it refers to is not in the record")
        return read_concept(concept, self.codes, self.base.classes)

    def _not_taken(self, resource: Resource, reading: Reading) -> Line | None:
        body = resource.body
        status, intent = body["status"].text, body["intent"].text
        if body["doNotPerform"].yes or body["wasNotTaken"].yes or body["notGiven"].yes:
            return Line(resource, (), "not-done", f"{reading.label}: not to be taken, or not taken")
        if status in ("draft", "on-hold", "unknown", "not-taken", "not-done", "preparation", "declined", "in-progress"):
            return Line(resource, (), "status", f"{reading.label}: {status}")
        if resource.kind in ("MedicationRequest", "MedicationOrder") and intent not in ORDERS:
            return Line(resource, (), "intent", f"{reading.label}: {intent}")
        categories = [
            coding["code"].text.lower() for concept in body.all("category") for coding in concept.all("coding")
        ]
        if any(code in ("inpatient", "discharge-inpatient") for code in categories):
            return Line(resource, (), "in-patient", reading.label)
        if resource.kind == "MedicationAdministration":
            return Line(
                resource, (), "in-patient", f"{reading.label}: given once by somebody else; not what is taken now"
            )
        return None

    def _taken(self, resource: Resource) -> tuple[Moment, Moment]:
        body = resource.body
        start, end = span(body["effectivePeriod"])
        began = (
            start
            or moment(body["effectiveDateTime"])
            or moment(body["authoredOn"])
            or moment(body["dateWritten"])
            or moment(body["whenHandedOver"])
        )
        if not end:
            _, end = span(body["dispenseRequest"]["validityPeriod"])
        bounds = [span(each["timing"]["repeat"]["boundsPeriod"]) for each in body.all("dosageInstruction")]
        if bounds and not end and all(last.day is not None for _, last in bounds):
            end = max((last for _, last in bounds), key=lambda each: each.day or date.min)
        if resource.kind == "MedicationDispense" and not end and began.day is not None:
            days = body["daysSupply"]["value"].number
            if days is not None and 0 < days < 1000:  # noqa: PLR2004  longer than any supply
                last = began.day + timedelta(days=days)
                end = Moment(last.isoformat(), last)
        return began, end

    def _dose(self, resource: Resource, reading: Reading, name: str) -> tuple[str, str]:
        """The daily dose as a case writes it, or why there is none."""
        if reading.product is None:
            return "", "the strength of the product is not known"
        ingredients = [each for each in reading.product.ingredients if each.name == name]
        if not ingredients:
            return "", "the product is known by its class alone"
        body = resource.body
        instructions = body.all("dosageInstruction") or body.all("dosage")
        try:
            mg = daily_mg(amounts_of(instructions), reading.product, ingredients[0])
        except NoDose as error:
            return "", str(error)
        if not 0 < mg <= 100_000:  # noqa: PLR2004  what a case takes
            return "", f"{mg:g} mg a day is no dose"
        return (show_patch_dose(mg) if reading.product.form == "patch" else show_dose(round(mg, 6))), ""

    def _medicines(self) -> Iterator[Line]:
        taken: list[Data] = []
        now = [drug for drug in self.drugs if drug.now]
        seen: dict[tuple[str, str], _Drug] = {}
        for drug in sorted(now, key=lambda each: each.began.day or date.min, reverse=True):
            key = (drug.name, drug.reading.told)
            if key in seen:
                yield Line(drug.resource, (), "duplicate", f"{drug.reading.label}: {seen[key].resource.name} is newer")
                continue
            seen[key] = drug
            entry: Data = {"medicine": drug.name}
            if drug.dose:
                entry["dose"] = drug.dose
            if drug.form:
                entry["form"] = drug.form
            taken.append(entry)
            told = drug.reading.told + (f"; no dose: {drug.why_no_dose}" if drug.why_no_dose else f"; {drug.dose}")
            yield Line(drug.resource, (f"medicines.{drug.name}",), "", told)
        if taken:
            self.data["medicines"] = sorted(taken, key=lambda each: (each["medicine"], each.get("dose", "")))
        yield from self._ended({drug.name for drug in now})

    def _ended(self, now: set[str]) -> Iterator[Line]:
        """A trial for each medicine against pain that is no longer taken: of its orders the longest."""
        by_name: dict[str, list[_Drug]] = defaultdict(list)
        for drug in self.drugs:
            if not drug.now:
                by_name[drug.name].append(drug)
        for name, drugs in by_name.items():
            if name not in self.base.treatments:
                yield from (Line(d.resource, (), "status", f"{d.reading.label}: no longer taken") for d in drugs)
                continue
            if name in now:
                yield from (Line(d.resource, (), "older", f"{d.reading.label}: it is taken now") for d in drugs)
                continue
            kept = [drug for drug in drugs if drug.for_pain is not False]
            yield from (Line(d.resource, (), "other-reason", d.reading.label) for d in drugs if d not in kept)
            if not kept:
                continue
            best = max(kept, key=lambda d: (_length(d), d.began.day or date.min))
            trial: Data = {"treatment": name, "state": "ended"}
            if best.began.day is not None:
                trial["began"] = best.began.day.isoformat()
            if best.ended.day is not None and best.began.day is not None and best.ended.day >= best.began.day:
                trial["ended"] = min(best.ended.day, self.as_of).isoformat()
            self.trials.append((best.began.day or date.min, trial))
            yield Line(best.resource, (f"trials.{name}",), "", best.reading.told)
            yield from (
                Line(d.resource, (), "duplicate", f"{d.reading.label}: one trial of it is enough")
                for d in kept
                if d is not best
            )

    # ---- measurements ----

    def _observation(self, resource: Resource) -> Iterator[Line]:
        body = resource.body
        status = body["status"].text
        if status in ("cancelled", "registered", "unknown"):
            yield Line(resource, (), "status", status)
            return
        start, _ = span(body["effectivePeriod"])
        when = moment(body["effectiveDateTime"]) or start or moment(body["issued"])
        found: list[Line] = []
        for part in (body, *body.all("component")):
            if part["code"]:
                found += self._measured(resource, part, when)
        if not found:
            found.append(Line(resource, (), "no-code"))
        used = [line for line in found if line.used or not line.reason]
        yield from used or found[:1]

    def _measured(self, resource: Resource, part: Element, when: Moment) -> Iterator[Line]:
        reading = read_concept(part["code"], self.codes)
        if reading.reason:
            yield Line(resource, (), reading.reason, reading.told)
            return
        paths = reading.values("field")
        used = () if paths else tuple(self._list_values(reading)) if _present(part) else ()
        if not paths:
            told = reading.nothing or "; ".join(reading.values("score")) or "its value is not read"
            yield Line(resource, used, "" if used else "nothing-to-tell", f"{reading.label}: {told}")
            return
        if part["dataAbsentReason"]:
            yield Line(resource, (), "not-known", reading.label)
            return
        value = _number_in(part)
        if value is None:
            # A panel holds its values in its components.
            reason = "nothing-to-tell" if resource.body.all("component") else "unreadable-value"
            yield Line(resource, (), reason, reading.label)
            return
        if when.day is None:
            yield Line(resource, (), "vague-date", reading.label)
            return
        if when.day > self.as_of:
            yield Line(resource, (), "after-the-day", f"{reading.label}, {when.told}")
            return
        for path in paths:
            if (self.as_of - when.day).days > FRESH.get(path.split(".")[0], 92):
                yield Line(resource, (), "too-old", f"{reading.label}, {when.day}")
            else:
                self.measured[path].append((when.day, value, resource, reading.label))
                yield Line(resource, (), "", "")

    def _measurements(self) -> Iterator[Line]:
        known = fields()
        for path, values in self.measured.items():
            newest = max(day for day, *_ in values)
            for day, value, resource, label in values:
                if day != newest:
                    yield Line(resource, (), "older", f"{label}, {day}")
                    continue
                if path.startswith("blood_pressure."):
                    yield from self._pressure(path, value, resource)
                    continue
                field = known[path]
                if not 0 <= value <= field.most or (field.whole and value != int(value)):
                    yield Line(resource, (), "unreadable-value", f"{label}: {value:g} cannot be")
                    continue
                if len({each for at, each, *_ in values if at == newest}) > 1:
                    yield Line(resource, (), "conflict", f"{label}: {value:g}, {day}")
                    continue
                if self._get(path) is not None:
                    yield Line(resource, (), "duplicate", f"{label}: {value:g}, {day}")
                    continue
                self._set(path, int(value) if value == int(value) else value)
                yield Line(resource, (path,), "", f"{label}: {value:g}, {day}")

    def _pressure(self, path: str, value: float, resource: Resource) -> Iterator[Line]:
        if value >= SEVERE_PRESSURE[path.split(".")[1]]:
            self.data["blood_pressure"] = "severe"
            yield Line(resource, ("blood_pressure",), "", f"{value:g} mm Hg")
        else:
            told = f"{value:g} mm Hg: whether it is normal, or under control, is a clinician's judgement"
            yield Line(resource, (), "nothing-to-tell", told)

    def _get(self, path: str) -> Any:
        here: Any = self.data
        for part in path.split("."):
            here = here.get(part) if isinstance(here, dict) else None
        return here

    def _set(self, path: str, value: Any) -> None:
        *groups, last = path.split(".")
        here = self.data
        for part in groups:
            here = here.setdefault(part, {})
        here[last] = value

    # ---- answers, allergies, devices, encounters ----

    def _answers(self, resource: Resource) -> Iterator[Line]:
        if resource.body["status"].text in ("in-progress", "stopped"):
            yield Line(resource, (), "status", f"the questionnaire is {resource.body['status'].text}")
            return
        used: list[str] = []
        waiting = [*resource.body.all("item")]
        while waiting:
            item = waiting.pop(0)
            waiting += item.all("item")
            for answer in item.all("answer"):
                waiting += answer.all("item")
                coding = answer["valueCoding"]
                if not coding:
                    continue
                reading = read_concept(coding, self.codes, self.base.classes)
                used += self._list_values(reading)
                for option in (*reading.values("treatment"), *reading.values("medicine")):
                    if option in self.base.treatments:
                        self.trials.append((date.min, {"treatment": option}))
                        used.append(f"trials.{option}")
        told = "" if used else "none of its answers is one that we know"
        yield Line(resource, tuple(dict.fromkeys(used)), "" if used else "code-unknown", told)

    def _allergy(self, resource: Resource) -> Iterator[Line]:
        body = resource.body
        reading = read_concept(body["code"] or body["substance"], self.codes, self.base.classes)
        if _status(body["verificationStatus"]) in DOUBTED or _status(body["clinicalStatus"]) in PAST:
            yield Line(resource, (), "status", reading.label)
            return
        if reading.reason:
            yield Line(resource, (), reading.reason, reading.told)
            return
        used = (*self._list_values(reading), *self._allergic(reading.values("medicine")))
        told = f"{reading.label}: {reading.nothing}" if reading.nothing else reading.told
        yield Line(resource, used, "" if used else "nothing-to-tell", told)

    def _allergic(self, medicines: Sequence[str]) -> Iterator[str]:
        """The allergies of a case that an allergy to some medicines is."""
        for name in medicines:
            kin = (name, *self.base.classes.get(name, ()))
            for allergy in dict.fromkeys(ALLERGY_OF.get(each) or each for each in kin):
                if allergy in ALLERGIES:
                    self.lists["allergies"][allergy] = None
                    yield f"allergies.{allergy}"

    def _device(self, resource: Resource) -> Iterator[Line]:
        body = resource.body
        if body["status"].text in ("inactive", "completed", "not-done", "intended", "stopped", "on-hold"):
            yield Line(resource, (), "status", body["status"].text)
            return
        reading = read_concept(body["type"] or body["device"]["concept"], self.codes)
        if reading.reason:
            yield Line(resource, (), reading.reason, reading.told)
            return
        used = tuple(self._list_values(reading))
        yield Line(resource, used, "" if used else "nothing-to-tell", reading.nothing or reading.told)

    def _encounter(self, resource: Resource) -> Iterator[Line]:
        yield Line(resource, (), "not-the-patient", "read for its context alone")

    def _put_lists(self) -> None:
        for path, values in self.lists.items():
            if values:
                self._set(path, sorted(values))
        began = self.data.get("pain", {}).get("began", "")
        kept: list[Data] = []
        for _, trial in sorted(self.trials, key=lambda each: each[0]):
            if began and trial.get("began", began) < began:
                trial.pop("began")
                if trial.get("ended", began) < began or "state" not in trial:
                    self.notes.append(f"A trial of {trial['treatment']} ended before this pain began, and is left out.")
                    continue
                trial.pop("ended", None)
                self.notes.append(f"A trial of {trial['treatment']} began before this pain; its days are left out.")
            session = "state" not in trial and "result" not in trial
            if trial not in kept and not (session and any(t["treatment"] == trial["treatment"] for t in kept)):
                kept.append(trial)
        if kept:
            self.data["trials"] = kept


def _status(element: Element) -> str:
    """A status that R4 writes as a CodeableConcept and DSTU2 as a code."""
    if element.text:
        return element.text
    return next((coding["code"].text for coding in element.all("coding")), "")


def _tail(reference: str) -> str:
    return reference.replace("urn:uuid:", "").rpartition("/")[2].lstrip("#")


def _form(reading: Reading) -> str:
    form = reading.product.form if reading.product else ""
    return {"patch": "patch", "extended-release": "extended-release", "injection": "injection"}.get(form, "")


def _length(drug: _Drug) -> int:
    if drug.began.day is None or drug.ended.day is None:
        return -1
    return (drug.ended.day - drug.began.day).days


def _number_in(part: Element) -> float | None:
    if part["valueQuantity"]:
        return part["valueQuantity"]["value"].number
    return part["valueInteger"].number


def _present(part: Element) -> bool:
    """Whether an observation of a finding says that it is there."""
    value = part["valueCodeableConcept"]
    if part["valueBoolean"].value is not None:
        return part["valueBoolean"].yes
    words = {each.text.lower() for each in (value["text"], *(c["display"] for c in value.all("coding")))}
    return bool(words & {"yes", "present", "positive", "true"})
