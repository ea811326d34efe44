from typing import Any

import pytest

from pathway.language import LanguageError, Scope, nodes, of_fields, parse, parse_sharp, words_in
from pathway.profile import fields

SCOPE = Scope(
    fields(),
    frozenset(
        {
            "a",
            "b",
            "relief",
            "or-else",
            "never-mind",
            "massage.helping",
            "rule:root.next",
            "{option}.spent",
            "{step}.reached",
        }
    ),
    {
        "count": "",
        "long": "days",
        "counts": "yes or no",
        "opioids": "MME a day",
        "grams": "mg/day",
        "closed": "options",
    },
    frozenset({"massage", "opioid", "{option}"}),
    frozenset({"therapies", "{step}"}),
    frozenset({"nsaid", "anticoagulant"}),
)
A, B = ["word", "a"], ["word", "b"]


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a", A),
        ("massage.helping", ["word", "massage.helping"]),
        ("rule:root.next", ["word", "rule:root.next"]),
        ("{option}.spent", ["word", "{option}.spent"]),
        ("or-else", ["word", "or-else"]),
        ("never-mind", ["word", "never-mind"]),
        ("not a", ["not", A]),
        ("not not a", ["not", ["not", A]]),
        ("a and b", ["and", [A, B]]),
        ("a or b", ["or", [A, B]]),
        ("a and b and relief", ["and", [A, B, ["word", "relief"]]]),
        ("a or b and relief", ["or", [A, ["and", [B, ["word", "relief"]]]]]),
        ("(a or b) and relief", ["and", [["or", [A, B]], ["word", "relief"]]]),
        ("not a and b", ["and", [["not", A], B]]),
        ("not (a and b)", ["not", ["and", [A, B]]]),
        ("a\n  and\tb", ["and", [A, B]]),
        ("always", ["always"]),
        ("never", ["never"]),
        ("policy.counts", ["policy", "counts"]),
        ("policy.closed has massage", ["policy", "closed", "massage"]),
        ("a and not policy.closed has {option}", ["and", [A, ["not", ["policy", "closed", "{option}"]]]]),
        ("a and policy.counts", ["and", [A, ["policy", "counts"]]]),
        ("at least 2 of [a, b, relief]", ["at-least", 2.0, [A, B, ["word", "relief"]]]),
        ("at least policy.count of [a]", ["at-least", ["policy", "count"], [A]]),
        ("any option is helping", ["options", "any", None, False, None, "helping"]),
        ("any option of therapies is open", ["options", "any", None, False, "therapies", "open"]),
        ("every option of {step} is settled", ["options", "every", None, False, "{step}", "settled"]),
        (
            "at least 2 countable options of therapies are counted",
            ["options", "at-least", 2.0, True, "therapies", "counted"],
        ),
        (
            "at least policy.count countable options of therapies are counted",
            ["options", "at-least", ["policy", "count"], True, "therapies", "counted"],
        ),
        ("any rule that holds massage", ["rules", "holds", "massage"]),
        ("any rule that suits {option}", ["rules", "suits", "{option}"]),
        ("any rule that opens {step}", ["rules", "opens", "{step}"]),
        ("any rule that ends the walk", ["rules", "ends", None]),
        ("any rule that discourages {option}", ["rules", "discourages", "{option}"]),
        ("any rule that reviews massage", ["rules", "reviews", "massage"]),
        ("any kind of massage is held", ["kinds", "any", "massage", "held"]),
        ("every kind of {option} is held", ["kinds", "every", "{option}", "held"]),
        ("a and not every kind of massage is held", ["and", [A, ["not", ["kinds", "every", "massage", "held"]]]]),
    ],
)
def test_an_expression_over_words_is_read(text: str, tree: list[Any]):
    assert parse(text, SCOPE) == tree
    assert not of_fields(tree)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("pain.duration > 3 months", ["number", "pain.duration", ">", 91.3125]),
        ("pain.duration >= 10 weeks", ["number", "pain.duration", ">=", 70.0]),
        ("pain.duration < 1 year", ["number", "pain.duration", "<", 365.25]),
        ("pain.duration <= 1 day", ["number", "pain.duration", "<=", 1.0]),
        ("pain.duration > policy.long", ["number", "pain.duration", ">", ["policy", "long"]]),
        ("pain.intensity >= 6.5", ["number", "pain.intensity", ">=", 6.5]),
        ("age < 18", ["number", "age", "<", 18.0]),
        ("sex = female", ["is", "sex", "female"]),
        ("blood_pressure = uncontrolled", ["is", "blood_pressure", "uncontrolled"]),
        ("pregnancy", ["flag", "pregnancy"]),
        ("not pregnancy", ["not", ["flag", "pregnancy"]]),
        ("illnesses has diabetes", ["has", "illnesses", "diabetes"]),
        ("red_flags has saddle-numbness", ["has", "red_flags", "saddle-numbness"]),
        ("declined has massage", ["has", "declined", "massage"]),
        ("declined has {option}", ["has", "declined", "{option}"]),
        ("(pregnancy else age < 18)", ["else", ["flag", "pregnancy"], ["number", "age", "<", 18.0]]),
        ("some cause", ["some", "causes", None, ["always"]]),
        (
            "some cause of torn-cartilage where correctable",
            ["some", "causes", "torn-cartilage", ["flag", ".correctable"]],
        ),
        ("some medicine of nsaid", ["some", "medicines", "nsaid", ["always"]]),
        (
            "some medicine of nsaid where dose > 40 mg/day",
            ["some", "medicines", "nsaid", ["number", ".dose", ">", 40.0]],
        ),
        ("some trial of massage where state = running", ["some", "trials", "massage", ["is", ".state", "running"]]),
        (
            "some trial of {option} where (result = failed and duration >= 6 weeks)",
            ["some", "trials", "{option}", ["and", [["is", ".result", "failed"], ["number", ".duration", ">=", 42.0]]]],
        ),
        (
            "some trial of massage where (result = helped and no later trial where result = failed)",
            [
                "some",
                "trials",
                "massage",
                ["and", [["is", ".result", "helped"], ["not", ["later", ["is", ".result", "failed"]]]]],
            ],
        ),
        (
            "some trial of massage where some later trial where adequate",
            ["some", "trials", "massage", ["later", ["flag", ".adequate"]]],
        ),
        ("illnesses has {illness}", ["has", "illnesses", "{illness}"]),
        ("pain.sites has {site}", ["has", "pain.sites", "{site}"]),
        ("some medicine of {class}", ["some", "medicines", "{class}", ["always"]]),
        ("some medicine of nsaid where form = topical", ["some", "medicines", "nsaid", ["is", ".form", "topical"]]),
        ("some medicine of nsaid where helps", ["some", "medicines", "nsaid", ["flag", ".helps"]]),
        ("total mme of nsaid >= 50", ["total", "mme", "nsaid", ">=", 50.0]),
        ("total mme of nsaid < policy.opioids", ["total", "mme", "nsaid", "<", ["policy", "opioids"]]),
        ("total dose of nsaid > 1.2 mg/day", ["total", "dose", "nsaid", ">", 1.2]),
        ("total dose of nsaid <= policy.grams", ["total", "dose", "nsaid", "<=", ["policy", "grams"]]),
        (
            "total mme of nsaid >= 50 or not age < 18",
            ["or", [["total", "mme", "nsaid", ">=", 50.0], ["not", ["number", "age", "<", 18.0]]]],
        ),
        (
            "some cause of torn-cartilage where correctable or pregnancy",
            ["or", [["some", "causes", "torn-cartilage", ["flag", ".correctable"]], ["flag", "pregnancy"]]],
        ),
    ],
)
def test_an_expression_over_fields_is_read(text: str, tree: list[Any]):
    assert parse(text, SCOPE) == tree
    assert of_fields(tree)


def fault(text: str) -> LanguageError:
    with pytest.raises(LanguageError) as caught:
        parse(text, SCOPE)
    return caught.value


@pytest.mark.parametrize(
    ("text", "kind", "marked"),
    [
        # what does not fit the grammar
        ("a & b", "bad-expression", "&"),
        ("a b", "bad-expression", "b"),
        ("a and and b", "bad-expression", "b"),
        ("(a or b", "bad-expression", ""),
        ("", "bad-expression", ""),
        ("a and", "bad-expression", ""),
        ("at least 2 of [a, ]", "bad-expression", "]"),
        ("pain.duration = 3 months", "bad-expression", "3 months"),
        ("Relief", "bad-expression", "R"),
        # names that nobody knows
        ("a and chronic", "unknown-word", "chronic"),
        ("at least 1 of [a, c]", "unknown-word", "c"),
        ("pain.lasting > 3 months", "unknown-field", "pain.lasting"),
        ("some trial of massage where results = failed", "unknown-field", "results"),
        ("pain.duration > policy.longer", "unknown-policy", "policy.longer"),
        ("a and policy.nothing", "unknown-policy", "policy.nothing"),
        ("policy.nothing has massage", "unknown-policy", "policy.nothing"),
        ("policy.closed has yoga", "unknown-option", "yoga"),
        ("policy.counts has massage", "wrong-unit", "policy.counts"),
        ("policy.closed", "wrong-unit", "policy.closed"),
        ("any option of surgery is open", "unknown-step", "surgery"),
        # values that a field never has
        ("sex = unheard", "unknown-value", "unheard"),
        ("illnesses has flu", "unknown-value", "flu"),
        ("declined has surgery", "unknown-value", "surgery"),
        ("some trial of surgery", "unknown-value", "surgery"),
        ("some medicine of herbs", "unknown-value", "herbs"),
        ("some cause of bad-luck", "unknown-value", "bad-luck"),
        ("some trial of massage where result = unsure", "unknown-value", "unsure"),
        ("total mme of herbs >= 50", "unknown-value", "herbs"),
        ("total mme of {class} >= 50", "unknown-value", "{class}"),
        ("some medicine of nsaid where form = tablets", "unknown-value", "tablets"),
        # sums and kinds that are told in half
        ("total weight of nsaid > 3", "bad-expression", "weight"),
        ("total mme of nsaid", "bad-expression", ""),
        ("total mme of nsaid = 50", "bad-expression", "="),
        ("total of nsaid >= 50", "bad-expression", "of"),
        ("total mme of nsaid >= nsaid", "bad-expression", "nsaid"),
        ("any kind of massage", "bad-expression", ""),
        ("every kind is held", "bad-expression", "is"),
        ("any rule that refers massage", "bad-expression", "refers"),
        # units
        ("total mme of nsaid >= 50 mg/day", "wrong-unit", "50 mg/day"),
        ("total mme of nsaid >= policy.long", "wrong-unit", "policy.long"),
        ("total mme of nsaid >= policy.grams", "wrong-unit", "policy.grams"),
        ("total dose of nsaid > 1200", "wrong-unit", "1200"),
        ("total dose of nsaid > policy.opioids", "wrong-unit", "policy.opioids"),
        ("pain.duration > 3", "wrong-unit", "3"),
        ("pain.intensity > 3 weeks", "wrong-unit", "3 weeks"),
        ("age > 18 years", "wrong-unit", "18 years"),
        ("at least 2 weeks of [a, b]", "wrong-unit", "2 weeks"),
        # things that cannot be compared
        ("sex > 3", "bad-expression", "sex"),
        ("pain.duration > age", "bad-expression", "age"),
        ("age = young", "bad-expression", "age"),
        ("pregnancy = yes", "bad-expression", "pregnancy"),
        ("pain.intensity has massage", "bad-expression", "pain.intensity"),
        ("illnesses", "bad-expression", "illnesses"),
        ("pain.duration", "bad-expression", "pain.duration"),
        ("some trial of massage where result", "bad-expression", "result"),
        ("some trial", "bad-expression", "trial"),
    ],
)
def test_a_fault_has_its_kind_and_its_place(text: str, kind: str, marked: str):
    error = fault(text)
    assert error.kind == kind
    at = text.rindex(marked) if marked else len(text)
    assert error.offset == at
    if marked:
        assert marked.startswith(text[error.offset : error.offset + error.width])
    assert error.width > 0
    assert error.message


def test_an_expression_speaks_of_fields_or_of_words():
    error = fault("a and pregnancy")
    assert error.kind == "bad-expression"
    assert (error.offset, error.width) == (0, len("a and pregnancy"))
    assert "a word of its own" in error.help


@pytest.mark.parametrize("text", ["a and total mme of nsaid >= 50", "pregnancy or any kind of massage is held"])
def test_a_sum_speaks_of_fields_and_a_kind_of_words(text: str):
    error = fault(text)
    assert error.kind == "bad-expression"
    assert "a word of its own" in error.help


@pytest.mark.parametrize("text", ["any kind of surgery is held", "every kind of masage is held"])
def test_a_kind_is_a_kind_of_an_option_that_there_is(text: str):
    with pytest.raises(LanguageError):
        parse(text, SCOPE)


def test_a_list_within_a_list_is_refused():
    assert fault("some trial of massage where some cause of torn-cartilage").kind == "bad-expression"


def test_a_later_trial_belongs_to_a_trial():
    for text in (
        "some later trial where adequate",
        "some cause of torn-cartilage where some later trial where adequate",
    ):
        assert "later trial" in fault(text).message


def test_a_name_that_is_nearly_right_is_suggested():
    assert 'did you mean "relief"?' in fault("a and releif").help
    assert 'did you mean "pain.duration"?' in fault("pain.durration > 3 months").help
    assert 'did you mean "diabetes"?' in fault("illnesses has diabetis").help


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("a is yes", [["a", "yes"]]),
        ("relief is unknown", [["relief", "unknown"]]),
        ("a is yes and {step}.reached is no", [["a", "yes"], ["{step}.reached", "no"]]),
        ("any step is current", [["any step", "current"]]),
    ],
)
def test_a_row_of_a_status_table_is_read(text: str, row: list[list[str]]):
    assert parse_sharp(text, SCOPE, {"step": {"current"}}) == row


@pytest.mark.parametrize(
    ("text", "kind", "marked"),
    [
        ("relif is yes", "unknown-word", "relif"),
        ("a is yes and c is no", "unknown-word", "c"),
        ("a is yes or b is yes", "bad-expression", "or"),
        ("a", "bad-expression", ""),
    ],
)
def test_a_fault_in_a_row_has_its_kind_and_its_place(text: str, kind: str, marked: str):
    with pytest.raises(LanguageError) as caught:
        parse_sharp(text, SCOPE)
    assert caught.value.kind == kind
    assert caught.value.offset == (text.rindex(marked) if marked else len(text))


def test_the_parts_of_a_tree_are_walked_from_the_front():
    tree = parse("a and (b or not a) and at least 1 of [relief, b]", SCOPE)
    assert words_in(tree) == ["a", "b", "relief"]
    assert [node[0] for node in nodes(tree)] == ["and", "word", "or", "word", "not", "word", "at-least", "word", "word"]


@pytest.mark.parametrize(
    ("text", "kind", "offset", "width"),
    [
        ("at least 2.5 of [a, b]", "out-of-range", 9, 3),
        ("at least 0 of [a, b]", "out-of-range", 9, 1),
        ("at least 3 of [a, b]", "out-of-range", 9, 1),
        ("pain.duration > policy.counts", "wrong-unit", 16, 13),
        ("at least policy.long of [a, b]", "wrong-unit", 9, 11),
        ("a and policy.count", "wrong-unit", 6, 12),
        ("a and policy.cuont", "unknown-policy", 6, 12),
        ("pain.duration > 3 mg/day", "wrong-unit", 16, 8),
    ],
)
def test_a_number_or_policy_that_cannot_stand_here_is_refused(text: str, kind: str, offset: int, width: int):
    with pytest.raises(LanguageError) as refused:
        parse(text, SCOPE)
    assert (refused.value.kind, refused.value.offset, refused.value.width) == (kind, offset, width)


def test_a_status_row_tests_only_answers_and_statuses_that_there_are():
    scope = Scope({}, frozenset({"relief", "{step}.status", "{option}.status"}), steps=frozenset({"{step}"}))
    statuses = {"step": {"current", "done"}, "option": {"offered"}}
    assert parse_sharp("any step is current and relief is no", scope, statuses)[0] == ["any step", "current"]
    assert parse_sharp("{step}.status is done", scope, statuses) == [["{step}.status", "done"]]
    for text in ("relief is maybe", "any step is offered", "{option}.status is done", "{step}.status is yes"):
        with pytest.raises(LanguageError) as refused:
            parse_sharp(text, scope, statuses)
        assert refused.value.kind == "bad-expression"
