"""The result of an evaluation as a JSON file: everything that is needed to do it again, or to compare it with another.

The answers lie beside it, as parquet (`completions_path`).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crrl.errors import ConfigError, RunError
from crrl.evaluate.classification import Confusion
from crrl.evaluate.evaluation import Answered, Evaluation
from crrl.evaluate.kept import write_answers
from crrl.evaluate.metrics import Estimate, Measured
from crrl.report.run_folder import write_aside
from crrl.schema import TaskRow

FORMAT = 1
"""Of the file; a reader refuses others."""
_NUMBERS = ("value", "low", "high")


@dataclass(frozen=True)
class TaskResult:
    """One task's answers in numbers, and a digest of the task itself: equal ids may name different tasks."""

    task_id: str
    digest: str
    stratum: str
    passed: list[bool | None]
    """For each answer; None: could not be judged."""
    scores: dict[str, list[float | None]]
    """Reward → the score of each answer."""


@dataclass(frozen=True)
class Result:
    """One evaluation, measured."""

    settings: dict[str, Any]
    """Model, data, sampling, versions: what a person or a program needs to do it again."""
    passing: list[str]
    """The rewards that decide what passes: `tests`, `label` or `similarity` (1.0); empty: none does."""
    metrics: Measured
    strata: dict[str, Measured]
    """Stratum → its metrics."""
    baselines: dict[str, Measured]
    """Baseline → its metrics on the same tasks."""
    tasks: list[TaskResult]
    confusion: Confusion | None = None
    """Which label was taken for which, where tasks have labels."""


def completions_path(path: Path) -> Path:
    """Where the answers of the result at `path` are kept."""
    return path.with_suffix(".parquet")


def task_results(evaluation: Evaluation, tasks: Sequence[TaskRow]) -> list[TaskResult]:
    """The answers' numbers, by task."""
    digests = {task["task_id"]: task_digest(task) for task in tasks}
    return [_task_result(answers, digests[answers[0].task_id]) for answers in evaluation.tasks()]


def passing_rewards(evaluation: Evaluation) -> list[str]:
    """The rewards that decide what passes, over all tasks."""
    return sorted({answer.pass_reward for answer in evaluation.answered} - {""})


def task_digest(task: TaskRow) -> str:
    """Changes whenever anything of the task does."""
    return hashlib.sha256(json.dumps(task, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def check_place(flag: str, path: Path, ending: str, *others: Path) -> None:
    """Refuse a place that cannot be written to, or holds something, before anything is generated. Raises ConfigError."""
    if path.suffix != ending:
        raise ConfigError(f"{flag} {path}: the name must end in {ending}")
    for taken in (path, *others):
        if taken.exists():
            raise ConfigError(f"{flag} {path}: {taken} is there already; choose another name, or remove it first")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        is_writable = os.access(path.parent, os.W_OK)
    except OSError as error:
        raise ConfigError(f"{flag} {path}: {path.parent} cannot be made ({error.strerror or error})") from error
    if not is_writable:
        raise ConfigError(f"{flag} {path}: {path.parent} cannot be written to")


def write_result(result: Result, evaluation: Evaluation, path: Path) -> None:
    """Write the answers, then the result: each aside, then renamed, so that a result's answers are always there.

    Raises RunError if it cannot be written.
    """
    try:
        write_answers(evaluation, completions_path(path))
        values = {"format": FORMAT, **dataclasses.asdict(result), "completions": completions_path(path).name}
        write_aside(path, json.dumps(_without_nan(values), indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({error.strerror or error})") from error


def read_result(path: Path) -> Result:
    """The result that `write_result` wrote. Raises RunError if there is none, or it is damaged or of another version."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["format"] != FORMAT:
            raise RunError(f"{path}: a result of format {values['format']}; this version reads {FORMAT}")
        return Result(
            settings=values["settings"],
            passing=values["passing"],
            metrics=_measured(values["metrics"]),
            strata={name: _measured(inner) for name, inner in values["strata"].items()},
            baselines={name: _measured(inner) for name, inner in values["baselines"].items()},
            tasks=[TaskResult(**task) for task in values["tasks"]],
            confusion=Confusion(**values["confusion"]) if values.get("confusion") else None,
        )
    except OSError as error:
        raise RunError(f"{path}: cannot be read ({error.strerror}); name a result that `crrl eval` wrote") from error
    except KeyError as error:
        raise RunError(f"{path} is no result of `crrl eval`: it has no {error}") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise RunError(f"{path} is no result of `crrl eval`: {error}") from error


def _task_result(answers: Sequence[Answered], digest: str) -> TaskResult:
    return TaskResult(
        task_id=answers[0].task_id,
        digest=digest,
        stratum=answers[0].stratum,
        passed=[answer.passed for answer in answers],
        scores={name: [answer.scores[name] for answer in answers] for name in answers[0].scores},
    )


def _measured(values: Mapping[str, Any]) -> Measured:
    return {
        name: Estimate(**{**inner, **{key: _number(inner[key]) for key in _NUMBERS}}) for name, inner in values.items()
    }


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _without_nan(value: Any) -> Any:
    """NaN as null, which every JSON reader takes."""
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and math.isnan(value) else value
