"""A result's file: read back equal, never half written, and comparable with others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from crrl.errors import ConfigError, RunError
from crrl.evaluate import Evaluation, evaluate, read_answers
from crrl.evaluate import result as result_module
from crrl.evaluate.compare import compare
from crrl.evaluate.metrics import measure
from crrl.evaluate.result import (
    Result,
    check_place,
    completions_path,
    passing_rewards,
    read_result,
    task_results,
    write_result,
)
from crrl.schema import TaskRow
from tests.rewards.tasks import GUARD, OPERATOR, TWO_FILES, fixed

TASKS: list[TaskRow] = [GUARD, OPERATOR, TWO_FILES]


def judged(completions: list[str], tasks: list[TaskRow] = TASKS, **more: Any) -> tuple[Evaluation, Result]:
    evaluation = evaluate(tasks, lambda _: completions, **more)
    measured = measure(evaluation.tasks(), [1], seed=1)
    result = Result({"seed": 1}, passing_rewards(evaluation), measured, {}, {}, task_results(evaluation, tasks))
    return evaluation, result


def test_a_result_is_read_back_as_it_was_written_with_its_answers_beside_it(tmp_path: Path) -> None:
    evaluation, result = judged([fixed(GUARD), "no", "no"])
    path = tmp_path / "result.json"
    write_result(result, evaluation, path)
    assert read_result(path) == result
    assert read_answers(completions_path(path)) == evaluation.answered
    assert sorted(file.name for file in tmp_path.iterdir()) == ["result.json", "result.parquet"]


def test_what_is_not_known_is_null_and_the_file_is_json_for_every_reader(tmp_path: Path) -> None:
    evaluation, result = judged([fixed(GUARD)], [GUARD])
    write_result(result, evaluation, tmp_path / "r.json")
    values = json.loads((tmp_path / "r.json").read_text(), parse_constant=lambda name: pytest.fail(name))
    assert values["metrics"]["pass@1"] == {
        "value": 1.0,
        "low": None,
        "high": None,
        "tasks": 1,
        "unjudged_tasks": 0,
        "unjudged_answers": 0,
    }
    assert values["tasks"][0]["passed"] == [True]


def test_a_result_that_cannot_be_written_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(path: Path, text: str) -> None:
        raise KeyboardInterrupt

    evaluation, result = judged([fixed(GUARD), "no", "no"])
    monkeypatch.setattr(result_module, "write_aside", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_result(result, evaluation, tmp_path / "r.json")
    assert [file.name for file in tmp_path.iterdir()] == ["r.parquet"]  # whole, and without a result that names it
    assert read_answers(tmp_path / "r.parquet") == evaluation.answered


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 1}'])
def test_other_files_are_no_results(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(RunError, match="is no result of `crrl eval`"):
        read_result(tmp_path / "x.json")


def test_a_result_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"format": 99}')
    with pytest.raises(RunError, match="format 99; this version reads 1"):
        read_result(tmp_path / "x.json")


def test_a_place_that_is_taken_or_has_another_ending_is_refused(tmp_path: Path) -> None:
    (tmp_path / "old.parquet").touch()
    with pytest.raises(ConfigError, match=r"old.parquet is there already"):
        check_place("--out", tmp_path / "old.json", ".json", tmp_path / "old.parquet")
    with pytest.raises(ConfigError, match=r"--out .*: the name must end in .json"):
        check_place("--out", tmp_path / "new.txt", ".json")
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be made"):
        check_place("--out", tmp_path / "file" / "new.json", ".json")


def test_a_comparison_counts_discordant_tasks_and_tests_them_exactly() -> None:
    _, first = judged(["no", fixed(OPERATOR), "no"])
    _, second = judged([fixed(GUARD), fixed(OPERATOR), fixed(TWO_FILES)])
    compared = compare(first, second)
    assert (compared.first, compared.second) == (pytest.approx(1 / 3), 1.0)
    assert (compared.tasks, compared.better, compared.worse, compared.p_value, compared.left_out) == (3, 2, 0, 0.5, 0)
    assert 0 <= compared.low <= 2 / 3 <= compared.high <= 1
    backwards = compare(second, first)
    assert (backwards.better, backwards.worse, backwards.p_value) == (0, 2, 0.5)


def test_several_answers_a_task_are_compared_by_how_often_they_pass() -> None:
    _, first = judged([fixed(GUARD), "no", "no", "no"], [GUARD, OPERATOR], n=2)
    _, second = judged(["no", fixed(GUARD), fixed(OPERATOR), "no"], [GUARD, OPERATOR], n=2)
    compared = compare(first, second)
    assert (compared.first, compared.second, compared.better, compared.worse) == (0.25, 0.5, 1, 0)


def test_the_same_id_with_other_content_is_another_task() -> None:
    other: TaskRow = {**OPERATOR, "task_id": GUARD["task_id"]}
    _, first = judged([fixed(GUARD), "no"], [GUARD, TWO_FILES])
    _, second = judged(["no", "no"], [other, TWO_FILES])
    assert (compare(first, second).tasks, compare(first, second).left_out) == (1, 2)
    with pytest.raises(ConfigError, match="no judged task in common"):
        compare(first, judged(["no"], [other])[1])


def test_results_that_pass_by_different_rewards_are_not_compared() -> None:
    _, by_tests = judged(["no"], [GUARD], rewards=["tests"])
    _, by_similarity = judged(["no"], [GUARD], rewards=["similarity"])
    with pytest.raises(ConfigError, match="passes by tests, the other by similarity"):
        compare(by_tests, by_similarity)
