"""One role of a node while it runs: its log, its ranks, and how it ended."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from crrl.cluster.ending import Ending, Kind, culprit_of, words_for
from crrl.cluster.logs import last_lines
from crrl.cluster.processes import descendants
from crrl.cluster.roles import Role
from crrl.report.attempt_folder import AttemptFolder, read_json
from crrl.report.heartbeat import ENDED, Beat

_STOPPED = 75
_ASKING = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2)
"""By these a scheduler asks a job to stop, or gives notice that it will be."""
_KINDS: Mapping[int, Kind] = {0: "done", _STOPPED: "stopped", 2: "mistake", 74: "disk_full", 77: "lost"}
_VANISHED_S = 2.0
"""A rank that is gone has this long for its last words to be seen."""
_OF_A_PEER = re.compile(r"(?i)closed by peer|connection re|broken pipe|gloo|nccl|processgroup|timed out waiting")
"""How a rank complains when another one died."""
_LAUNCHERS_WORD = re.compile(r"exitcode: (-\d+)\) local_rank: \d+ \(pid: (\d+)\)")
"""How torch's launcher tells which of its processes was killed, and by what."""


class RoleProcess:
    """A role that was started."""

    def __init__(self, role: Role, attempt: AttemptFolder, node: str, log: Path) -> None:
        self.role = role
        self.log = log
        self._attempt = attempt
        self._node = node
        self._known: set[int] = set()
        self._missed: dict[int, float] = {}
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as stream, _blocked(_ASKING if role.is_shielded else ()):
            self._process = subprocess.Popen(
                role.command,
                stdout=stream,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env={**role.environment, "PYTHONUNBUFFERED": "1"},
            )
        self.pid = self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether the process that was started is no more; asks nobody but the kernel."""
        return self._process.poll() is not None

    def ask_to_stop(self) -> None:
        """Hand the request on to a program that does not read the attempt's folder for it, as all of ours do."""
        if self.role.is_foreign:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGTERM)

    def end(self, beats: Mapping[str, Beat]) -> Ending | None:
        """How it ended; None while it goes on. A rank that vanished without a word has ended all of them."""
        code = self._process.poll()
        outcomes = self._outcomes()
        failed = [outcome for outcome in outcomes.values() if outcome["code"] not in (0, _STOPPED)]
        if failed:
            return self._failed(failed, beats)
        if code is None:
            return self._vanished(beats, outcomes)
        if code == 0 or (code == _STOPPED and not self.role.is_launched):
            return self._went_well(code, outcomes)
        return self._died(code, beats, outcomes)

    def is_only_a_witness(self, ending: Ending) -> bool:
        """Whether it ended because a process elsewhere did, which its own supervisor knows more about."""
        return ending.kind == "failed" and bool(_OF_A_PEER.search(ending.verdict))

    def _outcomes(self) -> dict[int, dict[str, Any]]:
        """What its ranks said at their ends."""
        files = {rank: self._attempt.outcome(self.role.name, self._node, rank) for rank in self._own_ranks()}
        read = {rank: read_json(file) for rank, file in files.items()}
        return {rank: {**values, "rank": rank} for rank, values in read.items() if values}

    def _own_ranks(self) -> list[int]:
        prefix = f"{self.role.name}-{self._node}-"
        names = [path.stem.removeprefix(prefix) for path in self._attempt.outcomes.glob(f"{prefix}*.json")]
        return [int(name) for name in names if name.isdecimal()]

    def _own_beats(self, beats: Mapping[str, Beat]) -> list[Beat]:
        return [beat for beat in beats.values() if (beat.role, beat.node) == (self.role.name, self._node)]

    def _failed(self, failed: list[dict[str, Any]], beats: Mapping[str, Beat]) -> Ending:
        # The first that is not the echo of another one's end; else the first.
        failed.sort(key=lambda outcome: (bool(_OF_A_PEER.search(outcome["said"])), outcome["time"]))
        first = failed[0]
        beat = next((beat for beat in self._own_beats(beats) if beat.rank == first["rank"]), None)
        kind = _KINDS.get(first["code"], "failed")
        return Ending(kind, first["said"], culprit_of(beat) if beat else {}, self._node)

    def _went_well(self, code: int, outcomes: Mapping[int, Mapping[str, Any]]) -> Ending:
        stopped = [outcome["said"] for _, outcome in sorted(outcomes.items()) if outcome["code"] == _STOPPED]
        if stopped or code == _STOPPED:
            return Ending("stopped", stopped[0] if stopped else "", {}, self._node)
        return Ending("done", "done", {}, self._node)

    def _vanished(self, beats: Mapping[str, Beat], outcomes: Mapping[int, Any]) -> Ending | None:
        """A rank whose process was seen and is no more, while its launcher has not noticed, or waits for the others."""
        if not self.role.is_launched:
            return None
        alive = {pid for pid, state in descendants(self.pid).items() if state != "Z"}
        now = time.monotonic()
        for beat in self._own_beats(beats):
            if beat.pid in alive:
                self._known.add(beat.pid)
                continue
            is_missed = beat.pid in self._known and beat.rank not in outcomes and beat.phase != ENDED
            if is_missed and now - self._missed.setdefault(beat.rank, now) > _VANISHED_S:
                return self._lost(beat)
        return None

    def _died(self, code: int, beats: Mapping[str, Beat], outcomes: Mapping[int, Any]) -> Ending:
        if code < 0:
            name = signal.Signals(-code).name
            words = f"the {self.role.name} was killed by {name}; its last whole checkpoint is kept"
            mine = self._own_beats(beats)
            return Ending("lost", words, culprit_of(mine[0]) if mine else {}, self._node)
        silent = [beat for beat in self._own_beats(beats) if beat.rank not in outcomes]
        if self.role.is_launched and silent:
            killed = self._killed_by_launchers_word()
            return self._lost(next((beat for beat in silent if beat.pid in killed), silent[0]))
        said = last_line(self.log) or f"the {self.role.name} ended with exit code {code} and said nothing"
        return Ending(_KINDS.get(code, "failed"), said, {}, self._node)

    def _lost(self, beat: Beat) -> Ending:
        number = self._killed_by_launchers_word().get(beat.pid)
        how = f"was killed by {signal.Signals(-number).name}" if number else "ended without a word"
        words = f"{words_for(beat)} {how}; the last whole checkpoint is kept"
        return Ending("lost", words, culprit_of(beat), self._node)

    def _killed_by_launchers_word(self) -> dict[int, int]:
        """pid → negative signal, as far as the launcher has said so."""
        found = (_LAUNCHERS_WORD.search(line) for line in last_lines(self.log, 200))
        return {int(match[2]): int(match[1]) for match in found if match}


@contextlib.contextmanager
def _blocked(signals: Iterable[signal.Signals]) -> Iterator[None]:
    """Start what is started here with these signals blocked.

    A scheduler signals every process of a job, a launcher too, which would kill its ranks long before the step is done. So only
    those of our programs hear them that take them back (crrl.train.interrupt). Apptainer clears the mask of what it starts:
    what is in the image, and what mounts it, is shielded by crrl.cluster.apptainer.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def last_line(log: Path) -> str:
    """The last line of a log that says something."""
    lines = [line.strip() for line in last_lines(log, 200)]
    said = [line for line in lines if any(letter.isalnum() for letter in line)]
    return said[-1][:500] if said else ""
