"""Each completion that a server draws has a seed of its own, and no start of a server draws as one before."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from crrl.config import from_yaml
from crrl.report.heartbeat import Heartbeat
from crrl.serve.client import Sample, Sampling
from crrl.serve.seeds import seed_of_group, seed_of_start
from crrl.train.rollout import Rollouts

RUNS, BATCHES, GROUPS, SIZE = (1, 2, 20261128, 2**62), 6, 40, 64


def test_no_two_completions_share_a_seed_and_vllm_takes_each() -> None:
    firsts = [seed_of_group(run, batch, group) for run in RUNS for batch in range(BATCHES) for group in range(GROUPS)]
    seeds = [first + number for first in firsts for number in range(SIZE)]
    assert len(set(seeds)) == len(seeds)
    assert min(seeds) >= 0 and max(seeds) < 2**63
    assert firsts[:3] == [seed_of_group(1, 0, group) for group in range(3)]


class Recorder:
    """Stands for the servers of a run with GPUs, which cannot be here."""

    def __init__(self) -> None:
        self.asked: list[int | None] = []
        self.ends: set[tuple[int, ...]] = set()

    def generate(self, prompts: Any, count: int, sampling: Sampling) -> Any:
        self.asked += [prompt.seed for prompt in prompts]
        self.ends.add(sampling.stop_token_ids)
        return iter([(place, [Sample([1], [0.0])] * count) for place in range(len(prompts))])


@pytest.mark.parametrize(
    ("cluster", "seeds"),
    [("gpus_per_node: 0", [None, None]), ("gpus_per_node: 4", [seed_of_group(7, 3, 0), seed_of_group(7, 3, 1)])],
)
def test_engines_on_gpus_are_told_what_to_draw_by(cluster: str, seeds: list[int | None]) -> None:
    config = from_yaml(f"seed: 7\nlora: {{rank: 8}}\ncluster: {{{cluster}, nodes: {{server: 1}}}}")
    trainer = SimpleNamespace(batch=3, state=SimpleNamespace(global_step=2), eos_token_ids=[2, 0])
    fleet: Any = Recorder()
    publisher: Any = None
    rollouts = Rollouts(config, trainer, fleet, publisher, lambda: None, [1], Heartbeat(None, "trainer", "n0"))
    rollouts._open(fleet, [[1], [1]], 2)
    assert fleet.asked == seeds
    rollouts._likeliest(fleet, [[1]], 5)
    assert fleet.ends == {(2, 0)}  # the trainer's: what does not end by them counts as cut off


def test_no_start_of_a_server_draws_as_another_and_vllm_takes_each() -> None:
    seeds = [seed_of_start(run, attempt, boot) for run in RUNS for attempt in range(1, 9) for boot in range(1, 9)]
    assert len(set(seeds)) == len(seeds)
    assert min(seeds) >= 0 and max(seeds) < 2**31
