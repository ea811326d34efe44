"""That whatever can be left out of case data is left out, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pathway.shrink import shrunk

LEAVES = st.sampled_from(["yes", "no", 7, 2.5])
PARTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4)
)
DATA = st.dictionaries(st.sampled_from("abcdefgh"), PARTS, max_size=8)


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Everything that is said, with the names that lead there; places in a list do not count."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from leaves(part, (*path, key))
    elif isinstance(value, list):
        for part in value:
            yield from leaves(part, path)
    else:
        yield path, value


@given(DATA, st.data())
def test_what_is_asked_for_stays_and_nothing_beside_it(data: dict[str, Any], draw: st.DataObject):
    said = sorted(set(leaves(data)), key=str)
    wanted = set(draw.draw(st.lists(st.sampled_from(said)))) if said else set()
    small = shrunk(data, lambda each: wanted <= set(leaves(each)))
    assert set(leaves(small)) == wanted
    assert len(list(leaves(small))) == len(wanted)


@given(DATA)
def test_data_of_which_nothing_can_be_left_out_stays_as_it_is(data: dict[str, Any]):
    assert shrunk(data, lambda each: each == data) == data


def test_an_earlier_record_is_left_out_too_and_a_list_may_be_left_empty():
    data = {"age": 50, "trials": [{"treatment": "massage"}, {"treatment": "massage", "result": "failed"}], "causes": []}

    def holds(each: dict[str, Any]) -> bool:
        return "causes" in each and any(trial.get("result") == "failed" for trial in each.get("trials", []))

    assert shrunk(data, holds) == {"trials": [{"result": "failed"}], "causes": []}
