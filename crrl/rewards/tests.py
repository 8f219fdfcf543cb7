"""The `tests` reward: how much of what its tests ask for does the repaired program do?"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from crrl.errors import DataError
from crrl.rewards.answers import Answer, Rows, answers_to
from crrl.rewards.judging import Job, current_judge
from crrl.schema import Completion, Files, TestsRow, files_from_rows
from crrl.testing.harness import code_digest
from crrl.testing.run import MEMORY_MB
from crrl.testing.steering import steers_tests, without_tests


def tests(
    completions: Sequence[Completion],
    files: Sequence[Rows],
    tests: Sequence[TestsRow],
    thought_opened: Sequence[bool] | None = None,
    log_metric: Callable[[str, float], None] | None = None,
    **_: Any,
) -> list[float | None]:
    """Whether each answer's files pass the task's tests.

    Args:
        completions: B model answers.
        files: B trees before the fix.
        tests: B rows of test files, command and time limit. Test files are written over the answer's.
        thought_opened: B flags, see `split_reply`.
        log_metric: TRL's; told how many programs were judged, known, late, and how long it took.

    Returns:
        B floats in [0, 1], see `crrl.testing.score`; 0.0 without running for an answer that cannot be applied, changes nothing,
        or brings a file that steers the tests. None if the sandbox could not run it, twice, or not before the deadline.

    Raises:
        DataError: a task has no tests, or no time for them.
        SandboxError: more of the batch is None than `crrl.rewards.judging.configure` allows.

    Cost: one process for each different program, all workers at once; nothing for a program that was judged before. It is a
    synchronous function: the other rewards take milliseconds, so there is nothing to gain from running beside them.
    """
    jobs = _jobs(completions, files, tests, thought_opened)
    judge = current_judge()
    scores, counts = judge.judge({job.key: job for job in jobs if job is not None})
    found = [0.0 if job is None else scores[job.key] for job in jobs]
    if log_metric is not None:
        for name, value in counts.metrics().items():
            log_metric(name, value)
    judge.check(found.count(None), len(found), counts)
    return found


def begin_tests(
    completions: Sequence[Completion],
    files: Sequence[Rows],
    tests: Sequence[TestsRow],
    thought_opened: Sequence[bool] | None = None,
    **_: Any,
) -> None:
    """Start running programs for which `tests` will be asked soon, as while other completions are still generated.

    Returns at once. Raises DataError as `tests` does.
    """
    jobs = _jobs(completions, files, tests, thought_opened)
    current_judge().begin({job.key: job for job in jobs if job is not None})


def _jobs(
    completions: Sequence[Completion],
    files: Sequence[Rows],
    tests: Sequence[TestsRow],
    thought_opened: Sequence[bool] | None,
) -> list[Job | None]:
    """What must be run for each completion; None for one that fails without."""
    for row in tests:
        _check(row)
    answers = answers_to(completions, files, thought_opened)
    return [_job(answer, row) for answer, row in zip(answers, tests, strict=True)]


def _check(row: TestsRow | None) -> None:
    if not row or not row["command"]:
        raise DataError("the reward `tests` needs tests, and a task has none (its tests.command is empty)")
    if not row["timeout_s"] > 0:
        raise DataError(f"the reward `tests` needs a time limit, and a task has tests.timeout_s = {row['timeout_s']}")


def _job(answer: Answer, row: TestsRow) -> Job | None:
    """What must be run; None if the answer fails without."""
    test_files = files_from_rows(row["files"])
    if answer.changed is None or steers_tests(answer.before, answer.changed, test_files):
        return None
    tree = without_tests(answer.changed, test_files)
    before = without_tests(answer.before, test_files)
    if tree == before:
        return None  # it changed only what the tests bring themselves
    return Job(_key(tree, before, row), tree, before, row)


def _key(tree: Files, before: Files, row: TestsRow) -> bytes:
    """Equal for equal programs under equal tests, as this version of the tests' machinery and of Python judges them."""
    digest = hashlib.blake2b(digest_size=16)
    settings = [sys.version, code_digest(), MEMORY_MB, current_judge().level]
    given = [row["command"], row["timeout_s"], row.get("fail_to_pass") or [], row.get("pass_to_pass") or []]
    parts = (json.dumps([settings, given]), *_flat(tree), "", *_flat(before), "", *_flat(files_from_rows(row["files"])))
    for text in _with_lengths(parts):
        digest.update(text)
    return digest.digest()


def _flat(tree: Files) -> Iterable[str]:
    for path in sorted(tree):
        yield from (path, tree[path])


def _with_lengths(texts: Iterable[str]) -> Iterable[bytes]:
    """The texts as bytes, each after its length, so that no two lists look alike."""
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        yield b"%d:" % len(data)
        yield data
