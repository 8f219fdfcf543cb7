"""The environment variables of a run's processes: what is set, what is carried in from the host, what never leaks.

Secrets live in environments only: never in a command line, a script, a log or the run's folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from crrl.config import ClusterConfig

SECRETS = ("WANDB_API_KEY", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
CARRIED = (
    *SECRETS,
    *("WANDB_BASE_URL", "WANDB_ENTITY", "WANDB_MODE", "HF_ENDPOINT", "NETRC", "CRRL_LOG_LEVEL"),
    *("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "NVIDIA_VISIBLE_DEVICES"),  # Slurm sets them; --cleanenv drops them
    *("SLURM_JOB_ID", "SLURM_NODEID", "SLURM_JOB_NUM_NODES", "SLURM_JOB_NODELIST", "SLURM_RESTART_COUNT"),
    *("SLURM_JOB_PARTITION", "SLURM_JOB_ACCOUNT", "SLURM_CLUSTER_NAME", "SLURM_JOB_END_TIME", "SLURMD_NODENAME"),
    *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
)
"""Variables of the host that a process in the image gets too, where they are set."""
_CARRIED_FAMILIES = ("NCCL_", "UCX_", "FI_", "GLOO_", "TP_")
"""How the names of more of them begin: what modules, or the user, say of the network between nodes."""
_FOUND = "GLOO_SOCKET_IFNAME"
"""What a node finds out by itself (crrl.cluster.roles); who says it knows better."""
_LEAKS = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONUSERBASE")
"""Variables that would bring the host's Python packages into a run."""
_OF_A_JOB = ("SLURM_", "SLURMD_", "SRUN_", "SUBMITIT_", "PMI_", "PMIX_")
"""How the names of variables begin that belong to one job."""
_OF_THE_CLUSTER = ("SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_CLUSTERS", "SLURM_JWT", "SLURM_TIME_FORMAT")
"""Those of them that say where Slurm is."""
_OF_THE_RUN = (
    "SBATCH_EXPORT",
    "SBATCH_ARRAY_INX",
    "SBATCH_JOB_NAME",
    "SBATCH_OPEN_MODE",
    "SBATCH_OUTPUT",
    "SBATCH_WAIT",
)
"""Variables that sbatch takes before what the script says, of the run's own options. Some sites set SBATCH_EXPORT=NONE."""


def process_environment(
    cluster: ClusterConfig, scratch: Path, host: Mapping[str, str], extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The variables of one process of the run: later ones win.

    Args:
        scratch: the job's own folder on this node.
        host: the supervisor's environment.
        extra: the process's own variables.
    """
    carried = {name: value for name, value in host.items() if name in CARRIED or name.startswith(_CARRIED_FAMILIES)}
    said = {**carried, **_caches(cluster, scratch), **_network(cluster), **_PYTHON, **cluster.env}
    own = {name: value for name, value in (extra or {}).items() if name != _FOUND or name not in said}
    return {**_nccl(own.get(_FOUND, "")), **said, **own}


def without_leaks(host: Mapping[str, str]) -> dict[str, str]:
    """The host's environment, without what would bring its Python packages, or variables for other images, into a run."""
    return {
        name: value
        for name, value in host.items()
        if name not in _LEAKS and not name.startswith(("APPTAINERENV_", "SINGULARITYENV_"))
    }


def submission_environment(host: Mapping[str, str]) -> dict[str, str]:
    """What a job is submitted with: a shell inside another job, or of a virtual environment, must not shape this one."""
    return {
        name: value
        for name, value in without_leaks(host).items()
        if name in _OF_THE_CLUSTER or not (name.startswith(_OF_A_JOB) or name in _OF_THE_RUN)
    }


_PYTHON = {"PYTHONNOUSERSITE": "1", "PYTHONUNBUFFERED": "1"}


def _caches(cluster: ClusterConfig, scratch: Path) -> dict[str, str]:
    """What is downloaded or built once lies where all nodes see it; what is compiled lies on the node's disk."""
    shared = {"HF_HOME": cluster.hf_home, "CRRL_CACHE_DIR": cluster.cache_dir}
    local = {
        "TMPDIR": "tmp",
        "XDG_CACHE_HOME": "cache",
        "XDG_CONFIG_HOME": "config",
        "XDG_DATA_HOME": "data",
        "HF_DATASETS_CACHE": "cache/datasets",
        "HF_MODULES_CACHE": "cache/hf-modules",
        "TRITON_CACHE_DIR": "cache/triton",
        "TORCHINDUCTOR_CACHE_DIR": "cache/inductor",
        "VLLM_CACHE_ROOT": "cache/vllm",
        "VLLM_CONFIG_ROOT": "config/vllm",
        "CUDA_CACHE_PATH": "cache/cuda",
        "NUMBA_CACHE_DIR": "cache/numba",
        "MPLCONFIGDIR": "cache/matplotlib",
        "WANDB_CACHE_DIR": "cache/wandb",
        "WANDB_CONFIG_DIR": "config/wandb",
        "WANDB_DATA_DIR": "data/wandb",
    }
    return {**{name: value for name, value in shared.items() if value}, **_under(scratch, local)}


def _under(folder: Path, names: Mapping[str, str]) -> dict[str, str]:
    return {name: str(folder / part) for name, part in names.items()}


def _nccl(interface: str) -> dict[str, str]:
    """The interface that was found for Gloo is NCCL's as well. Within one machine NCCL needs none."""
    return {"NCCL_SOCKET_IFNAME": f"={interface}"} if interface not in ("", "lo") else {}


def _network(cluster: ClusterConfig) -> dict[str, str]:
    found: dict[str, str] = {}
    if cluster.network_interface:
        found |= {f"{library}_SOCKET_IFNAME": cluster.network_interface for library in ("NCCL", "GLOO", "TP")}
    if cluster.offline:
        found |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "WANDB_MODE": "offline", "DO_NOT_TRACK": "1"}
    if cluster.proxy:
        hosts = ",".join(filter(None, ("localhost,127.0.0.1", cluster.no_proxy)))
        for name, value in (("http_proxy", cluster.proxy), ("https_proxy", cluster.proxy), ("no_proxy", hosts)):
            found |= {name: value, name.upper(): value}
    return found
