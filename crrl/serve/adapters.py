"""Weights as folders that a server loads: written aside, renamed, numbered by version, old ones removed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

KEPT_VERSIONS = 3
"""Folders that stay: the current one, the one before that requests may still use, and one to look back at."""
_PREFIX = "v"


def adapter_folder(adapters: Path, version: int) -> Path:
    """Where a version lies: `adapters/v000012`."""
    return adapters / f"{_PREFIX}{version:06d}"


def write_adapter(adapters: Path, version: int, write: Callable[[Path], None]) -> tuple[Path, int]:
    """Let `write` fill the folder of one version aside, and rename it into place; a folder of that number is replaced.

    Later versions go: a resumed run takes their steps again. Returns the folder, and how many bytes it holds.
    """
    folder = adapter_folder(adapters, version)
    aside = adapters / f".{folder.name}.{os.getpid()}"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    write(aside)
    size = sum(path.stat().st_size for path in aside.iterdir())
    shutil.rmtree(folder, ignore_errors=True)
    aside.rename(folder)
    _remove_others(adapters, folder)
    return folder, size


def _remove_others(adapters: Path, current: Path) -> None:
    folders = sorted(adapters.glob(f"{_PREFIX}[0-9]*"))
    until = folders.index(current) + 1
    for folder in (*folders[: max(0, until - KEPT_VERSIONS)], *folders[until:]):
        shutil.rmtree(folder, ignore_errors=True)
