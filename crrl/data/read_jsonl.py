"""A file of JSON lines, plain or gzip, one object at a time, each with its row number."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from crrl.data.rows import BadRow
from crrl.errors import DataError

MAX_ROW_BYTES = 256 * 1024 * 1024
_GZIP_MAGIC = b"\x1f\x8b"


def read_jsonl(path: Path) -> Iterator[tuple[str, dict[str, Any]] | BadRow]:
    """Yields (where, object) for each row, or a BadRow for a line that holds none.

    `where` is "FILE row N", N the 1-based line; blank lines are passed over. A file that cannot be read further (a
    truncated or damaged gzip) ends with a BadRow. Raises DataError if the file cannot be opened.

    Cost: linear; holds one line at a time, of at most 256 MiB.
    """
    row = 0
    try:
        with open_bytes(path) as handle:
            while line := handle.readline(MAX_ROW_BYTES + 1):
                row += 1
                where = f"{path.name} row {row}"
                if len(line) > MAX_ROW_BYTES:
                    yield BadRow(where, f"longer than {MAX_ROW_BYTES} bytes; the file cannot be read beyond it")
                    return
                if line.strip():
                    yield _parse(where, line)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        yield BadRow(
            f"{path.name} row {row + 1}", f"the gzip file is damaged or cut off here ({error}); the rest is lost"
        )
    except OSError as error:
        raise DataError(f"{path.name} row {row + 1}: cannot be read ({error.strerror or error})") from error


def open_bytes(path: Path) -> IO[bytes]:
    """A file's bytes, unpacked if it is gzip (told by its content, not its name). Raises DataError if there is none."""
    if not path.is_file():
        raise DataError(f"{path}: no such file; give a .jsonl or .jsonl.gz file")
    with path.open("rb") as probe:
        packed = probe.read(2) == _GZIP_MAGIC
    return cast(IO[bytes], gzip.open(path, "rb")) if packed else path.open("rb")


def file_digest(path: Path) -> str:
    """SHA-256 of a file as it lies there. Raises DataError if it cannot be read."""
    try:
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two values with one name, JSON readers keep the last and lose the first: that is no sound row."""
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} is there twice in one object")
    return value


def _parse(where: str, line: bytes) -> tuple[str, dict[str, Any]] | BadRow:
    try:
        value = json.loads(line.decode("utf-8"), object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        return BadRow(where, f"invalid UTF-8 at byte {error.start}")
    except (ValueError, RecursionError) as error:
        return BadRow(where, f"invalid JSON: {error}")
    if not isinstance(value, dict):
        return BadRow(where, f"a row is a JSON object, not a {type(value).__name__}")
    return where, value
