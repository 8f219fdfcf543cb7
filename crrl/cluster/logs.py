"""The logs of a run's processes: which there are, their last lines, and what is new in them."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from crrl.report.run_folder import RunFolder

_BLOCK_BYTES = 64 * 1024


def log_files(folder: RunFolder, attempt: int, role: str = "") -> list[Path]:
    """The logs of an attempt, of one role or of all, by name. Where nobody asked for stacks, their file is empty."""
    found = (folder.logs / str(attempt)).glob(f"{role or '*'}-*.log")
    return sorted(path for path in found if path.stat().st_size or not path.name.startswith("stacks-"))


def known_attempts(folder: RunFolder) -> list[int]:
    """The attempts that have logs."""
    return sorted(int(path.name) for path in folder.logs.glob("*") if path.name.isdecimal())


def last_lines(path: Path, count: int) -> list[str]:
    """The last lines of a file, without reading all of a long one."""
    with path.open("rb") as stream:
        position = stream.seek(0, os.SEEK_END)
        blocks: deque[bytes] = deque()
        while position > 0 and sum(block.count(b"\n") for block in blocks) <= count:
            size = min(_BLOCK_BYTES, position)
            position = stream.seek(position - size)
            blocks.appendleft(stream.read(size))
    return b"".join(blocks).decode("utf-8", "replace").splitlines()[-count:] if count else []


class LogReader:
    """Prints whole new lines of growing files; those of several are told apart by the file's name before each line."""

    def __init__(self, output: TextIO) -> None:
        self._output = output
        self._positions: dict[Path, int] = {}

    def start_at_end(self, paths: Sequence[Path]) -> None:
        """Leave out what is in the files now."""
        for path in paths:
            self._positions[path] = path.stat().st_size

    def print_new(self, paths: Sequence[Path], *, is_last: bool = False) -> None:
        """Print what is new. `is_last`: also a last line without an end."""
        for path in paths:
            with path.open("rb") as stream:
                stream.seek(self._positions.get(path, 0))
                new = stream.read()
            whole = new if is_last else new[: new.rfind(b"\n") + 1]
            self._positions[path] = self._positions.get(path, 0) + len(whole)
            lines = whole.decode("utf-8", "replace").splitlines(keepends=True)
            before = f"{path.stem}: " if len(paths) > 1 else ""
            self._output.write("".join(f"{before}{line}" for line in lines))
        self._output.flush()
