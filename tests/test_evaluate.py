"""Held-out evaluation: real rewards on given answers, kept whole, read back equal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from crrl.errors import RunError
from crrl.evaluate import Evaluation, evaluate, evaluation_path, read_evaluations, rewards_for, write_evaluation
from crrl.schema import NO_TESTS, Prompt
from tests.rewards.tasks import GUARD, LABEL, OPERATOR, fixed

TASKS = [GUARD, OPERATOR]


def half_right(prompts: Sequence[Prompt]) -> list[str]:
    assert prompts == [GUARD["prompt"], OPERATOR["prompt"]]
    return [fixed(GUARD), "no"]


def test_each_answer_is_scored_and_means_are_means() -> None:
    evaluation = evaluate(TASKS, half_right, ["tests", "similarity"], step=7)
    assert [answer.scores for answer in evaluation.answered] == [
        {"tests": 1.0, "similarity": 1.0},
        {"tests": 0.0, "similarity": 0.0},
    ]
    assert evaluation.means() == {"heldout/tests": 0.5, "heldout/similarity": 0.5}


def test_answers_that_could_not_be_judged_are_not_in_the_mean() -> None:
    broken = {**OPERATOR, "tests": {**OPERATOR["tests"], "command": ["no-such-program"]}}
    evaluation = evaluate([GUARD, broken], lambda _: [fixed(GUARD), fixed(OPERATOR)], ["tests"], step=0)  # type: ignore[list-item]
    assert evaluation.mean("tests") == 1.0
    only_broken = evaluate([broken], lambda _: [fixed(OPERATOR)], ["tests"], step=0)  # type: ignore[list-item]
    assert math.isnan(only_broken.mean("tests"))


def test_evaluations_are_read_back_as_they_were_written_in_the_order_of_steps(tmp_path: Path) -> None:
    for step in (100, 0, 20):
        write_evaluation(evaluate(TASKS, half_right, ["tests", "format"], step=step), tmp_path)
    read = read_evaluations(tmp_path)
    assert [evaluation.step for evaluation in read] == [0, 20, 100]
    assert read[1] == evaluate(TASKS, half_right, ["tests", "format"], step=20)
    assert sorted(path.name for path in tmp_path.iterdir()) == [evaluation_path(tmp_path, s).name for s in (0, 20, 100)]


def test_a_damaged_evaluation_is_named(tmp_path: Path) -> None:
    evaluation_path(tmp_path, 3).write_bytes(b"not parquet")
    with pytest.raises(RunError, match="heldout-000003"):
        read_evaluations(tmp_path)


def test_a_task_is_judged_by_what_its_row_holds() -> None:
    assert rewards_for(GUARD) == ["tests", "format", "similarity", "applies", "syntax"]
    assert rewards_for({**GUARD, "tests": NO_TESTS}) == ["format", "similarity", "applies", "syntax"]
    assert rewards_for({**GUARD, "reference": []}) == ["tests", "format", "applies", "syntax"]
    assert rewards_for(LABEL) == ["label"]


def test_an_evaluation_of_nothing_has_no_rewards() -> None:
    assert Evaluation(0, []).rewards == []
