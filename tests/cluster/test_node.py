"""A supervisor starts one real process, hands signals on, and writes down how it ended."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from crrl.cluster.follow import Follower
from crrl.cluster.node import ROLE
from crrl.cluster.role_process import last_line
from crrl.errors import RunError
from crrl.report.run_folder import RunFolder

HOST = os.uname().nodename
SUPERVISE = (
    "import json, sys\nfrom crrl.cluster.node import run\nprint(run(sys.argv[1], json.loads(sys.argv[2])))"
    "\n# submitit.core._submit, as in the command line of a supervisor that submitit starts"
)
LIMITED = """
import os, resource, sys
for kind, low in ((resource.RLIMIT_CPU, 600), (resource.RLIMIT_NOFILE, 200)):
    resource.setrlimit(kind, (low, resource.getrlimit(kind)[1]))
os.execv(sys.executable, [sys.executable, "-c", *sys.argv[1:]])
"""
LIMITS = (
    "import resource; print(resource.getrlimit(resource.RLIMIT_CPU)[0], resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
)
ASKABLE = """
import signal, sys, time
def stop(*_):
    print("checkpoint written", flush=True)
    sys.exit(75)
signal.signal(signal.SIGTERM, stop)
print("ready", flush=True)
time.sleep(60)
"""
DEAF = """
import signal, subprocess, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "60"])
print(f"ready {child.pid}", flush=True)
time.sleep(60)
"""


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.write_status("queued", attempt=1, pid=0, host=HOST, verdict="")
    return folder


def start(folder: RunFolder, command: Sequence[str]) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", SUPERVISE, str(folder.path), json.dumps(command)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def supervise(folder: RunFolder, code: str) -> str:
    """The final state of a run whose trainer is some Python code."""
    output, _ = start(folder, [sys.executable, "-c", code]).communicate(timeout=60)
    return output.strip()


def wait_for(holds: Callable[[], bool], timeout_s: float = 60) -> None:
    end = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def log_text(folder: RunFolder) -> str:
    log = folder.log(1, ROLE, HOST)
    return log.read_text() if log.is_file() else ""


def is_running(folder: RunFolder) -> bool:
    return folder.read_status()["state"] == "running" and "ready" in log_text(folder)


def test_a_trainer_that_ends_well_is_done_and_its_output_is_in_the_log(folder: RunFolder) -> None:
    code = "import sys; print('to stdout', flush=True); print('to stderr', file=sys.stderr)"
    assert supervise(folder, code) == "done"
    status = folder.read_status()
    assert (status["state"], status["exit_code"], status["pid"]) == ("done", 0, 0)
    assert log_text(folder) == "to stdout\nto stderr\n"
    kinds = [json.loads(line)["kind"] for line in folder.events.read_text().splitlines()]
    assert kinds == ["started", "ended"]


def test_the_verdict_of_a_failure_is_the_last_line_of_the_log(folder: RunFolder) -> None:
    assert supervise(folder, "print('step 1'); raise ValueError('no such tensor')") == "failed"
    assert folder.read_status()["verdict"] == "ValueError: no such tensor"


def test_a_silent_failure_and_a_kill_have_verdicts_of_their_own(folder: RunFolder) -> None:
    assert supervise(folder, "raise SystemExit(3)") == "failed"
    assert folder.read_status()["verdict"] == "the trainer ended with exit code 3 and said nothing"
    assert supervise(folder, "import os; os.kill(os.getpid(), 9)") == "failed"
    assert "killed by SIGKILL" in folder.read_status()["verdict"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR2])
def test_a_signal_becomes_a_request_to_stop(folder: RunFolder, number: signal.Signals) -> None:
    supervisor = start(folder, [sys.executable, "-c", ASKABLE])
    wait_for(lambda: is_running(folder))
    supervisor.send_signal(number)
    output, _ = supervisor.communicate(timeout=60)
    assert output == "stopped\n"
    assert folder.read_status()["verdict"] == f"stopped by {number.name}; a checkpoint is written"


def test_a_second_request_kills_the_trainer_and_all_that_it_started(folder: RunFolder) -> None:
    supervisor = start(folder, [sys.executable, "-c", DEAF])
    wait_for(lambda: is_running(folder))
    child = int(log_text(folder).split()[-1])
    supervisor.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    assert supervisor.poll() is None  # the trainer has the time that it needs
    supervisor.send_signal(signal.SIGTERM)
    output, _ = supervisor.communicate(timeout=60)
    assert output == "failed\n"
    wait_for(lambda: not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split()[2])


def test_nothing_that_the_trainer_started_outlives_it(folder: RunFolder) -> None:
    code = "import subprocess; print(subprocess.Popen(['sleep', '60']).pid)"
    assert supervise(folder, code) == "done"
    child = Path("/proc", log_text(folder).strip())
    wait_for(lambda: not child.exists() or (child / "stat").read_text().split()[2] == "Z", timeout_s=10)


def test_last_line_skips_blank_lines_and_cuts_long_ones(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"first\nsecond\xff\n\n   \n")
    assert last_line(log) == "second�"
    log.write_text("x" * 100_000)
    assert last_line(log) == "x" * 500
    log.write_text("")
    assert last_line(log) == ""


FOLLOW = (
    "import sys\nfrom pathlib import Path\nfrom crrl.cluster.follow import EXIT_CODES, Follower\n"
    "from crrl.report.run_folder import RunFolder\n"
    "sys.exit(EXIT_CODES[Follower(RunFolder(Path(sys.argv[1]))).follow()['state']])"
)


def follow(folder: RunFolder) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", FOLLOW, str(folder.path)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def test_following_shows_the_log_to_its_last_character_and_ends_with_the_run(folder: RunFolder) -> None:
    follower = follow(folder)
    assert supervise(folder, "print('one'); print('two, unfinished', end='')") == "done"
    output, _ = follower.communicate(timeout=60)
    assert (output, follower.returncode) == ("one\ntwo, unfinished", 0)


def test_ctrl_c_of_a_follower_stops_the_run_with_a_checkpoint(folder: RunFolder) -> None:
    supervisor = start(folder, [sys.executable, "-c", ASKABLE])
    wait_for(lambda: is_running(folder))
    follower = follow(folder)
    assert follower.stdout
    assert follower.stdout.readline() == "ready\n"
    follower.send_signal(signal.SIGINT)
    output, _ = follower.communicate(timeout=60)
    supervisor.communicate(timeout=60)
    assert "stopping at the next step (Ctrl-C again kills)" in output
    assert "checkpoint written" in output
    assert follower.returncode == 75


def test_ctrl_c_twice_kills_a_run_that_does_not_stop(folder: RunFolder) -> None:
    supervisor = start(folder, [sys.executable, "-c", DEAF])
    wait_for(lambda: is_running(folder))
    follower = follow(folder)
    assert follower.stdout
    follower.stdout.readline()
    follower.send_signal(signal.SIGINT)
    while "stopping" not in follower.stdout.readline():
        pass
    follower.send_signal(signal.SIGINT)
    output, _ = follower.communicate(timeout=60)
    supervisor.communicate(timeout=60)
    assert "killing" in output
    assert follower.returncode == 1


def test_a_supervisor_that_is_gone_ends_the_following_and_says_how_to_go_on(folder: RunFolder) -> None:
    supervisor = start(folder, [sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(5)"])
    wait_for(lambda: is_running(folder))
    supervisor.kill()
    supervisor.communicate()
    with pytest.raises(RunError, match=r"is gone; go on with: python launch.py --resume .* --follow"):
        Follower(folder).follow()


def test_a_number_that_belongs_to_another_process_by_now_is_no_supervisor(folder: RunFolder) -> None:
    folder.write_status("running", pid=os.getpid())  # this process: alive, and no supervisor
    with pytest.raises(RunError, match="is gone"):
        Follower(folder).follow()


def test_a_run_that_never_starts_is_given_up(folder: RunFolder) -> None:
    times = iter([0.0, 1000.0])
    with pytest.raises(RunError, match=r"did not start within 120 s; see .*submission"):
        Follower(folder, clock=lambda: next(times)).follow()


@pytest.mark.parametrize("is_job", [True, False])
def test_a_job_has_the_limits_of_its_node_and_not_those_of_the_shell_that_submitted_it(
    folder: RunFolder, is_job: bool
) -> None:
    words = [sys.executable, "-c", LIMITED, SUPERVISE, str(folder.path), json.dumps([sys.executable, "-c", LIMITS])]
    job = {"SUBMITIT_EXECUTOR": "slurm", "SLURM_JOB_ID": "7", "SLURM_NODEID": "0", "SLURM_JOB_NUM_NODES": "1"}
    env = {**os.environ, **job, "SLURMD_NODENAME": HOST} if is_job else None
    assert subprocess.run(words, env=env, capture_output=True, text=True, timeout=60).stdout.strip() == "done"
    hard_cpu = resource.getrlimit(resource.RLIMIT_CPU)[1]
    files = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 65536)
    expected = [str(hard_cpu), str(files)] if is_job else ["600", "200"]
    assert folder.log(1, ROLE, HOST).read_text().split() == expected
