"""`pathway walk CASE` in a new process, beside a process that only imports click and pydantic."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import Claim, case_files, compiled, in_turns

from pathway.api import read
from pathway.walks import walk_case

ROOT = Path(__file__).resolve().parents[1]
WALK = [sys.executable, "-m", "pathway", "walk"]
IMPORTS = [sys.executable, "-c", "import click, pydantic"]
MOST, GOAL = 3.5, 2.5


def run(command: list[str], cache: str) -> str:
    """What the command prints, with a cache of its own."""
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    environment = {**os.environ, "PYTHONPATH": paths, "XDG_CACHE_HOME": cache}
    # An installed package has its bytecode; so has everything that it is compared with.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def claims(rounds: int = 21) -> list[Claim]:
    """The start of a walk with a warm cache, and the very first one."""
    case = next(path for path in case_files() if path.stem == "crps-after-fracture")
    walk = [*WALK, str(case)]
    with tempfile.TemporaryDirectory() as warm:
        rules = compiled()
        ending = walk_case(read(case, compiled=rules), rules).ending.sentence
        if ending not in " ".join(run(walk, warm).split()):
            raise SystemExit("the walk does not end as it should")

        def first() -> None:
            with tempfile.TemporaryDirectory() as empty:
                run(walk, empty)

        runs = {"walk": lambda: run(walk, warm), "imports": lambda: run(IMPORTS, warm), "first": first}
        seconds = in_turns(runs, rounds)
    ratio = seconds["walk"] / seconds["imports"]
    first_ratio = seconds["first"] / seconds["imports"]
    return [
        Claim(
            "`pathway walk CASE` : `import click, pydantic`, new processes",
            ratio,
            f"at most {MOST}, goal {GOAL}",
            ratio <= MOST,
            "",
        ),
        Claim(
            "the same with an empty cache",
            first_ratio,
            "told, not bound",
            True,
            "unless the wheel brings the compiled rules",
        ),
    ]
