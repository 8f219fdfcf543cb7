"""Nothing that a job started may live on: as the first process of a pid namespace, or as the adopter of orphans."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from . import kernel

_PATIENCE_S = 10.0
_PARENT = 1  # field of /proc/PID/stat, after the name


def adopt() -> None:
    """Orphans of this process's descendants become its children, so that they can be found."""
    kernel.adopt_orphans()


def kill_all(program: int) -> int | None:
    """Kill the program and everything it started, and reap it. Returns the program's status, if it is known here."""
    return _kill_the_namespace(program) if os.getpid() == 1 else _kill_descendants(program)


def _kill_the_namespace(program: int) -> int | None:
    # From the first process of a pid namespace, -1 is every other process in it, at one moment; whoever lost its parent is
    # a child of ours. So when no child is left, nothing is.
    status = None
    while True:
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        try:
            pid, found = os.waitpid(-1, 0)
        except ChildProcessError:
            return status
        if pid == program:
            status = found


def _kill_descendants(program: int) -> int | None:
    # Orphans become our children (PR_SET_CHILD_SUBREAPER), however often they changed their session.
    status = None
    end = time.monotonic() + _PATIENCE_S
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(program, signal.SIGKILL)
    while time.monotonic() < end:
        # Stopped first, so that a loop of forks cannot outrun the killing.
        for sign in (signal.SIGSTOP, signal.SIGKILL):
            for pid in family():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, sign)
        try:
            while (pair := os.waitpid(-1, os.WNOHANG))[0]:
                if pair[0] == program:
                    status = pair[1]
        except ChildProcessError:
            return status
        time.sleep(0.0005)
    raise RuntimeError("processes of a job could not be ended")


def family() -> list[int]:
    """Every living descendant of this process."""
    if os.getpid() == 1:
        return [int(entry) for entry in os.listdir("/proc") if entry.isdecimal() and entry != "1"]
    try:
        return list(_descend(os.getpid()))
    except OSError:
        return _by_parents()


def _descend(pid: int) -> Iterator[int]:
    for thread in os.listdir(f"/proc/{pid}/task"):
        for child in Path(f"/proc/{pid}/task/{thread}/children").read_text().split():
            yield int(child)
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                yield from _descend(int(child))


def _by_parents() -> list[int]:
    """The same for a kernel without lists of children: from every process's parent."""
    parents: dict[int, int] = {}
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError):
            parents[int(entry)] = int(Path(f"/proc/{entry}/stat").read_text().rpartition(") ")[2].split()[_PARENT])
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found and pid not in found}:
        found |= more
    return sorted(found - {os.getpid()})


def processes_of_user() -> int:
    """Threads of all processes of this user that /proc shows: what RLIMIT_NPROC counts outside of user namespaces."""
    count = 0
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError):
            if entry.isdecimal() and os.stat(f"/proc/{entry}").st_uid == os.getuid():
                count += len(os.listdir(f"/proc/{entry}/task"))
    return count
