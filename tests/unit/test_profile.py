import subprocess
import sys
import warnings
from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from pathway.problem import KINDS
from pathway.profile import (
    BLANK,
    LONGEST_LIST,
    NAMESAKES,
    NOTHING_ELSE,
    SYNONYMS,
    Cause,
    Group,
    Known,
    Medicine,
    Profile,
    Records,
    RedFlag,
    Trial,
    fields,
    folded,
    meant_by,
    mixes_alphabets,
    most_telling,
    record_of,
    words_of,
)

ROOT = Path(__file__).parents[2]
NOBODY_KNOWS = [None, "unknown", "Unknown", "UNKNOWN ", "not known"]


def profile(**data):
    return Profile.model_validate(data)


def refused(data):
    with pytest.raises(ValidationError) as caught:
        Profile.model_validate(data)
    return [(".".join(map(str, entry["loc"])), entry["type"]) for entry in caught.value.errors()]


def test_nothing_given_leaves_everything_unknown():
    empty = profile()
    assert empty.pain.sites == empty.illnesses == empty.declined == Known()
    assert empty.trials == empty.red_flags == Records()
    assert (empty.age, empty.pregnancy, empty.pain.duration, empty.denied) == (None, None, None, ())


@pytest.mark.parametrize("value", NOBODY_KNOWS)
def test_unknown_may_stand_for_every_field_and_is_never_a_no(value):
    def blank(model):
        made = {}
        for name, info in model.model_fields.items():
            part = info.annotation
            inside = isinstance(part, type) and issubclass(part, Group)
            made[info.alias or name] = blank(part) if inside else value
        return made

    assert Profile.model_validate(blank(Profile)) == Profile()
    assert Profile.model_validate(dict.fromkeys(blank(Profile), value)) == Profile()
    assert profile(red_flags=[{"finding": value, "excluded": value}]).red_flags.items == (RedFlag(),)
    assert not profile(illnesses=["diabetes", value]).illnesses.closed


def test_yes_and_no_are_read_in_any_case_of_letters():
    assert [profile(pregnancy=v).pregnancy for v in (True, False, "yes", "No", " YES ")] == [
        True,
        False,
        True,
        False,
        True,
    ]


NEITHER: list[object] = [1, 0, "y", "maybe", [], {}, 1.0]


@pytest.mark.parametrize("value", NEITHER)
def test_what_is_neither_yes_nor_no_is_refused(value):
    assert refused({"pregnancy": value}) == [("pregnancy", "wrong-type")]


def test_a_list_is_open_until_it_says_that_it_is_whole():
    assert profile(illnesses=["diabetes"]).illnesses == Known(("diabetes",))
    assert profile(illnesses=["diabetes", NOTHING_ELSE]).illnesses == Known(("diabetes",), True)
    assert profile(illnesses=["diabetes", "Nothing Else"]).illnesses == Known(("diabetes",), True)
    for spelt in ("Nothing  Else", "nothing_else", "nothing\u200b else."):
        assert profile(illnesses=["diabetes", spelt]).illnesses == Known(("diabetes",), True)
    assert profile(illnesses="none").illnesses == profile(illnesses=[]).illnesses == Known((), True)
    assert profile(illnesses="diabetes").illnesses == Known(("diabetes",))
    assert profile(illnesses=[{"other": "Gout"}]).illnesses == Known((), False, ("Gout",))


def test_a_record_may_be_a_bare_word_or_stand_without_a_list():
    for given in ("massage", ["massage"], {"treatment": "massage"}, [{"treatment": "massage"}]):
        assert profile(trials=given).trials == Records((Trial(treatment="massage"),), False, (0,))
    assert profile(trials=["massage", NOTHING_ELSE]).trials == Records((Trial(treatment="massage"),), True, (0,))
    assert profile(causes="none").causes == Records((), True, ())


def test_records_keep_the_place_at_which_they_were_written():
    listed = profile(medicines=[NOTHING_ELSE, None, "warfarin", BLANK, "aspirin"]).medicines
    assert [(i, medicine.medicine) for i, medicine in listed.numbered()] == [(2, "warfarin"), (4, "aspirin")]
    assert listed.closed


def test_closing_words_belong_to_the_list_and_not_to_a_record():
    assert refused({"causes": [{"kind": NOTHING_ELSE}]}) == [("causes.0.kind", "unknown-value")]
    assert refused({"medicines": ["none"]}) == [("medicines.0", "unknown-value")]
    assert refused({"illnesses": ["none"]}) == [("illnesses.0", "unknown-value")]


def test_names_are_kept_as_written_where_they_are_shown_and_lowered_where_they_are_compared():
    made = profile(medicines=[" Warfarin  sodium "], declined=["Massage"], **{"not": ["Glaucoma"]})
    assert [m.medicine for m in made.medicines] == ["Warfarin sodium"]
    assert (made.declined.present, made.denied) == (("massage",), ("glaucoma",))


@pytest.mark.parametrize("word", ["none", "No", "nil", "nothing", "Nothing  else", "nothing-more", "n/a", "NIL."])
def test_what_says_that_there_is_nothing_is_the_name_of_nothing(word):
    assert refused({"illnesses": [{"other": word}]}) == [("illnesses.0", "unknown-value")]
    assert refused({"medicines": [{"medicine": word}]}) == [("medicines.0.medicine", "unknown-value")]


@pytest.mark.parametrize(
    ("word", "kind"), [("unknown", "unknown-value"), ("Not  Known", "unknown-value"), ("?", "missing-field")]
)
def test_what_nobody_knows_is_no_other_illness(word, kind):
    assert refused({"illnesses": [{"other": word}, NOTHING_ELSE]}) == [("illnesses.0", kind)]


def test_names_are_compared_without_what_the_eye_passes_over():
    spelt = ("Skin infection", "skin_infection", "SKIN \u2013 infection", "skín infection.")
    assert {folded(text) for text in spelt} == {"skin-infection"}
    assert folded("sk\u200bin\u00ad-infection") == folded("\uff33kin infection") == "skin-infection"
    assert mixes_alphabets("gl\u0430ucoma") and mixes_alphabets("warf\u03b1rin")
    assert not any(
        map(mixes_alphabets, ("\u03b2-thalassaemia", "C\u578b\u809d\u708e", "\u0431\u043e\u043b\u044c", "caf\u00e9 2"))
    )


def test_names_are_the_same_words_in_either_spelling_and_number():
    assert words_of("Strokes or TIAs") == words_of("a stroke, and TIA") == {"stroke", "tia"}
    assert words_of("sleep apnea") == words_of("Sleep-Apnoea") != words_of("apnoea")
    assert words_of("diabetes") == words_of("Diabetes")
    assert words_of("in the") == frozenset()
    fever, hay = words_of("fever"), words_of("hay fever")
    assert most_telling([fever, hay, words_of("gout")]) == [hay, words_of("gout")]


def test_every_everyday_name_means_a_value_or_a_field_and_is_found_again():
    assert len(SYNONYMS) >= 70
    for home, names in SYNONYMS.items():
        path, _, value = home.rpartition(".")
        values = fields()[path].values if path in fields() else {}
        assert home in fields() or not values or value in values, home
        for name in names:
            assert (path, value) in meant_by(name) or (home, "") in meant_by(name), name
    assert not any(meant_by(name) for name in NAMESAKES)


@pytest.mark.parametrize(
    ("field", "value", "help"),
    [
        ("illnesses", "OSA", 'did you mean "sleep-apnoea"?'),
        ("illnesses", "chronic kidney disease", 'did you mean "kidney-impairment" or "severe-kidney-impairment"?'),
        ("illnesses", "pacemaker", '"pacemaker" belongs under devices as pacemaker-or-defibrillator'),
        ("devices", "SCS", 'did you mean "stimulator"?'),
        ("care", "hospice", 'did you mean "hospice-care"?'),
        ("blood_pressure", "high blood pressure", 'did you mean "controlled" or "uncontrolled"?'),
        ("illnesses", "glaukoma", 'did you mean "glaucoma"?'),
    ],
)
def test_an_everyday_name_is_met_with_the_value_that_it_means(field, value, help):
    with pytest.raises(ValidationError) as caught:
        profile(**{field: value if field == "blood_pressure" else [value]})
    assert caught.value.errors()[0]["ctx"]["help"].startswith(help)


def test_the_scores_of_a_phq_are_whole_numbers():
    assert profile(mood={"phq9": 12.0, "item9": 1}).mood.phq9 == 12
    for name in ("phq2", "phq9", "item9"):
        assert refused({"mood": {name: 1.5}}) == [(f"mood.{name}", "wrong-type")]


def test_texts_are_texts_and_nothing_else():
    no_texts: list[object] = [1, True, [], {}, ["a"]]
    for value in no_texts:
        assert refused({"title": value, "story": value}) == [("title", "wrong-type"), ("story", "wrong-type")]
    assert profile(title=" a\n b ").title == "a b"
    assert profile(story="a\r\n\tb\n").story == "a\n\tb"
    assert profile(story="s" * 20_000).story == "s" * 20_000
    assert refused({"title": "t" * 201, "story": "s" * 20_001}) == [("title", "too-large"), ("story", "too-large")]
    assert refused({"title": "\x1b[2J", "story": "a\x00b"}) == [
        ("title", "control-character"),
        ("story", "control-character"),
    ]


def test_strange_numbers_are_refused():
    for value in (float("nan"), float("inf"), -1, 10.5, 10**400, -(10**400)):
        assert refused({"pain": {"intensity": value}}) == [("pain.intensity", "out-of-range")]
    no_numbers: list[object] = ["7", True, [7], {}]
    for wrong in no_numbers:
        assert refused({"pain": {"intensity": wrong}}) == [("pain.intensity", "wrong-type")]
    assert refused({"age": "٤٤ years"}) == refused({"age": "² years"}) == [("age", "wrong-type")]
    assert [profile(age=a).age for a in (44, 44.0, "44 years", "44", "1 Year")] == [44, 44, 44, 44, 1]


def test_a_list_longer_than_any_person_s_is_refused():
    assert refused({"trials": ["massage"] * (LONGEST_LIST + 1)}) == [("trials", "too-large")]
    assert len(profile(trials=["massage"] * LONGEST_LIST).trials.items) == LONGEST_LIST


def test_days_are_taken_as_texts_and_as_days():
    assert profile(as_of=date(2026, 3, 2)) == profile(as_of="2026-03-02")


def test_the_errors_have_kinds_that_are_explained_and_paths_of_fields_only():
    nonsense: list[object] = [3, True, "x", [], {}, [3], [[3]], {"x": 3}, [{"x": 3}], [None]]
    for value in nonsense:
        for name, info in Profile.model_fields.items():
            try:
                Profile.model_validate({info.alias or name: value})
            except ValidationError as error:
                for entry in error.errors():
                    assert entry["type"] in KINDS or entry["type"] in ("missing", "extra_forbidden")
                    assert all(isinstance(s, int) or s.replace("_", "").isalnum() for s in entry["loc"]), entry["loc"]


# ---- what rules and forms go by ----


def test_every_field_says_its_kind():
    kinds = {path: (kind.kind, kind.unit) for path, kind in fields().items()}
    assert kinds["age"] == ("number", "years")
    assert kinds["sex"] == ("choice", "")
    assert kinds["pregnancy"] == kinds["pain.neuropathic_features"] == ("tri", "")
    assert kinds["pain.duration"] == ("number", "days")
    assert kinds["pain.began"] == ("date", "")
    assert kinds["pain.peg.activity"] == ("number", "0-10")
    assert kinds["conditions"] == kinds["declined"] == ("set", "")
    assert kinds["trials"] == kinds["medicines"] == ("records", "")
    assert "as_of" not in kinds
    assert "title" not in kinds


def test_every_field_of_a_record_says_its_kind():
    items = {name: {key: item.kind for key, item in fields()[name].item.items()} for name in ("trials", "red_flags")}
    assert items["red_flags"] == {"finding": "choice", "excluded": "tri", "on": "date"}
    assert items["trials"]["treatment"] == "choice"
    assert items["trials"]["medicine"] == "text"
    assert items["trials"]["dose"] == "number"
    assert items["trials"]["ended"] == "date"
    assert fields()["trials"].item["dose"].unit == "mg/day"


def test_lists_of_records_know_their_records_and_the_values_of_their_key():
    assert [record_of(n) for n in ("red_flags", "causes", "trials", "medicines")] == [RedFlag, Cause, Trial, Medicine]
    assert record_of("illnesses") is None
    assert record_of("nobody") is None
    assert fields()["causes"].values == fields()["causes"].item["kind"].values
    assert fields()["trials"].values == {}


def test_every_field_that_is_asked_for_has_a_question_or_is_the_key_of_a_record():
    asked = [*fields().values()] + [i for kind in fields().values() for i in kind.item.values()]
    assert {kind.path for kind in asked if not kind.question} == {"treatment"}
    assert all(kind.question.endswith("?") for kind in asked if kind.question)


# ---- the schema ----


def test_the_schema_is_made_without_a_warning_and_is_valid():
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped, unused-ignore]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = Profile.model_json_schema(by_alias=True)
    Draft202012Validator.check_schema(made)
    made["$defs"]["Trial"]["properties"]["treatment"]["enum"] = ["massage"]
    narrowed = Draft202012Validator(made)
    assert narrowed.is_valid({"trials": ["massage", {"treatment": "massage"}]})
    assert not narrowed.is_valid({"trials": ["masage"]})
    assert "enum" not in Profile.model_json_schema(by_alias=True)["$defs"]["Trial"]["properties"]["treatment"]


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"pain": None, "trials": "unknown", "as_of": "unknown", "age": "44 years", "not": None, "unknown": "none"},
        {"pain": {"peg": "unknown", "sites": "hand", "duration": "3 months", "intensity": "not known"}},
        {"as_of": "2026-03-02", "pain": {"began": "2025-03-02", "sites": ["hand", {"other": "tail"}, NOTHING_ELSE]}},
        {"trials": [], "medicines": "none", "red_flags": ["saddle-numbness", None, NOTHING_ELSE]},
        {"trials": {"treatment": "massage", "adequate": True, "dose": None}, "causes": "torn-cartilage"},
        {"pregnancy": False, "sex": "unknown", "conditions": ["unknown"], "declined": ["massage"], "title": None},
    ],
)
def test_the_schema_accepts_what_the_reader_accepts(data):
    from jsonschema import Draft202012Validator

    Profile.model_validate(data)
    Draft202012Validator(Profile.model_json_schema(by_alias=True)).validate(data)


def test_the_profile_is_imported_without_the_heavy_parts():
    heavy = "{'yaml', 'lark', 'click', 'durable', 'difflib', 'z3', 'polars'}"
    code = f"import sys, pathway.profile; print({heavy} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ran.stdout.strip() == "set()"
