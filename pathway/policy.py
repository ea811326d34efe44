"""A clinic's policy file: what it sets differently from the defaults in `rules/policy.yaml`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from pathway.language import OPTIONS
from pathway.problem import Problem, Problems, near, quoted
from pathway.profile import NONE
from pathway.reading import Document, read_document
from pathway.rules import Policy, RuleBase
from pathway.units import UnitError, describe, parse_duration, show, show_duration
from pathway.validation import Fault, fault, refuse

_LISTED = "write  [iv-ketamine, pain-pump]  or  none"


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
        if known[key].unit == OPTIONS:
            faults += _not_options(read, base, page, key, value)
            read = tuple(sorted(filter(base.option.__contains__, map(str, read))))
        if read != known[key].default:
            values[key] = read
    refuse(faults, page)
    return values


def policies_said(values: Mapping[str, Any]) -> list[str]:
    """What a clinic sets differently, as the stamp of a report says it.

    >>> policies_said({"not-available": ("iv-ketamine", "pain-pump"), "refusal-counts": True})
    ['not-available = iv-ketamine, pain-pump', 'refusal-counts = yes']
    """
    return [f"{name} = {_said(value)}" for name, value in values.items()]


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _unknown(key: str, known: dict[str, Policy], page: Document) -> Fault:
    def drawn() -> Problem:
        guess = near(key, known)
        help = f'did you mean "{guess}"?' if guess else "one of: " + ", ".join(known)
        return page.problem("unknown-policy", f"no policy is called {quoted(key)}", key, help=help, key=True)

    return Fault((key,), True, drawn)


def _not_options(names: Sequence[Any], base: RuleBase, page: Document, key: str, written: Any) -> Iterator[Fault]:
    """What of a list is no option of the pathway, or stands in it twice."""
    for i, name in enumerate(names):
        where = (key, i) if isinstance(written, list) else (key,)
        if not isinstance(name, str):
            yield fault(
                page, "wrong-type", f"the name of an option was expected, not {describe(name)}", *where, help=_LISTED
            )
        elif name not in base.option:
            guess = base.treatments.get(name) or near(name, base.option)
            help = f'did you mean "{guess}"?' if guess else "one of: " + ", ".join(base.option)
            yield fault(page, "unknown-option", f"{quoted(name)} is no option of this pathway", *where, help=help)
        elif name in names[:i]:
            yield fault(page, "said-twice", f"{quoted(name)} is listed twice", *where, help="list each once")


def _read(policy: Policy, value: Any) -> Any:
    """The value of one policy.

    Errors:  UnitError, which has the kind, message and help of a Problem.
    """
    if isinstance(policy.default, bool):
        return _yes_or_no(value)
    if policy.unit == OPTIONS:
        return _list(value)
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


def _list(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        return [] if value.strip().lower() == NONE else [value]
    raise UnitError("wrong-type", f"a list of options was expected, not {describe(value)}", _LISTED)


def _whole(policy: Policy, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        said = show(value) if isinstance(value, str | float) else describe(value)
        raise UnitError("wrong-type", f"a whole number was expected, not {said}", policy.means)
    return value
