"""What a run has cost, over all of its attempts, those included that nobody saw end."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from crrl.report.attempts import GpuHours, attempt_spans
from crrl.report.run_folder import RunFolder


def note(folder: RunFolder, second: int, kind: str, **fields: object) -> None:
    folder.path.mkdir(exist_ok=True)
    with folder.events.open("a") as stream:
        stream.write(
            json.dumps({"time": f"2026-11-25T00:{second // 60:02d}:{second % 60:02d}+00:00", "kind": kind, **fields})
            + "\n"
        )


def test_an_attempt_without_an_end_lasted_until_its_last_progress(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "r1")
    note(folder, 0, "submitted", attempt=1)
    note(folder, 10, "started", attempt=1, role="trainer", node="n1")
    note(folder, 12, "started", attempt=1, role="trainer", node="n2")
    (started,) = attempt_spans(folder)
    folder.attempt(1).make()
    beat = {"role": "trainer", "node": "n1", "rank": 0, "pid": 1, "phase": "train", "step": 3, "progress": 1, "beat": 9}
    folder.attempt(1).heartbeat("trainer", "n1", 0).write_text(json.dumps({**beat, "since": started.started + 90}))
    note(folder, 300, "started", attempt=2, role="trainer", node="n1")
    note(folder, 400, "ended", attempt=2, node="n1", kind_of_end="done", exit_code=0)
    first, second = attempt_spans(folder)
    assert (first.seconds, first.ended, first.kind) == (90, None, "")
    assert (second.seconds, second.kind) == (100, "done")


def test_gpu_hours_are_those_of_all_attempts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RunFolder(tmp_path / "r1")
    note(folder, 0, "started", attempt=1, role="trainer", node="n1")
    note(folder, 900, "ended", attempt=1, node="n1", kind_of_end="lost", exit_code=1)
    note(folder, 1800, "started", attempt=2, role="trainer", node="n1")
    hours = GpuHours(folder, 8, 2)
    (_, second) = attempt_spans(folder)
    monkeypatch.setattr(time, "time", lambda: second.started + 1800)
    assert hours.now() == pytest.approx(8 * (0.25 + 0.5))
    assert GpuHours(folder, 0, 2).now() == 0


def test_half_a_line_and_lines_of_other_things_are_no_attempt(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "r1")
    note(folder, 0, "stage", stage="grpo", step=0)
    with folder.events.open("a") as stream:
        stream.write('{"time": "2026')
    assert attempt_spans(folder) == []
    assert attempt_spans(RunFolder(tmp_path / "none")) == []
