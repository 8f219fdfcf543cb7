"""Notices that a run stands still, and says who is to blame. It trusts its own clock alone: those of nodes differ."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from crrl.cluster.ending import Ending, culprit_of, words_for
from crrl.config import WatchdogConfig
from crrl.report.heartbeat import ENDED, SUPERVISOR, TRAINER, Beat

WAITING = "wait"
"""How the names of phases begin in which a process only waits for another one."""
_DOUBT_S = 5.0
"""A supervisor that has been silent for so long is in doubt: its node, not the process on it, is named."""
_PAUSE_S = 10.0
"""Who has not looked for so long was held up itself, by a shared file system that paused, say: that time counts for nobody."""


@dataclass(frozen=True)
class _Seen:
    """A process, and when it was last seen to live and to get something done."""

    beat: Beat
    lived: float
    progressed: float


class Watch:
    """One attempt's heartbeats, seen from one node."""

    def __init__(self, limits: WatchdogConfig, nodes: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._nodes = nodes
        self._clock = clock
        self._started = self._looked = clock()
        self._seen: dict[str, _Seen] = {}
        self._quiet: set[str] = set()

    def look(self, beats: Mapping[str, Beat]) -> Ending | None:
        """Compare with what was seen before; an ending if something stands still for too long."""
        now = self._clock()
        if now - self._looked > _PAUSE_S:
            self._leave_out(now - self._looked)
        self._looked = now
        for name, beat in beats.items():
            self._seen[name] = _now_seen(self._seen.get(name), beat, now)
        working = [seen for seen in self._seen.values() if seen.beat.phase != ENDED]
        return self._absent(now) or self._silent(working, now) or self._standing(working, now)

    def _leave_out(self, pause: float) -> None:
        """Go on as if there had been no pause."""
        self._started += pause
        for name, seen in self._seen.items():
            self._seen[name] = replace(seen, lived=seen.lived + pause, progressed=seen.progressed + pause)

    def _absent(self, now: float) -> Ending | None:
        came = {seen.beat.rank for seen in self._seen.values() if seen.beat.role == SUPERVISOR}
        missing = sorted(set(range(self._nodes)) - came)
        if not missing or now - self._started <= self._limits.start_up_s:
            return None
        verdict = f"node number {missing[0]} of {self._nodes} did not come within {self._limits.start_up_s:g} s"
        return Ending("stalled", verdict, {"role": SUPERVISOR, "rank": missing[0], "phase": "start", "step": 0})

    def _silent(self, working: Sequence[_Seen], now: float) -> Ending | None:
        quiet = [seen for seen in working if now - seen.lived > self._limits.heartbeat_s]
        # Seen once is not enough: after a pause of the file system, one node reads before another one writes.
        silent = [seen for seen in quiet if seen.beat.name in self._quiet]
        self._quiet = {seen.beat.name for seen in quiet}
        if not silent:
            return None
        nodes = {seen.beat.node for seen in silent}
        doubtful = [
            seen
            for seen in working
            if seen.beat.role == SUPERVISOR and seen.beat.node in nodes and now - seen.lived > _DOUBT_S
        ]
        worst = min(doubtful or silent, key=lambda seen: seen.lived)
        if doubtful:
            verdict = f"node {worst.beat.node} gave no sign of life for {now - worst.lived:.0f} s"
        else:
            verdict = f"{words_for(worst.beat)} gave no sign of life for {now - worst.lived:.0f} s"
        return Ending("lost" if doubtful else "stalled", verdict, culprit_of(worst.beat))

    def _standing(self, working: Sequence[_Seen], now: float) -> Ending | None:
        # Servers have limits of their own, which their keepers see to.
        trainers = [seen for seen in working if seen.beat.role == TRAINER]
        # Who waits for one that works is not late, however long that takes.
        workers = [seen for seen in trainers if not _waits(seen.beat)] or trainers
        late = [seen for seen in workers if now - seen.progressed > self._limit(seen.beat)]
        if not late:
            return None
        longest = max(now - seen.progressed for seen in late)
        # They work in step with each other, so the one with the least progress is the one that the others wait for.
        culprit = min(trainers, key=lambda seen: (_waits(seen.beat), seen.beat.progress, seen.beat.since)).beat
        waits = sorted({seen.beat.phase for seen in trainers if seen.beat.name != culprit.name})
        others = f"; the others: {', '.join(waits)}" if waits else ""
        verdict = f"{words_for(culprit)} got nothing done for {longest:.0f} s{others}"
        return Ending("stalled", verdict, culprit_of(culprit))

    def _limit(self, beat: Beat) -> float:
        return self._limits.step_s if beat.step else self._limits.start_up_s


def _waits(beat: Beat) -> bool:
    return beat.phase.startswith(WAITING)


def _now_seen(before: _Seen | None, beat: Beat, now: float) -> _Seen:
    if before is None:
        return _Seen(beat, now, now)
    seen = replace(before, beat=beat)
    if beat.beat != before.beat.beat:
        seen = replace(seen, lived=now)
    if beat.progress != before.beat.progress:
        seen = replace(seen, progressed=now)
    return seen
