"""Two small bounded memories, so that the rewards of one step share their work."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K")
H = TypeVar("H", bound=Hashable)
V = TypeVar("V")


class RecentByEquality(Generic[K, V]):
    """The last few values by a key that is compared, not hashed: rows of a dataset.

    Comparing is cheap where hashing is not: rows of another task differ at once, and those of the same task hold strings
    that are equal, often identical.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._pairs: list[tuple[K, V]] = []  # newest last
        self._lock = Lock()

    def get(self, key: K, build: Callable[[], V]) -> V:
        """The value kept for a key equal to `key`, or else what `build` returns (an exception is passed on, not kept)."""
        with self._lock:
            for index in range(len(self._pairs) - 1, -1, -1):
                pair = self._pairs[index]
                if pair[0] == key:
                    if index != len(self._pairs) - 1:
                        self._pairs.append(self._pairs.pop(index))
                    return pair[1]
        value = build()
        with self._lock:
            self._pairs.append((key, value))
            del self._pairs[: -self._size]
        return value


class RecentByHash(Generic[H, V]):
    """The values used last, by key, as many as fit a total weight."""

    def __init__(self, total_weight: int) -> None:
        self._free = total_weight
        self._values: OrderedDict[H, tuple[V, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: H) -> V | None:
        """The value kept for `key`, now the newest; None if there is none."""
        with self._lock:
            found = self._values.get(key)
            if found is None:
                return None
            self._values.move_to_end(key)
            return found[0]

    def put(self, key: H, value: V, weight: int = 1) -> None:
        """Keep `value`; the oldest give way until all weights fit. A value heavier than everything is not kept."""
        with self._lock:
            if key in self._values:
                self._free += self._values.pop(key)[1]
            self._values[key] = (value, weight)
            self._free -= weight
            while self._free < 0:
                self._free += self._values.popitem(last=False)[1][1]
