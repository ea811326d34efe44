import json
import pickle
from unicodedata import east_asian_width

import pytest

from pathway.problem import KINDS, Place, Problem, Problems, near, quoted, shown


def problem(excerpt: str = "", column: int | None = 1, width: int = 1, **more: str) -> Problem:
    return Problem("out-of-range", Place("ana.yaml", 9, column), "too much", excerpt=excerpt, width=width, **more)


def test_a_place_reads_source_line_column_and_leaves_out_what_is_unknown():
    assert str(Place("cases/ana.yaml", 9, 14, "pain.intensity")) == "cases/ana.yaml:9:14"
    assert str(Place("cohort.csv", 9, None)) == "cohort.csv:9"
    assert str(Place("-", None, None)) == "-"


def test_a_place_without_a_line_points_with_its_path():
    assert str(Place("bundle.json", None, None, "Bundle.entry[2]")) == "bundle.json:Bundle.entry[2]"


def test_a_problem_is_drawn_as_the_house_draws_it():
    drawn = Problem(
        "out-of-range",
        Place("cases/ana.yaml", 9, 14),
        "usual pain is 14, but the scale runs from 0 to 10",
        help="give the 0-10 rating; a 0-100 mark divided by ten",
        excerpt="  intensity: 14",
        width=2,
    )
    assert drawn.render().splitlines() == [
        "cases/ana.yaml:9:14: out-of-range: usual pain is 14, but the scale runs from 0 to 10",
        "    9 | intensity: 14",
        "      |            ^^",
        "  help: give the 0-10 rating; a 0-100 mark divided by ten",
    ]


def test_a_problem_without_line_or_excerpt_is_one_line():
    bare = Problem("not-found", Place("ana.yaml", None, None), "there is no such file", excerpt="not drawn")
    assert bare.render() == "ana.yaml: not-found: there is no such file"
    assert problem().render() == "ana.yaml:9:1: out-of-range: too much"


def test_a_line_without_a_column_is_quoted_without_a_caret():
    assert problem("a: 1", column=None).render().splitlines()[1:] == ["    9 | a: 1"]


@pytest.mark.parametrize("before", ["", "\t", "  \t", "痛み: ", "é\u0301: ", "a:\t", "\x1b[31m", "\ud800", "😀 "])
def test_the_caret_stays_under_its_token_whatever_stands_before_it(before: str):
    line, carets = problem(f"{before}XX tail", len(before) + 1, width=2).render().splitlines()[1:]
    until = line[: line.index("XX")]
    cells = sum(2 if east_asian_width(c) in "WF" else 0 if c == "\u0301" else 1 for c in until)
    assert carets.rstrip("^") == "      | ".ljust(cells)
    assert carets.endswith(" ^^") or carets == "      | ^^"


def test_a_tab_that_is_itself_the_fault_is_shown():
    assert problem("\tsite: left").render().splitlines()[1:] == ["    9 | \\tsite: left", "      | ^^"]


@pytest.mark.parametrize("column", [1, 500, 9_990])
def test_a_long_line_is_cut_around_the_column(column: int):
    text = "x" * (column - 1) + "HERE" + "y" * (10_000 - column)
    line, carets = problem(text, column, width=4).render().splitlines()[1:]
    assert len(line) < 120
    assert line[carets.index("^") : carets.rindex("^") + 1] == "HERE"


def test_a_caret_never_runs_past_what_is_drawn():
    assert problem("x" * 10_000, 1, width=10_000).render().splitlines()[2].count("^") == 100


def test_a_line_number_of_six_digits_keeps_the_gutter_straight():
    drawn = Problem("bad-yaml", Place("a", 123_456, 1), "m", excerpt="b").render().splitlines()
    assert drawn[1:] == ["123456 | b", "       | ^"]


def test_nothing_in_a_problem_can_steer_a_terminal():
    nasty = "\x1b]0;owned\x07\r\n\u202e\ud800\x9b"
    drawn = Problem("tag", Place(nasty, 1, 1, nasty), nasty, help=nasty, excerpt=nasty).render()
    assert all(c.isprintable() or c == "\n" for c in drawn)
    assert len(drawn.splitlines()) == 4
    drawn.encode("utf-8")


def test_a_problem_becomes_plain_json():
    as_dict = problem("a: " + "1" * 9_000, 4, 9_000, help="give less").as_dict()
    assert json.loads(json.dumps(as_dict)) == as_dict
    assert list(as_dict) == ["kind", "source", "line", "column", "path", "message", "help", "excerpt"]
    assert (as_dict["kind"], as_dict["line"]) == ("out-of-range", 9)
    assert len(str(as_dict["excerpt"])) <= 102


def test_a_kind_that_nobody_explained_is_refused():
    with pytest.raises(ValueError, match="add it to KINDS"):
        Problem("no-such-kind", Place("a", 1, 1), "m")


def test_every_kind_is_a_kebab_case_name_with_a_sentence():
    for kind, words in KINDS.items():
        assert kind == kind.lower().strip("-") and kind.replace("-", "").isalnum()
        assert words[0].isupper() and words.endswith(".") and words.isprintable()
    assert len(set(KINDS.values())) == len(KINDS)


def test_problems_stand_in_the_order_of_their_places_and_are_counted():
    def at(source: str, line: int | None, column: int | None) -> Problem:
        return Problem("tag", Place(source, line, column), "m")

    raised = Problems([at("b", 1, 1), at("a", 2, 9), at("a", 2, 1), at("a", None, None)])
    assert [str(item.place) for item in raised.items] == ["a", "a:2:1", "a:2:9", "b:1:1"]
    assert str(raised).splitlines()[-1] == "4 problems"
    assert str(Problems([at("a", 1, 1)])) == "a:1:1: tag: m"


def test_problems_cannot_be_empty_and_travel_between_processes():
    with pytest.raises(ValueError, match="without a problem"):
        Problems([])
    raised = Problems([problem("a: 1")])
    assert pickle.loads(pickle.dumps(raised)).items == raised.items


@pytest.mark.parametrize(
    ("word", "meant"),
    [("chronic-pian", "chronic-pain"), ("CHRONIC_PAIN", "chronic-pain"), ("Chronic Pain", "chronic-pain")],
)
def test_a_near_miss_finds_the_word_that_was_meant(word: str, meant: str):
    assert near(word, ["acute-pain", "chronic-pain", "opioid-naive"]) == meant


def test_a_far_miss_finds_nothing():
    assert near("xylophone", ["acute-pain", "chronic-pain"]) is None
    assert near("anything", []) is None
    assert near("chronic-pain" * 10_000, ["chronic-pain"]) is None


def test_the_candidate_is_given_back_as_it_is_spelt():
    assert near("as-of", ["As_Of"]) == "As_Of"


def test_text_for_messages_is_escaped_and_cut():
    assert shown("naïve 痛み 😀") == "naïve 痛み 😀"
    assert shown("a\nb\ud800") == "a\\nb\\ud800"
    assert quoted("short") == '"short"'
    assert quoted("x" * 100) == '"' + "x" * 60 + '…"'
