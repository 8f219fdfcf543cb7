"""Whether a node's GPU driver is new enough for the image: CUDA's own words come late and say little."""

from __future__ import annotations

import os
import re
from pathlib import Path

from crrl.cluster.apptainer import NO_IMAGE
from crrl.config import ClusterConfig
from crrl.errors import RunError

LEAST_DRIVER = 580
"""The first branch of NVIDIA's drivers that runs CUDA 13 (CUDA Toolkit release notes, table "CUDA Toolkit and Minimum Required
Driver Versions"), which requirements/cuda.txt locks."""
VERSION = Path("/proc/driver/nvidia/version")


def refuse_old_driver(cluster: ClusterConfig, version: Path = VERSION) -> None:
    """Raises RunError if this node's driver cannot run the image on its GPUs. A node that does not say is taken."""
    is_needed = cluster.gpus_per_node and cluster.image != NO_IMAGE and version.is_file()
    if is_needed and (problem := driver_problem(version.read_text())):
        raise RunError(f"node {os.uname().nodename}: {problem}")


def driver_problem(said: str) -> str | None:
    """What is wrong with a driver, by the text of /proc/driver/nvidia/version; None if nothing is known to be."""
    found = re.search(r"Kernel Module.*?\s(\d{3,})(\.\d+)+\s", said)
    if not found or int(found[1]) >= LEAST_DRIVER:
        return None
    return (
        f"its NVIDIA driver {found[0].split()[-1]} is too old for the image, whose CUDA 13 needs {LEAST_DRIVER} or newer; ask "
        "for nodes with a newer driver (--partition, --cluster.constraint)"
    )
