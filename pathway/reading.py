"""The one reader of YAML and JSON, which remembers the line and column of every value.

It is safe on bytes from anywhere: whatever they are, the answer is a Document or Problems. YAML comes from
libyaml's *events*, JSON from the standard reader; both feed one tree builder, which keeps the limits.
"""

from __future__ import annotations

import os
import re
import sys
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NamedTuple, NoReturn, TypeAlias

from pathway.problem import Place, Problem, Problems, quoted

Path: TypeAlias = tuple[str | int, ...]

_MOST_PROBLEMS = 100
_LONGEST_NUMBER = 400
_LARGEST_INT = 10**15
_NEWLINE = re.compile(r"\r\n?|\n")
_SURROGATE = re.compile("[\ud800-\udfff]")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_WORDS = {"": None, "~": None} | {
    spelt: value
    for word, value in (("null", None), ("true", True), ("false", False))
    for spelt in (word, word.title(), word.upper())
}
# What YAML forbids is told as such, and not as all but what it allows: re takes long over so large a set.
_YAML_FORBIDS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_YAML_STRANGE_BREAK = re.compile("[\x85\u2028\u2029]")
_YAML_TAG_DIRECTIVE = re.compile("(?:\\A|[\n\r\x85\u2028\u2029])%TAG")
_YAML_TAG = re.compile(r"![^\s,\[\]{}]*")
_YAML_PROPERTIES = re.compile(r"(?:[!&][^\s,\[\]{}]*(?:\s+|#.*)*)*")
_YAML_BLOCK_HEADER = re.compile(r"[|>][^\r\n]*\s*")
_YAML_TYPES = {"int": int, "float": float, "bool": bool, "null": type(None)}
_JSON_NESTING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)
_JSON_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]|[^\s,:\[\]{}"]+')
_HELP = {
    "not-found": "check the spelling and the folder",
    "unreadable": "check that the name is right and that you may read the file",
    "is-a-directory": "name one file inside it",
    "empty-file": "check that this is the file you meant, and that it was saved",
    "too-large": "give one case or one rule file at a time",
    "not-utf-8": "save the file as UTF-8; it was probably saved as Windows-1252, Latin-1 or UTF-16",
    "binary-file": "give a YAML or JSON text file; a text saved as UTF-16 must be saved as UTF-8",
    "control-character": "delete it; it often comes along when text is pasted",
    "bad-yaml": "check the indentation, and look for a missing quote, bracket or colon here or just above",
    "bad-json": "put double quotes around names and texts, and commas between entries but none at the end",
    "duplicate-key": "keep one of the two, or give the other its own name",
    "too-deep": "look for a bracket that is never closed",
    "alias": "write the value out here",
    "merge-key": "write the entries out here",
    "tag": "take the tag out; plain numbers and texts need none",
    "several-documents": "give each document its own file",
    "bad-key": "write the key as a text; a number, true or null needs quotes around it",
    "bad-number": "give a plain decimal number; put quotes around it if it is an identifier",
    "lone-surrogate": "write the character itself, or both halves",
}
_BAD_YAML_HELP = {
    "mapping values are not allowed": 'put quotes around a text that holds ": ", and check the indentation',
    "<document start>": "what stands above is already whole; check the indentation from there on",
    "cannot start any token": "indent with spaces, not tabs; quote a text that starts with @ or `",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one document may hold.

    Shapes:  bytes of the file; depth of nested lists and mappings; nodes, keys and values together;
             characters of one scalar.
    """

    bytes: int = 1_000_000
    depth: int = 32
    nodes: int = 100_000
    scalar: int = 20_000


class _Span(NamedTuple):
    start: int
    end: int
    quote: int = 0
    """How far in the text of a scalar starts: past its quote, or on the line below its `|`."""


class _Page:
    """A text that knows its lines; a line ends at LF, CR or CR LF, as editors count."""

    def __init__(self, source: str, text: str) -> None:
        self.source, self.text = source, text
        self._starts = [0, *(newline.end() for newline in _NEWLINE.finditer(text))]
        # Problems on one line share its text: a hundred faults in one line of a megabyte stay one megabyte.
        self._lines: dict[int, str] = {}

    def place(self, index: int, path: Path = ()) -> Place:
        line = bisect_right(self._starts, index)
        return Place(self.source, line, index - self._starts[line - 1] + 1, dotted(path))

    def problem(self, kind: str, message: str, span: _Span, help: str | None = None, path: Path = ()) -> Problem:
        place = self.place(span.start, path)
        line = place.line or 1
        if line not in self._lines:
            stop = self._starts[line] if line < len(self._starts) else len(self.text)
            self._lines[line] = self.text[self._starts[line - 1] : stop].rstrip("\r\n")
        excerpt = self._lines[line]
        room = len(excerpt) - (place.column or 1) + 1
        width = max(1, min(span.end - span.start, room))
        return Problem(kind, place, message, _HELP[kind] if help is None else help, excerpt, width)


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says, and where it says it.

    Shapes:  data is plain dict, list, str, int, float, bool or None; a path is its keys and 0-based indexes.
    Errors:  none; a path that is not there answers with its nearest ancestor that is.
    """

    source: str
    data: object = field(repr=False)
    text: str = field(repr=False)
    _page: _Page = field(repr=False, compare=False)
    _values: dict[Path, _Span] = field(repr=False, compare=False)
    _keys: dict[Path, _Span] = field(repr=False, compare=False)

    def place(self, *path: str | int) -> Place:
        """The place of the value at a path."""
        return self._page.place(self._value_span(path).start, path)

    def key_place(self, *path: str | int) -> Place:
        """The place of the key that leads to a value; of the value itself where it has none, as in a list."""
        return self._page.place(self._key_span(path).start, path)

    def scalar_start(self, *path: str | int) -> Place:
        """The place of a scalar's first character of text, past an opening quote or a block's `|`."""
        span = self._value_span(path)
        return self._page.place(span.start + span.quote, path)

    def problem(self, kind: str, message: str, *path: str | int, help: str = "", key: bool = False) -> Problem:
        """A Problem at the value of a path, or at its key, that quotes the line and underlines the token."""
        span = self._key_span(path) if key else self._value_span(path)
        return self._page.problem(kind, message, span, help, path)

    def _value_span(self, path: Path) -> _Span:
        while path not in self._values:
            path = path[:-1]
        return self._values[path]

    def _key_span(self, path: Path) -> _Span:
        while path not in self._keys and path not in self._values:
            path = path[:-1]
        return self._keys.get(path) or self._values[path]


def read_document(
    source: str | os.PathLike[str] | BinaryIO, *, name: str | None = None, limits: Limits = Limits()
) -> Document:
    """Read one YAML or JSON document, or say everything that is wrong with it.

    Args:    source: a file name, "-" for standard input, or a stream of bytes (left open); name: what to call
             it in Problems. A name that ends in .json is read as JSON only; otherwise what begins like JSON
             and is JSON is read as such, and all else as YAML.
    Returns: the Document; YAML scalars follow the 1.2 core schema, so `no` and 2026-03-02 stay texts.
    Raises:  Problems, and nothing else. Reading stops at the first fault of syntax, or after 100 Problems.
    Source:  yaml.org/spec/1.2.2, section 10.3; RFC 8259.
    """
    if name is None:
        given = os.fspath(source) if isinstance(source, str | os.PathLike) else getattr(source, "name", None)
        name = given if isinstance(given, str) else "-"
    page = _Page(name, decode(fetch(source, name, limits.bytes), name))
    if not page.text.strip():
        raise _refusal("empty-file", Place(name, 1, 1), "there is nothing in this file")
    tree = _tree(page, limits)
    return Document(name, tree.root, page.text, page, tree.values, tree.keys)


def dotted(path: Path) -> str:
    """A path as people write it.

    >>> dotted(("trials", 2, "dose"))
    'trials[2].dose'
    """
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.fullmatch(r"[\w.-]{1,80}", part):
            text += f".{part}" if text else part
        else:
            text += f"[{quoted(part)}]"
    return text


def _refusal(kind: str, place: Place, message: str) -> Problems:
    return Problems([Problem(kind, place, message, _HELP[kind])])


def fetch(source: str | os.PathLike[str] | BinaryIO, name: str, limit: int) -> bytes:
    """The bytes of a file, of standard input ("-") or of a stream.

    Errors:  Problems: not-found, is-a-directory, unreadable, too-large.
    """
    place = Place(name, None, None)
    try:
        if source == "-":
            stdin = getattr(sys.stdin, "buffer", None)
            if stdin is None:
                raise OSError("standard input is closed")
            data = _drain(stdin, limit)
        elif isinstance(source, str | os.PathLike):
            with open(source, "rb") as stream:
                data = _drain(stream, limit)
        else:
            data = _drain(source, limit)
    except (FileNotFoundError, NotADirectoryError):
        raise _refusal("not-found", place, "there is no such file") from None
    except IsADirectoryError:
        raise _refusal("is-a-directory", place, "this is a folder, not a file") from None
    except (OSError, ValueError) as error:
        # ValueError: a name with a NUL or a stray surrogate in it, or a stream that is already closed.
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise _refusal("unreadable", place, f"this could not be read: {reason}") from None
    if len(data) > limit:
        raise _refusal("too-large", place, f"this is larger than {limit:,} bytes")
    return data


def _drain(stream: BinaryIO, limit: int) -> bytes:
    data = bytearray()
    while len(data) <= limit:
        chunk = stream.read(min(65_536, limit + 1 - len(data)))
        if not chunk:  # None: a stream that does not block has nothing to give
            break
        data += chunk
    return bytes(data)


def decode(data: bytes, name: str) -> str:
    """UTF-8 bytes as text, without a byte order mark.

    Errors:  Problems: not-utf-8, binary-file.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")):
        wide = "UTF-32" if b"\0\0" in data[:4] else "UTF-16"
        raise _refusal("not-utf-8", Place(name, 1, 1), f"this is {wide}, not UTF-8")
    data = data.removeprefix(b"\xef\xbb\xbf")
    if _is_bare_utf_16(data[:64]):
        raise _refusal("not-utf-8", Place(name, 1, 1), "this is UTF-16, not UTF-8")
    if b"\0" in data:
        before = data[: data.index(0)].decode("utf-8", "replace")
        place = _Page(name, before).place(len(before))
        raise _refusal("binary-file", place, "this is not text: it holds a zero byte")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        start = len(data[: error.start].decode("utf-8"))
        page = _Page(name, data.decode("utf-8", "backslashreplace"))
        message = f"the byte 0x{data[error.start]:02x} is not UTF-8 text"
        raise Problems([page.problem("not-utf-8", message, _Span(start, start + 4))]) from None


def _is_bare_utf_16(head: bytes) -> bool:
    """Whether every second byte, and no other, is zero: English in UTF-16 without a byte order mark."""
    halves = head[::2], head[1::2]
    return len(head) > 1 and any(not any(zeros) and 0 not in letters for zeros, letters in (halves, halves[::-1]))


def _tree(page: _Page, limits: Limits) -> _Tree:
    if page.source.lower().endswith(".json"):
        return _from_json(page, limits)
    if page.text.lstrip()[:1] not in ("{", "["):
        return _from_yaml(page, limits)
    try:
        return _from_json(page, limits)
    except Problems as problems:
        as_json = problems
    if not any(problem.kind in ("bad-json", "too-deep") for problem in as_json.items):
        raise as_json
    try:
        return _from_yaml(page, limits)
    except Problems as as_yaml:
        # Whichever reading got further understood more of what was meant.
        raise max(as_json, as_yaml, key=_how_far) from None


def _how_far(problems: Problems) -> tuple[int, int]:
    last = problems.items[-1].place
    return last.line or 0, last.column or 0


@dataclass(slots=True)
class _Frame:
    path: Path
    items: dict[str, object] | list[object]
    key: str | None = None


class _Tree:
    """The plain data and its spans, built from events without recursion; keeps the limits as they come."""

    def __init__(self, page: _Page, limits: Limits) -> None:
        self.page, self.limits = page, limits
        self.root: object = None
        self.values: dict[Path, _Span] = {(): _Span(0, 0)}
        self.keys: dict[Path, _Span] = {}
        self.problems: list[Problem] = []
        self.quotations: list[_Span] = []
        self._stack: list[_Frame] = []
        self._nodes = 0

    @property
    def at_key(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1].items, dict) and self._stack[-1].key is None

    def complain(self, kind: str, message: str, span: _Span, help: str | None = None) -> None:
        self.problems.append(self.page.problem(kind, message, span, help))
        if len(self.problems) >= _MOST_PROBLEMS:
            raise Problems(self.problems)

    def stop(self, kind: str, message: str, span: _Span, help: str | None = None) -> NoReturn:
        self.complain(kind, message, span, help)
        raise Problems(self.problems)

    def open(self, items: dict[str, object] | list[object], span: _Span) -> None:
        self._count(span)
        if len(self._stack) >= self.limits.depth:
            self.stop("too-deep", f"this is nested more than {self.limits.depth} deep", span)
        if self.at_key:
            self.complain("bad-key", "a list or mapping cannot be a key", span)
            top = self._stack[-1]
            top.key = "?"  # so that the value that follows is still looked over
            path = (*top.path, "?")
            self.keys[path] = span
        else:
            path = self._settle(items, span)
        self._stack.append(_Frame(path, items))

    def close(self) -> None:
        self._stack.pop()

    def scalar(self, value: object, raw: str, span: _Span) -> None:
        self._count(span)
        if len(raw) > self.limits.scalar:
            message = f"this text has {len(raw):,} characters, but {self.limits.scalar:,} is the most we read"
            self.complain("too-large", message, span, "shorten it; a long note belongs elsewhere")
        if _SURROGATE.search(raw):
            message = "this text holds half of a surrogate pair, which is no character"
            self.complain("lone-surrogate", message, span)
        if not self.at_key:
            self._settle(value, span)
            return
        top = self._stack[-1]
        key = value if isinstance(value, str) else raw
        path = (*top.path, key)
        if not isinstance(value, str):
            self.complain("bad-key", f"the key {raw[:60] or 'here'} is not a text", span)
        if key in top.items:
            first = self.page.place(self.keys[path].start).line
            self.complain("duplicate-key", f"{quoted(key)} is written twice; the first is on line {first}", span)
        else:
            self.keys[path] = span
        top.key = key

    def number(self, raw: str, span: _Span) -> int | float:
        """The number; one that cannot be held is a Problem, and stands in as 0."""
        if len(raw) > _LONGEST_NUMBER:
            self.complain("bad-number", f"this number is {len(raw):,} characters long", span)
        elif _INT.fullmatch(raw):
            whole = int(raw, {"0o": 8, "0x": 16}.get(raw[:2], 10))
            if abs(whole) <= _LARGEST_INT:
                return whole
            self.complain("bad-number", f"{quoted(raw)} is too large a number", span)
        elif _FLOAT.fullmatch(raw) and abs(float(raw)) != float("inf"):
            return float(raw)
        else:
            self.complain("bad-number", f"{quoted(raw)} is not a finite number", span)
        return 0

    def _count(self, span: _Span) -> None:
        self._nodes += 1
        if self._nodes > self.limits.nodes:
            self.stop("too-large", f"this holds more than {self.limits.nodes:,} keys and values", span)

    def _settle(self, value: object, span: _Span) -> Path:
        path: Path = ()
        if not self._stack:
            self.root = value
        else:
            top = self._stack[-1]
            if isinstance(top.items, list):
                path = (*top.path, len(top.items))
                top.items.append(value)
            else:
                key = top.key or ""
                path = (*top.path, key)
                top.items[key] = value
                top.key = None
        self.values[path] = span
        return path


def _from_json(page: _Page, limits: Limits) -> _Tree:
    import json

    tree = _Tree(page, limits)
    depth = 0
    # The standard reader recurses, so the nesting is known before it starts.
    for match in _JSON_NESTING.finditer(page.text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match[0], 0)
        if depth > limits.depth:
            tree.stop("too-deep", f"this is nested more than {limits.depth} deep", _Span(*match.span()))
    try:
        json.loads(page.text, parse_int=str, parse_float=str)
    except json.JSONDecodeError as error:
        at = min(error.pos, len(page.text.rstrip()))
        tree.stop("bad-json", error.msg[:1].lower() + error.msg[1:], _Span(at, at + 1))
    except RecursionError:  # Limits.depth was set higher than the standard reader can go
        tree.stop("too-deep", "this is nested deeper than JSON can be read", _Span(0, 1))

    for match in _JSON_TOKEN.finditer(page.text):
        part = match[0]
        span = _Span(*match.span(), int(part.startswith('"')))
        if part in "[{":
            tree.open([] if part == "[" else {}, span)
        elif part in "]}":
            tree.close()
        elif part.startswith('"'):
            text = json.loads(part)
            tree.scalar(text, text, span)
        else:
            tree.scalar(_WORDS[part] if part in _WORDS else tree.number(part, span), part, span)
    if tree.problems:
        raise Problems(tree.problems)
    return tree


def _from_yaml(page: _Page, limits: Limits) -> _Tree:
    import yaml  # type: ignore[import-untyped, unused-ignore]

    tree = _Tree(page, limits)
    if match := _YAML_FORBIDS.search(page.text):
        message = f"the invisible character U+{ord(match[0]):04X} is not allowed here"
        tree.stop("control-character", message, _Span(*match.span()))
    if match := _YAML_TAG_DIRECTIVE.search(page.text):
        # libyaml compares each %TAG with all before it: a megabyte of them takes it many seconds.
        tree.stop("tag", "a %TAG directive is not read here", _Span(match.end() - 4, match.end()))
    try:
        empty = _take_events(tree, yaml.parse(page.text, Loader=yaml.CSafeLoader))
        _refuse_strange_breaks(tree, len(page.text))
    except yaml.YAMLError as error:
        fault: Any = error
        mark, begun = getattr(fault, "problem_mark", None), getattr(fault, "context_mark", None)
        at = min(mark.index if mark else 0, len(page.text.rstrip()))
        _refuse_strange_breaks(tree, at)
        message = getattr(fault, "problem", None) or "this is not YAML"
        line = page.place(min(begun.index, len(page.text))).line if begun else None
        if line not in (None, page.place(at).line):
            message += f" ({fault.context} that begins on line {line})"
        help = next((help for part, help in _BAD_YAML_HELP.items() if part in message), None)
        tree.stop("bad-yaml", message, _Span(at, at + 1), help)
    if empty and not tree.problems:
        raise _refusal("empty-file", Place(page.source, 1, 1), "there is nothing in this file")
    if tree.problems:
        raise Problems(tree.problems)
    return tree


def _refuse_strange_breaks(tree: _Tree, end: int) -> None:
    """That no line ends, before `end`, where libyaml sees an end and an editor sees none."""
    inside = iter(tree.quotations)
    quotation = next(inside, None)
    for match in _YAML_STRANGE_BREAK.finditer(tree.page.text, 0, end):
        while quotation and quotation.end <= match.start():
            quotation = next(inside, None)
        if quotation is None or match.start() < quotation.start:
            message = f"the invisible line break U+{ord(match[0]):04X} is not allowed outside quotes"
            tree.stop("control-character", message, _Span(*match.span()))


def _take_events(tree: _Tree, events: Iterator[Any]) -> bool:
    """Feed libyaml's events to the tree; True when the document held nothing."""
    from yaml import events as kinds

    documents, empty = 0, True
    for event in events:
        span = _Span(event.start_mark.index, event.end_mark.index)
        if isinstance(event, kinds.DocumentStartEvent):
            documents += 1
            if documents > 1:
                tree.stop("several-documents", "a second document begins here", span)
        elif isinstance(event, kinds.ScalarEvent):
            empty = empty and not event.value and event.tag is None and bool(event.implicit[0])
            if event.style in ("'", '"'):
                tree.quotations.append(span)
            _take_scalar(tree, event, _scalar_span(tree.page.text, event))
        elif isinstance(event, kinds.AliasEvent):
            empty = False
            tree.complain("alias", f"*{event.anchor} stands for another part of the file", span)
            tree.scalar(f"*{event.anchor}", "", span)
        elif isinstance(event, kinds.CollectionStartEvent):
            empty = False
            mapping = isinstance(event, kinds.MappingStartEvent)
            if event.tag not in (None, "tag:yaml.org,2002:map" if mapping else "tag:yaml.org,2002:seq"):
                _refuse_tag(tree, event)
            tree.open({} if mapping else [], _Span(span.start, span.start + 1))
        elif isinstance(event, kinds.CollectionEndEvent):
            tree.close()
    return empty


def _take_scalar(tree: _Tree, event: Any, span: _Span) -> None:
    raw: str = event.value
    value: object = raw
    if event.tag is not None:
        kind = event.tag.removeprefix("tag:yaml.org,2002:")
        if kind in _YAML_TYPES:
            value = _plain(tree, raw, span)
            if kind == "float" and type(value) is int:
                value = float(value)
            if type(value) is not _YAML_TYPES[kind]:
                _refuse_tag(tree, event, f"{quoted(raw)} does not fit its tag !!{kind}")
        elif kind != "str" or kind == event.tag:
            _refuse_tag(tree, event)
    elif event.implicit[0]:
        if raw == "<<" and tree.at_key:
            tree.complain("merge-key", "<< would copy from another mapping", span)
        value = _plain(tree, raw, span)
    tree.scalar(value, raw, span)


def _plain(tree: _Tree, raw: str, span: _Span) -> object:
    if raw in _WORDS:
        return _WORDS[raw]
    if _INT.fullmatch(raw) or _FLOAT.fullmatch(raw) or _NOT_FINITE.fullmatch(raw):
        return tree.number(raw, span)
    return raw


def _refuse_tag(tree: _Tree, event: Any, message: str = "") -> None:
    found = _YAML_TAG.search(tree.page.text, event.start_mark.index)
    name = event.tag.replace("tag:yaml.org,2002:", "!!")
    span = _Span(*found.span()) if found else _Span(event.start_mark.index, event.end_mark.index)
    tree.complain("tag", message or f"the tag {quoted(name)} is not read here", span)


def _scalar_span(text: str, event: Any) -> _Span:
    start, end = event.start_mark.index, event.end_mark.index
    if event.anchor is not None or event.tag is not None:
        # libyaml counts `&anchor` and `!!tag` as part of the scalar; a caret belongs under the value.
        properties = _YAML_PROPERTIES.match(text, start, end)
        start = properties.end() if properties and properties.end() < end else start
    quote = 0
    if event.style in ("'", '"'):
        quote = 1
    elif event.style in ("|", ">") and event.value:
        header = _YAML_BLOCK_HEADER.match(text, start, end)
        quote = header.end() - start if header else 0
    return _Span(start, end, quote)
