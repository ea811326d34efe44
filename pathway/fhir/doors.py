"""What every door reads by: a case file, or a FHIR record in its place."""

from __future__ import annotations

import json
from datetime import date
from io import BytesIO
from pathlib import Path

from pathway.case import Case, read_case
from pathway.fhir.codes import load_codes
from pathway.fhir.importing import import_record
from pathway.fhir.ledger import Ledger
from pathway.fhir.record import read_record
from pathway.fhir.sniff import Source
from pathway.rules import RuleBase


def case_of_record(
    source: Source, base: RuleBase, *, as_of: date | None = None, folder: Path | None = None
) -> tuple[Case, Ledger]:
    """The case of a FHIR record, and the ledger of its resources.

    Args:    as_of: the day of the case; the newest of the record for None. folder: the rules whose table of codes
             is read.
    Errors:  Problems of the record.
    """
    record = read_record(source)
    made = import_record(record, base, load_codes(folder, base), as_of)
    text = json.dumps(made.data).encode()
    return read_case(BytesIO(text), base, name=record.source), made.ledger
