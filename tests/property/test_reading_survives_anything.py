"""Whatever the bytes, the reader answers with a Document or with Problems."""

import io
import json
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pathway.problem import Problems
from pathway.reading import Document, read_document

NAMES = st.sampled_from(["ana.yaml", "ana.json", "-"])
YAML_ISH = st.text("ab01:-? \n\t{}[],'\"#&*!|>%@<~.\\ux\r\x85\u2028\ufeffé😀", max_size=40)
JSON_TOKENS = """{ } [ ] , : " \\ "a" "b": 1 -0 1e9 1e999 NaN null true \\ud800 \\ud83d\\ude00 "\\ud800" é \ufeff"""
JSON_ISH = st.lists(st.sampled_from([*JSON_TOKENS.split(), "\n", " "]), max_size=30).map("".join)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)
# No text here is a shared object after the round trip, so the YAML writer makes no alias.
DATA = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
).map(lambda data: json.loads(json.dumps(data)))


def read(data: bytes, name: str) -> Document | None:
    try:
        return read_document(io.BytesIO(data), name=name)
    except Problems as problems:
        str(problems).encode("utf-8")
        json.dumps([item.as_dict() for item in problems.items])
        for item in problems.items:
            assert item.help
            assert item.place.line is None or item.place.line >= 1 <= (item.place.column or 0)
        return None


def leaves(data: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], object]]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from leaves(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from leaves(value, (*path, index))
    else:
        yield path, data


def text_from(document: Document, line: int | None, column: int | None) -> str:
    lines = document.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert line is not None and column is not None
    return "\n".join([lines[line - 1][column - 1 :], *lines[line:]])


@given(st.binary(max_size=60), NAMES)
def test_any_bytes_give_a_document_or_problems(data: bytes, name: str):
    read(data, name)


@given(st.text(max_size=60) | YAML_ISH | JSON_ISH, NAMES)
@example("? ? : :\n*a : &b\n", "ana.yaml")
@example("\ufeff\ufeff{a: 1}", "-")
@example('{"a": 1, "a": "\\ud800", "a": NaN}', "-")
@example("- !!int\n- !!null\n- !<x> {}\n", "ana.yaml")
def test_any_text_gives_a_document_or_problems(text: str, name: str):
    document = read(text.encode(), name)
    if document is not None:
        for path, _ in leaves(document.data):
            document.problem("wrong-type", "m", *path, key=True).render()
            document.problem("wrong-type", "m", *path).render()
            assert (
                text_from(document, document.scalar_start(*path).line, document.scalar_start(*path).column) is not None
            )


@given(YAML_ISH)
def test_a_plain_text_stands_where_its_place_says(text: str):
    document = read(text.encode(), "ana.yaml")
    for path, value in leaves(document.data) if document else ():
        if isinstance(value, str) and value.isalnum():
            assert document is not None
            start = document.scalar_start(*path)
            here = text_from(document, start.line, start.column)
            # An escape may spell any character; a fold may join lines at any space.
            assert here.startswith(value) or "\\" in here


@given(DATA)
def test_json_gives_back_what_was_written_and_where(data: object):
    for indent in (None, 1):
        document = read_document(io.BytesIO(json.dumps(data, indent=indent).encode()), name="ana.json")
        assert document.data == data
        for path, value in leaves(data):
            place = document.place(*path)
            assert text_from(document, place.line, place.column).startswith(json.dumps(value))


@given(DATA)
def test_quoted_yaml_gives_the_same_data_as_json(data: object):
    yaml = pytest.importorskip("yaml")
    for flow in (True, False):
        text = yaml.safe_dump(data, default_style='"', default_flow_style=flow, sort_keys=False)
        document = read_document(io.BytesIO(text.encode()), name="ana.yaml")
        assert document.data == data
        assert repr(document.data) == repr(data)
        for path, value in leaves(data):
            place = document.place(*path)
            here = text_from(document, place.line, place.column)
            assert here.startswith('"'), (path, value)
