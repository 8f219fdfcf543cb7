"""Live progress as lines of the log: readable while it is written, in a file as on a terminal."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

SECONDS_BETWEEN_LINES = 5.0

_SHOWN: tuple[tuple[str, str], ...] = (
    ("loss", "loss"),
    ("reward", "reward"),
    ("rewards/tests/mean", "pass rate"),
    ("rewards/similarity/mean", "similarity"),
    ("rewards/format/mean", "format"),
    ("frac_reward_zero_std", "groups without a lesson"),
    ("completions/clipped_ratio", "cut off"),
)
"""Metric → the words for it, in this order; those that a stage does not measure are left out."""


@dataclass
class Progress:
    """Prints at most one line in five seconds, and always the last step's."""

    stage: str
    steps: int
    first_step: int
    started: float
    shown_at: float = field(default=-SECONDS_BETWEEN_LINES)

    def show(self, step: int, measured: Mapping[str, float]) -> None:
        """Tell where the stage stands, if it is time to."""
        now = time.monotonic()
        if step < self.steps and now - self.shown_at < SECONDS_BETWEEN_LINES:
            return
        self.shown_at = now
        print(self.line(step, measured, now), flush=True)

    def line(self, step: int, measured: Mapping[str, float], now: float) -> str:
        """`reinforce  120/300  reward 0.61  pass rate 0.58  time left 1:23`."""
        values = [f"{words} {measured[name]:.2f}" for name, words in _SHOWN if name in measured and name != "loss"]
        if not values and "loss" in measured:
            values = [f"loss {measured['loss']:.3f}"]
        done = step - self.first_step
        # The first step warms everything up, and would promise three times too long.
        left = [f"time left {clock((now - self.started) / done * (self.steps - step))}"] if done > 1 else []
        return "  ".join([f"{self.stage:<10}", f"step {step}/{self.steps}", *values, *left])


def clock(seconds: float) -> str:
    """`1:02:03`, `2:03`: hours only where there are any."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
