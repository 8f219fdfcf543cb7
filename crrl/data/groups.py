"""Which tasks lie in one split together: said by their source, kept in each row, understood again from a built file."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable

from crrl.schema import TaskRow, provenance_of

KEY_MARK = "#"
"""Tells a key from a name that happens to be 16 hexadecimal digits: a counter, a time in microseconds."""
_KEYS = re.compile(rf"{KEY_MARK}[0-9a-f]{{16}}( {KEY_MARK}[0-9a-f]{{16}})*")


def group_key(group: str) -> str:
    """A short hash of a group's name, marked. Of such a key it is the key itself, so a row that is read again keeps its split.

    Of several keys, as `files_group` gives them, it is these.
    """
    if _KEYS.fullmatch(group):
        return group
    return KEY_MARK + hashlib.sha256(group.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def files_group(repo: str, paths: Iterable[str]) -> str:
    """The groups of a fix, one for each file that it changes, with blanks between them.

    A later fix of a file shows what earlier ones made of it, so all fixes of a file must lie in one split. Which one is known
    by the file's own name, whatever other files a fix changes: tasks come as a stream. The owner of a repository is no part
    of the name, so that a file of a fork lies where it does in the original.
    """
    name = repo.rpartition("/")[2]
    return " ".join(sorted(group_key(f"{name}\n{path}") for path in paths))


def group_of(task: TaskRow) -> str:
    """The group that a task's `source` names; "" if it names none."""
    return str(provenance_of(task["source"]).get("group") or "")


def with_group(task: TaskRow, group: str) -> TaskRow:
    """The task with its group's key in its `source`; as it is without a group, or where the group is there."""
    if not group or group_key(group_of(task)) == group_key(group):
        return task
    provenance = provenance_of(task["source"]) or {"source": task["source"]}
    return {**task, "source": json.dumps({**provenance, "group": group_key(group)}, ensure_ascii=False)}
