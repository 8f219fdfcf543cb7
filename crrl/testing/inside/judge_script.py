"""Runs a script whose tests use no framework: nothing of unittest is loaded."""

from __future__ import annotations

from typing import Any

from crrl.testing.inside.prepare import compile_tests, open_vault, see_tree
from crrl.testing.inside.script import end_script, install_exit


def run_script_job(job: dict[str, Any]) -> None:
    """Run the job as `run_job` does. Does not return."""
    install_exit()
    codes = compile_tests(job["tests"])
    public = open_vault(job, codes)
    see_tree(job, public)
    end_script(job, codes, public)
