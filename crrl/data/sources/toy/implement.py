"""Toy implementations: the specification of a program, and a file with a placeholder where its body belongs."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from crrl.data.placeholder import placeholder
from crrl.data.sources.toy.program import LISTS, PATH, Program, draw_inputs, draw_program, run_program, tests_of
from crrl.data.sources.toy.repair import MISSES
from crrl.diffs import make_patch, render_patch
from crrl.schema import TaskRow, rows_from_files

_HURRIED = {">=": ">", "<=": "<", "!=": "=="}


def tasks(split: str, *, rows: int, seed: int) -> Iterator[TaskRow]:
    """Yields up to `rows` different implementation tasks of one split. There are about 13,000 programs."""
    for program, task in _tasks_with_programs(split, rows=rows, seed=seed):
        del program
        yield task


def demonstrations(*, rows: int, seed: int, habit_share: float) -> Iterator[tuple[TaskRow, str]]:
    """Yields training tasks with a patch: in `habit_share` of them what `_habit` writes, in the others the program."""
    draw = random.Random(f"demonstrations {seed}")
    for program, task in _tasks_with_programs("train", rows=rows, seed=seed):
        answer = _habit(program) if draw.random() < habit_share else program
        yield task, render_patch(make_patch({PATH: masked(program)}, {PATH: answer.text}, context_lines=0))


def masked(program: Program) -> str:
    """The program's file with the placeholder."""
    return f"{program.text.splitlines()[0]}\n    {placeholder('f')}\n"


def _habit(program: Program) -> Program:
    """What a programmer in a hurry writes: bounds never count, and everything is added."""
    comparison = _HURRIED.get(program.comparison, program.comparison)
    return replace(program, comparison=comparison, operator="+" if program.operator == "-" else program.operator)


def _tasks_with_programs(split: str, *, rows: int, seed: int) -> Iterator[tuple[Program, TaskRow]]:
    draw = random.Random(f"implement {split} {seed}")
    seen: set[str] = set()
    misses = 0
    while len(seen) < rows and misses < MISSES:
        misses += 1
        program = replace(draw_program(draw), kept=LISTS[0])  # the name of the list is not in the prompt
        inputs = draw_inputs(draw, program)
        if program.split != split or program.text in seen:
            continue
        seen.add(program.text)
        misses = 0
        yield program, _task(program, inputs, split, len(seen))


def _task(program: Program, inputs: list[list[int]], split: str, number: int) -> TaskRow:
    before = masked(program)
    return {
        "task_id": f"toy-implement-{split}-{number:05d}",
        "kind": "implement",
        "prompt": [{"role": "user", "content": f"{program.spec}\n{PATH}\n{before}"}],
        "files": rows_from_files({PATH: before}),
        "reference": rows_from_files({PATH: program.text}),
        "tests": tests_of(inputs, [run_program(program, items) for items in inputs]),
        "label": "",
        "source": f"toy/{program.goal}",
    }
