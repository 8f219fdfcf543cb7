"""A tree before and after a human fix → a repair task."""

from __future__ import annotations

import json

from crrl.data.changes import changed_paths
from crrl.data.groups import files_group
from crrl.data.prompts import repair_prompt
from crrl.data.rows import Dropped, Item, Sourced, content_key
from crrl.schema import NO_TESTS, Files, TaskRow, rows_from_files


def repair_item(before: Files, after: Files, *, provenance: dict[str, str], where: str) -> Item:
    """The repair task of one fix, in the groups of the files that it changes; or why it makes none.

    Args:
        before, after: two different trees, of the same part of the source.
        provenance: `repo`, `commit` and `subject` at least; kept as JSON in the task's `source`.
    """
    if not before:
        return Dropped(where, "only adds files")
    if not after:
        return Dropped(where, "deletes every file")
    subject = provenance["subject"]
    task: TaskRow = {
        "task_id": f"{provenance['repo']}@{provenance['commit'][:12]}",
        "kind": "repair",
        "prompt": repair_prompt(subject, before),
        "files": rows_from_files(before),
        "reference": rows_from_files(after),
        "tests": NO_TESTS,
        "label": "",
        "source": json.dumps(provenance, ensure_ascii=False),
    }
    task["task_id"] += f"-{content_key(task)[:8]}"  # a commit may come in parts; equal parts are told by their content
    return Sourced(task, where, files_group(provenance["repo"], changed_paths(before, after)))
