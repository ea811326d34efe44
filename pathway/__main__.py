"""The command as it is installed, and `python -m pathway`."""

import gc
import sys


def run() -> None:
    """Run the command line.

    One case makes little garbage and start-up makes much that lives on, so nothing is collected meanwhile:
    that takes a tenth off the time a person waits (bench/).
    """
    gc.disable()
    try:
        from pathway.cli import run as run_command

        run_command()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    run()
