"""Work in threads whose results come in the order in which the work was given."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def in_order(pool: ThreadPoolExecutor, jobs: Iterable[Callable[[], T]], *, ahead: int) -> Iterator[T]:
    """Yields what each job returns. At most `ahead` jobs are begun before their turn, so memory stays flat."""
    waiting: deque[Future[T]] = deque()
    for job in jobs:
        waiting.append(pool.submit(job))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
