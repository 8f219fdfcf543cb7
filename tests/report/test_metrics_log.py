"""metrics.jsonl after a kill holds each step once."""

from __future__ import annotations

import json
from pathlib import Path

from crrl.report.metrics_log import keep_until, read_metrics


def write(path: Path, *entries: tuple[str, int]) -> None:
    path.write_text("".join(json.dumps({"stage": stage, "step": step}) + "\n" for stage, step in entries))


def steps(path: Path) -> list[tuple[str, int]]:
    return [(entry["stage"], entry["step"]) for entry in read_metrics(path)]


def test_what_came_after_the_checkpoint_is_forgotten_and_earlier_stages_stay(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, ("sft", 900), ("heldout", 0), ("grpo", 1), ("grpo", 2), ("heldout", 3), ("grpo", 3))
    keep_until(path, "grpo", 2)
    assert steps(path) == [("sft", 900), ("heldout", 0), ("grpo", 1), ("grpo", 2)]


def test_a_line_that_was_cut_off_is_no_entry(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, ("grpo", 1))
    path.write_text(path.read_text() + '{"stage": "reinf')
    assert steps(path) == [("grpo", 1)]
    keep_until(path, "grpo", 1)
    assert path.read_text().endswith("}\n")


def test_a_new_run_has_no_metrics(tmp_path: Path) -> None:
    keep_until(tmp_path / "metrics.jsonl", "grpo", 0)
    assert read_metrics(tmp_path / "metrics.jsonl") == []
