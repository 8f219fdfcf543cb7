"""`crrl runs`, `status`, `logs`, `cancel`, `resume` as their user sees them, on runs without Slurm."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from crrl.cli import main
from crrl.report.run_folder import RunFolder, write_aside

HOST = os.uname().nodename
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def no_slurm_and_no_site(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("bin")))
    monkeypatch.setenv("CRRL_SITE", "none")


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Three runs: one done after two attempts, one whose supervisor is gone, one that was never submitted."""
    done = make_run(tmp_path, "r1", "done", attempt=2, cluster="local", verdict="done")
    for attempt in (1, 2):
        write_aside(done.log(attempt, "trainer", HOST), "".join(f"attempt {attempt} line {n}\n" for n in range(50)))
    write_aside(done.log(2, "server", HOST), "server ready\n")
    done.append_metrics(40, {"stage": "grpo", "reward": 0.5})
    write_aside(done.checkpoints / "grpo" / "checkpoint-40" / "manifest.json", "{}")
    make_run(tmp_path, "r2", "running", attempt=1, cluster="local", verdict="", pid=2**22 + 1, host=HOST)
    write_aside(tmp_path / "r3" / "config.yaml", "")
    return tmp_path


def make_run(runs: Path, run_id: str, state: str, **fields: object) -> RunFolder:
    folder = RunFolder(runs / run_id)
    write_aside(folder.config, (ROOT / "jobs" / "tiny.yaml").read_text())
    folder.write_status(state, **fields)  # type: ignore[arg-type]
    return folder


def output_of(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(words) == 0
    return capsys.readouterr().out


def complaint_of(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(words) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    return printed.err


def test_the_table_shows_every_run_and_what_became_of_it(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line.split() for line in output_of(capsys, "runs", "--runs", str(runs)).splitlines()]
    assert lines[0] == ["run", "state", "attempt", "step", "age", "job"]
    assert lines[1][:5] == ["r1", "done", "2", "grpo", "40"]
    assert lines[2][:5] == ["r2", "running,", "supervisor", "gone", "1"]
    assert lines[3] == ["r3", "new", "-", "-", "-", "-"]


def test_no_runs_are_said_to_be_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        output_of(capsys, "runs", "--runs", str(tmp_path))
        == f"there are no runs in {tmp_path}; start one with launch.py\n"
    )


def test_a_damaged_status_spoils_no_table(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (runs / "r2" / "status.json").write_text("{")
    lines = output_of(capsys, "runs", "--runs", str(runs)).splitlines()
    assert lines[2].split()[:2] == ["r2", "damaged"]
    assert "cannot be read" in output_of(capsys, "status", "r2", "--runs", str(runs))


def test_the_status_names_step_checkpoints_and_logs(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = output_of(capsys, "status", "r1", "--runs", str(runs))
    for words in (
        "done",
        "grpo 40",
        " grpo/checkpoint-40",
        f"logs/2/server-{HOST}.log",
        str(runs / "r1"),
    ):
        assert words in said
    assert "logs/1/" not in said


def test_logs_are_those_of_the_last_attempt_unless_asked(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = output_of(capsys, "logs", "r1", "--runs", str(runs), "--lines", "2")
    assert said == (
        f"==> {runs}/r1/logs/2/server-{HOST}.log <==\nserver ready\n"
        f"==> {runs}/r1/logs/2/trainer-{HOST}.log <==\nattempt 2 line 48\nattempt 2 line 49\n"
    )
    said = output_of(capsys, "logs", "r1", "--runs", str(runs), "--role", "trainer", "--attempt", "1", "--lines", "1")
    assert said.splitlines()[1:] == ["attempt 1 line 49"]


def test_the_last_run_is_looked_at_where_none_is_named_but_never_steered(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert output_of(capsys, "status", "--runs", str(runs)) == output_of(capsys, "status", "r3", "--runs", str(runs))
    make_run(runs, "r4", "queued", attempt=1)
    assert "r4 has no logs yet" in complaint_of(capsys, "logs", "--runs", str(runs))
    assert "there is no run ''" in complaint_of(capsys, "cancel", "", "--runs", str(runs))
    assert "there is no run ''" in complaint_of(capsys, "status", "", "--runs", str(runs))
    with pytest.raises(SystemExit):
        main(["cancel", "--runs", str(runs)])


def test_stacks_that_nobody_asked_for_are_not_shown(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stacks = RunFolder(runs / "r1").log(2, "stacks", "trainer-here")
    write_aside(stacks, "")
    assert str(stacks) not in output_of(capsys, "logs", "r1", "--runs", str(runs))
    write_aside(stacks, "Thread 1\n")
    assert "Thread 1" in output_of(capsys, "logs", "r1", "--runs", str(runs))


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["r1", "--attempt", "7"], "r1 has no logs of attempt 7; it has 1, 2"),
        (["r1", "--role", "judge"], "r1 has no logs of role 'judge' in attempt 2; it has server, trainer"),
        (["r2"], "r2 has no logs yet: it is running"),
        (["r9"], "there is no run 'r9'"),
    ],
)
def test_logs_that_are_not_there_are_answered_with_those_that_are(
    runs: Path, words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert complaint in complaint_of(capsys, "logs", *words, "--runs", str(runs))


def test_followed_logs_end_with_the_run(runs: Path) -> None:
    """What is written while somebody looks is shown, of a later attempt too, and the end is told."""
    folder = make_run(runs, "r4", "running", attempt=1, cluster="local", verdict="", pid=os.getpid(), host=HOST)
    write_aside(folder.log(1, "trainer", HOST), "before\n")
    words = [sys.executable, "-m", "crrl.cli", "logs", "r4", "--runs", str(runs), "--follow"]
    followed = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert followed.stdout
    assert followed.stdout.readline().startswith("==> ")
    assert followed.stdout.readline() == "before\n"
    write_aside(folder.log(2, "trainer", HOST), "after a requeue\n")
    assert followed.stdout.readline() == "after a requeue\n"
    folder.write_status("stopped", verdict="asked to", pid=0)
    assert followed.stdout.read() == "r4 is stopped: asked to\n"
    assert followed.wait(timeout=30) == 0


def test_cancelling_asks_the_supervisor_and_leaves_a_mark(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, lambda *_: exit(9)); print(1, flush=True); time.sleep(60)"
    )
    supervisor = subprocess.Popen(
        [sys.executable, "-c", f"{code} # submitit.core._submit"], stdout=subprocess.PIPE, text=True
    )
    assert supervisor.stdout
    supervisor.stdout.readline()
    folder = make_run(runs, "r5", "running", attempt=1, cluster="local", verdict="", pid=supervisor.pid, host=HOST)
    assert "r5 ends at its next step, with a checkpoint" in output_of(capsys, "cancel", "r5", "--runs", str(runs))
    assert supervisor.wait(timeout=30) == 9
    assert folder.cancel.is_file()


def test_what_is_not_under_way_cannot_be_cancelled(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "r1 is not under way: it is done" in complaint_of(capsys, "cancel", "r1", "--runs", str(runs))
    make_run(runs, "r6", "running", attempt=1, cluster="slurm", verdict="", job_id="12", pid=0, host="n1")
    said = complaint_of(capsys, "cancel", "r6", "--runs", str(runs))
    assert "r6 is not under way: Slurm job 12 is not known" in said
    assert not (runs / "r6" / "cancel").exists()


def test_a_run_that_is_done_is_not_resumed(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "r1 is done already" in output_of(capsys, "resume", "r1", "--runs", str(runs))
