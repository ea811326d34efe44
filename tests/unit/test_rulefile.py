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
from pathway.rulefile import read_rules
from pathway.rulefolder import CODES, FILES, as_named, digest_of, rule_files
from pathway.rules import Rule


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
    assert sorted([*files, CODES]) == sorted(path.relative_to(root).as_posix() for path in root.rglob("*.yaml"))


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


# ---- what is written short ----


def read_with(root: Path, rule: str) -> Rule:
    """The rule as it is read at the end of the step of ketamine."""
    path = root / "steps" / "60-ketamine.yaml"
    path.write_text(path.read_text(encoding="utf-8") + rule, encoding="utf-8")
    return read_rules(root).rules_at["ketamine"][-1]


BEFORE = (
    "\n  - rule: ketamine.hold-for-trying\n    when: [glaucoma]\n    then: {hold: iv-ketamine}\n    because: A try.\n"
)


def test_a_source_may_be_one_record_whose_document_and_place_are_filled_in(root: Path) -> None:
    rule = read_with(root, BEFORE + "    source: ket-label-theophylline\n")
    (source,) = rule.source
    assert (source.record, source.doc, source.at) == ("ket-label-theophylline", "ketalar2024", "Section 7.1")
    assert (source.verified, source.opened_type, rule.layer) == (True, "primary", "safety")


def test_a_source_may_be_a_list_of_records_of_which_the_first_speaks(root: Path) -> None:
    rule = read_with(root, BEFORE + "    source: [ket-contra-bp, ket-frequency-limit]\n")
    assert [source.record for source in rule.source] == ["ket-contra-bp", "ket-frequency-limit"]
    assert [source.verified for source in rule.source] == [True, False]
    assert all(source.doc and source.at for source in rule.source)


def test_a_source_told_in_full_keeps_its_own_document_and_place(root: Path) -> None:
    rule = read_with(
        root,
        BEFORE + "    source: {record: ket-contra-bp, doc: ketalar2024, at: Section 9, also: ket-contra-icp-iop}\n",
    )
    first, second = rule.source
    assert (first.record, first.doc, first.at) == ("ket-contra-bp", "ketalar2024", "Section 9")
    assert (second.record, second.doc != first.doc, bool(second.at)) == ("ket-contra-icp-iop", True, True)


def test_a_record_in_a_list_that_there_is_not_is_told(root: Path) -> None:
    with pytest.raises(Problems) as caught:
        read_with(root, BEFORE + "    source: [ket-contra-bp, ket-contra-pb]\n")
    (problem,) = caught.value.items
    assert (problem.kind, problem.message) == ("unknown-record", 'there is no evidence record "ket-contra-pb"')
    assert 'did you mean "ket-contra-bp"?' in problem.help


def test_what_stands_beside_a_verb_is_kept_with_the_rule(root: Path) -> None:
    told = BEFORE.replace("{hold: iv-ketamine}", "{hold: iv-ketamine, reason: not-recommended}")
    rule = read_with(root, told + "    source: ket-contra-bp\n")
    assert (rule.verb, rule.target, dict(rule.detail)) == ("hold", "iv-ketamine", {"reason": "not-recommended"})
    assert rule.discourages
    plain = load().base.rule["ketamine.hold-for-glaucoma"]
    assert (dict(plain.detail), plain.discourages) == ({}, False)
    referral = load().base.rule["root.refer-rheumatoid-arthritis"]
    assert (referral.target, dict(referral.detail)) == ("root", {"to": "a rheumatologist"})


def test_a_kind_is_taken_when_a_medicine_of_its_name_is_or_as_it_says_itself() -> None:
    base = load().base
    assert [kind.kind for kind in base.kinds_of("antidepressant")] == ["tricyclic", "snri"]
    assert base.kind["tricyclic"].taken == ["some", "medicines", "tricyclic", ["always"]]
    assert base.kind["fentanyl-patch"].taken == ["some", "medicines", "fentanyl", ["is", ".form", "patch"]]
    assert base.kind["deep-massage"].taken == ["never"]
    assert base.kinds_of("iv-ketamine") == ()


def test_each_record_of_the_evidence_is_known_by_what_it_is_and_how_near_it_was_read() -> None:
    records = load().base.records
    assert len(records) > 400
    assert (records["ket-label-theophylline"]["kind"], records["ket-label-theophylline"]["verified"]) == (
        "contraindication",
        True,
    )
    assert records["ket-frequency-limit"]["verified"] is False
    assert all(because for because in load().base.not_encoded.values())


def test_the_factor_of_a_patch_is_kept_for_a_milligram_a_day() -> None:
    factors = load().base.factors
    assert factors["oxycodone"] == {"oral": 1.5}
    assert factors["fentanyl"] == {"patch": pytest.approx(100)}
    assert "buprenorphine" not in factors
