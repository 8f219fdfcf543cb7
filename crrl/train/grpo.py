"""Reinforcement: TRL's GRPOTrainer with our rewards. One function translates the run's settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import PreTrainedTokenizerBase
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from crrl.config import RunConfig
from crrl.report.run_folder import RunFolder
from crrl.rewards import REWARDS
from crrl.train.callbacks import StepCallback
from crrl.train.interrupt import StopRequest
from crrl.train.lora import lora_config, merged
from crrl.train.model import load_model
from crrl.train.samples import SampleCallback
from crrl.train.stages import shared_arguments, train_stage

STAGE = "reinforce"


def build_trainer(
    config: RunConfig,
    folder: RunFolder,
    model_folder: Path | str,
    tokenizer: PreTrainedTokenizerBase,
    tasks: Dataset,
    *,
    is_tracked: bool,
) -> GRPOTrainer:
    """The trainer of a run: the model, its tasks, and the rewards by name with their weights."""
    trainer = GRPOTrainer(
        model=load_model(model_folder, config.grpo.dtype),
        reward_funcs=[REWARDS[name] for name in config.rewards],
        args=grpo_arguments(config, folder.checkpoints / "grpo", is_tracked=is_tracked),
        train_dataset=tasks,
        processing_class=tokenizer,
        peft_config=lora_config(config),
    )
    trainer.add_callback(SampleCallback(trainer, folder.completions, config.grpo.keep_completions_every))
    return trainer


def reinforce(
    trainer: GRPOTrainer, folder: RunFolder, stop: StopRequest, evaluate: Callable[[int], None], every: int
) -> None:
    """Train to the last step, evaluating held-out tasks on the way. Raises Stopped when the run was asked to stop."""
    callback = StepCallback(folder, STAGE, stop, evaluate=evaluate, evaluate_every=every)
    train_stage(trainer, folder, callback, STAGE, stop)


def grpo_arguments(config: RunConfig, output_dir: Path, *, is_tracked: bool) -> GRPOConfig:
    """Every setting of the run as TRL names it; `crrl.config.GrpoConfig` documents each."""
    grpo = config.grpo
    return GRPOConfig(
        **shared_arguments(config, output_dir, is_tracked=is_tracked),
        max_steps=grpo.steps,
        learning_rate=grpo.learning_rate,
        lr_scheduler_type=grpo.lr_scheduler,
        warmup_steps=grpo.warmup_steps,
        weight_decay=grpo.weight_decay,
        adam_beta1=grpo.adam_beta1,
        adam_beta2=grpo.adam_beta2,
        max_grad_norm=grpo.max_grad_norm,
        gradient_checkpointing=grpo.gradient_checkpointing,
        logging_steps=grpo.logging_steps,
        save_steps=grpo.save_steps,
        per_device_train_batch_size=grpo.per_device_batch_size,
        gradient_accumulation_steps=grpo.gradient_accumulation,
        num_generations=grpo.num_generations,
        generation_batch_size=grpo.generation_batch_size or None,
        num_iterations=grpo.num_iterations,
        max_completion_length=grpo.max_completion_length,
        temperature=grpo.temperature,
        top_p=grpo.top_p,
        top_k=grpo.top_k,
        min_p=grpo.min_p or None,
        repetition_penalty=grpo.repetition_penalty,
        beta=grpo.beta,
        epsilon=grpo.epsilon,
        epsilon_high=grpo.epsilon_high or None,
        loss_type=grpo.loss_type,
        scale_rewards=grpo.scale_rewards,
        mask_truncated_completions=grpo.mask_truncated_completions,
        reward_weights=list(config.rewards.values()),
        log_completions=False,  # it prints tables into the log; SampleCallback keeps the texts
        use_vllm=grpo.use_vllm,
        shuffle_dataset=True,
    )


def save_model(trainer: GRPOTrainer, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write the trained model, adapter folded in, with its tokenizer: a folder that transformers and vLLM load."""
    merged(trainer.accelerator.unwrap_model(trainer.model)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def trained_model(trainer: GRPOTrainer) -> Any:
    """The model as it stands, for generation."""
    return trainer.accelerator.unwrap_model(trainer.model)
