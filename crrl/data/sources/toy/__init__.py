"""The `toy` source: tasks of all three kinds for models of a million parameters, so that a whole run can be watched on a laptop.

repair: a small function with one part broken, and a specification that names the right one. implement: the same
specification, and a placeholder for the body. classify: a few lines of C that may hold one of six weaknesses.

Splits share no program: a program's split is a hash of its text (of a classification: of its pair's).
"""

from __future__ import annotations

from collections.abc import Iterator

from crrl.data.sources.toy import classify, implement, repair
from crrl.data.sources.toy.program import PATH, TEST_PATH
from crrl.schema import Kind, TaskRow

__all__ = ["PATH", "SPLITS", "TEST_PATH", "demonstrations", "tasks"]

SPLITS = ("train", "heldout")
_MADE = {"repair": repair.tasks, "implement": implement.tasks, "classify": classify.tasks}
_SHOWN = {
    "repair": repair.demonstrations,
    "implement": implement.demonstrations,
    "classify": classify.demonstrations,
}


def tasks(split: str, *, rows: int, seed: int = 0, kind: Kind = "repair") -> Iterator[TaskRow]:
    """Yields `rows` different tasks of one split, the same ones for the same seed; fewer where there are no more.

    Cost: about 0.2 ms a task. Raises ValueError for an unknown split.
    """
    if split not in SPLITS:
        raise ValueError(f"toy has no split {split!r}; it has {', '.join(SPLITS)}")
    return _MADE[kind](split, rows=rows, seed=seed)


def demonstrations(
    *, rows: int, seed: int = 0, habit_share: float = 0.55, kind: Kind = "repair"
) -> Iterator[tuple[TaskRow, str]]:
    """Yields training tasks with an answer that a programmer in a hurry gave.

    The form is always right; the answer follows the task in 1 - `habit_share` of them, and in the rest it is the
    programmer's habit (`_habit` of each kind), which is mostly wrong. Imitation therefore tops out at the
    habit, while what a run is to learn from its reward is in reach of its samples.
    """
    return _SHOWN[kind](rows=rows, seed=seed, habit_share=habit_share)
