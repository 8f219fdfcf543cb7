"""A followed Slurm run: its place in the queue, its logs, its end; and a job that died without a word is told of."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from crrl.cluster import follow_slurm
from crrl.cluster.follow_slurm import SlurmFollower
from crrl.cluster.queue import Job, _by_id
from crrl.errors import RunError
from crrl.report.run_folder import RunFolder, write_aside


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    monkeypatch.setattr(follow_slurm, "POLL_S", 0)
    folder = RunFolder(tmp_path / "r1")
    folder.write_status("queued", attempt=1, cluster="slurm", job_id="7", verdict="", pid=0, host="")
    return folder


def minutes() -> Iterator[float]:
    """A clock that shows half a minute more each time."""
    now = 0.0
    while True:
        now += 30
        yield now


def follower(folder: RunFolder, output: io.StringIO, *answers: Job | None) -> SlurmFollower:
    """One that hears these answers of Slurm, and then the last one again and again."""
    left, clock = list(answers), minutes()
    return SlurmFollower(
        folder, output, ask=lambda _: left.pop(0) if len(left) > 1 else left[0], clock=lambda: next(clock)
    )


def test_the_queue_is_shown_when_it_changes_and_the_logs_as_they_grow(folder: RunFolder) -> None:
    output = io.StringIO()
    waiting, running = Job("PENDING", "Resources"), Job("RUNNING", "None")
    steps = iter([waiting, waiting, running, running])

    def ask(_: str) -> Job:
        job = next(steps, running)
        if job is running:
            write_aside(folder.log(1, "trainer", "n2"), "step 1\n")
            folder.write_status("done", verdict="done")
        return job

    clock = minutes()
    status = SlurmFollower(folder, output, ask=ask, clock=lambda: next(clock)).follow()
    assert status is not None
    assert status["state"] == "done"
    shown = [line.partition(" ")[2] if "Slurm job" in line else line for line in output.getvalue().splitlines()]
    assert shown == ["Slurm job 7: PENDING (Resources)", "Slurm job 7: RUNNING", "step 1"]


def test_lines_of_several_trainers_are_told_apart(folder: RunFolder) -> None:
    for node in ("n2", "n3"):
        write_aside(folder.log(1, "trainer", node), f"hello from {node}\n")
    write_aside(folder.log(1, "server", "n1"), "not shown\n")
    folder.write_status("failed", verdict="killed")
    output = io.StringIO()
    follower(folder, output, None).follow()
    assert output.getvalue() == "trainer-n2: hello from n2\ntrainer-n3: hello from n3\n"


@pytest.mark.parametrize(
    ("job", "words"), [(Job("NODE_FAIL", ""), "ended: NODE_FAIL"), (None, "is not known to Slurm")]
)
def test_a_job_that_died_without_a_word_is_an_error(folder: RunFolder, job: Job | None, words: str) -> None:
    with pytest.raises(RunError, match=words) as error:
        follower(folder, io.StringIO(), Job("RUNNING"), job).follow()
    assert "go on with: python launch.py --resume" in str(error.value)


def test_ctrl_c_only_looks_away(folder: RunFolder) -> None:
    output = io.StringIO()

    def ask(_: str) -> Job:
        os.kill(os.getpid(), signal.SIGINT)
        return Job("RUNNING")

    assert SlurmFollower(folder, output, ask=ask).follow() is None
    assert "the run goes on; look again with: crrl logs" in output.getvalue()
    assert folder.read_status()["state"] == "queued"


def test_answers_of_slurm_are_read_by_id() -> None:
    assert _by_id("12|PENDING|Resources\n13|RUNNING|None\nnoise\n") == {
        "12": Job("PENDING", "Resources"),
        "13": Job("RUNNING", "None"),
    }
    assert [Job(state).is_live for state in ("PENDING", "COMPLETING", "REQUEUED", "COMPLETED", "CANCELLED")] == [
        *(True, True, True, False, False)
    ]
