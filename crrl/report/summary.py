"""The end of a run for its reader: what it could do before and after, and three of its repairs."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from crrl.diffs import apply_patch, parse_patch, render_unified
from crrl.errors import PatchApplyError, PatchParseError
from crrl.evaluate import Answered, Evaluation, read_evaluations
from crrl.evaluate.classification import classification_means
from crrl.report.run_folder import RunFolder
from crrl.rewards.reply import split_reply
from crrl.schema import files_from_rows

SHOWN_REPAIRS = 3
_LABELS = {
    "tests": "pass rate (the tests)",
    "format": "format",
    "similarity": "similarity to the human fix",
    "applies": "edits that apply",
    "syntax": "still parses",
    "label": "right label",
}
_SOLVED = {"label": "classified"}
_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def print_summary(folder: RunFolder, console: Console) -> None:
    """Print the table, the repairs and the folder's place. Says so if nothing was evaluated yet.

    Raises RunError for an evaluation that cannot be read.
    """
    evaluations = read_evaluations(folder.completions)
    if not evaluations:
        console.print("nothing was evaluated yet")
        return
    first, last = evaluations[0], evaluations[-1]
    console.print(comparison(first, last))
    for answer in repairs(first, last):
        console.print()
        console.print(Text(f"{_SOLVED.get(answer.pass_reward, 'repaired')}: {answer.task_id}", style="bold"))
        console.print(coloured_diff(answer))
    console.print(f"\nthe run's folder: {folder.path}", soft_wrap=True)
    if folder.report.is_file():
        console.print(f"all of it as a page: {folder.report}", soft_wrap=True)
    console.print(f"sampled answers and intervals: crrl eval --model {folder.path} --n 8 --baseline", soft_wrap=True)


def comparison(first: Evaluation, last: Evaluation) -> RenderableType:
    """Held-out means before and after, a row for each reward."""
    count = len(last.answered)
    table = Table(title=f"{count} held-out tasks, greedy answers", title_justify="left")
    table.add_column("")
    table.add_column(f"before (step {first.step})", justify="right")
    table.add_column(f"after (step {last.step})", justify="right")
    table.add_column("change", justify="right")
    start, end = _measures(first), _measures(last)
    for name, after in end.items():
        before = start.get(name, math.nan)
        style = "green" if after > before else "red" if after < before else ""
        points = Text(f"{100 * (after - before):+.1f} points", style=style)
        table.add_row(_LABELS.get(name, name), f"{100 * before:.1f} %", f"{100 * after:.1f} %", points)
    return table


def _measures(evaluation: Evaluation) -> dict[str, float]:
    means = {name: evaluation.mean(name) for name in evaluation.rewards}
    return means | classification_means(evaluation.tasks())


def repairs(first: Evaluation, last: Evaluation) -> list[Answered]:
    """A few tasks that the model repairs at the end, those that it could not repair before first."""
    goal = last.rewards[0]
    before = {answer.task_id: answer.scores.get(goal) for answer in first.answered}
    right = [answer for answer in last.answered if answer.scores[goal] == 1.0]
    right.sort(key=lambda answer: before.get(answer.task_id) == 1.0)  # stable: else in the order of the tasks
    return right[:SHOWN_REPAIRS]


def coloured_diff(answer: Answered) -> Text:
    """The change that an answer makes, as a unified diff in colours; the answer itself if it makes none."""
    files = files_from_rows(answer.files)
    path = next(iter(files)) if len(files) == 1 else None
    try:
        patch = parse_patch(split_reply(answer.completion).answer, default_path=path)
        diff = render_unified(files, apply_patch(files, patch))
    except (PatchParseError, PatchApplyError):
        diff = ""
    return Text("\n").join(_lines(diff or answer.completion, is_diff=bool(diff)))


def _lines(text: str, *, is_diff: bool) -> Iterator[Text]:
    for line in text.splitlines():
        if is_diff and line.startswith(("diff --git", "---", "+++")):
            yield Text(line, style="bold")
        else:
            yield Text(line, style=_COLOURS.get(line[:1], "") if is_diff else "")
