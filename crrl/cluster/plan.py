"""What a run needs of a cluster: pure functions of its config."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import Literal

from crrl.config import ClusterConfig, RunConfig, trainer_gpus

Where = Literal["slurm", "local"]


@dataclass(frozen=True)
class Roles:
    """Which processes the run has, and where: the server takes whole nodes, or the first GPUs of a single one."""

    server_nodes: int
    server_gpus: int
    """GPUs of each server node that the server uses; 0: there is no server, the trainer generates by itself."""
    trainer_nodes: int
    trainer_gpus: int
    """GPUs of each trainer node that trainers use; 0: the trainer is on the CPU."""

    def __str__(self) -> str:
        trainers = f"{_nodes(self.trainer_nodes)} × {self.trainer_gpus or 'no'} GPUs train"
        if self.server_nodes:
            return f"{_nodes(self.server_nodes)} × {self.server_gpus or 'no'} GPUs serve, {trainers}"
        if self.server_gpus:
            return f"the same node × {self.server_gpus} GPUs serve, {trainers}"
        return f"{trainers} and generate"


def _nodes(count: int) -> str:
    return f"{count} node{'s' * (count != 1)}"


def roles(config: RunConfig) -> Roles:
    """Who does what. The first nodes serve; where there is no server node, the first GPUs of the single node do."""
    cluster, trains = config.cluster, trainer_gpus(config)
    serving = (cluster.gpus_per_node if cluster.nodes.server else cluster.gpus_per_node - trains) * config.grpo.use_vllm
    return Roles(cluster.nodes.server, serving, cluster.nodes.trainer, trains)


def all_nodes(cluster: ClusterConfig) -> int:
    """Nodes of the job."""
    return cluster.nodes.server + cluster.nodes.trainer


def where(cluster: ClusterConfig) -> Where:
    """What `auto` means here: Slurm if sbatch is on the PATH, or the run wants several nodes."""
    if cluster.cluster != "auto":
        return cluster.cluster
    return "slurm" if shutil.which("sbatch") or all_nodes(cluster) > 1 else "local"
