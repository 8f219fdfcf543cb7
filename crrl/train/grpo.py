"""Reinforcement: TRL's GRPOTrainer with our rewards. One function translates the run's settings."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import PreTrainedTokenizerBase
from trl.trainer.grpo_config import GRPOConfig

from crrl.config import RunConfig, steps_of_a_batch, training_dtype
from crrl.report.heartbeat import Heartbeat
from crrl.report.run_folder import RunFolder
from crrl.rewards import HEAD_STARTS, REWARDS
from crrl.train.callbacks import StepCallback
from crrl.train.clock import StepClock
from crrl.train.interrupt import StopRequest
from crrl.train.lora import lora_config
from crrl.train.model import load_model
from crrl.train.ranks import Ranks
from crrl.train.run_trainer import ReinforcementTrainer
from crrl.train.samples import SampleCallback
from crrl.train.served import serve_trainer
from crrl.train.stages import shared_arguments, train_stage

STAGE = "grpo"


def build_trainer(
    config: RunConfig,
    folder: RunFolder,
    model_folder: Path | str,
    tokenizer: PreTrainedTokenizerBase,
    tasks: Dataset,
    ranks: Ranks,
    heartbeat: Heartbeat,
) -> ReinforcementTrainer:
    """The trainer of a run: the model, its tasks, and the rewards by name with their weights."""
    clock = StepClock()
    # The arguments first: with several processes they say that the model is loaded in parts.
    arguments = grpo_arguments(config, folder.checkpoints / "grpo")
    model = load_model(model_folder, training_dtype(config))
    trainer = ReinforcementTrainer(
        model=model,
        reward_funcs=[_told(REWARDS[name], name, heartbeat, clock) for name in config.rewards],
        args=arguments,
        train_dataset=tasks,
        processing_class=tokenizer,
        peft_config=lora_config(config, model),
        ranks=ranks,
        heartbeat=heartbeat,
        clock=clock,
    )
    trainer.head_starts = [HEAD_STARTS[name] for name in config.rewards if name in HEAD_STARTS]
    if config.grpo.use_vllm:
        serve_trainer(config, folder, trainer, tokenizer, tasks, model_folder)
    trainer.keep_completions_every = config.grpo.keep_completions_every
    trainer.add_callback(SampleCallback(trainer, folder.completions, config.grpo.keep_completions_every))
    return trainer


def reinforce(
    config: RunConfig,
    trainer: ReinforcementTrainer,
    folder: RunFolder,
    stop: StopRequest,
    evaluate: Callable[[int, bool], None],
) -> None:
    """Train to the last step, evaluating held-out tasks before and on the way; on all ranks.

    Raises Stopped when the run was asked to stop.
    """
    callback = StepCallback(
        folder,
        STAGE,
        stop,
        trainer.ranks,
        trainer.heartbeat,
        evaluate=evaluate,
        evaluate_every=config.eval.every_steps,
        stop_every=steps_of_a_batch(config),
    )
    train_stage(trainer, folder, callback, STAGE, stop)


def _told(reward: Callable[..., Any], name: str, heartbeat: Heartbeat, clock: StepClock) -> Callable[..., Any]:
    """A reward whose beginning and end heartbeat and clock are told: one that hangs is then known by name."""

    @wraps(reward)
    def told(*args: Any, **kwargs: Any) -> Any:
        with heartbeat.during(f"reward {name}"), clock.phase("reward"):
            return reward(*args, **kwargs)

    return told


def grpo_arguments(config: RunConfig, output_dir: Path) -> GRPOConfig:
    """Every setting of the run as TRL names it; `crrl.config.GrpoConfig` documents each."""
    grpo = config.grpo
    return GRPOConfig(
        **shared_arguments(config, output_dir),
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
        disable_dropout=True,  # each pass would have other probabilities than the draw and the pass before
        vllm_importance_sampling_mode=grpo.importance_sampling,
        vllm_importance_sampling_clip_max=grpo.importance_sampling_cap,
        reward_weights=list(config.rewards.values()),
        log_completions=False,  # it prints tables into the log; SampleCallback keeps the texts
        use_vllm=False,  # TRL would make a client of its own; crrl.train.served attaches ours
        shuffle_dataset=True,
    )
