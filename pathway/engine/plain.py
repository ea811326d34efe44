"""The meaning of the tree in twenty lines: the judge of the other engines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pathway.language import Tree
from pathway.tree import Node, RuleTree

Answers = dict[str, int | str]
SHARP = {"yes": 1, "unknown": 0, "no": -1}


def run(tree: RuleTree, findings: Mapping[str, int]) -> Answers:
    """Every node of the tree: 1, 0 or -1 for a word or rule, the status for a status.

    Args:    findings: an answer for each field word.
    Source:  strong Kleene logic: and is the least, or the greatest, not minus.
    """
    return work_out(tree.nodes, findings)


def work_out(nodes: Iterable[Node], given: Mapping[str, int | str]) -> Answers:
    """What is given, and the values of some nodes, each after those it needs."""
    answers: Answers = dict(given)
    for node in nodes:
        if node.kind == "logic":
            answers[node.name] = value(node.tree, answers)
        elif node.kind == "status":
            holds = (status for row, status in node.rows if all(answers[n] == SHARP.get(v, v) for n, v in row))
            answers[node.name] = next(holds, node.otherwise)
    return answers


def value(tree: Tree, answers: Mapping[str, int | str]) -> int:
    """The value of one logic tree, given the answers of the nodes it names."""
    match tree:
        case ["word", name]:
            return int(answers[name])
        case ["not", part]:
            return -value(part, answers)
        case ["and", parts]:
            return min(value(part, answers) for part in parts)
        case ["or", parts]:
            return max(value(part, answers) for part in parts)
        case ["at-least", number, parts]:
            return sorted((value(part, answers) for part in parts), reverse=True)[int(number) - 1]
        case _:
            return {"always": 1, "never": -1}[str(tree[0])]
