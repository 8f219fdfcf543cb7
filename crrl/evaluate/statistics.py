"""The statistics of an evaluation, as pure functions: pass@k, intervals over tasks, and exact paired comparison."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

RESAMPLES = 2000
"""Bootstrap samples; the ends of an interval then vary by about a twentieth of its width from seed to seed."""
CONFIDENCE = 0.95
_AT_ONCE = 1_000_000
"""Drawn numbers that are held at once (8 MB)."""


def pass_at_k(n: int, passed: int, k: int) -> float:
    """The chance that at least one of k completions passes, estimated without bias from n of which `passed` did.

    1 - C(n - passed, k) / C(n, k), as a product of factors below 1 that no n makes overflow.

    Args:
        n: completions of one task.
        passed: how many of them passed, in [0, n].
        k: in [1, n].

    Raises:
        ValueError: numbers outside of these ranges.

    Cost: linear in `passed`. Source: arXiv:2107.03374, section 2.1.
    """
    if not 0 <= passed <= n or not 1 <= k <= n:
        raise ValueError(f"pass@{k} of {n} completions, {passed} passed: needs 0 <= passed <= n and 1 <= k <= n")
    if n - passed < k:
        return 1.0
    return 1.0 - math.prod(1.0 - k / total for total in range(n - passed + 1, n + 1))


def bootstrap_interval(
    values: Sequence[float], *, seed: int, resamples: int = RESAMPLES, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """The percentile interval of the mean of N tasks' values, from resamples of the tasks.

    Args:
        values: one number a task; completions of a task are never resampled apart, as they are not independent.
        seed: the same seed and values give the same interval.

    Returns:
        (low, high), within [min(values), max(values)]; NaNs for fewer than two tasks, which tell nothing of others.

    Cost: resamples × N random numbers; 10 ms for 200 tasks. Source: Efron & Tibshirani 1993, chapter 13.
    """
    import numpy as np

    if len(values) < 2:
        return math.nan, math.nan
    data = np.asarray(values, dtype=np.float64)
    draw = np.random.default_rng(seed)
    rows = max(1, _AT_ONCE // len(data))
    means = np.concatenate(
        [
            data[draw.integers(len(data), size=(min(rows, resamples - start), len(data)))].mean(axis=1)
            for start in range(0, resamples, rows)
        ]
    )
    tail = (1 - confidence) / 2
    low, high = np.clip(np.quantile(means, [tail, 1 - tail]), data.min(), data.max())  # a mean of equals may round
    return float(low), float(high)


def resampled_interval(
    tasks: int,
    statistic: Callable[[Sequence[int]], float],
    *,
    seed: int,
    resamples: int = 500,
    confidence: float = CONFIDENCE,
) -> tuple[float, float]:
    """The percentile interval of a statistic that is no mean, from resamples of the tasks.

    Args:
        tasks: how many there are.
        statistic: the numbers of the drawn tasks, each in [0, tasks), with repetitions → a number.
        resamples: fewer than of a mean: the statistic is computed anew for each.

    Returns:
        (low, high); NaNs for fewer than two tasks.

    Cost: `resamples` statistics. Source: as `bootstrap_interval`.
    """
    import numpy as np

    if tasks < 2:
        return math.nan, math.nan
    draw = np.random.default_rng(seed)
    values = [statistic(draw.integers(tasks, size=tasks).tolist()) for _ in range(resamples)]
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


def exact_sign_test(wins: int, losses: int) -> float:
    """The two-sided p-value of `wins` against `losses` where both were equally likely: the exact McNemar test.

    Args:
        wins, losses: discordant tasks, each better with one or the other model. Ties tell nothing and are left out.

    Returns:
        The chance, in (0, 1], of a split at least this uneven; 1.0 without discordant tasks.

    Raises:
        ValueError: a negative count.

    Cost: linear in the counts, with whole numbers: exact. Source: the binomial form of McNemar 1947.
    """
    if wins < 0 or losses < 0:
        raise ValueError(f"{wins} wins and {losses} losses: counts are 0 or more")
    total, fewer = wins + losses, min(wins, losses)
    ways = term = 1
    for drawn in range(1, fewer + 1):
        term = term * (total - drawn + 1) // drawn  # C(total, drawn)
        ways += term
    share: float = 2 * ways / 2**total  # whole numbers of any size, divided once
    return min(1.0, max(share, math.ulp(0.0)))  # below the smallest float it is small, not impossible
