"""Options that a site or a user adds to those of sbatch, srun and vLLM: their form, and those that are the run's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from crrl.errors import ConfigError

if TYPE_CHECKING:
    from crrl.config import RunConfig

_OWN = "the run's own"
_STEP = {
    "nodes": "--nodes.server and --nodes.trainer",
    "cpus-per-task": "--cluster.cpus-per-task",
    **dict.fromkeys(("ntasks", "ntasks-per-node", "chdir", "output", "error", "open-mode", "job-name"), _OWN),
}
_JOB = {**_STEP, "time": "--time", "signal": "--cluster.signal and --cluster.signal-s", "array": _OWN, "wrap": _OWN}
_SERVER = {
    "dtype": "--serve.dtype",
    "max-model-len": "--serve.max-model-len",
    "max-num-seqs": "--serve.max-num-seqs",
    "tensor-parallel-size": "--serve.tensor-parallel",
    "data-parallel-size": "--serve.data-parallel",
    "gpu-memory-utilization": "--serve.gpu-memory-share",
    "max-loras": "--serve.lora-slots",
    **dict.fromkeys(("model", "served-model-name", "host", "port", "uds", "middleware", "api-key", "config"), _OWN),
    **dict.fromkeys(("seed", "generation-config", "logprobs-mode", "enable-lora", "max-lora-rank"), _OWN),
    "weight-transfer-config": _OWN,
}
"""What each is set by."""


def check_options(config: RunConfig) -> None:
    """Raises ConfigError, with what to do, for an option that is none or that would break the run."""
    cluster = config.cluster
    for option in cluster.sbatch:
        _check("cluster.sbatch", option, "exclude=n7 or exclusive", _JOB)
    for option in cluster.srun:
        _check("cluster.srun", option, "cpu-bind=none or exact", _STEP)
    for option in config.serve.extra:
        _check("serve.extra", option.removeprefix("--"), "block-size=32 or enable-expert-parallel", _SERVER)
    if cluster.scratch and not cluster.scratch.startswith(("/", "$")):
        raise ConfigError(
            f"cluster.scratch {cluster.scratch!r}: must be a path from / on, or begin with a variable, as in $SLURM_TMPDIR"
        )
    if not re.fullmatch(r"([A-Za-z0-9][\w.:@-]{0,14})?", cluster.network_interface):
        raise ConfigError(
            f"cluster.network_interface {cluster.network_interface!r}: must be the name of one interface, as in ib0"
        )


def _check(setting: str, option: str, example: str, reserved: Mapping[str, str]) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_.-]*(=[^\n]+)?", option):
        raise ConfigError(f"{setting} {option!r}: must be name=value, or a name, as in {example}")
    name = option.partition("=")[0].replace("_", "-")
    for known, by in reserved.items():
        if known.startswith(name):  # the beginning of a name stands for it as well
            what = "is the run's own; leave it out" if by == _OWN else f"is set by {by}"
            raise ConfigError(f"{setting} {option!r}: {known} {what}")
