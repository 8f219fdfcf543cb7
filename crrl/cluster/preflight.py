"""What would keep a run from working, found before anything is made or submitted: each problem a line that says what to do."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from crrl.cluster.apptainer import NO_IMAGE, data_paths
from crrl.cluster.gpus import gpu_problem, gpus_here
from crrl.cluster.image_commit import commit_note
from crrl.cluster.image_file import image_problem
from crrl.cluster.model_files import cached_snapshots, division_problem, model_problem, weights_bytes
from crrl.cluster.partitions import partition_note, partition_problem
from crrl.cluster.queue import ANSWER_TIMEOUT_S, slurm_words
from crrl.config import RunConfig
from crrl.data.named_paths import hub_names, source_parts
from crrl.schema import KINDS
from crrl.serve.adapters import KEPT_VERSIONS

GIB = 1024**3
LEAST_FREE_BYTES = 1 * GIB
"""Room for logs, metrics, completions, and adapters."""
BYTES_OF_STATE = 7
"""A full checkpoint against the model's bfloat16 weights: those (2 bytes a parameter), and AdamW's float32 copy, mean and
variance (12 bytes)."""
KEPT_CHECKPOINTS = 3  # two, and the one that is being written


def problems(config: RunConfig, host: Mapping[str, str]) -> list[str]:
    """What keeps a resolved config from running where it says, the most basic first. Nothing is changed."""
    on_slurm = config.cluster.cluster == "slurm"
    checks = [
        *(_slurm_problems(config) if on_slurm else (gpu_problem(config.cluster.gpus_per_node, host, gpus_here()),)),
        image_problem(config.cluster.image) if config.cluster.image != NO_IMAGE else None,
        model_problem(config),
        division_problem(config),
        _server_problem(config),
        data_problem(config),
        _name_problem(config),
        _bind_problem(config) if not on_slurm else None,
        disk_problem(config),
    ]
    return [problem for problem in checks if problem]


def notes(config: RunConfig, host: Mapping[str, str]) -> list[str]:
    """What may surprise in a Slurm job, and keeps nothing from running."""
    cluster = config.cluster
    if cluster.cluster != "slurm":
        return []
    commit = commit_note(cluster) if Path(cluster.image).exists() else None
    overrides = [
        f"{name} in your environment goes before the script's own --{option}; unset it if that is not wanted"
        for name, option in _OVERRIDES.items()
        if name in host
    ]
    return [note for note in (commit, partition_note(cluster), _bind_problem(config), *overrides) if note]


def hints(config: RunConfig) -> list[str]:
    """What a first dry run on a cluster may have forgotten."""
    cluster, found = config.cluster, list[str]()
    if cluster.cluster != "slurm":
        return found
    if not cluster.account:
        found.append("no account is named (--account, or account in the site file); many clusters refuse a job without")
    if not cluster.partition:
        found.append(
            "no partition is named (--partition, or partition in the site file): the cluster's default is used"
        )
    if cluster.image != NO_IMAGE and not shutil.which(cluster.container):
        found.append(f"there is no {cluster.container} on this machine; the nodes need it")
    return found


def refusal(script: str) -> str | None:
    """What Slurm itself says against a script (`sbatch --test-only`); None if it would take it, or does not know."""
    command = ["sbatch", "--test-only"]
    try:
        done = subprocess.run(
            command, input=script, capture_output=True, text=True, timeout=ANSWER_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"Slurm does not answer ({type(error).__name__}); try again, or ask your cluster's support"
    if not done.returncode or _NOT_NOW in done.stderr:
        return None
    return f"Slurm would refuse the job: {slurm_words(done.stderr)}"


def data_problem(config: RunConfig) -> str | None:
    """Why the run's tasks cannot be read; None if nothing is known to be wrong."""
    problems = [_path_problem(config, Path(path), path == config.sft.demonstrations) for path in data_paths(config)]
    problems += [_hub_problem(config, name) for name in hub_names(config.data.source, config.data.options)]
    return next(filter(None, problems), None)


def _hub_problem(config: RunConfig, given: str) -> str | None:
    """Whether a data set of the hub is here: runs never fetch one."""
    name, at, revision = given.partition("@")
    home = config.cluster.hf_home
    if cached_snapshots(home, name, "datasets"):
        return None
    return (
        f"the data set {given} is not in {home}, and runs fetch none; where there is a network, do: HF_HOME={home} crrl data "
        f"download {name}{f' --revision {revision}' if at else ''}"
    )


def _path_problem(config: RunConfig, path: Path, has_demonstrations: bool) -> str | None:
    flag = "--sft.demonstrations" if has_demonstrations else "--data"
    if not path.exists():
        return f"there is no {path} to train on; name a file or folder with {flag} (docs/data.md)"
    if not os.access(path, os.R_OK):
        return f"{path} cannot be read by you; change its mode, or name another file with {flag}"
    if path.is_dir():
        return _repository_problem(path) if f"commits:{path}" in config.data.source else None
    if not path.name.endswith((".jsonl", ".jsonl.gz")):
        return None
    is_built = not {str(path), f"jsonl:{path}"}.isdisjoint(source_parts(config.data.source))
    return _rows_problem(path, config.task if is_built else "")


def disk_problem(config: RunConfig) -> str | None:
    """Whether the disks of the runs and of the hub's models have room for what this run writes there."""
    cluster = config.cluster
    runs, hub = existing(cluster.runs), existing(cluster.hf_home)
    written, loaded = disk_bytes(config), download_bytes(config)
    if loaded and runs.stat().st_dev == hub.stat().st_dev:
        written, loaded = written + loaded, 0
    problem = _room_problem(runs, written, "--runs", "checkpoints and models")
    return problem or (_room_problem(hub, loaded, "--cluster.hf-home", "the model, downloaded") if loaded else None)


def existing(path: str) -> Path:
    """A path, or the innermost folder above it that is there already."""
    return next(place for place in (Path(path), *Path(path).parents) if place.exists())


def _room_problem(place: Path, wanted: int, flag: str, what: str) -> str | None:
    usage = shutil.disk_usage(place)
    if not os.access(place, os.W_OK) or not usage.total:  # /proc and the like have no size
        return f"you cannot write to {place}; choose another place with {flag}"
    if usage.free >= wanted:
        return None
    return (
        f"{place} has {usage.free / GIB:.1f} GiB free, and the run may write {wanted / GIB:.1f} ({what}); make room, or "
        f"choose another place with {flag}"
    )


def disk_bytes(config: RunConfig) -> int:
    """Bytes that a run keeps at most, roughly: checkpoints of what it trains and its optimizer, and a whole model a stage."""
    weights = weights_bytes(config)
    models = weights * (config.imitates + config.reinforces)
    if config.lora.rank:
        return LEAST_FREE_BYTES + models + weights // 10  # adapters and their optimizer: a few percent
    published = KEPT_VERSIONS + 1 if config.grpo.use_vllm and config.serve.sync == "files" else 0
    return LEAST_FREE_BYTES + models + weights * (BYTES_OF_STATE * KEPT_CHECKPOINTS + published)


def download_bytes(config: RunConfig) -> int:
    """Bytes that the nodes load from the hub: the model's, where it is one of the hub's that is not here yet."""
    cluster = config.cluster
    is_here = config.model.startswith("/") or any(cached_snapshots(cluster.hf_home, config.model))
    return 0 if is_here or cluster.offline else weights_bytes(config)


_NOT_NOW = "Requested node configuration is not available"
"""`sbatch --test-only` looks among the nodes that are up, and says this where too many are down or drained for now. sbatch itself
looks at all of them: it queues the job, or refuses it with the same words."""
_OVERRIDES = {
    "SBATCH_PARTITION": "partition",
    "SBATCH_ACCOUNT": "account",
    "SBATCH_QOS": "qos",
    "SBATCH_CONSTRAINT": "constraint",
    "SBATCH_TIMELIMIT": "time",
    "SBATCH_GRES": "gres",
    "SBATCH_GPUS_PER_NODE": "gpus-per-node",
    "SBATCH_REQUEUE": "requeue",
    "SBATCH_NO_REQUEUE": "no-requeue",
    "SBATCH_SIGNAL": "signal",
}
"""sbatch takes these before what the script says."""


def _slurm_problems(config: RunConfig) -> Iterator[str | None]:
    if not shutil.which("sbatch"):
        yield "there is no sbatch on this machine: submit where Slurm is, or use --cluster local"
        return
    yield partition_problem(config.cluster)


def _server_problem(config: RunConfig) -> str | None:
    """Whether this Python has the server, where no image brings it. Nothing of it is imported."""
    if not config.grpo.use_vllm or config.cluster.image != NO_IMAGE or find_spec("vllm"):
        return None
    return (
        "grpo.use_vllm is on, and this Python has no vLLM; install it (docs/serve.md), run in an image, or use "
        "--grpo.use-vllm False"
    )


def _name_problem(config: RunConfig) -> str | None:
    """apptainer takes a bind apart at these."""
    if config.cluster.image == NO_IMAGE:
        return None
    named = (config.cluster.runs, config.model, *data_paths(config), config.cluster.hf_home, config.cluster.cache_dir)
    for path in named:
        if path.startswith("/") and set(path) & set(":,"):
            return f"{path}: the image cannot be given a path with a colon or a comma; rename it, or link to it"
    return None


def _bind_problem(config: RunConfig) -> str | None:
    """Which of the image's further folders is not here. On a cluster it may be on the nodes alone."""
    cluster = config.cluster
    for bind in cluster.binds if cluster.image != NO_IMAGE else ():
        if not Path(bind.partition(":")[0]).exists():
            return f"there is no {bind.partition(':')[0]} here, which cluster.binds gives to the image; name another"
    return None


def _repository_problem(path: Path) -> str | None:
    is_repository = (path / ".git").exists() or (path / "HEAD").is_file()
    return None if is_repository else f"{path} is no git repository; name one with --data commits:FOLDER"


def _rows_problem(path: Path, wanted: str) -> str | None:
    """`wanted`: a kind of which there must be one task; "": the rows are no tasks. Reads on until there is one."""
    kinds: set[str] = set()
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open(encoding="utf-8") as stream:
            for row in map(json.loads, filter(str.strip, stream)):
                # Pairs of before and after name no kind: they are repairs.
                kind = row.get("kind", "repair") if isinstance(row, dict) else ""
                if not wanted or kind == wanted or kind not in KINDS:  # what is no task has a message of its own
                    return None
                kinds.add(kind)
    except (OSError, EOFError, ValueError) as error:
        return f"{path} is no JSON Lines file ({error}); see docs/data.md, or name another with --data"
    if not kinds:
        return f"{path} holds no rows; name another file with --data"
    held = " and ".join(sorted(kinds))
    return f"{path} holds {held} tasks, none to {wanted}; use --task {min(kinds)}, or name another file with --data"
