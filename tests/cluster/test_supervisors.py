"""The supervisors of several nodes end a run together, whatever becomes of one of them, and say who was to blame."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cluster.nodes import Nodes, is_gone, make_nodes, wait_for

WORK = "work_until_stopped()"
SHORT_WORK = "work_until_stopped(20)\nend(0)"


@pytest.fixture
def nodes(tmp_path: Path) -> Nodes:
    return make_nodes(tmp_path / "run", 2)


def start_both(nodes: Nodes, first: str, second: str) -> None:
    nodes.start(0, first)
    nodes.start(1, second)
    for node in (0, 1):
        nodes.wait_for_step(node)


def test_a_run_is_done_once_the_trainers_of_every_node_are(nodes: Nodes) -> None:
    nodes.start(0, SHORT_WORK)
    nodes.start(1, "work_until_stopped(60)\nend(0)")
    assert [nodes.end(0), nodes.end(1)] == [("done", 0), ("done", 0)]
    assert nodes.folder.read_status()["state"] == "done"
    assert nodes.beat(1)["step"] == 59


def test_a_request_to_one_node_stops_all_of_them(nodes: Nodes) -> None:
    start_both(nodes, WORK, WORK)
    nodes.supervisors[1].send_signal(signal.SIGUSR2)
    assert [nodes.end(0)[0], nodes.end(1)[0]] == ["stopped", "stopped"]
    assert nodes.folder.read_status()["verdict"].startswith("stopped by SIGUSR2 at step ")
    assert nodes.folder.read_status()["exit_code"] == 75


def test_a_killed_trainer_ends_the_other_node_and_is_named(nodes: Nodes) -> None:
    start_both(nodes, WORK, WORK)
    survivor = nodes.beat(0)["pid"]
    os.kill(nodes.beat(1)["pid"], signal.SIGKILL)
    assert [nodes.end(0)[0], nodes.end(1)[0]] == ["failed", "failed"]
    assert is_gone(survivor)
    status = nodes.folder.read_status()
    assert "killed by SIGKILL" in status["verdict"]
    assert (status["exit_code"], status["culprit"]["node"], status["culprit"]["rank"]) == (77, "n1", 1)
    assert nodes.log(0).splitlines()[-1].endswith(status["verdict"])


def test_an_error_is_told_before_the_echo_of_it_on_another_node(nodes: Nodes) -> None:
    echo = "work_until_stopped(10)\nend(1, 'RuntimeError: Connection closed by peer [127.0.0.1]:1')"
    nodes.start(0, echo)
    nodes.start(1, "work_until_stopped(20)\nend(2, 'there is no model of that name')")
    assert [nodes.end(0)[0], nodes.end(1)[0]] == ["failed", "failed"]
    status = nodes.folder.read_status()
    assert (status["verdict"], status["exit_code"]) == ("there is no model of that name", 2)


def test_an_echo_without_a_cause_is_told_in_the_end(nodes: Nodes) -> None:
    start_both(nodes, "work_until_stopped(10)\nend(1, 'RuntimeError: Connection closed by peer')", WORK)
    assert nodes.end(0)[0] == nodes.end(1)[0] == "failed"
    assert nodes.folder.read_status()["verdict"] == "RuntimeError: Connection closed by peer"


def test_a_stopped_process_is_named_within_the_configured_time_and_shows_its_stack(tmp_path: Path) -> None:
    nodes = make_nodes(tmp_path / "run", 2, heartbeat_s=6)
    start_both(nodes, WORK, "def deep_inside():\n    work_until_stopped()\ndeep_inside()")
    stopped = nodes.beat(1)["pid"]
    os.kill(stopped, signal.SIGSTOP)
    assert nodes.end(0)[0] == nodes.end(1)[0] == "failed"
    status = nodes.folder.read_status()
    assert status["exit_code"] == 76
    assert status["verdict"].startswith("trainer rank 1 on n1 (")
    assert "gave no sign of life for" in status["verdict"]
    assert "deep_inside" in nodes.folder.log(1, "stacks-trainer", "n1-1").read_text()
    assert is_gone(stopped)


def test_a_hung_reward_is_named_though_everybody_waits(tmp_path: Path) -> None:
    nodes = make_nodes(tmp_path / "run", 2, step_s=6)
    hang = """
heart.done_step(3)
with heart.during("wait for rewards"):
    with heart.during("reward tests"):
        time.sleep({})
    time.sleep(600)
"""
    start_both(nodes, hang.format(600), hang.format(0.01))
    assert nodes.end(0)[0] == nodes.end(1)[0] == "failed"
    status = nodes.folder.read_status()
    assert status["verdict"].startswith("trainer rank 0 on n0 (reward tests, step 3) got nothing done for ")
    assert status["verdict"].endswith("; the others: wait for rewards")
    assert status["culprit"] == {"role": "trainer", "node": "n0", "rank": 0, "phase": "reward tests", "step": 3}


def test_a_start_that_hangs_ends_after_its_own_limit(tmp_path: Path) -> None:
    nodes = make_nodes(tmp_path / "run", 1, start_up_s=5)
    nodes.start(0, "heart.enter('data')\ntime.sleep(600)")
    assert nodes.end(0)[0] == "failed"
    assert nodes.folder.read_status()["verdict"].startswith("trainer rank 0 on n0 (data, step 0) got nothing done for ")


def test_a_node_that_is_gone_with_its_supervisor_is_named(tmp_path: Path) -> None:
    nodes = make_nodes(tmp_path / "run", 2, heartbeat_s=8)
    start_both(nodes, WORK, WORK)
    worker = nodes.beat(1)["pid"]
    nodes.supervisors[1].kill()
    os.kill(worker, signal.SIGKILL)
    assert nodes.end(0)[0] == "failed"
    status = nodes.folder.read_status()
    assert status["verdict"].startswith("node n1 gave no sign of life for ")
    assert status["exit_code"] == 77


def test_a_node_that_never_comes_is_named(tmp_path: Path) -> None:
    nodes = make_nodes(tmp_path / "run", 2, start_up_s=5)
    nodes.start(0, WORK)
    assert nodes.end(0)[0] == "failed"
    assert nodes.folder.read_status()["verdict"] == "node number 1 of 2 did not come within 5 s"


def test_a_node_that_was_left_behind_ends_by_itself_and_writes_nothing(nodes: Nodes) -> None:
    """Slurm has lost a node, whose processes go on, and has started the job again elsewhere."""
    start_both(nodes, WORK, WORK)
    left = nodes.beat(1)["pid"]
    nodes.supervisors[0].kill()
    os.kill(nodes.beat(0)["pid"], signal.SIGKILL)
    again = Nodes(nodes.folder, 1, key="7-1")
    again.start(0, WORK)
    assert nodes.end(1)[0] == "failed"
    assert is_gone(left)
    assert nodes.folder.read_status()["state"] == "running"
    assert nodes.folder.read_status()["attempt"] == 2
    assert not nodes.folder.attempt(1).end.exists()
    again.supervisors[0].send_signal(signal.SIGTERM)
    assert again.end(0)[0] == "stopped"


SCONTROL = """\
#!/bin/sh
case "$*" in
    *requeue*) touch {told}; while ! [ -e {go} ]; do sleep 0.1; done; exit {code} ;;
    *show*) echo "JobId=7 JobState=RUNNING Restarts=0" ;;
esac
"""


def test_no_supervisor_ends_and_no_folder_is_left_before_slurm_is_told_to_put_the_job_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On some clusters the first one that ends has the others killed."""
    told, go, program = tmp_path / "told", tmp_path / "go", tmp_path / "bin/scontrol"
    program.parent.mkdir()
    program.write_text(SCONTROL.format(told=told, go=go, code=1))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "local"))
    nodes = make_nodes(tmp_path / "run", 2)
    nodes.job = "7"
    start_both(nodes, WORK, WORK)
    nodes.supervisors[0].send_signal(signal.SIGUSR2)
    wait_for(told.exists)
    wait_for(lambda: not list((tmp_path / "local").glob("crrl-*")))  # else what Slurm ends leaves it behind
    assert nodes.folder.read_status()["state"] == "queued"
    with pytest.raises(subprocess.TimeoutExpired):
        nodes.supervisors[1].wait(3)
    assert nodes.supervisors[0].poll() is None
    go.touch()
    assert [nodes.end(0)[1], nodes.end(1)[1]] == [75, 75]
    status = nodes.folder.read_status()
    assert status["state"] == "stopped"
    assert status["verdict"].endswith(
        f"did not take the job back; go on with: python launch.py --resume {nodes.folder.path}"
    )


def test_events_tell_start_and_end_of_every_node(nodes: Nodes) -> None:
    start_both(nodes, SHORT_WORK, SHORT_WORK)
    nodes.end(0), nodes.end(1)
    events = [json.loads(line) for line in nodes.folder.events.read_text().splitlines()]
    assert sorted(event["node"] for event in events if event["kind"] == "started") == ["n0", "n1"]
    assert [event["exit_code"] for event in events if event["kind"] == "ended"] == [0]
    wait_for(lambda: all(supervisor.poll() == 0 for supervisor in nodes.supervisors.values()))
