"""One step of GRPO by phase: completions by transformers, by a vLLM server, and by a server that draws the next ones meanwhile.

    python -m bench.step [--scenes spread equal] [--steps 2]

Where vLLM and this checkout are: on a CPU in the image,
`apptainer exec --env PYTHONPATH=$PWD,CUDA_VISIBLE_DEVICES= crrl.sif python -m bench.step`. Server and trainer have a core each,
as if they were two nodes. A model of 100 M random weights in float32, LoRA of rank 8. `spread`: completions as long as those of
a real run, geometrically distributed, cut off at 512 tokens. `equal`: 16 completions of 64 tokens, all at a time, so that
generating takes about as long as training.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from bench.machine import heading
from bench.random_model import SHAPES, tasks_of, words_of, write_model
from crrl.config import RunConfig, from_yaml, to_yaml
from crrl.serve.alone import serving

PHASES = ("generate", "wait", "sync", "train", "other")
TIMES_THROUGHPUT, TIMES_OVERLAP = 2.0, 1.3


class Scene(NamedTuple):
    """What is generated and trained on."""

    vocabulary: int
    """The mean length of a completion that is not cut off."""
    cut_off: int
    groups: int
    size: int
    at_once: int
    """Completions that the server draws at a time."""


SCENES = {"spread": Scene(102, 512, 4, 8, 256), "equal": Scene(16384, 64, 4, 4, 16)}
PROMPT_WORDS, TASKS = 32, 64
WARM_STEPS = 1


class Way(NamedTuple):
    """One way to generate, and what its steps took."""

    steps: list[dict[str, Any]]

    def seconds(self, phase: str) -> float:
        """The median of the steps."""
        return statistics.median(float(step[f"time/{phase}_s"]) for step in self.steps)

    @property
    def tokens_per_s(self) -> float:
        """Of completions, while they were generated."""
        return statistics.median(
            float(value) for step in self.steps for name, value in step.items() if name in _GENERATED
        )

    @property
    def mean_length(self) -> float:
        """Of completions, in tokens."""
        return statistics.mean(float(step["completions/mean_length"]) for step in self.steps)


_GENERATED = ("tokens_per_s/server_generate", "tokens_per_s/trainer_generate")


def main() -> int:
    """Print a table a scene, and a verdict."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", nargs="+", choices=SCENES, default=list(SCENES))
    parser.add_argument("--steps", type=int, default=2, help="measured, after one that warms up")
    given = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise SystemExit("error: server and trainer want a core each, and there is one")
    print(heading())
    missed = 0
    for name in given.scenes:
        ways = dict(_measure(SCENES[name], given.steps, cores))
        missed += _judge(name, ways)
    return missed


def _measure(scene: Scene, steps: int, cores: list[int]) -> Iterator[tuple[str, Way]]:
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        count = write_model(folder / "model", SHAPES["100M"]._replace(vocabulary=scene.vocabulary), context=1024)
        print(f"\n{scene}, {count / 1e6:.0f} M parameters")
        print(f"{'':<24}" + "".join(f"{phase:>10}" for phase in (*PHASES, "step")) + "  tokens/s  mean length")
        config = _config(folder / "model", scene, steps + WARM_STEPS + 1)
        os.sched_setaffinity(0, {cores[-1]})
        yield _show("transformers", _train(config, folder, None))
        with_server = replace(config, grpo=replace(config.grpo, use_vllm=True))
        endpoint = stack.enter_context(serving(with_server, str(folder / "model"), cores={cores[0]}))
        yield _show("vLLM server", _train(config, folder, endpoint))
        ahead = replace(config, grpo=replace(config.grpo, overlap=1))
        yield _show("vLLM server, overlap", _train(ahead, folder, endpoint))
        os.sched_setaffinity(0, set(cores))


def _show(name: str, way: Way) -> tuple[str, Way]:
    numbers = "".join(f"{way.seconds(phase):8.1f} s" for phase in (*PHASES, "all"))
    print(f"{name:<24}{numbers}{way.tokens_per_s:10.0f}{way.mean_length:13.0f}", flush=True)
    return name, way


def _judge(scene: str, ways: dict[str, Way]) -> int:
    plain, server, overlap = ways.values()
    if scene == "spread":
        times = server.tokens_per_s / plain.tokens_per_s
        print(
            f"{_said(times >= TIMES_THROUGHPUT)} the server generates {times:.2f} times as fast, of {TIMES_THROUGHPUT:g}"
        )
        return int(times < TIMES_THROUGHPUT)
    times = server.seconds("all") / overlap.seconds("all")
    phases = f"generate {server.seconds('generate'):.1f} s, train {server.seconds('train'):.1f} s apart"
    print(
        f"{_said(times >= TIMES_OVERLAP)} overlap makes {times:.2f} times the steps a second, of {TIMES_OVERLAP:g} ({phases})"
    )
    return int(times < TIMES_OVERLAP)


def _said(is_met: bool) -> str:
    return "met   " if is_met else "MISSED"


def _train(config: RunConfig, folder: Path, endpoint: Any) -> Way:
    """The measured steps of one way: without the first, and without the last, which has nothing to draw ahead."""
    import torch

    from crrl.report.heartbeat import Heartbeat
    from crrl.report.metrics_log import read_metrics
    from crrl.report.run_folder import RunFolder, write_aside
    from crrl.serve.fleet import Fleet
    from crrl.train.grpo import build_trainer, reinforce
    from crrl.train.interrupt import StopRequest
    from crrl.train.publishing import AdapterPublisher
    from crrl.train.ranks import ALONE
    from crrl.train.rollout import Rollouts, attach

    torch.set_num_threads(1)
    model = folder / "model"
    run = RunFolder(Path(tempfile.mkdtemp(dir=folder)))
    write_aside(run.config, to_yaml(config))
    tokenizer = words_of(model)
    heartbeat = Heartbeat(None, "trainer", "bench")
    tasks = tasks_of(TASKS, PROMPT_WORDS)
    trainer = build_trainer(config, run, model, tokenizer, tasks, ALONE, heartbeat)
    if endpoint is not None:
        fleet = Fleet(
            lambda: [endpoint],
            completions_at_once=config.serve.max_num_seqs,
            request_timeout_s=900,
            patience_s=900,
        )
        publisher = AdapterPublisher(trainer, run.adapters, config.grpo.dtype)
        probe = list(range(1, 17))
        attach(trainer, Rollouts(config, trainer, fleet, publisher, lambda: None, probe, heartbeat))
    reinforce(config, trainer, run, StopRequest(), lambda step, may_stop: None)
    return Way(list(read_metrics(run.metrics))[WARM_STEPS:-1])


def _config(model: Path, scene: Scene, steps: int) -> RunConfig:
    return from_yaml(
        f"""
model: {model}
rewards: {{format: 1.0}}
lora: {{rank: 8, alpha: 16}}
grpo:
  steps: {steps}
  num_generations: {scene.size}
  per_device_batch_size: 4
  gradient_accumulation: {scene.groups * scene.size // 4}
  max_completion_length: {scene.cut_off}
  dtype: float32
  gradient_checkpointing: false
  use_vllm: false
  save_steps: 1000
  keep_completions_every: 0
eval: {{every_steps: 0}}
serve: {{max_num_seqs: {scene.at_once}, max_model_len: 1024, enforce_eager: true}}
cluster: {{cluster: local, gpus_per_node: 0}}
"""
    )


if __name__ == "__main__":
    raise SystemExit(main())
