"""`pathway import`: a record from elsewhere to a case file, with a ledger of what was used and what was not."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from pathway.cli.tools import Day, Group, compiled_rules, rules_options, spare, try_to_write, write


@click.group("import", cls=Group)
def import_() -> None:
    """Make a case of a record from elsewhere.

    \b
    Example:
      pathway import fhir patient.json -o case.yaml
    """


@import_.command()
@click.argument("record", metavar="INPUT")
@click.option("-o", "--output", type=click.Path(), help="Write the case to a file instead of the terminal.")
@click.option("--force", is_flag=True, help="Overwrite the file of -o if it is there already.")
@click.option("--as-of", type=Day(), envvar="PATHWAY_AS_OF", help="The day of the case; else the record's newest day.")
@click.option("--patient", help="The id of the patient, where the record holds several.")
@click.option("--ledger", "whole", is_flag=True, help="Tell of every resource what it was used for, or why it was not.")
@rules_options
def fhir(
    record: str,
    output: str | None,
    force: bool,
    as_of: date | None,
    patient: str | None,
    whole: bool,
    rules_dir: str | None,
    policy: str | None,
) -> None:
    """Make a case of a FHIR R4 record.

    INPUT is a Bundle of any type, one resource, the request of a CDS Hook, Bulk NDJSON (a file, or a folder of files),
    any of them gzipped, or "-" for standard input.

    \b
    Example:
      pathway import fhir patient.json -o case.yaml
      pathway import fhir export/ --patient 4711 --as-of 2026-03-02 --ledger
      pathway import fhir - < bundle.json | pathway walk -

    The case goes to the file or the terminal. A few lines on standard error tell what was used; with --ledger,
    a line for every resource of the record.
    """
    from pathway.fhir.codes import load_codes
    from pathway.fhir.importing import import_record, of_patient
    from pathway.fhir.record import read_record
    from pathway.fhir.writing import case_text

    if record == "-" and policy == "-":
        raise click.UsageError("Standard input can be read only once: write - in one place.")
    compiled = compiled_rules(rules_dir, policy)
    spare(output, [record, policy], rules_dir)
    try_to_write(output, force)
    whole_record = read_record(record)
    chosen = of_patient(whole_record, patient)
    codes = load_codes(Path(rules_dir) if rules_dir else None, compiled.base)
    made = import_record(chosen, compiled.base, codes, as_of)
    for line in made.ledger.whole() if whole else made.ledger.short():
        click.echo(line, err=True)
    click.echo(f"As of {made.as_of}: {made.as_of_told}.", err=True)
    write(case_text(made), output)
