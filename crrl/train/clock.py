"""Where the time of a step goes, and what it counted: the numbers that TRL does not log itself.

Every trainer of a run has one as `trainer.clock`. What works for a step says so, from whatever thread:

    with clock.phase("sync"):               # seconds of the step's `time/sync_s`
        size = publish()
        clock.count("sync/bytes", size)     # summed until the next entry of metrics.jsonl, over all ranks
    with clock.phase("generate"):
        samples = fleet.generate(…)
        clock.count_tokens("server", sum(len(sample.token_ids) for sample in samples))   # per second of the phase
    with clock.phase("wait"):               # overlap: the step waits for completions that are not there yet
        batch = future.result()
    clock.policy_version = batch.version    # the optimizer steps whose weights generated what is trained on next
    clock.note("sync/drift", drift)         # averaged until the next entry

A phase inside another one of the same thread interrupts it, so the phases of one thread never count a second twice. A phase
that several threads are in at a time counts once. The trainer's own thread takes the metrics; docs/metrics.md names them.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar, get_args

Name = TypeVar("Name")
Phase = Literal["generate", "reward", "train", "sync", "wait", "evaluate", "checkpoint"]
PHASES: tuple[Phase, ...] = get_args(Phase)


@dataclass
class Measured:
    """What one rank's clock saw between two entries of metrics.jsonl."""

    seconds: dict[str, float] = field(default_factory=dict)
    """By phase; `all`: from the entry before to this one, `other`: what no phase of the trainer's own thread covers."""
    counts: dict[str, float] = field(default_factory=dict)
    tokens: dict[tuple[str, str], int] = field(default_factory=dict)
    """By role and phase."""
    notes: dict[str, list[float]] = field(default_factory=dict)


class StepClock:
    """The clock of one process that trains. Cost: microseconds a phase."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.policy_version = 0
        """Optimizer steps after which the weights were that generated what is trained on now."""
        self._now = now
        self._lock = threading.Lock()
        self._stacks = threading.local()
        self._owner = threading.get_ident()
        self._owned_since: float | None = None
        self._owned_s = 0.0
        self._active: dict[str, int] = defaultdict(int)
        self._since: dict[str, float] = {}
        self._taken_at = now()
        self._measured = Measured()

    @contextlib.contextmanager
    def phase(self, name: Phase) -> Iterator[None]:
        """A part of the step. In a thread that is in a phase already, that one goes on afterwards."""
        if name not in PHASES:
            raise ValueError(f"unknown phase {name!r}; known are {', '.join(PHASES)}")
        stack = self._stack()
        self._switch(stack[-1] if stack else None, name)
        stack.append(name)
        try:
            yield
        finally:
            stack.pop()
            self._switch(name, stack[-1] if stack else None)

    def count(self, name: str, number: float = 1) -> None:
        """Add to a number that is summed until it is taken, over all ranks."""
        with self._lock:
            self._measured.counts[name] = self._measured.counts.get(name, 0) + number

    def count_tokens(self, role: Literal["server", "trainer"], number: int) -> None:
        """Tokens that a role made or used in the phase that this thread is in; on each rank its own."""
        phase = (self._stack() or ["other"])[-1]
        with self._lock:
            self._measured.tokens[role, phase] = self._measured.tokens.get((role, phase), 0) + number

    def note(self, name: str, value: float) -> None:
        """A value that is averaged until it is taken, over all ranks."""
        with self._lock:
            self._measured.notes.setdefault(name, []).append(value)

    def take(self) -> Measured:
        """What was measured since the last time; phases that go on are cut here. To be called by the trainer's own thread."""
        with self._lock:
            now = self._now()
            for name in [name for name, active in self._active.items() if active]:
                self._add(name, now)
                self._since[name] = now
            if self._owned_since is not None:
                self._owned_s += now - self._owned_since
                self._owned_since = now
            measured, self._measured = self._measured, Measured()
            elapsed, self._taken_at = now - self._taken_at, now
            measured.seconds |= {"other": max(0.0, elapsed - self._owned_s), "all": elapsed}
            self._owned_s = 0.0
        return measured

    def _stack(self) -> list[str]:
        if not hasattr(self._stacks, "names"):
            self._stacks.names = []
        names: list[str] = self._stacks.names
        return names

    def _switch(self, left: str | None, entered: str | None) -> None:
        with self._lock:
            now = self._now()
            if left is not None:
                self._active[left] -= 1
                if not self._active[left]:
                    self._add(left, now)
            if entered is not None:
                if not self._active[entered]:
                    self._since[entered] = now
                self._active[entered] += 1
            if threading.get_ident() == self._owner:
                self._own(left, entered, now)

    def _own(self, left: str | None, entered: str | None, now: float) -> None:
        if left is None:
            self._owned_since = now
        elif entered is None and self._owned_since is not None:
            self._owned_s += now - self._owned_since
            self._owned_since = None

    def _add(self, name: str, now: float) -> None:
        self._measured.seconds[name] = self._measured.seconds.get(name, 0.0) + now - self._since[name]


def metrics_of(ranks: Sequence[Measured]) -> dict[str, float]:
    """The metrics of what all ranks measured: seconds are their mean, counts their sum, notes the mean of all values."""
    seconds = {
        name: sum(one.seconds.get(name, 0.0) for one in ranks) / len(ranks) for name in (*PHASES, "other", "all")
    }
    metrics = {f"time/{name}_s": value for name, value in seconds.items()}
    for name in _names(one.counts for one in ranks):
        metrics[name] = sum(one.counts.get(name, 0) for one in ranks)
    for role, phase in _names(one.tokens for one in ranks):
        total = sum(one.tokens.get((role, phase), 0) for one in ranks)
        if seconds.get(phase):
            metrics[f"tokens_per_s/{role}_{phase}"] = total / seconds[phase]
    for name in _names(one.notes for one in ranks):
        values = [value for one in ranks for value in one.notes.get(name, [])]
        metrics[name] = sum(values) / len(values)
    return metrics


def _names(parts: Iterable[Mapping[Name, object]]) -> list[Name]:
    """Every name that one of the ranks has, in an order that is the same everywhere."""
    return sorted({name for part in parts for name in part}, key=str)
