"""Runs a task's tests on a tree: which test passed?"""

from __future__ import annotations

import json
import posixpath
import re
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from crrl.sandbox import Limits, Outcome
from crrl.schema import Files, TestsRow, files_from_rows
from crrl.testing.doctests import compare, job_of, read_examples
from crrl.testing.harness import harness
from crrl.testing.inside.audit import VOCABULARY
from crrl.testing.originals import originals
from crrl.testing.report import Report, read_report
from crrl.testing.style import Command, doctest_files, read_command
from crrl.testing.tree import CONFIGS, is_test_module, lay_out

Runner = Callable[..., Outcome]
"""`crrl.sandbox.run`, or `run` of warm workers: f(command, files, limits, stdin=…) → Outcome."""
MEMORY_MB = 1024
_READS_ITSELF = re.compile(r"\b(__file__|inspect|linecache|traceback)\b")
"""What a test module says that needs its own text on the disk."""
_STUB = "# The tests' code is loaded from elsewhere.\n"


@dataclass(frozen=True)
class TestRun:
    """How a run of tests went.

    Attributes:
        outcome: of the process.
        results: test → passed. A skipped test did not pass. Empty for programs, which have no tests.
        finished: the run reported its own, authentic end.
        tampered: what the answer did to the tests' machinery; "" if nothing was noticed. Nothing counts then.
        exit_code: the exit code that the plain command has; 1 if it did not come to its end.
    """

    __test__ = False

    outcome: Outcome
    results: Mapping[str, bool] = field(default_factory=dict)
    finished: bool = False
    tampered: str = ""
    exit_code: int = 1

    @property
    def passed(self) -> bool:
        """Whether everything passed, and anything ran: what exit code 0 says, less skipped tests."""
        return self.finished and self.exit_code == 0 and all(self.results.values())


def run_tests(
    tree: Files, tests: TestsRow, run: Runner, *, before: Files | None = None, memory_mb: int = MEMORY_MB
) -> TestRun:
    """Run a task's tests on a tree, each of the styles of `docs/rewards.md` so that it says what the plain command says.

    Args:
        tree: the files to judge. The tests' own files go over them.
        tests: test files, command, time limit.
        run: what runs one command in a sandbox.
        before: the tree before the repair: what it does to frames, signals and the like is no sign of cheating, and its
            files that steer tests stay as they are. None: `tree` itself.
        memory_mb: how much memory the run may use.

    Returns:
        The run. Never raises for anything that the tree's code does.

    Raises:
        DataError: the tests are none (a doctest file that does not parse).

    Cost: one process in the sandbox.
    """
    test_files = files_from_rows(tests["files"])
    command = read_command(tests["command"], test_files)
    limits = Limits(wall_s=tests["timeout_s"], cpu_s=tests["timeout_s"], memory_mb=memory_mb)
    before = tree if before is None else before
    is_framework = command.style in ("pytest", "unittest")
    whole = lay_out(tree, before, test_files, own_test_modules=is_framework)
    if command.style == "command":
        outcome = run(tests["command"], whole, limits)
        is_over = outcome.kind in ("passed", "failed")
        return TestRun(outcome, finished=is_over, exit_code=outcome.exit_code or 0 if is_over else 1)
    nonce = secrets.token_hex(16)
    job: dict[str, Any] = {"nonce": nonce, "known_words": _known_words(before, test_files)}
    job["unchanged"] = _unchanged(whole, before)
    job["originals"] = originals(tuple(whole))
    if command.style == "doctest":
        return _run_doctest(command, test_files, whole, limits, run, job)
    codes = {path: text for path, text in whole.items() if _is_tests(path, test_files, is_framework)}
    job |= {"style": command.style, "tests": codes, "arguments": command.arguments, "path": _path(command)}
    job |= _program(command, test_files) if command.style == "script" else {"config": _config(whole)}
    hidden = [path for path in codes if is_framework and is_test_module(path) and not _READS_ITSELF.search(codes[path])]
    laid_out = {**whole, **dict.fromkeys(hidden, _STUB)}
    job["shown"] = [path for path in codes if path not in hidden]
    outcome, report = _ask(run, command, _harness_for(command, test_files), laid_out, limits, job)
    if report.tampered:
        return TestRun(outcome, tampered=report.tampered)
    if command.style == "script":
        return TestRun(outcome, {}, report.is_over, exit_code=report.exit_code if report.is_over else 1)
    code = outcome.exit_code if outcome.exit_code is not None else 1
    return TestRun(outcome, report.results, report.finished, exit_code=code if report.results else 1)


def _run_doctest(
    command: Command, test_files: Files, whole: Files, limits: Limits, run: Runner, job: dict[str, Any]
) -> TestRun:
    examples = read_examples(command.arguments, test_files)
    asked = set(doctest_files(command.arguments))
    laid_out = {path: text for path, text in whole.items() if path not in asked}
    outcome, report = _ask(run, command, "doctest", laid_out, limits, {**job, **job_of(examples)})
    if report.tampered:
        return TestRun(outcome, tampered=report.tampered)
    results = compare(examples, report.examples, report.finished)
    passed = report.finished and bool(results) and all(results.values())
    return TestRun(outcome, results, report.finished, exit_code=int(not passed))


def _ask(
    run: Runner, command: Command, program: str, files: Files, limits: Limits, job: dict[str, Any]
) -> tuple[Outcome, Report]:
    words = ["python", *command.flags, "-I", "-B", "-c", harness(program)]
    outcome = run(words, files, limits, stdin=json.dumps(job).encode())
    return outcome, read_report(outcome.report, job["nonce"])


def _is_tests(path: str, test_files: Files, is_framework: bool) -> bool:
    """Whether a file is code of the tests: the tests bring it, or a framework runs it.

    The text of such a module is not laid out for a framework, because what is expected stands in it.
    """
    return path.endswith(".py") and (path in test_files or (is_framework and is_test_module(path)))


def _harness_for(command: Command, test_files: Files) -> str:
    """The program that runs a command of a style beside doctest."""
    uses_unittest = any("unittest" in text for text in test_files.values())
    return "unittest" if command.style == "script" and uses_unittest else command.style


def _config(files: Files) -> str:
    """The settings file that pytest finds at the top of a tree; "" if there is none."""
    return next((name for name in CONFIGS if name in files), "")


def _path(command: Command) -> str | None:
    """The folder that the command puts first on sys.path; None: none (`-I`, `-P`)."""
    if any(flag.startswith("-") and set("IP") & set(flag[1:]) for flag in command.flags if flag[1:2] not in ("X", "W")):
        return None
    return str(PurePosixPath(command.target).parent) if command.form == "script" else ""


def _program(command: Command, test_files: Files) -> dict[str, Any]:
    target = command.target
    module = target.replace(".", "/")
    own = {"script": [target], "module": [f"{module}.py", f"{module}/__main__.py"], "code": []}[command.form]
    is_tests_own = command.form == "code" or any(path in test_files for path in own)
    return {"form": command.form, "target": target, "is_tests_own": is_tests_own}


def _unchanged(whole: Files, before: Files) -> list[str]:
    """The Python files that are as they were; none that another path of the tree may mean as well."""
    named = Counter(posixpath.normpath(path) for path in whole)
    return [
        path
        for path, text in whole.items()
        if path.endswith(".py") and before.get(path) == text and path == posixpath.normpath(path) and named[path] == 1
    ]


def _known_words(before: Files, test_files: Files) -> list[str]:
    """The words of the vocabulary of tampering, and names of test modules, that the task itself uses."""
    modules = {PurePosixPath(path).stem for path in test_files if path.endswith(".py")}
    found: set[str] = set()
    for text in before.values():
        found |= (VOCABULARY | modules) & set(re.findall(r"\w+", text))
    for text in test_files.values():
        found |= VOCABULARY & set(re.findall(r"\w+", text))
    return sorted(found)
