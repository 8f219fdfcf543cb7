"""The arithmetic in the comments of the presets holds for their settings."""

from __future__ import annotations

import re

import pytest

from crrl.config import JOBS, RunConfig, groups_of_a_batch, load_preset, time_limit_minutes

OPERATIONS = 8
"""A token and parameter, with LoRA: 2 forward, 2 forward again for checkpointing, 2 back, 2 for the old log-probabilities."""
WEIGHTS_GB = 65.5
"""Of the model of `large`, in bfloat16."""
CACHE_BYTES = 2 * 64 * 8 * 128 * 2
"""Of one token of it: keys and values of 64 layers, 8 heads of 128, in bfloat16."""
A_GPU_GB = 80


def comment_of(size: str) -> str:
    lines = (JOBS / f"{size}.yaml").read_text().splitlines()
    return " ".join(line.lstrip("# ") for line in lines if line.startswith("#"))


@pytest.mark.parametrize("size", ["small", "medium", "large"])
def test_the_hours_of_a_preset_follow_from_its_step_and_fit_its_time_limit(size: str) -> None:
    preset, comment = load_preset(size), comment_of(size)
    (step,) = re.findall(
        r"trains (\d+) x ([\d,]+) tokens x (\d+) x ([\d.e]+) = ([\d.e]+) operations, (\d+) s at (\d+) % of (\d+ |an )[AH]100 "
        r"\((\d+e12)\), and generates in about (\d+) s",
        comment,
    )
    completions, tokens, operations = int(step[0]), int(step[1].replace(",", "")), int(step[2])
    gpus = int(step[7]) if step[7].strip().isdecimal() else 1
    assert completions == groups_of_a_batch(preset) * preset.grpo.num_generations
    assert operations == OPERATIONS
    work = completions * tokens * operations * float(step[3])
    assert work == pytest.approx(float(step[4]), rel=0.02)
    assert work / (int(step[6]) / 100 * gpus * float(step[8])) == pytest.approx(int(step[5]), rel=0.02)
    (told,) = re.findall(rf"about (\d+) hours for {preset.grpo.steps} steps", comment)
    hours = preset.grpo.steps * (int(step[5]) + int(step[9])) / 3600
    assert hours == pytest.approx(int(told), rel=0.03)
    # Starting, evaluating and checkpoints need a tenth more, with room to spare.
    assert time_limit_minutes(preset.cluster.time) / 60 > 1.15 * hours


@pytest.mark.parametrize("size", ["small", "medium", "large"])
def test_presets_train_adapters_at_ten_times_the_rate_of_whole_models(size: str) -> None:
    preset, whole = load_preset(size), RunConfig()
    assert preset.lora.rank and not whole.lora.rank
    assert preset.grpo.learning_rate == pytest.approx(10 * whole.grpo.learning_rate)
    assert preset.sft.learning_rate == pytest.approx(10 * whole.sft.learning_rate)


def test_held_out_answers_of_large_fit_a_gpu_that_holds_all_weights() -> None:
    preset = load_preset("large")
    tokens = preset.data.max_prompt_tokens + preset.grpo.max_completion_length
    assert WEIGHTS_GB * (1 + 1 / 16) + preset.eval.batch_size * tokens * CACHE_BYTES / 1e9 < 0.95 * A_GPU_GB
