"""Held-out evaluation: one greedy answer a task, scored by the rewards, kept as rows that a person can read.

How answers are generated is the caller's: a function from prompts to texts. So this module needs no model library.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from crrl.errors import RunError
from crrl.rewards import REWARDS
from crrl.schema import FileRow, Prompt, TaskRow

Generate = Callable[[Sequence[Prompt]], list[str]]
"""N prompts → N completions."""


@dataclass(frozen=True)
class Answered:
    """One held-out task, the model's answer, and each reward's score (None: could not be judged)."""

    task_id: str
    completion: str
    scores: dict[str, float | None]
    files: list[FileRow]
    reference: list[FileRow]


@dataclass(frozen=True)
class Evaluation:
    """What a model did on held-out tasks at one step of its run."""

    step: int
    answered: list[Answered]

    def mean(self, reward: str) -> float:
        """The mean score in [0, 1] over the answers that could be judged; NaN if none could."""
        scores = [score for answer in self.answered if (score := answer.scores[reward]) is not None]
        return sum(scores) / len(scores) if scores else float("nan")

    @property
    def rewards(self) -> list[str]:
        """The names of the rewards, in the order they were asked for."""
        return list(self.answered[0].scores) if self.answered else []

    def means(self) -> dict[str, float]:
        """Reward → mean score, as metrics name them."""
        return {f"heldout/{name}": self.mean(name) for name in self.rewards}


def evaluate(tasks: Sequence[TaskRow], generate: Generate, rewards: Sequence[str], *, step: int) -> Evaluation:
    """Generate one answer a task and score it with every reward.

    Args:
        tasks: N task rows that training never saw.
        generate: the model, greedy: N prompts → N completions.
        rewards: names of `crrl.rewards.REWARDS`.
        step: the optimizer step that the model stands at.

    Cost: generation, and the rewards of N answers.
    """
    completions = generate([task["prompt"] for task in tasks])
    columns: dict[str, list[Any]] = {
        name: [task[name] for task in tasks] for name in ("files", "reference", "tests", "label")
    }
    scores = {name: REWARDS[name](completions, **columns) for name in rewards}
    return Evaluation(
        step,
        [
            Answered(
                task_id=task["task_id"],
                completion=completion,
                scores={name: values[index] for name, values in scores.items()},
                files=task["files"],
                reference=task["reference"],
            )
            for index, (task, completion) in enumerate(zip(tasks, completions, strict=True))
        ],
    )


def rewards_for(task: TaskRow) -> list[str]:
    """The rewards that can judge a task: by what its row holds."""
    if task["kind"] == "classify":
        return ["label"]
    tests = ["tests"] if task["tests"]["command"] else []
    reference = ["similarity"] if task["reference"] else []
    return [*tests, "format", *reference, "applies", "syntax"]


def evaluation_path(folder: Path, step: int) -> Path:
    """Where the evaluation of a step is kept in a run's `completions/`."""
    return folder / f"heldout-{step:06d}.parquet"


def write_evaluation(evaluation: Evaluation, folder: Path) -> None:
    """Keep an evaluation as parquet: written aside, then renamed."""
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    folder.mkdir(parents=True, exist_ok=True)
    path = evaluation_path(folder, evaluation.step)
    aside = path.with_suffix(".aside")
    pq.write_table(pa.Table.from_pylist([asdict(answer) for answer in evaluation.answered]), aside)
    aside.replace(path)


def read_evaluations(folder: Path) -> list[Evaluation]:
    """Every evaluation that a run kept, by step. Raises RunError for one that cannot be read."""
    return [_read(path) for path in sorted(folder.glob("heldout-*.parquet"))]


def _read(path: Path) -> Evaluation:
    import pyarrow.parquet as pq

    try:
        rows = pq.read_table(path).to_pylist()
        return Evaluation(int(path.stem.rpartition("-")[2]), [Answered(**row) for row in rows])
    except (OSError, ValueError, TypeError) as error:
        raise RunError(f"{path} is no evaluation of a run: {error}") from error
