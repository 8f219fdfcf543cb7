"""Many waits at once, whose results come as they are there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import TypeVar

Result = TypeVar("Result")


def as_they_come(act: Callable[[int], Result], count: int, at_once: int) -> Iterator[tuple[int, Result]]:
    """(i, act(i)) for i from 0 to `count` - 1, each as soon as it is there, from at most `at_once` threads.

    The first failure is raised; what was not begun by then never is. The threads are daemons: a process that ends does not
    wait for answers that nobody reads any more, as it would for those of an executor.
    """
    waiting: SimpleQueue[int] = SimpleQueue()
    for number in range(count):
        waiting.put(number)
    finished: SimpleQueue[tuple[int, Result, None] | tuple[int, None, BaseException]] = SimpleQueue()

    def work() -> None:
        while True:
            try:
                number = waiting.get_nowait()
            except Empty:
                return
            try:
                finished.put((number, act(number), None))
            except BaseException as error:  # it is raised where the results are read
                finished.put((number, None, error))

    for _ in range(min(count, at_once)):
        threading.Thread(target=work, daemon=True).start()
    try:
        for _ in range(count):
            number, result, failure = finished.get()
            if failure is not None:
                raise failure
            yield number, result  # type: ignore[misc]  # there is a result where there is no failure
    finally:
        while not waiting.empty():
            try:
                waiting.get_nowait()
            except Empty:
                break
