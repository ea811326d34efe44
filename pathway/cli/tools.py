"""What the commands share: groups and types of click, the rules that are asked for, and files written whole."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pathway.problem import Place, Problem, Problems
from pathway.units import UnitError, parse_date

if TYPE_CHECKING:
    from pathway.cache import Compiled

OUR_FAULT = ("engine-failed", "engines-disagree")
STDOUT = ("-", "/dev/stdout")
NEEDS = {
    "numpy": "batch", "phonenumbers": "batch", "polars": "batch", "pyarrow": "batch", "scipy": "batch",
    "stdnum": "batch", "vl_convert": "batch", "pandas": "batch,spark", "pyspark": "batch,spark", "z3": "prove",
}  # fmt: skip
"""The extra that brings each library."""
Command = TypeVar("Command", bound=Callable[..., Any])


@contextmanager
def extras() -> Iterator[None]:
    """Tell which extra brings what is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        if missing not in NEEDS:
            raise
        place = Place("pathway", None, None)
        help = f'install it with: pip install "pain-pathway[{NEEDS[missing]}]"'
        raise Problems(
            [Problem("not-installed", place, f"this needs {missing}, which is not installed", help)]
        ) from None


class Day(click.ParamType[date]):
    """A day of the calendar, as cases have it."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        try:
            return parse_date(value)
        except UnitError as error:
            self.fail(f"{error.message}; {error.help}", param, ctx)


class Group(click.Group):
    """Commands whose help opens with an example, and whose Problems are told rather than traced."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Problems as problems:
            click.echo(problems, err=True)
            ctx.exit(3 if any(p.kind in OUR_FAULT for p in problems.items) else 1)
        except BrokenPipeError:
            # The reader of our output went away, as `head` does; that is no fault of anyone's.
            let_go_of_stdout()
            ctx.exit(0)
        except KeyboardInterrupt:
            ctx.exit(130)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        command = super().get_command(ctx, name)
        if command is None:
            from pathway.problem import near

            guess = near(name, self.commands)
            if guess:
                ctx.fail(f'No such command "{name}". Did you mean "{guess}"?')
        return command


def rules_option(command: Command) -> Command:
    """The option that chooses other rules."""
    return click.option(
        "--rules",
        "rules_dir",
        type=click.Path(),
        envvar="PATHWAY_RULES",
        help="A folder of rules instead of the bundled ones.",
    )(command)


def rules_options(command: Command) -> Command:
    """The options that choose other rules, and what a clinic sets differently."""
    policy = click.option(
        "--policy", type=click.Path(), envvar="PATHWAY_POLICY", help="A file with what the clinic sets differently."
    )
    return rules_option(policy(command))


def compiled_rules(rules_dir: str | None, policy: str | None) -> Compiled:
    """The rules that these options ask for.

    Errors:  Problems of the rules or of the policy.
    """
    from pathway.cache import load
    from pathway.policy import read_policy

    root = None if rules_dir is None else Path(rules_dir)
    try:
        compiled = load(root)
        if policy is None:
            return compiled
        changed = read_policy(policy, compiled.base)
        return load(root, changed) if changed else compiled
    except Problems as problems:
        raise Problems(as_placed(problems.items, rules_dir)) from None


def as_placed(problems: Iterable[Problem], rules_dir: str | None) -> list[Problem]:
    """Problems of another folder of rules are placed in that folder."""
    if rules_dir is None:
        return list(problems)
    from pathway.rulefolder import as_named

    return as_named(problems, rules_dir)


def write(text: str, output: str | None) -> None:
    """Write to stdout, or to a file: whole, or not at all."""
    if output is None or output in STDOUT:
        # Whether there are colours was decided when the text was made; click would strip them from a pipe.
        click.echo(text, nl=False, color=True)
        return
    # A file name that is no UTF-8 may stand in the text; its stray bytes are written as JSON would escape them.
    data = text.encode("utf-8", "backslashreplace")
    target = os.path.realpath(output)
    part = _beside(target)
    try:
        if os.path.exists(output) and not os.path.isfile(output):
            # A device or pipe cannot be replaced, only written to; a folder refuses.
            with open(output, "wb") as stream:
                stream.write(data)
            return
        with open(part, "xb") as stream:
            stream.write(data)
        if os.path.exists(target):
            shutil.copymode(target, part)
        os.replace(part, target)
    except OSError as error:
        with suppress(OSError):
            os.unlink(part)
        raise unwritable(output, error.strerror or str(error)) from None


def _beside(target: str) -> str:
    return os.path.join(os.path.dirname(target), f".pathway-{os.getpid()}.part")


def unwritable(output: str, why: str, help: str = "choose another place with -o") -> Problems:
    """That something cannot be written."""
    return Problems([Problem("unreadable", Place(output, None, None), f"cannot write here: {why}", help)])


def spare(output: str | None, inputs: Iterable[str | None], rules_dir: str | None) -> None:
    """Refuse an output that would overwrite what is read.

    Errors:  Problems (unreadable).
    """
    if output is None or output in STDOUT:
        return
    from pathway.cache import bundled_rules
    from pathway.rulefolder import rule_files

    root = bundled_rules() if rules_dir is None else Path(rules_dir)
    if Path(os.path.realpath(output)).is_relative_to(os.path.realpath(root)):
        raise unwritable(output, "this stands in the folder of the rules")
    read = [path for path in inputs if path is not None and path != "-"]
    for path in (*read, *(str(root / name) for name in rule_files(root))):
        with suppress(OSError):
            if os.path.samefile(output, path):
                raise unwritable(output, f"this is the same file as {path}, which is read")


def try_to_write(output: str | None, force: bool) -> None:
    """Refuse a file that is there already, or a place where none can be made, before any question is asked.

    Errors:  Problems (unreadable).
    """
    if output is None or output in STDOUT:
        return
    target = os.path.realpath(output)
    if os.path.isfile(target) and not force:
        raise unwritable(output, "there is a file of that name already", "choose another, or overwrite it with --force")
    try:
        if os.path.exists(output) and not os.path.isfile(output):
            os.close(os.open(output, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0)))
            return
        with suppress(FileNotFoundError):
            os.stat(target)  # which a name that is too long does not survive
        with open(_beside(target), "xb"):
            os.unlink(_beside(target))
    except OSError as error:
        raise unwritable(output, error.strerror or str(error)) from None


def let_go_of_stdout() -> None:
    """Send what is still in the buffer nowhere, so that the interpreter does not fail on it when it ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
