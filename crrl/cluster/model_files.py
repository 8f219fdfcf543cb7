"""Whether a model can be loaded where the run happens, from its files alone: torch and the network are not asked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from crrl.config import TINY_MODEL, RunConfig
from crrl.serve.command import tensor_parallel
from crrl.serve.division import heads_of

_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
_INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


def model_problem(config: RunConfig) -> str | None:
    """Why the run's model cannot be loaded, and what to do; None if nothing is known to be wrong."""
    name, cluster = config.model, config.cluster
    if name == TINY_MODEL:
        return None
    if name.startswith("/"):
        return _folder_problem(Path(name))
    if not _HUB_NAME.fullmatch(name):
        return f"the model {name!r} is neither a folder nor a name of the hub, like Qwen/Qwen2.5-Coder-7B-Instruct"
    snapshots = cached_snapshots(cluster.hf_home, name)
    if not cluster.offline or any(_folder_problem(snapshot) is None for snapshot in snapshots):
        return None
    return (
        f"the nodes are offline, and the model {name} is not in {cluster.hf_home}; where there is a network, do: "
        f"HF_HOME={cluster.hf_home} hf download {name}"
    )


def weights_bytes(config: RunConfig) -> int:
    """Size of the model's weights; of one that is not here, by the number in its name at two bytes a parameter; else 0."""
    name = config.model
    for folder in _folders(config):
        if sizes := [path.stat().st_size for path in _weights(folder)]:
            return sum(sizes)
    billions = re.search(r"(?i)(?<![\d.])(\d+(?:\.\d+)?)b(?![a-z0-9])", name)
    return int(float(billions[1]) * 2e9) if billions else 0


def division_problem(config: RunConfig) -> str | None:
    """Why vLLM cannot divide the model over the GPUs of a copy, by its config.json, where that is here; else None."""
    parts = tensor_parallel(config) if config.grpo.use_vllm else 0
    heads = next(filter(None, map(heads_of, _folders(config))), None) if parts > 1 else None
    if not heads or heads.can_be_divided(parts):
        return None
    gpus = parts * config.serve.data_parallel
    fitting = heads.most_parts(gpus)
    return (
        f"each server would divide {config.model} over {parts} GPUs (serve.tensor_parallel), and its {heads.own} attention "
        f"heads, {heads.shared} of keys and values, cannot be; use --serve.data-parallel {gpus // fitting}: so many copies, "
        f"each on {fitting}"
    )


def _folders(config: RunConfig) -> list[Path]:
    """Where the model's files may be: its folder, or what the cache has of the hub's."""
    name = config.model
    return [Path(name)] if name.startswith("/") else cached_snapshots(config.cluster.hf_home, name)


def cached_snapshots(hf_home: str, name: str, kind: Literal["models", "datasets"] = "models") -> list[Path]:
    """Folders of a hub's model, or data set, in the cache, newest first."""
    folder = Path(hf_home) / "hub" / f"{kind}--{name.replace('/', '--')}" / "snapshots"
    return sorted(folder.glob("*"), key=lambda path: path.stat().st_mtime, reverse=True)


def _folder_problem(folder: Path) -> str | None:
    if not folder.is_dir():
        return f"there is no model folder {folder}; give one with config.json and weights, or a name of the hub"
    if not (folder / "config.json").is_file():
        return f"the model folder {folder} has no config.json; give the folder that save_pretrained wrote"
    if not any(_weights(folder)):
        return f"the model folder {folder} has no weights (*.safetensors); give the folder that save_pretrained wrote"
    for name in sorted(_listed_shards(folder)):
        if not (folder / name).is_file():
            return f"the model folder {folder} lacks {name}, which its index names; copy or download it again"
    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer_config.json", "tokenizer.model")):
        return f"the model folder {folder} has no tokenizer (tokenizer.json); copy that of the model it came from"
    return None


def _weights(folder: Path) -> Iterator[Path]:
    for pattern in _WEIGHTS:
        yield from folder.glob(pattern)


def _listed_shards(folder: Path) -> set[str]:
    for name in _INDEXES:
        try:
            return set(json.loads((folder / name).read_text())["weight_map"].values())
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            continue
    return set()
