"""`python -m crrl.train RUN_FOLDER`: start the run of a folder, or go on with it.

Exit codes: 0 done; 75 stopped by a signal, resumable; 2 a mistake that its user can mend, told in one line; 74 the disk is
full; 77 no server answers; 1 a bug. One of several processes writes its code into the attempt's folder as well, as their
launcher hands on only that one of them failed; to the launcher, a process that stopped did well.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

from crrl.errors import CrrlError, RunError
from crrl.quiet import QUIET
from crrl.report.run_folder import RunFolder
from crrl.train.attendance import Attendance, attendance_of_environment
from crrl.train.interrupt import STOPPED_EXIT_CODE, Stopped, StopRequest
from crrl.train.ranks import Ranks, ranks_of_environment


def main(arguments: list[str]) -> int:
    """Train the run of the one argument's folder and return the exit code."""
    ranks = ranks_of_environment()
    attendance = attendance_of_environment(arguments, ranks)
    stop = StopRequest(attendance.stop_file, is_patient=attendance.stop_file is not None)
    stop.listen()  # before the imports that take seconds: a signal must never find nobody
    attendance.begin()
    # The log is read by people: no bars, no advice for developers.
    os.environ |= QUIET
    code, said = _train(arguments, stop, ranks, attendance)
    stop.end()
    attendance.end(code, said)
    if not ranks.are_many:
        return code
    if code not in (0, STOPPED_EXIT_CODE):
        # Not by the usual way out, where libraries wait for the other ranks.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return 0


def _train(arguments: list[str], stop: StopRequest, ranks: Ranks, attendance: Attendance) -> tuple[int, str]:
    try:
        if len(arguments) != 1:
            raise RunError("usage: python -m crrl.train RUN_FOLDER")
        from crrl.train.run import train

        train(RunFolder(Path(arguments[0])), stop, ranks, attendance.heartbeat)
    except CrrlError as error:
        said = " ".join(str(error).split())
        print(f"error: {said}", file=sys.stderr, flush=True)
        return error.exit_code, said
    except Stopped as stopped:
        if ranks.is_first:
            print(f"stopped: {stopped}; a checkpoint is written, and the run can be resumed", flush=True)
        return STOPPED_EXIT_CODE, str(stopped)
    except Exception as error:
        traceback.print_exc()
        return 1, f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    return 0, "done"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
