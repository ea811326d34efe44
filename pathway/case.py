"""A case file, or standard input, to a Case: the profile checked against itself and the rule base."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any, BinaryIO

from pydantic import ValidationError

from pathway.findings import Subject
from pathway.problem import Problem, Problems, near, quoted
from pathway.profile import (
    ALLERGIES,
    BLANK,
    NONE,
    NOTHING_ELSE,
    Known,
    Profile,
    Records,
    RedFlag,
    Trial,
    fields,
    folded,
    key_of,
    meant_by,
    mixes_alphabets,
    most_telling,
    never_asked,
    record_of,
    says,
    synonyms,
    words_of,
)
from pathway.reading import Document, read_document
from pathway.rules import RuleBase
from pathway.units import DAYS, LONGEST_DAYS, UnitError, parse_patch_dose, show_duration
from pathway.validation import Fault, Path, fault, faults_of, refuse, written

TOLD = ("result", "adequate", "duration", "dose", "began", "ended")
SUICIDE = "suicidal-thoughts"
MOST_WITHOUT_ITEM9 = 24
"""The most that a PHQ-9 comes to where item 9 is zero: eight items of three."""
LONGEST_PREGNANCY = 45 * DAYS["week"]
PUMP = "pump"
ALLERGY_OF = {
    **dict.fromkeys(ALLERGIES),
    "nsaid": "nsaid-or-aspirin", "topical-nsaid": "nsaid-or-aspirin", "snri": "duloxetine",
    "oxcarbazepine": "carbamazepine", "carisoprodol": "carbamate", "corticosteroid": "steroid",
    "lidocaine-plaster": "local-anaesthetic",
}  # fmt: skip
"""The allergy that speaks against a medicine or class; None for the one of its own name."""
DAYS_A_YEAR = 365.25
CALENDAR_MONTH = 31 / DAYS["month"]
"""How much longer than a month of even length a month of the calendar may be."""

_PARTS = re.compile(r"[,;/&+|()]|\b(?:and|with|plus)\b", re.IGNORECASE)
_AMOUNT = re.compile(r"\d.*")
_SEPARATORS = re.compile(r"[,;]")
_ASIDE = re.compile(r"^an? |\(.*?\)")
_WHENEVER = ", now or in the past"
_ALIKE = 0.9
_LONG_WORD = 4
_MOST_HOMES = 4
_ALLERGIC = words_of("allergy allergic anaphylaxis hypersensitivity reaction")
_TREATMENTS = ("trials", "declined")
_NO_DANGERS = ("pain.sites", "assessments")
"""Lists whose words are those of ordinary names, and where nothing is hidden that speaks against a treatment."""


@dataclass(frozen=True)
class Case:
    """One case as read: its profile, and what the rule base knows of the names in it.

    `data` is the case as a case file says it, for whoever changes a fact and reads it again.
    """

    source: str
    subject: Subject
    data: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def profile(self) -> Profile:
        """The person as known on the day."""
        return self.subject.profile


def read_case(
    source: str | os.PathLike[str] | BinaryIO,
    base: RuleBase,
    *,
    as_of: date | None = None,
    name: str | None = None,
) -> Case:
    """The case in a YAML or JSON file ("-" is standard input).

    Args:    base: knows the treatments and medicines that a case may name. as_of: overrides the file's.
    Errors:  Problems, all of the file's in one pass, each with its place and help.
    """
    page = read_document(source, name=name)
    data = page.data
    if as_of is not None and isinstance(data, dict):
        data = {**data, "as_of": as_of.isoformat()}
    return Case(page.source, subject_of(data, base, page), data if isinstance(data, dict) else {})


def subject_of(data: Any, base: RuleBase, page: Document) -> Subject:
    """The subject that plain data describes.

    Args:    page: the document that the data came from, for the places of Problems.
    Errors:  Problems, placed on the page; the first hundred of them.
    """
    if not isinstance(data, dict):
        message, help = "a case is a group of fields", "`pathway new` prints a blank to fill in"
        raise Problems([page.problem("wrong-type", message, help=help)])
    profile, faults, broken = _validate(data, page)
    faults += _Checks(profile, broken, data, base, page).run()
    refuse(faults, page)
    return subject_from(profile, base)


def subject_from(profile: Profile, base: RuleBase) -> Subject:
    """The subject of a profile as it was read, whose facts are not held against one another here."""
    return Subject(_with_derived(profile, base), base.classes, base.treatments, base.possible, base.factors)


def _validate(data: dict[str, Any], page: Document) -> tuple[Profile, list[Fault], frozenset[Path]]:
    """The profile, what is wrong, and where.

    Where fields are wrong, it is the profile of the others, so that they too can be checked in this pass.
    """
    rest: Any = data
    faults: list[Fault] = []
    broken: set[Path] = set()
    # A second pass misses what the first took out of a record; the third finds nothing wrong.
    for number in range(4):
        try:
            return Profile.model_validate(rest), faults, frozenset(broken)
        except ValidationError as error:
            if number == 0:
                faults = faults_of(error, page, Profile)
            entries = error.errors(include_url=False, include_input=False)
            gone = {written(e["loc"][: -1 if e["type"] == "missing" else None], rest) for e in entries}
            broken |= gone
            rest = _without(rest, gone)
    return Profile(), faults, frozenset(broken)


def _without(data: Any, paths: Iterable[Path]) -> Any:
    """The data without what stands at some paths; an item of a list leaves a blank, so that others keep theirs."""
    gone = {path[0] for path in paths if len(path) == 1}
    deeper: dict[str | int, list[Path]] = {}
    for path in paths:
        if len(path) > 1:
            deeper.setdefault(path[0], []).append(path[1:])
    if isinstance(data, dict):
        return {
            key: _without(value, deeper[key]) if key in deeper else value
            for key, value in data.items()
            if key not in gone
        }
    if isinstance(data, list):
        return [
            BLANK if i in gone else _without(value, deeper[i]) if i in deeper else value for i, value in enumerate(data)
        ]
    return data


class _Checks:
    """What no single field can know: dates against `as_of`, names against the rule base, facts against facts."""

    def __init__(
        self, profile: Profile, broken: frozenset[Path], data: dict[str, Any], base: RuleBase, page: Document
    ) -> None:
        self.profile, self.broken, self.data, self.base, self.page = profile, broken, data, base, page
        self.faults: list[Fault] = []

    def run(self) -> list[Fault]:
        """Everything that the checks find."""
        for check in (
            self._dates,
            self._pain,
            self._person,
            self._trials,
            self._order_of_trials,
            self._red_flags,
            self._phq9,
            self._item9,
            self._medicines,
            self._lists,
            self._others,
            self._unknown_yet_denied,
            self._declined,
            self._single_denials,
        ):
            check()
        return self.faults

    def _add(self, kind: str, message: str, *path: str | int, help: str, key: bool = False) -> None:
        where = written(path, self.page.data)
        self.faults.append(fault(self.page, kind, message, *where, help=help, key=key))

    # ---- days ----

    def _dates(self) -> None:
        for path, day in self._all_dates():
            if self.profile.as_of is None:
                if ("as_of",) not in self.broken:
                    message = f"{day} says nothing as long as nobody knows on which day the case is told"
                    help = "add as_of: the day on which all this is known, such as 2026-03-02"
                    self._add("date-without-as-of", message, *path, help=help)
            elif day > self.profile.as_of:
                message = f"{day} is after as_of, {self.profile.as_of}"
                help = "a case says what is known on as_of; correct one of the two"
                self._add("after-as-of", message, *path, help=help)

    def _all_dates(self) -> Iterator[tuple[Path, date]]:
        if self.profile.pain.began:
            yield ("pain", "began"), self.profile.pain.began
        for name in ("trials", "red_flags"):
            for i, record in getattr(self.profile, name).numbered():
                for key in ("began", "ended", "on"):
                    if day := getattr(record, key, None):
                        yield (name, i, key), day

    def _lasting(self, what: str, days: float | None, *path: str | int) -> None:
        """That nothing has lasted longer than a life."""
        age = self.profile.age
        if days is None:
            return
        if days > LONGEST_DAYS:
            told = f"{what} has lasted {show_duration(days)}, longer than a life"
            self._add("out-of-range", told, *path, help="correct the day, or as_of")
        elif age is not None and days > (age + 1) * DAYS_A_YEAR:
            told = f"{what} has lasted {show_duration(days)}, longer than a life of {age:g} years"
            self._add("contradiction", told, *path, help="correct the age or the time")

    # ---- the person ----

    def _pain(self) -> None:
        pain = self.profile.pain
        if pain.duration is not None and pain.began is not None:
            message = "the pain has both a duration and a day on which it began"
            self._add("said-twice", message, "pain", "began", help="give one of the two", key=True)
        self._lasting("the pain", pain.duration, "pain", "duration")
        self._lasting("the pain", _days(pain.began, self.profile.as_of), "pain", "began")

    def _person(self) -> None:
        if self.profile.sex == "male" and self.profile.pregnancy:
            message = "the person is male and pregnant"
            self._add("contradiction", message, "pregnancy", help="correct sex or pregnancy")
        fertility = self.profile.fertility
        if self.profile.pregnancy is False and fertility.lasted is not None:
            message = "the person is not pregnant, yet the pregnancy has lasted some time"
            self._add("contradiction", message, "fertility", "lasted", help="correct pregnancy, or take this out")
        elif self.profile.sex == "male" and fertility.lasted is not None:
            message = "the person is male, yet a pregnancy has lasted some time"
            self._add("contradiction", message, "fertility", "lasted", help="correct sex, or take this out")
        if fertility.lasted is not None and fertility.lasted > LONGEST_PREGNANCY:
            message = f"the pregnancy has lasted {show_duration(fertility.lasted)}, longer than any"
            help = f"give the time since the last period, up to {show_duration(LONGEST_PREGNANCY)}"
            self._add("out-of-range", message, "fertility", "lasted", help=help)
        for name in ("possible", "breastfeeding"):
            if self.profile.sex == "male" and getattr(fertility, name):
                message = f"the person is male, yet {name} is yes"
                self._add("contradiction", message, "fertility", name, help="correct sex, or take this out")

        injections = self.profile.injections
        since = injections.since_last
        if injections.same_joint == 0 and since is not None and since < DAYS_A_YEAR:
            message = "the joint had no injection in the last 12 months, yet the last one is less than that ago"
            self._add("contradiction", message, "injections", "since_last", help="correct one of the two")

    def _phq9(self) -> None:
        """That the nine items of the PHQ-9 can come to their sum, of which the ninth is known."""
        total, item9 = self.profile.mood.phq9, self.profile.mood.item9
        if total is None or item9 is None or item9 <= total <= MOST_WITHOUT_ITEM9 + item9:
            return
        message = f"with {item9:g} for item 9 the nine items come to {item9:g} at least"
        message += f" and {MOST_WITHOUT_ITEM9 + item9:g} at most, not {total:g}"
        self._add("contradiction", message, "mood", "phq9", help="correct one of the two")

    def _item9(self) -> None:
        """That a PHQ-9 item 9 above zero does not stand beside a denial of thoughts of suicide."""
        flags, told = self.profile.red_flags, _tells_of_item9(self.profile)
        if not told or ("red_flags",) in self.broken:
            return
        listed = [flag for flag in flags if flag.finding == SUICIDE]
        names = {SUICIDE, f"red_flags.{SUICIDE}"}
        if names & set(self.profile.unasked):
            return  # nobody asked about the sign itself; item 9 answers for it
        denied = names & set(self.profile.denied)
        if any(flag.excluded for flag in listed) or (not listed and (flags.closed or denied)):
            above = "is above zero" if told == "item9" else f"is above zero in a sum over {MOST_WITHOUT_ITEM9}"
            message = f"item 9 asks about thoughts of death or self-harm and {above}, yet red_flags deny them"
            self._add("contradiction", message, "mood", told, help=f"add {SUICIDE} to red_flags, or correct {told}")

    # ---- medicines ----

    def _medicines(self) -> None:
        """That the rules see a name, that a patch has its strength per hour, and a spinal medicine its pump."""
        patches = set()
        for i, medicine in self.profile.medicines.numbered():
            name = medicine.medicine.lower()
            self._named_in(medicine.medicine, "medicines", i, "medicine")
            if medicine.form == "patch" and not self._no_opioid(name):
                patches.add(name)
                if medicine.dose is not None:
                    self._patch("medicines", i)
            if medicine.form == "spinal" and self._lacks("devices", PUMP):
                message = f"{medicine.medicine} is given into the spinal canal, yet devices deny a pump"
                help = f"add {PUMP} to devices, or correct the form"
                self._add("contradiction", message, "medicines", i, "form", help=help)
        for i, trial in self.profile.trials.numbered():
            self._named_in(trial.medicine, "trials", i, "medicine")
            if trial.state == "running" and trial.dose is not None and self._one_medicine(trial) in patches:
                self._patch("trials", i)

    def _no_opioid(self, name: str) -> bool:
        """Whether a medicine is known, and known to be no opioid; the box of another patch may count by the day."""
        return name in self.base.classes and "opioid" not in self.base.possible.get(name, ("opioid",))

    def _patch(self, *path: str | int) -> None:
        told: Any = self.data
        for step in written((*path, "dose"), self.data):
            told = told[step]
        try:
            parse_patch_dose(told)
        except UnitError as error:
            self._add(error.kind, error.message, *path, "dose", help=error.help)

    def _lacks(self, path: str, value: str) -> bool:
        """Whether a list denies a value: by being whole without it, or under `not`."""
        held: Known = _get(self.profile, path)
        names = {value, f"{path}.{value}"}
        if value in held.present or names & set(self.profile.unasked) or any(at[0] == path for at in self.broken):
            return False
        return held.closed or bool(names & set(self.profile.denied))

    # ---- trials ----

    def _trials(self) -> None:
        for i, trial in self.profile.trials.numbered():
            if self._option(trial) is None:
                self._unknown_treatment(trial.treatment, "trials", i, "treatment")
            self._state(i, trial)
            self._days_of(i, trial)
            self._since_the_pain(i, trial)
            self._taken_now(i, trial)
            self._in_place(i, trial)
            self._medicine(i, trial)

    def _unknown_treatment(self, treatment: str, *path: str | int) -> None:
        medicine = treatment.lower()
        if medicine not in self.base.medicines:
            self._unknown_name(treatment, "treatment of this pathway", self.base.treatments, *path)
        elif options := self._options_like(medicine):
            message = f"{quoted(treatment)} is not a medicine of one treatment only"
            given = " or ".join(options)
            help = f"write what it was given for, such as treatment: {given}, with medicine: {medicine}"
            self._add("unknown-value", message, *path, help=help)
        else:
            message = f"{quoted(treatment)} is a medicine of no treatment of this pathway"
            self._add("unknown-value", message, *path, help="one that is taken now belongs under medicines")

    def _options_like(self, medicine: str) -> list[str]:
        """The options whose medicines are of the kind of a medicine: of its first class."""
        kind = self.base.medicines[medicine]["classes"][0]
        alike = (entry for entry in self.base.medicines.values() if entry["classes"][0] == kind)
        return list(dict.fromkeys(str(entry["option"]) for entry in alike if entry.get("option")))

    def _option(self, trial: Trial) -> str | None:
        return self.base.treatments.get(trial.treatment.lower())

    def _one_medicine(self, trial: Trial) -> str:
        """The one medicine of its option that a trial is a trial of; empty where it speaks of the whole option."""
        treatment = trial.treatment.lower()
        return (trial.medicine or "").lower() or (treatment if treatment in self.base.medicines else "")

    def _state(self, i: int, trial: Trial) -> None:
        told = [name for name in TOLD if getattr(trial, name) is not None]
        if trial.state == "never" and told:
            message = f"{trial.treatment} was never tried, yet this tells of a trial: {', '.join(told)}"
            help = "take out the state, or what is told of a trial that never was"
            self._add("contradiction", message, "trials", i, told[0], help=help)
        if trial.state == "running" and trial.ended is not None:
            message = "the trial is still going on, yet it has ended"
            help = "correct the state, or take out the end"
            self._add("contradiction", message, "trials", i, "ended", help=help)
        ends = {"failed": "it failed", "not-tolerated": "it was not tolerated", "undone": "it was undone"}
        if trial.state == "running" and (said := ends.get(trial.result or "")):
            help = "end it, or leave the result out"
            self._add("contradiction", f"the trial is still going on, yet {said}", "trials", i, "result", help=help)

    def _since_the_pain(self, i: int, trial: Trial) -> None:
        """That the trial was of a treatment of this pain: none is older than it."""
        pain = self.profile.pain
        help = "correct one of the two; what was tried for an earlier pain belongs in the story"
        lasted = pain.duration if pain.began is None else _days(pain.began, self.profile.as_of)
        if lasted is None:
            return
        tried, name = _derived_trial(trial, self.profile.as_of).duration, "began" if trial.began else "duration"
        if trial.ended and pain.began and trial.ended < pain.began:
            message = f"the trial ended on {trial.ended}, before the pain began on {pain.began}"
            self._add("contradiction", message, "trials", i, "ended", help=help)
        elif tried is not None and tried > lasted * CALENDAR_MONTH:
            message = f"the trial lasted {show_duration(tried)}, longer than the pain ({show_duration(lasted)})"
            self._add("contradiction", message, "trials", i, name, help=help)

    def _taken_now(self, i: int, trial: Trial) -> None:
        """That a medicine whose trial is going on is among those that are taken, where these are all told."""
        medicine, listed = self._one_medicine(trial), self.profile.medicines
        classes = self.base.classes
        medicine = medicine if medicine in classes else (self._option(trial) or "")
        if trial.state != "running" or medicine not in classes or ("medicines",) in self.broken:
            return
        denials = self.profile.denied
        plain = {name for name in denials if self._homes(name) == [("medicines", name)]}
        denied = {name for name in classes[medicine] if name in plain or f"medicines.{name}" in denials}
        if denied:
            message = f"a trial of {medicine} is going on, yet `not` denies {min(denied)} among the medicines"
            help = "take it out of `not`, or end the trial"
            self._add("contradiction", message, "trials", i, "treatment", help=help)
        if not listed.closed:
            return
        taken = {each.medicine.lower() for each in listed} | {
            name.removeprefix("medicines.") for name in self.profile.unasked
        }
        # A medicine that no rule knows may be this one by another name.
        belong = any(medicine in classes.get(name, ()) for name in taken)
        if (
            belong
            or taken & {medicine, *classes[medicine]}
            or any(each.medicine.lower() not in classes for each in listed)
        ):
            return
        message = f"a trial of {medicine} is going on, yet medicines, which are all told, lack it"
        name = "medicine" if trial.medicine else "treatment"
        self._add("contradiction", message, "trials", i, name, help=f"add {medicine} to medicines, or end the trial")

    def _in_place(self, i: int, trial: Trial) -> None:
        """That a device whose trial is going on is not denied."""
        if (place := _place_of(trial, self.base)) and self._lacks(*place):
            path, value = place
            message = f"a trial of {trial.treatment} is going on, yet {path} deny the {value}"
            help = f"add {value} to {path}, or end the trial"
            self._add("contradiction", message, "trials", i, "treatment", help=help)

    def _days_of(self, i: int, trial: Trial) -> None:
        began, ended, duration = trial.began, trial.ended, trial.duration
        if began and ended and ended < began:
            message = f"the trial ended on {ended}, before it began on {began}"
            self._add("out-of-order", message, "trials", i, "ended", help="correct one of the two days")
        if duration is not None and began and (ended or trial.state == "running"):
            both = "both its days" if ended else "the day on which it began, and is still going on"
            help = "give the duration, or the days"
            self._add(
                "said-twice", f"the trial has a duration and {both}", "trials", i, "duration", help=help, key=True
            )
        elif duration is not None and (since := _days(began, self.profile.as_of)) is not None and duration > since:
            message = f"a trial of {show_duration(duration)} cannot have begun {show_duration(since)} before as_of"
            self._add("contradiction", message, "trials", i, "duration", help="correct one of the two")
        self._lasting("the trial", duration, "trials", i, "duration")
        end = ended or (self.profile.as_of if trial.state == "running" else None)
        self._lasting("the trial", _days(began, end), "trials", i, "began")

    def _medicine(self, i: int, trial: Trial) -> None:
        """That a trial names no medicine of another option, and none that is of no option's kind."""
        named, option = (trial.medicine or "").lower(), self._option(trial)
        home = self.base.treatments.get(named) if named in self.base.medicines else None
        if option is None or named not in self.base.medicines:
            return
        treatment = trial.treatment.lower()
        if treatment in self.base.medicines and treatment != named:
            message = f"the treatment is {treatment}, and the medicine {named}"
            help = f"name the medicine once:  treatment: {treatment}"
        elif home is None and not self._options_like(named):
            message = f"{named} is a medicine of no treatment of this pathway, and this is a trial of {option}"
            help = "correct one of the two; a medicine that is taken for something else belongs under medicines"
        elif home not in (None, option) and option in self._medicine_options:
            message = f"{named} is a medicine of {home}, and this is a trial of {option}"
            help = f"correct one of the two; `treatment: {named}` says it all"
        else:
            return
        self._add("contradiction", message, "trials", i, "medicine", help=help)

    @cached_property
    def _medicine_options(self) -> frozenset[str]:
        return frozenset(str(entry["option"]) for entry in self.base.medicines.values() if entry.get("option"))

    def _order_of_trials(self) -> None:
        """That the trials of one treatment stand oldest first, and that one that was tried was not never tried."""
        last: dict[str, tuple[int, Trial]] = {}
        done = [trial for trial in self.profile.trials if trial.state != "never"]
        tried = {(self._option(trial), name) for trial in done for name in ("", self._one_medicine(trial))}
        for i, trial in self.profile.trials.numbered():
            option = self._option(trial)
            if option is None:
                continue
            if trial.state == "never":
                if (option, self._one_medicine(trial)) in tried:
                    message = f"{trial.treatment} was never tried, yet a trial of it is listed"
                    self._add("contradiction", message, "trials", i, "state", help="keep one of the two")
                continue
            if option in last:
                self._newer_than(last[option][1], i, trial)
            if trial.began or trial.ended:
                last[option] = (i, trial)

    def _newer_than(self, before: Trial, i: int, trial: Trial) -> None:
        help = "list the trials of a treatment oldest first; a newer one speaks against an older one"
        for name, day, mark in (
            ("began", trial.began, before.began),
            ("ended", trial.ended, before.began or before.ended),
        ):
            if day and mark and day < mark:
                message = f"this trial {name} on {day}, before the one listed above it ({mark})"
                self._add("out-of-order", message, "trials", i, name, help=help)
                return

    # ---- lists ----

    def _red_flags(self) -> None:
        for i, flag in self.profile.red_flags.numbered():
            if flag.excluded is True or written(("red_flags", i, "excluded"), self.data) in self.broken:
                continue
            for name, value in (("by", flag.by), ("on", flag.on)):
                if value is not None:
                    message = "this says who or when excluded the sign, but not that it was excluded"
                    help = "write excluded: yes, or take it out"
                    self._add("contradiction", message, "red_flags", i, name, help=help)
                    break

    def _named_in(self, name: str | None, *path: str | int) -> None:
        """That a medicine which the rules know is not written among other words, where no rule sees it."""
        if not name or name.strip().lower() in self.base.classes:
            return
        words = words_of(name)
        seen = most_telling(known for known in self._medicines_by_words if known <= words)
        if seen:
            told = [self._medicines_by_words[known] for known in seen]
            message = f"{quoted(name)} holds {' and '.join(told)}, which the rules know, and they do not see it here"
            dose = _AMOUNT.search(name)
            more = f", dose: {dose[0].strip()}" if dose and len(told) == 1 and path[0] == "medicines" else ""
            help = " and ".join(f"{{medicine: {each}{more}}}" for each in told)
            self._add("unknown-value", message, *path, help=f"write  {help};  note: … keeps other words")

    @cached_property
    def _medicines_by_words(self) -> Mapping[frozenset[str], str]:
        return {words_of(name): name for name in self.base.medicines}

    def _lists(self) -> None:
        for path, kind in fields().items():
            where = tuple(path.split("."))
            if kind.kind not in ("set", "records") or where in self.broken:
                continue
            record = record_of(path) if kind.kind == "records" else None
            key = key_of(record) if record else ""
            self._repeats(where, key, once=path in ("causes", "red_flags") or not record)
            self._unknown_in_closed(where, key)

    def _repeats(self, path: Path, key: str, once: bool) -> None:
        """That nothing stands in a list twice; where it may (trials, medicines), nothing but the closing words."""
        seen: set[str] = set()
        for where, item in _items(self.data, path):
            name = _name_of(item, key)
            if name is None or not (once or says(name, NOTHING_ELSE)) or where in self.broken:
                continue
            if name in seen:
                self._add("said-twice", f"{quoted(name)} is listed twice", *where, help="list each once")
            seen.add(name)

    def _unknown_in_closed(self, path: Path, key: str) -> None:
        items = list(_items(self.data, path))
        if not any(says(item, NOTHING_ELSE) for _, item in items):
            return
        # A medicine that nobody can name is one that no rule knows; it closes nothing.
        named = key and key not in ("medicine", "treatment")
        for where, item in items:
            if never_asked(item) or (named and isinstance(item, dict) and never_asked(item.get(key))):
                message = "the list says that it is whole, yet this item of it is unknown"
                help = f"take out `{NOTHING_ELSE}`: what is unknown may be anything"
                self._add("contradiction", message, *where, help=help)

    def _others(self) -> None:
        """That what a rule knows is not written as `other`, where no rule sees it."""
        for path, kind in fields().items():
            for where, item in _items(self.data, tuple(path.split("."))) if kind.kind == "set" else ():
                text = item.get("other") if isinstance(item, dict) else None
                if isinstance(text, str) and where not in self.broken:
                    self._other(path, text, where)

    def _other(self, path: str, text: str, where: Path) -> None:
        if mixes_alphabets(text):
            message = f"{quoted(text)} mixes letters of several alphabets, some of which look alike"
            self._add("unknown-value", message, *where, help="type it again in one alphabet")
            return
        parts = tuple(dict.fromkeys((text, *_SEPARATORS.split(text), *_PARTS.split(text))))
        for part in parts:
            homes = self._homes_from(path, text, self._known_as(path, part))
            if not homes:
                continue
            values = [value for field, value in homes if field == path]
            if values and part == text:
                message = f"{quoted(text)} needs no `other`: it is known here"
                help = f"write {' or '.join(values)} in place of {{other: {text}}}, so that the rules see it"
                elsewhere = [home for home in homes if home[0] != path]
                help += f";  it may also belong under {_listed(elsewhere)}" if elsewhere else ""
            else:
                message = f"{quoted(part.strip())} is known to the rules, and they do not see it here"
                help = f"it belongs under {_listed(homes)};  {{other: …}} is for one thing that is not listed anywhere"
            self._add("unknown-value", message, *where, help=help)
            return
        for part in parts:
            if homes := self._homes_from(path, text, self._may_mean(path, part)):
                message = f"{quoted(part.strip())} may be what the rules know, and they do not see it here"
                help = f"if it is, it belongs under {_listed(homes)};  if not, say what it is in other words"
                self._add("unknown-value", message, *where, help=help)
                return

    def _homes_from(self, path: str, text: str, homes: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """The homes of a name, those in its own list first; of a medicine that is not borne, the allergies."""
        if path == "allergies" or words_of(text) & _ALLERGIC:
            told: list[tuple[str, str]] = []
            for field, value in homes:
                taken = field in ("medicines", *_TREATMENTS) and value in self.base.classes
                told += [("allergies", allergy) for allergy in self._allergies_to(value)] if taken else [(field, value)]
            homes = told
        return sorted(dict.fromkeys(homes), key=lambda home: home[0] != path)

    def _allergies_to(self, name: str) -> list[str]:
        """The allergies that speak against a medicine, or against the medicines of a class."""
        mine = {name, *self.base.classes.get(name, ())}
        found = [allergy or known for known, allergy in ALLERGY_OF.items() if known in mine]
        if not found and name not in self.base.medicines:
            members = (each for each, entry in self.base.medicines.items() if name in entry["classes"])
            found = [allergy for each in members for allergy in self._allergies_to(each)]
        return list(dict.fromkeys(found))

    def _may_mean(self, path: str, text: str) -> list[tuple[str, str]]:
        """The homes of the names whose words stand in a text, or else of those in whose words the text stands.

        A word of four letters is the least that tells a name; everyday names may be shorter.
        """
        from difflib import get_close_matches

        words: frozenset[str] = frozenset()
        for word in words_of(text):
            alike = [] if word in self._names_with else [known for known in self._names_with if known[0] == word[0]]
            words |= {next(iter(get_close_matches(word, alike, n=1, cutoff=_ALIKE)), word)}
        near_by = dict.fromkeys(name for word in sorted(words) for name in self._names_with.get(word, ()))
        unsaid = _unsaid(path, words)
        homes = {name: [home for home in self._by_words[name] if home[0] not in unsaid] for name in near_by}
        known = [name for name in near_by if homes[name] or not self._by_words[name]]
        found = most_telling(name for name in known if name <= words)
        if not found and any(len(word) >= _LONG_WORD for word in words):
            found = [name for name in known if words < name]
            # Words for a part of the body, or in the name of a treatment, stand in many names.
            own = {path} if path == "pain.sites" else self._vocabularies.keys() - set(_TREATMENTS)
            homes = {name: [home for home in homes[name] if home[0] in own] for name in found}
        return [home for name in found for home in homes[name]]

    @cached_property
    def _by_words(self) -> Mapping[frozenset[str], list[tuple[str, str]]]:
        """The values, medicines and treatments by the words of each of their names, everyday ones included."""
        told: dict[frozenset[str], dict[tuple[str, str], None]] = {}
        for path, known in self._vocabularies.items():
            for value, means in known.items():
                label = (means if isinstance(means, str) else getattr(means, "name", value)).replace(_WHENEVER, "")
                for name in (value, *_ASIDE.sub("", label).split(", or ")):
                    words = words_of(name)
                    if any(len(word) >= _LONG_WORD for word in words):
                        told.setdefault(words, {})[path, value] = None
        for words, homes in synonyms().items():
            told.setdefault(words, {}).update(dict.fromkeys(homes))
        return {words: list(homes) for words, homes in told.items()}

    @cached_property
    def _names_with(self) -> Mapping[str, list[frozenset[str]]]:
        """The names that hold a word."""
        told: dict[str, list[frozenset[str]]] = {}
        for name in self._by_words:
            for word in name:
                told.setdefault(word, []).append(name)
        return told

    def _known_as(self, path: str, text: str) -> list[tuple[str, str]]:
        """The fields, each with its value, that a name means; a slip of the pen does not hide it."""
        from difflib import get_close_matches

        name, words = folded(text), words_of(text)
        if name not in self._known_names:
            # Of what differs at its start, such as stable and unstable, one may be the other's opposite.
            alike = [known for known in self._known_names if known[:1] == name[:1]]
            name = next(iter(get_close_matches(name, alike, n=1, cutoff=_ALIKE)), "")
        unsaid = _unsaid(path, words)
        everyday = [home for home in synonyms().get(words, []) if home[0] not in unsaid]
        return [*self._known_names.get(name, []), *everyday]

    @cached_property
    def _known_names(self) -> Mapping[str, list[tuple[str, str]]]:
        """Every value, medicine, treatment and field by each of its names, folded."""
        told: dict[str, dict[tuple[str, str], None]] = {}
        values = {**self._vocabularies, "declined": {}}
        for path, known in values.items():
            for value, means in known.items():
                words = means if isinstance(means, str) else getattr(means, "name", value)
                for name in (value, words, *(_ASIDE.sub("", part) for part in (words, *words.split(", or ")))):
                    told.setdefault(folded(name), {})[path, value] = None
        for name, path in [("pregnant", "pregnancy"), *((path.rpartition(".")[2], path) for path in fields())]:
            told.setdefault(folded(name), {})[path, ""] = None
        return {name: list(homes) for name, homes in told.items()}

    def _unknown_yet_denied(self) -> None:
        """That a sign or cause nobody can name is not left without any that it could be."""
        denied = self.profile.denied
        for path in ("red_flags", "causes"):
            listed: Records = _get(self.profile, path)
            kind = fields()[path]
            key = next(iter(kind.item))
            told = {getattr(record, key) for record in listed}
            free = (value for value in kind.values if value not in told and value not in denied)
            if listed.closed or any(f"{path}.{value}" not in denied for value in free):
                continue
            for i, record in listed.numbered():
                if getattr(record, key) is None and not getattr(record, "excluded", None):
                    message = "nobody knows which this is, yet every one that it could be is told or denied"
                    help = "take it out, or take out of `not` what it may be"
                    self._add("contradiction", message, path, i, help=help)

    def _declined(self) -> None:
        for where, item in _items(self.data, ("declined",)):
            name = _name_of(item, "")
            if name is None or where in self.broken or name in self.base.option:
                continue
            if says(name, NOTHING_ELSE) or says(name, NONE):
                continue
            if option := self.base.treatments.get(name):
                message = f"{quoted(name)} is one medicine of {option}; only a whole option can be declined"
                help = f"write {option} if all of them are declined; a wish about one belongs in the story"
                self._add("unknown-value", message, *where, help=help)
            else:
                self._unknown_name(name, "option of this pathway", self.base.option, *where)

    def _single_denials(self) -> None:
        sides: dict[tuple[str, str], str] = {}
        for side in ("not", "unknown"):
            for where, item in _items(self.data, (side,)):
                name = _name_of(item, "")
                if name is None or says(name, NONE) or where in self.broken or (side,) in self.broken:
                    continue
                homes = self._homes(name)
                if len(homes) == 1:
                    self._denial(side, homes[0], sides.get(homes[0]), where)
                    sides.setdefault(homes[0], side)
                elif homes:
                    choices = " or ".join(f"{home}.{value}" for home, value in homes)
                    message = f"{quoted(name)} may stand in several lists"
                    self._add("unknown-value", message, *where, help=f"say which: {choices}")
                elif field := self._field(name):
                    self._field_denied(side, field, where)
                elif elsewhere := self._homes(name.rpartition(".")[2]):
                    choices = " or ".join(f"{home}.{value}" for home, value in elsewhere)
                    message = f"{quoted(name)} is no value of a list"
                    self._add("unknown-value", message, *where, help=f"did you mean {choices}?")
                else:
                    self._unknown_name(name, "value of a list", self._every_value, *where)

    def _field(self, name: str) -> str | None:
        """The field of the profile that a name means, if it means one."""
        names = {folded(path.rpartition(".")[2]): path for path in fields()}
        names |= {folded(path): path for path in (*Profile.model_fields, *fields())}
        return names.get(folded(name))

    def _field_denied(self, side: str, field: str, where: Path) -> None:
        help = f"leave {field} out, or write {field}: unknown"
        if side == "not":
            kind = fields()[field].kind if field in fields() else ""
            no = {"tri": "no", "set": NONE, "records": NONE}.get(kind)
            help = f"write {field}: {no}" if no else f"leave {field} out"
        self._add("unknown-value", f"{quoted(field)} is a field, and no value of a list", *where, help=help)

    def _denial(self, side: str, home: tuple[str, str], before: str | None, where: Path) -> None:
        field, value = home
        if before == side:
            self._add("said-twice", f"{quoted(value)} is listed twice", *where, help="list each once")
        elif before is not None:
            message = f"{value} is known not to be there, and not known at all"
            self._add("contradiction", message, *where, help="keep it under `not` or under `unknown`")
        if value in self._there[side][field]:
            here = "not there" if side == "not" else "not known"
            message = f"{quoted(value)} is told in {field}, and here as {here}"
            self._add("contradiction", message, *where, help="keep one of the two")

    def _homes(self, name: str) -> list[tuple[str, str]]:
        """The lists that a name may belong to; "field.value" says which."""
        field, _, value = name.rpartition(".")
        if field in self._vocabularies:
            return [(field, value)] if value in self._vocabularies[field] else []
        return [(field, name) for field, values in self._vocabularies.items() if name in values]

    @cached_property
    def _vocabularies(self) -> Mapping[str, Any]:
        listed = {path: kind.values for path, kind in fields().items() if kind.kind in ("set", "records")}
        names = {"medicines": self.base.classes, "trials": self.base.option, "declined": self.base.option}
        return {**listed, **names}

    @cached_property
    def _every_value(self) -> list[str]:
        told = [(path, value) for path, values in self._vocabularies.items() for value in values]
        return [value for _, value in told] + [f"{path}.{value}" for path, value in told]

    @cached_property
    def _there(self) -> Mapping[str, Mapping[str, frozenset[str]]]:
        """What each list tells, as far as `not` and as far as `unknown` would speak against it."""
        told: dict[str, frozenset[str]] = {}
        for path in self._vocabularies:
            held: Known | Records = _get(self.profile, path)
            if isinstance(held, Known):
                told[path] = frozenset(held.present)
        profile, classes = self.profile, self.base.classes
        trials = [(self._option(trial) or "", trial) for trial in profile.trials]
        told["causes"] = frozenset(cause.kind for cause in profile.causes)
        told["medicines"] = frozenset(
            name
            for medicine in profile.medicines
            for name in (medicine.medicine.lower(), *classes.get(medicine.medicine.lower(), ()))
        )
        present = frozenset(flag.finding for flag in profile.red_flags if not flag.excluded)
        tried = frozenset(option for option, trial in trials if trial.state != "never")
        return {
            "not": {**told, "red_flags": present, "trials": tried},
            "unknown": {
                **told,
                "red_flags": frozenset(flag.finding for flag in profile.red_flags),
                "trials": tried | {option for option, trial in trials if not self._one_medicine(trial)},
            },
        }

    def _unknown_name(self, name: str, what: str, known: Any, *path: str | int) -> None:
        """That a name is not known; the search for one like it waits until the Problem is told."""
        where = written(path, self.page.data)

        def drawn() -> Problem:
            everyday = [] if known is not self._every_value else meant_by(name)
            meant = [f"{home}.{value}" for home, value in everyday if home in self._vocabularies]
            guess = '" or "'.join(meant) or near(name, known)
            every = "`pathway schema case` lists them all"
            listed = "one of: " + ", ".join(self.base.option) if path[0] in ("trials", "declined") else every
            help = f'did you mean "{guess}"?' if guess else listed
            return self.page.problem("unknown-value", f"{quoted(name)} is no {what}", *where, help=help)

        self.faults.append(Fault(where, False, drawn))


def _items(data: dict[str, Any], path: Path) -> Iterator[tuple[Path, Any]]:
    """The items of a list field as they are written, each with its path; one item may stand without a list."""
    value: Any = data
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield (*path, i), item
    elif isinstance(value, str | dict) and not never_asked(value):
        yield path, value


def _name_of(item: Any, key: str) -> str | None:
    """The name that an item of a list gives, in lower case; None where nobody knows it."""
    name = item.get(key or "other") if isinstance(item, dict) else item
    return None if never_asked(name) or not isinstance(name, str) else " ".join(name.lower().split())


def _listed(homes: list[tuple[str, str]]) -> str:
    """Where a name belongs, as far as a line can say."""
    told = [f"{home} as {value}" if value else home for home, value in homes]
    return " or ".join(told[:_MOST_HOMES]) + (", or another" if len(told) > _MOST_HOMES else "")


def _unsaid(path: str, words: frozenset[str]) -> set[str]:
    """The fields that no text in a list speaks of by its words alone."""
    return {*_NO_DANGERS, *(() if words & _ALLERGIC else ("allergies",))} - {path}


def _days(start: date | None, end: date | None) -> float | None:
    """The days from one day to another; None where one of them is unknown or they are the wrong way round."""
    return float((end - start).days) if start and end and start <= end else None


def _get(profile: Profile, path: str) -> Any:
    value: Any = profile
    for part in path.split("."):
        value = getattr(value, part)
    return value


def _with_derived(profile: Profile, base: RuleBase) -> Profile:
    """The profile with what follows from it: durations, states, devices that are tried, no pregnancy of a man."""
    pain = profile.pain
    if pain.began is not None:
        pain = pain.model_copy(update={"duration": _days(pain.began, profile.as_of)})
    listed = profile.trials
    trials = Records(tuple(_derived_trial(trial, profile.as_of) for trial in listed), listed.closed, listed.at)
    update: dict[str, Any] = {"pain": pain, "trials": trials, "red_flags": _with_item9(profile)}
    for path, value in filter(None, (_place_of(trial, base) for trial in trials)):
        held: Known = update.get(path, getattr(profile, path))
        if value not in held.present:
            update[path] = replace(held, present=(*held.present, value))
    if profile.sex == "male":
        none = {"possible": False, "breastfeeding": False}
        update |= {"pregnancy": False, "fertility": profile.fertility.model_copy(update=none)}
    return profile.model_copy(update=update)


def _place_of(trial: Trial, base: RuleBase) -> tuple[str, str] | None:
    """The list and value of the device that is in place while a trial goes on; None where there is none."""
    option = base.option.get(base.treatments.get(trial.treatment.strip().lower(), ""))
    if trial.state != "running" or option is None or option.taken[0] != "has":
        return None
    return str(option.taken[1]), str(option.taken[2])


def _tells_of_item9(profile: Profile) -> str:
    """The field that tells that PHQ-9 item 9 is above zero: itself, or a sum that needs it; empty where none does."""
    mood = profile.mood
    if mood.item9 is None and mood.phq9 is not None and mood.phq9 > MOST_WITHOUT_ITEM9:
        return "phq9"
    return "item9" if mood.item9 else ""


def _with_item9(profile: Profile) -> Records:
    """The warning signs, with thoughts of suicide where PHQ-9 item 9 is above zero (record assoc-item9)."""
    flags: Records = profile.red_flags
    if not _tells_of_item9(profile) or any(flag.finding == SUICIDE for flag in flags):
        return flags
    seen = RedFlag.model_construct(finding=SUICIDE, excluded=None, by=None, on=None)
    return Records((*flags.items, seen), flags.closed, (*flags.at, -1))


def _derived_trial(trial: Trial, as_of: date | None) -> Trial:
    update: dict[str, Any] = {}
    if trial.state is None and (trial.ended is not None or trial.result in ("failed", "not-tolerated", "undone")):
        # What failed, was not tolerated or was undone has ended, unless the case says that it goes on.
        update["state"] = "ended"
    end = trial.ended or (as_of if trial.state == "running" else None)
    if trial.duration is None:
        update["duration"] = _days(trial.began, end)
    return trial.model_copy(update=update)
