"""The compiled rule base, kept as JSON below its checksum, under the digest of the files it came from.

The wheel ships it for its own rules; for any other folder it is written to the user's cache at the first run.
Nothing in it is executed: it is read as plain data, and a file that is not as it was written is made anew.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Any

from pydantic_core import from_json

from pathway import rules as rules_module
from pathway import tree as tree_module
from pathway.engine import durable
from pathway.engine.durable import Engine, Program
from pathway.rulefolder import digest_of
from pathway.rules import RuleBase
from pathway.tree import RuleTree

COMPILERS = ("language.py", "profile.py", "rulefile.py", "rules.py", "tree.py", "engine/durable.py", "cache.py")


_ENGINES: dict[str, Engine] = {}
_LOADING = Lock()


@dataclass(frozen=True)
class Compiled:
    """A rule base under a policy, with its tree and its durable-rules program: ready to walk, from any thread.

    `policy` holds only what differs from the defaults.
    """

    base: RuleBase
    tree: RuleTree
    program: Program
    policy: Mapping[str, Any]

    @cached_property
    def policies(self) -> Mapping[str, Any]:
        """Every policy with its value, durations in days."""
        return MappingProxyType({**{p.policy: p.default for p in self.base.policies}, **self.policy})

    @cached_property
    def spoken(self) -> dict[tuple[str, int, str], Any]:
        """What rules say that fire or are silent, once said: the same in every walk, and nothing of any case."""
        return {}

    @cached_property
    def proofs(self) -> Mapping[str, tuple[str, ...]]:
        """Each rule with the names of the invariants that rest on it."""
        from pathway.invariants import resting_on  # reading claims needs the parser, which no walk loads

        return resting_on(self.base)

    @cached_property
    def engine(self) -> Engine:
        """durable-rules, loaded with the program at the first walk.

        Whoever loads the same rules again in one process gets the same engine: durable-rules keeps its memory for
        as long as the process lives, some 40 MB for the bundled rules.
        """
        key = json.dumps([self.base.digest, sorted(self.policy.items())], default=str)
        with _LOADING:
            known = _ENGINES.get(key)
            if known is None or known.program != self.program:
                known = _ENGINES[key] = Engine(self.program)
            return known


def bundled_rules() -> Path:
    """The folder of rules that came with the software."""
    here = Path(__file__).resolve().parent
    inside = here / "data" / "rules"
    return inside if inside.is_dir() else here.parent / "rules"


def bundled_cases() -> Path:
    """The folder of cases that came with the software."""
    here = Path(__file__).resolve().parent
    inside = here / "data" / "cases"
    return inside if inside.is_dir() else here.parent / "cases"


def load(root: Path | None = None, policy: Mapping[str, Any] | None = None) -> Compiled:
    """The compiled rules of a folder (the bundled ones for None), from the cache where it has them.

    Args:    policy: values that differ from the defaults, durations in days.
    Errors:  Problems of the rule base.
    """
    folder = bundled_rules() if root is None else Path(root)
    changed = dict(policy or {})
    digest = digest_of(folder)
    key = _key(digest, changed)
    shipped = Path(__file__).resolve().parent / "data" / "compiled"
    for place in (shipped, user_cache()):
        # Data that is whole and yet cannot be built from came from other code than this: it is made anew.
        with suppress(LookupError, TypeError, ValueError, AttributeError, RecursionError):
            kept = _kept(place, key)
            if kept is not None:
                return _built(kept, digest, changed)
    made = _compile(folder, digest, changed)
    _keep(made, user_cache(), key)
    return _built(made, digest, changed)


def _built(kept: Mapping[str, Any], digest: str, policy: Mapping[str, Any]) -> Compiled:
    return Compiled(
        rules_module.from_json(kept["base"], digest),
        tree_module.from_json(kept["tree"]),
        durable.from_json(kept["program"]),
        MappingProxyType(dict(policy)),
    )


def write_shipped(rules_dir: Path, target_dir: Path) -> Path:
    """Compile a folder of rules into the file that the wheel ships; returns its path."""
    digest = digest_of(rules_dir)
    path = _keep(_compile(rules_dir, digest, {}), target_dir, _key(digest, {}))
    if path is None:
        raise OSError(f"cannot write to {target_dir}")
    return path


def _key(digest: str, policy: Mapping[str, Any]) -> str:
    """What the compiled file is kept under: the rules, the policy, and the code that compiles them."""
    total = hashlib.sha256(f"{digest}\0{json.dumps(policy, sort_keys=True)}".encode())
    for name in COMPILERS:
        total.update((Path(__file__).parent / name).read_bytes())
    return total.hexdigest()


def _compile(folder: Path, digest: str, policy: Mapping[str, Any]) -> dict[str, Any]:
    from pathway.rulefile import read_rules

    base = read_rules(folder, digest)
    tree = tree_module.build(base, policy)
    data = {
        "base": rules_module.to_json(base),
        "tree": tree_module.to_json(tree),
        "program": durable.to_json(durable.compile_tree(tree)),
    }
    kept: dict[str, Any] = json.loads(json.dumps(data))
    return kept


def _kept(folder: Path, key: str) -> dict[str, Any] | None:
    """What a cache file holds below its checksum; None for no regular file, or one that was changed."""
    path = folder / f"{key}.kept"
    try:
        if not path.is_file():
            return None
        checksum, _, payload = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    if checksum != _checksum(key, payload):
        return None
    data: dict[str, Any] = from_json(payload)
    return data


def _checksum(key: str, payload: bytes) -> bytes:
    return hashlib.sha256(key.encode() + payload).hexdigest().encode()


def _keep(data: dict[str, Any], folder: Path, key: str) -> Path | None:
    """Write the file whole or not at all; a folder that cannot be written to only costs the next run its speed."""
    path = folder / f"{key}.kept"
    part = folder / f"{key}.{os.getpid()}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        payload = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
        with open(part, "xb") as stream:
            stream.write(_checksum(key, payload) + b"\n" + payload)
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        return None
    return path


def user_cache() -> Path:
    """The folder in which this software keeps what it can make again."""
    root = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(root) / "pain-pathway"
