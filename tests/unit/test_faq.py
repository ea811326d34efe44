"""The register of sentences against the FAQ itself, and against the rules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pathway.cache import load
from pathway.rules import OFFERS

SOURCE = Path(__file__).parents[2].parent / "shared" / "source"


def _squeezed(text: str) -> str:
    return re.sub(r"[\s•]+", "", text)


def test_the_sentences_in_their_order_are_the_whole_faq() -> None:
    files = sorted(SOURCE.glob("*.txt"))
    if not files:
        pytest.skip("the FAQ is not beside this checkout")
    whole = _squeezed(files[0].read_text(encoding="utf-8"))
    parts = {"s16a", "s16b", "s16c", "s16d"}  # the words of one sentence, s16, once more
    sentences = [claim.sentence for claim in load().base.claims if claim.id not in parts]
    assert _squeezed("".join(sentences)) == whole


def test_every_sentence_is_carried_or_says_why_not() -> None:
    claims = load().base.claims
    assert len(claims) == 50
    for claim in claims:
        assert bool(claim.carried_by) != bool(claim.because_not), claim.id


def test_every_option_is_offered_by_a_sentence_of_the_faq() -> None:
    base = load().base
    for option in base.options:
        offers = [rule for rule in base.rules if rule.verb in OFFERS and rule.target == option.option]
        assert [rule.layer for rule in offers] == ["documented"], option.option


def test_the_steps_and_options_stand_in_the_order_of_the_faq() -> None:
    base = load().base
    assert [step.step for step in base.walked] == ["chronic", "root", "therapies", "medication", "ketamine", "implant"]
    first = {
        option.option: base.rule[next(r.rule for r in base.rules if r.verb in OFFERS and r.target == option.option)]
        .source[0]
        .at
        for option in base.options
    }
    therapies = [first[option.option] for option in base.options_of("therapies")]
    assert therapies == sorted(therapies)
    assert len(therapies) == 8


def test_the_contradicted_sentence_on_approval_is_corrected_beside_ketamine() -> None:
    base = load().base
    assert base.claim["s20"].verdict == "contradicted"
    rule = base.rule["ketamine.caution-not-approved"]
    assert (rule.layer, rule.verb, rule.target, rule.when) == ("safety", "caution", "iv-ketamine", ())
