"""Do a task's tests tell its files from its reference? Asked in the sandbox, where a build wants it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain

from crrl.cores import cores
from crrl.data.in_order import in_order
from crrl.data.journal import Journal
from crrl.data.rows import BadRow, Item, Sourced, Together, left_out
from crrl.errors import SandboxError
from crrl.sandbox import Workers
from crrl.schema import FileRow, TaskRow, TestsRow, files_from_rows
from crrl.testing import Runner, run_tests, score

_PATIENCE_S = 60.0
"""A busy machine must not decide what a bad row is."""


_AHEAD = 32
"""Tasks that are begun before their turn. Not by the number of cores: what a mixture takes must not depend on the machine."""


def with_sound_tests(items: Iterable[Item], journal: Journal) -> Iterator[Item]:
    """The items, but a task whose tests are no judge is a bad row. Cost: two runs of the tests a task, on all cores."""
    with Workers() as workers, ThreadPoolExecutor(cores()) as pool:
        try:
            jobs = (partial(_checked, item, workers.run, journal) for item in items)
            yield from chain.from_iterable(in_order(pool, jobs, ahead=_AHEAD))
        finally:
            pool.shutdown(cancel_futures=True)


def _checked(item: Item, run: Runner, journal: Journal) -> list[Item]:
    if not isinstance(item, Sourced | Together):
        return [item]
    outs = [_bad_row(part, run, journal) for part in item.parts]
    return left_out(item, outs) if any(outs) else [item]


def _bad_row(part: Sourced, run: Runner, journal: Journal) -> BadRow | None:
    digest = hashlib.sha256(json.dumps(part.task, sort_keys=True).encode()).hexdigest()
    problem = journal.get(f"tests {digest}", lambda: _problem(part.task, run))
    return BadRow(part.where, problem) if problem else None


def _problem(task: TaskRow, run: Runner) -> str:
    """Why the tests are no judge: they pass already, or fail for the reference; "" if they are, or there are none."""
    if not task["tests"]["command"]:
        return ""
    if _score(task, task["files"], run) == 1.0:
        return "its tests already pass: there is nothing to repair"
    if task["reference"] and (earned := _score(task, task["reference"], run)) != 1.0:
        return f"its tests do not pass for its reference (score {earned:g})"
    return ""


def _score(task: TaskRow, rows: list[FileRow], run: Runner) -> float:
    before = files_from_rows(task["files"])
    tests: TestsRow = {**task["tests"], "timeout_s": max(task["tests"]["timeout_s"], _PATIENCE_S)}
    for _ in range(2):
        earned = score(run_tests(files_from_rows(rows), tests, run, before=before), tests)
        if earned is not None:
            return earned
    raise SandboxError(f"the tests of {task['task_id']} cannot be run here; check_tests=0 does without")
