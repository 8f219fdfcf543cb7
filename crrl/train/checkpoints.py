"""Checkpoints that can be trusted: complete or absent, and looked through before one is taken.

They are written aside, hashed, given a manifest and then renamed into place. What a resumed run finds is whole; a checkpoint
that was damaged since is refused by name, and the one before it is taken.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from crrl.errors import RunError
from crrl.train.manifest import MANIFEST, damage, files_of, hash_files, read_manifest, sync, write_manifest, written_by
from crrl.train.ranks import ALONE, Ranks

KEPT = 2
"""Checkpoints of a stage that are kept: the last, and one to fall back to."""
_PREFIX = "checkpoint-"
_ASIDE = ".writing"
_PART = ".{}.part"
"""The hidden folder beside a folder that is being written; one name, so that processes that were killed leave one at most."""
_DAMAGED = "damaged-"


def is_complete(folder: Path) -> bool:
    """Whether everything was written. Cheap: the manifest is written last."""
    return (folder / MANIFEST).is_file()


def step_of(checkpoint: Path) -> int:
    """The optimizer step that a checkpoint was written at."""
    return int(checkpoint.name.removeprefix(_PREFIX))


def checkpoints_of(folder: Path) -> list[Path]:
    """The complete checkpoints of a stage by step."""
    return sorted((path for path in folder.glob(f"{_PREFIX}*") if is_complete(path)), key=step_of)


def aside_of(folder: Path) -> Path:
    """Where checkpoints of a stage are written before they are complete."""
    return folder / _ASIDE


def last_sound(folder: Path, ranks: Ranks = ALONE) -> Path | None:
    """The checkpoint of the highest step whose files are all as they were written, or None.

    Damaged ones are told of in a line and put aside as `damaged-checkpoint-<step>`; what was never finished is removed. To be
    called on all ranks, which look at a share of the files each.

    Raises RunError for one that was written by another number of processes. Cost: reads the checkpoint once.
    """
    if ranks.is_first:
        _remove_unfinished(folder)
    ranks.wait()
    for checkpoint in reversed(checkpoints_of(folder)):
        found = ranks.gather(damage(checkpoint, rank=ranks.rank, processes=ranks.count))
        problem = next(filter(None, found), "")
        if not problem:
            _refuse_other_size(checkpoint, ranks)
            return checkpoint
        if ranks.is_first:
            _put_aside(checkpoint, problem)
        ranks.wait()
    return None


def finish_checkpoint(aside: Path, ranks: Ranks = ALONE) -> Path:
    """Make the checkpoint that was written aside the last complete one; to be called on all ranks.

    Returns where it is. Only then are older ones removed, so a full disk costs none of them.
    """
    place = aside.parent.parent / aside.name
    ranks.wait()  # everybody has written
    own = [path for path in files_of(aside) if written_by(path, ranks.rank)]
    hashed = ranks.gather(hash_files(aside, own))
    if ranks.is_first:
        write_manifest(aside, {name: entry for part in hashed for name, entry in part.items()}, processes=ranks.count)
        _rename(aside, place)
        for old in checkpoints_of(place.parent)[:-KEPT]:
            shutil.rmtree(old)
    ranks.wait()
    return place


def write_folder(folder: Path, write: Callable[[Path], None], ranks: Ranks = ALONE) -> None:
    """Let `write` fill a folder aside, then rename it into place: there is never half a one of that name.

    To be called on all ranks, as `write` is, with the same folder; the first one makes it and takes it away.
    """
    aside = folder.with_name(_PART.format(folder.name))
    if ranks.is_first:
        shutil.rmtree(aside, ignore_errors=True)  # of a process that was killed
        aside.mkdir(parents=True)
    ranks.wait()  # nobody writes before it is there
    try:
        write(aside)
        ranks.wait()  # everybody has written
        if ranks.is_first:
            write_manifest(aside, hash_files(aside, files_of(aside)), processes=1)
            _rename(aside, folder)
    finally:
        if ranks.is_first:
            shutil.rmtree(aside, ignore_errors=True)
    ranks.wait()


def _rename(aside: Path, place: Path) -> None:
    if place.exists():
        shutil.rmtree(place)
    aside.rename(place)
    sync(place.parent)


def _remove_unfinished(folder: Path) -> None:
    shutil.rmtree(aside_of(folder), ignore_errors=True)
    for checkpoint in folder.glob(f"{_PREFIX}*"):
        if not is_complete(checkpoint):
            shutil.rmtree(checkpoint)


def _put_aside(checkpoint: Path, problem: str) -> None:
    print(f"{checkpoint.name} is damaged and is not used: {problem}", flush=True)
    _rename(checkpoint, checkpoint.with_name(_DAMAGED + checkpoint.name))


def _refuse_other_size(checkpoint: Path, ranks: Ranks) -> None:
    manifest = read_manifest(checkpoint)
    processes = manifest["processes"] if manifest else ranks.count
    if processes != ranks.count:
        raise RunError(
            f"{checkpoint} was written by {processes} trainer processes and can only be loaded by as many, not by "
            f"{ranks.count}; resume the run with the nodes and GPUs that it had, or remove its checkpoints"
        )
