"""The warm start: imitation of demonstrations, so that reinforcement has something to choose from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import PreTrainedTokenizerBase
from trl.trainer.sft_config import SFTConfig

from crrl.config import RunConfig
from crrl.data.sources import toy
from crrl.errors import ConfigError
from crrl.evaluate.baselines import reference_answer
from crrl.report.heartbeat import Heartbeat
from crrl.report.run_folder import RunFolder
from crrl.schema import TaskRow
from crrl.train.callbacks import StepCallback
from crrl.train.checkpoints import is_complete, write_folder
from crrl.train.interrupt import StopRequest
from crrl.train.lora import lora_config
from crrl.train.model import load_model
from crrl.train.ranks import Ranks
from crrl.train.run_trainer import ImitationTrainer
from crrl.train.save import save_whole
from crrl.train.stages import shared_arguments, train_stage
from crrl.train.storage import writing

STAGE = "warm-start"


def warm_start(
    config: RunConfig,
    folder: RunFolder,
    model_folder: str,
    tokenizer: PreTrainedTokenizerBase,
    tasks: Dataset,
    stop: StopRequest,
    ranks: Ranks,
    heartbeat: Heartbeat,
) -> Path:
    """Train on demonstrations and keep the model, whole, in `checkpoints/warm-start`; done before, it is taken as it is.

    To be called on all ranks. Returns the folder of model and tokenizer. Raises Stopped when the run was asked to stop.
    """
    warm = folder.checkpoints / STAGE
    if ranks.any(is_complete(warm)):
        return warm
    arguments = sft_arguments(config, folder.checkpoints / "sft")
    trainer = ImitationTrainer(
        model=load_model(model_folder, config.grpo.dtype),
        args=arguments,
        train_dataset=demonstrations(config, tasks),
        processing_class=tokenizer,
        peft_config=lora_config(config),
        ranks=ranks,
        heartbeat=heartbeat,
    )
    callback = StepCallback(folder, STAGE, stop, ranks, heartbeat, forgotten=("num_tokens",))
    train_stage(trainer, folder, callback, STAGE, stop)

    with heartbeat.during("save the model"), writing(warm):
        write_folder(warm, lambda aside: save_whole(trainer, tokenizer, model_folder, config.grpo.dtype, aside), ranks)
    return warm


def sft_arguments(config: RunConfig, output_dir: Path) -> SFTConfig:
    """The run's settings as TRL wants them."""
    sft = config.sft
    return SFTConfig(
        **shared_arguments(config, output_dir),
        max_steps=sft.steps,
        per_device_train_batch_size=sft.batch_size,
        learning_rate=sft.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=sft.warmup_steps,
        weight_decay=sft.weight_decay,
        adam_beta2=0.95,
        max_grad_norm=config.grpo.max_grad_norm,
        gradient_checkpointing=config.grpo.gradient_checkpointing,
        logging_steps=10,
        save_steps=sft.save_steps,
        completion_only_loss=True,
        max_length=None,
        packing=False,
    )


def demonstrations(config: RunConfig, tasks: Dataset) -> Dataset:
    """Prompts with the answers to imitate: a hurried programmer's for the toy source, else the oracle's."""
    pairs = _toy_pairs(config) if config.data.source == "toy" else _oracle_answers(tasks)
    rows = [
        {"prompt": task["prompt"], "completion": [{"role": "assistant", "content": answer}]} for task, answer in pairs
    ]
    if not rows:
        raise ConfigError("the warm start has no demonstrations: no task has a reference; use --sft.enabled False")
    return Dataset.from_list(rows)


def _toy_pairs(config: RunConfig) -> Iterator[tuple[TaskRow, str]]:
    sft = config.sft
    return toy.demonstrations(rows=sft.rows, seed=config.seed, habit_share=sft.habit_share, kind=config.task)


def _oracle_answers(tasks: Any) -> Iterator[tuple[TaskRow, str]]:
    for task in tasks:
        answer = reference_answer(task)
        if answer is not None:
            yield task, answer
