"""After an attempt has ended: its last line in the logs, the run's status, and the job's way back into the queue."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from pathlib import Path

from crrl.cluster.attempts import IN_VAIN, is_superseded
from crrl.cluster.ending import Ending
from crrl.cluster.place import Place
from crrl.cluster.requeue import are_enough, is_this_start, is_wanted, requeue
from crrl.config import WatchdogConfig
from crrl.errors import RunError
from crrl.report.attempt_folder import AttemptFolder
from crrl.report.run_folder import RunFolder

_FIRST_S = 20.0
"""How long the node that noticed the end first has to write the run's status; then another one does."""
_REQUEUED_S = 120.0
"""Slurm ends a job that it puts back into the queue within this time."""


def add_last_line(log: Path, ending: Ending) -> None:
    """Let the log end with what happened, unless it says so already or all went well."""
    if ending.kind == "done":
        return
    with contextlib.suppress(OSError), log.open("ab") as stream:
        stream.write(f"end of the attempt ({ending.kind}): {ending.verdict}\n".encode())


def write_down(
    folder: RunFolder, attempt: AttemptFolder, place: Place, rule: WatchdogConfig, ending: Ending, *, is_mine: bool
) -> None:
    """Write the run's status, and put the job back into the queue where that is right.

    Done by the node that noticed the end, or by another one if that does not come to it.
    """
    if not is_mine and _somebody_does(folder):
        return
    wanted = is_wanted(folder, ending, place, rule)
    if wanted and are_enough(folder, attempt):
        ending, wanted = no_progress(ending), False
    if is_superseded(folder, attempt):
        return  # the next attempt has noted that this one was lost
    folder.append_event(
        "ended", attempt=attempt.number, node=place.name, kind_of_end=ending.kind, exit_code=ending.exit_code
    )
    fields = {"culprit": ending.culprit, "exit_code": ending.exit_code, "pid": 0}
    if not wanted:
        folder.write_status(ending.state, verdict=ending.verdict, **fields)
    elif not is_this_start(place):  # Slurm is ending it, to start it again, or because of a scancel
        folder.write_status("queued", verdict=f"{ending.verdict}; goes on when Slurm starts the job again", **fields)
    else:
        # The next attempt's number is not written: until that begins, the logs to look at are this one's.
        folder.write_status("queued", verdict=f"{ending.verdict}; back in the queue", **fields)
        if requeue(place):
            time.sleep(_REQUEUED_S)  # Slurm ends this process
        folder.write_status(ending.state, verdict=f"{ending.verdict}; Slurm did not take the job back", **fields)


def no_progress(last: Ending) -> Ending:
    """The end of a job that would only fail again."""
    verdict = f"no new checkpoint in {IN_VAIN} attempts in a row, so the job is not started again; the last one: {last.verdict}"
    return replace(last, kind="no_progress", verdict=verdict)


def _somebody_does(folder: RunFolder) -> bool:
    """Whether the run's status changes from running within a while."""
    end = time.monotonic() + _FIRST_S
    while time.monotonic() < end:
        with contextlib.suppress(RunError):
            if folder.read_status()["state"] != "running":
                return True
        time.sleep(0.5)
    return False
