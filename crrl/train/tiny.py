"""The model `tiny`: a Qwen2 of about a million parameters and its tokenizer, made on the spot for the toy source.

It is the real architecture with a real byte-level tokenizer, so everything that trains it trains a large model as well.
Weights are drawn from the run's seed; the first build takes a few seconds and is kept in the cache.
"""

from __future__ import annotations

import hashlib
import itertools
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crrl.cache import cache_root
from crrl.data.sources import toy
from crrl.schema import Kind

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TINY = "tiny"
"""The name that stands for this model wherever a model is named."""
VOCABULARY = 512
LAYERS = 4
HIDDEN = 128
HEADS = 4
CONTEXT = 512
"""Tokens of prompt and completion together."""
TOKENIZER_TEXTS = 4000
START, END, PAD = "<|im_start|>", "<|im_end|>", "<|endoftext|>"

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def build_tiny_model(seed: int, task: Kind = "repair") -> Path:
    """The folder of the model and of the tokenizer for a kind of toy task, from the cache or built.

    Cost: 3 s the first time, for each seed and kind.
    """
    folder = cache_root() / f"tiny-{_recipe()}-{task}-{seed}"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".tiny-", dir=folder.parent))
    try:
        tokenizer = _train_tokenizer(task)
        tokenizer.save_pretrained(aside)
        _draw_model(seed, tokenizer).save_pretrained(aside)
        aside.chmod(0o755)
        aside.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another run built the same one first
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder


def _recipe() -> str:
    """Changes whenever this file or the toy grammar does, so that no stale model is taken from the cache."""
    files = sorted(Path(toy.__file__).parent.glob("*.py"))
    sources = "".join(file.read_text() for file in (*files, Path(__file__)))
    return hashlib.sha256(sources.encode()).hexdigest()[:12]


def _train_tokenizer(task: Kind) -> PreTrainedTokenizerBase:
    # A Qwen2Tokenizer, because transformers rebuilds that class's pre-tokenizer for `model_type: qwen2` whatever was
    # saved: any other class would split text differently after a reload.
    from transformers import Qwen2Tokenizer

    pairs = itertools.islice(toy.demonstrations(rows=TOKENIZER_TEXTS, seed=0, kind=task), TOKENIZER_TEXTS)
    texts = [f"{row['prompt'][0]['content']}\n{answer}" for row, answer in pairs]
    base: Any = Qwen2Tokenizer()
    tokenizer: Any = base.train_new_from_iterator(
        texts, VOCABULARY, new_special_tokens=[START, END], show_progress=False
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.eos_token = END
    tokenizer.pad_token = PAD
    tokenizer.model_max_length = CONTEXT
    return tokenizer  # type: ignore[no-any-return]


def _draw_model(seed: int, tokenizer: PreTrainedTokenizerBase) -> Any:
    import torch
    import transformers

    torch.manual_seed(seed)
    end, pad = (tokenizer.convert_tokens_to_ids(token) for token in (END, PAD))
    architecture: Any = transformers.Qwen2ForCausalLM
    config: Any = transformers.Qwen2Config
    return architecture(
        config(
            vocab_size=len(tokenizer),
            hidden_size=HIDDEN,
            intermediate_size=4 * HIDDEN,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            num_key_value_heads=HEADS,
            max_position_embeddings=CONTEXT,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=end,
            pad_token_id=pad,
        )
    )
