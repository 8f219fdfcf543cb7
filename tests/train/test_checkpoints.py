"""A half-written checkpoint is never taken for a whole one."""

from __future__ import annotations

from pathlib import Path

import pytest

from crrl.train.checkpoints import is_complete, last_complete, mark_complete, step_of, write_folder


def checkpoint(folder: Path, step: int, *, whole: bool = True) -> Path:
    path = folder / f"checkpoint-{step}"
    path.mkdir(parents=True)
    (path / "weights").write_text("w")
    if whole:
        mark_complete(path)
    return path


def test_the_last_whole_checkpoint_is_the_one_of_the_highest_step(tmp_path: Path) -> None:
    checkpoint(tmp_path, 9)
    checkpoint(tmp_path, 100)
    checkpoint(tmp_path, 20)
    last = last_complete(tmp_path)
    assert last is not None
    assert step_of(last) == 100


def test_a_checkpoint_without_its_mark_is_removed_and_not_taken(tmp_path: Path) -> None:
    checkpoint(tmp_path, 10)
    half = checkpoint(tmp_path, 20, whole=False)
    assert last_complete(tmp_path) == tmp_path / "checkpoint-10"
    assert not half.exists()


def test_no_folder_has_no_checkpoint(tmp_path: Path) -> None:
    assert last_complete(tmp_path / "none") is None


def test_a_folder_that_fails_half_way_leaves_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "final"
    write_folder(target, lambda aside: (aside / "weights").write_text("old") and None)

    def fail(aside: Path) -> None:
        (aside / "weights").write_text("new")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_folder(target, fail)
    assert (target / "weights").read_text() == "old"
    assert is_complete(target)
    assert [path.name for path in tmp_path.iterdir()] == ["final"]
