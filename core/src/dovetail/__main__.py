"""The command ``dovetail``, also as ``python -m dovetail``."""

import signal
import sys


def main() -> int:
    """Load the command line and run it; the exit code. Ctrl-C ends it without a traceback also while it is loaded."""
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    from dovetail.cli import main as run  # not above: an interrupt while modules are loaded is to end this quietly

    signal.signal(signal.SIGINT, before)
    return run()


if __name__ == "__main__":
    sys.exit(main())
