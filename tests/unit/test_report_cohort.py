import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from html import unescape
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest

from pathway.batch.cohort import Cohort, summarise
from pathway.batch.suppression import HIDDEN, LARGE, SMALL, Count
from pathway.report.cohort import ENDING_NAMES, cohort_json, render_cohort
from tests.unit.test_batch_cohort import REFUSED, base, people, write_batch
from tests.unit.test_report_page import VOID, Outline

SVG_VOID = {"path", "rect", "line", "circle"}
PAGES: dict[str, str] = {}


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return summarise(write_batch(tmp_path_factory.mktemp("large"), people(20_000, 1, base()), base(), REFUSED), base())


@pytest.fixture(scope="module")
def middling(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return summarise(write_batch(tmp_path_factory.mktemp("some"), people(90, 2, base()), base(), REFUSED), base())


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return summarise(write_batch(tmp_path_factory.mktemp("tiny"), people(9, 2, base()), base(), REFUSED), base())


@pytest.fixture(params=["large", "middling", "tiny"])
def cohort(request: pytest.FixtureRequest) -> Cohort:
    found: Cohort = request.getfixturevalue(request.param)
    return found


def page(cohort: Cohort) -> str:
    """Its page, made once."""
    data = cohort_json(cohort)
    if data not in PAGES:
        PAGES[data] = render_cohort(cohort)
    return PAGES[data]


@cache
def outlined(text: str) -> Outline:
    return Outline(text)


def outline(cohort: Cohort) -> Outline:
    return outlined(page(cohort))


def plain(cohort: Cohort) -> str:
    return " ".join(outline(cohort).text.split())


def counts_of(data: Any) -> Iterator[Count]:
    """Every count in the JSON of a cohort."""
    if isinstance(data, dict):
        for value in data.values():
            yield from counts_of(value)
    elif isinstance(data, list | tuple):
        for value in data:
            yield from counts_of(value)
    elif data in (SMALL, LARGE, HIDDEN) or (isinstance(data, int) and not isinstance(data, bool)):
        yield data


# ---- the page as a page ----


def test_the_page_is_whole_html(cohort: Cohort) -> None:
    found = outline(cohort)
    assert not [fault for fault in found.faults if not any(tag in fault for tag in SVG_VOID)]
    assert found.open in ([], ["html"]) or not set(found.open) - VOID - SVG_VOID
    assert page(cohort).startswith('<!DOCTYPE html>\n<html lang="en">')


def test_nothing_is_fetched_and_nothing_runs(cohort: Cohort) -> None:
    text, found = page(cohort), outline(cohort)
    assert "default-src 'none'; style-src 'unsafe-inline'" in unescape(text)
    assert not {"script", "img", "link", "iframe", "object", "image", "use", "foreignObject"} & set(found.tags)
    assert not [name for _, name, _ in found.attributes if name.startswith("on") or name in ("src", "xlink:href")]
    styles = "".join(re.findall(r"<style>(.*?)</style>", text, re.DOTALL))
    assert "url(" not in text and "@import" not in styles
    requests = [value for tag, name, value in found.attributes if name == "href" and tag != "a"]
    assert not requests


def test_headings_go_down_one_at_a_time_from_one_title(cohort: Cohort) -> None:
    levels = outline(cohort).headings
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_every_id_is_there_once_and_every_link_leads_somewhere(cohort: Cohort) -> None:
    found = outline(cohort)
    assert len(found.ids) == len(set(found.ids))
    inside = [link[1:] for link in found.links if link.startswith("#")]
    assert set(inside) <= set(found.ids) and "cohort" in inside
    named = [value for _, name, value in found.attributes if name == "aria-labelledby" and value]
    assert {id for value in named for id in value.split()} <= set(found.ids)


def test_every_chart_is_an_image_with_a_name_and_a_description(large: Cohort) -> None:
    drawings = re.findall(r"<svg .*?</svg>", page(large), re.DOTALL)
    assert len(drawings) == 5
    for drawing in drawings:
        svg = ElementTree.fromstring(drawing)  # noqa: S314  our own drawing
        space = "{http://www.w3.org/2000/svg}"
        assert svg.get("role") == "img" and svg.get("viewBox")
        title, described = svg.find(f"{space}title"), svg.find(f"{space}desc")
        assert title is not None and title.text and described is not None and described.text
        assert svg.get("aria-labelledby") == f"{title.get('id')} {described.get('id')}"
        assert not [each for each in svg.iter() if each is not svg and (each.get("role") or each.get("id") not in
                    (None, title.get("id"), described.get("id")))]  # fmt: skip


def test_charts_have_the_colours_of_the_page(large: Cohort) -> None:
    drawings = "".join(re.findall(r"<svg .*?</svg>", page(large), re.DOTALL))
    colours = {unescape(each) for each in re.findall(r'(?:fill|stroke)="([^"]*)"', drawings)}
    names = ("go", "ask", "halt", "soft", "doc", "tint")
    assert colours <= {"none", "currentColor", *(f"var(--{name})" for name in names)}
    assert "prefers-color-scheme: dark" in page(large)


def test_every_table_has_a_caption_heads_and_a_region_to_scroll(large: Cohort) -> None:
    text = page(large)
    tables = re.findall(r"<div class=\"scroll[^>]*>\n<table>.*?</table>", text, re.DOTALL)
    assert len(tables) == text.count("<table") == text.count("<caption>")
    for table in tables:
        assert 'role="region"' in table and 'tabindex="0"' in table
        heads, rows = table.count('scope="col"'), table.count("<tr>") - 1
        assert heads >= 2 and rows >= 1
        assert table.count('scope="row"') + table.count('scope="rowgroup"') >= rows
        for row in re.findall(r"<tr><th scope=\"row\".*?</tr>", table, re.DOTALL):
            assert len(re.findall(r"<t[hd][ >]", row)) == heads


def test_the_numbers_of_every_chart_stand_in_a_table(large: Cohort) -> None:
    text = page(large)
    for part in ("ends", "way", "steps", "options", "missing"):
        section = text[text.index(f'<h2 id="{part}">') :]
        section = section[: section.index("</section>")]
        assert section.index("<figure") < section.index("<table")


# ---- what it says ----


def test_the_page_tells_the_counts_that_are_told(large: Cohort) -> None:
    told = plain(large)
    for ending, count in (large.endings or {}).items():
        assert isinstance(count, int)
        assert f"{ENDING_NAMES[ending]}{count:,}{100 * count / 20_000:.1f}%" in told.replace(" ", " ")
    assert "20,000 cases" in told and "20,057" in told


def test_every_number_on_the_page_was_told(cohort: Cohort) -> None:
    told = {f"{count:,}" for count in counts_of(cohort.as_data()) if isinstance(count, int)} | {SMALL, LARGE, HIDDEN}
    cells = re.findall(r'<td class="n[^"]*">([^<]*)</td>', page(cohort))
    shares = [cell for cell in cells if cell.endswith("%")]
    others = {unescape(cell) for cell in cells if cell not in shares} - {"–", ""}
    assert others <= told
    drawn = re.findall(r"<text[^>]*>([^<]*)</text>", page(cohort))
    numbers = {number for text in drawn for number in re.findall(r"(?<![\w.])\d[\d,]*(?:\+)?(?![\w.])", unescape(text))}
    assert {number for number in numbers if number != LARGE} <= told | {"11"}


def test_shares_are_taken_from_counts_that_are_told(middling: Cohort) -> None:
    section = page(middling)[page(middling).index('<h2 id="ends">') :]
    cells = re.findall(
        r'<td class="n masked">[^<]*</td><td class="n">([^<]*)</td>', section[: section.index("</section>")]
    )
    assert cells and set(cells) == {"–"}


def test_what_is_not_told_is_explained(middling: Cohort) -> None:
    told = plain(middling)
    assert "Counts of 1 to 10 are not told: <11 stands for them." in told
    assert {SMALL, LARGE, HIDDEN} <= set(counts_of(middling.as_data()))


def test_a_cohort_of_a_few_says_so_and_counts_nobody(tiny: Cohort) -> None:
    told = plain(tiny)
    assert "fewer than 11 cases" in told and "<table" not in page(tiny) and "<svg" not in page(tiny)
    assert set(counts_of(json.loads(cohort_json(tiny)))) == {HIDDEN, 11}


def test_the_page_says_what_it_is_and_is_not(cohort: Cohort) -> None:
    told = plain(cohort)
    assert "options and reasons, never orders" in told
    assert " ".join(base().intended_for.split()) in told and " ".join(base().not_for.split()) in told
    assert base().edition in told and base().digest in told
    if cohort.enough:
        assert "no rate of any population" in told


def test_the_policy_of_the_clinic_is_told(tiny: Cohort) -> None:
    assert "all settings as the rules have them" in plain(tiny)
    other = render_cohort(replace(tiny, policy={"therapies-exhausted-at": 3}, complete=("trials",)))
    assert "therapies-exhausted-at = 3" in other and "Lists declared whole" in other


def test_what_holds_an_option_back_is_told_with_its_source(large: Cohort) -> None:
    text = page(large)
    option = max(large.options, key=lambda option: len(option.held_by))
    for rule in option.held_by:
        assert f"<code>{rule.rule}</code>" in text
    assert "Most common reasons" in text and "Safety and evidence" in text


def test_rules_for_every_case_are_folded_away(large: Cohort) -> None:
    always = [rule for rule in large.warnings if rule.count == large.evaluated]
    assert always and "that fire for every case" in page(large)
    open_ = re.sub(r"<details.*?</details>", "", page(large), flags=re.DOTALL)
    assert not [rule for rule in always if f"<code>{rule.rule}</code>" in open_]


def test_names_from_a_batch_are_shown_as_text_and_nothing_more(large: Cohort) -> None:
    evil = "<script>alert(1)</script>\u202e"
    question = replace(large.questions[0], field=evil, question=evil)
    column = replace(large.columns[0], column=evil)
    refusal = replace(large.refusals[0], kind=evil, columns={evil: 12})
    made = replace(large, software=evil, questions=(question,), columns=(column,), refusals=(refusal,))
    text = render_cohort(replace(made, policy={evil: True}, complete=(evil,)))
    assert "<script" not in text and "\u202e" not in text
    assert text.count("&lt;script&gt;") >= 6
    for drawing in re.findall(r"<svg .*?</svg>", text, re.DOTALL):
        ElementTree.fromstring(drawing)  # noqa: S314  our own drawing


def test_a_batch_that_did_not_ask_says_so(large: Cohort) -> None:
    assert "did not ask what is missing" in render_cohort(replace(large, with_questions=None, questions=()))


def test_a_cohort_with_nothing_refused_says_so(large: Cohort) -> None:
    assert "No row was refused." in render_cohort(replace(large, refusals=(), refused=0))


def test_the_same_cohort_gives_the_same_bytes(middling: Cohort) -> None:
    assert render_cohort(middling) == page(middling)
    assert cohort_json(middling) == cohort_json(middling)


# ---- JSON ----


def test_the_json_holds_all_that_is_told(cohort: Cohort) -> None:
    data = json.loads(cohort_json(cohort))
    assert data["schema"] == "pathway.cohort/1"
    assert data == json.loads(json.dumps(cohort.as_data()))
    assert not [count for count in counts_of(data) if isinstance(count, int) and 0 < count < 11]


def test_the_page_needs_no_network(monkeypatch: pytest.MonkeyPatch, middling: Cohort) -> None:
    import socket

    def refuse(*_: object) -> None:
        raise AssertionError("the page asked for a network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    render_cohort(middling)
