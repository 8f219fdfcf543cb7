"""Rewards by name. Each scores B completions in [0, 1]; None means that it could not judge, never that the model erred."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from typing import Literal

from crrl.errors import ConfigError
from crrl.rewards.applies import applies
from crrl.rewards.format import format
from crrl.rewards.label import label
from crrl.rewards.similarity import similarity
from crrl.rewards.swe_rl import swe_rl_similarity
from crrl.rewards.syntax import syntax
from crrl.rewards.tests import begin_tests, tests
from crrl.schema import Kind

__all__ = ["HEAD_STARTS", "KINDS_OF", "NEEDS", "REWARDS", "RewardFn", "check_rewards"]

RewardFn = Callable[..., list[float | None]]
"""f(completions, **columns) → B scores; columns as in the task row, B values each."""

REWARDS: dict[str, RewardFn] = {
    reward.__name__: reward for reward in (format, applies, similarity, syntax, tests, label, swe_rl_similarity)
}
KINDS_OF: dict[str, tuple[Kind, ...]] = {
    "format": ("repair", "implement"),
    "applies": ("repair", "implement"),
    "similarity": ("repair", "implement"),
    "syntax": ("repair", "implement"),
    "tests": ("repair", "implement"),
    "label": ("classify",),
    "swe_rl_similarity": ("repair", "implement"),
}
"""Reward → the kinds of task that it can judge."""
NEEDS: dict[str, Literal["tests", "reference"]] = {
    "tests": "tests",
    "similarity": "reference",
    "swe_rl_similarity": "reference",
}
"""Reward → the part of a task that it judges by, and that a task may lack."""
HEAD_STARTS: dict[str, Callable[..., None]] = {"tests": begin_tests}
"""Reward → what begins its work on completions, called as the reward is, and returns at once. Only for rewards that take long."""


def check_rewards(weights: Mapping[str, float], kind: str) -> None:
    """Refuse weights that a run cannot use. Raises ConfigError: what was given, what is known, what to do."""
    if not weights:
        raise ConfigError(f"no rewards are given; known are {', '.join(REWARDS)}; write --rewards tests=0.9 format=0.1")
    for name, weight in weights.items():
        if name not in REWARDS:
            near = difflib.get_close_matches(name, REWARDS, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(REWARDS)}"
            raise ConfigError(f"unknown reward {name!r}; {hint}")
        if kind not in KINDS_OF[name]:
            fitting = ", ".join(other for other, kinds in KINDS_OF.items() if kind in kinds)
            raise ConfigError(f"the reward {name} cannot judge {kind} tasks; those have {fitting}")
        if not (math.isfinite(weight) and 0 < weight <= 1):
            raise ConfigError(f"the reward {name} has weight {weight}; weights are above 0, and sum to 1")
    total = sum(weights.values())
    if abs(total - 1) > 1e-6:
        given = ", ".join(f"{name}={weight:g}" for name, weight in weights.items())
        raise ConfigError(f"the weights of {given} sum to {total:g}; they must sum to 1")
