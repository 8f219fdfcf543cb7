"""Which tests judge a function, as a task's `tests`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crrl.data.sources.mutations.coverage import Oracle, Test
from crrl.data.sources.mutations.library import Module
from crrl.data.sources.mutations.mutants import Function
from crrl.schema import Files, TestsRow, rows_from_files

MAX_TESTS = 12
TIMEOUT_S = 10.0
FOLDER = "docstrings"
NAMES_OF_MODULE = """\
>>> import importlib
>>> globals().update({{name: value for name, value in vars(importlib.import_module({module!r})).items() if name[:2] != "__"}})

"""
"""The examples of a docstring see the names of its module."""


@dataclass(frozen=True)
class Suite:
    """Tests of one oracle for one function, and the lines of its module that they run through."""

    oracle: Oracle
    tests: tuple[Test, ...]
    lines: frozenset[int]


def suites_for(function: Function, module: Module, tests: Sequence[Test]) -> list[Suite]:
    """The best tests that run through a function's body: of a test framework first, then of docstrings.

    At most MAX_TESTS of each, those first that add most lines of the function, then cheap ones. Nothing is timed: the
    same code gets the same tests on every machine.
    """
    body = range(function.body_line, function.last_line + 1)
    own = [(test, test.lines.get(module.name, frozenset()).intersection(body)) for test in tests]
    found: list[Suite] = []
    for oracles in (("unittest", "pytest"), ("doctest",)):
        fitting = [(test, lines) for test, lines in own if lines and test.oracle in oracles]
        if fitting:
            chosen = _choose(fitting)
            seen = frozenset[int]().union(*(test.lines[module.name] for test in chosen))
            found.append(Suite(chosen[0].oracle, chosen, seen))
    return found


def _choose(fitting: list[tuple[Test, frozenset[int]]]) -> tuple[Test, ...]:
    left = sorted(fitting, key=lambda pair: (pair[0].cost, pair[0].name))
    chosen: list[Test] = []
    seen: set[int] = set()
    while left and len(chosen) < MAX_TESTS:
        best = max(left, key=lambda pair: len(pair[1] - seen))  # the first of the best is the cheapest
        left.remove(best)
        chosen.append(best[0])
        seen |= best[1]
    return tuple(sorted(chosen, key=lambda test: test.name))


def tests_row(suite: Suite, brought: Files) -> TestsRow:
    """The row of a task that this suite judges; `brought`: the test files of a folder."""
    files, words = dict(brought), [test.name for test in suite.tests]
    if suite.oracle == "doctest":
        texts = {_file_of(test.name): NAMES_OF_MODULE.format(module=test.module) + test.text for test in suite.tests}
        files |= texts
        words = list(texts)
    return {
        "files": rows_from_files(files),
        "command": ["python", "-m", suite.oracle, *words],
        "timeout_s": TIMEOUT_S,
    }


def test_of(suite: Suite, test_id: str) -> str:
    """The name of the test that an id of the results belongs to: the docstring of an example, else the id itself."""
    if suite.oracle != "doctest":
        return test_id
    file = test_id.rpartition(":")[0]
    return next((test.name for test in suite.tests if _file_of(test.name) == file), "")


def is_preamble(suite: Suite, test_id: str) -> bool:
    """Whether an id is of the lines that every file of examples begins with."""
    return suite.oracle == "doctest" and int(test_id.rpartition(":")[2]) <= NAMES_OF_MODULE.count("\n")


def _file_of(name: str) -> str:
    return f"{FOLDER}/{name}.txt"
