"""Secrets have no place in a run's settings: these are written to config.yaml and job.sh, and stand in command lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from crrl.errors import ConfigError

if TYPE_CHECKING:
    from crrl.config import RunConfig

# Not: wckey (Slurm's accounting), NCCL_IB_PKEY (a partition of InfiniBand), max-num-batched-tokens, TOKENIZERS_PARALLELISM.
_NAME = r"[\w-]*(?:(?<!wc)(?<!p)key|token|secret|password|passwd|passphrase|credentials?)[_\d]*"
_SECRET_NAME = re.compile(rf"(?i){_NAME}")
_SECRET_SET = re.compile(rf"(?i)(?<!\w)-*(?:({_NAME})=|--({_NAME}) )[\"']?[^\s\"'$`]")
"""A name and the beginning of its value, which is none of a shell's references to a variable or a command."""
_PASSWORD = re.compile(r"(?:://|^)[^/@\s:]+:[^/@\s]+@")


def refuse_secrets(config: RunConfig, place: str = "") -> None:
    """Raises ConfigError, without the value, for a setting that holds a secret. `place`: the file that it comes from."""
    cluster = config.cluster
    for name, value in cluster.env.items():
        if _SECRET_NAME.fullmatch(name) or has_password(value):
            raise _refusal(place, f"cluster.env.{name} looks like a secret")
    if has_password(cluster.proxy):
        raise _refusal(place, "cluster.proxy holds a password")
    texts = {
        "cluster.setup": cluster.setup,
        "cluster.sbatch": cluster.sbatch,
        "cluster.srun": cluster.srun,
        "cluster.container_flags": cluster.container_flags,
        "serve.extra": config.serve.extra,
    }
    for setting, lines in texts.items():
        for line in lines:
            if named := _SECRET_SET.search(line):
                raise _refusal(place, f"{setting}: the value of {named[1] or named[2]} looks like a secret")
            if has_password(line):
                raise _refusal(place, f"{setting} holds an address with a password")


def has_password(address: str) -> bool:
    """Whether an address holds one, as in http://me:word@proxy."""
    return _PASSWORD.search(address) is not None


def _refusal(place: str, what: str) -> ConfigError:
    return ConfigError(
        f"{place}{what}, and would be written to the run's folder; export it in your shell before you submit instead: "
        "WANDB_API_KEY, HF_TOKEN and proxies are passed on by themselves"
    )
