"""From what a user wrote to what is recorded: `auto` decided, paths absolute. The result means the same from every folder."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from crrl.cache import cache_root
from crrl.cluster.apptainer import NO_IMAGE, ROOT
from crrl.cluster.plan import Where, all_nodes, where
from crrl.config import ClusterConfig, DataConfig, RunConfig
from crrl.data.named_paths import absolute_options, absolute_source
from crrl.data.paths import local_path
from crrl.errors import ConfigError

IMAGE = "crrl.sif"


def resolve(config: RunConfig, host: Mapping[str, str], *, auto: Where | None = None) -> RunConfig:
    """The config as it is written to the run's folder. `auto`: what `--cluster auto` means, instead of looking for Slurm.

    Raises ConfigError for a path that names a variable which is not set.
    """
    cluster = config.cluster
    place = auto if auto and cluster.cluster == "auto" else where(cluster)
    cluster = replace(
        cluster,
        cluster=place,
        image=_image(cluster, place, host),
        runs=absolute("runs", cluster.runs, host),
        hf_home=absolute("hf_home", cluster.hf_home or host.get("HF_HOME") or "~/.cache/huggingface", host),
        cache_dir=absolute("cache_dir", cluster.cache_dir or str(cache_root()), host),
        binds=tuple(_bind(bind, host) for bind in cluster.binds),
    )
    sft = config.sft
    if sft.demonstrations:
        sft = replace(sft, demonstrations=absolute("demonstrations", sft.demonstrations, host))
    return _without_idle_server(
        replace(config, model=_model(config.model), sft=sft, data=_data(config.data), cluster=cluster)
    )


def absolute(name: str, path: str, host: Mapping[str, str]) -> str:
    """A path with `~` and variables spelled out. Raises ConfigError, naming the setting, if a variable is not set."""
    return str(Path(os.path.abspath(local_path(_spelled_out(name, path, host)))))  # noqa: PTH100 (keeps symbolic links)


def _spelled_out(name: str, text: str, host: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] in host:
            return host[match[1]]
        raise ConfigError(f"cluster.{name} {text!r}: {match[1]} is not set here; set it, or write the path in full")

    return re.sub(r"\$\{?(\w+)\}?", value, text)


def _image(cluster: ClusterConfig, place: Where, host: Mapping[str, str]) -> str:
    if cluster.image == "auto":
        return str(ROOT / IMAGE) if place == "slurm" else NO_IMAGE
    return NO_IMAGE if cluster.image == NO_IMAGE else absolute("image", cluster.image, host)


def _bind(bind: str, host: Mapping[str, str]) -> str:
    source, colon, rest = _spelled_out("binds", bind, host).partition(":")
    return f"{local_path(source)}{colon}{rest}"


def _model(name: str) -> str:
    """A folder as an absolute path; a name of the hub as it is."""
    path = local_path(name)
    is_path = path.is_dir() or name.startswith(("/", "~", "./", "../"))
    return os.path.abspath(path) if is_path else name  # noqa: PTH100


def _data(data: DataConfig) -> DataConfig:
    return replace(data, source=absolute_source(data.source), options=absolute_options(data.options))


def _without_idle_server(config: RunConfig) -> RunConfig:
    """Imitation alone asks no server, and a job of one GPU has none to spare for one: its trainer generates by itself."""
    cluster = config.cluster
    if config.reinforces and (all_nodes(cluster) > 1 or cluster.gpus_per_node != 1):
        return config
    if config.reinforces and config.grpo.overlap:
        raise ConfigError(
            "grpo.overlap 1 has a server generate while the trainer trains, and of one GPU (cluster.gpus_per_node) none is left "
            "for a server; use --grpo.overlap 0, or more GPUs"
        )
    nodes = replace(cluster.nodes, server=0) if not config.reinforces else cluster.nodes
    return replace(config, grpo=replace(config.grpo, use_vllm=False, overlap=0), cluster=replace(cluster, nodes=nodes))
