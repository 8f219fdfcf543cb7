"""Which lines of a unit's modules does each of its tests run through? Found by running them, traced, in the sandbox."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from crrl.data.journal import Journal
from crrl.data.sources.mutations.library import Unit
from crrl.errors import SandboxError
from crrl.sandbox import Limits
from crrl.testing import Runner

Oracle = Literal["unittest", "doctest", "pytest"]
COLLECT = Path(__file__).with_name("collect.py")
_LIMITS = Limits(wall_s=120, cpu_s=60, memory_mb=2048, file_mb=256, output_chars=50_000_000)


@dataclass(frozen=True)
class Test:
    """A test that passes on the code as it is, or the examples of a docstring that do."""

    __test__ = False

    name: str
    oracle: Oracle
    cost: int
    """Watched lines that it ran through, repetitions counted."""
    lines: dict[str, frozenset[int]]
    """Module → its lines that ran."""
    text: str = ""
    """Of a docstring: its examples, as a file for doctest."""
    module: str = ""
    """Of a docstring: where it stands."""


def tests_of(unit: Unit, run: Runner, journal: Journal) -> list[Test]:
    """Every test of a unit that passes, is quick and runs through its modules.

    Test modules are run one by one: one that hangs or kills the interpreter loses only what comes after it.
    """
    jobs: list[tuple[Oracle, dict[str, list[str]]]] = [("unittest", {"unittests": [name]}) for name in unit.unittests]
    jobs += [("doctest", {"doctests": [module.name]}) for module in unit.modules if ">>> " in module.text]
    jobs += [("pytest", {"pytests": [path]}) for path in unit.pytests]
    found = []
    for oracle, job in jobs:
        rows = journal.get(f"coverage {json.dumps(job)}", lambda job=job: _collect(unit, job, run))  # type: ignore[misc]
        found += [_test(row, oracle) for row in rows]
    return list({(test.oracle, test.name): test for test in found}.values())


def _collect(unit: Unit, job: dict[str, list[str]], run: Runner) -> list[dict[str, Any]]:
    """Run the collector. What it wrote before it was stopped counts."""
    watched = {str(module.file if unit.installed else module.path): module.name for module in unit.modules}
    asked = {"unittests": [], "doctests": [], "pytests": [], "files": watched, **job}
    command = ["python", "-c", COLLECT.read_text()]
    outcome = run(command, unit.tree, _LIMITS, stdin=json.dumps(asked).encode())
    if outcome.kind == "unavailable":
        raise SandboxError(f"the sandbox cannot run tests here: {outcome.stderr.strip() or 'no reason given'}")
    return list(_rows(outcome.stdout))


def _rows(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and "lines" in row:
            yield row


def _test(row: dict[str, Any], oracle: Oracle) -> Test:
    lines = {module: frozenset(seen) for module, seen in row["lines"].items()}
    return Test(row["test"], oracle, row["cost"], lines, row.get("text", ""), row.get("module", ""))
