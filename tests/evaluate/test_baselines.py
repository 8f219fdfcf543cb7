"""The two ends of the scale, and answers as SWE-bench's harness takes them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from crrl.evaluate import evaluate
from crrl.evaluate.baselines import EMPTY, REFERENCE, measure_baseline
from crrl.evaluate.classification import ACCURACY, CONSTANT, MACRO_F1
from crrl.evaluate.predictions import instance_id, write_predictions
from crrl.schema import NO_TESTS, TaskRow, files_from_rows
from tests.rewards.tasks import GUARD, LABEL, OPERATOR, TWO_FILES, fixed

TASKS: list[TaskRow] = [GUARD, OPERATOR, LABEL, {**TWO_FILES, "tests": NO_TESTS}]


def test_the_reference_is_right_and_the_empty_patch_wrong_on_every_reward() -> None:
    for name, value in ((REFERENCE, 1.0), (EMPTY, 0.0)):
        measured = measure_baseline(name, TASKS, [], [1, 4], seed=1)
        scores = ["pass@1", "pass@4", "tests", "format", "similarity", "applies", "syntax", "label"]
        assert list(measured) == [*scores, ACCURACY, MACRO_F1, CONSTANT]
        assert measured.pop(CONSTANT).value == 1.0  # of one task
        assert {estimate.value for estimate in measured.values()} == {value}


def test_a_task_without_a_reference_is_not_answered_by_it() -> None:
    unknown: TaskRow = {**GUARD, "reference": []}
    assert measure_baseline(REFERENCE, [unknown, OPERATOR], [], [1], seed=1)["pass@1"].tasks == 1
    assert measure_baseline(REFERENCE, [unknown], [], [1], seed=1) == {}
    assert measure_baseline(EMPTY, [unknown], [], [1], seed=1)["pass@1"].value == 0.0


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (json.dumps({"instance_id": "astropy__astropy-1", "repo": "astropy/astropy"}), "astropy__astropy-1"),
        (json.dumps({"repo": "a/b"}), "guard"),
        (json.dumps(["instance_id"]), "guard"),
        ("toy/bound", "guard"),
    ],
)
def test_a_prediction_is_named_by_its_instance(source: str, expected: str) -> None:
    assert instance_id({**GUARD, "source": source}) == expected


def test_predictions_are_first_answers_as_patches_that_git_applies(tmp_path: Path) -> None:
    tasks: list[TaskRow] = [TWO_FILES, OPERATOR]
    completions = [fixed(TWO_FILES), "no", "no", fixed(OPERATOR)]
    evaluation = evaluate(tasks, lambda _: completions, ["format"], n=2)
    write_predictions(evaluation, tasks, "runs/x", tmp_path / "predictions.jsonl")
    first, second = [json.loads(line) for line in (tmp_path / "predictions.jsonl").read_text().splitlines()]
    assert second == {"instance_id": OPERATOR["task_id"], "model_name_or_path": "runs/x", "model_patch": ""}

    folder = tmp_path / "repository"
    for path, text in files_from_rows(TWO_FILES["files"]).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    subprocess.run(["git", "apply", "-"], input=first["model_patch"], text=True, cwd=folder, check=True)
    for path, text in files_from_rows(TWO_FILES["reference"]).items():
        assert (folder / path).read_text() == text
