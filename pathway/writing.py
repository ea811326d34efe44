"""Writing: case data as the YAML of a case file, in lines that a person would write."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9/-]*(?: [A-Za-z0-9/.-]+)*")
_RESERVED = ("true", "false", "null")


def yaml_lines(key: str, value: Any, indent: str = "") -> Iterator[str]:
    """A key of a case file with what it says, line by line; it reads back as it was."""
    if isinstance(value, dict):
        yield f"{indent}{key}:"
        for name, part in value.items():
            yield from yaml_lines(name, part, indent + "  ")
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        yield f"{indent}{key}:"
        yield from (f"{indent}  - {_flow(item)}" for item in value)
    else:
        yield f"{indent}{key}: {_flow(value)}"


def number(value: float) -> str:
    """A number as short as it reads back."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_flow(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    if isinstance(value, int | float):
        return number(value)
    text = str(value)
    if _PLAIN.fullmatch(text) and text.lower() not in _RESERVED:
        return text
    return '"' + "".join(_escaped(c) for c in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    code = ord(character)
    return character if character.isprintable() else f"\\U{code:08x}" if code > 0xFFFF else f"\\u{code:04x}"  # noqa: PLR2004  YAML's two lengths of an escape
