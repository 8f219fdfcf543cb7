"""What a trainer process tells its supervisor: that it lives, how it ended, and, when it is asked, where it stands."""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from crrl.report.heartbeat import ATTEMPT, ENDED, NODE, TRAINER, Heartbeat
from crrl.report.run_folder import RunFolder, write_aside
from crrl.train.ranks import Ranks


@dataclass
class Attendance:
    """The files of one process in its attempt's folder. Without a supervisor there are none, and nothing is told."""

    heartbeat: Heartbeat
    stop_file: Path | None = None
    outcome_file: Path | None = None
    stacks_file: Path | None = None
    _stacks: TextIO | None = None

    def begin(self) -> None:
        """Beat from now on, and write the stacks of all threads on SIGQUIT."""
        self.heartbeat.start()
        if self.stacks_file is not None:
            # Opened now: a process that hangs, or a disk that is full, opens nothing later.
            self._stacks = self.stacks_file.open("a")
            faulthandler.register(signal.SIGQUIT, file=self._stacks)

    def end(self, code: int, said: str) -> None:
        """Tell how the process ended, in a line."""
        if self.outcome_file is not None:
            with contextlib.suppress(OSError):  # a full disk; the exit code still tells
                write_aside(self.outcome_file, json.dumps({"code": code, "said": said, "time": time.time()}))
        self.heartbeat.enter(ENDED)
        self.heartbeat.stop()
        if self._stacks is not None and self.stacks_file is not None:
            faulthandler.unregister(signal.SIGQUIT)
            self._stacks.close()
            if not self.stacks_file.stat().st_size:
                self.stacks_file.unlink()


def attendance_of_environment(arguments: Sequence[str], ranks: Ranks) -> Attendance:
    """The files of this process, by what its supervisor put into the environment."""
    number, node = os.environ.get(ATTEMPT), os.environ.get(NODE)
    if len(arguments) != 1 or not number or not node:
        return Attendance(Heartbeat(None, TRAINER, "", ranks.rank))
    folder = RunFolder(Path(arguments[0]))
    attempt = folder.attempt(int(number))
    stacks = folder.log(int(number), f"stacks-{TRAINER}", f"{node}-{ranks.rank}")
    stacks.parent.mkdir(parents=True, exist_ok=True)
    return Attendance(
        Heartbeat(attempt.heartbeat(TRAINER, node, ranks.rank), TRAINER, node, ranks.rank),
        attempt.stop,
        attempt.outcome(TRAINER, node, ranks.rank),
        stacks,
    )
