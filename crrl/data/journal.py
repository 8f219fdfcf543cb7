"""What a build found out so far, kept on disk so that one that was killed goes on where it was.

JSON lines of a key and a value, in one file. A line counts once it is whole; what was cut off, or mixed up by two processes that
wrote on a file system without appending in one piece, is found out again.
"""

from __future__ import annotations

import copy
import errno
import json
import os
import threading
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")


class _Place(NamedTuple):
    """Of a line in the file, in bytes."""

    start: int
    length: int


class Journal:
    """Key → what was found. Made for many threads: what one of them is looking for, the others wait for.

    Memory: the keys; values are read when they are asked for.
    """

    def __init__(self, path: Path | None) -> None:
        """`path`: the file, which need not be there yet; None: nothing is kept."""
        self._path = path
        self._prefix = ""
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._known = dict(_places(path)) if path else {}

    def part(self, name: str) -> Journal:
        """The same journal, for keys of somebody's own."""
        part = copy.copy(self)
        part._prefix = f"{self._prefix}{name} "
        return part

    def get(self, key: str, find: Callable[[], T]) -> T:
        """What is known under a key, else what `find` returns, which is then kept. Values are what JSON holds.

        Raises OSError if the file cannot be written.
        """
        if self._path is None:
            return find()
        key = self._prefix + key
        with self._lock:
            own = self._locks.setdefault(key, threading.Lock())
        with own:
            return _read(self._path, self._known[key]) if key in self._known else self._keep(self._path, key, find())

    def remove(self) -> None:
        """Forget everything: what was built of it is whole."""
        self._known.clear()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _keep(self, path: Path, key: str, value: T) -> T:
        line = json.dumps([key, value]).encode() + b"\n"
        with self._lock:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a+b", buffering=0) as file:
                _append(file, line)
                self._known[key] = _Place(file.tell() - len(line), len(line))  # others may have written before it
        return value


NOTHING_KEPT = Journal(None)


def _append(file: FileIO, line: bytes) -> None:
    """In one piece, at the beginning of a line. Raises OSError if the disk is full."""
    if (end := file.seek(0, os.SEEK_END)) > 0:
        file.seek(end - 1)
        if file.read(1) != b"\n":  # a build was killed in the middle of a line
            line = b"\n" + line
    if file.write(line) != len(line):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _places(path: Path) -> Iterator[tuple[str, _Place]]:
    """Every key with the place of its line."""
    try:
        with path.open("rb") as file:
            start = 0
            for line in file:
                if key := _key(line):
                    yield key, _Place(start, len(line))
                start += len(line)
    except FileNotFoundError:
        return


def _key(line: bytes) -> str:
    """Of a whole line; "" of any other."""
    try:
        key, _ = json.loads(line) if line.endswith(b"\n") else ("", None)
    except (ValueError, TypeError):
        return ""
    return key if isinstance(key, str) else ""


def _read(path: Path, place: _Place) -> Any:
    with path.open("rb") as file:
        file.seek(place.start)
        return json.loads(file.read(place.length))[1]
