"""The warm path: fork servers that wait for jobs, one a core, made for many threads to call."""

from __future__ import annotations

import atexit
import os
import queue
import threading
import time
from collections.abc import Sequence
from types import TracebackType

from crrl.cores import cores
from crrl.errors import SandboxError
from crrl.sandbox.command import find_program
from crrl.sandbox.inside.program import parse_command
from crrl.sandbox.levels import Level, choose_level
from crrl.sandbox.outcome import Limits, Outcome
from crrl.sandbox.server import Server
from crrl.sandbox.tree import TreeError, lay_out
from crrl.schema import Files

_TRIES = 2
# What short programs import most. Not asyncio, logging, threading, statistics: megabytes that every fork would pay
# for, or work after each fork (docs/benchmarks.md).
_COMMON = (
    "__future__ abc ast bisect collections contextlib copy dataclasses datetime doctest enum functools heapq io itertools json "
    "math operator os pathlib random re string struct textwrap time traceback types typing unittest "
    "argparse locale readline shutil signal"  # what `-m unittest` and `-m doctest` load late
).split()
_PYTEST = ("pytest", "_pytest.assertion.rewrite", "_pytest.config", "_pytest.main", "_pytest.runner", "_pytest.python")
_KINDS: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "common": (_COMMON, ()),
    "pytest": ((*_COMMON, *_PYTEST), ()),
    "without site": (_COMMON, ("-S",)),
}
"""What is loaded before, and the flags of the server's own interpreter."""


class _Worker:
    """A place for one job at a time, with a server of each kind once it is needed.

    Several kinds, because every megabyte that a server has loaded costs each of its forks time, and because what `site` did
    cannot be undone for a program that is run with -S.
    """

    def __init__(self, level: Level) -> None:
        self._level = level
        self._servers: dict[str, Server] = {}

    def server(self, name: str) -> Server:
        if name not in self._servers:
            self._servers[name] = Server(self._level, *_KINDS[name])
        return self._servers[name]

    def pids(self) -> list[int]:
        return [server.pid for server in self._servers.values()]

    def drop(self, name: str) -> None:
        if name in self._servers:
            self._servers.pop(name).close()

    def close(self) -> None:
        for name in list(self._servers):
            self.drop(name)

    def forget(self) -> None:
        for server in self._servers.values():
            server.forget()
        self._servers.clear()


class Workers:
    """Runs programs as `crrl.sandbox.run` does, in servers that are warm already. A context manager.

    Made for many threads: each call waits for a free worker. Nothing of the calling process is forked. In a fork of the
    calling process the same object starts servers of its own.

    Args:
        count: how many; 0: one for each core this process may use.
        level: the level of the walls; None: the best this machine offers.

    Raises:
        SandboxError: the machine does not offer `level`.
    """

    def __init__(self, count: int = 0, *, level: Level | None = None) -> None:
        self.level = choose_level(level)
        self.count = count or cores()
        self._is_closed = False
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._workers = [_Worker(self.level) for _ in range(self.count)]
        self._free: queue.LifoQueue[_Worker] = queue.LifoQueue()
        for worker in self._workers:
            self._free.put(worker)

    def run(self, command: Sequence[str], files: Files, limits: Limits, *, stdin: bytes = b"") -> Outcome:
        """The outcome of `command` in a fresh folder with `files`; see `crrl.sandbox.run`.

        A server that dies, hangs or makes no sense is replaced, and the job tried once more; then `unavailable`.
        """
        if self._is_closed:
            return Outcome("unavailable", stderr="these workers are closed")
        if self._pid != os.getpid():
            self._after_fork()
        program = find_program(command)
        if program is None:
            return Outcome("unavailable", stderr=f"no program {' '.join(command[:1])!r}")
        try:
            tree = lay_out(files, limits)
        except TreeError as error:
            return Outcome("crashed", stderr=str(error))
        is_python = command[0] == "python"
        name = _kind_of(command, files)
        line = list(command[1:]) if is_python else [program, *command[1:]]
        worker = self._free.get()
        try:
            return _try(worker, name, line, is_python, tree, limits, stdin)
        finally:
            self._free.put(worker)

    def _after_fork(self) -> None:
        with _forked:
            if self._pid != os.getpid():
                for worker in self._workers:
                    worker.forget()
                self._begin()

    def servers(self) -> list[int]:
        """Process numbers of the servers that run now."""
        return [pid for worker in self._workers for pid in worker.pids()]

    def close(self) -> None:
        """End all servers, once their present jobs are done."""
        if self._is_closed or self._pid != os.getpid():
            return
        self._is_closed = True
        for _ in self._workers:
            self._free.get().close()

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _try(
    worker: _Worker, name: str, line: list[str], is_python: bool, tree: dict[str, bytes], limits: Limits, stdin: bytes
) -> Outcome:
    problem = ""
    started = time.monotonic()
    for _ in range(_TRIES):
        try:
            return worker.server(name).run(line, is_python, tree, limits, stdin, fresh=False)
        except SandboxError as error:
            problem = str(error)
            worker.drop(name)
    return Outcome("unavailable", stderr=problem, wall_s=time.monotonic() - started)


def _kind_of(command: Sequence[str], files: Files) -> str:
    if command[0] != "python":
        return "common"
    program = parse_command(list(command[1:]))
    if program and "S" in program.flags:
        return "without site"
    return "pytest" if any("pytest" in text for text in (*command[1:], *files.values())) else "common"


_forked = threading.Lock()
_shared: dict[tuple[int, Level], Workers] = {}
_sharing = threading.Lock()


def shared_workers(level: Level | None = None) -> Workers:
    """The workers of this process for `level`: started at first use, closed at its end. Safe after a fork."""
    with _sharing:
        chosen = choose_level(level)
        key = os.getpid(), chosen
        if key not in _shared:
            _shared[key] = Workers(level=chosen)
            atexit.register(_shared[key].close)
        return _shared[key]


def _renew_locks() -> None:
    """A fork may happen while another thread holds them."""
    global _forked, _sharing
    _forked, _sharing = threading.Lock(), threading.Lock()


os.register_at_fork(after_in_child=_renew_locks)
