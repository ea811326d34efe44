import io
from collections import OrderedDict
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType

import pytest

import pathway
from pathway.problem import Problems


def told(call, *args, **options):
    with pytest.raises(Problems) as caught:
        call(*args, **options)
    return [(p.kind, p.place.source) for p in caught.value.items]


def test_a_mapping_a_file_and_a_stream_give_the_same_profile(tmp_path: Path):
    data = {"as_of": date(2026, 3, 2), "pain": {"began": date(2025, 3, 2)}, "trials": ("massage", "nothing else")}
    text = "as_of: 2026-03-02\npain: {began: 2025-03-02}\ntrials: [massage, nothing else]\n"
    file = tmp_path / "case.yaml"
    file.write_text(text, encoding="utf-8")
    from_mapping = pathway.read(data)
    assert from_mapping.source == "case.json"
    assert pathway.read(file).profile == pathway.read(str(file)).profile == from_mapping.profile
    assert pathway.read(io.BytesIO(text.encode())).profile == from_mapping.profile


def test_any_kind_of_mapping_is_taken():
    data = MappingProxyType({"pain": OrderedDict(duration="7 months")})
    assert pathway.read(data).profile.pain.duration == 213.0625


def test_the_day_may_be_given_beside_the_case():
    assert pathway.read({"pain": {"began": "2025-03-02"}}, as_of=date(2025, 3, 3)).profile.pain.duration == 1


@pytest.mark.parametrize("value", [{1, 2}, b"7 months", object(), complex(1, 2), Path("a")])
def test_what_no_case_file_could_say_is_refused_and_never_turned_into_text(value):
    assert told(pathway.read, {"title": value}) == [("wrong-type", "case.json")]


def test_a_mapping_that_holds_itself_is_refused():
    data: dict = {}
    data["pain"] = data
    assert told(pathway.read, data) == [("wrong-type", "case.json")]


def test_nesting_without_end_is_refused():
    data: dict = {}
    for _ in range(100_000):
        data = {"pain": data}
    assert told(pathway.read, data) in ([("wrong-type", "case.json")], [("too-deep", "case.json")])


def test_numbers_that_are_none_and_moments_that_are_no_days_are_refused():
    assert told(pathway.read, {"age": float("nan")}) == [("bad-number", "case.json")]
    assert told(pathway.read, {"as_of": datetime(2026, 3, 2)}) == [("bad-date", "case.json")]
    assert told(pathway.read, {"title": "\ud800"}) == [("lone-surrogate", "case.json")]


def test_a_missing_file_is_told():
    assert told(pathway.read, "nobody.yaml") == [("not-found", "nobody.yaml")]


def test_rules_are_loaded_once_and_again_under_a_policy():
    plain = pathway.load_rules()
    assert pathway.load_rules() is plain
    assert pathway.load_rules(policy={}) is plain
    assert pathway.load_rules(policy={"therapies-exhausted-at": 2}) is plain
    changed = pathway.load_rules(policy={"therapies-exhausted-at": 3})
    assert changed.policies["therapies-exhausted-at"] == 3
    assert pathway.load_rules(policy={"therapies-exhausted-at": 3}) is changed
    assert plain.policies["therapies-exhausted-at"] == 2


def test_a_wrong_policy_is_told():
    assert told(pathway.load_rules, policy={"therapies-exhausted-at": 9, "x": 1}) == [
        ("out-of-range", "policy.json"),
        ("unknown-policy", "policy.json"),
    ]
    assert told(pathway.load_rules, policy={"x": object()}) == [("wrong-type", "policy.json")]


def test_a_folder_without_rules_is_told(tmp_path: Path):
    assert {kind for kind, _ in told(pathway.load_rules, tmp_path)} == {"not-found"}


def test_a_case_is_walked_under_the_rules_that_are_given():
    case = pathway.read({"pain": {"duration": "5 months"}})
    assert pathway.walk(case).ending.reason != "not-chronic"
    strict = pathway.load_rules(policy={"chronic-after": "6 months"})
    assert pathway.walk(case, strict).ending.reason == "not-chronic"


def test_the_public_names_are_there():
    assert all(getattr(pathway, name) is not None for name in pathway.__all__)
    with pytest.raises(AttributeError):
        _ = pathway.nobody
