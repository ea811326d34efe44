import json
from dataclasses import fields as fields_of
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest

import pathway
from pathway.blank import blank
from pathway.cache import Compiled, bundled_cases
from pathway.reading import read_document
from pathway.report.data import case_schema, render_json, to_json, walk_schema
from pathway.walks import SCHEMA, Walk

CASES = sorted(path for path in bundled_cases().iterdir() if path.suffix in (".yaml", ".json"))


def validator(schema: dict) -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def thinned(data: dict) -> dict:
    """A walk with one rule of twenty: they are all of one shape, and to check hundreds in each case takes minutes."""

    def few(told: dict) -> dict:
        return {**told, "rules": told["rules"][::20]}

    steps = [few({**step, "options": [few(option) for option in step["options"]]}) for step in data["steps"]]
    return {**data, "steps": steps, "beside": data["beside"][::20]}


def walked(compiled: Compiled, path: Path) -> Walk:
    return pathway.walk(pathway.read(path, compiled=compiled), compiled)


def test_there_are_cases_to_sweep():
    assert len(CASES) >= 20


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_json_of_every_case_fits_the_schema_of_walks(compiled: Compiled, path: Path):
    walk = walked(compiled, path)
    data = json.loads(render_json([walk]))
    validator(walk_schema()).validate(thinned(data) if CASES.index(path) % 20 else data)
    assert data["schema"] == SCHEMA
    assert list(data) == [field.name for field in fields_of(walk)]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_every_bundled_case_fits_the_schema_of_cases(compiled: Compiled, path: Path):
    validator(case_schema(compiled.base)).validate(read_document(path).data)


def test_the_blank_fits_the_schema_of_cases(compiled: Compiled):
    from io import BytesIO

    validator(case_schema(compiled.base)).validate(read_document(BytesIO(blank(compiled.base).encode()), name="b").data)


@pytest.mark.parametrize(
    "case",
    [
        {"conditions": ["gout"]},
        {"pain": {"intensity": 14}},
        {"blood_pressure": "high"},
        {"trials": [{"treatment": "leeches"}]},
        {"painn": {}},
        {"declined": ["leeches"]},
    ],
)
def test_the_schema_of_cases_refuses_what_the_reader_refuses(compiled: Compiled, case: dict):
    with pytest.raises(jsonschema.ValidationError):
        validator(case_schema(compiled.base)).validate(case)
    with pytest.raises(pathway.Problems):
        pathway.read(case, compiled=compiled)


def test_the_schema_of_walks_refuses_a_walk_that_lacks_its_ending(compiled: Compiled):
    data = json.loads(render_json([walked(compiled, CASES[0])]))
    del data["ending"]
    with pytest.raises(jsonschema.ValidationError):
        validator(walk_schema()).validate(data)


def test_one_walk_is_an_object_and_several_are_a_list(compiled: Compiled):
    walks = [walked(compiled, path) for path in CASES[:2]]
    assert isinstance(json.loads(render_json(walks[:1])), dict)
    assert [walk["title"] for walk in json.loads(render_json(walks))] == [walk.title for walk in walks]


def test_the_json_says_layer_verdict_and_standing_of_every_source(compiled: Compiled):
    data = json.loads(render_json([walked(compiled, bundled_cases() / "crps-ketamine-next.yaml")]))
    options = [option for step in data["steps"] for option in step["options"]]
    rules = [rule for told in (*data["steps"], *options) for rule in told["rules"]]
    assert {rule["layer"] for rule in rules} == {"documented", "safety"}
    assert {rule["verdict"] for rule in rules} <= {"fires", "asks", "silent"}
    assert any(not source["verified"] for rule in rules for source in rule["source"])
    assert any(source["claim_verdict"] == "contradicted" for rule in rules for source in rule["source"])


def test_the_json_says_of_each_option_what_the_page_says(compiled: Compiled):
    walk = walked(compiled, bundled_cases() / "crps-ketamine-next.yaml")
    data = json.loads(render_json([walk]))
    options = {option["option"]: option for step in data["steps"] for option in step["options"]}
    assert options.keys() == compiled.base.option.keys()
    statuses = {status for status, _ in compiled.base.statuses["option"]}
    assert {option["documented"] for option in options.values()} <= statuses
    assert any(option["documented"] != option["status"] for option in options.values())
    assert any(option["reason"] for option in options.values())
    kinds = [kind for option in options.values() for kind in option["kinds"]]
    assert [kind["kind"] for kind in kinds] == list(compiled.base.kind)
    assert {kind["status"] for kind in kinds} <= {"review", "held-back", "after-asking", "clear"}


def test_every_rule_stands_once_in_the_json(compiled: Compiled):
    data = json.loads(render_json([walked(compiled, bundled_cases() / "crps-ketamine-next.yaml")]))
    options = [option for step in data["steps"] for option in step["options"]]
    told = [rule["rule"] for part in (*data["steps"], *options) for rule in part["rules"]]
    told += [rule["rule"] for rule in data["beside"]]
    assert sorted(told) == sorted(compiled.base.rule)


def test_text_stays_readable_and_the_same_case_gives_the_same_bytes(compiled: Compiled):
    assert to_json({"name": "naïve 痛み"}) == '{\n  "name": "naïve 痛み"\n}\n'
    assert render_json([walked(compiled, CASES[0])]) == render_json([walked(compiled, CASES[0])])
