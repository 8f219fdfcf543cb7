"""The score of a run of tests."""

from __future__ import annotations

from crrl.schema import TestsRow
from crrl.testing.run import TestRun


def score(test_run: TestRun, tests: TestsRow) -> float | None:
    """What an answer earns for a run.

    With the lists `fail_to_pass` and `pass_to_pass`: the share of the first that passes, or 0 if any of the second does not.
    Without them: 1 if the run came to its own end, ran a test, and everything passed; else 0.

    Returns:
        A score in [0, 1]; None if the sandbox could not run the tests.
    """
    if test_run.outcome.kind == "unavailable":
        return None
    if test_run.tampered:
        return 0.0
    wanted, kept = tests.get("fail_to_pass") or [], tests.get("pass_to_pass") or []
    if not wanted and not kept:
        return float(test_run.passed)
    passed = {name for name, has_passed in test_run.results.items() if has_passed}
    if not passed.issuperset(kept):
        return 0.0
    return len(passed.intersection(wanted)) / len(set(wanted)) if wanted else float(test_run.finished)
