"""SIGTERM and SIGINT as a request: finish the step, write a checkpoint, leave."""

from __future__ import annotations

import signal
from types import FrameType

STOPPED_EXIT_CODE = 75
"""EX_TEMPFAIL: the run is whole, and goes on where it stopped when it is resumed."""


class Stopped(Exception):  # noqa: N818 (no error)
    """The run was asked to stop, and everything that it needs to go on is written."""


class StopRequest:
    """Set by the first signal. A second one of the same kind kills the process, as usual."""

    def __init__(self) -> None:
        self.signal_name = ""

    def __bool__(self) -> bool:
        return bool(self.signal_name)

    def listen(self) -> None:
        """Take SIGTERM, SIGINT and SIGUSR2 (a scheduler's preemption notice) as requests."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2):
            signal.signal(number, self._take)

    def check(self) -> None:
        """Raises Stopped if the run was asked to stop. For places where nothing is half done."""
        if self:
            raise Stopped(self.signal_name)

    def _take(self, number: int, _: FrameType | None) -> None:
        self.signal_name = signal.Signals(number).name
        if number != signal.SIGUSR2:
            signal.signal(number, signal.SIG_DFL)
