"""Whether an input is a FHIR record or a case file; nothing else is loaded to tell."""

from __future__ import annotations

import os
import re
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from pathway.reading import fetch

HEAD = 65_536
"""How much of an input is looked at."""
MOST_BYTES = 512_000_000
"""The most that one file of a record may hold, unpacked."""
ENDINGS = (".json", ".ndjson", ".jsonl", ".json.gz", ".ndjson.gz", ".jsonl.gz")
GZIP = b"\x1f\x8b"
_SIGNS = re.compile(rb'"(?:resourceType|hook|entry)"\s*:')

Source = str | os.PathLike[str] | BinaryIO


def told_apart(source: Source) -> tuple[Source, bool]:
    """The source, to be read from its beginning, and whether it is a FHIR record.

    What cannot be opened is left to whoever reads it, who says why.

    Errors:  Problems of standard input, or of a stream.
    """
    if isinstance(source, str | os.PathLike) and source != "-":
        return source, _is_record_at(Path(source))
    data = fetch(source, "-", MOST_BYTES)
    stream = BytesIO(data)
    stream.name = "-" if source == "-" else getattr(source, "name", "-")
    return stream, _is_record(data[:HEAD])


def _is_record_at(path: Path) -> bool:
    try:
        if path.is_dir():
            return any(each.name.lower().endswith(ENDINGS) for each in path.rglob("*"))
        with open(path, "rb") as stream:
            return _is_record(stream.read(HEAD))
    except (OSError, ValueError):
        return False


def _is_record(head: bytes) -> bool:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return head.startswith(GZIP) or (text[:1] in (b"{", b"[") and _SIGNS.search(text) is not None)
