"""A heartbeat tells phase, step and progress, and needs no room on the disk."""

from __future__ import annotations

import os
import time
from pathlib import Path

from crrl.report.attempt_folder import AttemptFolder, write_once
from crrl.report.heartbeat import Heartbeat, read_beats


def test_a_beat_tells_what_the_process_does(tmp_path: Path) -> None:
    heart = Heartbeat(tmp_path / "a.json", "trainer", "n1", 3)
    heart.start()
    with heart.during("generate"):
        heart.done_step(7)
        heart.beat()
        (beat,) = read_beats(tmp_path).values()
        assert (beat.name, beat.phase, beat.step, beat.pid) == ("trainer-n1-3", "generate", 7, os.getpid())
    heart.stop()
    assert read_beats(tmp_path)["trainer-n1-3"].phase == "start"
    assert read_beats(tmp_path)["trainer-n1-3"].progress == 3


def test_it_beats_by_itself_and_progress_is_only_what_gets_done(tmp_path: Path) -> None:
    heart = Heartbeat(tmp_path / "a.json", "trainer", "n1")
    heart.start()
    first = read_beats(tmp_path)["trainer-n1-0"]
    end = time.monotonic() + 30
    while (later := read_beats(tmp_path)["trainer-n1-0"]).beat == first.beat:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert later.progress == first.progress
    heart.stop()


def test_a_beat_is_written_over_the_one_before_it(tmp_path: Path) -> None:
    heart = Heartbeat(tmp_path / "a.json", "trainer", "n1")
    heart.beat()
    before = (tmp_path / "a.json").stat()
    heart.enter("a much longer name of a phase than the one before it")
    heart.beat()
    after = (tmp_path / "a.json").stat()
    assert (after.st_size, after.st_ino) == (before.st_size, before.st_ino)


def test_a_folder_that_is_gone_does_not_end_the_process(tmp_path: Path) -> None:
    Heartbeat(tmp_path / "none" / "a.json", "trainer", "n1").beat()


def test_what_cannot_be_read_now_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "half.json").write_text('{"role": "trai')
    (tmp_path / "other.json").write_text('{"role": "trainer"}')
    assert read_beats(tmp_path) == {}
    assert read_beats(tmp_path / "none") == {}


def test_of_two_who_write_once_the_first_wins(tmp_path: Path) -> None:
    attempt = AttemptFolder(tmp_path / "1")
    attempt.make()
    assert write_once(attempt.end, {"kind": "lost"})
    assert not write_once(attempt.end, {"kind": "done"})
    assert "lost" in attempt.end.read_text()
    assert [path.name for path in attempt.path.iterdir() if path.name.startswith(".")] == []
