"""Two results on the same tasks, task by task: what differs, and whether chance would do it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crrl.errors import ConfigError
from crrl.evaluate.result import Result, TaskResult
from crrl.evaluate.statistics import bootstrap_interval, exact_sign_test
from crrl.evaluate.table import plain_table

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Comparison:
    """The second model against the first, on the tasks that both answered."""

    tasks: int
    first: float
    second: float
    """pass@1 of each, in [0, 1]."""
    low: float
    high: float
    """The 95 % bootstrap interval of second - first, over tasks; NaNs for fewer than two."""
    better: int
    worse: int
    """Discordant tasks: where the second passes more often, or less often."""
    p_value: float
    """Of the exact sign test on the discordant tasks; with one answer a task, the exact McNemar test."""
    left_out: int
    """Tasks of either result that the other lacks, or that could not be judged in both."""


def compare(first: Result, second: Result, *, seed: int = 1) -> Comparison:
    """Compare two results by pass@1 on their common tasks.

    Raises ConfigError if they have no task in common (the same id with other content is another task), judge passing
    by different rewards, or by none.
    """
    if first.passing != second.passing:
        raise ConfigError(
            f"one result passes by {_named(first)}, the other by {_named(second)}: evaluate both with the same --rewards"
        )
    if not first.passing:
        raise ConfigError(
            "no reward says which answers pass: evaluate with --rewards that do (tests, similarity or label), or leave it out"
        )
    rates = [_pass_rates(result) for result in (first, second)]
    common = [key for key in rates[0] if key in rates[1]]
    if not common:
        raise ConfigError(
            "the two results have no judged task in common: evaluate both on the same --data, --split and seed"
        )
    differences = [rates[1][key] - rates[0][key] for key in common]
    better, worse = sum(value > 0 for value in differences), sum(value < 0 for value in differences)
    low, high = bootstrap_interval(differences, seed=seed)
    every = {(task.task_id, task.digest) for result in (first, second) for task in result.tasks}
    return Comparison(
        tasks=len(common),
        first=sum(rates[0][key] for key in common) / len(common),
        second=sum(rates[1][key] for key in common) / len(common),
        low=low,
        high=high,
        better=better,
        worse=worse,
        p_value=exact_sign_test(better, worse),
        left_out=len(every) - len(common),
    )


def comparison_table(compared: Comparison, first: str, second: str) -> Table:
    """The comparison for people."""
    from rich.text import Text

    table = plain_table(Text(f"{second} against {first}, {compared.tasks} common tasks"), has_header=False)
    table.add_column(overflow="fold")  # names may differ at their ends only
    table.add_column(justify="right")
    span = "–" if compared.low != compared.low else f"[{100 * compared.low:+.1f}, {100 * compared.high:+.1f}]"
    change = 100 * (compared.second - compared.first)
    for name, value in (
        (f"pass@1 of {first}", f"{100 * compared.first:.1f} %"),
        (f"pass@1 of {second}", f"{100 * compared.second:.1f} %"),
        ("change, 95 % interval", f"{change:+.1f} points {span}"),
        ("tasks it passes more often", str(compared.better)),
        ("tasks it passes less often", str(compared.worse)),
        ("p, exact test on those tasks", f"{compared.p_value:.2g}"),
        ("tasks left out", str(compared.left_out)),
    ):
        table.add_row(Text(name), value)
    return table


def _pass_rates(result: Result) -> Mapping[tuple[str, str], float]:
    """(id, digest) → the share of judged answers that pass; tasks without any are not there."""
    return {
        (task.task_id, task.digest): sum(judged) / len(judged) for task in result.tasks if (judged := _judged(task))
    }


def _judged(task: TaskResult) -> list[bool]:
    return [passed for passed in task.passed if passed is not None]


def _named(result: Result) -> str:
    return " and ".join(result.passing) or "nothing"
