"""What tests said about programs, remembered in memory and on disk, by content.

On disk are a few files of lines, `<cache folder>/tests/<host>-<process>-<number>`: each process appends to its own, with
one write a line, so nothing is locked and a process that dies leaves at most one broken line, which no reader believes.
What other processes found is read once, when the first result is asked for. The oldest files go when all together are too
large.
"""

from __future__ import annotations

import hashlib
import os
import threading
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from crrl.cache import cache_root
from crrl.rewards.recent import RecentByHash

KEPT_IN_MEMORY = 200_000
FILE_BYTES = 2_000_000
ALL_BYTES = 20_000_000
"""About 300,000 results."""
_KEY_BYTES, _CHECK_BYTES = 16, 4


class KeptResults:
    """Key → score in [0, 1]. Never raises: a cache that cannot be read or written is none."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder`: where; None: `tests` in the cache folder of the time of the first use."""
        self._folder = folder
        self._memory: RecentByHash[bytes, float] = RecentByHash(KEPT_IN_MEMORY)
        self._lock = threading.Lock()
        self._own: Path | None = None
        self._is_read = False

    def get(self, key: bytes) -> float | None:
        """The score kept for a key of 16 bytes; None if there is none."""
        self._read_once()
        return self._memory.get(key)

    def put(self, key: bytes, score: float) -> None:
        """Keep a score."""
        self._memory.put(key, score)
        with self._lock, suppress(OSError):
            self._append(_line(key, score))

    def _read_once(self) -> None:
        with self._lock:
            if self._is_read:
                return
            self._is_read = True
            with suppress(OSError):
                for path in reversed(self._newest_that_fit()):  # the newest last: they are forgotten last
                    with suppress(OSError):
                        for key, score in _read(path.read_bytes()):
                            self._memory.put(key, score)

    def _append(self, line: bytes) -> None:
        own = self._own
        if own is None or own.stat().st_size + len(line) > FILE_BYTES:
            own = self._own = self._new_file()
        with own.open("ab", buffering=0) as stream:
            stream.write(line)

    def _new_file(self) -> Path:
        place = self._place()
        place.mkdir(parents=True, exist_ok=True)
        keep = set(self._newest_that_fit())
        for path in place.iterdir():
            if path not in keep:
                path.unlink(missing_ok=True)
        path = place / f"{os.uname().nodename}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        path.touch()
        return path

    def _newest_that_fit(self) -> list[Path]:
        """The files, newest first, as many as may stay beside a new one."""
        stats = [(path.stat(), path) for path in self._place().iterdir() if path.is_file()]
        stats.sort(key=lambda pair: (-pair[0].st_mtime, pair[1].name))
        kept, size = [], FILE_BYTES
        for stat, path in stats:
            size += stat.st_size
            if size <= ALL_BYTES:
                kept.append(path)
        return kept

    def _place(self) -> Path:
        return self._folder or cache_root() / "tests"


def _line(key: bytes, score: float) -> bytes:
    body = f"{key.hex()} {score!r}".encode()
    return body + b" " + _check(body) + b"\n"


def _check(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_CHECK_BYTES).hexdigest().encode()


def _read(data: bytes) -> Iterator[tuple[bytes, float]]:
    for line in data.split(b"\n"):
        body, _, check = line.rpartition(b" ")
        if not body or check != _check(body):
            continue
        digits, _, score = body.partition(b" ")
        with suppress(ValueError):
            yield bytes.fromhex(digits.decode()), float(score)
