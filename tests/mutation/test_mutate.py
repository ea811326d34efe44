"""That the small changes are what they say, and that each of the four who look can notice one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pathway.cache import Compiled
from pathway.engine import plain
from pathway.findings import find
from pathway.tree import build
from tests.mutation import mutate
from tests.mutation.mutate import (
    Golden,
    Mutant,
    Outcome,
    Proofs,
    Run,
    changes_of,
    mutants_of,
    report,
    sample,
    spelt_out,
)

KETAMINE = "ketamine.hold-for-uncontrolled-blood-pressure"


@pytest.fixture(scope="module")
def mutants(compiled: Compiled) -> dict[str, Mutant]:
    return {mutant.id: mutant for mutant in mutants_of(compiled.base)}


@pytest.fixture(scope="module")
def run(compiled: Compiled) -> Run:
    return Run(compiled.base, proofs=False)


# ---- changes ----


def test_ids_are_distinct_and_the_same_every_time(compiled: Compiled, mutants: dict[str, Mutant]) -> None:
    again = [mutant.id for mutant in mutants_of(compiled.base)]
    assert again == list(mutants) and len(again) == len(set(again)) > 5_000


def test_an_id_does_not_hang_on_the_order_of_the_rules(compiled: Compiled, mutants: dict[str, Mutant]) -> None:
    base = compiled.base
    turned = replace(base, rules=base.rules[::-1], words=base.words[::-1])
    assert {mutant.id for mutant in mutants_of(turned)} == set(mutants)


def test_an_id_begins_with_its_kind_and_a_change_is_told_in_a_line(mutants: dict[str, Mutant]) -> None:
    assert all(mutant.id.startswith(f"{mutant.kind} ") for mutant in mutants.values())
    assert all(mutant.says and "\n" not in mutant.id + mutant.says for mutant in mutants.values())


def test_every_change_changes_something(compiled: Compiled, mutants: dict[str, Mutant]) -> None:
    chosen = sample(list(mutants.values()), 200, seed=1)
    assert [mutant.id for mutant in chosen if mutant.apply(compiled.base) == compiled.base] == []


def test_a_change_leaves_the_base_itself_alone(compiled: Compiled, mutants: dict[str, Mutant]) -> None:
    base = compiled.base
    before = build(base).nodes
    for mutant in sample(list(mutants.values()), 100, seed=2):
        mutant.apply(base)
    assert build(base).nodes == before


def test_a_sample_is_spread_over_the_kinds_and_hangs_on_its_seed(mutants: dict[str, Mutant]) -> None:
    every = list(mutants.values())
    one, again, other = (sample(every, 150, seed) for seed in (1, 1, 2))
    assert one == again != other
    assert len(one) == 150
    assert {mutant.kind for mutant in one} == {mutant.kind for mutant in every}
    assert sample(every, 10**6, 1) == every


def test_the_changes_of_a_tree(compiled: Compiled) -> None:
    tree = ["and", [["number", "age", ">=", 65.0], ["not", ["is", "sex", "male"]]]]
    found = {kind: [spelt_out(t) for k, _, t in changes_of(tree, compiled.base) if k == kind] for kind in (
        "operator-swapped", "number-moved", "and-or-swapped", "part-dropped", "not-dropped", "value-replaced",
    )}  # fmt: skip
    assert found == {
        "operator-swapped": ["(age > 65 and not sex = male)"],
        "number-moved": ["(age >= 64 and not sex = male)", "(age >= 66 and not sex = male)"],
        "and-or-swapped": ["(age >= 65 or not sex = male)"],
        "part-dropped": ["not sex = male", "age >= 65"],
        "not-dropped": ["(age >= 65 and sex = male)"],
        "value-replaced": found["value-replaced"],
    }
    assert len(found["value-replaced"]) == 1 and "male)" not in found["value-replaced"][0].split("= ")


# ---- who notices ----


def test_the_base_as_it_is_is_noticed_by_nobody(run: Run, compiled: Compiled) -> None:
    outcome = run.put(Mutant("none", "none at all", "nothing is changed", lambda base: base))
    assert outcome.by == ()


def test_the_examples_notice_a_word_that_means_another_thing(run: Run, mutants: dict[str, Mutant]) -> None:
    name = next(id for id in mutants if id.startswith("word.operator-swapped chronic-pain "))
    assert "chronic-pain" in (run.put(mutants[name]).examples or "")


def test_the_golden_walks_notice_a_hold_that_is_lost(run: Run, mutants: dict[str, Mutant]) -> None:
    outcome = run.put(mutants[f"rule-dropped {KETAMINE}"])
    assert "golden" in outcome.by and KETAMINE in (outcome.golden or "")


def test_the_golden_walks_notice_a_medicine_that_has_lost_its_class(run: Run, mutants: dict[str, Mutant]) -> None:
    assert "golden" in run.put(mutants["class-lost diazepam benzodiazepine"]).by


def test_a_base_that_cannot_be_built_is_noticed(run: Run) -> None:
    def circle(base):
        words = tuple(replace(w, tree=["word", "relief"]) if w.word == "relief" else w for w in base.words)
        return replace(base, words=words)

    assert (run.put(Mutant("circle", "circle", "", circle)).examples or "").startswith("it cannot be built")


def test_a_rule_that_a_sentence_rests_on_is_missed(run: Run, mutants: dict[str, Mutant]) -> None:
    assert "claims.yaml" in (run.put(mutants["next-cut chronic.next-root"]).examples or "")


def test_a_proof_notices_an_offer_beside_a_contraindication(compiled: Compiled) -> None:
    """Of the rules as they are all is taken as proved but what the change touches, which is proved by itself."""
    pytest.importorskip("z3")
    from pathway.prove import Prover

    base = compiled.base
    name = "nothing-offered-beside-a-contraindication"
    claims = tuple(each for each in base.invariants if each.invariant == name)
    base = replace(base, invariants=claims)
    proofs = Proofs(goal.digest for each in claims for goal in Prover(base)._goals(each))
    parts = [part for part in base.word["{option}.offer"].tree[1] if part != ["not", ["word", "{option}.held"]]]
    careless = tuple(replace(w, tree=["and", parts]) if w.word == "{option}.offer" else w for w in base.words)
    assert proofs.caught(base) is None
    assert proofs.caught(replace(base, words=careless)) == f"{name}: physical-therapy"


def test_an_invariant_that_speaks_of_what_is_no_longer_there_is_noticed(compiled: Compiled) -> None:
    pytest.importorskip("z3")
    base = compiled.base
    claim = next(each for each in base.invariants if each.invariant == "root-dealt-with")
    said = replace(claim, then="nothing.like-it is yes")
    assert "nothing.like-it" in (Proofs([]).caught(replace(base, invariants=(said,))) or "")


def test_reworking_what_changed_gives_what_working_out_everything_gives(run: Run, mutants: dict[str, Mutant]) -> None:
    golden: Golden = run.golden
    kinds = {"walk.part-dropped", "rule-dropped", "word.and-or-swapped", "class-lost", "status.row-dropped"}
    for mutant in sample([m for m in mutants.values() if m.kind in kinds], 25, seed=3):
        compiled = mutate.judged(mutant.apply(run.base))
        changed = mutate._Changed(golden, compiled)
        for walked in golden.walked[::40]:
            case = changed.case_of(walked.case)
            whole = plain.run(compiled.tree, find(case.subject, compiled.tree.field_words))
            assert changed.values(walked, case)[0] == whole, mutant.id


# ---- the report ----


def outcome(id: str, *, examples: str | None = None) -> Outcome:
    return Outcome(id, "kind", f"what {id} does", examples, None, mutate.NOT_RUN)


def test_a_survivor_has_to_be_explained() -> None:
    lines, well = report([outcome("one"), outcome("two", examples="bad")], ["one", "two"], {})
    assert not well and any("SURVIVES" in line and "what one does" in line for line in lines)
    lines, well = report([outcome("one")], ["one"], {"one": "nobody can see it"})
    assert well and any("explained" in line and "nobody can see it" in line for line in lines)


def test_an_explanation_that_is_not_needed_is_stale() -> None:
    because = {"one": "nobody can see it", "gone": "it was so", "not in this sample": "it is so"}
    lines, well = report([outcome("one", examples="bad")], ["one", "not in this sample"], because)
    stale = [line for line in lines if "STALE" in line]
    assert not well and len(stale) == 2 and "one" in stale[0] and "gone" in stale[1]


def test_the_command_tells_of_one_change(capsys: pytest.CaptureFixture[str]) -> None:
    assert mutate.main(["--mutant", f"rule-dropped {KETAMINE}", "--no-proofs"]) == 0
    assert "golden: " in capsys.readouterr().out
    assert mutate.main(["--mutant", "nothing is called so"]) == 2
