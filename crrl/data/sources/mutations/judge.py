"""Runs the tests on the right code and on each mutant: which of them notice it?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypedDict

from crrl.data.journal import Journal
from crrl.data.sources.mutations.library import Module
from crrl.data.sources.mutations.mutants import Function, Mutant
from crrl.data.sources.mutations.suite import Suite, is_preamble, test_of, tests_row
from crrl.data.sources.mutations.surroundings import Surroundings
from crrl.errors import SandboxError
from crrl.sandbox import Limits, Outcome
from crrl.schema import Files, TestsRow
from crrl.testing import Runner, TestRun, run_tests, score

MUTANT_CPU_S = 3.0
"""Processor time that the tests of a mutant may take. Not wall time: a busy machine must not decide what is kept."""
UNNOTICED = "mutant: no test notices it"
_PATIENCE_S = 20.0
_BROKEN = 'raise ImportError("not this one")\n'


class Verdict(TypedDict):
    """What the tests said about a mutant. `dropped`: why it is no task, or "" if it is one."""

    dropped: str
    fail_to_pass: list[str]
    pass_to_pass: list[str]


@dataclass(frozen=True)
class Bench:
    """One function with the tests that judge it, and what they say about the code as it is."""

    module: Module
    function: Function
    suite: Suite
    around: Files
    """The program's files around the module."""
    row: TestsRow
    passing: tuple[str, ...]
    """Ids of all tests: each passed when it was traced, and passes as the task runs it."""


def bench_for(
    module: Module, function: Function, suite: Suite, around: Surroundings, run: Runner, journal: Journal
) -> Bench | str:
    """A bench for a suite, or why the code as it is cannot be judged by it."""
    key = f"reference {suite.oracle} {module.name} {function.name}"
    found = journal.get(key, lambda: _reference(module, function, suite, around, run))
    if not found["passing"]:
        return "function: its tests do not pass in the sandbox"
    kept = replace(suite, tests=tuple(test for test in suite.tests if test.name in found["names"]))
    bench = Bench(module, function, kept, around.program, tests_row(kept, around.tests), tuple(found["passing"]))
    is_seen = journal.get(f"seen {suite.oracle} {module.name}", lambda: _sees_the_tree(bench, run))
    return bench if is_seen else "function: its module is loaded before the tests can choose another one"


def judge(bench: Bench, mutant: Mutant, run: Runner, journal: Journal) -> Verdict:
    """Run a mutant's tests, or recall what they said. Raises SandboxError if the sandbox cannot run them."""
    change = mutant.change
    key = f"mutant {bench.suite.oracle} {bench.module.name} {change.start} {change.end} {change.text}"
    verdict: Verdict = journal.get(key, lambda: _judge(bench, mutant, run))
    return verdict


def with_lists(row: TestsRow, verdict: Verdict) -> TestsRow:
    """A row of tests with what they say about a mutant."""
    return {**row, "fail_to_pass": verdict["fail_to_pass"], "pass_to_pass": verdict["pass_to_pass"]}


def _judge(bench: Bench, mutant: Mutant, run: Runner) -> Verdict:
    tree = {bench.module.path: mutant.change.apply(bench.module.text.encode()), **bench.around}
    broken = _run(tree, bench.row, run)
    failing = [name for name in bench.passing if not broken.results.get(name)]
    verdict: Verdict = {"dropped": _why_dropped(broken, failing), "fail_to_pass": [], "pass_to_pass": []}
    if not verdict["dropped"]:
        verdict["fail_to_pass"] = failing
        verdict["pass_to_pass"] = [name for name in bench.passing if name not in failing]
        verdict["dropped"] = _why_unfair(bench, broken, with_lists(bench.row, verdict))
    return verdict


def _why_dropped(broken: TestRun, failing: list[str]) -> str:
    if broken.outcome.kind in ("timeout", "memory"):
        return f"mutant: {'does not end in time' if broken.outcome.kind == 'timeout' else 'takes too much memory'}"
    if broken.tampered:
        return "mutant: looks like tampering with the tests"
    if not broken.finished or not broken.results:
        return "mutant: the module or its tests no longer load"
    return "" if failing else UNNOTICED


def _why_unfair(bench: Bench, broken: TestRun, row: TestsRow) -> str:
    """The check of every task: the reference earns 1.0 and the program as it is less."""
    right = TestRun(Outcome("passed"), dict.fromkeys(bench.passing, True), finished=True)
    is_fair = score(right, row) == 1.0 and (score(broken, row) or 0.0) < 1.0
    return "" if is_fair else "mutant: is not scored below the reference"


def _reference(
    module: Module, function: Function, suite: Suite, around: Surroundings, run: Runner
) -> dict[str, list[str]]:
    """Run a suite on the code as it is, and once more without the tests that fail. All have passed before, while traced.

    It is judged as the repair of a file that lacks the function: whatever the guards of the tests suspect in a repair of one of
    its mutants, they suspect here.

    Returns the `names` of its tests that are kept, and the ids that are `passing`; both empty if it cannot judge.
    """
    names = [test.name for test in suite.tests]
    for _ in range(2):
        kept = replace(suite, tests=tuple(test for test in suite.tests if test.name in names))
        row = tests_row(kept, around.tests)
        tree = {module.path: module.text, **around.program}
        right = _run(tree, row, run, before={**tree, module.path: _without(function, module.text)})
        failing = [name for name, passed in right.results.items() if not passed]
        if right.passed:
            return {"names": names, "passing": sorted(name for name in right.results if not is_preamble(suite, name))}
        bad = {test_of(suite, name) for name in failing}
        if not bad or bad.issuperset(names):
            break
        names = [name for name in names if name not in bad]
    return {"names": [], "passing": []}


def _without(function: Function, text: str) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(lines[: function.first_line - 1] + lines[function.last_line :])


def _sees_the_tree(bench: Bench, run: Runner) -> bool:
    """Whether the tests notice that the module in the tree cannot be imported; else they use another one."""
    probe = _run({bench.module.path: _BROKEN, **bench.around}, bench.row, run)
    return not all(probe.results.get(name) for name in bench.passing)


def _run(tree: Files, row: TestsRow, run: Runner, *, before: Files | None = None) -> TestRun:
    def patient(command: Any, files: Files, limits: Limits, **rest: Any) -> Outcome:
        return run(command, files, replace(limits, cpu_s=MUTANT_CPU_S, wall_s=_PATIENCE_S), **rest)

    for _ in range(2):
        found = run_tests(tree, row, patient, before=before or tree)
        if found.outcome.kind != "unavailable":
            return found
    raise SandboxError(f"the sandbox cannot run tests here: {found.outcome.stderr.strip() or 'no reason given'}")
