"""The job's own folder on a node's disk: for its user alone, removed with the job, or before Slurm starts it again."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from crrl.cluster.apptainer import NO_IMAGE
from crrl.config import ClusterConfig, RunConfig
from crrl.errors import RunError

_FOLDERS = ("home", "tmp", "cache", "config", "data", "bin")
_SOCKET_BYTES = 107
"""The longest path of a Unix socket."""
_SOCKET_NAME_BYTES = 37
"""What vLLM adds to its folder for temporary files: a slash and a UUID."""
_MOUNTING = "squashfuse_ll"
"""What mounts the image where Apptainer has no privileges: a process of the job, so a scheduler's signals reach it too."""
_DEAF = """\
#!/bin/sh
# The image must stay mounted until the run has done what it was asked to.
trap '' TERM INT USR1 USR2
exec {program} "$@"
"""


def local_folder(cluster: ClusterConfig, host: Mapping[str, str]) -> Path:
    """The job's own folder on this node. Two jobs on one node, and two nodes of one job on one disk, have two.

    A run on this machine is no job: started from within one, say an interactive one, it may have others beside it.

    Raises RunError where the place is not known on this node.
    """
    text = cluster.scratch or host.get("SLURM_TMPDIR") or host.get("TMPDIR") or "/tmp"

    def value(match: re.Match[str]) -> str:
        if found := host.get(match[1]):
            return found
        raise RunError(
            f"cluster.scratch {text}: {match[1]} is not set on {os.uname().nodename}; name another folder of the node's own disk"
        )

    root = Path(re.sub(r"\$\{?(\w+)\}?", value, text))
    if not root.is_absolute():
        raise RunError(f"the folder for caches, {root}, is no absolute path; name one with --cluster.scratch")
    in_job = host.get("SLURM_JOB_ID") if cluster.cluster != "local" else None
    job = in_job or f"pid{os.getpid()}"
    return root / f"crrl-{job}-{host.get('SLURM_RESTART_COUNT', '0')}-{host.get('SLURM_NODEID', '0')}"


@contextmanager
def job_folder(config: RunConfig, host: Mapping[str, str]) -> Iterator[Path]:
    """Make the job's own folder on this node, for its user alone, and remove it at the end.

    Raises RunError for a place that cannot be used.
    """
    folder = local_folder(config.cluster, host)
    _refuse_long(folder, config)
    _claim(folder)
    try:
        for name in _FOLDERS:
            (folder / name).mkdir(exist_ok=True)
        _shield_mount(folder / "bin", host)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _claim(folder: Path) -> None:
    """Make a folder, or take one of ours from before. Its name can be guessed, and programs of it come first on the PATH."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        if not _is_ours_alone(folder):
            raise RunError(
                f"{folder} is there already and is not yours alone (mode 700); remove it, or choose another --cluster.scratch"
            ) from None


def _is_ours_alone(folder: Path) -> bool:
    found = folder.lstat()  # not where a link leads
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


def _refuse_long(folder: Path, config: RunConfig) -> None:
    """A server's processes talk through sockets in TMPDIR; without an image on this machine, that is the user's own."""
    if not config.grpo.use_vllm or (config.cluster.cluster == "local" and config.cluster.image == NO_IMAGE):
        return
    length, most = len(os.fsencode(folder / "tmp")), _SOCKET_BYTES - _SOCKET_NAME_BYTES
    if length > most:
        raise RunError(
            f"{folder}/tmp has {length} bytes, and vLLM's sockets there can have a folder of {most} at most; choose a shorter "
            "--cluster.scratch"
        )


def _shield_mount(place: Path, host: Mapping[str, str]) -> None:
    """Put a program of the same name before the one that mounts the image, which starts it deaf to requests to stop.

    A mask or ignored signals of the supervisor's end at Apptainer's own programs. Where the image is mounted by the kernel, or
    by a program that is not on the PATH, nothing is done; an Apptainer that brings its own looks there first, and is not reached.
    """
    program = shutil.which(_MOUNTING, path=host.get("PATH", os.defpath))
    if program:
        script = place / _MOUNTING
        script.write_text(_DEAF.format(program=shlex.quote(program)), encoding="utf-8")
        script.chmod(0o700)
        if not os.access(script, os.X_OK):  # a file system on which nothing may be executed
            script.unlink()
