"""What happens between the steps of a trainer: metrics, progress, held-out evaluation, marks, and stopping."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from crrl.report.attempts import gpu_hours_of
from crrl.report.heartbeat import Heartbeat
from crrl.report.run_folder import RunFolder
from crrl.train.interrupt import StopRequest
from crrl.train.progress import Progress
from crrl.train.ranks import Ranks


class StepCallback(TrainerCallback):
    """One stage of a run, step by step, told to its folder and its log."""

    def __init__(
        self,
        folder: RunFolder,
        stage: str,
        stop: StopRequest,
        ranks: Ranks,
        heartbeat: Heartbeat,
        *,
        evaluate: Callable[[int, bool], None] | None = None,
        evaluate_every: int = 0,
        stop_every: int = 1,
        forgotten: tuple[str, ...] = (),
    ) -> None:
        """Args:
        evaluate: held-out evaluation after a step, and whether it may be given up for a request to stop: where a checkpoint
            of that step is written, which a resumed run goes on from. Called before the first step and after every
            `evaluate_every`, after its checkpoint; on all ranks.
        stop_every: steps that belong together; a run stops only after the last of them, or would not resume exactly.
        forgotten: metrics that the trainer counts anew after a resume, and that are therefore not noted.
        """
        self._folder = folder
        self._stage = stage
        self._stop = stop
        self._ranks = ranks
        self._heartbeat = heartbeat
        self._stop_every = stop_every
        self._evaluate = evaluate
        self._evaluate_every = evaluate_every
        self._forgotten = forgotten
        self._gpu_hours = gpu_hours_of(folder)
        self._progress: Progress | None = None

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._evaluate_if_due(args, state)
        self._progress = Progress(self._stage, state.max_steps, state.global_step, time.monotonic())
        self._heartbeat.enter(self._stage)

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._evaluate_if_due(args, state)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        self._heartbeat.done_step(state.global_step)
        if state.global_step % self._stop_every == 0 and self._ranks.any(bool(self._stop)):
            control.should_save = True
            control.should_training_stop = True
        return control

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        if not state.is_world_process_zero or not logs or "train_runtime" in logs:
            return
        measured = {
            name: float(value)
            for name, value in logs.items()
            if isinstance(value, (int, float)) and math.isfinite(value) and name not in self._forgotten
        }
        measured["gpu_hours"] = self._gpu_hours.now()
        self._folder.append_metrics(state.global_step, {"stage": self._stage, **measured})
        if self._progress is not None:
            self._progress.show(state.global_step, measured)

    def _evaluate_if_due(self, args: TrainingArguments, state: TrainerState) -> None:
        """Before a step, not after one: the checkpoint of that is written first."""
        step, every = state.global_step, self._evaluate_every
        is_due = step == 0 or (every > 0 and step % every == 0 and step < state.max_steps)
        if self._evaluate is not None and is_due:
            self._evaluate(step, step % int(args.save_steps) == 0)
