"""From scores to numbers: exact on small cases, and what could not be judged is counted and never scored."""

from __future__ import annotations

import math

from crrl.evaluate import Answered
from crrl.evaluate.metrics import measure, measure_strata


def answers(task: str, *tests: float | None, stratum: str = "") -> list[Answered]:
    return [
        Answered(task, "", {"tests": score, "format": 1.0}, [], [], sample=number, stratum=stratum)
        for number, score in enumerate(tests)
    ]


def test_pass_at_k_is_the_mean_over_tasks() -> None:
    measured = measure([answers("a", 1.0, 0.0), answers("b", 0.0, 0.0)], [1, 2], seed=1)
    assert list(measured) == ["pass@1", "pass@2", "tests", "format"]
    assert measured["pass@1"].value == 0.25
    assert measured["pass@2"].value == 0.5
    assert measured["format"].value == 1.0
    assert (measured["format"].low, measured["format"].high) == (1.0, 1.0)


def test_a_partial_score_counts_for_its_reward_and_not_as_a_pass() -> None:
    measured = measure([answers("a", 0.5, 1.0)], [1], seed=1)
    assert measured["tests"].value == 0.75
    assert measured["pass@1"].value == 0.5


def test_unjudged_answers_are_left_out_and_counted() -> None:
    measured = measure([answers("a", 1.0, None), answers("b", None, None), answers("c", 0.0, 0.0)], [1, 2], seed=1)
    first, second = measured["pass@1"], measured["pass@2"]
    assert (first.value, first.tasks, first.unjudged_tasks, first.unjudged_answers) == (0.5, 2, 1, 3)
    assert (second.value, second.tasks, second.unjudged_tasks, second.unjudged_answers) == (0.0, 1, 2, 3)
    assert measured["format"].unjudged_answers == 0


def test_nothing_judged_is_no_number() -> None:
    measured = measure([answers("a", None)], [1], seed=1)
    assert math.isnan(measured["pass@1"].value)
    assert measured["pass@1"].tasks == 0


def test_without_a_reward_that_decides_there_is_no_pass_rate() -> None:
    tasks = [[Answered("a", "", {"format": 1.0}, [], [])]]
    assert list(measure(tasks, [1], seed=1)) == ["format"]


def test_a_mixture_counts_each_task_where_it_belongs() -> None:
    labelled = [Answered("l", "", {"label": 1.0}, [], [])]
    measured = measure([answers("a", 0.0), labelled], [1], seed=1)
    assert {name: (e.value, e.tasks) for name, e in measured.items()} == {
        "pass@1": (0.5, 2),
        "tests": (0.0, 1),
        "format": (1.0, 1),
        "label": (1.0, 1),
    }


def test_strata_are_measured_apart() -> None:
    tasks = [answers("a", 1.0, stratum="x"), answers("b", 0.0, stratum="y"), answers("c", 0.0, stratum="x")]
    strata = measure_strata(tasks, [1], seed=1)
    assert {name: measured["pass@1"].value for name, measured in strata.items()} == {"x": 0.5, "y": 0.0}
    assert math.isnan(strata["y"]["pass@1"].low)
    assert measure_strata(tasks[::2], [1], seed=1) == {}


def test_equal_seeds_give_equal_numbers() -> None:
    tasks = [answers(str(number), number / 37) for number in range(30)]
    assert measure(tasks, [1], seed=5) == measure(tasks, [1], seed=5)
    assert measure(tasks, [1], seed=5)["tests"].low != measure(tasks, [1], seed=6)["tests"].low
