"""The one rule tree: the rule base spelt out as named nodes, in an order in which each can be worked out.

Words of families are written out for each option and step, rules become nodes ("rule:" and the id),
policies become numbers. Every engine computes exactly this:

    field   an expression over the profile, answered before the engine runs
    logic   min, max, minus and at-least over the nodes before it
    status  a table of rows; the first row that holds gives the status
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from pathway.language import Tree, nodes, of_fields
from pathway.problem import Place, Problem, Problems
from pathway.rules import OFFERS, SAFETY, Option, Rule, RuleBase

Literals = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Node:
    """One named value of the tree. `rows` is filled for a status: (literals that must all hold, status)."""

    name: str
    kind: Literal["field", "logic", "status"]
    tree: Tree
    rows: tuple[tuple[Literals, str], ...] = ()
    otherwise: str = ""

    @property
    def needs(self) -> tuple[str, ...]:
        """The nodes that this one is worked out from."""
        if self.kind == "status":
            return tuple(dict.fromkeys(name for literals, _ in self.rows for name, _ in literals))
        return () if self.kind == "field" else tuple(dict.fromkeys(n[1] for n in nodes(self.tree) if n[0] == "word"))


@dataclass(frozen=True)
class RuleTree:
    """All nodes, each after those it needs."""

    nodes: tuple[Node, ...]

    @cached_property
    def node(self) -> Mapping[str, Node]:
        """Nodes by name."""
        return {node.name: node for node in self.nodes}

    @cached_property
    def upon_safety(self) -> tuple[Node, ...]:
        """The nodes that hang on the safety layer: all others are the same in the documented view."""
        found = {SAFETY: True}
        for node in self.nodes:
            found.setdefault(node.name, any(found[name] for name in node.needs))
        return tuple(node for node in self.nodes if found[node.name] and node.name != SAFETY)

    @cached_property
    def field_words(self) -> tuple[tuple[str, Tree], ...]:
        """The nodes that the profile answers."""
        return tuple((node.name, node.tree) for node in self.nodes if node.kind == "field")


def build(base: RuleBase, policy: Mapping[str, Any] | None = None) -> RuleTree:
    """The rule tree of a base under a policy (defaults where it is silent).

    Errors:  Problems (cycle), which names the words that need one another in a circle.
    """
    return _Builder(base, {**{p.policy: p.default for p in base.policies}, **(policy or {})}).build()


def build_open(base: RuleBase) -> RuleTree:
    """The rule tree with every policy left open: ["policy", name] stands where `build` puts its value.

    No engine that walks a case can work it out; the prover takes each policy for any value of its range.

    Errors:  Problems (cycle).
    """
    return _Builder(base, None).build()


def spelt(base: RuleBase, policy: Mapping[str, Any], name: str) -> Node | None:
    """One word of a base spelt out as a node, whether or not a rule uses it; None where there is no such word."""
    try:
        return _Builder(base, {**{p.policy: p.default for p in base.policies}, **policy}).node(name)
    except KeyError:
        return None


def spell(base: RuleBase, policy: Mapping[str, Any] | None, tree: Tree) -> Tree:
    """A tree over words as the tree of a node would have it, under a policy, or with every policy open for None."""
    values = None if policy is None else {**{p.policy: p.default for p in base.policies}, **policy}
    return fold(_Builder(base, values).spelt(tree))


def measure_of(option: Option | None) -> Tree:
    """What makes a trial of an option adequate: what the record says, else the length that its policy asks for."""
    if option is None or not option.adequate:
        return ["flag", ".adequate"]
    return ["else", ["flag", ".adequate"], ["number", ".duration", ">=", ["policy", option.adequate]]]


class _Builder:
    def __init__(self, base: RuleBase, policy: Mapping[str, Any] | None) -> None:
        self.base, self.policy = base, policy
        self.done: dict[str, Node] = {}
        self.open: list[str] = []
        self.rows = self._status_rows()

    def build(self) -> RuleTree:
        plain = [word.word for word in self.base.words if not word.each]
        rules = [f"rule:{rule.rule}" for rule in self.base.rules]
        for name in [SAFETY, *plain, *rules, *self.rows]:
            self._visit(name)
        return RuleTree(tuple(self.done.values()))

    def _visit(self, name: str) -> None:
        if name in self.done:
            return
        if name in self.open:
            raise self._cycle(self.open[self.open.index(name) :])
        self.open.append(name)
        node = self.node(name)
        for need in node.needs:
            self._visit(need)
        self.open.pop()
        self.done[name] = node

    def _cycle(self, names: list[str]) -> Problems:
        places = [self.base.rule[n[5:]].place for n in names if n.startswith("rule:")]
        places += [family[0].place for n in names if (family := self.base.family(n))]
        source, _, line = (places or ["rules/walk.yaml:1"])[0].rpartition(":")
        told = " needs ".join([*names, names[0]])
        return Problems(
            [
                Problem(
                    "cycle",
                    Place(source, int(line), None),
                    told,
                    "a walk only goes down the page, and a word never needs itself",
                )
            ]
        )

    def node(self, name: str) -> Node:
        """The node of a name: KeyError where nothing is called so."""
        if name == SAFETY:
            return Node(name, "field", ["always"])
        if name in self.rows:
            rows, otherwise = self.rows[name]
            return Node(name, "status", [], rows, otherwise)
        if name.startswith("rule:"):
            tree = self._rule(self.base.rule[name.removeprefix("rule:")])
        else:
            word, filled = self.base.family(name) or (None, {})
            if word is None:
                raise KeyError(name)
            tree = word.tree if not filled else self._filled(word.tree, filled)
        tree = fold(self.spelt(tree))
        return Node(name, "field" if of_fields(tree) else "logic", tree)

    def _filled(self, tree: Tree, filled: Mapping[str, str]) -> Tree:
        kind = self.base.kind.get(filled.get("kind", ""))
        option = self.base.option.get(kind.option if kind else filled.get("option", ""))
        step = filled.get("step") or (option.step if option else "")
        names = {f"{{{each}}}": member for each, member in filled.items()}
        if option:
            names = {"{option}": option.option, **names}
        if step:
            names = {"{step}": step, **names}
        taken = kind.taken if kind else option.taken if option else ["never"]
        own = {**self._step_trees(step), "taken": taken}
        return _replace(tree, names, measure_of(option), own)

    def _step_trees(self, name: str) -> dict[str, Tree]:
        step = next((s for s in self.base.steps if s.step == name), None)
        return (
            {}
            if step is None
            else {"passed": step.passed, "not-needed": step.not_needed, "under-treatment": step.under_treatment}
        )

    def _rule(self, rule: Rule) -> Tree:
        parts = self._conditions(rule)
        if rule.verb in (*OFFERS, "next"):
            parts = [["word", f"{rule.step}.reached"], *parts]
        return ["and", parts] if parts else ["always"]

    def _conditions(self, rule: Rule) -> list[Tree]:
        return [*(["word", word] for word in rule.when), *(["not", ["word", word]] for word in rule.unless)]

    def spelt(self, tree: Tree) -> Tree:
        """Policies as numbers, quantifiers over options, kinds and rules as the words that they mean."""
        spell: dict[str, Callable[[Tree], Tree]] = {
            "policy": lambda t: self._chosen(t, *t[1:]),
            "and": lambda t: ["and", [self.spelt(part) for part in t[1]]],
            "or": lambda t: ["or", [self.spelt(part) for part in t[1]]],
            "not": lambda t: ["not", self.spelt(t[1])],
            "later": lambda t: ["later", self.spelt(t[1])],
            "else": lambda t: ["else", self.spelt(t[1]), self.spelt(t[2])],
            "number": lambda t: [*t[:3], self._value(t[3])],
            "total": lambda t: [*t[:4], self._value(t[4])],
            "some": lambda t: [*t[:3], self.spelt(t[3])],
            "at-least": lambda t: ["at-least", self._count(t[1]), [self.spelt(part) for part in t[2]]],
            "options": self._options,
            "kinds": self._kinds,
            "rules": lambda t: self._rules(t[1], t[2]),
        }
        return spell[tree[0]](tree) if tree[0] in spell else tree

    def _options(self, tree: Tree) -> Tree:
        _, how, number, countable, step, ending = tree
        words = [["word", f"{o.option}.{ending}"] for o in self.base.options_of(step, countable)]
        if how == "at-least":
            return ["at-least", self._count(number), words]
        return ["or" if how == "any" else "and", words]

    def _kinds(self, tree: Tree) -> Tree:
        _, how, option, ending = tree
        words: list[Tree] = [["word", f"{kind.kind}.{ending}"] for kind in self.base.kinds_of(option)]
        # Of an option that is one thing not every kind is held: it has none.
        return ["or" if how == "any" else "and", words] if words else ["never"]

    def _rules(self, verb: str, target: str | None) -> Tree:
        if verb == "suits":
            offers = [rule for rule in self.base.rules if rule.verb in OFFERS and rule.target == target]
            return ["or", [["and", self._conditions(rule)] for rule in offers]]
        wanted = {"holds": "hold", "opens": "next", "ends": "end", "reviews": "review"}.get(verb)
        found = [
            rule
            for rule in self.base.rules
            if target in (None, rule.target) and (rule.verb == wanted if wanted else rule.discourages)
        ]
        if verb == "opens" and not found and target == self.base.walked[0].step:
            return ["always"]
        return ["or", [["word", f"rule:{rule.rule}"] for rule in found]]

    def _chosen(self, tree: Tree, policy: str, option: str = "") -> Tree:
        if self.policy is None:
            return tree
        value = self.policy[policy]
        return ["always"] if (option in value if option else value is True) else ["never"]

    def _value(self, number: Any) -> float | Tree:
        if not isinstance(number, list):
            return float(number)
        return number if self.policy is None else float(self.policy[number[1]])

    def _count(self, number: Any) -> int | Tree:
        value = self._value(number)
        return value if isinstance(value, list) else int(value)

    def _status_rows(self) -> dict[str, tuple[tuple[tuple[Literals, str], ...], str]]:
        steps = tuple(step.step for step in self.base.walked)
        made = {}
        for option in self.base.options:
            made[f"{option.option}.status"] = self._table(
                "option", {"{option}": option.option, "{step}": option.step}, steps
            )
        for step in steps:
            made[f"{step}.status"] = self._table("step", {"{step}": step}, steps)
        made["walk.ending"] = self._table("ending", {}, steps)
        return made

    def _table(
        self, name: str, names: Mapping[str, str], steps: tuple[str, ...]
    ) -> tuple[tuple[tuple[Literals, str], ...], str]:
        rows: list[tuple[Literals, str]] = []
        *firsts, (last, _) = self.base.statuses[name]
        for status, literals in firsts:
            row = [(_fill(word, names), value) for word, value in literals]
            if any(word == "any step" for word, _ in row):
                rows += [
                    (tuple((f"{step}.status" if w == "any step" else w, v) for w, v in row), status) for step in steps
                ]
            else:
                rows.append((tuple(row), status))
        return tuple(rows), last


def _fill(text: str, names: Mapping[str, str]) -> str:
    for placeholder, name in names.items():
        text = text.replace(placeholder, name)
    return text


def _replace(tree: Tree, names: Mapping[str, str], measure: Tree, own: Mapping[str, Tree]) -> Tree:
    """A family's tree for one member: its names filled in, `adequate` and the step's own trees put in place."""
    if tree == ["flag", ".adequate"]:
        return measure
    if tree[0] == "word" and ".own-" in tree[1]:
        return own[tree[1].partition(".own-")[2]]

    def one(part: Any) -> Any:
        if isinstance(part, str):
            return _fill(part, names)
        if isinstance(part, list) and part and isinstance(part[0], str):
            return _replace(part, names, measure, own)
        return [one(each) for each in part] if isinstance(part, list) else part

    return [one(part) for part in tree]


def fold(tree: Tree) -> Tree:
    """The same tree with constants worked in and needless levels gone."""
    head = tree[0]
    if head == "not":
        inner = fold(tree[1])
        flipped: dict[str, Tree] = {"always": ["never"], "never": ["always"]}
        return flipped.get(inner[0]) or (inner[1] if inner[0] == "not" else ["not", inner])
    if head in ("and", "or"):
        return _fold_all(head, [fold(part) for part in tree[1]])
    if head == "at-least":
        number, parts = tree[1], [fold(part) for part in tree[2]]
        if isinstance(number, list):
            return [head, number, parts]
        number -= sum(part == ["always"] for part in parts)
        parts = [part for part in parts if part[0] not in ("always", "never")]
        if number <= 0:
            return ["always"]
        if number > len(parts):
            return ["never"]
        return (
            _fold_all("or", parts)
            if number == 1
            else _fold_all("and", parts)
            if number == len(parts)
            else [head, number, parts]
        )
    if head == "some":
        return [*tree[:3], fold(tree[3])]
    if head == "later":
        return [head, fold(tree[1])]
    return tree


def _fold_all(head: str, parts: list[Tree]) -> Tree:
    neutral, final = ("always", "never") if head == "and" else ("never", "always")
    flat: list[Tree] = []
    for part in parts:
        for each in part[1] if part[0] == head else [part]:
            if each[0] == final:
                return [final]
            if each[0] != neutral and each not in flat:
                flat.append(each)
    return [neutral] if not flat else flat[0] if len(flat) == 1 else [head, flat]


def to_json(tree: RuleTree) -> list[Any]:
    """The tree as plain data, for the cache."""
    return [[n.name, n.kind, n.tree, n.rows, n.otherwise] for n in tree.nodes]


def from_json(data: list[Any]) -> RuleTree:
    """The tree from `to_json`'s data."""
    return RuleTree(
        tuple(
            Node(
                name,
                kind,
                tree,
                tuple((tuple((n, v) for n, v in literals), status) for literals, status in rows),
                otherwise,
            )
            for name, kind, tree, rows, otherwise in data
        )
    )
