"""Answers as a predictions file of SWE-bench, so that its official harness can judge them.

One JSON object a line: {"instance_id", "model_name_or_path", "model_patch"}, the patch as a unified diff in git's form.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from crrl.diffs import render_unified
from crrl.errors import RunError
from crrl.evaluate.evaluation import Answered, Evaluation
from crrl.report.run_folder import write_aside
from crrl.rewards.answers import answers_to
from crrl.schema import TaskRow


def write_predictions(evaluation: Evaluation, tasks: Sequence[TaskRow], model: str, path: Path) -> None:
    """Write each task's first answer: aside, then renamed. The harness takes one answer an instance.

    Raises RunError if the file cannot be written.
    """
    instances = {task["task_id"]: instance_id(task) for task in tasks}
    lines = [
        json.dumps(
            {
                "instance_id": instances[answer.task_id],
                "model_name_or_path": model,
                "model_patch": model_patch(answer),
            },
            ensure_ascii=False,
        )
        for answer in evaluation.answered
        if answer.sample == 0
    ]
    try:
        write_aside(path, "".join(f"{line}\n" for line in lines))
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({error.strerror or error})") from error


def instance_id(task: TaskRow) -> str:
    """SWE-bench's name of a task: `instance_id` in its provenance, else its own id."""
    try:
        provenance = json.loads(task["source"])
    except ValueError:
        return task["task_id"]
    found = provenance.get("instance_id") if isinstance(provenance, dict) else None
    return found if isinstance(found, str) and found else task["task_id"]


def model_patch(answer: Answered) -> str:
    """What an answer changes, as `git apply` takes it; empty if it cannot be applied, or changes nothing."""
    (judged,) = answers_to([answer.completion], [answer.files])
    return render_unified(judged.before, judged.changed) if judged.changed is not None else ""
