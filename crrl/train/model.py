"""Models and tokenizers by name, and greedy answers from them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase

from crrl.errors import ConfigError
from crrl.schema import Prompt
from crrl.train.tiny import TINY, build_tiny_model


def model_folder(name: str, seed: int) -> str:
    """What transformers loads: the folder of the built-in tiny model, or the name (a hub's, or a folder's) itself."""
    return str(build_tiny_model(seed)) if name == TINY else name


def load_model(name_or_folder: str | Path, dtype: str) -> Any:
    """A causal language model in `dtype` (float32, bfloat16). Raises ConfigError if there is none of that name."""
    try:
        return AutoModelForCausalLM.from_pretrained(str(name_or_folder), dtype=getattr(torch, dtype))
    except (OSError, ValueError) as error:
        first = str(error).strip().splitlines()[0]
        raise ConfigError(
            f"cannot load the model {str(name_or_folder)!r}: {first}; give a folder with config.json and weights, "
            "or a name of the Hugging Face hub that this machine can reach or has cached"
        ) from error


def load_tokenizer(name_or_folder: str | Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a model, able to pad. Raises ConfigError if it has no chat template."""
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(str(name_or_folder))
    except (OSError, ValueError) as error:
        first = str(error).strip().splitlines()[0]
        raise ConfigError(f"cannot load the tokenizer of {str(name_or_folder)!r}: {first}") from error
    if tokenizer.chat_template is None:
        raise ConfigError(f"the tokenizer of {str(name_or_folder)!r} has no chat template; take the instruct variant")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def generate_greedily(
    model: Any, tokenizer: PreTrainedTokenizerBase, prompts: Sequence[Prompt], *, batch_size: int, max_new_tokens: int
) -> list[str]:
    """One completion a prompt, the likeliest token each time: the same for the same weights.

    Draws no random number, so that an evaluation in the middle of a run changes nothing after it.
    """
    completions: list[str] = []
    was_training = model.training
    model.eval()
    try:
        for start in range(0, len(prompts), batch_size):
            texts = [
                str(tokenizer.apply_chat_template(prompt, add_generation_prompt=True, tokenize=False))  # type: ignore[arg-type]
                for prompt in prompts[start : start + batch_size]
            ]
            batch = tokenizer(
                texts, return_tensors="pt", padding=True, padding_side="left", add_special_tokens=False
            ).to(model.device)
            with torch.inference_mode():
                output = model.generate(
                    **batch,
                    max_new_tokens=max_new_tokens,
                    do_sample=False,
                    pad_token_id=tokenizer.pad_token_id,
                    eos_token_id=tokenizer.eos_token_id,
                )
            new = output[:, batch["input_ids"].shape[1] :]
            completions += tokenizer.batch_decode(new, skip_special_tokens=True)
    finally:
        model.train(was_training)
    return completions
