"""A real Slurm with several nodes on this one machine: munged, slurmctld and one slurmd for each node."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from tests.hpc.daemons import Daemons
from tests.hpc.ordinary_user import Done, OrdinaryUser
from tests.hpc.slurm_conf import render_gres_conf, render_slurm_conf

T = TypeVar("T")
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "BOOT_FAIL", "OUT_OF_MEMORY")


class SlurmCluster:
    """Nodes n1, n2, … with two pretended GPUs each. Commands run as `user`, who owns `work`."""

    def __init__(self, folder: Path, user: str, nodes: int = 3) -> None:
        self.folder = folder
        self.user = OrdinaryUser(user, {"SLURM_CONF": str(folder / "slurm.conf")})
        ports = _free_ports(nodes + 1)
        self.controller_port = ports[0]
        self.nodes = {f"n{number}": port for number, port in enumerate(ports[1:], start=1)}
        self.work = folder / "work"
        self.daemons = Daemons(folder)
        self.env = self.user.env

    # Start and end

    def start(self) -> None:
        """Start everything; returns when all nodes are idle, 3 s or so later."""
        self._write_files()
        self._start_munged()
        self.daemons.start("slurmctld", [_program("slurmctld"), "-D"], env=self.env)
        for node in self.nodes:
            self.start_node(node)
        self.wait_for(lambda: set(self.node_states().values()) == {"idle"}, "idle nodes", timeout_s=60)

    def stop(self) -> None:
        """Cancel all jobs, wait for them, then end the daemons that were started here."""
        try:
            if "slurmctld" in self.daemons.alive():
                self.run("scancel", "--user", self.user.name, check=False)
                self.wait_for(lambda: not self.run("squeue", "--noheader").stdout, "end of all jobs", timeout_s=60)
        finally:
            self.daemons.stop_all()

    def start_node(self, node: str) -> None:
        self.daemons.start(node, [_program("slurmd"), "-D", "-N", node], env=self.env)

    def kill_node(self, node: str) -> None:
        """SIGKILL to the node's slurmd; what it had started goes on, as it does when slurmd dies."""
        self.daemons.kill(node)

    # Use

    def run(self, *command: str | Path, check: bool = True, **options: Any) -> Done:
        """Run a command as the ordinary user in `work` (`cwd=` changes it) and return it with stdout and stderr as text."""
        return self.user.run(*command, check=check, **{"cwd": self.work, **options})

    def administer(self, *command: str) -> None:
        """Run a command as the cluster's administrator, who may do what its user may not."""
        subprocess.run(command, env=self.env, check=True, capture_output=True, text=True)

    def sbatch(self, script: str, *options: str) -> str:
        """Submit the text of a script; the job's id."""
        path = self.work / f"job-{secrets.token_hex(4)}.sh"
        path.write_text(script if script.startswith("#!") else f"#!/bin/bash\nset -eu\n{script}\n", encoding="utf-8")
        return self.run("sbatch", "--parsable", *options, path).stdout.strip()

    def job(self, job_id: str) -> dict[str, str]:
        """What `scontrol show job` says of a job: JobState, Restarts, ExitCode, NodeList, StdOut, Reason, …"""
        return dict(_fields(self.run("scontrol", "--oneliner", "show", "job", job_id).stdout))

    def wait_for_job(self, job_id: str, states: Sequence[str] = ENDED, *, timeout_s: float = 120) -> dict[str, str]:
        """Wait until the job is in one of the states and return its fields."""

        def reached() -> dict[str, str] | None:
            job = self.job(job_id)
            return job if job["JobState"] in states else None

        return self.wait_for(reached, f"job {job_id} to be {' or '.join(states)}", timeout_s=timeout_s)

    def node_states(self) -> dict[str, str]:
        """Node → idle, alloc, mix, down, …"""
        done = self.run("sinfo", "--Node", "--noheader", "--format=%N %T", check=False)
        return dict(line.split() for line in done.stdout.splitlines())

    def wait_for(self, probe: Callable[[], T | None], what: str, *, timeout_s: float) -> T:
        """Call `probe` until it gives something true; fails at once, with its log, when a daemon has died."""
        deadline = time.monotonic() + timeout_s
        while not (found := probe()):
            for name in self.daemons.dead():
                raise AssertionError(f"{name} has died:\n{self.daemons.log(name).read_text(errors='replace')[-4000:]}")
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {timeout_s:g} s for {what}:\n{self.describe()}")
            time.sleep(0.2)
        return found

    def describe(self) -> str:
        """Queue, nodes and the last lines of every log, for the message of a test that failed."""
        queue = [
            self.run(*command, check=False).stdout for command in (["squeue", "--long"], ["sinfo", "--long", "-N"])
        ]
        logs = [f"{log.name}:\n{log.read_text(errors='replace')[-1500:]}" for log in sorted(self.folder.glob("*.log"))]
        return "\n".join([*queue, *logs])

    def processes(self) -> dict[int, str]:
        """Pid → command line of what carries this cluster's environment and is none of its daemons: steps and their children."""
        mark = f"SLURM_CONF={self.env['SLURM_CONF']}".encode()
        ours = {self.daemons.pid(name) for name in self.daemons.alive()}
        found = {pid: command for pid, command in _processes_with(mark).items() if pid not in ours}
        return {pid: command for pid, command in found.items() if command != "slurmctld: slurmscriptd"}

    # How

    def _write_files(self) -> None:
        (self.folder / "state").mkdir()
        self.user.make_folder(self.work)
        host = socket.gethostname().split(".")[0]
        conf = render_slurm_conf(self.folder, host, self.controller_port, self.nodes)
        (self.folder / "slurm.conf").write_text(conf, encoding="utf-8")
        (self.folder / "gres.conf").write_text(render_gres_conf(self.nodes), encoding="utf-8")

    def _start_munged(self) -> None:
        """munged as user munge, who owns its folder; the key is for him alone, the socket for everyone."""
        munge = self.folder / "munge"
        munge.mkdir()
        (munge / "key").touch(mode=0o600)
        (munge / "key").write_bytes(secrets.token_bytes(1024))
        for path in (munge, munge / "key"):
            shutil.chown(path, "munge", "munge")
        files = {"key-file": "key", "seed-file": "seed", "pid-file": "pid", "socket": "socket"}
        options = [f"--{option}={munge / name}" for option, name in files.items()]
        self.daemons.start("munged", [_program("munged"), "--foreground", *options], env=self.env, user="munge")
        self.wait_for((munge / "socket").exists, "munged's socket", timeout_s=20)


def _program(name: str) -> str:
    path = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    assert path, f"{name} is missing; tests/hpc/provision.sh installs it"
    return path


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now, outside the range from which the kernel gives out others."""
    sockets = []
    for port in range(17000 + os.getpid() % 10000, 32000):
        candidate = socket.socket()
        try:
            candidate.bind(("0.0.0.0", port))
        except OSError:
            candidate.close()
            continue
        sockets.append(candidate)
        if len(sockets) == count:
            break
    ports = [candidate.getsockname()[1] for candidate in sockets]
    for candidate in sockets:
        candidate.close()
    return ports


def _fields(line: str) -> list[tuple[str, str]]:
    pairs = [word.partition("=") for word in line.split() if "=" in word]
    return [(name, value) for name, _, value in pairs]


def _processes_with(mark: bytes) -> dict[int, str]:
    found = {}
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in environ.read_bytes().split(b"\0"):
                command = (environ.parent / "cmdline").read_bytes().replace(b"\0", b" ")
                found[int(environ.parent.name)] = command.decode(errors="replace").strip()
        except OSError:  # it has ended meanwhile
            continue
    return found
