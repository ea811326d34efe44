"""Splice: several Parquet files of one schema made into one, without reading a value.

The pages of the files are copied as they are, one file after the other, and one footer tells where they now stand.
A library would decode and encode every value again, which costs a third of a whole run; see decision 6. The footer
is Thrift's compact protocol, read and written here as plain data, so that what is not known here stays as it was.

Source:  https://parquet.apache.org/docs/file-format/ and
         https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

MAGIC = b"PAR1"
TAIL = 8
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)
_SHORT, _LONG_LIST, _LONG_FIELD = 15, 15, 15
# Fields by their numbers in parquet.thrift. What is a place in the file moves with its pages.
ROWS, ROW_GROUPS, KEY_VALUES = 3, 4, 5
GROUP_COLUMNS, GROUP_PLACE, GROUP_ORDINAL = 1, 5, 7
COLUMN_PLACES = (2, 4, 6)
COLUMN_META = 3
META_PLACES = (9, 10, 11, 14)


@dataclass
class Struct:
    """A Thrift struct: its fields by number, each with its type."""

    fields: dict[int, tuple[int, Any]]

    def get(self, number: int) -> Any:
        """The value of a field, None where it has none."""
        return self.fields[number][1] if number in self.fields else None

    def move(self, number: int, by: int) -> None:
        """Add to a number, where the field is there; zero says in some writers that there is none."""
        if self.get(number):
            kind, value = self.fields[number]
            self.fields[number] = kind, value + by


@dataclass
class Listed:
    """A Thrift list or set: the type of its items, and the items."""

    kind: int
    items: list[Any]


class Damaged(ValueError):
    """A file that is not a whole Parquet file."""


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004  the highest bit says that more follows
                return value
            shift += 7

    def zigzag(self) -> int:
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def take(self, count: int) -> bytes:
        self.at += count
        return self.data[self.at - count : self.at]

    def value(self, kind: int) -> Any:
        if kind in (_TRUE, _FALSE):
            return kind == _TRUE
        if kind == _BYTE:
            return self.byte()
        if kind in (_I16, _I32, _I64):
            return self.zigzag()
        if kind == _DOUBLE:
            return self.take(8)
        if kind == _BINARY:
            return self.take(self.varint())
        if kind in (_LIST, _SET):
            head = self.byte()
            count = head >> 4 if head >> 4 < _LONG_LIST else self.varint()
            item = head & 0x0F
            # Inside a list a Boolean is a byte of its own.
            return Listed(item, [self.byte() if item in (_TRUE, _FALSE) else self.value(item) for _ in range(count)])
        if kind == _STRUCT:
            return self.struct()
        raise Damaged(f"a footer with a field of type {kind}")

    def struct(self) -> Struct:
        fields: dict[int, tuple[int, Any]] = {}
        number = 0
        while head := self.byte():
            number = number + (head >> 4) if head >> 4 else self.zigzag()
            fields[number] = head & 0x0F, self.value(head & 0x0F)
        return Struct(fields)


class _Writer:
    def __init__(self) -> None:
        self.data = bytearray()

    def varint(self, value: int) -> None:
        while value > 0x7F:  # noqa: PLR2004  seven bits to a byte
            self.data.append(value & 0x7F | 0x80)
            value >>= 7
        self.data.append(value)

    def zigzag(self, value: int) -> None:
        self.varint(value << 1 if value >= 0 else (-value << 1) - 1)

    def value(self, kind: int, value: Any) -> None:
        if kind in (_TRUE, _FALSE):
            return
        if kind == _BYTE:
            self.data.append(value)
        elif kind in (_I16, _I32, _I64):
            self.zigzag(value)
        elif kind == _DOUBLE:
            self.data += value
        elif kind == _BINARY:
            self.varint(len(value))
            self.data += value
        elif kind == _STRUCT:
            self.struct(value)
        else:
            self.listed(value)

    def listed(self, listed: Listed) -> None:
        count = len(listed.items)
        self.data.append(min(count, _LONG_LIST) << 4 | listed.kind)
        if count >= _LONG_LIST:
            self.varint(count)
        for item in listed.items:
            if listed.kind in (_TRUE, _FALSE):
                self.data.append(item)
            else:
                self.value(listed.kind, item)

    def struct(self, told: Struct) -> None:
        before = 0
        for number, (kind, value) in sorted(told.fields.items()):
            step = number - before
            if 0 < step <= _LONG_FIELD:
                self.data.append(step << 4 | kind)
            else:
                self.data.append(kind)
                self.zigzag(number)
            self.value(kind, value)
            before = number
        self.data.append(0)


def footer_of(path: Path) -> tuple[Struct, int]:
    """The footer of a Parquet file, and where it begins.

    Errors:  Damaged for a file that is not whole.
    """
    size = path.stat().st_size
    with open(path, "rb") as stream:
        begin = stream.read(len(MAGIC))
        stream.seek(max(0, size - TAIL))
        tail = stream.read(TAIL)
        length = struct.unpack("<I", tail[:4])[0] if len(tail) == TAIL else size
        start = size - TAIL - length
        if begin != MAGIC or tail[4:] != MAGIC or start < len(MAGIC):
            raise Damaged(f"{path.name} is not a whole Parquet file")
        stream.seek(start)
        footer = stream.read(length)
    try:
        return _Reader(footer).struct(), start
    except IndexError:
        raise Damaged(f"the footer of {path.name} ends too soon") from None


class Splice:
    """A file made of several, one after the other, which all have the schema of the first.

    Errors:  OSError where nothing can be written.
    """

    def __init__(self, target: Path) -> None:
        self.stream = open(target, "wb")  # noqa: SIM115  closed by __exit__
        self.stream.write(MAGIC)
        self.first: tuple[str, Struct] | None = None
        self.groups: list[Struct] = []
        self.rows = 0

    def __enter__(self) -> Splice:
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()

    def add(self, part: Path) -> None:
        """Put a part behind those that are there.

        Errors:  Damaged for a part that is not whole, or of another schema.
        """
        footer, end = footer_of(part)
        self.first = self.first or (part.name, footer)
        if footer.fields[2] != self.first[1].fields[2]:
            raise Damaged(f"{part.name} has another schema than {self.first[0]}")
        moved_by = self.stream.tell() - len(MAGIC)
        _copy(part, end, self.stream)
        for group in footer.get(ROW_GROUPS).items:
            _move(group, moved_by)
            group.fields[GROUP_ORDINAL] = _I16, len(self.groups)
            if len(self.groups) > 0x7FFF:  # noqa: PLR2004  an ordinal has 16 bits, and need not be there
                del group.fields[GROUP_ORDINAL]
            self.groups.append(group)
        self.rows += footer.get(ROWS)

    def finish(self, told: Mapping[str, str]) -> None:
        """Write the end, once there is a part.

        Args:    told: texts to keep in the footer, by their names.
        """
        assert self.first is not None  # noqa: S101
        footer = self.first[1]
        footer.fields[ROWS] = _I64, self.rows
        footer.fields[ROW_GROUPS] = _LIST, Listed(_STRUCT, self.groups)
        kept = footer.get(KEY_VALUES).items if footer.get(KEY_VALUES) else []
        footer.fields[KEY_VALUES] = _LIST, Listed(_STRUCT, [*kept, *(_key_value(*pair) for pair in told.items())])
        writer = _Writer()
        writer.struct(footer)
        self.stream.write(writer.data + struct.pack("<I", len(writer.data)) + MAGIC)
        self.stream.flush()
        os.fsync(self.stream.fileno())


def _copy(part: Path, end: int, stream: BinaryIO) -> None:
    """The pages of a file, without its first mark and its footer."""
    with open(part, "rb") as source:
        source.seek(len(MAGIC))
        left = end - len(MAGIC)
        while left > 0:
            block = source.read(min(left, shutil.COPY_BUFSIZE))  # type: ignore[attr-defined]
            if not block:
                raise Damaged(f"{part.name} ends too soon")
            stream.write(block)
            left -= len(block)


def _move(group: Struct, by: int) -> None:
    group.move(GROUP_PLACE, by)
    for column in group.get(GROUP_COLUMNS).items:
        for place in COLUMN_PLACES:
            column.move(place, by)
        for place in META_PLACES:
            column.get(COLUMN_META).move(place, by)


def _key_value(key: str, value: str) -> Struct:
    return Struct({1: (_BINARY, key.encode()), 2: (_BINARY, value.encode())})
