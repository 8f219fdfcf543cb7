"""`crrl doctor`: what this machine offers to a run, and what is missing, a line each. Loads nothing heavy, changes nothing."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from crrl.cluster.apptainer import ROOT
from crrl.cluster.driver import VERSION, driver_problem
from crrl.cluster.gpus import gpus_here
from crrl.cluster.image_file import image_problem
from crrl.cluster.partitions import SINFO, Nodes, parse_sinfo
from crrl.cluster.preflight import GIB, existing
from crrl.cluster.queue import run_slurm
from crrl.cluster.resolve import resolve
from crrl.cluster.site_file import apply_site, find_site
from crrl.config import ClusterConfig, load_preset
from crrl.errors import CrrlError, RunError

_SHOWN_MODELS = 5
_ANSWER_TIMEOUT_S = 10.0


def add_doctor_command(commands: Any) -> None:
    """Add `doctor` to argparse subparsers."""
    parser = commands.add_parser("doctor", help="what this machine offers to a run, and what is missing")
    parser.add_argument("--site", default="", metavar="FILE", help="the cluster's site file, as for launch.py")
    parser.set_defaults(run=run_doctor)


def run_doctor(chosen: argparse.Namespace) -> int:
    """Print a line for each thing. Returns 0 if at least programs can be run safely here, else 2."""
    from crrl.sandbox.coverage import describe

    site = find_site(chosen.site, os.environ)
    level, lines = describe()
    walls = level or "; ".join(line.strip() for line in lines[1:])
    _show("code", f"{ROOT}, Python {platform.python_version()} ({sys.executable})")
    _show("sandbox", walls, is_missing=level is None)
    _show("site file", str(site) if site else "none; examples are in examples/sites/ (docs/cluster.md)")
    try:
        cluster = _cluster(site, os.environ)
    except CrrlError as error:
        _show("site file", str(error), is_missing=True)
        cluster = _cluster(None, os.environ)
    for name, check in _CHECKS.items():
        try:
            for text in check(cluster):
                _show(name, text)
        except RunError as error:
            _show(name, str(error), is_missing=True)
    return 0 if level else 2


def _cluster(site: Path | None, host: Mapping[str, str]) -> ClusterConfig:
    preset = load_preset("small")
    return resolve(apply_site(preset, site) if site else preset, host, auto="slurm").cluster


def _show(name: str, text: str, is_missing: bool = False) -> None:
    print(f"{name:<10} {'MISSING  ' if is_missing else ''}{text}", flush=True)


def _gpus(_: ClusterConfig) -> Iterator[str]:
    count = gpus_here()
    if VERSION.is_file() and (problem := driver_problem(VERSION.read_text())):
        raise RunError(problem)
    yield "not NVIDIA's, or behind WSL: not counted here" if count is None else f"{count or 'none'} of NVIDIA's"


def _slurm(_: ClusterConfig) -> Iterator[str]:
    if not shutil.which("sbatch"):
        raise RunError("there is no sbatch on this machine: submit where Slurm is, or run here with --cluster local")
    version = run_slurm("sbatch", "--version").strip()
    nodes = parse_sinfo(run_slurm(*SINFO))
    yield f"{version}, {len({each.partition for each in nodes})} partitions"
    for each in nodes:
        yield _partition(each)


def _partition(nodes: Nodes) -> str:
    gpus = ", ".join(f"{count} GPUs {kind}".rstrip() for kind, count in nodes.gpus.items())
    limit = f"up to {nodes.limit_minutes / 60:g} h" if nodes.limit_minutes is not None else "no time limit"
    mark = " (default)" * nodes.is_default + " (down)" * (not nodes.is_up)
    has = [f"{nodes.cpus} cores", f"{nodes.memory_mb // 1024} GB", *([gpus] if gpus else [])]
    return f"  {nodes.partition}{mark}: {nodes.count} nodes of {', '.join(has)}; {limit}"


def _container(cluster: ClusterConfig) -> Iterator[str]:
    if not shutil.which(cluster.container):
        raise RunError(f"there is no {cluster.container} on this machine; load the site's module, or see docs/image.md")
    try:
        done = subprocess.run(
            [cluster.container, "--version"], capture_output=True, text=True, timeout=_ANSWER_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RunError(f"{cluster.container} does not start: {error}") from error
    yield done.stdout.strip()


def _image(cluster: ClusterConfig) -> Iterator[str]:
    if problem := image_problem(cluster.image):
        raise RunError(problem)
    path = Path(cluster.image)
    yield f"{path}, {path.stat().st_size / 1e9:.1f} GB" if path.is_file() else f"{path}, a folder"


def _runs(cluster: ClusterConfig) -> Iterator[str]:
    yield _room(cluster.runs)


def _models(cluster: ClusterConfig) -> Iterator[str]:
    hub = Path(cluster.hf_home) / "hub"
    names = sorted(path.name.removeprefix("models--").replace("--", "/") for path in hub.glob("models--*"))
    shown = ", ".join(names[:_SHOWN_MODELS]) + (
        f" and {len(names) - _SHOWN_MODELS} more" * (len(names) > _SHOWN_MODELS)
    )
    token = "HF_TOKEN is set" if os.environ.get("HF_TOKEN") else "no HF_TOKEN"
    yield f"{_room(cluster.hf_home)}: {shown or 'no models'}; {token}"


def _room(folder: str) -> str:
    place = existing(folder)
    if not os.access(place, os.W_OK):
        raise RunError(f"{folder}: you cannot write to {place}; choose another place in the site file, or by flag")
    return f"{folder}, {shutil.disk_usage(place).free / GIB:.0f} GiB free"


def _wandb(_: ClusterConfig) -> Iterator[str]:
    from crrl.tracking.mode import has_key, server_url

    yield (
        f"a key for {server_url()}"
        if has_key()
        else "no key: runs keep everything for `crrl sync` (wandb login, or WANDB_API_KEY)"
    )


_CHECKS: dict[str, Callable[[ClusterConfig], Iterator[str]]] = {
    "GPUs": _gpus,
    "Slurm": _slurm,
    "container": _container,
    "image": _image,
    "runs": _runs,
    "models": _models,
    "W&B": _wandb,
}
