"""Days as FHIR writes them: whole, or a year or month alone, which is too vague for a day.

Source:  FHIR R4 4.0.1, Data Types, date and dateTime.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from pathway.fhir.record import Element

_DAY = re.compile(r"(?P<day>\d{4}-\d{2}-\d{2})(?:[T ].*)?")
_PART = re.compile(r"\d{4}(?:-\d{2})?")


@dataclass(frozen=True, slots=True)
class Moment:
    """A day, or why there is none.

    Shapes:  told is the text as it stands there; day is None where that is no whole day; vague where it is a year or
             month.
    """

    told: str = ""
    day: date | None = None
    vague: bool = False

    def __bool__(self) -> bool:
        return bool(self.told)


def moment(element: Element) -> Moment:
    """The day of a dateTime, an instant or a date; the hour is left out, and the day is that of the place.

    >>> moment(Element("2020-03-01T23:30:00-05:00", "x", [])).day
    datetime.date(2020, 3, 1)
    """
    text = element.text
    if match := _DAY.fullmatch(text):
        try:
            return Moment(text, date.fromisoformat(match["day"]))
        except ValueError:
            return Moment(text)
    return Moment(text, None, bool(_PART.fullmatch(text)))


def span(element: Element) -> tuple[Moment, Moment]:
    """Start and end of a Period."""
    return moment(element["start"]), moment(element["end"])


def days_in(value: object) -> list[date]:
    """Every whole day that stands anywhere in a value."""
    found: list[date] = []
    waiting = [value]
    while waiting:
        here = waiting.pop()
        if isinstance(here, dict):
            waiting += here.values()
        elif isinstance(here, list):
            waiting += here
        elif isinstance(here, str) and (match := _DAY.fullmatch(here)):
            try:
                found.append(date.fromisoformat(match["day"]))
            except ValueError:
                continue
    return found
