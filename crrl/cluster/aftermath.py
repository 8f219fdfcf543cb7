"""After an attempt has ended: its last line in the logs, the run's status, and the job's way back into the queue."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from crrl.cluster.attempts import IN_VAIN, is_superseded
from crrl.cluster.ending import Ending
from crrl.cluster.place import Place
from crrl.cluster.requeue import PATIENCE_S, are_enough, is_wanted, put_back
from crrl.config import WatchdogConfig
from crrl.errors import RunError
from crrl.report.attempt_folder import AttemptFolder
from crrl.report.run_folder import RunFolder

_LAST_BYTES = 8192
"""How much of a log's end may hold what happened."""
_FIRST_S = 20.0
"""How long the node that noticed the end first has to write the run's status; then another one does."""
_REQUEUED_S = 120.0
"""Slurm ends a job that it puts back into the queue within this time."""


def add_last_line(log: Path, ending: Ending) -> None:
    """Let the log end with what happened, unless it says so already or all went well."""
    if ending.kind == "done":
        return
    with contextlib.suppress(OSError), log.open("a+b") as stream:
        stream.seek(max(0, stream.tell() - _LAST_BYTES))
        if ending.verdict.encode() not in stream.read():
            stream.write(f"end of the attempt ({ending.kind}): {ending.verdict}\n".encode())


def write_down(
    folder: RunFolder, attempt: AttemptFolder, place: Place, rule: WatchdogConfig, ending: Ending, *, is_mine: bool
) -> None:
    """Write the run's status, and put the job back into the queue where that is right.

    Done by the node that noticed the end, or by another one if that does not come to it. In a job, Slurm may end this
    process meanwhile.
    """
    if not is_mine and _somebody_does(folder):
        _stay_while_queued(folder, attempt)
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
    if wanted:
        _put_back(folder, attempt, place, ending, fields)
    else:
        folder.write_status(ending.state, verdict=ending.verdict, **fields)


def _put_back(
    folder: RunFolder, attempt: AttemptFolder, place: Place, ending: Ending, fields: Mapping[str, object]
) -> None:
    """Have Slurm start the job again. It is told so before: what Slurm puts back, it ends at once."""
    # The next attempt's number is not written: until that begins, the logs to look at are this one's.
    folder.write_status("queued", verdict=f"{ending.verdict}; back in the queue", **fields)
    found = put_back(place)
    if found == "another start":  # Slurm is ending this one, to start the job again, or because of a scancel
        folder.write_status("queued", verdict=f"{ending.verdict}; goes on when Slurm starts the job again", **fields)
        return
    if found == "taken":
        time.sleep(_REQUEUED_S)  # Slurm ends this process
    if not is_superseded(folder, attempt):
        advice = f"Slurm did not take the job back; go on with: python launch.py --resume {folder.path}"
        folder.write_status(ending.state, verdict=f"{ending.verdict}; {advice}", **fields)


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


def _stay_while_queued(folder: RunFolder, attempt: AttemptFolder) -> None:
    """Let Slurm end this process. If it ended by itself, some clusters would kill the node that still has to talk to Slurm."""
    end = time.monotonic() + PATIENCE_S + _REQUEUED_S
    while time.monotonic() < end and not is_superseded(folder, attempt):
        with contextlib.suppress(RunError):
            if folder.read_status()["state"] != "queued":
                return
        time.sleep(0.5)
