"""A run shortened to a minute: the real stages, the real tiny model, rewards that a barely trained model can earn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crrl.config import read_config, to_yaml
from crrl.report.run_folder import RunFolder, write_aside

SHORT = """
size: tiny
model: tiny
task: repair
rewards: {format: 0.5, similarity: 0.5}
data: {source: toy, rows: 12}
stage: sft,grpo
sft: {steps: 100, batch_size: 8, learning_rate: 2.0e-3, warmup_steps: 10, rows: 400, save_steps: 20}
grpo:
  steps: 10
  learning_rate: 1.0e-4
  num_generations: 4
  per_device_batch_size: 16
  max_completion_length: 40
  dtype: float32
  gradient_checkpointing: false
  use_vllm: false
  save_steps: 2
  keep_completions_every: 5
eval: {tasks: 12, every_steps: 5, batch_size: 12}
cluster: {cluster: local, gpus_per_node: 0}
tracking: {wandb: 'off'}
"""


@pytest.fixture(scope="session")
def short_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], RunFolder]:
    """Makes a run's folder, ready to be trained, under a name."""

    def make(name: str, extra: str = "") -> RunFolder:
        path: Path = tmp_path_factory.mktemp("runs") / name
        path.mkdir()
        preset = path / "preset.yaml"
        preset.write_text(SHORT + extra)
        folder = RunFolder(path)
        write_aside(folder.config, to_yaml(read_config(preset)))
        return folder

    return make


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """A small model gains nothing from threads, and where others share the cores, they wait for each other."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
