"""Turns pydantic's errors into Problems with their place in the document that was read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from pathway.problem import KINDS, Place, Problem, Problems, near, quoted
from pathway.profile import Profile, fields, meant_by, part_of, record_of
from pathway.reading import Document
from pathway.units import describe

Path = tuple[str | int, ...]

MOST_PROBLEMS = 100
_EXPECTED = {
    "model_type": "a group of fields",
    "model_attributes_type": "a group of fields",
    "dict_type": "a group of fields",
    "list_type": "a list",
    "tuple_type": "a list",
    "string_type": "a text",
    "bool_type": "yes or no",
    "bool_parsing": "yes or no",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
}


class Fault(NamedTuple):
    """Something wrong at a path of the document, whose Problem is only drawn up when it is told.

    `key` places it at the key that leads to the path, and not at the value.
    """

    path: Path
    key: bool
    problem: Callable[[], Problem]


def fault(page: Document, kind: str, message: str, *path: str | int, help: str = "", key: bool = False) -> Fault:
    """A fault whose message is already known."""
    return Fault(path, key, lambda: page.problem(kind, message, *path, help=help, key=key))


def refuse(faults: Iterable[Fault], page: Document) -> None:
    """Raise the faults as Problems, the first hundred of them; do nothing where there is none.

    Errors:  Problems, in the order of the document; a last one says how many more there are.
    """
    every = sorted(((_order(page, each), i, each) for i, each in enumerate(faults)), key=lambda item: item[:2])
    if not every:
        return
    problems = [each.problem() for _, _, each in islice(every, MOST_PROBLEMS)]
    if len(every) > MOST_PROBLEMS:
        first = every[MOST_PROBLEMS][2]
        told = f"{len(every):,} things are wrong here, of which the first {MOST_PROBLEMS} are told"
        help = "mend those and read it again; the first of the others is here"
        problems.append(page.problem("too-large", told, *first.path, help=help, key=first.key))
    raise Problems(problems)


def faults_of(error: ValidationError, page: Document, model: type[BaseModel] | None = None) -> list[Fault]:
    """One fault for each of pydantic's errors, placed where the value stands."""
    return [_fault(entry, page, model) for entry in error.errors(include_url=False)]


def problems_of(error: ValidationError, page: Document, model: type[BaseModel] | None = None) -> list[Problem]:
    """One Problem for each of pydantic's errors, placed where the value stands."""
    return [each.problem() for each in faults_of(error, page, model)]


def written(path: Path, data: object) -> Path:
    """Where a pydantic path stands in the data as it was written: one item may stand for a list of one."""
    found: list[str | int] = []
    for step in path:
        if isinstance(step, int) and not isinstance(data, list):
            continue
        if isinstance(step, str) and not isinstance(data, dict):
            break
        found.append(step)
        if isinstance(data, dict) and isinstance(step, str):
            data = data.get(step)
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            data = data[step]
        else:
            data = None
    return tuple(found)


def _order(page: Document, each: Fault) -> tuple[int, int]:
    place: Place = page.key_place(*each.path) if each.key else page.place(*each.path)
    return place.line or 0, place.column or 0


def _fault(entry: Any, page: Document, model: type[BaseModel] | None) -> Fault:
    loc: Path = entry["loc"]
    path = written(loc, page.data)
    if entry["type"] == "extra_forbidden":
        return Fault(path, True, lambda: _unknown_field(loc, path, page, model))
    if entry["type"] == "missing":
        path = written(loc[:-1], page.data)
        return fault(page, "missing-field", f'"{loc[-1]}" is missing', *path, help=f"add {loc[-1]}: …")
    said: Mapping[str, Any] = entry.get("ctx") or {}
    if entry["type"] in KINDS:
        return fault(page, entry["type"], str(said["message"]), *path, help=str(said.get("help", "")))
    expected = _EXPECTED.get(entry["type"])
    message = f"{expected} was expected" if expected else str(entry["msg"]).removeprefix("Input ").lower()
    return fault(page, "wrong-type", f"{message}, not {describe(entry['input'])}", *path, help=_help(expected))


def _help(expected: str | None) -> str:
    return f"write {expected}" if expected else "see `pathway schema case`"


def _unknown_field(loc: Path, path: Path, page: Document, model: type[BaseModel] | None) -> Problem:
    name, known = str(loc[-1]), _known_names(model, loc[:-1])
    guess = near(name, known)
    homes: list[str] = []
    if model is Profile:
        homes = [field for field in fields() if field.endswith(f".{name}")][:1]
        homes = homes or [home for home, value in meant_by(name) if not value and not guess]
    meant = " or ".join(f'"{field}"' for field in homes or ([guess] if guess else []))
    hint = f"did you mean {meant}?  " if meant else ""
    listed = "known here: " + ", ".join(known) if known else ""
    if path[:1] == ("trials",) and model is Profile and not guess:
        listed = "a trial is written  {treatment: massage, state: ended, result: failed, duration: 8 weeks};  " + listed
    message = f"there is no field {quoted(name)} here"
    return page.problem(
        "unknown-field",
        message,
        *path,
        help=(hint + listed).strip() or "correct its spelling, or take it out",
        key=True,
    )


def _known_names(model: type[BaseModel] | None, path: Sequence[str | int]) -> list[str]:
    """The fields that may stand at a path of the profile."""
    here = model
    for step in path:
        if here is None or isinstance(step, int):
            continue
        info = next((info for name, info in here.model_fields.items() if step in (name, info.alias)), None)
        here = (part_of(info) if info else None) or record_of(step)
    return [] if here is None else [info.alias or name for name, info in here.model_fields.items()]
