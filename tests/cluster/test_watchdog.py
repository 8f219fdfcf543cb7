"""Who is to blame for a run that stands still, by heartbeats alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crrl.cluster.ending import Ending
from crrl.cluster.watchdog import Watch
from crrl.config import WatchdogConfig
from crrl.report.heartbeat import Beat

LIMITS = WatchdogConfig(start_up_s=100, step_s=50, heartbeat_s=20)


class Scene:
    """Two nodes with a trainer each, and a clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.watch = Watch(LIMITS, 2, clock=lambda: self.now)
        self.beats = {}
        for node in (0, 1):
            for role in ("supervisor", "trainer"):
                beat = Beat(role, f"n{node}", node, 100 + node, "train", 1, 10, 1, 0.0)
                self.beats[beat.name] = beat

    def set(self, name: str, **changes: object) -> None:
        self.beats[name] = replace(self.beats[name], **changes)  # type: ignore[arg-type]

    def run(self, seconds: int, *, silent: tuple[str, ...] = (), standing: tuple[str, ...] = ()) -> Ending | None:
        for _ in range(seconds):
            self.now += 1
            for name, beat in self.beats.items():
                if name not in silent:
                    progress = beat.progress + (name not in standing)
                    self.set(name, beat=beat.beat + 1, progress=progress)
            if ending := self.watch.look(self.beats):
                return ending
        return None


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_run_that_goes_on_is_left_alone(scene: Scene) -> None:
    assert scene.run(1000) is None


def test_a_silent_process_is_named_after_the_heartbeats_limit(scene: Scene) -> None:
    ending = scene.run(1000, silent=("trainer-n1-1",), standing=("trainer-n0-0",))
    assert scene.now == 23  # seen first at 1, and longer than 20 ago at 22 and again at 23
    assert ending and (ending.kind, ending.culprit["rank"]) == ("stalled", 1)


def test_a_pause_of_the_file_system_is_held_against_nobody(scene: Scene) -> None:
    scene.run(45, standing=("trainer-n0-0", "trainer-n1-1"))
    scene.now += 200  # nobody reads or writes
    assert scene.watch.look(scene.beats) is None
    assert scene.run(4, silent=("trainer-n1-1", "supervisor-n1-1"), standing=("trainer-n0-0", "trainer-n1-1")) is None
    assert scene.run(1000) is None


def test_a_pause_before_a_node_has_come_gives_it_as_much_more_time(scene: Scene) -> None:
    for name in ("supervisor-n1-1", "trainer-n1-1"):
        del scene.beats[name]
    scene.run(50)
    scene.now += 200
    ending = scene.run(1000)
    assert ending and ending.verdict == "node number 1 of 2 did not come within 100 s"
    assert scene.now == 302  # 100 after the start, without the 201 between two looks


def test_silence_is_told_only_when_it_was_seen_twice(scene: Scene) -> None:
    assert scene.run(21, silent=("trainer-n1-1",)) is None
    scene.now += 9  # not long enough for a pause
    assert scene.watch.look(scene.beats) is None
    assert scene.run(100) is None


def test_a_silent_node_is_named_rather_than_the_process_on_it(scene: Scene) -> None:
    ending = scene.run(1000, silent=("trainer-n1-1", "supervisor-n1-1"))
    assert ending and (ending.kind, ending.culprit["role"], ending.culprit["node"]) == ("lost", "supervisor", "n1")


def test_of_those_that_stand_the_one_that_does_not_wait_is_named(scene: Scene) -> None:
    scene.set("trainer-n0-0", phase="wait for rewards", progress=5)
    scene.set("trainer-n1-1", phase="reward tests", progress=9)
    ending = scene.run(1000, standing=("trainer-n0-0", "trainer-n1-1"))
    assert ending and ending.culprit["node"] == "n1"
    assert ending.verdict.endswith("; the others: wait for rewards")


def test_of_those_that_work_in_step_the_one_with_the_least_progress_is_named(scene: Scene) -> None:
    scene.set("trainer-n0-0", progress=12)
    scene.set("trainer-n1-1", progress=11)
    ending = scene.run(1000, standing=("trainer-n0-0", "trainer-n1-1"))
    assert ending and ending.culprit["node"] == "n1"
    assert scene.now == 52


def test_before_the_first_step_there_is_more_time(scene: Scene) -> None:
    for name in ("trainer-n0-0", "trainer-n1-1"):
        scene.set(name, step=0)
    assert scene.run(1000, standing=("trainer-n0-0", "trainer-n1-1"))
    assert scene.now == 102


def test_a_process_that_has_ended_need_not_beat(scene: Scene) -> None:
    scene.set("trainer-n1-1", phase="ended")
    assert scene.run(500, silent=("trainer-n1-1",)) is None


def test_who_waits_for_one_that_works_is_not_late(scene: Scene) -> None:
    scene.set("trainer-n1-1", phase="wait for the first rank")
    assert scene.run(1000, standing=("trainer-n1-1",)) is None


def test_a_server_has_limits_of_its_own_but_must_give_signs_of_life(scene: Scene) -> None:
    beat = Beat("server", "n0", 0, 7, "start the server", 0, 1, 1, 0.0)
    scene.beats[beat.name] = beat
    assert scene.run(1000, standing=(beat.name,)) is None
    ending = scene.run(1000, silent=(beat.name,), standing=(beat.name,))
    assert ending and ending.verdict.startswith("server rank 0 on n0 (start the server, step 0) gave no sign of life")
