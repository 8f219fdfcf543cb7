"""The `tests` reward: does the repaired program pass its task's tests?"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from crrl.errors import DataError
from crrl.rewards.answers import Answer, Rows, answers_to
from crrl.rewards.recent import RecentByHash
from crrl.rewards.steering import steers_tests, without_tests
from crrl.sandbox import Limits, run
from crrl.schema import Completion, Files, TestsRow, files_from_rows

MEMORY_MB = 1024
TRIES = 2
"""A sandbox that could not run the program is asked once more before the answer counts as not judged."""
KEPT_RESULTS = 100_000


class _Job(NamedTuple):
    """One program to test: the answer's files with the test files over them."""

    tree: Files
    command: tuple[str, ...]
    timeout_s: float

    def key(self) -> bytes:
        """Equal for equal jobs: a digest, so that what is remembered takes no room."""
        digest = hashlib.blake2b(digest_size=16)
        for text in _with_lengths((*self.command, repr(self.timeout_s), *_flat(self.tree))):
            digest.update(text)
        return digest.digest()


_results: RecentByHash[bytes, float] = RecentByHash(KEPT_RESULTS)


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
        DataError: a task has no tests, or no time for them.

    Cost: one process for each different program, all cores at once. What a program can still do to its tests:
    docs/rewards.md.
    """
    for row in tests:
        _check(row)
    answers = answers_to(completions, files, thought_opened)
    jobs = [_job(answer, row) for answer, row in zip(answers, tests, strict=True)]
    keys = [None if job is None else job.key() for job in jobs]
    known = {key: _results.get(key) for key in keys if key is not None}
    known |= _judge_all({key: job for key, job in zip(keys, jobs, strict=True) if key and job and known[key] is None})
    return [0.0 if key is None else known[key] for key in keys]


def _check(row: TestsRow | None) -> None:
    if not row or not row["command"]:
        raise DataError("the reward `tests` needs tests, and a task has none (its tests.command is empty)")
    if not row["timeout_s"] > 0:
        raise DataError(f"the reward `tests` needs a time limit, and a task has tests.timeout_s = {row['timeout_s']}")


def _job(answer: Answer, row: TestsRow) -> _Job | None:
    """What must be run; None if the answer fails without."""
    test_files = files_from_rows(row["files"])
    if answer.changed is None or steers_tests(answer.before, answer.changed, test_files):
        return None
    tree = {**without_tests(answer.changed, test_files), **test_files}
    if tree == {**without_tests(answer.before, test_files), **test_files}:
        return None  # it changed only what the tests bring themselves
    return _Job(tree, tuple(row["command"]), row["timeout_s"])


def _judge_all(jobs: dict[bytes, _Job]) -> dict[bytes, float | None]:
    if not jobs:
        return {}
    # The cores of this process, not of the machine: under Slurm more workers would only make each other late.
    with ThreadPoolExecutor(max_workers=len(os.sched_getaffinity(0))) as pool:
        return dict(zip(jobs, pool.map(_judge, jobs.keys(), jobs.values()), strict=True))


def _judge(key: bytes, job: _Job) -> float | None:
    limits = Limits(wall_s=job.timeout_s, cpu_s=job.timeout_s, memory_mb=MEMORY_MB)
    for _ in range(TRIES):
        outcome = run(job.command, job.tree, limits)
        if outcome.kind == "unavailable":
            continue
        score = float(outcome.kind == "passed")
        if outcome.kind != "timeout":  # a busy machine may have been late: the next step asks again
            _results.put(key, score)
        return score
    return None


def _flat(tree: Files) -> Iterable[str]:
    for path in sorted(tree):
        yield from (path, tree[path])


def _with_lengths(texts: Iterable[str]) -> Iterable[bytes]:
    """The texts as bytes, each after its length, so that no two lists look alike."""
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        yield b"%d:" % len(data)
        yield data
