"""The Slurm script is a pure function of the config, equal to the golden one to the byte."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from crrl.cluster.apptainer import ROOT
from crrl.cluster.slurm import render_sbatch
from crrl.config import load_preset
from crrl.report.run_folder import RunFolder
from tests.cluster.rendering import GOLDEN, rendered
from tests.cluster.test_plan import with_cluster

SCRIPTS = dict(rendered())
FOLDER = RunFolder(Path("/cluster/runs/r1"))


def options_of(text: str) -> dict[str, str]:
    found = re.findall(r"^#SBATCH --([a-z-]+)(?:=(.*))?$", text, re.MULTILINE)
    return dict(found)


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_script_is_the_golden_one(name: str) -> None:
    assert SCRIPTS[name] == (GOLDEN / name).read_text()


def test_every_golden_file_is_of_a_preset_on_an_example_site() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == set(SCRIPTS)
    assert len(SCRIPTS) == 8


@pytest.mark.parametrize("name", SCRIPTS)
def test_bash_reads_the_script(name: str) -> None:
    done = subprocess.run(["/bin/bash", "-n"], input=SCRIPTS[name], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_is_not_asked_for_is_left_to_the_cluster() -> None:
    options = options_of(render_sbatch(with_cluster(load_preset("tiny"), mem_gb=0), FOLDER))
    assert set(options) == {
        *("job-name", "nodes", "ntasks-per-node", "cpus-per-task", "time"),
        *("chdir", "export", "signal", "requeue", "output", "open-mode"),
    }


@pytest.mark.parametrize(
    ("changes", "option", "value"),
    [
        ({"gpus_per_node": 4}, "gpus-per-node", "4"),
        ({"gpus_per_node": 4, "gpu_type": "a100"}, "gpus-per-node", "a100:4"),
        ({"gpus_per_node": 4, "gpu_request": "gres"}, "gres", "gpu:4"),
        ({"gpus_per_node": 4, "gpu_request": "gres", "gpu_type": "a100"}, "gres", "gpu:a100:4"),
        ({"requeue": False}, "no-requeue", ""),
        ({"signal": "TERM", "signal_s": 60}, "signal", "TERM@60"),
        ({"sbatch": ("exclude=n7,n8",)}, "exclude", "n7,n8"),
        ({"sbatch": ("export=NIL",)}, "export", "NIL"),
        ({"qos": "a b; c"}, "qos", "'a b; c'"),
    ],
)
def test_a_setting_becomes_its_option(changes: dict[str, object], option: str, value: str) -> None:
    assert options_of(render_sbatch(with_cluster(load_preset("tiny"), **changes), FOLDER))[option] == value


def test_where_jobs_get_whole_nodes_no_gpus_are_asked_for() -> None:
    options = options_of(render_sbatch(with_cluster(load_preset("medium"), gpu_request="none"), FOLDER))
    assert not {"gres", "gpus-per-node"} & set(options)


def test_the_step_gets_the_cores_of_the_job_and_the_site_s_srun_options() -> None:
    config = with_cluster(load_preset("tiny"), cpus_per_task=7, srun=("cpu-bind=none", "exact"))
    srun = next(line for line in render_sbatch(config, FOLDER).splitlines() if line.startswith("srun "))
    assert " --cpus-per-task=7 --export=ALL --kill-on-bad-exit=0 --wait=0 --cpu-bind=none --exact " in srun


def test_setup_lines_come_before_the_supervisor_s_own_python_path() -> None:
    text = render_sbatch(with_cluster(load_preset("tiny"), setup=("module load a b",)), FOLDER)
    assert text.index("\nmodule load a b\n") < text.index("\nexport PYTHONPATH=") < text.index("\nsrun ")


def test_the_text_is_the_one_that_submitit_writes() -> None:
    from submitit.slurm.slurm import _make_sbatch_string

    changes = {
        "setup": ("module load a",),
        "sbatch": ("exclusive", "comment=a b"),
        "partition": "gpu",
        "gpus_per_node": 2,
    }
    config = with_cluster(load_preset("medium"), **changes)
    own = {"chdir": "/cluster/runs/r1", "export": "ALL", "requeue": True, "exclusive": True, "comment": "a b"}
    text = _make_sbatch_string(
        f"{sys.executable} -u -m submitit.core._submit {FOLDER.submission}",
        FOLDER.submission,
        job_name="r1",
        nodes=2,
        ntasks_per_node=1,
        cpus_per_task=32,
        gpus_per_node=2,
        mem="256G",
        time=1440,
        partition="gpu",
        stderr_to_stdout=True,
        setup=["module load a", f"export PYTHONPATH={ROOT} PYTHONNOUSERSITE=1"],
        srun_args=["--cpus-per-task=32", "--export=ALL", "--kill-on-bad-exit=0", "--wait=0"],
        signal_delay_s=600,
        wckey=None,  # submitit's own; clusters that track such keys refuse it
        additional_parameters=own,
    )
    assert render_sbatch(config, FOLDER) == text


def test_a_path_with_blanks_is_quoted() -> None:
    text = render_sbatch(load_preset("tiny"), RunFolder(Path("/cluster/my runs/r1")))
    assert text.rstrip().endswith("-m submitit.core._submit '/cluster/my runs/r1/submission'")
    assert options_of(text)["chdir"] == "'/cluster/my runs/r1'"
