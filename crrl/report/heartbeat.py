"""Signs of life: every process of a run says, again and again, that it lives, what it does and how far it is.

A beat without progress is a process that waits for ever; no beat is one that was stopped, or whose node is gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from crrl.report.attempt_folder import listed, read_json

INTERVAL_S = 1.0
TRAINER, SERVER, SUPERVISOR = "trainer", "server", "supervisor"
"""Roles that beat."""
ENDED = "ended"
"""The phase of a process that beats no more, because it is done."""
ATTEMPT, NODE = "CRRL_ATTEMPT", "CRRL_NODE"
"""Environment variables: which start of the run a process belongs to, and the name of its node."""
_BYTES = 512
"""A beat is padded to this length, so that it can be written over the one before it."""


@dataclass(frozen=True)
class Beat:
    """What one process said last."""

    role: str
    node: str
    rank: int
    pid: int
    """As the process sees itself; in an image with process numbers of its own, another one than the host's."""
    phase: str
    step: int
    """The last optimizer step that was done; 0 before the first."""
    progress: int
    """Grows with everything that gets done. Processes that work in step with each other have the same."""
    beat: int
    """Grows with every beat."""
    since: float
    """Unix time of the last progress."""

    @property
    def name(self) -> str:
        """`trainer-n2-1`."""
        return f"{self.role}-{self.node}-{self.rank}"


class Heartbeat:
    """Written by a thread of its own, every second, into one file; what changes in between costs nothing."""

    def __init__(self, path: Path | None, role: str, node: str, rank: int = 0) -> None:
        """Args: path: where to; None: nowhere, for a process that nobody watches."""
        self._path = path
        self._fixed: dict[str, Any] = {"role": role, "node": node, "rank": rank, "pid": os.getpid()}
        self._phase, self._step, self._progress, self._beat, self._since = "start", 0, 0, 0, time.time()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self.beat()
            self._thread.start()

    def stop(self) -> None:
        """Beat once more, and no longer."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(INTERVAL_S)
        self.beat()

    @property
    def phase(self) -> str:
        """What the process does now."""
        return self._phase

    def enter(self, phase: str) -> None:
        """Something new begins."""
        self._phase = phase
        self.advance()

    def advance(self) -> None:
        """Something got done, in the same phase."""
        self._progress += 1
        self._since = time.time()

    def done_step(self, step: int) -> None:
        """An optimizer step is done."""
        self._step = step
        self.advance()

    @contextlib.contextmanager
    def during(self, phase: str) -> Iterator[None]:
        """A phase with an end, after which the one before it goes on."""
        before = self._phase
        self.enter(phase)
        try:
            yield
        finally:
            self.enter(before)

    def beat(self) -> None:
        """Write one beat. A disk that is full or gone must not end who would tell of it."""
        if self._path is None:
            return
        self._beat += 1
        beat = Beat(
            **self._fixed,
            phase=self._phase,
            step=self._step,
            progress=self._progress,
            beat=self._beat,
            since=round(self._since, 3),
        )
        text = json.dumps(asdict(beat)).ljust(_BYTES - 1) + "\n"
        with contextlib.suppress(OSError):
            # Over the old one, in one write: that needs no room on a full disk, where a new file would.
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o644)
            try:
                os.pwrite(descriptor, text.encode(), 0)
            finally:
                os.close(descriptor)

    def _run(self) -> None:
        while not self._ended.wait(INTERVAL_S):
            self.beat()


def read_beats(folder: Path) -> dict[str, Beat]:
    """The last beat of every process by its name; one that cannot be read just now is left out."""
    beats = {}
    for path in listed(folder):
        values = read_json(path)
        try:
            beat = Beat(**values) if values else None
        except TypeError:
            beat = None
        if beat:
            beats[beat.name] = beat
    return beats
