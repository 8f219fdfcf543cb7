"""What `exec_command` and `exec_environment` render, started by a real Apptainer in a real image."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.hpc.slurm_cluster import SlurmCluster

START = """
import os, subprocess, sys
from dataclasses import replace
from pathlib import Path
from crrl.cluster.apptainer import exec_command, exec_environment
from crrl.cluster.job_folder import job_folder
from crrl.config import load_preset
from crrl.report.run_folder import RunFolder
image, work, shell = sys.argv[1:]
preset = load_preset("tiny")
places = {name: f"{work}/{name}" for name in ("runs", "hf_home", "cache_dir", "scratch")}
for place in places.values():
    os.makedirs(place, exist_ok=True)
config = replace(preset, cluster=replace(preset.cluster, cluster="slurm", image=image, **places))
folder = RunFolder(Path(places["runs"]) / "r 1")
folder.path.mkdir()
with job_folder(config, os.environ) as scratch:
    argv = exec_command(["sh", "-c", shell], config=config, folder=folder, scratch=scratch, gpus=False)
    env = exec_environment(config=config, scratch=scratch, host=os.environ, extra={"RANK": "3"})
    sys.exit(subprocess.run(argv, env=env).returncode)
"""
DISTURB = """
    import contextlib, signal, time
    from crrl.cluster.processes import descendants
    from crrl.cluster.role_process import RoleProcess
    from crrl.cluster.roles import Role
    argv = exec_command(["sh", "-c", shell], config=config, folder=folder, scratch=scratch, gpus=False, shielded=True)
    env = exec_environment(config=config, scratch=scratch, host=os.environ, extra={"RANK": "3"})
    process = RoleProcess(Role("trainer", argv, env, is_shielded=True), folder.attempt(1), "n1", folder.path / "log")
    while not (folder.path / "up").exists():
        assert not process.has_ended, (folder.path / "log").read_text()
        time.sleep(0.1)
    everyone = [process.pid, *descendants(process.pid)]
    assert len(everyone) > 2, everyone
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2):
        for pid in everyone:
            with contextlib.suppress(ProcessLookupError):  # a sleep of the shell's
                os.kill(pid, number)
        time.sleep(0.2)
    (folder.path / "go").touch()
    while not process.has_ended:
        time.sleep(0.1)
    print((folder.path / "log").read_text())
"""
HOST = {
    "PYTHONPATH": "/leaks",
    "APPTAINERENV_LEAKS": "1",
    "SINGULARITYENV_LEAKS": "1",
    "LEAKS": "1",
    "HF_TOKEN": "sentinel",
    "CUDA_VISIBLE_DEVICES": "1",
    "SLURM_JOB_ID": "77",
}


@pytest.fixture
def inside(slurm: SlurmCluster, checkout: Path, hpc_root: Path, tmp_path: Path) -> Path:
    """A folder of the cluster's user in which one run was started: what its shell saw is in `seen`."""
    image, work = hpc_root / "base.sif", slurm.work / f"exec-{tmp_path.name}"
    assert image.is_file(), f"{image} is missing; tests/hpc/provision.sh makes it"
    shell = "env; echo cwd=$(pwd); echo mode=$(stat -c %a ~/..); mkdir -p ~/.local $TRITON_CACHE_DIR; echo kept > kept"
    env = {**slurm.env, **HOST, "PYTHONPATH": f"{checkout}:/leaks"}
    done = slurm.run(checkout / ".venv/bin/python", "-c", START, image, work, shell, env=env)
    seen = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    (work / "seen").write_text(json.dumps(seen))
    return work


def test_the_image_sees_what_is_named_and_nothing_else_of_the_host(inside: Path) -> None:
    seen = json.loads((inside / "seen").read_text())
    assert "LEAKS" not in seen
    assert "PYTHONPATH" not in seen
    assert (seen["HF_TOKEN"], seen["CUDA_VISIBLE_DEVICES"], seen["SLURM_JOB_ID"], seen["RANK"]) == (
        "sentinel",
        "1",
        "77",
        "3",
    )
    assert seen["PYTHONNOUSERSITE"] == "1"
    assert seen["HOME"].startswith(f"{inside}/scratch/crrl-77-")
    assert seen["TMPDIR"].startswith(f"{inside}/scratch/crrl-77-")
    assert seen["HF_HOME"] == f"{inside}/hf_home"
    assert seen["cwd"] == f"{inside}/runs/r 1"
    assert seen["mode"] == "700"


def test_what_the_run_wrote_is_kept_and_its_own_folder_is_gone(inside: Path) -> None:
    assert (inside / "runs" / "r 1" / "kept").read_text() == "kept\n"
    assert list((inside / "scratch").iterdir()) == []


def test_what_a_scheduler_sends_to_every_process_ends_neither_the_program_nor_the_mount_of_its_image(
    slurm: SlurmCluster, checkout: Path, hpc_root: Path, tmp_path: Path
) -> None:
    image, work = hpc_root / "base.sif", slurm.work / f"disturbed-{tmp_path.name}"
    shell = "touch up; while [ ! -e go ]; do sleep 0.1; done; /usr/bin/sha256sum /usr/bin/perl && echo it lives"
    code = START[: START.index("    argv =")] + DISTURB
    env = {**slurm.env, **HOST, "PYTHONPATH": str(checkout)}
    done = slurm.run(checkout / ".venv/bin/python", "-c", code, image, work, shell, env=env)
    assert done.stdout.strip().endswith("it lives")
