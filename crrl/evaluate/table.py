"""Results for people: one table of metrics with intervals, one of strata."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from crrl.evaluate.classification import Confusion
from crrl.evaluate.metrics import Estimate, Measured
from crrl.evaluate.result import Result

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

PASS_MEANS = {
    "tests": "the tests pass",
    "label": "the label is right",
    "similarity": "similarity to the human fix is 1.0",
}
SHOWN_STRATA = 30
SHOWN_LABELS = 12
_TITLE_WIDTH = 78
"""A table is as wide as its title up to here; rich would break the title at the table's width."""


def plain_table(title: str | Text = "", *, has_header: bool = True) -> Table:
    """A table without columns yet, and without frames: the widest one fits 80 columns so."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    return Table(
        title=title or None,
        title_justify="left",
        min_width=min(len(title), _TITLE_WIDTH),
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        show_header=has_header,
    )


def metrics_table(result: Result) -> Table:
    """A row for each metric: value, 95 % interval, how many tasks stand for it, and the baselines beside it."""
    table = plain_table()
    table.add_column("")
    unjudged = any(estimate.unjudged_answers for estimate in result.metrics.values())
    narrow = ("\n".join(name.split()) for name in (*result.baselines, *(["not judged"] if unjudged else [])))
    for column in ("value", "95 % interval", "tasks", *narrow):
        table.add_column(column, justify="right", no_wrap=True)
    for name, estimate in result.metrics.items():
        cells = [percent(estimate.value), interval(estimate), str(estimate.tasks)]
        cells += [percent(measured[name].value) if name in measured else "–" for measured in result.baselines.values()]
        cells += [str(estimate.unjudged_answers)] if unjudged else []
        table.add_row(name, *cells)
    return table


def strata_table(result: Result) -> Table | None:
    """A row for each stratum, the largest first; None where there is nothing to break down."""
    from rich.text import Text

    if not result.strata:
        return None
    table = plain_table("By kind of task")
    shown = _shown_metrics(result.metrics)
    table.add_column("")
    for column in ("tasks", *shown):
        table.add_column(column, justify="right")
    largest = sorted(result.strata.items(), key=lambda item: -_tasks(item[1]))
    for name, measured in largest[:SHOWN_STRATA]:
        cells = [
            f"{percent(measured[metric].value)}  {interval(measured[metric])}" if metric in measured else "–"
            for metric in shown
        ]
        table.add_row(Text(name or "(none)"), str(_tasks(measured)), *cells)
    if len(largest) > SHOWN_STRATA:
        table.caption = f"{len(largest) - SHOWN_STRATA} more are in the result's file"
    return table


def confusion_table(confusion: Confusion) -> Table:
    """A row for each label, a column for each verdict, the commonest first. What is right lies on the diagonal."""
    from rich.text import Text

    table = plain_table("Label (rows) against verdict (columns), answers")
    table.add_column("")
    rows, columns = confusion.labels[:SHOWN_LABELS], _shown_verdicts(confusion)
    for column in columns:
        table.add_column(Text(confusion.verdicts[column]), justify="right")
    for row, (label, counts) in enumerate(zip(rows, confusion.counts, strict=False)):
        shown = (Text(str(counts[column] or "·"), "bold" if column == row else "") for column in columns)
        table.add_row(Text(label), *shown)
    if hidden := len(confusion.labels) - len(rows):
        table.caption = f"{hidden} rarer labels are in the result's file"
    return table


def _shown_verdicts(confusion: Confusion) -> list[int]:
    """The columns of the labels that are shown, and of what is no label."""
    count = len(confusion.labels)
    return [*range(min(count, SHOWN_LABELS)), *range(count, len(confusion.verdicts))]


def percent(share: float) -> str:
    """`12.5 %`; a dash for what is not known."""
    return "–" if math.isnan(share) else f"{100 * share:.1f} %"


def interval(estimate: Estimate) -> str:
    """`[10.0, 15.0]`, in percent; a dash for what is not known."""
    return "–" if math.isnan(estimate.low) else f"[{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"


def title(result: Result) -> str:
    """What was evaluated, how, and what counts as a pass."""
    settings = result.settings
    sampling = settings["sampling"]
    how = (
        f"{sampling['n']} answers each at temperature {sampling['temperature']:g}"
        if sampling["temperature"]
        else "greedy"
    )
    means = ", or ".join(PASS_MEANS[name] for name in result.passing)
    passing = f"pass: {means}" if means else "no reward that was asked for decides what passes"
    return f"{settings['model']['given']} on {settings['data']['source']}: {len(result.tasks)} tasks, {how}; {passing}"


def _shown_metrics(measured: Measured) -> Sequence[str]:
    """The first and the last pass@k, or the first reward."""
    passes = [name for name in measured if name.startswith("pass@")]
    return list(dict.fromkeys([passes[0], passes[-1]])) if passes else list(measured)[:1]


def _tasks(measured: Measured) -> int:
    return max((estimate.tasks + estimate.unjudged_tasks for estimate in measured.values()), default=0)
