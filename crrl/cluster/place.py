"""Which node of which job a supervisor is on."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """One node of one start of a job."""

    node: int
    """Its number, from 0."""
    nodes: int
    """How many there are."""
    name: str
    """Its name, as in the names of logs."""
    job: str
    """The id of the Slurm job; "" on this machine alone."""
    restart: int = 0
    """How often Slurm has started this job again."""
    key: str = ""
    """The same on all nodes of one start, and on no other."""

    @property
    def is_first(self) -> bool:
        """Whether this node speaks for the job."""
        return self.node == 0


def place_of_environment(environment: Mapping[str, str]) -> Place:
    """Where this process is. A run on this machine, started from within some Slurm job, is no job of that Slurm."""
    if environment.get("SUBMITIT_EXECUTOR") != "slurm":
        return Place(0, 1, os.uname().nodename, "", key=f"local-{os.getpid()}-{time.time():.6f}")
    job, restart = environment["SLURM_JOB_ID"], int(environment.get("SLURM_RESTART_COUNT", "0"))
    return Place(
        node=int(environment["SLURM_NODEID"]),
        nodes=int(environment.get("SLURM_STEP_NUM_NODES") or environment["SLURM_JOB_NUM_NODES"]),
        name=environment.get("SLURMD_NODENAME") or os.uname().nodename,
        job=job,
        restart=restart,
        key=f"{job}-{restart}",
    )
