"""What a run needs of a cluster: pure functions of its config."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import Literal

from crrl.config import ClusterConfig, RunConfig, trainer_gpus

Where = Literal["slurm", "local"]


@dataclass(frozen=True)
class Roles:
    """Which processes the run has, and where: the server takes whole nodes, or a share of a single one."""

    has_server: bool
    """False: the trainer generates by itself."""
    server_nodes: int
    """Nodes that only serve; 0 with a server: it shares the trainer's node."""
    server_gpus: int
    """GPUs of each node with a server that the server uses; 0: it is on the CPU."""
    trainer_nodes: int
    trainer_gpus: int
    """GPUs of each trainer node that trainers use; 0: the trainer is on the CPU."""

    @property
    def servers(self) -> int:
        """How many there are: one a node."""
        return max(1, self.server_nodes) if self.has_server else 0

    def __str__(self) -> str:
        trainers = f"{_nodes(self.trainer_nodes)} × {self.trainer_gpus or 'no'} GPUs train"
        if self.server_nodes:
            return f"{_nodes(self.server_nodes)} × {self.server_gpus or 'no'} GPUs serve, {trainers}"
        if self.has_server:
            return f"the same node × {self.server_gpus or 'no'} GPUs serve, {trainers}"
        return f"{trainers} and generate"


def _nodes(count: int) -> str:
    return f"{count} node{'s' * (count != 1)}"


def roles(config: RunConfig) -> Roles:
    """Who does what. The first nodes serve; where there is no server node, the first GPUs of the single node do."""
    cluster, trains = config.cluster, trainer_gpus(config)
    serving = (cluster.gpus_per_node if cluster.nodes.server else cluster.gpus_per_node - trains) * config.grpo.use_vllm
    return Roles(config.grpo.use_vllm, cluster.nodes.server, serving, cluster.nodes.trainer, trains)


def all_nodes(cluster: ClusterConfig) -> int:
    """Nodes of the job."""
    return cluster.nodes.server + cluster.nodes.trainer


def where(cluster: ClusterConfig) -> Where:
    """What `auto` means here: Slurm if sbatch is on the PATH, or the run wants several nodes."""
    if cluster.cluster != "auto":
        return cluster.cluster
    return "slurm" if shutil.which("sbatch") or all_nodes(cluster) > 1 else "local"
