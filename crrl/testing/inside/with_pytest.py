"""Runs `python -m pytest`, each test told to the vault."""

from __future__ import annotations

import os
from typing import Any

import pytest

from crrl.testing.inside.asserts import load_assertions
from crrl.testing.inside.origin import ROOT
from crrl.testing.inside.prepare import compile_tests, open_vault, see_tree, signer
from crrl.testing.inside.verdict import end_tests
from crrl.testing.inside.with_unittest import hook_test_methods

_QUIET_PYTEST = (
    *("-p", "no:cacheprovider", "-p", "no:assertion", "-p", "no:unraisableexception", "-p", "no:threadexception"),
    *("-p", "no:faulthandler", "--rootdir", ROOT[:-1], "--confcutdir", ROOT[:-1]),
)
"""No plugin that writes files, or that keeps the run's config where any code finds it."""


def run_framework_job(job: dict[str, Any]) -> None:
    """Run the job. Does not return.

    job: nonce; tests: path → text; known_words; path: what the command puts first on sys.path, or None; arguments; config: the
    settings file, or "".
    """
    load_assertions()
    public = open_vault(job, compile_tests(job["tests"]))
    hook_test_methods(public)
    ask = public["ask"]
    see_tree(job, public)
    code = run_pytest(job["arguments"], public, job["config"])
    end_tests(signer(public), ask(("results",)), code)


def run_pytest(arguments: list[str], public: dict[str, Any], config: str) -> int:
    """Run pytest's command line with a plugin of ours and no other that it was not told to load. Returns its exit code."""
    os.environ.pop("PYTEST_ADDOPTS", None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    chosen = ["-c", ROOT + config if config else os.devnull]
    return int(pytest.main([*_QUIET_PYTEST, *chosen, *arguments], plugins=[public["Plugin"]()]))
