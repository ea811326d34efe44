"""Problem and Place: what is wrong, where, and what to do about it.

Everything that can be wrong with what a user gave ends here, so that it looks the same from the command
line, the web page and the batch. The drawing is Ruff's; the manners are OpenFisca's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_DRAWN = 100
_CLOSE = 0.72  # below this a guess may be another organ, or the opposite: "no help" is not "helped"
_BEFORE_CARET = 60


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: a source, and in it a line and column or a path.

    Shapes:  line and column count characters from 1; path reads `trials[2].dose`; source "-" is stdin.

    >>> str(Place("cases/ana.yaml", 9, 14))
    'cases/ana.yaml:9:14'
    """

    source: str
    line: int | None
    column: int | None
    path: str = ""

    def __str__(self) -> str:
        if self.line is None:
            # FHIR elements and form fields have no line; their path is all there is to point with.
            return shown(self.source) + (f":{shown(self.path)}" if self.path else "")
        column = "" if self.column is None else f":{self.column}"
        return f"{shown(self.source)}:{self.line}{column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, with its place and the way out.

    Shapes:  kind is a key of KINDS; excerpt is the whole source line; width, characters underlined.
    Raises:  ValueError for a kind nobody has explained.

    >>> here = Place("ana.yaml", 2, 4)
    >>> print(Problem("out-of-range", here, "pain is 14", "give 0 to 10", "a: 14", 2).render())
    ana.yaml:2:4: out-of-range: pain is 14
        2 | a: 14
          |    ^^
      help: give 0 to 10
    """

    kind: str
    place: Place
    message: str
    help: str = ""
    excerpt: str = ""
    width: int = 1

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no kind of problem is called {self.kind!r}; add it to KINDS")

    def render(self) -> str:
        """The problem as the terminal shows it, safe to print whatever the source held."""
        lines = [f"{self.place}: {self.kind}: {shown(self.message)}"]
        if self.place.line is not None and self.excerpt.strip():
            line, carets = self._drawing()
            lines.append(f"{self.place.line:>5} | {line}")
            if carets:
                lines.append(f"{'':>{max(5, len(str(self.place.line)))}} | {carets}")
        if self.help:
            lines.append(f"  help: {shown(self.help)}")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, str | int | None]:
        """The problem ready for JSON: the drawn part of the line, and text that any encoding can carry."""
        return {
            "kind": self.kind,
            "source": shown(self.place.source),
            "line": self.place.line,
            "column": self.place.column,
            "path": shown(self.place.path),
            "message": shown(self.message),
            "help": shown(self.help),
            "excerpt": self._drawing()[0],
        }

    def _drawing(self) -> tuple[str, str]:
        at = (self.place.column or 1) - 1
        indent = len(self.excerpt) - len(self.excerpt.lstrip(" \t"))
        # A tab in the indentation may be the very fault, so it is only dropped when the caret is past it.
        begin = first = min(indent, at)
        if len(self.excerpt) - first > _DRAWN:
            begin = max(first, at - _BEFORE_CARET)
        end = begin + _DRAWN
        head = "…" if begin > first else ""
        line = head + shown(self.excerpt[begin:end]) + ("…" if end < len(self.excerpt) else "")
        if self.place.column is None:
            return line.rstrip(), ""
        before = _cells(head + shown(self.excerpt[begin:at]))
        marked = _cells(shown(self.excerpt[at : min(at + self.width, end)]))
        return line.rstrip(), " " * before + "^" * max(1, marked)


class Problems(Exception):
    """All the problems of one reading, raised together.

    Shapes:  items is never empty and stands in the order of (source, line, column).
    """

    def __init__(self, items: Iterable[Problem]) -> None:
        self.items: tuple[Problem, ...] = tuple(sorted(items, key=_order))
        if not self.items:
            raise ValueError("Problems without a problem")
        super().__init__(self.items)

    def __str__(self) -> str:
        lines = [problem.render() for problem in self.items]
        if len(lines) > 1:
            lines.append(f"{len(lines)} problems")
        return "\n".join(lines)


def shown(text: str) -> str:
    """Text with every invisible character escaped, so that it can neither hide nor steer a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def quoted(text: str, most: int = 60) -> str:
    """Text in double quotes, cut to `most` characters, for use inside a message."""
    return f'"{text}"' if len(text) <= most else f'"{text[:most]}…"'


def near(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate most like a misspelt word, for a "did you mean"; None when nothing is close.

    >>> near("Chronic_pian", ["acute-pain", "chronic-pain"])
    'chronic-pain'
    """
    from difflib import get_close_matches

    if len(word) > _DRAWN:
        return None  # difflib takes quadratic time, and no name of ours is that long
    plain: dict[str, str] = {}
    for candidate in candidates:
        plain.setdefault(_plain(candidate), candidate)
    found = get_close_matches(_plain(word), plain, n=1, cutoff=_CLOSE)
    return plain[found[0]] if found else None


def _plain(word: str) -> str:
    return word.casefold().replace("_", "-").replace(" ", "-")


def _order(problem: Problem) -> tuple[str, int, int]:
    return problem.place.source, problem.place.line or 0, problem.place.column or 0


def _cells(text: str) -> int:
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


KINDS: dict[str, str] = {
    # reading a file
    "not-found": "There is no file of that name. Check the spelling and the folder you are in.",
    "unreadable": "The file is there but could not be read: no permission, or the connection or disk failed.",
    "is-a-directory": "The name belongs to a folder where a file was expected.",
    "empty-file": "The file holds nothing, or only comments and blank lines.",
    "too-large": "The file, one text in it or the number of values is larger than the reader accepts.",
    "not-utf-8": "The file is text in another encoding. Save it again as UTF-8.",
    "binary-file": "The file is not text at all; perhaps a spreadsheet, a PDF or an archive was given.",
    "control-character": "The file holds an invisible control character that YAML does not allow.",
    "bad-yaml": "The file does not follow the rules of YAML, so its meaning cannot be told.",
    "bad-json": "The file does not follow the rules of JSON, so its meaning cannot be told.",
    "duplicate-key": "The same key is written twice in one place; only one of its values could be kept.",
    "too-deep": "Lists and mappings are nested deeper than any file of ours needs.",
    "alias": "A YAML alias (`*name`) points at another part of the file. Write the value out instead.",
    "merge-key": "A YAML merge key (`<<`) copies from another mapping. Write its entries out instead.",
    "tag": "A YAML tag (`!name`) asks for a type we do not read, or that the value does not fit.",
    "several-documents": "The file holds several YAML documents, divided by `---`. Give each its own file.",
    "bad-key": "A key is not a text. A number, true, false or null needs quotes around it to be one.",
    "bad-number": "A number is infinite, not a number, or too long or large to be held exactly.",
    "lone-surrogate": "A `\\ud800`-like escape stands without its other half, so it is no character.",
    # what a file says
    "unknown-field": "No field has that name. `pathway schema` lists the fields.",
    "unknown-value": "The field takes one of a few values, and this is not one of them.",
    "wrong-type": "The value is of another type than the field takes, such as a text where a number belongs.",
    "wrong-unit": "The unit measures something else, or is one we do not know for this field.",
    "missing-unit": "A number without a unit can be misread, so this field wants its unit written.",
    "out-of-range": "The value lies outside what can be, such as a pain rating above 10.",
    "missing-field": "A field that must be there is not.",
    "contradiction": "Two things that are said here cannot both be true.",
    "said-twice": "The same fact is given in two places. Keep one of them.",
    "bad-date": "The text is not a day of the calendar written as year-month-day.",
    "date-without-as-of": "A date needs a day to count from. Give `as_of`, the day the case is looked at.",
    "after-as-of": "The date lies after the day the case is looked at.",
    "out-of-order": "Two dates stand in an order that cannot be, such as an end before its start.",
    # a record
    "not-fhir": "The file is JSON, and holds no FHIR resource, Bundle or call of a CDS Hook.",
    "several-patients": "The record holds more than one patient. A case is one person; name one of them.",
    "no-patient": "The record holds no patient of that id.",
    # a cohort
    "identifier": "A column holds what may tell who somebody is: a name, a date, an address, a number of theirs. "
    "Drop it, or give --deidentify.",
    "free-text": "A column holds free text, which may tell who somebody is. Drop it, or give --deidentify.",
    "repeated-id": "Two rows have the same id. Each case of a cohort has one row.",
    "ragged-row": "A row of a CSV has more or fewer cells than its header, so nobody can tell which is which.",
    "unfinished-run": "A batch was interrupted, or there are results already where it is to write.",
    "not-installed": "This needs an extra that is not installed here.",
    # the rule base
    "unknown-word": "No word has that name. `pathway rules words` lists them.",
    "unknown-step": "No step of the pathway has that name.",
    "unknown-option": "No treatment option has that name.",
    "unknown-source": "No source in `rules/sources.yaml` has that name.",
    "unknown-policy": "No setting in `rules/policy.yaml` has that name.",
    "unknown-rule": "No rule has that id. `pathway rules list` lists them.",
    "bad-expression": "The expression does not follow the grammar of the rule language.",
    "cycle": "Words, rules or steps lead back to themselves, so they could never be answered.",
    "duplicate-id": "Two things have the same id, or two ids stand for one thing. An id is used once and never again.",
    "bad-example": "An example under a word or rule does not come out as it says.",
    "missing-example": "A word, rule, threshold or exception has no example that shows it at work.",
    "outside-envelope": "The rule uses something that not every engine can run, so it is not accepted.",
    "unsourced": "A word or rule does not say which document it comes from.",
    "unknown-record": "A source names an evidence record that rules/evidence/ does not hold.",
    "record-not-covered": "No rule or word carries an evidence record, and not-encoded.yaml does not say why.",
    "record-twice": "An evidence record is carried by a rule or word, and yet listed as not encoded.",
    "record-not-heeded": "A contraindication, warning sign or prerequisite is carried by no rule that acts on it.",
    "unreachable": "No person can ever meet this rule or step.",
    "clash": "Two rules can fire for the same person and say opposite things.",
    "not-proved": "An invariant of rules/invariants.yaml does not hold of everybody. `pathway prove` writes a case.",
    "dead-word": "No rule and no other word uses this word.",
    "claim-not-covered": "A sentence of the source is carried by no rule, and no reason is given.",
    "wrong-layer": "A rule stands in the wrong layer: documented pathway, or safety and evidence.",
    "edition": "The edition of the rule base is missing, unfit, or does not match what was asked for.",
    "engines-disagree": "Two engines gave one case different answers. This is our fault; please report it.",
    "engine-failed": "An engine stopped before it had an answer. This is our fault; please report it.",
}
"""Every kind of problem, explained to the person who meets it. The reference page is made from this."""
