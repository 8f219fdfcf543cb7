"""Runs in the sandbox: which lines of some modules does each test, and each docstring's examples, execute?

    python collect.py < job.json > one line of JSON a test

The job: `files`, the modules to watch, path → name; `unittests`, names of test modules; `pytests`, test files;
`doctests`, names of modules whose docstrings are run. Imports the standard library only: the package is not there.
"""

from __future__ import annotations

import doctest
import importlib
import io
import json
import os
import signal
import sys
import unittest
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

MAX_TESTS = 400
"""Of one test module; which ones is decided by a hash of their names."""
MAX_EVENTS = 200_000
"""Lines of watched modules that a test may run through: a measure of its cost that is the same on every machine."""
MAX_TEST_S = 1.0
"""Seconds a test may take, tracing included; those that sleep, and only those, are found by it."""


STRAYING = (
    "_thread.start_new_thread",
    "os.fork",
    "os.posix_spawn",
    "socket.bind",
    "socket.connect",
    "subprocess.Popen",
    "time.sleep",
)
"""Audit events of tests whose end depends on more than the code: with a bug in it they may hang, or fail now and then."""


class Watch:
    """Collects the lines of the watched files that run between `start` and `stop`."""

    def __init__(self, files: dict[str, str], out: io.TextIOBase) -> None:
        self._files = files
        self._out = out
        self._lines: dict[str, set[int]] = {}
        self._events = 0
        self._strays = False
        sys.addaudithook(self._on_event)

    def start(self) -> None:
        self._lines = {}
        self._events = 0
        self._strays = False
        signal.signal(signal.SIGALRM, _too_slow)
        signal.setitimer(signal.ITIMER_REAL, MAX_TEST_S)
        sys.settrace(self._on_call)

    def stop(self, **found: Any) -> None:
        """Write what was found about one test, if it passed, was quick, did not stray and saw a watched line."""
        sys.settrace(None)
        signal.setitimer(signal.ITIMER_REAL, 0)
        is_fit = found.pop("passed") and not self._strays and self._events <= MAX_EVENTS
        if is_fit and self._lines:
            lines = {self._files[path]: sorted(seen) for path, seen in sorted(self._lines.items())}
            self._out.write(json.dumps({**found, "cost": self._events, "lines": lines}) + "\n")
            self._out.flush()

    def refuse_doctests(self) -> None:
        """A test that runs a module's docstrings is no judge of it: who may edit them may edit what it expects."""
        run = doctest.DocTestRunner.run

        def noted(runner: doctest.DocTestRunner, *arguments: Any, **options: Any) -> Any:
            self._strays = True
            return run(runner, *arguments, **options)

        doctest.DocTestRunner.run = noted  # type: ignore[assignment, method-assign]

    def _on_event(self, event: str, _: object) -> None:
        if event in STRAYING:
            self._strays = True

    def _on_call(self, frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
        path = frame.f_code.co_filename
        if path not in self._files:
            return None
        lines = self._lines.setdefault(path, set())

        def on_line(frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
            self._events += 1
            lines.add(frame.f_lineno)
            return on_line

        return on_line


def _too_slow(*_: object) -> None:
    raise TimeoutError(f"longer than {MAX_TEST_S} s")


class Result(unittest.TestResult):
    """Watches each test of a suite."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch
        self._trouble = 0

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802
        super().startTest(test)
        self._trouble = self._count()
        self._watch.start()

    def stopTest(self, test: unittest.TestCase) -> None:  # noqa: N802
        self._watch.stop(test=test.id(), passed=self._count() == self._trouble)
        super().stopTest(test)

    def _count(self) -> int:
        bad = len(self.errors) + len(self.failures) + len(self.unexpectedSuccesses)
        return bad + len(self.skipped) + len(self.expectedFailures)


def run_unittests(name: str, watch: Watch) -> None:
    """Every test of a test module that can be asked for by its name."""
    try:
        suite = unittest.defaultTestLoader.loadTestsFromName(name)
    except (Exception, SystemExit):
        return
    tests = [test for test in _flat(suite) if _has_a_name(test)]
    chosen = {test.id() for test in sorted(tests, key=lambda test: zlib.crc32(test.id().encode()))[:MAX_TESTS]}
    unittest.TestSuite(test for test in tests if test.id() in chosen).run(Result(watch))


def run_doctests(name: str, watch: Watch) -> None:
    """The examples of every docstring of a module, a docstring at a time."""
    try:
        module = importlib.import_module(name)
        found = doctest.DocTestFinder(exclude_empty=True).find(module)
    except (Exception, SystemExit):
        return
    for test in sorted(found, key=lambda test: (test.lineno or 0, test.name)):
        runner = doctest.DocTestRunner(verbose=False)
        watch.start()
        try:
            failed, tried = runner.run(test, out=lambda text: None)
        except (Exception, SystemExit):
            failed, tried = 1, 0
        text = "".join(map(render_example, test.examples))
        watch.stop(test=f"{test.name}", passed=tried > 0 and not failed, module=name, text=text)


def run_pytests(paths: list[str], watch: Watch) -> None:
    """Every test of some files, as pytest finds them."""
    pytest = importlib.import_module("pytest")

    class Plugin:
        @pytest.hookimpl(hookwrapper=True)  # type: ignore[untyped-decorator]
        def pytest_runtest_protocol(self, item: Any) -> Iterator[None]:
            self.passed = False
            watch.start()
            yield
            watch.stop(test=item.nodeid, passed=self.passed)

        def pytest_runtest_logreport(self, report: Any) -> None:
            if report.when == "call":
                self.passed = report.outcome == "passed" and not hasattr(report, "wasxfail")
            elif report.outcome != "passed":
                self.passed = False

    pytest.main(["-q", "-p", "no:cacheprovider", *paths], plugins=[Plugin()])


def render_example(example: doctest.Example) -> str:
    """An example as a text file for doctest writes it."""
    lines = example.source.splitlines()
    shown = [f">>> {lines[0]}", *(f"... {line}".rstrip() if not line else f"... {line}" for line in lines[1:])]
    return "\n".join(shown) + "\n" + example.want + "\n"


def _flat(suite: Any) -> Iterator[unittest.TestCase]:
    if isinstance(suite, unittest.TestSuite):
        for test in suite:
            yield from _flat(test)
    else:
        yield suite


def _has_a_name(test: unittest.TestCase) -> bool:
    kind = type(test)
    found: Any = sys.modules.get(kind.__module__)
    for part in kind.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is kind and test.id().replace(".", "").isidentifier()


def main() -> None:
    """Read the job from standard input; standard output is kept for the answer, whatever the tests print."""
    job = json.load(sys.stdin)
    out = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nowhere, descriptor)
    sys.path.insert(0, str(Path.cwd()))
    watch = Watch({str(Path(path).resolve()): name for path, name in job["files"].items()}, out)
    for name in job["doctests"]:
        run_doctests(name, watch)
    watch.refuse_doctests()
    for name in job["unittests"]:
        run_unittests(name, watch)
    if job["pytests"]:
        run_pytests(job["pytests"], watch)
    out.write('{"end": true}\n')
    out.flush()
    os._exit(0)  # threads that tests left behind must not keep us


if __name__ == "__main__":
    main()
