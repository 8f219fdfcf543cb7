"""The tests' own Slurm, with the checkout and the image that run on it, for benchmarks.

As root, on a machine that tests/hpc/provision.sh has prepared.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.hpc import provisioned
from tests.hpc.slurm_cluster import SlurmCluster


class Slurm(NamedTuple):
    """A cluster that is up."""

    cluster: SlurmCluster
    checkout: Path
    """A copy of this checkout that belongs to the cluster's user."""
    image: Path


@contextmanager
def slurm() -> Iterator[Slurm]:
    """Start it, and end it with all its jobs."""
    checkout, image = provisioned.checkout(), provisioned.image()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=provisioned.root()) as name:
        Path(name).chmod(0o755)
        cluster = SlurmCluster(Path(name), provisioned.user())
        try:
            cluster.start()
            yield Slurm(cluster, checkout, image)
        finally:
            cluster.stop()
