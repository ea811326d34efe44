"""Small changes to the real rule base, one at a time, and who notices each: examples, tables, golden walks, proofs.

A change that nobody notices is a survivor: either it changes nothing that anybody could see, and then
`equivalent.yaml` says why, or an example, a case or an invariant is missing.

    examples  `pathway check` on the changed base: its examples and everything else that it looks over
    tables    the classes and MME factors of the medicines, as tests/unit/test_medicines_table.py pins them
    golden    a case in cases/ whose walk would say something else, worked out by the plain judge: the status of an
              option or step (in both views), the ending, the verdict of a rule, a word, or what is asked
    proofs    the first invariant of `pathway.prove` that no longer holds for everybody

A rule that is silent before and after says nothing in a walk, so that its loss is no difference.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache, cached_property
from multiprocessing import get_context
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zlib import crc32

import yaml

from pathway.cache import Compiled, bundled_cases, load, user_cache
from pathway.case import Case, read_case, subject_of
from pathway.check import look_over
from pathway.engine import plain
from pathway.engine.plain import Answers
from pathway.findings import Gap, Subject, answer, find
from pathway.language import OPTIONS, Tree
from pathway.problem import Problems
from pathway.profile import NO, UNKNOWN, FieldType, fields
from pathway.reading import read_document
from pathway.rules import CONTRAINDICATED, NOT_RECOMMENDED, SAFETY, Kind, Option, Policy, Rule, RuleBase, Step, Word
from pathway.tree import Node, RuleTree, build
from pathway.walks import gaps_of
from tests.unit.test_medicines_table import faults_of_table

EQUIVALENT = Path(__file__).with_name("equivalent.yaml")
CATCHERS = ("examples", "tables", "golden", "proofs")
NOT_RUN = "not run"
EXAMPLES = """
examples:
  python -m tests.mutation.mutate                            400 changes, as many of each kind as there are
  python -m tests.mutation.mutate --all --json out.jsonl     every change there is, kept as data; run again, it goes on
  python -m tests.mutation.mutate --kind rule-dropped --all  every change of one kind
  python -m tests.mutation.mutate --mutant "next-cut chronic.next-root"
  python -m tests.mutation.mutate --all --no-proofs          without asking the prover

exit code: 1 where nobody notices a change that equivalent.yaml does not explain, or where an entry of it is stale;
2 where the command is not right, or where the rules as they are break an invariant.
"""

Maker = Callable[[RuleBase], RuleBase]


# ---- changes ----


@dataclass(frozen=True)
class Mutant:
    """One small change: its kind, an id that stays, what it does in a line, and the changed base."""

    kind: str
    id: str
    says: str
    apply: Maker


def mutants_of(base: RuleBase) -> list[Mutant]:
    """Every change there is to a base, each with an id of its own, in the order of its files."""
    seen: Counter[str] = Counter()
    found = []
    for make in (_of_rules, _of_words, _of_steps, _of_taken, _of_statuses, _of_options, _of_policies, _of_medicines):
        for mutant in make(base):
            seen[mutant.id] += 1
            again = seen[mutant.id]
            found.append(mutant if again == 1 else replace(mutant, id=f"{mutant.id} #{again}"))
    return found


def sample(mutants: Sequence[Mutant], count: int, seed: int) -> list[Mutant]:
    """So many of the changes, as many of each kind as there are and room allows; the same for the same seed."""
    chance = random.Random(seed)
    kinds: dict[str, list[Mutant]] = {}
    for mutant in mutants:
        kinds.setdefault(mutant.kind, []).append(mutant)
    for each in kinds.values():
        chance.shuffle(each)
    chosen: set[str] = set()
    for place in range(max(map(len, kinds.values()), default=0)):
        chosen |= {each[place].id for each in kinds.values() if place < len(each)}
        if len(chosen) >= count:
            break
    kept = [mutant for mutant in mutants if mutant.id in chosen]
    return kept if len(kept) <= count else sorted(chance.sample(kept, count), key=kept.index)


# ---- changes of rules ----

NEIGHBOURS = {
    "documented": {"offer": ("consider", "note"), "consider": ("offer",), "note": ("caution",), "caution": ("note",)},
    "safety": {
        "hold": ("caution", "against"),
        "against": ("caution", "hold"),
        "caution": ("hold", "note"),
        "review": ("caution",),
        "support": ("caution",),
        "first": ("note",),
        "note": ("caution",),
        "end": ("refer",),
        "refer": ("end",),
    },
}
"""The verbs that a hand might slip to, in each layer."""
GRADES = ("emergency", "urgent", "scope")


def _of_rules(base: RuleBase) -> Iterator[Mutant]:
    for rule in base.rules:
        yield from _of_words_of_rule(rule)
        dropped = "next-cut" if rule.verb == "next" else "rule-dropped"
        says = f"the rule is taken out: {rule.verb} {rule.target}"
        yield Mutant(dropped, f"{dropped} {rule.rule}", says, _without_rule(rule.rule))
        for verb, target, detail in _other_verbs(base, rule):
            says = f"{rule.verb} {rule.target} becomes {verb} {target}"
            yield _rule_mutant("verb-changed", rule, verb, says, verb=verb, target=target, detail=detail)
        for what, detail in _other_details(rule):
            yield _rule_mutant("detail-changed", rule, what, f"{rule.verb} {rule.target}: {what}", detail=detail)
        if rule.verb == "end":
            grade = _following(GRADES, rule.target)
            says = f"end {rule.target} becomes end {grade}"
            yield _rule_mutant("detail-changed", rule, grade, says, target=grade)
        retargeted = "next-retargeted" if rule.verb == "next" else "retargeted"
        for target in _other_targets(base, rule):
            says = f"{rule.verb} {rule.target} becomes {rule.verb} {target}"
            yield _rule_mutant(retargeted, rule, target, says, target=target)


def _of_words_of_rule(rule: Rule) -> Iterator[Mutant]:
    for word in rule.when:
        rest = tuple(each for each in rule.when if each != word)
        yield _rule_mutant("when-dropped", rule, word, f'it no longer needs "{word}"', when=rest)
        says = f'"{word}" holds it, where it was needed'
        yield _rule_mutant("when-negated", rule, word, says, when=rest, unless=(*rule.unless, word))
    for word in rule.unless:
        rest = tuple(each for each in rule.unless if each != word)
        yield _rule_mutant("unless-dropped", rule, word, f'"{word}" no longer holds it', unless=rest)
        says = f'it needs "{word}", which held it'
        yield _rule_mutant("unless-negated", rule, word, says, unless=rest, when=(*rule.when, word))


def _rule_mutant(kind: str, rule: Rule, about: str, says: str, **changes: Any) -> Mutant:
    return Mutant(kind, f"{kind} {rule.rule} {about}", says, _with_rule(rule.rule, changes))


def _with_rule(name: str, changes: Mapping[str, Any]) -> Maker:
    def apply(base: RuleBase) -> RuleBase:
        return replace(base, rules=tuple(replace(r, **changes) if r.rule == name else r for r in base.rules))

    return apply


def _without_rule(name: str) -> Maker:
    return lambda base: replace(base, rules=tuple(rule for rule in base.rules if rule.rule != name))


def _other_verbs(base: RuleBase, rule: Rule) -> Iterator[tuple[str, str, dict[str, str]]]:
    """The verbs near a rule's own that may stand in its layer, with a target and detail that fit them."""
    for verb in NEIGHBOURS[rule.layer].get(rule.verb, ()):
        if verb == "refer":
            yield verb, rule.step, {"to": "a specialist"}
        elif verb == "end":
            yield verb, "urgent", {}
        elif verb != "hold" or rule.target in base.option or rule.target in base.kind:
            yield verb, rule.target, {}


def _other_details(rule: Rule) -> Iterator[tuple[str, dict[str, str]]]:
    """The other reason of a hold: one lets a failed trial count, the other does not."""
    if rule.verb == "hold":
        other = CONTRAINDICATED if rule.detail.get("reason") == NOT_RECOMMENDED else NOT_RECOMMENDED
        yield f"reason {other}", {**rule.detail, "reason": other}


def _other_targets(base: RuleBase, rule: Rule) -> Iterator[str]:
    """For an option the one after it in its step, for a kind the one after it, for a step those around it."""
    if rule.verb == "next":
        steps = [step.step for step in base.walked]
        at = steps.index(rule.target)
        yield from (step for step in (*steps[at - 1 : at], *steps[at + 1 : at + 2]) if step != rule.step)
        return
    if kind := base.kind.get(rule.target):
        among = [each.kind for each in base.kinds_of(kind.option)]
    elif option := base.option.get(rule.target):
        among = [each.option for each in base.options_of(option.step)]
    else:
        return
    if len(among) > 1:
        yield _following(among, rule.target)


def _following(names: Iterable[str], name: str) -> str:
    """The name after one, round to the first."""
    listed = list(names)
    return listed[(listed.index(name) + 1) % len(listed)]


# ---- changes of trees ----

_OTHER_OP = {">": ">=", ">=": ">", "<": "<=", "<=": "<"}
_OTHER_HEAD = {"and": "or", "or": "and", "any": "every", "every": "any"}
_OTHER_VERB = {"holds": "discourages", "discourages": "reviews", "reviews": "holds"}
LONGEST_ID = 80  # of what an id says of a change
Change = tuple[str, str, Tree]


def changes_of(tree: Tree, base: RuleBase, records: str = "") -> Iterator[Change]:
    """Every small change of a tree: its kind, what is changed to what, and the changed tree.

    Args:    records: the list whose items the tree speaks of, inside a `where`.
    """
    yield from _own_changes(tree, base, records)
    for path, part, inside in _parts(tree, records):
        for kind, told, changed in changes_of(part, base, inside):
            yield kind, told, _put(tree, path, changed)


def _parts(tree: Tree, records: str) -> Iterator[tuple[tuple[int, ...], Tree, str]]:
    """The trees right below a tree, with their places and the list that they speak of."""
    match tree:
        case ["and" | "or", parts]:
            yield from (((1, i), part, records) for i, part in enumerate(parts))
        case ["at-least", _, parts]:
            yield from (((2, i), part, records) for i, part in enumerate(parts))
        case ["not" | "later", part]:
            yield (1,), part, records
        case ["else", stated, otherwise]:
            yield from (((1,), stated, records), ((2,), otherwise, records))
        case ["some", path, _, condition] if condition != ["always"]:
            yield (3,), condition, path


def _put(tree: Tree, path: tuple[int, ...], part: Tree) -> Tree:
    """The tree with another part at a place."""
    first, *rest = path
    new = _put(tree[first], tuple(rest), part) if rest else part
    return [*tree[:first], new, *tree[first + 1 :]]


def _own_changes(tree: Tree, base: RuleBase, records: str) -> Iterator[Change]:
    text = spelt_out(tree)
    match tree:
        case ["number" | "total", *_]:
            yield from _of_comparison(tree, base)
        case ["is" | "has", path, value]:
            values = list(_field(path, records).values or base.option)
            yield from _replaced(tree, 2, value, values)
        case ["some", path, key, _] if key is not None:
            vocabulary = {"trials": [*base.option], "medicines": [*base.members["class"]]}
            yield from _replaced(tree, 2, key, vocabulary.get(path) or [*fields()["causes"].item["kind"].values])
        case ["rules", verb, _] if verb in _OTHER_VERB:
            yield "value-replaced", f"{text} → {_OTHER_VERB[verb]}", ["rules", _OTHER_VERB[verb], tree[2]]
        case ["and" | "or" as head, parts]:
            yield "and-or-swapped", f"{text} → {_OTHER_HEAD[head]}", [_OTHER_HEAD[head], parts]
            for i, part in enumerate(parts):
                rest = [*parts[:i], *parts[i + 1 :]]
                left = [head, rest] if len(rest) > 1 else rest[0]
                yield "part-dropped", f"{spelt_out(part)}, of {text}", left
        case ["at-least", number, parts]:
            if not isinstance(number, list):
                for n in (number - 1, number + 1):
                    if 1 <= n <= len(parts):
                        yield "number-moved", f"{text} → {n:g}", ["at-least", n, parts]
            for i, part in enumerate(parts):
                if isinstance(number, list) or number <= len(parts) - 1:
                    rest = [*parts[:i], *parts[i + 1 :]]
                    yield "part-dropped", f"{spelt_out(part)} of {text}", ["at-least", number, rest]
        case ["options" | "kinds", how, *rest] if how in _OTHER_HEAD:
            yield "and-or-swapped", f"{text} → {_OTHER_HEAD[how]}", [tree[0], _OTHER_HEAD[how], *rest]
        case ["not", part]:
            yield "not-dropped", text, part
        case ["else", stated, otherwise]:
            yield "part-dropped", f"{spelt_out(stated)} of {text}", otherwise
            yield "part-dropped", f"{spelt_out(otherwise)} of {text}", stated


def _of_comparison(tree: Tree, base: RuleBase) -> Iterator[Change]:
    *_, op, number = tree
    text, at = spelt_out(tree), len(tree) - 2
    yield "operator-swapped", f"{text} → {_OTHER_OP[op]}", _put(tree, (at,), _OTHER_OP[op])  # type: ignore[arg-type]
    if not isinstance(number, list):
        for n in (number - 1, number + 1):
            if n >= 0:
                yield "number-moved", f"{text} → {n:g}", [*tree[:-1], n]
    if tree[0] == "total":
        yield from _replaced(tree, 2, tree[2], [*base.members["class"]])


def _replaced(tree: Tree, at: int, value: str, values: Sequence[str]) -> Iterator[Change]:
    if value in values and len(values) > 1:  # a placeholder stands for each of them
        other = _following(values, value)
        yield "value-replaced", f"{spelt_out(tree)} → {other}", [*tree[:at], other, *tree[at + 1 :]]


@cache
def _field(path: str, records: str) -> FieldType:
    return fields()[records].item[path[1:]] if path.startswith(".") else fields()[path]


def spelt_out(tree: Tree) -> str:  # noqa: PLR0911, PLR0912  one line for each form of the language
    """A tree in the words of the rules, for readers."""
    match tree:
        case ["word", name]:
            return str(name)
        case ["and" | "or" as head, parts]:
            return "(" + f" {head} ".join(map(spelt_out, parts)) + ")"
        case ["not", part]:
            return f"not {spelt_out(part)}"
        case ["number", path, op, number]:
            return f"{path} {op} {_number_text(number)}"
        case ["total", measure, key, op, number]:
            return f"total {measure} of {key} {op} {_number_text(number)}"
        case ["is", path, value]:
            return f"{path} = {value}"
        case ["has", path, value]:
            return f"{path} has {value}"
        case ["flag", path]:
            return str(path)
        case ["some", path, key, condition]:
            where = "" if condition == ["always"] else f" where {spelt_out(condition)}"
            return f"some {path.removesuffix('s')}" + (f" of {key}" if key else "") + where
        case ["later", condition]:
            return f"some later where {spelt_out(condition)}"
        case ["else", stated, otherwise]:
            return f"({spelt_out(stated)} else {spelt_out(otherwise)})"
        case ["at-least", number, parts]:
            return f"at least {_number_text(number)} of [{', '.join(map(spelt_out, parts))}]"
        case ["options", how, number, _, step, ending]:
            count = f" {_number_text(number)}" if number is not None else ""
            return f"{how}{count} option" + (f" of {step}" if step else "") + f" is {ending}"
        case ["kinds", how, option, ending]:
            return f"{how} kind of {option} is {ending}"
        case ["rules", verb, target]:
            return f"any rule that {verb} {target or ''}".rstrip()
        case ["policy", *names]:
            return "policy." + " has ".join(names)
        case _:
            return str(tree[0])


def _number_text(number: Any) -> str:
    return f"policy.{number[1]}" if isinstance(number, list) else f"{number:g}"


def _of_words(base: RuleBase) -> Iterator[Mutant]:
    for word in base.words:
        where = "walk" if word.layer == "walk" else "word"
        for change in changes_of(word.tree, base):
            yield _tree_mutant(where, word.word, change, _with_word(word))


def _of_steps(base: RuleBase) -> Iterator[Mutant]:
    for step in base.walked:
        for name in ("passed", "not_needed", "under_treatment"):
            tree = getattr(step, name)
            owner = f"{step.step}.{name.replace('_', '-')}"
            for change in (*_flipped(tree), *changes_of(tree, base)):
                yield _tree_mutant("step", owner, change, _with_step(step, name))


def _flipped(tree: Tree) -> Iterator[Change]:
    flipped = {"always": "never", "never": "always"}
    if tree[0] in flipped:
        yield "constant-flipped", f"{tree[0]} → {flipped[tree[0]]}", [flipped[tree[0]]]


def _of_taken(base: RuleBase) -> Iterator[Mutant]:
    for option in base.options:
        for change in changes_of(option.taken, base):
            yield _tree_mutant("taken", option.option, change, _with_taken("options", option))
    for kind in base.kinds:
        for change in changes_of(kind.taken, base):
            yield _tree_mutant("taken", kind.kind, change, _with_taken("kinds", kind))


def _tree_mutant(where: str, owner: str, change: Change, apply: Callable[[Tree], Maker]) -> Mutant:
    kind, told, tree = change
    return Mutant(f"{where}.{kind}", f"{where}.{kind} {owner} {_brief(told)}", f"{owner}: {told}", apply(tree))


def _brief(told: str) -> str:
    """What is told, as an id may hold it: a long one is cut, and what was cut stands there as a checksum."""
    if len(told) <= LONGEST_ID:
        return told
    return f"{told[: LONGEST_ID - 10].rstrip()}… {crc32(told.encode()):08x}"


def _with_word(word: Word) -> Callable[[Tree], Maker]:
    def at(tree: Tree) -> Maker:
        new = replace(word, tree=tree)
        return lambda base: replace(base, words=tuple(new if w.word == word.word else w for w in base.words))

    return at


def _with_step(step: Step, name: str) -> Callable[[Tree], Maker]:
    def at(tree: Tree) -> Maker:
        changes: dict[str, Any] = {name: tree}
        new = replace(step, **changes)
        return lambda base: replace(base, steps=tuple(new if s.step == step.step else s for s in base.steps))

    return at


def _with_taken(name: str, thing: Option | Kind) -> Callable[[Tree], Maker]:
    def at(tree: Tree) -> Maker:
        def apply(base: RuleBase) -> RuleBase:
            changes: dict[str, Any] = {
                name: tuple(replace(each, taken=tree) if each == thing else each for each in getattr(base, name))
            }
            return replace(base, **changes)

        return apply

    return at


# ---- changes of the tables, options, policies and medicines ----

Row = tuple[str, tuple[tuple[str, str], ...]]


def _of_statuses(base: RuleBase) -> Iterator[Mutant]:
    for table, rows in base.statuses.items():
        statuses = list(dict.fromkeys(status for status, _ in rows))
        named = [f"{table} {status} where {_row_text(row)}" for status, row in rows]
        for i, (status, row) in enumerate(rows):
            other = _following(statuses, status)
            changed = (*rows[:i], (other, row), *rows[i + 1 :])
            yield _row_mutant("row-status", table, f"{named[i]} → {other}", changed)
            if i < len(rows) - 1:  # what else there is stays, and stays the last
                yield _row_mutant("row-dropped", table, named[i], (*rows[:i], *rows[i + 1 :]))
            if i < len(rows) - 2:
                swapped = (*rows[:i], rows[i + 1], rows[i], *rows[i + 2 :])
                yield _row_mutant("rows-swapped", table, f"{named[i]} and the row below", swapped)


def _row_text(row: tuple[tuple[str, str], ...]) -> str:
    return " and ".join(f"{name} is {value}" for name, value in row) or "else"


def _row_mutant(kind: str, table: str, told: str, rows: tuple[Row, ...]) -> Mutant:
    def apply(base: RuleBase) -> RuleBase:
        return replace(base, statuses={**base.statuses, table: rows})

    return Mutant(f"status.{kind}", f"status.{kind} {told}", f"table of statuses, {kind}: {told}", apply)


def _of_options(base: RuleBase) -> Iterator[Mutant]:
    for option in base.options:
        counts = not option.counts
        says = "it counts towards its step's end" if counts else "it no longer counts towards its step's end"
        yield _option_mutant("counts-flipped", option, says, counts=counts)
        if option.adequate:
            says = f"a trial is adequate only where the record says so, whatever {option.adequate}"
            yield _option_mutant("adequate-dropped", option, says, adequate="")


def _option_mutant(kind: str, option: Option, says: str, **changes: Any) -> Mutant:
    new = replace(option, **changes)
    return Mutant(
        kind,
        f"{kind} {option.option}",
        f"{option.option}: {says}",
        lambda base: replace(base, options=tuple(new if o.option == new.option else o for o in base.options)),
    )


def _of_policies(base: RuleBase) -> Iterator[Mutant]:
    for policy in base.policies:
        if policy.unit == OPTIONS:
            first = base.options[0].option
            yield _policy_mutant(policy, tuple(sorted({*policy.default, first} - ({first} & {*policy.default}))))
        elif isinstance(policy.default, bool):
            yield _policy_mutant(policy, not policy.default)
        else:
            for value in (policy.default - 1, policy.default + 1):
                if (policy.low is None or policy.low <= value) and (policy.high is None or value <= policy.high):
                    yield _policy_mutant(policy, value)


def _policy_mutant(policy: Policy, value: Any) -> Mutant:
    new = replace(policy, default=value)
    return Mutant(
        "policy-moved",
        f"policy-moved {policy.policy} {value}",
        f"{policy.policy}: {policy.default} becomes {value}",
        lambda base: replace(base, policies=tuple(new if p.policy == new.policy else p for p in base.policies)),
    )


def _of_medicines(base: RuleBase) -> Iterator[Mutant]:
    for name, entry in base.medicines.items():
        told_anyway = {name, entry["option"] if entry.get("under_way", True) else None}
        for each in [each for each in entry["classes"] if each not in told_anyway]:
            classes = [other for other in entry["classes"] if other != each]
            if not classes:  # no rule file can say so
                continue
            says = f"{name} is no {each}"
            yield _medicine_mutant("class-lost", name, each, says, {**entry, "classes": classes})
        for form, factor in entry.get("mme", {}).items():
            factors = {**entry["mme"], form: round(factor * 1.1, 6)}
            says = f"{name} ({form}): {factor:g} MME for each mg becomes a tenth more"
            yield _medicine_mutant("factor-changed", name, form, says, {**entry, "mme": factors})


def _medicine_mutant(kind: str, name: str, detail: str, says: str, entry: Mapping[str, Any]) -> Mutant:
    return Mutant(
        kind,
        f"{kind} {name} {detail}",
        says,
        lambda base: replace(base, medicines={**base.medicines, name: entry}),
    )


# ---- who notices ----


class _Judge:
    """The plain judge in the place of the engine that a walk runs."""

    def __init__(self, tree: RuleTree) -> None:
        self.tree = tree

    def run_each(self, views: Iterable[Mapping[str, int]]) -> list[Answers]:
        return [plain.run(self.tree, view) for view in views]


class Judged(Compiled):
    """A rule base that the plain judge alone walks, so that no program need be made of it."""

    @cached_property
    def engine(self) -> Any:
        """The plain judge."""
        return _Judge(self.tree)


_NO_PROGRAM: Any = None  # the plain judge needs none


def judged(base: RuleBase) -> Judged:
    """A base with its tree.

    Errors:  Problems, or LookupError, of a base that cannot be built.
    """
    return Judged(base, build(base), _NO_PROGRAM, MappingProxyType({}))


def caught_by_examples(compiled: Compiled, known: frozenset[str] = frozenset()) -> str | None:
    """The first thing that is wrong with a base, by `pathway check`; None where all is well.

    Args:    known: what was wrong before, and does not count.
    """
    names = {*compiled.base.rule, *compiled.base.word, *compiled.base.of_families}
    for claim in compiled.base.claims:
        if gone := [name for name in claim.carried_by if name not in names]:
            return f"claims.yaml: no rule or word is called {gone[0]}"
    try:
        problems = look_over(compiled)[1]
    except LookupError as error:  # an example of a word that nothing uses any more names what is not in the tree
        return f"the check breaks off at {error}"
    told = (f"{problem.kind}: {problem.message}" for problem in problems)
    return next((each for each in told if each not in known), None)


def caught_by_tables(base: RuleBase) -> str | None:
    """The first medicine whose class or factor is not as the test of the table pins it; None where all are."""
    return next(faults_of_table(base), None)


class Proofs:
    """The prover, that knows what was proved of the rules as they are, and proves only what a change touches.

    Args:    known: the digests of what was proved.
    """

    def __init__(self, known: Iterable[str]) -> None:
        self.known = frozenset(known)

    @staticmethod
    def of(base: RuleBase) -> Proofs:
        """The prover after it has proved everything of the rules as they are.

        Errors:  ValueError where an invariant does not hold of them: then it can notice nothing.
        """
        from pathway.prove import Kept, Prover

        kept = Kept(user_cache() / "proved.txt")
        if fails := Prover(base, kept).first_failure():
            raise ValueError(f"an invariant does not hold of the rules as they are: {fails}")
        kept.write()
        return Proofs(kept.now)

    def caught(self, base: RuleBase) -> str | None:
        """The first invariant that does not hold of everybody under a changed base, and of what."""
        from pathway.prove import Kept, Prover

        try:
            return Prover(base, Kept(None, self.known)).first_failure()
        except Problems as problems:  # an invariant that speaks of what is no longer there
            return f"it cannot be read: {problems.items[0].message}"


@dataclass(frozen=True)
class _Walked:
    """One case, and every value of its walk, with the safety layer and without."""

    name: str
    case: Case
    answers: Answers
    documented: Answers


class Golden:
    """The walks of all cases under one base, and which of them another base would change."""

    def __init__(self, compiled: Judged, folder: Path | None = None) -> None:
        self.compiled, self.base, self.tree = compiled, compiled.base, compiled.tree
        self.needs = {node.name: node.needs for node in self.tree.nodes}
        paths = sorted(p for p in (folder or bundled_cases()).iterdir() if p.suffix in (".yaml", ".json"))
        self.walked = [self._walk(path) for path in paths]
        self.gaps: dict[str, tuple[Gap, ...]] = {}
        ends = ("status", "reached", "passed")
        self.shown = {f"{each}.{end}" for each in (*self.base.option, *self.base.members["step"]) for end in ends}
        self.shown |= {f"{kind}.{end}" for kind in self.base.kind for end in ("held", "reviewed", "taken")}
        self.shown |= {"walk.ending", *(w.word for w in self.base.words), *(f"rule:{r}" for r in self.base.rule)}
        self.statuses = {f"{option}.status" for option in self.base.option}

    def _walk(self, path: Path) -> _Walked:
        case = read_case(path, self.base)
        answers = plain.run(self.tree, find(case.subject, self.tree.field_words))
        documented = plain.work_out(self.tree.upon_safety, {**answers, SAFETY: NO})
        return _Walked(path.stem, case, answers, documented)

    def caught(self, compiled: Judged) -> str | None:
        """The first difference that any case would show under a changed base; None where all walks stay."""
        changed = _Changed(self, compiled)
        open_cases = []
        for walked in self.walked:
            try:
                case = changed.case_of(walked.case)
            except Problems as problems:
                return f"{walked.name}: {problems.items[0].message}"
            values = changed.values(walked, case)
            if told := self._difference(walked, changed, values):
                return f"{walked.name}: {told}"
            if changed.may_ask_otherwise(walked, case, values[0]):
                open_cases.append((walked, case))
        for walked, case in open_cases:
            if self._gaps(walked) != gaps_of(case, compiled):
                return f"{walked.name}: it asks otherwise"
        return None

    def _gaps(self, walked: _Walked) -> tuple[Gap, ...]:
        if walked.name not in self.gaps:
            self.gaps[walked.name] = gaps_of(walked.case, self.compiled)
        return self.gaps[walked.name]

    def _difference(self, walked: _Walked, changed: _Changed, values: tuple[Answers, Answers]) -> str:
        answers, documented = values
        for rule in changed.told_otherwise:
            name = f"rule:{rule}"
            if walked.answers[name] != NO or answers.get(name, NO) != NO:
                return f"{name} is told otherwise"
        for name, value in answers.items():
            if walked.answers.get(name) != value and name in self.shown:
                return f"{name} is {value}"
        for name in self.statuses:
            if documented[name] != walked.documented[name]:
                return f"{name} is {documented[name]} as documented"
        return ""


class _Changed:
    """What a changed base changes: its nodes, what is told of its rules, and the medicines of a case."""

    def __init__(self, golden: Golden, compiled: Judged) -> None:
        old, new = golden.base, compiled.base
        self.golden, self.base, self.tree = golden, new, compiled.tree
        before = golden.tree.node
        self.nodes = {node.name: node for node in self.tree.nodes if before.get(node.name) != node}
        self.gone = before.keys() - self.tree.node.keys()
        self.order = self._after(set(self.nodes)) if not self._other_medicines else list(self._with_needs())
        self.upon_safety = {node.name for node in self.tree.upon_safety} if self.order else set()
        told = {rule.rule: (rule.verb, rule.target, rule.detail) for rule in new.rules}
        self.told_otherwise = [r.rule for r in old.rules if told.get(r.rule) != (r.verb, r.target, r.detail)]
        self.other_taken = [option.taken for option in old.options] != [option.taken for option in new.options]

    @cached_property
    def _other_medicines(self) -> set[str]:
        """Names of medicines and classes of which something else is known than before."""
        old, new = self.golden.base, self.base
        if old.medicines == new.medicines:
            return set()
        pairs: tuple[tuple[Mapping[str, Any], Mapping[str, Any]], ...] = (
            (old.classes, new.classes),
            (old.possible, new.possible),
            (old.factors, new.factors),
        )
        return {name for a, b in pairs for name in a.keys() | b.keys() if a.get(name) != b.get(name)}

    def _with_needs(self) -> Iterator[tuple[Node, tuple[str, ...]]]:
        for node in self.tree.nodes:
            if node.kind != "field":
                yield node, node.needs if node.name in self.nodes else self.golden.needs[node.name]

    def _after(self, names: set[str]) -> list[tuple[Node, tuple[str, ...]]]:
        """The nodes of some names and all that need them, in order."""
        found, order = set(names), []
        for node, needs in self._with_needs():
            if node.name in found or not found.isdisjoint(needs):
                found.add(node.name)
                order.append((node, needs))
        return order

    def case_of(self, case: Case) -> Case:
        """The case as the changed base reads it."""
        if self.other_taken:  # a device that is on trial is in place
            page = read_document(Path(case.source)) if Path(case.source).is_file() else None
            return case if page is None else Case(case.source, subject_of(page.data, self.base, page), case.data)
        if not self._concerned(case.subject):
            return case
        base = self.base
        return replace(
            case, subject=replace(case.subject, classes=base.classes, possible=base.possible, factors=base.factors)
        )

    def _concerned(self, subject: Subject) -> bool:
        if not self._other_medicines:
            return False
        profile = subject.profile
        names = {medicine.medicine for medicine in profile.medicines}
        names |= {name for t in profile.trials for name in (t.treatment, t.medicine, subject.option_of(t)) if name}
        names |= {name.rpartition(".")[2] for name in (*profile.unasked, *profile.denied)}
        return not self._other_medicines.isdisjoint(name.strip().lower() for name in names)

    def values(self, walked: _Walked, case: Case) -> tuple[Answers, Answers]:
        """Every value under the changed base, with the safety layer and without."""
        if case is not walked.case:
            found = find(case.subject, self.tree.field_words)
        else:
            found = {name: answer(node.tree, case.subject) for name, node in self.nodes.items() if node.kind == "field"}
        answers = self._reworked(walked.answers, found, self.order)
        upon = [(node, needs) for node, needs in self.order if node.name in self.upon_safety]
        same = {node.name: answers[node.name] for node, _ in self.order if node.name not in self.upon_safety}
        documented = self._reworked(walked.documented, {**found, **same, SAFETY: NO}, upon)
        return answers, documented

    def _reworked(
        self, before: Answers, found: Mapping[str, int | str], order: Sequence[tuple[Node, tuple[str, ...]]]
    ) -> Answers:
        """The values before, with what was found, and what follows from the difference."""
        answers: Answers = {name: v for name, v in before.items() if name not in self.gone} if self.gone else {**before}
        other = {name for name, value in found.items() if answers.get(name) != value}
        answers.update(found)
        for node, needs in order:
            if node.name in self.nodes or not other.isdisjoint(needs):
                value = plain.work_out((node,), {each: answers[each] for each in needs})[node.name]
                if answers.get(node.name) != value:
                    answers[node.name] = value
                    other.add(node.name)
        return answers

    def may_ask_otherwise(self, walked: _Walked, case: Case, answers: Answers) -> bool:
        """Whether a value that no walk shows is another, or something unknown hangs on another tree."""
        if case is not walked.case or any(walked.answers[name] == UNKNOWN for name in self.gone):
            return True
        if any(answers[name] == UNKNOWN for name in self.nodes):
            return True
        return any(walked.answers.get(node.name) != answers[node.name] for node, _ in self.order)


# ---- the run ----


@dataclass(frozen=True)
class Outcome:
    """One change, and how each catcher noticed it; None where it did not."""

    id: str
    kind: str
    says: str
    examples: str | None
    golden: str | None
    proofs: str | None
    tables: str | None = None

    @property
    def by(self) -> tuple[str, ...]:
        """The catchers that noticed it."""
        return tuple(name for name in CATCHERS if getattr(self, name) not in (None, NOT_RUN))


class Run:
    """All catchers, made ready once for the base as it is."""

    def __init__(self, base: RuleBase, proofs: bool = True) -> None:
        self.base = base
        self.compiled = judged(base)
        self.known = frozenset(f"{problem.kind}: {problem.message}" for problem in look_over(self.compiled)[1])
        self.golden = Golden(self.compiled)
        self.proofs = Proofs.of(base) if proofs else None

    def put(self, mutant: Mutant) -> Outcome:
        """One change, put to every catcher."""
        base = mutant.apply(self.base)
        try:
            compiled = judged(base)
        except (Problems, LookupError) as error:
            why = error.items[0].message if isinstance(error, Problems) else str(error)
            return Outcome(mutant.id, mutant.kind, mutant.says, f"it cannot be built: {why}", None, NOT_RUN)
        return Outcome(
            mutant.id,
            mutant.kind,
            mutant.says,
            caught_by_examples(compiled, self.known),
            self.golden.caught(compiled),
            self.proofs.caught(base) if self.proofs else NOT_RUN,
            caught_by_tables(base),
        )


def explained(path: Path = EQUIVALENT) -> dict[str, str]:
    """The survivors that change nothing anybody could see: id -> why."""
    if not path.is_file():
        return {}
    listed = yaml.safe_load(path.read_text(encoding="utf-8")) or []
    return {each["mutant"]: each["because"] for each in listed}


def report(outcomes: Sequence[Outcome], every: Iterable[str], because: Mapping[str, str]) -> tuple[list[str], bool]:
    """The lines of the report, and whether all is well.

    Args:    every: the ids of all changes there are. because: the survivors that are explained.
    """
    survivors = [each for each in outcomes if not each.by]
    lines = [*_table(outcomes), "", f"Noticed by nobody: {len(survivors)} of {len(outcomes)}"]
    for each in survivors:
        why = because.get(each.id)
        lines.append(f"  {'explained ' if why else 'SURVIVES  '}{each.id} | {each.says}" + (f" | {why}" if why else ""))
    met, known = {each.id: each for each in outcomes}, set(every)
    stale = [id for id in because if id not in known or (id in met and met[id].by)]
    for id in stale:
        what = f"is noticed by {', '.join(met[id].by)}" if id in met else "is no change that can be made"
        lines.append(f"  STALE     {id} {what}: take it out of {EQUIVALENT.name}")
    return lines, not stale and all(each.id in because for each in survivors)


def _table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    kinds = dict.fromkeys(each.kind for each in outcomes)
    told = all(each.proofs == NOT_RUN for each in outcomes)
    yield f"{'kind':<26}{'all':>7}{'examples':>10}{'tables':>8}{'golden':>8}{'proofs':>9}{'none':>6}"
    for kind in (*kinds, "total"):
        mine = [each for each in outcomes if kind in (each.kind, "total")]
        by = Counter(name for each in mine for name in each.by)
        proofs = NOT_RUN if told else str(by["proofs"])
        none = sum(not each.by for each in mine)
        yield f"{kind:<26}{len(mine):>7}{by['examples']:>10}{by['tables']:>8}{by['golden']:>8}{proofs:>9}{none:>6}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 1 where a survivor is unexplained or an explanation is stale."""
    options = _parser().parse_args(arguments)
    base = load().base
    every = mutants_of(base)
    chosen = [m for m in every if (not options.kind or m.kind in options.kind)]
    if options.mutant:
        chosen = [m for m in every if m.id in options.mutant]
    elif not options.all:
        chosen = sample(chosen, options.count, options.seed)
    if not chosen:
        _say("no change is called so; the kinds are: " + ", ".join(dict.fromkeys(m.kind for m in every)))
        return 2
    try:
        run = Run(base, not options.no_proofs)
    except ValueError as error:
        _say(str(error))
        return 2
    before = _before(options.json, base)
    began = time.monotonic()
    outcomes = [before[mutant.id] for mutant in chosen if mutant.id in before]
    waiting = [mutant for mutant in chosen if mutant.id not in before]
    for n, outcome in enumerate(_all_put(run, waiting, options.jobs), 1):
        outcomes.append(outcome)
        if options.json:
            with Path(options.json).open("a", encoding="utf-8") as file:
                file.write(json.dumps({**asdict(outcome), "digest": base.digest}, ensure_ascii=False) + "\n")
        if sys.stderr.isatty() or n % 100 == 0 or len(outcomes) == len(chosen):
            none = sum(not each.by for each in outcomes)
            each = (time.monotonic() - began) / n
            end = "\r" if sys.stderr.isatty() and len(outcomes) < len(chosen) else "\n"
            sys.stderr.write(f"{len(outcomes)} of {len(chosen)}, {none} unnoticed, {each:.2f} s each{end}")
            sys.stderr.flush()
    lines, well = report(outcomes, [m.id for m in every], explained())
    _say(*lines)
    if options.mutant:
        for each_outcome in outcomes:
            _say(*(f"{name}: {getattr(each_outcome, name)}" for name in CATCHERS))
    return 0 if well else 1


_shared: list[tuple[Run, Sequence[Mutant]]] = []
"""What the processes of a run see: they are forked, so that all is made ready once."""


def _all_put(run: Run, mutants: Sequence[Mutant], jobs: int) -> Iterator[Outcome]:
    """Each change put to every catcher, by so many processes."""
    if jobs == 1 or not mutants:
        yield from map(run.put, mutants)
        return
    _shared[:] = [(run, mutants)]
    with get_context("fork").Pool(jobs) as pool:
        yield from pool.imap_unordered(_put_one, range(len(mutants)))


def _put_one(place: int) -> Outcome:
    run, mutants = _shared[0]
    return run.put(mutants[place])


def _before(path: str | None, base: RuleBase) -> dict[str, Outcome]:
    """The outcomes that a file holds of the rules as they are, by id."""
    found = {}
    if path and Path(path).is_file():
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            told = json.loads(line)
            if told.pop("digest") == base.digest:
                found[told["id"]] = Outcome(**told)
    return found


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutation.mutate",
        description="Make small changes to the rule base, one at a time, and tell who notices each.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--count", type=int, default=400, help="how many changes, evenly over their kinds (400)")
    parser.add_argument("--seed", type=int, default=1, help="which of them, the same for the same seed (1)")
    parser.add_argument("--all", action="store_true", help="every change there is")
    parser.add_argument("--kind", action="append", help="only changes of this kind; may be given again")
    parser.add_argument("--mutant", action="append", metavar="ID", help="only this change, with what noticed it")
    parser.add_argument(
        "--json",
        metavar="OUT",
        help="add each outcome to a file, as a line of JSON; what stands there is not run again",
    )
    parser.add_argument("--jobs", type=int, default=1, help="how many processes (1)")
    parser.add_argument("--no-proofs", action="store_true", help="do not ask the prover")
    return parser


if __name__ == "__main__":
    sys.exit(main())
