"""launch.py and crrl on a real Slurm: what is submitted is what was printed, and a run is followed, ended and resumed."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from crrl.report.run_folder import RunFolder
from tests.cluster.rendering import GOLDEN
from tests.hpc.slurm_cluster import SlurmCluster

SCRIPTS = sorted(GOLDEN.glob("*.sh"))
SECRETS = {"WANDB_API_KEY": "sentinel-of-wandb", "HF_TOKEN": "sentinel-of-hf"}
SHORT = """
--size tiny --cluster slurm --image none --site none --tracking.wandb off --cluster.cpus-per-task 1 --cluster.mem-gb 2
--rewards format=0.5 similarity=0.5 --data.rows 16 --sft.steps 2 --sft.batch-size 4 --sft.rows 40 --eval.tasks 4
--grpo.num-generations 4 --grpo.per-device-batch-size 8 --grpo.max-completion-length 16
""".split()


class Launcher:
    """launch.py and crrl as the cluster's ordinary user starts them, with secrets in the environment."""

    def __init__(self, slurm: SlurmCluster, checkout: Path, runs: Path) -> None:
        self.slurm, self.checkout, self.runs = slurm, checkout, runs
        self.python = str(checkout / ".venv" / "bin" / "python")

    def launch(self, *words: str, code: int = 0) -> str:
        return self._run("launch.py", *words, "--runs", str(self.runs), code=code)

    def crrl(self, *words: str, code: int = 0) -> str:
        return self._run("-m", "crrl.cli", *words, "--runs", str(self.runs), code=code)

    def follow(self, *words: str) -> subprocess.Popen[str]:
        """`launch.py … --follow`, to be read while it goes on."""
        user = self.slurm.user
        return subprocess.Popen(
            [self.python, "launch.py", *words, "--runs", str(self.runs), "--follow"],
            stdout=subprocess.PIPE,
            text=True,
            cwd=self.checkout,
            env={**self.slurm.env, **SECRETS},
            user=user.uid,
            group=user.gid,
            extra_groups=[],
        )

    def the_run(self) -> RunFolder:
        (path,) = self.runs.iterdir()
        return RunFolder(path)

    def _run(self, *words: str, code: int) -> str:
        done = self.slurm.run(self.python, *words, cwd=self.checkout, env={**self.slurm.env, **SECRETS}, check=False)
        assert done.returncode == code, f"{words} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout if code == 0 else done.stderr


@pytest.fixture
def launcher(slurm: SlurmCluster, checkout: Path, request: pytest.FixtureRequest) -> Launcher:
    name = re.sub(r"\W+", "-", request.node.name)
    return Launcher(slurm, checkout, slurm.work / f"runs-{name}")


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_shellcheck_finds_nothing_in_the_golden_scripts(path: Path) -> None:
    assert shutil.which("shellcheck"), "shellcheck is missing; tests/hpc/provision.sh installs it"
    done = subprocess.run(["shellcheck", "--shell=bash", path], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("path", [path for path in SCRIPTS if path.stem != "alder-large"], ids=lambda path: path.stem)
def test_sbatch_takes_the_golden_scripts(slurm: SlurmCluster, path: Path) -> None:
    """With what only the made-up sites have replaced: partition, feature, GPU type, size of a node. alder-large has 5 nodes."""
    script = slurm.work / path.name
    script.write_text(re.sub(r"#SBATCH --constraint=.*\n", "", path.read_text()))
    sizes = ["--partition=main", "--cpus-per-task=2", "--mem=1G"]
    if "--gres=" in path.read_text():
        sizes.append("--gres=gpu:2")
    if "--gpus-per-node=" in path.read_text():
        sizes.append("--gpus-per-node=2")
    done = slurm.run("sbatch", "--test-only", *sizes, script, check=False)
    assert done.returncode == 0, done.stderr
    assert "to start at" in done.stderr


def test_doctor_finds_slurm_and_apptainer(launcher: Launcher) -> None:
    done = launcher.slurm.run(launcher.python, "-m", "crrl.cli", "doctor", "--site", "none", cwd=launcher.checkout)
    said = re.sub(r" +", " ", done.stdout)
    assert re.search(r"^Slurm slurm-wlm 22\.05\.\d+, 1 partitions$", said, re.MULTILINE), said
    assert re.search(r"^Slurm main \(default\): 3 nodes of 4 cores, \d+ GB, 2 GPUs; up to 24 h$", said, re.MULTILINE), (
        said
    )
    assert re.search(r"^container apptainer version ", said, re.MULTILINE), said


def test_a_run_is_submitted_as_printed_ended_with_a_checkpoint_and_resumed(launcher: Launcher) -> None:
    """The real thing: launch.py, sbatch, srun, submitit, the supervisor, the trainer; then crrl cancel, crrl resume."""
    slurm = launcher.slurm
    said = launcher.launch(*SHORT, "--grpo.steps", "2000")
    folder = launcher.the_run()
    job_id = folder.read_status()["job_id"]
    assert f"Slurm job {job_id}" in said
    assert slurm.run("scontrol", "write", "batch_script", job_id, "-").stdout == folder.job.read_text()
    printed = launcher.launch("--resume", folder.run_id, "--dry-run")
    assert printed.endswith(f"# {folder.job}\n{folder.job.read_text()}")
    slurm.wait_for(lambda: "grpo" in launcher.crrl("runs"), "first step of reinforcement", timeout_s=900)
    assert f"Slurm job {job_id}: RUNNING" in launcher.crrl("status", folder.run_id)
    assert "ends at its next step" in launcher.crrl("cancel", folder.run_id)
    slurm.wait_for_job(job_id, timeout_s=120)
    assert folder.read_status()["state"] == "stopped"
    (checkpoint,) = (folder.checkpoints / "grpo").glob("checkpoint-*")
    reached = int(checkpoint.name.removeprefix("checkpoint-"))
    assert "is not under way" in launcher.crrl("cancel", folder.run_id, code=2)

    assert "Slurm job" in launcher.crrl("resume", folder.run_id)
    again = folder.read_status()["job_id"]
    assert again != job_id
    assert not folder.cancel.exists()
    assert "already; follow it with" in launcher.crrl("resume", folder.run_id, code=2)
    slurm.wait_for(lambda: f"goes on after step {reached}," in _logs(folder, 2), "resumed training", timeout_s=900)
    assert "is killed; its last whole checkpoint is kept" in launcher.crrl("cancel", folder.run_id, "--now")
    slurm.wait_for_job(again, timeout_s=120)
    slurm.wait_for(lambda: not slurm.processes(), "end of all its processes", timeout_s=60)
    _find_no_secret(folder)
    submitted = [json.loads(line) for line in folder.events.read_text().splitlines() if "submitted" in line]
    assert [(event["attempt"], event["job_id"]) for event in submitted] == [(1, job_id), (2, again)]


def test_a_held_run_is_followed_in_the_queue_and_taken_out_of_it(launcher: Launcher) -> None:
    followed = launcher.follow(*SHORT, "--cluster.sbatch", "hold")
    assert followed.stdout
    lines = [followed.stdout.readline() for _ in range(2)]
    assert re.search(r"Slurm job \d+: PENDING \(JobHeldUser\)", lines[1]), lines
    followed.send_signal(signal.SIGINT)
    assert "the run goes on; look again with: crrl logs" in followed.stdout.read()
    assert followed.wait(timeout=30) == 0
    folder = launcher.the_run()
    job_id = folder.read_status()["job_id"]
    assert launcher.slurm.job(job_id)["JobState"] == "PENDING"
    assert "r" in launcher.crrl("runs")
    assert "is taken out of the queue" in launcher.crrl("cancel", folder.run_id)
    assert launcher.slurm.job(job_id)["JobState"] == "CANCELLED"
    assert folder.read_status()["state"] == "stopped"
    assert "CANCELLED" in launcher.crrl("status", folder.run_id)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--partition", "mian"], "; also: sinfo shows no partition mian; did you mean main?"),
        (["--time", "3-00:00:00"], "--time 3-00:00:00 is longer than partition main allows; use --time 1-00:00:00"),
        (["--cluster.cpus-per-task", "64"], "--cluster.cpus-per-task 64: no node of partition main has more than 4"),
        (["--cluster.mem-gb", "4000"], "--cluster.mem-gb 4000: no node of partition main has more than "),
        (["--gpus-per-node", "3"], "--gpus-per-node 3: no node of partition main has more than 2"),
        (["--cluster.gpu-type", "a100", "--gpus-per-node", "1"], "--gpus-per-node 1 of type a100: no node"),
        (["--nodes.trainer", "4"], "the run wants 4 nodes, and 3 of partition main are large enough"),
        (["--cluster.sbatch", "nodelist=n9"], "Slurm would refuse the job: "),
        (["--image", "none.sif"], "none.sif; build it with ./build_container.sh, or name one with --image"),
    ],
)
def test_what_the_cluster_cannot_give_is_refused_in_one_line_and_nothing_is_submitted(
    launcher: Launcher, words: list[str], complaint: str
) -> None:
    before = launcher.slurm.run("squeue", "--noheader", "--states=all", "--format=%A").stdout
    said = launcher.launch(*SHORT, *words, code=2)
    assert complaint in said
    assert said.count("\n") == 1
    assert not launcher.runs.exists()
    assert launcher.slurm.run("squeue", "--noheader", "--states=all", "--format=%A").stdout == before


def _logs(folder: RunFolder, attempt: int) -> str:
    return "".join(path.read_text() for path in (folder.logs / str(attempt)).glob("trainer-*.log"))


def _find_no_secret(folder: RunFolder) -> None:
    time.sleep(0.5)
    files = [path for path in folder.path.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert [path for path in files for secret in SECRETS.values() if secret.encode() in path.read_bytes()] == []
