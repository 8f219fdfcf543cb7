"""Do a task's tests tell its files from its reference? Asked in the sandbox, where a build wants it."""

from __future__ import annotations

from types import TracebackType

from crrl.errors import SandboxError
from crrl.schema import FileRow, TaskRow, TestsRow, files_from_rows
from crrl.testing import run_tests, score

_PATIENCE_S = 60.0
"""A busy machine must not decide what a bad row is."""


class TestsCheck:
    """A context manager: it owns the sandbox's workers. Cost: two runs of the tests a task."""

    __test__ = False

    def __init__(self) -> None:
        from crrl.sandbox import Workers

        self._workers = Workers()

    def __enter__(self) -> TestsCheck:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._workers.close()

    def problem(self, task: TaskRow) -> str:
        """Why the tests are no judge: they pass already, or fail for the reference; "" if they are, or there are none."""
        if not task["tests"]["command"]:
            return ""
        if self._score(task, task["files"]) == 1.0:
            return "its tests already pass: there is nothing to repair"
        if task["reference"] and (earned := self._score(task, task["reference"])) != 1.0:
            return f"its tests do not pass for its reference (score {earned:g})"
        return ""

    def _score(self, task: TaskRow, rows: list[FileRow]) -> float:
        before = files_from_rows(task["files"])
        tests: TestsRow = {**task["tests"], "timeout_s": max(task["tests"]["timeout_s"], _PATIENCE_S)}
        for _ in range(2):
            earned = score(run_tests(files_from_rows(rows), tests, self._workers.run, before=before), tests)
            if earned is not None:
                return earned
        raise SandboxError(f"the tests of {task['task_id']} cannot be run here; check_tests=0 does without")
