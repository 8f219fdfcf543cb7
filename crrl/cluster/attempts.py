"""Which start of the run this is: claimed by the first node, joined by the others, and refused after three in vain."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime

from crrl.cluster.ending import EXIT_CODES
from crrl.cluster.place import Place
from crrl.errors import RunError
from crrl.report.attempt_folder import AttemptFolder, listed, read_json
from crrl.report.attempts import attempt_spans
from crrl.report.run_folder import RunFolder, write_aside

IN_VAIN = 3
"""Attempts in a row without a new checkpoint after which a job is not started again."""
_POLL_S = 0.5


def claim_attempt(folder: RunFolder, place: Place) -> AttemptFolder:
    """Begin the next attempt of the run; on the first node.

    Its number is the one that was submitted, or, when Slurm starts a job again by itself, the next that nobody has begun.
    """
    number = int(folder.read_status()["attempt"])
    while (attempt := folder.attempt(number)).started.is_file():
        number += 1
    attempt.make()
    record = {"key": place.key, "job": place.job, "checkpoints": checkpoint_names(folder)}
    write_aside(attempt.started, json.dumps(record) + "\n")
    _note_lost_ones(folder, number)
    return attempt


def _note_lost_ones(folder: RunFolder, number: int) -> None:
    """Write down the end of earlier attempts whose supervisors were killed before they could; when they were last seen."""
    for span in attempt_spans(folder):
        if span.number < number and span.ended is None:
            seen = datetime.fromtimestamp(span.last_seen, UTC).isoformat(timespec="milliseconds")
            folder.append_event(
                "ended", attempt=span.number, node="", kind_of_end="lost", exit_code=EXIT_CODES["lost"], time=seen
            )


def join_attempt(
    folder: RunFolder, place: Place, timeout_s: float, *, clock: Callable[[], float] = time.monotonic
) -> AttemptFolder:
    """The attempt that the first node began for this start of the job; on all others. Raises RunError if it does not come."""
    end = clock() + timeout_s
    while clock() < end:
        for path in listed(folder.path / "attempts"):
            record = read_json(path / "started.json") if path.name.isdecimal() else None
            if record and record.get("key") == place.key:
                return AttemptFolder(path)
        time.sleep(_POLL_S)
    raise RunError(f"the first node of job {place.job} did not begin an attempt within {timeout_s:g} s")


def is_superseded(folder: RunFolder, attempt: AttemptFolder) -> bool:
    """Whether a later attempt has begun: then this one is what a lost node goes on with, and must end."""
    return read_json(folder.attempt(attempt.number + 1).started) is not None


def checkpoint_names(folder: RunFolder) -> list[str]:
    """The complete checkpoints of all stages and the models at their ends, as `grpo/checkpoint-40`."""
    manifests = [*folder.checkpoints.glob("*/manifest.json"), *folder.checkpoints.glob("*/checkpoint-*/manifest.json")]
    return sorted(str(path.parent.relative_to(folder.checkpoints)) for path in manifests)


def in_vain(folder: RunFolder, attempt: AttemptFolder) -> int:
    """How many attempts of the same job, this one included, have in a row brought no checkpoint so far."""
    mine = read_json(attempt.started) or {}
    now, count, number = set(checkpoint_names(folder)), 0, attempt.number
    while number > 0:
        record = read_json(folder.attempt(number).started)
        if not record or record.get("job") != mine.get("job") or now - set(record.get("checkpoints", [])):
            break
        count, number = count + 1, number - 1
    return count
