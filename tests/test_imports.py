"""Asking for a run must be quick: what answers the command line loads nothing heavy."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "torch",
    "trl",
    "transformers",
    "datasets",
    "vllm",
    "accelerate",
    "deepspeed",
    "peft",
    "wandb",
    "libcst",
    "pandas",
    "pyarrow",
)
LIGHT = (
    "crrl.config",
    "crrl.cluster.apptainer",
    "crrl.cluster.commands",
    "crrl.cluster.follow",
    "crrl.cluster.local",
    "crrl.cluster.node",
    "crrl.cluster.plan",
    "crrl.cluster.preflight",
    "crrl.cluster.slurm",
    "crrl.cluster.start",
    "crrl.cluster.submit",
    "crrl.report.page",
    "crrl.report.run_folder",
    "launch",
    "crrl.cli",
    "crrl.data",
    "crrl.diffs",
    "crrl.evaluate.command",
    "crrl.rewards",
    "crrl.schema",
    "crrl.serve.access",
    "crrl.serve.adapters",
    "crrl.serve.fleet",
    "crrl.tracking.__main__",
    "crrl.tracking.sync",
)


def heavy_after(code: str) -> str:
    """The heavy modules that a fresh interpreter has loaded after some code; its other output goes nowhere."""
    check = f"import sys\n{code}\nprint(*sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.__stdout__)"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_check_sees_a_heavy_import() -> None:
    assert heavy_after("import pyarrow") == "pyarrow"


@pytest.mark.parametrize("module", LIGHT)
def test_importing_loads_nothing_heavy(module: str) -> None:
    assert heavy_after(f"import {module}") == ""


def test_a_dry_run_loads_nothing_heavy() -> None:
    dry_run = "import io, launch\nsys.stdout = io.StringIO()\nassert launch.main(['--size', 'large', '--dry-run']) == 0"
    assert heavy_after(dry_run) == ""


@pytest.mark.parametrize("words", [["--help"], ["eval", "--help"], ["compare", "--help"]])
def test_help_loads_nothing_heavy(words: list[str]) -> None:
    quietly = "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(None):"
    ask = f"import contextlib, crrl.cli\n{quietly}\n    crrl.cli.main({words!r})"
    assert heavy_after(ask) == ""


def test_a_mistake_in_an_evaluation_is_told_before_anything_heavy_is_loaded() -> None:
    ask = "import crrl.cli\nassert crrl.cli.main(['eval', '--model', 'a/b', '--data', 'toy', '--n', '2', '--k', '3']) == 2"
    assert heavy_after(ask) == ""
