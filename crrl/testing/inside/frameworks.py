"""Runs `python -m unittest` and `python -m pytest`, each test told to the vault."""

from __future__ import annotations

import os
import unittest
from typing import Any

from crrl.testing.inside.origin import ROOT

_QUIET_PYTEST = (
    *("-p", "no:cacheprovider", "-p", "no:assertion", "-p", "no:unraisableexception", "-p", "no:threadexception"),
    *("-p", "no:faulthandler", "--rootdir", ROOT[:-1], "--confcutdir", ROOT[:-1]),
)
"""No plugin that writes files, or that keeps the run's config where any code finds it."""


def hook_test_methods(public: dict[str, Any]) -> None:
    """Let the vault know when a test method came to its end, under unittest and under pytest."""
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


def run_pytest(arguments: list[str], public: dict[str, Any], config: str) -> int:
    """Run pytest's command line with a plugin of ours and no other that it was not told to load. Returns its exit code."""
    import pytest

    os.environ.pop("PYTEST_ADDOPTS", None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    chosen = ["-c", ROOT + config if config else os.devnull]
    return int(pytest.main([*_QUIET_PYTEST, *chosen, *arguments], plugins=[public["Plugin"]()]))
