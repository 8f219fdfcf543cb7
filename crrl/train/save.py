"""The trained model as a folder that transformers and vLLM load, whoever holds which part of its weights."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from peft import PeftModel
from transformers import PreTrainedTokenizerBase

from crrl.train.lora import merged
from crrl.train.model import load_model


def save_whole(
    trainer: Any, tokenizer: PreTrainedTokenizerBase, started_from: Path | str, dtype: str, folder: Path
) -> None:
    """Write the model as it stands, adapter folded in, with its tokenizer; on all ranks, and rank 0 writes.

    With ZeRO-3 each rank holds a part of every weight. Full weights are gathered layer by layer on rank 0; of an adapter
    only its own weights are, and they are folded into the model that training started from.
    """
    trainer.save_model(str(folder))
    if not trainer.ranks.is_first:
        return
    if isinstance(trainer.accelerator.unwrap_model(trainer.model), PeftModel):
        _fold_in(folder, tokenizer, started_from, dtype)
    tokenizer.save_pretrained(folder)
    (folder / "training_args.bin").unlink(missing_ok=True)  # a pickle that nobody loads


def _fold_in(folder: Path, tokenizer: PreTrainedTokenizerBase, started_from: Path | str, dtype: str) -> None:
    """Put the whole model in the place of the adapter that lies in `folder`."""
    adapter = folder / "adapter"
    adapter.mkdir()
    for path in folder.glob("adapter_*"):
        path.rename(adapter / path.name)
    with _undivided():
        model = merged(PeftModel.from_pretrained(load_model(started_from, dtype), str(adapter)), tokenizer)
    model.save_pretrained(folder)
    shutil.rmtree(adapter)


@contextlib.contextmanager
def _undivided() -> Iterator[None]:
    """Let transformers load a model whole, where with ZeRO-3 it would give each rank a part."""
    from transformers.integrations import deepspeed

    config = deepspeed._hf_deepspeed_config_weak_ref
    deepspeed._hf_deepspeed_config_weak_ref = None
    try:
        yield
    finally:
        deepspeed._hf_deepspeed_config_weak_ref = config
