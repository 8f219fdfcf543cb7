"""From a tree and a task's tests to results per test, in a sandbox, whatever the tree's code tries."""

from crrl.testing.run import Runner, TestRun, run_tests
from crrl.testing.score import score

__all__ = ["Runner", "TestRun", "run_tests", "score"]
