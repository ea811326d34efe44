"""Looks over a rule base: runs its examples; finds gaps, clashes, dead words, unreachable steps, unsourced claims."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from pathway.cache import Compiled
from pathway.case import subject_of
from pathway.engine import plain
from pathway.findings import ANSWERS, answer
from pathway.language import nodes, policies_in, words_in
from pathway.problem import Place, Problem, Problems, near
from pathway.reading import Document, read_document
from pathway.rules import CASE, FAQ, OFFERS, WALK, Rule, Source, Word
from pathway.tree import spelt
from pathway.walks import VERDICTS

DECIDES = ("hold", "review", "end")
MUST = {
    "contraindication": ("hold", "review", "end", "caution"),
    "red-flag": ("end", "refer"),
    "prerequisite": ("first", "note", "caution"),
}
"""What a record of some kinds must lead to."""


def look_over(compiled: Compiled) -> tuple[dict[str, int], list[Problem]]:
    """What a rule base holds, and everything that is wrong with it.

    Returns: counts of what was looked at (words, rules, examples, sentences), and the Problems.
    """
    looker = _Looker(compiled)
    problems = list(looker.problems())
    base = compiled.base
    counts = {
        "words": len(base.words),
        "rules": len(base.rules),
        "examples": looker.examples,
        "options": len(base.options),
        "steps": len(base.walked),
        "sentences": len(base.claims),
        "documents": len(base.documents),
        "records": len(base.records),
    }
    return counts, problems


class _Looker:
    def __init__(self, compiled: Compiled) -> None:
        self.compiled, self.base, self.tree = compiled, compiled.base, compiled.tree
        self.examples = 0
        self.unknown: dict[str, int] = dict.fromkeys((node.name for node in self.tree.nodes), 0)

    def problems(self) -> Iterator[Problem]:
        checks: tuple[Callable[[], Iterator[Problem]], ...] = (
            self._word_examples,
            self._rule_examples,
            self._dead_words,
            self._unreachable,
            self._for_everybody,
            self._classes,
            self._clashes,
            self._doubled,
            self._sources,
            self._records,
            self._policies,
        )
        for each in checks:
            yield from each()

    def _at(self, place: str, kind: str, message: str, help: str = "") -> Problem:
        source, _, line = place.rpartition(":")
        return Problem(kind, Place(source, int(line), None) if source else Place("rules", None, None), message, help)

    # ---- examples ----

    def _word_examples(self) -> Iterator[Problem]:
        for word in self.base.words:
            seen = set()
            for example in word.examples:
                self.examples += 1
                try:
                    met = self._answer_of(word, example)
                except Problems as faults:
                    for fault in faults.items:
                        yield self._at(
                            word.place,
                            "bad-example",
                            f"{word.word}, {example.get('name')}: {fault.message}",
                            fault.help,
                        )
                    continue
                seen.add(met)
                if met != example.get("expect"):
                    yield self._at(
                        word.place,
                        "bad-example",
                        f"{word.word}, {example.get('name')}: expected {example.get('expect')}, met {met}",
                    )
            if word.layer != "walk" and ("yes" not in seen or len(seen) == 1):
                yield self._at(
                    word.place,
                    "missing-example",
                    f"{word.word} is not seen both as yes and as something else",
                    "give an example of each sign",
                )

    def _answer_of(self, word: Word, example: Mapping[str, Any]) -> str:
        name = word.word
        if word.each:
            name = name.replace(f"{{{word.each}}}", str(example.get("of", "")))
        node = self.tree.node.get(name) or spelt(self.base, self.compiled.policy, name)
        if node is None:
            raise Problems(
                [
                    Problem(
                        "bad-example", Place("example", None, None), f'no {word.each} is called "{example.get("of")}"'
                    )
                ]
            )
        if "given" in example:
            return ANSWERS[answer(node.tree, subject_of(example["given"], self.base, _page(example["given"])))]
        # A word that nothing uses may name words that no walk works out; they are unknown here.
        return ANSWERS[plain.value(node.tree, {**dict.fromkeys(words_in(node.tree), 0), **self._assumed(example)})]

    def _assumed(self, example: Mapping[str, Any]) -> dict[str, int | str]:
        answers: dict[str, int | str] = dict(self.unknown)
        for side, value in (("yes", 1), ("no", -1), ("unknown", 0)):
            for name in example.get(side, ()):
                if name not in answers:
                    raise Problems(
                        [
                            Problem(
                                "bad-example",
                                Place("example", None, None),
                                f'no word is called "{name}"',
                                f'did you mean "{near(name, answers)}"?',
                            )
                        ]
                    )
                answers[name] = value
        return answers

    def _rule_examples(self) -> Iterator[Problem]:
        for rule in self.base.rules:
            seen = set()
            for example in rule.examples:
                self.examples += 1
                try:
                    met = self._verdict_of(rule, example)
                except Problems as faults:
                    yield self._at(
                        rule.place, "bad-example", f"{rule.rule}, {example.get('name')}: {faults.items[0].message}"
                    )
                    continue
                seen.add(met.split()[0])
                if met != example.get("expect"):
                    yield self._at(
                        rule.place,
                        "bad-example",
                        f"{rule.rule}, {example.get('name')}: expected {example.get('expect')}, met {met}",
                    )
            if len(rule.when) + len(rule.unless) < 2:  # noqa: PLR2004  one word alone: an example could only repeat it
                continue
            if not {"fires", "silent"} <= seen:
                yield self._at(
                    rule.place,
                    "missing-example",
                    f"{rule.rule} shows no example where it {' and '.join(sorted({'fires', 'silent'} - seen))}",
                    "give an example of each",
                )
            shown = {name for example in rule.examples for name in example.get("yes", ())}
            for word in rule.unless:
                if word not in shown:
                    yield self._at(
                        rule.place,
                        "missing-example",
                        f'{rule.rule} never shows "{word}" holding it',
                        "give an example where that word is yes",
                    )

    def _verdict_of(self, rule: Rule, example: Mapping[str, Any]) -> str:
        """fires, silent, or "asks" with the words that are unknown; the step counts as reached."""
        answers = self._assumed(example)
        parts = [(word, int(answers[word])) for word in rule.when] + [
            (word, -int(answers[word])) for word in rule.unless
        ]
        verdict = VERDICTS[min((value for _, value in parts), default=1)]
        open_words = [word for word, value in parts if value == 0]
        return " ".join([verdict, *open_words]) if verdict == "asks" else verdict

    # ---- the base as a whole ----

    def _dead_words(self) -> Iterator[Problem]:
        used = {name for rule in self.base.rules for name in (*rule.when, *rule.unless)}
        used |= {name for node in self.tree.nodes for name in node.needs}
        alive = {family[0].word for name in used if (family := self.base.family(name))}
        for word in self.base.words:
            if word.word not in alive:
                yield self._at(word.place, "dead-word", f'no rule or word uses "{word.word}"', "use it, or take it out")

    def _unreachable(self) -> Iterator[Problem]:
        opened = {rule.target for rule in self.base.rules if rule.verb == "next"}
        for step in self.base.walked[1:]:
            if step.step not in opened:
                yield self._at(
                    step.place,
                    "unreachable",
                    f'no rule leads to the step "{step.step}"',
                    f"give an earlier step a rule with  then: {{next: {step.step}}}",
                )
        offered = {rule.target for rule in self.base.rules if rule.verb in OFFERS}
        for option in self.base.options:
            if option.option not in offered:
                place = next(step.place for step in self.base.steps if step.step == option.step)
                yield self._at(
                    place,
                    "unreachable",
                    f'no rule offers "{option.option}"',
                    f"give {option.step} a rule with  then: {{offer: {option.option}}}",
                )
        for rule in self.base.rules:
            both = set(rule.when) & set(rule.unless)
            if both or self.tree.node[f"rule:{rule.rule}"].tree == ["never"]:
                yield self._at(
                    rule.place,
                    "unreachable",
                    f"{rule.rule} can never fire" + (f': "{min(both)}" must and must not hold' if both else ""),
                )

    def _for_everybody(self) -> Iterator[Problem]:
        """Rules that would close an option, or end the walk, for every person there is."""
        for rule in self.base.rules:
            if rule.verb in DECIDES and not (rule.when or rule.unless):
                message = f"{rule.rule} says `{rule.verb}` of everybody: it hangs on no word"
                yield self._at(rule.place, "unreachable", message, "say of whom, with  when: [...]")

    def _classes(self) -> Iterator[Problem]:
        """Classes of medicines that nothing reads and that are written almost like one that something reads."""
        read = {
            str(node[2])
            for each in self.tree.nodes
            if each.kind == "field"
            for node in nodes(each.tree)
            if node[0] in ("some", "total") and node[1] != "trials"
        }
        named = {c for entry in self.base.medicines.values() for c in entry["classes"]}
        for name in sorted(named - read):
            if guess := get_close_matches(name, read, n=1, cutoff=0.9):
                message = f'no word reads the class "{name}" of a medicine'
                yield self._at("rules/medicines.yaml:1", "dead-word", message, f'did you mean "{guess[0]}"?')

    def _clashes(self) -> Iterator[Problem]:
        seen: dict[Any, Rule] = {}
        for rule in self.base.rules:
            told = "" if rule.verb in DECIDES else rule.because
            key = (rule.verb, rule.target, rule.step, frozenset(rule.when), frozenset(rule.unless), rule.layer, told)
            if key in seen:
                yield self._at(
                    rule.place,
                    "clash",
                    f"{rule.rule} says what {seen[key].rule} says, for the same words",
                    "keep one of the two",
                )
            seen.setdefault(key, rule)

    def _doubled(self) -> Iterator[Problem]:
        """Words that are the same word, and rules that hold, review or end the same for the same words."""
        words: dict[str, str] = {}
        for word in self.base.words:
            other = words.setdefault(str(word.tree), word.word)
            if other != word.word:
                message = f'"{word.word}" is answered just as "{other}" is'
                yield self._at(word.place, "duplicate-id", message, f"use {other} in its place")
        rules: dict[tuple[Any, ...], str] = {}
        for rule in self.base.rules:
            what = (rule.verb, rule.target, frozenset(rule.when), frozenset(rule.unless))
            if rule.verb in DECIDES and (other := rules.setdefault(what, rule.rule)) != rule.rule:
                message = f"{rule.rule} says just what {other} says, of the same people"
                yield self._at(
                    rule.place, "duplicate-id", message, "make one rule of the two, with the sources of both"
                )

    def _sources(self) -> Iterator[Problem]:
        sentences = set(self.base.claim)
        cited = set()
        for name, place, sources in self._sourced():
            for source in sources:
                cited.add(source.doc)
                if source.doc == "faq" and source.at not in sentences:
                    message = f'{name} cites sentence "{source.at}", which the FAQ does not have'
                    yield self._at(place, "unsourced", message, "claims.yaml lists them")
                if source.doc not in (FAQ, WALK, CASE) and not source.record:
                    yield self._at(
                        place, "unsourced", f"{name} names no evidence record", "add  record: …  to its source"
                    )
        once: dict[tuple[Any, ...], str] = {}
        for document in self.base.documents:
            what = (document.title, document.organisation, document.year, document.link)
            if (other := once.setdefault(what, document.doc)) != document.doc:
                message = f'"{document.doc}" is the same document as "{other}"'
                help = f"name it under {other}, with  also: [{document.doc}]"
                yield self._at("", "duplicate-id", message, help)
            if document.doc not in cited:
                yield self._at(
                    "",
                    "dead-word",
                    f'no rule, word or policy cites the document "{document.doc}"',
                    "take it out of sources.yaml",
                )
        for rule in self.base.rules:
            if rule.layer == "documented" and not any(rule.rule in claim.carried_by for claim in self.base.claims):
                yield self._at(
                    rule.place,
                    "claim-not-covered",
                    f"{rule.rule} rests on the FAQ, but no sentence in claims.yaml says so",
                    "add it to carried-by",
                )

    def _records(self) -> Iterator[Problem]:
        """That every evidence record has one home, and that what it says is done by a verb that fits its kind."""
        base = self.base
        carried = {source.record for _, _, sources in self._sourced() for source in sources if source.record}
        for record, because in base.not_encoded.items():
            if record in carried:
                message = f'"{record}" is carried by a rule or word, and yet listed as not encoded'
                yield self._at("rules/not-encoded.yaml:1", "record-twice", message, f"take it out of here: {because}")
        for record in base.records:
            if record not in carried and record not in base.not_encoded:
                message = f'no rule or word carries the record "{record}"'
                help = "carry it, or list it in not-encoded.yaml with the reason"
                yield self._at("rules/not-encoded.yaml:1", "record-not-covered", message, help)
        for rule in base.rules:
            if rule.verb in DECIDES and rule.source[0].record and not rule.source[0].verified:
                message = f"{rule.rule} decides on an unverified record, {rule.source[0].record}"
                yield self._at(
                    rule.place, "unsourced", message, "an unverified record may only note, caution or ask first"
                )
        for kind, verbs in MUST.items():
            done = {s.record for rule in base.rules if rule.verb in verbs for s in rule.source}
            for record, entry in base.records.items():
                if entry["kind"] == kind and record in carried and record not in done:
                    message = f'"{record}" is a {kind}, but no rule that rests on it says {" or ".join(verbs)}'
                    place = next((r.place for r in base.rules if any(s.record == record for s in r.source)), "")
                    yield self._at(
                        place, "record-not-heeded", message, "let a rule do so, or say in not-encoded.yaml why none can"
                    )

    def _sourced(self) -> Iterator[tuple[str, str, tuple[Source, ...]]]:
        yield from ((word.word, word.place, word.source) for word in self.base.words)
        yield from ((rule.rule, rule.place, rule.source) for rule in self.base.rules)
        yield from ((policy.policy, "", policy.source) for policy in self.base.policies)
        yield from ((step.step, step.place, step.source) for step in self.base.steps)

    def _policies(self) -> Iterator[Problem]:
        named = (
            {option.adequate for option in self.base.options}
            | {name for word in self.base.words for name in policies_in(word.tree)}
            | {name for step in self.base.steps for name in policies_in(step.passed)}
        )
        for policy in self.base.policies:
            if policy.policy not in named:
                yield self._at("", "dead-word", f'nothing uses the policy "{policy.policy}"', "use it, or take it out")
            if policy.low is not None and not policy.low <= policy.default <= policy.high:
                yield self._at("", "out-of-range", f'the default of "{policy.policy}" is outside its own range')


def _page(data: Any) -> Document:
    """A page for an example, so that its faults have somewhere to stand."""
    from io import BytesIO
    from json import dumps

    return read_document(BytesIO(dumps(data).encode()), name="example.json")
