"""Each thing that `pathway check` looks for, in a copy of the real rules with one thing made wrong."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pathway.cache import bundled_rules, load
from pathway.check import look_over
from pathway.problem import Problems

Change = Callable[[str, str, str], list[str]]


@pytest.fixture
def check_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Change:
    """Replace a text in one file of a copy of the rules, and give the kinds and messages that check then finds."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def change(file: str, old: str, new: str) -> list[str]:
        root = tmp_path / "rules"
        shutil.copytree(bundled_rules(), root)
        path = root / file
        text = path.read_text(encoding="utf-8")
        assert old in text, "the test's own text has gone from the rules"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        _, problems = look_over(load(root))
        return [f"{p.kind}: {p.message}" for p in problems]

    return change


def test_the_bundled_rules_have_no_fault_and_every_example_ran() -> None:
    counts, problems = look_over(load())
    assert problems == []
    base = load().base
    assert counts["examples"] == sum(len(w.examples) for w in base.words) + sum(len(r.examples) for r in base.rules)
    assert counts["examples"] > 150
    assert counts["sentences"] == 50


def test_an_example_that_expects_the_wrong_answer_is_found(check_after: Change) -> None:
    found = check_after(
        "words/pain.yaml", '{pain: {duration: 92 days}}, expect: "yes"', '{pain: {duration: 92 days}}, expect: "no"'
    )
    assert "bad-example: chronic-pain, a day past the line is: expected no, met yes" in found


def test_a_changed_threshold_fails_the_examples_on_both_sides_of_it(check_after: Change) -> None:
    found = check_after(
        "words/pain.yaml", "is: pain.duration > policy.chronic-after", "is: pain.duration >= policy.chronic-after"
    )
    assert any("three months and no more" in message for message in found)


def test_an_example_that_is_no_case_is_found(check_after: Change) -> None:
    found = check_after("words/pain.yaml", "given: {pain: {duration: 3 months}}", "given: {pain: {duration: 3 moons}}")
    assert any(message.startswith("bad-example: chronic-pain") and "moons" in message for message in found)


def test_a_rule_with_no_example_of_its_silence_is_found(check_after: Change) -> None:
    silent = "      - {name: therapies are still open, no: [therapies.passed], expect: silent}\n"
    found = check_after("steps/50-medication.yaml", silent, "")
    assert any(m.startswith("missing-example: medication.next-ketamine") for m in found)


def test_a_word_that_nothing_uses_is_dead(check_after: Change) -> None:
    found = check_after("steps/10-red-flags.yaml", "    when: [possible-cauda-equina]\n", "    when: [seen-fever]\n")
    assert 'dead-word: no rule or word uses "possible-cauda-equina"' in found


def test_a_step_that_no_rule_opens_is_unreachable(check_after: Change) -> None:
    found = check_after("steps/60-ketamine.yaml", "then: {next: implant}", "then: {note: ketamine}")
    assert 'unreachable: no rule leads to the step "implant"' in found


def test_an_option_that_no_rule_offers_is_unreachable(check_after: Change) -> None:
    found = check_after("steps/40-therapies.yaml", "then: {offer: massage}", "then: {note: massage}")
    assert 'unreachable: no rule offers "massage"' in found


def test_a_rule_that_leads_back_up_makes_a_circle_and_is_refused(check_after: Change) -> None:
    with pytest.raises(Problems) as refused:
        check_after("steps/60-ketamine.yaml", "then: {next: implant}", "then: {next: ketamine}")
    (problem,) = refused.value.items
    assert problem.kind == "cycle"
    assert problem.place.source == "rules/steps/60-ketamine.yaml"
    assert "ketamine.reached" in problem.message


def test_a_rule_that_can_never_fire_is_found(check_after: Change) -> None:
    found = check_after(
        "steps/60-ketamine.yaml", "    when: [pregnant]\n", "    when: [pregnant]\n    unless: [pregnant]\n"
    )
    assert any(m.startswith("unreachable: ketamine.hold-for-pregnancy can never fire") for m in found)


def test_an_unless_word_that_is_never_seen_holding_is_found(check_after: Change) -> None:
    found = check_after(
        "steps/60-ketamine.yaml", "    when: [pregnant]\n", "    when: [pregnant]\n    unless: [active-psychosis]\n"
    )
    assert any('never shows "active-psychosis" holding it' in m for m in found)


def test_two_rules_that_say_the_same_clash(check_after: Change) -> None:
    found = check_after("steps/60-ketamine.yaml", "    when: [active-psychosis]\n", "    when: [pregnant]\n")
    assert any(
        m.startswith("clash: ketamine.hold-for-active-psychosis says what ketamine.hold-for-pregnancy says")
        for m in found
    )


def test_a_safety_rule_without_its_record_is_unsourced(check_after: Change) -> None:
    found = check_after("words/person.yaml", "  source: ket-contra-bp\n", "  source: {doc: ket-contra-label, at: p}\n")
    assert "unsourced: blood-pressure-uncontrolled names no evidence record" in found


def test_a_sentence_that_the_faq_does_not_have_is_unsourced(check_after: Change) -> None:
    found = check_after("steps/40-therapies.yaml", "source: {doc: faq, at: s14b}", "source: {doc: faq, at: s99}")
    assert any('cites sentence "s99"' in m for m in found)


def test_a_document_that_is_described_twice_is_found(check_after: Change) -> None:
    again = """
- doc: asra2018-mc
  title: Consensus Guidelines on the Use of Intravenous Ketamine Infusions for Chronic Pain (Cohen et al.)
  organisation: ASRA, AAPM and ASA
  year: 2018
  link: https://doi.org/10.1097/AAP.0000000000000808
"""
    found = check_after("sources.yaml", "  also: [asra2018-mc]\n", again)
    assert 'duplicate-id: "asra2018-mc" is the same document as "asra2018"' in found


def test_a_word_that_is_another_word_by_another_name_is_found(check_after: Change) -> None:
    found = check_after(
        "words/person.yaml", "is: pain.duration >= 6 months", "is: pain.duration > policy.chronic-after"
    )
    assert 'duplicate-id: "pain-6-months" is answered just as "chronic-pain" is' in found


def test_a_rule_that_holds_the_same_people_back_as_another_is_found(check_after: Change) -> None:
    found = check_after("steps/70-implant.yaml", "when: [needs-diathermy]", "when: [correctable-nerve-compression]")
    told = (
        "implant.hold-stimulator-for-correctable-compression says just what implant.hold-stimulator-for-diathermy says"
    )
    assert f"duplicate-id: {told}, of the same people" in found


def test_a_documented_rule_that_no_sentence_names_is_found(check_after: Change) -> None:
    found = check_after(
        "claims.yaml", "carried-by: [therapies.offer-massage]", "carried-by: [therapies.offer-stretching]"
    )
    assert any(m.startswith("claim-not-covered: therapies.offer-massage") for m in found)


def test_a_policy_that_nothing_uses_is_dead(check_after: Change) -> None:
    found = check_after("steps/40-therapies.yaml", "    adequate: policy.massage-trial\n", "")
    assert 'dead-word: nothing uses the policy "massage-trial"' in found


# ---- evidence records ----


def test_a_record_that_nothing_carries_and_nothing_excuses_is_not_covered(check_after: Change) -> None:
    found = check_after(
        "steps/60-ketamine.yaml", "    source: ket-contra-hypersensitivity\n", "    source: ket-contra-bp\n"
    )
    assert found == ['record-not-covered: no rule or word carries the record "ket-contra-hypersensitivity"']


def test_a_record_that_is_carried_and_yet_excused_stands_twice(check_after: Change) -> None:
    first = "- record: reg-cds-four-criteria\n"
    excused = f"- record: ket-label-theophylline\n  because: An excuse.\n{first}"
    found = check_after("not-encoded.yaml", first, excused)
    assert found == [
        'record-twice: "ket-label-theophylline" is carried by a rule or word, and yet listed as not encoded'
    ]


@pytest.mark.parametrize(
    ("file", "old", "new", "record", "what"),
    [
        (
            "steps/60-ketamine.yaml",
            "when: [takes-theophylline]\n    then: {hold: iv-ketamine}",
            "when: [takes-theophylline]\n    then: {note: iv-ketamine}",
            "ket-label-theophylline",
            "a contraindication, but no rule that rests on it says hold or review or end or caution",
        ),
        (
            "steps/10-red-flags.yaml",
            "then: {refer: red-flags, to: a rheumatologist}",
            "then: {note: red-flags}",
            "rf-inflammatory-arthritis",
            "a red-flag, but no rule that rests on it says end or refer",
        ),
        (
            "steps/60-ketamine.yaml",
            "unless: [ecg-done]\n    then: {first: iv-ketamine}",
            "unless: [ecg-done]\n    then: {support: iv-ketamine}",
            "ket-pre-ecg",
            "a prerequisite, but no rule that rests on it says first or note or caution",
        ),
    ],
)
def test_a_record_whose_danger_no_rule_acts_on_is_not_heeded(
    check_after: Change, file: str, old: str, new: str, record: str, what: str
) -> None:
    assert f'record-not-heeded: "{record}" is {what}' in check_after(file, old, new)


def test_a_rule_that_decides_on_a_record_nobody_could_open_is_found(check_after: Change) -> None:
    found = check_after(
        "steps/60-ketamine.yaml", "    source: ket-contra-hypersensitivity\n", "    source: ket-frequency-limit\n"
    )
    assert "unsourced: ketamine.hold-for-allergy decides on an unverified record, ket-frequency-limit" in found
