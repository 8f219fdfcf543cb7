"""How much of this machine there is for a process."""

from __future__ import annotations

import os


def cores() -> int:
    """The cores that this process may use: on a cluster fewer than the machine has."""
    return len(os.sched_getaffinity(0))
