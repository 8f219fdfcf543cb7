"""Held-out evaluation: real rewards on given answers, kept whole, read back equal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from crrl.errors import ConfigError, RunError
from crrl.evaluate import (
    Answered,
    Evaluation,
    evaluate,
    evaluation_path,
    read_answers,
    read_evaluations,
    rewards_for,
    write_answers,
    write_evaluation,
)
from crrl.evaluate.evaluation import JUDGED_AT_ONCE
from crrl.schema import NO_TESTS, Prompt, TaskRow
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


def test_each_task_is_asked_n_times_in_a_row_and_its_answers_are_numbered() -> None:
    def third_is_right(prompts: Sequence[Prompt]) -> list[str]:
        assert prompts == [GUARD["prompt"]] * 3 + [OPERATOR["prompt"]] * 3
        return ["no", "no", fixed(GUARD), "no", "no", "no"]

    evaluation = evaluate(TASKS, third_is_right, ["tests"], n=3)
    assert [(answer.task_id, answer.sample) for answer in evaluation.answered] == [
        (task["task_id"], sample) for task in TASKS for sample in range(3)
    ]
    assert [[answer.passed for answer in task] for task in evaluation.tasks()] == [[False, False, True], [False] * 3]
    assert evaluation.mean("tests") == pytest.approx(1 / 6)


def test_a_mixture_is_scored_by_what_fits_each_task() -> None:
    untested: TaskRow = {**OPERATOR, "tests": NO_TESTS}
    evaluation = evaluate([GUARD, untested, LABEL], lambda _: [fixed(GUARD), fixed(OPERATOR), LABEL["label"]])
    assert [list(answer.scores) for answer in evaluation.answered] == [
        ["tests", "format", "similarity", "applies", "syntax"],
        ["format", "similarity", "applies", "syntax"],
        ["label"],
    ]
    assert [answer.pass_reward for answer in evaluation.answered] == ["tests", "similarity", "label"]
    assert [answer.passed for answer in evaluation.answered] == [True, True, True]


def test_only_a_full_score_passes_and_what_could_not_be_judged_neither_passes_nor_fails() -> None:
    def answered(**scores: float | None) -> Answered:
        return Answered("t", "", dict(scores), [], [])

    assert answered(tests=0.99).passed is False
    assert answered(tests=1.0, similarity=0.0).passed is True
    assert answered(tests=None, similarity=1.0).passed is None
    assert answered(format=1.0).passed is None
    assert answered(format=1.0).pass_reward == ""


def test_a_reward_that_fits_no_task_is_refused_before_anything_is_generated() -> None:
    def never(_: Sequence[Prompt]) -> list[str]:
        raise AssertionError("must not be asked")

    untested: TaskRow = {**OPERATOR, "tests": NO_TESTS}
    with pytest.raises(ConfigError, match="the reward tests can judge none of the 1 tasks"):
        evaluate([untested], never, ["format", "tests"])
    assert evaluate([untested, GUARD], lambda _: ["no", "no"], ["tests"]).answered[0].scores == {}


def test_large_sets_are_judged_in_parts_and_told_of() -> None:
    told: list[int] = []
    evaluation = evaluate([GUARD, OPERATOR], lambda p: ["no"] * len(p), ["format"], n=300, told=told.append)
    assert told == [0, JUDGED_AT_ONCE, 600]
    assert [answer.scores for answer in evaluation.answered] == [{"format": 0.0}] * 600


def test_rewards_that_are_absent_and_scores_that_are_unknown_are_told_apart_when_read_back(tmp_path: Path) -> None:
    answered = [
        Answered("a", "x", {"tests": None, "format": 0.5}, [], [], sample=0, stratum="s"),
        Answered("b", "y", {"label": 1.0}, [{"path": "p", "text": "t"}], [], sample=1),
    ]
    write_answers(Evaluation(0, answered), tmp_path / "answers.parquet")
    assert read_answers(tmp_path / "answers.parquet") == answered


def test_evaluations_of_earlier_versions_are_read(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    row = {"task_id": "a", "completion": "x", "scores": {"tests": 1.0, "format": None}, "files": [], "reference": []}
    pq.write_table(pa.Table.from_pylist([row]), evaluation_path(tmp_path, 5))
    (evaluation,) = read_evaluations(tmp_path)
    assert evaluation.answered == [Answered("a", "x", {"tests": 1.0, "format": None}, [], [])]
