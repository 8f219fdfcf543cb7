"""Tells the vault what unittest says about each test. Beside loader.py, in the same namespace without secrets."""

from __future__ import annotations

import sys
import unittest
from collections.abc import Callable, Iterator
from typing import Any

ask: Callable[[tuple[Any, ...]], Any]


class Result(unittest.TestResult):
    """Tells the vault what unittest says about each test."""

    def startTest(self, test: Any) -> None:  # noqa: N802
        super().startTest(test)
        ask(("start", test.id()))

    def addSuccess(self, test: Any) -> None:  # noqa: N802
        ask(("status", test.id(), "passed"))

    def addFailure(self, test: Any, err: Any) -> None:  # noqa: N802
        super().addFailure(test, err)
        ask(("status", test.id(), "failed"))

    def addError(self, test: Any, err: Any) -> None:  # noqa: N802
        super().addError(test, err)
        ask(("status", test.id(), "failed"))

    def addSkip(self, test: Any, reason: str) -> None:  # noqa: N802
        ask(("status", test.id(), "skipped"))

    def addExpectedFailure(self, test: Any, err: Any) -> None:  # noqa: N802
        ask(("status", test.id(), "xfailed"))

    def addUnexpectedSuccess(self, test: Any) -> None:  # noqa: N802
        super().addUnexpectedSuccess(test)
        ask(("status", test.id(), "failed"))

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:  # noqa: N802
        super().addSubTest(test, subtest, err)
        if err is not None:
            ask(("status", test.id(), "failed"))


def _ids(tests: Any) -> Iterator[str]:
    if isinstance(tests, unittest.TestSuite):
        for test in tests:
            yield from _ids(test)
    else:
        yield tests.id()


class Runner:
    """What unittest's command line gives the tests to."""

    def __init__(self, *, failfast: bool = False, buffer: bool = False, **_: Any) -> None:
        self.result = Result()
        self.result.failfast, self.result.buffer = bool(failfast), bool(buffer)

    def run(self, tests: Any) -> Result:
        ask(("expect", list(_ids(tests))))
        tests(self.result)
        if self.result.errors or self.result.failures:
            for _, text in (*self.result.errors, *self.result.failures):
                print(text, file=sys.stderr)
        return self.result
