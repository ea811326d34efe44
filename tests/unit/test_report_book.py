import shutil
from pathlib import Path

import pytest

from pathway.cache import Compiled, bundled_rules, load
from pathway.language import Scope, Tree, nodes, parse
from pathway.problem import Problems
from pathway.profile import fields
from pathway.report.book import (
    OPENED,
    _tree_said,
    render_book,
    render_list,
    render_new,
    render_show,
    render_sources,
    render_trace,
    render_words,
)
from pathway.rulefile import OWN, read_rules
from pathway.rules import SAFETY, Rule, Source


def flat(text: str) -> str:
    return " ".join(text.split())


def entry(text: str, doc: str) -> str:
    """The entry of one document in the bibliography, on one line."""
    (found,) = [part for part in map(flat, text.split("\n\n")) if f" {doc}; read: " in part]
    return found


def test_the_list_has_one_line_for_each_rule_with_its_layer_and_what_it_does(compiled: Compiled):
    lines = render_list(compiled).splitlines()
    for rule in compiled.base.rules:
        (line,) = [line for line in lines if f" {rule.rule} " in line]
        said, *details = line.split(", ")
        assert said.split() == [rule.layer, rule.rule, rule.verb, rule.target]
        assert details == [f"{key}: {value}" for key, value in rule.detail.items()]


def test_the_list_follows_the_order_of_the_files(compiled: Compiled):
    text = render_list(compiled)
    places = [
        text.index(f"\n{step.title} ({step.step}{'' if step.walked else ', beside the steps'})\n")
        for step in compiled.base.steps
    ]
    assert len(places) > 6
    assert places == sorted(places)


def test_the_words_tell_meaning_expression_and_users_of_each_word(compiled: Compiled):
    text = " ".join(render_words(compiled).split())
    for word in compiled.base.words:
        assert flat(word.means) in text
        assert "is: " + " ".join(word.text.split()) in text


def test_a_family_of_words_says_of_what_there_is_one_for_each_and_how_many(compiled: Compiled):
    text = flat(render_words(compiled))
    for word in (word for word in compiled.base.words if word.each):
        number = len(compiled.base.members[word.each])
        (described,) = [part for part in text.split(f"{word.word} (")[1:2] if "a family: one word for each" in part]
        assert (
            f"({number}), such as {word.word.replace(f'{{{word.each}}}', compiled.base.members[word.each][0])}"
            in described
        )
    assert f"one word for each illness ({len(fields()['illnesses'].values)})" in text


def test_a_member_of_a_family_is_shown_by_its_own_name_with_its_own_users(compiled: Compiled):
    text = flat(render_show(compiled, "glaucoma"))
    assert "word glaucoma (of the family {illness})" in text
    assert fields()["illnesses"].values["glaucoma"] in text
    assert "is illnesses has glaucoma" in text
    using = [rule.rule for rule in compiled.base.rules if "glaucoma" in (*rule.when, *rule.unless)]
    others = [rule.rule for rule in compiled.base.rules if "sleep-apnoea" in (*rule.when, *rule.unless)]
    used_by = text.split("used by ")[1]
    assert using and others
    assert all(rule in used_by for rule in using)
    assert not [rule for rule in others if rule not in using and rule in used_by]


def test_a_family_is_shown_with_all_its_members_and_all_who_use_one(compiled: Compiled):
    text = flat(render_show(compiled, "{illness}"))
    assert all(illness in text for illness in fields()["illnesses"].values)
    for rule in compiled.base.rules:
        if "glaucoma" in rule.when:
            assert rule.rule in text


def test_a_word_of_each_option_names_those_who_use_it_of_every_option(compiled: Compiled):
    assert "relief" in flat(render_show(compiled, "massage.helping")).split("used by ")[1]


def test_every_expression_is_written_as_it_reads(compiled: Compiled):
    base = compiled.base
    members = {each: frozenset((*names, f"{{{each}}}")) for each, names in base.members.items()}
    words = {
        word.word.replace(f"{{{word.each}}}", name) for word in base.words for name in members.get(word.each, [""])
    }
    units = {p.policy: "yes or no" if isinstance(p.default, bool) else p.unit for p in base.policies}
    named = members["option"], members["step"], members["class"], members["kind"]
    scope = Scope(fields(), frozenset((*words, *OWN, SAFETY)), units, *named)
    trees = [word.tree for word in base.words] + [kind.taken for kind in base.kinds]
    trees += [option.taken for option in base.options]
    trees += [tree for step in base.steps for tree in (step.passed, step.not_needed, step.under_treatment)]
    assert {"total", "kinds", "options", "some", "later", "at-least", "number"} <= {
        str(node[0]) for tree in trees for node in nodes(tree)
    }
    for tree in trees:
        assert parse(_tree_said(tree), scope) == tree, _tree_said(tree)


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        (["total", "mme", "opioid", ">=", 50.0], "total mme of opioid >= 50"),
        (["total", "dose", "acetaminophen", ">", 4000.0], "total dose of acetaminophen > 4000 mg/day"),
        (["kinds", "every", "opioid", "held"], "every kind of opioid is held"),
        (["options", "at-least", ["policy", "n"], True, "therapies", "counted"],
         "at least policy.n countable options of therapies are counted"),
        (["not", ["or", [["word", "a"], ["word", "b"]]]], "not (a or b)"),
        (["rules", "ends", None], "any rule that ends the walk"),
    ],
)  # fmt: skip
def test_a_tree_is_said_in_the_language_of_the_rules(tree: Tree, said: str):
    assert _tree_said(tree) == said


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


@pytest.mark.parametrize("kind", ["rule", "word", "option", "kind", "claim", "document", "medicines", "records"])
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


def test_every_verb_can_be_read_aloud_with_its_target(compiled: Compiled):
    one = {rule.verb: rule for rule in compiled.base.rules}
    said = {verb: flat(render_show(compiled, rule.rule)) for verb, rule in one.items()}
    for verb, start in {
        "support": "this speaks for", "against": "this advises against", "first": "before", "refer": "refer to",
        "hold": "hold back", "review": "review", "end": "end the walk",
    }.items():  # fmt: skip
        assert f"then {start} " in said[verb]
    assert f"refer to {one['refer'].detail['to']} (beside" in said["refer"]


def test_an_option_names_its_kinds_and_a_kind_what_is_said_of_it(compiled: Compiled):
    option = render_show(compiled, "opioid")
    kinds = compiled.base.kinds_of("opioid")
    assert len(kinds) > 3
    for kind in kinds:
        assert f"  kind     {kind.kind}: {kind.name}" in option
    text = flat(render_show(compiled, "fentanyl-patch"))
    assert "option opioid (Opioid)" in text
    assert "taken now where: some medicine of fentanyl where form = patch" in text
    assert "taken nothing in a case says so" in flat(render_show(compiled, "massage"))
    assert compiled.base.rules_for["fentanyl-patch"]
    assert all(rule.rule in text for rule in compiled.base.rules_for["fentanyl-patch"])


def test_an_evidence_record_is_shown_with_what_carries_it_or_why_nothing_does(compiled: Compiled):
    base = compiled.base
    carried = {source.record for rule in base.rules for source in rule.source}
    unverified = [name for name, record in base.records.items() if not record["verified"] and name in carried]
    assert unverified and base.not_encoded
    for record, because in base.not_encoded.items():
        assert f"not carried, because: {flat(because)}" in flat(render_show(compiled, record))
    assert "NOT VERIFIED" in render_show(compiled, unverified[0])
    text = render_show(compiled, "ket-contra-bp")
    assert "NOT VERIFIED" not in text
    assert f"kind     {base.records['ket-contra-bp']['kind']}" in text
    for rule in base.rules:
        assert (f"carried  by rule {rule.rule}\n" in text) == any(s.record == "ket-contra-bp" for s in rule.source)


def _resting(compiled: Compiled, doc: str) -> list[tuple[str, Rule, Source]]:
    return [(rule.rule, rule, source) for rule in compiled.base.rules for source in rule.source if source.doc == doc]


def test_the_bibliography_has_each_document_once_the_faq_first_then_by_organisation(compiled: Compiled):
    base = compiled.base
    text = flat(render_sources(compiled))
    places = []
    for document in base.documents:
        assert text.count(f" {document.doc}; read: ") == 1
        assert flat(document.title) in text
        assert document.link in text
        places.append((text.index(f" {document.doc}; read: "), document))
    ordered = [document for _, document in sorted(places, key=lambda place: place[0])]
    assert ordered[0].doc == "faq"
    assert [d.organisation.casefold() for d in ordered[1:]] == sorted(d.organisation.casefold() for d in ordered[1:])
    assert f"{len(base.documents)} documents" in text


def test_the_bibliography_tells_what_rests_on_each_document_with_its_records(compiled: Compiled):
    text = render_sources(compiled)
    for document in compiled.base.documents:
        told = entry(text, document.doc)
        for name, _, source in _resting(compiled, document.doc):
            assert f" {name} (" in told
            assert (source.record or source.at) in told
        assert ("NOT VERIFIED" in told) == any(
            not source.verified for source in _cited(compiled) if source.doc == document.doc
        )
    assert any("words " in entry(text, document.doc) for document in compiled.base.documents)
    assert any("policies " in entry(text, document.doc) for document in compiled.base.documents)


def _cited(compiled: Compiled) -> list[Source]:
    base = compiled.base
    sources = [each.source for each in base.rules] + [each.source for each in base.words]
    sources += [each.source for each in base.policies] + [each.source for each in base.steps]
    return [source for each in sources for source in each]


def test_the_bibliography_says_how_near_to_each_document_its_records_came(compiled: Compiled):
    text = render_sources(compiled)
    opened: dict[str, dict[str, str]] = {}
    for source in _cited(compiled):
        if source.record and source.doc != "faq":
            opened.setdefault(source.doc, {})[source.record] = source.opened_type
    assert len({how for records in opened.values() for how in records.values()}) >= 4
    for doc, records in opened.items():
        for how in set(records.values()):
            number = list(records.values()).count(how)
            assert f"{OPENED[how]} ({number} record{'s' if number > 1 else ''})" in entry(text, doc)


def test_one_document_can_be_asked_for_and_an_unknown_one_is_met_with_the_nearest(compiled: Compiled):
    whole, (first, second) = render_sources(compiled), compiled.base.documents[1:3]
    alone = render_sources(compiled, first.doc)
    assert flat(alone) == entry(whole, first.doc)
    assert f" {second.doc}; read: " not in flat(alone)
    with pytest.raises(Problems) as caught:
        render_sources(compiled, first.doc + "x")
    (problem,) = caught.value.items
    assert problem.kind == "unknown-source"
    assert f'did you mean "{first.doc}"' in problem.help


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


def test_the_blank_names_the_kinds_that_a_rule_may_speak_of_and_when_it_needs_examples(compiled: Compiled):
    text = flat(render_new(compiled, "medication").replace("#", " "))
    assert all(
        kind.kind in text
        for option in compiled.base.options_of("medication")
        for kind in compiled.base.kinds_of(option.option)
    )
    assert "Only where `when` and `unless` name two words or more" in text
    assert "{name: the exception holds it, yes: [a-word, another-word], expect: silent}" in text


@pytest.mark.parametrize("step", ["red-flags", "opioids", "chronic", "medication", "ketamine"])
def test_the_blank_of_a_rule_reads_when_put_into_the_file_of_its_step(compiled: Compiled, step: str, tmp_path: Path):
    folder = tmp_path / "rules"
    shutil.copytree(bundled_rules(), folder)
    (place,) = [each.place for each in compiled.base.steps if each.step == step]
    file = folder / place.removeprefix("rules/").rpartition(":")[0]
    before = file.read_text(encoding="utf-8").rstrip() + "\n\n"
    file.write_text(before + render_new(compiled, step), encoding="utf-8")
    with pytest.raises(Problems) as unfilled:
        read_rules(folder)
    assert {problem.kind for problem in unfilled.value.items} == {"unknown-word", "unknown-record"}
    filled = render_new(compiled, step).replace("a-word", "pregnant").replace("a-record", "ket-contra-bp")
    file.write_text(before + filled, encoding="utf-8")
    (added,) = [rule for rule in read_rules(folder).rules if rule.rule not in compiled.base.rule]
    assert added.step == step
    assert added.layer == "safety"
    assert added.source[0].record == "ket-contra-bp"
    assert added.examples == ()
    assert str(file.name) in render_new(compiled, step)


def test_the_blank_of_a_rule_for_an_unknown_step_names_the_nearest(compiled: Compiled):
    with pytest.raises(Problems) as caught:
        render_new(compiled, "ketamin")
    (problem,) = caught.value.items
    assert problem.kind == "unknown-step"
    assert 'did you mean "ketamine"' in problem.help


def test_the_same_rules_give_the_same_bytes(compiled: Compiled):
    again = load()
    for render in (render_list, render_words, render_book, render_trace, render_sources):
        assert render(again) == render(compiled)
