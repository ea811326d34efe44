"""The command line. Answers to stdout, all else to stderr; exit 0 answered, 1 Problems, 2 misuse, 3 our fault."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from pathway._version import __version__
from pathway.cli.batch import batch, cohort
from pathway.cli.importing import import_
from pathway.cli.prove import proofs_of, prove
from pathway.cli.tools import (
    Day,
    Group,
    as_placed,
    compiled_rules,
    let_go_of_stdout,
    rules_options,
    spare,
    try_to_write,
    write,
)
from pathway.problem import Place, Problem, Problems

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from pathway.cache import Compiled
    from pathway.case import Case
    from pathway.report.text import Style
    from pathway.walks import Walk


def _version(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    if wanted:
        from pathway.cache import load

        base = load().base
        click.echo(f"pathway {__version__}, rules {base.edition}, digest {base.digest[:12]}")
        ctx.exit()


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
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
    "--as-of", type=Day(), envvar="PATHWAY_AS_OF", help="The day on which the case is known, instead of the file's."
)
@click.option("--width", type=click.IntRange(40, 400), help="Columns of text; the terminal's by default.")
@click.option("--colour/--no-colour", default=None, help="Colours; by default on a terminal, unless NO_COLOR is set.")
@rules_options
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
    """Walk one or more cases ("-" is standard input; a bundled case by its name), or FHIR records.

    \b
    Example:
      pathway walk cases/crps-after-fracture.yaml
      pathway walk - --format json < my-case.yaml
      pathway walk patient-bundle.json      what was used of a FHIR record is told on standard error
    """
    from pathway.walks import walk_case

    if [*cases, policy].count("-") > 1:
        raise click.UsageError("Standard input can be read only once: write - in one place.")
    found_cases = [_found(source) for source in cases]
    compiled = compiled_rules(rules_dir, policy)
    spare(output, [*(path for path, _ in found_cases), policy], rules_dir)
    walks: list[Walk] = []
    problems: list[Problem] = []
    for path, name in found_cases:
        try:
            case = read_any(path, compiled, as_of, name, rules_dir)
            walks.append(walk_case(case, compiled))
        except Problems as found:
            problems += found.items
    if walks:
        write(_told(walks, kind, width, colour, full, output), output)
    if problems:
        raise Problems(problems)


def read_any(path: str, compiled: Compiled, as_of: date | None, name: str | None, rules_dir: str | None) -> Case:
    """A case, or a FHIR record in its place, of which standard error then tells what was used.

    Errors:  Problems of the case or record.
    """
    from pathway.case import read_case
    from pathway.fhir.sniff import told_apart

    source, is_record = told_apart(path)
    if not is_record:
        return read_case(source, compiled.base, as_of=as_of, name=name)
    from pathway.fhir.doors import case_of_record

    case, ledger = case_of_record(source, compiled.base, as_of=as_of, folder=Path(rules_dir) if rules_dir else None)
    for line in ledger.short():
        click.echo(f"{case.source}: {line}", err=True)
    click.echo(f"{case.source}: as of {case.profile.as_of}", err=True)
    return case


def _found(source: str) -> tuple[str, str | None]:
    """The path of a case, and the name to call it by: a bundled case by its bare name, where no file is called so."""
    from pathway.cache import bundled_cases

    if "/" in source or source == "-" or os.path.lexists(source):
        return source, None
    for ending in (".yaml", ".json"):
        bundled = str(bundled_cases() / f"{source}{ending}")
        if os.path.isfile(bundled):
            for here in (f"{source}.yaml", f"{source}.json"):
                if os.path.lexists(here) and not (os.path.exists(here) and os.path.samefile(here, bundled)):
                    raise click.UsageError(
                        f'"{source}" is a bundled case, and {here} stands here too. '
                        f"Write {here} for the file, or {bundled} for the bundled case."
                    )
            return bundled, source
    return source, None


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
    from pathway.report.text import render

    style = _style(width, colour, full, output)
    return "\n".join(render(walk, style) for walk in walks)


class _Target(click.ParamType[str]):
    """What can be explained; the shell completes its names."""

    name = "target"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        from pathway.cache import load

        base = load(Path(ctx.params["rules_dir"]) if ctx.params.get("rules_dir") else None).base
        names = ["ending", *(step.step for step in base.walked), *(option.option for option in base.options)]
        names += [kind.kind for kind in base.kinds]
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


@main.command()
@click.argument("case", metavar="CASE")
@click.argument("targets", nargs=-1, metavar="[TARGET]...", type=_Target())
@click.option(
    "--why-not", "why_not", multiple=True, type=_Target(), metavar="TARGET", help="Tell what stands in its way."
)
@click.option(
    "--from", "batch_out", type=click.Path(), metavar="OUT", help="CASE is the id of a case in this finished batch."
)
@click.option(
    "--input", "inputs", multiple=True, type=click.Path(), help="With --from: where the cohort is now, if it was moved."
)
@click.option("--missing", is_flag=True, help="Rank the open questions by how much an answer could change the walk.")
@click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Walk as if this were so; += adds to a list, -= takes out of it.",
)
@click.option(
    "--to", "goals", multiple=True, metavar="OPTION:STATUS", help="Tell what would lead there; step:STEP for a step."
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to tell the explanation.",
)
@click.option("-o", "--output", type=click.Path(), help="Write to a file instead of the terminal.")
@click.option("--full", is_flag=True, help="Spell out the whole tree, every rule and every question.")
@click.option(
    "--as-of", type=Day(), envvar="PATHWAY_AS_OF", help="The day on which the case is known, instead of the file's."
)
@click.option("--width", type=click.IntRange(40, 400), help="Columns of text; the terminal's by default.")
@click.option("--colour/--no-colour", default=None, help="Colours; by default on a terminal, unless NO_COLOR is set.")
@rules_options
def explain(
    case: str,
    targets: Sequence[str],
    why_not: Sequence[str],
    batch_out: str | None,
    inputs: Sequence[str],
    missing: bool,
    sets: Sequence[str],
    goals: Sequence[str],
    kind: str,
    output: str | None,
    full: bool,
    as_of: date | None,
    width: int | None,
    colour: bool | None,
    rules_dir: str | None,
    policy: str | None,
) -> None:
    """Explain the walk of a case, or of a FHIR record: why, why not, what is missing, what if, what would change it.

    \b
    Example:
      pathway explain crps-after-fracture
      pathway explain crps-after-fracture massage
      pathway explain crps-after-fracture --why-not spinal-cord-stimulator
      pathway explain crps-after-fracture --set blood_pressure=uncontrolled
      pathway explain crps-after-fracture --to iv-ketamine:offered
      pathway explain --from out/ c-002 --why-not iv-ketamine

    A TARGET is an option, a kind of one, a step, a rule, a word, or "ending"; a medicine stands for the kind or
    option that it belongs to. With none, the steps and the options in play are explained, and the open questions
    ranked. With --set, what changed is told first, and all else is explained of the changed case.
    """
    from pathway.changes import read_setting
    from pathway.explanation import explain_case

    if [case, policy].count("-") > 1:
        raise click.UsageError("Standard input can be read only once: write - in one place.")
    path, name = ("", None) if batch_out else _found(case)
    compiled = compiled_rules(rules_dir, policy)
    spare(output, [path or None, policy], rules_dir)
    settings = [read_setting(text) for text in sets]
    read = _of_batch(batch_out, case, compiled, inputs) if batch_out else None
    explanation = explain_case(
        read or read_any(path, compiled, as_of, name, rules_dir),
        compiled,
        of=targets,
        why_not_of=why_not,
        settings=settings,
        goals=goals,
        questions=missing,
    )
    if kind == "json":
        from pathway.report.explained import render_explanation_json

        write(render_explanation_json(explanation), output)
        return
    from pathway.report.explained import render_explanation

    write(render_explanation(explanation, _style(width, colour, full, output)), output)


def _of_batch(out: str, name: str, compiled: Compiled, inputs: Sequence[str]) -> Case:
    """A case of a finished batch, after both engines were seen to decide it the same.

    Errors:  Problems (engines-disagree), which name what differs.
    """
    from pathway.cli.tools import extras

    with extras():
        from pathway.batch.lookup import disagreements, look_up

        found = look_up(Path(out), name, compiled, [Path(each) for each in inputs] or None)
        _, odd = disagreements(found, compiled)
    if odd:
        message = f"the batch and the engine of single cases decide {name} differently: {'; '.join(odd[:5])}"
        help = "rely on neither; please report this with the edition and digest of the rules"
        raise Problems([Problem("engines-disagree", Place(out, None, None), message, help)])
    click.echo(f"{name}: the batch and the engine of single cases agree, on every status and every rule", err=True)
    return found.case


def _style(width: int | None, colour: bool | None, full: bool, output: str | None) -> Style:
    """How wide and how coloured a text is: as asked for, else as the terminal has it."""
    from pathway.report.text import Style

    to_terminal = output is None and sys.stdout.isatty()
    columns = width or (min(shutil.get_terminal_size().columns, 120) if to_terminal else 100)
    colours = colour if colour is not None else to_terminal and not os.environ.get("NO_COLOR")
    return Style(columns, bool(colours), full)


@main.command()
@click.option("--ask", is_flag=True, help="Be asked the questions one by one, only those that still matter.")
@click.option("-o", "--output", type=click.Path(), help="Write to a file instead of the terminal.")
@click.option("--force", is_flag=True, help="Overwrite the file of -o if it is there already.")
@rules_options
def new(ask: bool, output: str | None, force: bool, rules_dir: str | None, policy: str | None) -> None:
    """Print a blank case with every field explained, or be asked for one.

    \b
    Example:
      pathway new > my-case.yaml
      pathway new --ask -o my-case.yaml
    """
    from pathway.blank import blank

    if ask and policy == "-":
        raise click.UsageError("The answers come from standard input, so the policy cannot.")
    compiled = compiled_rules(rules_dir, policy)
    spare(output, [policy], rules_dir)
    try_to_write(output, force)
    if not ask:
        write(blank(compiled.base), output)
        return
    if sys.stdin is None:
        raise Problems([Problem("unreadable", Place("-", None, None), "standard input is closed", "answer from one")])
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
    try:
        write(interview.as_yaml(), output)
    except Problems:
        # What somebody answered is not to be lost with the file that could not be written.
        write(interview.as_yaml(), None)
        raise


@main.command()
@click.option(
    "--proofs/--no-proofs", default=True, show_default=True, help="Prove the invariants; what is unchanged is kept."
)
@rules_options
def check(proofs: bool, rules_dir: str | None, policy: str | None) -> None:
    """Look over the rule base: run its examples, find gaps, clashes, dead words, missing sources; prove its invariants.

    \b
    Example:
      pathway check
      pathway check --rules my-rules/
      pathway check --no-proofs      at once
    """
    from pathway.check import look_over
    from pathway.fhir.codes import load_codes
    from pathway.rulefolder import CODES

    compiled = compiled_rules(rules_dir, policy)
    counts, problems = look_over(compiled)
    if rules_dir is None or (Path(rules_dir) / CODES).is_file():
        try:
            counts["codes"] = len(load_codes(Path(rules_dir) if rules_dir else None, compiled.base).codes)
        except Problems as found:
            problems += found.items
    click.echo(", ".join(f"{count} {what}" for what, count in counts.items()))
    if problems:
        raise Problems(as_placed(problems, rules_dir))
    if proofs:
        click.echo(proofs_of(compiled.base, rules_dir))
    click.echo("no fault found")


@main.command()
@click.argument("what", type=click.Choice(["case", "walk", "explanation", "batch"]))
@click.option("--format", "kind", type=click.Choice(["text", "json"]), help="Of the columns of a batch; else text.")
@rules_options
def schema(what: str, kind: str | None, rules_dir: str | None, policy: str | None) -> None:
    """Print a JSON Schema: of case files, or of the JSON that `walk` or `explain` gives; or the columns of a batch.

    \b
    Example:
      pathway schema case > case.schema.json
      pathway schema batch | less
    """
    from pathway.report.data import case_schema, to_json, walk_schema

    if what == "batch":
        from pathway.batch.template import columns_data, columns_text

        base = compiled_rules(rules_dir, policy).base
        click.echo(to_json(columns_data(base)) if kind == "json" else columns_text(base), nl=False)
        return
    if kind == "text":
        raise click.UsageError("Only the columns of a batch are told as text.")
    if what == "explanation":
        from pathway.report.explained import explanation_schema

        click.echo(to_json(explanation_schema()), nl=False)
        return
    click.echo(
        to_json(case_schema(compiled_rules(rules_dir, policy).base) if what == "case" else walk_schema()), nl=False
    )


@main.group(cls=Group)
def rules() -> None:
    """Read the rule base: its rules, words and sentences, and where each comes from.

    \b
    Example:
      pathway rules show ketamine.hold-for-uncontrolled-blood-pressure
    """


def _book_command(name: str, help_text: str, example: str, argument: str | None = None, required: bool = True) -> None:
    def run(rules_dir: str | None, policy: str | None, **given: Any) -> None:
        from pathway.report import book

        click.echo(getattr(book, f"render_{name}")(compiled_rules(rules_dir, policy), *given.values()), nl=False)

    command: Any = rules_options(run)
    if argument:
        command = click.argument(argument, required=required)(command)
    rules.command(name, help=f"{help_text}\n\n\b\nExample:\n  {example}")(command)


_book_command("list", "List the rules, step by step.", "pathway rules list")
_book_command(
    "show",
    "Show one rule, word, option, kind, step, policy, document or evidence record, with its sources and examples.",
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
    "sources",
    "The cited documents, each once, with how it was read and what rests on it: the FAQ, then by organisation.",
    "pathway rules sources acp-lbp-2017",
    "document",
    required=False,
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


main.add_command(batch)
main.add_command(cohort)
main.add_command(import_)
main.add_command(prove)


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
    """The command as it is installed: whatever happens ends in a message and an exit code."""
    _set_streams()
    try:
        main(prog_name="pathway")
    except KeyboardInterrupt:
        sys.exit(130)
    except MemoryError:
        _complain("pathway ran out of memory; nothing was written")
        sys.exit(3)
    except Exception as error:
        sys.exit(_last_resort(error))
    sys.exit(0)


def _set_streams() -> None:
    """Make the standard streams carry any text, and a closed one refuse what is written rather than lose it."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, encoding="utf-8")  # noqa: SIM115  open as long as we run
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  open as long as we run
    for stream, errors in (
        (sys.stdin, "surrogateescape"),
        (sys.stdout, "backslashreplace"),
        (sys.stderr, "backslashreplace"),
    ):
        if stream is None or not hasattr(stream, "reconfigure"):
            continue
        if stream.isatty():
            stream.reconfigure(errors=errors)
        else:
            # What is redirected is read again as a case or as JSON, and those are UTF-8.
            stream.reconfigure(encoding="utf-8", errors=errors)


def _last_resort(error: Exception) -> int:
    """Tell of an error that nobody foresaw; returns the exit code.

    Its own message may hold words of the case, so only its type and the line of ours are told.
    """
    let_go_of_stdout()
    if os.environ.get("PATHWAY_DEBUG") == "1":
        import traceback

        _complain("".join(traceback.format_exception(error)))
    if isinstance(error, OSError) and error.filename is None:
        _complain(f"standard input or output failed: {error.strerror or error}")
        return 1
    if os.environ.get("_PATHWAY_COMPLETE"):
        _complain("completion was asked for without its words; use the script that `pathway completion` prints")
        return 1
    place, step = "", error.__traceback__
    while step is not None:
        module = str(step.tb_frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] == "pathway":
            place = f" at {module}:{step.tb_lineno}"
        step = step.tb_next
    _complain(
        f"a fault of pathway itself: {type(error).__name__}{place}\n"
        "  help: please report this line with what `pathway --version` says, and nothing of the case; "
        "PATHWAY_DEBUG=1 shows the whole trace, which may hold words of it"
    )
    return 3


def _complain(text: str) -> None:
    with suppress(OSError, ValueError):
        click.echo(text, err=True)
