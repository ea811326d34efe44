"""The table of codes, `rules/codes.yaml`: what of a case each code says, by its own name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pathway.cache import bundled_rules
from pathway.problem import Problem, Problems, near
from pathway.profile import fields
from pathway.reading import Document, Limits, read_document
from pathway.rulefolder import CODES
from pathway.rules import RuleBase

SYSTEMS = {
    "snomed": ("http://snomed.info/sct", "urn:oid:2.16.840.1.113883.6.96"),
    "icd-10-cm": ("http://hl7.org/fhir/sid/icd-10-cm", "urn:oid:2.16.840.1.113883.6.90"),
    "icd-10-pcs": ("http://www.cms.gov/Medicare/Coding/ICD10", "urn:oid:2.16.840.1.113883.6.4"),
    "rxnorm": ("http://www.nlm.nih.gov/research/umls/rxnorm", "urn:oid:2.16.840.1.113883.6.88"),
    "ndc": ("http://hl7.org/fhir/sid/ndc", "urn:oid:2.16.840.1.113883.6.69"),
    "atc": ("http://www.whocc.no/atc",),
    "loinc": ("http://loinc.org", "urn:oid:2.16.840.1.113883.6.1"),
    "cpt": ("http://www.ama-assn.org/go/cpt", "urn:oid:2.16.840.1.113883.6.12"),
}  # fmt: skip
"""The short names of code systems in the table, and the addresses by which records name them."""
FLAGS = ("chronic", "confirm", "referral", "pain")
MEANINGS = ("treatment", "medicine", "field", "score", "pregnancy", "nothing")
"""What a code may say beside values of the lists of a case."""
_LISTS = ("conditions", "pain.sites", "illnesses", "causes", "red_flags", "problems", "pain.mechanisms", "care",
          "devices", "allergies", "assessments")  # fmt: skip
_RAW = ("blood_pressure.systolic", "blood_pressure.diastolic")
_SHORT = {address.lower(): short for short, addresses in SYSTEMS.items() for address in addresses}
_LIMITS = Limits(bytes=4_000_000, nodes=400_000)
_ASIDE = re.compile(r"\((?:finding|disorder|procedure|regime/therapy|situation|observable entity|physical object)\)")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the codes of one group say.

    Shapes:  says maps a list of a case, or one of MEANINGS, to its values; flags hold what else is known of the group.
    """

    group: str
    says: Mapping[str, tuple[str, ...]]
    flags: frozenset[str] = frozenset()

    @property
    def nothing(self) -> str:
        """Why the codes tell nothing of a case; "" where they do."""
        return self.says.get("nothing", ("",))[0]


@dataclass(frozen=True, slots=True)
class Code:
    """One code of the table, with the name that it has there."""

    system: str
    code: str
    name: str
    meaning: Meaning


@dataclass(frozen=True)
class Codes:
    """The table."""

    codes: tuple[Code, ...] = field(repr=False)

    @cached_property
    def _found(self) -> Mapping[tuple[str, str], Code]:
        return {(each.system, each.code): each for each in self.codes}

    @cached_property
    def _named(self) -> Mapping[str, Code]:
        return {plain_name(each.name): each for each in reversed(self.codes) if each.name}

    def find(self, system: str, code: str) -> Code | None:
        """The code; for ICD-10-CM, where it is not listed, the nearest broader one that is."""
        found = self._found.get((system, code))
        while found is None and system == "icd-10-cm" and len(code) > 3:  # noqa: PLR2004  a category has three
            code = code[:-1].rstrip(".")
            found = self._found.get((system, code))
        return found

    def by_name(self, text: str) -> Code | None:
        """The code of just that name."""
        return self._named.get(plain_name(text))


def short_system(address: str) -> str:
    """The short name of a code system; its address where we have none."""
    return _SHORT.get(address.strip().lower().rstrip("/"), address.strip())


def plain_name(text: str) -> str:
    """A name to compare by: without its semantic tag, case or spaces around."""
    return " ".join(_ASIDE.sub(" ", text.lower()).split())


def read_codes(path: Path, base: RuleBase) -> Codes:
    """The table in a file.

    Errors:  Problems, all of the file's in one pass, each with its place and help.
    """
    page = read_document(path, limits=_LIMITS)
    problems: list[Problem] = []
    codes = tuple(_codes(page, _vocabularies(base), problems))
    seen: dict[tuple[str, str], str] = {}
    for each in codes:
        before = seen.setdefault((each.system, each.code), each.meaning.group)
        if before != each.meaning.group:
            said = f"{each.system} {each.code} stands in two groups: {before}, {each.meaning.group}"
            problems.append(page.problem("duplicate-id", said, help="a code means one thing"))
    if problems:
        raise Problems(problems)
    return Codes(codes)


def _vocabularies(base: RuleBase) -> Mapping[str, frozenset[str]]:
    known = fields()
    told = {path: frozenset(known[path].values) for path in _LISTS}
    numbers = frozenset(path for path, kind in known.items() if kind.kind == "number")
    medicines = frozenset(base.classes) | {name for names in base.classes.values() for name in names}
    return {
        **told,
        "treatment": frozenset(option.option for option in base.options),
        "medicine": medicines,
        "field": numbers | set(_RAW),
        "pregnancy": frozenset(("yes", "no")),
    }


def _codes(page: Document, known: Mapping[str, frozenset[str]], problems: list[Problem]) -> Iterator[Code]:
    groups = page.data if isinstance(page.data, list) else []
    if not groups:
        problems.append(
            page.problem("wrong-type", "a list of groups of codes was expected", help="begin with `- group:`")
        )
    for i, entry in enumerate(groups):
        if not isinstance(entry, dict) or not isinstance(entry.get("group"), str):
            problems.append(
                page.problem("missing-field", "a group of codes has a name", i, help="begin with `- group:`")
            )
            continue
        says = dict(_says(page, i, entry.get("means"), known, problems))
        flags = frozenset(name for name in FLAGS if entry.get(name) in (True, "yes"))
        meaning = Meaning(entry["group"], says, flags)
        for key, value in entry.items():
            if key in ("group", "means", "from", *FLAGS):
                continue
            if not isinstance(value, dict):
                said = f'"{key}" is no code system with its codes'
                problems.append(page.problem("unknown-field", said, i, key, key=True, help='write {"code": name}'))
                continue
            for code, name in value.items():
                yield Code(key, str(code), name if isinstance(name, str) else "", meaning)


def _says(
    page: Document, i: int, means: object, known: Mapping[str, frozenset[str]], problems: list[Problem]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    if not isinstance(means, dict):
        problems.append(
            page.problem("missing-field", "`means` says what the codes tell of a case", i, help="add means")
        )
        return
    for key, value in means.items():
        values = tuple(str(each) for each in (value if isinstance(value, list) else [value]))
        if key not in _LISTS and key not in MEANINGS:
            guess = near(key, [*_LISTS, *MEANINGS])
            help = f'did you mean "{guess}"?' if guess else "one of: " + ", ".join([*_LISTS, *MEANINGS])
            problems.append(
                page.problem("unknown-field", f'no code says "{key}"', i, "means", key, key=True, help=help)
            )
            continue
        for each in values:
            if key in known and each not in known[key]:
                guess = near(each, known[key])
                help = f'did you mean "{guess}"?' if guess else f"`pathway schema` lists what {key} takes"
                said = f'"{each}" is no value of {key}'
                problems.append(page.problem("unknown-value", said, i, "means", key, help=help))
        yield key, values


def load_codes(folder: Path | None, base: RuleBase) -> Codes:
    """The table of a folder of rules; the bundled one where the folder has none.

    Errors:  Problems of the table.
    """
    own = (folder or bundled_rules()) / CODES
    return _loaded(own if own.is_file() else bundled_rules() / CODES, base.digest, base)


_KEPT: dict[tuple[Path, str], Codes] = {}


def _loaded(path: Path, digest: str, base: RuleBase) -> Codes:
    key = (path, digest)
    if key not in _KEPT:
        _KEPT[key] = read_codes(path, base)
    return _KEPT[key]
