"""A node whose driver is too old for the image is refused before anything starts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from crrl.cluster.apptainer import ROOT
from crrl.cluster.driver import LEAST_DRIVER, driver_problem, refuse_old_driver
from crrl.config import ClusterConfig
from crrl.errors import RunError

CLOSED = """\
NVRM version: NVIDIA UNIX x86_64 Kernel Module  {}  Sat Aug 19 01:15:15 UTC 2023
GCC version:  gcc version 11.4.0 (Ubuntu 11.4.0-1ubuntu1~22.04)
"""
OPEN = (
    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  {}  Release Build  (dvs-builder@U22)  Mon Jul 28 2025\n"
)


@pytest.mark.parametrize("text", [CLOSED, OPEN])
def test_a_driver_is_judged_by_its_branch(text: str) -> None:
    assert driver_problem(text.format("580.65.06")) is None
    assert driver_problem(text.format("595.10")) is None
    assert "its NVIDIA driver 535.104.05 is too old for the image, whose CUDA 13 needs 580 or newer" in (
        driver_problem(text.format("535.104.05")) or ""
    )


def test_what_is_not_understood_is_taken() -> None:
    assert driver_problem("") is None
    assert driver_problem("NVRM version: something else") is None


def test_only_a_run_with_gpus_in_an_image_is_refused(tmp_path: Path) -> None:
    version = tmp_path / "version"
    version.write_text(CLOSED.format("550.54.15"))
    with pytest.raises(RunError, match=r"node .*: its NVIDIA driver 550.54.15 is too old"):
        refuse_old_driver(ClusterConfig(gpus_per_node=1, image="/crrl.sif"), version)
    for fine in (ClusterConfig(gpus_per_node=0, image="/crrl.sif"), ClusterConfig(gpus_per_node=1, image="none")):
        refuse_old_driver(fine, version)
    refuse_old_driver(ClusterConfig(gpus_per_node=1, image="/crrl.sif"), tmp_path / "none")


def test_the_limit_is_that_of_the_locked_cuda_and_the_image_says_it() -> None:
    assert re.search(r"^cuda-toolkit==13\.", (ROOT / "requirements/cuda.txt").read_text(), re.MULTILINE)
    assert f"crrl.least_driver {LEAST_DRIVER}" in (ROOT / "container.def").read_text()
