"""Each role of a node sees the GPUs that are its own, however many the job shows."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from crrl.cluster.place import Place
from crrl.cluster.roles import Role, server_roles, trainer_roles
from crrl.config import NodesConfig, RunConfig, load_preset
from crrl.errors import RunError
from crrl.report.run_folder import RunFolder

NAMES = [f"GPU-8932f937-d72c-4106-c12f-20bd9faed9f{number}" for number in range(8)]
NUMBERS = [str(number) for number in range(8)]


def config(gpus: int, *, server_gpus: int = 1, server_nodes: int = 0, use_vllm: bool = True) -> RunConfig:
    preset = load_preset("small")
    nodes = NodesConfig(server_nodes, 1)
    cluster = dataclasses.replace(
        preset.cluster, cluster="slurm", image="none", gpus_per_node=gpus, server_gpus=server_gpus, nodes=nodes
    )
    return dataclasses.replace(preset, grpo=dataclasses.replace(preset.grpo, use_vllm=use_vllm), cluster=cluster)


def roles_of(given: RunConfig, path: Path, node: int = 0) -> dict[str, Role]:
    folder = RunFolder(path / "run")
    attempt, place = folder.attempt(1), Place(node, given.cluster.nodes.server + 1, f"n{node}", "7")
    found = [
        *server_roles(given, folder, attempt, place, "127.0.0.1", path),
        *trainer_roles(given, folder, attempt, place, None, path),
    ]
    return {role.name: role for role in found}


def gpus_of(given: RunConfig, path: Path, node: int = 0) -> dict[str, str]:
    """Role → the GPUs that it sees."""
    return {name: role.environment["CUDA_VISIBLE_DEVICES"] for name, role in roles_of(given, path, node).items()}


@pytest.mark.parametrize("shown", [NUMBERS, NAMES, ["5", "2", "7", "1", "0"]], ids=["numbers", "names", "some"])
def test_a_role_sees_no_more_than_its_own_where_the_job_shows_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: list[str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", ",".join(shown))
    assert gpus_of(config(2), tmp_path) == {"server": shown[0], "trainer": shown[1]}
    assert gpus_of(config(4, server_gpus=3), tmp_path) == {"server": ",".join(shown[:3]), "trainer": shown[3]}
    assert gpus_of(config(1, use_vllm=False), tmp_path) == {"trainer": shown[0]}
    assert gpus_of(config(1, server_nodes=1), tmp_path, node=0) == {"server": shown[0]}
    assert gpus_of(config(1, server_nodes=1), tmp_path, node=1) == {"trainer": shown[0]}


def test_a_job_that_is_told_nothing_has_the_first_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert gpus_of(config(3, server_gpus=2), tmp_path) == {"server": "0,1", "trainer": "2"}
    assert gpus_of(config(2, use_vllm=False), tmp_path) == {"trainer": "0,1"}


def test_gpus_that_slurm_does_not_show_are_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where devices are not walled off by cgroups, they would be another job's."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    given = config(2)
    with pytest.raises(RunError, match=r"shows the job 1 GPUs \(CUDA_VISIBLE_DEVICES=3\), and the run wants 2"):
        gpus_of(given, tmp_path)
    whole = dataclasses.replace(given, cluster=dataclasses.replace(given.cluster, gpu_request="none"))
    assert gpus_of(whole, tmp_path) == {"server": "0", "trainer": "1"}


def test_a_run_on_the_cpu_is_shown_what_the_job_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4")
    assert gpus_of(config(0), tmp_path) == {"server": "4", "trainer": "4"}


def test_a_server_on_a_node_of_its_own_is_told_the_network_that_others_reach_it_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crrl.cluster.roles.interface_of", lambda address: {"10.0.0.1": "hsn0"}[address])
    folder, given = RunFolder(tmp_path / "run"), config(1, server_nodes=1)
    [server] = server_roles(given, folder, folder.attempt(1), Place(0, 2, "n0", "7"), "10.0.0.1", tmp_path)
    assert server.environment["GLOO_SOCKET_IFNAME"] == "hsn0"
    assert server.environment["NCCL_SOCKET_IFNAME"] == "=hsn0"
