"""The Slurm job of a run as text. Nothing here needs Slurm."""

from __future__ import annotations

import shlex
import sys

from crrl.cluster.plan import sbatch_parameters
from crrl.config import RunConfig
from crrl.report.run_folder import RunFolder


def render_sbatch(config: RunConfig, folder: RunFolder) -> str:
    """The sbatch script, as submitit writes it: one supervisor a node, on the host.

    A pure function of the config and the folder's path. Cost: the import of submitit, 0.2 s.
    """
    # Not SlurmExecutor: that wants srun on the PATH even to render.
    from submitit.slurm.slurm import _make_sbatch_string

    submission = folder.submission.resolve()  # the nodes start in a folder of their own
    command = f"{shlex.quote(sys.executable)} -u -m submitit.core._submit {shlex.quote(str(submission))}"
    text: str = _make_sbatch_string(command, submission, **sbatch_parameters(config, folder))
    return text
