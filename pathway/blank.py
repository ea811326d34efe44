"""The blank case to fill in, and the interview that asks for one: every question comes from the profile."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from pydantic import BaseModel

from pathway.cache import Compiled
from pathway.case import Case, subject_of
from pathway.problem import Problems
from pathway.profile import NOTHING_ELSE, FieldType, Group, Profile, fields, record_of
from pathway.reading import Document, read_document
from pathway.rules import RuleBase
from pathway.walks import Question, Walk, field_at, walk_case
from pathway.writing import yaml_lines

WIDTH = 100
HEADER = """\
# A blank case for the chronic-pain pathway (rules edition {edition}).
#
# Fill in what is known and leave the rest: what is not filled in is not known, and never a quiet no.
# Then:  pathway walk my-case.yaml
#
# A list may be open or closed.
#   conditions: [crps]                 this one is there; about all others nobody knows
#   conditions: [crps, nothing else]   this one is there, and that is all
#   conditions: none                   somebody asked, and there is none
#   not: [glaucoma]                    this one thing is not there, in a list that is otherwise open
#   unknown: [glaucoma]                nobody asked about this one, in a list that is otherwise closed
# Where a name stands in several lists, say which: not: [conditions.migraine].
"""
UNITS = {
    "days": "a number with its unit, such as 3 months, 10 weeks or 1 year 2 months",
    "mg/day": "amount, unit and how often, such as 40 mg/day or 600 mg three times a day",
    "years": "whole years, from 0 to 120",
    "0-10": "a rating from 0 to 10",
}
TRIAL_EXAMPLE = (
    "{treatment: physical-therapy, state: ended, result: failed, duration: 10 weeks}",
    "{treatment: gabapentin, state: ended, result: not-tolerated, dose: 600 mg three times a day}",
    NOTHING_ELSE,
)
RECORD_EXAMPLES = {
    "trials": TRIAL_EXAMPLE,
    "red_flags": ("{finding: saddle-numbness, excluded: yes, by: Dr Ruiz}", NOTHING_ELSE),
    "causes": ("{kind: excessive-scar, correctable: unknown}", NOTHING_ELSE),
    "medicines": ("{medicine: morphine, dose: 30 mg/day}", "aspirin", NOTHING_ELSE),
}
EMPTY_LISTS = ("not", "unknown")


def blank(base: RuleBase) -> str:
    """A case in YAML with nothing filled in: every field under its question, with units and allowed values.

    Returns: a valid case as it stands, with everything unknown.
    """
    return HEADER.format(edition=base.edition) + "\n".join(_blank_lines(Profile, "", base)) + "\n"


def _blank_lines(model: type[BaseModel], prefix: str, base: RuleBase) -> Iterator[str]:
    indent = "  " * prefix.count(".")
    for name, info in model.model_fields.items():
        key, path = info.alias or name, prefix + name
        annotation = info.annotation
        group = annotation if isinstance(annotation, type) and issubclass(annotation, Group) else None
        yield ""
        if group is not None:
            yield from _comment(info.description or "", indent)
            yield f"{indent}{key}:"
            yield from _blank_lines(group, path + ".", base)
            continue
        kind = fields().get(path)
        about = [kind.question, kind.description] if kind else [info.description or ""]
        yield from _comment(" ".join(part for part in about if part), indent)
        if kind is not None:
            yield from _comment(_takes(kind), indent, "  ")
            yield from _values(kind, base, indent)
            yield from _example(key, kind, indent)
        yield f"{indent}{key}:{' []' if key in EMPTY_LISTS else ''}"


def _takes(kind: FieldType) -> str:
    if kind.unit:
        return (
            f"{UNITS.get(kind.unit, kind.unit)} (held in {kind.unit})"
            if kind.unit in ("days", "mg/day")
            else UNITS.get(kind.unit, kind.unit)
        )
    return {
        "tri": "yes, no or unknown",
        "date": "a whole day, such as 2026-03-02",
        "choice": "one of these" if kind.values else "",
        "set": "a list of these, or {other: …} for one that is not listed" if kind.values else "a list of these",
        "records": "a list of records; a bare word stands for a record with only its first field",
    }.get(kind.kind, "")


def _values(kind: FieldType, base: RuleBase, indent: str) -> Iterator[str]:
    record = record_of(kind.path)
    if record is None:
        yield from _vocabulary(kind.values or _names(kind.path, "", base), indent, "    ")
        return
    for name, info in record.model_fields.items():
        item = kind.item.get(name)
        said = [item.question, item.description] if item else [info.description or ""]
        takes = _takes(item) if item else "text"
        told = " ".join(part for part in said if part)
        yield from _comment(f"{name}: {told}{f' [{takes}]' if takes else ''}", indent, "    ", hang=4)
        if item:
            yield from _vocabulary(item.values or _names(kind.path, name, base), indent, "        ")


def _names(path: str, item: str, base: RuleBase) -> Mapping[str, str]:
    """The names that come from the rule base and not from the profile."""
    if (path, item) == ("trials", "treatment"):
        medicines = {f"or a medicine of {o}": ", ".join(names) for o, names in _medicines_by_option(base).items()}
        return {**_option_names(base), **medicines}
    return _option_names(base) if path == "declined" else {}


def _option_names(base: RuleBase) -> dict[str, str]:
    return {option.option: option.name for option in base.options}


def _medicines_by_option(base: RuleBase) -> dict[str, list[str]]:
    made: dict[str, list[str]] = {}
    for name, entry in base.medicines.items():
        if entry.get("option"):
            made.setdefault(str(entry["option"]), []).append(name)
    return made


def _vocabulary(values: Mapping[str, str], indent: str, more: str) -> Iterator[str]:
    told = {value: means for value, means in values.items() if _plain(means) != _plain(value)}
    wide = min(max((len(value) for value in told), default=0), 42)
    for value in values:
        yield from _comment(f"{value:<{wide}}  {told.get(value, '')}".rstrip(), indent, more, hang=wide + 2)


def _example(key: str, kind: FieldType, indent: str) -> Iterator[str]:
    if kind.kind == "records" and kind.path in RECORD_EXAMPLES:
        yield f"{indent}# Example:"
        yield f"{indent}# {key}:"
        yield from (f"{indent}#   - {record}" for record in RECORD_EXAMPLES[kind.path])


def _comment(text: str, indent: str, more: str = "", hang: int = 0) -> Iterator[str]:
    """The text as comment lines; `hang` indents what does not fit on the first of them."""
    from textwrap import wrap

    start = f"{indent}# {more}"
    yield from wrap(
        text,
        WIDTH,
        initial_indent=start,
        subsequent_indent=start + " " * hang,
        drop_whitespace=True,
        break_long_words=False,
        break_on_hyphens=False,
    )


# ---- the interview ----

NOT_KNOWN = (
    *("", "?", "unknown", "not known", "do not know", "don't know", "i do not know", "i don't know", "skip"),
    *("not sure", "unsure", "unclear", "no idea", "not asked", "n/a"),
)
NOTHING = ("none", "nothing", "no", "[]")
DENIALS = ("no", "not", "none", "nothing", "neither", "never")
ALL_SAID = (NOTHING_ELSE, "that is all", "that's all", "and that is all", "and nothing else")
STILL_OPEN = ("...", "…", "and maybe more", "maybe more", "perhaps more", "and more", "more", "and others", "others")
YES, NO = ("yes", "y", "true"), ("no", "n", "false")
SAID_AS = {
    "did not help": "failed",
    "no help": "failed",
    "intolerable": "not-tolerated",
    "going on": "running",
    "stopped": "ended",
}
EXAMPLES = {
    "days": "7 months",
    "mg/day": "40 mg/day",
    "years": "54",
    "0-10": "6",
    "tri": "yes",
    "date": "2026-03-02",
    "red_flags": "none",
    "causes": "excessive-scar",
    "trials": "physical-therapy failed 10 weeks, massage helped, gabapentin not-tolerated 3 weeks 900 mg/day",
    "medicines": "gabapentin 600 mg three times a day, aspirin",
    "declined": "iv-ketamine",
    "illnesses": "diabetes, glaucoma",
}
_DURATION = re.compile(
    r"\b\d+(?:\.\d+)?\s*(?:days?|d|weeks?|wks?|months?|mos?|years?|yrs?)\b(?:\s+(?:and\s+)?\d+(?:\.\d+)?\s*(?:days?|weeks?|months?))*",
    re.IGNORECASE,
)
_DOSE = re.compile(r"\b\d+(?:\.\d+)?\s*(?:mg|g|mcg|ug|µg|micrograms?)\b.*", re.IGNORECASE)


@dataclass(frozen=True)
class Asked:
    """One question of the interview: the text to show, and the field that the answer goes to."""

    text: str
    field: str


@dataclass
class Interview:
    """Asks for a case one question at a time, and only what still matters.

    Shapes:  data is the case so far, as a case file would say it; put, the fields that were asked; unknown, those of
             them that nobody could answer.
    """

    compiled: Compiled
    data: dict[str, Any] = field(default_factory=dict)
    put: set[str] = field(default_factory=set)
    unknown: list[str] = field(default_factory=list)

    def next(self) -> Asked | None:
        """The most telling question that was not yet put; None when nothing is left that matters."""
        for question in self._walk().questions:
            if question.field not in self.put:
                return Asked(self._text(question), question.field)
        return None

    def take(self, asked: Asked, said: str) -> str | None:
        """Write an answer into the case.

        Returns: what is wrong with it, in plain words; None when it was taken.
        """
        plain = said.strip()
        if plain.lower() in NOT_KNOWN:
            self._leave(asked)
            return None
        kind, record = field_at(asked.field)
        try:
            value = self._read(kind, plain)
            if value is None:
                self._leave(asked)
                return None
            data = self._with(asked.field, record, value)
            subject_of(data, self.compiled.base, _page(data))
        except _AnswerError as fault:
            return str(fault)
        except Problems as problems:
            return "\n".join(f"{p.message}{f'; {p.help}' if p.help else ''}" for p in problems.items)
        self.data = data
        self.put.add(asked.field)
        return None

    def _leave(self, asked: Asked) -> None:
        self.put.add(asked.field)
        self.unknown.append(asked.field)

    def as_yaml(self) -> str:
        """The case so far as a file that reads back to the same walk; what was asked in vain stands in comments."""
        lines = ["# A case for the chronic-pain pathway.  pathway walk this-file.yaml"]
        order = list(Profile.model_fields)
        for key in sorted(self.data, key=lambda name: order.index(name) if name in order else len(order)):
            lines += yaml_lines(key, self.data[key])
        lines += [f"# asked and not known: {path}" for path in self.unknown]
        if not self.data:
            lines.append("{}")
        return "\n".join(lines) + "\n"

    # ---- asking ----

    def _walk(self) -> Walk:
        page = _page(self.data)
        return walk_case(Case(page.source, subject_of(self.data, self.compiled.base, page)), self.compiled)

    def _text(self, question: Question) -> str:
        kind, record = field_at(question.field)
        base = self.compiled.base
        lines = [self._unknown_medicine(question.field) if question.field.endswith(".medicine") else question.question]
        names = kind.values or (_option_names(base) if kind.path in ("trials", "declined") else {})
        if kind.kind in ("number", "tri", "date"):
            lines.append(f"  Answer: {_takes(kind).removesuffix(' or unknown').replace('yes, no', 'yes or no')}.")
        lines += [line[2:] for line in _vocabulary(names, "", "  ")]
        if kind.kind in ("set", "records"):
            lines.append("  One answer closes the list: add ... when there may be more; none when there is none.")
        if kind.path == "trials" and record is None:
            lines.append(
                "  Each: treatment, result (helped, partly, failed, not-tolerated) or running, how long, dose."
            )
        example = EXAMPLES.get(kind.path) or EXAMPLES.get(kind.unit) or EXAMPLES.get(kind.kind) or next(iter(names), "")
        lines.append(f"  Example: {example}.  " * bool(example) + '"?" or nothing: not known.')
        return "\n".join(lines)

    def _unknown_medicine(self, path: str) -> str:
        name = self._at(path)
        if str(name).strip().lower() in self.compiled.base.classes:
            return f'"{name}" stands for several medicines. Which of them is it?'
        return f'No rule knows a medicine called "{name}". Which class is it, or by which other name is it known?'

    def _at(self, path: str) -> Any:
        value: Any = self.data
        for part in re.findall(r"[^.\[\]]+", path):
            if isinstance(value, list):
                value = value[int(part)]
            elif isinstance(value, dict):
                value = value.get(part)
        return next(iter(value.values())) if isinstance(value, dict) else value

    # ---- reading ----

    def _with(self, path: str, record: int | None, value: Any) -> dict[str, Any]:
        """The data with a value at a field."""
        data: dict[str, Any] = json.loads(json.dumps(self.data))
        if record is not None:
            head = path.partition("[")[0]
            item, key = data[head][record], next(iter(fields()[head].item))
            data[head][record] = {**(item if isinstance(item, dict) else {key: item}), path.rpartition(".")[2]: value}
            return data
        *groups, last = path.split(".")
        place = data
        for group in groups:
            place = place.setdefault(group, {})
        place[last] = value
        return data

    def _read(self, kind: FieldType, said: str) -> Any:
        if kind.kind in ("set", "records"):
            return self._list(kind, said)
        if kind.kind == "tri":
            return _yes_or_no(said)
        if kind.kind == "choice" and kind.values:
            return _choice(said, kind.values)
        if kind.kind == "number" and kind.unit not in ("days", "mg/day") and re.fullmatch(r"\d+(\.\d+)?", said):
            return float(said) if "." in said else int(said)
        return said

    def _list(self, kind: FieldType, said: str) -> Any:
        """What a list answer says; None where it names nothing and leaves the list open."""
        if said.lower() in NOTHING:
            return "none"
        closed, ended = True, False
        items: list[str] = []
        for part in re.split(r"[,;]|\band\b(?!\s+(?:maybe|more|others|that|nothing|\d))", said):
            text, is_open = _without_open_end(part.strip())
            if text and text.lower() in NOT_KNOWN:
                text, is_open = "", True
            closed = closed and not is_open
            if text.lower() in ALL_SAID:
                ended = True
            elif text:
                items.append(_told(text))
        if not items and not closed:
            return None
        if not items and not ended:
            raise _AnswerError('nothing is named here; write none if there is none, and "?" if it is not known')
        read: Callable[[str], Any] = {
            "trials": self._trial,
            "medicines": self._medicine,
            "red_flags": self._flag,
            "declined": lambda text: _choice(text, _option_names(self.compiled.base)),
        }.get(kind.path, lambda text: _item(text, kind.values))
        made = [read(text) for text in items]
        return [*made, NOTHING_ELSE] if closed else made

    def _trial(self, text: str) -> dict[str, Any]:
        treatment, rest = self._treatment(text)
        trial: dict[str, Any] = {"treatment": treatment}
        duration = _DURATION.search(rest)
        if duration:
            trial["duration"] = duration[0]
            rest = rest[: duration.start()] + rest[duration.end() :]
        dose = _DOSE.search(rest)
        if dose:
            trial["dose"] = " ".join(dose[0].split())
            rest = rest[: dose.start()]
        items = fields()["trials"].item
        for name in ("result", "state"):
            found = _word_of(rest, items[name].values)
            if found:
                trial[name], rest = found
        left = " ".join(
            word
            for word in re.findall(r"[^\s()]+", rest)
            if word.lower() not in ("for", "it", "was", "over", "at", "with")
        )
        if left:
            results = ", ".join((*items["result"].values, "running", "never"))
            raise _AnswerError(
                f'"{left}" is not understood; write the treatment, then one of {results}, then how long and the dose'
            )
        return trial

    def _treatment(self, text: str) -> tuple[str, str]:
        """The treatment that a line begins with, and the rest of the line."""
        base = self.compiled.base
        names = {name.replace("-", " "): name for name in base.treatments}
        names |= {option.name.partition("(")[0].strip().lower(): option.option for option in base.options}
        words = text.split()
        for count in range(len(words), 0, -1):
            name = " ".join(words[:count]).lower().replace("-", " ")
            if name in names:
                return names[name], " ".join(words[count:])
        return words[0], " ".join(words[1:])

    def _medicine(self, text: str) -> Any:
        dose = _DOSE.search(text)
        if dose is None:
            return text
        return {"medicine": text[: dose.start()].strip(), "dose": " ".join(dose[0].split())}

    def _flag(self, text: str) -> Any:
        name, excluded = (text.lower().removesuffix("excluded").strip(), "excluded" in text.lower().split())
        finding = _choice(name, fields()["red_flags"].values)
        return {"finding": finding, "excluded": "yes"} if excluded else finding


class _AnswerError(Exception):
    """An answer that does not get as far as the readers of case files."""


def _page(data: Mapping[str, Any]) -> Document:
    return read_document(BytesIO(json.dumps(data).encode()), name="interview.json")


def _yes_or_no(said: str) -> str:
    plain = said.lower()
    return "yes" if plain in YES else "no" if plain in NO else said


def _choice(said: str, values: Mapping[str, str]) -> str:
    """The value meant, by its name or its meaning; what is neither is left for the reader to refuse."""
    plain = _plain(said)
    by_name = {_plain(value): value for value in values}
    by_meaning = {_plain(means): value for value, means in values.items()}
    return by_name.get(plain) or by_meaning.get(plain) or said


def _item(said: str, values: Mapping[str, str]) -> Any:
    other = re.fullmatch(r"other[:\s]\s*(.+)", said, re.IGNORECASE)
    return {"other": other[1]} if other else _choice(said, values)


def _plain(text: str) -> str:
    return " ".join(text.lower().replace("-", " ").replace("_", " ").split())


def _told(item: str) -> str:
    """An item of a list; what denies or says nothing is no item, and is never taken for the end of the list."""
    if item.split(maxsplit=1)[0].lower().rstrip(".!") in DENIALS or not any(c.isalnum() for c in item):
        raise _AnswerError(f'"{item}" is not understood; name what there is, or write none alone if there is none')
    return item


def _without_open_end(text: str) -> tuple[str, bool]:
    text = re.sub(r"(\.\s*){2,}|…+", "...", text)
    lower = text.lower()
    for ending in sorted(STILL_OPEN, key=len, reverse=True):
        if lower == ending or (lower.endswith(ending) and (not ending[0].isalpha() or lower.endswith(" " + ending))):
            return text[: len(text) - len(ending)].removesuffix("and ").strip(), True
    return text, False


def _word_of(text: str, values: Iterable[str]) -> tuple[str, str] | None:
    """The value that a text names, and the text without it."""
    meant = {value.replace("-", " "): value for value in values}
    meant |= {said: value for said, value in SAID_AS.items() if value in meant.values()}
    for said, value in sorted(meant.items(), key=lambda pair: -len(pair[0])):
        found = re.search(rf"\b{said.replace(' ', '[- ]')}\b", text, re.IGNORECASE)
        if found:
            return value, text[: found.start()] + text[found.end() :]
    return None
