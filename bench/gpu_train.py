"""Training speed of GRPO on GPUs: the presets' settings beside TRL's defaults, both under ZeRO-3, with random weights.

    apptainer exec --nv --env PYTHONPATH=$PWD crrl.sif python -m bench.gpu_train [--shapes 1.5B 7B] [--weights lora full]

All GPUs of one node. Each way is a job of its own, `accelerate launch` with this project's config of DeepSpeed: a step that
warms up, then `--steps` measured ones, of which the median counts. Both ways see the same model, prompts, and completions of one
length, and differ in everything else: ours takes what the preset of the model's size says (jobs/small.yaml, medium.yaml),
TRL's what GRPOConfig says by itself. The same instrument, around generation and around a step, times both.

Tokens are those of prompts and completions; a trained token's operations are the model's own, forward and back, without what
is computed twice to save memory and without the pass for old log-probabilities (PaLM's model FLOP utilisation, arXiv:2204.02311,
appendix B; with causal attention at half). `--shapes 1M --processes 2` tries the script on a CPU, whose peak is not known.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from bench.machine import heading
from bench.random_model import SHAPES, Shape, write_model
from crrl.cluster.accelerate import (
    TrainerShape,
    accelerate_config,
    deepspeed_config,
    launch_command,
    launch_environment,
)
from crrl.cluster.rendezvous import Meeting, claim_port

PRESETS = {"7B": "medium"}
"""Of which preset a shape takes the settings; the others: small."""
WAYS = ("TRL's defaults", "the preset")
PEAK_TERAFLOPS = {"H200": 989, "H100": 989, "GH200": 989, "A100": 312, "L40S": 362, "B200": 2250}
"""Dense bfloat16, from NVIDIA's data sheets, by a part of the name that the driver gives the GPU."""
LIMIT_S = 1800
OUT_OF_MEMORY = "  does not fit: out of memory"


@dataclass(frozen=True)
class Case:
    """What one job measures."""

    way: str
    model: str
    preset: str
    is_lora: bool
    steps: int
    processes: int
    completions: int
    prompt_tokens: int
    completion_tokens: int
    result: str


def main() -> int:
    """Print a table a shape; 1 if a job failed otherwise than for want of memory."""
    given = _arguments()
    gpu = _gpu()
    processes = given.processes or max(1, gpu.count)
    print(heading())
    print(f"{processes} × {gpu.name}, {given.completions} completions a step, of {given.completion_tokens} tokens")
    print(f"after prompts of {given.prompt_tokens}; medians of {given.steps} steps after one that warms up")
    return max(_measure(shape, given, gpu, processes) for shape in given.shapes)


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=["1.5B", "7B"])
    parser.add_argument("--weights", nargs="+", choices=("lora", "full"), default=["lora", "full"])
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--processes", type=int, default=0, help="0: one a GPU; without a GPU, one")
    parser.add_argument("--completions", type=int, default=64, help="a step, over all processes")
    parser.add_argument("--prompt-tokens", type=int, default=2048)
    parser.add_argument("--completion-tokens", type=int, default=256)
    return parser.parse_args()


def _measure(name: str, given: Any, gpu: Gpu, processes: int) -> int:
    shape, failed = SHAPES[name], 0
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        device, dtype = ("cuda", "bfloat16") if gpu.count else ("cpu", "float32")
        context = given.prompt_tokens + given.completion_tokens
        with ProcessPoolExecutor(1, get_context("spawn")) as alone:  # with it goes the memory of the GPU that it took
            weights = alone.submit(write_model, model, shape, context=context, dtype=dtype, device=device).result()
        print(f"\n{name}, {weights / 1e6:,.0f} M parameters")
        print(f"{'':<24}{'generate':>10}{'train':>10}{'step':>10}  tokens/s trained  peak memory  FLOP utilisation")
        for kind in given.weights:
            speeds = []
            for way in WAYS:
                sizes = (given.steps, processes, given.completions, given.prompt_tokens, given.completion_tokens)
                case = Case(way, str(model), PRESETS.get(name, "small"), kind == "lora", *sizes, f"{folder}/result")
                print(f"{kind + ', ' + way:<24}", end="", flush=True)
                found = _job(case, Path(folder), on_cpu=not gpu.count)
                print(found if isinstance(found, str) else _row(found, case, shape, weights, gpu), flush=True)
                failed |= isinstance(found, str) and found != OUT_OF_MEMORY
                speeds.append(None if isinstance(found, str) else found["train"])
            if None not in speeds:
                print(
                    f"{kind}: the preset trains {speeds[0] / speeds[1]:.2f} times as fast as TRL's defaults", flush=True
                )
    return int(failed)


def _job(case: Case, folder: Path, *, on_cpu: bool) -> dict[str, float] | str:
    """The numbers of one case; if it failed, why."""
    port = claim_port()
    port.release()
    config, deepspeed, log = folder / "accelerate.yaml", folder / "deepspeed.json", folder / "log"
    deepspeed.write_text(deepspeed_config())
    config.write_text(accelerate_config(TrainerShape(1, case.processes), Meeting("127.0.0.1", port.number), deepspeed))
    Path(case.result).unlink(missing_ok=True)
    command = launch_command(config, 0, json.dumps(asdict(case)), module="bench.gpu_train_rank")
    variables = launch_environment(case.processes, len(os.sched_getaffinity(0)), on_cpu=on_cpu)
    settings: Any = {"env": {**os.environ, **variables}, "start_new_session": True}
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out, **settings) as job:
        try:
            job.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(job.pid, signal.SIGKILL)
            return f"  not done after {LIMIT_S} s"
    if Path(case.result).is_file():
        found: dict[str, float] = json.loads(Path(case.result).read_text())
        return found
    said = log.read_text(errors="replace")
    return OUT_OF_MEMORY if "OutOfMemoryError" in said else f"  failed:\n{said[-3000:]}"


def _row(found: dict[str, float], case: Case, shape: Shape, weights: int, gpu: Gpu) -> str:
    times = "".join(f"{found[name]:8.1f} s" for name in ("generate", "train", "step"))
    return (
        f"{times}{found['tokens'] / found['train']:18,.0f}{found['memory'] / 1e9:10.1f} GB"
        f"{_utilisation(found['tokens'] / found['train'], case, shape, weights, gpu):>18}"
    )


def _utilisation(tokens_per_s: float, case: Case, shape: Shape, weights: int, gpu: Gpu) -> str:
    if not gpu.peak:
        return "-"
    length = case.prompt_tokens + case.completion_tokens
    operations = operations_of_token(shape, weights, length, is_lora=case.is_lora)
    return f"{100 * tokens_per_s * operations / (case.processes * gpu.peak):.1f} %"


def operations_of_token(shape: Shape, weights: int, length: int, *, is_lora: bool) -> float:
    """Floating-point operations to train on one token of a sequence of `length`, forward and back.

    Two a weight forward, two back to its input, two back to itself, the last not for frozen ones. An embedding that is not
    the output layer too is looked up, not multiplied. Attention: 4 · hidden · length a layer forward, at half, as it is causal,
    and twice that back.
    """
    multiplied = weights - (0 if shape.is_tied else shape.vocabulary * shape.hidden)
    return (4 if is_lora else 6) * multiplied + 3 * 2 * shape.layers * shape.hidden * length


@dataclass(frozen=True)
class Gpu:
    """What this machine computes with."""

    name: str
    count: int
    peak: float
    """Operations a second, dense, bfloat16; 0: not known."""


def _gpu() -> Gpu:
    import torch

    if not torch.cuda.is_available():
        return Gpu("CPU", 0, 0)
    name = torch.cuda.get_device_name(0)
    peaks = [peak for part, peak in PEAK_TERAFLOPS.items() if part in name.replace("-", " ").split()[1:]]
    return Gpu(name, torch.cuda.device_count(), max(peaks, default=0) * 1e12)


if __name__ == "__main__":
    raise SystemExit(main())
