import io
import shutil
from collections import OrderedDict
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

import pathway
from pathway.cache import bundled_rules
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


@pytest.mark.parametrize("source", [5, None, b"age: 4", ["a"], {1, 2}, io.StringIO("age: 44\n"), True])
def test_what_is_no_source_of_a_case_is_a_type_error_that_says_what_is_taken(source):
    with pytest.raises(TypeError, match="a file name, a stream opened for bytes, or a mapping"):
        pathway.read(source)


untyped: Any = pathway  # what somebody may call who checks no types


@pytest.mark.parametrize(
    ("call", "taken"),
    [
        (lambda: untyped.read({}, as_of="2020-01-01"), "a datetime.date"),
        (lambda: untyped.read({}, compiled={}), "what load_rules gives"),
        (lambda: untyped.walk({}), "a Case, which pathway.read gives"),
        (lambda: untyped.walk(untyped.read({}), "rules"), "what load_rules gives"),
        (lambda: untyped.load_rules(5), "the name of a folder"),
        (lambda: untyped.load_rules(policy="ab"), "a mapping of names and values"),
        (lambda: untyped.load_rules(policy=[("a", 1)]), "a mapping of names and values"),
    ],
)
def test_an_argument_of_another_type_is_a_type_error_that_says_what_is_taken(call, taken):
    with pytest.raises(TypeError, match=taken):
        call()


def test_a_folder_of_rules_that_is_not_there_is_told():
    assert told(pathway.load_rules, "nope") == [("not-found", "nope")]


def test_a_problem_of_a_folder_of_rules_is_placed_in_that_folder(tmp_path: Path):
    folder = tmp_path / "ours"
    shutil.copytree(bundled_rules(), folder)
    with (folder / "words" / "pain.yaml").open("a", encoding="utf-8") as stream:
        stream.write("- word: 5\n")
    assert {source for _, source in told(pathway.load_rules, folder)} == {f"{folder}/words/pain.yaml"}


def test_loaded_rules_are_shared_and_cannot_be_poisoned():
    for values in (untyped.load_rules().policy, untyped.load_rules().policies):
        with pytest.raises(TypeError):
            values["therapies-exhausted-at"] = 9
    assert pathway.load_rules().policies["therapies-exhausted-at"] == 2


def test_the_public_names_are_there():
    assert all(getattr(pathway, name) is not None for name in pathway.__all__)
    with pytest.raises(AttributeError):
        _ = pathway.nobody
