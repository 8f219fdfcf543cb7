"""metrics.jsonl read while it grows, or is cut back: every line once, by its place."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from crrl.tracking.entries import Entry, GrowingMetrics, count_entries, record_of


def line(step: int, stage: str = "grpo") -> str:
    return f'{{"step": {step}, "stage": "{stage}", "reward": {step}}}\n'


def test_a_line_without_an_end_waits(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    metrics = GrowingMetrics(path)
    assert list(metrics.new()) == []
    path.write_text(line(1) + line(2)[:7])
    assert [entry.number for entry in metrics.new()] == [0]
    assert count_entries(path) == 1
    path.write_text(line(1) + line(2))
    assert list(metrics.new()) == [Entry(1, "grpo", 2, {"reward": 2})]
    assert list(metrics.new()) == []


@given(
    changes=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9), st.booleans()), max_size=8),
    first=st.integers(0, 4),
)
def test_every_line_is_read_once_whatever_is_cut_back_and_measured_again(
    changes: list[tuple[int, int, bool]], first: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "metrics.jsonl"
        metrics, steps, longest, read = GrowingMetrics(path, first), 0, 0, []
        for cut, grown, is_looked_at in changes:
            steps = max(0, steps - cut)
            aside = path.with_suffix(".aside")
            aside.write_text("".join(map(line, range(steps))))
            aside.replace(path)
            with path.open("a") as stream:
                for step in range(steps, steps + grown):
                    stream.write(line(step))
            steps += grown
            if is_looked_at:
                longest = max(longest, steps)
                read += [(entry.number, entry.step) for entry in metrics.new()]
        assert read == [(number, number) for number in range(first, longest)]


def test_a_damaged_line_keeps_its_place(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text(line(1) + "{broken\n" + line(3))
    assert [entry.number for entry in GrowingMetrics(path).new()] == [0, 2]


def test_the_warm_start_has_steps_and_names_of_its_own() -> None:
    assert record_of(Entry(0, "sft", 7, {"loss": 1.0})) == {"sft/step": 7, "sft/loss": 1.0}
    assert record_of(Entry(1, "grpo", 7, {"reward": 1.0})) == {"step": 7, "reward": 1.0}
    assert record_of(Entry(2, "heldout", 7, {"heldout/tests": 1.0})) == {"step": 7, "heldout/tests": 1.0}
