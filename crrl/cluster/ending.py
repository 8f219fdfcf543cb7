"""How an attempt of a run ended: what happened, who is to blame, and what comes after it (table in docs/cluster.md)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from crrl.report.attempt_folder import AttemptFolder, read_json, write_once
from crrl.report.heartbeat import Beat
from crrl.report.run_folder import State

Kind = Literal["done", "failed", "mistake", "disk_full", "stopped", "stalled", "lost", "no_progress"]
KINDS: tuple[Kind, ...] = get_args(Kind)
EXIT_CODES: dict[Kind, int] = {
    "done": 0,
    "failed": 1,
    "mistake": 2,
    "disk_full": 74,
    "stopped": 75,
    "stalled": 76,
    "lost": 77,
    "no_progress": 78,
}
"""Of the supervisor, so of the Slurm job. 74 and 75 are sysexits' EX_IOERR and EX_TEMPFAIL."""


@dataclass(frozen=True)
class Ending:
    """One end, as every node is told of it."""

    kind: Kind
    verdict: str
    """One line for people."""
    culprit: dict[str, Any] = field(default_factory=dict)
    """role, node, rank, phase and step of the process it is about; empty if it is about none."""
    by: str = ""
    """The node that noticed."""

    @property
    def exit_code(self) -> int:
        """The job's."""
        return EXIT_CODES[self.kind]

    @property
    def state(self) -> State:
        """The run's."""
        return "done" if self.kind == "done" else "stopped" if self.kind == "stopped" else "failed"


def culprit_of(beat: Beat) -> dict[str, Any]:
    """A process as `Ending.culprit` names it."""
    return {"role": beat.role, "node": beat.node, "rank": beat.rank, "phase": beat.phase, "step": beat.step}


def words_for(beat: Beat) -> str:
    """`trainer rank 1 on n2 (reward tests, step 3)`."""
    return f"{beat.role} rank {beat.rank} on {beat.node} ({beat.phase}, step {beat.step})"


def end_attempt(attempt: AttemptFolder, ending: Ending) -> bool:
    """Tell every node that the attempt ends so. False if one of them ended it first, in another way."""
    attempt.reserve.unlink(missing_ok=True)  # a full disk has room for this now
    try:
        return write_once(attempt.end, asdict(ending))
    except OSError:  # nobody else can be told; this node ends all the same
        return True


def read_ending(attempt: AttemptFolder) -> Ending | None:
    """How the attempt ended; None while it goes on."""
    values = read_json(attempt.end)
    return Ending(**values) if values else None
