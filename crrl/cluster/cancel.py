"""Ending a run on request: with a checkpoint, or at once. Either way it can be resumed.

The request is a file in the run's folder as well: its supervisors look for it before they put a job back into the queue.
"""

from __future__ import annotations

import contextlib
import os
import signal
from typing import Any

from crrl.cluster.follow import is_alive
from crrl.cluster.queue import find_job, run_slurm
from crrl.errors import RunError
from crrl.report.run_folder import RunFolder, write_aside


def forget_cancel(folder: RunFolder) -> None:
    """The run is wanted again."""
    folder.cancel.unlink(missing_ok=True)


def cancel_run(folder: RunFolder, *, now: bool) -> str:
    """Ask a run to end and return, in one line, what was done.

    Args:
        now: kill it; what was done since its last checkpoint is lost.

    Raises RunError if it is not under way, or Slurm refuses.
    """
    status = folder.read_status()
    if status.get("cluster") == "slurm":
        return _cancel_job(folder, status, now)
    if not is_alive(status):
        raise RunError(f"{folder.run_id} is not under way: it is {status['state']}")
    write_aside(folder.cancel, "now\n" if now else "at the next step\n")
    for _ in range(1 + now):  # a supervisor takes a second SIGTERM for a kill
        with contextlib.suppress(ProcessLookupError):
            os.kill(status["pid"], signal.SIGTERM)
    return _said(folder, now)


def _cancel_job(folder: RunFolder, status: dict[str, Any], now: bool) -> str:
    job_id = str(status.get("job_id", ""))
    job = find_job(job_id)
    if job is None or not job.is_live:
        raise RunError(f"{folder.run_id} is not under way: Slurm job {job_id} {f'is {job}' if job else 'is not known'}")
    write_aside(folder.cancel, "now\n" if now else "at the next step\n")
    if job.state == "PENDING":
        run_slurm("scancel", job_id)
        folder.write_status("stopped", verdict="cancelled while it waited in the queue", pid=0)
        return f"Slurm job {job_id} of {folder.run_id} is taken out of the queue"
    if now:
        run_slurm("scancel", job_id)
        folder.write_status("stopped", verdict="cancelled; its last whole checkpoint is kept", pid=0)
    else:
        run_slurm("scancel", "--signal=USR2", job_id)
    return _said(folder, now)


def _said(folder: RunFolder, now: bool) -> str:
    if now:
        return f"{folder.run_id} is killed; its last whole checkpoint is kept"
    return f"{folder.run_id} ends at its next step, with a checkpoint; kill it at once with: crrl cancel --now {folder.path}"
