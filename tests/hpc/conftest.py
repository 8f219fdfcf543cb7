"""Fixtures of the tests on a real cluster. What is missing here fails; nothing is skipped."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hpc import provisioned
from tests.hpc.image import Image
from tests.hpc.ordinary_user import OrdinaryUser
from tests.hpc.slurm_cluster import SlurmCluster
from tests.hpc.training import warm_model


@pytest.fixture(scope="session")
def hpc_root() -> Path:
    """Where provision.sh keeps what it makes; tests put their own temporary folders beside it."""
    assert os.geteuid() == 0, "the tests on a cluster start slurmd for three nodes: run them as root, on a test machine"
    return provisioned.root()


@pytest.fixture(scope="session")
def user(hpc_root: Path) -> OrdinaryUser:
    """Who builds the image and submits jobs."""
    return OrdinaryUser(provisioned.user())


@pytest.fixture(scope="session")
def checkout(user: OrdinaryUser) -> Path:
    """A copy of this checkout, as its files are now, owned by the user: launch.py, .venv/bin/python, crrl.sif."""
    return provisioned.checkout()


@pytest.fixture(scope="session")
def image(checkout: Path, user: OrdinaryUser) -> Image:
    """The CPU image of that checkout; built if its contents have changed (CRRL_HPC_IMAGE=FILE takes another as it is)."""
    return Image(provisioned.image(), user)


@pytest.fixture
def folder(hpc_root: Path, user: OrdinaryUser) -> Iterator[Path]:
    """An empty folder of the user's, which he can reach (pytest's tmp_path is root's alone)."""
    path = Path(tempfile.mkdtemp(prefix="test-", dir=hpc_root))
    try:
        yield user.make_folder(path)
    finally:
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def slurm(hpc_root: Path, user: OrdinaryUser) -> Iterator[SlurmCluster]:
    """Three idle nodes for all tests of this session."""
    path = Path(tempfile.mkdtemp(prefix="slurm-", dir=hpc_root))
    path.chmod(0o755)
    cluster = SlurmCluster(path, user.name)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def warm(slurm: SlurmCluster, checkout: Path) -> Path:
    """A model that reinforcement can start from."""
    return warm_model(slurm, checkout, slurm.work / "runs-warm")
