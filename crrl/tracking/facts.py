"""What is known of an attempt beside its numbers: code, image, Slurm job. Kept in its folder, for whoever tells W&B later."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import crrl
from crrl.commit import code_commit
from crrl.report.attempt_folder import listed, read_json
from crrl.report.run_folder import RunFolder, write_aside

_SLURM = {
    "job_id": "SLURM_JOB_ID",
    "nodes": "SLURM_JOB_NODELIST",
    "node_count": "SLURM_JOB_NUM_NODES",
    "partition": "SLURM_JOB_PARTITION",
    "account": "SLURM_JOB_ACCOUNT",
    "cluster": "SLURM_CLUSTER_NAME",
    "restart_count": "SLURM_RESTART_COUNT",
}


def facts_of(environment: Mapping[str, str]) -> dict[str, Any]:
    """The facts of this process's attempt; `slurm` is empty outside a job."""
    slurm = {name: environment[variable] for name, variable in _SLURM.items() if variable in environment}
    if slurm:
        slurm.setdefault("restart_count", "0")
    return {
        "commit": code_commit(),
        "crrl": crrl.__version__,
        "python": platform.python_version(),
        "host": os.uname().nodename,
        "slurm": slurm,
    }


def keep_facts(folder: RunFolder, attempt: int, environment: Mapping[str, str]) -> None:
    """Write the facts of an attempt into its folder."""
    write_aside(folder.attempt(attempt).facts, json.dumps(facts_of(environment), indent=1) + "\n")


def known_facts(folder: RunFolder) -> dict[str, Any]:
    """The facts of the run's last attempt, its image, and how many attempts there were."""
    numbers = sorted(int(path.name) for path in listed(folder.path / "attempts") if path.name.isdecimal())
    if not numbers:
        return {}
    last = folder.attempt(numbers[-1])
    image = read_json(last.image) or {}
    return {**(read_json(last.facts) or {}), "image": image, "attempts": len(numbers)}


def image_facts(image: str) -> dict[str, Any]:
    """Which image it is, from what costs nothing to read: size, time, and the digest that build_container.sh left beside it."""
    path = Path(image)
    if not path.is_file():
        return {"path": image} if path.exists() else {}
    status = path.stat()
    return {"path": image, "bytes": status.st_size, "modified": int(status.st_mtime), "sha256": _digest(path)}


def _digest(image: Path) -> str:
    """The image's sha256 from `<image>.sha256`; empty if there is none, or if the image was replaced after it."""
    beside = image.with_name(image.name + ".sha256")
    try:
        if beside.stat().st_mtime < image.stat().st_mtime:
            return ""
        return beside.read_text().split()[0]
    except (OSError, IndexError):
        return ""
