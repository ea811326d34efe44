"""Measure every claim and write RESULTS.md: `./dev python bench/run.py`. Exit 1 where a claim does not hold."""

from __future__ import annotations

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


def main() -> int:
    """Measure, print and write; what is not as claimed is marked."""
    claims = [*start.claims(), *host.claims(), *stages.claims(), *identifiers.claims()]
    versions = ", ".join(f"{name} {version(name)}" for name in NAMED)
    lines = [
        "# Results",
        "",
        "Written by `./dev python bench/run.py`: medians of runs in turn on one machine. Only ratios mean something.",
        "",
        f"Python {platform.python_version()}, {versions}. {machine()}.",
        "",
        "| claim | ratio | bound | holds | |",
        "|---|---|---|---|---|",
    ]
    lines += [f"| {c.what} | {c.ratio:.2f} | {c.bound} | {'yes' if c.holds else '**no**'} | {c.note} |" for c in claims]
    text = "\n".join(lines) + "\n"
    print(text, end="")
    (HERE / "RESULTS.md").write_text(text)
    return 0 if all(claim.holds for claim in claims) else 1


if __name__ == "__main__":
    sys.exit(main())
