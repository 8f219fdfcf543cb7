"""A run's folder can be read at any time, and nothing in it is half written."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from crrl.errors import RunError
from crrl.report.run_folder import STATES, RunFolder, write_aside


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


def test_paths_are_those_of_the_design() -> None:
    folder = RunFolder(Path("runs/r1"))
    names = ("config", "job", "status", "events", "metrics", "logs", "checkpoints", "adapters", "completions", "wandb")
    assert [str(getattr(folder, name).relative_to(folder.path)) for name in names] == (
        "config.yaml job.sh status.json events.jsonl metrics.jsonl logs checkpoints adapters completions wandb".split()
    )
    assert folder.log(2, "trainer", "n7") == Path("runs/r1/logs/2/trainer-n7.log")
    assert folder.report == Path("runs/r1/report.html")
    assert folder.run_id == "r1"


def test_a_status_keeps_the_fields_that_a_later_one_does_not_name(folder: RunFolder) -> None:
    folder.write_status("queued", attempt=1, pid=0)
    folder.write_status("running", pid=7)
    status = folder.read_status()
    assert (status["state"], status["attempt"], status["pid"]) == ("running", 1, 7)
    assert status["updated"].endswith("+00:00")


def test_a_reader_never_sees_half_a_status(folder: RunFolder) -> None:
    folder.write_status("running", verdict="")
    done = threading.Event()

    def write() -> None:
        for size in range(200):
            folder.write_status(STATES[size % len(STATES)], verdict="x" * 50 * size)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = set()
    while not done.is_set():
        seen.add(folder.read_status()["state"])
    writer.join()
    assert seen <= set(STATES)
    assert [path.name for path in folder.path.iterdir()] == ["status.json"]  # nothing is left beside it


def test_a_missing_or_damaged_status_is_told_with_its_path(folder: RunFolder) -> None:
    with pytest.raises(RunError, match=r"is no run's folder: it has no status.json"):
        folder.read_status()
    folder.status.write_text('{"state": "runn')
    with pytest.raises(RunError, match=r"status.json is damaged"):
        folder.read_status()


def test_lines_of_many_writers_do_not_mix(folder: RunFolder) -> None:
    def write(number: int) -> None:
        for step in range(50):
            folder.append_event("measured", writer=number, text="ä" * 300)
            folder.append_metrics(step, {"reward": number})

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    events = [json.loads(line) for line in folder.events.read_text().splitlines()]
    metrics = [json.loads(line) for line in folder.metrics.read_text().splitlines()]
    assert len(events) == len(metrics) == 200
    assert sorted(event["writer"] for event in events) == sorted([0, 1, 2, 3] * 50)


def test_writing_aside_makes_the_folders_and_replaces_whole(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "text"
    write_aside(path, "first, the longer one")
    write_aside(path, "second")
    assert path.read_text() == "second"
    assert list(path.parent.iterdir()) == [path]
