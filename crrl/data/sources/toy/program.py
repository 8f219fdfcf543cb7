"""The programs of the toy grammar: their text, their specification, what they compute, and the tests that follow from it.

# sum of x times 2 for x at least 3
def f(xs):
    ys = [x * 2 for x in xs if x >= 3]
    return sum(ys)
"""

from __future__ import annotations

import hashlib
import operator
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from crrl.schema import TestsRow, rows_from_files

PATH = "f.py"
TEST_PATH = "test_f.txt"
TEST_TIMEOUT_S = 2.0
HELDOUT_SHARE = 0.2

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
        return split_of(self.text)


def split_of(text: str) -> str:
    """`train` or `heldout`, by a hash of a text."""
    share = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") / 2**32
    return "heldout" if share < HELDOUT_SHARE else "train"


def draw_program(draw: random.Random) -> Program:
    """Any program of the grammar."""
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


def draw_inputs(draw: random.Random, program: Program) -> list[list[int]]:
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


def run_program(program: Program, items: list[int]) -> int:
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


def tests_of(inputs: Sequence[list[int]], expected: Sequence[int]) -> TestsRow:
    """Examples that call `f` with each input, as a doctest file that lies apart from the program."""
    examples = [_EXAMPLE.format(items=items, expected=value) for items, value in zip(inputs, expected, strict=True)]
    return {
        "files": rows_from_files({TEST_PATH: ">>> from f import f\n" + "".join(examples)}),
        "command": ["python", "-S", "-E", "-s", "-m", "doctest", TEST_PATH],
        "timeout_s": TEST_TIMEOUT_S,
    }
