"""Putting a Slurm job back into the queue: only one that is running, that is still this one, and that is still wanted."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Literal

from crrl.cluster.attempts import IN_VAIN, in_vain
from crrl.cluster.ending import Ending
from crrl.cluster.place import Place
from crrl.cluster.queue import answer
from crrl.config import WatchdogConfig
from crrl.report.attempt_folder import AttemptFolder
from crrl.report.run_folder import RunFolder

Ask = Callable[[Sequence[str]], str | None]
"""Runs a command of Slurm: what it prints, None if it fails."""

PATIENCE_S = 150.0
"""How long Slurm is asked whether it still runs this start of the job; a controller under load does not answer at once."""
_PAUSE_S = 5.0
_TRIES = 3
"""How often Slurm is told to put the job back; it may be busy, or have a reason to refuse."""


def is_wanted(folder: RunFolder, ending: Ending, place: Place, rule: WatchdogConfig) -> bool:
    """Whether a job that ended so is to be started again, as far as the run and its user are concerned."""
    return bool(place.job) and ending.kind in rule.requeue and not folder.cancel.is_file()


def are_enough(folder: RunFolder, attempt: AttemptFolder) -> bool:
    """Whether so many attempts in a row were in vain that another one would be as well."""
    return in_vain(folder, attempt) >= IN_VAIN


def is_this_start(place: Place, ask: Ask = answer) -> bool | None:
    """Whether Slurm runs this start of the job: not one that was cancelled, nor one that it has started again since.

    A supervisor on a node that Slurm has lost would otherwise put back the very job that replaced it.
    None: Slurm does not answer.
    """
    said = ask(["scontrol", "--oneliner", "show", "job", place.job])
    if said is None:
        return None
    facts = dict(word.split("=", 1) for word in said.split() if "=" in word)
    return facts.get("JobState") == "RUNNING" and int(facts.get("Restarts", "0")) == place.restart


def put_back(
    place: Place,
    ask: Ask = answer,
    *,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> Literal["taken", "refused", "another start"]:
    """Put the job back into the queue; Slurm then ends everything of this start.

    A busy controller is asked again for a while. If it never says which start it runs, it is told to put the
    job back all the same.
    """
    end, tries = clock() + PATIENCE_S, _TRIES
    while (is_ours := is_this_start(place, ask)) is not False:
        is_last = clock() >= end
        if is_ours or is_last:
            if ask(["scontrol", "requeue", place.job]) is not None:
                return "taken"
            tries -= 1
        if is_last or not tries:
            return "refused"
        pause(_PAUSE_S)
    return "another start"
