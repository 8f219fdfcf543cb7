"""`python -m crrl.train RUN_FOLDER`: start the run of a folder, or go on with it.

Exit codes: 0 done; 75 stopped by a signal, resumable; 2 a mistake that its user can mend, told in one line; 1 a bug.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from crrl.errors import CrrlError, RunError
from crrl.quiet import QUIET
from crrl.report.run_folder import RunFolder
from crrl.train.interrupt import STOPPED_EXIT_CODE, Stopped, StopRequest


def main(arguments: list[str]) -> int:
    """Train the run of the one argument's folder and return the exit code."""
    stop = StopRequest()
    stop.listen()  # before the imports that take seconds: a signal must never find nobody
    os.environ |= QUIET
    try:
        if len(arguments) != 1:
            raise RunError("usage: python -m crrl.train RUN_FOLDER")
        from crrl.train.run import train

        train(RunFolder(Path(arguments[0])), stop)
    except CrrlError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr, flush=True)
        return 2
    except Stopped as stopped:
        print(f"stopped: {stopped}; a checkpoint is written, and the run can be resumed", flush=True)
        return STOPPED_EXIT_CODE
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
