"""Answers that no model gave, for scale: the empty patch, and the oracle's own answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from crrl.diffs import make_patch, render_patch
from crrl.evaluate.classification import measure_classification
from crrl.evaluate.evaluation import evaluate, fitting_rewards
from crrl.evaluate.metrics import Measured, measure
from crrl.labels import accepted_labels
from crrl.schema import TaskRow, files_from_rows

EMPTY, REFERENCE = "empty patch", "reference"


def empty_answer(task: TaskRow) -> str | None:
    """The answer that changes nothing."""
    del task
    return ""


def reference_answer(task: TaskRow) -> str | None:
    """The oracle's answer: the label, or the human fix as a canonical patch. None for a task that has neither."""
    if task["kind"] == "classify":
        return accepted_labels(task["label"])[0]
    if not task["reference"]:
        return None
    return render_patch(make_patch(files_from_rows(task["files"]), files_from_rows(task["reference"])))


BASELINES: dict[str, Callable[[TaskRow], str | None]] = {EMPTY: empty_answer, REFERENCE: reference_answer}
"""Name → the answer to a task."""


def measure_baseline(
    name: str, tasks: Sequence[TaskRow], rewards: Sequence[str], ks: Sequence[int], *, seed: int
) -> Measured:
    """Score a baseline on the tasks that it can answer. Its samples are all alike, so its pass@k is its pass@1."""
    answers = [(task, answer) for task in tasks if (answer := BASELINES[name](task)) is not None]
    wanted = [reward for reward in rewards if any(fitting_rewards(task, [reward]) for task, _ in answers)]
    if not answers or (rewards and not wanted):
        return {}
    evaluation = evaluate([task for task, _ in answers], lambda _: [answer for _, answer in answers], wanted)
    answered = evaluation.tasks()
    measured = measure(answered, [1], seed=seed) | measure_classification(answered, seed=seed)
    once = measured.pop("pass@1", None)
    return {**({f"pass@{k}": once for k in ks} if once else {}), **measured}
