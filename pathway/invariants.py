"""Invariants: what must hold of everybody, as `rules/invariants.yaml` says it, spelt out for each thing it speaks of.

The prover (`pathway.prove`) shows them; the reader of rules only makes sure that they can be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from pathway.language import CHOICE, LanguageError, Scope, Tree, parse_claim, words_in
from pathway.problem import near
from pathway.rules import SAFETY, VERBS, Invariant, RuleBase
from pathway.tree import build_open, spell

LAWS: dict[str, str] = {
    "learning": "what is learnt changes no yes and no no",
    "opposites": "no two rules say opposite things of one option to one person",
    "questions": "every question that is asked can still matter",
}
"""What no claim can say, and the prover knows how to show."""
NEW_FAILED_TRIAL = re.compile(r"a new failed trial of (\S+)")
_FAMILY = re.compile(
    r"(?P<other>other )?(?P<what>option|kind|step|word|rule)(?: of (?P<of>[a-z-]+))?"
    r"(?: that says (?P<verbs>[a-z]+(?: or [a-z]+)*))?"
)
_SHAPE = "option, option of therapies, other option, kind, step, word, rule, rule that says hold or end"

Names = Mapping[str, str]


@dataclass(frozen=True)
class Spelt:
    """An invariant of one thing: its claims with the names filled in. `change` is a test, or the option whose trial."""

    when: Tree
    then: Tree
    can: tuple[Tree, ...]
    change: Tree


def scope_of(base: RuleBase) -> Scope:
    """The names that a claim may speak of."""
    words = {word.word for word in base.words if not word.each} | set(base.of_families) | {SAFETY}
    words |= {f"rule:{rule.rule}" for rule in base.rules}
    words |= {f"{name}.status" for name in (*base.option, *(step.step for step in base.walked))}
    units = {policy.policy: CHOICE if isinstance(policy.default, bool) else policy.unit for policy in base.policies}
    steps = frozenset(step.step for step in base.walked)
    return Scope({}, frozenset(words), units, frozenset(base.option), steps, frozenset(), frozenset(base.kind))


def named(invariant: Invariant, base: RuleBase) -> Iterator[tuple[str, Names]]:
    """Each thing that an invariant speaks of: in a few words ("massage, pain-pump"), and what fills its names.

    Errors:  LanguageError for a family that does not exist.
    """
    families = [list(_members(each, base)) for each in invariant.each]
    if families and invariant.among:
        known = {_first(names): names for names in families[-1]}
        for name in invariant.among:
            if name not in known:
                raise LanguageError("unknown-value", f'"{name}" is none of these', 0, 1, _guess(name, known))
        families[-1] = [known[name] for name in invariant.among]
    for parts in product(*families):
        names: dict[str, str] = {}
        for part in parts:
            names |= part
        if "other" not in names or names["other"] != names.get("option"):
            yield ", ".join(map(_first, parts)), names


def _first(names: Names) -> str:
    return next(iter(names.values()))


def spelt(invariant: Invariant, base: RuleBase, scope: Scope, names: Names) -> Spelt:
    """An invariant of one thing, read.

    Errors:  LanguageError, whose place is in the text with its names filled in.
    """

    def claim(text: str) -> Tree:
        return parse_claim(_filled(text, names), scope, _statuses(base)) if text else ["all", []]

    change: Tree = []
    if invariant.change:
        if match := NEW_FAILED_TRIAL.fullmatch(_filled(invariant.change, names)):
            if match[1] not in base.option:
                raise LanguageError("unknown-option", f'no option is called "{match[1]}"', 0, 1)
            change = ["trial", match[1]]
        else:
            change = claim(invariant.change)
            if change[0] != "is" or change[3] or change[2] not in ("yes", "no"):
                help = 'write such as "{option}.held is yes", or "a new failed trial of {option}"'
                raise LanguageError("bad-expression", "a change makes one word yes or no", 0, 1, help)
    return Spelt(claim(invariant.when), claim(invariant.then), tuple(map(claim, invariant.can)), change)


def check(invariant: Invariant, base: RuleBase) -> None:
    """That an invariant can be read.

    Errors:  LanguageError.
    """
    if invariant.law and invariant.law not in LAWS:
        help = "one of: " + ", ".join(LAWS)
        raise LanguageError("bad-expression", f'no law is called "{invariant.law}"', 0, 1, help)
    if bool(invariant.then) + bool(invariant.can) + bool(invariant.law) != 1:
        help = "then: what must hold; can: what must be possible; law: " + ", ".join(LAWS)
        raise LanguageError("bad-expression", "an invariant says one of `then`, `can` and `law`", 0, 1, help)
    if invariant.among and not invariant.each:
        raise LanguageError("bad-expression", "`among` names some of those of `each`, which is not there", 0, 1)
    if not invariant.then and (spare := "when" if invariant.when else "change" if invariant.change else ""):
        help = f"leave `{spare}` out, or write it as part of each claim" if invariant.can else f"leave `{spare}` out"
        raise LanguageError("bad-expression", f"`{spare}` goes with `then` alone", 0, 1, help)
    if len(set(invariant.each)) < len(invariant.each):
        help = 'for two options write "option" and "other option"'
        raise LanguageError("bad-expression", "`each` names a family twice", 0, 1, help)
    listed = list(named(invariant, base))
    if not listed:
        raise LanguageError("bad-expression", "there is nothing here of which this is claimed", 0, 1)
    scope = scope_of(base)
    for _, names in (listed[0], listed[-1]):
        said = spelt(invariant, base, scope, names)
        if not said.change and any(map(_earlier, (said.when, said.then, *said.can))):
            raise LanguageError("bad-expression", "`before` is before a `change`, and there is none", 0, 1)
    labels = {label for label, _ in listed}
    for exempt in () if invariant.law else invariant.exempt:
        for name in exempt.names:
            if name not in labels:
                raise LanguageError("unknown-value", f'"{name}" is none of these', 0, 1, _guess(name, labels))


def _earlier(claim: Tree) -> bool:
    """Whether a claim speaks of the time before a change."""
    match claim:
        case ["all" | "any", parts]:
            return any(map(_earlier, parts))
        case ["not", part]:
            return _earlier(part)
    return bool(claim[3])


def resting_on(base: RuleBase) -> Mapping[str, tuple[str, ...]]:
    """Each rule with the invariants that rest on it: those that speak of it, or of a word that hangs on it."""
    number = {rule.rule: 1 << i for i, rule in enumerate(base.rules)}
    under: dict[str, int] = {}
    for node in build_open(base).nodes:
        under[node.name] = number.get(node.name.removeprefix("rule:"), 0) if node.name.startswith("rule:") else 0
        for name in node.needs:
            under[node.name] |= under[name]
    scope = scope_of(base)
    found: dict[str, tuple[str, ...]] = dict.fromkeys(number, ())
    for invariant in base.invariants:
        mask = 0
        for _, names in named(invariant, base) if not invariant.law else ():
            if invariant.can:
                mask |= number.get(names.get("rule", ""), 0)
                continue
            said = spelt(invariant, base, scope, names)
            for name in {*nodes_of(said.when, base), *nodes_of(said.then, base)}:
                mask |= under.get(name, 0)
        for rule, bit in number.items():
            if mask & bit:
                found[rule] += (invariant.invariant,)
    return found


def nodes_of(claim: Tree, base: RuleBase) -> Iterator[str]:
    """The nodes of the rule tree that a claim speaks of."""
    match claim:
        case ["all" | "any", parts]:
            for part in parts:
                yield from nodes_of(part, base)
        case ["not", part]:
            yield from nodes_of(part, base)
        case ["is", name, *_]:
            yield name
        case ["of", tree, *_]:
            yield from words_in(spell(base, None, tree))


def _members(each: str, base: RuleBase) -> Iterator[Names]:
    match = _FAMILY.fullmatch(each)
    if match is None:
        raise LanguageError("bad-expression", f'"{each}" is no family', 0, len(each), f"such as: {_SHAPE}")
    what, of, verbs = match["what"], match["of"], match["verbs"]
    if (of and what not in ("option", "kind")) or (verbs and what != "rule") or (match["other"] and what != "option"):
        raise LanguageError("bad-expression", f'"{each}" is no family', 0, len(each), f"such as: {_SHAPE}")
    known = {step.step for step in base.walked} if what == "option" else set(base.option)
    if of and of not in known:
        raise LanguageError("unknown-value", f'"{of}" has no {what}s', 0, len(each), _guess(of, known))
    if what == "option":
        key = "other" if match["other"] else "option"
        steps = {} if match["other"] else {"step": ""}
        for option in base.options:
            if of in (None, option.step):
                yield {key: option.option, **dict.fromkeys(steps, option.step)}
    elif what == "kind":
        for kind in base.kinds:
            if of in (None, kind.option):
                yield {"kind": kind.kind, "option": kind.option}
    elif what == "step":
        yield from ({"step": step.step} for step in base.walked)
    elif what == "word":
        yield from ({"word": name} for name in _words(base))
    else:
        yield from _rules(each, verbs, base)


def _rules(each: str, verbs: str | None, base: RuleBase) -> Iterator[Names]:
    wanted = verbs.split(" or ") if verbs else list(VERBS)
    for verb in wanted:
        if verb not in VERBS:
            raise LanguageError("unknown-value", f'no rule says "{verb}"', 0, len(each), _guess(verb, VERBS))
    for rule in base.rules:
        if rule.verb in wanted:
            kind = base.kind.get(rule.target)
            option = kind.option if kind else rule.target if rule.target in base.option else ""
            yield {"rule": rule.rule, "target": rule.target, **({"option": option} if option else {})}


def _words(base: RuleBase) -> Iterator[str]:
    """Every word that the walk works out, families by their members; not those that nothing uses."""
    for node in build_open(base).nodes:
        if node.kind != "status" and not node.name.startswith("rule:") and node.name != SAFETY:
            yield node.name


def _statuses(base: RuleBase) -> Mapping[str, set[str]]:
    return {table: {status for status, _ in rows} for table, rows in base.statuses.items()}


def _filled(text: str, names: Names) -> str:
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _guess(name: str, known: object) -> str:
    guess = near(name, known)  # type: ignore[arg-type]
    return f'did you mean "{guess}"?' if guess else ""
