"""The lines of metrics.jsonl as W&B gets them, read while the file grows, or is cut back."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

MAIN_STAGE, HELDOUT = "grpo", "heldout"


class Entry(NamedTuple):
    """One line."""

    number: int
    """Its place in the file, from 0: W&B's step."""
    stage: str
    step: int
    """The optimizer step of the stage."""
    values: dict[str, float]


class GrowingMetrics:
    """metrics.jsonl, read further each time.

    A resumed run cuts the file back to its checkpoint and measures the steps after it again: to the same numbers, so what was
    read is not read again. A last line without an end is still being written, and waits.
    """

    def __init__(self, path: Path, first: int = 0) -> None:
        """`first`: the number of the first line to read."""
        self._path = path
        self._next = first
        self._file = (0, 0)
        self._offset = 0
        self._seen = 0

    def new(self) -> Iterator[Entry]:
        """The lines that were not read yet."""
        try:
            stream = self._path.open("rb")
        except FileNotFoundError:
            return
        with stream:
            self._find_place(stream)
            for line in stream:
                if not line.endswith(b"\n"):
                    return
                self._offset += len(line)
                number, self._seen = self._seen, self._seen + 1
                if number >= self._next and (entry := _entry(number, line)):
                    self._next = number + 1
                    yield entry

    def _find_place(self, stream: BinaryIO) -> None:
        status = os.fstat(stream.fileno())
        file = (status.st_dev, status.st_ino)
        if file != self._file or status.st_size < self._offset:
            self._file, self._offset, self._seen = file, 0, 0
        stream.seek(self._offset)


def record_of(entry: Entry) -> dict[str, float]:
    """What W&B gets: the numbers by the names of docs/metrics.md; those of the warm start, which has steps of its own, apart."""
    if entry.stage in (MAIN_STAGE, HELDOUT):
        return {"step": entry.step, **entry.values}
    return {f"{entry.stage}/{name}": value for name, value in {"step": entry.step, **entry.values}.items()}


def count_entries(path: Path) -> int:
    """How many whole lines a metrics file has."""
    return path.read_bytes().count(b"\n") if path.is_file() else 0


def _entry(number: int, line: bytes) -> Entry | None:
    """None for a line that a killed process left damaged."""
    try:
        values = json.loads(line)
        stage, step = str(values.pop("stage")), int(values.pop("step"))
    except (ValueError, KeyError, AttributeError):
        return None
    return Entry(number, stage, step, values)
