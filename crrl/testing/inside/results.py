"""Tells the vault what the frameworks say about each test. Beside loader.py, in the same namespace without secrets."""

from __future__ import annotations

import sys
import unittest
from collections.abc import Callable, Iterator
from typing import Any

ask: Callable[[tuple[Any, ...]], Any]
run_sync: Callable[[Any, Any], Any]
run_async: Callable[[Any, Any], Any]


def call_test_method(self: Any, method: Any) -> None:
    """`TestCase._callTestMethod`: the test's own code came to its end, whatever is made of that afterwards."""
    run_sync(self, method)
    ask(("returned", method))


def call_async_test_method(self: Any, method: Any) -> None:
    """The same for `IsolatedAsyncioTestCase`."""
    run_async(self, method)
    ask(("returned", method))


class Plugin:
    """Tells the vault what pytest says about each test."""

    def pytest_collection_finish(self, session: Any) -> None:
        ask(("expect", [item.nodeid for item in session.items]))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        ask(("start", nodeid))

    def pytest_pyfunc_call(self, pyfuncitem: Any) -> bool | None:
        function = pyfuncitem.obj
        if getattr(getattr(function, "__code__", None), "co_flags", 0) & 0x280:
            return None  # a coroutine: pytest, or a plugin that the tests bring, knows what to do
        names = pyfuncitem._fixtureinfo.argnames
        function(**{name: pyfuncitem.funcargs[name] for name in names})
        ask(("returned", function))
        return True

    def pytest_runtest_logreport(self, report: Any) -> None:
        was_expected = hasattr(report, "wasxfail")
        if report.outcome == "failed":
            ask(("status", report.nodeid, "failed"))
        elif report.outcome == "skipped":
            ask(("status", report.nodeid, "xfailed" if was_expected else "skipped"))
        elif report.when == "call":
            ask(("status", report.nodeid, "xpassed" if was_expected else "passed"))

    def pytest_collectreport(self, report: Any) -> None:
        if report.outcome == "failed":
            ask(("status", report.nodeid or ".", "failed"))


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
