"""How a process of a run is started in the image, or without one. Nothing here starts anything.

    argv = exec_command(["python", "-m", "crrl.train", …], config=config, folder=folder, scratch=scratch, gpus=True)
    env = exec_environment(config=config, scratch=scratch, host=os.environ, extra={"RANK": "0"})
    subprocess.Popen(argv, env=env)

Values of variables go by the environment (APPTAINERENV_NAME), never by argv: argv is for everybody on the node to read.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from crrl.cluster.environment import process_environment, without_leaks
from crrl.config import TINY_MODEL, RunConfig
from crrl.data.named_paths import local_paths
from crrl.report.run_folder import RunFolder

ROOT = Path(__file__).resolve().parents[2]
"""This checkout."""
NO_IMAGE = "none"
_IGNORING = ("env", "--ignore-signal=TERM,INT,USR1,USR2")
"""The mask of crrl.cluster.role_process ends at the image: Apptainer hands signals on to what it has started."""


def exec_command(
    command: Sequence[str], *, config: RunConfig, folder: RunFolder, scratch: Path, gpus: bool, shielded: bool = False
) -> list[str]:
    """The argv that runs a command in the run's image; without one (`image: none`), the command itself.

    Args:
        command: its first word `python` means the image's, or without an image, this one.
        scratch: the job's own folder on this node (crrl.cluster.job_folder); the image's home is in it.
        gpus: whether the process uses GPUs.
        shielded: whether in the image the signals that ask a run to stop are ignored, until the process itself listens.

    `config` is a resolved one (crrl.cluster.resolve): its paths are absolute. A pure function.
    """
    cluster = config.cluster
    if cluster.image == NO_IMAGE:
        return [sys.executable if command[0] == "python" else command[0], *command[1:]]
    binds = [word for bind in _binds(config, folder, scratch) for word in ("--bind", bind)]
    return [
        *(
            cluster.container,
            "exec",
            "--cleanenv",
            "--home",
            str(scratch / "home"),
            "--pwd",
            str(folder.path.resolve()),
        ),
        *(["--nv"] if gpus else []),
        *cluster.container_flags,
        *binds,
        cluster.image,
        *(_IGNORING if shielded else ()),
        *command,
    ]


def exec_environment(
    *, config: RunConfig, scratch: Path, host: Mapping[str, str], extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The whole environment to start that argv with.

    Args:
        scratch: as for `exec_command`.
        host: the supervisor's environment; of it the image sees only what crrl.cluster.environment names.
        extra: the process's own variables.

    A run on this machine without an image keeps its user's environment and caches.
    """
    cluster = config.cluster
    if cluster.image == NO_IMAGE and cluster.cluster == "local":
        return {**host, "PYTHONUNBUFFERED": "1", **(extra or {})}
    inside = process_environment(cluster, scratch, host, extra)
    if token := _hub_token(cluster.hf_home):
        inside.setdefault("HF_TOKEN_PATH", token)
    if cluster.image == NO_IMAGE:
        return {**without_leaks(host), **inside, "PYTHONPATH": str(ROOT)}  # crrl need not be installed
    if netrc := _netrc():
        inside["NETRC"] = netrc
    if cluster.code == "checkout":
        inside["PYTHONPATH"] = str(ROOT)
    tool = "SINGULARITY" if Path(cluster.container).name == "singularity" else "APPTAINER"
    path = f"{scratch / 'bin'}:{host.get('PATH', os.defpath)}"
    given = {f"{tool}ENV_{name}": value for name, value in inside.items()}
    # A value is what it is: a shell in the image would otherwise expand `$` in it, as in the password of a proxy.
    return {**without_leaks(host), "PATH": path, f"{tool}_NO_EVAL": "1", **given}


def _binds(config: RunConfig, folder: RunFolder, scratch: Path) -> list[str]:
    """What the image sees of the host: the run, its caches, model and data, and what the site says."""
    cluster = config.cluster
    wanted = [str(folder.path.resolve()), str(scratch), cluster.hf_home, cluster.cache_dir]
    wanted += [f"{path}:{path}:ro" for path in (_netrc(), _hub_token(cluster.hf_home)) if path]
    model = [config.model] if config.model != TINY_MODEL and config.model.startswith("/") else []
    for path in (*model, *data_paths(config)):
        wanted += [f"{path}:{path}:ro", *_links(Path(path))]
    if cluster.code == "checkout":
        wanted.append(f"{ROOT}:{ROOT}:ro")
    return list(dict.fromkeys(filter(None, (*wanted, *cluster.binds))))


def _links(folder: Path) -> list[str]:
    """What links in a folder lead to, put where they lead from within the image: a snapshot of the hub's cache is all links."""
    found = []
    for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
        if entry.is_symlink() and entry.exists():
            place = os.path.normpath(folder / entry.readlink())
            if not Path(place).is_relative_to(folder):
                found.append(f"{entry.resolve()}:{place}:ro")
    return found


def _netrc() -> str:
    """The file of W&B's key, as `wandb login` leaves it; empty if there is none. The image's home is another one."""
    path = Path(os.environ.get("NETRC") or Path.home() / ".netrc")
    return str(path) if path.is_file() else ""


def _hub_token(hf_home: str) -> str:
    """The file of the hub's token, as `hf auth login` leaves it; empty if there is none, or if hf_home has one of its own."""
    said = os.environ.get("HF_TOKEN_PATH")
    if not said and Path(hf_home, "token").is_file():
        return ""
    path = Path(said or Path(os.environ.get("HF_HOME") or Path.home() / ".cache/huggingface", "token"))
    return str(path) if path.is_file() else ""


def data_paths(config: RunConfig) -> list[str]:
    """The files and folders that the run's tasks and demonstrations are read from, where they are named by absolute paths."""
    demonstrations = [config.sft.demonstrations] if config.sft.demonstrations else []
    return local_paths(config.data.source, config.data.options) + demonstrations
