"""The command as it is installed, and `python -m pathway`."""

import gc
import os
import sys
from contextlib import suppress
from typing import NoReturn


def run() -> NoReturn:
    """Run the command line.

    One case makes little garbage and start-up makes much that lives on. So nothing is collected meanwhile, and what
    was made is left to the system at the end instead of being taken apart: a fifth of the time a person waits (bench/).
    """
    gc.disable()
    code: object = 0
    try:
        from pathway.cli import run as run_command

        run_command()
    except KeyboardInterrupt:
        code = 130
    except SystemExit as done:
        code = done.code
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


if __name__ == "__main__":
    run()
