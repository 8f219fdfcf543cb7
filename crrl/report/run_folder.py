"""A run's folder: every path in it is a property here, and every small file in it is written whole or not at all."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from crrl.errors import RunError
from crrl.report.attempt_folder import AttemptFolder

State = Literal["queued", "running", "done", "failed", "stopped"]
"""`stopped`: asked to stop, with everything written that going on needs."""
STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True)
class RunFolder:
    """`runs/<run-id>/`. It can be read while the run goes on, and copied elsewhere as a folder."""

    path: Path

    @property
    def run_id(self) -> str:
        """The folder's name; also the id of the W&B run."""
        return self.path.resolve().name

    @property
    def config(self) -> Path:
        """The resolved config, enough to run it again."""
        return self.path / "config.yaml"

    @property
    def job(self) -> Path:
        """The script that was submitted."""
        return self.path / "job.sh"

    @property
    def status(self) -> Path:
        """State, attempt and verdict; read by `read_status`."""
        return self.path / "status.json"

    @property
    def events(self) -> Path:
        """What happened, one JSON object a line."""
        return self.path / "events.jsonl"

    @property
    def metrics(self) -> Path:
        """What was measured, one JSON object a logged step."""
        return self.path / "metrics.jsonl"

    @property
    def logs(self) -> Path:
        """Logs, a folder for each attempt."""
        return self.path / "logs"

    @property
    def checkpoints(self) -> Path:
        """Checkpoints of each stage, the warm start's model, the final model."""
        return self.path / "checkpoints"

    @property
    def adapters(self) -> Path:
        """LoRA adapters published to the server."""
        return self.path / "adapters"

    @property
    def weights(self) -> Path:
        """Whole models published to the server, where no adapter is trained."""
        return self.path / "weights"

    @property
    def completions(self) -> Path:
        """Sampled and held-out completions, parquet."""
        return self.path / "completions"

    @property
    def wandb(self) -> Path:
        """W&B's own files."""
        return self.path / "wandb"

    @property
    def report(self) -> Path:
        """The page about the run."""
        return self.path / "report.html"

    @property
    def cancel(self) -> Path:
        """There once the run's user wants it to end."""
        return self.path / "cancel"

    @property
    def submission(self) -> Path:
        """What submitit keeps about the job."""
        return self.path / "submission"

    def attempt(self, number: int) -> AttemptFolder:
        """What the processes of one start of the run tell each other: `attempts/<attempt>/`."""
        return AttemptFolder(self.path / "attempts" / str(number))

    def log(self, attempt: int, role: str, node: str) -> Path:
        """The log of one process: `logs/<attempt>/<role>-<node>.log`."""
        return self.logs / str(attempt) / f"{role}-{node}.log"

    def write_status(self, state: State, **fields: Any) -> None:
        """Set the state and these fields; others stay as they are. The file is never half written."""
        old = self.read_status() if self.status.is_file() else {}
        now = datetime.now(UTC).isoformat(timespec="seconds")
        write_aside(self.status, json.dumps({**old, "state": state, **fields, "updated": now}, indent=1) + "\n")

    def read_status(self) -> dict[str, Any]:
        """The last written status. Raises RunError if there is none, or it is damaged."""
        try:
            status: dict[str, Any] = json.loads(self.status.read_text())
        except OSError as error:
            raise RunError(f"{self.path} is no run's folder: it has no {self.status.name}") from error
        except ValueError as error:
            raise RunError(f"{self.status} is damaged: {error}") from error
        return status

    def append_event(self, kind: str, **fields: Any) -> None:
        """Note that something happened, with the time: now, or the one given."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        _append_line(self.events, {"time": now, "kind": kind, **fields})

    def append_metrics(self, step: int, measured: dict[str, Any]) -> None:
        """Note what was measured at an optimizer step."""
        _append_line(self.metrics, {"step": step, **measured})


def write_aside(path: Path, text: str) -> None:
    """Write a text file beside its place and rename it there: readers see the old one or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with aside.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    aside.replace(path)


def _append_line(path: Path, entry: dict[str, Any]) -> None:
    # One write of one line in append mode: two processes never mix their lines.
    with path.open("ab", buffering=0) as stream:
        stream.write((json.dumps(entry) + "\n").encode())
