"""The rule base to read: its rules, words and sentences, and where each of them comes from."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from pathway.cache import Compiled
from pathway.language import OPTIONS, Tree, nodes, policies_in
from pathway.problem import Place, Problem, Problems, near
from pathway.profile import fields
from pathway.rulefile import VOCABULARIES
from pathway.rules import (
    CASE,
    DOCUMENTED_VERBS,
    FAQ,
    OFFERS,
    SAFETY_VERBS,
    VERBS,
    WALK,
    Claim,
    Document,
    Kind,
    Option,
    Policy,
    Rule,
    RuleBase,
    Source,
    Step,
    Word,
)
from pathway.units import show_dose, show_duration

WIDTH = 100
RULES_SAID = {"ends": "ends the walk"}
SUM_UNITS = {"mme": "", "dose": "mg/day"}
TABLES = {"option": "the status of an option", "step": "the status of a step", "ending": "the ending of a walk"}
HOW_READ = {
    "primary-abstract": "only its abstract was read",
    "primary-draft": "only a draft was read",
    "secondary-summary": "read in someone else's account",
}
OPENED = {
    "primary": "the document itself",
    "primary-abstract": "its abstract",
    "primary-draft": "a draft of it",
    "secondary-summary": "someone else's account of it",
    "": "nothing: no page could be opened",
}
EACH = {"class": "medicine and class of medicines", "red-flag": "warning sign", "care": "kind of care"}
"""What a family of words has a word for each of, where its name does not say it."""
FEW = 12
PLURAL = {"rule": "rules", "word": "words", "policy": "policies", "step": "steps"}
LAYERS = {"documented": "documented", "safety": "safety and evidence", "walk": "the walk itself"}
ITSELF = {WALK: "the walk", CASE: "the case"}
"""What a word may rest on that is no document."""
HOW_TO_READ = """\
A rule stands in one of two layers. The *documented* layer is a clinic's FAQ in its own order; it alone offers
treatments. The *safety and evidence* layer may hold back, warn, ask or refer, and adds no treatment. Where the FAQ is
wrong, its rule stays and the correction stands beside it.

A rule fires when all its `when` words are yes and all its `unless` words are no. It asks when a word that it hangs on
is not known; not known is never a no."""
THEN = {
    "offer": "offer {target}",
    "consider": "consider {target}",
    "note": "note this at {target}",
    "support": "this speaks for {target}",
    "caution": "caution at {target}",
    "against": "this advises against {target}",
    "hold": "hold back {target}",
    "review": "review {target}",
    "first": "before {target} comes this",
    "refer": "refer to {to} (beside {target}); the walk goes on",
    "end": "end the walk and refer ({target})",
    "next": "go on to {target}",
}


def render_list(compiled: Compiled) -> str:
    """The rules, step by step, one line each: layer, id, and what it does."""
    base = compiled.base
    wide = max((len(rule.rule) for rule in base.rules), default=0)
    lines: list[str] = []
    for step in base.steps:
        lines += ["", f"{step.title} ({step.step}{'' if step.walked else ', beside the steps'})"]
        lines += [f"  {rule.layer:<10}  {rule.rule:<{wide}}  {_does(rule)}" for rule in _rules_of(base, step)]
    return _text([f"{len(base.rules)} rules, edition {base.edition}", *lines])


def render_words(compiled: Compiled) -> str:
    """The words: what each means, its layer, how it is answered, and who uses it."""
    base = compiled.base
    users = _Users(base)
    families = sum(bool(word.each) for word in base.words)
    lines = [
        f"{len(base.words)} words, edition {base.edition}; {families} of them are families, such as "
        "{option}.helping: one word for each option"
    ]
    for word in base.words:
        lines += ["", f"{word.word}  ({_layer(word)})"]
        lines += _fold(word.means, "  ")
        if word.each:
            lines += _fold(_family(base, word), "  ")
        lines += _fold(f"is: {_one_line(word.text)}", "  ")
        lines += _fold(f"used by: {_shortened(users.of(word.word))}", "  ")
    return _text(lines)


def render_show(compiled: Compiled, name: str) -> str:
    """All that stands under a name: a rule, word, option, kind, step, policy, document, record, medicine or sentence.

    Errors:  Problems (unknown-rule) with the nearest name.
    """
    found = list(_Shown(compiled).all(name))
    if not found:
        guess = near(name, _every_name(compiled.base))
        help = f'did you mean "{guess}"?  ' if guess else ""
        problem = Problem(
            "unknown-rule",
            Place("rules", None, None),
            f'no rule, word, option, step, policy or sentence is called "{name[:60]}"',
            help + "`pathway rules list` and `pathway rules words` list what there is",
        )
        raise Problems([problem])
    return "\n".join(_text(lines) for lines in found)


def render_book(compiled: Compiled) -> str:
    """The whole rule base as Markdown, to be read from top to bottom."""
    return _text(_Book(compiled).lines())


def render_trace(compiled: Compiled) -> str:
    """Each sentence of the FAQ with what carries it, or why nothing does; then each documented rule and its own."""
    base = compiled.base
    carried = sum(bool(claim.carried_by) for claim in base.claims)
    told = f"{carried} carried by rules or words, {len(base.claims) - carried} with a reason why not"
    lines = [f"{len(base.claims)} sentences of the FAQ: {told}"]
    for claim in base.claims:
        lines += ["", *_fold(f"{claim.id}  {claim.sentence}", "", "      ")]
        lines += _fold(f"evidence: {claim.verdict}. {claim.said}", "      ")
        lines += [f"      carried by {name}" for name in claim.carried_by]
        lines += _fold(f"not carried: {claim.because_not}", "      ") if claim.because_not else []
    rules = [rule for rule in base.rules if rule.layer == "documented"]
    lines += ["", f"{len(rules)} documented rules and the sentences that they rest on"]
    for rule in rules:
        cited = [source.at for source in rule.source if source.doc == FAQ]
        back = [claim.id for claim in base.claims if rule.rule in claim.carried_by]
        lines.append(f"  {rule.rule}: {', '.join(dict.fromkeys([*cited, *back]))}")
    return _text(lines)


def render_sources(compiled: Compiled, document: str | None = None) -> str:
    """The cited documents, each once: how it was read, and which rules, words, policies and steps rest on it.

    The FAQ stands first, then the documents by organisation, year and title.

    Errors:  Problems (unknown-source) with the nearest name.
    """
    base = compiled.base
    cited = _Citing(base)
    if document is not None:
        if document not in base.document:
            guess = near(document, base.document)
            help = f'did you mean "{guess}"?' if guess else "`pathway rules sources` lists them all"
            place = Place("rules/sources.yaml", None, None)
            raise Problems([Problem("unknown-source", place, f'no document is called "{document[:60]}"', help)])
        return _text(cited.entry(base.document[document]))
    carries = sum(bool(cited.carried(each)) for each in base.documents)
    lines = _fold(
        f"{len(base.documents)} documents, edition {base.edition}: rules, words, policies or steps rest on {carries}, "
        f"none on {len(base.documents) - carries}. The FAQ stands first, then the documents by organisation, year and "
        "title. Evidence records stand in brackets.",
        "",
    )
    for each in sorted(base.documents, key=_by_organisation):
        lines += ["", *cited.entry(each)]
    return _text(lines)


def render_new(compiled: Compiled, step: str) -> str:
    """A filled-in blank of a rule for a step: put at the end of the step's file, it reads.

    Errors:  Problems (unknown-step) with the nearest name.
    """
    base = compiled.base
    known = {each.step: each for each in base.steps}
    if step not in known:
        guess = near(step, known)
        help = f'did you mean "{guess}"?  ' if guess else ""
        raise Problems(
            [
                Problem(
                    "unknown-step",
                    Place("rules", None, None),
                    f'no step is called "{step[:60]}"',
                    help + "the steps: " + ", ".join(known),
                )
            ]
        )
    return _text(_new_lines(base, known[step]))


# ---- names ----


def _rules_of(base: RuleBase, step: Step) -> list[Rule]:
    return [rule for rule in base.rules if rule.step == step.step]


def _every_name(base: RuleBase) -> list[str]:
    members = [
        word.word.replace(f"{{{word.each}}}", member)
        for word in base.words
        if word.each
        for member in base.members.get(word.each, ())
    ]
    return [
        *base.rule, *base.word, *base.option, *base.kind, *(s.step for s in base.steps),
        *(p.policy for p in base.policies), *base.claim, *base.document, *base.records, *base.medicines, *members,
    ]  # fmt: skip


def _title(base: RuleBase, name: str, each: str = "") -> str:
    """An option's, kind's or step's name, or a value of a vocabulary, as a person says it."""
    if each in VOCABULARIES:
        return fields()[VOCABULARIES[each]].values.get(name, name)
    if name in base.option:
        return base.option[name].name
    if name in base.kind:
        return base.kind[name].name
    return next((step.title for step in base.steps if step.step == name), name)


def _family(base: RuleBase, word: Word) -> str:
    """Of what a family of words has a word for each, how many there are, and one of them."""
    members = base.members.get(word.each, ())
    such = f", such as {word.word.replace(f'{{{word.each}}}', members[0])}" if members else ""
    return f"a family: one word for each {EACH.get(word.each, word.each)} ({len(members)}){such}"


def _layer(word: Word) -> str:
    """The layer of a word in words; a word that only says what a case lists is of the case."""
    return "the case itself" if word.source[0].doc == CASE else LAYERS[word.layer]


class _Users:
    """The rules, words, steps and status tables that use each word."""

    def __init__(self, base: RuleBase) -> None:
        self.base = base
        self.direct: dict[str, dict[str, None]] = {}
        self.any: dict[str, dict[str, None]] = {}
        for name, by in _uses(base):
            self.direct.setdefault(name, {})[by] = None
            family = base.family(name)
            self.any.setdefault(family[0].word if family else name, {})[by] = None

    def of(self, name: str) -> list[str]:
        """Who uses a word: of a family who uses any of it, of a member who uses that one or each of them."""
        if name in self.base.word:
            return list(self.any.get(name, {}))
        family = self.base.family(name)
        return list({**self.direct.get(name, {}), **self.direct.get(family[0].word if family else "", {})})


def _uses(base: RuleBase) -> Iterator[tuple[str, str]]:
    for rule in base.rules:
        yield from ((name, rule.rule) for name in (*rule.when, *rule.unless))
    for word in base.words:
        yield from ((name, word.word) for name in _named(word.tree))
    for step in base.steps:
        for tree in (step.passed, step.not_needed, step.under_treatment):
            yield from ((name, f"step {step.step}") for name in _named(tree))
    for table, rows in base.statuses.items():
        yield from ((name, TABLES.get(table, table)) for _, literals in rows for name, _ in literals)


def _named(tree: Tree) -> Iterator[str]:
    for node in nodes(tree):
        if node[0] == "word":
            yield node[1]
        elif node[0] == "options":
            yield f"{{option}}.{node[5]}"
        elif node[0] == "kinds":
            yield f"{{kind}}.{node[3]}"


def _shortened(names: list[str]) -> str:
    """Names in a line; of very many the first, and how many more."""
    more = f" and {len(names) - FEW} more" if len(names) > FEW else ""
    return ", ".join(names[:FEW]) + more or "nothing"


# ---- sentences ----


def _does(rule: Rule) -> str:
    """What a rule does, in the words of its `then`."""
    return ", ".join([f"{rule.verb} {rule.target}", *(f"{key}: {value}" for key, value in rule.detail.items())])


def _rule_sentence(base: RuleBase, rule: Rule, strong: str = "") -> str:
    """A rule as it is read aloud: When …, unless …, then …"""
    when = " and ".join(_word_said(base, word, strong) for word in rule.when)
    unless = " or ".join(_word_said(base, word, strong) for word in rule.unless)
    if rule.verb in (*OFFERS, "next"):
        start = f"When the walk has come to “{_title(base, rule.step)}”" + (f" and {when}" if when else "")
    else:
        start = f"When {when}" if when else "In every case"
    then = THEN[rule.verb].format(target=f"{strong}{_title(base, rule.target)}{strong}", to=rule.detail.get("to"))
    detail = "".join(f" ({key}: {value})" for key, value in rule.detail.items() if key != "to")
    return f"{start}{f', unless {unless}' if unless else ''}, then {then}{detail}."


def _word_said(base: RuleBase, name: str, strong: str = "") -> str:
    return f"{strong}{name}{strong} ({_means(base, name).rstrip('.')})"


def _means(base: RuleBase, name: str) -> str:
    family = base.family(name)
    if family is None:
        return ""
    word, filled = family
    text = word.means
    for key, value in filled.items():
        text = text.replace(f"{{{key}}}", _title(base, value, key))
    return text


def _source_line(base: RuleBase, source: Source) -> str:
    """A source in full: title, organisation, year, place, record, link, and what is to be said of its standing."""
    if source.doc == FAQ:
        claim = base.claim.get(source.at)
        return f'FAQ {source.at}: "{claim.sentence}" ({_judged(claim)})' if claim else f"FAQ {source.at}"
    if source.doc in ITSELF:
        return f"{ITSELF[source.doc]}: {source.at}"
    document = base.document[source.doc]
    parts = [
        f"{document.title}, {document.organisation}" + (f", {document.year}" if document.year else ""),
        f"at: {source.at}",
        f"record: {source.record}" if source.record else "",
        document.link,
        HOW_READ.get(source.opened_type, ""),
        "" if source.verified else "NOT VERIFIED",
    ]
    return "; ".join(part for part in parts if part)


def _judged(claim: Claim) -> str:
    return f"evidence: {claim.verdict.upper() if claim.verdict == 'contradicted' else claim.verdict}"


def _short(base: RuleBase, source: Source) -> str:
    """A source in brackets after a sentence."""
    if source.doc == FAQ:
        claim = base.claim.get(source.at)
        return f"FAQ {source.at}" + (
            ", CONTRADICTED by the evidence" if claim and claim.verdict == "contradicted" else ""
        )
    document = base.document.get(source.doc)
    if document is None:
        return f"{ITSELF.get(source.doc, source.doc)}: {source.at}"
    parts = [
        document.organisation,
        str(document.year or ""),
        source.record or "",
        HOW_READ.get(source.opened_type, ""),
        "" if source.verified else "NOT VERIFIED",
    ]
    return ", ".join(part for part in parts if part)


def _tree_said(tree: Tree, record: str = "") -> str:
    """A tree as the language writes it; inside a `where`, `record` names the list that its fields are of.

    >>> _tree_said(["total", "mme", "opioid", ">=", ["policy", "mme-caution"]])
    'total mme of opioid >= policy.mme-caution'
    """
    said: dict[str, Callable[[Tree], str]] = {
        "and": lambda t: " and ".join(_wrapped(part, record) for part in t[1]),
        "or": lambda t: " or ".join(_wrapped(part, record) for part in t[1]),
        "not": lambda t: _negation_said(t[1], record),
        "word": lambda t: str(t[1]),
        "policy": lambda t: f"policy.{t[1]}{f' has {t[2]}' if t[2:] else ''}",
        "number": lambda t: f"{_path_said(t[1])} {t[2]} {_number_said(t[3], _field_unit(t[1], record))}",
        "is": lambda t: f"{_path_said(t[1])} = {t[2]}",
        "has": lambda t: f"{_path_said(t[1])} has {t[2]}",
        "flag": lambda t: _path_said(t[1]),
        "some": _some_said,
        "later": lambda t: f"some later trial where {_wrapped(t[1], record)}",
        "else": lambda t: f"({_tree_said(t[1], record)} else {_tree_said(t[2], record)})",
        "total": lambda t: f"total {t[1]} of {t[2]} {t[3]} {_number_said(t[4], SUM_UNITS[t[1]])}",
        "at-least": lambda t: f"at least {_number_said(t[1])} of [{', '.join(_tree_said(part) for part in t[2])}]",
        "options": _options_said,
        "kinds": lambda t: f"{t[1]} kind of {t[2]} is {t[3]}",
        "rules": lambda t: f"any rule that {RULES_SAID.get(t[1], t[1])}{f' {t[2]}' if t[2] else ''}",
    }
    return said[tree[0]](tree) if tree[0] in said else str(tree[0])


def _options_said(tree: Tree) -> str:
    _, how, number, _, step, ending = tree
    where = f" of {step}" if step else ""
    if how == "at-least":
        return f"at least {_number_said(number)} countable options{where} are {ending}"
    return f"{how} option{where} is {ending}"


def _some_said(tree: Tree) -> str:
    _, path, key, condition = tree
    of = f" of {key}" if key else ""
    where = "" if condition == ["always"] else f" where {_wrapped(condition, path)}"
    return f"some {path.removesuffix('s')}{of}{where}"


def _negation_said(tree: Tree, record: str) -> str:
    if tree[0] == "later":
        return f"no later trial where {_wrapped(tree[1], record)}"
    return f"not {_wrapped(tree, record)}"


def _wrapped(tree: Tree, record: str) -> str:
    """A part of a tree, in brackets where a reader could doubt what belongs together."""
    text = _tree_said(tree, record)
    return f"({text})" if tree[0] in ("and", "or") else text


def _path_said(path: str) -> str:
    return path.removeprefix(".")


def _field_unit(path: str, record: str) -> str:
    known = fields()[record].item if path.startswith(".") else fields()
    return known[path.removeprefix(".")].unit


def _number_said(number: Any, unit: str = "") -> str:
    """A number with its unit, or the policy that gives it."""
    if isinstance(number, list):
        return f"policy.{number[1]}"
    return {"days": show_duration, "mg/day": show_dose}.get(unit, "{:g}".format)(float(number))


def _passed_said(base: RuleBase, step: Step) -> str:
    """When the walk goes past a step, with the defaults of the policies that decide it."""
    named = policies_in(step.passed)
    policies = [policy for policy in base.policies if policy.policy in named]
    defaults = "; ".join(f"policy.{p.policy}: default {_policy_value(p, p.default)}" for p in policies)
    return _tree_said(step.passed) + (f"  ({defaults})" if defaults else "")


def _policy_value(policy: Policy, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if policy.unit == OPTIONS:
        return ", ".join(value) or "none"
    if policy.unit == "days":
        return show_duration(float(value))
    return (
        show_dose(float(value))
        if policy.unit == "mg/day"
        else f"{value:g}"
        if isinstance(value, int | float)
        else str(value)
    )


def _policy_range(policy: Policy) -> str:
    if policy.unit == OPTIONS:
        return "any options of the pathway"
    if policy.low is None or policy.high is None:
        return "yes or no" if isinstance(policy.default, bool) else ""
    return f"from {_policy_value(policy, policy.low)} to {_policy_value(policy, policy.high)}"


# ---- show ----


class _Shown:
    def __init__(self, compiled: Compiled) -> None:
        self.compiled, self.base = compiled, compiled.base

    @cached_property
    def users(self) -> _Users:
        return _Users(self.base)

    @cached_property
    def citing(self) -> _Citing:
        return _Citing(self.base)

    def all(self, name: str) -> Iterator[list[str]]:
        """Everything of that name; an option may be called like a step."""
        base = self.base
        if name in base.rule:
            yield list(self._rule(base.rule[name]))
        if (family := base.family(name)) is not None:
            yield list(self._word(name, *family))
        if name in base.option:
            yield list(self._option(base.option[name]))
        if name in base.kind:
            yield list(self._kind(base.kind[name]))
        yield from (list(self._step(step)) for step in base.steps if step.step == name)
        yield from (
            list(self._policy(policy)) for policy in base.policies if name in (policy.policy, f"policy.{policy.policy}")
        )
        if name in base.claim:
            yield list(self._claim(base.claim[name]))
        if name in base.document and name != FAQ:
            yield list(self._document(base.document[name]))
        if name in base.records:
            yield list(self._record(name, base.records[name]))
        if name in base.medicines:
            yield list(self._medicine(name, base.medicines[name]))

    def _rule(self, rule: Rule) -> Iterator[str]:
        base = self.base
        yield f"rule {rule.rule}"
        yield f"  layer    {LAYERS[rule.layer]}"
        yield from _fold(f"{_does(rule)}; it {VERBS[rule.verb]}", "  does     ")
        yield from _fold(_rule_sentence(base, rule), "  reads    ")
        yield from _fold(rule.because, "  because  ")
        yield from self._sources(rule.source)
        yield from self._examples(rule.examples)
        if rests := self.compiled.proofs[rule.rule]:
            yield from _fold(", ".join(rests), "  proofs   ")
        claims = [claim.id for claim in base.claims if rule.rule in claim.carried_by]
        if claims:
            yield f"  carries  FAQ {', '.join(claims)}"
        yield f"  place    {rule.place}"

    def _word(self, name: str, word: Word, filled: Mapping[str, str]) -> Iterator[str]:
        yield f"word {name}" + (f"  (of the family {word.word})" if filled else "")
        yield f"  layer    {_layer(word)}"
        yield from _fold(_means(self.base, name), "  means    ")
        if word.each and not filled:
            yield from _fold(_family(self.base, word), "  each     ")
            yield from _fold(", ".join(self._members(word)), "  members  ")
        text = _one_line(word.text)
        for key, value in filled.items():
            text = text.replace(f"{{{key}}}", value)
        yield from _fold(text, "  is       ")
        yield from self._sources(word.source)
        yield from self._examples(word.examples)
        yield from _fold(", ".join(self.users.of(name)) or "nothing", "  used by  ")
        yield f"  place    {word.place}"

    def _members(self, word: Word) -> Iterator[str]:
        for member in self.base.members.get(word.each, ()):
            yield word.word.replace(f"{{{word.each}}}", member)

    def _option(self, option: Option) -> Iterator[str]:
        base = self.base
        yield f"option {option.option}"
        yield f"  name     {option.name}"
        yield f"  step     {option.step} ({_title(base, option.step)})"
        yield f"  counts   {'' if option.counts else 'never '}towards the exhaustion of its step"
        if option.adequate:
            policy = next(p for p in base.policies if p.policy == option.adequate)
            value = _policy_value(policy, self.compiled.policies[policy.policy])
            yield f"  trial    counts from {value} on (policy.{policy.policy}), unless its record says otherwise"
        else:
            yield "  trial    counts as the record says; no length is set for it"
        medicines = [name for name, entry in base.medicines.items() if entry.get("option") == option.option]
        if medicines:
            yield from _fold(", ".join(medicines), "  such as  ")
        yield from _taken(option)
        for kind in base.kinds_of(option.option):
            yield f"  kind     {kind.kind}: {kind.name}"
        for rule in base.rules_for[option.option]:
            yield from _fold(f"{rule.rule} [{rule.layer}] {rule.verb}: {rule.because}", "  rule     ")

    def _kind(self, kind: Kind) -> Iterator[str]:
        base = self.base
        yield f"kind {kind.kind}"
        yield f"  name     {kind.name}"
        yield f"  option   {kind.option} ({_title(base, kind.option)})"
        yield from _taken(kind)
        for rule in base.rules_for[kind.kind]:
            yield from _fold(f"{rule.rule} [{rule.layer}] {rule.verb}: {rule.because}", "  rule     ")

    def _step(self, step: Step) -> Iterator[str]:
        base = self.base
        yield f"step {step.step}" if step.walked else f"beside the steps: {step.step}"
        yield f"  title    {step.title}"
        yield from _fold(step.means, "  means    ")
        if step.walked:
            yield from _fold(_passed_said(base, step), "  passed   ")
        yield from self._sources(step.source)
        for option in base.options_of(step.step):
            yield f"  option   {option.option}: {option.name}"
        for rule in _rules_of(base, step):
            yield f"  rule     {rule.rule} [{rule.layer}] {_does(rule)}"
        yield f"  place    {step.place}"

    def _policy(self, policy: Policy) -> Iterator[str]:
        now = self.compiled.policies[policy.policy]
        yield f"policy {policy.policy}"
        yield from _fold(policy.means, "  means    ")
        yield f"  default  {_policy_value(policy, policy.default)}"
        if now != policy.default:
            yield f"  now      {_policy_value(policy, now)}, as this clinic sets it"
        yield f"  range    {_policy_range(policy)}"
        if policy.source:
            yield from self._sources(policy.source)
        else:
            yield "  source   none: a clinic's choice"
        users = [f"option {option.option}" for option in self.base.options if option.adequate == policy.policy]
        users += [f"word {word.word}" for word in self.base.words if policy.policy in policies_in(word.tree)]
        users += [f"step {step.step}" for step in self.base.steps if policy.policy in policies_in(step.passed)]
        yield from _fold(", ".join(users) or "nothing", "  used by  ")

    def _claim(self, claim: Claim) -> Iterator[str]:
        yield f"sentence {claim.id} of the FAQ"
        yield from _fold(claim.sentence, "  says     ")
        yield f"  evidence {claim.verdict.upper() if claim.verdict == 'contradicted' else claim.verdict}"
        yield from _fold(claim.said, "  handled  ")
        yield from (f"  carried  {name}" for name in claim.carried_by)
        if claim.because_not:
            yield from _fold(claim.because_not, "  not carried, because: ")
        citing = [rule.rule for rule in self.base.rules if any(s.doc == FAQ and s.at == claim.id for s in rule.source)]
        if citing:
            yield from _fold(", ".join(citing), "  cited by ")
        if claim.evidence:
            yield from _fold(", ".join(claim.evidence), "  records  ")

    def _document(self, document: Document) -> Iterator[str]:
        yield f"document {document.doc}"
        yield from _fold(document.title, "  title    ")
        yield f"  by       {document.organisation}" + (f", {document.year}" if document.year else "")
        if document.link:
            yield f"  link     {document.link}"
        yield from _fold(self.citing.read(document), "  read     ")
        citing = [name for name, _ in self.citing.of(document)]
        yield from _fold(", ".join(citing) or "nothing", "  cited by ")

    def _record(self, name: str, record: Mapping[str, Any]) -> Iterator[str]:
        base = self.base
        yield f"evidence record {name}"
        yield from _fold(record["statement"], "  says     ")
        yield from _fold(record["population"], "  of       ")
        yield from _fold(record["strength"], "  strength ")
        yield f"  kind     {record['kind']}"
        yield f"  verified {'yes' if record['verified'] else 'NOT VERIFIED: nobody could open a page that says so'}"
        document = base.document.get(record["doc"])
        if document:
            year = f", {document.year}" if document.year else ""
            yield from _fold(f"{document.title}, {document.organisation}{year} ({document.doc})", "  document ")
            if document.link:
                yield f"  link     {document.link}"
        sources = self.citing.records.get(name, {})
        yield f"  read     {OPENED[record['opened_type']]}"
        yield from _fold(record["at"], "  at       ")
        yield from (f"  carried  by {owner}" for owner in sources)
        if name in base.not_encoded:
            yield from _fold(base.not_encoded[name], "  not carried, because: ")
        elif not sources:
            yield "  carried  by nothing, and no reason is given"
        claims = [claim.id for claim in base.claims if name in claim.evidence]
        if claims:
            yield f"  speaks of FAQ {', '.join(claims)}"

    def _medicine(self, name: str, entry: Mapping[str, Any]) -> Iterator[str]:
        yield f"medicine {name}"
        yield f"  classes  {', '.join(entry['classes'])}"
        if entry.get("option"):
            yield f"  option   {entry['option']} ({_title(self.base, str(entry['option']))})"

    def _sources(self, sources: Iterable[Source]) -> Iterator[str]:
        for source in sources:
            yield from _fold(_source_line(self.base, source), "  source   ")

    def _examples(self, examples: Iterable[Mapping[str, Any]]) -> Iterator[str]:
        for example in examples:
            given = "; ".join(
                f"{key}: {_plain(value)}" for key, value in example.items() if key not in ("name", "expect")
            )
            yield from _fold(
                f"{example.get('name', '')}{f' ({given})' if given else ''}: {example.get('expect')}", "  example  "
            )


class _Citing:
    """What rests on each document and on each evidence record."""

    def __init__(self, base: RuleBase) -> None:
        self.base = base
        self.owners: dict[str, dict[str, list[Source]]] = {}
        self.records: dict[str, dict[str, Source]] = {}
        for owner, sources in _owners(base):
            for source in sources:
                self.owners.setdefault(source.doc, {}).setdefault(owner, []).append(source)
                if source.record:
                    self.records.setdefault(source.record, {})[owner] = source

    def of(self, document: Document) -> list[tuple[str, list[Source]]]:
        """Everything that rests on a document ("rule a.b", "word c"), each with the places and records it cites."""
        return list(self.owners.get(document.doc, {}).items())

    def carried(self, document: Document) -> bool:
        """Whether anything rests on it."""
        return document.doc in self.owners

    def read(self, document: Document) -> str:
        """How the records that are cited from a document were read, in words."""
        if document.doc == FAQ:
            return "the document itself, sentence by sentence"
        opened = {s.record: s.opened_type for _, sources in self.of(document) for s in sources if s.record}
        counts = Counter(opened.values())
        return "; ".join(f"{OPENED[how]} ({_records(counts[how])})" for how in OPENED if counts[how]) or "not cited"

    def entry(self, document: Document) -> list[str]:
        """A document as a bibliography gives it, with what rests on it."""
        year = f", {document.year}" if document.year else ""
        lines = _fold(f"{document.organisation}{year}. {document.title}", "", "    ")
        lines += [f"    {document.link}"] if document.link else []
        lines += _fold(f"{document.doc}; read: {self.read(document)}", "    ")
        for what, many in PLURAL.items():
            names = [
                f"{owner.removeprefix(f'{what} ')}{self._places(document, sources)}"
                for owner, sources in self.of(document)
                if owner.startswith(f"{what} ")
            ]
            lines += _fold(", ".join(names), f"    {many:<10}") if names else []
        for record, because in self.base.not_encoded.items():
            if self.base.records.get(record, {}).get("doc") == document.doc:
                lines += _fold(f"{record}: {because}", "    not carried  ")
        return lines

    def _places(self, document: Document, sources: list[Source]) -> str:
        """The records that are cited in brackets, or the sentences of the FAQ."""
        told = [
            (source.record or (source.at if document.doc == FAQ else ""))
            + ("" if source.verified else ", NOT VERIFIED")
            for source in sources
        ]
        places = "; ".join(dict.fromkeys(each for each in told if each))
        return f" ({places})" if places else ""


def _owners(base: RuleBase) -> Iterator[tuple[str, tuple[Source, ...]]]:
    yield from ((f"rule {rule.rule}", rule.source) for rule in base.rules)
    yield from ((f"word {word.word}", word.source) for word in base.words)
    yield from ((f"policy {policy.policy}", policy.source) for policy in base.policies)
    yield from ((f"step {step.step}", step.source) for step in base.steps)


def _by_organisation(document: Document) -> tuple[bool, str, int, str]:
    return document.doc != FAQ, document.organisation.casefold(), document.year or 0, document.title.casefold()


def _records(number: int) -> str:
    return f"{number} {'record' if number == 1 else 'records'}"


def _lists(value: Any) -> list[Any]:
    """Every list inside a tree, the tree included."""
    return [value, *(each for part in value for each in _lists(part))] if isinstance(value, list) else []


def _taken(of: Option | Kind) -> list[str]:
    """When an option or a kind of one is taken now, or in place."""
    said = "nothing in a case says so" if of.taken == ["never"] else f"now where: {_tree_said(of.taken)}"
    return _fold(said, "  taken    ")


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_plain(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_plain(part) for part in value) + "]"
    return str(value)


# ---- the book ----


class _Book:
    def __init__(self, compiled: Compiled) -> None:
        self.compiled, self.base = compiled, compiled.base
        self.users = _Users(self.base)
        self.citing = _Citing(self.base)

    def lines(self) -> Iterator[str]:
        base = self.base
        yield f"# {base.title}"
        yield ""
        counts = (
            f"{len(base.walked)} steps, {len(base.options)} options, {len(base.rules)} rules, {len(base.words)} words"
        )
        yield f"Edition {base.edition}, digest {base.digest[:12]}: {counts}."
        yield ""
        yield f"**For:** {base.intended_for}"
        yield ""
        yield f"**Not for:** {base.not_for}"
        yield ""
        yield "## How to read it"
        yield ""
        yield HOW_TO_READ
        number = {step.step: n for n, step in enumerate(base.walked, 1)}
        for step in base.steps:
            where = f"Step {number[step.step]}" if step.walked else "Beside the steps"
            yield from self._step(f"{where}: {step.title}", step)
        yield from self._policies()
        yield from self._statuses()
        yield from self._words()
        yield from self._invariants()
        yield from self._sentences()
        yield from self._sources()

    def _step(self, heading: str, step: Step) -> Iterator[str]:
        base = self.base
        yield ""
        yield f"## {heading}"
        yield ""
        yield step.means + self._cited(step.source)
        if step.walked:
            yield ""
            yield (
                f"The walk goes past it when: `{_passed_said(base, step)}`."
                if step.passed != ["never"]
                else "Nothing comes after it."
            )
        options = base.options_of(step.step)
        if options:
            yield ""
            yield "Options:"
            yield ""
            for option in options:
                yield f"- **{option.name}** (`{option.option}`){self._counts(option)}"
                yield from (f"  - {kind.name} (`{kind.kind}`)" for kind in base.kinds_of(option.option))
        for layer in ("documented", "safety"):
            rules = [rule for rule in _rules_of(base, step) if rule.layer == layer]
            if rules:
                yield ""
                yield f"### {LAYERS[layer].capitalize()} rules"
            for rule in rules:
                yield ""
                said = _rule_sentence(base, rule, "**")
                yield f"`{rule.rule}`: {said} Because: {rule.because}{self._cited(rule.source)}"
                if rests := self.compiled.proofs[rule.rule]:
                    yield f"Proofs that rest on it: {_shortened([f'`{name}`' for name in rests])}."

    def _counts(self, option: Option) -> str:
        if not option.counts:
            return ": its failure never counts towards going on"
        if not option.adequate:
            return ""
        policy = next(p for p in self.base.policies if p.policy == option.adequate)
        return f": a failed trial counts from {_policy_value(policy, self.compiled.policies[policy.policy])} on"

    def _cited(self, sources: Iterable[Source]) -> str:
        told = "; ".join(_short(self.base, source) for source in sources)
        return f" [{told}]" if told else ""

    def _policies(self) -> Iterator[str]:
        yield ""
        yield "## What a clinic may set"
        for policy in self.base.policies:
            now = self.compiled.policies[policy.policy]
            value = f"default {_policy_value(policy, policy.default)}" + (
                f", here {_policy_value(policy, now)}" if now != policy.default else ""
            )
            source = self._cited(policy.source) or " [no source: a clinic's choice]"
            yield ""
            yield f"`{policy.policy}` ({value}; {_policy_range(policy)}): {policy.means}{source}"

    def _statuses(self) -> Iterator[str]:
        yield ""
        yield "## How statuses are told"
        for table, rows in self.base.statuses.items():
            yield ""
            yield f"{TABLES.get(table, table).capitalize()} is the first of these that holds:"
            yield ""
            for number, (status, literals) in enumerate(rows, 1):
                held = " and ".join(f"{word} is {value}" for word, value in literals)
                yield f"{number}. **{status}**: {f'`{held}`' if held else 'in all other cases'}"

    def _words(self) -> Iterator[str]:
        yield ""
        yield "## Words"
        for word in self.base.words:
            users = _shortened([f"`{user}`" for user in self.users.of(word.word)])
            family = f" It is {_family(self.base, word)}." if word.each else ""
            yield ""
            answered = f"It is answered by `{_one_line(word.text)}`.{self._cited(word.source)}"
            yield f"**{word.word}** ({_layer(word)}): {word.means}{family} {answered} Used by {users}."

    def _invariants(self) -> Iterator[str]:
        yield ""
        yield "## What must hold of everybody"
        yield ""
        yield "`pathway prove` shows each of these for every case there can be, under every policy that may be set."
        for invariant in self.base.invariants:
            yield ""
            yield f"`{invariant.invariant}`: {invariant.says} Because: {invariant.because}"
            for exempt in invariant.exempt:
                yield f"Not claimed of {_shortened([f'`{name}`' for name in exempt.names])}: {exempt.because}"

    def _sentences(self) -> Iterator[str]:
        yield ""
        yield "## The FAQ, sentence by sentence"
        for claim in self.base.claims:
            verdict = claim.verdict.upper() if claim.verdict == "contradicted" else claim.verdict
            carried = (
                f"Carried by {', '.join(f'`{name}`' for name in claim.carried_by)}."
                if claim.carried_by
                else f"Not carried: {claim.because_not}"
            )
            yield ""
            yield f"**{claim.id}** “{claim.sentence}” Evidence: {verdict}. {claim.said} {carried}"

    def _sources(self) -> Iterator[str]:
        yield ""
        yield "## Sources"
        yield ""
        for document in sorted(self.base.documents, key=_by_organisation):
            link = f" <{document.link}>" if document.link else ""
            year = f", {document.year}" if document.year else ""
            how = self.citing.read(document)
            yield f"- {document.organisation}{year}. {document.title}.{link} (`{document.doc}`; read: {how})"


# ---- a new rule ----


def _new_lines(base: RuleBase, step: Step) -> Iterator[str]:
    options = base.options_of(step.step)
    kinds = [kind.kind for option in options for kind in base.kinds_of(option.option)]
    ends = not options and any(rule.verb == "end" for rule in _rules_of(base, step))
    verb, target = ("hold", options[0].option) if options else ("end", "urgent") if ends else ("caution", step.step)
    # Names that nothing has: a blank that nobody filled in is refused, never quietly a rule.
    word, record = "a-word", "a-record"
    name = _free(base, f"{step.step}.{verb}-for-a-reason")
    verbs = ", ".join(SAFETY_VERBS)
    known = ", ".join(option.option for option in options) or step.step
    file = step.place.rpartition(":")[0] or "the file of the step"
    yield f"  # Put this under `rules:` in {file}, replace every value by yours, then run `pathway check`."
    yield f"  - rule: {name}   # {step.step}.verb-object: at this step we …; an id is never used again"
    yield f"    when: [{word}]   # words that must all be yes; `pathway rules words` lists them. Leave out for always"
    yield "    # unless: [another-word]   # words any of which holds the rule back"
    if verb == "end":
        yield f"    then: {{{verb}: {target}}}   # how soon: emergency, urgent or scope; the walk ends with a referral"
    else:
        yield f"    then: {{{verb}: {target}}}   # one verb, one target. Targets here: {known}"
    if kinds:
        yield from _fold(", ".join(kinds), "    # or one kind of an option: ", "    #   ")
    yield f"    # verbs of the documented layer (source: the FAQ): {', '.join(DOCUMENTED_VERBS)}"
    yield f"    # verbs of the safety and evidence layer (any other source): {verbs}"
    yield "    # {refer: root, to: a rheumatologist} says to whom; {hold: opioid, reason: not-recommended} why"
    yield "    because: Say in one or two plain sentences why; this is what every report prints."
    yield f"    source: {record}   # the id of an evidence record, or [one, another]: the first speaks"
    yield "    # The FAQ has no records: {doc: faq, at: s19}; its sentence then names this rule in claims.yaml"
    yield "    # Only where `when` and `unless` name two words or more: both signs, and each `unless` word holding."
    yield "    # examples:"
    yield f"    #   - {{name: all hold, yes: [{word}], no: [another-word], expect: fires}}"
    yield f"    #   - {{name: the word does not hold, no: [{word}], expect: silent}}"
    yield f"    #   - {{name: the exception holds it, yes: [{word}, another-word], expect: silent}}"


def _free(base: RuleBase, name: str) -> str:
    return (
        name if name not in base.rule else next(f"{name}-{i}" for i in range(2, 1000) if f"{name}-{i}" not in base.rule)
    )


# ---- text ----


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _fold(text: str, first: str, rest: str | None = None) -> list[str]:
    return textwrap.wrap(
        text or "-",
        WIDTH,
        initial_indent=first,
        subsequent_indent=" " * len(first) if rest is None else rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _text(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"
