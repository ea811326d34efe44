"""The Python door: read a case, walk it. What the command line does, from code."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache
from io import BytesIO, TextIOBase
from pathlib import Path
from typing import Any, BinaryIO

from pathway.cache import Compiled, load
from pathway.case import Case, read_case
from pathway.changes import Setting, read_setting
from pathway.explanation import Explanation, explain_case
from pathway.fhir.sniff import Source, told_apart
from pathway.policy import read_policy
from pathway.problem import Place, Problem, Problems
from pathway.rulefolder import as_named
from pathway.rules import RuleBase
from pathway.units import describe, show
from pathway.walks import Walk, walk_case


@lru_cache(maxsize=8)
def _loaded(root: Path | None, policy: tuple[tuple[str, Any], ...]) -> Compiled:
    return load(root, dict(policy))


def load_rules(root: str | os.PathLike[str] | None = None, policy: Mapping[str, Any] | None = None) -> Compiled:
    """The compiled rules of a folder, the bundled ones for None; kept for the next call.

    Args:    policy: what a clinic sets differently, as in a policy file ({"therapies-exhausted-at": 3}).
    Errors:  Problems of the rule base or of the policy; TypeError for arguments of another type.
    """
    _expect("load_rules", "root", root, (str, os.PathLike, type(None)), "the name of a folder, or None")
    _expect("load_rules", "policy", policy, (Mapping, type(None)), "a mapping of names and values")
    plain = _of_folder(root, {})
    if not policy:
        return plain
    return _of_folder(root, read_policy(_as_json(policy, "policy.json"), plain.base, name="policy.json"))


def _of_folder(root: str | os.PathLike[str] | None, changed: Mapping[str, Any]) -> Compiled:
    if root is None:
        return _loaded(None, tuple(sorted(changed.items())))
    try:
        return _loaded(Path(root), tuple(sorted(changed.items())))
    except Problems as problems:
        raise Problems(as_named(problems.items, root)) from None


def read(
    source: str | os.PathLike[str] | BinaryIO | Mapping[str, Any],
    *,
    compiled: Compiled | None = None,
    as_of: date | None = None,
) -> Case:
    """A case from a YAML or JSON file or a FHIR record ("-" is standard input), a stream of bytes, or a mapping.

    Args:    compiled: the rules that know its treatments and medicines; the bundled ones for None.
             as_of: the day on which the case is known, instead of the file's own.
    Errors:  Problems, all of the case's at once, each with its place and help; TypeError for arguments of another type.

    >>> read({"pain": {"duration": "7 months"}}).profile.pain.duration
    213.0625
    """
    _expect("read", "compiled", compiled, (Compiled, type(None)), "what load_rules gives")
    _expect("read", "as_of", as_of, (date, type(None)), "a datetime.date")
    stream = hasattr(source, "read") and not isinstance(source, TextIOBase)
    if not stream:
        taken = "a file name, a stream opened for bytes, or a mapping"
        _expect("read", "source", source, (str, os.PathLike, Mapping), taken)
    base = (compiled or load_rules()).base
    if isinstance(source, Mapping):
        if "resourceType" in source or "hook" in source:
            return _of_record(_as_json(source, "record.json"), base, as_of)
        return read_case(_as_json(source, "case.json"), base, as_of=as_of, name="case.json")
    told, is_record = told_apart(source)
    return _of_record(told, base, as_of) if is_record else read_case(told, base, as_of=as_of)


def _of_record(source: Source, base: RuleBase, as_of: date | None) -> Case:
    from pathway.fhir.doors import case_of_record  # no case file needs it

    return case_of_record(source, base, as_of=as_of)[0]


def walk(case: Case, compiled: Compiled | None = None) -> Walk:
    """The walk of a case: steps and options with their status, rules with their verdict, open questions.

    Errors:  Problems of kind engine-failed or engines-disagree, which are faults of the software; TypeError for
             arguments of another type.
    """
    _expect("walk", "case", case, (Case,), "a Case, which pathway.read gives")
    _expect("walk", "compiled", compiled, (Compiled, type(None)), "what load_rules gives")
    return walk_case(case, compiled or load_rules())


def explain(
    case: Case,
    targets: str | Iterable[str] = (),
    *,
    why_not: str | Iterable[str] = (),
    sets: str | Setting | Iterable[str | Setting] = (),
    to: str | Iterable[str] = (),
    missing: bool = False,
    compiled: Compiled | None = None,
) -> Explanation:
    """Why the walk of a case is as it is, why not otherwise, what is missing, what if, and what would change it.

    Args:    targets, why_not: options, kinds of them, steps, rules, words, or "ending"; with nothing asked, the
             ending, the steps, the options in play, and what is missing. sets: "illnesses+=glaucoma". to:
             "iv-ketamine:offered", "step:ketamine".
    Errors:  Problems for names, fields and values that nobody knows; TypeError for arguments of another type.

    >>> case = read({"pain": {"duration": "6 weeks"}})
    >>> explain(case, "ending").why[0].facts
    ('pain.duration: 6 weeks',)
    """
    _expect("explain", "case", case, (Case,), "a Case, which pathway.read gives")
    _expect("explain", "compiled", compiled, (Compiled, type(None)), "what load_rules gives")
    given = [sets] if isinstance(sets, str | Setting) else list(sets)
    return explain_case(
        case,
        compiled or load_rules(),
        of=_listed(targets),
        why_not_of=_listed(why_not),
        settings=[each if isinstance(each, Setting) else read_setting(each) for each in given],
        goals=_listed(to),
        questions=missing,
    )


def _listed(names: str | Iterable[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _expect(function: str, name: str, value: object, types: tuple[type, ...], taken: str) -> None:
    if not isinstance(value, types):
        raise TypeError(f"pathway.{function} takes as `{name}` {taken}; it was given {type(value).__name__}")


def _as_json(data: Mapping[str, Any], name: str) -> BytesIO:
    """The mapping as the reader takes it: what no case file could say is refused, never turned into text."""
    import json

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return dict(value)
        if isinstance(value, date):
            return value.isoformat()
        raise TypeError(f"{describe(value)} cannot stand in a case ({show(value)})")

    try:
        return BytesIO(json.dumps(dict(data), default=plain).encode())
    except (TypeError, ValueError, RecursionError) as error:
        help = "use dicts, lists, texts, numbers, True, False, None and dates"
        raise Problems([Problem("wrong-type", Place(name, None, None), str(error), help)]) from None
