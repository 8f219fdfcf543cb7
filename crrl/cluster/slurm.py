"""The Slurm job of a run as text: one allocation, one supervisor a node, on the host. Nothing here needs Slurm.

The text is the one that submitit writes for these options (a test compares them); submitit itself is not imported, as that
takes longer than everything else here.
"""

from __future__ import annotations

import shlex
import sys

from crrl.cluster.apptainer import ROOT
from crrl.cluster.plan import all_nodes
from crrl.config import ClusterConfig, RunConfig, time_limit_minutes
from crrl.report.run_folder import RunFolder

Options = dict[str, str | bool]
"""sbatch's options by name; True: one without a value."""


def render_sbatch(config: RunConfig, folder: RunFolder) -> str:
    """The sbatch script: what `--dry-run` prints, `job.sh` holds, and Slurm gets.

    A pure function of the config, the folder's path, this Python and this checkout.
    """
    submission = folder.submission.resolve()  # the nodes start in a folder of their own
    options = sorted(sbatch_options(config, folder).items())
    return "\n".join(
        [
            *("#!/bin/bash", "", "# Parameters"),
            *(
                f"#SBATCH --{name}" if value is True else f"#SBATCH --{name}={shlex.quote(str(value))}"
                for name, value in options
            ),
            *("", "# setup", *config.cluster.setup, *_host_python()),
            *("", "# command", "export SUBMITIT_EXECUTOR=slurm"),
            shlex.join(
                [
                    *("srun", "--unbuffered", "--output", f"{submission}/%j_%t_log.out", *srun_options(config.cluster)),
                    *(sys.executable, "-u", "-m", "submitit.core._submit", str(submission)),
                ]
            ),
            "",
        ]
    )


def sbatch_options(config: RunConfig, folder: RunFolder) -> Options:
    """The job in sbatch's words; what is empty is left to the cluster, and the user's own options come last."""
    cluster = config.cluster
    wanted: dict[str, str | bool | None] = {
        "job-name": folder.run_id,
        "nodes": str(all_nodes(cluster)),
        "ntasks-per-node": "1",  # one supervisor a node; it starts the node's processes
        "cpus-per-task": str(cluster.cpus_per_task),
        **_gpus(cluster),
        "mem": f"{cluster.mem_gb}G" if cluster.mem_gb else None,
        "time": str(time_limit_minutes(cluster.time)),
        "partition": cluster.partition or None,
        "account": cluster.account or None,
        "qos": cluster.qos or None,
        "constraint": cluster.constraint or None,
        "chdir": str(folder.path.resolve()),
        "output": f"{folder.submission.resolve()}/%j_0_log.out",
        "open-mode": "append",  # a job that is started again goes on with the same log
        "export": "ALL",  # the environment that crrl.cluster.environment leaves; secrets are in it, and nowhere else
        "signal": f"{cluster.signal}@{cluster.signal_s}",
        "requeue" if cluster.requeue else "no-requeue": True,
    }
    parts = [option.partition("=") for option in cluster.sbatch]
    own: Options = {name: value if equals else True for name, equals, value in parts}
    return {name: value for name, value in wanted.items() if value is not None} | own


def srun_options(cluster: ClusterConfig) -> list[str]:
    """Of the step that is the supervisors. Since Slurm 22.05 srun does not take the cores from sbatch.

    A supervisor that has ended must not have the others killed, whatever the cluster's default: they end by themselves. All get
    the script's environment: where a site has sbatch send none, srun would do the same.
    """
    always = (f"--cpus-per-task={cluster.cpus_per_task}", "--export=ALL", "--kill-on-bad-exit=0", "--wait=0")
    return [*always, *(f"--{option}" for option in cluster.srun)]


def _gpus(cluster: ClusterConfig) -> Options:
    if not cluster.gpus_per_node or cluster.gpu_request == "none":
        return {}
    wanted = f"{cluster.gpu_type}:{cluster.gpus_per_node}" if cluster.gpu_type else str(cluster.gpus_per_node)
    return {"gres": f"gpu:{wanted}"} if cluster.gpu_request == "gres" else {"gpus-per-node": wanted}


def _host_python() -> list[str]:
    """The supervisor is this checkout's, whatever modules and user site packages there are."""
    return [f"export PYTHONPATH={shlex.quote(str(ROOT))} PYTHONNOUSERSITE=1"]
