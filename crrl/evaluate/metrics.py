"""From scored answers to numbers with intervals: pass@k and the mean of each reward, for all tasks and for each stratum."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from crrl.evaluate.evaluation import Answered, Evaluation, mean_score
from crrl.evaluate.statistics import bootstrap_interval, pass_at_k

TaskValue = Callable[[Sequence[Answered]], float | None]
"""The answers to one task → its value in [0, 1]; None: could not be judged."""


@dataclass(frozen=True)
class Estimate:
    """A mean over tasks with its interval."""

    value: float
    """In [0, 1]; NaN if no task could be judged."""
    low: float
    high: float
    """The 95 % bootstrap interval; NaNs for fewer than two tasks."""
    tasks: int
    """Tasks in the mean."""
    unjudged_tasks: int
    """Tasks left out: too few of their answers could be judged."""
    unjudged_answers: int
    """Answers left out, of all tasks."""


Measured = dict[str, Estimate]
"""Name of a metric (`pass@1`, `tests`, `format`, …) → its estimate."""


def measure(tasks: Sequence[Sequence[Answered]], ks: Sequence[int], *, seed: int) -> Measured:
    """pass@k for each k, and the mean of each reward.

    Args:
        tasks: the answers to each task (`Evaluation.tasks`).
        ks: each in [1, n].
        seed: of the bootstrap; every metric sees the same resamples of equal tasks.

    A metric leaves out the tasks that it does not fit, and counts those that could not be judged. pass@k needs k judged
    answers of a task.
    """
    measured: Measured = {}
    decided = [answers for answers in tasks if answers[0].pass_reward]
    if decided:
        for k in ks:
            measured[f"pass@{k}"] = _estimate(decided, partial(passes, k=k), _pass_is_unknown, seed)
    for name in Evaluation(0, [answer for answers in tasks for answer in answers]).rewards:
        fitting = [answers for answers in tasks if name in answers[0].scores]
        measured[name] = _estimate(fitting, partial(mean_score, reward=name), partial(_score_is_unknown, name), seed)
    return measured


def measure_strata(tasks: Sequence[Sequence[Answered]], ks: Sequence[int], *, seed: int) -> dict[str, Measured]:
    """The same for the tasks of each stratum, by name; empty if there are not at least two of them."""
    strata: dict[str, list[Sequence[Answered]]] = defaultdict(list)
    for answers in tasks:
        strata[answers[0].stratum].append(answers)
    if len(strata) < 2:
        return {}
    return {name: measure(strata[name], ks, seed=seed) for name in sorted(strata)}


def passes(answers: Sequence[Answered], k: int) -> float | None:
    """pass@k of one task; None if fewer than k of its answers could be judged."""
    judged = [answer.passed for answer in answers if answer.passed is not None]
    return pass_at_k(len(judged), sum(judged), k) if len(judged) >= k else None


def _pass_is_unknown(answer: Answered) -> bool:
    return answer.passed is None


def _score_is_unknown(reward: str, answer: Answered) -> bool:
    return answer.scores[reward] is None


def _estimate(
    tasks: Sequence[Sequence[Answered]], value_of: TaskValue, is_unjudged: Callable[[Answered], bool], seed: int
) -> Estimate:
    values = [value for answers in tasks if (value := value_of(answers)) is not None]
    low, high = bootstrap_interval(values, seed=seed)
    return Estimate(
        value=sum(values) / len(values) if values else float("nan"),
        low=low,
        high=high,
        tasks=len(values),
        unjudged_tasks=len(tasks) - len(values),
        unjudged_answers=sum(is_unjudged(answer) for answers in tasks for answer in answers),
    )
