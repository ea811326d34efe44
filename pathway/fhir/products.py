"""What the name of a medicinal product says: ingredients, strengths and form, as RxNorm writes names.

Source:  RxNorm technical documentation, "Normalized names" (National Library of Medicine): strength follows each
         ingredient, " / " stands between ingredients, the dose form ends the name, a brand stands in brackets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SALTS = frozenset(
    [
        "acetate",
        "anhydrous",
        "besilate",
        "besylate",
        "bitartrate",
        "bromide",
        "calcium",
        "citrate",
        "dihydrate",
        "dihydrochloride",
        "disodium",
        "edisylate",
        "fumarate",
        "hcl",
        "hydrobromide",
        "hydrochloride",
        "lactate",
        "magnesium",
        "maleate",
        "mesylate",
        "methylbromide",
        "monohydrate",
        "napsylate",
        "nitrate",
        "pamoate",
        "phosphate",
        "polistirex",
        "potassium",
        "resin",
        "sodium",
        "succinate",
        "sulfate",
        "tannate",
        "tartrate",
        "terephthalate",
        "trihydrate",
        "tromethamine",
        "er",
        "xr",
        "sr",
        "ir",
        "dr",
        "cr",
    ]
)
"""Words of a name that do not change which ingredient it is."""
_BRAND = re.compile(r"\[[^\]]*\]")
_PACK = re.compile(r"^\{\d+ (?:\([\d.]+ ml\) )?\((?P<one>.*)\) ?\}.*$")
_LEAD = re.compile(
    r"^(?:(?:abuse-deterrent|once-daily|sprinkle|matrix delivery|osmotic|biphasic|liposomal) )*"
    r"(?:(?P<hours>\d+) hr )?(?:(?P<volume>[\d.]+) (?:ml|mg) )?(?:(?:abuse-deterrent|matrix delivery) )?"
)
_NUMBER = r"\d[\d,]*(?:\.\d+)?|\.\d+"
_PART = re.compile(
    rf"^(?P<name>[a-z].*?) (?P<amount>{_NUMBER}) ?(?P<unit>mg/ml|mcg/ml|mg/hr|mcg/hr|mg/actuat|mcg/actuat|"
    r"unt/ml|meq/ml|mg/mg|mcg|mg|ug|g|unt|iu|meq|%)\b(?P<rest>.*)$"
)
_HOURS = re.compile(r"\b(?P<hours>\d+) ?(?:hr|hour)\b")
_MG = {"mg": 1.0, "mcg": 0.001, "ug": 0.001, "g": 1000.0}
_FORMS = (
    ("patch", ("transdermal", "patch")),
    ("injection", ("injection", "injectable", "syringe", "cartridge", "auto-injector", "vial", "intravenous")),
    ("topical", ("topical", "cream", "ointment", "gel", "lotion", "plaster", "medicated", "otic", "ophthalmic")),
    ("nasal", ("nasal",)),
    ("extended-release", ("extended release", "12 hr", "24 hr", " er ", " xr ", "extended-release", "long acting")),
)


@dataclass(frozen=True, slots=True)
class Ingredient:
    """One ingredient of a product.

    Shapes:  mg of each tablet or piece; mg_per_ml of a liquid; mg_per_hour of a patch; None where it is not told.
    """

    name: str
    mg: float | None = None
    mg_per_ml: float | None = None
    mg_per_hour: float | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """A medicinal product by its name.

    Shapes:  form is one of patch, injection, topical, nasal, extended-release, or "" for all others and for none told;
             hours that one piece lasts; pieces tell that it comes in pieces (tablets, capsules, patches).
    """

    ingredients: tuple[Ingredient, ...]
    form: str = ""
    hours: float | None = None


def product_of(name: str) -> Product:
    """What the name of a product says.

    >>> product = product_of("12 HR Oxycodone Hydrochloride 10 MG Extended Release Oral Tablet")
    >>> product.form, product.hours, product.ingredients[0].name, product.ingredients[0].mg
    ('extended-release', 12.0, 'oxycodone', 10.0)
    >>> [each.name for each in product_of("acetaminophen 325 MG / oxycodone hydrochloride 5 MG").ingredients]
    ['acetaminophen', 'oxycodone']
    """
    text = " ".join(_BRAND.sub(" ", name).lower().split())
    if pack := _PACK.match(text):
        text = pack["one"].strip()
    padded = f" {text} "
    form = next((form for form, signs in _FORMS if any(sign in padded for sign in signs)), "")
    hours = _HOURS.search(text)
    found = tuple(_ingredient(part) for part in re.split(r" / ", text))
    return Product(tuple(each for each in found if each.name), form, float(hours["hours"]) if hours else None)


def _ingredient(part: str) -> Ingredient:
    part = _LEAD.sub("", part.strip())
    match = _PART.match(part)
    if match is None:
        return Ingredient(_plain(part))
    amount, unit = float(match["amount"].replace(",", "")), match["unit"]
    name = _plain(match["name"])
    base, _, per = unit.partition("/")
    if base not in _MG:
        return Ingredient(name)
    mg = amount * _MG[base]
    if per == "ml":
        return Ingredient(name, mg_per_ml=mg)
    if per == "hr":
        return Ingredient(name, mg_per_hour=mg)
    return Ingredient(name, mg=None if per else mg)


def _plain(name: str) -> str:
    """The ingredient without its salt, and without words of the form that follow it where no strength does."""
    words = []
    for word in re.findall(r"[a-z][a-z0-9'-]*", name.split(",", maxsplit=1)[0]):
        if word in ("oral", "topical", "tablet", "capsule", "injectable", "injection", "nasal", "solution", "product",
                    "transdermal", "extended", "rectal", "cream", "gel", "patch", "pill", "chewable"):  # fmt: skip
            break
        if word not in SALTS:
            words.append(word)
    return "-".join(words)
