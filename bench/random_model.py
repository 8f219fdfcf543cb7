"""Qwen2 models of random weights for benchmarks, in sizes from a million parameters on, with a tokenizer of plain words."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, NamedTuple


class Shape(NamedTuple):
    """One size. Heads have 64 numbers, in the smallest 32; those of real models 128."""

    layers: int
    hidden: int
    inner: int
    heads: int
    vocabulary: int = 512
    key_value_heads: int = 0
    """0: as many as heads."""
    is_tied: bool = True
    """Whether the output layer is the embedding."""


SHAPES = {
    "1M": Shape(4, 128, 512, 4),
    "10M": Shape(6, 384, 1152, 6),
    "100M": Shape(11, 768, 3072, 12),
    "600M": Shape(21, 1344, 5376, 21),
    # Qwen2.5-Coder's, by its config.json of the same sizes.
    "1.5B": Shape(28, 1536, 8960, 12, 151936, key_value_heads=2),
    "7B": Shape(28, 3584, 18944, 28, 152064, key_value_heads=4, is_tied=False),
}


def write_model(folder: Path, shape: Shape, *, context: int = 2048, dtype: str = "float32", device: str = "cpu") -> int:
    """Draw a model, write it and its tokenizer into a folder; the number of its weights.

    The last token of the vocabulary ends a completion. Random weights make nearly uniform distributions, so with V words
    completions are of V tokens on average, and geometrically distributed. `device`: where the weights are drawn.
    """
    import torch
    import transformers

    torch.manual_seed(1)
    auto: Any = transformers.AutoModelForCausalLM
    config: Any = transformers.Qwen2Config
    with torch.device(device):
        model = auto.from_config(
            config(
                vocab_size=shape.vocabulary,
                hidden_size=shape.hidden,
                intermediate_size=shape.inner,
                num_hidden_layers=shape.layers,
                num_attention_heads=shape.heads,
                num_key_value_heads=shape.key_value_heads or shape.heads,
                max_position_embeddings=context,
                tie_word_embeddings=shape.is_tied,
                bos_token_id=None,
                eos_token_id=shape.vocabulary - 1,
                pad_token_id=shape.vocabulary - 2,
            ),
            dtype=getattr(torch, dtype),
        )
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    _tokenizer(shape.vocabulary, context).save_pretrained(folder)
    return int(sum(weight.numel() for weight in model.parameters()))


def words_of(folder: Path) -> Any:
    """The tokenizer of such a model. By Qwen2's own name another one would be made of its files."""
    from transformers import PreTrainedTokenizerFast

    tokenizers: Any = PreTrainedTokenizerFast
    return tokenizers.from_pretrained(folder)


def tasks_of(count: int, words: int) -> Any:
    """A dataset of tasks whose prompts are so many words long, the same every time."""
    from datasets import Dataset

    draws = random.Random(1)
    prompts = [" ".join(f"w{draws.randrange(64)}" for _ in range(words)) for _ in range(count)]
    return Dataset.from_dict({"prompt": prompts, "files": [[{"path": "f.py", "text": "x = 0\n"}]] * count})


def _tokenizer(vocabulary: int, context: int) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = {f"w{number}": number for number in range(vocabulary - 2)} | {"PAD": vocabulary - 2, "END": vocabulary - 1}
    tokenizer: Any = Tokenizer(models.WordLevel(words, unk_token="w0"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    wrapped: Any = PreTrainedTokenizerFast
    return wrapped(tokenizer_object=tokenizer, eos_token="END", pad_token="PAD", model_max_length=context)
