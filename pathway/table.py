"""Table: a case as one flat row, so that many cases stand as the columns of a table.

    pain.duration_days              a number; a time or a dose has its unit in the name
    blood_pressure                  one of a few words
    illnesses.glaucoma              yes, no or unknown; blank where nobody said
    illnesses.nothing-else          yes: what is blank among the illnesses is not there
    red_flags.fever                 yes, no, excluded or unknown
    causes.torn-cartilage           and .correctable
    medicines.morphine              and .dose_mg_per_day .form .helps
    trials.massage                  and .state .result .adequate .duration_days .dose_mg_per_day .medicine
    trials.massage.2.result         of the second trial of it: oldest first, as in a case file
    declined.massage

Of a case nothing that a rule reads is lost: its row says the same. A blank is never a no.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from pathway.findings import Subject, named, value_at
from pathway.problem import near
from pathway.profile import NOTHING_ELSE, FieldType, Known, Trial, fields
from pathway.rules import RuleBase
from pathway.units import show_dose, show_duration, show_patch_dose

CLOSES = "nothing-else"
OTHER = "other"
"""A medicine that no rule knows; "other-2" where there is a second one."""
SLOTTED = ("trials", "medicines")
MOST_SLOTS = 50
YES_NO = ("yes", "no", "unknown")
SIGN = ("yes", "no", "excluded", "unknown")
STRANGER = "unlisted"
"""How a case names a medicine that no rule knows, where the table has only that there is one."""
SUFFIX = {"days": "_days", "mg/day": "_mg_per_day"}
_NUMBERED = re.compile(r"((?:trials|medicines)\.[^.]+)\.([1-9][0-9]{0,2})(\..*)?")

Cell = str | float | None
Row = Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the table: its name, what its cells may say, and the part of a case that it holds.

    `path` is the field of the profile ("trials"), `item` what it names in a list ("massage"), `slot` which of
    several of these, `part` what is told of it ("result"). Numbers go from 0 to `most`, in the unit.
    """

    name: str
    kind: Literal["number", "choice", "yes-no", "sign", "medicine"]
    path: str
    item: str = ""
    part: str = ""
    slot: int = 1
    unit: str = ""
    values: tuple[str, ...] = ()
    most: float = 0.0
    whole: bool = False
    means: str = field(default="", compare=False)


class Table:
    """The columns that a rule base knows, and the way from a case to its row and back."""

    def __init__(self, base: RuleBase) -> None:
        self.base = base

    @cached_property
    def columns(self) -> Mapping[str, Column]:
        """Every column by its name, in the order of the profile; a second trial or medicine has a number in it."""
        return {column.name: column for column in self._columns()}

    @cached_property
    def lists(self) -> tuple[str, ...]:
        """The lists that a row may call whole."""
        return tuple(path for path, kind in fields().items() if kind.kind in ("set", "records"))

    @cached_property
    def medicine_names(self) -> tuple[str, ...]:
        """Every medicine and class that the rules know, in one order."""
        return tuple(sorted(self.base.classes))

    def column(self, name: str) -> Column | None:
        """The column of a name, None where the table has no such column."""
        if name in self.columns:
            return self.columns[name]
        match = _NUMBERED.fullmatch(name)
        if match is None or not 1 < int(match[2]) <= MOST_SLOTS:
            return None
        first = self.columns.get(match[1] + (match[3] or ""))
        if first is None:
            return None
        # What is not there, or not known, is said once, of the first.
        return replace(first, name=name, slot=int(match[2]), values=first.values if first.part else ("yes",))

    def like(self, name: str) -> str | None:
        """The column most like a misspelt name; a field of a case is led to its column."""
        plain = name.strip().lower()
        for guess in (plain, *(f"{plain}{suffix}" for suffix in SUFFIX.values())):
            if guess in self.columns:
                return guess
        ends = [known for known in self.columns if known.endswith(f".{plain}")]
        return ends[0] if len(ends) == 1 else near(plain, self.columns)

    def _columns(self) -> Iterator[Column]:
        for path, kind in fields().items():
            if kind.kind == "records":
                yield from self._records(path, kind)
            elif kind.kind == "set":
                values = kind.values or {option.option: option.name for option in self.base.options}
                for value, means in values.items():
                    yield Column(f"{path}.{value}", "yes-no", path, value, values=YES_NO, means=means)
                yield _closing(path)
            elif kind.kind in ("number", "choice", "tri"):
                yield _single(path, kind, path, means=kind.question)

    def _records(self, path: str, kind: FieldType) -> Iterator[Column]:
        if path == "red_flags":
            for value, means in kind.values.items():
                yield Column(f"{path}.{value}", "sign", path, value, values=SIGN, means=means)
        else:
            names: Mapping[str, str] = kind.values
            if path == "trials":
                names = {option.option: option.name for option in self.base.options}
            elif path == "medicines":
                names = {**dict.fromkeys(self.medicine_names, ""), OTHER: "a medicine that no rule knows"}
            _, *parts = kind.item
            for name, means in names.items():
                values = ("yes",) if name == OTHER else YES_NO
                yield Column(f"{path}.{name}", "yes-no", path, name, values=values, means=means or name)
                for part in parts:
                    yield from self._part(path, name, part, kind.item[part])
        yield _closing(path)

    def _part(self, path: str, name: str, part: str, kind: FieldType) -> Iterator[Column]:
        full = f"{path}.{name}.{part}"
        if kind.kind == "text":
            yield Column(full, "medicine", path, name, part, means=kind.question)
        elif kind.kind != "date":
            yield replace(_single(full, kind, path, means=kind.question), item=name, part=part)

    # ---- a case as a row ----

    def row_of(self, subject: Subject) -> dict[str, Cell]:
        """The row of a case as it was understood: durations for dates, and with what follows from it.

        A medicine that no rule knows becomes `other`, free text is left out: no rule reads either. Blanks are
        left out too.
        """
        row: dict[str, Cell] = {}
        for path, kind in fields().items():
            value = value_at(path, subject, None)
            if kind.kind in ("set", "records"):
                if value.closed:
                    row[f"{path}.{CLOSES}"] = "yes"
                row.update(self._row_of_list(path, value, subject))
            elif kind.kind in ("tri", "number", "choice"):
                row[path + SUFFIX.get(kind.unit, "")] = _cell(value)
        for said, names in (("no", subject.profile.denied), ("unknown", subject.profile.unasked)):
            for name in map(self._named, names):
                row[name] = row.get(name) or said
        return {name: row[name] for name in sorted(row, key=self.place) if row[name] is not None}

    def place(self, name: str) -> tuple[int, int, int]:
        """Where a column stands in the table's order: what is told of one trial or medicine stands together."""
        match = _NUMBERED.fullmatch(name)
        first = match[1] + (match[3] or "") if match else name
        column = self.columns.get(first)
        if column is None:
            return len(self._order), 0, 0
        begin = first.removesuffix(f".{first.rpartition('.')[2]}") if column.part else first
        return self._order[begin], int(match[2]) if match else 1, self._order[first]

    @cached_property
    def _order(self) -> Mapping[str, int]:
        return {name: place for place, name in enumerate(self.columns)}

    def _named(self, name: str) -> str:
        """The column of a value that `not` or `unknown` names, alone or as "field.value"."""
        homes = (f"{path}.{name}" for path in self.lists)
        return name if name in self.columns else next(home for home in homes if home in self.columns)

    def _row_of_list(self, path: str, listed: Any, subject: Subject) -> Iterator[tuple[str, Cell]]:
        if isinstance(listed, Known):
            yield from ((f"{path}.{name}", "yes") for name in listed.present)
        elif path == "red_flags":
            told = ((flag.finding, "excluded" if flag.excluded else "yes") for flag in listed)
            yield from ((f"{path}.{name}", said) for name, said in told if name)
        elif path == "causes":
            for cause in listed:
                if cause.kind:
                    yield from _parts(f"{path}.{cause.kind}", "yes", {"correctable": cause.correctable})
        else:
            yield from self._row_of_records(path, listed, subject)

    def _row_of_records(self, path: str, listed: Iterable[Any], subject: Subject) -> Iterator[tuple[str, Cell]]:
        times: Counter[str] = Counter()
        strangers: dict[str, str] = {}
        for record in listed:
            if isinstance(record, Trial):
                item, said, parts = self._trial(record, subject, strangers)
            else:
                name = record.medicine.strip().lower()
                item, said = (name if name in subject.classes else OTHER), "yes"
                parts = {"dose_mg_per_day": record.dose, "form": record.form, "helps": record.helps}
            times[item] += 1
            number = f".{times[item]}" if times[item] > 1 else ""
            yield from _parts(f"{path}.{item}{number}", said, parts)

    def _trial(self, trial: Trial, subject: Subject, strangers: dict[str, str]) -> tuple[str, str, dict[str, Any]]:
        option = self.base.treatments[trial.treatment.strip().lower()]
        name = named(trial, option)
        if name and name not in subject.classes:
            # Each name that nobody knows is another medicine: one's failure undoes nothing of another.
            name = strangers.setdefault(name, f"{OTHER}-{len(strangers) + 1}" if strangers else OTHER)
        if trial.state == "never":
            return option, "" if name else "no", {"state": "never", "medicine": name} if name else {}
        parts = {"state": trial.state, "result": trial.result, "adequate": trial.adequate}
        parts |= {"duration_days": trial.duration, "dose_mg_per_day": trial.dose, "medicine": name or None}
        return option, "yes" if not name else "", parts

    # ---- a row as a case ----

    def case_of(self, row: Row, complete: Iterable[str] = ()) -> dict[str, Any]:
        """What a case file would say for a row of good cells: numbers as floats, all else as text.

        Args:    complete: the lists that are whole in every row.
        Errors:  KeyError for a column that the table does not have.
        """
        case: dict[str, Any] = {}
        said: dict[str, list[str]] = {"not": [], "unknown": []}
        items: dict[str, dict[tuple[str, int], dict[str, Any]]] = {}
        closed = set(complete)
        for name in sorted((name for name, cell in row.items() if cell is not None), key=self.place):
            column, cell = self._known(name), row[name]
            if column.item == CLOSES:
                closed |= {column.path} if cell == "yes" else set()
            elif not column.item:
                *groups, last = column.path.split(".")
                here = case
                for group in groups:
                    here = here.setdefault(group, {})
                here[last] = _written(column, cell)
            elif column.part and cell == "unknown":
                continue
            elif column.part or cell in ("yes", "excluded"):
                record = items.setdefault(column.path, {}).setdefault((column.item, column.slot), {})
                if column.part:
                    record[column.part] = _written(column, cell)
                elif cell == "excluded":
                    record["excluded"] = "yes"
            elif cell in ("no", "unknown"):
                said["not" if cell == "no" else "unknown"].append(f"{column.path}.{column.item}")
        listed = items.get("medicines", {})
        patches = {_stranger(item) for (item, _), record in listed.items() if record.get("form") == "patch"}
        for path in self.lists:
            records = [self._record(path, item, record, patches) for (item, _), record in items.get(path, {}).items()]
            _put_list(case, path, records, path in closed)
        return {**case, **{side: names for side, names in said.items() if names}}

    def _known(self, name: str) -> Column:
        column = self.column(name)
        if column is None:
            raise KeyError(name)
        return column

    def _record(self, path: str, item: str, record: dict[str, Any], patches: Collection[str]) -> Any:
        """One item of a list as a case file says it."""
        key = next(iter(fields()[path].item), "")
        if not key:
            return item
        if path in SLOTTED:
            name = _stranger(str(record.get("medicine", item)))
            per_hour = name in patches and (path == "medicines" or record.get("state") == "running")
            if "dose" in record:
                opioid = "opioid" in self.base.possible.get(name, ("opioid",))
                record["dose"] = (show_patch_dose if per_hour and opioid else show_dose)(record["dose"])
            if "medicine" in record:
                record["medicine"] = name
            item = name if path == "medicines" else item
        return {key: item, **record}


def _stranger(name: str) -> str:
    return STRANGER + name.removeprefix(OTHER) if name.startswith(OTHER) else name


def _put_list(case: dict[str, Any], path: str, listed: list[Any], closed: bool) -> None:
    if closed:
        listed = [*listed, NOTHING_ELSE]
    if listed:
        *groups, last = path.split(".")
        for group in groups:
            case = case.setdefault(group, {})
        case[last] = listed


def _parts(begin: str, said: str, parts: Mapping[str, Any]) -> Iterator[tuple[str, Cell]]:
    """The cells of one record."""
    yield begin, said or None
    yield from ((f"{begin}.{part}", _cell(value)) for part, value in parts.items())


def _cell(value: Any) -> Cell:
    return ("yes" if value else "no") if isinstance(value, bool) else value


def _written(column: Column, cell: Cell) -> Any:
    """A cell as a case file says it; the dose of a record is written when its form is known."""
    if isinstance(cell, str):
        return cell
    if column.unit == "days":
        return show_duration(cell or 0.0)
    return cell


def _closing(path: str) -> Column:
    means = "yes: what is blank in this list is not there"
    return Column(f"{path}.{CLOSES}", "yes-no", path, CLOSES, values=("yes", "no"), means=means)


def _single(name: str, kind: FieldType, path: str, means: str) -> Column:
    if kind.kind == "number":
        full, unit, most, whole = name + SUFFIX.get(kind.unit, ""), kind.unit, kind.most, kind.whole
        return Column(full, "number", path, unit=unit, most=most, whole=whole, means=means)
    if kind.kind == "tri":
        return Column(name, "yes-no", path, values=YES_NO, means=means)
    return Column(name, "choice", path, values=tuple(kind.values), means=means)
