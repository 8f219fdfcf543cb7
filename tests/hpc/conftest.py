"""Fixtures of the tests on a real cluster. What is missing here fails; nothing is skipped."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hpc.slurm_cluster import SlurmCluster


@pytest.fixture(scope="session")
def hpc_root() -> Path:
    """Where provision.sh keeps what it made: CRRL_HPC, else a folder for temporary files that outlive a restart."""
    return Path(os.environ.get("CRRL_HPC") or Path(os.environ.get("TMPDIR") or "/var/tmp") / "crrl-hpc")


@pytest.fixture(scope="session")
def hpc_user() -> str:
    """The ordinary user who submits jobs; made by provision.sh."""
    return os.environ.get("CRRL_HPC_USER") or "crrl-hpc"


@pytest.fixture(scope="session")
def slurm(hpc_root: Path, hpc_user: str) -> Iterator[SlurmCluster]:
    """Three idle nodes for all tests of this session."""
    assert os.geteuid() == 0, "the tests on a cluster start slurmd for three nodes: run them as root, on a test machine"
    hpc_root.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="slurm-", dir=hpc_root))
    folder.chmod(0o755)
    cluster = SlurmCluster(folder, hpc_user)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)
