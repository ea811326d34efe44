"""Reads `rules/` into a RuleBase: every fault a Problem with file, line and column, all in one pass."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from pathway.invariants import check
from pathway.language import CHOICE, OPTIONS, LanguageError, Scope, Tree, nodes, parse, parse_sharp
from pathway.problem import Place, Problem, Problems, near
from pathway.profile import NONE, fields
from pathway.reading import Document as Page
from pathway.reading import read_document
from pathway.rulefolder import BESIDE_RECORDS, LIMITS, refused, rule_files
from pathway.rules import (
    CASE,
    CONTRAINDICATED,
    DOCUMENTED_VERBS,
    NOT_RECOMMENDED,
    PLACEHOLDER,
    SAFETY,
    SAFETY_VERBS,
    VERBS,
    WALK,
    Claim,
    Document,
    Exempt,
    Invariant,
    Kind,
    Option,
    Policy,
    Rule,
    RuleBase,
    Source,
    Step,
    Word,
    layer_of,
)
from pathway.units import UnitError, parse_duration
from pathway.validation import problems_of

NAME = re.compile(r"(\{[a-z-]+\}|[a-z0-9]+)([.-](\{[a-z-]+\}|[a-z0-9]+))*")
OWN = (
    "{step}.own-passed",
    "{step}.own-not-needed",
    "{step}.own-under-treatment",
    "{kind}.own-taken",
    "{option}.own-taken",
)
VOCABULARIES = {
    "site": "pain.sites",
    "mechanism": "pain.mechanisms",
    "condition": "conditions",
    "problem": "problems",
    "illness": "illnesses",
    "allergy": "allergies",
    "device": "devices",
    "care": "care",
    "assessment": "assessments",
    "red-flag": "red_flags",
}
"""What a family of words may have a word for each of, beside options, steps, kinds and classes of medicine."""


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


class _Strict(BaseModel):
    # Built when a rule base is first read: a walk with a warm cache needs only the list of files.
    model_config = ConfigDict(extra="forbid", populate_by_name=True, defer_build=True)


def _by_record(value: object) -> object:
    """A source told by its record alone, or by a list of records; the first speaks."""
    if isinstance(value, str):
        return {"record": value}
    if isinstance(value, list) and value:
        first, *others = [{"record": each} if isinstance(each, str) else each for each in value]
        return {**first, "also": others} if isinstance(first, dict) else value
    return value


class _Source(_Strict):
    doc: str = ""
    at: str = ""
    record: str | None = None
    also: Annotated[list[_Cited], BeforeValidator(_listed)] = []


_Cited = Annotated[_Source, BeforeValidator(_by_record)]


class _Word(_Strict):
    word: str
    means: str
    text: str = Field(alias="is")
    source: _Cited
    examples: list[dict[str, Any]] = []


class _Rule(_Strict):
    rule: str
    when: list[str] = []
    unless: list[str] = []
    then: dict[str, str]
    because: str
    source: _Cited
    examples: list[dict[str, Any]] = []


class _Kind(_Strict):
    kind: str
    name: str
    taken: str = ""


class _Option(_Strict):
    option: str
    name: str
    kinds: list[_Kind] = []
    taken: str = ""
    counts: str = "yes"
    adequate: str = ""


class _StepFile(_Strict):
    step: str | None = None
    beside: str | None = None
    title: str
    means: str
    source: _Cited | None = None
    passed: str = "never"
    not_needed: str = Field(default="relief", alias="not-needed")
    under_treatment: str = Field(default="never", alias="under-treatment")
    options: list[_Option] = []
    rules: list[_Rule] = []


class _WalkFile(_Strict):
    words: list[_Word]
    statuses: dict[str, list[dict[str, str]]]


class _Policy(_Strict):
    policy: str
    means: str
    default: Any
    low: Any = None
    high: Any = None
    unit: str = ""
    source: _Cited | None = None


class _Document(_Strict):
    doc: str
    title: str
    organisation: str
    year: int | None = None
    link: str = ""
    also: list[str] = []


class _Claim(_Strict):
    id: str
    sentence: str
    verdict: str
    said: str
    carried_by: list[str] = Field(default=[], alias="carried-by")
    because_not: str = Field(default="", alias="because-not")
    evidence: list[str] = []


class _Medicine(_Strict):
    medicine: str
    classes: list[str]
    option: str | None = None
    under_way: str = Field(default="yes", alias="under-way")
    mme: float | None = None
    mme_patch: float | None = Field(default=None, alias="mme-patch")


class _NotEncoded(_Strict):
    record: str
    because: str


class _Exempt(_Strict):
    names: Annotated[list[str], BeforeValidator(_listed)]
    because: str


class _Invariant(_Strict):
    invariant: str
    says: str
    because: str
    each: Annotated[list[str], BeforeValidator(_listed)] = []
    among: list[str] = []
    view: Literal["shown", "documented"] = "shown"
    change: str = ""
    when: str = ""
    then: str = ""
    can: Annotated[list[str], BeforeValidator(_listed)] = []
    law: str = ""
    exempt: list[_Exempt] = Field(default=[], alias="except")


class _RecordSource(BaseModel):
    id: str
    locator: str


class _Verified(BaseModel):
    status: str
    opened_type: str | None = None


class _Record(BaseModel):
    """What this needs of an evidence record; the record holds more, for its readers."""

    id: str
    kind: str
    statement: str
    strength: str
    population: str
    source: _RecordSource
    verified: _Verified


class _Edition(_Strict):
    edition: str
    title: str
    intended_for: str = Field(alias="intended-for")
    not_for: str = Field(alias="not-for")


SHAPES: dict[str, Any] = {
    "edition.yaml": _Edition,
    "sources.yaml": list[_Document],
    "policy.yaml": list[_Policy],
    "medicines.yaml": list[_Medicine],
    "claims.yaml": list[_Claim],
    "walk.yaml": _WalkFile,
    "not-encoded.yaml": list[_NotEncoded],
    "invariants.yaml": list[_Invariant],
}
GRADES = ("emergency", "urgent", "scope")
REASONS = (CONTRAINDICATED, NOT_RECOMMENDED)
DETAILS = {"hold": ("reason",), "refer": ("to",)}
SHAPES_IN: dict[str, Any] = {"words": list[_Word], "steps": _StepFile, "evidence": list[_Record]}


def read_rules(root: Path, digest: str = "") -> RuleBase:
    """The rule base in a folder.

    Errors:  Problems, all of the folder's at once, each with file, line and column.
    """
    return _Reader(Path(root)).read(digest)


@dataclass
class _Found:
    """One thing read, and where: the page it stands on and its path there."""

    data: Any
    page: Page
    path: tuple[str | int, ...]

    def problem(self, kind: str, message: str, *path: str | int, help: str = "", key: bool = False) -> Problem:
        return self.page.problem(kind, message, *self.path, *path, help=help, key=key)

    @property
    def place(self) -> str:
        place = self.page.place(*self.path)
        return f"{place.source}:{place.line}"


@dataclass
class _Reader:
    root: Path
    problems: list[Problem] = field(default_factory=list)
    scope: Scope = field(default_factory=lambda: Scope(fields()))

    def read(self, digest: str) -> RuleBase:
        names = [name for name in rule_files(self.root) if name not in BESIDE_RECORDS]
        shapes = {name: SHAPES.get(name) or SHAPES_IN[name.partition("/")[0]] for name in names}
        pages = {name: page for name, shape in shapes.items() if (page := self._page(self.root / name, shape))}
        if self.problems:
            raise Problems(self.problems)
        word_pages = [page for name, page in pages.items() if name.startswith("words/")]
        step_pages = [page for name, page in pages.items() if name.startswith("steps/")]
        record_pages = [page for name, page in pages.items() if name.startswith("evidence/")]
        records = [found for page in record_pages for found in self._each(page)]
        not_encoded = self._each(pages["not-encoded.yaml"])
        self._distinct(records, "id")
        self._distinct(not_encoded, "record")
        self.records = {found.data.id: found.data for found in records}
        for found in not_encoded:
            if found.data.record not in self.records:
                self.problems.append(self._no_record(found, found.data.record, "record"))
        walk = pages["walk.yaml"]
        documents = self._each(pages["sources.yaml"])
        policies = self._each(pages["policy.yaml"])
        medicines = self._each(pages["medicines.yaml"])
        words = [found for page in word_pages for found in self._each(page)] + self._each(walk, "words")
        options = [(page, found) for page in step_pages for found in self._each(page, "options")]
        rules = [(page, found) for page in step_pages for found in self._each(page, "rules")]
        kinds = [(found, each) for _, found in options for each in self._each(found, "kinds")]
        self._distinct(documents, "doc")
        self._distinct(policies, "policy")
        self._distinct(medicines, "medicine")
        self._distinct(words, "word")
        self._distinct([f for _, f in options], "option")
        self._distinct([f for _, f in kinds], "kind")
        for _, found in kinds:
            others = {f.data.option: "an option" for _, f in options} | {f.data.word: "a word" for f in words}
            others |= {page.data.step or page.data.beside: "a step" for page in step_pages} | {"ending": "the ending"}
            if found.data.kind in others:
                message = f'"{found.data.kind}" is {others[found.data.kind]}, so it cannot be a kind too'
                self.problems.append(found.problem("duplicate-id", message, "kind", help="give the kind another name"))
        self._distinct([f for _, f in rules], "rule")
        self.documents = {f.data.doc for f in documents}
        self.same = {other: f.data.doc for f in documents for other in f.data.also}
        self.beside = frozenset(page.data.beside for page in step_pages if page.data.beside)
        self.members = self._members(options, kinds, step_pages, medicines)
        self.scope = self._scope(words, rules, policies)
        base = RuleBase(
            edition=pages["edition.yaml"].data.edition,
            title=pages["edition.yaml"].data.title,
            intended_for=pages["edition.yaml"].data.intended_for,
            not_for=pages["edition.yaml"].data.not_for,
            steps=tuple(self._step(page) for page in step_pages),
            options=tuple(self._option(page, found) for page, found in options),
            words=tuple(self._word(found) for found in words),
            rules=tuple(self._rule(page, found) for page, found in rules),
            policies=tuple(self._policy(found) for found in policies),
            documents=tuple(self._document(found) for found in documents),
            claims=tuple(self._claim(found, rules) for found in self._each(pages["claims.yaml"])),
            medicines={f.data.medicine: self._medicine(f) for f in medicines},
            kinds=tuple(self._kind(option.data.option, found) for option, found in kinds),
            members=self.members,
            records_text=json.dumps({r.id: _record(r, self._doc_of(r)) for r in self.records.values()}),
            not_encoded={f.data.record: f.data.because for f in not_encoded},
            statuses=dict(self._statuses(walk)),
            digest=digest,
        )
        if not self.problems:
            self._layers(base)
            self._members_said_twice(base, words)
        self._warns(base)
        invariants = self._each(pages["invariants.yaml"])
        self._distinct(invariants, "invariant")
        if not self.problems:
            base = replace(base, invariants=tuple(self._invariant(found, base) for found in invariants))
        if self.problems:
            raise Problems(self.problems)
        return base

    def _page(self, path: Path, shape: Any) -> _Found | None:
        try:
            page = read_document(path, name=f"rules/{path.relative_to(self.root).as_posix()}", limits=LIMITS)
        except Problems as found:
            self.problems += found.items
            return None
        try:
            return _Found(TypeAdapter(shape).validate_python(page.data), page, ())
        except ValidationError as error:
            self.problems += problems_of(error, page)
            return None

    def _each(self, found: _Found, *path: str) -> list[_Found]:
        data = found.data
        for name in path:
            data = getattr(data, name)
        return [_Found(each, found.page, (*found.path, *path, i)) for i, each in enumerate(data)]

    def _distinct(self, found: list[_Found], name: str) -> None:
        seen: dict[str, _Found] = {}
        for each in found:
            value = getattr(each.data, name)
            if not NAME.fullmatch(value):
                self.problems.append(
                    each.problem("bad-key", f'"{value}" is no name', name, help="lower-case words joined by hyphens")
                )
            if value in seen:
                self.problems.append(
                    each.problem(
                        "duplicate-id",
                        f'{name} "{value}" stands here again',
                        name,
                        help=f"it is first defined at {seen[value].place}",
                    )
                )
            seen.setdefault(value, each)

    def _members(self, options: Any, kinds: Any, pages: list[_Found], medicines: Any) -> dict[str, tuple[str, ...]]:
        """Of what there may be a family of words: the names of each."""
        classes = [name for f in medicines for name in (f.data.medicine, *f.data.classes, f.data.option) if name]
        known = {path: kind.values for path, kind in fields().items()}
        return {
            "option": tuple(f.data.option for _, f in options),
            "step": tuple(page.data.step for page in pages if page.data.step),
            "kind": tuple(f.data.kind for _, f in kinds),
            "class": tuple(dict.fromkeys(classes)),
            **{each: tuple(known[path]) for each, path in VOCABULARIES.items()},
        }

    def _scope(self, words: list[_Found], rules: Any, policies: Any) -> Scope:
        names = {f"rule:{f.data.rule}" for _, f in rules} | {*OWN, SAFETY}
        for found in words:
            name = found.data.word
            names.add(name)
            if placeholder := PLACEHOLDER.search(name):
                if placeholder[1] not in self.members:
                    help = "one of: " + ", ".join(self.members)
                    message = f'there is no family of words over "{placeholder[0]}"'
                    self.problems.append(found.problem("unknown-word", message, "word", help=help))
                names |= {name.replace(placeholder[0], member) for member in self.members.get(placeholder[1], ())}
        option_names, step_names = self.members["option"], self.members["step"]
        names |= {f"{n}.status" for n in (*option_names, *step_names, "{option}", "{step}")}
        return Scope(
            fields(),
            frozenset(names),
            {f.data.policy: CHOICE if f.data.default in ("yes", "no") else f.data.unit for f in policies},
            frozenset((*option_names, "{option}")),
            frozenset((*step_names, "{step}")),
            frozenset(self.members["class"]),
            frozenset(self.members["kind"]),
        )

    def _no_record(self, found: _Found, record: str, *path: str | int) -> Problem:
        help = _guess(record, self.records) or "rules/evidence/ holds them all"
        return found.problem("unknown-record", f'there is no evidence record "{record}"', *path, help=help)

    def _doc_of(self, record: _Record) -> str:
        """The document of a record, by the name it has in sources.yaml."""
        name: str = record.source.id.removeprefix("src-")
        return self.same.get(name) or name

    def _sources(self, found: _Found, source: _Source | None, *path: str | int) -> tuple[Source, ...]:
        if source is None:
            return ()
        doc, at, verified, opened_type = source.doc, source.at, True, ""
        if source.record is not None:
            record = self.records.get(source.record)
            if record is None:
                self.problems.append(self._no_record(found, source.record, *path))
            else:
                doc, at = doc or self._doc_of(record), at or record.source.locator
                verified, opened_type = record.verified.status == "yes", record.verified.opened_type or ""
        if doc not in (WALK, CASE) and (doc or source.record is None) and doc not in self.documents:
            help = _guess(doc, self.documents) or "add it to sources.yaml"
            message = f'no document is called "{doc}"' if doc else "this names neither a document nor a record"
            written = found_at(found, *path)
            where = (*path, "doc") if isinstance(written, dict) and "doc" in written else path
            self.problems.append(found.problem("unknown-source", message, *where, help=help))
        also = tuple(s for each in source.also for s in self._sources(found, each, *path))
        return (Source(doc, at, source.record, verified, opened_type), *also)

    def _tree(self, found: _Found, text: str, *path: str | int) -> Tree:
        try:
            tree = parse(text, self.scope)
            self._endings(tree, text)
            return tree
        except LanguageError as error:
            self.problems.append(self._fault(found, error, *path))
            return ["never"]

    def _endings(self, tree: Tree, text: str) -> None:
        """That what a tree asks of each option or kind is the ending of a word that every one of them has."""
        for each, ending in [(node[0], node[-1]) for node in nodes(tree) if node[0] in ("options", "kinds")]:
            family = "{option}." if each == "options" else "{kind}."
            known = {name.removeprefix(family) for name in self.scope.words if name.startswith(family)}
            if ending not in known:
                message, at = f'nothing can be asked of {each} by the name "{ending}"', text.rfind(ending)
                raise LanguageError("unknown-word", message, at, len(ending), _guess(ending, known))

    def _fault(self, found: _Found, error: LanguageError, *path: str | int) -> Problem:
        page, full = found.page, (*found.path, *path)
        start = page.scalar_start(*full)
        here = page.problem(error.kind, error.message, *full, help=error.help)
        if "\n" in str(found_at(found, *path)) or start.line is None or start.column is None:
            return here
        place = type(start)(start.source, start.line, start.column + error.offset, start.path)
        return Problem(error.kind, place, error.message, error.help, here.excerpt, max(1, error.width))

    def _word(self, found: _Found) -> Word:
        word: _Word = found.data
        placeholder = PLACEHOLDER.search(word.word)
        each = placeholder[1] if placeholder else ""
        return Word(
            word.word,
            word.means,
            word.text,
            self._tree(found, word.text, "is"),
            self._sources(found, word.source, "source"),
            found.place,
            each,
            tuple(word.examples),
        )

    def _step(self, found: _Found) -> Step:
        data: _StepFile = found.data
        if bool(data.step) == bool(data.beside):
            self.problems.append(
                found.problem(
                    "missing-field",
                    "a file says either `step` or `beside`",
                    help="`step` is walked; `beside` holds rules that stand beside the steps",
                )
            )
        name = data.step or data.beside or ""
        return Step(
            name,
            data.title,
            data.means,
            passed=self._tree(found, data.passed, "passed"),
            not_needed=self._tree(found, data.not_needed, "not-needed"),
            under_treatment=self._tree(found, data.under_treatment, "under-treatment"),
            walked=bool(data.step),
            source=self._sources(found, data.source, "source"),
            place=found.place,
        )

    def _option(self, page: _Found, found: _Found) -> Option:
        data: _Option = found.data
        if data.adequate and data.adequate.removeprefix("policy.") not in self.scope.policies:
            self.problems.append(
                found.problem(
                    "unknown-policy",
                    f'no policy is called "{data.adequate}"',
                    "adequate",
                    help=_guess(data.adequate, self.scope.policies),
                )
            )
        return Option(
            data.option,
            data.name,
            page.data.step or "",
            data.counts != "no",
            data.adequate.removeprefix("policy."),
            self._taken(found, data.option),
        )

    def _taken(self, found: _Found, name: str) -> Tree:
        """When an option or kind is taken now: as it says itself, else when a medicine of its name is."""
        if found.data.taken:
            return self._tree(found, found.data.taken, "taken")
        return ["some", "medicines", name, ["always"]] if name in self.scope.classes else ["never"]

    def _kind(self, option: str, found: _Found) -> Kind:
        data: _Kind = found.data
        return Kind(data.kind, data.name, option, self._taken(found, data.kind))

    def _medicine(self, found: _Found) -> dict[str, Any]:
        data: _Medicine = found.data
        if not data.classes:
            message, help = f'"{data.medicine}" is of no class', "its first class says which medicines are alike"
            self.problems.append(found.problem("missing-field", message, "classes", help=help))
        for key, factor in (("mme", data.mme), ("mme-patch", data.mme_patch)):
            if factor is not None and factor <= 0:
                message, help = f"{factor:g} is no factor of a dose", "take it from the record opi-mme-table"
                self.problems.append(found.problem("out-of-range", message, key, help=help))
        # From a factor for each microgram an hour to one for each milligram a day.
        patch = None if data.mme_patch is None else data.mme_patch * 1000 / 24
        factors = {"oral": data.mme, "patch": patch}
        return {
            "classes": data.classes,
            "option": self._known_option(found),
            "under_way": data.under_way != "no",
            "mme": {form: factor for form, factor in factors.items() if factor is not None},
        }

    def _rule(self, page: _Found, found: _Found) -> Rule:
        data: _Rule = found.data
        verbs = [verb for verb in data.then if verb in VERBS]
        step = page.data.step or page.data.beside or ""
        if len(verbs) != 1:
            self.problems.append(
                found.problem(
                    "bad-expression", "`then` says exactly one thing", "then", help="one of: " + ", ".join(VERBS)
                )
            )
            verbs = ["note"]
        verb = verbs[0]
        target = data.then.get(verb, "")
        if not data.rule.startswith(step + "."):
            self.problems.append(
                found.problem(
                    "duplicate-id", f'"{data.rule}" does not begin with its step', "rule", help=f"call it {step}.…"
                )
            )
        self._target(found, verb, target)
        self._detail(found, verb, {key: value for key, value in data.then.items() if key != verb})
        for side in ("when", "unless"):
            for i, word in enumerate(getattr(data, side)):
                if word not in self.scope.words or "{" in word:
                    self.problems.append(
                        found.problem(
                            "unknown-word",
                            f'no word is called "{word}"',
                            side,
                            i,
                            help=_guess(word, self.scope.words) or "`pathway rules words` lists them all",
                        )
                    )
        detail = {key: value for key, value in data.then.items() if key != verb}
        sources = self._sources(found, data.source, "source")
        return Rule(
            data.rule,
            step,
            tuple(data.when),
            tuple(data.unless),
            verb,
            target,
            data.because,
            sources,
            detail,
            found.place,
            tuple(data.examples),
        )

    def _target(self, found: _Found, verb: str, target: str) -> None:
        steps, options = self.scope.steps, self.scope.options | self.scope.kinds
        known: Collection[str] = {
            "next": steps,
            "offer": self.scope.options,
            "consider": self.scope.options,
            "end": GRADES,
            "refer": steps | self.beside,
            "note": options | steps | self.beside,
            "caution": options | steps | self.beside,
        }.get(verb, options)
        if target not in known:
            kind = {"next": "unknown-step", "end": "unknown-value"}.get(verb, "unknown-option")
            what = {"next": "step of the pathway", "end": "way to end a walk"}.get(verb, "option of the pathway")
            help = _guess(target, known) or ("one of: " + ", ".join(GRADES) if verb == "end" else "")
            self.problems.append(found.problem(kind, f'"{target}" is no {what}', "then", verb, help=help))

    def _detail(self, found: _Found, verb: str, detail: dict[str, str]) -> None:
        """What may stand beside a verb: the reason of a hold, and to whom a referral goes."""
        for key, value in detail.items():
            if key not in DETAILS.get(verb, ()):
                help = f"`{verb}` may say: " + ", ".join(DETAILS[verb]) if verb in DETAILS else "take it out"
                self.problems.append(found.problem("bad-key", f'`{verb}` says no "{key}"', "then", key, help=help))
            elif key == "reason" and value not in REASONS:
                help = "one of: " + ", ".join(REASONS)
                message = f'"{value}" is no reason to hold back'
                self.problems.append(found.problem("unknown-value", message, "then", key, help=help))
        if verb == "refer" and "to" not in detail:
            message = "a referral says to whom"
            self.problems.append(found.problem("missing-field", message, "then", help="add  to: a rheumatologist"))

    def _policy(self, found: _Found) -> Policy:
        data: _Policy = found.data
        default, low, high = data.default, data.low, data.high
        if data.unit == "days":
            default, low, high = (self._days(found, key) for key in ("default", "low", "high"))
        elif default in ("yes", "no"):
            default = default == "yes"
        elif data.unit == OPTIONS:
            default = self._options_of(found)
        return Policy(
            data.policy, data.means, default, low, high, data.unit, self._sources(found, data.source, "source")
        )

    def _options_of(self, found: _Found) -> tuple[str, ...]:
        """The default of a policy that lists options: none, or their names."""
        names = [] if found.data.default == NONE else found.data.default
        if not isinstance(names, list):
            help = "write  [iv-ketamine, pain-pump]  or  none"
            self.problems.append(found.problem("wrong-type", "a list of options was expected", "default", help=help))
            return ()
        for name in names:
            if name not in self.scope.options:
                help = _guess(str(name), self.scope.options) or "one of: " + ", ".join(self.members["option"])
                message = f'"{name}" is no option of the pathway'
                self.problems.append(found.problem("unknown-option", message, "default", help=help))
        return tuple(sorted(map(str, names)))

    def _days(self, found: _Found, key: str) -> float | None:
        value = getattr(found.data, key)
        try:
            return None if value is None else parse_duration(value)
        except UnitError as error:
            self.problems.append(found.problem(error.kind, error.message, key, help=error.help))
            return None

    def _document(self, found: _Found) -> Document:
        d: _Document = found.data
        return Document(d.doc, d.title, d.organisation, d.year, d.link)

    def _claim(self, found: _Found, rules: Any) -> Claim:
        data: _Claim = found.data
        known = {f.data.rule for _, f in rules} | self.scope.words
        for i, name in enumerate(data.carried_by):
            if name not in known:
                self.problems.append(
                    found.problem(
                        "unknown-rule", f'no rule or word is called "{name}"', "carried-by", i, help=_guess(name, known)
                    )
                )
        if bool(data.carried_by) == bool(data.because_not):
            self.problems.append(
                found.problem(
                    "claim-not-covered",
                    f"{data.id} says neither which rules carry it nor why none does, or says both",
                    help="fill in `carried-by` or `because-not`",
                )
            )
        return Claim(
            data.id,
            data.sentence,
            data.verdict,
            data.said,
            tuple(data.carried_by),
            data.because_not,
            tuple(data.evidence),
        )

    def _invariant(self, found: _Found, base: RuleBase) -> Invariant:
        told: dict[str, Any] = found.data.model_dump(exclude={"exempt", "each", "among", "can"})
        exempt = tuple(Exempt(tuple(each.names), each.because) for each in found.data.exempt)
        listed: dict[str, Any] = {name: tuple(getattr(found.data, name)) for name in ("each", "among", "can")}
        made = Invariant(**told, **listed, exempt=exempt, place=found.place)
        try:
            check(made, base)
        except LanguageError as error:
            self.problems.append(found.problem(error.kind, str(error), help=error.help))
        return made

    def _known_option(self, found: _Found) -> str | None:
        option: str | None = found.data.option
        if option is not None and option not in self.scope.options:
            self.problems.append(
                found.problem(
                    "unknown-option",
                    f'"{option}" is no option of the pathway',
                    "option",
                    help=_guess(option, self.scope.options),
                )
            )
        return option

    def _statuses(self, walk: _Found) -> Iterator[tuple[str, Any]]:
        tables = walk.data.statuses
        statuses = {table: {status for row in rows for status in row} for table, rows in tables.items()}
        for table, rows in tables.items():
            made = []
            for i, row in enumerate(rows):
                if len(row) != 1:
                    problem = walk.problem(
                        "bad-expression", "a row names one status", "statuses", table, i, help="split it"
                    )
                    self.problems.append(problem)
                    continue
                ((status, text),) = row.items()
                literals: list[list[str]] = []
                try:
                    literals = [] if text == "else" else parse_sharp(text, self.scope, statuses)
                except LanguageError as error:
                    self.problems.append(self._fault(walk, error, "statuses", table, i, status))
                made.append((status, tuple((w, v) for w, v in literals)))
            yield table, tuple(made)

    def _layers(self, base: RuleBase) -> None:
        for rule in base.rules:
            verbs = DOCUMENTED_VERBS if rule.layer == "documented" else SAFETY_VERBS
            if rule.verb not in verbs:
                self._wrong(
                    rule.place,
                    f"{rule.rule} rests on {rule.source[0].doc}, so it may not `{rule.verb}`",
                    "only the FAQ offers; only the safety layer holds back, refers and ends",
                )
            if rule.layer != "documented":
                continue
            for name in (*rule.when, *rule.unless):
                family = base.family(name)
                if family and layer_of(family[0].source) == "safety":
                    self._wrong(
                        rule.place,
                        f'{rule.rule} is documented but names the safety word "{name}"',
                        "the layers are joined once, in walk.yaml",
                    )

    def _members_said_twice(self, base: RuleBase, words: list[_Found]) -> None:
        """A word may bear the name of a family's member only where it says what the family says."""
        for found in words:
            member = base.of_families.get(found.data.word)
            if member is None:
                continue
            family, filled = member
            each, name = next(iter(filled.items()))
            if family.text.replace(f"{{{each}}}", name) != found.data.text:
                message = f'"{found.data.word}" is a word of the family "{family.word}", and says something else here'
                self.problems.append(found.problem("duplicate-id", message, "word", help="give this word another name"))

    def _warns(self, base: RuleBase) -> None:
        """A rule base without its warning signs or its sentences would walk on in silence."""
        help = "copy steps/10-red-flags.yaml from the bundled rules, and change what differs"
        if not any(step.step == "red-flags" and not step.walked for step in base.steps):
            message = "no file of steps/ says `beside: red-flags`, so no warning sign would be looked for"
            self.problems.append(refused("missing-field", "steps", message, help))
        elif not any(rule.verb == "end" and rule.step == "red-flags" for rule in base.rules):
            message = "no rule of red-flags says `end`, so no warning sign would end a walk"
            self.problems.append(refused("unreachable", "steps", message, help))
        if not base.claims:
            message = "there is no sentence of the source here, so nothing says what the rules carry"
            self.problems.append(refused("missing-field", "claims.yaml", message, "list each sentence of the source"))

    def _wrong(self, place: str, message: str, help: str) -> None:
        source, _, line = place.rpartition(":")
        self.problems.append(Problem("wrong-layer", Place(source, int(line), None), message, help))


def found_at(found: _Found, *path: str | int) -> Any:
    """What was written at a path below a thing read."""
    value: Any = found.page.data
    for key in (*found.path, *path):
        there = isinstance(value, list) or (isinstance(value, dict) and key in value)
        value = value[key] if there else None
    return value


def _record(record: _Record, doc: str) -> dict[str, Any]:
    """What is kept of a record: what it says, how strongly, of whom, and how it was read."""
    return {
        "kind": record.kind,
        "statement": record.statement,
        "strength": record.strength,
        "population": record.population,
        "doc": doc,
        "at": record.source.locator,
        "verified": record.verified.status == "yes",
        "opened_type": record.verified.opened_type or "",
    }


def _guess(name: str, known: Any) -> str:
    guess = near(name, known)
    return f'did you mean "{guess}"?' if guess else ""
