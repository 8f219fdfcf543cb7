"""A run of one machine without Slurm, in the image: what a workstation does, here without its GPU."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hpc.image import Image
from tests.hpc.slurm_cluster import SlurmCluster
from tests.hpc.training import Training

pytestmark = pytest.mark.timeout(600)
STEPS = 120


def test_a_single_trainer_in_the_image_stops_where_it_is_asked_to_and_goes_on(
    slurm: SlurmCluster, checkout: Path, image: Image, warm: Path
) -> None:
    def start(name: str) -> Training:
        words = ("--model", str(warm), "--cluster", "local", "--grpo.steps", str(STEPS), "--grpo.save-steps", "40")
        return Training(slurm, checkout, image.path, slurm.work / f"runs-{name}", *words)

    undisturbed = start("local")
    undisturbed.wait_for_state("done")
    run = start("local-cancelled")
    run.wait_for_step(2)
    slurm.run(checkout / ".venv/bin/crrl", "cancel", run.folder.path, cwd=checkout)
    run.wait_for_state("stopped")
    reached = max(entry["step"] for entry in run.metrics() if entry["stage"] == "grpo")
    assert 2 <= reached < STEPS
    assert (run.folder.checkpoints / "grpo" / f"checkpoint-{reached}").is_dir()
    resumed = slurm.run(
        checkout / ".venv/bin/python", "launch.py", "--resume", run.folder.path, "--follow", cwd=checkout
    )
    assert "the run's folder: " in resumed.stdout
    assert run.status["state"] == "done"
    assert run.metrics() == undisturbed.metrics()
    slurm.wait_for(lambda: not slurm.processes(), "end of all its processes", timeout_s=60)
