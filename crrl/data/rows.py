"""What a source yields: a task with the place it came from, a row that is left out, or a row that is wrong.

A wrong row is a value, not an exception, so that a source can go on after it when the user allows bad rows.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from crrl.data.groups import KEY_MARK, group_key
from crrl.schema import TaskRow, pair_of

WITH_ANOTHER = "goes with another task that is left out"
OTHER_SPLIT = "in the other split"
BOTH_SPLITS = "changes files of both splits"
ELSEWHERE = (OTHER_SPLIT, BOTH_SPLITS)
"""Why a task is left out that `--split all` keeps."""


@dataclass(frozen=True)
class Sourced:
    """A task, and where it was found (file and row, or repository and commit)."""

    task: TaskRow
    where: str
    group: str = ""
    """Tasks of one group, like the halves of a pair, lie in one split; "": the task's own content decides.

    Where it is several (`files_group`), the task lies in a split only if all of them do.
    """

    @property
    def split_key(self) -> str:
        """What decides the split: a hash, or several with blanks between them."""
        return group_key(self.group) if self.group else split_key(self.task)

    @property
    def parts(self) -> tuple[Sourced, ...]:
        """As of a `Together`: itself."""
        return (self,)


@dataclass(frozen=True)
class Together:
    """Tasks that are all kept or all left out, like the halves of a pair."""

    parts: tuple[Sourced, ...]


@dataclass(frozen=True)
class Dropped:
    """A sound row that makes no task, and why. The reason is a category: rows are counted by it."""

    where: str
    reason: str


@dataclass(frozen=True)
class BadRow:
    """A row that must not exist: it stops the build, unless bad rows are allowed."""

    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


Found = Sourced | Together
Item = Found | Dropped | BadRow
Single = Sourced | Dropped | BadRow


def single_as_dict(item: Single) -> dict[str, Any]:
    """As JSON can hold it; `single_from_dict` reads it."""
    return {"type": type(item).__name__, **vars(item)}


def single_from_dict(values: dict[str, Any]) -> Single:
    """The item that `single_as_dict` wrote."""
    types: dict[str, type[Single]] = {kind.__name__: kind for kind in (Sourced, Dropped, BadRow)}
    return types[values["type"]](**{name: value for name, value in values.items() if name != "type"})


def left_out(item: Found, outs: Sequence[Dropped | BadRow | None]) -> list[Item]:
    """Why each task of an item is left out, where at least one has a reason of its own."""
    return [out or Dropped(part.where, WITH_ANOTHER) for part, out in zip(item.parts, outs, strict=True)]


def with_pairs(items: Iterable[Item]) -> Iterator[Item]:
    """The items, but two tasks in a row that name the same `pair` in their `source` come as one. One task is held."""
    first: Sourced | None = None
    for item in items:
        pair = pair_of(item.task["source"]) if isinstance(item, Sourced) else ""
        if first and isinstance(item, Sourced) and pair == pair_of(first.task["source"]):
            yield Together((first, item))
            first = None
            continue
        if first:
            yield first
        first = item if isinstance(item, Sourced) and pair else None
        if not first:
            yield item
    if first:
        yield first


def content_key(task: TaskRow) -> str:
    """The same for two tasks that ask for the same change, whatever they are called and wherever they come from."""
    content: dict[str, Any] = {"kind": task["kind"], "files": _sorted(task, "files")}
    if task["reference"]:
        content["reference"] = _sorted(task, "reference")
    else:
        content |= {"prompt": task["prompt"], "tests": task["tests"], "label": task["label"]}
    return _digest(content)


def split_key(task: TaskRow) -> str:
    """What decides a task's split. Equal content has an equal key, so no content is in two splits.

    A repair is known by its broken files alone: two fixes of the same bug never part.
    """
    if task["kind"] == "repair" and task["files"]:
        return _digest(_sorted(task, "files"))
    return content_key(task)


def split_of(key: str, heldout_share: float) -> str:
    """`train` or `heldout`, by a hash (hexadecimal) or a group's key: the same in every build, whatever else the source holds."""
    return "heldout" if int(key.removeprefix(KEY_MARK)[:8], 16) / 2**32 < heldout_share else "train"


def splits_of(keys: str, heldout_share: float) -> set[str]:
    """The splits of one hash, or of several with blanks between them."""
    return {split_of(key, heldout_share) for key in keys.split()}


def _sorted(task: TaskRow, column: str) -> list[tuple[str, str]]:
    return sorted((row["path"], row["text"]) for row in task[column])  # type: ignore[literal-required]


def _short(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:16]


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


class SeenKeys:
    """A set of strings that lives in a temporary file beyond its first megabytes, so that memory stays flat.

    Cost: about 5 µs a key. The file is private and vanishes when the object is closed or the process ends.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)  # "": a temporary database on disk
        self._database.execute("PRAGMA cache_size = -4096")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE seen (key BLOB PRIMARY KEY) WITHOUT ROWID")

    def add(self, key: str) -> bool:
        """Remember a key; False if it was there already."""
        return self._database.execute("INSERT OR IGNORE INTO seen VALUES (?)", (_short(key),)).rowcount == 1

    def __contains__(self, key: str) -> bool:
        return self._database.execute("SELECT 1 FROM seen WHERE key = ?", (_short(key),)).fetchone() is not None

    def close(self) -> None:
        self._database.close()
