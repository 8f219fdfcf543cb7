"""What a run shows at its end."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from crrl.evaluate import evaluate, write_evaluation
from crrl.report.run_folder import RunFolder
from crrl.report.summary import print_summary
from tests.rewards.tasks import GUARD, OPERATOR, TWO_FILES, fixed

TASKS = [GUARD, OPERATOR, TWO_FILES]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path)
    rewards = ["tests", "format", "similarity"]
    write_evaluation(evaluate(TASKS, lambda _: [fixed(GUARD), "no", "no"], rewards, step=0), folder.completions)
    write_evaluation(evaluate(TASKS, lambda _: [*map(fixed, TASKS)], rewards, step=150), folder.completions)
    return folder


def shown(folder: RunFolder, **options: object) -> str:
    stream = io.StringIO()
    print_summary(folder, Console(file=stream, width=120, **options))  # type: ignore[arg-type]
    return stream.getvalue()


def test_the_table_compares_before_and_after(folder: RunFolder) -> None:
    text = shown(folder)
    assert "3 held-out tasks" in text
    row = next(line for line in text.splitlines() if "pass rate" in line)
    assert "33.3 %" in row
    assert "100.0 %" in row
    assert "+66.7 points" in row


def test_repairs_are_shown_as_diffs_those_that_were_learned_first(folder: RunFolder) -> None:
    text = shown(folder)
    assert text.index("repaired: operator") < text.index("repaired: two files") < text.index("repaired: guard")
    assert "-    if value < high:" in text
    assert "+    if value > high:" in text


def test_the_folder_is_named(folder: RunFolder) -> None:
    assert f"the run's folder: {folder.path}\nsampled answers and intervals: crrl eval --model {folder.path} " in shown(
        folder
    )
    folder.report.write_text("")
    assert f"all of it as a page: {folder.report}\n" in shown(folder)


def test_diffs_are_coloured_on_a_terminal_only(folder: RunFolder) -> None:
    assert "\x1b[32m+    if value > high:" in shown(folder, force_terminal=True, color_system="standard")
    assert "\x1b" not in shown(folder)


def test_a_run_without_evaluations_says_so(tmp_path: Path) -> None:
    assert "nothing was evaluated yet" in shown(RunFolder(tmp_path))
