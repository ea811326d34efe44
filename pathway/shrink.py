"""Shrink: leave out of case data whatever can be left out, while what it shows still holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Holds = Callable[[Any], bool]


def shrunk(data: Mapping[str, Any], holds: Holds) -> dict[str, Any]:
    """The data without any part that could be left out by itself, of data for which something holds.

    Parts are left out many at once and then fewer, from the outside inwards, again until nothing more can go.
    """
    before, now = None, dict(data)
    while now != before:
        before, now = now, _shrunk(now, holds)
    return now


def _shrunk(value: Any, holds: Holds) -> Any:
    if not isinstance(value, dict | list) or not value:
        return value
    value = _fewer(value, holds)
    for place in list(value) if isinstance(value, dict) else range(len(value)):
        value = _put(value, place, _shrunk(value[place], _within(value, place, holds)))
    return value


def _within(value: Any, place: Any, holds: Holds) -> Holds:
    return lambda part: holds(_put(value, place, part))


def _fewer(value: Any, holds: Holds) -> Any:
    """A mapping or list without the entries that can be left out."""
    size = len(value)
    while size:
        start = 0
        while start < len(value):
            fewer = _without(value, start, start + size)
            if holds(fewer):
                value = fewer
            else:
                start += size
        size //= 2
    return value


def _without(value: Any, start: int, end: int) -> Any:
    if isinstance(value, dict):
        return {key: part for i, (key, part) in enumerate(value.items()) if not start <= i < end}
    return [*value[:start], *value[end:]]


def _put(value: Any, place: Any, part: Any) -> Any:
    if isinstance(value, dict):
        return {**value, place: part}
    return [*value[:place], part, *value[place + 1 :]]
