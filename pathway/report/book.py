"""The rule base to read: its rules, words and sentences, and where each of them comes from."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pathway.cache import Compiled
from pathway.language import Tree, nodes
from pathway.problem import Place, Problem, Problems, near
from pathway.rules import (
    DOCUMENTED_VERBS,
    FAQ,
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
)
from pathway.units import show_dose, show_duration

WIDTH = 100
TABLES = {"option": "the status of an option", "step": "the status of a step", "ending": "the ending of a walk"}
HOW_READ = {
    "primary-abstract": "only its abstract was read",
    "primary-draft": "only a draft was read",
    "secondary-summary": "read in someone else's account",
}
LAYERS = {"documented": "documented", "safety": "safety and evidence", "walk": "the walk itself"}
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
    "caution": "caution at {target}",
    "hold": "hold back {target}",
    "review": "review {target}",
    "first": "before {target} comes this",
    "refer": "refer ({target}); the walk goes on",
    "end": "end the walk and refer ({target})",
    "next": "go on to {target}",
}


def render_list(compiled: Compiled) -> str:
    """The rules, step by step, one line each: layer, id, and what it does."""
    base = compiled.base
    wide = max((len(rule.rule) for rule in base.rules), default=0)
    lines: list[str] = []
    for step in _in_order(base):
        lines += ["", f"{step.title} ({step.step})"]
        lines += [
            f"  {rule.layer:<10}  {rule.rule:<{wide}}  {rule.verb} {rule.target}" for rule in _rules_of(base, step)
        ]
    return _text([f"{len(base.rules)} rules, edition {base.edition}", *lines])


def render_words(compiled: Compiled) -> str:
    """The words: what each means, its layer, how it is answered, and who uses it."""
    base = compiled.base
    users = _users(base)
    lines = [f"{len(base.words)} words, edition {base.edition}; {{option}} and {{step}} stand for each option and step"]
    for word in base.words:
        lines += ["", f"{word.word}  ({LAYERS[word.layer]})"]
        lines += _fold(word.means, "  ")
        lines += _fold(f"is: {_one_line(word.text)}", "  ")
        lines += _fold(f"used by: {', '.join(users.get(word.word, [])) or 'nothing'}", "  ")
    return _text(lines)


def render_show(compiled: Compiled, name: str) -> str:
    """All that stands under a name: a rule, word, option, step, policy, document, medicine or sentence of the FAQ.

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


def _in_order(base: RuleBase) -> list[Step]:
    """The steps of the walk, then what stands beside them."""
    return [*base.walked, *(step for step in base.steps if not step.walked)]


def _rules_of(base: RuleBase, step: Step) -> list[Rule]:
    return [rule for rule in base.rules if rule.step == step.step]


def _every_name(base: RuleBase) -> list[str]:
    members = [
        word.word.replace(f"{{{word.each}}}", member)
        for word in base.words
        if word.each
        for member in (base.option if word.each == "option" else [step.step for step in base.walked])
    ]
    return [
        *base.rule, *base.word, *base.option, *(s.step for s in base.steps), *(p.policy for p in base.policies),
        *base.claim, *base.document, *base.medicines, *members,
    ]  # fmt: skip


def _title(base: RuleBase, name: str) -> str:
    """An option's or step's name as a person says it."""
    if name in base.option:
        return base.option[name].name
    return next((step.title for step in base.steps if step.step == name), name)


def _users(base: RuleBase) -> dict[str, list[str]]:
    """Each word (families by their pattern) -> the rules, words, steps and status tables that use it."""
    made: dict[str, dict[str, None]] = {}

    def use(name: str, by: str) -> None:
        for each in {name, _pattern(base, name)}:
            made.setdefault(each, {})[by] = None

    for rule in base.rules:
        for name in (*rule.when, *rule.unless):
            use(name, rule.rule)
    for word in base.words:
        for name in _named(word.tree):
            use(name, word.word)
    for step in base.steps:
        for tree in (step.passed, step.not_needed, step.under_treatment):
            for name in _named(tree):
                use(name, f"step {step.step}")
    for table, rows in base.statuses.items():
        for _, literals in rows:
            for name, _ in literals:
                use(
                    name,
                    TABLES.get(table, table),
                )
    return {name: list(by) for name, by in made.items()}


def _pattern(base: RuleBase, name: str) -> str:
    family = base.family(name)
    return family[0].word if family else name


def _named(tree: Tree) -> Iterator[str]:
    for node in nodes(tree):
        if node[0] == "word":
            yield node[1]
        elif node[0] == "options":
            yield f"{{option}}.{node[5]}"


# ---- sentences ----


def _rule_sentence(base: RuleBase, rule: Rule, strong: str = "") -> str:
    """A rule as it is read aloud: When …, unless …, then …"""
    when = " and ".join(_word_said(base, word, strong) for word in rule.when)
    unless = " or ".join(_word_said(base, word, strong) for word in rule.unless)
    if rule.verb in (*OFFERS, "next"):
        start = f"When the walk has come to “{_title(base, rule.step)}”" + (f" and {when}" if when else "")
    else:
        start = f"When {when}" if when else "In every case"
    then = THEN[rule.verb].format(target=f"{strong}{_title(base, rule.target)}{strong}")
    detail = "".join(f" ({key}: {value})" for key, value in rule.detail.items())
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
        text = text.replace(f"{{{key}}}", _title(base, value))
    return text


def _source_line(base: RuleBase, source: Source) -> str:
    """A source in full: title, organisation, year, place, record, link, and what is to be said of its standing."""
    if source.doc == FAQ:
        claim = base.claim.get(source.at)
        return f'FAQ {source.at}: "{claim.sentence}" ({_judged(claim)})' if claim else f"FAQ {source.at}"
    if source.doc == WALK:
        return f"the walk: {source.at}"
    document = base.document[source.doc]
    parts = [
        f"{document.title}, {document.organisation}" + (f", {document.year}" if document.year else ""),
        f"at: {source.at}",
        f"record: {source.record}" if source.record else "",
        document.link,
        HOW_READ.get(document.opened_type, ""),
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
        return f"{source.doc} {source.at}"
    parts = [
        document.organisation,
        str(document.year or ""),
        source.record or "",
        HOW_READ.get(document.opened_type, ""),
        "" if source.verified else "NOT VERIFIED",
    ]
    return ", ".join(part for part in parts if part)


def _tree_said(tree: Tree, base: RuleBase) -> str:
    """A tree as the language writes it."""
    head = tree[0]
    if head in ("and", "or"):
        return f" {head} ".join(_wrapped(part, base) for part in tree[1])
    if head == "not":
        return f"not {_wrapped(tree[1], base)}"
    if head == "at-least":
        return f"at least {_count(tree[1], base)} of [{', '.join(_tree_said(part, base) for part in tree[2])}]"
    if head == "options":
        _, how, number, _, step, ending = tree
        where = f" of {step}" if step else ""
        return (
            f"at least {_count(number, base)} countable options{where} are {ending}"
            if how == "at-least"
            else f"{how} option{where} is {ending}"
        )
    if head == "rules":
        verb = {"holds": "holds", "suits": "suits", "opens": "opens", "ends": "ends the walk"}[tree[1]]
        return f"any rule that {verb}{f' {tree[2]}' if tree[2] else ''}"
    return {"word": lambda: str(tree[1]), "policy": lambda: f"policy.{tree[1]}"}.get(head, lambda: str(head))()


def _wrapped(tree: Tree, base: RuleBase) -> str:
    text = _tree_said(tree, base)
    return f"({text})" if tree[0] in ("and", "or") else text


def _count(number: Any, base: RuleBase) -> str:
    if not isinstance(number, list):
        return f"{number:g}"
    policy = next((p for p in base.policies if p.policy == number[1]), None)
    return f"policy.{number[1]}" + (f" (default {_policy_value(policy, policy.default)})" if policy else "")


def _policy_value(policy: Policy, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
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
    if policy.low is None or policy.high is None:
        return "yes or no" if isinstance(policy.default, bool) else ""
    return f"from {_policy_value(policy, policy.low)} to {_policy_value(policy, policy.high)}"


# ---- show ----


class _Shown:
    def __init__(self, compiled: Compiled) -> None:
        self.compiled, self.base = compiled, compiled.base
        self.users = _users(self.base)

    def all(self, name: str) -> Iterator[list[str]]:
        """Everything of that name; an option may be called like a step."""
        base = self.base
        if name in base.rule:
            yield list(self._rule(base.rule[name]))
        if (family := base.family(name)) is not None:
            yield list(self._word(name, *family))
        if name in base.option:
            yield list(self._option(base.option[name]))
        yield from (list(self._step(step)) for step in base.steps if step.step == name)
        yield from (
            list(self._policy(policy)) for policy in base.policies if name in (policy.policy, f"policy.{policy.policy}")
        )
        if name in base.claim:
            yield list(self._claim(base.claim[name]))
        if name in base.document and name != FAQ:
            yield list(self._document(base.document[name]))
        if name in base.medicines:
            yield list(self._medicine(name, base.medicines[name]))

    def _rule(self, rule: Rule) -> Iterator[str]:
        base = self.base
        yield f"rule {rule.rule}"
        yield f"  layer    {LAYERS[rule.layer]}"
        yield f"  does     {rule.verb} {rule.target}: {VERBS[rule.verb]}"
        yield from _fold(_rule_sentence(base, rule), "  reads    ")
        yield from _fold(rule.because, "  because  ")
        yield from self._sources(rule.source)
        yield from self._examples(rule.examples)
        claims = [claim.id for claim in base.claims if rule.rule in claim.carried_by]
        if claims:
            yield f"  carries  FAQ {', '.join(claims)}"
        yield f"  place    {rule.place}"

    def _word(self, name: str, word: Word, filled: Mapping[str, str]) -> Iterator[str]:
        yield f"word {name}" + (f"  (of the family {word.word})" if filled else "")
        yield f"  layer    {LAYERS[word.layer]}"
        yield from _fold(_means(self.base, name), "  means    ")
        text = _one_line(word.text)
        for key, value in filled.items():
            text = text.replace(f"{{{key}}}", value)
        yield from _fold(text, "  is       ")
        yield from self._sources(word.source)
        yield from self._examples(word.examples)
        yield from _fold(
            ", ".join(self.users.get(name, []) or self.users.get(word.word, [])) or "nothing", "  used by  "
        )
        yield f"  place    {word.place}"

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
        for rule in base.rules:
            if rule.target == option.option:
                yield from _fold(f"{rule.rule} [{rule.layer}] {rule.verb}: {rule.because}", "  rule     ")

    def _step(self, step: Step) -> Iterator[str]:
        base = self.base
        yield f"step {step.step}" if step.walked else f"beside the steps: {step.step}"
        yield f"  title    {step.title}"
        yield from _fold(step.means, "  means    ")
        if step.walked:
            yield from _fold(_tree_said(step.passed, base), "  passed   ")
        yield from self._sources(step.source)
        for option in base.options_of(step.step):
            yield f"  option   {option.option}: {option.name}"
        for rule in _rules_of(base, step):
            yield f"  rule     {rule.rule} [{rule.layer}] {rule.verb} {rule.target}"
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
        users += [f"word {word.word}" for word in self.base.words if ["policy", policy.policy] in _lists(word.tree)]
        users += [f"step {step.step}" for step in self.base.steps if ["policy", policy.policy] in _lists(step.passed)]
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
        base = self.base
        yield f"document {document.doc}"
        yield from _fold(document.title, "  title    ")
        yield f"  by       {document.organisation}" + (f", {document.year}" if document.year else "")
        if document.link:
            yield f"  link     {document.link}"
        yield f"  read     {HOW_READ.get(document.opened_type, 'the document itself')}"
        owners = [
            *((rule.rule, rule.source) for rule in base.rules),
            *((word.word, word.source) for word in base.words),
            *((f"policy {policy.policy}", policy.source) for policy in base.policies),
        ]
        citing = [name for name, sources in owners if any(source.doc == document.doc for source in sources)]
        yield from _fold(", ".join(citing) or "nothing", "  cited by ")

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


def _lists(value: Any) -> list[Any]:
    """Every list inside a tree, the tree included."""
    return [value, *(each for part in value for each in _lists(part))] if isinstance(value, list) else []


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
        self.users = _users(self.base)

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
        for number, step in enumerate(base.walked, 1):
            yield from self._step(f"Step {number}: {step.title}", step)
        for step in base.steps:
            if not step.walked:
                yield from self._step(f"Beside the steps: {step.title}", step)
        yield from self._policies()
        yield from self._statuses()
        yield from self._words()
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
                f"The walk goes past it when: `{_tree_said(step.passed, base)}`."
                if step.passed != ["never"]
                else "Nothing comes after it."
            )
        options = base.options_of(step.step)
        if options:
            yield ""
            yield "Options:"
            yield ""
            yield from (f"- **{option.name}** (`{option.option}`){self._counts(option)}" for option in options)
        for layer in ("documented", "safety"):
            rules = [rule for rule in _rules_of(base, step) if rule.layer == layer]
            if rules:
                yield ""
                yield f"### {LAYERS[layer].capitalize()} rules"
            for rule in rules:
                yield ""
                said = _rule_sentence(base, rule, "**")
                yield f"`{rule.rule}`: {said} Because: {rule.because}{self._cited(rule.source)}"

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
            users = ", ".join(f"`{user}`" for user in self.users.get(word.word, []))
            yield ""
            answered = f"It is answered by `{_one_line(word.text)}`.{self._cited(word.source)}"
            used = f" Used by {users}." if users else ""
            yield f"**{word.word}** ({LAYERS[word.layer]}): {word.means} {answered}{used}"

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
        for document in self.base.documents:
            link = f" <{document.link}>" if document.link else ""
            year = f", {document.year}" if document.year else ""
            how = f" ({HOW_READ[document.opened_type]})" if document.opened_type in HOW_READ else ""
            yield f"- `{document.doc}`: {document.title}. {document.organisation}{year}.{link}{how}"


# ---- a new rule ----


def _new_lines(base: RuleBase, step: Step) -> Iterator[str]:
    options = base.options_of(step.step)
    verb, target = (
        ("hold", options[0].option) if options else ("caution", step.step) if step.walked else ("end", "urgent")
    )
    # Names that nothing has: a blank that nobody filled in is refused, never quietly a rule.
    word, document = "a-word", "a-document"
    name = _free(base, f"{step.step}.{verb}-for-a-reason")
    verbs = ", ".join(SAFETY_VERBS)
    known = ", ".join(option.option for option in options) or step.step
    file = step.place.rpartition(":")[0] or "the file of the step"
    yield f"  # Put this under `rules:` in {file}, replace every value by yours, then run `pathway check`."
    yield f"  - rule: {name}   # {step.step}.verb-object: at this step we …; an id is never used again"
    yield f"    when: [{word}]   # words that must all be yes; `pathway rules words` lists them. Leave out for always"
    yield "    # unless: [another-word]   words any of which holds the rule back"
    if verb == "end":
        yield f"    then: {{{verb}: {target}}}   # how soon; the walk ends with a referral"
    else:
        yield f"    then: {{{verb}: {target}}}   # one verb, one target. Targets here: {known}"
    yield f"    # verbs of the documented layer (source: the FAQ): {', '.join(DOCUMENTED_VERBS)}"
    yield f"    # verbs of the safety and evidence layer (any other source): {verbs}"
    yield "    because: Say in one plain sentence why; this is what every report prints."
    yield "    source:"
    yield f"      doc: {document}   # of sources.yaml; a new one is described there first. The FAQ is faq"
    yield "      at: where it says so   # for the FAQ its sentence, which then names this rule in claims.yaml"
    yield "      record: a-record   # the evidence record; leave out for the FAQ"
    yield '      # verified: "no"   # where nobody could open the page that says so'
    yield "    examples:   # both signs, and each `unless` word holding"
    yield f"      - {{name: all hold, yes: [{word}], expect: fires}}"
    yield f"      - {{name: the word does not hold, no: [{word}], expect: silent}}"
    yield f"      # - {{name: the exception holds it, yes: [{word}, another-word], expect: silent}}"


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
