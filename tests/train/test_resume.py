"""A run that is killed with -9, twice, and whose last checkpoint is then truncated, ends exactly as one that never was."""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from crrl.evaluate import read_evaluations
from crrl.report.metrics_log import read_metrics
from crrl.report.run_folder import RunFolder, write_aside
from crrl.train.interrupt import STOPPED_EXIT_CODE
from crrl.train.manifest import damage
from tests.undisturbed import measured_but_times

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 500.0


@pytest.fixture(scope="module")
def uninterrupted(short_run: Callable[[str], RunFolder]) -> RunFolder:
    folder = short_run("uninterrupted")
    trained = start(folder).wait(DEADLINE_S)
    assert trained == 0, (folder.path / "log").read_text()
    return folder


@pytest.mark.timeout(600)
def test_killed_run_whose_last_checkpoint_is_damaged_resumes_to_the_same_metrics_and_weights(
    uninterrupted: RunFolder, short_run: Callable[[str], RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = short_run("killed")
    # With a key, and a W&B that refuses connections: it is offline, and changes nothing.
    write_aside(folder.config, folder.config.read_text().replace("wandb: 'off'", "wandb: auto"))
    for name, value in (("WANDB_API_KEY", "k" * 40), ("WANDB_BASE_URL", "http://127.0.0.1:1")):
        monkeypatch.setenv(name, value)
    kill_when(folder, lambda: (folder.checkpoints / "sft/checkpoint-20/manifest.json").is_file())
    assert not (folder.checkpoints / "warm-start").exists()
    kill_when(folder, lambda: reached(folder, "grpo", 7))
    assert not (folder.checkpoints / "final").exists()
    last = folder.checkpoints / "grpo" / "checkpoint-6"
    os.truncate(last / "optimizer.pt", 1000)

    assert start(folder).wait(DEADLINE_S) == 0, (folder.path / "log").read_text()

    log = (folder.path / "log").read_text()
    assert "sft: goes on after step 20" in log
    assert "checkpoint-6 is damaged and is not used: optimizer.pt has 1000 bytes instead of " in log
    assert "grpo: goes on after step 4" in log  # in the second epoch, which has three steps
    assert metrics(folder) == metrics(uninterrupted)
    assert read_evaluations(folder.completions) == read_evaluations(uninterrupted.completions)
    assert weights(folder) == weights(uninterrupted)
    assert (folder.wandb / "crrl.log").is_file()


def test_the_shortened_run_learns_so_that_equal_metrics_mean_something(uninterrupted: RunFolder) -> None:
    entries = [entry for entry in metrics(uninterrupted) if entry["stage"] == "grpo"]
    assert [entry["step"] for entry in entries] == list(range(1, 11))
    assert any(entry["reward_std"] > 0 for entry in entries)
    assert any(entry["grad_norm"] > 0 for entry in entries)
    evaluations = [entry for entry in metrics(uninterrupted) if entry["stage"] == "heldout"]
    assert [entry["step"] for entry in evaluations] == [0, 5, 10]


def test_a_done_run_is_not_trained_again(uninterrupted: RunFolder) -> None:
    before = uninterrupted.metrics.read_bytes()
    assert start(uninterrupted).wait(DEADLINE_S) == 0
    assert uninterrupted.metrics.read_bytes() == before


def test_a_run_that_is_resumed_after_its_last_step_takes_no_other(uninterrupted: RunFolder, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "stopped-at-the-end")
    shutil.copytree(uninterrupted.path, folder.path)
    shutil.rmtree(folder.checkpoints / "final")
    entries = uninterrupted.metrics.read_text().splitlines(keepends=True)
    assert '"heldout"' in entries[-1]
    folder.metrics.write_text("".join(entries[:-1]))
    assert start(folder).wait(DEADLINE_S) == 0, (folder.path / "log").read_text()
    assert "grpo: goes on after step 10" in (folder.path / "log").read_text()
    assert metrics(folder) == metrics(uninterrupted)
    assert weights(folder) == weights(uninterrupted)


def test_every_metric_of_a_run_is_documented_and_times_add_up(uninterrupted: RunFolder) -> None:
    entries = read_metrics(uninterrupted.metrics)
    documented = (ROOT / "docs/metrics.md").read_text()
    names = {re.sub(r"(?<=rewards/)\w+|(?<=heldout/)\w+", "<name>", name) for entry in entries for name in entry}
    unknown = [
        name for name in names if f"`{name}`" not in documented and f"`{name.rpartition('/')[2]}`" not in documented
    ]
    assert unknown == []
    for entry in entries:
        if entry["stage"] != "heldout":
            parts = sum(value for name, value in entry.items() if name.startswith("time/") and name != "time/all_s")
            assert parts == pytest.approx(entry["time/all_s"])


def test_the_report_is_there_at_the_end(uninterrupted: RunFolder) -> None:
    page = uninterrupted.report.read_text()
    assert "10 of 10" in page
    assert "Completions of step 10" in page


def test_sampled_completions_are_kept_with_their_rewards(uninterrupted: RunFolder) -> None:
    import pyarrow.parquet as pq

    rows = pq.read_table(uninterrupted.completions / "step-000005.parquet").to_pylist()
    assert len(rows) == 16
    assert rows[0].keys() == {
        *("task_id", "prompt", "completion", "thought", "patch"),
        *("format", "similarity", "advantage"),
    }
    assert all(0 <= row["format"] <= 1 for row in rows)


@pytest.mark.timeout(600)
def test_sigterm_stops_at_the_next_step_with_a_checkpoint(short_run: Callable[[str], RunFolder]) -> None:
    folder = short_run("stopped")
    process = start(folder)
    wait_for(process, folder, lambda: reached(folder, "sft", 10))
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == STOPPED_EXIT_CODE
    assert list((folder.checkpoints / "sft").glob("checkpoint-*/manifest.json"))
    assert "the run can be resumed" in (folder.path / "log").read_text()


def start(folder: RunFolder) -> subprocess.Popen[bytes]:
    with (folder.path / "log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "crrl.train", str(folder.path)],
            cwd=ROOT,
            stdout=log,
            stderr=log,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )


def kill_when(folder: RunFolder, condition: Callable[[], bool]) -> None:
    process = start(folder)
    wait_for(process, folder, condition)
    process.kill()
    assert process.wait(30) == -signal.SIGKILL


def wait_for(process: subprocess.Popen[bytes], folder: RunFolder, condition: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert process.poll() is None, (folder.path / "log").read_text()
        assert time.monotonic() < end, (folder.path / "log").read_text()
        time.sleep(0.02)


def reached(folder: RunFolder, stage: str, step: int) -> bool:
    return any(entry["stage"] == stage and entry["step"] >= step for entry in read_metrics(folder.metrics))


def metrics(folder: RunFolder) -> list[dict[str, Any]]:
    return measured_but_times(folder.metrics)


def weights(folder: RunFolder) -> dict[str, bytes]:
    tensors = load_file(folder.checkpoints / "final" / "model.safetensors")
    return {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}


@pytest.mark.timeout(600)
def test_a_full_disk_leaves_the_checkpoints_before_it_and_is_told_in_one_line(
    short_run: Callable[[str], RunFolder],
) -> None:
    folder = short_run("full")
    process = start(folder)
    whole = folder.checkpoints / "sft/checkpoint-20"
    wait_for(process, folder, lambda: (whole / "manifest.json").is_file())
    # No file may grow beyond 5 MB from now on, as on a disk that is full: the optimizer's takes 7.
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (5_000_000, 5_000_000))
    assert process.wait(DEADLINE_S) == 74
    assert not damage(whole)
    assert [path.name for path in (folder.checkpoints / "sft").glob("*") if path.is_dir()] == ["checkpoint-20"]
    last = (folder.path / "log").read_text().splitlines()[-1]
    assert last.startswith("error: the disk is full: checkpoint-40 cannot be written to ")
