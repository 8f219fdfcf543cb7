"""What breaks on a cluster, broken on a real one: two trainer nodes with ZeRO-3, in the image, under Slurm.

What goes on afterwards ends with the metrics of a run that nothing happened to; what does not names the culprit.
Nothing is left behind.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crrl.train.manifest import damage
from tests.hpc.image import Image
from tests.hpc.slurm_cluster import SlurmCluster
from tests.hpc.training import ONE_NODE, TWO_NODES, Training

Start = Callable[..., Training]
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def start(slurm: SlurmCluster, checkout: Path, image: Image, warm: Path) -> Start:
    """Submits a run under a name of its own."""
    return lambda name, *words: Training(
        slurm, checkout, image.path, slurm.work / f"runs-{name}", "--model", str(warm), *words
    )


@pytest.fixture(scope="module")
def undisturbed(start: Start) -> Training:
    run = start("undisturbed", *TWO_NODES)
    run.wait_for_state("done")
    return run


def test_two_nodes_train_with_zero_3_to_the_end(undisturbed: Training) -> None:
    facts = undisturbed.events("distribution")
    assert [event["stage"] for event in facts] == ["sft", "grpo"]
    for event in facts:
        assert (event["distributed_type"], event["world_size"], event["zero_stage"]) == ("DEEPSPEED", 2, 3)
    assert (undisturbed.folder.checkpoints / "final/model.safetensors").is_file()
    learned = [entry for entry in undisturbed.metrics() if entry["stage"] == "grpo"]
    assert [entry["step"] for entry in learned] == list(range(1, 9))
    assert any(entry["loss"] and entry["grad_norm"] > 0 for entry in learned)  # else equal metrics would say little
    undisturbed.assert_nothing_is_left()


def test_one_node_with_two_ranks_trains_alike(undisturbed: Training, start: Start) -> None:
    run = start("one-node", *ONE_NODE)
    run.wait_for_state("done")
    pairs = list(zip(run.metrics(), undisturbed.metrics(), strict=True))
    assert pairs
    for one, two in pairs:
        assert _words(one) == _words(two)
        assert _numbers(one) == pytest.approx(_numbers(two), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("how", ["requeue", "USR2", "time limit", "kill -9"])
def test_a_run_that_is_disturbed_goes_on_and_ends_as_if_it_had_not_been(
    how: str, undisturbed: Training, start: Start, slurm: SlurmCluster
) -> None:
    more = ("--cluster.signal-s", "180", "--watchdog.heartbeat-s", "300") if how == "time limit" else ()
    run = start(re.sub(r"\W", "-", how), *TWO_NODES, *more)
    run.wait_for_step(3)
    if how == "requeue":
        slurm.run("scontrol", "requeue", run.job_id)
    elif how == "USR2":
        run.hold_until_asked(lambda: slurm.run("scancel", "--signal=USR2", run.job_id))
    elif how == "time limit":
        run.hold_until_asked(lambda: _limit(slurm, run.job_id))
        slurm.administer("scontrol", "update", f"JobId={run.job_id}", "TimeLimit=60")  # the next attempt has time
    else:
        os.kill(run.rank(run.nodes()[1]), signal.SIGKILL)
    run.wait_for_state("done")
    assert run.status["attempt"] == 2
    (first,) = (event["kind_of_end"] for event in run.events("ended") if event["attempt"] == 1)
    # Slurm gives a job that it requeues a few seconds, which may be enough for a step and its checkpoint.
    assert first in {"requeue": ("stopped", "lost"), "kill -9": ("lost",)}.get(how, ("stopped",))
    assert run.metrics() == undisturbed.metrics()
    assert sorted(path.name for path in run.folder.logs.iterdir()) == ["1", "2"]
    run.assert_nothing_is_left()


def test_a_stopped_rank_is_named_within_the_configured_time(start: Start, slurm: SlurmCluster) -> None:
    run = start("sigstop", *TWO_NODES, "--grpo.steps", "2000", "--watchdog.heartbeat-s", "20")
    run.wait_for_step(1)
    node = run.nodes()[1]
    os.kill(run.rank(node), signal.SIGSTOP)
    run.wait_for_state("failed")
    assert re.fullmatch(rf"trainer rank 1 on {node} \(.*\) gave no sign of life for 2\d s", run.status["verdict"])
    run.assert_nothing_is_left()  # the other node may have written the status before this one has ended
    assert run.folder.log(1, "trainer", node).read_text().splitlines()[-1].endswith(run.status["verdict"])
    assert "(most recent call first)" in run.folder.log(1, "stacks-trainer", f"{node}-1").read_text()
    assert slurm.job(run.job_id)["ExitCode"] == "76:0"


def test_a_node_whose_slurmd_is_killed_is_replaced(undisturbed: Training, start: Start, slurm: SlurmCluster) -> None:
    run = start("node-killed", *TWO_NODES)
    run.wait_for_step(3)
    node = run.nodes()[1]
    try:
        with run.held():
            slurm.kill_node(node)
            slurm.wait_for(lambda: slurm.node_states()[node].startswith("down"), "loss of the node", timeout_s=90)
        run.wait_for_state("done")
    finally:
        slurm.start_node(node)
        # Until then Slurm refuses what comes next.
        slurm.wait_for(lambda: slurm.node_states()[node] == "idle", "return of the node", timeout_s=120)
    assert run.status["attempt"] == 2
    assert run.metrics() == undisturbed.metrics()
    run.assert_nothing_is_left()


@pytest.fixture
def small_disk(slurm: SlurmCluster) -> Iterator[Path]:
    """A file system of its own, where a run named disk-full lies. What is checked before a submission wants over 1 GiB free."""
    place = slurm.user.make_folder(slurm.work / "runs-disk-full")
    owner = f"uid={slurm.user.uid},gid={slurm.user.gid}"
    slurm.administer("mount", "-t", "tmpfs", "-o", f"size=1300m,mode=755,{owner}", "tmpfs", str(place))
    yield place
    slurm.administer("umount", "--lazy", str(place))


def test_a_full_disk_ends_the_run_and_leaves_the_checkpoints_before_it(
    start: Start, slurm: SlurmCluster, small_disk: Path
) -> None:
    run = start("disk-full", *TWO_NODES, "--grpo.steps", "2000")
    run.wait_for_step(3)
    free = os.statvfs(small_disk)
    with (small_disk / "of somebody else").open("wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, free.f_bavail * free.f_frsize - 1_000_000)
    run.wait_for_state("failed")
    said = re.match(r"the disk is full: checkpoint-(\d+) ", run.status["verdict"])
    assert said, run.status
    assert not damage(run.folder.checkpoints / f"grpo/checkpoint-{int(said[1]) - 2}")
    run.assert_nothing_is_left()
    assert slurm.job(run.job_id)["ExitCode"] == "74:0"


def test_a_truncated_checkpoint_is_refused_by_name(undisturbed: Training, start: Start, slurm: SlurmCluster) -> None:
    run = start("truncated", *TWO_NODES)
    run.wait_for_step(5)
    # What some sites send before they take the nodes.
    run.hold_until_asked(lambda: slurm.run("scancel", "--signal=TERM", run.job_id))
    slurm.wait_for(lambda: run.status["state"] == "queued", "the job in the queue", timeout_s=120)
    last = max((run.folder.checkpoints / "grpo").glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    assert [event["kind_of_end"] for event in run.events("ended")] == ["stopped"]
    (weights,) = last.glob("global_step*/zero_pp_rank_1_mp_rank_00_optim_states.pt")
    os.truncate(weights, 1000)
    run.wait_for_state("done")
    said = run.folder.log(2, "trainer", run.nodes()[0]).read_text()
    assert f"{last.name} is damaged and is not used: global_step" in said
    assert run.metrics() == undisturbed.metrics()


def _limit(slurm: SlurmCluster, job_id: str) -> None:
    """Three minutes and a bit more from now: the notice, which comes three minutes before, is due within a minute."""
    hours, minutes, _ = slurm.job(job_id)["RunTime"].split(":")
    slurm.run("scontrol", "update", f"JobId={job_id}", f"TimeLimit={int(hours) * 60 + int(minutes) + 4}")


def _words(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if not isinstance(value, int | float)}


def _numbers(entry: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in entry.items() if isinstance(value, int | float)}
