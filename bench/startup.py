"""From a job that Slurm accepted to its first step of reinforcement: launch.py beside a bare `accelerate launch`.

    sudo .venv/bin/python -m bench.startup [--runs N]

Two nodes of the tests' own Slurm, ZeRO-3, the CPU image, the same model; each way in turn. What both do (Slurm, the image,
imports, DeepSpeed, one step) is in both times, so their difference is what this project adds: supervisors, rendezvous, building
the dataset, the evaluation before training. As root, on a machine that tests/hpc/provision.sh has prepared.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from datetime import datetime
from pathlib import Path

from bench.machine import heading
from bench.slurm import slurm
from crrl.cluster.accelerate import TrainerShape, accelerate_config, deepspeed_config
from crrl.cluster.rendezvous import Meeting, claim_port
from tests.hpc.slurm_cluster import SlurmCluster
from tests.hpc.training import TWO_NODES, Training, warm_model

MOST_S = 5.0
GOES_AT_ONCE = ("--stage", "grpo", "--grpo.steps", "2", "--grpo.save-steps", "50")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    print(heading())
    with slurm() as (cluster, checkout, image):
        added = _compare(cluster, checkout, image, given.runs)
    print(f"{'met   ' if added <= MOST_S else 'MISSED'} at most {MOST_S:g} s over the bare launch ({added:.1f} s)")
    return int(added > MOST_S)


def _compare(cluster: SlurmCluster, checkout: Path, image: Path, runs: int) -> float:
    model = warm_model(cluster, checkout, cluster.work / "runs-warm")
    times: dict[str, list[float]] = {"accelerate launch": [], "launch.py": []}
    for number in range(runs):
        times["accelerate launch"].append(_bare(cluster, checkout, image, model, number))
        times["launch.py"].append(_ours(cluster, checkout, image, model, number))
        print(*(f"{way}: {found[-1]:.1f} s" for way, found in times.items()), sep=", ", flush=True)
    bare, ours = (statistics.median(found) for found in times.values())
    print(f"median of {runs}: accelerate launch {bare:.1f} s, launch.py {ours:.1f} s, {ours - bare:+.1f} s")
    return ours - bare


def _ours(cluster: SlurmCluster, checkout: Path, image: Path, model: Path, number: int) -> float:
    runs = cluster.work / f"runs-{number}"
    run = Training(cluster, checkout, image, runs, *TWO_NODES, "--model", str(model), *GOES_AT_ONCE)
    run.wait_for_step(1)
    reached = time.time()  # looked for every 0.2 s
    (submitted,) = run.events("submitted")
    run.wait_for_state("done")
    run.assert_nothing_is_left()
    return reached - datetime.fromisoformat(submitted["time"]).timestamp()


def _bare(cluster: SlurmCluster, checkout: Path, image: Path, model: Path, number: int) -> float:
    place = cluster.user.make_folder(cluster.work / f"bare-{number}")
    port = claim_port()
    port.release()
    deepspeed, config, prompts = place / "deepspeed.json", place / "accelerate.yaml", place / "prompts.json"
    deepspeed.write_text(deepspeed_config())
    config.write_text(accelerate_config(TrainerShape(2, 1), Meeting("127.0.0.1", port.number), deepspeed))
    prompts.write_text(json.dumps([f"def f{n}(x):\n    return x + {n}\n" for n in range(16)]))
    first_step = place / "first-step"
    step = place / "step.sh"  # a file, because each node's own shell has to read its number
    step.write_text(
        "#!/bin/bash\n"
        f"exec apptainer --silent exec --cleanenv --bind {cluster.work} --bind {checkout} --pwd {place} "
        "--env DS_ACCELERATOR=cpu,ACCELERATE_TORCH_DEVICE=cpu,OMP_NUM_THREADS=1,GLOO_SOCKET_IFNAME=lo "
        f"{image} accelerate launch --config_file {config} --machine_rank $SLURM_NODEID "
        f"{checkout / 'bench/bare_grpo.py'} {model} {prompts} {first_step}\n"
    )
    step.chmod(0o755)
    options = ("--nodes=2", "--ntasks-per-node=1", "--cpus-per-task=1", "--mem=2G", f"--output={place}/job.log")
    job = cluster.sbatch(f"srun --cpus-per-task=1 {step}", *options)
    started = time.time()
    ended = cluster.wait_for_job(job, timeout_s=400)
    assert ended["JobState"] == "COMPLETED", (place / "job.log").read_text()[-4000:]
    return float(first_step.read_text()) - started


if __name__ == "__main__":
    raise SystemExit(main())
