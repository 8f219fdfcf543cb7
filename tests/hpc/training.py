"""One small training run on the real cluster, in the image: started as its user would, looked at from outside."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from crrl.report.attempt_folder import AttemptFolder
from crrl.report.run_folder import RunFolder
from tests.hpc.slurm_cluster import SlurmCluster
from tests.undisturbed import measured_but_times

SHORT = """
--size tiny --cluster slurm --site none --tracking.wandb off --cluster.cpus-per-task 1 --cluster.mem-gb 2
--rewards format=0.5 similarity=0.5 --data.rows 16 --sft.steps 4 --sft.save-steps 50 --sft.batch-size 4 --sft.rows 40
--eval.tasks 5 --eval.batch-size 2 --eval.every-steps 0 --grpo.num-generations 4 --grpo.per-device-batch-size 8
--grpo.max-completion-length 48 --grpo.steps 8 --grpo.save-steps 2
""".split()
"""Of the held-out tasks one rank of two has three and the other two, in two batches and in one."""
WARM = """
--size tiny --cluster local --image none --site none --tracking.wandb off --rewards format=0.5 similarity=0.5
--data.rows 16 --sft.steps 200 --sft.batch-size 16 --sft.rows 3200 --eval.tasks 4 --eval.every-steps 0
--grpo.steps 1 --grpo.num-generations 4 --grpo.per-device-batch-size 4 --grpo.max-completion-length 8
""".split()
TWO_NODES = ("--nodes.trainer", "2")
ONE_NODE = ("--nodes.trainer", "1", "--cluster.trainers-per-node", "2", "--cluster.cpus-per-task", "2")
CODE = ("--cluster.code", "checkout") if os.environ.get("CRRL_HPC_IMAGE") else ()
"""Another image than the one of these files is only for work on them: it runs this code."""
STEP_TIMEOUT_S = 300.0


def warm_model(slurm: SlurmCluster, checkout: Path, runs: Path) -> Path:
    """The folder of a tiny model that writes blocks, and the right one at times: its groups have something to learn from."""
    command = [checkout / ".venv/bin/python", "launch.py", *WARM, "--follow", "--runs", runs]
    # Threads would wait for each other where other tests share the cores.
    done = slurm.run(*command, cwd=checkout, check=False, env={**slurm.env, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    (run,) = runs.iterdir()
    return run / "checkpoints" / "warm-start"


class Training:
    """A run that was submitted."""

    def __init__(self, slurm: SlurmCluster, checkout: Path, image: Path, runs: Path, *words: str) -> None:
        self.slurm = slurm
        python = checkout / ".venv/bin/python"
        command = [python, "launch.py", *SHORT, "--image", image, *CODE, *words, "--runs", runs]
        done = slurm.run(*command, cwd=checkout, check=False)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        (path,) = runs.iterdir()
        self.folder = RunFolder(path)
        self.job_id = str(self.status["job_id"])

    @property
    def status(self) -> dict[str, Any]:
        return self.folder.read_status()

    def metrics(self) -> list[dict[str, Any]]:
        """Everything that was measured and is neither a time nor follows from one; of an undisturbed run the same."""
        return measured_but_times(self.folder.metrics)

    def events(self, kind: str) -> list[dict[str, Any]]:
        entries = [json.loads(line) for line in self.folder.events.read_text().splitlines()]
        return [entry for entry in entries if entry["kind"] == kind]

    def wait_for_step(self, step: int) -> None:
        """Until a step of reinforcement is done, and with it, if it is a multiple of two, a checkpoint."""

        def reached() -> bool:
            assert self.status["state"] in ("queued", "running"), self.log()
            return any(entry["stage"] == "grpo" and entry["step"] >= step for entry in self.metrics())

        self.slurm.wait_for(reached, f"step {step} of {self.folder.run_id}", timeout_s=STEP_TIMEOUT_S)

    def wait_for_state(self, state: str) -> None:
        def reached() -> bool:
            now = self.status["state"]
            assert now in ("queued", "running", state), f"{self.status}\n{self.log()}"
            return now == state

        self.slurm.wait_for(reached, f"{self.folder.run_id} to be {state}", timeout_s=STEP_TIMEOUT_S)

    def rank(self, node: str) -> int:
        """The process of the trainer on a node."""
        attempt = self.folder.attempt(int(self.status["attempt"]))
        (path,) = attempt.heartbeats.glob(f"trainer-{node}-*.json")
        return int(json.loads(path.read_text())["pid"])

    @contextmanager
    def held(self) -> Iterator[AttemptFolder]:
        """The ranks stay where they are: the run must not be done before what is meant to disturb it has come about."""
        attempt = self.folder.attempt(int(self.status["attempt"]))
        beats = [json.loads(path.read_text()) for path in attempt.heartbeats.glob("trainer-*.json")]
        ranks = [int(beat["pid"]) for beat in beats]
        for rank in ranks:
            os.kill(rank, signal.SIGSTOP)
        try:
            yield attempt
        finally:
            for rank in ranks:
                with suppress(ProcessLookupError):
                    os.kill(rank, signal.SIGCONT)

    def hold_until_asked(self, act: Callable[[], object]) -> None:
        """Hold the ranks until what `act` brings about asks the run to stop."""
        with self.held() as attempt:
            act()
            self.slurm.wait_for(attempt.stop.is_file, "notice from Slurm", timeout_s=100)

    def nodes(self) -> list[str]:
        """The names of the job's nodes, in their order."""
        attempt = self.folder.attempt(int(self.status["attempt"]))
        beats = [json.loads(path.read_text()) for path in attempt.heartbeats.glob("supervisor-*.json")]
        return [beat["node"] for beat in sorted(beats, key=lambda beat: beat["rank"])]

    def log(self) -> str:
        """The last lines of every log, for the message of a test that failed."""
        paths = [*self.folder.logs.glob("*/*.log"), *self.folder.submission.glob("*.out")]
        return "\n".join(f"{path}:\n{path.read_text(errors='replace')[-1500:]}" for path in sorted(paths))

    def assert_nothing_is_left(self) -> None:
        """Neither a process nor an allocation."""
        self.slurm.wait_for_job(self.job_id, timeout_s=90)
        self.slurm.wait_for(lambda: not self.slurm.processes(), "end of all its processes", timeout_s=60)
