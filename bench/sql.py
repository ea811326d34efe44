"""The rule tree compiled to DuckDB's SQL: the peer that `batch.py` runs the same rules in.

SQL has the logic of the rules built in: a BOOLEAN is TRUE, FALSE or NULL, and AND, OR and NOT are those of Kleene.
So a word is a BOOLEAN, unknown is NULL, and `(stated else other)` is coalesce. What several words share is a column
of its own in a SELECT around the ones before it, so that nothing is worked out twice.

Only the columns of `people.py` are spoken: yes or no as BOOLEAN, a result of a trial, and times, doses and scores as
numbers. Any other column is refused, so that nothing is timed that says less than the rules do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import polars as pl

from pathway.batch.results import OUT_OF_SCOPE
from pathway.case import SUICIDE
from pathway.engine.columns import ENDS, UNITS
from pathway.language import Tree
from pathway.profile import CAUSES
from pathway.rules import RuleBase
from pathway.table import CLOSES, Column, Table
from pathway.tree import Node, RuleTree

BITS = 64
TRUE, FALSE, NULL = "TRUE", "FALSE", "NULL"
OF_WOMEN = ("pregnancy", "fertility.possible", "fertility.breastfeeding")
SHARP = {"yes": "IS TRUE", "unknown": "IS NULL", "no": "IS FALSE"}
_COLUMN = re.compile(r'"@(\d+)"')


class NotSpoken(ValueError):
    """A column or a word that this compiler has no SQL for."""


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def text(word: str) -> str:
    """A word as SQL writes it."""
    return "'" + word.replace("'", "''") + "'"


@dataclass
class Layers:
    """Columns, each in a SELECT around those that it names; the same expression is one column."""

    levels: list[list[str]] = field(default_factory=list)
    known: dict[str, str] = field(default_factory=dict)
    level_of: list[int] = field(default_factory=list)

    def keep(self, sql: str) -> str:
        """The expression as a column; a constant, or a column, as it is."""
        if sql in (TRUE, FALSE, NULL) or _COLUMN.fullmatch(sql):
            return sql
        if sql not in self.known:
            level = max((self.level_of[int(number)] + 1 for number in _COLUMN.findall(sql)), default=0)
            name = f'"@{len(self.level_of)}"'
            self.level_of.append(level)
            self.levels += [[]] if level == len(self.levels) else []
            self.levels[level].append(f"{sql} AS {name}")
            self.known[sql] = name
        return self.known[sql]

    def around(self, source: str) -> str:
        """The SELECTs, one around the other."""
        for columns in self.levels:
            source = f"SELECT *, {', '.join(columns)}\nFROM ({source})"
        return source


def every(parts: Iterable[str]) -> str:
    """AND."""
    return _joined(parts, "AND", TRUE, FALSE)


def some(parts: Iterable[str]) -> str:
    """OR."""
    return _joined(parts, "OR", FALSE, TRUE)


def _joined(parts: Iterable[str], word: str, neutral: str, final: str) -> str:
    left = [part for part in dict.fromkeys(parts) if part != neutral]
    if final in left or not left:
        return final if left else neutral
    return left[0] if len(left) == 1 else f"({f' {word} '.join(left)})"


def opposite(part: str) -> str:
    """NOT."""
    return {TRUE: FALSE, FALSE: TRUE, NULL: NULL}.get(part) or f"(NOT {part})"


def choose(truth: str, then: str, otherwise: str) -> str:
    """One value where something is so, else another."""
    if truth in (TRUE, FALSE):
        return then if truth == TRUE else otherwise
    return then if then == otherwise else f"CASE WHEN {truth} THEN {then} ELSE {otherwise} END"


class Query:
    """The rules over the columns of a cohort.

    Args:    present: the columns of the cohort. Errors: NotSpoken.
    """

    def __init__(self, tree: RuleTree, base: RuleBase, present: Iterable[str]) -> None:
        self.tree, self.base, self.table, self.layers = tree, base, Table(base), Layers()
        self.columns = {name: column for name in present if (column := self.table.column(name))}
        for column in self.columns.values():
            _spoken(column)
        self.medicines = [c.item for c in self._of("medicines") if not c.part]
        self.values: dict[str, str] = {}
        tables = [node for node in tree.nodes if node.kind == "status"]
        self.statuses = sorted(
            {status for node in tables for status in (node.otherwise, *(row[1] for row in node.rows))}
        )
        for node in tree.nodes:
            self.values[node.name] = self.layers.keep(self._node(node))

    def select(self, source: Path, first: str = "id") -> str:
        """The results of a cohort: the case, the row, how the walk ends, every status, and the verdicts as masks."""
        base = self.base
        names = [*(step.step for step in base.walked), *(option.option for option in base.options)]
        statuses = [f"{name}.status" for name in names]
        told = [quoted(first), 'file_row_number + 1 AS "row"', f"{self.values['walk.ending']} AS ending"]
        told += [f"{self.values[name]} AS {quoted(name)}" for name in statuses]
        rules = [self.values[f"rule:{rule.rule}"] for rule in base.rules]
        for verdict, test in (("fires", SHARP["yes"]), ("asks", SHARP["unknown"])):
            told += [f"{mask} AS {verdict}_{i}" for i, mask in enumerate(_masks(rules, test))]
        cohort = f"SELECT * FROM read_parquet({text(str(source))}, file_row_number = true)"
        return f"SELECT {', '.join(told)}\nFROM ({self.layers.around(cohort)})"

    def _of(self, path: str) -> list[Column]:
        return [column for column in self.columns.values() if column.path == path and column.item not in ("", CLOSES)]

    def _raw(self, name: str) -> str:
        return quoted(name) if name in self.columns else NULL

    def _node(self, node: Node) -> str:
        if node.kind == "status":
            return self._status(node)
        return self._field(node.tree) if node.kind == "field" else self._logic(node.tree)

    def _logic(self, tree: Tree) -> str:
        match tree:
            case ["word", name]:
                return self.values[name]
            case ["at-least", number, parts]:
                return _at_least(int(number), [self._logic(part) for part in parts])
            case _:
                return _kleene(tree, self._logic)

    def _status(self, node: Node) -> str:
        rows = []
        for literals, status in node.rows:
            tests = every(self._holds(name, answer) for name, answer in literals)
            if tests != FALSE:
                rows.append(f"WHEN {tests} THEN {text(status)}::status")
        otherwise = f"{text(node.otherwise)}::status"
        return f"CASE {' '.join(rows)} ELSE {otherwise} END" if rows else otherwise

    def _holds(self, name: str, answer: str) -> str:
        value = self.values[name]
        if self.tree.node[name].kind == "status":
            return f"({value} = {text(answer)}::status)"
        if value in (TRUE, FALSE, NULL):
            return TRUE if {"yes": TRUE, "no": FALSE, "unknown": NULL}[answer] == value else FALSE
        return f"({value} {SHARP[answer]})"

    # ---- fields ----

    def _field(self, tree: Tree) -> str:
        match tree:
            case ["has", path, value]:
                if (path, value) == ("red_flags", SUICIDE) and {"mood.item9", "mood.phq9"} & self.columns.keys():
                    raise NotSpoken("mood.item9")
                return self._left_out(path, value)
            case ["some", "trials", option, condition]:
                return self._some_trial(option, condition)
            case ["some", "causes", kind, condition]:
                return some(self._some_cause(each, condition) for each in ([kind] if kind else CAUSES))
            case ["some", _, key, condition]:
                return self._some_medicine(key, condition)
            case ["total", measure, key, op, bound]:
                return self._total(measure, key, op, bound)
            case ["flag", path] if path in OF_WOMEN:
                male = f"(coalesce({self._raw('sex')}, '') = 'male')" if "sex" in self.columns else FALSE
                return choose(self.layers.keep(male), FALSE, self._raw(path))
            case ["number" | "is" | "flag", path, *_]:
                return self._detail(tree, path)
            case _:
                return _kleene(tree, self._field)

    def _detail(self, tree: Tree, name: str) -> str:
        """A number compared, one of several words, or yes or no."""
        if tree[0] == "number":
            column = next((quoted(name + unit) for unit in UNITS if name + unit in self.columns), NULL)
            return NULL if column == NULL else self.layers.keep(f"({column} {tree[2]} {tree[3]!r})")
        column = self._raw(name)
        if column == NULL or tree[0] == "flag":
            return column
        return self.layers.keep(f"({column} = {text(tree[2])})")

    def _left(self, path: str) -> str:
        """What a list that does not name something says of it: no where the list is whole."""
        whole = self._raw(f"{path}.{CLOSES}")
        return NULL if whole == NULL else self.layers.keep(f"CASE WHEN {whole} THEN FALSE END")

    def _left_out(self, path: str, value: str) -> str:
        column, left = self._raw(f"{path}.{value}"), self._left(path)
        return left if column == NULL else column if left == NULL else f"coalesce({column}, {left})"

    # ---- causes and trials ----

    def _there(self, *names: str) -> str:
        """Whether any of some columns says that something is there: by a yes, or by being filled."""
        base, *details = names
        told = [f"coalesce({self._raw(base)}, FALSE)"] if base in self.columns else []
        told += [f"({quoted(name)} IS NOT NULL)" for name in details if name in self.columns]
        return self.layers.keep(some(told))

    def _some_cause(self, kind: str, condition: Tree) -> str:
        name = f"causes.{kind}"
        value = self._within(condition, lambda tree: self._detail(tree, name + tree[1]))
        return choose(self._there(name, f"{name}.correctable"), value, self._left_out("causes", kind))

    def _some_trial(self, option: str, condition: Tree) -> str:
        name = f"trials.{option}"
        tried = self._there(name, f"{name}.result", f"{name}.duration_days", f"{name}.dose_mg_per_day")
        return choose(tried, self._within(condition, lambda tree: self._of_trial(tree, name)), self._left("trials"))

    def _of_trial(self, tree: Tree, name: str) -> str:
        """What is told of the one trial of an option: there is none after it."""
        if tree[0] == "later":
            return FALSE
        if tree[:2] != ["is", ".state"]:
            return self._detail(tree, name + tree[1])
        if f"{name}.result" not in self.columns:
            return NULL
        ended = f"({quoted(f'{name}.result')} IN ({', '.join(map(text, ENDS))}))"
        return self.layers.keep(f"CASE WHEN {ended} THEN {TRUE if tree[2] == 'ended' else FALSE} END")

    def _within(self, tree: Tree, detail: Callable[[Tree], str]) -> str:
        """A condition on one item of a list."""
        if tree[0] in ("number", "is", "flag", "later"):
            return detail(tree)
        return _kleene(tree, lambda part: self._within(part, detail))

    # ---- medicines: with these columns no trial of one is surely going on ----

    def _taken(self, name: str) -> str:
        return self._there(f"medicines.{name}", f"medicines.{name}.dose_mg_per_day")

    def _denied(self, key: str) -> str:
        column = self._raw(f"medicines.{key}")
        return FALSE if column == NULL else f"({column} IS FALSE)"

    def _medicines_left_out(self, key: str | None) -> str:
        left = self._left("medicines")
        return left if key is None else self.layers.keep(choose(self._denied(key), FALSE, left))

    def _belongs(self, name: str, key: str) -> str:
        if key in self.base.classes.get(name, ()):
            return TRUE
        return choose(self._denied(key), FALSE, NULL) if key in self.base.possible.get(name, ()) else FALSE

    def _some_medicine(self, key: str | None, condition: Tree) -> str:
        values = [self._medicines_left_out(key)]
        for name in self.medicines:
            value = self._within(condition, lambda tree, name=name: self._of_medicine(tree, name))
            values.append(every([self._taken(name), self._belongs(name, key) if key else TRUE, value]))
        return some(values)

    def _of_medicine(self, tree: Tree, name: str) -> str:
        return self._detail(tree, f"medicines.{name}{tree[1]}")

    def _total(self, measure: str, key: str, op: str, bound: float) -> str:
        """A sum compared: what is not known adds nothing to the least and everything to the most."""
        amounts, short = [], [f"({left} IS NULL)" if (left := self._medicines_left_out(key)) != NULL else TRUE]
        for name in self.medicines:
            belongs, there = self._belongs(name, key), self._taken(name)
            if belongs == FALSE:
                continue
            dose = self._raw(f"medicines.{name}.dose_mg_per_day")
            factor = 1.0 if measure == "dose" else self.base.factors.get(name, {}).get("oral")
            counted = belongs == TRUE and dose != NULL and factor is not None
            amounts += [f"coalesce(CASE WHEN {there} THEN {dose} * {factor!r} END, 0.0)"] if counted else []
            unsure = TRUE if belongs == TRUE else f"(({belongs}) IS NULL)"
            short.append(every([there, f"({dose} IS NULL)" if counted else unsure]))
        low = f"round({' + '.join(amounts) or '0.0'}, 6)"
        so, exact = self.layers.keep(f"({low} {op} {bound!r})"), self.layers.keep(opposite(some(short)))
        if op in (">", ">="):
            return f"CASE WHEN {so} THEN TRUE WHEN {exact} THEN FALSE END"
        return f"CASE WHEN NOT {so} THEN FALSE WHEN {exact} THEN TRUE END"


def _kleene(tree: Tree, value: Callable[[Tree], str]) -> str:
    """A tree of and, or and not."""
    match tree:
        case ["and", parts]:
            return every(map(value, parts))
        case ["or", parts]:
            return some(map(value, parts))
        case ["not", part]:
            return opposite(value(part))
        case ["else", stated, other]:
            said, else_said = value(stated), value(other)
            return else_said if said == NULL else said if said in (TRUE, FALSE) else f"coalesce({said}, {else_said})"
        case ["always"]:
            return TRUE
        case ["never"]:
            return FALSE
    raise NotSpoken(str(tree[0]))


def _at_least(number: int, parts: list[str]) -> str:
    """So many of some: yes where so many are yes, no where too many are no."""
    yes = " + ".join(f"({part} IS TRUE)::TINYINT" for part in parts)
    no = " + ".join(f"({part} IS FALSE)::TINYINT" for part in parts)
    return f"CASE WHEN {yes} >= {number} THEN TRUE WHEN {no} > {len(parts) - number} THEN FALSE END"


def _masks(rules: list[str], test: str) -> list[str]:
    """Verdicts as columns of 64 bits."""
    return [_mask(rules[first : first + BITS], test) for first in range(0, len(rules), BITS)]


def _mask(rules: list[str], test: str) -> str:
    never = {SHARP["yes"]: (FALSE, NULL), SHARP["unknown"]: (TRUE, FALSE)}[test]
    live = [(1 << i, rule) for i, rule in enumerate(rules) if rule not in never]
    bits = [f"CASE WHEN {rule} {test} THEN {bit}::UBIGINT ELSE 0::UBIGINT END" for bit, rule in live]
    return " | ".join(bits) or "0::UBIGINT"


def _spoken(column: Column) -> None:
    """Refuse a column that has no SQL here."""
    known = {"trials": ("result", "duration", "dose"), "medicines": ("", "dose")}
    parts = known.get(column.path, (column.part,))
    if column.item != CLOSES and (column.slot > 1 or column.kind == "medicine" or column.part not in parts):
        raise NotSpoken(column.name)


def copy(connection: duckdb.DuckDBPyConnection, query: Query, source: Path, target: Path) -> None:
    """Run the rules over a cohort, and write what they say as Parquet."""
    connection.execute(f"CREATE OR REPLACE TYPE status AS ENUM ({', '.join(map(text, query.statuses))})")
    connection.execute(f"COPY ({query.select(source)}) TO {text(str(target))} (FORMAT parquet, COMPRESSION zstd)")


def differences(results: pl.DataFrame, ours: pl.DataFrame) -> Mapping[str, int]:
    """In how many rows each column of DuckDB's results is not ours, over the rows that we evaluated."""
    both = ours.join(results, on=["id", "row"], how="left", suffix=" ~", maintain_order="left")
    same = both.select(
        _as_text(name).eq_missing(pl.col(f"{name} ~").cast(pl.String)).alias(name) for name in results.columns[2:]
    )
    counts = {name: ours.height - int(same[name].sum()) for name in same.columns}
    return {name: count for name, count in counts.items() if count}


def _as_text(name: str) -> pl.Expr:
    """A column of ours as DuckDB writes it: the scope of the pathway is a referral there."""
    told = pl.col(name).cast(pl.String)
    return told.replace(OUT_OF_SCOPE, "referral") if name == "ending" else told
