"""Which tasks lie in one split together: said by their source, kept in each row, understood again from a built file."""

from __future__ import annotations

import hashlib
import json
import re

from crrl.schema import TaskRow, provenance_of

_KEY = re.compile(r"[0-9a-f]{16}")


def group_key(group: str) -> str:
    """A short hash of a group's name. Of such a hash it is the hash itself, so a row that is read again keeps its split."""
    return group if _KEY.fullmatch(group) else hashlib.sha256(group.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def group_of(task: TaskRow) -> str:
    """The group that a task's `source` names; "" if it names none."""
    return str(provenance_of(task["source"]).get("group") or "")


def with_group(task: TaskRow, group: str) -> TaskRow:
    """The task with its group's key in its `source`; as it is without a group, or where the group is there."""
    if not group or group_key(group_of(task)) == group_key(group):
        return task
    provenance = provenance_of(task["source"]) or {"source": task["source"]}
    return {**task, "source": json.dumps({**provenance, "group": group_key(group)}, ensure_ascii=False)}
