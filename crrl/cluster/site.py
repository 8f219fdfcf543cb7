"""What is particular to one cluster. `crrl.config.ClusterConfig` adds how large the run is; docs/cluster.md explains both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class SiteConfig:
    """One cluster: how it is asked for nodes, and what its nodes need. A site file sets it once for all runs."""

    partition: str = ""
    """Slurm partition; empty: the cluster's default."""
    account: str = ""
    """Slurm account; empty: your default."""
    qos: str = ""
    """Slurm quality of service; empty: the default."""
    constraint: str = ""
    """Node features that Slurm must find."""
    gpu_request: Literal["gpus-per-node", "gres", "none"] = "gpus-per-node"
    """How the cluster is asked for GPUs: `--gpus-per-node=N`, or `--gres=gpu:N`; none: not at all, as jobs get whole nodes."""
    gpu_type: str = ""
    """The GPU's name where it belongs to the request, as in `gpu:a100:N`; empty: any."""
    sbatch: tuple[str, ...] = ()
    """Further sbatch options, each as `name=value`, or as `name` if it takes no value."""
    srun: tuple[str, ...] = ()
    """Further srun options, in the same form."""
    setup: tuple[str, ...] = ()
    """Shell lines of the job before anything is started, as in `module load apptainer`."""
    signal: Literal["USR2", "USR1", "TERM"] = "USR2"
    """What Slurm sends before the time limit, so that a checkpoint is written."""
    signal_s: int = 180
    """How many seconds before the time limit: more than a step and a checkpoint take."""
    requeue: bool = True
    """Let Slurm start the job again after a preemption or when a node dies."""
    container: str = "apptainer"
    """The command that starts images: apptainer, singularity, or its path."""
    container_flags: tuple[str, ...] = ()
    """Further flags of its `exec`."""
    binds: tuple[str, ...] = ()
    """Further folders that the image sees, each `SOURCE`, or `SOURCE:PLACE`, or `SOURCE:PLACE:ro`."""
    scratch: str = ""
    """Folder for caches on each node's own disk; may name the job's variables, as in $SLURM_TMPDIR. Empty: $TMPDIR or /tmp."""
    hf_home: str = ""
    """Models and data of the Hugging Face hub, where all nodes see them; empty: $HF_HOME, or ~/.cache/huggingface."""
    cache_dir: str = ""
    """Datasets that were built, where all nodes see them; empty: $CRRL_CACHE_DIR, or ~/.cache/crrl."""
    offline: bool = False
    """The nodes have no network: models must be in hf_home, and W&B is written to the run's folder."""
    proxy: str = ""
    """HTTP proxy of the nodes, as in http://proxy:3128; empty: that of your environment."""
    no_proxy: str = ""
    """Hosts that are reached without the proxy, separated by commas."""
    network_interface: str = ""
    """Interface between the nodes, for NCCL and Gloo, as in ib0; empty: they choose."""
    env: dict[str, str] = field(default_factory=dict)
    """Further variables of the run's processes. No secrets: it is written to the run's folder."""
