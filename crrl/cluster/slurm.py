"""The Slurm job of a run as text: one allocation, one supervisor a node, on the host. Nothing here needs Slurm.

Written by submitit, with what it does not do by itself: the GPU syntax of the site, requeueing, an environment that is
told, and cores for the step (since Slurm 22.05 srun no longer takes them from sbatch).
"""

from __future__ import annotations

import shlex
import sys
from typing import Any

from crrl.cluster.apptainer import ROOT
from crrl.cluster.plan import all_nodes
from crrl.config import ClusterConfig, RunConfig, time_limit_minutes
from crrl.report.run_folder import RunFolder


def render_sbatch(config: RunConfig, folder: RunFolder) -> str:
    """The sbatch script: what `--dry-run` prints, `job.sh` holds, and Slurm gets.

    A pure function of the config, the folder's path, this Python and this checkout. Cost: the import of submitit, 0.2 s.
    """
    # Not SlurmExecutor: that wants srun on the PATH even to render.
    from submitit.slurm.slurm import _make_sbatch_string

    submission = folder.submission.resolve()  # the nodes start in a folder of their own
    command = f"{shlex.quote(sys.executable)} -u -m submitit.core._submit {shlex.quote(str(submission))}"
    text: str = _make_sbatch_string(command, submission, **sbatch_parameters(config, folder))
    return text


def sbatch_parameters(config: RunConfig, folder: RunFolder) -> dict[str, Any]:
    """The job in submitit's words; what is empty is left to the cluster."""
    cluster = config.cluster
    wanted: dict[str, Any] = {
        "job_name": folder.run_id,
        "nodes": all_nodes(cluster),
        "ntasks_per_node": 1,  # one supervisor a node; it starts the node's processes
        "cpus_per_task": cluster.cpus_per_task,
        **_gpus(cluster),
        "mem": f"{cluster.mem_gb}G" if cluster.mem_gb else None,
        "time": time_limit_minutes(cluster.time),
        "partition": cluster.partition or None,
        "account": cluster.account or None,
        "qos": cluster.qos or None,
        "constraint": cluster.constraint or None,
        "stderr_to_stdout": True,
        "setup": [*cluster.setup, *_host_python()],
        "srun_args": [f"--cpus-per-task={cluster.cpus_per_task}", *(f"--{option}" for option in cluster.srun)],
    }
    chosen = {name: value for name, value in wanted.items() if value is not None}
    # None, not left out: submitit would put its own name there, which clusters that track such keys refuse.
    return {**chosen, "wckey": None, "additional_parameters": _sbatch_options(cluster, folder)}


def _gpus(cluster: ClusterConfig) -> dict[str, Any]:
    if not cluster.gpus_per_node:
        return {}
    wanted = f"{cluster.gpu_type}:{cluster.gpus_per_node}" if cluster.gpu_type else str(cluster.gpus_per_node)
    return {"gres": f"gpu:{wanted}"} if cluster.gpu_request == "gres" else {"gpus_per_node": wanted}


def _sbatch_options(cluster: ClusterConfig, folder: RunFolder) -> dict[str, str | bool]:
    """`name=value` and `name` as submitit takes them (True: an option without a value); the user's own come last."""
    ours: dict[str, str | bool] = {
        "chdir": str(folder.path.resolve()),
        "export": "ALL",  # the environment that crrl.cluster.environment leaves; secrets are in it, and nowhere else
        "signal": f"{cluster.signal}@{cluster.signal_s}",
        "requeue" if cluster.requeue else "no-requeue": True,
    }
    parts = [option.partition("=") for option in cluster.sbatch]
    return ours | {name: value if equals else True for name, equals, value in parts}


def _host_python() -> list[str]:
    """The supervisor is this checkout's, whatever modules and user site packages there are."""
    return [f"export PYTHONPATH={shlex.quote(str(ROOT))} PYTHONNOUSERSITE=1"]
