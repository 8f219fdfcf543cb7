"""A request to stop, by a signal or by a file: finish the step, write a checkpoint, leave."""

from __future__ import annotations

import signal
from pathlib import Path
from types import FrameType

from crrl.train.ranks import ALONE, Ranks

STOPPED_EXIT_CODE = 75
"""EX_TEMPFAIL: the run is whole, and goes on where it stopped when it is resumed."""


_ASKING = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2)
"""By these a user or a scheduler asks a run to stop; USR1 and USR2 are notices of preemption."""
_KILLING = (signal.SIGTERM, signal.SIGINT)
"""Those of a user in a hurry, who sends them again."""


class Stopped(Exception):  # noqa: N818 (no error)
    """The run was asked to stop, and everything that it needs to go on is written."""


class StopRequest:
    """Set by the first signal, or by a file that the supervisor of any node writes.

    A second signal of the same kind kills the process, as usual; not where it has a supervisor, as then one request may come
    as many signals: a scheduler signals every process of a job, and a launcher or a container's starter its own once more.
    """

    def __init__(self, file: Path | None = None, *, is_patient: bool = False) -> None:
        self.signal_name = ""
        self._file = file
        self._is_patient = is_patient

    def __bool__(self) -> bool:
        if not self.signal_name and self._file is not None:
            try:
                self.signal_name = self._file.read_text().strip() or "a request"
            except OSError:  # nobody asked
                return False
        return bool(self.signal_name)

    def listen(self) -> None:
        """Take these signals as requests, also where the process was started with them blocked."""
        for number in _ASKING:
            signal.signal(number, self._take)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ASKING)

    def end(self) -> None:
        """Hear nothing more: the work is done, and a process that ends would otherwise die of a late request."""
        for number in _ASKING:
            signal.signal(number, signal.SIG_IGN)  # unlike a handler, this outlives the interpreter

    def check(self, ranks: Ranks = ALONE) -> None:
        """Raises Stopped if the run was asked to stop. For places where nothing is half done; on all ranks."""
        if ranks.any(bool(self)):
            raise Stopped(self.signal_name or "a request")

    def _take(self, number: int, _: FrameType | None) -> None:
        self.signal_name = signal.Signals(number).name
        if number in _KILLING and not self._is_patient:
            signal.signal(number, signal.SIG_DFL)
