"""Adapters lie where text passes through, whatever else a model has."""

from __future__ import annotations

from typing import Any

import pytest
from peft import get_peft_model
from transformers import AutoModelForCausalLM, Gemma3Config, Qwen2Config

from crrl.config import LoraConfig, RunConfig
from crrl.train.lora import lora_config

_TEXT = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
_IMAGES = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 28,
}
_GEMMA = Gemma3Config(
    text_config={**_TEXT, "num_key_value_heads": 1, "head_dim": 16},
    vision_config={**_IMAGES, "patch_size": 14},
    mm_tokens_per_image=4,
)
_LAYERS = "self_attn.q_proj self_attn.k_proj self_attn.v_proj self_attn.o_proj mlp.gate_proj mlp.up_proj mlp.down_proj"


@pytest.mark.parametrize(
    ("settings", "place"),
    [(Qwen2Config(**_TEXT, num_key_value_heads=1), "model"), (_GEMMA, "model.language_model")],
)
@pytest.mark.parametrize("targets", [("all-linear",), ("q_proj", "v_proj")])
def test_adapters_lie_on_the_layers_of_text_and_nowhere_else(
    settings: Any, place: str, targets: tuple[str, ...]
) -> None:
    model: Any = AutoModelForCausalLM.from_config(settings)
    wanted = lora_config(RunConfig(lora=LoraConfig(rank=2, target_modules=targets)), model)
    policy: Any = get_peft_model(model, wanted)
    named = [name for name in _LAYERS.split() if targets == ("all-linear",) or name.endswith(targets)]
    assert {name for name, module in policy.base_model.model.named_modules() if hasattr(module, "lora_A")} == {
        f"{place}.layers.{layer}.{name}" for layer in range(2) for name in named
    }
