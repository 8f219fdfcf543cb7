"""LoRA, or none: what a rank of 0 means is decided here and nowhere else."""

from __future__ import annotations

import re
from typing import Any

from peft import LoraConfig, PeftModel
from transformers import PreTrainedTokenizerBase

from crrl.config import RunConfig
from crrl.train.generate import end_tokens


def lora_config(config: RunConfig, model: Any) -> LoraConfig | None:
    """The adapter to train on a model; None: every weight is trained."""
    lora = config.lora
    if lora.rank == 0:
        return None
    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules="all-linear" if lora.target_modules == ("all-linear",) else list(lora.target_modules),
        exclude_modules=_beside_text(model),
        task_type="CAUSAL_LM",
    )


def _beside_text(model: Any) -> str | None:
    """What no text passes through, as a pattern of modules' names: Gemma 3's image encoder, whose layers are named alike."""
    text = model.get_decoder()
    place = next(name for name, module in model.named_modules() if module is text)
    around, _, _ = place.rpartition(".")
    beside = [name for name, _ in model.get_submodule(around).named_children() if f"{around}.{name}" != place]
    return rf"{re.escape(around)}\.({'|'.join(map(re.escape, beside))})\..*" if around and beside else None


def merged(model: Any, tokenizer: PreTrainedTokenizerBase) -> Any:
    """The model with its adapter folded into the weights, ending where its trainer had it end; one without an adapter too."""
    whole = model.merge_and_unload() if isinstance(model, PeftModel) else model
    whole.generation_config.eos_token_id = end_tokens(whole, tokenizer)
    return whole
