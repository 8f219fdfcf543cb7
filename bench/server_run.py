"""What a model learns from a vLLM server beside two trainer nodes, and by itself: held-out pass rates, seed by seed.

    sudo .venv/bin/python -m bench.server_run [--seeds 1 2 3] [--steps 60]

For each seed the tiny preset's warm start, then twice the same run of LoRA from it, rewarded by the tests of the tasks: on this
machine, where transformers generates; and under the tests' own Slurm, a server node and two ZeRO-3 trainer nodes in the image.
As root, on a machine that tests/hpc/provision.sh has prepared.
"""

from __future__ import annotations

import argparse
import time

from bench.machine import heading
from bench.slurm import Slurm, slurm
from crrl.report.metrics_log import read_metrics
from crrl.report.run_folder import RunFolder
from tests.hpc.training import CODE

NOISE_POINTS = 10.0
"""How far two pass rates on 200 tasks lie apart by chance: two standard errors of their difference at 50 %."""
MOST_S = 3600.0
TINY = "--size tiny --site none --tracking.wandb off".split()
LOCAL = "--cluster local --image none --follow".split()
SERVED = """
--cluster slurm --nodes.server 1 --nodes.trainer 2 --grpo.use-vllm True --grpo.per-device-batch-size 32
--serve.enforce-eager True --cluster.cpus-per-task 1 --cluster.mem-gb 3
""".split()


def main() -> int:
    """Print a line a run, and a verdict."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--steps", type=int, default=60, help="of reinforcement")
    given = parser.parse_args()
    print(heading())
    missed = 0
    with slurm() as test_slurm:
        for seed in given.seeds:
            by_itself, by_server = _runs_of(test_slurm, seed, given.steps)
            missed += by_itself.rate - by_server.rate > NOISE_POINTS
    print(f"{'MISSED' if missed else 'met   '} with a server at most {NOISE_POINTS:g} points below a run without")
    return int(missed > 0)


class Learned:
    """What became of a run."""

    def __init__(self, folder: RunFolder, seconds: float) -> None:
        entries = read_metrics(folder.metrics)
        self.rates = [100 * float(entry["heldout/tests"]) for entry in entries if entry["stage"] == "heldout"]
        self.drift = max((float(entry.get("sync/drift/max", 0)) for entry in entries), default=0.0)
        self.seconds = seconds

    @property
    def rate(self) -> float:
        """Percent of the held-out tasks repaired in the end."""
        return self.rates[-1]

    def show(self, name: str) -> None:
        rates = " → ".join(f"{rate:.1f}" for rate in self.rates)
        print(f"{name:<32} {rates} %, {self.seconds:.0f} s, largest drift {self.drift:.1e}", flush=True)


def _runs_of(place: Slurm, seed: int, steps: int) -> tuple[Learned, Learned]:
    warm = _start(place, f"warm-{seed}", *LOCAL, "--seed", str(seed), "--stage", "sft", "--eval.every-steps", "0")
    lora = ["--lora.rank", "16", "--lora.alpha", "32", "--grpo.learning-rate", "2e-3", "--grpo.warmup-steps", "5"]
    model = str(warm.checkpoints / "final")
    goes_on = ["--stage", "grpo", "--model", model, "--seed", str(seed), "--grpo.steps", str(steps)]
    evaluates = ["--eval.every-steps", str(max(1, steps // 2))]
    learned = []
    for name, words in (("transformers, this machine", LOCAL), ("vLLM server, two ZeRO-3 nodes", SERVED)):
        started = time.monotonic()
        folder = _start(place, f"{words[1]}-{seed}", *words, *goes_on, *lora, *evaluates)
        learned.append(Learned(folder, time.monotonic() - started))
        learned[-1].show(f"seed {seed}, {name}")
    return learned[0], learned[1]


def _start(place: Slurm, name: str, *words: str) -> RunFolder:
    """Submit a run as its user would, and wait for its end."""
    cluster, checkout, image = place
    runs = cluster.work / f"runs-{name}"
    where = [] if "--image" in words else ["--image", image, *CODE]
    cluster.run(
        checkout / ".venv/bin/python", "launch.py", *TINY, *where, *words, "--runs", runs, cwd=checkout, timeout=MOST_S
    )
    (path,) = runs.iterdir()
    folder = RunFolder(path)

    def has_ended() -> bool:
        status = folder.read_status()
        assert status["state"] in ("queued", "running", "done"), status
        return bool(status["state"] == "done")

    cluster.wait_for(has_ended, f"{folder.run_id} to be done", timeout_s=MOST_S)
    return folder


if __name__ == "__main__":
    raise SystemExit(main())
