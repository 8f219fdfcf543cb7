"""What judging a batch of programs took, as metrics.jsonl tells it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Counts:
    """What judging a batch took, in different programs, as equal ones run once.

    Attributes:
        judged: run and scored. cached: known from before. timeouts: of those judged, beyond the time limit.
        unavailable: the sandbox could not run them, twice. late: not judged when the deadline came.
        seconds: from the first to the last of them. reason: the sandbox's words for the last unavailable one.
    """

    judged: int = 0
    cached: int = 0
    timeouts: int = 0
    unavailable: int = 0
    late: int = 0
    seconds: float = 0.0
    reason: str = field(default="", repr=False)

    def metrics(self) -> dict[str, float]:
        """By the names that metrics.jsonl has."""
        names = ("judged", "cached", "timeouts", "unavailable", "late", "seconds")
        return {f"tests/{name}": float(getattr(self, name)) for name in names}
