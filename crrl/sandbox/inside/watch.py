"""Waits for a program, and looks every 50 ms at what no limit of one process bounds: memory of all, number of files."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

Ending = Literal["ended", "timeout", "memory", "files", "abandoned"]
_POLL_S = 0.05
_WITHOUT_PIDFD_S = 0.002
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024


def watch(pid: int, end: float, look: Callable[[], Ending], channel: int = -1) -> Ending:
    """How the child `pid` came to its end before `end` (time.monotonic), or why it must be ended. It is not reaped.

    `look` says "ended" as long as nothing is wrong; a `channel` that hangs up is "abandoned".
    """
    poll = select.poll()
    if channel >= 0:
        poll.register(channel, select.POLLRDHUP)
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:  # Linux before 5.3, as on many clusters, or a container that forbids it
        descriptor = -1
    try:
        if descriptor >= 0:
            poll.register(descriptor, select.POLLIN)
        return _wait(pid, descriptor, end, look, poll)
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _wait(pid: int, descriptor: int, end: float, look: Callable[[], Ending], poll: select.poll) -> Ending:
    step_s = _POLL_S if descriptor >= 0 else _WITHOUT_PIDFD_S
    next_look = time.monotonic() + _POLL_S
    while True:
        now = time.monotonic()
        events = poll.poll(max(0.0, min(step_s, end - now)) * 1000)
        if descriptor >= 0 and any(place == descriptor for place, _ in events):
            return "ended"
        if events:
            return "abandoned"
        # WNOWAIT: not reaped, so that its number cannot become another process's.
        if descriptor < 0 and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return "ended"
        now = time.monotonic()
        if now >= end:
            return "timeout"
        if now >= next_look:
            next_look = now + _POLL_S
            if (found := look()) != "ended":
                return found


def uses_more_memory(processes: Iterable[Path], most_mb: int) -> bool:
    """Whether the processes (folders of /proc) together hold more than `most_mb`.

    Pages that forks share are counted once, but that takes the kernel long: only when the quick sum is above already.
    """
    folders = list(processes)
    if sum(map(_own_kb, folders)) <= most_mb << 10:
        return False
    return sum(map(_fair_kb, folders)) > most_mb << 10


def _own_kb(process: Path) -> int:
    try:
        pages = (process / "statm").read_text().split()
    except OSError:  # ended meanwhile
        return 0
    return (int(pages[1]) - int(pages[2])) * _PAGE_KB


def _fair_kb(process: Path) -> int:
    try:
        lines = (process / "smaps_rollup").read_text().splitlines()
    except OSError:
        return _own_kb(process)
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Pss_Anon:", "SwapPss:")))
