"""Every setting reaches TRL under its own name."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from crrl.config import RunConfig, from_dict
from crrl.train.grpo import grpo_arguments
from crrl.train.sft import sft_arguments

SETTINGS = {
    "seed": 7,
    "rewards": {"tests": 0.75, "format": 0.25},
    "sft": {
        "steps": 11,
        "batch_size": 6,
        "gradient_accumulation": 3,
        "learning_rate": 0.002,
        "warmup_steps": 3,
        "weight_decay": 0.3,
        "save_steps": 5,
        "packing": True,
        "max_length": 99,
    },
    "grpo": {
        "steps": 13,
        "learning_rate": 0.003,
        "lr_scheduler": "cosine",
        "warmup_steps": 4,
        "num_generations": 4,
        "per_device_batch_size": 8,
        "gradient_accumulation": 2,
        "generation_batch_size": 32,
        "num_iterations": 2,
        "max_completion_length": 77,
        "temperature": 0.8,
        "top_p": 0.9,
        "top_k": 40,
        "min_p": 0.05,
        "repetition_penalty": 1.1,
        "beta": 0.04,
        "epsilon": 0.1,
        "epsilon_high": 0.28,
        "loss_type": "dr_grpo",
        "scale_rewards": "none",
        "mask_truncated_completions": True,
        "importance_sampling": "token_truncate",
        "importance_sampling_cap": 2.5,
        "weight_decay": 0.2,
        "adam_beta1": 0.8,
        "adam_beta2": 0.97,
        "max_grad_norm": 0.5,
        "dtype": "float32",
        "gradient_checkpointing": False,
        "use_vllm": False,
        "logging_steps": 2,
        "save_steps": 12,
    },
}
TRL_NAMES = {
    "steps": "max_steps",
    "lr_scheduler": "lr_scheduler_type",
    "per_device_batch_size": "per_device_train_batch_size",
    "gradient_accumulation": "gradient_accumulation_steps",
    "importance_sampling": "vllm_importance_sampling_mode",
    "importance_sampling_cap": "vllm_importance_sampling_clip_max",
}
NOT_TRLS = {"dtype", "keep_completions_every", "overlap"}
"""The model's weights are loaded by us; completions are kept by a callback, and drawn ahead by crrl.train.rollout."""


@pytest.fixture
def config() -> RunConfig:
    return from_dict(SETTINGS)


def test_every_grpo_setting_reaches_trl(config: RunConfig, tmp_path: Path) -> None:
    arguments = grpo_arguments(config, tmp_path / "r" / "checkpoints" / "grpo")
    for field in dataclasses.fields(config.grpo):
        if field.name not in NOT_TRLS:
            assert field.name in SETTINGS["grpo"], f"no value of {field.name} is tried here"
            assert getattr(arguments, TRL_NAMES.get(field.name, field.name)) == SETTINGS["grpo"][field.name], field.name
    assert arguments.reward_weights == [0.75, 0.25]
    assert arguments.seed == arguments.data_seed == 7
    assert arguments.use_cpu
    assert not arguments.bf16
    assert arguments.report_to == []
    assert arguments.disable_dropout


def test_every_warm_start_setting_reaches_trl(config: RunConfig, tmp_path: Path) -> None:
    arguments = sft_arguments(config, tmp_path / "r" / "checkpoints" / "sft")
    assert arguments.max_steps == 11
    assert arguments.per_device_train_batch_size == 6
    assert arguments.gradient_accumulation_steps == 3
    assert arguments.learning_rate == 0.002
    assert arguments.warmup_steps == 3
    assert arguments.weight_decay == 0.3
    assert arguments.save_steps == 5
    assert arguments.packing and arguments.padding_free
    assert arguments.max_length == 99
    assert arguments.completion_only_loss


def test_zero_means_off(tmp_path: Path) -> None:
    arguments = grpo_arguments(RunConfig(), tmp_path / "r" / "checkpoints" / "grpo")
    assert arguments.min_p is None
    assert arguments.epsilon_high in (None, arguments.epsilon)
