"""A record as it was published: its resources, read where the meaning is plain, each with the path to it.

What is not JSON is refused with line and column. Shapes that real systems get wrong (an object where a list belongs,
a bare entry in place of a Bundle) are read, and noted on the resource.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from pathway.fhir.sniff import ENDINGS, GZIP, MOST_BYTES
from pathway.problem import Place, Problem, Problems
from pathway.reading import decode, dotted, fetch

DEEPEST = 100
"""How deep elements may be nested; FHIR's own resources stay far below."""
LONGEST_WHOLE = 300
_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*"|-?Infinity|NaN')
_JSON_HELP = "get the record again from where it was exported; it may have been cut short, or edited by hand"


class Element:
    """A value somewhere in a resource, and the path to it; what is not there is an element that holds None.

    `notes` takes what was read although R4 wants it otherwise.
    """

    __slots__ = ("notes", "path", "value")

    def __init__(self, value: Any, path: str, notes: list[str]) -> None:
        self.value, self.path, self.notes = value, path, notes

    def __bool__(self) -> bool:
        return self.value not in (None, "", [], {})

    def __getitem__(self, name: str) -> Element:
        """The element of that name; of a list where R4 has one, the first."""
        value = self.value.get(name) if isinstance(self.value, dict) else None
        here = Element(value, f"{self.path}.{name}", self.notes)
        if isinstance(value, list):
            if len(value) > 1:
                self.note(f"{name} holds {len(value)} values where R4 has one; the first is read")
            return here.items()[0] if value else Element(None, here.path, self.notes)
        return here

    def all(self, name: str) -> list[Element]:
        """The elements of a list; one that stands alone is a list of one."""
        value = self.value.get(name) if isinstance(self.value, dict) else None
        here = Element(value, f"{self.path}.{name}", self.notes)
        if value is None:
            return []
        if not isinstance(value, list):
            self.note(f"{name} stands alone where R4 has a list")
        return here.items()

    def items(self) -> list[Element]:
        """The items of a list, or the element itself."""
        if not isinstance(self.value, list):
            return [self]
        return [Element(item, f"{self.path}[{i}]", self.notes) for i, item in enumerate(self.value)]

    def note(self, said: str) -> None:
        """Keep what was read although R4 wants it otherwise."""
        if said not in self.notes:
            self.notes.append(said)

    @property
    def text(self) -> str:
        """A text without the spaces around it; "" for anything else."""
        return self.value.strip() if isinstance(self.value, str) else ""

    @property
    def number(self) -> float | None:
        """A finite number, also one written as a text; None for anything else."""
        value = self.value
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                return None
            self.note("a number is written as a text")
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return float(value) if abs(value) < 1e15 else None  # noqa: PLR2004  nan and infinity are not below it

    @property
    def yes(self) -> bool:
        """Whether this is true."""
        return self.value is True


@dataclass(frozen=True, eq=False)
class Resource:
    """One resource of a record.

    Shapes:  place names the file and the path in it; notes tell what was read although R4 wants it otherwise.
    """

    kind: str
    id: str
    place: Place
    body: Element = field(repr=False)
    source: str = ""

    @property
    def notes(self) -> list[str]:
        """What was read although R4 wants it otherwise."""
        return self.body.notes

    @property
    def name(self) -> str:
        """What the ledger calls it: its kind and id, and its path where it has no id."""
        return f"{self.kind}/{self.id}" if self.id else f"{self.kind} at {self.place.path or 'the top'}"


@dataclass(frozen=True)
class Record:
    """The resources of one input, in their order.

    Shapes:  hook is the name of the CDS Hook where the input was a call of one; absent names the prefetch keys that
             hold null, which is a known none; context, what the call told beside its prefetch.
    """

    source: str
    resources: tuple[Resource, ...]
    notes: tuple[str, ...] = ()
    hook: str = ""
    absent: tuple[str, ...] = ()


def read_record(source: str | os.PathLike[str] | BinaryIO, *, name: str | None = None) -> Record:
    """The resources of a file, a folder of Bulk NDJSON, or standard input ("-"); any of them may be gzipped.

    Errors:  Problems: not-found, unreadable, too-large, empty-file, not-utf-8, bad-json (with line and column),
             too-deep, not-fhir.
    """
    if isinstance(source, str | os.PathLike) and source != "-" and Path(source).is_dir():
        return _folder(Path(source))
    return _one(source, name)


def _folder(folder: Path) -> Record:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name.lower().endswith(ENDINGS))
    if not files:
        said = "no file in this folder ends as FHIR does: " + ", ".join(ENDINGS)
        raise Problems([Problem("not-found", Place(str(folder), None, None), said, "give the folder of an export")])
    records = [_one(path, str(path)) for path in files]
    return Record(
        str(folder),
        tuple(each for record in records for each in record.resources),
        tuple(note for record in records for note in record.notes),
    )


def _one(source: str | os.PathLike[str] | BinaryIO, name: str | None) -> Record:
    if name is None:
        given = os.fspath(source) if isinstance(source, str | os.PathLike) else getattr(source, "name", None)
        name = given if isinstance(given, str) else "-"
    data = fetch(source, name, MOST_BYTES)
    if data.startswith(GZIP):
        data = _unpacked(data, name)
    text = decode(data, name)
    if not text.strip():
        raise Problems([Problem("empty-file", Place(name, 1, 1), "there is nothing in this file", _JSON_HELP)])
    return _from_text(text, name)


def _unpacked(data: bytes, name: str) -> bytes:
    try:
        with gzip.open(BytesIO(data)) as stream:
            whole = stream.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        said = f"this could not be unpacked: {error}"
        raise Problems([Problem("unreadable", Place(name, None, None), said, _JSON_HELP)]) from None
    if len(whole) > MOST_BYTES:
        said = f"unpacked this is larger than {MOST_BYTES:,} bytes"
        raise Problems([Problem("too-large", Place(name, None, None), said, "import one patient at a time")])
    return whole


def _from_text(text: str, name: str) -> Record:
    try:
        return _from_data(_parsed(text), name, "")
    except json.JSONDecodeError as error:
        lines = text.splitlines()
        # A file whose first line is a whole object by itself is NDJSON, whose fault is on a line of its own.
        if error.msg == "Extra data" and len(lines) > 1 and _is_whole(lines[0]):
            return _from_lines(lines, name)
        _refuse(name, error, text)
    except RecursionError:
        said = f"elements are nested deeper than {DEEPEST}"
        raise Problems([Problem("too-deep", Place(name, None, None), said, _JSON_HELP)]) from None


def _is_whole(line: str) -> bool:
    try:
        return "resourceType" in json.loads(line)
    except (ValueError, TypeError, RecursionError):
        return False


def _from_lines(lines: Sequence[str], name: str) -> Record:
    resources: list[Resource] = []
    notes: list[str] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = _from_data(_parsed(line), name, "", number)
        except json.JSONDecodeError as error:
            error.lineno = number
            _refuse(name, error, line, number)
        except RecursionError:
            said = f"elements are nested deeper than {DEEPEST}"
            raise Problems([Problem("too-deep", Place(name, number, 1), said, _JSON_HELP)]) from None
        resources += record.resources
        notes += record.notes
    return Record(name, tuple(resources), tuple(notes))


def _refuse(name: str, error: json.JSONDecodeError, text: str, line: int | None = None) -> NoReturn:
    lines = text.split("\n")
    excerpt = lines[0 if line else min(error.lineno, len(lines)) - 1].rstrip("\r")
    place = Place(name, line or error.lineno, error.colno)
    raise Problems([Problem("bad-json", place, error.msg[:1].lower() + error.msg[1:], _JSON_HELP, excerpt)]) from None


def _parsed(text: str) -> Any:
    def constant(word: str) -> NoReturn:
        at = next((match.start() for match in _CONSTANT.finditer(text) if match[0] == word), 0)
        raise json.JSONDecodeError(f"{word} is no number of JSON", text, at)

    # Python reads no whole number of thousands of digits; as a decimal it is infinite, and so no number to us.
    data = json.loads(text, parse_constant=constant, parse_int=lambda n: int(n) if len(n) < LONGEST_WHOLE else float(n))
    if _depth(data) > DEEPEST:
        raise RecursionError
    return data


def _depth(data: Any) -> int:
    deepest, level = 0, [data]
    while level:
        deepest += 1
        level = [v for d in level for v in (d.values() if isinstance(d, dict) else d if isinstance(d, list) else ())]
        level = [v for v in level if isinstance(v, dict | list)]
        if deepest > DEEPEST:
            break
    return deepest


def _from_data(data: Any, name: str, path: str, line: int | None = None) -> Record:
    notes: list[str] = []
    if isinstance(data, dict) and "hook" in data and "resourceType" not in data:
        return _from_hook(data, name)
    found = tuple(_resources(data, name, path, notes, line))
    if not found:
        empty = isinstance(data, dict) and data.get("resourceType") == "Bundle"
        said = "this Bundle is empty" if empty else "no FHIR resource is here: none has a resourceType"
        help = "give a Bundle, a resource, Bulk NDJSON, or the request of a CDS Hook"
        raise Problems([Problem("not-fhir", Place(name, line or 1, 1), said, help)])
    return Record(name, found, tuple(notes))


def _from_hook(data: dict[str, Any], name: str) -> Record:
    notes: list[str] = []
    prefetch = data.get("prefetch")
    found: list[Resource] = []
    absent = []
    if isinstance(prefetch, dict):
        for key, value in prefetch.items():
            path = dotted(("prefetch", key))
            if value is None:
                absent.append(key)
                continue
            if isinstance(value, dict) and "resource" in value and "resourceType" not in value:
                value, path = value["resource"], f"{path}.resource"  # noqa: PLW2901  an older wrapper
                notes.append(f"{path} stands in the wrapper of an older draft of CDS Hooks")
                if value is None:
                    absent.append(key)
                    continue
            found += _resources(value, name, path, notes, None)
    context = data.get("context")
    if isinstance(context, dict):
        for key in ("draftOrders", "medications", "orders"):
            found += _resources(context.get(key), name, f"context.{key}", notes, None, "draft")
    return Record(name, tuple(found), tuple(notes), str(data.get("hook")), tuple(absent))


def _resources(
    data: Any, name: str, path: str, notes: list[str], line: int | None, source: str = ""
) -> Iterator[Resource]:
    if isinstance(data, list):
        for i, item in enumerate(data):
            yield from _resources(item, name, f"{path}[{i}]", notes, line, source)
        return
    if not isinstance(data, dict):
        return
    kind = data.get("resourceType")
    if kind == "Bundle" or (kind is None and "entry" in data):
        entries = data.get("entry")
        inside = f"{path}.entry" if path else "entry"
        if isinstance(entries, dict):
            notes.append(f"{inside} stands alone where R4 has a list")
            entries = [entries]
        for i, entry in enumerate(entries if isinstance(entries, list) else []):
            here = f"{inside}[{i}]"
            if isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
                yield from _resources(entry["resource"], name, f"{here}.resource", notes, line, source)
            else:
                yield from _resources(entry, name, here, notes, line, source)
        return
    if kind is None and isinstance(data.get("resource"), dict):
        notes.append(f"{path or 'the file'} is an entry of a Bundle, without the Bundle")
        yield from _resources(data["resource"], name, f"{path}.resource" if path else "resource", notes, line, source)
        return
    if not isinstance(kind, str):
        return
    own: list[str] = []
    identity = data.get("id")
    place = Place(name, line, None, path)
    yield Resource(kind, identity if isinstance(identity, str) else "", place, Element(data, path or kind, own), source)
    for i, inner in enumerate(data.get("contained") or [] if isinstance(data.get("contained"), list) else []):
        yield from _resources(inner, name, f"{path}.contained[{i}]" if path else f"contained[{i}]", notes, line, source)
