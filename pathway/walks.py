"""Walk: the steps in order, each option's status, the rules that spoke, and what is still to ask.

The engine derives every answer and status; this module feeds it the findings, has its answers judged
by the plain engine, and puts them in order with their reasons.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pathway._version import __version__
from pathway.cache import Compiled
from pathway.case import Case
from pathway.engine import plain
from pathway.engine.plain import Answers
from pathway.findings import ANSWERS, Gap, Part, Subject, answer, find, missing, total, trials_of, value_at
from pathway.problem import Place, Problem, Problems, near
from pathway.profile import NO, UNKNOWN, YES, FieldType, Known, fields
from pathway.rules import OFFERS, SAFETY, Cited, Kind, Option, Rule, Step
from pathway.tree import measure_of
from pathway.units import DAYS, show_dose, show_duration

SCHEMA = "pathway.walk/1"
GRADES = ("emergency", "urgent", "scope")
NON_ADHERENCE = {
    "tried": "was previously unsuccessful",
    "not-tolerated": "patient contraindication",
    "declined": "patient refuses",
    "held-back": "patient contraindication",
    "unavailable": "service not available",
    "continue": "completed",
}
"""The names of HL7's reasons of non-adherence that fit a closed option."""
SUMS = (
    ("mme", "opioid", "MME a day", "Opioids taken now"),
    ("dose", "acetaminophen", "mg a day", "Acetaminophen taken now"),
)
VERDICTS = {1: "fires", 0: "asks", -1: "silent"}


@dataclass(frozen=True)
class Spoken:
    """One rule's verdict for this case: it fires, stays silent (held_by says why) or asks.

    `beside` is the step or file that it stands in; `hangs_on` are the words that make it fire ("glaucoma",
    "not migraine"); `detail` holds the reason of a hold, or to whom a referral goes.
    """

    rule: str
    layer: str
    beside: str
    verb: str
    target: str
    detail: dict[str, str]
    hangs_on: tuple[str, ...]
    verdict: str
    because: str
    held_by: str
    asks: tuple[str, ...]
    source: tuple[Cited, ...]

    @property
    def always(self) -> bool:
        """Whether it hangs on no fact of the person."""
        return not self.hangs_on


@dataclass(frozen=True)
class WalkedKind:
    """One kind of an option: review, held-back, after-asking or clear, what is still to ask for it, and whether it
    is taken now."""

    kind: str
    name: str
    status: str
    asks: tuple[str, ...]
    taken: str


@dataclass(frozen=True)
class WalkedOption:
    """One option: its status, the sentences that offer it, what is still to ask for it, and all that is said of it.

    `documented` is its status with the safety layer off; `reason` the HL7 non-adherence reason that fits why
    it is closed; `taken` the medicines of it that are listed as taken now; `rules` all rules that speak of it or of a
    kind of it, in the order of their files.
    """

    option: str
    name: str
    status: str
    documented: str
    reason: str
    softly: bool
    offered_by: tuple[str, ...]
    asks: tuple[str, ...]
    taken: tuple[str, ...]
    trials: tuple[str, ...]
    trial_notes: tuple[str, ...]
    kinds: tuple[WalkedKind, ...]
    rules: tuple[Spoken, ...]

    def saying(self, *verbs: str) -> tuple[Spoken, ...]:
        """The rules that fire and say one of these: `saying(*SPEAKS_FOR)` are the arguments for it."""
        return tuple(rule for rule in self.rules if rule.verdict == "fires" and rule.verb in verbs)


@dataclass(frozen=True)
class WalkedStep:
    """One step: its status, whether it was reached and passed, its options, and the rules that speak of the step.

    `asks` are the fields that leave reached or passed unknown; `rests_on` the policies that say when it is passed.
    """

    step: str
    title: str
    means: str
    status: str
    reached: str
    passed: str
    asks: tuple[str, ...]
    rests_on: tuple[str, ...]
    options: tuple[WalkedOption, ...]
    rules: tuple[Spoken, ...]


@dataclass(frozen=True)
class Question:
    """An open question: the field that would answer it, and how many values wait for it."""

    field: str
    question: str
    about: tuple[str, ...]
    holds: int
    danger: bool


@dataclass(frozen=True)
class Measure:
    """A sum over the medicines that are taken: at least `low`, at most `high` (None where nobody can say)."""

    name: str
    unit: str
    low: float
    high: float | None
    text: str


@dataclass(frozen=True)
class Ending:
    """How the walk ends: stop, current or questions, with its reason and the steps it speaks of.

    The `grade` of a stop for safety or scope is emergency, urgent or scope.
    """

    kind: str
    reason: str
    grade: str
    steps: tuple[str, ...]
    provisional: bool
    sentence: str


@dataclass(frozen=True)
class Said:
    """A fact of the case as it was understood, with its unit."""

    field: str
    label: str
    value: str


@dataclass(frozen=True)
class Walk:
    """One case walked. The same case and rules give the same walk, to the byte."""

    schema: str
    software: str
    edition: str
    digest: str
    policy: dict[str, Any]
    case: str
    title: str
    as_of: str | None
    ending: Ending
    beside: tuple[Spoken, ...]
    steps: tuple[WalkedStep, ...]
    questions: tuple[Question, ...]
    trials: tuple[str, ...]
    known: tuple[Said, ...]
    measures: tuple[Measure, ...]
    unread: tuple[str, ...]
    words: dict[str, str]
    intended_for: str
    not_for: str

    def rules(self) -> Iterator[Spoken]:
        """Every rule of the base, each once: what stands beside, then of each step its options and itself."""
        yield from self.beside
        for step in self.steps:
            for option in step.options:
                yield from option.rules
            yield from step.rules


def walk_case(case: Case, compiled: Compiled) -> Walk:
    """Walk one case through the pathway.

    Returns: the walk; every answer derived by durable-rules and checked by the plain judge.
    Errors:  EngineFailed, or Problems (engines-disagree); both are faults of the software, not of the case.
    """
    return _Walker(case, compiled).walk()


def gaps_of(case: Case, compiled: Compiled) -> tuple[Gap, ...]:
    """The facts that leave open what the walk of a case waits for: (field, value) pairs, each once.

    Errors:  as of `walk_case`.
    """
    return _Walker(case, compiled).open_gaps()


def answers_of(subject: Subject, compiled: Compiled, documented: bool = False) -> Answers:
    """Every answer and status of the tree for one subject, as durable-rules derives them.

    Args:    documented: with the safety layer off, so that nothing is held back and nothing ends the walk.
    Errors:  EngineFailed; Problems (engines-disagree) that name the nodes and nothing of the case.
    """
    findings = find(subject, compiled.tree.field_words)
    view = {**findings, SAFETY: NO} if documented else findings
    return _agreed(compiled.engine.run(view), plain.run(compiled.tree, view))


def _agreed(derived: Answers, judged: Answers) -> Answers:
    """What the engine derived, after the plain judge came to the same."""
    if derived != judged:
        differ = sorted(name for name in judged if derived.get(name) != judged[name])
        place = Place("durable-rules", None, None)
        raise Problems(
            [
                Problem(
                    "engines-disagree",
                    place,
                    f"engine and judge disagree on {len(differ)} of {len(judged)} values: {', '.join(differ[:5])}",
                    "no walk is given; please report this with the edition and digest of the rules",
                )
            ]
        )
    return derived


class _Walker:
    def __init__(self, case: Case, compiled: Compiled) -> None:
        self.case, self.subject = case, case.subject
        self.compiled, self.base, self.tree = compiled, compiled.base, compiled.tree
        findings = find(self.subject, self.tree.field_words)
        derived, documented = compiled.engine.run_each((findings, {**findings, SAFETY: NO}))
        self.answers = _agreed(derived, plain.run(self.tree, findings))
        same = {**self.answers, SAFETY: NO}
        self.documented = _agreed(documented, plain.work_out(self.tree.upon_safety, same))
        self.gaps: dict[str, tuple[Gap, ...]] = {}

    def walk(self) -> Walk:
        return Walk(
            schema=SCHEMA,
            software=__version__,
            edition=self.base.edition,
            digest=self.base.digest,
            policy=dict(sorted(self.compiled.policy.items())),
            case=self.case.source,
            title=self.case.profile.title or "",
            as_of=self.case.profile.as_of.isoformat() if self.case.profile.as_of else None,
            ending=self._ending(),
            beside=tuple(self._spoken(rule) for rule in self.base.rules_beside),
            steps=tuple(self._step(step) for step in self.base.walked),
            questions=tuple(self._questions()),
            trials=tuple(self._trials()),
            known=tuple(known(self.subject)),
            measures=tuple(measures(self.subject)),
            unread=tuple(unread(self.subject)),
            words={name: ANSWERS[int(value)] for name, value in self.answers.items() if name in self.base.word},
            intended_for=self.base.intended_for,
            not_for=self.base.not_for,
        )

    # ---- steps and options ----

    def _step(self, step: Step) -> WalkedStep:
        name = step.step
        return WalkedStep(
            name,
            step.title,
            step.means,
            str(self.answers[f"{name}.status"]),
            ANSWERS[int(self.answers[f"{name}.reached"])],
            ANSWERS[int(self.answers[f"{name}.passed"])],
            tuple(dict.fromkeys((*self._asks(f"{name}.reached"), *self._asks(f"{name}.passed")))),
            tuple(self._policies_of(step)),
            tuple(self._option(option) for option in self.base.options_of(name)),
            tuple(self._spoken(rule) for rule in self.base.rules_of[name]),
        )

    def _policies_of(self, step: Step) -> Iterator[str]:
        """The clinic's choices on which it rests that the walk goes past this step."""
        named = {node[1][1] for node in policy_nodes(step.passed)}
        for policy in self.base.policies:
            if policy.policy in named:
                means = policy.means[0].lower() + policy.means[1:].rstrip(".")
                yield f"{self.compiled.policies[policy.policy]}: {means} ({policy.policy}; {policy.origin})"

    def _option(self, option: Option) -> WalkedOption:
        name = option.option
        status = str(self.answers[f"{name}.status"])
        kinds = tuple(self._kind(kind) for kind in self.base.kinds_of(name))
        offers = [rule for rule in self.base.rules_for[name] if rule.verb in OFFERS]
        trials = tuple(
            _trial_text(trial) if trial.treatment == name else f"{trial.treatment}: {_trial_text(trial)}"
            for trial in trials_of(name, self.subject)
        )
        return WalkedOption(
            name,
            option.name,
            status,
            documented=str(self.documented[f"{name}.status"]),
            reason=self._reason(option, status),
            softly=any(rule.verb == "consider" for rule in offers),
            offered_by=tuple(source.at for rule in offers for source in rule.source),
            asks=self._asks(f"{name}.offer") if status == "after-asking" else (),
            taken=self._taken(name),
            trials=trials,
            trial_notes=tuple(self._tried(option)),
            kinds=kinds,
            rules=tuple(self._spoken(rule) for rule in self.base.rules_of[name]),
        )

    def _kind(self, kind: Kind) -> WalkedKind:
        held, reviewed = self.answers[f"{kind.kind}.held"], self.answers[f"{kind.kind}.reviewed"]
        status = "review" if reviewed == YES else {YES: "held-back", NO: "clear"}.get(int(held), "after-asking")
        taken = ANSWERS[int(self.answers[f"{kind.kind}.taken"])]
        return WalkedKind(kind.kind, kind.name, status, self._asks(f"{kind.kind}.held"), taken)

    def _taken(self, option: str) -> tuple[str, ...]:
        names = (record.medicine.strip().lower() for record in self.case.profile.medicines)
        return tuple(dict.fromkeys(name for name in names if self.base.treatments.get(name) == option))

    def _reason(self, option: Option, status: str) -> str:
        """Why an option is closed, by the names that HL7 gives to reasons of non-adherence."""
        if status == "tried" and self.answers[f"{option.option}.not-tolerated"] == YES:
            return NON_ADHERENCE["not-tolerated"]
        if status in ("tried", "declined"):
            return NON_ADHERENCE[status]
        if status == "continue":
            # What has helped and surely no longer goes on is done with, unless it is a medicine or a device of today.
            return NON_ADHERENCE[status] if self.answers[f"{option.option}.running"] == NO else ""
        if self.answers[f"{option.option}.held"] != YES:
            return NON_ADHERENCE["unavailable"] if status == "held-back" else ""
        rules = self.base.rules_for[option.option]
        holds = [rule for rule in rules if rule.verb == "hold" and self.answers[f"rule:{rule.rule}"] == YES]
        return "" if holds and all(rule.discourages for rule in holds) else NON_ADHERENCE["held-back"]

    def _tried(self, option: Option) -> Iterator[str]:
        """What is to be said of trials that do not count."""
        for trial in trials_of(option.option, self.subject):
            if trial.result == "partly" and trial.state != "running":
                yield f"it helped partly before ({_trial_text(trial)})"
            if trial.result != "failed":
                continue
            adequate = answer(self._measure(option), self.subject, trial)
            if adequate == -1:
                yield f"an inadequate trial ({_trial_text(trial)}): its failure does not count"
            elif adequate == 0:
                yield f"a trial that may have been inadequate ({_trial_text(trial)}): nobody knows whether it counts"

    def _measure(self, option: Option) -> list[Any]:
        tree = measure_of(option)
        if tree[0] != "else":
            return tree
        return ["else", tree[1], ["number", ".duration", ">=", float(self.compiled.policies[option.adequate])]]

    # ---- rules ----

    def _spoken(self, rule: Rule) -> Spoken:
        verdict = int(self.answers["rule:" + rule.rule])
        if verdict == UNKNOWN:
            return self._said(rule, verdict, asks=self._asks(f"rule:{rule.rule}"))
        held_by = self._held_by(rule) if verdict == NO else ""
        # What fires or is silent for the same word says the same in every walk.
        key = rule.rule, verdict, held_by
        if key not in self.compiled.spoken:
            self.compiled.spoken[key] = self._said(rule, verdict, held_by)
        spoken: Spoken = self.compiled.spoken[key]
        return spoken

    def _said(self, rule: Rule, verdict: int, held_by: str = "", asks: tuple[str, ...] = ()) -> Spoken:
        return Spoken(
            rule.rule,
            rule.layer,
            rule.step,
            rule.verb,
            rule.target,
            dict(rule.detail),
            (*rule.when, *(f"not {word}" for word in rule.unless)),
            VERDICTS[verdict],
            rule.because,
            held_by,
            asks,
            self.base.cited[rule.rule],
        )

    def _held_by(self, rule: Rule) -> str:
        if rule.verb in ("offer", "consider", "next") and self.answers[f"{rule.step}.reached"] == NO:
            return f"not {rule.step}.reached"
        for word in rule.when:
            if self.answers[word] == -1:
                return f"not {word}"
        return next((word for word in rule.unless if self.answers[word] == 1), "")

    # ---- questions ----

    def _missing(self, name: str) -> tuple[Gap, ...]:
        """What leaves a node unknown, down through unknown nodes only to the fields."""
        if name not in self.gaps:
            node = self.tree.node[name]
            if self.answers[name] != UNKNOWN:
                self.gaps[name] = ()
            elif node.kind == "field":
                self.gaps[name] = tuple(missing(node.tree, self.subject))
            else:
                below = (gap for need in self._open_words(node.tree)[1] for gap in self._missing(need))
                self.gaps[name] = tuple(dict.fromkeys(below))
        return self.gaps[name]

    def _open_words(self, tree: list[Any]) -> tuple[int, list[str]]:
        """A tree's value, and the unknown words it hangs on: never past a part that is already decided."""
        head = tree[0]
        if head == "word":
            value = int(self.answers[tree[1]])
            return value, [tree[1]] if value == UNKNOWN else []
        if head == "not":
            value, words = self._open_words(tree[1])
            return -value, words
        if head in ("always", "never"):
            return plain.value(tree, self.answers), []
        parts = [self._open_words(part) for part in tree[-1]]
        values = [value for value, _ in parts]
        value = (
            min(values) if head == "and" else max(values) if head == "or" else sorted(values, reverse=True)[tree[1] - 1]
        )
        return value, [word for _, words in parts for word in words] if value == UNKNOWN else []

    def _asks(self, name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(path for path, _ in self._missing(name)))

    def _questions(self) -> list[Question]:
        """Open fields, the dangerous ones first, then by how many option and step values they hold at unknown."""
        dangers = self._dangers() if self.answers.get("flag") == UNKNOWN else {}
        holds: dict[str, int] = {}
        about: dict[str, dict[str, None]] = {}
        for name in self._waiting():
            for path in self._asks(name):
                holds[path] = holds.get(path, 0) + 1
            for path, value in self._missing(name):
                about.setdefault(path, {})[value] = None
        order = {path: i for i, path in enumerate(holds)}
        ranked = sorted(holds, key=lambda path: (dangers.get(path, (len(GRADES), 0)), -holds[path], order[path]))
        return [
            Question(path, self._question(path), tuple(v for v in about[path] if v), holds[path], path in dangers)
            for path in ranked
        ]

    def open_gaps(self) -> tuple[Gap, ...]:
        """What every value that somebody waits for lacks."""
        return tuple(dict.fromkeys(gap for name in self._waiting() for gap in self._missing(name)))

    def _dangers(self) -> dict[str, tuple[int, int]]:
        """The fields that may still end the walk: how pressing the worst of it is, then the place of its rule."""
        found: dict[str, tuple[int, int]] = {}
        for place, rule in enumerate(self.base.rules):
            if rule.verb == "end":
                danger = (GRADES.index(rule.target), place)
                for path in self._asks(f"rule:{rule.rule}"):
                    found[path] = min(danger, found.get(path, danger))
        return found

    def _waiting(self) -> Iterator[str]:
        """The values that somebody waits for: of a step that is not reached, only whether it is."""
        targets = ["flag", *(f"{option.option}.offer" for option in self.base.options)]
        targets += [f"{kind.kind}.held" for kind in self.base.kinds if self._is_open(kind)]
        targets += [
            f"rule:{rule.rule}" for rule in self.base.rules if rule.verb == "first" and self._in_play(rule.target)
        ]
        for step in self.base.walked:
            reached = f"{step.step}.reached"
            targets += [reached] if self.answers[reached] == -1 else [reached, f"{step.step}.passed"]
        yield from (name for name in targets if self.answers.get(name) == UNKNOWN)

    def _is_open(self, kind: Kind) -> bool:
        """Whether a kind is one of those that an option stands for now, once the walk has surely come to its step."""
        reached = self.answers[f"{self.base.option[kind.option].step}.reached"]
        return self._in_play(kind.option) and reached == YES

    def _in_play(self, name: str) -> bool:
        """Whether an option or kind may be begun now, or is given now, so that what must come first matters."""
        option = self.base.kind[name].option if name in self.base.kind else name
        if self.answers[f"{option}.status"] in ("review", "under-way", "continue"):
            return bool(self.answers[f"{name}.taken"] != NO)
        return self.answers[f"{option}.status"] in ("offered", "after-asking")

    def _question(self, path: str) -> str:
        kind, record = field_at(path)
        text = kind.question
        if record is not None:
            records = getattr(self.case.profile, path.partition("[")[0])
            name = next(iter(dict(records.numbered())[record].__dict__.values()))
            return f"{text} ({name})"
        if kind.kind not in ("set", "records"):
            return text
        held: Any = self.case.profile
        for part in path.split("."):
            held = getattr(held, part)
        return text if held.closed else f"{text} Is that all?"

    # ---- the ending ----

    def _ending(self) -> Ending:
        reason = str(self.answers["walk.ending"])
        kind = reason if reason in ("current", "questions") else "stop"
        status = {"current": "current", "questions": "asks"}.get(kind, "")
        steps = tuple(step for step in self.base.walked if self.answers[f"{step.step}.status"] == status)
        grade = self._grade()
        if grade == "scope":
            reason = "out-of-scope"
        return Ending(
            kind,
            "" if kind == reason else reason,
            grade,
            tuple(step.step for step in steps),
            self.answers.get("flag") == 0,
            self._ending_sentence(reason, [step.title for step in steps]),
        )

    def _ends(self) -> list[Rule]:
        """The rules that end the walk, the most pressing first."""
        fired = [r for r in self.base.rules if r.verb == "end" and self.answers[f"rule:{r.rule}"] == 1]
        return sorted(fired, key=lambda rule: GRADES.index(rule.target))

    def _grade(self) -> str:
        return next((rule.target for rule in self._ends()), "")

    def _ending_sentence(self, reason: str, titles: list[str]) -> str:
        because = " ".join(dict.fromkeys(rule.because for rule in self._ends()))
        if reason == "out-of-scope":
            return f"Stop: this pathway does not speak of this person. {because}"
        if reason == "referral":
            how = "Stop and refer as an emergency." if self._grade() == "emergency" else "Stop and refer urgently."
            return f"{how} Seen: {'; '.join(self._signs()) or 'see below'}. {because}"
        line = show_duration(float(self.compiled.policies["chronic-after"]))
        left = self._what_is_left()
        return {
            "not-chronic": f"Stop: pain of no more than {line} is not chronic, and not for this pathway.",
            "current": f"Now at: {_and(titles)}.",
            "questions": f"Questions first: {_and(titles)} cannot be judged yet.",
            "end": f"The documented way is at its end; what follows is the clinician's judgement.{left}",
        }[reason]

    def _signs(self) -> Iterator[str]:
        flags = fields()["red_flags"].values
        present = (flag for flag in self.case.profile.red_flags if not flag.excluded)
        yield from (flags.get(flag.finding, "a sign that nobody can name") for flag in present)

    def _what_is_left(self) -> str:
        told = ""
        for status, text in (("declined", "Declined"), ("left", "Still open"), ("held-back", "Held back")):
            names = [o.name for o in self.base.options if self.answers[f"{o.option}.status"] == status]
            told += f" {text}: {_and(names)}." if names else ""
        return told

    def _trials(self) -> Iterator[str]:
        for trial in self.case.profile.trials:
            yield f"{trial.treatment}: {_trial_text(trial)}"


def _and(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def field_at(path: str) -> tuple[FieldType, int | None]:
    """The field of a path as questions name it ("trials[0].result"), and the place in its list."""
    head, bracket, rest = path.partition("[")
    if not bracket:
        return fields()[path], None
    index, _, name = rest.partition("].")
    return fields()[head].item[name], int(index)


def _trial_text(trial: Any) -> str:
    parts = [trial.medicine or "", trial.state or "", trial.result or "result not known"]
    parts += [
        show_duration(trial.duration) if trial.duration is not None else "",
        show_dose(trial.dose) if trial.dose is not None else "",
    ]
    if trial.adequate is not None:
        parts.append("said to be adequate" if trial.adequate else "said to be inadequate")
    return ", ".join(part for part in parts if part)


def known(subject: Subject) -> Iterator[Said]:
    """The facts of a case as they were understood, units shown."""
    for path, kind in fields().items():
        value: Any = subject.profile
        for part in path.split("."):
            value = getattr(value, part)
        if subject.profile.sex == "male" and path.partition(".")[0] in ("pregnancy", "fertility"):
            continue
        shown = _shown_medicines(value, subject) if path == "medicines" else _shown(kind, value)
        if shown and path != "trials":
            yield Said(path, path.replace("_", " ").replace(".", " "), shown)
    for side, names in (("not", subject.profile.denied), ("unknown", subject.profile.unasked)):
        if names:
            yield Said(side, side, ", ".join(names))


def measures(subject: Subject) -> Iterator[Measure]:
    """What the medicines that are taken come to, where there is anything to add up.

    Source:  the CDC 2022 conversion factors, record opi-mme-table; an estimate, never a dose to switch to.
    """
    for measure, key, unit, name in SUMS:
        found = total(measure, key, subject)
        if not any(key in subject.classes.get(part.medicine.lower(), ()) for part in found.parts):
            continue  # what nobody here knows may be one, and is told as unread
        exact = found.high is not None
        told = "; ".join(_part_text(part, measure) for part in found.parts)
        more = "" if exact else " at least"
        yield Measure(name, unit, found.low, found.high, f"{name}:{more} {found.low:g} {unit} ({told})")


def unread(subject: Subject) -> Iterator[str]:
    """What a case says and no rule can take into account: medicines that no rule knows, and free text."""
    for medicine in subject.profile.medicines:
        name = medicine.medicine.strip().lower()
        if name not in subject.classes:
            guess = near(name, subject.classes)
            yield f"medicine {medicine.medicine}" + (f" (did you mean {guess}?)" if guess else "")
    for trial in subject.profile.trials:
        if trial.medicine and trial.medicine.strip().lower() not in subject.classes:
            yield f"medicine {trial.medicine} (of a trial, which counts as {trial.treatment})"
    for path, kind in fields().items():
        if kind.kind == "set":
            held: Known = value_at(path, subject, None)
            yield from (f"{path} {other}" for other in held.others)


def _part_text(part: Part, measure: str) -> str:
    if not part.sure:
        return f"{part.medicine}: nobody here knows whether it belongs to them"
    dose = "" if part.dose is None else f" {show_dose(part.dose)}"
    if part.several:
        return f"{part.medicine}{dose}: which of them it is, is not known, so it is not counted"
    if part.factor is None and not part.form_decides:
        return f"{part.medicine}{dose}: there is no factor for it, so it is not counted"
    if part.dose is None:
        return f"{part.medicine}: its daily dose is not known"
    if part.factor is None:
        return f"{part.medicine}{dose}: no factor is known without its form, so it is not counted"
    times = f" × {part.factor:g} = {part.amount:g}" if measure == "mme" else ""
    least = ", at least: it is not taken by mouth" if part.at_least else ""
    return f"{part.medicine}{dose}{times}{least}"


def policy_nodes(tree: list[Any]) -> Iterator[list[Any]]:
    """The parts of a tree that hold a policy, as [holder, policy tree]."""
    for part in tree:
        if isinstance(part, list):
            if part[:1] == ["policy"]:
                yield [tree[0], part]
            else:
                yield from policy_nodes(part)


def _shown(kind: FieldType, value: Any) -> str:
    if value is None:
        return ""
    if kind.kind in ("set", "records"):
        return _shown_list(kind, value)
    if kind.unit == "days":
        years = value / DAYS["year"]
        shown = show_duration(value)
        return shown if years < 1 or "year" in shown else f"{shown} (about {years:.1f} years)"
    if kind.unit == "0-10":
        return f"{value:g} of 10"
    if kind.kind == "tri":
        return "yes" if value else "no"
    return f"{value:g}{' years' if kind.unit == 'years' else ''}" if isinstance(value, float) else str(value)


def _shown_medicines(listed: Any, subject: Subject) -> str:
    """The medicines, and of each that no rule knows that this is so."""
    names = [
        _record_text(medicine) + ("" if medicine.medicine.strip().lower() in subject.classes else " (known to no rule)")
        for medicine in listed
    ]
    return _told(names, listed.closed)


def _shown_list(kind: FieldType, value: Any) -> str:
    is_set = kind.kind == "set"
    names = (
        [*(kind.values.get(name, name) for name in value.present), *(f"{o} (read by no rule)" for o in value.others)]
        if is_set
        else [_record_text(record) for record in value]
    )
    return _told(names, value.closed)


def _told(names: list[str], closed: bool) -> str:
    text = ", ".join(names)
    if closed:
        return f"{text} (that is all)" if text else "none"
    return text


def _record_text(record: Any) -> str:
    (_, head), *details = record.__dict__.items()
    extra = [f"{name} {_detail(name, value)}" for name, value in details if value is not None and name != "note"]
    told = "one that nobody can name" if head is None else str(head)
    return f"{told} ({', '.join(extra)})" if extra else told


def _detail(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return show_dose(value) if name == "dose" else str(value)
