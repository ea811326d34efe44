"""A clinic's policy file: what it sets differently from the defaults in `rules/policy.yaml`."""

from __future__ import annotations

import os
from typing import Any, BinaryIO

from pathway.problem import Problem, Problems, near, quoted
from pathway.reading import Document, read_document
from pathway.rules import Policy, RuleBase
from pathway.units import UnitError, describe, parse_duration, show, show_duration
from pathway.validation import Fault, fault, refuse


def read_policy(
    source: str | os.PathLike[str] | BinaryIO, base: RuleBase, *, name: str | None = None
) -> dict[str, Any]:
    """The policies that a file sets away from their defaults; durations in days.

    Errors:  Problems (unknown-policy, wrong-type, missing-unit, wrong-unit, out-of-range), each with its place.
    """
    page = read_document(source, name=name)
    if not isinstance(page.data, dict):
        help = "write such as  therapies-exhausted-at: 3"
        raise Problems([page.problem("wrong-type", "a policy file is a group of names and values", help=help)])
    known = {policy.policy: policy for policy in base.policies}
    faults: list[Fault] = []
    values: dict[str, Any] = {}
    for key, value in page.data.items():
        if key not in known:
            faults.append(_unknown(key, known, page))
            continue
        try:
            read = _read(known[key], value)
        except UnitError as error:
            faults.append(fault(page, error.kind, error.message, key, help=error.help))
            continue
        if read != known[key].default:
            values[key] = read
    refuse(faults, page)
    return values


def _unknown(key: str, known: dict[str, Policy], page: Document) -> Fault:
    def drawn() -> Problem:
        guess = near(key, known)
        help = f'did you mean "{guess}"?' if guess else "one of: " + ", ".join(known)
        return page.problem("unknown-policy", f"no policy is called {quoted(key)}", key, help=help, key=True)

    return Fault((key,), True, drawn)


def _read(policy: Policy, value: Any) -> Any:
    """The value of one policy.

    Errors:  UnitError, which has the kind, message and help of a Problem.
    """
    if isinstance(policy.default, bool):
        return _yes_or_no(value)
    read = parse_duration(value) if policy.unit == "days" else _whole(policy, value)
    low = read if policy.low is None else policy.low
    high = read if policy.high is None else policy.high
    if not low <= read <= high:
        first, last = (show_duration(v) if policy.unit == "days" else f"{v:g}" for v in (low, high))
        raise UnitError("out-of-range", f"{policy.policy} may be set from {first} to {last}", policy.means)
    return read


def _yes_or_no(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in ("yes", "no"):
        return value.strip().lower() == "yes"
    said = show(value) if isinstance(value, str | int | float) else describe(value)
    raise UnitError("wrong-type", f"yes or no was expected, not {said}", "write yes or no")


def _whole(policy: Policy, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        said = show(value) if isinstance(value, str | float) else describe(value)
        raise UnitError("wrong-type", f"a whole number was expected, not {said}", policy.means)
    return value
