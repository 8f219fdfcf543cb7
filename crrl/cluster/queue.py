"""What Slurm says of jobs: those in the queue, and how others ended."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from crrl.errors import RunError

ANSWER_TIMEOUT_S = 20.0
_ENDED = (
    *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED"),
    *("REVOKED", "TIMEOUT"),
)


@dataclass(frozen=True)
class Job:
    """A job as Slurm sees it."""

    state: str
    """Slurm's word, as in PENDING or RUNNING."""
    reason: str = ""
    """Why it waits, or how it ended; empty if Slurm says nothing."""

    @property
    def is_live(self) -> bool:
        """Whether it may still run, so that another attempt would disturb it."""
        return self.state not in _ENDED

    def __str__(self) -> str:
        return f"{self.state} ({self.reason})" if self.reason not in ("", "None") else self.state


def find_job(job_id: str) -> Job | None:
    """A job in the queue, or how it ended; None if Slurm does not know it (any more), or does not answer."""
    return find_jobs([job_id]).get(job_id) if job_id else None


def find_jobs(job_ids: Iterable[str]) -> dict[str, Job]:
    """Jobs by id, as `find_job`. Cost: one command for those in the queue, one or two more for all others."""
    missing = sorted({job_id for job_id in job_ids if job_id.isdecimal()}, key=int)
    found: dict[str, Job] = {}
    for ask in (_queued, _accounted, _remembered):
        if missing:
            found |= {job_id: job for job_id, job in ask(missing).items() if job_id in missing}
            missing = [job_id for job_id in missing if job_id not in found]
    return found


def answer(command: Sequence[str]) -> str | None:
    """What a command of Slurm prints; None if it is not there, refuses, or takes too long."""
    if not shutil.which(command[0]):
        return None
    try:
        done = _run(command)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def run_slurm(*command: str) -> str:
    """What a command of Slurm prints. Raises RunError with its own words if it refuses, or is not there."""
    try:
        done = _run(command)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RunError(f"Slurm does not answer ({command[0]}: {type(error).__name__}); try again later") from error
    if done.returncode:
        raise RunError(f"{' '.join(command)}: {slurm_words(done.stderr)}")
    return done.stdout


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    # An administrator's words, as the reason why a node is drained, may be in any encoding.
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", errors="replace", timeout=ANSWER_TIMEOUT_S, check=False
    )


def slurm_words(said: str) -> str:
    """What matters of a command's complaint, in one line."""
    lines = [line.strip() for line in said.splitlines() if "error:" in line]
    return "; ".join(line.split("error:", 1)[1].strip() for line in lines) or " ".join(said.split())[-500:]


def _queued(job_ids: Sequence[str]) -> dict[str, Job]:
    said = answer(["squeue", "--noheader", "--format=%A|%T|%r", f"--jobs={','.join(job_ids)}"]) or ""
    return _by_id(said)


def _accounted(job_ids: Sequence[str]) -> dict[str, Job]:
    """From the accounting database, where the cluster keeps one."""
    columns = "--format=JobIDRaw,State,ExitCode"
    said = answer(["sacct", "--noheader", "--allocations", "--parsable2", columns, f"--jobs={','.join(job_ids)}"]) or ""
    return {job_id: Job(job.state.split()[0], f"exit code {job.reason}") for job_id, job in _by_id(said).items()}


def _remembered(job_ids: Sequence[str]) -> dict[str, Job]:
    """From the controller, which remembers a job for some minutes after its end."""
    found: dict[str, Job] = {}
    for job_id in job_ids:
        said = answer(["scontrol", "--oneliner", "show", "job", job_id]) or ""
        parts = dict(word.split("=", 1) for word in said.split() if "=" in word)
        if "JobState" in parts:
            found[job_id] = Job(parts["JobState"], parts.get("Reason", ""))
    return found


def _by_id(said: str) -> dict[str, Job]:
    lines = [line.split("|", 2) for line in said.splitlines() if line.count("|") >= 2]
    return {job_id: Job(state, reason.strip()) for job_id, state, reason in lines}
