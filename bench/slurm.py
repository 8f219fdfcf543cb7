"""The tests' own Slurm, with the checkout and the image that run on it, for benchmarks.

As root, on a machine that tests/hpc/provision.sh has prepared.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.hpc.slurm_cluster import SlurmCluster

_PROVISION = Path("tests/hpc/provision")


class Slurm(NamedTuple):
    """A cluster that is up."""

    cluster: SlurmCluster
    checkout: Path
    """A copy of this checkout that belongs to the cluster's user."""
    image: Path


@contextmanager
def slurm() -> Iterator[Slurm]:
    """Start it, and end it with all its jobs."""
    root, user = _said_by("-c", '. ./where.sh; echo "$HPC_ROOT"'), _said_by("-c", '. ./where.sh; echo "$HPC_USER"')
    checkout, image = Path(_said_by("checkout.sh")), Path(_said_by("image.sh"))
    with tempfile.TemporaryDirectory(prefix="bench-", dir=root) as name:
        Path(name).chmod(0o755)
        cluster = SlurmCluster(Path(name), user)
        try:
            cluster.start()
            yield Slurm(cluster, checkout, image)
        finally:
            cluster.stop()


def _said_by(*script: str) -> str:
    done = subprocess.run(["sh", *script], cwd=_PROVISION, capture_output=True, text=True, check=True)
    return done.stdout.strip().splitlines()[-1]
