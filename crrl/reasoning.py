"""Reasoning models think before they answer, and need room for it: a longer completion budget in the same memory."""

from __future__ import annotations

import re
from dataclasses import replace
from math import gcd

from crrl.config import RunConfig

BUDGET_FACTOR = 4
"""How many times as long their completions may be. The distilled R1 models think for some thousand tokens about a bug."""
_NAMES = re.compile(r"(?i)(?<![a-z])(r1|qwq|reason(er|ing)?|think(er|ing)?|magistral|openthinker)(?![a-z])")


def is_reasoning_model(name: str) -> bool:
    """Whether a model's name says that it thinks, as in DeepSeek-R1-Distill-Llama-8B or Qwen3-4B-Thinking-2507."""
    return _NAMES.search(name) is not None


def with_reasoning_budget(preset: RunConfig) -> RunConfig:
    """A preset for a reasoning model: longer completions, which servers have longer for, fewer at once, as many a step."""
    grpo = preset.grpo
    fewer = gcd(grpo.per_device_batch_size, BUDGET_FACTOR)
    return replace(
        preset,
        grpo=replace(
            grpo,
            max_completion_length=grpo.max_completion_length * BUDGET_FACTOR,
            per_device_batch_size=grpo.per_device_batch_size // fewer,
            gradient_accumulation=grpo.gradient_accumulation * fewer,
        ),
        serve=replace(preset.serve, request_s=preset.serve.request_s * BUDGET_FACTOR),
    )
