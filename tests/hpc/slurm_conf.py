"""The configuration of a Slurm whose nodes are all on this machine, as text."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

GPUS_PER_NODE = 2
CPUS_PER_NODE = 4  # pretended where the machine has fewer, so that a job may name a few


def memory_mb() -> int:
    """The machine's memory; every pretended node claims all of it."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20


def render_slurm_conf(folder: Path, host: str, controller_port: int, nodes: Mapping[str, int]) -> str:
    """slurm.conf with its state, logs and sockets in `folder`; `nodes`: name → port."""
    lines = [
        f"ClusterName={folder.name.lower()}",
        f"SlurmctldHost={host}(127.0.0.1)",
        f"SlurmctldPort={controller_port}",
        "SlurmUser=root",
        # cred_expire is also how long a requeued job waits before it may start again (default 120 s).
        f"AuthInfo=socket={folder}/munge/socket,cred_expire=10",
        f"StateSaveLocation={folder}/state",
        f"SlurmctldPidFile={folder}/slurmctld.pid",
        f"SlurmdSpoolDir={folder}/spool-%n",
        f"SlurmdPidFile={folder}/slurmd-%n.pid",
        "ProctrackType=proctrack/linuxproc",
        "TaskPlugin=task/none",
        "MpiDefault=none",
        "SelectType=select/cons_tres",
        "SelectTypeParameters=CR_Core_Memory",
        "SlurmdParameters=config_overrides",
        "ReturnToService=2",
        "GresTypes=gpu",
        # Short, so that tests of what Slurm does to a job do not wait minutes for it.
        "KillWait=5",
        "SlurmdTimeout=20",
        "MinJobAge=3600",
        *(
            f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={CPUS_PER_NODE} "
            f"RealMemory={memory_mb()} Gres=gpu:{GPUS_PER_NODE}"
            for name, port in nodes.items()
        ),
        f"PartitionName=main Nodes={','.join(nodes)} Default=YES MaxTime=1-00:00:00 OverSubscribe=NO",
    ]
    return "\n".join(lines) + "\n"


def render_gres_conf(nodes: Mapping[str, int]) -> str:
    """gres.conf: devices that exist everywhere stand for GPUs, so CUDA_VISIBLE_DEVICES is really set."""
    return "".join(f"NodeName={name} Name=gpu File=/dev/null,/dev/zero\n" for name in nodes)
