"""A run seen from a terminal: its log as it grows, until it ends; Ctrl-C stops a local run so that it can be resumed."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

from crrl.cluster.node import ROLE
from crrl.cluster.queue import find_job
from crrl.errors import RunError
from crrl.report.run_folder import RunFolder

POLL_S = 0.3
START_TIMEOUT_S = 120.0
"""A supervisor that has not started after this long will not."""
SUPERVISOR = b"submitit.core._submit"
"""What the command line of a supervisor holds."""
EXIT_CODES = {"done": 0, "failed": 1, "stopped": 75}


class Follower:
    """Prints the log of a run's current attempt and waits for its end."""

    def __init__(
        self, folder: RunFolder, output: TextIO = sys.stdout, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder = folder
        self._output = output
        self._clock = clock
        self._position = 0
        self._stop_requests = 0
        self._handed_on = 0

    def follow(self) -> dict[str, Any]:
        """Print until the run has ended, and return its status.

        Ctrl-C asks the run to stop at its next step, with a checkpoint; a second one kills it.
        Raises RunError if its supervisor is gone without a word.
        """
        # A handler that only counts, as an exception could fall between reading a line and printing it.
        before = signal.signal(signal.SIGINT, self._take_request)
        try:
            return self._follow()
        finally:
            signal.signal(signal.SIGINT, before)

    def _follow(self) -> dict[str, Any]:
        started = self._clock()
        while True:
            status = self._folder.read_status()
            has_ended = status["state"] in EXIT_CODES
            self._print_new(status, has_ended=has_ended)
            if has_ended:
                return status
            self._hand_on_request(status)
            self._check_alive(status, started)
            time.sleep(POLL_S)

    def _take_request(self, _: int, __: FrameType | None) -> None:
        self._stop_requests += 1

    def _print_new(self, status: dict[str, Any], *, has_ended: bool) -> None:
        log = self._folder.log(status["attempt"], ROLE, status["host"])
        if not log.is_file():
            return
        with log.open("rb") as stream:
            stream.seek(self._position)
            new = stream.read()
        whole = new if has_ended else new[: new.rfind(b"\n") + 1]
        self._position += len(whole)
        self._output.write(whole.decode("utf-8", "replace"))
        self._output.flush()

    def _hand_on_request(self, status: dict[str, Any]) -> None:
        """Signal the supervisor once for each Ctrl-C, as soon as it can hear; a poll apart, or two would arrive as one."""
        if self._handed_on == min(self._stop_requests, 2) or not is_alive(status):
            return
        self._handed_on += 1
        words = "stopping at the next step (Ctrl-C again kills)" if self._handed_on == 1 else "killing"
        print(f"\n{words}…", file=self._output, flush=True)
        with contextlib.suppress(ProcessLookupError):
            os.kill(status["pid"], signal.SIGTERM)

    def _check_alive(self, status: dict[str, Any], started: float) -> None:
        if status["state"] == "queued":
            if self._clock() - started > START_TIMEOUT_S:
                raise RunError(f"the run did not start within {START_TIMEOUT_S:.0f} s; see {self._folder.submission}")
            return
        if not is_alive(status):
            again = self._folder.read_status()  # it may have ended between the two looks
            if again["state"] not in EXIT_CODES:
                raise RunError(
                    f"the supervisor of {self._folder.run_id} (process {status['pid']}) is gone; "
                    f"go on with: python launch.py --resume {self._folder.path} --follow"
                )


def busy(folder: RunFolder, status: dict[str, Any]) -> bool:
    """Whether an attempt of the run is under way, so that another one would disturb it."""
    if status.get("cluster") == "slurm" and status["state"] != "new":
        job = find_job(str(status.get("job_id", "")))
        return job is not None and job.is_live
    if status["state"] == "queued":
        waited = datetime.now(UTC) - datetime.fromisoformat(status["updated"])
        return waited.total_seconds() < START_TIMEOUT_S
    return status["state"] == "running" and is_alive(status)


def is_alive(status: dict[str, Any]) -> bool:
    """Whether the supervisor that a status names runs on this machine."""
    if not status.get("pid") or status.get("host") != os.uname().nodename:
        return False
    try:
        os.kill(status["pid"], 0)
        command = Path(f"/proc/{status['pid']}/cmdline").read_bytes()
    except ProcessLookupError:
        return False
    except OSError:  # not ours to signal, or a system without /proc
        return True
    return SUPERVISOR in command  # else the number belongs to another process by now, after a reboot say
