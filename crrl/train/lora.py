"""LoRA, or none: what a rank of 0 means is decided here and nowhere else."""

from __future__ import annotations

from typing import Any

from peft import LoraConfig, PeftModel

from crrl.config import RunConfig


def lora_config(config: RunConfig) -> LoraConfig | None:
    """The adapter to train; None: every weight is trained."""
    lora = config.lora
    if lora.rank == 0:
        return None
    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules="all-linear" if lora.target_modules == ("all-linear",) else list(lora.target_modules),
        task_type="CAUSAL_LM",
    )


def merged(model: Any) -> Any:
    """The model with its adapter folded into the weights; a model without one as it is."""
    return model.merge_and_unload() if isinstance(model, PeftModel) else model
