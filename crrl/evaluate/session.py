"""One call of `crrl eval`: tasks, baselines, the model, files, tables. Nothing is written before it is whole."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.text import Text

from crrl.data import load_tasks
from crrl.errors import ConfigError
from crrl.evaluate.asked import Asked
from crrl.evaluate.baselines import BASELINES, measure_baseline
from crrl.evaluate.compare import compare, comparison_table
from crrl.evaluate.evaluation import fitting_rewards
from crrl.evaluate.metrics import Measured
from crrl.evaluate.model_answers import evaluate_model
from crrl.evaluate.model_place import untrained
from crrl.evaluate.predictions import write_predictions
from crrl.evaluate.result import Result, check_place, completions_path, write_result
from crrl.evaluate.table import confusion_table, metrics_table, strata_table, title
from crrl.rewards.judging import configure, current_judge
from crrl.schema import TaskRow

UNTRAINED = "untrained"


def evaluate_and_keep(asked: Asked, *, with_baselines: bool, predictions: Path | None) -> None:
    """Evaluate as asked, write the result, the answers and the predictions, print the tables.

    Raises CrrlError for what a user can mend; whatever can be known before the model is loaded is said before.
    """
    places = [asked.out, *([untrained_path(asked.out)] if with_baselines else [])]
    for place in places:
        check_place("--out", place, ".json", completions_path(place))
    if predictions:
        check_place("--predictions", predictions, ".jsonl")
    configure(asked.judging)
    tasks: list[TaskRow] = list(load_tasks(asked.source, kind=asked.kind, split=asked.split, **asked.options))
    if any("tests" in fitting_rewards(task, asked.rewards) for task in tasks):
        level = current_judge().level  # refused now, not after the answers
        print(f"programs run in a sandbox of level {level}", file=sys.stderr, flush=True)
    before, baselines = _baselines(asked, tasks) if with_baselines else (None, {})
    evaluation, result = evaluate_model(asked, tasks, baselines)
    write_result(result, evaluation, asked.out)
    if predictions:
        write_predictions(evaluation, tasks, asked.place.given, predictions)
    console = Console()
    print_result(result, console)
    if before:
        print_comparison(before, result, asked, console)
    console.print(f"\nresult in {asked.out}, answers in {completions_path(asked.out)}", soft_wrap=True)
    if predictions:
        console.print(f"predictions in {predictions}", soft_wrap=True)


def untrained_path(out: Path) -> Path:
    """Where the result of the untrained model is kept, so that it can be compared with others later."""
    return out.with_suffix(f".{UNTRAINED}.json")


def print_result(result: Result, console: Console) -> None:
    """The tables of a result."""
    console.print(Text(title(result), style="bold"))
    console.print(metrics_table(result))
    if strata := strata_table(result):
        console.print("", strata, sep="\n")
    if result.confusion:
        console.print("", confusion_table(result.confusion), sep="\n")


def print_comparison(before: Result, result: Result, asked: Asked, console: Console) -> None:
    """The comparison with the untrained model, or a line that says why there is none: the result is whole without it."""
    try:
        compared = compare(before, result, seed=asked.seed)
    except ConfigError as problem:
        console.print(Text(f"\nnot compared with {UNTRAINED}: {problem}"), soft_wrap=True)
    else:
        console.print("", comparison_table(compared, UNTRAINED, asked.place.given), sep="\n")


def _baselines(asked: Asked, tasks: Sequence[TaskRow]) -> tuple[Result | None, dict[str, Measured]]:
    measured = {name: measure_baseline(name, tasks, asked.rewards, asked.ks, seed=asked.seed) for name in BASELINES}
    place = untrained(asked.place)
    if place is None or (
        asked.place.adapter is None and Path(place.base).resolve() == Path(asked.place.base).resolve()
    ):
        return None, measured
    evaluation, result = evaluate_model(replace(asked, place=place), tasks, {})
    write_result(result, evaluation, untrained_path(asked.out))
    return result, {UNTRAINED: result.metrics, **measured}
