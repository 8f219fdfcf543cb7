"""Runs tests of a framework, or a script that uses one, and reports."""

from __future__ import annotations

from typing import Any

from crrl.testing.inside.asserts import load_assertions
from crrl.testing.inside.frameworks import hook_test_methods, run_pytest, run_unittest
from crrl.testing.inside.prepare import compile_tests, open_vault, see_tree
from crrl.testing.inside.script import end_script, install_exit
from crrl.testing.inside.verdict import end, hexed


def run_job(job: dict[str, Any]) -> None:
    """Run the job. Does not return.

    job: style: `script`, `unittest` or `pytest`; nonce; tests: path → text; known_words; path: what the command puts first on
    sys.path, or None; arguments; for pytest config; for scripts what `run_script` wants.
    """
    style, arguments = job["style"], job["arguments"]
    if style == "pytest":
        import pytest  # noqa: F401  before names of the tree come in its way
    install_exit()
    load_assertions()
    codes = compile_tests(job["tests"])
    public = open_vault(job, codes)
    if style != "script":
        hook_test_methods(public)
    ask = public["ask"]
    see_tree(job, public)
    if style == "script":
        end_script(job, codes)
    code = run_unittest(arguments, public) if style == "unittest" else run_pytest(arguments, public, job["config"])
    results = ask(("results",))
    end(job["nonce"], [f"result {hexed(name)} {int(passed)}" for name, passed in results.items()], code)
