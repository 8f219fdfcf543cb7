"""A run on this machine: the same supervisor as on a cluster, started by submitit's LocalExecutor."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crrl.cluster import node
from crrl.cluster.gpus import visible_gpus
from crrl.config import RunConfig, time_limit_minutes
from crrl.report.run_folder import RunFolder, write_aside

ROOT = Path(__file__).resolve().parents[2]


def submit_locally(config: RunConfig, folder: RunFolder) -> None:
    """Start the run's supervisor in the background; it outlives this process and its terminal."""
    from submitit import LocalExecutor

    gpus = visible_gpus(config.cluster.gpus_per_node, os.environ)
    write_aside(folder.job, job_script(folder))
    _find_crrl_from_anywhere()
    with _ignored(signal.SIGINT, signal.SIGHUP), _own_streams_kept():
        # submitit's controller inherits what is ignored: Ctrl-C and a closed terminal are ours to handle, not its.
        executor = LocalExecutor(folder=str(folder.submission))
        executor.update_parameters(
            timeout_min=time_limit_minutes(config.cluster.time),
            gpus_per_node=len(gpus),
            visible_gpus=gpus,
            tasks_per_node=1,
        )
        attempt = next_attempt(folder)
        host = os.uname().nodename
        folder.write_status("queued", attempt=attempt, cluster="local", verdict="", pid=0, host=host, job_id="")
        job = executor.submit(node.run, str(folder.path.resolve()))
    folder.append_event("submitted", attempt=attempt, cluster="local", job_id=job.job_id)


def job_script(folder: RunFolder) -> str:
    """The script of a local run: what its supervisor starts, to be started by hand as well."""
    return (
        "#!/bin/sh\n# This run on this machine: starts it, or goes on where it stopped.\n"
        f"cd {shlex.quote(str(ROOT))} && exec {shlex.join(node.trainer_command(str(folder.path.resolve())))}\n"
    )


def next_attempt(folder: RunFolder) -> int:
    """The number of the next start of this run, from 1."""
    return int(folder.read_status().get("attempt", 0)) + 1 if folder.status.is_file() else 1


def _find_crrl_from_anywhere() -> None:
    """Let the processes that are started import crrl even where it is not installed."""
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if str(ROOT) not in paths:
        os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, paths)])


@contextmanager
def _own_streams_kept() -> Iterator[None]:
    """What is started meanwhile gets no stream of ours: who reads our output must not wait for the end of the run."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(number) for number in range(3)]
    nowhere = os.open(os.devnull, os.O_RDWR)
    try:
        for number in range(3):
            os.dup2(nowhere, number)
        yield
    finally:
        for number, copy in enumerate(kept):
            os.dup2(copy, number)
        for descriptor in (*kept, nowhere):
            os.close(descriptor)


@contextmanager
def _ignored(*signals: signal.Signals) -> Iterator[None]:
    before = {number: signal.signal(number, signal.SIG_IGN) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
