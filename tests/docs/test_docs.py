"""Every command in the documentation runs, and every link leads somewhere."""

from __future__ import annotations

import contextlib
import doctest
import importlib
import os
import pkgutil
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import pathway
from bench import people
from pathway.api import load_rules
from pathway.batch.run import run
from pathway.batch.template import template
from pathway.problem import KINDS
from pathway.report.text import render
from tests.spark.there import need_spark

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("rules/*.md"), *ROOT.glob("cases/*.md")])
NOT_HERE = ("./dev", "pip ")  # what sets up a machine; .ci/run calls it


def _commands() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            found += [(page.name, line.split("#")[0].strip()) for line in block.splitlines() if line.strip()]
    return [(page, line) for page, line in found if not line.startswith(NOT_HERE)]


def test_the_pages_hold_commands_to_run() -> None:
    assert len(PAGES) >= 8
    assert len(_commands()) >= 6


def _lay_out(line: str, folder: Path) -> None:
    """What the pages take as given: a case, the cases and rules of a checkout, a cohort and its results."""
    if "-o my-case.yaml" not in line:
        (folder / "my-case.yaml").write_text("pain: {duration: 7 months}\n", encoding="utf-8")
    (folder / "cases").symlink_to(ROOT / "cases")
    for name in ("rules", "rules-next"):
        (folder / name).symlink_to(ROOT / "rules")
    if "cohort.csv" in line and "--template" not in line:
        text = template(load_rules().base)
        if "--drop wave" in line:
            text = "".join(f"{row},{'wave' if i == 0 else 2}\n" for i, row in enumerate(text.splitlines()))
        (folder / "cohort.csv").write_text(text, encoding="utf-8")
    if "cohort.parquet" in line:
        people.write(folder / "cohort.parquet", 1_000)
    if "out/" in line and "-o out/" not in line:
        (folder / "cohort.csv").write_text(template(load_rules().base), encoding="utf-8")
        with contextlib.chdir(folder):
            run([Path("cohort.csv")], Path("out"), load_rules())


@pytest.mark.parametrize(("page", "line"), _commands())
def test_every_command_runs(page: str, line: str, tmp_path: Path) -> None:
    if "--engine spark" in line:
        need_spark()
    _lay_out(line, tmp_path)
    words = shlex.split(line.split(">", maxsplit=1)[0].split("|", maxsplit=1)[0])
    assert words[0] == "pathway", f"{page}: {line}"
    done = subprocess.run(
        [sys.executable, "-m", "pathway", *words[1:]],
        cwd=tmp_path, input="", capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http:", "https:")):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize(
    "name", sorted(m.name for m in pkgutil.walk_packages(pathway.__path__, "pathway.") if "__main__" not in m.name)
)
def test_the_examples_in_the_docstrings_are_true(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_every_kind_of_problem_that_the_code_raises_is_explained() -> None:
    text = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "pathway").rglob("*.py") if path.name != "problem.py"
    )
    for kind in re.findall(
        r"""(?:Problem|problem|_add|_at|fault|complain|stop|UnitError|LanguageError)\(\s*(?:[\w.]+,\s*)?"([a-z]+(?:-[a-z]+)+)",""",
        text,
    ):
        assert kind in KINDS, kind


def test_the_walk_in_the_readme_is_the_real_one(accept: bool) -> None:
    walk = pathway.walk(pathway.read(ROOT / "cases" / "crps-after-fracture.yaml"))
    told = render(replace(walk, software="-", edition="-", digest="-"))
    page = ROOT / "README.md"
    text = page.read_text(encoding="utf-8")
    if accept:
        text = re.sub(r"```text\n.*?```", lambda _: f"```text\n{told}```", text, count=1, flags=re.DOTALL)
        page.write_text(text, encoding="utf-8")
    shown = re.search(r"```text\n(.*?)```", text, re.DOTALL)
    assert shown
    assert shown[1] == told, "run the tests with --accept, and read what changed"
