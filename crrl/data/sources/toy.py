"""The `toy` source: small Python functions with a specification, one injected bug and tests.

Made for models of a million parameters, so that the whole of a run (data, warm start, reinforcement, evaluation) can be
watched on a laptop. A program keeps the items of a list that meet a condition, takes a value of each, and sums,
counts, or finds the largest or smallest of them:

    # sum of x times 2 for x at least 3
    def f(xs):
        ys = [x * 2 for x in xs if x >= 3]
        return sum(ys)

One part of it is then broken: another comparison, bound, operator, operand or result. The specification tells the right one,
so the repair can be worked out, never only guessed.

Splits share no program: a program's split is a hash of its text, and a task is made only if its right and its broken
program lie in the same split.
"""

from __future__ import annotations

import hashlib
import operator
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from crrl.diffs import make_patch, render_patch
from crrl.schema import Files, TaskRow, rows_from_files

PATH = "f.py"
TEST_PATH = "test_f.txt"
SPLITS = ("train", "heldout")
HELDOUT_SHARE = 0.2
TEST_TIMEOUT_S = 2.0

COMPARISONS = {
    ">": "above",
    "<": "below",
    ">=": "at least",
    "<=": "at most",
    "==": "equal to",
    "!=": "other than",
}
VALUE_WORDS = {"+": "plus", "-": "minus", "*": "times"}
GOALS = {"sum": "sum({})", "count": "len({})", "largest": "max({}, default=0)", "smallest": "min({}, default=0)"}
LISTS = ("ys", "out", "kept")
ITEMS = ("x", "v", "k")  # their plurals name the list that comes in, so none may be a keyword


@dataclass(frozen=True)
class Program:
    """One function of the grammar; every field is one thing a bug can change.

    `operator` is empty where the value is the item itself.
    """

    goal: str
    kept: str
    item: str
    comparison: str
    bound: int
    operator: str
    operand: int

    @property
    def text(self) -> str:
        """The source of the function, as the file `f.py`."""
        value = f"{self.item} {self.operator} {self.operand}" if self.operator else self.item
        return (
            f"def f({self.item}s):\n"
            f"    {self.kept} = [{value} for {self.item} in {self.item}s if {self.item} {self.comparison} {self.bound}]\n"
            f"    return {GOALS[self.goal].format(self.kept)}\n"
        )

    @property
    def spec(self) -> str:
        """What the function must do, in words that name every part of it."""
        value = f"{self.item} {VALUE_WORDS[self.operator]} {self.operand}" if self.operator else self.item
        return f"{self.goal} of {value} for {self.item} {COMPARISONS[self.comparison]} {self.bound}"

    @property
    def split(self) -> str:
        """Where every task with this program belongs; the same text always answers the same."""
        share = int.from_bytes(hashlib.sha256(self.text.encode()).digest()[:4], "big") / 2**32
        return "heldout" if share < HELDOUT_SHARE else "train"


@dataclass(frozen=True)
class Bug:
    """A right program, its broken form, and which part was changed (a field of `Program`)."""

    right: Program
    broken: Program
    part: str


def tasks(split: str, *, rows: int, seed: int = 0) -> Iterator[TaskRow]:
    """Yields `rows` different repair tasks of one split, the same ones for the same seed.

    Cost: about 0.2 ms a task. Raises ValueError for an unknown split.
    """
    for bug, task in _tasks_with_bugs(split, rows=rows, seed=seed):
        del bug
        yield task


def demonstrations(*, rows: int, seed: int = 0, habit_share: float = 0.55) -> Iterator[tuple[TaskRow, str]]:
    """Yields training tasks with an answer that a programmer in a hurry gave.

    The form is always right; the repair follows the specification in 1 - `habit_share` of the answers, and in the rest it
    is the programmer's habit for that kind of line (`_habit`), which the tests mostly refuse. Imitation
    therefore tops out at the habit, while what a run is to learn from the tests is in reach of its samples.
    """
    draw = random.Random(f"demonstrations {seed}")
    for bug, task in _tasks_with_bugs("train", rows=rows, seed=seed):
        answer = _habit(bug) if draw.random() < habit_share else bug.right
        if answer == bug.broken:
            answer = bug.right
        yield task, render_patch(make_patch({PATH: bug.broken.text}, {PATH: answer.text}, context_lines=0))


def _tasks_with_bugs(split: str, *, rows: int, seed: int) -> Iterator[tuple[Bug, TaskRow]]:
    if split not in SPLITS:
        raise ValueError(f"toy has no split {split!r}; it has {', '.join(SPLITS)}")
    draw = random.Random(f"{split} {seed}")
    seen: set[str] = set()
    while len(seen) < rows:
        bug = _draw_bug(draw)
        inputs = _draw_inputs(draw, bug.right)
        if bug.right.split != split or bug.broken.split != split or bug.broken.text in seen:
            continue
        expected = [_run(bug.right, items) for items in inputs]
        if [_run(bug.broken, items) for items in inputs] == expected:
            continue
        seen.add(bug.broken.text)
        yield bug, _task(bug, inputs, expected, split, len(seen))


def _draw_program(draw: random.Random) -> Program:
    goal = draw.choice(("sum", "sum", "count", "largest", "smallest"))
    operator = "" if goal == "count" else draw.choice(("+", "-", "*", "+", "-", "*", ""))
    return Program(
        goal=goal,
        kept=draw.choice(LISTS),
        item=draw.choice(ITEMS),
        comparison=draw.choice(tuple(COMPARISONS)),
        bound=draw.randint(0, 9),
        operator=operator,
        operand=draw.randint(2, 9) if operator else 0,
    )


def _draw_bug(draw: random.Random) -> Bug:
    right = _draw_program(draw)
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


def _draw_inputs(draw: random.Random, program: Program) -> list[list[int]]:
    """Lists that hold the bound and its neighbours, so that no comparison passes for another."""
    near = [program.bound - 1, program.bound, program.bound + 1]
    return [near, [], [draw.randint(-5, 15) for _ in range(6)], [*near, draw.randint(10, 30), *near]]


_HOLDS: dict[str, Callable[[int, int], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
_VALUE: dict[str, Callable[[int, int], int]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}


def _run(program: Program, items: list[int]) -> int:
    """The program's value on one input, computed from its parts (the tests compare with real execution)."""
    kept = [x for x in items if _HOLDS[program.comparison](x, program.bound)]
    values = [_VALUE[program.operator](x, program.operand) for x in kept] if program.operator else kept
    if program.goal == "count":
        return len(values)
    if program.goal == "sum":
        return sum(values)
    return (max if program.goal == "largest" else min)(values, default=0)


_EXAMPLE = """\
>>> f({items})
{expected}
"""


def _task(bug: Bug, inputs: list[list[int]], expected: list[int], split: str, number: int) -> TaskRow:
    before: Files = {PATH: bug.broken.text}
    examples = [_EXAMPLE.format(items=items, expected=value) for items, value in zip(inputs, expected, strict=True)]
    test = ">>> from f import f\n" + "".join(examples)
    return {
        "task_id": f"toy-{split}-{number:05d}",
        "kind": "repair",
        "prompt": [{"role": "user", "content": f"{bug.right.spec}\n{PATH}\n{bug.broken.text}"}],
        "files": rows_from_files(before),
        "reference": rows_from_files({PATH: bug.right.text}),
        "tests": {
            "files": rows_from_files({TEST_PATH: test}),
            "command": ["python", "-S", "-E", "-s", "-m", "doctest", TEST_PATH],
            "timeout_s": TEST_TIMEOUT_S,
        },
        "label": "",
        "source": f"toy/{bug.part}",
    }
