"""What submitit starts on every node of a run, on the host: the node's supervisor, from start to exit code."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from crrl.cluster.aftermath import no_progress
from crrl.cluster.apptainer import NO_IMAGE
from crrl.cluster.attempts import IN_VAIN, claim_attempt, in_vain, join_attempt
from crrl.cluster.driver import refuse_old_driver
from crrl.cluster.ending import Ending
from crrl.cluster.job_folder import job_folder
from crrl.cluster.limits import raise_limits
from crrl.cluster.other_nodes import other_nodes
from crrl.cluster.place import Place, place_of_environment
from crrl.cluster.plan import all_nodes
from crrl.cluster.processes import adopt_orphans
from crrl.cluster.rendezvous import Meeting, Port, claim_port, own_address, publish, published
from crrl.cluster.roles import Role, machine_of, server_roles, trainer_roles, trainer_shape, write_launch_files
from crrl.cluster.supervisor import Supervisor
from crrl.config import RunConfig, read_config
from crrl.errors import CrrlError
from crrl.report.attempt_folder import AttemptFolder
from crrl.report.heartbeat import ATTEMPT, NODE, TRAINER
from crrl.report.run_folder import RunFolder, write_aside
from crrl.tracking.facts import image_facts

ROLE = TRAINER


def trainer_command(folder: str) -> list[str]:
    """What trains the run of a folder in one process."""
    return [sys.executable, "-m", "crrl.train", folder]


def run(folder_path: str, command: Sequence[str] | None = None, place: Place | None = None) -> str:
    """Supervise one node's part of one attempt of a run to its end and return the run's state.

    Args:
        folder_path: the run's folder, its status `queued`.
        command: what to start in place of the node's roles.
        place: which node this is; None: as the environment says.

    In a Slurm job the process ends with the attempt's exit code (crrl.cluster.ending) instead. SIGTERM, SIGINT, SIGUSR1 and
    SIGUSR2 ask the run to stop at its next step, on all nodes; on this machine alone, a second SIGINT or SIGTERM kills it.
    """
    folder = RunFolder(Path(folder_path))
    place = place or place_of_environment(os.environ)
    config = read_config(folder.config) if folder.config.is_file() else RunConfig()
    _leave_the_terminal()
    if place.job:
        raise_limits()
    adopt_orphans()
    ending = _supervise(folder, config, place, command)
    if place.job and ending.exit_code:
        sys.exit(ending.exit_code)
    return ending.state


def _supervise(folder: RunFolder, config: RunConfig, place: Place, command: Sequence[str] | None) -> Ending:
    rule = config.watchdog
    attempt = claim_attempt(folder, place) if place.is_first else join_attempt(folder, place, rule.start_up_s)
    supervisor = Supervisor(folder, attempt, place, rule, _trainer_nodes(config, place))
    supervisor.listen()
    if place.is_first:
        if config.cluster.image != NO_IMAGE:
            write_aside(attempt.image, json.dumps(image_facts(config.cluster.image)) + "\n")
        _tell_that_it_runs(folder, attempt, place)
        if in_vain(folder, attempt) > IN_VAIN:
            return supervisor.finish(no_progress(Ending("lost", "it ended without a word")))
    with supervisor.held:
        try:
            refuse_old_driver(config.cluster)
            scratch = supervisor.held.enter_context(job_folder(config, os.environ))
            return supervisor.finish(_start_and_wait(supervisor, folder, config, attempt, place, command, scratch))
        except CrrlError as error:
            return supervisor.finish(Ending("mistake", " ".join(str(error).split()), {}, place.name))
        except OSError as error:
            return supervisor.finish(Ending("failed", f"node {place.name}: {error}", {}, place.name))


def _start_and_wait(
    supervisor: Supervisor,
    folder: RunFolder,
    config: RunConfig,
    attempt: AttemptFolder,
    place: Place,
    command: Sequence[str] | None,
    scratch: Path,
) -> Ending:
    if command is not None:
        supervisor.start([Role(TRAINER, command, _environment(attempt, place), is_foreign=True)])
    else:
        if all_nodes(config.cluster) != place.nodes:
            return Ending("mistake", f"the job has {place.nodes} nodes, the run wants {all_nodes(config.cluster)}")
        supervisor.start(server_roles(config, folder, attempt, place, _server_address(config, place), scratch))
        meeting = None
        if trainer_shape(config).processes > 1:
            if machine_of(config, place) == 0:
                port = _arrange(config, attempt, place)
                supervisor.held.callback(port.release)
            ending = supervisor.wait(until=lambda: published(attempt) is not None)
            if ending is not None:
                return ending
            meeting = published(attempt)
        supervisor.start(trainer_roles(config, folder, attempt, place, meeting, scratch))
    ending = supervisor.wait()
    assert ending is not None
    return ending


def _server_address(config: RunConfig, place: Place) -> str:
    """Where a server listens: on the network that the nodes share, or, where there is one node, for this machine alone."""
    return own_address(config.cluster.network_interface, other_nodes(os.environ)) if place.nodes > 1 else "127.0.0.1"


def _arrange(config: RunConfig, attempt: AttemptFolder, place: Place) -> Port:
    """Choose where the trainers meet, and publish it last: who reads it finds the launch files as well."""
    port = claim_port()
    meeting = Meeting(own_address(config.cluster.network_interface, other_nodes(os.environ)), port.number)
    write_launch_files(config, attempt, meeting)
    publish(attempt, meeting)
    return port


def _tell_that_it_runs(folder: RunFolder, attempt: AttemptFolder, place: Place) -> None:
    folder.write_status(
        "running",
        attempt=attempt.number,
        pid=os.getpid(),
        host=os.uname().nodename,
        key=place.key,
        verdict="",
        culprit={},
    )


def _trainer_nodes(config: RunConfig, place: Place) -> list[int]:
    nodes = [node for node in range(place.nodes) if machine_of(config, Place(node, place.nodes, "", "")) is not None]
    return nodes or [0]


def _environment(attempt: AttemptFolder, place: Place) -> Mapping[str, str]:
    return {**os.environ, ATTEMPT: str(attempt.number), NODE: place.name}


def _leave_the_terminal() -> None:
    """A terminal's Ctrl-C reaches a supervisor only through whoever follows the run."""
    with contextlib.suppress(OSError):
        os.setsid()
