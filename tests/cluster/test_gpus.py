"""GPUs of a run on this machine: as many as it wants are visible, or it is refused before anything is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from crrl.cluster.gpus import gpu_problem, gpus_here, visible_gpus


def environment(visible: str | None) -> dict[str, str]:
    return {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}


@pytest.mark.parametrize(
    ("wanted", "visible", "taken"),
    [(0, None, []), (0, "3", []), (2, None, [0, 1]), (1, "3", [3]), (2, "5, 3,1", [5, 3])],
)
def test_the_first_visible_gpus_are_taken(wanted: int, visible: str | None, taken: list[int]) -> None:
    assert gpu_problem(wanted, environment(visible), here=8) is None
    assert visible_gpus(wanted, environment(visible)) == taken


@pytest.mark.parametrize(
    ("visible", "here", "complaint"),
    [
        ("0", 8, "CUDA_VISIBLE_DEVICES=0 shows 1; ask for fewer, or show more"),
        ("", 8, "CUDA_VISIBLE_DEVICES= shows 0; ask for fewer, or show more"),
        ("GPU-1a,GPU-2b", 8, "a local run wants numbers"),
        (None, 1, "--gpus-per-node 2, but this machine shows 1 NVIDIA GPUs; ask for fewer"),
        (None, 0, "this machine shows 0 NVIDIA GPUs; ask for fewer; --gpus-per-node 0 trains on its CPU"),
    ],
)
def test_gpus_that_are_not_visible_are_refused(visible: str | None, here: int, complaint: str) -> None:
    assert complaint in (gpu_problem(2, environment(visible), here) or "")


def test_gpus_that_cannot_be_counted_are_believed() -> None:
    assert gpu_problem(2, {}, here=None) is None


def test_gpus_are_counted_by_their_devices_or_by_the_driver(tmp_path: Path) -> None:
    assert gpus_here(tmp_path) == 0
    (tmp_path / "dev").mkdir()
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        (tmp_path / "dev" / name).touch()
    assert gpus_here(tmp_path) == 2
    for name in ("0000:01:00.0", "0000:02:00.0", "0000:03:00.0"):
        (tmp_path / "proc/driver/nvidia/gpus" / name).mkdir(parents=True)
    assert gpus_here(tmp_path) == 3


@pytest.mark.parametrize("device", ["dxg", "kfd"])
def test_other_gpus_are_not_counted(device: str, tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / device).touch()
    assert gpus_here(tmp_path) is None
