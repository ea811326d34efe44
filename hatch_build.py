"""What the wheel holds besides the package: rules/, cases/ and the rules compiled to one JSON file.

In a checkout the package reads rules/ and cases/ where they stand, so an editable install gets none of this:
a copy would only grow stale.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class DataHook(BuildHookInterface[Any]):
    """Put rules/ and cases/ into the wheel as pathway/data, the compiled rules beside them."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the data files to a standard wheel; leave an editable one alone."""
        if version != "standard":
            return
        root = Path(self.root)
        sys.dont_write_bytecode = True
        sys.path.insert(0, self.root)
        from pathway.cache import write_shipped

        self.scratch = tempfile.TemporaryDirectory(prefix="pathway-rules-")
        compiled = write_shipped(root / "rules", Path(self.scratch.name))
        build_data["force_include"].update(
            {
                str(root / "rules"): "pathway/data/rules",
                str(root / "cases"): "pathway/data/cases",
                str(compiled): f"pathway/data/compiled/{compiled.name}",
            }
        )

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the compiled rules again: they live in the wheel only."""
        if version == "standard":
            self.scratch.cleanup()
