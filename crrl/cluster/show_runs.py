"""Runs as text: the table of all, and everything about one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from crrl.cluster.attempts import checkpoint_names
from crrl.cluster.follow import is_alive
from crrl.cluster.logs import last_lines, log_files
from crrl.cluster.queue import Job, find_job, find_jobs
from crrl.errors import RunError
from crrl.report.run_folder import RunFolder

_HEAD = ("run", "state", "attempt", "step", "age", "job")


def table_of_runs(folders: Sequence[RunFolder]) -> list[str]:
    """One line a run, oldest first. Cost: a few small files a run, and one question to Slurm for all unfinished ones."""
    statuses = [_status_of(folder) for folder in folders]
    jobs = find_jobs(str(status["job_id"]) for status in statuses if status.get("job_id") and not _has_ended(status))
    rows = [_HEAD]
    for folder, status in zip(folders, statuses, strict=True):
        job = jobs.get(str(status.get("job_id", "")))
        state, step, job_id = shown_state(status, job), last_step(folder), str(status.get("job_id") or "-")
        rows.append((folder.run_id, state, str(status.get("attempt", "-")), step, _age(status), job_id))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return ["  ".join(part.ljust(width) for part, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def status_lines(folder: RunFolder) -> list[str]:
    """State, verdict, job, last step, checkpoints and logs of one run."""
    status = _status_of(folder)
    job = find_job(str(status.get("job_id", "")))
    logs = log_files(folder, int(status.get("attempt", 0)))
    facts = {
        "run": folder.run_id,
        "state": shown_state(status, job),
        "verdict": status.get("verdict") or "-",
        "attempt": status.get("attempt", "-"),
        "updated": f"{status.get('updated', '-')} ({_age(status)} ago)",
        "where": _where(status, job),
        "step": last_step(folder),
        "checkpoints": ", ".join(checkpoint_names(folder)) or "none yet",
        "folder": folder.path,
        "logs": "\n             ".join(map(str, logs)) or f"none yet; see {folder.submission}",
    }
    return [f"{name + ':':12} {value}" for name, value in facts.items()]


def shown_state(status: dict[str, Any], job: Job | None) -> str:
    """The run's state, and what became of what should carry it."""
    state = str(status["state"])
    if not is_gone(status, job):
        return state
    if status.get("cluster") == "slurm":
        return f"{state}, job {job.state.lower() if job else 'unknown'}"
    return f"{state}, supervisor gone"


def is_gone(status: dict[str, Any], job: Job | None) -> bool:
    """Whether the status says that the run goes on, while what should carry it is not there (any more)."""
    if status["state"] not in ("queued", "running"):
        return False
    if status.get("cluster") == "slurm":
        return job is None or not job.is_live
    return status["state"] == "running" and bool(status.get("pid")) and not is_alive(status)


def last_step(folder: RunFolder) -> str:
    """Stage and step of the last line of metrics.jsonl, as in `grpo 40`."""
    if not folder.metrics.is_file():
        return "-"
    for line in reversed(last_lines(folder.metrics, 2)):  # the very last may be half written
        try:
            measured = json.loads(line)
            return f"{measured.get('stage', '')} {measured['step']}".strip()
        except (ValueError, KeyError, AttributeError):
            continue
    return "-"


def _status_of(folder: RunFolder) -> dict[str, Any]:
    if not folder.status.is_file():
        return {"state": "new"}
    try:
        return folder.read_status()
    except RunError:
        return {"state": "damaged", "verdict": f"{folder.status} cannot be read"}


def _has_ended(status: dict[str, Any]) -> bool:
    return status["state"] in ("done", "failed", "stopped")


def _where(status: dict[str, Any], job: Job | None) -> str:
    if status.get("cluster") != "slurm":
        return f"this machine, process {status['pid']}" if status.get("pid") else str(status.get("cluster", "-"))
    return f"Slurm job {status.get('job_id')}: {job or 'not known to Slurm (any more)'}"


def _age(status: dict[str, Any]) -> str:
    """Since the last change of the status: 50s, 12m, 3h, 5d."""
    if "updated" not in status:
        return "-"
    seconds = (datetime.now(UTC) - datetime.fromisoformat(status["updated"])).total_seconds()
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size:.0f}{unit}"
    return f"{max(0, seconds):.0f}s"
