"""The command line. Answers to stdout, all else to stderr; exit 0 answered, 1 Problems, 2 misuse, 3 our fault."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from pathway._version import __version__
from pathway.problem import Place, Problem, Problems
from pathway.units import UnitError, parse_date

if TYPE_CHECKING:
    from pathway.cache import Compiled
    from pathway.walks import Walk

OUR_FAULT = ("engine-failed", "engines-disagree")
Command = TypeVar("Command", bound=Callable[..., Any])


class _Day(click.ParamType[date]):
    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        try:
            return parse_date(value)
        except UnitError as error:
            self.fail(f"{error.message}; {error.help}", param, ctx)


class _Group(click.Group):
    """Commands whose help opens with an example, and whose Problems are told rather than traced."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Problems as problems:
            click.echo(problems, err=True)
            ctx.exit(3 if any(p.kind in OUR_FAULT for p in problems.items) else 1)
        except BrokenPipeError:
            # The reader of our output went away, as `head` does; that is no fault of anyone's.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        command = super().get_command(ctx, name)
        if command is None:
            from pathway.problem import near

            guess = near(name, self.commands)
            if guess:
                ctx.fail(f'No such command "{name}". Did you mean "{guess}"?')
        return command


def _rules_options(command: Command) -> Command:
    for option in (
        click.option(
            "--policy", type=click.Path(), envvar="PATHWAY_POLICY", help="A file with what the clinic sets differently."
        ),
        click.option(
            "--rules",
            "rules_dir",
            type=click.Path(),
            envvar="PATHWAY_RULES",
            help="A folder of rules instead of the bundled ones.",
        ),
    ):
        command = option(command)
    return command


def _compiled(rules_dir: str | None, policy: str | None) -> Compiled:
    from pathway.cache import load
    from pathway.policy import read_policy

    root = None if rules_dir is None else Path(rules_dir)
    if root is not None and not (root / "edition.yaml").is_file():
        raise Problems(
            [
                Problem(
                    "not-found",
                    Place(str(root), None, None),
                    "this is no folder of rules",
                    "it should hold edition.yaml, walk.yaml, words/ and steps/",
                )
            ]
        )
    compiled = load(root)
    if policy is None:
        return compiled
    changed = read_policy(policy, compiled.base)
    return load(root, changed) if changed else compiled


def _write(text: str, output: str | None) -> None:
    if output in (None, "-"):
        # Whether there are colours was decided when the text was made; click would strip them from a pipe.
        click.echo(text, nl=False, color=True)
        return
    try:
        Path(str(output)).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Problems(
            [
                Problem(
                    "unreadable",
                    Place(str(output), None, None),
                    f"cannot write here: {error.strerror}",
                    "choose another place with -o",
                )
            ]
        ) from None


def _version(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    if wanted:
        from pathway.cache import load

        base = load().base
        click.echo(f"pathway {__version__}, rules {base.edition}, digest {base.digest[:12]}")
        ctx.exit()


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version and exit."
)
def main() -> None:
    """Walk a case through the chronic-pain treatment pathway, with reasons.

    \b
    Example:
      pathway walk cases/crps-after-fracture.yaml
      pathway new > my-case.yaml      then fill it in, and walk it

    A decision aid for health-care professionals: it shows options and reasons, never orders.
    """


@main.command()
@click.argument("cases", nargs=-1, required=True, metavar="CASE...")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["text", "json", "html", "markdown"]),
    default="text",
    show_default=True,
    envvar="PATHWAY_FORMAT",
    help="How to tell the walk.",
)
@click.option("-o", "--output", type=click.Path(), help="Write to a file instead of the terminal.")
@click.option("--full", is_flag=True, help="Tell every rule, also the silent ones.")
@click.option(
    "--as-of", type=_Day(), envvar="PATHWAY_AS_OF", help="The day on which the case is known, instead of the file's."
)
@click.option("--width", type=click.IntRange(40, 400), help="Columns of text; the terminal's by default.")
@click.option("--colour/--no-colour", default=None, help="Colours; by default on a terminal, unless NO_COLOR is set.")
@_rules_options
@click.pass_context
def walk(
    ctx: click.Context,
    cases: Sequence[str],
    kind: str,
    output: str | None,
    full: bool,
    as_of: date | None,
    width: int | None,
    colour: bool | None,
    rules_dir: str | None,
    policy: str | None,
) -> None:
    """Walk one or more cases ("-" is standard input; a bundled case by its name).

    \b
    Example:
      pathway walk cases/crps-after-fracture.yaml
      pathway walk - --format json < my-case.yaml
    """
    from pathway.case import read_case
    from pathway.walks import walk_case

    compiled = _compiled(rules_dir, policy)
    walks: list[Walk] = []
    problems: list[Problem] = []
    for source in cases:
        try:
            walks.append(walk_case(read_case(_found(source), compiled.base, as_of=as_of), compiled))
        except Problems as found:
            problems += found.items
    if walks:
        _write(_told(walks, kind, width, colour, full, output), output)
    if problems:
        raise Problems(problems)


def _found(source: str) -> str:
    """A bundled case by its bare name, where no file is called so."""
    from pathway.cache import bundled_cases

    if "/" not in source and not Path(source).exists():
        for ending in (".yaml", ".json"):
            bundled = bundled_cases() / f"{source}{ending}"
            if bundled.is_file():
                return str(bundled)
    return source


def _told(walks: list[Walk], kind: str, width: int | None, colour: bool | None, full: bool, output: str | None) -> str:
    if kind == "json":
        from pathway.report.data import render_json

        return render_json(walks)
    if kind == "html":
        from pathway.report.page import render_page

        return render_page(walks)
    if kind == "markdown":
        from pathway.report.markdown import render_markdown

        return "\n".join(render_markdown(walk) for walk in walks)
    from pathway.report.text import Style, render

    to_terminal = output is None and sys.stdout.isatty()
    columns = width or (min(shutil.get_terminal_size().columns, 120) if to_terminal else 100)
    colours = colour if colour is not None else to_terminal and not os.environ.get("NO_COLOR")
    return "\n".join(render(walk, Style(columns, bool(colours), full)) for walk in walks)


@main.command()
@click.option("--ask", is_flag=True, help="Be asked the questions one by one, only those that still matter.")
@click.option("-o", "--output", type=click.Path(), help="Write to a file instead of the terminal.")
@_rules_options
def new(ask: bool, output: str | None, rules_dir: str | None, policy: str | None) -> None:
    """Print a blank case with every field explained, or be asked for one.

    \b
    Example:
      pathway new > my-case.yaml
      pathway new --ask -o my-case.yaml
    """
    from pathway.blank import blank

    compiled = _compiled(rules_dir, policy)
    if not ask:
        _write(blank(compiled.base), output)
        return
    from pathway.blank import Interview

    interview = Interview(compiled)
    while (question := interview.next()) is not None:
        click.echo(f"\n{question.text}", err=True)
        try:
            said = click.prompt("", default="", show_default=False, prompt_suffix="> ", err=True)
        except click.Abort:
            # The input is at its end, or Ctrl-C: what was said so far is still worth keeping.
            click.echo(err=True)
            break
        if said.strip() in ("done", "stop"):
            break
        fault = interview.take(question, said)
        if fault:
            click.echo(fault, err=True)
    _write(interview.as_yaml(), output)


@main.command()
@_rules_options
def check(rules_dir: str | None, policy: str | None) -> None:
    """Look over the rule base: run its examples, find gaps, clashes, dead words, missing sources.

    \b
    Example:
      pathway check
      pathway check --rules my-rules/
    """
    from pathway.check import look_over

    compiled = _compiled(rules_dir, policy)
    counts, problems = look_over(compiled)
    click.echo(", ".join(f"{count} {what}" for what, count in counts.items()))
    if problems:
        raise Problems(problems)
    click.echo("no fault found")


@main.command()
@click.argument("what", type=click.Choice(["case", "walk"]))
@_rules_options
def schema(what: str, rules_dir: str | None, policy: str | None) -> None:
    """Print a JSON Schema: of case files, or of the JSON that `walk` gives.

    \b
    Example:
      pathway schema case > case.schema.json
    """
    from pathway.report.data import case_schema, to_json, walk_schema

    click.echo(to_json(case_schema(_compiled(rules_dir, policy).base) if what == "case" else walk_schema()), nl=False)


@main.group(cls=_Group)
def rules() -> None:
    """Read the rule base: its rules, words and sentences, and where each comes from.

    \b
    Example:
      pathway rules show ketamine.hold-for-uncontrolled-blood-pressure
    """


def _book_command(name: str, help_text: str, example: str, argument: str | None = None) -> None:
    def run(rules_dir: str | None, policy: str | None, **given: Any) -> None:
        from pathway.report import book

        click.echo(getattr(book, f"render_{name}")(_compiled(rules_dir, policy), *given.values()), nl=False)

    command: Any = _rules_options(run)
    if argument:
        command = click.argument(argument)(command)
    rules.command(name, help=f"{help_text}\n\n\b\nExample:\n  {example}")(command)


_book_command("list", "List the rules, step by step.", "pathway rules list")
_book_command(
    "show",
    "Show one rule, word, option, step or policy, with its sources and examples.",
    "pathway rules show therapies.offer-massage",
    "name",
)
_book_command("words", "List the words and what they mean.", "pathway rules words")
_book_command("book", "Print the whole rule base to read, top to bottom.", "pathway rules book | less")
_book_command(
    "trace",
    "Every sentence of the FAQ with the rules that carry it, and every rule with its sentences.",
    "pathway rules trace",
)
_book_command(
    "new",
    "Print the blank of a rule, to be filled in and put into the step's file.",
    "pathway rules new ketamine",
    "step",
)


@main.command()
def cases() -> None:
    """List the bundled cases; each can be walked by its name.

    \b
    Example:
      pathway cases
      pathway walk crps-after-fracture
    """
    from pathway.cache import bundled_cases
    from pathway.reading import read_document

    for path in sorted(bundled_cases().glob("*.*")):
        if path.suffix in (".yaml", ".json"):
            data = read_document(path).data
            click.echo(f"{path.stem:<40} {data.get('title', '') if isinstance(data, dict) else ''}")


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes commands in your shell.

    \b
    Example:
      pathway completion bash >> ~/.bashrc
    """
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(made(main, {}, "pathway", "_PATHWAY_COMPLETE").source())


def run() -> NoReturn:
    """The command as it is installed."""
    try:
        main(prog_name="pathway")
    except MemoryError:
        click.echo("pathway ran out of memory; nothing was written", err=True)
        sys.exit(3)
    sys.exit(0)
