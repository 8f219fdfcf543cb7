"""How new weights get into the servers: as a LoRA adapter that they load, or whole, as a model that they start with."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import save_file
from transformers import PreTrainedTokenizerBase

from crrl.report.attempt_folder import AttemptFolder
from crrl.report.run_folder import write_aside
from crrl.serve.adapters import adapter_folder, write_adapter
from crrl.serve.fleet import Adapter, Fleet
from crrl.train.ranks import Ranks
from crrl.train.save import save_whole
from crrl.train.storage import writing

_CURRENT = "policy"
"""The name of the adapter that is replaced: no completion is under way between two steps."""


class Publisher(Protocol):
    """One way for weights from the trainer to the servers."""

    def collect(self, version: int) -> Callable[[Fleet], int]:
        """Take the weights as they stand, on all ranks. Returns what rank 0 then does, and that, how many bytes went out."""


@dataclass(frozen=True)
class AdapterPublisher:
    """Megabytes, loaded by the running servers in milliseconds. ZeRO-3 gathers the adapter and nothing else."""

    trainer: Any
    adapters: Path
    dtype: str
    """The servers', by torch's name: they would turn a float32 adapter of a bfloat16 model into that themselves."""

    def collect(self, version: int) -> Callable[[Fleet], int]:
        tensors = adapter_tensors(self.trainer, getattr(torch, self.dtype))
        return lambda fleet: self._publish(fleet, version, tensors)

    def _publish(self, fleet: Fleet, version: int, tensors: dict[str, torch.Tensor]) -> int:
        def write(folder: Path) -> None:
            save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
            _peft_config(self.trainer).save_pretrained(str(folder))

        with writing(adapter_folder(self.adapters, version)):
            folder, size = write_adapter(self.adapters, version, write)
        fleet.publish(Adapter(_CURRENT, str(folder.resolve())))
        return size


@dataclass(frozen=True)
class FilesPublisher:
    """The whole model as a folder, with which every server is started again: slow, and right on every machine.

    vLLM 0.31 can also reload a folder in place, but on the CPU the packed weights of some layers stay the old ones.
    """

    trainer: Any
    tokenizer: PreTrainedTokenizerBase
    started_from: Path | str
    dtype: str
    weights: Path
    attempt: AttemptFolder
    ranks: Ranks

    def collect(self, version: int) -> Callable[[Fleet], int]:
        aside = self.weights / f".gathered-{version:06d}"
        if self.ranks.is_first:
            shutil.rmtree(aside, ignore_errors=True)
        with writing(aside):
            save_whole(self.trainer, self.tokenizer, self.started_from, self.dtype, aside)
        return lambda _: self._publish(version, aside)

    def _publish(self, version: int, aside: Path) -> int:
        folder, size = write_adapter(self.weights, version, lambda empty: _move(aside, empty))
        write_aside(self.attempt.served_model, f"{folder.resolve()}\n")
        return size


def adapter_tensors(trainer: Any, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """The adapter's weights by the names that vLLM reads, on rank 0; nothing on the others. Gathers nothing else."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    named = [(name, weight) for name, weight in model.named_parameters() if "lora_" in name]
    with gathered([weight for _, weight in named]):
        if not trainer.accelerator.is_main_process:
            return {}
        return {
            name.replace(".default.", "."): weight.detach().to("cpu", dtype, copy=True).contiguous()
            for name, weight in named
        }


def _move(aside: Path, folder: Path) -> None:
    for path in aside.iterdir():
        path.rename(folder / path.name)
    aside.rmdir()


@contextlib.contextmanager
def gathered(weights: list[torch.nn.Parameter]) -> Iterator[None]:
    """Whole weights while ZeRO-3 holds them in parts; elsewhere they are whole anyway."""
    if not any(hasattr(weight, "ds_id") for weight in weights):
        yield
        return
    import deepspeed

    with deepspeed.zero.GatheredParameters(weights, modifier_rank=None):
        yield


def _peft_config(trainer: Any) -> Any:
    model = trainer.accelerator.unwrap_model(trainer.model)
    return model.peft_config["default"]
