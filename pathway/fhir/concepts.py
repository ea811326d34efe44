"""What a CodeableConcept says: its codings looked up, and held against the words that stand beside them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pathway.fhir.codes import Code, Codes, Meaning, short_system
from pathway.fhir.products import Product, product_of
from pathway.fhir.record import Element

_WORD = re.compile(r"[a-z]{4,}")
_ROOT = 5
_COMMON = frozenset(
    [
        "oral",
        "tablet",
        "tablets",
        "capsule",
        "capsules",
        "extended",
        "release",
        "solution",
        "injection",
        "injectable",
        "topical",
        "delayed",
        "hour",
        "hours",
        "product",
        "with",
        "without",
        "from",
        "than",
        "other",
        "unspecified",
        "finding",
        "disorder",
        "procedure",
        "regime",
        "therapy",
        "situation",
        "the",
        "and",
        "for",
        "acute",
        "chronic",
        "left",
        "right",
        "bilateral",
        "history",
        "medication",
        "medicine",
        "treatment",
        "patient",
        "status",
        "type",
        "score",
    ]
)
"""Words that two different things may well share."""


@dataclass(frozen=True)
class Reading:
    """What a concept was read as.

    Shapes:  meanings are those of its codes that the table holds; reason is that of the ledger where there are none;
             told says how it was read or why not; product is that of a medicine.
    """

    label: str
    meanings: tuple[Meaning, ...] = ()
    reason: str = ""
    told: str = ""
    product: Product | None = None

    def values(self, key: str) -> tuple[str, ...]:
        """All values that the codes say of one list of a case, or of one of the other meanings."""
        return tuple(dict.fromkeys(value for meaning in self.meanings for value in meaning.says.get(key, ())))

    def has(self, flag: str) -> bool:
        """Whether a group of the codes is flagged so."""
        return any(flag in meaning.flags for meaning in self.meanings)

    @property
    def nothing(self) -> str:
        """Why the codes tell nothing of a case; "" where any of them does."""
        told = [meaning.nothing for meaning in self.meanings]
        return told[0] if told and all(told) else ""


def read_concept(concept: Element, codes: Codes, medicines: Iterable[str] = ()) -> Reading:
    """What a CodeableConcept, or a Coding by itself, says.

    Args:    medicines: the names of medicines and classes, for a concept that may be a product.
    """
    codings = concept.all("coding")
    if not codings and concept["code"]:
        codings = [concept]
    text = concept["text"].text or concept.text
    displays = [coding["display"].text for coding in codings if coding["display"].text]
    label = _label(text, displays, codings)
    if not label:
        return Reading("", reason="no-code")
    known = list(_known(codings, codes))
    for code, said in known:
        words = [said] if said else [each for each in (text, *displays) if each]
        apart = [word for word in words if not agrees(word, code.name)]
        # Of a code that tells nothing it matters only where the words are a name that would.
        if code.meaning.nothing:
            apart = [word for word in apart if (named := codes.by_name(word)) and not named.meaning.nothing]
        if apart:
            told = f'{code.system} {code.code} is "{code.name}", yet the record calls it "{apart[0][:80]}"'
            return Reading(label, reason="disagree", told=told)
    names = {tuple(sorted(code.meaning.says["medicine"])) for code, _ in known if "medicine" in code.meaning.says}
    if len(names) > 1:
        told = " and ".join(f'{code.system} {code.code} "{code.name}"' for code, _ in known)
        return Reading(label, reason="disagree", told=f"its codes are of different medicines: {told}")
    if known:
        told = "; ".join(dict.fromkeys(f'{code.system} {code.code} "{code.name}"' for code, _ in known))
        product = next((product_of(code.name) for code, _ in known if "medicine" in code.meaning.says), None)
        label = next((each for each in (text, *displays) if each), known[0][0].name or label)[:120]
        return Reading(label, _each_once(code.meaning for code, _ in known), "", told, product)
    return _by_words(label, [text, *displays], codes, frozenset(medicines))


def _label(text: str, displays: list[str], codings: list[Element]) -> str:
    codes = [coding["code"].text for coding in codings if coding["code"].text]
    return next((each for each in (text, *displays, *codes) if each), "")[:120]


def _known(codings: list[Element], codes: Codes) -> Iterable[tuple[Code, str]]:
    for coding in codings:
        found = codes.find(short_system(coding["system"].text), coding["code"].text)
        if found is not None:
            yield found, coding["display"].text


def agrees(said: str, name: str) -> bool:
    """Whether a text may be another way to say a name: it shares a word that means something, or has none."""
    one, other = _words(said), _words(name)
    return not one or not other or bool(one & other)


def _words(text: str) -> frozenset[str]:
    return frozenset(word[:_ROOT] for word in _WORD.findall(text.lower()) if word not in _COMMON)


def _by_words(label: str, texts: list[str], codes: Codes, medicines: frozenset[str]) -> Reading:
    for text in filter(None, texts):
        if found := codes.by_name(text):
            return Reading(label, (found.meaning,), "", f'by its name, "{found.name}"', _product_if(found))
    for text in filter(None, texts):
        product = product_of(text)
        names = tuple(each.name for each in product.ingredients if each.name in medicines)
        if names:
            meaning = Meaning(label, {"medicine": names})
            return Reading(
                label, (meaning,), "", f'by its name, "{text[:80]}"; its code is in none of our lists', product
            )
    return Reading(label, reason="code-unknown", told=f'"{label}"')


def _product_if(code: Code) -> Product | None:
    return product_of(code.name) if "medicine" in code.meaning.says else None


def _each_once(meanings: Iterable[Meaning]) -> tuple[Meaning, ...]:
    kept: list[Meaning] = []
    for meaning in meanings:
        if meaning not in kept:
            kept.append(meaning)
    return tuple(kept)
