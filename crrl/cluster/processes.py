"""A process and all that it started, however far down: asked for their stacks, and ended so that nothing is left.

Launchers put their children into sessions of their own, so a signal to a group does not reach them; /proc knows them all.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_KILL_TIMEOUT_S = 10.0
_STACKS_S = 2.0


def adopt_orphans() -> None:
    """From now on a process below this one, whose own parent dies, becomes this one's child: it cannot get lost."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants(root: int) -> dict[int, str]:
    """Every process below `root`: pid → state (R, S, D, T: stopped, Z: dead but not yet gone)."""
    parents: dict[int, tuple[int, str]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            # After the last bracket: a program's name may hold anything.
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
            parents[int(path.parent.name)] = (int(parent), state)
    below: dict[int, str] = {}
    frontier = {root}
    while frontier:
        found = {pid: state for pid, (parent, state) in parents.items() if parent in frontier and pid not in below}
        below |= found
        frontier = set(found)
    return below


def dump_stacks(root: int) -> None:
    """Have every process below `root` that is prepared for it write the stacks of its threads."""
    asked = False
    for pid in descendants(root):
        if _catches(pid, signal.SIGQUIT):
            asked |= _send(pid, signal.SIGQUIT)
            _send(pid, signal.SIGCONT)  # one that is stopped writes them before it does anything else
    if asked:
        time.sleep(_STACKS_S)


def kill_all_below(root: int) -> None:
    """SIGKILL to everything below `root`, until nothing lives; gives up on what the kernel does not let go.

    What is dead stays to be waited for by whoever started it.
    """
    end = time.monotonic() + _KILL_TIMEOUT_S
    while time.monotonic() < end:
        alive = [pid for pid, state in descendants(root).items() if state != "Z"]
        if not alive:
            break
        for pid in alive:
            _send(pid, signal.SIGKILL)
        time.sleep(0.05)


def _send(pid: int, number: signal.Signals) -> bool:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal; without one, SIGQUIT would end it before it was judged."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("SigCgt:"):
                return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    except (OSError, ValueError):
        pass
    return False
