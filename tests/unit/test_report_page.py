import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser

import pytest

import pathway
from pathway.cache import Compiled
from pathway.report.page import render_page
from pathway.rules import Cited
from pathway.walks import Spoken, Walk, WalkedKind, WalkedOption

VOID = {"meta", "link", "br", "hr", "img", "input", "path", "circle", "rect"}
CASE = {
    "title": "CRPS of the hand",
    "as_of": "2026-03-02",
    "pain": {"duration": "7 months"},
    "causes": ["nerve-dysfunction", "nothing else"],
    "conditions": ["crps", "nothing else"],
    "trials": [{"treatment": "massage", "state": "ended", "result": "failed", "duration": "2 weeks"}],
    "medicines": ["warfarin"],
}
READY = {
    **CASE,
    "red_flags": "none",
    "causes": "none",
    "declined": "none",
    "illnesses": "none",
    "blood_pressure": "normal",
    "pregnancy": "no",
    "trials": [
        {"treatment": treatment, "state": "ended", "result": "failed", "duration": "10 weeks"}
        for treatment in ("massage", "physical-therapy", "gabapentin", "amitriptyline")
    ]
    + ["nothing else"],
}


class Outline(HTMLParser):
    """What a browser would meet: the tags in balance, ids, links, headings and text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.headings: list[int] = []
        self.text = ""
        self.seen = ""
        self.faults: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.links += [value or "" for name, value in attrs if name == "href"]
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag in ("ul", "ol", "p", "dl", "section", "details") and "p" in self.open:
            self.faults.append(f"<{tag}> inside a <p>")
        if tag == "li" and self.open[-1] not in ("ul", "ol"):
            self.faults.append(f"<li> inside <{self.open[-1]}>")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID and (not self.open or self.open.pop() != tag):
            self.faults.append(f"</{tag}> closes something else")

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data
            # What stands in a folded part is not seen, but for its summary.
            self.seen += data if self.open.count("details") <= self.open.count("summary") else ""


def walked(compiled: Compiled, data: dict) -> Walk:
    return pathway.walk(pathway.read(data, compiled=compiled), compiled)


@cache
def outlined(text: str) -> Outline:
    return Outline(text)


def plain(text: str) -> str:
    return " ".join(Outline(text).text.split())


def seen(text: str) -> str:
    return " ".join(Outline(text).seen.split())


SOURCE = Cited("doc", "page 3", "A guideline", "A society", 2020, "https://example.org", "a-record", True, "primary")


def spoken(verb: str, **more: object) -> Spoken:
    """A rule of the safety layer that fires for this person, or what `more` makes of it."""
    rule = Spoken(
        rule=f"therapies.{verb}-this",
        layer="safety",
        beside="therapies",
        verb=verb,
        target="massage",
        detail={},
        hangs_on=("a-word", "not another"),
        verdict="fires",
        because=f"Because of {verb}.",
        held_by="",
        asks=(),
        source=(SOURCE,),
    )
    return replace(rule, **more)  # type: ignore[arg-type]


def with_option(walk: Walk, name: str, **more: object) -> Walk:
    """The walk with one option changed."""

    def changed(option: WalkedOption) -> WalkedOption:
        return replace(option, **more) if option.option == name else option  # type: ignore[arg-type]

    steps = tuple(replace(step, options=tuple(map(changed, step.options))) for step in walk.steps)
    return replace(walk, steps=steps)


def card(text: str, name: str) -> str:
    """The card of one option, with the list that it stands in opened."""
    (found,) = re.findall(
        rf'<li class="card[^>]*>\s*<h\d>{re.escape(name)}</h\d>.*?(?=<li class="card|<details class="silent|</ol>)',
        text,
        re.DOTALL,
    )
    return f"<ul>{found}"


@pytest.fixture(scope="module")
def weighed(compiled: Compiled) -> Walk:
    """A walk with massage alone, which is offered, and of which everything is said that can be."""
    rules = (
        spoken("offer", layer="documented", rule="r.offer", because="The FAQ offers it.", hangs_on=()),
        spoken("support", rule="r.support-always", because="It helps many.", hangs_on=()),
        spoken("support", rule="r.support", because="It helps in this condition."),
        spoken("caution", rule="r.caution-always", because="It costs time.", hangs_on=()),
        spoken("caution", rule="r.caution", because="It is risky with this illness."),
        spoken("against", rule="r.against", because="One society advises against it."),
        spoken("hold", rule="r.hold", because="Fragile skin forbids it."),
        spoken("hold", rule="r.hold-deep", target="deep-massage", because="Warfarin forbids it."),
        spoken("first", rule="r.first", because="The skin is looked at."),
        spoken("first", rule="r.first-asks", because="The platelets are counted.", verdict="asks", asks=("age",)),
        spoken("hold", rule="r.would", because="A clot would forbid it.", verdict="asks", asks=("illnesses",)),
        spoken("note", rule="r.note", because="Studies are small."),
        spoken("support", rule="r.silent", because="Silent.", verdict="silent", held_by="not crps"),
    )
    kinds = (
        WalkedKind("gentle-massage", "Gentle massage", "clear", (), "no"),
        WalkedKind("deep-massage", "Deep massage", "held-back", (), "no"),
        WalkedKind("hot-massage", "Hot massage", "after-asking", ("age",), "no"),
    )
    walk = walked(compiled, {})
    (therapies,) = (step for step in walk.steps if step.step == "therapies")
    massage = tuple(option for option in therapies.options if option.option == "massage")
    walk = replace(walk, beside=(), steps=(replace(therapies, options=massage, rules=()),))
    return with_option(
        walk,
        "massage",
        status="offered",
        documented="tried",
        reason="patient refuses",
        kinds=kinds,
        rules=rules,
        asks=(),
    )


@pytest.fixture(scope="module")
def pages(compiled: Compiled) -> dict[str, str]:
    walks = [walked(compiled, data) for data in (CASE, READY, {}, {"red_flags": ["saddle-numbness"]})]
    made = {walk.title or walk.ending.kind: render_page([walk]) for walk in walks}
    return {**made, "all": render_page(walks)}


def test_the_page_is_well_formed_with_unique_ids_and_links_that_arrive(pages: dict[str, str]):
    for text in pages.values():
        page = outlined(text)
        assert text.startswith("<!DOCTYPE html>\n")
        assert page.faults == []
        assert page.open == []
        assert len(page.ids) == len(set(page.ids))
        inside = [link for link in page.links if link.startswith("#")]
        assert inside
        assert {link[1:] for link in inside} <= set(page.ids)


def test_the_page_has_its_language_landmarks_and_headings_in_order(pages: dict[str, str]):
    for text in pages.values():
        page = outlined(text)
        assert ("html", "lang", "en") in page.attributes
        assert {page.tags.count(tag) for tag in ("header", "main", "footer")} == {1}
        assert page.headings[0] == 1
        assert page.headings.count(1) == 1
        assert all(after <= before + 1 for before, after in zip(page.headings, page.headings[1:], strict=False))


def test_the_page_asks_nothing_of_the_network_and_runs_nothing(pages: dict[str, str]):
    for text in pages.values():
        page = outlined(text)
        assert not {"script", "link", "img", "iframe", "object", "embed", "form"} & set(page.tags)
        assert not [
            name for _, name, _ in page.attributes if name.startswith("on") or name in ("src", "srcset", "style")
        ]
        assert "url(" not in text
        assert "@import" not in text
        assert "default-src 'none'" in text


def test_what_a_case_says_is_escaped_wherever_it_stands(compiled: Compiled):
    hostile = "<script>alert(1)</script> \" ' & </title></style>"
    data = {**CASE, "title": hostile, "illnesses": [{"other": hostile}], "medicines": [{"medicine": hostile}]}
    for text in (render_page([walked(compiled, data)]), render_page([walked(compiled, data), walked(compiled, {})])):
        page = Outline(text)
        assert "script" not in page.tags
        assert page.faults == []
        assert "<script" not in text
        assert page.tags.count("title") == page.tags.count("style") == 1
        assert page.text.count("<script>alert(1)</script>") >= 3


def test_invisible_characters_of_a_case_are_made_visible(compiled: Compiled):
    text = render_page([walked(compiled, {**CASE, "title": "left\u202eright"})])
    assert "\u202e" not in text
    assert "left\\u202eright" in text


def test_every_status_and_the_ending_stand_in_words_beside_a_shape(compiled: Compiled):
    for data in (CASE, READY, {}):
        walk = walked(compiled, data)
        text = render_page([walk])
        plain = " ".join(Outline(text).text.split())
        assert walk.ending.sentence in plain
        for step in walk.steps:
            assert f"{step.title} {step.status.replace('-', ' ')}" in plain
            for option in step.options:
                assert option.name in plain
                assert f"</svg>{option.status.replace('-', ' ')}</span>" in text
        assert text.count("<svg") == text.count('aria-hidden="true"')


def test_shapes_differ_between_statuses_of_different_meaning(compiled: Compiled):
    walk = walked(compiled, CASE)
    statuses = [status for status, _ in compiled.base.statuses["option"]]
    text = render_page([with_option(walk, "massage", status=status) for status in statuses])
    shapes: dict[str, set[str]] = {}
    for drawing, status in re.findall(r"<svg[^>]*>(.*?)</svg>([a-z ]+)</span>", text):
        shapes.setdefault(status, set()).add(drawing)
    assert set(statuses) == {name.replace(" ", "-") for name in shapes}
    assert all(len(drawings) == 1 for drawings in shapes.values())
    telling = ["offered", "continue", "held back", "after asking", "tried", "not yet", "not needed"]
    assert len({min(shapes[status]) for status in telling}) == len(telling)


def test_the_layers_are_told_apart_by_word_and_line_with_a_legend(compiled: Compiled):
    walk = walked(compiled, READY)
    text = render_page([walk])
    assert 'class="legend"' in text
    for rule in (rule for step in walk.steps for rule in step.rules if rule.rule.startswith("ketamine.caution")):
        (item,) = [item for item in text.split('<li class="rule ')[1:] if f"<code>{rule.rule}</code>" in item]
        assert item.startswith("safety")
        assert "Safety and evidence" in item
    assert ".rule.safety { border-left: .3rem double" in text


def test_every_rule_stands_on_the_page_once_and_the_fired_ones_with_their_sources(compiled: Compiled):
    walk = walked(compiled, READY)
    text = render_page([walk])
    assert text.count("<details") == text.count("<summary") > 10
    of_options = [rule for step in walk.steps for option in step.options for rule in option.rules]
    every = [*walk.beside, *(rule for step in walk.steps for rule in step.rules), *of_options]
    assert {rule.rule for rule in every} == {rule.rule for rule in compiled.base.rules}
    for rule in every:
        assert text.count(f"<code>{rule.rule}</code>") == 1, rule.rule
    ketamine = next(option for step in walk.steps for option in step.options if option.option == "iv-ketamine")
    for source in (s for rule in ketamine.saying("caution", "support") for s in rule.source if s.doc != "faq"):
        assert f'href="{source.link}"' in text
        assert f"<code>{source.record}</code>" in text


def test_sources_that_nobody_verified_or_only_read_about_say_so(weighed: Walk):
    rule = spoken("note", source=(replace(SOURCE, verified=False, opened_type="secondary-summary"),))
    text = card(render_page([with_option(weighed, "massage", rules=(rule,))]), "Massage therapy")
    assert re.search(r"Because of note\. \[\d+, NOT VERIFIED\]", text)
    assert "read in someone else" in text
    assert "NOT VERIFIED" not in card(
        render_page([with_option(weighed, "massage", rules=(spoken("note"),))]), "Massage therapy"
    )


def test_sentences_that_the_evidence_contradicts_are_shown_as_contradicted(compiled: Compiled):
    walk = walked(compiled, CASE)
    text = " ".join(Outline(render_page([walk])).text.split())
    assert "Where the evidence contradicts the FAQ" in text
    assert "FAQ s09, contradicted:" in text
    assert "FAQ s09" not in render_page([walked(compiled, {**CASE, "causes": "none"})])


def test_trials_that_do_not_count_and_the_policies_a_step_rests_on_are_told(compiled: Compiled):
    short = " ".join(Outline(render_page([walked(compiled, CASE)])).text.split())
    walk = walked(compiled, CASE)
    notes = [note for step in walk.steps for option in step.options for note in option.trial_notes]
    assert notes
    assert all(" ".join(note.split()) in short for note in notes)
    ready = walked(compiled, READY)
    policies = [policy for step in ready.steps if step.status == "done" for policy in step.rests_on]
    assert policies
    text = " ".join(Outline(render_page([ready])).text.split())
    assert all(" ".join(policy.split()) in text for policy in policies)


def test_each_option_shows_the_documented_view_beside_its_status_quietly_where_it_is_the_same(weighed: Walk):
    text = card(render_page([weighed]), "Massage therapy")
    assert "offered documented pathway alone: tried" in plain(text)
    assert 'class="alone differs"' in text
    same = card(render_page([with_option(weighed, "massage", documented="offered")]), "Massage therapy")
    assert "offered documented pathway alone: the same" in plain(same)
    assert "differs" not in same


def test_an_option_that_is_not_weighed_now_shows_a_documented_view_that_differs(weighed: Walk):
    text = plain(render_page([with_option(weighed, "massage", status="withheld", documented="offered")]))
    assert "withheld: Massage therapy documented pathway alone: offered" in text


def test_the_reason_of_a_closed_option_has_the_name_that_hl7_gives_it(weighed: Walk):
    assert "Reason, by HL7's name for it: patient refuses" in plain(render_page([weighed]))
    assert "HL7" not in card(render_page([with_option(weighed, "massage", reason="")]), "Massage therapy")


def test_the_kinds_of_an_option_show_what_holds_or_asks_for_each(weighed: Walk):
    text = card(render_page([weighed]), "Massage therapy")
    kinds = seen(text[text.index('<ul class="kinds">') : text.index("If so answered")])
    assert re.search(r"Deep massage: held back .*held back: Warfarin forbids it\.", kinds)
    number = [question.field for question in weighed.questions].index("age") + 1
    assert f"Hot massage: after asking. Waits for question {number}" in kinds
    assert "Gentle massage: not held back" in kinds
    assert "Fragile skin" not in kinds


def test_what_must_come_first_is_told_and_asked_for_where_nobody_knows(weighed: Walk):
    text = seen(card(render_page([weighed]), "Massage therapy"))
    number = [question.field for question in weighed.questions].index("age") + 1
    assert "first: The skin is looked at." in text
    assert f"first, unless done already: The platelets are counted. (question {number})" in text


def test_arguments_stand_for_and_against_with_those_that_always_hold_folded_and_counted(weighed: Walk):
    text = card(render_page([weighed]), "Massage therapy")
    open_, all_ = seen(text), plain(text)
    for_, against = all_.split("Against (3)")[0].split("For (3)")[1], all_.split("Against (3)")[1]
    assert for_.index("supports: It helps in this condition.") < for_.index("2 arguments that always hold")
    assert for_.index("2 arguments that always hold") < for_.index("offers: The FAQ offers it.")
    assert against.index("caution: It is risky with this illness.") < against.index("1 argument that always holds")
    assert "advises against: One society advises against it." in against
    assert "held back: Fragile skin forbids it." in open_
    assert "It helps in this condition." in open_ and "One society" in open_ and "risky" in open_
    for folded in ("It helps many.", "The FAQ offers it.", "It costs time.", "Studies are small.", "A clot"):
        assert folded in all_ and folded not in open_
    assert "1 rule would hold it back" in open_
    assert "1 note" in open_
    assert "Silent." not in all_


def test_an_opened_rule_tells_what_it_hangs_on(weighed: Walk):
    text = card(render_page([weighed]), "Massage therapy")
    assert "Rule r.against, about massage: fires, on a-word, not another." in plain(text)
    assert "Rule r.offer, about massage: fires." in plain(text)


def test_a_correction_of_the_faq_is_seen_even_where_it_always_holds(weighed: Walk):
    wrong = replace(SOURCE, doc="faq", at="s20", claim_verdict="contradicted", claim_sentence="It is approved.")
    for verb in ("caution", "note"):
        rule = spoken(verb, hangs_on=(), because="It is not approved.", source=(SOURCE, wrong))
        text = render_page([with_option(weighed, "massage", rules=(rule,))])
        assert "It is not approved." in seen(text)
        assert "This corrects the FAQ, s20." in seen(text)
        assert "FAQ s20, contradicted: It is approved." in plain(text)


def test_an_option_that_was_tried_has_its_arguments_folded_into_one(weighed: Walk):
    text = seen(card(render_page([with_option(weighed, "massage", status="tried")]), "Massage therapy"))
    assert "3 for it, 4 against it, 1 note" in text
    assert "It helps in this condition." not in text


def test_scope_and_red_flags_come_before_what_is_known_and_other_files_after(weighed: Walk):
    beside = (
        spoken("caution", beside="opioids", because="Of opioids."),
        spoken("caution", beside="red-flags", because="Of warning signs."),
        spoken("refer", beside="scope", because="Of scope.", detail={"to": "the cancer team"}),
        spoken("caution", beside="red-flags", because="Nobody asked.", verdict="asks", rule="red-flags.unasked"),
    )
    text = seen(render_page([replace(weighed, beside=beside)]))
    parts = ("Of scope.", "Of warning signs.", "What is known", "Of opioids.", "The pathway, from")
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert "refer to the cancer team: Of scope." in text
    assert "Nobody asked." not in text
    assert "Warning signs" not in seen(render_page([replace(weighed, beside=())]))


@pytest.mark.parametrize(
    ("grade", "word"), [("emergency", "Emergency"), ("urgent", "Urgent"), ("scope", "Out of scope")]
)
def test_the_grade_of_an_ending_stands_in_words(weighed: Walk, grade: str, word: str):
    text = render_page([replace(weighed, ending=replace(weighed.ending, grade=grade, sentence="Stop."))])
    assert f"{word} Stop." in " ".join(Outline(text.replace("</span>", " ")).text.split())
    assert f">{word}<" not in render_page([weighed])


def test_the_sums_of_medicines_stand_with_what_is_known(compiled: Compiled):
    walk = walked(compiled, {"medicines": [{"medicine": "morphine", "dose": "60 mg/day"}, "nothing else"]})
    (measure,) = walk.measures
    known = plain(render_page([walk])).split("What is known")[1].split("The pathway")[0]
    assert measure.text.replace(": 60", "60", 1) in known
    assert "60 MME a day" in known


def test_questions_are_numbered_and_cards_point_at_them(compiled: Compiled):
    walk = walked(compiled, CASE)
    text = render_page([walk])
    for number, question in enumerate(walk.questions, 1):
        assert f'<li id="w1-q{number}">' in text
        assert question.question.split("?")[0] in text
    assert text.count("DANGER") == sum(question.danger for question in walk.questions) > 0
    assert 'href="#w1-q1"' in text


def test_intended_use_and_stamp_are_on_the_page(compiled: Compiled):
    walk = walked(compiled, CASE)
    text = " ".join(Outline(render_page([walk])).text.split())
    for what in (walk.intended_for, walk.not_for, walk.digest[:12], f"rules {walk.edition}", "as of 2026-03-02"):
        assert " ".join(what.split()) in text
    assert "never orders" in text


def test_several_walks_have_an_index_at_the_top(compiled: Compiled):
    walks = [walked(compiled, CASE), walked(compiled, READY), walked(compiled, {})]
    text = render_page(walks)
    index = text[text.index("<nav") : text.index("</nav>")]
    assert [f'href="#w{n}"' in index for n in (1, 2, 3)] == [True, True, True]
    assert text.count("<article") == 3
    assert "<nav" not in render_page(walks[:1])


def test_colours_of_text_have_the_contrast_that_aa_asks_for():
    from importlib.resources import files

    css = files("pathway.report").joinpath("page.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{3,6})", css))
    for ink in ("ink", "soft", "doc", "safe", "go", "ask", "halt"):
        for ground in (colours["paper"], colours["wash"], "#fdf5f1"):
            assert _contrast(colours[ink], ground) >= 4.5, (ink, ground)
    assert _contrast(colours["line"], colours["paper"]) >= 3
    assert _contrast(re.findall(r"\ba \{ color: (#[0-9a-f]{6})", css)[0], "#fdf5f1") >= 4.5


def _contrast(first: str, second: str) -> float:
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(2 * c for c in digits) if len(digits) == 3 else digits
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_same_case_gives_the_same_bytes(compiled: Compiled):
    assert render_page([walked(compiled, CASE)]) == render_page([walked(compiled, CASE)])
