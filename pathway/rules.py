"""RuleBase: the knowledge base as objects, each knowing its place in `rules/`.

What a clinician would argue about lives in `rules/`; this module only says what it is made of.
`pathway.rulefile` reads it, `pathway.tree` compiles it, `pathway.check` looks it over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from pathway.language import Tree

FAQ = "faq"
WALK = "walk"
VERBS: dict[str, str] = {
    "offer": "offers an option",
    "consider": "offers an option, said softly",
    "note": "says what speaks for, or about, an option or step; changes nothing",
    "caution": "warns beside an option; changes nothing",
    "hold": "holds an option back",
    "review": "asks to review something that is being taken or done",
    "first": "says what must come before an option",
    "refer": "advises a referral; the walk goes on",
    "end": "ends the walk with a referral",
    "next": "opens a later step",
}
OFFERS = ("offer", "consider")
DOCUMENTED_VERBS = ("offer", "consider", "note", "caution", "next")
SAFETY_VERBS = ("note", "caution", "hold", "review", "first", "refer", "end")


@dataclass(frozen=True)
class Source:
    """Where a statement comes from: a document of sources.yaml, the place in it, and the evidence record.

    `verified` is False where nobody could open the page that says so; readers are told.
    """

    doc: str
    at: str
    record: str | None = None
    verified: bool = True


@dataclass(frozen=True)
class Document:
    """A cited document."""

    doc: str
    title: str
    organisation: str
    year: int | None = None
    link: str = ""
    opened_type: str = ""


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
    """A word: what it means, and the tree that answers it. `each` is "option" or "step" for a family of words."""

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


@dataclass(frozen=True)
class Option:
    """A treatment of the documented pathway."""

    option: str
    name: str
    step: str
    counts: bool = True
    adequate: str = ""


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
        """Every medicine, and every class, by name -> the classes it belongs to."""
        by_name = {name: frozenset(entry["classes"]) for name, entry in self.medicines.items()}
        every = frozenset(c for classes in by_name.values() for c in classes)
        return {**{c: frozenset({c}) for c in every}, **by_name}

    def options_of(self, step: str | None, countable: bool = False) -> tuple[Option, ...]:
        """The options of a step (of all steps for None), in order."""
        return tuple(o for o in self.options if step in (None, o.step) and (o.counts or not countable))

    def family(self, name: str) -> tuple[Word, Mapping[str, str]] | None:
        """The word that a name stands for, with what fills its pattern ("massage.helping" -> {option: massage})."""
        if name in self.word:
            return self.word[name], {}
        head, _, ending = name.rpartition(".")
        for each, known in (("option", self.option), ("step", {s.step: s for s in self.walked})):
            word = self.word.get(f"{{{each}}}.{ending}")
            if word and head in known:
                return word, {each: head}
        return None

    @cached_property
    def rules_at(self) -> Mapping[str, tuple[Rule, ...]]:
        """Rules by their step, in order."""
        return {step.step: tuple(rule for rule in self.rules if rule.step == step.step) for step in self.steps}

    @cached_property
    def rules_for(self) -> Mapping[str, tuple[Rule, ...]]:
        """Rules by the option that they speak of, in order."""
        return {o.option: tuple(rule for rule in self.rules if rule.target == o.option) for o in self.options}

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
            document.opened_type,
            claim.verdict if claim else "",
            claim.said if claim else "",
            claim.sentence if claim else "",
        )


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

    return RuleBase(
        edition=data["edition"],
        title=data["title"],
        intended_for=data["intended_for"],
        not_for=data["not_for"],
        steps=tuple(Step(**sources(e)) for e in data["steps"]),
        options=tuple(Option(**e) for e in data["options"]),
        words=tuple(Word(**tuples(sources(e), "examples")) for e in data["words"]),
        rules=tuple(Rule(**tuples(sources(e), "when", "unless", "examples")) for e in data["rules"]),
        policies=tuple(Policy(**sources(e)) for e in data["policies"]),
        documents=tuple(Document(**e) for e in data["documents"]),
        claims=tuple(Claim(**tuples(e, "carried_by", "evidence")) for e in data["claims"]),
        medicines=data["medicines"],
        statuses={
            name: tuple((status, tuple((w, v) for w, v in row)) for status, row in rows)
            for name, rows in data["statuses"].items()
        },
        digest=digest,
    )
