"""report.html from a run's folder: whole at every stage of a run, readable alone, and true to the files."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from crrl import cli
from crrl.config import load_preset, to_yaml
from crrl.report.attempts import attempt_spans
from crrl.report.page import render_report, report_if_possible
from crrl.report.page_answers import diff_lines
from crrl.report.run_folder import RunFolder, write_aside


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "r<1>")
    write_aside(folder.config, to_yaml(load_preset("tiny")))
    return folder


def fill(folder: RunFolder) -> None:
    """Twelve steps, two evaluations, one kept step, two attempts of which the first was lost."""
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    folder.write_status("running", attempt=2, verdict="")
    folder.append_metrics(0, {"stage": "heldout", "heldout/tests": 0.25})
    for step in range(1, 13):
        times = {"time/generate_s": 1.0, "time/train_s": 0.5, "time/all_s": 1.5}
        folder.append_metrics(step, {"stage": "grpo", "rewards/tests/mean": step / 12, "gpu_hours": 0.5, **times})
    folder.append_metrics(12, {"stage": "heldout", "heldout/tests": 0.75})
    folder.completions.mkdir()
    row = {
        "task_id": "t1",
        "prompt": [{"role": "user", "content": "<script>alert(1)</script>"}],
        "completion": [{"role": "assistant", "content": "a.py"}],
        "thought": "hm",
        "patch": "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-a < b\n+a > b\n",
        "tests": float("nan"),
        "advantage": 0.5,
    }
    pq.write_table(pa.Table.from_pylist([row] * 30), folder.completions / "step-000010.parquet")
    for attempt, second in ((1, 0), (2, 40)):
        event = {"kind": "started", "attempt": attempt, "role": "trainer", "node": "n1", "pid": 1}
        line = json.dumps({"time": f"2026-11-25T01:00:{second:02d}.000+00:00", **event})
        folder.events.open("a").write(line + "\n")
    end = {"kind": "ended", "attempt": 1, "node": "n1", "kind_of_end": "lost", "exit_code": 1}
    folder.events.open("a").write(json.dumps({"time": "2026-11-25T01:00:30.000+00:00", **end}) + "\n")
    folder.attempt(1).make()
    folder.attempt(1).end.write_text('{"kind": "lost", "verdict": "trainer 0 on n1 was killed"}')


def test_the_page_shows_curves_diffs_and_attempts(folder: RunFolder) -> None:
    fill(folder)
    page = render_report(folder)
    assert re.search(r"<td>tests</td><td>25.0 %</td><td>75.0 %</td><td>\+50.0</td>", page)
    assert page.count("<svg") >= 3
    assert '<span class="old">-a &lt; b</span>' in page
    assert '<span class="new">+a &gt; b</span>' in page
    assert "24 of 30; all are in completions/step-000010.parquet" in page
    assert "<td>–</td><td>0.50</td>" in page  # the reward could not judge
    assert "<td>lost</td><td>trainer 0 on n1 was killed</td>" in page
    assert "12 of 120" in page
    assert [(span.number, span.seconds) for span in attempt_spans(folder)] == [(1, 30.0), (2, 0.0)]


def test_the_page_loads_nothing_and_runs_nothing(folder: RunFolder) -> None:
    fill(folder)
    page = render_report(folder)
    assert not re.search(r"<script|<link|<img|<iframe|src=|href=|url\(|@import|https?://", page)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<h1>r&lt;1&gt;</h1>" in page


def test_a_run_that_has_nothing_yet_has_a_page(folder: RunFolder) -> None:
    page = render_report(folder)
    assert "0 of 120" in page
    assert "<svg" not in page


def test_a_page_that_cannot_be_made_is_a_line_and_no_failure(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.config.write_text("model: [")
    report_if_possible(folder)
    assert capsys.readouterr().out.startswith("report.html was not written (")


def test_the_command_writes_the_page_and_says_where(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    fill(folder)
    assert cli.main(["report", str(folder.path)]) == 0
    assert capsys.readouterr().out == f"{folder.report}\n"
    assert folder.report.read_text().startswith("<!DOCTYPE html>")


def test_lines_of_a_diff_are_told_apart() -> None:
    kinds = re.findall(r'class="(\w+)"', diff_lines("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n c\n"))
    assert kinds == ["head", "head", "head", "head", "old", "new"]
