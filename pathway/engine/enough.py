"""How many records of one thing are enough to say together whatever any number of them can say.

The counts are worked out and not chosen, from the conditions that the rules put to each record.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any

from pathway.findings import Subject, answer
from pathway.language import Tree, nodes
from pathway.profile import NO, UNKNOWN, YES, Profile, Trial

ENDS = ("failed", "not-tolerated", "undone")
"""The results that a trial has only when it has ended."""
Answers = tuple[int, ...]


def most_needed(said: Iterable[Answers]) -> int:
    """How many records it takes at most to say together, question by question the greatest, what any number can say.

    Args:    said: what one record can say, an answer for each question.
    """
    vectors = set(said)
    reached, layer, count = set(vectors), set(vectors), 1
    while layer := {_greatest(a, b) for a in layer for b in vectors} - reached:
        reached |= layer
        count += 1
    return count


def trials_needed(conditions: Sequence[Tree]) -> int:
    """How many trials of one treatment it takes at most to answer some conditions as any number of trials can.

    A story is told from its newest trial backwards. All that an older trial can see of those after it is, for each
    `later` and each medicine named so far, the greatest answer. Of these states there are finitely many, so the search
    ends; the last trial that leads to answers not met before gives the count.
    """
    return _trials_needed(json.dumps([_with_some_bound(condition) for condition in conditions]))


@cache
def _trials_needed(told: str) -> int:
    conditions: list[Tree] = json.loads(told)
    laters = list({str(n): n for c in conditions for n in nodes(c) if n[0] == "later"}.values())
    kinds = _kinds_of_trial(conditions, laters)
    lowest = (NO,) * len(laters)
    # What was answered so far; what an unnamed trial sees of all later ones; what one sees of those that name nothing;
    # and what one sees of the later ones of its own medicine, for each medicine that was named.
    start: tuple[Answers, Answers, Answers, frozenset[Answers]] = ((NO,) * len(conditions), lowest, lowest, frozenset())
    found, answers = {start}, {start[0]}
    layer, count, most = {start}, 0, 1
    while layer:
        count += 1
        layer = {grown for state in layer for seen, alone in kinds for grown in _older(state, seen, alone)} - found
        found |= layer
        if fresh := {state[0] for state in layer} - answers:
            answers |= fresh
            most = count
    return most


def _older(state: Any, seen: Answers, alone: Mapping[Answers, Answers]) -> Iterable[Any]:
    """The states after one trial more, older than the others: it names no medicine, or one that was named or not."""
    told, every, unnamed, by_name = state
    mine = frozenset(_greatest(each, seen) for each in by_name)
    yield _greatest(told, alone[every]), _greatest(every, seen), _greatest(unnamed, seen), mine
    for same in {unnamed, *by_name}:
        named = by_name | {_greatest(same, seen)}
        yield _greatest(told, alone[same]), _greatest(every, seen), unnamed, named


def _kinds_of_trial(conditions: Sequence[Tree], laters: Sequence[Tree]) -> list[tuple[Answers, dict[Answers, Answers]]]:
    """What one trial can be: what each `later` says of it, and what each condition does, whatever comes later."""
    bounds = {n[3] for c in conditions for n in nodes(c) if n[0] == "number"}
    lengths = [None, *sorted({max(0.0, bound + off) for bound in bounds for off in (-0.5, 0.0, 0.5)})]
    places = {str(later): i for i, later in enumerate(laters)}
    nobody = Subject(Profile())
    found: dict[str, tuple[Answers, dict[Answers, Answers]]] = {}
    results = (None, "helped", "partly", *ENDS)
    for state, result, adequate, days in product((None, "running", "ended"), results, (None, True, False), lengths):
        if result in ENDS and state != "ended":
            continue
        trial = Trial.model_construct(state=state, result=result, adequate=adequate, duration=days, dose=None)
        seen = tuple(answer(later[1], nobody, trial) for later in laters)
        alone = {
            after: tuple(answer(_settled(c, places, after), nobody, trial) for c in conditions)
            for after in product((NO, UNKNOWN, YES), repeat=len(laters))
        }
        found.setdefault(str((seen, alone)), (seen, alone))
    return list(found.values())


def _greatest(one: Answers, other: Answers) -> Answers:
    """Question by question the greater of two answers."""
    return tuple(max(a, b) for a, b in zip(one, other, strict=True))


def _with_some_bound(tree: Tree) -> Tree:
    """A condition with every policy at some number: which one does not change how many trials are enough."""
    return [
        (1.0 if part[:1] == ["policy"] else _with_some_bound(part)) if isinstance(part, list) else part for part in tree
    ]


def _settled(tree: Tree, places: Mapping[str, int], after: Answers) -> Tree:
    """A condition with an answer in the place of each `later`."""
    if tree[0] == "later":
        return {YES: ["always"], UNKNOWN: ["flag", ".dose"], NO: ["never"]}[after[places[str(tree)]]]
    if tree[0] in ("and", "or"):
        return [tree[0], [_settled(part, places, after) for part in tree[1]]]
    if tree[0] in ("not", "else"):
        return [tree[0], *(_settled(part, places, after) for part in tree[1:])]
    return tree
