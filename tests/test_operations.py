"""What bench/gpu_train.py calls the operations of a token is what torch counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoModelForCausalLM

from bench.gpu_train import operations_of_token
from bench.random_model import Shape, write_model

LENGTH, TEXTS = 96, 2
SHAPES = {"tied": Shape(3, 64, 192, 2, 256), "not tied": Shape(3, 64, 192, 4, 256, key_value_heads=2, is_tied=False)}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("is_lora", [False, True])
def test_operations_of_a_token_are_what_torch_counts(tmp_path: Path, name: str, is_lora: bool) -> None:
    shape = SHAPES[name]
    weights = write_model(tmp_path, shape)
    model: Any = AutoModelForCausalLM.from_pretrained(str(tmp_path), attn_implementation="eager")
    if is_lora:  # what an adapter adds is small; that weights are frozen is what counts
        model.requires_grad_(False)
        model.enable_input_require_grads()
    counter: Any = FlopCounterMode(display=False)
    tokens = torch.randint(0, shape.vocabulary - 2, (TEXTS, LENGTH))
    with counter:
        model(input_ids=tokens, labels=tokens).loss.backward()
    # torch multiplies queries by all keys, later ones too, and counts that: here they count once more.
    later_keys = 3 * 2 * shape.layers * shape.hidden * LENGTH
    counted = counter.get_total_flops() / tokens.numel() - later_keys
    assert operations_of_token(shape, weights, LENGTH, is_lora=is_lora) == pytest.approx(counted, rel=0.01)
