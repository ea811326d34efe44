"""Pathway: the chronic-pain treatment pathway, walked and explained for one case.

>>> import pathway
>>> walk = pathway.walk(pathway.read({"pain": {"duration": "6 weeks"}}))
>>> walk.ending.kind, walk.ending.reason
('stop', 'not-chronic')

It is a decision aid for health-care professionals: it shows options and reasons, never orders.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pathway._version import __version__

if TYPE_CHECKING:
    from pathway.api import explain, load_rules, read, walk
    from pathway.batch.lookup import columns
    from pathway.cache import Compiled
    from pathway.case import Case
    from pathway.explanation import Explanation
    from pathway.problem import Problem, Problems
    from pathway.walks import Walk

__all__ = [
    "Case", "Compiled", "Explanation", "Problem", "Problems", "Walk", "__version__",
    "columns", "explain", "load_rules", "read", "walk",
]  # fmt: skip

_HOMES = {
    "columns": "batch.lookup",
    "read": "api",
    "load_rules": "api",
    "walk": "api",
    "explain": "api",
    "Case": "case",
    "Compiled": "cache",
    "Explanation": "explanation",
    "Problem": "problem",
    "Problems": "problem",
    "Walk": "walks",
}


def __getattr__(name: str) -> Any:
    """Public names, imported when they are first asked for, so that `import pathway` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'pathway' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"pathway.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
