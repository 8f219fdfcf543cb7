"""Runs the tests of `python -m unittest`, or a script that uses unittest, and reports."""

from __future__ import annotations

from typing import Any

from crrl.testing.inside.asserts import load_assertions
from crrl.testing.inside.prepare import compile_tests, open_vault, see_tree, signer
from crrl.testing.inside.script import end_script, install_exit
from crrl.testing.inside.verdict import end_tests
from crrl.testing.inside.with_unittest import hook_test_methods, run_unittest


def run_job(job: dict[str, Any]) -> None:
    """Run the job. Does not return.

    job: style: `script` or `unittest`; nonce; tests: path → text; known_words; path: what the command puts first on sys.path, or
    None; arguments; for scripts what `run_script` wants.
    """
    install_exit()
    load_assertions()
    codes = compile_tests(job["tests"])
    public = open_vault(job, codes)
    ask = public["ask"]
    if job["style"] == "script":
        see_tree(job, public)
        end_script(job, codes, public)
    hook_test_methods(public)
    see_tree(job, public)
    code = run_unittest(job["arguments"], public)
    end_tests(signer(public), ask(("results",)), code)
