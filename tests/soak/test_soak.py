"""One process, very many cases: no crash, no drift from the judge, flat memory.

Run with `pytest -m soak`; PATHWAY_SOAK_CASES says how many cases (300,000 unless told).
"""

import dataclasses
import gc
import os
import random
import time
from pathlib import Path
from typing import Any

import pytest

from pathway.api import read
from pathway.cache import load
from pathway.engine import plain
from pathway.engine.durable import compile_tree
from pathway.walks import walk_case
from tests.unit.test_scenarios import HARMLESS, SCENARIOS

CASES = int(os.environ.get("PATHWAY_SOAK_CASES", "300000"))
WARM_UP = max(1_000, CASES // 20)
GROWTH_MB = 4
EVERY = 20  # one case in so many goes the whole path from profile to walk
MIXES = ((1, 0, -1), (1, 1, 1, 0, -1), (-1, -1, -1, -1, 0, 1), (1, -1), (0, 0, 0, 0, 1, -1))


def resident_mb() -> float:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def whole_cases() -> list[dict[str, Any]]:
    told = [{**HARMLESS, **scenario.case} for scenario in SCENARIOS]
    return [{name: value for name, value in case.items() if value is not None} for case in told]


@pytest.mark.soak
def test_hours_of_cases_leave_memory_flat_and_every_answer_right(capsys: pytest.CaptureFixture[str]):
    compiled = load()
    compiled = dataclasses.replace(compiled, program=compile_tree(compiled.tree))
    tree, engine = compiled.tree, compiled.engine
    names = [name for name, _ in tree.field_words]
    cases = [read(case, compiled=compiled) for case in whole_cases()]
    walks = [walk_case(case, compiled) for case in cases]
    rng = random.Random(20260302)
    began, start_mb, peak_mb = time.monotonic(), 0.0, 0.0
    for number in range(CASES + WARM_UP):
        if number == WARM_UP:
            start_mb = peak_mb = resident_mb()
        elif number % 10_000 == 0:
            peak_mb = max(peak_mb, resident_mb())
        findings = dict(zip(names, rng.choices(rng.choice(MIXES), k=len(names)), strict=True))
        assert engine.run(findings) == plain.run(tree, findings)
        if number % EVERY == 0:
            i = rng.randrange(len(cases))
            assert walk_case(cases[i], compiled) == walks[i]
    end_mb = resident_mb()
    seconds = time.monotonic() - began
    with capsys.disabled():
        print(  # noqa: T201
            f"\nsoak: {CASES:,} cases after {WARM_UP:,} to warm up, {seconds:.0f} s; "
            f"{start_mb:.1f} MB at the start, {end_mb:.1f} MB at the end, {peak_mb:.1f} MB at most"
        )
    assert end_mb - start_mb < GROWTH_MB
