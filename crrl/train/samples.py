"""Sampled completions kept as parquet, so that what a reward pays for can be read and not only plotted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from crrl.diffs import render_unified
from crrl.rewards.answers import answers_to
from crrl.schema import Completion
from crrl.tracking.samples import completions_path


def read_answers(rows: Sequence[Mapping[str, Any]], completions: Sequence[Completion]) -> dict[str, list[str]]:
    """What completions say, in parts: columns `task_id`, `thought` and `patch`.

    Args:
        rows: the task of each completion.
        completions: as many.

    Returns:
        `patch` is the change as a unified diff; empty for an answer that changes nothing, or does not apply.

    Cost: a diff of each changed file; parsing and applying were done for the rewards (crrl.rewards.answers).
    """
    answers = answers_to(completions, [row["files"] for row in rows], [bool(row.get("thought_opened")) for row in rows])
    return {
        "task_id": [str(row["task_id"]) for row in rows],
        "thought": [answer.reply.thought for answer in answers],
        "patch": [render_unified(answer.before, answer.changed) if answer.changed else "" for answer in answers],
    }


class SampleCallback(TrainerCallback):
    """Writes the completions of every n-th step, with their rewards, to `completions/step-<step>.parquet` (docs/metrics.md)."""

    def __init__(self, trainer: Any, folder: Path, every: int) -> None:
        self._trainer = trainer
        self._folder = folder
        self._every = every

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if state.is_world_process_zero and self._every and state.global_step % self._every == 0:
            self._write(state.global_step)

    def _write(self, step: int) -> None:
        import pyarrow as pa  # type: ignore[import-untyped]
        import pyarrow.parquet as pq  # type: ignore[import-untyped]

        # A private name of the pinned TRL: the only place that holds the texts of the last generated batch.
        logs = self._trainer._logs
        columns: dict[str, list[Any]] = {"prompt": list(logs["prompt"]), "completion": list(logs["completion"])}
        columns |= {name: list(values) for name, values in logs["extra"].items()}
        columns |= {name: list(scores) for name, scores in logs["rewards"].items()}
        columns["advantage"] = list(logs["advantages"])
        self._folder.mkdir(parents=True, exist_ok=True)
        path = completions_path(self._folder, step)
        aside = path.with_suffix(".aside")
        pq.write_table(pa.table(columns), aside)
        aside.replace(path)
