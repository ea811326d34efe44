"""A warm walk through our thin driver, beside the same rulesets through durable-rules' own Host."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from durable.engine import Host
from measure import Claim, cases, compiled, in_turns

from pathway.engine import plain
from pathway.engine.durable import Program, Session
from pathway.findings import find

LEAST = 3.0
WORDS = {1: "yes", 0: "unknown", -1: "no"}


class QuietHost(Host):  # type: ignore[misc]
    """durable-rules' Host without its two timer threads, with which it can crash."""

    def _run(self) -> None:
        pass


class HostSession:
    """The rulesets of a program in a Host, with an action in Python for every rule."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.fired: list[str] = []
        self.host = QuietHost()
        for level in program.levels:
            for ruleset in level:
                rules = {name: {**rule, "run": self._note(name)} for name, rule in json.loads(ruleset.text).items()}
                self.host.set_rulesets({ruleset.name: rules})

    def _note(self, name: str) -> Callable[[Any], None]:
        return lambda _: self.fired.append(name)

    def run(self, findings: Mapping[str, int]) -> dict[str, str]:
        """Every word with its answer or status."""
        given = {**self.program.constants, **findings}
        facts = {name: WORDS[answer] for name, answer in given.items()}
        for number, level in enumerate(self.program.levels, 1):
            concluded = {}
            for ruleset in level:
                fact = {"id": "1", "sid": "s", "k": "k", **{name: facts[name] for name in ruleset.fields}}
                self.fired.clear()
                self.host.assert_fact(ruleset.name, dict(fact))
                said = [ruleset.concludes[name] for name in self.fired if name in ruleset.concludes]
                concluded.update({conclusion.node: conclusion.value for conclusion in said})
                self.host.retract_fact(ruleset.name, dict(fact))
            for name, _ in self.program.derived[number]:
                facts[name] = concluded.get(name, "unknown")
        return facts | {name: facts[other] for name, other in self.program.same.items()}


def claims(rounds: int = 15) -> list[Claim]:
    """How many times faster the thin driver is."""
    rules = compiled()
    every = [find(case.subject, rules.tree.field_words) for case in cases(rules)]
    ours, theirs = Session(rules.program), HostSession(rules.program)
    for findings in every:
        judged = plain.run(rules.tree, findings)
        told = theirs.run(findings)
        spelt = {name: WORDS.get(value, value) if isinstance(value, int) else value for name, value in judged.items()}
        if ours.run(findings) != judged or any(told[name] != value for name, value in spelt.items()):
            raise SystemExit("the thin driver, the Host and the judge do not agree")
    runs = {
        "ours": lambda: [ours.run(findings) for findings in every],
        "host": lambda: [theirs.run(findings) for findings in every],
    }
    seconds = in_turns(runs, rounds)
    ratio = seconds["host"] / seconds["ours"]
    note = f"{len(every)} cases, every answer the judge's"
    return [Claim("durable-rules' Host : our thin driver, warm", ratio, f"at least {LEAST:g}", ratio >= LEAST, note)]
