"""What the benchmarks share: cases, turns, and a claim with its figures."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from pathway.api import read
from pathway.cache import Compiled, bundled_cases, load
from pathway.case import Case
from pathway.engine.durable import compile_tree


@dataclass(frozen=True)
class Claim:
    """One line of the results: the ratio that was measured, and the most (or least) that it may be."""

    what: str
    ratio: float
    bound: str
    holds: bool
    note: str


def compiled() -> Compiled:
    """The bundled rules, compiled by the code that is measured."""
    kept = load()
    return dataclasses.replace(kept, program=compile_tree(kept.tree))


def case_files() -> list[Path]:
    """Every case that comes with the software."""
    return sorted([*bundled_cases().glob("*.yaml"), *bundled_cases().glob("*.json")])


def cases(rules: Compiled) -> list[Case]:
    """The bundled cases as read."""
    return [read(path, compiled=rules) for path in case_files()]


def in_turns(runs: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median seconds of each run, all of them once a round and in turn, after one round to warm up."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            if number:
                seconds[name].append(time.perf_counter() - began)
    return {name: median(each) for name, each in seconds.items()}
