"""Whether Spark is here."""

from __future__ import annotations

import os
import shutil
from importlib.metadata import PackageNotFoundError, version

import pytest


def need_spark() -> None:
    """Without Spark nothing of it is tested; where all tests must run, that is a failure."""
    missing = _missing()
    if missing and os.environ.get("CI"):
        pytest.fail(f"{missing}, and this is where everything is tested")
    if missing:
        pytest.skip(missing)


def _missing() -> str:
    try:
        for name in ("pandas", "pyspark"):
            version(name)
    except PackageNotFoundError:
        return f"{name} is not installed"
    java = shutil.which("java") or shutil.which(f"{os.environ.get('JAVA_HOME', '')}/bin/java")
    return "" if java else "there is no Java"
