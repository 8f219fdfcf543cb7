"""Toy repairs: one part of a program is broken, and its specification says which value is right.

The part is another comparison, bound, operator, operand or result, so the repair can be worked out, never only guessed. A
task is made only if its right and its broken program lie in the same split.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from crrl.data.sources.toy.program import (
    COMPARISONS,
    GOALS,
    PATH,
    VALUE_WORDS,
    Program,
    draw_inputs,
    draw_program,
    run_program,
    tests_of,
)
from crrl.diffs import make_patch, render_patch
from crrl.schema import TaskRow, rows_from_files

MISSES = 20_000
"""Draws in a row that give nothing new: there is nothing left."""


@dataclass(frozen=True)
class Bug:
    """A right program, its broken form, and which part was changed (a field of `Program`)."""

    right: Program
    broken: Program
    part: str


def tasks(split: str, *, rows: int, seed: int) -> Iterator[TaskRow]:
    """Yields up to `rows` different repair tasks of one split. Cost: about 0.2 ms a task."""
    for bug, task in _tasks_with_bugs(split, rows=rows, seed=seed):
        del bug
        yield task


def demonstrations(*, rows: int, seed: int, habit_share: float) -> Iterator[tuple[TaskRow, str]]:
    """Yields training tasks with a patch: in `habit_share` of them what `_habit` writes, in the others the repair."""
    draw = random.Random(f"demonstrations {seed}")
    for bug, task in _tasks_with_bugs("train", rows=rows, seed=seed):
        answer = _habit(bug) if draw.random() < habit_share else bug.right
        if answer == bug.broken:
            answer = bug.right
        yield task, render_patch(make_patch({PATH: bug.broken.text}, {PATH: answer.text}, context_lines=0))


def _tasks_with_bugs(split: str, *, rows: int, seed: int) -> Iterator[tuple[Bug, TaskRow]]:
    draw = random.Random(f"{split} {seed}")
    seen: set[str] = set()
    misses = 0
    while len(seen) < rows and misses < MISSES:
        misses += 1
        bug = _draw_bug(draw)
        inputs = draw_inputs(draw, bug.right)
        if bug.right.split != split or bug.broken.split != split or bug.broken.text in seen:
            continue
        expected = [run_program(bug.right, items) for items in inputs]
        if [run_program(bug.broken, items) for items in inputs] == expected:
            continue
        seen.add(bug.broken.text)
        misses = 0
        yield bug, _task(bug, inputs, expected, split, len(seen))


def _draw_bug(draw: random.Random) -> Bug:
    right = draw_program(draw)
    parts = ["comparison", "comparison", "bound", "bound", "goal"]
    if right.operator:
        parts += ["operator", "operator", "operand"]
    part = draw.choice(parts)
    others: dict[str, tuple[str | int, ...]] = {
        "comparison": tuple(COMPARISONS),
        "bound": tuple(range(10)),
        "goal": tuple(GOALS),
        "operator": tuple(VALUE_WORDS),
        "operand": tuple(range(2, 10)),
    }
    wrong = draw.choice([value for value in others[part] if value != getattr(right, part)])
    changes: dict[str, Any] = {part: wrong}
    return Bug(right, replace(right, **changes), part)


_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "!=", "!=": "=="}
_NEXT_OPERATOR = {"+": "-", "-": "+", "*": "+"}


def _habit(bug: Bug) -> Program:
    """What a programmer in a hurry writes without reading the specification: flip it, or one more."""
    broken = bug.broken
    if bug.part == "comparison":
        return replace(broken, comparison=_FLIPPED[broken.comparison])
    if bug.part == "operator":
        return replace(broken, operator=_NEXT_OPERATOR[broken.operator])
    if bug.part == "bound":
        return replace(broken, bound=(broken.bound + 1) % 10)
    if bug.part == "operand":
        return replace(broken, operand=2 + (broken.operand - 1) % 8)
    return bug.right


def _task(bug: Bug, inputs: list[list[int]], expected: list[int], split: str, number: int) -> TaskRow:
    return {
        "task_id": f"toy-{split}-{number:05d}",
        "kind": "repair",
        "prompt": [{"role": "user", "content": f"{bug.right.spec}\n{PATH}\n{bug.broken.text}"}],
        "files": rows_from_files({PATH: bug.broken.text}),
        "reference": rows_from_files({PATH: bug.right.text}),
        "tests": tests_of(inputs, expected),
        "label": "",
        "source": f"toy/{bug.part}",
    }
