"""One start of a run as a folder: what its processes, on every node, tell each other.

Everything here belongs to one attempt, so a requeued job never reads what an earlier one left behind.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESERVE_BYTES = 256 * 1024


@dataclass(frozen=True)
class AttemptFolder:
    """`runs/<run-id>/attempts/<attempt>/`."""

    path: Path

    @property
    def number(self) -> int:
        """Which start of the run this is, from 1."""
        return int(self.path.name)

    @property
    def started(self) -> Path:
        """Which job this attempt is, and which checkpoints it found; written by node 0 before anything else."""
        return self.path / "started.json"

    @property
    def image(self) -> Path:
        """Which image its processes run in; written by node 0, where there is one."""
        return self.path / "image.json"

    @property
    def facts(self) -> Path:
        """The code's commit and the Slurm job, as the first trainer sees them."""
        return self.path / "facts.json"

    @property
    def rendezvous(self) -> Path:
        """Where the trainers meet."""
        return self.path / "rendezvous.json"

    @property
    def accelerate(self) -> Path:
        """The config of `accelerate launch`."""
        return self.path / "accelerate.yaml"

    @property
    def deepspeed(self) -> Path:
        """The config of DeepSpeed that it names."""
        return self.path / "deepspeed.json"

    @property
    def stop(self) -> Path:
        """There once the attempt was asked to stop at its next step; holds who asked."""
        return self.path / "stop"

    @property
    def end(self) -> Path:
        """How the attempt ended; written once, by the first who knew."""
        return self.path / "end.json"

    @property
    def heartbeats(self) -> Path:
        """A file for each process that works, and for each supervisor."""
        return self.path / "heartbeats"

    @property
    def outcomes(self) -> Path:
        """A file for each process that ended by itself, and how."""
        return self.path / "outcomes"

    @property
    def servers(self) -> Path:
        """For each server that is up, where it listens (`<node>.json`) and the token that it wants (`<node>.token`)."""
        return self.path / "servers"

    @property
    def served_model(self) -> Path:
        """The folder or hub name of the model that servers load; written by the first trainer once it is there."""
        return self.path / "served-model"

    @property
    def reserve(self) -> Path:
        """Room on the disk, given back so that a full one can still be told of."""
        return self.path / "reserve"

    def heartbeat(self, role: str, node: str, rank: int) -> Path:
        """The heartbeat of one process."""
        return self.heartbeats / f"{role}-{node}-{rank}.json"

    def outcome(self, role: str, node: str, rank: int) -> Path:
        """How one process ended, in its own words."""
        return self.outcomes / f"{role}-{node}-{rank}.json"

    def endpoint(self, node: str) -> Path:
        """Where the server of a node listens."""
        return self.servers / f"{node}.json"

    def token(self, node: str) -> Path:
        """The token of a node's server, for its owner's eyes alone."""
        return self.servers / f"{node}.token"

    def make(self) -> None:
        """Make the folder, with room for its last words."""
        for folder in (self.heartbeats, self.outcomes):
            folder.mkdir(parents=True, exist_ok=True)
        self.reserve.write_bytes(b"\0" * RESERVE_BYTES)


def read_json(path: Path) -> dict[str, Any] | None:
    """What a small file holds; None if it is not there yet, or only half."""
    try:
        # Opened, not stat'ed: on a network file system only opening asks the server for what is new.
        with path.open("rb") as stream:
            values = json.loads(stream.read())
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) else None


def listed(folder: Path) -> list[Path]:
    """The files of a folder as the server knows them now, by name."""
    try:
        with os.scandir(folder) as entries:
            return sorted(Path(entry.path) for entry in entries)
    except OSError:
        return []


def write_once(path: Path, values: dict[str, Any]) -> bool:
    """Write a file that must not exist yet; False if somebody else was first, whose file then stays as it is."""
    aside = path.with_name(f".{path.name}.{os.uname().nodename}.{os.getpid()}")
    aside.write_text(json.dumps(values) + "\n")
    try:
        os.link(aside, path)  # unlike a rename it fails if the name is taken, on network file systems as well
    except FileExistsError:
        return False
    finally:
        aside.unlink(missing_ok=True)
    return True
