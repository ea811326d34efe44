"""Small wrong files, each named after the Problem it raises, with every Problem that is expected of it.

A file begins with its expectations, one a line: `# line:column kind: part of the message | part of the help`.
A folder in `rules/` is laid over a copy of the rule base (a file that ends in .append is added to the end of its
namesake) and says in `expected.txt` what is wrong with it; there `+1` counts lines from where the addition begins.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

import pathway
from pathway.cache import load
from pathway.case import read_case
from pathway.policy import read_policy
from pathway.problem import KINDS, Problem, Problems, shown
from pathway.reading import read_document
from pathway.report.data import case_schema

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CASES = sorted((HERE / "case").iterdir())
POLICIES = sorted((HERE / "policy").iterdir())
RULES = sorted((HERE / "rules").iterdir())
BASE = pathway.load_rules().base
EXPECTED = re.compile(r"(?:# |(?P<source>\S+?):(?P<plus>\+?))(\d+):(\d+|-) ([a-z-]+): ?([^|]*?)(?: \| (.*))?")


class Expected(NamedTuple):
    """One Problem as a file foretells it; a column of None is not looked at."""

    source: str
    line: int
    column: int | None
    kind: str
    message: str
    help: str


def expected_of(text: str, added_after: dict[str, int] | None = None) -> list[Expected]:
    found = []
    for line in text.splitlines():
        match = EXPECTED.fullmatch(line)
        if match is None:
            break
        source, plus, at, column, kind, message, help = match.groups()
        base = (added_after or {}).get(source or "", 0) if plus else 0
        number = None if column == "-" else int(column)
        found.append(Expected(source or "", base + int(at), number, kind, message, help or ""))
    return found


def check(problems: Problems, expected: list[Expected], stem: str) -> None:
    told = [
        f"{p.place.source}:{p.place.line}:{p.place.column} {p.kind}: {p.message} | {p.help}" for p in problems.items
    ]
    assert len(told) == len(expected), "\n".join(told)
    for problem, wanted in zip(problems.items, expected, strict=True):
        assert same(problem, wanted), f"{wanted}\n" + "\n".join(told)
    kind = stem.partition("--")[0]
    assert kind in KINDS
    assert kind in {problem.kind for problem in problems.items}


def same(problem: Problem, wanted: Expected) -> bool:
    return (
        wanted.source in ("", problem.place.source)
        and problem.place.line == wanted.line
        and wanted.column in (None, problem.place.column)
        and problem.kind == wanted.kind
        and wanted.message in problem.message
        and wanted.help in problem.help
    )


def run(*words: str, given: bytes | None = None, cwd: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(
        [sys.executable, "-c", "from pathway.cli import main; main(prog_name='pathway')", *words],
        input=given,
        capture_output=True,
        timeout=120,
        check=False,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done


def refused(*words: str, given: bytes | None = None) -> str:
    done = run(*words, given=given)
    assert (done.returncode, done.stdout) == (1, b""), done.stderr.decode()
    return done.stderr.decode()


# ---- cases and policies ----


def test_there_are_as_many_wrong_files_as_were_written():
    assert (len(CASES), len(POLICIES), len(RULES)) == (143, 16, 48)
    assert all(path.suffix == ".yaml" for path in (*CASES, *POLICIES))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_wrong_case_is_refused_with_all_its_problems_where_they_stand(path: Path):
    with pytest.raises(Problems) as caught:
        read_case(path, BASE)
    check(caught.value, expected_of(path.read_text(encoding="utf-8")), path.stem)
    assert all(problem.help for problem in caught.value.items)


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_a_wrong_policy_is_refused_with_all_its_problems_where_they_stand(path: Path):
    with pytest.raises(Problems) as caught:
        read_policy(path, BASE)
    check(caught.value, expected_of(path.read_text(encoding="utf-8")), path.stem)
    assert all(problem.help for problem in caught.value.items)


def test_some_files_have_many_problems_told_in_one_pass():
    counts = sorted(len(expected_of(path.read_text(encoding="utf-8"))) for path in CASES)
    assert counts[-3] >= 5


@pytest.mark.parametrize("path", CASES[::9], ids=lambda path: path.stem)
def test_the_command_refuses_a_wrong_case_and_says_where(path: Path):
    told = refused("walk", str(path))
    for wanted in expected_of(path.read_text(encoding="utf-8")):
        assert f"{path}:{wanted.line}:{wanted.column}: {wanted.kind}: {shown(wanted.message)}" in told


@pytest.mark.parametrize("path", POLICIES[::5], ids=lambda path: path.stem)
def test_the_command_refuses_a_wrong_policy_and_says_where(path: Path, tmp_path: Path):
    case = tmp_path / "case.yaml"
    case.write_text("pain: {duration: 7 months}\n", encoding="utf-8")
    told = refused("walk", str(case), "--policy", str(path))
    for wanted in expected_of(path.read_text(encoding="utf-8")):
        assert f"{path}:{wanted.line}:{wanted.column}: {wanted.kind}: {wanted.message}" in told


@pytest.mark.parametrize(
    ("text", "place", "kind"),
    [
        ('{"pain": {"duration": 7}}', "1:23", "missing-unit"),
        ('{"trials": [\n  {"treatment": "massage",\n   "reslt": "failed"}]}', "3:4", "unknown-field"),
        ('{"not": ["glaucoma"],\n "illnesses": "glaucoma"}', "1:10", "contradiction"),
        ('{"title": "\\ud83d"}', "1:11", "lone-surrogate"),
        ('{"title": "\\u001b[2J"}', "1:11", "control-character"),
    ],
)
def test_a_wrong_case_in_json_is_told_by_line_and_column(text: str, place: str, kind: str, tmp_path: Path):
    path = tmp_path / "case.json"
    path.write_text(text, encoding="utf-8")
    assert f"{path}:{place}: {kind}: " in refused("walk", str(path))
    assert f"-:{place}: {kind}: " in refused("walk", "-", given=text.encode())


def test_a_right_case_beside_a_wrong_one_is_still_walked(tmp_path: Path):
    right = tmp_path / "right.yaml"
    right.write_text("title: All is well\npain: {duration: 7 months}\n", encoding="utf-8")
    done = run("walk", str(right), str(CASES[0]))
    assert done.returncode == 1
    assert b"All is well" in done.stdout
    assert CASES[0].name.encode() in done.stderr


def test_the_schema_refuses_most_of_what_the_reader_refuses():
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped, unused-ignore]

    validator = Draft202012Validator(case_schema(BASE))
    met = []
    for path in CASES:
        try:
            data = read_document(path).data
        except Problems:
            continue
        met.append(not validator.is_valid(data))
    # What is left are facts that speak against each other, and units, which no schema can know.
    assert len(met) >= 100
    assert sum(met) > 0.5 * len(met)


def test_the_schema_accepts_every_bundled_case():
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(case_schema(BASE))
    bundled = sorted((ROOT / "cases").glob("*.yaml"))
    assert len(bundled) >= 10
    for path in bundled:
        assert [error.message for error in validator.iter_errors(read_document(path).data)] == [], path.name


def test_the_schema_command_warns_of_nothing():
    done = run("schema", "case")
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


# ---- bytes from anywhere ----


def test_a_hundred_megabytes_are_refused_at_once(tmp_path: Path):
    path = tmp_path / "large.yaml"
    with path.open("wb") as file:
        file.write(b"title: a\n")
        file.truncate(100_000_000)
    began = time.monotonic()
    assert "too-large" in refused("walk", str(path))
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("name", ["brackets.yaml", "brackets.json"])
@pytest.mark.parametrize("bracket", ["[", "{", '{"a":'])
def test_a_hundred_thousand_open_brackets_are_refused(name: str, bracket: str, tmp_path: Path):
    path = tmp_path / name
    path.write_text(bracket * 100_000, encoding="utf-8")
    assert re.search(r"too-deep|bad-json|bad-yaml", refused("walk", str(path)))


def test_a_bomb_of_aliases_is_refused(tmp_path: Path):
    path = tmp_path / "bomb.yaml"
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    path.write_text("\n".join(lines), encoding="utf-8")
    assert "alias" in refused("walk", str(path))


def test_a_surrogate_pair_in_json_is_a_character(tmp_path: Path):
    path = tmp_path / "pair.json"
    path.write_text('{"title": "Ana \\ud83d\\ude00", "pain": {"duration": "7 months"}}', encoding="utf-8")
    done = run("walk", str(path))
    assert done.returncode == 0
    assert "Ana 😀" in done.stdout.decode()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ("title: Müller\n".encode("latin-1"), "not-utf-8"),
        ("title: Müller\n".encode("utf-16"), "not-utf-8"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)), "binary-file"),
        (b"", "empty-file"),
        (b"# nothing yet\n\n", "empty-file"),
        (b'{"a": "\\udc00"}', "lone-surrogate"),
    ],
)
def test_bytes_that_are_no_case_are_told_as_such(data: bytes, kind: str, tmp_path: Path):
    path = tmp_path / "case.yaml"
    path.write_bytes(data)
    assert f": {kind}: " in refused("walk", str(path))
    assert f": {kind}: " in refused("walk", "-", given=data)


def test_what_is_no_file_is_told_as_such(tmp_path: Path):
    assert ": not-found: " in refused("walk", str(tmp_path / "nobody.yaml"))
    assert ": is-a-directory: " in refused("walk", str(tmp_path))
    assert ": not-found: " in refused("walk", str(tmp_path / "nobody.yaml" / "below.yaml"))


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_that_may_not_be_read_is_told_as_such(tmp_path: Path):
    path = tmp_path / "locked.yaml"
    path.write_text("age: 44\n", encoding="utf-8")
    path.chmod(0)
    assert ": unreadable: " in refused("walk", str(path))


def test_a_file_given_twice_is_walked_twice(tmp_path: Path):
    path = tmp_path / "case.yaml"
    path.write_text("pain: {duration: 7 months}\n", encoding="utf-8")
    done = run("walk", str(path), str(path), "--format", "json")
    assert done.returncode == 0
    assert len(json.loads(done.stdout)) == 2


def test_a_thousand_wrong_items_are_told_quickly_and_in_part(tmp_path: Path):
    path = tmp_path / "many.json"
    wrong = {name: [f"nonsense-{i}" for i in range(1000)] for name in ("trials", "illnesses", "not", "declined")}
    path.write_text(json.dumps({**wrong, **{f"field-{i}": i for i in range(10_000)}}), encoding="utf-8")
    began = time.monotonic()
    with pytest.raises(Problems) as caught:
        read_case(path, BASE)
    assert time.monotonic() - began < 10
    assert len(caught.value.items) == 101
    assert caught.value.items[-1].kind == "too-large"
    assert "14,000 things are wrong here" in caught.value.items[-1].message


# ---- rule bases ----


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, id=path.name) for path in RULES],
)
def test_a_wrong_rule_base_is_refused_where_it_is_wrong(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    added_after = overlay(path, tmp_path / "rules")
    with pytest.raises(Problems) as caught:
        load(tmp_path / "rules")
    check(caught.value, expected_of((path / "expected.txt").read_text(encoding="utf-8"), added_after), path.name)


def overlay(path: Path, target: Path) -> dict[str, int]:
    """Lay a folder over a copy of the rule base; returns how many lines stand before each addition."""
    shutil.copytree(ROOT / "rules", target)
    before = {}
    for file in path.rglob("*"):
        name = file.relative_to(path)
        if file.is_dir() or file.name == "expected.txt":
            continue
        if file.suffix == ".append":
            whole = (target / name).with_suffix("")
            text = whole.read_text(encoding="utf-8")
            assert text.endswith("\n")
            before[f"rules/{name.with_suffix('').as_posix()}"] = text.count("\n")
            whole.write_text(text + file.read_text(encoding="utf-8"), encoding="utf-8")
        else:
            shutil.copy(file, target / name)
    return before


def test_the_rule_base_that_the_wrong_ones_are_made_of_is_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "nothing").mkdir()
    overlay(tmp_path / "nothing", tmp_path / "rules")
    assert load(tmp_path / "rules").base.edition == BASE.edition


@pytest.mark.parametrize("name", ["unknown-word", "bad-expression--syntax", "duplicate-id"])
def test_the_command_refuses_a_wrong_rule_base_and_says_where(name: str, tmp_path: Path):
    path = HERE / "rules" / name
    overlay(path, tmp_path / "rules")
    case = tmp_path / "case.yaml"
    case.write_text("pain: {duration: 7 months}\n", encoding="utf-8")
    told = refused("walk", str(case), "--rules", str(tmp_path / "rules"))
    for wanted in expected_of((path / "expected.txt").read_text(encoding="utf-8")):
        assert f"{wanted.source}:{wanted.line}:{wanted.column}: {wanted.kind}: {wanted.message}" in told
