"""Laws: what no claim can say of a rule base, and how each is shown for everybody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import z3

from pathway.engine.people import People
from pathway.engine.proof import at_least
from pathway.engine.truths import Number, Truth, Undecided, every, kleene, opposite, so, solution, solver_for, some
from pathway.language import Tree, nodes
from pathway.rules import SAFETY, Rule, RuleBase
from pathway.tree import RuleTree


def variables(formulas: list[Any]) -> dict[int, Any]:
    """The variables of some formulas, by the solver's number for each."""
    found: dict[int, Any] = {}
    seen: set[int] = set()
    waiting = list(formulas)
    while waiting:
        term = waiting.pop()
        if term.get_id() in seen:
            continue
        seen.add(term.get_id())
        parts = term.children()
        if parts:
            waiting += parts
        elif z3.is_const(term) and term.decl().kind() == z3.Z3_OP_UNINTERPRETED:
            found[term.get_id()] = term
    return found


class Later:
    """Everybody once more, at a later time: each variable of a profile by another one.

    Args:    formulas: what holds of everybody; it names the variables. same: those that time does not change.
    """

    def __init__(self, formulas: list[Any], same: frozenset[int]) -> None:
        self.of = {
            number: (v, z3.Const(f"later {v.decl().name()}", v.sort()))
            for number, v in variables(formulas).items()
            if number not in same
        }

    def __call__(self, term: Any) -> Any:
        """A formula, or a number, as it is later."""
        known = self.of.get(term.get_id())
        if known is not None:
            return known[1]
        return z3.substitute(term, *(self.of[number] for number in variables([term]) if number in self.of))


# ---- learning ----


def shape_of(tree: Tree, names: dict[str, str]) -> Tree:
    """A tree over words with each word by the order in which it is named, so that alike trees are one."""
    match tree:
        case ["word", name]:
            return ["word", names.setdefault(name, f"w{len(names)}")]
        case ["and" | "or", parts]:
            return [tree[0], [shape_of(part, names) for part in parts]]
        case ["not", part]:
            return ["not", shape_of(part, names)]
        case ["at-least", number, parts]:
            return ["at-least", number, [shape_of(part, names) for part in parts]]
    return tree


def learns(tree: Tree, counts: Mapping[str, range]) -> bool:
    """Whether no yes and no no of a tree over words changes when any of its words is learnt.

    Args:    counts: what each policy that counts may be.
    """
    solver = solver_for(TIMEOUT)
    now: dict[str, Truth] = {}
    then: dict[str, Truth] = {}
    for node in nodes(tree):
        if node[0] == "word" and node[1] not in now:
            name = node[1]
            now[name] = Truth(z3.Bool(f"{name} yes"), z3.Bool(f"{name} no"))
            then[name] = Truth(z3.Bool(f"{name} later yes"), z3.Bool(f"{name} later no"))
            for truth in (now[name], then[name]):
                solver.add(z3.Not(z3.And(*truth)))
            solver.add(*(z3.Implies(a, b) for a, b in zip(now[name], then[name], strict=True)))

    def of(part: Tree, truths: Mapping[str, Truth]) -> Truth:
        match part:
            case ["word", name]:
                return truths[name]
            case ["policy", *name]:
                chosen = z3.Bool("policy." + " ".join(name))
                return Truth(chosen, opposite(chosen))
            case ["at-least", ["policy", name], parts]:
                number, listed = z3.Int(name), [of(each, truths) for each in parts]
                each = [(number == n, at_least(n, listed)) for n in counts[name]]
                return Truth(some(every([n, t.yes]) for n, t in each), some(every([n, t.no]) for n, t in each))
            case ["at-least", number, parts]:
                return at_least(int(number), [of(each, truths) for each in parts])
        return kleene(part, lambda inner: of(inner, truths))

    before, after = of(tree, now), of(tree, then)
    changed = z3.Or(z3.And(before.yes, opposite(after.yes)), z3.And(before.no, opposite(after.no)))
    return solution(solver, changed) is None


# ---- opposites ----


def opposites(base: RuleBase) -> Iterator[tuple[Rule, Rule]]:
    """Pairs of rules that say opposite things of one option or kind: one supports what the other advises against."""
    for target in (*base.option, *base.kind):
        speak = base.rules_for[target]
        for pro in speak:
            if pro.verb == "support":
                yield from ((pro, con) for con in speak if con.discourages and not _yields(pro, con))


def _yields(one: Rule, other: Rule) -> bool:
    """Whether one of two rules is silent by name where the other speaks."""
    return bool(set(one.unless) & set(other.when) or set(other.unless) & set(one.when))


# ---- questions ----

RECORDS = ("trials ", "medicines ")
TIMEOUT = 60_000
"""Milliseconds for one question to the solver; the slowest of the bundled rules needs less than a second."""
MOST_ROUNDS = 2_000
"""People looked at for one part of a word; the bundled rules need some hundred."""
Keeps = Iterable[tuple[z3.BoolRef, frozenset[int]]]
"""What everybody keeps to, each with the variables that it names."""


def entangled(tree: RuleTree, name: str) -> Iterator[Tree]:
    """The parts of a word or rule that may be unknown together although they are settled.

    They cannot where each fact speaks for the word alone, or against it alone: then whatever is unknown may all be
    learnt for it, or all against it. So only parts that one fact ties together, speaking both ways, are looked at; and
    none that rest on a list of trials or medicines.
    """
    node = tree.node[name]
    if node.tree[0] not in ("and", "or"):
        return
    ways: dict[str, set[Any]] = {}
    each: list[dict[str, set[Any]]] = []
    for part in node.tree[1]:
        mine: dict[str, set[Any]] = {}
        _speak(tree, part, 1, mine, set())
        each.append(mine)
        for fact, said in mine.items():
            ways.setdefault(fact, set()).update(said)
    both = {fact for fact, said in ways.items() if len(said) > 1 and not fact.startswith(RECORDS)}
    groups: list[tuple[set[str], list[int]]] = []
    for i, mine in enumerate(each):
        tied, members = both & mine.keys(), [i]
        for group in [group for group in groups if group[0] & tied]:
            groups.remove(group)
            tied, members = tied | group[0], group[1] + members
        groups.append((tied, members))
    for tied, members in groups:
        rests = any(fact.startswith(RECORDS) for i in members for fact in each[i])
        if tied and len(members) > 1 and not rests:
            yield [node.tree[0], [node.tree[1][i] for i in sorted(members)]]


def _speak(tree: RuleTree, part: Tree, sign: int, facts: dict[str, set[Any]], seen: set[tuple[str, int]]) -> None:
    """For each fact that a tree rests on, the ways in which it speaks."""
    match part:
        case ["word", name]:
            node = tree.node[name]
            if (name, sign) not in seen:
                seen.add((name, sign))
                _speak(tree, node.tree, sign, facts, seen)
        case ["not", inner]:
            _speak(tree, inner, -sign, facts, seen)
        case ["else", *both]:
            for each in both:
                _speak(tree, each, sign, facts, seen)
                _speak(tree, each, -sign, facts, seen)
        case ["and" | "or", parts] | ["at-least", _, parts]:
            for each in parts:
                _speak(tree, each, sign, facts, seen)
        case ["number", path, op, _]:
            facts.setdefault(path, set()).add(sign if op[0] == ">" else -sign)
        case ["is", path, value]:
            facts.setdefault(path, set()).add((value, sign))
        case ["flag", path]:
            facts.setdefault(path, set()).add(sign)
        case ["has", path, value]:
            facts.setdefault(f"{path}.{value}", set()).add(sign)
        case ["some", path, key, _]:
            facts.setdefault(f"{path} {key}", set()).add(sign)
        case ["total", _, key, *_]:
            facts.setdefault(f"medicines {key}", set()).add(sign)


def asked_in_vain(people: People, keeps: Keeps, truth: Truth, whole: Truth) -> tuple[z3.ModelRef, str] | None:
    """Somebody of whom a truth is unknown although nothing that could be learnt makes it yes, or no; and which.

    The whole that it is a part of is unknown of them too, or nobody would ask.

    Found by asking for such a person, and for what could be learnt of them, in turn: what made it yes, and what
    made it no, puts aside everybody who could learn the same. A number counts by what the truth compares it with, so
    that there are only finitely many to put aside.

    Errors:  Undecided where the solver gave up, or where this comes to no end.
    """
    cone = variables([*truth, *whole])
    parts: list[Any] = [cell for cell in people.cells.values() if cell.told_in(cone)]
    parts += [each for each in people.members.values() if each.yes.get_id() in cone]
    admitted = [c for c, named in keeps if named & cone.keys()]
    compared = _compared([*truth, *whole], {v.get_id() for c in admitted for v in _numbers_tied(c, cone)})
    now = solver_for(TIMEOUT)
    now.add(*admitted, z3.Bool(SAFETY), truth.unknown, whole.unknown)
    then = solver_for(TIMEOUT)
    then.add(*admitted, z3.Bool(SAFETY))
    for _ in range(MOST_ROUNDS):
        model = solution(now)
        if model is None:
            return None
        known = [_kept(part, model) for part in parts]
        apart = []
        for answer, end in (("yes", truth.yes), ("no", truth.no)):
            then.push()
            then.add(end, *known)
            learnt = solution(then)
            then.pop()
            if learnt is None:
                return model, answer
            apart.append(_against(_needed(end, learnt, parts), learnt, compared))
        now.add(z3.Or(apart))
    raise Undecided(f"after {MOST_ROUNDS} people there are still others")


def _numbers_tied(constraint: z3.BoolRef, cone: Mapping[int, Any]) -> list[Any]:
    """The numbers of a cone that a constraint ties to one another."""
    named = [v for number, v in variables([constraint]).items() if number in cone and z3.is_arith(v)]
    return named if len(named) > 1 else []


def _compared(formulas: list[Any], tied: set[int]) -> dict[int, list[z3.BoolRef]]:
    """For each number the comparisons that formulas make of it; none for those that are tied to another."""
    found: dict[int, list[z3.BoolRef]] = {}
    seen: set[int] = set()
    waiting = list(formulas)
    while waiting:
        term = waiting.pop()
        if term.get_id() in seen:
            continue
        seen.add(term.get_id())
        parts = term.children()
        if parts and z3.is_arith(parts[0]):
            for number in variables([term]):
                if number not in tied:
                    found.setdefault(number, []).append(term)
        else:
            waiting += parts
    return found


def _kept(part: Any, model: z3.ModelRef) -> z3.BoolRef:
    """That what is known of a cell, or of a member of a list, stays."""
    if isinstance(part, Truth):
        return every(v for v in part if z3.is_true(model.eval(v)))
    kept: z3.BoolRef = part.kept(model)
    return kept


def _needed(end: z3.BoolRef, model: z3.ModelRef, parts: list[Any]) -> list[Any]:
    """Parts of a solution that are enough for an end, whatever all others say."""
    solver = solver_for(TIMEOUT)
    solver.add(z3.Bool(SAFETY), opposite(end))
    of = {}
    for i, part in enumerate(parts):
        of[z3.Bool(f"part {i}")] = part
        solver.add(so(z3.Bool(f"part {i}"), _kept(part, model)))
    if solution(solver, *of) is not None:
        return parts
    return [of[each] for each in solver.unsat_core()]


def _against(needed: list[Any], model: z3.ModelRef, compared: Mapping[int, list[z3.BoolRef]]) -> z3.BoolRef:
    """That somebody tells otherwise than a solution in one of some parts."""
    otherwise = []
    for part in needed:
        if isinstance(part, Truth):
            otherwise.append(part.no if z3.is_true(model.eval(part.yes)) else part.yes)
        elif isinstance(part, Number) and (lines := compared.get(part.value.get_id())):
            beyond = some(z3.Not(line) if z3.is_true(model.eval(line)) else line for line in lines)
            otherwise.append(every([part.told, beyond]))
        else:
            otherwise.append(every([part.told, opposite(_kept(part, model))]))
    return some(otherwise)
