"""Measure every claim and write RESULTS.md: `./dev python bench/run.py`. Exit 1 where a claim does not hold.

`./dev python bench/run.py host stages` measures only these and writes nothing.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import host  # noqa: E402
import identifiers  # noqa: E402
import stages  # noqa: E402
import start  # noqa: E402

NAMED = ("durable-rules", "click", "pydantic", "lark", "PyYAML", "polars", "phonenumberslite", "python-stdnum")


def machine() -> str:
    """The processor, how many of it, and the system."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores, {platform.system()}"


MEASURED = {each.__name__: each for each in (start, host, stages, identifiers)}


def main() -> int:
    """Measure, print and write; what is not as claimed is marked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only some of: {', '.join(MEASURED)}")
    names = parser.parse_args().names or list(MEASURED)
    if odd := {*names} - {*MEASURED}:
        parser.error(f"there is no benchmark called so: {', '.join(sorted(odd))}")
    claims = [claim for name in names for claim in MEASURED[name].claims()]
    versions = ", ".join(f"{name} {version(name)}" for name in NAMED)
    lines = [
        "# Results",
        "",
        "Written by `./dev python bench/run.py`: medians of runs in turn on one machine. Only ratios mean something.",
        f"One alone: `./dev python bench/run.py NAME`, with one of {', '.join(MEASURED)}. Batches are measured by",
        "`./dev python bench/batch.py`; with `--full` it writes [RESULTS-batch.md](RESULTS-batch.md).",
        "",
        f"Python {platform.python_version()}, {versions}. {machine()}.",
        "",
        "| claim | ratio | bound | holds | |",
        "|---|---|---|---|---|",
    ]
    lines += [f"| {c.what} | {c.ratio:.2f} | {c.bound} | {'yes' if c.holds else '**no**'} | {c.note} |" for c in claims]
    text = "\n".join(lines) + "\n"
    print(text, end="")
    if len(names) == len(MEASURED):
        (HERE / "RESULTS.md").write_text(text)
    return 0 if all(claim.holds for claim in claims) else 1


if __name__ == "__main__":
    sys.exit(main())
