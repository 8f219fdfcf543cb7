"""What the two stages of a run, warm start and reinforcement, share: a trainer that stops, resumes and tells.

The settings of both come from the same few fields, and both train through the same loop: HF's Trainer with our callback.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers.trainer_callback import PrinterCallback, ProgressCallback

from crrl.config import RunConfig
from crrl.report.run_folder import RunFolder
from crrl.train.callbacks import StepCallback
from crrl.train.checkpoints import last_complete, step_of
from crrl.train.interrupt import Stopped, StopRequest
from crrl.train.metrics_log import keep_until


def shared_arguments(config: RunConfig, output_dir: Path, *, is_tracked: bool) -> dict[str, Any]:
    """The fields of TrainingArguments that are the same in both stages."""
    return {
        "output_dir": str(output_dir),
        "seed": config.seed,
        "data_seed": config.seed,
        "use_cpu": config.cluster.gpus_per_node == 0,
        "bf16": config.grpo.dtype == "bfloat16" and config.cluster.gpus_per_node > 0,
        "report_to": ["wandb"] if is_tracked else [],
        "run_name": output_dir.parent.parent.name,
        "disable_tqdm": True,
        "logging_first_step": True,
        "save_strategy": "steps",
        "save_total_limit": 2,
        "dataloader_num_workers": 0,
        "dataloader_pin_memory": config.cluster.gpus_per_node > 0,
    }


def train_stage(trainer: Any, folder: RunFolder, callback: StepCallback, stage: str, stop: StopRequest) -> None:
    """Train to the end of a stage, from its last whole checkpoint if there is one.

    Raises Stopped when the run was asked to stop; then a checkpoint of the last step is written.
    """
    for printer in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(printer)  # our own progress replaces them
    trainer.add_callback(callback)
    checkpoint = last_complete(Path(trainer.args.output_dir))
    done = step_of(checkpoint) if checkpoint else 0
    keep_until(folder.metrics, stage, done)
    if checkpoint:
        print(f"{stage}: goes on after step {done}, from {checkpoint.name}", flush=True)
    folder.append_event("stage", stage=stage, step=done)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if stop and trainer.state.global_step < trainer.state.max_steps:
        raise Stopped(f"{stop.signal_name} at step {trainer.state.global_step} of {stage}")
