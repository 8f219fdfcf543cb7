"""What judging a batch of programs took, as metrics.jsonl tells it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, Self


class Found(NamedTuple):
    """What running one program gave: its score in [0, 1], or None where the sandbox could not run it."""

    score: float | None
    is_timeout: bool = False
    reason: str = ""
    """The sandbox's words."""


@dataclass
class Counts:
    """What judging a batch took, in different programs, as equal ones run once.

    Attributes:
        judged: run and scored. cached: known from before. timeouts: of those judged, beyond the time limit.
        unavailable: the sandbox could not run them, twice. late: not judged when the deadline came.
        seconds: from when they were asked for (some may have been begun before) until the last was judged.
        reason: the sandbox's words for the last unavailable one.
    """

    judged: int = 0
    cached: int = 0
    timeouts: int = 0
    unavailable: int = 0
    late: int = 0
    seconds: float = 0.0
    reason: str = field(default="", repr=False)

    @classmethod
    def of(cls, found: Iterable[Found], *, cached: int, late: int) -> Self:
        """The counts of programs that were run."""
        counts = cls(cached=cached, late=late)
        for one in found:
            counts.judged += one.score is not None
            counts.timeouts += one.is_timeout
            if one.score is None:
                counts.unavailable += 1
                counts.reason = one.reason
        return counts

    def metrics(self) -> dict[str, float]:
        """By the names that metrics.jsonl has."""
        names = ("judged", "cached", "timeouts", "unavailable", "late", "seconds")
        return {f"tests/{name}": float(getattr(self, name)) for name in names}
