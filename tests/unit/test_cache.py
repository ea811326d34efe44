from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest

from pathway import cache
from pathway.cache import bundled_rules, load, write_shipped
from pathway.engine.durable import to_json as program_json
from pathway.rulefolder import digest_of
from pathway.tree import to_json as tree_json


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "pain-pathway"


def _plain(compiled: cache.Compiled) -> str:
    return json.dumps([asdict(compiled.base), tree_json(compiled.tree), program_json(compiled.program)], default=str)


def test_what_comes_from_the_cache_is_what_was_compiled(kept: Path) -> None:
    fresh = load()
    assert len(list(kept.glob("*.kept"))) == 1
    assert _plain(load()) == _plain(fresh)


def test_a_changed_rule_is_compiled_anew(kept: Path, tmp_path: Path) -> None:
    root = tmp_path / "rules"
    shutil.copytree(bundled_rules(), root)
    before = load(root)
    path = root / "edition.yaml"
    path.write_text(
        path.read_text(encoding="utf-8").replace('edition: "2026.1"', 'edition: "2026.9"'), encoding="utf-8"
    )
    after = load(root)
    assert (before.base.edition, after.base.edition) == ("2026.1", "2026.9")
    assert before.base.digest != after.base.digest


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"base": {}}', b"\xff\x00", b"0" * 64 + b"\n{}"])
def test_a_damaged_cache_file_is_made_anew(kept: Path, damage: bytes) -> None:
    whole = _plain(load())
    (path,) = kept.glob("*.kept")
    path.write_bytes(damage)
    assert _plain(load()) == whole
    assert path.stat().st_size > 1000


def test_a_cache_file_that_was_changed_is_made_anew(kept: Path) -> None:
    whole = _plain(load())
    (path,) = kept.glob("*.kept")
    before = path.read_bytes()
    assert b"emergency" in before
    path.write_bytes(before.replace(b"emergency", b"urgent"))
    assert _plain(load()) == whole
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "payload", [b"{}", b"[]", b"null", b"{", b'{"base": {}}', b'{"base": 1, "tree": 2, "program": 3}', b"[" * 100_000]
)
def test_a_payload_that_nothing_can_be_built_from_is_made_anew_though_its_checksum_is_right(
    kept: Path, payload: bytes
) -> None:
    whole = _plain(load())
    (path,) = kept.glob("*.kept")
    path.write_bytes(hashlib.sha256(path.stem.encode() + payload).hexdigest().encode() + b"\n" + payload)
    assert _plain(load()) == whole
    assert path.stat().st_size > 1000


def test_a_whole_file_of_other_rules_is_not_taken_for_these(kept: Path) -> None:
    default = load()
    (path,) = kept.glob("*.kept")
    strict = load(policy={"therapies-exhausted-at": 3})
    (other,) = set(kept.glob("*.kept")) - {path}
    shutil.copy(path, other)
    assert _plain(load(policy={"therapies-exhausted-at": 3})) == _plain(strict) != _plain(default)


def test_what_is_no_regular_file_in_the_cache_is_passed_over_and_never_waited_for(kept: Path) -> None:
    whole = _plain(load())
    (path,) = kept.glob("*.kept")
    path.unlink()
    os.mkfifo(path)
    assert _plain(load()) == whole
    path.unlink()
    path.mkdir()
    assert _plain(load()) == whole


def test_the_policy_of_loaded_rules_cannot_be_changed_by_accident(kept: Path) -> None:
    compiled = load(policy={"therapies-exhausted-at": 3})
    for values in (compiled.policy, compiled.policies):
        with pytest.raises(TypeError):
            values["therapies-exhausted-at"] = 1  # type: ignore[index]


def test_a_cache_that_cannot_be_written_costs_only_speed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_text("in the way", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert load().base.edition


def test_each_policy_has_its_own_compiled_tree(kept: Path) -> None:
    default = load()
    strict = load(policy={"therapies-exhausted-at": 3})
    assert default.tree.node["therapies.passed"].tree != strict.tree.node["therapies.passed"].tree
    assert strict.policies["therapies-exhausted-at"] == 3
    assert default.policies["therapies-exhausted-at"] == 2
    assert len(list(kept.glob("*.kept"))) == 2


def test_the_file_for_the_wheel_is_the_same_each_time(tmp_path: Path) -> None:
    one, two = (write_shipped(bundled_rules(), tmp_path / name) for name in ("a", "b"))
    assert one.name == two.name
    assert one.read_bytes() == two.read_bytes()


def test_the_digest_tells_names_and_bytes_apart(tmp_path: Path) -> None:
    for name, files in (
        ("a", {"x.yaml": "12", "y.yaml": ""}),
        ("b", {"x.yaml": "1", "y.yaml": "2"}),
        ("c", {"x.yaml": "12", "z.yaml": ""}),
    ):
        shutil.copytree(bundled_rules(), tmp_path / name)
        for file, text in files.items():
            (tmp_path / name / "words" / file).write_text(text, encoding="utf-8")
    assert len({digest_of(tmp_path / name) for name in "abc"} | {digest_of(bundled_rules())}) == 4
