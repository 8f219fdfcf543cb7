"""A Slurm run seen from a terminal: its place in the queue, then its trainers' logs, until it ends. Ctrl-C only looks away."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import FrameType
from typing import Any, TextIO

from crrl.cluster.follow import EXIT_CODES
from crrl.cluster.logs import LogReader, log_files
from crrl.cluster.node import ROLE
from crrl.cluster.queue import Job, find_job
from crrl.errors import RunError
from crrl.report.run_folder import RunFolder

POLL_S = 1.0
ASK_SLURM_EVERY_S = 10.0
GONE_AFTER_S = 60.0
"""A job that Slurm no longer knows for so long, while its run's status still says otherwise, died without a word."""


class SlurmFollower:
    """Prints what happens to a run until it has ended, or Ctrl-C."""

    def __init__(
        self,
        folder: RunFolder,
        output: TextIO = sys.stdout,
        *,
        ask: Callable[[str], Job | None] = find_job,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._output = output
        self._ask = ask
        self._clock = clock
        self._reader = LogReader(output)
        self._asked_at = -ASK_SLURM_EVERY_S
        self._alive_at = clock()
        self._shown = ""
        self._is_detached = False

    def follow(self) -> dict[str, Any] | None:
        """Print until the run has ended, and return its status; None after Ctrl-C: the run goes on.

        Raises RunError if the job ended without a word of its supervisor.
        """
        before = signal.signal(signal.SIGINT, self._detach)
        try:
            return self._follow()
        finally:
            signal.signal(signal.SIGINT, before)

    def _follow(self) -> dict[str, Any] | None:
        while not self._is_detached:
            status = self._folder.read_status()
            has_ended = status["state"] in EXIT_CODES
            self._reader.print_new(log_files(self._folder, int(status["attempt"]), ROLE), is_last=has_ended)
            if has_ended:
                return status
            self._look_into_the_queue(status)
            time.sleep(POLL_S)
        print(
            f"\nthe run goes on; look again with: crrl logs {self._folder.path} --follow, end it with: "
            f"crrl cancel {self._folder.path}",
            file=self._output,
        )
        return None

    def _detach(self, _: int, __: FrameType | None) -> None:
        self._is_detached = True

    def _look_into_the_queue(self, status: dict[str, Any]) -> None:
        if self._clock() - self._asked_at < ASK_SLURM_EVERY_S:
            return
        self._asked_at = self._clock()
        job = self._ask(str(status.get("job_id", "")))
        if job and job.is_live:
            self._alive_at = self._clock()
            if str(job) != self._shown:
                self._shown = str(job)
                print(
                    f"{datetime.now(UTC):%H:%M:%S} Slurm job {status['job_id']}: {job}", file=self._output, flush=True
                )
        elif self._clock() - self._alive_at > GONE_AFTER_S or (
            job and self._clock() - self._alive_at > ASK_SLURM_EVERY_S
        ):
            self._raise_unless_ended(status, job)

    def _raise_unless_ended(self, status: dict[str, Any], job: Job | None) -> None:
        if self._folder.read_status()["state"] in EXIT_CODES:
            return
        raise RunError(
            f"Slurm job {status['job_id']} of {self._folder.run_id} {f'ended: {job}' if job else 'is not known to Slurm'}, "
            f"without a word of its supervisor; see {self._folder.submission}, go on with: python launch.py --resume "
            f"{self._folder.path} --follow"
        )
