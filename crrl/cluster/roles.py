"""The processes of one node: which roles it has in the run, and how each is started."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crrl.cluster.accelerate import (
    TrainerShape,
    accelerate_config,
    deepspeed_config,
    launch_command,
    launch_environment,
)
from crrl.cluster.apptainer import NO_IMAGE, exec_command, exec_environment
from crrl.cluster.gpus import VISIBLE, visible_names
from crrl.cluster.place import Place
from crrl.cluster.plan import roles
from crrl.cluster.rendezvous import Meeting, interface_of, own_address
from crrl.config import RunConfig, trainer_processes
from crrl.errors import RunError
from crrl.report.attempt_folder import AttemptFolder
from crrl.report.heartbeat import ATTEMPT, NODE, SERVER, TRAINER
from crrl.report.run_folder import RunFolder, write_aside


@dataclass(frozen=True)
class Role:
    """What a node has to start: one command, under which `ranks` processes beat."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    """The whole one."""
    ranks: int = 1
    is_launched: bool = False
    """Whether a launcher stands between the command and the ranks."""
    is_shielded: bool = False
    """Whether it is started with the signals blocked by which a run is asked to stop (crrl.cluster.role_process)."""
    is_foreign: bool = False
    """Whether it is none of our programs, and asked to stop by a signal; ours read the attempt's folder."""


def machine_of(config: RunConfig, place: Place) -> int | None:
    """The number of a node among those that train, from 0; None if it only serves."""
    machine = place.node - roles(config).server_nodes
    return machine if machine >= 0 else None


def trainer_shape(config: RunConfig) -> TrainerShape:
    """How many trainers there are, and where."""
    nodes = roles(config).trainer_nodes
    return TrainerShape(nodes, trainer_processes(config) // nodes)


def write_launch_files(config: RunConfig, attempt: AttemptFolder, meeting: Meeting) -> None:
    """The configs of accelerate and DeepSpeed for all nodes of an attempt."""
    write_aside(attempt.deepspeed, deepspeed_config())
    write_aside(attempt.accelerate, accelerate_config(trainer_shape(config), meeting, attempt.deepspeed.resolve()))


def server_roles(
    config: RunConfig, folder: RunFolder, attempt: AttemptFolder, place: Place, host: str, scratch: Path
) -> list[Role]:
    """The server of a node that has one. `host`: the address of this node that it listens on."""
    wanted = roles(config)
    if place.node >= wanted.servers:
        return []
    command = ["python", "-m", "crrl.serve", str(folder.path.resolve()), host, str(place.node)]
    extra = {ATTEMPT: str(attempt.number), NODE: place.name, **_devices(config, os.environ, SERVER)}
    if place.nodes > 1 and not config.cluster.network_interface:
        extra |= _interface(host)
    gpus = wanted.server_gpus > 0
    argv = exec_command(command, config=config, folder=folder, scratch=scratch, gpus=gpus, shielded=True)
    environment = exec_environment(config=config, scratch=scratch, host=os.environ, extra=extra)
    return [Role(SERVER, argv, environment, is_shielded=True)]  # it serves the steps that are still to be finished


def trainer_roles(
    config: RunConfig,
    folder: RunFolder,
    attempt: AttemptFolder,
    place: Place,
    meeting: Meeting | None,
    scratch: Path,
) -> list[Role]:
    """The trainers of a node that has any, under one launcher if there are several in the run."""
    machine = machine_of(config, place)
    if machine is None:
        return []
    wanted, shape = roles(config), trainer_shape(config)
    extra = {ATTEMPT: str(attempt.number), NODE: place.name, **_devices(config, os.environ, TRAINER)}
    command: Sequence[str] = ["python", "-m", "crrl.train", str(folder.path.resolve())]
    if meeting is not None:
        python = sys.executable if config.cluster.image == NO_IMAGE else "python"
        command = launch_command(attempt.accelerate.resolve(), machine, str(folder.path.resolve()), python)
        cpus = config.cluster.cpus_per_task
        extra |= launch_environment(shape.processes_per_node, cpus, on_cpu=not wanted.trainer_gpus)
        if not config.cluster.network_interface:
            extra |= _interface(own_address(others=[meeting.host]))
    gpus = wanted.trainer_gpus > 0
    argv = exec_command(command, config=config, folder=folder, scratch=scratch, gpus=gpus, shielded=True)
    environment = exec_environment(config=config, scratch=scratch, host=os.environ, extra=extra)
    return [
        Role(TRAINER, argv, environment, shape.processes_per_node, is_launched=meeting is not None, is_shielded=True)
    ]


def _devices(config: RunConfig, host: Mapping[str, str], role: str) -> dict[str, str]:
    """The GPUs of a role and no others; where server and trainers share a node, the server has the first ones.

    A job may see more than it asked for (gpu_request: none), and a trainer that sees several in one process would be refused.
    Raises RunError where Slurm was asked for GPUs and shows fewer: others may be another job's.
    """
    wanted = roles(config)
    count = wanted.server_gpus if role == SERVER else wanted.trainer_gpus
    if not count:
        return {}
    first = wanted.server_gpus if role == TRAINER and not wanted.server_nodes else 0
    visible, of_node = visible_names(host), config.cluster.gpus_per_node
    if len(visible) < of_node:  # so that roles which share a node agree on which are whose
        if visible and config.cluster.gpu_request != "none":
            raise RunError(
                f"node {os.uname().nodename} shows the job {len(visible)} GPUs ({VISIBLE}={host[VISIBLE]}), and the run wants "
                f"{of_node} (cluster.gpus_per_node); see that cluster.sbatch and cluster.srun ask for no fewer"
            )
        visible = [str(number) for number in range(of_node)]
    return {VISIBLE: ",".join(visible[first : first + count])}


def _interface(address: str) -> dict[str, str]:
    """Where the site names no interface (crrl.cluster.environment): the one that others reach.

    Gloo listens on the address of the machine's name, which on many machines is another one; NCCL chooses on each node by itself.
    """
    interface = interface_of(address)
    return {"GLOO_SOCKET_IFNAME": interface} if interface else {}
