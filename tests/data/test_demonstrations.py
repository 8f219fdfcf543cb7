"""A run's own completions as demonstrations: those that passed the bar, each once, no held-out task among them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crrl.cli import main
from crrl.data.demonstrations import read_demonstrations
from crrl.errors import DataError
from crrl.tracking.samples import completions_path

RUN = "20260101-000000-tiny-repair-abcd"


def said(answer: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": answer}]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A run that kept two steps: task a was answered well by x (twice) and y, task b once, and once not judged."""
    run = tmp_path / "runs" / RUN
    completions = run / "completions"
    completions.mkdir(parents=True)
    (run / "config.yaml").write_text("model: tiny\n")
    steps: dict[int, list[tuple[str, str, float | None, float]]] = {
        10: [("a", "x", 1.0, 1.0), ("a", "y", 1.0, 0.5), ("b", "z", None, 1.0), ("b", "w", 0.5, 1.0)],
        20: [("a", "x", 1.0, 1.0), ("b", "v", 1.0, 1.0)],
    }
    for step, rows in steps.items():
        columns: dict[str, list[Any]] = {
            "prompt": [[{"role": "user", "content": f"repair {task}"}] for task, *_ in rows],
            "completion": [said(answer) for _, answer, *_ in rows],
            "task_id": [task for task, *_ in rows],
            "tests": [float("nan") if tests is None else tests for _, _, tests, _ in rows],
            "format": [form for *_, form in rows],
            "advantage": [0.5 for _ in rows],
        }
        pq.write_table(pa.table(columns), completions_path(completions, step))
    pq.write_table(pa.table({"task_id": ["held"]}), completions / "heldout-000020.parquet")
    return tmp_path / "runs"


def sample(runs: Path, out: Path, *words: str) -> list[tuple[str, str, int]]:
    assert main(["data", "sample", "20260101", "--runs", str(runs), "--out", str(out), *words]) == 0
    return [
        (row["task_id"], row["completion"][0]["content"], json.loads(row["source"])["step"])
        for row in read_demonstrations(out)
    ]


def test_what_passed_the_bar_is_kept_once_the_newest_first(runs: Path, tmp_path: Path) -> None:
    assert sample(runs, tmp_path / "d.jsonl", "--min", "tests=1") == [("a", "x", 20), ("b", "v", 20), ("a", "y", 10)]
    assert sample(runs, tmp_path / "d.jsonl.gz", "--min", "tests=0.5", "format=1") == [
        ("a", "x", 20),
        ("b", "v", 20),
        ("b", "w", 10),
    ]
    assert sample(runs, tmp_path / "e.jsonl", "--min", "tests=0", "--per-task", "1") == [("a", "x", 20), ("b", "v", 20)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--min", "tests=2"], "error: --min tests=2: must be REWARD=SCORE with a score in [0, 1], as in tests=1"),
        (["--min", "syntax=1"], "has no reward 'syntax'; it has tests, format; choose with --min"),
        (["--min", "task_id=1"], "has no reward 'task_id'; it has tests, format; choose with --min"),
        (["--min", "advantage=0.1"], "has no reward 'advantage'; it has tests, format; choose with --min"),
        (["--min", "tests=1", "--per-task", "0"], "error: --per-task 0: must be 1 or more"),
    ],
)
def test_a_mistake_is_one_line(runs: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    out = runs.parent / "d.jsonl"
    assert main(["data", "sample", RUN, "--runs", str(runs), "--out", str(out), *words]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert not out.exists()


def test_a_run_that_kept_nothing_or_nothing_good_says_so(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ask = ["data", "sample", RUN, "--runs", str(runs), "--out", str(runs.parent / "d.jsonl"), "--min", "tests=1"]
    for path in (runs / RUN / "completions").glob("step-*"):
        table = pq.read_table(path)
        pq.write_table(table.set_column(3, "tests", pa.array([0.0] * len(table))), path)
    assert main(ask) == 2
    assert "no completion of 20260101-000000-tiny-repair-abcd passed tests=1" in capsys.readouterr().err
    for path in (runs / RUN / "completions").glob("step-*"):
        path.unlink()
    assert main(ask) == 2
    assert "kept no completions of its steps" in capsys.readouterr().err


def test_a_step_that_was_cut_off_is_named(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = completions_path(runs / RUN / "completions", 20)
    path.write_bytes(path.read_bytes()[:-20])
    out = runs.parent / "d.jsonl"
    assert main(["data", "sample", RUN, "--runs", str(runs), "--out", str(out), "--min", "tests=1"]) == 2
    error = capsys.readouterr().err
    assert f"error: {path}: is no whole parquet file (" in error and error.count("\n") == 1
    assert not out.exists()
    path.unlink()
    assert sample(runs, out, "--min", "tests=1") == [("a", "x", 10), ("a", "y", 10)]


def test_a_completion_without_a_score_passes_no_bar(runs: Path) -> None:
    path = completions_path(runs / RUN / "completions", 20)
    table = pq.read_table(path)
    pq.write_table(table.set_column(3, "tests", pa.array([None, 0.0], pa.float64())), path)
    assert [step for *_, step in sample(runs, runs.parent / "d.jsonl", "--min", "tests=0", "--per-task", "1")] == [
        20,
        10,
    ]


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "repair", "completion": said("x")},
        {"prompt": said("q"), "completion": []},
        {"prompt": said("q"), "completion": [{"content": "x"}]},
        {"prompt": said("q")},
        {"prompt": said("q"), "completion": [{"role": "assistant", "content": None}]},
        {"prompt": said("q"), "completion": [{"role": "assistant", "content": [{"type": "text", "text": "x"}]}]},
        {"prompt": [{"role": None, "content": "q"}], "completion": said("x")},
    ],
)
def test_a_row_that_is_no_demonstration_is_named(tmp_path: Path, row: Any) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text(json.dumps({"prompt": said("q"), "completion": said("a")}) + "\n" + json.dumps(row) + "\n")
    with pytest.raises(DataError, match=r"d\.jsonl row 2: (prompt|completion) must be a list of chat messages"):
        list(read_demonstrations(path))
