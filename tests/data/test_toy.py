"""Toy tasks: the reference passes, the bug does not, and no program is in two splits."""

from __future__ import annotations

import itertools

import pytest

from crrl import schema
from crrl.data.sources import toy
from crrl.diffs import apply_patch, parse_patch
from crrl.rewards import REWARDS
from crrl.sandbox import Limits, run, shared_workers
from crrl.schema import files_from_rows
from crrl.testing import run_tests, score

TRAIN = list(toy.tasks("train", rows=300, seed=1))
HELDOUT = list(toy.tasks("heldout", rows=300, seed=1))


def programs(tasks: list) -> set[str]:  # type: ignore[type-arg]
    return {row["text"] for task in tasks for row in (*task["files"], *task["reference"])}


def test_train_and_heldout_share_no_program_for_any_seeds() -> None:
    more = list(toy.tasks("heldout", rows=500, seed=2))
    assert not programs(TRAIN) & programs([*HELDOUT, *more])


def test_demonstrations_are_of_training_programs_only() -> None:
    shown = [task for task, _ in toy.demonstrations(rows=500, seed=3)]
    assert not programs(shown) & programs(HELDOUT)


def test_the_same_seed_gives_the_same_tasks_and_another_one_others() -> None:
    assert list(toy.tasks("train", rows=50, seed=1)) == TRAIN[:50]
    assert list(toy.tasks("train", rows=50, seed=2)) != TRAIN[:50]


def test_no_task_comes_twice() -> None:
    assert len({task["files"][0]["text"] for task in TRAIN}) == len(TRAIN)


def test_the_reference_passes_the_tests_and_the_bug_does_not() -> None:
    for task in HELDOUT[:40]:
        tests = files_from_rows(task["tests"]["files"])
        for column, kind in (("reference", "passed"), ("files", "failed")):
            outcome = run(task["tests"]["command"], {**files_from_rows(task[column]), **tests}, Limits())  # type: ignore[literal-required]
            assert outcome.kind == kind, outcome  # by hand
            row: schema.TestsRow = {**task["tests"], "timeout_s": 30.0}  # a busy machine decides nothing
            test_run = run_tests(files_from_rows(task[column]), row, shared_workers().run)  # type: ignore[literal-required]
            assert score(test_run, row) == float(kind == "passed")


@pytest.mark.parametrize("line", ["import os; os._exit(0)", "raise SystemExit(0)", "print([1, 2, 3])", "f = print"])
def test_an_answer_cannot_pass_without_the_right_values(line: str) -> None:
    task = HELDOUT[0]
    assert score(run_tests({toy.PATH: f"{line}\n"}, task["tests"], shared_workers().run), task["tests"]) == 0.0


def test_demonstrations_are_canonical_patches_that_apply_and_change_the_program() -> None:
    pairs = list(toy.demonstrations(rows=300, seed=4))
    for task, answer in pairs:
        patch = parse_patch(answer)
        assert patch.deviations == ()
        assert apply_patch(files_from_rows(task["files"]), patch) != files_from_rows(task["files"])


def test_the_share_of_right_demonstrations_is_what_the_habit_leaves() -> None:
    for share, low, high in ((0.0, 1.0, 1.0), (0.55, 0.45, 0.70)):
        pairs = list(itertools.islice(toy.demonstrations(rows=400, seed=5, habit_share=share), 400))
        columns = {name: [task[name] for task, _ in pairs] for name in ("files", "reference")}  # type: ignore[literal-required]
        scores = REWARDS["similarity"]([answer for _, answer in pairs], **columns)
        right = sum(score == 1.0 for score in scores) / len(scores)
        assert low <= right <= high


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(ValueError, match="train, heldout"):
        next(toy.tasks("test", rows=1))
