"""A config says which nodes and GPUs serve and train."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from crrl.cluster.plan import all_nodes, roles, where
from crrl.cluster.resolve import resolve
from crrl.config import NodesConfig, RunConfig, load_preset, trainer_processes


def with_cluster(config: RunConfig, **changes: Any) -> RunConfig:
    return dataclasses.replace(config, cluster=dataclasses.replace(config.cluster, **changes))


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ("tiny", "1 node × no GPUs train and generate"),
        ("small", "the same node × 1 GPUs serve, 1 node × 1 GPUs train"),
        ("medium", "1 node × 4 GPUs serve, 1 node × 4 GPUs train"),
        ("large", "1 node × 8 GPUs serve, 2 nodes × 8 GPUs train"),
    ],
)
def test_roles_of_every_preset(size: str, words: str) -> None:
    assert str(roles(load_preset(size))) == words


def test_imitation_alone_takes_no_server_along() -> None:
    medium = dataclasses.replace(load_preset("medium"), stage="sft")
    alone = resolve(medium, {}, auto="slurm")
    assert (str(roles(alone)), all_nodes(alone.cluster)) == ("1 node × 4 GPUs train and generate", 1)
    both = resolve(dataclasses.replace(medium, stage="sft,grpo"), {}, auto="slurm")
    assert (roles(both).servers, all_nodes(both.cluster)) == (1, 2)


def test_gpus_of_one_node_are_split_as_asked() -> None:
    config = with_cluster(load_preset("small"), gpus_per_node=8, server_gpus=3)
    assert str(roles(config)) == "the same node × 3 GPUs serve, 1 node × 5 GPUs train"
    assert trainer_processes(config) == 5


def test_a_server_on_the_cpu_shares_the_single_node_or_has_its_own() -> None:
    preset = load_preset("tiny")
    config = dataclasses.replace(preset, grpo=dataclasses.replace(preset.grpo, use_vllm=True))
    assert (str(roles(config)), roles(config).servers) == (
        "the same node × no GPUs serve, 1 node × no GPUs train",
        1,
    )
    apart = with_cluster(config, nodes=NodesConfig(2, 2))
    assert (str(roles(apart)), roles(apart).servers) == (
        "2 nodes × no GPUs serve, 2 nodes × no GPUs train",
        2,
    )
    assert roles(preset).servers == 0


def test_processes_on_the_cpu_are_as_many_as_asked() -> None:
    config = with_cluster(load_preset("tiny"), nodes=NodesConfig(0, 2), trainers_per_node=2)
    assert trainer_processes(config) == 4


def test_auto_means_slurm_where_sbatch_is_and_for_several_nodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = with_cluster(load_preset("tiny"), cluster="auto").cluster
    monkeypatch.setenv("PATH", str(tmp_path))
    assert where(cluster) == "local"
    assert where(dataclasses.replace(cluster, nodes=NodesConfig(0, 2))) == "slurm"
    sbatch = tmp_path / "sbatch"
    sbatch.write_text("#!/bin/sh\n")
    sbatch.chmod(0o755)
    assert where(cluster) == "slurm"
    assert where(dataclasses.replace(cluster, cluster="local")) == "local"
