"""The stages of a walk side by side: findings, engine, judge, explanation."""

from __future__ import annotations

from measure import Claim, cases, compiled, in_turns

from pathway.engine import plain
from pathway.findings import find
from pathway.walks import answers_of, walk_case

MOST = 2.0


def claims(rounds: int = 15) -> list[Claim]:
    """What each stage costs, by what the engine alone costs; and what explaining adds."""
    rules = compiled()
    read_cases = cases(rules)
    every = [find(case.subject, rules.tree.field_words) for case in read_cases]
    for findings in every:
        if rules.engine.run(findings) != plain.run(rules.tree, findings):
            raise SystemExit("the engine and its judge do not agree")
    runs = {
        "findings": lambda: [find(case.subject, rules.tree.field_words) for case in read_cases],
        "engine": lambda: [rules.engine.run(findings) for findings in every],
        "judge": lambda: [plain.run(rules.tree, findings) for findings in every],
        "answers": lambda: [answers_of(case.subject, rules) for case in read_cases],
        "walk": lambda: [walk_case(case, rules) for case in read_cases],
    }
    seconds = in_turns(runs, rounds)
    ratio = seconds["walk"] / seconds["answers"]
    explanation = max(0.0, seconds["walk"] - seconds["answers"])
    told = [
        Claim(f"{stage} : engine", time / seconds["engine"], "told, not bound", True, "")
        for stage, time in (
            ("findings", seconds["findings"]),
            ("judge", seconds["judge"]),
            ("explanation", explanation),
        )
    ]
    whole = Claim(
        "a walk with its explanation : its answers alone",
        ratio,
        f"at most {MOST:g}",
        ratio <= MOST,
        f"{len(every)} cases",
    )
    return [whole, *told]
