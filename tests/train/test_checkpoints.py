"""A checkpoint is complete or absent, and one that was damaged since is refused by name."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from threading import Barrier, Thread

import pytest

from crrl.errors import RunError, StorageError
from crrl.train.checkpoints import KEPT, aside_of, finish_checkpoint, is_complete, last_sound, step_of, write_folder
from crrl.train.manifest import MANIFEST, read_manifest, written_by
from crrl.train.ranks import Ranks
from crrl.train.storage import writing


def checkpoint(folder: Path, step: int, *, whole: bool = True) -> Path:
    aside = aside_of(folder) / f"checkpoint-{step}"
    (aside / f"global_step{step}").mkdir(parents=True)
    (aside / "weights").write_text("w" * 1000)
    (aside / f"global_step{step}" / "zero_pp_rank_0_mp_rank_00_optim_states.pt").write_text("m" * 1000)
    if whole:
        return finish_checkpoint(aside)
    aside.rename(folder / aside.name)
    return folder / aside.name


def test_the_last_checkpoint_is_the_one_of_the_highest_step(tmp_path: Path) -> None:
    checkpoint(tmp_path, 9)
    checkpoint(tmp_path, 100)
    last = last_sound(tmp_path)
    assert last is not None
    assert step_of(last) == 100


def test_a_manifest_lists_every_file_with_size_and_hash(tmp_path: Path) -> None:
    manifest = read_manifest(checkpoint(tmp_path, 5))
    assert manifest is not None
    assert manifest["processes"] == 1
    assert sorted(manifest["files"]) == ["global_step5/zero_pp_rank_0_mp_rank_00_optim_states.pt", "weights"]
    entry = manifest["files"]["weights"]
    assert entry["bytes"] == 1000
    assert len(entry["blake2b"]) == 64


def test_a_checkpoint_without_manifest_is_removed_and_not_taken(tmp_path: Path) -> None:
    checkpoint(tmp_path, 10)
    half = checkpoint(tmp_path, 20, whole=False)
    (aside_of(tmp_path) / "checkpoint-30").mkdir(parents=True)
    assert last_sound(tmp_path) == tmp_path / "checkpoint-10"
    assert not half.exists()
    assert not aside_of(tmp_path).exists()


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda path: (path / "weights").write_text("w"), "weights has 1 bytes instead of 1000"),
        (
            lambda path: (path / "weights").write_text("v" * 1000),
            "weights does not have the hash that was written down",
        ),
        (lambda path: (path / "weights").unlink(), "weights is missing"),
        (lambda path: (path / MANIFEST).write_text('{"files": {'), "manifest.json is missing or unreadable"),
    ],
)
def test_a_damaged_checkpoint_is_refused_by_name_and_the_one_before_it_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], harm: object, words: str
) -> None:
    checkpoint(tmp_path, 10)
    last = checkpoint(tmp_path, 20)
    harm(last)  # type: ignore[operator]
    assert last_sound(tmp_path) == tmp_path / "checkpoint-10"
    assert capsys.readouterr().out == f"checkpoint-20 is damaged and is not used: {words}\n"
    assert (tmp_path / "damaged-checkpoint-20").is_dir()
    checkpoint(tmp_path, 20)  # the way is free for a new one
    assert last_sound(tmp_path) == tmp_path / "checkpoint-20"


def test_old_checkpoints_go_only_after_the_new_one_is_whole(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        checkpoint(tmp_path, step)
    assert sorted(path.name for path in tmp_path.glob("checkpoint-*")) == ["checkpoint-2", "checkpoint-3"]
    assert KEPT == 2


def test_a_checkpoint_of_another_number_of_processes_is_refused(tmp_path: Path) -> None:
    last = checkpoint(tmp_path, 10)
    manifest = json.loads((last / MANIFEST).read_text())
    (last / MANIFEST).write_text(json.dumps({**manifest, "processes": 4}))
    with pytest.raises(
        RunError, match="was written by 4 trainer processes and can only be loaded by as many, not by 1"
    ):
        last_sound(tmp_path)


def test_every_file_belongs_to_the_rank_that_its_name_holds() -> None:
    assert written_by(Path("zero_pp_rank_3_mp_rank_00_optim_states.pt"), 3)
    assert written_by(Path("rng_state_12.pth"), 12)
    assert written_by(Path("model.safetensors"), 0)
    assert not written_by(Path("rng_state_1.pth"), 0)


def test_no_folder_has_no_checkpoint(tmp_path: Path) -> None:
    assert last_sound(tmp_path / "none") is None


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


KILLED = """
import os, signal, sys
from pathlib import Path
from crrl.train.checkpoints import write_folder
def write(aside):
    (aside / "weights").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
write_folder(Path(sys.argv[1]), write)
"""


def test_processes_that_were_killed_leave_one_hidden_folder_which_the_next_one_replaces(tmp_path: Path) -> None:
    target = tmp_path / "final"
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", KILLED, str(target)], env={**os.environ, "PYTHONPATH": "."})
        assert done.returncode == -signal.SIGKILL
    assert [path.name for path in tmp_path.iterdir()] == [".final.part"]
    write_folder(target, lambda aside: (aside / "config").write_text("whole") and None)
    assert [path.name for path in tmp_path.iterdir()] == ["final"]
    assert sorted(path.name for path in target.iterdir()) == ["config", MANIFEST]


@dataclass(frozen=True)
class ThreadRanks(Ranks):
    """Ranks that are threads of one process."""

    barrier: Barrier = field(default_factory=lambda: Barrier(1))

    def wait(self) -> None:
        self.barrier.wait(30)


def test_all_ranks_write_to_one_folder_which_is_hashed_once_everybody_has_written(tmp_path: Path) -> None:
    target, together = tmp_path / "final", Barrier(3)
    has_hidden: list[list[str]] = []

    def write(aside: Path, rank: int) -> None:
        assert aside.is_dir()
        if rank:
            together.wait(30)  # only the first is done by now
        (aside / f"part-{rank}").write_text("w" * rank)
        has_hidden.append([path.name for path in tmp_path.iterdir()])

    def work(rank: int) -> None:
        ranks = ThreadRanks(rank, 4, barrier=barrier)
        write_folder(target, lambda aside: write(aside, rank), ranks)
        assert is_complete(target)

    barrier = Barrier(4)
    threads = [Thread(target=work, args=(rank,)) for rank in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert has_hidden == [[".final.part"]] * 4
    assert [path.name for path in tmp_path.iterdir()] == ["final"]
    manifest = read_manifest(target)
    assert manifest is not None
    assert sorted(manifest["files"]) == [f"part-{rank}" for rank in range(4)]


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 64 vs 0"),
        Exception("Error while serializing: I/O error: No space left on device (os error 28)"),
    ],
)
def test_a_full_disk_is_told_as_one_whichever_library_stumbled(tmp_path: Path, error: Exception) -> None:
    aside = aside_of(tmp_path / "grpo") / "checkpoint-4"
    aside.mkdir(parents=True)
    with (
        pytest.raises(StorageError, match=r"the disk is full: checkpoint-4 cannot be written to .*grpo; "),
        writing(aside),
    ):
        raise error
    assert not aside.exists()


def test_another_error_while_writing_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such tensor"), writing(tmp_path / "checkpoint-4"):
        raise ValueError("no such tensor")
