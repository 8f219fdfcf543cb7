"""The starts of a run: when each began, how it ended, and what they cost so far."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crrl.config import read_config
from crrl.report.heartbeat import ATTEMPT, read_beats
from crrl.report.run_folder import RunFolder


@dataclass(frozen=True)
class AttemptSpan:
    """One start of the run. Times are Unix times."""

    number: int
    started: float
    ended: float | None
    """None: nobody wrote down an end. It goes on, or all of its nodes were lost at once."""
    kind: str
    """How it ended: done, stopped, lost, …; empty without an end."""
    last_seen: float
    """The end, or the last progress of any of its processes."""

    @property
    def seconds(self) -> float:
        """How long it had its nodes, as far as anybody saw."""
        return max(0.0, self.last_seen - self.started)


def read_events(folder: RunFolder) -> list[dict[str, Any]]:
    """What happened, in order; a line that a killed process left half written is left out."""
    return list(_events(folder))


def attempt_spans(folder: RunFolder) -> list[AttemptSpan]:
    """Every start of the run whose processes were started, in order. A run that was started by hand has none."""
    started: dict[int, float] = {}
    ended: dict[int, dict[str, Any]] = {}
    for event in _events(folder):
        number = event.get("attempt")
        if not isinstance(number, int):
            continue
        if event["kind"] == "started":
            started.setdefault(number, _seconds(event["time"]))
        elif event["kind"] == "ended":
            ended.setdefault(number, event)
    return [_span(folder, number, begin, ended.get(number)) for number, begin in sorted(started.items())]


class GpuHours:
    """What the run has cost up to now: GPUs × hours of all attempts, those included that were lost."""

    def __init__(self, folder: RunFolder, gpus: int, attempt: int) -> None:
        """`gpus`: of all nodes, the server's included; `attempt`: the one that this process belongs to."""
        spans = attempt_spans(folder)
        own = [span.started for span in spans if span.number == attempt]
        self._gpus = gpus
        self._before_s = sum(span.seconds for span in spans if span.number < attempt)
        self._started = own[0] if own else time.time()

    def now(self) -> float:
        """GPU hours so far."""
        return self._gpus * (self._before_s + max(0.0, time.time() - self._started)) / 3600


def gpu_hours_of(folder: RunFolder) -> GpuHours:
    """The cost of the run of a folder, seen from one of its processes."""
    cluster = read_config(folder.config).cluster
    nodes = cluster.nodes.server + cluster.nodes.trainer
    return GpuHours(folder, nodes * cluster.gpus_per_node, int(os.environ.get(ATTEMPT) or 1))


def _span(folder: RunFolder, number: int, started: float, end: dict[str, Any] | None) -> AttemptSpan:
    if end is not None:
        time_ = _seconds(end["time"])
        return AttemptSpan(number, started, time_, str(end.get("kind_of_end", "")), time_)
    beats = read_beats(folder.attempt(number).heartbeats)
    return AttemptSpan(number, started, None, "", max((beat.since for beat in beats.values()), default=started))


def _events(folder: RunFolder) -> Iterator[dict[str, Any]]:
    if not folder.events.is_file():
        return
    for line in folder.events.read_bytes().splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and "kind" in event and "time" in event:
            yield event


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
