"""Laws of the readers: anything gives a Case or Problems, and how a thing is written changes nothing."""

import io
import json
from collections.abc import Callable
from datetime import date, timedelta
from itertools import combinations_with_replacement

from hypothesis import example, given, settings
from hypothesis import strategies as st

import pathway
from pathway.case import Case, read_case
from pathway.problem import Problems
from pathway.profile import Known, Profile, Records, fields
from pathway.units import DAYS, parse_dose, parse_duration, show_dose, show_duration

BASE = pathway.load_rules().base
NAMES = [info.alias or name for name, info in Profile.model_fields.items()]
ITEMS = [name for kind in fields().values() for name in kind.item]
PAIN = ["duration", "began", "sites", "intensity", "peg", "neuropathic_features", "enjoyment", "activity"]
WORDS = [
    "unknown", "none", "nothing else", "yes", "no", "massage", "duloxetine", "Opioid", "warfarin", "glaucoma", "crps",
    "hand", "running", "never", "failed", "3 months", "-3 months", "40 mg/day", "2026-03-02", "2026-02-30", "male",
    "saddle-numbness", "torn-cartilage", "conditions.crps", "trials.massage", "44 years",
]  # fmt: skip
LEAVES = (
    st.sampled_from(WORDS)
    | st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.sampled_from([*NAMES, *ITEMS, *PAIN, "other"]) | st.text(max_size=4), inner, max_size=6)
    ),
    max_leaves=30,
)
CASES = st.dictionaries(st.sampled_from(NAMES), ANYTHING, max_size=8)
DATES = st.dates(date(1950, 1, 1), date(2026, 3, 2))

# How long one example takes says more of the machine than of the reader.
unhurried = settings(deadline=None)


def read(data: object) -> Case | None:
    """The case, or None for Problems, each of which must have a place and tell what to do."""
    try:
        return read_case(io.BytesIO(json.dumps(data).encode()), BASE, name="case.json")
    except Problems as problems:
        look_over(problems)
        return None


def look_over(problems: Problems) -> None:
    assert len(problems.items) <= 101
    str(problems).encode("utf-8")
    for item in problems.items:
        assert item.help
        assert item.place.line is not None
        assert item.place.column is not None


@unhurried
@given(ANYTHING | CASES)
@example({"trials": {"treatment": None}})
@example({"red_flags": [[{"finding": ["unknown"]}]], "not": {"a": "b"}})
@example({"not": [None, "none", ["glaucoma"]], "unknown": {"other": "glaucoma"}})
@example({"illnesses": {"other": "nothing else"}, "declined": {"other": "massage"}})
def test_anything_gives_a_case_or_problems(data: object):
    case = read(data)
    if case is not None:
        assert isinstance(data, dict)
        pathway.walk(case)


@unhurried
@given(CASES)
def test_a_case_that_is_refused_is_refused_for_what_stands_in_it(data: dict):
    if read(data) is None:
        # Nothing wrong is found in what is left once every field is taken out.
        assert read({}) is not None
        assert any(read({k: v for k, v in data.items() if k in some}) is None for some in _parts(data))


def _parts(data: dict) -> list[set[str]]:
    """The fields alone, in twos and in threes: no check looks at more than two fields and as_of."""
    return [{a, b, c} for a, b, c in combinations_with_replacement(sorted(data), 3)]


# What anyone writes has some forty decimals at most.
@unhurried
@given(st.just(0.0) | st.floats(1e-12, 120 * DAYS["year"]) | st.integers(0, 43_830).map(float))
def test_a_duration_shown_reads_back_as_itself(days: float):
    assert parse_duration(show_duration(days)) == days


@unhurried
@given(st.just(0.0) | st.floats(1e-12, 100_000) | st.integers(0, 700_000).map(lambda n: n / 7))
@example(25568.822546000003)
@example(8.44858580406019e-17)
def test_a_dose_shown_reads_back_as_itself(mg_per_day: float):
    assert parse_dose(show_dose(mg_per_day)) == mg_per_day


@unhurried
@given(st.integers(0, 6_000), st.decimals(0, 90_000, places=2))
def test_the_unit_in_which_it_is_written_changes_nothing(weeks: int, mg: object):
    def case(duration: str, dose: str) -> Case:
        trial = {"treatment": "gabapentin", "duration": duration, "dose": dose}
        made = read({"pain": {"duration": duration}, "trials": [trial], "medicines": [{"medicine": "x", "dose": dose}]})
        assert made is not None
        return made

    grams = f"{mg:f}".partition(".")
    whole = grams[0].rjust(4, "0")
    in_grams = f"{whole[:-3]}.{whole[-3:]}{grams[2]} g/day"
    assert case(f"{weeks} weeks", f"{mg:f} mg/day").profile == case(f"{weeks * 7} days", in_grams).profile


@unhurried
@given(DATES, st.lists(st.tuples(DATES, DATES), max_size=4), DATES, st.integers(-3000, 3000))
def test_moving_all_days_together_changes_no_duration(
    began: date, trials: list[tuple[date, date]], excluded: date, shift: int
):
    def moved(day: date) -> str:
        return (day + timedelta(days=shift)).isoformat()

    def told(day_of: Callable[[date], str]) -> object:
        listed = sorted((max(min(pair), began), max(*pair, began)) for pair in trials)
        made = read(
            {
                "as_of": day_of(date(2026, 3, 2)),
                "pain": {"began": day_of(began)},
                "trials": [
                    {"treatment": "massage", "began": day_of(start), "ended": day_of(end)} for start, end in listed
                ],
                "red_flags": [{"finding": "hot-swollen-joint", "excluded": "yes", "on": day_of(excluded)}],
            }
        )
        assert made is not None
        return made.profile.pain.duration, [trial.duration for trial in made.profile.trials]

    assert told(date.isoformat) == told(moved)


@unhurried
@given(CASES, st.sampled_from([p for p, k in fields().items() if k.kind in ("set", "records") and "." not in p]))
def test_a_list_that_nobody_closed_is_never_closed(data: dict, name: str):
    case = read(data)
    held: Known | Records | None = getattr(case.profile, name) if case else None
    if held is not None and held.closed:
        written = json.dumps(data[name]).lower()
        assert written == "[]" or "none" in written or "nothing else" in written


@unhurried
@given(CASES)
def test_reading_twice_gives_the_same(data: dict):
    first, second = read(data), read(data)
    assert (first and first.profile) == (second and second.profile)
