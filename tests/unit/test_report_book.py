import shutil
from pathlib import Path

import pytest

from pathway.cache import Compiled, bundled_rules, load
from pathway.problem import Problems
from pathway.report.book import (
    render_book,
    render_list,
    render_new,
    render_show,
    render_trace,
    render_words,
)
from pathway.rulefile import read_rules


def test_the_list_has_one_line_for_each_rule_with_its_layer_and_what_it_does(compiled: Compiled):
    lines = render_list(compiled).splitlines()
    for rule in compiled.base.rules:
        (line,) = [line for line in lines if f" {rule.rule} " in line]
        assert line.split() == [rule.layer, rule.rule, rule.verb, rule.target]


def test_the_words_tell_meaning_expression_and_users_of_each_word(compiled: Compiled):
    text = " ".join(render_words(compiled).split())
    for word in compiled.base.words:
        assert word.means in text
        assert "is: " + " ".join(word.text.split()) in text
    assert "used by: nothing" not in text


def test_a_shown_rule_tells_sentence_reason_source_and_place(compiled: Compiled):
    text = " ".join(render_show(compiled, "ketamine.hold-for-pregnancy").split())
    assert "When pregnant (The person is pregnant), then hold back IV ketamine infusion" in text
    assert compiled.base.rule["ketamine.hold-for-pregnancy"].because in text
    assert "record: ket-contra-cv-preg-psych" in text
    assert "https://doi.org/10.1097/AAP.0000000000000808" in text
    assert "read in someone else's account" in text
    assert "60-ketamine.yaml:" in text
    assert "expect" not in text


def test_a_shown_rule_says_that_its_source_was_not_verified(compiled: Compiled):
    unverified = [rule for rule in compiled.base.rules if any(not source.verified for source in rule.source)]
    assert unverified
    for rule in unverified:
        assert "NOT VERIFIED" in " ".join(render_show(compiled, rule.rule).split())
        assert "NOT VERIFIED" in " ".join(render_book(compiled).split(f"`{rule.rule}`")[1].split("\n")[0].split())
    assert "NOT VERIFIED" not in render_show(compiled, "therapies.offer-massage")


@pytest.mark.parametrize("kind", ["rule", "word", "option", "claim", "document", "medicines"])
def test_everything_that_has_a_name_can_be_shown(compiled: Compiled, kind: str):
    names = [name for name in getattr(compiled.base, kind) if name != "faq"]
    assert names
    for name in names:
        assert name in render_show(compiled, name)


def test_steps_policies_and_members_of_families_can_be_shown(compiled: Compiled):
    for step in compiled.base.steps:
        assert step.title in render_show(compiled, step.step)
    for policy in compiled.base.policies:
        assert "range" in render_show(compiled, policy.policy)
    member = render_show(compiled, "massage.helping")
    assert "A trial of Massage therapy helped" in member
    assert "some trial of massage" in member
    assert "{option}" not in member.split("used by")[0].partition("\n")[2]


def test_a_policy_without_a_source_says_that_it_is_a_choice_and_what_uses_it(compiled: Compiled):
    text = render_show(compiled, "therapies-exhausted-at")
    assert "none: a clinic's choice" in text
    assert "step therapies" in text


def test_a_policy_that_the_clinic_changed_shows_both_values():
    assert "3, as this clinic sets it" in render_show(
        load(None, {"therapies-exhausted-at": 3}), "therapies-exhausted-at"
    )


def test_a_sentence_that_the_evidence_contradicts_is_shown_as_such_everywhere(compiled: Compiled):
    assert "CONTRADICTED" in render_show(compiled, "s20")
    wrong = [claim.id for claim in compiled.base.claims if claim.verdict == "contradicted"]
    assert wrong
    for claim in wrong:
        assert f"**{claim}**" in render_book(compiled)
    assert render_book(compiled).count("Evidence: CONTRADICTED") == len(wrong)


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        ("therapies.offer-masage", "therapies.offer-massage"),
        ("chronic-pian", "chronic-pain"),
        ("massage.helpin", "massage.helping"),
    ],
)
def test_an_unknown_name_is_met_with_the_nearest_one(compiled: Compiled, name: str, guess: str):
    with pytest.raises(Problems) as caught:
        render_show(compiled, name)
    (problem,) = caught.value.items
    assert problem.kind == "unknown-rule"
    assert f'did you mean "{guess}"' in problem.help


def test_the_book_reads_every_step_rule_word_policy_and_sentence(compiled: Compiled):
    text, base = render_book(compiled), compiled.base
    for step in base.steps:
        assert f": {step.title}\n" in text
    for rule in base.rules:
        assert f"`{rule.rule}`: " in text
        assert rule.because in text
    for word in base.words:
        assert f"**{word.word}**" in text
    for policy in base.policies:
        assert f"`{policy.policy}` (default" in text
    for claim in base.claims:
        assert claim.sentence in text
    for document in base.documents:
        assert document.title in text


def test_the_book_tells_the_layers_apart(compiled: Compiled):
    ketamine = render_book(compiled).split(": IV ketamine\n")[1].split("\n## ")[0]
    documented, safety = ketamine.split("### Safety and evidence rules")
    for rule in compiled.base.rules:
        if rule.step == "ketamine":
            here, there = (documented, safety) if rule.layer == "documented" else (safety, documented)
            assert f"`{rule.rule}`" in here
            assert f"`{rule.rule}`" not in there


def test_the_trace_goes_both_ways_and_leaves_nothing_out(compiled: Compiled):
    there, back = render_trace(compiled).split("documented rules and the sentences")
    flat = " ".join(there.split())
    for claim in compiled.base.claims:
        assert f"{claim.id} {claim.sentence}" in flat
        assert all(f"carried by {name}\n" in there for name in claim.carried_by)
        assert claim.because_not in flat
    for rule in compiled.base.rules:
        lines = [line for line in back.splitlines() if line.startswith(f"  {rule.rule}: ")]
        assert len(lines) == (rule.layer == "documented")
        assert all(source.at in lines[0] for source in rule.source if lines and source.doc == "faq")


@pytest.mark.parametrize("step", ["red-flags", "chronic", "root", "therapies", "medication", "ketamine", "implant"])
def test_the_blank_of_a_rule_reads_when_put_into_the_file_of_its_step(compiled: Compiled, step: str, tmp_path: Path):
    folder = tmp_path / "rules"
    shutil.copytree(bundled_rules(), folder)
    (file,) = (folder / "steps").glob(
        f"*-{'is-it-chronic' if step == 'chronic' else 'root-cause' if step == 'root' else step}.yaml"
    )
    before = file.read_text(encoding="utf-8").rstrip() + "\n\n"
    file.write_text(before + render_new(compiled, step), encoding="utf-8")
    with pytest.raises(Problems) as unfilled:
        read_rules(folder)
    assert {problem.kind for problem in unfilled.value.items} == {"unknown-word", "unknown-source"}
    filled = render_new(compiled, step).replace("a-word", "pregnant").replace("a-document", "asra2018")
    file.write_text(before + filled, encoding="utf-8")
    (added,) = [rule for rule in read_rules(folder).rules if rule.rule not in compiled.base.rule]
    assert added.step == step
    assert added.layer == "safety"
    assert len(added.examples) == 2
    assert str(file.name) in render_new(compiled, step)


def test_the_blank_of_a_rule_for_an_unknown_step_names_the_nearest(compiled: Compiled):
    with pytest.raises(Problems) as caught:
        render_new(compiled, "ketamin")
    (problem,) = caught.value.items
    assert problem.kind == "unknown-step"
    assert 'did you mean "ketamine"' in problem.help


def test_the_same_rules_give_the_same_bytes(compiled: Compiled):
    again = load()
    for render in (render_list, render_words, render_book, render_trace):
        assert render(again) == render(compiled)
