"""How far an evaluation is, for people: bars with the time left on a terminal, a line now and then in a log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from crrl.evaluate.evaluation import Told
from crrl.train.progress import clock

SECONDS_BETWEEN_LINES = 15.0
Shown = Callable[[str, int], Told]
"""(title, how many there are) → what is to be told how many of them are done; 0 starts the clock."""


@contextmanager
def shown_progress(file: IO[str]) -> Iterator[Shown]:
    """Gives what shows progress on `file` while the block runs."""
    from rich.console import Console

    console = Console(file=file)
    if not console.is_terminal:
        yield lambda title, total: _lines(title, total, file)
        return
    with _bars(console) as shown:
        yield shown


@contextmanager
def _bars(console: Any) -> Iterator[Shown]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:

        def bar(title: str, total: int) -> Told:
            task = progress.add_task(title, total=total, start=False)

            def told(done: int) -> None:
                if done == 0:
                    progress.start_task(task)
                progress.update(task, completed=done)

            return told

        yield bar


def _lines(title: str, total: int, file: IO[str]) -> Told:
    started = shown_at = time.monotonic()

    def told(done: int) -> None:
        nonlocal started, shown_at
        now = time.monotonic()
        if done == 0:
            started = shown_at = now
        elif done >= total or now - shown_at >= SECONDS_BETWEEN_LINES:
            shown_at = now
            left = (now - started) / done * (total - done)
            print(f"{title}  {done}/{total}  time left {clock(left)}", file=file, flush=True)

    return told
