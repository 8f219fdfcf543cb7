"""Submission of a run to Slurm by submitit: the script is the one that `--dry-run` prints, to the byte."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from typing import Any

from crrl.cluster import node
from crrl.cluster.environment import submission_environment
from crrl.cluster.plan import all_nodes
from crrl.cluster.queue import slurm_words
from crrl.cluster.slurm import render_sbatch
from crrl.config import RunConfig, time_limit_minutes
from crrl.errors import RunError
from crrl.report.run_folder import RunFolder, write_aside


def submit_to_slurm(config: RunConfig, folder: RunFolder, attempt: int) -> str:
    """Submit the run's job and return its id. Its status is `queued`, with the id, before any node can start.

    Raises RunError with Slurm's own words if it refuses.
    """
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    script = render_sbatch(config, folder)
    write_aside(folder.job, script)
    with _clean_environment(), redirect_stderr(StringIO()):  # submitit prints what sbatch says, and raises it as well
        try:
            job = _executor(config, folder, attempt, script).submit(node.run, str(folder.path.resolve()))
        except (FailedJobError, FailedSubmissionError) as error:
            raise RunError(f"Slurm refused the job: {slurm_words(str(error))}") from error
    folder.append_event("submitted", attempt=attempt, cluster="slurm", job_id=job.job_id)
    return str(job.job_id)


def _executor(config: RunConfig, folder: RunFolder, attempt: int, script: str) -> Any:
    from submitit import SlurmExecutor

    class Executor(SlurmExecutor):
        """Submits a script that is already written."""

        def _make_submission_file_text(self, command: str, uid: str) -> str:
            return script

        def _submit_command(self, command: str) -> Any:
            # Between here and the supervisor lies the pickle, which is put into place after this: until then the
            # supervisor waits, so this status cannot overwrite what it writes.
            job = super()._submit_command(command)
            folder.write_status(
                "queued", attempt=attempt, cluster="slurm", verdict="", pid=0, host="", job_id=str(job.job_id)
            )
            return job

    executor = Executor(folder=str(folder.submission.resolve()))
    cluster = config.cluster
    executor.update_parameters(
        nodes=all_nodes(cluster), ntasks_per_node=1, time=time_limit_minutes(cluster.time), stderr_to_stdout=True
    )
    return executor


@contextmanager
def _clean_environment() -> Iterator[None]:
    """sbatch sends its own environment with the job: for that moment, it is the one that the job should have."""
    before = dict(os.environ)
    after = submission_environment(before)
    for name in before.keys() - after.keys():
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(before)
