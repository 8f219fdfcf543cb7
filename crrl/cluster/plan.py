"""What a run needs of a cluster: pure functions of its config."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from crrl.config import RunConfig, time_limit_minutes
from crrl.report.run_folder import RunFolder

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
        trainers = f"{self.trainer_nodes} × {self.trainer_gpus or 'no'} GPUs train"
        if not self.server_gpus:
            return f"{trainers} and generate"
        shared = "the same node" if not self.server_nodes else f"{self.server_nodes} node"
        return f"{shared} × {self.server_gpus} GPUs serve, {trainers}"


def roles(config: RunConfig) -> Roles:
    """Who does what: node 0 serves in a job of several nodes, the first GPU in a job of one."""
    nodes, gpus = config.cluster.nodes, config.cluster.gpus_per_node
    if not config.grpo.use_vllm:
        return Roles(0, 0, nodes, gpus)
    return Roles(1, gpus, nodes - 1, gpus) if nodes > 1 else Roles(0, 1, 1, gpus - 1)


def where(config: RunConfig) -> Where:
    """What `auto` means here: Slurm if sbatch is on the PATH."""
    if config.cluster.cluster != "auto":
        return config.cluster.cluster
    return "slurm" if shutil.which("sbatch") else "local"


def sbatch_parameters(config: RunConfig, folder: RunFolder) -> dict[str, Any]:
    """The job's size in submitit's words; what is empty is left to the cluster."""
    cluster = config.cluster
    wanted: dict[str, Any] = {
        "job_name": folder.run_id,
        "nodes": cluster.nodes,
        "ntasks_per_node": 1,  # one supervisor a node; it starts the node's processes
        "cpus_per_task": cluster.cpus_per_task,
        "gpus_per_node": cluster.gpus_per_node or None,
        "mem": f"{cluster.mem_gb}G" if cluster.mem_gb else None,
        "time": time_limit_minutes(cluster.time),
        "partition": cluster.partition or None,
        "account": cluster.account or None,
        "qos": cluster.qos or None,
        "constraint": cluster.constraint or None,
        "additional_parameters": _sbatch_options(cluster.sbatch) or None,
        "stderr_to_stdout": True,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def _sbatch_options(options: tuple[str, ...]) -> dict[str, str | bool]:
    """`name=value` and `name` as submitit takes them; True: an option without a value."""
    parts = [option.partition("=") for option in options]
    return {name: value if equals else True for name, equals, value in parts}


def missing(config: RunConfig) -> list[str]:
    """What a Slurm job of this config would not find on this machine, a line each."""
    found = []
    if not shutil.which("sbatch"):
        found.append("there is no sbatch on this machine: submit where Slurm is")
    if not shutil.which("apptainer"):
        found.append("there is no apptainer on this machine; the nodes need it")
    if not Path(config.cluster.image).is_file():
        found.append(f"there is no image {config.cluster.image}; build it first, or name it with --cluster.image")
    if not config.cluster.account:
        found.append("no account is named (--account); many clusters refuse a job without")
    if not config.cluster.partition:
        found.append("no partition is named (--partition): the cluster's default is used")
    return found
