"""Checkpoints that can be trusted: one counts only when its last file, the mark, is there.

A trainer writes a checkpoint file by file. A process killed in the middle leaves a folder that looks like one; the mark is
written after everything else, so what a resumed run finds is whole, and at worst one checkpoint older.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

MARK = "complete"
_PREFIX = "checkpoint-"


def mark_complete(checkpoint: Path) -> None:
    """Declare a checkpoint whole, once its files are on the disk."""
    for path in checkpoint.rglob("*"):
        if path.is_file():
            _sync(path)
    mark = checkpoint / MARK
    mark.touch()
    _sync(mark)
    _sync(checkpoint)


def is_complete(folder: Path) -> bool:
    """Whether everything was written."""
    return (folder / MARK).is_file()


def last_complete(folder: Path) -> Path | None:
    """The whole checkpoint of the highest step, or None. Those without a mark are removed: they are half written."""
    whole: list[Path] = []
    for checkpoint in sorted(folder.glob(f"{_PREFIX}*"), key=step_of) if folder.is_dir() else ():
        if is_complete(checkpoint):
            whole.append(checkpoint)
        else:
            shutil.rmtree(checkpoint)
    return whole[-1] if whole else None


def step_of(checkpoint: Path) -> int:
    """The optimizer step that a checkpoint was written at."""
    return int(checkpoint.name.removeprefix(_PREFIX))


def write_folder(folder: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a folder aside, then rename it into place: there is never half a one of that name."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        write(aside)
        aside.chmod(0o755)
        mark_complete(aside)
        if folder.exists():
            shutil.rmtree(folder)
        aside.rename(folder)
        _sync(folder.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
