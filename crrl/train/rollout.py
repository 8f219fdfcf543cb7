"""Completions from the run's vLLM servers, in the place where TRL keeps its own client of one.

TRL asks for two things between its steps: `sync_weights`, which here publishes the adapter as a folder of some megabytes, and
`generate`. Only rank 0 talks to the servers; every rank takes part in gathering the adapter and in the broadcast of what came
back, a failure included, so that no rank waits for ever.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import broadcast_object_list, gather_object
from safetensors.torch import save_file

from crrl.errors import RunError
from crrl.serve.adapters import write_adapter
from crrl.serve.client import Sample, Sampling
from crrl.serve.fleet import Adapter, Fleet, Prompt

_CURRENT = "policy"
"""The name of the adapter that is replaced in place; with overlap each version has a name of its own."""


@dataclass
class Published:
    """What publishing cost, for the metrics of the step."""

    version: int = 0
    seconds: float = 0.0
    bytes: int = 0


@dataclass
class Rollouts:
    """Stands where TRL 1.16 has `trainer.vllm_generation`: private names of that version, which is pinned."""

    trainer: Any
    fleet: Fleet | None
    """On rank 0 only."""
    adapters: Path
    sampling: Sampling
    seed: int | None
    """Draws are seeded by it, the step and the group; None: the servers' own."""
    published: Published = field(default_factory=Published)

    def sync_weights(self) -> None:
        """Publish the adapter as it stands, to every server."""
        started = time.monotonic()
        tensors = adapter_tensors(self.trainer)
        self._on_main(lambda fleet: self._publish(fleet, tensors))
        self.published.seconds = time.monotonic() - started

    def generate(
        self, prompts: Sequence[list[int]], images: Any, num_generations: int, profiler: Any = None
    ) -> tuple[Any, list[list[int]], list[list[list[float]]], None]:
        """This rank's completions.

        Args:
            prompts: token ids, one list a completion; every prompt stands `num_generations` times in a row over all ranks.
            images: None.
            num_generations: the size of a group.
            profiler: TRL's, measures the time.

        Returns:
            Prompts and completions as token ids, B each; log-probabilities (B × length × 1); None.
        """
        if images is not None and any(image is not None for image in images):
            raise RunError("images are not supported")
        everyone = gather_object(list(prompts))
        groups = everyone[::num_generations]
        with profiler or contextlib.nullcontext():
            drawn: list[list[Sample]] = self._on_main(lambda fleet: self._draw(fleet, groups, num_generations))
        samples = [sample for group in drawn for sample in group]
        mine = slice(self._rank * len(prompts), (self._rank + 1) * len(prompts))
        own = samples[mine]
        return everyone[mine], [one.token_ids for one in own], [[[p] for p in one.logprobs] for one in own], None

    @property
    def _rank(self) -> int:
        rank: int = self.trainer.accelerator.process_index
        return rank

    def _on_main(self, act: Callable[[Fleet], Any]) -> Any:
        """What rank 0 gets from the servers, on every rank; its failure too."""
        told: list[Any] = [None, None]
        if self.fleet is not None:
            try:
                told = [act(self.fleet), None]
            except Exception as error:  # whatever it is, the other ranks wait for word
                told = [None, error]
        broadcast_object_list(told, from_process=0)
        if told[1] is not None:
            raise told[1]
        return told[0]

    def _publish(self, fleet: Fleet, tensors: dict[str, torch.Tensor]) -> None:
        version = int(self.trainer.state.global_step)

        def write(folder: Path) -> None:
            save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
            _peft_config(self.trainer).save_pretrained(str(folder))

        folder, size = write_adapter(self.adapters, version, write)
        fleet.publish(Adapter(_CURRENT, str(folder.resolve())))
        self.published = Published(version, 0.0, size)

    def _draw(self, fleet: Fleet, groups: Sequence[list[int]], count: int) -> list[list[Sample]]:
        step = int(self.trainer.state.global_step)
        prompts = [Prompt(ids, self._seed_of(step, index)) for index, ids in enumerate(groups)]
        return fleet.generate(prompts, count, self.sampling)

    def _seed_of(self, step: int, group: int) -> int | None:
        # vLLM takes 64 bits; the generation draws of a group follow from its seed, so another try draws the same.
        return None if self.seed is None else (self.seed << 40) + (step << 20) + group


def attach(trainer: Any, rollouts: Rollouts) -> None:
    """Have TRL generate by the servers. The trainer must have been built with `use_vllm=False`: it then owns no client."""
    trainer.vllm_generation = rollouts
    trainer.use_vllm = True
    trainer.vllm_mode = "server"
    trainer._last_loaded_step = -1


def adapter_tensors(trainer: Any) -> dict[str, torch.Tensor]:
    """The adapter's weights by the names that vLLM reads, on rank 0; nothing on the others. Gathers nothing else."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    named = [(name, weight) for name, weight in model.named_parameters() if "lora_" in name]
    with _gathered([weight for _, weight in named]):
        if not trainer.accelerator.is_main_process:
            return {}
        return {
            name.replace(".default.", "."): weight.detach().to("cpu", copy=True).contiguous() for name, weight in named
        }


@contextlib.contextmanager
def _gathered(weights: list[torch.nn.Parameter]) -> Iterator[None]:
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
