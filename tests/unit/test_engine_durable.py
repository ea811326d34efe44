"""durable-rules inside its safe envelope: what the compiler refuses or avoids, and what a run refuses."""

import dataclasses
import itertools
import json
import random
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any

import durable_rules_engine as rete
import pytest

from pathway.api import read
from pathway.cache import Compiled, load
from pathway.engine import durable, plain
from pathway.engine.durable import EngineFailed, Program, Ruleset, Session, compile_tree
from pathway.findings import find
from pathway.problem import Problems
from pathway.rules import SAFETY
from pathway.tree import Node, RuleTree
from pathway.walks import walk_case

ANSWERS = (1, 0, -1)
CASE = {
    "title": "Zebedee",
    "pain": {"duration": "7 months"},
    "trials": [{"treatment": "massage", "state": "ended", "result": "failed", "note": "Zebedee"}],
    "medicines": ["warfarin", "heartsease-of-zebedee"],
    "red_flags": "none",
}


@cache
def compiled() -> Compiled:
    """The default rules, compiled by the code as it stands and not taken from a cache."""
    kept = load()
    return dataclasses.replace(kept, program=compile_tree(kept.tree))


def field(name: str) -> Node:
    return Node(name, "field", ["flag", name])


def word(name: str) -> list[Any]:
    return ["word", name]


def logic(name: str, tree: list[Any]) -> Node:
    return Node(name, "logic", tree)


def names(count: int) -> list[str]:
    return [f"w{i}" for i in range(count)]


def tree_of(count: int, *nodes: Node) -> RuleTree:
    return RuleTree((*(field(name) for name in names(count)), *nodes))


def rulesets(program: Program) -> list[Ruleset]:
    return [ruleset for level in program.levels for ruleset in level]


def patterns(program: Program) -> Iterator[list[dict[str, Any]]]:
    for ruleset in rulesets(program):
        for rule in json.loads(ruleset.text).values():
            pattern = rule["all"][0]["m"]
            yield pattern.get("$and", [pattern])


def some_findings(count: int, tries: int, *always: int) -> Iterator[dict[str, int]]:
    rng = random.Random(count)
    for answer in (*ANSWERS, *always):
        yield dict.fromkeys(names(count), answer)
    for _ in range(tries):
        yield {name: rng.choice(ANSWERS) for name in names(count)}


def agrees(tree: RuleTree, findings: Iterator[dict[str, int]]) -> int:
    session, count = Session(compile_tree(tree)), 0
    for given in findings:
        assert session.run(given) == plain.run(tree, given)
        count += 1
    session.close()
    return count


def refusal(tree: RuleTree) -> str:
    with pytest.raises(Problems) as caught:
        compile_tree(tree)
    (problem,) = caught.value.items
    assert problem.kind == "outside-envelope"
    return str(caught.value)


# ---- what the compiler refuses ----


@cache
def equal_hashes() -> tuple[str, str]:
    seen: dict[int, str] = {}
    for name in (f"word-{i}" for i in range(2_000_000)):
        other = seen.setdefault(durable.name_hash(name), name)
        if other != name:
            return other, name
    raise AssertionError("no pair was found")


def test_names_are_hashed_as_durable_rules_hashes_them():
    # The values of its own source (rete.c, state.h).
    assert durable.name_hash("id") == 926444256
    assert durable.name_hash("sid") == 3593476751
    assert durable.name_hash("$and") == 3746487396


def test_two_words_of_equal_hash_are_refused():
    one, other = equal_hashes()
    said = refusal(RuleTree((field(one), field(other), logic("both", ["and", [word(one), word(other)]]))))
    assert one in said
    assert other in said


def test_durable_rules_would_take_one_of_two_such_words_for_the_other():
    one, other = equal_hashes()
    handle = rete.create_ruleset("confused", json.dumps({"r": {"all": [{"m": {one: "yes"}}]}}))
    _, state = rete.assert_fact(handle, json.dumps({"id": "1", "sid": "s", other: "yes"}))
    fired = rete.start_action_for_state(handle, state)
    rete.delete_ruleset(handle)
    assert fired is not None


@pytest.mark.parametrize("name", ["id", "sid", "k", "m", "all", "count"])
def test_a_word_named_as_something_of_durable_rules_is_refused(name: str):
    assert "hash" in refusal(RuleTree((field(name), logic("same", word(name)))))


@pytest.mark.parametrize("name", ['a"b', "a\\b", "schmerz-über-nacht", "a b", "a~1", "$eq", "a" * 201])
def test_a_name_that_is_not_plain_is_refused(name: str):
    assert "plain" in refusal(RuleTree((field(name), logic("same", word(name)))))


def test_a_status_that_is_not_plain_is_refused():
    status = Node("x.status", "status", [], (((("w0", "yes"),), 'a"b'),), "else")
    assert "plain" in refusal(tree_of(1, status))


def test_a_status_row_of_too_many_tests_is_refused():
    row = tuple((name, "yes") for name in names(26))
    assert "26 tests" in refusal(tree_of(26, Node("x.status", "status", [], ((row, "all"),), "else")))


def test_status_rows_with_too_many_ways_to_fail_are_refused():
    rows = tuple((tuple((f"w{i + j}", "yes") for j in range(3)), f"s{i}") for i in range(0, 15, 3))
    assert "ways" in refusal(tree_of(15, Node("x.status", "status", [], rows, "else")))


# ---- what the compiler splits ----


def test_rules_that_one_fact_could_meet_too_often_are_split_into_several_rulesets():
    tree = tree_of(150, *(logic(f"n{i}", ["not", word(f"w{i}")]) for i in range(150)))
    assert len(rulesets(compile_tree(tree))) > 1
    assert agrees(tree, some_findings(150, 20)) == 23


def test_many_rules_with_the_same_test_are_split_into_several_rulesets():
    tree = tree_of(2, *(logic(f"n{i}", ["and", [word("w0"), word("w1")]]) for i in range(300)))
    assert max(len(ruleset.concludes) for ruleset in rulesets(compile_tree(tree))) <= durable.RULES
    assert agrees(tree, some_findings(2, 20)) == 23


def test_a_word_over_more_words_than_a_fact_may_have_fields_is_split():
    for head in ("and", "or"):
        tree = tree_of(300, logic("x", [head, [word(name) for name in names(300)]]))
        assert max(len(ruleset.fields) for ruleset in rulesets(compile_tree(tree))) <= durable.FIELDS
        nearly = [{**dict.fromkeys(names(300), a), "w7": b} for a, b in itertools.product(ANSWERS, repeat=2)]
        assert agrees(tree, iter(nearly)) == 9


def test_long_patterns_are_split():
    conjunctions = [["and", [word(f"w{i + j}") for j in range(12)]] for i in range(0, 36, 12)]
    tree = tree_of(36, logic("x", ["and", [*conjunctions, ["not", ["or", conjunctions]]]]))
    assert max(map(len, patterns(compile_tree(tree)))) <= durable.PATTERN
    assert agrees(tree, some_findings(36, 300)) == 303


def test_a_tree_of_many_ways_is_split():
    pairs = [["or", [word(f"w{i}"), ["not", word(f"w{i + 1}")]]] for i in range(0, 20, 2)]
    tree = tree_of(20, logic("x", ["and", pairs]), logic("y", ["not", ["and", pairs]]))
    assert agrees(tree, some_findings(20, 500)) == 503


@pytest.mark.parametrize("total", range(2, 7))
def test_at_least_is_right_for_every_answer_of_few_words(total: int):
    counts = [logic(f"least{n}", ["at-least", n, [word(w) for w in names(total)]]) for n in range(1, total + 1)]
    every = (dict(zip(names(total), given, strict=True)) for given in itertools.product(ANSWERS, repeat=total))
    assert agrees(tree_of(total, *counts), every) == 3**total


@pytest.mark.parametrize("total", [*range(7, 13), 20, 45])
def test_at_least_is_right_for_many_words(total: int):
    numbers = sorted({1, 2, 3, total // 2, total - 2, total - 1, total})
    counts = [logic(f"least{n}", ["at-least", n, [word(w) for w in names(total)]]) for n in numbers]
    near = []
    for n in numbers:
        for yes, no in ((n, total - n), (n - 1, total - n + 1), (n - 1, total - n), (n, 0), (0, total - n)):
            answers = [*[1] * yes, *[-1] * no, *[0] * (total - yes - no)]
            random.Random(n).shuffle(answers)
            near.append(dict(zip(names(total), answers, strict=True)))
    assert agrees(tree_of(total, *counts), itertools.chain(near, some_findings(total, 100))) > 100


def test_at_least_over_many_subsets_is_counted_in_halves():
    program = compile_tree(tree_of(12, logic("x", ["at-least", 6, [word(w) for w in names(12)]])))
    rules = sum(len(ruleset.concludes) for ruleset in rulesets(program))
    assert len(program.levels) > 1
    assert rules < 924  # the subsets of six among twelve


def test_at_least_may_count_whole_trees_and_the_same_word_twice():
    parts = [
        word("w0"),
        word("w0"),
        ["not", word("w1")],
        ["and", [word("w2"), word("w3")]],
        ["or", [word("w3"), word("w4")]],
    ]
    tree = tree_of(5, *(logic(f"least{n}", ["at-least", n, parts]) for n in range(1, 6)))
    every = (dict(zip(names(5), given, strict=True)) for given in itertools.product(ANSWERS, repeat=5))
    assert agrees(tree, every) == 243


def test_a_helper_is_not_among_the_answers():
    tree = tree_of(300, logic("x", ["or", [word(name) for name in names(300)]]))
    answers = Session(compile_tree(tree)).run(dict.fromkeys(names(300), 0))
    assert list(answers) == [*names(300), "x"]


def test_constants_need_no_rule():
    tree = tree_of(
        1,
        logic("c", ["always"]),
        logic("d", ["never"]),
        logic("x", ["and", [word("c"), ["not", word("d")], word("w0")]]),
    )
    assert agrees(tree, some_findings(1, 0)) == 3


def test_a_status_table_of_nothing_but_its_last_row_always_says_it():
    tree = tree_of(1, Node("x.status", "status", [], (), "so"))
    assert agrees(tree, some_findings(1, 0)) == 3


def test_status_tables_are_right_for_every_answer():
    rows = (
        ((("w0", "yes"), ("w1", "yes")), "a"),
        ((("w0", "yes"), ("w2", "no")), "b"),
        ((("w1", "unknown"),), "c"),
        ((("w0", "no"), ("w2", "yes"), ("w1", "no")), "a"),
        ((("w0", "no"), ("w0", "yes")), "never"),
        ((("w2", "unknown"),), "d"),
    )
    second = (((("x.status", "a"),), "of-a"), ((("x.status", "e"), ("w0", "yes")), "of-e"))
    tree = tree_of(3, Node("x.status", "status", [], rows, "e"), Node("walk.ending", "status", [], second, "of-none"))
    every = (dict(zip(names(3), given, strict=True)) for given in itertools.product(ANSWERS, repeat=3))
    assert agrees(tree, every) == 27


# ---- the bound on matches ----


def random_rules(rng: random.Random) -> list[tuple[durable.Test, ...]]:
    made = []
    for _ in range(rng.randint(5, 60)):
        fields = rng.sample(names(rng.randint(3, 30)), rng.randint(1, 3))
        made.append(tuple((rng.choice(["=", "!="]), name, rng.choice(["yes", "no", "unknown"])) for name in fields))
    return made


def trie_of(rules: Sequence[tuple[durable.Test, ...]]) -> dict[durable.Test, Any]:
    trie: dict[durable.Test, Any] = {}
    for rule in rules:
        here = trie
        for test in rule:
            here = here.setdefault(test, {})
    return trie


def met(trie: Mapping[durable.Test, Any], fact: Mapping[str, str]) -> int:
    return sum(
        1 + met(below, fact)
        for (op, name, value), below in trie.items()
        if name in fact and (fact[name] == value) == (op == "=")
    )


def ruleset_of(rules: Sequence[tuple[durable.Test, ...]], *extra: str) -> Ruleset:
    fields = tuple(sorted({name for rule in rules for _, name, _ in rule} | set(extra)))
    tests: dict[str, Any] = {"seen": {"all": [{"m": {"k": "k"}}]}}
    for i, rule in enumerate(rules):
        parts: list[Any] = [{name: value} if op == "=" else {"$neq": {name: value}} for op, name, value in rule]
        tests[f"r{i}"] = {"all": [{"m": parts[0] if len(parts) == 1 else {"$and": parts}}]}
    concludes = {f"r{i}": durable.Conclusion(f"n{i}", "yes") for i in range(len(rules))}
    return Ruleset("limit", 1, json.dumps(tests), fields, concludes)


def session_of(ruleset: Ruleset) -> Session:
    derived = {1: tuple((c.node, False) for c in ruleset.concludes.values())}
    return Session(Program(((ruleset,),), {}, {}, derived))


def test_no_fact_meets_more_tests_than_the_bound_says_and_the_engine_takes_them_all():
    rng, tried, at_the_limit = random.Random(5), 0, 0
    for _ in range(150):
        rules = random_rules(rng)
        trie = trie_of(rules)
        bound = durable.most_matches(trie)
        if bound >= durable.MATCHES:
            continue
        at_the_limit += bound > durable.MATCHES - 8
        session = session_of(ruleset_of(rules))
        fields = session.program.levels[0][0].fields
        for answers in (
            *((a,) * len(fields) for a in ANSWERS),
            *([rng.choice(ANSWERS) for _ in fields] for _ in range(30)),
        ):
            given = dict(zip(fields, answers, strict=True))
            said = {name: {1: "yes", 0: "unknown", -1: "no"}[answer] for name, answer in given.items()}
            assert met(trie, said) <= bound
            got = session.run(given)
            for i, rule in enumerate(rules):
                assert (got[f"n{i}"] == 1) is all((said[name] == value) == (op == "=") for op, name, value in rule)
            tried += 1
        session.close()
    assert tried > 1000
    assert at_the_limit > 5


def test_the_bound_is_met_by_the_worst_fact_and_the_engine_takes_it():
    rules = [(("=", name, "yes"),) for name in names(durable.MATCHES - 1)]
    assert durable.most_matches(trie_of(rules)) == durable.MATCHES - 1
    session = session_of(ruleset_of(rules))
    answers = session.run(dict.fromkeys(names(durable.MATCHES - 1), 1))
    assert list(answers.values()).count(1) == 2 * (durable.MATCHES - 1)


def test_every_ruleset_of_the_default_rules_keeps_within_the_limits():
    for ruleset in rulesets(compiled().program):
        rules = []
        for name, rule in json.loads(ruleset.text).items():
            pattern = rule["all"][0]["m"]
            tests = [
                ("!=", *next(iter(t["$neq"].items()))) if "$neq" in t else ("=", *next(iter(t.items())))
                for t in pattern.get("$and", [pattern])
            ]
            assert (name == "seen") is (tests == [("=", "k", "k")])
            rules.append(tuple(tests))
        trie = trie_of(rules)
        assert durable.most_matches(trie) <= durable.MATCHES
        assert len(trie) <= durable.ROOT_TESTS
        assert len(rules) <= durable.RULES + 1
        assert len(ruleset.fields) <= durable.FIELDS
        assert max(map(len, rules)) <= durable.PATTERN


# ---- what a run refuses ----


def engine_failure(run: Callable[[], object]) -> str:
    with pytest.raises(EngineFailed) as caught:
        run()
    (problem,) = caught.value.items
    assert problem.kind == "engine-failed"
    return str(caught.value)


def test_a_fact_that_meets_too_many_tests_is_a_failure_of_the_engine():
    session = session_of(ruleset_of([(("=", name, "yes"),) for name in names(70)]))
    assert "limit: error" in engine_failure(lambda: session.run(dict.fromkeys(names(70), 1)))


def test_a_fact_of_too_many_fields_is_a_failure_of_the_engine():
    session = session_of(ruleset_of([(("=", "w0", "yes"),)], *names(260)))
    assert "limit: error" in engine_failure(lambda: session.run(dict.fromkeys(names(260), 1)))


def test_rules_that_cannot_be_loaded_are_a_failure_of_the_engine():
    ruleset = dataclasses.replace(ruleset_of([(("=", "w0", "yes"),)]), text='{"r0": {"all": 7}}')
    assert "loaded" in engine_failure(lambda: session_of(ruleset))


def test_a_finding_that_is_missing_or_is_none_of_the_three_answers_is_a_failure():
    for given in ({}, {"w0": 2}, {"w0": -7}):
        session = session_of(ruleset_of([(("=", "w0", "yes"),)]))
        engine_failure(partial(session.run, given))


def without_catch_all(ruleset: Ruleset) -> Ruleset:
    text = {name: rule for name, rule in json.loads(ruleset.text).items() if name != "seen"}
    return dataclasses.replace(ruleset, text=json.dumps(text))


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_ruleset_that_does_not_see_its_fact_is_refused(answer: int):
    session = session_of(without_catch_all(ruleset_of([(("=", "w0", "yes"),)])))
    assert "limit did not" in engine_failure(lambda: session.run({"w0": answer}))


def test_two_answers_for_one_word_are_refused():
    ruleset = ruleset_of([(("=", "w0", "yes"),), (("=", "w1", "yes"),)])
    says = {"r0": durable.Conclusion("x", "yes"), "r1": durable.Conclusion("x", "no")}
    session = session_of(dataclasses.replace(ruleset, concludes=says))
    assert session.run({"w0": 1, "w1": 0})["x"] == 1
    assert "two answers for x" in engine_failure(lambda: session.run({"w0": 1, "w1": 1}))


def test_a_status_that_no_rule_gives_is_refused():
    ruleset = ruleset_of([(("=", "w0", "yes"),)])
    says = {"r0": durable.Conclusion("x.status", "so")}
    session = Session(Program(((dataclasses.replace(ruleset, concludes=says),),), {}, {}, {1: (("x.status", True),)}))
    assert session.run({"w0": 1})["x.status"] == "so"
    assert "no status for x.status" in engine_failure(lambda: session.run({"w0": 0}))


def test_a_rule_that_fires_for_another_fact_is_refused(monkeypatch: pytest.MonkeyPatch):
    session = session_of(ruleset_of([(("=", "w0", "yes"),)]))
    real = rete.assert_fact

    def with_one_left_behind(handle: int, fact: str) -> object:
        real(handle, '{"id":"2","sid":"s","k":"k","w0":"yes"}')
        return real(handle, fact)

    monkeypatch.setattr(rete, "assert_fact", with_one_left_behind)
    assert "another fact" in engine_failure(lambda: session.run({"w0": -1}))


def test_a_session_that_failed_is_closed_and_its_rulesets_are_gone():
    session = session_of(ruleset_of([(("=", "w0", "yes"),)]))
    ((_, handle),) = session._loaded[0]
    engine_failure(lambda: session.run({"w0": 2}))
    assert "closed" in engine_failure(lambda: session.run({"w0": 1}))
    with pytest.raises(rete.error):
        rete.assert_fact(handle, '{"id":"1","sid":"s"}')


def test_an_engine_goes_on_with_a_new_session_after_a_failure():
    engine = durable.Engine(session_of(ruleset_of([(("=", "w0", "yes"),)])).program)
    assert engine.run({"w0": 1})["n0"] == 1
    engine_failure(lambda: engine.run({"w0": 2}))
    assert engine.run({"w0": 1})["n0"] == 1
    assert engine.run({"w0": -1})["n0"] == 0


def test_a_failure_says_nothing_of_the_case(monkeypatch: pytest.MonkeyPatch):
    def fails(handle: int, fact: str) -> None:
        raise rete.error(f"Could not assert fact {fact}")

    monkeypatch.setattr(rete, "assert_fact", fails)
    case = read(CASE, compiled=compiled())
    said = engine_failure(lambda: walk_case(case, compiled()))
    assert "zebedee" not in said.lower()
    assert "yes" not in said
    assert "massage" not in said


def test_a_fact_holds_words_of_the_rules_and_nothing_of_the_case(monkeypatch: pytest.MonkeyPatch):
    told: list[str] = []
    real = rete.assert_fact

    def listening(handle: int, fact: str) -> object:
        told.append(fact)
        return real(handle, fact)

    monkeypatch.setattr(rete, "assert_fact", listening)
    walk_case(read(CASE, compiled=compiled()), compiled())
    tree = compiled().tree
    statuses = {status for node in tree.nodes for status in (node.otherwise, *(s for _, s in node.rows))}
    every = len(rulesets(compiled().program))
    assert every < len(told) < 2 * every  # with the safety layer, and without it only what that changes
    for fact in told:
        held = json.loads(fact)
        assert (held.pop("id"), held.pop("sid"), held.pop("k")) == ("1", "s", "k")
        assert {name.partition("~")[0] for name in held} <= set(tree.node)
        assert set(held.values()) <= {"yes", "no", "unknown"} | statuses


# ---- nothing walks without durable-rules ----

INERT: dict[str, Callable[..., object]] = {
    "create_ruleset": lambda *_: 131_000,
    "assert_fact": lambda *_: (0, 0),  # 0 is no state; any other number would be read as memory
    "start_action_for_state": lambda *_: None,
    "complete_and_start_action": lambda *_: None,
}


@pytest.mark.parametrize("name", INERT)
def test_nothing_walks_where_a_part_of_durable_rules_does_nothing(name: str, monkeypatch: pytest.MonkeyPatch):
    fresh = dataclasses.replace(compiled())
    case = read(CASE, compiled=fresh)
    monkeypatch.setattr(rete, name, INERT[name])
    monkeypatch.setattr("pathway.cache._ENGINES", {})
    with pytest.raises(Problems) as caught:
        walk_case(case, fresh)
    assert {problem.kind for problem in caught.value.items} == {"engine-failed"}


def test_a_fact_that_is_not_taken_back_is_noticed_by_the_next_case(monkeypatch: pytest.MonkeyPatch):
    session = session_of(ruleset_of([(("=", "w0", "yes"),)]))
    monkeypatch.setattr(rete, "retract_fact", lambda *_: (0, 0))
    assert session.run({"w0": 1})["n0"] == 1
    engine_failure(lambda: session.run({"w0": -1}))


def emptied(program: Program) -> Program:
    seen = json.dumps({"seen": {"all": [{"m": {"k": "k"}}]}})
    levels = tuple(tuple(dataclasses.replace(ruleset, text=seen) for ruleset in level) for level in program.levels)
    return dataclasses.replace(program, levels=levels)


def test_nothing_is_derived_from_rulesets_without_rules():
    tree = tree_of(2, logic("x", ["and", [word("w0"), word("w1")]]), logic("y", ["not", word("x")]))
    answers = Session(emptied(compile_tree(tree))).run({"w0": 1, "w1": 1})
    assert answers == {"w0": 1, "w1": 1, "x": 0, "y": 0}


def test_no_case_walks_on_rulesets_without_rules():
    broken = dataclasses.replace(compiled(), program=emptied(compiled().program))
    engine_failure(lambda: walk_case(read(CASE, compiled=broken), broken))


# ---- the judge ----


def tampered(program: Program, node: str) -> Program:
    """The program with every yes and no of one word turned round."""
    turned = {"yes": "no", "no": "yes"}

    def turn(ruleset: Ruleset) -> Ruleset:
        says = {
            r: dataclasses.replace(c, value=turned[c.value]) if c.node == node else c
            for r, c in ruleset.concludes.items()
        }
        return dataclasses.replace(ruleset, concludes=says)

    return dataclasses.replace(program, levels=tuple(tuple(map(turn, level)) for level in program.levels))


def test_a_disagreement_with_the_judge_is_refused_and_names_the_words_only():
    broken = dataclasses.replace(compiled(), program=tampered(compiled().program, "nerve-block.held"))
    with pytest.raises(Problems) as caught:
        walk_case(read(CASE, compiled=broken), broken)
    (problem,) = caught.value.items
    assert problem.kind == "engines-disagree"
    assert "nerve-block." in problem.message
    assert "zebedee" not in str(caught.value).lower()


@pytest.mark.parametrize(("old", "new"), [('"yes"', '"no"'), ('"$neq"', '"$eq"'), ('"unknown"', '"yes"')])
def test_a_ruleset_whose_text_was_tampered_with_gives_no_walk(old: str, new: str):
    levels = tuple(
        tuple(dataclasses.replace(ruleset, text=ruleset.text.replace(old, new)) for ruleset in level)
        for level in compiled().program.levels
    )
    broken = dataclasses.replace(compiled(), program=dataclasses.replace(compiled().program, levels=levels))
    with pytest.raises(Problems) as caught:
        walk_case(read(CASE, compiled=broken), broken)
    assert {problem.kind for problem in caught.value.items} <= {"engine-failed", "engines-disagree"}


# ---- the program ----


def test_a_program_survives_its_trip_through_json():
    for program in (compiled().program, compile_tree(tree_of(300, logic("x", ["or", [word(w) for w in names(300)]])))):
        assert durable.from_json(json.loads(json.dumps(durable.to_json(program)))) == program


def test_a_tree_compiles_to_the_same_program_every_time():
    assert compile_tree(compiled().tree) == compiled().program


def test_the_default_rules_are_derived_by_rules_and_not_by_constants():
    program, tree = compiled().program, compiled().tree
    concluded = {c.node for ruleset in rulesets(program) for c in ruleset.concludes.values()}
    logic_or_status = {node.name for node in tree.nodes if node.kind != "field"}
    assert logic_or_status - concluded == set(program.constants) | set(program.same)
    assert not set(program.constants) & set(program.same)
    for name, other in program.same.items():
        assert name.startswith("rule:") or compiled().tree.node[name].kind == "logic"
        assert other in concluded | set(program.constants) or compiled().tree.node[other].kind == "field"


# ---- threads and processes ----


def cases() -> list[dict[str, Any]]:
    failed = [
        {"treatment": t, "state": "ended", "result": "failed", "adequate": "yes"}
        for t in ("massage", "stretching", "opioid")
    ]
    return [
        {},
        CASE,
        {**CASE, "trials": [*failed, "nothing else"]},
        {**CASE, "trials": [{**failed[0], "result": "helped"}]},
        {**CASE, "red_flags": ["thunderclap-headache"]},
        {**CASE, "pain": {"duration": "2 weeks"}},
        {**CASE, "trials": "none", "causes": "none", "declined": "none", "illnesses": "none", "medicines": "none"},
        {**CASE, "causes": [{"kind": "excessive-scar", "correctable": "yes"}]},
    ]


def test_eight_threads_walk_as_one_does():
    fresh = dataclasses.replace(compiled())
    read_cases = [read(each, compiled=fresh) for each in cases()]
    alone = [walk_case(case, fresh) for case in read_cases]
    assert len({walk.ending.sentence for walk in alone}) > 3
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda i: walk_case(read_cases[i % 8], fresh), range(400)))
    assert all(walk == alone[i % 8] for i, walk in enumerate(together))


def test_a_process_that_was_forked_after_a_walk_walks_on():
    script = """
        import multiprocessing
        from pathway.api import read, walk
        from tests.unit.test_engine_durable import cases

        read_cases = [read(each) for each in cases()]
        alone = [walk(case) for case in read_cases]

        def same(i):
            return walk(read_cases[i % 8]) == alone[i % 8]

        with multiprocessing.get_context("fork").Pool(2) as pool:
            assert all(pool.map(same, range(64)))
        assert all(map(same, range(8)))
        print("the same")
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False)
    assert done.stdout == "the same\n", done.stderr


def test_two_views_of_a_case_come_out_as_each_alone():
    findings = find(read(CASE, compiled=compiled()).subject, compiled().tree.field_words)
    views = [findings, {**findings, SAFETY: -1}, findings]
    assert Session(compiled().program).run(views[0]) != Session(compiled().program).run(views[1])
    assert compiled().engine.run_each(views) == [Session(compiled().program).run(view) for view in views]
