"""New weights into a running vLLM server: as a LoRA adapter, and all of them as files, for the same model, side by side.

    python -m bench.sync [--sizes 1M 10M 100M 600M] [--rank 8]

Where vLLM and this checkout are: on a CPU in the image,
`apptainer exec --env PYTHONPATH=$PWD,CUDA_VISIBLE_DEVICES= crrl.sif python -m bench.sync`. Both ways are those of a run
(crrl.train.publishing): from the trainer's weights in memory until the server has answered with the new ones. All weights
by NCCL take GPUs. Then what it means on paper for 7B and 32B.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from bench.machine import heading
from bench.random_model import SHAPES, write_model
from crrl.config import RunConfig, from_yaml
from crrl.serve.alone import serving

SIZES = ("1M", "10M", "100M", "600M")
PUBLISHES = 5
MOST_SHARE = 0.02
PAPER = {
    # layers, hidden, inner, query, key and value: config.json of Qwen2.5-Coder-{7B,32B}-Instruct; parameters
    "7B": (28, 3584, 18944, 3584, 512, 7.62e9),
    "32B": (64, 5120, 27648, 5120, 1024, 32.76e9),
}
RANK_OF_PRESETS = 32


class Sync(NamedTuple):
    """One way: seconds and bytes of one publish."""

    seconds: float
    size: int


def main() -> int:
    """Print a row a size, and a verdict."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", nargs="+", choices=SHAPES, default=SIZES)
    parser.add_argument("--rank", type=int, default=8)
    given = parser.parse_args()
    print(heading())
    print(f"float32, LoRA of rank {given.rank} on all linear layers, median of {PUBLISHES} publishes of the adapter")
    print(
        f"{'parameters':>12} {'adapter':>22} {'all weights as files':>34} {'share of the bytes':>20} {'times as fast':>14}"
    )
    for size in given.sizes:
        with tempfile.TemporaryDirectory() as name:
            print(_row(Path(name), size, given.rank), flush=True)
    return _on_paper()


def _row(folder: Path, size: str, rank: int) -> str:
    model = folder / "model"
    count = write_model(model, SHAPES[size])
    adapter_config = _config(model, rank)
    with serving(adapter_config, str(model)) as endpoint:
        adapter = _adapter(folder, adapter_config, model, endpoint)
    files = _files(folder, _config(model, 0), model)
    write_s, load_s = files[1], files[2]
    whole = Sync(write_s + load_s, files[0])
    return (
        f"{count:12,} {adapter.seconds:8.2f} s {adapter.size / 1e6:8.2f} MB "
        f"{whole.seconds:8.1f} s {whole.size / 1e6:8.1f} MB (written {write_s:.1f} s) "
        f"{adapter.size / whole.size:12.1%} {whole.seconds / adapter.seconds:13.0f}"
    )


def _adapter(folder: Path, config: RunConfig, model: Path, endpoint: Any) -> Sync:
    import torch
    from peft import get_peft_model

    from crrl.serve.fleet import Fleet, Prompt
    from crrl.train.fingerprint import drift_between, trainer_logprobs
    from crrl.train.lora import lora_config
    from crrl.train.model import load_model
    from crrl.train.publishing import AdapterPublisher
    from crrl.train.rollout import sampling_of

    whole = load_model(model, "float32")
    policy: Any = get_peft_model(whole, lora_config(config, whole))
    accelerator = SimpleNamespace(unwrap_model=lambda found: found, is_main_process=True, device="cpu")
    trainer = SimpleNamespace(model=policy, accelerator=accelerator)
    fleet = Fleet(lambda: [endpoint], completions_at_once=8, request_timeout_s=300, patience_s=300)
    publisher = AdapterPublisher(trainer, folder / "adapters", "float32")
    probe = list(range(16))
    seconds, size = [], 0
    for version in range(PUBLISHES + 1):
        for name, weight in policy.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weight, std=0.02 * (version + 1))
        started = time.monotonic()
        size = publisher.collect(version)(fleet)
        list(fleet.generate([Prompt([1, 2])], 1, sampling_of(config)))
        seconds.append(time.monotonic() - started)
        drift = drift_between(trainer_logprobs(trainer, probe), fleet.score(probe))
        if drift.mean > 1e-3:
            raise RuntimeError(f"the server has other weights than the trainer: {drift}")
    fleet.close()
    return Sync(statistics.median(seconds[1:]), size)  # the first one has the server's memory made ready


def _files(folder: Path, config: RunConfig, model: Path) -> tuple[int, float, float]:
    """Bytes, seconds to write them, seconds until the server answers again."""
    from crrl.train.model import load_model

    policy = load_model(model, "float32")
    started = time.monotonic()
    weights = folder / "weights"
    policy.save_pretrained(weights)
    for path in model.glob("*token*"):
        (weights / path.name).write_bytes(path.read_bytes())
    written = time.monotonic()
    with serving(config, str(weights)):
        loaded = time.monotonic()
    return sum(path.stat().st_size for path in weights.iterdir()), written - started, loaded - written


def _config(model: Path, rank: int) -> RunConfig:
    return from_yaml(
        f"model: {model}\nlora: {{rank: {rank}, alpha: {rank or 1}}}\n"
        "grpo: {dtype: float32, max_completion_length: 1, use_vllm: true}\n"
        f"serve: {{sync: {'adapter' if rank else 'files'}, enforce_eager: true, max_model_len: 128}}\n"
    )


def _on_paper() -> int:
    print(f"\non paper, bfloat16, rank {RANK_OF_PRESETS}, the presets' (counted from the shapes)")
    worst = 0.0
    for name, (layers, hidden, inner, query, key, parameters) in PAPER.items():
        ends = (
            2 * (hidden + query) + 2 * (hidden + key) + 3 * (hidden + inner)
        )  # in + out of q, o; k, v; gate, up, down
        adapter = 2 * RANK_OF_PRESETS * layers * ends
        whole = 2 * parameters
        worst = max(worst, adapter / whole)
        print(
            f"{name:>12} {adapter / 1e6:8.0f} MB of {whole / 1e9:5.1f} GB: {adapter / whole:.2%}; "
            f"at 1 GB/s of a shared file system {adapter / 1e9:.1f} s against {whole / 1e9:.0f} s"
        )
    print(f"{'met   ' if worst <= MOST_SHARE else 'MISSED'} the adapter at most {MOST_SHARE:.0%} of the bytes")
    return int(worst > MOST_SHARE)


if __name__ == "__main__":
    raise SystemExit(main())
