"""How well a model tells classes apart: accuracy, macro-F1, pairs, the best constant answer, and who is taken for whom."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from crrl.evaluate.evaluation import Answered
from crrl.evaluate.metrics import Estimate, Measured
from crrl.evaluate.statistics import bootstrap_interval, resampled_interval
from crrl.labels import accepted_labels
from crrl.rewards.label import verdict_of

NO_VERDICT = "(no verdict)"
"""Stands in the confusion matrix for an answer that names no class."""
OTHER = "(another)"
"""… and for one that names a class that is no task's label."""
_SHORT = 40
"""Characters: a longer verdict that is no label is a sentence."""
ACCURACY, MACRO_F1, PAIRWISE, CONSTANT = "accuracy", "macro_f1", "pairwise_accuracy", "best_constant"

Counts = Counter[tuple[str, str]]
"""(label, verdict) → answers."""


@dataclass(frozen=True)
class Confusion:
    """Which class was taken for which."""

    labels: list[str]
    """The tasks' labels, the commonest first."""
    verdicts: list[str]
    """The labels, then what else was answered."""
    counts: list[list[int]]
    """Label × verdict → answers."""


def measure_classification(tasks: Sequence[Sequence[Answered]], *, seed: int) -> Measured:
    """The metrics of those tasks that have a label; empty if none has.

    accuracy: the share of answers whose verdict is the label; a parent in the CWE tree is none.
    macro_f1: F1 of each label, its mean over labels: a constant answer has about 1/labels of the F1 that one label can have.
    pairwise_accuracy: the share of pairs (`Answered.pair`) both of whose tasks are answered rightly, by the same sample.
    best_constant: the share of tasks that accept the one answer that most of them accept. A model that is not above it knows
    nothing.

    Intervals are bootstraps of tasks, for pairs of pairs. Source of macro-F1: Manning et al., Introduction to Information
    Retrieval, 2008, section 13.6; of the pairs: PrimeVul, arXiv:2403.18624, section 4.
    """
    labelled = [answers for answers in tasks if answers[0].label]
    if not labelled:
        return {}
    pairs = _pairs(labelled)
    return {
        ACCURACY: _mean([_share_right(answers) for answers in labelled], seed),
        MACRO_F1: _of_tasks(labelled, macro_f1, seed),
        **({PAIRWISE: _mean([_share_both_right(pair) for pair in pairs], seed)} if pairs else {}),
        CONSTANT: _best_constant([accepted_labels(answers[0].label) for answers in labelled], seed),
    }


def classification_means(tasks: Sequence[Sequence[Answered]]) -> dict[str, float]:
    """The values of `measure_classification` alone."""
    return {name: estimate.value for name, estimate in measure_classification(tasks, seed=0).items()}


def confusion_of(tasks: Sequence[Sequence[Answered]]) -> Confusion | None:
    """The confusion matrix of the tasks that have a label; None if none has."""
    counts = sum((_counts_of(answers) for answers in tasks if answers[0].label), Counts())
    if not counts:
        return None
    totals: Counter[str] = Counter()
    for (label, _), count in counts.items():
        totals[label] += count
    labels = sorted(totals, key=lambda label: (-totals[label], label))
    folded: Counts = Counter()
    for (label, verdict), count in counts.items():
        folded[label, verdict if verdict in totals else _kind_of(verdict)] += count
    verdicts = [*labels, *sorted({verdict for _, verdict in folded} - set(labels))]
    return Confusion(labels, verdicts, [[folded[label, verdict] for verdict in verdicts] for label in labels])


def macro_f1(counts: Counts) -> float:
    """The mean over labels of 2·TP / (2·TP + FP + FN); a label that is never answered has 0."""
    labels = {label for label, _ in counts}
    right: Counter[str] = Counter()
    wrong: Counter[str] = Counter()  # false positives and false negatives
    for (label, verdict), count in counts.items():
        if label == verdict:
            right[label] += count
        else:
            wrong[label] += count
            wrong[verdict] += count
    return sum(2 * right[label] / (2 * right[label] + wrong[label]) for label in labels) / len(labels)


def _is_right(answer: Answered) -> bool:
    return verdict_of(answer.completion, answer.label) in accepted_labels(answer.label)


def _counts_of(answers: Sequence[Answered]) -> Counts:
    """A task with several right labels counts for the one that was answered, else for its first."""
    counts: Counts = Counter()
    for answer in answers:
        accepted = accepted_labels(answer.label)
        verdict = verdict_of(answer.completion, answer.label)
        counts[verdict if verdict in accepted else accepted[0], verdict] += 1
    return counts


def _kind_of(verdict: str) -> str:
    """What stands for a verdict that is no task's label: whole sentences name no class."""
    return OTHER if 0 < len(verdict) < _SHORT else NO_VERDICT


def _share_right(answers: Sequence[Answered]) -> float:
    return sum(map(_is_right, answers)) / len(answers)


def _share_both_right(pair: Sequence[Sequence[Answered]]) -> float:
    samples = [[_is_right(answer) for answer in answers] for answers in pair]
    return sum(map(all, zip(*samples, strict=True))) / len(samples[0])


def _pairs(tasks: Sequence[Sequence[Answered]]) -> list[list[Sequence[Answered]]]:
    """The whole pairs: one half that was left out of the evaluation leaves none."""
    found: dict[str, list[Sequence[Answered]]] = defaultdict(list)
    for answers in tasks:
        if answers[0].pair:
            found[answers[0].pair].append(answers)
    return [pair for pair in found.values() if len(pair) == 2]


def _best_constant(accepted: Sequence[Sequence[str]], seed: int) -> Estimate:
    def share(drawn: Sequence[int]) -> float:
        tasks = Counter(label for index in drawn for label in set(accepted[index]))
        return max(tasks.values()) / len(drawn)

    low, high = resampled_interval(len(accepted), share, seed=seed)
    return Estimate(share(range(len(accepted))), low, high, len(accepted), 0, 0)


def _mean(values: Sequence[float], seed: int) -> Estimate:
    low, high = bootstrap_interval(values, seed=seed)
    return Estimate(sum(values) / len(values), low, high, len(values), 0, 0)


def _of_tasks(tasks: Sequence[Sequence[Answered]], statistic: Callable[[Counts], float], seed: int) -> Estimate:
    """A statistic of all answers together, with the interval that resampled tasks give it."""
    counted = [_counts_of(answers) for answers in tasks]
    whole = statistic(sum(counted, Counts()))
    low, high = resampled_interval(len(tasks), partial(_of_drawn, counted, statistic), seed=seed)
    return Estimate(whole, low, high, len(tasks), 0, 0)


def _of_drawn(counted: Sequence[Counts], statistic: Callable[[Counts], float], drawn: Sequence[int]) -> float:
    counts: Counts = Counter()
    for index in drawn:
        for cell, count in counted[index].items():
            counts[cell] += count
    return statistic(counts)
