"""The ledger: a line for every resource of a record, which fields of the case it told, or why none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pathway.fhir.record import Resource

REASONS: dict[str, str] = {
    "code-unknown": "its code is in none of our lists",
    "no-code": "it has no code and no text that says what it is",
    "nothing-to-tell": "it is known, and tells nothing of a case",
    "not-the-patient": "it is about the care, not about the patient's state",
    "status": "its status says that it is not so, or not now",
    "intent": "it is planned or proposed, not ordered or done",
    "in-patient": "it was ordered or given in hospital",
    "not-done": "it says that something was not done",
    "not-known": "it says that the value is not known",
    "too-old": "it is too old to tell how things are now",
    "after-the-day": "it lies after the day of the case",
    "vague-date": "its date is a year or month alone, or none",
    "disagree": "its code and its text say different things, so neither is believed",
    "conflict": "another resource of the same day says otherwise, so neither is used",
    "duplicate": "another resource says the same",
    "older": "a newer resource says what holds now",
    "other-reason": "it was done for something else than pain",
    "another-patient": "it belongs to another patient than the first of the record",
    "unreadable-value": "its value cannot be read",
    "before-the-pain": "it ended before this pain began",
}


@dataclass(frozen=True)
class Line:
    """What became of one resource.

    Shapes:  used names the fields of the case that it told; reason is a key of REASONS where it told none; told says it
             in words, with what the record says; notes tell shapes that R4 wants otherwise.
    """

    resource: Resource = field(repr=False)
    used: tuple[str, ...] = ()
    reason: str = ""
    told: str = ""

    @property
    def notes(self) -> tuple[str, ...]:
        """Shapes of the resource that R4 wants otherwise."""
        return tuple(self.resource.notes)

    def __str__(self) -> str:
        what = "used: " + ", ".join(self.used) if self.used else f"not used ({self.reason}): {REASONS[self.reason]}"
        said = f"; {self.told}" if self.told else ""
        return f"{self.resource.name}: {what}{said}"


@dataclass(frozen=True)
class Ledger:
    """A line for every resource, in the order of the record, and what was noted of the record as a whole."""

    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()

    @property
    def used(self) -> tuple[Line, ...]:
        """The lines of resources that told something of the case."""
        return tuple(line for line in self.lines if line.used)

    def reasons(self) -> Counter[str]:
        """How many resources were not used, by reason."""
        return Counter(line.reason for line in self.lines if not line.used)

    def short(self) -> Iterator[str]:
        """A few lines: how many were read and used, why the others were not, and what disagrees."""
        yield f"{len(self.lines)} resources read, {len(self.used)} used."
        for reason, count in self.reasons().most_common():
            yield f"{count} not used: {REASONS[reason]}."
        yield from self.notes
        yield from (str(line) for line in self.lines if line.reason in ("disagree", "conflict"))

    def whole(self) -> Iterator[str]:
        """Every line, and under it what was noted of its shape."""
        yield from self.notes
        for line in self.lines:
            yield str(line)
            yield from (f"    note: {note}" for note in line.notes)


def one_each(lines: Iterable[Line]) -> tuple[Line, ...]:
    """One line for each resource: what it told of several things is put together, and a use comes before a reason."""
    found: dict[int, Line] = {}
    for line in lines:
        key = id(line.resource)
        if key not in found:
            found[key] = line
            continue
        before = found[key]
        used = tuple(dict.fromkeys([*before.used, *line.used]))
        told = "; ".join(dict.fromkeys(text for text in (before.told, line.told) if text))
        found[key] = Line(line.resource, used, "" if used else before.reason or line.reason, told)
    return tuple(found.values())
