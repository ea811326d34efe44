"""RuleBase: the knowledge base as objects, each knowing its place in `rules/`.

What a clinician would argue about lives in `rules/`; this module only says what it is made of.
`pathway.rulefile` reads it, `pathway.tree` compiles it, `pathway.check` looks it over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from pathway.language import Tree

FAQ = "faq"
WALK = "walk"
CASE = "case"
SAFETY = "safety-layer"
"""The node that is yes, but no where the walk is seen as documented, with the safety layer off."""
PLACEHOLDER = re.compile(r"\{([a-z-]+)\}")
VERBS: dict[str, str] = {
    "offer": "offers an option",
    "consider": "offers an option, said softly",
    "note": "says something about an option or step; changes nothing",
    "support": "says what speaks for an option; changes nothing",
    "caution": "says what speaks against an option; changes nothing",
    "against": "advises against an option for this condition: warns, and a failed trial of it counts for nothing",
    "hold": "holds an option back",
    "review": "asks to review something that is being taken or done",
    "first": "says what must come before an option",
    "refer": "advises a referral; the walk goes on",
    "end": "ends the walk with a referral",
    "next": "opens a later step",
}
NOT_RECOMMENDED = "not-recommended"
CONTRAINDICATED = "patient-contraindication"
OFFERS = ("offer", "consider")
SPEAKS_FOR = ("offer", "consider", "support")
SPEAKS_AGAINST = ("hold", "review", "against", "caution")
DOCUMENTED_VERBS = ("offer", "consider", "note", "caution", "next")
SAFETY_VERBS = ("note", "support", "caution", "against", "hold", "review", "first", "refer", "end")


@dataclass(frozen=True)
class Source:
    """Where a statement comes from: a document of sources.yaml, the place in it, and the evidence record.

    `verified` is False where nobody could open the page that says so, and `opened_type` says how near
    the page that was read is to the document; readers are told both.
    """

    doc: str
    at: str
    record: str | None = None
    verified: bool = True
    opened_type: str = ""


@dataclass(frozen=True)
class Document:
    """A cited document."""

    doc: str
    title: str
    organisation: str
    year: int | None = None
    link: str = ""


@dataclass(frozen=True)
class Cited:
    """A source as a reader meets it; a sentence of the FAQ with what the evidence says of it."""

    doc: str
    at: str
    title: str
    organisation: str
    year: int | None
    link: str
    record: str | None
    verified: bool
    opened_type: str
    claim_verdict: str = ""
    claim_said: str = ""
    claim_sentence: str = ""


@dataclass(frozen=True)
class Policy:
    """A threshold or choice that a clinic may set; `source` is empty where it is a clinic's choice."""

    policy: str
    means: str
    default: Any
    low: Any = None
    high: Any = None
    unit: str = ""
    source: tuple[Source, ...] = ()

    @property
    def origin(self) -> str:
        """Where the default comes from, as the reports say it."""
        return ", ".join(f"{s.doc} {s.at}" for s in self.source) or "a clinic's choice, no source"


@dataclass(frozen=True)
class Word:
    """A word: what it means, and the tree that answers it.

    `each` says of what there is one, for a family of words: "option" for "{option}.helping".
    """

    word: str
    means: str
    text: str
    tree: Tree
    source: tuple[Source, ...]
    place: str = ""
    each: str = ""
    examples: tuple[Mapping[str, Any], ...] = ()

    @property
    def layer(self) -> str:
        """documented, safety, or walk (the words by which the two are joined)."""
        return layer_of(self.source)


@dataclass(frozen=True)
class Rule:
    """A rule: at a step, when these words, unless those, then this, because, source."""

    rule: str
    step: str
    when: tuple[str, ...]
    unless: tuple[str, ...]
    verb: str
    target: str
    because: str
    source: tuple[Source, ...]
    detail: Mapping[str, str] = field(default_factory=dict)
    place: str = ""
    examples: tuple[Mapping[str, Any], ...] = ()

    @property
    def layer(self) -> str:
        """documented or safety, told by the source."""
        return layer_of(self.source)

    @property
    def discourages(self) -> bool:
        """Whether it advises against its option for this condition, so that a failed trial of it counts for nothing."""
        return self.verb == "against" or (self.verb == "hold" and self.detail.get("reason") == NOT_RECOMMENDED)


@dataclass(frozen=True)
class Kind:
    """One kind of an option, such as the tricyclics among the antidepressants; `taken` says when it is taken now."""

    kind: str
    name: str
    option: str
    taken: Tree


@dataclass(frozen=True)
class Option:
    """A treatment of the documented pathway; `taken` says when it is taken now, or in place."""

    option: str
    name: str
    step: str
    counts: bool = True
    adequate: str = ""
    taken: Tree = field(default_factory=lambda: ["never"])


@dataclass(frozen=True)
class Step:
    """A step of the pathway, or (with `walked` false) a file of rules that stands beside the steps."""

    step: str
    title: str
    means: str
    passed: Tree
    not_needed: Tree
    under_treatment: Tree
    walked: bool = True
    source: tuple[Source, ...] = ()
    place: str = ""


@dataclass(frozen=True)
class Claim:
    """One sentence of the FAQ: what carries it, or why nothing does, and what the evidence says of it."""

    id: str
    sentence: str
    verdict: str
    said: str
    carried_by: tuple[str, ...] = ()
    because_not: str = ""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exempt:
    """What an invariant is not claimed of, by name, and why."""

    names: tuple[str, ...]
    because: str


@dataclass(frozen=True)
class Invariant:
    """What holds of everybody, known or unknown, whatever a clinic sets.

    `each` says of what it is claimed ("option of implant"), `among` which of them. Wherever `when` holds, `then` holds;
    each claim of `can` holds of somebody; `law` names what no claim can say. `change` makes something so, and leaves
    all else as it was: `before` in a claim then speaks of the time before. `view` is shown, or documented where the
    safety layer is off.
    """

    invariant: str
    says: str
    because: str
    each: tuple[str, ...] = ()
    among: tuple[str, ...] = ()
    view: str = "shown"
    change: str = ""
    when: str = ""
    then: str = ""
    can: tuple[str, ...] = ()
    law: str = ""
    exempt: tuple[Exempt, ...] = ()
    place: str = ""


@dataclass(frozen=True)
class RuleBase:
    """The whole knowledge base, in the order of its files."""

    edition: str
    title: str
    intended_for: str
    not_for: str
    steps: tuple[Step, ...]
    options: tuple[Option, ...]
    words: tuple[Word, ...]
    rules: tuple[Rule, ...]
    policies: tuple[Policy, ...]
    documents: tuple[Document, ...]
    claims: tuple[Claim, ...]
    medicines: Mapping[str, Mapping[str, Any]]
    statuses: Mapping[str, tuple[tuple[str, tuple[tuple[str, str], ...]], ...]]
    kinds: tuple[Kind, ...] = ()
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    records_text: str = "{}"
    not_encoded: Mapping[str, str] = field(default_factory=dict)
    invariants: tuple[Invariant, ...] = ()
    digest: str = ""

    @cached_property
    def walked(self) -> tuple[Step, ...]:
        """The steps of the walk, top to bottom."""
        return tuple(step for step in self.steps if step.walked)

    @cached_property
    def option(self) -> Mapping[str, Option]:
        """Options by name."""
        return {option.option: option for option in self.options}

    @cached_property
    def records(self) -> Mapping[str, Mapping[str, Any]]:
        """The evidence records by id; kept as text, because a walk needs none of them whole."""
        records: dict[str, dict[str, Any]] = json.loads(self.records_text)
        return records

    @cached_property
    def kind(self) -> Mapping[str, Kind]:
        """Kinds of options by name."""
        return {kind.kind: kind for kind in self.kinds}

    def kinds_of(self, option: str) -> tuple[Kind, ...]:
        """The kinds of an option, in order; none for an option that is one thing."""
        return tuple(kind for kind in self.kinds if kind.option == option)

    @cached_property
    def rule(self) -> Mapping[str, Rule]:
        """Rules by id."""
        return {rule.rule: rule for rule in self.rules}

    @cached_property
    def word(self) -> Mapping[str, Word]:
        """Words by name, families by their pattern ("{option}.helping")."""
        return {word.word: word for word in self.words}

    @cached_property
    def claim(self) -> Mapping[str, Claim]:
        """Sentences of the FAQ by id."""
        return {claim.id: claim for claim in self.claims}

    @cached_property
    def document(self) -> Mapping[str, Document]:
        """Cited documents by id."""
        return {document.doc: document for document in self.documents}

    @cached_property
    def treatments(self) -> Mapping[str, str]:
        """Every name a trial may use (an option, or a medicine of one) -> the option."""
        names = {name: str(entry["option"]) for name, entry in self.medicines.items() if entry.get("option")}
        return {**names, **{option.option: option.option for option in self.options}}

    @cached_property
    def classes(self) -> Mapping[str, frozenset[str]]:
        """Every medicine, and every class, by name -> the names and classes that it surely belongs to."""
        return {name: frozenset.intersection(*sets) | {name} for name, sets in self._class_sets.items()}

    @cached_property
    def possible(self) -> Mapping[str, frozenset[str]]:
        """Every medicine, and every class, by name -> all that it may belong to."""
        return {name: frozenset.union(*sets) for name, sets in self._class_sets.items()}

    @cached_property
    def _class_sets(self) -> Mapping[str, list[frozenset[str]]]:
        """A medicine -> its one set of classes; a class -> the sets of all its medicines."""
        sets: dict[str, list[frozenset[str]]] = {}
        for name, entry in self.medicines.items():
            own = frozenset((name, *entry["classes"], *_taken_as(entry)))
            for each in own - self.medicines.keys() | {name}:
                sets.setdefault(each, []).append(own)
        return sets

    @cached_property
    def factors(self) -> Mapping[str, Mapping[str, float]]:
        """Opioids by name -> morphine milligram equivalents for each mg, by mouth ("oral") and as a patch ("patch")."""
        return {name: entry["mme"] for name, entry in self.medicines.items() if entry.get("mme")}

    def options_of(self, step: str | None, countable: bool = False) -> tuple[Option, ...]:
        """The options of a step (of all steps for None), in order."""
        return tuple(o for o in self.options if step in (None, o.step) and (o.counts or not countable))

    def family(self, name: str) -> tuple[Word, Mapping[str, str]] | None:
        """The word that a name stands for, with what fills its pattern ("massage.helping" -> {option: massage})."""
        return ((self.word[name], {}) if name in self.word else None) or self.of_families.get(name)

    @cached_property
    def of_families(self) -> Mapping[str, tuple[Word, Mapping[str, str]]]:
        """The words that families have, by name: the family, and what fills its pattern."""
        return {
            word.word.replace(f"{{{word.each}}}", member): (word, {word.each: member})
            for word in self.words
            if word.each
            for member in self.members.get(word.each, ())
        }

    @cached_property
    def rules_at(self) -> Mapping[str, tuple[Rule, ...]]:
        """Rules by their step, in order."""
        return {step.step: tuple(rule for rule in self.rules if rule.step == step.step) for step in self.steps}

    @cached_property
    def rules_for(self) -> Mapping[str, tuple[Rule, ...]]:
        """Rules by the option, or kind of one, that they speak of, in order."""
        found: dict[str, tuple[Rule, ...]] = dict.fromkeys((*self.option, *self.kind), ())
        for rule in self.rules:
            if rule.target in found:
                found[rule.target] += (rule,)
        return found

    @cached_property
    def rules_of(self) -> Mapping[str, tuple[Rule, ...]]:
        """Rules by the option that they speak of (its kinds included) or by the step itself, each rule once."""
        home = {**{kind.kind: kind.option for kind in self.kinds}, **{name: name for name in self.option}}
        found: dict[str, list[Rule]] = {name: [] for name in (*self.option, *(s.step for s in self.walked))}
        for rule in self.rules:
            name = rule.step if rule.verb == "next" else home.get(rule.target, rule.target)
            if name in found:
                found[name].append(rule)
        return {name: tuple(rules) for name, rules in found.items()}

    @cached_property
    def rules_beside(self) -> tuple[Rule, ...]:
        """Rules that speak of no option and no step, such as those of scope and of warning signs."""
        spoken = {rule.rule for rules in self.rules_of.values() for rule in rules}
        return tuple(rule for rule in self.rules if rule.rule not in spoken)

    @cached_property
    def cited(self) -> Mapping[str, tuple[Cited, ...]]:
        """Each rule's sources as a reader meets them."""
        return {rule.rule: tuple(self._cite(source) for source in rule.source) for rule in self.rules}

    def _cite(self, source: Source) -> Cited:
        document = self.document[source.doc]
        claim = self.claim.get(source.at) if source.doc == FAQ else None
        return Cited(
            source.doc,
            source.at,
            document.title,
            document.organisation,
            document.year,
            document.link,
            source.record,
            source.verified,
            source.opened_type,
            claim.verdict if claim else "",
            claim.said if claim else "",
            claim.sentence if claim else "",
        )


def _taken_as(entry: Mapping[str, Any]) -> Iterator[str]:
    """The option that is under way where a medicine is taken, whatever it is taken for."""
    if entry.get("option") and entry.get("under_way", True):
        yield str(entry["option"])


def layer_of(sources: tuple[Source, ...]) -> str:
    """documented for the FAQ, walk for the joining of the layers, else safety."""
    first = sources[0].doc if sources else WALK
    return {FAQ: "documented", WALK: "walk"}.get(first, "safety")


def to_json(base: RuleBase) -> dict[str, Any]:
    """The rule base as plain data, for the cache."""
    return {name: value for name, value in asdict(base).items() if name != "digest"}


def from_json(data: Mapping[str, Any], digest: str) -> RuleBase:
    """The rule base from `to_json`'s data."""

    def sources(entry: Mapping[str, Any]) -> dict[str, Any]:
        return {**entry, "source": tuple(Source(**s) for s in entry["source"])}

    def tuples(entry: Mapping[str, Any], *names: str) -> dict[str, Any]:
        return {**entry, **{name: tuple(entry[name]) for name in names}}

    def listed(value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    return RuleBase(
        edition=data["edition"],
        title=data["title"],
        intended_for=data["intended_for"],
        not_for=data["not_for"],
        steps=tuple(Step(**sources(e)) for e in data["steps"]),
        options=tuple(Option(**e) for e in data["options"]),
        words=tuple(Word(**tuples(sources(e), "examples")) for e in data["words"]),
        rules=tuple(Rule(**tuples(sources(e), "when", "unless", "examples")) for e in data["rules"]),
        policies=tuple(Policy(**{**sources(e), "default": listed(e["default"])}) for e in data["policies"]),
        documents=tuple(Document(**e) for e in data["documents"]),
        claims=tuple(Claim(**tuples(e, "carried_by", "evidence")) for e in data["claims"]),
        medicines=data["medicines"],
        kinds=tuple(Kind(**e) for e in data["kinds"]),
        members={each: tuple(names) for each, names in data["members"].items()},
        records_text=data["records_text"],
        not_encoded=data["not_encoded"],
        invariants=tuple(
            Invariant(
                **{
                    **tuples(e, "each", "among", "can"),
                    "exempt": tuple(Exempt(tuple(x["names"]), x["because"]) for x in e["exempt"]),
                }
            )
            for e in data["invariants"]
        ),
        statuses={
            name: tuple((status, tuple((w, v) for w, v in row)) for status, row in rows)
            for name, rows in data["statuses"].items()
        },
        digest=digest,
    )
