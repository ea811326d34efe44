"""What is taken in a day, from the dosage of an order: amount, how often, and what one piece of the product holds.

Nothing is guessed: where amount, frequency or strength is not told, or two instructions cannot be added up, there is no
dose and a reason. As needed counts in full, and of a range the most, since that is what the person may take.

Source:  FHIR R4 4.0.1, Dosage and Timing; UCUM for units.
"""

from __future__ import annotations

from dataclasses import dataclass

from pathway.fhir.products import Ingredient, Product
from pathway.fhir.record import Element

HOURS = {"s": 1 / 3600, "min": 1 / 60, "h": 1.0, "d": 24.0, "wk": 168.0, "mo": 730.5, "a": 8766.0}
TIMES_A_DAY = {
    "QD": 1.0, "BID": 2.0, "TID": 3.0, "QID": 4.0, "AM": 1.0, "PM": 1.0, "QOD": 0.5, "Q1H": 24.0, "Q2H": 12.0,
    "Q3H": 8.0, "Q4H": 6.0, "Q6H": 4.0, "Q8H": 3.0, "BED": 1.0, "WK": 1 / 7, "HS": 1.0, "Q12H": 2.0,
}  # fmt: skip
MG = {"mg": 1.0, "g": 1000.0, "ug": 0.001, "mcg": 0.001, "µg": 0.001}
PIECES = frozenset(
    [
        "tablet",
        "tablets",
        "tab",
        "tabs",
        "capsule",
        "capsules",
        "cap",
        "caps",
        "patch",
        "patches",
        "film",
        "films",
        "strip",
        "strips",
        "lozenge",
        "lozenges",
        "troche",
        "pill",
        "pills",
        "piece",
        "pieces",
        "each",
        "unit",
        "units",
        "dose",
        "doses",
        "suppository",
        "suppositories",
        "system",
        "systems",
        "1",
    ]
)
_ML = {"ml": 1.0, "l": 1000.0}
_RANK = {"ordered": 0, "admin-amount": 2, "calculated": 1}


@dataclass(frozen=True, slots=True)
class Amount:
    """How much is taken of a product.

    Shapes:  a_day in the unit that it is told in; kind is mg, ml or piece; together, how many patches at a time.
    """

    a_day: float
    kind: str
    once: float
    hours: float


class NoDose(Exception):
    """That no dose can be told, and why."""


def daily_mg(amounts: list[Amount], product: Product, ingredient: Ingredient) -> float:
    """Milligrams of an ingredient in a day; of a patch, what all patches that are worn together give in a day.

    Errors:  NoDose.
    """
    if product.form == "patch":
        return sum(_worn(each, product) for each in amounts) * _known(ingredient.mg_per_hour) * 24
    total = 0.0
    for each in amounts:
        if each.kind == "mg":
            if len(product.ingredients) > 1:
                raise NoDose("the dose is told in mg, and the product has several ingredients")
            total += each.a_day
        elif each.kind == "ml":
            total += each.a_day * _known(ingredient.mg_per_ml)
        else:
            total += each.a_day * _known(ingredient.mg)
    return total


def _known(strength: float | None) -> float:
    if strength is None:
        raise NoDose("the name of the product does not tell its strength")
    return strength


def _worn(amount: Amount, product: Product) -> float:
    """How many patches are worn at a time: one that is changed no later than it lasts is followed by the next."""
    if amount.kind != "piece":
        raise NoDose("the dose of a patch is not told in patches")
    if amount.hours and product.hours and amount.hours < product.hours:
        return amount.once * product.hours / amount.hours
    return amount.once


def amounts_of(instructions: list[Element]) -> list[Amount]:
    """What the instructions of an order say is taken.

    Errors:  NoDose.
    """
    if not instructions:
        raise NoDose("the order has no instruction")
    return [_amount(each) for each in instructions]


def _amount(instruction: Element) -> Amount:
    times, hours = _times(instruction["timing"])
    rates = instruction.all("doseAndRate")
    # DSTU2 has the quantity itself on the instruction.
    doses = [*rates, instruction] if not rates else sorted(rates, key=_rank)
    told = [(quantity, each) for each in doses if (quantity := _quantity(each)) is not None]
    if not told:
        raise NoDose("the instruction does not tell how much is taken")
    amount, kind = told[0][0]
    return Amount(amount * times, kind, amount, hours)


def _rank(rate: Element) -> int:
    codes = [coding["code"].text for coding in rate["type"].all("coding")]
    return min([_RANK.get(code, 3) for code in codes], default=1)


def _quantity(dose: Element) -> tuple[float, str] | None:
    for name in ("doseQuantity", "doseSimpleQuantity"):
        if dose[name]:
            return _of_quantity(dose[name])
    if dose["doseRange"]:
        return _of_quantity(dose["doseRange"]["high"] or dose["doseRange"]["low"])
    return None


def _of_quantity(quantity: Element) -> tuple[float, str] | None:
    value = quantity["value"].number
    if value is None or value < 0:
        return None
    unit = (quantity["code"].text or quantity["unit"].text).lower().strip("{}")
    if unit not in MG and unit not in _ML and unit not in PIECES and quantity["unit"]:
        unit = quantity["unit"].text.lower().strip("{}")
    if not unit:
        return value, "piece"
    unit = unit.removesuffix("(s)")
    if unit in MG:
        return value * MG[unit], "mg"
    if unit in _ML:
        return value * _ML[unit], "ml"
    if unit in PIECES:
        return value, "piece"
    raise NoDose(f"the unit {unit[:40]} of the dose is not known")


def _times(timing: Element) -> tuple[float, float]:
    """How often in a day, at the most; and how many hours lie between, 0 where that is not even."""
    repeat = timing["repeat"]
    if at := repeat.all("timeOfDay"):
        return float(len(at)), 0.0
    for coding in timing["code"].all("coding"):
        if times := TIMES_A_DAY.get(coding["code"].text.upper()):
            return times, 24 / times
    period, unit = repeat["period"].number, HOURS.get(repeat["periodUnit"].text or repeat["periodUnits"].text)
    often = repeat["frequencyMax"].number or repeat["frequency"].number or 1.0
    if period and unit and often > 0:
        hours = period * unit
        return often * 24 / hours, hours / often
    if when := repeat.all("when"):
        return float(len(when)), 24 / len(when)
    if limit := timing["code"].text:
        raise NoDose(f"how often is told by {limit[:40]} alone")
    raise NoDose("the instruction does not tell how often")
