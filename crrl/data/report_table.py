"""What became of the rows, for people: the summary table and the progress bar."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from crrl.data.build import Report
from crrl.schema import TaskRow

if TYPE_CHECKING:
    from rich.table import Table


def summary_table(report: Report, title: str) -> Table:
    """Rows read, kept, in the other split, and dropped for each reason. Their counts add up."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), title_justify="left")
    table.add_column("rows")
    table.add_column("count", justify="right")
    table.add_row("kept", str(report.kept), style="bold green")
    if report.other_split:
        table.add_row("in the other split", str(report.other_split))
    for reason, count in report.dropped.most_common():
        table.add_row(Text(f"dropped: {reason}"), str(count))
    if report.bad:
        table.add_row("bad, skipped", str(len(report.bad)), style="red")
    table.add_section()
    table.add_row("read", str(report.read))
    return table


def print_report(report: Report, title: str, file: IO[str]) -> None:
    """The summary table, then every bad row that was skipped, on a line of its own."""
    from rich.console import Console

    Console(file=file).print(summary_table(report, title))
    for bad in report.bad:
        print(f"skipped bad row: {bad}", file=file)


@contextmanager
def shown_progress(tasks: Iterator[TaskRow], report: Report, title: str, file: IO[str]) -> Iterator[Iterator[TaskRow]]:
    """The same tasks, with one progress bar while they are taken; drawn only on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
    from rich.text import Text

    class Counts(ProgressColumn):
        """Reads the report whenever it is drawn, so that a long stretch of dropped rows shows as well."""

        def render(self, task: Task) -> Text:
            return Text(f"{report.kept} kept of {report.read} read")

    columns = (TextColumn("{task.description}"), BarColumn(), Counts(), TimeElapsedColumn())
    console = Console(file=file)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        progress.add_task(title, total=None)
        yield tasks
