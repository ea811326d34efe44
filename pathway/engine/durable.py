"""The engine of every single-case walk: the rule tree compiled to durable-rules, inside its safe envelope.

Each node becomes single-pattern rules over one fact, worked level by level: a logic node one rule for
each way to its yes and one for each way to its no (so that unknown stays unknown), a status one rule a
row. Facts hold words only, one constant session is used, every fact is retracted, and every ruleset has
a catch-all that must be seen to fire. Rule bases that would leave the envelope are refused at compile time.

Source:  docs/explanation/decisions/0003-durable-rules-envelope.md, with what was measured.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import durable_rules_engine as rete

from pathway.language import Tree
from pathway.problem import Place, Problem, Problems
from pathway.tree import Node, RuleTree, fold

Answers = dict[str, int | str]
Test = tuple[str, str, str]  # ("=" or "!=", name, value)
Pattern = tuple[Test, ...]

MATCHES = 56  # tests that one fact may meet; the engine fails at 64
FIELDS = 240  # fields of one fact; the engine fails at 255
FEW_FIELDS = 24  # fields that rules of several nodes share: the engine looks every field up at every test it has met
ROOT_TESTS = 400  # distinct first tests of one ruleset; the engine loops forever at 512
RULES = 200  # rules of one ruleset; the engine writes past its list where 256 end in the same test
PATTERN = 25  # tests of one pattern
WAYS = 70  # rules for one value of one node
MOST_PARTS = 20  # parts of one and, or one or
CASE = "k"
SEEN = "seen"
ALWAYS: Pattern = (("=", CASE, CASE),)
_VALUE = {1: "yes", 0: "unknown", -1: "no"}
_ANSWER = {"yes": 1, "unknown": 0, "no": -1}
_ENGINE_ERRORS = (rete.error, LookupError, TypeError, ValueError, MemoryError)
_PLAIN = re.compile(r"[A-Za-z0-9_.:-]{1,200}")


class EngineFailed(Problems):
    """durable-rules did not do what it must: our fault, never the case's. Carries no data of the case."""

    def __init__(self, message: str) -> None:
        place = Place("durable-rules", None, None)
        super().__init__(
            [Problem("engine-failed", place, message, "please report this with the edition and digest of the rules")]
        )


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a rule that fires says: this node has this value."""

    node: str
    value: str


Ruled = tuple[Pattern, Conclusion]
Derived = dict[str, tuple[str, list[Conclusion]]]
"""By ruleset: the fact it was given, and what its rules concluded."""


@dataclass(frozen=True)
class Ruleset:
    """One durable-rules ruleset: its text, the fields of its fact, and what each of its rules concludes."""

    name: str
    level: int
    text: str
    fields: tuple[str, ...]
    concludes: Mapping[str, Conclusion]


@dataclass(frozen=True)
class Program:
    """The rule tree as rulesets, level by level, with the constants that no rule has to derive.

    `same` are names for what another node already says, such as a rule that hangs on one word alone.
    """

    levels: tuple[tuple[Ruleset, ...], ...]
    constants: Mapping[str, int]
    same: Mapping[str, str]
    derived: Mapping[int, tuple[tuple[str, bool], ...]]


# ---- compiling -------------------------------------------------------------------------------------


def compile_tree(tree: RuleTree) -> Program:
    """The program of a tree.

    Errors:  Problems (outside-envelope), naming the node that durable-rules could not hold safely.
    """
    _refuse_odd_names(tree)
    logic, same = _named_once({node.name: fold(node.tree) for node in tree.nodes if node.kind == "logic"})
    constants = {
        name: 1 if folded == ["always"] else -1 for name, folded in logic.items() if folded in (["always"], ["never"])
    }
    flat = list(_flatten(tree, logic, same))
    depth: dict[str, int] = {n.name: 0 for n in tree.nodes if n.kind == "field"} | dict.fromkeys(constants, 0)
    groups: dict[int, list[list[Ruled]]] = {}
    derived: dict[int, list[tuple[str, bool]]] = {}
    for node in flat:
        level = 1 + max((depth[name] for name in node.needs), default=0)
        depth[node.name] = level
        groups.setdefault(level, []).append(list(_rules_of(node)))
        derived.setdefault(level, []).append((node.name, node.kind == "status"))
    _refuse_equal_hashes(depth)
    levels = tuple(tuple(_pack(level, groups[level])) for level in sorted(groups))
    return Program(levels, constants, same, {level: tuple(names) for level, names in derived.items()})


def _named_once(logic: Mapping[str, Tree]) -> tuple[dict[str, Tree], dict[str, str]]:
    """The logic without nodes that only name another, and what each of those names."""
    kept: dict[str, Tree] = {}
    same: dict[str, str] = {}
    for name, tree in logic.items():
        small = fold(_renamed(tree, same))
        if small[0] == "word":
            same[name] = small[1]
        else:
            kept[name] = small
    return kept, same


def _renamed(tree: Tree, same: Mapping[str, str]) -> Tree:
    if tree[0] == "word":
        return ["word", same.get(tree[1], tree[1])]
    if tree[0] == "not":
        return ["not", _renamed(tree[1], same)]
    return tree if len(tree) == 1 else [*tree[:-1], [_renamed(part, same) for part in tree[-1]]]


def _flatten(tree: RuleTree, logic: Mapping[str, Tree], same: Mapping[str, str]) -> Iterator[Node]:
    """The nodes to derive, with helpers where one node alone would need too many or too long patterns."""
    for node in tree.nodes:
        if node.kind == "status":
            rows = tuple((tuple((same.get(n, n), v) for n, v in row), status) for row, status in node.rows)
            yield replace(node, rows=rows)
        elif node.name in same:
            continue
        elif node.kind == "logic" and logic[node.name][0] not in ("always", "never"):
            helpers: list[Node] = []
            small = _shrink(logic[node.name], node.name, helpers)
            yield from helpers
            yield Node(node.name, "logic", small)


def _shrink(tree: Tree, name: str, helpers: list[Node]) -> Tree:
    """The tree with parts made into helper nodes of their own, as far as its patterns need it."""

    def helper(part: Tree) -> Tree:
        if _is_literal(part):
            return part
        small = _shrink(part, name, helpers)
        helpers.append(Node(f"{name}~{len(helpers) + 1}", "logic", small))
        return ["word", helpers[-1].name]

    if tree[0] in ("and", "or"):
        parts = [_shrink(part, name, helpers) for part in tree[1]]
        while len(parts) > MOST_PARTS:
            parts = [helper([tree[0], parts[i : i + MOST_PARTS]]) for i in range(0, len(parts), MOST_PARTS)]
        small: Tree = [tree[0], parts]
        return small if _fits(small) else [tree[0], [helper(part) for part in parts]]
    if tree[0] == "at-least":
        return _count(tree[1], [helper(part) for part in tree[2]], helper)
    if tree[0] == "not":
        return ["not", _shrink(tree[1], name, helpers)]
    return tree


def _count(number: int, parts: list[Tree], helper: Callable[[Tree], Tree]) -> Tree:
    """At least n of the parts; where subsets would be too many, split in two halves and add up."""
    made: dict[tuple[int, int, int], Tree] = {}

    def least(n: int, start: int, stop: int) -> Tree:
        if (n, start, stop) not in made:
            made[n, start, stop] = helper(spelt(n, start, stop))
        return made[n, start, stop]

    def spelt(n: int, start: int, stop: int) -> Tree:
        small: Tree = ["at-least", n, parts[start:stop]]
        if _fits(small):
            return small
        middle = (start + stop) // 2
        ways: list[Tree] = []
        for k in range(max(0, n - (stop - middle)), min(n, middle - start) + 1):
            both = [least(m, *half) for m, half in ((k, (start, middle)), (n - k, (middle, stop))) if m > 0]
            ways.append(both[0] if len(both) == 1 else helper(["and", both]))
        while len(ways) > MOST_PARTS:
            ways = [helper(["or", ways[i : i + MOST_PARTS]]) for i in range(0, len(ways), MOST_PARTS)]
        return ["or", ways]

    return spelt(number, 0, len(parts))


def _is_literal(tree: Tree) -> bool:
    return bool(tree[0] == "word" or (tree[0] == "not" and tree[1][0] == "word"))


def _fits(tree: Tree) -> bool:
    most = WAYS if tree[0] == "at-least" else MOST_PARTS + 4
    return all(_number_of_ways(tree, want) <= most for want in (True, False)) and _longest(tree) <= PATTERN


def _number_of_ways(tree: Tree, want: bool) -> int:
    head = tree[0]
    if head == "not":
        return _number_of_ways(tree[1], not want)
    if head == "at-least":
        total = len(tree[2])
        return math.comb(total, tree[1] if want else total - tree[1] + 1)
    if head not in ("and", "or"):
        return 1
    counts = [_number_of_ways(part, want) for part in tree[1]]
    return math.prod(counts) if (head == "and") == want else sum(counts)


def _longest(tree: Tree) -> int:
    """A bound for the tests of the tree's longest pattern."""
    if tree[0] in ("and", "or"):
        return sum(map(_longest, tree[1]))
    if tree[0] == "at-least":
        return max(int(tree[1]), len(tree[2]) - int(tree[1]) + 1)
    return 1 if _is_literal(tree) else _longest(tree[1])


def _rules_of(node: Node) -> Iterator[Ruled]:
    if node.kind == "status":
        yield from _status_rules(node)
        return
    for want, value in ((True, "yes"), (False, "no")):
        ways = _shortest(_ways(node.tree, want))
        _refuse_many(node, value, ways)
        for way in ways:
            yield tuple(("=", name, answer) for name, answer in sorted(way)), Conclusion(node.name, value)


def _ways(tree: Tree, want: bool) -> Iterator[tuple[tuple[str, str], ...]]:
    """The ways in which a tree comes to yes (or to no): each a set of answers that must all be known."""
    head = tree[0]
    if head == "word":
        yield ((tree[1], "yes" if want else "no"),)
    elif head == "not":
        yield from _ways(tree[1], not want)
    elif head == "at-least":
        total = len(tree[2])
        for parts in itertools.combinations(tree[2], tree[1] if want else total - tree[1] + 1):
            yield from _product(parts, want)
    elif (head == "and") == want:
        yield from _product(tree[1], want)
    else:
        for part in tree[1]:
            yield from _ways(part, want)


def _product(parts: Iterable[Tree], want: bool) -> Iterator[tuple[tuple[str, str], ...]]:
    for combination in itertools.product(*(list(_ways(part, want)) for part in parts)):
        merged = dict(pair for way in combination for pair in way)
        if all(merged[name] == answer for way in combination for name, answer in way):
            yield tuple(merged.items())


def _status_rules(node: Node) -> Iterator[Ruled]:
    """For each row the rules that it holds and no row above it does."""
    none_above: list[Pattern] = [()]
    for literals, status in [*node.rows, ((), node.otherwise)]:
        holds = tuple(("=", name, value) for name, value in literals)
        patterns = _shortest(_consistent((*above, *holds)) for above in none_above)
        _refuse_many(node, status, patterns)
        for pattern in patterns:
            yield pattern or ALWAYS, Conclusion(node.name, status)
        fails = [("!=", name, value) for name, value in literals]
        none_above = _shortest(_consistent((*above, test)) for above in none_above for test in fails)
        _refuse_many(node, "none of the rows above", none_above)


def _consistent(tests: Pattern) -> Pattern | None:
    """The tests each once, without those that another already says; None where they contradict one another."""
    equal = {name: value for op, name, value in tests if op == "="}
    if any((equal[name] == value) != (op == "=") for op, name, value in tests if name in equal):
        return None
    return tuple(dict.fromkeys(test for test in tests if test[0] == "=" or test[1] not in equal))


def _shortest(patterns: Iterable[tuple[Any, ...] | None]) -> list[tuple[Any, ...]]:
    """The patterns without those that a shorter one already covers, in their order."""
    sets = {frozenset(pattern): pattern for pattern in reversed([p for p in patterns if p is not None])}
    return [pattern for tests, pattern in reversed(sets.items()) if not any(other < tests for other in sets)]


def _refuse_many(node: Node, value: str, patterns: list[tuple[Any, ...]]) -> None:
    longest = max(map(len, patterns), default=0)
    if len(patterns) > WAYS or longest > PATTERN:
        raise _outside(node.name, f'{len(patterns)} ways to its "{value}", the longest of {longest} tests')


def _pack(level: int, groups: list[list[Ruled]]) -> Iterator[Ruleset]:
    """Rulesets that hold the rules of a level: each into the first that has room, a node's together if they can be."""
    packed: list[_Bin] = []
    for rules in groups:
        for together in [rules] if _Bin().take(rules) else [[rule] for rule in rules]:
            if not any(each.take(together) for each in packed):
                packed.append(_Bin())
                if not packed[-1].take(together):
                    raise _outside(together[0][1].node, "one rule alone would match too much")
    for number, each in enumerate(packed):
        yield each.ruleset(f"level-{level}-{number}", level)


@dataclass
class _Bin:
    """A ruleset being filled: its rules, their tests as a tree of shared beginnings, and what a fact could meet."""

    rules: list[Ruled] = field(default_factory=list)
    trie: dict[Test, Any] = field(default_factory=dict)
    fields: set[str] = field(default_factory=set)
    matches: dict[str, int] = field(default_factory=dict)

    def take(self, rules: list[Ruled]) -> bool:
        fields = {name for pattern, _ in rules for _, name, _ in pattern}
        room = min(FIELDS, max(FEW_FIELDS, len(self.fields), len(fields)))
        if len(self.fields | fields) > room or len(self.rules) + len(rules) > RULES:
            return False
        begun = {pattern[0][1] for pattern, _ in rules}
        part = {test: _copy(below) for test, below in self.trie.items() if test[1] in begun}
        for pattern, _ in rules:
            here = part
            for test in pattern:
                here = here.setdefault(test, {})
        trie = self.trie | part
        matches = self.matches | {
            name: most_matches({t: below for t, below in part.items() if t[1] == name}) for name in begun
        }
        if 1 + sum(matches.values()) > MATCHES or len(trie) > ROOT_TESTS:
            return False
        self.trie, self.matches = trie, matches
        self.fields |= fields
        self.rules += rules
        return True

    def ruleset(self, name: str, level: int) -> Ruleset:
        text = {SEEN: _pattern(ALWAYS)} | {f"r{i}": _pattern(pattern) for i, (pattern, _) in enumerate(self.rules)}
        concludes = {f"r{i}": conclusion for i, (_, conclusion) in enumerate(self.rules)}
        return Ruleset(name, level, json.dumps(text), tuple(sorted(self.fields - {CASE})), concludes)


def _copy(trie: dict[Test, Any]) -> dict[Test, Any]:
    return {test: _copy(below) for test, below in trie.items()}


def most_matches(trie: dict[Test, Any]) -> int:
    """The most alpha nodes that any one fact could match; tests shared from the front count once."""
    by_field: dict[str, list[tuple[Test, int]]] = {}
    for test, below in trie.items():
        by_field.setdefault(test[1], []).append((test, 1 + most_matches(below)))
    total = 0
    for tests in by_field.values():
        values = {value for (_, _, value), _ in tests} | {"\0"}
        total += max(sum(n for (op, _, value), n in tests if (value == met) == (op == "=")) for met in values)
    return total


def _pattern(tests: Pattern) -> dict[str, Any]:
    made: list[dict[str, Any]] = [{name: value} if op == "=" else {"$neq": {name: value}} for op, name, value in tests]
    return {"all": [{"m": made[0] if len(made) == 1 else {"$and": made}}]}


def name_hash(name: str) -> int:
    """The 32-bit hash (FNV-1a) by which alone durable-rules tells names apart.

    >>> name_hash("sid")
    3593476751
    """
    total = 0x811C9DC5
    for byte in name.encode():
        total = (total ^ byte) * 16777619 & 0xFFFFFFFF
    return total


_OWN_NAMES = (
    *(
        "id",
        "sid",
        CASE,
        "m",
        "name",
        "all",
        "any",
        "pri",
        "count",
        "cap",
        "dist",
        "$s",
        "$i",
        "$m",
        "$l",
        "$r",
        "$forward",
    ),
    *("$eq", "$neq", "$lt", "$lte", "$gt", "$gte", "$ex", "$nex", "$mt", "$imt", "$iall", "$iany"),
    *("$and", "$or", "$not", "$all", "$any", "$add", "$sub", "$mul", "$div", "$time", "$timerName", "$baseTime"),
)


def _refuse_odd_names(tree: RuleTree) -> None:
    """Names and statuses are written into facts and rules as they are."""
    for node in tree.nodes:
        for text in (
            node.name,
            node.otherwise,
            *(text for row, status in node.rows for text in (status, *(value for _, value in row))),
        ):
            if text and not _PLAIN.fullmatch(text):
                raise _outside(node.name, f'"{text}" is not made of plain letters, digits, dots, dashes and colons')


def _refuse_equal_hashes(names: Iterable[str]) -> None:
    seen = {name_hash(name): name for name in _OWN_NAMES}
    for name in names:
        other = seen.setdefault(name_hash(name), name)
        if other != name or name in _OWN_NAMES:
            raise _outside(name, f'its hash is that of "{other}", and durable-rules would take one for the other')


def _outside(node: str, why: str) -> Problems:
    place = Place("rules", None, None, node)
    return Problems(
        [
            Problem(
                "outside-envelope",
                place,
                f"durable-rules cannot hold this safely: {why}",
                "split it into several words",
            )
        ]
    )


def to_json(program: Program) -> dict[str, Any]:
    """The program as plain data, for the cache."""
    rulesets = [
        [
            [r.name, r.level, r.text, r.fields, {rule: [c.node, c.value] for rule, c in r.concludes.items()}]
            for r in level
        ]
        for level in program.levels
    ]
    derived = list(program.derived.items())
    return {"levels": rulesets, "constants": program.constants, "same": program.same, "derived": derived}


def from_json(data: Mapping[str, Any]) -> Program:
    """The program from `to_json`'s data."""
    levels = tuple(
        tuple(
            Ruleset(n, at, text, tuple(fields), {rule: Conclusion(*c) for rule, c in says.items()})
            for n, at, text, fields, says in level
        )
        for level in data["levels"]
    )
    return Program(
        levels, data["constants"], data["same"], {at: tuple((n, s) for n, s in names) for at, names in data["derived"]}
    )


# ---- running ---------------------------------------------------------------------------------------


class Session:
    """The program loaded into durable-rules, for one case at a time and one thread at a time.

    A session that failed is closed and answers no more.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self._loaded: list[list[tuple[Ruleset, int]]] = [[] for _ in program.levels]
        try:
            for rulesets, loaded in zip(program.levels, self._loaded, strict=True):
                for ruleset in rulesets:
                    loaded.append((ruleset, rete.create_ruleset(ruleset.name, ruleset.text)))
        except _ENGINE_ERRORS as error:
            self.close()
            raise EngineFailed(f"the rules could not be loaded: {type(error).__name__}") from error

    def run(self, findings: Mapping[str, int], derived: Derived | None = None) -> Answers:
        """Everything the rules derive from the findings, by forward chaining, with the findings themselves.

        Args:    derived: what runs just before this one derived; the same fact is not put to the same rules again.
        Errors:  EngineFailed.
        """
        try:
            return self._run(findings, {} if derived is None else derived)
        except _ENGINE_ERRORS as error:
            self.close()
            raise EngineFailed(f"the run broke off: {type(error).__name__}") from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give the rulesets back to durable-rules."""
        for level in self._loaded:
            for _, handle in level:
                with suppress(rete.error):
                    rete.delete_ruleset(handle)
        self._loaded = []

    def _run(self, findings: Mapping[str, int], derived: Derived) -> Answers:
        if len(self._loaded) != len(self.program.levels):
            raise EngineFailed("this session was closed")
        given = {**self.program.constants, **findings}
        answers: Answers = {**given}
        written = {name: f',"{name}":"{_VALUE[answer]}"' for name, answer in given.items()}
        for number, level in enumerate(self._loaded, 1):
            concluded: dict[str, str] = {}
            for ruleset, handle in level:
                fact = _fact(ruleset, written)
                if derived.get(ruleset.name, ("",))[0] != fact:
                    derived[ruleset.name] = fact, _fire(ruleset, handle, fact)
                for conclusion in derived[ruleset.name][1]:
                    if concluded.setdefault(conclusion.node, conclusion.value) != conclusion.value:
                        raise EngineFailed(f"two answers for {conclusion.node}")
            for name, is_status in self.program.derived[number]:
                value = concluded.get(name, "" if is_status else "unknown")
                if not value:
                    raise EngineFailed(f"no status for {name}")
                written[name] = f',"{name}":"{value}"'
                if "~" not in name:
                    answers[name] = value if is_status else _ANSWER[value]
        answers |= {name: answers[other] for name, other in self.program.same.items()}
        return answers


def _fact(ruleset: Ruleset, written: Mapping[str, str]) -> str:
    """The one fact that a ruleset is given: what is known of the words that its rules speak of."""
    try:
        return f'{{"id":"1","sid":"s","{CASE}":"{CASE}"{"".join([written[name] for name in ruleset.fields])}}}'
    except LookupError as error:
        raise EngineFailed(f"{ruleset.name}: {type(error).__name__}") from error


def _fire(ruleset: Ruleset, handle: int, fact: str) -> list[Conclusion]:
    """Assert this ruleset's fact, let every rule fire, retract it."""
    try:
        fired: set[str] = set()
        code, state = rete.assert_fact(handle, fact)
        if code != 0:
            raise EngineFailed(f"{ruleset.name} did not take its fact (code {code})")
        started = rete.start_action_for_state(handle, state)
        message = started[1] if started else None
        while message:
            rule, _, told = message.partition('":{"m":')
            if told != fact + "}}" or rule in fired:
                raise EngineFailed(f"{ruleset.name} fired twice, or for another fact")
            fired.add(rule)
            message = rete.complete_and_start_action(handle, state)
        if rete.retract_fact(handle, fact)[0] != 0:
            raise EngineFailed(f"{ruleset.name} did not give its fact back")
        if '{"' + SEEN not in fired:
            raise EngineFailed(f"{ruleset.name} did not see its fact")
        return [ruleset.concludes[rule[2:]] for rule in fired if rule != '{"' + SEEN]
    except _ENGINE_ERRORS as error:
        raise EngineFailed(f"{ruleset.name}: {type(error).__name__}") from error


class Engine:
    """Sessions of one program, handed out to one thread at a time; safe to share between threads."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._idle: deque[Session] = deque()

    def run(self, findings: Mapping[str, int]) -> Answers:
        """Derive everything for one case.

        Errors:  EngineFailed; the session that failed is thrown away.
        """
        return self.run_each([findings])[0]

    def run_each(self, views: Sequence[Mapping[str, int]]) -> list[Answers]:
        """Derive everything for several views of one case; what they share is derived once.

        Errors:  EngineFailed; the session that failed is thrown away.
        """
        try:
            session = self._idle.pop()
        except IndexError:
            session = Session(self.program)
        derived: Derived = {}
        answers = [session.run(findings, derived) for findings in views]
        self._idle.append(session)
        return answers
