"""Which walls this machine offers, found out by running a program behind them that tries to get through."""

from __future__ import annotations

import functools
import os
import platform
import secrets
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from crrl.errors import SandboxError
from crrl.sandbox import bubblewrap
from crrl.sandbox.inside import landlock, seccomp
from crrl.sandbox.inside.syscalls import ARCHITECTURES
from crrl.sandbox.outcome import Limits, Outcome

Level = Literal["namespaces", "landlock", "limits"]
LEVELS: tuple[Level, ...] = get_args(Level)
"""Best first."""

_PROBE_LIMITS = Limits(wall_s=20.0, cpu_s=5.0, processes=4)
# Each line that can do what it must not is printed.
_PROBE = """
import os, socket, sys, time
def leaks(name, attempt):
    try:
        attempt()
    except OSError:
        return
    print(name)
def fork():
    for _ in range(int(sys.argv[3])):
        if not os.fork():
            time.sleep(9)
            os._exit(0)
leaks("reads files", lambda: open(sys.argv[1]).close())
leaks("writes files", lambda: open(sys.argv[1] + "-new", "w").close())
leaks("reaches the network", lambda: socket.create_connection(("127.0.0.1", int(sys.argv[2])), 2))
leaks("has no limit on processes", fork)
open("own", "w").close()
os.write(3, b"probed")
"""


def choose_level(level: Level | None) -> Level:
    """`level`, or for None the best one that contains programs here. Raises SandboxError in one line."""
    if level is not None:
        require(level)
        return level
    for each in LEVELS[:-1]:
        if not missing(each):
            return each
    raise SandboxError("this machine has no sandbox: " + "; ".join(f"{each}: {missing(each)}" for each in LEVELS[:-1]))


def require(level: Level) -> None:
    """Raises SandboxError, in one line, if this machine does not offer `level`."""
    if level not in LEVELS:
        raise SandboxError(f"sandbox level {level!r} is unknown; there are: {', '.join(LEVELS)}")
    if reason := missing(level):
        raise SandboxError(f"sandbox level {level!r} is not available here: {reason}")


def missing(level: Level) -> str:
    """Why the level is not available; empty if it is. Found out once in a process, in about 0.1 s."""
    with _finding_out:
        return _missing(level, os.getpid())


_finding_out = threading.RLock()


def _renew_lock() -> None:
    """A fork may happen while another thread holds it."""
    global _finding_out
    _finding_out = threading.RLock()


os.register_at_fork(after_in_child=_renew_lock)


@functools.lru_cache(maxsize=8)
def _missing(level: Level, pid: int) -> str:
    if not sys.platform.startswith("linux"):
        return f"it needs Linux, this is {sys.platform}"
    if reason := _CHECKS[level]():
        return reason
    return "" if level == "limits" else _probe(level)


def _no_namespaces() -> str:
    if not bubblewrap.find():
        return f"bubblewrap is not installed; {bubblewrap.INSTALL}"
    return _no_filter()


def _no_landlock() -> str:
    if _is_real_root():
        return _ROOT
    if not landlock.abi():
        return f"Linux {platform.release()} does not offer Landlock (5.13 or later does, unless it is switched off)"
    return _no_filter()


def _no_limits() -> str:
    return _ROOT if _is_real_root() else ""


_ROOT = "root is refused without namespaces, because limits on processes do not bind root; run as an ordinary user"
_CHECKS: dict[Level, Callable[[], str]] = {"namespaces": _no_namespaces, "landlock": _no_landlock, "limits": _no_limits}


def _no_filter() -> str:
    if seccomp.is_supported():
        return ""
    return f"system calls of {platform.machine()} are not known to the filter, only those of {', '.join(ARCHITECTURES)}"


def _is_real_root() -> bool:
    """Root, also seen from outside of this user namespace, as far as can be told from here."""
    if os.geteuid() != 0:
        return False
    maps = [line.split() for line in Path("/proc/self/uid_map").read_text().splitlines()]
    return any(inside == outside == "0" for inside, outside, _ in maps)


def _probe(level: Level) -> str:
    with (
        tempfile.TemporaryDirectory(prefix="crrl-probe-") as folder,
        socket.create_server(("127.0.0.1", 0)) as listener,
    ):
        secret = Path(folder, secrets.token_hex(8))
        secret.write_text("secret")
        arguments = [str(secret), str(listener.getsockname()[1]), "600" if level == "landlock" else "8"]
        outcome = _run_at(level, ["-I", "-S", "-c", _PROBE, *arguments])
    if outcome.report != b"probed":
        said = (outcome.stderr.strip() or outcome.kind).splitlines()[-1]
        return f"it does not work here: {said}"
    return f"it does not contain: a program {', '.join(outcome.stdout.split(chr(10))[:-1])}" if outcome.stdout else ""


def _run_at(level: Level, arguments: list[str]) -> Outcome:
    from crrl.sandbox.run import run_at  # which itself asks for levels

    try:
        return run_at(level, ["python", *arguments], {}, _PROBE_LIMITS, b"", time.monotonic())
    except (SandboxError, OSError) as error:
        return Outcome("unavailable", stderr=str(error))
