"""Reads `rules/` into a RuleBase: every fault a Problem with file, line and column, all in one pass."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from pathway.language import CHOICE, LanguageError, Scope, Tree, parse, parse_sharp
from pathway.problem import Place, Problem, Problems, near
from pathway.profile import fields
from pathway.reading import Document as Page
from pathway.reading import Limits, read_document
from pathway.rules import (
    DOCUMENTED_VERBS,
    OFFERS,
    SAFETY_VERBS,
    VERBS,
    WALK,
    Claim,
    Document,
    Option,
    Policy,
    Rule,
    RuleBase,
    Source,
    Step,
    Word,
    layer_of,
)
from pathway.units import UnitError, parse_duration
from pathway.validation import problems_of

LIMITS = Limits(bytes=5_000_000, nodes=500_000)
NAME = re.compile(r"(\{(option|step)\}\.)?[a-z0-9]+([.-][a-z0-9]+)*")
OWN = ("passed", "not-needed", "under-treatment")


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


class _Strict(BaseModel):
    # Built when a rule base is first read: a walk with a warm cache needs only the list of files.
    model_config = ConfigDict(extra="forbid", populate_by_name=True, defer_build=True)


class _Source(_Strict):
    doc: str
    at: str
    record: str | None = None
    verified: str = "yes"
    also: Annotated[list[_Source], BeforeValidator(_listed)] = []


class _Word(_Strict):
    word: str
    means: str
    text: str = Field(alias="is")
    source: _Source
    examples: list[dict[str, Any]] = []


class _Rule(_Strict):
    rule: str
    when: list[str] = []
    unless: list[str] = []
    then: dict[str, str]
    because: str
    source: _Source
    examples: list[dict[str, Any]] = []


class _Option(_Strict):
    option: str
    name: str
    counts: str = "yes"
    adequate: str = ""


class _StepFile(_Strict):
    step: str | None = None
    beside: str | None = None
    title: str
    means: str
    source: _Source | None = None
    passed: str = "never"
    not_needed: str = Field(default="relief", alias="not-needed")
    under_treatment: str = Field(default="never", alias="under-treatment")
    options: list[_Option] = []
    rules: list[_Rule] = []


class _WalkFile(_Strict):
    words: list[_Word]
    statuses: dict[str, list[dict[str, str]]]


class _Policy(_Strict):
    policy: str
    means: str
    default: Any
    low: Any = None
    high: Any = None
    unit: str = ""
    source: _Source | None = None


class _Document(_Strict):
    doc: str
    title: str
    organisation: str
    year: int | None = None
    link: str = ""
    opened_type: str = Field(default="", alias="opened-type")


class _Claim(_Strict):
    id: str
    sentence: str
    verdict: str
    said: str
    carried_by: list[str] = Field(default=[], alias="carried-by")
    because_not: str = Field(default="", alias="because-not")
    evidence: list[str] = []


class _Medicine(_Strict):
    medicine: str
    classes: list[str]
    option: str | None = None


class _Edition(_Strict):
    edition: str
    title: str
    intended_for: str = Field(alias="intended-for")
    not_for: str = Field(alias="not-for")


FILES: dict[str, Any] = {
    "edition.yaml": _Edition,
    "sources.yaml": list[_Document],
    "policy.yaml": list[_Policy],
    "medicines.yaml": list[_Medicine],
    "claims.yaml": list[_Claim],
    "walk.yaml": _WalkFile,
}
FOLDERS: dict[str, Any] = {"words": list[_Word], "steps": _StepFile}


def rule_files(root: Path) -> list[str]:
    """The files that make a rule base, by their names below its folder, in the order in which they are read.

    Errors:  Problems (not-found, unreadable, is-a-directory, too-large) of whatever is missing, is no regular file,
             or stands in words/ or steps/ and would not be read.
    """
    try:
        os.lstat(root / "edition.yaml")
    except (FileNotFoundError, NotADirectoryError):
        message, help = "this is no folder of rules", "it should hold edition.yaml, walk.yaml, words/ and steps/"
        raise Problems([Problem("not-found", Place(str(root), None, None), message, help)]) from None
    except (OSError, ValueError) as error:
        raise Problems([_unread(str(root), error)]) from None
    problems: list[Problem] = []
    files = [*FILES]
    for folder in FOLDERS:
        files += _listed_in(root, folder, problems)
    problems += [problem for name in files if (problem := _no_rule_file(root, name))]
    if problems:
        raise Problems(problems)
    return files


def _listed_in(root: Path, folder: str, problems: list[Problem]) -> list[str]:
    try:
        if (root / folder).is_symlink():
            problems.append(_refused("unreadable", folder, "this folder is a link", "put the folder itself here"))
            return []
        names = sorted(os.listdir(root / folder))
    except (OSError, ValueError) as error:
        problems.append(_unread(f"rules/{folder}", error))
        return []
    for name in names:
        if not name.endswith(".yaml") and not name.startswith(".") and name != "README.md":
            help = "rules stand in files that end in .yaml; take everything else out of this folder"
            problems.append(_refused("unreadable", f"{folder}/{name}", "this would not be read", help))
    return [f"{folder}/{name}" for name in names if name.endswith(".yaml") and not name.startswith(".")]


def _no_rule_file(root: Path, name: str) -> Problem | None:
    try:
        found = os.stat(root / name)
    except (OSError, ValueError) as error:
        return _unread(f"rules/{name}", error)
    if stat.S_ISDIR(found.st_mode):
        return _refused("is-a-directory", name, "this is a folder, not a file", "give it a name without .yaml")
    if not stat.S_ISREG(found.st_mode):
        return _refused("unreadable", name, "this is no regular file", "only regular files are read as rules")
    if found.st_size > LIMITS.bytes:
        return _refused("too-large", name, f"this is larger than {LIMITS.bytes:,} bytes", "divide it")
    return None


def _refused(kind: str, name: str, message: str, help: str) -> Problem:
    return Problem(kind, Place(f"rules/{name}", None, None), message, help)


def _unread(source: str, error: Exception) -> Problem:
    place = Place(source, None, None)
    if isinstance(error, FileNotFoundError):
        return Problem("not-found", place, "this is missing, or a link that leads nowhere", "a rule base needs it")
    if isinstance(error, NotADirectoryError):
        return Problem("not-found", place, "this is a file, not a folder", "a rule base needs the folder")
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return Problem("unreadable", place, f"this could not be read: {reason}", "check that you may read it")


def digest_of(root: Path) -> str:
    """What the files of a rule base come to: sha256 over names and bytes, in hex.

    Errors:  those of `rule_files`, and Problems (unreadable).
    """
    from hashlib import sha256

    total = sha256()
    for name in sorted(rule_files(root)):
        try:
            data = (root / name).read_bytes()
        except OSError as error:
            raise Problems([_unread(f"rules/{name}", error)]) from None
        total.update(f"{name}\0{len(data)}\0".encode(errors="surrogateescape"))
        total.update(data)
    return total.hexdigest()


def as_named(problems: Iterable[Problem], root: str | os.PathLike[str]) -> list[Problem]:
    """Problems of a rule base, placed below the folder as its owner named it instead of below `rules/`."""
    folder = os.fspath(root).rstrip("/") + "/"
    return [
        replace(
            problem,
            place=replace(problem.place, source=folder + problem.place.source.removeprefix("rules/")),
            message=problem.message.replace("at rules/", f"at {folder}"),
            help=problem.help.replace("at rules/", f"at {folder}"),
        )
        if problem.place.source.startswith("rules/")
        else problem
        for problem in problems
    ]


def read_rules(root: Path, digest: str = "") -> RuleBase:
    """The rule base in a folder.

    Errors:  Problems, all of the folder's at once, each with file, line and column.
    """
    return _Reader(Path(root)).read(digest)


@dataclass
class _Found:
    """One thing read, and where: the page it stands on and its path there."""

    data: Any
    page: Page
    path: tuple[str | int, ...]

    def problem(self, kind: str, message: str, *path: str | int, help: str = "", key: bool = False) -> Problem:
        return self.page.problem(kind, message, *self.path, *path, help=help, key=key)

    @property
    def place(self) -> str:
        place = self.page.place(*self.path)
        return f"{place.source}:{place.line}"


@dataclass
class _Reader:
    root: Path
    problems: list[Problem] = field(default_factory=list)
    scope: Scope = field(default_factory=lambda: Scope(fields()))

    def read(self, digest: str) -> RuleBase:
        shapes = {name: FILES.get(name) or FOLDERS[name.partition("/")[0]] for name in rule_files(self.root)}
        pages = {name: page for name, shape in shapes.items() if (page := self._page(self.root / name, shape))}
        if self.problems:
            raise Problems(self.problems)
        word_pages = [page for name, page in pages.items() if name.startswith("words/")]
        step_pages = [page for name, page in pages.items() if name.startswith("steps/")]
        walk = pages["walk.yaml"]
        documents = self._each(pages["sources.yaml"])
        policies = self._each(pages["policy.yaml"])
        medicines = self._each(pages["medicines.yaml"])
        words = [found for page in word_pages for found in self._each(page)] + self._each(walk, "words")
        options = [(page, found) for page in step_pages for found in self._each(page, "options")]
        rules = [(page, found) for page in step_pages for found in self._each(page, "rules")]
        self._distinct(documents, "doc")
        self._distinct(policies, "policy")
        self._distinct(medicines, "medicine")
        self._distinct(words, "word")
        self._distinct([f for _, f in options], "option")
        self._distinct([f for _, f in rules], "rule")
        self.documents = {f.data.doc for f in documents}
        self.scope = self._scope(words, options, rules, step_pages, policies, medicines)
        base = RuleBase(
            edition=pages["edition.yaml"].data.edition,
            title=pages["edition.yaml"].data.title,
            intended_for=pages["edition.yaml"].data.intended_for,
            not_for=pages["edition.yaml"].data.not_for,
            steps=tuple(self._step(page) for page in step_pages),
            options=tuple(self._option(page, found) for page, found in options),
            words=tuple(self._word(found) for found in words),
            rules=tuple(self._rule(page, found) for page, found in rules),
            policies=tuple(self._policy(found) for found in policies),
            documents=tuple(self._document(found) for found in documents),
            claims=tuple(self._claim(found, rules) for found in self._each(pages["claims.yaml"])),
            medicines={
                f.data.medicine: {"classes": f.data.classes, "option": self._known_option(f)} for f in medicines
            },
            statuses=dict(self._statuses(walk)),
            digest=digest,
        )
        if not self.problems:
            self._layers(base)
        self._warns(base)
        if self.problems:
            raise Problems(self.problems)
        return base

    def _page(self, path: Path, shape: Any) -> _Found | None:
        try:
            page = read_document(path, name=f"rules/{path.relative_to(self.root).as_posix()}", limits=LIMITS)
        except Problems as found:
            self.problems += found.items
            return None
        try:
            return _Found(TypeAdapter(shape).validate_python(page.data), page, ())
        except ValidationError as error:
            self.problems += problems_of(error, page)
            return None

    def _each(self, found: _Found, *path: str) -> list[_Found]:
        data = found.data
        for name in path:
            data = getattr(data, name)
        return [_Found(each, found.page, (*path, i)) for i, each in enumerate(data)]

    def _distinct(self, found: list[_Found], name: str) -> None:
        seen: dict[str, _Found] = {}
        for each in found:
            value = getattr(each.data, name)
            if not NAME.fullmatch(value):
                self.problems.append(
                    each.problem("bad-key", f'"{value}" is no name', name, help="lower-case words joined by hyphens")
                )
            if value in seen:
                self.problems.append(
                    each.problem(
                        "duplicate-id",
                        f'{name} "{value}" stands here again',
                        name,
                        help=f"it is first defined at {seen[value].place}",
                    )
                )
            seen.setdefault(value, each)

    def _scope(
        self, words: list[_Found], options: Any, rules: Any, pages: list[_Found], policies: Any, medicines: Any
    ) -> Scope:
        option_names = {f.data.option for _, f in options}
        step_names = {p.data.step for p in pages if p.data.step}
        names = {f"rule:{f.data.rule}" for _, f in rules} | {f"{{step}}.own-{part}" for part in OWN}
        for found in words:
            name = found.data.word
            names.add(name)
            for each, members in (("{option}", option_names), ("{step}", step_names)):
                if name.startswith(each + "."):
                    names |= {name.replace(each, member) for member in members}
        names |= {f"{{{each}}}.status" for each in ("option", "step")} | {
            f"{n}.status" for n in option_names | step_names
        }
        classes = {c for f in medicines for c in f.data.classes}
        return Scope(
            fields(),
            frozenset(names),
            {f.data.policy: CHOICE if f.data.default in ("yes", "no") else f.data.unit for f in policies},
            frozenset(option_names | {"{option}"}),
            frozenset(step_names | {"{step}"}),
            frozenset(classes),
        )

    def _sources(self, found: _Found, source: _Source | None, *path: str | int) -> tuple[Source, ...]:
        if source is None:
            return ()
        if source.doc != WALK and source.doc not in self.documents:
            self.problems.append(
                found.problem(
                    "unknown-source",
                    f'no document is called "{source.doc}"',
                    *path,
                    "doc",
                    help=_guess(source.doc, self.documents) or "add it to sources.yaml",
                )
            )
        also = tuple(
            s
            for i, each in enumerate(source.also)
            for s in self._sources(
                found, each, *path, "also", *([i] if isinstance(found_at(found, *path, "also"), list) else [])
            )
        )
        return (Source(source.doc, source.at, source.record, source.verified != "no"), *also)

    def _tree(self, found: _Found, text: str, *path: str | int) -> Tree:
        try:
            return parse(text, self.scope)
        except LanguageError as error:
            self.problems.append(self._fault(found, error, *path))
            return ["never"]

    def _fault(self, found: _Found, error: LanguageError, *path: str | int) -> Problem:
        page, full = found.page, (*found.path, *path)
        start = page.scalar_start(*full)
        here = page.problem(error.kind, error.message, *full, help=error.help)
        if "\n" in str(found_at(found, *path)) or start.line is None or start.column is None:
            return here
        place = type(start)(start.source, start.line, start.column + error.offset, start.path)
        return Problem(error.kind, place, error.message, error.help, here.excerpt, max(1, error.width))

    def _word(self, found: _Found) -> Word:
        word: _Word = found.data
        each = next((name for name in ("option", "step") if word.word.startswith(f"{{{name}}}.")), "")
        return Word(
            word.word,
            word.means,
            word.text,
            self._tree(found, word.text, "is"),
            self._sources(found, word.source, "source"),
            found.place,
            each,
            tuple(word.examples),
        )

    def _step(self, found: _Found) -> Step:
        data: _StepFile = found.data
        if bool(data.step) == bool(data.beside):
            self.problems.append(
                found.problem(
                    "missing-field",
                    "a file says either `step` or `beside`",
                    help="`step` is walked; `beside` holds rules that stand beside the steps",
                )
            )
        name = data.step or data.beside or ""
        return Step(
            name,
            data.title,
            data.means,
            passed=self._tree(found, data.passed, "passed"),
            not_needed=self._tree(found, data.not_needed, "not-needed"),
            under_treatment=self._tree(found, data.under_treatment, "under-treatment"),
            walked=bool(data.step),
            source=self._sources(found, data.source, "source"),
            place=found.place,
        )

    def _option(self, page: _Found, found: _Found) -> Option:
        data: _Option = found.data
        if data.adequate and data.adequate.removeprefix("policy.") not in self.scope.policies:
            self.problems.append(
                found.problem(
                    "unknown-policy",
                    f'no policy is called "{data.adequate}"',
                    "adequate",
                    help=_guess(data.adequate, self.scope.policies),
                )
            )
        return Option(
            data.option, data.name, page.data.step or "", data.counts != "no", data.adequate.removeprefix("policy.")
        )

    def _rule(self, page: _Found, found: _Found) -> Rule:
        data: _Rule = found.data
        verbs = [verb for verb in data.then if verb in VERBS]
        step = page.data.step or page.data.beside or ""
        if len(verbs) != 1:
            self.problems.append(
                found.problem(
                    "bad-expression", "`then` says exactly one thing", "then", help="one of: " + ", ".join(VERBS)
                )
            )
            verbs = ["note"]
        verb = verbs[0]
        target = data.then.get(verb, "")
        if not data.rule.startswith(step + "."):
            self.problems.append(
                found.problem(
                    "duplicate-id", f'"{data.rule}" does not begin with its step', "rule", help=f"call it {step}.…"
                )
            )
        self._target(found, verb, target)
        for side in ("when", "unless"):
            for i, word in enumerate(getattr(data, side)):
                if word not in self.scope.words or "{" in word:
                    self.problems.append(
                        found.problem(
                            "unknown-word",
                            f'no word is called "{word}"',
                            side,
                            i,
                            help=_guess(word, self.scope.words) or "`pathway rules words` lists them all",
                        )
                    )
        detail = {key: value for key, value in data.then.items() if key != verb}
        sources = self._sources(found, data.source, "source")
        return Rule(
            data.rule,
            step,
            tuple(data.when),
            tuple(data.unless),
            verb,
            target,
            data.because,
            sources,
            detail,
            found.place,
            tuple(data.examples),
        )

    def _target(self, found: _Found, verb: str, target: str) -> None:
        steps, options = self.scope.steps, self.scope.options
        known = (
            steps
            if verb == "next"
            else options | steps
            if verb in ("note", "first", "caution", "review")
            else options
            if verb in (*OFFERS, "hold")
            else None
        )
        if known is not None and target not in known:
            kind = "unknown-step" if verb == "next" else "unknown-option"
            self.problems.append(
                found.problem(
                    kind,
                    f'"{target}" is no {kind.removeprefix("unknown-")} of the pathway',
                    "then",
                    verb,
                    help=_guess(target, known),
                )
            )

    def _policy(self, found: _Found) -> Policy:
        data: _Policy = found.data
        default, low, high = data.default, data.low, data.high
        if data.unit == "days":
            default, low, high = (self._days(found, key) for key in ("default", "low", "high"))
        elif default in ("yes", "no"):
            default = default == "yes"
        return Policy(
            data.policy, data.means, default, low, high, data.unit, self._sources(found, data.source, "source")
        )

    def _days(self, found: _Found, key: str) -> float | None:
        value = getattr(found.data, key)
        try:
            return None if value is None else parse_duration(value)
        except UnitError as error:
            self.problems.append(found.problem(error.kind, error.message, key, help=error.help))
            return None

    def _document(self, found: _Found) -> Document:
        d: _Document = found.data
        return Document(d.doc, d.title, d.organisation, d.year, d.link, d.opened_type)

    def _claim(self, found: _Found, rules: Any) -> Claim:
        data: _Claim = found.data
        known = {f.data.rule for _, f in rules} | self.scope.words
        for i, name in enumerate(data.carried_by):
            if name not in known:
                self.problems.append(
                    found.problem(
                        "unknown-rule", f'no rule or word is called "{name}"', "carried-by", i, help=_guess(name, known)
                    )
                )
        if bool(data.carried_by) == bool(data.because_not):
            self.problems.append(
                found.problem(
                    "claim-not-covered",
                    f"{data.id} says neither which rules carry it nor why none does, or says both",
                    help="fill in `carried-by` or `because-not`",
                )
            )
        return Claim(
            data.id,
            data.sentence,
            data.verdict,
            data.said,
            tuple(data.carried_by),
            data.because_not,
            tuple(data.evidence),
        )

    def _known_option(self, found: _Found) -> str | None:
        option: str | None = found.data.option
        if option is not None and option not in self.scope.options:
            self.problems.append(
                found.problem(
                    "unknown-option",
                    f'"{option}" is no option of the pathway',
                    "option",
                    help=_guess(option, self.scope.options),
                )
            )
        return option

    def _statuses(self, walk: _Found) -> Iterator[tuple[str, Any]]:
        tables = walk.data.statuses
        statuses = {table: {status for row in rows for status in row} for table, rows in tables.items()}
        for table, rows in tables.items():
            made = []
            for i, row in enumerate(rows):
                if len(row) != 1:
                    problem = walk.problem(
                        "bad-expression", "a row names one status", "statuses", table, i, help="split it"
                    )
                    self.problems.append(problem)
                    continue
                ((status, text),) = row.items()
                literals: list[list[str]] = []
                try:
                    literals = [] if text == "else" else parse_sharp(text, self.scope, statuses)
                except LanguageError as error:
                    self.problems.append(self._fault(walk, error, "statuses", table, i, status))
                made.append((status, tuple((w, v) for w, v in literals)))
            yield table, tuple(made)

    def _layers(self, base: RuleBase) -> None:
        for rule in base.rules:
            verbs = DOCUMENTED_VERBS if rule.layer == "documented" else SAFETY_VERBS
            if rule.verb not in verbs:
                self._wrong(
                    rule.place,
                    f"{rule.rule} rests on {rule.source[0].doc}, so it may not `{rule.verb}`",
                    "only the FAQ offers; only the safety layer holds back, refers and ends",
                )
            if rule.layer != "documented":
                continue
            for name in (*rule.when, *rule.unless):
                family = base.family(name)
                if family and layer_of(family[0].source) == "safety":
                    self._wrong(
                        rule.place,
                        f'{rule.rule} is documented but names the safety word "{name}"',
                        "the layers are joined once, in walk.yaml",
                    )

    def _warns(self, base: RuleBase) -> None:
        """A rule base without its warning signs or its sentences would walk on in silence."""
        help = "copy steps/10-red-flags.yaml from the bundled rules, and change what differs"
        if not any(step.step == "red-flags" and not step.walked for step in base.steps):
            message = "no file of steps/ says `beside: red-flags`, so no warning sign would be looked for"
            self.problems.append(_refused("missing-field", "steps", message, help))
        elif not any(rule.verb == "end" and rule.step == "red-flags" for rule in base.rules):
            message = "no rule of red-flags says `end`, so no warning sign would end a walk"
            self.problems.append(_refused("unreachable", "steps", message, help))
        if not base.claims:
            message = "there is no sentence of the source here, so nothing says what the rules carry"
            self.problems.append(_refused("missing-field", "claims.yaml", message, "list each sentence of the source"))

    def _wrong(self, place: str, message: str, help: str) -> None:
        source, _, line = place.rpartition(":")
        self.problems.append(Problem("wrong-layer", Place(source, int(line), None), message, help))


def found_at(found: _Found, *path: str | int) -> Any:
    """What was written at a path below a thing read."""
    value: Any = found.page.data
    for key in (*found.path, *path):
        there = isinstance(value, list) or (isinstance(value, dict) and key in value)
        value = value[key] if there else None
    return value


def _guess(name: str, known: Any) -> str:
    guess = near(name, known)
    return f'did you mean "{guess}"?' if guess else ""
