"""Work in threads or processes whose results come in the order in which the work was given."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from queue import SimpleQueue
from typing import IO, TypeVar

from crrl.errors import CrrlError

T = TypeVar("T")
_AHEAD = 8
"""Jobs for each worker that are begun before their turn."""


def in_order(pool: ThreadPoolExecutor, jobs: Iterable[Callable[[], T]], *, ahead: int) -> Iterator[T]:
    """Yields what each job returns. At most `ahead` jobs are begun before their turn, so memory stays flat."""
    waiting: deque[Future[T]] = deque()
    for job in jobs:
        waiting.append(pool.submit(job))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def in_threads(jobs: Iterable[Callable[[], T]], workers: int) -> Iterator[T]:
    """As `in_order`, with threads of its own: for jobs that wait for other programs."""
    with _threads(workers) as pool:
        yield from in_order(pool, jobs, ahead=_AHEAD * workers)


def in_processes(jobs: Iterable[partial[T]], workers: int) -> Iterator[T]:
    """As `in_order`, in Python processes of its own: for jobs that compute. One worker: in this process.

    A job is a partial of a module's function, and it and its result can be pickled. What a job raises is raised here.
    The processes are started anew, not forked: whoever calls this needs no `if __name__ == "__main__"`, may have threads, and
    pays nothing for what it has imported. Cost: the start of a Python each, and pickling.
    """
    if workers == 1:
        yield from (job() for job in jobs)
        return
    with ExitStack() as stack:
        idle: SimpleQueue[_Process] = SimpleQueue()
        for _ in range(workers):
            idle.put(stack.enter_context(_process()))
        pool = stack.enter_context(_threads(workers))

        def run(job: partial[T]) -> T:
            process = idle.get()
            try:
                return process.run(job)
            finally:
                idle.put(process)

        yield from in_order(pool, (partial(run, job) for job in jobs), ahead=_AHEAD * workers)


@contextmanager
def _threads(workers: int) -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(workers)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


class _Process:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def run(self, job: partial[T]) -> T:
        given, got = self._process.stdin, self._process.stdout
        assert given is not None and got is not None
        try:
            pickle.dump(job, given)
            given.flush()
            is_well, value = pickle.load(got)
        except (OSError, EOFError) as error:
            raise CrrlError(
                f"a process that helps to build data ended with code {self._process.wait()}; its last words are above"
            ) from error
        if not is_well:
            raise value
        result: T = value
        return result


@contextmanager
def _process() -> Iterator[_Process]:
    path = [entry for entry in sys.path if entry]
    command = [sys.executable, "-c", f"import sys; sys.path[:] = {path!r}; from {__name__} import serve; serve()"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    try:
        yield _Process(process)
    finally:
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
        process.kill()
        process.wait()


def serve() -> None:
    """The other end: run jobs from standard input until it ends. What a job prints goes to standard error."""
    given, got = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while (job := _next(given)) is not None:
        try:
            answer: tuple[bool, object] = (True, job())
        except Exception as error:
            answer = (False, error)
        pickle.dump(answer, got)
        got.flush()


def _next(given: IO[bytes]) -> Callable[[], object] | None:
    try:
        job: Callable[[], object] = pickle.load(given)
        return job
    except EOFError:
        return None
