"""Models and tokenizers by name or folder, whole or as an adapter on another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase

from crrl.chat import end_with_turn, fit_template
from crrl.errors import ConfigError
from crrl.evaluate.model_place import ModelPlace
from crrl.schema import Kind
from crrl.train.tiny import TINY, build_tiny_model

_OTHERS = (
    "give a folder with config.json, tokenizer and weights, or a name of the Hugging Face hub that this machine can reach or "
    "has in its cache (hf download NAME, where there is a network, puts it there)"
)


def model_folder(name: str, seed: int, task: Kind = "repair") -> str:
    """What transformers loads: the folder of the built-in tiny model, or the name (a hub's, or a folder's) itself."""
    return str(build_tiny_model(seed, task)) if name == TINY else name


def load_model(name_or_folder: str | Path, dtype: str) -> Any:
    """A causal language model in `dtype` (float32, bfloat16). Raises ConfigError if there is none of that name."""
    try:
        return AutoModelForCausalLM.from_pretrained(str(name_or_folder), dtype=getattr(torch, dtype))
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot load the model {str(name_or_folder)!r}: {_first_line(error)}; {_OTHERS}") from error


def context_of(name_or_folder: str | Path) -> int | None:
    """The longest context that a model was made for, in tokens; None if its config does not say. Loads no weights."""
    config = AutoConfig.from_pretrained(str(name_or_folder)).get_text_config()
    return getattr(config, "max_position_embeddings", None)


def load_tokenizer(name_or_folder: str | Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a model, able to pad, to take our prompts, and to end with a turn.

    Raises ConfigError if it has no chat template.
    """
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(str(name_or_folder))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"cannot load the tokenizer of {str(name_or_folder)!r}: {_first_line(error)}; {_OTHERS}"
        ) from error
    fit_template(tokenizer, str(name_or_folder))
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    end_with_turn(tokenizer)
    return tokenizer


def load_trained(place: ModelPlace, dtype: str, device: str) -> tuple[Any, PreTrainedTokenizerBase]:
    """A model as a run, a checkpoint or a hub holds it, with its tokenizer, ready to generate.

    An adapter stays apart from the weights under it, as it was while it was trained: folding it in would round.
    Raises ConfigError if a part of it cannot be loaded.
    """
    tokenizer = load_tokenizer(model_folder(place.tokenizer_source, place.seed, place.task))
    model = load_model(model_folder(place.base, place.seed, place.task), dtype)
    if place.adapter:
        model = _with_adapter(model, place.adapter)
    return model.to(device), tokenizer


def _with_adapter(model: Any, folder: Path) -> Any:
    from peft import PeftModel

    try:
        return PeftModel.from_pretrained(model, str(folder))
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        first = str(error).strip().splitlines()[0]
        raise ConfigError(f"cannot load the adapter {folder}: {first}; does it belong to this model?") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")
