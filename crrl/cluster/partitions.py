"""What a partition can give, as `sinfo` prints it, against what a run wants."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from crrl.cluster.plan import all_nodes
from crrl.cluster.queue import answer, run_slurm
from crrl.config import ClusterConfig, time_limit_minutes
from crrl.errors import ConfigError, RunError

SINFO = ("sinfo", "--all", "--noheader", "--exact", "--format=%P|%a|%D|%c|%m|%G|%l|%s|%f")


@dataclass(frozen=True)
class Nodes:
    """Equal nodes of one partition."""

    partition: str
    is_default: bool
    is_up: bool
    count: int
    cpus: int
    memory_mb: int
    gpus: dict[str, int]
    """GPUs of each node by type; an untyped one is ``."""
    limit_minutes: int | None
    """The longest time limit; None: there is none."""
    most_nodes: int | None
    """The most nodes of a job; None: no limit."""
    features: frozenset[str]


def parse_sinfo(said: str) -> list[Nodes]:
    """The nodes of a cluster from the output of `SINFO`; lines that are not understood are left out."""
    found = []
    for line in said.splitlines():
        columns = [column.strip() for column in line.split("|")]
        if len(columns) != 9 or not columns[2].isdecimal():
            continue
        name, up, count, cpus, memory, gres, limit, size, features = columns
        found.append(
            Nodes(
                partition=name.rstrip("*"),
                is_default=name.endswith("*"),
                is_up=up == "up",
                count=int(count),
                cpus=_number(cpus),
                memory_mb=_number(memory),
                gpus=_gpus(gres),
                limit_minutes=_minutes(limit),
                most_nodes=int(size.rpartition("-")[2]) if size.rpartition("-")[2].isdecimal() else None,
                features=frozenset(features.split(",")),
            )
        )
    return found


def partition_problem(cluster: ClusterConfig) -> str | None:
    """Why the run's partition cannot take it, and what to do; None if nothing is known to be wrong."""
    try:
        said = run_slurm(*SINFO)
    except RunError as error:
        return f"{error}; ask your cluster's support if it stays so"
    return misfit(cluster, parse_sinfo(said))


def partition_note(cluster: ClusterConfig) -> str | None:
    """Which of the run's partitions sinfo does not show. Whether it is there, sbatch knows."""
    return unknown(cluster, parse_sinfo(answer(SINFO) or ""))


def misfit(cluster: ClusterConfig, nodes: Sequence[Nodes]) -> str | None:
    """Why none of the nodes' partitions can take the run. A pure function."""
    known = _partitions(nodes)
    asked = _asked(cluster)
    names = [name for name in asked if name in known] if asked else _partitions([p for p in nodes if p.is_default])
    if len(names) < len(asked):
        return None
    problems = [_misfit([part for part in nodes if part.partition == name], cluster) for name in names]
    return problems[0] if problems and all(problems) else None


def unknown(cluster: ClusterConfig, nodes: Sequence[Nodes]) -> str | None:
    """The first of the run's partitions that is not among the nodes', with the nearest one. A pure function."""
    known = sorted(_partitions(nodes))
    for name in _asked(cluster) if known else ():
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            return f"sinfo shows no partition {name}; {hint}"
    return None


def _asked(cluster: ClusterConfig) -> list[str]:
    return [name for name in cluster.partition.split(",") if name]


def _partitions(nodes: Sequence[Nodes]) -> list[str]:
    return list(dict.fromkeys(part.partition for part in nodes))


def _misfit(nodes: Sequence[Nodes], cluster: ClusterConfig) -> str | None:
    """Why one partition cannot take the run."""
    first, wanted = nodes[0], all_nodes(cluster)
    name = f"partition {first.partition}"
    if not first.is_up:
        return f"{name} is down; choose another with --partition"
    if first.limit_minutes is not None and time_limit_minutes(cluster.time) > first.limit_minutes:
        return f"--time {cluster.time} is longer than {name} allows; use --time {_as_time(first.limit_minutes)} or less"
    if first.most_nodes is not None and wanted > first.most_nodes:
        return f"the run wants {wanted} nodes, and {name} gives a job {first.most_nodes} at most; use --nodes.trainer"
    for flag, want, has in (
        ("--gpus-per-node", _gpus_asked(cluster), max(_gpus_of(part, cluster.gpu_type) for part in nodes)),
        ("--cluster.cpus-per-task", cluster.cpus_per_task, max(part.cpus for part in nodes)),
        ("--cluster.mem-gb", cluster.mem_gb, max(part.memory_mb for part in nodes) // 1024),
    ):
        if want > has:
            kind = f" of type {cluster.gpu_type}" if flag == "--gpus-per-node" and cluster.gpu_type else ""
            whole = ", or gpu_request none where jobs get whole nodes" if flag == "--gpus-per-node" and not has else ""
            return (
                f"{flag} {want}{kind}: no node of {name} has more than {has}; use less, or another --partition{whole}"
            )
    fitting = sum(part.count for part in nodes if _fits(part, cluster))
    if fitting < wanted:
        return (
            f"the run wants {wanted} nodes, and {fitting} of {name} are large enough; use fewer, or another --partition"
        )
    return None


def _fits(part: Nodes, cluster: ClusterConfig) -> bool:
    has_features = not re.fullmatch(r"[\w.-]+", cluster.constraint) or cluster.constraint in part.features
    return (
        has_features
        and part.cpus >= cluster.cpus_per_task
        and part.memory_mb >= cluster.mem_gb * 1024
        and _gpus_of(part, cluster.gpu_type) >= _gpus_asked(cluster)
    )


def _gpus_asked(cluster: ClusterConfig) -> int:
    """GPUs that Slurm is asked for; where it gives whole nodes it need not know of any."""
    return 0 if cluster.gpu_request == "none" else cluster.gpus_per_node


def _gpus_of(part: Nodes, kind: str) -> int:
    return part.gpus.get(kind, 0) if kind else sum(part.gpus.values())


def _gpus(gres: str) -> dict[str, int]:
    """`gpu:a100:4(S:0-1),gpu:2` → {a100: 4, "": 2}."""
    found: dict[str, int] = {}
    # A type may begin with a digit, or be a number: gpu:3090:8, gpu:1g.10gb:7.
    for match in re.finditer(r"\bgpu:(?:([\w.-]+):)?(\d+)(?![\w.:-])", gres):
        found[match[1] or ""] = found.get(match[1] or "", 0) + int(match[2])
    return found


def _number(text: str) -> int:
    match = re.match(r"\d+", text)
    return int(match[0]) if match else 0


def _minutes(limit: str) -> int | None:
    try:
        return time_limit_minutes(limit)
    except ConfigError:  # infinite, n/a
        return None


def _as_time(minutes: int) -> str:
    days, hours = divmod(minutes // 60, 24)
    return f"{days}-{hours:02}:{minutes % 60:02}:00" if days else f"{hours}:{minutes % 60:02}:00"
