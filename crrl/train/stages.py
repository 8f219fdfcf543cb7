"""What the two stages of a run, warm start and reinforcement, share: a trainer that stops, resumes and tells.

The settings of both come from the same few fields, and both train through the same loop: HF's Trainer with our callback.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers.trainer_callback import PrinterCallback, ProgressCallback

from crrl.config import RunConfig
from crrl.errors import RunError
from crrl.report.metrics_log import keep_until
from crrl.report.run_folder import RunFolder
from crrl.train.callbacks import StepCallback
from crrl.train.checkpoints import last_sound, step_of
from crrl.train.distribution import note_distribution
from crrl.train.interrupt import Stopped, StopRequest

PROCESS_GROUP_TIMEOUT_S = 7 * 24 * 3600
"""Ranks wait for each other as long as it takes; who waits too long, and for whom, is the watchdog's to say."""


def shared_arguments(config: RunConfig, output_dir: Path) -> dict[str, Any]:
    """The fields of TrainingArguments that are the same in both stages."""
    return {
        "output_dir": str(output_dir),
        "seed": config.seed,
        "data_seed": config.seed,
        "use_cpu": config.cluster.gpus_per_node == 0,
        "bf16": config.grpo.dtype == "bfloat16" and config.cluster.gpus_per_node > 0,
        "report_to": [],  # W&B reads metrics.jsonl (crrl.tracking)
        "run_name": output_dir.parent.parent.name,
        "disable_tqdm": True,
        "logging_first_step": True,
        "save_strategy": "steps",
        "save_total_limit": None,  # crrl.train.checkpoints removes old ones, once the new one is whole
        "ddp_timeout": PROCESS_GROUP_TIMEOUT_S,
        "dataloader_num_workers": 0,
        "dataloader_pin_memory": config.cluster.gpus_per_node > 0,
    }


def train_stage(trainer: Any, folder: RunFolder, callback: StepCallback, stage: str, stop: StopRequest) -> None:
    """Train to the end of a stage, from its last sound checkpoint if there is one; on all ranks.

    Raises Stopped when the run was asked to stop; then a checkpoint of the last step is written.
    """
    for printer in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(printer)  # our own progress replaces them
    trainer.add_callback(callback)
    note_distribution(trainer.accelerator, folder, trainer.ranks, stage)
    with trainer.heartbeat.during("look for a checkpoint"):
        checkpoint = last_sound(Path(trainer.args.output_dir), trainer.ranks)
    done = trainer.resumed_at = step_of(checkpoint) if checkpoint else 0
    if trainer.ranks.is_first:
        keep_until(folder.metrics, stage, done)
        folder.append_event("stage", stage=stage, step=done)
        if checkpoint:
            print(f"{stage}: goes on after step {done}, from {checkpoint.name}", flush=True)
    with trainer.heartbeat.during("prepare"):
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if trainer.state.global_step < trainer.state.max_steps:
        if not trainer.ranks.any(bool(stop)):
            raise RunError(
                f"{stage} ended after step {trainer.state.global_step} of {trainer.state.max_steps}, and nobody had asked for it"
            )
        raise Stopped(f"{stop.signal_name or 'a request'} at step {trainer.state.global_step} of {stage}")
