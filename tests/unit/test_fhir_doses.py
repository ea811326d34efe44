"""What is taken in a day, from the instructions of an order."""

from __future__ import annotations

from typing import Any

import pytest

from pathway.fhir.doses import NoDose, amounts_of, daily_mg
from pathway.fhir.products import product_of
from pathway.fhir.record import Element

TABLET = "12 HR Oxycodone Hydrochloride 10 MG Extended Release Oral Tablet"
PATCH = "72 HR Fentanyl 0.075 MG/HR Transdermal System"
LIQUID = "oxycodone hydrochloride 1 MG/ML Oral Solution"
BOTH = "acetaminophen 325 MG / oxycodone hydrochloride 5 MG Oral Tablet"


def daily(product: str, *instructions: dict[str, Any], name: str = "oxycodone") -> float:
    made = product_of(product)
    ingredient = next(each for each in made.ingredients if each.name == name)
    return daily_mg(amounts_of([Element(each, "d", []) for each in instructions]), made, ingredient)


def told(value: float, unit: str = "tablet", **repeat: Any) -> dict[str, Any]:
    timing = {"repeat": repeat or {"frequency": 1, "period": 1, "periodUnit": "d"}}
    return {"timing": timing, "doseAndRate": [{"doseQuantity": {"value": value, "unit": unit}}]}


@pytest.mark.parametrize(
    ("product", "instruction", "mg"),
    [
        (TABLET, told(1, frequency=2, period=1, periodUnit="d"), 20),
        (TABLET, told(1, frequency=1, period=12, periodUnit="h"), 20),
        (TABLET, told(1, frequency=1, period=4, periodMax=6, periodUnit="h"), 60),
        (TABLET, told(1, frequency=1, frequencyMax=3, period=1, periodUnit="d"), 30),
        (TABLET, told(10, "mg", timeOfDay=["10:00:00", "22:00:00"]), 20),
        (TABLET, told(2, "TAB", frequency=1, period=1, periodUnit="wk"), 20 / 7),
        (TABLET, told(1, "{tablet}", when=["MORN", "NIGHT"]), 20),
        (TABLET, {**told(1), "asNeededBoolean": True}, 10),
        (LIQUID, told(5, "mL", frequency=4, period=1, periodUnit="d"), 20),
        (BOTH, told(1, frequency=4, period=1, periodUnit="d"), 20),
    ],
)
def test_the_dose_of_a_day_is_amount_times_how_often(product: str, instruction: dict[str, Any], mg: float):
    assert daily(product, instruction) == pytest.approx(mg)


def test_of_a_range_the_most_counts():
    instruction = told(1)
    instruction["doseAndRate"] = [
        {"doseRange": {"low": {"value": 1, "unit": "tablet"}, "high": {"value": 2, "unit": "tablet"}}}
    ]
    assert daily(TABLET, instruction) == 20


def test_the_dose_that_was_ordered_comes_before_the_one_that_was_calculated():
    def rate(kind: str, value: float) -> dict[str, Any]:
        return {"type": {"coding": [{"code": kind}]}, "doseQuantity": {"value": value, "unit": "tablet"}}

    instruction = told(1)
    instruction["doseAndRate"] = [rate("calculated", 7), rate("ordered", 2)]
    assert daily(TABLET, instruction) == 20


def test_a_code_of_timing_tells_how_often():
    instruction = told(1)
    instruction["timing"] = {"code": {"coding": [{"code": "BID"}]}}
    assert daily(TABLET, instruction) == 20


def test_several_instructions_add_up():
    assert daily(TABLET, told(1), told(2)) == 30


@pytest.mark.parametrize(
    ("instruction", "patches"),
    [
        (told(1, "patch", frequency=1, period=3, periodUnit="d"), 1),
        (told(2, "patch", frequency=1, period=3, periodUnit="d"), 2),
        (told(1, "{patch}", frequency=1, period=12, periodUnit="d"), 1),
        (told(1, "patch", frequency=1, period=36, periodUnit="h"), 2),
    ],
)
def test_a_patch_counts_by_what_it_gives_in_an_hour(instruction: dict[str, Any], patches: int):
    assert daily(PATCH, instruction, name="fentanyl") == pytest.approx(0.075 * 24 * patches)


@pytest.mark.parametrize(
    ("product", "instruction", "why"),
    [
        (TABLET, {"timing": told(1)["timing"]}, "how much"),
        (TABLET, {"doseAndRate": told(1)["doseAndRate"]}, "how often"),
        (TABLET, told(1, "puff"), "puff"),
        (TABLET, told(-1), "how much"),
        (BOTH, told(5, "mg"), "several ingredients"),
        ("oxycodone Oral Tablet", told(1), "strength"),
        (PATCH, told(75, "ug"), "not told in patches"),
    ],
)
def test_what_is_not_told_is_no_dose(product: str, instruction: dict[str, Any], why: str):
    with pytest.raises(NoDose, match=why):
        daily(product, instruction, name="fentanyl" if product == PATCH else "oxycodone")


def test_an_order_without_instruction_has_no_dose():
    with pytest.raises(NoDose, match="no instruction"):
        daily(TABLET)


@pytest.mark.parametrize(
    ("name", "ingredients", "form"),
    [
        (
            "Abuse-Deterrent 12 HR Oxycodone Hydrochloride 15 MG Extended Release Oral Tablet",
            ["oxycodone"],
            "extended-release",
        ),
        ("Acetaminophen 325 MG Oral Tablet [Tylenol]", ["acetaminophen"], ""),
        ("{1 (0.1 ML) (diazepam 100 MG/ML Nasal Spray) } Pack", ["diazepam"], "nasal"),
        ("2 ML midazolam 5 MG/ML Prefilled Syringe", ["midazolam"], "injection"),
        ("MORPHINE ER 20 MG CAPSULE,EXTENDED RELEASE PELLETS", ["morphine"], "extended-release"),
        ("Diclofenac Sodium 0.01 MG/MG Topical Gel", ["diclofenac"], "topical"),
        ("Naproxen sodium 220 MG Oral Tablet", ["naproxen"], ""),
        ("fentanyl", ["fentanyl"], ""),
        ("", [], ""),
    ],
)
def test_the_name_of_a_product_tells_ingredients_and_form(name: str, ingredients: list[str], form: str):
    product = product_of(name)
    assert ([each.name for each in product.ingredients], product.form) == (ingredients, form)
