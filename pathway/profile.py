"""Profile: one person as known on one day.

Every field may be unknown, and unknown is never quietly a no. The model is the one place where a
field has its name, kind, range, unit and the question that asks for it: case files, JSON Schema,
blanks, forms, "what is missing" and the rule language all read it from here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Annotated, Any, Literal, TypeGuard
from unicodedata import category, normalize
from unicodedata import name as name_of_character

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    WrapValidator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from pathway.problem import near
from pathway.units import (
    HIGHEST_MG_PER_DAY,
    LONGEST_DAYS,
    UnitError,
    describe,
    parse_date,
    parse_dose,
    parse_duration,
    show,
)

YES, UNKNOWN, NO = 1, 0, -1
NOTHING_ELSE = "nothing else"
NONE = "none"
NEVER_ASKED = ("unknown", "not-known")
NO_NAMES = (
    "none", "no", "nil", "nothing", "nothing-else", "nothing-more", "no-other", "no-others", "not-any", "null", "n-a",
    "not-applicable",
)  # fmt: skip
"""What says that there is nothing, as `folded` has it; never the name of anything."""
BLANK = object()
"""Stands in a list for an item that was taken out, so that the others keep their places."""

LONGEST_LIST = 1_000
LONGEST_TEXT = 20_000
LONGEST_NAME = 200
MOST_SHOWN = 24
MOST_MEANT = 3  # values that a text may mean and that are still worth telling

SITES = {
    "head": "head", "face": "face or jaw", "neck": "neck", "shoulder": "shoulder", "arm": "arm or elbow",
    "hand": "wrist or hand", "chest": "chest", "upper-back": "upper back", "low-back": "low back",
    "abdomen": "abdomen", "pelvis": "pelvis", "hip": "hip", "knee": "knee", "leg": "leg or ankle",
    "foot": "foot", "missing-limb": "a limb that is no longer there", "widespread": "widespread",
}  # fmt: skip
CAUSES = {
    "malunited-fracture": "a bone that was not set correctly after a fracture",
    "torn-cartilage": "torn cartilage",
    "excessive-scar": "excessive scar tissue that distorts the tissue around it",
    "other-unhealed-damage": "other tissue damage that has not healed",
    "nerve-dysfunction": "nerves that signal pain with no injury, or after one has healed",
}
CONDITIONS = {
    "osteoarthritis": "osteoarthritis", "rheumatoid-arthritis": "rheumatoid arthritis (RA)",
    "migraine": "migraine", "fibromyalgia": "fibromyalgia", "phantom-limb-pain": "phantom limb pain",
    "post-surgical-pain": "post-surgical pain", "crps": "complex regional pain syndrome (CRPS)",
    "low-back-pain": "chronic low back pain", "neck-pain": "chronic neck pain",
    "radicular-pain": "radicular pain or sciatica", "neuropathic-pain": "neuropathic pain",
    "painful-diabetic-neuropathy": "painful diabetic neuropathy",
    "postherpetic-neuralgia": "postherpetic neuralgia", "trigeminal-neuralgia": "trigeminal neuralgia",
    "spinal-cord-injury-pain": "pain after spinal cord injury",
    "carpal-tunnel-syndrome": "carpal tunnel syndrome", "neuroma": "painful neuroma",
    "tension-type-headache": "tension-type headache",
    "medication-overuse-headache": "medication-overuse headache",
    "hemiplegic-or-basilar-migraine": "hemiplegic or basilar migraine",
    "chronic-primary-pain": "chronic primary pain (no other diagnosis explains it)",
    "abdominal-adhesions": "abdominal pain with adhesions",
    "ischaemic-pain": "pain from poor blood supply", "cancer-pain": "pain from cancer or its treatment",
}  # fmt: skip
MECHANISMS = {
    "nociceptive": "nociceptive: from damage to tissue other than nerve",
    "neuropathic": "neuropathic: from a lesion or disease of the nervous system",
    "nociplastic": "nociplastic: from altered nociception, with neither",
}
PROBLEMS = {
    "fatigue": "fatigue",
    "depression": "depression",
    "difficulty-thinking": "difficulty thinking clearly",
}
CARE = {
    "palliative-care": "palliative care",
    "hospice-care": "hospice or end-of-life care",
}
ILLNESSES = {
    # heart and vessels
    "unstable-angina": "unstable angina, or a heart attack in the last two days",
    "coronary-disease": "coronary heart disease", "recent-heart-attack": "a heart attack in the last months",
    "recent-bypass-surgery": "coronary bypass surgery now or just before",
    "heart-failure": "heart failure", "uncompensated-heart-failure": "heart failure that is not under control",
    "heart-rhythm-disorder": "a heart rhythm or conduction disorder, or heart block",
    "long-qt": "a long QT interval", "acute-heart-inflammation": "endocarditis, myocarditis or pericarditis",
    "severe-aortic-stenosis": "severe aortic stenosis",
    "aneurysm-or-brain-bleed": "an aneurysm, an aortic dissection or a bleed in the brain, now or in the past",
    "stroke-or-tia": "a stroke or TIA, now or in the past",
    "peripheral-vascular-disease": "peripheral vascular disease", "ischaemic-bowel": "ischaemic bowel disease",
    "thrombosis-or-embolism": "a recent thrombosis or embolism",
    # blood, infection, immunity
    "bleeding-disorder": "a clotting or bleeding disorder",
    "bone-marrow-depression": "bone marrow depression, now or in the past",
    "systemic-infection": "an infection of the whole body",
    "skin-infection-at-site": "a skin infection where a needle or device would go",
    "joint-or-bone-infection": "an infection in or near the painful joint or bone",
    "immune-suppression": "immune suppression, by illness or medicine", "open-wound": "an open wound at the site",
    # lungs and breathing
    "sleep-apnoea": "sleep apnoea or other sleep-disordered breathing", "lung-disease": "chronic lung disease",
    "severe-respiratory-insufficiency": "severe trouble breathing (respiratory insufficiency or depression)",
    "severe-asthma": "acute or severe asthma",
    # liver, kidney, gut, metabolism
    "liver-disease": "liver disease that is not severe", "severe-liver-disease": "severe liver disease",
    "alcohol-misuse": "heavy drinking or alcohol misuse",
    "kidney-impairment": "kidney impairment", "severe-kidney-impairment": "severe kidney impairment",
    "kidney-stones": "kidney stones, now or in the past", "metabolic-acidosis": "metabolic acidosis",
    "peptic-ulcer": "a peptic ulcer or gut bleeding, now or in the past",
    "gut-obstruction": "an obstructed or paralysed gut",
    "diabetes": "diabetes", "poorly-controlled-diabetes": "diabetes that is poorly controlled",
    "hyperthyroidism": "an overactive thyroid", "porphyria": "porphyria",
    "urea-cycle-or-mitochondrial-disorder": "a urea cycle or POLG mitochondrial disorder",
    "malnutrition": "malnutrition", "urinary-retention": "retention of urine",
    "bladder-symptoms": "bladder pain or cystitis",
    # nerves, eyes, mind
    "epilepsy": "epilepsy or seizures", "head-injury": "a head injury",
    "raised-intracranial-pressure": "raised pressure in the skull", "glaucoma": "glaucoma or raised eye pressure",
    "narrow-angle-glaucoma": "narrow-angle glaucoma", "myasthenia-gravis": "myasthenia gravis",
    "active-psychosis": "active psychosis", "past-psychosis": "schizophrenia, or a psychosis in the past",
    "unresolved-psychiatric-illness": "a major psychiatric illness that is not resolved",
    "delirium-or-falls": "delirium, or falls",
    # opioids and other substances
    "opioid-use-disorder": "opioid use disorder", "substance-misuse": "active substance misuse",
    "past-substance-use-disorder": "a substance use disorder in the past",
    "past-overdose": "an overdose in the past",
    "lost-opioid-tolerance": "opioid tolerance lost not long ago, after a taper, a stay in hospital or prison",
    # bone, joints, spine
    "osteoporosis": "osteoporosis", "ununited-fracture": "a fracture that has not joined (nonunion)",
    "recent-fracture": "a recent fracture at the site", "fracture-in-joint": "a fracture inside the joint",
    "unstable-joint": "an unstable joint", "tendinopathy": "Achilles or patellar tendinopathy",
    "neck-instability": "instability, fracture or artery disease of the neck",
    "spinal-canal-obstruction": "an obstructed spinal canal, or pressure on the spinal cord",
    "correctable-nerve-compression": "nerve compression or spinal instability that surgery can correct",
    "neuropathy-at-site": "a neuropathy where the treatment would be given (block, massage)",
    "poor-surgical-risk": "a poor risk for surgery, as a surgeon judges it",
    # what the scope speaks of
    "active-cancer": "active cancer", "past-cancer": "cancer in the past",
    "sickle-cell-disease": "sickle cell disease",
}  # fmt: skip
ALLERGIES = {
    "nsaid-or-aspirin": "aspirin or an NSAID (asthma, hives or another reaction)",
    "acetaminophen": "acetaminophen (paracetamol)", "opioid": "an opioid", "ketamine": "ketamine",
    "local-anaesthetic": "a local anaesthetic", "steroid": "a steroid for injection",
    "contrast": "contrast medium", "tricyclic": "a tricyclic antidepressant", "duloxetine": "duloxetine",
    "carbamazepine": "carbamazepine", "gabapentinoid": "gabapentin or pregabalin", "topiramate": "topiramate",
    "valproate": "valproate", "benzodiazepine": "a benzodiazepine", "cyclobenzaprine": "cyclobenzaprine",
    "tizanidine": "tizanidine", "baclofen": "baclofen", "methocarbamol": "methocarbamol",
    "carbamate": "a carbamate such as carisoprodol or meprobamate", "ziconotide": "ziconotide",
    "triptan": "a triptan", "cgrp-medicine": "a CGRP medicine",
    "angioedema": "angioedema in the past, whatever caused it",
}  # fmt: skip
DEVICES = {
    "stimulator": "a spinal cord stimulator", "pump": "a pain pump",
    "pacemaker-or-defibrillator": "a pacemaker or defibrillator",
    "joint-prosthesis": "a prosthesis in the painful joint",
}  # fmt: skip
ASSESSMENTS = {
    "psychological-assessment": "a psychological assessment before an implant",
    "multidisciplinary-assessment": "an assessment by a multidisciplinary pain team",
    "implant-talk": "a talk about benefits, risks and alternatives of the implant",
    "opioid-reduction": "an attempt to reduce opioids, slowly",
    "pump-trial": "a trial of the medicine into the spinal canal",
    "ecg": "an ECG", "liver-tests": "liver tests", "kidney-tests": "kidney function tests",
    "hla-b-1502-test": "a test for HLA-B*1502", "blood-count": "a blood count",
    "electrolytes": "electrolytes and QT review",
    "prescription-monitoring-check": "a check of the prescription monitoring programme",
    "opioid-goals": "goals for pain and function, and a plan for stopping, before an opioid",
    "opioid-tolerance": "opioid tolerance established (a week or longer on 60 mg of oral morphine a day, or its like)",
    "opioid-risk-review": "a review of opioid risks, mental health included",
    "naloxone-offered": "naloxone offered", "fasting-plan": "fasting and an escort home arranged",
    "suicide-question": "a direct question about suicide",
    "depression-screen": "a screen for depression (PHQ-2 or PHQ-9)",
    "consent": "consent to the procedure",
}  # fmt: skip
RED_FLAGS = {
    # spine
    "bladder-or-bowel-change": "new trouble passing or holding urine or stool",
    "saddle-numbness": "numbness or changed feeling around the anus, perineum or genitals",
    "weakness-of-both-legs": "new weakness or numbness of both legs",
    "new-sexual-dysfunction": "new sexual dysfunction with the pain",
    "sciatica-of-both-legs": "sciatica of both legs",
    "progressive-leg-weakness": "severe or worsening leg weakness or numbness, or trouble walking, with spinal pain",
    "root-pain": "new pain that shoots along a nerve root",
    "new-spinal-pain": "spinal pain that is new or has changed",
    "unexplained-weight-loss": "weight loss that nothing explains",
    "unrelenting-night-pain": "pain at night that nothing eases",
    "pain-at-several-sites-of-spine": "spinal pain at several sites, or a new deformity of the spine",
    "fever": "fever, chills or shivering",
    "injected-drugs": "drugs injected, now or not long ago",
    "recent-bacterial-infection": "a bacterial infection or penetrating wound not long ago",
    "major-trauma": "sudden pain after major trauma",
    "minor-trauma": "sudden pain after minor trauma or heavy lifting",
    "recent-spinal-procedure": "an injection, implant, catheter or operation at the spine not long ago",
    # head
    "thunderclap-headache": "a headache that reached its worst at once",
    "new-headache": "a headache that is new, or whose pattern has changed",
    "headache-with-neurological-signs": "headache with a neurological deficit, drowsiness or a swollen optic disc",
    "headache-on-straining-or-posture": "headache brought on by coughing, straining or posture",
    "headache-after-trauma": "headache after a blow to the head",
    "painful-red-eye": "a painful eye, or sudden blurred vision",
    "visual-loss": "new loss of vision", "jaw-pain-on-chewing": "pain in the jaw on chewing",
    "scalp-tenderness": "a tender scalp", "neck-stiffness": "a stiff neck",
    # joints, limbs, belly
    "hot-swollen-joint": "a hot, swollen joint",
    "lasting-joint-swelling": "joint swelling that lasts, with stiffness over 30 minutes in the morning",
    "sudden-cold-limb": "sudden limb pain with a pale, cold, pulseless, numb or paralysed limb",
    "sudden-belly-or-flank-pain": "belly, flank or back pain that is sudden or new, with collapse or a pulsing mass",
    "black-stool-or-vomiting-blood": "black stool, vomiting blood, or sudden severe belly pain",
    # what medicines and devices can do
    "confusion-or-slurred-speech": "confusion, drowsiness or slurred speech",
    "unresponsive-or-slow-breathing": "hard to wake, slow or no breathing, or blue lips",
    "chest-pain-or-breathlessness": "chest pain or breathlessness",
    "weakness-of-one-side": "weakness of one side",
    "swelling-of-face-or-throat": "swelling of the face, mouth or throat",
    "new-rash": "a rash since a medicine was begun",
    "seizure": "a seizure", "device-failure": "a pump alarm, or signs of withdrawal with a pump",
    # mind
    "suicidal-thoughts": "thoughts of suicide, a plan, or a recent attempt",
}  # fmt: skip
BLOOD_PRESSURE = {
    "normal": "normal",
    "controlled": "raised, under control",
    "uncontrolled": "raised, not under control",
    "severe": "180 systolic or 110 diastolic, or more, at rest",
}
TRIAL_STIMULATION = {"passed": "passed", "failed": "failed", "not-done": "not done"}
SEVERITY = {"mild": "mild", "moderate": "moderate", "severe": "severe"}
DISABILITY = {"none": "none", **SEVERITY}
HOW_OFTEN = {
    "never": "never", "some-days": "on some days", "most-days": "on most days", "every-day": "every day",
}  # fmt: skip
GENE_TEST = {"negative": "negative", "positive": "positive"}
FORMS = {
    "immediate-release": "immediate release", "extended-release": "extended release or long-acting",
    "patch": "patch", "topical": "cream, gel or plaster", "injection": "injection", "spinal": "into the spinal canal",
    "nasal-or-home": "nasal, or oral at home",
}  # fmt: skip
SEXES = {"female": "female", "male": "male", "other": "other"}
STATES = {"running": "still going on", "ended": "ended", "never": "never tried"}
RESULTS = {
    "helped": "it helped", "partly": "it helped partly", "failed": "it did not help",
    "not-tolerated": "it was not tolerated", "undone": "it was undone (taken out, or put back as it was)",
}  # fmt: skip

SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "illnesses.unstable-angina": ("angina",),
    "illnesses.coronary-disease": (
        "heart disease", "cardiac disease",
        "angina", "CAD", "CHD", "IHD", "coronary artery disease", "ischaemic heart disease", "heart attack", "MI",
        "myocardial infarction", "bypass surgery", "CABG", "coronary stent",
    ),
    "illnesses.recent-heart-attack": ("heart attack", "MI", "myocardial infarction", "STEMI", "NSTEMI"),
    "illnesses.recent-bypass-surgery": ("bypass surgery", "CABG"),
    "illnesses.heart-failure": ("heart disease", "cardiac disease", "CHF", "HF", "cardiac failure"),
    "illnesses.uncompensated-heart-failure": ("CHF", "HF", "cardiac failure"),
    "illnesses.heart-rhythm-disorder": (
        "heart disease", "cardiac disease", "AF", "afib", "atrial fibrillation", "arrhythmia", "heart block",
    ),
    "illnesses.long-qt": ("LQTS", "QT prolongation", "prolonged QT"),
    "illnesses.acute-heart-inflammation": ("endocarditis", "myocarditis", "pericarditis"),
    "illnesses.severe-aortic-stenosis": ("aortic stenosis",),
    "illnesses.aneurysm-or-brain-bleed": (
        "aneurysm", "aortic dissection", "brain bleed", "brain haemorrhage", "cerebral haemorrhage",
        "subarachnoid haemorrhage",
    ),
    "illnesses.stroke-or-tia": ("stroke", "TIA", "CVA", "transient ischaemic attack", "cerebral infarction"),
    "illnesses.peripheral-vascular-disease": ("PAD", "PVD", "peripheral artery disease", "peripheral arterial disease"),
    "illnesses.thrombosis-or-embolism": ("DVT", "VTE", "PE", "blood clot", "thrombosis", "embolism", "embolus"),
    "illnesses.bleeding-disorder": ("haemophilia", "von Willebrand"),
    "illnesses.systemic-infection": ("sepsis", "septicaemia"),
    "illnesses.joint-or-bone-infection": ("osteomyelitis", "septic arthritis"),
    "illnesses.immune-suppression": ("immunosuppression", "immunosuppressed", "immunocompromised"),
    "illnesses.sleep-apnoea": ("OSA", "apnoea"),
    "illnesses.lung-disease": ("COPD", "chronic obstructive pulmonary disease", "chronic bronchitis", "emphysema"),
    "illnesses.severe-respiratory-insufficiency": ("respiratory failure", "respiratory depression"),
    "illnesses.liver-disease": ("cirrhosis", "hepatitis", "hepatic impairment", "liver impairment"),
    "illnesses.severe-liver-disease": (
        "cirrhosis", "hepatic impairment", "liver impairment", "liver failure", "portal hypertension",
    ),
    "illnesses.alcohol-misuse": (
        "alcoholism", "alcoholic", "alcohol abuse", "alcohol dependence", "alcohol use disorder", "heavy drinker",
    ),
    "illnesses.kidney-impairment": (
        "CKD", "chronic kidney disease", "kidney disease", "renal disease", "renal impairment", "renal insufficiency",
    ),
    "illnesses.severe-kidney-impairment": (
        "CKD", "chronic kidney disease", "kidney disease", "renal disease", "renal impairment", "renal insufficiency",
        "kidney failure", "renal failure", "dialysis", "ESRD",
    ),
    "illnesses.kidney-stones": ("renal stones", "nephrolithiasis"),
    "illnesses.peptic-ulcer": ("ulcer", "GI bleed", "gut bleed", "gastrointestinal bleeding", "stomach bleed"),
    "illnesses.gut-obstruction": ("bowel obstruction", "intestinal obstruction", "ileus"),
    "illnesses.diabetes": ("diabetic", "T1DM", "T2DM"),
    "illnesses.poorly-controlled-diabetes": ("diabetic", "T1DM", "T2DM"),
    "illnesses.hyperthyroidism": ("hyperthyroid", "thyrotoxicosis"),
    "illnesses.malnutrition": ("malnourished",),
    "illnesses.epilepsy": ("epileptic", "seizure", "convulsions"),
    "illnesses.head-injury": ("TBI", "brain injury", "concussion"),
    "illnesses.raised-intracranial-pressure": ("raised ICP", "intracranial hypertension"),
    "illnesses.glaucoma": ("ocular hypertension",),
    "illnesses.narrow-angle-glaucoma": ("angle closure",),
    "illnesses.active-psychosis": ("psychosis", "psychotic", "schizophrenia"),
    "illnesses.past-psychosis": ("psychosis", "psychotic", "schizophrenia", "schizophrenic"),
    "illnesses.opioid-use-disorder": ("OUD", "opioid addiction", "opioid dependence", "opioid abuse", "heroin"),
    "illnesses.substance-misuse": (
        "SUD", "addiction", "drug abuse", "drug misuse", "substance abuse", "substance use disorder",
    ),
    "illnesses.past-substance-use-disorder": ("SUD", "addiction", "substance use disorder"),
    "illnesses.past-overdose": ("overdose",),
    "illnesses.ununited-fracture": ("nonunion",),
    "illnesses.active-cancer": (
        "cancer", "malignancy", "carcinoma", "leukaemia", "lymphoma", "melanoma", "myeloma", "sarcoma", "metastases",
        "metastatic", "chemotherapy",
    ),
    "illnesses.past-cancer": (
        "cancer", "malignancy", "carcinoma", "leukaemia", "lymphoma", "melanoma", "myeloma", "sarcoma",
    ),
    "illnesses.sickle-cell-disease": ("sickle cell",),
    "conditions.rheumatoid-arthritis": ("RA",),
    "conditions.osteoarthritis": ("OA",),
    "conditions.low-back-pain": ("lower back pain", "LBP"),
    "conditions.radicular-pain": ("sciatica", "radiculopathy"),
    "conditions.post-surgical-pain": ("failed back surgery syndrome", "FBSS"),
    "conditions.crps": ("complex regional pain syndrome", "RSD"),
    "conditions.postherpetic-neuralgia": ("PHN",),
    "conditions.painful-diabetic-neuropathy": ("diabetic neuropathy",),
    "pain.sites.low-back": ("lower back",),
    "problems.depression": ("MDD",),
    "problems.difficulty-thinking": ("brain fog",),
    "blood_pressure.controlled": (
        "hypertension", "hypertensive", "high blood pressure", "raised blood pressure", "HTN",
    ),
    "blood_pressure.uncontrolled": (
        "hypertension", "hypertensive", "high blood pressure", "raised blood pressure", "HTN",
    ),
    "devices.stimulator": ("SCS", "neurostimulator"),
    "devices.pacemaker-or-defibrillator": ("pacemaker", "defibrillator", "ICD", "AICD"),
    "devices.joint-prosthesis": ("joint replacement", "artificial joint"),
    "care.palliative-care": ("palliative", "terminally ill", "terminal illness"),
    "care.hospice-care": ("hospice", "end of life", "terminally ill", "terminal illness"),
    "pregnancy": ("pregnant", "pregnancy"),
    "age": ("years old",),
    "sex": ("gender",),
    "kidney_function": ("eGFR", "GFR", "creatinine clearance", "renal function"),
    "conditions": ("diagnosis", "diagnoses"),
    "illnesses": ("comorbidity", "comorbidities", "medical history"),
    "trials": ("tried", "treatments", "therapies", "past treatments"),
    "medicines": ("medications", "meds", "drugs", "prescriptions"),
    "assessments": ("checks", "tests", "labs", "investigations"),
    "fertility.breastfeeding": ("breastfeeding", "breast feeding", "lactating"),
    "red_flags.suicidal-thoughts": ("suicide", "suicidal", "self harm"),
    "red_flags.seizure": ("seizure", "convulsions"),
    "red_flags.injected-drugs": ("IV drug use",),
    "red_flags.black-stool-or-vomiting-blood": ("melaena",),
    "red_flags.saddle-numbness": ("saddle anaesthesia", "cauda equina"),
    "red_flags.bladder-or-bowel-change": ("cauda equina",),
    "medicines.insulin": ("insulin pump",),
    "allergies.local-anaesthetic": ("lidocaine", "lignocaine", "bupivacaine", "ropivacaine", "mepivacaine", "procaine"),
    "allergies.steroid": ("triamcinolone", "methylprednisolone", "betamethasone", "cortisone", "hydrocortisone"),
    "allergies.contrast": ("contrast dye",),
}  # fmt: skip
"""Everyday names and abbreviations of what the vocabularies name otherwise; one name may mean any of several."""
NAMESAKES = (
    "diabetes insipidus", "hay fever", "chronic fatigue syndrome", "pulmonary hypertension", "mouth ulcer", "leg ulcer",
    "foot ulcer", "pressure ulcer", "vagus nerve stimulator", "deep brain stimulator",
)  # fmt: skip
"""What holds a word that is known here, and is another thing."""


def problem(kind: str, message: str, help: str = "") -> PydanticCustomError:
    """The error a validator raises: `kind` is a Problem kind; braces in the text are kept as they are."""
    return PydanticCustomError(kind, "{message}", {"message": message, "help": help})


def folded(text: str) -> str:
    """A name as it is compared: what looks alike is alike.

    Case, accents, invisible characters and wide letters are put aside; whatever stands between words is one hyphen.

    >>> folded("Skin_infection \u2013 at site")
    'skin-infection-at-site'
    """
    plain = normalize("NFKD", normalize("NFKD", text).casefold())
    return _BETWEEN_WORDS.sub("-", "".join(c for c in plain if category(c) not in ("Cf", "Mn"))).strip("-")


def mixes_alphabets(text: str) -> bool:
    """Whether letters of several alphabets, such as Latin and Cyrillic, stand in one word."""
    words = _BETWEEN_WORDS.split(normalize("NFKD", text))
    return any(
        len({name_of_character(c, "?").split()[0] for c in word if c.lower() != c.upper()}) > 1 for word in words
    )


_BETWEEN_WORDS = re.compile(r"[\W_]+")
_SMALL_WORDS = frozenset((
    "an", "and", "any", "are", "as", "at", "by", "for", "from", "has", "have", "in", "is", "it", "its", "now", "of",
    "on", "or", "other", "some", "that", "the", "this", "to", "was", "were", "with",
))  # fmt: skip
_SINGULAR = re.compile(r"(?<=..[^\Wisu_])s$")


def words_of(text: str) -> frozenset[str]:
    """The words that make a name what it is: folded, in one spelling and number, without the small ones.

    >>> sorted(words_of("Seizures and sleep apnoea"))
    ['apnea', 'seizure', 'sleep']
    """
    words = (_SINGULAR.sub("", word).replace("ae", "e").replace("oe", "e") for word in folded(text).split("-"))
    return frozenset(word for word in words if len(word) > 1 and word not in _SMALL_WORDS)


def most_telling(names: Iterable[frozenset[str]]) -> list[frozenset[str]]:
    """The names that are no part of another one: of hay fever and fever, hay fever."""
    every = list(dict.fromkeys(names))
    return [name for name in every if not any(name < other for other in every)]


def meant_by(text: str) -> list[tuple[str, str]]:
    """The fields, each with its value, that a text may mean by everyday names; a field alone has no value.

    >>> meant_by("severe COPD")
    [('illnesses', 'lung-disease')]
    """
    told, words = synonyms(), words_of(text)
    return list(dict.fromkeys(home for name in most_telling(n for n in told if n <= words) for home in told[name]))


@cache
def synonyms() -> Mapping[frozenset[str], list[tuple[str, str]]]:
    """SYNONYMS by the words of each name; the namesakes have no home."""
    told: dict[frozenset[str], list[tuple[str, str]]] = {words_of(name): [] for name in NAMESAKES}
    for home, names in SYNONYMS.items():
        path, _, value = home.rpartition(".")
        for name in names:
            told.setdefault(words_of(name), []).append((path, value) if path in fields() else (home, ""))
    return told


def never_asked(value: object) -> bool:
    """Whether a value says that nobody knows: null, `unknown` or `not known`, however it is spelt."""
    return value is None or (_is_short(value) and folded(value) in NEVER_ASKED)


def says(value: object, word: str) -> bool:
    """Whether a value is one of the words that speak of a whole list, however it is spelt."""
    return _is_short(value) and folded(value) == folded(word)


def _is_short(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and len(value) <= LONGEST_NAME


# ---- what the reader makes of one value ----


def _units(parse: Callable[[object], Any]) -> Callable[[object], Any]:
    def read(value: object) -> Any:
        if never_asked(value):
            return None
        try:
            return parse(value)
        except UnitError as error:
            raise problem(error.kind, error.message, error.help) from None

    return read


def _tri(value: object) -> bool | None:
    if never_asked(value):
        return None
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in ("yes", "no"):
        return value.strip().lower() == "yes"
    said = show(value) if isinstance(value, str | int | float) else describe(value)
    raise problem("wrong-type", f"{said} is neither yes, no nor unknown", "write yes, no or unknown")


def _number(low: float, high: float, what: str, whole: bool = False) -> Callable[[object], float | None]:
    def read(value: object) -> float | None:
        if never_asked(value):
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            shown = f" ({show(value)})" if isinstance(value, str) and value.strip() else ""
            raise problem("wrong-type", f"a number was expected, not {describe(value)}{shown}", what)
        if not low <= value <= high:
            raise problem("out-of-range", f"{value} is outside the range from {low:g} to {high:g}", what)
        if whole and value != int(value):
            raise problem("wrong-type", f"{value} is not a whole number", what)
        return float(value)

    return read


def _age(value: object) -> float | None:
    if isinstance(value, str) and (match := re.fullmatch(r"\s*([0-9]{1,9})(?: years?)?\s*", value, re.IGNORECASE)):
        value = int(match[1])
    return _number(0, 120, "give whole years, from 0 to 120", whole=True)(value)


def _one_of(vocabulary: Mapping[str, str]) -> Callable[[object], str | None]:
    def read(value: object) -> str | None:
        if never_asked(value):
            return None
        if isinstance(value, str) and value in vocabulary:
            return value
        raise unknown_value(value, vocabulary)

    return read


def unknown_value(value: object, vocabulary: Iterable[str], more: str = "") -> PydanticCustomError:
    """The error for a value outside a vocabulary, with the nearest one as help."""
    values = list(vocabulary)
    known = "one of: " + ", ".join(values) if len(values) <= MOST_SHOWN else "`pathway schema case` lists them all"
    if not isinstance(value, str):
        said = f"one word was expected, not {describe(value)}"
        return problem("wrong-type", said, known + more)
    home = next((name for name, listed in _VOCABULARIES.items() if value in listed), None)
    meant = [] if home or not _is_short(value) else meant_by(value)
    mine = [f'"{name}"' for _, name in meant if name in values]
    if not meant and not home:
        mine = [f'"{name}"' for name in _alike(value, values)]
    guess = " or ".join(mine)
    if meant and not mine:
        home = " or ".join(f"{path} as {name}" if name else path for path, name in meant)
    hint = f'"{value}" belongs under {home};  ' if home else f"did you mean {guess}?  " if guess else ""
    return problem("unknown-value", f"{show(value)} is not a value known here", hint + known + more)


def _alike(text: str, values: Sequence[str]) -> list[str]:
    """The values that a text may mean: those whose words it holds, or is one of, or else the one spelt most like it.

    What shares only its last word is another thing: heart disease is no liver disease.
    """
    words = words_of(text)
    told = ((value, words_of(value)) for value in values)
    held = [value for value, its in told if its and words and (its <= words or words < its)]
    if held and len(held) <= MOST_MEANT:
        return held
    close = near(text, values)
    if close is None:
        return []
    others = words_of(close)
    return [close] if len(words) < 2 or all(near(word, others) for word in words) else []  # noqa: PLR2004  several


def _text(most: int, what: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if not isinstance(value, str):
            help = "put quotes around it" if isinstance(value, int | float) else f"write {what}"
            raise problem("wrong-type", f"{what} was expected, not {describe(value)}", help)
        if len(value) > most:
            said = f"this has {len(value):,} characters, but {most:,} is the most that is read here"
            raise problem("too-large", said, "shorten it; a long note belongs under story")
        text = value.replace("\r\n", "\n").strip()
        if match := _CONTROL.search(text):
            said = f"the invisible character U+{ord(match[0]):04X} is not allowed here"
            raise problem("control-character", said, "delete it; it often comes along when text is pasted")
        return text

    return read


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_read_story = _text(LONGEST_TEXT, "a text")
_read_line = _text(LONGEST_NAME, "a line of text")
_read_name = _text(LONGEST_NAME, "a name")


def _story(value: object) -> str | None:
    return None if never_asked(value) else _read_story(value)


def _line(value: object) -> str | None:
    return None if never_asked(value) else " ".join(_read_line(value).split())


def _name(value: object) -> str:
    text = "" if value is None else " ".join(_read_name(value).split())
    if not folded(text):
        raise problem("missing-field", "this has no name", "write the name of one thing")
    if folded(text) in NO_NAMES:
        raise problem("unknown-value", f"{show(value)} is not the name of anything", _NONE_HELP)
    return text


def _treatment(value: object) -> str:
    if never_asked(value):
        help = "leave the trial out, and leave the list open: nobody knows which treatment it was of"
        raise problem("missing-field", "a trial is a trial of one treatment", help)
    return _name(value)


_NONE_HELP = f"to say that there is none, write `none` in place of the whole list; `{NOTHING_ELSE}` ends a list"


# ---- lists ----


@dataclass(frozen=True, slots=True)
class Known:
    """An open or closed set: what is there, what is not, what nobody asked.

    `present` holds values of the vocabulary; `others` free text that no rule knows.
    A closed set ("nothing else") denies all that it leaves out.
    """

    present: tuple[str, ...] = ()
    closed: bool = False
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Records:
    """An open or closed list of records (causes, trials, medicines, red flags), in the order written."""

    items: tuple[Any, ...] = ()
    closed: bool = False
    at: tuple[int, ...] = ()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items)

    def numbered(self) -> Iterator[tuple[int, Any]]:
        """Each record with its place in the list as it was written."""
        return zip(self.at, self.items, strict=True)


def as_list(value: object) -> list[Any]:
    """The items that a list field was given: `none` and [] close it, one bare word is a list of one."""
    if never_asked(value):
        return []
    if says(value, NONE) or value == []:
        return [NOTHING_ELSE]
    if isinstance(value, str | dict):
        return [value]
    if not isinstance(value, list):
        help = 'write [a, b], "none", or [a, nothing else] when that is all'
        raise problem("wrong-type", f"a list was expected, not {describe(value)}", help)
    if len(value) > LONGEST_LIST:
        said = f"this list has {len(value):,} items, but {LONGEST_LIST:,} is the most that is read"
        raise problem("too-large", said, "a case is one person; give each person a file of their own")
    return value


def _set_of(vocabulary: Mapping[str, str]) -> Any:
    def item(value: object) -> tuple[str, str]:
        if isinstance(value, dict) and set(value) == {"other"}:
            if never_asked(value["other"]):
                help = "write `unknown` as an item of its own, or leave the list open"
                raise problem("unknown-value", "what nobody knows has no name here", help)
            return ("other", _name(value["other"]))
        if isinstance(value, str) and value in vocabulary:
            return ("present", value)
        more = "; write {other: …} for one that is not listed"
        if says(value, NONE):
            raise problem("unknown-value", '"none" cannot stand inside a list', _NONE_HELP)
        raise unknown_value(value, vocabulary, more)

    words = [*vocabulary, NOTHING_ELSE]
    other = {
        "type": "object",
        "properties": {"other": {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME}},
        "required": ["other"],
        "additionalProperties": False,
    }
    schema = {
        "description": "A list; end it with `nothing else` when that is all. `none` or [] when there is none.",
        "anyOf": [{"enum": [NONE, *words, *_NOBODY_KNOWS]}, other, _array({"enum": [*words, *_NOBODY_KNOWS]}, other)],
        "values": dict(vocabulary),
    }
    return _known(item, Kind("set", values=vocabulary), schema)


def _set_of_names() -> Any:
    def item(value: object) -> tuple[str, str]:
        return ("present", _name(value).lower())

    return _known(item, Kind("set"), {"anyOf": [{"type": ["string", "null"]}, _array({"type": ["string", "null"]})]})


def _known(item: Callable[[object], tuple[str, str]], kind: Kind, schema: dict[str, Any]) -> Any:
    def read(value: object) -> tuple[str, str]:
        if value is BLANK or never_asked(value):
            return ("blank", "")
        return ("closed", "") if says(value, NOTHING_ELSE) else item(value)

    def collect(items: list[tuple[str, str]]) -> Known:
        present = dict.fromkeys(value for said, value in items if said == "present")
        others = dict.fromkeys(value for said, value in items if said == "other")
        return Known(tuple(present), ("closed", "") in items, tuple(others))

    return Annotated[
        list[Annotated[Any, AfterValidator(read)]],
        BeforeValidator(as_list),
        AfterValidator(collect),
        WithJsonSchema(schema),
        kind,
    ]


def _array(*items: dict[str, Any]) -> dict[str, Any]:
    one = items[0] if len(items) == 1 else {"anyOf": list(items)}
    return {"type": "array", "items": one, "maxItems": LONGEST_LIST, "uniqueItems": True}


def _plain_names(value: object) -> list[Any]:
    return [] if says(value, NONE) or value == [] else as_list(value)


def _lower_name(value: object) -> str:
    return "" if value is BLANK or never_asked(value) else _name(value).lower()


@dataclass(frozen=True, eq=False, slots=True)
class Kind:
    """What a field is, told in its annotation beside what reads it: rules, forms and blanks go by this."""

    name: Literal["number", "choice", "tri", "set", "records", "date", "text"]
    unit: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    record: type[_Record] | None = None
    most: float = 0.0
    whole: bool = False


_NOBODY_KNOWS = ["unknown", "not known", None]
_VOCABULARIES = {
    "pain.sites": SITES,
    "causes": CAUSES,
    "conditions": CONDITIONS,
    "problems": PROBLEMS,
    "illnesses": ILLNESSES,
    "allergies": ALLERGIES,
    "devices": DEVICES,
    "care": CARE,
    "assessments": ASSESSMENTS,
    "pain.mechanisms": MECHANISMS,
    "red_flags": RED_FLAGS,
}


def _or_unknown(schema: dict[str, Any], **more: Any) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [schema, {"enum": _NOBODY_KNOWS}], **more})


def _choice(vocabulary: Mapping[str, str]) -> Any:
    schema = WithJsonSchema({"enum": [*vocabulary, *_NOBODY_KNOWS], "values": dict(vocabulary)})
    return Annotated[str | None, BeforeValidator(_one_of(vocabulary)), schema, Kind("choice", values=vocabulary)]


Tri = Annotated[
    bool | None,
    BeforeValidator(_tri),
    WithJsonSchema({"enum": ["yes", "no", True, False, *_NOBODY_KNOWS]}),
    Kind("tri"),
]
Duration = Annotated[
    float | None,
    BeforeValidator(_units(parse_duration)),
    _or_unknown(
        {"type": "string", "pattern": r"^\s*[0-9][^-%]*[A-Za-z]\s*$"}, examples=["3 months", "10 weeks"], unit="days"
    ),
    Kind("number", unit="days", most=LONGEST_DAYS),
]
Dose = Annotated[
    float | None,
    BeforeValidator(_units(parse_dose)),
    _or_unknown({"type": "string", "pattern": r"^\s*[0-9][^-%]*[A-Za-z]\s*$"}, examples=["40 mg/day"], unit="mg/day"),
    Kind("number", unit="mg/day", most=HIGHEST_MG_PER_DAY),
]
Day = Annotated[
    date | None,
    BeforeValidator(_units(parse_date)),
    _or_unknown(
        {"type": "string", "format": "date", "pattern": r"^\s*[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\s*$"}
    ),
    Kind("date"),
]
Score = Annotated[
    float | None,
    BeforeValidator(_number(0, 10, "give the 0-10 rating; a 0-100 mark divided by ten")),
    _or_unknown({"type": "number", "minimum": 0, "maximum": 10}, unit="0-10"),
    Kind("number", unit="0-10", most=10),
]
Age = Annotated[
    float | None,
    BeforeValidator(_age),
    _or_unknown(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": 120},
                {"type": "string", "pattern": r"^\s*[0-9]{1,3}( [Yy][Ee][Aa][Rr][Ss]?)?\s*$"},
            ]
        },
        unit="years",
    ),
    Kind("number", unit="years", most=120, whole=True),
]


def _count(most: int, unit: str, help: str, whole: bool = False) -> Any:
    schema = _or_unknown({"type": "integer" if whole else "number", "minimum": 0, "maximum": most}, unit=unit)
    kind = Kind("number", unit=unit, most=most, whole=whole)
    return Annotated[float | None, BeforeValidator(_number(0, most, help, whole)), schema, kind]


Line = Annotated[
    str | None,
    BeforeValidator(_line),
    WithJsonSchema({"type": ["string", "null"], "maxLength": LONGEST_NAME}),
    Kind("text"),
]
Text = Annotated[
    str | None,
    BeforeValidator(_story),
    WithJsonSchema({"type": ["string", "null"], "maxLength": LONGEST_TEXT}),
    Kind("text"),
]
Treatment = Annotated[
    str, BeforeValidator(_treatment), WithJsonSchema({"type": "string", "minLength": 1}), Kind("choice")
]
MedicineName = Annotated[
    str, BeforeValidator(_name), WithJsonSchema({"type": "string", "minLength": 1}), Kind("choice")
]
Names = Annotated[
    tuple[Annotated[str, BeforeValidator(_lower_name)], ...],
    BeforeValidator(_plain_names),
    AfterValidator(lambda names: tuple(dict.fromkeys(name for name in names if name))),
    WithJsonSchema({"anyOf": [{"type": ["string", "null"]}, _array({"type": ["string", "null"]})]}),
]


def ask(question: str, *, description: str = "", **default: Any) -> Any:
    """A field that can be asked for: the question, and what it means. Its kind stands in its annotation."""
    shown = {"question": question} if question else {}
    told = default or {"default": None}
    return Field(**told, description=description or None, json_schema_extra={"asked": True, **shown})


class Group(BaseModel):
    """Base of the profile and its parts: frozen, and refusing fields it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, defer_build=True)


class _Part(Group):
    """A group within the profile; `unknown` and a blank stand for one with nothing filled in."""

    @model_validator(mode="before")
    @classmethod
    def _nothing_known(cls, value: object) -> object:
        if never_asked(value):
            return {}
        if not isinstance(value, dict | cls):
            help = "fields here: " + ", ".join(cls.model_fields)
            raise problem("wrong-type", f"a group of fields was expected, not {describe(value)}", help)
        return value


class _Record(Group):
    """An item of a list of records; a bare word stands for the record with only that key."""

    @model_validator(mode="before")
    @classmethod
    def _bare_word(cls, value: object) -> object:
        if isinstance(value, str):
            return {key_of(cls): value}
        if not isinstance(value, dict | cls):
            said = f"a record or a word was expected, not {describe(value)}"
            raise problem("wrong-type", said, f"write {{{key_of(cls)}: …}}")
        return value


def key_of(record: type[BaseModel]) -> str:
    """The field that a bare word stands for: the first of a record."""
    return next(iter(record.model_fields))


def _records_of(record: type[_Record]) -> Any:
    def read(value: object, handler: Callable[[object], Any]) -> Any:
        if value is BLANK or never_asked(value):
            return BLANK
        if says(value, NOTHING_ELSE):
            return NOTHING_ELSE
        if says(value, NONE):
            raise problem("unknown-value", '"none" cannot stand inside a list', _NONE_HELP)
        return handler(value)

    def collect(items: list[Any]) -> Records:
        kept = [(i, item) for i, item in enumerate(items) if item is not BLANK and item != NOTHING_ELSE]
        return Records(tuple(item for _, item in kept), NOTHING_ELSE in items, tuple(i for i, _ in kept))

    info = record.model_fields[key_of(record)]
    values = next(kind.values for kind in info.metadata if isinstance(kind, Kind))
    return Annotated[
        list[Annotated[record, WrapValidator(read)]],  # type: ignore[valid-type]
        BeforeValidator(as_list),
        AfterValidator(collect),
        Kind("records", values=values, record=record),
    ]


class Cause(_Record):
    """One way the pain came about, and whether it can be corrected."""

    kind: _choice(CAUSES) = ask("What caused the pain?", description="Which of the causes it is.")  # type: ignore[valid-type]
    correctable: Tri = ask("Can this cause be corrected in this person?", description="A specialist's judgement.")


class Trial(_Record):
    """One trial of one treatment. Trials are listed oldest first; all of one treatment's are listed."""

    treatment: Treatment = ask("", description="An option of the pathway, or a medicine.", default=...)
    medicine: Line = ask("Which medicine was it?", description="The medicine, where the treatment is a class of them.")
    state: _choice(STATES) = ask(  # type: ignore[valid-type]
        "Is it still going on, or has it ended?", description="running, ended, or never (it was not tried)."
    )
    result: _choice(RESULTS) = ask(  # type: ignore[valid-type]
        "How did it go?", description="helped, partly, failed or not-tolerated."
    )
    adequate: Tri = ask(
        "Was it long and strong enough to judge?",
        description="Worked out from the duration where the treatment has a measure; say it to overrule that.",
    )
    duration: Duration = ask("How long was it tried?")
    dose: Dose = ask("What was the highest daily dose?")
    began: Day = ask("When did it begin?")
    ended: Day = ask("When did it end?")
    note: Text = Field(default=None, description="Anything worth keeping; no rule reads it.")


class Medicine(_Record):
    """A medicine taken now."""

    medicine: MedicineName = ask(
        "What kind of medicine is it?", description="The medicine's name, or its class.", default=...
    )
    dose: Dose = ask("What is the daily dose?", description="Amount and how often; as needed counts in full.")
    form: _choice(FORMS) = ask("In what form is it taken?")  # type: ignore[valid-type]
    helps: Tri = ask(
        "Does it help the pain or function?",
        description="Whether it is worth taking on; that nothing more is needed is told by a trial that helped.",
    )
    note: Text = Field(default=None, description="Anything worth keeping; no rule reads it.")


class RedFlag(_Record):
    """A warning sign: present, or looked for and excluded."""

    finding: _choice(RED_FLAGS) = ask("Which warning sign?")  # type: ignore[valid-type]
    excluded: Tri = ask("Was it assessed and excluded?", description="yes when a professional looked and ruled it out.")
    by: Line = Field(default=None, description="Who excluded it.")
    on: Day = ask("When was it excluded?")


class Peg(_Part):
    """The PEG scale: three ratings from 0 to 10."""

    pain: Score = ask("What number best describes pain on average in the past week?")
    enjoyment: Score = ask("In the past week, how much has pain interfered with enjoyment of life?")
    activity: Score = ask("In the past week, how much has pain interfered with general activity?")


class Pain(_Part):
    """The pain itself."""

    duration: Duration = ask("How long has the pain lasted?", description="Time since it began; exact days.")
    began: Day = ask("When did the pain begin?", description="Instead of a duration; needs as_of.")
    sites: _set_of(SITES) = ask("Where is the pain?", default_factory=Known)  # type: ignore[valid-type]
    intensity: Score = ask("How strong is the usual pain, from 0 to 10?")
    peg: Peg = Field(default_factory=Peg, description="The PEG items.")
    mechanisms: _set_of(MECHANISMS) = ask(  # type: ignore[valid-type]
        "Which mechanisms does the pain have?",
        default_factory=Known,
        description="A clinician's judgement; several may hold.",
    )
    limits_activity: _choice(HOW_OFTEN) = ask(  # type: ignore[valid-type]
        "How often has pain limited life or work in the past 3 months?"
    )
    neuropathic_features: Tri = ask(
        "Does the pain have neuropathic features?",
        description="Burning, shooting, numbness, tingling, pain from light touch.",
    )


class Pregnancy(_Part):
    """What goes with a pregnancy that is, or could be."""

    lasted: Duration = ask("How far is the pregnancy?", description="From the last period, in weeks.")
    possible: Tri = ask("Could the person become pregnant?")
    contraception: Tri = ask("Is effective contraception used?")
    breastfeeding: Tri = ask("Is the person breastfeeding?")


class Mood(_Part):
    """Screens for depression."""

    phq2: _count(6, "0-6", "give the sum of the two items, from 0 to 6", whole=True) = ask("What is the PHQ-2 score?")  # type: ignore[valid-type]
    phq9: _count(27, "0-27", "give the sum of the nine items, from 0 to 27", whole=True) = ask(  # type: ignore[valid-type]
        "What is the PHQ-9 score?"
    )
    item9: _count(3, "0-3", "give the answer to item 9, from 0 to 3", whole=True) = ask(  # type: ignore[valid-type]
        "What was the answer to PHQ-9 item 9 (thoughts of death or self-harm)?"
    )


class Headache(_Part):
    """How often the head aches, and how often medicine is taken for it."""

    days: _count(31, "days a month", "give days a month, from 0 to 31") = ask(  # type: ignore[valid-type]
        "On how many days a month is there headache?"
    )
    medicine_days: _count(31, "days a month", "give days a month, from 0 to 31") = ask(  # type: ignore[valid-type]
        "On how many days a month is medicine taken to stop a headache?"
    )
    disability: _choice(DISABILITY) = ask("How much do the headaches disable?")  # type: ignore[valid-type]


class Injections(_Part):
    """Steroid injections already had, and an operation that is planned."""

    same_joint: _count(50, "in 12 months", "give how many in the last 12 months") = ask(  # type: ignore[valid-type]
        "How many steroid injections has this joint had in the last 12 months?"
    )
    since_last: Duration = ask("How long ago was the last steroid injection into this joint?")
    joint_replacement_soon: Tri = ask("Is this joint to be replaced within the next 3 months?")


class Stimulator(_Part):
    """What is known for a spinal cord stimulator."""

    trial: _choice(TRIAL_STIMULATION) = ask("How did a trial stimulation go?")  # type: ignore[valid-type]
    can_operate: Tri = ask("Can the person operate the device?")
    needs_diathermy: Tri = ask("Does the person need diathermy (heat by radio waves or ultrasound)?")
    needs_mri: Tri = ask("Will the person foreseeably need an MRI?")


class Profile(Group):
    """One person on one day."""

    title: Line = Field(default=None, description="A line to know the case by.")
    story: Text = Field(default=None, description="The case in words; no rule reads it.")
    as_of: Day = Field(default=None, description="The day on which this is known; needed as soon as a date is given.")
    age: Age = ask("How old is the person?")
    sex: _choice(SEXES) = ask("What is the person's sex?")  # type: ignore[valid-type]
    pregnancy: Tri = ask("Is the person pregnant?")
    fertility: Pregnancy = Field(
        default_factory=Pregnancy, description="What goes with a pregnancy that is, or could be."
    )
    care: _set_of(CARE) = ask("Is the person in one of these kinds of care?", default_factory=Known)  # type: ignore[valid-type]
    red_flags: _records_of(RedFlag) = ask(  # type: ignore[valid-type]
        "Which warning signs are there?", default_factory=Records, description="Emergencies that end the walk."
    )
    pain: Pain = Field(default_factory=Pain, description="The pain itself.")
    causes: _records_of(Cause) = ask(  # type: ignore[valid-type]
        "What caused the pain?", default_factory=Records, description="`none` when no cause was found."
    )
    conditions: _set_of(CONDITIONS) = ask("Which pain conditions have been diagnosed?", default_factory=Known)  # type: ignore[valid-type]
    problems: _set_of(PROBLEMS) = ask("Which of these problems go with the pain?", default_factory=Known)  # type: ignore[valid-type]
    mood: Mood = Field(default_factory=Mood, description="Screens for depression.")
    headache: Headache = Field(default_factory=Headache, description="How often the head aches.")
    joint_damage: _choice(SEVERITY) = ask("How severe is the osteoarthritis of the joint on imaging?")  # type: ignore[valid-type]
    trials: _records_of(Trial) = ask(  # type: ignore[valid-type]
        "Which treatments have been tried, and how did they go?", default_factory=Records, description="Oldest first."
    )
    illnesses: _set_of(ILLNESSES) = ask("Which other illnesses does the person have?", default_factory=Known)  # type: ignore[valid-type]
    allergies: _set_of(ALLERGIES) = ask("Which allergies does the person have?", default_factory=Known)  # type: ignore[valid-type]
    devices: _set_of(DEVICES) = ask("Which of these devices does the person have?", default_factory=Known)  # type: ignore[valid-type]
    blood_pressure: _choice(BLOOD_PRESSURE) = ask(  # type: ignore[valid-type]
        "Is blood pressure normal, raised but controlled, or uncontrolled?",
        description="A clinician's judgement; no source of these rules draws one line for all.",
    )
    kidney_function: _count(250, "mL/min", "give creatinine clearance or eGFR in mL/min") = ask(  # type: ignore[valid-type]
        "What is the kidney function (creatinine clearance or eGFR)?"
    )
    hla_b_1502: _choice(GENE_TEST) = ask("What did the HLA-B*1502 test show?")  # type: ignore[valid-type]
    medicines: _records_of(Medicine) = ask(  # type: ignore[valid-type]
        "Which medicines does the person take now?", default_factory=Records, description="With the daily dose."
    )
    assessments: _set_of(ASSESSMENTS) = ask(  # type: ignore[valid-type]
        "Which of these have been done?", default_factory=Known, description="What some treatments need first."
    )
    injections: Injections = Field(default_factory=Injections, description="Steroid injections into the joint.")
    stimulator: Stimulator = Field(default_factory=Stimulator, description="What a stimulator needs.")
    declined: _set_of_names() = ask("Which treatments does the person decline?", default_factory=Known)  # type: ignore[valid-type]
    denied: Names = Field(
        default_factory=tuple,
        alias="not",
        description="Single things known not to be there, in a list that is otherwise open.",
    )
    unasked: Names = Field(
        default_factory=tuple,
        alias="unknown",
        description="Single things nobody asked about, in a list that is otherwise closed.",
    )

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The JSON Schema (2020-12) of what the reader takes: bare words, `none`, and `unknown` for anything."""
        made = super().model_json_schema(*args, **kwargs)
        for name, group in (("", made), *made.get("$defs", {}).items()):
            for field_name, schema in group["properties"].items():
                schema.pop("asked", None)
                if ref := schema.pop("$ref", None):
                    schema["anyOf"] = [{"$ref": ref}, {"enum": _NOBODY_KNOWS}]
                if schema.get("type") == "array" and not name:
                    _open_up(schema, record_of(field_name))
        return made


def _open_up(schema: dict[str, Any], record: type[_Record] | None) -> None:
    """Let a list of records be what a case may write for it: one record, a bare word, `none`, `unknown`."""
    if record is None:
        return
    one = schema.pop("items")
    # By reference, so that whoever narrows the names of a record's key narrows its bare words too.
    word = {"$ref": f"{one['$ref']}/properties/{key_of(record)}"}
    array = {**_array(one, word, {"enum": [NOTHING_ELSE, *_NOBODY_KNOWS]}), "uniqueItems": False}
    del schema["type"]
    schema["anyOf"] = [array, one, word, {"enum": [NONE, NOTHING_ELSE, *_NOBODY_KNOWS]}]


@dataclass(frozen=True, slots=True)
class FieldType:
    """What the rule language, the forms and the tables know of one field; a number goes from 0 to `most`."""

    path: str
    kind: Literal["number", "choice", "tri", "set", "records", "date", "text"]
    question: str = ""
    description: str = ""
    unit: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    item: Mapping[str, FieldType] = field(default_factory=dict)
    most: float = 0.0
    whole: bool = False


@cache
def fields() -> Mapping[str, FieldType]:
    """Every field of the profile that can be asked for, by its path ("pain.duration"), in the model's order."""
    return dict(_walk_fields(Profile, ""))


def _walk_fields(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, FieldType]]:
    for name, info in model.model_fields.items():
        path = prefix + name
        if part := part_of(info):
            yield from _walk_fields(part, path + ".")
        extra = info.json_schema_extra
        kind = _kind_of(info)
        if kind is None or not isinstance(extra, dict) or "asked" not in extra:
            continue
        item = dict(_walk_fields(kind.record, "")) if kind.record else {}
        question, description = str(extra.get("question", "")), info.description or ""
        told = path, kind.name, question, description, kind.unit, kind.values, item, kind.most, kind.whole
        yield path, FieldType(*told)


def _kind_of(info: FieldInfo) -> Kind | None:
    return next((kind for kind in info.metadata if isinstance(kind, Kind)), None)


def part_of(info: FieldInfo) -> type[Group] | None:
    """The model of a field that is a group of fields, None for any other field."""
    annotation = info.annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, Group) else None


def record_of(field_name: str) -> type[_Record] | None:
    """The model of the records in a list field of the profile, None for any other field."""
    info = Profile.model_fields.get(field_name)
    kind = _kind_of(info) if info else None
    return kind.record if kind else None
