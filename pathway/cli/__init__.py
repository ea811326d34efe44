"""The command line: `main` is the group of all commands, `run` the entry point that never shows a traceback."""

from pathway.cli.main import main, run

__all__ = ["main", "run"]
