"""The expression language of the rule base: text in, a checked tree of plain lists out.

A word speaks either of *fields* of the profile ("pain.duration > policy.chronic-after") or of other
*words* ("chronic-pain and not relief"), never of both. The tree is made of lists, strings and
numbers only, so that it can be kept as JSON and compiled by every engine:

    fields   ["number", path, op, number]  ["is", path, value]  ["flag", path]  ["has", path, value]
             ["some", list, key, condition]  ["later", condition]  ["else", stated, otherwise]
             ["total", measure, class, op, number]
    words    ["word", name]  ["at-least", n, [tree, …]]  ["rules", verb, target]
             ["options", how, n, countable, step, ending]  ["kinds", how, option, ending]
    both     ["and", [tree, …]]  ["or", [tree, …]]  ["not", tree]  ["always"]  ["never"]
             ["policy", name]  ["policy", name, option]

Inside a `where`, paths begin with a dot and belong to the item. A number is a float, or ["policy", name].
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from pathway.problem import near
from pathway.profile import FieldType
from pathway.units import UnitError, parse_dose, parse_duration

if TYPE_CHECKING:
    from lark import Lark, Token
    from lark.tree import Tree as Parsed

Tree = list[Any]

GRAMMAR = r"""
?expression: disjunction
?disjunction: conjunction
            | conjunction ("or" conjunction)+   -> either
?conjunction: negation
            | negation ("and" negation)+        -> both
?negation: "not" negation                       -> negated
         | atom
?atom: "(" expression ")"
     | "(" expression "else" expression ")"     -> otherwise
     | "always"                                 -> always
     | "never"                                  -> never
     | "some" ITEM ["of" NAME] ["where" negation]                    -> some
     | "some" "later" "trial" "where" negation                       -> later
     | "no" "later" "trial" "where" negation                         -> no_later
     | "total" MEASURE "of" NAME COMPARE number                      -> total
     | "any" "kind" "of" NAME "is" NAME                              -> any_kind
     | "every" "kind" "of" NAME "is" NAME                            -> every_kind
     | "any" "option" ["of" NAME] "is" NAME                          -> any_option
     | "every" "option" ["of" NAME] "is" NAME                        -> every_option
     | "at" "least" number COUNTABLE "options" "of" NAME "are" NAME  -> count_options
     | "at" "least" number "of" "[" NAME ("," NAME)* "]"             -> count_words
     | "any" "rule" "that" VERB [NAME]                               -> rules
     | NAME COMPARE number                                           -> compare
     | NAME "=" NAME                                                 -> equals
     | NAME "has" NAME                                               -> has
     | NAME                                                          -> name
number: QUANTITY | NAME

sharp: literal ("and" literal)*
?literal: NAME "is" NAME             -> answer_is
        | "any" "step" "is" NAME     -> any_step_is

claim: claim_all ("or" claim_all)*
claim_all: claim_one ("and" claim_one)*
?claim_one: "not" claim_one          -> claim_not
          | "(" claim ")"
          | [BEFORE] subject "is" [NOT] NAME -> test
          | "any" "step" "is" NAME   -> any_step_test
?subject: NAME | "(" expression ")"
BEFORE: "before"
NOT: "not"

ITEM: "trial" | "medicine" | "cause"
VERB: "holds" | "suits" | "opens" | "discourages" | "reviews" | "ends the walk"
MEASURE: "mme" | "dose"
COUNTABLE: "countable"
COMPARE: ">=" | "<=" | ">" | "<"
QUANTITY: /\d+(\.\d+)?( ?(days?|weeks?|months?|years?|mg\/day))?/
NAME: /(\{[a-z-]+\}|[a-z][a-z0-9_]*)([.:-](\{[a-z-]+\}|[a-z0-9_]+))*/
%ignore /[ \t\n]+/
"""

CHOICE = "yes or no"
OPTIONS = "options"
MEASURES = {"mme": "MME a day", "dose": "mg/day"}
LISTS = {"trial": "trials", "medicine": "medicines", "cause": "causes"}


class LanguageError(Exception):
    """A fault in an expression: its Problem kind, where it starts in the text, how long it is, and help."""

    def __init__(self, kind: str, message: str, offset: int, width: int = 1, help: str = "") -> None:
        super().__init__(message)
        self.kind, self.message, self.offset, self.width, self.help = kind, message, offset, width, help


@dataclass(frozen=True)
class Scope:
    """What an expression may speak of."""

    fields: Mapping[str, FieldType]
    words: frozenset[str] = frozenset()
    policies: Mapping[str, str] = field(default_factory=dict)  # name -> its unit, CHOICE or OPTIONS
    options: frozenset[str] = frozenset()
    steps: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()


@cache
def _parser(start: str) -> Lark:
    from lark import Lark

    return Lark(GRAMMAR, parser="lalr", start=start, propagate_positions=True, maybe_placeholders=True)


def _parse(text: str, start: str) -> Parsed[Token]:
    from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

    try:
        return _parser(start).parse(text)
    except UnexpectedToken as error:
        at = len(text) if error.token.type == "$END" else (error.token.start_pos or 0)
        said = "the expression ends too soon" if error.token.type == "$END" else f'"{error.token}" does not fit here'
        raise LanguageError("bad-expression", said, at, max(1, len(str(error.token))), _HELP) from None
    except UnexpectedCharacters as error:
        at = error.pos_in_stream or 0  # type: ignore[redundant-expr]  # lark's types and its code disagree
        raise LanguageError(
            "bad-expression", f'"{text[at : at + 1]}" does not belong in an expression', at, 1, _HELP
        ) from None
    except UnexpectedInput:
        raise LanguageError("bad-expression", "the expression cannot be read", 0, 1, _HELP) from None


_HELP = "see rules/README.md for the whole language"


def parse(text: str, scope: Scope) -> Tree:
    """The checked tree of an expression.

    Errors:  LanguageError with the place in the text.

    >>> from pathway.profile import fields
    >>> parse("pain.duration > 3 months and not age < 18", Scope(fields()))
    ['and', [['number', 'pain.duration', '>', 91.3125], ['not', ['number', 'age', '<', 18.0]]]]
    """
    try:
        tree = _Builder(scope).build(_parse(text, "expression"))
    except RecursionError:
        raise LanguageError("bad-expression", "the expression is nested too deep", 0, len(text), _HELP) from None
    speaks_of = {_speaks_of(node) for node in nodes(tree)} - {""}
    if len(speaks_of) > 1:
        raise LanguageError(
            "bad-expression",
            "an expression speaks of fields or of words, not of both",
            0,
            len(text),
            "give the part that speaks of fields a word of its own",
        )
    return tree


def parse_sharp(text: str, scope: Scope, statuses: Mapping[str, Collection[str]] = {}) -> list[list[str]]:
    """The literals of one row of a status table: [name, value] pairs, all of which must hold.

    `x is yes` tests an answer sharply (unknown included); `any step is current` has the name "any step".
    `statuses` names those that an option and a step may have.

    >>> parse_sharp("relief is unknown", Scope({}, frozenset({"relief"})))
    [['relief', 'unknown']]
    """
    row = []
    for literal in _parse(text, "sharp").children:
        names = literal.children  # type: ignore[union-attr]
        value = names[-1]
        name = "any step" if literal.data == "any_step_is" else str(names[0])  # type: ignore[union-attr]
        if name != "any step" and name not in scope.words:
            raise _unknown(name, scope.words, "word", names[0])
        known = _values_of(name, scope, statuses)
        if str(value) not in known:
            told = f'{name} is never "{value}"'
            raise LanguageError("bad-expression", told, value.start_pos, len(value), _did_you_mean(str(value), known))  # type: ignore[union-attr,arg-type]
        row.append([name, str(value)])
    return row


def parse_claim(text: str, scope: Scope, statuses: Mapping[str, Collection[str]] = {}) -> Tree:
    """The checked tree of a claim: what is said of everybody, sharply.

        ["all", [claim, …]]  ["any", [claim, …]]  ["not", claim]
        ["is", name, value, before]  ["of", tree, value, before]

    `before` is True where the claim speaks of the time before a change. "of" tests an expression over words.

    >>> parse_claim("relief is not no", Scope({}, frozenset({"relief"})))
    ['not', ['is', 'relief', 'no', False]]
    """
    try:
        return _Claim(scope, statuses).build(_parse(text, "claim"))
    except RecursionError:
        raise LanguageError("bad-expression", "the claim is nested too deep", 0, len(text), _HELP) from None


class _Claim:
    """From lark's parse tree of a claim to ours."""

    def __init__(self, scope: Scope, statuses: Mapping[str, Collection[str]]) -> None:
        self.scope, self.statuses = scope, statuses

    def build(self, node: Any) -> Tree:
        if node.data in ("claim", "claim_all"):
            parts = [self.build(part) for part in node.children]
            return parts[0] if len(parts) == 1 else ["any" if node.data == "claim" else "all", parts]
        if node.data == "claim_not":
            return ["not", self.build(node.children[0])]
        if node.data == "any_step_test":
            value = node.children[0]
            self._check_value("any step", value)
            return [
                "any",
                [["is", f"{step}.status", str(value), False] for step in sorted(self.scope.steps) if step[0] != "{"],
            ]
        before, subject, negated, value = node.children
        if hasattr(subject, "data"):
            test: Tree = ["of", _Builder(self.scope).build(subject), str(value), before is not None]
            self._check_value("", value)
        else:
            name = str(subject)
            if name not in self.scope.words and name not in ENDINGS:
                raise _unknown(name, {*self.scope.words, *ENDINGS}, "word", subject)
            self._check_value(name, value)
            test = ["is", name, str(value), before is not None]
        return ["not", test] if negated is not None else test

    def _check_value(self, name: str, value: Any) -> None:
        known = self.statuses.get("ending", ()) if name in ENDINGS else _values_of(name, self.scope, self.statuses)
        if str(value) not in known:
            told = f'{name or "an expression"} is never "{value}"'
            raise LanguageError("bad-expression", told, value.start_pos, len(value), _did_you_mean(str(value), known))


ENDINGS = ("walk.ending",)


def _values_of(name: str, scope: Scope, statuses: Mapping[str, Collection[str]]) -> Collection[str]:
    if name == "any step":
        return statuses.get("step", ())
    head, _, ending = name.rpartition(".")
    if ending != "status":
        return ("yes", "no", "unknown")
    return statuses.get("step" if head in scope.steps else "option", ())


def nodes(tree: Tree) -> Iterator[Tree]:
    """The tree and every tree below it."""
    yield tree
    for part in tree[1:]:
        if isinstance(part, list) and part:
            if isinstance(part[0], str) and part[0] in _HEADS:
                yield from nodes(part)
            elif isinstance(part[0], list):
                for each in part:
                    yield from nodes(each)


_FIELD_HEADS = {"number", "is", "flag", "has", "some", "later", "else", "total"}
_WORD_HEADS = {"word", "at-least", "rules", "options", "kinds"}
_HEADS = _FIELD_HEADS | _WORD_HEADS | {"and", "or", "not", "policy", "always", "never"}


def _speaks_of(tree: Tree) -> str:
    return "fields" if tree[0] in _FIELD_HEADS else "words" if tree[0] in _WORD_HEADS else ""


def of_fields(tree: Tree) -> bool:
    """Whether the tree speaks of fields of the profile."""
    return any(_speaks_of(node) == "fields" for node in nodes(tree))


def words_in(tree: Tree) -> list[str]:
    """The words that a tree names, each once, in order."""
    return list(dict.fromkeys(node[1] for node in nodes(tree) if node[0] == "word"))


def policies_in(tree: Tree) -> set[str]:
    """The policies that a tree names."""
    return {node[1] for node in nodes(tree) if node[0] == "policy"}


def _unknown(name: str, known: Any, what: str, token: Any) -> LanguageError:
    guess = near(name, known)
    help = (
        f'did you mean "{guess}"?'
        if guess
        else {"word": "`pathway rules words` lists them all", "field": "`pathway schema case` lists them all"}.get(
            what, ""
        )
    )
    return LanguageError(f"unknown-{what}", f'no {what} is called "{name}"', token.start_pos or 0, len(token), help)


def _measure(unit: str) -> str:
    if unit == OPTIONS:
        return "a list of options"
    return unit if unit == CHOICE else f"a number of {unit}" if unit else "a plain number"


class _Builder:
    """From lark's parse tree to ours, checking names and units on the way."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.item: Mapping[str, FieldType] | None = None
        self.list = ""

    def build(self, node: Parsed[Token]) -> Tree:
        made: Callable[[list[Any]], Tree] = getattr(self, "_" + str(node.data))
        return made(node.children)

    def _either(self, parts: list[Any]) -> Tree:
        return ["or", [self.build(part) for part in parts]]

    def _both(self, parts: list[Any]) -> Tree:
        return ["and", [self.build(part) for part in parts]]

    def _negated(self, parts: list[Any]) -> Tree:
        return ["not", self.build(parts[0])]

    def _otherwise(self, parts: list[Any]) -> Tree:
        return ["else", self.build(parts[0]), self.build(parts[1])]

    def _always(self, _: list[Any]) -> Tree:
        return ["always"]

    def _never(self, _: list[Any]) -> Tree:
        return ["never"]

    def _some(self, parts: list[Any]) -> Tree:
        what, key, where = parts
        if self.item is not None:
            raise LanguageError(
                "bad-expression", "a `some` cannot stand inside a `where`", what.start_pos, len(what), _HELP
            )
        path = LISTS[str(what)]
        if key is not None:
            keys = {
                "trials": self.scope.options,
                "medicines": self.scope.classes,
                "causes": frozenset(self.scope.fields["causes"].values),
            }[path]
            if not _is_placeholder(key) and str(key) not in keys:
                raise LanguageError(
                    "unknown-value",
                    f'"{key}" is no {what} known here',
                    key.start_pos,
                    len(key),
                    _did_you_mean(str(key), keys),
                )
        elif path == "trials":
            raise LanguageError(
                "bad-expression", "say of which treatment: some trial of …", what.start_pos, len(what), _HELP
            )
        self.item, self.list = self.scope.fields[path].item, path
        condition = ["always"] if where is None else self.build(where)
        self.item, self.list = None, ""
        return ["some", path, None if key is None else str(key), condition]

    def _later(self, parts: list[Any]) -> Tree:
        if self.list != "trials":
            raise LanguageError("bad-expression", "`later trial` belongs inside `some trial of … where`", 0, 1, _HELP)
        return ["later", self.build(parts[0])]

    def _no_later(self, parts: list[Any]) -> Tree:
        return ["not", self._later(parts)]

    def _total(self, parts: list[Any]) -> Tree:
        measure, key, op, number = parts
        if str(key) not in self.scope.classes:
            help = _did_you_mean(str(key), self.scope.classes)
            raise LanguageError("unknown-value", f'"{key}" is no medicine known here', key.start_pos, len(key), help)
        return ["total", str(measure), str(key), str(op), self._number(number, MEASURES[str(measure)])]

    def _any_kind(self, parts: list[Any]) -> Tree:
        return ["kinds", "any", self._of_option(parts[0]), str(parts[1])]

    def _every_kind(self, parts: list[Any]) -> Tree:
        return ["kinds", "every", self._of_option(parts[0]), str(parts[1])]

    def _of_option(self, token: Any) -> str:
        if str(token) not in self.scope.options:
            raise _unknown(str(token), self.scope.options, "option", token)
        return str(token)

    def _any_option(self, parts: list[Any]) -> Tree:
        return ["options", "any", None, False, self._step(parts[0]), str(parts[1])]

    def _every_option(self, parts: list[Any]) -> Tree:
        return ["options", "every", None, False, self._step(parts[0]), str(parts[1])]

    def _count_options(self, parts: list[Any]) -> Tree:
        number, _, step, ending = parts
        return [
            "options",
            "at-least",
            self._count(number, None),
            True,
            self._step(step),
            str(ending),
        ]

    def _step(self, token: Any) -> str | None:
        if token is None:
            return None
        if str(token) not in self.scope.steps:
            raise _unknown(str(token), self.scope.steps, "step", token)
        return str(token)

    def _count_words(self, parts: list[Any]) -> Tree:
        return ["at-least", self._count(parts[0], len(parts) - 1), [self._name([name]) for name in parts[1:]]]

    def _count(self, node: Any, most: int | None) -> float | Tree:
        """A whole number of things, at least one and at most as many as there are."""
        number = self._number(node, "")
        if isinstance(number, float) and (number < 1 or number != int(number) or number > (most or number)):
            token = node.children[0]
            wanted = f"a whole number from 1 to {most}" if most else "a whole number, 1 or more"
            raise LanguageError("out-of-range", f"{token} is not {wanted}", token.start_pos, len(token), _HELP)
        return number

    def _rules(self, parts: list[Any]) -> Tree:
        verb, target = parts
        return ["rules", str(verb).split()[0], None if target is None else str(target)]

    def _compare(self, parts: list[Any]) -> Tree:
        name, op, number = parts
        kind = self._field(name)
        if kind.kind != "number":
            raise LanguageError(
                "bad-expression",
                f'"{name}" is not a number, so it cannot be compared with {op}',
                name.start_pos,
                len(name),
                _HELP,
            )
        return ["number", self._path(name), str(op), self._number(number, kind.unit)]

    def _equals(self, parts: list[Any]) -> Tree:
        name, value = parts
        kind = self._field(name)
        if kind.kind != "choice" or not kind.values:
            raise LanguageError(
                "bad-expression", f'"{name}" is not a choice between values', name.start_pos, len(name), _HELP
            )
        return ["is", self._path(name), self._value(kind, value)]

    def _has(self, parts: list[Any]) -> Tree:
        name, value = parts
        if str(name).startswith("policy."):
            return [*self._policy(name, OPTIONS), self._of_option(value)]
        kind = self._field(name)
        if kind.kind not in ("set", "records"):
            raise LanguageError("bad-expression", f'"{name}" is not a list', name.start_pos, len(name), _HELP)
        values = kind.values or dict.fromkeys(self.scope.options, "")
        return ["has", self._path(name), self._value(kind, value, values)]

    def _value(self, kind: FieldType, token: Any, values: Mapping[str, str] | None = None) -> str:
        known = kind.values if values is None else values
        if _is_placeholder(token):
            return str(token)
        if str(token) not in known:
            raise LanguageError(
                "unknown-value",
                f'{kind.path} is never "{token}"',
                token.start_pos,
                len(token),
                _did_you_mean(str(token), known),
            )
        return str(token)

    def _name(self, parts: list[Any]) -> Tree:
        token = parts[0]
        name = str(token)
        if name.startswith("policy."):
            return self._policy(token, CHOICE)
        if self.item is not None or (name in self.scope.fields and name not in self.scope.words):
            kind = self._field(token)
            if kind.kind != "tri":
                raise LanguageError(
                    "bad-expression",
                    f'"{name}" is not answered by yes or no',
                    token.start_pos,
                    len(name),
                    "compare it with a value",
                )
            return ["flag", self._path(token)]
        if name not in self.scope.words:
            raise _unknown(name, self.scope.words, "word", token)
        return ["word", name]

    def _path(self, token: Any) -> str:
        return f".{token}" if self.item is not None else str(token)

    def _field(self, token: Any) -> FieldType:
        known = self.scope.fields if self.item is None else self.item
        if str(token) not in known:
            raise _unknown(str(token), known, "field", token)
        return known[str(token)]

    def _policy(self, token: Any, unit: str) -> Tree:
        name = str(token).removeprefix("policy.")
        if name not in self.scope.policies:
            raise _unknown(name, self.scope.policies, "policy", token)
        if self.scope.policies[name] != unit:
            told = f"policy.{name} is {_measure(self.scope.policies[name])}, and {_measure(unit)} is wanted here"
            raise LanguageError("wrong-unit", told, token.start_pos, len(token), _HELP)
        return ["policy", name]

    def _number(self, node: Any, unit: str) -> float | Tree:
        token = node.children[0]
        if token.type == "NAME":
            if not str(token).startswith("policy."):
                raise LanguageError(
                    "bad-expression", "a number or a policy was expected", token.start_pos, len(token), _HELP
                )
            return self._policy(token, unit)
        text = str(token)
        digits = "".join(c for c in text if c.isdigit() or c == ".")
        given = text[len(digits) :].strip()
        parse_unit = {"days": parse_duration, "mg/day": parse_dose}.get(unit)
        try:
            if parse_unit and given:
                return parse_unit(text)
        except UnitError as error:
            raise LanguageError(
                error.kind, f'"{text}": {error.message}', token.start_pos, len(text), error.help
            ) from None
        if parse_unit or given:
            wanted = f"this field is measured in {unit}" if unit else "this number has no unit"
            raise LanguageError("wrong-unit", f'"{text}": {wanted}', token.start_pos, len(text), _HELP)
        return float(digits)


def _is_placeholder(token: Any) -> bool:
    """Whether a name stands for each member of a family of words; which members there are is known elsewhere."""
    return str(token).startswith("{")


def _did_you_mean(name: str, known: Any) -> str:
    guess = near(name, known)
    return f'did you mean "{guess}"?' if guess else "one of: " + ", ".join(sorted(known)[:24])
