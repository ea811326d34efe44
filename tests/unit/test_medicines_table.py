"""The table of medicines, said a second time: who belongs to which class, and the MME factors.

The MME factors are those of the record opi-mme-table, and the CGRP medicines those of med-migraine-cgrp; both are
read from the records too. Other records name members in a sentence: they are under `TOLD`. No record lists the rest
(the anticoagulants, the ACE inhibitors and so on): for these the table as it is on 2026-11-23 is pinned here, so that
a name that drops out of a class, or slips into one, is seen. Whoever adds a medicine says its classes in both places.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from pathway.cache import Compiled
from pathway.language import nodes
from pathway.rules import RuleBase

EVIDENCE = Path(__file__).parents[2] / "rules" / "evidence"
MEMBERS = {
    # blood
    "anticoagulant": "warfarin apixaban rivaroxaban dabigatran edoxaban heparin enoxaparin",
    "antiplatelet": "aspirin clopidogrel prasugrel ticagrelor",
    # pain
    "nsaid": "aspirin ibuprofen naproxen diclofenac celecoxib meloxicam indomethacin ketorolac piroxicam ketoprofen "
    "nabumetone",
    "acetaminophen": "acetaminophen paracetamol",
    "topical": "topical-nsaid lidocaine-plaster capsaicin-cream capsaicin-patch",
    "triptan": "sumatriptan rizatriptan zolmitriptan",
    "cgrp-medicine": "erenumab fremanezumab galcanezumab eptinezumab rimegepant atogepant",
    "ergot": "ergotamine dihydroergotamine",
    "muscle-relaxant": "cyclobenzaprine tizanidine baclofen methocarbamol carisoprodol metaxalone chlorzoxazone "
    "orphenadrine",
    "opioid": "morphine oxycodone hydrocodone codeine tramadol tapentadol fentanyl methadone hydromorphone oxymorphone "
    "buprenorphine meperidine pethidine",
    "opioid-other-than-morphine": "oxycodone hydrocodone codeine tramadol tapentadol fentanyl methadone hydromorphone "
    "oxymorphone buprenorphine meperidine pethidine",
    "meperidine": "meperidine pethidine",
    # nerves and mind
    "gabapentinoid": "gabapentin pregabalin",
    "anticonvulsant": "gabapentin pregabalin carbamazepine oxcarbazepine topiramate lamotrigine levetiracetam "
    "lacosamide valproate valproic-acid divalproex clonazepam",
    "valproate": "valproate valproic-acid divalproex",
    "benzodiazepine": "diazepam lorazepam clonazepam alprazolam temazepam",
    "antianxiety": "diazepam clonazepam temazepam",
    "hypnotic": "zolpidem zopiclone eszopiclone",
    "antidepressant": "amitriptyline nortriptyline imipramine desipramine duloxetine venlafaxine milnacipran "
    "citalopram escitalopram fluoxetine fluvoxamine paroxetine sertraline bupropion nefazodone",
    "tricyclic": "amitriptyline nortriptyline imipramine desipramine",
    "snri": "duloxetine venlafaxine milnacipran",
    "ssri": "citalopram escitalopram fluoxetine fluvoxamine paroxetine sertraline",
    "maoi": "phenelzine tranylcypromine isocarboxazid moclobemide selegiline rasagiline safinamide linezolid "
    "methylene-blue recent-maoi",
    "antipsychotic": "haloperidol quetiapine olanzapine",
    "stimulant": "methylphenidate",
    # heart, kidneys and the rest
    "antihypertensive": "lisinopril enalapril ramipril losartan valsartan candesartan hydrochlorothiazide furosemide "
    "spironolactone amlodipine metoprolol verapamil",
    "ace-inhibitor": "lisinopril enalapril ramipril",
    "angiotensin-blocker": "losartan valsartan candesartan",
    "diuretic": "hydrochlorothiazide furosemide spironolactone",
    "corticosteroid": "prednisone prednisolone dexamethasone",
    "strong-cyp1a2-inhibitor": "fluvoxamine ciprofloxacin",
    "theophylline": "theophylline aminophylline",
    "ciclosporin": "ciclosporin cyclosporine",
    "sympathomimetic": "pseudoephedrine",
    # no rule reads these; a medicine of them is known, and so is none of the others
    "antidiabetic": "metformin insulin",
    "thyroid-hormone": "levothyroxine",
    "statin": "atorvastatin simvastatin",
    "acid-suppressant": "omeprazole",
}
"""Class -> its medicines. A medicine that is the only one of its own name needs no line."""
TOLD = {
    "med-migraine-cgrp": ("cgrp-medicine", "erenumab fremanezumab galcanezumab eptinezumab rimegepant atogepant"),
    "med-beers-muscle": (
        "muscle-relaxant",
        "carisoprodol chlorzoxazone cyclobenzaprine metaxalone methocarbamol orphenadrine",
    ),
    "med-duloxetine-maoi": ("maoi", "linezolid methylene-blue"),
    "med-tizanidine-contra": ("strong-cyp1a2-inhibitor", "fluvoxamine ciprofloxacin"),
    "ket-label-theophylline": ("theophylline", "theophylline aminophylline"),
    "med-antiseizure-precision": (
        "anticonvulsant",
        "gabapentin pregabalin carbamazepine lacosamide lamotrigine levetiracetam oxcarbazepine topiramate",
    ),
    "med-nice-cpp-antidepressant": (
        "antidepressant",
        "amitriptyline citalopram duloxetine fluoxetine paroxetine sertraline",
    ),
}
"""Record -> a class, and the members that its sentence names."""
PATCH = 2.4  # MME for each microgram an hour, which is 24 micrograms a day
FACTORS: dict[str, dict[str, float]] = {
    "morphine": {"oral": 1},
    "oxycodone": {"oral": 1.5},
    "hydrocodone": {"oral": 1},
    "codeine": {"oral": 0.15},
    "tramadol": {"oral": 0.2},
    "tapentadol": {"oral": 0.4},
    "fentanyl": {"patch": PATCH * 1000 / 24},
    "methadone": {"oral": 4.7},
    "hydromorphone": {"oral": 5},
    "oxymorphone": {"oral": 3},
}
"""Opioid -> the form that is reckoned, and MME for each mg of it."""


def faults_of_table(base: RuleBase) -> Iterator[str]:
    """Where the table of a base says otherwise than this page, a line each."""
    classes = {name for entry in base.medicines.values() for name in entry["classes"]}
    for name in sorted(classes | MEMBERS.keys()):
        found = {each for each, entry in base.medicines.items() if name in entry["classes"]}
        found |= {name} & base.medicines.keys()  # a medicine is one of its own name
        pinned = set(MEMBERS.get(name, name).split())
        yield from (f"{each} is no {name}" for each in sorted(pinned - found))
        yield from (f"{each} is {name}, too" for each in sorted(found - pinned))
    found_factors = {name: entry["mme"] for name, entry in base.medicines.items() if entry.get("mme")}
    for name in sorted(FACTORS.keys() | found_factors.keys()):
        found_factor, pinned_factor = _rounded(found_factors.get(name)), _rounded(FACTORS.get(name))
        if found_factor != pinned_factor:
            yield f"{name}: {found_factor} MME for each mg, and not {pinned_factor}"


def _rounded(factors: Any) -> dict[str, float]:
    return {form: round(factor, 6) for form, factor in (factors or {}).items()}


def _record(name: str) -> dict[str, Any]:
    pages = (yaml.safe_load(page.read_text(encoding="utf-8")) for page in sorted(EVIDENCE.glob("*.yaml")))
    found: dict[str, Any] = next(each for page in pages for each in page if each.get("id") == name)
    return found


def test_each_class_has_the_members_that_are_pinned_and_each_opioid_its_factor(compiled: Compiled) -> None:
    assert list(faults_of_table(compiled.base)) == []


def test_every_class_that_a_rule_reads_has_a_line(compiled: Compiled) -> None:
    base = compiled.base
    named = {name for entry in base.medicines.values() for name in entry["classes"]} - base.medicines.keys()
    read = {
        str(node[2])
        for each in compiled.tree.nodes
        if each.kind == "field"
        for node in nodes(each.tree)
        if node[0] in ("some", "total") and node[1] == "medicines"
    }
    assert sorted(named & read - MEMBERS.keys()) == []
    assert sorted(MEMBERS.keys() - named - base.medicines.keys()) == []


def test_the_members_that_records_name_are_pinned() -> None:
    for record, (name, members) in TOLD.items():
        statement = _record(record)["statement"].lower()
        for each in members.split():
            assert each.replace("-", " ") in statement, (record, each)
            assert each in MEMBERS[name].split(), (record, each)
    assert sorted(_record("med-migraine-cgrp")["data"]["drugs"]) == sorted(MEMBERS["cgrp-medicine"].split())


def test_the_factors_are_those_of_the_record() -> None:
    data = dict(_record("opi-mme-table")["data"])
    assert data.pop("fentanyl_transdermal_mcg_per_h") == PATCH
    assert data == {name: forms["oral"] for name, forms in FACTORS.items() if "oral" in forms}


def test_a_class_that_is_lost_or_gained_and_another_factor_are_told(compiled: Compiled) -> None:
    base = compiled.base
    changes: list[tuple[str, dict[str, Any], list[str]]] = [
        ("edoxaban", {"classes": []}, ["edoxaban is no anticoagulant"]),
        ("amlodipine", {"classes": ["antihypertensive", "diuretic"]}, ["amlodipine is diuretic, too"]),
        ("tramadol", {"mme": {"oral": 0.1}}, ["tramadol: {'oral': 0.1} MME for each mg, and not {'oral': 0.2}"]),
    ]
    for name, change, told in changes:
        medicines = {**base.medicines, name: {**base.medicines[name], **change}}
        assert list(faults_of_table(replace(base, medicines=medicines))) == told
