"""Trainers in several processes: the configs of accelerate and DeepSpeed, and the command that starts a node's share."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crrl.cluster.rendezvous import Meeting


@dataclass(frozen=True)
class TrainerShape:
    """How many trainers there are, and where."""

    nodes: int
    processes_per_node: int

    @property
    def processes(self) -> int:
        """All of them."""
        return self.nodes * self.processes_per_node


def accelerate_config(shape: TrainerShape, meeting: Meeting, deepspeed: Path) -> str:
    """The text of accelerate's config: one for all nodes, which add their number on the command line."""
    import yaml

    return yaml.safe_dump(
        {
            "compute_environment": "LOCAL_MACHINE",
            "distributed_type": "DEEPSPEED",
            "deepspeed_config": {
                "deepspeed_config_file": str(deepspeed),
                "deepspeed_multinode_launcher": "standard",
                "zero3_init_flag": True,
            },
            "num_machines": shape.nodes,
            "num_processes": shape.processes,
            "machine_rank": 0,
            "main_process_ip": meeting.host,
            "main_process_port": meeting.port,
            "main_training_function": "main",
            "rdzv_backend": "static",
            "same_network": True,
            "use_cpu": False,  # true would take DeepSpeed away; whether a CPU trains is the trainer's argument
        },
        sort_keys=False,
    )


def deepspeed_config() -> str:
    """The text of DeepSpeed's config: ZeRO-3. `auto` stands for what the trainer's own arguments say."""
    config: dict[str, Any] = {
        "train_micro_batch_size_per_gpu": "auto",
        "train_batch_size": "auto",
        "gradient_accumulation_steps": "auto",
        "gradient_clipping": "auto",
        "bf16": {"enabled": "auto"},
        "zero_optimization": {
            "stage": 3,
            "overlap_comm": True,
            "contiguous_gradients": True,
            "reduce_bucket_size": "auto",
            "stage3_prefetch_bucket_size": "auto",
            "stage3_param_persistence_threshold": "auto",
            "stage3_gather_16bit_weights_on_model_save": True,
        },
        # The optimizer is transformers' AdamW: DeepSpeed's own would be compiled on every node first.
        "zero_allow_untested_optimizer": True,
        "steps_per_print": 1_000_000_000,
        "wall_clock_breakdown": False,
    }
    return json.dumps(config, indent=1) + "\n"


def launch_command(
    config: Path, machine: int, argument: str, python: str = sys.executable, module: str = "crrl.train"
) -> Sequence[str]:
    """What starts the trainers of one node, the `machine`-th of those that train; a run's are given its folder."""
    return (
        *(python, "-m", "accelerate.commands.accelerate_cli", "launch"),
        *("--config_file", str(config), "--machine_rank", str(machine)),
        *("--module", module, argument),
    )


def launch_environment(processes: int, cpus: int, *, on_cpu: bool) -> dict[str, str]:
    """What the launcher and its trainers find in their environment, beside the job's own."""
    environment = {
        "PET_SIGNALS_TO_HANDLE": "SIGHUP",  # the launcher's: it must not kill its ranks when all are asked to stop
        "PET_SHUTDOWN_TIMEOUT": "5",
        # DeepSpeed calls torch by names that it deprecates, some thousand times a step.
        "PYTHONWARNINGS": "ignore::FutureWarning:torch.distributed.c10d_logger",
        "OMP_NUM_THREADS": str(max(1, cpus // processes)),
        "DEEPSPEED_TIMEOUT": str(7 * 24 * 60),  # minutes; the watchdog says who waits too long, and for whom
    }
    if on_cpu:
        environment |= {"DS_ACCELERATOR": "cpu", "ACCELERATE_TORCH_DEVICE": "cpu", "CUDA_VISIBLE_DEVICES": ""}
    return environment
