"""The files that make a rule base: which they are, what they come to, and how their faults are placed.

Apart from the reader of these files, because a walk whose rules are compiled already needs no more than this.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from pathway.problem import Place, Problem, Problems
from pathway.reading import Limits

LIMITS = Limits(bytes=5_000_000, nodes=500_000)
FILES = (
    "edition.yaml",
    "sources.yaml",
    "policy.yaml",
    "medicines.yaml",
    "claims.yaml",
    "walk.yaml",
    "not-encoded.yaml",
    "invariants.yaml",
)
FOLDERS = ("words", "steps", "evidence")
BESIDE_RECORDS = ("evidence/claims.yaml", "evidence/condition-matrix.yaml", "evidence/sources.yaml")
"""Files of the evidence that hold no records: read by people, and part of the digest."""

CODES = "codes.yaml"
"""The table of codes of records. It stands in the folder, and is no part of the rules: they are the same without it."""


def rule_files(root: Path) -> list[str]:
    """The files that make a rule base, by their names below its folder, in the order in which they are read.

    Errors:  Problems (not-found, unreadable, is-a-directory, too-large) of whatever is missing, is no regular file,
             or stands in words/ or steps/ and would not be read.
    """
    try:
        os.lstat(root / "edition.yaml")
    except (FileNotFoundError, NotADirectoryError):
        message, help = "this is no folder of rules", "it should hold edition.yaml, walk.yaml, words/ and steps/"
        raise Problems([Problem("not-found", Place(str(root), None, None), message, help)]) from None
    except (OSError, ValueError) as error:
        raise Problems([_unread(str(root), error)]) from None
    problems: list[Problem] = []
    files = [*FILES]
    for folder in FOLDERS:
        files += _listed_in(root, folder, problems)
    problems += [problem for name in files if (problem := _no_rule_file(root, name))]
    if problems:
        raise Problems(problems)
    return files


def _listed_in(root: Path, folder: str, problems: list[Problem]) -> list[str]:
    try:
        if (root / folder).is_symlink():
            problems.append(refused("unreadable", folder, "this folder is a link", "put the folder itself here"))
            return []
        names = sorted(os.listdir(root / folder))
    except (OSError, ValueError) as error:
        problems.append(_unread(f"rules/{folder}", error))
        return []
    for name in names:
        if not name.endswith(".yaml") and not name.startswith(".") and name != "README.md":
            help = "rules stand in files that end in .yaml; take everything else out of this folder"
            problems.append(refused("unreadable", f"{folder}/{name}", "this would not be read", help))
    return [f"{folder}/{name}" for name in names if name.endswith(".yaml") and not name.startswith(".")]


def _no_rule_file(root: Path, name: str) -> Problem | None:
    try:
        found = os.stat(root / name)
    except (OSError, ValueError) as error:
        return _unread(f"rules/{name}", error)
    if stat.S_ISDIR(found.st_mode):
        return refused("is-a-directory", name, "this is a folder, not a file", "give it a name without .yaml")
    if not stat.S_ISREG(found.st_mode):
        return refused("unreadable", name, "this is no regular file", "only regular files are read as rules")
    if found.st_size > LIMITS.bytes:
        return refused("too-large", name, f"this is larger than {LIMITS.bytes:,} bytes", "divide it")
    return None


def refused(kind: str, name: str, message: str, help: str) -> Problem:
    """A Problem of a whole file or folder below `rules/`."""
    return Problem(kind, Place(f"rules/{name}", None, None), message, help)


def _unread(source: str, error: Exception) -> Problem:
    place = Place(source, None, None)
    if isinstance(error, FileNotFoundError):
        return Problem("not-found", place, "this is missing, or a link that leads nowhere", "a rule base needs it")
    if isinstance(error, NotADirectoryError):
        return Problem("not-found", place, "this is a file, not a folder", "a rule base needs the folder")
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return Problem("unreadable", place, f"this could not be read: {reason}", "check that you may read it")


def digest_of(root: Path) -> str:
    """What the files of a rule base come to: sha256 over names and bytes, in hex.

    Errors:  those of `rule_files`, and Problems (unreadable).
    """
    from hashlib import sha256

    total = sha256()
    for name in sorted(rule_files(root)):
        try:
            data = (root / name).read_bytes()
        except OSError as error:
            raise Problems([_unread(f"rules/{name}", error)]) from None
        total.update(f"{name}\0{len(data)}\0".encode(errors="surrogateescape"))
        total.update(data)
    return total.hexdigest()


def as_named(problems: Iterable[Problem], root: str | os.PathLike[str]) -> list[Problem]:
    """Problems of a rule base, placed below the folder as its owner named it instead of below `rules/`."""
    folder = os.fspath(root).rstrip("/") + "/"
    return [
        replace(
            problem,
            place=replace(problem.place, source=folder + problem.place.source.removeprefix("rules/")),
            message=problem.message.replace("at rules/", f"at {folder}"),
            help=problem.help.replace("at rules/", f"at {folder}"),
        )
        if problem.place.source.startswith("rules/")
        else problem
        for problem in problems
    ]
