"""Attempts are counted once for all nodes of a start, and a job that gets nowhere is not started for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from crrl.cluster.attempts import IN_VAIN, checkpoint_names, claim_attempt, in_vain, is_superseded, join_attempt
from crrl.cluster.ending import Ending
from crrl.cluster.place import Place, place_of_environment
from crrl.cluster.requeue import is_this_start, is_wanted, put_back
from crrl.config import WatchdogConfig
from crrl.errors import RunError
from crrl.report.attempts import attempt_spans, read_events
from crrl.report.heartbeat import Heartbeat, read_beats
from crrl.report.run_folder import RunFolder


def place(restart: int, node: int = 0, job: str = "41") -> Place:
    return Place(node, 2, f"n{node}", job, restart, f"{job}-{restart}")


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path)
    folder.write_status("queued", attempt=1)
    return folder


def complete(folder: RunFolder, name: str) -> None:
    (folder.checkpoints / name).mkdir(parents=True)
    (folder.checkpoints / name / "manifest.json").write_text("{}")


def test_a_submitted_attempt_has_the_number_it_was_submitted_with_and_a_restarted_job_the_next(
    folder: RunFolder,
) -> None:
    assert claim_attempt(folder, place(0)).number == 1
    assert claim_attempt(folder, place(1)).number == 2
    folder.write_status("queued", attempt=3)
    assert claim_attempt(folder, place(0, job="42")).number == 3


def test_other_nodes_join_their_own_start_and_no_other(folder: RunFolder) -> None:
    claim_attempt(folder, place(0))
    threading.Timer(0.3, claim_attempt, (folder, place(1))).start()
    assert join_attempt(folder, place(1, node=1), 30).number == 2
    with pytest.raises(RunError, match="did not begin an attempt within"):
        join_attempt(folder, place(2, node=1), 0.1)


def test_an_attempt_is_superseded_by_a_later_one(folder: RunFolder) -> None:
    first = claim_attempt(folder, place(0))
    assert not is_superseded(folder, first)
    claim_attempt(folder, place(1))
    assert is_superseded(folder, first)


def test_an_attempt_that_was_killed_with_its_supervisors_gets_its_end_from_the_next_one(folder: RunFolder) -> None:
    first = claim_attempt(folder, place(0))
    folder.append_event("started", attempt=1, node="n1")
    beat = Heartbeat(first.heartbeat("trainer", "n1", 0), "trainer", "n1")
    beat.beat()
    seen = next(iter(read_beats(first.heartbeats).values())).since
    time.sleep(0.1)  # in the queue
    claim_attempt(folder, place(1))
    (span,) = attempt_spans(folder)
    assert (span.kind, span.ended) == ("lost", pytest.approx(seen, abs=0.002))
    folder.append_event("started", attempt=2, node="n1")
    folder.append_event("ended", attempt=2, node="n1", kind_of_end="stopped", exit_code=75)
    claim_attempt(folder, place(2))
    ends = [event["kind_of_end"] for event in read_events(folder) if event["kind"] == "ended"]
    assert ends == ["lost", "stopped"]


def test_attempts_without_a_new_checkpoint_are_counted_back_to_the_last_one_that_had_some(folder: RunFolder) -> None:
    first = claim_attempt(folder, place(0))
    assert in_vain(folder, first) == 1
    complete(folder, "grpo/checkpoint-2")
    assert in_vain(folder, first) == 0
    attempts = [claim_attempt(folder, place(restart)) for restart in (1, 2, 3)]
    assert [in_vain(folder, attempt) for attempt in attempts] == [1, 2, IN_VAIN]
    complete(folder, "warm-start")
    assert in_vain(folder, attempts[-1]) == 0


def test_a_run_that_a_person_resumes_starts_to_count_anew(folder: RunFolder) -> None:
    for restart in range(3):
        claim_attempt(folder, place(restart))
    assert in_vain(folder, claim_attempt(folder, place(0, job="42"))) == 1


def test_a_checkpoint_without_manifest_is_none(folder: RunFolder) -> None:
    (folder.checkpoints / "grpo/.writing/checkpoint-4").mkdir(parents=True)
    complete(folder, "grpo/checkpoint-2")
    assert checkpoint_names(folder) == ["grpo/checkpoint-2"]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("JobId=41 JobState=RUNNING Reason=None Restarts=1 ExitCode=0:0", True),
        ("JobId=41 JobState=RUNNING Restarts=2", False),
        ("JobId=41 JobState=COMPLETING Restarts=1", False),
        ("JobId=41 JobState=PENDING Restarts=2", False),
        (None, None),
    ],
)
def test_only_a_running_job_that_was_not_started_again_since_is_put_back(
    said: str | None, expected: bool | None
) -> None:
    assert is_this_start(place(1), lambda _: said) is expected


class Controller:
    """Slurm's controller, which leaves the first questions without an answer, and a clock that goes on with each one."""

    def __init__(self, silent: int, *, takes: bool = True, said: str = "JobState=RUNNING Restarts=1") -> None:
        self.silent, self.takes, self.said = silent, takes, said
        self.now = 0.0
        self.told = 0

    def ask(self, command: Sequence[str]) -> str | None:
        self.now += 20
        if "requeue" in command:
            self.told += 1
            return "" if self.takes else None
        self.silent -= 1
        return None if self.silent >= 0 else self.said

    def put_back(self) -> str:
        return put_back(place(1), self.ask, clock=lambda: self.now, pause=lambda _: None)


def test_a_controller_that_does_not_answer_at_once_is_asked_again() -> None:
    controller = Controller(3)
    assert (controller.put_back(), controller.told, controller.now) == ("taken", 1, 100)


def test_a_job_that_nobody_says_anything_of_is_put_back_all_the_same_in_the_end() -> None:
    controller = Controller(1000)
    assert (controller.put_back(), controller.told, controller.now) == ("taken", 1, 180)
    assert Controller(1000, takes=False).put_back() == "refused"


def test_a_refusal_is_believed_after_three_of_them_and_another_start_at_once() -> None:
    controller = Controller(0, takes=False)
    assert (controller.put_back(), controller.told) == ("refused", 3)
    other = Controller(1, said="JobState=RUNNING Restarts=2")
    assert (other.put_back(), other.told) == ("another start", 0)


def test_what_is_put_back_is_the_configs_to_say_and_a_cancelled_run_is_not(folder: RunFolder) -> None:
    rule, stopped, stalled = WatchdogConfig(), Ending("stopped", ""), Ending("stalled", "")
    assert is_wanted(folder, stopped, place(0), rule)
    assert not is_wanted(folder, stalled, place(0), rule)
    assert is_wanted(folder, stalled, place(0), WatchdogConfig(requeue=("stalled",)))
    assert not is_wanted(folder, stopped, Place(0, 1, "laptop", ""), rule)
    folder.cancel.write_text("now\n")
    assert not is_wanted(folder, stopped, place(0), rule)


def test_a_place_comes_from_slurm_only_in_a_job_that_submitit_started() -> None:
    job = {"SLURM_JOB_ID": "41", "SLURM_NODEID": "1", "SLURM_JOB_NUM_NODES": "3", "SLURMD_NODENAME": "n2"}
    assert place_of_environment(job).job == ""
    assert place_of_environment({**job, "SUBMITIT_EXECUTOR": "local"}).nodes == 1
    mine = place_of_environment({**job, "SUBMITIT_EXECUTOR": "slurm", "SLURM_RESTART_COUNT": "2"})
    assert mine == Place(1, 3, "n2", "41", 2, "41-2")
