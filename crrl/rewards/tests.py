"""The `tests` reward: does the repaired program pass its task's tests?"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from crrl.errors import DataError
from crrl.rewards.answers import Answer, Rows, answers_to
from crrl.rewards.recent import RecentByHash
from crrl.sandbox import Limits, run
from crrl.schema import Completion, Files, TestsRow, files_from_rows

MEMORY_MB = 1024
TRIES = 2
"""A sandbox that could not run the program is asked once more before the answer counts as not judged."""
KEPT_RESULTS = 20_000

_STEERING = frozenset(
    ("conftest.py", "sitecustomize.py", "usercustomize.py", "pytest.ini", "tox.ini", "setup.cfg", "pyproject.toml")
)
"""Files that change how tests run. An answer may edit one that the task shows, but not bring one."""
_results: RecentByHash[tuple[Any, ...], float] = RecentByHash(KEPT_RESULTS)


def tests(
    completions: Sequence[Completion],
    files: Sequence[Rows],
    tests: Sequence[TestsRow],
    thought_opened: Sequence[bool] | None = None,
    **_: Any,
) -> list[float | None]:
    """Whether each answer's files pass the task's tests.

    Args:
        completions: B model answers.
        files: B trees before the fix.
        tests: B rows of test files, command and time limit. Test files are written over the answer's.
        thought_opened: B flags, see `split_reply`.

    Returns:
        B floats: 1.0 if the command ends with exit code 0 in time, else 0.0; 0.0 without running for an answer that cannot
        be applied, changes nothing, or brings a file that steers the tests. None if the sandbox could not run it, twice.

    Raises:
        DataError: a task has no tests.

    Cost: one process for each different program, all cores at once. What a program can still do to its tests:
    docs/rewards.md.
    """
    for row in tests:
        if not row["command"]:
            raise DataError("the reward `tests` needs tests, and a task has none (its tests.command is empty)")
    answers = answers_to(completions, files, thought_opened)
    keys = [_key(answer, row) for answer, row in zip(answers, tests, strict=True)]
    jobs = zip(answers, tests, strict=True)
    new = {key: job for key, job in zip(keys, jobs, strict=True) if key is not None and _results.get(key) is None}
    fresh: dict[tuple[Any, ...], float | None] = {}
    if new:
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
            fresh = dict(zip(new, pool.map(lambda job: _judge(*job), new.values()), strict=True))
    for key, score in fresh.items():
        if score is not None:
            _results.put(key, score)
    return [0.0 if key is None else fresh[key] if key in fresh else _results.get(key) for key in keys]


def _key(answer: Answer, row: TestsRow) -> tuple[Any, ...] | None:
    """What decides the result; None if the answer fails without being run."""
    if answer.changed is None or _steers_tests(answer.before, answer.changed):
        return None
    test_files = files_from_rows(row["files"])
    tree = {**answer.changed, **test_files}
    return (tuple(sorted(tree.items())), tuple(row["command"]), row["timeout_s"])


def _steers_tests(before: Files, changed: Files) -> bool:
    return any(_can_steer(path) for path in changed.keys() - before.keys())


def _can_steer(path: str) -> bool:
    """Whether a new file of this path could be loaded in place of what the tests mean to load."""
    first, _, rest = path.partition("/")
    name = path.rpartition("/")[2]
    is_library = (first if rest else first.removesuffix(".py")) in sys.stdlib_module_names
    return name in _STEERING or name.endswith((".pth", ".so", ".pyc")) or is_library


def _judge(answer: Answer, row: TestsRow) -> float | None:
    assert answer.changed is not None
    limits = Limits(wall_s=row["timeout_s"], cpu_s=row["timeout_s"], memory_mb=MEMORY_MB)
    tree: Mapping[str, str] = {**answer.changed, **files_from_rows(row["files"])}
    for _ in range(TRIES):
        outcome = run(row["command"], tree, limits)
        if outcome.kind != "unavailable":
            return float(outcome.kind == "passed")
    return None
