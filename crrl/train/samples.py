"""Sampled completions kept as parquet, so that what a reward pays for can be read and not only plotted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


class SampleCallback(TrainerCallback):
    """Writes the completions of every n-th step, with their rewards, to `completions/step-<step>.parquet`."""

    def __init__(self, trainer: Any, folder: Path, every: int) -> None:
        self._trainer = trainer
        self._folder = folder
        self._every = every

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if state.is_world_process_zero and self._every and state.global_step % self._every == 0:
            self._write(state.global_step)

    def _write(self, step: int) -> None:
        import pyarrow as pa  # type: ignore[import-untyped]
        import pyarrow.parquet as pq  # type: ignore[import-untyped]

        # A private name of the pinned TRL: the only place that holds the texts of the last generated batch.
        logs = self._trainer._logs
        columns: dict[str, list[Any]] = {"prompt": list(logs["prompt"]), "completion": list(logs["completion"])}
        columns |= {name: list(scores) for name, scores in logs["rewards"].items()}
        columns["advantage"] = list(logs["advantages"])
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"step-{step:06d}.parquet"
        aside = path.with_suffix(".aside")
        pq.write_table(pa.table(columns), aside)
        aside.replace(path)
