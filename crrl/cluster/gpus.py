"""The GPUs that a run on this machine may use: found without PyTorch, which takes seconds to load."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

VISIBLE = "CUDA_VISIBLE_DEVICES"
_UNCOUNTED = ("/dev/dxg", "/dev/kfd")
"""GPUs of WSL and of AMD: there, but not to be counted here."""


def gpus_here(root: Path = Path("/")) -> int | None:
    """How many NVIDIA GPUs the machine shows; None if there are others, which only PyTorch can count."""
    devices = [path for path in (root / "dev").glob("nvidia*") if path.name.removeprefix("nvidia").isdecimal()]
    # A device's file may be made at its first use only; in a container only its own devices have one.
    known = list((root / "proc/driver/nvidia/gpus").glob("*"))
    found = max(len(devices), len(known))
    return None if not found and any((root / path.lstrip("/")).exists() for path in _UNCOUNTED) else found


def gpu_problem(wanted: int, host: Mapping[str, str], here: int | None) -> str | None:
    """Why a run on this machine cannot have as many GPUs as it wants; None if it can.

    Args:
        host: the environment, where CUDA_VISIBLE_DEVICES may show fewer.
        here: what `gpus_here` says.
    """
    visible = host.get(VISIBLE)
    if not wanted:
        return None
    if visible is None:
        if here is None or here >= wanted:
            return None
        cpu = "; --gpus-per-node 0 trains on its CPU" if not here else ""
        return f"--gpus-per-node {wanted}, but this machine shows {here} NVIDIA GPUs; ask for fewer{cpu}"
    names = visible_names(host)
    if not all(name.isdecimal() for name in names):
        return f"{VISIBLE}={visible}: a local run wants numbers, as in {VISIBLE}=0,1"
    if len(names) < wanted:
        return f"--gpus-per-node {wanted}, but {VISIBLE}={visible} shows {len(names)}; ask for fewer, or show more"
    return None


def visible_gpus(wanted: int, host: Mapping[str, str]) -> list[int]:
    """The GPUs of a local run that has no problem: the first of those visible, where submitit takes the machine's first."""
    return [int(name) for name in visible_names(host)[:wanted]] if VISIBLE in host else list(range(wanted))


def visible_names(host: Mapping[str, str]) -> list[str]:
    """What CUDA_VISIBLE_DEVICES lists: numbers, or names like GPU-8932f9…; nothing if it is not set."""
    return [name.strip() for name in host.get(VISIBLE, "").split(",") if name.strip()]
