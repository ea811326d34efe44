"""Prove: each invariant of `rules/invariants.yaml` for everybody, or a case for which it does not hold.

What was proved is kept by a digest of the claim and of all that it rests on, so that after a change only what the
change touches is proved again. A counterexample is put to the reader of cases and to the judge before it is shown.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from threading import current_thread, main_thread
from time import perf_counter
from typing import Any

import z3

from pathway import laws
from pathway.case import subject_of
from pathway.engine import plain
from pathway.engine.plain import SHARP, Answers
from pathway.engine.proof import Proof, View
from pathway.engine.truths import FALSE, Truth, Undecided, every, opposite, solution, solver_for, some
from pathway.findings import Subject, answer, find
from pathway.invariants import Names, Spelt, named, nodes_of, scope_of, spelt
from pathway.language import LanguageError, Tree, nodes
from pathway.problem import Place, Problem, Problems
from pathway.profile import NOTHING_ELSE, UNKNOWN
from pathway.reading import Document, read_document
from pathway.rules import SAFETY, Invariant, RuleBase
from pathway.shrink import shrunk
from pathway.table import Table
from pathway.tree import Node, RuleTree, build, build_open, spell

MOST_KEPT = 200_000
"""Digests in the file of what was proved; beyond them only those of the last run are kept."""
SOURCES = (
    "case.py", "engine/enough.py", "engine/people.py", "engine/plain.py", "engine/proof.py", "engine/truths.py",
    "findings.py", "invariants.py", "language.py", "laws.py", "profile.py", "prove.py", "table.py", "tree.py",
    "units.py",
)  # fmt: skip
"""The code that a proof rests on."""
Data = dict[str, Any]
"""A case as a case file says it."""


@dataclass(frozen=True)
class Failure:
    """That an invariant does not hold of one thing: what is claimed, and a case for which it is not so.

    `data` is the case as a case file says it, `policy` what the clinic has set otherwise; both are None where there is
    nobody at all of whom a claim could hold.
    """

    of: str
    told: str
    data: Mapping[str, Any] | None = None
    policy: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Outcome:
    """One invariant: of how many things it was shown now or known from before, the time, and where it fails."""

    invariant: Invariant
    shown: int
    kept: int
    seconds: float
    failures: tuple[Failure, ...]

    @property
    def holds(self) -> bool:
        """Whether it was proved of everything it speaks of."""
        return not self.failures


class Kept:
    """The digests of what was proved, in a file of the user's cache; a file that cannot be read holds nothing.

    Args:    before: digests of what was proved elsewhere, beside those of the file.
    """

    def __init__(self, path: Path | None, before: Iterable[str] = ()) -> None:
        self.path = path
        self.before = self._read().union(before)
        self.now: set[str] = set()

    def _read(self) -> frozenset[str]:
        try:
            lines = self.path.read_text(encoding="ascii").split("\n") if self.path else []
        except (OSError, ValueError):
            return frozenset()
        return frozenset(line for line in lines if len(line) == 64)  # noqa: PLR2004  sha256 in hex

    def write(self) -> None:
        """Keep what was used or shown in this run, and what was there before."""
        if self.path is None or self.now <= self.before:
            return
        kept = self.now | self.before
        part = self.path.with_name(f"{self.path.name}.{os.getpid()}.part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text("\n".join(sorted(kept if len(kept) < MOST_KEPT else self.now)) + "\n", encoding="ascii")
            part.replace(self.path)
        except OSError:
            with suppress(OSError):
                part.unlink(missing_ok=True)


class Prover:
    """Proves the invariants of one rule base.

    Args:    kept: what was proved before; None proves everything anew.
    """

    def __init__(self, base: RuleBase, kept: Kept | None = None) -> None:
        self.base, self.kept = base, kept or Kept(None)
        self.tree = build_open(base)
        self.scope = scope_of(base)
        self._stopped = False

    @contextmanager
    def stopped_by_hand(self) -> Iterator[None]:
        """While this lasts Ctrl-C stops the prover at its next claim.

        An exception in the midst of the solver's bookkeeping may get lost there.
        """
        if current_thread() is not main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, self._stop)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _stop(self, *_: object) -> None:
        self._stopped = True

    def _go_on(self) -> None:
        if self._stopped:
            raise KeyboardInterrupt

    def outcomes(self, invariants: Sequence[Invariant] | None = None) -> Iterator[Outcome]:
        """Each invariant with how it went, in their order.

        Errors:  Problems of an invariant that cannot be read, or (engines-disagree) of a counterexample that the plain
                 judge does not confirm, which is a fault of the software.
        """
        try:
            for invariant in self.base.invariants if invariants is None else invariants:
                yield self._outcome(invariant)
        finally:
            self.kept.write()

    def _outcome(self, invariant: Invariant) -> Outcome:
        began = perf_counter()
        shown = kept = 0
        failures = []
        for goal in self._goals(invariant):
            known = goal.digest in self.kept.before
            shown, kept = shown + (not known), kept + known
            if failure := self._met(goal):
                failures.append(failure)
        return Outcome(invariant, shown, kept, perf_counter() - began, tuple(failures))

    def first_failure(self) -> str | None:
        """The first invariant that does not hold, and of what; None where all do."""
        for invariant in self.base.invariants:
            for goal in self._goals(invariant):
                if failure := self._met(goal):
                    return f"{invariant.invariant}: {failure.of or 'it does not hold'}"
        return None

    def _met(self, goal: _Goal) -> Failure | None:
        """That something holds, from before or shown now; or how it fails."""
        self._go_on()
        failure = None if goal.digest in self.kept.before else self._attempt(goal)
        if failure is None:
            self.kept.now.add(goal.digest)
        return failure

    def _attempt(self, goal: _Goal) -> Failure | None:
        try:
            return goal.attempt()
        except Undecided as error:
            return Failure(goal.of, f"the solver came to no end: {error}")

    # ---- what is to be shown ----

    def _goals(self, invariant: Invariant) -> Iterator[_Goal]:
        if invariant.law:
            yield from {
                "learning": self._learning,
                "opposites": self._opposites,
                "questions": self._questions,
            }[invariant.law](invariant)
            return
        exempt = {name for each in invariant.exempt for name in each.names}
        goals = []
        for label, names in named(invariant, self.base):
            said = self._spelt(invariant, names)
            goals.append((said, self._goal(invariant, label, said, label in exempt)))
        if invariant.when:
            digest = self._digest(["when", [goal.digest for _, goal in goals]])
            yield _Goal("its `when`", digest, partial(self._speaks, invariant, [said for said, _ in goals]))
        yield from (goal for _, goal in goals)

    def _spelt(self, invariant: Invariant, names: Names) -> Spelt:
        try:
            return spelt(invariant, self.base, self.scope, names)
        except LanguageError as error:
            raise Problems([self._at(invariant, error.kind, str(error), error.help)]) from None

    def _at(self, invariant: Invariant, kind: str, message: str, help: str) -> Problem:
        source, _, line = invariant.place.rpartition(":")
        return Problem(kind, Place(source, int(line), None), message, help)

    def _goal(self, invariant: Invariant, label: str, said: Spelt, exempt: bool) -> _Goal:
        claims = [said.when, said.then, *said.can]
        about = {name for claim in claims for name in nodes_of(claim, self.base)}
        if said.change and said.change[0] == "is":
            about.add(said.change[1])
        for name in about:
            if name not in self.tree.node:
                message = f'{invariant.invariant}: nothing in the walk hangs on "{name}"'
                raise Problems([self._at(invariant, "unknown-word", message, "leave it out with `among`")])
        told = [claims, said.change, invariant.view, exempt, [self._fingerprints[name] for name in sorted(about)]]
        digest = self._digest(told)
        if said.can:
            return _Goal(label, digest, lambda: self._for_somebody(invariant, label, said, exempt))
        return _Goal(label, digest, lambda: self._for_everybody(invariant, label, said, exempt))

    def _digest(self, told: Any) -> str:
        text = json.dumps([self._ground, told], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def _ground(self) -> str:
        """What every proof rests on: the code, the solver, medicines, policies, and which fields are read at all.

        A number that a field is compared with is no part of it: it stands in the words that rest on that field.
        """
        total = hashlib.sha256(z3.get_full_version().encode())
        for name in SOURCES:
            total.update((Path(__file__).parent / name).read_bytes())
        base = self.base
        read = {str(each) for node in self.tree.nodes if node.kind == "field" for each in _fields_of(node.tree)}
        policies = [(p.policy, p.low, p.high, p.unit, p.default) for p in base.policies]
        options = [(option.option, option.taken) for option in base.options]
        told = [sorted(read), base.medicines, policies, options]
        total.update(json.dumps(told, sort_keys=True, default=str).encode())
        return total.hexdigest()

    @cached_property
    def _fingerprints(self) -> dict[str, str]:
        """Each node by a digest of it and of all that it rests on."""
        found: dict[str, str] = {}
        for node in self.tree.nodes:
            told = [node.kind, node.tree, node.rows, node.otherwise, [found[name] for name in node.needs]]
            found[node.name] = hashlib.sha256(json.dumps(told).encode()).hexdigest()
        return found

    # ---- the solver ----

    @cached_property
    def proof(self) -> Proof:
        """The formulas, made when something is first to be shown."""
        return Proof(self.base)

    @cached_property
    def _solver(self) -> z3.Solver:
        solver = solver_for(laws.TIMEOUT)
        solver.add(*self.proof.admitted)
        return solver

    def solution(self, *formulas: z3.BoolRef) -> z3.ModelRef | None:
        """Somebody of whom all of some formulas hold, None where there is nobody.

        Errors:  Undecided where the solver gave up. KeyboardInterrupt.
        """
        self._go_on()
        self._solver.push()
        try:
            self._solver.add(*formulas)
            return solution(self._solver)
        finally:
            self._solver.pop()

    def _as_usual(self, formulas: Sequence[z3.BoolRef]) -> z3.ModelRef:
        """Somebody of whom some formulas hold, as usual as these leave them.

        Every policy is at its default that can be; no trial, medicine or cause is listed that need not be.
        """
        people = self.proof.people
        usual = [*self.proof.under({}), *people.readable, *(z3.Not(record.there) for record in people.records)]
        kept = [*formulas]
        waiting = [usual]
        while waiting:
            these = waiting.pop()
            if self.solution(*kept, *these) is not None:
                kept += these
            elif len(these) > 1:
                half = len(these) // 2
                waiting += [these[half:], these[:half]]
        return self.solution(*kept)

    def _layer(self, view: str) -> z3.BoolRef:
        return self.proof.view.truth(SAFETY).is_(1 if view == "shown" else -1)

    def _for_everybody(self, invariant: Invariant, label: str, said: Spelt, exempt: bool) -> Failure | None:
        now, given, after = self._changed(said.change)
        before = self.proof.view
        broken = [
            self._layer(invariant.view),
            *given,
            formula(said.when, now, before, self._over),
            opposite(formula(said.then, now, before, self._over)),
        ]
        model = self.solution(*broken)
        if exempt:
            return Failure(label, "this exception is not needed: it holds here too") if model is None else None
        if model is None:
            return None
        return self._shown(invariant, label, said, self._as_usual(broken), after)

    def _speaks(self, invariant: Invariant, claims: Sequence[Spelt]) -> Failure | None:
        """That there is somebody of whom an invariant says anything."""
        for said in claims:
            now, given, _ = self._changed(said.change)
            asked = formula(said.when, now, self.proof.view, self._over)
            if self.solution(self._layer(invariant.view), *given, asked) is not None:
                return None
        return Failure("its `when`", "it holds of nobody, so that nothing is claimed")

    def _over(self, tree: Tree, view: View) -> Truth:
        """An expression of a claim: what it asks of each option, or how many, is spelt out first."""
        return view.of(spell(self.base, None, tree))

    def _changed(self, change: Tree) -> tuple[View, list[z3.BoolRef], Any]:
        """The view after a change, what holds of the change itself, and the trial that it adds, if any."""
        view = self.proof.view
        if not change:
            return view, [], None
        if change[0] == "trial":
            option = change[1]
            people, trial, given = self.proof.people.after_failing(option)
            trees = {node.name: node.tree for node in self.tree.nodes if node.kind == "field"}
            read = {n: t for n, t in trees.items() if any(x[:3] == ["some", "trials", option] for x in nodes(t))}
            story = some([self.proof.people.never_tried[option], self.proof.people.trials[option][0].there])
            return View(self.proof, {n: people.truth(t) for n, t in read.items()}, view), [story, *given], trial
        _, name, value, _ = change
        fixed = Truth(*(opposite(FALSE) if SHARP[value] == answer else FALSE for answer in (1, -1)))
        return View(self.proof, {name: fixed}, view), [], None

    def _for_somebody(self, invariant: Invariant, label: str, said: Spelt, exempt: bool) -> Failure | None:
        missing = []
        member = label in self.base.of_families
        for claim in said.can:
            goal = formula(claim, self.proof.view, self.proof.view, self._over)
            if member and goal.eq(FALSE):
                continue  # a word of a family, of whose member no rule says anything
            if self.solution(self._layer(invariant.view), goal) is None:
                missing.append(_words(claim))
        if exempt:
            return None if missing else Failure(label, "this exception is not needed: there is somebody")
        return Failure(label, f"nobody is there of whom this holds: {', nor: '.join(missing)}") if missing else None

    def witnesses(self, invariant: Invariant) -> Iterator[tuple[str, Data, dict[str, Any]]]:
        """For each claim of `can` somebody of whom it holds, of whom nothing is told that could be left out.

        Returns: the claim in words, the case as a case file says it, and the policy.
        """
        for _, names in named(invariant, self.base):
            said = self._spelt(invariant, names)
            for claim in said.can:
                goal = formula(claim, self.proof.view, self.proof.view, self._over)
                formulas = [self._layer(invariant.view), goal]
                if self.solution(*formulas) is not None:
                    yield _words(claim), *self._somebody(formulas, claim, invariant.view)

    # ---- laws ----

    @cached_property
    def later(self) -> laws.Later:
        """Everybody at a later time."""
        proof = self.proof
        kept = frozenset(v.get_id() for v in (*proof.policies.values(), z3.Bool(SAFETY)))
        return laws.Later(proof.people.admitted, kept)

    @cached_property
    def learnt(self) -> list[z3.BoolRef]:
        """That later more is known."""
        return self.proof.people.learnt(self.later)

    @cached_property
    def learnt_of(self) -> list[tuple[z3.BoolRef, frozenset[int]]]:
        """Each part of `learnt`, with the variables that it names."""
        return [(part, frozenset(laws.variables([part]))) for part in self.learnt]

    @cached_property
    def admitted_of(self) -> list[tuple[z3.BoolRef, frozenset[int]]]:
        """Each thing that everybody keeps to, with the variables that it names."""
        return [(part, frozenset(laws.variables([part]))) for part in self.proof.admitted]

    @cached_property
    def _twice(self) -> z3.Solver:
        """Everybody now, and later."""
        solver = solver_for(laws.TIMEOUT)
        solver.add(*self.proof.admitted, *(self.later(c) for c in self.proof.people.admitted), *self.learnt)
        return solver

    def _learning(self, invariant: Invariant) -> Iterator[_Goal]:
        """Of each tree over words, by itself; and of each word that fields answer, over everybody now and later."""
        shapes: dict[str, tuple[Tree, str]] = {}
        for node in self.tree.nodes:
            if node.kind == "logic":
                shape = laws.shape_of(node.tree, {})
                shapes.setdefault(json.dumps(shape), (shape, node.name))
        counts = {p.policy: range(int(p.low), int(p.high) + 1) for p in self.base.policies if not p.unit and p.low}
        for told, (shape, name) in shapes.items():
            yield _Goal(name, self._digest(["learning", told]), partial(self._learns_by_words, name, shape, counts))
        for node in self.tree.nodes:
            if node.kind == "field" and node.name != SAFETY:
                digest = self._digest(["learning", self._fingerprints[node.name]])
                yield _Goal(node.name, digest, partial(self._learns_by_fields, node.name))

    def _learns_by_words(self, name: str, shape: Tree, counts: Mapping[str, range]) -> Failure | None:
        return None if laws.learns(shape, counts) else Failure(name, "a word that is learnt changes its yes or no")

    def _learns_by_fields(self, name: str) -> Failure | None:
        tree = self.tree.node[name].tree
        if tree[0] == "total":
            return self._sum_learns(name, tree[1], tree[2])
        now = self.proof.view.truth(name)
        later = Truth(self.later(now.yes), self.later(now.no))
        changed = z3.Or(z3.And(now.yes, opposite(later.yes)), z3.And(now.no, opposite(later.no)))
        return self._changes(name, changed)

    def _sum_learns(self, name: str, measure: str, key: str) -> Failure | None:
        """That a sum only grows, part by part, and stays as it is from when it is known whole: so does any comparison
        of it."""
        people, later = self.proof.people, self.later
        parts = list(people.parts_of(measure, key))
        whole = people.whole_sum(key)
        wrong = [z3.And(whole, opposite(later(whole)))]
        for record, amounts, known in parts:
            now, then = z3.Sum([*amounts, z3.RealVal(0)]), z3.Sum([*map(later, amounts), z3.RealVal(0)])
            came = every([whole, opposite(record.there), later(record.there)])
            if amounts:
                wrong += [z3.And(record.there, then < now), came]
            else:
                wrong.append(every([came, opposite(later(known))]))
            less = [opposite(later(known)), *([then != now] if amounts else [])]
            wrong.append(every([record.there, known, some(less)]))
        for each in wrong:
            if not each.eq(FALSE) and (failure := self._changes(name, each)):
                return failure
        return None

    def _changes(self, name: str, changed: z3.BoolRef) -> Failure | None:
        """That nobody's answer changes when more is known."""
        solver = self._twice
        solver.push()
        try:
            solver.add(changed)
            model = solution(solver)
        finally:
            solver.pop()
        if model is None:
            return None
        now = self.case_of(model)
        then = self.table.case_of(self.proof.people.row(Then(model, self.later)))
        policy = self.proof.policy_in(model)
        tree = build(self.base, policy)
        said, later = (self._answers(self._read(data), tree)[name] for data in (now, then))
        _confirm(said not in (0, later), f"what is learnt of {name}")
        return Failure(name, "an answer changes when more is known", now, policy, then)

    def _opposites(self, invariant: Invariant) -> Iterator[_Goal]:
        exempt = {name for each in invariant.exempt for name in each.names}
        excused: dict[str, list[list[str]]] = {}
        for pro, con in laws.opposites(self.base):
            names = {pro.rule, con.rule}
            fire = [f"rule:{name}" for name in sorted(names)]
            digest = self._digest(["opposites", sorted(names & exempt), [self._fingerprints[name] for name in fire]])
            for name in names & exempt:
                excused.setdefault(name, []).append(fire)
            if not names & exempt:
                yield _Goal(f"{pro.rule} and {con.rule}", digest, partial(self._both_fire, invariant, fire))
        for name in sorted(exempt):
            pairs = excused.get(name, [])
            told = ["excused", name, [self._fingerprints[rule] for pair in pairs for rule in pair]]
            yield _Goal(name, self._digest(told), partial(self._is_needed, invariant, name, pairs))

    def _is_needed(self, invariant: Invariant, name: str, pairs: Sequence[Sequence[str]]) -> Failure | None:
        for pair in pairs:
            if (
                self.solution(self._layer(invariant.view), *(self.proof.view.literal(r, "yes") for r in pair))
                is not None
            ):
                return None
        return Failure(name, "this exception is not needed: it fires beside no rule that says the opposite")

    def _both_fire(self, invariant: Invariant, rules: Sequence[str]) -> Failure | None:
        fire = [self.proof.view.literal(rule, "yes") for rule in rules]
        formulas = [self._layer(invariant.view), *fire]
        if self.solution(*formulas) is None:
            return None
        of = " and ".join(rule.removeprefix("rule:") for rule in rules)
        both = ["all", [["is", rule, "yes", False] for rule in rules]]
        data, policy = self._somebody(formulas, both, invariant.view)
        return Failure(of, f"{of} fire together, and neither yields", data, policy)

    def _questions(self, invariant: Invariant) -> Iterator[_Goal]:
        exempt = {name for each in invariant.exempt for name in each.names}
        written = {word.word for word in self.base.words if not word.each} | {f"rule:{r.rule}" for r in self.base.rules}
        for node in self.tree.nodes:
            if node.name in written:
                name = node.name.removeprefix("rule:")
                told = ["questions", self._fingerprints[node.name], name in exempt]
                yield _Goal(name, self._digest(told), partial(self._asked_in_vain, node, name in exempt))

    def _asked_in_vain(self, node: Node, exempt: bool) -> Failure | None:
        name = node.name.removeprefix("rule:")
        whole = self.proof.view.truth(node.name)
        for part in laws.entangled(self.tree, node.name):
            truth = self.proof.people.truth(part) if node.kind == "field" else self.proof.view.of(part)
            found = laws.asked_in_vain(self.proof.people, self.admitted_of, truth, whole)
            if found is not None and exempt:
                return None
            if found is not None:
                data = self.case_of(found[0])
                answers = self._answers(self._read(data), build(self.base))
                _confirm(answers[node.name] == 0, f"what is asked of {name}")
                told = f"it is asked for, although nothing that could be learnt makes it {found[1]}"
                return Failure(name, told, data)
        return Failure(name, "this exception is not needed: it is never asked for in vain") if exempt else None

    # ---- a solution as a case ----

    def case_of(self, model: z3.ModelRef) -> dict[str, Any]:
        """What a case file says of somebody."""
        return self.table.case_of(self.proof.people.row(model))

    @cached_property
    def table(self) -> Table:
        """The way from a row to a case."""
        return Table(self.base)

    def _somebody(self, formulas: Sequence[z3.BoolRef], claim: Tree, view: str) -> tuple[Data, dict[str, Any]]:
        """Somebody of whom a claim holds, as a case file with few facts, and the policy; of formulas that say it."""
        model = self._as_usual(formulas)
        policy = self.proof.policy_in(model)
        tree = build(self.base, policy)

        def meets(data: Data) -> bool:
            answers = self._answers(self._read(data), tree, view)
            return holds(claim, answers, answers, self.base, policy)

        return self._small(self.case_of(model), meets, _words(claim)), policy

    def _shown(self, invariant: Invariant, label: str, said: Spelt, model: z3.ModelRef, trial: Any) -> Failure:
        policy = self.proof.policy_in(model)
        tree = build(self.base, policy)
        new = self.table.case_of(trial.read(model))["trials"] if trial is not None else []

        def fails(data: Data) -> bool:
            subject = self._read(data)
            before = now = self._answers(subject, tree, invariant.view)
            if new:
                if answer(["some", "trials", said.change[1], ["always"]], subject) == UNKNOWN:
                    return False
                now = self._answers(self._read(_with_trials(data, new)), tree, invariant.view)
            elif said.change:
                now = _worked_out_with(tree, before, said.change[1], SHARP[said.change[2]])
            met = holds(said.when, now, before, self.base, policy)
            return met and not holds(said.then, now, before, self.base, policy)

        data = self._small(self.case_of(model), fails, f"{invariant.invariant} of {label}")
        told = _words(said.then) if said.when == ["all", []] else f"where {_words(said.when)}: {_words(said.then)}"
        if said.change:
            changed = said.change[1] if trial is None else f"a new failed trial of {said.change[1]}"
            told = f"after {changed}{f' is {said.change[2]}' if trial is None else ''}, {told}"
        return Failure(label, told, data, policy, _with_trials(data, new) if new else None)

    def _small(self, data: Data, meets: Callable[[Data], bool], what: str) -> Data:
        """Case data that the judge finds to be as the solver has it, without all that could be left out.

        Errors:  Problems (engines-disagree).
        """

        def so(fewer: Data) -> bool:
            try:
                return meets(fewer)
            except Problems:
                return False

        _confirm(meets(data), what)
        return shrunk(data, so)

    def _read(self, data: Data) -> Subject:
        page = page_of(data)
        return subject_of(page.data, self.base, page)

    def _answers(self, subject: Subject, tree: RuleTree, view: str = "shown") -> Answers:
        findings = find(subject, tree.field_words)
        return plain.run(tree, findings if view == "shown" else {**findings, SAFETY: -1})


@dataclass(frozen=True)
class _Goal:
    of: str
    digest: str
    attempt: Callable[[], Failure | None]


class Then:
    """A solution as it is later."""

    def __init__(self, model: z3.ModelRef, later: laws.Later) -> None:
        self.model, self.later = model, later

    def eval(self, term: Any, model_completion: bool = False) -> Any:
        """The value of a term at the later time."""
        return self.model.eval(self.later(term), model_completion)


def _with_trials(data: Data, new: Sequence[Data]) -> Data:
    """Case data with trials more, the newest."""
    closing = [each for each in data.get("trials", ()) if each == NOTHING_ELSE]
    story = [each for each in data.get("trials", ()) if each != NOTHING_ELSE]
    tried = {f"trials.{each['treatment']}" for each in new}
    never = [name for name in data.get("not", ()) if name not in tried]
    rest = {name: said for name, said in data.items() if name != "not"}
    return {**rest, "trials": [*story, *new, *closing], **({"not": never} if never else {})}


def _confirm(shown: bool, what: str) -> None:
    """That the judge finds of a case what the solver found of it.

    Errors:  Problems (engines-disagree).
    """
    if not shown:
        help = "nothing is proved; please report this with the edition and digest of the rules"
        message = f"solver and judge disagree on {what}"
        raise Problems([Problem("engines-disagree", Place("the prover", None, None), message, help)])


def page_of(data: Mapping[str, Any]) -> Document:
    """Case data as a document, so that it is read as any case is."""
    from io import BytesIO

    return read_document(BytesIO(json.dumps(data).encode()), name="counterexample.json")


# ---- claims ----


def formula(claim: Tree, now: View, before: View, over: Callable[[Tree, View], Truth]) -> z3.BoolRef:
    """A claim over everybody."""
    match claim:
        case ["all", parts]:
            return every(formula(part, now, before, over) for part in parts)
        case ["any", parts]:
            return some(formula(part, now, before, over) for part in parts)
        case ["not", part]:
            return opposite(formula(part, now, before, over))
        case ["is", name, value, earlier]:
            return (before if earlier else now).literal(name, value)
        case ["of", tree, value, earlier]:
            return over(tree, before if earlier else now).is_(SHARP[value])
    raise KeyError(str(claim[0]))


def holds(claim: Tree, now: Answers, before: Answers, base: RuleBase, policy: Mapping[str, Any]) -> bool:
    """Whether a claim holds of one person, by the answers of the plain judge."""
    match claim:
        case ["all", parts]:
            return all(holds(part, now, before, base, policy) for part in parts)
        case ["any", parts]:
            return any(holds(part, now, before, base, policy) for part in parts)
        case ["not", part]:
            return not holds(part, now, before, base, policy)
        case ["is", name, value, earlier]:
            answers = before if earlier else now
            return bool(answers[name] == SHARP.get(value, value))
        case ["of", tree, value, earlier]:
            return plain.value(spell(base, policy, tree), before if earlier else now) == SHARP[value]
    raise KeyError(str(claim[0]))


def _words(claim: Tree) -> str:
    """A claim in words."""
    match claim:
        case ["all" | "any", parts]:
            joined = (" and " if claim[0] == "all" else " or ").join(_words(part) for part in parts)
            return f"({joined})" if len(parts) > 1 else joined
        case ["not", ["is", name, value, earlier]]:
            return f"{'before ' if earlier else ''}{name} is not {value}"
        case ["not", part]:
            return f"not {_words(part)}"
        case ["is", name, value, earlier]:
            return f"{'before ' if earlier else ''}{name} is {value}"
        case ["of", tree, value, earlier]:
            return f"{'before ' if earlier else ''}({_told(tree)}) is {value}"
    raise KeyError(str(claim[0]))


def _told(tree: Tree) -> str:
    """An expression over words in words."""
    match tree:
        case ["word", name]:
            return str(name)
        case ["policy", *name]:
            return "policy." + " has ".join(name)
        case ["and" | "or", parts]:
            return f" {tree[0]} ".join(_told(part) for part in parts)
        case ["not", part]:
            return f"not {_told(part)}"
        case ["options", how, number, _, step, ending]:
            many = f"at least {number[1] if isinstance(number, list) else f'{number:g}'} countable" if number else how
            return f"{many} options of {step} are {ending}" if step else f"{many} option is {ending}"
        case ["kinds", how, option, ending]:
            return f"{how} kind of {option} is {ending}"
    return str(tree)


def _fields_of(tree: Tree) -> Iterator[Tree]:
    """What a field tree reads of a profile: of a list with the condition that it puts to each record."""
    match tree:
        case ["number" | "flag", path, *_] | ["is", path, _]:
            yield [path]
        case ["has", path, value]:
            yield [path, value]
        case ["some", *_]:
            yield tree
        case ["total", measure, key, *_]:
            yield ["total", measure, key]
        case ["and" | "or", parts]:
            for part in parts:
                yield from _fields_of(part)
        case ["not", *parts] | ["else", *parts]:
            for part in parts:
                yield from _fields_of(part)


def _worked_out_with(tree: RuleTree, before: Answers, name: str, value: int) -> Answers:
    """The answers with one of them made so, and all that hang on it worked out anew."""
    answers: Answers = {**before, name: value}
    for node in tree.nodes:
        if node.kind != "field" and node.name != name:
            answers |= plain.work_out([node], answers)
    return answers
