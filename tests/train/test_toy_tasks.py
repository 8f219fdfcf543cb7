"""`--task implement` and `--task classify` go through every stage of a shortened run; what they reach: docs/benchmarks.md."""

from __future__ import annotations

import dataclasses
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from crrl.config import RunConfig, to_yaml
from crrl.evaluate import read_evaluations
from crrl.flags import parse, settings_of
from crrl.report.run_folder import RunFolder, write_aside
from crrl.report.summary import print_summary

ROOT = Path(__file__).resolve().parents[2]


def shortened(task: str) -> RunConfig:
    """What `launch.py --size tiny --task TASK` asks for, with few steps."""
    words = ["--size", "tiny", "--task", task, "--tracking.wandb", "off", "--site", "none", "--cluster", "local"]
    config = settings_of(parse(words))
    return dataclasses.replace(
        config,
        data=dataclasses.replace(config.data, rows=64),
        sft=dataclasses.replace(config.sft, steps=12, batch_size=8, rows=100, warmup_steps=5),
        grpo=dataclasses.replace(config.grpo, steps=2, per_device_batch_size=8, save_steps=2, max_completion_length=24),
        eval=dataclasses.replace(config.eval, tasks=8, every_steps=0),
    )


@pytest.mark.timeout(400)
@pytest.mark.parametrize("task", ["implement", "classify"])
def test_a_short_run_evaluates_before_and_after_by_what_its_task_is_judged_by(task: str, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    write_aside(folder.config, to_yaml(shortened(task)))
    command = [sys.executable, "-m", "crrl.train", str(folder.path)]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr

    before, after = read_evaluations(folder.completions)
    assert (before.step, after.step, len(before.tasks())) == (0, 2, 8)
    goal = "tests" if task == "implement" else "label"
    assert before.rewards[0] == goal
    assert all(answer.scores[goal] is not None for answer in after.answered)
    out = io.StringIO()
    print_summary(folder, Console(file=out, width=120))
    assert ("pass rate (the tests)" in out.getvalue()) == (task == "implement")
    if task == "classify":
        assert all(name in out.getvalue() for name in ("accuracy", "macro_f1", "pairwise_accuracy", "best_constant"))
        assert "heldout/accuracy" in folder.metrics.read_text()
        assert {answer.label for answer in after.answered} > {"benign"}
