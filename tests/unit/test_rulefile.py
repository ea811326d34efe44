"""Which files make a rule base, and which folders are refused as one."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pathway.cache import bundled_rules, load
from pathway.problem import Problem, Problems
from pathway.rulefile import FILES, as_named, digest_of, read_rules, rule_files


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    shutil.copytree(bundled_rules(), folder)
    return folder


def told(call: Callable[[Path], object], root: Path) -> list[tuple[str, str]]:
    with pytest.raises(Problems) as caught:
        call(root)
    assert all(problem.help for problem in caught.value.items)
    return [(problem.kind, problem.place.source) for problem in caught.value.items]


def refused(root: Path) -> list[tuple[str, str]]:
    """The Problems of a folder, which the digest and the reader must agree on."""
    by_digest, by_reader = told(digest_of, root), told(read_rules, root)
    assert by_digest == by_reader == told(load, root)
    return by_digest


def test_the_files_of_a_rule_base_are_those_that_stand_in_its_folder() -> None:
    root = bundled_rules()
    files = rule_files(root)
    assert files[: len(FILES)] == list(FILES)
    assert sorted(files) == sorted(path.relative_to(root).as_posix() for path in root.rglob("*.yaml"))


def test_a_readme_and_a_dotfile_are_no_rules_and_do_no_harm(root: Path) -> None:
    before = digest_of(root)
    (root / "words" / "README.md").write_text("Words.", encoding="utf-8")
    (root / "steps" / ".10-red-flags.yaml").write_text("half written", encoding="utf-8")
    assert digest_of(root) == before
    assert read_rules(root).edition


@pytest.mark.parametrize("name", ["90-ours.yml", "90-ours.YAML", "90-ours.yaml~", "notes.txt", "folder", "readme.md"])
@pytest.mark.parametrize("folder", ["words", "steps"])
def test_what_would_not_be_read_is_told_and_not_passed_over(root: Path, folder: str, name: str) -> None:
    (root / folder / name).mkdir() if name == "folder" else (root / folder / name).write_text("x", encoding="utf-8")
    assert refused(root) == [("unreadable", f"rules/{folder}/{name}")]


def test_a_folder_of_rules_that_is_a_link_is_told(root: Path, tmp_path: Path) -> None:
    (root / "words").rename(tmp_path / "elsewhere")
    (root / "words").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert refused(root) == [("unreadable", "rules/words")]


def test_a_link_to_a_file_is_read_and_digested_alike(root: Path, tmp_path: Path) -> None:
    before = digest_of(root)
    (root / "words" / "pain.yaml").rename(tmp_path / "pain.yaml")
    (root / "words" / "pain.yaml").symlink_to(tmp_path / "pain.yaml")
    assert digest_of(root) == before
    assert read_rules(root).words
    (tmp_path / "pain.yaml").write_text("[]", encoding="utf-8")
    assert digest_of(root) != before


@pytest.mark.parametrize("name", ["claims.yaml", "words/zz.yaml", "steps/99-zz.yaml"])
def test_what_is_no_regular_file_is_told_and_never_waited_for(root: Path, name: str) -> None:
    path = root / name
    path.unlink(missing_ok=True)
    path.symlink_to("nowhere")
    assert refused(root) == [("not-found", f"rules/{name}")]
    path.unlink()
    path.symlink_to(path)
    assert refused(root) == [("unreadable", f"rules/{name}")]
    path.unlink()
    os.mkfifo(path)
    assert refused(root) == [("unreadable", f"rules/{name}")]
    path.unlink()
    path.mkdir()
    assert refused(root) == [("is-a-directory", f"rules/{name}")]
    path.rmdir()
    path.write_bytes(b"#" * 5_000_001)
    assert refused(root) == [("too-large", f"rules/{name}")]


def test_a_missing_file_or_folder_is_told_with_all_the_others(root: Path) -> None:
    (root / "policy.yaml").unlink()
    shutil.rmtree(root / "words")
    shutil.rmtree(root / "steps")
    (root / "steps").write_text("", encoding="utf-8")
    assert refused(root) == [("not-found", f"rules/{name}") for name in ("policy.yaml", "steps", "words")]


@pytest.mark.parametrize("root", [Path("nobody"), Path("pyproject.toml"), Path()])
def test_what_is_no_folder_of_rules_is_told_by_its_own_name(root: Path) -> None:
    assert refused(root) == [("not-found", str(root))]


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
@pytest.mark.parametrize("name", ["claims.yaml", "words"])
def test_what_may_not_be_read_is_told(root: Path, name: str) -> None:
    (root / name).chmod(0)
    try:
        assert refused(root) == [("unreadable", f"rules/{name}")]
    finally:
        (root / name).chmod(0o700)


def test_rules_without_the_file_of_warning_signs_are_refused(root: Path) -> None:
    (root / "steps" / "10-red-flags.yaml").unlink()
    assert ("missing-field", "rules/steps") in told(read_rules, root)
    # Not even where nothing else names its rules any more.
    claims = root / "claims.yaml"
    claims.write_text(
        "- {id: s01, sentence: Pain., verdict: right, said: Pain., because-not: a definition}\n", encoding="utf-8"
    )
    assert told(read_rules, root) == [("missing-field", "rules/steps")]


def test_rules_whose_warning_signs_end_nothing_are_refused(root: Path) -> None:
    path = root / "steps" / "10-red-flags.yaml"
    text, ends = re.subn(r"then: \{end: [^}]+\}", "then: {note: therapies}", path.read_text(encoding="utf-8"))
    path.write_text(text, encoding="utf-8")
    assert ends >= 1
    assert told(read_rules, root) == [("unreachable", "rules/steps")]


def test_rules_without_a_sentence_of_their_source_are_refused(root: Path) -> None:
    (root / "claims.yaml").write_text("[]\n", encoding="utf-8")
    assert told(read_rules, root) == [("missing-field", "rules/claims.yaml")]


def test_problems_are_placed_in_the_folder_as_it_was_named(root: Path) -> None:
    path = root / "words" / "pain.yaml"
    path.write_text(path.read_text(encoding="utf-8") * 2, encoding="utf-8")
    with pytest.raises(Problems) as caught:
        read_rules(root)
    named: list[Problem] = as_named(caught.value.items, "ours/")
    assert {problem.place.source for problem in named} == {"ours/words/pain.yaml"}
    assert all("first defined at ours/words/pain.yaml:" in problem.help for problem in named)
    assert [problem.place.line for problem in named] == [problem.place.line for problem in caught.value.items]
