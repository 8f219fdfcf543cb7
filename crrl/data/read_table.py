"""Rows of published data sets: JSON lines, plain or gzip, and parquet; a file or a folder of them. One row is held at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from crrl.data.read_jsonl import file_digest, read_jsonl
from crrl.data.rows import BadRow
from crrl.errors import DataError

PATTERNS = ("*.jsonl", "*.jsonl.gz", "*.parquet", "data.json", "*/data.json")
"""What files of rows are called. the-stack-smol calls its JSON lines data.json; any other .json may be something else."""
_SAID = "*.jsonl, *.jsonl.gz, *.parquet, data.json"
_BATCH_ROWS = 64
"""Parquet hands out rows in batches; a row of these sets holds whole files."""


def table_files(path: Path) -> list[Path]:
    """The files that rows are read from: the file itself, or every such file of a folder, by name.

    Raises DataError if there are none.
    """
    if path.is_file():
        if not _holds_rows(path):
            raise DataError(f"{path}: is no file of rows; those are called {_SAID}")
        return [path]
    files = sorted(file for file in path.rglob("*") if _holds_rows(file) and file.is_file())
    if not files:
        raise DataError(f"{path}: holds no file of rows ({_SAID})")
    return files


def read_tables(files: Sequence[Path], columns: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]] | BadRow]:
    """Yields (where, row) for each row of the files, in their order, or a BadRow.

    `where` is "FILE row N", from 1. Columns that are not asked for are not read from parquet; whether
    those that were are there is for `missing_columns` to say.

    Raises:
        DataError: a file cannot be opened, or is no whole parquet file.

    Cost: linear; memory does not grow with the number of rows.
    """
    for file in files:
        yield from _read_parquet(file, columns) if file.suffix == ".parquet" else read_jsonl(file)


def tables_digest(files: Sequence[Path]) -> str:
    """Changes whenever a file of rows does."""
    return hashlib.sha256("".join(file_digest(file) for file in files).encode()).hexdigest()


def missing_columns(row: dict[str, Any], needed: Sequence[str], form: str) -> str:
    """What to say of a row that lacks columns of a published form; "" if it has all."""
    if lacking := [column for column in needed if row.get(column) is None]:
        has = ", ".join(sorted(row)) or "none"
        return f"column {lacking[0]} is missing; a row of {form} has {', '.join(needed)}, this one has {has}"
    return ""


def _holds_rows(file: Path) -> bool:
    return any(fnmatchcase(file.as_posix(), pattern) for pattern in PATTERNS)


def _read_parquet(file: Path, columns: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]] | BadRow]:
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    try:
        with pq.ParquetFile(file) as table:
            known = [name for name in table.schema_arrow.names if name in columns] if columns else None
            number = 0
            # use_threads: else pyarrow reads ahead; memory then depends on the number of cores
            for batch in table.iter_batches(_BATCH_ROWS, columns=known, use_threads=False):
                for row in batch.to_pylist():
                    number += 1
                    yield f"{file.name} row {number}", row
    except (pa.ArrowInvalid, pa.ArrowException, OSError) as error:
        first = str(error).strip().partition("\n")[0]
        raise DataError(
            f"{file}: is no whole parquet file ({first}); a download that broke off must be repeated"
        ) from error
