import re
from html.parser import HTMLParser

import pytest

import pathway
from pathway.cache import Compiled, bundled_cases
from pathway.report.page import render_page
from pathway.walks import Walk

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


def walked(compiled: Compiled, data: dict) -> Walk:
    return pathway.walk(pathway.read(data, compiled=compiled), compiled)


@pytest.fixture(scope="module")
def pages(compiled: Compiled) -> dict[str, str]:
    walks = [walked(compiled, data) for data in (CASE, READY, {}, {"red_flags": ["saddle-numbness"]})]
    made = {walk.title or walk.ending.kind: render_page([walk]) for walk in walks}
    return {**made, "all": render_page(walks)}


def test_the_page_is_well_formed_with_unique_ids_and_links_that_arrive(pages: dict[str, str]):
    for text in pages.values():
        page = Outline(text)
        assert text.startswith("<!DOCTYPE html>\n")
        assert page.faults == []
        assert page.open == []
        assert len(page.ids) == len(set(page.ids))
        inside = [link for link in page.links if link.startswith("#")]
        assert inside
        assert {link[1:] for link in inside} <= set(page.ids)


def test_the_page_has_its_language_landmarks_and_headings_in_order(pages: dict[str, str]):
    for text in pages.values():
        page = Outline(text)
        assert ("html", "lang", "en") in page.attributes
        assert {page.tags.count(tag) for tag in ("header", "main", "footer")} == {1}
        assert page.headings[0] == 1
        assert page.headings.count(1) == 1
        assert all(after <= before + 1 for before, after in zip(page.headings, page.headings[1:], strict=False))


def test_the_page_asks_nothing_of_the_network_and_runs_nothing(pages: dict[str, str]):
    for text in pages.values():
        page = Outline(text)
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
    cases = sorted(path for path in bundled_cases().iterdir() if path.suffix in (".yaml", ".json"))
    text = render_page([pathway.walk(pathway.read(path, compiled=compiled), compiled) for path in cases])
    shapes: dict[str, set[str]] = {}
    for drawing, status in re.findall(r"<svg[^>]*>(.*?)</svg>([a-z ]+)</span>", text):
        shapes.setdefault(status, set()).add(drawing)
    assert {status for status, _ in compiled.base.statuses["option"]} == {name.replace(" ", "-") for name in shapes}
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


def test_every_fired_rule_can_be_opened_to_its_id_and_its_sources(compiled: Compiled):
    walk = walked(compiled, READY)
    text = render_page([walk])
    assert text.count("<details") == text.count("<summary") > 10
    told = [rule for step in walk.steps for rule in step.rules if f"<code>{rule.rule}</code>" in text]
    assert {rule.rule for step in walk.steps for rule in step.rules} == {rule.rule for rule in told}
    for source in (s for rule in walk.steps[4].rules if rule.verdict == "fires" for s in rule.source if s.doc != "faq"):
        assert f'href="{source.link}"' in text
        assert f"<code>{source.record}</code>" in text


def test_sources_that_nobody_verified_or_only_read_about_say_so(compiled: Compiled):
    text = render_page([walked(compiled, READY)])
    assert "NOT VERIFIED" in text
    assert "read in someone else" in text
    assert re.search(r"declining it costs nobody the implants\. \[\d+, NOT VERIFIED\]", text)


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


def test_questions_are_numbered_and_cards_point_at_them(compiled: Compiled):
    walk = walked(compiled, CASE)
    text = render_page([walk])
    for number, question in enumerate(walk.questions, 1):
        assert f'<li id="w1-q{number}">' in text
        assert question.question.split("?")[0] in text
    assert text.count("DANGER") == sum(question.danger for question in walk.questions) == 1
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
