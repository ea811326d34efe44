"""The hazard log: every control that it names exists, and every hazard is whole."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from pathway.cache import load
from pathway.cli import main

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanation" / "hazards.md"
PARTS = ("Causes", "Harm", "Before", "Controls", "After", "Left to the deployer")
FEWEST_HAZARDS, FEWEST_CONTROLS, FEWEST_OF_A_HAZARD = 25, 220, 4


def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def hazards(text: str) -> dict[str, tuple[str, str]]:
    """Each hazard's title and text, by its id."""
    found = re.findall(r"^## (H\d+)\. (.+)\n((?:(?!## ).*\n)*)", text, re.MULTILINE)
    assert len({name for name, _, _ in found}) == len(found), "an id is used twice"
    return {name: (title, body) for name, title, body in found}


def parts(body: str) -> dict[str, str]:
    """What stands under each bold heading of a hazard, in order."""
    found = re.split(r"^\*\*([^*]+)\.\*\*", body, flags=re.MULTILINE)
    return {name: told.strip() for name, told in zip(found[1::2], found[2::2], strict=True)}


def controls(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


# ---- whether a control exists ----


@cache
def names() -> frozenset[str]:
    """Rules, policies, and words with the members of families."""
    compiled = load()
    rules, policies = {rule.rule for rule in compiled.base.rules}, {policy.policy for policy in compiled.base.policies}
    return frozenset(rules | policies | {word.word for word in compiled.base.words} | set(compiled.tree.node))


@cache
def functions_of(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


@cache
def sections_of(path: Path) -> frozenset[str]:
    titles = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return frozenset(re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles)


def command(words: list[str]) -> bool:
    found: click.Command | None = main
    for word in words:
        found = found.commands.get(word) if isinstance(found, click.Group) else None
    return found is not None


def exists(control: str) -> bool:
    """Whether a name in backticks is a rule, word, policy, test, file, section of a page, or command."""
    if control.startswith("pathway "):
        return command(control.split()[1:])
    if "::" in control:
        file, _, function = control.partition("::")
        path = ROOT / file
        return path.name.startswith("test_") and path.is_file() and function in functions_of(path)
    if "#" in control:
        file, _, section = control.partition("#")
        return (ROOT / file).is_file() and section in sections_of(ROOT / file)
    return (ROOT / control).exists() if "/" in control else control in names()


# ---- the tests ----


@pytest.mark.parametrize("control", sorted(set(controls(page()))))
def test_every_control_that_is_named_exists(control: str) -> None:
    assert exists(control), f"{PAGE.name} names {control}, and there is no such thing"


@pytest.mark.parametrize(
    "control",
    [
        "ketamine.hold-for-nothing", "takes-nothing", "no-such-policy", "pathway undo", "pathway check more", "",
        "cases/nobody.yaml", "pathway/cli.py::main", "docs/explanation/walk.md#nowhere", "docs/no.md#status",
        "tests/unit/test_units.py::test_nothing", "tests/unit/test_no.py::test_a_day", "tests/unit/test_units.py::",
    ],
)  # fmt: skip
def test_what_does_not_exist_would_be_found(control: str) -> None:
    assert not exists(control)


def test_the_log_names_as_many_controls_as_were_written() -> None:
    assert len(hazards(page())) >= FEWEST_HAZARDS
    assert len(set(controls(page()))) >= FEWEST_CONTROLS
    assert page().count("`") == 2 * len(controls(page()))


def test_the_hazards_are_numbered_without_a_gap_and_stand_in_the_table() -> None:
    told = hazards(page())
    assert list(told) == [f"H{number:02}" for number in range(1, len(told) + 1)]
    rows = re.findall(r"^\| (H\d+) \| (.+) \| (\w+) \| (\w+) \|$", page(), re.MULTILINE)
    assert [(name, title) for name, title, _, _ in rows] == [(name, title) for name, (title, _) in told.items()]
    for name, _, before, after in rows:
        body = parts(told[name][1])
        assert (body["Before"].split(": ")[-1], body["After"].split(": ")[-1]) == (f"{before}.", f"{after}."), name


def _matrix() -> Iterator[tuple[tuple[str, str], str]]:
    rows = re.findall(r"^\|(.*?)\|((?: \w+ \|){4})$", page(), re.MULTILINE)
    (_, likelihoods), *lines = [(name.strip(), cells.replace("|", " ").split()) for name, cells in rows]
    for severity, cells in lines:
        yield from (((severity, likelihood), risk) for likelihood, risk in zip(likelihoods, cells, strict=True))


def test_the_scale_is_whole_and_a_worse_harm_or_a_likelier_one_is_never_a_lower_risk() -> None:
    matrix, rank = dict(_matrix()), ("low", "medium", "high")
    severities, likelihoods = (tuple(dict.fromkeys(pair[i] for pair in matrix)) for i in (0, 1))
    assert (severities, likelihoods) == (
        ("minor", "moderate", "major", "grave"),
        ("rare", "seldom", "sometimes", "often"),
    )
    for name in (*severities, *likelihoods):
        assert re.search(rf"^- \*\*{name}\*\*: ", page(), re.MULTILINE), name
    for (severity, likelihood), risk in matrix.items():
        worse = [matrix[s, likelihood] for s in severities[severities.index(severity) :]]
        worse += [matrix[severity, often] for often in likelihoods[likelihoods.index(likelihood) :]]
        assert all(rank.index(risk) <= rank.index(other) for other in worse), (severity, likelihood)


@pytest.mark.parametrize("name", list(hazards(page())))
def test_a_hazard_is_whole_and_its_risk_is_what_the_scale_says(name: str) -> None:
    body, matrix = parts(hazards(page())[name][1]), dict(_matrix())
    assert tuple(body) == PARTS
    assert all(body.values())
    assert len(set(controls(body["Controls"]))) >= FEWEST_OF_A_HAZARD
    likelihoods = [likelihood for _, likelihood in matrix]
    severities, places = [], []
    for part in ("Before", "After"):
        judged = re.fullmatch(r"(\w+), (\w+): (\w+)\.", body[part])
        assert judged, body[part]
        assert matrix[judged[1], judged[2]] == judged[3], part
        severities.append(judged[1])
        places.append(likelihoods.index(judged[2]))
    assert severities[0] == severities[1], "a control lowers the likelihood, not the severity"
    assert places[1] < places[0], "a control lowers the likelihood"


def test_the_log_and_the_page_on_use_link_to_one_another() -> None:
    assert "(intended-use.md)" in page()
    assert "(hazards.md)" in (PAGE.parent / "intended-use.md").read_text(encoding="utf-8")
