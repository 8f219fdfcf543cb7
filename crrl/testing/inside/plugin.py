"""Tells the vault what pytest says about each test. Beside loader.py, in the same namespace without secrets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

ask: Callable[[tuple[Any, ...]], Any]


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
