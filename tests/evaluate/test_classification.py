"""Accuracy, macro-F1, pairs and confusion: exact on small cases; a constant answer is seen for what it is."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from crrl.evaluate import evaluate
from crrl.evaluate.classification import (
    ACCURACY,
    CONSTANT,
    MACRO_F1,
    NO_VERDICT,
    OTHER,
    PAIRWISE,
    confusion_of,
    measure_classification,
)
from crrl.evaluate.evaluation import Answered
from crrl.evaluate.table import confusion_table
from crrl.schema import TaskRow
from tests.rewards.tasks import LABEL


def answered(label: str, *answers: str, pair: str = "", task: str = "") -> list[Answered]:
    name = task or f"{pair}-{label}-{len(answers)}-{'-'.join(answers)}"
    return [
        Answered(name, text, {"label": 0.0}, [], [], sample=sample, label=label, pair=pair)
        for sample, text in enumerate(answers)
    ]


def values(tasks: list[list[Answered]]) -> dict[str, float]:
    return {name: estimate.value for name, estimate in measure_classification(tasks, seed=1).items()}


def test_accuracy_and_macro_f1_are_what_their_definitions_say() -> None:
    tasks = [answered("A1", "A1"), answered("A1", "A1", task="b"), answered("A1", "B1"), answered("B1", "B1")]
    found = values(tasks)
    assert found[ACCURACY] == 0.75
    assert found[MACRO_F1] == pytest.approx((2 * 2 / (2 * 2 + 1) + 2 * 1 / (2 * 1 + 1)) / 2)
    assert found[CONSTANT] == 0.75
    assert PAIRWISE not in found


def test_a_parent_in_the_tree_counts_as_wrong() -> None:
    assert values([answered("CWE-787", "CWE-119"), answered("CWE-787", "CWE-787")])[ACCURACY] == 0.5


@pytest.mark.parametrize("constant", ["benign", "CWE-787"])
def test_a_constant_answer_is_seen_as_what_it_is(constant: str) -> None:
    tasks = []
    for number in range(20):
        tasks.append(answered("CWE-787", constant, pair=str(number)))
        tasks.append(answered("benign", constant, pair=str(number)))
    measured = measure_classification(tasks, seed=1)
    assert measured[ACCURACY].value == 0.5 == measured[CONSTANT].value
    assert measured[PAIRWISE].value == 0.0
    assert measured[PAIRWISE].tasks == 20
    assert measured[MACRO_F1].value == pytest.approx(1 / 3)


def test_a_pair_is_right_only_if_both_halves_are_by_the_same_sample() -> None:
    tasks = [
        answered("CWE-787", "CWE-787", "benign", "CWE-787", pair="x"),
        answered("benign", "CWE-787", "benign", "benign", pair="x"),
        answered("CWE-125", "CWE-125", "CWE-125", "CWE-125", pair="left alone"),
    ]
    measured = measure_classification(tasks, seed=1)
    assert measured[PAIRWISE].value == pytest.approx(1 / 3)
    assert measured[PAIRWISE].tasks == 1
    assert measured[ACCURACY].value == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)


@pytest.mark.parametrize("constant", ["benign", "CWE-787", "CWE-119", "", "CWE-787, CWE-119"])
def test_the_best_constant_counts_every_right_label_whatever_was_answered(constant: str) -> None:
    labels = ["CWE-119, CWE-787"] * 2 + ["CWE-787"] * 2 + ["benign"] * 3
    tasks = [answered(label, constant, task=str(number)) for number, label in enumerate(labels)]
    assert values(tasks)[CONSTANT] == pytest.approx(4 / 7)


def test_of_several_right_labels_the_answered_one_counts() -> None:
    both = "CWE-125, CWE-787"
    confusion = confusion_of([answered(both, "CWE-787"), answered(both, "benign")])
    assert confusion is not None
    assert confusion.labels == ["CWE-125", "CWE-787"]
    assert confusion.verdicts == ["CWE-125", "CWE-787", OTHER]
    assert confusion.counts == [[0, 0, 1], [0, 1, 0]]


def test_long_labels_are_classes_like_short_ones() -> None:
    one, other = "reads one element behind the end of the buffer", "writes one element behind the end of the buffer"
    tasks = [answered(one, one), answered(one, other), answered(other, other), answered(other, "neither " * 9)]
    found = values(tasks)
    assert (found[ACCURACY], found[MACRO_F1]) == (0.5, pytest.approx((2 / 3 + 1 / 2) / 2))
    confusion = confusion_of(tasks)
    assert confusion is not None
    assert confusion.verdicts == [one, other, NO_VERDICT]
    assert confusion.counts == [[1, 1, 0], [0, 1, 1]]


def test_the_confusion_matrix_counts_every_answer_once() -> None:
    tasks = [
        answered("CWE-787", "CWE-787", "CWE-79", "x" * 99, ""),
        answered("benign", "benign"),
        [Answered("t", "", {}, [], [])],
    ]
    confusion = confusion_of(tasks)
    assert confusion is not None
    assert confusion.labels == ["CWE-787", "benign"]
    assert (
        confusion.verdicts == ["CWE-787", "benign", OTHER, NO_VERDICT]
        or confusion.verdicts[2:] == [OTHER, NO_VERDICT][::-1]
    )
    assert sum(map(sum, confusion.counts)) == 5
    assert confusion_of([[Answered("t", "", {}, [], [])]]) is None
    assert measure_classification([[Answered("t", "", {}, [], [])]], seed=1) == {}


def test_the_table_shows_labels_against_verdicts() -> None:
    confusion = confusion_of([answered("CWE-787", "benign"), answered("benign", "benign")])
    assert confusion is not None
    out = io.StringIO()
    Console(file=out, width=100).print(confusion_table(confusion))
    assert "CWE-787" in out.getvalue()
    assert "Label (rows) against verdict" in out.getvalue()


def test_labels_and_pairs_come_from_the_task_rows() -> None:
    row: TaskRow = {**LABEL, "source": json.dumps({"pair": "p", "repo": "r"})}
    answer = evaluate([row], lambda _: ["CWE-787"]).answered[0]
    assert (answer.label, answer.pair, answer.stratum) == ("CWE-787", "p", "r")


def test_equal_seeds_give_equal_intervals() -> None:
    tasks = [answered("CWE-787" if number % 3 else "benign", "benign", task=str(number)) for number in range(30)]
    assert measure_classification(tasks, seed=1) == measure_classification(tasks, seed=1)
    estimate = measure_classification(tasks, seed=1)[MACRO_F1]
    assert estimate.low <= estimate.value <= estimate.high
