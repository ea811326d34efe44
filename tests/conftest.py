"""What the tests share: `--accept`, and the rule base compiled once for each worker."""

from __future__ import annotations

import pytest

import pathway
from pathway.cache import Compiled


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--accept`, which rewrites goldens instead of comparing with them."""
    parser.addoption(
        "--accept", action="store_true", help="rewrite the goldens that differ; read the diff before it is committed"
    )


@pytest.fixture(scope="session")
def accept(request: pytest.FixtureRequest) -> bool:
    """Whether goldens are rewritten in this run."""
    return bool(request.config.getoption("--accept"))


@pytest.fixture(scope="session")
def compiled() -> Compiled:
    """The bundled rules, compiled."""
    return pathway.load_rules()
