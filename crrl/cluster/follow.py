"""A run seen from a terminal: its log as it grows, until it ends; Ctrl-C stops a local run so that it can be resumed."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

from crrl.cluster.node import ROLE
from crrl.errors import RunError
from crrl.report.run_folder import RunFolder

POLL_S = 0.3
START_TIMEOUT_S = 120.0
"""A supervisor that has not started after this long will not."""
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
        self._is_signalled = False

    def follow(self) -> dict[str, Any]:
        """Print until the run has ended, and return its status.

        Ctrl-C asks the run to stop at its next step, with a checkpoint; a second one kills it.
        Raises RunError if its supervisor is gone without a word.
        """
        started = self._clock()
        while True:
            try:
                status = self._folder.read_status()
                self._print_new(status)
                if status["state"] in EXIT_CODES:
                    self._print_new(status)
                    return status
                self._hand_on_request(status)
                self._check_alive(status, started)
                time.sleep(POLL_S)
            except KeyboardInterrupt:
                self._stop_requests += 1
                self._is_signalled = False
                words = "stopping at the next step (Ctrl-C again kills)" if self._stop_requests == 1 else "killing"
                print(f"\n{words}…", file=self._output, flush=True)

    def _print_new(self, status: dict[str, Any]) -> None:
        log = self._folder.log(status["attempt"], ROLE, status["host"])
        if not log.is_file():
            return
        with log.open("rb") as stream:
            stream.seek(self._position)
            new = stream.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._position += len(whole)
        self._output.write(whole.decode("utf-8", "replace"))
        self._output.flush()

    def _hand_on_request(self, status: dict[str, Any]) -> None:
        """Signal the supervisor once for each Ctrl-C, as soon as it can hear."""
        if not self._stop_requests or self._is_signalled or not status["pid"]:
            return
        with contextlib.suppress(ProcessLookupError):
            for _ in range(self._stop_requests if self._stop_requests == 1 else 2):
                os.kill(status["pid"], signal.SIGTERM)
                time.sleep(0.05)  # two signals of one kind at once would arrive as one
        self._is_signalled = True

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


def is_alive(status: dict[str, Any]) -> bool:
    """Whether the supervisor that a status names runs on this machine."""
    if not status.get("pid") or status.get("host") != os.uname().nodename:
        return False
    try:
        os.kill(status["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
