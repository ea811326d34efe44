import json
import re
from dataclasses import replace
from io import BytesIO

import pytest

from pathway.blank import Asked, Interview, blank
from pathway.cache import Compiled
from pathway.case import read_case
from pathway.profile import Profile, fields, record_of
from pathway.reading import read_document
from pathway.walks import Walk, walk_case


def walked(text: str, compiled: Compiled) -> Walk:
    return walk_case(read_case(BytesIO(text.encode()), compiled.base, name="case.yaml"), compiled)


def interviewed(compiled: Compiled, answers: dict[str, str]) -> Interview:
    """An interview in which these fields are answered and all others are not known."""
    interview = Interview(compiled)
    while (asked := interview.next()) is not None:
        fault = interview.take(asked, answers.get(asked.field, "?"))
        assert fault is None, (asked.field, fault)
    return interview


def answer(compiled: Compiled, field: str, said: str, data: dict | None = None) -> tuple[object, str | None]:
    """What one answer makes of the case, and the fault found in it."""
    interview = Interview(compiled, json.loads(json.dumps(data or {})))
    fault = interview.take(Asked("", field), said)
    value: object = interview.data
    for part in field.split("."):
        value = value.get(part) if isinstance(value, dict) else value
    return value, fault


# ---- the blank ----


def test_a_blank_that_nobody_filled_in_is_a_valid_case_that_walks(compiled: Compiled):
    walk = walked(blank(compiled.base), compiled)
    assert walk.ending.kind == "questions"
    assert walk.known == ()
    assert replace(walk, case="") == replace(walked("{}", compiled), case="")


def test_a_blank_has_a_line_for_every_field_of_the_profile_in_the_order_of_the_model(compiled: Compiled):
    data = read_document(BytesIO(blank(compiled.base).encode()), name="blank.yaml").data
    assert isinstance(data, dict)
    assert list(data) == [info.alias or name for name, info in Profile.model_fields.items()]
    assert list(data["pain"]) == list(Profile.model_fields["pain"].annotation.model_fields)  # type: ignore[union-attr]
    assert list(data["pain"]["peg"]) == ["pain", "enjoyment", "activity"]


def test_a_blank_tells_every_question_value_and_field_of_a_record(compiled: Compiled):
    text = " ".join(line.strip().lstrip("#").strip() for line in blank(compiled.base).splitlines())
    words = set(text.split())
    for path, kind in fields().items():
        assert kind.question in text, path
        assert kind.values.keys() <= words, path
        record = record_of(path)
        for name in record.model_fields if record else ():
            assert f"{name}:" in words, (path, name)


def test_a_blank_names_every_option_and_medicine_of_the_rule_base(compiled: Compiled):
    text = blank(compiled.base)
    declined = text[text.index("Which treatments does the person decline?") :]
    for option in compiled.base.options:
        assert re.search(rf"# +{option.option}\b", declined), option.option
    for name, entry in compiled.base.medicines.items():
        assert not entry.get("option") or name in text


def test_the_commented_examples_of_a_blank_are_valid_when_the_comment_marks_go(compiled: Compiled):
    lines = blank(compiled.base).splitlines()
    examples = [
        lines[i].removeprefix("# ")
        for start, line in enumerate(lines)
        if line == "# Example:"
        for i in range(start + 1, next(n for n in range(start + 1, len(lines)) if not lines[n].startswith("#")))
    ]
    walk = walked("\n".join(examples) + "\n", compiled)
    assert [said.field for said in walk.known] == ["red_flags", "causes", "medicines"]
    assert len(walk.trials) == 2
    assert all("nothing else" in "\n".join(lines) for lines in [examples])


def test_a_blank_explains_open_and_closed_lists_and_fits_a_page(compiled: Compiled):
    text = blank(compiled.base)
    for what in ("nothing else]", "conditions: none", "not: [glaucoma]", "unknown: [glaucoma]"):
        assert what in text.split("\n\n")[0]
    assert max(len(line) for line in text.splitlines()) <= 105


# ---- the interview ----


def test_the_first_question_is_about_danger_and_says_how_to_answer(compiled: Compiled):
    asked = Interview(compiled).next()
    assert asked is not None
    assert asked.field == "red_flags"
    assert "saddle-numbness" in asked.text
    assert "none" in asked.text
    assert '"?"' in asked.text


def test_an_interview_asks_only_what_still_matters(compiled: Compiled):
    short = interviewed(compiled, {"pain.duration": "6 weeks", "red_flags": "none"})
    assert "pain.duration" in short.put
    assert not {"declined", "causes", "allergies", "assessments", "blood_pressure"} & short.put
    chronic = interviewed(compiled, {"pain.duration": "7 months", "red_flags": "none", "causes": "none"})
    assert {"medicines", "declined", "illnesses"} <= chronic.put


def test_an_interview_in_which_nothing_is_known_ends_and_writes_an_empty_case(compiled: Compiled):
    interview = interviewed(compiled, {})
    assert interview.data == {}
    assert len(interview.unknown) == len(set(interview.unknown)) > 3
    assert replace(walked(interview.as_yaml(), compiled), case="") == replace(walked("{}", compiled), case="")


def test_an_interview_of_a_whole_case_comes_to_an_ending_without_questions(compiled: Compiled):
    answers = {
        "red_flags": "none", "pain.duration": "7 months", "causes": "none", "declined": "none", "illnesses": "none",
        "medicines": "none", "blood_pressure": "normal", "pregnancy": "no", "age": "45", "sex": "male", "care": "none",
        "conditions": "none", "allergies": "none", "pain.sites": "knee",
        "trials": "physical-therapy failed ended 10 weeks, massage failed ended 2 months;"
        " gabapentin failed ended 10 weeks 1800 mg/day, amitriptyline not tolerated ended",
    }  # fmt: skip
    walk = walked(interviewed(compiled, answers).as_yaml(), compiled)
    assert walk.ending.kind == "current"
    assert walk.ending.steps == ("ketamine",)


SAID = {
    "red_flags": ["none", "none", "saddle-numbness excluded", "?", "hot-swollen-joint excluded ..."],
    "pain.duration": ["7 months", "1 year 2 months", "92 days", "?"],
    "causes": ["none", "excessive-scar", "torn-cartilage, nerve-dysfunction ...", "?"],
    "declined": ["none", "iv-ketamine", "massage, opioid ...", "?"],
    "illnesses": ["none", "diabetes and glaucoma", "active-psychosis", "other: gout: the \"big\" toe #1", "?"],
    "medicines": ["none", "warfarin 5 mg daily", "heartsease, aspirin", "?"],
    "blood_pressure": ["normal", "uncontrolled", "?"],
    "pregnancy": ["no", "yes", "?"],
    "trials": ["none", "massage helped", "massage failed, gabapentin failed 10 weeks 1800 mg/day ...", "?"],
    "correctable": ["yes", "no", "?"], "state": ["ended", "running"], "result": ["failed", "helped", "?"],
    "adequate": ["yes", "?"], "duration": ["8 weeks", "?"], "dose": ["40 mg/day", "?"], "medicine": ["nsaid", "?"],
}  # fmt: skip


def choices_for(path: str) -> list[str]:
    """What may be said to a question: as above, else what fits the kind of the field."""
    name = path.rpartition("].")[2]
    if name in SAID:
        return SAID[name]
    kind = fields()[path] if path in fields() else fields()["medicines"].item[name]
    if kind.kind == "set":
        return ["none", next(iter(kind.values)), f"{next(iter(kind.values))} ...", "?"]
    if kind.kind == "choice":
        return [*list(kind.values)[:2], "?"]
    return {"tri": ["no", "?"], "number": ["5 weeks" if kind.unit == "days" else "1", "?"]}[kind.kind]


@pytest.mark.parametrize("seed", range(12))
def test_what_an_interview_writes_reads_back_to_the_same_walk(compiled: Compiled, seed: int):
    interview = Interview(compiled)
    while (asked := interview.next()) is not None:
        choices = choices_for(asked.field)
        fault = interview.take(asked, choices[(seed + 5 * len(interview.put)) % len(choices)])
        assert fault is None, (asked.field, fault)
    told = walked(json.dumps(interview.data), compiled)
    assert walked(interview.as_yaml(), compiled) == told


@pytest.mark.parametrize(
    ("field", "said", "value"),
    [
        ("illnesses", "none", "none"),
        ("illnesses", "diabetes, glaucoma", ["diabetes", "glaucoma", "nothing else"]),
        ("illnesses", "Diabetes and sleep apnoea", ["diabetes", "sleep-apnoea", "nothing else"]),
        ("illnesses", "diabetes, nothing else", ["diabetes", "nothing else"]),
        ("illnesses", "diabetes, ...", ["diabetes"]),
        ("illnesses", "diabetes…", ["diabetes"]),
        ("illnesses", "diabetes and maybe more", ["diabetes"]),
        ("illnesses", "other: gout", [{"other": "gout"}, "nothing else"]),
        ("red_flags", "saddle-numbness excluded", [{"finding": "saddle-numbness", "excluded": "yes"}, "nothing else"]),
        ("declined", "IV ketamine infusion", ["iv-ketamine", "nothing else"]),
        ("medicines", "gabapentin 600 mg three times a day, aspirin", [
            {"medicine": "gabapentin", "dose": "600 mg three times a day"}, "aspirin", "nothing else"]),
        ("pain.duration", "7 months", "7 months"),
        ("age", "54", 54),
        ("pain.intensity", "6.5", 6.5),
        ("pregnancy", "N", "no"),
        ("blood_pressure", "raised, under control", "controlled"),
    ],
)  # fmt: skip
def test_an_answer_becomes_what_a_case_file_would_say(compiled: Compiled, field: str, said: str, value: object):
    assert answer(compiled, field, said) == (value, None)


@pytest.mark.parametrize(
    ("said", "trial"),
    [
        ("massage helped", {"treatment": "massage", "result": "helped"}),
        ("physical therapy failed 10 weeks", {
            "treatment": "physical-therapy", "duration": "10 weeks", "result": "failed"}),
        ("Nerve block did not help", {"treatment": "nerve-block", "result": "failed"}),
        ("opioid not tolerated", {"treatment": "opioid", "result": "not-tolerated"}),
        ("stretching running for 3 weeks", {"treatment": "stretching", "duration": "3 weeks", "state": "running"}),
        ("gabapentin failed 600 mg three times a day 9 weeks", {
            "treatment": "gabapentin", "duration": "9 weeks", "dose": "600 mg three times a day", "result": "failed"}),
        ("massage 1 year and 2 months partly", {
            "treatment": "massage", "duration": "1 year and 2 months", "result": "partly"}),
    ],
)  # fmt: skip
def test_a_trial_is_told_in_a_simple_line(compiled: Compiled, said: str, trial: dict):
    value, fault = answer(compiled, "trials", said)
    assert fault is None
    assert value == [trial, "nothing else"]


@pytest.mark.parametrize(
    ("field", "said", "told"),
    [
        ("pain.duration", "7", "has no unit"),
        ("pain.intensity", "14", "from 0 to 10"),
        ("age", "old", "number was expected"),
        ("pregnancy", "perhaps so", "yes, no or unknown"),
        ("illnesses", "glaukoma", 'did you mean "glaucoma"'),
        ("declined", "masage", 'did you mean "massage"'),
        ("trials", "masage failed", 'did you mean "massage"'),
        ("trials", "massage wonderful", '"wonderful" is not understood'),
        ("red_flags", "headache", "is not a value known here"),
    ],
)
def test_an_answer_that_cannot_be_read_is_said_why_and_asked_again(
    compiled: Compiled, field: str, said: str, told: str
):
    interview = Interview(compiled)
    fault = interview.take(Asked("", field), said)
    assert fault is not None
    assert told in fault
    assert interview.data == {}
    assert field not in interview.put


@pytest.mark.parametrize("said", ["", "?", "unknown", "  ", "don't know"])
def test_not_known_writes_nothing_and_is_not_asked_again(compiled: Compiled, said: str):
    interview = Interview(compiled)
    asked = interview.next()
    assert asked is not None
    assert interview.take(asked, said) is None
    assert interview.data == {}
    following = interview.next()
    assert following is not None
    assert following.field != asked.field
    assert asked.field in interview.as_yaml()


LISTS = ("red_flags", "causes", "trials", "declined", "illnesses", "medicines")


@pytest.mark.parametrize("field", LISTS)
@pytest.mark.parametrize(
    "said",
    ["...", "…", ". . .", ".....", "and more", "more", "others", "and others", "..., ...", "perhaps more",
     "?, ?", "nothing else, ..."],
)  # fmt: skip
def test_an_answer_that_names_nothing_and_leaves_the_list_open_is_not_known(compiled: Compiled, field: str, said: str):
    interview = Interview(compiled)
    assert interview.take(Asked("", field), said) is None
    assert interview.data == {}
    assert interview.unknown == [field]


@pytest.mark.parametrize("field", LISTS)
@pytest.mark.parametrize(
    "said",
    [",", ",,,", ";", "and", "-", ".", ", and ,", "none ...", "none, ,", "no others", "no more",
     "nothing more", "not many"],
)  # fmt: skip
def test_an_answer_without_an_item_or_a_closing_word_is_asked_again(compiled: Compiled, field: str, said: str):
    interview = Interview(compiled)
    assert interview.take(Asked("", field), said)
    assert interview.data == {}
    assert interview.put == set()


@pytest.mark.parametrize("field", LISTS)
@pytest.mark.parametrize("said", ["none", "No", "nothing", "nothing else", "that is all", ", that's all"])
def test_only_a_closing_word_says_that_there_is_none(compiled: Compiled, field: str, said: str):
    assert answer(compiled, field, said) in (("none", None), (["nothing else"], None))


@pytest.mark.parametrize(
    "said", ["diabetes, ?", "diabetes, unknown", "diabetes, …", "diabetes....", "diabetes, others"]
)
def test_a_list_with_something_not_known_at_its_end_stays_open(compiled: Compiled, said: str):
    assert answer(compiled, "illnesses", said) == (["diabetes"], None)


def test_an_answer_about_one_record_of_a_list_goes_into_that_record(compiled: Compiled):
    interview = Interview(compiled, {"causes": ["torn-cartilage", {"kind": "excessive-scar"}]})
    assert interview.take(Asked("", "causes[0].correctable"), "yes") is None
    assert interview.take(Asked("", "causes[1].correctable"), "no") is None
    assert interview.data["causes"] == [
        {"kind": "torn-cartilage", "correctable": "yes"},
        {"kind": "excessive-scar", "correctable": "no"},
    ]


@pytest.mark.parametrize(
    ("named", "asked"),
    [
        ("opioid", '"opioid" stands for several medicines. Which of them is it?'),
        ("zzz", 'No rule knows a medicine called "zzz". Which class is it, or by which other name is it known?'),
    ],
)
def test_of_a_medicine_that_is_a_class_or_not_known_it_is_asked_which_it_is(compiled: Compiled, named: str, asked: str):
    answers = {"pain.duration": "7 months", "red_flags": "none", "causes": "none"}
    interview = Interview(compiled, {"medicines": [named]})
    texts: list[str] = []
    while (question := interview.next()) is not None:
        texts.append(question.text.splitlines()[0])
        assert interview.take(question, answers.get(question.field, "?")) is None
    assert asked in texts
    assert sum("Which" in text and f'"{named}"' in text for text in texts) == 1


@pytest.mark.parametrize(
    "text",
    ['a "b" \\ c', "x: y # z", "- a", "3", "true", "é😀", "tab\there", "a, b] }", "\u202eabc", "&a", "!!str", "~"],
)
def test_any_text_survives_the_way_through_the_yaml(compiled: Compiled, text: str):
    data = {"title": text, "illnesses": [{"other": text}, "nothing else"]}
    page = read_document(BytesIO(Interview(compiled, data).as_yaml().encode()), name="case.yaml")
    assert page.data == data
