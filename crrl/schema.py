"""The words of the domain as types. Imports nothing heavy; everything else imports this."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NotRequired, TypedDict

Files = Mapping[str, str]
"""A (part of a) source tree: relative POSIX path → text."""

Kind = Literal["repair", "implement", "classify"]
KINDS: tuple[Kind, ...] = ("repair", "implement", "classify")


class Message(TypedDict):
    role: str
    content: str


Prompt = list[Message]
Completion = str | Sequence[Mapping[str, Any]]
"""A model's raw text, plain or as chat messages (the last one is the model's)."""


class FileRow(TypedDict):
    """One file of a tree as a dataset row stores it."""

    path: str
    text: str


class TestsRow(TypedDict):
    """How a task's program is judged: test files, the command that runs them, its time limit.

    `fail_to_pass` and `pass_to_pass` are optional and hold test ids (docs/rewards.md): what the program before the repair
    fails and the repaired one passes, and what both pass. Absent, None and empty mean the same; read them with `.get`.
    """

    files: list[FileRow]
    command: list[str]
    timeout_s: float
    fail_to_pass: NotRequired[list[str] | None]
    pass_to_pass: NotRequired[list[str] | None]


class TaskRow(TypedDict):
    """One training example. Absent parts are empty, never missing.

    `source` says where it came from (a name, or JSON with provenance).
    """

    task_id: str
    kind: Kind
    prompt: Prompt
    files: list[FileRow]
    reference: list[FileRow]
    tests: TestsRow
    label: str
    source: str


def files_from_rows(rows: Sequence[FileRow]) -> dict[str, str]:
    """Dataset form → tree."""
    return {row["path"]: row["text"] for row in rows}


def rows_from_files(files: Files) -> list[FileRow]:
    """Tree → dataset form, in the tree's own order."""
    return [{"path": path, "text": text} for path, text in files.items()]


def provenance_of(source: str) -> dict[str, Any]:
    """What a task's `source` says of its origin, where it is JSON; empty where it is a name."""
    try:
        provenance = json.loads(source) if source.startswith("{") else {}
    except (ValueError, RecursionError):
        return {}
    return provenance if isinstance(provenance, dict) else {}


def pair_of(source: str) -> str:
    """What the two tasks of a pair share, from the `pair` of their `source`; "" if there is none.

    {"pair": "owner/name@1f3a…/parse", "repo": …}       → owner/name@1f3a…/parse
    """
    return str(provenance_of(source).get("pair") or "")


NO_TESTS: TestsRow = {"files": [], "command": [], "timeout_s": 0.0}
