"""An evaluation in the middle of training leaves the model as training wants it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from accelerate import Accelerator

from crrl.config import read_config
from crrl.data.sources import toy
from crrl.report.heartbeat import Heartbeat
from crrl.report.metrics_log import read_metrics
from crrl.report.run_folder import RunFolder
from crrl.train.clock import StepClock
from crrl.train.examine import Examiner
from crrl.train.interrupt import StopRequest
from crrl.train.model import load_model, load_tokenizer
from crrl.train.ranks import Ranks
from crrl.train.tiny import build_tiny_model

pytestmark = pytest.mark.usefixtures("one_thread")


@dataclass(frozen=True)
class Mirrored(Ranks):
    """Two ranks, of which the other one always says the same."""

    def wait(self) -> None:
        pass

    def gather(self, value: Any) -> list[Any]:
        return [value, value]

    def any(self, value: bool) -> bool:
        return value


@pytest.mark.parametrize("is_reentrant", [True, False])
def test_an_evaluation_among_several_ranks_keeps_the_way_of_gradient_checkpointing(
    short_run: Callable[[str], RunFolder], is_reentrant: bool
) -> None:
    folder = short_run(f"examine-{is_reentrant}")
    config, start = read_config(folder.config), build_tiny_model(1)
    wanted = {"use_reentrant": is_reentrant}
    model = load_model(Path(start), "float32")
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=wanted)
    heldout = list(toy.tasks("heldout", rows=4, seed=3))
    heartbeat, ranks = Heartbeat(None, "trainer", "n0"), Mirrored(0, 2)
    examiner = Examiner(config, folder, load_tokenizer(start), heldout, ranks, heartbeat, StopRequest())
    trainer = SimpleNamespace(
        servers=None,
        model=model,
        model_wrapped=model,
        accelerator=Accelerator(cpu=True),
        args=SimpleNamespace(gradient_checkpointing_kwargs=wanted),
        clock=StepClock(),
    )
    examiner.examine(trainer, 3)
    assert [entry["step"] for entry in read_metrics(folder.metrics)] == [3]
    assert model.is_gradient_checkpointing
    ways = {
        layer._gradient_checkpointing_func.keywords["use_reentrant"]
        for layer in model.modules()
        if hasattr(layer, "_gradient_checkpointing_func")
    }
    assert ways == {is_reentrant}
