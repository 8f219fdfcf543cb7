"""What a partition can give is compared with what a run wants, and a misfit says which flag to change."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from crrl.cluster import partitions
from crrl.cluster.partitions import Nodes, misfit, parse_sinfo, unknown
from crrl.config import ClusterConfig, NodesConfig

SINFO = """\
gpu*|up|6|64|515000|gpu:a100:4(S:0-1)|2-00:00:00|1-8|ib,a100
gpu*|up|2|96|1030000|gpu:h100:8(S:0-7),gres:lustre:1|2-00:00:00|1-8|ib,h100
cpu|up|40|128+|256000+|(null)|infinite|1-infinite|(null)
old|down|4|16|64000|gpu:2|1:00:00|1-4|(null)
one line that nobody understands
"""
NODES = parse_sinfo(SINFO)


def complaint(**changes: Any) -> str | None:
    return misfit(dataclasses.replace(ClusterConfig(), **changes), NODES)


def test_the_columns_are_read() -> None:
    assert NODES[1] == Nodes(
        *("gpu", True, True, 2, 96, 1030000, {"h100": 8}, 2880, 8, frozenset({"ib", "h100"})),
    )
    assert (NODES[2].cpus, NODES[2].gpus, NODES[2].limit_minutes, NODES[2].most_nodes) == (128, {}, None, None)
    assert len(NODES) == 4


@pytest.mark.parametrize(
    ("gres", "expected"),
    [
        ("gpu:4", {"": 4}),
        ("gpu:3090:8(S:0-1)", {"3090": 8}),
        ("gpu:2080ti:4,gpu:1g.10gb:7(S:0,2)", {"2080ti": 4, "1g.10gb": 7}),
        ("gpu:nvidia_a100_3g.20gb:2,shard:8,gpu_mem:no_consume:80G", {"nvidia_a100_3g.20gb": 2}),
        ("(null)", {}),
    ],
)
def test_the_gpus_of_a_node_are_read_whatever_their_type_is_called(gres: str, expected: dict[str, int]) -> None:
    [nodes] = parse_sinfo(f"gpu*|up|6|64|515000|{gres}|2-00:00:00|1-8|(null)\n")
    assert nodes.gpus == expected


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"gpus_per_node": 4, "nodes": NodesConfig(1, 7)},
        {"gpus_per_node": 8, "gpu_type": "h100", "mem_gb": 1000, "nodes": NodesConfig(1, 1)},
        {"partition": "cpu", "time": "30-00:00:00", "nodes": NodesConfig(0, 40)},
        {"partition": "old,gpu", "gpus_per_node": 4},
        {"partition": "cpu", "gpus_per_node": 8, "gpu_request": "none"},
        {"partition": "hidden,old"},
        {"constraint": "a100&ib", "gpus_per_node": 4, "nodes": NodesConfig(1, 6)},
    ],
)
def test_what_fits_is_taken(changes: dict[str, Any]) -> None:
    assert complaint(**changes) is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"partition": "old"}, "partition old is down; choose another with --partition"),
        (
            {"time": "3-00:00:00"},
            "--time 3-00:00:00 is longer than partition gpu allows; use --time 2-00:00:00 or less",
        ),
        ({"nodes": NodesConfig(1, 8)}, "the run wants 9 nodes, and partition gpu gives a job 8 at most"),
        ({"gpus_per_node": 16}, "--gpus-per-node 16: no node of partition gpu has more than 8; use less"),
        (
            {"gpus_per_node": 5, "gpu_type": "a100"},
            "--gpus-per-node 5 of type a100: no node of partition gpu has more than 4",
        ),
        (
            {"partition": "cpu", "gpus_per_node": 1},
            "no node of partition cpu has more than 0; use less, or another --partition, or gpu_request none where jobs",
        ),
        ({"cpus_per_task": 100}, "--cluster.cpus-per-task 100: no node of partition gpu has more than 96"),
        ({"mem_gb": 2000}, "--cluster.mem-gb 2000: no node of partition gpu has more than 1005"),
        (
            {"gpus_per_node": 8, "nodes": NodesConfig(1, 2)},
            "the run wants 3 nodes, and 2 of partition gpu are large enough",
        ),
        ({"constraint": "h100", "nodes": NodesConfig(1, 2)}, "the run wants 3 nodes, and 2 of partition gpu are large"),
    ],
)
def test_what_does_not_fit_is_told_with_the_flag_to_change(changes: dict[str, Any], expected: str) -> None:
    assert expected in (complaint(**changes) or "nothing")


@pytest.mark.parametrize(
    ("partition", "expected"),
    [
        ("gpus", "sinfo shows no partition gpus; did you mean gpu?"),
        ("gpu,zzz", "sinfo shows no partition zzz; there are cpu, gpu, old"),
        ("cpu,gpu", None),
        ("", None),
    ],
)
def test_a_partition_that_is_not_shown_is_noted_and_left_to_sbatch(partition: str, expected: str | None) -> None:
    assert unknown(ClusterConfig(partition=partition), NODES) == expected
    assert unknown(ClusterConfig(partition=partition), []) is None
    assert complaint(partition=partition) is None


def test_hidden_partitions_are_asked_for() -> None:
    assert "--all" in partitions.SINFO


def test_nothing_is_held_against_a_cluster_that_says_nothing() -> None:
    assert misfit(ClusterConfig(partition="gpu"), []) is None
