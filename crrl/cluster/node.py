"""The supervisor of one node: starts the node's process, hands signals on, and writes down how it ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from crrl.report.run_folder import RunFolder, State

ROLE = "trainer"
STOPPED_EXIT_CODE = 75
"""A trainer that was asked to stop and wrote a checkpoint (crrl.train.interrupt)."""
_TAIL_BYTES = 20_000


def trainer_command(folder: str) -> list[str]:
    """What trains the run of a folder."""
    return [sys.executable, "-m", "crrl.train", folder]


def run(folder_path: str, command: Sequence[str] | None = None) -> str:
    """Supervise one attempt of a run to its end and return the final state.

    Args:
        folder_path: the run's folder, its status already `queued`.
        command: what to start; None: the trainer.

    SIGTERM, SIGINT and SIGUSR2 ask the process to stop (SIGTERM); a second SIGINT or SIGTERM kills it.
    """
    folder = RunFolder(Path(folder_path))
    attempt = int(folder.read_status()["attempt"])
    log = folder.log(attempt, ROLE, os.uname().nodename)
    log.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError):
        os.setsid()  # a terminal's Ctrl-C reaches us only through whoever follows the run
    with log.open("ab") as stream:
        process = subprocess.Popen(
            command or trainer_command(folder_path),
            stdout=stream,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    stopper = _Stopper(process)
    folder.write_status("running", pid=os.getpid(), host=os.uname().nodename)
    folder.append_event("started", attempt=attempt, role=ROLE, pid=process.pid)
    code = process.wait()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # nothing the trainer started may outlive it
    state, verdict = _judge(code, stopper.asked_by, log)
    folder.append_event("ended", attempt=attempt, role=ROLE, exit_code=code, state=state)
    folder.write_status(state, verdict=verdict, exit_code=code, pid=0)
    return state


class _Stopper:
    """Hands requests to stop to a process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.asked_by = ""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2):
            signal.signal(number, self._stop)

    def _stop(self, number: int, _: FrameType | None) -> None:
        is_again = bool(self.asked_by) and number != signal.SIGUSR2
        self.asked_by = signal.Signals(number).name
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL if is_again else signal.SIGTERM)


def _judge(code: int, asked_by: str, log: Path) -> tuple[State, str]:
    if code == 0:
        return "done", "done"
    if code == STOPPED_EXIT_CODE:
        return "stopped", f"stopped by {asked_by or 'a signal'}; a checkpoint is written"
    if code < 0:
        return "failed", f"the trainer was killed by {signal.Signals(-code).name}; its last whole checkpoint is kept"
    return "failed", last_line(log) or f"the trainer ended with exit code {code} and said nothing"


def last_line(log: Path) -> str:
    """The last line of a log that says something."""
    with log.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - _TAIL_BYTES))
        text = stream.read().decode("utf-8", "replace")
    lines = deque((line.strip() for line in text.splitlines() if line.strip()), maxlen=1)
    return lines[0][:500] if lines else ""
