"""The `jsonl` source: a file of task rows, or of before/after pairs, plain or gzip.

    {"task_id", "kind", "prompt", "files", "reference", "tests", "label", "source"}        a task row
    {"repo", "commit", "subject", "before": {path: text}, "after": {path: text}}           a pair

The form of each row is told from its columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from crrl.data.check_row import RowError, checked_pair, checked_task, is_pair
from crrl.data.groups import group_of
from crrl.data.pairs import repair_item
from crrl.data.paths import local_path
from crrl.data.read_jsonl import file_digest, read_jsonl
from crrl.data.rows import BadRow, Item, SeenKeys, Sourced
from crrl.errors import ConfigError


@dataclass(frozen=True)
class JsonlOptions:
    """What the `jsonl` source is told."""

    path: Annotated[
        str,
        "jsonl: the .jsonl or .jsonl.gz file; commits: a git repository's folder; mutations, stack: a folder of Python "
        "code; stack, primevul, swe: files of rows, their folder, or a data set of the hub as OWNER/NAME",
    ] = ""

    def __post_init__(self) -> None:
        if not self.path:
            raise ConfigError("the source jsonl needs path=FILE.jsonl or FILE.jsonl.gz")

    @property
    def file(self) -> Path:
        """The file, `~` spelled out."""
        return local_path(self.path)


def items(options: JsonlOptions) -> Iterator[Item]:
    """Yields a task or what is wrong, for each row of the file, in its order. Raises DataError if there is no file."""
    with closing(SeenKeys()) as seen:
        for read in read_jsonl(options.file):
            yield read if isinstance(read, BadRow) else _item(*read, seen)


def identity(options: JsonlOptions) -> str:
    """Changes whenever the file does."""
    return file_digest(options.file)


def _item(where: str, row: Mapping[str, Any], seen: SeenKeys) -> Item:
    try:
        if is_pair(row):
            provenance = {"repo": row.get("repo"), "commit": row.get("commit"), "subject": row.get("subject")}
            before, after = checked_pair(row)
            return repair_item(before, after, provenance=provenance, where=where)  # type: ignore[arg-type]
        task = checked_task(row)
    except RowError as problem:
        return BadRow(where, str(problem))
    if not seen.add(task["task_id"]):
        return BadRow(where, f"duplicate task_id {task['task_id']!r}")
    return Sourced(task, where, group_of(task))
