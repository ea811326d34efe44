"""The rule tree over everybody: the fourth compiler, to SMT.

Each node of the tree becomes a formula over the variables of `pathway.engine.people`: a word or rule a pair of truths
(yes, no; neither is unknown), a status one truth for each of its values. Policies are variables too, of which each may
have any value of its range. The formulas are those of `pathway.engine.plain`, value for value.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import z3

from pathway.engine.people import People
from pathway.engine.plain import SHARP
from pathway.engine.truths import FALSE, Truth, as_float, either, every, exact, kleene, opposite, some
from pathway.language import OPTIONS, Tree
from pathway.rules import SAFETY, Policy, RuleBase
from pathway.tree import RuleTree, build_open


class View:
    """The nodes of a tree as formulas, each made when it is first asked for.

    Args:    instead: nodes that are something else here; all that hangs on them is worked out anew, all other nodes
             are those of `beside`.
    """

    def __init__(self, proof: Proof, instead: Mapping[str, Truth] | None = None, beside: View | None = None) -> None:
        self.proof, self.instead, self.beside = proof, instead or {}, beside
        self.anew = frozenset[str]().union(*map(proof.upon, self.instead))
        self._truths: dict[str, Truth] = {}
        self._statuses: dict[str, Mapping[str, z3.BoolRef]] = {}

    def truth(self, name: str) -> Truth:
        """A word or rule.

        Errors:  KeyError where no node is called so.
        """
        if name in self.instead:
            return self.instead[name]
        if self.beside is not None and name not in self.anew:
            return self.beside.truth(name)
        found = self._truths.get(name)
        if found is None:
            node = self.proof.tree.node[name]
            made = self.proof.field(name) if node.kind == "field" else self.of(node.tree)
            found = self._truths[name] = made
        return found

    def of(self, tree: Tree) -> Truth:
        """A tree over words."""
        match tree:
            case ["word", name]:
                return self.truth(name)
            case ["policy", name]:
                chosen = self.proof.policies[name]
                return Truth(chosen, opposite(chosen))
            case ["policy", name, option]:
                chosen = self.proof.listed(name, option)
                return Truth(chosen, opposite(chosen))
            case ["at-least", ["policy", name], parts]:
                truths = [self.of(part) for part in parts]
                each = [(self.proof.policies[name] == n, at_least(n, truths)) for n in self.proof.counts(name)]
                return Truth(some(every([n, t.yes]) for n, t in each), some(every([n, t.no]) for n, t in each))
            case ["at-least", number, parts]:
                return at_least(int(number), [self.of(part) for part in parts])
        return kleene(tree, self.of)

    def status(self, name: str) -> Mapping[str, z3.BoolRef]:
        """A status: for each of its values whether it is that."""
        if self.beside is not None and name not in self.anew:
            return self.beside.status(name)
        if name not in self._statuses:
            node = self.proof.tree.node[name]
            found: dict[str, list[z3.BoolRef]] = {}
            before: list[z3.BoolRef] = []
            for literals, status in node.rows:
                here = every(self.literal(word, value) for word, value in literals)
                found.setdefault(status, []).append(every([here, *map(opposite, before)]))
                before.append(here)
            found.setdefault(node.otherwise, []).append(every(map(opposite, before)))
            self._statuses[name] = {status: some(cases) for status, cases in found.items()}
        return self._statuses[name]

    def literal(self, name: str, value: str) -> z3.BoolRef:
        """Whether a word is yes, no or unknown, or a status just this."""
        if self.proof.tree.node[name].kind == "status":
            return self.status(name).get(value, FALSE)
        return self.truth(name).is_(SHARP[value])


class Proof:
    """All nodes of a rule base as formulas over everybody, under every policy.

    Args:    more: records beyond the count that is enough (see `People`).
    """

    def __init__(self, base: RuleBase, more: int = 0) -> None:
        self.base = base
        self.tree: RuleTree = build_open(base)
        self.policies = {policy.policy: _variable(policy) for policy in base.policies if policy.unit != OPTIONS}
        self.people = People(base, self.tree, self.policies.__getitem__, more)
        self.view = View(self)
        self._listed: dict[tuple[str, str], z3.BoolRef] = {}
        self._upon: dict[str, frozenset[str]] = {}

    def field(self, name: str) -> Truth:
        """A word that the profile answers."""
        if name == SAFETY:
            return Truth(z3.Bool(SAFETY), opposite(z3.Bool(SAFETY)))
        return self.people.truth(self.tree.node[name].tree)

    def listed(self, policy: str, option: str) -> z3.BoolRef:
        """Whether a clinic lists an option under a policy."""
        return self._listed.setdefault((policy, option), z3.Bool(f"policy.{policy} {option}"))

    def counts(self, policy: str) -> range:
        """The whole numbers that a policy may be."""
        found = next(each for each in self.base.policies if each.policy == policy)
        return range(int(found.low), int(found.high) + 1)

    def upon(self, name: str) -> frozenset[str]:
        """A node, and all that hang on it."""
        if name not in self._upon:
            found = {name}
            for node in self.tree.nodes:
                if not found.isdisjoint(self._needs[node.name]):
                    found.add(node.name)
            self._upon[name] = frozenset(found)
        return self._upon[name]

    @cached_property
    def _needs(self) -> Mapping[str, tuple[str, ...]]:
        return {node.name: node.needs for node in self.tree.nodes}

    @cached_property
    def admitted(self) -> list[z3.BoolRef]:
        """What every profile and every policy keeps to."""
        ranges = [
            z3.And(
                self.policies[policy.policy] >= exact(policy.low), self.policies[policy.policy] <= exact(policy.high)
            )
            for policy in self.base.policies
            if policy.low is not None
        ]
        return [*self.people.admitted, *ranges]

    def under(self, policy: Mapping[str, Any]) -> list[z3.BoolRef]:
        """That every policy is as a clinic has it, and as the rule base has it where the clinic is silent."""
        values = {**{each.policy: each.default for each in self.base.policies}, **policy}
        said = [variable == _as_is(values[name]) for name, variable in self.policies.items()]
        lists = [each.policy for each in self.base.policies if each.unit == OPTIONS]
        listed = [(self.listed(name, option), option in values[name]) for name in lists for option in self.base.option]
        return said + [variable if chosen else z3.Not(variable) for variable, chosen in listed]

    def policy_in(self, model: z3.ModelRef) -> dict[str, Any]:
        """The policies of a solution that are not as the rule base has them; those it leaves open are."""
        found: dict[str, Any] = {}
        for policy in self.base.policies:
            name, value = policy.policy, policy.default
            if policy.unit == OPTIONS:
                told = (option for option in self.base.option if (name, option) in self._listed)
                value = tuple(sorted(option for option in told if z3.is_true(model.eval(self.listed(name, option)))))
            elif (said := model.eval(self.policies[name])) is not None and not said.eq(self.policies[name]):
                value = z3.is_true(said) if isinstance(policy.default, bool) else as_float(said)
            if value != policy.default:
                found[name] = value
        return found


def at_least(number: int, truths: list[Truth]) -> Truth:
    """At least so many of some truths."""
    if number > len(truths):
        return either([])
    return Truth(
        z3.AtLeast(*(t.yes for t in truths), number), z3.AtLeast(*(t.no for t in truths), len(truths) - number + 1)
    )


def _variable(policy: Policy) -> Any:
    name = f"policy.{policy.policy}"
    if isinstance(policy.default, bool):
        return z3.Bool(name)
    return z3.Real(name) if policy.unit else z3.Int(name)


def _as_is(value: Any) -> Any:
    return z3.BoolVal(value) if isinstance(value, bool) else exact(value)
