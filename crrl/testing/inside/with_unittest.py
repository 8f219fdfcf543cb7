"""Runs `python -m unittest`, each test told to the vault."""

from __future__ import annotations

import unittest
from typing import Any


def hook_test_methods(public: dict[str, Any]) -> None:
    """Let the vault know when a test method came to its end."""
    plain: Any = unittest.TestCase
    public["run_sync"], plain._callTestMethod = plain._callTestMethod, public["call_test_method"]
    asynchronous: Any = unittest.IsolatedAsyncioTestCase
    public["run_async"] = asynchronous._callTestMethod
    asynchronous._callTestMethod = public["call_async_test_method"]


def run_unittest(arguments: list[str], public: dict[str, Any]) -> int:
    """Run unittest's command line with a runner of ours. Returns its exit code."""
    program = unittest.TestProgram(
        None, argv=["python -m unittest", *arguments], exit=False, testRunner=public["Runner"]
    )
    return 0 if program.result.wasSuccessful() else 1
