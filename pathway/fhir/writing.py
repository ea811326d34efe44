"""An imported case as the text of a case file."""

from __future__ import annotations

from pathway.fhir.importing import Import
from pathway.profile import Profile
from pathway.writing import yaml_lines


def case_text(made: Import) -> str:
    """The case, with a short form of the ledger as comments above it; it reads back as it was."""
    order = list(Profile.model_fields)
    lines = [f"# Imported from a FHIR record, as of {made.as_of}: {made.as_of_told}."]
    lines += [f"# {line}" for line in made.ledger.short()]
    for key in sorted(made.data, key=lambda name: order.index(name) if name in order else len(order)):
        lines += yaml_lines(key, made.data[key])
    return "\n".join(lines) + "\n"
