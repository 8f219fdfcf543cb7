"""The real bug fixes that benchmarks read: one file beside the repository, given with --data."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from crrl.schema import Files

DEFAULT = Path(__file__).resolve().parents[1] / "../shared/data/bugfix-commits.jsonl.gz"


def read_fixes(path: Path, rows: int = 0) -> Iterator[tuple[Files, Files]]:
    """Yields (before, after) of each fix; ends the process with one line if there is no such file."""
    if not path.is_file():
        sys.exit(
            f"there are no fixes in {path}; give a .jsonl.gz of rows with `before` and `after` (path: text) with --data"
        )
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        for index, line in enumerate(stream):
            if rows and index == rows:
                return
            row = json.loads(line)
            yield row["before"], row["after"]
