"""What is said of an option, as a reader weighs it: what decides, what comes first, for, against, notes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pathway.rules import SPEAKS_AGAINST, SPEAKS_FOR
from pathway.walks import Spoken, WalkedKind, WalkedOption

IN_PLAY = ("review", "held-back", "continue", "under-way", "offered", "after-asking")
"""The statuses of options that are being weighed now."""
DECIDES = ("hold", "review")
WARNS = tuple(verb for verb in SPEAKS_AGAINST if verb not in DECIDES)


@dataclass(frozen=True)
class Weighed:
    """The rules that speak of an option, sorted; in each list this person's stand before those that always hold.

    `decides` holds or reviews the option itself, `kinds` has what holds or reviews each kind of it, `would`
    are the rules that would speak against it if so answered.
    """

    decides: tuple[Spoken, ...]
    kinds: tuple[tuple[WalkedKind, tuple[Spoken, ...]], ...]
    first: tuple[Spoken, ...]
    speaks_for: tuple[Spoken, ...]
    warns: tuple[Spoken, ...]
    would: tuple[Spoken, ...]
    notes: tuple[Spoken, ...]


def taken_now(option: WalkedOption) -> tuple[str, ...]:
    """The medicines of an option that are taken now, in one line, but for those that a running trial tells of."""
    names = [name for name in option.taken if not any(told.startswith(f"{name}: running") for told in option.trials)]
    return (f"taken now: {', '.join(names)}",) if names else ()


def weigh(option: WalkedOption) -> Weighed:
    """Sort what is said of an option."""
    decides = option.saying(*DECIDES)
    asking = [rule for rule in option.rules if rule.verdict == "asks"]
    return Weighed(
        decides=tuple(rule for rule in decides if rule.target == option.option),
        kinds=tuple((kind, tuple(rule for rule in decides if rule.target == kind.kind)) for kind in option.kinds),
        first=(*_sorted(option.saying("first")), *(rule for rule in asking if rule.verb == "first")),
        speaks_for=_sorted(option.saying(*SPEAKS_FOR)),
        warns=_sorted(option.saying(*WARNS)),
        would=tuple(rule for rule in asking if rule.verb in (*DECIDES, "against")),
        notes=_sorted(option.saying("note")),
    )


def corrected(rule: Spoken) -> tuple[str, ...]:
    """The sentences of the FAQ that a rule rests on, or corrects, and that the evidence contradicts."""
    return tuple(source.at for source in rule.source if source.claim_verdict == "contradicted")


def corrections(option: WalkedOption) -> tuple[Spoken, ...]:
    """What the evidence has against the FAQ's sentences on an option; told wherever the option is shown."""
    return tuple(r for r in option.rules if r.verdict == "fires" and r.layer != "documented" and corrected(r))


def told_first(rule: Spoken) -> bool:
    """Whether a rule is to be seen at once: it hangs on this person, or a sentence of the FAQ is contradicted."""
    return not rule.always or bool(corrected(rule))


def _sorted(rules: Iterable[Spoken]) -> tuple[Spoken, ...]:
    return tuple(sorted(rules, key=lambda rule: not told_first(rule)))
